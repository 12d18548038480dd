//! Records the trace of a connection: the core's events with their times, and the bytes on the wire.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::KeyLog;
use sealwire_core::error::Side;
use sealwire_core::trace::{Direction, Event, Observer};
use serde::Serialize;

use crate::meaning::meaning;

/// The largest number of events to record, because a page draws no more.
const MOST_RUNGS: usize = 1000;
/// The number of bytes to keep in each direction, for the events and the capture.
const MOST_BYTES: usize = 256 * 1024;
/// The length of a MySQL packet's header.
const PACKET_HEADER: usize = 4;

/// One recorded event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// `packet`, `record` or `state`.
    pub kind: &'static str,
    /// Milliseconds since the connection began.
    pub at: f64,
    /// Whether the client sent the message.
    pub sent: bool,
    /// The name of the message; for a state, the name of the new state.
    pub name: &'static str,
    /// A MySQL packet's sequence number.
    pub sequence: Option<u8>,
    /// Length in bytes: a packet's payload without its header, a record with its header.
    pub length: usize,
    /// Whether TLS encrypts the message.
    pub encrypted: bool,
    /// The fields without secrets.
    pub summary: String,
    /// The meaning of the event, as a sentence.
    pub meaning: &'static str,
    /// The index of the message in the bytes that its side sent; `None` for messages inside TLS.
    pub offset: Option<usize>,
}

/// Bytes that were sent or received together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Whether the client sent the bytes.
    pub sent: bool,
    /// Milliseconds since the connection began.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Records the events of one connection.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    now: f64,
    rungs: Vec<Rung>,
    omitted: usize,
    chunks: Vec<Chunk>,
    key_log: String,
    sent: DirectionBytes,
    received: DirectionBytes,
}

/// The bytes of one direction.
#[derive(Debug, Default)]
struct DirectionBytes {
    /// The number of bytes that are kept.
    kept: usize,
    /// The index at which the next message begins.
    next: usize,
}

impl Recorder {
    fn record(&self) -> MutexGuard<'_, Record> {
        // The lock is never poisoned, because nothing panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the time of later events, in milliseconds since the connection began.
    pub fn set_time(&self, now: f64) {
        self.record().now = now;
    }

    /// Keeps bytes that were sent or received, up to the limit.
    pub fn keep(&self, sent: bool, bytes: &[u8]) {
        let mut record = self.record();
        let room = MOST_BYTES - record.way(sent).kept;
        let kept = bytes.get(..room).unwrap_or(bytes);
        if kept.is_empty() {
            return;
        }
        record.way(sent).kept += kept.len();
        // The lifetime of a page in milliseconds is too small for the cast to change it.
        let at = record.now.max(0.0) as u64;
        record.chunks.push(Chunk { sent, at, bytes: kept.to_vec() });
    }

    /// The events from index `from` on.
    pub fn rungs(&self, from: usize) -> Vec<Rung> {
        self.record().rungs.get(from..).unwrap_or_default().to_vec()
    }

    /// The number of events that were dropped because the trace was full.
    pub fn omitted(&self) -> usize {
        self.record().omitted
    }

    /// The kept bytes of one direction, concatenated.
    pub fn wire(&self, sent: bool) -> Vec<u8> {
        let record = self.record();
        record.chunks.iter().filter(|chunk| chunk.sent == sent).flat_map(|chunk| chunk.bytes.iter().copied()).collect()
    }

    /// The session keys in SSLKEYLOGFILE's format. Everybody who has these lines can decrypt the connection.
    pub fn key_log(&self) -> String {
        self.record().key_log.clone()
    }

    /// All kept bytes in order.
    pub fn chunks(&self) -> Vec<Chunk> {
        self.record().chunks.clone()
    }
}

impl Observer for Recorder {
    fn observe(&self, _: Side, _: u32, event: Event) {
        let mut record = self.record();
        let meaning = meaning(&event);
        let at = record.now;
        let rung = match event {
            Event::Packet { direction, sequence, length, name, summary, encrypted } => {
                let sent = direction == Direction::Sent;
                let offset = (!encrypted).then(|| record.advance(sent, PACKET_HEADER + length));
                let kind = "packet";
                Rung { kind, at, sent, name, sequence: Some(sequence), length, encrypted, summary, meaning, offset }
            }
            Event::Record { direction, length, name, encrypted } => {
                let sent = direction == Direction::Sent;
                let offset = Some(record.advance(sent, length));
                let (kind, summary) = ("record", String::new());
                Rung { kind, at, sent, name, sequence: None, length, encrypted, summary, meaning, offset }
            }
            Event::State { from, to } => {
                let (kind, summary) = ("state", format!("from {from}"));
                let (sent, length, encrypted, offset) = (false, 0, false, None);
                Rung { kind, at, sent, name: to, sequence: None, length, encrypted, summary, meaning, offset }
            }
        };
        if record.rungs.len() < MOST_RUNGS {
            record.rungs.push(rung);
        } else {
            record.omitted += 1;
        }
    }
}

impl KeyLog for Recorder {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.record().key_log.push_str(&line);
    }
}

impl Record {
    const fn way(&mut self, sent: bool) -> &mut DirectionBytes {
        if sent { &mut self.sent } else { &mut self.received }
    }

    /// The index of the next message. Moves past the message, which has `length` bytes.
    const fn advance(&mut self, sent: bool, length: usize) -> usize {
        let way = self.way(sent);
        let offset = way.next;
        way.next += length;
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_know_their_place_in_the_bytes_of_their_side() {
        let recorder = Recorder::default();
        let see = |event| recorder.observe(Side::Client, 7, event);
        recorder.set_time(3.5);
        let summary = String::from("version 8.4.0");
        let (sent, received) = (Direction::Sent, Direction::Received);
        see(Event::Packet {
            direction: received,
            sequence: 0,
            length: 70,
            name: "HandshakeV10",
            summary,
            encrypted: false,
        });
        see(Event::State { from: "AwaitGreeting", to: "Securing" });
        let summary = String::new();
        see(Event::Packet { direction: sent, sequence: 1, length: 32, name: "SSLRequest", summary, encrypted: false });
        see(Event::Record { direction: sent, length: 250, name: "ClientHello", encrypted: false });
        see(Event::Record { direction: received, length: 90, name: "ServerHello", encrypted: false });
        let rungs = recorder.rungs(0);
        let places: Vec<_> = rungs.iter().map(|rung| (rung.name, rung.offset)).collect();
        let expected = [
            ("HandshakeV10", Some(0)),
            ("Securing", None),
            ("SSLRequest", Some(0)),
            ("ClientHello", Some(36)),
            ("ServerHello", Some(74)),
        ];
        assert_eq!(places, expected);
        assert_eq!(rungs[0].at, 3.5);
        assert_eq!(recorder.rungs(4).len(), 1);
    }

    #[test]
    fn a_long_connection_is_kept_in_part() {
        let recorder = Recorder::default();
        recorder.keep(true, &vec![1; MOST_BYTES - 1]);
        recorder.keep(true, &[2, 3]);
        recorder.keep(true, &[4]);
        recorder.keep(false, &[5]);
        assert_eq!(recorder.wire(true).len(), MOST_BYTES);
        assert_eq!(recorder.wire(true).last(), Some(&2));
        assert_eq!(recorder.wire(false), [5]);
        for _ in 0..MOST_RUNGS + 3 {
            recorder.observe(Side::Client, 0, Event::State { from: "a", to: "b" });
        }
        assert_eq!((recorder.rungs(0).len(), recorder.omitted()), (MOST_RUNGS, 3));
    }
}
