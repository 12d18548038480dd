//! The same exchange with its bytes cut in many ways: the outcome never changes.

use sealwire_simnet::{Delivery, OwnedEvent, Pair, Toward};

use crate::world::{World, pair, plain_client, plain_server};

/// A login and a few commands; returns all events of the client.
fn session(mut pair: Pair) -> Vec<OwnedEvent> {
    pair.run();
    let client = &mut pair.client;
    // An error shows in the events.
    let _ = client.query(b"SHOW STATUS LIKE 'Ssl_cipher'");
    let _ = client.query(b"BLOB 3000");
    let _ = client.query(b"TWICE");
    let _ = client.query(b"FAIL");
    let _ = client.prepare(b"SELECT ?");
    let _ = client.ping();
    let _ = client.quit();
    pair.run();
    pair.seen
}

#[test]
fn chunks_never_change_the_outcome() {
    let world = World::new();
    let reference = session(pair(world.client_with_certificate("x509"), world.server()));
    assert!(reference.contains(&OwnedEvent::Connected) && reference.contains(&OwnedEvent::Closed), "{reference:?}");
    for delivery in [Delivery::Chunks(1), Delivery::Chunks(7), Delivery::Chunks(1000), Delivery::Coalesced] {
        let seen = session(pair(world.client_with_certificate("x509"), world.server()).delivered(delivery));
        assert!(seen == reference, "{delivery:?}");
    }
}

#[test]
fn chunks_never_change_the_outcome_on_plaintext() {
    let reference = session(pair(plain_client("native"), plain_server()));
    assert!(reference.contains(&OwnedEvent::Closed), "{reference:?}");
    for delivery in [Delivery::Chunks(1), Delivery::Chunks(3), Delivery::Coalesced] {
        assert!(session(pair(plain_client("native"), plain_server()).delivered(delivery)) == reference, "{delivery:?}");
    }
}

#[test]
fn ssl_request_and_client_hello_leave_one_after_the_other() {
    let world = World::new();
    let mut pair = pair(world.client("any"), world.server());
    pair.run();
    let sent: Vec<_> = pair.wire.iter().filter(|(to, _)| *to == Toward::Server).map(|(_, bytes)| bytes).collect();
    assert_eq!((sent[0].len(), &sent[0][..4]), (36, &[32, 0, 0, 1][..]), "a SSLRequest of 32 bytes, numbered 1");
    assert_eq!(sent[1][0], 22, "then a TLS handshake record");
    let greeting = pair.wire.iter().position(|(to, _)| *to == Toward::Client).unwrap();
    assert_eq!(
        [pair.wire[greeting + 1].0, pair.wire[greeting + 2].0],
        [Toward::Server; 2],
        "with no answer in between"
    );
}

#[test]
fn the_line_cut_at_any_byte_breaks_both_sides_in_order() {
    let world = World::new();
    let mut whole = pair(world.client("any"), world.server());
    whole.run();
    for toward in [Toward::Server, Toward::Client] {
        let length = whole.sent(toward).len();
        // Every byte of the plaintext part, then every 37th byte.
        for cut in (0..length).filter(|cut| *cut < 120 || cut % 37 == 0) {
            let mut passed = 0;
            let filter = Box::new(move |to: Toward, bytes: &mut Vec<u8>| {
                if to == toward {
                    bytes.truncate(cut.saturating_sub(passed));
                    passed += bytes.len();
                }
            });
            let mut pair = pair(world.client("any"), world.server()).with_filter(filter);
            pair.run();
            pair.cut();
            let seen = pair.run();
            let connected = pair.seen.contains(&OwnedEvent::Connected);
            let ended = matches!(seen.last(), Some(OwnedEvent::Broken(_) | OwnedEvent::Closed));
            assert!(ended || !connected, "cut at {cut} toward {toward:?}: {seen:?}");
            // The server may have logged in a client that lost the OK packet; the reverse must not happen.
            assert!(!connected || pair.host.user.is_some(), "cut at {cut} toward {toward:?}");
        }
    }
}
