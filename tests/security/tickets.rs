//! TLS sessions that outlive a server, by tickets encrypted with the secrets in a file: which of them are resumed, and which must not be.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sealwire::provider::provider;
use sealwire::random::OsRandom;
use sealwire::{Client, ClientError, Config, TlsPolicy};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::child;
use sealwire_tests::clients::{ask, connect};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];
const FIRST: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const SECOND: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Certificates and a file of secrets.
struct Directory {
    folder: TempDir,
    set: CertificateSet,
}

impl Directory {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = CertificateSet::by_openssl(folder.path());
        let directory = Self { folder, set };
        directory.write_secrets(FIRST);
        directory
    }

    fn secrets(&self) -> PathBuf {
        self.folder.path().join("ticket.keys")
    }

    fn write_secrets(&self, text: &str) {
        fs::write(self.secrets(), text).unwrap();
        fs::set_permissions(self.secrets(), Permissions::from_mode(0o600)).unwrap();
    }

    /// A server with accounts that require nothing, any certificate, and a certificate of another subject.
    fn start(&self) -> Server {
        let user = |name, require: &str| Kind::Sealwired.create_user(name, "caching_sha2_password", PASSWORD, require);
        let statements = vec![
            user("anyone", "SSL"),
            user("certified", "X509"),
            user("named", &format!("SUBJECT '{CLIENT_SUBJECT}'")),
            user("another", "SUBJECT '/CN=another'"),
            user("admin", "SSL"),
            "GRANT ALL ON *.* TO 'admin'@'%';".to_owned(),
        ];
        Server::start(Kind::Sealwired, &Settings { statements, ..self.settings(true) }).unwrap()
    }

    fn settings(&self, with_secrets: bool) -> Settings {
        let mut settings = Settings { certificates: Some(self.set.clone()), ..Settings::default() };
        settings.options.push("--log-error-verbosity=3".to_owned());
        if with_secrets {
            settings.options.push(format!("--ssl-session-ticket-key={}", self.secrets().display()));
        }
        settings
    }

    /// Gives the server's key another certificate of the same CA.
    fn renew_server_certificate(&self) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(self.folder.path()).stderr(Stdio::null());
        openssl.args(["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem"]);
        openssl.args(["-set_serial", "99", "-days", "30", "-extfile", "extensions.cnf", "-out", "server-cert.pem"]);
        assert!(openssl.status().unwrap().success());
    }
}

/// A client that keeps its sessions.
struct Peer(ClientContext);

impl Peer {
    fn new(directory: &Directory, version: &str) -> Self {
        Self::with(directory, version, false)
    }

    fn with_certificate(directory: &Directory, version: &str) -> Self {
        Self::with(directory, version, true)
    }

    fn with(directory: &Directory, version: &str, certificate: bool) -> Self {
        let pem = |path: &Path| NamedPem::new(path.display().to_string(), fs::read(path).unwrap());
        let mut options = ClientOptions::new(provider(), Trust::Ca);
        options.ca = vec![pem(&directory.set.ca)];
        options.versions = Some(version.to_owned());
        if certificate {
            options.cert = Some(pem(&directory.set.client_cert));
            options.key = Some(pem(&directory.set.client_key));
        }
        Self(ClientContext::build(options).unwrap())
    }

    /// A client that has just been connected to the server.
    fn known(directory: &Directory, version: &str, server: &Server) -> Self {
        let peer = Self::new(directory, version);
        assert!(!peer.resumes(server), "{version}");
        peer
    }

    fn login(&self, server: &Server, user: &str) -> Result<Client<TcpStream>, ClientError> {
        let mut config = Config::new(user, PASSWORD.into(), Arc::new(OsRandom::new()));
        config.tls = TlsPolicy::Required(self.0.clone());
        config.server_name = "localhost".to_owned();
        connect(server.port, config)
    }

