//! The GTIDs of the groups that were applied.

use sealwire_binlog::{GtidSet, MariaDbGtid, MariaDbGtidState, Tag, Uuid};
use sealwire_core::error::SqlError;

/// The GTID of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gtid {
    /// MariaDB's.
    MariaDb(MariaDbGtid),
    /// MySQL's.
    MySql(Uuid, Tag, i64),
}

impl Gtid {
    /// The GTID as its product writes it.
    pub(super) fn text(self) -> String {
        match self {
            Self::MariaDb(gtid) => gtid.to_string(),
            Self::MySql(uuid, tag, number) if tag.as_bytes().is_empty() => format!("{uuid}:{number}"),
            Self::MySql(uuid, tag, number) => format!("{uuid}:{}:{number}", String::from_utf8_lossy(tag.as_bytes())),
        }
    }
}

/// All GTIDs so far, in the form of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Gtids {
    /// The last of each domain and server.
    mariadb: MariaDbGtidState,
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
        Ok(Self { mariadb: MariaDbGtidState::new(), mysql: text.parse().map_err(wrong)? })
    }

    /// Whether a group was applied. MariaDB's numbers grow within a server; those of several servers in one domain need not.
    pub(super) fn contains(&self, gtid: Gtid) -> bool {
        match gtid {
            Gtid::MariaDb(gtid) => {
                let is_later = |own: MariaDbGtid| {
                    (own.domain, own.server) == (gtid.domain, gtid.server) && own.sequence >= gtid.sequence
                };
                self.mariadb.iter().any(is_later)
            }
            Gtid::MySql(uuid, tag, number) => self.mysql.contains(uuid, tag, number),
        }
    }

    /// Notes a group.
    ///
    /// # Errors
    /// 1105 where there are too many.
    pub(super) fn add(&mut self, gtid: Gtid) -> Result<(), SqlError> {
        let added = match gtid {
            Gtid::MariaDb(gtid) => self.mariadb.add(gtid),
            Gtid::MySql(uuid, tag, number) => self.mysql.add(uuid, tag, number),
        };
        added.map_err(|problem| SqlError::new(1105, b"HY000", format!("The GTIDs of the channel: {problem}")))
    }

    /// The position as users see it: the last of each domain of MariaDB's, all of MySQL's.
    pub(super) fn text(&self) -> String {
        if self.mysql.is_empty() { self.mariadb.position().to_string() } else { self.mysql.to_string() }
    }

    /// All that [`Gtids::parse`] reads again.
    pub(super) fn kept_text(&self) -> String {
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
        assert_eq!((mariadb.text(), mariadb.kept_text()), ("0-9-4,3-2-7".into(), "0-1-5,0-9-4,3-2-7".into()));
        let read = Gtids::parse(&mariadb.kept_text()).unwrap();
        assert!(read.contains(gtid(0, 1, 5)) && read.contains(gtid(0, 9, 4)) && !read.contains(gtid(0, 9, 5)));

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
