//! Certificates: makes a set under MySQL's file names ([`generate`]), issues and revokes with an existing CA ([`Authority`]), and says in
//! plain words what is wrong with a set ([`check`]).
//!
//! ```
//! let directory = tempfile::tempdir()?;
//! let made = sealwire_certs::generate(directory.path(), &sealwire_certs::Options::default())?;
//! assert!(made.server_cert.ends_with("server-cert.pem"));
//! let report = sealwire_certs::check(&[made.ca, made.server_cert, made.server_key], None, std::time::SystemTime::now())?;
//! assert!(report.problems().next().is_none());
//! // Existing files are never overwritten.
//! assert!(sealwire_certs::generate(directory.path(), &sealwire_certs::Options::default()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod check;
mod host;
mod list;
mod make;
mod parts;
mod place;
mod random;
mod renewal;

pub use authority::{Authority, Issuance, Issued, LIST_DAYS, Revocations};
pub use check::{Finding, Report, check, files_of};

pub use make::{KeyKind, Options, generate};
pub use place::directory_warning;
pub use renewal::{RenewedCa, renew_ca};
pub use sealwire_options::tls::Files;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use sealwire_net::files::unreadable;

/// Why certificates could not be made or read.
#[derive(Debug)]
pub enum CertsError {
    /// The file exists, and is left unchanged.
    Exists(PathBuf),
    /// A file or directory could not be read or written.
    Io {
        /// The operation, as `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The options ask for something impossible; the text says why.
    Impossible(String),
}

impl CertsError {
    fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), error }
    }
}

impl fmt::Display for CertsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => {
                write!(
                    f,
                    "'{}' exists and is not overwritten; choose another directory or move it away",
                    path.display()
                )
            }
            Self::Io { doing: doing @ "read", path, error } => {
                write!(f, "can't {doing} '{}': {}", path.display(), unreadable(path, error))
            }
            Self::Io { doing, path, error } => write!(f, "can't {doing} '{}': {error}", path.display()),
            Self::Impossible(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for CertsError {}
