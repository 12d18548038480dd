//! The statements and states of servers that replicate.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::certificates::CertificateSet;
use crate::child;
use crate::drivers::PASSWORD;
use crate::server::{Kind, Server, Settings};

/// The programs by which a test has a source or a replica of MariaDB's.
pub const PEERS: &[&str] = &["mariadbd", "mariadb-install-db", "mariadb", "openssl"];

/// How long a channel may take to reach a state.
const PATIENCE: Duration = Duration::from_secs(60);

/// A row that is printed with \G.
pub type Status = BTreeMap<String, String>;

/// The settings of MariaDB as a source of row events. Each account is a name and what it requires; its password is [`PASSWORD`].
pub fn source_settings(certificates: Option<&CertificateSet>, accounts: &[(&str, &str)]) -> Settings {
    // The accounts are no changes to replicate.
    let mut statements = vec!["SET sql_log_bin = 0;".to_owned()];
    for (user, require) in accounts {
        let created = Kind::MariaDb.create_user(user, "mysql_native_password", PASSWORD, require);
        statements.push(created.replace("CREATE USER", "CREATE OR REPLACE USER"));
        statements.push(format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%';"));
    }
    let options = [
        "--log-bin=bin",
        "--server-id=11",
        "--binlog-format=ROW",
        "--binlog-row-metadata=FULL",
        "--character-set-server=utf8mb4",
    ];
    let options = options.map(str::to_owned).to_vec();
    Settings { certificates: certificates.cloned(), statements, options, ..Settings::default() }
}

/// The statement that points a channel to a source on that port, with that CA; `more` follows with a comma. Without more words
/// sealwired verifies the source, and MariaDB 10.11 uses no TLS.
pub fn change_master(port: u16, user: &str, ca: &Path, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='{user}', MASTER_PASSWORD='{PASSWORD}', \
         MASTER_SSL_CA='{}', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1{more}",
        ca.display()
    )
}

/// Waits until the replica has applied all that the source's log has.
///
/// # Panics
/// It does not within a minute.
#[track_caller]
pub fn wait_for(replica: &Server, source: &Server) {
    let end = sql(source, "SHOW MASTER STATUS");
    let mut fields = end.split_whitespace();
    let (file, position) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let waited = sql(replica, &format!("SELECT MASTER_POS_WAIT('{file}', {position}, 60)"));
    let is_there = waited.trim().parse::<i64>().is_ok_and(|groups| groups >= 0);
    let logs = || [replica, source].map(Server::log).join("\n");
    assert!(is_there, "{waited} {file} {position}: {:?}\n{}", status(replica), logs());
}

/// Waits until SHOW SLAVE STATUS says so; returns it.
///
/// # Panics
/// It does not within a minute.
#[track_caller]
pub fn until(server: &Server, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
    let begun = Instant::now();
    loop {
        let status = status(server);
        if is_so(&status) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {status:?}\n{}", server.log());
        // The status is asked for again, because no statement waits for it.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The row of SHOW SLAVE STATUS; empty without a channel.
#[track_caller]
pub fn status(server: &Server) -> Status {
    vertical(&sql(server, "SHOW SLAVE STATUS\\G"))
}

/// The values of a row that is printed with \G.
pub fn vertical(text: &str) -> Status {
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(field).collect()
}

fn run(server: &Server, user: &str, statements: &[u8]) -> Output {
    let mut command = Command::new("mariadb");
    // \G prints the names of columns only where they are not switched off.
    let names = if statements.windows(2).any(|word| word == b"\\G") { "--column-names" } else { "--skip-column-names" };
    command.arg("--no-defaults").arg(format!("--user={user}"));
    command.args(["--batch", names, "--default-character-set=utf8mb4"]);
    command.arg(format!("--socket={}", server.socket.display()));
    child::output(&mut command, statements).expect("the client mariadb")
}

/// Runs statements as root; returns the rows.
///
/// # Panics
/// One of them fails.
#[track_caller]
pub fn sql(server: &Server, statements: &str) -> String {
    sql_of_bytes(server, statements.as_bytes())
}

/// As [`sql`], where the statements may hold bytes that are no text.
///
/// # Panics
/// One of them fails.
#[track_caller]
pub fn sql_of_bytes(server: &Server, statements: &[u8]) -> String {
    let output = run(server, "root", statements);
    let said = String::from_utf8_lossy(&output.stderr);
    let shown = String::from_utf8_lossy(statements);
    assert!(output.status.success(), "{}: {said}\n{shown}", server.kind.name());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs statements as root that must fail; returns the error.
///
/// # Panics
/// They succeed.
#[track_caller]
pub fn error(server: &Server, statements: &str) -> String {
    let output = run(server, "root", statements.as_bytes());
    assert!(!output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs statements as another user, without a password; returns rows and errors.
pub fn told(server: &Server, user: &str, statements: &str) -> String {
    let output = run(server, user, statements.as_bytes());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
