//! Long texts: they are not copied on the event loop, and reading one needs memory that its account may have.

use sealwire_core::error::SqlError;
use sealwire_core::server::Connection;

use super::Session;
use super::work::Errand;
use super::work::Queue;
use crate::memory::{self, LARGE};

/// So many times its length is what reading a text and running it takes at the peak: its canonical form, the parser's tokens and tree,
/// the engine's statement and the value that it makes of a literal.
const PEAK: usize = 8;

impl Session {
    /// Takes the text of a command out of the connection, which has it in its buffer.
    pub(super) fn take_text(&mut self, length: usize, connection: &mut Connection) -> Queue {
        let (sql, at) = connection.take_tail(length);
        self.held_text.set(&self.view.account_text(), sql.capacity());
        Queue { sql, at }
    }

    /// How many bytes of text the errand reads.
    pub(super) fn text_to_read(&self) -> usize {
        match &self.errand {
            Some(Errand::Query(text) | Errand::Prepare(text)) => text.rest().len(),
            Some(Errand::Next) => self.queue.rest().len(),
            Some(Errand::SetOn(pending, _)) => pending.assignments.len().saturating_sub(pending.rest),
            Some(Errand::Statement(_) | Errand::PrepareStatement(_) | Errand::Execute(..)) | None => 0,
        }
    }

    /// Counts what reading so many bytes of text takes, before it is taken.
    ///
    /// # Errors
    /// 1041 where there is no memory for it.
    pub(super) fn reserve_for_text(&mut self, length: usize) -> Result<(), SqlError> {
        if length < LARGE {
            return Ok(());
        }
        let account = self.view.account_text();
        let more = length.saturating_mul(PEAK);
        self.held_text.set(&account, length.saturating_add(more));
        let most = self.view.server.globals.global_connection_memory_limit.get();
        if memory::is_left_for(&account, more, most) {
            return Ok(());
        }
        self.held_text.set(&account, length);
        let message =
            format!("Out of memory: the server has none left for a statement of {length} bytes; try again later");
        Err(SqlError::out_of_memory(message))
    }
}
