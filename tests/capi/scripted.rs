//! A server of these tests' own that answers each command as a test says: also as no server should. It is behind a Unix socket, so that a
//! client without TLS sends it all that it asks for.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// The time that a client has for its next command.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, for the function that answers.
pub(crate) struct Client {
    stream: UnixStream,
    /// The number of the next packet.
    pub(crate) sequence: u8,
}

impl Client {
    /// The payload of the client's next packet.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header)?;
            let [low, middle, high, sequence] = header;
            let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.stream.read_exact(&mut payload[start..])?;
            self.sequence = sequence.wrapping_add(1);
            if length < 0xff_ffff {
                return Ok(payload);
            }
        }
    }

    /// Sends packets with these payloads.
    pub(crate) fn send(&mut self, payloads: &[Vec<u8>]) -> io::Result<()> {
        self.stream.write_all(&packets(self.sequence, payloads))
    }

    /// Sends bytes that need not be packets.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads nothing until the client closes.
    pub(crate) fn wait_for_the_end(&self) -> io::Result<()> {
        poll(&mut [PollFd::new(&self.stream, PollFlags::RDHUP)], None)?;
        Ok(())
    }

    /// Greets as MariaDB does, without TLS, with EOF packets and LOCAL INFILE.
    pub(crate) fn greet(&mut self) -> io::Result<()> {
        self.send(&[greeting()])
    }

    /// Greets, and accepts the login with an OK packet.
    pub(crate) fn welcome(&mut self) -> io::Result<()> {
        self.greet()?;
        self.receive()?;
        self.send(&[ok(0)])
    }
}

/// A server whose connections run this function until it ends; its socket, which is in the given folder.
pub(crate) fn serve(place: &Path, run: impl Fn(&mut Client) -> io::Result<()> + Clone + Send + 'static) -> PathBuf {
    let socket = place.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, run) = (stream.unwrap(), run.clone());
            thread::spawn(move || {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // A client may go away at any time.
                let _ = run(&mut Client { stream, sequence: 0 });
            });
        }
    });
    socket
}

/// Packets with these payloads, and numbers from the given one on.
pub(crate) fn packets(first: u8, payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sequence = first;
    for payload in payloads {
        let [low, middle, high, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
        bytes.extend([low, middle, high, sequence]);
        bytes.extend(payload);
        sequence = sequence.wrapping_add(1);
    }
    bytes
}

fn greeting() -> Vec<u8> {
    const CAPABILITIES: u32 = 0x81ff_f7ff & !0x0100_0800;
    let mut greeting = b"\x0a10.11.19-MariaDB\0\x07\0\0\0abcdefgh\0".to_vec();
    let [low, second, third, high] = CAPABILITIES.to_le_bytes();
    greeting.extend([low, second, 45, 2, 0, third, high, 21]);
    greeting.extend(b"\0\0\0\0\0\0\0\0\0\0ABCDEFGHIJKL\0mysql_native_password\0");
    greeting
}

/// An OK packet with this status besides autocommit.
pub(crate) fn ok(status: u8) -> Vec<u8> {
    vec![0, 0, 0, 2 | status, 0, 0, 0]
}

/// The packet behind columns and rows, with this status besides autocommit.
pub(crate) fn eof(status: u8) -> Vec<u8> {
    vec![0xfe, 0, 0, 2 | status, 0]
}

/// An error packet.
pub(crate) fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0xff], &code.to_le_bytes()[..], b"#HY000", text.as_bytes()].concat()
}

/// A number of the length that its first byte tells.
pub(crate) fn lenenc(number: u64) -> Vec<u8> {
    let bytes = number.to_le_bytes();
    match number {
        0..=250 => vec![bytes[0]],
        251..=0xffff => [&[0xfc], &bytes[..2]].concat(),
        0x1_0000..=0xff_ffff => [&[0xfd], &bytes[..3]].concat(),
        _ => [&[0xfe], &bytes[..]].concat(),
    }
}

/// The definition of a column of this type.
pub(crate) fn column(name: &[u8], kind: u8) -> Vec<u8> {
    let mut definition = b"\x03def\x01d\x01t\x01t".to_vec();
    for _ in 0..2 {
        definition.extend(lenenc(name.len() as u64));
        definition.extend(name);
    }
    definition.extend([12, 45, 0, 0, 1, 0, 0, kind, 0, 0, 0, 0, 0]);
    definition
}

/// A file of the client's is wanted.
pub(crate) fn infile(name: &str) -> Vec<u8> {
    [b"\xfb", name.as_bytes()].concat()
}
