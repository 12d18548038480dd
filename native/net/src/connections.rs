//! A driver's connections: which of them advance next, and when each has a deadline.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use super::run_queue::{Class, RunQueue};

/// The result of advancing a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The connection waits for an event or its deadline.
    Wait,
    /// The connection has more to do, after the others have advanced.
    Again,
    /// The connection has ended.
    Over,
}

/// Connections by number; [`token`](super::reactor::token) takes the same numbers.
#[derive(Debug)]
pub struct Connections<C> {
    slots: HashMap<usize, Slot<C>, BuildHasherDefault<IdHasher>>,
    queue: RunQueue,
    /// The timers by time; an entry that differs from its connection's timer is stale and is skipped.
    timers: BinaryHeap<Reverse<(Duration, usize)>>,
}

/// Hashes a connection's number. The driver counts the numbers up, so nobody chooses them to collide, and a multiplication spreads them.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, id: usize) {
        // 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A connection among the others.
#[derive(Debug)]
pub struct Slot<C> {
    /// The connection.
    pub connection: C,
    is_queued: bool,
    deadline: Option<Duration>,
    /// When the connection's timer fires: at the deadline or earlier.
    timer: Option<Duration>,
}

impl<C> Slot<C> {
    /// Whether the connection is queued for a later round; until then, events do not make it advance.
    pub const fn is_queued(&self) -> bool {
        self.is_queued
    }
}

impl<C> Default for Connections<C> {
    fn default() -> Self {
        Self { slots: HashMap::default(), queue: RunQueue::default(), timers: BinaryHeap::new() }
    }
}

impl<C> Connections<C> {
    /// Adds a connection.
    pub fn insert(&mut self, id: usize, connection: C) {
        self.slots.insert(id, Slot { connection, is_queued: false, deadline: None, timer: None });
    }

    /// A connection, to read.
    pub fn get(&self, id: usize) -> Option<&C> {
        self.slots.get(&id).map(|slot| &slot.connection)
    }

    /// A connection with its scheduling state, to change.
    pub fn get_mut(&mut self, id: usize) -> Option<&mut Slot<C>> {
        self.slots.get_mut(&id)
    }

    /// Removes a connection.
    pub fn remove(&mut self, id: usize) -> Option<C> {
        self.slots.remove(&id).map(|slot| slot.connection)
    }

    /// Drops all connections.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// Whether there are no connections.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All connections, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &C> {
        self.slots.values().map(|slot| &slot.connection)
    }

    /// All connections, in no order, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.slots.values_mut().map(|slot| &mut slot.connection)
    }

    /// The numbers of all connections.
    pub fn ids(&self) -> Vec<usize> {
        self.slots.keys().copied().collect()
    }

    /// Queues a connection, to advance after the others.
    pub fn enqueue(&mut self, id: usize, class: impl FnOnce(&C) -> Class) {
        if let Some(slot) = self.slots.get_mut(&id)
            && !std::mem::replace(&mut slot.is_queued, true)
        {
            self.queue.push(id, class(&slot.connection));
        }
    }

    /// The queued connections that advance in this round.
    pub fn next_round(&mut self) -> Vec<usize> {
        let mut round = self.queue.round();
        round.retain(|id| self.slots.get_mut(id).is_some_and(|slot| std::mem::take(&mut slot.is_queued)));
        round
    }

    /// Sets a connection's deadline; `None` for never. Moving a deadline later, as each command does, costs nothing, because the timer
    /// fires early and is then set again.
    pub fn set_deadline(&mut self, id: usize, deadline: Option<Duration>) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.deadline = deadline;
            set_timer(&mut self.timers, id, slot);
        }
    }

    /// The connections whose deadline has come.
    pub fn due(&mut self, now: Duration) -> Vec<usize> {
        let mut due = Vec::new();
        while let Some(Reverse((timer, id))) = self.timers.peek().copied().filter(|Reverse((timer, _))| *timer <= now) {
            self.timers.pop();
            // The entry is stale where an earlier timer has replaced it.
            let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.timer == Some(timer)) else { continue };
            slot.timer = None;
            if slot.deadline.is_some_and(|deadline| deadline <= now) {
                due.push(id);
            } else {
                set_timer(&mut self.timers, id, slot);
            }
        }
        due
    }

    /// The next time at which the driver must wake up, for [`Reactor::wait`](super::reactor::Reactor::wait).
    pub fn next_deadline(&self) -> Option<Duration> {
        if !self.queue.is_empty() {
            return Some(Duration::ZERO);
        }
        self.timers.peek().map(|Reverse((timer, _))| *timer)
    }
}

/// Makes sure that a timer fires at the connection's deadline or earlier.
fn set_timer<C>(timers: &mut BinaryHeap<Reverse<(Duration, usize)>>, id: usize, slot: &mut Slot<C>) {
    if let Some(deadline) = slot.deadline
        && slot.timer.is_none_or(|timer| deadline < timer)
    {
        slot.timer = Some(deadline);
        timers.push(Reverse((deadline, id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_connection_is_due_at_its_last_deadline() {
        let mut connections = Connections::default();
        for id in [1, 2, 3] {
            connections.insert(id, ());
        }
        connections.set_deadline(1, Some(ms(10)));
        connections.set_deadline(1, Some(ms(30)));
        connections.set_deadline(2, Some(ms(50)));
        connections.set_deadline(2, Some(ms(20)));
        connections.set_deadline(3, Some(ms(20)));
        connections.set_deadline(3, None);
        assert_eq!(connections.next_deadline(), Some(ms(10)), "the timer stays where the deadline moves away");
        assert!(connections.due(ms(10)).is_empty());
        assert_eq!(connections.due(ms(20)), [2]);
        assert_eq!(connections.next_deadline(), Some(ms(30)));
        connections.remove(1);
        assert!(connections.due(ms(60)).is_empty(), "one is gone, and two was told");
        assert_eq!(connections.next_deadline(), None);
    }

    #[test]
    fn a_deadline_that_has_passed_is_told_once_each_time() {
        let mut connections = Connections::default();
        connections.insert(1, ());
        connections.set_deadline(1, Some(ms(10)));
        assert_eq!(connections.due(ms(20)), [1]);
        connections.set_deadline(1, Some(ms(10)));
        assert_eq!(connections.due(ms(20)), [1]);
    }

    #[test]
    fn a_queued_connection_advances_once_in_a_round() {
        let mut connections = Connections::default();
        connections.insert(1, ());
        connections.insert(2, ());
        connections.enqueue(1, |()| Class::Cheap);
        connections.enqueue(1, |()| Class::Cheap);
        connections.enqueue(2, |()| Class::Costly);
        connections.enqueue(3, |()| Class::Cheap);
        assert!(connections.get_mut(1).is_some_and(|slot| slot.is_queued()));
        assert_eq!(connections.next_deadline(), Some(Duration::ZERO));
        assert_eq!(connections.iter().count(), connections.iter_mut().count());
        connections.remove(2);
        assert_eq!(connections.next_round(), [1]);
        assert!(connections.get_mut(1).is_some_and(|slot| !slot.is_queued()));
        assert_eq!(connections.next_deadline(), None);
    }
}
