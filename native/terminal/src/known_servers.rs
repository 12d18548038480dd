//! The certificates that the user has accepted, by host and port, like ssh's known hosts.
//!
//! The file has one line for each server: `host:port SHA256 AA:BB:…`. Other lines are ignored and kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sealwire_net::regular_file::{self, LARGE};

/// The file of accepted certificates.
#[derive(Debug, Clone)]
pub(crate) struct KnownServers {
    path: PathBuf,
}

impl KnownServers {
    /// The file at `path`, which need not exist.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// `$SEALWIRE_KNOWN_SERVERS`, else `sealwire/known_servers` in the user's configuration directory; `None` without a home.
    pub(crate) fn of_user(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("SEALWIRE_KNOWN_SERVERS")
            .or_else(|| set("XDG_CONFIG_HOME").map(|directory| directory.join("sealwire/known_servers")))
            .or_else(|| set("HOME").map(|home| home.join(".config/sealwire/known_servers")))
            .map(Self::at)
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The SHA-256 fingerprint that the user accepted for a server.
    pub(crate) fn fingerprint(&self, host: &str, port: u16) -> io::Result<Option<String>> {
        let text = match regular_file::read_text(&self.path, LARGE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = name(host, port);
        // The last line counts, because the user accepted it last.
        Ok(text.lines().rev().find_map(|line| {
            let mut words = line.split_whitespace();
            let found = words.next() == Some(name.as_str()) && words.next() == Some("SHA256");
            found.then(|| words.next().unwrap_or_default().to_owned())
        }))
    }

    /// Appends a fingerprint for a server.
    pub(crate) fn remember(&self, host: &str, port: u16, fingerprint: &str) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(format!("{} SHA256 {fingerprint}\n", name(host, port)).as_bytes())
    }
}

/// The name of a server in the file; an IPv6 address is in brackets.
fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_remembered_is_found_again_for_that_server_only() {
        let directory = tempfile::tempdir().unwrap();
        let known = KnownServers::at(directory.path().join("new/known_servers"));
        assert_eq!(known.fingerprint("db1", 3306).unwrap(), None);
        known.remember("DB1", 3306, "AA:BB").unwrap();
        known.remember("::1", 3306, "CC:DD").unwrap();
        assert_eq!(known.fingerprint("db1", 3306).unwrap().as_deref(), Some("AA:BB"));
        assert_eq!(known.fingerprint("::1", 3306).unwrap().as_deref(), Some("CC:DD"));
        assert_eq!(known.fingerprint("db1", 3307).unwrap(), None);
        known.remember("db1", 3306, "EE:FF").unwrap();
        assert_eq!(known.fingerprint("db1", 3306).unwrap().as_deref(), Some("EE:FF"));
        assert_eq!(fs::metadata(known.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_not_an_unknown_server() {
        let directory = tempfile::tempdir().unwrap();
        assert!(KnownServers::at(directory.path().to_owned()).fingerprint("db1", 3306).is_err());
    }

    #[test]
    fn the_place_is_the_variable_then_the_configuration_directory_then_the_home() {
        let path = |set: &'static [(&str, &str)]| {
            let variable =
                |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            KnownServers::of_user(variable).map(|known| known.path)
        };
        assert_eq!(path(&[("SEALWIRE_KNOWN_SERVERS", "/a"), ("HOME", "/h")]), Some("/a".into()));
        assert_eq!(path(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]), Some("/c/sealwire/known_servers".into()));
        assert_eq!(path(&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")]), Some("/h/.config/sealwire/known_servers".into()));
        assert_eq!(path(&[]), None);
    }
}
