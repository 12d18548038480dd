//! An optional observer of a connection: packets, TLS records and handshake messages, changes of state.
//!
//! Traces contain no secrets: passwords, authentication data and rows are never passed to an observer.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Side;

/// The direction of a packet or record, as seen from the connection that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From this side to the peer.
    Sent,
    /// From the peer to this side.
    Received,
}

/// An observed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A MySQL packet.
    Packet {
        /// The direction.
        direction: Direction,
        /// The packet's sequence number.
        sequence: u8,
        /// The length of its payload in bytes.
        length: usize,
        /// The message's name in the protocol's documentation.
        name: &'static str,
        /// Its fields without secrets, in readable form.
        summary: String,
        /// Whether the packet was sent inside TLS.
        encrypted: bool,
    },
    /// A TLS record, RFC 8446 section 5.
    Record {
        /// The direction.
        direction: Direction,
        /// The length of the record in bytes, with its header.
        length: usize,
        /// The content: the name of a handshake message if it can be read, otherwise the content type.
        name: &'static str,
        /// Whether the record is encrypted.
        encrypted: bool,
    },
    /// The connection changed its state.
    State {
        /// The previous state.
        from: &'static str,
        /// The new state.
        to: &'static str,
    },
}

/// Receives every [`Event`] of the connections that have this observer.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Called as soon as the event happens. `connection` is the server's connection id, or 0 before the client knows it.
    fn observe(&self, side: Side, connection: u32, event: Event);
}

/// A connection's observer, and the data that every event needs.
#[derive(Debug, Clone)]
pub(crate) struct Tracer {
    observer: Option<Arc<dyn Observer>>,
    side: Side,
    /// The server's id of the connection.
    pub(crate) connection: u32,
    /// The name of the connection's current state.
    state: &'static str,
}

impl Tracer {
    /// The tracer of a connection whose first state has this name.
    pub(crate) const fn new(observer: Option<Arc<dyn Observer>>, side: Side, state: &'static str) -> Self {
        Self { observer, side, connection: 0, state }
    }

    /// Reports an event to the observer. The event is built only if there is one.
    pub(crate) fn report(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.observer {
            observer.observe(self.side, self.connection, event());
        }
    }

    /// Reports the new state if it differs from the current one.
    pub(crate) fn enter(&mut self, to: &'static str) {
        let from = core::mem::replace(&mut self.state, to);
        if from != to {
            self.report(|| Event::State { from, to });
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.observer.is_some()
    }
}

/// Finds the records in a stream of TLS bytes that arrives in arbitrary pieces.
#[derive(Debug, Default)]
pub(crate) struct RecordScanner {
    header: Vec<u8>,
    /// Bytes of the current record's body that have not arrived.
    skip: usize,
    encrypted: bool,
}

impl RecordScanner {
    /// The length of a record header and the handshake type after it.
    const NEEDED: usize = 6;

    /// Calls `found(length, name, encrypted)` for each record that begins in `bytes`.
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

/// The names of handshake messages: RFC 8446 section 4 and RFC 5246 section 7.4.
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
