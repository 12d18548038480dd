//! Writes a change of accounts as statements for a replica, with the stored hashes in the place of passwords.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;

use super::show::{NONE, Style, create_user, grant_option, on, privileges};
use crate::{Account, Accounts, Dialect, Grants, Level, Privilege, Privileges};
use sealwire_core::auth::Plugin;

impl Dialect {
    /// Whether servers of this kind have a plugin of this name with these hashes.
    const fn has_plugin(self, plugin: Plugin) -> bool {
        match self {
            Self::MariaDb => matches!(plugin, Plugin::MysqlNativePassword),
            Self::MySql => matches!(
                plugin,
                Plugin::MysqlNativePassword | Plugin::CachingSha2Password | Plugin::Sha256Password | Plugin::AuthSocket
            ),
        }
    }
}

/// A statement for a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Its text.
    pub sql: String,
    /// Whether it gives or takes privileges on one table or view, which a replica may lack.
    pub is_on_table: bool,
}

impl Replayed {
    const fn new(sql: String) -> Self {
        Self { sql, is_on_table: false }
    }
}

/// Whether servers of this kind can have an account: its plugin, and a REQUIRE without the clauses that they do not know.
const fn is_known(account: &Account, dialect: Dialect) -> bool {
    dialect.has_plugin(account.plugin) && !account.requirement.is_beyond_mysql()
}

/// The statements that make `before` into `after`, in the words of servers of this kind. Accounts that such servers can't have are left out;
/// their names are returned, too.
pub fn replay<'a>(before: &Accounts, after: &'a Accounts, dialect: Dialect) -> (Vec<Replayed>, Vec<&'a Account>) {
    let mut statements = Vec::new();
    let mut left_out = Vec::new();
    // An account that becomes one that they can't have must not live on there as it was.
    let is_left = |name| after.get(name).is_some_and(|account| is_known(account, dialect));
    for gone in before.iter().filter(|account| is_known(account, dialect) && !is_left(&account.name)) {
        statements.push(Replayed::new(format!("DROP USER {}", gone.name)));
    }
    for account in after.iter() {
        let old = before.get(&account.name);
        if old == Some(account) {
            continue;
        }
        if !is_known(account, dialect) {
            left_out.push(account);
            continue;
        }
        let old = old.filter(|old| is_known(old, dialect));
        let create = create_user(account, Style::OneLine);
        match old {
            None => statements.push(Replayed::new(create)),
            Some(old) if create_user(old, Style::OneLine) != create => {
                statements.push(Replayed::new(create.replacen("CREATE", "ALTER", 1)));
            }
            Some(_) => {}
        }
        let none = Grants::default();
        put_grants(old.map_or(&none, |old| &old.grants), account, dialect, &mut statements);
    }
    (statements, left_out)
}

/// Whether these are all privileges of a level.
fn has_all(held: Privileges, level: &Level) -> bool {
    held.contains_all(Privileges::all_at(level).without(Privilege::GRANT_OPTION.into()))
}

