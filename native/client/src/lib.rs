//! A blocking client over any stream: the driver of [`sealwire_core::client::Connection`] for programs without an event loop.
//!
//! ```no_run
//! use std::sync::Arc;
//! use sealwire::{Address, Client, Config};
//! use sealwire::random::OsRandom;
//!
//! let config = Config::new("root", "secret".into(), Arc::new(OsRandom::new()));
//! let address = Address::Tcp { host: "127.0.0.1".into(), port: 3306 };
//! let mut client = Client::connect(&address, config)?;
//! println!("cipher: {}", client.ssl_cipher().unwrap_or("none"));
//! let mut result = client.query("SHOW STATUS LIKE 'Ssl_cipher'")?;
//! while let Some(row) = result.next()? {
//!     for value in row.iter() {
//!         println!("{}", String::from_utf8_lossy(value?.unwrap_or(b"NULL")));
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A stream that does not block, as mio's, needs the loop of its program: drive the core's connection from there. This client's own
//! loop is `next_event`, `read` and `write` below.
//!
//! The protocol itself is [`protocol`], the crate `sealwire-core`.

mod error;
mod result;
mod socket;

pub use error::ClientError;
pub use result::{Pipeline, QueryResult, StatementResult};
pub use sealwire_core as protocol;
pub use sealwire_core::client::{Config, Prepared, Summary, TlsPolicy};
pub use sealwire_net::{clock, provider, random};
pub use socket::{Address, Socket};

/// README's examples are tested with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{Connection, Event};
use sealwire_core::error::{Error, SqlError};
use sealwire_core::facts::{Facts, Transport};
use sealwire_core::message::{StatusFlags, Value};
use sealwire_core::printable;
use sealwire_core::secret::Secret;
use sealwire_core::{Input, Output};

use result::{Answer, Opening, unexpected};

/// Bytes asked of the stream at once.
const READ_SIZE: usize = 64 * 1024;

/// Answers a server's LOAD DATA LOCAL INFILE: given the name that the statement has, opens the file.
pub type FileOpener = Box<dyn FnMut(&[u8]) -> io::Result<Box<dyn Read>> + Send>;

/// A connection to a MySQL server over a stream that blocks.
pub struct Client<S> {
    stream: S,
    connection: Connection,
    chunk: Vec<u8>,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    calls: StreamCalls<S>,
    /// Whether the stream has a timeout, which costs a system call to change.
    has_timeout: bool,
    files: Option<FileOpener>,
}

/// What a client asks of its stream besides [`Read`] and [`Write`].
struct StreamCalls<S> {
    /// Sets how long a read may wait; `None` for ever.
    set_read_timeout: fn(&S, Option<Duration>) -> io::Result<()>,
    /// Ends the sending, and waits a moment for the peer to read what was sent.
    close: fn(&mut S),
}

impl Client<Socket> {
    /// Connects to `address` and logs in.
    ///
    /// # Errors
    /// Where there is no server, it is not the right one, or it refuses; nothing of the password was sent to a server that did not
    /// prove what the configuration demands.
    pub fn connect(address: &Address, mut config: Config) -> Result<Self, ClientError> {
        config.transport = match address {
            Address::Tcp { .. } => Transport::Tcp,
            Address::Unix(_) => Transport::UnixSocket,
        };
        let socket = Socket::connect(address, config.connect_timeout)?;
        Self::start(socket, config, StreamCalls { set_read_timeout: Socket::set_read_timeout, close: Socket::close })
    }
}

