//! The registry of connections, which SHOW PROCESSLIST lists and KILL searches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use sealwire_accounts::Identity;
use sealwire_core::facts::Facts;

use super::engine::Interruption;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::sync::{Mutex, MutexGuard, PoisonError};

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<Connections>,
    last: AtomicU32,
}

#[derive(Debug, Default)]
struct Connections {
    by_id: BTreeMap<u32, Arc<ProcessEntry>>,
    /// The threads of channels, which are no connections.
    threads: BTreeMap<u32, Arc<ProcessEntry>>,
    /// How many connections are logged in.
    logged_in: usize,
}

/// A connection's entry in the registry. It is removed when its last owner drops it: the connection, or a statement of it that is still
/// running. Otherwise a user who kills his own connections could have any number of statements running.
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u32,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.leave(self.id);
    }
}

/// Why a user gets no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionLimit {
    /// The server's limit of sessions is reached.
    Server,
    /// The user's limit of sessions is reached.
    User,
}

/// The limits of sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MostSessions {
    /// The limit for all users together.
    pub(crate) in_all: usize,
    /// The limit for the same user.
    pub(crate) of_user: Option<usize>,
}

/// The state of a connection that other threads may read.
pub(crate) struct ProcessEntry {
    /// The connection's number.
    pub(crate) id: u32,
    /// The peer's host and port, as SHOW PROCESSLIST prints them.
    peer: String,
    /// Those of the client for which a trusted proxy has connected.
    proxied: OnceLock<String>,
    state: Mutex<State>,
    killed: AtomicBool,
    close_at_once: AtomicBool,
    /// Wakes the connection's worker.
    wake: Box<dyn Fn() + Send + Sync>,
    /// The state of a channel's thread, or of a dump of the binary log, to whose end a connection does nothing else.
    doing: OnceLock<Doing>,
}

/// Says what a channel's thread or a dump does.
pub(crate) type Doing = Box<dyn Fn() -> &'static str + Send + Sync>;

/// The part of a connection's state that changes.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The user's name, once he is logged in.
    pub(crate) user: Option<String>,
    /// The account whose password the user has proved. Accounts of the same name for other hosts are other accounts.
    pub(crate) account: Option<Identity>,
    /// The current database.
    pub(crate) database: Option<String>,
    /// `Sleep`, `Query`, ….
    pub(crate) command: &'static str,
    /// When the command began.
    pub(crate) since: Instant,
    /// The statement, shortened where it is long. Others see it by [`State::shown_statement`] only.
    info: Option<String>,
    /// The facts that the connection negotiated, once the user is logged in.
    pub(crate) facts: Arc<Facts>,
    /// The handle to stop the running statement.
    pub(crate) interruption: Option<Arc<Interruption>>,
    /// Whether a KILL has stopped the current command.
    pub(crate) is_stopped: bool,
}

/// The user of threads, as MySQL names him.
const THREADS_USER: &str = "system user";
/// How many bytes of a statement are shown.
const MOST_INFO: usize = 1024;

/// After one of these words a password may follow. They may stand in a comment that is executed, or in the text of another statement.
const BEFORE_PASSWORDS: [&str; 2] = ["IDENTIFIED", "PASSWORD"];

impl State {
    /// The statement as others may see it: without all that follows a word before passwords.
    pub(crate) fn shown_statement(&self) -> Option<String> {
        let statement = self.info.as_deref()?;
        let end_of = |word: &str| {
            let found = |part: &[u8]| part.eq_ignore_ascii_case(word.as_bytes());
            statement.as_bytes().windows(word.len()).position(found).map(|at| at + word.len())
        };
        let shown = BEFORE_PASSWORDS.into_iter().filter_map(end_of).min().and_then(|end| statement.get(..end));
        Some(shown.map_or_else(|| statement.to_owned(), |shown| format!("{shown} ***")))
    }
}

