//! The accounts on disk and in memory, and the digests of passwords that the fast path needs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use sealwire_accounts::{AccountName, AccountStatement, Accounts, Outcome, Session, Stop, execute};
use sealwire_core::error::SqlError;
use sealwire_core::random::Random;
use sealwire_net::files::{unreadable, unwritable};

use super::engine::{Interruption, WaitEnd, lock_wait_timeout, stopped};
use super::replication::Place;
use super::sync::{Mutex, PoisonError};
use super::turns::Turn;
use super::versioned::Versioned;

/// The file of accounts in the data directory: account statements with hashed passwords only.
pub(crate) const FILE: &str = "accounts.sql";
/// The file of the secret from which the answers to unknown users are derived.
const SECRET_FILE: &str = "accounts.secret";
/// The file into which the accounts are written next. It has its room already, so that DROP USER works on a full disk.
const SPARE_FILE: &str = "accounts.spare";
/// The size of the spare file: a multiple of the size of the accounts, and a least number of bytes.
const SPARE_TIMES: usize = 2;
const SPARE_LEAST: usize = 64 << 10;
/// Readable and writable by its owner alone.
const OWNER_ONLY: u32 = 0o600;

/// The accounts of a data directory.
#[derive(Debug)]
pub(crate) struct AccountStore {
    path: PathBuf,
    /// The accounts, with SHA256(SHA256(password)) of those that logged in with their full password.
    accounts: Versioned<Accounts, AccountName, [u8; 32]>,
    /// The place in the binary log behind the last change that was logged.
    logged: Mutex<Option<Place>>,
}

/// Writes changed accounts to disk; the place is that behind the change in the binary log, `None` where it is not logged.
pub(crate) type Write<'w> = &'w dyn Fn(Option<&Place>) -> Result<(), SqlError>;

/// The line of the file that has that place begins so.
const LOGGED: &str = "-- In the binary log up to ";

