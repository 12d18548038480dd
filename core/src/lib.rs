#![doc = include_str!("../README.md")]
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
// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sealwire_wasm_tests;

pub mod auth;
mod channel;
#[cfg(feature = "client")]
pub mod client;
mod compression;
mod default_port;
pub mod error;
pub mod facts;
pub mod ladder;
mod leg;
#[cfg(feature = "client")]
mod lent_rows;
mod link;
mod machine;
pub mod message;
pub mod printable;
#[cfg(all(feature = "client", feature = "server"))]
pub mod proxy;
#[cfg(feature = "server")]
pub mod proxy_protocol;
pub mod random;
mod received;
pub mod secret;
#[cfg(feature = "server")]
pub mod server;
pub mod sql;
#[cfg(feature = "std")]
mod std_clock;
pub mod tls;
pub mod trace;
pub mod wire;

pub use default_port::DEFAULT_PORT;
pub use error::{Error, SqlError};
pub use facts::Facts;
pub use machine::{Input, Now, Output};
