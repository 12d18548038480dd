//! The binary log as a stream of events.

use std::fmt;
use std::io::{Read, Write};
use std::time::Duration;

use sealwire_binlog::{Boundary, Checksum, Event as LogEvent, Limits, Problem, Progress, Reader};
use sealwire_core::client::{Event, Replication, ReplicationSettings, Source, StartPosition};
use sealwire_core::error::{Error, Side};
use sealwire_core::facts::Facts;
use sealwire_core::message::SemiSyncAck;
use sealwire_net::clock;

use super::Client;
use super::error::ClientError;
use super::link::{Link, unexpected};
use super::socket::Socket;

/// The first wait before the log is requested again, which doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The error numbers with which a server ends a stream that may be resumed: a shutdown, a killed or an idle connection.
const RESUMABLE: [u16; 5] = [1053, 1317, 1927, 4031, 4166];

/// The events of a server's binary log, in order.
///
/// The server is no longer a [`Client`], because it takes no other command.
pub struct BinlogStream<S> {
    link: Link<S>,
    source: Source,
    reader: Reader,
    progress: Progress,
    /// Whether the current event awaits an acknowledgement.
    wants_ack: bool,
}

/// An event of a stream.
#[derive(Debug)]
pub struct StreamEvent<'s> {
    /// The event, which borrows the connection's buffer.
    pub event: LogEvent<'s>,
    /// Its place in its transaction.
    pub boundary: Boundary,
    /// The reader that found it, for the events within a TRANSACTION_PAYLOAD.
    pub reader: &'s mut Reader,
}

impl<S: Read + Write> Client<S> {
    /// Requests the server's binary log. The account needs the privilege REPLICATION SLAVE.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), sealwire::ClientError> {
    /// # let client: sealwire::Client<sealwire::Socket> = todo!();
    /// use sealwire::{ReplicationSettings, StartPosition};
    ///
    /// let start = StartPosition::File { name: b"bin.000001".to_vec(), position: 4 };
    /// let mut stream = client.binlog(ReplicationSettings::new(3_000_000_000, start))?;
    /// while let Some(next) = stream.next()? {
    ///     println!("{:?} at {}", next.event.header.event_type, next.event.position);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses a query of the set-up, or has no such GTIDs.
    pub fn binlog(mut self, settings: ReplicationSettings) -> Result<BinlogStream<S>, ClientError> {
        let progress = Progress::new(&settings.start)?;
        let connection = &mut self.link.connection;
        let mut setup = Replication::start(settings, connection, clock::now())?;
        loop {
            let event = self.link.next_event()?;
            if setup.handle_event(&event, &mut self.link.connection, clock::now())? {
                break;
            }
        }
        let source = setup.source().clone();
        let asked = if source.checksums { Checksum::Crc32 } else { Checksum::None };
        let reader = Reader::stream(asked, Limits::default());
        Ok(BinlogStream { link: self.link, source, reader, progress, wants_ack: false })
    }
}

impl<S: Read + Write> BinlogStream<S> {
    /// The next event; `None` at the end of the log. Heartbeats are events too.
    ///
    /// # Errors
    /// The server ends the stream with an error, the connection fails, or an event can't be read.
    #[expect(clippy::should_implement_trait, reason = "the event is lent, which `Iterator` can't say")]
    pub fn next(&mut self) -> Result<Option<StreamEvent<'_>>, ClientError> {
        if self.fetch()? { self.take().map(Some) } else { Ok(None) }
    }

    /// Receives the next event; false at the end of the log.
    fn fetch(&mut self) -> Result<bool, ClientError> {
        match self.link.next_event()? {
            Event::BinlogEvent { wants_ack } => self.wants_ack = wants_ack,
            Event::ResultEnd { .. } => return Ok(false),
            Event::Failed(error) => return Err(ClientError::Connection(Error::Refused { by: Side::Server, error })),
            _ => return Err(unexpected()),
        }
        Ok(true)
    }

    /// Reads the received event.
    fn take(&mut self) -> Result<StreamEvent<'_>, ClientError> {
        let event = self.reader.event(self.link.connection.row_payload())?;
        let boundary = self.progress.event(&event, self.reader.position())?;
        Ok(StreamEvent { event, boundary, reader: &mut self.reader })
    }

    /// Acknowledges the last event, where the server waits for it: what it changed is stored.
    ///
    /// # Errors
    /// The connection fails.
    pub fn acknowledge(&mut self) -> Result<(), ClientError> {
        if std::mem::take(&mut self.wants_ack) {
            let ack = SemiSyncAck { position: self.reader.position(), file: self.progress.file() };
            self.link.connection.acknowledge_binlog(ack)?;
            self.link.send()?;
        }
        Ok(())
    }

    /// The properties of the server, learned before the log was requested.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The properties that the connection negotiated.
    pub const fn facts(&self) -> &Facts {
        self.link.connection.facts()
    }

    /// The file of the last event.
    pub fn file(&self) -> &[u8] {
        self.progress.file()
    }

    /// The place behind the last whole transaction.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The position from which to request the log so that all of it follows that is behind the last whole transaction.
    pub fn resume(&self) -> StartPosition {
        self.progress.resume()
    }
}

