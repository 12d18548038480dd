//! What Sealwire's programs ask of the operating system: sockets and listeners for a poll, clocks, randomness, the cryptography, files
//! and the log.

pub mod bounded_lines;
pub mod clock;
pub mod files;
pub mod listen;
pub mod log;
pub mod provider;
pub mod random;
pub mod regular_file;
pub mod stream;
