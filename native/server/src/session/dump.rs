//! A replica's commands: COM_REGISTER_SLAVE and the dumps of the binary log.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_accounts::{Accounts, Privilege};
use sealwire_binlog::Checksum;
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::{BinlogDump, OkPacket, StatusFlags};
use sealwire_core::server::{Connection, admit};
use sealwire_core::wire::Reader;
use sealwire_net::clock;

use super::dump_command::DumpCommand;
use super::view::View;
use super::{ENOUGH, Session};
use crate::engine::interrupted;
use crate::reload::Active;
use crate::replication::{
    DumpPart, DumpRequest, FIRST_POSITION, Registered, Start, Surroundings, parse_list, start_dump,
};
use crate::sql::{Datum, Names as _};

impl Session {
    /// COM_REGISTER_SLAVE.
    pub(super) fn register(&self, mut replica: Registered, connection: &mut Connection) -> Result<(), Error> {
        if !self.view.may(Privilege::REPLICATION_SLAVE) {
            let who = self.view.user.replacen('@', "'@'", 1);
            let message = format!(
                "Access denied for user '{who}' (using password: YES): registering as a replica needs the privilege REPLICATION SLAVE"
            );
            return connection.err(&SqlError::new(1045, b"28000", message));
        }
        replica.uuid = self.user_text(&["@replica_uuid", "@slave_uuid"]).unwrap_or_default();
        if let Some(log) = &self.view.server.log {
            log.replicas.register(self.view.id, replica);
        }
        connection.ok(&OkPacket { status: self.status(), ..OkPacket::default() })
    }

    /// A user variable's text, the first of these that is set.
    fn user_text(&self, names: &[&str]) -> Option<String> {
        let value = |name: &&str| self.view.name(name).ok().flatten().filter(|value| **value != Datum::Null);
        names.iter().find_map(value).map(|value| value.to_text())
    }

    /// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
    pub(super) fn begin_dump(&mut self, command: DumpCommand, connection: &mut Connection) -> Result<(), Error> {
        match self.start_dump(command) {
            Ok(dump) => {
                self.dump = Some(dump);
                self.process.begin("Binlog Dump", None);
                connection.begin_stream()
            }
            Err(error) => {
                // The client reads no more, so the connection ends, as with mysqld.
                connection.kill(error);
                Ok(())
            }
        }
    }

    fn start_dump(&self, command: DumpCommand) -> Result<crate::replication::Dump, SqlError> {
        self.view.demand(&[Privilege::REPLICATION_SLAVE])?;
        let server = &self.view.server;
        let log = server.log.clone().ok_or_else(|| SqlError::new(1236, b"HY000", "Binary log is not open"))?;
        let DumpCommand { server_id, flags, file, position, gtids } = command;
        let start = match (gtids, self.user_text(&["@slave_connect_state"])) {
            (Some(set), _) if log.format.has_gtids => {
                let known = own_ranges(&set, &log.format.uuid).ok_or_else(|| {
                    SqlError::new(1835, b"HY000", "Malformed communication packet: the set of GTIDs can't be read")
                })?;
                Start::MySql(known)
            }
            (Some(_), _) if file.is_empty() => {
                let message = "The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.";
                return Err(SqlError::new(1236, b"HY000", message));
            }
            (None, Some(state)) => Start::MariaDb(
                parse_list(&state).ok_or_else(|| SqlError::new(1941, b"HY000", "Could not parse GTID list"))?,
            ),
            _ => Start::Position { file, position: if position == 0 { FIRST_POSITION } else { position } },
        };
        let nanoseconds = self.user_text(&["@master_heartbeat_period", "@source_heartbeat_period"]);
        let nanoseconds = nanoseconds.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        let heartbeat = Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or_default();
        let checksum = self.user_text(&["@master_binlog_checksum", "@source_binlog_checksum"]);
        let capability = self.user_text(&["@mariadb_slave_capability"]).and_then(|text| text.parse().ok());
        let request = DumpRequest {
            connection: self.view.id,
            account: self.view.account_text(),
            server_id,
            start,
            is_short: flags & BinlogDump::NON_BLOCK != 0,
            annotates: flags & BinlogDump::ANNOTATE_ROWS != 0,
            capability: capability.unwrap_or(0),
            checksum: checksum
                .map(|text| if text.eq_ignore_ascii_case("NONE") { Checksum::None } else { Checksum::Crc32 }),
            heartbeat,
        };
        let (view, wake) = (self.view.clone(), Arc::clone(&self.wake));
        let surroundings = Surroundings {
            log,
            refusal: {
                let right = Right { view, checked: RefCell::new(None) };
                Box::new(move || right.refusal())
            },
            wake: Box::new(move || wake()),
        };
        start_dump(request, surroundings, |call| server.pool.call(call))
    }

