//! Warnings about a data directory, for the log of the server's start.

use std::path::Path;

use sealwire_accounts::Accounts;
use sealwire_net::files::writable_mode;
use sealwire_options::tls::open_to_others;

use super::accounts::FILE;

/// Warnings where others can change the accounts of a data directory, or where there is no account. The server starts nevertheless, as
/// mysqld does.
pub(super) fn warnings(directory: &Path, accounts: &Accounts) -> Vec<String> {
    let mut warnings = Vec::new();
    let shown = directory.display();
    if let Some(mode) = writable_mode(directory) {
        warnings.push(format!(
            "the data directory '{shown}' has mode {mode:04o}, so that others on this machine can replace its accounts and databases: run \
             'chmod 700 {shown}'"
        ));
    }
    let file = directory.join(FILE).display().to_string();
    warnings.extend(open_to_others(
        "file of accounts",
        &file,
        "guess passwords by its hashes, or write an account into it",
    ));
    if accounts.is_empty() {
        warnings.push(format!(
            "the file of accounts '{file}' has no account, so that nobody can log in: stop the server and restore the file, or start it \
             once with --init-file and CREATE USER and GRANT statements in that file"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;

    use sealwire_accounts::{Session, execute, parse_statement};
    use sealwire_core::auth::Plugin;
    use sealwire_net::random::OsRandom;

    use super::*;

    #[test]
    fn what_others_can_change_is_warned_of() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(FILE);
        write(&file, "").unwrap();
        let mut accounts = Accounts::new([0; 32]);
        let statement = parse_statement("CREATE USER root@localhost").unwrap().unwrap();
        let server = Session::server(Plugin::CachingSha2Password);
        execute(&statement, &mut accounts, &server, &OsRandom::new()).unwrap();
        for (of_directory, of_file, expected) in [
            (0o700, 0o600, &[][..]),
            (0o755, 0o600, &[]),
            (0o700, 0o640, &[]),
            (0o770, 0o600, &["the data directory '"]),
            (0o1777, 0o600, &["the data directory '"]),
            (0o700, 0o660, &["the file of accounts '"]),
            (0o777, 0o666, &["the data directory '", "the file of accounts '"]),
        ] {
            set_permissions(&file, Permissions::from_mode(of_file)).unwrap();
            set_permissions(place.path(), Permissions::from_mode(of_directory)).unwrap();
            let found = warnings(place.path(), &accounts);
            let are_expected = found.iter().zip(expected).all(|(found, start)| found.starts_with(start));
            assert!(found.len() == expected.len() && are_expected, "{of_directory:o} {of_file:o}: {found:?}");
            assert!(found.iter().all(|warning| warning.contains(": run 'chmod ")), "{found:?}");
        }
    }

    #[test]
    fn a_file_without_accounts_is_warned_of() {
        let place = tempfile::tempdir().unwrap();
        set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
        let found = warnings(place.path(), &Accounts::new([0; 32]));
        assert!(
            found.len() == 1 && found[0].contains("has no account") && found[0].contains("--init-file"),
            "{found:?}"
        );
    }
}
