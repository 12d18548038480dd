//! Limits of a running statement other than time: recursion, the length of texts, memory and temporary files.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::limits::Limit;
use sealwire_core::error::SqlError;

use super::temporary::{self, TableShare};
use super::time::Moment;
use super::writers::Writer;
use crate::engine::translate::ParseBudget;
use crate::engine::{AppliedPlaces, Interruption, LOCK_WAIT, Request, SessionContext, stopped};
use crate::memory::{self, Granted, Held, Made};

/// SQLite asks whether to go on after about this many steps of its program: some 10 microseconds where values are short.
const STEPS: i32 = 1000;
/// The longest pause between two tries for a lock, in milliseconds.
const LONGEST_SLEEP: u64 = 20;
/// How often the size of the temporary files is read.
const MEASURE_EACH: Duration = Duration::from_millis(20);
/// Room for the header of SQLite's record, beside its values.
const HEAD: usize = 1 << 20;
/// The longest row, as a multiple of `max_allowed_packet`, because each of its values may be that long.
const VALUES_OF_A_ROW: usize = 4;
/// The large values that may be alive at once for a row, as a multiple of the longest value.
const LARGE_VALUES: usize = 8;
/// The most warnings that are kept of one statement, as the default of `max_error_count`.
const MOST_WARNINGS: usize = 1024;

/// Waits for a lock of another connection. SQLite's own wait would sleep through a stop.
#[derive(Default)]
pub(super) struct LockRetries {
    begun: Option<Instant>,
}

impl LockRetries {
    /// Whether to try again. SQLite has tried `count` times; `sleep` waits for the first time, after a
    /// wait of the second so far, and returns whether a stop cut that short.
    pub(super) fn keep_waiting(
        &mut self,
        count: i32,
        most: Duration,
        sleep: impl FnOnce(Duration, Duration) -> bool,
    ) -> bool {
        if count == 0 {
            self.begun = None;
        }
        let waited = self.begun.get_or_insert_with(Instant::now).elapsed();
        let left = most.saturating_sub(waited);
        let step = Duration::from_millis(u64::try_from(count).unwrap_or(0).clamp(1, LONGEST_SLEEP));
        !left.is_zero() && !sleep(step.min(left), waited)
    }
}

/// The limits of one session.
pub(super) struct Bounds {
    pub(super) interruption: Arc<Interruption>,
    writer: Arc<Writer>,
    /// `max_allowed_packet`, which never changes within a session.
    longest_text: AtomicUsize,
    running: Mutex<Running>,
    /// The longest wait for a lock.
    lock_wait: Mutex<Duration>,
    /// The size of the session's temporary tables.
    tables: Mutex<TableShare>,
    /// Bytes of values that functions have returned since they were last counted.
    uncounted: AtomicUsize,
    /// Whether the statement holds large values.
    holds_large: AtomicBool,
    /// The places that this server has applied as a replica.
    pub(super) applied_places: OnceLock<Arc<dyn AppliedPlaces>>,
}

/// The answer to a request for memory.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    Granted,
    Later,
    Never,
}

/// The counts of the running statement.
#[derive(Default)]
struct Running {
    /// The error by which a limit ended the statement.
    end_error: Option<SqlError>,
    /// The rows that each recursive query has returned.
    recursions: HashMap<i64, i64>,
    warnings: Vec<SqlError>,
    /// Bytes of large values that functions have returned since the last row.
    large: usize,
    /// Bytes of those that were made before the first row. SQLite may keep them to the end, because they may be constants.
    large_before_first_row: Option<usize>,
    /// Bytes of the last row if it is large, because SQLite keeps it until the next one.
    row: usize,
    /// The large value that the statement makes now.
    granted: Granted,
    /// The large values as charged to the account, without the bytes that were reserved with the statement's text.
    held: Held,
    reserved: usize,
    /// Bytes that functions have returned since the last row, and before the first: the statement holds at most these.
    made: usize,
    made_before_first_row: Option<usize>,
    may_hold: Made,
    /// `user@host` of the account; set with the first large value.
    account: Option<String>,
    context: Option<Arc<dyn SessionContext>>,
    /// The numbers from which RAND() goes on, once it was called.
    random_seeds: Option<(u64, u64)>,
    measured: Option<Instant>,
    /// Bytes that the thread had written when the statement began.
    written_before: Option<u64>,
    counts_files: bool,
    /// The size of the session's temporary tables before the statement, if the statement fills one.
    tables_size_before: Option<u64>,
}

