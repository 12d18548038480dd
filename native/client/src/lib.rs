#![doc = include_str!("../README.md")]

mod address;
mod binlog;
mod error;
mod link;
mod result;
mod socket;
mod transactions;

pub use address::Address;
pub use binlog::{BinlogFollower, BinlogStream, Followed, StreamEvent};
pub use error::ClientError;
pub use link::FileOpener;
pub use result::{Pipeline, QueryResult, StatementResult};
pub use sealwire_binlog as events;
pub use sealwire_binlog::{Boundary, Change, OwnedValue, Progress, Transaction};
pub use sealwire_core as protocol;
pub use sealwire_core::client::{Config, Prepared, ReplicationSettings, StartPosition, Summary, TlsPolicy};
pub use sealwire_net::{clock, provider, random};
pub use socket::Socket;
pub use transactions::Transactions;

/// README's examples are tested with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

use std::fmt;
use std::io::{Read, Write};

use sealwire_core::client::Event;
use sealwire_core::facts::{Facts, Transport};
use sealwire_core::message::{StatusFlags, Value};
use sealwire_core::secret::Secret;

use link::{Link, StreamCalls, unexpected};
use result::{Answer, Opening};

/// A connection to a MySQL server over a stream that blocks.
pub struct Client<S> {
    link: Link<S>,
}

impl Client<Socket> {
    /// Connects to `address` and logs in.
    ///
    /// # Errors
    /// The connection can't be made, the server fails the verification that the configuration demands, or the server refuses the login. A
    /// server that failed the verification was sent nothing of the password.
    pub fn connect(address: &Address, config: Config) -> Result<Self, ClientError> {
        Self::log_in(Socket::connect(address, config.connect_timeout)?, config)
    }

    /// Logs in over a connected socket. A program that keeps a copy of the socket can end the connection from another thread.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn log_in(socket: Socket, mut config: Config) -> Result<Self, ClientError> {
        config.transport = match socket {
            Socket::Tcp(_) => Transport::Tcp,
            Socket::Unix(_) => Transport::UnixSocket,
        };
        Self::start(socket, config, StreamCalls { set_read_timeout: Socket::set_read_timeout, close: Socket::close })
    }
}

