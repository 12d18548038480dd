//! The warnings, notes and errors of a statement.

use sealwire_core::error::SqlError;

/// The diagnostics of the session's last statement.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    pub(super) warnings: Vec<Warning>,
    /// Whether the current statement shows the diagnostics, so that it has none of its own.
    pub(super) are_shown: bool,
}

/// A row of SHOW WARNINGS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Warning {
    pub(super) level: &'static str,
    pub(super) error: SqlError,
}

impl Diagnostics {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.iter()
    }

    /// How many diagnostics the current statement has.
    pub(super) fn count(&self) -> u16 {
        if self.are_shown { 0 } else { u16::try_from(self.warnings.len()).unwrap_or(u16::MAX) }
    }
}
