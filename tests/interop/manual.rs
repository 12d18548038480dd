//! The session of the MySQL manual's chapter about secure connections, with the certificates of three makers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use sealwire_tests::certificates::{CertificateSet, std_data};
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

const NATIVE: &str = "mysql_native_password";
const SHA2: &str = "caching_sha2_password";

fn settings(set: &CertificateSet) -> Settings {
    let statements = vec![
        Kind::Sealwired.create_user("native", NATIVE, PASSWORD, "NONE"),
        Kind::Sealwired.create_user("sha2", SHA2, PASSWORD, "SSL"),
        Kind::Sealwired.create_user("mutual", SHA2, PASSWORD, "X509"),
        Kind::Sealwired.create_user("admin", SHA2, PASSWORD, "SSL"),
        "GRANT ALL ON *.* TO 'admin'@'%';".to_owned(),
    ];
    Settings { certificates: Some(set.clone()), statements, ..Settings::default() }
}

fn sealwire(server: &Server, user: &str, options: &[String]) -> Command {
    let mut command = Command::new(program("sealwire"));
    // The password is not on the command line, because the client would warn of that.
    command.env_remove("HOME").env("MYSQL_PWD", PASSWORD);
    command.args(["--no-defaults", "--host=127.0.0.1"]).arg(format!("--port={}", server.port));
    command.arg(format!("--user={user}")).args(options);
    command
}

fn run(server: &Server, user: &str, options: &[String], sql: &str) -> Output {
    child::output(&mut sealwire(server, user, options), sql.as_bytes()).unwrap()
}

/// Runs a session that must succeed; returns its output.
#[track_caller]
fn told(server: &Server, user: &str, options: &[String], sql: &str) -> String {
    let output = run(server, user, options, sql);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{user} {options:?}: {err}\n{}", server.log());
    out.into_owned()
}

#[track_caller]
fn denied(server: &Server, user: &str, options: &[String], text: &str) {
    let output = run(server, user, options, "SELECT 1;");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(text), "{user} {options:?}: {said}");
}

fn with_ca(set: &CertificateSet) -> Vec<String> {
    vec![format!("--ssl-ca={}", set.ca.display())]
}

fn with_certificate(set: &CertificateSet) -> Vec<String> {
    let mut options = with_ca(set);
    options.push(format!("--ssl-cert={}", set.client_cert.display()));
    options.push(format!("--ssl-key={}", set.client_key.display()));
    options
}

fn and(options: &[String], more: &[&str]) -> Vec<String> {
    options.iter().cloned().chain(more.iter().map(|option| (*option).to_owned())).collect()
}

/// The statements that the manual has the reader type.
const STATUS: &str = "SHOW STATUS LIKE 'Ssl_cipher';\n\\s\n";

/// Checks that the session uses TLS, by `SHOW STATUS` and by `\s`, with a cipher whose name begins like this.
#[track_caller]
fn is_secure(said: &str, cipher_begins: &str) {
    assert!(said.starts_with("Variable_name\tValue\nSsl_cipher\t"), "{said}");
    let cipher = said.lines().nth(1).and_then(|line| line.strip_prefix("Ssl_cipher\t")).unwrap();
    assert!(!cipher.is_empty() && cipher.starts_with(cipher_begins), "{said}");
    assert!(said.contains(&format!("SSL:\t\t\tCipher in use is {cipher}, cert is verified by CA\n")), "{said}");
}

#[track_caller]
fn is_plain(said: &str) {
    assert!(said.starts_with("Variable_name\tValue\nSsl_cipher\t\n"), "{said}");
    assert!(said.contains("SSL:\t\t\tNot in use\n"), "{said}");
}

/// The whole session with one set of certificates.
fn session(set: &CertificateSet, tls12_cipher: &str) {
    let mut server = Server::start(Kind::Sealwired, &settings(set)).unwrap();
    let (ca, certificate) = (with_ca(set), with_certificate(set));
    for user in ["native", "sha2"] {
        is_secure(&told(&server, user, &ca, STATUS), "TLS_");
        is_secure(&told(&server, user, &certificate, STATUS), "TLS_");
    }
    for (version, cipher) in [("TLSv1.2", tls12_cipher), ("TLSv1.3", "TLS_")] {
        let option = format!("--tls-version={version}");
        is_secure(&told(&server, "mutual", &and(&certificate, &[&option]), STATUS), cipher);
        let said = told(&server, "sha2", &and(&ca, &[&option, "-N"]), "SHOW STATUS LIKE 'Ssl_version';");
        assert_eq!(said, format!("Ssl_version\t{version}\n"));
    }
    denied(&server, "mutual", &ca, "ERROR 1045 (28000): Access denied for user 'mutual'@");
    denied(&server, "mutual", &["--ssl=0".to_owned()], "ERROR 1045 (28000): Access denied for user 'mutual'@");
    denied(&server, "sha2", &["--ssl=0".to_owned()], "ERROR 1045 (28000): Access denied for user 'sha2'@");
    assert!(server.wait_for_log("'mutual'@'localhost': X509 certificate mismatch"), "{}", server.log());

    // Switching TLS off wins over every other SSL option, wherever it stands.
    let off = ["--ssl=0", "--skip-ssl", "--disable-ssl"];
    for off in off {
        is_plain(&told(&server, "native", &[off.to_owned()], STATUS));
        is_plain(&told(&server, "native", &and(&[&[off.to_owned()], &certificate[..]].concat(), &["--ssl"]), STATUS));
        is_plain(&told(&server, "native", &and(&certificate, &["--ssl-mode=VERIFY_IDENTITY", "--ssl=1", off]), STATUS));
    }
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    assert!(!server.log().contains(PASSWORD), "{}", server.log());
}

