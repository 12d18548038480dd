//! The number of each worker's connections, and the choice of a worker for a new one.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// The number of a worker's connections.
#[derive(Debug, Default)]
pub(super) struct Load(Arc<AtomicUsize>);

/// Counts a connection of its worker until it is dropped.
#[derive(Debug)]
pub(super) struct LoadGuard(Arc<AtomicUsize>);

impl Load {
    /// Counts a connection.
    pub(super) fn add(&self) -> LoadGuard {
        self.0.fetch_add(1, Relaxed);
        LoadGuard(Arc::clone(&self.0))
    }

    /// The number of connections.
    pub(super) fn connections(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A worker keeps the connections that it accepts, unless another worker has this many fewer, because handing one over wakes a thread.
const IMBALANCE: usize = 4;

/// The index of the worker for a new connection, given the loads of all: the worker that accepted it, unless another one has much less
/// load.
pub(super) fn choose(loads: impl Iterator<Item = usize> + Clone, by: Option<usize>) -> Option<usize> {
    let (idlest, least) = loads.clone().enumerate().min_by_key(|(_, load)| *load)?;
    let keeps = |number: &usize| loads.clone().nth(*number).is_some_and(|load| load <= least + IMBALANCE);
    by.filter(keeps).or(Some(idlest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_stays_unless_another_worker_has_much_less_to_do() {
        let chosen = |loads: &[usize], by| choose(loads.iter().copied(), by);
        assert_eq!(chosen(&[4, 0], Some(0)), Some(0));
        assert_eq!(chosen(&[5, 0], Some(0)), Some(1));
        assert_eq!(chosen(&[5, 0], Some(1)), Some(1));
        assert_eq!(chosen(&[2, 1, 2], None), Some(1));
        assert_eq!(chosen(&[], Some(0)), None);
        let mut loads = [0; 4];
        for _ in 0..400 {
            // All connections are accepted by the same worker.
            loads[chosen(&loads, Some(0)).unwrap()] += 1;
        }
        assert!(loads.iter().all(|load| (95..=105).contains(load)), "{loads:?}");
    }

    #[test]
    fn a_connection_counts_until_it_is_gone() {
        let load = Load::default();
        let guards = [load.add(), load.add()];
        assert_eq!(load.connections(), 2);
        drop(guards);
        assert_eq!(load.connections(), 0);
    }
}
