//! Account statements as values.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{AccountName, Level, Privileges, Requirement};
use sealwire_core::secret::Secret;

/// A statement about accounts. Passwords inside are [`Secret`]s, so that `Debug` shows none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountStatement {
    /// CREATE USER
    CreateUser {
        /// Who.
        users: Vec<UserSpec>,
        /// IF NOT EXISTS: those that are there are left as they are.
        if_not_exists: bool,
        /// MariaDB's OR REPLACE: those that are there are dropped first.
        or_replace: bool,
        /// What holds for all of them.
        options: UserOptions,
    },
    /// ALTER USER
    AlterUser {
        /// Who.
        users: Vec<UserSpec>,
        /// IF EXISTS: those that are not there are passed over.
        if_exists: bool,
        /// What holds for all of them.
        options: UserOptions,
    },
    /// DROP USER
    DropUser {
        /// Who.
        users: Vec<Target>,
        /// IF EXISTS: those that are not there are passed over.
        if_exists: bool,
    },
    /// RENAME USER, in pairs of old and new.
    RenameUser(Vec<(Target, AccountName)>),
    /// GRANT
    Grant {
        /// What, GRANT OPTION included; `None` stands for ALL PRIVILEGES.
        privileges: Option<Privileges>,
        /// WITH GRANT OPTION.
        grant_option: bool,
        /// Where.
        on: On,
        /// To whom.
        users: Vec<UserSpec>,
        /// What holds for all of them: REQUIRE and limits.
        options: UserOptions,
    },
    /// REVOKE … ON
    Revoke {
        /// What; `None` stands for ALL PRIVILEGES.
        privileges: Option<Privileges>,
        /// Where.
        on: On,
        /// From whom.
        users: Vec<Target>,
    },
    /// REVOKE ALL PRIVILEGES, GRANT OPTION
    RevokeEverything(Vec<Target>),
    /// SET PASSWORD
    SetPassword {
        /// Whose.
        user: Target,
        /// The new one, in clear.
        password: Secret,
    },
    /// SHOW GRANTS
    ShowGrants(Target),
    /// SHOW CREATE USER
    ShowCreateUser(Target),
    /// FLUSH PRIVILEGES
    FlushPrivileges,
}

/// What privileges are granted on, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A complete name.
    Level(Level),
    /// `*`: the current database.
    CurrentDatabase,
    /// A table in the current database.
    TableInCurrentDatabase(String),
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `'u'@'h'`; without a host, `%`.
    Named(AccountName),
    /// CURRENT_USER: the account of the session.
    Current,
}

/// A user with the way to prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    /// Who.
    pub user: Target,
    /// The IDENTIFIED clause, if there was one.
    pub identified: Option<Identified>,
}

/// An IDENTIFIED clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    /// BY 'password', with the plugin if one was named.
    Password {
        /// The plugin; `None` is the server's default.
        plugin: Option<String>,
        /// The password in clear.
        password: Secret,
    },
    /// WITH plugin AS 'text', or BY PASSWORD 'hash': what `mysql.user` stores.
    Stored {
        /// The plugin.
        plugin: String,
        /// The stored text.
        text: Secret,
    },
    /// WITH plugin, and nothing more.
    Plugin(String),
}

/// What CREATE USER, ALTER USER and GRANT say about all users in their list. `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserOptions {
    /// REQUIRE: replaces the whole requirement.
    pub requirement: Option<Requirement>,
    /// WITH MAX_USER_CONNECTIONS; 0 is no limit of its own.
    pub max_user_connections: Option<u32>,
    /// ACCOUNT LOCK or UNLOCK.
    pub locked: Option<bool>,
    /// Whether something is said that every account has and that changes nothing, such as PASSWORD EXPIRE NEVER.
    pub says_defaults: bool,
}
