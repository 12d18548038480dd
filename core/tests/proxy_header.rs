//! A server's machine behind a proxy: the PROXY header before the client's first packet.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::sync::Arc;

use sealwire_core::auth::Plugin;
use sealwire_core::error::Error;
use sealwire_core::facts::{Facts, Transport};
use sealwire_core::message::StatusFlags;
use sealwire_core::proxy_protocol::{ClientTls, Endpoints, Header};
use sealwire_core::random::Random;
use sealwire_core::server::{Candidate, Config, Connection, Event, Peer};
use sealwire_core::{Input, Now, Output, SqlError, client};

#[derive(Debug)]
struct Sevens;

impl Random for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// The header of a proxy for the client 192.0.2.1 with a verified certificate.
fn header() -> Header {
    let end = |text: &str| text.parse().unwrap();
    let tls =
        ClientTls { is_encrypted: true, common_name: Some("ada".into()), is_verified: true, ..ClientTls::default() };
    Header {
        endpoints: Some(Endpoints { source: end("192.0.2.1:4000"), destination: end("198.51.100.7:3306") }),
        authority: None,
        tls: Some(tls),
    }
}

fn binary(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes
}

/// A login behind the first bytes of a proxy at 10.0.0.9.
struct Login {
    /// The proxied client, where the server was told of one, and the host when the login came.
    proxied: Option<String>,
    host: String,
    facts: Facts,
    outcome: Result<(), Error>,
}

/// Logs in with `first` before the client's first packet, `piece` bytes at a time.
fn log_in(first: &[u8], piece: usize, is_trusted: bool) -> Login {
    let now = Now::default();
    let peer = Peer { transport: Transport::Tcp, host: "10.0.0.9".into(), user: Some("proxy".into()) };
    let mut server = Connection::new(Arc::new(Config::new("8.4.0", Arc::new(Sevens))), 5, peer, now);
    if is_trusted {
        server.trust_proxy_header();
    }
    let config = client::Config::new("ada", "secret".into(), Arc::new(Sevens));
    let mut client = client::Connection::new(Arc::new(config), now);
    let mut login = Login { proxied: None, host: String::new(), facts: Facts::default(), outcome: Ok(()) };
    let (mut to_server, mut to_client) = (first.to_vec(), Vec::new());
    loop {
        match server.poll_output(&mut to_client) {
            Ok(Output::Transmit) => {}
            Ok(Output::Event(Event::Proxied(endpoints))) => login.proxied = Some(endpoints.source.to_string()),
            Ok(Output::Event(Event::Login(_))) => {
                login.host = server.peer().host.clone();
                assert_eq!(server.peer().user.is_none(), login.proxied.is_some(), "the system's user is the proxy's");
                let candidate = Candidate::with_password(Plugin::MysqlNativePassword, b"secret", &Sevens).unwrap();
                server.authenticate(candidate).unwrap();
            }
            Ok(Output::Event(Event::Authenticated { .. })) => server.accept(StatusFlags::AUTOCOMMIT).unwrap(),
            Ok(Output::Event(other)) => panic!("{other:?}"),
            Ok(Output::Wait(_)) | Err(_) if !to_client.is_empty() => {
                if let Err(error) = client.handle_input(Input::Bytes(&mut to_client), now) {
                    return Login { outcome: Err(error), ..login };
                }
            }
            Ok(Output::Wait(_)) => match client.poll_output(&mut to_server) {
                Ok(Output::Event(client::Event::Connected(_))) => {
                    return Login { facts: server.facts().clone(), ..login };
                }
                Ok(Output::Wait(_)) => {
                    let rest = to_server.split_off(piece.min(to_server.len()));
                    let mut now_sent = std::mem::replace(&mut to_server, rest);
                    let _ = server.handle_input(Input::Bytes(&mut now_sent), now);
                }
                Ok(_) => {}
                Err(error) => return Login { outcome: Err(error), ..login },
            },
            // The peer's error tells what it was sent.
            Err(error) => loop {
                match client.poll_output(&mut to_server) {
                    Ok(Output::Wait(_)) => return Login { outcome: Err(error), ..login },
                    Ok(_) => {}
                    Err(seen) => return Login { outcome: Err(seen), ..login },
                }
            },
        }
    }
}

/// The error that the peer gets.
fn refused(first: &[u8], is_trusted: bool) -> SqlError {
    match log_in(first, usize::MAX, is_trusted).outcome.unwrap_err() {
        Error::Refused { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_of_the_header_takes_the_place_of_the_proxy() {
    for piece in [1, 2, 5, 17, 100, usize::MAX] {
        let login = log_in(&binary(&header()), piece, true);
        login.outcome.unwrap();
        assert_eq!((login.proxied.as_deref(), &*login.host), (Some("192.0.2.1:4000"), "192.0.2.1"), "{piece}");
        assert_eq!(login.facts.client_tls.as_deref(), header().tls.as_ref());

        let mut line = Vec::new();
        header().write_line(&mut line);
        let login = log_in(&line, piece, true);
        login.outcome.unwrap();
        assert_eq!((&*login.host, login.facts.client_tls), ("192.0.2.1", None));
    }
}

#[test]
fn a_proxy_may_speak_for_itself() {
    for first in [binary(&Header::default()), b"PROXY UNKNOWN\r\n".to_vec(), Vec::new()] {
        let login = log_in(&first, 3, true);
        login.outcome.unwrap();
        assert_eq!((login.proxied, &*login.host), (None, "10.0.0.9"));
    }
}

#[test]
fn a_header_of_a_stranger_is_refused_by_its_first_four_bytes() {
    let whole = binary(&header());
    for first in [&whole, &whole[..4], b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", b"PROX"] {
        let error = refused(first, false);
        assert_eq!(error.to_string(), "ERROR 1130 (HY000): Proxy header is not accepted from 10.0.0.9");
    }
}

#[test]
fn a_broken_or_second_header_ends_the_connection() {
    let error = refused(b"PROXY TCP4 192.0.2.1\r\n", true);
    assert_eq!((error.code, error.sqlstate_str()), (1043, "08S01"), "{error}");
    let twice = [binary(&header()), binary(&header())].concat();
    log_in(&twice, usize::MAX, true).outcome.unwrap_err();
}
