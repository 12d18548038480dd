//! Size limits, slow peers, silent peers, and the end of the bridge.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::channel;

use sealwire_bridge::{CloseReason, GRANT, MOST_BUFFERED, WINDOW};
use sealwire_tests::bridge::Bridge;
use sealwire_tests::websocket::{Opening, Tunnel, connect_from};
use tungstenite::{Bytes, Message};

use crate::peers::{echo, once, read_pattern, serve, write_pattern};
use crate::refusals::works;

crate::tests![
    a_text_message,
    a_message_that_is_too_large,
    a_client_that_reads_slowly,
    a_page_that_says_what_it_has_read,
    a_target_that_reads_slowly,
    a_quiet_client_is_pinged_and_stays,
    a_client_that_answers_no_ping,
    a_client_that_closes_loses_nothing,
    addresses_that_take_all_places_give_way_to_others,
    a_bridge_that_stops,
    a_bridge_that_stops_while_a_client_reads_nothing,
];

/// How many bytes wait in the tests with slow peers.
const MUCH: u64 = 256 * 1024 * 1024;
/// How much the bridge's memory may grow meanwhile, code and allocator included.
const GROWTH: u64 = 8 * 1024 * 1024;

fn closed_with(tunnel: &mut Tunnel<TcpStream>, reason: CloseReason) -> String {
    let (code, sentence) = tunnel.rest().1;
    assert_eq!(code, reason.code(), "{sentence}");
    sentence
}

fn a_text_message() {
    let bridge = Bridge::to(echo(), &[]);
    for text in ["SELECT 1", ""] {
        let mut tunnel = works(bridge.port, &Opening::target("db"));
        tunnel.socket.send(Message::text(text)).unwrap();
        let sentence = closed_with(&mut tunnel, CloseReason::TextFrame);
        assert_eq!(sentence, "the bridge takes binary messages only, and this one was text");
    }
    assert_eq!(bridge.metric("bytes_total{direction=\"to_target\"}"), 2000, "text was relayed");
}

fn a_message_that_is_too_large() {
    let bridge = Bridge::to(echo(), &["--max-message-size=4K"]);
    let send = |tunnel: &mut Tunnel<TcpStream>, length: usize| {
        // The bridge may have closed before all bytes are sent.
        let _ = tunnel.socket.send(Message::Binary(Bytes::from(vec![7; length])));
    };
    let mut tunnel = works(bridge.port, &Opening::target("db"));
    send(&mut tunnel, 4096);
    let mut back = [0; 4096];
    tunnel.read_exact(&mut back).unwrap();
    assert_eq!(back, [7; 4096]);
    for length in [4097, 3_000_000] {
        let mut tunnel = works(bridge.port, &Opening::target("db"));
        send(&mut tunnel, length);
        let sentence = closed_with(&mut tunnel, CloseReason::MessageTooLarge);
        assert_eq!(sentence, "a message is larger than 4096 bytes: send smaller ones, or raise --max-message-size");
    }
    works(bridge.port, &Opening::target("db"));
}

/// Checks the bridge's memory while one of its peers does not read.
#[track_caller]
fn assert_bounded(bridge: &Bridge, before: u64) {
    let held = bridge.metric("buffered_bytes_max");
    assert!(held > 0 && held <= MOST_BUFFERED as u64 + 1024 * 1024, "{held} bytes waited");
    let now = bridge.resident();
    assert!(now < before + GROWTH, "from {before} to {now} bytes of memory");
}

fn a_client_that_reads_slowly() {
    let (port, target) = once(|mut stream| write_pattern(&mut stream, MUCH));
    let bridge = Bridge::to(port, &[]);
    let before = bridge.resident();
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    let relayed = bridge.wait_for_rest("bytes_total{direction=\"to_client\"}");
    assert!(relayed > 0 && relayed < MUCH / 4, "{relayed} bytes are somewhere, and nobody reads");
    assert!(!target.is_finished(), "the target has not been held back");
    assert_bounded(&bridge, before);
    read_pattern(&mut tunnel, MUCH);
    closed_with(&mut tunnel, CloseReason::TargetClosed);
    assert_bounded(&bridge, before);
    assert_eq!(bridge.metric("buffered_bytes"), 0);
    target.join().unwrap();
}

fn a_page_that_says_what_it_has_read() {
    const TO_CLIENT: &str = "bytes_total{direction=\"to_client\"}";
    const ALL: u64 = 16 * 1024 * 1024;
    let (port, target) = once(|mut stream| write_pattern(&mut stream, ALL));
    let bridge = Bridge::to(port, &[]);
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db").with("Sec-WebSocket-Protocol", "sealwire"));
    assert_eq!(tunnel.protocol.as_deref(), Some("sealwire"));
    let (window, grant) = (WINDOW as u64, GRANT as u64);
    let mut first = vec![0; WINDOW];
    tunnel.read_exact(&mut first).unwrap();
    assert_eq!(bridge.wait_for_rest(TO_CLIENT), window, "it has arrived, and is not read: no more comes");
    tunnel.socket.send(Message::Binary(Bytes::new())).unwrap();
    bridge.wait_for_metric(TO_CLIENT, |sent| sent == window + grant);
    assert_eq!(bridge.wait_for_rest(TO_CLIENT), window + grant);
    let mut rest = Vec::new();
    let mut part = vec![0; GRANT];
    while rest.len() as u64 + window < ALL {
        tunnel.read_exact(&mut part).unwrap();
        rest.extend_from_slice(&part);
        tunnel.socket.send(Message::Binary(Bytes::new())).unwrap();
    }
    read_pattern(&mut first.as_slice().chain(rest.as_slice()), ALL);
    closed_with(&mut tunnel, CloseReason::TargetClosed);
    target.join().unwrap();
}

