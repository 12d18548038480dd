//! Certificates by the name that clients ask for, at sealwired and at the gateway.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use sealwire::Config;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::connect;
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::administration::by_socket;
use crate::support::{gateway, with};

/// The option that gives clients the certificate of a set.
pub(crate) fn for_host(host: &str, set: &CertificateSet) -> String {
    format!("--ssl-sni-cert={host}:{}:{}", set.server_cert.display(), set.server_key.display())
}

/// Both programs with these options; the account `native` demands TLS.
fn start(set: &CertificateSet, options: &[String], socket: &Path) -> (Server, Daemon) {
    let statements = vec![Kind::Sealwired.create_user("native", "mysql_native_password", PASSWORD, "SSL")];
    let settings =
        Settings { certificates: Some(set.clone()), options: options.to_vec(), statements, ..Settings::default() };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let socket = format!("--admin-socket={}", socket.display());
    let more: Vec<&str> = options.iter().map(String::as_str).chain([socket.as_str()]).collect();
    let gateway = gateway(set, &[server.port], set, &more);
    (server, gateway)
}

/// Whether openssl, asking for a name, gets a certificate for it that this set's CA has issued.
fn shows(port: u16, host: &str, set: &CertificateSet) -> bool {
    let output = Command::new("openssl")
        .args(["s_client", "-starttls", "mysql", "-connect", &format!("127.0.0.1:{port}"), "-servername", host])
        .args(["-verify_return_error", "-verify_hostname", host, "-CAfile"])
        .arg(&set.ca)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).contains("Verification: OK")
}

/// Logs in with our own program, which checks the host's name.
fn logs_in(port: u16, sni: Option<&str>, set: &CertificateSet) -> bool {
    let mut command = Command::new(program("sealwire"));
    command.args(["--no-defaults", "--ssl-mode=VERIFY_IDENTITY", "-h127.0.0.1", "-unative", "-e", "SELECT 1"]);
    command.arg(format!("-P{port}")).arg(format!("-p{PASSWORD}")).arg(format!("--ssl-ca={}", set.ca.display()));
    command.args(sni.map(|sni| format!("--tls-sni-servername={sni}")));
    command.output().unwrap().status.success()
}

#[test]
fn each_name_has_its_certificate() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let made = |name: &str, names: &str| CertificateSet::for_names(&place.path().join(name), names);
    let set = made("default", "DNS:localhost,IP:127.0.0.1");
    let whole = made("whole", "DNS:db.example.com,IP:127.0.0.1");
    let wild = made("wild", "DNS:*.example.com,IP:127.0.0.1");
    let next = made("next", "DNS:db.example.com,IP:127.0.0.1");
    let socket = place.path().join("admin");
    let options = [for_host("*.example.com", &wild), for_host("db.example.com", &whole)];
    let (server, gateway) = start(&set, &options, &socket);
    for port in [server.port, gateway.port] {
        assert!(shows(port, "db.example.com", &whole) && shows(port, "web.example.com", &wild), "{port}");
        assert!(shows(port, "localhost", &set), "{port}");
        assert!(!shows(port, "a.web.example.com", &wild), "a wildcard is one label");
        for (sni, set, other) in [
            (None, &set, &whole),
            (Some("db.example.com"), &whole, &wild),
            (Some("web.example.com"), &wild, &whole),
            (Some("example.com"), &set, &wild),
        ] {
            assert!(logs_in(port, sni, set), "{port} {sni:?}");
            assert!(!logs_in(port, sni, other), "{port} {sni:?}");
        }
        let asking = |set: &CertificateSet| Config { sni: Some("db.example.com".to_owned()), ..with("native", set) };
        let client = connect(port, asking(&whole)).unwrap();
        assert_eq!(client.facts().tls.as_ref().unwrap().sni.as_deref(), Some("db.example.com"));
    }
    assert!(server.log().contains("; for db.example.com certificate '"), "{}", server.log());
    let status = by_socket(&socket, "GET /status");
    for host in ["\"db.example.com\"", "\"*.example.com\"", "null"] {
        assert!(status.contains(&format!("{{\"part\":\"own\",\"host\":{host},")), "{status}");
    }

    for (from, to) in [(&next.server_cert, &whole.server_cert), (&next.server_key, &whole.server_key)] {
        fs::copy(from, to).unwrap();
    }
    gateway.signal("HUP");
    server.signal("HUP");
    gateway.says("the TLS files were read again");
    assert!(server.wait_for_log("the TLS files were read again"), "{}", server.log());
    for port in [server.port, gateway.port] {
        assert!(shows(port, "db.example.com", &next) && shows(port, "web.example.com", &wild), "{port}");
    }
    // A file that can't be used leaves all as they are.
    fs::write(&wild.server_cert, "nothing").unwrap();
    gateway.signal("HUP");
    gateway.says("TLS stays unchanged: option '--ssl-sni-cert' for '*.example.com'");
    assert!(shows(gateway.port, "db.example.com", &next));
}
