//! `sealwire-gateway`: verified TLS in front of MySQL servers. Each client's connection has one connection of its own to a server, to
//! which the client authenticates through the gateway; the gateway holds no passwords.
//!
//! ```text
//!           ┌───────────────── session ─────────────────┐
//! client ──>│ socket ──> core's proxy machine ──> socket │──> a server of the pool
//!           └────────────────────────────────────────────┘
//! probe: reads each server's greeting at the start, so that the gateway offers what its servers have
//! check: asks each server whether it can serve ──> health ──> pool: the server for the next session
//! ```
//!
//! One thread with one poll serves all sessions (`run`); host names are looked up and servers checked in other threads.

mod admin;
mod announce;
mod attributes;
mod bounded_stream;
mod certificates;
mod check;
mod counters;
mod galera;
mod health;
mod limits;
mod offer;
mod operate;
mod options;
mod page;
mod place;
mod pool;
mod probe;
mod program;
mod report;
mod routes;
mod rules;
mod run;
mod session;
mod settings;
mod shared;
mod tls;
mod user_name;
mod wire;

pub use program::main;