#[test]
fn with_the_certificates_of_sealwire_certs() {
    let place = tempfile::tempdir().unwrap();
    session(&CertificateSet::by_sealwire_certs(place.path()), "ECDHE-ECDSA-");
}

#[test]
fn with_the_certificates_of_mariadbs_tests() {
    if !needs(&[&std_data("cacert.pem").to_string_lossy()]) {
        return;
    }
    session(&CertificateSet::std_data(), "ECDHE-RSA-");
}

#[test]
fn with_x509_v1_certificates_as_the_manual_of_5_6_makes_them() {
    let place = tempfile::tempdir().unwrap();
    session(&CertificateSet::as_the_manual(place.path(), "db1.example"), "ECDHE-RSA-");
}

/// An open session that takes statements and returns lines.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn open(server: &Server, user: &str, options: &[String]) -> Self {
        let mut command = sealwire(server, user, options);
        command.args(["-N", "--unbuffered"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// The one line that a statement returns.
    fn ask(&mut self, sql: &str) -> String {
        writeln!(self.input, "{sql}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    fn close(mut self) -> bool {
        drop(self.input);
        self.child.wait().unwrap().success()
    }
}

fn copy(from: &CertificateSet, to: &CertificateSet) {
    for (from, to) in [(&from.ca, &to.ca), (&from.server_cert, &to.server_cert), (&from.server_key, &to.server_key)] {
        fs::copy(from, to).unwrap();
    }
}

fn set_in(place: &Path, name: &str) -> CertificateSet {
    CertificateSet::by_openssl(&place.join(name))
}

#[test]
fn certificates_are_replaced_without_touching_a_live_session() {
    let place = tempfile::tempdir().unwrap();
    let (used, old, new) = (set_in(place.path(), "used"), set_in(place.path(), "old"), set_in(place.path(), "new"));
    copy(&old, &used);
    let server = Server::start(Kind::Sealwired, &settings(&used)).unwrap();
    let cipher = "SHOW STATUS LIKE 'Ssl_cipher';";
    let mut live = Session::open(&server, "admin", &with_ca(&old));
    let before = live.ask(cipher);
    assert!(before.starts_with("Ssl_cipher\tTLS_"), "{before}");

    for (reload, old, new) in [("ALTER INSTANCE RELOAD TLS;", &old, &new), ("FLUSH SSL;", &new, &old)] {
        copy(new, &used);
        denied(&server, "admin", &with_ca(new), "ERROR 2026 (HY000)");
        told(&server, "admin", &with_ca(old), reload);
        assert_eq!(live.ask(cipher), before, "{reload}");
        denied(&server, "admin", &with_ca(old), "ERROR 2026 (HY000)");
        assert!(told(&server, "admin", &with_ca(new), cipher).contains("Ssl_cipher\tTLS_"), "{reload}");
    }

    // The key does not fit the certificate, so the old ones stay in use.
    fs::copy(&new.server_key, &used.server_key).unwrap();
    for reload in ["ALTER INSTANCE RELOAD TLS;", "FLUSH SSL;"] {
        let output = run(&server, "admin", &with_ca(&old), reload);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("ERROR 3888 (HY000) at line 1: Failed to set up SSL because of"), "{said}");
        assert!(!output.status.success());
        assert!(told(&server, "admin", &with_ca(&old), cipher).contains("Ssl_cipher\tTLS_"));
    }
    // This user lacks the privilege.
    let output = run(&server, "native", &with_ca(&old), "ALTER INSTANCE RELOAD TLS;");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("ERROR 1227 (42000) at line 1: "));
    assert_eq!(live.ask(cipher), before);
    assert!(live.close());
}

#[test]
fn accounts_outlive_a_restart_as_hashes() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = Server::start(Kind::Sealwired, &settings(&set)).unwrap();
    let made = format!("CREATE USER 'later'@'%' IDENTIFIED WITH {SHA2} BY '{PASSWORD}' REQUIRE X509;");
    told(&server, "admin", &with_ca(&set), &made);
    told(&server, "admin", &with_ca(&set), "DROP USER 'native'@'%';");
    let server = server.restart(&Settings { statements: Vec::new(), ..settings(&set) }).unwrap();
    let said = told(&server, "later", &and(&with_certificate(&set), &["-N"]), "SELECT CURRENT_USER();");
    assert_eq!(said, "later@%\n");
    denied(&server, "later", &with_ca(&set), "ERROR 1045 (28000)");
    denied(&server, "native", &with_ca(&set), "ERROR 1045 (28000)");
    for entry in fs::read_dir(server.folder().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()), "{}", path.display());
    }
}

#[test]
fn sigterm_ends_the_server_with_a_session_open() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let mut server = Server::start(Kind::Sealwired, &settings(&set)).unwrap();
    let mut live = Session::open(&server, "admin", &with_ca(&set));
    assert_eq!(live.ask("SELECT 40 + 2;"), "42\n");
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    let log = server.log();
    assert!(log.contains("Received SIGTERM: normal shutdown") && log.contains("Shutdown complete."), "{log}");
    assert!(!server.socket.exists(), "the socket's file is gone");
    live.close();
}
