//! All accounts of a server, in the order in which MySQL tries them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

use super::sql::{self, Session, Style};
use super::{Account, AccountName, ClientHost};
use crate::auth::Plugin;
use crate::error::SqlError;
use crate::random::Random;
use crate::secret::Secret;

/// The accounts of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Sorted by name, each name once.
    sorted: Vec<Account>,
    decoy_secret: Secret,
}

/// What is wrong with a text of accounts, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub error: SqlError,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.error)
    }
}

impl core::error::Error for ScriptError {}

impl Accounts {
    /// No accounts. The secret decides what users that don't exist are asked, see [`Accounts::decoy_plugin`]; it
    /// is made once per server and kept, since a change of the answers gives such users away.
    pub fn new(decoy_secret: [u8; 32]) -> Self {
        Self { sorted: Vec::new(), decoy_secret: Secret::new(decoy_secret) }
    }

    /// The account that a login by `user` from `from` is checked against: the first that matches, and no other even
    /// if its password is wrong.
    pub fn find(&self, user: &str, from: ClientHost) -> Option<&Account> {
        self.sorted.iter().find(|account| account.name.matches(user, from))
    }

    /// Whether any user at all could log in from there without TLS. Where not, the server can refuse a client on
    /// plaintext whoever it is.
    pub fn plaintext_has_a_chance(&self, from: ClientHost) -> bool {
        self.sorted.iter().any(|account| {
            !account.requirement.needs_tls() && super::HostPattern::new(&account.name.host).matches(from)
        })
    }

    /// The plugin that a user who does not exist is asked to use, so that he looks like one who does: always the same
    /// for a user, one of those that accounts here use, and unforeseeable without the secret.
    pub fn decoy_plugin(&self, user: &str, default: Plugin) -> Plugin {
        let plausible = |plugin: &Plugin| !matches!(plugin, Plugin::AuthSocket | Plugin::MysqlClearPassword);
        // The greatest hash wins: a plugin that comes into use changes the answer for few users only.
        self.sorted
            .iter()
            .map(|account| account.plugin)
            .filter(plausible)
            .max_by_key(|plugin| {
                let mut hash = Sha256::new();
                hash.update(self.decoy_secret.expose());
                hash.update(plugin.name());
                hash.update([0]);
                hash.update(user);
                <[u8; 32]>::from(hash.finalize())
            })
            .unwrap_or(default)
    }

    /// The account of exactly that name.
    pub fn get(&self, name: &AccountName) -> Option<&Account> {
        self.position(name).ok().and_then(|at| self.sorted.get(at))
    }

    /// The account of exactly that name, to be changed. Its name is changed by [`Accounts::rename`] alone.
    pub(crate) fn get_mut(&mut self, name: &AccountName) -> Option<&mut Account> {
        self.position(name).ok().and_then(|at| self.sorted.get_mut(at))
    }

    /// Adds an account, or replaces the one of that name, which is returned.
    pub fn insert(&mut self, account: Account) -> Option<Account> {
        match self.position(&account.name) {
            Ok(at) => self.sorted.get_mut(at).map(|old| core::mem::replace(old, account)),
            Err(at) => {
                self.sorted.insert(at, account);
                None
            }
        }
    }

    /// Takes an account out.
    pub fn remove(&mut self, name: &AccountName) -> Option<Account> {
        self.position(name).ok().map(|at| self.sorted.remove(at))
    }

    /// Gives an account another name. `false`, and nothing is changed, if there is no `old` or there is a `new`.
    pub fn rename(&mut self, old: &AccountName, new: AccountName) -> bool {
        if self.get(&new).is_some() {
            return false;
        }
        let Some(account) = self.remove(old) else { return false };
        self.insert(Account { name: new, ..account });
        true
    }

    /// All accounts, in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.sorted.iter()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// All accounts as the statements that make them, hashes only. [`Accounts::read_text`] reads it back.
    pub fn to_text(&self) -> String {
        let mut text =
            String::from("-- Sealwire's accounts, as statements. Read at start; written after each change.\n");
        for account in &self.sorted {
            text.push_str(&sql::create_user(account, Style::OneLine));
            text.push_str(";\n");
            for grant in sql::grants(account, Style::OneLine) {
                text.push_str(&grant);
                text.push_str(";\n");
            }
        }
        text
    }

    /// Adds the accounts that a text of statements makes. The error names the line, and then nothing is added.
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

    fn position(&self, name: &AccountName) -> Result<usize, usize> {
        self.sorted.binary_search_by(|account| account.name.cmp(name))
    }
}
