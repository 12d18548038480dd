//! The driver of core's client over a socket: it waits for the server, or says what is to be waited for.

use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{Buffers, Config, Connection, Event, Io, LentRows, drive};
use sealwire_core::error::{Error, Side};
use sealwire_core::{Input, Now, Output, SqlError};
use sealwire_net::clock;
use sealwire_net::closing::{Closing, read_to_the_end};

use super::failure;
use super::socket::{CLOSING_TIME, Socket};
use super::waits::{Mode, Wanted};

/// The size of one read from the socket.
const READ_SIZE: usize = 64 * 1024;

/// A connection that was made.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    io: SocketIo,
    buffers: Buffers,
    /// The rows that a result reads. The connection gets them back before it does anything else.
    lent: LentRows,
    /// The error of a connection whose peer still reads the reason, and the end of the time for that.
    ending: Option<(SqlError, Duration)>,
    /// An event that came while bytes were sent.
    held: Option<Event>,
    /// The process that connected: after a fork the child must not touch the parent's TLS session.
    process: u32,
    logged_in: bool,
    /// Whether the connection can no longer be used.
    over: bool,
    /// The reason that the server gave when it ended the idle connection.
    last_word: Option<SqlError>,
}

/// The socket as the transport that `drive` uses.
#[derive(Debug)]
struct SocketIo {
    socket: Socket,
    /// The longest wait for bytes of the server.
    read_timeout: Option<Duration>,
    /// The longest wait until the server takes bytes.
    write_timeout: Option<Duration>,
    /// The timeout that the socket has now, because changing it costs a system call.
    current: Option<Duration>,
    mode: Mode,
    /// The bytes that the socket did not take at once.
    unsent: Vec<u8>,
    /// The time since which a non-blocking call waits without progress.
    waits_since: Option<Duration>,
    /// The deadline of which the program said that it has passed.
    passed: Duration,
    /// The events for which a non-blocking call has to wait.
    wanted: Wanted,
}

/// Why the driver stopped.
enum Stop {
    Protocol(Error),
    Transport(SqlError),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Protocol(error)
    }
}

impl SocketIo {
    /// Writes what the socket takes: all in the blocking mode.
    fn write(&mut self) -> Result<(), Stop> {
        let written = match self.mode {
            Mode::Blocking => self.socket.write_all(&self.unsent).map(|()| self.unsent.len()),
            Mode::NonBlocking { .. } => self.socket.write_now(&self.unsent),
        };
        match written {
            Ok(length) => {
                if length > 0 {
                    self.waits_since = None;
                }
                self.unsent.drain(..length.min(self.unsent.len()));
                Ok(())
            }
            // A server may have sent its reason before it closed, so the next read reports the end, not this write.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                self.unsent.clear();
                Ok(())
            }
            Err(error) => {
                self.unsent.clear();
                match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(timed_out(true)),
                    _ => Err(Stop::Transport(failure::lost(&format!("writing: {error}")))),
                }
            }
        }
    }

    /// Notes the events for which a non-blocking call has to wait, until the machine's deadline or the end of a timeout; `false` where that
    /// time has come.
    fn waits(&mut self, read: bool, deadline: Option<Duration>) -> bool {
        let now = clock::monotonic();
        let since = *self.waits_since.get_or_insert(now);
        let write = !self.unsent.is_empty();
        let timeout = if write { self.write_timeout } else { self.read_timeout };
        let until = [deadline, timeout.map(|timeout| since.saturating_add(timeout))].into_iter().flatten().min();
        let timed_out = std::mem::replace(&mut self.mode, Mode::NonBlocking { timed_out: false })
            == Mode::NonBlocking { timed_out: true };
        if until.is_some_and(|until| timed_out || now >= until) {
            self.waits_since = None;
            self.passed = until.unwrap_or_default();
            return false;
        }
        self.wanted = Wanted { read, write, until };
        true
    }

    /// As [`Io::receive`] in the non-blocking mode.
    fn receive_now<'a>(
        &mut self,
        bytes: &'a mut Vec<u8>,
        deadline: Option<Duration>,
    ) -> Result<Option<Input<'a>>, Stop> {
        if !self.unsent.is_empty() {
            self.write()?;
        }
        match self.socket.read_now_behind(bytes, READ_SIZE) {
            Ok(0) => Ok(Some(Input::Eof)),
            Ok(_) => {
                self.waits_since = None;
                Ok(Some(Input::Bytes(bytes)))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted if self.waits(true, deadline) => Ok(None),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted if deadline.is_some() => {
                    Ok(Some(Input::Timeout))
                }
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Err(timed_out(!self.unsent.is_empty())),
                io::ErrorKind::ConnectionReset => Ok(Some(Input::Eof)),
                _ => Err(not_read(&error)),
            },
        }
    }
}