impl Running {
    /// Charges the account for what the statement holds, and for `more` bytes if there is memory for them. The value that was granted
    /// before is made by now.
    fn grant(&mut self, more: usize) -> Grant {
        self.granted = Granted::default();
        let Some(context) = &self.context else { return Grant::Granted };
        let account = self.account.get_or_insert_with(|| context.account());
        let all = self.large.saturating_add(self.large_before_first_row.unwrap_or_default()).saturating_add(self.row);
        let holds = all.saturating_sub(self.reserved);
        let would_hold = all.saturating_add(more).saturating_sub(self.reserved);
        self.held.set(account, would_hold);
        let most = context.allowances().memory;
        if would_hold == 0 || memory::is_left_for(account, would_hold - holds, most) {
            self.granted = Granted::new(would_hold - holds);
            return Grant::Granted;
        }
        self.held.set(account, holds);
        if memory::is_too_much(would_hold, most) { Grant::Never } else { Grant::Later }
    }

    /// Counts values that functions have returned, of any size.
    ///
    /// # Errors
    /// 1041 where memory is short and the account's statements may hold more than its share.
    fn count_made(&mut self, bytes: usize) -> Result<(), SqlError> {
        self.made = self.made.saturating_add(bytes);
        let Some(context) = &self.context else { return Ok(()) };
        let account = self.account.get_or_insert_with(|| context.account());
        let may_hold = self.made.saturating_add(self.made_before_first_row.unwrap_or_default());
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

    /// Stops counting the values of a row that was sent. Values made before the first row still count, because they may be constants.
    fn forget_made(&mut self) {
        let made = std::mem::take(&mut self.made);
        let before = *self.made_before_first_row.get_or_insert(made);
        if let Some(account) = &self.account {
            self.may_hold.count(account, before);
        }
    }

    /// The error where all memory is used up, the reserve included; it ends the statement.
    fn memory_error(&mut self) -> Option<SqlError> {
        let most = self.context.as_ref()?.allowances().memory;
        let message = "Out of memory: statements have used all memory that global_connection_memory_limit allows; try again later";
        memory::is_used_up(most).then(|| self.end(message.to_owned()))
    }

    /// The error where the statement's temporary files are too large; it ends the statement.
    fn disk_error(&mut self, now: Instant, tables: &Mutex<TableShare>) -> Option<SqlError> {
        self.measured = Some(now);
        let (true, Some(written), Some(context)) = (self.counts_files, written_by_thread(), self.context.clone())
        else {
            return None;
        };
        let written = written.saturating_sub(*self.written_before.get_or_insert(written));
        if let Some(before) = self.tables_size_before
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
        let error = SqlError::out_of_memory(message);
        self.end_error = Some(error.clone());
        error
    }
}

impl Bounds {
    pub(super) fn new(interruption: Arc<Interruption>, writer: Arc<Writer>) -> Arc<Self> {
        Arc::new(Self {
            interruption,
            writer,
            longest_text: AtomicUsize::new(64 << 20),
            running: Mutex::new(Running::default()),
            lock_wait: Mutex::new(LOCK_WAIT),
            tables: Mutex::default(),
            uncounted: AtomicUsize::new(0),
            holds_large: AtomicBool::new(false),
            applied_places: OnceLock::new(),
        })
    }

    /// Has SQLite check the limits while statements run.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn install(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let bounds = Arc::clone(self);
        let (waiting, mut retries) = (Arc::clone(self), LockRetries::default());
        connection.busy_handler(Some(move |count| {
            let most = *waiting.lock_wait.lock().unwrap_or_else(PoisonError::into_inner);
            retries.keep_waiting(count, most, |step, waited| {
                waiting.writer.wait(waited, || waiting.interruption.sleep(step))
            })
        }))?;
        connection.progress_handler(STEPS, Some(move || bounds.must_stop()))
    }

