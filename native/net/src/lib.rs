#![doc = include_str!("../README.md")]

pub mod accept;
pub mod bounded_lines;
pub mod clock;
pub mod connections;
pub mod files;
pub mod listen;
pub mod log;
pub mod mailbox;
pub mod network;
pub mod provider;
pub mod random;
pub mod reactor;
pub mod regular_file;
pub mod run_queue;
pub mod socket;
pub mod stream;
