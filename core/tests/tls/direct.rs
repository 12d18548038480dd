//! Connections that begin with TLS, before the greeting.

use std::sync::Arc;

use sealwire_core::auth::Plugin;
use sealwire_core::client::TlsPolicy;
use sealwire_core::error::{Error, Side};
use sealwire_core::facts::Transport;
use sealwire_core::message::StatusFlags;
use sealwire_core::random::Random;
use sealwire_core::server::{Candidate, Config, Connection, Event, Peer};
use sealwire_core::tls::{ClientContext, ServerContext, TlsError, Trust};
use sealwire_core::{Input, Now, Output, SqlError, client};

use crate::support::*;

#[derive(Debug)]
struct Sevens;

impl Random for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

fn now() -> Now {
    Now { wall: NOW, ..Now::default() }
}

fn server_machine(context: &ServerContext, refusal: Option<SqlError>) -> Connection {
    let mut config = Config::new("8.4.0", Arc::new(Sevens));
    config.tls = Some(context.clone());
    config.require_secure_transport = true;
    let peer = Peer { transport: Transport::Tcp, host: "10.0.0.9".into(), user: None };
    Connection::direct(Arc::new(config), 5, peer, refusal, now())
}

fn client_machine(context: &ClientContext) -> client::Connection {
    let mut config = client::Config::new("ada", "secret".into(), Arc::new(Sevens));
    config.tls = TlsPolicy::Required(context.clone());
    config.direct = true;
    config.server_name = HOST.to_owned();
    client::Connection::new(Arc::new(config), now())
}

/// The result of a meeting of the two machines.
struct Met {
    outcome: Result<(), Error>,
    /// All bytes of the server, and how many of its flights came before the login.
    sent: Vec<u8>,
    flights: usize,
    proxied: Option<String>,
    host: String,
}

/// Logs in with `first` before the client's first bytes, `piece` bytes at a time.
fn meet(server: &mut Connection, client: &mut client::Connection, first: &[u8], piece: usize) -> Met {
    let mut met = Met { outcome: Ok(()), sent: Vec::new(), flights: 0, proxied: None, host: String::new() };
    let (mut to_server, mut to_client) = (first.to_vec(), Vec::new());
    loop {
        let polled = match server.poll_output(&mut to_client) {
            Ok(Output::Transmit) => continue,
            Ok(Output::Event(Event::Proxied(endpoints))) => {
                met.proxied = Some(endpoints.source.to_string());
                continue;
            }
            Ok(Output::Event(Event::Login(_))) => {
                met.host.clone_from(&server.peer().host);
                let candidate = Candidate::with_password(Plugin::MysqlNativePassword, b"secret", &Sevens).unwrap();
                server.authenticate(candidate).unwrap();
                continue;
            }
            Ok(Output::Event(Event::Authenticated { .. })) => {
                server.accept(StatusFlags::AUTOCOMMIT).unwrap();
                continue;
            }
            Ok(Output::Event(other)) => panic!("{other:?}"),
            Ok(Output::Wait(_)) => Ok(()),
            Err(error) => Err(error),
        };
        if !to_client.is_empty() {
            met.sent.extend_from_slice(&to_client);
            met.flights += usize::from(met.host.is_empty());
            let _ = client.handle_input(Input::Bytes(&mut to_client), now());
            continue;
        }
        match client.poll_output(&mut to_server) {
            Ok(Output::Event(client::Event::Connected(_))) => return met,
            Ok(Output::Wait(_)) if to_server.is_empty() => return Met { outcome: polled, ..met },
            Ok(Output::Wait(_)) => {
                let rest = to_server.split_off(piece.min(to_server.len()));
                let mut piece = std::mem::replace(&mut to_server, rest);
                let _ = server.handle_input(Input::Bytes(&mut piece), now());
            }
            Ok(_) => {}
            Err(error) => return Met { outcome: Err(error), ..met },
        }
    }
}

/// A client and a server of these TLS versions; the server may ask for a certificate.
fn contexts(versions: &str, asks: bool, resumption: bool) -> (ClientContext, ServerContext) {
    let ca = ca("Direct CA");
    let mut options = client_options(Trust::CaAndIdentity, ca_pem(&ca));
    options.versions = Some(versions.to_owned());
    options.resumption = resumption;
    let mut theirs = server_options(&good(&ca));
    if asks {
        theirs.ca = vec![ca_pem(&ca)];
    }
    (ClientContext::build(options).unwrap(), ServerContext::build(theirs).unwrap())
}

/// The content types of the TLS records in these bytes, which must be whole.
fn records(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while !bytes.is_empty() {
        kinds.push(bytes[0]);
        bytes = &bytes[5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]))..];
    }
    kinds
}

