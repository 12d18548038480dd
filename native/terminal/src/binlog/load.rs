//! The files of LOAD DATA statements, whose contents come in pieces before the statement.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// The most files whose statements may still come.
const MOST_FILES: usize = 1024;
/// The most names that are tried for a file.
const MOST_NAMES: u32 = 100_000;

/// The files.
#[derive(Debug)]
pub(super) struct LoadFiles {
    folder: PathBuf,
    open: BTreeMap<u32, (PathBuf, File)>,
}

impl LoadFiles {
    /// Files in this folder.
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder, open: BTreeMap::new() }
    }

    /// Appends a piece to the file with this number, or begins the file.
    pub(super) fn append(&mut self, id: u32, data: &[u8], is_first: bool) -> Result<(), String> {
        if is_first {
            if self.open.len() >= MOST_FILES {
                return Err(format!("the log begins more than {MOST_FILES} LOAD DATA files that no statement uses"));
            }
            let file = self.create(id)?;
            self.open.insert(id, file);
        }
        // Without its beginning the file is useless, and its statement is left out.
        let Some((path, file)) = self.open.get_mut(&id) else { return Ok(()) };
        file.write_all(data).map_err(|error| format!("'{}' can't be written: {error}", path.display()))
    }

    /// Ends the file with this number, and returns its path; `None` if its beginning is not in the log.
    pub(super) fn finish(&mut self, id: u32) -> Result<Option<String>, String> {
        Ok(self.open.remove(&id).map(|(path, _)| path.display().to_string()))
    }

    fn create(&self, id: u32) -> Result<(PathBuf, File), String> {
        for number in 0..MOST_NAMES {
            let path = self.folder.join(format!("SQL_LOAD_MB-{id:x}-{number:x}"));
            // A file of others is never overwritten or followed.
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(format!(
                        "'{}', the file of a LOAD DATA statement, can't be created: {error}; name a folder of yours with --local-load",
                        path.display()
                    ));
                }
            }
        }
        Err(format!(
            "'{}' is full of files of LOAD DATA statements; name another folder with --local-load",
            self.folder.display()
        ))
    }
}
