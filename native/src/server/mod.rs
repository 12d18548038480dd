//! `sealwired`: the server program's parts.
//!
//! ```text
//! socket ──> driver ──> sealwire_core::server::Connection ──> session ──> accounts, variables, status
//!                                                                └──────> engine (SQLite), on threads of its own
//! ```

mod accounts;
mod driver;
mod engine;
mod initialize;
mod options;
mod program;
mod registry;
mod reload;
mod session;
mod sql;
mod state;
mod status;
mod variables;
mod versioned;
mod websocket;

pub use program::main;

/// The locks of what threads share; the tests' scheduler puts its own in their place.
mod sync {
    pub(super) use std::sync::{Mutex, PoisonError, RwLock};
}
