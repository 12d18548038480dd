//! The tables of `information_schema`, `performance_schema`, `sys` and `mysql` that the server makes.

use sealwire_accounts::{Privilege, Requirement};

use super::view::View;
use super::{processlist, thread_tables};
use crate::engine::SystemTable;
use crate::settings::{self, Scope};
use crate::sql::{Datum, TextCharset, text};
use crate::status_variables;

const NAME_AND_VALUE: &[(&str, &str)] = &[("VARIABLE_NAME", "VARCHAR(64)"), ("VARIABLE_VALUE", "VARCHAR(4096)")];

pub(super) fn make(view: &View, schema: &str, table: &str) -> Option<SystemTable> {
    let (schema, table) = (schema.to_lowercase(), table.to_lowercase());
    match (schema.as_str(), table.as_str()) {
        ("information_schema" | "performance_schema", "session_status") => Some(pairs(status(view, false))),
        ("performance_schema", "status_by_thread") => Some(thread_tables::status_by_thread(view)),
        ("performance_schema", "threads") => Some(thread_tables::threads(view)),
        ("sys", "session_ssl_status") => Some(thread_tables::session_ssl_status(view)),
        ("information_schema" | "performance_schema", "global_status") => Some(pairs(status(view, true))),
        ("information_schema" | "performance_schema", "session_variables") => Some(pairs(variables(view, false))),
        ("information_schema" | "performance_schema", "global_variables") => Some(pairs(variables(view, true))),
        ("information_schema" | "performance_schema", "processlist") => {
            Some(SystemTable { columns: processlist::COLUMNS.to_vec(), rows: processlist::rows(view, true) })
        }
        ("information_schema", "schemata") => Some(SystemTable { columns: SCHEMATA.to_vec(), rows: schemata(view) }),
        ("information_schema", "engines") => Some(SystemTable { columns: ENGINES.to_vec(), rows: engines() }),
        ("information_schema", "character_sets") => Some(SystemTable { columns: CHARSETS.to_vec(), rows: charsets() }),
        ("information_schema", "collations") => Some(SystemTable { columns: COLLATIONS.to_vec(), rows: collations() }),
        ("performance_schema", "tls_channel_status") => {
            Some(SystemTable { columns: CHANNEL.to_vec(), rows: tls_channel(view) })
        }
        ("performance_schema", name) if name.starts_with("replication_") => {
            super::replica_tables::channel_table(view, name)
        }
        ("mysql", "user") => Some(SystemTable { columns: USER.to_vec(), rows: users(view) }),
        ("mysql", name) => super::empty_tables::make_log(name),
        ("information_schema", name) => super::empty_tables::make(name),
        _ => None,
    }
}

pub(super) const ENGINES: &[(&str, &str)] = &[
    ("Engine", "VARCHAR(64)"),
    ("Support", "VARCHAR(8)"),
    ("Comment", "VARCHAR(160)"),
    ("Transactions", "VARCHAR(3)"),
    ("XA", "VARCHAR(3)"),
    ("Savepoints", "VARCHAR(3)"),
];

