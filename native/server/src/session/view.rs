//! The data that a session's statements read: variables, the session's functions, system tables, privileges.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sealwire_accounts::{Account, Identity, Privilege};
use sealwire_core::error::SqlError;
use sealwire_core::facts::Facts;
use sealwire_core::random::Random as _;

use crate::replica::current_position;
use crate::replication::BinaryLog;
use crate::replication::Place;
use crate::settings::{self, Fact, Kind, Scope, SessionVariables, SystemVariable, Value, ValueLocation};
use crate::sql::charset::Charset;
use crate::sql::lex::Syntax;
use crate::sql::mode::Mode;
use crate::sql::{Allowances, Datum, Names};
use crate::state::Server;

/// The numbers for RAND() are below this one, as MySQL's.
const MOST_SEED: u32 = 0x3fff_ffff;

/// Microseconds in a second.
const MICROSECONDS: i64 = 1_000_000;

/// A session as its statements read it. Copying is cheap, because a statement that runs in another thread takes a copy.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(super) server: Arc<Server>,
    pub(super) id: u32,
    /// `user@host` as the client gave it.
    pub(super) user: String,
    /// The account of the user; `None` for the server itself, which has all privileges.
    pub(super) account: Option<Identity>,
    pub(super) facts: Arc<Facts>,
    pub(super) database: Option<String>,
    /// The place in the binary log that the open transaction's consistent snapshot has.
    pub(super) snapshot: Option<Place>,
    pub(super) variables: Arc<SessionVariables>,
    /// The SQL mode and character set of statements: `sql_mode` and `character_set_client`.
    pub(super) syntax: Syntax,
    pub(super) user_variables: Arc<HashMap<String, Datum>>,
    pub(super) last_insert_id: u64,
    pub(super) row_count: i64,
    pub(super) warnings: u64,
    pub(super) errors: u64,
    /// The moment that statements take for now, in microseconds since 1970; `None` for the clock's.
    pub(super) moment: Option<i64>,
    /// The numbers from which RAND() goes on; `None` for a random start.
    pub(super) random_seeds: Option<(u64, u64)>,
}

impl View {
    pub(super) fn new(server: Arc<Server>, id: u32) -> Self {
        let variables = server.globals.inherited();
        let mut view = Self {
            server,
            id,
            user: String::new(),
            account: None,
            facts: Arc::default(),
            database: None,
            snapshot: None,
            variables,
            syntax: Syntax::default(),
            user_variables: Arc::default(),
            last_insert_id: 0,
            row_count: -1,
            warnings: 0,
            errors: 0,
            moment: None,
            random_seeds: None,
        };
        view.note_syntax();
        view
    }

    /// Resets all variables.
    pub(super) fn reset_variables(&mut self) {
        self.variables = self.server.globals.inherited();
        self.note_syntax();
    }

    fn note_syntax(&mut self) {
        let variables = &self.variables;
        self.syntax =
            Syntax { mode: Mode::of(&variables.sql_mode), charset: Charset::of(&variables.character_set_client) };
    }

    /// Asks `question` of the session's account. The answer is yes for the server itself, because it has all privileges.
    fn asks(&self, question: impl FnOnce(&Account) -> bool) -> bool {
        let Some(own) = &self.account else { return true };
        // An account that was dropped during its session has no privileges left.
        self.server.accounts.current().identified(own).is_some_and(question)
    }

    /// The session's account, whose other sessions it sees and kills; `None` where the account was dropped.
    pub(super) fn own_account(&self) -> Option<&Identity> {
        self.account.as_ref().filter(|own| self.server.accounts.current().identified(own).is_some())
    }

    /// Whether the session has a global privilege.
    pub(super) fn may(&self, privilege: Privilege) -> bool {
        self.asks(|account| account.may(privilege, None))
    }

    /// Whether the session was granted a privilege on a table, even if every user may read that table.
    pub(super) fn is_granted(&self, privilege: Privilege, database: &str, table: &str) -> bool {
        self.asks(|account| account.may_on_table(privilege, database, table))
    }

    /// Whether the session may make a database its current one.
    pub(super) fn may_use(&self, database: &str) -> bool {
        database.eq_ignore_ascii_case("information_schema")
            || database.eq_ignore_ascii_case("performance_schema")
            || self.asks(|account| account.may_use(database))
    }

    /// Requires one of these global privileges.
    ///
    /// # Errors
    /// 1227 where the session has none of them.
    pub(super) fn demand(&self, privileges: &[Privilege]) -> Result<(), SqlError> {
        if privileges.iter().any(|privilege| self.may(*privilege)) {
            return Ok(());
        }
        let names: Vec<&str> = privileges.iter().map(|privilege| privilege.name()).collect();
        let message = format!(
            "Access denied; you need (at least one of) the {} privilege(s) for this operation",
            names.join(" or ")
        );
        Err(SqlError::new(1227, b"42000", message))
    }

