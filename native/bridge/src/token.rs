//! The token that a client must present, in a file that is read again while the bridge runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::secret::Secret;
use sealwire_net::files::unreadable;
use sealwire_net::regular_file::{self, SMALL};
use sealwire_options::tls::open_to_others;
use subtle::ConstantTimeEq as _;

/// A file whose first line is the token. Clones share the token in use.
#[derive(Debug, Clone)]
pub struct TokenFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The option that names the file, without its dashes.
    option: &'static str,
    path: PathBuf,
    token: Mutex<Token>,
}

impl TokenFile {
    /// Reads the token in the file that `--option` names.
    ///
    /// # Errors
    /// A sentence that names option and file, and shows nothing of the file's contents.
    pub fn open(option: &'static str, path: &Path) -> Result<Self, String> {
        let token = Mutex::new(read(option, path)?);
        Ok(Self(Arc::new(Inner { option, path: path.to_owned(), token })))
    }

    /// Reads the file again. New clients must present the new token; those that are connected stay.
    ///
    /// # Errors
    /// As for [`open`](Self::open); the token in use stays.
    pub fn reload(&self) -> Result<(), String> {
        let token = read(self.0.option, &self.0.path)?;
        *self.0.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Ok(())
    }

    /// Reads the file again because of SIGHUP, and logs the result in one line.
    pub fn reload_on_signal(&self) {
        if let Err(error) = self.reload() {
            tracing::warn!("Received SIGHUP: the token stays as it was: {error}");
            return;
        }
        if let Some(warning) = self.warning() {
            tracing::warn!("{warning}");
        }
        let path = self.0.path.display();
        sealwire_net::log::system(&format!(
            "Received SIGHUP: the token in '{path}' was read again; new clients need it"
        ));
    }

    /// A warning where other users can read the token's file.
    pub fn warning(&self) -> Option<String> {
        open_to_others("token", &self.0.path.display().to_string(), "use it to connect")
    }

    /// Whether this is the token in use.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        self.0.token.lock().unwrap_or_else(PoisonError::into_inner).is(given)
    }
}

fn read(option: &str, path: &Path) -> Result<Token, String> {
    let wrong = |why: String| format!("option '--{option}': can't use '{}': {why}", path.display());
    let text = regular_file::read_text(path, SMALL).map_err(|error| wrong(unreadable(path, &error)))?;
    Token::parse(&text).map_err(wrong)
}

#[derive(Debug)]
struct Token(Secret);

impl Token {
    /// The least length of a token, because a shorter one can be guessed.
    const LEAST: usize = 16;

    /// Parses the token in the first line of a file's text.
    ///
    /// # Errors
    /// Why the text is no token.
    fn parse(text: &str) -> Result<Self, String> {
        let token = text.lines().next().unwrap_or_default().trim();
        // A subprotocol is a token of RFC 7230, so only these bytes arrive both in the header and in the subprotocol.
        let may = |c: char| c.is_ascii_alphanumeric() || "-._~+!#$%&'*^`|".contains(c);
        match token {
            _ if token.len() < Self::LEAST => Err(format!("its first line has less than {} characters", Self::LEAST)),
            _ if !token.chars().all(may) => {
                Err("its first line has characters that a WebSocket subprotocol can't have: use letters, digits, '-' and '_'"
                    .to_owned())
            }
            _ => Ok(Self(Secret::from(token))),
        }
    }

    /// Compares in a time that depends on the length alone.
    fn is(&self, given: &[u8]) -> bool {
        self.0.expose().ct_eq(given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_compared_whole() {
        let token = Token::parse("0123456789abcdef\nmore\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in [&b"0123456789abcdeF"[..], b"0123456789abcde", b"0123456789abcdef0", b""] {
            assert!(!token.is(wrong));
        }
        assert_eq!(format!("{token:?}"), "Token(Secret(…))");
        assert!(Token::parse("short").unwrap_err().contains("16"));
        assert!(Token::parse("0123456789 abcdef").unwrap_err().contains("characters"));
    }

    #[test]
    fn a_file_that_can_not_be_used_leaves_the_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let file = TokenFile::open("token-file", &path).unwrap();
        std::fs::write(&path, "short\n").unwrap();
        let error = file.reload().unwrap_err();
        assert!(error.starts_with("option '--token-file': can't use '") && !error.contains("short"), "{error}");
        assert!(file.clone().is(b"0123456789abcdef"));
        std::fs::write(&path, "fedcba9876543210\n").unwrap();
        file.clone().reload().unwrap();
        assert!(file.is(b"fedcba9876543210") && !file.is(b"0123456789abcdef"));
    }
}
