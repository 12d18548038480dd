//! The end of a connection that this side closes: it reads until the peer has closed, too. Closing a socket with unread bytes resets the
//! connection, which discards an alert that the peer has not read yet.

use std::io::{ErrorKind, Result};
use std::time::Duration;

use super::clock;

/// The size of one read.
const PIECE: usize = 64 * 1024;

/// Whether the socket may be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The peer has closed or is gone, or its time is over.
    Over,
    /// The peer may still send bytes, and none is there now.
    Waits,
}

/// Reads and drops what the peer sends, until it closes, until nothing is there to be read, or until that time on the monotonic clock. `read`
/// gets the time that is left; a signal only repeats it.
pub fn read_to_the_end(until: Duration, mut read: impl FnMut(&mut [u8], Duration) -> Result<usize>) -> Closing {
    let mut discarded = vec![0; PIECE];
    loop {
        let left = until.saturating_sub(clock::monotonic());
        if left.is_zero() {
            return Closing::Over;
        }
        match read(&mut discarded, left) {
            Ok(0) => return Closing::Over,
            Ok(_) => {}
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Closing::Waits,
                _ => return Closing::Over,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Duration {
        clock::monotonic() + Duration::from_secs(60)
    }

    #[test]
    fn bytes_and_signals_do_not_end_it() {
        let mut answers = [Ok(0), Ok(7), Err(ErrorKind::Interrupted), Ok(1)].to_vec();
        let mut read = |_: &mut [u8], left: Duration| {
            assert!(left > Duration::ZERO && left <= Duration::from_secs(60));
            answers.pop().unwrap().map_err(Into::into)
        };
        assert_eq!(read_to_the_end(soon(), &mut read), Closing::Over);
        assert!(answers.is_empty(), "it read to the end");
    }

    #[test]
    fn it_waits_where_nothing_is_there_and_ends_with_an_error() {
        for (kind, expected) in [
            (ErrorKind::WouldBlock, Closing::Waits),
            (ErrorKind::TimedOut, Closing::Waits),
            (ErrorKind::ConnectionReset, Closing::Over),
        ] {
            assert_eq!(read_to_the_end(soon(), |_, _| Err(kind.into())), expected);
        }
    }

    #[test]
    fn a_peer_that_never_stops_sending_has_no_more_than_its_time() {
        let until = clock::monotonic() + Duration::from_millis(5);
        assert_eq!(read_to_the_end(until, |_, _| Ok(1)), Closing::Over);
        assert!(clock::monotonic() >= until);
    }
}
