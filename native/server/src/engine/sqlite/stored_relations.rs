//! Weighs statements together with the tables and views that they read: see [`weight`].
//!
//! Most statements need no weighing here, because they read no view and are light with any tables. The connection forbids views to SQLite;
//! a statement that fails for that reason is weighed and compiled again with views allowed.

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _};
use sealwire_core::error::SqlError;
use sqlparser::ast::{Expr, SelectItem, SetExpr, Statement, TableConstraint};

use super::errors::to_mysql;
use super::key_weight::MARK;
use super::stored_definitions::{self, StoredTable};
use crate::engine::translate::weight::{self, MOST, Relation, Tables, too_complex};
use crate::engine::translate::{ParseBudget, Temporaries, quote, schema_of, temporary_name, tree};
use crate::engine::{Interruption, is_system_database};

/// The code of the error where there is no memory.
const OUT_OF_MEMORY: u16 = 1041;
/// The most views that a statement may read, directly and through other views.
const MOST_VIEWS: usize = 1_000;

/// Allows views on a connection until it is dropped.
pub(super) struct ViewsAllowed<'a>(&'a Connection);

impl<'a> ViewsAllowed<'a> {
    /// Allows views.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn allow(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, true)?;
        Ok(Self(connection))
    }

    /// Whether SQLite refused a statement because it reads a view.
    pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
        matches!(error, rusqlite::Error::SqliteFailure(_, Some(text)) | rusqlite::Error::SqlInputError { msg: text, .. }
            if text.starts_with("access to view ") && text.ends_with(" prohibited"))
    }
}

impl Drop for ViewsAllowed<'_> {
    fn drop(&mut self) {
        // Setting this option can't fail on an open connection.
        let _ = self.0.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false);
    }
}

/// The database, and the table or view in lower case.
type Key = (String, String);

/// The tables and views of a connection.
pub(super) struct StoredRelations<'a> {
    connection: &'a Connection,
    database: Option<String>,
    temporaries: &'a Temporaries,
    /// Whether all tables are in the connection's own file, whatever the database's name.
    is_of_file: bool,
    known: HashMap<Key, Rc<Relation>>,
    /// The views in the order in which they were weighed: a view comes behind those that it reads.
    order: Vec<Key>,
    /// Texts of views whose weight is needed and not known yet.
    missing: Vec<(Key, String)>,
    failed: Option<rusqlite::Error>,
    /// Counts memory and checks for stops while statements and views are parsed.
    budget: &'a dyn ParseBudget,
}

impl<'a> StoredRelations<'a> {
    /// `database` is the database of names without one.
    pub(super) fn new(
        connection: &'a Connection,
        database: Option<&str>,
        temporaries: &'a Temporaries,
        budget: &'a dyn ParseBudget,
    ) -> Self {
        Self {
            connection,
            database: database.map(str::to_owned),
            temporaries,
            is_of_file: false,
            known: HashMap::new(),
            order: Vec::new(),
            missing: Vec::new(),
            failed: None,
            budget,
        }
    }

    /// Returns the weight of a statement, and refuses one that is too heavy.
    ///
    /// # Errors
    /// 1436, those of [`ParseBudget`], and SQLite's.
    pub(super) fn check(&mut self, sql: &str) -> Result<u64, SqlError> {
        let tree = tree(sql, self.budget)?;
        let statement = &tree.statement;
        let mut weight = weight::of(statement, self);
        self.budget.check_stop()?;
        if !self.missing.is_empty() {
            self.weigh_views()?;
            weight = weight::of(statement, self);
        }
        self.fail()?;
        if weight > MOST { Err(too_complex("the statement")) } else { Ok(weight) }
    }

