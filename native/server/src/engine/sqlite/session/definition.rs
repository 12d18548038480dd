//! Runs definitions: CREATE, ALTER and DROP of tables, indexes and views. Each is a transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::OptionalExtension as _;
use sealwire_accounts::Privilege;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::super::authorizer::AllowedActions;
use super::super::definition_limits;
use super::super::errors::to_mysql;
use super::super::foreign_key_limits::ForeignKeyCheck;
use super::super::foreign_keys::ForeignKeys;
use super::super::key_weight::MARK;
use super::super::schema::Table;
use super::super::stored_definitions;
use super::super::stored_relations::{self, StoredRelations};
use super::super::unique_keys::{self, Settling};
use super::SqliteSession;
use super::new_defaults::with_implicit;
use crate::engine::translate::{
    Access, ColumnRename, MOST_KEYS, Skippable, Translated, no_such_table, quote, schema_of, too_many_keys,
};
use crate::engine::{Done, Request, is_system_database, stopped};

impl SqliteSession {
    /// Whether a definition may be skipped, because the server makes that table. Dumps have definitions of the log tables.
    pub(super) fn is_made_by_server(translated: &Translated, request: &Request<'_>) -> bool {
        let is_creation = translated.statements.first().is_some_and(|sql| sql.starts_with("CREATE TABLE "));
        let Some(Access { database, table: Some(table), .. }) = translated.accesses.first() else { return false };
        let made = || request.context.system_table(database, &table.to_ascii_lowercase()).is_some();
        translated.is_conditional && is_creation && is_system_database(database) && made()
    }

    pub(super) fn define(&mut self, translated: &Translated, request: &Request<'_>) -> Result<Done, SqlError> {
        if Self::is_made_by_server(translated, request) {
            self.commit_open()?;
            let table = translated.accesses.first().and_then(|access| access.table.as_deref()).unwrap_or_default();
            let note = SqlError::new(1050, b"42S01", format!("Table '{table}' already exists"));
            return Ok(Done { notes: vec![note], warnings: self.bounds.end(), ..Done::default() });
        }
        if let Some(check) = &translated.check {
            let allowed = || AllowedActions::new(translated, Arc::clone(request.context)).restricted_to_query();
            let (_guard, statement) = self.compile(check, allowed, translated, request)?;
            let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
            check_view_columns(&names, &translated.view_columns)?;
        }
        self.check_letter_case(translated, request)?;
        self.refuse_truncation(translated, request)?;
        // A temporary table is private to its session, so it commits nothing; nor does a definition within the transaction of a source.
        let commits = self.is_own_transaction(translated);
        if commits {
            self.commit_open()?;
        }
        if !translated.is_temporary() {
            self.prepare_definition(translated, request)?;
        }
        if commits {
            self.begin_change(translated)?;
        }
        let is_kept = |notes: &[SqlError]| notes.iter().any(|note| note.code == 1050);
        let mut defined = self
            .define_all(translated, request)
            .and_then(|notes| self.check_defined(translated, request, !is_kept(&notes)).map(|()| notes));
        let makes = !defined.as_ref().is_ok_and(|notes| is_kept(notes));
        if defined.is_ok()
            && makes
            && !commits
            && !translated.is_temporary()
            && let Err(error) = self.collect_definition(translated, request)
        {
            defined = Err(error);
        }
        if commits {
            let committed = match (&defined, makes) {
                (Ok(_), true) => self.commit_definition(translated, request),
                // A definition that made nothing is not logged, because MariaDB 10.11 ends at one whose name is a view's.
                (Ok(_), false) => self.run_batch("COMMIT"),
                (Err(_), _) => Ok(()),
            };
            // After some errors SQLite has rolled back already.
            if !self.connection.is_autocommit() {
                self.run_batch("ROLLBACK")?;
            }
            committed?;
        }
        let notes = defined?;
        self.temporaries.extend(translated.creates.iter().cloned());
        for dropped in &translated.drops {
            self.temporaries.remove(dropped);
        }
        Ok(Done { notes, warnings: self.bounds.end(), ..Done::default() })
    }