    /// Requires a privilege on a database.
    ///
    /// # Errors
    /// 1044 where the session lacks it.
    pub(super) fn demand_on_database(&self, privilege: Privilege, database: &str) -> Result<(), SqlError> {
        if self.asks(|account| account.may(privilege, Some(database))) {
            Ok(())
        } else {
            Err(self.denied_database(database))
        }
    }

    /// Requires a privilege on a table.
    ///
    /// # Errors
    /// 1142 where the session lacks it.
    pub(super) fn demand_on_table(&self, privilege: Privilege, database: &str, table: &str) -> Result<(), SqlError> {
        if self.may_in(privilege, database, Some(table)) {
            return Ok(());
        }
        Err(self.denied_table(privilege, table))
    }

    /// Whether the session has a privilege on a database, or on a table of it.
    pub(super) fn may_in(&self, privilege: Privilege, database: &str, table: Option<&str>) -> bool {
        if is_open(database) {
            return privilege == Privilege::SELECT;
        }
        self.asks(|account| match table {
            Some(table) => account.may_on_table(privilege, database, table),
            None => account.may(privilege, Some(database)),
        })
    }

    /// Whether the session has any privilege on a table.
    pub(super) fn sees_table(&self, database: &str, table: &str) -> bool {
        is_open(database) || self.asks(|account| account.sees_table(database, table))
    }

    pub(super) fn denied_table(&self, privilege: Privilege, table: &str) -> SqlError {
        let user = self.user.replacen('@', "'@'", 1);
        let message = format!("{} command denied to user '{user}' for table '{table}'", privilege.name());
        SqlError::new(1142, b"42000", message)
    }

    pub(super) fn denied_database(&self, database: &str) -> SqlError {
        let who = self.account_text().replacen('@', "'@'", 1);
        SqlError::new(1044, b"42000", format!("Access denied for user '{who}' to database '{database}'"))
    }

    /// `user@host` of the account.
    pub(super) fn account_text(&self) -> String {
        self.account
            .as_ref()
            .map_or_else(|| "root@localhost".to_owned(), |own| format!("{}@{}", own.name().user, own.name().host))
    }

    /// The value of a system variable: the server's, or the session's where it has one.
    pub(super) fn variable_value(&self, asked: &SystemVariable, global: bool) -> Value {
        if let ValueLocation::Fact(fact) = asked.location {
            return self.fact(fact);
        }
        let own = if global { None } else { self.variables.value(asked) };
        // A variable that only sessions have has its default as the server's value.
        own.or_else(|| self.server.variable(asked)).unwrap_or_else(|| asked.default())
    }

