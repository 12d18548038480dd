//! SET.

use std::sync::Arc;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::SessionChange;
use sqlparser::ast::Expr;

use super::Session;
use super::answer::{Answer, Pending, Reply, Target};
use crate::replica::is_running;
use crate::settings::{self, Fact, Scope, SystemVariable, Value, ValueLocation, variable};
use crate::sql::charset::default_collation;
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::{Budget, Cursor, Datum, MOST_EVALUATED_DEPTH, depth, evaluate, parse_expression};

/// The most commas in one SET, because more assignments would keep other connections waiting.
const MOST_ASSIGNMENTS: usize = 10_000;
/// The engine evaluates longer expressions, in a thread that KILL can stop.
const MOST_BYTES: usize = 4096;

/// A value, or a SELECT that the engine runs to compute it.
enum Operand {
    Value(Datum),
    Select(String),
}

impl Session {
    /// Executes a SET, from the words after SET.
    pub(super) fn set(&mut self, words: &Cursor<'_>) -> Result<Answer, SqlError> {
        // Assignments are made on the event loop, while other connections wait.
        let commas = Lexer::new(words.rest().as_bytes()).filter(|(piece, _)| *piece == Piece::Symbol(b',')).count();
        if commas > MOST_ASSIGNMENTS {
            let message = format!("SET has {commas} commas, and {MOST_ASSIGNMENTS} are allowed; send it in parts");
            return Err(SqlError::new(1436, b"HY000", message));
        }
        self.set_all(words.rest(), None, 0, Reply::default(), self.view.autocommit())
    }

    /// Continues a SET with the value that the engine has computed.
    ///
    /// # Errors
    /// As for SET.
    pub(super) fn continue_set(&mut self, pending: Pending, value: Datum) -> Result<Answer, SqlError> {
        let Pending { target, assignments, rest, mut reply, was_autocommit, .. } = pending;
        let most = self.view.variables.max_allowed_packet;
        let value = if value.held_bytes() as u64 > most {
            let message = format!("Result of SET was larger than max_allowed_packet ({most}) - truncated");
            self.note("Warning", SqlError::new(1301, b"HY000", message));
            Datum::Null
        } else {
            value
        };
        self.assign_value(target, value, &mut reply)?;
        let mut words = Cursor::new(assignments.get(rest..).unwrap_or_default());
        if words.accept(",") {
            let next = assignments.len() - words.rest().len();
            return self.set_all(&assignments, Some(&assignments), next, reply, was_autocommit);
        }
        self.end_set(&words, reply, was_autocommit)
    }

    /// Makes the assignments. `kept` is the same text if it is shared already, so that it need not be copied.
    fn set_all(
        &mut self,
        assignments: &str,
        kept: Option<&Arc<str>>,
        from: usize,
        mut reply: Reply,
        was_autocommit: bool,
    ) -> Result<Answer, SqlError> {
        let mut words = Cursor::new(assignments.get(from..).unwrap_or_default());
        let budget = Budget::default();
        loop {
            if let Some((target, sql)) = self.set_one(&mut words, &mut reply, &budget)? {
                let (assignments, rest) = match words.rest().len() {
                    // The assignments made so far are dropped, because they may be long.
                    0 => (Arc::from(""), 0),
                    left => (kept.map_or_else(|| Arc::from(assignments), Arc::clone), assignments.len() - left),
                };
                return Ok(Answer::Set(Box::new(Pending { sql, target, assignments, rest, reply, was_autocommit })));
            }
            if !words.accept(",") {
                return self.end_set(&words, reply, was_autocommit);
            }
        }
    }

    fn end_set(&self, words: &Cursor<'_>, reply: Reply, was_autocommit: bool) -> Result<Answer, SqlError> {
        words.expect_end()?;
        if self.in_transaction && !was_autocommit && self.view.autocommit() {
            // Setting autocommit to ON commits the open transaction.
            return Ok(Answer::commit());
        }
        Ok(Answer::Ok(reply))
    }

