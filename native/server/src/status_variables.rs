//! The status variables of the server, one row each. SHOW STATUS, the tables of `performance_schema` and FLUSH STATUS follow from the row.
//! The variables of TLS (`Ssl_…`, `Tls_…`) have their rows in `core/src/tls/status_variables.rs`, and `Current_tls_…` come from the table
//! of TLS variables in `native/options/src/tls/server_variables.rs`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use sealwire_core::facts::Facts;
use sealwire_core::tls::{self, STATUS_VARIABLES};
use sealwire_core::wire::compressed::Algorithm;
use sealwire_options::tls::{SERVER_VARIABLES, TlsVariable};

use super::counters::Counters;
use super::reload::Active;
use super::replication::{Place, SemiSyncStatus};
use super::settings::Value;
use super::state::Server;

/// The rows, sorted by name.
const ROWS: &[StatusVariable] = &[
    flushed("Aborted_clients", |counters| &counters.aborted_clients),
    flushed("Aborted_connects", |counters| &counters.aborted_connects),
    flushed("Access_denied_errors", |counters| &counters.access_denied),
    of_server("Binlog_snapshot_file", |context| context.log_end().map_or_else(String::new, |end| end.file.to_string())),
    of_server("Binlog_snapshot_position", |context| context.log_end().map_or(0, |end| end.position).to_string()),
    flushed("Bytes_received", |counters| &counters.bytes_received),
    flushed("Bytes_sent", |counters| &counters.bytes_sent),
    flushed("Com_select", |counters| &counters.com_select),
    flushed("Com_show_status", |counters| &counters.com_show_status),
    flushed("Com_stmt_execute", |counters| &counters.com_stmt_execute),
    flushed("Com_stmt_prepare", |counters| &counters.com_stmt_prepare),
    of_session("Compression", |context| if context.compression().is_some() { "ON" } else { "OFF" }.to_owned()),
    of_session("Compression_algorithm", |context| context.compression().map_or("", Algorithm::name).to_owned()),
    of_session("Compression_level", |context| context.compression().map_or(0, Algorithm::level).to_string()),
    flushed("Connection_errors_max_connections", |counters| &counters.refused_connections),
    kept("Connections", |counters| &counters.connections),
    kept("Max_used_connections", |counters| &counters.max_used_connections),
    of_server("Open_tables", |_| zero()),
    of_server("Opened_tables", |_| zero()),
    kept("Prepared_stmt_count", |counters| &counters.prepared_statements),
    kept("Queries", |counters| &counters.questions),
    kept("Questions", |counters| &counters.questions),
    of_server("Rpl_semi_sync_slave_status", |context| on_or_off(context.server.channels.acknowledges())),
    of_server("Slave_running", |context| {
        on_or_off(context.server.channels.all().iter().any(|one| one.state().is_running()))
    }),
    of_server("Slow_queries", |_| zero()),
    of_server("Threads_cached", |_| zero()),
    of_server("Threads_connected", |context| context.server.registry.len().to_string()),
    // The thread that answers SHOW STATUS counts as well.
    of_server("Threads_running", |context| (context.server.counters.threads_running.load(Relaxed) + 1).to_string()),
    of_server("Tls_library_version", |_| "rustls 0.23 with AWS-LC".to_owned()),
    of_server("Uptime", |context| context.server.uptime.total().as_secs().to_string()),
    of_server("Uptime_since_flush_status", |context| context.server.uptime.since_flush().as_secs().to_string()),
];

/// The rows of semi-synchronous replication, each under MariaDB's name and under MySQL's.
macro_rules! semi_sync {
    ($($name:literal: $value:expr;)*) => {
        const SEMI_SYNC: &[StatusVariable] = &[
            $(of_server(concat!("Rpl_semi_sync_master_", $name), |context| ($value)(&context.semi_sync()).to_string()),)*
            $(of_server(concat!("Rpl_semi_sync_source_", $name), |context| ($value)(&context.semi_sync()).to_string()),)*
        ];
    };
}

semi_sync! {
    "clients": |status: &SemiSyncStatus| status.clients;
    "get_ack": |status: &SemiSyncStatus| status.received;
    "no_times": |status: &SemiSyncStatus| status.switched_off;
    "no_tx": |status: &SemiSyncStatus| status.unacknowledged;
    "request_ack": |status: &SemiSyncStatus| status.asked;
    "status": |status: &SemiSyncStatus| on_or_off(status.is_on);
    "tx_avg_wait_time": |status: &SemiSyncStatus| status.wait_time.as_micros() / u128::from(status.waits.max(1));
    "tx_wait_time": |status: &SemiSyncStatus| status.wait_time.as_micros();
    "tx_waits": |status: &SemiSyncStatus| status.waits;
    "wait_sessions": |status: &SemiSyncStatus| status.waiting;
    "yes_tx": |status: &SemiSyncStatus| status.acknowledged;
}

/// A counter that FLUSH STATUS sets to 0.
const fn flushed(name: &'static str, counter: fn(&Counters) -> &AtomicU64) -> StatusVariable {
    StatusVariable { name, is_of_session: false, read: Read::Flushed(counter) }
}

/// A counter that FLUSH STATUS leaves unchanged.
const fn kept(name: &'static str, counter: fn(&Counters) -> &AtomicU64) -> StatusVariable {
    StatusVariable { name, is_of_session: false, read: Read::Kept(counter) }
}

