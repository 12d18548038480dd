//! Fuzzes the bridge's HTTP and WebSocket side over real sockets: it must answer or close, and the target must get nothing but the payload
//! of binary frames.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// The target's greeting.
const GREETING: &[u8] = b"the target's greeting";
/// How long a read may take; the bridge closes a dead client's connection long before.
const PATIENCE: Duration = Duration::from_secs(30);
const OPENING: &str = "GET /tcp/db HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const MASK: [u8; 4] = [1, 2, 3, 4];

/// The target's end of the current connection.
static TARGET: Mutex<Option<UnixStream>> = Mutex::new(None);
/// The bridge's port; the lock allows one connection at a time.
static BRIDGE: LazyLock<Mutex<u16>> = LazyLock::new(|| {
    let open = || {
        let (ours, theirs) = UnixStream::pair()?;
        (&ours).write_all(GREETING)?;
        *TARGET.lock().unwrap_or_else(PoisonError::into_inner) = Some(ours);
        Ok(theirs)
    };
    Mutex::new(sealwire_bridge::in_process::serve(open).expect("a bridge"))
});

/// The first byte decides what the others are: all bytes to send, the bytes to send on an open WebSocket, or descriptions of frames.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let (mut sent, mut allowed) = (OPENING.as_bytes().to_vec(), None);
    match mode % 3 {
        0 => sent = data.to_vec(),
        1 => sent.extend_from_slice(data),
        _ => allowed = Some(frames(data, &mut sent)),
    }
    let answer = exchange(&sent);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
    if let Some(mut target) = TARGET.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let mut received = Vec::new();
        target.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        match target.read_to_end(&mut received) {
            Ok(_) => {}
            // The bridge did not read all bytes, so closing its socket reset the connection.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the bridge does not let go of its target: {error}"),
        }
        let allowed = allowed.unwrap_or_else(|| received.clone());
        assert!(allowed.starts_with(&received), "the target got what no binary frame held");
    }
}

/// Sends all bytes, shuts down writing, and reads to the end.
fn exchange(sent: &[u8]) -> Vec<u8> {
    let port = BRIDGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut socket = TcpStream::connect(("127.0.0.1", *port)).expect("the bridge takes connections");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // A write fails where the bridge has closed already.
    let _ = socket.write_all(sent).and_then(|()| socket.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Ok(_) => {}
        // Bytes that the bridge did not read reset the connection.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the bridge does not let go: {error}"),
    }
    answer
}

/// Writes masked frames: each is described by a first byte as on the wire, a length and that many bytes. Returns the bytes that the target
/// may get.
fn frames(mut data: &[u8], sent: &mut Vec<u8>) -> Vec<u8> {
    let mut allowed = Vec::new();
    while let Some((&[first, length], rest)) = data.split_first_chunk::<2>() {
        let (payload, rest) = rest.split_at(usize::from(length).min(rest.len()));
        data = rest;
        sent.push(first);
        match u8::try_from(payload.len()) {
            Ok(short @ 0..126) => sent.push(0x80 | short),
            _ => sent.extend([0xfe, 0, length]),
        }
        sent.extend(MASK);
        sent.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        if matches!(first & 0x0f, 0 | 2) {
            allowed.extend_from_slice(payload);
        }
    }
    allowed
}
