//! The servers that are measured, with their certificates and data.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

use crate::Outcome;
use crate::job::Job;
use crate::measure::{self, KillOnDrop, Run};

/// Which key the server's certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    P256,
    Rsa2048,
}

/// Certificates of both kinds, and the C peer, made once.
pub(crate) struct World {
    place: TempDir,
    pub(crate) quick: bool,
    /// The figures of all groups, for the table of targets.
    figures: RefCell<BTreeMap<String, f64>>,
}

/// A server that runs.
pub(crate) enum Running {
    Ours(Server),
    Opensrv { process: KillOnDrop, port: u16 },
    Stream { process: KillOnDrop, port: u16 },
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Ours(server) => server.id(),
            Self::Opensrv { process, .. } | Self::Stream { process, .. } => process.0.id(),
        }
    }

    /// As people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ours(server) if server.kind == Kind::MariaDb => "MariaDB",
            Self::Ours(_) => "sealwired",
            Self::Opensrv { .. } => "opensrv",
            Self::Stream { .. } => "stream",
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        match self {
            Self::Ours(server) => server.port,
            Self::Opensrv { port, .. } | Self::Stream { port, .. } => *port,
        }
    }
}

/// Rows of the table `bench.r`.
pub(crate) const ROWS: usize = 1_000_000;

/// The sum over the first `count` rows of the table, which is repeated if `count` is larger: the integer, the text's length (24) and the
/// integer part of the double.
pub(crate) fn checksum(count: usize) -> i64 {
    let sum = |count: usize| (1..=count as i64).map(|id| id + 24 + id / 4).sum::<i64>();
    if count > ROWS { (count / ROWS) as i64 * sum(ROWS) } else { sum(count) }
}

impl World {
    pub(crate) fn new(quick: bool) -> Outcome<Self> {
        let world = Self { place: TempDir::new()?, quick, figures: RefCell::default() };
        CertificateSet::by_openssl(&world.certificates(Key::P256));
        CertificateSet::by_openssl_rsa(&world.certificates(Key::Rsa2048));
        world.compiled("libmariadb")?;
        Ok(world)
    }

    /// A C program of `src/peers`, compiled against MariaDB's header and library.
    pub(crate) fn compiled(&self, name: &str) -> Outcome<PathBuf> {
        let program = self.place.path().join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/peers").join(name).with_extension("c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-I/usr/include/mariadb", "-o"]).arg(&program).arg(source);
        if !compiler.args(["-lmariadb", "-lpthread"]).status()?.success() {
            return Err(format!("{name}.c does not compile: apt-get install libmariadb-dev gcc").into());
        }
        Ok(program)
    }

    /// Takes a figure down by its name.
    pub(crate) fn record(&self, name: impl Into<String>, figure: f64) {
        self.figures.borrow_mut().insert(name.into(), figure);
    }

    /// A figure that was taken down in this run.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.figures.borrow().get(name).copied()
    }

    pub(crate) fn certificates(&self, key: Key) -> PathBuf {
        self.place.path().join(if key == Key::P256 { "p256" } else { "rsa" })
    }

    /// How often each measurement is repeated.
    pub(crate) const fn repeats(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    /// A server by its name, with the account that every client uses.
    pub(crate) fn server(&self, name: &str, key: Key, with_rows: bool) -> Outcome<Running> {
        let set = CertificateSet::in_folder(&self.certificates(key));
        let kind = match name {
            "mariadbd" => Kind::MariaDb,
            "sealwired" => Kind::Sealwired,
            "opensrv" => return own("opensrv", &set).map(|(process, port)| Running::Opensrv { process, port }),
            "stream" => return own("stream", &set).map(|(process, port)| Running::Stream { process, port }),
            other => return Err(format!("no server {other}").into()),
        };
        let mut statements = vec![
            kind.create_user("bench", "mysql_native_password", "bench", "NONE"),
            "CREATE DATABASE bench;".to_owned(),
        ];
        statements.push("GRANT ALL ON *.* TO 'bench'@'%';".to_owned());
        if with_rows {
            // Not all of it works without a default database.
            statements.push("USE bench;".to_owned());
            statements.push("CREATE TABLE bench.r (id INT PRIMARY KEY, name VARCHAR(32), price DOUBLE);".to_owned());
            statements.push(match kind {
                Kind::MariaDb => format!(
                    "INSERT INTO bench.r SELECT seq, LPAD(seq, 24, 'x'), seq * 0.25 FROM seq_1_to_{ROWS};"
                ),
                Kind::Sealwired => format!(
                    "SET cte_max_recursion_depth = {ROWS}; \
                     INSERT INTO bench.r WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {ROWS}) \
                     SELECT id, LPAD(id, 24, 'x'), id * 0.25 FROM n;"
                ),
            });
        }
        let mut options = ["--max-connections=20000", "--max-allowed-packet=64M"].map(str::to_owned).to_vec();
        if kind == Kind::Sealwired {
            // As MariaDB's: with another, each login would take one round trip more to agree on the account's.
            options.push("--default-authentication-plugin=mysql_native_password".to_owned());
        }
        let settings = Settings { certificates: Some(set), statements, options, ..Settings::default() };
        Ok(Running::Ours(Server::start(kind, &settings)?))
    }

    /// Runs a client's process against a server.
    pub(crate) fn client(&self, driver: &str, server: &Running, job: &Job) -> Outcome<Run> {
        let mut command = if driver == "libmariadb" {
            Command::new(self.place.path().join("libmariadb"))
        } else {
            let mut own = Command::new(std::env::current_exe()?);
            own.args(["client", driver]);
            own
        };
        measure::run(server.id(), command.args(job.to_arguments()))
    }
}

/// A server of this program, and its port.
fn own(name: &str, set: &CertificateSet) -> Outcome<(KillOnDrop, u16)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(name).arg(&set.server_cert).arg(&set.server_key).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = KillOnDrop(command.spawn()?);
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let port = line.trim().parse()?;
    Ok((process, port))
}
