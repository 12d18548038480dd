//! A WebSocket that leads to a target: it is dialled, relayed and closed here.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::Interest;
use mio::event::Event;
use mio::net::TcpStream;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::client::Client;
use super::closing::{CloseReason, Closing};
use super::exchange::{Exchange, TARGETS};
use super::frame::{FRAME, HEADER, frame_header};
use super::http::Request;
use super::rate::{ControlRate, PER_SECOND};
use super::room::Room;
use super::settings::{Destination, Limits, Settings};
use super::shared::Shared;
use sealwire_net::connections::Progress;
use sealwire_net::reactor::{Side, token};
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;

/// A client is not read while so many bytes wait for its target. Few, so that the memory they were read into is soon used again.
const QUEUE: usize = 64 * 1024;
/// Nor while so many messages do.
const MOST_MESSAGES: usize = 64;

/// Bytes that a connection holds at most for a slow receiver, one message of `--max-message-size` and the system's own buffers
/// aside: what waits for the target, one frame for the client, and the same once more in TLS.
pub const MOST_BUFFERED: usize = QUEUE + 3 * FRAME;

/// After so many rounds the others advance.
const MOST_ROUNDS: usize = 16;
/// After so many frames too, whatever they are: a ping, a pong or an empty message costs us work and gives nothing to relay.
const MOST_FRAMES: usize = 256;
/// And after so many bytes, which bounds the pieces of a message, as those are counted by none but tungstenite.
const MOST_READ: usize = 256 * 1024;
/// How long a client has to answer a close frame, and a target to take what it was sent.
const LINGER: Duration = Duration::from_secs(3);
/// A client that answers none of so many pings in a row is gone.
const MOST_PINGS: u32 = 4;

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Relay {
    id: usize,
    peer: SocketAddr,
    socket: WebSocket<Client>,
    state: State,
    /// The target, by its place in the settings, and its name.
    target: usize,
    name: String,
    /// What the target has not taken yet.
    queue: VecDeque<Bytes>,
    queued: usize,
    /// What the client has room for.
    room: Room,
    /// When data last went either way.
    moved: Duration,
    /// When the client was last heard, and the pings since.
    heard: Duration,
    pings: u32,
    /// The pings and pongs that the client may still send.
    control: ControlRate,
    limits: Limits,
    /// Whether it is counted among those that are relayed.
    is_admitted: bool,
}

#[derive(Debug)]
enum State {
    /// The target's host is looked up.
    Resolving { until: Duration },
    /// An address is tried, until the one time; the others, until the other.
    Connecting(Dial),
    /// Bytes go both ways.
    Open(Target),
    /// It comes to its end.
    Ending(Ending),
}

#[derive(Debug)]
struct Dial {
    stream: TcpStream,
    rest: VecDeque<SocketAddr>,
    until_next: Duration,
    until: Duration,
    /// Whether the poll said something.
    is_ready: bool,
}

#[derive(Debug)]
struct Target {
    socket: Socket,
    /// It takes no more; what it sent before is still read.
    is_deaf: bool,
}

#[derive(Debug)]
struct Ending {
    /// Where the target is still to take something.
    target: Option<Socket>,
    /// The close frame to be sent.
    frame: Option<Closing>,
    is_flushed: bool,
    is_client_done: bool,
    until: Duration,
}

/// Why it comes to its end.
enum End {
    /// We close it.
    ByUs(Closing),
    /// The client has sent a close frame.
    ByClient,
    /// The client is gone.
    Lost,
}

/// The most of an origin that the log shows.
const MOST_ORIGIN: usize = 200;

