//! Has unique keys refuse what MariaDB's refuse.
//!
//! SQLite takes '2020-01-01' and '2020-01-01 00:00:00', 'a' and 'ä', and all that differs behind a key's prefix for different values. A replica
//! of MariaDB's would stop at the second row. A unique key with such a column therefore has a second index beside it, over the values' weights.
//! No listing shows it. The key's own index stays, because SQLite's foreign keys and searches need it.
//!
//! A source's key over a text whose collation tells more texts apart than SQLite's NOCASE compares bytes, so that no row of the source is refused. It
//! has such indexes, too: one by which statements of the source find the same texts as there, and one by which foreign keys and searches ignore case.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::key_weight::{FUNCTION, Kind, MARK};
use super::schema::{Column, Table, columns_of, indexes_of, primary_key};
use super::stored_definitions::StoredTable;
use crate::engine::annotations::Annotation;
use crate::engine::translate::quote;
use crate::sql::charset::default_collation;
use crate::sql::collations::compares_bytes;
use crate::sql::{AsciiCase, TextCharset};

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
    purpose: Purpose,
}

/// The use of an index that no listing shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It refuses what MariaDB's key refuses.
    Weights,
    /// The same for a key of a source's table that compares bytes. The source has compared the rows.
    SourceWeights,
    /// Searches of columns whose key compares bytes.
    Search,
    /// The same where a foreign key refers to them, which needs a unique index.
    Reference,
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
            let is_unique = sql.starts_with("CREATE UNIQUE ");
            let is_same = |own: &Wanted| {
                own.name == name && sql.ends_with(&own.on) && is_unique == (own.purpose != Purpose::Search)
            };
            match wanted.iter().position(is_same) {
                Some(at) => drop(wanted.swap_remove(at)),
                None => run(&format!("DROP INDEX {schema}.{}", quote(&name)?))?,
            }
        }
        for Wanted { key, name, on, purpose } in &wanted {
            if *purpose == Purpose::Weights && !self.makes {
                continue;
            }
            let unique = if *purpose == Purpose::Search { "" } else { "UNIQUE " };
            match run(&format!("CREATE {unique}INDEX {schema}.{}{on}", quote(name)?)) {
                Err(error) if error.code == 1062 && *purpose == Purpose::SourceWeights => {}
                // Rows of an earlier version may be the same. They stay, and their key compares as before.
                Err(error) if error.code == 1062 && *purpose == Purpose::Weights && !self.is_new(table, key)? => {}
                made => made?,
            }
        }
        Ok(())
    }

    /// Settles the tables to which the foreign keys of a source's table refer.
    ///
    /// # Errors
    /// 1062 where rows of such a table differ in the case of ASCII letters alone.
    pub(super) fn settle_parents(self, connection: &Connection, table: &Table) -> Result<(), SqlError> {
        if self.makes {
            return Ok(());
        }
        let sql = format!(
            "SELECT DISTINCT m.name, m.sql FROM pragma_foreign_key_list(?1, ?2) AS f, {}.sqlite_master AS m \
             WHERE m.type = 'table' AND m.name = f.\"table\" COLLATE NOCASE AND m.name <> ?1 COLLATE NOCASE",
            quote(&table.schema)?
        );
        let read = || -> rusqlite::Result<Vec<Table>> {
            let mut statement = connection.prepare(&sql)?;
            let parents = statement.query_map([&table.name, &table.schema], |row| {
                Ok(Table { schema: table.schema.clone(), name: row.get(0)?, is_view: false, sql: row.get(1)? })
            })?;
            parents.collect()
        };
        read().map_err(|error| to_mysql(&error, ""))?.iter().try_for_each(|parent| self.settle(connection, parent))
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
        let by_bytes = keys_by_bytes(connection, table, &columns).map_err(failed)?;
        for (key, names, prefixes) in keys {
            if by_bytes.contains(&names) {
                self.add_for_bytes(connection, table, &key, &names, &columns, &mut wanted)?;
            }
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
            let mut on = format!(" ON {} ({})", quote(&table.name)?, parts.join(", "));
            if is_of_settled {
                on.push_str(&condition_of_settled(&columns)?);
            }
            add(&mut wanted, table, key, on, Purpose::Weights);
        }
        Ok(wanted)
    }

    /// Adds the indexes of a key that compares bytes in columns that ignore case.
    fn add_for_bytes(
        self,
        connection: &Connection,
        table: &Table,
        key: &str,
        names: &[Option<String>],
        columns: &[Column],
        wanted: &mut Vec<Wanted>,
    ) -> Result<(), SqlError> {
        let (mut weights, mut whole, mut has_spellings) = (Vec::new(), Vec::new(), false);
        for name in names {
            let Some(column) = columns.iter().find(|column| Some(&column.name) == name.as_ref()) else { return Ok(()) };
            let quoted = quote(&column.name)?;
            weights.push(match AsciiCase::of(column.named_collation()) {
                AsciiCase::IgnoredBut(spellings) if column.tells_case() => {
                    has_spellings = true;
                    let kind = Kind::Cased { spellings: spellings.iter().map(|text| (*text).to_owned()).collect() };
                    format!("{FUNCTION}({quoted}, '{}')", kind.to_text())
                }
                _ if column.tells_case() => format!("{quoted} COLLATE BINARY"),
                _ => quoted.clone(),
            });
            whole.push(quoted);
        }
        let on = |parts: &[String]| Ok::<_, SqlError>(format!(" ON {} ({})", quote(&table.name)?, parts.join(", ")));
        if has_spellings && !self.makes {
            add(wanted, table, key.to_owned(), on(&weights)?, Purpose::SourceWeights);
        }
        let is_referred = is_referred(connection, table, names).map_err(|error| to_mysql(&error, ""))?;
        let purpose = if is_referred { Purpose::Reference } else { Purpose::Search };
        add(wanted, table, key.to_owned(), on(&whole)?, purpose);
        Ok(())
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
        let kind = |collation: &str| Kind::of_text(collation, is_char, longest);
        // Where the weights are not known, a prefix is the same if its bytes are.
        let by_bytes = |collation: &str| {
            let known = format!("{}_bin", column.stored.charset.name());
            longest.and_then(|_| kind(&counting_spaces_alike(&known, collation)))
        };
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
            (Some(collation), _) => Ok(kind(collation).or_else(|| by_bytes(collation))),
            // The log has the default collation instead.
            (None, Some(collation)) if self.is_logged => Ok(kind(collation).or_else(|| kind(by_default))),
            (None, Some(collation)) if compares_bytes(collation) => Ok(kind(collation).or_else(|| by_bytes(collation))),
            (None, Some(collation)) => {
                Ok(kind(collation).or_else(|| kind(&counting_spaces_alike(by_default, collation))))
            }
            (None, None) => Ok(kind(by_default)),
        }
    }
}

