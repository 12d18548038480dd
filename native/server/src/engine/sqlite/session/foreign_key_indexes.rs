//! The indexes that the server has made for foreign keys, and the names of foreign keys, when a table is altered. Both are as in MariaDB.

use std::collections::BTreeSet;

use rusqlite::OptionalExtension as _;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::schema::{Index, Table, indexes_of};
use super::super::stored_definitions::TableText;
use super::SqliteSession;
use crate::engine::annotations::{Annotation, Annotations};
use crate::engine::translate::{AddedKey, Skippable, Translated, begins, quote};

impl SqliteSession {
    /// The indexes of the table that a definition alters.
    fn indexes_of_target(&self, translated: &Translated) -> Result<Vec<Index>, SqlError> {
        let Some((schema, name)) = translated.targets.first() else { return Ok(Vec::new()) };
        let table = Table { schema: schema.clone(), name: name.clone(), is_view: false, sql: String::new() };
        indexes_of(&self.connection, &table).map_err(|error| to_mysql(&error, ""))
    }

    /// The statements that add a key with IF NOT EXISTS whose name another key has. MariaDB looks at the table as it was.
    pub(super) fn needless_keys<'t>(&self, translated: &'t Translated) -> Result<Vec<&'t AddedKey>, SqlError> {
        let is_skippable = |key: &&AddedKey| {
            let is_own = |own: &Skippable| own.statement == key.statement && own.errors.contains(&1061);
            translated.skippable.iter().any(is_own)
        };
        let mut skippable = translated.keys.iter().filter(is_skippable).peekable();
        if skippable.peek().is_none() {
            return Ok(Vec::new());
        }
        let indexes = self.indexes_of_target(translated)?;
        let is_there = |key: &&AddedKey| indexes.iter().any(|index| index.name.eq_ignore_ascii_case(&key.name));
        Ok(skippable.filter(is_there).collect())
    }

    /// Drops the indexes made for foreign keys whose place other keys of the table take, or those of a definition. `skipped` are statements that add
    /// none.
    pub(super) fn drop_replaced(&self, translated: &Translated, skipped: &BTreeSet<usize>) -> Result<(), SqlError> {
        let Some((schema, table)) = translated.targets.first() else { return Ok(()) };
        let added = translated.keys.iter().filter(|key| !skipped.contains(&key.statement));
        let mut others: Vec<Vec<Option<String>>> = added.map(|key| key.columns.clone()).collect();
        let (made, own): (Vec<Index>, Vec<Index>) =
            self.indexes_of_target(translated)?.into_iter().partition(|index| index.is_for_foreign_key);
        others.extend(own.iter().map(whole_parts));
        for index in made {
            let columns = whole_parts(&index);
            if others.iter().any(|other| begins(other, &columns)) {
                let name = quote(&format!("{table}.{}", index.name))?;
                self.run_batch(&format!("DROP INDEX {}.{name}", quote(schema)?))?;
            }
        }
        Ok(())
    }

    /// Takes a column that is dropped out of the indexes of its table, because SQLite drops none that an index has.
    ///
    /// # Errors
    /// 1553 where a foreign key needs the column, 1072 where a unique key has others, too.
    pub(super) fn take_out(&self, column: &str, translated: &Translated) -> Result<(), SqlError> {
        let Some((schema, table)) = translated.targets.first() else { return Ok(()) };
        let is_it = |name: &String| name.eq_ignore_ascii_case(column);
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let needed: bool = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1, ?2) WHERE \"from\" = ?3 COLLATE NOCASE)",
                [table.as_str(), schema.as_str(), column],
                |row| row.get(0),
            )
            .map_err(failed)?;
        if needed {
            let message = format!("Cannot drop the column '{column}': its index is needed in a foreign key constraint");
            return Err(SqlError::new(1553, b"HY000", message));
        }
        let quoted = quote(schema)?;
        for index in self.indexes_of_target(translated)? {
            let parts: Vec<(&String, Option<u32>)> = index
                .columns
                .iter()
                .flatten()
                .zip(index.prefixes.iter().copied().chain(std::iter::repeat(None)))
                .collect();
            let rest: Vec<_> = parts.iter().filter(|(name, _)| !is_it(name)).collect();
            if rest.len() == parts.len() || parts.len() < index.columns.len() {
                continue;
            }
            if index.unique && !rest.is_empty() {
                let message = format!("Key column '{column}' doesn't exist in table");
                return Err(SqlError::new(1072, b"42000", message));
            }
            let name = quote(&format!("{table}.{}", index.name))?;
            self.run_batch(&format!("DROP INDEX {quoted}.{name}"))?;
            if rest.is_empty() {
                continue;
            }
            let mut mark = Annotations::default();
            if index.is_for_foreign_key {
                mark.add(Annotation::ForForeignKey, "");
            }
            let mut written = Vec::new();
            for (name, prefix) in rest {
                let mut annotations = Annotations::default();
                if let Some(length) = prefix {
                    annotations.add(Annotation::Prefix, length.to_string());
                }
                written.push(format!("{}{}", annotations.to_comment(), quote(name)?));
            }
            let (mark, parts) = (mark.to_comment(), written.join(", "));
            self.run_batch(&format!("CREATE INDEX {quoted}.{name} ON {} ({mark}{parts})", quote(table)?))?;
        }
        Ok(())
    }

    /// Lets the names of a renamed table's foreign keys follow its name, because InnoDB renames `old_ibfk_1` to `new_ibfk_1`.
    pub(super) fn follow_names(&self, translated: &Translated, skips_foreign_keys: bool) -> Result<(), SqlError> {
        let [(_, old), (schema, new)] = translated.targets.as_slice() else { return Ok(()) };
        let sql = format!(
            "SELECT sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 AND sql LIKE '%CONSTRAINT%'",
            quote(schema)?
        );
        let text: Option<String> = self
            .connection
            .query_row(&sql, [new], |row| row.get(0))
            .optional()
            .map_err(|error| to_mysql(&error, ""))?;
        let Some(mut text) = text.as_deref().and_then(TableText::read) else { return Ok(()) };
        // Those of the new name follow from now on.
        let follows = [old, new].map(|name| text.follow_name(name));
        if follows.contains(&true) { self.rebuild((schema, new), &text, skips_foreign_keys) } else { Ok(()) }
    }
}

/// The columns of an index's parts, in lower case; `None` for a part that is no whole column.
fn whole_parts(index: &Index) -> Vec<Option<String>> {
    let is_whole = |at: usize| index.prefixes.get(at).is_none_or(Option::is_none);
    let part = |(at, column): (usize, &Option<String>)| {
        column.as_ref().filter(|_| is_whole(at)).map(|name| name.to_lowercase())
    };
    index.columns.iter().enumerate().map(part).collect()
}
