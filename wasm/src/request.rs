//! The request of a server's binary log over a connection.

use std::time::Duration;

use sealwire_core::Now;
use sealwire_core::client::{Connection, Event, Replication, ReplicationSettings, StartPosition};
use sealwire_core::error::Error;
use serde::{Deserialize, Serialize};

/// The least silence after which a server is given up, because the answers of the set-up may take longer than a short heartbeat.
const LEAST_SILENCE: Duration = Duration::from_secs(10);

/// The options of a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestOptions {
    /// The server id under which the log is requested.
    pub server_id: u32,
    /// The place of the first event.
    pub start: Place,
    /// The seconds without an event after which the server sends a heartbeat.
    pub heartbeat: f64,
}

/// A place in a log, as a server takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Place {
    /// A position of a file.
    File {
        /// The file's name; empty for the first file.
        file: String,
        /// The position.
        position: u32,
    },
    /// Behind MariaDB's GTIDs, one for each domain.
    MariaDb {
        /// The GTIDs as text.
        list: String,
    },
    /// The transactions that a set of MySQL's GTIDs lacks.
    MySql {
        /// The encoded set.
        set: Vec<u8>,
    },
}

impl From<Place> for StartPosition {
    fn from(place: Place) -> Self {
        match place {
            Place::File { file, position } => Self::File { name: file.into_bytes(), position },
            Place::MariaDb { list } => Self::MariaDbGtid(list),
            Place::MySql { set } => Self::MySqlGtid(set),
        }
    }
}

impl From<StartPosition> for Place {
    fn from(start: StartPosition) -> Self {
        match start {
            StartPosition::File { name, position } => {
                Self::File { file: String::from_utf8_lossy(&name).into_owned(), position }
            }
            StartPosition::MariaDbGtid(list) => Self::MariaDb { list },
            StartPosition::MySqlGtid(set) => Self::MySql { set },
        }
    }
}

/// A request that the server answers.
#[derive(Debug)]
pub struct Request {
    setup: Replication,
    is_set_up: bool,
}

/// The properties of the log that the server is about to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// Whether the first event has a checksum.
    pub checksums: bool,
    /// The seconds since 1970 on the server's clock; `None` where it tells none.
    pub clock: Option<u32>,
}

impl Request {
    /// Begins the request over a connection that is logged in.
    ///
    /// # Errors
    /// The server has no GTIDs of this kind.
    pub fn start(options: RequestOptions, connection: &mut Connection, now: Now) -> Result<Self, Error> {
        let mut settings = ReplicationSettings::new(options.server_id, options.start.into());
        settings.annotations = false;
        settings.heartbeat = Duration::try_from_secs_f64(options.heartbeat).ok().filter(|period| !period.is_zero());
        settings.silence = settings.heartbeat.map(|period| period.saturating_mul(4).max(LEAST_SILENCE));
        Ok(Self { setup: Replication::start(settings, connection, now)?, is_set_up: false })
    }

    /// Processes an event that answers the set-up; `None` as long as more of it are due. Afterwards the server's events are those of the
    /// log, and this is not to be called.
    ///
    /// # Errors
    /// The server refused a query of the set-up.
    pub fn event(&mut self, event: &Event, connection: &mut Connection, now: Now) -> Result<Option<Granted>, Error> {
        self.is_set_up = self.setup.handle_event(event, connection, now)?;
        let source = self.setup.source();
        let clock = source.clock.and_then(|clock| u32::try_from(clock).ok());
        Ok(self.is_set_up.then_some(Granted { checksums: source.checksums, clock }))
    }

    /// Whether the log was requested.
    pub const fn is_set_up(&self) -> bool {
        self.is_set_up
    }
}
