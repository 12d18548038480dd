//! The limits of foreign keys, which are MySQL's with InnoDB. SQLite checks a foreign key when rows change, a replica when the key is defined.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::schema::{Column, Index, Table, columns_of, indexes_of, primary_key};
use super::stored_definitions::{StoredTable, names_column};
use crate::engine::LONGEST_NAME;
use crate::engine::annotations::{Annotation, NUMBERED};
use crate::engine::translate::{quote, unsupported};
use crate::engine::types::DeclaredType;
use crate::sql::charset::default_collation;
use crate::sql::{KeyCollation, TextCharset};

/// The facts by which the foreign keys of a definition are checked.
pub(super) struct ForeignKeyCheck<'a> {
    pub(super) connection: &'a Connection,
    pub(super) database: &'a str,
    pub(super) flavour: Flavour,
    /// Whether a table that is referred to may be missing: `foreign_key_checks` is 0.
    pub(super) may_miss: bool,
    /// Whether the statement drops an index.
    pub(super) drops_index: bool,
    /// The names of the keys that the statement adds, and of the columns that it renames. InnoDB looks for a key of renamed columns among those that
    /// the table had.
    pub(super) added: Vec<&'a str>,
    pub(super) renamed: Vec<&'a str>,
    /// Whether the statement creates the table.
    pub(super) creates: bool,
    /// Whether the names and indexes of the foreign keys are checked. The source of a replica has checked them.
    pub(super) is_source: bool,
}

/// A table with its columns and keys.
struct Described {
    table: Table,
    columns: Vec<Column>,
    indexes: Vec<Index>,
    /// The collation that the definition names for columns that name none.
    collation: Option<String>,
}

impl Described {
    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The collation of a text that replicas get; `None` for other values.
    fn collation(&self, column: &Column) -> Result<Option<String>, SqlError> {
        if !column.declared.is_text() || column.stored.charset == TextCharset::Binary {
            return Ok(None);
        }
        let annotations = &column.stored.annotations;
        let of_table = || self.collation.as_deref().filter(|_| annotations.get(Annotation::Charset).is_none());
        let named = annotations.get(Annotation::Collation).or_else(of_table);
        let known = named.filter(|name| KeyCollation::named(name).is_some());
        let by_default = default_collation(column.stored.charset.name())?;
        Ok(Some(known.unwrap_or(by_default).to_owned()))
    }

    /// Refuses a key that changes a generated column, or one of which another is computed and stored, as MariaDB does.
    ///
    /// # Errors
    /// 1901 and 1905.
    fn check_generated(&self, key: &Key) -> Result<(), SqlError> {
        let Some(clause) = key.changes() else { return Ok(()) };
        for from in &key.from {
            if self.column(from).is_some_and(|column| column.generated.is_some()) {
                let message = format!("Cannot define foreign key with {clause} clause on a generated column");
                return Err(SqlError::new(1905, b"HY000", message));
            }
            let computes = |column: &&Column| {
                let expression = column.stored.generated.as_deref();
                column.generated == Some(true) && expression.is_some_and(|text| names_column(text, from))
            };
            if let Some(column) = self.columns.iter().find(computes) {
                let message = format!(
                    "Function or expression '{from}' cannot be used in the GENERATED ALWAYS AS clause of `{}`: its foreign key has {clause}",
                    column.name
                );
                return Err(SqlError::new(1901, b"HY000", message));
            }
        }
        Ok(())
    }

    /// Whether a unique key has these columns and no others.
    fn has_unique_key(&self, columns: &[String]) -> bool {
        let is = |key: &[Option<String>]| key.len() == columns.len() && begins(key, columns);
        let primary: Vec<Option<String>> = primary_key(&self.columns).into_iter().map(Some).collect();
        is(&primary) || self.indexes.iter().any(|index| index.unique && is(&whole_parts(index)))
    }

