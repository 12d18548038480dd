//! A client connection whose server is a list of recorded packets, for tests.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Config, Connection, Event};
use crate::error::Error;
use crate::machine::{Input, Now, Output};
use crate::random::Random;
use crate::wire::Put;

#[derive(Debug)]
struct Sevens;

impl Random for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// The payloads that answer a command.
pub(super) enum RecordedAnswer {
    Packets(&'static [&'static [u8]]),
    Owned(Vec<&'static [u8]>),
}

/// A connection, and the server's side as far as a test needs it.
pub(super) struct Peer {
    pub(super) connection: Connection,
    out: Vec<u8>,
    /// The sequence number of the server's next packet.
    sequence: u8,
}

impl Peer {
    /// A connection that has logged in to a server of this version, over plaintext and with classic EOF packets.
    pub(super) fn connected(version: &str) -> Self {
        let config = Config::new("learner", "secret".into(), Arc::new(Sevens));
        let connection = Connection::new(Arc::new(config), Now::default());
        let mut peer = Self { connection, out: Vec::new(), sequence: 0 };
        let mut greeting = Vec::from([0x0a]);
        greeting.put_nul_bytes(version.as_bytes());
        greeting.put(b"\x06\0\0\0suoLolO&\0\xfe\xf7\x08\x02\0\xff\x80\x15\0\0\0\0\0\0\0\0\0\0nz9JInpi</v(\0mysql_native_password\0");
        peer.give(&greeting);
        assert!(peer.event().unwrap().is_none());
        peer.sent();
        peer.sequence = 2;
        peer.give(b"\0\0\0\x02\0\0\0");
        assert!(matches!(peer.event(), Ok(Some(Event::Connected(_)))));
        peer.sequence = 1;
        peer
    }

    /// The server sends an answer.
    pub(super) fn answer(&mut self, answer: &RecordedAnswer) {
        self.sequence = 1;
        let packets = match answer {
            RecordedAnswer::Packets(packets) => packets,
            RecordedAnswer::Owned(packets) => packets.as_slice(),
        };
        for payload in packets {
            self.give(payload);
        }
    }

    /// The server sends a packet.
    pub(super) fn give(&mut self, payload: &[u8]) {
        let mut bytes = Vec::new();
        bytes.put_u24(payload.len() as u32);
        bytes.put_u8(self.sequence);
        bytes.put(payload);
        self.sequence = self.sequence.wrapping_add(1);
        let _ = self.connection.handle_input(Input::Bytes(&mut bytes), Now::default());
    }

    /// The next event.
    pub(super) fn event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            match self.connection.poll_output(&mut self.out)? {
                Output::Event(event) => return Ok(Some(event)),
                Output::Transmit => {}
                Output::Wait(_) => return Ok(None),
            }
        }
    }

    /// The payload of the packet that was sent, each byte as a character; and forgets it.
    pub(super) fn sent(&mut self) -> String {
        while let Ok(Output::Transmit) = self.connection.poll_output(&mut self.out) {}
        let text = self.out.iter().skip(4).map(|byte| char::from(*byte)).collect();
        self.out.clear();
        text
    }
}
