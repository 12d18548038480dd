//! Drivers and programs.

pub mod options;
