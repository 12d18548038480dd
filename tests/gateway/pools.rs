//! TLS towards the servers, pool by pool.

use std::process::Command;

use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::administration::by_socket;
use crate::support::{gateway, log_in, server_of};

/// A server whose account `native` demands the client certificate of this set.
fn server(set: &CertificateSet) -> Server {
    let require = format!("SUBJECT '{CLIENT_SUBJECT}'");
    let statements =
        ["one", "two"].map(|user| Kind::Sealwired.create_user(user, "mysql_native_password", PASSWORD, &require));
    let settings = Settings { certificates: Some(set.clone()), statements: statements.to_vec(), ..Settings::default() };
    Server::start(Kind::Sealwired, &settings).unwrap()
}

/// The settings of a pool that trusts this set's CA and shows its client's certificate.
fn pool(name: &str, set: &CertificateSet) -> String {
    let file = |path: &std::path::Path| path.display().to_string();
    format!(
        "--pool={name},ssl-ca={},ssl-cert={},ssl-key={}",
        file(&set.ca),
        file(&set.client_cert),
        file(&set.client_key)
    )
}

#[test]
fn each_pool_trusts_its_own_ca_and_shows_its_own_certificate() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| CertificateSet::by_openssl(&place.path().join(name)));
    let servers = [server(&one), server(&two)];
    let socket = place.path().join("admin");
    let common = [
        format!("--server=127.0.0.1:{},pool=b", servers[1].port),
        format!("--admin-socket={}", socket.display()),
        "--route=user=two,pool=b".to_owned(),
    ];
    // The gateway's own option names the first set's CA, which pool b does not take.
    let start = |pools: [String; 2]| {
        let options: Vec<&str> = pools.iter().chain(&common).map(String::as_str).collect();
        gateway(&one, &[servers[0].port], &one, &options)
    };
    {
        let right = start([pool("a", &one), pool("b", &two)]);
        for (user, server) in [("one", &servers[0]), ("two", &servers[1])] {
            let mut client = log_in(right.port, user, &one).unwrap();
            assert_eq!(server_of(&mut client), server.port);
            assert!(!ask(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").unwrap().is_empty());
        }
        let status = by_socket(&socket, "GET /status");
        for shown in [
            "\"part\":\"server-ca\",\"host\":null,\"pool\":\"a\"",
            "\"part\":\"towards-servers\",\"host\":null,\"pool\":\"b\"",
        ] {
            assert!(status.contains(shown), "{status}");
        }
    }
    {
        let swapped = start([pool("a", &two), pool("b", &one)]);
        for user in ["one", "two"] {
            let error = log_in(swapped.port, user, &one).unwrap_err().to_string();
            assert!(error.contains("1105"), "{error}");
        }
        for server in &servers {
            swapped.says(&format!("server 127.0.0.1:{}: SSL connection error", server.port));
        }
    }
    {
        // The second pool has no settings of its own, and so those of the gateway.
        let inherits = start([pool("a", &one), "--pool=b".to_owned()]);
        log_in(inherits.port, "one", &one).unwrap();
        assert!(log_in(inherits.port, "two", &one).is_err());
    }
    {
        let unverified = start([pool("a", &one), format!("{},ssl-mode=REQUIRED", pool("b", &one))]);
        unverified.says("pool 'b': the servers' certificates are not verified");
        let error = log_in(unverified.port, "two", &one).unwrap_err().to_string();
        assert!(error.contains("1045") || error.contains("1105"), "the server does not trust the certificate: {error}");
    }
}

#[test]
fn a_pools_file_that_is_not_there_is_named() {
    let output = Command::new(program("sealwire-gateway"))
        .args(["--no-defaults", "--skip-ssl", "--skip-require-secure-transport", "--server=127.0.0.1:1"])
        .arg("--pool=a,ssl-ca=/nowhere/ca.pem")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(said.contains("pool 'a': option 'ssl-ca': can't read '/nowhere/ca.pem'"), "{said}");
}
