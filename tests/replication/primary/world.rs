//! A primary of ours, and a replica of MariaDB's, with the statements to compare them.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::replication::{change_master, wait_for};
pub(crate) use sealwire_tests::replication::{error, sql};
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

    /// A primary and a replica of MariaDB's that follows it by GTID; `None` where a peer is missing.
    pub(crate) fn followed() -> Option<(Self, Server)> {
        needs(PEERS).then(|| {
            let world = Self::new(&[MARIADB]);
            let replica = world.replica();
            world.follow(&replica, "slave_pos");
            (world, replica)
        })
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
        let (certificate, key) = (set.client_cert.display(), set.client_key.display());
        let more = format!(
            "MASTER_SSL=1, MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_SSL_CERT='{certificate}', MASTER_SSL_KEY='{key}', MASTER_USE_GTID={using_gtid}{file}"
        );
        sql(replica, &change_master(self.ours().port, "repl", &set.ca, &more));
    }

    /// Waits until the replica has all that the primary has.
    #[track_caller]
    pub(crate) fn wait(&self, replica: &Server) {
        wait_for(replica, self.ours());
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
