//! ALTER TABLE … DISABLE KEYS and ENABLE KEYS, which dumps contain around the rows of each table.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Reply};
use super::execution::Execution;
use crate::sql::Cursor;

impl Session {
    /// Reads an ALTER TABLE that switches keys; `None` for another statement.
    pub(super) fn read_switch_keys(words: &mut Cursor<'_>) -> Option<Execution> {
        let (database, table) = switched(words)?;
        Some(Box::new(move |session| session.switch_keys(database, &table).map(Answer::Ok)))
    }

    /// Adds a note, as with InnoDB, because SQLite can't defer updating indexes either.
    fn switch_keys(&mut self, database: Option<String>, table: &str) -> Result<Reply, SqlError> {
        let no_database = || SqlError::new(1046, b"3D000", "No database selected");
        let database = database.or_else(|| self.view.database.clone()).ok_or_else(no_database)?;
        self.view.demand_on_table(Privilege::ALTER, &database, table)?;
        self.view.server.engine.table_definition(&database, table)?;
        let message = format!("Table storage engine for '{table}' doesn't have this option");
        self.note("Note", SqlError::new(1031, b"HY000", message));
        Ok(Reply::default())
    }
}

/// The database, if it is named, and the table of an ALTER TABLE that switches keys; its first words are already taken.
fn switched(words: &mut Cursor<'_>) -> Option<(Option<String>, String)> {
    let first = words.name().ok()?;
    let name = if words.accept(".") { (Some(first), words.name().ok()?) } else { (None, first) };
    words.accept_one(&["DISABLE", "ENABLE"])?;
    (words.accept("KEYS") && words.is_at_end()).then_some(name)
}