    /// Commits the open transaction, because a definition is a transaction of its own.
    fn commit_open(&self) -> Result<(), SqlError> {
        if self.connection.is_autocommit() { Ok(()) } else { self.commit() }
    }

    /// Refuses a table that breaks a limit of MySQL's.
    fn check_defined(&self, translated: &Translated, request: &Request<'_>, makes: bool) -> Result<(), SqlError> {
        self.count_keys(translated)?;
        let flavour = self.capture.as_ref().map_or(Flavour::MySql, |capture| capture.log.format.flavour);
        let settling = Settling {
            statements: &translated.statements,
            makes: self.group().is_none(),
            is_logged: self.capture.is_some() && request.limits.is_logged && !translated.is_temporary(),
        };
        for (schema, name) in &translated.targets {
            let sql = format!(
                "SELECT name, sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
                quote(schema)?
            );
            let read = self.connection.query_row(&sql, [name], |row| {
                Ok(Table { schema: schema.clone(), name: row.get(0)?, is_view: false, sql: row.get(1)? })
            });
            if let Some(table) = read.optional().map_err(|error| to_mysql(&error, ""))? {
                definition_limits::check(&self.connection, &table, (flavour, settling.makes))?;
                settling.settle(&self.connection, &table)?;
                settling.settle_parents(&self.connection, &table)?;
                let Some(access) = translated.accesses.first().filter(|_| schema != "temp") else { continue };
                let check = ForeignKeyCheck {
                    connection: &self.connection,
                    database: &access.database,
                    flavour,
                    may_miss: request.limits.skips_foreign_keys,
                    creates: makes && translated.statements.first().is_some_and(|sql| sql.starts_with("CREATE TABLE ")),
                    is_source: settling.makes,
                    drops_index: drops_index(translated),
                    added: translated.keys.iter().map(|key| key.name.as_str()).collect(),
                    renamed: translated.renames.iter().map(|column| column.new.as_str()).collect(),
                };
                check.check(table)?;
            }
        }
        Ok(())
    }

    /// Refuses a table with too many keys.
    fn count_keys(&self, translated: &Translated) -> Result<(), SqlError> {
        for Access { database, table, .. } in &translated.accesses {
            let (Some(table), false) = (table, is_system_database(database)) else { continue };
            let schema = quote(&schema_of(database))?;
            let sql = format!(
                "SELECT COUNT(*) FROM {schema}.sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND name NOT GLOB '{MARK}*'"
            );
            let keys: rusqlite::Result<u32> = self.connection.query_row(&sql, [table], |row| row.get(0));
            if keys.map_err(|error| to_mysql(&error, ""))? as usize > MOST_KEYS {
                return Err(too_many_keys());
            }
        }
        Ok(())
    }

