//! The binary log: from its events to transactions.

use std::fmt;

use sealwire_binlog::{
    Checksum, GtidSet, Limits, Problem, Progress, Reader, StartError, Transaction, TransactionBuilder,
};
use sealwire_core::client::StartPosition;
use sealwire_core::error::SqlError;
use serde::{Deserialize, Serialize};

use crate::request::Place;

/// MySQL's error number of an event that a replica can't read (ER_REPLICA_RELAY_LOG_READ_FAILURE).
const UNREADABLE: u16 = 1594;
/// MySQL's error number of a malformed GTID set (ER_MALFORMED_GTID_SET_SPECIFICATION).
const MALFORMED_GTID: u16 = 1772;
/// The most bytes that an event may have, and that it may inflate to.
const MOST_EVENT: u32 = 256 << 20;

/// The options of a log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogOptions {
    /// The place of the first event.
    pub start: Start,
    /// Whether the server is MariaDB, whose GTIDs differ from MySQL's.
    pub is_maria_db: bool,
    /// The most bytes of one transaction's events.
    pub most_bytes: f64,
    /// The most changes of one transaction to keep.
    pub most_changes: Option<f64>,
}

/// A place in a log, in JavaScript's form: `{file, position}` or `{gtid}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Start {
    /// A position of a file.
    File {
        /// The file's name; empty for the first file.
        file: String,
        /// The position.
        position: u32,
    },
    /// Behind these GTIDs: of MariaDB, one for each domain; of MySQL, a set.
    Gtid {
        /// The GTIDs as text.
        gtid: String,
    },
}

impl From<Place> for Start {
    fn from(place: Place) -> Self {
        match place {
            Place::File { file, position } => Self::File { file, position },
            Place::MariaDb { list } => Self::Gtid { gtid: list },
            // The set was encoded by this program.
            Place::MySql { set } => {
                Self::Gtid { gtid: GtidSet::decode(&set).map(|set| set.to_string()).unwrap_or_default() }
            }
        }
    }
}

impl LogOptions {
    /// The place as a server takes it.
    fn place(&self) -> Result<Place, SqlError> {
        Ok(match &self.start {
            Start::File { file, position } => Place::File { file: file.clone(), position: *position },
            Start::Gtid { gtid } if self.is_maria_db => Place::MariaDb { list: gtid.clone() },
            Start::Gtid { gtid } => {
                let parsed: GtidSet = gtid.parse().map_err(|error| malformed(StartError::List(error)))?;
                let mut set = Vec::new();
                parsed.encode(&mut set);
                Place::MySql { set }
            }
        })
    }
}

/// The events of one connection's log.
#[derive(Debug)]
pub struct Log {
    reader: Reader,
    progress: Progress,
    builder: TransactionBuilder,
}

impl Log {
    /// A log from the options' place on.
    ///
    /// # Errors
    /// The place has malformed GTIDs.
    pub fn new(options: &LogOptions) -> Result<Self, SqlError> {
        let start = StartPosition::from(options.place()?);
        let mut builder = TransactionBuilder::default();
        // The casts take numbers out of range to the nearest in it.
        builder.most_bytes = options.most_bytes as u64;
        builder.most_changes = options.most_changes.map_or(usize::MAX, |most| most as usize);
        Ok(Self { reader: reader(false), progress: Progress::new(&start).map_err(malformed)?, builder })
    }

    /// The server has granted the log. `checksums` says whether its first event has a checksum.
    pub fn begin(&mut self, checksums: bool) {
        self.reader = reader(checksums);
    }

    /// Processes an event. Returns the transaction that it ends.
    ///
    /// # Errors
    /// The event can't be read, or its transaction is too large.
    pub fn event(&mut self, event: &[u8]) -> Result<Option<Transaction>, SqlError> {
        let event = self.reader.event(event).map_err(unreadable)?;
        let boundary = self.progress.event(&event, self.reader.position()).map_err(unreadable)?;
        self.builder.event(&event, boundary, &mut self.reader).map_err(|error| match error.problem {
            Problem::NoInflater(_) => compressed(&error),
            _ => unreadable(error),
        })
    }

    /// The file of the last event.
    pub fn file(&self) -> String {
        String::from_utf8_lossy(self.progress.file()).into_owned()
    }

    /// The position behind the last whole transaction.
    pub const fn position(&self) -> u64 {
        self.progress.position()
    }

