//! The ladder: what an observer of the core saw, with the time and the bytes on the wire.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::KeyLog;
use sealwire_core::error::Side;
use sealwire_core::trace::{Direction, Event, Observer};
use serde::Serialize;

use crate::meaning::meaning;

/// A page draws no more rungs than this.
const MOST_RUNGS: usize = 1000;
/// Bytes kept of each direction, for the rungs' own bytes and the capture.
const MOST_BYTES: usize = 256 * 1024;
/// Bytes of a MySQL packet's header.
const PACKET_HEADER: usize = 4;

/// One rung of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// `packet`, `record` or `state`.
    pub kind: &'static str,
    /// Milliseconds since the connection began.
    pub at: f64,
    /// Whether the client sent it.
    pub sent: bool,
    /// The message's name; of a state, the one that is entered.
    pub name: &'static str,
    /// A MySQL packet's sequence number.
    pub sequence: Option<u8>,
    /// Length in bytes: a packet's payload without its header, a record with its header.
    pub length: usize,
    /// Whether TLS protects it.
    pub encrypted: bool,
    /// Its fields that hold no secret.
    pub summary: String,
    /// What it means.
    pub meaning: &'static str,
    /// Where its bytes begin in what its side put on the wire; `None` for what travels inside TLS.
    pub offset: Option<usize>,
}

/// Bytes that went over the wire together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Whether the client sent it.
    pub sent: bool,
    /// Milliseconds since the connection began.
    pub at: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Collects the rungs of one connection.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    now: f64,
    rungs: Vec<Rung>,
    omitted: usize,
    chunks: Vec<Chunk>,
    key_log: String,
    sent: Way,
    received: Way,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// How many bytes of it are kept.
    kept: usize,
    /// Where its next message begins on the wire.
    next: usize,
}

impl Recorder {
    fn record(&self) -> MutexGuard<'_, Record> {
        // Nothing in here panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the time of later events, in milliseconds since the connection began.
    pub fn set_time(&self, now: f64) {
        self.record().now = now;
    }

    /// Keeps bytes as they went over the wire, as far as there is room.
    pub fn keep(&self, sent: bool, bytes: &[u8]) {
        let mut record = self.record();
        let room = MOST_BYTES - record.way(sent).kept;
        let kept = bytes.get(..room).unwrap_or(bytes);
        if kept.is_empty() {
            return;
        }
        record.way(sent).kept += kept.len();
        // Milliseconds of a page's life: far from where the cast would matter.
        let at = record.now.max(0.0) as u64;
        record.chunks.push(Chunk { sent, at, bytes: kept.to_vec() });
    }

    /// The rungs from number `from` on.
    pub fn rungs(&self, from: usize) -> Vec<Rung> {
        self.record().rungs.get(from..).unwrap_or_default().to_vec()
    }

    /// How many rungs were dropped because the ladder was full.
    pub fn omitted(&self) -> usize {
        self.record().omitted
    }

    /// The bytes of one direction, one behind the other.
    pub fn wire(&self, sent: bool) -> Vec<u8> {
        let record = self.record();
        record.chunks.iter().filter(|chunk| chunk.sent == sent).flat_map(|chunk| chunk.bytes.iter().copied()).collect()
    }

    /// The session's keys, as SSLKEYLOGFILE has them. Whoever has these lines can read the connection.
    pub fn key_log(&self) -> String {
        self.record().key_log.clone()
    }

    /// Everything that was kept, in order.
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
    const fn way(&mut self, sent: bool) -> &mut Way {
        if sent { &mut self.sent } else { &mut self.received }
    }

    /// The offset of a message of `length` bytes; moves past it.
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
