//! Entries transactions. SQLite keeps in the write-ahead log everything that others have written since a transaction began. An idle transaction
//! is ended before that becomes too much.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::EndConnection;

/// A transaction is idle when its client has sent nothing for this long.
pub(super) const IDLE: Duration = Duration::from_secs(10);

/// The open transactions of all sessions.
#[derive(Clone, Default)]
pub(super) struct OpenTransactions(Arc<Mutex<Entries>>);

/// The open transactions, by the numbers of their sessions.
#[derive(Default)]
struct Entries {
    last: u64,
    by_number: BTreeMap<u64, Transaction>,
}

/// An open transaction.
struct Transaction {
    /// The write-ahead logs of the databases that it has read, with their lengths at that time.
    files: Vec<(PathBuf, u64)>,
    /// When it began to wait for its client.
    since: Instant,
    end: EndConnection,
}

impl fmt::Debug for OpenTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTransactions").finish_non_exhaustive()
    }
}

impl OpenTransactions {
    fn open(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a session, which has no open transaction yet.
    pub(super) fn register(&self) -> TransactionEntry {
        let mut open = self.open();
        open.last += 1;
        TransactionEntry { transactions: self.clone(), number: open.last, is_open: false }
    }

    /// Ends idle transactions for which more than `most` bytes are kept, except that of session `own`. Where `is_short` says that the disk is
    /// full, busy transactions end, too.
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
                let ends_now = *number != own && kept > most && is_idle();
                if ends_now {
                    ends.push((Arc::clone(&transaction.end), kept));
                }
                !ends_now
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

/// A session's entry among the open transactions.
pub(super) struct TransactionEntry {
    transactions: OpenTransactions,
    number: u64,
    is_open: bool,
}

impl TransactionEntry {
    /// Records that the transaction is open, has read these files, and now waits for its client.
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

    /// Records that the transaction is over.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.transactions.open().by_number.remove(&self.number);
        }
    }

    /// See [`OpenTransactions::end_idle`].
    pub(super) fn end_idle_others(&self, most: u64, idle: Duration, is_short: impl Fn() -> bool) {
        self.transactions.end_idle(self.number, most, idle, is_short);
    }
}

impl Drop for TransactionEntry {
    fn drop(&mut self) {
        self.close();
    }
}