    /// Sets one variable, or returns the target and the SELECT that computes its value.
    fn set_one(
        &mut self,
        words: &mut Cursor<'_>,
        reply: &mut Reply,
        budget: &Budget,
    ) -> Result<Option<(Target, String)>, SqlError> {
        if words.accept("NAMES") {
            return self.names(words, reply).map(|()| None);
        }
        if words.accept_all(&["CHARACTER", "SET"]) || words.accept("CHARSET") {
            let charset = words.name_or_text()?;
            self.set_names(&charset, None)?;
            self.report_charset(reply);
            return Ok(None);
        }
        if words.accept("ROLE") {
            while !words.is_at_end() {
                words.skip();
            }
            return Ok(None);
        }
        if words.accept_one(&["PERSIST", "PERSIST_ONLY"]).is_some() {
            return Err(not_persistent());
        }
        let scope = words.accept_one(&["GLOBAL", "SESSION", "LOCAL"]);
        if words.accept("TRANSACTION") {
            return self.transaction_characteristics(words, scope).map(|()| None);
        }
        let name = words.name()?;
        if let Some(user_variable) = name.strip_prefix('@').filter(|rest| !rest.starts_with('@')) {
            // @`quoted` and @'quoted' come in two pieces.
            let user_variable = if user_variable.is_empty() { words.name_or_text()? } else { user_variable.to_owned() };
            return self.find_and_give(Target::User(user_variable.to_lowercase()), words, reply, budget);
        }
        let mut global = scope == Some("GLOBAL");
        let mut name = name.strip_prefix("@@").map_or_else(|| name.clone(), str::to_owned);
        if words.accept(".") {
            match name.to_ascii_uppercase().as_str() {
                "GLOBAL" => global = true,
                "PERSIST" | "PERSIST_ONLY" => return Err(not_persistent()),
                "SESSION" | "LOCAL" => {}
                _ => return Err(SqlError::new(1193, b"HY000", format!("Unknown system variable '{name}'"))),
            }
            name = words.name()?;
        }
        let changed = settings::find(&name)?;
        if let Some(value) = self.default_value(changed, global, words)? {
            return self.assign(changed, global, &value, reply).map(|()| None);
        }
        self.find_and_give(Target::System(changed, global), words, reply, budget)
    }

    fn find_and_give(
        &mut self,
        target: Target,
        words: &mut Cursor<'_>,
        reply: &mut Reply,
        budget: &Budget,
    ) -> Result<Option<(Target, String)>, SqlError> {
        match self.value(words, budget)? {
            Operand::Value(value) => self.assign_value(target, value, reply).map(|()| None),
            Operand::Select(sql) => Ok(Some((target, sql))),
        }
    }

    fn assign_value(&mut self, target: Target, value: Datum, reply: &mut Reply) -> Result<(), SqlError> {
        match target {
            Target::User(name) => self.keep_user_variable(name, value),
            Target::System(changed, global) => {
                changed.demand_dynamic()?;
                let value = changed.accept(&value)?;
                self.assign(changed, global, &value, reply)
            }
        }
    }

    /// Checks the size for each SET and not for each packet, because a packet can contain many SETs.
    fn keep_user_variable(&mut self, name: String, value: Datum) -> Result<(), SqlError> {
        let bytes = |name: &str, value: &Datum| name.len() + value.held_bytes();
        let old = self.view.user_variables.get(&name).map_or(0, |old| bytes(&name, old));
        let held = (self.user_variable_bytes + bytes(&name, &value)).saturating_sub(old);
        let limit = self.view.server.globals.connection_memory_limit.get();
        if held.saturating_add(self.prepared.bytes()) as u64 > limit {
            let message = format!(
                "Connection memory limit {limit} bytes exceeded. Consumed {held} bytes. The variable '@{name}' was not set; see \
                 connection_memory_limit"
            );
            return Err(SqlError::new(4082, b"HY000", message));
        }
        self.user_variable_bytes = held;
        Arc::make_mut(&mut self.view.user_variables).insert(name, value);
        Ok(())
    }

