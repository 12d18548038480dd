//! `--ssl-mode`.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::TlsError;

/// How strictly a client insists on TLS, with MySQL's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disabled,
    /// TLS if the server offers it, otherwise plaintext.
    Preferred,
    /// TLS is required, but the server's certificate is not checked.
    Required,
    /// As `Required`, and the server's certificate must chain to a configured CA.
    VerifyCa,
    /// As `VerifyCa`, and the certificate must carry the host's name.
    VerifyIdentity,
}

impl SslMode {
    /// Every mode, from the least to the most strict.
    pub const ALL: [Self; 5] = [Self::Disabled, Self::Preferred, Self::Required, Self::VerifyCa, Self::VerifyIdentity];

    /// MySQL's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "DISABLED",
            Self::Preferred => "PREFERRED",
            Self::Required => "REQUIRED",
            Self::VerifyCa => "VERIFY_CA",
            Self::VerifyIdentity => "VERIFY_IDENTITY",
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SslMode {
    type Err = TlsError;

    /// Parses MySQL's spelling; case is ignored.
    fn from_str(text: &str) -> Result<Self, TlsError> {
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            let names: alloc::vec::Vec<&str> = Self::ALL.iter().map(|mode| mode.name()).collect();
            let names: String = names.join(", ");
            TlsError::Config(alloc::format!("'{text}' is no ssl-mode; the modes are {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn modes_are_read_in_any_case_and_written_as_mysql_does() {
        for mode in SslMode::ALL {
            assert_eq!(mode.to_string().to_lowercase().parse(), Ok(mode));
        }
        assert!(SslMode::Required < SslMode::VerifyCa);
    }

    #[test]
    fn an_unknown_mode_names_the_known_ones() {
        let error = "VERIFY".parse::<SslMode>().unwrap_err().to_string();
        assert!(error.contains("'VERIFY'") && error.contains("VERIFY_IDENTITY"), "{error}");
    }
}
