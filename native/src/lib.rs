//! Drivers and programs.

pub mod certs;
pub mod client;
pub mod clock;
pub mod options;
pub mod provider;
pub mod random;
pub mod server;
pub mod terminal;
pub mod tls_options;

pub use client::Client;
