//! MySQL clients and drivers of other projects, each run as a program that takes a job and prints facts, both in JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::certificates::CertificateSet;
use crate::child;
use crate::programs::{missing, package_folder, program, set_up, target_folder};
use crate::server::Kind;

/// A client or driver of another project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// The terminal client `mariadb`, on libmariadb.
    MariadbCli,
    /// libmysqlclient through mysql-connector-python's C extension.
    ConnectorC,
    /// mysql-connector-python in pure Python.
    ConnectorPure,
    /// PyMySQL.
    PyMySql,
    /// npm's mysql2.
    Mysql2,
    /// npm's mariadb.
    MariadbNode,
    /// The crate mysql.
    Mysql,
    /// The crate mysql_async.
    MysqlAsync,
    /// The crate sqlx.
    Sqlx,
    /// libmysqlclient by its C API, for calls that the Python extension lacks.
    LibMysqlClient,
    /// npm's mysql.
    MysqlJs,
    /// PHP's mysqli.
    Php,
    /// MariaDB Connector/J, in Debian's version.
    ConnectorJ,
    /// go-sql-driver, in Debian's version.
    Go,
}

/// The description of one connection.
#[derive(Debug, Clone)]
pub struct Job {
    /// The TCP port on 127.0.0.1.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The database to log in to, if any.
    pub database: Option<String>,
    /// The compression algorithm, if any.
    pub compress: Option<&'static str>,
    /// TLS: the CA, and the client's certificate where `client_certificate` is set.
    pub tls: Option<Tls>,
    /// The size of the large value in bytes.
    pub big: usize,
    /// The user for COM_CHANGE_USER.
    pub other_user: String,
    /// A file of lines for LOAD DATA LOCAL into a table that is named after the driver, if any.
    pub infile: Option<PathBuf>,
}

/// The TLS part of a job.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The files.
    pub certificates: CertificateSet,
    /// Whether the client presents its certificate.
    pub client_certificate: bool,
    /// The only version that the client may use, where the client has such an option.
    pub version: Option<&'static str>,
}

/// The password of every account in the tests.
pub const PASSWORD: &str = "Sésame-7";

impl Driver {
    /// All drivers.
    pub const ALL: [Self; 14] = [
        Self::MariadbCli,
        Self::ConnectorC,
        Self::ConnectorPure,
        Self::PyMySql,
        Self::Mysql2,
        Self::MariadbNode,
        Self::Mysql,
        Self::MysqlAsync,
        Self::Sqlx,
        Self::LibMysqlClient,
        Self::MysqlJs,
        Self::Php,
        Self::ConnectorJ,
        Self::Go,
    ];

