//! Three nodes of a Galera cluster on loopback, by MariaDB's packages. They run as the user `mysql`, because the copy between nodes does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::demo::{Running, free_port};
use crate::run::{on_path, output, run};

const PROVIDER: &str = "/usr/lib/galera/libgalera_smm.so";

/// The number of nodes: the least in which two outvote one.
const NODES: usize = 3;

pub(crate) struct Cluster {
    place: PathBuf,
    /// Of each node: for clients, for the group, for increments and for copies.
    ports: Vec<[u16; 4]>,
    nodes: Vec<Running>,
}

impl Cluster {
    /// Starts the nodes one after the other, and runs the statements at the first.
    pub(crate) fn start(place: &Path, certs: &Path, statements: &[String]) -> Result<Self, String> {
        demand_packages()?;
        let folder = place.join("cluster");
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let ports = (0..NODES).map(|_| Ok([free_port()?, free_port()?, free_port()?, free_port()?]));
        let ports = ports.collect::<Result<_, String>>()?;
        let mut cluster = Self { place: folder, ports, nodes: Vec::new() };
        let certs = cluster.copy_certificates(certs)?;
        for (index, ports) in cluster.ports.iter().enumerate() {
            let file = cluster.file(index, "cnf");
            fs::write(&file, cluster.settings(index, *ports, &certs))
                .map_err(|error| format!("{}: {error}", file.display()))?;
            fs::create_dir(cluster.data(index)).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        run(Command::new("chown").args(["-R", "mysql:"]).arg(&cluster.place))?;
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--user=mysql", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        output(install.arg(format!("--datadir={}", cluster.data(0).display())))?;
        for index in 0..NODES {
            cluster.join(index)?;
            if index == 0 {
                cluster.ask(0, "DELETE FROM mysql.global_priv WHERE user = ''; FLUSH PRIVILEGES")?;
                cluster.ask(0, &statements.join("; "))?;
            }
        }
        println!("{}", cluster.ask(0, "SHOW STATUS LIKE 'wsrep_cluster_size'")?.trim());
        Ok(cluster)
    }

    /// The nodes' ports for clients.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.iter().map(|[port, ..]| *port).collect()
    }

    fn data(&self, index: usize) -> PathBuf {
        self.place.join(format!("n{index}"))
    }

    fn file(&self, index: usize, ending: &str) -> PathBuf {
        self.place.join(format!("n{index}.{ending}"))
    }

    /// Copies the certificates to where the user `mysql` may read them.
    fn copy_certificates(&self, from: &Path) -> Result<PathBuf, String> {
        let to = self.place.join("certs");
        let told = |error: std::io::Error| format!("{}: {error}", to.display());
        fs::create_dir(&to).map_err(told)?;
        for name in ["ca.pem", "server-cert.pem", "server-key.pem"] {
            fs::copy(from.join(name), to.join(name)).map_err(told)?;
        }
        // The user `mysql` enters the folders above, too.
        for folder in self.place.ancestors() {
            let Ok(metadata) = fs::metadata(folder) else { continue };
            let mode = metadata.permissions().mode();
            if mode & 0o001 == 0 {
                return Err(format!("the user mysql can't enter '{}': run 'chmod o+x' on it", folder.display()));
            }
        }
        Ok(to)
    }

    fn settings(&self, index: usize, [port, group, increment, copy]: [u16; 4], certs: &Path) -> String {
        let members: Vec<String> = self.ports.iter().map(|[_, group, ..]| format!("127.0.0.1:{group}")).collect();
        let (data, certs) = (self.data(index), certs.display());
        let data = data.display();
        format!(
            "[mysqld]\nuser=mysql\ndatadir={data}\nsocket={data}.sock\npid-file={data}.pid\nbind-address=127.0.0.1\nport={port}\n\
             skip-name-resolve\ninnodb-buffer-pool-size=64M\ninnodb-log-file-size=32M\ninnodb-flush-log-at-trx-commit=2\n\
             innodb-autoinc-lock-mode=2\nbinlog-format=ROW\nssl-ca={certs}/ca.pem\nssl-cert={certs}/server-cert.pem\n\
             ssl-key={certs}/server-key.pem\nwsrep-on=ON\nwsrep-provider={PROVIDER}\nwsrep-cluster-name=demo\n\
             wsrep-cluster-address=gcomm://{}\nwsrep-node-name=n{index}\nwsrep-node-address=127.0.0.1:{group}\n\
             wsrep-node-incoming-address=127.0.0.1:{port}\nwsrep-sst-method=rsync\nwsrep-sst-receive-address=127.0.0.1:{copy}\n\
             wsrep-provider-options=base_host=127.0.0.1;base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};\
             ist.recv_addr=127.0.0.1:{increment};gcache.size=32M\n[sst]\nssl-mode=DISABLED\nsockopt=,bind=127.0.0.1\n",
            members.join(",")
        )
    }

    /// Starts a node, and waits until it serves.
    fn join(&mut self, index: usize) -> Result<(), String> {
        let mut command = Command::new("mariadbd");
        command.arg(format!("--defaults-file={}", self.file(index, "cnf").display()));
        if index == 0 {
            command.arg("--wsrep-new-cluster");
        }
        let (name, log) = (format!("node {index}"), self.file(index, "log"));
        let mut node = Running::spawn(&name, &command, &log)?;
        node.until(&name, &log, |_| {
            let ready = self.ask(index, "SHOW STATUS LIKE 'wsrep_ready'").ok()?;
            (ready.trim() == "wsrep_ready\tON").then_some(())
        })?;
        self.nodes.push(node);
        Ok(())
    }

    fn ask(&self, index: usize, sql: &str) -> Result<String, String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-uroot", "--skip-ssl", "-NB"]);
        output(client.arg(format!("-S{}", self.file(index, "sock").display())).args(["-e", sql]))
    }
}

fn demand_packages() -> Result<(), String> {
    let programs = ["mariadbd", "mariadb-install-db", "mariadb", "rsync"];
    if let Some(missing) = programs.into_iter().find(|name| !on_path(name)) {
        return Err(format!("'{missing}' is not there: install mariadb-server, galera-4 and rsync"));
    }
    if !Path::new(PROVIDER).is_file() {
        return Err(format!("'{PROVIDER}' is not there: install galera-4"));
    }
    let id = output(Command::new("id").arg("-u"))?;
    if id.trim() == "0" {
        Ok(())
    } else {
        Err("the nodes run as the user mysql, which root alone can start".to_owned())
    }
}
