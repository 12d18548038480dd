//! A client, a proxy and a server in memory: every plugin over both kinds of legs, with bytes delivered in pieces of every size.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::auth::Plugin;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::{Error, Side};
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, StatusFlags};
use sealwire_core::proxy::{Activity, Connection, End, Event};
use sealwire_core::random::Random;
use sealwire_core::server::{self, Candidate, Peer};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, Trust};
use sealwire_core::{Input, Now, Output, SqlError};

const PASSWORD: &str = "correct horse battery staple";
const OURS: u32 = 0xC000_0001;

/// Bytes from a seed.
#[derive(Debug)]
struct Seeded(std::sync::Mutex<u64>);

impl Seeded {
    const fn new(seed: u64) -> Self {
        Self(std::sync::Mutex::new(seed))
    }

    fn next(&self, below: usize) -> usize {
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

fn now() -> Now {
    // The certificates are made at this time.
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Now { monotonic: Duration::from_secs(1), wall }
}

/// A certificate for a name, which is its own CA.
struct Identity {
    cert: String,
    key: String,
    name: &'static str,
}

impl Identity {
    fn new(name: &'static str) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        Self { cert: certified.cert.pem(), key: certified.signing_key.serialize_pem(), name }
    }

    fn server(&self) -> ServerContext {
        let mut options = ServerOptions::new(Arc::new(rustls::crypto::ring::default_provider()));
        options.cert = Some(NamedPem::new("certificate", self.cert.clone()));
        options.key = Some(NamedPem::new("key", self.key.clone()));
        ServerContext::build(options).unwrap()
    }

    fn trusting(&self) -> ClientContext {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut options = ClientOptions::new(provider, Trust::CaAndIdentity);
        options.ca = vec![NamedPem::new("certificate", self.cert.clone())];
        ClientContext::build(options).unwrap()
    }
}

/// The legs that have TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Legs {
    client: bool,
    server: bool,
}

const SECURE: Legs = Legs { client: true, server: true };
const PLAIN: Legs = Legs { client: false, server: false };

/// A client, a proxy and a server with the bytes between them.
struct World {
    client: client::Connection,
    proxy: Connection,
    server: server::Connection,
    /// To the proxy and to the client; to the server and to the proxy.
    front: [Vec<u8>; 2],
    back: [Vec<u8>; 2],
    back_config: Arc<client::Config>,
    candidate: Candidate,
    pieces: Seeded,
    largest_piece: usize,
    log: Vec<String>,
    /// The bytes on the server's leg.
    wire: Vec<u8>,
    end: Option<End>,
    is_dialled: bool,
    refuse_change: Option<SqlError>,
    /// Whether a change of user moves to another server, and the settings of all servers.
    moves: bool,
    server_config: Arc<server::Config>,
    /// The answer to a KILL, or the id with which it passes.
    kill: Result<u32, Result<(), SqlError>>,
    /// Whether the server answers queries, and the status that it gives.
    is_mute: bool,
    status: StatusFlags,
    /// The rows of a result, of this many bytes each.
    rows: (usize, usize),
    /// How many bytes of the client arrive before it is gone.
    lifetime: Option<usize>,
    is_gone: bool,
}

impl World {
    fn new(plugin: Plugin, password: &str, legs: Legs, seed: u64) -> Self {
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
        if legs.client {
            front.tls = Some(gateway.server());
            client.tls = TlsPolicy::Required(gateway.trusting());
        }
        if legs.server {
            server.tls = Some(node.server());
            back.tls = TlsPolicy::Required(node.trusting());
        }
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
            moves: false,
            server_config,
            kill: Ok(7),
            is_mute: false,
            status: StatusFlags::AUTOCOMMIT,
            rows: (3, 10),
            lifetime: None,
            is_gone: false,
        }
    }

    /// A piece of the bytes under way.
    fn piece(&self, from: &mut Vec<u8>) -> Vec<u8> {
        if self.largest_piece == usize::MAX {
            return std::mem::take(from);
        }
        let most = 1 + self.pieces.next(self.largest_piece);
        let rest = from.split_off(most.min(from.len()));
        std::mem::replace(from, rest)
    }

    /// Moves bytes and answers the server's and the proxy's events until nothing moves. Returns the client's events.
    fn settle(&mut self) -> Result<Vec<client::Event>, Error> {
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
                self.proxy.handle_input(Side::Client, Input::Bytes(&mut piece), now());
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
                self.proxy.handle_input(Side::Server, Input::Bytes(&mut piece), now());
                moved = true;
            }
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