fn not_read(error: &io::Error) -> Stop {
    Stop::Transport(match error.kind() {
        io::ErrorKind::OutOfMemory => failure::no_memory(),
        _ => failure::lost(&format!("reading: {error}")),
    })
}

fn timed_out(writing: bool) -> Stop {
    let what = if writing { "the write timeout is over" } else { "the read timeout is over" };
    Stop::Transport(failure::lost(what))
}

impl Io for SocketIo {
    type Error = Stop;

    fn now(&self) -> Now {
        let now = clock::now();
        Now { monotonic: now.monotonic.max(self.passed), ..now }
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), Stop> {
        if self.unsent.is_empty() {
            std::mem::swap(bytes, &mut self.unsent);
        } else {
            self.unsent.append(bytes);
        }
        let written = self.write();
        if self.unsent.is_empty() {
            // The buffers keep their memory.
            std::mem::swap(bytes, &mut self.unsent);
        }
        written
    }

    fn receive<'a>(&mut self, bytes: &'a mut Vec<u8>, deadline: Option<Duration>) -> Result<Option<Input<'a>>, Stop> {
        if self.mode != Mode::Blocking {
            return self.receive_now(bytes, deadline);
        }
        let until = deadline.map(|at| clock::until(at, clock::now()).max(Duration::from_millis(1)));
        let wait = match (until, self.read_timeout) {
            (Some(until), Some(timeout)) => Some(until.min(timeout)),
            (until, timeout) => until.or(timeout),
        };
        if wait != self.current {
            let set = self.socket.set_read_timeout(wait);
            set.map_err(|error| not_read(&error))?;
            self.current = wait;
        }
        loop {
            return match self.socket.read_behind(bytes, READ_SIZE) {
                Ok(0) => Ok(Some(Input::Eof)),
                Ok(_) => Ok(Some(Input::Bytes(bytes))),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if deadline.is_none() => Err(timed_out(false)),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(Some(Input::Timeout)),
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::ConnectionReset => Ok(Some(Input::Eof)),
                    _ => Err(not_read(&error)),
                },
            };
        }
    }
}

impl Link {
    /// A connection over a connected socket, whose first event tells of the login.
    pub(crate) fn new(
        socket: Socket,
        config: Config,
        read_timeout: Option<Duration>,
        write_timeout: Option<Duration>,
    ) -> Self {
        let io = SocketIo {
            socket,
            read_timeout,
            write_timeout,
            current: None,
            mode: Mode::Blocking,
            unsent: Vec::new(),
            waits_since: None,
            passed: Duration::ZERO,
            wanted: Wanted::default(),
        };
        Self {
            connection: Connection::new(Arc::new(config), clock::now()),
            io,
            buffers: Buffers::default(),
            lent: LentRows::default(),
            ending: None,
            held: None,
            process: process::id(),
            logged_in: false,
            over: false,
            last_word: None,
        }
    }

    /// Whether no error has ended the connection yet.
    pub(crate) const fn is_alive(&self) -> bool {
        !self.over
    }

    /// Whether this process made the connection.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// Whether a command can be sent. A server that closed the idle connection is noticed here, before the command is lost.
    pub(crate) fn is_usable(&mut self, mode: Mode) -> bool {
        self.settle();
        self.io.mode = mode;
        if self.over || !self.is_ours() {
            return false;
        }
        if self.connection.is_idle() && self.held.is_none() && self.io.socket.is_readable() {
            // An idle server sends an error or the end alone, so this read returns at once and ends the connection. Tickets of
            // TLS 1.3 are the exception: they make no event, and the read after them would block.
            let mut bytes = Vec::new();
            match self.io.receive(&mut bytes, None) {
                Ok(Some(input)) => {
                    // The next poll returns the error.
                    let _ = self.connection.handle_input(input, clock::now());
                    let mut out = Vec::new();
                    match self.connection.poll_output(&mut out) {
                        Ok(Output::Event(Event::Closed)) => self.over = true,
                        Err(error) => {
                            self.over = true;
                            self.last_word = match error {
                                Error::Refused { by: Side::Server, error } => Some(error),
                                _ => None,
                            };
                        }
                        Ok(Output::Event(event)) => self.held = Some(event),
                        Ok(Output::Transmit | Output::Wait(_)) => {
                            self.over = !out.is_empty() && self.io.send(&mut out).is_err();
                        }
                    }
                }
                Ok(None) => {}
                Err(_) => self.over = true,
            }
        }
        !self.over
    }

    /// The reason that the server gave when it ended the idle connection.
    pub(crate) const fn take_last_word(&mut self) -> Option<SqlError> {
        self.last_word.take()
    }

    /// The events for which a call has to wait, if [`Self::event`] or [`Self::flush`] says so.
    pub(crate) const fn wanted(&self) -> Wanted {
        self.io.wanted
    }

