//! The client's side of a connection.

mod authentication;
mod commands;
mod config;
mod drive;
mod event;
mod handshake;
mod local_infile;
mod relay;
mod replication;
mod reply_trace;
mod results;
mod stream;
#[cfg(test)]
mod testing;

pub use config::{Config, Streaming, TlsPolicy};
pub use drive::{Buffers, Io, drive};
pub use event::{Event, Prepared, RowFormat, Summary};
pub use handshake::GREETING;
pub use replication::{Flavor, Replication, ReplicationSettings, Source, StartPosition};

pub use crate::lent_rows::LentRows;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::{Error, Side};
use crate::facts::Facts;
use crate::link::Link;
use crate::machine::{Input, Now, Output};
use crate::message::{BinaryRow, ColumnDefinition, StatusFlags, TextRow};
use crate::received::Received;
use crate::tls::TlsError;
use crate::trace::Tracer;
use handshake::{AwaitGreeting, Context, Handshake, Next, Opening, error_before_tls};
use results::CommandPhase;

/// A connection to a MySQL server, without the socket. [`drive`] is a loop that runs it, for drivers that wait for nothing else.
///
/// Its methods are of four kinds:
/// - input, [`handle_input`](Self::handle_input): bytes, end of file, time. Changes the state.
/// - output, [`poll_output`](Self::poll_output): bytes to send, events, the next deadline. Call it after each input and each command until
///   it returns [`Output::Wait`]; only then wait for more input. [`advance_row`](Self::advance_row),
///   [`advance_to_payload`](Self::advance_to_payload) and [`lend_rows`](Self::lend_rows) are a shorter way to rows that have already arrived.
///   They may be called instead of `poll_output` at any time; if they return `None` or `false`, call `poll_output`.
/// - commands: queue a request. They may be called before earlier requests are answered; the answers come in the order of the requests. The
///   commands are [`query`](Self::query), [`query_with_attributes`](Self::query_with_attributes), [`prepare`](Self::prepare),
///   [`execute`](Self::execute), [`execute_as`](Self::execute_as),
///   [`execute_with_cursor`](Self::execute_with_cursor), [`execute_bulk`](Self::execute_bulk), [`prepare_and_execute`](Self::prepare_and_execute),
///   [`fetch`](Self::fetch), [`send_long_data`](Self::send_long_data), [`reset_statement`](Self::reset_statement),
///   [`close_statement`](Self::close_statement), [`ping`](Self::ping), [`init_db`](Self::init_db), [`statistics`](Self::statistics),
///   [`reset_connection`](Self::reset_connection), [`set_option`](Self::set_option), [`process_kill`](Self::process_kill),
///   [`field_list`](Self::field_list), [`change_user`](Self::change_user), [`binlog_dump`](Self::binlog_dump),
///   [`binlog_dump_gtid`](Self::binlog_dump_gtid), [`register_replica`](Self::register_replica), and [`quit`](Self::quit), which must be the last one. Answer
///   [`Event::LocalInfile`] with [`local_infile_data`](Self::local_infile_data), [`local_infile_end`](Self::local_infile_end) and
///   [`local_infile_refuse`](Self::local_infile_refuse), which are for this event only.
/// - getters: [`facts`](Self::facts), [`status`](Self::status), [`is_idle`](Self::is_idle),
///   [`can_execute_last_prepared`](Self::can_execute_last_prepared), and the data of the last event: [`columns`](Self::columns),
///   [`text_row`](Self::text_row), [`binary_row`](Self::binary_row), [`row_payload`](Self::row_payload). They change nothing.
///
/// Failure is sticky: after an error every input and command returns that error, and so does `poll_output` once the last bytes for the peer
/// (an alert) have been taken.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    link: Link,
    received: Received,
    state: State,
}

/// The phase of the connection.
#[derive(Debug)]
enum State {
    /// `None` while a step runs, and after a step that failed.
    Handshake(Option<Handshake>),
    Commands(CommandPhase),
}

impl Connection {
    /// Creates a connection that waits for the server's greeting. The connect timeout starts at `now`.
    pub fn new(config: Arc<Config>, now: Now) -> Self {
        Self::with_login(config, AwaitGreeting::default(), now)
    }

