//! A primary of MariaDB's, and sealwired as its replica.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// The peers of the tests.
pub(crate) const PEERS: &[&str] = &["mariadbd", "mariadb-install-db", "mariadb", "openssl"];

/// How long a channel may take to reach a state.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) place: TempDir,
    pub(crate) certificates: CertificateSet,
    primary: Server,
    pub(crate) settings: Settings,
    pub(crate) ours: Option<Server>,
}

/// The primary's settings.
fn primary_settings(certificates: Option<&CertificateSet>) -> Settings {
    let kind = Kind::MariaDb;
    // The accounts are no changes to replicate.
    let mut statements = vec!["SET sql_log_bin = 0;".to_owned()];
    for (user, require) in [("repl", "SSL"), ("strict", "X509"), ("open", "NONE")] {
        let created = kind.create_user(user, "mysql_native_password", PASSWORD, require);
        statements.push(created.replace("CREATE USER", "CREATE OR REPLACE USER"));
        statements.push(format!("GRANT REPLICATION SLAVE ON *.* TO '{user}'@'%';"));
    }
    // This account has no password, because its certificate is enough.
    statements.push("CREATE OR REPLACE USER 'bare'@'%' REQUIRE X509;".to_owned());
    statements.push("GRANT REPLICATION SLAVE ON *.* TO 'bare'@'%';".to_owned());
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

impl World {
    /// Both servers; the replica has no channel yet.
    pub(crate) fn new(options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let primary = Server::start(Kind::MariaDb, &primary_settings(Some(&certificates))).unwrap();
        let mut settings = Settings { certificates: Some(certificates.clone()), ..Settings::default() };
        settings.options = ["--server-id=7", "--log-error-verbosity=3"].map(str::to_owned).to_vec();
        settings.options.extend(options.iter().map(|option| (*option).to_owned()));
        let ours = Server::start(Kind::Sealwired, &settings).unwrap();
        Self { place, certificates, primary, settings, ours: Some(ours) }
    }

    /// A primary of the same accounts without TLS.
    pub(crate) fn primary_without_tls() -> Server {
        Server::start(Kind::MariaDb, &primary_settings(None)).unwrap()
    }

    pub(crate) const fn primary(&self) -> &Server {
        &self.primary
    }

    pub(crate) fn ours(&self) -> &Server {
        self.ours.as_ref().unwrap()
    }

    /// Stops our server, and starts it again.
    pub(crate) fn restart(&mut self) {
        let ours = self.ours.take().unwrap();
        self.ours = Some(ours.restart(&self.settings).unwrap());
    }

    /// Kills our server, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        let ours = self.ours.take().unwrap();
        ours.signal("KILL");
        ours.wait();
        self.ours = Some(ours.restart(&self.settings).unwrap());
    }

    /// The statement that points a channel to the primary, which it verifies; `more` follows with a comma.
    pub(crate) fn change(&self, user: &str, more: &str) -> String {
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='{user}', MASTER_PASSWORD='{PASSWORD}', MASTER_SSL_CA='{}', \
             MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1{more}",
            self.primary().port,
            self.certificates.ca.display(),
        )
    }

    /// Waits until the channel has received and applied all that the primary has.
    #[track_caller]
    pub(crate) fn wait(&self) {
        let end = sql(self.primary(), "SHOW MASTER STATUS");
        let mut fields = end.split_whitespace();
        let (file, position) = (fields.next().unwrap().to_owned(), fields.next().unwrap().to_owned());
        let waited = sql(self.ours(), &format!("SELECT MASTER_POS_WAIT('{file}', {position}, 60)"));
        let is_there = waited.trim().parse::<i64>().is_ok_and(|groups| groups >= 0);
        assert!(is_there, "{waited} {file} {position}: {:?}\n{}", status(self.ours()), self.ours().log());
    }

    /// As the function of this name, for our server.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        until(self.ours(), what, is_so)
    }

    /// Compares a query's rows at both servers.
    #[track_caller]
    pub(crate) fn same(&self, query: &str) {
        assert_eq!(sql(self.ours(), query), sql(self.primary(), query), "{query}");
    }
}

/// A row of SHOW SLAVE STATUS.
pub(crate) type Status = BTreeMap<String, String>;

/// Waits until SHOW SLAVE STATUS says so; returns it.
#[track_caller]
pub(crate) fn until(server: &Server, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
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
pub(crate) fn status(server: &Server) -> Status {
    vertical(&sql(server, "SHOW SLAVE STATUS\\G"))
}

/// The values of a row that is printed with \G.
pub(crate) fn vertical(text: &str) -> Status {
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(field).collect()
}

fn run(server: &Server, user: &str, statements: &str) -> Output {
    let mut command = Command::new("mariadb");
    // \G prints the names of columns only where they are not switched off.
    let names = if statements.contains("\\G") { "--column-names" } else { "--skip-column-names" };
    command.arg("--no-defaults").arg(format!("--user={user}"));
    command.args(["--batch", names, "--default-character-set=utf8mb4"]);
    command.arg(format!("--socket={}", server.socket.display()));
    child::output(&mut command, statements.as_bytes()).unwrap()
}

/// Runs statements as root; returns the rows.
#[track_caller]
pub(crate) fn sql(server: &Server, statements: &str) -> String {
    let output = run(server, "root", statements);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{statements}", server.kind.name());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs statements as root that must fail; returns the error.
#[track_caller]
pub(crate) fn error(server: &Server, statements: &str) -> String {
    let output = run(server, "root", statements);
    assert!(!output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs statements as another user, without a password; returns rows and errors.
pub(crate) fn told(server: &Server, user: &str, statements: &str) -> String {
    let output = run(server, user, statements);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
