//! Our client, as program and library, against MariaDB's server: with and without TLS, with every plugin and every requirement of MariaDB,
//! and with output equal to mariadb's byte for byte.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::process::{Command, ExitCode, Output};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire::provider::provider;
use sealwire::random::OsRandom;
use sealwire::{Address, Client, ClientError, Config, Socket, TlsPolicy};
use sealwire_core::message::Value;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_core::wire::compressed::Algorithm;
use sealwire_tests::certificates::{CA_SUBJECT, CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{missing, program};
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// The size of the large value, above the 16 MiB of one packet.
const BIG: usize = 20 * 1024 * 1024;

const NATIVE: &str = "mysql_native_password";
const CIPHER: &str = "ECDHE-ECDSA-CHACHA20-POLY1305";
const OTHER_CIPHER: &str = "ECDHE-ECDSA-AES128-GCM-SHA256";

/// The TLS settings of a connection.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    version: &'static str,
    client_certificate: bool,
    cipher_prefix: &'static str,
    compress: bool,
}

impl Mode {
    const fn new(name: &'static str, version: &'static str, cipher_prefix: &'static str) -> Self {
        Self { name, version, client_certificate: false, cipher_prefix, compress: false }
    }

    const fn with_client_certificate(self) -> Self {
        Self { client_certificate: true, ..self }
    }

    const fn compressed(self) -> Self {
        Self { compress: true, ..self }
    }
}

const MODES: [Mode; 7] = [
    Mode::new("plain", "", ""),
    Mode::new("tls12", "TLSv1.2", "ECDHE-ECDSA-"),
    Mode::new("tls13", "TLSv1.3", "TLS_"),
    Mode::new("mutual", "TLSv1.3", "TLS_").with_client_certificate(),
    Mode::new("plain_compressed", "", "").compressed(),
    Mode::new("tls12_compressed", "TLSv1.2", "ECDHE-ECDSA-").compressed(),
    Mode::new("tls13_compressed", "TLSv1.3", "TLS_").compressed(),
];

/// An account with its requirement, and whether a client satisfies it.
struct Requirement {
    user: &'static str,
    options: &'static [&'static str],
    admitted: bool,
}

/// `+cert` stands for the client's certificate, and `+ca` for the server's CA.
const REQUIREMENTS: [Requirement; 10] = [
    Requirement { user: "secured", options: &["+ca"], admitted: true },
    Requirement { user: "secured", options: &["--ssl=0"], admitted: false },
    Requirement { user: "mutual", options: &["+ca", "+cert"], admitted: true },
    Requirement { user: "mutual", options: &["+ca"], admitted: false },
    Requirement { user: "named", options: &["+ca", "+cert"], admitted: true },
    Requirement { user: "named", options: &["+ca"], admitted: false },
    Requirement { user: "named_other", options: &["+ca", "+cert"], admitted: false },
    Requirement { user: "ciphered", options: &["+ca", "+cipher"], admitted: true },
    Requirement { user: "ciphered", options: &["+ca", "+other_cipher"], admitted: false },
    Requirement { user: "ciphered", options: &["--ssl=0"], admitted: false },
];

/// The body of a trial.
type Test = Box<dyn FnOnce(&World) -> Result<(), String> + Send>;

