//! COM_CHANGE_USER by the C libraries and PHP, between accounts of different plugins. libmariadb and libmysqlclient answer with the
//! scramble of the connection, even if an AuthSwitchRequest has another one.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::process::Command;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::{PASSWORD, python, site_packages};
use sealwire_tests::programs::{needs, package_folder};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::{Value, json};

/// Each plugin twice, so that an account of `caching_sha2_password` proves its password first by the full exchange and then by the digest.
/// The server keeps the digest for each account, so the second login is the fast one.
const SECURE: [&[&str]; 5] = [
    &["native", "other", "native"],
    &["native", "sha2", "native", "sha2", "native"],
    &["sha2", "native", "other_sha2", "other_sha2", "native"],
    &["sha256", "native", "sha256", "sha2", "native"],
    &["sha2", "sha256", "native"],
];

/// Over plaintext, `caching_sha2_password` works only with the digest.
const PLAIN: [&[&str]; 3] = [
    &["native", "other", "native", "native"],
    &["native", "sha2", "other", "sha2", "native"],
    &["sha2", "native", "sha2", "native"],
];

fn run(peer: &str, job: &Value) -> Value {
    let scripts = package_folder().join("interop/scripts");
    let mut command = if peer == "php" {
        let mut command = Command::new("php");
        command.arg(scripts.join("change_user.php"));
        command
    } else {
        let mut command = Command::new(python());
        command.arg("-B").arg(scripts.join("change_user.py"));
        command.env("LD_LIBRARY_PATH", site_packages().join("mysql/vendor"));
        command
    };
    let output = child::output(command.arg(job.to_string()), &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.trim())
        .unwrap_or_else(|error| panic!("{peer}: {error}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn libraries_change_user_between_all_plugins() {
    if !needs(&["openssl", "php", python().to_str().unwrap(), "/usr/lib/x86_64-linux-gnu/libmariadb.so.3"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let mut statements = Vec::new();
    for (user, plugin) in [
        ("native", "mysql_native_password"),
        ("other", "mysql_native_password"),
        ("sha2", "caching_sha2_password"),
        ("other_sha2", "caching_sha2_password"),
        ("sha256", "sha256_password"),
    ] {
        statements.push(Kind::Sealwired.create_user(user, plugin, PASSWORD, "NONE"));
    }
    let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut failures = Vec::new();
    // The secure chains run first, because the server learns from them the digests that the plaintext ones need.
    for (ca, chains) in [(Some(&set.ca), &SECURE[..]), (None, &PLAIN[..])] {
        for chain in chains {
            for peer in ["libmariadb", "libmysqlclient", "php"] {
                let job = json!({
                    "library": peer, "port": server.port, "ca": ca, "users": chain, "password": PASSWORD,
                });
                let users: Vec<_> = chain.iter().map(|user| format!("{user}@%")).collect();
                let expected = json!({"users": users, "encrypted": ca.is_some()});
                let seen = run(peer, &job);
                if seen != expected {
                    failures.push(format!("{peer} {chain:?} encrypted: {}: {seen}", ca.is_some()));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