    /// Logs in; returns whether the session was resumed, on which both sides must agree.
    #[track_caller]
    fn resumes_as(&self, server: &Server, user: &str) -> bool {
        let mut client = self.login(server, user).unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
        let resumed = client.facts().tls.as_ref().unwrap().resumed;
        let at_server = ask(&mut client, "SHOW SESSION STATUS LIKE 'Ssl_sessions_reused'").unwrap();
        assert_eq!(at_server, u8::from(resumed).to_string());
        resumed
    }

    #[track_caller]
    fn resumes(&self, server: &Server) -> bool {
        self.resumes_as(server, "anyone")
    }
}

/// Runs an administrator's statement; returns its answer.
fn query(directory: &Directory, server: &Server, sql: &str) -> Result<String, String> {
    let mut client = Peer::new(directory, "TLSv1.3").login(server, "admin").map_err(|error| error.to_string())?;
    ask(&mut client, sql).map_err(|error| error.to_string())
}

#[test]
fn a_session_survives_a_restart_with_the_secret_alone() {
    let directory = Directory::new();
    let mut server = directory.start();
    let peers = VERSIONS.map(|version| Peer::known(&directory, version, &server));
    for with_secrets in [true, false] {
        server = server.restart(&directory.settings(with_secrets)).unwrap();
        for (peer, version) in peers.iter().zip(VERSIONS) {
            assert_eq!(peer.resumes(&server), with_secrets, "{version}");
            assert!(Peer::known(&directory, version, &server).resumes(&server), "{version}: within one run");
        }
    }
    assert!(!server.log().contains(FIRST));
}

#[test]
fn servers_with_the_same_file_resume_each_others_sessions() {
    let directory = Directory::new();
    let (one, other) = (directory.start(), directory.start());
    for version in VERSIONS {
        let peer = Peer::known(&directory, version, &one);
        for server in [&other, &one, &other] {
            assert!(peer.resumes(server), "{version}");
        }
    }
    let shown = query(&directory, &one, "SHOW VARIABLES LIKE 'ssl_session_ticket_key'").unwrap();
    assert_eq!(shown, directory.secrets().display().to_string());
}

#[test]
fn a_session_ends_where_certificates_or_secrets_change() {
    let directory = Directory::new();
    let server = directory.start();
    let reload = || query(&directory, &server, "ALTER INSTANCE RELOAD TLS").map(drop).unwrap();
    let after = |what: &str, change: &dyn Fn(), resumes: bool| {
        let peers = VERSIONS.map(|version| Peer::known(&directory, version, &server));
        change();
        reload();
        for (peer, version) in peers.iter().zip(VERSIONS) {
            assert_eq!(peer.resumes(&server), resumes, "{what}, {version}");
        }
    };
    let set = |variable: &str, value: &Path| {
        query(&directory, &server, &format!("SET GLOBAL {variable} = '{}'", value.display())).map(drop).unwrap();
    };
    after("nothing", &|| (), true);
    after("the server's certificate", &|| directory.renew_server_certificate(), false);
    let bundle = directory.folder.path().join("bundle.pem");
    let other = CertificateSet::by_openssl(&directory.folder.path().join("other"));
    let both = [&directory.set.ca, &other.ca].map(|ca| fs::read_to_string(ca).unwrap()).concat();
    fs::write(&bundle, both).unwrap();
    after("one CA more", &|| set("ssl_ca", &bundle), false);
    let list = CertificateSet::revocation_list(directory.folder.path(), &other.client_cert);
    after("a revocation list", &|| set("ssl_crl", &list), false);
    after("a new secret before the old one", &|| directory.write_secrets(&format!("{SECOND}\n# old\n{FIRST}\n")), true);
    after("the old secret gone", &|| directory.write_secrets(SECOND), true);
    after("another secret", &|| directory.write_secrets(FIRST), false);
    after("no file", &|| set("ssl_session_ticket_key", Path::new("")), false);
    after("a file again", &|| set("ssl_session_ticket_key", &directory.secrets()), false);

    // A ticket of the first secret is worthless where only the second secret is left.
    let peer = Peer::known(&directory, "TLSv1.3", &server);
    directory.write_secrets(SECOND);
    let server = server.restart(&directory.settings(true)).unwrap();
    assert!(!peer.resumes(&server));
}

