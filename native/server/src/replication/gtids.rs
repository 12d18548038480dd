//! The GTIDs of the groups in the binary log, in MariaDB's or MySQL's form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sealwire_binlog::{GtidSet, MariaDbGtid, Tag, Uuid};

/// A GTID of MariaDB's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Gtid {
    pub(crate) domain: u32,
    pub(crate) server: u32,
    pub(crate) sequence: u64,
}

impl std::fmt::Display for Gtid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl From<MariaDbGtid> for Gtid {
    fn from(MariaDbGtid { domain, server, sequence }: MariaDbGtid) -> Self {
        Self { domain, server, sequence }
    }
}

impl Gtid {
    /// Reads `0-1-100`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (domain, server, sequence) = (parts.next()?, parts.next()?, parts.next()?);
        let all = Self { domain: domain.parse().ok()?, server: server.parse().ok()?, sequence: sequence.parse().ok()? };
        parts.next().is_none().then_some(all)
    }
}

/// A list of MariaDB's GTIDs, as `@slave_connect_state` has it; `None` where it can't be read or names a domain twice.
pub(crate) fn parse_list(text: &str) -> Option<BTreeMap<u32, Gtid>> {
    let mut list = BTreeMap::new();
    for part in text.split(',').filter(|_| !text.trim().is_empty()) {
        let gtid = Gtid::parse(part)?;
        if list.insert(gtid.domain, gtid).is_some() {
            return None;
        }
    }
    Some(list)
}

/// All groups that were logged so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gtids {
    /// MariaDB's: the last number of each domain and server, and the last GTID of each domain.
    by_server: BTreeMap<(u32, u32), u64>,
    last: BTreeMap<u32, Gtid>,
    /// The largest number of each domain that this server has applied without logging it.
    applied: BTreeMap<u32, u64>,
    /// MySQL's: this server's own, which are numbered from 1 on, and those that it has as a replica.
    pub(crate) transactions: GtidSet,
}

impl Gtids {
    /// Notes a group.
    pub(super) fn add(&mut self, gtid: Gtid) {
        self.by_server.insert((gtid.domain, gtid.server), gtid.sequence);
        self.last.insert(gtid.domain, gtid);
    }

    /// Notes that groups up to this number were applied, whether they were logged or not.
    pub(super) fn raise(&mut self, domain: u32, sequence: u64) {
        if self.next_sequence(domain) <= sequence {
            self.applied.insert(domain, sequence);
        }
    }

    /// The number of the domain's next group. It is larger than all so far, also where a source's group with a smaller one came last.
    pub(super) fn next_sequence(&self, domain: u32) -> u64 {
        let of_domain = self.by_server.range((domain, 0)..=(domain, u32::MAX));
        let largest = of_domain.map(|(_, sequence)| sequence).chain(self.applied.get(&domain)).max();
        largest.copied().unwrap_or(0).saturating_add(1)
    }

    /// The last GTID of a domain.
    pub(crate) fn last(&self, domain: u32) -> Option<Gtid> {
        self.last.get(&domain).copied()
    }

    /// The GTIDs of the domains whose last group this server gave itself.
    pub(crate) fn last_of(&self, server: u64) -> Vec<MariaDbGtid> {
        let own = self.last.values().filter(|gtid| u64::from(gtid.server) == server);
        own.map(|Gtid { domain, server, sequence }| MariaDbGtid {
            domain: *domain,
            server: *server,
            sequence: *sequence,
        })
        .collect()
    }

    /// The last number of a domain and a server.
    pub(crate) fn last_of_server(&self, domain: u32, server: u32) -> Option<u64> {
        self.by_server.get(&(domain, server)).copied()
    }

    /// The entries of a GTID_LIST: of each domain the last one comes last.
    pub(crate) fn list(&self) -> Vec<Gtid> {
        let mut list = Vec::new();
        for last in self.last.values() {
            let others = self.by_server.range((last.domain, 0)..=(last.domain, u32::MAX));
            let others = others.map(|((domain, server), sequence)| Gtid {
                domain: *domain,
                server: *server,
                sequence: *sequence,
            });
            list.extend(others.filter(|gtid| gtid.server != last.server));
            list.push(*last);
        }
        list
    }