/// What the log says to whom the bridge belongs, where a client may not use it: who came, why not, and which option decides.
fn refusal(closing: &Closing, request: &Request, settings: &Settings) -> Option<String> {
    match closing.reason {
        CloseReason::OriginRefused => {
            let origin: String = request.origin.iter().flat_map(|origin| origin.chars()).take(MOST_ORIGIN).collect();
            let option = settings.option("allow-origin");
            Some(format!("pages of the origin '{origin}' may not use this bridge; {option}={origin} would let them"))
        }
        CloseReason::TokenRefused => {
            let shown = if request.token().is_some() { "a wrong token" } else { "no token" };
            let option = settings.option("token-file");
            let origin = request.origin.as_deref().unwrap_or("no page").chars().take(MOST_ORIGIN).collect::<String>();
            Some(format!("it showed {shown} (origin: {origin}); the right one stands in the file of {option}"))
        }
        _ => None,
    }
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
            state: State::Resolving { until: now.saturating_add(limits.dial) },
            target: 0,
            name: String::new(),
            queue: VecDeque::new(),
            queued: 0,
            room: Room::new(upgrade.is_some_and(|upgrade| upgrade.tells_room())),
            moved: now,
            heard: now,
            pings: 0,
            control: ControlRate::new(now),
            limits,
            is_admitted: false,
        };
        match relay.admit(request, shared) {
            Ok(()) => relay.dial(shared, now),
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

    /// Origin, then token, so that nobody else learns which targets there are.
    fn admit(&mut self, request: &Request, shared: &mut Shared) -> Result<(), Closing> {
        if !shared.origins.allow(request.origin.as_deref()) {
            let option = shared.settings.option("allow-origin");
            return Err(Closing::origin_refused(request.origin.as_deref().unwrap_or_default(), &option));
        }
        if let Some(token) = &shared.settings.token {
            let given = request.token();
            if !given.is_some_and(|given| token.is(given.as_bytes())) {
                return Err(Closing::token_refused(given.is_some()));
            }
        }
        let name = request.path.strip_prefix(TARGETS).unwrap_or(&request.path);
        let targets = &shared.settings.targets;
        let Some(place) = targets.iter().position(|target| target.name == name) else {
            return Err(Closing::unknown_target(name));
        };
        shared.admission.enter_relay(self.peer.ip(), &self.limits)?;
        self.is_admitted = true;
        self.target = place;
        name.clone_into(&mut self.name);
        Ok(())
    }

    fn dial(&mut self, shared: &mut Shared, now: Duration) {
        let Some(target) = shared.settings.targets.get(self.target) else { return };
        match &target.destination {
            Destination::Tcp { host, port } => {
                if let Some(addresses) = shared.resolver.ask(self.target, host, *port, self.id) {
                    self.resolved(Ok(addresses), shared, now);
                }
            }
            Destination::Within(open) => match open(self.peer) {
                Ok(stream) => self.open(Socket::new(Stream::Unix(stream)), true, shared, now),
                Err(error) => {
                    self.fail(Closing::dial_failed(&self.name, &error, self.limits.dial), &error, shared, now)
                }
            },
        }
    }

    /// The addresses of the target's host are found, or not.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Duration) {
        // It may have come to its end meanwhile.
        let State::Resolving { until } = self.state else { return };
        match found {
            Ok(addresses) => {
                let nothing = || io::Error::from(ErrorKind::AddrNotAvailable);
                self.connect(addresses.into(), until, nothing(), shared, now);
            }
            Err(error) => self.fail(Closing::host_unknown(&self.name), &error, shared, now),
        }
    }

    /// Tries the addresses in turn; each has its share of the time. `error` is why the one before could not be reached.
    fn connect(
        &mut self,
        mut rest: VecDeque<SocketAddr>,
        until: Duration,
        mut error: io::Error,
        shared: &mut Shared,
        now: Duration,
    ) {
        while let Some(address) = rest.pop_front() {
            let tried = TcpStream::connect(address).and_then(|mut stream| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                shared.registry.register(&mut stream, token(self.id, Side::Target), interest)?;
                Ok(stream)
            });
            match tried {
                Ok(stream) => {
                    let shares = u32::try_from(rest.len()).unwrap_or(u32::MAX).saturating_add(1);
                    let share = until.saturating_sub(now).checked_div(shares).unwrap_or_default();
                    let until_next = now.saturating_add(share);
                    self.state = State::Connecting(Dial { stream, rest, until_next, until, is_ready: false });
                    return;
                }
                Err(new) => error = new,
            }
        }
        self.fail(Closing::dial_failed(&self.name, &error, self.limits.dial), &error, shared, now);
    }

    /// The target can't be reached. The log has the whole error.
    fn fail(&mut self, closing: Closing, error: &io::Error, shared: &mut Shared, now: Duration) {
        tracing::warn!("{}: target '{}': {error}", self.peer, self.name);
        self.end(End::ByUs(closing), shared, now);
    }

    fn open(&mut self, mut socket: Socket, is_new: bool, shared: &mut Shared, now: Duration) {
        let (token, interest) = (token(self.id, Side::Target), Interest::READABLE | Interest::WRITABLE);
        if is_new && let Err(error) = socket.register(&shared.registry, token, interest) {
            self.fail(Closing::dial_failed(&self.name, &error, self.limits.dial), &error, shared, now);
            return;
        }
        shared.metrics.connections = shared.metrics.connections.saturating_add(1);
        self.moved = now;
        self.state = State::Open(Target { socket, is_deaf: false });
    }

    /// The poll said something of one of its sockets.
    pub(super) fn ready(&mut self, side: Side, event: &Event) {
        match (side, &mut self.state) {
            (Side::Client, _) => self.socket.get_mut().ready(event),
            (Side::Target, State::Connecting(dial)) => dial.is_ready = true,
            (Side::Target, State::Open(target)) => target.socket.ready(event),
            (Side::Target, State::Ending(ending)) => {
                if let Some(target) = &mut ending.target {
                    target.ready(event);
                }
            }
            (Side::Target, State::Resolving { .. }) => {}
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
        if let State::Resolving { .. } | State::Connecting(_) = self.state {
            // The answer to the upgrade; a client that is gone is noticed when it is read.
            let _ = self.socket.get_mut().clear();
            self.await_target(shared, now);
        }
        if let State::Open(_) = self.state {
            match self.relay(shared, now).and_then(|progress| self.keep_alive(now).map(|()| progress)) {
                Ok(progress) => return progress,
                Err(end) => self.end(end, shared, now),
            }
        }
        match self.state {
            State::Ending(_) => self.come_to_end(shared, now),
            _ => Progress::Wait,
        }
    }

    fn await_target(&mut self, shared: &mut Shared, now: Duration) {
        let waiting = State::Resolving { until: Duration::ZERO };
        match std::mem::replace(&mut self.state, waiting) {
            State::Resolving { until } | State::Connecting(Dial { until, .. }) if now >= until => {
                let closing = Closing::dial_timed_out(&self.name, self.limits.dial);
                self.fail(closing, &ErrorKind::TimedOut.into(), shared, now);
            }
            State::Connecting(dial) if dial.is_ready || now >= dial.until_next => self.look_at(dial, shared, now),
            state => self.state = state,
        }
    }

    /// Whether the address that is tried has answered.
    fn look_at(&mut self, mut dial: Dial, shared: &mut Shared, now: Duration) {
        let error = match dial.stream.take_error() {
            Ok(Some(error)) | Err(error) => Some(error),
            Ok(None) if now >= dial.until_next => Some(ErrorKind::TimedOut.into()),
            Ok(None) => None,
        };
        match error {
            Some(error) => {
                drop(dial.stream);
                self.connect(dial.rest, dial.until, error, shared, now);
            }
            None if dial.stream.peer_addr().is_ok() => {
                if let Err(error) = dial.stream.set_nodelay(true) {
                    tracing::debug!("target '{}': {error}", self.name);
                }
                self.open(Socket::new(Stream::Tcp(dial.stream)), false, shared, now);
            }
            None => {
                dial.is_ready = false;
                self.state = State::Connecting(dial);
            }
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
        while *frames > 0 && self.queue.len() < MOST_MESSAGES && self.queued < QUEUE {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) if bytes.is_empty() => self.room.grant(),
                Ok(Message::Binary(bytes)) => {
                    if !target.is_deaf {
                        self.queued = self.queued.saturating_add(bytes.len());
                        self.queue.push_back(bytes);
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
                Err(error) => match end_of(error, &self.limits) {
                    Some(end) => return Err(end),
                    None => break,
                },
            }
            *frames = frames.saturating_sub(1);
            self.heard = now;
            self.pings = 0;
        }
        match write_queue(&mut self.queue, &mut target.socket) {
            Ok(0) => Ok(false),
            Ok(length) => {
                self.queued = self.queued.saturating_sub(length);
                self.moved = now;
                shared.metrics.sent_to_target(length);
                Ok(true)
            }
            Err(_) => {
                target.is_deaf = true;
                self.queue.clear();
                self.queued = 0;
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
        let most = self.room.of(FRAME);
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
        self.room.take(length);
        self.moved = now;
        shared.metrics.sent_to_client(length);
        Ok(true)
    }

    /// Closes what is idle, and pings a client that is quiet.
    fn keep_alive(&mut self, now: Duration) -> Result<(), End> {
        if now >= self.moved.saturating_add(self.limits.idle) {
            return Err(End::ByUs(Closing::idle(self.limits.idle)));
        }
        if self.next_ping().is_none_or(|due| now < due) {
            return Ok(());
        }
        if self.pings == MOST_PINGS {
            return Err(End::ByUs(Closing::unresponsive(MOST_PINGS)));
        }
        self.pings = self.pings.saturating_add(1);
        match self.socket.send(Message::Ping(Bytes::new())) {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent.map_err(|_| End::Lost),
        }
    }

    /// When the client is to be pinged. Not while it or the target is slow: then it may be well and not heard.
    fn next_ping(&self) -> Option<Duration> {
        if self.limits.ping.is_zero() || self.held() > 0 {
            return None;
        }
        let quiet = self.moved.max(self.heard);
        Some(quiet.saturating_add(self.limits.ping.saturating_mul(self.pings.saturating_add(1))))
    }

    fn end(&mut self, end: End, shared: &mut Shared, now: Duration) {
        self.leave(shared);
        self.socket.get_mut().allow(usize::MAX);
        let waiting = State::Resolving { until: Duration::ZERO };
        let target = match std::mem::replace(&mut self.state, waiting) {
            State::Open(Target { socket, is_deaf: false }) => Some(socket),
            _ => None,
        };
        let (frame, is_client_done) = match end {
            End::ByUs(closing) => {
                shared.metrics.closed(closing.reason);
                (Some(closing), false)
            }
            End::ByClient => (None, false),
            End::Lost => (None, true),
        };
        let until = now.saturating_add(LINGER);
        self.state = State::Ending(Ending { target, frame, is_flushed: false, is_client_done, until });
    }

    /// Gives the target what is left, tells the client, and waits for both.
    fn come_to_end(&mut self, shared: &mut Shared, now: Duration) -> Progress {
        let State::Ending(ending) = &mut self.state else { return Progress::Over };
        if let Some(target) = &mut ending.target {
            let written = loop {
                match write_queue(&mut self.queue, target) {
                    Ok(0) => break Ok(()),
                    Ok(length) => {
                        self.queued = self.queued.saturating_sub(length);
                        shared.metrics.sent_to_target(length);
                    }
                    Err(error) => break Err(error),
                }
            };
            if written.is_err() || self.queue.is_empty() {
                ending.target = None;
            }
        }
        if ending.target.is_none() {
            self.queue.clear();
            self.queued = 0;
        }
        if !ending.is_flushed && !ending.is_client_done {
            match say_goodbye(&mut self.socket, &mut ending.frame) {
                Ok(flushed) => ending.is_flushed = flushed,
                Err(_) => ending.is_client_done = true,
            }
        }
        if ending.is_flushed && !ending.is_client_done {
            // Until the client closes: to close with its bytes unread would take ours back from it.
            for round in 0.. {
                match self.socket.get_mut().read(&mut shared.scratch) {
                    Ok(length) if length > 0 && round < MOST_ROUNDS => {}
                    Ok(length) if length > 0 && now < ending.until => return Progress::Again,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Ok(_) | Err(_) => {
                        ending.is_client_done = true;
                        break;
                    }
                }
            }
        }
        let is_over = ending.is_client_done && ending.target.is_none() || now >= ending.until;
        if is_over { Progress::Over } else { Progress::Wait }
    }

    /// Whether it leads to a target, or is about to.
    pub(super) const fn is_relaying(&self) -> bool {
        !matches!(self.state, State::Ending(_))
    }

    /// It is no longer counted among those that are relayed.
    pub(super) fn leave(&mut self, shared: &mut Shared) {
        if std::mem::take(&mut self.is_admitted) {
            shared.admission.leave_relay(self.peer.ip());
        }
    }

    /// How many bytes are held here.
    pub(super) fn held(&self) -> usize {
        self.queued.saturating_add(self.socket.get_ref().held())
    }

    /// When it is to be looked at although nothing happened.
    pub(super) fn deadline(&self) -> Duration {
        match &self.state {
            State::Resolving { until } => *until,
            State::Connecting(dial) => dial.until_next.min(dial.until),
            State::Open(_) => {
                let idle = self.moved.saturating_add(self.limits.idle);
                self.next_ping().map_or(idle, |ping| ping.min(idle))
            }
            State::Ending(ending) => ending.until,
        }
    }
}

/// What an error of the WebSocket means; `None`: there is nothing to read now.
fn end_of(error: Error, limits: &Limits) -> Option<End> {
    use tungstenite::error::ProtocolError;
    match error {
        Error::Io(error) if error.kind() == ErrorKind::WouldBlock => None,
        Error::Capacity(_) => Some(End::ByUs(Closing::message_too_large(limits.message))),
        // Text that is none is text all the same.
        Error::Utf8(_) => Some(End::ByUs(Closing::text_frame())),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Some(End::Lost),
        Error::Protocol(error) => Some(End::ByUs(Closing::protocol(&error.to_string()))),
        _ => Some(End::Lost),
    }
}

/// Sends the close frame, ours or the answer to the client's; `true` once it is gone.
fn say_goodbye(socket: &mut WebSocket<Client>, frame: &mut Option<Closing>) -> Result<bool, Error> {
    if !socket.get_mut().clear()? {
        return Ok(false);
    }
    // A pong that waits goes first: nothing may follow a close frame.
    let flushed = socket.flush();
    let said = match (flushed, frame.is_some()) {
        (Ok(()), true) => socket.close(frame.take().map(|closing| closing.frame())),
        (flushed, _) => flushed,
    };
    match said {
        // With the client's own close frame answered, tungstenite is done.
        Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
            socket.get_mut().shut_down_writing();
            Ok(true)
        }
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives the socket the front of the queue, many messages in one call; how many bytes it took, 0 where it takes none now.
fn write_queue(queue: &mut VecDeque<Bytes>, socket: &mut Socket) -> io::Result<usize> {
    if queue.is_empty() {
        return Ok(0);
    }
    let slices: Vec<IoSlice<'_>> = queue.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let written = match socket.write_vectored(&slices) {
        Ok(0) => return Err(ErrorKind::WriteZero.into()),
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut rest = written;
    while let Some(front) = queue.front_mut() {
        if rest < front.len() {
            *front = front.slice(rest..);
            break;
        }
        rest = rest.saturating_sub(front.len());
        queue.pop_front();
    }
    Ok(written)
}
