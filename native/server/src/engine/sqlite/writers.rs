//! The sessions that change databases. SQLite has one lock against writers for a whole database, so that a transaction which a client leaves open
//! would hold up the applier of a source's log. The applier has such transactions rolled back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use sealwire_core::error::SqlError;

use crate::engine::{Interruption, lock_wait_timeout, stopped};

/// How long an applier waits before others have to give way.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a database is then kept for the applier, whose next groups would else wait behind the next clients.
const RESERVED: Duration = Duration::from_secs(1);

/// The error of a client whose transaction was rolled back, because the applier needed this database.
pub(super) fn gave_way(database: &str) -> SqlError {
    let message = format!(
        "Deadlock found when trying to get lock: the replica's applier needed the database '{database}', so the transaction was rolled back; try \
         restarting transaction"
    );
    SqlError::new(1213, b"40001", message)
}

/// A session that can give way while no statement of it runs.
pub(super) trait GivesWay: Send {
    /// Rolls the open transaction back where it has the lock of a database.
    fn give_way(&mut self, database: &str);
}

/// All sessions of an engine.
#[derive(Clone, Default)]
pub(super) struct Writers(Arc<Mutex<Listed>>);

/// The sessions, by their numbers.
#[derive(Default)]
struct Listed {
    last: u64,
    by_number: BTreeMap<u64, Session>,
    /// The databases that are kept for an applier, and until when.
    reserved: BTreeMap<String, Instant>,
}

/// The part of a session that others see, and the session itself.
type Session = (Arc<Writer>, Weak<Mutex<dyn GivesWay>>);

impl fmt::Debug for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writers").finish_non_exhaustive()
    }
}

impl Writers {
    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session that is not in the list yet, and whose statements `interruption` stops.
    pub(super) fn writer(&self, interruption: Arc<Interruption>) -> Arc<Writer> {
        Arc::new(Writer { writers: self.clone(), interruption, state: Mutex::default() })
    }

    /// Lists a session; returns its number.
    pub(super) fn list(&self, writer: Arc<Writer>, session: Weak<Mutex<dyn GivesWay>>) -> u64 {
        let mut listed = self.listed();
        listed.last += 1;
        let number = listed.last;
        listed.by_number.insert(number, (writer, session));
        number
    }

    /// Takes a session from the list, before it is closed.
    pub(super) fn remove(&self, number: u64) {
        self.listed().by_number.remove(&number);
    }

    /// Has others give way to an applier that has waited for the locks of these databases for so long.
    pub(super) fn clear_way(&self, databases: &[String], waited: Duration) {
        if waited < PATIENCE {
            return;
        }
        // The list stays locked, so that no session is closed here: its owner takes it from the list before.
        let mut listed = self.listed();
        let until = Instant::now() + RESERVED;
        listed.reserved.extend(databases.iter().map(|database| (database.clone(), until)));
        for (writer, session) in listed.by_number.values() {
            for database in databases.iter().filter(|database| writer.is_in_the_way(database)) {
                let Some(session) = session.upgrade() else { continue };
                match session.try_lock() {
                    Ok(mut idle) => idle.give_way(database),
                    Err(TryLockError::Poisoned(idle)) => idle.into_inner().give_way(database),
                    Err(TryLockError::WouldBlock) => writer.ask(database),
                }
            }
        }
    }
}

impl Writers {
    /// For how long one of these databases is kept for an applier.
    fn reserved<'a>(&self, databases: impl Iterator<Item = &'a str>) -> Option<Duration> {
        let now = Instant::now();
        let mut listed = self.listed();
        listed.reserved.retain(|_, until| *until > now);
        let left = |database| listed.reserved.get(database).map(|until| until.saturating_duration_since(now));
        databases.filter_map(left).max()
    }
}

/// The part of a session that others see.
pub(super) struct Writer {
    writers: Writers,
    interruption: Arc<Interruption>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the session applies a source's log.
    is_applier: bool,
    /// The databases that the running statement changes.
    changing: BTreeSet<String>,
    /// The databases that earlier statements of the open transaction have locked.
    locked: BTreeSet<String>,
    /// Whether the running statement waits for a lock.
    waits: bool,
    /// The database for which the running statement was stopped.
    asked_for: Option<String>,
}

