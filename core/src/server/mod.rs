//! The server's side of a connection.

mod batch;
mod config;
mod event;
mod handshake;
mod reply;

pub use batch::RowBatch;
pub use config::{Config, Peer};
pub use event::{Candidate, Event, Login};

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::{Channel, Packet, Tracer};
use crate::error::{Error, PeerMisbehaved, Side, SqlError};
use crate::facts::Facts;
use crate::machine::{Input, Now, Output};
use crate::message::{Command, ErrPacket, StatusFlags};
use crate::trace::{self, Direction};
use handshake::{Denial, Handshake, Next, Surroundings};
use reply::Reply;

/// So much may wait to be sent before the next command has to wait for it.
const HIGH_WATER: usize = 256 * 1024;

/// A connection from a MySQL client, without the socket.
///
/// Its methods are of four kinds:
/// - input, [`handle_input`](Self::handle_input): bytes, end of file, time. Changes the state.
/// - output, [`poll_output`](Self::poll_output): bytes to send, events, the next deadline. Call it after each input and
///   each answer until it returns [`Output::Wait`]; only then is anything else due.
/// - answers: [`authenticate`](Self::authenticate), [`accept`](Self::accept), [`refuse`](Self::refuse) to the events of the
///   connection phase, and one reply (`ok`, `err`, `begin_rows` … `end_rows`, …) to each command.
/// - getters: `facts`, `unsent`. Change nothing.
///
/// Failure is sticky: after an error every input and answer returns that error, and `poll_output` does once the bytes that
/// the peer should still get (an ERR packet, an alert) were taken. The driver then closes the transport.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    peer: Peer,
    channel: Channel,
    state: State,
    facts: Facts,
    now: Now,
    deadline: Duration,
    eof: bool,
}

/// The phase of the connection.
#[derive(Debug)]
enum State {
    Handshake(Handshake),
    /// Commands; `Some` while one of them waits for its answer.
    Session(Option<Reply>),
    Closing,
    Closed,
    Failed(Error),
}

/// An event without what it borrows.
enum Happened {
    Login(Login),
    Authenticated { using_password: bool, learned: Option<[u8; 32]> },
    AuthenticationFailed(String),
    Command(Packet),
    LocalData(Packet),
    LocalDataEnd,
    Closed,
}

impl Connection {
    /// A connection that greets. The connect timeout runs from `now`.
    pub fn new(config: Arc<Config>, connection_id: u32, peer: Peer, now: Now) -> Self {
        let mut tracer = Tracer::new(config.observer.clone(), Side::Server);
        tracer.connection = connection_id;
        let mut channel = Channel::new(tracer);
        let mut facts = Facts {
            server_version: config.server_version.clone(),
            connection_id,
            transport: peer.transport,
            ..Facts::default()
        };
        let deadline = now.monotonic.saturating_add(config.connect_timeout);
        let mut with = Surroundings { config: &config, channel: &mut channel, facts: &mut facts, peer: &peer, now };
        let state = State::Handshake(Handshake::AwaitResponse(handshake::greet(&mut with)));
        Self { config, peer, channel, state, facts, now, deadline, eof: false }
    }

    /// A connection that is refused instead of greeted: `Too many connections` and the like.
    pub fn refused(config: Arc<Config>, connection_id: u32, peer: Peer, error: SqlError, now: Now) -> Self {
        let mut connection = Self::new(config, connection_id, peer, now);
        connection.channel = Channel::new(connection.channel.tracer.clone());
        // No capability is agreed yet, so the packet has no SQLSTATE.
        let packet = ErrPacket { code: error.code, sqlstate: None, message: error.message.as_bytes() };
        connection.channel.send(|out| packet.encode(out));
        connection.state = State::Failed(Error::Refused { by: Side::Server, error });
        connection
    }

