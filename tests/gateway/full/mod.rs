//! Tests that take minutes: `cargo xtask test full`.

mod galera;
mod matrix;
mod suites;
