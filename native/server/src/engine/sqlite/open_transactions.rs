//! Entries transactions. SQLite keeps in the write-ahead log everything that others have written since a transaction began. An idle transaction
//! is ended before that becomes too much.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::open_files::OpenFiles;
use crate::engine::EndConnection;

/// A transaction is idle when its client has sent nothing for this long.
pub(super) const IDLE: Duration = Duration::from_secs(10);
/// Where the disk is short, an idle transaction ends for which more than this is kept.
const MOST_ON_SHORT_DISK: u64 = 16 << 20;

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
    databases: Vec<ReadDatabase>,
    /// When it began to wait for its client.
    since: Instant,
    end: EndConnection,
}

/// A database that a transaction has read.
pub(super) struct ReadDatabase {
    pub(super) log: PathBuf,
    /// The length of the log when the transaction first read the database.
    pub(super) before: u64,
    pub(super) files: Option<Arc<OpenFiles>>,
}

impl ReadDatabase {
    /// The database with this write-ahead log, from now on.
    pub(super) fn new(log: PathBuf, files: Option<Arc<OpenFiles>>) -> Self {
        Self { before: length(&log), log, files }
    }

    /// How many bytes are kept for the transaction. `length` returns the length of a log.
    fn kept(&self, length: impl FnOnce(&Path) -> u64) -> u64 {
        match &self.files {
            Some(files) if files.is_dropped() => files.dropped_bytes(),
            _ => length(&self.log).saturating_sub(self.before),
        }
    }
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
    /// full, busy ones end, too, and idle ones for which less is kept.
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
                let mut length = |log: &Path| *lengths.entry(log.to_owned()).or_insert_with(|| length(log));
                let kept = transaction.databases.iter().map(|database| database.kept(&mut length)).max();
                let kept = kept.unwrap_or_default();
                let is_idle = now.saturating_duration_since(transaction.since) >= idle;
                let is_too_much = if is_idle {
                    kept > most || kept > MOST_ON_SHORT_DISK && is_short()
                } else {
                    kept > most && is_short()
                };
                let ends_now = *number != own && is_too_much;
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
    /// Records that the transaction is open, has read these databases, and now waits for its client.
    pub(super) fn open(
        &mut self,
        databases: impl Iterator<Item = ReadDatabase>,
        end: impl FnOnce() -> Option<EndConnection>,
    ) {
        let mut open = self.transactions.open();
        if let Some(transaction) = open.by_number.get_mut(&self.number) {
            transaction.since = Instant::now();
            for database in databases {
                if transaction.databases.iter().all(|known| known.log != database.log) {
                    transaction.databases.push(database);
                }
            }
        } else if let Some(end) = end() {
            let transaction = Transaction { databases: databases.collect(), since: Instant::now(), end };
            open.by_number.insert(self.number, transaction);
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
