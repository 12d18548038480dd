//! Has unique keys refuse what MariaDB's refuse.
//!
//! SQLite takes '2020-01-01' and '2020-01-01 00:00:00', 'a' and 'ä', and all that differs behind a key's prefix for different values. A replica
//! of MariaDB's would stop at the second row. A unique key with such a column therefore has a second index beside it, over the values' weights.
//! No listing shows it. The key's own index stays, because SQLite's foreign keys and searches need it.

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::key_weight::{FUNCTION, Kind, MARK};
use super::schema::{Column, Table, columns_of, indexes_of, primary_key};
use super::stored_definitions::StoredTable;
use crate::engine::annotations::Annotation;
use crate::engine::translate::quote;
use crate::sql::TextCharset;
use crate::sql::charset::default_collation;

/// How the indexes of a definition's tables are settled.
#[derive(Clone, Copy)]
pub(super) struct Settling<'a> {
    /// The statements of the definition, in SQLite's notation.
    pub(super) statements: &'a [String],
    /// Whether indexes are made. A source has compared the rows that it sends, perhaps by other collations.
    pub(super) makes: bool,
    /// Whether replicas get the definition.
    pub(super) is_logged: bool,
}

/// An index of weights that a key needs.
struct Wanted {
    /// The key's name.
    key: String,
    name: String,
    /// The text behind the name, which SQLite keeps.
    on: String,
}

