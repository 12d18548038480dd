//! All output of the client: standard output, with a copy to the file of `tee`, and standard error.
//!
//! A terminal executes control characters, and most of the output is data from a server. Control characters are therefore escaped here, and
//! no other module writes to these streams (`tests/house` checks that). The one exception are results that go to a pipe or a file: mysql
//! writes them unchanged, and scripts rely on it.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use sealwire_core::printable;

/// Standard output with a copy to a file.
pub(crate) struct Output {
    screen: Box<dyn Write>,
    is_terminal: bool,
    tee: Option<(String, File)>,
    /// The command set by `pager`.
    pager: Option<String>,
    /// The pager process of the result that is being printed.
    page: Option<Child>,
    /// Why standard output took no more.
    failure: Option<io::Error>,
}

impl Output {
    /// The process's standard output.
    pub(crate) fn of_process() -> Self {
        Self::new(BufWriter::new(io::stdout()), io::stdout().is_terminal())
    }

    /// Output to `screen`. `is_terminal` says that it executes control characters, so they are escaped.
    pub(crate) fn new(screen: impl Write + 'static, is_terminal: bool) -> Self {
        Self { screen: Box::new(screen), is_terminal, tee: None, pager: None, page: None, failure: None }
    }

    /// Starts to append a copy of all output to a file.
    pub(crate) fn tee(&mut self, path: &str) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.tee = Some((path.to_owned(), file));
        Ok(())
    }

    /// Stops the copy.
    pub(crate) fn stop_tee(&mut self) {
        self.tee = None;
    }

    /// The file that receives the copy; empty for none.
    pub(crate) fn tee_path(&self) -> &str {
        self.tee.as_ref().map_or("", |(path, _)| path)
    }

    /// Sets the program that shows results; `None` for the terminal itself.
    pub(crate) fn set_pager(&mut self, command: Option<String>) {
        self.pager = command;
    }

    /// The program that shows results.
    pub(crate) fn pager(&self) -> &str {
        self.pager.as_deref().unwrap_or("stdout")
    }

    /// Begins a result, for which the pager is started.
    pub(crate) fn begin_page(&mut self) {
        let Some(command) = &self.pager else { return };
        // Earlier output must appear above the pager's.
        let _ = self.screen.flush();
        match Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::piped()).spawn() {
            Ok(child) => self.page = Some(child),
            Err(error) => report(&format!("WARNING: the pager '{command}' can't be started: {error}")),
        }
    }

    /// Ends the result: waits until the user quits the pager.
    pub(crate) fn end_page(&mut self) {
        if let Some(mut child) = self.page.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }

    /// Flushes what is left. Returns whether all output was written, and reports the error otherwise.
    pub(crate) fn finish(mut self) -> bool {
        // The error is kept.
        let _ = self.flush();
        self.failure.is_none_or(|error| {
            report_lost(&error);
            false
        })
    }

    /// Keeps the first error of standard output, because many callers can do nothing about it.
    fn kept(&mut self, written: io::Result<()>) -> io::Result<()> {
        written.inspect_err(|error| {
            let again = || error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            self.failure.get_or_insert_with(again);
        })
    }

    /// The width of the terminal in columns; `None` where the output is no terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = self.is_terminal.then(|| rustix::termios::tcgetwinsize(io::stdout())).and_then(Result::ok)?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }

    /// Data in the form that is printed, for callers that must know its width before they write it.
    pub(crate) fn shown<'a>(&self, data: &'a [u8]) -> Cow<'a, [u8]> {
        if self.is_terminal { printable::bytes(data) } else { Cow::Borrowed(data) }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = self.shown(bytes);
        match self.page.as_mut().and_then(|child| child.stdin.as_mut()) {
            // A write fails where the user has quit the pager before the end; the rest is discarded.
            Some(page) => drop(page.write_all(&shown)),
            None => {
                let written = self.screen.write_all(&shown);
                self.kept(written)?;
            }
        }
        if let Some((path, file)) = &mut self.tee
            && let Err(error) = file.write_all(&shown)
        {
            report(&format!("ERROR: '{path}' can't be written, and gets no more of the output: {error}"));
            self.tee = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.screen.flush();
        self.kept(flushed)
    }
}

/// Prints one or more lines to standard error.
pub(crate) fn report(text: &str) {
    // If standard error is closed, nobody can be told.
    let _ = io::stderr().write_all(format!("{}\n", printable::text(text)).as_bytes());
}

/// Reports that output is lost; not where the reader of a pipe has gone, because that reader has seen enough.
fn report_lost(error: &io::Error) {
    if error.kind() != io::ErrorKind::BrokenPipe {
        report(&format!("ERROR: standard output can't be written: {error}"));
    }
}

/// Prints a text to standard output outside of any result: a question, the options. Returns whether it was written, and reports the error
/// otherwise.
pub(crate) fn print(text: &str) -> bool {
    let mut out = io::stdout();
    let written = out.write_all(printable::text(text).as_bytes()).and_then(|()| out.flush());
    written.inspect_err(report_lost).is_ok()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn tee_appends_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "before ").unwrap();
        let mut output = Output::new(io::sink(), true);
        output.tee(path.to_str().unwrap()).unwrap();
        output.write_all(b"a result").unwrap();
        output.stop_tee();
        output.write_all(b"more").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before a result");
    }

    #[test]
    fn the_first_error_of_standard_output_is_kept() {
        let output = Output::new(io::sink(), false);
        assert!(output.finish());
        let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut output = Output::new(BufWriter::new(full()), false);
        // The buffer takes it.
        output.write_all(b"a result").unwrap();
        assert!(output.flush().is_err());
        assert_eq!(output.failure.as_ref().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
        assert!(!output.finish());
        // The error of a full tee is reported, and the screen goes on.
        let mut output = Output::new(io::sink(), false);
        output.tee("/dev/full").unwrap();
        output.write_all(b"a result").unwrap();
        assert_eq!(output.tee_path(), "");
        assert!(output.finish());
    }

    #[derive(Clone, Default)]
    struct Screen(Rc<RefCell<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_gets_no_control_character_and_a_pipe_the_data() {
        for (is_terminal, expected) in
            [(true, &b"\\x1B[2J\\x9B\\u{202E}\\x00\t\n"[..]), (false, b"\x1b[2J\xc2\x9b\xe2\x80\xae\0\t\n")]
        {
            let screen = Screen::default();
            let mut output = Output::new(screen.clone(), is_terminal);
            output.write_all("\x1b[2J\u{9b}\u{202e}\0\t\n".as_bytes()).unwrap();
            assert_eq!(*screen.0.borrow(), expected);
        }
    }
}
