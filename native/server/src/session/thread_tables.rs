//! The connections and their ciphers: `performance_schema.threads`, `status_by_thread` and `sys.session_ssl_status`.
//!
//! In MySQL, a user with SELECT on these tables sees every session in them, and a user without it gets 1142. Here every user may read them:
//! a user with PROCESS, or with SELECT on the table as in MySQL, sees every session, and all others see their own sessions, as in SHOW
//! PROCESSLIST.

use std::sync::Arc;

use sealwire_accounts::Privilege;
use sealwire_core::facts::Transport;

use super::view::View;
use crate::engine::SystemTable;
use crate::registry::{ProcessEntry, State};
use crate::sql::{Datum, text};
use crate::status_variables;

const BY_THREAD: &[(&str, &str)] =
    &[("THREAD_ID", "BIGINT UNSIGNED"), ("VARIABLE_NAME", "VARCHAR(64)"), ("VARIABLE_VALUE", "VARCHAR(1024)")];

const SSL: &[(&str, &str)] = &[
    ("thread_id", "BIGINT UNSIGNED"),
    ("ssl_version", "VARCHAR(1024)"),
    ("ssl_cipher", "VARCHAR(1024)"),
    ("ssl_sessions_reused", "VARCHAR(1024)"),
];

const THREADS: &[(&str, &str)] = &[
    ("THREAD_ID", "BIGINT UNSIGNED"),
    ("NAME", "VARCHAR(128)"),
    ("TYPE", "VARCHAR(10)"),
    ("PROCESSLIST_ID", "BIGINT UNSIGNED"),
    ("PROCESSLIST_USER", "VARCHAR(32)"),
    ("PROCESSLIST_HOST", "VARCHAR(255)"),
    ("PROCESSLIST_DB", "VARCHAR(64)"),
    ("PROCESSLIST_COMMAND", "VARCHAR(16)"),
    ("PROCESSLIST_TIME", "BIGINT"),
    ("PROCESSLIST_INFO", "LONGTEXT"),
    ("CONNECTION_TYPE", "VARCHAR(16)"),
];

/// A thread's number is its connection's, because no other threads are shown.
fn thread_id(process: &ProcessEntry) -> Datum {
    Datum::Int(i64::from(process.id))
}

/// The sessions that the user may see in a table.
fn sessions(view: &View, schema: &str, table: &str) -> Vec<(Arc<ProcessEntry>, State)> {
    let sees_all = view.may(Privilege::PROCESS) || view.is_granted(Privilege::SELECT, schema, table);
    let own = view.own_account();
    let all = view.server.registry.all().into_iter().map(|process| {
        let state = process.state();
        (process, state)
    });
    all.filter(|(_, state)| state.user.is_some() && (sees_all || state.account.as_ref() == own)).collect()
}

/// Source: MySQL Reference Manual, "Performance Schema Status Variable Tables".
pub(super) fn status_by_thread(view: &View) -> SystemTable {
    let of_session = |(process, state): &(Arc<ProcessEntry>, State)| {
        let status = status_variables::rows(&view.server, Some(&state.facts), |variable| variable.is_of_session);
        let row = |(name, value)| vec![thread_id(process), text(name), text::<String>(value)];
        status.into_iter().map(row).collect::<Vec<_>>()
    };
    let rows = sessions(view, "performance_schema", "status_by_thread").iter().flat_map(of_session).collect();
    SystemTable { columns: BY_THREAD.to_vec(), rows }
}

/// Source: MySQL Reference Manual, "The session_ssl_status View".
pub(super) fn session_ssl_status(view: &View) -> SystemTable {
    let row = |(process, state): &(Arc<ProcessEntry>, State)| {
        let tls = state.facts.tls.as_ref();
        vec![
            thread_id(process),
            text(tls.map_or("", |tls| tls.version.name())),
            text(tls.map_or("", |tls| tls.cipher)),
            text(if tls.is_some_and(|tls| tls.resumed) { "1" } else { "0" }),
        ]
    };
    // MySQL's view reads this table with the privileges of the user who queries it.
    let rows = sessions(view, "performance_schema", "status_by_thread").iter().map(row).collect();
    SystemTable { columns: SSL.to_vec(), rows }
}

/// Source: MySQL Reference Manual, "The threads Table".
pub(super) fn threads(view: &View) -> SystemTable {
    let row = |(process, state): (Arc<ProcessEntry>, State)| {
        let kind = match (&state.facts.tls, state.facts.transport) {
            (Some(_), _) => "SSL/TLS",
            (None, Transport::UnixSocket) => "Socket",
            (None, Transport::Tcp) => "TCP/IP",
        };
        let host = process.host().rsplit_once(':').map_or_else(|| process.host(), |(host, _)| host);
        let shown = state.shown_statement();
        let optional = |value: Option<String>| value.map_or(Datum::Null, Datum::Text);
        vec![
            thread_id(&process),
            text("thread/sql/one_connection"),
            text("FOREGROUND"),
            thread_id(&process),
            optional(state.user),
            text(host),
            optional(state.database),
            text(state.command),
            Datum::Int(i64::try_from(state.since.elapsed().as_secs()).unwrap_or(i64::MAX)),
            optional(shown),
            text(kind),
        ]
    };
    let rows = sessions(view, "performance_schema", "threads").into_iter().map(row).collect();
    SystemTable { columns: THREADS.to_vec(), rows }
}