    /// Sends and receives until there is an event. `None`: the call has to wait.
    pub(crate) fn event(&mut self, mode: Mode) -> Result<Option<Event>, SqlError> {
        self.settle();
        self.io.mode = mode;
        if self.ending.is_some() {
            return self.end();
        }
        if let Some(event) = self.held.take() {
            return Ok(Some(event));
        }
        if self.over {
            return Err(failure::gone());
        }
        match drive(&mut self.connection, &mut self.io, &mut self.buffers) {
            Ok(Some(event)) => {
                self.over |= matches!(event, Event::Closed);
                self.logged_in |= matches!(event, Event::Connected(_));
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(Stop::Transport(error)) => {
                self.over = true;
                Err(error)
            }
            Err(Stop::Protocol(error)) => {
                self.over = true;
                // No alert was sent to a peer that is silent or gone, because nobody would read it.
                if matches!(error, Error::TimedOut(_) | Error::ConnectionLost(_)) {
                    return Err(error.as_client_error());
                }
                self.io.socket.end_writing();
                self.ending = Some((error.as_client_error(), clock::monotonic().saturating_add(CLOSING_TIME)));
                self.end()
            }
        }
    }

    /// Reads until the peer of a failed connection closes, for a short time at most.
    fn end(&mut self) -> Result<Option<Event>, SqlError> {
        let Some((error, until)) = self.ending.take() else { return Err(failure::gone()) };
        self.io.read_timeout = None;
        self.io.unsent.clear();
        let (socket, is_blocking) = (&self.io.socket, self.io.mode == Mode::Blocking);
        let closing = read_to_the_end(until, |discarded, left| match is_blocking {
            true => socket.set_read_timeout(Some(left)).and_then(|()| socket.read(discarded)),
            false => socket.read_now(discarded),
        });
        if closing == Closing::Waits && !is_blocking && self.io.waits(true, Some(until)) {
            self.ending = Some((error, until));
            return Ok(None);
        }
        Err(error)
    }

    /// Sends what the commands have queued, without waiting for an answer. `false`: the call has to wait.
    pub(crate) fn flush(&mut self, mode: Mode) -> Result<bool, SqlError> {
        self.settle();
        self.io.mode = mode;
        let mut outgoing = Vec::new();
        let flushed = self.flush_into(&mut outgoing);
        flushed.map_err(|stop| {
            self.over = true;
            match stop {
                Stop::Transport(error) => error,
                Stop::Protocol(error) => error.as_client_error(),
            }
        })
    }

    fn flush_into(&mut self, outgoing: &mut Vec<u8>) -> Result<bool, Stop> {
        if !self.io.unsent.is_empty() {
            self.io.write()?;
        }
        loop {
            match self.connection.poll_output(outgoing)? {
                Output::Transmit => self.io.send(outgoing)?,
                Output::Event(event) => {
                    self.held = Some(event);
                    break;
                }
                Output::Wait(_) => break,
            }
        }
        if self.io.unsent.is_empty() {
            return Ok(true);
        }
        if self.io.waits(false, None) { Ok(false) } else { Err(timed_out(true)) }
    }

    /// Puts bytes before the first packet; [`Self::flush`] sends them.
    pub(crate) fn put_first(&mut self, bytes: &[u8]) {
        self.io.unsent.extend_from_slice(bytes);
    }

    /// The rows that the connection has lent.
    #[inline]
    pub(crate) const fn lent(&mut self) -> &mut LentRows {
        &mut self.lent
    }

    /// Lends the bytes that have arrived, where rows are due.
    pub(crate) fn lend(&mut self) -> bool {
        self.settle();
        self.held.is_none() && self.connection.lend_rows(&mut self.lent)
    }

    /// Gives the connection its bytes back.
    fn settle(&mut self) {
        self.connection.take_back(&mut self.lent);
    }

    /// Moves to the next row if it was received.
    #[inline]
    pub(crate) fn advance_row(&mut self) -> bool {
        self.settle();
        self.held.is_none() && self.connection.advance_row().is_some()
    }

    /// Whether the login is over.
    pub(crate) const fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Whether an answer of the server is to be read.
    pub(crate) fn is_busy(&self) -> bool {
        self.held.is_some() || !self.connection.is_idle()
    }

    /// Queues COM_QUIT, where the connection can be ended so; [`Self::flush`] sends it.
    pub(crate) fn quit(&mut self) -> bool {
        !self.over && self.is_ours() && self.connection.quit().is_ok()
    }
}

/// Why there is no further row.
#[derive(Debug)]
pub(crate) enum RowStop {
    /// The result has ended.
    End { status: u16, warnings: u16 },
    /// The statement or the connection failed.
    Failed(SqlError),
}