/// A collation whose weights are known, with NO PAD where the one in whose place it stands has that.
fn counting_spaces_alike(known: &str, collation: &str) -> String {
    let counts_spaces = collation.contains("nopad_") || collation.contains("0900_");
    match known.rsplit_once('_').filter(|_| counts_spaces) {
        Some((front, end)) => format!("{front}_nopad_{end}"),
        None => known.to_owned(),
    }
}

fn add(wanted: &mut Vec<Wanted>, table: &Table, key: String, on: String, purpose: Purpose) {
    let mut name = format!("{MARK}{}.{key}", table.name);
    while wanted.iter().any(|own| own.name.eq_ignore_ascii_case(&name)) {
        name.push_str("_2");
    }
    wanted.push(Wanted { key, name, on, purpose });
}

/// The columns of the unique keys, the primary one among them, that compare bytes in a column that ignores case.
fn keys_by_bytes(
    connection: &Connection,
    table: &Table,
    columns: &[Column],
) -> rusqlite::Result<BTreeSet<Vec<Option<String>>>> {
    let sql = format!(
        "SELECT l.seq, x.name, x.coll FROM pragma_index_list(?1, ?2) AS l, pragma_index_xinfo(l.name, ?2) AS x \
         WHERE l.\"unique\" AND l.name NOT GLOB '{MARK}*' AND x.key ORDER BY l.seq, x.seqno"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([&table.name, &table.schema])?;
    let mut keys: Vec<(i64, bool, Vec<Option<String>>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (index, name, collation): (i64, Option<String>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let is_other = |column: &Column| Some(&column.name) == name.as_ref() && column.tells_case();
        let is_by_bytes = collation == "BINARY" && columns.iter().any(is_other);
        match keys.last_mut().filter(|(last, ..)| *last == index) {
            Some((_, is_any, names)) => {
                *is_any |= is_by_bytes;
                names.push(name);
            }
            None => keys.push((index, is_by_bytes, vec![name])),
        }
    }
    Ok(keys.into_iter().filter(|(_, is_any, _)| *is_any).map(|(.., names)| names).collect())
}

/// Whether a foreign key refers to these columns.
fn is_referred(connection: &Connection, table: &Table, columns: &[Option<String>]) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT m.name, f.id, f.\"to\" FROM `{}`.sqlite_master AS m, pragma_foreign_key_list(m.name, ?2) AS f \
         WHERE m.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE ORDER BY m.name, f.id, f.seq",
        table.schema.replace('`', "``")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([&table.name, &table.schema])?;
    let mut keys: Vec<((String, i64), BTreeSet<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (own, to) = ((row.get(0)?, row.get(1)?), row.get::<_, Option<String>>(2)?.unwrap_or_default());
        match keys.last_mut().filter(|(last, _)| *last == own) {
            Some((_, names)) => _ = names.insert(to.to_ascii_lowercase()),
            None => keys.push((own, BTreeSet::from([to.to_ascii_lowercase()]))),
        }
    }
    let columns: BTreeSet<String> = columns.iter().flatten().map(|name| name.to_ascii_lowercase()).collect();
    Ok(keys.iter().any(|(_, names)| *names == columns))
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
