//! The events of an open transaction, which its commit appends to the binary log.
//!
//! Events are kept as the log will hold them, but without their positions and checksums, which are known at commit only.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealwire_binlog::{Body, EventFlags, EventType, HEADER};
use sealwire_core::error::SqlError;

use super::events;
use super::group::{Contents, Format, Statement as LoggedStatement, put_query, query_flags, second_of};
use super::table::{Change, LoggedTable, Present};

/// From this size on a transaction is in a file, as `binlog_cache_size` has it in mysqld.
const MOST_IN_MEMORY: usize = 256 * 1024;
/// A row event takes no more rows from this size on, as `binlog_row_event_max_size` has it in mysqld.
const EVENT_SIZE: usize = 8 * 1024;

/// How the events of a transaction are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheLimits {
    /// The most bytes: `max_binlog_cache_size`.
    pub(crate) size: u64,
    /// The most bytes of it in temporary files: `tmp_disk_limit`.
    pub(crate) disk: u64,
}

/// A state of the cache, to which it can go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark(u64);

/// The events of one session's transaction.
#[derive(Default)]
pub(crate) struct TransactionCache {
    /// The events that are not in the file; they follow those in the file.
    memory: Vec<u8>,
    spilled: Option<Spilled>,
    statement: Statement,
    has_definition: bool,
}

/// The file that holds the front of a large transaction. It has no name, so that it is gone with the process.
struct Spilled {
    file: File,
    length: u64,
}

/// The rows of the statement that is running.
#[derive(Default)]
struct Statement {
    /// Its text, until it is written before the first row.
    text: Option<Vec<u8>>,
    /// The table of the event that is being filled.
    table: Option<Arc<LoggedTable>>,
    change: Option<Change>,
    /// The columns of its rows.
    present: Present,
    /// The rows of the event that is being filled.
    rows: Vec<u8>,
}

