//! A connection's SQLite: an empty main database to which the databases that its statements name are attached.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};
use sealwire_core::error::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType, Value, encode_binary_row};
use sealwire_core::wire::Put;

use super::SqliteEngine;
use super::errors::to_mysql;
use crate::server::engine::translate::{Kind, Scope, Translated, quote, quote_text, titles, translate};
use crate::server::engine::types::{self, DeclaredType};
use crate::server::engine::{
    Description, Done, Engine, EngineSession, Interruption, Request, RowSink, SystemTable, TransactionStep,
    unknown_database,
};
use crate::server::sql::Datum;

pub(super) struct SqliteSession {
    engine: SqliteEngine,
    connection: Connection,
    /// The attached databases, the one used last at the end.
    attached: Vec<String>,
    interruption: Arc<Interruption>,
}

/// How long a statement waits for another's lock.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// SQLite attaches ten.
const MOST_ATTACHED: usize = 9;
/// The byte of a text row that says NULL.
const NULL: u8 = 0xfb;

impl SqliteSession {
    pub(super) fn open(engine: SqliteEngine) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let interruption = Arc::new(Interruption::default());
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_in_memory_with_flags(flags)?;
            connection.busy_timeout(LOCK_WAIT)?;
            super::functions::register(&connection, &interruption)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| to_mysql(&error, ""))?;
        let handle = connection.get_interrupt_handle();
        interruption.connect(move || handle.interrupt());
        Ok(Self { engine, connection, attached: Vec::new(), interruption })
    }

    fn batch(&self, sql: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(sql).map_err(|error| to_mysql(&error, sql))
    }

    fn attach(&mut self, databases: &[String]) -> Result<(), SqlError> {
        for database in databases {
            if let Some(at) = self.attached.iter().position(|attached| attached == database) {
                let used = self.attached.remove(at);
                self.attached.push(used);
                // Another connection may have dropped it.
                if super::is_system(database) || self.engine.has_database(database) {
                    continue;
                }
                self.detach(database)?;
            }
            if !self.engine.has_database(database) {
                return Err(unknown_database(database));
            }
            while self.attached.len() >= MOST_ATTACHED {
                let oldest = self.attached.first().cloned().unwrap_or_default();
                self.detach(&oldest)?;
            }
            let file = if super::is_system(database) {
                ":memory:".to_owned()
            } else {
                self.engine.path(database).display().to_string()
            };
            self.batch(&format!("ATTACH DATABASE {} AS {}", quote_text(&file), quote(database)))?;
            self.attached.push(database.clone());
        }
        Ok(())
    }

    fn detach(&mut self, database: &str) -> Result<(), SqlError> {
        self.attached.retain(|attached| attached != database);
        self.batch(&format!("DETACH DATABASE {}", quote(database)))
    }

    /// Fills the system tables that a statement reads.
    fn refresh(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        for (database, table) in &translated.tables {
            if !super::is_system(database) {
                continue;
            }
            if translated.kind != Kind::Query {
                return Err(SqlError::new(
                    1044,
                    b"42000",
                    format!("Access denied to database '{database}': it can only be read"),
                ));
            }
            let made = match (database.to_lowercase().as_str(), table.to_lowercase().as_str()) {
                ("information_schema", name @ ("tables" | "columns" | "statistics")) => {
                    super::schema::table(&self.engine, name, request.surroundings)?
                }
                _ => request.surroundings.system_table(database, table),
            };
            let Some(made) = made else {
                return Err(SqlError::new(1109, b"42S02", format!("Unknown table '{table}' in {database}")));
            };
            self.fill(database, table, &made).map_err(|error| to_mysql(&error, request.sql))?;
        }
        Ok(())
    }

    fn fill(&self, database: &str, table: &str, made: &SystemTable) -> rusqlite::Result<()> {
        let name = format!("{}.{}", quote(database), quote(table));
        let columns: Vec<String> = made
            .columns
            .iter()
            .map(|(name, kind)| format!("{} {} COLLATE NOCASE", quote(name), DeclaredType::parse(kind).to_sqlite()))
            .collect();
        self.connection
            .execute_batch(&format!("DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({});", columns.join(", ")))?;
        let places = vec!["?"; made.columns.len()].join(", ");
        let mut insert = self.connection.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?;
        for row in &made.rows {
            bind(&mut insert, row)?;
            insert.raw_execute()?;
        }
        Ok(())
    }

    /// Translates, checks the rights, and makes ready all that the statement names.
    fn ready(&mut self, request: &Request<'_>) -> Result<Translated, SqlError> {
        let translated = translate(request.sql, Scope { database: request.database, names: request.surroundings })?;
        for (at, (database, table)) in translated.tables.iter().enumerate() {
            // The first is the one that the statement is about; the others are read.
            let kind = if at == 0 { translated.kind } else { Kind::Query };
            request.surroundings.authorise(kind, request.sql, database, table)?;
        }
        self.attach(&translated.databases)?;
        self.refresh(&translated, request)?;
        Ok(translated)
    }

    fn define(&self, translated: &Translated) -> Result<Done, SqlError> {
        if !self.connection.is_autocommit() {
            self.batch("COMMIT")?;
        }
        self.batch("BEGIN IMMEDIATE")?;
        for sql in &translated.statements {
            if let Err(error) = self.connection.execute_batch(sql) {
                self.batch("ROLLBACK")?;
                return Err(dropped(sql, to_mysql(&error, sql)));
            }
        }
        self.batch("COMMIT")?;
        Ok(Done::default())
    }

    fn change(&self, translated: &Translated, request: &Request<'_>) -> Result<Done, SqlError> {
        let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
        let run = || -> rusqlite::Result<usize> {
            let mut statement = self.connection.prepare(sql)?;
            bind(&mut statement, request.parameters)?;
            statement.raw_execute()
        };
        let before = self.connection.last_insert_rowid();
        let affected_rows = run().map_err(|error| to_mysql(&error, request.sql))? as u64;
        let mut done = Done { affected_rows, ..Done::default() };
        match translated.kind {
            Kind::Change => {
                if crate::server::engine::begins_with(request.sql, "UPDATE") {
                    done.info = format!("Rows matched: {affected_rows}  Changed: {affected_rows}  Warnings: 0");
                }
            }
            _ => {
                let last = self.connection.last_insert_rowid();
                if affected_rows > 0 && self.counts_rows(translated) {
                    // MySQL names the first of several.
                    done.last_insert_id = u64::try_from(last).unwrap_or(0).saturating_sub(affected_rows - 1);
                }
                if translated.kind == Kind::Upsert && last == before {
                    // MySQL counts a changed row twice.
                    done.affected_rows *= 2;
                }
                if affected_rows > 1 {
                    done.info = format!("Records: {affected_rows}  Duplicates: 0  Warnings: 0");
                }
            }
        }
        Ok(done)
    }

    /// Whether the table that was changed generates keys.
    fn counts_rows(&self, translated: &Translated) -> bool {
        let Some((database, table)) = translated.tables.first() else { return false };
        let sql = format!(
            "SELECT sql LIKE '%AUTOINCREMENT%' FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            quote(database)
        );
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([table], |row| row.get(0)));
        found.unwrap_or(false)
    }

    fn query(&self, translated: &Translated, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
        let failed = |error: rusqlite::Error| to_mysql(&error, request.sql);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let origins = origins(&statement, &translated.titles);
        bind(&mut statement, request.parameters).map_err(failed)?;
        let mut found = statement.raw_query();
        let mut next = found.next().map_err(failed)?;
        let columns: Vec<ColumnDefinition> = origins
            .iter()
            .enumerate()
            .map(|(index, origin)| {
                origin
                    .column(next.and_then(|row| row.get_ref(index).ok()).map_or(Type::Null, |value| value.data_type()))
            })
            .collect();
        rows.begin(columns.clone())?;
        while let Some(row) = next {
            let value_at = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
            if request.binary {
                let decimals: Vec<Option<String>> =
                    columns.iter().enumerate().map(|(index, column)| decimal_text(value_at(index), column)).collect();
                let values: Vec<Value<'_>> = decimals
                    .iter()
                    .enumerate()
                    .map(|(index, text)| text.as_deref().map_or_else(|| wire_value(value_at(index)), Value::from))
                    .collect();
                encode_binary_row(&columns, &values, rows.buffer());
            } else {
                let out = rows.buffer();
                for (index, column) in columns.iter().enumerate() {
                    put_text(value_at(index), column, out);
                }
            }
            rows.end_row()?;
            next = found.next().map_err(failed)?;
        }
        Ok(Done { has_rows: true, ..Done::default() })
    }
}

