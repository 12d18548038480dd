//! A client, a proxy and a server in memory.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::auth::Plugin;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::{Error, Side};
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, StatusFlags};
use sealwire_core::proxy::{Connection, End, Event};
use sealwire_core::random::Random;
use sealwire_core::server::{self, Candidate, Peer};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, Trust};
use sealwire_core::{Input, Now, Output, SqlError};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const OURS: u32 = 0xC000_0001;

/// Bytes from a seed.
#[derive(Debug)]
pub(crate) struct Seeded(std::sync::Mutex<u64>);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(std::sync::Mutex::new(seed))
    }

    pub(crate) fn next(&self, below: usize) -> usize {
        let mut byte = [0; 2];
        self.fill(&mut byte);
        usize::from(u16::from_le_bytes(byte)) % below
    }
}

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for byte in out {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (*state >> 56) as u8;
        }
    }
}

pub(crate) fn now() -> Now {
    // The certificates are made at this time.
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Now { monotonic: Duration::from_secs(1), wall }
}

/// A certificate for a name, which is its own CA.
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) name: &'static str,
}

impl Identity {
    pub(crate) fn new(name: &'static str) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        Self { cert: certified.cert.pem(), key: certified.signing_key.serialize_pem(), name }
    }

    pub(crate) fn server(&self) -> ServerContext {
        let mut options = ServerOptions::new(Arc::new(rustls::crypto::ring::default_provider()));
        options.cert = Some(NamedPem::new("certificate", self.cert.clone()));
        options.key = Some(NamedPem::new("key", self.key.clone()));
        ServerContext::build(options).unwrap()
    }

    pub(crate) fn trusting(&self, trust: Trust) -> ClientContext {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut options = ClientOptions::new(provider, trust);
        options.ca = vec![NamedPem::new("certificate", self.cert.clone())];
        ClientContext::build(options).unwrap()
    }
}

/// The protection of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    Plain,
    /// TLS to a server that may be anybody.
    UnverifiedTls,
    Tls,
    Socket,
}

/// The two legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Legs {
    pub(crate) client: Protection,
    pub(crate) server: Protection,
}

pub(crate) const SECURE: Legs = Legs { client: Protection::Tls, server: Protection::Tls };
pub(crate) const PLAIN: Legs = Legs { client: Protection::Plain, server: Protection::Plain };

/// A client, a proxy and a server with the bytes between them.
pub(crate) struct World {
    pub(crate) client: client::Connection,
    pub(crate) proxy: Connection,
    pub(crate) server: server::Connection,
    /// To the proxy and to the client; to the server and to the proxy.
    pub(crate) front: [Vec<u8>; 2],
    pub(crate) back: [Vec<u8>; 2],
    pub(crate) back_config: Arc<client::Config>,
    pub(crate) candidate: Candidate,
    pub(crate) pieces: Seeded,
    pub(crate) largest_piece: usize,
    pub(crate) log: Vec<String>,
    /// The bytes on the server's leg.
    pub(crate) wire: Vec<u8>,
    pub(crate) end: Option<End>,
    pub(crate) is_dialled: bool,
    pub(crate) refuse_change: Option<SqlError>,
    /// The settings of all servers.
    pub(crate) server_config: Arc<server::Config>,
    /// The answer to a KILL, or the id with which it passes.
    pub(crate) kill: Result<u32, Result<(), SqlError>>,
    /// Whether the server answers queries, and the status that it gives.
    pub(crate) is_mute: bool,
    pub(crate) status: StatusFlags,
    /// The rows of a result, of this many bytes each.
    pub(crate) rows: (usize, usize),
    /// How many bytes of the client arrive before it is gone.
    pub(crate) lifetime: Option<usize>,
    is_gone: bool,
    /// Whether it goes while the driver connects to the server.
    pub(crate) goes_while_dialled: bool,
    /// How long the client thinks about its first answer to the server, and the time that has passed.
    pub(crate) thinks: Duration,
    elapsed: Duration,
}

impl World {
    pub(crate) fn new(plugin: Plugin, password: &str, legs: Legs, seed: u64) -> Self {
        Self::with(plugin, password, legs, seed, |_| {})
    }

