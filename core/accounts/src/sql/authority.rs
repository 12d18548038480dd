//! The privileges that the session's account needs for a statement.

use alloc::format;
use alloc::string::{String, ToString};

use super::execute::{Done, Executor};
use crate::{Account, AccountName, Level, Privilege, Privileges};
use sealwire_core::SqlError;

impl Executor<'_> {
    pub(super) fn is_self(&self, name: &AccountName) -> bool {
        self.session.account.is_some_and(|own| own.name() == name && self.accounts.identified(own).is_some())
    }

    fn held(&self, level: &Level) -> Privileges {
        match self.session.account {
            None => Privileges::all_at(&Level::Global).with(Privilege::GRANT_OPTION.into()),
            // An account that was dropped during its session has no privileges.
            Some(own) => self.accounts.identified(own).map_or(Privileges::NONE, |account| account.grants.over(level)),
        }
    }

    pub(super) fn demand(&self, privilege: Privilege) -> Done {
        if self.held(&Level::Global).contains(privilege) { Ok(()) } else { Err(needs(privilege)) }
    }

    /// As in MySQL 8, only an account with SYSTEM_USER may change another account that has it, because otherwise CREATE USER would suffice
    /// to take over any account.
    pub(super) fn demand_power_over(&self, name: &AccountName) -> Done {
        let powerful = |account: &Account| account.grants.at(&Level::Global).contains(Privilege::SYSTEM_USER);
        if !self.is_self(name) && self.accounts.get(name).is_some_and(powerful) {
            return self.demand(Privilege::SYSTEM_USER);
        }
        Ok(())
    }

    /// Requires this privilege on the schema `mysql`, which is needed to view other accounts or to set their passwords.
    pub(super) fn demand_mysql(&self, privilege: Privilege) -> Done {
        let mysql = Level::Database("mysql".to_string());
        if self.held(&mysql).contains(privilege) { Ok(()) } else { Err(self.denied_database("mysql")) }
    }

    /// Requires GRANT OPTION and every one of `privileges`, because an account may grant or revoke only what it has itself.
    pub(super) fn demand_to_give(&self, privileges: Privileges, level: &Level) -> Done {
        let needed = privileges.with(Privilege::GRANT_OPTION.into());
        if self.held(level).contains_all(needed) {
            return Ok(());
        }
        Err(match level {
            Level::Global => {
                let missing = needed.without(self.held(level));
                missing.iter().next().map_or_else(|| needs(Privilege::GRANT_OPTION), needs)
            }
            Level::Database(database) => self.denied_database(database),
            Level::Table(_, table) => {
                let user = self.session_name();
                SqlError::table_access_denied(format!("GRANT command denied to user {user} for table '{table}'"))
            }
        })
    }

    fn denied_database(&self, database: &str) -> SqlError {
        let user = self.session_name();
        SqlError::database_access_denied(format!("Access denied for user {user} to database '{database}'"))
    }

    fn session_name(&self) -> String {
        self.session.account.map(|own| own.name().to_string()).unwrap_or_default()
    }
}

fn needs(privilege: Privilege) -> SqlError {
    let message =
        format!("Access denied; you need (at least one of) the {} privilege(s) for this operation", privilege.name());
    SqlError::specific_access_denied(message)
}
