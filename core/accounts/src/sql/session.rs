//! The session that executes account statements, and the result of a statement.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Identity;
use sealwire_core::SqlError;
use sealwire_core::auth::Plugin;

/// Tells whether a statement must end early, because it was killed or its client is gone.
pub trait Stop: core::fmt::Debug {
    /// Whether the statement may go on. The executor asks before each user of a list.
    ///
    /// # Errors
    /// The error with which the statement ends.
    fn check(&self) -> Result<(), SqlError>;
}

/// Never stops a statement.
#[derive(Debug)]
struct NeverStop;

impl Stop for NeverStop {
    fn check(&self) -> Result<(), SqlError> {
        Ok(())
    }
}

/// The session that executes statements.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// The account of the session; `None` is the server itself, which may do everything.
    pub account: Option<&'a Identity>,
    /// The current database.
    pub database: Option<&'a str>,
    /// The plugin for accounts whose statement names none.
    pub default_plugin: Plugin,
    /// Whether the statement must end early.
    pub stop: &'a dyn Stop,
}

impl Session<'_> {
    /// The server itself, which executes its own files and its init file.
    pub const fn server(default_plugin: Plugin) -> Self {
        Self { account: None, database: None, default_plugin, stop: &NeverStop }
    }
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The statement has been executed.
    Done {
        /// Whether accounts changed, so that they must be written to disk and cached password digests be dropped.
        changed: bool,
        /// Notes for SHOW WARNINGS.
        notes: Vec<SqlError>,
    },
    /// The statement returns rows of one column.
    Rows {
        /// The column's name.
        column: String,
        /// One text per row.
        rows: Vec<String>,
    },
}