    /// `= value` or `:= value`.
    fn value(&self, words: &mut Cursor<'_>, budget: &Budget) -> Result<Operand, SqlError> {
        words.accept(":");
        words.expect("=")?;
        let text = words.expression();
        if text.is_empty() {
            return Err(words.syntax_error());
        }
        let select = || Ok(Operand::Select(format!("SELECT ({text})")));
        if text.len() > MOST_BYTES {
            return literal(text).map_or_else(select, |value| Ok(Operand::Value(value)));
        }
        if depth::check_to(text, MOST_EVALUATED_DEPTH).is_err() {
            return select();
        }
        let expression = parse_expression(text)?;
        if let Some(value) = evaluate(&expression, &self.view, budget)? {
            return Ok(Operand::Value(value));
        }
        match expression {
            // A bare word is a text: ON, STRICT, utf8mb4.
            Expr::Identifier(word) if !word.value.starts_with('@') => Ok(Operand::Value(Datum::Text(word.value))),
            _ => select(),
        }
    }

    /// The value of `= DEFAULT`; `None` if another value is assigned.
    fn default_value(
        &self,
        changed: &SystemVariable,
        global: bool,
        words: &mut Cursor<'_>,
    ) -> Result<Option<Value>, SqlError> {
        let mut ahead = words.clone();
        ahead.accept(":");
        ahead.expect("=")?;
        if !ahead.accept("DEFAULT") {
            return Ok(None);
        }
        *words = ahead;
        let inherited = if global || changed.scope != Scope::Both { None } else { self.view.server.variable(changed) };
        Ok(Some(inherited.unwrap_or_else(|| changed.default())))
    }

    fn assign(
        &mut self,
        changed: &SystemVariable,
        global: bool,
        value: &Value,
        reply: &mut Reply,
    ) -> Result<(), SqlError> {
        let name = changed.name;
        changed.demand_dynamic()?;
        if changed.is_empty_promise(value) {
            let message = format!("This version of Sealwire doesn't yet support 'SET {name} = {value}'");
            return Err(SqlError::new(1235, b"42000", message));
        }
        match (changed.scope, global) {
            (Scope::Global | Scope::Start, false) => {
                return Err(SqlError::new(
                    1229,
                    b"HY000",
                    format!("Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL"),
                ));
            }
            (Scope::Session, true) => {
                return Err(SqlError::new(
                    1228,
                    b"HY000",
                    format!("Variable '{name}' is a SESSION variable and can't be used with SET GLOBAL"),
                ));
            }
            (_, true) => return self.assign_global(changed, value),
            (_, false) => {}
        }
        if !changed.is_dynamic_in_session {
            let message = format!("SESSION variable '{name}' is read-only. Use SET GLOBAL to assign the value");
            return Err(SqlError::new(1621, b"HY000", message));
        }
        if [&variable::sql_log_bin, &variable::binlog_row_image, &variable::binlog_format]
            .iter()
            .any(|own| own.name == name)
        {
            self.demand_unlogged(name)?;
        }
        if matches!(changed.location, ValueLocation::Fact(Fact::LastInsertId)) {
            self.view.set_variable(changed, value);
            return Ok(());
        }
        if let (Value::Text(charset), true) = (value, name == variable::character_set_connection.name) {
            let collation = Value::Text(default_collation(charset)?.into());
            self.assign(&variable::collation_connection, false, &collation, reply)?;
        }
        if self.is_tracked(name) {
            let text = value.to_string();
            reply.report_change(&SessionChange::SystemVariable { name: name.as_bytes(), value: text.as_bytes() });
        }
        self.view.set_variable(changed, value);
        Ok(())
    }

    fn assign_global(&self, changed: &SystemVariable, value: &Value) -> Result<(), SqlError> {
        self.view.demand(&[Privilege::SUPER, Privilege::SYSTEM_VARIABLES_ADMIN])?;
        let server = &self.view.server;
        match changed.location {
            ValueLocation::Fact(Fact::GtidSlavePos) => {
                server.channels.set_gtids(&value.to_string())?;
                server.number_behind_applied();
                return Ok(());
            }
            ValueLocation::Fact(Fact::GtidPurged) => return self.set_purged(&value.to_string()),
            _ => {}
        }
        // As in MariaDB: an applier has the filters with which it started.
        let is_filter = changed.name.starts_with("replicate_");
        if let Some(channel) = server.channels.all().iter().find(|one| is_filter && one.state().applier.is_running()) {
            return Err(is_running(channel));
        }
        self.view.server.set_variable(changed, value)
    }

