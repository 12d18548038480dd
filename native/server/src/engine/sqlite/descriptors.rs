//! Counts the databases that all sessions have open, because each takes file descriptors and nobody can log in without free ones.

use std::sync::atomic::{AtomicUsize, Ordering};

use sealwire_core::error::SqlError;

/// Descriptors of an open database: its file, and two files beside it.
const PER_DATABASE: usize = 3;

/// The most databases that may be open, and the number of open ones.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Sets how many descriptors databases may take.
pub(crate) fn allow_descriptors(descriptors: usize) {
    MOST.store((descriptors / PER_DATABASE).max(1), Ordering::Relaxed);
}

/// Counts one open database until it is dropped.
pub(super) struct OpenDatabase(());

impl OpenDatabase {
    /// Counts one more.
    ///
    /// # Errors
    /// 1041 where there are too many.
    pub(super) fn count() -> Result<Self, SqlError> {
        let opened = OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < MOST.load(Ordering::Relaxed)).then_some(open + 1)
        });
        opened.map(|_| Self(())).map_err(|_| none_left())
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many databases one session may have open, at most `most`. Above half of all descriptors this shrinks, so that sessions with few can go on.
pub(super) fn share(most: usize) -> usize {
    share_of(most, MOST.load(Ordering::Relaxed), OPEN.load(Ordering::Relaxed))
}

fn share_of(most: usize, all: usize, open: usize) -> usize {
    let (left, half) = (all.saturating_sub(open), (all / 2).max(1));
    if left >= half { most } else { (most.saturating_mul(left) / half).max(1) }
}

/// The error of a statement for whose databases no descriptors are left.
pub(super) fn none_left() -> SqlError {
    let message = format!(
        "Out of resources: connections have {} databases open, as many as the server's file descriptors allow; name fewer databases in one session \
         or transaction, close connections, or let the administrator raise the limit of open files",
        OPEN.load(Ordering::Relaxed)
    );
    SqlError::out_of_memory(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_with_many_databases_are_limited_first() {
        assert_eq!([0, 50, 75, 90, 99, 100].map(|open| share_of(9, 100, open)), [9, 9, 4, 1, 1, 1]);
        assert_eq!(share_of(9, usize::MAX, 1_000_000), 9);
        assert_eq!(share_of(9, 1, 0), 9);
    }
}