    /// Runs the statements of a definition within its transaction; returns notes.
    fn define_all(&self, translated: &Translated, request: &Request<'_>) -> Result<Vec<SqlError>, SqlError> {
        let allowed = || AllowedActions::new(translated, Arc::clone(request.context));
        self.refuse_renames(translated)?;
        self.refuse_drops(translated, request)?;
        let views = self.drop_views(translated)?;
        let moves_names = |sql: &String| {
            sql.starts_with("ALTER TABLE ") && [" DROP COLUMN ", " RENAME "].iter().any(|part| sql.contains(part))
        };
        if translated.statements.iter().any(moves_names) {
            for (schema, table) in &translated.targets {
                unique_keys::remove(&self.connection, schema, table)?;
            }
        }
        let mut notes = translated.notes.clone();
        let mut skipped = BTreeSet::new();
        for key in self.needless_keys(translated)? {
            skipped.insert(key.statement);
            notes.push(SqlError::new(1061, b"42000", format!("Duplicate key name '{}'", key.name)));
        }
        let mut replaces = !translated.keys.is_empty() || !translated.dropped_columns.is_empty();
        for (step, number, sql) in in_order(translated) {
            if skipped.contains(&number) {
                continue;
            }
            if step > Step::Other && std::mem::take(&mut replaces) {
                self.drop_replaced(translated, &skipped)?;
            }
            for (_, column) in translated.dropped_columns.iter().filter(|(own, _)| *own == number) {
                self.take_out(column, translated)?;
            }
            if self.bounds.interruption.is_stopped() {
                return Err(stopped(&self.bounds.interruption));
            }
            let new_default = translated.defaults.iter().find(|default| default.statement == number);
            let ran = self
                .run(&with_implicit(sql, new_default), allowed, translated, request)
                .and_then(|_| self.fill_new_column(new_default, translated, request))
                .and_then(|()| self.weigh_defined(sql, translated, request));
            let Err(error) = ran.map_err(|error| drop_error(sql, error, translated)) else { continue };
            if error.code == 1091 {
                self.check_target(translated)?;
            }
            let is_skippable = |own: &Skippable| own.statement == number && own.errors.contains(&error.code);
            match error.code {
                _ if translated.skippable.iter().any(is_skippable) => {
                    skipped.insert(number);
                    notes.push(error);
                }
                1051 if translated.is_conditional => notes.push(error),
                1050 if translated.is_conditional => {
                    // The table exists already, so its indexes are skipped.
                    notes.push(error);
                    break;
                }
                _ => return Err(error),
            }
        }
        if replaces {
            self.drop_replaced(translated, &skipped)?;
        }
        for column in translated.moves.iter().filter(|column| !skipped.contains(&column.statement)) {
            self.move_column(column, request.limits.skips_foreign_keys)?;
        }
        if translated.statements.iter().any(|sql| sql.starts_with("ALTER TABLE ") && sql.contains(" RENAME TO ")) {
            self.rename_indexes(translated)?;
            self.follow_names(translated, request.limits.skips_foreign_keys)?;
        }
        for view in views {
            self.run_batch(&view)?;
        }
        Ok(notes)
    }

