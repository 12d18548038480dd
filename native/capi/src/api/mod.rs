//! The functions that C programs call, by topic.

mod absent;
mod charset;
mod connection;
mod info;
mod methods;
mod nonblocking;
mod options;
mod plugins;
mod query;
mod replication;
mod result;
mod statement;
