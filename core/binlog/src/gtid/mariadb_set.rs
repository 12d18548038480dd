//! Positions and states of MariaDB's GTIDs: the last of each domain, or of each domain and server.
//!
//! Source: MariaDB, "Global Transaction ID", `gtid_slave_pos` and `gtid_binlog_state`.

use alloc::collections::BTreeMap;
use core::fmt;
use core::str::FromStr;

use super::error::GtidError;
use super::mariadb::MariaDbGtid;
use crate::error::{Problem, Result};

/// The most entries of a position or a state.
const MOST_ENTRIES: usize = 1 << 20;

impl FromStr for MariaDbGtid {
    type Err = GtidError;

    /// Reads `domain-server-sequence`.
    fn from_str(text: &str) -> core::result::Result<Self, GtidError> {
        let wrong = GtidError { at: 0, rule: "a GTID is three numbers, as in 0-1-100: domain, server, sequence" };
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let mut parts = text.split('-');
        let mut part = || parts.next().filter(is_number).ok_or(wrong);
        let (domain, server, sequence) = (part()?, part()?, part()?);
        let (Ok(domain), Ok(server), Ok(sequence), None) =
            (domain.parse(), server.parse(), sequence.parse(), parts.next())
        else {
            return Err(wrong);
        };
        Ok(Self { domain, server, sequence })
    }
}

/// Reads GTIDs between commas, with white space around them.
fn each(
    text: &str,
    mut take: impl FnMut(MariaDbGtid) -> core::result::Result<(), &'static str>,
) -> core::result::Result<(), GtidError> {
    let mut at = 0;
    for part in text.split(',') {
        let begin = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        if part.trim().is_empty() {
            // Only a list without any GTID may have an empty part.
            let rule = "a GTID is expected between commas";
            if text.trim().is_empty() { continue } else { return Err(GtidError { at: begin, rule }) }
        }
        let gtid: MariaDbGtid = part.trim().parse().map_err(|error: GtidError| GtidError { at: begin, ..error })?;
        take(gtid).map_err(|rule| GtidError { at: begin, rule })?;
    }
    Ok(())
}

fn too_many(count: usize) -> Problem {
    let (size, limit) = (count as u64, MOST_ENTRIES as u64);
    Problem::TooBig { what: "the number of GTIDs", size, limit }
}

/// A position: the last GTID of each domain, as in `gtid_slave_pos`. All GTIDs up to it, in its domain, belong to it. Its `Display` is
/// MariaDB's text, with the domains in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MariaDbGtidSet {
    domains: BTreeMap<u32, MariaDbGtid>,
}

impl MariaDbGtidSet {
    /// The position before all.
    pub const fn new() -> Self {
        Self { domains: BTreeMap::new() }
    }

    /// The number of domains.
    pub fn domains(&self) -> usize {
        self.domains.len()
    }

    /// Whether it is the position before all.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// The last GTID of each domain, in the order of the domains.
    pub fn iter(&self) -> impl Iterator<Item = MariaDbGtid> {
        self.domains.values().copied()
    }

    /// The last GTID of a domain.
    pub fn last(&self, domain: u32) -> Option<MariaDbGtid> {
        self.domains.get(&domain).copied()
    }

    /// Whether a GTID is at or before the position: sequence numbers grow within a domain, over all servers.
    pub fn contains(&self, gtid: MariaDbGtid) -> bool {
        self.last(gtid.domain).is_some_and(|last| gtid.sequence <= last.sequence)
    }

    /// Whether another position is at or before this one in all its domains.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.iter().all(|gtid| self.contains(gtid))
    }

    /// Moves the position of the GTID's domain to it, if it is behind.
    pub fn add(&mut self, gtid: MariaDbGtid) -> Result<()> {
        if !self.contains(gtid) {
            self.set(gtid)?;
        }
        Ok(())
    }

    /// Makes a GTID the position of its domain, also where sequence numbers went back, which MariaDB allows without
    /// `gtid_strict_mode`.
    pub fn set(&mut self, gtid: MariaDbGtid) -> Result<()> {
        if self.domains.len() >= MOST_ENTRIES && !self.domains.contains_key(&gtid.domain) {
            return Err(too_many(self.domains.len() + 1));
        }
        self.domains.insert(gtid.domain, gtid);
        Ok(())
    }

    /// Moves each domain to the later of both positions.
    pub fn add_all(&mut self, other: &Self) -> Result<()> {
        other.iter().try_for_each(|gtid| self.add(gtid))
    }

    /// Leaves the domains in which this position is behind another: those of which the other lacks transactions.
    pub fn subtract(&mut self, other: &Self) {
        self.domains.retain(|_, gtid| !other.contains(*gtid));
    }
}

impl fmt::Display for MariaDbGtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, self.iter())
    }
}

