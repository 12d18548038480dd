//! A replica's commands: COM_REGISTER_SLAVE and the dumps of the binary log.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_accounts::{Accounts, Privilege};
use sealwire_binlog::{Checksum, GtidSet};
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::{BinlogDump, OkPacket, StatusFlags};
use sealwire_core::server::{Connection, admit};
use sealwire_core::tls::CertificateInfo;
use sealwire_net::clock;

use super::dump_command::{Acknowledgement, DumpCommand};
use super::view::View;
use super::{ENOUGH, Session};
use crate::engine::interrupted;
use crate::memory::Held;
use crate::reload::Active;
use crate::replication::{
    DumpPart, DumpRequest, FIRST_POSITION, LEAST_HEARTBEAT, Registered, Start, Surroundings, parse_list, start_dump,
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

    /// A user variable's number, of the first of these that is set; 0 where none is.
    fn user_number(&self, names: &[&str]) -> u64 {
        self.user_text(names).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// A replica's acknowledgement. One of a position for which it was not asked ends the dump.
    pub(super) fn acknowledge(&mut self, ack: &Acknowledgement, connection: &mut Connection) {
        let taken = self.dump.as_ref().map_or(Ok(()), |dump| dump.acknowledge(&ack.file, ack.position));
        if let Err(error) = taken {
            let who = self.view.account_text();
            tracing::warn!("the dump of the binary log to connection {} of {who} has ended: {error}", self.view.id);
            self.end_dump();
            connection.kill(error);
        }
    }

    /// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
    pub(super) fn begin_dump(&mut self, command: DumpCommand, connection: &mut Connection) -> Result<(), Error> {
        match self.start_dump(command) {
            Ok(dump) => {
                let acknowledges = dump.acknowledges();
                self.process.begin_dump(dump.doing());
                self.dump = Some(dump);
                connection.begin_stream(acknowledges)
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
        let (state, format) = (self.user_text(&["@slave_connect_state"]), log.format.clone());
        let find_start = move || match (gtids, state) {
            (Some(set), _) if format.has_gtids => {
                let known = if set.is_empty() { Ok(GtidSet::new()) } else { GtidSet::decode(&set) };
                let malformed = "Malformed communication packet: the set of GTIDs can't be read";
                known.map(Start::MySql).map_err(|_| SqlError::new(1835, b"HY000", malformed))
            }
            (Some(_), _) if file.is_empty() => {
                let message = "The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.";
                Err(SqlError::new(1236, b"HY000", message))
            }
            (None, Some(state)) => parse_list(&state)
                .map(Start::MariaDb)
                .ok_or_else(|| SqlError::new(1941, b"HY000", "Could not parse GTID list")),
            _ => Ok(Start::Position { file, position: if position == 0 { FIRST_POSITION } else { position } }),
        };
        let nanoseconds = self.user_text(&["@master_heartbeat_period", "@source_heartbeat_period"]);
        let nanoseconds = nanoseconds.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        let heartbeat = Duration::try_from_secs_f64(nanoseconds / 1e9).unwrap_or_default();
        let heartbeat = if heartbeat.is_zero() { heartbeat } else { heartbeat.max(LEAST_HEARTBEAT) };
        let checksum = self.user_text(&["@master_binlog_checksum", "@source_binlog_checksum"]);
        let capability = self.user_text(&["@mariadb_slave_capability"]).and_then(|text| text.parse().ok());
        let request = DumpRequest {
            connection: self.view.id,
            account: self.view.account_text(),
            server_id,
            is_short: flags & BinlogDump::NON_BLOCK != 0,
            annotates: flags & BinlogDump::ANNOTATE_ROWS != 0,
            capability: capability.unwrap_or(0),
            checksum: checksum
                .map(|text| if text.eq_ignore_ascii_case("NONE") { Checksum::None } else { Checksum::Crc32 }),
            acknowledges: self.user_number(&["@rpl_semi_sync_slave", "@rpl_semi_sync_replica"]) != 0,
            heartbeat,
        };
        let (view, wake) = (self.view.clone(), Arc::clone(&self.wake));
        let surroundings = Surroundings {
            log,
            applied: server.channels.gtids(),
            right: {
                let right = Right { view, checked: RefCell::new(None) };
                Box::new(move || right.check())
            },
            most_memory: server.globals.global_connection_memory_limit.get(),
            wake: Box::new(move || wake()),
        };
        start_dump(request, surroundings, find_start, |call| server.pool.call(call))
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
            self.held_answer = Held::default();
            let Some(dump) = &self.dump else { break };
            match dump.next() {
                Ok(DumpPart::Events(batch, held)) => {
                    self.held_answer = held;
                    connection.rows(batch)?;
                }
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
    /// The accounts and TLS settings of the last check, and until when it holds. A commit wakes the dump, too, and verifying certificates takes
    /// longer than sending a row.
    checked: RefCell<Option<Checked>>,
}

/// The accounts and the TLS settings of a check, and the time of the next one.
type Checked = (Arc<Accounts>, Arc<Active>, Instant);

/// How often the certificates are checked where nothing changes, because revocation lists and the certificates of issuers end, too.
const CHECK_EACH: Duration = Duration::from_secs(60);

impl Right {
    /// Checks whether the client may receive the log; returns when to check again.
    ///
    /// # Errors
    /// The reason why not.
    fn check(&self) -> Result<Instant, SqlError> {
        let (accounts, tls) = (self.view.server.accounts.current(), self.view.server.tls.active());
        let mut checked = self.checked.borrow_mut();
        if let Some((old, old_tls, until)) = &*checked
            && Arc::ptr_eq(old, &accounts)
            && Arc::ptr_eq(old_tls, &tls)
            && Instant::now() < *until
        {
            return Ok(*until);
        }
        if let Some(refusal) = refusal(&self.view) {
            return Err(refusal);
        }
        let until = Instant::now() + CHECK_EACH.min(self.valid_for());
        *checked = Some((accounts, tls, until));
        Ok(until)
    }

    /// How long the certificates of the client and of the proxy before it stay valid. Each is valid to the end of its last second.
    fn valid_for(&self) -> Duration {
        let own = self.view.facts.tls.as_ref().and_then(|tls| tls.peer_chain.first());
        let ends = own.into_iter().chain(told(&self.view)).filter_map(|der| CertificateInfo::from_der(der).ok());
        ends.map(|info| info.not_after)
            .min()
            .map_or(Duration::MAX, |end| Duration::from_secs(end.saturating_add(1)).saturating_sub(clock::now().wall))
    }
}

/// The client's certificate in DER, where a proxy has told and verified it.
fn told(view: &View) -> Option<&Vec<u8>> {
    view.facts.client_tls.as_ref().filter(|tls| tls.is_verified)?.certificate.as_ref()
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
    // The proxy has verified the client's certificate; this server may not know its CA.
    let told = told(view).and_then(|der| CertificateInfo::from_der(der).ok());
    if told.is_some_and(|info| info.not_after < clock::now().wall.as_secs()) {
        return ended("the certificate that the proxy told has expired");
    }
    let tls = view.facts.tls.as_ref().filter(|tls| !tls.peer_chain.is_empty())?;
    let context = view.server.tls.active().context.clone()?;
    match context.check_client(&tls.peer_chain, clock::now().wall) {
        Ok(()) => None,
        Err(why) => ended(&format!("its certificate is no longer valid: {why}")),
    }
}
