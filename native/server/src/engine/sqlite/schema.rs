//! What the databases' files say about their tables, in the shape of MySQL's `information_schema`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Result as SqliteResult};
use sealwire_core::error::SqlError;

use super::SqliteEngine;
use super::errors::to_mysql;
use super::narrow::Narrow;
use super::stored::{self, StoredColumn, StoredTable};
use super::weights;
use crate::engine::kept::Thing;
use crate::engine::translate::temporary_name;
use crate::engine::types::{DeclaredType, Extent};
use crate::engine::{
    Engine, Interruption, LOG_TABLES, SYSTEM_DATABASES, Surroundings, SystemTable, TableDefinition, UnlistedTable,
    is_system_database, stopped, unknown_database,
};
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::{Datum, backquoted, text_literal};

/// A table of `information_schema` that is read from the files, as far as it is asked for; the others are the server's.
pub(super) fn table(
    engine: &SqliteEngine,
    name: &str,
    narrow: &Narrow,
    surroundings: &dyn Surroundings,
    interruption: &Interruption,
) -> Result<Option<SystemTable>, SqlError> {
    let mut rows = Vec::new();
    if name == "tables" {
        for log in LOG_TABLES.into_iter().filter(|log| surroundings.sees("mysql", log)) {
            let table = Table { name: log.to_owned(), is_view: false, sql: String::new() };
            rows.push(table_row("mysql", &table, Datum::Null));
        }
    }
    for database in engine.databases()? {
        if SYSTEM_DATABASES.contains(&database.as_str()) || !narrow.takes_schema(&database) {
            continue;
        }
        // Most accounts see few databases: those of others are not even opened, whatever is in them.
        if !surroundings.sees_database(&database) {
            continue;
        }
        // A database that can't be read hinders nobody who asks about others.
        let Ok(opened) = open(engine, &database) else { continue };
        let connection = &opened.connection;
        let Ok(mut tables) = tables_of(connection) else { continue };
        let takes = |table: &Table| narrow.takes_table(&table.name) && surroundings.sees(&database, &table.name);
        if name == "columns" {
            tables = with_readable_views(connection, tables, takes, interruption);
        }
        let mut of_database = Vec::new();
        for table in tables {
            if interruption.is_stopped() {
                return Err(stopped(interruption));
            }
            if !takes(&table) {
                // SQLite remembers what another view reads.
                if name == "columns" && table.is_view {
                    let _ = columns_of(connection, &table);
                }
                continue;
            }
            let found = match name {
                "tables" => next_key(connection, &table).map(|next| vec![table_row(&database, &table, next)]),
                "columns" => columns_of(connection, &table)
                    .map(|columns| columns.iter().map(|c| column_row(&database, &table.name, c)).collect()),
                _ => statistics(connection, &database, &table),
            };
            // A view whose tables are gone has no columns to show.
            of_database.push((table.name, found.unwrap_or_default()));
        }
        of_database.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows.extend(of_database.into_iter().flat_map(|(_, rows)| rows));
    }
    let columns = match name {
        "tables" => TABLES,
        "columns" => COLUMNS,
        _ => STATISTICS,
    };
    Ok(Some(SystemTable { columns: columns.to_vec(), rows }))
}

/// The tables without the views whose columns SQLite would take long to find, and whose columns need not be found. It finds those of a view with
/// all that the view reads at once and hears nobody meanwhile, but remembers what it has found: so the views that others read come first.
fn with_readable_views(
    connection: &Connection,
    tables: Vec<Table>,
    takes: impl Fn(&Table) -> bool,
    interruption: &Interruption,
) -> Vec<Table> {
    let (views, mut tables): (Vec<Table>, Vec<Table>) = tables.into_iter().partition(|table| table.is_view);
    let wanted = views.iter().filter(|view| takes(view)).map(|view| (view.name.as_str(), view.sql.as_str()));
    let order = weights::readable_views(connection, wanted, interruption);
    let mut views: BTreeMap<String, Table> =
        views.into_iter().map(|view| (view.name.to_ascii_lowercase(), view)).collect();
    tables.extend(order.iter().filter_map(|name| views.remove(name)));
    tables
}

