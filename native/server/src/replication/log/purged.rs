//! SET GLOBAL gtid_purged: the log of a server whose data was copied from another one.

use sealwire_binlog::{Flavour, GtidSet};
use sealwire_core::error::SqlError;

use super::{BinaryLog, unwritable};

impl BinaryLog {
    /// Begins the log behind transactions that the databases have and that no file has. The files so far, which have no transactions, go.
    ///
    /// # Errors
    /// 1839 where the log has no GTIDs of MySQL's, 1840 where it has transactions already, 1026 where it can't be written.
    pub(crate) fn set_purged(&self, set: &GtidSet) -> Result<(), SqlError> {
        if self.format.flavour != Flavour::MySql || !self.format.has_gtids {
            let message = "@@GLOBAL.GTID_PURGED can only be set when @@GLOBAL.GTID_MODE = ON.";
            return Err(SqlError::new(1839, b"HY000", message));
        }
        let mut writer = self.writer();
        if !writer.gtids.transactions.is_empty() {
            let message = "@@GLOBAL.GTID_PURGED can only be set when @@GLOBAL.GTID_EXECUTED is empty: RESET BINARY LOGS AND GTIDS empties it, \
                           and removes the binary log";
            return Err(SqlError::new(1840, b"HY000", message));
        }
        self.begin_anew_behind(&mut writer, set).map_err(|error| unwritable(&error))
    }
}
