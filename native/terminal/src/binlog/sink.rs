//! The output: standard output or a file, written in pieces.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use super::super::output::{self, Output};
use super::options::PROGRAM;

/// The bytes that are collected before they are written.
const PIECE: usize = 64 * 1024;

/// Where the output goes.
pub(super) struct Sink {
    buffer: Vec<u8>,
    to: To,
    name: String,
}

enum To {
    Terminal(Output),
    File(File),
}

impl Sink {
    /// Standard output, or a new file.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, String> {
        let (to, name) = match path {
            None => (To::Terminal(Output::of_process()), "standard output".to_owned()),
            Some(path) => {
                let file =
                    File::create(path).map_err(|error| format!("'{}' can't be created: {error}", path.display()))?;
                (To::File(file), format!("'{}'", path.display()))
            }
        };
        Ok(Self { buffer: Vec::new(), to, name })
    }

    /// The output that is not written yet.
    pub(super) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what was collected, if it is much.
    pub(super) fn flush_some(&mut self) -> Result<(), String> {
        if self.buffer.len() < PIECE { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), String> {
        let written = match &mut self.to {
            To::Terminal(output) => output.write_all(&self.buffer),
            To::File(file) => file.write_all(&self.buffer),
        };
        self.buffer.clear();
        written.map_err(|error| self.told(&error))
    }

    /// Writes everything.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        self.write()?;
        let flushed = match &mut self.to {
            To::Terminal(output) => output.flush(),
            To::File(file) => file.flush(),
        };
        flushed.map_err(|error| self.told(&error))
    }

    /// Empty where the reader of a pipe has gone, because it has seen enough.
    fn told(&self, error: &io::Error) -> String {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return String::new();
        }
        format!("{} can't be written: {error}", self.name)
    }
}

/// Prints a line to standard error, behind the program's name.
pub(super) fn report(text: &str) {
    output::report(&format!("{}: {text}", PROGRAM.name));
}