pub(super) const CHARSETS: &[(&str, &str)] = &[
    ("CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("DEFAULT_COLLATE_NAME", "VARCHAR(64)"),
    ("DESCRIPTION", "VARCHAR(60)"),
    ("MAXLEN", "BIGINT"),
];

pub(super) const COLLATIONS: &[(&str, &str)] = &[
    ("COLLATION_NAME", "VARCHAR(64)"),
    ("CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("ID", "BIGINT"),
    ("IS_DEFAULT", "VARCHAR(3)"),
    ("IS_COMPILED", "VARCHAR(3)"),
    ("SORTLEN", "BIGINT"),
];

const SCHEMATA: &[(&str, &str)] = &[
    ("CATALOG_NAME", "VARCHAR(64)"),
    ("SCHEMA_NAME", "VARCHAR(64)"),
    ("DEFAULT_CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("DEFAULT_COLLATION_NAME", "VARCHAR(64)"),
];

const CHANNEL: &[(&str, &str)] =
    &[("CHANNEL", "VARCHAR(128)"), ("PROPERTY", "VARCHAR(128)"), ("VALUE", "VARCHAR(2048)")];

const USER: &[(&str, &str)] = &[
    ("Host", "CHAR(255)"),
    ("User", "CHAR(32)"),
    ("plugin", "CHAR(64)"),
    ("authentication_string", "TEXT"),
    ("ssl_type", "VARCHAR(9)"),
    ("ssl_cipher", "TEXT"),
    ("x509_issuer", "TEXT"),
    ("x509_subject", "TEXT"),
    ("max_user_connections", "INT UNSIGNED"),
    ("account_locked", "CHAR(1)"),
];

fn pairs(pairs: Vec<(&'static str, String)>) -> SystemTable {
    SystemTable {
        columns: NAME_AND_VALUE.to_vec(),
        rows: pairs.into_iter().map(|(name, value)| vec![text(name), text(value)]).collect(),
    }
}

/// The status variables that a session sees.
pub(super) fn status(view: &View, global: bool) -> Vec<(&'static str, String)> {
    let mut rows = status_variables::rows(&view.server, if global { None } else { Some(&view.facts) }, |_| true);
    if let (false, Some(place)) = (global, &view.snapshot) {
        for (name, value) in &mut rows {
            match *name {
                "Binlog_snapshot_file" => *value = place.file.to_string(),
                "Binlog_snapshot_position" => *value = place.position.to_string(),
                _ => {}
            }
        }
    }
    rows
}

/// The system variables that a session sees.
pub(super) fn variables(view: &View, global: bool) -> Vec<(&'static str, String)> {
    let shown = settings::all().iter().filter(|variable| !global || variable.scope != Scope::Session);
    shown.map(|variable| (variable.name, view.variable_value(variable, global).to_string())).collect()
}

/// The databases that a session may see.
pub(super) fn databases(view: &View) -> Vec<String> {
    let all = view.server.engine.databases().unwrap_or_default();
    let sees_all = view.may(Privilege::SHOW_DATABASES);
    all.into_iter().filter(|database| sees_all || view.may_use(database)).collect()
}

fn schemata(view: &View) -> Vec<Vec<Datum>> {
    databases(view)
        .into_iter()
        .map(|name| {
            let collation = view.server.engine.database_collation(&name).unwrap_or_default();
            let charset = TextCharset::of_collation(&collation).unwrap_or_default();
            vec![text("def"), text(name), text(charset.name()), Datum::Text(collation)]
        })
        .collect()
}

pub(super) fn engines() -> Vec<Vec<Datum>> {
    vec![["SQLite", "DEFAULT", "One SQLite file for each database", "YES", "NO", "YES"].map(text).into()]
}

pub(super) fn charsets() -> Vec<Vec<Datum>> {
    [
        ("ascii", "ascii_general_ci", "US ASCII", 1),
        ("binary", "binary", "Binary pseudo charset", 1),
        ("latin1", "latin1_swedish_ci", "cp1252 West European", 1),
        ("utf8mb3", "utf8mb3_general_ci", "UTF-8 Unicode", 3),
        ("utf8mb4", "utf8mb4_general_ci", "UTF-8 Unicode", 4),
    ]
    .map(|(name, collation, description, length)| {
        vec![text(name), text(collation), text(description), Datum::Int(length)]
    })
    .into()
}

pub(super) fn collations() -> Vec<Vec<Datum>> {
    [
        ("ascii_general_ci", "ascii", 11, "Yes"),
        ("binary", "binary", 63, "Yes"),
        ("latin1_swedish_ci", "latin1", 8, "Yes"),
        ("utf8mb3_general_ci", "utf8mb3", 33, "Yes"),
        ("utf8mb4_0900_ai_ci", "utf8mb4", 255, ""),
        ("utf8mb4_bin", "utf8mb4", 46, ""),
        ("utf8mb4_general_ci", "utf8mb4", 45, "Yes"),
        ("utf8mb4_unicode_ci", "utf8mb4", 224, ""),
    ]
    .map(|(name, charset, id, default)| {
        vec![text(name), text(charset), Datum::Int(id), text(default), text("Yes"), Datum::Int(1)]
    })
    .into()
}

/// Source: MySQL Reference Manual, "The tls_channel_status Table".
fn tls_channel(view: &View) -> Vec<Vec<Datum>> {
    let enabled = if view.server.tls.active().context.is_some() { "Yes" } else { "No" };
    let row = |property: &str, value: String| vec![text("mysql_main"), text(property), text(value)];
    let properties = status_variables::rows(&view.server, None, |variable| {
        variable.name.starts_with("Current_tls_") || (variable.name.starts_with("Ssl_") && !variable.is_of_session)
    });
    let properties = properties.into_iter().map(|(name, value)| row(name, value));
    std::iter::once(row("Enabled", enabled.to_owned())).chain(properties).collect()
}

fn users(view: &View) -> Vec<Vec<Datum>> {
    let accounts = view.server.accounts.current();
    let rows = accounts.iter().map(|account| {
        let (kind, [cipher, issuer, subject]) = match &account.requirement {
            Requirement::None => ("", [None, None, None]),
            Requirement::Ssl => ("ANY", [None, None, None]),
            Requirement::X509 => ("X509", [None, None, None]),
            Requirement::Specified { cipher, issuer, subject, .. } => {
                ("SPECIFIED", [cipher.clone(), issuer.clone(), subject.clone()])
            }
        };
        vec![
            text(&account.name.host),
            text(&account.name.user),
            text(account.plugin.name()),
            text(account.credential.to_stored()),
            text(kind),
            text(cipher.unwrap_or_default()),
            text(issuer.unwrap_or_default()),
            text(subject.unwrap_or_default()),
            Datum::Int(i64::from(account.max_user_connections)),
            text(if account.locked { "Y" } else { "N" }),
        ]
    });
    rows.collect()
}
