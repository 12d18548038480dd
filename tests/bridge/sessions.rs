//! Our client's sessions through the bridge, end to end. TLS is between client and server, so the bridge sees only ciphertext.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::spawn;

use libtest_mimic::Trial;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sealwire::provider::provider;
use sealwire::random::OsRandom;
use sealwire::{Client, Config, TlsPolicy};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_tests::bridge::Bridge;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};
use sealwire_tests::websocket::{Opening, Tunnel, connect};
use tempfile::TempDir;

use crate::peers::serve;

/// The size of the large value, above the 16 MiB of one packet.
const BIG: usize = 20 * 1024 * 1024;
/// A value that no recording may contain.
const MARKER: &str = "the-marked-value-of-this-test";

/// The servers; each is started when it is first needed.
pub(crate) struct World {
    place: TempDir,
    sealwired: OnceLock<Result<Server, String>>,
    mariadb: OnceLock<Result<Server, String>>,
}

impl World {
    pub(crate) fn new(is_list: bool) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        if !is_list {
            CertificateSet::by_openssl(place.path());
        }
        Self { place, sealwired: OnceLock::new(), mariadb: OnceLock::new() }
    }

    fn set(&self) -> CertificateSet {
        CertificateSet::in_folder(self.place.path())
    }

    fn server(&self, kind: Kind) -> &Server {
        let (cell, plugin) = match kind {
            Kind::Sealwired => (&self.sealwired, "caching_sha2_password"),
            Kind::MariaDb => (&self.mariadb, "mysql_native_password"),
        };
        let start = || {
            let statements = vec![
                kind.create_user("secured", plugin, PASSWORD, "SSL"),
                kind.create_user("mutual", plugin, PASSWORD, "X509"),
            ];
            Server::start(kind, &Settings { certificates: Some(self.set()), statements, ..Settings::default() })
        };
        cell.get_or_init(start).as_ref().unwrap_or_else(|error| panic!("{error}"))
    }
}

pub(crate) fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in [Kind::Sealwired, Kind::MariaDb] {
        let reason = kind.missing();
        if let Some(reason) = &reason {
            println!("sessions with {} are skipped: {reason}", kind.name());
        }
        let mut add = |name: &str, test: fn(&World, Kind)| {
            let world = Arc::clone(world);
            let trial = Trial::test(format!("sessions::{}::{name}", kind.name()), move || {
                test(&world, kind);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(reason.is_some()));
        };
        add("tls13", |world, kind| over_ws(world, kind, "secured", "TLSv1.3", BIG));
        add("tls12", |world, kind| over_ws(world, kind, "secured", "TLSv1.2", 1_000_000));
        add("mutual", |world, kind| over_ws(world, kind, "mutual", "TLSv1.3", 1_000_000));
        add("wss", over_wss);
        add("wss_reload", over_a_reload);
        add("nothing_is_seen", nothing_is_seen);
    }
    trials
}

pub(crate) fn pem(path: &Path) -> NamedPem {
    NamedPem::new(path.display().to_string(), std::fs::read(path).expect("a file of the set"))
}

/// A client's settings: verified TLS of that version, with the client's certificate where the account requires it.
pub(crate) fn config(set: &CertificateSet, user: &str, version: &str) -> Config {
    let mut options = ClientOptions::new(provider(), Trust::CaAndIdentity);
    options.ca = vec![pem(&set.ca)];
    options.versions = Some(version.to_owned());
    if user == "mutual" {
        (options.cert, options.key) = (Some(pem(&set.client_cert)), Some(pem(&set.client_key)));
    }
    let mut config = Config::new(user, PASSWORD.into(), Arc::new(OsRandom::new()));
    config.server_name = "localhost".to_owned();
    config.tls = TlsPolicy::Required(ClientContext::build(options).expect("a context"));
    config
}

/// The values of the first row.
pub(crate) fn row<S: Read + Write>(client: &mut Client<S>, sql: &str) -> Vec<String> {
    let mut result = client.query(sql).unwrap();
    let row = result.next().unwrap().unwrap_or_else(|| panic!("no row of {sql:.100}"));
    let values =
        row.iter().map(|value| String::from_utf8_lossy(value.unwrap().unwrap_or(b"NULL")).into_owned()).collect();
    while result.next().unwrap().is_some() {}
    values
}

