//! System variables: their definitions, the global values, a session's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::error::SqlError;

use super::sql::charset::default_collation;
use super::sql::{Datum, mode};
use sealwire_options::compression::Algorithms;
use sealwire_options::tls::MOST_SESSION_SECONDS;

/// Where a variable has values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One for the server.
    Global,
    /// One for each session.
    Session,
    /// One for each session, which begins with the server's.
    Both,
}

/// What values a variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A text, or NULL where there is none.
    Path,
    /// ON or OFF.
    Switch,
    /// A whole number; one outside of the bounds becomes the nearer bound.
    Number(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A set of SQL modes.
    SqlMode,
    /// A name of a character set.
    Charset,
    /// A name of a collation.
    Collation,
    /// How clients may compress, with `uncompressed` among it.
    Compression,
}

/// A variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its value where nothing else is said.
    pub(crate) default: &'static str,
    /// Where it has values.
    pub(crate) reach: Reach,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Whether SET may change it.
    pub(crate) dynamic: bool,
}

const fn both(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, reach: Reach::Both, kind, dynamic: true }
}

const fn global(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, reach: Reach::Global, kind, dynamic: true }
}

const fn fixed(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, reach: Reach::Global, kind, dynamic: false }
}

const fn session(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, reach: Reach::Session, kind, dynamic: true }
}

const LEVELS: Kind = Kind::Choice(&["READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"]);
const ANY: Kind = Kind::Number(0, u64::MAX);
const SECONDS: Kind = Kind::Number(1, 31_536_000);

