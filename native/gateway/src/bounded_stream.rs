//! A connection to a server whose reads end in time, for the probe and the checks.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A stream whose reads end in time. The time covers all reads since [`restart`](Self::restart), because a server that sends a byte now
/// and then would hold its reader for ever.
#[derive(Debug)]
pub(super) struct BoundedStream {
    stream: TcpStream,
    time: Duration,
    /// The option that sets the time, for the error.
    option: &'static str,
    /// `None` until the first read.
    until: Cell<Option<Instant>>,
}

impl BoundedStream {
    pub(super) const fn new(stream: TcpStream, time: Duration, option: &'static str) -> Self {
        Self { stream, time, option, until: Cell::new(None) }
    }

    /// Gives the next answer the whole time.
    pub(super) fn restart(&self) {
        self.until.set(None);
    }
}

impl Read for BoundedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let now = Instant::now();
        let until = self.until.get().or_else(|| now.checked_add(self.time)).unwrap_or(now);
        self.until.set(Some(until));
        let silent = || io::Error::other(format!("no answer within {:?} ({})", self.time, self.option));
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            return Err(silent());
        }
        self.stream.set_read_timeout(Some(left))?;
        match self.stream.read(buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(silent()),
            other => other,
        }
    }
}

impl Write for BoundedStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