    /// Reads the session's limits. One call is enough, because `max_allowed_packet` never changes within a session.
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
        if let Some(places) = context.applied_places() {
            // They are the server's, so a second call brings the same.
            let _ = self.applied_places.set(places);
        }
        let length = i32::try_from(most.saturating_add(HEAD)).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length).map(drop)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the longest wait for a lock.
    pub(super) fn wait_for_locks(&self, most: Duration) {
        *self.lock_wait.lock().unwrap_or_else(PoisonError::into_inner) = most;
    }

    fn tables(&self) -> MutexGuard<'_, TableShare> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses to fill a temporary table where the disk has no room, or the account has more than its share.
    ///
    /// # Errors
    /// 1114.
    pub(super) fn require_space_for_tables(&self) -> Result<(), SqlError> {
        if temporary::is_short() {
            return Err(temporary::full());
        }
        self.running().tables_size_before = Some(self.tables().bytes());
        self.tables().refusal().map_or(Ok(()), Err)
    }

    /// Counts the size of the session's temporary tables.
    pub(super) fn count_tables(&self, connection: &Connection, context: &dyn SessionContext) {
        let number = |name: &str| connection.pragma_query_value(Some("temp"), name, |row| row.get::<_, i64>(0));
        if let (Ok(pages), Ok(size)) = (number("page_count"), number("page_size")) {
            let bytes = u64::try_from(pages.saturating_mul(size)).unwrap_or_default();
            self.tables().set(&context.account(), bytes);
        }
    }

    /// The moment that the running statement takes for now.
    pub(super) fn now(&self) -> Moment {
        let context = self.running().context.clone();
        context.and_then(|context| context.moment()).map_or_else(Moment::now, Moment::from_unix)
    }

    /// The next number of RAND() where the statement's numbers are given; they follow each other as in MySQL.
    pub(super) fn next_random(&self) -> Option<f64> {
        const MOST: u64 = 0x3fff_ffff;
        let mut running = self.running();
        let (first, second) =
            running.random_seeds.or_else(|| running.context.as_ref().and_then(|context| context.random_seeds()))?;
        let first = (first % MOST * 3 + second % MOST) % MOST;
        running.random_seeds = Some((first, (first + second % MOST + 33) % MOST));
        Some(first as f64 / MOST as f64)
    }

    /// Begins a statement.
    pub(super) fn begin(&self, request: &Request<'_>, is_query: bool) {
        *self.running() = Running {
            context: Some(Arc::clone(request.context)),
            counts_files: is_query,
            reserved: request.limits.reserved,
            ..Running::default()
        };
    }

    /// Returns the warnings of the statement.
    pub(super) fn end(&self) -> Vec<SqlError> {
        std::mem::take(&mut self.running().warnings)
    }

    /// Releases the memory that was counted for the statement.
    pub(super) fn release(&self) {
        let mut running = self.running();
        running.context = None;
        running.held = Held::default();
        running.may_hold = Made::default();
    }

    /// Returns the error by which a limit ended the last statement.
    pub(super) fn take_error(&self) -> Option<SqlError> {
        self.running().end_error.take()
    }

    /// The longest text that a function may return, in bytes.
    pub(super) fn longest_text(&self) -> usize {
        self.longest_text.load(Ordering::Relaxed)
    }

    /// The longest row that is sent, in bytes.
    pub(super) fn longest_row(&self) -> usize {
        self.longest_text().saturating_mul(VALUES_OF_A_ROW)
    }

    /// Counts a value that a function has returned.
    ///
    /// # Errors
    /// 1041 where the row, or the server, would hold too much; 1317 and 3024 where the statement must stop.
    pub(super) fn count_value(&self, bytes: usize) -> Result<(), SqlError> {
        // SQLite may write these values to temporary files before it next calls the progress handler.
        let uncounted = self.uncounted.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if uncounted < memory::LARGE {
            return Ok(());
        }
        self.uncounted.store(0, Ordering::Relaxed);
        if self.interruption.is_stopped() {
            return Err(stopped(&self.interruption));
        }
        let mut running = self.running();
        if let Some(error) = running.disk_error(Instant::now(), &self.tables) {
            return Err(error);
        }
        self.holds_large.store(true, Ordering::Relaxed);
        running.count_made(uncounted)?;
        if bytes < memory::LARGE {
            return Ok(());
        }
        running.large = running.large.saturating_add(bytes);
        let most = self.longest_text().saturating_mul(LARGE_VALUES);
        // A change makes large values for each row, and keeps none of them.
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

    /// Counts the memory for parsing a request's statement.
    pub(super) fn budget<'a>(&'a self, request: &'a Request<'_>) -> ParseMemory<'a> {
        ParseMemory { bounds: self, context: request.context.as_ref(), reserved: request.limits.reserved }
    }

    /// Waits until there is memory for so many bytes, and counts them.
    ///
    /// # Errors
    /// 1041 where no memory becomes free in time, 1317 and 3024 where the statement is stopped.
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

    /// Counts a row before it is copied for the client. The values made for it are no longer needed; SQLite keeps the row until the next.
    ///
    /// # Errors
    /// 1041 where there is no memory for the copy.
    pub(super) fn begin_row(&self, bytes: usize) -> Result<(), SqlError> {
        let is_large = bytes >= memory::LARGE;
        // A small row matters only where the row before it was large.
        if !self.holds_large.swap(is_large, Ordering::Relaxed) && !is_large {
            return Ok(());
        }
        let mut running = self.running();
        running.forget_made();
        let made = std::mem::take(&mut running.large);
        running.row = if is_large { bytes } else { 0 };
        if running.large_before_first_row.is_none() {
            // Part of these values is the row itself.
            running.large_before_first_row = Some(made.saturating_sub(bytes));
        }
        if !is_large {
            running.grant(0);
            return Ok(());
        }
        drop(running);
        self.wait_for_room(bytes, "a row")
    }

    /// Stops counting the copy of a large row, because the copy counts by itself.
    pub(super) fn end_row(&self) {
        if self.holds_large.load(Ordering::Relaxed) {
            self.running().grant(0);
        }
    }

    /// Warns that a function would have returned a longer text than allowed, and has returned NULL.
    pub(super) fn warn_too_long(&self, function: &str) {
        let most = self.longest_text();
        let message = format!("Result of {function}() was larger than max_allowed_packet ({most}) - truncated");
        let mut running = self.running();
        if running.warnings.len() < MOST_WARNINGS {
            running.warnings.push(SqlError::new(1301, b"HY000", message));
        }
    }

    /// Begins to count the rows of a recursive query.
    pub(super) fn start_recursion(&self, number: i64) {
        self.running().recursions.insert(number, 0);
    }

    /// Counts a row of a recursive query.
    ///
    /// # Errors
    /// 3636 where there are too many.
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

    fn must_stop(&self) -> bool {
        if self.interruption.is_stopped() {
            return true;
        }
        let mut running = self.running();
        // SQLite calls this between functions, so the last one has made its value.
        running.granted = Granted::default();
        let now = Instant::now();
        let is_due = running.measured.is_none_or(|last| now - last >= MEASURE_EACH);
        is_due && (running.disk_error(now, &self.tables).is_some() || running.memory_error().is_some())
    }
}