const TABLES: &[(&str, &str)] = &[
    ("TABLE_CATALOG", "VARCHAR(64)"),
    ("TABLE_SCHEMA", "VARCHAR(64)"),
    ("TABLE_NAME", "VARCHAR(64)"),
    ("TABLE_TYPE", "VARCHAR(64)"),
    ("ENGINE", "VARCHAR(64)"),
    ("VERSION", "INT"),
    ("ROW_FORMAT", "VARCHAR(10)"),
    ("TABLE_ROWS", "BIGINT UNSIGNED"),
    ("AVG_ROW_LENGTH", "BIGINT UNSIGNED"),
    ("DATA_LENGTH", "BIGINT UNSIGNED"),
    ("MAX_DATA_LENGTH", "BIGINT UNSIGNED"),
    ("INDEX_LENGTH", "BIGINT UNSIGNED"),
    ("DATA_FREE", "BIGINT UNSIGNED"),
    ("AUTO_INCREMENT", "BIGINT UNSIGNED"),
    ("CREATE_TIME", "TIMESTAMP"),
    ("UPDATE_TIME", "DATETIME"),
    ("CHECK_TIME", "DATETIME"),
    ("TABLE_COLLATION", "VARCHAR(64)"),
    ("CHECKSUM", "BIGINT"),
    ("CREATE_OPTIONS", "VARCHAR(256)"),
    ("TABLE_COMMENT", "TEXT"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("TABLE_CATALOG", "VARCHAR(64)"),
    ("TABLE_SCHEMA", "VARCHAR(64)"),
    ("TABLE_NAME", "VARCHAR(64)"),
    ("COLUMN_NAME", "VARCHAR(64)"),
    ("ORDINAL_POSITION", "INT UNSIGNED"),
    ("COLUMN_DEFAULT", "TEXT"),
    ("IS_NULLABLE", "VARCHAR(3)"),
    ("DATA_TYPE", "VARCHAR(64)"),
    ("CHARACTER_MAXIMUM_LENGTH", "BIGINT"),
    ("CHARACTER_OCTET_LENGTH", "BIGINT"),
    ("NUMERIC_PRECISION", "BIGINT UNSIGNED"),
    ("NUMERIC_SCALE", "BIGINT UNSIGNED"),
    ("DATETIME_PRECISION", "INT UNSIGNED"),
    ("CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("COLLATION_NAME", "VARCHAR(64)"),
    ("COLUMN_TYPE", "TEXT"),
    ("COLUMN_KEY", "VARCHAR(3)"),
    ("EXTRA", "VARCHAR(256)"),
    ("PRIVILEGES", "VARCHAR(154)"),
    ("COLUMN_COMMENT", "TEXT"),
    ("GENERATION_EXPRESSION", "LONGTEXT"),
    ("SRS_ID", "INT UNSIGNED"),
];

const STATISTICS: &[(&str, &str)] = &[
    ("TABLE_CATALOG", "VARCHAR(64)"),
    ("TABLE_SCHEMA", "VARCHAR(64)"),
    ("TABLE_NAME", "VARCHAR(64)"),
    ("NON_UNIQUE", "INT"),
    ("INDEX_NAME", "VARCHAR(64)"),
    ("SEQ_IN_INDEX", "INT UNSIGNED"),
    ("COLUMN_NAME", "VARCHAR(64)"),
    ("INDEX_TYPE", "VARCHAR(11)"),
];

/// A database that is read.
struct Opened<'a> {
    connection: Connection,
    engine: &'a SqliteEngine,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        close(&mut self.connection, self.engine);
    }
}

/// Closes a connection's files while no database comes or goes.
pub(super) fn close(connection: &mut Connection, engine: &SqliteEngine) {
    let _kept = engine.keep_names();
    if let Ok(empty) = Connection::open_in_memory() {
        *connection = empty;
    }
}

fn open<'a>(engine: &'a SqliteEngine, database: &str) -> Result<Opened<'a>, SqlError> {
    let _kept = engine.keep_names();
    if is_system_database(database) || !engine.has_database(database) {
        return Err(unknown_database(database));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(engine.path(database), flags).map_err(|error| to_mysql(&error, ""))?;
    super::open_all(&connection, "main").map_err(|error| to_mysql(&error, ""))?;
    Ok(Opened { connection, engine })
}

struct Table {
    name: String,
    is_view: bool,
    sql: String,
}

