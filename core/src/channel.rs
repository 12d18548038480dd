//! Packets in and out, over plaintext or TLS.
//!
//! Data flows one way: transport bytes → (TLS) → (compressed frames) → [`Received`] → packets; packets → (compressed frames) → `unsealed` →
//! (TLS) → transport bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::compression::{Bounds, Compression, Unpacked};
use crate::error::{Error, PeerMisbehaved};
use crate::facts::TlsFacts;
use crate::received::{Packet, Received, make_room};
use crate::tls::{TlsError, TlsLayer};
use crate::trace::{self, Direction, RecordScanner, Tracer};
use crate::wire::Put;
use crate::wire::compressed::Algorithm;
use crate::wire::frame::{self, Found, HEADER, Scan};

/// The most that either side takes of a packet before authentication is over: attributes (64 KiB) and the fixed fields.
const PRE_AUTHENTICATION_LIMIT: usize = 64 * 1024 + 512;

/// The most bytes of a record that TLS holds until its rest has come.
const HELD_BY_TLS: usize = 16 * 1024 + 512;

/// So much is sealed at once, in whole records: what follows may wait until the transport has taken it.
const SEALED_AT_ONCE: usize = 64 * 1024;

/// The numbers that an answer begins with.
#[derive(Debug, Clone, Copy, Default)]
#[cfg(feature = "client")]
pub(crate) struct Due {
    packet: u8,
    /// Of the compressed frame, where there are such.
    frame: u8,
}

/// The TLS layer with what is needed to tell of it.
#[derive(Debug)]
struct Tls {
    layer: TlsLayer,
    sent: RecordScanner,
    seen: RecordScanner,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Packets to send, not yet sealed but for the first `sealed` bytes.
    unsealed: Vec<u8>,
    sealed: usize,
    /// Bytes that must leave as they are: what was sent before TLS began.
    ready: Vec<u8>,
    tls: Option<Tls>,
    compression: Option<Compression>,
    /// The number that the next packet of the current exchange has to bear, whoever sends it. In compressed frames the peer's is taken as
    /// it comes: MySQL gives packets the numbers of frames there, and looks at the latter alone.
    pub(crate) sequence: u8,
    /// The largest payload that is taken.
    pub(crate) limit: usize,
    /// The most bytes of the peer that are held, and how many would be needed where that is too little.
    pub(crate) room: usize,
    pub(crate) lacks: Option<usize>,
    /// How many bytes are inflated before the caller has its turn.
    pub(crate) step: usize,
    /// Whether inflating stopped only because of that.
    pub(crate) paused: bool,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) tracer: Tracer,
}

impl Channel {
    pub(crate) const fn new(tracer: Tracer) -> Self {
        Self {
            unsealed: Vec::new(),
            sealed: 0,
            ready: Vec::new(),
            tls: None,
            compression: None,
            sequence: 0,
            limit: PRE_AUTHENTICATION_LIMIT,
            room: usize::MAX,
            lacks: None,
            step: usize::MAX,
            paused: false,
            bytes_in: 0,
            bytes_out: 0,
            tracer,
        }
    }

    /// Takes all of `bytes` from the transport.
    pub(crate) fn receive(
        &mut self,
        bytes: &mut Vec<u8>,
        wall: Duration,
        received: &mut Received,
    ) -> Result<(), Error> {
        self.bytes_in += bytes.len() as u64;
        received.forget_taken();
        let input = self.compression.as_mut().map_or(&mut received.bytes, Compression::input);
        // What TLS has held back of a record may come with it.
        if !input.is_empty() && !make_room(input, bytes.len().saturating_add(HELD_BY_TLS), self.room) {
            bytes.clear();
            return Err(Error::OutOfMemory);
        }
        if self.tls.is_some() {
            let outcome = self.feed_tls(bytes, wall, received);
            bytes.clear();
            return outcome;
        }
        let input = self.compression.as_mut().map_or(&mut received.bytes, Compression::input);
        if input.is_empty() {
            core::mem::swap(input, bytes);
        } else {
            input.append(bytes);
        }
        Ok(())
    }

