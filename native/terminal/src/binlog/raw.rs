//! Copies of a server's files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sealwire_binlog::{Event, EventFlags, EventType, MAGIC};

/// Writes the files, named as on the server behind a prefix.
#[derive(Debug)]
pub(super) struct RawFiles {
    prefix: PathBuf,
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
    pub(super) fn new(prefix: Option<PathBuf>) -> Self {
        Self { prefix: prefix.unwrap_or_default(), current: None }
    }

    /// Begins the file of this name, unless it is the current one.
    pub(super) fn begin(&mut self, name: &[u8]) -> Result<(), String> {
        if self.current.as_ref().is_some_and(|current| current.name == name) {
            return Ok(());
        }
        self.finish()?;
        // A server must not choose the folder.
        let base = String::from_utf8_lossy(name).into_owned();
        let plain = Path::new(&base).file_name().is_some_and(|last| last == base.as_str());
        if !plain {
            return Err(format!("the server names a file '{}', which is no file's name", base.escape_debug()));
        }
        let mut path = self.prefix.clone().into_os_string();
        path.push(&base);
        let path = PathBuf::from(path);
        let told = |error: std::io::Error| format!("'{}' can't be written: {error}", path.display());
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(told)?;
        let mut file = BufWriter::new(file);
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
