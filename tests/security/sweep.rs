//! Damaged bytes for both machines: every prefix and every flipped bit of a recorded session and of every recorded packet. Any outcome is
//! right except a panic, or a login that was not made.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::facts::Transport;
use sealwire_core::message::vectors;
use sealwire_core::server::Peer;
use sealwire_core::wire::frame;
use sealwire_core::{Input, Now, Output, client, server};
use sealwire_simnet::{Host, OwnedEvent, Pair, Toward};

use crate::world::{PASSWORD, World, pair, plain_client, plain_server};

const NOW: Now = Now { monotonic: Duration::ZERO, wall: Duration::from_secs(1_767_312_000) };

/// A client and a server with one account, whose plugin needs no thousands of hash rounds.
fn lean_pair(user: &str) -> Pair {
    let account = format!("CREATE USER 'native'@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}';");
    Pair::new(plain_client(user), plain_server(), Host::new(&account).unwrap())
}

/// A plaintext session with the same bytes every time: seeded scrambles, and a plugin without a client's salt.
fn record() -> (Vec<u8>, Vec<u8>) {
    let mut pair = lean_pair("native");
    pair.run();
    pair.client.query(b"TWICE").unwrap();
    pair.client.prepare(b"SELECT ?").unwrap();
    pair.client.statistics().unwrap();
    pair.client.field_list(b"t", b"%").unwrap();
    pair.run();
    pair.client.quit().unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Closed]);
    (pair.sent(Toward::Server), pair.sent(Toward::Client))
}

/// Feeds the bytes to a new server and its host; returns the user that was logged in.
fn server_hears(bytes: &[u8]) -> Option<String> {
    let mut pair = lean_pair("nobody").with_filter(Box::new(|toward, bytes| {
        // The client's own bytes are discarded.
        if toward == Toward::Server {
            bytes.clear();
        }
    }));
    pair.inject(Toward::Server, bytes);
    pair.run();
    pair.cut();
    pair.run();
    pair.host.user
}

/// Feeds the bytes to a new client that sends the same commands as the recorded one.
fn client_hears(bytes: &[u8]) {
    let mut connection = client::Connection::new(Arc::new(plain_client("native")), NOW);
    let mut out = Vec::new();
    let mut rest = bytes;
    let mut asked = false;
    // The packets arrive one by one, because the client must not see an answer before its command.
    loop {
        loop {
            match connection.poll_output(&mut out) {
                Ok(Output::Transmit) => {}
                Ok(Output::Event(client::Event::Connected(_))) if !asked => {
                    asked = true;
                    break;
                }
                Ok(Output::Event(_)) => {}
                Ok(Output::Wait(_)) => break,
                Err(_) => return,
            }
        }
        if asked && connection.is_idle() {
            let _ = connection.query(b"TWICE");
            let _ = connection.prepare(b"SELECT ?");
            let _ = connection.statistics();
            let _ = connection.field_list(b"t", b"%");
        }
        if rest.is_empty() {
            let _ = connection.handle_input(Input::Eof, NOW);
            while let Ok(Output::Transmit | Output::Event(_)) = connection.poll_output(&mut out) {}
            return;
        }
        let next = match frame::scan(rest) {
            frame::Scan::Complete(found) => found.wire_length,
            _ => rest.len(),
        };
        let (packet, tail) = rest.split_at(next);
        rest = tail;
        if connection.handle_input(Input::Bytes(&mut packet.to_vec()), NOW).is_err() {
            return;
        }
    }
}

/// Calls `hear` with every prefix, and with every bit flipped.
fn damage(bytes: &[u8], mut hear: impl FnMut(&[u8], String)) {
    for length in 0..bytes.len() {
        hear(&bytes[..length], format!("the first {length} bytes"));
    }
    let mut altered = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        altered[bit / 8] ^= 1 << (bit % 8);
        hear(&altered, format!("bit {bit} flipped"));
        altered[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn the_recorded_session_replays() {
    let (to_server, to_client) = record();
    assert_eq!(server_hears(&to_server).as_deref(), Some("native"), "else the sweep below sweeps nothing");
    client_hears(&to_client);
}

#[test]
fn a_damaged_session_never_lets_a_wrong_user_in() {
    let (to_server, _) = record();
    damage(&to_server, |bytes, what| {
        let user = server_hears(bytes);
        assert!(user.is_none() || user.as_deref() == Some("native"), "{what}: {user:?}");
    });
}

#[test]
fn a_damaged_session_never_panics_the_client() {
    let (_, to_client) = record();
    damage(&to_client, |bytes, _| client_hears(bytes));
}

#[test]
fn every_recorded_packet_whole_and_damaged_goes_through_both_machines() {
    let (to_server, to_client) = record();
    let greeting = match frame::scan(&to_client) {
        frame::Scan::Complete(found) => to_client[..found.wire_length].to_vec(),
        other => panic!("{other:?}"),
    };
    let response = match frame::scan(&to_server) {
        frame::Scan::Complete(found) => to_server[..found.wire_length].to_vec(),
        other => panic!("{other:?}"),
    };
    for vector in vectors::ALL {
        // The packet is the first one, the answer to the login, and a command: numbers 1, 2 and 0.
        damage(vector.payload, |payload, _| {
            for (before, number) in [(&[][..], 1), (response.as_slice(), 0), (response.as_slice(), 3)] {
                let mut bytes = before.to_vec();
                frame::encode(payload, &mut { number }, &mut bytes);
                server_hears(&bytes);
            }
            for (before, number) in [(&[][..], 0), (greeting.as_slice(), 2)] {
                let mut bytes = before.to_vec();
                frame::encode(payload, &mut { number }, &mut bytes);
                client_hears(&bytes);
            }
        });
    }
}

#[test]
fn a_damaged_tls_handshake_never_connects_and_never_panics() {
    let world = World::new();
    let mut whole = pair(world.client("any"), world.server());
    assert_eq!(whole.run(), [OwnedEvent::Connected]);
    for toward in [Toward::Server, Toward::Client] {
        let length = whole.sent(toward).len();
        let step = 41;
        for bit in (0..length * 8).step_by(step) {
            let mut passed = 0;
            let mut pair = pair(world.client("any"), world.server()).with_filter(Box::new(move |to, bytes| {
                if to == toward {
                    if let Some(byte) = (bit / 8usize).checked_sub(passed).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1 << (bit % 8);
                    }
                    passed += bytes.len();
                }
            }));
            let seen = pair.run();
            if seen == [OwnedEvent::Connected] {
                // The bits are in the greeting's version or connection id, or after the login, where nothing secret depends on them.
                assert_eq!(pair.host.user.as_deref(), Some("any"), "bit {bit} toward {toward:?}");
            }
        }
    }
}

#[test]
fn a_server_alone_takes_damaged_ssl_requests() {
    let world = World::new();
    let config = Arc::new(world.server());
    let mut whole = pair(world.client("any"), world.server());
    whole.run();
    // The request, and the beginning of the ClientHello behind it.
    let sent = whole.wire.iter().filter(|(to, _)| *to == Toward::Server).flat_map(|(_, bytes)| bytes.iter().copied());
    let start: Vec<u8> = sent.take(60).collect();
    damage(&start, |bytes, _| {
        let peer = Peer { transport: Transport::Tcp, host: String::from("127.0.0.1"), user: None };
        let mut server = server::Connection::new(Arc::clone(&config), 1, peer, NOW);
        let mut out = Vec::new();
        let _ = server.handle_input(Input::Bytes(&mut bytes.to_vec()), NOW);
        while let Ok(Output::Transmit | Output::Event(_)) = server.poll_output(&mut out) {}
    });
}
