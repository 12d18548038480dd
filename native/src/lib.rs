//! Drivers and programs.

pub mod certs;
pub mod clock;
pub mod options;
pub mod provider;
pub mod random;
pub mod tls_options;