impl<S> fmt::Debug for BinlogStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinlogStream").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A stream that goes on after the connection was lost: it connects again, requests the log behind the last whole transaction, and leaves
/// out the events that it has already given of the transaction that was interrupted.
pub struct BinlogFollower<C> {
    connect: C,
    settings: ReplicationSettings,
    stream: Option<BinlogStream<Socket>>,
    progress: Progress,
    /// The events to leave out: their number, and the hash that they must have, so that a log that was replaced is noticed.
    repeated: (u64, u64),
    seen: u64,
    wait: Duration,
    /// Whether a stream ever came, because a first failure is the caller's to solve.
    was_connected: bool,
}

/// An event of a [`BinlogFollower`].
#[derive(Debug)]
pub enum Followed<'s> {
    /// An event.
    Event(StreamEvent<'s>),
    /// A connection was made. Its properties are those of [`BinlogFollower::stream`].
    Connected,
    /// The connection was lost, for this reason; after this time the next one is tried.
    Lost(ClientError, Duration),
    /// The log has ended, which happens only if the settings do not wait for more.
    End,
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> BinlogFollower<C> {
    /// A stream with these settings, over the connections that `connect` makes.
    ///
    /// # Errors
    /// The settings have malformed GTIDs.
    pub fn new(connect: C, settings: ReplicationSettings) -> Result<Self, ClientError> {
        let progress = Progress::new(&settings.start)?;
        Ok(Self {
            connect,
            settings,
            stream: None,
            progress,
            repeated: (0, 0),
            seen: 0,
            wait: Duration::ZERO,
            was_connected: false,
        })
    }

    /// The current connection's stream.
    pub const fn stream(&self) -> Option<&BinlogStream<Socket>> {
        self.stream.as_ref()
    }

    /// The position of [`BinlogStream::resume`].
    pub fn resume(&self) -> StartPosition {
        self.progress.resume()
    }

    /// The next event, or the next change of the connection. After [`Followed::Lost`] the next call waits.
    ///
    /// # Errors
    /// Those of [`BinlogStream::next`] for which a new connection is no cure; also every failure before the first connection.
    #[expect(clippy::should_implement_trait, reason = "the event is lent, which `Iterator` can't say")]
    pub fn next(&mut self) -> Result<Followed<'_>, ClientError> {
        if self.stream.is_none() {
            return match self.connect() {
                Ok(()) => Ok(Followed::Connected),
                Err(error) => self.lost(error),
            };
        }
        if let Err(error) = self.fetch() {
            return self.lost(error);
        }
        let Some(stream) = &mut self.stream else { return Ok(Followed::End) };
        let next = stream.take()?;
        self.progress.event(&next.event, next.reader.position())?;
        self.wait = Duration::ZERO;
        Ok(Followed::Event(next))
    }

    fn connect(&mut self) -> Result<(), ClientError> {
        // The wait was told to the caller by `Followed::Lost`.
        std::thread::sleep(self.wait);
        let settings = ReplicationSettings { start: self.progress.resume(), ..self.settings.clone() };
        let stream = (self.connect)()?.binlog(settings)?;
        self.repeated = self.progress.open_events();
        self.seen = 0;
        self.stream = Some(stream);
        self.was_connected = true;
        Ok(())
    }

    /// Receives the next event that was not given before. Without one, at the end of the log, the stream is gone.
    fn fetch(&mut self) -> Result<(), ClientError> {
        while let Some(stream) = &mut self.stream {
            if !stream.fetch()? {
                self.stream = None;
                let stopped = Error::ConnectionLost("because the server ended the binary log");
                return if self.settings.non_blocking { Ok(()) } else { Err(ClientError::Connection(stopped)) };
            }
            let (left, expected) = self.repeated;
            if left == 0 {
                return Ok(());
            }
            let StreamEvent { event, boundary, .. } = stream.take()?;
            if boundary == Boundary::Outside {
                continue;
            }
            self.seen = Progress::hash(self.seen, &event);
            self.repeated.0 = left - 1;
            if left == 1 && self.seen != expected {
                let problem = Problem::Malformed("the transaction, which differs from the one sent before,");
                return Err(ClientError::Binlog(event.error(problem)));
            }
        }
        Ok(())
    }

    /// Gives a connection up, if another one can go on.
    fn lost(&mut self, error: ClientError) -> Result<Followed<'static>, ClientError> {
        self.stream = None;
        if !self.was_connected || !is_resumable(&error) {
            return Err(error);
        }
        self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        Ok(Followed::Lost(error, self.wait))
    }
}

impl<C> fmt::Debug for BinlogFollower<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinlogFollower").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// Whether a new connection may go on after this error.
fn is_resumable(error: &ClientError) -> bool {
    match error {
        ClientError::Connect { .. } | ClientError::Io(_) => true,
        ClientError::Connection(error) => match error {
            Error::ConnectionLost(_) | Error::TimedOut(_) => true,
            Error::Refused { by: Side::Server, error } => RESUMABLE.contains(&error.code),
            _ => false,
        },
        _ => false,
    }
}
