//! Clients that misbehave in several ways, again and again.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::time::Duration;

use sealwire_tests::middle::{connect, packet, ssl_request};

use crate::Counts;

/// Keeps up to `count` misbehaving connections open until the time is over.
pub(crate) fn run(port: u16, count: usize, counts: &Counts) {
    let mut held = VecDeque::new();
    let (_keep, tick) = channel::<()>();
    while !counts.stop.load(Relaxed) {
        let number = counts.bad.fetch_add(1, Relaxed);
        if let Some(stream) = misbehave(port, number) {
            held.push_back(stream);
        }
        if held.len() > count {
            held.pop_front();
        }
        // All of them are replaced every few seconds.
        let _ = tick.recv_timeout(Duration::from_millis(100));
    }
}

/// Misbehaves in one of the ways; returns a connection to hold open.
fn misbehave(port: u16, number: u64) -> Option<TcpStream> {
    let mut stream = connect(port);
    packet(&mut stream)?;
    let mut hello = ssl_request(32);
    let said = match number % 8 {
        // Sends nothing.
        0 => Ok(()),
        // Begins TLS and stops.
        1 => stream.write_all(&hello),
        // Sends half a ClientHello.
        2 => {
            hello.extend([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
            stream.write_all(&hello)
        }
        // Sends no TLS after the SSLRequest.
        3 => {
            hello.extend(b"GET / HTTP/1.1\r\n\r\n");
            stream.write_all(&hello).and_then(|()| stream.read(&mut [0; 256]).map(drop))
        }
        // Announces a packet of 16 MB.
        4 => stream.write_all(&[0xff, 0xff, 0xff, 1, 0, 0]).and_then(|()| stream.read(&mut [0; 256]).map(drop)),
        // Sends garbage.
        5 => stream.write_all(&[0xa5; 4096]),
        // Sends the whole login in plaintext, with the TLS flag.
        6 => stream.write_all(&[&ssl_request(64)[..], &[7; 64]].concat()),
        // Sends COM_QUIT before the login.
        _ => stream.write_all(&[1, 0, 0, 1, 1]),
    };
    // The server may close the connection in any of these cases.
    said.ok()?;
    (number % 8 < 3).then_some(stream)
}
