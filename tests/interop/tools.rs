//! Tools of other projects over verified TLS: each connects, lists tables and queries one, as its users do first. MariaDB's own server goes
//! first: a failure there is an error of the test harness, not of our server.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::{node_modules, python};
use sealwire_tests::programs::{missing, package_folder, set_up};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Tools based on PyMySQL send a password in Latin-1.
const PASSWORD: &str = "Sesame-7";

/// A tool of another project.
#[derive(Clone, Copy)]
enum Tool {
    Django,
    SqlAlchemy,
    Mycli,
    Knex,
    Drizzle,
}

impl Tool {
    const ALL: [Self; 5] = [Self::Django, Self::SqlAlchemy, Self::Mycli, Self::Knex, Self::Drizzle];

    fn name(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::SqlAlchemy => "sqlalchemy",
            Self::Mycli => "mycli",
            Self::Knex => "knex",
            Self::Drizzle => "drizzle",
        }
    }

    fn is_python(self) -> bool {
        matches!(self, Self::Django | Self::SqlAlchemy | Self::Mycli)
    }

    /// Why the tool can't be run here; `None` where it can.
    fn missing(self) -> Option<String> {
        if self.is_python() {
            return set_up(&python());
        }
        missing("node")
            .or_else(|| set_up(&node_modules().join(if matches!(self, Self::Knex) { "knex" } else { "drizzle-orm" })))
    }

    /// The database of the tool, because SQLAlchemy creates tables.
    fn database(self) -> &'static str {
        if matches!(self, Self::SqlAlchemy) { "made" } else { "tools" }
    }

    fn run(self, port: u16, ca: &Path) -> Result<Value, String> {
        let (name, extension) = (self.name(), if self.is_python() { "py" } else { "js" });
        let script = package_folder().join(format!("interop/scripts/{name}_tool.{extension}"));
        let mut command = if self.is_python() {
            let mut command = Command::new(python());
            command.arg("-B");
            command
        } else {
            let mut command = Command::new("node");
            command.env("NODE_PATH", node_modules());
            command
        };
        let job = json!({
            "host": "127.0.0.1", "port": port, "user": "tool", "password": PASSWORD, "database": self.database(), "ca": ca,
        });
        let output = child::output(command.arg(script).arg(job.to_string()), &[])?;
        let said = String::from_utf8_lossy(&output.stdout);
        let facts: Value = serde_json::from_str(said.trim())
            .map_err(|error| format!("{name}: {error}: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
        match facts.get("error") {
            Some(error) => Err(error.as_str().unwrap_or("no text").to_owned()),
            None => Ok(facts),
        }
    }

    /// The facts that the tool must report.
    fn expected(self, kind: Kind, cipher: &str, version: &str) -> Value {
        let items = json!([
            [1, "peach", "1.50", "2024-02-29 23:59:58", true],
            [2, "süß", null, null, false],
            [3, "zucchini", "20.00", "1999-12-31 00:00:00", true],
        ]);
        let (tables, rows, count) = match self {
            Self::SqlAlchemy => {
                (json!(["author", "book"]), json!([["two", null, null], ["one", "1.25", "süß"]]), json!(2))
            }
            _ => (json!(["item"]), items, json!(3)),
        };
        let extra = match self {
            Self::Django => json!({
                "filtered": ["süß", "peach"],
                "values": [{"id": 1, "active": true}, {"id": 2, "active": false}],
                "grouped": [1, 2],
                "year": 1,
                "slice": [2, 3],
                "contains": [2, true],
                // MariaDB's tables of time zones, which are empty here, would have UTC.
                "zones": kind == Kind::Sealwired,
            }),
            Self::SqlAlchemy => json!({
                "columns": {"name": "VARCHAR(40)", "price": "DECIMAL(8, 2)", "at": "DATETIME", "author": "INTEGER"},
                "key": ["id"],
                "indexes": [["name"]],
                "nullable": {"id": false, "name": false, "price": true, "at": true, "author": true},
                "left": [],
            }),
            Self::Mycli => json!(["id", "name", "price", "made", "active"]),
            Self::Knex => json!({
                "has": [true, false],
                "column": true,
                "filtered": ["süß", "peach"],
                "grouped": [1, 2],
                "transaction": "süß",
            }),
            Self::Drizzle => json!({"filtered": ["süß", "peach"], "prepared": ["peach"]}),
        };
        json!({
            "ssl_cipher": cipher, "ssl_version": version, "tables": tables, "rows": rows, "count": count, "extra": extra,
        })
    }
}

/// A server of one kind with one version of TLS.
struct Servers {
    kind: Kind,
    version: &'static str,
    place: Arc<TempDir>,
    server: OnceLock<Result<Server, String>>,
}

impl Servers {
    fn started(&self) -> Result<&Server, String> {
        self.server.get_or_init(|| self.start()).as_ref().map_err(Clone::clone)
    }

    fn start(&self) -> Result<Server, String> {
        let mut statements: Vec<String> = [
            "CREATE DATABASE tools;",
            "CREATE DATABASE made;",
            "CREATE TABLE tools.item (id INT NOT NULL PRIMARY KEY, name VARCHAR(50) NOT NULL, price DECIMAL(10,2), made DATETIME, \
             active TINYINT(1) NOT NULL);",
            "INSERT INTO tools.item VALUES (1, 'peach', 1.50, '2024-02-29 23:59:58', 1), (2, 'süß', NULL, NULL, 0), \
             (3, 'zucchini', 20.00, '1999-12-31 00:00:00', 1);",
        ]
        .map(str::to_owned)
        .to_vec();
        statements.push(self.kind.create_user("tool", "mysql_native_password", PASSWORD, "SSL"));
        statements.extend(["tools", "made"].map(|database| format!("GRANT ALL ON {database}.* TO 'tool'@'%';")));
        let mut settings = Settings {
            certificates: Some(CertificateSet::in_folder(self.place.path())),
            versions: Some(self.version.to_owned()),
            statements,
            ..Settings::default()
        };
        if self.kind == Kind::MariaDb {
            settings.options.push("--character-set-server=utf8mb4".to_owned());
        }
        Server::start(self.kind, &settings)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let place = Arc::new(tempfile::tempdir().expect("a temporary folder"));
    if !arguments.list {
        CertificateSet::by_openssl(place.path());
        CertificateSet::by_openssl(&place.path().join("others"));
    }
    let mut servers = Vec::new();
    for kind in [Kind::MariaDb, Kind::Sealwired] {
        for version in ["TLSv1.2", "TLSv1.3"] {
            servers.push(Arc::new(Servers { kind, version, place: Arc::clone(&place), server: OnceLock::new() }));
        }
    }
    let trials = servers.iter().flat_map(trials).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers stop when their last owner drops them; exiting here would leave them running.
    drop(servers);
    conclusion.exit_code()
}

fn trials(servers: &Arc<Servers>) -> Vec<Trial> {
    let trial = |tool: Tool| {
        let version = servers.version.replace(['v', '.'], "").to_lowercase();
        let name = format!("{}::{}::{version}", servers.kind.name(), tool.name());
        let absent = servers.kind.missing().or_else(|| tool.missing()).or_else(|| missing("openssl"));
        if let Some(reason) = &absent {
            println!("{name} is skipped: {reason}");
        }
        let servers = Arc::clone(servers);
        Trial::test(name, move || works(&servers, tool).map_err(Failed::from)).with_ignored_flag(absent.is_some())
    };
    Tool::ALL.into_iter().map(trial).collect()
}

fn works(servers: &Servers, tool: Tool) -> Result<(), String> {
    let server = servers.started()?;
    let facts = tool.run(server.port, &CertificateSet::in_folder(servers.place.path()).ca)?;
    let cipher = facts["ssl_cipher"].as_str().unwrap_or("not told");
    if !cipher.starts_with(if servers.version == "TLSv1.3" { "TLS_" } else { "ECDHE-ECDSA-" }) {
        return Err(format!("Ssl_cipher is '{cipher}': {facts}"));
    }
    let expected = tool.expected(servers.kind, cipher, servers.version);
    if facts != expected {
        return Err(format!("the tool saw {facts}\nexpected      {expected}"));
    }
    // The tool verifies the server: with another CA it does not connect.
    let others = CertificateSet::in_folder(&servers.place.path().join("others"));
    match tool.run(server.port, &others.ca) {
        Ok(facts) => Err(format!("the tool took a server of another CA for its own: {facts}")),
        Err(error) if error.to_lowercase().contains("certificate") => Ok(()),
        Err(error) => Err(format!("the tool refused a server of another CA, but said: {error}")),
    }
}