    /// A text of the binary log; empty without one.
    fn of_log(&self, text: impl FnOnce(&BinaryLog) -> String) -> Value {
        Value::Text(self.server.log.as_deref().map(text).unwrap_or_default().into())
    }

    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::HaveTls => {
                Value::Text(if self.server.tls.active().context.is_some() { "YES" } else { "DISABLED" }.into())
            }
            Fact::GtidBinlogPos => self.of_log(|log| log.gtids().position_text()),
            Fact::GtidBinlogState => self.of_log(|log| log.gtids().state_text()),
            Fact::GtidSlavePos => Value::Text(self.server.channels.gtids().to_string().into()),
            Fact::GtidCurrentPos => {
                let own = self.server.log.as_ref().map(|log| log.gtids().last_of(self.server.globals.server_id.get()));
                let applied = self.server.channels.gtids();
                Value::Text(current_position(applied, own.unwrap_or_default().into_iter()).to_string().into())
            }
            Fact::GtidExecuted => Value::Text(self.server.executed().to_string().into()),
            Fact::GtidPurged => Value::Text(self.server.purged().to_string().into()),
            Fact::LastInsertId => Value::Number(self.last_insert_id),
            Fact::WarningCount => Value::Number(self.warnings),
            Fact::ErrorCount => Value::Number(self.errors),
            Fact::ConnectionId => Value::Number(self.id.into()),
            Fact::Timestamp => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Value::Text(format!("{}.{:06}", now.as_secs(), now.subsec_micros()).into())
            }
        }
    }

    /// The value of `name`, `session.name` or `global.name`.
    pub(super) fn variable(&self, name: &str) -> Result<Datum, SqlError> {
        let (scope, bare) =
            name.split_once('.').map_or((None, name), |(scope, bare)| (Some(scope.to_ascii_lowercase()), bare));
        let asked = settings::find(bare)?;
        let global = match scope.as_deref() {
            Some("global" | "persist") if asked.scope == Scope::Session => {
                return Err(wrong_scope(bare, "SESSION"));
            }
            Some("session" | "local") if asked.scope == Scope::Global => return Err(wrong_scope(bare, "GLOBAL")),
            Some("global" | "persist") => true,
            Some("session" | "local") | None => false,
            Some(_) => return Err(SqlError::new(1193, b"HY000", format!("Unknown system variable '{name}'"))),
        };
        let value = self.variable_value(asked, global);
        Ok(match (asked.location, &value) {
            (ValueLocation::Fact(Fact::Timestamp), Value::Text(text)) => text.parse().map_or(Datum::Null, Datum::Real),
            _ => asked.datum(&value),
        })
    }

    /// Sets a variable of the session.
    pub(super) fn set_variable(&mut self, changed: &SystemVariable, value: &Value) {
        match changed.location {
            ValueLocation::Fact(Fact::LastInsertId) => {
                if let Value::Number(number) = value {
                    self.last_insert_id = *number;
                }
            }
            // Setting a computed variable has no effect, because connectors and dumps set it.
            ValueLocation::Fact(_) | ValueLocation::Server(_) | ValueLocation::Tls(_) => {}
            ValueLocation::Session(..) if self.variables.value(changed).as_ref() == Some(value) => {}
            ValueLocation::Session(..) => {
                Arc::make_mut(&mut self.variables).set(changed, value);
                if matches!(changed.kind, Kind::SqlMode | Kind::Charset) {
                    self.note_syntax();
                }
            }
        }
    }

    /// Sets the character set of the client's statements and results, and the collation of its literals.
    pub(super) fn set_charset(&mut self, charset: &str, collation: &str) {
        let now = &self.variables;
        let sets = [&now.character_set_client, &now.character_set_connection, &now.character_set_results];
        if sets.iter().all(|set| ***set == *charset) && *now.collation_connection == *collation {
            return;
        }
        let variables = Arc::make_mut(&mut self.variables);
        let charset: Arc<str> = charset.into();
        variables.character_set_client = Arc::clone(&charset);
        variables.character_set_connection = Arc::clone(&charset);
        variables.character_set_results = charset;
        variables.collation_connection = collation.into();
        self.note_syntax();
    }

    /// Gives the statement a moment and numbers for RAND(), which the binary log tells a replica that repeats it.
    pub(super) fn fix_moment(&mut self) {
        if self.moment.is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            // Whole seconds, because the log's events have no more.
            let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
            self.moment = Some(seconds.saturating_mul(MICROSECONDS));
        }
        if self.random_seeds.is_none() {
            let mut bytes = [0; 8];
            self.server.random.fill(&mut bytes);
            let [a, b, c, d, e, f, g, h] = bytes;
            let number = |bytes| u64::from(u32::from_le_bytes(bytes) % MOST_SEED);
            self.random_seeds = Some((number([a, b, c, d]), number([e, f, g, h])));
        }
    }

    /// Whether each statement is its own transaction.
    pub(super) fn autocommit(&self) -> bool {
        self.variables.autocommit
    }
}

fn wrong_scope(name: &str, scope: &str) -> SqlError {
    SqlError::new(1238, b"HY000", format!("Variable '{name}' is a {scope} variable"))
}

impl Names for View {
    fn allowances(&self) -> Allowances {
        let globals = &self.server.globals;
        Allowances {
            memory: globals.global_connection_memory_limit.get(),
            temporary_files: globals.tmp_disk_limit.get(),
            text: self.variables.max_allowed_packet,
            recursion: self.variables.cte_max_recursion_depth,
        }
    }

    fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        if let Some(system) = name.strip_prefix("@@") {
            return self.variable(system).map(|value| Some(Cow::Owned(value)));
        }
        let user = name.strip_prefix('@').map(str::to_lowercase);
        Ok(user.map(|user| self.user_variables.get(&user).map_or(Cow::Owned(Datum::Null), Cow::Borrowed)))
    }

    fn function(&self, name: &str) -> Option<Datum> {
        let text = |text: &str| Some(Datum::Text(text.to_owned()));
        match name {
            "DATABASE" | "SCHEMA" => Some(self.database.clone().map_or(Datum::Null, Datum::Text)),
            "USER" | "SESSION_USER" | "SYSTEM_USER" => text(&self.user),
            "CURRENT_USER" => text(&self.account_text()),
            "CURRENT_ROLE" => text("NONE"),
            "VERSION" => text(&self.server.globals.version.get()),
            "CONNECTION_ID" => Some(Datum::Int(i64::from(self.id))),
            "LAST_INSERT_ID" => Some(Datum::UInt(self.last_insert_id)),
            "ROW_COUNT" => Some(Datum::Int(self.row_count)),
            _ => None,
        }
    }
}

/// Whether every user may read a database, because its tables show a session only the rows that the session may see.
fn is_open(database: &str) -> bool {
    ["information_schema", "performance_schema", "sys"].iter().any(|open| open.eq_ignore_ascii_case(database))
}
