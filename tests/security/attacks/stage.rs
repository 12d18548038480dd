//! The servers and clients on which the attacks run, and the packets of the attacks.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConnection, StreamOwned};
use sealwire_core::message::{Capabilities, HandshakeV10, StatusFlags};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{framed, listen, packet};
use sealwire_tests::programs::program;
use sealwire_tests::replication::sql;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// The maker of the server or client under attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    MariaDb,
    Sealwire,
}

impl Maker {
    pub(crate) const fn server(self) -> Kind {
        match self {
            Self::MariaDb => Kind::MariaDb,
            Self::Sealwire => Kind::Sealwired,
        }
    }
}

/// The connect_timeout of the servers with a short one.
pub(crate) const SHORT_LOGIN_TIME: Duration = Duration::from_secs(2);

/// The servers that all attacks share; each is started when it is first needed.
pub(crate) struct Stage {
    place: TempDir,
    servers: [OnceLock<Server>; 2],
    impatient: [OnceLock<Server>; 2],
    elsewhere: OnceLock<(Server, CertificateSet)>,
    replicas: [OnceLock<Mutex<Server>>; 2],
}

impl Stage {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (servers, impatient) = ([const { OnceLock::new() }; 2], [const { OnceLock::new() }; 2]);
        let replicas = [const { OnceLock::new() }; 2];
        Self { place, servers, impatient, elsewhere: OnceLock::new(), replicas }
    }

    /// A server of that maker, with the same certificates and accounts.
    pub(crate) fn server(&self, maker: Maker) -> &Server {
        self.servers[maker as usize].get_or_init(|| self.start(maker, Vec::new()))
    }

    /// A server that allows a client [`SHORT_LOGIN_TIME`] to log in.
    pub(crate) fn impatient(&self, maker: Maker) -> &Server {
        let option = format!("--connect-timeout={}", SHORT_LOGIN_TIME.as_secs());
        self.impatient[maker as usize].get_or_init(|| self.start(maker, vec![option]))
    }

    fn start(&self, maker: Maker, options: Vec<String>) -> Server {
        let kind = maker.server();
        let native = "mysql_native_password";
        let statements = [("u", "NONE"), ("ssl_only", "SSL")]
            .map(|(user, require)| kind.create_user(user, native, PASSWORD, require))
            .to_vec();
        let certificates = Some(self.set().clone());
        Server::start(kind, &Settings { certificates, options, statements, ..Settings::default() }).unwrap()
    }

    /// A server of that maker that is a replica with the table `d.t`, for one attack at a time.
    pub(crate) fn replica(&self, maker: Maker) -> MutexGuard<'_, Server> {
        let start = || {
            let settings = Settings { options: vec!["--server-id=7".to_owned()], ..Settings::default() };
            let server = Server::start(maker.server(), &settings).unwrap();
            sql(&server, "CREATE DATABASE d; CREATE TABLE d.t (a INT)");
            Mutex::new(server)
        };
        self.replicas[maker as usize].get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificates of the servers, for localhost and 127.0.0.1.
    pub(crate) fn set(&self) -> &CertificateSet {
        static SET: OnceLock<CertificateSet> = OnceLock::new();
        SET.get_or_init(|| CertificateSet::by_openssl(&self.place.path().join("good")))
    }

    /// A server of ours whose certificate is for another host name.
    pub(crate) fn elsewhere(&self) -> &(Server, CertificateSet) {
        self.elsewhere.get_or_init(|| {
            let set = CertificateSet::as_the_manual(&self.place.path().join("elsewhere"), "elsewhere.example");
            let settings = Settings {
                certificates: Some(set.clone()),
                statements: vec![Kind::Sealwired.create_user("u", "mysql_native_password", PASSWORD, "NONE")],
                ..Settings::default()
            };
            (Server::start(Kind::Sealwired, &settings).unwrap(), set)
        })
    }

    /// Certificates of a CA that no client trusts.
    pub(crate) fn stranger(&self) -> CertificateSet {
        static SET: OnceLock<CertificateSet> = OnceLock::new();
        SET.get_or_init(|| CertificateSet::by_openssl(&self.place.path().join("stranger"))).clone()
    }

    pub(crate) fn ca(&self) -> String {
        format!("--ssl-ca={}", self.set().ca.display())
    }
}

