//! Long texts of statements: the event loop does not copy them, and the memory for reading them is reserved for the account first.

use sealwire_core::error::SqlError;
use sealwire_core::server::Connection;
use sealwire_core::sql::{Lexer, Piece};

use super::Session;
use super::work::Queue;
use super::work::ThreadWork;
use crate::memory::{self, LARGE};
use crate::sql::mode::Mode;

/// Reading and running a text takes at most this many times its length in memory: its canonical form, the parser's tokens and tree, the
/// engine's statement and the value of a literal.
const PEAK: usize = 8;
/// The same for a SET of a user variable to a literal: the canonical form, which is twice as long for a binary literal, and the value.
const PEAK_OF_LITERAL: usize = 3;
/// The most tokens of such a SET: `SET @``name`` := _binary '…'`.
const TOKENS_OF_SET: usize = 10;

/// The result of a request for memory.
#[derive(Debug)]
pub(super) enum Reservation {
    /// The memory is counted.
    Counted,
    /// There is not enough memory now.
    Later,
    /// The text needs more memory than there will ever be.
    Refused(SqlError),
}

impl Session {
    /// Takes the text of a command out of the connection, which has it in its buffer.
    pub(super) fn take_text(&mut self, length: usize, connection: &mut Connection) -> Queue {
        let (sql, at) = connection.take_tail(length);
        self.held_text.set(&self.view.account_text(), sql.capacity());
        Queue { sql, at }
    }

    /// How many bytes of text the work for another thread reads.
    pub(super) fn text_to_read(&self) -> usize {
        match &self.thread_work {
            Some(ThreadWork::Query(text) | ThreadWork::Prepare(text)) => text.rest().len(),
            Some(ThreadWork::Next) => self.queue.rest().len(),
            Some(ThreadWork::ContinueSet(pending, _)) => pending.assignments.len().saturating_sub(pending.rest),
            Some(ThreadWork::Statement(_) | ThreadWork::PrepareStatement(_) | ThreadWork::Execute(..)) | None => 0,
        }
    }

    /// Counts the memory that reading the text takes, before it is allocated.
    pub(super) fn reserve_for_text(&mut self) -> Reservation {
        let length = self.text_to_read();
        if length < LARGE {
            return Reservation::Counted;
        }
        let account = self.view.account_text();
        let more = length.saturating_mul(self.peak_of_text());
        self.held_text.set(&account, length.saturating_add(more));
        let most = self.view.server.globals.global_connection_memory_limit.get();
        if memory::is_left_for(&account, more, most) {
            return Reservation::Counted;
        }
        self.held_text.set(&account, length);
        if memory::is_too_much(more, most) {
            Reservation::Refused(self.no_memory_for_text())
        } else {
            Reservation::Later
        }
    }

    /// The error for a text for which no memory became free in time.
    pub(super) fn no_memory_for_text(&self) -> SqlError {
        let length = self.text_to_read();
        let message =
            format!("Out of memory: the server has none left for a statement of {length} bytes; try again later");
        SqlError::out_of_memory(message)
    }

    /// Reading the text takes this many times its length in memory.
    fn peak_of_text(&self) -> usize {
        match &self.thread_work {
            Some(ThreadWork::Query(text)) if is_set_of_literal(text.rest(), self.view.syntax.mode) => PEAK_OF_LITERAL,
            _ => PEAK,
        }
    }
}

/// Whether a text is a SET of one user variable to one literal, which needs no engine.
fn is_set_of_literal(sql: &[u8], mode: Mode) -> bool {
    let mut tokens = Lexer::new(sql).in_mode(mode).filter(|(piece, _)| !piece.is_blank()).take(TOKENS_OF_SET + 1);
    let is_set = tokens.next().is_some_and(|(_, word)| word.eq_ignore_ascii_case(b"SET"));
    let is_of_user = tokens.next().is_some_and(|(_, name)| name.first() == Some(&b'@') && name.get(1) != Some(&b'@'));
    let (mut count, mut literals, mut last) = (0, 0, Piece::Space);
    for (piece, text) in tokens {
        count += 1;
        literals += usize::from(piece == Piece::Text && text.len() >= LARGE / 2);
        last = piece;
        if piece == Piece::Symbol(b'(') || piece == Piece::Symbol(b',') || piece == Piece::Hint {
            return false;
        }
    }
    is_set && is_of_user && literals == 1 && last == Piece::Text && count <= TOKENS_OF_SET - 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_a_literal_is_told_from_others() {
        let long = "a".repeat(LARGE);
        let is = |sql: &str| is_set_of_literal(sql.replace('~', &long).as_bytes(), Mode::default());
        for sql in ["SET @a = '~'", "set @a:='~'", "SET /* x */ @`a b` = _binary '~' ", "SET @a = X'~'"] {
            assert!(is(sql), "{sql}");
        }
        for sql in [
            "SET @@a = '~'",
            "SET @a = CONCAT('~')",
            "SET @a = '~', @b = 1",
            "SET @a = '~' + 1",
            "SET @a = '~' '~'",
            "SELECT @a = '~'",
            "SET @a = 1 + 1 + 1 + 1 + 1 + '~'",
            "SET @a = 'x'",
        ] {
            assert!(!is(sql), "{sql}");
        }
    }
}
