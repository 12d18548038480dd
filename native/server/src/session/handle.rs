//! What a connection holds of its session: the session itself, or its place while another thread has it.
//!
//! The event loop serves many connections, so no statement may keep it. Long texts are read, and files are opened, by a session that
//! is away on a thread of the pool; it comes back with an answer.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_accounts::ClientHost;
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::Capabilities;
use sealwire_core::server::{Connection, Event};

use super::{Action, Session, Wake};
use crate::memory;
use crate::registry::{Entry, Presence};
use crate::state::Server;

/// A session, here or away.
pub(crate) struct SessionHandle {
    here: Option<Box<Session>>,
    away: Option<Receiver<Box<Session>>>,
    /// Who is logged in, while the session is away, and its `net_write_timeout`.
    who: String,
    write_timeout: u64,
    server: Arc<Server>,
}

impl SessionHandle {
    /// The session of a client that is not logged in.
    pub(crate) fn new(
        server: Arc<Server>,
        presence: Arc<Presence>,
        entry: Arc<Entry>,
        host: ClientHost,
        wake: Wake,
    ) -> Self {
        let mut session = Session::new(Arc::clone(&server), presence, host, wake);
        session.entry = Some(entry);
        Self { here: Some(Box::new(session)), away: None, who: String::new(), write_timeout: 0, server }
    }

    /// Whether a statement runs on another thread, or another is to follow: no command can come until all are answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.here.as_ref().is_none_or(|session| session.is_busy())
    }

    /// Whether a user is logged in: a session goes away for nobody else.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.here.as_ref().is_none_or(|session| session.is_in)
    }

    /// The connection is over: its place is free as soon as nothing of it runs.
    pub(crate) fn give_up_place(&mut self) {
        if let Some(session) = &mut self.here {
            session.entry = None;
        }
    }

    /// After how many seconds without a command the connection is closed.
    pub(crate) fn idle_timeout(&self, interactive: bool) -> u64 {
        self.here.as_ref().map_or(u64::MAX, |session| session.idle_timeout(interactive))
    }

    /// How many seconds may pass between two bytes of a packet.
    pub(crate) fn read_timeout(&self) -> u64 {
        self.here.as_ref().map_or(u64::MAX, |session| session.view.variables.net_read_timeout)
    }

    /// How many seconds the client may take nothing of what it is sent.
    pub(crate) fn write_timeout(&self) -> u64 {
        self.here.as_ref().map_or(self.write_timeout, |session| session.view.variables.net_write_timeout)
    }

    /// The account for which memory counts; `None` while the session is away.
    pub(crate) fn account(&self) -> Option<String> {
        self.here.as_ref().map(|session| session.view.account_text())
    }

    /// `user@host`, for the log.
    pub(crate) fn who(&self) -> &str {
        self.here.as_ref().map_or(&self.who, |session| &session.view.user)
    }

    /// Takes out of an event what it borrows.
    pub(crate) fn action(&mut self, event: Event<'_>, capabilities: Capabilities) -> Action {
        match (&mut self.here, event) {
            (_, Event::Closed) => Action::Closed,
            (Some(session), event) => session.action(event, capabilities),
            (None, _) => Action::Nothing,
        }
    }

    /// Carries an action out and answers it, or leaves the answer to [`SessionHandle::advance`].
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn perform(&mut self, action: Action, connection: &mut Connection) -> Result<(), Error> {
        let Some(session) = &mut self.here else { return Ok(()) };
        session.perform(action, connection)?;
        self.depart(connection)
    }

    /// Passes on what the running statement gave, as long as the client takes it; runs the next one where it is over. True where
    /// something was passed on.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn advance(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        let returned = self.come_back(connection)?;
        let Some(session) = &mut self.here else { return Ok(returned) };
        let moved = session.advance(connection)?;
        self.depart(connection)?;
        Ok(returned || moved)
    }

    /// Sends the session away where it has an errand.
    fn depart(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let Some(session) = self.here.take_if(|session| session.errand.is_some()) else { return Ok(()) };
        self.who.clone_from(&session.view.user);
        self.write_timeout = session.view.variables.net_write_timeout;
        let wake = Arc::clone(&session.wake);
        let text = (session.text_to_read() >= memory::LARGE).then(|| session.view.account_text());
        let (send, receive) = sync_channel(1);
        // The session stays in the slot where there is no thread for it.
        let slot = Arc::new(Mutex::new(Some(session)));
        let taken = Arc::clone(&slot);
        let errand = move || {
            // Last of all, be it after a panic: the connection looks for its session.
            let _wake = WakeAtEnd(wake);
            let session = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut session) = session {
                session.run_errand();
                // A connection that is gone takes its session with it.
                let _ = send.send(session);
            }
        };
        let started = match text {
            Some(account) => self.server.readers.read(&self.server.pool, account, Box::new(errand)),
            None => self.server.pool.call(Box::new(errand)),
        };
        let Err(error) = started else {
            self.away = Some(receive);
            return Ok(());
        };
        self.here = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        match &mut self.here {
            Some(session) => {
                session.errand = None;
                session.fail(&error, connection)
            }
            None => Ok(()),
        }
    }

    /// Takes the session back, and answers with what it brings.
    fn come_back(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        match self.away.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => Ok(false),
            Some(Ok(session)) => {
                self.away = None;
                self.here.insert(session).conclude_errand(connection)?;
                Ok(true)
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.away = None;
                connection.kill(SqlError::new(1105, b"HY000", "The session's thread ended; see the server's log"));
                Ok(true)
            }
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
