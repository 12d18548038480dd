//! Creates a data directory.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use sealwire_accounts::{Accounts, Session, execute, parse_statement};
use sealwire_core::auth::Plugin;
use sealwire_core::random::Random;
use sealwire_net::files::unwritable;

use super::accounts::{self, AccountStore};
use super::options::Initialize;

/// The mode of a data directory, which only its owner may enter.
const DIRECTORY_MODE: u32 = 0o700;
/// The characters of a random password, without those that look alike.
const LETTERS: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz2345678";
const PASSWORD_LENGTH: usize = 20;

/// Whether [`make`] has created the directory.
///
/// # Errors
/// A sentence where this user may not look into the directory: it is then neither used nor created again.
pub(super) fn is_made(directory: &Path) -> Result<bool, String> {
    match fs::metadata(directory.join(accounts::FILE)) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(not_seen(directory, rustix::process::geteuid().as_raw(), &error)),
    }
}

/// Refuses a path that is something else than a directory.
///
/// # Errors
/// A sentence that names the path.
pub(super) fn demand_directory(directory: &Path) -> Result<(), String> {
    match fs::metadata(directory) {
        Ok(found) if !found.is_dir() => Err(format!(
            "option '--datadir': {} is not a directory: give the path of one, or of one that --initialize may make",
            directory.display()
        )),
        _ => Ok(()),
    }
}

/// The error text for a directory that this user may not enter; it names the directory's owner where the system tells.
fn not_seen(directory: &Path, own: u32, error: &io::Error) -> String {
    let shown = directory.display();
    let why = format!("can't read the data directory {shown}: {error}. This process runs as user {own}");
    match fs::metadata(directory) {
        Ok(found) if found.uid() == own => format!("{why}, who owns it and may not enter it: run 'chmod 700 {shown}'"),
        Ok(found) => {
            format!("{why}, and it belongs to user {}: start sealwired as the directory's owner", found.uid())
        }
        Err(_) => format!("{why}: start sealwired as the directory's owner"),
    }
}

/// Creates a data directory with the account root, and root's password where it has one.
///
/// # Errors
/// A sentence that names the directory.
pub(super) fn make(
    directory: &Path,
    how: Initialize,
    plugin: Plugin,
    random: &dyn Random,
) -> Result<Option<String>, String> {
    let fail = |error: io::Error| {
        format!("can't make the data directory {}: {}", directory.display(), unwritable(directory, &error))
    };
    if directory.exists() {
        let mut entries = fs::read_dir(directory).map_err(fail)?;
        if entries.next().is_some() {
            return Err(format!(
                "--initialize specified but the data directory has files in it: {}. Nothing was done; give an empty or a new directory",
                directory.display()
            ));
        }
        fs::set_permissions(directory, fs::Permissions::from_mode(DIRECTORY_MODE)).map_err(fail)?;
    } else {
        fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(fail)?;
    }
    let password = match how {
        Initialize::NoPassword => None,
        Initialize::RandomPassword => Some(password(random)),
    };
    let mut accounts = Accounts::new([0; 32]);
    let identified = password.as_ref().map_or_else(String::new, |password| format!(" IDENTIFIED BY '{password}'"));
    for sql in [
        format!("CREATE USER 'root'@'localhost'{identified}"),
        "GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION".to_owned(),
    ] {
        let parsed = parse_statement(&sql).ok_or("no account statement")?;
        let done = parsed.and_then(|statement| execute(&statement, &mut accounts, &Session::server(plugin), random));
        done.map_err(|error| format!("can't make the account root: {error}"))?;
    }
    AccountStore::create(directory, &accounts)?;
    Ok(password)
}

fn password(random: &dyn Random) -> String {
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    while password.len() < PASSWORD_LENGTH {
        let mut byte = [0];
        random.fill(&mut byte);
        // A byte beyond the last multiple of the number of letters is skipped, because it would make some letters more likely.
        let [byte] = byte;
        if usize::from(byte) < 256 / LETTERS.len() * LETTERS.len()
            && let Some(letter) = LETTERS.get(usize::from(byte) % LETTERS.len())
        {
            password.push(char::from(*letter));
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_net::random::OsRandom;

    #[test]
    fn a_directory_that_cannot_be_seen_is_not_to_be_made() {
        let denied = not_seen(Path::new("/"), 1, &ErrorKind::PermissionDenied.into());
        assert!(denied.starts_with("can't read the data directory /: permission denied."), "{denied}");
        assert!(
            denied.contains("it belongs to user 0: start sealwired as") && !denied.contains("--initialize"),
            "{denied}"
        );
        let owned = not_seen(Path::new("/"), 0, &ErrorKind::PermissionDenied.into());
        assert!(owned.ends_with("who owns it and may not enter it: run 'chmod 700 /'"), "{owned}");
        // Root may enter every directory, but no name may be that long.
        assert!(is_made(Path::new(&"x".repeat(5000))).unwrap_err().starts_with("can't read the data directory"));
    }

    #[test]
    fn a_directory_is_made_once() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        assert_eq!(is_made(&directory), Ok(false));
        let random = OsRandom::new();
        let password =
            make(&directory, Initialize::RandomPassword, Plugin::CachingSha2Password, &random).unwrap().unwrap();
        assert_eq!(password.len(), PASSWORD_LENGTH);
        assert_eq!(is_made(&directory), Ok(true));
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let store = AccountStore::open(&directory, &random).unwrap();
        assert_eq!(store.current().len(), 1);
        let again = make(&directory, Initialize::NoPassword, Plugin::CachingSha2Password, &random).unwrap_err();
        assert!(again.contains("has files in it"), "{again}");
    }
}
