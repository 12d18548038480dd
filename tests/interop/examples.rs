//! Core's examples as a reader runs them: each driver under the same machine, against MariaDB's server and ours.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::{Command, Output};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{example, needs};
use sealwire_tests::server::{Kind, Server, Settings};

const USER: &str = "reader";

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
    // Each of them has said goodbye.
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

#[test]
fn the_pair_needs_nothing_but_memory() {
    let output = child::output(&mut Command::new(example("pair")), &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cipher = said.lines().find_map(|line| line.strip_prefix("connected with ")).unwrap_or_default();
    assert!(cipher.starts_with("TLS_") && said.contains(&format!("a row: {cipher}\n")), "{said}");
}
