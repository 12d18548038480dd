//! Which events are printed.

use std::collections::BTreeSet;

use sealwire_binlog::{Body, Event, EventType, RowsFlags};

/// The conditions under which events are printed.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    pub(super) database: Option<Vec<u8>>,
    pub(super) table: Option<Vec<u8>>,
    pub(super) servers: Option<Vec<u32>>,
    pub(super) no_servers: Vec<u32>,
    pub(super) domains: Option<Vec<u32>>,
    pub(super) no_domains: Vec<u32>,
    /// In seconds since 1970. It counts for the first event only, because later ones may be older.
    pub(super) start_time: Option<u32>,
    pub(super) stop_time: Option<u32>,
    /// In the last file.
    pub(super) stop_position: Option<u64>,
    /// The number of first events to leave out.
    pub(super) offset: u64,
}

/// The conditions, and what is known of the current statement and transaction.
#[derive(Debug)]
pub(super) struct Filter {
    conditions: Conditions,
    /// Whether the current file is the last one.
    pub(super) is_last_file: bool,
    /// Events so far.
    count: u64,
    /// Whether the current transaction's domain is left out.
    skips_group: bool,
    /// Whether the current transaction is an XA transaction.
    is_xa: bool,
    /// The tables of the current statement that are left out.
    left_out: BTreeSet<u64>,
}

/// The decision about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Print,
    Skip,
    /// The event's position alone is printed.
    Position,
    /// The same, and the event is the last one of a statement of which other events are printed.
    PositionEnd,
    /// No more events are wanted.
    Stop,
}

impl Filter {
    pub(super) const fn new(conditions: Conditions) -> Self {
        Self { conditions, is_last_file: true, count: 0, skips_group: false, is_xa: false, left_out: BTreeSet::new() }
    }

    /// Decides about an event.
    pub(super) fn check(&mut self, event: &Event<'_>, body: &Body<'_>) -> Verdict {
        let is_format = event.header.event_type == EventType::FORMAT_DESCRIPTION;
        let number = self.count;
        self.count += 1;
        let when = event.header.timestamp;
        if !is_format {
            if number < self.conditions.offset || self.conditions.start_time.is_some_and(|start| when < start) {
                return Verdict::Skip;
            }
            (self.conditions.offset, self.conditions.start_time) = (0, None);
            if !matches!(body, Body::Rotate(_)) && !self.has_server(event.header.server_id) {
                return Verdict::Skip;
            }
        }
        if self.is_behind(event.position, when) {
            return Verdict::Stop;
        }
        match body {
            Body::MariaDbGtid(gtid) => {
                self.skips_group = !self.has_domain(gtid.domain);
                self.is_xa = gtid.xid.is_some();
            }
            Body::FormatDescription(_)
            | Body::Rotate(_)
            | Body::Stop
            | Body::GtidList(_)
            | Body::BinlogCheckpoint(_) => {
                self.skips_group = false;
            }
            _ => {}
        }
        if self.skips_group {
            return Verdict::Skip;
        }
        match body {
            Body::Query(query) if !is_of_transaction(&query.sql, self.is_xa) && !self.has_database(query.database) => {
                Verdict::Position
            }
            Body::LoadQuery(load) if !self.has_database(load.query.database) => Verdict::Position,
            Body::TableMap(map) => {
                let is_wanted = self.conditions.table.as_deref().is_none_or(|table| table == map.table);
                if is_wanted && self.has_database(map.database) {
                    return Verdict::Print;
                }
                self.left_out.insert(map.table_id);
                Verdict::Position
            }
            Body::Rows(rows) => {
                let is_left_out = self.left_out.contains(&rows.table_id);
                let ends = rows.flags.contains(RowsFlags::STMT_END);
                if ends {
                    self.left_out.clear();
                }
                match (is_left_out, ends) {
                    (false, _) => Verdict::Print,
                    (true, false) => Verdict::Position,
                    (true, true) => Verdict::PositionEnd,
                }
            }
            _ => Verdict::Print,
        }
    }

    /// Whether a time or a position is behind the end. Artificial events have no time.
    pub(super) fn is_behind(&self, position: u64, when: u32) -> bool {
        self.conditions.stop_time.is_some_and(|stop| when >= stop)
            || self.is_last_file && self.conditions.stop_position.is_some_and(|stop| position >= stop)
    }

    fn has_database(&self, name: &[u8]) -> bool {
        self.conditions.database.as_deref().is_none_or(|database| database == name)
    }

    /// Whether events are chosen by their server or their domain.
    pub(super) const fn has_ids(&self) -> bool {
        let conditions = &self.conditions;
        conditions.servers.is_some()
            || conditions.domains.is_some()
            || !conditions.no_servers.is_empty()
            || !conditions.no_domains.is_empty()
    }

    fn has_server(&self, id: u32) -> bool {
        self.conditions.servers.as_ref().is_none_or(|servers| servers.contains(&id))
            && !self.conditions.no_servers.contains(&id)
    }

    fn has_domain(&self, domain: u32) -> bool {
        self.conditions.domains.as_ref().is_none_or(|domains| domains.contains(&domain))
            && !self.conditions.no_domains.contains(&domain)
    }
}

/// Whether a statement begins or ends a transaction or a part of one. Such a statement needs no database.
pub(super) fn is_of_transaction(sql: &[u8], is_xa: bool) -> bool {
    let begins = |word: &str| sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    matches!(sql, b"BEGIN" | b"COMMIT") || begins("SAVEPOINT") || begins("ROLLBACK") || is_xa && begins("XA ")
}
