//! The common part of the client's and the server's state machine: the channel, input and output, the deadline, the end of the peer's
//! bytes, the end of the connection, and its trace.
//!
//! A state machine consists of a [`Link`], the received bytes ([`Received`]) beside it, and its own state: the handshake, then commands.
//! The link knows how a connection ends, so the machine's state has no variant for it.

use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::Channel;
use crate::error::Error;
use crate::facts::Facts;
use crate::machine::{Input, Now, Output};
use crate::received::Received;
use crate::trace::Tracer;

/// Above this many unsent bytes, [`Link::poll`] transmits before it produces more events.
const HIGH_WATER: usize = 256 * 1024;

/// The common part of the client's and the server's state machine.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) channel: Channel,
    pub(crate) facts: Facts,
    pub(crate) now: Now,
    /// The deadline of the connection phase; `None` afterwards.
    deadline: Option<Duration>,
    /// Whether the transport has reported the end of the peer's bytes.
    eof: bool,
    /// `None` while the connection is in use.
    end: Option<End>,
}

/// How the connection ends or has ended.
#[derive(Debug)]
enum End {
    /// This side is closing. The application has not been told yet.
    Closing,
    Closed,
    Failed(Error),
}

impl Link {
    /// Creates the link of a connection whose connection phase begins at `now`.
    pub(crate) fn new(tracer: Tracer, facts: Facts, timeout: Duration, now: Now) -> Self {
        let deadline = Some(now.monotonic.saturating_add(timeout));
        Self { channel: Channel::new(tracer), facts, now, deadline, eof: false, end: None }
    }

    /// Processes input. `stage` names the current stage, for the error if the connection phase takes too long.
    #[inline]
    pub(crate) fn handle_input(
        &mut self,
        input: Input<'_>,
        now: Now,
        received: &mut Received,
        stage: &'static str,
    ) -> Result<(), Error> {
        self.now = now;
        if let Some(End::Failed(error)) = &self.end {
            return Err(error.clone());
        }
        let outcome = match input {
            Input::Bytes(bytes) if self.is_over() => {
                bytes.clear();
                Ok(())
            }
            Input::Bytes(bytes) => self.channel.receive(bytes, now.wall, received),
            Input::Eof => {
                self.eof = true;
                Ok(())
            }
            Input::Timeout if self.deadline.is_some_and(|deadline| now.monotonic >= deadline) => {
                Err(Error::TimedOut(stage))
            }
            Input::Timeout => Ok(()),
        };
        self.facts.bytes_in = self.channel.bytes_in;
        outcome
    }

    /// Returns the next output. `advance` runs the state machine until there is an event or more input is needed; if it fails, it has
    /// already called [`fail`](Self::fail). `closed` makes the event for the application when this side has closed.
    #[inline]
    pub(crate) fn poll<E>(
        &mut self,
        received: &mut Received,
        out: &mut Vec<u8>,
        closed: impl FnOnce() -> E,
        advance: impl FnOnce(&mut Self, &mut Received) -> Result<Option<E>, Error>,
    ) -> Result<Output<E>, Error> {
        // Send close_notify before the event of the end, because a driver stops at that event.
        let first = matches!(self.end, Some(End::Closing)) || self.channel.unsent() >= HIGH_WATER;
        if first && self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        let was_busy = self.channel.is_busy;
        let event = match &self.end {
            None => advance(self, received),
            Some(End::Closing) => {
                self.finish();
                Ok(Some(closed()))
            }
            Some(End::Closed) => Ok(None),
            Some(End::Failed(error)) => Err(error.clone()),
        };
        match event {
            Ok(Some(event)) => {
                if was_busy && !self.channel.is_busy && received.is_taken() {
                    received.release();
                }
                return Ok(Output::Event(event));
            }
            Ok(None) => {}
            // Send the last bytes for the peer first: an alert, or the packet before the failure.
            Err(error) => {
                return if self.channel.transmit(out).unwrap_or(false) { Ok(Output::Transmit) } else { Err(error) };
            }
        }
        if self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        // Decompression has paused, so let the caller have control and poll again.
        if core::mem::take(&mut self.channel.paused) {
            return Ok(Output::Transmit);
        }
        if self.channel.is_busy && received.is_small() {
            received.forget_taken();
        } else {
            received.release();
            self.channel.release();
        }
        Ok(Output::Wait(self.deadline))
    }

    /// Appends the bytes to send to `out`. Returns `false` if there are none.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let sent = self.channel.transmit(out).map_err(|error| self.fail(Error::Tls(error)))?;
        self.facts.bytes_out = self.channel.bytes_out;
        Ok(sent)
    }

    /// The time by which the connection phase must have ended.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether the peer sends no more bytes.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.eof || self.channel.peer_has_closed()
    }

    /// Sets the deadline for the peer's next bytes, `limit` after the last input; `None` removes it.
    #[cfg(feature = "client")]
    pub(crate) fn wait_at_most(&mut self, limit: Option<Duration>) {
        self.deadline = limit.map(|limit| self.now.monotonic.saturating_add(limit));
    }

    /// Restarts the connection phase with a new deadline, `timeout` from now.
    #[cfg(feature = "server")]
    pub(crate) const fn restart_deadline(&mut self, timeout: Duration) {
        self.deadline = Some(self.now.monotonic.saturating_add(timeout));
    }

    /// Ends the connection phase: from here on packets may have the agreed size and use the agreed compression.
    pub(crate) fn begin_commands(&mut self, max_packet: u32, received: &mut Received) {
        self.deadline = None;
        self.channel.limit = max_packet as usize;
        match self.facts.compression {
            // A change of user keeps the compression.
            Some(algorithm) if !self.channel.is_compressed() => self.channel.start_compression(algorithm, received),
            _ => {}
        }
        self.channel.tracer.enter("Session");
    }

    /// Whether this connection is closing, closed or failed.
    #[inline]
    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// The sticky error, if the connection has failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.end {
            Some(End::Failed(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Makes a failure sticky, and returns the first failure.
    pub(crate) fn fail(&mut self, error: Error) -> Error {
        if let Err(first) = self.check() {
            return first;
        }
        self.channel.tracer.enter("Failed");
        self.end = Some(End::Failed(error.clone()));
        error
    }

    /// Closes this side. Queued bytes are sent first, then TLS's close_notify; then the application gets the event.
    pub(crate) fn close(&mut self) {
        if !self.is_over() {
            self.channel.close();
            self.deadline = None;
            self.end = Some(End::Closing);
        }
    }

    /// Marks the connection as closed in an orderly way. The caller tells the application.
    pub(crate) fn finish(&mut self) {
        self.channel.tracer.enter("Closed");
        self.deadline = None;
        self.end = Some(End::Closed);
    }
}
