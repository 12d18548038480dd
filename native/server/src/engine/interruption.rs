//! How a running statement is stopped from another thread.

use std::fmt;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, PoisonError};

/// Stops a running statement.
#[derive(Default)]
pub(crate) struct Interruption {
    stopped: Mutex<bool>,
    /// When the statement's time is over.
    deadline: Mutex<Option<Instant>>,
    changed: Condvar,
    engine: Mutex<Option<Box<dyn Fn() + Send>>>,
}

/// How a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// What it waited for is so.
    Ready,
    /// The statement is to stop.
    Stopped,
    /// It has waited long enough.
    TimedOut,
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruption").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

impl Interruption {
    /// How the engine's own work is stopped.
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

    /// Forgets an earlier stop: a new statement begins.
    pub(crate) fn reset(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.limit(None);
    }

    /// Lets the statement run so long from now on; `None` is without a limit.
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

    /// Whether the statement is to stop: somebody stopped it, or its time is over. The engine asks this again and again.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_killed() || self.is_out_of_time()
    }

    fn is_out_of_time(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Whether the statement is to stop because its time is over, and nobody stopped it.
    pub(crate) fn is_timed_out(&self) -> bool {
        !self.is_killed() && self.is_out_of_time()
    }

    /// Waits until something is so, of which [`Interruption::notify`] tells, and no longer than `most`.
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

    /// Has [`Interruption::wait_until`] look again.
    pub(crate) fn notify(&self) {
        // Who waits has looked before this is locked, or waits for the notice.
        drop(self.stopped.lock());
        self.changed.notify_all();
    }

    /// Waits; true where the wait was cut short by a stop.
    pub(crate) fn sleep(&self, duration: Duration) -> bool {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            self.changed
                .wait_timeout_while(stopped, left.map_or(duration, |left| left.min(duration)), |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0 || self.is_out_of_time()
    }
}
