//! How many databases all sessions have open together: each takes file descriptors, and without some that are left nobody can log in.

use std::sync::atomic::{AtomicUsize, Ordering};

use sealwire_core::error::SqlError;

/// Descriptors of an open database: its file, and the two beside it.
const PER_DATABASE: usize = 3;

/// Databases that may be open, and that are.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Gives so many descriptors to databases.
pub(crate) fn allow_descriptors(descriptors: usize) {
    MOST.store((descriptors / PER_DATABASE).max(1), Ordering::Relaxed);
}

/// A database that is open, until this is dropped.
pub(super) struct OpenDatabase(());

impl OpenDatabase {
    /// Counts one more.
    ///
    /// # Errors
    /// 1041 where there are as many as there may be.
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

/// How many databases one session may have open, of `most`: where half of all is taken, those that have many get no more first.
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
    SqlError::new(1041, b"HY000", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_open_gets_no_more_first() {
        assert_eq!([0, 50, 75, 90, 99, 100].map(|open| share_of(9, 100, open)), [9, 9, 4, 1, 1, 1]);
        assert_eq!(share_of(9, usize::MAX, 1_000_000), 9);
        assert_eq!(share_of(9, 1, 0), 9);
    }
}
