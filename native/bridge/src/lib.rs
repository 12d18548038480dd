//! `sealwire-bridge`: WebSockets on one side, MySQL servers' TCP ports on the other. It carries bytes and sees only ciphertext.
//!
//! ```text
//!            ┌ client ┐   ┌────────── exchange ──────────┐   ┌─────── relay ───────┐
//! page ────> │ TCP or │ ─>│ HTTP: pages, /metrics, or an │ ─>│ WebSocket frames    │ ──> target, by its name in /tcp/<name>
//!            │ TLS    │   │ upgrade of /tcp/<name>       │   │ <── bytes both ways │
//!            └────────┘   └──────────────────────────────┘   └─────────────────────┘
//! ```
//!
//! One thread with one poll serves everything (`run`); only names of targets are looked up elsewhere (`resolve`). What a
//! connection may hold is bounded: see [`MOST_BUFFERED`]; so is what waits in a page: see [`WINDOW`]. A page can't read why a WebSocket was not opened, so every one is
//! opened, and one that may not be used is closed at once with a code and a sentence: [`CloseReason`].

mod admission;
mod client;
mod closing;
mod connection;
mod exchange;
mod frame;
mod hosts;
mod http;
mod metrics;
mod options;
mod pages;
#[cfg(feature = "fuzz")]
pub mod probe;
mod program;
mod rate;
mod relay;
mod reload;
mod resolve;
mod room;
mod run;
mod settings;
mod shared;

pub use closing::CloseReason;
pub use program::main;
pub use relay::MOST_BUFFERED;
pub use reload::ReloadableTls;
pub use room::{GRANT, WINDOW};

pub use options::{hosts, open_token, origins, pages, token};
pub use pages::Pages;
pub use run::{Bridge, Stopper};
pub use settings::{Destination, Limits, Origins, Settings, Target, TlsSource, Token};