impl EngineSession for SqliteSession {
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError> {
        let translated = self.ready(request)?;
        let mut description = Description { parameters: translated.parameters, columns: Vec::new() };
        if translated.kind == Kind::Query {
            let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
            let statement = self.connection.prepare(sql).map_err(|error| to_mysql(&error, request.sql))?;
            description.columns =
                origins(&statement, &translated.titles).iter().map(|origin| origin.column(Type::Null)).collect();
        } else if translated.kind != Kind::Definition {
            let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
            self.connection.prepare(sql).map_err(|error| to_mysql(&error, request.sql))?;
        }
        Ok(description)
    }

    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        let translated = self.ready(request)?;
        if usize::from(translated.parameters) != request.parameters.len() {
            return Err(SqlError::new(1210, b"HY000", "Incorrect arguments to mysqld_stmt_execute"));
        }
        if translated.kind == Kind::Definition {
            return self.define(&translated);
        }
        if !request.autocommit && self.connection.is_autocommit() {
            self.batch("BEGIN")?;
        }
        if translated.kind == Kind::Query {
            self.query(&translated, request, rows)
        } else {
            self.change(&translated, request)
        }
    }

    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError> {
        let open = !self.connection.is_autocommit();
        match step {
            TransactionStep::Begin if open => self.batch("COMMIT; BEGIN"),
            TransactionStep::Begin => self.batch("BEGIN"),
            TransactionStep::Commit if open => self.batch("COMMIT"),
            TransactionStep::Rollback if open => self.batch("ROLLBACK"),
            TransactionStep::Commit | TransactionStep::Rollback => Ok(()),
            TransactionStep::Savepoint(name) if open => self.batch(&format!("SAVEPOINT {}", quote(name))),
            // Outside of a transaction a savepoint ends with its own statement.
            TransactionStep::Savepoint(_) => Ok(()),
            TransactionStep::RollbackTo(name) => self.batch(&format!("ROLLBACK TO {}", quote(name))),
            TransactionStep::Release(name) => self.batch(&format!("RELEASE {}", quote(name))),
        }
    }

    fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn interruption(&self) -> Arc<Interruption> {
        Arc::clone(&self.interruption)
    }
}

