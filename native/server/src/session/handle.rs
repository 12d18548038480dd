//! A connection's handle of its session: the session itself, or a receiver for it while another thread has it.
//!
//! The event loop serves many connections, so no statement may block it. Reading long texts and opening files is done by handing the
//! session to a thread of the pool, which returns it with an answer.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sealwire_accounts::ClientHost;
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::Capabilities;
use sealwire_core::server::{Connection, Event};

use super::{Action, Session, Wake};
use crate::memory;
use crate::registry::{Entry, ProcessEntry};
use crate::state::Server;

/// A session, or a receiver for it while another thread has it.
pub(crate) struct SessionHandle {
    session: Option<Box<Session>>,
    receiver: Option<Receiver<Box<Session>>>,
    /// The user and the session's `net_write_timeout`, for the time while another thread has the session.
    identity: String,
    write_timeout: u64,
    server: Arc<Server>,
}

impl SessionHandle {
    /// A session before login.
    pub(crate) fn new(
        server: Arc<Server>,
        process: Arc<ProcessEntry>,
        entry: Arc<Entry>,
        host: ClientHost,
        wake: Wake,
    ) -> Self {
        let mut session = Session::new(Arc::clone(&server), process, host, wake);
        session.entry = Some(entry);
        Self { session: Some(Box::new(session)), receiver: None, identity: String::new(), write_timeout: 0, server }
    }

    /// Whether a statement is running in another thread, or another statement is to follow. No command can come until all are answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.is_busy())
    }

    /// Whether a user is logged in. A session in another thread counts as logged in, because only logged-in sessions are handed to threads.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.is_logged_in)
    }

    /// Removes the connection from the registry, as soon as none of its statements is running.
    pub(crate) fn leave_registry(&mut self) {
        if let Some(session) = &mut self.session {
            session.entry = None;
        }
    }

    /// After how many seconds without a command the connection is closed.
    pub(crate) fn idle_timeout(&self, interactive: bool) -> u64 {
        self.session.as_ref().map_or(u64::MAX, |session| session.idle_timeout(interactive))
    }

    /// How many seconds may pass between two bytes of a packet.
    pub(crate) fn read_timeout(&self) -> u64 {
        self.session.as_ref().map_or(u64::MAX, |session| session.view.variables.net_read_timeout)
    }

    /// How many seconds the client may take none of the bytes sent to it.
    pub(crate) fn write_timeout(&self) -> u64 {
        self.session.as_ref().map_or(self.write_timeout, |session| session.view.variables.net_write_timeout)
    }

    /// The account for which memory is counted; `None` while another thread has the session.
    pub(crate) fn account(&self) -> Option<String> {
        self.session.as_ref().map(|session| session.view.account_text())
    }

    /// `user@host`, for the log.
    pub(crate) fn identity(&self) -> &str {
        self.session.as_ref().map_or(&self.identity, |session| &session.view.user)
    }

    /// Copies the borrowed parts of an event.
    pub(crate) fn action(&mut self, event: Event<'_>, capabilities: Capabilities) -> Action {
        match (&mut self.session, event) {
            (_, Event::Closed) => Action::Closed,
            (Some(session), event) => session.action(event, capabilities),
            (None, _) => Action::Nothing,
        }
    }

    /// Executes an action and answers it, or leaves the answer to [`SessionHandle::advance`].
    ///
    /// # Errors
    /// The connection's error.
    pub(crate) fn perform(&mut self, action: Action, connection: &mut Connection) -> Result<(), Error> {
        let Some(session) = &mut self.session else { return Ok(()) };
        session.perform(action, connection)?;
        self.hand_over(connection)
    }

    /// Forwards the rows of the running statement as long as the client takes them, and begins the next statement when it has ended.
    /// Returns true where anything was forwarded.
    ///
    /// # Errors
    /// The connection's error.
    pub(crate) fn advance(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let returned = self.take_back(connection)?;
        let Some(session) = &mut self.session else { return Ok(returned) };
        let moved = session.advance(connection)?;
        self.hand_over(connection)?;
        Ok(returned || moved)
    }

    /// Hands the session to another thread if it has work for one.
    fn hand_over(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let Some(session) = self.session.take_if(|session| session.thread_work.is_some()) else { return Ok(()) };
        self.identity.clone_from(&session.view.user);
        self.write_timeout = session.view.variables.net_write_timeout;
        let wake = Arc::clone(&session.wake);
        let text = (session.text_to_read() >= memory::LARGE).then(|| session.view.account_text());
        let (send, receive) = sync_channel(1);
        let slot = Slot::new(Handover {
            session,
            send,
            server: Arc::clone(&self.server),
            reader_of: text,
            since: Instant::now(),
            wake: WakeAtEnd(wake),
        });
        let Err(error) = slot.start() else {
            self.receiver = Some(receive);
            return Ok(());
        };
        self.session = slot.take().map(|handover| handover.session);
        match &mut self.session {
            Some(session) => {
                session.thread_work = None;
                session.fail(&error, connection)
            }
            None => Ok(()),
        }
    }

    /// Takes the session back from the other thread, and answers with its result.
    fn take_back(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        match self.receiver.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => Ok(false),
            Some(Ok(session)) => {
                self.receiver = None;
                self.session.insert(session).conclude_thread_work(connection)?;
                Ok(true)
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.receiver = None;
                connection.kill(SqlError::new(1105, b"HY000", "The session's thread ended; see the server's log"));
                Ok(true)
            }
        }
    }
}

