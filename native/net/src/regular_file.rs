//! Reads files that an operator names: whole, with a size limit, and without waiting for the writer of a pipe.

use std::fs::{self, FileType, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// The size limit of certificates, revocation lists, option files and scripts.
pub const LARGE: usize = 64 << 20;
/// The size limit of a secret. The buffer is allocated at once, because a growing buffer would leave copies of the secret in memory.
pub const SMALL: usize = 64 << 10;

/// Reads a whole file of at most `most` bytes.
///
/// # Errors
/// The system's error; also where the path is no regular file, or the file is larger.
pub fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    let is_given = is_given(path);
    let check = |kind: FileType| is_given || kind.is_file() || is_null(path, kind);
    let mut options = OpenOptions::new();
    options.read(true);
    if !is_given {
        // The type is checked before opening, because opening some devices has an effect.
        let kind = fs::metadata(path)?.file_type();
        if !check(kind) {
            return Err(wrong(kind));
        }
        // If a pipe has replaced the file since, opening must not wait for its writer.
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() || !check(metadata.file_type()) {
        return Err(wrong(metadata.file_type()));
    }
    let expected = usize::try_from(metadata.len()).unwrap_or(most).min(most);
    let mut content = Vec::with_capacity(if most <= SMALL { most } else { expected } + 1);
    file.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(content)
}

/// Reads a whole file of UTF-8 text.
///
/// # Errors
/// Those of [`read`]; also an error where the text is not UTF-8.
pub fn read_text(path: &Path, most: usize) -> Result<String> {
    let content = read(path, most)?;
    String::from_utf8(content).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whether the path means a descriptor that this process inherited: a shell's `<(command)` and `<file` are such pipes.
pub fn is_given(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd")
}

/// Whether the path is `/dev/null`, the usual name for an empty file.
fn is_null(path: &Path, kind: FileType) -> bool {
    kind.is_char_device() && path == Path::new("/dev/null")
}

fn wrong(kind: FileType) -> Error {
    let what = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Error::new(ErrorKind::InvalidInput, format!("it is {what}: give the path of a regular file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        read(path, LARGE).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_file_is_refused_at_once_and_named() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(refused(directory.path()), "it is a directory: give the path of a regular file");
        assert_eq!(refused(Path::new("/dev/zero")), "it is a device: give the path of a regular file");
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(refused(&pipe), "it is a named pipe: give the path of a regular file");
        let socket = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(refused(&socket), "it is a socket: give the path of a regular file");
        let error = read(&directory.path().join("none"), LARGE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, LARGE).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "it is larger than 4 bytes");
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path, 5).unwrap_err().to_string(), "it is not UTF-8 text");
        assert_eq!(read(Path::new("/dev/null"), LARGE).unwrap(), b"");
    }

    #[test]
    fn a_pipe_that_was_given_open_is_read() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (output, mut input) = std::io::pipe().unwrap();
        input.write_all(b"secret").unwrap();
        drop(input);
        let path = format!("/dev/fd/{}", output.as_raw_fd());
        assert_eq!(read(Path::new(&path), SMALL).unwrap(), b"secret");
    }
}
