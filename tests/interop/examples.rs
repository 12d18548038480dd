//! Core's examples as a reader runs them: each driver with the same machine, against MariaDB's server and ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{example, needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

const USER: &str = "reader";

/// The longest time until the example server says what has happened.
const PATIENCE: Duration = Duration::from_secs(30);

fn run(name: &str, server: &Server, set: &CertificateSet, password: &str) -> Output {
    let mut command = Command::new(example(name));
    command.arg(format!("127.0.0.1:{}", server.port)).args([USER, password]).arg(&set.ca);
    child::output(&mut command, &[]).unwrap()
}

fn connects(kind: Kind) {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let statements = vec![kind.create_user(USER, "mysql_native_password", PASSWORD, "SSL")];
    let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
    let mut server = Server::start(kind, &settings).unwrap();
    for name in ["std_net", "tokio"] {
        let output = run(name, &server, &set, PASSWORD);
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {complaint}");
        let cipher = said.lines().next().and_then(|line| line.strip_prefix("cipher in use: ")).unwrap_or_default();
        assert!(cipher.starts_with("TLS_"), "{name}: {said}");
        assert_eq!(said, format!("cipher in use: {cipher}\nSsl_cipher\t{cipher}\n"), "{name}");

        let output = run(name, &server, &set, "wrong");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaint.contains("1045"), "{name}: {complaint}");
    }
    // Each example has ended its connection properly.
    server.stop();
    assert!(!server.log().contains("Aborted connection"), "{}", server.log());
}

#[test]
fn the_clients_connect_to_mariadb() {
    if needs(&["mariadbd", "mariadb-install-db", "openssl"]) {
        connects(Kind::MariaDb);
    }
}

#[test]
fn the_clients_connect_to_sealwired() {
    if needs(&["openssl"]) {
        connects(Kind::Sealwired);
    }
}

/// A running example server and its output; it stops when the test ends.
struct Example {
    child: Child,
    address: String,
}

impl Example {
    fn start(set: &CertificateSet) -> Self {
        let mut command = Command::new(example("tokio_server"));
        command.args(["127.0.0.1:0", USER, PASSWORD]).args([&set.server_cert, &set.server_key]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    /// The lines on its standard error up to one with `wanted`. A client may end before the server has written about it.
    fn complaints_up_to(mut self, wanted: &str) -> String {
        let stderr = BufReader::new(self.child.stderr.take().unwrap());
        let (line, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).all(|text| line.send(text).is_ok()));
        let mut said = String::new();
        while !said.contains(wanted) {
            let Ok(line) = lines.recv_timeout(PATIENCE) else { panic!("no {wanted:?} in {said}") };
            said = format!("{said}{line}\n");
        }
        said
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn clients_connect_to_the_server_on_tokio() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = Example::start(&set);
    let query = |client: &Path, user: &str, password: &str, more: &[String]| {
        let mut command = Command::new(client);
        command.args(["--no-defaults", "--host=127.0.0.1", "--batch", "--skip-column-names", "-eSELECT 1"]);
        command.args([format!("--port={}", server.port()), format!("--user={user}"), format!("--password={password}")]);
        child::output(command.args(more), &[]).unwrap()
    };
    let ca = || format!("--ssl-ca={}", set.ca.display());
    for (client, verify) in [
        (Path::new("mariadb").to_owned(), "--ssl-verify-server-cert"),
        (program("sealwire"), "--ssl-mode=VERIFY_IDENTITY"),
    ] {
        let output = query(&client, USER, PASSWORD, &[ca(), verify.to_owned()]);
        let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.starts_with("TLS_"), "{}: {said}{complaint}", client.display());
        for (user, password, more, wanted) in [
            (USER, "wrong", vec![ca()], "ERROR 1045 (28000)"),
            ("nobody", PASSWORD, vec![ca()], "ERROR 1045 (28000)"),
            (USER, PASSWORD, vec!["--skip-ssl".to_owned()], "ERROR 3159"),
        ] {
            let output = query(&client, user, password, &more);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(complaint.contains(wanted), "{} as {user}: {complaint}", client.display());
        }
    }
    // The client of the other example, and an alert that both sides report.
    let run = |ca: &Path| {
        child::output(Command::new(example("tokio")).args([&server.address, USER, PASSWORD]).arg(ca), &[]).unwrap()
    };
    let output = run(&set.ca);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("cipher in use: TLS_"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let other = tempfile::tempdir().unwrap();
    assert!(!run(&CertificateSet::by_openssl(other.path()).ca).status.success());
    let said = server.complaints_up_to("unknown_ca");
    assert!(said.contains("refused: "), "{said}");
}

#[test]
fn the_pair_needs_nothing_but_memory() {
    let output = child::output(&mut Command::new(example("pair")), &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cipher = said.lines().find_map(|line| line.strip_prefix("connected with ")).unwrap_or_default();
    assert!(cipher.starts_with("TLS_") && said.contains(&format!("a row: {cipher}\n")), "{said}");
}