    /// The driver's name, as part of test names.
    pub fn name(self) -> &'static str {
        match self {
            Self::MariadbCli => "mariadb_cli",
            Self::ConnectorC => "libmysqlclient",
            Self::ConnectorPure => "mysql_connector_python",
            Self::PyMySql => "pymysql",
            Self::Mysql2 => "npm_mysql2",
            Self::MariadbNode => "npm_mariadb",
            Self::Mysql => "crate_mysql",
            Self::MysqlAsync => "crate_mysql_async",
            Self::Sqlx => "crate_sqlx",
            Self::LibMysqlClient => "libmysqlclient_c",
            Self::MysqlJs => "npm_mysql",
            Self::Php => "php_mysqli",
            Self::ConnectorJ => "mariadb_connector_j",
            Self::Go => "go_sql_driver",
        }
    }

    /// The driver's name for itself, which shows whether the C extension has silently fallen back to pure Python.
    pub fn expected_class(self) -> &'static str {
        match self {
            Self::MariadbCli => "mariadb",
            Self::ConnectorC => "CMySQLConnection",
            Self::ConnectorPure => "MySQLConnection",
            Self::PyMySql => "pymysql",
            Self::Mysql2 => "mysql2",
            Self::MariadbNode => "mariadb",
            Self::Mysql => "mysql",
            Self::MysqlAsync => "mysql_async",
            Self::Sqlx => "sqlx",
            Self::LibMysqlClient => "libmysqlclient",
            Self::MysqlJs => "mysql",
            Self::Php => "mysqli",
            Self::ConnectorJ => "mariadb-java",
            Self::Go => "go-sql-driver",
        }
    }

    /// Whether it has an option for the TLS version.
    pub fn chooses_version(self) -> bool {
        !matches!(self, Self::Mysql | Self::MysqlAsync | Self::Sqlx | Self::MysqlJs | Self::Php)
    }

    /// Whether it has prepared statements, at least by putting the parameters into the text.
    pub fn prepares(self) -> bool {
        !matches!(self, Self::MariadbCli | Self::LibMysqlClient)
    }

    /// Whether it can present a certificate and a key in PEM.
    pub fn shows_pem(self) -> bool {
        self != Self::ConnectorJ
    }

    /// Whether it supports the plugins of MySQL 8.
    pub fn knows_sha2(self) -> bool {
        self != Self::MysqlJs
    }

    /// Whether it can log in without a database, and change the user without one: npm's mariadb then asks for the database '-'.
    pub fn may_name_no_database(self) -> bool {
        !matches!(self, Self::MariadbNode | Self::Mysql | Self::MysqlAsync | Self::Sqlx)
    }

    /// Whether it supports that compression algorithm.
    pub fn compresses(self, algorithm: &str) -> bool {
        match self {
            Self::LibMysqlClient => true,
            Self::MariadbCli | Self::ConnectorC | Self::ConnectorPure | Self::Mysql2 => algorithm == "zlib",
            Self::MariadbNode | Self::Php | Self::ConnectorJ => algorithm == "zlib",
            Self::PyMySql | Self::Mysql | Self::MysqlAsync | Self::Sqlx | Self::MysqlJs | Self::Go => false,
        }
    }

    /// Whether it sends COM_CHANGE_USER to a server of this kind, compressed or not.
    pub fn changes_user(self, kind: Kind, compressed: bool) -> bool {
        match self {
            Self::ConnectorPure => !compressed,
            Self::MariadbCli | Self::PyMySql | Self::Sqlx | Self::ConnectorJ | Self::Go => false,
            // It does not send the command to MySQL, because of a bug in that server.
            Self::MariadbNode => kind == Kind::MariaDb,
            _ => true,
        }
    }

    /// Why the driver can't be run here; `None` where it can.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::MariadbCli => missing("mariadb"),
            Self::ConnectorC | Self::ConnectorPure | Self::PyMySql | Self::LibMysqlClient => set_up(&python()),
            Self::Mysql2 | Self::MariadbNode | Self::MysqlJs => missing("node").or_else(|| set_up(&node_modules())),
            Self::Php => missing("php").or_else(mysqli),
            Self::ConnectorJ => missing("java").or_else(|| set_up(Path::new(CONNECTOR_J))),
            Self::Go => set_up(&go_driver()),
            Self::Mysql | Self::MysqlAsync | Self::Sqlx => None,
        }
    }

    /// Runs the job. The error is the driver's error text.
    pub fn run(self, job: &Job) -> Result<Value, String> {
        if self == Self::MariadbCli {
            return mariadb_cli(job);
        }
        let mut command = self.command();
        command.arg(self.job_text(job));
        let output = child::output(&mut command, &[])?;
        let said = String::from_utf8_lossy(&output.stdout);
        let facts: Value = serde_json::from_str(said.trim())
            .map_err(|error| format!("{}: {error}: {said}{}", self.name(), String::from_utf8_lossy(&output.stderr)))?;
        match facts.get("error") {
            Some(error) => Err(error.as_str().unwrap_or("no text").to_owned()),
            None => Ok(facts),
        }
    }

    fn command(self) -> Command {
        let script = |name: &str| package_folder().join("interop/scripts").join(name);
        let python_with = |name: &str| {
            let mut command = Command::new(python());
            command.arg("-B").arg(script(name));
            command
        };
        let node_with = |name: &str| {
            let mut command = Command::new("node");
            command.arg(script(name)).env("NODE_PATH", node_modules());
            command
        };
        let rust = |name: &str| {
            let mut command = Command::new(program("sealwire-drivers"));
            command.arg(name);
            command
        };
        match self {
            Self::ConnectorC => {
                let mut command = python_with("connector_driver.py");
                // If the extension does not find its own libraries, it silently falls back to pure Python.
                command.env("LD_LIBRARY_PATH", site_packages().join("mysql/vendor"));
                command
            }
            Self::ConnectorPure => python_with("connector_driver.py"),
            Self::LibMysqlClient => {
                let mut command = python_with("libmysqlclient_driver.py");
                command.env("LD_LIBRARY_PATH", site_packages().join("mysql/vendor"));
                command
            }
            Self::PyMySql => python_with("pymysql_driver.py"),
            Self::Mysql2 => node_with("mysql2_driver.js"),
            Self::MariadbNode => node_with("mariadb_driver.js"),
            Self::MysqlJs => node_with("mysqljs_driver.js"),
            Self::Php => {
                let mut command = Command::new("php");
                command.args(["-d", "memory_limit=1G"]).arg(script("mysqli_driver.php"));
                command
            }
            Self::ConnectorJ => {
                let mut command = Command::new("java");
                command.args(["-Dfile.encoding=UTF-8", "-Xmx1g", "-cp", CONNECTOR_J]).arg(script("ConnectorJ.java"));
                // Java decodes its arguments by the locale.
                command.env("LC_ALL", "C.UTF-8");
                command
            }
            Self::Go => Command::new(go_driver()),
            Self::MysqlAsync => rust("mysql_async"),
            Self::Sqlx => rust("sqlx"),
            Self::Mysql | Self::MariadbCli => rust("mysql"),
        }
    }

    /// The statement that loads the job's file.
    fn loading(self, job: &Job) -> Option<String> {
        let file = job.infile.as_ref()?;
        Some(format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE {}", file.display(), self.name()))
    }

    fn job_text(self, job: &Job) -> String {
        let tls = job.tls.as_ref().map(|tls| {
            let set = &tls.certificates;
            let (cert, key) = (&set.client_cert, &set.client_key);
            let identity = tls.client_certificate.then_some((cert, key));
            json!({
                "ca": set.ca,
                "cert": identity.map(|(cert, _)| cert),
                "key": identity.map(|(_, key)| key),
                "version": tls.version,
            })
        });
        json!({
            "host": "127.0.0.1",
            "port": job.port,
            "user": job.user,
            "password": PASSWORD,
            "database": job.database,
            "other_user": job.other_user,
            "other_password": PASSWORD,
            "big": job.big,
            "tls": tls,
            "pure": self == Self::ConnectorPure,
            "compress": job.compress,
            "infile": self.loading(job),
        })
        .to_string()
    }
}

