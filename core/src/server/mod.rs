//! The server's side of a connection.

mod admit;
mod batch;
mod config;
mod event;
mod handshake;
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
use crate::message::{Command, ErrPacket, StatusFlags};
use crate::received::{Packet, Received};
use crate::trace::{Direction, Tracer};
use handshake::{Context, Denial, Handshake, Next};
use reply_stage::{Reply, send_error};

/// A connection from a MySQL client, without the socket.
///
/// Its methods are of four kinds:
/// - input, [`handle_input`](Self::handle_input): bytes, end of file, time. Changes the state.
/// - output, [`poll_output`](Self::poll_output): bytes to send, events, the next deadline. Call it after each input and
///   each answer until it returns [`Output::Wait`]; only then is anything else due.
/// - answers. In the connection phase: [`authenticate`](Self::authenticate) to [`Event::Login`], [`accept`](Self::accept) to
///   [`Event::Authenticated`], [`refuse`](Self::refuse) to either. To each [`Event::Command`] one reply: [`ok`](Self::ok),
///   [`err`](Self::err), [`text`](Self::text), [`eof`](Self::eof), [`prepared`](Self::prepared), [`field_list`](Self::field_list), or a
///   result, which is [`begin_rows`](Self::begin_rows), any number of [`rows`](Self::rows), [`text_row`](Self::text_row) and
///   [`binary_row`](Self::binary_row), then [`end_rows`](Self::end_rows). Where the status of `ok` or `end_rows` has `MORE_RESULTS`, the
///   reply goes on. [`local_infile`](Self::local_infile) asks for a file in the middle of a reply. Unasked:
///   [`kill`](Self::kill) and [`close`](Self::close) end the connection in any state.
/// - getters: [`facts`](Self::facts), [`peer`](Self::peer), [`unsent`](Self::unsent). Change nothing.
///
/// Failure is sticky: after an error every input and answer returns that error, and `poll_output` does once the bytes that
/// the peer should still get (an ERR packet, an alert) were taken. The driver then closes the transport.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    peer: Peer,
    link: Link,
    received: Received,
    /// The greeting's, over which every 20-byte challenge of the connection goes, COM_CHANGE_USER's too.
    scramble: [u8; 20],
    state: State,
    /// The packet of the command that was told last.
    last: Packet,
}

/// The phase of the connection.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be allocated anew in each step of the handshake")]
enum State {
    /// `None` while a step has it, and after one that failed.
    Handshake(Option<Handshake>),
    /// `Some` while a command waits for its answer.
    Commands(Option<Reply>),
}

/// What a step leads to.
enum Step {
    /// An event that borrows nothing.
    Event(Event<'static>),
    /// A packet of the command phase, not looked into.
    Packet(Packet),
}

impl Connection {
    /// A connection that greets. The connect timeout runs from `now`.
    pub fn new(config: Arc<Config>, connection_id: u32, peer: Peer, now: Now) -> Self {
        let mut connection = Self::silent(config, connection_id, peer, now);
        connection.scramble = handshake::scramble(&connection.config);
        let greeted = handshake::greet(&connection.config, connection.scramble, &mut connection.link);
        let greeted = Handshake::AwaitResponse(greeted);
        connection.state = State::Handshake(Some(greeted));
        connection
    }

    /// A connection that is refused instead of greeted: `Too many connections` and the like.
    pub fn refused(config: Arc<Config>, connection_id: u32, peer: Peer, error: SqlError, now: Now) -> Self {
        let mut connection = Self::silent(config, connection_id, peer, now);
        // No capability is agreed yet, so the packet has no SQLSTATE.
        let packet = ErrPacket { code: error.code, sqlstate: None, message: error.message.as_bytes() };
        let told = || alloc::format!("{error}");
        connection.link.channel.send_traced("ERR_Packet", |out| packet.encode(out), told);
        connection.link.fail(Error::Refused { by: Side::Server, error });
        connection
    }

