//! The client's side of a connection.

mod authentication;
mod commands;
mod config;
mod event;
mod handshake;
mod local_infile;
mod session;

pub use config::{Config, TlsPolicy};
pub use event::{Event, Prepared};
pub use session::RowFormat;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::channel::{Channel, PRE_AUTHENTICATION_LIMIT, Packet, Tracer};
use crate::error::{Error, Side};
use crate::facts::Facts;
use crate::machine::{Input, Now, Output};
use crate::message::{BinaryRow, ColumnDefinition, ErrPacket, OkPacket, StatusFlags, TextRow};
use crate::trace::{self, Direction};
use handshake::{AwaitGreeting, Handshake, Next, Surroundings};
use session::{Happened, Session};

/// So much may wait to be sent before events have to wait for it.
const HIGH_WATER: usize = 256 * 1024;

/// A connection to a MySQL server, without the socket.
///
/// Its methods are of four kinds:
/// - input, [`handle_input`](Self::handle_input): bytes, end of file, time. Changes the state.
/// - output, [`poll_output`](Self::poll_output): bytes to send, events, the next deadline. Call it after each input and
///   each command until it returns [`Output::Wait`]; only then is anything else due.
/// - commands (`query`, `execute`, `quit`, …): queue a request. They may be called before earlier requests were answered;
///   answers come in the order of the requests.
/// - getters: `facts`, `status`. Change nothing.
///
/// Failure is sticky: after an error every input and command returns that error, and `poll_output` does once the bytes that
/// the peer should still get (an alert) were taken.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    channel: Channel,
    state: State,
    facts: Facts,
    now: Now,
    deadline: Duration,
    eof: bool,
    /// What [`Connection::poll_ready`] found and nobody took yet.
    ready: Option<Happened>,
    /// The row that [`Connection::advance_row`] found last.
    row: Packet,
}

/// The phase of the connection.
#[derive(Debug)]
enum State {
    Handshake(Handshake),
    Session(Session),
    Closing,
    Closed,
    Failed(Error),
}