/// A session that is handed to another thread.
struct Handover {
    session: Box<Session>,
    send: SyncSender<Box<Session>>,
    server: Arc<Server>,
    /// The account in whose turn a long text is read; `None` where the work needs no reader.
    reader_of: Option<String>,
    since: Instant,
    /// Dropped last, even after a panic: wakes the connection, which then takes its session back.
    wake: WakeAtEnd,
}

impl Handover {
    fn return_session(self) {
        let Self { session, send, wake, .. } = self;
        // If the connection is gone, the session is dropped.
        let _ = send.send(session);
        drop(wake);
    }

    fn is_patient(&self) -> bool {
        self.since.elapsed() < memory::PATIENCE
    }

    /// Does the work. If there is no memory for a long text, other texts are read meanwhile, and the work is tried again.
    fn run(mut self) {
        let may_wait = self.is_patient();
        if self.session.run_thread_work(may_wait) {
            return self.return_session();
        }
        let pool = self.server.pool.clone();
        let slot = Slot::new(self);
        let waiting = slot.clone();
        let started = pool.call(Box::new(move || {
            if let Some(handover) = waiting.take() {
                handover.wait();
            }
        }));
        slot.return_if_failed(started);
    }

    /// Waits for memory, and then has the text read.
    fn wait(mut self) {
        while self.is_patient() && !self.session.is_thread_work_ready() {
            memory::wait_for_some();
        }
        let slot = Slot::new(self);
        let started = slot.start();
        slot.return_if_failed(started);
    }
}

/// A session on its way to a thread; it stays in the slot where no thread takes it.
#[derive(Clone)]
struct Slot(Arc<Mutex<Option<Handover>>>);

impl Slot {
    fn new(handover: Handover) -> Self {
        Self(Arc::new(Mutex::new(Some(handover))))
    }

    fn take(&self) -> Option<Handover> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Starts the work in another thread.
    fn start(&self) -> Result<(), SqlError> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((server, reader_of)) =
            found.as_ref().map(|handover| (Arc::clone(&handover.server), handover.reader_of.clone()))
        else {
            return Ok(());
        };
        drop(found);
        let taken = self.clone();
        let thread_work = move || {
            if let Some(handover) = taken.take() {
                handover.run();
            }
        };
        match reader_of {
            Some(account) => server.readers.read(&server.pool, &account, Box::new(thread_work)),
            None => server.pool.call(Box::new(thread_work)),
        }
    }

    /// Returns the session with an error if no thread took it.
    fn return_if_failed(&self, started: Result<(), SqlError>) {
        if let Err(error) = started
            && let Some(mut handover) = self.take()
        {
            handover.session.refuse_thread_work(error);
            handover.return_session();
        }
    }
}

/// Wakes the connection when it is dropped.
struct WakeAtEnd(Wake);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        (self.0)();
    }
}