/// Charges the account for the memory that parsing takes, beyond the bytes that were reserved with the statement's text.
pub(super) struct ParseMemory<'a> {
    bounds: &'a Bounds,
    context: &'a dyn SessionContext,
    reserved: usize,
}

impl ParseBudget for ParseMemory<'_> {
    fn reserve(&self, bytes: usize) -> Result<Held, SqlError> {
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
                return Err(SqlError::out_of_memory(message));
            }
            if self.bounds.interruption.sleep(memory::LOOKS_EACH) {
                return Err(stopped(&self.bounds.interruption));
            }
        }
    }

    fn check_stop(&self) -> Result<(), SqlError> {
        self.bounds.interruption.check_stop()
    }
}

/// The same warning for each of so many rows, up to the number that is kept.
pub(super) fn repeated(warning: SqlError, rows: u64) -> impl Iterator<Item = SqlError> {
    std::iter::repeat_n(warning, usize::try_from(rows).unwrap_or(usize::MAX).min(MOST_WARNINGS))
}

/// Bytes that this thread has passed to write calls. In a query these are temporary files alone, because another thread sends rows.
fn written_by_thread() -> Option<u64> {
    let io = std::fs::read_to_string("/proc/thread-self/io").ok()?;
    io.lines().find_map(|line| line.strip_prefix("wchar: "))?.trim().parse().ok()
}

/// The most steps of SQLite's program: for any statement, and for each byte of its text.
const STEPS_OF_A_PROGRAM: usize = 1_000_000;
const STEPS_OF_A_BYTE: usize = 4;

fn most_steps(sql: &str) -> usize {
    sql.len().saturating_mul(STEPS_OF_A_BYTE).saturating_add(STEPS_OF_A_PROGRAM)
}

/// Limits the length of SQLite's program for the next statement. Statements that are too complex are refused before; this limits what the
/// weight does not count.
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
    SqlError::out_of_memory(message)
}

/// Limits SQLite's memory for the whole process. SQLite never raises the limit again. `most` is `global_connection_memory_limit`.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_heap(connection: &Connection, most: u64) -> rusqlite::Result<()> {
    // A smaller limit would fail ordinary work. Accounts above their share are refused earlier, so this limit hits no other account.
    let most = memory::most(most).max(512 << 20);
    let set = format!("PRAGMA hard_heap_limit = {}", i64::try_from(most).unwrap_or(i64::MAX));
    connection.query_row(&set, [], |_| Ok(()))
}

/// Limits the temporary tables of a session to 1 GiB, in pages of 4 KiB.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_temporary(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA temp.max_page_count = 262144", [], |_| Ok(()))
}
