//! This server as a replica of others.

pub(crate) mod apply;