struct Column {
    name: String,
    declared: DeclaredType,
    not_null: bool,
    default: Option<String>,
    /// Its place in the primary key, from 1; 0 for none.
    primary: i64,
    position: i64,
    unique: bool,
    indexed: bool,
    counted: bool,
    /// Whether it is generated, and whether its values are stored.
    generated: Option<bool>,
    stored: StoredColumn,
}

struct Index {
    name: String,
    unique: bool,
    /// Its columns; `None` for an expression.
    columns: Vec<Option<String>>,
    /// Its parts in MySQL's words.
    parts: Vec<String>,
}

/// A table in SQLite's schema of temporary ones, which is the connection's own.
pub(super) fn temporary_table(
    connection: &Connection,
    database: &str,
    table: &str,
) -> SqliteResult<Option<UnlistedTable>> {
    let inner = temporary_name(database, table);
    let mut statement =
        connection.prepare("SELECT coalesce(sql, '') FROM temp.sqlite_master WHERE type = 'table' AND name = ?1")?;
    let Some(sql) = statement.query_row([&inner], |row| row.get(0)).optional()? else { return Ok(None) };
    let kept = Table { name: inner, is_view: false, sql };
    let mut definition = table_statement(connection, &kept)?;
    definition.statement = definition.statement.replacen(
        &format!("CREATE TABLE {}", backquoted(&kept.name)),
        &format!("CREATE TEMPORARY TABLE {}", backquoted(table)),
        1,
    );
    table.clone_into(&mut definition.name);
    let columns = columns_of(connection, &kept)?.iter().map(|column| column_row(database, table, column)).collect();
    let mut keys = statistics(connection, database, &kept)?;
    for name in keys.iter_mut().filter_map(|row| row.get_mut(TABLE_NAME)) {
        *name = text(table);
    }
    Ok(Some(UnlistedTable {
        definition,
        columns: SystemTable { columns: COLUMNS.to_vec(), rows: columns },
        keys: SystemTable { columns: STATISTICS.to_vec(), rows: keys },
    }))
}

/// The place of the table's name in each row.
const TABLE_NAME: usize = 2;

fn tables_of(connection: &Connection) -> SqliteResult<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'view', coalesce(sql, '') FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let rows =
        statement.query_map([], |row| Ok(Table { name: row.get(0)?, is_view: row.get(1)?, sql: row.get(2)? }))?;
    rows.collect()
}

fn columns_of(connection: &Connection, table: &Table) -> SqliteResult<Vec<Column>> {
    let counted = table.sql.to_ascii_uppercase().contains("AUTOINCREMENT");
    let mut stored = if table.is_view { StoredTable::default() } else { StoredTable::read(&table.sql) };
    let indexes = if table.is_view { Vec::new() } else { indexes_of(connection, &table.name)? };
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, cid, hidden FROM pragma_table_xinfo(?1) WHERE hidden IN (0, 2, 3)",
    )?;
    let rows = statement.query_map([&table.name], |row| {
        let name: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let primary: i64 = row.get(4)?;
        let leads = |unique: bool| {
            indexes.iter().any(|index| {
                index.unique == unique
                    && index.columns.first() == Some(&Some(name.clone()))
                    && (!unique || index.columns.len() == 1)
            })
        };
        Ok(Column {
            unique: leads(true),
            indexed: leads(false),
            counted: counted && primary > 0 && declared == "INTEGER",
            declared: DeclaredType::parse(&declared),
            not_null: row.get::<_, bool>(2)? || primary > 0,
            default: row.get(3)?,
            primary,
            position: row.get::<_, i64>(5)? + 1,
            generated: match row.get::<_, i64>(6)? {
                2 => Some(false),
                3 => Some(true),
                _ => None,
            },
            stored: stored.take(&name),
            name,
        })
    })?;
    rows.collect()
}

