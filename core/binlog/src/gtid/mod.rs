//! Global transaction identifiers of both flavours: the events that carry them, and sets of them.

pub(crate) mod mariadb;
pub(crate) mod mysql;

pub use error::GtidError;
pub use mariadb::{ExtraFlags, GtidList, MariaDbGtid, MariaDbGtidEvent};
pub use mysql::{CommitTime, GtidEvent, LogicalClock, ServerVersion, Uuid};

mod error;
