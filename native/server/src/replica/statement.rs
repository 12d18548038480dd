//! The statements about channels, in the words of MySQL and of MariaDB.
//!
//! Source: MySQL Reference Manual, "SQL Statements for Controlling Replica Servers"; MariaDB, "Replication Statements".

mod assignments;
mod change;
mod control;
mod filter;
mod types;

pub(crate) use assignments::read_change;
pub(crate) use change::Change;
pub(crate) use control::{read_reset, read_start, read_status, read_stop};
pub(crate) use types::{Chosen, Named, StartOptions, Statement, Threads, Until};
