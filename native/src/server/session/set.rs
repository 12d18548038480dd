//! SET.

use std::sync::Arc;

use sealwire_core::account::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::SessionChange;
use sqlparser::ast::Expr;

use super::{Answer, Reply, Session};
use crate::server::engine::{Task, TransactionStep};
use crate::server::sql::{Cursor, Datum, evaluate, parse_expression};
use crate::server::variables::{self, Definition, Reach};

impl Session {
    /// What follows SET.
    pub(super) fn set(&mut self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let mut reply = Reply::default();
        let was_autocommit = self.view.autocommit();
        loop {
            self.set_one(words, &mut reply)?;
            if !words.accept(",") {
                break;
            }
        }
        words.expect_end()?;
        if self.in_transaction && !was_autocommit && self.view.autocommit() {
            // Turning it on ends the transaction that is open.
            return Ok(Answer::Engine(Task::Transaction(TransactionStep::Commit)));
        }
        Ok(Answer::Ok(reply))
    }

    fn set_one(&mut self, words: &mut Cursor<'_>, reply: &mut Reply) -> Result<(), SqlError> {
        if words.accept("NAMES") {
            return self.names(words, reply);
        }
        if words.accept_all(&["CHARACTER", "SET"]) || words.accept("CHARSET") {
            let charset = words.name_or_text()?;
            return self.set_names(&charset, None).map(|()| self.tell_charset(reply));
        }
        if words.accept("ROLE") || words.accept_all(&["DEFAULT", "ROLE"]) {
            while !words.is_at_end() {
                words.skip();
            }
            return Ok(());
        }
        let scope = words.accept_one(&["GLOBAL", "PERSIST", "SESSION", "LOCAL"]);
        if words.accept("TRANSACTION") {
            return self.transaction_characteristics(words, scope);
        }
        let name = words.name()?;
        if let Some(user_variable) = name.strip_prefix('@').filter(|rest| !rest.starts_with('@')) {
            // @`quoted` and @'quoted' come in two pieces.
            let user_variable = if user_variable.is_empty() { words.name_or_text()? } else { user_variable.to_owned() };
            let value = self.value(words)?;
            self.keep_user_variable(user_variable.to_lowercase(), value);
            return Ok(());
        }
        let mut global = matches!(scope, Some("GLOBAL" | "PERSIST"));
        let mut name = name.strip_prefix("@@").map_or_else(|| name.clone(), str::to_owned);
        if words.accept(".") {
            match name.to_ascii_uppercase().as_str() {
                "GLOBAL" | "PERSIST" => global = true,
                "SESSION" | "LOCAL" => {}
                _ => return Err(SqlError::new(1193, b"HY000", format!("Unknown system variable '{name}'"))),
            }
            name = words.name()?;
        }
        let definition = variables::find(&name)?;
        let text = self.new_text(definition, global, words)?;
        self.assign(definition, global, text, reply)
    }

    fn keep_user_variable(&mut self, name: String, value: Datum) {
        let bytes = |name: &str, value: &Datum| name.len() + value.held_bytes();
        self.user_variable_bytes += bytes(&name, &value);
        if let Some(old) = self.view.user_variables.get(&name) {
            self.user_variable_bytes = self.user_variable_bytes.saturating_sub(bytes(&name, old));
        }
        Arc::make_mut(&mut self.view.user_variables).insert(name, value);
    }

    /// `= value` or `:= value`.
    fn value(&self, words: &mut Cursor<'_>) -> Result<Datum, SqlError> {
        words.accept(":");
        words.expect("=")?;
        let text = words.expression();
        if text.is_empty() {
            return Err(words.syntax_error());
        }
        let expression = parse_expression(text)?;
        if let Some(value) = evaluate(&expression, &self.view)? {
            return Ok(value);
        }
        match expression {
            // ON, STRICT, utf8mb4: a word that is no column is a text.
            Expr::Identifier(word) => Ok(Datum::Text(word.value)),
            other => Err(SqlError::new(
                1235,
                b"42000",
                format!("This version of Sealwire doesn't yet support 'SET … = {other}'"),
            )),
        }
    }

    fn new_text(
        &self,
        definition: &'static Definition,
        global: bool,
        words: &mut Cursor<'_>,
    ) -> Result<String, SqlError> {
        let mut ahead = words.clone();
        ahead.accept(":");
        ahead.expect("=")?;
        if ahead.accept("DEFAULT") {
            *words = ahead;
            let inherits = !global && definition.reach == Reach::Both;
            return Ok(if inherits {
                self.view.server.globals.value(definition)
            } else {
                definition.default.to_owned()
            });
        }
        definition.accept(&self.value(words)?)
    }