    fn feed_tls(&mut self, bytes: &mut [u8], wall: Duration, received: &mut Received) -> Result<(), Error> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        if self.tracer.is_on() {
            let tracer = &self.tracer;
            tls.seen.scan(bytes, |length, name, encrypted| {
                tracer.tell(|| trace::Event::Record { direction: Direction::Received, length, name, encrypted });
            });
        }
        let input = self.compression.as_mut().map_or(&mut received.bytes, Compression::input);
        tls.layer.feed(bytes, input, wall)?;
        Ok(())
    }

    /// Gives memory back where nothing is under way: an idle connection holds no buffer.
    pub(crate) fn release(&mut self) {
        if self.unsealed.is_empty() {
            self.unsealed = Vec::new();
        }
        if let Some(compression) = &mut self.compression {
            compression.rest();
        }
    }

    /// All packets from here on travel in compressed frames; what was queued leaves as it is.
    pub(crate) fn start_compression(&mut self, algorithm: Algorithm, received: &mut Received) {
        // The packet that was taken last may still be read.
        let packed = received.bytes.split_off(received.taken.min(received.bytes.len()));
        self.compression = Compression::new(algorithm, packed);
    }

    /// Whether packets travel in compressed frames.
    pub(crate) const fn is_compressed(&self) -> bool {
        self.compression.is_some()
    }

    /// Inflates the next frame from the peer; `false` where none is whole, or not yet.
    fn unpack(&mut self, received: &mut Received) -> Result<bool, Error> {
        received.forget_taken();
        let Some(compression) = &mut self.compression else { return Ok(false) };
        let bounds = Bounds { packet: self.limit, room: self.room, step: self.step };
        match compression.unpack(bounds, &mut received.bytes)? {
            Unpacked::Nothing => Ok(false),
            Unpacked::Frame => Ok(true),
            Unpacked::Part => {
                self.paused = true;
                Ok(false)
            }
            Unpacked::NeedsRoom(bytes) => {
                self.lacks = Some(bytes);
                Ok(false)
            }
            Unpacked::NoMemory => Err(Error::OutOfMemory),
            Unpacked::Misnumbered => Err(out_of_order()),
            Unpacked::TooBig => {
                self.sequence = self.sequence.wrapping_add(1);
                Err(self.too_big())
            }
        }
    }

    /// The next whole packet, if there is one. Its number must be the one that is due.
    pub(crate) fn next_packet(&mut self, received: &mut Received) -> Result<Option<Packet>, Error> {
        self.lacks = None;
        loop {
            let is_inflating = self.compression.as_ref().is_some_and(Compression::is_inflating);
            let packet = if is_inflating { None } else { self.whole_packet(received)? };
            // One frame at a time, because numbers begin anew between them, and so that little is held at once.
            if packet.is_some() || self.compression.is_none() || !self.unpack(received)? {
                return Ok(packet);
            }
        }
    }

    fn whole_packet(&mut self, received: &mut Received) -> Result<Option<Packet>, Error> {
        let scan = if self.compression.is_some() { frame::scan_unnumbered } else { frame::scan };
        let found = match scan(received.rest()) {
            Scan::Complete(found) if found.payload_length <= self.limit => found,
            Scan::Incomplete { announced, .. } if announced <= self.limit => return Ok(None),
            Scan::OutOfOrder => return Err(out_of_order()),
            Scan::Complete(Found { frames, .. }) | Scan::Incomplete { frames, .. } => {
                // The refusal is numbered after what was seen of the packet.
                self.sequence = self.sequence.wrapping_add(frames as u8);
                return Err(self.too_big());
            }
        };
        if self.compression.is_some() {
            self.sequence = found.first_sequence;
        } else if found.first_sequence != self.sequence {
            return Err(out_of_order());
        }
        if found.frames > 1 {
            let whole = received.bytes.get_mut(received.taken..).unwrap_or_default();
            frame::join(whole, &found)?;
        }
        let start = received.taken + HEADER;
        received.taken += found.wire_length;
        // Wraps as the protocol's counter does.
        self.sequence = self.sequence.wrapping_add(found.frames as u8);
        Ok(Some(Packet { at: start..start + found.payload_length, sequence: found.first_sequence }))
    }

    /// Takes the next packet if it is of one frame, whole, due, and `is_row` knows its payload. Else it is left to
    /// [`next_packet`](Self::next_packet), and false is returned.
    #[inline]
    #[cfg(feature = "client")]
    pub(crate) fn next_row(
        &mut self,
        received: &mut Received,
        is_row: impl Fn(&[u8]) -> bool,
        row: &mut Packet,
    ) -> bool {
        let Some((&[a, b, c, sequence], rest)) = received.rest().split_first_chunk::<HEADER>() else { return false };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        let Some(payload) = rest.get(..length) else { return false };
        if sequence != self.sequence || length >= frame::MAX_FRAME_PAYLOAD || length > self.limit || !is_row(payload) {
            return false;
        }
        let start = received.taken + HEADER;
        *row = Packet { at: start..start + length, sequence };
        received.taken = start + length;
        self.sequence = sequence.wrapping_add(1);
        true
    }

    /// Bytes of the peer that are held.
    #[cfg(feature = "server")]
    pub(crate) fn held(&self, received: &Received) -> usize {
        received.bytes.len() + self.compression.as_ref().map_or(0, Compression::held)
    }

    /// Whether bytes wait that belong to no packet taken so far.
    pub(crate) fn has_more(&self, received: &Received) -> bool {
        !received.is_taken() || self.compression.as_ref().is_some_and(Compression::has_input)
    }

    /// Queues one packet with the number that is due; `build` appends its payload. Returns the payload's length.
    pub(crate) fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> usize {
        let sequence = &mut self.sequence;
        match &mut self.compression {
            None => put_packet(&mut self.unsealed, sequence, build),
            Some(compression) => compression.queue(|out| put_packet(out, sequence, build)),
        }
    }

    /// Queues one packet as [`send`](Self::send) does, and tells the observer of it; `summary` has no secret in it.
    pub(crate) fn send_traced(
        &mut self,
        name: &'static str,
        build: impl FnOnce(&mut Vec<u8>),
        summary: impl FnOnce() -> String,
    ) {
        let sequence = self.sequence;
        let length = self.send(build);
        self.tell_packet(Direction::Sent, sequence, length, name, summary);
    }

    /// Queues a command, whose numbers begin at 0. Returns the payload's length, and the numbers that its answer begins with.
    #[cfg(feature = "client")]
    pub(crate) fn send_command(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> (usize, Due) {
        let mut packet = 0;
        let (length, frame) = match &mut self.compression {
            None => (put_packet(&mut self.unsealed, &mut packet, build), 0),
            Some(compression) => compression.queue_command(|out| put_packet(out, &mut packet, build)),
        };
        (length, Due { packet, frame })
    }

    /// Sets the numbers that come next.
    #[cfg(feature = "client")]
    pub(crate) const fn expect(&mut self, due: Due) {
        self.sequence = due.packet;
        if let Some(compression) = &mut self.compression {
            compression.expect(due.frame);
        }
    }

    /// The exchange is over: the numbers of the next command begin at 0.
    #[cfg(feature = "server")]
    pub(crate) fn end_exchange(&mut self) {
        self.sequence = 0;
        if let Some(compression) = &mut self.compression {
            compression.end_exchange();
        }
    }

    /// Queues whole packets that were made elsewhere, with the numbers that are due.
    #[cfg(feature = "server")]
    pub(crate) fn send_packets(&mut self, mut packets: Vec<u8>) {
        frame::number(&mut packets, &mut self.sequence);
        let add = |out: &mut Vec<u8>| {
            if out.is_empty() {
                *out = packets;
            } else {
                out.append(&mut packets);
            }
        };
        match &mut self.compression {
            None => add(&mut self.unsealed),
            Some(compression) => compression.queue(add),
        }
    }

    /// Bytes of packets that wait to be polled.
    pub(crate) const fn unsent(&self) -> usize {
        let waiting = match &self.compression {
            None => 0,
            Some(compression) => compression.waiting(),
        };
        self.unsealed.len() - self.sealed + waiting
    }

    /// Splices TLS in. What was queued leaves first, in plaintext; what the peer sent behind its last packet is TLS's.
    pub(crate) fn start_tls(&mut self, layer: TlsLayer, wall: Duration, received: &mut Received) -> Result<(), Error> {
        self.ready.append(&mut self.unsealed);
        received.forget_taken();
        let mut behind = core::mem::take(&mut received.bytes);
        self.tls = Some(Tls { layer, sent: RecordScanner::default(), seen: RecordScanner::default() });
        self.feed_tls(&mut behind, wall, received)
    }

    /// Whether the TLS handshake is under way.
    pub(crate) fn is_securing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.layer.is_handshaking())
    }

    /// What TLS negotiated, once it has.
    pub(crate) fn tls_facts(&self) -> Option<TlsFacts> {
        self.tls.as_ref().and_then(|tls| tls.layer.facts())
    }

    /// Whether the peer said by TLS that it sends no more.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.layer.peer_has_closed())
    }

    /// Says goodbye by TLS where there is TLS.
    pub(crate) fn close(&mut self) {
        if let Some(compression) = &mut self.compression {
            while compression.pack(&mut self.unsealed) {}
        }
        if let Some(tls) = &mut self.tls {
            // What is queued must leave before close_notify; where it can't be sealed, nothing can follow anyway.
            if !tls.layer.is_handshaking() {
                let unsealed = core::mem::take(&mut self.unsealed);
                let rest = unsealed.get(core::mem::take(&mut self.sealed)..).unwrap_or_default();
                let _ = tls.layer.seal(rest, &mut self.ready);
            }
            tls.layer.close();
        }
    }

    /// Appends what has to leave to `out`, or of much the first part; `false` where there is nothing.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, TlsError> {
        let before = out.len();
        if let Some(compression) = self.compression.as_mut().filter(|_| self.unsealed.is_empty()) {
            compression.pack(&mut self.unsealed);
        }
        if out.is_empty() && !self.ready.is_empty() {
            core::mem::swap(&mut self.ready, out);
        } else {
            out.append(&mut self.ready);
        }
        let sealed_from = out.len();
        match &mut self.tls {
            None if out.is_empty() => core::mem::swap(&mut self.unsealed, out),
            None => out.append(&mut self.unsealed),
            Some(tls) => {
                tls.layer.take_output(out);
                if !self.unsealed.is_empty() && !tls.layer.is_handshaking() {
                    let rest = self.unsealed.get(self.sealed..).unwrap_or_default();
                    let part = rest.get(..SEALED_AT_ONCE).unwrap_or(rest);
                    tls.layer.seal(part, out)?;
                    self.sealed += part.len();
                    if self.sealed >= self.unsealed.len() {
                        self.unsealed.clear();
                        self.sealed = 0;
                    }
                }
                if self.tracer.is_on() {
                    let tracer = &self.tracer;
                    let records = out.get(sealed_from..).unwrap_or_default();
                    tls.sent.scan(records, |length, name, encrypted| {
                        tracer.tell(|| trace::Event::Record { direction: Direction::Sent, length, name, encrypted });
                    });
                }
            }
        }
        self.bytes_out += (out.len() - before) as u64;
        Ok(out.len() > before)
    }

    /// Tells the observer of a packet.
    pub(crate) fn tell_packet(
        &self,
        direction: Direction,
        sequence: u8,
        length: usize,
        name: &'static str,
        summary: impl FnOnce() -> String,
    ) {
        let encrypted = self.tls.is_some();
        self.tracer.tell(|| trace::Event::Packet { direction, sequence, length, name, summary: summary(), encrypted });
    }

    const fn too_big(&self) -> Error {
        Error::PeerMisbehaved(PeerMisbehaved::PacketTooBig(self.limit))
    }
}

/// Appends one packet, numbered from `sequence` on, and returns its payload's length.
fn put_packet(out: &mut Vec<u8>, sequence: &mut u8, build: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = out.len();
    out.put(&[0; HEADER]);
    build(out);
    frame::close(out, start, sequence)
}

const fn out_of_order() -> Error {
    Error::PeerMisbehaved(PeerMisbehaved::OutOfOrder)
}
