//! The disk space that tables leave free: for statements that free some, for the accounts' file, and for other databases of the file system.
//!
//! SQLite writes a change to the write-ahead log first and to the database later, so that a change takes its space twice. An open
//! transaction has taken only the first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::wal;
use crate::engine::translate::{StatementKind, Translated};
use crate::file_system::Space;
use crate::memory;

/// The part of the file system that tables leave free, and the most bytes of it. Temporary files leave more: see [`super::temporary`].
const RESERVED_PART: u64 = 20;
const MOST_RESERVED: u64 = 512 << 20;
/// With this much free beside half of the file system, growth needs no limit, whatever other transactions have not committed yet.
const PLENTY: u64 = 4 << 30;
/// How often a statement that changes rows checks the space.
const CHECK_EACH: Duration = Duration::from_millis(5);
/// How long the sum of all log sizes counts as current: at least this, or so many times as long as it took to compute.
const SUM_VALID: Duration = Duration::from_millis(100);
const SUM_VALID_FACTOR: u32 = 20;

impl Space {
    /// The space that tables leave free.
    fn reserved(self) -> u64 {
        self.part(RESERVED_PART, MOST_RESERVED)
    }

    fn is_plenty(self) -> bool {
        self.free / 2 > self.all / 4 + PLENTY / 2
    }

    /// The longest write-ahead log that is left as it is: a long one where space is plenty, a short one where it is scarce.
    fn most_wal(self) -> u64 {
        let is_scarce = self.free < self.reserved().saturating_mul(2);
        if is_scarce { memory::LARGE as u64 } else { self.reserved().clamp(memory::LARGE as u64, wal::KEPT) }
    }

    /// Whether no database may be created.
    fn is_short(self) -> bool {
        self.free < self.reserved()
    }
}

/// How much of the reserved space a statement may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpaceUse {
    /// None, because it adds to a database.
    Grows,
    /// A part, because it frees space.
    Frees,
    /// All of it.
    Unlimited,
}

impl SpaceUse {
    fn of(translated: &Translated) -> Self {
        let frees = |sql: &String| sql.starts_with("DROP ") || sql.starts_with("DELETE ");
        match translated.kind {
            StatementKind::Query => Self::Unlimited,
            StatementKind::Delete => Self::Frees,
            StatementKind::Definition if translated.statements.iter().all(frees) => Self::Unlimited,
            StatementKind::Definition
            | StatementKind::Insert
            | StatementKind::Upsert
            | StatementKind::Replace
            | StatementKind::Update => Self::Grows,
        }
    }
}

/// The sum of all write-ahead logs in a folder, remembered for a moment.
#[derive(Debug, Default)]
pub(super) struct WalBytes(Mutex<Option<(Instant, Duration, u64)>>);

impl WalBytes {
    fn sum(&self, folder: &Path) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((at, holds, sum)) = *last
            && now.duration_since(at) < holds
        {
            return sum;
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let logs = entries.filter(|entry| entry.file_name().as_encoded_bytes().ends_with(wal::SUFFIX.as_bytes()));
        let sum = logs.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
        *last = Some((now, now.elapsed().saturating_mul(SUM_VALID_FACTOR).max(SUM_VALID), sum));
        sum
    }
}

/// Watches the disk space while a session's statements change rows.
pub(super) struct SpaceWatch {
    folder: Arc<PathBuf>,
    /// A statement ends when less than this is free; 0 turns the watch off.
    floor: AtomicU64,
    has_ended: AtomicBool,
    /// The longest write-ahead log that is left as it is.
    most_wal: AtomicU64,
}

