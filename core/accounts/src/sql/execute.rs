//! Executes account statements.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::session::{Outcome, Session};
use super::show::{self, Style};
use super::statement::{AccountStatement, GrantLevel, Identified, Target, UserOptions, UserSpec};
use crate::{Account, AccountName, Accounts, Level, Privilege, Privileges};
use sealwire_core::SqlError;
use sealwire_core::auth::{Credential, Plugin};
use sealwire_core::random::Random;

pub(super) type Done<T = ()> = Result<T, SqlError>;

/// Executes a statement completely or not at all.
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

/// As [`execute`], but after an error the statement may be executed in part.
pub(crate) fn apply(
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
        // There is nothing to reload, because accounts change by statements only.
        AccountStatement::FlushPrivileges => executor.demand(Privilege::RELOAD)?,
    }
    Ok(Outcome::Done { changed: executor.changed, notes: executor.notes })
}

/// The execution of one statement.
pub(super) struct Executor<'a> {
    pub(super) accounts: &'a mut Accounts,
    pub(super) session: &'a Session<'a>,
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
        let mut altered = BTreeSet::new();
        for spec in users {
            let name = self.resolve(&spec.user)?;
            // A user may set his own password, but only an administrator may change how he has to connect.
            let own_password = self.is_self(&name)
                && matches!(spec.identified, Some(Identified::Password { plugin: None, .. }))
                && *options == UserOptions::default();
            if !own_password {
                self.demand(Privilege::CREATE_USER)?;
            }
            // Each password takes long to hash, so the same account is changed only once.
            if !altered.insert(name.clone()) {
                return Err(SqlError::cannot_user(format!(
                    "Operation ALTER USER failed for {name}: the statement names it twice; name each account once"
                )));
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
        on: &GrantLevel,
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
                // As with NO_AUTO_CREATE_USER, an account without a password is never created by accident.
                (None, None) => {
                    return Err(SqlError::no_such_user("Can't find any matching row in the user table"));
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

    fn revoke(&mut self, privileges: Option<Privileges>, on: &GrantLevel, users: &[Target]) -> Done {
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
                SqlError::revoke_failed("Can't revoke all privileges for one or more of the requested users")
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
            return Err(SqlError::anonymous_user(
                "You are using Sealwire as an anonymous user and anonymous users are not allowed to change passwords",
            ));
        }
        self.demand_power_over(&name)?;
        let random = self.random;
        let account = self
            .accounts
            .get_mut(&name)
            .ok_or_else(|| SqlError::no_such_user("Can't find any matching row in the user table"))?;
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
        let account =
            self.accounts.get(&name).ok_or_else(|| failed_for("SHOW CREATE USER", core::slice::from_ref(&name)))?;
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
                    // auth_socket has no passwords, so a password without a plugin selects the default plugin.
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

    /// The account that a statement names. Each statement calls this for each of its users, so this is the place to stop it.
    fn resolve(&self, target: &Target) -> Done<AccountName> {
        self.session.stop.check()?;
        match (target, self.session.account) {
            (Target::Named(name), _) => Ok(name.clone()),
            (Target::Current, Some(own)) if self.accounts.identified(own).is_some() => Ok(own.name().clone()),
            (Target::Current, _) => Err(SqlError::no_such_user("Can't find any matching row in the user table")),
        }
    }

    fn level(&self, on: &GrantLevel) -> Done<Level> {
        let database = || {
            let current = self.session.database.ok_or_else(|| SqlError::no_database("No database selected"))?;
            Ok(current.to_string())
        };
        Ok(match on {
            GrantLevel::Level(level) => level.clone(),
            GrantLevel::CurrentDatabase => Level::Database(database()?.replace('_', "\\_").replace('%', "\\%")),
            GrantLevel::TableInCurrentDatabase(table) => Level::Table(database()?, table.clone()),
        })
    }

    /// The privileges that a list denotes at a level; `None` stands for ALL PRIVILEGES.
    fn expand(&self, privileges: Option<Privileges>, level: &Level) -> Done<Privileges> {
        let Some(privileges) = privileges else { return Ok(Privileges::all_at(level)) };
        if privileges.fits(level) {
            return Ok(privileges);
        }
        Err(match level {
            Level::Table(..) => SqlError::illegal_grant(
                "Illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used",
            ),
            _ => SqlError::wrong_usage("Incorrect usage of DB GRANT and GLOBAL PRIVILEGES"),
        })
    }
}

fn all_or_nothing(operation: &str, failed: &[AccountName]) -> Done {
    if failed.is_empty() { Ok(()) } else { Err(failed_for(operation, failed)) }
}

fn failed_for(operation: &str, names: &[AccountName]) -> SqlError {
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    SqlError::cannot_user(format!("Operation {operation} failed for {names}"))
}

fn no_such_grant(name: &AccountName, level: &Level) -> SqlError {
    let start = format!("There is no such grant defined for user '{}' on host '{}'", name.user, name.host);
    match level {
        Level::Table(_, table) => SqlError::no_such_table_grant(format!("{start} on table '{table}'")),
        _ => SqlError::no_such_grant(start),
    }
}

fn loaded_plugin(name: &str) -> Done<Plugin> {
    Plugin::from_name(name.as_bytes())
        .filter(|plugin| plugin.is_for_accounts())
        .ok_or_else(|| SqlError::plugin_not_loaded(format!("Plugin '{name}' is not loaded")))
}

fn from_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Done<Credential> {
    Credential::from_password(plugin, password, random)
        .map_err(|error| SqlError::wrong_arguments(format!("Incorrect arguments to IDENTIFIED BY: {error}")))
}

fn from_stored(plugin: Plugin, text: &[u8]) -> Done<Credential> {
    let bad_hash = || SqlError::password_format("The password hash doesn't have the expected format.");
    if text.is_empty() {
        return Ok(if plugin == Plugin::AuthSocket { Credential::Socket(None) } else { Credential::Empty });
    }
    let text = core::str::from_utf8(text).map_err(|_| bad_hash())?;
    Credential::from_stored(plugin, text).map_err(|_| bad_hash())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientHost, Requirement, parse_statement};

    const HASH: &str = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19";

    #[derive(Debug)]
    struct Counting;

    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            for (byte, value) in out.iter_mut().zip(b'A'..) {
                *byte = value;
            }
        }
    }

    fn run_as(accounts: &mut Accounts, session: &Session<'_>, sql: &str) -> Result<Outcome, SqlError> {
        execute(&parse_statement(sql).expect(sql)?, accounts, session, &Counting)
    }

    fn run(accounts: &mut Accounts, sql: &str) -> Result<Outcome, SqlError> {
        run_as(accounts, &Session::server(Plugin::MysqlNativePassword), sql)
    }

    /// The result as a client sees it.
    fn seen(result: Result<Outcome, SqlError>) -> String {
        match result {
            Ok(Outcome::Done { notes, .. }) if notes.is_empty() => "OK".to_string(),
            Ok(Outcome::Done { notes, .. }) => notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"),
            Ok(Outcome::Rows { column, rows }) => format!("{column}: {}", rows.join("; ")),
            Err(error) => error.to_string(),
        }
    }

    fn check(accounts: &mut Accounts, session: &Session<'_>, script: &[(&str, &str)]) {
        for (sql, expected) in script {
            assert_eq!(seen(run_as(accounts, session, sql)), *expected, "{sql}");
        }
    }

    fn accounts(statements: &[&str]) -> Accounts {
        let mut accounts = Accounts::new([7; 32]);
        for sql in statements {
            run(&mut accounts, sql).expect(sql);
        }
        accounts
    }

    #[test]
    fn an_account_through_its_life() {
        let create = |rest: &str| {
            format!(
                "CREATE USER for u@h: CREATE USER `u`@`h` IDENTIFIED WITH 'mysql_native_password' AS '{HASH}' {rest} \
                 PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
            )
        };
        let none = create("REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK");
        let x509 = create("REQUIRE X509 WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE DEFAULT ACCOUNT LOCK");
        let subject = create(
            "REQUIRE ISSUER '/CN=ca' SUBJECT '/CN=c' WITH MAX_USER_CONNECTIONS 3 PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK",
        );
        check(
            &mut accounts(&[]),
            &Session::server(Plugin::MysqlNativePassword),
            &[
                ("CREATE USER 'u'@'h' IDENTIFIED BY 'password'", "OK"),
                ("SHOW CREATE USER u@h", &none),
                ("CREATE USER u@h", "ERROR 1396 (HY000): Operation CREATE USER failed for 'u'@'h'"),
                ("CREATE USER IF NOT EXISTS u@h", "ERROR 3163 (HY000): Authorization ID 'u'@'h' already exists."),
                ("CREATE USER v, u@h, u@H", "ERROR 1396 (HY000): Operation CREATE USER failed for 'u'@'h','u'@'h'"),
                ("DROP USER v", "ERROR 1396 (HY000): Operation DROP USER failed for 'v'@'%'"),
                ("ALTER USER u@h REQUIRE X509 WITH MAX_USER_CONNECTIONS 3 ACCOUNT LOCK", "OK"),
                ("SHOW CREATE USER u@h", &x509),
                (
                    "SHOW GRANTS FOR u@h",
                    "Grants for u@h: GRANT USAGE ON *.* TO `u`@`h` REQUIRE X509 WITH MAX_USER_CONNECTIONS 3",
                ),
                ("GRANT SELECT, INSERT ON db.* TO u@h", "OK"),
                (
                    "GRANT RELOAD, BINLOG MONITOR ON *.* TO u@h REQUIRE SUBJECT '/CN=c' ISSUER '/CN=ca' WITH GRANT OPTION",
                    "OK",
                ),
                ("GRANT ALL ON `d``b`.t TO u@h WITH GRANT OPTION", "OK"),
                ("ALTER USER u@h ACCOUNT UNLOCK", "OK"),
                ("SHOW CREATE USER u@h", &subject),
                (
                    "SHOW GRANTS FOR u@h",
                    "Grants for u@h: GRANT RELOAD, REPLICATION CLIENT ON *.* TO `u`@`h` REQUIRE ISSUER '/CN=ca' SUBJECT '/CN=c' \
                     WITH GRANT OPTION MAX_USER_CONNECTIONS 3; GRANT SELECT, INSERT ON `db`.* TO `u`@`h`; \
                     GRANT ALL PRIVILEGES ON `d``b`.`t` TO `u`@`h` WITH GRANT OPTION",
                ),
                ("REVOKE INSERT ON db.* FROM u@h", "OK"),
                ("REVOKE ALL ON `d``b`.t FROM u@h", "OK"),
                ("REVOKE GRANT OPTION ON `d``b`.t FROM u@h", "OK"),
                ("REVOKE ALL PRIVILEGES ON *.* FROM u@h", "OK"),
                ("ALTER USER u@h REQUIRE NONE WITH MAX_USER_CONNECTIONS 0", "OK"),
                (
                    "SHOW GRANTS FOR u@h",
                    "Grants for u@h: GRANT USAGE ON *.* TO `u`@`h` WITH GRANT OPTION; GRANT SELECT ON `db`.* TO `u`@`h`",
                ),
                ("REVOKE ALL, GRANT OPTION FROM u@h", "OK"),
                ("SHOW GRANTS FOR u@h", "Grants for u@h: GRANT USAGE ON *.* TO `u`@`h`"),
                ("RENAME USER u@h TO 'w'@'%'", "OK"),
                ("RENAME USER u@h TO 'x'", "ERROR 1396 (HY000): Operation RENAME USER failed for 'u'@'h'"),
                ("DROP USER w", "OK"),
                ("DROP USER IF EXISTS w", "ERROR 3162 (HY000): Authorization ID 'w'@'%' does not exist."),
                ("ALTER USER IF EXISTS w ACCOUNT LOCK", "ERROR 3162 (HY000): Authorization ID 'w'@'%' does not exist."),
                ("ALTER USER w ACCOUNT LOCK", "ERROR 1396 (HY000): Operation ALTER USER failed for 'w'@'%'"),
                ("FLUSH PRIVILEGES", "OK"),
            ],
        );
    }

    #[test]
    fn refusals_have_mysqls_numbers_and_words() {
        check(
            &mut accounts(&["CREATE USER u"]),
            &Session::server(Plugin::CachingSha2Password),
            &[
                ("GRANT SELECT ON *.* TO nobody", "ERROR 1133 (42000): Can't find any matching row in the user table"),
                (
                    "GRANT SELECT ON *.* TO nobody REQUIRE SSL",
                    "ERROR 1133 (42000): Can't find any matching row in the user table",
                ),
                ("SET PASSWORD FOR nobody = 'x'", "ERROR 1133 (42000): Can't find any matching row in the user table"),
                (
                    "SHOW GRANTS FOR nobody",
                    "ERROR 1141 (42000): There is no such grant defined for user 'nobody' on host '%'",
                ),
                (
                    "REVOKE SELECT ON d.* FROM u",
                    "ERROR 1141 (42000): There is no such grant defined for user 'u' on host '%'",
                ),
                (
                    "REVOKE SELECT ON d.t FROM u",
                    "ERROR 1147 (42000): There is no such grant defined for user 'u' on host '%' on table 't'",
                ),
                (
                    "REVOKE ALL, GRANT OPTION FROM nobody",
                    "ERROR 1269 (HY000): Can't revoke all privileges for one or more of the requested users",
                ),
                ("SHOW CREATE USER nobody", "ERROR 1396 (HY000): Operation SHOW CREATE USER failed for 'nobody'@'%'"),
                (
                    "CREATE USER a IDENTIFIED WITH mysql_old_password",
                    "ERROR 1524 (HY000): Plugin 'mysql_old_password' is not loaded",
                ),
                (
                    "CREATE USER a IDENTIFIED WITH mysql_clear_password BY 'x'",
                    "ERROR 1524 (HY000): Plugin 'mysql_clear_password' is not loaded",
                ),
                (
                    "CREATE USER a IDENTIFIED BY PASSWORD 'xx'",
                    "ERROR 1827 (HY000): The password hash doesn't have the expected format.",
                ),
                (
                    "CREATE USER a IDENTIFIED WITH caching_sha2_password AS 'xx'",
                    "ERROR 1827 (HY000): The password hash doesn't have the expected format.",
                ),
                ("GRANT SUPER ON d.* TO u", "ERROR 1221 (HY000): Incorrect usage of DB GRANT and GLOBAL PRIVILEGES"),
                (
                    "GRANT EXECUTE ON d.t TO u",
                    "ERROR 1144 (42000): Illegal GRANT/REVOKE command; please consult the manual to see which privileges can be used",
                ),
                ("GRANT SELECT ON * TO u", "ERROR 1046 (3D000): No database selected"),
                ("GRANT SELECT ON t TO u", "ERROR 1046 (3D000): No database selected"),
            ],
        );
    }

    #[test]
    fn every_form_of_identified_keeps_the_same_hash() {
        for sql in [
            "CREATE USER u IDENTIFIED BY 'password'",
            "CREATE USER u IDENTIFIED WITH mysql_native_password BY 'password'",
            "CREATE USER u IDENTIFIED WITH 'mysql_native_password' AS '*2470c0c06dee42fd1618bb99005adca2ec9d1e19'",
            "CREATE USER u IDENTIFIED VIA mysql_native_password USING '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
            "CREATE USER u IDENTIFIED VIA mysql_native_password USING PASSWORD('password')",
            "CREATE USER u IDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
            "CREATE USER u IDENTIFIED WITH mysql_native_password AS \
             0x2a32343730433043303644454534324644313631384242393930303541444341324543394431453139",
            "GRANT USAGE ON *.* TO u IDENTIFIED BY 'password'",
            "CREATE OR REPLACE USER u IDENTIFIED BY 'password'",
        ] {
            let accounts = accounts(&[sql]);
            let account = accounts.find("u", ClientHost::Socket).unwrap();
            assert_eq!(account.credential.to_stored(), HASH, "{sql}");
        }
        let mut accounts = accounts(&["CREATE USER u"]);
        for sql in [
            "SET PASSWORD FOR u = 'password'",
            "SET PASSWORD FOR u := PASSWORD('password')",
            "ALTER USER u IDENTIFIED BY 'password'",
        ] {
            run(&mut accounts, "ALTER USER u IDENTIFIED BY ''").unwrap();
            assert_eq!(accounts.iter().next().unwrap().credential, Credential::Empty);
            run(&mut accounts, sql).unwrap();
            assert_eq!(accounts.iter().next().unwrap().credential.to_stored(), HASH, "{sql}");
        }
    }

    #[test]
    fn grant_without_require_leaves_it_and_with_require_replaces_it_whole() {
        let mut accounts = accounts(&["CREATE USER u REQUIRE CIPHER 'c' SUBJECT 's'", "GRANT SELECT ON *.* TO u"]);
        let requirement = |accounts: &Accounts| accounts.iter().next().unwrap().requirement.clone();
        assert!(matches!(requirement(&accounts), Requirement::Specified { cipher: Some(_), subject: Some(_), .. }));
        run(&mut accounts, "GRANT SELECT ON *.* TO u REQUIRE ISSUER 'i'").unwrap();
        let issuer = Some("i".to_string());
        assert_eq!(
            requirement(&accounts),
            Requirement::Specified { cipher: None, issuer, subject: None, uri: None, version: None }
        );
    }

    #[test]
    fn a_statement_that_fails_changes_nothing() {
        let mut accounts = accounts(&["CREATE USER u"]);
        let before = accounts.clone();
        for sql in [
            "CREATE USER a, u",
            "DROP USER u, nobody",
            "GRANT SELECT ON *.* TO u, nobody",
            "ALTER USER u, x ACCOUNT LOCK",
        ] {
            run(&mut accounts, sql).unwrap_err();
            assert_eq!(accounts, before, "{sql}");
        }
    }

    #[test]
    fn only_who_changes_something_says_so() {
        let mut accounts = accounts(&["CREATE USER u"]);
        for (sql, expected) in [
            ("CREATE USER IF NOT EXISTS u", false),
            ("DROP USER IF EXISTS v", false),
            ("FLUSH PRIVILEGES", false),
            ("ALTER USER u ACCOUNT LOCK", true),
            ("GRANT SELECT ON *.* TO u", true),
            ("SET PASSWORD FOR u = 'x'", true),
        ] {
            let outcome = run(&mut accounts, sql).unwrap();
            assert!(matches!(outcome, Outcome::Done { changed, .. } if changed == expected), "{sql}");
        }
    }

    #[test]
    fn plain_users_may_change_their_own_password_and_little_else() {
        let mut accounts = accounts(&[
            "CREATE USER plain",
            "CREATE USER other",
            "GRANT SELECT ON d.* TO plain",
            "GRANT SELECT, GRANT OPTION ON e.* TO plain",
        ]);
        let own = accounts.identity(&AccountName::new("plain", "%")).unwrap();
        let session =
            Session { account: Some(&own), database: Some("e"), ..Session::server(Plugin::MysqlNativePassword) };
        let create_user = "ERROR 1227 (42000): Access denied; you need (at least one of) the CREATE USER privilege(s) for this operation";
        let mysql = "ERROR 1044 (42000): Access denied for user 'plain'@'%' to database 'mysql'";
        check(
            &mut accounts,
            &session,
            &[
                ("SET PASSWORD = 'x'", "OK"),
                ("SET PASSWORD FOR plain@'%' = 'x'", "OK"),
                ("ALTER USER CURRENT_USER() IDENTIFIED BY 'y'", "OK"),
                ("ALTER USER USER() IDENTIFIED BY 'y'", "OK"),
                ("ALTER USER plain IDENTIFIED BY 'y'", "OK"),
                ("ALTER USER plain REQUIRE NONE", create_user),
                ("ALTER USER CURRENT_USER() IDENTIFIED BY 'y' PASSWORD EXPIRE NEVER", create_user),
                ("ALTER USER CURRENT_USER() IDENTIFIED BY 'y' WITH MAX_QUERIES_PER_HOUR 0", create_user),
                ("ALTER USER CURRENT_USER() IDENTIFIED BY 'y' FAILED_LOGIN_ATTEMPTS 0", create_user),
                ("GRANT SELECT ON * TO other WITH MAX_QUERIES_PER_HOUR 0", create_user),
                ("ALTER USER plain IDENTIFIED WITH auth_socket", create_user),
                ("ALTER USER other IDENTIFIED BY 'y'", create_user),
                ("ALTER USER nobody IDENTIFIED BY 'y'", create_user),
                ("CREATE USER a", create_user),
                ("DROP USER other", create_user),
                ("RENAME USER other TO b", create_user),
                ("REVOKE ALL, GRANT OPTION FROM other", create_user),
                ("SET PASSWORD FOR other = 'x'", mysql),
                ("SHOW GRANTS FOR other", mysql),
                ("SHOW CREATE USER other", mysql),
                (
                    "SHOW GRANTS",
                    "Grants for plain@%: GRANT USAGE ON *.* TO `plain`@`%`; GRANT SELECT ON `d`.* TO `plain`@`%`; \
                     GRANT SELECT ON `e`.* TO `plain`@`%` WITH GRANT OPTION",
                ),
                ("GRANT SELECT ON * TO other", "OK"),
                ("GRANT SELECT ON e.t TO other", "OK"),
                ("GRANT SELECT ON * TO other REQUIRE SSL", create_user),
                ("GRANT SELECT ON * TO other IDENTIFIED BY 'x'", create_user),
                (
                    "GRANT INSERT ON * TO other",
                    "ERROR 1044 (42000): Access denied for user 'plain'@'%' to database 'e'",
                ),
                (
                    "GRANT SELECT ON d.* TO other",
                    "ERROR 1044 (42000): Access denied for user 'plain'@'%' to database 'd'",
                ),
                (
                    "GRANT SELECT ON d.t TO other",
                    "ERROR 1142 (42000): GRANT command denied to user 'plain'@'%' for table 't'",
                ),
                (
                    "GRANT SELECT ON *.* TO plain",
                    "ERROR 1227 (42000): Access denied; you need (at least one of) the SELECT privilege(s) for this operation",
                ),
                (
                    "FLUSH PRIVILEGES",
                    "ERROR 1227 (42000): Access denied; you need (at least one of) the RELOAD privilege(s) for this operation",
                ),
            ],
        );
    }

    #[test]
    fn create_user_is_no_way_to_the_top() {
        let mut accounts = accounts(&[
            "CREATE USER root",
            "GRANT ALL ON *.* TO root WITH GRANT OPTION",
            "CREATE USER clerk",
            "GRANT CREATE USER ON *.* TO clerk",
        ]);
        let clerk = accounts.identity(&AccountName::new("clerk", "%")).unwrap();
        let session = Session { account: Some(&clerk), ..Session::server(Plugin::MysqlNativePassword) };
        let before = accounts.clone();
        for sql in [
            "ALTER USER root IDENTIFIED BY 'x'",
            "DROP USER root",
            "CREATE OR REPLACE USER root",
            "RENAME USER root TO toor",
            "REVOKE ALL, GRANT OPTION FROM root",
        ] {
            let error = run_as(&mut accounts, &session, sql).unwrap_err();
            assert!(error.code == 1227 && error.message.contains("SYSTEM_USER"), "{sql}: {error}");
        }
        assert_eq!(run_as(&mut accounts, &session, "GRANT CREATE USER ON *.* TO clerk").unwrap_err().code, 1227);
        assert_eq!(accounts, before);
    }

    #[test]
    fn a_dropped_account_has_nothing_left_in_its_session() {
        let mut accounts = accounts(&["CREATE USER u", "GRANT ALL ON *.* TO u WITH GRANT OPTION"]);
        let own = accounts.identity(&AccountName::new("u", "%")).unwrap();
        let session = Session { account: Some(&own), ..Session::server(Plugin::MysqlNativePassword) };
        run_as(&mut accounts, &session, "DROP USER CURRENT_USER").unwrap();
        assert_eq!(run_as(&mut accounts, &session, "CREATE USER v").unwrap_err().code, 1227);
        assert_eq!(run_as(&mut accounts, &session, "SHOW GRANTS").unwrap_err().code, 1133);
        // The session does not get the privileges of a new account with the same name either.
        run(&mut accounts, "CREATE USER u").unwrap();
        run(&mut accounts, "GRANT ALL ON *.* TO u WITH GRANT OPTION").unwrap();
        for sql in
            ["CREATE USER v", "ALTER USER u IDENTIFIED BY 'x'", "SET PASSWORD FOR u = 'x'", "GRANT SELECT ON *.* TO u"]
        {
            assert!(matches!(run_as(&mut accounts, &session, sql).unwrap_err().code, 1227 | 1044), "{sql}");
        }
        for sql in ["SHOW GRANTS", "SET PASSWORD = 'x'", "DROP USER CURRENT_USER", "SHOW CREATE USER CURRENT_USER"] {
            assert!(matches!(run_as(&mut accounts, &session, sql).unwrap_err().code, 1133 | 1227), "{sql}");
        }
    }

    #[test]
    fn anonymous_users_have_no_password_to_change() {
        let mut accounts = accounts(&["CREATE USER ''@localhost"]);
        let own = accounts.identity(&AccountName::new("", "localhost")).unwrap();
        let session = Session { account: Some(&own), ..Session::server(Plugin::MysqlNativePassword) };
        assert_eq!(run_as(&mut accounts, &session, "SET PASSWORD = 'x'").unwrap_err().code, 1131);
    }
}
