//! Three nodes of a Galera cluster, and a gateway that checks them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::{Watched, output};
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::missing;
use sealwire_tests::server::Kind;

use crate::support::{checks, free_port, gateway};

/// How long a node may take to join, with a copy of all data.
const PATIENCE: Duration = Duration::from_secs(120);

const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// A cluster of three nodes, which runs as the user `mysql` because the copy between nodes does.
pub(crate) struct Cluster {
    place: PathBuf,
    nodes: Vec<Node>,
    set: CertificateSet,
}

struct Node {
    /// For clients, for the group, for increments and for copies.
    ports: [u16; 4],
    child: Option<Watched>,
}

impl Cluster {
    pub(crate) fn start(place: &Path, set: &CertificateSet) -> Self {
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
        give_to_mysql(place);
        let node = || Node { ports: [(); 4].map(|()| free_port()), child: None };
        let mut cluster = Self { place: place.to_owned(), nodes: (0..3).map(|_| node()).collect(), set: set.clone() };
        for index in 0..3 {
            cluster.configure(index);
        }
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=mysql", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", place.join("n0").display()))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        cluster.run(0, &["--wsrep-new-cluster"]);
        cluster.wait(0, "wsrep_ready", "ON");
        let create = |user, grant: &str| {
            format!(
                "{}\nGRANT {grant} TO '{user}'@'%';",
                Kind::MariaDb.create_user(user, "mysql_native_password", PASSWORD, "SSL")
            )
        };
        cluster.sql(0, "DELETE FROM mysql.global_priv WHERE user = ''; FLUSH PRIVILEGES; CREATE DATABASE d");
        cluster.sql(0, "CREATE TABLE d.t (id BIGINT PRIMARY KEY) ENGINE=InnoDB");
        cluster.sql(0, &create("native", "ALL ON d.*"));
        cluster.sql(0, &create("check", "SUPER ON *.*"));
        for index in [1, 2] {
            cluster.run(index, &[]);
            cluster.wait(index, "wsrep_ready", "ON");
        }
        cluster
    }

    fn data(&self, index: usize) -> PathBuf {
        self.place.join(format!("n{index}"))
    }

    fn configure(&self, index: usize) {
        let data = self.data(index);
        fs::create_dir(&data).unwrap();
        give_to_mysql(&data);
        let [port, group, increment, copy] = self.nodes[index].ports;
        let members: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports[1])).collect();
        let (data, set) = (data.display(), &self.set);
        let text = format!(
            "[mysqld]\nuser=mysql\ndatadir={data}\nsocket={data}.sock\npid-file={data}.pid\nlog-error={data}.err\nbind-address=127.0.0.1\n\
             port={port}\nskip-name-resolve\ninnodb-buffer-pool-size=64M\ninnodb-log-file-size=32M\ninnodb-flush-log-at-trx-commit=2\n\
             innodb-autoinc-lock-mode=2\nbinlog-format=ROW\nssl-ca={}\nssl-cert={}\nssl-key={}\nwsrep-on=ON\nwsrep-provider={PROVIDER}\n\
             wsrep-cluster-name=g3\nwsrep-cluster-address=gcomm://{}\nwsrep-node-name=n{index}\nwsrep-node-address=127.0.0.1:{group}\n\
             wsrep-node-incoming-address=127.0.0.1:{port}\nwsrep-sst-method=rsync\nwsrep-sst-receive-address=127.0.0.1:{copy}\n\
             wsrep-provider-options=base_host=127.0.0.1;base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};\
             ist.recv_addr=127.0.0.1:{increment};gcache.size=32M\n[sst]\nssl-mode=DISABLED\nsockopt=,bind=127.0.0.1\n",
            set.ca.display(),
            set.server_cert.display(),
            set.server_key.display(),
            members.join(",")
        );
        fs::write(self.place.join(format!("n{index}.cnf")), text).unwrap();
    }

    fn run(&mut self, index: usize, more: &[&str]) {
        let mut command = Command::new("mariadbd");
        command.arg(format!("--defaults-file={}", self.place.join(format!("n{index}.cnf")).display())).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.nodes[index].child = Some(Watched::new(command.spawn().unwrap()));
    }

    /// Starts a node again, and waits until it serves.
    pub(crate) fn rejoin(&mut self, index: usize) {
        self.run(index, &[]);
        self.wait(index, "wsrep_ready", "ON");
    }

    pub(crate) fn signal(&self, index: usize, name: &str) {
        self.nodes[index].child.as_ref().unwrap().kill(name);
    }

    /// Ends a node, and waits for the end.
    pub(crate) fn end(&mut self, index: usize, signal: &str) {
        let child = self.nodes[index].child.take().unwrap();
        child.kill(signal);
        assert!(child.wait(PATIENCE).is_some(), "node {index} does not end");
    }

    pub(crate) fn ask(&self, index: usize, sql: &str) -> String {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-uroot", "--skip-ssl", "-NB"]);
        client.arg(format!("-S{}.sock", self.data(index).display())).arg("-e").arg(sql);
        output(&mut client, b"").map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    pub(crate) fn sql(&self, index: usize, sql: &str) {
        self.ask(index, sql);
    }

    /// Waits until a status has this value.
    fn wait(&self, index: usize, name: &str, value: &str) {
        let begun = Instant::now();
        while self.ask(index, &format!("SHOW STATUS LIKE '{name}'")).trim().split('\t').nth(1) != Some(value) {
            let has_ended =
                self.nodes[index].child.as_ref().is_none_or(|child| child.wait(Duration::from_millis(50)).is_some());
            if has_ended || begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(format!("{}.err", self.data(index).display())).unwrap_or_default();
                panic!("node {index}: {name} is not {value}\n{log}");
            }
        }
    }

    /// The nodes' ports for clients.
    pub(crate) fn ports(&self) -> [u16; 3] {
        [0, 1, 2].map(|index| self.nodes[index].ports[0])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if let Some(child) = node.child.take() {
                child.kill("CONT");
                child.kill("KILL");
                child.wait(PATIENCE);
            }
        }
    }
}

