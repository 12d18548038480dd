//! The server's switch from plaintext to TLS, under attack by a client or by a man in the middle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealwire_core::client::TlsPolicy;
use sealwire_core::error::{PeerMisbehaved, Side};
use sealwire_core::facts::Transport;
use sealwire_core::message::{Capabilities, SslRequest};
use sealwire_core::server::{self, Connection, Login, Peer};
use sealwire_core::tls::TlsLayer;
use sealwire_core::trace::{self, Observer};
use sealwire_core::wire::frame;
use sealwire_core::{Error, Input, Now, Output, SqlError};
use sealwire_simnet::{Filter, OwnedEvent, Toward};

use crate::world::{PASSWORD, World, pair, plain_client, plain_server};

const NOW: Now = Now { monotonic: Duration::ZERO, wall: Duration::from_secs(1_767_312_000) };

/// A server without a client, to which a test sends any bytes.
struct Server {
    connection: Connection,
    said: Vec<u8>,
}

impl Server {
    fn new(config: server::Config) -> Self {
        let peer = Peer { transport: Transport::Tcp, host: String::from("127.0.0.1"), user: None };
        let mut server = Self { connection: Connection::new(config.into(), 1, peer, NOW), said: Vec::new() };
        assert_eq!(server.drain(), None, "it greets");
        server.said.clear();
        server
    }