/// A session in which a large value goes each way.
fn session<S: Read + Write>(stream: S, config: Config, user: &str, version: &str, size: usize) {
    let mut client = Client::over(stream, config).unwrap();
    let own = client.ssl_cipher().unwrap().to_owned();
    assert_eq!(own.starts_with("TLS_"), version == "TLSv1.3", "{own}");
    assert_eq!(row(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'"), ["Ssl_cipher", &own]);
    assert_eq!(row(&mut client, "SHOW STATUS LIKE 'Ssl_version'"), ["Ssl_version", version]);
    assert_eq!(row(&mut client, "SELECT CURRENT_USER()"), [format!("{user}@%")]);
    let big: String = ('a'..='z').cycle().take(size).collect();
    assert!(row(&mut client, &format!("SELECT '{big}'")) == [big], "the large value came back damaged");
    client.quit().unwrap();
}

fn over_ws(world: &World, kind: Kind, user: &str, version: &str, size: usize) {
    let bridge = Bridge::to(world.server(kind).port, &[]);
    let tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    session(tunnel, config(&world.set(), user, version), user, version, size);
    assert!(bridge.metric("bytes_total{direction=\"to_target\"}") > size as u64);
    assert!(bridge.metric("bytes_total{direction=\"to_client\"}") > size as u64);
}

/// Connects to a bridge over verified TLS, by that name.
pub(crate) fn tls(
    port: u16,
    set: &CertificateSet,
    name: &str,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    tls_by(port, set, name, |config| config.with_no_client_auth())
}

/// The same, and the client shows its certificate or none.
pub(crate) fn tls_by(
    port: u16,
    set: &CertificateSet,
    name: &str,
    finish: impl FnOnce(rustls::ConfigBuilder<rustls::ClientConfig, WantsClientCert>) -> rustls::ClientConfig,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&set.ca).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(finish(config.with_root_certificates(roots)));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    rustls::StreamOwned::new(rustls::ClientConnection::new(config, name).unwrap(), connect(port))
}

fn over_wss(world: &World, kind: Kind) {
    let set = world.set();
    let (cert, key) = (set.server_cert.display(), set.server_key.display());
    let bridge = Bridge::to(world.server(kind).port, &[&format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")]);
    let own = format!("https://localhost:{}", bridge.port);
    let tunnel = Tunnel::over(tls(bridge.port, &set, "localhost"), &Opening::target("db").with("Origin", own));
    session(tunnel, config(&set, "secured", "TLSv1.3"), "secured", "TLSv1.3", 1_000_000);
    // Plain HTTP on the same port gets an answer with advice, and nothing else.
    let mut plain = connect(bridge.port);
    plain.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("sealwire_bridge_"), "{answer}");
}

/// After SIGHUP new connections get the current certificate, and existing sessions continue.
fn over_a_reload(world: &World, kind: Kind) {
    let place = tempfile::tempdir().unwrap();
    let (cert, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    let put = |set: &CertificateSet| {
        std::fs::copy(&set.server_cert, &cert).unwrap();
        std::fs::copy(&set.server_key, &key).unwrap();
    };
    let (first, second) = (world.set(), CertificateSet::by_openssl(&place.path().join("second")));
    put(&first);
    let options = [format!("--ssl-cert={}", cert.display()), format!("--ssl-key={}", key.display())];
    let bridge = Bridge::to(world.server(kind).port, &[&options[0], &options[1]]);
    let open = |set: &CertificateSet| {
        let own = format!("https://localhost:{}", bridge.port);
        let tunnel = Tunnel::over(tls(bridge.port, set, "localhost"), &Opening::target("db").with("Origin", own));
        Client::over(tunnel, config(&first, "secured", "TLSv1.3")).unwrap()
    };
    let mut before = open(&first);
    put(&second);
    bridge.ask_to_reload();
    assert!(bridge.wait_for_log("the TLS files were read again"), "{}", bridge.log());
    let mut after = open(&second);
    assert_eq!(row(&mut after, "SELECT 2"), ["2"]);
    assert_eq!(row(&mut before, "SELECT 1"), ["1"]);
    // A file that can't be used leaves the old certificate in use.
    std::fs::write(&cert, "no certificate").unwrap();
    bridge.ask_to_reload();
    assert!(bridge.wait_for_log("TLS stays unchanged"), "{}", bridge.log());
    assert_eq!(row(&mut open(&second), "SELECT 3"), ["3"]);
}

/// A relay that records the bytes in both directions; returns its port.
fn recorder(to: u16, record: &Arc<Mutex<Vec<u8>>>) -> u16 {
    let record = Arc::clone(record);
    serve(move |client| {
        let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let ways = [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
        for (mut from, mut to) in ways {
            let record = Arc::clone(&record);
            spawn(move || {
                let mut chunk = vec![0; 16 * 1024];
                while let Ok(length @ 1..) = from.read(&mut chunk) {
                    record.lock().unwrap().extend_from_slice(&chunk[..length]);
                    let _ = to.write_all(&chunk[..length]);
                }
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    })
}

/// Neither the wires beside the bridge nor its memory contain anything of the session.
fn nothing_is_seen(world: &World, kind: Kind) {
    let (before, behind) = (Arc::default(), Arc::default());
    let bridge = Bridge::to(recorder(world.server(kind).port, &behind), &[]);
    let tunnel = Tunnel::open(recorder(bridge.port, &before), &Opening::target("db"));
    let mut client = Client::over(tunnel, config(&world.set(), "secured", "TLSv1.3")).unwrap();
    let sql = format!("SELECT CONCAT('{MARKER}', '-row')");
    assert_eq!(row(&mut client, &sql), [format!("{MARKER}-row")]);
    // Before the bridge the frames are masked; behind the bridge and in its memory they are not.
    for wanted in [MARKER.as_bytes(), PASSWORD.as_bytes(), b"SELECT CONCAT", b"secured"] {
        let seen = |record: &Arc<Mutex<Vec<u8>>>| memchr::memmem::find_iter(&record.lock().unwrap(), wanted).count();
        let counts = (seen(&before), seen(&behind), bridge.memory_holds(wanted));
        assert_eq!(counts, (0, 0, 0), "'{}' was seen", String::from_utf8_lossy(wanted));
    }
    client.quit().unwrap();
    // The same search finds plaintext bytes: the greeting, and the version in it.
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    let mut greeting = [0; 16];
    tunnel.read_exact(&mut greeting).unwrap();
    let version = &greeting[5..13];
    assert!(bridge.memory_holds(version) > 0, "the search finds nothing even where something is");
    assert!(memchr::memmem::find(&behind.lock().unwrap(), version).is_some());
}