    fn with_login(config: Arc<Config>, first: AwaitGreeting, now: Now) -> Self {
        let first = if config.direct { Handshake::Opening(Opening(first)) } else { Handshake::AwaitGreeting(first) };
        let tracer = Tracer::new(config.observer.clone(), Side::Client, first.name());
        let facts = Facts { transport: config.transport, ..Facts::default() };
        let link = Link::new(tracer, facts, config.connect_timeout, now);
        Self { config, link, received: Received::default(), state: State::Handshake(Some(first)) }
    }

    /// Processes input. Call [`poll_output`](Self::poll_output) afterwards for the events and bytes that follow from it.
    ///
    /// # Errors
    /// The sticky error, if this or an earlier input broke the connection.
    pub fn handle_input(&mut self, input: Input<'_>, now: Now) -> Result<(), Error> {
        let stage = match &self.state {
            State::Handshake(Some(handshake)) => handshake.stage(),
            State::Commands(phase) => stage_of(phase),
            State::Handshake(None) => DURING_QUERY,
        };
        let is_progress = matches!(&input, Input::Bytes(bytes) if !bytes.is_empty());
        let told = match (&input, &self.state) {
            (Input::Bytes(bytes), State::Handshake(Some(Handshake::Securing(_)))) => error_before_tls(bytes),
            _ => None,
        };
        self.link.handle_input(input, now, &mut self.received, stage).map_err(|error| {
            self.link.fail(match (error, told) {
                (Error::Tls(TlsError::NotTls | TlsError::Protocol(_)), Some(told)) => told,
                (error, _) => error,
            })
        })?;
        if is_progress
            && !self.link.is_over()
            && let State::Commands(phase) = &self.state
        {
            self.link.wait_at_most(phase.silence());
        }
        Ok(())
    }

    /// Moves the bytes of a packet that has not arrived completely to `incoming`, if that is empty, so that the driver receives the others
    /// behind them. It must hand them in again with the next [`Input::Bytes`]. This saves a copy, where there is neither TLS nor compression;
    /// there it does nothing. [`drive`] calls it.
    pub fn lend_incomplete(&mut self, incoming: &mut Vec<u8>) {
        self.link.channel.lend_incomplete(&mut self.received, incoming);
    }

