//! Malicious clients, and inputs that are likely to break a bridge. After each the bridge must serve as before.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use sealwire_tests::bridge::Bridge;
use sealwire_tests::restart::Restarting;
use sealwire_tests::websocket::{Opening, Tunnel, connect};

use crate::peers::{echo, pattern, read_pattern, serve};
use crate::refusals::works;

crate::tests![
    everything_comes_byte_by_byte,
    everything_comes_at_once,
    a_flood_of_tiny_frames,
    a_flood_of_pings_by_a_client_that_reads_nothing,
    frames_that_break_the_protocol,
    fragments,
    resets_in_the_middle,
    half_a_handshake,
];

/// A request for a WebSocket to a target.
pub(crate) fn upgrade(target: &str) -> Vec<u8> {
    String::from_utf8_lossy(UPGRADE).replace("/tcp/db", &format!("/tcp/{target}")).into_bytes()
}

const UPGRADE: &[u8] = b"GET /tcp/db HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
pub(crate) const BINARY: u8 = 0x82;

/// A client's frame, with a mask of zeros so that its payload is readable.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads the answer to the upgrade from the stream.
pub(crate) fn upgraded(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
}

pub(crate) fn raw(bridge: &Bridge) -> TcpStream {
    let mut stream = connect(bridge.port);
    stream.write_all(UPGRADE).unwrap();
    upgraded(&mut stream);
    stream
}

/// The code of the close frame at the end of the stream.
fn code(stream: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes[0], 0x88, "{bytes:?}");
    u16::from_be_bytes([bytes[2], bytes[3]])
}

fn everything_comes_byte_by_byte() {
    let bridge = Bridge::to(echo(), &[]);
    let mut stream = connect(bridge.port);
    for byte in UPGRADE {
        stream.write_all(&[*byte]).unwrap();
    }
    upgraded(&mut stream);
    for byte in frame(BINARY, b"hello") {
        stream.write_all(&[byte]).unwrap();
    }
    // The echo may arrive in several frames, so only the bytes are compared.
    let mut tunnel = Vec::new();
    while tunnel.iter().filter(|byte| b"hello".contains(byte)).count() < 5 {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        tunnel.push(byte[0]);
    }
    assert_eq!(tunnel, b"\x82\x05hello");
}

fn everything_comes_at_once() {
    let bridge = Bridge::to(echo(), &[]);
    let mut stream = connect(bridge.port);
    // The upgrade, data and the close frame arrive before the target is even dialled.
    let all = [UPGRADE, &frame(BINARY, b"hello"), &frame(0x88, &1000u16.to_be_bytes())].concat();
    stream.write_all(&all).unwrap();
    upgraded(&mut stream);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(bytes.ends_with(b"\x88\x02\x03\xe8"), "the close frame is answered: {bytes:?}");
    bridge.wait_for_metric("connections", |open| open == 0);
    assert_eq!(bridge.metric("bytes_total{direction=\"to_target\"}"), 5);
    works(bridge.port, &Opening::target("db"));
}

fn a_flood_of_tiny_frames() {
    const COUNT: usize = 60_000;
    let bridge = Bridge::to(echo(), &[]);
    let before = bridge.resident();
    let mut stream = raw(&bridge);
    let flood: Vec<u8> =
        pattern(0, COUNT).iter().flat_map(|byte| [frame(BINARY, &[]), frame(BINARY, &[*byte])].concat()).collect();
    let mut other = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || other.write_all(&flood).unwrap());
    let socket =
        tungstenite::WebSocket::from_raw_socket(Restarting(&mut stream), tungstenite::protocol::Role::Client, None);
    let mut back = Frames { socket, rest: Vec::new() };
    read_pattern(&mut back, COUNT as u64);
    writer.join().unwrap();
    assert!(bridge.resident() < before + 16 * 1024 * 1024);
    works(bridge.port, &Opening::target("db"));
}

/// The payloads of frames as one stream.
struct Frames<S> {
    socket: tungstenite::WebSocket<S>,
    rest: Vec<u8>,
}

