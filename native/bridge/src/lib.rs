//! `sealwire-bridge`: WebSockets on one side, MySQL servers' TCP ports on the other. It carries bytes and sees only ciphertext.
//!
//! ```text
//!            ┌ client ┐   ┌────────── exchange ──────────┐   ┌─────── relay ───────┐
//! page ────> │ TCP or │ ─>│ HTTP: pages, /metrics, or an │ ─>│ WebSocket frames    │ ──> target, by its name in /tcp/<name>
//!            │ TLS    │   │ upgrade of /tcp/<name>       │   │ <── bytes both ways │
//!            └────────┘   └──────────────────────────────┘   └─────────────────────┘
//! ```
//!
//! One thread with one poll serves all connections (`run`); only targets' host names are looked up in other threads (`resolve`). The memory
//! of a connection is bounded: see [`MOST_BUFFERED`]; so are the bytes that a page has not read: see [`WINDOW`]. A browser does not tell a
//! page why a WebSocket was not opened, so every one is opened, and one that is refused is closed at once with a code and a sentence:
//! [`CloseReason`].

mod authorize;
mod client;
mod closing;
mod connection;
mod connection_limits;
mod ending;
mod exchange;
mod first_bytes;
mod frame;
mod hosts;
mod http;
#[cfg(feature = "fuzz")]
pub mod in_process;
mod keepalive;
mod metrics;
mod options;
mod pages;
mod program;
mod rate;
mod relay;
mod reload;
mod run;
mod send_window;
mod settings;
mod shared;
mod target_queue;
mod token;

pub use closing::CloseReason;
pub use program::main;
pub use relay::MOST_BUFFERED;
pub use reload::ReloadableTls;
pub use send_window::{GRANT, WINDOW};

pub use options::{hosts, origins, pages};
pub use pages::Pages;
pub use run::{Bridge, Stopper};
pub use settings::{Destination, Limits, Origins, Settings, Target, TlsSource};
pub use token::TokenFile;
