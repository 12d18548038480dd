//! Where results go: standard output, and the file of `tee`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

/// Standard output with a copy into a file.
pub(crate) struct Output {
    screen: Box<dyn Write>,
    tee: Option<(String, File)>,
}

impl Output {
    /// Output to `screen`.
    pub(crate) fn new(screen: impl Write + 'static) -> Self {
        Self { screen: Box::new(screen), tee: None }
    }

    /// Starts to copy everything to the end of a file.
    pub(crate) fn tee(&mut self, path: &str) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.tee = Some((path.to_owned(), file));
        Ok(())
    }

    /// Stops copying.
    pub(crate) fn stop_tee(&mut self) {
        self.tee = None;
    }

    /// The file that is copied to; empty for none.
    pub(crate) fn tee_path(&self) -> &str {
        self.tee.as_ref().map_or("", |(path, _)| path)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.screen.write(bytes)?;
        if let Some((_, file)) = &mut self.tee {
            file.write_all(bytes.get(..written).unwrap_or_default())?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.screen.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tee_appends_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "before ").unwrap();
        let mut output = Output::new(io::sink());
        output.tee(path.to_str().unwrap()).unwrap();
        output.write_all(b"a result").unwrap();
        output.stop_tee();
        output.write_all(b"more").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before a result");
    }
}