    /// The same with a client whose settings are adjusted.
    pub(crate) fn with(
        plugin: Plugin,
        password: &str,
        legs: Legs,
        seed: u64,
        adjust: impl FnOnce(&mut client::Config),
    ) -> Self {
        let (gateway, node) = (Identity::new("gateway"), Identity::new("db1"));
        let random = || Arc::new(Seeded::new(seed));
        let mut client = client::Config::new("learner", PASSWORD.into(), random());
        client.enable_cleartext_plugin = true;
        client.database = Some("d".into());
        client.attributes = vec![("program".into(), "test".into()), ("_client_ip".into(), "a lie".into())];
        client.server_name = gateway.name.into();
        if password.is_empty() {
            client.password = "".into();
        }
        let mut front = server::Config::new("8.4.0-proxy", random());
        front.default_plugin = Plugin::MysqlNativePassword;
        let mut back = client::Config::new("", "".into(), random());
        back.server_name = node.name.into();
        let mut server = server::Config::new("8.4.0-node", random());
        if legs.client == Protection::Tls {
            front.tls = Some(gateway.server());
            client.tls = TlsPolicy::Required(gateway.trusting(Trust::CaAndIdentity));
        }
        if legs.server == Protection::Tls {
            server.tls = Some(node.server());
            back.tls = TlsPolicy::Required(node.trusting(Trust::CaAndIdentity));
        }
        adjust(&mut client);
        let peer = || Peer { transport: Transport::Tcp, host: "10.1.2.3".into(), user: None };
        let server_config = Arc::new(server);
        let candidate = Candidate::with_password(plugin, password.as_bytes(), &Seeded::new(seed)).unwrap();
        Self {
            client: client::Connection::new(Arc::new(client), now()),
            proxy: Connection::new(Arc::new(front), OURS, peer(), now()),
            server: server::Connection::new(Arc::clone(&server_config), 5, peer(), now()),
            front: Default::default(),
            back: Default::default(),
            back_config: Arc::new(back),
            candidate,
            pieces: Seeded::new(seed),
            largest_piece: [1, 2, 3, 7, 64, 1000, 100_000][seed as usize % 7],
            log: Vec::new(),
            wire: Vec::new(),
            end: None,
            is_dialled: false,
            refuse_change: None,
            server_config,
            kill: Ok(7),
            is_mute: false,
            status: StatusFlags::AUTOCOMMIT,
            rows: (3, 10),
            lifetime: None,
            is_gone: false,
            goes_while_dialled: false,
            thinks: Duration::ZERO,
            elapsed: Duration::ZERO,
        }
    }

    /// A piece of the bytes under way.
    pub(crate) fn piece(&self, from: &mut Vec<u8>) -> Vec<u8> {
        if self.largest_piece == usize::MAX {
            return std::mem::take(from);
        }
        let most = 1 + self.pieces.next(self.largest_piece);
        let rest = from.split_off(most.min(from.len()));
        std::mem::replace(from, rest)
    }

    fn now(&self) -> Now {
        let now = now();
        Now { monotonic: now.monotonic + self.elapsed, ..now }
    }

    /// Moves bytes and answers the server's and the proxy's events until nothing moves. Returns the client's events.
    pub(crate) fn settle(&mut self) -> Result<Vec<client::Event>, Error> {
        let mut events = Vec::new();
        // The server's side goes on after the client has failed.
        let mut failed = None;
        loop {
            let mut moved = false;
            while failed.is_none() {
                match self.client.poll_output(&mut self.front[0]) {
                    Ok(Output::Event(event)) => {
                        if let client::Event::Row(_) = event {
                            self.log.push(format!("row of {}", self.client.row_payload().len()));
                        }
                        events.push(event);
                    }
                    Ok(Output::Transmit) => {}
                    Ok(Output::Wait(_)) => break,
                    Err(error) => failed = Some(error),
                }
            }
            if self.is_gone {
                self.front[0].clear();
            }
            if self.proxy.may_read(Side::Client) && !self.front[0].is_empty() {
                let mut front = std::mem::take(&mut self.front[0]);
                let mut piece = self.piece(&mut front);
                self.front[0] = front;
                if let Some(lifetime) = &mut self.lifetime {
                    piece.truncate(*lifetime);
                    *lifetime -= piece.len();
                }
                if self.is_dialled && self.elapsed < self.thinks {
                    self.elapsed = self.thinks;
                    self.proxy.handle_timeout(self.now());
                    self.poll_proxy();
                }
                self.proxy.handle_input(Side::Client, Input::Bytes(&mut piece), self.now());
                moved = true;
            }
            let is_gone = self.lifetime == Some(0) || failed.is_some();
            if is_gone && !std::mem::replace(&mut self.is_gone, true) {
                self.proxy.handle_input(Side::Client, Input::Eof, now());
                moved = true;
            }
            if self.proxy.may_read(Side::Server) && !self.back[1].is_empty() {
                let mut back = std::mem::take(&mut self.back[1]);
                let mut piece = self.piece(&mut back);
                self.back[1] = back;
                self.proxy.handle_input(Side::Server, Input::Bytes(&mut piece), self.now());
                moved = true;
            }
            self.proxy.handle_timeout(self.now());
            self.poll_proxy();
            if !self.back[0].is_empty() {
                let mut back = std::mem::take(&mut self.back[0]);
                let mut piece = self.piece(&mut back);
                self.back[0] = back;
                self.wire.extend_from_slice(&piece);
                let _ = self.server.handle_input(Input::Bytes(&mut piece), now());
                moved = true;
            }
            self.poll_server();
            if !self.front[1].is_empty() {
                let mut front = std::mem::take(&mut self.front[1]);
                let mut piece = self.piece(&mut front);
                self.front[1] = front;
                // The next poll returns the error.
                let _ = self.client.handle_input(Input::Bytes(&mut piece), now());
                moved = true;
            } else if self.end.is_some() {
                let _ = self.client.handle_input(Input::Eof, now());
            }
            if !moved && self.back[1].is_empty() && (self.front[0].is_empty() || !self.proxy.may_read(Side::Client)) {
                return failed.map_or(Ok(events), Err);
            }
        }
    }

