//! The warnings, notes and errors of a statement.

use sealwire_core::error::SqlError;

/// How many diagnostics of a statement are kept, as the default of `max_error_count`. All are counted.
pub(super) const MOST_KEPT: usize = 1024;

/// The diagnostics of the session's last statement.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    kept: Vec<Warning>,
    count: u64,
    errors: u64,
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
        self.kept.iter()
    }

    /// Counts a diagnostic, and keeps it if it is an error or one of the first. Returns the counts of all diagnostics and of errors.
    pub(super) fn push(&mut self, warning: Warning) -> (u64, u64) {
        let is_error = warning.level == "Error";
        self.count += 1;
        self.errors += u64::from(is_error);
        if is_error || self.kept.len() < MOST_KEPT {
            self.kept.push(warning);
        }
        (self.count, self.errors)
    }

    /// Forgets all diagnostics and their counts.
    pub(super) fn clear(&mut self) {
        *self = Self { are_shown: self.are_shown, ..Self::default() };
    }

    /// How many diagnostics the current statement has.
    pub(super) fn count(&self) -> u16 {
        if self.are_shown { 0 } else { u16::try_from(self.count).unwrap_or(u16::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_diagnostics_are_counted_and_the_first_are_kept() {
        let mut diagnostics = Diagnostics::default();
        let mut push = |level| diagnostics.push(Warning { level, error: SqlError::new(1051, b"42S02", "") });
        // Work that grows with those before would take minutes here.
        let counts = (0..1_000_000).map(|_| push("Note")).last();
        assert_eq!((counts, push("Error")), (Some((1_000_000, 0)), (1_000_001, 1)));
        assert_eq!((diagnostics.iter().count(), diagnostics.count()), (MOST_KEPT + 1, u16::MAX));
        assert_eq!(diagnostics.iter().last().map(|last| last.level), Some("Error"));
        diagnostics.clear();
        assert_eq!((diagnostics.iter().count(), diagnostics.count()), (0, 0));
    }
}
