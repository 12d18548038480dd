//! What an account demands of the connection: the REQUIRE clause.

use core::fmt;

use alloc::string::String;

use crate::sql::text_literal;

/// The REQUIRE clause of an account. Every variant but `None` demands TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Requirement {
    /// Anything goes.
    #[default]
    None,
    /// The connection is under TLS. A Unix socket without TLS does not do.
    Ssl,
    /// The client showed a certificate that a named CA vouches for.
    X509,
    /// As `X509`, and what is named here is so. MySQL asks for the certificate even where only the cipher is named, and
    /// so does Sealwire.
    Specified {
        /// The cipher by OpenSSL's or IANA's name, compared with case.
        cipher: Option<String>,
        /// The whole issuer of the certificate in slash form, `/C=FI/O=Example/CN=CA`.
        issuer: Option<String>,
        /// The whole subject of the certificate in slash form.
        subject: Option<String>,
    },
}

impl Requirement {
    /// Whether a connection without TLS can never satisfy it.
    pub const fn needs_tls(&self) -> bool {
        !matches!(self, Self::None)
    }
}

impl fmt::Display for Requirement {
    /// The clause as SHOW prints it, in the order ISSUER, SUBJECT, CIPHER; reading it gives the same requirement.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REQUIRE")?;
        match self {
            Self::None => f.write_str(" NONE"),
            Self::Ssl => f.write_str(" SSL"),
            // Nothing named leaves what Specified always asks for.
            Self::X509 | Self::Specified { cipher: None, issuer: None, subject: None } => f.write_str(" X509"),
            Self::Specified { cipher, issuer, subject } => {
                for (word, value) in [("ISSUER", issuer), ("SUBJECT", subject), ("CIPHER", cipher)] {
                    if let Some(value) = value {
                        write!(f, " {word} {}", text_literal(value))?;
                    }
                }
                Ok(())
            }
        }
    }
}