impl<S: Read + Write> Client<S> {
    /// Logs in over a connected stream. The connect timeout is checked between reads only, so a stream that may block for ever should have
    /// a timeout of its own.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn over(stream: S, config: Config) -> Result<Self, ClientError> {
        Self::start(stream, config, StreamCalls { set_read_timeout: |_, _| Ok(()), close: |_| () })
    }

    fn start(stream: S, config: Config, calls: StreamCalls<S>) -> Result<Self, ClientError> {
        let mut link = Link::new(stream, config, calls);
        match link.next_event()? {
            Event::Connected(_) => Ok(Self { link }),
            _ => Err(unexpected()),
        }
    }

    /// The properties that this connection negotiated.
    pub const fn facts(&self) -> &Facts {
        self.link.connection.facts()
    }

    /// The cipher in use, by OpenSSL's name; `None` without TLS.
    pub fn ssl_cipher(&self) -> Option<&str> {
        self.facts().ssl_cipher()
    }

    /// The server's status as of the last answer.
    pub const fn status(&self) -> StatusFlags {
        self.link.connection.status()
    }

    /// The underlying stream. Reading or writing it directly breaks the connection.
    pub const fn stream(&self) -> &S {
        self.link.stream()
    }

    /// Allows LOAD DATA LOCAL INFILE, whose files `opener` opens: once for each statement, and only the file that the statement names. It
    /// has an effect only where [`Config::local_infile`] is on and the server is verified or behind a Unix socket.
    pub fn set_local_infile(&mut self, opener: FileOpener) {
        self.link.set_local_infile(opener);
    }

    /// Runs SQL as text; several statements give several results.
    ///
    /// # Errors
    /// [`ClientError::Sql`] where the server refuses a statement; after any other error the connection is over. The same holds for every
    /// command.
    pub fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<QueryResult<'_, S>, ClientError> {
        self.link.connection.query(sql.as_ref())?;
        Answer::start(&mut self.link).map(QueryResult::new)
    }

    /// Sends all of the statements at once, so that together they take one round trip. Each has its own result: the statements behind a
    /// failed one run nevertheless.
    ///
    /// # Errors
    /// The connection is over. A refused statement is reported by [`Pipeline::next`].
    pub fn query_many<Q: AsRef<[u8]>>(
        &mut self,
        statements: impl IntoIterator<Item = Q>,
    ) -> Result<Pipeline<'_, S>, ClientError> {
        let mut waiting = 0;
        for sql in statements {
            self.link.connection.query(sql.as_ref())?;
            waiting += 1;
        }
        Ok(Pipeline::new(&mut self.link, waiting))
    }

    /// Prepares a statement with `?` for parameters.
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn prepare(&mut self, sql: impl AsRef<[u8]>) -> Result<Prepared, ClientError> {
        self.link.connection.prepare(sql.as_ref())?;
        match self.link.next_event()? {
            Event::Prepared(prepared) => Ok(prepared),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Prepares a statement and executes it: in one round trip where the server is MariaDB or Sealwire, else in two.
    ///
    /// # Errors
    /// Those of [`Client::query`]; also an error where the number of values differs from the number of parameters. A statement that was
    /// prepared but failed to execute is closed.
    pub fn prepare_and_execute(
        &mut self,
        sql: impl AsRef<[u8]>,
        parameters: &[Value<'_>],
    ) -> Result<(Prepared, StatementResult<'_, S>), ClientError> {
        let sql = sql.as_ref();
        let prepared = if self.link.connection.can_execute_last_prepared() {
            self.link.connection.prepare_and_execute(sql, parameters)?;
            match self.link.next_event()? {
                Event::Prepared(prepared) => prepared,
                Event::Failed(error) => {
                    // The preparation failed, and the server answers the execution with an error too: read that answer.
                    self.link.next_event()?;
                    return Err(ClientError::Sql(error));
                }
                _ => return Err(unexpected()),
            }
        } else {
            let prepared = self.prepare(sql)?;
            self.link.connection.execute(&prepared, parameters)?;
            prepared
        };
        match Opening::read(&mut self.link) {
            Ok(opening) => Ok((prepared, StatementResult::new(Answer::after(opening, &mut self.link)))),
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
    /// Those of [`Client::query`]; also an error where the number of values differs from the number of parameters.
    pub fn execute(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
    ) -> Result<StatementResult<'_, S>, ClientError> {
        self.link.connection.execute(statement, parameters)?;
        Answer::start(&mut self.link).map(StatementResult::new)
    }

    /// Closes a prepared statement on the server.
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn close(&mut self, statement: &Prepared) -> Result<(), ClientError> {
        self.link.connection.close_statement(statement)?;
        self.link.send()
    }

    /// Checks that the server still answers (COM_PING).
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn ping(&mut self) -> Result<(), ClientError> {
        self.link.connection.ping()?;
        self.link.done().map(drop)
    }

    /// Changes the database.
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn select_database(&mut self, database: &str) -> Result<Summary, ClientError> {
        self.link.connection.init_db(database.as_bytes())?;
        self.link.done()
    }

    /// Logs in as another user over the same TLS connection (COM_CHANGE_USER).
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn change_user(&mut self, user: &str, password: Secret, database: Option<&str>) -> Result<(), ClientError> {
        self.link.connection.change_user(user, password, database)?;
        self.link.done().map(drop)
    }

    /// Resets the session, for the same user over the same TLS connection (COM_RESET_CONNECTION).
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn reset(&mut self) -> Result<(), ClientError> {
        self.link.connection.reset_connection()?;
        self.link.done().map(drop)
    }

    /// One line of the server's counters: uptime, threads, questions.
    ///
    /// # Errors
    /// Those of [`Client::query`].
    pub fn statistics(&mut self) -> Result<String, ClientError> {
        self.link.connection.statistics()?;
        match self.link.next_event()? {
            Event::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    /// Ends the connection with COM_QUIT. A client that is dropped without it closes the stream, which the server counts as an aborted
    /// connection.
    ///
    /// # Errors
    /// The command could not be sent.
    pub fn quit(mut self) -> Result<(), ClientError> {
        self.link.connection.quit()?;
        self.link.send()
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("facts", self.link.connection.facts()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