fn indexes_of(connection: &Connection, table: &str) -> SqliteResult<Vec<Index>> {
    let mut statement = connection.prepare(
        "SELECT l.name, l.\"unique\", coalesce((SELECT sql FROM sqlite_master WHERE name = l.name), (SELECT sql FROM temp.sqlite_master WHERE name = l.name), '') \
         FROM pragma_index_list(?1) AS l WHERE l.origin <> 'pk' ORDER BY l.seq DESC",
    )?;
    let found: Vec<(String, bool, String)> = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<SqliteResult<_>>()?;
    let mut indexes = Vec::new();
    for (name, unique, sql) in found {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let columns: Vec<Option<String>> =
            statement.query_map([&name], |row| row.get(0))?.collect::<SqliteResult<_>>()?;
        // Ours carry their table's name; those that SQLite made itself are named after their column.
        let short = name.get(table.len()..).and_then(|rest| rest.strip_prefix('.')).filter(|_| !sql.is_empty());
        let short = short.map(str::to_owned);
        let name = short.unwrap_or_else(|| columns.iter().flatten().next().cloned().unwrap_or(name));
        let parts = if sql.is_empty() {
            columns.iter().flatten().map(|column| backquoted(column)).collect()
        } else {
            stored::key_parts(&sql)
        };
        indexes.push(Index { name, unique, columns, parts });
    }
    Ok(indexes)
}

fn text(value: impl Into<String>) -> Datum {
    Datum::Text(value.into())
}

/// The key that AUTO_INCREMENT gives next; NULL where the table has no such column.
fn next_key(connection: &Connection, table: &Table) -> SqliteResult<Datum> {
    if table.is_view || !table.sql.to_ascii_uppercase().contains("AUTOINCREMENT") {
        return Ok(Datum::Null);
    }
    let last: Option<i64> = connection.query_row(
        "SELECT max(seq) FROM sqlite_sequence WHERE name = ?1 COLLATE NOCASE",
        [&table.name],
        |row| row.get(0),
    )?;
    Ok(Datum::Int(last.unwrap_or(0).saturating_add(1)))
}

/// What SQLite keeps no account of, as sizes and times, is NULL.
fn table_row(database: &str, table: &Table, next_key: Datum) -> Vec<Datum> {
    let mut row = vec![text("def"), text(database), text(&table.name)];
    let unknown = |row: &mut Vec<Datum>, count| row.extend(std::iter::repeat_n(Datum::Null, count));
    if table.is_view {
        row.push(text("VIEW"));
        unknown(&mut row, 15);
        row.extend([Datum::Null, text("VIEW")]);
    } else {
        let comment = StoredTable::read(&table.sql).comment.unwrap_or_default();
        row.extend([text("BASE TABLE"), text("SQLite"), Datum::Int(10), text("Dynamic")]);
        unknown(&mut row, 6);
        row.push(next_key);
        unknown(&mut row, 3);
        row.extend([text("utf8mb4_general_ci"), Datum::Null, text(""), text(comment)]);
    }
    row
}

fn column_row(database: &str, table: &str, column: &Column) -> Vec<Datum> {
    let kind = column.kind();
    let extent = column.extent();
    let number = |number: Option<u32>| number.map_or(Datum::Null, |number| Datum::Int(number.into()));
    let (charset, collation) = if column.declared.is_text() {
        (text("utf8mb4"), text(column.collation().unwrap_or("utf8mb4_general_ci")))
    } else {
        (Datum::Null, Datum::Null)
    };
    let generation = column.generated.and_then(|_| column.stored.generated.clone()).unwrap_or_default();
    vec![
        text("def"),
        text(database),
        text(table),
        text(&column.name),
        Datum::Int(column.position),
        column.default_value().map_or(Datum::Null, |default| Datum::Text(default.into_value())),
        text(if column.not_null { "NO" } else { "YES" }),
        text(kind.split(['(', ' ']).next().unwrap_or_default()),
        number(extent.characters),
        number(extent.octets),
        number(extent.precision),
        number(extent.scale),
        number(extent.fraction),
        charset,
        collation,
        text(&kind),
        text(column.key()),
        text(column.extra()),
        text("select,insert,update,references"),
        text(column.stored.kept.get(Thing::Comment).unwrap_or_default()),
        text(generation),
        Datum::Null,
    ]
}