/// A value of the server as a whole.
const fn of_server(name: &'static str, value: fn(&StatusContext<'_>) -> String) -> StatusVariable {
    StatusVariable { name, is_of_session: false, read: Read::Value(value) }
}

/// A value of each session.
const fn of_session(name: &'static str, value: fn(&StatusContext<'_>) -> String) -> StatusVariable {
    StatusVariable { name, is_of_session: true, read: Read::Value(value) }
}

fn on_or_off(is_on: bool) -> String {
    if is_on { "ON" } else { "OFF" }.to_owned()
}

fn zero() -> String {
    "0".to_owned()
}

/// A status variable.
#[derive(Clone, Copy)]
pub(crate) struct StatusVariable {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether each session has a value of its own, so that the server as a whole has none.
    pub(crate) is_of_session: bool,
    read: Read,
}

/// The source of a value.
#[derive(Clone, Copy)]
enum Read {
    /// A counter that FLUSH STATUS sets to 0.
    Flushed(fn(&Counters) -> &AtomicU64),
    /// A counter that FLUSH STATUS leaves unchanged.
    Kept(fn(&Counters) -> &AtomicU64),
    /// A function that computes the value.
    Value(fn(&StatusContext<'_>) -> String),
    /// A row of core's table of TLS status variables.
    Tls(&'static tls::StatusVariable),
    /// The TLS options in use.
    InUse(&'static TlsVariable),
}

/// The data from which values are read.
struct StatusContext<'a> {
    server: &'a Server,
    active: Arc<Active>,
    /// The facts of the session that asks; `None` for the values of the server as a whole.
    facts: Option<&'a Facts>,
}

impl StatusContext<'_> {
    /// The end of the binary log.
    fn log_end(&self) -> Option<Place> {
        self.server.log.as_ref().map(|log| log.end().0)
    }

    /// The state of semi-synchronous replication, which is off without a binary log.
    fn semi_sync(&self) -> SemiSyncStatus {
        self.server.log.as_ref().map(|log| log.semi_sync.status()).unwrap_or_default()
    }

    fn compression(&self) -> Option<Algorithm> {
        self.facts.and_then(|facts| facts.compression)
    }

    fn value(&self, variable: &StatusVariable) -> String {
        match variable.read {
            Read::Flushed(counter) | Read::Kept(counter) => counter(&self.server.counters).load(Relaxed).to_string(),
            Read::Value(value) => value(self),
            Read::Tls(row) => row.value(self.facts.and_then(|facts| facts.tls.as_ref()), self.active.context.as_ref()),
            Read::InUse(row) => Value::from(self.active.options.get(row)).to_string(),
        }
    }
}

/// All status variables, in the order of SHOW STATUS.
static ALL: LazyLock<Vec<StatusVariable>> = LazyLock::new(|| {
    let of_tls = STATUS_VARIABLES.iter().map(|row| StatusVariable {
        name: row.name,
        is_of_session: row.is_of_session,
        read: Read::Tls(row),
    });
    let in_use = SERVER_VARIABLES
        .iter()
        .filter_map(|row| Some(StatusVariable { name: row.in_use?, is_of_session: false, read: Read::InUse(row) }));
    let mut all: Vec<StatusVariable> = ROWS.iter().chain(SEMI_SYNC).copied().chain(of_tls).chain(in_use).collect();
    all.sort_by_key(|variable| variable.name.to_ascii_lowercase());
    all
});

/// The requested status variables with their values. Without the facts of a session, variables that only sessions have are shown with their
/// values for "off".
pub(crate) fn rows(
    server: &Server,
    facts: Option<&Facts>,
    wanted: impl Fn(&StatusVariable) -> bool,
) -> Vec<(&'static str, String)> {
    let context = StatusContext { server, active: server.tls.active(), facts };
    ALL.iter().filter(|variable| wanted(variable)).map(|variable| (variable.name, context.value(variable))).collect()
}

/// FLUSH STATUS: the counters of events restart at 0.
pub(crate) fn flush(server: &Server) {
    for row in ROWS {
        if let Read::Flushed(counter) = row.read {
            counter(&server.counters).store(0, Relaxed);
        }
    }
    server.uptime.flush();
}

/// The answer to COM_STATISTICS; the mysql client prints it under `\s`.
pub(crate) fn statistics(server: &Server) -> String {
    let uptime = server.uptime.total().as_secs();
    let questions = server.counters.questions.load(Relaxed);
    let average = questions as f64 / uptime.max(1) as f64;
    format!(
        "Uptime: {uptime}  Threads: {}  Questions: {questions}  Slow queries: 0  Opens: 0  Open tables: 0  Queries per second avg: {average:.3}",
        server.registry.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_for_its_readers_and_a_name_is_there_once() {
        let lower = |variable: &StatusVariable| variable.name.to_ascii_lowercase();
        assert!(ROWS.is_sorted_by_key(lower));
        assert!(ALL.is_sorted_by(|a, b| lower(a) < lower(b)));
        assert!(ALL.iter().any(|variable| variable.name == "Current_tls_version"));
        assert!(ALL.iter().any(|variable| variable.name == "Ssl_cipher" && variable.is_of_session));
    }
}
