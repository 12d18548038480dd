//! Groups that this server has applied as a replica, and that its log does not have.

use std::io;

use sealwire_binlog::{Flavour, GtidSet, MariaDbGtid};
use sealwire_core::error::SqlError;

use super::{BinaryLog, Writer, unwritable};

impl BinaryLog {
    /// Has the server's own groups get numbers behind these of MariaDB's, which were applied, as MariaDB does. Else the numbers of a log that
    /// is switched on later would begin at 1, and replicas would take new groups for old ones.
    pub(crate) fn number_behind(&self, applied: impl Iterator<Item = MariaDbGtid>) {
        let missing: Vec<MariaDbGtid> = {
            let known = &self.reading().gtids;
            applied.filter(|gtid| known.next_sequence(gtid.domain) <= gtid.sequence).collect()
        };
        if missing.is_empty() || self.format.flavour != Flavour::MariaDb {
            return;
        }
        let mut writer = self.writer();
        for gtid in missing {
            writer.gtids.raise(gtid.domain, gtid.sequence);
        }
        self.publish(&writer);
    }

    /// Begins a log that has just been switched on behind these transactions of MySQL's, which were applied without a log.
    ///
    /// # Errors
    /// 1026 where the log can't be written.
    pub(crate) fn begin_behind(&self, applied: &GtidSet) -> Result<(), SqlError> {
        let mut writer = self.writer();
        let is_new = writer.names.len() == 1 && writer.gtids.transactions.is_empty();
        if !is_new || applied.is_empty() || self.format.flavour != Flavour::MySql || !self.format.has_gtids {
            return Ok(());
        }
        self.begin_anew_behind(&mut writer, applied).map_err(|error| unwritable(&error))
    }

    /// Begins the log in a new file behind these transactions of MySQL's. The files so far, which have none, go.
    pub(super) fn begin_anew_behind(&self, writer: &mut Writer, set: &GtidSet) -> io::Result<()> {
        writer.gtids.transactions.clone_from(set);
        self.rotate_to_next(writer).inspect_err(|_| writer.gtids.transactions = GtidSet::new())?;
        self.purge_from(writer, &|_| false)
    }
}
