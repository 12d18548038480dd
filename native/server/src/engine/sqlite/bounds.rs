//! What a running statement may take beside its time: steps of a recursion, the length of texts, temporary files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::limits::Limit;
use sealwire_core::error::SqlError;

use super::temporary::{self, Share};
use crate::engine::translate::Reading;
use crate::engine::{Interruption, LOCK_WAIT, Request, SessionContext, stopped};
use crate::memory::{self, Held, Made};

/// SQLite asks after about this many steps of its machine whether to go on: some 10 microseconds, where values are short.
const STEPS: i32 = 1000;
/// A lock is asked for after so many milliseconds at most.
const LONGEST_SLEEP: u64 = 20;
/// How often the temporary files are measured.
const MEASURE_EACH: Duration = Duration::from_millis(20);
/// A record of SQLite's has a head beside its values.
const HEAD: usize = 1 << 20;
/// A row that is sent may be so many times `max_allowed_packet`: each of its values may be that long.
const VALUES_OF_A_ROW: usize = 4;
/// Large values that are alive at once in a row, as a multiple of the longest.
const LARGE_VALUES: usize = 8;
/// No more warnings are kept of one statement, as `max_error_count` has it.
const MOST_WARNINGS: usize = 1024;

/// LockRetries for a lock of another connection: SQLite asks whether to go on waiting, as it would sleep through a stop by itself.
#[derive(Default)]
pub(super) struct LockRetries {
    begun: Option<Instant>,
}

impl LockRetries {
    /// Whether to ask for the lock once more: `count` says how often SQLite has asked, `sleep` retries and tells whether that was stopped.
    pub(super) fn go_on(&mut self, count: i32, most: Duration, sleep: impl FnOnce(Duration) -> bool) -> bool {
        if count == 0 {
            self.begun = None;
        }
        let left = most.saturating_sub(self.begun.get_or_insert_with(Instant::now).elapsed());
        let step = Duration::from_millis(u64::try_from(count).unwrap_or(0).clamp(1, LONGEST_SLEEP));
        !left.is_zero() && !sleep(step.min(left))
    }
}

/// The limits of one connection.
pub(super) struct Bounds {
    pub(super) interruption: Arc<Interruption>,
    /// `max_allowed_packet` when the session began.
    longest_text: AtomicUsize,
    running: Mutex<Running>,
    /// How long a statement retries for another's lock.
    lock_wait: Mutex<Duration>,
    /// The session's temporary tables.
    tables: Mutex<Share>,
    /// Bytes of the values that functions have made since the temporary files were looked at.
    uncounted: AtomicUsize,
    /// Whether the statement holds large values.
    holds_large: AtomicBool,
}

/// Whether there is memory.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    Granted,
    Later,
    Never,
}

#[derive(Default)]
struct Running {
    /// Why the limits end_error the statement.
    end_error: Option<SqlError>,
    /// Rows that each recursive part has given.
    recursions: HashMap<i64, i64>,
    warnings: Vec<SqlError>,
    /// Bytes of the large values that functions have made since the last row.
    large: usize,
    /// Bytes of those that were made before the first row: SQLite may keep them to the end, because they are constants.
    first: Option<usize>,
    /// Bytes of the last row, if it is large: SQLite keeps it until the next.
    row: usize,
    /// All that is large, as it counts for the account: what is beyond that which was reserved with the statement's text.
    held: Held,
    reserved: usize,
    /// Bytes that functions have made since the last row, and those made before the first: the statement holds no more of them.
    made: usize,
    first_made: Option<usize>,
    may_hold: Made,
    /// `user@host` of the account, once there is something large.
    account: Option<String>,
    context: Option<Arc<dyn SessionContext>>,
    measured: Option<Instant>,
    /// Bytes that the thread had written when the statement began.
    written_before: Option<u64>,
    counts_files: bool,
    /// The bytes of the session's temporary tables before the statement, where it puts rows into one.
    tables_before: Option<u64>,
}

