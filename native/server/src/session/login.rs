//! Logins, at connect and by COM_CHANGE_USER.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use sealwire_accounts::Privilege;
use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::{Candidate, Connection, Login};

use super::Session;
use crate::counters::count;
use crate::engine::{LONGEST_NAME, unknown_database};
use crate::registry::{MostSessions, SessionLimit};
use crate::sql::charset::{check_collation, default_collation, of_collation};

impl Session {
    /// Finds the account of a login and gives its data to the connection.
    pub(super) fn login(&mut self, login: &Login, connection: &mut Connection) -> Result<(), Error> {
        if login.change_user {
            self.reset();
            self.is_logged_in = false;
        }
        self.view.user = format!("{}@{}", login.user, self.host);
        self.view.account = None;
        self.view.database.clone_from(&login.database);
        if let Err(error) = self.use_charset(login.charset) {
            self.log_refusal(&login.user, &format!("{} ({})", error.message, error.code));
            return connection.refuse(error);
        }
        let accounts = self.view.server.accounts.current();
        let default = self.view.server.default_plugin;
        let (account, candidate) = accounts.candidate(&login.user, self.host, default);
        let fast_digest = account.and_then(|account| self.view.server.accounts.digest(&account.name));
        let identity = account.and_then(|account| accounts.identity(&account.name));
        self.candidate = identity.map(|identity| (identity, Arc::clone(&accounts)));
        connection.authenticate(Candidate { fast_digest, ..candidate })
    }

    /// Called after the password was verified: checks whether the user may log in.
    pub(super) fn authenticated(
        &mut self,
        using_password: bool,
        learned: Option<[u8; 32]>,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        let user = self.view.user.rsplit_once('@').map_or("", |(user, _)| user).to_owned();
        let Some((identity, accounts)) = self.candidate.take() else {
            self.log_refusal(&user, "there is no such user");
            return connection.refuse(SqlError::new(
                1045,
                b"28000",
                format!("Access denied for user '{}'", self.view.user),
            ));
        };
        if let Some(digest) = learned {
            self.view.server.accounts.remember_digest(identity.name(), digest, &accounts);
        }
        self.view.account = Some(identity);
        if let Err((error, reason)) = self.admission(&user) {
            self.log_refusal(&user, &format!("{reason} ({})", error.code));
            self.view.account = None;
            return connection.refuse(error);
        }
        self.view.facts = Arc::new(connection.facts().clone());
        self.is_logged_in = true;
        self.multi_statements =
            connection.facts().capabilities.contains(sealwire_core::message::Capabilities::MULTI_STATEMENTS);
        let (database, facts) = (self.view.database.clone(), Arc::clone(&self.view.facts));
        self.process.update(|state| {
            state.database = database;
            state.facts = facts;
        });
        self.process.await_command();
        let kind = self.view.facts.tls.as_ref().map_or("plaintext", |tls| tls.cipher);
        tracing::debug!("connection {} is {} ({kind}, password: {using_password})", self.view.id, self.view.user);
        connection.accept(self.status())?;
        self.begin_init_connect();
        Ok(())
    }

    /// Checks the conditions beside the password and REQUIRE; if they hold, notes the user of the session. An error comes with its reason
    /// for the log.
    fn admission(&self, user: &str) -> Result<(), (SqlError, String)> {
        let server = &self.view.server;
        let accounts = server.accounts.current();
        // The account must still be the one whose password was verified when the login began.
        let own = self.view.account.as_ref();
        let account = own.and_then(|own| accounts.identified(own).map(|account| (own, account)));
        let Some((identity, account)) = account else {
            let message = format!("Access denied for user '{user}'@'{}' (using password: YES)", self.host);
            let reason = "the account was dropped or renamed while the user logged in".to_owned();
            return Err((SqlError::new(1045, b"28000", message), reason));
        };
        if account.locked {
            let message = format!("Access denied for user '{user}'@'{}'. Account is locked.", self.host);
            return Err((SqlError::new(3118, b"HY000", message), "the account is locked".to_owned()));
        }
        if let Some(database) = &self.view.database {
            if !self.view.may_use(database) {
                let reason = format!("the account has no privilege on the database '{}'", database.escape_debug());
                return Err((self.view.denied_database(database), reason));
            }
            if !server.engine.has_database(database) {
                let reason = format!("there is no database '{}'", database.escape_debug());
                return Err((unknown_database(database), reason));
            }
        }
        // This check comes last, because it notes the user.
        let own = usize::try_from(account.max_user_connections).unwrap_or(usize::MAX);
        let of_all = server.globals.max_user_connections.count();
        let limit = if own > 0 { own } else { of_all };
        let most = server.globals.max_connections.count();
        // One place above the limit is for an administrator.
        let is_administrator = self.view.may(Privilege::SUPER) || self.view.may(Privilege::CONNECTION_ADMIN);
        let in_all = most.saturating_add(usize::from(is_administrator));
        let limits = MostSessions { in_all, of_user: (limit > 0).then_some(limit) };
        match server.registry.log_in(&self.process, user, identity, limits) {
            Ok(sessions) => {
                server.counters.max_used_connections.fetch_max(sessions as u64, Relaxed);
                Ok(())
            }
            Err(SessionLimit::Server) => {
                count(&server.counters.refused_connections);
                let reason = format!("max_connections={most} clients are logged in");
                Err((SqlError::new(1040, b"08004", "Too many connections"), reason))
            }
            Err(SessionLimit::User) if own > 0 => {
                let message =
                    format!("User '{user}' has exceeded the 'max_user_connections' resource (current value: {own})");
                let reason = format!("the account's MAX_USER_CONNECTIONS {own} are logged in");
                Err((SqlError::new(1226, b"42000", message), reason))
            }
            Err(SessionLimit::User) => {
                let message = format!("User {user} already has more than 'max_user_connections' active connections");
                let reason = format!("max_user_connections={of_all} of this user are logged in");
                Err((SqlError::new(1203, b"42000", message), reason))
            }
        }
    }

