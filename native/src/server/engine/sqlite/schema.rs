//! What the databases' files say about their tables, in the shape of MySQL's `information_schema`.

use rusqlite::{Connection, OpenFlags, Result as SqliteResult};
use sealwire_core::error::SqlError;

use super::SqliteEngine;
use super::errors::to_mysql;
use crate::server::engine::types::DeclaredType;
use crate::server::engine::{
    Engine, SYSTEM_DATABASES, Surroundings, SystemTable, TableDefinition, is_system_database, unknown_database,
};
use crate::server::sql::{Datum, backquoted};

/// A table of `information_schema` that is read from the files; the others are the server's.
pub(super) fn table(
    engine: &SqliteEngine,
    name: &str,
    surroundings: &dyn Surroundings,
) -> Result<Option<SystemTable>, SqlError> {
    let mut rows = Vec::new();
    for database in engine.databases()? {
        if SYSTEM_DATABASES.contains(&database.as_str()) {
            continue;
        }
        // A database that can't be read hinders nobody who asks about others.
        let Ok(connection) = open(engine, &database) else { continue };
        let Ok(tables) = tables_of(&connection) else { continue };
        for table in tables {
            if !surroundings.sees(&database, &table.name) {
                continue;
            }
            let found = match name {
                "tables" => next_key(&connection, &table).map(|next| vec![table_row(&database, &table, next)]),
                "columns" => columns_of(&connection, &table.name)
                    .map(|columns| columns.iter().map(|c| column_row(&database, &table.name, c)).collect()),
                _ => statistics(&connection, &database, &table.name),
            };
            // A view whose tables are gone has no columns to show.
            rows.extend(found.unwrap_or_default());
        }
    }
    let columns = match name {
        "tables" => TABLES,
        "columns" => COLUMNS,
        _ => STATISTICS,
    };
    Ok(Some(SystemTable { columns: columns.to_vec(), rows }))
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

fn open(engine: &SqliteEngine, database: &str) -> Result<Connection, SqlError> {
    if is_system_database(database) || !engine.has_database(database) {
        return Err(unknown_database(database));
    }
    Connection::open_with_flags(
        engine.path(database),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| to_mysql(&error, ""))
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
}

struct Index {
    name: String,
    unique: bool,
    columns: Vec<String>,
}

fn tables_of(connection: &Connection) -> SqliteResult<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'view', coalesce(sql, '') FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let rows =
        statement.query_map([], |row| Ok(Table { name: row.get(0)?, is_view: row.get(1)?, sql: row.get(2)? }))?;
    rows.collect()
}

