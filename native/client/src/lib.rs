#![doc = include_str!("../README.md")]

mod address;
mod error;
mod link;
mod result;
mod socket;

pub use address::Address;
pub use error::ClientError;
pub use link::FileOpener;
pub use result::{Pipeline, QueryResult, StatementResult};
pub use sealwire_core as protocol;
pub use sealwire_core::client::{Config, Prepared, Summary, TlsPolicy};
pub use sealwire_net::{clock, provider, random};
pub use socket::Socket;

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
        let mut link = Link::new(stream, config, calls);
        match link.next_event()? {
            Event::Connected(_) => Ok(Self { link }),
            _ => Err(unexpected()),
        }
    }

    /// What this connection negotiated.
    pub const fn facts(&self) -> &Facts {
        self.link.connection.facts()
    }

    /// The cipher in use by OpenSSL's name; `None` on plaintext.
    pub fn ssl_cipher(&self) -> Option<&str> {
        self.facts().ssl_cipher()
    }

    /// The server's status as of the last answer.
    pub const fn status(&self) -> StatusFlags {
        self.link.connection.status()
    }

    /// The stream below. To read or write it breaks the connection.
    pub const fn stream(&self) -> &S {
        self.link.stream()
    }

    /// Lets the server have the file of a LOAD DATA LOCAL INFILE, through `opener`: once for each statement, and only the file that the
    /// statement names. Counts only where [`Config::local_infile`] is on, and the server is verified or behind a Unix socket.
    pub fn set_local_infile(&mut self, opener: FileOpener) {
        self.link.set_local_infile(opener);
    }

    /// Runs SQL as text; several statements give several results.
    ///
    /// # Errors
    /// [`ClientError::Sql`] where the server refuses it; else the connection is over. So for every command.
    pub fn query(&mut self, sql: impl AsRef<[u8]>) -> Result<QueryResult<'_, S>, ClientError> {
        self.link.connection.query(sql.as_ref())?;
        Answer::start(&mut self.link).map(QueryResult::new)
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
            self.link.connection.query(sql.as_ref())?;
            waiting += 1;
        }
        Ok(Pipeline::new(&mut self.link, waiting))
    }

    /// Prepares a statement with `?` for parameters.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn prepare(&mut self, sql: impl AsRef<[u8]>) -> Result<Prepared, ClientError> {
        self.link.connection.prepare(sql.as_ref())?;
        match self.link.next_event()? {
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
        let prepared = if self.link.connection.can_execute_last_prepared() {
            self.link.connection.prepare_and_execute(sql, parameters)?;
            match self.link.next_event()? {
                Event::Prepared(prepared) => prepared,
                Event::Failed(error) => {
                    // There was nothing to run: of that the server tells, too.
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
    /// As [`Client::query`]; also where the number of values is not that of the parameters.
    pub fn execute(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
    ) -> Result<StatementResult<'_, S>, ClientError> {
        self.link.connection.execute(statement, parameters)?;
        Answer::start(&mut self.link).map(StatementResult::new)
    }

    /// Lets the server forget a prepared statement.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn close(&mut self, statement: &Prepared) -> Result<(), ClientError> {
        self.link.connection.close_statement(statement)?;
        self.link.send()
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn ping(&mut self) -> Result<(), ClientError> {
        self.link.connection.ping()?;
        self.link.done().map(drop)
    }

    /// Changes the database.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn select_database(&mut self, database: &str) -> Result<Summary, ClientError> {
        self.link.connection.init_db(database.as_bytes())?;
        self.link.done()
    }

    /// Becomes another user over the same TLS.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn change_user(&mut self, user: &str, password: Secret, database: Option<&str>) -> Result<(), ClientError> {
        self.link.connection.change_user(user, password, database)?;
        self.link.done().map(drop)
    }

    /// Starts the session anew, for the same user over the same TLS.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn reset(&mut self) -> Result<(), ClientError> {
        self.link.connection.reset_connection()?;
        self.link.done().map(drop)
    }

    /// One line of the server's numbers: uptime, threads, questions.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn statistics(&mut self) -> Result<String, ClientError> {
        self.link.connection.statistics()?;
        match self.link.next_event()? {
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