    /// Forwards events as long as the client takes them; returns whether there were any.
    pub(super) fn advance_dump(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        // KILL QUERY, or a client that is gone, which nobody else would notice where nothing is sent.
        if self.process.is_stopped() {
            self.end_dump();
            connection.kill(interrupted());
            return Ok(true);
        }
        let mut moved = false;
        while connection.unsent() < ENOUGH {
            let Some(dump) = &self.dump else { break };
            match dump.next() {
                Ok(DumpPart::Events(batch)) => connection.rows(batch)?,
                Ok(DumpPart::End(reason)) => {
                    self.end_dump();
                    match reason {
                        Some(error) => connection.kill(error),
                        None => {
                            connection.end_rows(StatusFlags::NONE, 0)?;
                            connection.close();
                        }
                    }
                    return Ok(true);
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => {
                    self.end_dump();
                    connection.kill(SqlError::new(1105, b"HY000", "The dump's thread ended; see the server's log"));
                    return Ok(true);
                }
            }
            moved = true;
        }
        Ok(moved)
    }

    fn end_dump(&mut self) {
        self.dump = None;
        self.process.await_command();
    }
}

/// A client's right to receive the log.
struct Right {
    view: View,
    /// The accounts and TLS settings of the last check, and its time. A commit wakes the dump, too, and verifying certificates takes longer
    /// than sending a row.
    checked: RefCell<Option<Checked>>,
}

/// The accounts, the TLS settings and the time of a check.
type Checked = (Arc<Accounts>, Arc<Active>, Instant);

/// How often time alone may have made a certificate invalid.
const CHECK_EACH: Duration = Duration::from_secs(60);

impl Right {
    /// Why the client may not receive the log any more; `None` where it may.
    fn refusal(&self) -> Option<SqlError> {
        let (accounts, tls) = (self.view.server.accounts.current(), self.view.server.tls.active());
        let is_known = self.checked.borrow().as_ref().is_some_and(|(old, old_tls, at)| {
            Arc::ptr_eq(old, &accounts) && Arc::ptr_eq(old_tls, &tls) && at.elapsed() < CHECK_EACH
        });
        if is_known {
            return None;
        }
        let refusal = refusal(&self.view);
        *self.checked.borrow_mut() = Some((accounts, tls, Instant::now()));
        refusal
    }
}

fn refusal(view: &View) -> Option<SqlError> {
    let ended = |why: &str| {
        let who = view.account_text().replacen('@', "'@'", 1);
        Some(SqlError::new(1236, b"HY000", format!("The binary log is no longer sent to '{who}': {why}")))
    };
    let own = view.account.as_ref()?;
    let accounts = view.server.accounts.current();
    let Some(account) = accounts.identified(own) else { return ended("the account was dropped or renamed") };
    if account.locked {
        return ended("the account is locked");
    }
    if !account.may(Privilege::REPLICATION_SLAVE, None) {
        return ended("the account has lost the privilege REPLICATION SLAVE");
    }
    if let Err(refused) = admit(&account.requirement, &view.facts) {
        return ended(&format!("the account's REQUIRE clause is no longer met: {refused}"));
    }
    let tls = view.facts.tls.as_ref().filter(|tls| !tls.peer_chain.is_empty())?;
    let context = view.server.tls.active().context.clone()?;
    match context.check_client(&tls.peer_chain, clock::now().wall) {
        Ok(()) => None,
        Err(why) => ended(&format!("its certificate is no longer valid: {why}")),
    }
}

/// The most sets and ranges that are read.
const MOST_RANGES: u64 = 1 << 20;

/// The ranges of this server's transactions in a set of MySQL's GTIDs; `None` where it can't be read.
fn own_ranges(set: &[u8], uuid: &[u8; 16]) -> Option<Vec<(u64, u64)>> {
    let what = "set of GTIDs";
    let mut ranges = Vec::new();
    if set.is_empty() {
        return Some(ranges);
    }
    let mut reader = Reader::new(set);
    let sets = reader.u64(what).ok()?;
    for _ in 0..Some(sets).filter(|sets| *sets <= MOST_RANGES)? {
        let is_own = reader.bytes(16, what).ok()? == uuid;
        let count = reader.u64(what).ok()?;
        for _ in 0..Some(count).filter(|count| *count <= MOST_RANGES)? {
            let (first, behind) = (reader.u64(what).ok()?, reader.u64(what).ok()?);
            if first == 0 || behind <= first {
                return None;
            }
            if is_own {
                ranges.push((first, behind - 1));
            }
        }
    }
    Some(ranges)
}
