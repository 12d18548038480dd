//! A connection over a blocking stream.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{Buffers, Config, Connection, Event, Io, Summary, drive};
use sealwire_core::error::{Error, SqlError};
use sealwire_core::{Input, Now, Output, printable};

use sealwire_net::clock;

use super::error::ClientError;

/// The size of one read from the stream.
const READ_SIZE: usize = 64 * 1024;

/// Opens the file of a LOAD DATA LOCAL INFILE, given the file's name in the statement.
pub type FileOpener = Box<dyn FnMut(&[u8]) -> io::Result<Box<dyn Read>> + Send>;

/// The calls that a client makes on its stream besides [`Read`] and [`Write`].
pub(super) struct StreamCalls<S> {
    /// Sets how long a read may wait; `None` means without limit.
    pub(super) set_read_timeout: fn(&S, Option<Duration>) -> io::Result<()>,
    /// Shuts down writing, and waits a moment for the peer to read the last bytes.
    pub(super) close: fn(&mut S),
}

pub(super) struct Link<S> {
    pub(super) connection: Connection,
    io: StreamIo<S>,
    buffers: Buffers,
    files: Option<FileOpener>,
}

/// The stream as the transport that `drive` uses.
struct StreamIo<S> {
    stream: S,
    chunk: Vec<u8>,
    calls: StreamCalls<S>,
    /// Whether the stream has a timeout set, because changing it costs a system call.
    has_timeout: bool,
}

impl<S> Link<S> {
    pub(super) fn new(stream: S, config: Config, calls: StreamCalls<S>) -> Self {
        let connection = Connection::new(Arc::new(config), clock::now());
        let io = StreamIo { stream, chunk: vec![0; READ_SIZE], calls, has_timeout: false };
        Self { connection, io, buffers: Buffers::default(), files: None }
    }

    pub(super) const fn stream(&self) -> &S {
        &self.io.stream
    }

    pub(super) fn set_local_infile(&mut self, opener: FileOpener) {
        self.files = Some(opener);
    }
}

impl<S: Read + Write> Io for StreamIo<S> {
    type Error = ClientError;

    fn now(&self) -> Now {
        clock::now()
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), ClientError> {
        let written = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        bytes.clear();
        match written {
            // A server may have sent its reason before it closed, so the next read reports the end, not this write.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            other => Ok(other?),
        }
    }

    fn receive<'a>(
        &mut self,
        bytes: &'a mut Vec<u8>,
        deadline: Option<Duration>,
    ) -> Result<Option<Input<'a>>, ClientError> {
        let wait = deadline.map(|at| clock::until(at, clock::now()).max(Duration::from_millis(1)));
        if wait.is_some() || self.has_timeout {
            (self.calls.set_read_timeout)(&self.stream, wait)?;
            self.has_timeout = wait.is_some();
        }
        match self.stream.read(&mut self.chunk) {
            Ok(0) => Ok(Some(Input::Eof)),
            Ok(length) => {
                let received = self.chunk.get(..length).unwrap_or_default();
                if bytes.try_reserve(length).is_err() && bytes.try_reserve_exact(length).is_err() {
                    return Err(Error::OutOfMemory.into());
                }
                bytes.extend_from_slice(received);
                Ok(Some(Input::Bytes(bytes)))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(Some(Input::Timeout)),
                io::ErrorKind::Interrupted => Ok(None),
                io::ErrorKind::ConnectionReset => Ok(Some(Input::Eof)),
                _ => Err(error.into()),
            },
        }
    }
}

impl<S: Read + Write> Link<S> {
    /// Drives the connection until an event occurs.
    pub(super) fn next_event(&mut self) -> Result<Event, ClientError> {
        loop {
            match drive(&mut self.connection, &mut self.io, &mut self.buffers) {
                Ok(Some(event)) => return Ok(event),
                // A signal interrupted the read.
                Ok(None) => {}
                Err(error) => {
                    // No alert is sent to a peer that is silent or gone, because nobody would read it.
                    let is_read = |error: &Error| !matches!(error, Error::TimedOut(_) | Error::ConnectionLost(_));
                    if matches!(&error, ClientError::Connection(error) if is_read(error)) {
                        (self.io.calls.close)(&mut self.io.stream);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// The single answer of a command without rows.
    pub(super) fn done(&mut self) -> Result<Summary, ClientError> {
        match self.next_event()? {
            Event::Ok(summary) => Ok(summary),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Sends the pending bytes, for commands that have no answer.
    pub(super) fn send(&mut self) -> Result<(), ClientError> {
        let mut outgoing = Vec::new();
        while let Output::Transmit = self.connection.poll_output(&mut outgoing)? {
            self.io.send(&mut outgoing)?;
        }
        Ok(())
    }

    /// Sends the file that the server asked for. If the server may not have the file, or the file can't be read, the next answer is that
    /// error.
    pub(super) fn send_file(&mut self, filename: &[u8]) -> Result<(), ClientError> {
        let opened = self.files.as_mut().map(|open| open(filename));
        let mut failure = None;
        match opened {
            Some(Ok(mut file)) => {
                let mut chunk = vec![0; READ_SIZE];
                loop {
                    match file.read(&mut chunk) {
                        Ok(0) => break,
                        Ok(length) => {
                            self.connection.local_infile_data(chunk.get(..length).unwrap_or_default())?;
                            self.send()?;
                        }
                        Err(error) => {
                            failure = Some(error);
                            break;
                        }
                    }
                }
            }
            Some(Err(error)) => failure = Some(error),
            None => failure = Some(io::Error::other("this program sends no files to the server")),
        }
        let Some(failure) = failure else { return Ok(self.connection.local_infile_end()?) };
        let name = String::from_utf8_lossy(filename);
        let text = format!("File '{}' not given to the server: {failure}", printable::line(&name));
        Ok(self.connection.local_infile_refuse(SqlError::new(2, b"HY000", text))?)
    }
}

impl<S> fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("facts", self.connection.facts()).finish_non_exhaustive()
    }
}

/// The connection reports only events that fit the command; any other is a bug of ours, reported without a panic.
pub(super) const fn unexpected() -> ClientError {
    ClientError::Connection(Error::Misuse("an event that does not answer the command"))
}
