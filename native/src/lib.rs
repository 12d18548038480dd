//! Sealwire for operating systems: the blocking [`Client`], and the programs `sealwired`, `sealwire`, `sealwire-bridge` and
//! `sealwire-certs`.
//!
//! The protocol itself is [`protocol`], the crate `sealwire-core`; here are sockets, files, clocks and the cryptography.

pub mod bridge;
pub mod certs;
pub mod client;
pub mod clock;
mod compression;
mod denied;
mod health;
mod listen;
mod log;
pub mod options;
pub mod provider;
pub mod random;
pub mod server;
mod stream;
pub mod terminal;
mod tickets;
pub mod tls_options;

pub use client::Client;
pub use sealwire_core as protocol;

/// README's examples are tested with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
