//! Where SQLite puts temporary files, and how much room there is: whoever sorts much must leave some for the tables of others, which may
//! lie on the same file system.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sealwire_core::error::SqlError;

use crate::engine::translate::Translated;

/// The part of the file system that temporary files leave free, and the most bytes that this is.
const KEPT: u64 = 10;
const MOST_KEPT: u64 = 1 << 30;

/// The folder, chosen as SQLite chooses it. Source: <https://www.sqlite.org/tempfiles.html>, "Temporary File Storage Locations".
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(env::var_os).map(PathBuf::from);
        let usual = ["/var/tmp", "/usr/tmp", "/tmp"].map(PathBuf::from);
        named.chain(usual).find(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("."))
    })
}

/// Whether less is free than is kept for others. Where the system does not tell, nothing is short.
pub(super) fn is_short() -> bool {
    let Ok(system) = rustix::fs::statvfs(folder()) else { return false };
    let (all, free) =
        (system.f_blocks.saturating_mul(system.f_frsize), system.f_bavail.saturating_mul(system.f_frsize));
    free < (all / KEPT).min(MOST_KEPT)
}

/// The error of a statement that would take what is kept.
pub(super) fn full() -> SqlError {
    let message = format!(
        "The table '(temporary)' is full: less than a tenth of the file system of '{}' is free, and that is kept for others; let the \
         statement sort or join less, drop temporary tables, or set SQLITE_TMPDIR to a larger file system",
        folder().display()
    );
    SqlError::new(1114, b"HY000", message)
}

/// Whether a statement puts rows into a temporary table: they are in a temporary file as long as the session lasts.
pub(super) fn fills_temporary(translated: &Translated) -> bool {
    temporary_target(translated).is_some()
}

/// The temporary table that a statement puts rows into, by SQLite's name of it.
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