/// The common arguments of the terminal clients of mysql's family.
pub fn cli_arguments(job: &Job) -> Vec<String> {
    let mut arguments = vec!["--no-defaults".to_owned(), "--host=127.0.0.1".to_owned()];
    arguments.extend([
        format!("--port={}", job.port),
        format!("--user={}", job.user),
        format!("--password={PASSWORD}"),
    ]);
    arguments.extend(job.database.iter().map(|database| format!("--database={database}")));
    arguments.extend(job.compress.map(|_| "--compress".to_owned()));
    match &job.tls {
        None => arguments.push("--skip-ssl".to_owned()),
        Some(tls) => {
            let set = &tls.certificates;
            arguments.push(format!("--ssl-ca={}", set.ca.display()));
            arguments.push("--ssl-verify-server-cert".to_owned());
            if tls.client_certificate {
                arguments.push(format!("--ssl-cert={}", set.client_cert.display()));
                arguments.push(format!("--ssl-key={}", set.client_key.display()));
            }
            arguments.extend(tls.version.map(|version| format!("--tls-version={version}")));
        }
    }
    arguments
}

/// Runs SQL with a terminal client in batch mode, without column names.
pub fn batch(program: Command, arguments: &[String], sql: &str) -> Result<Output, String> {
    let mut command = program;
    command.args(arguments).args(["--batch", "--skip-column-names"]).stdout(Stdio::piped());
    child::output(&mut command, sql.as_bytes())
}

