//! A WebSocket that leads to a target: bytes are relayed both ways once the target is dialled, until one side ends.

use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::Interest;
use mio::event::Event;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::authorize::{authorize, refusal};
use super::client::Client;
use super::closing::Closing;
use super::dial::{Dial, DialError};
use super::ending::{End, Ending};
use super::exchange::Exchange;
use super::frame::{FRAME, HEADER, frame_header};
use super::http::Request;
use super::keepalive::KeepAlive;
use super::rate::{ControlRate, PER_SECOND};
use super::send_window::SendWindow;
use super::settings::{Destination, Limits};
use super::shared::Shared;
use super::target_queue::{MOST_QUEUED, TargetQueue};
use sealwire_net::connections::Progress;
use sealwire_net::reactor::{Side, token};
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;

/// Bytes that a connection holds at most for a slow receiver, one message of `--max-message-size` and the system's own buffers
/// aside: what waits for the target, one frame for the client, and the same once more in TLS.
pub const MOST_BUFFERED: usize = MOST_QUEUED + 3 * FRAME;

/// After so many rounds the others advance.
const MOST_ROUNDS: usize = 16;
/// After so many frames too, whatever they are: a ping, a pong or an empty message costs us work and gives nothing to relay.
const MOST_FRAMES: usize = 256;
/// And after so many bytes, which bounds the pieces of a message, as those are counted by none but tungstenite.
const MOST_READ: usize = 256 * 1024;

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Relay {
    id: usize,
    peer: SocketAddr,
    socket: WebSocket<Client>,
    state: State,
    /// The target's name.
    name: String,
    /// What the target has not taken yet.
    queue: TargetQueue,
    /// What the client may be sent.
    window: SendWindow,
    keep_alive: KeepAlive,
    /// The pings and pongs that the client may still send.
    control: ControlRate,
    limits: Limits,
    /// Whether it is counted among those that are relayed.
    is_counted: bool,
}

#[derive(Debug)]
enum State {
    /// The target is dialled.
    Dialling(Dial),
    /// Bytes go both ways.
    Open(Target),
    /// It comes to its end.
    Ending(Ending),
}

#[derive(Debug)]
struct Target {
    socket: Socket,
    /// It takes no more; what it sent before is still read.
    is_deaf: bool,
}

impl Relay {
    /// Opens the WebSocket that was asked for, and closes it at once where it may not be used.
    pub(super) fn start(
        id: usize,
        peer: SocketAddr,
        exchange: Exchange,
        request: &Request,
        shared: &mut Shared,
        now: Duration,
    ) -> Self {
        let Exchange { mut client, input, .. } = exchange;
        let upgrade = request.upgrade.as_ref();
        let accepted = upgrade.map(|upgrade| upgrade.accepted()).unwrap_or_default();
        // A client that is gone is noticed by the first read.
        let _ = client.send(accepted.as_bytes());
        let limits = shared.settings.limits;
        let config = WebSocketConfig::default()
            .read_buffer_size(FRAME)
            // What tungstenite itself sends is small and sent at once: pings, pongs and close frames.
            .write_buffer_size(0)
            .max_write_buffer_size(FRAME)
            .max_message_size(Some(limits.message))
            .max_frame_size(Some(limits.message));
        let socket = WebSocket::from_partially_read(client, input, Role::Server, Some(config));
        let mut relay = Self {
            id,
            peer,
            socket,
            state: State::Dialling(Dial::new(id, now.saturating_add(limits.dial))),
            name: String::new(),
            queue: TargetQueue::default(),
            window: SendWindow::new(upgrade.is_some_and(|upgrade| upgrade.tells_what_it_has_read())),
            keep_alive: KeepAlive::new(&limits, now),
            control: ControlRate::new(now),
            limits,
            is_counted: false,
        };
        match relay.admit(request, shared) {
            Ok(target) => relay.dial(target, shared, now),
            Err(closing) => {
                match refusal(&closing, request, &shared.settings) {
                    Some(why) => shared.warn_of_refusal(peer, &why),
                    None => tracing::info!("{peer}: {}", closing.sentence),
                }
                relay.end(End::ByUs(closing), shared, now);
            }
        }
        relay
    }

    /// The target that the client may use, where there may be one more connection.
    fn admit(&mut self, request: &Request, shared: &mut Shared) -> Result<usize, Closing> {
        let (target, name) = authorize(request, shared)?;
        shared.connection_limits.enter_relay(self.peer.ip(), &self.limits)?;
        self.is_counted = true;
        name.clone_into(&mut self.name);
        Ok(target)
    }