impl TransactionCache {
    /// Whether there is nothing to log.
    pub(crate) const fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.spilled.is_none() && self.statement.rows.is_empty()
    }

    /// The number of bytes of the complete events.
    pub(crate) fn length(&self) -> u64 {
        self.spilled.as_ref().map_or(0, |spilled| spilled.length) + self.memory.len() as u64
    }

    /// The kind of the transaction.
    pub(super) const fn contents(&self) -> Contents {
        if self.has_definition { Contents::Definition } else { Contents::Changes }
    }

    /// Notes that a statement begins; `text` is written before its rows.
    pub(crate) fn begin_statement(&mut self, text: Option<Vec<u8>>) -> Mark {
        self.statement = Statement { text, ..Statement::default() };
        Mark(self.length())
    }

    /// Adds a changed row, as its images are in the log, and the columns that they have.
    ///
    /// # Errors
    /// 1197 where the transaction is too large, 1026 where its file can't be written.
    pub(crate) fn add(
        &mut self,
        table: &Arc<LoggedTable>,
        change: Change,
        (present, images): (Present, &[u8]),
        limits: CacheLimits,
    ) -> Result<(), SqlError> {
        let is_of_event = self.statement.table.as_ref().is_some_and(|own| own.id == table.id)
            && self.statement.change == Some(change)
            && self.statement.present == present
            && self.statement.rows.len() < EVENT_SIZE;
        if !is_of_event {
            let is_same_table = self.statement.table.as_ref().is_some_and(|own| own.id == table.id);
            self.close_event(!is_same_table, limits)?;
            if let Some(text) = self.statement.text.take() {
                self.put(
                    table.statement_event,
                    EventFlags::NONE,
                    |out| events::put_statement(table.statement_event, &text, out),
                    limits,
                )?;
            }
            if !is_same_table {
                self.put(EventType::TABLE_MAP, EventFlags::NONE, |out| out.extend_from_slice(&table.map), limits)?;
            }
            self.statement.table = Some(Arc::clone(table));
            self.statement.change = Some(change);
            self.statement.present = present;
        }
        self.statement.rows.extend_from_slice(images);
        Ok(())
    }

    /// Adds a statement between others.
    ///
    /// # Errors
    /// As for [`TransactionCache::add`].
    pub(crate) fn add_query(
        &mut self,
        format: &Format,
        statement: &LoggedStatement<'_>,
        limits: CacheLimits,
    ) -> Result<(), SqlError> {
        // The commit has the group's number.
        let body = |out: &mut Vec<u8>| put_query(format, statement, 0, out);
        let at = statement.moment.unwrap_or_else(events::now);
        let flags = query_flags(statement);
        self.has_definition |= statement.is_definition;
        events::put_unplaced_at(at, EventType::QUERY, flags, body, &mut self.memory);
        if let Some(second) = second_of(format, statement) {
            let body = |out: &mut Vec<u8>| put_query(format, &second, 0, out);
            events::put_unplaced_at(at, EventType::QUERY, flags, body, &mut self.memory);
        }
        self.bound(limits)
    }

    /// Adds an event that gives the following statement a value.
    ///
    /// # Errors
    /// As for [`TransactionCache::add`].
    pub(crate) fn add_value(&mut self, value: &Body<'_>, limits: CacheLimits) -> Result<(), SqlError> {
        let Some(event_type) = value.event_type() else { return Ok(()) };
        self.put(event_type, EventFlags::NONE, |out| value.encode(out), limits)
    }

    /// Notes that the statement has ended.
    ///
    /// # Errors
    /// As for [`TransactionCache::add`].
    pub(crate) fn end_statement(&mut self, limits: CacheLimits) -> Result<(), SqlError> {
        self.close_event(true, limits)?;
        self.statement = Statement::default();
        Ok(())
    }

    /// The state now, between statements.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.length())
    }

    /// Drops all that was added since the mark.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        self.statement = Statement::default();
        let in_file = self.spilled.as_ref().map_or(0, |spilled| spilled.length);
        if let Some(in_memory) = mark.0.checked_sub(in_file).filter(|_| mark.0 > 0) {
            self.memory.truncate(usize::try_from(in_memory).unwrap_or(usize::MAX));
            return;
        }
        self.memory = Vec::new();
        if mark.0 == 0 {
            self.spilled = None;
            self.has_definition = false;
        } else if let Some(spilled) = &mut self.spilled {
            spilled.length = mark.0;
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.go_back(Mark(0));
    }

    /// Writes the event that is being filled; `is_last` says whether the statement has no more rows in this table.
    fn close_event(&mut self, is_last: bool, limits: CacheLimits) -> Result<(), SqlError> {
        let (Some(table), Some(change)) = (self.statement.table.clone(), self.statement.change.take()) else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.statement.rows);
        let event_type = table.row_event(change);
        let present = std::mem::take(&mut self.statement.present);
        let put = |out: &mut Vec<u8>| table.put_rows(change, &present, is_last, &rows, out);
        self.put(event_type, EventFlags::NONE, put, limits)?;
        self.statement.rows = rows;
        self.statement.rows.clear();
        if is_last {
            self.statement.table = None;
        }
        Ok(())
    }

    /// Appends an event; `body` writes its body.
    fn put(
        &mut self,
        event_type: EventType,
        flags: EventFlags,
        body: impl FnOnce(&mut Vec<u8>),
        limits: CacheLimits,
    ) -> Result<(), SqlError> {
        events::put_unplaced(event_type, flags, body, &mut self.memory);
        self.bound(limits)
    }

    /// Keeps the memory and the size within their limits.
    fn bound(&mut self, limits: CacheLimits) -> Result<(), SqlError> {
        if self.length() > limits.size {
            return Err(too_large());
        }
        if self.memory.len() > MOST_IN_MEMORY {
            self.spill(limits)?;
        }
        Ok(())
    }

    fn spill(&mut self, limits: CacheLimits) -> Result<(), SqlError> {
        if self.length() > limits.disk {
            let message = format!(
                "The transaction has more than {} bytes in the binary log's temporary file; change fewer rows in one transaction, or raise \
                 tmp_disk_limit",
                limits.disk
            );
            return Err(SqlError::new(1197, b"HY000", message));
        }
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled { file: temporary_file().map_err(|error| unwritable(&error))?, length: 0 }),
        };
        let written =
            spilled.file.seek(SeekFrom::Start(spilled.length)).and_then(|_| spilled.file.write_all(&self.memory));
        written.map_err(|error| unwritable(&error))?;
        spilled.length += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// Passes every event to `each`, in order.
    ///
    /// # Errors
    /// Those of `each`, and of reading the file.
    pub(super) fn for_each(&mut self, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if let Some(Spilled { file, length }) = &mut self.spilled {
            file.seek(SeekFrom::Start(0))?;
            for_each_event(file, *length, &mut each)?;
        }
        let mut rest = self.memory.as_slice();
        while !rest.is_empty() {
            let size = usize::try_from(events::size_of(rest)).unwrap_or(usize::MAX);
            let (event, after) = rest.split_at_checked(size.max(HEADER)).ok_or(io::ErrorKind::UnexpectedEof)?;
            each(event)?;
            rest = after;
        }
        Ok(())
    }

    /// The number of events, and the bytes that their checksums add.
    pub(super) fn events(&mut self) -> io::Result<u64> {
        let mut events = 0;
        self.for_each(|_| {
            events += 1;
            Ok(())
        })?;
        Ok(events)
    }
}

/// Passes each event of a file, which are so many bytes, to a function, in order.
///
/// # Errors
/// Those of `each`, and of reading the file.
pub(super) fn for_each_event(
    file: &mut File,
    length: u64,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = io::BufReader::with_capacity(MOST_IN_MEMORY, file).take(length);
    let mut event = Vec::new();
    let mut head = [0; HEADER];
    while reader.limit() > 0 {
        reader.read_exact(&mut head)?;
        event.clear();
        event.extend_from_slice(&head);
        let rest = events::size_of(&head).saturating_sub(HEADER as u64);
        if (&mut reader).take(rest).read_to_end(&mut event)? as u64 != rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        each(&event)?;
    }
    Ok(())
}

fn too_large() -> SqlError {
    SqlError::new(
        1197,
        b"HY000",
        "Multi-statement transaction required more than 'max_binlog_cache_size' bytes of storage; increase this mysqld variable and try again",
    )
}

fn unwritable(error: &io::Error) -> SqlError {
    SqlError::new(1026, b"HY000", format!("Error writing the binary log's temporary file ({error})"))
}

/// A file that nobody else can open, in the directory for temporary files.
fn temporary_file() -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::var_os("SQLITE_TMPDIR").map_or_else(std::env::temp_dir, Into::into);
    let path = directory.join(format!("sealwired-binlog-{}-{number}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