#[test]
fn resumption_is_switched_off_and_bounded_in_time() {
    let directory = Directory::new();
    let server = directory.start();
    let answers = |sql: &str, expected: &str| assert_eq!(query(&directory, &server, sql).unwrap(), expected, "{sql}");
    let set = |what: &str| {
        for sql in [&format!("SET GLOBAL ssl_session_cache_{what}"), "ALTER INSTANCE RELOAD TLS"] {
            query(&directory, &server, sql).unwrap();
        }
    };
    answers("SHOW STATUS LIKE 'Ssl_session_cache_mode'", "SERVER");
    // A timeout above the maximum becomes the maximum.
    for (change, shown, resumes) in [
        ("mode = OFF", "OFF", false),
        ("mode = ON", "SERVER", true),
        ("timeout = 0", "OFF", false),
        ("timeout = 999999", "SERVER", true),
    ] {
        set(change);
        answers("SHOW STATUS LIKE 'Ssl_session_cache_mode'", shown);
        for version in VERSIONS {
            assert_eq!(Peer::known(&directory, version, &server).resumes(&server), resumes, "{change}, {version}");
        }
    }
    answers("SHOW VARIABLES LIKE 'ssl_session_cache_timeout'", "84600");
    answers("SHOW STATUS LIKE 'Ssl_session_cache_timeout'", "84600");

    let mut settings = directory.settings(true);
    settings.options.extend(["--ssl-session-cache-mode=OFF", "--ssl-session-cache-timeout=60"].map(str::to_owned));
    let server = server.restart(&settings).unwrap();
    assert!(!Peer::known(&directory, "TLSv1.3", &server).resumes(&server));
    assert_eq!(query(&directory, &server, "SELECT @@ssl_session_cache_timeout").unwrap(), "60");
}

#[test]
fn a_resumed_session_has_the_rights_of_its_certificate() {
    let directory = Directory::new();
    let server = directory.start();
    for version in VERSIONS {
        let (bare, certified) =
            (Peer::known(&directory, version, &server), Peer::with_certificate(&directory, version));
        assert!(!certified.resumes_as(&server, "certified"), "{version}");
        assert!(certified.resumes_as(&server, "certified") && certified.resumes_as(&server, "named"), "{version}");
        for (peer, user) in [(&bare, "certified"), (&bare, "named"), (&certified, "another")] {
            assert!(peer.resumes(&server), "{version}: {user} is refused in a resumed session");
            let refused = peer.login(&server, user).map(drop).unwrap_err().to_sql_error();
            assert_eq!(refused.code, 1045, "{version} {user}: {refused}");
        }
    }
    let peers = VERSIONS.map(|version| {
        let peer = Peer::with_certificate(&directory, version);
        assert!(!peer.resumes_as(&server, "named"));
        peer
    });
    let server = server.restart(&directory.settings(true)).unwrap();
    for (peer, version) in peers.iter().zip(VERSIONS) {
        assert!(peer.resumes_as(&server, "named"), "{version}");
    }
    // A client with a revoked certificate has no session to resume.
    let list = CertificateSet::revocation_list(directory.folder.path(), &directory.set.client_cert);
    query(&directory, &server, &format!("SET GLOBAL ssl_crl = '{}'", list.display())).unwrap();
    query(&directory, &server, "ALTER INSTANCE RELOAD TLS").unwrap();
    for (peer, version) in peers.iter().zip(VERSIONS) {
        let before = server.log().len();
        let refused = peer.login(&server, "named").map(drop).unwrap_err();
        assert!(server.wait_for_log_after(before, "revoked"), "{version}: {refused}\n{}", server.log());
    }
}

