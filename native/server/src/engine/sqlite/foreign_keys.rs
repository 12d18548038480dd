//! Foreign keys: the tables that SQLite reads and changes because of them, and MySQL's errors for broken ones.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use crate::engine::SessionContext;
use crate::engine::translate::{quote, schema_of};

/// The foreign keys of a database.
pub(super) struct ForeignKeys {
    database: String,
    keys: Vec<ForeignKey>,
}

/// A foreign key between two tables.
struct ForeignKey {
    child: String,
    parent: String,
    /// Whether changes of the parent change the child.
    changes_child: bool,
}

impl ForeignKeys {
    /// Reads them. An error counts as none, because fewer keys allow less.
    pub(super) fn read(connection: &Connection, database: &str) -> Self {
        let read = || -> Result<Vec<ForeignKey>, SqlError> {
            let schema = schema_of(database);
            let sql = format!(
                "SELECT m.name, f.\"table\", f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') \
                 OR f.on_update IN ('CASCADE', 'SET NULL', 'SET DEFAULT') \
                 FROM {}.sqlite_master AS m, pragma_foreign_key_list(m.name, ?1) AS f WHERE m.type = 'table'",
                quote(&schema)?
            );
            let read = || -> rusqlite::Result<Vec<ForeignKey>> {
                let mut statement = connection.prepare(&sql)?;
                let keys = statement.query_map([schema.as_ref()], |row| {
                    Ok(ForeignKey { child: row.get(0)?, parent: row.get(1)?, changes_child: row.get(2)? })
                })?;
                keys.collect()
            };
            read().map_err(|error| to_mysql(&error, ""))
        };
        Self { database: database.to_owned(), keys: read().unwrap_or_default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Tables that SQLite reads for a foreign key.
    pub(super) fn tables_read(&self) -> BTreeSet<String> {
        self.keys.iter().flat_map(|key| [key.child.clone(), key.parent.clone()]).collect()
    }

    /// Tables that SQLite changes for a foreign key.
    pub(super) fn tables_changed(&self) -> BTreeSet<String> {
        self.keys.iter().filter(|key| key.changes_child).map(|key| key.child.clone()).collect()
    }

    /// Refuses to drop tables that others refer to, because SQLite would drop them, and the rows that refer to them.
    ///
    /// # Errors
    /// 3730, or 1217 where the account may not see the table that refers to one.
    pub(super) fn check_dropped(&self, dropped: &[&str], context: &dyn SessionContext) -> Result<(), SqlError> {
        let is_dropped = |name: &str| dropped.iter().any(|other| other.eq_ignore_ascii_case(name));
        let refers = |key: &&ForeignKey| is_dropped(&key.parent) && !is_dropped(&key.child);
        let Some(key) = self.keys.iter().find(refers) else { return Ok(()) };
        if !context.sees(&self.database, &key.child) {
            return Err(constraint_fails(1217, PARENT));
        }
        let message = format!(
            "Cannot drop table '{}' referenced by a foreign key constraint on table '{}'.",
            key.parent, key.child
        );
        Err(SqlError::new(3730, b"HY000", message))
    }

    /// Refuses to truncate a table that others refer to.
    ///
    /// # Errors
    /// 1701, or 1217 where the account may not see the table that refers to it.
    pub(super) fn check_truncated(&self, table: &str, context: &dyn SessionContext) -> Result<(), SqlError> {
        let is = |name: &str| name.eq_ignore_ascii_case(table);
        let Some(key) = self.keys.iter().find(|key| is(&key.parent) && !is(&key.child)) else { return Ok(()) };
        if !context.sees(&self.database, &key.child) {
            return Err(constraint_fails(1217, PARENT));
        }
        let message = format!(
            "Cannot truncate a table referenced in a foreign key constraint (`{}`.`{}`)",
            self.database, key.child
        );
        Err(SqlError::new(1701, b"42000", message))
    }

    /// The error of a change of `table` that breaks a foreign key. SQLite does not say which one, so the error names none. Its code differs where
    /// the account may not see every table that can be meant.
    pub(super) fn violation(&self, of_parent: bool, table: &str, context: &dyn SessionContext) -> SqlError {
        let is = |name: &str| name.eq_ignore_ascii_case(table);
        let is_child = self.keys.iter().any(|key| is(&key.child));
        let of_parent = of_parent || !is_child;
        let others = self.keys.iter().filter_map(|key| match of_parent {
            true => is(&key.parent).then_some(&key.child),
            false => is(&key.child).then_some(&key.parent),
        });
        let sees_all = { others }.all(|other| context.sees(&self.database, other));
        match (of_parent, sees_all) {
            (true, true) => constraint_fails(1451, PARENT),
            (true, false) => constraint_fails(1217, PARENT),
            (false, true) => constraint_fails(1452, CHILD),
            (false, false) => constraint_fails(1216, CHILD),
        }
    }
}

const PARENT: &str = "delete or update a parent row";
const CHILD: &str = "add or update a child row";

fn constraint_fails(code: u16, what: &str) -> SqlError {
    SqlError::new(code, b"23000", format!("Cannot {what}: a foreign key constraint fails"))
}
