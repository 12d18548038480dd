//! The parts of the server program `sealwired`.
//!
//! ```text
//! socket ──> driver ──> sealwire_core::server::Connection ──> session ──> accounts, settings, status
//!                                                                └──────> engine (SQLite), on threads of its own
//! ```

mod absent_options;
mod accounts;
mod binary_log_options;
mod constant_selects;
mod counters;
mod data_directory;
mod driver;
mod engine;
mod file_system;
mod initialize;
mod memory;
mod options;
mod pid_file;
mod program;
mod published;
mod readers;
mod refusals;
mod registry;
mod reload;
mod replica;
mod replication;
mod round_robin;
#[cfg(feature = "fuzz")]
pub mod sandbox;
mod session;
mod settings;
mod sql;
mod state;
mod status_variables;
mod turns;
mod version;
mod versioned;
mod websocket;

pub use program::main;

/// The locks, channels and threads of state that threads share; the race tests replace this module by their scheduler's.
mod sync {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, atomic, mpsc};
    pub(super) use std::thread;
    use std::time::Duration;

    /// The next message; `None` where the time passes first.
    pub(super) fn wait<T>(receiver: &mpsc::Receiver<T>, time: Duration) -> Option<T> {
        receiver.recv_timeout(time).ok()
    }
}
