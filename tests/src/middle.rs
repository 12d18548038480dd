//! A man in the middle between a client and a server, and functions to read the packets before TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};

use crate::restart::restart;

/// The bit of CLIENT_SSL, in the second byte of either side's lower capabilities.
pub const SSL: u8 = 0x08;

/// A function that changes one packet, header included.
pub type Change = fn(&mut Vec<u8>);

/// No change.
pub fn unchanged(_: &mut Vec<u8>) {}

/// Clears the TLS capability in a greeting.
pub fn strip(greeting: &mut [u8]) {
    let at = capabilities_of(greeting);
    assert_ne!(greeting[at + 1] & SSL, 0, "the server offers TLS");
    greeting[at + 1] &= !SSL;
}

/// The offset of the greeting's lower capabilities: after the version, the connection id, eight bytes and a NUL.
pub fn capabilities_of(greeting: &[u8]) -> usize {
    5 + greeting[5..].iter().position(|byte| *byte == 0).expect("a version") + 1 + 4 + 8 + 1
}

/// A relay of one connection to the server that reads and changes the packets before TLS.
pub struct Middle {
    /// The port to which the client connects.
    pub port: u16,
    said: JoinHandle<Vec<u8>>,
}

impl Middle {
    /// Waits for one client, and changes its first packet and the server's.
    pub fn start(upstream: u16, greeting: Change, request: Change) -> Self {
        let (listener, port) = listen();
        Self { port, said: thread::spawn(move || carry(&listener, upstream, greeting, request)) }
    }

    /// All bytes that the client sent.
    pub fn captured(self) -> Vec<u8> {
        self.said.join().expect("who is in the middle")
    }
}

/// A listener on a free port of loopback.
pub fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its own address").port();
    (listener, port)
}

fn carry(listener: &TcpListener, upstream: u16, greeting: Change, request: Change) -> Vec<u8> {
    let (mut client, _) = listener.accept().expect("a client");
    let mut server = connect(upstream);
    let mut first = packet(&mut server).expect("a greeting");
    greeting(&mut first);
    client.write_all(&first).expect("a client that listens");
    let Some(mut answer) = packet(&mut client) else { return Vec::new() };
    let mut captured = answer.clone();
    request(&mut answer);
    server.write_all(&answer).expect("a server that listens");
    let (mut from, mut to) = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
    let back = thread::spawn(move || {
        // Either side may close first; the tests depend on that.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = restart(|| client.read(&mut bytes)) {
        captured.extend_from_slice(&bytes[..length]);
        if server.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    back.join().expect("the way back");
    captured
}

/// Connects to that port; reads have a time limit.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

/// Connects to a port of 127.0.0.1 from another address of loopback.
pub fn connect_from(address: [u8; 4], port: u16) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    rustix::net::bind(&socket, &SocketAddr::from((address, 0))).expect("an address of loopback");
    rustix::net::connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port))).expect("a server");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream
}

/// The next packet with its header; `None` at the end of the stream.
pub fn packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4];
    stream.read_exact(&mut bytes).ok()?;
    let length = usize::from(bytes[0]) | usize::from(bytes[1]) << 8 | usize::from(bytes[2]) << 16;
    bytes.resize(4 + length, 0);
    stream.read_exact(&mut bytes[4..]).ok()?;
    Some(bytes)
}

/// A packet with these bytes as payload.
pub fn framed(payload: &[u8], sequence: u8) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("one packet").to_le_bytes();
    [&[length[0], length[1], length[2], sequence], payload].concat()
}

/// An SSLRequest of that length, header included.
pub fn ssl_request(length: u8) -> Vec<u8> {
    let mut bytes = vec![length, 0, 0, 1, 0x05, 0xaa | SSL, 0x08, 0x00, 0, 0, 0, 1, 45];
    bytes.resize(4 + usize::from(length), 0);
    bytes
}

/// The server's answer to these bytes after its greeting, until it closes.
pub fn answer(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    packet(&mut stream).expect("a greeting");
    stream.write_all(bytes).expect("a server that listens");
    rest(&mut stream)
}

/// All further bytes, until the peer closes.
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("it did not hang up: {error}"),
        _ => said,
    }
}

/// The error code of an ERR packet; `None` where the bytes are another packet.
pub fn error_code(packet: &[u8]) -> Option<u16> {
    match packet {
        [_, _, _, _, 0xff, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}
