//! The tables of `information_schema` whose rows come from the databases' files.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Result as SqliteResult};
use sealwire_core::error::SqlError;

use super::databases::Databases;
use super::schema::{Column, Table, columns_of, indexes_of, primary_key, tables_of};
use super::show_create::table_statement;
use super::stored_definitions::StoredTable;
use super::stored_relations;
use super::table_filter::TableFilter;
use crate::engine::annotations::Annotation;
use crate::engine::translate::temporary_name;
use crate::engine::{Interruption, LOG_TABLES, SYSTEM_DATABASES, SessionContext, SystemTable, UnlistedTable, stopped};
use crate::sql::charset::default_collation;
use crate::sql::collations::compares_bytes;
use crate::sql::{Datum, backquoted};

/// Reads TABLES, COLUMNS or STATISTICS, as far as the filter lets rows through.
pub(super) fn table(
    databases: &Databases,
    name: &str,
    filter: &TableFilter,
    context: &dyn SessionContext,
    interruption: &Interruption,
) -> Result<Option<SystemTable>, SqlError> {
    let mut rows = Vec::new();
    if name == "tables" {
        for log in LOG_TABLES.into_iter().filter(|log| context.sees("mysql", log)) {
            let table = Table { schema: "main".to_owned(), name: log.to_owned(), is_view: false, sql: String::new() };
            rows.push(table_row("mysql", &table, Datum::Null));
        }
    }
    for database in databases.list()? {
        if SYSTEM_DATABASES.contains(&database.as_str()) || !filter.matches_schema(&database) {
            continue;
        }
        // Databases that the account may not see are not opened, because most accounts see few.
        if !context.sees_database(&database) {
            continue;
        }
        // A database that can't be read must not fail a query about others.
        let Ok(opened) = databases.open(&database) else { continue };
        let connection = &opened.connection;
        let Ok(mut tables) = tables_of(connection) else { continue };
        let matches = |table: &Table| filter.matches_table(&table.name) && context.sees(&database, &table.name);
        if name == "columns" {
            tables = with_readable_views(connection, tables, matches, interruption);
        }
        let mut of_database = Vec::new();
        for table in tables {
            if interruption.is_stopped() {
                return Err(stopped(interruption));
            }
            if !matches(&table) {
                // SQLite caches these columns, which the columns of another view may need.
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
            // A view whose tables are gone has no columns.
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

/// Leaves out the views whose columns take SQLite too long to find, and those that nobody asks for. SQLite finds a view's columns together
/// with those of all views that it reads, ignores stops meanwhile, and caches the result. Views that others read therefore come first.
fn with_readable_views(
    connection: &Connection,
    tables: Vec<Table>,
    matches: impl Fn(&Table) -> bool,
    interruption: &Interruption,
) -> Vec<Table> {
    let (views, mut tables): (Vec<Table>, Vec<Table>) = tables.into_iter().partition(|table| table.is_view);
    let wanted = views.iter().filter(|view| matches(view)).map(|view| (view.name.as_str(), view.sql.as_str()));
    let order = stored_relations::readable_views(connection, wanted, interruption);
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

/// A temporary table of this connection.
pub(super) fn temporary_table(
    connection: &Connection,
    database: &str,
    table: &str,
) -> SqliteResult<Option<UnlistedTable>> {
    let inner = temporary_name(database, table);
    let mut statement =
        connection.prepare("SELECT coalesce(sql, '') FROM temp.sqlite_master WHERE type = 'table' AND name = ?1")?;
    let Some(sql) = statement.query_row([&inner], |row| row.get(0)).optional()? else { return Ok(None) };
    let annotations = Table { schema: "temp".to_owned(), name: inner, is_view: false, sql };
    let mut definition = table_statement(connection, &annotations, true)?;
    definition.statement = definition.statement.replacen(
        &format!("CREATE TABLE {}", backquoted(&annotations.name)),
        &format!("CREATE TEMPORARY TABLE {}", backquoted(table)),
        1,
    );
    table.clone_into(&mut definition.name);
    let columns =
        columns_of(connection, &annotations)?.iter().map(|column| column_row(database, table, column)).collect();
    let mut keys = statistics(connection, database, &annotations)?;
    for name in keys.iter_mut().filter_map(|row| row.get_mut(TABLE_NAME)) {
        *name = text(table);
    }
    Ok(Some(UnlistedTable {
        definition,
        columns: SystemTable { columns: COLUMNS.to_vec(), rows: columns },
        keys: SystemTable { columns: STATISTICS.to_vec(), rows: keys },
    }))
}

/// The index of the table's name in each row.
const TABLE_NAME: usize = 2;

fn text(value: impl Into<String>) -> Datum {
    Datum::Text(value.into())
}

/// The next AUTO_INCREMENT value; NULL where the table has no such column.
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

/// A row of TABLES. Sizes and times are NULL, because SQLite does not record them.
fn table_row(database: &str, table: &Table, next_key: Datum) -> Vec<Datum> {
    let mut row = vec![text("def"), text(database), text(&table.name)];
    let unknown = |row: &mut Vec<Datum>, count| row.extend(std::iter::repeat_n(Datum::Null, count));
    if table.is_view {
        row.push(text("VIEW"));
        unknown(&mut row, 15);
        row.extend([Datum::Null, text("VIEW")]);
    } else {
        let stored = StoredTable::read(&table.sql);
        let by_default = default_collation(stored.charset.name()).unwrap_or_default();
        let collation = stored.collation.as_deref().unwrap_or(by_default);
        let comment = stored.comment.unwrap_or_default();
        row.extend([text("BASE TABLE"), text("SQLite"), Datum::Int(10), text("Dynamic")]);
        unknown(&mut row, 6);
        row.push(next_key);
        unknown(&mut row, 3);
        row.extend([text(collation), Datum::Null, text(""), text(comment)]);
    }
    row
}

fn column_row(database: &str, table: &str, column: &Column) -> Vec<Datum> {
    let kind = column.type_text();
    let extent = column.extent();
    let number = |number: Option<u32>| number.map_or(Datum::Null, |number| Datum::Int(number.into()));
    let (charset, collation) = if column.declared.is_text() {
        let charset = column.stored.charset.name();
        let named = column.named_collation();
        let is_so = compares_bytes(named) != column.stored.ignores_case;
        let by_default = || if is_so { named } else { default_collation(charset).unwrap_or_default() };
        (text(charset), text(column.collation().unwrap_or_else(by_default)))
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
        text(column.stored.annotations.get(Annotation::Comment).unwrap_or_default()),
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
    for index in indexes_of(connection, table)? {
        push(&index.name, index.unique, &index.columns);
    }
    Ok(rows)
}