impl AccountStore {
    /// Reads the accounts of a data directory.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn open(directory: &Path, random: &dyn Random) -> Result<Self, String> {
        let path = directory.join(FILE);
        // The unfinished files of a server that was killed.
        for unfinished in [FILE, SECRET_FILE].map(|file| temporary(&directory.join(file))) {
            let _ = fs::remove_file(unfinished);
        }
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("can't read {}: {}", path.display(), unreadable(&path, &error)))?;
        let secret_path = directory.join(SECRET_FILE);
        let secret = match fs::read(&secret_path).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(secret) => secret,
            None => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                write_whole(&secret_path, &secret).map_err(|error| {
                    format!("can't write {}: {}", secret_path.display(), unwritable(&secret_path, &error))
                })?;
                secret
            }
        };
        let mut accounts = Accounts::new(secret);
        accounts.read_text(&text, random).map_err(|error| format!("{}, {error}", path.display()))?;
        make_spare(directory, text.len());
        let logged = Mutex::new(text.lines().find_map(logged_in));
        Ok(Self { path, accounts: Versioned::new(accounts, has_same_password), logged })
    }

    /// Writes the first accounts of a data directory.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn create(directory: &Path, accounts: &Accounts) -> Result<(), String> {
        let path = directory.join(FILE);
        write_whole(&path, accounts.to_text().as_bytes())
            .map_err(|error| format!("can't write {}: {}", path.display(), unwritable(&path, &error)))
    }

    /// The current accounts.
    pub(crate) fn current(&self) -> Arc<Accounts> {
        self.accounts.current()
    }

    /// The place in the binary log behind the last change that was logged; `None` where there was none.
    pub(crate) fn logged(&self) -> Option<Place> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that changes are logged from a place on, which is the log's end, unless an earlier place is known. A later place is one of a log
    /// that is gone.
    pub(crate) fn begin_log(&self, place: &Place) {
        let order = |place: &Place| (place.file.len(), place.file.clone(), place.position);
        if self.logged().is_none_or(|known| order(&known) > order(place))
            && let Err(error) = self.write(&self.current(), Some(place))
        {
            tracing::warn!("a change of accounts that is cut short by a kill may stay in the binary log: {error}");
        }
    }

    /// Executes a statement. A change is written to disk before it takes effect. Changes are made one after the other, and the accounts
    /// that make them take turns. `record` gets the accounts before and after a change, logs it, and has it written by the function that it
    /// gets, so that a killed server can tell whether a change in its log was made.
    ///
    /// # Errors
    /// The statement's error, 1105 where the file can't be written, 1205 where the turn does not come within `most`, 1317 where the statement is
    /// stopped before its turn, and those of `record`.
    pub(crate) fn execute(
        &self,
        statement: &AccountStatement,
        session: &Session<'_>,
        random: &dyn Random,
        interruption: &Arc<Interruption>,
        most: Duration,
        record: &dyn Fn(&Accounts, &Accounts, Write<'_>) -> Result<(), SqlError>,
    ) -> Result<Outcome, SqlError> {
        if statement.is_read_only() {
            return execute(statement, &mut Accounts::clone(&self.current()), session, random);
        }
        let account = session.account.map_or_else(String::new, |account| account.name().to_string());
        let turn = self.turn(&account, interruption, most)?;
        self.accounts.change(&turn, |current| {
            let mut accounts = current.clone();
            let outcome = execute(statement, &mut accounts, session, random)?;
            if !matches!(outcome, Outcome::Done { changed: true, .. }) {
                return Ok((None, outcome));
            }
            record(current, &accounts, &|place| self.write(&accounts, place))?;
            Ok((Some(accounts), outcome))
        })
    }

    /// Has the binary log begin anew, between two changes of accounts: a place in the old log would say of a change in the new one that it was
    /// made. `reset` returns the new log's end.
    ///
    /// # Errors
    /// 1105 where the file can't be written, 1205 and 1317 where the turn does not come, and those of `reset`.
    pub(crate) fn reset_log(
        &self,
        account: &str,
        interruption: &Arc<Interruption>,
        most: Duration,
        reset: &dyn Fn() -> Result<Place, SqlError>,
    ) -> Result<(), SqlError> {
        let turn = self.turn(account, interruption, most)?;
        self.accounts.change(&turn, |current| {
            *self.logged.lock().unwrap_or_else(PoisonError::into_inner) = None;
            // Without a place no change of the log counts as one that was not made, should the server be killed now.
            self.write(current, None)?;
            let place = reset()?;
            self.write(current, Some(&place))?;
            Ok((None, ()))
        })
    }

    /// Waits until the account may make a change.
    fn turn(&self, account: &str, interruption: &Arc<Interruption>, most: Duration) -> Result<Turn<'_>, SqlError> {
        self.accounts.turn(account, interruption, most).map_err(|end| match end {
            WaitEnd::TimedOut => lock_wait_timeout(),
            WaitEnd::Ready | WaitEnd::Stopped => stopped(interruption),
        })
    }

    /// Writes accounts to disk. After a change that is not logged the place in the log stays.
    fn write(&self, accounts: &Accounts, place: Option<&Place>) -> Result<(), SqlError> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = accounts.to_text();
        if let Some(Place { file, position }) = place.or(logged.as_ref()) {
            text.push_str(&format!("{LOGGED}{position} of {file}\n"));
        }
        let written = write_by(&self.path.with_file_name(SPARE_FILE), &self.path, text.as_bytes());
        if let Some(directory) = self.path.parent() {
            make_spare(directory, text.len());
        }
        written
            .map_err(|error| SqlError::new(1105, b"HY000", format!("Can't write {}: {error}", self.path.display())))?;
        if let Some(place) = place {
            *logged = Some(place.clone());
        }
        Ok(())
    }

    /// The remembered digest of an account's password. Call `current` first, because the digest may then be newer than the accounts, but
    /// never older.
    pub(crate) fn digest(&self, name: &AccountName) -> Option<[u8; 32]> {
        self.accounts.get(name)
    }

    /// Remembers a digest, unless the account's password has changed since the login began.
    pub(crate) fn remember_digest(&self, name: &AccountName, digest: [u8; 32], seen: &Accounts) {
        self.accounts.remember(name.clone(), digest, seen);
    }

    /// Forgets all digests, for FLUSH PRIVILEGES.
    pub(crate) fn forget_digests(&self) {
        self.accounts.clear();
    }
}

