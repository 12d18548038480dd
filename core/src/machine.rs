//! What goes into a machine and what comes out of it: the same for client and server.

use alloc::vec::Vec;
use core::time::Duration;

/// The time, as the driver tells it. The machines read no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// A clock that never goes back; its zero is the driver's choice. Deadlines are on this clock.
    pub monotonic: Duration,
    /// Time since the Unix epoch; certificates are judged by it.
    pub wall: Duration,
}

/// What the driver feeds.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes from the transport. All are taken: the vector is left empty, with its capacity.
    Bytes(&'a mut Vec<u8>),
    /// The peer will send no more.
    Eof,
    /// The deadline of the last [`Output::Wait`] may have passed; to call this early does no harm.
    Timeout,
}

/// What the driver gets when it polls.
#[derive(Debug)]
#[must_use]
pub enum Output<E> {
    /// Bytes for the transport were appended to the vector that was handed in, or none: a server's connection inflates large frames in
    /// steps, so that its driver can give others their turn, and goes on with the next poll.
    Transmit,
    /// Something for the application.
    Event(E),
    /// Nothing until more input, a command, or this deadline on the monotonic clock.
    Wait(Option<Duration>),
}