/// All variables, sorted by name. Those that steer nothing here are there because connectors read or set them when they connect.
pub(crate) const DEFINITIONS: &[Definition] = &[
    both("auto_increment_increment", "1", Kind::Number(1, 1)),
    both("auto_increment_offset", "1", Kind::Number(1, 1)),
    both("autocommit", "ON", Kind::Switch),
    fixed("back_log", "151", ANY),
    fixed("basedir", "/usr/", Kind::Text),
    fixed("bind_address", "*", Kind::Text),
    both("character_set_client", "utf8mb4", Kind::Charset),
    both("character_set_connection", "utf8mb4", Kind::Charset),
    both("character_set_database", "utf8mb4", Kind::Charset),
    both("character_set_filesystem", "binary", Kind::Charset),
    both("character_set_results", "utf8mb4", Kind::Charset),
    both("character_set_server", "utf8mb4", Kind::Charset),
    fixed("character_set_system", "utf8mb3", Kind::Charset),
    both("collation_connection", "utf8mb4_general_ci", Kind::Collation),
    both("collation_database", "utf8mb4_general_ci", Kind::Collation),
    both("collation_server", "utf8mb4_general_ci", Kind::Collation),
    global("connect_timeout", "10", SECONDS),
    global("connection_memory_limit", "268435456", Kind::Number(2_097_152, u64::MAX)),
    both("cte_max_recursion_depth", "1000", Kind::Number(0, 4_294_967_295)),
    fixed("datadir", "", Kind::Text),
    fixed("default_authentication_plugin", "caching_sha2_password", Kind::Text),
    both("default_storage_engine", "SQLite", Kind::Text),
    both("div_precision_increment", "4", ANY),
    session("error_count", "0", ANY),
    both("explicit_defaults_for_timestamp", "ON", Kind::Switch),
    both("foreign_key_checks", "ON", Kind::Switch),
    global("global_connection_memory_limit", "18446744073709551615", Kind::Number(16_777_216, u64::MAX)),
    both("group_concat_max_len", "1048576", ANY),
    fixed("have_compress", "YES", Kind::Text),
    fixed("have_openssl", "DISABLED", Kind::Text),
    fixed("have_ssl", "DISABLED", Kind::Text),
    fixed("hostname", "", Kind::Text),
    session("identity", "0", ANY),
    global("init_connect", "", Kind::Text),
    both("innodb_lock_wait_timeout", "10", SECONDS),
    both("interactive_timeout", "28800", SECONDS),
    session("last_insert_id", "0", ANY),
    both("lc_messages", "en_US", Kind::Text),
    both("lc_time_names", "en_US", Kind::Text),
    fixed("license", "MIT OR Apache-2.0", Kind::Text),
    global("local_infile", "OFF", Kind::Switch),
    both("lock_wait_timeout", "31536000", SECONDS),
    global("log_error_verbosity", "2", Kind::Number(1, 3)),
    fixed("lower_case_file_system", "OFF", Kind::Switch),
    fixed("lower_case_table_names", "2", ANY),
    both("max_allowed_packet", "67108864", Kind::Number(1024, 1_073_741_824)),
    global("max_connections", "151", Kind::Number(1, 100_000)),
    both("max_execution_time", "0", ANY),
    global("max_prepared_stmt_count", "16382", Kind::Number(0, 4_194_304)),
    global("max_unauthenticated_connections", "10000", Kind::Number(1, 100_000)),
    global("max_unauthenticated_connections_per_address", "5000", Kind::Number(1, 100_000)),
    global("max_user_connections", "0", ANY),
    both("net_buffer_length", "16384", ANY),
    both("net_read_timeout", "30", SECONDS),
    both("net_write_timeout", "60", SECONDS),
    both("old_passwords", "0", ANY),
    both("optimizer_switch", "", Kind::Text),
    fixed("performance_schema", "ON", Kind::Switch),
    fixed("pid_file", "", Kind::Text),
    fixed("port", "3306", ANY),
    global("protocol_compression_algorithms", "zlib,zstd,uncompressed", Kind::Compression),
    fixed("protocol_version", "10", ANY),
    session("pseudo_thread_id", "0", ANY),
    both("query_cache_size", "0", ANY),
    both("query_cache_type", "OFF", Kind::Text),
    global("read_only", "OFF", Kind::Switch),
    global("require_secure_transport", "OFF", Kind::Switch),
    global("server_id", "1", ANY),
    both("session_track_schema", "ON", Kind::Switch),
    both("session_track_state_change", "OFF", Kind::Switch),
    both(
        "session_track_system_variables",
        "time_zone,autocommit,character_set_client,character_set_results,character_set_connection",
        Kind::Text,
    ),
    both("session_track_transaction_info", "OFF", Kind::Text),
    fixed("skip_name_resolve", "ON", Kind::Switch),
    fixed("skip_networking", "OFF", Kind::Switch),
    fixed("socket", "", Kind::Text),
    both("sql_auto_is_null", "OFF", Kind::Switch),
    both("sql_big_selects", "ON", Kind::Switch),
    session("sql_log_bin", "ON", Kind::Switch),
    both(
        "sql_mode",
        "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
        Kind::SqlMode,
    ),
    both("sql_notes", "ON", Kind::Switch),
    both("sql_quote_show_create", "ON", Kind::Switch),
    both("sql_safe_updates", "OFF", Kind::Switch),
    both("sql_select_limit", "18446744073709551615", ANY),
    both("sql_warnings", "OFF", Kind::Switch),
    global("ssl_ca", "", Kind::Path),
    global("ssl_capath", "", Kind::Path),
    global("ssl_cert", "", Kind::Path),
    global("ssl_cipher", "", Kind::Path),
    global("ssl_crl", "", Kind::Path),
    global("ssl_crlpath", "", Kind::Path),
    fixed("ssl_fips_mode", "OFF", Kind::Text),
    global("ssl_key", "", Kind::Path),
    global("ssl_session_cache_mode", "ON", Kind::Switch),
    global("ssl_session_cache_timeout", "300", Kind::Number(0, MOST_SESSION_SECONDS)),
    global("ssl_session_ticket_key", "", Kind::Path),
    both("storage_engine", "SQLite", Kind::Text),
    global("super_read_only", "OFF", Kind::Switch),
    fixed("system_time_zone", "UTC", Kind::Text),
    both("time_zone", "SYSTEM", Kind::Text),
    session("timestamp", "0", ANY),
    global("tls_ciphersuites", "", Kind::Path),
    global("tls_version", "TLSv1.2,TLSv1.3", Kind::Text),
    global("tmp_disk_limit", "1073741824", ANY),
    both("transaction_isolation", "SERIALIZABLE", LEVELS),
    both("transaction_read_only", "OFF", Kind::Switch),
    both("tx_isolation", "SERIALIZABLE", LEVELS),
    both("tx_read_only", "OFF", Kind::Switch),
    both("unique_checks", "ON", Kind::Switch),
    fixed("version", "", Kind::Text),
    fixed("version_comment", "", Kind::Text),
    fixed("version_compile_machine", std::env::consts::ARCH, Kind::Text),
    fixed("version_compile_os", "Linux", Kind::Text),
    both("wait_timeout", "28800", SECONDS),
    session("warning_count", "0", ANY),
    fixed("websocket_port", "0", ANY),
];

