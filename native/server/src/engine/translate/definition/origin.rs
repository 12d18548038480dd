//! Where a column or a constraint stands in the statement's text.

use sealwire_core::error::SqlError;
use sqlparser::ast::{CheckConstraint, Ident, IndexColumn};

use super::super::source::{PieceRange, Source};
use super::index::IndexParts;
use crate::sql::backquoted;

/// The place of a column or a constraint in the statement.
pub(super) struct Origin<'s> {
    pub(super) source: &'s Source<'s>,
    pub(super) range: Option<PieceRange>,
}

impl<'s> Origin<'s> {
    /// The pieces behind a word.
    pub(super) fn behind(&self, word: &str) -> Option<PieceRange> {
        self.source.behind(self.range.as_ref()?, word)
    }

    /// The pieces in the parentheses behind a word.
    pub(super) fn group_behind(&self, word: &str) -> Option<PieceRange> {
        self.source.group(&self.behind(word)?)
    }

    pub(super) fn parts(&self, columns: &'s [IndexColumn]) -> IndexParts<'s> {
        IndexParts {
            columns,
            source: self.source,
            range: self.range.as_ref().and_then(|range| self.source.group(range)),
        }
    }

    /// A CHECK constraint in MySQL's notation.
    pub(super) fn check(&self, check: &CheckConstraint, name: Option<&Ident>) -> Result<String, SqlError> {
        let text = self.source.expression(self.group_behind("CHECK"), &check.expr)?;
        Ok(match name {
            Some(name) => format!("CONSTRAINT {} CHECK ({text})", backquoted(&name.value)),
            None => format!("CHECK ({text})"),
        })
    }
}
