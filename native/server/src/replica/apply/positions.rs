//! The GTIDs of the groups that were applied.

use sealwire_binlog::{GtidSet, MariaDbGtid, MariaDbGtidSet, Tag, Uuid};
use sealwire_core::error::SqlError;

/// The GTID of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gtid {
    /// MariaDB's.
    MariaDb(MariaDbGtid),
    /// MySQL's.
    MySql(Uuid, Tag, i64),
}

/// All GTIDs so far, in the form of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Gtids {
    mariadb: MariaDbGtidSet,
    mysql: GtidSet,
}

impl Gtids {
    /// Reads either form.
    ///
    /// # Errors
    /// 1941 where it is neither.
    pub(super) fn parse(text: &str) -> Result<Self, SqlError> {
        if let Ok(mariadb) = text.parse() {
            return Ok(Self { mariadb, mysql: GtidSet::new() });
        }
        let wrong = |error| SqlError::new(1941, b"HY000", format!("Could not parse GTID list '{text}': {error}"));
        Ok(Self { mariadb: MariaDbGtidSet::new(), mysql: text.parse().map_err(wrong)? })
    }

    /// Whether a group was applied. MariaDB's numbers may go back where another server made the group, so those count by their server.
    pub(super) fn contains(&self, gtid: Gtid) -> bool {
        match gtid {
            Gtid::MariaDb(gtid) => self
                .mariadb
                .last(gtid.domain)
                .is_some_and(|last| last.server == gtid.server && self.mariadb.contains(gtid)),
            Gtid::MySql(uuid, tag, number) => self.mysql.contains(uuid, tag, number),
        }
    }

    /// Notes a group.
    ///
    /// # Errors
    /// 1105 where there are too many.
    pub(super) fn add(&mut self, gtid: Gtid) -> Result<(), SqlError> {
        let added = match gtid {
            Gtid::MariaDb(gtid) => self.mariadb.set(gtid),
            Gtid::MySql(uuid, tag, number) => self.mysql.add(uuid, tag, number),
        };
        added.map_err(|problem| SqlError::new(1105, b"HY000", format!("The GTIDs of the channel: {problem}")))
    }

    /// The text of all of them.
    pub(super) fn text(&self) -> String {
        if self.mysql.is_empty() { self.mariadb.to_string() } else { self.mysql.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_kept() {
        let mut mariadb = Gtids::parse("0-1-5,3-2-7").unwrap();
        let gtid = |domain, server, sequence| Gtid::MariaDb(MariaDbGtid { domain, server, sequence });
        assert!(mariadb.contains(gtid(0, 1, 5)) && mariadb.contains(gtid(0, 1, 4)) && !mariadb.contains(gtid(0, 1, 6)));
        assert!(!mariadb.contains(gtid(0, 9, 4)) && !mariadb.contains(gtid(1, 1, 1)));
        mariadb.add(gtid(0, 9, 4)).unwrap();
        assert_eq!(mariadb.text(), "0-9-4,3-2-7");

        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let mut mysql = Gtids::parse(&format!("{uuid}:1-5")).unwrap();
        let of = |number| Gtid::MySql(uuid.parse().unwrap(), Tag::default(), number);
        assert!(mysql.contains(of(5)) && !mysql.contains(of(6)));
        mysql.add(of(7)).unwrap();
        assert_eq!(mysql.text(), format!("{uuid}:1-5:7"));
        assert_eq!(Gtids::parse("").unwrap().text(), "");
        assert_eq!(Gtids::parse("nonsense").unwrap_err().code, 1941);
    }
}