    /// A connection that has said nothing yet.
    fn silent(config: Arc<Config>, connection_id: u32, peer: Peer, now: Now) -> Self {
        let mut tracer = Tracer::new(config.observer.clone(), Side::Server, "AwaitResponse");
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
            state: State::Handshake(None),
            last: Packet::default(),
        }
    }

    /// Takes input. The events and bytes that follow from it are polled.
    ///
    /// # Errors
    /// The sticky error, where the input (or an earlier one) broke the connection.
    pub fn handle_input(&mut self, input: Input<'_>, now: Now) -> Result<(), Error> {
        let taken = self.link.handle_input(input, now, &mut self.received, CONNECTING);
        taken.map_err(|error| self.state.fail(&mut self.link, error))
    }

    /// The next thing to do; see the type's contract. Bytes to send are appended to `out`.
    ///
    /// # Errors
    /// The sticky error of a connection that has failed.
    pub fn poll_output<'a>(&'a mut self, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        let Self { config, peer, link, received, state, .. } = self;
        let output = link.poll(
            received,
            out,
            || Step::Event(Event::Closed),
            |link, received| state.advance(config, peer, link, received).map_err(|error| state.fail(link, error)),
        )?;
        match output {
            Output::Transmit => Ok(Output::Transmit),
            Output::Wait(deadline) => Ok(Output::Wait(deadline)),
            Output::Event(Step::Event(event)) => Ok(Output::Event(event)),
            Output::Event(Step::Packet(packet)) => self.take_packet(&packet, out),
        }
    }

    /// Takes a packet of the command phase: a piece of a file, or a command, which is an event or is answered here.
    fn take_packet<'a>(&'a mut self, packet: &Packet, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        let Self { config, link, received, scramble, state, last, .. } = self;
        last.clone_from(packet);
        let payload = received.payload(packet);
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
        link.channel.tell_packet(Direction::Received, packet.sequence, payload.len(), name, String::new);
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

    /// The account to measure the login against: answers [`Event::Login`].
    ///
    /// # Errors
    /// `Misuse` where no login waits; the sticky error.
    pub fn authenticate(&mut self, candidate: Candidate) -> Result<(), Error> {
        let waits = |state: &mut Handshake| matches!(state, Handshake::AwaitAccount(_));
        if let Handshake::AwaitAccount(state) = self.take_handshake("no login waits for an account", waits)? {
            let Self { config, peer, link, received, .. } = self;
            let next = state.authenticate(candidate, &mut Context { config, link, received, peer });
            self.state = State::Handshake(Some(Handshake::Decided(Box::new(next))));
        }
        Ok(())
    }

    /// Lets the authenticated user in, with this status in the OK packet.
    ///
    /// # Errors
    /// `Misuse` where no verdict is due; the sticky error.
    pub fn accept(&mut self, status: StatusFlags) -> Result<(), Error> {
        self.take_handshake("no user waits for a verdict", |state| matches!(state, Handshake::AwaitVerdict))?;
        handshake::send_ok(status, &mut self.link.channel, self.link.facts.capabilities);
        self.link.begin_commands(self.config.max_packet, &mut self.received);
        self.link.channel.end_exchange();
        self.state = State::Commands(None);
        Ok(())
    }

    /// Refuses the user who waits for an account or a verdict, and ends the connection: locked account, unknown database.
    ///
    /// # Errors
    /// `Misuse` where nobody waits; the sticky error.
    pub fn refuse(&mut self, error: SqlError) -> Result<(), Error> {
        self.take_handshake("no user waits for a verdict", |state| {
            matches!(state, Handshake::AwaitVerdict | Handshake::AwaitAccount(_))
        })?;
        self.state.fail(&mut self.link, Error::Refused { by: Side::Server, error });
        Ok(())
    }

    /// Takes the handshake's state out where it is the one that is wanted.
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

    /// Ends the connection with an error that the client sees: KILL, shutdown, a timeout.
    pub fn kill(&mut self, error: SqlError) {
        if matches!(self.state, State::Commands(_)) && !self.link.is_over() {
            self.state.fail(&mut self.link, Error::Refused { by: Side::Server, error });
        } else {
            self.close();
        }
    }

    /// Ends the connection; what is queued still leaves, then TLS's close_notify.
    pub fn close(&mut self) {
        self.link.close();
    }

    /// What this connection negotiated so far.
    pub const fn facts(&self) -> &Facts {
        &self.link.facts
    }

    /// Who is at the other end.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The most bytes of the client that may be held from now on. A driver asks [`input_held`](Self::input_held) before it reads more;
    /// where inflating needs more, [`input_lacks`](Self::input_lacks) says so.
    pub const fn limit_input(&mut self, room: usize) {
        self.link.channel.room = room;
    }

    /// Bytes of the client that are held.
    pub fn input_held(&self) -> usize {
        self.link.channel.held(&self.received)
    }

    /// How many bytes of the client would be held if what waits were inflated, where that is more than
    /// [`limit_input`](Self::limit_input) allows: until then nothing goes on.
    pub const fn input_lacks(&self) -> Option<usize> {
        self.link.channel.lacks
    }

    /// Whether a part of a packet is there, and its rest is not.
    pub fn is_inside_packet(&self) -> bool {
        self.link.channel.has_more(&self.received)
    }

    /// Takes the last `length` bytes of the command that was told last without copying them: they lie in the vector behind the index.
    /// Only before the next input.
    pub fn take_tail(&mut self, length: usize) -> (Vec<u8>, usize) {
        self.received.take_tail(&self.last, length)
    }

    /// Bytes that wait to be polled: a driver stops making rows while there are many.
    pub const fn unsent(&self) -> usize {
        self.link.channel.unsent()
    }
}

