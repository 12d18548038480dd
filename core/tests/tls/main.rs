//! TLS between a client and a server in memory: every kind of certificate, every refusal, and bytes delivered in pieces of every size.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

mod direct;
mod handshake;
mod names;
mod options;
mod rejections;
mod resumption;
mod status;
mod support;
