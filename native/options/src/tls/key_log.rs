//! Session keys for Wireshark, in the file that the environment variable `SSLKEYLOGFILE` names.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::OFlags;
use rustls::KeyLog;
use zeroize::Zeroizing;

use crate::variable;

/// The file that the environment variable `SSLKEYLOGFILE` names, which receives session keys for Wireshark. A reader of the file can
/// decrypt the connections.
pub fn key_log_file() -> Option<PathBuf> {
    variable("SSLKEYLOGFILE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The key log in that file, which only its owner may read.
pub(super) fn key_log() -> Result<Option<Arc<dyn KeyLog>>, String> {
    let Some(path) = key_log_file() else { return Ok(None) };
    open(&path).map(|log| Some(Arc::new(log) as Arc<dyn KeyLog>))
}

/// Opens the log once, so that another file put in its place later gets no keys.
fn open(path: &Path) -> Result<Log, String> {
    let wrong = |what: &dyn fmt::Display| {
        format!(
            "environment variable 'SSLKEYLOGFILE': can't write '{}': {what}; unset it for no key log",
            path.display()
        )
    };
    let user = rustix::process::geteuid().as_raw();
    // Another user's link could lead to any file of this user.
    let follows = fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink() && [0, user].contains(&link.uid()));
    let flags = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
    let mut options = OpenOptions::new();
    options.append(true).create(!follows).mode(0o600).custom_flags(flags.bits().cast_signed());
    let file = options.open(path).map_err(|error| wrong(&error))?;
    let metadata = file.metadata().map_err(|error| wrong(&error))?;
    if let Some(what) = is_open_to_others(&metadata, user, path) {
        return Err(wrong(&what));
    }
    Ok(Log { path: path.to_owned(), file: Mutex::new(file) })
}

/// Why other users could read the keys, or have put the file there. A terminal or `/dev/null` is fine, because it stores no keys.
fn is_open_to_others(metadata: &Metadata, user: u32, path: &Path) -> Option<String> {
    if metadata.file_type().is_char_device() {
        return None;
    }
    let mode = metadata.mode() & 0o777;
    if metadata.uid() != user {
        return Some(format!("it belongs to another user (number {}), who could read the sessions", metadata.uid()));
    }
    if metadata.is_file() && metadata.nlink() != 1 {
        return Some("it has a second name, by a hard link, which may be that of another file".to_owned());
    }
    (mode & 0o077 != 0).then(|| {
        format!(
            "it has mode {mode:04o}, so that others can read or change it, and anybody who has it can read sessions: run 'chmod 600 {}'",
            path.display()
        )
    })
}

struct Log {
    path: PathBuf,
    file: Mutex<File>,
}

impl KeyLog for Log {
    /// Writes a line in the format of NSS. A full disk loses lines, and the connection goes on.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = Zeroizing::new(Vec::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 3));
        line.extend(label.bytes());
        for bytes in [client_random, secret] {
            line.push(b' ');
            for byte in bytes {
                line.extend(
                    [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }),
                );
            }
        }
        line.push(b'\n');
        _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn lines_are_as_wireshark_reads_them_in_a_file_of_ones_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let log = open(&path).unwrap();
        log.log("CLIENT_RANDOM", &[0x0a, 0xff], &[0x12]);
        open(&path).unwrap().log("X", &[], &[9]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "CLIENT_RANDOM 0aff 12\nX  09\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(!format!("{log:?}").contains("12"), "it shows the path alone");
    }

    #[test]
    fn what_others_can_read_or_write_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        fs::write(&path, "").unwrap();
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        for mode in [0o666, 0o644, 0o620, 0o602, 0o640] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            for path in [&path, &link] {
                let error = open(path).unwrap_err();
                assert!(error.starts_with("environment variable 'SSLKEYLOGFILE': can't write '"), "{error}");
                assert!(error.contains(&format!("it has mode {mode:04o}")) && error.contains("chmod 600"), "{error}");
            }
        }
        assert!(open(Path::new("/dev/null")).is_ok());
        // A link makes no file where it leads.
        let nowhere = directory.path().join("nowhere");
        let dangling = directory.path().join("dangling");
        symlink(&nowhere, &dangling).unwrap();
        assert!(open(&dangling).is_err() && !nowhere.exists());
    }

    #[test]
    fn a_file_with_a_second_name_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (path, name) = (directory.path().join("file"), directory.path().join("keys"));
        drop(open(&path).unwrap());
        fs::hard_link(&path, &name).unwrap();
        let error = open(&name).unwrap_err();
        assert!(error.contains("it has a second name"), "{error}");
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        drop(open(&path).unwrap());
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(is_open_to_others(&metadata, metadata.uid(), &path), None);
        let reason = is_open_to_others(&metadata, metadata.uid() + 1, &path).unwrap();
        assert!(reason.contains("belongs to another user"), "{reason}");
    }
}
