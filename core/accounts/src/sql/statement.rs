//! Account statements as parsed values.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{AccountName, Level, Privileges, Requirement};
use sealwire_core::secret::Secret;

/// A statement about accounts. Its passwords are [`Secret`]s, so that `Debug` does not show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountStatement {
    /// CREATE USER
    CreateUser {
        /// The users.
        users: Vec<UserSpec>,
        /// IF NOT EXISTS: existing users stay unchanged.
        if_not_exists: bool,
        /// MariaDB's OR REPLACE: existing users are dropped first.
        or_replace: bool,
        /// The options for all users.
        options: UserOptions,
    },
    /// ALTER USER
    AlterUser {
        /// The users.
        users: Vec<UserSpec>,
        /// IF EXISTS: missing users are skipped.
        if_exists: bool,
        /// The options for all users.
        options: UserOptions,
    },
    /// DROP USER
    DropUser {
        /// The users.
        users: Vec<Target>,
        /// IF EXISTS: missing users are skipped.
        if_exists: bool,
    },
    /// RENAME USER, as pairs of old and new name.
    RenameUser(Vec<(Target, AccountName)>),
    /// GRANT
    Grant {
        /// The privileges, including GRANT OPTION; `None` stands for ALL PRIVILEGES.
        privileges: Option<Privileges>,
        /// WITH GRANT OPTION.
        grant_option: bool,
        /// The level.
        on: GrantLevel,
        /// The users who get the privileges.
        users: Vec<UserSpec>,
        /// The options for all users: REQUIRE and limits.
        options: UserOptions,
    },
    /// REVOKE … ON
    Revoke {
        /// The privileges; `None` stands for ALL PRIVILEGES.
        privileges: Option<Privileges>,
        /// The level.
        on: GrantLevel,
        /// The users who lose the privileges.
        users: Vec<Target>,
    },
    /// REVOKE ALL PRIVILEGES, GRANT OPTION
    RevokeEverything(Vec<Target>),
    /// SET PASSWORD
    SetPassword {
        /// The user whose password changes.
        user: Target,
        /// The new password in plaintext.
        password: Secret,
    },
    /// SHOW GRANTS
    ShowGrants(Target),
    /// SHOW CREATE USER
    ShowCreateUser(Target),
    /// FLUSH PRIVILEGES
    FlushPrivileges,
}

impl AccountStatement {
    /// Whether the statement only reads accounts, so that it need not wait for changes of others.
    pub const fn is_read_only(&self) -> bool {
        matches!(self, Self::ShowGrants(_) | Self::ShowCreateUser(_) | Self::FlushPrivileges)
    }
}

/// The level at which privileges are granted, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantLevel {
    /// A complete level.
    Level(Level),
    /// `*`: the current database.
    CurrentDatabase,
    /// A table in the current database.
    TableInCurrentDatabase(String),
}

/// The user that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `'u'@'h'`; a missing host means `%`.
    Named(AccountName),
    /// CURRENT_USER: the account of the session.
    Current,
}

/// A user and the way to authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    /// The user.
    pub user: Target,
    /// The IDENTIFIED clause, if there is one.
    pub identified: Option<Identified>,
}

/// An IDENTIFIED clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identified {
    /// BY 'password', with the plugin if there is one.
    Password {
        /// The plugin; `None` means the server's default.
        plugin: Option<String>,
        /// The password in plaintext.
        password: Secret,
    },
    /// WITH plugin AS 'text', or BY PASSWORD 'hash': the text that `mysql.user` stores.
    Stored {
        /// The plugin.
        plugin: String,
        /// The stored text.
        text: Secret,
    },
    /// WITH plugin, without a password or text.
    Plugin(String),
}

/// The options of CREATE USER, ALTER USER and GRANT for all users in their list. `None` leaves the setting unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserOptions {
    /// REQUIRE, which replaces the whole requirement.
    pub requirement: Option<Requirement>,
    /// WITH MAX_USER_CONNECTIONS; 0 means no limit for this account.
    pub max_user_connections: Option<u32>,
    /// ACCOUNT LOCK or UNLOCK.
    pub locked: Option<bool>,
    /// Whether the statement has an option that is the default of every account and changes nothing, such as PASSWORD EXPIRE NEVER.
    pub says_defaults: bool,
}