impl Connection {
    /// A connection that waits for the server's greeting. The connect timeout runs from `now`.
    pub fn new(config: Arc<Config>, now: Now) -> Self {
        let tracer = Tracer::new(config.observer.clone(), Side::Client);
        let facts = Facts { transport: config.transport, ..Facts::default() };
        let deadline = now.monotonic.saturating_add(config.connect_timeout);
        let state = State::Handshake(Handshake::AwaitGreeting(AwaitGreeting));
        let row = Packet::default();
        Self { config, channel: Channel::new(tracer), state, facts, now, deadline, eof: false, ready: None, row }
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
            Input::Timeout => self.check_deadline(),
        };
        self.facts.bytes_in = self.channel.bytes_in;
        outcome.map_err(|error| self.fail(error))
    }

    fn check_deadline(&self) -> Result<(), Error> {
        match &self.state {
            State::Handshake(handshake) if self.now.monotonic >= self.deadline => {
                Err(Error::TimedOut(handshake.stage()))
            }
            _ => Ok(()),
        }
    }

    /// The next thing to do; see the type's contract. Bytes to send are appended to `out`.
    ///
    /// # Errors
    /// The sticky error of a connection that has failed.
    pub fn poll_output<'a>(&'a mut self, out: &mut Vec<u8>) -> Result<Output<Event<'a>>, Error> {
        Ok(match self.poll_ready(out)? {
            Output::Transmit => Output::Transmit,
            Output::Wait(deadline) => Output::Wait(deadline),
            Output::Event(()) => match self.event()? {
                Some(event) => Output::Event(event),
                None => Output::Transmit,
            },
        })
    }

    /// As [`poll_output`](Self::poll_output), for a driver that lends the event on from its own loop: what is ready is
    /// taken with [`event`](Self::event), before the next call of any other method.
    ///
    /// # Errors
    /// As [`poll_output`](Self::poll_output).
    pub fn poll_ready(&mut self, out: &mut Vec<u8>) -> Result<Output<()>, Error> {
        // The goodbye leaves before the end is told, for a driver stops there.
        let first = matches!(self.state, State::Closing) || self.channel.unsent() >= HIGH_WATER;
        if first && self.transmit(out)? {
            return Ok(Output::Transmit);
        }
        let happened = match &self.state {
            State::Failed(error) => {
                let error = error.clone();
                // What the peer should still get: an alert, or the packet before the failure.
                return if self.channel.transmit(out).unwrap_or(false) { Ok(Output::Transmit) } else { Err(error) };
            }
            _ => self.advance().map_err(|error| self.fail(error)),
        };
        match happened {
            Ok(Some(happened)) => {
                self.ready = Some(happened);
                return Ok(Output::Event(()));
            }
            Ok(None) => {}
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

    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let sent = self.channel.transmit(out).map_err(|error| self.fail(Error::Tls(error)))?;
        self.facts.bytes_out = self.channel.bytes_out;
        Ok(sent)
    }

    /// What this connection negotiated so far.
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The server's status as of the last answer.
    pub const fn status(&self) -> StatusFlags {
        match &self.state {
            State::Session(session) => session.status,
            _ => StatusFlags::NONE,
        }
    }

    /// Whether every command was answered.
    pub fn is_idle(&self) -> bool {
        matches!(&self.state, State::Session(session) if session.is_idle())
    }

    /// Steps until there is something for the application, or more input is needed.
    fn advance(&mut self) -> Result<Option<Happened>, Error> {
        loop {
            match &mut self.state {
                State::Handshake(_) => {
                    if let Some(happened) = self.advance_handshake()? {
                        return Ok(Some(happened));
                    }
                    if matches!(self.state, State::Handshake(_)) {
                        return Ok(None);
                    }
                }
                State::Session(session) => {
                    if let Some(happened) = session.step(&mut self.channel, &self.config)? {
                        return Ok(Some(happened));
                    }
                    if !self.eof && !self.channel.peer_has_closed() {
                        return Ok(None);
                    }
                    if !session.is_idle() || self.channel.has_more() {
                        return Err(Error::ConnectionLost("during query"));
                    }
                    self.enter(State::Closed);
                    return Ok(Some(Happened::Closed));
                }
                State::Closing => {
                    self.enter(State::Closed);
                    return Ok(Some(Happened::Closed));
                }
                State::Closed | State::Failed(_) => return Ok(None),
            }
        }
    }

    fn advance_handshake(&mut self) -> Result<Option<Happened>, Error> {
        loop {
            let State::Handshake(handshake) = core::mem::replace(&mut self.state, State::Closed) else {
                return Ok(None);
            };
            let (from, stage) = (handshake.name(), handshake.stage());
            let mut with = Surroundings {
                config: &self.config,
                channel: &mut self.channel,
                facts: &mut self.facts,
                now: self.now,
            };
            let again = match handshake.step(&mut with)? {
                Next::Wait(next) => {
                    self.state = State::Handshake(next);
                    false
                }
                Next::Again(next) => {
                    self.tell_state(from, next.name());
                    self.state = State::Handshake(next);
                    true
                }
                Next::Connected(packet, login) => {
                    self.tell_state(from, "Session");
                    self.channel.limit = self.config.max_packet as usize;
                    if let Some(algorithm) = self.facts.compression {
                        self.channel.start_compression(algorithm);
                    }
                    let capabilities = self.facts.capabilities;
                    self.state = State::Session(Session::new(login, capabilities, self.config.local_infile));
                    return Ok(Some(Happened::Connected(packet)));
                }
            };
            if !again {
                let over = self.eof || self.channel.peer_has_closed();
                return if over { Err(Error::ConnectionLost(stage)) } else { Ok(None) };
            }
        }
    }

    /// The event that [`poll_ready`](Self::poll_ready) announced; `None` where there is none, or it was taken.
    ///
    /// # Errors
    /// Where the server's packet can't be read.
    pub fn event(&mut self) -> Result<Option<Event<'_>>, Error> {
        match self.ready.take() {
            Some(happened) => self.complete(happened).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the event that [`poll_ready`](Self::poll_ready) announced is a row.
    pub const fn is_row_ready(&self) -> bool {
        matches!(self.ready, Some(Happened::TextRow(_) | Happened::BinaryRow(_)))
    }

    /// Goes to the row that [`poll_ready`](Self::poll_ready) announced, or where it announced nothing, to the next that lies in the
    /// buffer whole, and says in which format it is: for results of many rows a shorter way than `poll_ready` and
    /// [`event`](Self::event), which say what is to be done where this is `None`.
    #[inline]
    pub fn advance_row(&mut self) -> Option<RowFormat> {
        if self.ready.is_some() {
            return self.take_ready_row();
        }
        let State::Session(session) = &self.state else { return None };
        let format = session.awaited_rows()?;
        self.channel.next_row(|payload| session.is_row(payload, format), &mut self.row).then_some(format)
    }

    fn take_ready_row(&mut self) -> Option<RowFormat> {
        let (packet, format) = match self.ready.take() {
            Some(Happened::TextRow(packet)) => (packet, RowFormat::Text),
            Some(Happened::BinaryRow(packet)) => (packet, RowFormat::Binary),
            other => {
                self.ready = other;
                return None;
            }
        };
        self.row = packet;
        Some(format)
    }

    /// The row of a text result that [`advance_row`](Self::advance_row) went to; it is there until input is handled.
    #[inline]
    pub fn text_row(&self) -> TextRow<'_> {
        TextRow::new(self.channel.payload(&self.row))
    }

    /// As [`text_row`](Self::text_row), of a prepared statement's result.
    ///
    /// # Errors
    /// Where it is none: `advance_row` said otherwise.
    #[inline]
    pub fn binary_row(&self) -> Result<BinaryRow<'_>, Error> {
        Ok(BinaryRow::new(self.channel.payload(&self.row), self.columns())?)
    }

    /// The columns of the result that is being read, or was read last.
    #[inline]
    pub fn columns(&self) -> &[ColumnDefinition] {
        match &self.state {
            State::Session(session) => &session.columns,
            _ => &[],
        }
    }

    /// Completes an event with what it borrows.
    fn complete(&mut self, happened: Happened) -> Result<Event<'_>, Error> {
        let capabilities = self.facts.capabilities;
        if let Happened::Connected(packet) | Happened::Ok(packet) = &happened {
            let payload = self.channel.payload(packet);
            let status = OkPacket::decode(payload, capabilities).map(|ok| ok.status);
            if let (State::Session(session), Ok(status)) = (&mut self.state, status) {
                session.status = status;
            }
        }
        let columns = match &self.state {
            State::Session(session) => session.columns.as_slice(),
            _ => &[],
        };
        let borrowed = |packet| self.channel.payload(packet);
        Ok(match happened {
            Happened::Connected(packet) => Event::Connected(OkPacket::decode(borrowed(&packet), capabilities)?),
            Happened::Ok(packet) => Event::Ok(OkPacket::decode(borrowed(&packet), capabilities)?),
            Happened::ResultSet => Event::ResultSet(columns),
            Happened::TextRow(packet) => Event::TextRow(TextRow::new(borrowed(&packet))),
            Happened::BinaryRow(packet) => Event::BinaryRow(BinaryRow::new(borrowed(&packet), columns)?),
            Happened::ResultEnd { status, warnings } => Event::ResultEnd { status, warnings },
            Happened::Failed(error) => Event::Failed(error),
            Happened::Prepared(prepared) => Event::Prepared(prepared),
            Happened::Text(packet) => Event::Text(borrowed(&packet)),
            Happened::LocalInfile(packet) => {
                Event::LocalInfile { filename: borrowed(&packet).get(1..).unwrap_or_default() }
            }
            Happened::Closed => Event::Closed,
        })
    }

    fn enter(&mut self, state: State) {
        self.tell_state("Session", "Closed");
        self.state = state;
    }

    fn tell_state(&self, from: &'static str, to: &'static str) {
        if from != to {
            self.channel.tracer.tell(|| trace::Event::State { from, to });
        }
    }

    /// Makes the failure stick.
    fn fail(&mut self, error: Error) -> Error {
        if let State::Failed(first) = &self.state {
            return first.clone();
        }
        self.channel.tracer.tell(|| trace::Event::State { from: "any", to: "Failed" });
        self.state = State::Failed(error.clone());
        error
    }
}

/// Tells the observer of an answer by its first byte; rows and definitions are not told of one by one.
fn tell_reply(channel: &Channel, sequence: u8, payload: &[u8]) {
    let connecting = channel.limit == PRE_AUTHENTICATION_LIMIT;
    let name = match payload.first() {
        Some(0x01) if connecting => "AuthMoreData",
        Some(0xfe) if connecting => "AuthSwitchRequest",
        Some(0x00) => "OK_Packet",
        Some(0xfb) => "LOCAL INFILE Request",
        Some(0xfe) => "EOF_Packet",
        Some(0xff) => "ERR_Packet",
        _ => "ColumnCount",
    };
    channel.tell_packet(Direction::Received, sequence, payload.len(), name, || match payload.first() {
        Some(0xff) => match ErrPacket::decode(payload) {
            Ok(error) => format!("{}", error.to_sql_error()),
            Err(_) => String::new(),
        },
        _ => String::new(),
    });
}
