//! The accounts of a server, in the order in which MySQL tries them at a login.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{Account, AccountName, ClientHost};
use sealwire_core::auth::{Credential, Plugin};
use sealwire_core::secret::Secret;
use sealwire_core::server::{Candidate, Decoy};

/// How many accounts of one user a reason in the log names.
const MOST_NAMED: usize = 5;

/// The accounts of a server.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Sorted by name, each name once.
    sorted: Vec<Account>,
    /// A serial number for each account, which distinguishes the account from earlier ones of the same name.
    serials: BTreeMap<AccountName, u64>,
    last_serial: u64,
    decoy_secret: Secret,
}

/// Compares the accounts only, not their serial numbers.
impl PartialEq for Accounts {
    fn eq(&self, other: &Self) -> bool {
        self.sorted == other.sorted && self.decoy_secret == other.decoy_secret
    }
}

impl Eq for Accounts {}

/// Identifies the account to which a session has logged in. An account that was renamed, or dropped and created again, is a different one,
/// because a session has only the rights of the account whose password it has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: AccountName,
    serial: u64,
}

impl Identity {
    /// The account's name.
    pub const fn name(&self) -> &AccountName {
        &self.name
    }
}

impl Accounts {
    /// No accounts. The secret determines the exchange with users that don't exist, see [`Accounts::decoy`]. Generate it once per server
    /// and keep it, because a changed exchange would reveal that such a user does not exist.
    pub fn new(decoy_secret: [u8; 32]) -> Self {
        Self { sorted: Vec::new(), serials: BTreeMap::new(), last_serial: 0, decoy_secret: Secret::new(decoy_secret) }
    }

    /// The account against which a login by `user` from `from` is checked: the first one that matches. No other is tried, even if the
    /// password is wrong.
    pub fn find(&self, user: &str, from: ClientHost) -> Option<&Account> {
        self.sorted.iter().find(|account| account.name.matches(user, from))
    }

    /// The account against which a login by `user` from `from` is checked, and the candidate for the login. If there is no account, the
    /// candidate imitates one.
    pub fn candidate(&self, user: &str, from: ClientHost, default: Plugin) -> (Option<&Account>, Candidate) {
        let Some(account) = self.find(user, from) else {
            let candidate = Candidate::unknown(self.decoy(user, default));
            return (None, Candidate { impossible_because: self.absence(user), ..candidate });
        };
        let decoy = match account.credential {
            Credential::Empty | Credential::Impossible | Credential::Socket(_) => self.decoy(user, default),
            // The decoy is not needed, and choosing one takes a hash for each account.
            _ => Candidate::decoy(account.plugin).decoy,
        };
        let candidate = Candidate {
            plugin: account.plugin,
            credential: account.credential.clone(),
            requirement: account.requirement.clone(),
            fast_digest: None,
            decoy,
            impossible_because: Cow::Borrowed("the account's stored password hash fits no password"),
        };
        (Some(account), candidate)
    }

