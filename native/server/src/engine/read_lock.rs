//! FLUSH TABLES WITH READ LOCK: nobody changes anything, so that a backup over several connections reads one state.
//!
//! The lock comes in two steps, as MySQL's: first no further change begins that commits by itself, then no open transaction commits. In between
//! the changes that have begun end, for which open transactions may have to commit first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_core::error::SqlError;

use super::{LockWait, interrupted, lock_wait_timeout};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How often a wait looks whether its statement was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// The lock of a server.
#[derive(Debug, Default)]
pub(crate) struct ReadLock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The sessions that wait for the lock or have it.
    asking: usize,
    /// The sessions that wait for commits or have the lock.
    holding: usize,
    changes: usize,
    commits: usize,
}

/// The lock of a session, until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldReadLock(Arc<ReadLock>);

/// A change that commits by itself, until this is dropped.
#[derive(Debug)]
pub(crate) struct OwnChange(Arc<ReadLock>);

/// The commit of a transaction, until this is dropped.
#[derive(Debug)]
pub(crate) struct Commit(Arc<ReadLock>);

impl ReadLock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, which several sessions may have.
    ///
    /// # Errors
    /// 1205 where changes take longer than the wait, 1317 where the statement is stopped.
    pub(crate) fn hold(self: &Arc<Self>, wait: &LockWait) -> Result<HeldReadLock, SqlError> {
        self.state().asking += 1;
        let begun = Instant::now();
        if let Err(error) = self.wait(wait, begun, |state| state.changes == 0) {
            self.state().asking -= 1;
            self.changed.notify_all();
            return Err(error);
        }
        self.state().holding += 1;
        let held = HeldReadLock(Arc::clone(self));
        // Dropping `held` gives the lock back.
        self.wait(wait, begun, |state| state.commits == 0).map(|()| held)
    }

    /// Begins a change that commits by itself.
    ///
    /// # Errors
    /// As for [`ReadLock::hold`].
    pub(crate) fn begin_change(self: &Arc<Self>, wait: &LockWait) -> Result<OwnChange, SqlError> {
        let mut state = self.wait_for(wait, Instant::now(), |state| state.asking == 0)?;
        state.changes += 1;
        Ok(OwnChange(Arc::clone(self)))
    }

    /// Begins the commit of a transaction that has changed something.
    ///
    /// # Errors
    /// As for [`ReadLock::hold`].
    pub(crate) fn begin_commit(self: &Arc<Self>, wait: &LockWait) -> Result<Commit, SqlError> {
        let mut state = self.wait_for(wait, Instant::now(), |state| state.holding == 0)?;
        state.commits += 1;
        Ok(Commit(Arc::clone(self)))
    }

    fn wait(&self, wait: &LockWait, begun: Instant, is_ready: impl Fn(&State) -> bool) -> Result<(), SqlError> {
        self.wait_for(wait, begun, is_ready).map(drop)
    }

    fn wait_for(
        &self,
        wait: &LockWait,
        begun: Instant,
        is_ready: impl Fn(&State) -> bool,
    ) -> Result<MutexGuard<'_, State>, SqlError> {
        let mut state = self.state();
        while !is_ready(&state) {
            if (wait.is_stopped)() {
                return Err(interrupted());
            }
            if begun.elapsed() >= wait.most {
                return Err(lock_wait_timeout());
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }

    fn end(&self, count: impl FnOnce(&mut State)) {
        count(&mut self.state());
        self.changed.notify_all();
    }
}

impl Drop for HeldReadLock {
    fn drop(&mut self) {
        self.0.end(|state| {
            state.asking -= 1;
            state.holding -= 1;
        });
    }
}

impl Drop for OwnChange {
    fn drop(&mut self) {
        self.0.end(|state| state.changes -= 1);
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.0.end(|state| state.commits -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_once() -> LockWait {
        LockWait { most: Duration::ZERO, is_stopped: Box::new(|| false), is_appliers: false }
    }

    #[test]
    fn the_lock_and_changes_keep_each_other_out() {
        let lock = Arc::new(ReadLock::default());
        let change = lock.begin_change(&at_once()).unwrap();
        assert_eq!(lock.hold(&at_once()).unwrap_err().code, 1205);
        let commit = lock.begin_commit(&at_once()).unwrap();
        drop(change);
        assert_eq!(lock.hold(&at_once()).unwrap_err().code, 1205, "a commit is running");
        drop(commit);
        let (one, two) = (lock.hold(&at_once()).unwrap(), lock.hold(&at_once()).unwrap());
        drop(one);
        assert_eq!(lock.begin_change(&at_once()).unwrap_err().code, 1205);
        assert_eq!(lock.begin_commit(&at_once()).unwrap_err().code, 1205);
        let stopped = LockWait { most: Duration::from_secs(60), is_stopped: Box::new(|| true), is_appliers: false };
        assert_eq!(lock.begin_commit(&stopped).unwrap_err().code, 1317);
        drop(two);
        lock.begin_change(&at_once()).unwrap();
        lock.begin_commit(&at_once()).unwrap();
    }

    /// The change waits for a row that the transaction has changed.
    #[test]
    fn a_transaction_commits_while_the_lock_waits_for_a_change_that_waits_for_it() {
        let lock = Arc::new(ReadLock::default());
        let change = lock.begin_change(&at_once()).unwrap();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| {
                lock.hold(&LockWait {
                    most: Duration::from_secs(60),
                    is_stopped: Box::new(|| false),
                    is_appliers: false,
                })
            });
            while lock.state().asking == 0 {
                std::thread::yield_now();
            }
            assert_eq!(lock.begin_change(&at_once()).unwrap_err().code, 1205);
            drop(lock.begin_commit(&at_once()).unwrap());
            drop(change);
            drop(taken.join().unwrap().unwrap());
        });
    }
}
