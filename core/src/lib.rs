//! MySQL's secure connection as a pure state machine.
//!
//! ```text
//! bytes in ──> frame ──> message ──> machine ──> event out
//!                ▲ tls (spliced in by SSLRequest)
//! bytes out <── frame <── message <── machine <── command in
//! ```
//!
//! Nothing here opens a socket, reads a clock, starts a thread or touches a file: bytes, time and randomness are inputs.
//! [`client::Connection`] and [`server::Connection`] are the machines; each says in its documentation how it is driven.
//! `core/examples` drives them on a blocking socket, on tokio, and with no socket at all.
//!
//! A client and a server, joined by two vectors of bytes (with TLS: `core/examples/pair.rs`):
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use sealwire_core::auth::{Credential, Plugin};
//! use sealwire_core::facts::Transport;
//! use sealwire_core::message::StatusFlags;
//! use sealwire_core::random::Random;
//! use sealwire_core::server::Candidate;
//! use sealwire_core::{Input, Now, Output, client, server};
//!
//! #[derive(Debug)]
//! struct Fixed; // A real program hands in its operating system's randomness.
//! impl Random for Fixed {
//!     fn fill(&self, out: &mut [u8]) {
//!         out.fill(7);
//!     }
//! }
//!
//! let now = Now { monotonic: Duration::ZERO, wall: Duration::from_secs(1_767_312_000) };
//! let settings = client::Config::new("learner", "secret".into(), Arc::new(Fixed));
//! let mut client = client::Connection::new(Arc::new(settings), now);
//! let settings = server::Config::new("8.4.0-example", Arc::new(Fixed));
//! let peer = server::Peer { transport: Transport::Tcp, host: "memory".into(), user: None };
//! let mut server = server::Connection::new(Arc::new(settings), 1, peer, now);
//!
//! let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
//! loop {
//!     match server.poll_output(&mut to_client)? {
//!         // Here a program looks the user up; this one knows one password for everybody.
//!         Output::Event(server::Event::Login(_)) => {
//!             let credential = Credential::from_password(Plugin::MysqlNativePassword, b"secret", &Fixed)?;
//!             server.authenticate(Candidate { credential, ..Candidate::decoy(Plugin::MysqlNativePassword) })?;
//!         }
//!         Output::Event(server::Event::Authenticated { .. }) => server.accept(StatusFlags::AUTOCOMMIT)?,
//!         _ => {}
//!     }
//!     client.handle_input(Input::Bytes(&mut to_client), now)?;
//!     if let Output::Event(client::Event::Connected(_)) = client.poll_output(&mut to_server)? {
//!         break;
//!     }
//!     server.handle_input(Input::Bytes(&mut to_server), now)?;
//! }
//! assert_eq!(client.facts().server_version, "8.4.0-example");
//! assert_eq!(client.facts().ssl_cipher(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, unused_imports, reason = "messages and plugins have two sides, and one machine uses its own")
)]

#[cfg(not(any(feature = "client", feature = "server")))]
compile_error!("sealwire-core is a client's machine, a server's, or both: choose the feature `client` or `server`");

extern crate alloc;
#[cfg(test)]
extern crate std;
// There `#[test]` is wasm-bindgen's.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sealwire_wasm_tests;

pub mod auth;
mod channel;
#[cfg(feature = "client")]
pub mod client;
mod compression;
pub mod error;
pub mod facts;
mod link;
mod machine;
pub mod message;
pub mod printable;
pub mod random;
mod received;
pub mod secret;
#[cfg(feature = "server")]
pub mod server;
pub mod sql;
pub mod tls;
pub mod trace;
pub mod wire;

pub use error::{Error, SqlError};
pub use facts::Facts;
pub use machine::{Input, Now, Output};