    /// Refuses a database in which any view is too heavy.
    ///
    /// # Errors
    /// 1436, and SQLite's.
    pub(super) fn check_views(&mut self) -> Result<(), SqlError> {
        let database = self.database.clone().unwrap_or_default();
        let sql = format!("SELECT name, sql FROM {}.sqlite_master WHERE type = 'view'", quote(&schema_of(&database))?);
        let read = || -> rusqlite::Result<Vec<(String, String)>> {
            self.connection.prepare(&sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        for (name, text) in read().map_err(|error| to_mysql(&error, ""))? {
            let key = (database.clone(), name.to_ascii_lowercase());
            if !self.known.contains_key(&key) {
                self.missing.push((key.clone(), stored_definitions::view(&name, &text)));
                self.weigh_views()?;
            }
            if self.known.get(&key).is_some_and(|view| view.total() > MOST) {
                return Err(too_complex(&format!("the view '{name}'")));
            }
        }
        self.fail()
    }

    fn fail(&mut self) -> Result<(), SqlError> {
        self.failed.take().map_or(Ok(()), |error| Err(to_mysql(&error, "")))
    }

    /// Weighs the missing views, and those that they read. Views wait in a list for the views below them, because recursion could be deep.
    fn weigh_views(&mut self) -> Result<(), SqlError> {
        let own = self.database.clone();
        let mut waiting = std::mem::take(&mut self.missing);
        let mut open: Vec<Key> = Vec::new();
        while let Some((key, text)) = waiting.last().cloned() {
            if self.known.contains_key(&key) {
                waiting.pop();
                continue;
            }
            self.budget.check_stop()?;
            if waiting.len() + self.known.len() > MOST_VIEWS {
                return Err(too_complex("the number of views that the statement reads"));
            }
            self.database = Some(key.0.clone());
            let relation = match tree(&text, self.budget) {
                Ok(tree) => weight::of_view(&tree.statement, self),
                Err(error) if error.code == OUT_OF_MEMORY => return Err(error),
                Err(_) => self.budget.check_stop().map(|()| None)?,
            };
            // Another program's view may be no SQL of ours; its length then counts.
            let size = text.len() as u64;
            let relation = relation.unwrap_or_else(|| Relation::unknown(size, size));
            let missing = std::mem::take(&mut self.missing);
            // SQLite refuses a view that reads itself.
            let missing: Vec<_> =
                missing.into_iter().filter(|(other, _)| *other != key && !open.contains(other)).collect();
            if missing.is_empty() {
                self.known.insert(key.clone(), Rc::new(relation));
                self.order.push(key.clone());
                open.retain(|other| *other != key);
                waiting.pop();
            } else {
                open.push(key);
                waiting.extend(missing);
            }
        }
        self.database = own;
        self.fail()
    }

    fn read(&mut self, key: &Key, name: &str) -> rusqlite::Result<Relation> {
        let is_temporary = self.temporaries.contains(&(key.0.clone(), name.to_owned()));
        let (schema, inner) = if is_temporary {
            ("temp".to_owned(), temporary_name(&key.0, name))
        } else if self.is_of_file {
            ("main".to_owned(), name.to_owned())
        } else {
            // No table has a name with a zero byte.
            (quote(&schema_of(&key.0)).unwrap_or_default(), name.to_owned())
        };
        let sql = format!(
            "SELECT type = 'view', name, sql FROM {schema}.sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE"
        );
        let found: Option<(bool, String, String)> =
            self.connection.query_row(&sql, [&inner], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        Ok(match found {
            None => Relation::unknown(1, 1),
            Some((false, _, text)) => Relation::table(columns(&StoredTable::read(&text))),
            Some((true, name, text)) => {
                self.missing.push((key.clone(), stored_definitions::view(&name, &text)));
                Relation::unknown(1, 1)
            }
        })
    }
}

/// The views of the connection's file that are light: the given ones and those that they read, in lower case. A view comes behind those that
/// it reads.
pub(super) fn readable_views<'v>(
    connection: &Connection,
    views: impl Iterator<Item = (&'v str, &'v str)>,
    interruption: &Interruption,
) -> Vec<String> {
    let none = Temporaries::new();
    let mut stored =
        StoredRelations { is_of_file: true, ..StoredRelations::new(connection, Some(""), &none, interruption) };
    for (name, text) in views.take_while(|_| !interruption.is_stopped()) {
        let key = (String::new(), name.to_ascii_lowercase());
        if !stored.known.contains_key(&key) {
            stored.missing.push((key, stored_definitions::view(name, text)));
            // A view that can't be weighed is left out.
            let _ = stored.weigh_views();
            stored.missing.clear();
        }
    }
    let StoredRelations { order, known, .. } = stored;
    let is_light = |key: &Key| known.get(key).is_some_and(|view| view.total() <= MOST);
    order.into_iter().filter(is_light).map(|(_, name)| name).collect()
}

impl Tables for StoredRelations<'_> {
    fn relation(&mut self, database: Option<&str>, table: &str) -> Rc<Relation> {
        let database = database.map(str::to_owned).or_else(|| self.database.clone()).unwrap_or_default();
        if is_system_database(&database) {
            return Rc::new(Relation::unknown(1, 100));
        }
        let key = (database, table.to_ascii_lowercase());
        if let Some(known) = self.known.get(&key) {
            return Rc::clone(known);
        }
        if self.missing.iter().any(|(missing, _)| *missing == key) {
            return Rc::new(Relation::unknown(1, 1));
        }
        let waiting = self.missing.len();
        match self.read(&key, table) {
            Ok(relation) => {
                let relation = Rc::new(relation);
                if self.missing.len() == waiting {
                    self.known.insert(key, Rc::clone(&relation));
                }
                relation
            }
            Err(error) => {
                self.failed.get_or_insert(error);
                Rc::new(Relation::unknown(1, 1))
            }
        }
    }
}

/// The weights of a table's columns.
fn columns(table: &StoredTable) -> Vec<(String, u64)> {
    let read: Vec<(&str, Option<Option<Expr>>)> =
        table.columns().map(|(name, text)| (name, text.map(expression))).collect();
    let generated: Vec<(&str, Option<&Expr>)> =
        read.iter().map(|(name, expression)| (*name, expression.as_ref().and_then(Option::as_ref))).collect();
    let mut weights = weight::of_columns(&generated);
    for ((_, weight), (_, expression)) in weights.iter_mut().zip(&read) {
        if matches!(expression, Some(None)) {
            *weight = u64::MAX;
        }
    }
    weights
}

/// Refuses a table whose columns, CHECKs and keys are too heavy together.
///
/// # Errors
/// 1436, and SQLite's.
pub(super) fn check_table(connection: &Connection, schema: &str, table: &str) -> Result<(), SqlError> {
    let schema = quote(schema)?;
    let sql = format!(
        "SELECT type, sql FROM {schema}.sqlite_master WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('table', 'index') AND sql IS NOT NULL AND name NOT GLOB '{MARK}*'"
    );
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        connection.prepare(&sql)?.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let mut weights = Vec::new();
    let mut parts: Vec<Expr> = Vec::new();
    for (kind, text) in read().map_err(|error| to_mysql(&error, ""))? {
        if kind == "table" {
            let stored = StoredTable::read(&text);
            weights = columns(&stored);
            parts.extend(stored.checks.iter().filter_map(|line| check_of(line)));
        } else {
            parts.extend(stored_definitions::key_parts(&text).iter().filter_map(|part| expression(part)));
        }
    }
    weight::check_parts(&weights, &parts.iter().collect::<Vec<_>>())
}

/// Parses a part of a table. Parts are small: see [`weight::MOST_OF_TABLE`].
fn part(sql: &str) -> Result<Statement, SqlError> {
    tree(sql, &Interruption::default()).map(|tree| tree.statement)
}

/// Parses an expression in MySQL's notation.
fn expression(text: &str) -> Option<Expr> {
    let Ok(Statement::Query(query)) = part(&format!("SELECT {text}")) else { return None };
    let SetExpr::Select(select) = *query.body else { return None };
    match select.projection.into_iter().next() {
        Some(SelectItem::UnnamedExpr(expression)) => Some(expression),
        _ => None,
    }
}

/// The expression of a CHECK, from a line of CREATE TABLE.
fn check_of(line: &str) -> Option<Expr> {
    let Ok(Statement::CreateTable(table)) = part(&format!("CREATE TABLE t (a INT, {line})")) else { return None };
    table.constraints.into_iter().find_map(|constraint| match constraint {
        TableConstraint::Check(check) => Some(*check.expr),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readable views of a file in which each of 30 views reads the next one that many times.
    fn readable(times: usize, interruption: &Interruption) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE v30 (a INT)").unwrap();
        let sources = |n: u32| (0..times).map(|time| format!("`v{}` AS x{time}", n + 1)).collect::<Vec<_>>().join(", ");
        let views =
            (0..30).map(|n| (format!("v{n}"), format!("CREATE VIEW `v{n}` AS SELECT 1 AS a FROM {}", sources(n))));
        let views: Vec<_> = views.collect();
        for (_, view) in &views {
            connection.execute_batch(view).unwrap();
        }
        let views = views.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        readable_views(&connection, views, interruption)
    }

    #[test]
    fn a_view_comes_behind_those_that_it_reads_and_heavy_ones_are_left_out() {
        // SQLite then finds the columns of one view at a time, and a stop is noticed in between.
        let outermost_last: Vec<_> = (0..30).rev().map(|n| format!("v{n}")).collect();
        assert_eq!(readable(1, &Interruption::default()), outermost_last);
        let light = readable(3, &Interruption::default());
        assert!((1..30).contains(&light.len()) && outermost_last.starts_with(&light), "{light:?}");
        let stopped = Interruption::default();
        stopped.stop();
        assert!(readable(1, &stopped).is_empty());
    }
}
