//! Connections that begin with TLS, before the greeting, at sealwired and at the gateway.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use sealwire::{Client, Config, TlsPolicy};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::Watched;
use sealwire_tests::clients::{ask, connect};
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::haproxy::{HAPROXY, HaProxy};
use crate::support::{free_port, gateway, with};

/// Both programs with a port for direct TLS; the gateway is before the server.
struct Both {
    server: Server,
    gateway: Daemon,
    /// The ports for direct TLS, the server's first.
    ports: [u16; 2],
}

/// The account `native` demands TLS.
fn start(set: &CertificateSet, of_server: &[&str], of_gateway: &[&str]) -> Both {
    let ports = [free_port(), free_port()];
    let statements = vec![Kind::Sealwired.create_user("native", "mysql_native_password", PASSWORD, "SSL")];
    let mut options = vec![format!("--direct-tls-port={}", ports[0])];
    options.extend(of_server.iter().map(|option| (*option).to_owned()));
    let settings = Settings { certificates: Some(set.clone()), options, statements, ..Settings::default() };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let listen = format!("--listen=127.0.0.1:{},tls=direct", ports[1]);
    let gateway = gateway(set, &[server.port], set, &[&[listen.as_str()], of_gateway].concat());
    Both { server, gateway, ports }
}

fn direct(set: &CertificateSet) -> Config {
    Config { direct: true, ..with("native", set) }
}

const CIPHER: &str = "SHOW STATUS LIKE 'Ssl_cipher'";

#[test]
fn our_clients_begin_with_tls() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let both = start(&set, &[], &["--max-connections=2"]);
    for port in both.ports {
        let mut client = connect(port, direct(&set)).unwrap();
        let facts = client.facts().tls.clone().unwrap();
        assert_eq!(facts.alpn.as_deref(), Some(&b"mysql"[..]));
        assert!(!ask(&mut client, CIPHER).unwrap().is_empty());
        client.change_user("native", PASSWORD.into(), None).unwrap();

        let program = Command::new(program("sealwire"))
            .args(["--no-defaults", "--ssl-negotiation=direct", "-h", "127.0.0.1", "-u", "native", "-N", "-e", CIPHER])
            .arg(format!("-P{port}"))
            .arg(format!("-p{PASSWORD}"))
            .arg(format!("--ssl-ca={}", set.ca.display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&program.stdout).into_owned();
        assert!(said.contains("TLS_"), "{said}{}", String::from_utf8_lossy(&program.stderr));
    }
    let error = connect(both.server.port, direct(&set)).unwrap_err().to_string();
    assert!(error.contains("something that is not TLS"), "{error}");

    let _clients = [(); 2].map(|()| connect(both.gateway.port, with("native", &set)).unwrap());
    let error = connect(both.ports[1], direct(&set)).unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("Too many connections"), "{error}");
}

/// Says nothing to a server, and returns what openssl says of the connection.
fn s_client(port: u16, set: &CertificateSet, more: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-verify_return_error", "-verify_ip", "127.0.0.1"])
        .arg("-CAfile")
        .arg(&set.ca)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
}

#[test]
fn a_client_that_names_protocols_must_name_this_one() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let both = start(&set, &[], &[]);
    for port in both.ports {
        for version in ["-tls1_2", "-tls1_3"] {
            let said = s_client(port, &set, &[version, "-alpn", "http/1.1,mysql"]);
            assert!(said.contains("ALPN protocol: mysql") && said.contains("Verification: OK"), "{said}");
            let said = s_client(port, &set, &[version]);
            assert!(said.contains("No ALPN negotiated") && said.contains("Verification: OK"), "{said}");
            let said = s_client(port, &set, &[version, "-alpn", "http/1.1"]);
            assert!(said.contains("alert number 120"), "{said}");
        }
    }
}

/// A running stunnel in client mode.
struct Stunnel {
    port: u16,
    _child: Watched,
}

impl Stunnel {
    fn start(place: &Path, server: u16, set: &CertificateSet) -> Self {
        let port = free_port();
        let file = place.join("stunnel.conf");
        let text = format!(
            "foreground = yes\npid =\n[mysql]\nclient = yes\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{server}\n\
             verifyChain = yes\ncheckIP = 127.0.0.1\nCAfile = {}\n",
            set.ca.display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new("stunnel");
        let child =
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let child = Watched::new(child);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { port, _child: child }
    }
}

#[test]
fn stunnel_and_haproxy_bring_clients_that_speak_plaintext() {
    if !needs(&["openssl", "stunnel", "mariadb", HAPROXY]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    // The tests' own address is trusted.
    let trusted = ["--proxy-protocol-networks=127.0.0.1"];
    let both = start(&set, &trusted, &trusted);
    for (port, name) in both.ports.into_iter().zip(["server", "gateway"]) {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        let stunnel = Stunnel::start(&folder, port, &set);
        let client = Command::new("mariadb")
            .args(["--no-defaults", "--skip-ssl", "-h127.0.0.1", "-unative", "-N", "-e", CIPHER])
            .arg(format!("-P{}", stunnel.port))
            .arg(format!("-p{PASSWORD}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&client.stdout).into_owned();
        assert!(said.contains("TLS_"), "{name}: {said}{}", String::from_utf8_lossy(&client.stderr));

        let verified = format!("ssl verify required ca-file {} alpn mysql send-proxy-v2", set.ca.display());
        let haproxy = HaProxy::start(&folder, port, &verified);
        let mut plain = with("native", &set);
        plain.tls = TlsPolicy::Disabled;
        let mut client = Client::over(middle::connect_from([127, 0, 0, 3], haproxy.port), plain).unwrap();
        assert!(ask(&mut client, CIPHER).unwrap().contains("TLS_"), "{name}");
    }
    both.gateway.says("of 127.0.0.3: comes by the proxy 127.0.0.1:");
}

#[test]
fn a_hello_is_awaited_for_a_time_and_taken_up_to_a_size() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let both = start(&set, &["--connect-timeout=2"], &["--connect-timeout=2"]);
    let streams = both.ports.map(middle::connect);
    for mut stream in streams {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        assert_eq!(said, [0_u8; 0], "nothing is said in plaintext");
    }
    for port in both.ports {
        let mut stream = middle::connect(port);
        // A ClientHello of 16 MiB, of which records of 16 KiB come.
        let mut record = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        record.resize(5 + 0x4000, 0);
        for _ in 0..8 {
            if stream.write_all(&record).is_err() {
                break;
            }
            record[5..9].fill(0);
        }
        let mut said = Vec::new();
        // The end may be a reset, because bytes are left unread.
        let _ = stream.read_to_end(&mut said);
        assert_eq!(said.first(), Some(&21), "an alert");
    }
}