    /// The place behind the last whole transaction, from which the log can be requested.
    pub fn resume(&self) -> Place {
        self.progress.resume().into()
    }
}

fn reader(checksums: bool) -> Reader {
    let mut limits = Limits { event: MOST_EVENT, ..Limits::default() };
    limits.inflate.most = MOST_EVENT as usize;
    Reader::stream(if checksums { Checksum::Crc32 } else { Checksum::None }, limits)
}

/// The error of an event that can't be read, or of a value in it.
pub fn unreadable(error: impl fmt::Display) -> SqlError {
    SqlError::new(UNREADABLE, b"HY000", format!("The binary log can't be read: {error}"))
}

/// The error of a transaction that MySQL has compressed by zstd, for which a page has no code.
fn compressed(error: &sealwire_binlog::Error) -> SqlError {
    let message = format!(
        "The binary log can't be read: the transaction at position {} is compressed. At the server SET GLOBAL \
         binlog_transaction_compression = OFF, and begin behind it",
        error.position
    );
    SqlError::new(UNREADABLE, b"HY000", message)
}

fn malformed(error: StartError) -> SqlError {
    SqlError::new(MALFORMED_GTID, b"HY000", format!("Malformed GTID: {error}"))
}

#[cfg(test)]
mod tests {
    use sealwire_binlog::{Body, Head, Query, Rotate, TransactionPayload, encode_event};

    use super::*;

    fn options(start: serde_json::Value, is_maria_db: bool) -> LogOptions {
        let json = serde_json::json!({ "start": start, "isMariaDb": is_maria_db, "mostBytes": 1e6 });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_place_comes_back_in_the_form_in_which_it_was_given() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";
        for (is_maria_db, start) in [
            (false, serde_json::json!({ "file": "bin.000001", "position": 4 })),
            (false, serde_json::json!({ "gtid": uuid })),
            (true, serde_json::json!({ "gtid": "0-11-5,3-1-1" })),
        ] {
            let log = Log::new(&options(start.clone(), is_maria_db)).unwrap();
            assert_eq!(serde_json::to_value(Start::from(log.resume())).unwrap(), start);
        }
    }

    #[test]
    fn gtids_of_the_wrong_kind_are_refused_with_the_rule() {
        for (gtid, is_maria_db) in [("0-11-5", false), ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", true)] {
            let error = Log::new(&options(serde_json::json!({ "gtid": gtid }), is_maria_db)).unwrap_err();
            assert_eq!(error.code, MALFORMED_GTID);
            assert!(error.message.starts_with("Malformed GTID: at character"), "{error}");
        }
        let unknown = serde_json::json!({ "start": { "time": 5 }, "isMariaDb": false, "mostBytes": 1 });
        assert!(serde_json::from_value::<LogOptions>(unknown).is_err());
    }

    #[test]
    fn a_log_goes_on_behind_its_last_transaction() {
        let mut log = Log::new(&options(serde_json::json!({ "file": "", "position": 4 }), false)).unwrap();
        log.begin(true);
        let event = |body: &Body<'_>, end| {
            let mut bytes = Vec::new();
            encode_event(Head::default(), end, body, Checksum::Crc32, &mut bytes).unwrap();
            bytes
        };
        let rotate = Body::Rotate(Rotate { position: 4, file: b"bin.000002" });
        assert_eq!(log.event(&event(&rotate, 0)).unwrap(), None);
        let statement = |sql| Body::Query(Query::new(1, b"d", sql));
        assert!(log.event(&event(&statement(b"CREATE TABLE t (a INT)"), 200)).unwrap().is_some());
        assert_eq!(log.event(&event(&statement(b"BEGIN"), 300)).unwrap(), None);
        assert_eq!((log.file().as_str(), log.position()), ("bin.000002", 200));
        assert_eq!(Start::from(log.resume()), Start::File { file: "bin.000002".to_owned(), position: 200 });
        let payload = TransactionPayload { compression: 7, plain_size: Some(9), payload: b"packed" };
        let error = log.event(&event(&Body::TransactionPayload(payload), 400)).unwrap_err();
        assert!(error.message.contains("binlog_transaction_compression = OFF"), "{error}");
        let mut broken = event(&statement(b"COMMIT"), 400);
        *broken.last_mut().unwrap() ^= 1;
        let error = log.event(&broken).unwrap_err();
        assert_eq!(error.code, UNREADABLE);
        assert!(error.message.contains("checksum"), "{error}");
    }
}