    fn dial(&mut self, target: usize, shared: &mut Shared, now: Duration) {
        let Some(destination) = shared.settings.targets.get(target).map(|target| &target.destination) else { return };
        let opened = match destination {
            Destination::Tcp { host, port } => {
                if let Some(addresses) = shared.resolver.ask(target, host, *port, self.id) {
                    self.resolved(Ok(addresses), shared, now);
                }
                return;
            }
            Destination::Within(open) => open(self.peer).and_then(|stream| {
                let mut socket = Socket::new(Stream::Unix(stream));
                let interest = Interest::READABLE | Interest::WRITABLE;
                socket.register(&shared.registry, token(self.id, Side::Target), interest)?;
                Ok(socket)
            }),
        };
        match opened {
            Ok(socket) => self.open(socket, shared, now),
            Err(error) => self.fail(DialError::Failed(error), shared, now),
        }
    }

    /// The addresses of the target's host are found, or not.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Duration) {
        // It may have come to its end meanwhile.
        let State::Dialling(dial) = &mut self.state else { return };
        if let Err(error) = dial.resolved(found, &shared.registry, now) {
            self.fail(error, shared, now);
        }
    }

    /// The target can't be reached. The log has the whole error.
    fn fail(&mut self, error: DialError, shared: &mut Shared, now: Duration) {
        let (closing, error) = error.told(&self.name, self.limits.dial);
        tracing::warn!("{}: target '{}': {error}", self.peer, self.name);
        self.end(End::ByUs(closing), shared, now);
    }

    fn open(&mut self, socket: Socket, shared: &mut Shared, now: Duration) {
        shared.metrics.connections = shared.metrics.connections.saturating_add(1);
        self.keep_alive.note_moved(now);
        self.state = State::Open(Target { socket, is_deaf: false });
    }

    /// The poll said something of one of its sockets.
    pub(super) fn ready(&mut self, side: Side, event: &Event) {
        match (side, &mut self.state) {
            (Side::Client, _) => self.socket.get_mut().ready(event),
            (Side::Target, State::Dialling(dial)) => dial.ready(),
            (Side::Target, State::Open(target)) => target.socket.ready(event),
            (Side::Target, State::Ending(ending)) => {
                if let Some(target) = &mut ending.target {
                    target.ready(event);
                }
            }
        }
    }

    /// The bridge stops.
    pub(super) fn stop(&mut self, shared: &mut Shared, now: Duration) {
        if !matches!(self.state, State::Ending(_)) {
            self.end(End::ByUs(Closing::stopping()), shared, now);
        }
    }

    /// Does all that can be done without waiting.
    pub(super) fn advance(&mut self, shared: &mut Shared, now: Duration) -> Progress {
        if let State::Dialling(dial) = &mut self.state {
            // The answer to the upgrade; a client that is gone is noticed when it is read.
            let _ = self.socket.get_mut().clear();
            match dial.advance(&shared.registry, now) {
                Ok(Some(socket)) => self.open(socket, shared, now),
                Ok(None) => return Progress::Wait,
                Err(error) => self.fail(error, shared, now),
            }
        }
        if let State::Open(_) = self.state {
            match self.relay(shared, now).and_then(|progress| self.keep_alive(now).map(|()| progress)) {
                Ok(progress) => return progress,
                Err(end) => self.end(end, shared, now),
            }
        }
        match &mut self.state {
            State::Ending(ending) => ending.advance(&mut self.socket, &mut self.queue, shared, now),
            State::Dialling(_) | State::Open(_) => Progress::Wait,
        }
    }

    /// Bytes both ways, as many as can go without waiting.
    fn relay(&mut self, shared: &mut Shared, now: Duration) -> Result<Progress, End> {
        self.socket.get_mut().allow(MOST_READ);
        let mut frames = MOST_FRAMES;
        for _ in 0..MOST_ROUNDS {
            let up = self.feed_target(&mut frames, shared, now)?;
            let down = self.feed_client(shared, now)?;
            if frames == 0 || self.socket.get_ref().is_held_back() {
                return Ok(Progress::Again);
            }
            if !up && !down {
                return Ok(Progress::Wait);
            }
        }
        Ok(Progress::Again)
    }

    /// A round towards the target, of so many frames at most; `false` where nothing went.
    fn feed_target(&mut self, frames: &mut usize, shared: &mut Shared, now: Duration) -> Result<bool, End> {
        let State::Open(target) = &mut self.state else { return Ok(false) };
        while *frames > 0 && !self.queue.is_full() {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) if bytes.is_empty() => self.window.grant(),
                Ok(Message::Binary(bytes)) => {
                    if !target.is_deaf {
                        self.queue.push(bytes);
                    }
                }
                Ok(Message::Text(_)) => return Err(End::ByUs(Closing::text_frame())),
                Ok(Message::Close(_)) => return Err(End::ByClient),
                Ok(Message::Ping(_) | Message::Pong(_)) => {
                    if !self.control.take(now) {
                        return Err(End::ByUs(Closing::too_many_pings(PER_SECOND)));
                    }
                }
                Ok(Message::Frame(_)) => {}
                Err(error) => match End::of(error, &self.limits) {
                    Some(end) => return Err(end),
                    None => break,
                },
            }
            *frames = frames.saturating_sub(1);
            self.keep_alive.note_heard(now);
        }
        match self.queue.write_to(&mut target.socket) {
            Ok(0) => Ok(false),
            Ok(length) => {
                self.keep_alive.note_moved(now);
                shared.metrics.sent_to_target(length);
                Ok(true)
            }
            Err(_) => {
                target.is_deaf = true;
                self.queue.clear();
                Ok(false)
            }
        }
    }

    /// A round towards the client; `false` where nothing went.
    fn feed_client(&mut self, shared: &mut Shared, now: Duration) -> Result<bool, End> {
        let State::Open(target) = &mut self.state else { return Ok(false) };
        let client = self.socket.get_mut();
        if !client.clear().map_err(|_| End::Lost)? {
            return Ok(false);
        }
        // Pongs that waited for the frame before.
        match self.socket.flush() {
            Ok(()) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Err(End::Lost),
        }
        let most = self.window.of(FRAME);
        if most == 0 {
            return Ok(false);
        }
        let payload = shared.scratch.get_mut(HEADER..HEADER.saturating_add(most)).unwrap_or_default();
        let length = match target.socket.read(payload) {
            Ok(length) if length > 0 => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            // A target that was reset says no more than one that has closed.
            Ok(_) | Err(_) => return Err(End::ByUs(Closing::target_closed(&self.name))),
        };
        let (header, size) = frame_header(length);
        let start = HEADER.saturating_sub(size);
        if let Some(place) = shared.scratch.get_mut(start..HEADER) {
            place.copy_from_slice(header.get(..size).unwrap_or_default());
        }
        let frame = shared.scratch.get(start..HEADER.saturating_add(length)).unwrap_or_default();
        self.socket.get_mut().send(frame).map_err(|_| End::Lost)?;
        self.window.take(length);
        self.keep_alive.note_moved(now);
        shared.metrics.sent_to_client(length);
        Ok(true)
    }

    /// Closes what is idle, and pings a client that is quiet.
    fn keep_alive(&mut self, now: Duration) -> Result<(), End> {
        if !self.keep_alive.is_ping_due(self.held() > 0, now).map_err(End::ByUs)? {
            return Ok(());
        }
        match self.socket.send(Message::Ping(Bytes::new())) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent.map_err(|_| End::Lost),
        }
    }

    fn end(&mut self, end: End, shared: &mut Shared, now: Duration) {
        self.leave(shared);
        if let End::ByUs(closing) = &end {
            shared.metrics.closed(closing.reason);
        }
        self.socket.get_mut().allow(usize::MAX);
        // The state is taken over, because the target's socket goes on in the new one.
        let state = std::mem::replace(&mut self.state, State::Ending(Ending::new(end, now)));
        if let (State::Open(Target { socket, is_deaf: false }), State::Ending(ending)) = (state, &mut self.state) {
            ending.target = Some(socket);
        }
    }

    /// Whether it leads to a target, or is about to.
    pub(super) const fn is_relaying(&self) -> bool {
        !matches!(self.state, State::Ending(_))
    }

    /// It is no longer counted among those that are relayed.
    pub(super) fn leave(&mut self, shared: &mut Shared) {
        if std::mem::take(&mut self.is_counted) {
            shared.connection_limits.leave_relay(self.peer.ip());
        }
    }

    /// How many bytes are held here.
    pub(super) fn held(&self) -> usize {
        self.queue.length().saturating_add(self.socket.get_ref().held())
    }

    /// When it is to be looked at although nothing happened.
    pub(super) fn deadline(&self) -> Duration {
        match &self.state {
            State::Dialling(dial) => dial.deadline(),
            State::Open(_) => self.keep_alive.deadline(self.held() > 0),
            State::Ending(ending) => ending.until,
        }
    }
}