    fn is_tracked(&self, name: &str) -> bool {
        let tracked = &self.view.variables.session_track_system_variables;
        tracked.split(',').any(|tracked| tracked.trim() == name || tracked.trim() == "*")
    }

    fn names(&mut self, words: &mut Cursor<'_>, reply: &mut Reply) -> Result<(), SqlError> {
        let charset = if words.accept("DEFAULT") { "utf8mb4".to_owned() } else { words.name_or_text()? };
        let collation = if words.accept("COLLATE") { Some(words.name_or_text()?) } else { None };
        self.set_names(&charset, collation.as_deref())?;
        self.report_charset(reply);
        Ok(())
    }

    fn report_charset(&self, reply: &mut Reply) {
        let variables = &self.view.variables;
        for (variable, value) in [
            (variable::character_set_client, &variables.character_set_client),
            (variable::character_set_connection, &variables.character_set_connection),
            (variable::character_set_results, &variables.character_set_results),
        ] {
            if self.is_tracked(variable.name) {
                let name = variable.name.as_bytes();
                reply.report_change(&SessionChange::SystemVariable { name, value: value.as_bytes() });
            }
        }
    }

    fn store_value(&mut self, changed: &SystemVariable, value: &Value, global: bool) -> Result<(), SqlError> {
        if global {
            return self.view.server.set_variable(changed, value);
        }
        self.view.set_variable(changed, value);
        Ok(())
    }

    /// SET TRANSACTION: all isolation levels are accepted, because every transaction here is serializable. Without a scope it applies to
    /// the next transaction only.
    fn transaction_characteristics(&mut self, words: &mut Cursor<'_>, scope: Option<&str>) -> Result<(), SqlError> {
        let global = scope == Some("GLOBAL");
        if global {
            self.view.demand(&[Privilege::SUPER, Privilege::SYSTEM_VARIABLES_ADMIN])?;
        }
        if scope.is_none() {
            self.set_next_transaction(None)?;
        }
        loop {
            if words.accept_all(&["ISOLATION", "LEVEL"]) {
                let known: [&[&str]; 4] =
                    [&["READ", "UNCOMMITTED"], &["READ", "COMMITTED"], &["REPEATABLE", "READ"], &["SERIALIZABLE"]];
                let Some(level) = known.iter().find(|level| words.accept_all(level)) else {
                    return Err(words.syntax_error());
                };
                if scope.is_some() {
                    let value = Value::Text(level.join("-").into());
                    self.store_value(&variable::transaction_isolation, &value, global)?;
                }
            } else {
                let reads = words.accept_all(&["READ", "ONLY"]);
                if !reads && !words.accept_all(&["READ", "WRITE"]) {
                    return Err(words.syntax_error());
                }
                if scope.is_some() {
                    self.store_value(&variable::transaction_read_only, &Value::Switch(reads), global)?;
                } else {
                    self.set_next_transaction(Some(reads))?;
                }
            }
            if !words.accept(",") {
                return Ok(());
            }
        }
    }
}

/// The value of an expression that is one literal. It is not left to the engine, which would copy a long literal seven times.
fn literal(expression: &str) -> Option<Datum> {
    let mut pieces = Lexer::new(expression.as_bytes());
    match (pieces.next()?, pieces.next(), pieces.next()) {
        ((Piece::Text, text), None, None) => String::from_utf8(unquote(text).into_owned()).ok().map(Datum::Text),
        ((Piece::Word, b"X"), Some((Piece::Text, digits)), None) => {
            let digits = digits.get(1..digits.len().checked_sub(1)?)?;
            let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
            let (pairs, rest) = digits.as_chunks::<2>();
            let bytes = pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?));
            if rest.is_empty() { bytes.collect::<Option<Vec<u8>>>().map(Datum::Blob) } else { None }
        }
        _ => None,
    }
}

/// SET PERSIST is an error, because nothing is stored for the next start and an OK would claim it.
fn not_persistent() -> SqlError {
    SqlError::new(
        1235,
        b"42000",
        "This version of MySQL doesn't yet support 'SET PERSIST': SET GLOBAL lasts until the server ends; to keep a value, write it into the \
         group [sealwired] of an option file",
    )
}
