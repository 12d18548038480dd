//! Temporary files and tables: where SQLite puts them, and how much disk space they leave to others.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sealwire_core::error::SqlError;

use crate::engine::translate::Translated;
use crate::file_system::Space;

/// The part of the file system that temporary files leave free, and the most bytes of it.
const RESERVED_PART: u64 = 10;
const MOST_RESERVED: u64 = 1 << 30;

/// The folder, chosen as SQLite chooses it. Source: <https://www.sqlite.org/tempfiles.html>, "Temporary File Storage Locations".
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(env::var_os).map(PathBuf::from);
        let usual = ["/var/tmp", "/usr/tmp", "/tmp"].map(PathBuf::from);
        named.chain(usual).find(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("."))
    })
}

/// The bytes that may still be written; `None` where less than the reserve is free. Unlimited where the system does not say.
fn free_beside_reserve(folder: &Path) -> Option<u64> {
    let Some(space) = Space::of(folder) else { return Some(u64::MAX) };
    space.free.checked_sub(space.part(RESERVED_PART, MOST_RESERVED))
}

/// Whether less than the reserve is free for temporary files.
pub(super) fn is_short() -> bool {
    is_short_in(folder())
}

/// Whether less than the reserve is free on another folder's file system.
pub(super) fn is_short_in(folder: &Path) -> bool {
    free_beside_reserve(folder).is_none()
}

/// The bytes of temporary tables of each account.
static SHARES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

fn shares() -> MutexGuard<'static, BTreeMap<String, u64>> {
    SHARES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a session's temporary tables, counted for its account until this is dropped.
#[derive(Debug, Default)]
pub(super) struct TableShare {
    account: String,
    bytes: u64,
}

impl TableShare {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Sets the bytes, and the account for which they count.
    pub(super) fn set(&mut self, account: &str, bytes: u64) {
        let mut shares = shares();
        if let Some(all) = shares.get_mut(&self.account) {
            *all = all.saturating_sub(self.bytes);
            if *all == 0 {
                shares.remove(&self.account);
            }
        }
        self.bytes = bytes;
        if bytes > 0 {
            account.clone_into(&mut self.account);
            let all = shares.entry(account.to_owned()).or_default();
            *all = all.saturating_add(bytes);
        }
    }

    /// The error where the account has more than its share.
    pub(super) fn refusal(&self) -> Option<SqlError> {
        let (own, accounts, all) = {
            let shares = shares();
            let all = shares.values().fold(0u64, |sum, share| sum.saturating_add(*share));
            (shares.get(&self.account).copied().unwrap_or_default(), shares.len(), all)
        };
        let free = free_beside_reserve(folder()).unwrap_or_default();
        if self.bytes == 0 || is_fair(own, accounts, all, free) {
            return None;
        }
        let message = format!(
            "The table '(temporary)' is full: the temporary tables of your account have {own} bytes, more than its share of what is left of \
             the file system of '{}'; drop some and end their sessions, or set SQLITE_TMPDIR to a larger file system",
            folder().display()
        );
        Some(SqlError::new(1114, b"HY000", message))
    }
}

impl Drop for TableShare {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.set("", 0);
        }
    }
}

/// Whether an account may keep `own` bytes, of `all` bytes of `accounts` accounts. While more than half of the space is free, every account may;
/// afterwards each may have an equal share, of which one more is kept for a new account.
fn is_fair(own: u64, accounts: usize, all: u64, free: u64) -> bool {
    let pool = free.saturating_add(all);
    all <= pool / 2 || own <= pool / (accounts as u64 + 1)
}

/// The error of a statement that would use the reserve.
pub(super) fn full() -> SqlError {
    let message = format!(
        "The table '(temporary)' is full: less than a tenth of the file system of '{}' is free, and that is reserved for others; let the \
         statement sort or join less, drop temporary tables, or set SQLITE_TMPDIR to a larger file system",
        folder().display()
    );
    SqlError::new(1114, b"HY000", message)
}

/// Whether a statement puts rows into a temporary table.
pub(super) fn fills_temporary(translated: &Translated) -> bool {
    temporary_target(translated).is_some()
}

/// The temporary table into which a statement puts rows, by its name in SQLite.
pub(super) fn temporary_target(translated: &Translated) -> Option<String> {
    const FRONTS: [&str; 6] = [
        "CREATE TABLE temp.`",
        "INSERT INTO temp.`",
        "INSERT OR IGNORE INTO temp.`",
        "REPLACE INTO temp.`",
        "UPDATE temp.`",
        "UPDATE OR IGNORE temp.`",
    ];
    let sql = translated.statements.first()?;
    let mut rest = FRONTS.iter().find_map(|front| sql.strip_prefix(front))?;
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('`')?;
        name.push_str(part);
        match after.strip_prefix('`') {
            Some(more) => rest = more,
            None => return Some(name),
        }
        name.push('`');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_leaves_a_share_to_the_next() {
        assert!(is_fair(500, 1, 500, 500) && !is_fair(501, 1, 501, 499));
        assert!(!is_fair(600, 2, 700, 300) && is_fair(100, 2, 700, 300));
        assert!(is_fair(1, 1000, 400, 600), "while more than half is free nobody is refused");
    }

    #[test]
    fn tables_count_until_their_session_ends() {
        let of = |account: &str| shares().get(account).copied();
        let (mut one, mut other) = (TableShare::default(), TableShare::default());
        one.set("share@test", 5);
        other.set("share@test", 7);
        one.set("share@test", 6);
        assert_eq!((of("share@test"), one.bytes()), (Some(13), 6));
        drop(one);
        other.set("renamed@test", 7);
        assert_eq!((of("share@test"), of("renamed@test")), (None, Some(7)));
        drop(other);
        assert_eq!(of("renamed@test"), None);
    }
}