/// So many bytes are inflated before the driver has its turn.
const INFLATED_AT_ONCE: usize = 256 * 1024;

/// What is under way in the connection phase.
const CONNECTING: &str = "while the client authenticates";

impl State {
    /// Steps until there is something for the application, or more input is needed.
    fn advance(
        &mut self,
        config: &Arc<Config>,
        peer: &Peer,
        link: &mut Link,
        received: &mut Received,
    ) -> Result<Option<Step>, Error> {
        match self {
            Self::Handshake(_) => {
                Ok(self.advance_handshake(&mut Context { config, link, received, peer })?.map(Step::Event))
            }
            Self::Commands(reply) => {
                // One command at most: what is answered without the application makes the caller transmit, and come again.
                if reply.as_ref().is_some_and(|reply| !reply.awaits_file()) {
                    return Ok(None);
                }
                if let Some(packet) = link.channel.next_packet(received)? {
                    return Ok(Some(Step::Packet(packet)));
                }
                if !link.peer_has_closed() || link.channel.paused || link.channel.lacks.is_some() {
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

    /// Makes a failure stick, and queues what the client is told of it.
    fn fail(&self, link: &mut Link, error: Error) -> Error {
        if let Err(first) = link.check() {
            return first;
        }
        // Once TLS has begun nothing is ever said in plaintext again; the channel holds it back until TLS is ready.
        if let Some(error) = self.wire_error(&error) {
            send_error(&mut link.channel, &error);
        }
        if !matches!(error, Error::Tls(_)) {
            link.channel.close();
        }
        link.fail(error)
    }

    /// What the client is told: in the connection phase every unreadable message is a bad handshake.
    fn wire_error(&self, error: &Error) -> Option<SqlError> {
        match (self, error) {
            (Self::Handshake(_), Error::PeerMisbehaved(PeerMisbehaved::Malformed(_))) => {
                Some(SqlError::bad_handshake("Bad handshake"))
            }
            _ => error.as_server_error(),
        }
    }
}
