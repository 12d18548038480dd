//! The inputs and outputs of the state machines, the same for client and server.

use alloc::vec::Vec;
use core::time::Duration;

/// The current time, which the driver supplies, because the state machines read no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// A clock that never goes back. The driver chooses its zero. Deadlines refer to this clock.
    pub monotonic: Duration,
    /// Time since the Unix epoch, for the validity periods of certificates.
    pub wall: Duration,
}

/// An input from the driver.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes from the transport. All are processed: the vector becomes empty but keeps its capacity.
    Bytes(&'a mut Vec<u8>),
    /// The peer sends no more bytes.
    Eof,
    /// The deadline of the last [`Output::Wait`] may have passed. An early call does no harm.
    Timeout,
}

/// An output for the driver.
#[derive(Debug)]
#[must_use]
pub enum Output<E> {
    /// Send the bytes in the vector that was passed to the poll, if any, and poll again. There may be none, because a server's connection
    /// decompresses large frames in steps, between which its driver can serve other connections.
    Transmit,
    /// An event for the application.
    Event(E),
    /// Wait for more input, a command, or this deadline on the monotonic clock.
    Wait(Option<Duration>),
}
