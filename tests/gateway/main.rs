//! The gateway between clients of other projects and servers: MariaDB's own and ours.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod administration;
mod announced;
mod certificates;
mod cluster;
mod direct;
mod drivers;
mod files;
mod full;
mod galera;
mod haproxy;
mod health;
mod hostile;
mod limits;
mod names;
mod operation;
mod pools;
mod rules;
mod service;
mod support;
mod verification;