/// Appends the statements that take what an account no longer has, and give what is new. They give nothing again, because a server refuses to
/// give privileges on a table that was dropped, though the account keeps those that it has there.
fn put_grants(before: &Grants, account: &Account, dialect: Dialect, statements: &mut Vec<Replayed>) {
    let own = |grants: &Grants| grants.local().map(|(level, _)| level.clone()).collect::<Vec<Level>>();
    let levels: BTreeSet<Level> = [Level::Global].into_iter().chain(own(before)).chain(own(&account.grants)).collect();
    let is_wanted = |privilege: Privilege| privilege.is_of_all(dialect);
    let (mut taken, mut given) = (Vec::new(), Vec::new());
    for level in levels {
        let is_on_table = matches!(level, Level::Table(..));
        let (old, new) = (before.at(&level), account.grants.at(&level));
        let (lost, gained) = (old.without(new), new.without(old));
        // A list may lack what a server has by ALL, and have what it lacks, but for a table, whose privileges are the same everywhere.
        let had_all = !is_on_table && has_all(old, &level);
        let own = match privileges(lost, &level, &is_wanted) {
            own if own != NONE && privileges(new, &level, &is_wanted) == NONE => "ALL PRIVILEGES".to_owned(),
            _ if had_all && !lost.without(Privilege::GRANT_OPTION.into()).is_empty() => "ALL PRIVILEGES".to_owned(),
            own => own,
        };
        let gained = if had_all && own == "ALL PRIVILEGES" { new } else { gained };
        let option = lost.contains(Privilege::GRANT_OPTION).then(|| "GRANT OPTION".to_owned());
        for lost in [own].into_iter().filter(|own| own != NONE).chain(option) {
            let sql = format!("REVOKE {lost} ON {} FROM {}", on(&level), account.name);
            taken.push(Replayed { sql, is_on_table });
        }
        // ALL gives a replica also the privileges that only its version has, which a list would leave out.
        let is_all = has_all(new, &level);
        let own = if is_all && !gained.is_empty() { new } else { gained };
        let (own, option) = (privileges(own, &level, &is_wanted), grant_option(gained));
        if own != NONE || !option.is_empty() {
            let sql = format!("GRANT {own} ON {} TO {}{option}", on(&level), account.name);
            given.push(Replayed { sql, is_on_table });
        }
    }
    statements.append(&mut taken);
    statements.append(&mut given);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Session, execute, parse_statement};
    use sealwire_core::random::Random;

    #[derive(Debug)]
    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0);
        }
    }

    fn run(accounts: &mut Accounts, sql: &str) {
        let statement = parse_statement(sql).unwrap().unwrap();
        execute(&statement, accounts, &Session::server(Plugin::MysqlNativePassword), &Zeros).unwrap();
    }

    fn texts(statements: Vec<Replayed>) -> Vec<String> {
        statements.into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn what_an_account_keeps_is_not_given_again() {
        let mut before = Accounts::new([0; 32]);
        for sql in [
            "CREATE USER u@h IDENTIFIED BY 'x'",
            "GRANT SELECT, INSERT, BINLOG_ADMIN ON *.* TO u@h",
            "GRANT SELECT ON d.dropped TO u@h",
            "GRANT ALL ON e.* TO u@h WITH GRANT OPTION",
            "GRANT SELECT, UPDATE ON d.t TO u@h",
        ] {
            run(&mut before, sql);
        }
        let mut after = before.clone();
        for sql in [
            "REVOKE INSERT ON *.* FROM u@h",
            "REVOKE GRANT OPTION ON e.* FROM u@h",
            "GRANT DELETE ON d.t TO u@h WITH GRANT OPTION",
            "GRANT SELECT ON f.* TO u@h",
            "REVOKE BINLOG_ADMIN ON *.* FROM u@h",
            "GRANT ALL ON d.t TO u@h",
        ] {
            run(&mut after, sql);
        }
        let (statements, _) = replay(&before, &after, Dialect::MariaDb);
        let on_tables: Vec<bool> = statements.iter().map(|statement| statement.is_on_table).collect();
        assert_eq!(on_tables, [false, false, false, true]);
        assert_eq!(
            texts(statements),
            [
                "REVOKE INSERT ON *.* FROM 'u'@'h'",
                "REVOKE GRANT OPTION ON `e`.* FROM 'u'@'h'",
                "GRANT SELECT ON `f`.* TO 'u'@'h'",
                "GRANT ALL PRIVILEGES ON `d`.`t` TO 'u'@'h' WITH GRANT OPTION",
            ]
        );
        let back = texts(replay(&after, &before, Dialect::MariaDb).0);
        assert!(back.contains(&"GRANT ALL PRIVILEGES ON `e`.* TO 'u'@'h' WITH GRANT OPTION".to_owned()), "{back:?}");
    }

    /// The statements for a replica of the steps, one after the other.
    fn logged(steps: &[&str], dialect: Dialect) -> Vec<String> {
        let mut accounts = Accounts::new([0; 32]);
        run(&mut accounts, "CREATE USER u@h IDENTIFIED BY 'x'");
        let mut logged = Vec::new();
        for step in steps {
            let before = accounts.clone();
            run(&mut accounts, step);
            logged.extend(texts(replay(&before, &accounts, dialect).0));
        }
        logged
    }

    #[test]
    fn a_list_names_what_all_servers_have() {
        let steps =
            ["GRANT ALL ON d.* TO u@h", "REVOKE SELECT ON d.* FROM u@h", "REVOKE ALL PRIVILEGES ON d.* FROM u@h"];
        let statements = logged(&steps, Dialect::MariaDb);
        assert_eq!(statements.len(), 4, "{statements:?}");
        assert_eq!(statements[0], "GRANT ALL PRIVILEGES ON `d`.* TO 'u'@'h'");
        assert_eq!(statements[1], "REVOKE ALL PRIVILEGES ON `d`.* FROM 'u'@'h'");
        assert!(
            statements[2].starts_with("GRANT INSERT, ") && statements[2].contains("DELETE HISTORY"),
            "{statements:?}"
        );
        assert_eq!(statements[3], "REVOKE ALL PRIVILEGES ON `d`.* FROM 'u'@'h'");
        assert!(!statements.concat().contains("SHOW CREATE ROUTINE"), "MariaDB has it since 11.3: {statements:?}");
        let steps = ["GRANT ALL ON *.* TO u@h", "REVOKE FIREWALL_ADMIN ON *.* FROM u@h"];
        let statements = logged(&steps, Dialect::MySql);
        assert_eq!(statements[1], "REVOKE ALL PRIVILEGES ON *.* FROM 'u'@'h'");
        assert!(statements[2].contains("SHOW_ROUTINE") && !statements[2].contains("FIREWALL"), "{statements:?}");
    }

    #[test]
    fn what_stays_on_a_dropped_table_is_not_given_again() {
        let statements = logged(&["GRANT ALL ON d.t TO u@h", "REVOKE SELECT ON d.t FROM u@h"], Dialect::MariaDb);
        assert_eq!(statements[1..], ["REVOKE SELECT ON `d`.`t` FROM 'u'@'h'"]);
    }

    #[test]
    fn an_account_that_others_can_not_have_is_left_out() {
        for (clause, plugin) in [
            ("REQUIRE SAN 'URI:spiffe://example.org/a'", ""),
            ("REQUIRE VERSION 'TLSv1.3'", ""),
            ("", " WITH caching_sha2_password"),
        ] {
            let before = Accounts::new([0; 32]);
            let mut after = before.clone();
            run(&mut after, &format!("CREATE USER u@h IDENTIFIED{plugin} BY 'x' {clause}"));
            let (statements, left_out) = replay(&before, &after, Dialect::MariaDb);
            assert!(statements.is_empty() && left_out.len() == 1, "{statements:?}");
            // One that was there must not stay as it was.
            let changed = format!("ALTER USER u@h IDENTIFIED{plugin} BY 'x' {clause}");
            let statements = logged(&[&changed, "ALTER USER u@h ACCOUNT LOCK", "DROP USER u@h"], Dialect::MariaDb);
            assert_eq!(statements, ["DROP USER 'u'@'h'"]);
        }
    }

    #[test]
    fn a_replica_gets_hashes_and_no_passwords() {
        let before = Accounts::new([0; 32]);
        let mut after = before.clone();
        run(&mut after, "CREATE USER u@h IDENTIFIED BY 'secret' REQUIRE SSL");
        run(&mut after, "GRANT SELECT, BINLOG_ADMIN, BINLOG ADMIN ON *.* TO u@h");
        let (statements, left_out) = replay(&before, &after, Dialect::MariaDb);
        assert!(left_out.is_empty());
        assert_eq!(
            texts(statements),
            [
                "CREATE USER 'u'@'h' IDENTIFIED WITH 'mysql_native_password' AS '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7' REQUIRE SSL \
                 PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK",
                "GRANT SELECT, BINLOG ADMIN ON *.* TO 'u'@'h'",
            ]
        );
        let (statements, _) = replay(&before, &after, Dialect::MySql);
        assert_eq!(statements.last().unwrap().sql, "GRANT SELECT, BINLOG_ADMIN ON *.* TO 'u'@'h'");
        let mut third = after.clone();
        run(&mut third, "ALTER USER u@h ACCOUNT LOCK");
        run(&mut third, "REVOKE SELECT ON *.* FROM u@h");
        run(&mut third, "CREATE USER sha@h IDENTIFIED WITH caching_sha2_password BY 'x'");
        let (statements, left_out) = replay(&after, &third, Dialect::MariaDb);
        let statements = texts(statements);
        assert_eq!(left_out.len(), 1, "MariaDB has no caching_sha2_password");
        assert!(statements[0].starts_with("ALTER USER 'u'@'h' ") && statements[0].ends_with("ACCOUNT LOCK"));
        assert_eq!(statements[1..], ["REVOKE SELECT ON *.* FROM 'u'@'h'"]);
        assert_eq!(replay(&third, &after, Dialect::MariaDb).0[0].sql, statements[0].replace("LOCK", "UNLOCK"));
        assert_eq!(texts(replay(&after, &before, Dialect::MySql).0), ["DROP USER 'u'@'h'"]);
    }
}
