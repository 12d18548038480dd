//! Stops a running statement from another thread.

use std::fmt;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, PoisonError};

/// The stop and the deadline of one session's statements.
#[derive(Default)]
pub(crate) struct Interruption {
    stopped: Mutex<bool>,
    /// The statement must end by then.
    deadline: Mutex<Option<Instant>>,
    changed: Condvar,
    engine: Mutex<Option<Box<dyn Fn() + Send>>>,
}

/// Why a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// The condition holds.
    Ready,
    /// The statement must stop.
    Stopped,
    /// The time is over.
    TimedOut,
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruption").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

impl Interruption {
    /// Sets a function that stops the engine's own work.
    pub(crate) fn connect(&self, stop: impl Fn() + Send + 'static) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
    }

    /// Stops the running statement.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
        if let Some(stop) = self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            stop();
        }
    }

    /// Clears the stop and the deadline, because a new statement begins.
    pub(crate) fn reset(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.limit(None);
    }

    /// Sets the deadline to so long from now; `None` sets none.
    pub(crate) fn limit(&self, time: Option<Duration>) {
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_killed(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the statement must stop, by [`Interruption::stop`] or by its deadline. The engine polls this.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_killed() || self.is_out_of_time()
    }

    fn is_out_of_time(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Whether the deadline alone stops the statement.
    pub(crate) fn is_timed_out(&self) -> bool {
        !self.is_killed() && self.is_out_of_time()
    }

    /// Waits for a condition, at most for `most`. Call [`Interruption::notify`] after changing the condition.
    pub(crate) fn wait_until(&self, is_ready: impl Fn() -> bool, most: Duration) -> WaitEnd {
        let begun = Instant::now();
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if *stopped || self.is_out_of_time() {
                return WaitEnd::Stopped;
            }
            if is_ready() {
                return WaitEnd::Ready;
            }
            let left = most.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return WaitEnd::TimedOut;
            }
            let deadline = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = deadline.map_or(left, |deadline| deadline.min(left));
            stopped = self.changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes [`Interruption::wait_until`], which then checks its condition again.
    pub(crate) fn notify(&self) {
        // The lock orders this after the check of a waiter that is about to wait.
        drop(self.stopped.lock());
        self.changed.notify_all();
    }

    /// Sleeps; true where a stop cut the sleep short.
    pub(crate) fn sleep(&self, duration: Duration) -> bool {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.changed
                .wait_timeout_while(stopped, left.map_or(duration, |left| left.min(duration)), |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0 || self.is_out_of_time()
    }
}