fn mariadb_cli(job: &Job) -> Result<Value, String> {
    let big: String = ('a'..='z').cycle().take(job.big).collect();
    let mut sql = String::from("SHOW STATUS LIKE 'Ssl_cipher';\nSHOW STATUS LIKE 'Ssl_version';\n");
    sql += "SELECT CURRENT_USER();\nSELECT DATABASE();\nSELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing;\n";
    let _ = write!(sql, "SELECT LENGTH('{big}');\nSELECT '{big}';\nSHOW STATUS LIKE 'Compression';\n");
    let mut arguments = cli_arguments(job);
    arguments.extend(["--max-allowed-packet=64M", "--default-character-set=utf8mb4"].map(str::to_owned));
    let output = batch(Command::new("mariadb"), &arguments, &sql)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let mut field = |index: usize| lines.next().and_then(|fields| fields.get(index).map(|field| (*field).to_owned()));
    let (cipher, version, user, database) = (field(1), field(1), field(0), field(0));
    let database = database.filter(|database| database != "NULL");
    let text: Vec<Option<&str>> = said.lines().nth(4).unwrap_or_default().split('\t').map(Some).collect();
    let text: Vec<Option<&str>> = text.into_iter().map(|field| field.filter(|field| *field != "NULL")).collect();
    let mut facts = json!({
        "driver": "mariadb",
        "ssl_cipher": cipher,
        "ssl_version": version,
        "user": user,
        "database": database,
        "text": text,
        "prepared": null,
        "big_up": said.lines().nth(5).and_then(|line| line.parse::<usize>().ok()),
        "big_intact": said.lines().nth(6) == Some(big.as_str()),
        "changed_user": null,
        "changed_cipher": null,
    });
    if let Some(loading) = Driver::MariadbCli.loading(job) {
        arguments.push("--local-infile=1".to_owned());
        let loaded = batch(Command::new("mariadb"), &arguments, &loading)?;
        facts["infile"] = json!(if loaded.status.success() { "loaded" } else { "refused" });
    }
    if job.compress.is_some() {
        facts["compression"] = json!(said.lines().nth(7).and_then(|line| line.split('\t').nth(1)));
    }
    Ok(facts)
}

/// The path in Debian's package.
const CONNECTOR_J: &str = "/usr/share/java/mariadb-java-client.jar";

/// Why PHP lacks mysqli; `None` where it has it.
fn mysqli() -> Option<String> {
    let asked = Command::new("php").args(["-r", "exit(extension_loaded('mysqli') ? 0 : 1);"]).status();
    let has = asked.is_ok_and(|status| status.success());
    (!has).then(|| "php has no mysqli: `cargo xtask test setup`".to_owned())
}

fn go_driver() -> PathBuf {
    target_folder().join("interop/go/driver")
}

/// The Python interpreter of the environment with the peers' packages.
pub fn python() -> PathBuf {
    target_folder().join("interop/python/bin/python")
}

/// The folder of that environment's packages.
pub fn site_packages() -> PathBuf {
    let versions = target_folder().join("interop/python/lib");
    let mut entries = std::fs::read_dir(&versions).into_iter().flatten().flatten();
    entries.next().map_or(versions, |version| version.path().join("site-packages"))
}

/// The folder of the peers' npm packages.
pub fn node_modules() -> PathBuf {
    target_folder().join("interop/node/node_modules")
}
