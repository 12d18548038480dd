//! A server that takes part in replication, as a source, a replica, or both.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};

/// The peers of the tests.
pub(crate) const PEERS: &[&str] = &["mariadbd", "mariadb-install-db", "mariadb", "openssl"];
/// Has sealwired write its log as MariaDB does.
pub(crate) const AS_MARIADB: &str = "--version=10.11.99-MariaDB-Sealwire";
/// Has sealwired write its log as MySQL does.
pub(crate) const AS_MYSQL: &str = "--gtid-mode=ON";

/// How long a server may take to reach a state.
const PATIENCE: Duration = Duration::from_secs(100);

/// A server.
pub(crate) struct Member {
    certificates: CertificateSet,
    settings: Settings,
    server: Option<Server>,
    kind: Kind,
}

/// A row of SHOW SLAVE STATUS.
pub(crate) type Status = BTreeMap<String, String>;

impl Member {
    /// A server of MariaDB's with a binary log, which has what it replicates, too.
    pub(crate) fn mariadb(certificates: &CertificateSet, id: u32, options: &[&str]) -> Self {
        let own = [
            "--log-bin=bin",
            "--log-slave-updates",
            "--binlog-format=ROW",
            "--binlog-row-metadata=FULL",
            "--character-set-server=utf8mb4",
            "--slave-net-timeout=10",
        ];
        Self::start(Kind::MariaDb, certificates, id, &[&own[..], options].concat(), Vec::new())
    }

    /// A server of ours with these options.
    pub(crate) fn ours(certificates: &CertificateSet, id: u32, options: &[&str]) -> Self {
        Self::start(Kind::Sealwired, certificates, id, &[&["--log-error-verbosity=3"], options].concat(), Vec::new())
    }

    /// A server of ours whose clock this library sets.
    pub(crate) fn ours_at(certificates: &CertificateSet, id: u32, clock: PathBuf) -> Self {
        Self::start(Kind::Sealwired, certificates, id, &["--log-error-verbosity=3"], vec![("LD_PRELOAD", clock)])
    }