    /// `@@gtid_binlog_pos`.
    pub(crate) fn position_text(&self) -> String {
        texts(self.last.values().copied())
    }

    /// `@@gtid_binlog_state`.
    pub(crate) fn state_text(&self) -> String {
        texts(self.list().into_iter())
    }

    /// Notes a transaction of MySQL's.
    pub(super) fn add_transaction(&mut self, uuid: [u8; 16], number: i64) {
        if let Err(problem) = self.transactions.add(Uuid(uuid), Tag::default(), number) {
            tracing::warn!("the binary log's GTIDs lack a transaction: {problem}");
        }
    }
}

/// The last number of a server's transactions in a set of MySQL's; 0 where there are none.
pub(super) fn last_of(set: &GtidSet, uuid: [u8; 16]) -> i64 {
    let own = set.iter().filter(|(server, tag, ..)| server.0 == uuid && tag.as_bytes().is_empty());
    own.map(|(.., last)| last).max().unwrap_or(0)
}

fn texts(gtids: impl Iterator<Item = Gtid>) -> String {
    let mut out = String::new();
    for gtid in gtids {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{gtid}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_domain_and_server_is_listed_and_the_last_one_last() {
        let mut gtids = Gtids::default();
        assert_eq!((gtids.next_sequence(0), gtids.state_text()), (1, String::new()));
        for (domain, server, sequence) in [(0, 2, 1), (0, 1, 2), (5, 1, 7), (0, 2, 3)] {
            gtids.add(Gtid { domain, server, sequence });
        }
        assert_eq!(gtids.state_text(), "0-1-2,0-2-3,5-1-7");
        assert_eq!(gtids.position_text(), "0-2-3,5-1-7");
        assert_eq!(gtids.next_sequence(0), 4);
        // In a ring the other server's group comes with a number that was given here meanwhile.
        gtids.add(Gtid { domain: 0, server: 1, sequence: 3 });
        gtids.add(Gtid { domain: 0, server: 2, sequence: 4 });
        gtids.add(Gtid { domain: 0, server: 1, sequence: 4 });
        gtids.add(Gtid { domain: 0, server: 2, sequence: 5 });
        gtids.add(Gtid { domain: 0, server: 1, sequence: 4 });
        assert_eq!((gtids.next_sequence(0), gtids.position_text()), (6, "0-1-4,5-1-7".to_owned()));
        assert_eq!((gtids.last_of(1).len(), gtids.last_of(2).len()), (2, 0));
    }

    #[test]
    fn numbers_go_on_behind_those_applied_without_a_log() {
        let mut gtids = Gtids::default();
        for (domain, sequence) in [(0, 11), (0, 9), (5, 2)] {
            gtids.raise(domain, sequence);
        }
        assert_eq!((gtids.next_sequence(0), gtids.next_sequence(5), gtids.next_sequence(1)), (12, 3, 1));
        assert_eq!(gtids.state_text(), "", "they are not in the log");
        gtids.add(Gtid { domain: 0, server: 8, sequence: 20 });
        assert_eq!(gtids.next_sequence(0), 21);
    }

    #[test]
    fn lists_of_replicas_are_read() {
        assert_eq!(parse_list("").unwrap().len(), 0);
        assert_eq!(parse_list(" 0-1-5, 3-2-1").unwrap().get(&3).unwrap().to_string(), "3-2-1");
        for wrong in ["0-1", "0-1-2-3", "0-1-x", "0-1-1,0-2-2", ",", "-1-1-1"] {
            assert_eq!(parse_list(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn transactions_of_mysql_are_a_set() {
        let mut gtids = Gtids::default();
        assert_eq!((gtids.transactions.to_string(), last_of(&gtids.transactions, [1; 16])), (String::new(), 0));
        for (uuid, number) in [([1; 16], 1), ([2; 16], 7), ([1; 16], 2)] {
            gtids.add_transaction(uuid, number);
        }
        let expected = "01010101-0101-0101-0101-010101010101:1-2,02020202-0202-0202-0202-020202020202:7";
        assert_eq!((&*gtids.transactions.to_string(), last_of(&gtids.transactions, [1; 16])), (expected, 2));
    }
}
