//! A client that sends its password to whatever the server says, and a server that asks for it in every way, over legs of every kind: the
//! password crosses only between legs that protect it alike.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::Side;
use sealwire_core::facts::Transport;
use sealwire_core::message::{Attributes, Capabilities, HandshakeResponse41, SslRequest};
use sealwire_core::proxy::{Connection, Event};
use sealwire_core::server::{self, Peer};
use sealwire_core::tls::{ClientContext, ServerContext, TlsLayer, Trust};
use sealwire_core::wire::frame::{self, HEADER, Scan, scan};
use sealwire_core::{Input, Output, SqlError};

use super::world::{Identity, OURS, PASSWORD, Protection, Seeded, now};

/// Every plugin, and some that are not known here.
const PLUGINS: [&str; 10] = [
    "mysql_native_password",
    "caching_sha2_password",
    "sha256_password",
    "mysql_clear_password",
    "client_ed25519",
    "parsec",
    "dialog",
    "auth_socket",
    "auth_gssapi_client",
    "a plugin of next year",
];

/// The packets behind the request for a plugin.
const SCRIPTS: [&[&[u8]]; 3] = [&[], &[b"\x01\x04"], &[b"\x01\x03", b"\x04Password: ", b"\x01\x04"]];

/// Plugins whose first answer is a proof, and its length.
const PROOFS: [(&str, usize); 3] =
    [("mysql_native_password", 20), ("caching_sha2_password", 32), ("client_ed25519", 64)];

const FRONTS: [Protection; 3] = [Protection::Plain, Protection::Tls, Protection::Socket];
const BACKS: [Protection; 4] = [Protection::Plain, Protection::UnverifiedTls, Protection::Tls, Protection::Socket];

/// The SSLRequest with its header.
const SSL_REQUEST: usize = 36;

/// One end, which says what it is told to.
#[derive(Default)]
struct End {
    tls: Option<TlsLayer>,
    sequence: u8,
    /// The decrypted bytes, and how many of them were looked at.
    received: Vec<u8>,
    scanned: usize,
}

impl End {
    /// A packet as it is sent.
    fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut framed = Vec::new();
        frame::encode(payload, &mut self.sequence, &mut framed);
        let Some(tls) = &mut self.tls else { return framed };
        let mut sealed = Vec::new();
        tls.seal(&framed, &mut sealed).unwrap();
        sealed
    }

    /// Takes bytes; returns the answer of TLS.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        match &mut self.tls {
            Some(tls) => {
                let _ = tls.feed(&mut bytes.to_vec(), &mut self.received, now().wall);
                tls.take_output(&mut answer);
            }
            None => self.received.extend_from_slice(bytes),
        }
        while let Scan::Complete(found) = scan(&self.received[self.scanned..]) {
            self.sequence = found.first_sequence.wrapping_add(1);
            self.scanned += found.wire_length;
        }
        answer
    }
}

/// The settings of all connections.
struct Settings {
    fronts: [Arc<server::Config>; 2],
    trusting: ClientContext,
    node: ServerContext,
    backs: [ClientContext; 2],
}

impl Settings {
    fn new() -> Self {
        let (gateway, node) = (Identity::new("gateway"), Identity::new("db1"));
        let mut front = server::Config::new("8.4.0-proxy", Arc::new(Seeded::new(1)));
        let plain = Arc::new(front.clone());
        front.tls = Some(gateway.server());
        Self {
            fronts: [plain, Arc::new(front)],
            trusting: gateway.trusting(Trust::CaAndIdentity),
            node: node.server(),
            backs: [Trust::NoVerification, Trust::CaAndIdentity].map(|trust| node.trusting(trust)),
        }
    }
}

/// A client, a proxy and a server.
struct Talk<'s> {
    settings: &'s Settings,
    legs: (Protection, Protection),
    proxy: Connection,
    client: End,
    server: End,
    is_connected: bool,
}