    /// Takes input. The events and bytes that follow from it are polled.
    ///
    /// # Errors
    /// The sticky error, where the input (or an earlier one) broke the connection.
    pub fn handle_input(&mut self, input: Input<'_>, now: Now) -> Result<(), Error> {
        self.now = now;
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let outcome = match input {
            Input::Bytes(bytes) if matches!(self.state, State::Closing | State::Closed) => {
                bytes.clear();
                Ok(())
            }
            Input::Bytes(bytes) => self.channel.receive(bytes, now.wall),
            Input::Eof => {
                self.eof = true;
                Ok(())
            }
            Input::Timeout => match &self.state {
                State::Handshake(_) if now.monotonic >= self.deadline => {
                    Err(Error::TimedOut("while the client authenticates"))
                }
                _ => Ok(()),
            },
        };
        self.facts.bytes_in = self.channel.bytes_in;
        outcome.map_err(|error| self.fail(error))
    }

    /// The next thing to do; see the type's contract. Bytes to send are appended to `out`.
    ///
    /// # Errors
    /// The sticky error of a connection that has failed.
    pub fn poll_output<'a>(&'a mut self, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        // The goodbye leaves before the end is told, for a driver stops there.
        let first = matches!(self.state, State::Closing) || self.channel.unsent() >= HIGH_WATER;
        if first && self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        let happened = match &self.state {
            State::Failed(error) => Err(error.clone()),
            _ => self.advance().map_err(|error| self.fail(error)),
        };
        match happened {
            Ok(Some(happened)) => return Ok(Output::Event(self.event(happened))),
            Ok(None) => {}
            // What the peer should still get goes first.
            Err(error) => {
                return if self.channel.transmit(out).unwrap_or(false) { Ok(Output::Transmit) } else { Err(error) };
            }
        }
        if self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        self.channel.rest();
        let deadline = matches!(self.state, State::Handshake(_)).then_some(self.deadline);
        Ok(Output::Wait(deadline))
    }

    /// The account to measure the login against: answers [`Event::Login`].
    ///
    /// # Errors
    /// `Misuse` where no login waits; the sticky error.
    pub fn authenticate(&mut self, candidate: Candidate) -> Result<(), Error> {
        let state =
            self.take_handshake("no login waits for an account", |state| matches!(state, Handshake::AwaitAccount(_)))?;
        if let Handshake::AwaitAccount(state) = state {
            let mut with = Surroundings {
                config: &self.config,
                channel: &mut self.channel,
                facts: &mut self.facts,
                peer: &self.peer,
                now: self.now,
            };
            let next = state.authenticate(candidate, &mut with);
            self.state = State::Handshake(Handshake::Decided(alloc::boxed::Box::new(next)));
        }
        Ok(())
    }

    /// Lets the authenticated user in, with this status in the OK packet.
    ///
    /// # Errors
    /// `Misuse` where no verdict is due; the sticky error.
    pub fn accept(&mut self, status: StatusFlags) -> Result<(), Error> {
        self.take_handshake("no user waits for a verdict", |state| matches!(state, Handshake::AwaitVerdict))?;
        handshake::send_ok(status, &mut self.channel, self.facts.capabilities);
        self.channel.limit = self.config.max_packet as usize;
        match self.facts.compression {
            // From the packet behind OK on; by COM_CHANGE_USER it stays.
            Some(algorithm) if !self.channel.is_compressed() => self.channel.start_compression(algorithm),
            _ => {}
        }
        self.channel.end_exchange();
        self.tell_state("AwaitVerdict", "Session");
        self.state = State::Session(None);
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
        self.fail(Error::Refused { by: Side::Server, error });
        Ok(())
    }

    /// Ends the connection with an error that the client sees: KILL, shutdown, a timeout.
    pub fn kill(&mut self, error: SqlError) {
        if matches!(self.state, State::Session(_)) {
            self.fail(Error::Refused { by: Side::Server, error });
        } else {
            self.close();
        }
    }

    /// Ends the connection; what is queued still leaves, then TLS's close_notify.
    pub fn close(&mut self) {
        if !matches!(self.state, State::Failed(_) | State::Closed) {
            self.channel.close();
            self.state = State::Closing;
        }
    }

    /// What this connection negotiated so far.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Who is at the other end.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Bytes that wait to be polled: a driver stops making rows while there are many.
    pub const fn unsent(&self) -> usize {
        self.channel.unsent()
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let sent = self.channel.transmit(out).map_err(|error| self.fail(Error::Tls(error)))?;
        self.facts.bytes_out = self.channel.bytes_out;
        Ok(sent)
    }

    /// Takes the handshake's state out where it is the one that is wanted.
    fn take_handshake(
        &mut self,
        misuse: &'static str,
        wanted: impl FnOnce(&Handshake) -> bool,
    ) -> Result<Handshake, Error> {
        match core::mem::replace(&mut self.state, State::Closed) {
            State::Handshake(state) if wanted(&state) => Ok(state),
            State::Failed(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
            other => {
                self.state = other;
                Err(Error::Misuse(misuse))
            }
        }
    }

    /// Steps until there is something for the application, or more input is needed.
    fn advance(&mut self) -> Result<Option<Happened>, Error> {
        match &self.state {
            State::Handshake(_) => self.advance_handshake(),
            State::Session(_) => self.advance_session(),
            State::Closing => {
                self.tell_state("Session", "Closed");
                self.state = State::Closed;
                Ok(Some(Happened::Closed))
            }
            State::Closed | State::Failed(_) => Ok(None),
        }
    }

    fn advance_handshake(&mut self) -> Result<Option<Happened>, Error> {
        loop {
            let State::Handshake(state) = core::mem::replace(&mut self.state, State::Closed) else { return Ok(None) };
            let from = state.name();
            let mut with = Surroundings {
                config: &self.config,
                channel: &mut self.channel,
                facts: &mut self.facts,
                peer: &self.peer,
                now: self.now,
            };
            let next = state.step(&mut with)?;
            let (state, happened) = match next {
                Next::Wait(state) => {
                    let waits_for_us = matches!(state, Handshake::AwaitAccount(_) | Handshake::AwaitVerdict);
                    self.state = State::Handshake(state);
                    if !waits_for_us && (self.eof || self.channel.peer_has_closed()) {
                        return Err(Error::ConnectionLost("while the client authenticates"));
                    }
                    return Ok(None);
                }
                Next::Again(state) => (state, None),
                Next::Login(state, login) => (Handshake::AwaitAccount(state), Some(Happened::Login(login))),
                Next::Authenticated { using_password, learned } => {
                    (Handshake::AwaitVerdict, Some(Happened::Authenticated { using_password, learned }))
                }
                Next::Denied(Denial { error, reason }) => {
                    self.fail(Error::Refused { by: Side::Server, error });
                    return Ok(Some(Happened::AuthenticationFailed(reason)));
                }
            };
            self.tell_state(from, state.name());
            self.state = State::Handshake(state);
            if happened.is_some() {
                return Ok(happened);
            }
        }
    }

    /// One command at most: what it answers by itself makes the caller transmit, and come again for the next.
    fn advance_session(&mut self) -> Result<Option<Happened>, Error> {
        let State::Session(reply) = &mut self.state else { return Ok(None) };
        if reply.as_ref().is_some_and(|reply| !reply.awaits_file()) {
            return Ok(None);
        }
        let Some(packet) = self.channel.next_packet()? else {
            if !self.eof && !self.channel.peer_has_closed() {
                return Ok(None);
            }
            if self.channel.has_more() || reply.is_some() {
                return Err(Error::ConnectionLost("in the middle of a command"));
            }
            self.state = State::Closed;
            return Ok(Some(Happened::Closed));
        };
        let payload = self.channel.payload(&packet);
        if let Some(reply) = reply {
            return Ok(Some(if payload.is_empty() {
                reply.file_received();
                Happened::LocalDataEnd
            } else {
                Happened::LocalData(packet)
            }));
        }
        let command = Command::decode(payload, self.facts.capabilities);
        let (name, length) = (command.as_ref().map_or("unreadable", Command::name), payload.len());
        self.channel.tell_packet(Direction::Received, packet.sequence, length, name, String::new);
        match command {
            Ok(Command::Quit) => {
                self.channel.close();
                self.state = State::Closed;
                Ok(Some(Happened::Closed))
            }
            Ok(Command::ChangeUser(change)) => {
                let (state, login) = handshake::change_user(&change);
                self.deadline = self.now.monotonic.saturating_add(self.config.connect_timeout);
                self.tell_state("Session", "AwaitAccount");
                self.state = State::Handshake(Handshake::AwaitAccount(state));
                Ok(Some(Happened::Login(login)))
            }
            Ok(Command::Unknown(_)) => {
                self.state = State::Session(Some(Reply::default()));
                self.err(&SqlError::new(1047, b"08S01", "Unknown command"))?;
                Ok(None)
            }
            Ok(Command::StmtClose(_) | Command::StmtSendLongData { .. }) => {
                self.channel.end_exchange();
                Ok(Some(Happened::Command(packet)))
            }
            Ok(_) => {
                *reply = Some(Reply::default());
                Ok(Some(Happened::Command(packet)))
            }
            Err(error) => {
                let error = Error::from(error);
                self.state = State::Session(Some(Reply::default()));
                if let Some(error) = error.as_server_error() {
                    self.err(&error)?;
                }
                Ok(None)
            }
        }
    }

    /// Completes an event with what it borrows.
    fn event(&self, happened: Happened) -> Event<'_> {
        match happened {
            Happened::Login(login) => Event::Login(login),
            Happened::Authenticated { using_password, learned } => Event::Authenticated { using_password, learned },
            Happened::AuthenticationFailed(reason) => Event::AuthenticationFailed { reason },
            Happened::Command(packet) => {
                let payload = self.channel.payload(&packet);
                // It was decoded once to get here, so the fallback is never seen.
                Event::Command(Command::decode(payload, self.facts.capabilities).unwrap_or(Command::Quit))
            }
            Happened::LocalData(packet) => Event::LocalData(self.channel.payload(&packet)),
            Happened::LocalDataEnd => Event::LocalDataEnd,
            Happened::Closed => Event::Closed,
        }
    }

    fn tell_state(&self, from: &'static str, to: &'static str) {
        if from != to {
            self.channel.tracer.tell(|| trace::Event::State { from, to });
        }
    }

    /// Makes the failure stick, and queues what the client is told of it.
    fn fail(&mut self, error: Error) -> Error {
        if let State::Failed(first) = &self.state {
            return first.clone();
        }
        // Once TLS has begun nothing is ever said in plaintext again; the channel holds it back until TLS is ready.
        if let Some(said) = self.said(&error) {
            let sequence = self.channel.sequence;
            let length = self.channel.send(|out| ErrPacket::from(&said).encode(out));
            self.channel.tell_packet(Direction::Sent, sequence, length, "ERR_Packet", || alloc::format!("{said}"));
        }
        if !matches!(error, Error::Tls(_)) {
            self.channel.close();
        }
        self.channel.tracer.tell(|| trace::Event::State { from: "any", to: "Failed" });
        self.state = State::Failed(error.clone());
        error
    }

    /// What the client is told: in the connection phase every unreadable message is a bad handshake.
    fn said(&self, error: &Error) -> Option<SqlError> {
        match (&self.state, error) {
            (State::Handshake(_) | State::Closed, Error::PeerMisbehaved(PeerMisbehaved::Malformed(_))) => {
                Some(SqlError::new(1043, b"08S01", "Bad handshake"))
            }
            _ => error.as_server_error(),
        }
    }
}