impl Settling<'_> {
    /// Makes the indexes of weights that a table's keys need, and removes those of keys that are gone.
    ///
    /// # Errors
    /// 1062 where rows are the same for a new key, and 1235 for a key by a collation whose weights are not known.
    pub(super) fn settle(self, connection: &Connection, table: &Table) -> Result<(), SqlError> {
        let schema = quote(&table.schema)?;
        let run = |sql: &str| connection.execute_batch(sql).map_err(|error| to_mysql(&error, ""));
        let mut wanted = self.wanted(connection, table)?;
        for (name, sql) in indexes_of_weights(connection, &table.schema, &table.name)? {
            let is_same = |own: &Wanted| own.name == name && sql.ends_with(&own.on);
            match wanted.iter().position(is_same) {
                Some(at) => drop(wanted.swap_remove(at)),
                None => run(&format!("DROP INDEX {schema}.{}", quote(&name)?))?,
            }
        }
        for Wanted { key, name, on } in wanted.iter().filter(|_| self.makes) {
            match run(&format!("CREATE UNIQUE INDEX {schema}.{}{on}", quote(name)?)) {
                // Rows of an earlier version may be the same. They stay, and their key compares as before.
                Err(error) if error.code == 1062 && !self.is_new(table, key)? => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Whether the definition makes the key in a table that exists.
    fn is_new(self, table: &Table, key: &str) -> Result<bool, SqlError> {
        let name = quote(&format!("{}.{key}", table.name))?;
        Ok(self.statements.iter().any(|sql| sql.starts_with("CREATE UNIQUE INDEX ") && sql.contains(&name)))
    }

    fn wanted(self, connection: &Connection, table: &Table) -> Result<Vec<Wanted>, SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let columns = columns_of(connection, table).map_err(failed)?;
        let stored = StoredTable::read(&table.sql);
        let primary = primary_key(&columns).into_iter().map(Some).collect();
        let mut keys = vec![("PRIMARY".to_owned(), primary, stored.primary_prefixes.clone())];
        for index in indexes_of(connection, table).map_err(failed)?.into_iter().filter(|index| index.unique) {
            keys.push((index.name, index.columns, index.prefixes));
        }
        let mut wanted: Vec<Wanted> = Vec::new();
        for (key, names, prefixes) in keys {
            let (mut parts, mut is_needed, mut is_of_settled) = (Vec::new(), false, false);
            for (at, name) in names.iter().enumerate() {
                let is_named = |column: &&Column| Some(&column.name) == name.as_ref();
                // MariaDB has no keys of expressions.
                let Some(column) = columns.iter().find(is_named) else {
                    is_needed = false;
                    break;
                };
                is_of_settled |= column.generated.is_some();
                let prefix = prefixes.get(at).copied().flatten().map(|length| length as usize);
                let quoted = quote(&column.name)?;
                parts.push(match self.kind(column, &stored, prefix)? {
                    Some(kind) => {
                        is_needed = true;
                        format!("{FUNCTION}({quoted}, '{}')", kind.to_text().replace('\'', "''"))
                    }
                    None => quoted,
                });
            }
            if !is_needed {
                continue;
            }
            let mut name = format!("{MARK}{}.{key}", table.name);
            while wanted.iter().any(|own| own.name.eq_ignore_ascii_case(&name)) {
                name.push_str("_2");
            }
            let mut on = format!(" ON {} ({})", quote(&table.name)?, parts.join(", "));
            if is_of_settled {
                on.push_str(&condition_of_settled(&columns)?);
            }
            wanted.push(Wanted { key, name, on });
        }
        Ok(wanted)
    }

    /// How MariaDB compares a column's values; `None` where SQLite compares them alike.
    fn kind(self, column: &Column, table: &StoredTable, longest: Option<usize>) -> Result<Option<Kind>, SqlError> {
        let name = column.declared.name();
        Ok(match name {
            _ if is_kept_as_made(column) => Some(Kind::of_type(&column.type_text())),
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "DOUBLE" | "YEAR" | "ENUM" => None,
            "FLOAT" | "DECIMAL" | "BIT" | "DATE" | "TIME" | "DATETIME" | "TIMESTAMP" | "SET" | "UUID" => {
                Some(Kind::of_type(&column.type_text()))
            }
            // MariaDB's JSON is a text.
            "JSON" => Kind::of_text("utf8mb4_bin", false, longest),
            _ if column.declared.is_text() && column.stored.charset != TextCharset::Binary => {
                self.text_kind(column, table, longest)?
            }
            _ => Some(Kind::Bytes {
                is_padded: matches!(name, "BINARY" | "CHAR"),
                longest,
                has_numbers: column.generated.is_some(),
            }),
        })
    }

    fn text_kind(self, column: &Column, table: &StoredTable, longest: Option<usize>) -> Result<Option<Kind>, SqlError> {
        let annotations = &column.stored.annotations;
        let own = annotations.get(Annotation::Collation);
        let of_table = table.collation.as_deref().filter(|_| annotations.get(Annotation::Charset).is_none());
        let by_default = default_collation(column.stored.charset.name())?;
        let is_char = column.declared.name() == "CHAR";
        let kind = |collation| Kind::of_text(collation, is_char, longest);
        match (own, of_table) {
            (Some(collation), _) if self.is_logged && self.makes && kind(collation).is_none() => {
                let message = format!(
                    "A unique key over the column '{}' can't be in the binary log, because Sealwire does not compare by its collation {collation} as \
                     replicas do; leave COLLATE out, or use {by_default} or {}_bin",
                    column.name,
                    column.stored.charset.name()
                );
                Err(SqlError::new(1235, b"42000", message))
            }
            (Some(collation), _) => Ok(kind(collation)),
            // The log has the default collation instead.
            (None, Some(collation)) => {
                Ok(kind(collation).or_else(|| self.is_logged.then(|| kind(by_default)).flatten()))
            }
            (None, None) => Ok(kind(by_default)),
        }
    }
}

/// Whether SQLite keeps the values of a number or an ENUM as an expression makes them, and not as the column's type has them.
fn is_kept_as_made(column: &Column) -> bool {
    let is_by_value = matches!(
        column.declared.name(),
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "DOUBLE" | "YEAR" | "ENUM"
    );
    column.generated.is_some() && is_by_value
}

/// The condition that leaves a row out until its values have the form of their columns, because generated columns are made anew then.
fn condition_of_settled(columns: &[Column]) -> Result<String, SqlError> {
    let mut conditions = Vec::new();
    for column in columns.iter().filter(|column| column.generated.is_none()) {
        if let Some(kind) = Kind::form_of_type(&column.type_text()) {
            let kind = kind.to_text().replace('\'', "''");
            conditions.push(format!("{FUNCTION}({}, '{kind}') IS NOT 0", quote(&column.name)?));
        }
    }
    Ok(if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) })
}

/// Removes the indexes of weights of a table. SQLite lets no column go that an index names, and their names have their table's.
pub(super) fn remove(connection: &Connection, schema: &str, table: &str) -> Result<(), SqlError> {
    for (name, _) in indexes_of_weights(connection, schema, table)? {
        let sql = format!("DROP INDEX {}.{}", quote(schema)?, quote(&name)?);
        connection.execute_batch(&sql).map_err(|error| to_mysql(&error, ""))?;
    }
    Ok(())
}

/// The names and texts of a table's indexes of weights.
fn indexes_of_weights(connection: &Connection, schema: &str, table: &str) -> Result<Vec<(String, String)>, SqlError> {
    let sql = format!(
        "SELECT name, sql FROM {}.sqlite_master WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
        quote(schema)?
    );
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        connection.prepare(&sql)?.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let mut indexes = read().map_err(|error| to_mysql(&error, ""))?;
    indexes.retain(|(name, _)| name.starts_with(MARK));
    Ok(indexes)
}