impl<'s> Talk<'s> {
    fn new(settings: &'s Settings, front: Protection, back: Protection) -> Self {
        let is_local = front == Protection::Socket;
        let transport = if is_local { Transport::UnixSocket } else { Transport::Tcp };
        let peer = Peer { transport, host: "localhost".into(), user: None };
        let config = Arc::clone(&settings.fronts[usize::from(front == Protection::Tls)]);
        let proxy = Connection::new(config, OURS, peer, now());
        let (client, server) = (End::default(), End::default());
        Self { settings, legs: (front, back), proxy, client, server, is_connected: false }
    }

    /// Brings bytes to the proxy, and its own to the ends, until nothing moves.
    fn feed(&mut self, side: Side, bytes: Vec<u8>) {
        let mut under_way = vec![(side, bytes)];
        while let Some((side, mut bytes)) = under_way.pop() {
            self.proxy.handle_input(side, Input::Bytes(&mut bytes), now());
            loop {
                let output = self.proxy.poll_output();
                let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
                while self.proxy.transmit(Side::Client, &mut to_client) {}
                while self.proxy.transmit(Side::Server, &mut to_server) {}
                let mut rest = &*to_server;
                if let Some((request, hello)) = to_server.split_at_checked(SSL_REQUEST)
                    && self.server.received.is_empty()
                    && request[..HEADER] == [32, 0, 0, 1]
                {
                    self.server.take(request);
                    self.server.tls = Some(TlsLayer::server(&self.settings.node).unwrap());
                    rest = hello;
                }
                let answers = [(Side::Client, self.client.take(&to_client)), (Side::Server, self.server.take(rest))];
                under_way.extend(answers.into_iter().filter(|(_, answer)| !answer.is_empty()));
                match output {
                    Output::Event(Event::Dial(_)) => self.proxy.dialled(self.back(), &[], now()).unwrap(),
                    Output::Event(Event::Connected) => self.is_connected = true,
                    Output::Event(Event::ChangeUser { .. }) => {
                        self.proxy.redial(Duration::from_secs(10)).unwrap();
                        while self.proxy.transmit(Side::Server, &mut Vec::new()) {}
                        self.server = End::default();
                        self.proxy.dialled(self.back(), &[], now()).unwrap();
                    }
                    Output::Event(Event::ServerFailed(_)) => {
                        self.proxy.refuse(SqlError::unknown_error("no server is left")).unwrap();
                    }
                    Output::Event(_) | Output::Transmit => {}
                    Output::Wait(_) => break,
                }
            }
        }
    }

    fn back(&self) -> Arc<client::Config> {
        let mut config = client::Config::new("", "".into(), Arc::new(Seeded::new(2)));
        config.server_name = "db1".into();
        match self.legs.1 {
            Protection::Plain => {}
            Protection::Socket => config.transport = Transport::UnixSocket,
            tls => {
                let context = self.settings.backs[usize::from(tls == Protection::Tls)].clone();
                config.tls = TlsPolicy::Required(context);
            }
        }
        Arc::new(config)
    }

    fn client_says(&mut self, payload: &[u8]) {
        let packet = self.client.packet(payload);
        self.feed(Side::Client, packet);
    }

    fn server_says(&mut self, payload: &[u8]) {
        let packet = self.server.packet(payload);
        self.feed(Side::Server, packet);
    }

    /// The client logs in, and the server asks for the plugin.
    fn begin(&mut self, plugin: &str) {
        self.feed(Side::Client, Vec::new());
        let mut capabilities = server::Config::CAPABILITIES;
        if self.legs.0 == Protection::Tls {
            capabilities |= Capabilities::SSL;
            let mut request = Vec::new();
            SslRequest { capabilities, max_packet: 1 << 24, charset: 45 }.encode(&mut request);
            self.client_says(&request);
            let wall = now().wall;
            self.client.tls = Some(TlsLayer::client(&self.settings.trusting, "gateway", None, wall).unwrap());
            let hello = self.client.take(&[]);
            self.feed(Side::Client, hello);
        }
        let mut response = Vec::new();
        let login = HandshakeResponse41 {
            capabilities: capabilities.without(Capabilities::CONNECT_WITH_DB),
            max_packet: 1 << 24,
            charset: 45,
            user: b"learner",
            // A client may begin with the password itself.
            auth_response: PASSWORD.as_bytes(),
            database: None,
            auth_plugin: Some(b"mysql_clear_password"),
            attributes: Attributes::new(&[]),
            zstd_level: None,
        };
        login.encode(&mut response);
        self.client_says(&response);
        self.server_begins(plugin);
    }

