//! Reads that a signal does not end.
//!
//! The kernel ends a read with EINTR when it stops and continues the process (a debugger, a frozen container), if the socket has a time
//! limit: signal(7). `read_exact` and `read_to_end` of the standard library read again; a single `read` or `peek` does not.

use std::io::{self, ErrorKind, Read, Write};
use std::ops::{Deref, DerefMut};

/// Calls again as long as a signal interrupts the call.
pub fn restart<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// A stream whose reads and writes are called again when a signal interrupts them.
#[derive(Debug)]
pub struct Restarting<S>(pub S);

impl<S> Deref for Restarting<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S> DerefMut for Restarting<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.0
    }
}

impl<S: Read> Read for Restarting<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        restart(|| self.0.read(buffer))
    }
}

impl<S: Write> Write for Restarting<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        restart(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        restart(|| self.0.flush())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each second call is interrupted.
    struct Interrupted {
        calls: usize,
    }

    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls % 2 == 1 {
                return Err(ErrorKind::Interrupted.into());
            }
            buffer.fill(7);
            Ok(buffer.len())
        }
    }

    #[test]
    fn an_interrupted_read_is_called_again() {
        let mut stream = Restarting(Interrupted { calls: 0 });
        let mut bytes = [0; 3];
        assert_eq!(stream.read(&mut bytes).unwrap(), 3);
        assert_eq!((bytes, stream.calls), ([7; 3], 2));
    }

    #[test]
    fn another_error_is_returned() {
        let outcome: io::Result<()> = restart(|| Err(ErrorKind::TimedOut.into()));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