    fn start(
        kind: Kind,
        certificates: &CertificateSet,
        id: u32,
        options: &[&str],
        environment: Vec<(&'static str, PathBuf)>,
    ) -> Self {
        // A replica finds its source again after a restart.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // A machine that is busy with other work may take long over a handshake.
        let patience = format!("--connect-timeout={}", PATIENCE.as_secs());
        let mut all = vec![format!("--server-id={id}"), format!("--port={port}"), patience];
        all.extend(options.iter().map(|option| (*option).to_owned()));
        let create = match kind {
            Kind::MariaDb => "CREATE OR REPLACE USER",
            Kind::Sealwired => "CREATE USER IF NOT EXISTS",
        };
        let account = kind.create_user("repl", "mysql_native_password", PASSWORD, "X509");
        // The account is no change to replicate.
        let statements = vec![
            "SET sql_log_bin = 0;".to_owned(),
            account.replace("CREATE USER", create),
            "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';".to_owned(),
        ];
        let certificates = certificates.clone();
        let settings = Settings {
            certificates: Some(certificates.clone()),
            options: all,
            statements,
            environment,
            ..Settings::default()
        };
        let server = Server::start(kind, &settings).unwrap();
        Self { certificates, settings, server: Some(server), kind }
    }

    /// Whether the server is MariaDB's.
    pub(crate) fn is_mariadb(&self) -> bool {
        self.kind == Kind::MariaDb
    }

    /// The running server.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Stops the server, does something, and starts the server again.
    pub(crate) fn restart_with(&mut self, between: impl FnOnce(&Server)) {
        let mut server = self.server.take().unwrap();
        server.stop();
        between(&server);
        self.server = Some(server.restart(&self.settings).unwrap());
    }

    /// Stops the server, and starts it again with more options.
    pub(crate) fn restart_as(&mut self, options: &[&str]) {
        self.settings.options.extend(options.iter().map(|option| (*option).to_owned()));
        self.restart_with(|_| {});
    }

    /// Kills the server.
    pub(crate) fn kill(&self) {
        self.server().signal("KILL");
        self.server().wait();
    }

    /// Starts the killed server again.
    pub(crate) fn start_again(&mut self) {
        let server = self.server.take().unwrap();
        self.server = Some(server.restart(&self.settings).unwrap());
    }

    fn run(&self, statements: &str) -> Output {
        let mut command = self.client();
        // \G prints the names of columns only where they are not switched off.
        command.arg(if statements.contains("\\G") { "--column-names" } else { "--skip-column-names" });
        child::output(&mut command, statements.as_bytes()).unwrap()
    }

    fn client(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--user=root", "--batch", "--default-character-set=utf8mb4"]);
        command.arg(format!("--socket={}", self.server().socket.display()));
        command
    }

    /// Runs statements as root; returns the rows.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) -> String {
        let output = self.run(statements);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}\n{statements}", self.kind.name());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs statements as root, also behind those that fail; returns the rows.
    pub(crate) fn all_sql(&self, statements: &str) -> String {
        let mut command = self.client();
        let output = child::output(command.args(["--force", "--skip-column-names"]), statements.as_bytes()).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs statements as root that must fail; returns the error.
    #[track_caller]
    pub(crate) fn error(&self, statements: &str) -> String {
        let output = self.run(statements);
        assert!(!output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs statements until the server is gone, also behind those that fail.
    pub(crate) fn write(&self, statements: String) -> Child {
        let mut client = self.client();
        client.args(["--force", "--skip-reconnect"]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        thread::spawn(move || {
            // The client ends with the server.
            let _ = std::io::Write::write_all(&mut input, statements.as_bytes());
        });
        client
    }

    /// Waits until the clients' connections are over, because a server carries out the last statement of a client that is gone.
    #[track_caller]
    pub(crate) fn wait_for_clients(&self) {
        let begun = Instant::now();
        // One is this function's own.
        while self.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'root'") != "1\n" {
            assert!(begun.elapsed() < PATIENCE, "{}", self.sql("SHOW PROCESSLIST"));
            // The list is asked for again, because no statement waits for it.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has this server follow another one over verified TLS, with a client certificate. `using` says from where, as `MASTER_USE_GTID=no`.
    pub(crate) fn follow(&self, source: &Self, using: &str) {
        self.sql(&format!("{}; START SLAVE", self.change(source, using)));
    }

    /// The statement that names the source.
    pub(crate) fn change(&self, source: &Self, using: &str) -> String {
        let set = &self.certificates;
        format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='repl', MASTER_PASSWORD='{PASSWORD}', MASTER_SSL=1, \
             MASTER_SSL_CA='{}', MASTER_SSL_CERT='{}', MASTER_SSL_KEY='{}', MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_CONNECT_RETRY=1, \
             MASTER_HEARTBEAT_PERIOD=1, {using}",
            source.server().port,
            set.ca.display(),
            set.client_cert.display(),
            set.client_key.display(),
        )
    }

    /// The end of the binary log: a file and a position.
    #[track_caller]
    pub(crate) fn end(&self) -> (String, String) {
        let shown = self.sql("SHOW MASTER STATUS");
        let mut fields = shown.split_whitespace().map(str::to_owned);
        (fields.next().unwrap(), fields.next().unwrap())
    }

    /// Waits until this server has applied all that its source has.
    #[track_caller]
    pub(crate) fn wait_for(&self, source: &Self) {
        let (file, position) = source.end();
        let waited = self.sql(&format!("SELECT MASTER_POS_WAIT('{file}', {position}, {})", PATIENCE.as_secs()));
        let is_there = waited.trim().parse::<i64>().is_ok_and(|groups| groups >= 0);
        assert!(is_there, "{waited} {file} {position}: {:#?}\n{}", self.status(), self.server().log());
    }

    /// The row of SHOW SLAVE STATUS; empty without a channel.
    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.sql("SHOW SLAVE STATUS\\G").lines().filter_map(field).collect()
    }

    /// Waits until SHOW SLAVE STATUS says so; returns it.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {status:#?}\n{}", self.server().log());
            // The status is asked for again, because no statement waits for it.
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Compares a query's rows at two servers.
    #[track_caller]
    pub(crate) fn same(&self, other: &Self, query: &str, when: &str) -> String {
        let (here, there) = (self.sql(query), other.sql(query));
        let unlike: Vec<_> = here.lines().zip(there.lines()).filter(|(here, there)| here != there).take(2).collect();
        let counts = (here.lines().count(), there.lines().count());
        assert!(here == there, "{when}: {query}: {counts:?} rows here and there: {unlike:?}\n{}", other.server().log());
        here
    }
}
