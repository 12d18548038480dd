//! What the client's and the server's machine share: the channel, input and output, the deadline, the end of the peer's bytes, how the
//! connection ends, and what an observer is told of that.
//!
//! A machine is a [`Link`], the bytes [`Received`] beside it, and a state of its own: the handshake, then commands. How a connection ends is
//! the link's business, so a machine's state has no variant for it.

use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::Channel;
use crate::error::Error;
use crate::facts::Facts;
use crate::machine::{Input, Now, Output};
use crate::received::Received;
use crate::trace::Tracer;

/// Above this many unsent bytes, they are transmitted before more events are produced.
const HIGH_WATER: usize = 256 * 1024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) channel: Channel,
    pub(crate) facts: Facts,
    pub(crate) now: Now,
    /// When the connection phase must be over; `None` once it is.
    deadline: Option<Duration>,
    /// Whether the transport said that the peer sends no more.
    eof: bool,
    /// `None` while the connection is in use.
    end: Option<End>,
}

/// How far the connection's end has come.
#[derive(Debug)]
enum End {
    /// This side closes; the application was not told yet.
    Closing,
    Closed,
    Failed(Error),
}

impl Link {
    /// Of a connection whose connection phase begins `now`.
    pub(crate) fn new(tracer: Tracer, facts: Facts, timeout: Duration, now: Now) -> Self {
        let deadline = Some(now.monotonic.saturating_add(timeout));
        Self { channel: Channel::new(tracer), facts, now, deadline, eof: false, end: None }
    }

    /// Takes input. `stage` says what is under way, for the error where the connection phase takes too long.
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

    /// The next output. `advance` steps the machine until there is something for the application or more input is needed; where it fails,
    /// the link has failed when it returns. `closed` is what the application is told when this side has closed.
    #[inline]
    pub(crate) fn poll<E>(
        &mut self,
        received: &mut Received,
        out: &mut Vec<u8>,
        closed: impl FnOnce() -> E,
        advance: impl FnOnce(&mut Self, &mut Received) -> Result<Option<E>, Error>,
    ) -> Result<Output<E>, Error> {
        // The goodbye leaves before the end is told, because a driver stops there.
        let first = matches!(self.end, Some(End::Closing)) || self.channel.unsent() >= HIGH_WATER;
        if first && self.transmit(out)? {
            return Ok(Output::Transmit);
        }
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
            Ok(Some(event)) => return Ok(Output::Event(event)),
            Ok(None) => {}
            // First leaves what the peer should still get: an alert, or the packet before the failure.
            Err(error) => {
                return if self.channel.transmit(out).unwrap_or(false) { Ok(Output::Transmit) } else { Err(error) };
            }
        }
        if self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        // More is to be inflated, after the caller had its turn.
        if core::mem::take(&mut self.channel.paused) {
            return Ok(Output::Transmit);
        }
        received.release();
        self.channel.release();
        Ok(Output::Wait(self.deadline))
    }

    /// Appends what has to leave to `out`; `false` where there is nothing.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let sent = self.channel.transmit(out).map_err(|error| self.fail(Error::Tls(error)))?;
        self.facts.bytes_out = self.channel.bytes_out;
        Ok(sent)
    }

    /// Whether the peer sends no more bytes.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.eof || self.channel.peer_has_closed()
    }

    /// Begins the connection phase anew, which has to be over after `timeout`.
    #[cfg(feature = "server")]
    pub(crate) const fn restart_deadline(&mut self, timeout: Duration) {
        self.deadline = Some(self.now.monotonic.saturating_add(timeout));
    }

    /// The connection phase is over: packets may be as large as agreed, and are compressed from here on where that is agreed.
    pub(crate) fn begin_commands(&mut self, max_packet: u32, received: &mut Received) {
        self.deadline = None;
        self.channel.limit = max_packet as usize;
        match self.facts.compression {
            // It stays where the user changes.
            Some(algorithm) if !self.channel.is_compressed() => self.channel.start_compression(algorithm, received),
            _ => {}
        }
        self.channel.tracer.enter("Session");
    }

    /// Whether this connection closes, is closed, or has failed.
    #[inline]
    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// The sticky error, where the connection has failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.end {
            Some(End::Failed(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Makes a failure stick, and returns the first one.
    pub(crate) fn fail(&mut self, error: Error) -> Error {
        if let Err(first) = self.check() {
            return first;
        }
        self.channel.tracer.enter("Failed");
        self.end = Some(End::Failed(error.clone()));
        error
    }

    /// Closes this side: what is queued still leaves, then TLS's close_notify; then the application is told.
    pub(crate) fn close(&mut self) {
        if !self.is_over() {
            self.channel.close();
            self.deadline = None;
            self.end = Some(End::Closing);
        }
    }

    /// The connection is over, in order; the application is told with the event at hand.
    pub(crate) fn finish(&mut self) {
        self.channel.tracer.enter("Closed");
        self.deadline = None;
        self.end = Some(End::Closed);
    }
}
