//! Where a column or a constraint stands in the statement's text.

use sealwire_core::error::SqlError;
use sqlparser::ast::{CheckConstraint, Ident, IndexColumn};

use super::super::source::{Run, Source};
use super::index::Parts;
use crate::sql::backquoted;

/// Where a column or a constraint stands in the statement.
pub(super) struct Origin<'s> {
    pub(super) source: &'s Source<'s>,
    pub(super) run: Option<Run>,
}

impl<'s> Origin<'s> {
    /// What is behind a word.
    pub(super) fn behind(&self, word: &str) -> Option<Run> {
        self.source.behind(self.run.as_ref()?, word)
    }

    /// What is in the parentheses behind a word.
    pub(super) fn group_behind(&self, word: &str) -> Option<Run> {
        self.source.group(&self.behind(word)?)
    }

    pub(super) fn parts(&self, columns: &'s [IndexColumn]) -> Parts<'s> {
        Parts { columns, source: self.source, run: self.run.as_ref().and_then(|run| self.source.group(run)) }
    }

    /// A CHECK constraint in MySQL's words.
    pub(super) fn check(&self, check: &CheckConstraint, name: Option<&Ident>) -> Result<String, SqlError> {
        let text = self.source.expression(self.group_behind("CHECK"), &check.expr)?;
        Ok(match name {
            Some(name) => format!("CONSTRAINT {} CHECK ({text})", backquoted(&name.value)),
            None => format!("CHECK ({text})"),
        })
    }
}
