//! The binary log: what a server with `--log-bin` records, and what its replicas read.
//!
//! ```text
//! engine's session ──rows──> TransactionCache ──commit──> BinaryLog ──files──> dump ──> connection of a replica
//! ```
//!
//! Each module: [`table`] and [`cache`] hold the events of an open transaction; [`group`] makes the events around them; [`log`] appends and
//! publishes; [`recovery`] repairs the log of a killed server; [`dump`] sends it, from where [`start`] says and with what [`filter`]
//! lets pass; [`semi_sync`] lets commits wait for replicas;
//! [`position`] tells the GTIDs at a place of it; [`replicas`] knows who receives it.

mod cache;
mod control;
mod dump;
mod events;
mod files;
mod filter;
mod group;
mod gtids;
mod log;
mod place;
mod position;
mod recovery;
mod replicas;
mod request;
mod semi_sync;
mod start;
mod table;

pub(crate) use cache::{CacheLimits, Mark, TransactionCache};
pub(crate) use dump::{Dump, DumpPart, Surroundings, start as start_dump};
pub(crate) use events::FIRST_POSITION;
pub(crate) use files::LogFiles;
pub(crate) use group::{CommitMark, Format, Origin, OriginGtid, Statement};
pub(crate) use gtids::parse_list;
pub(crate) use log::{BinaryLog, Group, LogSettings};
pub(crate) use place::Place;
pub(crate) use position::position_text;
pub(crate) use recovery::{Databases, GroupRows};
pub(crate) use replicas::Registered;
pub(crate) use request::{DumpRequest, LEAST_HEARTBEAT};
pub(crate) use semi_sync::{Awaited, SemiSyncSettings, SemiSyncStatus};
pub(crate) use start::{Start, known_before};
pub(crate) use table::{BINARY, Change, Image, LoggedColumn, LoggedTable, RowImage};
