//! What account statements do.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::show::{self, Style};
use super::statement::{AccountStatement, Identified, On, Target, UserOptions, UserSpec};
use crate::account::{Account, AccountName, Accounts, Level, Privilege, Privileges};
use crate::auth::{Credential, Plugin};
use crate::error::SqlError;
use crate::random::Random;

/// On whose behalf statements run.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// The account that logged in; `None` is the server itself, which may do everything.
    pub account: Option<&'a AccountName>,
    /// The current database.
    pub database: Option<&'a str>,
    /// The plugin of accounts that name none.
    pub default_plugin: Plugin,
}

impl Session<'_> {
    /// The server itself: reading its own files, or its init file.
    pub const fn server(default_plugin: Plugin) -> Self {
        Self { account: None, database: None, default_plugin }
    }
}

/// What came of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done {
        /// Whether accounts changed: they are to be written to disk, and cached password digests forgotten.
        changed: bool,
        /// Notes for SHOW WARNINGS.
        notes: Vec<SqlError>,
    },
    /// It has an answer of one column.
    Rows {
        /// The column's name.
        column: String,
        /// One text per row.
        rows: Vec<String>,
    },
}

type Done<T = ()> = Result<T, SqlError>;

/// Carries a statement out, wholly or not at all.
pub fn execute(
    statement: &AccountStatement,
    accounts: &mut Accounts,
    session: &Session<'_>,
    random: &dyn Random,
) -> Result<Outcome, SqlError> {
    let mut changed = accounts.clone();
    let outcome = apply(statement, &mut changed, session, random)?;
    *accounts = changed;
    Ok(outcome)
}

/// As [`execute`], but an error can leave the work half done.
pub(in crate::account) fn apply(
    statement: &AccountStatement,
    accounts: &mut Accounts,
    session: &Session<'_>,
    random: &dyn Random,
) -> Result<Outcome, SqlError> {
    let mut executor = Executor { accounts, session, random, changed: false, notes: Vec::new() };
    match statement {
        AccountStatement::CreateUser { users, if_not_exists, or_replace, options } => {
            executor.create_user(users, *if_not_exists, *or_replace, options)?;
        }
        AccountStatement::AlterUser { users, if_exists, options } => executor.alter_user(users, *if_exists, options)?,
        AccountStatement::DropUser { users, if_exists } => executor.drop_user(users, *if_exists)?,
        AccountStatement::RenameUser(pairs) => executor.rename_user(pairs)?,
        AccountStatement::Grant { privileges, grant_option, on, users, options } => {
            executor.grant(*privileges, *grant_option, on, users, options)?;
        }
        AccountStatement::Revoke { privileges, on, users } => executor.revoke(*privileges, on, users)?,
        AccountStatement::RevokeEverything(users) => executor.revoke_everything(users)?,
        AccountStatement::SetPassword { user, password } => executor.set_password(user, password.expose())?,
        AccountStatement::ShowGrants(user) => return executor.show_grants(user),
        AccountStatement::ShowCreateUser(user) => return executor.show_create_user(user),
        // Accounts are never changed behind our back, so there is nothing to read again.
        AccountStatement::FlushPrivileges => executor.demand(Privilege::RELOAD)?,
    }
    Ok(Outcome::Done { changed: executor.changed, notes: executor.notes })
}

struct Executor<'a> {
    accounts: &'a mut Accounts,
    session: &'a Session<'a>,
    random: &'a dyn Random,
    changed: bool,
    notes: Vec<SqlError>,
}