fn give_to_mysql(path: &Path) {
    assert!(Command::new("chown").arg("mysql:").arg(path).status().unwrap().success(), "this test needs root");
}

/// Why a cluster can't run here; `None` where it can.
pub(crate) fn is_missing() -> Option<String> {
    let is_root = || {
        let id = output(Command::new("id").arg("-u"), b"").map(|output| output.stdout).unwrap_or_default();
        (id.trim_ascii() != b"0").then(|| "the nodes run as the user mysql, which root alone can start".to_owned())
    };
    let programs = ["mariadbd", "mariadb-install-db", "rsync", "openssl"].into_iter().find_map(missing);
    programs
        .or_else(is_root)
        .or_else(|| (!Path::new(PROVIDER).is_file()).then(|| format!("{PROVIDER} is not there: package galera-4")))
}

/// Starts a gateway before the nodes, with the writes for one of them, and waits until all are up.
pub(crate) fn before(cluster: &Cluster, place: &Path, set: &CertificateSet, more: &[String]) -> Daemon {
    let mut options = checks(place);
    options.extend(
        ["--check-user=check", "--pool=main,kind=galera", "--role=writer", "--slow-start=0", "--queue-timeout=60"]
            .map(str::to_owned),
    );
    options.extend(more.iter().cloned());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ports = cluster.ports();
    let gateway = gateway(set, &ports, set, &options);
    for port in ports {
        gateway.says(&format!("server 127.0.0.1:{port} is up"));
    }
    gateway
}

/// The certificates of the nodes and the gateway, which the user of the nodes can read.
pub(crate) fn certificates(place: &Path) -> CertificateSet {
    let set = CertificateSet::by_openssl(&place.join("certificates"));
    fs::set_permissions(&set.server_key, fs::Permissions::from_mode(0o644)).unwrap();
    set
}