#[test]
fn the_login_is_inside_tls_from_the_first_byte_on() {
    for (versions, asks, flights) in [("TLSv1.3", false, 1), ("TLSv1.3", true, 2), ("TLSv1.2", false, 2)] {
        let (client, server) = contexts(versions, asks, false);
        for piece in [1, 7, 100, usize::MAX] {
            let (mut server, mut client) = (server_machine(&server, None), client_machine(&client));
            let met = meet(&mut server, &mut client, &[], piece);
            met.outcome.unwrap();
            // In pieces, tickets may go between the client's Finished and its login.
            if piece == usize::MAX {
                assert_eq!(met.flights, flights, "{versions}, asked for a certificate: {asks}");
            }
            assert!(records(&met.sent).iter().all(|kind| (20..=23).contains(kind)), "{versions}");
            let (ours, theirs) = (client.facts().tls.as_ref().unwrap(), server.facts().tls.as_ref().unwrap());
            assert_eq!(ours.alpn.as_deref(), Some(&b"mysql"[..]));
            assert_eq!((ours.cipher, &ours.alpn), (theirs.cipher, &theirs.alpn));
            assert!(server.facts().capabilities.contains(sealwire_core::message::Capabilities::PROTOCOL_41));
        }
    }
}

#[test]
fn a_resumed_session_gets_the_greeting_at_once() {
    // Its certificate is that of the first session, so the server asks for none.
    let (client, server) = contexts("TLSv1.3", true, true);
    let flights = [(); 2].map(|()| {
        let met = meet(&mut server_machine(&server, None), &mut client_machine(&client), &[], usize::MAX);
        met.outcome.unwrap();
        met.flights
    });
    assert_eq!(flights, [2, 1]);
}

#[test]
fn nothing_is_sent_to_a_peer_that_does_not_begin_with_tls() {
    let (_, context) = contexts("TLSv1.3", false, false);
    for first in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x20\0\0\x01", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", b"PROX"] {
        let mut server = server_machine(&context, None);
        let mut out = Vec::new();
        assert!(matches!(server.poll_output(&mut out), Ok(Output::Wait(Some(_)))));
        let _ = server.handle_input(Input::Bytes(&mut first.to_vec()), now());
        while server.poll_output(&mut out).is_ok() {}
        assert_eq!(out, [0_u8; 0], "{}", first.escape_ascii());
    }
}

#[test]
fn a_refusal_comes_inside_tls() {
    for (versions, asks) in [("TLSv1.3", false), ("TLSv1.3", true), ("TLSv1.2", false)] {
        let (client, server) = contexts(versions, asks, false);
        let refusal = SqlError::too_many_connections("Too many connections");
        let mut server = server_machine(&server, Some(refusal));
        let met = meet(&mut server, &mut client_machine(&client), &[], usize::MAX);
        match met.outcome.unwrap_err() {
            Error::Refused { by: Side::Server, error } => {
                assert_eq!((error.code, &*error.message), (1040, "Too many connections"))
            }
            other => panic!("{other:?}"),
        }
        assert!(records(&met.sent).iter().all(|kind| (20..=23).contains(kind)), "{versions}");
    }
}

#[test]
fn a_proxy_names_the_client_before_the_client_hello() {
    let (client, context) = contexts("TLSv1.3", false, false);
    for piece in [1, 20, usize::MAX] {
        let mut server = server_machine(&context, None);
        server.trust_proxy_header();
        let header = b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 3306\r\n";
        let met = meet(&mut server, &mut client_machine(&client), header, piece);
        met.outcome.unwrap();
        assert_eq!((met.proxied.as_deref(), &*met.host), (Some("192.0.2.1:4000"), "192.0.2.1"));
    }
}

#[test]
fn a_greeting_in_plaintext_is_not_tls() {
    let (client, context) = contexts("TLSv1.3", false, false);
    let mut config = Config::new("8.4.0", Arc::new(Sevens));
    config.tls = Some(context);
    let peer = Peer { transport: Transport::Tcp, host: "10.0.0.9".into(), user: None };
    let mut server = Connection::new(Arc::new(config), 5, peer, now());
    let met = meet(&mut server, &mut client_machine(&client), &[], usize::MAX);
    assert_eq!(met.outcome.unwrap_err(), Error::Tls(TlsError::NotTls));
}

#[test]
fn a_client_without_tls_settings_is_a_misuse() {
    let mut config = client::Config::new("ada", "secret".into(), Arc::new(Sevens));
    config.direct = true;
    let mut client = client::Connection::new(Arc::new(config), now());
    assert!(matches!(client.poll_output(&mut Vec::new()), Err(Error::Misuse(_))));
}