impl<S: Read + Write> Client<S> {
    /// Logs in over a stream that is connected. The connect timeout is checked between reads only: a stream that blocks for ever
    /// should have a timeout of its own.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn over(stream: S, config: Config) -> Result<Self, ClientError> {
        Self::start(stream, config, StreamCalls { set_read_timeout: |_, _| Ok(()), close: |_| () })
    }

    fn start(stream: S, config: Config, calls: StreamCalls<S>) -> Result<Self, ClientError> {
        let connection = Connection::new(Arc::new(config), clock::now());
        let (chunk, incoming, outgoing) = (vec![0; READ_SIZE], Vec::new(), Vec::new());
        let mut client = Self { stream, connection, chunk, incoming, outgoing, calls, has_timeout: false, files: None };
        match client.next_event()? {
            Event::Connected(_) => Ok(client),
            _ => Err(unexpected()),
        }
    }

    /// Drives the connection until something happened.
    fn next_event(&mut self) -> Result<Event, ClientError> {
        loop {
            match self.connection.poll_output(&mut self.outgoing) {
                Ok(Output::Event(event)) => return Ok(event),
                Ok(Output::Transmit) => self.write()?,
                Ok(Output::Wait(deadline)) => self.read(deadline)?,
                Err(error) => {
                    // A peer that is silent, or gone, reads no alert.
                    if !matches!(error, Error::TimedOut(_) | Error::ConnectionLost(_)) {
                        (self.calls.close)(&mut self.stream);
                    }
                    return Err(error.into());
                }
            }
        }
    }

    fn write(&mut self) -> Result<(), ClientError> {
        let written = self.stream.write_all(&self.outgoing).and_then(|()| self.stream.flush());
        self.outgoing.clear();
        match written {
            // A server that gave up may have said why before it closed: read that first.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            other => Ok(other?),
        }
    }

    fn read(&mut self, deadline: Option<Duration>) -> Result<(), ClientError> {
        let wait = deadline.map(|at| clock::until(at, clock::now()).max(Duration::from_millis(1)));
        if wait.is_some() || self.has_timeout {
            (self.calls.set_read_timeout)(&self.stream, wait)?;
            self.has_timeout = wait.is_some();
        }
        let read = self.stream.read(&mut self.chunk);
        let input = match read {
            Ok(0) => Input::Eof,
            Ok(length) => {
                self.incoming.extend_from_slice(self.chunk.get(..length).unwrap_or_default());
                Input::Bytes(&mut self.incoming)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Input::Timeout,
                io::ErrorKind::Interrupted => return Ok(()),
                io::ErrorKind::ConnectionReset => Input::Eof,
                _ => return Err(error.into()),
            },
        };
        // A failure sticks: the next poll returns it, once the alert for the peer was written.
        let _ = self.connection.handle_input(input, clock::now());
        Ok(())
    }

    /// What this connection negotiated.
    pub const fn facts(&self) -> &Facts {
        self.connection.facts()
    }

    /// The cipher in use by OpenSSL's name; `None` on plaintext.
    pub fn ssl_cipher(&self) -> Option<&str> {
        self.facts().ssl_cipher()
    }

    /// The server's status as of the last answer.
    pub const fn status(&self) -> StatusFlags {
        self.connection.status()
    }

    /// The stream below. To read or write it breaks the connection.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Lets the server have the file of a LOAD DATA LOCAL INFILE, through `opener`: once for each statement, and only the file that the
    /// statement names. Counts only where [`Config::local_infile`] is on, and the server is verified or behind a Unix socket.
    pub fn set_local_infile(&mut self, opener: FileOpener) {
        self.files = Some(opener);
    }

    /// Runs SQL as text; several statements give several results.
    ///
    /// # Errors
    /// [`ClientError::Sql`] where the server refuses it; else the connection is over. So for every command.
    pub fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<QueryResult<'_, S>, ClientError> {
        self.connection.query(sql.as_ref())?;
        Answer::start(self).map(QueryResult::new)
    }

    /// Sends all of the statements at once, so that together they take one round trip. Each answers for itself: one that
    /// fails does not keep those behind it from running.
    ///
    /// # Errors
    /// Where the connection is over. Statements are refused by [`Pipeline::next`].
    pub fn query_many<Q: AsRef<[u8]>>(
        &mut self,
        statements: impl IntoIterator<Item = Q>,
    ) -> Result<Pipeline<'_, S>, ClientError> {
        let mut waiting = 0;
        for sql in statements {
            self.connection.query(sql.as_ref())?;
            waiting += 1;
        }
        Ok(Pipeline::new(self, waiting))
    }

    /// Prepares a statement with `?` for parameters.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn prepare(&mut self, sql: impl AsRef<[u8]>) -> Result<Prepared, ClientError> {
        self.connection.prepare(sql.as_ref())?;
        match self.next_event()? {
            Event::Prepared(prepared) => Ok(prepared),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Prepares a statement and runs it: in one round trip where the server is MariaDB or Sealwire, else in two.
    ///
    /// # Errors
    /// As [`Client::query`]; also where the number of values is not that of the parameters. A statement that could be prepared but
    /// not run is forgotten.
    pub fn prepare_and_execute(
        &mut self,
        sql: impl AsRef<[u8]>,
        parameters: &[Value<'_>],
    ) -> Result<(Prepared, StatementResult<'_, S>), ClientError> {
        let sql = sql.as_ref();
        let prepared = if self.connection.can_execute_last_prepared() {
            self.connection.prepare_and_execute(sql, parameters)?;
            match self.next_event()? {
                Event::Prepared(prepared) => prepared,
                Event::Failed(error) => {
                    // There was nothing to run: of that the server tells, too.
                    self.next_event()?;
                    return Err(ClientError::Sql(error));
                }
                _ => return Err(unexpected()),
            }
        } else {
            let prepared = self.prepare(sql)?;
            self.connection.execute(&prepared, parameters)?;
            prepared
        };
        match Opening::read(self) {
            Ok(opening) => Ok((prepared, StatementResult::new(Answer::after(opening, self)))),
            Err(ClientError::Sql(error)) => {
                self.close(&prepared)?;
                Err(ClientError::Sql(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Runs a prepared statement.
    ///
    /// # Errors
    /// As [`Client::query`]; also where the number of values is not that of the parameters.
    pub fn execute(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
    ) -> Result<StatementResult<'_, S>, ClientError> {
        self.connection.execute(statement, parameters)?;
        Answer::start(self).map(StatementResult::new)
    }

    /// Lets the server forget a prepared statement.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn close(&mut self, statement: &Prepared) -> Result<(), ClientError> {
        self.connection.close_statement(statement)?;
        self.send()
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn ping(&mut self) -> Result<(), ClientError> {
        self.connection.ping()?;
        self.done().map(drop)
    }

    /// Changes the database.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn select_database(&mut self, database: &str) -> Result<Summary, ClientError> {
        self.connection.init_db(database.as_bytes())?;
        self.done()
    }

    /// Becomes another user over the same TLS.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn change_user(&mut self, user: &str, password: Secret, database: Option<&str>) -> Result<(), ClientError> {
        self.connection.change_user(user, password, database)?;
        self.done().map(drop)
    }

    /// Starts the session anew, for the same user over the same TLS.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn reset(&mut self) -> Result<(), ClientError> {
        self.connection.reset_connection()?;
        self.done().map(drop)
    }

    /// One line of the server's numbers: uptime, threads, questions.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn statistics(&mut self) -> Result<String, ClientError> {
        self.connection.statistics()?;
        match self.next_event()? {
            Event::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Says goodbye. To drop the client without it closes the stream, which the server counts as an aborted connection.
    ///
    /// # Errors
    /// Where the goodbye could not be sent.
    pub fn quit(mut self) -> Result<(), ClientError> {
        self.connection.quit()?;
        self.send()
    }

    /// The one answer of a command without rows.
    fn done(&mut self) -> Result<Summary, ClientError> {
        match self.next_event()? {
            Event::Ok(summary) => Ok(summary),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Sends what waits, for commands that are not answered.
    fn send(&mut self) -> Result<(), ClientError> {
        while let Output::Transmit = self.connection.poll_output(&mut self.outgoing)? {
            self.write()?;
        }
        Ok(())
    }

    /// Sends the file that the server asked for. Where it may not have it, or it can't be read, the answer to come is that.
    fn send_file(&mut self, filename: &[u8]) -> Result<(), ClientError> {
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
            None => failure = Some(io::Error::other("this program gives no files to the server")),
        }
        let Some(failure) = failure else { return Ok(self.connection.local_infile_end()?) };
        let name = String::from_utf8_lossy(filename);
        let text = format!("File '{}' not given to the server: {failure}", printable::line(&name));
        Ok(self.connection.local_infile_refuse(SqlError::new(2, b"HY000", text))?)
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("facts", self.connection.facts()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