    /// Refuses to alter a table that does not exist. SQLite looks for an index alone.
    fn check_target(&self, translated: &Translated) -> Result<(), SqlError> {
        let target = translated.targets.first().zip(translated.accesses.first());
        let Some(((schema, name), Access { database, .. })) = target else { return Ok(()) };
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE)",
            quote(schema)?
        );
        let exists: rusqlite::Result<bool> = self.connection.query_row(&sql, [name], |row| row.get(0));
        if exists.map_err(|error| to_mysql(&error, ""))? { Ok(()) } else { Err(no_such_table(database, name)) }
    }

    /// Gives the indexes of renamed tables the new names, which are in front of their own, because another table may get the old one.
    fn rename_indexes(&self, translated: &Translated) -> Result<(), SqlError> {
        let (mut drops, mut creates) = (Vec::new(), Vec::new());
        for (schema, table) in &translated.targets {
            let quoted = quote(schema)?;
            let sql = format!(
                "SELECT name, sql FROM {quoted}.sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL AND name NOT GLOB '{MARK}*'"
            );
            let failed = |error: rusqlite::Error| to_mysql(&error, "");
            let mut statement = self.connection.prepare(&sql).map_err(failed)?;
            let found = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
            let found: Vec<(String, String)> = found.collect::<rusqlite::Result<_>>().map_err(failed)?;
            for (name, sql) in found {
                let is_own = |(of, old): &&(String, String)| of == schema && old != table;
                let key_of = |(_, old): &(String, String)| Some(name.strip_prefix(old)?.strip_prefix('.')?.to_owned());
                let Some(key) = translated.targets.iter().filter(is_own).find_map(key_of) else { continue };
                let old = quote(&name)?;
                for front in ["CREATE INDEX ", "CREATE UNIQUE INDEX "] {
                    if let Some(rest) = sql.strip_prefix(front).and_then(|rest| rest.strip_prefix(&*old)) {
                        drops.push(format!("DROP INDEX {quoted}.{old}"));
                        creates.push(format!("{front}{quoted}.{}{rest}", quote(&format!("{table}.{key}"))?));
                    }
                }
            }
        }
        drops.iter().chain(&creates).try_for_each(|sql| self.run_batch(sql))
    }

    /// Refuses a changed table or view that is too heavy together with its old parts.
    fn weigh_defined(&self, sql: &str, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        if sql.starts_with("CREATE VIEW ") {
            let database = translated.accesses.first().map(|access| access.database.as_str());
            let budget = self.bounds.budget(request);
            return StoredRelations::new(&self.connection, database, &self.temporaries, &budget).check_views();
        }
        if !["ALTER TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "].iter().any(|front| sql.starts_with(front)) {
            return Ok(());
        }
        for Access { database, table, .. } in &translated.accesses {
            if let Some(table) = table {
                stored_relations::check_table(&self.connection, &schema_of(database), table)?;
            }
        }
        Ok(())
    }

    /// Drops the views of a database before a table is altered, and returns the statements that create them again unchanged. SQLite would
    /// read all views, stop at an outdated one and rewrite the others; MySQL leaves views alone.
    fn drop_views(&self, translated: &Translated) -> Result<Vec<String>, SqlError> {
        let alters = translated.statements.iter().any(|sql| sql.starts_with("ALTER TABLE "));
        let (true, Some(access)) = (alters, translated.accesses.first()) else { return Ok(Vec::new()) };
        let schema = quote(&schema_of(&access.database))?;
        let sql = format!("SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'view' ORDER BY rowid");
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            self.connection.prepare(&sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let mut again = Vec::new();
        for (name, text) in read().map_err(|error| to_mysql(&error, ""))? {
            let Some(rest) = text.strip_prefix("CREATE VIEW ") else { continue };
            self.run_batch(&format!("DROP VIEW {schema}.{}", quote(&name)?))?;
            again.push(format!("CREATE VIEW {schema}.{rest}"));
        }
        Ok(again)
    }

    /// Refuses a definition that the log gets and that names a table in another letter case than its own, because replicas compare names exactly.
    fn check_letter_case(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let is_logged = self.capture.is_some() && self.group().is_none() && request.limits.is_logged;
        if !is_logged || translated.is_temporary() {
            return Ok(());
        }
        // ALTER TABLE needs CREATE for the table that it changes.
        let alters = translated.statements.iter().any(|sql| sql.starts_with("ALTER TABLE "));
        // CREATE OR REPLACE VIEW needs DROP, too, and its view may be there.
        let is_new = |access: &&Access| {
            let has = |privilege| access.privileges.contains(privilege);
            !alters && [Privilege::CREATE, Privilege::CREATE_VIEW].iter().any(has) && !has(&Privilege::DROP)
        };
        for Access { database, table, .. } in translated.accesses.iter().filter(|access| !is_new(access)) {
            let (Some(table), false) = (table, is_system_database(database)) else { continue };
            let sql = format!(
                "SELECT name FROM {}.sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
                quote(&schema_of(database))?
            );
            let found = self.connection.query_row(&sql, [table], |row| row.get::<_, String>(0)).optional();
            if let Some(own) = found.map_err(|error| to_mysql(&error, ""))?.filter(|own| own != table) {
                let message = format!(
                    "Table '{database}.{table}' doesn't exist: it was created as '{own}', and names in the binary log need the same letter case"
                );
                return Err(SqlError::new(1146, b"42S02", message));
            }
        }
        Ok(())
    }

    /// Refuses to empty a table to which foreign keys of others refer, because its rows may be referred to.
    fn refuse_truncation(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let truncates = translated.statements.iter().any(|sql| sql.starts_with("DELETE FROM "));
        if request.limits.skips_foreign_keys || !truncates {
            return Ok(());
        }
        for Access { database, table, .. } in &translated.accesses {
            let Some(table) = table else { continue };
            ForeignKeys::read(&self.connection, database).check_truncated(table, request.context.as_ref())?;
        }
        Ok(())
    }

    /// Refuses to drop tables to which foreign keys of others refer.
    fn refuse_drops(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        if request.limits.skips_foreign_keys || !translated.statements.iter().any(|sql| sql.starts_with("DROP TABLE "))
        {
            return Ok(());
        }
        for database in translated.databases() {
            let dropped: Vec<&str> = translated
                .accesses
                .iter()
                .filter(|access| access.database == database)
                .filter_map(|access| access.table.as_deref())
                .collect();
            ForeignKeys::read(&self.connection, database).check_dropped(&dropped, request.context.as_ref())?;
        }
        Ok(())
    }

    /// Refuses to rename columns that annotations name.
    fn refuse_renames(&self, translated: &Translated) -> Result<(), SqlError> {
        for ColumnRename { schema, table, old, .. } in &translated.renames {
            let sql = format!(
                "SELECT sql FROM {}.sqlite_master WHERE tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
                quote(schema)?
            );
            let read = || -> rusqlite::Result<Vec<String>> {
                self.connection.prepare(&sql)?.query_map([table], |row| row.get(0))?.collect()
            };
            for text in read().map_err(|error| to_mysql(&error, ""))? {
                stored_definitions::refuse_rename(&text, old)?;
            }
        }
        Ok(())
    }
}

