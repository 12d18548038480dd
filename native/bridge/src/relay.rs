//! A WebSocket to a target: once the target is dialled, bytes are relayed both ways until one side ends.

use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::Interest;
use mio::event::Event;
use tungstenite::protocol::Role;
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::authorize::{authorize, refusal};
use super::client::Client;
use super::closing::Closing;
use super::connection_limits::ANSWERS_OF_A_LOGIN;
use super::ending::{End, Ending};
use super::exchange::Exchange;
use super::first_bytes::FirstBytes;
use super::frame::{FRAME, HEADER, frame_header, limit_frames};
use super::http::Request;
use super::keepalive::KeepAlive;
use super::rate::{ControlRate, PER_SECOND};
use super::send_window::SendWindow;
use super::settings::{Destination, Limits};
use super::shared::Shared;
use super::target_queue::{MOST_QUEUED, TargetQueue};
use sealwire_net::connections::Progress;
use sealwire_net::dial::{Dial, DialError};
use sealwire_net::reactor::{Side, token};
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;

/// The most bytes that a connection holds for a slow receiver, beside one message of `--max-message-size` and the system's own buffers: the
/// queue for the target, one frame for the client, and both once more in TLS.
pub const MOST_BUFFERED: usize = MOST_QUEUED + 3 * FRAME;

/// The most rounds before other connections advance.
const MOST_ROUNDS: usize = 16;
/// The most frames as well, because a ping, a pong or an empty message costs work and relays nothing.
const MOST_FRAMES: usize = 256;
/// The most bytes as well, because only tungstenite sees the fragments of a message, so they can't be counted as frames.
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
    first: FirstBytes,
    /// The client's messages that the target has not taken yet.
    queue: TargetQueue,
    /// How many bytes the client may be sent.
    window: SendWindow,
    keep_alive: KeepAlive,
    /// The limit on the client's pings and pongs.
    control: ControlRate,
    limits: Limits,
    /// Whether this WebSocket counts among the relayed ones.
    is_counted: bool,
    /// Whether the target has been sent bytes since it last answered, and how often it has answered, up to [`ANSWERS_OF_A_LOGIN`].
    is_asked: bool,
    answers: u32,
}

#[derive(Debug)]
enum State {
    /// The target is being dialled.
    Dialling(Dial),
    /// Bytes are relayed both ways.
    Open(Target),
    /// The WebSocket is being closed.
    Ending(Ending),
}

#[derive(Debug)]
struct Target {
    socket: Socket,
    /// The target takes no more bytes; the bytes that it sent before are still read.
    is_write_closed: bool,
}

