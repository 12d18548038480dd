//! The state of channels as users see it: [`snapshot`] is that of one channel at one moment, [`show`] has the rows of statements, and [`tables`]
//! those of `performance_schema`. Behind the columns of the products come those that tell how the channel is secured at this moment.

mod show;
mod snapshot;
mod tables;
mod values;

pub(crate) use show::{all_columns, replica_status, slave_status};
pub(crate) use snapshot::Snapshot;
pub(crate) use tables::system_table;
pub(crate) use values::{Cell, table};
