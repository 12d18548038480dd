//! The names of a certificate set's files in a data directory.

use std::path::{Path, PathBuf};

/// The paths of a certificate set, by MySQL's file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `ca.pem`
    pub ca: PathBuf,
    /// `ca-key.pem`
    pub ca_key: PathBuf,
    /// `server-cert.pem`
    pub server_cert: PathBuf,
    /// `server-key.pem`
    pub server_key: PathBuf,
    /// `client-cert.pem`
    pub client_cert: PathBuf,
    /// `client-key.pem`
    pub client_key: PathBuf,
}

impl Files {
    /// The paths of a set in that directory; the files need not exist.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            ca_key: directory.join("ca-key.pem"),
            server_cert: directory.join("server-cert.pem"),
            server_key: directory.join("server-key.pem"),
            client_cert: directory.join("client-cert.pem"),
            client_key: directory.join("client-key.pem"),
        }
    }

    /// All six paths.
    pub const fn all(&self) -> [&PathBuf; 6] {
        [&self.ca, &self.ca_key, &self.server_cert, &self.server_key, &self.client_cert, &self.client_key]
    }
}