impl Running {
    /// Counts what the statement holds for its account, and so many bytes more where there is memory for them.
    fn grant(&mut self, more: usize) -> Grant {
        let Some(context) = &self.context else { return Grant::Granted };
        let account = self.account.get_or_insert_with(|| context.account());
        let all = self.large.saturating_add(self.first.unwrap_or_default()).saturating_add(self.row);
        let holds = all.saturating_sub(self.reserved);
        let would_hold = all.saturating_add(more).saturating_sub(self.reserved);
        self.held.set(account, would_hold);
        let most = context.allowances().memory;
        if would_hold == 0 || memory::is_left_for(account, would_hold - holds, most) {
            return Grant::Granted;
        }
        self.held.set(account, holds);
        if memory::is_too_much(would_hold, most) { Grant::Never } else { Grant::Later }
    }

    /// Counts what functions have made, large or not.
    ///
    /// # Errors
    /// 1041 where memory is short, and the account's statements may hold more than a share.
    fn count_made(&mut self, bytes: usize) -> Result<(), SqlError> {
        self.made = self.made.saturating_add(bytes);
        let Some(context) = &self.context else { return Ok(()) };
        let account = self.account.get_or_insert_with(|| context.account());
        let may_hold = self.made.saturating_add(self.first_made.unwrap_or_default());
        self.may_hold.count(account, may_hold);
        if memory::is_over_share(account, context.allowances().memory) {
            let message = format!(
                "Out of memory: the server has none left for a statement whose functions have made {may_hold} bytes for one row; select fewer or \
                 shorter values, or try again later"
            );
            return Err(self.end(message));
        }
        Ok(())
    }

    /// A row is given: what was made for it is no longer held, but for what was made once for all rows.
    fn forget_made(&mut self) {
        let made = std::mem::take(&mut self.made);
        let first = *self.first_made.get_or_insert(made);
        if let Some(account) = &self.account {
            self.may_hold.count(account, first);
        }
    }

    /// Why the statement ends because memory is used up, the reserve included, where it does.
    fn is_memory_used_up(&mut self) -> Option<SqlError> {
        let most = self.context.as_ref()?.allowances().memory;
        let message = "Out of memory: the server has used up what it may have, and ends statements; try again later";
        memory::is_used_up(most).then(|| self.end(message.to_owned()))
    }

    /// Why the statement's temporary files end it, where they do.
    fn is_disk_full(&mut self, now: Instant, tables: &Mutex<Share>) -> Option<SqlError> {
        self.measured = Some(now);
        let (true, Some(written), Some(context)) = (self.counts_files, written_by_thread(), self.context.clone())
        else {
            return None;
        };
        let written = written.saturating_sub(*self.written_before.get_or_insert(written));
        if let Some(before) = self.tables_before
            && written > 0
        {
            let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.set(&context.account(), before.saturating_add(written));
            if let Some(error) = tables.refusal() {
                self.end_error = Some(error.clone());
                return Some(error);
            }
        }
        let limit = context.allowances().temporary_files;
        let message = if limit > 0 && written > limit {
            format!(
                "The table '(temporary)' is full: the statement has written more than tmp_disk_limit ({limit} bytes) of temporary \
                 files; let it sort or join less, or raise @@GLOBAL.tmp_disk_limit"
            )
        } else if written > memory::LARGE as u64 && temporary::is_short() {
            temporary::full().message
        } else {
            return None;
        };
        let error = SqlError::new(1114, b"HY000", message);
        self.end_error = Some(error.clone());
        Some(error)
    }

    fn end(&mut self, message: String) -> SqlError {
        let error = SqlError::new(1041, b"HY000", message);
        self.end_error = Some(error.clone());
        error
    }
}

impl Bounds {
    pub(super) fn new(interruption: Arc<Interruption>) -> Arc<Self> {
        Arc::new(Self {
            interruption,
            longest_text: AtomicUsize::new(64 << 20),
            running: Mutex::new(Running::default()),
            lock_wait: Mutex::new(LOCK_WAIT),
            tables: Mutex::default(),
            uncounted: AtomicUsize::new(0),
            holds_large: AtomicBool::new(false),
        })
    }

