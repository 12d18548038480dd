//! Three nodes of a Galera cluster before a gateway that checks them: a node that is killed, that hangs, that loses the majority, that comes
//! back, and all of them restarted in turn. `cargo xtask galera` runs these tests, which take minutes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::{Watched, output};
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::missing;
use sealwire_tests::server::Kind;

use crate::support::{checks, free_port, gateway, log_in, server_of};

/// How long a node may take to join, with a copy of all data.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many clients write while the nodes restart.
const WORKERS: u64 = 8;

const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// A cluster of three nodes, which runs as the user `mysql` because the copy between nodes does.
struct Cluster {
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
    fn start(place: &Path, set: &CertificateSet) -> Self {
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
    fn rejoin(&mut self, index: usize) {
        self.run(index, &[]);
        self.wait(index, "wsrep_ready", "ON");
    }

    fn signal(&self, index: usize, name: &str) {
        self.nodes[index].child.as_ref().unwrap().kill(name);
    }

    /// Ends a node, and waits for the end.
    fn end(&mut self, index: usize, signal: &str) {
        let child = self.nodes[index].child.take().unwrap();
        child.kill(signal);
        assert!(child.wait(PATIENCE).is_some(), "node {index} does not end");
    }

    fn ask(&self, index: usize, sql: &str) -> String {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-uroot", "--skip-ssl", "-NB"]);
        client.arg(format!("-S{}.sock", self.data(index).display())).arg("-e").arg(sql);
        output(&mut client, b"").map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    fn sql(&self, index: usize, sql: &str) {
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

    fn port(&self, index: usize) -> u16 {
        self.nodes[index].ports[0]
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

fn galera_is_missing() -> Option<String> {
    let programs = ["mariadbd", "mariadb-install-db", "rsync", "openssl"].into_iter().find_map(missing);
    programs.or_else(|| (!Path::new(PROVIDER).is_file()).then(|| format!("{PROVIDER} is not there: package galera-4")))
}

#[test]
#[ignore = "it takes minutes: cargo xtask galera"]
fn no_session_reaches_a_node_that_cannot_serve() {
    assert_eq!(galera_is_missing(), None);
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("certificates"));
    fs::set_permissions(&set.server_key, fs::Permissions::from_mode(0o644)).unwrap();
    let mut cluster = Cluster::start(place.path(), &set);
    let readers = free_port();
    let mut options = checks(place.path());
    options.extend(
        ["--check-user=check", "--pool=main,kind=galera", "--role=writer", "--slow-start=0", "--queue-timeout=60"]
            .map(str::to_owned),
    );
    options.push(format!("--listen=127.0.0.1:{readers},role=reader"));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ports = [0, 1, 2].map(|index| cluster.port(index));
    let gateway = gateway(&set, &ports, &set, &options);
    let name = |index: usize| format!("server 127.0.0.1:{}", ports[index]);
    let at = |port: u16| server_of(&mut log_in(port, "native", &set).unwrap());
    for index in 0..3 {
        gateway.says(&format!("{} is up", name(index)));
    }
    assert_eq!(at(gateway.port), ports[0]);
    assert!(at(readers) != ports[0]);

    let step = |what: &str, begun: Instant| println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    let mut count = 0;
    let mut write = |port: u16| {
        count += 1;
        let mut client = log_in(port, "native", &set).unwrap();
        ask(&mut client, &format!("INSERT INTO d.t VALUES ({count})")).unwrap();
        server_of(&mut client)
    };

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(write(gateway.port), ports[0]);
    let begun = Instant::now();
    cluster.end(0, "KILL");
    gateway.says(&format!("{} is lost", name(0)));
    step("a killed node is lost", begun);
    assert!(ask(&mut idle, "SELECT 1").is_err(), "its server is gone");
    assert_eq!(write(gateway.port), ports[1]);
    step("the next node takes writes", begun);
    let log = gateway.log().len();
    cluster.rejoin(0);
    while !gateway.log()[log..].contains(&format!("{} is up", name(0))) {
        std::thread::yield_now();
    }
    assert_eq!(write(gateway.port), ports[1], "the writer stays");

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    let begun = Instant::now();
    cluster.signal(1, "STOP");
    gateway.says(&format!("{} is lost", name(1)));
    step("a node that hangs is lost", begun);
    assert!(ask(&mut idle, "SELECT 1").is_err());
    assert_eq!(write(gateway.port), ports[0]);
    step("the next node takes writes", begun);
    let log = gateway.log().len();
    cluster.signal(1, "CONT");
    while !gateway.log()[log..].contains(&format!("{} is up", name(1))) {
        std::thread::yield_now();
    }
    assert_eq!(write(gateway.port), ports[0]);

    let begun = Instant::now();
    cluster.end(1, "KILL");
    cluster.end(2, "KILL");
    gateway.says(&format!("{} is unfit: it is not in the primary component", name(0)));
    step("a node without the majority is unfit", begun);
    assert_eq!(cluster.ask(0, "SELECT 1").trim(), "1", "it answers all the same");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| at(gateway.port));
        gateway.says("waits for a server");
        cluster.sql(0, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'");
        assert_eq!(waiting.join().unwrap(), ports[0], "the login waited for it");
    });
    for index in [1, 2] {
        cluster.rejoin(index);
    }
    assert_eq!(cluster.ask(2, "SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*) FROM d.t").trim(), count.to_string());
}

#[test]
#[ignore = "it takes minutes: cargo xtask galera"]
fn nodes_restart_in_turn_and_no_statement_is_lost_or_done_twice() {
    assert_eq!(galera_is_missing(), None);
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("certificates"));
    fs::set_permissions(&set.server_key, fs::Permissions::from_mode(0o644)).unwrap();
    let mut cluster = Cluster::start(place.path(), &set);
    let socket = place.path().join("admin");
    let mut options = checks(place.path());
    options.extend(
        ["--check-user=check", "--pool=main,kind=galera", "--role=writer", "--slow-start=0", "--queue-timeout=60"]
            .map(str::to_owned),
    );
    options.push(format!("--admin-socket={}", socket.display()));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ports = [0, 1, 2].map(|index| cluster.port(index));
    let gateway = gateway(&set, &ports, &set, &options);
    let name = |index: usize| format!("server 127.0.0.1:{}", ports[index]);
    for index in 0..3 {
        gateway.says(&format!("{} is up", name(index)));
    }
    let (is_over, next, refused) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut acknowledged = Vec::new();
        let mut client = log_in(gateway.port, "native", &set).unwrap();
        while !is_over.load(Ordering::Relaxed) {
            let id = next.fetch_add(1, Ordering::Relaxed);
            match ask(&mut client, &format!("INSERT INTO d.t VALUES ({id})")) {
                Ok(_) => acknowledged.push(id),
                Err(error) => {
                    // The gateway refused it between two statements, so the server has not seen it.
                    assert!(error.to_string().contains("1053"), "{error}");
                    assert!(!error.to_string().contains("unknown"), "{error}");
                    refused.fetch_add(1, Ordering::Relaxed);
                    client = log_in(gateway.port, "native", &set).unwrap();
                }
            }
        }
        acknowledged
    };
    let acknowledged: Vec<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        for (index, port) in ports.into_iter().enumerate() {
            let begun = Instant::now();
            let drain = format!("POST /drain?server=127.0.0.1:{}", port);
            assert!(crate::administration::by_socket(&socket, &drain).starts_with("HTTP/1.1 200"));
            let is_empty = || {
                let metrics = crate::administration::by_socket(&socket, "GET /metrics");
                !metrics.contains(&format!("sealwire_gateway_sessions{{pool=\"main\",server=\"127.0.0.1:{}\"", port))
            };
            while !is_empty() {
                std::thread::yield_now();
            }
            println!("node {index} is empty: {:.1} s", begun.elapsed().as_secs_f64());
            let log = gateway.log().len();
            cluster.end(index, "TERM");
            cluster.rejoin(index);
            while !gateway.log()[log..].contains(&format!("{} is up", name(index))) {
                std::thread::yield_now();
            }
            println!("node {index} is back: {:.1} s", begun.elapsed().as_secs_f64());
            crate::administration::by_socket(&socket, &drain.replace("/drain", "/undrain"));
        }
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{} statements, {} refused between statements", acknowledged.len(), refused.load(Ordering::Relaxed));
    // The first node's restart moves the writes to the second, and the second's back to the first.
    assert!(refused.load(Ordering::Relaxed) >= 2 * WORKERS, "each worker is moved twice");
    let found = cluster.ask(0, "SET SESSION wsrep_sync_wait = 1; SELECT id FROM d.t ORDER BY id");
    let found: Vec<u64> = found.lines().map(|line| line.parse().unwrap()).collect();
    let mut expected = acknowledged;
    expected.sort_unstable();
    assert_eq!(found, expected, "each statement that was acknowledged is there, and no other");
}
