//! Wireshark's own dissectors on our sessions, decrypted with the keys that our programs log.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::capture::Recorder;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::{Driver, Job, PASSWORD, Tls};
use sealwire_tests::programs::{missing, program};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::Value;
use tempfile::TempDir;

const USER: &str = "recorded";
const OTHER_USER: &str = "other";
const DATABASE: &str = "seen";

/// A query that is readable only after decryption.
const QUERY: &str = "SELECT 'for your eyes only' AS needle";
/// Statements of several kinds, one of them with an error, on a table of its own.
fn script(table: &str) -> String {
    format!(
        "{QUERY};\nUSE {DATABASE};\nCREATE TABLE {table} (id INT, name VARCHAR(20));\n\
         INSERT INTO {table} VALUES (1, 'one'), (2, NULL);\nSELECT * FROM {table};\nSELEKT;\n\
         SELECT 1 FROM {table} WHERE FALSE;\n\\s\n"
    )
}

/// The client and server of a session, and whose key log decrypts it.
#[derive(Clone, Copy)]
struct Talk {
    server: Kind,
    client: Client,
    keys_of: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Sealwire,
    MariadbCli,
    /// A driver that prepares statements and changes the user.
    CrateMysql,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

const TALKS: [(&str, Talk); 5] = [
    ("sealwire_sealwired", Talk::new(Kind::Sealwired, Client::Sealwire, Side::Client)),
    ("sealwire_sealwired_by_its_keys", Talk::new(Kind::Sealwired, Client::Sealwire, Side::Server)),
    ("sealwire_mariadbd", Talk::new(Kind::MariaDb, Client::Sealwire, Side::Client)),
    ("mariadb_sealwired", Talk::new(Kind::Sealwired, Client::MariadbCli, Side::Server)),
    ("crate_mysql_sealwired", Talk::new(Kind::Sealwired, Client::CrateMysql, Side::Server)),
];

const VERSIONS: [(&str, &str); 2] = [("tls12", "TLSv1.2"), ("tls13", "TLSv1.3")];

impl Talk {
    const fn new(server: Kind, client: Client, keys_of: Side) -> Self {
        Self { server, client, keys_of }
    }
}

/// A server for each kind and TLS version, and the certificates.
struct World {
    place: TempDir,
    servers: [[OnceLock<Result<Server, String>>; 2]; 2],
}

impl World {
    fn certificates(&self) -> CertificateSet {
        CertificateSet::in_folder(self.place.path())
    }

    /// The file in which a server logs its session keys, where it does.
    fn server_keys(&self, kind: Kind, version: &str) -> PathBuf {
        self.place.path().join(format!("{}-{version}-keys", kind.name()))
    }

    fn server(&self, kind: Kind, version: &'static str) -> Result<&Server, String> {
        let [of_mariadb, ours] = &self.servers;
        let [tls12, tls13] = if kind == Kind::MariaDb { of_mariadb } else { ours };
        let server = if version == "TLSv1.2" { tls12 } else { tls13 };
        server.get_or_init(|| self.start(kind, version)).as_ref().map_err(Clone::clone)
    }

    fn start(&self, kind: Kind, version: &str) -> Result<Server, String> {
        let mut statements = vec![format!("CREATE DATABASE {DATABASE};")];
        for user in [USER, OTHER_USER] {
            statements.push(kind.create_user(user, "mysql_native_password", PASSWORD, "SSL"));
            statements.push(format!("GRANT ALL ON {DATABASE}.* TO '{user}'@'%';"));
        }
        let settings = Settings {
            certificates: Some(self.certificates()),
            versions: Some(version.to_owned()),
            statements,
            environment: vec![("SSLKEYLOGFILE", self.server_keys(kind, version))],
            ..Settings::default()
        };
        Server::start(kind, &settings)
    }