impl Stop for Interruption {
    fn check(&self) -> Result<(), SqlError> {
        if self.is_stopped() { Err(stopped(self)) } else { Ok(()) }
    }
}

/// The place in the binary log that a line of the file has.
fn logged_in(line: &str) -> Option<Place> {
    let (position, file) = line.strip_prefix(LOGGED)?.split_once(" of ")?;
    Some(Place { file: file.into(), position: position.parse().ok()? })
}

/// Whether an account authenticates alike in both, so that a digest of its password stays true.
fn has_same_password(one: &Accounts, other: &Accounts, name: &AccountName) -> bool {
    match (one.get(name), other.get(name)) {
        (Some(one), Some(other)) => (one.plugin, &one.credential) == (other.plugin, &other.credential),
        _ => false,
    }
}

/// The path at which a file is written before it replaces `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut temporary = path.to_owned().into_os_string();
    temporary.push(".new");
    temporary.into()
}

/// Writes a file so that at each moment either the old or the new one exists, complete. After an error the old one is unchanged.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_by(&temporary(path), path, bytes)
}

/// As [`write_whole`], by way of that file. The space that the file has already is used.
fn write_by(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(temporary)?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    };
    write().inspect_err(|_| {
        // It may not be there at all.
        let _ = fs::remove_file(temporary);
    })?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes the spare file anew, for accounts of that length. A server without one goes on: it needs it on a full disk alone.
