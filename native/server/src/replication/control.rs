//! The reasons for which a running dump ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealwire_core::error::SqlError;

use super::place::Place;
use crate::sync::{Condvar, Mutex, PoisonError};

/// The other threads' end of a dump, by which they end it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    reason: Mutex<Option<SqlError>>,
    is_left: AtomicBool,
    /// Whether all of the log is sent.
    waits: AtomicBool,
    file: Mutex<Arc<str>>,
    /// Whether a part waits for the connection.
    is_queued: Mutex<bool>,
    taken: Condvar,
    /// The positions that the replica was asked to acknowledge, the oldest first, each with the number of its commit.
    asked: Mutex<VecDeque<(Place, u64)>>,
}

/// A replica is asked for no more acknowledgements while it owes this many, because each takes memory here and in the system's buffers.
const MOST_ASKED: usize = 1024;

impl Control {
    /// Ends the dump with this error. Wake the readers of the log afterwards.
    pub(super) fn end(&self, reason: SqlError) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    pub(super) fn is_reading(&self, file: &str) -> bool {
        **self.file.lock().unwrap_or_else(PoisonError::into_inner) == *file
    }

    /// Notes that the connection is gone.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Release);
        self.take();
    }

    /// Notes that a part waits for the connection.
    pub(super) fn queue(&self) {
        *self.is_queued.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Notes that the connection has taken the part.
    pub(super) fn take(&self) {
        *self.is_queued.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.taken.notify_all();
    }

    /// Waits until no part waits for the connection.
    pub(super) fn wait_for_taker(&self) {
        let mut is_queued = self.is_queued.lock().unwrap_or_else(PoisonError::into_inner);
        while *is_queued && !self.is_left.load(Ordering::Acquire) {
            is_queued = self.taken.wait(is_queued).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that the replica is asked to acknowledge a position; false where it owes too many already.
    pub(super) fn ask(&self, file: &Arc<str>, position: u64, number: u64) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = asked.len() < MOST_ASKED;
        if has_room {
            asked.push_back((Place { file: Arc::clone(file), position }, number));
        }
        has_room
    }

    /// The number of the commit at a position that the replica has acknowledged, which it has before all later ones; `None` where it was not
    /// asked.
    pub(super) fn acknowledged(&self, file: &str, position: u64) -> Option<u64> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // A replica knows the 32 bits of the position that an event has.
        let at =
            asked.iter().position(|(place, _)| *place.file == *file && place.position as u32 == position as u32)?;
        asked.drain(..=at).next_back().map(|(_, number)| number)
    }

    /// Notes whether all of the log is sent.
    pub(super) fn note_wait(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Whether all of the log is sent.
    pub(super) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Notes which file is read.
    pub(super) fn read(&self, file: &Arc<str>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(file);
    }

    /// Whether the dump may go on.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.is_left.load(Ordering::Acquire) {
            return Err(Stop::Left);
        }
        match self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(reason) => Err(Stop::Refused(reason)),
            None => Ok(()),
        }
    }
}

/// Why a dump stops.
pub(super) enum Stop {
    /// The connection is gone.
    Left,
    /// The client asked for the log up to its end, or the end of the file.
    Done,
    Refused(SqlError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_owes_a_bounded_number_of_acknowledgements_in_order() {
        let (control, file) = (Control::default(), Arc::<str>::from("binlog.000001"));
        for number in 0..MOST_ASKED as u64 {
            assert!(control.ask(&file, 100 + number, number));
        }
        assert!(!control.ask(&file, 5, 5));
        assert_eq!(control.acknowledged("binlog.000001", 110), Some(10));
        for (file, position) in [("binlog.000001", 110), ("binlog.000001", 105), ("binlog.000002", 111)] {
            assert_eq!(control.acknowledged(file, position), None, "{file} {position}");
        }
        // Behind 4 GiB an event has the lower half of its position.
        assert!(control.ask(&file, (1 << 32) + 7, 2000));
        assert_eq!(control.acknowledged("binlog.000001", 7), Some(2000));
        assert_eq!(control.acknowledged("binlog.000001", 111), None, "it is before one that was acknowledged");
    }
}
