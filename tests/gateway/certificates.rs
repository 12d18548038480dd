//! Certificates that are renewed while the programs run, and those that servers show.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sealwire::Config;
use sealwire_tests::bridge::Bridge;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::connect;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::administration::by_socket;
use crate::names::for_host;
use crate::support::{gateway, log_in, with};

/// Puts certificate and key of `from` where those of `to` are.
fn renew(to: &CertificateSet, from: &CertificateSet) {
    for (source, target) in [(&from.server_cert, &to.server_cert), (&from.server_key, &to.server_key)] {
        fs::copy(source, target).unwrap();
    }
}

#[test]
fn renewed_certificates_are_served_without_a_signal() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let made = |name: &str| CertificateSet::by_openssl(&place.path().join(name));
    let (fronts, behind, bridged, next, last) =
        (made("front"), made("behind"), made("bridge"), made("next"), made("last"));
    // openssl's database gives this certificate the serial number 1000.
    CertificateSet::expiring(&place.path().join("behind"), "server", Duration::from_secs(5 * 86_400));
    // The gateway trusts the server's old CA and its next one.
    let both = [&behind.ca, &last.ca].map(|ca| fs::read_to_string(ca).unwrap()).concat();
    let cas = CertificateSet { ca: place.path().join("both.pem"), ..behind.clone() };
    fs::write(&cas.ca, both).unwrap();
    let named = CertificateSet::for_names(&place.path().join("named"), "DNS:db.example.com,IP:127.0.0.1");
    let for_name = for_host("db.example.com", &named);
    let server = {
        let statements = vec![Kind::Sealwired.create_user("native", "mysql_native_password", PASSWORD, "SSL")];
        let options = vec!["--ssl-reload=auto".to_owned(), for_name.clone()];
        let settings = Settings { certificates: Some(behind.clone()), statements, options, ..Settings::default() };
        Server::start(Kind::Sealwired, &settings).unwrap()
    };
    let socket = place.path().join("admin");
    let admin = format!("--admin-socket={}", socket.display());
    let gateway = gateway(&fronts, &[server.port], &cas, &[&admin, &for_name]);
    let files = |option: &str, path: &Path| format!("--{option}={}", path.display());
    let bridge =
        Bridge::to(server.port, &[&files("ssl-cert", &bridged.server_cert), &files("ssl-key", &bridged.server_key)]);
    log_in(gateway.port, "native", &fronts).unwrap();
    gateway.says(&format!(
        "the certificate of server 127.0.0.1:{} '/CN=server/O=Sealwire tests' expires soon",
        server.port
    ));
    let before = by_socket(&socket, "GET /status");
    let expiring = "\"serial\":\"1000\"";
    assert!(before.contains("\"tls_reloads\":0") && before.contains(expiring), "{before}");

    renew(&named, &last);
    renew(&fronts, &next);
    renew(&behind, &last);
    renew(&bridged, &next);
    gateway.says("A TLS file has changed: the TLS files were read again");
    assert!(server.wait_for_log_after(0, "A TLS file has changed: the TLS files were read again"), "{}", server.log());
    assert!(bridge.wait_for_log("A TLS file has changed: the TLS files were read again"), "{}", bridge.log());
    log_in(gateway.port, "native", &next).unwrap();
    assert!(log_in(gateway.port, "native", &fronts).is_err(), "the old CA did not issue it");
    for port in [server.port, gateway.port] {
        let asking = Config { sni: Some("db.example.com".to_owned()), ..with("native", &last) };
        connect(port, asking).unwrap();
    }
    let after = by_socket(&socket, "GET /status");
    assert!(after.contains("\"part\":\"server\"") && !after.contains(expiring), "{after}");
    let metrics = by_socket(&socket, "GET /metrics");
    let name =
        format!("sealwire_gateway_certificate_not_after_seconds{{part=\"server\",server=\"127.0.0.1:{}\"", server.port);
    assert!(metrics.contains(&name) && metrics.contains("sealwire_gateway_tls_reloads_total "), "{metrics}");
}