impl Executor<'_> {
    fn create_user(
        &mut self,
        users: &[UserSpec],
        if_not_exists: bool,
        or_replace: bool,
        options: &UserOptions,
    ) -> Done {
        self.demand(Privilege::CREATE_USER)?;
        let mut failed = Vec::new();
        for spec in users {
            let name = self.resolve(&spec.user)?;
            if self.accounts.get(&name).is_some() {
                if or_replace {
                    self.demand_power_over(&name)?;
                    self.accounts.remove(&name);
                } else if if_not_exists {
                    self.note(3163, format!("Authorization ID {name} already exists."));
                    continue;
                } else {
                    failed.push(name);
                    continue;
                }
            }
            self.add(name, spec, options)?;
        }
        all_or_nothing("CREATE USER", &failed)
    }

    fn add(&mut self, name: AccountName, spec: &UserSpec, options: &UserOptions) -> Done {
        let mut account = Account::new(name, self.session.default_plugin);
        self.change(&mut account, spec.identified.as_ref(), options)?;
        self.accounts.insert(account);
        self.changed = true;
        Ok(())
    }

    fn alter_user(&mut self, users: &[UserSpec], if_exists: bool, options: &UserOptions) -> Done {
        let mut failed = Vec::new();
        for spec in users {
            let name = self.resolve(&spec.user)?;
            // One's own password is one's own business; how one connects is the administrator's.
            let own_password = self.is_self(&name)
                && matches!(spec.identified, Some(Identified::Password { plugin: None, .. }))
                && *options == UserOptions::default();
            if !own_password {
                self.demand(Privilege::CREATE_USER)?;
            }
            let Some(account) = self.accounts.get(&name) else {
                if if_exists {
                    self.note(3162, format!("Authorization ID {name} does not exist."));
                } else {
                    failed.push(name);
                }
                continue;
            };
            let mut account = account.clone();
            self.demand_power_over(&name)?;
            self.change(&mut account, spec.identified.as_ref(), options)?;
            self.accounts.insert(account);
            self.changed = true;
        }
        all_or_nothing("ALTER USER", &failed)
    }

    fn drop_user(&mut self, users: &[Target], if_exists: bool) -> Done {
        self.demand(Privilege::CREATE_USER)?;
        let mut failed = Vec::new();
        for user in users {
            let name = self.resolve(user)?;
            self.demand_power_over(&name)?;
            if self.accounts.remove(&name).is_some() {
                self.changed = true;
            } else if if_exists {
                self.note(3162, format!("Authorization ID {name} does not exist."));
            } else {
                failed.push(name);
            }
        }
        all_or_nothing("DROP USER", &failed)
    }

    fn rename_user(&mut self, pairs: &[(Target, AccountName)]) -> Done {
        self.demand(Privilege::CREATE_USER)?;
        let mut failed = Vec::new();
        for (old, new) in pairs {
            let old = self.resolve(old)?;
            self.demand_power_over(&old)?;
            if self.accounts.rename(&old, new.clone()) {
                self.changed = true;
            } else {
                failed.push(old);
            }
        }
        all_or_nothing("RENAME USER", &failed)
    }

    fn grant(
        &mut self,
        privileges: Option<Privileges>,
        grant_option: bool,
        on: &On,
        users: &[UserSpec],
        options: &UserOptions,
    ) -> Done {
        let level = self.level(on)?;
        let mut given = self.expand(privileges, &level)?;
        if grant_option {
            given = given.with(Privilege::GRANT_OPTION.into());
        }
        self.demand_to_give(given, &level)?;
        for spec in users {
            let name = self.resolve(&spec.user)?;
            if spec.identified.is_some() || *options != UserOptions::default() {
                self.demand(Privilege::CREATE_USER)?;
                self.demand_power_over(&name)?;
            }
            match (self.accounts.get(&name), &spec.identified) {
                (Some(account), identified) => {
                    let mut account = account.clone();
                    self.change(&mut account, identified.as_ref(), options)?;
                    self.accounts.insert(account);
                }
                // As under NO_AUTO_CREATE_USER: an account without password never comes about by a slip of the pen.
                (None, None) => {
                    return Err(SqlError::new(1133, b"42000", "Can't find any matching row in the user table"));
                }
                (None, Some(_)) => self.add(name.clone(), spec, options)?,
            }
            if let Some(account) = self.accounts.get_mut(&name) {
                let held = account.grants.at(&level);
                account.grants.set(level.clone(), held.with(given));
            }
            self.changed = true;
        }
        Ok(())
    }

    fn revoke(&mut self, privileges: Option<Privileges>, on: &On, users: &[Target]) -> Done {
        let level = self.level(on)?;
        let taken = self.expand(privileges, &level)?;
        self.demand_to_give(taken, &level)?;
        for user in users {
            let name = self.resolve(user)?;
            self.demand_power_over(&name)?;
            let account = self.accounts.get_mut(&name).ok_or_else(|| no_such_grant(&name, &Level::Global))?;
            let held = account.grants.at(&level);
            if held.is_empty() && level != Level::Global {
                return Err(no_such_grant(&name, &level));
            }
            account.grants.set(level.clone(), held.without(taken));
            self.changed = true;
        }
        Ok(())
    }

    fn revoke_everything(&mut self, users: &[Target]) -> Done {
        self.demand(Privilege::CREATE_USER)?;
        for user in users {
            let name = self.resolve(user)?;
            self.demand_power_over(&name)?;
            let account = self.accounts.get_mut(&name).ok_or_else(|| {
                SqlError::new(1269, b"HY000", "Can't revoke all privileges for one or more of the requested users")
            })?;
            account.grants = Default::default();
            self.changed = true;
        }
        Ok(())
    }

    fn set_password(&mut self, user: &Target, password: &[u8]) -> Done {
        let name = self.resolve(user)?;
        if !self.is_self(&name) {
            self.demand_mysql(Privilege::UPDATE)?;
        } else if name.user.is_empty() {
            return Err(SqlError::new(
                1131,
                b"42000",
                "You are using Sealwire as an anonymous user and anonymous users are not allowed to change passwords",
            ));
        }
        self.demand_power_over(&name)?;
        let random = self.random;
        let account = self
            .accounts
            .get_mut(&name)
            .ok_or_else(|| SqlError::new(1133, b"42000", "Can't find any matching row in the user table"))?;
        account.credential = from_password(account.plugin, password, random)?;
        self.changed = true;
        Ok(())
    }

    fn show_grants(&self, user: &Target) -> Done<Outcome> {
        let name = self.resolve(user)?;
        if !self.is_self(&name) {
            self.demand_mysql(Privilege::SELECT)?;
        }
        let account = self.accounts.get(&name).ok_or_else(|| no_such_grant(&name, &Level::Global))?;
        let column = format!("Grants for {}@{}", name.user, name.host);
        Ok(Outcome::Rows { column, rows: show::grants(account, Style::Shown) })
    }

    fn show_create_user(&self, user: &Target) -> Done<Outcome> {
        let name = self.resolve(user)?;
        if !self.is_self(&name) {
            self.demand_mysql(Privilege::SELECT)?;
        }
        let account = self.accounts.get(&name).ok_or_else(|| failed_for("SHOW CREATE USER", &[name.clone()]))?;
        let column = format!("CREATE USER for {}@{}", name.user, name.host);
        Ok(Outcome::Rows { column, rows: [show::create_user(account, Style::Shown)].into() })
    }

    /// Applies an IDENTIFIED clause and options to an account.
    fn change(&self, account: &mut Account, identified: Option<&Identified>, options: &UserOptions) -> Done {
        match identified {
            None => {}
            Some(Identified::Password { plugin, password }) => {
                account.plugin = match plugin {
                    Some(name) => loaded_plugin(name)?,
                    // A password alone can't be kept by a plugin that asks the operating system.
                    None if account.plugin == Plugin::AuthSocket => self.session.default_plugin,
                    None => account.plugin,
                };
                account.credential = from_password(account.plugin, password.expose(), self.random)?;
            }
            Some(Identified::Stored { plugin, text }) => {
                account.plugin = loaded_plugin(plugin)?;
                account.credential = from_stored(account.plugin, text.expose())?;
            }
            Some(Identified::Plugin(plugin)) => {
                account.plugin = loaded_plugin(plugin)?;
                account.credential = from_stored(account.plugin, b"")?;
            }
        }
        if let Some(requirement) = &options.requirement {
            account.requirement = requirement.clone();
        }
        if let Some(limit) = options.max_user_connections {
            account.max_user_connections = limit;
        }
        if let Some(locked) = options.locked {
            account.locked = locked;
        }
        Ok(())
    }

    fn note(&mut self, code: u16, message: String) {
        self.notes.push(SqlError::new(code, b"HY000", message));
    }

    fn resolve(&self, target: &Target) -> Done<AccountName> {
        match (target, self.session.account) {
            (Target::Named(name), _) => Ok(name.clone()),
            (Target::Current, Some(name)) => Ok(name.clone()),
            (Target::Current, None) => {
                Err(SqlError::new(1133, b"42000", "Can't find any matching row in the user table"))
            }
        }
    }

    fn level(&self, on: &On) -> Done<Level> {
        let database = || {
            let current = self.session.database.ok_or_else(|| SqlError::new(1046, b"3D000", "No database selected"))?;
            Ok(current.to_string())
        };
        Ok(match on {
            On::Level(level) => level.clone(),
            On::CurrentDatabase => Level::Database(database()?.replace('_', "\\_").replace('%', "\\%")),
            On::TableInCurrentDatabase(table) => Level::Table(database()?, table.clone()),
        })
    }

    /// What a list of privileges means at a level.
    fn expand(&self, privileges: Option<Privileges>, level: &Level) -> Done<Privileges> {
        let Some(privileges) = privileges else { return Ok(Privileges::all_at(level)) };
        if privileges.fits(level) {
            return Ok(privileges);
        }
        Err(match level {
            Level::Table(..) => SqlError::new(
                1144,
                b"42000",
                "Illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used",
            ),
            _ => SqlError::new(1221, b"HY000", "Incorrect usage of DB GRANT and GLOBAL PRIVILEGES"),
        })
    }

    fn is_self(&self, name: &AccountName) -> bool {
        self.session.account == Some(name)
    }

    fn effective(&self, level: &Level) -> Privileges {
        match self.session.account {
            None => Privileges::all_at(&Level::Global).with(Privilege::GRANT_OPTION.into()),
            // An account that was dropped during its session has nothing left.
            Some(name) => self.accounts.get(name).map_or(Privileges::NONE, |account| account.grants.effective(level)),
        }
    }

    fn demand(&self, privilege: Privilege) -> Done {
        if self.effective(&Level::Global).contains(privilege) { Ok(()) } else { Err(needs(privilege)) }
    }

    /// As MySQL 8: an account with SYSTEM_USER is changed by its like alone, so that CREATE USER is no way to the top.
    fn demand_power_over(&self, name: &AccountName) -> Done {
        let powerful = |account: &Account| account.grants.at(&Level::Global).contains(Privilege::SYSTEM_USER);
        if !self.is_self(name) && self.accounts.get(name).is_some_and(powerful) {
            return self.demand(Privilege::SYSTEM_USER);
        }
        Ok(())
    }

    /// Other people's accounts are seen and given passwords by those who may do so in the schema `mysql`.
    fn demand_mysql(&self, privilege: Privilege) -> Done {
        let mysql = Level::Database("mysql".to_string());
        if self.effective(&mysql).contains(privilege) || self.demand(Privilege::CREATE_USER).is_ok() {
            return Ok(());
        }
        Err(self.denied_database("mysql"))
    }

    /// Nobody gives or takes what he does not have himself together with GRANT OPTION.
    fn demand_to_give(&self, privileges: Privileges, level: &Level) -> Done {
        let needed = privileges.with(Privilege::GRANT_OPTION.into());
        if self.effective(level).contains_all(needed) {
            return Ok(());
        }
        Err(match level {
            Level::Global => {
                let missing = needed.without(self.effective(level));
                missing.iter().next().map_or_else(|| needs(Privilege::GRANT_OPTION), needs)
            }
            Level::Database(database) => self.denied_database(database),
            Level::Table(_, table) => {
                let user = self.session_name();
                SqlError::new(1142, b"42000", format!("GRANT command denied to user {user} for table '{table}'"))
            }
        })
    }

    fn denied_database(&self, database: &str) -> SqlError {
        let user = self.session_name();
        SqlError::new(1044, b"42000", format!("Access denied for user {user} to database '{database}'"))
    }

    fn session_name(&self) -> String {
        self.session.account.map(ToString::to_string).unwrap_or_default()
    }
}