/// A trial's name, arguments and standard input.
type Invocation = (&'static str, &'static [&'static str], &'static str);

/// The trials in which `mariadb` and `sealwire` must print the same.
const ALIKE: [Invocation; 14] = [
    ("table", &["-t", "-e", "SELECT 1 AS one, 'text' AS t, NULL AS nothing, -2.50 AS price"], ""),
    ("table_widths", &["-t", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("table_empty", &["-t", "-vv", "-e", "SELECT 1 FROM DUAL WHERE FALSE"], ""),
    ("batch", &["-B", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("batch_raw", &["-B", "-r", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("no_names", &["-N", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("no_names_table", &["-N", "-t", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("vertical", &["-E", "-e", "SELECT * FROM alike.v ORDER BY id"], ""),
    ("ego", &["-t"], "SELECT id, name FROM alike.v ORDER BY id\\G\nSELECT 2;"),
    ("error", &["-e", "SELECT * FROM alike.nothing"], ""),
    ("error_line", &[], "SELECT 1;\nSELECT\n 2;\nSELEKT 3;\nSELECT 4;\n"),
    ("force", &["-f"], "SELECT 1;\nSELEKT 3;\nSELECT 4;\n"),
    ("delimiter", &["-t"], "delimiter //\nSELECT 1; SELECT 2//\ndelimiter ;\nSELECT 3;\n"),
    ("verbose", &["-vvv"], "CREATE TEMPORARY TABLE alike.x (a INT);\nINSERT INTO alike.x VALUES (1),(2);\n"),
];

struct World {
    place: TempDir,
    server: OnceLock<Result<Server, String>>,
}

impl World {
    fn certificates(&self) -> CertificateSet {
        CertificateSet::in_folder(self.place.path())
    }

    fn server(&self) -> Result<&Server, String> {
        self.server.get_or_init(|| self.start()).as_ref().map_err(Clone::clone)
    }

    fn start(&self) -> Result<Server, String> {
        let kind = Kind::MariaDb;
        let mut statements = vec![
            "INSTALL SONAME 'auth_ed25519';".to_owned(),
            "CREATE DATABASE alike;".to_owned(),
            "CREATE TABLE alike.v (id INT, name VARCHAR(40) CHARACTER SET utf8mb4, size DOUBLE, born DATETIME);"
                .to_owned(),
            "INSERT INTO alike.v VALUES (1, 'plain', 1.5, '2020-02-29 01:02:03'), (20, 'Grüße 世界', NULL, NULL), \
             (300, 'tab\\there\\nline\\\\', -1e100, '1999-12-31'), (NULL, '', 0, NULL);"
                .to_owned(),
        ];
        let named = format!("ISSUER '{CA_SUBJECT}' SUBJECT '{CLIENT_SUBJECT}'");
        let named_other = format!("ISSUER '{CA_SUBJECT}' SUBJECT '{CLIENT_SUBJECT} too'");
        let ciphered = format!("CIPHER '{CIPHER}'");
        for (user, plugin, require) in [
            ("native", NATIVE, "NONE"),
            ("ed", "ed25519", "NONE"),
            ("other", NATIVE, "NONE"),
            ("other_ed", "ed25519", "SSL"),
            ("secured", NATIVE, "SSL"),
            ("mutual", NATIVE, "X509"),
            ("named", NATIVE, &named),
            ("named_other", NATIVE, &named_other),
            ("ciphered", NATIVE, &ciphered),
        ] {
            statements.push(kind.create_user(user, plugin, PASSWORD, require));
            statements.push(format!("GRANT ALL ON alike.* TO '{user}'@'%';"));
        }
        let settings = Settings { certificates: Some(self.certificates()), statements, ..Settings::default() };
        Server::start(kind, &settings)
    }

    /// `mariadb` or `sealwire` with the arguments for server and user.
    fn command(&self, name: &str, user: &str, password: &str) -> Result<Command, String> {
        let mut command = if name == "sealwire" { Command::new(program(name)) } else { Command::new(name) };
        command.args(["--no-defaults", "--host=127.0.0.1", "--default-character-set=utf8mb4"]);
        command.arg(format!("--port={}", self.server()?.port));
        // The password is not on the command line, because sealwire would warn of that.
        command.arg(format!("--user={user}")).env("MYSQL_PWD", password);
        Ok(command)
    }

    fn tls_arguments(&self, mode: Mode) -> Vec<String> {
        if mode.version.is_empty() {
            return vec!["--ssl=0".to_owned()];
        }
        let mut arguments = self.expand(&["+ca"]);
        if mode.client_certificate {
            arguments.extend(self.expand(&["+cert"]));
        }
        arguments.push(format!("--tls-version={}", mode.version));
        arguments
    }

    fn expand(&self, options: &[&str]) -> Vec<String> {
        let set = self.certificates();
        let expand = |option: &&str| match *option {
            "+ca" => vec![format!("--ssl-ca={}", set.ca.display()), "--ssl-verify-server-cert".to_owned()],
            "+cert" => {
                vec![
                    format!("--ssl-cert={}", set.client_cert.display()),
                    format!("--ssl-key={}", set.client_key.display()),
                ]
            }
            "+cipher" => vec!["--tls-version=TLSv1.2".to_owned(), format!("--ssl-cipher={CIPHER}")],
            "+other_cipher" => vec!["--tls-version=TLSv1.2".to_owned(), format!("--ssl-cipher={OTHER_CIPHER}")],
            other => vec![other.to_owned()],
        };
        options.iter().flat_map(expand).collect()
    }

    /// A connection by the library.
    fn connect(&self, user: &str, password: &str, mode: Mode) -> Result<Client<Socket>, String> {
        let mut config = Config::new(user, password.into(), Arc::new(OsRandom::new()));
        config.server_name = "127.0.0.1".to_owned();
        config.tls = TlsPolicy::Disabled;
        if mode.compress {
            config.compression = vec![Algorithm::Zlib];
        }
        if !mode.version.is_empty() {
            let set = self.certificates();
            let pem = |path: &std::path::Path| {
                NamedPem::new(path.display().to_string(), std::fs::read(path).expect("a file of the set"))
            };
            let mut options = ClientOptions::new(provider(), Trust::CaAndIdentity);
            options.ca = vec![pem(&set.ca)];
            options.versions = Some(mode.version.to_owned());
            if mode.client_certificate {
                (options.cert, options.key) = (Some(pem(&set.client_cert)), Some(pem(&set.client_key)));
            }
            config.tls = TlsPolicy::Required(ClientContext::build(options).map_err(|error| error.to_string())?);
        }
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: self.server()?.port };
        Client::connect(&address, config).map_err(|error| error.to_string())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let world = Arc::new(World { place: tempfile::tempdir().expect("a temporary folder"), server: OnceLock::new() });
    if !arguments.list {
        CertificateSet::by_openssl(world.place.path());
    }
    let conclusion = libtest_mimic::run(&arguments, trials(&world));
    // The server stops when its last owner drops it; exiting here would leave it running.
    drop(world);
    conclusion.exit_code()
}

fn trials(world: &Arc<World>) -> Vec<Trial> {
    let reason = Kind::MariaDb.missing().or_else(|| missing("mariadb"));
    if let Some(reason) = &reason {
        println!("all tests are skipped: {reason}");
    }
    let mut trials = Vec::new();
    let mut add = |name: String, test: Test| {
        let world = Arc::clone(world);
        let trial = Trial::test(name, move || test(&world).map_err(Failed::from));
        trials.push(trial.with_ignored_flag(reason.is_some()));
    };
    for mode in MODES {
        let user = if mode.client_certificate { "mutual" } else { "native" };
        add(format!("program::{}", mode.name), Box::new(move |world| by_program(world, user, mode)));
        add(format!("program::ed25519::{}", mode.name), Box::new(move |world| by_program(world, "ed", mode)));
        add(format!("library::{}", mode.name), Box::new(move |world| by_library(world, user, mode)));
        add(format!("refused::wrong_password::{}", mode.name), Box::new(move |world| wrong_password(world, mode)));
    }
    for case in REQUIREMENTS {
        let answer = if case.admitted { "admitted" } else { "refused" };
        add(format!("require::{}::{answer}_with_{}", case.user, case.options.join("_")), {
            Box::new(move |world| require(world, &case))
        });
    }
    for (name, arguments, input) in ALIKE {
        add(format!("as_mariadb::{name}"), Box::new(move |world| alike(world, arguments, input)));
    }
    trials
}

/// Queries, TLS and a value larger than a packet, with the program.
fn by_program(world: &World, user: &str, mode: Mode) -> Result<(), String> {
    let mut command = world.command("sealwire", user, PASSWORD)?;
    command.args(world.tls_arguments(mode)).args(["--batch", "--skip-column-names"]);
    command.args(mode.compress.then_some("--compress"));
    let big: String = ('a'..='z').cycle().take(BIG).collect();
    let sql = format!(
        "SHOW STATUS LIKE 'Ssl_version';\nSHOW STATUS LIKE 'Ssl_cipher';\nSELECT CURRENT_USER();\n\
         SELECT 40 + 2, 'Grüße', NULL;\nSELECT LENGTH('{big}');\nSELECT '{big}';\n\
         SHOW STATUS LIKE 'Compression';\n"
    );
    let output = child::output(&mut command, sql.as_bytes())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines();
    let mut expect = |expected: &str| match lines.next() {
        Some(line) if line == expected => Ok(()),
        other => Err(format!("'{:.200}' instead of '{expected:.200}': {complaint}", other.unwrap_or("nothing"))),
    };
    expect(&format!("Ssl_version\t{}", mode.version))?;
    let cipher = said.lines().nth(1).and_then(|line| line.strip_prefix("Ssl_cipher\t")).unwrap_or("not told");
    if !cipher.starts_with(mode.cipher_prefix) || cipher.is_empty() != mode.version.is_empty() {
        return Err(format!("Ssl_cipher is '{cipher}', expected {}…", mode.cipher_prefix));
    }
    for line in [&format!("Ssl_cipher\t{cipher}"), &format!("{user}@%"), "42\tGrüße\tNULL", &BIG.to_string(), &big] {
        expect(line)?;
    }
    expect(if mode.compress { "Compression\tON" } else { "Compression\tOFF" })?;
    if output.status.success() { Ok(()) } else { Err(format!("{}: {complaint}", output.status)) }
}

/// The same with the library, and prepared statements and a change of user over the same TLS connection.
fn by_library(world: &World, user: &str, mode: Mode) -> Result<(), String> {
    let told = |error: ClientError| error.to_string();
    let mut client = world.connect(user, PASSWORD, mode)?;
    let own = client.ssl_cipher().unwrap_or_default().to_owned();
    let status = |client: &mut Client<Socket>| {
        let mut result = client.query("SHOW STATUS WHERE Variable_name IN ('Ssl_cipher', 'Ssl_version')")?;
        let mut values = Vec::new();
        while let Some(row) = result.next()? {
            let value = row.iter().nth(1).and_then(Result::ok).flatten();
            values.push(String::from_utf8_lossy(value.unwrap_or(b"NULL")).into_owned());
        }
        Ok(values)
    };
    let expected = [own.clone(), mode.version.to_owned()];
    let (before, prefix) = (status(&mut client).map_err(told)?, mode.cipher_prefix);
    if before != expected || !own.starts_with(prefix) || own.is_empty() != prefix.is_empty() {
        return Err(format!("the server says {before:?}, the client {expected:?}, the test {prefix}…"));
    }
    let big = vec![b'x'; BIG];
    let statement = client.prepare("SELECT ? + 2, ?, ?, ?").map_err(told)?;
    let parameters = [Value::Int(40), Value::Bytes("Grüße".as_bytes()), Value::Null, Value::Bytes(&big)];
    for _ in 0..2 {
        let mut result = client.execute(&statement, &parameters).map_err(told)?;
        let row = result.next().map_err(told)?.ok_or("no row of the prepared statement")?;
        let values: Vec<Value<'_>> = row.iter().collect::<Result<_, _>>().map_err(|error| format!("{error:?}"))?;
        let texts: Vec<String> = values.iter().take(2).map(ToString::to_string).collect();
        if texts != ["42", "Grüße"] || values.get(2..) != Some(&[Value::Null, Value::Bytes(&big)]) {
            return Err(format!("the prepared statement gives {texts:?}, or the large value came back damaged"));
        }
    }
    client.close(&statement).map_err(told)?;
    // A statement that a server may answer by another one of its own.
    let statement = client.prepare("SHOW TABLES FROM information_schema").map_err(told)?;
    let mut result = client.execute(&statement, &[]).map_err(told)?;
    if result.columns().len() != 1 || result.next().map_err(told)?.is_none() {
        return Err("the prepared SHOW TABLES shows no tables".to_owned());
    }
    drop(result);
    at_once(&mut client)?;
    let others: &[&str] = if mode.version.is_empty() { &["other", "ed"] } else { &["other", "other_ed"] };
    for other in others {
        client.change_user(other, PASSWORD.into(), Some("alike")).map_err(told)?;
        let mut result = client.query("SELECT CURRENT_USER()").map_err(told)?;
        let row = result.next().map_err(told)?.ok_or("no row of CURRENT_USER()")?;
        let now = row.iter().next().and_then(Result::ok).flatten().map(String::from_utf8_lossy);
        if now.as_deref() != Some(&format!("{other}@%")) {
            return Err(format!("after the change to {other} the user is {now:?}"));
        }
    }
    let after = status(&mut client).map_err(told)?;
    if after != expected {
        return Err(format!("after the change of user the server says {after:?}, not {expected:?}"));
    }
    client.quit().map_err(told)
}

/// Statements that are prepared and executed in one round trip; some of them fail.
fn at_once(client: &mut Client<Socket>) -> Result<(), String> {
    for (sql, values, expected) in [
        ("SELECT ? + 1", vec![Value::Int(1)], Ok(2)),
        ("SELEC ?", vec![Value::Int(1)], Err(1064)),
        // This statement can be prepared; the error of a subquery with two rows comes only when it is executed.
        ("SELECT (SELECT 1 UNION ALL SELECT ?)", vec![Value::Int(2)], Err(1242)),
        ("SELECT ? + ?", vec![Value::Int(3), Value::Int(4)], Ok(7)),
    ] {
        let outcome = client.prepare_and_execute(sql, &values).and_then(|(statement, mut result)| {
            let row = result.next()?.map(|row| row.read::<(i64,)>());
            Ok((statement, row))
        });
        let outcome = match outcome {
            Ok((statement, Some(Ok((number,))))) => {
                client.close(&statement).map_err(|error| error.to_string())?;
                Ok(number)
            }
            Err(ClientError::Sql(error)) => Err(error.code),
            other => return Err(format!("{sql}: {other:?}")),
        };
        if outcome != expected {
            return Err(format!("{sql}: {outcome:?}, not {expected:?}"));
        }
    }
    Ok(())
}

fn wrong_password(world: &World, mode: Mode) -> Result<(), String> {
    for user in ["native", "ed"] {
        let mut command = world.command("sealwire", user, "wrong")?;
        command.args(world.tls_arguments(mode)).args(["-e", "SELECT 1"]);
        refused(&child::output(&mut command, &[])?, user, "YES")?;
    }
    Ok(())
}

fn require(world: &World, case: &Requirement) -> Result<(), String> {
    let mut command = world.command("sealwire", case.user, PASSWORD)?;
    command.args(world.expand(case.options)).args(["-N", "-e", "SELECT CURRENT_USER()"]);
    let output = child::output(&mut command, &[])?;
    if !case.admitted {
        return refused(&output, case.user, "YES");
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if said == format!("{}@%\n", case.user) { Ok(()) } else { Err(format!("{said}{complaint}")) }
}

/// Checks that the program prints MariaDB's refusal as mysql does, and nothing on standard output.
fn refused(output: &Output, user: &str, using_password: &str) -> Result<(), String> {
    let complaint = String::from_utf8_lossy(&output.stderr);
    let start = format!("ERROR 1045 (28000): Access denied for user '{user}'@'");
    let end = format!("(using password: {using_password})");
    let line = complaint.lines().next().unwrap_or_default();
    if output.status.code() == Some(1) && output.stdout.is_empty() && line.starts_with(&start) && line.ends_with(&end) {
        return Ok(());
    }
    Err(format!("{} with {:?}, not refused: {complaint}", output.status, String::from_utf8_lossy(&output.stdout)))
}

/// Checks that both programs print the same on both channels and end with the same code.
fn alike(world: &World, arguments: &[&str], input: &str) -> Result<(), String> {
    let told = |name: &str| {
        let mut command = world.command(name, "native", PASSWORD)?;
        let output = child::output(command.arg("--skip-ssl").args(arguments), input.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok::<_, String>((text(&output.stdout), text(&output.stderr), output.status.code()))
    };
    let (mut theirs, mut ours) = (told("mariadb")?, told("sealwire")?);
    // MariaDB's client prints a failed statement before the error; mysql, which ours follows, does not.
    if let Some((_, error)) = theirs.1.strip_prefix(RULE).and_then(|said| said.split_once(&format!("\n{RULE}\n"))) {
        theirs.1 = error.to_owned();
    }
    (theirs.0, ours.0) = (without_times(&theirs.0), without_times(&ours.0));
    if theirs == ours { Ok(()) } else { Err(format!("mariadb:\n{theirs:#?}\nsealwire:\n{ours:#?}")) }
}

/// The line around a failed statement that is printed.
const RULE: &str = "--------------\n";

/// The text with each time, such as `(0.003 sec)`, replaced by `(0.000 sec)`.
fn without_times(text: &str) -> String {
    let line = |line: &str| match line.rsplit_once('(') {
        Some((before, after)) if after.trim_end().ends_with(" sec)") => {
            let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
            format!("{before}({}", after.chars().map(digits).collect::<String>())
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}
