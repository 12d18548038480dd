//! Sends and receives packets over plaintext or TLS.
//!
//! Received data flows: transport bytes → (TLS) → (compressed frames) → [`Received`] → packets. Data to send flows: packets → (compressed
//! frames) → `unsealed` → (TLS) → transport bytes.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::compression::{Bounds, Compression, Unpacked};
use crate::error::{Error, PeerMisbehaved};
use crate::facts::TlsFacts;
#[cfg(feature = "client")]
use crate::lent_rows::{LentRows, RowShape};
use crate::received::{Packet, Received, reserve};
use crate::tls::{TlsError, TlsLayer};
use crate::trace::{self, Direction, RecordScanner, Tracer};
use crate::wire::Put;
use crate::wire::compressed::Algorithm;
use crate::wire::frame::{self, Found, HEADER, Scan};

/// The largest packet that either side accepts before authentication is complete: attributes (64 KiB) and the fixed fields.
pub(crate) const PRE_AUTHENTICATION_LIMIT: usize = 64 * 1024 + 512;

/// The most bytes of an incomplete record that the TLS layer holds.
const HELD_BY_TLS: usize = 16 * 1024 + 512;

/// The most bytes that TLS encrypts at once, in whole records. The rest waits until the transport has accepted them.
const SEALED_AT_ONCE: usize = 64 * 1024;

/// The sequence numbers with which a reply starts.
#[derive(Debug, Clone, Copy, Default)]
#[cfg(feature = "client")]
pub(crate) struct ExpectedNumbers {
    packet: u8,
    /// The number of the first compressed frame, if compression is on.
    frame: u8,
}

/// The TLS layer, and the scanners that find the records to trace.
#[derive(Debug)]
struct Tls {
    layer: TlsLayer,
    sent: RecordScanner,
    seen: RecordScanner,
}