    /// Has SQLite ask the limits while statements run.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn install(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let bounds = Arc::clone(self);
        let (waiting, mut retries) = (Arc::clone(self), LockRetries::default());
        connection.busy_handler(Some(move |count| {
            let most = *waiting.lock_wait.lock().unwrap_or_else(PoisonError::into_inner);
            retries.go_on(count, most, |step| waiting.interruption.sleep(step))
        }))?;
        connection.progress_handler(STEPS, Some(move || bounds.is_over()))
    }

    /// Takes the limits of the session, once: `max_allowed_packet` of a session does not change.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn read_session_limits(
        &self,
        connection: &Connection,
        context: &dyn SessionContext,
    ) -> rusqlite::Result<()> {
        let most = usize::try_from(context.allowances().text).unwrap_or(usize::MAX);
        self.longest_text.store(most, Ordering::Relaxed);
        let length = i32::try_from(most.saturating_add(HEAD)).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length).map(drop)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long statements wait for another's lock from now on.
    pub(super) fn wait_for_locks(&self, most: Duration) {
        *self.lock_wait.lock().unwrap_or_else(PoisonError::into_inner) = most;
    }

    fn tables(&self) -> MutexGuard<'_, Share> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to put rows into a temporary table where there is no room for them, or its account has more than a share.
    ///
    /// # Errors
    /// 1114.
    pub(super) fn require_space_for_tables(&self) -> Result<(), SqlError> {
        if temporary::is_short() {
            return Err(temporary::full());
        }
        self.running().tables_before = Some(self.tables().bytes());
        self.tables().refusal().map_or(Ok(()), Err)
    }

    /// Counts the session's temporary tables as they are now.
    pub(super) fn count_tables(&self, connection: &Connection, context: &dyn SessionContext) {
        let number = |name: &str| connection.pragma_query_value(Some("temp"), name, |row| row.get::<_, i64>(0));
        if let (Ok(pages), Ok(size)) = (number("page_count"), number("page_size")) {
            let bytes = u64::try_from(pages.saturating_mul(size)).unwrap_or_default();
            self.tables().set(&context.account(), bytes);
        }
    }

    /// A statement begins.
    pub(super) fn begin(&self, request: &Request<'_>, is_query: bool) {
        *self.running() = Running {
            context: Some(Arc::clone(request.context)),
            counts_files: is_query,
            reserved: request.limits.reserved,
            ..Running::default()
        };
    }

    /// The statement is over: its warnings.
    pub(super) fn end(&self) -> Vec<SqlError> {
        std::mem::take(&mut self.running().warnings)
    }

    /// The statement is over, well or not: what it held is given back.
    pub(super) fn release(&self) {
        let mut running = self.running();
        running.context = None;
        running.held = Held::default();
        running.may_hold = Made::default();
    }

    /// Why the limits end_error the last statement, where they did.
    pub(super) fn take_error(&self) -> Option<SqlError> {
        self.running().end_error.take()
    }

    /// The longest text that a function may make, in bytes.
    pub(super) fn longest_text(&self) -> usize {
        self.longest_text.load(Ordering::Relaxed)
    }

    /// The longest row that is sent, in bytes.
    pub(super) fn longest_row(&self) -> usize {
        self.longest_text().saturating_mul(VALUES_OF_A_ROW)
    }

    /// A function has made a value of so many bytes.
    ///
    /// # Errors
    /// 1041 where the row, or the server, would hold too many of them at once; 1317 and 3024 where the statement is to stop.
    pub(super) fn count_value(&self, bytes: usize) -> Result<(), SqlError> {
        // SQLite may write them between two of its questions.
        let uncounted = self.uncounted.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if uncounted < memory::LARGE {
            return Ok(());
        }
        self.uncounted.store(0, Ordering::Relaxed);
        if self.interruption.is_stopped() {
            return Err(stopped(&self.interruption));
        }
        let mut running = self.running();
        if let Some(error) = running.is_disk_full(Instant::now(), &self.tables) {
            return Err(error);
        }
        self.holds_large.store(true, Ordering::Relaxed);
        running.count_made(uncounted)?;
        if bytes < memory::LARGE {
            return Ok(());
        }
        running.large = running.large.saturating_add(bytes);
        let most = self.longest_text().saturating_mul(LARGE_VALUES);
        // A change makes as many as it has rows, and keeps none of them.
        if running.counts_files && running.large > most {
            let message = format!(
                "Out of memory: functions have made {} bytes of large values for one row, of {most} allowed; select fewer or shorter values",
                running.large
            );
            return Err(running.end(message));
        }
        drop(running);
        self.wait_for_room(bytes, "a value")
    }

    /// What reading the statement of a request asks.
    pub(super) fn reading<'a>(&'a self, request: &'a Request<'_>) -> ReadingMemory<'a> {
        ReadingMemory { bounds: self, context: request.context.as_ref(), reserved: request.limits.reserved }
    }

    /// LockRetries for memory for so many bytes more, and counts them.
    ///
    /// # Errors
    /// 1041 where none comes back in time, 1317 and 3024 where the statement is stopped meanwhile.
    fn wait_for_room(&self, bytes: usize, what: &str) -> Result<(), SqlError> {
        let begun = Instant::now();
        loop {
            let room = self.running().grant(bytes);
            if room == Grant::Granted {
                return Ok(());
            }
            if room == Grant::Never || begun.elapsed() >= memory::PATIENCE_OF_HOLDERS {
                let message =
                    format!("Out of memory: the server has none left for {what} of {bytes} bytes; try again later");
                return Err(self.running().end(message));
            }
            if self.interruption.sleep(memory::LOOKS_EACH) {
                return Err(stopped(&self.interruption));
            }
        }
    }

    /// A row is to be copied for the client: what was made for it is no longer needed, and SQLite keeps the row until the next.
    ///
    /// # Errors
    /// 1041 where there is no memory for the copy.
    pub(super) fn begin_row(&self, bytes: usize) -> Result<(), SqlError> {
        let is_large = bytes >= memory::LARGE;
        // Of a row that is small, no more than that the one before it was large.
        if !self.holds_large.swap(is_large, Ordering::Relaxed) && !is_large {
            return Ok(());
        }
        let mut running = self.running();
        running.forget_made();
        let made = std::mem::take(&mut running.large);
        running.row = if is_large { bytes } else { 0 };
        if running.first.is_none() {
            // The row is made of them.
            running.first = Some(made.saturating_sub(bytes));
        }
        if !is_large {
            running.grant(0);
            return Ok(());
        }
        drop(running);
        self.wait_for_room(bytes, "a row")
    }

    /// The copy of a large row is on its way, where it counts by itself.
    pub(super) fn end_row(&self) {
        if self.holds_large.load(Ordering::Relaxed) {
            self.running().grant(0);
        }
    }

    /// A function would have made a longer text than it may: its result is NULL, with a warning.
    pub(super) fn warn_too_long(&self, function: &str) {
        let most = self.longest_text();
        let message = format!("Result of {function}() was larger than max_allowed_packet ({most}) - truncated");
        let mut running = self.running();
        if running.warnings.len() < MOST_WARNINGS {
            running.warnings.push(SqlError::new(1301, b"HY000", message));
        }
    }

    /// A recursive query begins anew.
    pub(super) fn start_recursion(&self, number: i64) {
        self.running().recursions.insert(number, 0);
    }

    /// A recursive part gives one more row.
    ///
    /// # Errors
    /// 3636 where it may not.
    pub(super) fn step_recursion(&self, number: i64, most: i64) -> Result<(), SqlError> {
        let mut running = self.running();
        let rows = running.recursions.entry(number).or_default();
        *rows += 1;
        if *rows <= most {
            return Ok(());
        }
        let message = format!(
            "Recursive query aborted after {rows} iterations. Try increasing @@cte_max_recursion_depth to a larger value."
        );
        let error = SqlError::new(3636, b"HY000", message);
        running.end_error = Some(error.clone());
        Err(error)
    }

    fn is_over(&self) -> bool {
        if self.interruption.is_stopped() {
            return true;
        }
        let mut running = self.running();
        let now = Instant::now();
        let is_due = running.measured.is_none_or(|last| now - last >= MEASURE_EACH);
        is_due && (running.is_disk_full(now, &self.tables).is_some() || running.is_memory_used_up().is_some())
    }
}