    fn poll_proxy(&mut self) {
        loop {
            let output = self.proxy.poll_output();
            while self.proxy.transmit(Side::Client, &mut self.front[1]) {}
            while self.proxy.transmit(Side::Server, &mut self.back[0]) {}
            match output {
                Output::Event(Event::Dial(login)) => {
                    self.log.push(format!("dial for '{}', {:?}", login.user, login.database));
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
                        None if self.moves => {
                            self.proxy.redial(Duration::from_secs(1)).unwrap();
                            while self.proxy.transmit(Side::Server, &mut self.back[0]) {}
                            self.dial();
                        }
                        None => self.proxy.allow_change_user(),
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

    fn dial(&mut self) {
        if std::mem::replace(&mut self.is_dialled, true) {
            let peer = Peer { transport: Transport::Tcp, host: "10.1.2.3".into(), user: None };
            self.server = server::Connection::new(Arc::clone(&self.server_config), 6, peer, now());
            self.back = Default::default();
        }
        self.proxy.dialled(Arc::clone(&self.back_config), &[("_client_ip", "10.1.2.3")], now()).unwrap();
    }

    fn poll_server(&mut self) {
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

    fn has_logged(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.contains(text))
    }
}

const PLUGINS: [Plugin; 4] =
    [Plugin::MysqlNativePassword, Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::ClientEd25519];

fn is_connected(events: &[client::Event]) -> bool {
    matches!(events, [client::Event::Connected(_)])
}

#[test]
fn every_plugin_logs_in_however_the_bytes_arrive() {
    // Seven sizes of pieces and four plugins.
    for (seed, plugin) in (0..28).zip(PLUGINS.into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, SECURE, seed);
        let events = world.settle().unwrap_or_else(|error| panic!("{plugin}, seed {seed}: {error}: {:?}", world.log));
        assert!(is_connected(&events), "{plugin}, seed {seed}: {events:?}, {:?}", world.log);
        assert!(world.has_logged("dial for 'learner', Some(\"d\")"));
        assert!(
            world.has_logged(
                "login of 'learner', Some(\"d\"), [(\"_client_ip\", \"10.1.2.3\"), (\"program\", \"test\")]"
            )
        );
        assert_eq!(world.client.facts().connection_id, OURS);
        assert_eq!(world.proxy.server_facts().unwrap().connection_id, 5);
        assert_eq!(world.proxy.client_facts().unwrap().auth_plugin.as_deref(), Some(plugin.name()));
        world.rows = (20, 300);
        let length = if world.largest_piece < 1000 { 300 } else { 70_000 };
        world.client.query(&vec![b'q'; length]).unwrap();
        world.settle().unwrap();
        assert!(world.has_logged(&format!("query of {length}")));
        assert_eq!(world.log.iter().filter(|line| *line == "row of 303").count(), 20, "seed {seed}");
        assert!(
            world.has_logged("row of 23"),
            "the cipher of the server's side, TLS_AES_256_GCM_SHA384: {:?}",
            world.log
        );
        // The second login finds the cache of caching_sha2_password warm.
        world.client.change_user("learner", PASSWORD.into(), None).unwrap();
        let events = world.settle().unwrap();
        assert!(matches!(&*events, [client::Event::Ok(_)]), "{plugin}, seed {seed}: {events:?}");
        assert!(world.has_logged("change to 'learner'"));
        assert_eq!(world.proxy.changes_of_user(), 1);
        world.client.quit().unwrap();
        world.settle().unwrap();
        assert!(world.has_logged("the server saw the end"));
        assert!(matches!(world.end, Some(End::By(_))), "{:?}", world.end);
    }
}

#[test]
fn plaintext_on_both_sides_is_as_safe_as_plaintext_without_a_proxy() {
    for (seed, plugin) in (0..14).zip([Plugin::MysqlNativePassword, Plugin::ClientEd25519].into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, PLAIN, seed);
        assert!(is_connected(&world.settle().unwrap()), "{plugin}, seed {seed}");
    }
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
    world.settle().unwrap();
    (world.largest_piece, world.rows) = (usize::MAX, (2, 17 << 20));
    world.client.query(&vec![b'q'; 17 << 20]).unwrap();
    world.settle().unwrap();
    assert!(world.has_logged(&format!("query of {}", 17 << 20)), "packets of two frames");
    assert!(world.has_logged(&format!("row of {}", (17 << 20) + 9)), "{:?}", world.log);
    let mut world = World::new(Plugin::Sha256Password, PASSWORD, PLAIN, 6);
    let error = world.settle().unwrap_err();
    assert!(matches!(error, Error::Refused { by: Side::Client, .. }), "the client refuses by itself: {error}");
}

#[test]
fn a_password_does_not_leave_a_secure_leg_for_another() {
    let password = |wire: &[u8]| wire.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    for (client, server) in [(true, false), (false, true)] {
        for (seed, plugin) in (0..8).zip(PLUGINS.into_iter().cycle()) {
            let mut world = World::new(plugin, PASSWORD, Legs { client, server }, seed);
            let outcome = world.settle();
            assert!(!password(&world.wire), "{plugin}: the server's side has the password");
            let is_proof = matches!(plugin, Plugin::MysqlNativePassword | Plugin::ClientEd25519);
            match outcome {
                Ok(events) => assert!(is_proof && is_connected(&events), "{plugin}"),
                Err(Error::Refused { by: Side::Server, error }) => {
                    assert!(!is_proof, "{plugin}: {error}");
                    assert!(error.code == 1105 && error.message.contains(plugin.name()), "{error}");
                    assert!(matches!(world.end, Some(End::Refused(_))), "{:?}", world.end);
                }
                Err(error) => panic!("{plugin}: {error}"),
            }
        }
    }
    // The fast path of caching_sha2_password is a proof.
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    let digest = world.candidate.fast_digest;
    assert!(digest.is_some());
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, Legs { client: true, server: false }, 6);
    world.candidate.fast_digest = digest;
    assert!(is_connected(&world.settle().unwrap()));
    // A change of user may send the password, and the proxy does not look at the answers.
    world.client.change_user("learner", PASSWORD.into(), None).unwrap();
    let shown = format!("{:?}", world.settle());
    assert!(shown.contains("COM_CHANGE_USER"), "{shown}");
    assert!(!password(&world.wire));
}

#[test]
fn the_driver_can_refuse_a_change_of_user() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.refuse_change = Some(SqlError::access_denied("Access denied by a rule"));
        world.client.change_user("other", PASSWORD.into(), None).unwrap();
        let events = world.settle();
        let shown = format!("{events:?}");
        assert!(shown.contains("Access denied by a rule"), "{shown}");
        assert!(world.has_logged("change to 'other'") && !world.has_logged("login of 'other'"), "{:?}", world.log);
        assert!(matches!(world.end, Some(End::Refused(_))), "{:?}", world.end);
    }
}

