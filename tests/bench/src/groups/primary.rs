//! A server with a binary log, whose rows are read or applied.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::Outcome;
use crate::world::{Key, World};

/// The name and password of the account that reads the log.
pub(super) const REPLICA_ACCOUNT: (&str, &str) = ("repl", "bench");

/// A server with a binary log and the empty table `bench.l`.
pub(super) struct Primary {
    pub(super) server: Server,
}

impl Primary {
    pub(super) fn start(world: &World, kind: Kind) -> Outcome<Self> {
        let (user, password) = REPLICA_ACCOUNT;
        let mut options: Vec<String> = ["--server-id=1", "--log-bin=binlog"].map(str::to_owned).to_vec();
        match kind {
            Kind::MariaDb => options.extend(["--binlog-format=ROW", "--binlog-row-metadata=FULL"].map(str::to_owned)),
            // Replicas and tools of MariaDB's take the flavour from the version.
            Kind::Sealwired => options.push("--version=10.11.99-MariaDB-Sealwire".to_owned()),
        }
        let set = CertificateSet::in_folder(&world.certificates(Key::P256));
        // A replica does not get the account, which the other product may write in its own words.
        let statements = vec![
            "SET sql_log_bin = 0;".to_owned(),
            kind.create_user(user, "mysql_native_password", password, "SSL"),
            format!("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO '{user}'@'%';"),
            "SET sql_log_bin = 1;".to_owned(),
            "CREATE DATABASE bench;".to_owned(),
            "CREATE TABLE bench.l (id INT PRIMARY KEY, name VARCHAR(32), price DOUBLE, made DATETIME);".to_owned(),
        ];
        let settings = Settings { certificates: Some(set), statements, options, ..Settings::default() };
        Ok(Self { server: Server::start(kind, &settings)? })
    }

    /// Adds rows by as many statements, each a transaction. The numbers of the rows begin with 1.
    pub(super) fn insert(&self, rows: usize, statements: usize) -> Outcome {
        let mut text = String::new();
        for statement in 0..statements {
            let first = statement * rows + 1;
            let values: Vec<String> = (first..first + rows)
                .map(|id| format!("({id},'{id:x>24}',{},'2026-11-29 12:34:56')", id as f64 * 0.25))
                .collect();
            text += &format!("INSERT INTO bench.l VALUES {};\n", values.join(","));
        }
        self.sql(&text).map(|_| ())
    }

    pub(super) fn log_name(&self) -> &'static str {
        "binlog.000001"
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.server.folder().join("data").join(self.log_name())
    }

    /// Runs statements as root; returns the rows.
    pub(super) fn sql(&self, statements: &str) -> Outcome<String> {
        sql(&self.server, statements)
    }
}

/// Runs statements as root; returns the rows.
pub(super) fn sql(server: &Server, statements: &str) -> Outcome<String> {
    let mut child = Command::new("mariadb")
        .args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"])
        .arg(format!("--socket={}", server.socket.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(statements.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{}: a statement failed", server.kind.name()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