    /// Why no account matched the user, for the log.
    fn absence(&self, user: &str) -> Cow<'static, str> {
        let elsewhere: Vec<_> = self.sorted.iter().filter(|account| account.name.user == user).collect();
        if elsewhere.is_empty() {
            return Cow::Borrowed("there is no such user");
        }
        let names: Vec<_> = elsewhere.iter().take(MOST_NAMED).map(|account| account.name.to_string()).collect();
        let more = if elsewhere.len() > names.len() { ", …" } else { "" };
        Cow::Owned(format!("the user exists for other hosts alone: {}{more}", names.join(", ")))
    }

    /// The exchange with a user who does not exist, so that he looks like one who does. It is always the same for a user, is like the
    /// exchange with one of the existing accounts, and can't be predicted without the secret.
    pub fn decoy(&self, user: &str, default: Plugin) -> Decoy {
        let plausible = |plugin: Plugin| plugin.is_for_accounts() && plugin != Plugin::AuthSocket;
        // Choose the greatest hash, because then a new kind of account changes the choice for few users only.
        self.sorted
            .iter()
            .filter(|account| plausible(account.plugin))
            .map(|account| Decoy {
                plugin: account.plugin,
                needs_tls: account.requirement.needs_tls(),
                rounds: account.credential.unusual_rounds(),
            })
            .max_by_key(|decoy| {
                let mut hash = Sha256::new();
                hash.update(self.decoy_secret.expose());
                hash.update(decoy.plugin.name());
                hash.update([0, u8::from(decoy.needs_tls)]);
                if let Some(rounds) = decoy.rounds {
                    hash.update(rounds.to_be_bytes());
                }
                hash.update(user);
                <[u8; 32]>::from(hash.finalize())
            })
            .unwrap_or(Decoy { plugin: default, needs_tls: false, rounds: None })
    }

    /// The account with exactly this name.
    pub fn get(&self, name: &AccountName) -> Option<&Account> {
        self.position(name).ok().and_then(|at| self.sorted.get(at))
    }

    /// The identity of the account that has this name now.
    pub fn identity(&self, name: &AccountName) -> Option<Identity> {
        self.serials.get(name).map(|serial| Identity { name: name.clone(), serial: *serial })
    }

    /// The account to which a session has logged in; `None` if it has been dropped or renamed since.
    pub fn identified(&self, identity: &Identity) -> Option<&Account> {
        self.get(&identity.name).filter(|_| self.serials.get(&identity.name) == Some(&identity.serial))
    }

    /// The account with exactly this name, for changes. Change its name by [`Accounts::rename`] only.
    pub(crate) fn get_mut(&mut self, name: &AccountName) -> Option<&mut Account> {
        self.position(name).ok().and_then(|at| self.sorted.get_mut(at))
    }

    /// Adds an account. Replaces and returns the account with the same name, if there is one.
    pub fn insert(&mut self, account: Account) -> Option<Account> {
        match self.position(&account.name) {
            Ok(at) => self.sorted.get_mut(at).map(|old| core::mem::replace(old, account)),
            Err(at) => {
                self.last_serial += 1;
                self.serials.insert(account.name.clone(), self.last_serial);
                self.sorted.insert(at, account);
                None
            }
        }
    }

    /// Removes and returns an account.
    pub fn remove(&mut self, name: &AccountName) -> Option<Account> {
        self.serials.remove(name);
        self.position(name).ok().map(|at| self.sorted.remove(at))
    }

    /// Renames an account. Returns `false` and changes nothing if `old` does not exist or `new` does.
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

    /// The number of accounts.
    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are no accounts.
    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    fn position(&self, name: &AccountName) -> Result<usize, usize> {
        self.sorted.binary_search_by(|account| account.name.cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::ScriptError;
    use sealwire_core::auth::Credential;
    use sealwire_core::random::Random;

    #[derive(Debug)]
    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(1);
        }
    }

    fn read(text: &str) -> Result<Accounts, ScriptError> {
        let mut accounts = Accounts::new([0; 32]);
        accounts.read_text(text, &Zeros).map(|()| accounts)
    }

    fn users(accounts: &Accounts) -> Vec<String> {
        accounts.iter().map(|account| account.name.to_string()).collect()
    }

    const NASTY: &str = "
        CREATE USER 'o''br`ie\\\\n\\n\\0\\Z é'@'%' IDENTIFIED WITH caching_sha2_password BY 'a' REQUIRE SUBJECT '/CN=it''s\\n\\\\';
        CREATE USER ''@localhost ACCOUNT LOCK;
        CREATE USER e IDENTIFIED WITH ed25519 BY 'b' WITH MAX_USER_CONNECTIONS 7;
        CREATE USER n IDENTIFIED WITH mysql_native_password BY 'c' REQUIRE X509;
        CREATE USER s IDENTIFIED WITH sha256_password BY 'd' REQUIRE SSL;
        CREATE USER k IDENTIFIED WITH auth_socket;
        CREATE USER l IDENTIFIED WITH auth_socket AS 'root';
        CREATE USER x IDENTIFIED WITH mysql_native_password AS '*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE';
        GRANT ALL ON *.* TO n WITH GRANT OPTION;
        GRANT SELECT ON `a``b\n_\\_%`.* TO n;
        GRANT SELECT, GRANT OPTION ON `a;b`.`c'd` TO n;
    ";

    #[test]
    fn what_is_written_reads_back_the_same() {
        let accounts = read(NASTY).unwrap();
        assert_eq!(accounts.len(), 8);
        let text = accounts.to_text();
        assert_eq!(read(&text), Ok(accounts));
        assert_eq!(read(&text).map(|again| again.to_text()), Ok(text));
    }

    #[test]
    fn an_account_that_is_made_again_is_another() {
        let mut accounts = read("CREATE USER u; CREATE USER v;").unwrap();
        let name = AccountName::new("u", "%");
        let first = accounts.identity(&name).unwrap();
        let same = accounts.get(&name).cloned().unwrap();
        accounts.insert(Account { locked: true, ..same.clone() });
        assert!(accounts.identified(&first).unwrap().locked, "it was changed");
        accounts.remove(&name);
        assert_eq!((accounts.identified(&first), accounts.identity(&name)), (None, None));
        accounts.insert(same);
        assert_eq!(accounts.identified(&first), None);
        let second = accounts.identity(&name).unwrap();
        assert!(accounts.identified(&second).is_some());
        // The old identity stays invalid even after another account is renamed to its name.
        assert!(accounts.rename(&name, AccountName::new("w", "%")));
        assert_eq!(accounts.identified(&second), None);
        assert!(accounts.rename(&AccountName::new("v", "%"), name.clone()));
        assert_eq!(accounts.identified(&second), None);
    }

    #[test]
    fn no_password_is_written() {
        let accounts = read("CREATE USER u IDENTIFIED BY 'sesame';").unwrap();
        assert!(accounts.to_text().contains("CREATE USER 'u'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$"));
        assert!(!accounts.to_text().contains("sesame"));
        assert!(!format!("{accounts:?}").contains("$A$"));
    }

    #[test]
    fn errors_name_the_line_and_nothing_is_read() {
        for (text, line, code) in [
            ("CREATE USER a;\nCREATE USER b;\nCREATE USER a;", 3, 1396),
            ("CREATE USER a;\n\nCREATE USER b REQUIRE SSL AND X509;", 3, 1064),
            ("CREATE USER a;\nSELECT 1;", 2, 1064),
            ("CREATE USER a;\nCREATE USER b", 2, 1064),
            ("CREATE USER a IDENTIFIED BY 'b;\n;", 1, 1064),
            ("\u{0}", 1, 1064),
            ("CREATE USER a IDENTIFIED WITH client_ed25519 AS 'short';", 1, 1827),
        ] {
            let mut accounts = Accounts::new([0; 32]);
            let error = accounts.read_text(text, &Zeros).unwrap_err();
            assert_eq!((error.line, error.error.code), (line, code), "{text}");
            assert!(error.to_string().starts_with(&format!("line {line}: ERROR {code}")));
            assert!(accounts.is_empty());
        }
    }

    #[test]
    fn garbage_never_panics() {
        let text = read(NASTY).unwrap().to_text();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            let _ = read(&String::from_utf8_lossy(&bytes[..at]));
            bytes[at] ^= 1 << (at % 8);
            let _ = read(&String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn the_first_match_is_the_only_one() {
        let accounts =
            read("CREATE USER jeffrey; CREATE USER ''@localhost; CREATE USER root; CREATE USER root@localhost;")
                .unwrap();
        assert_eq!(users(&accounts), ["'root'@'localhost'", "''@'localhost'", "'jeffrey'@'%'", "'root'@'%'"]);
        let found = |user, from| accounts.find(user, from).map(|account| account.name.to_string());
        let elsewhere = ClientHost::Ip([192, 0, 2, 1].into());
        assert_eq!(found("jeffrey", ClientHost::Socket).unwrap(), "''@'localhost'");
        assert_eq!(found("jeffrey", elsewhere).unwrap(), "'jeffrey'@'%'");
        assert_eq!(found("root", ClientHost::Socket).unwrap(), "'root'@'localhost'");
        assert_eq!(found("nobody", elsewhere), None);
    }

    #[test]
    fn insert_replaces_and_rename_keeps_the_order() {
        let mut accounts = read("CREATE USER a; CREATE USER b;").unwrap();
        let (a, b, c) = (AccountName::new("a", "%"), AccountName::new("b", "%"), AccountName::new("c", "localhost"));
        assert!(!accounts.rename(&a, b.clone()));
        assert!(!accounts.rename(&c, a.clone()));
        assert!(accounts.rename(&b, c.clone()));
        assert_eq!(users(&accounts), ["'c'@'localhost'", "'a'@'%'"]);
        let locked = Account { locked: true, ..Account::new(a.clone(), Plugin::AuthSocket) };
        assert!(accounts.insert(locked.clone()).is_some_and(|old| !old.locked));
        assert_eq!(accounts.get(&a), Some(&locked));
        assert_eq!(accounts.remove(&a), Some(locked));
        assert_eq!(accounts.remove(&a), None);
    }

    #[test]
    fn decoys_are_steady_and_of_all_kinds_in_use() {
        let accounts = read(
            "CREATE USER a IDENTIFIED WITH ed25519; CREATE USER b IDENTIFIED WITH caching_sha2_password;
             CREATE USER c IDENTIFIED WITH auth_socket; CREATE USER d IDENTIFIED WITH caching_sha2_password REQUIRE X509;
             CREATE USER e IDENTIFIED WITH caching_sha2_password AS
             '$A$00F$saltsaltsaltsaltsaltSPMN/L8.noKqe8IXVZ2DpCE6w29b106vCQecap9JKpA';",
        )
        .unwrap();
        let decoys = |accounts: &Accounts| -> Vec<Decoy> {
            (0..150).map(|n| accounts.decoy(&format!("user{n}"), Plugin::MysqlNativePassword)).collect()
        };
        let first = decoys(&accounts);
        assert_eq!(decoys(&accounts), first);
        for (plugin, needs_tls, rounds) in [
            (Plugin::ClientEd25519, false, None),
            (Plugin::CachingSha2Password, false, None),
            (Plugin::CachingSha2Password, true, None),
            (Plugin::CachingSha2Password, false, Some(15_000)),
        ] {
            let kind = Decoy { plugin, needs_tls, rounds };
            assert!(first.iter().filter(|decoy| **decoy == kind).count() > 20, "{kind:?}");
        }
        let socket = |decoy: &Decoy| decoy.plugin == Plugin::AuthSocket;
        assert!(!first.iter().any(socket), "that one would say that there is no password to guess");
        let mut other_secret = Accounts::new([1; 32]);
        other_secret.read_text(&accounts.to_text(), &Zeros).unwrap();
        assert_ne!(decoys(&other_secret), first);
        let none = Accounts::new([0; 32]).decoy("x", Plugin::Sha256Password);
        assert_eq!(none, Decoy { plugin: Plugin::Sha256Password, needs_tls: false, rounds: None });
    }

    #[test]
    fn a_socket_account_keeps_its_system_user() {
        let accounts = read(NASTY).unwrap();
        let credential =
            |user| accounts.find(user, ClientHost::Ip([192, 0, 2, 1].into())).map(|found| &found.credential);
        assert_eq!(credential("k"), Some(&Credential::Socket(None)));
        assert_eq!(credential("l"), Some(&Credential::Socket(Some("root".into()))));
    }
}