/// A connection's packets in both directions, over plaintext or TLS, and with or without compression.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Packets to send. Only the first `sealed` bytes are encrypted.
    unsealed: Vec<u8>,
    sealed: usize,
    /// Bytes to send unchanged, because they were queued before TLS started or are already encrypted.
    ready: Vec<u8>,
    tls: Option<Tls>,
    /// Whether the connection begins with TLS, so that nothing is sent in plaintext.
    pub(crate) is_direct: bool,
    compression: Option<Compression>,
    /// The sequence number that the next packet of the exchange must have, whichever side sends it. With compression the peer's packet
    /// number is accepted as it is, because MySQL gives packets the numbers of compressed frames there and checks only the frames.
    pub(crate) sequence: u8,
    /// The largest payload to accept.
    pub(crate) limit: usize,
    /// The most bytes of the peer to buffer; `needed_input` is the number needed if `input_limit` is too small.
    pub(crate) input_limit: usize,
    pub(crate) needed_input: Option<usize>,
    /// The most bytes to decompress before the caller gets control again.
    pub(crate) step: usize,
    /// Whether decompression stopped only because it reached `step`.
    pub(crate) paused: bool,
    /// Whether more of the peer's bytes are expected at once, so that the buffers for them are kept.
    pub(crate) is_busy: bool,
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
            is_direct: false,
            compression: None,
            sequence: 0,
            limit: PRE_AUTHENTICATION_LIMIT,
            input_limit: usize::MAX,
            needed_input: None,
            step: usize::MAX,
            paused: false,
            is_busy: false,
            bytes_in: 0,
            bytes_out: 0,
            tracer,
        }
    }

    /// Processes all of `bytes`, which come from the transport.
    pub(crate) fn receive(
        &mut self,
        bytes: &mut Vec<u8>,
        wall: Duration,
        received: &mut Received,
    ) -> Result<(), Error> {
        self.bytes_in += bytes.len() as u64;
        received.forget_taken();
        let input = self.compression.as_mut().map_or(&mut received.bytes, Compression::input);
        // TLS may hold bytes of an incomplete record, which it now adds.
        if !input.is_empty() && !reserve(input, bytes.len().saturating_add(HELD_BY_TLS), self.input_limit) {
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

    /// Gives the bytes behind the packets taken so far to the driver: see `client::Connection::lend_incomplete`.
    #[cfg(feature = "client")]
    pub(crate) fn lend_incomplete(&mut self, received: &mut Received, incoming: &mut Vec<u8>) {
        if self.tls.is_none() && self.compression.is_none() && incoming.is_empty() && !received.is_taken() {
            received.forget_taken();
            core::mem::swap(&mut received.bytes, incoming);
            self.bytes_in -= incoming.len() as u64;
        }
    }

    fn feed_tls(&mut self, bytes: &mut [u8], wall: Duration, received: &mut Received) -> Result<(), Error> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        if self.tracer.is_on() {
            let tracer = &self.tracer;
            tls.seen.scan(bytes, |length, name, encrypted| {
                tracer.report(|| trace::Event::Record { direction: Direction::Received, length, name, encrypted });
            });
        }
        let input = self.compression.as_mut().map_or(&mut received.bytes, Compression::input);
        tls.layer.feed(bytes, input, wall)?;
        Ok(())
    }

    /// Releases the memory of empty buffers, so that an idle connection holds none.
    pub(crate) fn release(&mut self) {
        if self.unsealed.is_empty() {
            self.unsealed = Vec::new();
        }
        if let Some(compression) = &mut self.compression {
            compression.release_empty_buffers();
        }
    }

    /// Starts compression: all later packets travel in compressed frames. Packets queued before are sent uncompressed.
    pub(crate) fn start_compression(&mut self, algorithm: Algorithm, received: &mut Received) {
        // Leave the last packet in place, because the caller may still read it.
        let packed = received.bytes.split_off(received.taken.min(received.bytes.len()));
        self.compression = Compression::new(algorithm, packed);
    }

    /// Whether packets travel in compressed frames.
    pub(crate) const fn is_compressed(&self) -> bool {
        self.compression.is_some()
    }

    /// Decompresses the peer's next frame. Returns `false` if no frame has arrived completely or decompression has to pause.
    fn unpack(&mut self, received: &mut Received) -> Result<bool, Error> {
        received.forget_taken();
        let Some(compression) = &mut self.compression else { return Ok(false) };
        let bounds = Bounds { packet: self.limit, buffer: self.input_limit, step: self.step };
        match compression.unpack(bounds, &mut received.bytes)? {
            Unpacked::Nothing => Ok(false),
            Unpacked::Frame => Ok(true),
            Unpacked::Part => {
                self.paused = true;
                Ok(false)
            }
            Unpacked::NeedsRoom(bytes) => {
                self.needed_input = Some(bytes);
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

    /// The next complete packet, if there is one. Its sequence number must be the expected one.
    pub(crate) fn next_packet(&mut self, received: &mut Received) -> Result<Option<Packet>, Error> {
        self.needed_input = None;
        loop {
            let is_inflating = self.compression.as_ref().is_some_and(Compression::is_inflating);
            let packet = if is_inflating { None } else { self.whole_packet(received)? };
            // Decompress one frame at a time, because packet numbers restart between frames, and to buffer little at once.
            if packet.is_some() || self.compression.is_none() || !self.unpack(received)? {
                return Ok(packet);
            }
        }
    }

    /// The next packet that the peer sends while this side's packets are on their way: its numbers begin with 0, and those of this side go on.
    /// It has at most `most` bytes.
    #[cfg(feature = "server")]
    pub(crate) fn next_aside(&mut self, received: &mut Received, most: usize) -> Result<Option<Packet>, Error> {
        let limit = core::mem::replace(&mut self.limit, most);
        let sequence = core::mem::take(&mut self.sequence);
        let numbers = self.compression.as_mut().map(Compression::set_aside);
        let packet = self.next_packet(received);
        if let (Some(compression), Some(numbers)) = (&mut self.compression, numbers) {
            compression.go_on(numbers);
        }
        (self.limit, self.sequence) = (limit, sequence);
        packet
    }

    fn whole_packet(&mut self, received: &mut Received) -> Result<Option<Packet>, Error> {
        let scan = if self.compression.is_some() { frame::scan_unnumbered } else { frame::scan };
        let found = match scan(received.rest()) {
            Scan::Complete(found) if found.payload_length <= self.limit => found,
            Scan::Incomplete { announced, .. } if announced <= self.limit => return Ok(None),
            Scan::OutOfOrder => return Err(out_of_order()),
            Scan::Complete(Found { frames, .. }) | Scan::Incomplete { frames, .. } => {
                // The number of the ERR packet follows the numbers of the frames seen.
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
        // Wraps around as the protocol's counter does.
        self.sequence = self.sequence.wrapping_add(found.frames as u8);
        Ok(Some(Packet { at: start..start + found.payload_length, sequence: found.first_sequence }))
    }

    /// Takes the next packet if it is complete, has one frame and the expected number, and the shape of a row. Otherwise
    /// returns `false` and leaves the packet to [`next_packet`](Self::next_packet).
    #[inline]
    #[cfg(feature = "client")]
    pub(crate) fn next_row(&mut self, received: &mut Received, shape: RowShape, row: &mut Packet) -> bool {
        let Some((header, rest)) = received.rest().split_first_chunk::<HEADER>() else { return false };
        let (length, sequence) = frame::header(u32::from_le_bytes(*header));
        let Some(payload) = rest.get(..length) else { return false };
        if sequence != self.sequence
            || length >= frame::MAX_FRAME_PAYLOAD
            || length > self.limit
            || !shape.is_row(payload, length)
        {
            return false;
        }
        let start = received.taken + HEADER;
        *row = Packet { at: start..start + length, sequence };
        received.taken = start + length;
        self.sequence = sequence.wrapping_add(1);
        true
    }

    /// Lends the received bytes, if there are any, for [`LentRows`] to take the packets that [`next_row`](Self::next_row) would take.
    #[cfg(feature = "client")]
    pub(crate) fn lend_rows(&self, received: &mut Received, shape: RowShape, rows: &mut LentRows) -> bool {
        // The byte that is put behind them must not make the buffer grow, which would copy it.
        if received.is_taken() || !rows.is_empty() || !reserve(&mut received.bytes, 1, 0) {
            return false;
        }
        let bytes = core::mem::take(&mut received.bytes);
        let longest = self.limit.min(frame::MAX_FRAME_PAYLOAD - 1);
        rows.fill(bytes, core::mem::take(&mut received.taken), self.sequence, shape, longest);
        true
    }

    /// Takes the lent bytes back, in front of those that have arrived since.
    #[cfg(feature = "client")]
    pub(crate) fn take_back(&mut self, received: &mut Received, rows: &mut LentRows) {
        if rows.is_empty() {
            return;
        }
        self.sequence = rows.sequence;
        let (mut bytes, taken) = rows.take();
        bytes.extend_from_slice(received.rest());
        *received = Received { bytes, taken };
    }

    /// The number of buffered bytes of the peer.
    #[cfg(feature = "server")]
    pub(crate) fn held(&self, received: &Received) -> usize {
        received.bytes.len() + self.compression.as_ref().map_or(0, Compression::held)
    }

    /// Whether there are bytes that belong to no packet taken so far.
    pub(crate) fn has_more(&self, received: &Received) -> bool {
        !received.is_taken() || self.compression.as_ref().is_some_and(Compression::has_input)
    }

    /// The next packet interrupts the client's packet: its number follows those of the frames that have arrived, because a client that
    /// waits for the answer to that packet takes no other.
    #[cfg(feature = "server")]
    pub(crate) fn interrupt(&mut self, received: &Received) {
        let scan = if self.compression.is_some() { frame::scan_unnumbered } else { frame::scan };
        if let (0, Scan::Incomplete { frames, .. }) = (self.sequence, scan(received.rest())) {
            self.sequence = frames as u8;
        }
    }

    /// Queues one packet with the number that is due; `build` appends its payload. Returns the payload's length.
    pub(crate) fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> usize {
        let sequence = &mut self.sequence;
        match &mut self.compression {
            None => put_packet(&mut self.unsealed, sequence, build),
            Some(compression) => compression.queue(|out| put_packet(out, sequence, build)),
        }
    }

    /// Queues one packet as [`send`](Self::send) does and reports it to the observer; `summary` must contain no secret.
    pub(crate) fn send_traced(
        &mut self,
        name: &'static str,
        build: impl FnOnce(&mut Vec<u8>),
        summary: impl FnOnce() -> String,
    ) {
        let sequence = self.sequence;
        let length = self.send(build);
        self.trace_packet(Direction::Sent, sequence, length, name, summary);
    }

    /// Queues a command, whose sequence number is 0. Returns the payload's length and the numbers with which the reply must start.
    #[cfg(feature = "client")]
    pub(crate) fn send_command(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> (usize, ExpectedNumbers) {
        let mut packet = 0;
        let (length, frame) = match &mut self.compression {
            None => (put_packet(&mut self.unsealed, &mut packet, build), 0),
            Some(compression) => compression.queue_command(|out| put_packet(out, &mut packet, build)),
        };
        (length, ExpectedNumbers { packet, frame })
    }

    /// Sets the next expected sequence numbers.
    #[cfg(feature = "client")]
    pub(crate) const fn expect(&mut self, expected: ExpectedNumbers) {
        self.sequence = expected.packet;
        if let Some(compression) = &mut self.compression {
            compression.expect(expected.frame);
        }
    }

    /// Ends the exchange, so that the next command's sequence number is 0.
    #[cfg(feature = "server")]
    pub(crate) fn end_exchange(&mut self) {
        self.sequence = 0;
        if let Some(compression) = &mut self.compression {
            compression.end_exchange();
        }
    }

    /// Queues complete packets that were encoded elsewhere, and numbers them.
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

    /// Queues bytes of another connection's packets as they are. If nothing else is queued, the two vectors are exchanged, so that
    /// nothing is copied.
    pub(crate) fn relay(&mut self, bytes: &mut Vec<u8>) {
        // Drop the encrypted bytes before they are the larger part, because a busy relay always has some that are not encrypted.
        if self.sealed > self.unsealed.len() / 2 {
            self.unsealed.drain(..self.sealed);
            self.sealed = 0;
        }
        if self.unsealed.is_empty() {
            core::mem::swap(&mut self.unsealed, bytes);
        } else {
            self.unsealed.append(bytes);
        }
    }

    /// The bytes of packets that have not been transmitted.
    pub(crate) const fn unsent(&self) -> usize {
        let waiting = match &self.compression {
            None => 0,
            Some(compression) => compression.waiting(),
        };
        self.unsealed.len() - self.sealed + waiting
    }

    /// Starts TLS. Queued bytes are sent first, in plaintext. Bytes that the peer sent after its last packet go to the TLS layer.
    pub(crate) fn start_tls(&mut self, layer: TlsLayer, wall: Duration, received: &mut Received) -> Result<(), Error> {
        self.ready.append(&mut self.unsealed);
        received.forget_taken();
        let mut behind = core::mem::take(&mut received.bytes);
        self.tls = Some(Tls { layer, sent: RecordScanner::default(), seen: RecordScanner::default() });
        self.feed_tls(&mut behind, wall, received)
    }

    /// Whether TLS has started.
    pub(crate) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether packets can be sent, as far as TLS is concerned: a server of TLS 1.3 may speak before the end of the handshake.
    #[cfg(feature = "server")]
    pub(crate) fn can_speak(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.layer.can_send())
    }

    /// Whether the TLS handshake is in progress.
    pub(crate) fn is_securing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.layer.is_handshaking())
    }

    /// The parameters that TLS negotiated, once the handshake is complete.
    pub(crate) fn tls_facts(&self) -> Option<TlsFacts> {
        self.tls.as_ref().and_then(|tls| tls.layer.facts())
    }

    /// Whether the peer sent close_notify.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.layer.peer_has_closed())
    }

    /// Queues close_notify if TLS is in use.
    pub(crate) fn close(&mut self) {
        if let Some(compression) = &mut self.compression {
            while compression.pack(&mut self.unsealed) {}
        }
        if let Some(tls) = &mut self.tls {
            // Encrypt the queued packets first, because they must precede close_notify. If that fails, nothing can follow anyway.
            if tls.layer.can_send() {
                let unsealed = core::mem::take(&mut self.unsealed);
                let rest = unsealed.get(core::mem::take(&mut self.sealed)..).unwrap_or_default();
                let _ = tls.layer.seal(rest, &mut self.ready);
            }
            tls.layer.close();
        }
    }

    /// Appends bytes to send to `out`; if there are many, only a part of them. Returns `false` if there are none.
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
            None if self.is_direct => self.unsealed.clear(),
            None if out.is_empty() => core::mem::swap(&mut self.unsealed, out),
            None => out.append(&mut self.unsealed),
            Some(tls) => {
                tls.layer.take_output(out);
                if !self.unsealed.is_empty() && tls.layer.can_send() {
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
                        tracer.report(|| trace::Event::Record { direction: Direction::Sent, length, name, encrypted });
                    });
                }
            }
        }
        self.bytes_out += (out.len() - before) as u64;
        Ok(out.len() > before)
    }

    /// Reports a packet to the observer.
    pub(crate) fn trace_packet(
        &self,
        direction: Direction,
        sequence: u8,
        length: usize,
        name: &'static str,
        summary: impl FnOnce() -> String,
    ) {
        let encrypted = self.tls.is_some();
        self.tracer.report(|| trace::Event::Packet {
            direction,
            sequence,
            length,
            name,
            summary: summary(),
            encrypted,
        });
    }

    const fn too_big(&self) -> Error {
        Error::PeerMisbehaved(PeerMisbehaved::PacketTooBig(self.limit))
    }
}

/// Appends one packet whose first frame has number `sequence`. Returns the payload's length.
fn put_packet(out: &mut Vec<u8>, sequence: &mut u8, build: impl FnOnce(&mut Vec<u8>)) -> usize {
    let start = out.len();
    out.put(&[0; HEADER]);
    build(out);
    frame::close(out, start, sequence)
}

const fn out_of_order() -> Error {
    Error::PeerMisbehaved(PeerMisbehaved::OutOfOrder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Side;

    #[test]
    fn a_busy_relay_keeps_no_bytes_that_it_has_encrypted() {
        let mut channel = Channel::new(Tracer::new(None, Side::Client, "Session"));
        for _ in 0..1000 {
            channel.relay(&mut alloc::vec![7; 100]);
            // TLS has encrypted all but a few.
            channel.sealed = channel.unsealed.len() - 30;
        }
        assert_eq!(channel.unsent(), 30);
        assert!(channel.unsealed.len() < 300, "{} bytes are held", channel.unsealed.len());
    }
}