/// The definition of a variable.
///
/// # Errors
/// 1193 where there is none.
pub(crate) fn find(name: &str) -> Result<&'static Definition, SqlError> {
    let lower = || name.bytes().map(|byte| byte.to_ascii_lowercase());
    let found = DEFINITIONS.binary_search_by(|definition| definition.name.bytes().cmp(lower()));
    let found = found.ok().and_then(|at| DEFINITIONS.get(at));
    found.ok_or_else(|| SqlError::new(1193, b"HY000", format!("Unknown system variable '{name}'")))
}

type Overrides = BTreeMap<&'static str, String>;

/// The server's values.
#[derive(Debug, Default)]
pub(crate) struct Globals(Mutex<Arc<Overrides>>);

impl Globals {
    fn overrides(&self) -> Arc<Overrides> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value of a variable.
    pub(crate) fn value(&self, definition: &Definition) -> String {
        self.overrides().get(definition.name).cloned().unwrap_or_else(|| definition.default.to_owned())
    }

    /// The value of the variable of that name.
    pub(crate) fn text(&self, name: &str) -> String {
        find(name).map_or_else(|_| String::new(), |definition| self.value(definition))
    }

    /// The value of a variable that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        find(name).ok().and_then(|definition| self.value(definition).parse().ok()).unwrap_or(0)
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        find(name).is_ok_and(|definition| self.value(definition) == "ON")
    }

    /// Sets a value, whether SET may or not. A name that is not defined is left alone.
    pub(crate) fn set(&self, name: &str, value: impl Into<String>) {
        if let Ok(definition) = find(name) {
            let mut overrides = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut overrides).insert(definition.name, value.into());
        }
    }

    /// The values that a new session begins with.
    pub(crate) fn for_session(&self) -> SessionVariables {
        SessionVariables { inherited: self.overrides(), own: BTreeMap::new() }
    }
}

/// A session's values.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionVariables {
    inherited: Arc<Overrides>,
    own: Overrides,
}

impl SessionVariables {
    /// The value of a variable.
    pub(crate) fn value<'a>(&'a self, definition: &'a Definition) -> &'a str {
        self.own
            .get(definition.name)
            .or_else(|| self.inherited.get(definition.name))
            .map_or(definition.default, String::as_str)
    }

    /// The value of a variable that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        find(name).ok().and_then(|definition| self.value(definition).parse().ok()).unwrap_or(0)
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        find(name).is_ok_and(|definition| self.value(definition) == "ON")
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, definition: &'static Definition, value: String) {
        self.own.insert(definition.name, value);
    }
}

/// A longer value is refused: what sessions keep of their variables counts for nobody's share of memory.
const LONGEST_VALUE: usize = 16 * 1024;

