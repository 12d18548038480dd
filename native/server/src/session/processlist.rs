//! The process list: SHOW PROCESSLIST and the tables `processlist` of `information_schema` and `performance_schema`.

use sealwire_accounts::Privilege;

use super::view::View;
use crate::sql::{Datum, text};

/// The columns with their types.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("Id", "BIGINT UNSIGNED"),
    ("User", "VARCHAR(32)"),
    ("Host", "VARCHAR(261)"),
    ("db", "VARCHAR(64)"),
    ("Command", "VARCHAR(16)"),
    ("Time", "INT"),
    ("State", "VARCHAR(64)"),
    ("Info", "LONGTEXT"),
];

/// A row for each connection that the session may see: its own account's, or all, and the threads of channels, with the privilege PROCESS.
/// Without `full` a statement is cut after 100 characters.
pub(super) fn rows(view: &View, full: bool) -> Vec<Vec<Datum>> {
    let sees_all = view.may(Privilege::PROCESS);
    let own = view.own_account();
    let mut rows = Vec::new();
    let mut all = view.server.registry.all();
    all.extend(view.server.registry.threads());
    all.sort_unstable_by_key(|process| process.id);
    for process in all {
        let state = process.state();
        if !sees_all && (state.account.is_none() || state.account.as_ref() != own) {
            continue;
        }
        let info = state.shown_statement().map(|info| if full { info } else { info.chars().take(100).collect() });
        let seconds = i64::try_from(state.since.elapsed().as_secs()).unwrap_or(i64::MAX);
        let running = if info.is_some() { "executing" } else { "" };
        rows.push(vec![
            Datum::Int(i64::from(process.id)),
            text(state.user.unwrap_or_else(|| "unauthenticated user".to_owned())),
            text(process.host()),
            state.database.map_or(Datum::Null, Datum::Text),
            text(state.command),
            Datum::Int(seconds),
            text(process.doing().unwrap_or(running)),
            info.map_or(Datum::Null, Datum::Text),
        ]);
    }
    rows
}
