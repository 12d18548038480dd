//! Drivers and programs.
