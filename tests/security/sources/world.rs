//! A replica, and the sources to which its channel is pointed, one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{fs, thread};

use sealwire::{Address, Client, Socket};
use sealwire_binlog::Flavour;
use sealwire_core::Error;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients;
use sealwire_tests::programs::needs;
use sealwire_tests::replication::{Status, change_master};
use sealwire_tests::rogue::Rogue;
use sealwire_tests::server::{Kind, Server, Settings};
use sealwire_tests::source::{self, Stream};
use tempfile::TempDir;

pub(crate) const FLAVOURS: [Flavour; 2] = [Flavour::MariaDb, Flavour::MySql];

/// How long a channel may take to reach a state.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) server: Server,
    certificates: CertificateSet,
    pub(crate) place: TempDir,
}

/// An attack that runs.
pub(crate) struct Attack<'w> {
    world: &'w World,
    root: Client<Socket>,
    _source: Rogue,
    name: String,
}

impl World {
    /// A replica with the table `d.t`, whose row is not the source's; `None` where a peer is missing.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        if !needs(&["openssl"]) {
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let options = ["--server-id=7", "--log-bin"].iter().chain(options).map(|option| (*option).to_owned()).collect();
        let server = Server::start(Kind::Sealwired, &Settings { options, ..Settings::default() }).unwrap();
        let world = Self { server, certificates, place };
        run(&mut world.root(), "CREATE DATABASE d");
        run(&mut world.root(), "CREATE TABLE d.t (a INT PRIMARY KEY, b TEXT)");
        run(&mut world.root(), "INSERT INTO d.t VALUES (1, 'own')");
        Some(world)
    }

    /// A connection of the administrator's.
    pub(crate) fn root(&self) -> Client<Socket> {
        let mut config = clients::plain("root");
        config.password = "".into();
        Client::connect(&Address::Unix(self.server.socket.clone()), config).unwrap()
    }

    /// Points the channel to a source of this script, by GTID.
    pub(crate) fn attack(
        &self,
        name: &str,
        flavour: Flavour,
        script: impl Fn(&mut Stream<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Attack<'_> {
        let source = source::start(Some(source::context(&self.certificates)), flavour, script);
        let using = match flavour {
            Flavour::MariaDb => "MASTER_HEARTBEAT_PERIOD=60, MASTER_USE_GTID=slave_pos",
            Flavour::MySql => "MASTER_HEARTBEAT_PERIOD=60, MASTER_AUTO_POSITION=1",
        };
        let mut root = self.root();
        run(&mut root, &change_master(source.port, "repl", &self.certificates.ca, using));
        run(&mut root, "START SLAVE");
        Attack { world: self, root, _source: source, name: format!("{name} ({flavour:?})") }
    }

    /// Whether the row is there that a source inserts behind other groups.
    pub(crate) fn has_reached(&self) -> bool {
        !rows(&mut self.root(), "SELECT a FROM d.t WHERE a = 4").is_empty()
    }

    /// The bytes of all files in the data directory.
    pub(crate) fn disk(&self) -> u64 {
        let files = fs::read_dir(self.server.folder().join("data")).unwrap().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// The most memory that the replica has had, in MiB.
    pub(crate) fn memory(&self) -> u64 {
        clients::most_resident(self.server.id()) / 1024
    }
}

impl Attack<'_> {
    /// Waits until one of the channel's threads has an error; returns it.
    #[track_caller]
    pub(crate) fn refused(&mut self) -> (u16, String) {
        error(&self.until(|status| error(status).0 != 0))
    }

    /// Waits until SHOW SLAVE STATUS says so; returns it.
    #[track_caller]
    pub(crate) fn until(&mut self, mut is_so: impl FnMut(&Status) -> bool) -> Status {
        let begun = Instant::now();
        loop {
            let status = rows(&mut self.root, "SHOW SLAVE STATUS").pop().unwrap();
            if is_so(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: {status:?}\n{}", self.name, self.world.server.log());
            // The status is asked for again, because no statement waits for it.
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the channel: STOP returns, the server answers others, and it found no bug in itself.
    #[track_caller]
    pub(crate) fn end(mut self) {
        let own = rows(&mut self.root, "SELECT b FROM d.t WHERE a = 1");
        assert_eq!(own[0]["b"], "own", "{}", self.name);
        run(&mut self.root, "STOP SLAVE");
        run(&mut self.root, "RESET SLAVE ALL");
        let log = self.world.server.log();
        assert!(!log.contains("panicked") && !log.contains("bug in sealwired"), "{}: {log}", self.name);
    }
}

/// The error of the thread that has one.
pub(crate) fn error(status: &Status) -> (u16, String) {
    let thread = if status["Last_IO_Errno"] == "0" { "SQL" } else { "IO" };
    let number = status[&format!("Last_{thread}_Errno")].parse().unwrap();
    (number, status[&format!("Last_{thread}_Error")].clone())
}

/// Runs a statement that must not fail.
#[track_caller]
pub(crate) fn run(client: &mut Client<Socket>, sql: &str) {
    rows(client, sql);
}

/// The rows of a statement, by the names of their columns.
#[track_caller]
pub(crate) fn rows(client: &mut Client<Socket>, sql: &str) -> Vec<Status> {
    let mut result = client.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let names: Vec<String> =
        result.columns().iter().map(|column| String::from_utf8_lossy(&column.name).into_owned()).collect();
    let mut all = Vec::new();
    while let Some(row) = result.next().unwrap_or_else(|error| panic!("{sql}: {error}")) {
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or(b"NULL")).into_owned();
        let values = row.iter().map(|value| text(value.unwrap()));
        all.push(names.iter().cloned().zip(values).collect::<BTreeMap<_, _>>());
    }
    all
}
