//! Warnings, notes and errors of the last statement, for SHOW WARNINGS and the warning counts.

use sealwire_core::error::SqlError;

use super::Session;
use super::warnings::Warning;
use crate::sql::Cursor;
use crate::sql::lex::{Lexer, Piece};

impl Session {
    /// Begins a statement and forgets the diagnostics of the one before, unless the new statement shows them. As in MySQL, a SELECT of
    /// `@@warning_count` or `@@error_count` keeps only the counts.
    pub(super) fn begin_diagnostics(&mut self, sql: &str) {
        self.diagnostics.are_shown = shows(sql);
        if self.diagnostics.are_shown {
            return;
        }
        self.diagnostics.clear();
        if !counts(sql) {
            self.view.warnings = 0;
            self.view.errors = 0;
        }
    }

    /// Forgets all diagnostics.
    pub(super) fn forget_diagnostics(&mut self) {
        self.begin_diagnostics("");
    }

    /// Stores a diagnostic, except a note where `sql_notes` is off.
    pub(super) fn note(&mut self, level: &'static str, error: SqlError) {
        if level == "Note" && !self.view.variables.sql_notes {
            return;
        }
        if self.diagnostics.are_shown {
            self.forget_diagnostics();
        }
        (self.view.warnings, self.view.errors) = self.diagnostics.push(Warning { level, error });
    }
}

/// Whether the statement is SHOW WARNINGS, SHOW ERRORS or SHOW COUNT(*) of them.
fn shows(sql: &str) -> bool {
    let mut words = Cursor::new(sql);
    if !words.accept("SHOW") {
        return false;
    }
    words.accept_all(&["COUNT", "(", "*", ")"]);
    words.peek("WARNINGS") || words.peek("ERRORS")
}

const COUNTS: [&[u8]; 2] = [b"warning_count", b"error_count"];

/// Whether the statement is a SELECT of the variables that count them.
fn counts(sql: &str) -> bool {
    let mut is_in_variable = false;
    let is_count = |(piece, text): (Piece, &[u8])| {
        let name = text.strip_prefix(b"@@");
        // The scope and a point may come before the name.
        is_in_variable = name.is_some() || (is_in_variable && matches!(piece, Piece::Symbol(b'.') | Piece::Word));
        let name = name.unwrap_or(text);
        is_in_variable && piece == Piece::Word && COUNTS.iter().any(|count| name.eq_ignore_ascii_case(count))
    };
    sql.contains("@@") && Cursor::new(sql).peek("SELECT") && Lexer::new(sql.as_bytes()).any(is_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_ask_for_them_are_known() {
        for sql in ["SHOW WARNINGS", "show errors limit 1", "SHOW COUNT(*) WARNINGS", "SHOW COUNT( * ) ERRORS"] {
            assert!(shows(sql), "{sql}");
        }
        for sql in ["SHOW TABLES", "WARNINGS", "SELECT 'SHOW WARNINGS'", ""] {
            assert!(!shows(sql), "{sql}");
        }
        for sql in ["SELECT @@warning_count", "select 1, @@SESSION.Error_Count", "SELECT @@local.warning_count"] {
            assert!(counts(sql), "{sql}");
        }
        for sql in
            ["SELECT '@@warning_count'", "SELECT @warning_count", "SET @a = @@warning_count", "SELECT `@@error_count`"]
        {
            assert!(!counts(sql), "{sql}");
        }
    }
}