impl SpaceWatch {
    /// Has SQLite check the space whenever it changes a row.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn install(folder: Arc<PathBuf>, connection: &mut Connection) -> rusqlite::Result<Arc<Self>> {
        let (floor, most_wal) = (AtomicU64::new(0), AtomicU64::new(wal::KEPT));
        let watch = Arc::new(Self { folder, floor, has_ended: AtomicBool::new(false), most_wal });
        let (watching, handle) = (Arc::clone(&watch), connection.get_interrupt_handle());
        let mut checked = Instant::now();
        connection.update_hook(Some(move |_, _: &str, _: &str, _| {
            let floor = watching.floor.load(Ordering::Relaxed);
            if floor == 0 || checked.elapsed() < CHECK_EACH {
                return;
            }
            checked = Instant::now();
            if Space::of(&watching.folder).is_some_and(|space| space.free < floor) {
                watching.has_ended.store(true, Ordering::Relaxed);
                handle.interrupt();
            }
        }))?;
        Ok(watch)
    }

    /// Begins a statement; returns how many bytes it may add to its databases, where that is limited.
    ///
    /// # Errors
    /// 1114 where there is no space for it.
    pub(super) fn begin(&self, translated: &Translated, wal_bytes: &WalBytes) -> Result<Option<u64>, SqlError> {
        self.has_ended.store(false, Ordering::Relaxed);
        self.stop();
        let space_use = SpaceUse::of(translated);
        if translated.kind == StatementKind::Query {
            return Ok(None);
        }
        let Some(space) = Space::of(&self.folder) else { return Ok(None) };
        self.most_wal.store(space.most_wal(), Ordering::Relaxed);
        // Changed rows may use a part of the reserve, so that a table can be filled again after DELETE.
        let (floor, grows) = match space_use {
            SpaceUse::Grows => (space.reserved() / 2, true),
            SpaceUse::Frees => (space.reserved() / 4, false),
            SpaceUse::Unlimited => return Ok(None),
        };
        if space.free < floor {
            return Err(self.full(translated));
        }
        self.floor.store(floor, Ordering::Relaxed);
        if !grows || (space.is_plenty() && translated.kind != StatementKind::Definition) {
            return Ok(None);
        }
        let taken = space.reserved().saturating_add(wal_bytes.sum(&self.folder));
        Ok(Some(space.free.saturating_sub(taken) / 2))
    }

    /// Ends the watch, because only temporary and in-memory tables change from here on.
    pub(super) fn stop(&self) {
        self.floor.store(0, Ordering::Relaxed);
    }

    /// The error of a statement: 1114 where the disk space ended it, else `error`.
    pub(super) fn explain(&self, error: SqlError, translated: &Translated, is_limited: bool) -> SqlError {
        let has_ended = self.has_ended.swap(false, Ordering::Relaxed) || (is_limited && error.code == 1021);
        if has_ended { self.full(translated) } else { error }
    }

    /// The longest write-ahead log that is left as it is, by the free space when the last change began.
    pub(super) fn most_wal(&self) -> u64 {
        self.most_wal.load(Ordering::Relaxed)
    }

    fn full(&self, translated: &Translated) -> SqlError {
        let table = translated.accesses.iter().find_map(|access| access.table.as_deref()).unwrap_or_default();
        let reserved = Space::of(&self.folder).map_or(0, Space::reserved);
        let message = format!(
            "The table '{table}' is full: {reserved} bytes of the data directory's file system are reserved for statements that free space, and \
             a change takes its space twice until SQLite has written it back; delete rows, drop tables or databases, end open transactions, \
             or let the administrator free disk space",
        );
        SqlError::new(1114, b"HY000", message)
    }
}

/// Refuses to create a database where space is short.
///
/// # Errors
/// The reason, as text.
pub(super) fn refuse_if_short(folder: &Path) -> Result<(), &'static str> {
    if Space::of(folder).is_some_and(Space::is_short) {
        return Err(
            "the free space of the data directory's file system is reserved for statements that free space; drop tables or databases",
        );
    }
    Ok(())
}

/// Limits the growth of a database; `None` removes the limit.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_growth(connection: &Connection, schema: &str, bytes: Option<u64>) -> rusqlite::Result<()> {
    let count = |name: &str| connection.pragma_query_value(Some(schema), name, |row| row.get::<_, u32>(0));
    let most = match bytes {
        None => UNBOUNDED,
        Some(bytes) => {
            let pages = bytes / u64::from(count("page_size")?.max(1));
            count("page_count")?.saturating_add(u32::try_from(pages).unwrap_or(UNBOUNDED)).clamp(1, UNBOUNDED)
        }
    };
    connection.pragma_update_and_check(Some(schema), "max_page_count", most, |_| Ok(()))
}

/// SQLite's own limit.
const UNBOUNDED: u32 = 0xffff_fffe;