/// Counts what reading a statement takes for its account: what is beyond that which was reserved with the statement's text.
pub(super) struct ReadingMemory<'a> {
    bounds: &'a Bounds,
    context: &'a dyn SessionContext,
    reserved: usize,
}

impl Reading for ReadingMemory<'_> {
    fn room(&self, bytes: usize) -> Result<Held, SqlError> {
        let mut held = Held::default();
        let more = bytes.saturating_sub(self.reserved);
        if more < memory::LARGE {
            return Ok(held);
        }
        let (account, most) = (self.context.account(), self.context.allowances().memory);
        let begun = Instant::now();
        loop {
            held.count(&account, more);
            if memory::is_left_for(&account, more, most) {
                return Ok(held);
            }
            held.count(&account, 0);
            if memory::is_too_much(more, most) || begun.elapsed() >= memory::PATIENCE {
                let message = format!(
                    "Out of memory: the server has none left for a statement that takes {bytes} bytes to read; send it in parts, or try again later"
                );
                return Err(SqlError::new(1041, b"HY000", message));
            }
            if self.bounds.interruption.sleep(memory::LOOKS_EACH) {
                return Err(stopped(&self.bounds.interruption));
            }
        }
    }

    fn go_on(&self) -> Result<(), SqlError> {
        self.bounds.interruption.go_on()
    }
}

