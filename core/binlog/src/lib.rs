#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;
// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sealwire_wasm_tests;

mod body;
mod build;
mod checksum;
mod column;
mod control;
mod decimal;
mod error;
mod event;
mod event_type;
mod format;
mod gtid;
mod header;
mod inflate;
pub mod json;
mod payload;
mod progress;
mod query;
mod reader;
mod rows;
mod table_map;
mod temporal;
mod transaction;
mod value;
mod writer;

pub use body::Body;
pub use build::{NewColumn, NewTable, RowMetadata, RowsBuilder};
pub use column::ColumnKind;
pub use control::{
    FileBlock, HeartbeatV2, Incident, IntVar, Rand, Rotate, StartEncryption, UserValue, UserVar, XaPrepare, Xid,
};
pub use decimal::Decimal;
pub use error::{Error, Problem};
pub use event::Event;
pub use event_type::EventType;
pub use format::{Checksum, Flavour, FormatDescription, MAGIC};
pub use gtid::{
    CommitTime, ExtraFlags, GtidError, GtidEvent, GtidList, GtidSet, LogicalClock, MOST_INTERVALS, MariaDbGtid,
    MariaDbGtidEvent, MariaDbGtidSet, MariaDbGtidState, ServerVersion, Tag, Uuid,
};
pub use header::{EventFlags, EventHeader, HEADER};
#[cfg(feature = "zlib")]
pub use inflate::deflate;
pub use inflate::{Compression, Inflate, InflateFn, inflate};
pub use payload::TransactionPayload;
pub use progress::{Boundary, Progress, StartError};
pub use query::{DatabaseNames, LoadQuery, Query, StatusVariable, StatusVariables};
pub use reader::{Limits, Reader};
pub use rows::{Row, RowIter, Rows, RowsFlags, RowsKind};
pub use table_map::{Column, MOST_COLUMNS, Table, TableMap};
pub use temporal::{Date, DateTime, Time, Timestamp};
pub use transaction::{Change, OwnedValue, Transaction, TransactionBuilder};
pub use value::Value;
pub use writer::{Head, Writer, encode_event, encode_raw, relocate};
