//! The REQUIRE clause of an account: its demands on the connection.

use core::fmt;

use alloc::string::String;

use crate::facts::TlsVersion;
use crate::sql::text_literal;

/// The REQUIRE clause of an account. Every variant except `None` demands TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Requirement {
    /// No demand.
    #[default]
    None,
    /// The connection must use TLS. A Unix socket without TLS is not enough.
    Ssl,
    /// The client must present a certificate that a trusted CA issued.
    X509,
    /// As `X509`, and the given values must match. As in MySQL, the client must present a certificate even if only the cipher is given; a
    /// version alone demands none.
    Specified {
        /// The cipher, with OpenSSL's or IANA's name; case matters.
        cipher: Option<String>,
        /// The complete issuer of the certificate in slash form, `/C=FI/O=Example/CN=CA`.
        issuer: Option<String>,
        /// The complete subject of the certificate in slash form.
        subject: Option<String>,
        /// One of the certificate's URIs, such as a SPIFFE id. The clause is TiDB's: `SAN 'URI:spiffe://example.org/app'`.
        uri: Option<String>,
        /// The oldest version of TLS: `VERSION 'TLSv1.3'`.
        version: Option<TlsVersion>,
    },
}

impl Requirement {
    /// Whether a connection without TLS can never meet the requirement.
    pub const fn needs_tls(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Whether only a client with a certificate meets the requirement.
    pub const fn needs_certificate(&self) -> bool {
        match self {
            Self::None | Self::Ssl => false,
            Self::X509 => true,
            Self::Specified { cipher, issuer, subject, uri, version } => {
                let has_other = cipher.is_some() || issuer.is_some() || subject.is_some() || uri.is_some();
                has_other || version.is_none()
            }
        }
    }

    /// Whether the clause has parts that MySQL and MariaDB do not know.
    pub const fn is_beyond_mysql(&self) -> bool {
        matches!(self, Self::Specified { uri: Some(_), .. } | Self::Specified { version: Some(_), .. })
    }
}

impl fmt::Display for Requirement {
    /// Formats the clause as SHOW does, in the order ISSUER, SUBJECT, CIPHER, SAN, VERSION. Parsing it gives the same requirement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REQUIRE")?;
        match self {
            Self::None => f.write_str(" NONE"),
            Self::Ssl => f.write_str(" SSL"),
            // With no value given, only the demand for a certificate remains.
            Self::X509 | Self::Specified { cipher: None, issuer: None, subject: None, uri: None, version: None } => {
                f.write_str(" X509")
            }
            Self::Specified { cipher, issuer, subject, uri, version } => {
                for (word, value) in [("ISSUER", issuer), ("SUBJECT", subject), ("CIPHER", cipher)] {
                    if let Some(value) = value {
                        write!(f, " {word} {}", text_literal(value))?;
                    }
                }
                if let Some(uri) = uri {
                    write!(f, " SAN {}", text_literal(&alloc::format!("URI:{uri}")))?;
                }
                version.map_or(Ok(()), |version| write!(f, " VERSION '{}'", version.name()))
            }
        }
    }
}
