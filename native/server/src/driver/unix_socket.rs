//! The server's Unix socket, and its file.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mio::net::UnixListener;
use sealwire_net::files::unwritable;

/// The mode of the socket: every user may connect, and the accounts decide who may log in.
const SOCKET_MODE: u32 = 0o777;

/// The socket's file, which is removed when this is dropped, unless another file has replaced it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// The file's device and inode number.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && self.identity == identity(&self.path) {
            // The file may have been removed already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The device and inode number of the socket at that path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok().filter(|found| found.file_type().is_socket())?;
    Some((found.dev(), found.ino()))
}

/// Removes a socket that a killed server left behind.
fn remove_old(path: &Path) -> Result<(), String> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let kind = found.file_type();
    if !kind.is_socket() {
        let what = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_symlink() => "a symbolic link",
            () if kind.is_file() => "a file",
            () => "something else than a socket",
        };
        return Err(format!(
            "option '--socket': {} is {what}, which is not removed: name another path, or remove it yourself",
            path.display()
        ));
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(format!("Can't start server: another server is running on the socket {}", path.display()));
    }
    std::fs::remove_file(path).map_err(|error| format!("can't remove the old socket {}: {error}", path.display()))
}

/// Listens at the path.
///
/// # Errors
/// A sentence that names the path.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    remove_old(path)?;
    let listener = UnixListener::bind(path).map_err(|error| {
        let why = match error.kind() {
            ErrorKind::InvalidInput => format!("{error}; a socket's path has at most 107 bytes: give a shorter one"),
            _ => unwritable(path, &error),
        };
        format!("Can't start server: Bind on unix socket: option '--socket': {}: {why}", path.display())
    })?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))
        .map_err(|error| format!("can't set the mode of {}: {error}", path.display()))?;
    Ok((listener, SocketFile::new(path)))
}