/// Runs the terminal client of that maker as `user`, which queries the cipher in use.
pub(crate) fn client(maker: Maker, port: u16, user: &str, password: &str, options: &[&str]) -> Output {
    say(maker, port, user, password, options, "SHOW STATUS LIKE 'Ssl_cipher'")
}

/// Runs the terminal client of that maker with a statement, as `user`.
pub(crate) fn say(maker: Maker, port: u16, user: &str, password: &str, options: &[&str], statement: &str) -> Output {
    let mut command = match maker {
        Maker::MariaDb => Command::new("mariadb"),
        Maker::Sealwire => Command::new(program("sealwire")),
    };
    command.args(["--no-defaults", "--host=127.0.0.1"]).env_remove("HOME");
    // The password is not on the command line, because sealwire would warn of that.
    command.arg(format!("--port={port}")).arg(format!("--user={user}")).env("MYSQL_PWD", password);
    child::output(command.args(options).args(["-N", "-e", statement]), &[]).unwrap()
}

/// The result for the client, in a few words.
pub(crate) fn ended(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match stdout.trim_end().split_once('\t') {
        Some((_, "")) => return "connects in plaintext".to_owned(),
        Some(_) => return "connects over TLS".to_owned(),
        None if stdout.trim_end() == "Ssl_cipher" => return "connects in plaintext".to_owned(),
        None => {}
    }
    let code = stderr.split_once("ERROR ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
    code.map_or_else(|| format!("says {stderr}"), |code: String| format!("refuses with error {code}"))
}

/// A malicious server, for one client.
pub(crate) fn rogue(play: impl FnOnce(&mut TcpStream) -> Option<String> + Send + 'static) -> (u16, JoinHandle<String>) {
    let (listener, port) = listen();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        play(&mut stream).unwrap_or_else(|| "hangs up".to_owned())
    });
    (port, thread)
}

/// Sends a greeting without TLS.
pub(crate) fn greet(stream: &mut TcpStream) {
    greet_with(stream, Capabilities::LONG_PASSWORD);
}

fn greet_with(stream: &mut TcpStream, more: Capabilities) {
    let capabilities = Capabilities::PROTOCOL_41
        | Capabilities::SECURE_CONNECTION
        | Capabilities::PLUGIN_AUTH
        | Capabilities::LOCAL_FILES
        | Capabilities::TRANSACTIONS
        | Capabilities::CONNECT_ATTRS
        | more;
    let greeting = HandshakeV10 {
        server_version: b"8.4.0-rogue",
        connection_id: 1,
        scramble: *b"abcdefghijklmnopqrst",
        capabilities,
        charset: 45,
        status: StatusFlags::AUTOCOMMIT,
        auth_plugin: Some(b"mysql_native_password"),
    };
    let mut payload = Vec::new();
    greeting.encode(&mut payload);
    stream.write_all(&framed(&payload, 0)).unwrap();
}

/// Sends a greeting with TLS and makes the handshake as a malicious server; `None` where the client requests no TLS.
pub(crate) fn greet_for_tls(
    stream: &mut TcpStream,
    set: &CertificateSet,
) -> Option<StreamOwned<ServerConnection, TcpStream>> {
    let chain = CertificateDer::pem_file_iter(&set.server_cert).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&set.server_key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    greet_with(stream, Capabilities::LONG_PASSWORD | Capabilities::SSL);
    packet(stream)?;
    Some(StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream.try_clone().unwrap()))
}

/// The lower capabilities of every client here: 4.1, transactions, SECURE_CONNECTION, LONG_PASSWORD; and PLUGIN_AUTH.
const LOGIN: u32 = 0x1 | 0x200 | 0x2000 | 0x8000 | 1 << 19;
const SSL: u32 = 0x800;

/// A complete HandshakeResponse41.
pub(crate) fn login(user: &str, ssl: bool, plugin: &str, proof: &[u8]) -> Vec<u8> {
    let capabilities = if ssl { LOGIN | SSL } else { LOGIN };
    let mut payload = capabilities.to_le_bytes().to_vec();
    payload.extend((1_u32 << 24).to_le_bytes());
    payload.push(45);
    payload.extend([0; 23]);
    payload.extend([user.as_bytes(), &[0], &[proof.len() as u8], proof, plugin.as_bytes(), &[0]].concat());
    payload
}

/// A ClientHello as rustls sends it.
pub(crate) fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}
