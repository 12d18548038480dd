//! A server that the gateway can't verify learns nothing of the login, and a password leaves no secure connection for another.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Change, connect, listen, packet, strip, unchanged};
use sealwire_tests::programs::{can, needs};
use sealwire_tests::restart::restart;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::{gateway, log_in, server};

/// A server of another pool, which the gateway verifies, so that it can greet its clients.
struct Honest {
    server: Server,
    set: CertificateSet,
}

impl Honest {
    /// Of the same kind as the servers that are refused, because the client agrees to what this one offers.
    fn start(kind: Kind, place: &Path) -> Self {
        let set = CertificateSet::by_openssl(place);
        Self { server: server(kind, Some(&set)), set }
    }

    /// The gateway's options, with these settings of the first pool.
    fn behind(&self, main: &str) -> [String; 3] {
        [
            format!("--pool=main{main}"),
            format!("--pool=honest,ssl-ca={}", self.set.ca.display()),
            format!("--server=127.0.0.1:{},pool=honest", self.server.port),
        ]
    }
}

/// The gateway refuses every login, and its log says why.
#[track_caller]
fn refuses(port: u16, set: &CertificateSet, ca: &CertificateSet, honest: &Honest, why: &str) {
    let options = honest.behind("");
    let gateway = gateway(set, &[port], ca, &options.each_ref().map(String::as_str));
    let error = log_in(gateway.port, "native", set).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("none of the servers"), "{error}");
    gateway.says(&format!("'native'@'127.0.0.1': server 127.0.0.1:{port}: "));
    assert!(gateway.log().contains(why), "'{why}' is not in:\n{}", gateway.log());
}

#[test]
fn a_server_that_is_not_verified_learns_nothing() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("gateway"));
    let inner = CertificateSet::by_openssl(&place.path().join("server"));
    let honest = Honest::start(Kind::Sealwired, &place.path().join("honest"));
    let good = server(Kind::Sealwired, Some(&inner));
    refuses(good.port, &set, &set, &honest, "was not accepted");

    let nameless = CertificateSet::as_the_manual(&place.path().join("nameless"), "another host");
    let other = server(Kind::Sealwired, Some(&nameless));
    refuses(other.port, &set, &nameless, &honest, "127.0.0.1");

    let old = CertificateSet::expired(&place.path().join("expired"));
    let expired = server(Kind::Sealwired, Some(&old));
    refuses(expired.port, &set, &old, &honest, "expired");

    let plaintext = server(Kind::Sealwired, None);
    refuses(plaintext.port, &set, &set, &honest, "SSL is required but the server doesn't support it");

    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = gateway(&set, &[gone], &set, &[]);
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("has answered yet"), "{error}");
    gateway.says(&format!("server 127.0.0.1:{gone}: "));

    for server in [&good, &other, &expired, &plaintext] {
        assert!(!server.log().contains("native"), "{}", server.log());
    }
}

/// A relay between the gateway and a server, which takes down the bytes of the gateway.
struct Relay {
    port: u16,
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    has_ended: Arc<AtomicBool>,
}

impl Relay {
    fn start(upstream: u16, greeting: Change) -> Self {
        let (listener, port) = listen();
        let (said, has_ended) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (all, ends): (Arc<Mutex<Vec<Vec<u8>>>>, _) = (Arc::clone(&said), Arc::clone(&has_ended));
        thread::spawn(move || {
            while let Ok((gateway, _)) = listener.accept() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let captured = carry(gateway, upstream, greeting);
                all.lock().unwrap().push(captured);
            }
        });
        Self { port, said, has_ended }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Carries one connection to its end; returns the bytes of the gateway.
fn carry(mut gateway: TcpStream, upstream: u16, greeting: Change) -> Vec<u8> {
    let mut server = connect(upstream);
    let Some(mut first) = packet(&mut server) else { return Vec::new() };
    greeting(&mut first);
    let _ = gateway.write_all(&first);
    let (mut from, mut to) = (server.try_clone().unwrap(), gateway.try_clone().unwrap());
    let back = thread::spawn(move || {
        // Either side may close first.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut captured, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = restart(|| gateway.read(&mut bytes)) {
        captured.extend_from_slice(&bytes[..length]);
        if server.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    back.join().unwrap();
    captured
}

/// The size of an SSLRequest with its header.
const SSL_REQUEST: usize = 36;

/// Logs in at a gateway before such a relay: the client has error 1105, the log one line that says why, and the relay nothing of the login.
#[track_caller]
fn tells_nothing(
    set: &CertificateSet,
    ca: &CertificateSet,
    upstream: u16,
    change: Change,
    options: &[String],
    why: &str,
) {
    let relay = Relay::start(upstream, change);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let gateway = gateway(set, &[relay.port], ca, &options);
    let error = log_in(gateway.port, "native", set).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("none of the servers"), "{error}");
    let begin = format!("'native'@'127.0.0.1': server 127.0.0.1:{}: ", relay.port);
    gateway.says(&begin);
    let log = gateway.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&begin)).collect();
    assert!(lines.len() == 1 && lines[0].contains(why), "'{why}' is not the one reason in:\n{log}");
    // The gateway has ended its connections, so the relay has all their bytes.
    drop(gateway);
    let has_header = options.iter().any(|option| option.contains("proxy-protocol"));
    for captured in relay.said.lock().unwrap().iter() {
        let text = String::from_utf8_lossy(captured);
        assert!(!text.contains("native") && !text.contains("_client_ip"), "{text}");
        let sealed = captured.get(SSL_REQUEST..).unwrap_or_default();
        assert!(has_header || matches!(sealed.first(), None | Some(0x15 | 0x16)), "more than TLS: {text}");
    }
}