fn write_all(f: &mut fmt::Formatter<'_>, mut all: impl Iterator<Item = MariaDbGtid>) -> fmt::Result {
    if let Some(first) = all.next() {
        write!(f, "{first}")?;
    }
    all.try_for_each(|gtid| write!(f, ",{gtid}"))
}

impl FromStr for MariaDbGtidSet {
    type Err = GtidError;

    /// Reads `0-1-100,7-1-3`. A domain may be there once.
    fn from_str(text: &str) -> core::result::Result<Self, GtidError> {
        let mut set = Self::new();
        each(text, |gtid| match set.last(gtid.domain) {
            Some(_) => Err("the domain is there already"),
            None => set.set(gtid).map_err(|_| "there are too many domains"),
        })?;
        Ok(set)
    }
}

/// The state of a log: the last GTID of each domain and server, as in `gtid_binlog_state` and GTID_LIST.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MariaDbGtidState {
    last: BTreeMap<(u32, u32), u64>,
    /// The server of the last GTID of each domain.
    current: BTreeMap<u32, u32>,
}

impl MariaDbGtidState {
    /// The state of an empty log.
    pub const fn new() -> Self {
        Self { last: BTreeMap::new(), current: BTreeMap::new() }
    }

    /// Takes over the next GTID of the log.
    pub fn add(&mut self, gtid: MariaDbGtid) -> Result<()> {
        let key = (gtid.domain, gtid.server);
        if self.last.len() >= MOST_ENTRIES && !self.last.contains_key(&key) {
            return Err(too_many(self.last.len() + 1));
        }
        self.last.insert(key, gtid.sequence);
        self.current.insert(gtid.domain, gtid.server);
        Ok(())
    }

    /// The GTIDs in the order of GTID_LIST: by domain, the current one of a domain last.
    pub fn iter(&self) -> impl Iterator<Item = MariaDbGtid> {
        let of = |domain: u32, server: u32| {
            let sequence = self.last.get(&(domain, server))?;
            Some(MariaDbGtid { domain, server, sequence: *sequence })
        };
        self.current.iter().flat_map(move |(&domain, &current)| {
            let others = self.last.range((domain, 0)..=(domain, u32::MAX)).map(|((_, server), _)| *server);
            let servers = others.filter(move |server| *server != current).chain([current]);
            servers.filter_map(move |server| of(domain, server))
        })
    }

    /// The position: the current GTID of each domain.
    pub fn position(&self) -> MariaDbGtidSet {
        let mut set = MariaDbGtidSet::new();
        for gtid in self.iter() {
            set.domains.insert(gtid.domain, gtid);
        }
        set
    }
}

impl fmt::Display for MariaDbGtidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, self.iter())
    }
}

impl FromStr for MariaDbGtidState {
    type Err = GtidError;

    /// Reads `0-1-100,0-2-105,7-1-3`; the last of a domain is its current one.
    fn from_str(text: &str) -> core::result::Result<Self, GtidError> {
        let mut state = Self::new();
        each(text, |gtid| state.add(gtid).map_err(|_| "there are too many GTIDs"))?;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_position_is_compared_moved_and_printed() {
        let mut position: MariaDbGtidSet = " 7-1-3, 0-1-100".parse().unwrap();
        assert_eq!(position.to_string(), "0-1-100,7-1-3");
        assert!(position.contains("0-9-100".parse().unwrap()) && !position.contains("0-1-101".parse().unwrap()));
        assert!(!position.contains("1-1-1".parse().unwrap()));
        position.add("0-2-50".parse().unwrap()).unwrap();
        position.add("0-2-150".parse().unwrap()).unwrap();
        position.add_all(&"1-1-1,7-9-2".parse().unwrap()).unwrap();
        assert_eq!(position.to_string(), "0-2-150,1-1-1,7-1-3");
        assert!(position.contains_all(&"0-1-1".parse().unwrap()));
        position.subtract(&"0-1-149,7-1-3".parse().unwrap());
        assert_eq!(position.to_string(), "0-2-150,1-1-1");
        assert!("".parse::<MariaDbGtidSet>().unwrap().is_empty());
        for wrong in ["0-1", "0-1-2-3", "0-1-x", "0-1-1,0-1-2", "0-1-1,", ",", "4294967296-1-1", "0-1-+1"] {
            assert!(wrong.parse::<MariaDbGtidSet>().is_err(), "{wrong}");
        }
        let error = "0-1-1, 7-x-2".parse::<MariaDbGtidSet>().unwrap_err();
        assert_eq!(error.at, 7);
    }

    #[test]
    fn a_state_has_the_current_gtid_of_a_domain_last() {
        let mut state: MariaDbGtidState = "0-1-100,0-2-105,7-1-3".parse().unwrap();
        state.add("0-1-106".parse().unwrap()).unwrap();
        assert_eq!(state.to_string(), "0-2-105,0-1-106,7-1-3");
        assert_eq!(state.position().to_string(), "0-1-106,7-1-3");
    }
}