fn statistics(connection: &Connection, database: &str, table: &Table) -> SqliteResult<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    let mut push = |name: &str, unique: bool, columns: &[Option<String>]| {
        for (at, column) in columns.iter().enumerate() {
            let place = Datum::Int(at as i64 + 1);
            rows.push(vec![
                text("def"),
                text(database),
                text(&table.name),
                Datum::Int(i64::from(!unique)),
                text(name),
                place,
                column.as_ref().map_or(Datum::Null, text),
                text("BTREE"),
            ]);
        }
    };
    let primary: Vec<Option<String>> = primary_key(&columns_of(connection, table)?).into_iter().map(Some).collect();
    push("PRIMARY", true, &primary);
    for index in indexes_of(connection, &table.name)? {
        push(&index.name, index.unique, &index.columns);
    }
    Ok(rows)
}

fn primary_key(columns: &[Column]) -> Vec<String> {
    let mut primary: Vec<&Column> = columns.iter().filter(|column| column.primary > 0).collect();
    primary.sort_by_key(|column| column.primary);
    primary.iter().map(|column| column.name.clone()).collect()
}

impl Column {
    const fn key(&self) -> &'static str {
        match (self.primary > 0, self.unique, self.indexed) {
            (true, _, _) => "PRI",
            (_, true, _) => "UNI",
            (_, _, true) => "MUL",
            _ => "",
        }
    }

    /// The type in MySQL's words.
    fn kind(&self) -> String {
        match (self.stored.kept.get(Thing::Type), self.declared.name()) {
            (Some(kept), _) => kept.to_owned(),
            // Another program's; its members are in no text of MySQL's.
            (None, "ENUM" | "SET") => "varchar(255)".to_owned(),
            (None, _) => self.declared.to_mysql(),
        }
    }

    fn extent(&self) -> Extent {
        match self.stored.kept.get(Thing::Type) {
            Some(kept) if self.counted => DeclaredType::parse(kept).extent(),
            _ => self.declared.extent(),
        }
    }

    /// The collation, where it is not the table's.
    fn collation(&self) -> Option<&str> {
        if !self.declared.is_text() || self.stored.folds_case {
            return None;
        }
        Some(self.stored.kept.get(Thing::Collation).unwrap_or("utf8mb4_bin"))
    }

    fn extra(&self) -> String {
        let on_update = self.stored.kept.get(Thing::OnUpdate).map(|value| format!("on update {value}"));
        let first = match self.generated {
            Some(true) => "STORED GENERATED",
            Some(false) => "VIRTUAL GENERATED",
            None if self.counted => "auto_increment",
            None if matches!(self.default_value(), Some(DefaultValue::Expression(_))) => "DEFAULT_GENERATED",
            None => "",
        };
        [Some(first.to_owned()).filter(|first| !first.is_empty()), on_update]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The default; `None` where it is NULL or there is none.
    fn default_value(&self) -> Option<DefaultValue> {
        let sqlite = self.default.as_deref()?;
        let written = self.stored.kept.get(Thing::Default).map_or_else(|| stored::in_mysql(sqlite), str::to_owned);
        let mut inner = written.as_str();
        while let Some(within) = single_parenthesis(inner) {
            inner = within;
        }
        let bare = inner.trim_end_matches("()");
        let is_number = |text: &str| {
            text.parse::<f64>().is_ok() && !text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E')
        };
        Some(if bare.eq_ignore_ascii_case("NULL") {
            return None;
        } else if ["NOW", "CURRENT_TIMESTAMP"].iter().any(|now| bare.eq_ignore_ascii_case(now)) {
            DefaultValue::Now
        } else if is_number(&inner.replace(' ', "")) {
            DefaultValue::Number(inner.replace(' ', ""))
        } else {
            match Lexer::new(inner.as_bytes()).collect::<Vec<_>>().as_slice() {
                [(Piece::Text, quoted)] => DefaultValue::Text(String::from_utf8_lossy(&unquote(quoted)).into_owned()),
                [(Piece::Word, _)] | [(Piece::Word, _), (Piece::Text, _)] => DefaultValue::Literal(inner.to_owned()),
                _ => DefaultValue::Expression(inner.to_owned()),
            }
        })
    }
}

/// A default in MySQL's words.
enum DefaultValue {
    /// A text, without its quotes.
    Text(String),
    Number(String),
    /// `X'…'`, TRUE and their like.
    Literal(String),
    Now,
    /// An expression, without its parentheses.
    Expression(String),
}

