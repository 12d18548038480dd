//! How much room there is for tables: whoever fills them must leave some for what frees it, for the accounts, and for other databases, which lie
//! on the same file system.
//!
//! A change is written beside its database first, and then into it, so that it takes its room twice; what is open keeps the first of the two.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::wal;
use crate::engine::translate::{Kind, Translated};
use crate::memory;

/// The part of the file system that tables leave free, and the most bytes that this is. Temporary files leave more: see [`super::temporary`].
const RESERVED_PART: u64 = 20;
const MOST_RESERVED: u64 = 512 << 20;
/// With so much free beside half of the file system, no statement is near the end of it, whatever others have written and not yet committed.
const PLENTY: u64 = 4 << 30;
/// How often a statement that changes rows looks.
const CHECK_EACH: Duration = Duration::from_millis(5);
/// How long the sum of all that waits beside databases is taken for true, at least, and in parts of the time that it takes.
const SUM_VALID: Duration = Duration::from_millis(100);
const SUM_VALID_PARTS: u32 = 20;

/// What is free on the file system of a folder, of how much.
#[derive(Debug, Clone, Copy)]
struct Space {
    all: u64,
    free: u64,
}

impl Space {
    /// Where the system does not tell, there is none to tell of.
    fn of(folder: &Path) -> Option<Self> {
        let system = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        Some(Self { all: bytes(system.f_blocks), free: bytes(system.f_bavail) })
    }

    /// What tables leave free.
    fn reserved(self) -> u64 {
        (self.all / RESERVED_PART).min(MOST_RESERVED)
    }

    fn is_plenty(self) -> bool {
        self.free / 2 > self.all / 4 + PLENTY / 2
    }

    /// So short may what waits beside a database be that it is most_wal there.
    fn most_wal(self) -> u64 {
        let is_scarce = self.free < self.reserved().saturating_mul(2);
        if is_scarce { memory::LARGE as u64 } else { self.reserved().clamp(memory::LARGE as u64, wal::KEPT) }
    }

    /// Whether nothing more may be made.
    fn is_short(self) -> bool {
        self.free < self.reserved()
    }
}

/// What a statement may take of the room that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SpaceUse {
    /// Nothing: it adds to a database.
    Grows,
    /// A part, because it frees what others can use.
    Frees,
    /// All.
    Unlimited,
}

impl SpaceUse {
    fn of(translated: &Translated) -> Self {
        let frees = |sql: &String| sql.starts_with("DROP ") || sql.starts_with("DELETE ");
        match translated.kind {
            Kind::Query => Self::Unlimited,
            Kind::Delete => Self::Frees,
            Kind::Definition if translated.statements.iter().all(frees) => Self::Unlimited,
            Kind::Definition | Kind::Insert | Kind::Upsert | Kind::Replace | Kind::Update => Self::Grows,
        }
    }
}

/// The bytes that all databases of a folder have beside them, as they were some moments ago.
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
        *last = Some((now, now.elapsed().saturating_mul(SUM_VALID_PARTS).max(SUM_VALID), sum));
        sum
    }
}

/// Watches the room while a connection's statements change rows.
pub(super) struct SpaceWatch {
    folder: Arc<PathBuf>,
    /// A statement ends where less is free; 0 watches nothing.
    floor: AtomicU64,
    has_ended: AtomicBool,
    /// So many bytes may stay beside a database.
    most_wal: AtomicU64,
}

impl SpaceWatch {
    /// Has SQLite look at the room with the rows that it changes.
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

    /// A statement begins; how many bytes it may add to its databases, where that is to be bounded.
    ///
    /// # Errors
    /// 1114 where there is no room for it.
    pub(super) fn begin(&self, translated: &Translated, wal_bytes: &WalBytes) -> Result<Option<u64>, SqlError> {
        self.has_ended.store(false, Ordering::Relaxed);
        self.stop();
        let space_use = SpaceUse::of(translated);
        if translated.kind == Kind::Query {
            return Ok(None);
        }
        let Some(space) = Space::of(&self.folder) else { return Ok(None) };
        self.most_wal.store(space.most_wal(), Ordering::Relaxed);
        // Rows that are there are changed in room that is kept, so that a table out of which rows were deleted can be filled again.
        let (floor, grows) = match space_use {
            SpaceUse::Grows => (space.reserved() / 2, true),
            SpaceUse::Frees => (space.reserved() / 4, false),
            SpaceUse::Unlimited => return Ok(None),
        };
        if space.free < floor {
            return Err(self.full(translated));
        }
        self.floor.store(floor, Ordering::Relaxed);
        if !grows || (space.is_plenty() && translated.kind != Kind::Definition) {
            return Ok(None);
        }
        let taken = space.reserved().saturating_add(wal_bytes.sum(&self.folder));
        Ok(Some(space.free.saturating_sub(taken) / 2))
    }

    /// Nothing is changed from here on but tables in memory and temporary ones.
    pub(super) fn stop(&self) {
        self.floor.store(0, Ordering::Relaxed);
    }

    /// The statement is over: its error, where the room has ended it.
    pub(super) fn explain(&self, error: SqlError, translated: &Translated, is_bounded: bool) -> SqlError {
        let has_ended = self.has_ended.swap(false, Ordering::Relaxed) || (is_bounded && error.code == 1021);
        if has_ended { self.full(translated) } else { error }
    }

    /// So many bytes may stay beside a database, as the room was when the last change began.
    pub(super) fn most_wal(&self) -> u64 {
        self.most_wal.load(Ordering::Relaxed)
    }

    fn full(&self, translated: &Translated) -> SqlError {
        let table = translated.accesses.iter().find_map(|access| access.table.as_deref()).unwrap_or_default();
        let reserved = Space::of(&self.folder).map_or(0, Space::reserved);
        let message = format!(
            "The table '{table}' is full: {reserved} bytes of the data directory's file system are kept for what frees room, and a change takes its \
             room twice until it is written back; delete rows, drop tables or databases, end open transactions, or let the administrator \
             make room",
        );
        SqlError::new(1114, b"HY000", message)
    }
}

/// Refuses to make a database where there is no room.
///
/// # Errors
/// A sentence.
pub(super) fn refuse_if_short(folder: &Path) -> Result<(), &'static str> {
    if Space::of(folder).is_some_and(Space::is_short) {
        return Err(
            "the little room that the data directory's file system has is kept for what frees some: drop tables or databases",
        );
    }
    Ok(())
}

/// Bounds a database's growth.
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

/// SQLite's own bound.
const UNBOUNDED: u32 = 0xffff_fffe;