impl Definition {
    /// The text that SHOW VARIABLES prints for a value that is to be set.
    ///
    /// # Errors
    /// 1231 where the variable does not take it, 1232 where it is of the wrong type.
    pub(crate) fn accept(&self, value: &Datum) -> Result<String, SqlError> {
        let text = value.to_text();
        if text.len() > LONGEST_VALUE {
            let shown: String = text.chars().take(64).collect();
            let message = format!(
                "Variable '{}' can't be set to the value of '{shown}...': it has {} bytes, of {LONGEST_VALUE} allowed",
                self.name,
                text.len()
            );
            return Err(SqlError::new(1231, b"42000", message));
        }
        let wrong = || {
            let shown = if *value == Datum::Null { "NULL" } else { text.as_str() };
            SqlError::new(1231, b"42000", format!("Variable '{}' can't be set to the value of '{shown}'", self.name))
        };
        match self.kind {
            Kind::Text if *value == Datum::Null => Err(wrong()),
            Kind::Text | Kind::Path => Ok(text),
            Kind::Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
                word.map(|word| (*word).to_owned()).ok_or_else(wrong)
            }
            Kind::SqlMode => mode::canonical(value),
            Kind::Switch => match text.to_ascii_uppercase().as_str() {
                "1" | "ON" | "TRUE" => Ok("ON".to_owned()),
                "0" | "OFF" | "FALSE" => Ok("OFF".to_owned()),
                _ => Err(wrong()),
            },
            Kind::Number(least, most) => match value {
                Datum::Int(number) => Ok(u64::try_from(*number).unwrap_or(0).clamp(least, most).to_string()),
                Datum::UInt(number) => Ok((*number).clamp(least, most).to_string()),
                _ => Err(SqlError::new(1232, b"42000", format!("Incorrect argument type to variable '{}'", self.name))),
            },
            Kind::Compression => match Algorithms::parse(self.name, &text) {
                Ok(algorithms) if algorithms.uncompressed => Ok(text),
                _ => Err(wrong()),
            },
            Kind::Charset => {
                let charset = if *value == Datum::Null { "NULL" } else { text.as_str() };
                default_collation(charset).map(|_| charset.to_ascii_lowercase())
            }
            Kind::Collation => match text.split('_').next() {
                Some(charset) if default_collation(charset).is_ok() => Ok(text.to_ascii_lowercase()),
                _ => Err(SqlError::new(1273, b"HY000", format!("Unknown collation: '{text}'"))),
            },
        }
    }

    /// Whether the variable means something that is not done here, so that a user who sets it would count on it in vain. Values that
    /// loosen something are taken, because dumps and connectors set them.
    pub(crate) fn is_empty_promise(&self, value: &str) -> bool {
        matches!((self.name, value), ("sql_safe_updates" | "local_infile" | "sql_auto_is_null", "ON"))
    }

    /// The other variables that have the same value always, or follow this value.
    pub(crate) fn followers(&self, value: &str) -> &'static [&'static str] {
        match (self.name, value) {
            ("transaction_isolation", _) => &["tx_isolation"],
            ("tx_isolation", _) => &["transaction_isolation"],
            ("transaction_read_only", _) => &["tx_read_only"],
            ("tx_read_only", _) => &["transaction_read_only"],
            ("super_read_only", "ON") => &["read_only"],
            ("read_only", "OFF") => &["super_read_only"],
            _ => &[],
        }
    }

    /// A value as an expression sees it.
    pub(crate) fn datum(&self, value: &str) -> Datum {
        match self.kind {
            Kind::Switch => Datum::Int(i64::from(value == "ON")),
            Kind::Number(..) => value
                .parse()
                .map(Datum::Int)
                .or_else(|_| value.parse().map(Datum::UInt))
                .unwrap_or_else(|_| Datum::Text(value.to_owned())),
            Kind::Path if value.is_empty() => Datum::Null,
            Kind::Charset if value == "null" => Datum::Null,
            _ => Datum::Text(value.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_default_is_a_value() {
        assert!(DEFINITIONS.is_sorted_by(|a, b| a.name < b.name));
        for definition in DEFINITIONS {
            let accepted = definition.accept(&definition.datum(definition.default)).unwrap();
            assert_eq!(accepted, definition.default, "{}", definition.name);
        }
    }

    #[test]
    fn a_session_keeps_what_it_began_with() {
        let globals = Globals::default();
        globals.set("wait_timeout", "5");
        let mut session = globals.for_session();
        globals.set("wait_timeout", "6");
        assert_eq!((session.number("wait_timeout"), globals.number("wait_timeout")), (5, 6));
        session.set(find("WAIT_TIMEOUT").unwrap(), "7".into());
        assert_eq!(session.number("wait_timeout"), 7);
    }

    #[test]
    fn values_are_checked_by_kind() {
        let accept = |name: &str, value: Datum| find(name).unwrap().accept(&value);
        assert_eq!(accept("autocommit", Datum::Int(0)).unwrap(), "OFF");
        assert_eq!(accept("autocommit", Datum::Int(2)).unwrap_err().code, 1231);
        assert_eq!(accept("max_allowed_packet", Datum::Int(1)).unwrap(), "1024");
        assert_eq!(accept("wait_timeout", Datum::Text("x".into())).unwrap_err().code, 1232);
        assert_eq!(accept("character_set_client", Datum::Text("ebcdic".into())).unwrap_err().code, 1115);
        assert_eq!(accept("character_set_results", Datum::Null).unwrap(), "null");
        for wrong in ["lz4", "zlib", ""] {
            let text = Datum::Text(wrong.into());
            assert_eq!(accept("protocol_compression_algorithms", text).unwrap_err().code, 1231, "{wrong}");
        }
        assert_eq!(find("nothing").unwrap_err().code, 1193);
    }
}
