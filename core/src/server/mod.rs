//! The server's side of a connection.

mod admit;
mod batch;
mod config;
mod event;
mod handshake;
mod relay;
mod reply;
mod reply_stage;
mod requirement;

pub use admit::{Clause, Refusal, admit};
pub use batch::RowBatch;
pub use config::{Config, Peer};
pub use event::{Candidate, Decoy, Event, Login};
pub use requirement::Requirement;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::{Error, PeerMisbehaved, Side};
use crate::facts::Facts;
use crate::link::Link;
use crate::machine::{Input, Now, Output};
use crate::message::SqlError;
use crate::message::{Command, SemiSyncAck, StatusFlags};
use crate::received::{Packet, Received};
use crate::trace::{Direction, Tracer};
use handshake::{Context, Denial, GREETED, Handshake, Next, OPENING, Opening};
use reply_stage::{Reply, send_error};

/// A connection from a MySQL client, without the socket.
///
/// Its methods are of four kinds:
/// - input, [`handle_input`](Self::handle_input): bytes, end of file, time. Changes the state.
/// - output, [`poll_output`](Self::poll_output): bytes to send, events, the next deadline. Call it after each input and each answer until
///   it returns [`Output::Wait`]; only then wait for more input.
/// - answers. In the connection phase: [`authenticate`](Self::authenticate) to [`Event::Login`], [`accept`](Self::accept) to
///   [`Event::Authenticated`], [`refuse`](Self::refuse) to either. To each [`Event::Command`] one reply: [`ok`](Self::ok),
///   [`err`](Self::err), [`text`](Self::text), [`eof`](Self::eof), [`prepared`](Self::prepared), [`field_list`](Self::field_list), or a
///   result, which is [`begin_rows`](Self::begin_rows), any number of [`rows`](Self::rows), [`text_row`](Self::text_row) and
///   [`binary_row`](Self::binary_row), then [`end_rows`](Self::end_rows). If the status of `ok` or `end_rows` has `MORE_RESULTS`, the reply
///   continues with another result. [`local_infile`](Self::local_infile) requests a file in the middle of a reply.
///   [`begin_stream`](Self::begin_stream) answers a replica, which may acknowledge what it receives meanwhile. At any time,
///   [`kill`](Self::kill) and [`close`](Self::close) end the connection.
/// - getters: [`facts`](Self::facts), [`peer`](Self::peer), [`unsent`](Self::unsent). They change nothing.
///
/// Failure is sticky: after an error every input and answer returns that error, and so does `poll_output` once the last bytes for the peer
/// (an ERR packet, an alert) have been taken. The driver then closes the transport.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    peer: Peer,
    link: Link,
    received: Received,
    /// The scramble of the greeting. Every 20-byte challenge of the connection is this one, in COM_CHANGE_USER, too.
    scramble: [u8; 20],
    /// Whether a PROXY header is accepted.
    trusts_proxy: bool,
    state: State,
    /// The packet of the last command event.
    last: Packet,
}

/// The phase of the connection.
#[derive(Debug)]
enum State {
    /// `None` while a step runs, and after a step that failed.
    Handshake(Option<Handshake>),
    /// `Some` while a command waits for its reply.
    Commands(Option<Reply>),
}

/// The result of a step.
enum Step {
    /// An event that borrows nothing.
    Event(Event<'static>),
    /// A packet of the command phase that has not been decoded.
    Packet(Packet),
}

impl Connection {
    /// Creates a connection that sends the greeting. The connect timeout starts at `now`.
    pub fn new(config: Arc<Config>, connection_id: u32, peer: Peer, now: Now) -> Self {
        let mut connection = Self::silent(config, connection_id, peer, GREETED, now);
        connection.scramble = handshake::scramble(&connection.config);
        let greeted = handshake::greet(&connection.config, connection.scramble, &mut connection.link);
        let greeted = Handshake::AwaitResponse(greeted);
        connection.state = State::Handshake(Some(greeted));
        connection
    }

    /// Creates a connection that begins with TLS, at a port for such connections: the client sends a ClientHello before the greeting. If it
    /// offers application protocols by ALPN, `mysql` must be one of them. Nothing is sent in plaintext. [`Config::tls`] must be set. With
    /// `refusal`, the client gets this error instead of the greeting, inside TLS.
    pub fn direct(config: Arc<Config>, connection_id: u32, peer: Peer, refusal: Option<SqlError>, now: Now) -> Self {
        let mut connection = Self::silent(config, connection_id, peer, OPENING, now);
        connection.scramble = handshake::scramble(&connection.config);
        connection.link.channel.is_direct = true;
        let opening = Opening::new(connection.scramble, refusal);
        connection.state = State::Handshake(Some(Handshake::Opening(opening)));
        connection
    }