    /// The server greets, and asks for the plugin.
    fn server_begins(&mut self, plugin: &str) {
        let mut node = server::Config::new("8.4.0-node", Arc::new(Seeded::new(3)));
        node.tls =
            matches!(self.legs.1, Protection::Tls | Protection::UnverifiedTls).then(|| self.settings.node.clone());
        let peer = Peer { transport: Transport::Tcp, host: "proxy".into(), user: None };
        let mut greeting = Vec::new();
        let _ = server::Connection::new(Arc::new(node), 5, peer, now()).poll_output(&mut greeting);
        self.feed(Side::Server, greeting);
        self.server_says(&[b"\xfe", plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat());
    }

    fn server_has_password(&self) -> bool {
        self.server.received.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes())
    }
}

fn are_alike(front: Protection, back: Protection) -> bool {
    let front_is_secure = front != Protection::Plain;
    match back {
        Protection::Plain => !front_is_secure,
        Protection::UnverifiedTls => false,
        Protection::Tls | Protection::Socket => front_is_secure,
    }
}

#[test]
fn a_password_crosses_only_between_legs_that_protect_it_alike() {
    let settings = Settings::new();
    for (front, back) in FRONTS.into_iter().flat_map(|front| BACKS.map(|back| (front, back))) {
        for (plugin, script) in PLUGINS.into_iter().flat_map(|plugin| SCRIPTS.map(|script| (plugin, script))) {
            let mut talk = Talk::new(&settings, front, back);
            talk.begin(plugin);
            assert!(!talk.server_has_password(), "the answer to the proxy's own greeting went on: {plugin}");
            let password = [PASSWORD.as_bytes(), b"\0"].concat();
            talk.client_says(&password);
            for packet in script {
                talk.server_says(packet);
                talk.client_says(&password);
            }
            assert!(talk.server.scanned > SSL_REQUEST, "the login has come: {front:?} and {back:?}");
            // The first answer to these must be a proof.
            let proves =
                ["mysql_native_password", "caching_sha2_password", "client_ed25519", "parsec"].contains(&plugin);
            assert_eq!(
                talk.server_has_password(),
                are_alike(front, back) && !proves,
                "{plugin} with {script:?} from {front:?} to {back:?}"
            );
        }
    }
}

#[test]
fn a_password_of_a_change_of_user_crosses_only_between_legs_that_protect_it_alike() {
    let settings = Settings::new();
    for (front, back) in FRONTS.into_iter().flat_map(|front| BACKS.map(|back| (front, back))) {
        for (plugin, length) in PROOFS {
            let mut talk = Talk::new(&settings, front, back);
            talk.begin(plugin);
            talk.client_says(&vec![7; length]);
            talk.server_says(b"\0\0\0\x02\0\0\0");
            assert!(talk.is_connected, "{plugin} from {front:?} to {back:?}");
            talk.client.sequence = 0;
            talk.client_says(&[b"\x11other\0\x1c", PASSWORD.as_bytes(), b"db\0\x2d\0mysql_clear_password\0"].concat());
            // The server asks for the password itself.
            talk.server_begins("mysql_clear_password");
            talk.client_says(&[PASSWORD.as_bytes(), b"\0"].concat());
            let alike = are_alike(front, back);
            let has_login = talk.server.received.windows(5).any(|part| part == b"other");
            assert!(has_login, "{plugin} from {front:?} to {back:?}");
            assert_eq!(talk.server_has_password(), alike, "{plugin} from {front:?} to {back:?}");
        }
    }
}