    /// Returns the next thing for the driver to do; see the type's documentation. Appends bytes to send to `out`.
    ///
    /// # Errors
    /// The sticky error of a connection that has failed.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) -> Result<Output<Event>, Error> {
        let Self { config, link, received, state } = self;
        link.poll(
            received,
            out,
            || Event::Closed,
            |link, received| state.advance(config, link, received).map_err(|error| link.fail(error)),
        )
    }

    /// Moves to the next row if all of it is in the buffer, and returns its format. For results with many rows this is faster than
    /// [`poll_output`](Self::poll_output), which must be called if this returns `None`.
    #[inline]
    pub fn advance_row(&mut self) -> Option<RowFormat> {
        match &mut self.state {
            State::Commands(phase) if !self.link.is_over() => {
                phase.next_row(&mut self.link.channel, &mut self.received)
            }
            _ => None,
        }
    }

    /// As [`advance_row`](Self::advance_row), but returns the row's payload, as [`row_payload`](Self::row_payload) does.
    #[inline]
    pub fn advance_to_payload(&mut self) -> Option<&[u8]> {
        match &mut self.state {
            State::Commands(phase) if !self.link.is_over() => {
                phase.next_row(&mut self.link.channel, &mut self.received)?;
                Some(self.received.payload(&phase.row))
            }
            _ => None,
        }
    }

    /// Lends the received bytes for the time in which the driver reads the rows in them. Before it does anything else with the connection, it
    /// must give them back with [`take_back`](Self::take_back). Returns `false` if no rows are due or no bytes have arrived.
    pub fn lend_rows(&mut self, rows: &mut LentRows) -> bool {
        match &mut self.state {
            State::Commands(phase) if !self.link.is_over() => {
                phase.lend_rows(&self.link.channel, &mut self.received, rows)
            }
            _ => false,
        }
    }

    /// Takes back what [`lend_rows`](Self::lend_rows) lent. The connection has moved to the row that the driver has read last, which is gone.
    pub fn take_back(&mut self, rows: &mut LentRows) {
        self.link.channel.take_back(&mut self.received, rows);
    }

    /// The parameters that this connection has negotiated so far.
    pub const fn facts(&self) -> &Facts {
        &self.link.facts
    }

    /// The server's status flags in its last answer.
    pub const fn status(&self) -> StatusFlags {
        match &self.state {
            State::Commands(phase) => phase.status,
            State::Handshake(_) => StatusFlags::NONE,
        }
    }

    /// Whether the connection is established and every command is answered.
    pub fn is_idle(&self) -> bool {
        !self.link.is_over() && matches!(&self.state, State::Commands(phase) if phase.is_idle())
    }

    /// The text row that [`Event::Row`] or [`advance_row`](Self::advance_row) announced. It is valid until the next event, the next call of
    /// `advance_row` or the next call of [`handle_input`](Self::handle_input). Without a row this has no values.
    #[inline]
    pub fn text_row(&self) -> TextRow<'_> {
        TextRow::new(self.row_payload())
    }

    /// As [`text_row`](Self::text_row), for a row of a prepared statement's result.
    ///
    /// # Errors
    /// If there is no such row.
    #[inline]
    pub fn binary_row(&self) -> Result<BinaryRow<'_>, Error> {
        Ok(BinaryRow::new(self.row_payload(), self.columns())?)
    }

    /// The payload of that row, in which a driver may keep it: [`TextRow::new`] or [`BinaryRow::new`] decode it again. After
    /// [`Event::BinlogEvent`], the event.
    #[inline]
    pub fn row_payload(&self) -> &[u8] {
        match &self.state {
            State::Commands(phase) => self.received.payload(&phase.row),
            State::Handshake(_) => &[],
        }
    }

    /// The columns of the current or last result.
    #[inline]
    pub fn columns(&self) -> &[ColumnDefinition] {
        match &self.state {
            State::Commands(phase) => &phase.columns,
            State::Handshake(_) => &[],
        }
    }
}

/// The stage in which a connection is lost that waits for an answer.
const DURING_QUERY: &str = "during query";

fn stage_of(phase: &CommandPhase) -> &'static str {
    if phase.streaming().is_some() { "while it sent the binary log" } else { DURING_QUERY }
}

impl State {
    /// Runs steps until there is an event or until more input is needed.
    fn advance(
        &mut self,
        config: &Arc<Config>,
        link: &mut Link,
        received: &mut Received,
    ) -> Result<Option<Event>, Error> {
        match self {
            Self::Handshake(_) => self.advance_handshake(config, link, received),
            Self::Commands(phase) => {
                let event = phase.step(link, received, config)?;
                if phase.silence().is_none() {
                    link.wait_at_most(None);
                }
                if event.is_some() {
                    return Ok(event);
                }
                if !link.peer_has_closed() {
                    return Ok(None);
                }
                if !phase.is_idle() || link.channel.has_more(received) {
                    return Err(Error::ConnectionLost(stage_of(phase)));
                }
                link.finish();
                Ok(Some(Event::Closed))
            }
        }
    }

    fn advance_handshake(
        &mut self,
        config: &Arc<Config>,
        link: &mut Link,
        received: &mut Received,
    ) -> Result<Option<Event>, Error> {
        while let Self::Handshake(state) = self
            && let Some(handshake) = state.take()
        {
            let stage = handshake.stage();
            match handshake.step(&mut Context { config, link, received })? {
                Next::Wait(next) => {
                    *state = Some(next);
                    return if link.peer_has_closed() { Err(Error::ConnectionLost(stage)) } else { Ok(None) };
                }
                Next::Again(next) => {
                    link.channel.tracer.enter(next.name());
                    *state = Some(next);
                }
                Next::Connected(summary, login) => {
                    link.begin_commands(config.max_packet, received);
                    let capabilities = link.facts.capabilities;
                    *self = Self::Commands(CommandPhase::new(login, capabilities, summary.status, config.local_infile));
                    return Ok(Some(Event::Connected(summary)));
                }
            }
        }
        Ok(None)
    }
}
