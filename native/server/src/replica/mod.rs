//! This server as a replica of others.
//!
//! ```text
//! source ──TLS──> receiver ──> relay log ──> applier ──> apply ──> engine
//!                     └────── channel ──────────┘
//! ```
//!
//! A channel has [`settings`] and two threads, which [`threads`] starts: [`receiver`] stores the source's log, and [`applier`] applies it. The
//! databases themselves note the applied groups, so the relay log may be lost.

mod applier;
pub(crate) mod apply;
mod channel;
mod channels;
mod connect;
mod filters;
mod gtids;
mod receiver;
mod relay_log;
mod relay_reader;
mod settings;
mod standing;
mod statement;
mod status;
mod threads;

pub(crate) use channel::{Channel, Part};
pub(crate) use channels::{Channels, is_running, not_configured};
pub(crate) use gtids::current_position;
pub(crate) use statement::{
    Chosen, StartOptions, Statement, Threads, read_change, read_reset, read_start, read_status, read_stop,
};
pub(crate) use status::{Cell, Snapshot, all_columns, replica_status, slave_status, system_table, table};
pub(crate) use threads::ChannelThreads;
