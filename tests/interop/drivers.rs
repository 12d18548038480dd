//! Clients and drivers of other projects against a server, with and without TLS. MariaDB's own server goes first: a failure there is an
//! error of the test harness, not of our server.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::{Driver, Job, PASSWORD, Tls};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The size of the large value, above the 16 MiB of one packet.
const BIG: usize = 20 * 1024 * 1024;

/// The database of every connection.
const DATABASE: &str = "matrix";

/// The TLS settings of a connection.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    user: &'static str,
    other_user: &'static str,
    tls: bool,
    client_certificate: bool,
    version: &'static str,
    /// Whether MariaDB has the accounts' plugin and the compression algorithm.
    mariadb: bool,
    sha2: bool,
    compress: Option<&'static str>,
    /// The database to log in to.
    database: Option<&'static str>,
}

const MODES: [Mode; 13] = [
    Mode::new("plain", "native", "").plain(),
    Mode::new("tls12", "secured", "TLSv1.2"),
    Mode::new("tls13", "secured", "TLSv1.3"),
    Mode::new("mutual", "mutual", "TLSv1.3").with_client_certificate(),
    Mode::new("tls12_sha2", "sha2", "TLSv1.2").with_sha2(),
    Mode::new("tls13_sha2", "sha2", "TLSv1.3").with_sha2(),
    Mode::new("tls12_no_database", "secured", "TLSv1.2").without_database(),
    Mode::new("tls13_no_database", "secured", "TLSv1.3").without_database(),
    Mode::new("plain_zlib", "native", "").plain().compressed("zlib"),
    Mode::new("tls12_zlib", "secured", "TLSv1.2").compressed("zlib"),
    Mode::new("tls13_zlib", "secured", "TLSv1.3").compressed("zlib"),
    Mode::new("tls12_zstd", "secured", "TLSv1.2").compressed("zstd"),
    Mode::new("tls13_zstd", "secured", "TLSv1.3").compressed("zstd"),
];

impl Mode {
    const fn new(name: &'static str, user: &'static str, version: &'static str) -> Self {
        Self {
            name,
            user,
            other_user: "other",
            tls: true,
            client_certificate: false,
            version,
            mariadb: true,
            sha2: false,
            compress: None,
            database: Some(DATABASE),
        }
    }

    const fn plain(self) -> Self {
        Self { tls: false, ..self }
    }

    const fn with_client_certificate(self) -> Self {
        Self { client_certificate: true, ..self }
    }

    const fn with_sha2(self) -> Self {
        Self { mariadb: false, sha2: true, other_user: "other_sha2", ..self }
    }

    const fn without_database(self) -> Self {
        Self { database: None, ..self }
    }

    /// The mode with compression; MariaDB has no zstd.
    const fn compressed(self, algorithm: &'static str) -> Self {
        Self { compress: Some(algorithm), mariadb: matches!(algorithm.as_bytes(), b"zlib"), ..self }
    }

    /// Whether the driver supports what this mode needs.
    fn is_for(self, driver: Driver) -> bool {
        self.compress.is_none_or(|algorithm| driver.compresses(algorithm))
            && (!self.client_certificate || driver.shows_pem())
            && (!self.sha2 || driver.knows_sha2())
            // Without compression, the driver's C extension covers the same calls.
            && (driver != Driver::LibMysqlClient || self.compress.is_some())
            && (self.database.is_some() || driver.may_name_no_database())
    }
}

/// Two servers of one kind: one with all TLS versions, and one with TLS 1.2 alone for drivers that have no option for the version.
struct Servers {
    kind: Kind,
    place: Arc<TempDir>,
    any: OnceLock<Result<Server, String>>,
    only_tls12: OnceLock<Result<Server, String>>,
}

impl Servers {
    fn new(kind: Kind, place: &Arc<TempDir>) -> Arc<Self> {
        Arc::new(Self { kind, place: Arc::clone(place), any: OnceLock::new(), only_tls12: OnceLock::new() })
    }

    fn certificates(&self) -> CertificateSet {
        CertificateSet::in_folder(self.place.path())
    }

    fn started(&self, only_tls12: bool) -> Result<&Server, String> {
        let server = if only_tls12 { &self.only_tls12 } else { &self.any };
        server.get_or_init(|| self.start(only_tls12)).as_ref().map_err(Clone::clone)
    }