#[test]
fn the_verdict_is_the_servers() {
    for plugin in PLUGINS {
        let mut world = World::new(plugin, "another password", SECURE, 5);
        let error = world.settle().unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERROR 1045 (28000): Access denied for user 'learner'@'10.1.2.3' (using password: YES)",
            "{plugin}"
        );
        assert!(matches!(&world.end, Some(End::Denied(error)) if error.code == 1045), "{:?}", world.end);
    }
    let mut world = World::new(Plugin::MysqlNativePassword, "", SECURE, 5);
    assert!(is_connected(&world.settle().unwrap()), "no password");
}

#[test]
fn the_login_of_a_client_that_goes_ends_at_the_server() {
    for (plugin, legs) in PLUGINS.into_iter().flat_map(|plugin| [(plugin, SECURE), (plugin, PLAIN)]) {
        let (mut began, mut ended) = (0, 0);
        for lifetime in (0..4000).step_by(if legs == SECURE { 11 } else { 3 }) {
            let mut world = World::new(plugin, PASSWORD, legs, 5);
            world.lifetime = Some(lifetime);
            // The client's machine is not told, because it is gone.
            let events = world.settle();
            if events.is_ok_and(|events| is_connected(&events)) {
                break;
            }
            assert!(world.end.is_some(), "{plugin}, {lifetime} bytes: {:?}", world.log);
            if world.is_dialled {
                began += 1;
                ended += usize::from(world.has_logged("password"));
            }
        }
        assert!(began > 3 && ended == began, "{plugin}, {legs:?}: {ended} of {began} logins have ended");
    }
}

