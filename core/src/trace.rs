//! An optional observer of everything a connection does: packets, TLS records and handshake messages, state changes.
//!
//! What is shown is built from fields that hold no secret: passwords, scrambles' answers and rows never get here.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Side;

/// Which way something went, seen from the connection that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A MySQL packet.
    Packet {
        /// Which way.
        direction: Direction,
        /// Its sequence number.
        sequence: u8,
        /// Bytes of its payload.
        length: usize,
        /// The message's name in the protocol's documentation.
        name: &'static str,
        /// Its fields that hold no secret, for people.
        summary: String,
        /// Whether it travelled inside TLS.
        encrypted: bool,
    },
    /// A TLS record, RFC 8446 section 5.
    Record {
        /// Which way.
        direction: Direction,
        /// Bytes of the record with its header.
        length: usize,
        /// What it holds: a handshake message's name where it can be read, else the content type.
        name: &'static str,
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// The connection went from one state to another.
    State {
        /// The state that is left.
        from: &'static str,
        /// The state that is entered.
        to: &'static str,
    },
}

/// Sees every [`Event`] of the connections it is given to.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Told right when it happens. `connection` is the server's connection id, 0 before the client knows it.
    fn observe(&self, side: Side, connection: u32, event: Event);
}

/// A connection's observer, and what is told to it with each event.
#[derive(Debug, Clone)]
pub(crate) struct Tracer {
    observer: Option<Arc<dyn Observer>>,
    side: Side,
    /// The server's number for the connection.
    pub(crate) connection: u32,
    /// The name of the state that the connection is in.
    state: &'static str,
}

impl Tracer {
    /// Of a connection that begins in the state of this name.
    pub(crate) const fn new(observer: Option<Arc<dyn Observer>>, side: Side, state: &'static str) -> Self {
        Self { observer, side, connection: 0, state }
    }

    /// Tells the observer, if there is one; the event is built only then.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer.observe(self.side, self.connection, event());
        }
    }

    /// Tells of a change of state, where it is one.
    pub(crate) fn enter(&mut self, to: &'static str) {
        let from = core::mem::replace(&mut self.state, to);
        if from != to {
            self.tell(|| Event::State { from, to });
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.observer.is_some()
    }
}

/// Finds the records in a stream of TLS bytes, however it is cut.
#[derive(Debug, Default)]
pub(crate) struct RecordScanner {
    header: Vec<u8>,
    /// Bytes of the current record's body still to come.
    skip: usize,
    encrypted: bool,
}

impl RecordScanner {
    /// Bytes of a record header and of the handshake type behind it.
    const NEEDED: usize = 6;

    /// Calls `found(length, name, encrypted)` for each record whose start lies in `bytes`.
    pub(crate) fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(usize, &'static str, bool)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let step = self.skip.min(bytes.len());
                bytes = bytes.get(step..).unwrap_or_default();
                self.skip -= step;
                continue;
            }
            let step = (Self::NEEDED - self.header.len()).min(bytes.len());
            let (head, rest) = bytes.split_at(step);
            self.header.extend_from_slice(head);
            bytes = rest;
            let Some(&[content, _, _, high, low, kind]) = self.header.first_chunk::<{ Self::NEEDED }>() else { return };
            let body = usize::from(u16::from_be_bytes([high, low]));
            let name = match content {
                20 => "ChangeCipherSpec",
                21 => "Alert",
                22 if self.encrypted => "Handshake",
                22 => handshake_name(kind),
                23 => "ApplicationData",
                _ => "unknown",
            };
            found(5 + body, name, self.encrypted || content == 23);
            self.encrypted |= content == 20 || content == 23;
            self.header.clear();
            self.skip = body.saturating_sub(1);
            if body == 0 {
                self.header.push(kind);
            }
        }
    }
}

/// RFC 8446 section 4 and RFC 5246 section 7.4: the names of handshake messages.
const fn handshake_name(kind: u8) -> &'static str {
    match kind {
        0 => "HelloRequest",
        1 => "ClientHello",
        2 => "ServerHello",
        4 => "NewSessionTicket",
        8 => "EncryptedExtensions",
        11 => "Certificate",
        12 => "ServerKeyExchange",
        13 => "CertificateRequest",
        14 => "ServerHelloDone",
        15 => "CertificateVerify",
        16 => "ClientKeyExchange",
        20 => "Finished",
        22 => "CertificateStatus",
        _ => "Handshake",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_however_the_stream_is_cut() {
        let mut stream = alloc::vec![22, 3, 1, 0, 4, 1, 0, 0, 0];
        stream.extend_from_slice(&[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 0]);
        stream.extend_from_slice(&[23, 3, 3, 0, 3, 9, 9, 9]);
        let expected = [
            (9, "ClientHello", false),
            (6, "ChangeCipherSpec", false),
            (5, "ApplicationData", true),
            (8, "ApplicationData", true),
        ];
        for size in 1..=stream.len() {
            let (mut scanner, mut seen) = (RecordScanner::default(), Vec::new());
            for chunk in stream.chunks(size) {
                scanner.scan(chunk, |length, name, encrypted| seen.push((length, name, encrypted)));
            }
            assert_eq!(seen, expected, "cut into {size}");
        }
    }
}
