//! Global transaction identifiers of both flavours: the events that carry them, and sets of them.

mod error;
pub(crate) mod mariadb;
mod mariadb_set;
pub(crate) mod mysql;
mod mysql_set;
pub(crate) mod tagged;

pub use error::GtidError;
pub use mariadb::{ExtraFlags, GtidList, MariaDbGtid, MariaDbGtidEvent};
pub use mariadb_set::{MariaDbGtidSet, MariaDbGtidState};
pub use mysql::{CommitTime, GtidEvent, LogicalClock, ServerVersion, Uuid};
pub use mysql_set::{GtidSet, MOST_INTERVALS, Tag};
