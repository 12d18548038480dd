//! `sealwired`: the server program's parts.
//!
//! ```text
//! socket ──> driver ──> sealwire_core::server::Connection ──> session ──> accounts, settings, status
//!                                                                └──────> engine (SQLite), on threads of its own
//! ```

mod accounts;
mod constant_selects;
mod counters;
mod driver;
mod engine;
mod initialize;
mod memory;
mod options;
mod program;
mod published;
mod readers;
mod refusals;
mod registry;
mod reload;
#[cfg(feature = "fuzz")]
pub mod sandbox;
mod session;
mod settings;
mod sql;
mod state;
mod status_variables;
mod version;
mod versioned;
mod websocket;

pub use program::main;

/// Locks, channels and threads of what threads share; the tests' scheduler puts its own in their place.
mod sync {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, atomic, mpsc};
    pub(super) use std::thread;
    use std::time::Duration;

    /// The next message, unless the time passes first.
    pub(super) fn wait<T>(receiver: &mpsc::Receiver<T>, time: Duration) -> Option<T> {
        receiver.recv_timeout(time).ok()
    }
}