#[test]
fn a_server_that_fails_before_the_login_learns_nothing() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    let other = Identity::new("db1");
    let mut back = world.back_config.as_ref().clone();
    back.tls = TlsPolicy::Required(other.trusting());
    world.back_config = Arc::new(back);
    let error = world.settle().unwrap_err();
    assert!(error.to_string().contains("no server is left"), "{error}");
    assert!(world.has_logged("failed: ") && world.has_logged("certificate"), "{:?}", world.log);
    assert!(!world.has_logged("login of"), "{:?}", world.log);

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    let peer = world.server.peer().clone();
    let full = SqlError::too_many_connections("Too many connections");
    let config = Arc::new(server::Config::new("8.4.0-node", Arc::new(Seeded::new(1))));
    world.server = server::Connection::refused(config, 6, peer, full, now());
    let error = world.settle().unwrap_err();
    assert!(error.to_string().contains("no server is left"), "{error}");
    assert!(world.has_logged("failed: ERROR 1040"), "{:?}", world.log);
}

#[test]
fn another_server_can_take_the_login() {
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    let good = Arc::clone(&world.back_config);
    let mut dialled = 0;
    let mut first = server::Connection::refused(
        Arc::new(server::Config::new("8.4.0-node", Arc::new(Seeded::new(1)))),
        6,
        world.server.peer().clone(),
        SqlError::too_many_connections("Too many connections"),
        now(),
    );
    loop {
        match world.client.poll_output(&mut world.front[0]).unwrap() {
            Output::Wait(_) | Output::Transmit => {}
            Output::Event(event) => panic!("{event:?}"),
        }
        let mut bytes = std::mem::take(&mut world.front[0]);
        world.proxy.handle_input(Side::Client, Input::Bytes(&mut bytes), now());
        let output = world.proxy.poll_output();
        let mut bytes = Vec::new();
        while world.proxy.transmit(Side::Client, &mut bytes) {}
        world.client.handle_input(Input::Bytes(&mut bytes), now()).unwrap();
        match output {
            Output::Event(Event::Dial(_)) => {
                world.proxy.dialled(Arc::clone(&good), &[], now()).unwrap();
                dialled += 1;
                let mut bytes = Vec::new();
                let _ = first.poll_output(&mut bytes);
                world.proxy.handle_input(Side::Server, Input::Bytes(&mut bytes), now());
            }
            Output::Event(Event::ServerFailed(_)) => {
                world.dial();
                dialled += 1;
                break;
            }
            Output::Event(event) => panic!("{event:?}"),
            Output::Transmit | Output::Wait(_) => {}
        }
    }
    assert_eq!(dialled, 2);
    assert!(is_connected(&world.settle().unwrap()));
}

#[test]
fn the_end_of_one_side_is_the_end_of_the_other() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.server.close();
    let events = world.settle().unwrap();
    assert!(matches!(&*events, [client::Event::Closed]), "{events:?}");
    assert_eq!(world.end, Some(End::By(Side::Server)));

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.proxy.handle_input(Side::Client, Input::Eof, now());
    world.poll_proxy();
    assert_eq!(world.end, Some(End::By(Side::Client)));
    world.settle().unwrap();
    assert!(world.has_logged("the server saw the end"), "{:?}", world.log);

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.proxy.handle_input(Side::Server, Input::Bytes(&mut vec![0x17, 3, 3, 0, 3, 1, 2, 3]), now());
    world.settle().unwrap();
    assert!(matches!(world.end, Some(End::Failed(Side::Server, Error::Tls(_)))), "{:?}", world.end);
}

#[test]
fn a_side_that_does_not_read_holds_the_other() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
    assert!(is_connected(&world.settle().unwrap()));
    let mut held = 0;
    while world.proxy.may_read(Side::Server) {
        world.proxy.handle_input(Side::Server, Input::Bytes(&mut vec![0; 64 * 1024]), now());
        let _ = world.proxy.poll_output();
        held += 1;
    }
    assert_eq!(held, 4, "256 KiB wait for the client");
    assert!(world.proxy.may_read(Side::Client));
    let mut out = Vec::new();
    while world.proxy.transmit(Side::Client, &mut out) {}
    assert_eq!(out.len(), 4 * 64 * 1024);
    assert!(world.proxy.may_read(Side::Server));
}

