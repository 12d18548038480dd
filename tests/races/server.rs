//! The server's own files, compiled with shuttle's locks, channels and threads.

#[path = "../../native/server/src/engine/interruption.rs"]
mod interruption;
#[path = "../../native/server/src/published.rs"]
pub(crate) mod published;
#[path = "../../native/server/src/registry.rs"]
pub(crate) mod registry;
#[path = "../../native/server/src/round_robin.rs"]
mod round_robin;
#[path = "../../native/server/src/engine/threads.rs"]
pub(crate) mod threads;
#[path = "../../native/server/src/turns.rs"]
pub(crate) mod turns;
#[path = "../../native/server/src/versioned.rs"]
pub(crate) mod versioned;

/// The module `engine` of `native/server/src`, as far as these files need it.
pub(crate) mod engine {
    pub(crate) use super::interruption::{Interruption, WaitEnd};
}

/// The module `sync` of `native/server/src`, as far as these files need it.
pub(crate) mod sync {
    pub(crate) use std::sync::PoisonError;
    use std::time::Duration;

    use shuttle::rand::Rng as _;
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic, mpsc};
    pub(crate) use shuttle::thread;

    /// The next message, or `None`: the time limit may pass at any moment.
    pub(crate) fn wait<T>(receiver: &mpsc::Receiver<T>, _: Duration) -> Option<T> {
        let patience = shuttle::rand::thread_rng().gen_range(0..4);
        (0..patience).find_map(|_| {
            thread::yield_now();
            receiver.try_recv().ok()
        })
    }
}
