//! The GTIDs of the groups in the binary log, in MariaDB's or MySQL's form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

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

/// Numbers of MySQL's transactions, as ranges in their order that neither overlap nor touch, because a client may send a million of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The numbers of these ranges, of which each has its first and its last number.
    pub(crate) fn new(mut all: Vec<(u64, u64)>) -> Self {
        all.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in all {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Whether this number is among them.
    pub(super) fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Whether all numbers from 1 to this one are among them.
    pub(super) fn has_all_up_to(&self, number: u64) -> bool {
        number == 0 || self.0.first().is_some_and(|(first, last)| *first <= 1 && *last >= number)
    }

    /// The highest number; 0 where there is none.
    pub(super) fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }
}

/// All groups that were logged so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gtids {
    /// MariaDB's: the last number of each domain and server, and the last GTID of each domain.
    by_server: BTreeMap<(u32, u32), u64>,
    last: BTreeMap<u32, Gtid>,
    /// MySQL's: the last number of this server's transactions, which are numbered without gaps from 1 on.
    pub(crate) transactions: u64,
}

impl Gtids {
    /// Notes a group.
    pub(super) fn add(&mut self, gtid: Gtid) {
        self.by_server.insert((gtid.domain, gtid.server), gtid.sequence);
        self.last.insert(gtid.domain, gtid);
    }

    /// The number of the domain's next group.
    pub(super) fn next_sequence(&self, domain: u32) -> u64 {
        self.last.get(&domain).map_or(0, |gtid| gtid.sequence).saturating_add(1)
    }

    /// The last GTID of a domain.
    pub(crate) fn last(&self, domain: u32) -> Option<Gtid> {
        self.last.get(&domain).copied()
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

    /// MySQL's set of all transactions: `uuid:1-9`.
    pub(crate) fn executed_text(&self, uuid: &str) -> String {
        match self.transactions {
            0 => String::new(),
            1 => format!("{uuid}:1"),
            last => format!("{uuid}:1-{last}"),
        }
    }
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
    fn ranges_are_merged() {
        let ranges = |all: &[(u64, u64)]| Ranges::new(all.to_vec());
        assert_eq!(
            ranges(&[(7, 9), (1, 3), (4, 4), (2, 3), (8, 8), (12, u64::MAX)]).0,
            [(1, 4), (7, 9), (12, u64::MAX)]
        );
        // A million copies are one range, so that looking a number up takes no longer for them.
        assert_eq!(Ranges::new(vec![(1, 1); 1_000_000]), ranges(&[(1, 1)]));
        let some = ranges(&[(1, 4), (7, 9)]);
        let contained: Vec<u64> = (0..12).filter(|number| some.contains(*number)).collect();
        assert_eq!(contained, [1, 2, 3, 4, 7, 8, 9]);
        assert!(some.has_all_up_to(4) && !some.has_all_up_to(5) && some.has_all_up_to(0) && some.last() == 9);
        assert!(
            !ranges(&[(2, 4)]).has_all_up_to(1) && Ranges::default().has_all_up_to(0) && Ranges::default().last() == 0
        );
    }

    #[test]
    fn transactions_of_mysql_are_a_set() {
        let set = |transactions| Gtids { transactions, ..Gtids::default() }.executed_text("u");
        assert_eq!((set(0), set(1), set(9)), (String::new(), "u:1".to_owned(), "u:1-9".to_owned()));
    }
}