    /// Creates a connection that sends this error instead of a greeting: `Too many connections` and the like.
    pub fn refused(config: Arc<Config>, connection_id: u32, peer: Peer, error: SqlError, now: Now) -> Self {
        let mut connection = Self::silent(config, connection_id, peer, GREETED, now);
        handshake::turn_away(error, &mut connection.link);
        connection
    }

    /// Creates a connection that has sent nothing.
    fn silent(config: Arc<Config>, connection_id: u32, peer: Peer, first: &'static str, now: Now) -> Self {
        let mut tracer = Tracer::new(config.observer.clone(), Side::Server, first);
        tracer.connection = connection_id;
        let facts = Facts {
            server_version: config.server_version.clone(),
            connection_id,
            transport: peer.transport,
            ..Facts::default()
        };
        let mut link = Link::new(tracer, facts, config.connect_timeout, now);
        link.channel.step = INFLATED_AT_ONCE;
        Self {
            config,
            peer,
            link,
            received: Received::default(),
            scramble: [0; 20],
            trusts_proxy: false,
            state: State::Handshake(None),
            last: Packet::default(),
        }
    }

    /// Accepts a PROXY header from the peer, which is a trusted proxy; without this a header is refused with error 1130. The client of the
    /// header takes the place of the peer: its address is the host of accounts and errors, and [`admit`] judges its TLS. A proxy may also
    /// send no header. Call this before the first input.
    pub const fn trust_proxy_header(&mut self) {
        self.trusts_proxy = true;
    }

    /// Processes input. Call [`poll_output`](Self::poll_output) afterwards for the events and bytes that follow from it.
    ///
    /// # Errors
    /// The sticky error, if this or an earlier input broke the connection.
    pub fn handle_input(&mut self, input: Input<'_>, now: Now) -> Result<(), Error> {
        let taken = self.link.handle_input(input, now, &mut self.received, CONNECTING);
        taken.map_err(|error| self.state.fail(&mut self.link, error))
    }

    /// Returns the next thing for the driver to do; see the type's documentation. Appends bytes to send to `out`.
    ///
    /// # Errors
    /// The sticky error of a connection that has failed.
    pub fn poll_output<'a>(&'a mut self, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        let Self { config, peer, link, received, trusts_proxy, state, .. } = self;
        let output = link.poll(
            received,
            out,
            || Step::Event(Event::Closed),
            |link, received| {
                let mut with = Context { config, link, received, peer, trusts_proxy: *trusts_proxy };
                state.advance(&mut with).map_err(|error| state.fail(with.link, error))
            },
        )?;
        match output {
            Output::Transmit => Ok(Output::Transmit),
            Output::Wait(deadline) => Ok(Output::Wait(deadline)),
            Output::Event(Step::Event(event)) => Ok(Output::Event(event)),
            Output::Event(Step::Packet(packet)) => self.take_packet(&packet, out),
        }
    }