    pub(crate) fn poll_proxy(&mut self) {
        loop {
            let output = self.proxy.poll_output();
            while self.proxy.transmit(Side::Client, &mut self.front[1]) {}
            while self.proxy.transmit(Side::Server, &mut self.back[0]) {}
            match output {
                Output::Event(Event::Dial(login)) => {
                    self.log.push(format!("dial for '{}', {:?}", login.user, login.database));
                    if self.goes_while_dialled {
                        self.proxy.dial_begins();
                        self.is_gone = true;
                        self.proxy.handle_input(Side::Client, Input::Eof, now());
                        assert!(matches!(self.proxy.poll_output(), Output::Wait(_)), "the login goes on");
                    }
                    self.dial();
                }
                Output::Event(Event::ServerFailed(error)) => {
                    self.log.push(format!("failed: {error}"));
                    self.proxy.refuse(SqlError::unknown_error("no server is left")).unwrap();
                }
                Output::Event(Event::ChangeUser { user, .. }) => {
                    self.log.push(format!("change to '{user}'"));
                    match &self.refuse_change {
                        Some(error) => self.proxy.refuse_change_user(error.clone()),
                        None => {
                            if let Err(error) = self.proxy.redial(Duration::from_secs(1)) {
                                self.log.push(format!("no move: {error}"));
                                continue;
                            }
                            while self.proxy.transmit(Side::Server, &mut self.back[0]) {}
                            self.dial();
                        }
                    }
                }
                Output::Event(Event::Kill(kill)) => {
                    self.log.push(format!("kill of {}, {}", kill.connection_id, kill.is_query));
                    match self.kill.clone() {
                        Ok(id) => self.proxy.allow_kill(id),
                        Err(answer) => self.proxy.answer_kill(answer),
                    }
                }
                Output::Event(Event::Proxied(ends)) => self.log.push(format!("proxied: {ends:?}")),
                Output::Event(Event::Connected) => self.log.push("connected".into()),
                Output::Event(Event::Closed(end)) => {
                    let _ = self.server.handle_input(Input::Eof, now());
                    self.end = Some(end);
                }
                Output::Transmit => {}
                Output::Wait(_) => return,
            }
        }
    }

    pub(crate) fn dial(&mut self) {
        if std::mem::replace(&mut self.is_dialled, true) {
            let peer = Peer { transport: Transport::Tcp, host: "10.1.2.3".into(), user: None };
            self.server = server::Connection::new(Arc::clone(&self.server_config), 6, peer, now());
            self.back = Default::default();
        }
        self.proxy.dialled(Arc::clone(&self.back_config), &[("_client_ip", "10.1.2.3")], now()).unwrap();
    }

    pub(crate) fn poll_server(&mut self) {
        while self.is_dialled {
            let cipher = self.server.facts().ssl_cipher().unwrap_or("none");
            match self.server.poll_output(&mut self.back[1]) {
                Ok(Output::Event(server::Event::Login(login))) => {
                    self.log.push(format!("login of '{}', {:?}, {:?}", login.user, login.database, login.attributes));
                    self.server.authenticate(self.candidate.clone()).unwrap();
                }
                Ok(Output::Event(server::Event::Authenticated { learned, .. })) => {
                    self.log.push("the password is right".into());
                    self.candidate.fast_digest = learned.or(self.candidate.fast_digest);
                    self.server.accept(StatusFlags::AUTOCOMMIT).unwrap();
                }
                Ok(Output::Event(server::Event::Command(Command::Query(query)))) => {
                    let sql = query.sql.to_vec();
                    self.log.push(format!("query of {}", sql.len()));
                    self.log.push(String::from_utf8_lossy(&sql[..sql.len().min(50)]).into_owned());
                    if self.is_mute {
                        continue;
                    }
                    let (count, length) = self.rows;
                    self.server.begin_rows(&[ColumnDefinition::new("cipher", ColumnType::VAR_STRING)]).unwrap();
                    for _ in 0..count {
                        self.server.text_row([Some(&*vec![b'r'; length])]).unwrap();
                    }
                    self.server.text_row([Some(cipher.as_bytes())]).unwrap();
                    self.server.end_rows(self.status, 0).unwrap();
                }
                Ok(Output::Event(server::Event::AuthenticationFailed { reason })) => self.log.push(reason),
                Ok(Output::Event(server::Event::Closed)) => self.log.push("the server saw the end".into()),
                Ok(Output::Event(_) | Output::Transmit) => {}
                Ok(Output::Wait(_)) | Err(_) => return,
            }
        }
    }

    pub(crate) fn has_logged(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.contains(text))
    }
}

pub(crate) const PLUGINS: [Plugin; 4] =
    [Plugin::MysqlNativePassword, Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::ClientEd25519];

pub(crate) fn is_connected(events: &[client::Event]) -> bool {
    matches!(events, [client::Event::Connected(_)])
}