/// DROP of a table that is not there has a code of its own.
fn dropped(sql: &str, error: SqlError) -> SqlError {
    if error.code == 1146 && sql.starts_with("DROP ") {
        let message = error.message.replacen("Table", "Unknown table", 1).replace(" doesn't exist", "");
        return SqlError::new(1051, b"42S02", message);
    }
    error
}

/// Where a result column comes from.
struct Origin {
    title: String,
    declared: Option<String>,
    database: Vec<u8>,
    table: Vec<u8>,
    column: Vec<u8>,
}

impl Origin {
    fn column(&self, first: Type) -> ColumnDefinition {
        let Some(declared) = &self.declared else { return types::expression(&self.title, first) };
        let mut column = DeclaredType::parse(declared).column(&self.title);
        self.database.clone_into(&mut column.schema);
        self.table.clone_into(&mut column.table);
        self.table.clone_into(&mut column.org_table);
        self.column.clone_into(&mut column.org_name);
        if declared == "INTEGER" {
            // Only a key that SQLite counts is declared so.
            column.flags |= ColumnFlags::PRI_KEY | ColumnFlags::AUTO_INCREMENT | ColumnFlags::NOT_NULL;
        }
        column
    }
}

fn origins(statement: &Statement<'_>, titles: &[Option<String>]) -> Vec<Origin> {
    let bytes = |text: Option<&str>| text.unwrap_or_default().as_bytes().to_vec();
    statement
        .columns()
        .zip(statement.columns_with_metadata())
        .map(|(column, metadata)| Origin {
            title: titles::resolve(column.name(), titles),
            declared: column.decl_type().map(str::to_owned),
            database: bytes(metadata.database_name()),
            table: bytes(metadata.table_name()),
            column: bytes(metadata.origin_name()),
        })
        .collect()
}

fn bind(statement: &mut Statement<'_>, values: &[Datum]) -> rusqlite::Result<()> {
    for (index, value) in values.iter().enumerate() {
        let place = index + 1;
        match value {
            Datum::Null => statement.raw_bind_parameter(place, rusqlite::types::Null)?,
            Datum::Int(number) => statement.raw_bind_parameter(place, number)?,
            Datum::UInt(number) => match i64::try_from(*number) {
                Ok(number) => statement.raw_bind_parameter(place, number)?,
                // SQLite's whole numbers end at 2^63 - 1.
                Err(_) => statement.raw_bind_parameter(place, *number as f64)?,
            },
            Datum::Real(number) => statement.raw_bind_parameter(place, number)?,
            Datum::Text(text) => statement.raw_bind_parameter(place, text)?,
            Datum::Blob(bytes) => statement.raw_bind_parameter(place, bytes)?,
        }
    }
    Ok(())
}

const fn wire_value(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Double(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::Bytes(bytes),
    }
}

/// A value of a text row.
fn put_text(value: ValueRef<'_>, column: &ColumnDefinition, out: &mut Vec<u8>) {
    if let Some(text) = decimal_text(value, column) {
        return out.put_lenenc_bytes(text.as_bytes());
    }
    match wire_value(value) {
        Value::Null => out.put_u8(NULL),
        Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
        other => out.put_lenenc_bytes(other.text_in(column).to_string().as_bytes()),
    }
}

/// A number in a DECIMAL column, with as many decimals as the column has.
fn decimal_text(value: ValueRef<'_>, column: &ColumnDefinition) -> Option<String> {
    if column.column_type != ColumnType::NEWDECIMAL {
        return None;
    }
    match value {
        ValueRef::Integer(number) if column.decimals == 0 => Some(number.to_string()),
        ValueRef::Integer(number) => {
            Some(format!("{number}.{:0decimals$}", 0, decimals = usize::from(column.decimals)))
        }
        ValueRef::Real(number) => Some(format!("{number:.decimals$}", decimals = usize::from(column.decimals))),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests;