    /// Processes a packet of the command phase: a piece of a file, or a command. A command becomes an event or is answered here.
    fn take_packet<'a>(&'a mut self, packet: &Packet, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        let Self { config, link, received, scramble, state, last, .. } = self;
        last.clone_from(packet);
        let payload = received.payload(packet);
        if let State::Commands(Some(Reply { acknowledges: true, .. })) = state {
            let refused = match SemiSyncAck::decode(payload) {
                Ok(ack) => return Ok(Output::Event(Event::Acknowledged(ack))),
                Err(_) if matches!(Command::decode(payload, link.facts.capabilities), Ok(Command::Quit)) => {
                    link.channel.close();
                    link.finish();
                    return Ok(Output::Event(Event::Closed));
                }
                Err(malformed) => Error::from(malformed),
            };
            // The error is sticky, and comes after the last bytes for the client.
            state.fail(link, refused);
            link.transmit(out)?;
            return Ok(Output::Transmit);
        }
        if let State::Commands(Some(reply)) = state {
            return Ok(Output::Event(if payload.is_empty() {
                reply.file_received();
                Event::LocalDataEnd
            } else {
                Event::LocalData(payload)
            }));
        }
        let command = Command::decode(payload, link.facts.capabilities);
        let name = command.as_ref().map_or("unreadable", Command::name);
        link.channel.trace_packet(Direction::Received, packet.sequence, payload.len(), name, String::new);
        let refusal = match command {
            Ok(Command::Quit) => {
                link.channel.close();
                link.finish();
                return Ok(Output::Event(Event::Closed));
            }
            Ok(Command::ChangeUser(change)) => {
                let (account, login) = handshake::change_user(&change, *scramble);
                link.restart_deadline(config.connect_timeout);
                let handshake = Handshake::AwaitAccount(account);
                link.channel.tracer.enter(handshake.name());
                *state = State::Handshake(Some(handshake));
                return Ok(Output::Event(Event::Login(login)));
            }
            Ok(Command::Unknown(_)) => Some(SqlError::unknown_command("Unknown command")),
            Ok(command) => {
                if matches!(command, Command::StmtClose(_) | Command::StmtSendLongData { .. }) {
                    link.channel.end_exchange();
                } else {
                    *state = State::Commands(Some(Reply::default()));
                }
                return Ok(Output::Event(Event::Command(command)));
            }
            Err(error) => Error::from(error).as_server_error(),
        };
        if let Some(error) = refusal {
            send_error(&mut link.channel, &error);
        }
        link.channel.end_exchange();
        link.transmit(out)?;
        Ok(Output::Transmit)
    }

    /// Supplies the account against which the login is checked: answers [`Event::Login`].
    ///
    /// # Errors
    /// `Misuse` if no login waits; the sticky error.
    pub fn authenticate(&mut self, candidate: Candidate) -> Result<(), Error> {
        let waits = |state: &mut Handshake| matches!(state, Handshake::AwaitAccount(_));
        if let Handshake::AwaitAccount(state) = self.take_handshake("no login waits for an account", waits)? {
            let Self { config, peer, link, received, trusts_proxy, .. } = self;
            let mut with = Context { config, link, received, peer, trusts_proxy: *trusts_proxy };
            let next = state.authenticate(candidate, &mut with);
            self.state = State::Handshake(Some(Handshake::Decided(Box::new(next))));
        }
        Ok(())
    }

    /// Accepts the authenticated user, with this status in the OK packet.
    ///
    /// # Errors
    /// `Misuse` if no authenticated user waits; the sticky error.
    pub fn accept(&mut self, status: StatusFlags) -> Result<(), Error> {
        self.take_handshake("no user waits for a verdict", |state| matches!(state, Handshake::AwaitVerdict))?;
        handshake::send_ok(status, &mut self.link.channel, self.link.facts.capabilities);
        self.link.begin_commands(self.config.max_packet, &mut self.received);
        self.link.channel.end_exchange();
        self.state = State::Commands(None);
        Ok(())
    }

    /// Refuses a login or an authenticated user and ends the connection, for example because the account is locked or the database unknown.
    ///
    /// # Errors
    /// `Misuse` if no user waits; the sticky error.
    pub fn refuse(&mut self, error: SqlError) -> Result<(), Error> {
        self.take_handshake("no user waits for a verdict", |state| {
            matches!(state, Handshake::AwaitVerdict | Handshake::AwaitAccount(_))
        })?;
        self.state.fail(&mut self.link, Error::Refused { by: Side::Server, error });
        Ok(())
    }

    /// Takes the handshake's state if it is the wanted one.
    fn take_handshake(
        &mut self,
        misuse: &'static str,
        wanted: impl FnOnce(&mut Handshake) -> bool,
    ) -> Result<Handshake, Error> {
        self.link.check()?;
        match &mut self.state {
            State::Handshake(state) if !self.link.is_over() => state.take_if(wanted).ok_or(Error::Misuse(misuse)),
            _ => Err(Error::Misuse(misuse)),
        }
    }

    /// Ends the connection with an error for the client: KILL, shutdown, a timeout.
    pub fn kill(&mut self, error: SqlError) {
        if matches!(self.state, State::Commands(_)) && !self.link.is_over() {
            self.link.channel.interrupt(&self.received);
            self.state.fail(&mut self.link, Error::Refused { by: Side::Server, error });
        } else {
            self.close();
        }
    }

    /// Ends the connection. Queued bytes are still sent, then TLS's close_notify.
    pub fn close(&mut self) {
        self.link.close();
    }

    /// The parameters that this connection has negotiated so far.
    pub const fn facts(&self) -> &Facts {
        &self.link.facts
    }

    /// Sets the client's host as error 1045 shows it, for a driver that writes the address in [`Event::Proxied`] in another way.
    pub fn set_host(&mut self, host: String) {
        self.peer.host = host;
    }

    /// The client: as the driver described it, or as a trusted proxy did.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Sets the limit, in bytes, for data of the client in this connection's buffers. A driver calls [`input_held`](Self::input_held)
    /// before it reads more. If decompression needs a higher limit, [`needed_input`](Self::needed_input) says so.
    pub const fn limit_input(&mut self, input_limit: usize) {
        self.link.channel.input_limit = input_limit;
    }

    /// The bytes of the client's data in this connection's buffers.
    pub fn input_held(&self) -> usize {
        self.link.channel.held(&self.received)
    }

    /// The number of bytes that the buffers would hold after decompressing the waiting data, if it exceeds the limit of
    /// [`limit_input`](Self::limit_input). Decompression waits until the limit is raised.
    pub const fn needed_input(&self) -> Option<usize> {
        self.link.channel.needed_input
    }

    /// Whether a packet has arrived in part only.
    pub fn is_inside_packet(&self) -> bool {
        self.link.channel.has_more(&self.received)
    }

    /// Whether the client may send acknowledgements while the application sends it the binary log.
    pub const fn awaits_acknowledgements(&self) -> bool {
        matches!(self.state, State::Commands(Some(Reply { acknowledges: true, .. })))
    }

    /// Takes the last `length` bytes of the last command event without copying them. They start at the returned index of the vector. Call
    /// this before the next input.
    pub fn take_tail(&mut self, length: usize) -> (Vec<u8>, usize) {
        self.received.take_tail(&self.last, length)
    }

    /// The bytes that wait to be polled. While there are many, a driver should produce no more rows.
    pub const fn unsent(&self) -> usize {
        self.link.channel.unsent()
    }
}