    /// Logs why a login is refused whose password was right, or not asked for.
    fn log_refusal(&self, user: &str, reason: &str) {
        let reason = format!("'{}'@'{}': {reason}", user.escape_debug(), self.host);
        self.view.server.refusals.denied(self.view.id, &reason);
    }

    /// Notes a failed login; the reason goes to the log only.
    pub(super) fn denied(&mut self, reason: &str) {
        count(&self.view.server.counters.access_denied);
        self.view.server.refusals.denied(self.view.id, reason);
        self.candidate = None;
    }

    /// Uses the character set of the collation whose number the client sent.
    ///
    /// # Errors
    /// 1115 where the set is not implemented, because the client would escape text in another way than this server reads it.
    fn use_charset(&mut self, id: Option<u16>) -> Result<(), SqlError> {
        let Some(id) = id else { return Ok(()) };
        let (charset, collation) = of_collation(id)?;
        self.view.set_charset(charset, collation);
        Ok(())
    }
}

impl Session {
    /// Makes a database the current one.
    ///
    /// # Errors
    /// 1102 where the name is invalid, 1044 where the user has no privilege on the database, 1049 where it does not exist.
    pub(super) fn use_database(&mut self, name: &str) -> Result<super::Reply, SqlError> {
        demand_short(name)?;
        if !self.view.may_use(name) {
            return Err(self.view.denied_database(name));
        }
        if !self.view.server.engine.has_database(name) {
            return Err(unknown_database(name));
        }
        self.view.database = Some(name.to_owned());
        self.process.update(|state| state.database = Some(name.to_owned()));
        let mut reply = super::Reply::default();
        if self.view.variables.session_track_schema {
            reply.report_change(&sealwire_core::message::SessionChange::Schema(name.as_bytes()));
        }
        Ok(reply)
    }

    /// Uses a character set, for SET NAMES.
    pub(super) fn set_names(&mut self, charset: &str, collation: Option<&str>) -> Result<(), SqlError> {
        let default = default_collation(charset)?;
        let collation = collation.unwrap_or(default);
        check_collation(collation)?;
        if !collation.eq_ignore_ascii_case("binary")
            && collation.split('_').next().is_none_or(|of| !is_same_charset(of, charset))
        {
            let message = format!("COLLATION '{collation}' is not valid for CHARACTER SET '{charset}'");
            return Err(SqlError::new(1253, b"42000", message));
        }
        self.view.set_charset(&charset.to_ascii_lowercase(), &collation.to_ascii_lowercase());
        Ok(())
    }
}

/// Refuses a database name that is too long, before it is used.
///
/// # Errors
/// 1102 with the beginning of the name.
pub(super) fn demand_short(name: &str) -> Result<(), SqlError> {
    if name.chars().nth(LONGEST_NAME).is_none() {
        return Ok(());
    }
    let beginning: String = name.chars().take(LONGEST_NAME).collect();
    Err(SqlError::new(1102, b"42000", format!("Incorrect database name '{beginning}'")))
}

fn is_same_charset(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.to_ascii_lowercase().replace("utf8mb3", "utf8");
    plain(one) == plain(other)
}
