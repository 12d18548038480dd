//! Copies of a server's files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use rustix::fs::OFlags;
use sealwire_binlog::{Event, EventFlags, EventType, MAGIC};

/// The fewest digits of a log file's number.
const DIGITS: usize = 6;

/// Writes the files, named as on the server behind a prefix.
#[derive(Debug)]
pub(super) struct RawFiles {
    prefix: PathBuf,
    /// The name in front of the files' numbers; `None` before the first file, where none was asked for.
    base: Option<String>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    name: Vec<u8>,
    path: PathBuf,
    file: BufWriter<File>,
    /// Whether the format was written.
    has_format: bool,
}

impl RawFiles {
    /// `asked` is the name of the file that the user asks for.
    pub(super) fn new(prefix: Option<PathBuf>, asked: Option<&str>) -> Self {
        let base = asked.and_then(|name| base_of(name)).map(str::to_owned);
        Self { prefix: prefix.unwrap_or_default(), base, current: None }
    }

    /// Begins the file of this name, unless it is the current one.
    pub(super) fn begin(&mut self, name: &[u8]) -> Result<(), String> {
        if self.current.as_ref().is_some_and(|current| current.name == name) {
            return Ok(());
        }
        self.finish()?;
        // A server must choose neither the folder nor a file that others read, such as `.profile`.
        let file = String::from_utf8_lossy(name).into_owned();
        let base = base_of(&file).filter(|base| self.base.as_deref().is_none_or(|own| own == *base));
        let Some(base) = base else {
            return Err(format!(
                "the server names a file '{}', which is no file of the log that was asked for: nothing was written to it",
                file.escape_debug()
            ));
        };
        self.base = Some(base.to_owned());
        let mut path = self.prefix.clone().into_os_string();
        path.push(&file);
        let path = PathBuf::from(path);
        let told = |error: std::io::Error| format!("'{}' can't be written: {error}", path.display());
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().write(true).create(true).truncate(true).custom_flags(flags).open(&path);
        let mut file = BufWriter::new(file.map_err(told)?);
        file.write_all(&MAGIC).map_err(told)?;
        self.current = Some(Current { name: name.to_vec(), path, file, has_format: false });
        Ok(())
    }

    /// Appends an event. Events that the server made for the stream are in no file.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let kind = event.header.event_type;
        let is_format = kind == EventType::FORMAT_DESCRIPTION;
        let is_made = event.header.flags.contains(EventFlags::ARTIFICIAL)
            || matches!(kind, EventType::HEARTBEAT | EventType::HEARTBEAT_V2)
            || is_format && current.has_format;
        if is_made {
            return Ok(());
        }
        current.has_format |= is_format;
        let written = current.file.write_all(event.bytes).and_then(|()| current.file.flush());
        written.map_err(|error| format!("'{}' can't be written: {error}", current.path.display()))
    }

    /// Ends the current file.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let Some(mut current) = self.current.take() else { return Ok(()) };
        current.file.flush().map_err(|error| format!("'{}' can't be written: {error}", current.path.display()))
    }
}

/// The name of a log in a file's name, which is that name, a dot, and a number; `None` for a file that is none of a log.
fn base_of(file: &str) -> Option<&str> {
    let (base, number) = file.rsplit_once('.')?;
    let is_number = number.len() >= DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = !base.is_empty()
        && !base.starts_with('.')
        && !base.contains(|letter: char| letter == '/' || letter.is_control());
    (is_number && is_plain).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_chooses_no_file_but_those_of_its_log() {
        let place = tempfile::tempdir().unwrap();
        let prefix = PathBuf::from(format!("{}/", place.path().display()));
        for asked in [None, Some("bin.000001")] {
            let mut files = RawFiles::new(Some(prefix.clone()), asked);
            for name in [
                "",
                ".",
                "..",
                ".profile",
                ".000001",
                "bin",
                "bin.",
                "bin.1",
                "bin.00000x",
                "../bin.000001",
                "/tmp/bin.000001",
                "a/bin.000001",
                "bin\n.000001",
                "bin.000001\0",
                "\u{1b}[2J.000001",
                ".bash.000001",
            ] {
                let error = files.begin(name.as_bytes()).unwrap_err();
                assert!(error.contains("no file of the log"), "{name:?}: {error}");
            }
            files.begin(b"bin.000001").unwrap();
            files.begin(b"bin.1000000").unwrap();
            assert!(files.begin(b"other.000001").is_err(), "another log's file");
            files.finish().unwrap();
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
        let target = place.path().join("target");
        std::fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, place.path().join("bin.000002")).unwrap();
        assert!(RawFiles::new(Some(prefix), None).begin(b"bin.000002").is_err());
        assert_eq!(std::fs::read_to_string(target).unwrap(), "kept");
    }
}
