//! Statements with long lists of users: their length is bounded, and they can be stopped.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::cell::Cell;

use sealwire_accounts::{AccountName, Accounts, Session, Stop, execute, parse_statement};
use sealwire_core::auth::Plugin;
use sealwire_core::error::SqlError;
use sealwire_core::random::Random;

#[derive(Debug)]
struct Fixed;

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(b'A');
    }
}

fn run(accounts: &mut Accounts, session: &Session<'_>, sql: &str) -> Result<(), String> {
    let statement = parse_statement(sql).unwrap().unwrap();
    execute(&statement, accounts, session, &Fixed).map(drop).map_err(|error| error.to_string())
}

fn accounts(sql: &str) -> Accounts {
    let mut accounts = Accounts::new([7; 32]);
    run(&mut accounts, &Session::server(Plugin::MysqlNativePassword), sql).unwrap();
    accounts
}

#[test]
fn a_statement_hashes_few_passwords_and_one_for_each_account() {
    let mut accounts = accounts("CREATE USER plain, other");
    let own = accounts.identity(&AccountName::new("plain", "%")).unwrap();
    let plain = Session { account: Some(&own), ..Session::server(Plugin::MysqlNativePassword) };
    let server = Session::server(Plugin::MysqlNativePassword);
    let twice = "ERROR 1396 (HY000): Operation ALTER USER failed for 'plain'@'%': the statement names it twice; name each account once";
    let itself = "ALTER USER user() IDENTIFIED BY 'a', user() IDENTIFIED BY 'b'";
    assert_eq!(run(&mut accounts, &plain, itself), Err(twice.to_owned()));
    let others = "ALTER USER plain IDENTIFIED BY 'a', other, plain IDENTIFIED BY 'b'";
    assert_eq!(run(&mut accounts, &server, others), Err(twice.to_owned()));
    assert_eq!(run(&mut accounts, &server, "ALTER USER plain IDENTIFIED BY 'a', other IDENTIFIED BY 'b'"), Ok(()));
    let list = |number: usize| (0..number).map(|at| format!("u{at}")).collect::<Vec<_>>().join(", ");
    let many = "ERROR 1235 (42000): An account statement can list at most 1000 users or privileges; send it in parts";
    for front in ["CREATE USER", "DROP USER", "DROP USER IF EXISTS", "REVOKE SELECT ON *.* FROM"] {
        let parsed = parse_statement(&format!("{front} {}", list(1_001))).unwrap();
        assert_eq!(parsed.unwrap_err().to_string(), many, "{front}");
        assert!(parse_statement(&format!("{front} {}", list(1_000))).unwrap().is_ok(), "{front}");
    }
}

#[test]
fn a_stop_ends_a_statement_between_two_of_its_users() {
    #[derive(Debug)]
    struct AtThird(Cell<u32>);

    impl Stop for AtThird {
        fn check(&self) -> Result<(), SqlError> {
            self.0.set(self.0.get() + 1);
            if self.0.get() < 3 { Ok(()) } else { Err(SqlError::no_database("stopped")) }
        }
    }

    for sql in [
        "CREATE USER x, y, z",
        "ALTER USER a, b, c ACCOUNT LOCK",
        "DROP USER a, b, c",
        "RENAME USER a TO x, b TO y, c TO z",
        "GRANT SELECT ON *.* TO a, b, c",
        "REVOKE SELECT ON *.* FROM a, b, c",
        "REVOKE ALL, GRANT OPTION FROM a, b, c",
    ] {
        let mut accounts = accounts("CREATE USER a, b, c");
        let before = accounts.clone();
        let stop = AtThird(Cell::new(0));
        let session = Session { stop: &stop, ..Session::server(Plugin::MysqlNativePassword) };
        assert!(run(&mut accounts, &session, sql).is_err_and(|error| error.ends_with("stopped")), "{sql}");
        assert_eq!(accounts, before, "{sql}");
    }
}