impl fmt::Debug for ProcessEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessEntry").field("id", &self.id).field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Registry {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection's number, which is never 0.
    pub(crate) fn next_id(&self) -> u32 {
        loop {
            let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let connections = self.connections();
            if id != 0 && !connections.by_id.contains_key(&id) && !connections.threads.contains_key(&id) {
                return id;
            }
        }
    }

    /// Registers a connection.
    pub(crate) fn enter(&self, id: u32, host: String, wake: Box<dyn Fn() + Send + Sync>) -> Arc<ProcessEntry> {
        let process = ProcessEntry::new(id, host, wake, None);
        self.connections().by_id.insert(id, Arc::clone(&process));
        process
    }

    /// The entry of a session that is neither listed nor found.
    pub(crate) fn unlisted(&self) -> Arc<ProcessEntry> {
        ProcessEntry::new(self.next_id(), String::new(), Box::new(|| {}), None)
    }

    /// Registers a channel's thread, which `wake` ends after a KILL.
    pub(crate) fn enter_thread(
        self: &Arc<Self>,
        command: &'static str,
        doing: Doing,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Entry> {
        let id = self.next_id();
        let process = ProcessEntry::new(id, String::new(), wake, Some(doing));
        process.update(|state| {
            state.user = Some(THREADS_USER.to_owned());
            state.command = command;
        });
        self.connections().threads.insert(id, process);
        self.entry(id)
    }

    /// The entry of a registered connection.
    pub(crate) fn entry(self: &Arc<Self>, id: u32) -> Arc<Entry> {
        Arc::new(Entry { registry: Arc::clone(self), id })
    }

    /// Removes a connection, even if a statement of it is running; see [`Entry`].
    pub(crate) fn leave(&self, id: u32) {
        let mut connections = self.connections();
        connections.threads.remove(&id);
        if let Some(process) = connections.by_id.remove(&id)
            && process.locked().user.is_some()
        {
            connections.logged_in = connections.logged_in.saturating_sub(1);
        }
    }

    /// How many connections there are, logged in or not.
    pub(crate) fn len(&self) -> usize {
        self.connections().by_id.len()
    }

    /// Notes the user and the account of a connection, and returns how many sessions there are, this one included. Of two simultaneous logins neither
    /// exceeds a limit.
    ///
    /// # Errors
    /// The limit `most` is reached.
    pub(crate) fn log_in(
        &self,
        process: &ProcessEntry,
        user: &str,
        account: &Identity,
        most: MostSessions,
    ) -> Result<usize, SessionLimit> {
        let mut connections = self.connections();
        // COM_CHANGE_USER keeps the connection's session, so that is not counted again.
        let is_new = process.locked().user.is_none();
        if is_new && connections.logged_in >= most.in_all {
            return Err(SessionLimit::Server);
        }
        let is_of_account =
            |other: &&Arc<ProcessEntry>| other.id != process.id && other.locked().account.as_ref() == Some(account);
        if most.of_user.is_some_and(|most| connections.by_id.values().filter(is_of_account).count() >= most) {
            return Err(SessionLimit::User);
        }
        let mut state = process.locked();
        (state.user, state.account) = (Some(user.to_owned()), Some(account.clone()));
        drop(state);
        connections.logged_in += usize::from(is_new);
        Ok(connections.logged_in)
    }

    /// The connection or the thread of that number.
    pub(crate) fn find(&self, id: u32) -> Option<Arc<ProcessEntry>> {
        let connections = self.connections();
        connections.by_id.get(&id).or_else(|| connections.threads.get(&id)).cloned()
    }

    /// All connections, by number.
    pub(crate) fn all(&self) -> Vec<Arc<ProcessEntry>> {
        self.connections().by_id.values().cloned().collect()
    }

    /// The threads of channels, by number.
    pub(crate) fn threads(&self) -> Vec<Arc<ProcessEntry>> {
        self.connections().threads.values().cloned().collect()
    }
}

impl ProcessEntry {
    fn new(id: u32, host: String, wake: Box<dyn Fn() + Send + Sync>, doing: Option<Doing>) -> Arc<Self> {
        let state = State {
            user: None,
            account: None,
            database: None,
            command: "Connect",
            since: Instant::now(),
            info: None,
            facts: Arc::default(),
            interruption: None,
            is_stopped: false,
        };
        let (killed, close_at_once) = (AtomicBool::new(false), AtomicBool::new(false));
        let doing = doing.map_or_else(OnceLock::new, OnceLock::from);
        Arc::new(Self {
            id,
            peer: host,
            proxied: OnceLock::new(),
            state: Mutex::new(state),
            killed,
            close_at_once,
            wake,
            doing,
        })
    }

    /// The client's host and port, as SHOW PROCESSLIST prints them.
    pub(crate) fn host(&self) -> &str {
        self.proxied.get().unwrap_or(&self.peer)
    }

    /// Notes host and port of the client for which a trusted proxy has connected. A connection has one such client.
    pub(crate) fn set_host(&self, host: String) {
        let _ = self.proxied.set(host);
    }

    /// The state of a channel's thread or of a dump; `None` for another connection.
    pub(crate) fn doing(&self) -> Option<&'static str> {
        self.doing.get().map(|doing| doing())
    }

    /// Notes that a dump begins, to whose end the connection does nothing else.
    pub(crate) fn begin_dump(&self, doing: Doing) {
        let _ = self.doing.set(doing);
        self.begin("Binlog Dump", None);
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection's current state.
    pub(crate) fn state(&self) -> State {
        self.locked().clone()
    }

    /// Changes the connection's state.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.locked());
    }

    /// Notes that a command begins.
    pub(crate) fn begin(&self, command: &'static str, info: Option<&[u8]>) {
        let info = info
            .map(|sql| String::from_utf8_lossy(sql.get(..sql.len().min(MOST_INFO)).unwrap_or_default()).into_owned());
        let mut state = self.locked();
        state.command = command;
        state.since = Instant::now();
        state.info = info;
        state.is_stopped = false;
    }

    /// Notes that a statement of the command begins, which `interruption` stops. A KILL that came since the command began stops it at once.
    pub(crate) fn begin_statement(&self, interruption: Arc<Interruption>) {
        interruption.reset();
        let mut state = self.locked();
        if state.is_stopped {
            interruption.stop();
        }
        state.interruption = Some(interruption);
    }

    /// Notes that the connection waits for a command.
    pub(crate) fn await_command(&self) {
        let mut state = self.locked();
        state.command = "Sleep";
        state.since = Instant::now();
        state.info = None;
    }

    /// Stops the running statement, for KILL QUERY.
    pub(crate) fn stop_statement(&self) {
        let interruption = {
            let mut state = self.locked();
            state.is_stopped = true;
            state.interruption.clone()
        };
        if let Some(interruption) = interruption {
            interruption.stop();
        }
    }

    /// Ends the connection, for KILL.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.locked().command = "Killed";
        self.stop_statement();
        (self.wake)();
    }

    /// Whether a KILL has stopped the last command that began.
    pub(crate) fn is_stopped(&self) -> bool {
        self.locked().is_stopped
    }

    /// Closes the connection at once, because no user is logged in on it and a new connection needs its place.
    pub(crate) fn close_at_once(&self) {
        self.close_at_once.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Whether the connection must be closed at once.
    pub(crate) fn must_close_at_once(&self) -> bool {
        self.close_at_once.load(Ordering::Acquire)
    }

    /// Whether the connection must end.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}