/// A warning for each of so many rows, as many as are kept.
pub(super) fn repeated(warning: SqlError, rows: u64) -> impl Iterator<Item = SqlError> {
    std::iter::repeat_n(warning, usize::try_from(rows).unwrap_or(usize::MAX).min(MOST_WARNINGS))
}

/// Bytes that this thread has given to write calls. A query writes nothing but temporary files on its thread: rows are sent by another.
fn written_by_thread() -> Option<u64> {
    let io = std::fs::read_to_string("/proc/thread-self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("wchar: "))?.trim().parse().ok()
}

/// Steps of SQLite's program for any statement, and for each byte of it.
const STEPS_OF_A_PROGRAM: usize = 1_000_000;
const STEPS_OF_A_BYTE: usize = 4;

fn most_steps(sql: &str) -> usize {
    sql.len().saturating_mul(STEPS_OF_A_BYTE).saturating_add(STEPS_OF_A_PROGRAM)
}

/// Bounds SQLite's program for a statement that is compiled next. A statement that is too complex is refused before: this is for what no
/// weight counts.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_program(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let most = i32::try_from(most_steps(sql)).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_VDBE_OP, most).map(drop)
}

/// The error of a statement whose program is too long.
pub(super) fn program_too_long(sql: &str) -> SqlError {
    let message = format!(
        "Out of memory: the statement needs more than {} steps of the engine's, or more memory than is left; store inner results in temporary \
         tables, or send the statement in parts",
        most_steps(sql)
    );
    SqlError::new(1041, b"HY000", message)
}

/// Bounds the memory of all connections together, for the process. SQLite lets nobody raise it again. `most` is
/// `global_connection_memory_limit`.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_heap(connection: &Connection, most: u64) -> rusqlite::Result<()> {
    // Never so little that ordinary work fails. Who holds more than a share is refused before, so that this refuses nobody else.
    let most = memory::most(most).max(512 << 20);
    let set = format!("PRAGMA hard_heap_limit = {}", i64::try_from(most).unwrap_or(i64::MAX));
    connection.query_row(&set, [], |_| Ok(()))
}

/// Bounds the temporary tables of a session: pages of 4 KiB, 1 GiB in all.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_temporary(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA temp.max_page_count = 262144", [], |_| Ok(()))
}
