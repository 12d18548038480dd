//! Fuzzes account statements: CREATE USER, GRANT and the like. Accounts are stored on disk as statements, so the statements must be read
//! back to the same accounts.

use sealwire_accounts::{Accounts, ClientHost, Session, execute, parse_requirement, parse_statement};
use sealwire_core::auth::Plugin;
use sealwire_simnet::Seeded;

/// The most statements that are executed, because each password costs thousands of hashes.
const MOST: usize = 4;
/// A password that occurs in no other word of a statement.
const PASSWORD: &str = "s3cr3t-w0rd";

/// The words of statements, one for each byte.
pub(super) const WORDS: &[&str] = &[
    "CREATE USER",
    "ALTER USER",
    "DROP USER",
    "RENAME USER",
    "GRANT",
    "REVOKE",
    "SET PASSWORD",
    "FLUSH PRIVILEGES",
    "SHOW GRANTS",
    "SHOW CREATE USER",
    "IF EXISTS",
    "IF NOT EXISTS",
    "OR REPLACE",
    "IDENTIFIED BY",
    "IDENTIFIED WITH",
    "AS",
    "BY PASSWORD",
    "USING",
    "REQUIRE",
    "NONE",
    "SSL",
    "X509",
    "SUBJECT",
    "ISSUER",
    "CIPHER",
    "AND",
    "WITH",
    "MAX_USER_CONNECTIONS",
    "MAX_QUERIES_PER_HOUR",
    "ACCOUNT LOCK",
    "ACCOUNT UNLOCK",
    "ALL PRIVILEGES",
    "SELECT",
    "INSERT, UPDATE",
    "GRANT OPTION",
    "ON",
    "TO",
    "FROM",
    "FOR",
    "=",
    "PASSWORD(",
    ")",
    "CURRENT_USER()",
    "*.*",
    "*",
    "db.*",
    "`d``b`.`t`",
    "t",
    ".",
    ",",
    ";",
    "@",
    "'u'@'h'",
    "u",
    "'it''s\\n'@'10.0.0.0/8'",
    "''@localhost",
    "\"q\"@'%'",
    "'%'",
    "'s3cr3t-w0rd'",
    "'/CN=a/O=it''s'",
    "'TLS_AES_128_GCM_SHA256'",
    "mysql_native_password",
    "caching_sha2_password",
    "ed25519",
    "auth_socket",
    "'*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
    "7",
    "0",
    "99999999999",
    "-- c\n",
    "/* c */",
    "/*!50000",
    "*/",
    "# c\n",
    "PASSWORD EXPIRE",
    "USAGE",
    "DEFAULT ROLE",
];

/// The first byte decides whether the others are text or indexes of words.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let text = match mode % 2 {
        0 => String::from_utf8_lossy(data).into_owned(),
        _ => {
            let words = data.iter().map(|byte| WORDS.get(usize::from(*byte)).copied().unwrap_or("x"));
            words.collect::<Vec<_>>().join(" ")
        }
    };
    statements(&text);
    script(&text);
    let _ = parse_requirement(&text);
}

/// Runs the text statement by statement, as a session does.
fn statements(text: &str) {
    let mut accounts = Accounts::new([7; 32]);
    let (random, mut done) = (Seeded::new(1), 0);
    for sql in std::iter::once(text).chain(text.split(';')) {
        let Some(Ok(statement)) = parse_statement(sql) else { continue };
        let shown = format!("{statement:?}");
        let passwords = sql.matches(&format!("BY '{PASSWORD}'")).count();
        let all = sql.matches(PASSWORD).count();
        assert!(shown.matches(PASSWORD).count() <= all - passwords, "{sql} shows its password: {shown}");
        if done < MOST {
            done += 1;
            let first = accounts.iter().next().and_then(|account| accounts.identity(&account.name));
            let own = Session {
                account: first.as_ref(),
                database: Some("db"),
                ..Session::server(Plugin::MysqlNativePassword)
            };
            let before = accounts.clone();
            if execute(&statement, &mut accounts, &own, &random).is_err() {
                assert!(accounts.iter().eq(before.iter()), "{sql} failed and changed something");
            }
        }
    }
    assert_comes_back(&accounts);
}

/// Runs the text as the file of accounts.
fn script(text: &str) {
    // Passwords in clear text are hashed, which is slow.
    if text.matches(" BY ").count() > MOST || text.matches("PASSWORD").count() > 2 * MOST {
        return;
    }
    let mut accounts = Accounts::new([7; 32]);
    if accounts.read_text(text, &Seeded::new(1)).is_ok() {
        assert_comes_back(&accounts);
    } else {
        assert!(accounts.is_empty(), "{text} failed and added something");
    }
}

fn assert_comes_back(accounts: &Accounts) {
    let written = accounts.to_text();
    let mut again = Accounts::new([7; 32]);
    again.read_text(&written, &Seeded::new(1)).unwrap_or_else(|error| panic!("{error:?} in\n{written}"));
    assert!(accounts.iter().eq(again.iter()), "{written}\ncame back as\n{}", again.to_text());
    for account in accounts.iter() {
        let _ = accounts.find(&account.name.user, ClientHost::Ip([10, 1, 2, 3].into()));
        let _ = accounts.find(&account.name.user, ClientHost::Socket);
    }
}
