//! Stores the accounts of a server as a text of SQL statements.

use alloc::string::String;
use core::fmt;

use super::Accounts;
use super::sql::{self, Session, Style};
use sealwire_core::SqlError;
use sealwire_core::auth::Plugin;
use sealwire_core::random::Random;

/// An error in a text of account statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// The number of the line, from 1.
    pub line: usize,
    /// The error.
    pub error: SqlError,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.error)
    }
}

impl core::error::Error for ScriptError {}

impl Accounts {
    /// All accounts as statements that create them, with password hashes only. [`Accounts::read_text`] parses them.
    pub fn to_text(&self) -> String {
        let mut text =
            String::from("-- Sealwire's accounts, as statements. Read at start; written after each change.\n");
        for account in self.iter() {
            text.push_str(&sql::create_user(account, Style::OneLine));
            text.push_str(";\n");
            for grant in sql::grants(account, Style::OneLine) {
                text.push_str(&grant);
                text.push_str(";\n");
            }
        }
        text
    }

    /// Executes a text of account statements. If there is an error, it names the line, and no account changes.
    pub fn read_text(&mut self, text: &str, random: &dyn Random) -> Result<(), ScriptError> {
        let located = |(line, error)| ScriptError { line, error };
        let mut accounts = self.clone();
        let session = Session::server(Plugin::CachingSha2Password);
        for (line, statement) in sql::parse_script(text).map_err(located)? {
            sql::apply(&statement, &mut accounts, &session, random).map_err(|error| located((line, error)))?;
        }
        *self = accounts;
        Ok(())
    }
}