    /// Whether a key but those of these names begins with these columns. InnoDB's keys go on with the columns of the primary key, or of the first
    /// unique one without NULL.
    fn has_key(&self, columns: &[String], but: &[&str]) -> bool {
        let mut clustered: Vec<Option<String>> = primary_key(&self.columns).into_iter().map(Some).collect();
        let is_set = |part: &Option<String>| {
            part.as_ref().and_then(|name| self.column(name)).is_some_and(|column| column.not_null)
        };
        if clustered.is_empty() {
            let unique = self.indexes.iter().filter(|index| index.unique).map(whole_parts);
            clustered = { unique }.find(|parts| parts.iter().all(is_set)).unwrap_or_default();
        }
        let goes_on = |index: &Index| {
            let mut parts = whole_parts(index);
            let more: Vec<_> = clustered.iter().filter(|part| !parts.contains(part)).cloned().collect();
            parts.extend(more);
            begins(&parts, columns)
        };
        let counts = |index: &&Index| !but.iter().any(|name| index.name.eq_ignore_ascii_case(name));
        begins(&clustered, columns) || self.indexes.iter().filter(counts).any(goes_on)
    }
}

/// The parts of an index that are whole columns; `None` for others.
fn whole_parts(index: &Index) -> Vec<Option<String>> {
    let is_whole = |at: usize| index.prefixes.get(at).is_none_or(Option::is_none);
    index.columns.iter().enumerate().map(|(at, column)| column.clone().filter(|_| is_whole(at))).collect()
}

/// Whether a key of these parts begins with these columns.
fn begins(parts: &[Option<String>], columns: &[String]) -> bool {
    let is = |part: &Option<String>, column: &String| part.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(column));
    parts.len() >= columns.len() && parts.iter().zip(columns).all(|(part, column)| is(part, column))
}

/// A foreign key as SQLite lists it.
struct Key {
    parent: String,
    from: Vec<String>,
    to: Vec<String>,
    on_update: String,
    on_delete: String,
}

impl Key {
    fn sets_null(&self) -> bool {
        [&self.on_update, &self.on_delete].iter().any(|action| *action == "SET NULL")
    }

    /// The clause that changes the columns of the key.
    fn changes(&self) -> Option<String> {
        match (&*self.on_update, &*self.on_delete) {
            (action @ ("CASCADE" | "SET NULL"), _) => Some(format!("ON UPDATE {action}")),
            (_, "SET NULL") => Some("ON DELETE SET NULL".to_owned()),
            _ => None,
        }
    }
}

