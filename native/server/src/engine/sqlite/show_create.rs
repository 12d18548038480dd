//! SHOW CREATE TABLE and SHOW CREATE VIEW: statements in MySQL's notation that create a table or a view again.

use rusqlite::{Connection, Result as SqliteResult};
use sealwire_core::error::SqlError;

use super::databases::Databases;
use super::errors::to_mysql;
use super::schema::{Column, Table, columns_of, indexes_of, primary_key, tables_of};
use super::stored_definitions::{self, StoredTable};
use crate::engine::TableDefinition;
use crate::engine::annotations::Annotation;
use crate::engine::translate::no_such_table;
use crate::sql::charset::default_collation;
use crate::sql::{TextCharset, backquoted, text_literal};

/// The statement that creates a table or a view again.
pub(super) fn create_statement(
    databases: &Databases,
    database: &str,
    table: &str,
) -> Result<TableDefinition, SqlError> {
    let opened = databases.open(database)?;
    let connection = &opened.connection;
    let read = || -> SqliteResult<Option<TableDefinition>> {
        let Some(found) = tables_of(connection)?.into_iter().find(|found| found.name.eq_ignore_ascii_case(table))
        else {
            return Ok(None);
        };
        if found.is_view {
            let statement = stored_definitions::view(&found.name, &found.sql);
            return Ok(Some(TableDefinition { name: found.name, statement, is_view: true }));
        }
        table_statement(connection, &found, true).map(Some)
    };
    read().map_err(|error| to_mysql(&error, ""))?.ok_or_else(|| no_such_table(database, table))
}

/// The statement that creates a table again, with its foreign keys or without.
pub(super) fn table_statement(
    connection: &Connection,
    found: &Table,
    has_foreign_keys: bool,
) -> SqliteResult<TableDefinition> {
    let columns = columns_of(connection, found)?;
    let stored = StoredTable::read(&found.sql);
    let mut lines: Vec<String> = columns.iter().map(|column| column_line(column, stored.charset)).collect();
    let list = |names: &[String]| names.iter().map(|name| backquoted(name)).collect::<Vec<_>>().join(",");
    let primary = primary_key(&columns);
    if !primary.is_empty() {
        let parts = Some(stored.primary_parts.join(",")).filter(|parts| !parts.is_empty());
        lines.push(format!("  PRIMARY KEY ({})", parts.unwrap_or_else(|| list(&primary))));
    }
    for index in indexes_of(connection, found)? {
        let unique = if index.unique { "UNIQUE " } else { "" };
        lines.push(format!("  {unique}KEY {} ({})", backquoted(&index.name), index.parts.join(",")));
    }
    let foreign_keys = stored.foreign_keys.iter().filter(|_| has_foreign_keys);
    lines.extend(foreign_keys.chain(&stored.checks).map(|line| format!("  {line}")));
    let comment = stored.comment.map(|comment| format!(" COMMENT={}", text_literal(&comment)));
    let collation = stored.collation.map(|collation| format!(" COLLATE={collation}"));
    let statement = format!(
        "CREATE TABLE {} (\n{}\n) ENGINE=SQLite DEFAULT CHARSET={}{}{}",
        backquoted(&found.name),
        lines.join(",\n"),
        stored.charset.name(),
        collation.unwrap_or_default(),
        comment.unwrap_or_default()
    );
    Ok(TableDefinition { name: found.name.clone(), statement, is_view: false })
}

fn column_line(column: &Column, of_table: TextCharset) -> String {
    let mut line = format!("  {} {}", backquoted(&column.name), column.type_text());
    let charset = column.stored.charset.name();
    let names_charset = column.declared.is_text() && column.stored.charset != of_table;
    if names_charset {
        line.push_str(&format!(" CHARACTER SET {charset}"));
    }
    // The character set tells its default collation.
    let is_told = |collation: &str| names_charset && default_collation(charset).is_ok_and(|own| own == collation);
    if let Some(collation) = column.collation().filter(|collation| !is_told(collation)) {
        line.push_str(&format!(" COLLATE {collation}"));
    }
    if let (Some(is_stored), Some(expression)) = (column.generated, &column.stored.generated) {
        line.push_str(&format!(" GENERATED ALWAYS AS ({expression}) {}", if is_stored { "STORED" } else { "VIRTUAL" }));
    }
    if column.not_null {
        line.push_str(" NOT NULL");
    }
    if column.auto_increment {
        line.push_str(" AUTO_INCREMENT");
    } else if let Some(default) = column.default_value() {
        let is_binary = column.declared.to_sqlite().contains("BLOB");
        line.push_str(&format!(" DEFAULT {}", default.into_sql(is_binary)));
    } else if !column.not_null && column.generated.is_none() {
        line.push_str(" DEFAULT NULL");
    }
    if let Some(value) = column.stored.annotations.get(Annotation::OnUpdate) {
        line.push_str(&format!(" ON UPDATE {value}"));
    }
    if let Some(comment) = column.stored.annotations.get(Annotation::Comment) {
        line.push_str(&format!(" COMMENT {}", text_literal(comment)));
    }
    line
}
