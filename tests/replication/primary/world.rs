//! A primary of ours, and a replica of MariaDB's, with the statements to compare them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// A version that MariaDB's replicas and tools take for MariaDB's.
pub(crate) const MARIADB: &str = "--version=10.11.99-MariaDB-Sealwire";

/// The peers of the tests.
pub(crate) const PEERS: &[&str] = &["mariadbd", "mariadb-install-db", "mariadb", "mariadb-binlog", "openssl"];

pub(crate) struct World {
    pub(crate) place: TempDir,
    pub(crate) certificates: CertificateSet,
    pub(crate) settings: Settings,
    pub(crate) ours: Option<Server>,
}

impl World {
    /// A primary with a binary log, these further options, and the account `repl`, which needs a certificate.
    pub(crate) fn new(options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut settings = Settings { certificates: Some(certificates.clone()), ..Settings::default() };
        settings.options = ["--log-bin", "--server-id=1", "--log-error-verbosity=3"].map(str::to_owned).to_vec();
        // A replica finds the primary again after a restart.
        settings.options.push(format!("--port={port}"));
        settings.options.extend(options.iter().map(|option| (*option).to_owned()));
        settings.statements = vec![
            "SET sql_log_bin = 0;".to_owned(),
            format!(
                "CREATE USER IF NOT EXISTS repl@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}' REQUIRE X509;"
            ),
            "GRANT REPLICATION SLAVE ON *.* TO repl@'%';".to_owned(),
        ];
        let ours = Server::start(Kind::Sealwired, &settings).unwrap();
        Self { place, certificates, settings, ours: Some(ours) }
    }

    pub(crate) fn ours(&self) -> &Server {
        self.ours.as_ref().unwrap()
    }

    /// Kills the primary, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill_and_restart_with(|| {});
    }

    /// As [`Self::kill_and_restart`], with something done in between.
    pub(crate) fn kill_and_restart_with(&mut self, between: impl FnOnce()) {
        let ours = self.ours.take().unwrap();
        ours.signal("KILL");
        ours.wait();
        between();
        self.ours = Some(ours.restart(&self.settings).unwrap());
    }

    /// A file of the binary log.
    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        self.ours().folder().join("data").join(name)
    }

    /// A replica of MariaDB's that has not begun.
    pub(crate) fn replica(&self) -> Server {
        let options =
            ["--server-id=2", "--character-set-server=utf8mb4", "--slave-net-timeout=10"].map(str::to_owned).to_vec();
        let settings = Settings { options, ..Settings::default() };
        Server::start(Kind::MariaDb, &settings).unwrap()
    }

    /// Lets the replica begin, with `using_gtid` as MASTER_USE_GTID.
    pub(crate) fn follow(&self, replica: &Server, using_gtid: &str) {
        self.point(replica, using_gtid);
        sql(replica, "START SLAVE");
    }

    /// Tells the replica its primary, with `using_gtid` as MASTER_USE_GTID.
    pub(crate) fn point(&self, replica: &Server, using_gtid: &str) {
        let set = &self.certificates;
        let file = if using_gtid == "no" { ", MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4" } else { "" };
        sql(
            replica,
            &format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='repl', MASTER_PASSWORD='{PASSWORD}', MASTER_SSL=1, \
                 MASTER_SSL_CA='{}', MASTER_SSL_CERT='{}', MASTER_SSL_KEY='{}', MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_CONNECT_RETRY=1, \
                 MASTER_HEARTBEAT_PERIOD=1, MASTER_USE_GTID={using_gtid}{file}",
                self.ours().port,
                set.ca.display(),
                set.client_cert.display(),
                set.client_key.display(),
            ),
        );
    }

    /// Waits until the replica has all that the primary has.
    #[track_caller]
    pub(crate) fn wait(&self, replica: &Server) {
        let status = sql(self.ours(), "SHOW MASTER STATUS");
        let mut fields = status.split_whitespace();
        let (file, position) = (fields.next().unwrap(), fields.next().unwrap());
        let waited = sql(replica, &format!("SELECT MASTER_POS_WAIT('{file}', {position}, 60)"));
        let is_there = waited.trim().parse::<i64>().is_ok_and(|events| events >= 0);
        assert!(is_there, "{waited}\n{}\n{}", sql(replica, "SHOW SLAVE STATUS\\G"), self.ours().log());
    }

    /// Compares a query's rows at both servers.
    #[track_caller]
    pub(crate) fn same(&self, replica: &Server, query: &str) {
        let (here, there) = (sql(self.ours(), query), sql(replica, query));
        let fields = |text: &str| text.split(['\t', '\n']).map(str::to_owned).collect::<Vec<String>>();
        let (ours, theirs) = (fields(&here), fields(&there));
        let unlike: Vec<_> =
            ours.iter().zip(&theirs).enumerate().filter(|(_, (ours, theirs))| ours != theirs).take(5).collect();
        assert!(ours == theirs, "{query}: {} fields here, {} there: {unlike:?}", ours.len(), theirs.len());
    }

    /// MariaDB's mariadb-binlog with the connection's options.
    pub(crate) fn binlog_tool(&self) -> Command {
        let set = &self.certificates;
        let mut command = Command::new("mariadb-binlog");
        command.args(["--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", "--user=repl"]);
        command
            .env("MYSQL_PWD", PASSWORD)
            .arg(format!("--password={PASSWORD}"))
            .arg(format!("--port={}", self.ours().port));
        command.arg(format!("--ssl-ca={}", set.ca.display())).arg("--ssl-verify-server-cert");
        command.arg(format!("--ssl-cert={}", set.client_cert.display()));
        command.arg(format!("--ssl-key={}", set.client_key.display()));
        command
    }
}

fn run(server: &Server, statements: &str) -> Output {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
    command.arg(format!("--socket={}", server.socket.display()));
    child::output(&mut command, statements.as_bytes()).unwrap()
}

/// Runs statements as root; returns the rows.
#[track_caller]
pub(crate) fn sql(server: &Server, statements: &str) -> String {
    let output = run(server, statements);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{statements}", server.kind.name());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs statements as root that must fail; returns the error.
#[track_caller]
pub(crate) fn error(server: &Server, statements: &str) -> String {
    let output = run(server, statements);
    assert!(!output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}
