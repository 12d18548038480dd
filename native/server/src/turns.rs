//! A lock that accounts take in turns.

use std::sync::Arc;
use std::time::Duration;

use super::engine::{Interruption, WaitEnd};
use super::round_robin::RoundRobin;
use super::sync::{Mutex, MutexGuard, PoisonError};

/// The lock. Of those that wait for it, each account's first has its turn before any account's second.
#[derive(Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_held: bool,
    waiting: RoundRobin<Waiter>,
    last_number: u64,
    /// The number of the waiter that has the lock now, until it notices.
    next: Option<u64>,
}

/// A thread that waits.
struct Waiter {
    number: u64,
    /// Wakes the thread.
    interruption: Arc<Interruption>,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

/// The lock is held until this is dropped.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn of this account, at most for `most`.
    ///
    /// # Errors
    /// Why the wait ended without the turn.
    pub(crate) fn take(
        &self,
        account: &str,
        interruption: &Arc<Interruption>,
        most: Duration,
    ) -> Result<Turn<'_>, WaitEnd> {
        let number = {
            let mut state = self.locked();
            if !state.is_held {
                state.is_held = true;
                return Ok(Turn(self));
            }
            state.last_number += 1;
            let number = state.last_number;
            state.waiting.push(account, Waiter { number, interruption: Arc::clone(interruption) });
            number
        };
        let end = interruption.wait_until(|| self.locked().next == Some(number), most);
        let mut state = self.locked();
        if state.next != Some(number) {
            state.waiting.remove(|waiter| waiter.number == number);
            return Err(end);
        }
        state.next = None;
        drop(state);
        let turn = Turn(self);
        // The turn may have come together with a stop; dropping it passes it on.
        if end == WaitEnd::Stopped { Err(end) } else { Ok(turn) }
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
        let next = state.waiting.pop();
        state.next = next.as_ref().map(|waiter| waiter.number);
        state.is_held = next.is_some();
        // A waiter holds its interruption's lock while it looks at the state.
        drop(state);
        if let Some(waiter) = next {
            waiter.interruption.notify();
        }
    }
}