impl DefaultValue {
    /// As `information_schema` has it: a text without quotes.
    fn into_value(self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Literal(text) | Self::Expression(text) => text,
            Self::Now => "CURRENT_TIMESTAMP".to_owned(),
        }
    }

    /// As CREATE TABLE has it.
    fn into_sql(self, is_binary: bool) -> String {
        match self {
            // MySQL prints numbers as texts.
            Self::Number(text) if is_binary => text,
            Self::Text(text) | Self::Number(text) => text_literal(&text),
            Self::Literal(text) => text,
            Self::Now => "CURRENT_TIMESTAMP".to_owned(),
            Self::Expression(text) => format!("({text})"),
        }
    }
}

/// What is in the parentheses that are all of a text.
fn single_parenthesis(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0usize;
    for (piece, _) in Lexer::new(inner.as_bytes()) {
        match piece {
            Piece::Symbol(b'(') => depth += 1,
            Piece::Symbol(b')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    Some(inner.trim())
}

/// A table's statement in MySQL's words.
pub(super) fn create_statement(
    engine: &SqliteEngine,
    database: &str,
    table: &str,
) -> Result<TableDefinition, SqlError> {
    let opened = open(engine, database)?;
    let connection = &opened.connection;
    let read = || -> SqliteResult<Option<TableDefinition>> {
        let Some(found) = tables_of(connection)?.into_iter().find(|found| found.name.eq_ignore_ascii_case(table))
        else {
            return Ok(None);
        };
        if found.is_view {
            let statement = stored::view(&found.name, &found.sql);
            return Ok(Some(TableDefinition { name: found.name, statement, is_view: true }));
        }
        table_statement(connection, &found).map(Some)
    };
    read()
        .map_err(|error| to_mysql(&error, ""))?
        .ok_or_else(|| SqlError::new(1146, b"42S02", format!("Table '{database}.{table}' doesn't exist")))
}

fn table_statement(connection: &Connection, found: &Table) -> SqliteResult<TableDefinition> {
    let columns = columns_of(connection, found)?;
    let mut lines: Vec<String> = columns.iter().map(column_line).collect();
    let list = |names: &[String]| names.iter().map(|name| backquoted(name)).collect::<Vec<_>>().join(",");
    let primary = primary_key(&columns);
    if !primary.is_empty() {
        lines.push(format!("  PRIMARY KEY ({})", list(&primary)));
    }
    for index in indexes_of(connection, &found.name)? {
        let unique = if index.unique { "UNIQUE " } else { "" };
        lines.push(format!("  {unique}KEY {} ({})", backquoted(&index.name), index.parts.join(",")));
    }
    let stored = StoredTable::read(&found.sql);
    lines.extend(stored.foreign_keys.iter().chain(&stored.checks).map(|line| format!("  {line}")));
    let comment = stored.comment.map(|comment| format!(" COMMENT={}", text_literal(&comment)));
    let statement = format!(
        "CREATE TABLE {} (\n{}\n) ENGINE=SQLite DEFAULT CHARSET=utf8mb4{}",
        backquoted(&found.name),
        lines.join(",\n"),
        comment.unwrap_or_default()
    );
    Ok(TableDefinition { name: found.name.clone(), statement, is_view: false })
}

fn column_line(column: &Column) -> String {
    let mut line = format!("  {} {}", backquoted(&column.name), column.kind());
    if let Some(collation) = column.collation() {
        line.push_str(&format!(" COLLATE {collation}"));
    }
    if let (Some(is_stored), Some(expression)) = (column.generated, &column.stored.generated) {
        line.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {}", if is_stored { "STORED" } else { "VIRTUAL" }));
    }
    if column.not_null {
        line.push_str(" NOT NULL");
    }
    if column.counted {
        line.push_str(" AUTO_INCREMENT");
    } else if let Some(default) = column.default_value() {
        let is_binary = column.declared.to_sqlite().contains("BLOB");
        line.push_str(&format!(" DEFAULT {}", default.into_sql(is_binary)));
    } else if !column.not_null && column.generated.is_none() {
        line.push_str(" DEFAULT NULL");
    }
    if let Some(value) = column.stored.kept.get(Thing::OnUpdate) {
        line.push_str(&format!(" ON UPDATE {value}"));
    }
    if let Some(comment) = column.stored.kept.get(Thing::Comment) {
        line.push_str(&format!(" COMMENT {}", text_literal(comment)));
    }
    line
}
