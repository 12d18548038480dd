//! Writes a change of accounts as statements for a replica, with the stored hashes in the place of passwords.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::show::{Style, create_user, grants_of};
use crate::{Account, Accounts, Dialect};
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

/// The statements that make `before` into `after`, in the words of servers of this kind. Accounts whose plugin such servers lack are left out;
/// their names are returned, too.
pub fn replay<'a>(before: &Accounts, after: &'a Accounts, dialect: Dialect) -> (Vec<String>, Vec<&'a Account>) {
    let mut statements = Vec::new();
    let mut left_out = Vec::new();
    for gone in before.iter().filter(|account| after.get(&account.name).is_none() && dialect.has_plugin(account.plugin))
    {
        statements.push(format!("DROP USER {}", gone.name));
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
            None => statements.push(create),
            Some(old) if create_user(old, Style::OneLine) != create => {
                statements.push(create.replacen("CREATE", "ALTER", 1));
            }
            Some(_) => {}
        }
        if old.is_some_and(|old| old.grants == account.grants) {
            continue;
        }
        if old.is_some() {
            statements.push(format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {}", account.name));
        }
        let granted = grants_of(account, Style::OneLine, |privilege| privilege.is_of(dialect));
        statements.extend(
            granted
                .into_iter()
                .filter(|grant| !grant.starts_with("GRANT USAGE ON *.* TO ") || grant.ends_with("OPTION")),
        );
    }
    (statements, left_out)
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

    #[test]
    fn a_replica_gets_hashes_and_no_passwords() {
        let before = Accounts::new([0; 32]);
        let mut after = before.clone();
        run(&mut after, "CREATE USER u@h IDENTIFIED BY 'secret' REQUIRE SSL");
        run(&mut after, "GRANT SELECT, BINLOG_ADMIN, BINLOG ADMIN ON *.* TO u@h");
        let (statements, left_out) = replay(&before, &after, Dialect::MariaDb);
        assert!(left_out.is_empty());
        assert_eq!(
            statements,
            [
                "CREATE USER 'u'@'h' IDENTIFIED WITH 'mysql_native_password' AS '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7' REQUIRE SSL \
                 PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK",
                "GRANT SELECT, BINLOG ADMIN ON *.* TO 'u'@'h'",
            ]
        );
        let (statements, _) = replay(&before, &after, Dialect::MySql);
        assert_eq!(statements.last().unwrap(), "GRANT SELECT, BINLOG_ADMIN ON *.* TO 'u'@'h'");
        let mut third = after.clone();
        run(&mut third, "ALTER USER u@h ACCOUNT LOCK");
        run(&mut third, "REVOKE SELECT ON *.* FROM u@h");
        run(&mut third, "CREATE USER sha@h IDENTIFIED WITH caching_sha2_password BY 'x'");
        let (statements, left_out) = replay(&after, &third, Dialect::MariaDb);
        assert_eq!(left_out.len(), 1, "MariaDB has no caching_sha2_password");
        assert!(statements[0].starts_with("ALTER USER 'u'@'h' ") && statements[0].ends_with("ACCOUNT LOCK"));
        assert_eq!(
            statements[1..],
            ["REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'u'@'h'", "GRANT BINLOG ADMIN ON *.* TO 'u'@'h'"]
        );
        assert_eq!(replay(&third, &after, Dialect::MariaDb).0[0], statements[0].replace("LOCK", "UNLOCK"));
        assert_eq!(replay(&after, &before, Dialect::MySql).0, ["DROP USER 'u'@'h'"]);
    }
}
