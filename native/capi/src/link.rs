//! The driver of core's client over a blocking socket.

use std::io;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{Buffers, Config, Connection, Event, Io, Summary, drive};
use sealwire_core::error::{Error, Side};
use sealwire_core::{Input, Now, Output, SqlError};
use sealwire_net::clock;

use super::failure;
use super::socket::Socket;

/// The size of one read from the socket.
const READ_SIZE: usize = 64 * 1024;

/// A connection that was made.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: Connection,
    io: SocketIo,
    buffers: Buffers,
    /// An event that came while bytes were sent.
    held: Option<Event>,
    /// The process that connected: after a fork the child must not touch the parent's TLS session.
    process: u32,
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
    /// The timeout that the socket has now, because changing it costs a system call.
    current: Option<Duration>,
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

impl Io for SocketIo {
    type Error = Stop;

    fn now(&self) -> Now {
        clock::now()
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), Stop> {
        let written = self.socket.write_all(bytes);
        bytes.clear();
        match written {
            // A server may have sent its reason before it closed, so the next read reports the end, not this write.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            Err(error) => Err(Stop::Transport(failure::lost(&format!("writing: {error}")))),
            Ok(()) => Ok(()),
        }
    }

    fn receive<'a>(&mut self, bytes: &'a mut Vec<u8>, deadline: Option<Duration>) -> Result<Option<Input<'a>>, Stop> {
        let until = deadline.map(|at| clock::until(at, clock::now()).max(Duration::from_millis(1)));
        let wait = match (until, self.read_timeout) {
            (Some(until), Some(timeout)) => Some(until.min(timeout)),
            (until, timeout) => until.or(timeout),
        };
        if wait != self.current {
            let set = self.socket.set_read_timeout(wait);
            set.map_err(|error| Stop::Transport(failure::lost(&format!("reading: {error}"))))?;
            self.current = wait;
        }
        match self.socket.read_behind(bytes, READ_SIZE) {
            Ok(0) => Ok(Some(Input::Eof)),
            Ok(_) => Ok(Some(Input::Bytes(bytes))),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut if deadline.is_none() => {
                    Err(Stop::Transport(failure::lost("the read timeout is over")))
                }
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(Some(Input::Timeout)),
                io::ErrorKind::Interrupted => Ok(None),
                io::ErrorKind::ConnectionReset => Ok(Some(Input::Eof)),
                _ => Err(Stop::Transport(failure::lost(&format!("reading: {error}")))),
            },
        }
    }
}

impl Link {
    /// Logs in over a connected socket.
    pub(crate) fn log_in(
        socket: Socket,
        config: Config,
        read_timeout: Option<Duration>,
    ) -> Result<(Self, Summary), SqlError> {
        let connection = Connection::new(Arc::new(config), clock::now());
        let io = SocketIo { socket, read_timeout, current: None };
        let mut link = Self {
            connection,
            io,
            buffers: Buffers::default(),
            held: None,
            process: process::id(),
            over: false,
            last_word: None,
        };
        match link.next_event()? {
            Event::Connected(summary) => Ok((link, summary)),
            _ => Err(failure::unexpected()),
        }
    }

    /// Whether no error has ended the connection yet.
    pub(crate) const fn is_alive(&self) -> bool {
        !self.over
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.io.socket
    }

    /// Whether this process made the connection.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// Whether a command can be sent. A server that closed the idle connection is noticed here, before the command is lost.
    pub(crate) fn is_usable(&mut self) -> bool {
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

    /// Sends and receives until there is an event.
    pub(crate) fn next_event(&mut self) -> Result<Event, SqlError> {
        if let Some(event) = self.held.take() {
            return Ok(event);
        }
        if self.over {
            return Err(failure::gone());
        }
        loop {
            match drive(&mut self.connection, &mut self.io, &mut self.buffers) {
                Ok(Some(event)) => {
                    self.over |= matches!(event, Event::Closed);
                    return Ok(event);
                }
                // A signal interrupted the read.
                Ok(None) => {}
                Err(Stop::Transport(error)) => {
                    self.over = true;
                    return Err(error);
                }
                Err(Stop::Protocol(error)) => {
                    self.over = true;
                    // No alert was sent to a peer that is silent or gone, because nobody would read it.
                    if !matches!(error, Error::TimedOut(_) | Error::ConnectionLost(_)) {
                        self.io.socket.close_after_alert();
                    }
                    return Err(error.as_client_error());
                }
            }
        }
    }

    /// Sends what the commands have queued, without waiting for an answer.
    pub(crate) fn flush(&mut self) -> Result<(), SqlError> {
        let mut outgoing = Vec::new();
        loop {
            match self.connection.poll_output(&mut outgoing) {
                Ok(Output::Transmit) => {
                    if let Err(Stop::Transport(error)) = self.io.send(&mut outgoing) {
                        self.over = true;
                        return Err(error);
                    }
                }
                Ok(Output::Event(event)) => {
                    self.held = Some(event);
                    return Ok(());
                }
                Ok(Output::Wait(_)) => return Ok(()),
                Err(error) => {
                    self.over = true;
                    return Err(error.as_client_error());
                }
            }
        }
    }

    /// The single answer of a command without rows.
    pub(crate) fn done(&mut self) -> Result<Summary, SqlError> {
        match self.next_event()? {
            Event::Ok(summary) => Ok(summary),
            Event::ResultEnd { status, warnings } => Ok(Summary { status, warnings, ..Summary::default() }),
            Event::Failed(error) => Err(error),
            _ => Err(failure::unexpected()),
        }
    }

    /// Moves to the next row if all of it has arrived; its payload.
    #[inline]
    pub(crate) fn row_at_hand(&mut self) -> Option<&[u8]> {
        if self.held.is_some() {
            return None;
        }
        self.connection.advance_to_payload()
    }

    /// Moves to the next row of the current result.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Result<(), RowStop> {
        if self.held.is_none() && self.connection.advance_row().is_some() {
            return Ok(());
        }
        match self.next_event() {
            Ok(Event::Row(_)) => Ok(()),
            Ok(Event::ResultEnd { status, warnings }) => Err(RowStop::End { status: status.bits(), warnings }),
            Ok(Event::Failed(error)) | Err(error) => Err(RowStop::Failed(error)),
            Ok(_) => Err(RowStop::Failed(failure::unexpected())),
        }
    }

    /// Reads and drops what remains of all answers.
    pub(crate) fn drain(&mut self) -> Result<(), SqlError> {
        while !self.over && !self.connection.is_idle() {
            if self.connection.advance_row().is_some() {
                continue;
            }
            match self.next_event()? {
                Event::LocalInfile { .. } => {
                    let refused =
                        failure::hy000(2068, "The file is not sent, because its statement's answer was dropped");
                    self.connection.local_infile_refuse(refused).map_err(|error| error.as_client_error())?;
                }
                Event::Closed => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the connection with COM_QUIT. Errors mean that the server is gone already, or that the program put another file into the
    /// descriptor's place, as ruby-mysql2 does with /dev/null.
    pub(crate) fn quit(mut self) {
        if self.over || !self.is_ours() {
            return;
        }
        if self.connection.quit().is_ok() {
            let _ = self.flush();
        }
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