fn make_spare(directory: &Path, length: usize) {
    let path = directory.join(SPARE_FILE);
    let length = length.saturating_mul(SPARE_TIMES).max(SPARE_LEAST);
    let make = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&path)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, length as u64) {
            // A file system that keeps no room for what is not written.
            Err(Errno::OPNOTSUPP) => file.write_all(&vec![0; length]),
            kept => Ok(kept?),
        }
    };
    if let Err(error) = make() {
        tracing::warn!("can't reserve disk space for the next change of the accounts in '{}': {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::mpsc::channel;
    use std::thread;

    use sealwire_accounts::parse_statement;
    use sealwire_core::auth::Plugin;

    use super::super::turns::{Turn, Turns};
    use super::*;
    use sealwire_net::random::OsRandom;

    const LONG: Duration = Duration::from_secs(3600);

    impl AccountStore {
        /// Keeps all changes waiting until the result is dropped.
        pub(crate) fn hold(&self) -> Turn<'_> {
            self.accounts.turn("", &Arc::default(), LONG).unwrap()
        }
    }

    fn run(store: &AccountStore, sql: &str) -> Result<Outcome, SqlError> {
        let statement = parse_statement(sql).unwrap().unwrap();
        let server = Session::server(Plugin::CachingSha2Password);
        store.execute(&statement, &server, &OsRandom::new(), &Arc::default(), LONG, &|_, _, write| write(None))
    }

    #[test]
    fn changes_are_on_disk_and_only_their_owner_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        AccountStore::create(directory.path(), &Accounts::new([0; 32])).unwrap();
        let store = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        run(&store, "CREATE USER 'a'@'%' IDENTIFIED BY 'secret word' REQUIRE X509").unwrap();
        let path = directory.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret word"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        assert_eq!(*again.current(), *store.current());
        assert_eq!(again.current().len(), 1);
    }

    #[test]
    fn the_place_in_the_binary_log_is_kept_with_the_accounts() {
        let directory = tempfile::tempdir().unwrap();
        AccountStore::create(directory.path(), &Accounts::new([0; 32])).unwrap();
        let store = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        assert_eq!(store.logged(), None);
        store.begin_log(&Place { file: "a log of.000001".into(), position: 4 });
        let place = Place { file: "a log of.000007".into(), position: 1 << 33 };
        store.write(&store.current(), Some(&place)).unwrap();
        store.begin_log(&Place { file: "a log of.000009".into(), position: 4 });
        run(&store, "CREATE USER 'a'@'%'").unwrap();
        for store in [&store, &AccountStore::open(directory.path(), &OsRandom::new()).unwrap()] {
            assert_eq!((store.logged(), store.current().len()), (Some(place.clone()), 1));
        }
        // The log began anew, under the same names.
        let first = Place { file: "a log of.000001".into(), position: 300 };
        let reset = || {
            let kept = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
            assert_eq!(kept.logged(), None, "a place in a log that is being removed");
            Ok(first.clone())
        };
        store.reset_log("root", &Arc::default(), LONG, &reset).unwrap();
        let again = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        assert_eq!((store.logged(), again.logged()), (Some(first.clone()), Some(first)));
        // The files of a log were removed by hand.
        let earlier = Place { file: "a log of.000001".into(), position: 4 };
        again.begin_log(&earlier);
        assert_eq!(again.logged(), Some(earlier));
    }

    #[test]
    fn an_account_waits_for_one_change_of_each_other_account() {
        let turns = Turns::default();
        let (send, order) = channel();
        thread::scope(|scope| {
            let first = turns.take("'root'@'%'", &Arc::default(), LONG).unwrap();
            for (number, account) in ["busy", "busy", "busy", "other"].into_iter().enumerate() {
                let (turns, send) = (&turns, send.clone());
                scope.spawn(move || {
                    let _turn = turns.take(account, &Arc::default(), LONG).unwrap();
                    send.send(account).unwrap();
                });
                while turns.waiting() <= number {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["busy", "other", "busy", "busy"]);
    }

    #[test]
    fn listings_do_not_wait_for_a_change() {
        let directory = tempfile::tempdir().unwrap();
        AccountStore::create(directory.path(), &Accounts::new([0; 32])).unwrap();
        let store = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        run(&store, "CREATE USER 'a'@'%'").unwrap();
        let turn = store.hold();
        let shown = store.accounts.change(&turn, |_| {
            // This would wait for ever if it waited for the change.
            Ok::<_, SqlError>((
                None,
                ["SHOW GRANTS FOR a", "SHOW CREATE USER a", "FLUSH PRIVILEGES"].map(|sql| run(&store, sql)),
            ))
        });
        assert!(shown.unwrap().into_iter().all(|shown| shown.is_ok()));
    }

    #[test]
    fn the_next_change_has_its_room_already() {
        use std::os::unix::fs::MetadataExt as _;

        let directory = tempfile::tempdir().unwrap();
        AccountStore::create(directory.path(), &Accounts::new([0; 32])).unwrap();
        let store = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        let spare = directory.path().join(SPARE_FILE);
        for user in ["a", "b"] {
            let kept = fs::metadata(&spare).unwrap();
            assert!(kept.blocks() * 512 >= SPARE_LEAST as u64, "{kept:?}");
            assert_eq!(kept.permissions().mode() & 0o777, 0o600);
            run(&store, &format!("CREATE USER '{user}'@'%'")).unwrap();
            let written = fs::metadata(directory.path().join(FILE)).unwrap();
            assert_eq!(written.ino(), kept.ino(), "the accounts are written where the room is");
            assert!(!fs::read(directory.path().join(FILE)).unwrap().contains(&0), "no more than the accounts");
        }
        let again = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        assert_eq!(*again.current(), *store.current());
    }

    #[test]
    fn the_digest_of_a_changed_password_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        AccountStore::create(directory.path(), &Accounts::new([0; 32])).unwrap();
        let store = AccountStore::open(directory.path(), &OsRandom::new()).unwrap();
        run(&store, "CREATE USER 'a'@'%' IDENTIFIED BY 'one', 'b'@'%' IDENTIFIED BY 'two'").unwrap();
        let [a, b] = ["a", "b"].map(|user| AccountName::new(user, "%"));
        let before = store.current();
        store.remember_digest(&a, [1; 32], &before);
        store.remember_digest(&b, [2; 32], &before);
        run(&store, "ALTER USER 'a'@'%' IDENTIFIED BY 'one'").unwrap();
        assert_eq!([&a, &b].map(|name| store.digest(name)), [None, Some([2; 32])]);
        store.remember_digest(&a, [1; 32], &before);
        assert_eq!(store.digest(&a), None, "a login from before the change");
        run(&store, "ALTER USER 'b'@'%' REQUIRE SSL").unwrap();
        assert_eq!(store.digest(&b), Some([2; 32]));
        run(&store, "RENAME USER 'b'@'%' TO 'c'@'%'").unwrap();
        assert_eq!(store.digest(&b), None);
    }
}