impl Relay {
    /// Opens the requested WebSocket, and closes it at once where the client may not use it.
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
        // If the client is gone, the first read reports it.
        let _ = client.send(accepted.as_bytes());
        let limits = shared.settings.limits;
        let socket = WebSocket::from_partially_read(client, input, Role::Server, Some(limit_frames(limits.message)));
        let mut relay = Self {
            id,
            peer,
            socket,
            state: State::Dialling(Dial::new(id, now.saturating_add(limits.dial))),
            name: String::new(),
            first: FirstBytes::default(),
            queue: TargetQueue::default(),
            window: SendWindow::new(upgrade.is_some_and(|upgrade| upgrade.tells_what_it_has_read())),
            keep_alive: KeepAlive::new(&limits, now),
            control: ControlRate::new(now),
            limits,
            is_counted: false,
            is_asked: false,
            answers: 0,
        };
        match relay.admit(request, shared, now) {
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

    /// Checks that the client may use the target and that one more connection is allowed; returns the target's index.
    fn admit(&mut self, request: &Request, shared: &mut Shared, now: Duration) -> Result<usize, Closing> {
        let (target, name) = authorize(request, shared)?;
        let displaced = shared.connection_limits.enter_relay(self.id, self.peer.ip(), &self.limits, now)?;
        shared.displaced.extend(displaced);
        self.is_counted = true;
        name.clone_into(&mut self.name);
        Ok(target)
    }

    fn dial(&mut self, target: usize, shared: &mut Shared, now: Duration) {
        let Some(destination) = shared.settings.targets.get(target).map(|target| &target.destination) else { return };
        let opened = match destination {
            Destination::Tcp { .. } => {
                if let Some(addresses) = shared.resolver.ask(target, self.id) {
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

    /// Takes the addresses of the target's host, or the look-up's error.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Duration) {
        // The WebSocket may have begun to close meanwhile.
        let State::Dialling(dial) = &mut self.state else { return };
        if let Err(error) = dial.resolved(found, &shared.registry, now) {
            self.fail(error, shared, now);
        }
    }

    /// Closes the WebSocket because the target can't be reached. The log has the whole error.
    fn fail(&mut self, error: DialError, shared: &mut Shared, now: Duration) {
        let (closing, error) = Closing::of_dial(error, &self.name, self.limits.dial);
        tracing::warn!("{}: target '{}': {error}", self.peer, self.name);
        self.end(End::ByUs(closing), shared, now);
    }

    fn open(&mut self, socket: Socket, shared: &mut Shared, now: Duration) {
        shared.metrics.connections = shared.metrics.connections.saturating_add(1);
        self.keep_alive.note_relayed(now);
        self.state = State::Open(Target { socket, is_write_closed: false });
    }

    /// Takes an event that the poll reported for one of the sockets.
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

    /// Begins to close, unless it does so already.
    pub(super) fn close(&mut self, closing: Closing, shared: &mut Shared, now: Duration) {
        if !matches!(self.state, State::Ending(_)) {
            self.end(End::ByUs(closing), shared, now);
        }
    }

    /// Advances as far as possible without waiting.
    pub(super) fn advance(&mut self, shared: &mut Shared, now: Duration) -> Progress {
        if let State::Dialling(dial) = &mut self.state {
            // Sends the answer to the upgrade. If the client is gone, reading from it reports that.
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

    /// Relays bytes both ways, as many as possible without waiting.
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

    /// One round towards the target, of at most `frames` frames; `false` where nothing was relayed.
    fn feed_target(&mut self, frames: &mut usize, shared: &mut Shared, now: Duration) -> Result<bool, End> {
        let State::Open(target) = &mut self.state else { return Ok(false) };
        while *frames > 0 && !self.queue.is_full() {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) if bytes.is_empty() => self.window.grant(),
                Ok(Message::Binary(bytes)) => {
                    if self.first.begin_header(&bytes) {
                        return Err(End::ByUs(Closing::proxy_header()));
                    }
                    if !target.is_write_closed {
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
            self.keep_alive.note_input(now);
        }
        match self.queue.write_to(&mut target.socket) {
            Ok(0) => Ok(false),
            Ok(length) => {
                self.is_asked = true;
                self.keep_alive.note_relayed(now);
                shared.metrics.sent_to_target(length);
                Ok(true)
            }
            Err(_) => {
                target.is_write_closed = true;
                self.queue.clear();
                Ok(false)
            }
        }
    }

    /// One round towards the client; `false` where nothing was relayed.
    fn feed_client(&mut self, shared: &mut Shared, now: Duration) -> Result<bool, End> {
        let State::Open(target) = &mut self.state else { return Ok(false) };
        let client = self.socket.get_mut();
        if !client.clear().map_err(|_| End::Lost)? {
            return Ok(false);
        }
        // Sends pongs that waited for the previous frame.
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
            // A reset by the target is treated like its close.
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
        if std::mem::take(&mut self.is_asked) && self.answers < ANSWERS_OF_A_LOGIN {
            self.answers = self.answers.saturating_add(1);
            shared.connection_limits.note_answers(self.id, self.answers);
        }
        self.keep_alive.note_relayed(now);
        shared.metrics.sent_to_client(length);
        Ok(true)
    }

    /// Closes an idle WebSocket, and pings a client that sends nothing.
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
        // The old state is moved out, because the new one keeps the target's socket.
        let state = std::mem::replace(&mut self.state, State::Ending(Ending::new(end, now)));
        if let (State::Open(Target { socket, is_write_closed: false }), State::Ending(ending)) =
            (state, &mut self.state)
        {
            ending.target = Some(socket);
        }
    }

    /// Whether the WebSocket is connected to a target, or is being connected.
    pub(super) const fn is_relaying(&self) -> bool {
        !matches!(self.state, State::Ending(_))
    }

    /// Removes this WebSocket from the count of the relayed ones.
    pub(super) fn leave(&mut self, shared: &mut Shared) {
        if std::mem::take(&mut self.is_counted) {
            shared.connection_limits.leave_relay(self.id, self.peer.ip());
        }
    }

    /// How many bytes the buffers hold.
    pub(super) fn held(&self) -> usize {
        self.queue.length().saturating_add(self.socket.get_ref().held())
    }

    /// When the WebSocket must advance even if no event occurs.
    pub(super) fn deadline(&self) -> Duration {
        match &self.state {
            State::Dialling(dial) => dial.deadline(),
            State::Open(_) => self.keep_alive.deadline(self.held() > 0),
            State::Ending(ending) => ending.until,
        }
    }
}