impl Writer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the session applies a source's log.
    pub(super) fn set_applier(&self) {
        self.state().is_applier = true;
    }

    /// Waits before a statement changes databases that are kept for an applier, unless the open transaction has their locks already.
    ///
    /// # Errors
    /// 1205 where that takes longer than `most`, 1317 and 3024 where the statement is to stop.
    pub(super) fn queue(&self, databases: &BTreeSet<&str>, most: Duration) -> Result<(), SqlError> {
        let begun = Instant::now();
        loop {
            // The list is never locked while the state is, because an applier locks them in the other order.
            let wanted: Vec<&str> = {
                let state = self.state();
                if state.is_applier {
                    return Ok(());
                }
                databases.iter().copied().filter(|database| !state.locked.contains(*database)).collect()
            };
            let Some(left) = self.writers.reserved(wanted.into_iter()) else { return Ok(()) };
            let rest = most.saturating_sub(begun.elapsed());
            if rest.is_zero() {
                return Err(lock_wait_timeout());
            }
            if self.interruption.sleep(left.min(rest)) {
                return Err(stopped(&self.interruption));
            }
        }
    }

    /// Notes that a statement changes databases.
    pub(super) fn begin<'a>(&self, databases: impl Iterator<Item = &'a str>) {
        let mut state = self.state();
        state.changing = databases.map(str::to_owned).collect();
        state.asked_for = None;
    }

    /// Notes that the statement commits, so that it gives its locks up soon.
    pub(super) fn commit(&self) {
        let mut state = self.state();
        state.changing.clear();
        state.locked.clear();
    }

    /// Notes that the statement has ended; `is_locked` says which databases the open transaction has locked.
    pub(super) fn end(&self, is_locked: impl Fn(&str) -> bool) {
        let mut state = self.state();
        let changing = std::mem::take(&mut state.changing);
        state.locked.extend(changing);
        state.locked.retain(|database| is_locked(database));
    }

    /// The database for which the statement was stopped.
    pub(super) fn take_asked(&self) -> Option<String> {
        self.state().asked_for.take()
    }

    /// Waits for a lock by `sleep`, which returns whether to give up. An applier that has waited for long has others give way.
    pub(super) fn wait(&self, waited: Duration, sleep: impl FnOnce() -> bool) -> bool {
        let wanted: Vec<String> = {
            let mut state = self.state();
            state.waits = true;
            if state.is_applier { state.changing.iter().cloned().collect() } else { Vec::new() }
        };
        self.writers.clear_way(&wanted, waited);
        let gives_up = sleep();
        self.state().waits = false;
        gives_up
    }

    /// Whether the session may have the lock of a database.
    fn is_in_the_way(&self, database: &str) -> bool {
        let state = self.state();
        !state.is_applier && (state.locked.contains(database) || (state.changing.contains(database) && !state.waits))
    }

    /// Stops the running statement.
    fn ask(&self, database: &str) {
        self.state().asked_for = Some(database.to_owned());
        self.interruption.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    struct Idle;

    impl GivesWay for Idle {
        fn give_way(&mut self, _: &str) {}
    }

    #[test]
    fn clients_that_queue_and_an_applier_that_clears_its_way_never_wait_for_each_other() {
        let writers = Writers::default();
        let writer = writers.writer(Arc::new(Interruption::default()));
        let session: Arc<Mutex<dyn GivesWay>> = Arc::new(Mutex::new(Idle));
        writers.list(Arc::clone(&writer), Arc::downgrade(&session));
        let (done, ended) = channel();
        let (other, of_client) = (writers.clone(), done.clone());
        std::thread::spawn(move || {
            for _ in 0..100_000 {
                other.clear_way(&["d".to_owned()], PATIENCE);
            }
            done.send(()).unwrap();
        });
        std::thread::spawn(move || {
            for _ in 0..100_000 {
                writer.begin(std::iter::once("d"));
                let _ = writer.queue(&BTreeSet::from(["d"]), Duration::ZERO);
                writer.end(|_| false);
            }
            of_client.send(()).unwrap();
        });
        for _ in 0..2 {
            ended.recv_timeout(Duration::from_secs(60)).expect("neither waits for the other");
        }
    }
}