    fn assign(
        &mut self,
        definition: &'static Definition,
        global: bool,
        text: String,
        reply: &mut Reply,
    ) -> Result<(), SqlError> {
        let name = definition.name;
        if !definition.dynamic {
            return Err(SqlError::new(1238, b"HY000", format!("Variable '{name}' is a read only variable")));
        }
        if definition.is_empty_promise(&text) {
            let message = format!("This version of Sealwire doesn't yet support 'SET {name} = {text}'");
            return Err(SqlError::new(1235, b"42000", message));
        }
        match (definition.reach, global) {
            (Reach::Global, false) => {
                return Err(SqlError::new(
                    1229,
                    b"HY000",
                    format!("Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL"),
                ));
            }
            (Reach::Session, true) => {
                return Err(SqlError::new(
                    1228,
                    b"HY000",
                    format!("Variable '{name}' is a SESSION variable and can't be used with SET GLOBAL"),
                ));
            }
            (_, true) => return self.assign_global(definition, text),
            (_, false) => {}
        }
        if name == "max_allowed_packet" {
            return Err(SqlError::new(
                1621,
                b"HY000",
                "SESSION variable 'max_allowed_packet' is read-only. Use SET GLOBAL to assign the value",
            ));
        }
        if matches!(name, "last_insert_id" | "identity") {
            self.view.last_insert_id = text.parse().unwrap_or(0);
            return Ok(());
        }
        if name == "character_set_connection" {
            let collation = variables::charset_collation(&text)?.to_owned();
            self.assign(variables::find("collation_connection")?, false, collation, reply)?;
        }
        if self.is_tracked(name) {
            reply.tell(&SessionChange::SystemVariable { name: name.as_bytes(), value: text.as_bytes() });
        }
        self.keep(definition, &text, false)
    }

    /// Sets a variable, and those that follow it.
    fn keep(&mut self, definition: &'static Definition, text: &str, global: bool) -> Result<(), SqlError> {
        for name in std::iter::once(&definition.name).chain(definition.followers(text)) {
            if global {
                self.view.server.globals.set(name, text);
            } else {
                self.view.set_variable(variables::find(name)?, text.to_owned());
            }
        }
        Ok(())
    }

    fn assign_global(&mut self, definition: &'static Definition, text: String) -> Result<(), SqlError> {
        self.view.demand(&[Privilege::SUPER, Privilege::SYSTEM_VARIABLES_ADMIN])?;
        let server = &self.view.server;
        if definition.name == "require_secure_transport" && text == "ON" && server.tls.active().context.is_none() {
            let message = "No secure transports (SSL or Shared Memory) are configured, unable to set --require_secure_transport=ON.";
            return Err(SqlError::new(3160, b"HY000", message));
        }
        server.tls.want(definition.name, &text);
        self.keep(definition, &text, true)?;
        self.view.server.refresh_config();
        Ok(())
    }

    fn is_tracked(&self, name: &str) -> bool {
        let Ok(list) = variables::find("session_track_system_variables") else { return false };
        self.view.variables.value(list).split(',').any(|tracked| tracked.trim() == name || tracked.trim() == "*")
    }

    fn names(&mut self, words: &mut Cursor<'_>, reply: &mut Reply) -> Result<(), SqlError> {
        let charset = if words.accept("DEFAULT") { "utf8mb4".to_owned() } else { words.name_or_text()? };
        let collation = if words.accept("COLLATE") { Some(words.name_or_text()?) } else { None };
        self.set_names(&charset, collation.as_deref())?;
        self.tell_charset(reply);
        Ok(())
    }

    fn tell_charset(&self, reply: &mut Reply) {
        for name in ["character_set_client", "character_set_connection", "character_set_results"] {
            if self.is_tracked(name)
                && let Ok(definition) = variables::find(name)
            {
                let value = self.view.variables.value(definition);
                reply.tell(&SessionChange::SystemVariable { name: name.as_bytes(), value: value.as_bytes() });
            }
        }
    }

    /// SET TRANSACTION: every transaction here is serializable, so all levels are granted. Without a scope it is for the next
    /// transaction alone.
    fn transaction_characteristics(&mut self, words: &mut Cursor<'_>, scope: Option<&str>) -> Result<(), SqlError> {
        let global = matches!(scope, Some("GLOBAL" | "PERSIST"));
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
                    self.keep(variables::find("transaction_isolation")?, &level.join("-"), global)?;
                }
            } else {
                let reads = words.accept_all(&["READ", "ONLY"]);
                if !reads && !words.accept_all(&["READ", "WRITE"]) {
                    return Err(words.syntax_error());
                }
                if scope.is_some() {
                    let text = if reads { "ON" } else { "OFF" };
                    self.keep(variables::find("transaction_read_only")?, text, global)?;
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