/// Whether a definition may drop an index that a foreign key needs. Added keys take the place of those that were made for foreign keys.
fn drops_index(translated: &Translated) -> bool {
    translated.statements.iter().any(|sql| sql.starts_with("DROP INDEX "))
        || !translated.dropped_columns.is_empty()
        || !(translated.renames.is_empty() || translated.keys.is_empty())
}

/// The steps of an ALTER TABLE. As in MariaDB, keys are those of the changed columns, and the name comes last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Other,
    Key,
    Name,
}

/// The statements of a definition in the order of their steps, each with its number.
fn in_order(translated: &Translated) -> Vec<(Step, usize, &String)> {
    let step = |number: usize, sql: &String| {
        let renames = translated.targets.len() > 1 && sql.starts_with("ALTER TABLE ") && sql.contains(" RENAME TO ");
        match translated.keys.iter().any(|key| key.statement == number) {
            true => Step::Key,
            false if renames => Step::Name,
            false => Step::Other,
        }
    };
    let statements = translated.statements.iter().enumerate();
    let mut ordered: Vec<_> = statements.map(|(number, sql)| (step(number, sql), number, sql)).collect();
    ordered.sort_by_key(|(step, ..)| *step);
    ordered
}

/// Checks the columns of a view: those of its query, and those that it names.
///
/// # Errors
/// 1060 for a name that comes twice, 1353 for another number of names.
fn check_view_columns(columns: &[String], named: &[String]) -> Result<(), SqlError> {
    if !named.is_empty() && named.len() != columns.len() {
        let message = "View's SELECT and view's field list have different column counts";
        return Err(SqlError::new(1353, b"HY000", message));
    }
    let mut seen = BTreeSet::new();
    let names = if named.is_empty() { columns } else { named };
    match names.iter().find(|name| !seen.insert(name.to_lowercase())) {
        Some(name) => Err(SqlError::new(1060, b"42S21", format!("Duplicate column name '{name}'"))),
        None => Ok(()),
    }
}

/// DROP has its own code for a table that does not exist.
fn drop_error(sql: &str, error: SqlError, translated: &Translated) -> SqlError {
    let of_its_database = |name: &str| {
        let found = translated.accesses.iter().find(|access| access.table.as_deref() == Some(name));
        found.map_or_else(|| name.to_owned(), |access| format!("{}.{name}", access.database))
    };
    let name = || error.message.split('\'').nth(1).unwrap_or_default();
    match error.code {
        1146 if sql.starts_with("DROP ") => {
            let message = error.message.replacen("Table", "Unknown table", 1).replace(" doesn't exist", "");
            SqlError::new(1051, b"42S02", message)
        }
        1054 if sql.starts_with("CREATE INDEX ") || sql.starts_with("CREATE UNIQUE INDEX ") => {
            SqlError::new(1072, b"42000", format!("Key column '{}' doesn't exist in table", name()))
        }
        1054 if sql.contains(" DROP COLUMN ") => {
            let column = name().trim_matches(['"', '`']);
            SqlError::new(1091, b"42000", format!("Can't DROP '{column}'; check that column/key exists"))
        }
        1054 if sql.contains(" RENAME COLUMN ") => {
            let column = name().trim_matches(['"', '`']);
            SqlError::new(1054, b"42S22", format!("Unknown column '{column}' in 'field list'"))
        }
        1051 => SqlError::new(1051, b"42S02", format!("Unknown table '{}'", of_its_database(name()))),
        1347 => SqlError::new(1347, b"HY000", format!("'{}' is not VIEW", of_its_database(name()))),
        _ => error,
    }
}
