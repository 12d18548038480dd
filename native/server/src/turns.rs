//! A lock that accounts take in turns.

use super::round_robin::RoundRobin;
use super::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The lock. Of those that wait for it, each account's first has its turn before any account's second.
#[derive(Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    passed_on: Condvar,
}

#[derive(Default)]
struct State {
    is_held: bool,
    /// The numbers of the threads that wait.
    waiting: RoundRobin<u64>,
    last_number: u64,
    /// The waiting thread that has the lock now, until it notices.
    next: Option<u64>,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

/// The lock is held until this is dropped.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn of this account.
    pub(crate) fn take(&self, account: &str) -> Turn<'_> {
        let mut state = self.locked();
        if state.is_held {
            state.last_number += 1;
            let number = state.last_number;
            state.waiting.push(account, number);
            while state.next != Some(number) {
                state = self.passed_on.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.next = None;
        }
        state.is_held = true;
        Turn(self)
    }

    /// How many threads wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.locked().waiting.len()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.locked();
        state.next = state.waiting.pop();
        state.is_held = state.next.is_some();
        self.0.passed_on.notify_all();
    }
}
