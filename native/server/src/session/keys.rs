//! ALTER TABLE … DISABLE KEYS and ENABLE KEYS, which dumps contain around the rows of each table.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::Answer;
use crate::engine::{Task, TransactionStep};
use crate::sql::Cursor;

impl Session {
    /// Commits and adds a note, as with InnoDB, because SQLite can't defer updating indexes either. `None` for another statement.
    pub(super) fn switch_keys(&mut self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let Some((database, table)) = switched(words) else { return Ok(None) };
        let no_database = || SqlError::new(1046, b"3D000", "No database selected");
        let database = database.or_else(|| self.view.database.clone()).ok_or_else(no_database)?;
        self.view.demand_on_table(Privilege::ALTER, &database, &table)?;
        self.view.server.engine.table_definition(&database, &table)?;
        let message = format!("Table storage engine for '{table}' doesn't have this option");
        self.note("Note", SqlError::new(1031, b"HY000", message));
        Ok(Some(Answer::Engine(Task::Transaction(TransactionStep::Commit))))
    }
}

/// The database, if it is named, and the table of an ALTER TABLE that switches keys; its first words are already taken.
fn switched(words: &mut Cursor<'_>) -> Option<(Option<String>, String)> {
    let first = words.name().ok()?;
    let name = if words.accept(".") { (Some(first), words.name().ok()?) } else { (None, first) };
    words.accept_one(&["DISABLE", "ENABLE"])?;
    (words.accept("KEYS") && words.is_at_end()).then_some(name)
}
