#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;
// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sealwire_wasm_tests;

mod accounts;
mod name;
mod privilege;
mod script;
mod sql;

pub use accounts::{Accounts, Identity};
pub use name::{AccountName, ClientHost, HostPattern};
pub use privilege::{Grants, Level, Privilege, Privileges};
pub use script::ScriptError;
pub use sealwire_core::server::{Clause, Decoy, Refusal, Requirement, admit};
pub use sql::{
    AccountStatement, GrantLevel, Identified, Outcome, Replayed, Session, Stop, Target, UserOptions, UserSpec, execute,
    parse_requirement, parse_script, parse_statement, replay,
};

use alloc::string::ToString;

use sealwire_core::auth::{Credential, Plugin};

/// The servers that must read a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and those that follow it.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user and the host from which he may connect.
    pub name: AccountName,
    /// The plugin by which the user authenticates.
    pub plugin: Plugin,
    /// The stored credential, a hash or a key and never the password.
    pub credential: Credential,
    /// The demands on the connection: the REQUIRE clause.
    pub requirement: Requirement,
    /// The largest number of simultaneous connections; 0 means the server's own limit. The server counts them.
    pub max_user_connections: u32,
    /// Whether the account is locked, so that nobody may log in to it (error 3118).
    pub locked: bool,
    /// The privileges of the account.
    pub grants: Grants,
}

impl Account {
    /// An account without password, requirement or privileges.
    pub fn new(name: AccountName, plugin: Plugin) -> Self {
        Self {
            name,
            plugin,
            credential: Credential::Empty,
            requirement: Requirement::None,
            max_user_connections: 0,
            locked: false,
            grants: Grants::default(),
        }
    }

    /// Whether the account has a privilege globally or, if `database` is given, on that database.
    pub fn may(&self, privilege: Privilege, database: Option<&str>) -> bool {
        let level = database.map_or(Level::Global, |database| Level::Database(database.to_string()));
        self.grants.effective(&level).contains(privilege)
    }

    /// Whether the account has a privilege on a table.
    pub fn may_on_table(&self, privilege: Privilege, database: &str, table: &str) -> bool {
        self.grants.effective(&Level::Table(database.to_string(), table.to_string())).contains(privilege)
    }

    /// Whether the account has any privilege on a table, so that it may know that the table exists.
    pub fn sees_table(&self, database: &str, table: &str) -> bool {
        self.grants.sees(database, table)
    }

    /// Whether the account may make `database` its current one; MySQL answers with error 1044 otherwise.
    pub fn may_use(&self, database: &str) -> bool {
        self.grants.reaches(database)
    }
}