fn a_target_that_reads_slowly() {
    let (sender, go) = channel();
    let (port, target) = once(move |mut stream| {
        go.recv().unwrap();
        read_pattern(&mut stream, MUCH);
    });
    let bridge = Bridge::to(port, &[]);
    let before = bridge.resident();
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    std::thread::scope(|scope| {
        let client = scope.spawn(|| write_pattern(&mut tunnel, MUCH));
        let relayed = bridge.wait_for_rest("bytes_total{direction=\"to_target\"}");
        assert!(relayed > 0 && relayed < MUCH / 4, "{relayed} bytes are somewhere, and nobody reads");
        assert!(!client.is_finished(), "the client has not been held back");
        assert_bounded(&bridge, before);
        sender.send(()).unwrap();
    });
    target.join().unwrap();
    assert_bounded(&bridge, before);
}

fn a_quiet_client_is_pinged_and_stays() {
    let bridge = Bridge::to(echo(), &["--ping-interval=1"]);
    let mut tunnel = works(bridge.port, &Opening::target("db"));
    for _ in 0..6 {
        assert!(matches!(tunnel.socket.read().unwrap(), Message::Ping(_)), "more pings than a deaf client gets");
    }
    write_pattern(&mut tunnel, 10);
    read_pattern(&mut tunnel, 10);
}

fn a_client_that_answers_no_ping() {
    let bridge = Bridge::to(echo(), &["--ping-interval=1"]);
    let mut tunnel = works(bridge.port, &Opening::target("db"));
    // The bytes are read below the WebSocket, because that would answer the pings.
    let mut bytes = Vec::new();
    tunnel.socket.get_mut().read_to_end(&mut bytes).unwrap();
    let pings = [0x89, 0].repeat(4);
    assert_eq!(bytes[..8], pings[..], "four pings");
    let close = [&[0x88, 36][..], &4499u16.to_be_bytes(), b"4 pings in a row were not answered"].concat();
    assert_eq!(String::from_utf8_lossy(&bytes[8..]), String::from_utf8_lossy(&close));
}

fn a_client_that_closes_loses_nothing() {
    const LENGTH: u64 = 20_000_000;
    let (port, target) = once(|mut stream| {
        read_pattern(&mut stream, LENGTH);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the target is told of the end");
    });
    let bridge = Bridge::to(port, &[]);
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    write_pattern(&mut tunnel, LENGTH);
    tunnel.socket.close(None).unwrap();
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).unwrap();
    target.join().unwrap();
    bridge.wait_for_metric("connections", |open| open == 0);
}

fn addresses_that_take_all_places_give_way_to_others() {
    let bridge = Bridge::to(echo(), &["--max-connections=6", "--max-connections-per-address=3"]);
    let taken = (0..6).map(|number| connect_from(Ipv4Addr::new(127, 0, 0, 2 + number / 3), bridge.port));
    let mut taken: Vec<_> = taken.map(|stream| Tunnel::over(stream, &Opening::target("db"))).collect();
    for tunnel in &mut taken {
        write_pattern(tunnel, 1000);
        read_pattern(tunnel, 1000);
    }
    // The first address has most likely logged in, because it has had several answers.
    for tunnel in taken.iter_mut().take(3) {
        for _ in 0..8 {
            write_pattern(tunnel, 100);
            read_pattern(tunnel, 100);
        }
    }
    let _good = works(bridge.port, &Opening::target("db"));
    for tunnel in taken.iter_mut().take(3) {
        write_pattern(tunnel, 100);
        read_pattern(tunnel, 100);
    }
    let closed = taken.iter_mut().skip(3).filter_map(|tunnel| {
        tunnel.socket.get_ref().0.set_nonblocking(true).unwrap();
        let ended = tunnel.read(&mut [0]).is_ok();
        ended.then(|| tunnel.closed.clone().unwrap())
    });
    let closed: Vec<_> = closed.collect();
    let sentence = "the bridge has 6 connections, as many as it may: try again later";
    assert_eq!(closed, [(CloseReason::TooManyConnections.code(), sentence.to_owned())]);
    bridge.wait_for_metric("connections", |open| open == 6);
}

fn a_bridge_that_stops() {
    let bridge = Bridge::to(echo(), &[]);
    let mut tunnels: Vec<_> = (0..3).map(|_| works(bridge.port, &Opening::target("db"))).collect();
    bridge.ask_to_stop();
    for tunnel in &mut tunnels {
        assert_eq!(closed_with(tunnel, CloseReason::Stopping), "the bridge is stopping");
    }
    drop(tunnels);
    assert_eq!(bridge.wait(), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", bridge.port)).is_err(), "it still listens");
    let log = bridge.log();
    assert!(log.contains("Received SIGTERM: normal shutdown") && log.contains("Shutdown complete"), "{log}");
}

fn a_bridge_that_stops_while_a_client_reads_nothing() {
    let port = serve(|mut stream| {
        let chunk = vec![0; 64 * 1024];
        while stream.write_all(&chunk).is_ok() {}
    });
    let bridge = Bridge::to(port, &[]);
    let _tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    bridge.wait_for_rest("bytes_total{direction=\"to_client\"}");
    bridge.ask_to_stop();
    assert_eq!(bridge.wait(), Some(0));
}