fn columns_of(connection: &Connection, table: &str) -> SqliteResult<Vec<Column>> {
    let counted: bool = connection.query_row(
        "SELECT coalesce(sql LIKE '%AUTOINCREMENT%', 0) FROM sqlite_master WHERE name = ?1 COLLATE NOCASE",
        [table],
        |row| row.get(0),
    )?;
    let indexes = indexes_of(connection, table)?;
    let mut statement =
        connection.prepare("SELECT name, type, \"notnull\", dflt_value, pk, cid FROM pragma_table_info(?1)")?;
    let rows = statement.query_map([table], |row| {
        let name: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let primary: i64 = row.get(4)?;
        let leads = |unique: bool| {
            indexes.iter().any(|index| {
                index.unique == unique && index.columns.first() == Some(&name) && (!unique || index.columns.len() == 1)
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
            name,
        })
    })?;
    rows.collect()
}

fn indexes_of(connection: &Connection, table: &str) -> SqliteResult<Vec<Index>> {
    let mut statement = connection
        .prepare("SELECT name, \"unique\" FROM pragma_index_list(?1) WHERE origin <> 'pk' ORDER BY seq DESC")?;
    let found: Vec<(String, bool)> =
        statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<SqliteResult<_>>()?;
    let mut indexes = Vec::new();
    for (name, unique) in found {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
        let columns: Vec<String> = statement
            .query_map([&name], |row| row.get::<_, Option<String>>(0))?
            .filter_map(|column| column.transpose())
            .collect::<SqliteResult<_>>()?;
        // Ours carry their table's name; those that SQLite made itself are named after their column.
        let short = name.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        let name = short.unwrap_or_else(|| columns.first().cloned().unwrap_or_default());
        indexes.push(Index { name, unique, columns });
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
        row.extend([text("BASE TABLE"), text("SQLite"), Datum::Int(10), text("Dynamic")]);
        unknown(&mut row, 6);
        row.push(next_key);
        unknown(&mut row, 3);
        row.extend([text("utf8mb4_general_ci"), Datum::Null, text(""), text("")]);
    }
    row
}

fn column_row(database: &str, table: &str, column: &Column) -> Vec<Datum> {
    let kind = column.declared.to_mysql();
    let extent = column.declared.extent();
    let number = |number: Option<u32>| number.map_or(Datum::Null, |number| Datum::Int(number.into()));
    let (charset, collation) = if column.declared.is_text() {
        (text("utf8mb4"), text("utf8mb4_general_ci"))
    } else {
        (Datum::Null, Datum::Null)
    };
    vec![
        text("def"),
        text(database),
        text(table),
        text(&column.name),
        Datum::Int(column.position),
        column.default_value().map_or(Datum::Null, Datum::Text),
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
        text(if column.counted { "auto_increment" } else { "" }),
        text("select,insert,update,references"),
        text(""),
        text(""),
        Datum::Null,
    ]
}

fn statistics(connection: &Connection, database: &str, table: &str) -> SqliteResult<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    let mut push = |name: &str, unique: bool, columns: &[String]| {
        for (at, column) in columns.iter().enumerate() {
            let place = Datum::Int(at as i64 + 1);
            rows.push(vec![
                text("def"),
                text(database),
                text(table),
                Datum::Int(i64::from(!unique)),
                text(name),
                place,
                text(column),
                text("BTREE"),
            ]);
        }
    };
    push("PRIMARY", true, &primary_key(&columns_of(connection, table)?));
    for index in indexes_of(connection, table)? {
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

    /// The default without the quotes and parentheses that it is kept in.
    fn default_value(&self) -> Option<String> {
        let default = self.default.as_deref()?;
        let inner = default.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(default);
        if inner.eq_ignore_ascii_case("NULL") {
            return None;
        }
        if inner.eq_ignore_ascii_case("now()") {
            return Some("CURRENT_TIMESTAMP".to_owned());
        }
        let unquoted = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
        Some(unquoted.map_or_else(|| inner.to_owned(), |inner| inner.replace("''", "'")))
    }
}

/// A table's statement in MySQL's words.
pub(super) fn create_statement(
    engine: &SqliteEngine,
    database: &str,
    table: &str,
) -> Result<TableDefinition, SqlError> {
    let connection = open(engine, database)?;
    let read = || -> SqliteResult<Option<TableDefinition>> {
        let Some(found) = tables_of(&connection)?.into_iter().find(|found| found.name.eq_ignore_ascii_case(table))
        else {
            return Ok(None);
        };
        if found.is_view {
            return Ok(Some(TableDefinition { name: found.name, statement: found.sql, is_view: true }));
        }
        let columns = columns_of(&connection, &found.name)?;
        let mut lines: Vec<String> = columns.iter().map(column_line).collect();
        let list = |names: &[String]| names.iter().map(|name| backquoted(name)).collect::<Vec<_>>().join(",");
        let primary = primary_key(&columns);
        if !primary.is_empty() {
            lines.push(format!("  PRIMARY KEY ({})", list(&primary)));
        }
        for index in indexes_of(&connection, &found.name)? {
            let unique = if index.unique { "UNIQUE " } else { "" };
            lines.push(format!("  {unique}KEY {} ({})", backquoted(&index.name), list(&index.columns)));
        }
        let statement = format!(
            "CREATE TABLE {} (\n{}\n) ENGINE=SQLite DEFAULT CHARSET=utf8mb4",
            backquoted(&found.name),
            lines.join(",\n")
        );
        Ok(Some(TableDefinition { name: found.name, statement, is_view: false }))
    };
    read()
        .map_err(|error| to_mysql(&error, ""))?
        .ok_or_else(|| SqlError::new(1146, b"42S02", format!("Table '{database}.{table}' doesn't exist")))
}

fn column_line(column: &Column) -> String {
    let mut line = format!("  {} {}", backquoted(&column.name), column.declared.to_mysql());
    if column.not_null {
        line.push_str(" NOT NULL");
    }
    if column.counted {
        line.push_str(" AUTO_INCREMENT");
    } else if let Some(default) = column.default_value() {
        let bare = default == "CURRENT_TIMESTAMP";
        let default = if bare { default } else { format!("'{}'", default.replace('\'', "''")) };
        line.push_str(&format!(" DEFAULT {default}"));
    } else if !column.not_null {
        line.push_str(" DEFAULT NULL");
    }
    line
}