impl<S: Read + Write> Read for Frames<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() {
            self.rest = self.socket.read().map_err(std::io::Error::other)?.into_data().to_vec();
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

fn a_flood_of_pings_by_a_client_that_reads_nothing() {
    let endless = serve(|mut stream| {
        let chunk = vec![0; 64 * 1024];
        while stream.write_all(&chunk).is_ok() {}
    });
    let bridge = Bridge::to(endless, &[]);
    let before = bridge.resident();
    let mut stream = raw(&bridge);
    bridge.wait_for_rest("bytes_total{direction=\"to_client\"}");
    let pings = frame(0x89, &[7; 125]).repeat(1000);
    for _ in 0..200 {
        // The bridge soon closes the connection.
        if stream.write_all(&pings).is_err() {
            break;
        }
    }
    assert!(bridge.resident() < before + 16 * 1024 * 1024, "pongs pile up");
    drop(stream);
    bridge.wait_for_metric("connections", |open| open == 0);
}

fn frames_that_break_the_protocol() {
    let bridge = Bridge::to(echo(), &[]);
    for (what, bytes) in [
        ("no mask", vec![BINARY, 5, 1, 2, 3, 4, 5]),
        ("a reserved opcode", frame(0x83, b"x")),
        ("a reserved bit", frame(0xc2, b"x")),
        ("a continuation of nothing", frame(0x80, b"x")),
        ("a long ping", frame(0x89, &[0; 200])),
    ] {
        let mut stream = raw(&bridge);
        stream.write_all(&bytes).unwrap();
        assert_eq!(code(&mut stream), 1002, "{what}");
    }
    let mut stream = raw(&bridge);
    stream.write_all(&frame(0x81, b"\xff\xfe")).unwrap();
    assert_eq!(code(&mut stream), 1003, "text that is not even text");
    let mut stream = raw(&bridge);
    stream.write_all(&[BINARY, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]).unwrap();
    assert_eq!(code(&mut stream), 1009, "a length of 2^63 - 1");
    works(bridge.port, &Opening::target("db"));
}

fn fragments() {
    let bridge = Bridge::to(echo(), &["--max-message-size=1K"]);
    let mut stream = raw(&bridge);
    // Three fragments with a ping between them make one message.
    let parts = [frame(0x02, b"he"), frame(0x89, b"p"), frame(0x00, b"ll"), frame(0x80, b"o")].concat();
    stream.write_all(&parts).unwrap();
    let mut back = [0; 10];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\x8a\x01p\x82\x05hello");
    // The fragments together may not be larger than one message.
    stream.write_all(&[frame(0x02, &[0; 1000]), frame(0x80, &[0; 100])].concat()).unwrap();
    assert_eq!(code(&mut stream), 1009);
}

fn resets_in_the_middle() {
    let bridge = Bridge::to(echo(), &[]);
    let before = bridge.resident();
    for round in 0..200 {
        let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
        // Closing a socket with unread bytes resets the connection, each time at another point.
        for _ in 0..round % 7 {
            tunnel.write_all(&[7; 50_000]).unwrap();
        }
        if round % 2 == 0 {
            let _ = tunnel.socket.get_ref().shutdown(Shutdown::Both);
        }
    }
    bridge.wait_for_metric("connections", |open| open == 0);
    assert_eq!(bridge.wait_for_rest("buffered_bytes"), 0);
    assert!(bridge.resident() < before + 16 * 1024 * 1024);
    works(bridge.port, &Opening::target("db"));
    bridge.ask_to_stop();
    assert_eq!(bridge.wait(), Some(0));
    assert!(!bridge.log().contains("panic"), "{}", bridge.log());
}

fn half_a_handshake() {
    let bridge = Bridge::to(echo(), &["--max-connections=10", "--max-connections-per-address=10"]);
    // More silent sockets than one address may have: the bridge drops the oldest and serves the others.
    let mut idle: Vec<TcpStream> = (0..80).map(|_| connect(bridge.port)).collect();
    for stream in &mut idle {
        let _ = stream.write_all(&UPGRADE[..UPGRADE.len() - 1]);
    }
    let dropped = idle.first_mut().unwrap().read(&mut [0]);
    assert!(matches!(dropped, Ok(0)) || dropped.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    let mut last = idle.pop().unwrap();
    last.write_all(&UPGRADE[UPGRADE.len() - 1..]).unwrap();
    upgraded(&mut last);
    drop((idle, last));
    bridge.wait_for_metric("connections", |open| open == 0);
    assert!(bridge.metric("dropped_total") > 0);
    works(bridge.port, &Opening::target("db"));
}
