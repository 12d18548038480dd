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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn only_none_lives_without_tls() {
        assert!(!Requirement::None.needs_tls());
        for clause in ["REQUIRE SSL", "REQUIRE X509", "REQUIRE CIPHER 'x'"] {
            assert!(clause.parse::<Requirement>().unwrap().needs_tls(), "{clause}");
        }
    }

    #[test]
    fn what_display_writes_reads_back_the_same() {
        let texts =
            [None, Some("/C=FI/CN=a"), Some("it's \\ \"q\" `b`\n\t\r\0\u{1a} é"), Some("-- /* # */"), Some("%_\\%")];
        for plain in [Requirement::None, Requirement::Ssl, Requirement::X509] {
            assert_eq!(plain.to_string().parse(), Ok(plain));
        }
        for cipher in texts {
            for issuer in texts {
                for subject in texts {
                    let [cipher, issuer, subject] = [cipher, issuer, subject].map(|text| text.map(String::from));
                    if cipher.is_none() && issuer.is_none() && subject.is_none() {
                        continue;
                    }
                    let requirement = Requirement::Specified { cipher, issuer, subject };
                    assert_eq!(requirement.to_string().parse(), Ok(requirement));
                }
            }
        }
    }

    #[test]
    fn display_orders_issuer_subject_cipher_without_and() {
        let requirement: Requirement = "REQUIRE CIPHER 'c' AND SUBJECT 's' ISSUER 'i'".parse().unwrap();
        assert_eq!(requirement.to_string(), "REQUIRE ISSUER 'i' SUBJECT 's' CIPHER 'c'");
    }
}