    /// Runs a client's session at this port.
    fn talk(&self, client: Client, version: &'static str, port: u16, keys: &Path) -> Result<(), String> {
        let set = self.certificates();
        if client == Client::CrateMysql {
            let tls = Tls { certificates: set, client_certificate: false, version: None };
            let (user, other_user) = (USER.to_owned(), OTHER_USER.to_owned());
            let database = Some(DATABASE.to_owned());
            let job = Job { port, user, database, tls: Some(tls), big: 1000, other_user, compress: None, infile: None };
            return Driver::Mysql.run(&job).map(drop);
        }
        let ours = client == Client::Sealwire;
        let mut command = if ours { Command::new(program("sealwire")) } else { Command::new("mariadb") };
        command.args(["--no-defaults", "--host=127.0.0.1", "--force", "--table"]).arg(format!("--port={port}"));
        command.arg(format!("--user={USER}")).arg(format!("--password={PASSWORD}"));
        command.arg(format!("--ssl-ca={}", set.ca.display())).arg(format!("--tls-version={version}"));
        command.env("SSLKEYLOGFILE", keys);
        let output = child::output(&mut command, script(&format!("t{port}")).as_bytes())?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        let all = said.contains("for your eyes only") && said.contains("Cipher in use is");
        let expected = all && complaint.contains("ERROR 1064") && complaint.matches("ERROR").count() == 1;
        if expected { Ok(()) } else { Err(format!("{}: {said}{complaint}", output.status)) }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let place = tempfile::tempdir().expect("a temporary folder");
    let world = Arc::new(World { place, servers: Default::default() });
    if !arguments.list {
        CertificateSet::by_openssl(world.place.path());
    }
    let conclusion = libtest_mimic::run(&arguments, trials(&world));
    // The servers stop when their last owner drops them; exiting here would leave them running.
    drop(world);
    conclusion.exit_code()
}

/// The body of a trial.
type Test = Box<dyn FnOnce(&World) -> Result<(), String> + Send>;

fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, reason: Option<String>, test: Test| {
        if let Some(reason) = &reason {
            println!("{name} is skipped: {reason}");
        }
        let world = Arc::clone(world);
        let trial = Trial::test(name, move || test(&world).map_err(Failed::from));
        trials.push(trial.with_ignored_flag(reason.is_some()));
    };
    for (version_name, version) in VERSIONS {
        for (name, talk) in TALKS {
            let reason = missing("tshark").or_else(|| talk.server.missing());
            let reason = reason.or_else(|| (talk.client == Client::MariadbCli).then(|| missing("mariadb")).flatten());
            let test = move |world: &World| dissected(world, talk, version);
            add(format!("{name}::{version_name}"), reason, Box::new(test));
        }
    }
    add("a_key_log_that_cannot_be_written_is_an_error".to_owned(), None, Box::new(unwritable));
    trials
}

/// Records a whole session and dissects it, with and without the keys.
fn dissected(world: &World, talk: Talk, version: &'static str) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let server = world.server(talk.server, version)?;
    let place = tempfile::tempdir().map_err(told)?;
    let (capture, client_keys) = (place.path().join("capture.pcap"), place.path().join("keys"));
    let recorder = Recorder::before(server.port).map_err(told)?;
    world.talk(talk.client, version, recorder.port, &client_keys)?;
    recorder.finish(&capture).map_err(told)?;

    let keys = if talk.keys_of == Side::Client { client_keys } else { world.server_keys(talk.server, version) };
    let mode = fs::metadata(&keys).map_err(|error| format!("no key log: {error}"))?.permissions().mode();
    if mode & 0o777 != 0o600 {
        return Err(format!("the key log has mode {mode:o}"));
    }
    let bytes = fs::read(&capture).map_err(told)?;
    if bytes.windows(QUERY.len()).any(|window| window == QUERY.as_bytes()) {
        return Err("the query went over the wire in plaintext".to_owned());
    }

    let opened = Dissection::of(&capture, server.port, Some(&keys))?;
    opened.is_sound()?;
    opened.shows_the_login(version)?;
    if talk.client == Client::CrateMysql {
        opened.shows_prepared_statements()?;
    } else {
        opened.shows_the_script()?;
    }

    // Without the keys the capture must show the switch to TLS, and nothing after it.
    let closed = Dissection::of(&capture, server.port, None)?;
    closed.is_sound()?;
    let requests = (closed.values("mysql.caps.sl").len(), closed.values("mysql.command").len());
    if requests != (2, 0) || !closed.values("mysql.query").is_empty() || closed.has("mysql.user", USER) {
        return Err(format!("without the keys tshark sees {:?}", closed.packets));
    }
    Ok(())
}

/// Neither program runs without the key log that it was asked for.
fn unwritable(world: &World) -> Result<(), String> {
    let set = world.certificates();
    let mut client = Command::new(program("sealwire"));
    client.args(["--no-defaults", "--host=127.0.0.1", "--port=1", "--password=", "-e", "SELECT 1"]);
    let data = format!("--datadir={}", world.place.path().join("data").display());
    let mut initialize = Command::new(program("sealwired"));
    child::output(initialize.args(["--no-defaults", "--initialize-insecure", &data]), &[])?;
    let mut server = Command::new(program("sealwired"));
    server.args(["--no-defaults", "--port=0", &data]);
    server.arg(format!("--ssl-cert={}", set.server_cert.display()));
    server.arg(format!("--ssl-key={}", set.server_key.display()));
    for command in [&mut client, &mut server] {
        let output = child::output(command.env("SSLKEYLOGFILE", "/nowhere/keys"), &[])?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        let named =
            complaint.contains("environment variable 'SSLKEYLOGFILE': can't write '/nowhere/keys': No such file");
        if output.status.success() || !named {
            return Err(format!("{:?} says: {complaint}", command.get_program()));
        }
    }
    Ok(())
}

/// tshark's output for a capture: the packets in their order, each with its layers' fields and one value for each.
struct Dissection {
    packets: Vec<Vec<(String, String)>>,
}

/// The number of COM_INIT_DB, by which tshark shows the command.
const COM_INIT_DB: &str = "2";
const COM_QUIT: &str = "1";
const COM_QUERY: &str = "3";
const COM_STATISTICS: &str = "9";
const COM_CHANGE_USER: &str = "17";
const COM_STMT_PREPARE: &str = "22";
const COM_STMT_EXECUTE: &str = "23";

impl Dissection {
    fn of(capture: &Path, port: u16, keys: Option<&Path>) -> Result<Self, String> {
        let mut tshark = Command::new("tshark");
        // Without resolving host names, and without this user's own settings.
        tshark.env("HOME", capture.parent().unwrap_or(capture)).env_remove("XDG_CONFIG_HOME");
        tshark.args(["-n", "-T", "json", "--no-duplicate-keys"]).arg("-r").arg(capture);
        tshark.arg("-d").arg(format!("tcp.port=={port},mysql"));
        if let Some(keys) = keys {
            tshark.arg("-o").arg(format!("tls.keylog_file:{}", keys.display()));
        }
        let output = child::output(&mut tshark, &[])?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("tshark ended with {}: {complaint}", output.status));
        }
        let packets: Vec<Value> = serde_json::from_slice(&output.stdout).map_err(|error| format!("tshark: {error}"))?;
        let fields = |packet: &Value| {
            let mut fields = Vec::new();
            collect("", packet, &mut fields);
            fields
        };
        Ok(Self { packets: packets.iter().map(fields).collect() })
    }

    /// All values of a field, in their order.
    fn values(&self, field: &str) -> Vec<&str> {
        let all = self.packets.iter().flatten();
        all.filter(|(name, _)| name == field).map(|(_, value)| value.as_str()).collect()
    }

    fn has(&self, field: &str, value: &str) -> bool {
        self.values(field).contains(&value)
    }

    fn expect(&self, field: &str, value: &str) -> Result<(), String> {
        if self.has(field, value) {
            return Ok(());
        }
        Err(format!("tshark sees no {field} '{value}' but {:?}; all:\n{:#?}", self.values(field), self.packets))
    }

    /// Checks that no dissector reports an error in any packet.
    fn is_sound(&self) -> Result<(), String> {
        /// PI_ERROR in Wireshark's `epan/proto.h`.
        const ERROR: u64 = 0x0080_0000;
        if self.packets.len() < 10 {
            return Err(format!("tshark sees {} packets", self.packets.len()));
        }
        for fields in &self.packets {
            let severe = |(name, value): &(String, String)| {
                name == "_ws.expert.severity" && value.parse().is_ok_and(|severity: u64| severity >= ERROR)
            };
            if fields.iter().any(|field| field.0.starts_with("_ws.malformed") || severe(field)) {
                return Err(format!("tshark finds fault with this packet:\n{fields:#?}"));
            }
        }
        Ok(())
    }

    /// Checks for greeting, SSLRequest, handshake of that version, login and OK.
    fn shows_the_login(&self, version: &str) -> Result<(), String> {
        if self.values("mysql.version").is_empty() {
            return Err("tshark sees no greeting".to_owned());
        }
        // Wireshark shows a user field, which is empty, for the SSLRequest too.
        self.expect("mysql.caps.sl", "1")?;
        self.expect("mysql.user", "")?;
        let chosen =
            if version == "TLSv1.3" { "tls.handshake.extensions.supported_version" } else { "tls.handshake.version" };
        self.expect(chosen, if version == "TLSv1.3" { "0x0304" } else { "0x0303" })?;
        // The last message of the handshake is encrypted in both directions.
        let finished = self.values("tls.handshake.type").into_iter().filter(|kind| *kind == "20").count();
        if finished != 2 {
            return Err(format!("tshark sees {finished} Finished messages"));
        }
        self.expect("mysql.user", USER)?;
        self.expect("mysql.response_code", "0x00")
    }

    /// Checks for the statements of a terminal client's script.
    fn shows_the_script(&self) -> Result<(), String> {
        for command in [COM_QUERY, COM_INIT_DB, COM_STATISTICS, COM_QUIT] {
            self.expect("mysql.command", command)?;
        }
        for query in [QUERY, "SELEKT"] {
            self.expect("mysql.query", query)?;
        }
        for (field, value) in [
            ("mysql.schema", DATABASE),
            ("mysql.num_fields", "2"),
            ("mysql.field.name", "needle"),
            ("mysql.row.text", "for your eyes only"),
            ("mysql.row.text", "one"),
            ("mysql.error_code", "1064"),
            ("mysql.affected_rows", "2"),
            // The packet that ends the rows.
            ("mysql.response_code", "0xfe"),
        ] {
            self.expect(field, value)?;
        }
        Ok(())
    }

    /// Checks for the binary protocol and the change of user.
    fn shows_prepared_statements(&self) -> Result<(), String> {
        for command in [COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_CHANGE_USER] {
            self.expect("mysql.command", command)?;
        }
        self.expect("mysql.user", OTHER_USER)
    }
}

/// Collects the fields of a packet, those of nested layers included.
fn collect(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) => {
            if name.starts_with("_ws.malformed") {
                fields.push((name.to_owned(), String::new()));
            }
            for (name, value) in inner {
                collect(name, value, fields);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(name, value, fields)),
        Value::String(text) => fields.push((name.to_owned(), text.clone())),
        other => fields.push((name.to_owned(), other.to_string())),
    }
}