/// The number of bytes to decompress before the driver gets control again.
const INFLATED_AT_ONCE: usize = 256 * 1024;

/// The longest acknowledgement: a position, and the name of a file.
const MOST_ACK: usize = 9 + 512;

/// The current stage for errors in the connection phase.
const CONNECTING: &str = "while the client authenticates";

impl State {
    /// Runs steps until there is an event or until more input is needed.
    fn advance(&mut self, with: &mut Context<'_>) -> Result<Option<Step>, Error> {
        match self {
            Self::Handshake(_) => Ok(self.advance_handshake(with)?.map(Step::Event)),
            Self::Commands(reply) => {
                let Context { link, received, .. } = with;
                // Take one command at most. If a command is answered without the application, the caller transmits and calls again.
                let packet = match reply {
                    Some(reply) if reply.acknowledges => link.channel.next_aside(received, MOST_ACK)?,
                    Some(reply) if !reply.awaits_file() => return Ok(None),
                    _ => link.channel.next_packet(received)?,
                };
                if let Some(packet) = packet {
                    return Ok(Some(Step::Packet(packet)));
                }
                if !link.peer_has_closed() || link.channel.paused || link.channel.needed_input.is_some() {
                    return Ok(None);
                }
                if link.channel.has_more(received) || reply.is_some() {
                    return Err(Error::ConnectionLost("in the middle of a command"));
                }
                link.finish();
                Ok(Some(Step::Event(Event::Closed)))
            }
        }
    }

    fn advance_handshake(&mut self, with: &mut Context<'_>) -> Result<Option<Event<'static>>, Error> {
        while let Self::Handshake(slot) = self
            && let Some(state) = slot.take()
        {
            let (next, event) = match state.step(with)? {
                Next::Wait(state) => {
                    let waits_for_us = matches!(state, Handshake::AwaitAccount(_) | Handshake::AwaitVerdict);
                    *slot = Some(state);
                    if !waits_for_us && with.link.peer_has_closed() {
                        return Err(Error::ConnectionLost(CONNECTING));
                    }
                    return Ok(None);
                }
                Next::Again(state) => (state, None),
                Next::Proxied(state, endpoints) => (state, Some(Event::Proxied(endpoints))),
                Next::Login(state, login) => (Handshake::AwaitAccount(state), Some(Event::Login(login))),
                Next::Authenticated { using_password, learned } => {
                    (Handshake::AwaitVerdict, Some(Event::Authenticated { using_password, learned }))
                }
                Next::Denied(Denial { error, reason }) => {
                    self.fail(with.link, Error::Refused { by: Side::Server, error });
                    return Ok(Some(Event::AuthenticationFailed { reason }));
                }
            };
            with.link.channel.tracer.enter(next.name());
            *slot = Some(next);
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Makes a failure sticky and queues the error for the client.
    fn fail(&self, link: &mut Link, error: Error) -> Error {
        if let Err(first) = link.check() {
            return first;
        }
        // After the start of TLS nothing is sent in plaintext; the channel holds the error back until the TLS handshake is complete.
        if let Some(error) = self.wire_error(&error) {
            send_error(&mut link.channel, &error);
        }
        if !matches!(error, Error::Tls(_)) {
            link.channel.close();
        }
        link.fail(error)
    }

    /// The error for the client. In the connection phase every malformed message is a bad handshake.
    fn wire_error(&self, error: &Error) -> Option<SqlError> {
        match (self, error) {
            (Self::Handshake(_), Error::PeerMisbehaved(PeerMisbehaved::Malformed(_))) => {
                Some(SqlError::bad_handshake("Bad handshake"))
            }
            _ => error.as_server_error(),
        }
    }
}
