//! The servers, clients and certificates for tests that need more than one package or a real peer.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test's helper fails as a test does")]

pub mod bridge;
pub mod campaign;
pub mod capi;
pub mod capture;
pub mod certificates;
pub mod child;
pub mod clients;
pub mod column_values;
pub mod daemon;
pub mod drivers;
pub mod fuzz;
pub mod middle;
pub mod no_security;
pub mod programs;
pub mod replication;
pub mod restart;
pub mod rogue;
pub mod server;
pub mod source;
pub mod websocket;
pub mod workload;
