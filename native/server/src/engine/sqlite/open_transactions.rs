//! Transactions that are open: SQLite keeps for each of them what others have written since it began, in the file beside the database. One that
//! only waits for its client ends before that is too much.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::EndConnection;

/// A transaction is idle when its client has said nothing for so long.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// The open transactions of all sessions.
#[derive(Clone, Default)]
pub(super) struct OpenTransactions(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    last: u64,
    by_number: BTreeMap<u64, Transaction>,
}

struct Transaction {
    /// The files beside the databases that it has read, with their lengths then.
    files: Vec<(PathBuf, u64)>,
    /// Since when it waits for its client.
    since: Instant,
    end: EndConnection,
}

impl fmt::Debug for OpenTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTransactions").finish_non_exhaustive()
    }
}

impl OpenTransactions {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session, whose transaction is not open.
    pub(super) fn register(&self) -> TransactionEntry {
        let mut open = self.open();
        open.last += 1;
        TransactionEntry { transactions: self.clone(), number: open.last, is_open: false }
    }

    /// Ends the transactions, but for that of `own`, for which more than `most` bytes are kept and that have been idle for so long; where
    /// `is_short` says that there is no room left, also those that are not.
    fn end_idle(&self, own: u64, most: u64, idle: Duration, is_short: impl Fn() -> bool) {
        let mut ends = Vec::new();
        {
            let mut open = self.open();
            if open.by_number.keys().all(|number| *number == own) {
                return;
            }
            let now = Instant::now();
            let mut lengths: BTreeMap<PathBuf, u64> = BTreeMap::new();
            open.by_number.retain(|number, transaction| {
                let grown = transaction.files.iter().map(|(file, before)| {
                    let length = *lengths.entry(file.clone()).or_insert_with(|| length(file));
                    length.saturating_sub(*before)
                });
                let kept = grown.max().unwrap_or_default();
                let is_idle = || now.saturating_duration_since(transaction.since) >= idle || is_short();
                let goes = *number != own && kept > most && is_idle();
                if goes {
                    ends.push((Arc::clone(&transaction.end), kept));
                }
                !goes
            });
        }
        for (end, kept) in ends {
            end(kept);
        }
    }
}

fn length(file: &Path) -> u64 {
    file.metadata().map_or(0, |file| file.len())
}

/// A session's transaction, as others see it.
pub(super) struct TransactionEntry {
    transactions: OpenTransactions,
    number: u64,
    is_open: bool,
}

impl TransactionEntry {
    /// The transaction is open, has read these files, and waits for its client from now on.
    pub(super) fn open(&mut self, files: impl Iterator<Item = PathBuf>, end: impl FnOnce() -> Option<EndConnection>) {
        let mut open = self.transactions.open();
        if let Some(transaction) = open.by_number.get_mut(&self.number) {
            transaction.since = Instant::now();
            for file in files {
                if transaction.files.iter().all(|(known, _)| *known != file) {
                    let length = length(&file);
                    transaction.files.push((file, length));
                }
            }
        } else if let Some(end) = end() {
            let files = files.map(|file| (file.clone(), length(&file))).collect();
            open.by_number.insert(self.number, Transaction { files, since: Instant::now(), end });
            self.is_open = true;
        }
    }

    /// The transaction is over.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.transactions.open().by_number.remove(&self.number);
        }
    }

    /// See [`OpenTransactions::relieve`].
    pub(super) fn end_idle_others(&self, most: u64, idle: Duration, is_short: impl Fn() -> bool) {
        self.transactions.end_idle(self.number, most, idle, is_short);
    }
}

impl Drop for TransactionEntry {
    fn drop(&mut self) {
        self.close();
    }
}