#[test]
fn a_bad_file_is_refused_and_changes_nothing() {
    let directory = Directory::new();
    let server = directory.start();
    let peer = Peer::known(&directory, "TLSv1.3", &server);
    let path = directory.secrets().display().to_string();
    let refused = |said: &str| {
        let at_start = Server::start(Kind::Sealwired, &directory.settings(true)).err().unwrap();
        let at_reload = query(&directory, &server, "ALTER INSTANCE RELOAD TLS").unwrap_err();
        for text in [&at_start, &at_reload] {
            for part in ["option '--ssl-session-ticket-key': ", &path, said] {
                assert!(text.contains(part), "'{part}' is not in: {text}");
            }
        }
        assert!(at_reload.contains("3888"), "{at_reload}");
        assert!(peer.resumes(&server), "what was in use is in use: {at_reload}");
        assert!(![&at_start, &at_reload, &server.log()].iter().any(|text| text.contains(&FIRST[8..24])));
    };
    directory.write_secrets(&format!("{SECOND}\n{}\n", &FIRST[..62]));
    refused(&format!("line 2 of '{path}' is no secret: it has 62 characters"));
    directory.write_secrets("# nothing yet\n");
    refused("holds no secret; 'openssl rand -hex 32' makes one");
    directory.write_secrets(FIRST);
    fs::set_permissions(directory.secrets(), Permissions::from_mode(0o644)).unwrap();
    query(&directory, &server, "ALTER INSTANCE RELOAD TLS").unwrap();
    assert!(server.wait_for_log(&format!("run 'chmod 600 {path}'")), "{}", server.log());
    fs::remove_file(directory.secrets()).unwrap();
    refused("No such file");
}

/// openssl's output for a connection that the server closes: the client sends a login of one byte, and all tickets have arrived by then.
fn s_client(directory: &Directory, server: &Server, version: &str, session: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.current_dir(directory.folder.path()).args(["s_client", "-starttls", "mysql", "-ign_eof", version]);
    command.args(["-CAfile", "ca.pem", "-verify_return_error", "-connect", &format!("127.0.0.1:{}", server.port)]);
    let output = child::output(command.args(session), b"\x01\0\0\x02X").unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Changes one byte of the ticket in a file of openssl.
fn tamper(directory: &Directory, file: &str, tampered: &str) {
    let convert = |arguments: &[&str]| {
        let mut openssl = Command::new("openssl");
        assert!(
            openssl.current_dir(directory.folder.path()).arg("sess_id").args(arguments).status().unwrap().success()
        );
    };
    convert(&["-in", file, "-outform", "DER", "-out", "session.der"]);
    let path = directory.folder.path().join("session.der");
    let mut der = fs::read(&path).unwrap();
    // [10] EXPLICIT OCTET STRING, of 128 to 255 bytes.
    let is_ticket = |bytes: &[u8]| bytes[..2] == [0xaa, 0x81] && bytes[3..5] == [4, 0x81] && bytes[2] == bytes[5] + 3;
    let at = der.windows(6).position(is_ticket).expect("a ticket");
    der[at + 6 + 60] ^= 1;
    fs::write(path, der).unwrap();
    convert(&["-inform", "DER", "-in", "session.der", "-out", tampered]);
}

#[test]
fn openssl_resumes_after_a_restart_and_shakes_hands_anew_with_a_ticket_that_was_changed() {
    if !needs(&["openssl"]) {
        return;
    }
    let directory = Directory::new();
    let mut server = directory.start();
    for version in ["-tls1_2", "-tls1_3"] {
        let first = s_client(&directory, &server, version, &["-sess_out", "session.pem"]);
        assert!(first.contains("\nNew, TLSv1."), "{first}");
        server = server.restart(&directory.settings(true)).unwrap();
        tamper(&directory, "session.pem", "tampered.pem");
        for (file, begins) in [("session.pem", "\nReused, TLSv1."), ("tampered.pem", "\nNew, TLSv1.")] {
            let said = s_client(&directory, &server, version, &["-sess_in", file]);
            assert!(said.contains(begins) && said.contains("Verify return code: 0 (ok)"), "{version} {file}: {said}");
        }
    }
}