fn all_or_nothing(operation: &str, failed: &[AccountName]) -> Done {
    if failed.is_empty() { Ok(()) } else { Err(failed_for(operation, failed)) }
}

fn failed_for(operation: &str, names: &[AccountName]) -> SqlError {
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    SqlError::new(1396, b"HY000", format!("Operation {operation} failed for {names}"))
}

fn needs(privilege: Privilege) -> SqlError {
    let message =
        format!("Access denied; you need (at least one of) the {} privilege(s) for this operation", privilege.name());
    SqlError::new(1227, b"42000", message)
}

fn no_such_grant(name: &AccountName, level: &Level) -> SqlError {
    let start = format!("There is no such grant defined for user '{}' on host '{}'", name.user, name.host);
    match level {
        Level::Table(_, table) => SqlError::new(1147, b"42000", format!("{start} on table '{table}'")),
        _ => SqlError::new(1141, b"42000", start),
    }
}

fn loaded_plugin(name: &str) -> Done<Plugin> {
    Plugin::from_name(name.as_bytes())
        // The clear password is a way to send one, not a way to keep one.
        .filter(|plugin| *plugin != Plugin::MysqlClearPassword)
        .ok_or_else(|| SqlError::new(1524, b"HY000", format!("Plugin '{name}' is not loaded")))
}

fn from_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Done<Credential> {
    Credential::from_password(plugin, password, random)
        .map_err(|error| SqlError::new(1210, b"HY000", format!("Incorrect arguments to IDENTIFIED BY: {error}")))
}

fn from_stored(plugin: Plugin, text: &[u8]) -> Done<Credential> {
    let bad_hash = || SqlError::new(1827, b"HY000", "The password hash doesn't have the expected format.");
    if text.is_empty() {
        return Ok(if plugin == Plugin::AuthSocket { Credential::Socket(None) } else { Credential::Empty });
    }
    let text = core::str::from_utf8(text).map_err(|_| bad_hash())?;
    Credential::from_stored(plugin, text).map_err(|_| bad_hash())
}