    /// Takes all output of the server; returns its error, if it failed.
    fn drain(&mut self) -> Option<Error> {
        loop {
            match self.connection.poll_output(&mut self.said) {
                Ok(Output::Transmit) => {}
                Ok(Output::Wait(_)) => return None,
                Ok(Output::Event(event)) => panic!("no application is needed here: {event:?}"),
                Err(error) => return Some(error),
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Option<Error> {
        // An error shows in `drain`.
        let _ = self.connection.handle_input(Input::Bytes(&mut bytes.to_vec()), NOW);
        self.drain()
    }
}

fn packet(payload: &[u8], mut sequence: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(payload, &mut sequence, &mut bytes);
    bytes
}

fn ssl_request() -> Vec<u8> {
    let capabilities =
        Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::SSL | Capabilities::PLUGIN_AUTH;
    let mut payload = Vec::new();
    SslRequest { capabilities, max_packet: 1 << 24, charset: 45 }.encode(&mut payload);
    payload
}

fn bad_handshake(error: Option<Error>) -> SqlError {
    let error = error.expect("it must fail");
    assert!(matches!(error, Error::PeerMisbehaved(PeerMisbehaved::BadHandshake(_))), "{error:?}");
    let said = error.as_server_error().unwrap();
    assert_eq!((said.code, said.sqlstate), (1043, *b"08S01"));
    said
}

#[test]
fn a_ssl_request_has_32_bytes_no_more_and_no_less() {
    let world = World::new();
    for length in [31, 33, 64] {
        let mut payload = ssl_request();
        payload.resize(length, 0);
        let mut server = Server::new(world.server());
        let said = bad_handshake(server.hear(&packet(&payload, 1)));
        assert_eq!(said.message, "Bad handshake: a SSLRequest has exactly 32 bytes");
        assert!(server.said.windows(said.message.len()).any(|window| window == said.message.as_bytes()));
    }
}

#[test]
fn credentials_in_plaintext_ahead_of_tls_are_refused() {
    let world = World::new();
    let mut payload = ssl_request();
    payload.extend_from_slice(b"root\0\x14");
    payload.extend_from_slice(&[9; 20]);
    let error = Server::new(world.server()).hear(&packet(&payload, 1));
    assert!(bad_handshake(error).message.contains("exactly 32 bytes"));
}

#[test]
fn tls_asked_of_a_server_that_did_not_offer_it_is_a_bad_handshake() {
    let error = Server::new(plain_server()).hear(&packet(&ssl_request(), 1));
    assert!(bad_handshake(error).message.contains("did not offer"));
}

#[test]
fn thirty_two_bytes_without_the_ssl_flag_are_a_bad_handshake() {
    let world = World::new();
    let mut payload = ssl_request();
    payload[1] &= !0x08;
    bad_handshake(Server::new(world.server()).hear(&packet(&payload, 1)));
}

#[test]
fn a_packet_that_announces_megabytes_is_refused_at_its_header() {
    let world = World::new();
    let mut server = Server::new(world.server());
    let error = server.hear(&[0x00, 0x00, 0x20, 0x01]).unwrap();
    assert!(matches!(error, Error::PeerMisbehaved(PeerMisbehaved::PacketTooBig(_))), "{error:?}");
    assert_eq!(error.as_server_error().unwrap().code, 1153);
}

#[test]
fn a_response_with_the_wrong_number_is_out_of_order() {
    let world = World::new();
    let error = Server::new(world.server()).hear(&packet(&ssl_request(), 2)).unwrap();
    let said = error.as_server_error().unwrap();
    assert_eq!(said, SqlError::new(1156, b"08S01", "Got packets out of order"));
}

#[test]
fn a_second_ssl_request_inside_tls_is_refused_inside_tls() {
    let world = World::new();
    let mut server = Server::new(world.server());
    assert_eq!(server.hear(&packet(&ssl_request(), 1)), None);
    let TlsPolicy::Required(context) = world.client("any").tls else { panic!() };
    let mut tls = TlsLayer::client(&context, "db1", None, NOW.wall).unwrap();
    let (mut plain, mut sealed) = (Vec::new(), Vec::new());
    let mut sent_again = false;
    let error = loop {
        tls.take_output(&mut sealed);
        if !tls.is_handshaking() && !sent_again {
            sent_again = true;
            tls.seal(&packet(&ssl_request(), 2), &mut sealed).unwrap();
        }
        let error = server.hear(&std::mem::take(&mut sealed));
        tls.feed(&mut std::mem::take(&mut server.said), &mut plain, NOW.wall).unwrap();
        if error.is_some() {
            break error;
        }
    };
    assert_eq!(bad_handshake(error).message, "Bad handshake: a second SSLRequest, inside TLS");
    assert_eq!(plain[4..7], [0xff, 0x13, 0x04], "the ERR packet came through TLS");
}

/// The packets in a server's trace, by name and summary.
#[derive(Debug, Default)]
struct Trace(Mutex<Vec<(&'static str, String)>>);

impl Observer for Trace {
    fn observe(&self, _: Side, _: u32, event: trace::Event) {
        if let trace::Event::Packet { name, summary, .. } = event {
            self.0.lock().unwrap().push((name, summary));
        }
    }
}

impl Trace {
    /// The summary of the packet of that name.
    fn of(&self, name: &str) -> String {
        let packets = self.0.lock().unwrap();
        packets.iter().find(|(found, _)| *found == name).map(|(_, summary)| summary.clone()).expect("such a packet")
    }
}

/// Alters the first bytes toward the server, the SSLRequest.
fn alter_request(change: impl Fn(&mut Vec<u8>) + 'static) -> Filter {
    let mut done = false;
    Box::new(move |toward, bytes| {
        if toward == Toward::Server && !done {
            done = true;
            change(bytes);
        }
    })
}

/// The result of the login, and the server's trace of it.
fn log_in_through(change: impl Fn(&mut Vec<u8>) + 'static) -> (Login, Capabilities, String) {
    let (world, trace) = (World::new(), Arc::new(Trace::default()));
    let server = server::Config { observer: Some(trace.clone()), ..world.server() };
    let mut pair = pair(world.client("any"), server).with_filter(alter_request(change));
    assert_eq!(pair.run(), [OwnedEvent::Connected]);
    let login = pair.host.login.clone().expect("a login");
    assert!(pair.server.facts().tls.is_some());
    let told = trace.of("HandshakeResponse41");
    (login, pair.server.facts().capabilities, told)
}

#[test]
fn a_ssl_request_that_was_altered_changes_nothing_inside_tls() {
    let (login, capabilities, told) = log_in_through(|_| {});
    assert!(!told.contains("SSLRequest"), "{told}");
    // PROTOCOL_41, COMPRESS, PLUGIN_AUTH, CONNECT_ATTRS, DEPRECATE_EOF, the packet size, the character set, reserved bytes, and MariaDB's
    // extended capabilities.
    for (at, bit, shown) in [
        (5, 0x02, "without PROTOCOL_41"),
        (4, 0x20, "with COMPRESS"),
        (6, 0x08, "without PLUGIN_AUTH"),
        (6, 0x10, "with CONNECT_ATTRS"),
        (7, 0x01, "without DEPRECATE_EOF"),
        (9, 0x01, "another packet size"),
        (12, 0x02, "another character set"),
        (20, 0x01, "other reserved bytes"),
        (34, 0xff, "other reserved bytes"),
    ] {
        let altered = log_in_through(move |bytes| bytes[at] ^= bit);
        assert_eq!((&altered.0, altered.1), (&login, capabilities), "byte {at}");
        assert!(altered.2.contains(shown), "byte {at}: {}", altered.2);
    }
    // All fields that the server does not read, at once.
    let altered = log_in_through(|bytes| {
        bytes[4..36].fill(0xff);
    });
    assert_eq!((&altered.0, altered.1), (&login, capabilities));
}

#[test]
fn commands_injected_behind_the_ssl_request_reach_tls_and_never_the_engine() {
    let world = World::new();
    let mut command = packet(b"\x03DROP DATABASE everything", 0);
    command.extend(packet(b"\x03DROP DATABASE everything", 2));
    let filter = alter_request(move |bytes| {
        let hello = bytes.split_off(36);
        bytes.extend_from_slice(&command);
        bytes.extend_from_slice(&hello);
    });
    let mut pair = pair(world.client("any"), world.server()).with_filter(filter);
    pair.run();
    assert!(matches!(pair.server_error, Some(Error::Tls(_))), "{:?}", pair.server_error);
    assert_eq!(pair.host.queries, Vec::<Vec<u8>>::new());
}

#[test]
fn after_tls_began_the_server_says_nothing_in_plaintext() {
    let world = World::new();
    let mut server = Server::new(world.server());
    assert_eq!(server.hear(&packet(&ssl_request(), 1)), None);
    // The time runs out in the middle of the handshake; MySQL then answers in plaintext.
    let late = Now { monotonic: Duration::from_secs(11), ..NOW };
    let _ = server.connection.handle_input(Input::Timeout, late);
    assert!(matches!(server.drain(), Some(Error::TimedOut(_))));
    assert!(!server.said.contains(&0xff), "{:?}", server.said);
}

#[test]
fn a_query_before_authentication_never_reaches_the_engine() {
    let world = World::new();
    let mut pair = pair(plain_client("native"), world.server());
    pair.inject(Toward::Server, &packet(b"\x03SELECT 1", 1));
    pair.run();
    assert!(pair.host.queries.is_empty() && pair.host.user.is_none());
    assert!(pair.server_error.is_some());
}

#[test]
fn a_stolen_answer_is_of_no_use_on_another_connection() {
    let world = World::new();
    let mut first = pair(plain_client("native"), world.server());
    assert_eq!(first.run(), [OwnedEvent::Connected]);
    let answer = first.sent(Toward::Server);
    let mut config = plain_server();
    config.random = Arc::new(sealwire_simnet::Seeded::new(99));
    let mut second = pair(plain_client("nobody"), config).with_filter(Box::new(|toward, bytes| {
        if toward == Toward::Server {
            bytes.clear();
        }
    }));
    second.inject(Toward::Server, &answer);
    second.run();
    assert!(second.host.user.is_none());
    let Some(Error::Refused { error, .. }) = second.server_error else { panic!("{:?}", second.server_error) };
    assert_eq!(error.code, 1045);
    assert!(!error.message.contains(PASSWORD));
}
