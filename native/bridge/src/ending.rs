//! Closes a WebSocket: the target gets the queued bytes, and the client a close frame or the answer to its own.

use std::io::{ErrorKind, Read as _};
use std::time::Duration;

use tungstenite::{Error, WebSocket};

use super::client::Client;
use super::closing::Closing;
use super::settings::Limits;
use super::shared::Shared;
use super::target_queue::TargetQueue;
use sealwire_net::connections::Progress;
use sealwire_net::socket::Socket;

/// How long a client may take to answer a close frame, and a target to take the queued bytes.
const LINGER: Duration = Duration::from_secs(3);
/// The most reads before other connections advance.
const MOST_READS: usize = 16;

/// Why a WebSocket is closed.
pub(super) enum End {
    /// We close it.
    ByUs(Closing),
    /// The client has sent a close frame.
    ByClient,
    /// The client is gone.
    Lost,
}

impl End {
    /// The reason in an error of the WebSocket; `None` where there is nothing to read now.
    pub(super) fn of(error: Error, limits: &Limits) -> Option<Self> {
        use tungstenite::error::ProtocolError;
        match error {
            Error::Io(error) if error.kind() == ErrorKind::WouldBlock => None,
            Error::Capacity(_) => Some(Self::ByUs(Closing::message_too_large(limits.message))),
            // A text frame is refused as such, even where its text is not UTF-8.
            Error::Utf8(_) => Some(Self::ByUs(Closing::text_frame())),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Some(Self::Lost),
            Error::Protocol(error) => Some(Self::ByUs(Closing::protocol(&error.to_string()))),
            _ => Some(Self::Lost),
        }
    }
}

/// A WebSocket that is being closed.
#[derive(Debug)]
pub(super) struct Ending {
    /// The target's socket, until it has taken the queued bytes.
    pub(super) target: Option<Socket>,
    /// The close frame to be sent.
    frame: Option<Closing>,
    is_flushed: bool,
    is_client_done: bool,
    pub(super) until: Duration,
}

impl Ending {
    /// Begins to close, without a target.
    pub(super) fn new(end: End, now: Duration) -> Self {
        let (frame, is_client_done) = match end {
            End::ByUs(closing) => (Some(closing), false),
            End::ByClient => (None, false),
            End::Lost => (None, true),
        };
        Self { target: None, frame, is_flushed: false, is_client_done, until: now.saturating_add(LINGER) }
    }

    /// Sends the queued bytes to the target and the close frame to the client, and waits for both.
    pub(super) fn advance(
        &mut self,
        socket: &mut WebSocket<Client>,
        queue: &mut TargetQueue,
        shared: &mut Shared,
        now: Duration,
    ) -> Progress {
        self.empty(queue, shared);
        if !self.is_flushed && !self.is_client_done {
            match send_close(socket, &mut self.frame) {
                Ok(flushed) => self.is_flushed = flushed,
                Err(_) => self.is_client_done = true,
            }
        }
        if self.is_flushed && !self.is_client_done {
            // Reads until the client closes, because closing a socket with unread bytes resets the connection and discards the close frame.
            for round in 0.. {
                match socket.get_mut().read(&mut shared.scratch) {
                    Ok(length) if length > 0 && round < MOST_READS => {}
                    Ok(length) if length > 0 && now < self.until => return Progress::Again,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Ok(_) | Err(_) => {
                        self.is_client_done = true;
                        break;
                    }
                }
            }
        }
        let is_over = self.is_client_done && self.target.is_none() || now >= self.until;
        if is_over { Progress::Over } else { Progress::Wait }
    }

    /// Sends the queued bytes to the target. Its socket is closed once it has taken them, or takes no more.
    fn empty(&mut self, queue: &mut TargetQueue, shared: &mut Shared) {
        if let Some(target) = &mut self.target {
            let written = loop {
                match queue.write_to(target) {
                    Ok(0) => break Ok(()),
                    Ok(length) => shared.metrics.sent_to_target(length),
                    Err(error) => break Err(error),
                }
            };
            if written.is_err() || queue.is_empty() {
                self.target = None;
            }
        }
        if self.target.is_none() {
            queue.clear();
        }
    }
}

/// Sends the close frame, ours or the answer to the client's; `true` once it is sent.
fn send_close(socket: &mut WebSocket<Client>, frame: &mut Option<Closing>) -> Result<bool, Error> {
    if !socket.get_mut().clear()? {
        return Ok(false);
    }
    // A waiting pong is sent first, because no frame may follow a close frame.
    let flushed = socket.flush();
    let closed = match (flushed, frame.is_some()) {
        (Ok(()), true) => socket.close(frame.take().map(|closing| closing.frame())),
        (flushed, _) => flushed,
    };
    match closed {
        // These errors mean that the client's own close frame is answered.
        Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
            socket.get_mut().shut_down_writing();
            Ok(true)
        }
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
