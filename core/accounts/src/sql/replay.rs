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

/// The statements that make `before` into `after`, in the words of servers of this kind. Accounts whose plugin such servers lack are left out;
/// their names are returned, too.
pub fn replay<'a>(before: &Accounts, after: &'a Accounts, dialect: Dialect) -> (Vec<Replayed>, Vec<&'a Account>) {
    let mut statements = Vec::new();
    let mut left_out = Vec::new();
    for gone in before.iter().filter(|account| after.get(&account.name).is_none() && dialect.has_plugin(account.plugin))
    {
        statements.push(Replayed::new(format!("DROP USER {}", gone.name)));
    }
    for account in after.iter() {
        let old = before.get(&account.name);
        if old == Some(account) {
            continue;
        }
        if !dialect.has_plugin(account.plugin) {
            left_out.push(account);
            continue;
        }
        let old = old.filter(|old| dialect.has_plugin(old.plugin));
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

/// Appends the statements that take what an account no longer has, and give what is new. They give nothing again, because a server refuses to
/// give privileges on a table that was dropped, though the account keeps those that it has there.
fn put_grants(before: &Grants, account: &Account, dialect: Dialect, statements: &mut Vec<Replayed>) {
    let own = |grants: &Grants| grants.local().map(|(level, _)| level.clone()).collect::<Vec<Level>>();
    let levels: BTreeSet<Level> = [Level::Global].into_iter().chain(own(before)).chain(own(&account.grants)).collect();
    let is_wanted = |privilege: Privilege| privilege.is_of(dialect);
    let (mut taken, mut given) = (Vec::new(), Vec::new());
    for level in levels {
        let is_on_table = matches!(level, Level::Table(..));
        let (old, new) = (before.at(&level), account.grants.at(&level));
        let (lost, gained) = (old.without(new), new.without(old));
        let own = privileges(lost, &level, &is_wanted);
        let option = lost.contains(Privilege::GRANT_OPTION).then(|| "GRANT OPTION".to_owned());
        for lost in [own].into_iter().filter(|own| own != NONE).chain(option) {
            let sql = format!("REVOKE {lost} ON {} FROM {}", on(&level), account.name);
            taken.push(Replayed { sql, is_on_table });
        }
        // Servers have privileges of their own among ALL.
        let is_all = new.contains_all(Privileges::all_at(&level).without(Privilege::GRANT_OPTION.into()));
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
        assert!(back.contains(&"GRANT USAGE ON `e`.* TO 'u'@'h' WITH GRANT OPTION".to_owned()), "{back:?}");
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