impl ForeignKeyCheck<'_> {
    /// Checks the foreign keys of a table and those that refer to it.
    ///
    /// # Errors
    /// MySQL's 1553, 1822, 1824, 1826, 1830, 3734 and 3780, or MariaDB's 1005 for all but the first.
    pub(super) fn check(&self, table: Table) -> Result<(), SqlError> {
        let own = self.described(table)?;
        let keys = self.keys(&own.table)?;
        for key in &keys {
            self.check_key(&own, key)?;
            if self.flavour == Flavour::MariaDb {
                own.check_generated(key)?;
            }
            let is_renamed = |name: &String| self.renamed.iter().any(|new| name.eq_ignore_ascii_case(new));
            let but = if key.from.iter().any(is_renamed) { self.added.as_slice() } else { &[] };
            if !self.is_source || own.has_key(&key.from, but) {
                continue;
            }
            if self.creates {
                let message = "Failed to add the foreign key constraint. A FULLTEXT key does not serve it";
                return Err(self.refusal(&own, 1822, message.to_owned()));
            }
            if self.drops_index && !self.may_miss {
                return Err(SqlError::new(1553, b"HY000", "Cannot drop an index that a foreign key constraint needs"));
            }
        }
        if !keys.is_empty() && self.is_source {
            self.check_names(&own.table)?;
        }
        for child in self.tables()? {
            if child.name == own.table.name {
                continue;
            }
            let keys = self.keys(&child)?;
            if !keys.iter().any(|key| key.parent.eq_ignore_ascii_case(&own.table.name)) {
                continue;
            }
            let child = self.described(child)?;
            for key in keys.iter().filter(|key| key.parent.eq_ignore_ascii_case(&own.table.name)) {
                let checked = self.check_key(&child, key);
                if checked.is_err() && self.drops_index {
                    return Err(SqlError::new(
                        1553,
                        b"HY000",
                        "Cannot drop an index that a foreign key of another table needs",
                    ));
                }
                checked?;
            }
        }
        Ok(())
    }

    fn check_key(&self, child: &Described, key: &Key) -> Result<(), SqlError> {
        let parent = if key.parent.eq_ignore_ascii_case(&child.table.name) {
            None
        } else {
            match self.table(&key.parent)? {
                Some(parent) => Some(self.described(parent)?),
                None if self.may_miss => return Ok(()),
                None => {
                    let message = format!("Failed to open the referenced table '{}'", key.parent);
                    return Err(self.refusal(child, 1824, message));
                }
            }
        };
        let parent = parent.as_ref().unwrap_or(child);
        for (from, to) in key.from.iter().zip(&key.to) {
            let Some(to_column) = parent.column(to) else {
                let message = format!(
                    "Failed to add the foreign key constraint. Missing column '{to}' in the referenced table '{}'",
                    key.parent
                );
                return Err(self.refusal(child, 3734, message));
            };
            let Some(from_column) = child.column(from) else { continue };
            let is_collated_alike = child.collation(from_column)? == parent.collation(to_column)?;
            if !is_collated_alike || !is_compatible(from_column, to_column) {
                let message = format!(
                    "Referencing column '{from}' and referenced column '{to}' in foreign key constraint are incompatible."
                );
                return Err(self.refusal(child, 3780, message));
            }
            if key.sets_null() && from_column.not_null {
                let message =
                    format!("Column '{from}' cannot be NOT NULL: needed in a foreign key constraint SET NULL");
                return Err(self.refusal(child, 1830, message));
            }
        }
        if !parent.has_unique_key(&key.to) {
            let message = format!(
                "Failed to add the foreign key constraint. Missing unique index for it in the referenced table '{}'",
                key.parent
            );
            return Err(self.refusal(child, 1822, message));
        }
        Ok(())
    }

    /// Refuses the name of a foreign key that another one of the database has.
    fn check_names(&self, own: &Table) -> Result<(), SqlError> {
        let is_mariadb = self.flavour == Flavour::MariaDb;
        if is_mariadb && own.name.contains(NUMBERED) {
            return Err(unsupported(
                "a foreign key of a table whose name contains _ibfk_, because InnoDB renames it otherwise",
            ));
        }
        let mut taken = BTreeSet::new();
        for table in self.tables()?.iter().filter(|table| table.name != own.name) {
            taken.extend(self.names(table).iter().map(|name| self.compared(name)));
        }
        let mut clash = None;
        for name in self.names(own) {
            if is_mariadb && name.chars().count() > LONGEST_NAME {
                return Err(SqlError::new(1059, b"42000", format!("Identifier name '{name}' is too long")));
            }
            if !taken.insert(self.compared(&name)) {
                clash = clash.or(Some(name));
            }
        }
        match clash {
            None => Ok(()),
            Some(name) if self.flavour == Flavour::MariaDb => {
                let message = format!(
                    "Can't create table `{}`.`{}` (errno: 121 \"Duplicate key on write or update\"): the foreign key `{name}` exists",
                    self.database, own.name
                );
                Err(SqlError::new(1005, b"HY000", message))
            }
            Some(name) => {
                let message = format!("Duplicate foreign key constraint name '{name}'");
                Err(SqlError::new(1826, b"HY000", message))
            }
        }
    }

    /// The names of a table's foreign keys: those of the definition, and for MariaDB those that InnoDB gives to keys without one.
    fn names(&self, table: &Table) -> Vec<String> {
        let stored = StoredTable::read(&table.sql);
        let mut names = stored.foreign_key_names();
        if self.flavour == Flavour::MariaDb {
            let unnamed = stored.foreign_keys.len().saturating_sub(names.len());
            names.extend((1..=unnamed).map(|number| format!("{}{NUMBERED}{number}", table.name)));
        }
        names
    }

    /// A name as it is compared with others. InnoDB compares the bytes of UTF-8 as if they were characters of latin1.
    fn compared(&self, name: &str) -> String {
        let swedish = KeyCollation::named("latin1_swedish_ci").filter(|_| self.flavour == Flavour::MariaDb);
        let bytes: String = name.bytes().map(char::from).collect();
        swedish.map_or_else(|| name.to_ascii_lowercase(), |swedish| swedish.folded(&bytes, None))
    }

    /// The error in MySQL's words, or in MariaDB's, which has one for all.
    fn refusal(&self, child: &Described, code: u16, message: String) -> SqlError {
        if self.flavour == Flavour::MySql {
            return SqlError::new(code, b"HY000", message);
        }
        let message = format!(
            "Can't create table `{}`.`{}` (errno: 150 \"Foreign key constraint is incorrectly formed\"): {message}",
            self.database, child.table.name
        );
        SqlError::new(1005, b"HY000", message)
    }

    fn described(&self, table: Table) -> Result<Described, SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let columns = columns_of(self.connection, &table).map_err(failed)?;
        let indexes = indexes_of(self.connection, &table).map_err(failed)?;
        let collation = StoredTable::read(&table.sql).collation;
        Ok(Described { table, columns, indexes, collation })
    }

    fn schema(&self) -> String {
        crate::engine::translate::schema_of(self.database).into_owned()
    }

    fn table(&self, name: &str) -> Result<Option<Table>, SqlError> {
        let schema = self.schema();
        let sql = format!(
            "SELECT name, sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
            quote(&schema)?
        );
        let read = self.connection.query_row(&sql, [name], |row| {
            Ok(Table { schema: schema.clone(), name: row.get(0)?, is_view: false, sql: row.get(1)? })
        });
        read.optional().map_err(|error| to_mysql(&error, ""))
    }

    /// The tables of the database that may have foreign keys.
    fn tables(&self) -> Result<Vec<Table>, SqlError> {
        let schema = self.schema();
        let sql = format!(
            "SELECT name, sql FROM {}.sqlite_master WHERE type = 'table' AND sql LIKE '%FOREIGN KEY%'",
            quote(&schema)?
        );
        let read = || -> rusqlite::Result<Vec<Table>> {
            let mut statement = self.connection.prepare(&sql)?;
            let tables = statement.query_map([], |row| {
                Ok(Table { schema: schema.clone(), name: row.get(0)?, is_view: false, sql: row.get(1)? })
            })?;
            tables.collect()
        };
        read().map_err(|error| to_mysql(&error, ""))
    }

    fn keys(&self, table: &Table) -> Result<Vec<Key>, SqlError> {
        let read = || -> rusqlite::Result<Vec<Key>> {
            let mut statement = self.connection.prepare(
                "SELECT id, \"table\", \"from\", coalesce(\"to\", ''), on_update, on_delete \
                 FROM pragma_foreign_key_list(?1, ?2) ORDER BY id, seq",
            )?;
            let mut rows = statement.query([&table.name, &table.schema])?;
            let mut keys: Vec<(i64, Key)> = Vec::new();
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if keys.last().is_none_or(|(last, _)| *last != id) {
                    let (on_update, on_delete) = (row.get(4)?, row.get(5)?);
                    let key = Key { parent: row.get(1)?, from: Vec::new(), to: Vec::new(), on_update, on_delete };
                    keys.push((id, key));
                }
                if let Some((_, key)) = keys.last_mut() {
                    key.from.push(row.get(2)?);
                    key.to.push(row.get(3)?);
                }
            }
            Ok(keys.into_iter().map(|(_, key)| key).collect())
        };
        let mut keys: Vec<Key> = read().map_err(|error| to_mysql(&error, ""))?;
        // SQLite does not have the action of a key of a table to itself, which replicas judge.
        let stored = StoredTable::read(&table.sql).foreign_keys;
        let shown = |action: &&str| stored.iter().any(|key| key.ends_with(&format!(" ON UPDATE {action}")));
        if let Some(action) = ["CASCADE", "SET NULL"].iter().find(|action| shown(action)) {
            for key in keys.iter_mut().filter(|key| key.parent.eq_ignore_ascii_case(&table.name)) {
                key.on_update = (*action).to_owned();
            }
        }
        Ok(keys)
    }
}

/// Whether a foreign key may join two columns: numbers of the same type, texts of the same character set and collation.
fn is_compatible(one: &Column, other: &Column) -> bool {
    let kind = |column: &Column| match column.stored.annotations.get(Annotation::Type) {
        Some(written) if column.auto_increment => DeclaredType::parse(written),
        _ => column.declared.clone(),
    };
    let (one_kind, other_kind) = (kind(one), kind(other));
    if one_kind.is_text() || other_kind.is_text() {
        let texts = (one_kind.is_text(), other_kind.is_text()) == (true, true);
        let set = |column: &Column| (column.stored.charset, column.stored.ignores_case);
        return texts && set(one) == set(other);
    }
    let is_decimal = one_kind.name() == "DECIMAL";
    one_kind.name() == other_kind.name()
        && one_kind.is_unsigned() == other_kind.is_unsigned()
        && (!is_decimal || one_kind.arguments() == other_kind.arguments())
}