#[test]
fn a_peer_that_is_refused_has_nothing_of_the_login() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("gateway"));
    let folder = place.path().join("server");
    let inner = CertificateSet::by_openssl(&folder);
    let server = server(Kind::Sealwired, Some(&inner));
    let honest = Honest::start(Kind::Sealwired, &place.path().join("honest"));

    let list = CertificateSet::revocation_list(&folder, &inner.server_cert);
    let revokes = honest.behind(&format!(",ssl-crl={}", list.display()));
    tells_nothing(&set, &inner, server.port, unchanged, &revokes, "revoked");
    let stripped = "SSL is required but the server doesn't support it";
    tells_nothing(&set, &inner, server.port, |greeting| strip(greeting), &honest.behind(""), stripped);
    tells_nothing(&set, &set, server.port, unchanged, &honest.behind(""), "was not accepted");
    assert!(!server.log().contains("native"), "{}", server.log());

    if can(Kind::MariaDb.missing()) {
        let settings = Settings {
            certificates: Some(inner.clone()),
            options: vec!["--proxy-protocol-networks=10.0.0.1".to_owned()],
            ..Settings::default()
        };
        let strict = Server::start(Kind::MariaDb, &settings).unwrap();
        let honest = Honest::start(Kind::MariaDb, &place.path().join("honest MariaDB"));
        let announce = honest.behind(",proxy-protocol=v2");
        tells_nothing(&set, &inner, strict.port, unchanged, &announce, "see its proxy_protocol_networks");
    }
}

#[test]
fn a_password_does_not_leave_tls_for_plaintext() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, None);
    let gateway = gateway(&set, &[server.port], &set, &["--server-ssl-mode=DISABLED"]);
    gateway.says("are plaintext (--server-ssl-mode=DISABLED)");
    for user in ["sha256", "sha2"] {
        let error = log_in(gateway.port, user, &set).unwrap_err().to_string();
        assert!(error.contains("1105") && error.contains("sends the password itself"), "{user}: {error}");
    }
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(ask(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").unwrap(), "", "between gateway and server");
    assert!(client.ssl_cipher().is_some(), "between client and gateway");
    let error = client.change_user("sha256", PASSWORD.into(), None).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("sends the password itself"), "{error}");
    gateway.says("client TLS_AES_256_GCM_SHA384 (TLSv1.3); server 127.0.0.1");
    gateway.says(", plaintext");
}

#[test]
fn a_server_can_demand_the_certificate_of_the_gateway() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let require = format!("SUBJECT '{CLIENT_SUBJECT}'");
    let statements = vec![Kind::MariaDb.create_user("behind", "mysql_native_password", PASSWORD, &require)];
    let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
    let server = Server::start(Kind::MariaDb, &settings).unwrap();
    assert!(log_in(server.port, "behind", &set).is_err(), "nobody goes around the gateway");
    let without = gateway(&set, &[server.port], &set, &[]);
    let error = log_in(without.port, "behind", &set).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");
    let cert = format!("--server-ssl-cert={}", set.client_cert.display());
    let key = format!("--server-ssl-key={}", set.client_key.display());
    let with = gateway(&set, &[server.port], &set, &[&cert, &key]);
    let mut client = log_in(with.port, "behind", &set).unwrap();
    assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), "behind@%");
}