#[test]
fn nothing_secret_is_shown() {
    let mut world = World::new(Plugin::Sha256Password, PASSWORD, PLAIN, 6);
    let mut shown = format!("{:?}", world.proxy);
    let _ = world.settle();
    shown += &format!("{:?}", world.proxy);
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    let mut query = b"\x1f\0\0\0\x03SELECT 'correct horse battery staple'"[..20].to_vec();
    world.proxy.handle_input(Side::Client, Input::Bytes(&mut query), now());
    shown += &format!("{:?}", world.proxy);
    assert!(!shown.contains("correct horse") && !shown.contains("99, 111, 114, 114"), "{shown}");
}

#[test]
fn a_statement_whose_server_is_lost_has_an_unknown_outcome() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.is_mute = true;
        world.client.query(b"UPDATE t SET a = 1").unwrap();
        world.settle().unwrap();
        assert_eq!(world.proxy.activity(), Activity::Running);
        if seed % 2 == 0 {
            world.proxy.lose_server();
        } else {
            world.proxy.handle_input(Side::Server, Input::Eof, now());
        }
        let shown = format!("{:?}", world.settle());
        assert!(shown.contains("1053") && shown.contains("outcome of the statement is unknown"), "{seed}: {shown}");
        assert!(matches!(&world.end, Some(End::ServerLost(error)) if error.code == 1053), "{:?}", world.end);
        assert_eq!(world.log.iter().filter(|line| line.starts_with("UPDATE")).count(), 1, "it is not sent again");
    }
}

#[test]
fn a_drained_connection_ends_between_statements_and_outside_a_transaction() {
    let moving = || SqlError::new(1053, b"08S01", "the server is drained");
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.status = StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS;
        world.client.query(b"BEGIN").unwrap();
        world.settle().unwrap();
        assert_eq!(world.proxy.activity(), Activity::Open);
        world.proxy.drain(moving());
        world.client.query(b"UPDATE t SET a = 1").unwrap();
        world.settle().unwrap();
        assert_eq!(world.end, None, "seed {seed}: the transaction is open");
        world.status = StatusFlags::AUTOCOMMIT;
        world.client.query(b"COMMIT").unwrap();
        let events = world.settle();
        assert!(world.has_logged("COMMIT"), "{:?}", world.log);
        assert_eq!(world.end, Some(End::Drained(moving())), "seed {seed}: {events:?}");
        assert!(world.has_logged("row of 23"), "the answer to COMMIT came whole");

        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.proxy.drain(moving());
        world.client.query(b"SELECT 1").unwrap();
        let shown = format!("{:?}", world.settle());
        assert!(shown.contains("the server is drained"), "seed {seed}: {shown}");
        assert!(!world.has_logged("SELECT 1"), "the statement was not sent");
    }
}

#[test]
fn a_kill_has_the_id_of_the_server_or_the_answer_of_the_driver() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.client.query(b"KILL QUERY 3221225473 ;").unwrap();
        world.settle().unwrap();
        assert!(world.has_logged("kill of 3221225473, true") && world.has_logged("KILL QUERY 7 ;"), "{:?}", world.log);
        for (answer, expected) in [(Ok(()), "Ok("), (Err(SqlError::no_such_thread("Unknown thread id: 8")), "1094")] {
            world.kill = Err(answer);
            world.client.query(b"KILL 8").unwrap();
            world.client.query(b"SELECT 2").unwrap();
            let shown = format!("{:?}", world.settle().unwrap());
            assert!(shown.contains(expected) && shown.contains("ResultEnd"), "seed {seed}: {shown}");
        }
        assert!(!world.has_logged("KILL 8"), "{:?}", world.log);
        assert_eq!(world.proxy.activity(), Activity::Idle);
    }
}

#[test]
fn a_change_of_user_can_move_to_another_server() {
    for (seed, plugin) in (0..28).zip(PLUGINS.into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.moves = true;
        for _ in 0..2 {
            world.client.change_user("learner", PASSWORD.into(), Some("e")).unwrap();
            let events =
                world.settle().unwrap_or_else(|error| panic!("{plugin}, seed {seed}: {error}: {:?}", world.log));
            assert!(matches!(&*events, [client::Event::Ok(_)]), "{plugin}, seed {seed}: {events:?}, {:?}", world.log);
            assert!(world.has_logged("login of 'learner', Some(\"e\"), [(\"_client_ip\""), "{:?}", world.log);
            assert_eq!(world.proxy.server_facts().unwrap().connection_id, 6);
            world.client.query(b"SELECT 3").unwrap();
            world.settle().unwrap();
            assert!(world.has_logged("SELECT 3") && world.proxy.activity() == Activity::Idle);
        }
    }
}