    fn start(&self, only_tls12: bool) -> Result<Server, String> {
        let (native, sha2) = ("mysql_native_password", "caching_sha2_password");
        let mut accounts = vec![
            ("native", native, "NONE"),
            ("secured", native, "SSL"),
            ("mutual", native, "X509"),
            ("other", native, "NONE"),
        ];
        if self.kind == Kind::Sealwired {
            accounts.extend([("sha2", sha2, "SSL"), ("other_sha2", sha2, "SSL")]);
        }
        let mut statements = vec![format!("CREATE DATABASE {DATABASE};")];
        for (user, plugin, require) in accounts {
            statements.push(self.kind.create_user(user, plugin, PASSWORD, require));
            statements.push(format!("GRANT ALL ON {DATABASE}.* TO '{user}'@'%';"));
        }
        let settings = Settings {
            certificates: Some(self.certificates()),
            versions: only_tls12.then(|| "TLSv1.2".to_owned()),
            statements,
            ..Settings::default()
        };
        Server::start(self.kind, &settings)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let place = Arc::new(tempfile::tempdir().expect("a temporary folder"));
    if !arguments.list {
        CertificateSet::by_openssl(place.path());
    }
    let servers = [Kind::MariaDb, Kind::Sealwired].map(|kind| Servers::new(kind, &place));
    let trials = servers.iter().flat_map(trials).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers stop when their last owner drops them; exiting here would leave them running.
    drop(servers);
    conclusion.exit_code()
}

fn trials(servers: &Arc<Servers>) -> Vec<Trial> {
    let kind = servers.kind;
    let mut trials = Vec::new();
    for mode in MODES.into_iter().filter(|mode| kind == Kind::Sealwired || mode.mariadb) {
        for driver in Driver::ALL.into_iter().filter(|driver| mode.is_for(*driver)) {
            let name = format!("{}::{}::{}", kind.name(), driver.name(), mode.name);
            let missing = kind.missing().or_else(|| driver.missing());
            let servers = Arc::clone(servers);
            trials.push(trial(name, missing, move || connect(&servers, driver, mode)));
        }
        if mode.tls && mode.mariadb && mode.compress.is_none() && mode.database.is_some() {
            let name = format!("{}::openssl_s_client::{}", kind.name(), mode.name);
            let missing = kind.missing().or_else(|| sealwire_tests::programs::missing("openssl"));
            let servers = Arc::clone(servers);
            trials.push(trial(name, missing, move || s_client(&servers, mode)));
        }
    }
    trials
}

/// A test that is skipped where the peer is missing, with the reason printed.
fn trial(name: String, missing: Option<String>, test: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    if let Some(reason) = &missing {
        println!("{name} is skipped: {reason}");
    }
    Trial::test(name, || test().map_err(Failed::from)).with_ignored_flag(missing.is_some())
}

/// Makes one connection with one driver, and checks all facts that the driver reports.
fn connect(servers: &Servers, driver: Driver, mode: Mode) -> Result<(), String> {
    let version_by_server = mode.version == "TLSv1.2" && !driver.chooses_version();
    let server = servers.started(version_by_server)?;
    let tls = mode.tls.then(|| Tls {
        certificates: servers.certificates(),
        client_certificate: mode.client_certificate,
        version: driver.chooses_version().then_some(mode.version),
    });
    let (user, other_user) = (mode.user.to_owned(), mode.other_user.to_owned());
    let (database, compress) = (mode.database.map(str::to_owned), mode.compress);
    let facts =
        driver.run(&Job { port: server.port, user, tls, big: BIG, other_user, database, compress, infile: None })?;
    let prefix = cipher_prefix(mode);
    let cipher = facts["ssl_cipher"].as_str().unwrap_or("not told");
    if !cipher.starts_with(prefix) || cipher.is_empty() == mode.tls {
        return Err(format!("Ssl_cipher is '{cipher}', expected {prefix}…: {facts}"));
    }
    let row = json!(["42", "Grüße", null]);
    let prepared = if driver.prepares() { row.clone() } else { Value::Null };
    let changed = driver.changes_user(servers.kind, mode.compress.is_some());
    let changed_user = if changed { json!(format!("{}@%", mode.other_user)) } else { Value::Null };
    let changed_cipher = if changed { json!(cipher) } else { Value::Null };
    let mut expected = json!({
        "driver": driver.expected_class(),
        "ssl_cipher": cipher,
        "ssl_version": mode.version,
        "user": format!("{}@%", mode.user),
        "database": mode.database,
        "text": row,
        "prepared": prepared,
        "big_up": BIG,
        "big_intact": true,
        "changed_user": changed_user,
        "changed_cipher": changed_cipher,
    });
    if mode.compress.is_some() {
        expected["compression"] = json!("ON");
    }
    if facts == expected { Ok(()) } else { Err(format!("the driver saw {facts}\nexpected       {expected}")) }
}

/// The beginning of MySQL's cipher names for this version.
fn cipher_prefix(mode: Mode) -> &'static str {
    match mode.version {
        "TLSv1.3" => "TLS_",
        "TLSv1.2" => "ECDHE-ECDSA-",
        _ => "",
    }
}

/// openssl's own client: greeting, SSLRequest, the chain and the name.
fn s_client(servers: &Servers, mode: Mode) -> Result<(), String> {
    let server = servers.started(false)?;
    let set = servers.certificates();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-starttls", "mysql", "-brief", "-verify_return_error", "-verify_ip", "127.0.0.1"]);
    command.arg("-connect").arg(format!("127.0.0.1:{}", server.port)).arg("-CAfile").arg(&set.ca);
    command.arg(if mode.version == "TLSv1.2" { "-tls1_2" } else { "-tls1_3" });
    if mode.client_certificate {
        command.arg("-cert").arg(&set.client_cert).arg("-key").arg(&set.client_key);
    }
    let output = child::output(&mut command, &[])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [format!("Protocol version: {}", mode.version), "Verification: OK".to_owned()] {
        if !said.lines().any(|told| told == line) {
            return Err(format!("openssl s_client did not say '{line}':\n{said}"));
        }
    }
    Ok(())
}
