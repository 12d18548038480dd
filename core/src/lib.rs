//! MySQL's secure connection as a pure state machine.
//!
//! ```text
//! bytes in ──> frame ──> message ──> machine ──> event out
//!                ▲ tls (spliced in by SSLRequest)
//! bytes out <── frame <── message <── machine <── command in
//! ```
//!
//! Nothing here opens a socket, reads a clock, starts a thread or touches a file: bytes, time and randomness are inputs.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod account;
pub mod auth;
mod channel;
pub mod client;
pub mod error;
pub mod facts;
mod machine;
pub mod message;
pub mod random;
pub mod secret;
pub mod server;
pub mod tls;
pub mod trace;
pub mod wire;

pub use error::{Error, SqlError};
pub use facts::Facts;
pub use machine::{Input, Now, Output};
