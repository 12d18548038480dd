//! The compression layer of a channel, between packets and TLS.
//!
//! A compressed frame holds a piece of the packets in one direction: several packets, or a part of one. We put whole packets into a frame,
//! because mysql-connector-python can't read a packet that is split more than once. Frames have their own sequence numbers, which restart
//! at 0 with each command, like those of packets; MySQL checks only the numbers of frames.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::received::{give_back, reserve};
use crate::wire::compressed::{self, Algorithm, Inflation, Scan};
use crate::wire::frame::{HEADER, MAX_FRAME_PAYLOAD};

/// The bytes of several packets to put into one frame: enough to compress well, with little work at a time.
const PIECE: usize = 64 * 1024;
/// The number of bytes by which a frame may be larger than the largest packet, because it may hold parts of other packets, too.
const BESIDE_A_PACKET: usize = 64 * 1024;

/// The result of decompressing the peer's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unpacked {
    /// No frame has arrived completely.
    Nothing,
    /// The packets of a frame were appended.
    Frame,
    /// As `Frame`, but the frame does not have the expected number.
    Misnumbered,
    /// A part of a frame was appended; call again for the rest.
    Part,
    /// The frame would be larger than any packet may be.
    TooBig,
    /// The frame does not fit into the buffer, which would have to hold this many bytes.
    NeedsRoom(usize),
    /// The system has no memory for the frame.
    NoMemory,
}

/// Limits for decompressing the peer's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The largest packet, in bytes.
    pub(crate) packet: usize,
    /// The most bytes to buffer.
    pub(crate) buffer: usize,
    /// The most bytes to decompress at once.
    pub(crate) step: usize,
}

/// Proves that the build has a compression algorithm. Without one, no value of this type exists, nor of [`Compression`], and the compiler
/// omits the code of this file, because a page's client does not need it.
#[derive(Debug)]
#[cfg(any(feature = "zlib", feature = "zstd"))]
struct AlgorithmProof(());
#[derive(Debug)]
#[cfg(not(any(feature = "zlib", feature = "zstd")))]
enum AlgorithmProof {}

impl AlgorithmProof {
    #[cfg(any(feature = "zlib", feature = "zstd"))]
    const PROOF: Option<Self> = Some(Self(()));
    #[cfg(not(any(feature = "zlib", feature = "zstd")))]
    const PROOF: Option<Self> = None;
}

/// The compression of one connection in both directions.
#[derive(Debug)]
pub(crate) struct Compression {
    _built: AlgorithmProof,
    algorithm: Algorithm,
    /// Frames from the peer; the first `taken` bytes have been processed.
    packed: Vec<u8>,
    taken: usize,
    /// The frame that is being decompressed.
    inflation: Option<Inflation>,
    /// The number that the next frame of the exchange must have, whichever side sends it.
    expected: u8,
    /// Whether the peer sent the most recent frame.
    peer_sent_last: bool,
    /// Packets to compress. The first `done` bytes have been processed, and the next `inside` bytes belong to a packet that was split.
    plain: Vec<u8>,
    done: usize,
    inside: usize,
    /// The groups of packets in `plain`, in order.
    groups: VecDeque<PacketGroup>,
}

/// Packets that this side sends without waiting for the peer in between.
#[derive(Debug)]
struct PacketGroup {
    /// The index in `plain` at which the group ends.
    end: usize,
    /// The number of the group's next frame.
    next: u8,
    /// Whether the group is complete, so that its frame numbers do not continue in the next group.
    is_complete: bool,
}

/// The bytes that go into one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    length: usize,
    /// The bytes of the last packet's frame that are left for the next piece.
    inside: usize,
}

impl Piece {
    /// The first piece of `packets`, which begin with `inside` bytes of a packet that was split.
    fn at(packets: &[u8], inside: usize) -> Self {
        let mut end = inside;
        while let Some(&[a, b, c, _]) = packets.get(end..).and_then(|rest| rest.first_chunk::<HEADER>()) {
            let next = end + HEADER + u32::from_le_bytes([a, b, c, 0]) as usize;
            if end > 0 && next > PIECE {
                break;
            }
            end = next;
        }
        let length = end.min(MAX_FRAME_PAYLOAD).min(packets.len());
        Self { length, inside: end - length }
    }
}

impl Compression {
    /// Starts compression; `packed` has the bytes that the peer has already sent. `None` if the build has no algorithm.
    pub(crate) fn new(algorithm: Algorithm, packed: Vec<u8>) -> Option<Self> {
        Some(Self {
            _built: AlgorithmProof::PROOF?,
            algorithm,
            packed,
            taken: 0,
            inflation: None,
            expected: 0,
            peer_sent_last: false,
            plain: Vec::new(),
            done: 0,
            inside: 0,
            groups: VecDeque::new(),
        })
    }

    /// The buffer to which the peer's bytes are to be appended.
    pub(crate) fn input(&mut self) -> &mut Vec<u8> {
        if self.taken >= self.packed.len() {
            self.packed.clear();
        } else {
            self.packed.drain(..self.taken);
        }
        self.taken = 0;
        &mut self.packed
    }

    /// Whether there are bytes of the peer to decompress.
    pub(crate) const fn has_input(&self) -> bool {
        self.taken < self.packed.len()
    }

    /// Whether a frame has been decompressed in part only, so that its bytes can't be used yet.
    pub(crate) const fn is_inflating(&self) -> bool {
        self.inflation.is_some()
    }

    /// The buffered bytes of compressed frames from the peer.
    pub(crate) const fn held(&self) -> usize {
        self.packed.len()
    }

    /// Decompresses the peer's next frame, or the next part of it.
    pub(crate) fn unpack(&mut self, bounds: Bounds, packets: &mut Vec<u8>) -> crate::wire::Result<Unpacked> {
        let rest = self.packed.get(self.taken..).unwrap_or_default();
        let limit = bounds.packet.saturating_add(BESIDE_A_PACKET);
        let (sequence, unpacked) = match compressed::scan(self.algorithm, rest, limit)? {
            Scan::Incomplete => return Ok(Unpacked::Nothing),
            Scan::OverLimit { sequence } => (sequence, Unpacked::TooBig),
            Scan::Frame(frame) => {
                if self.inflation.is_none() {
                    let more = frame.plain_length();
                    let needed = packets.len().saturating_add(more).saturating_add(self.packed.len());
                    if needed > bounds.buffer {
                        return Ok(Unpacked::NeedsRoom(needed));
                    }
                    if !reserve(packets, more, bounds.buffer) {
                        return Ok(Unpacked::NoMemory);
                    }
                }
                let inflation = self.inflation.get_or_insert_with(|| Inflation::new(packets));
                if !inflation.step(self.algorithm, &frame, bounds.step, packets)? {
                    return Ok(Unpacked::Part);
                }
                self.inflation = None;
                self.taken += frame.wire_length();
                let unpacked = if frame.sequence == self.expected { Unpacked::Frame } else { Unpacked::Misnumbered };
                (frame.sequence, unpacked)
            }
        };
        self.expected = sequence.wrapping_add(1);
        self.peer_sent_last = true;
        Ok(unpacked)
    }

    /// Calls `append` to queue packets that answer the peer's last frame.
    pub(crate) fn queue<T>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        if core::mem::take(&mut self.peer_sent_last) || self.groups.back().is_none_or(|group| group.is_complete) {
            self.groups.push_back(PacketGroup { end: self.plain.len(), next: self.expected, is_complete: false });
        }
        let appended = append(&mut self.plain);
        if let Some(group) = self.groups.back_mut() {
            group.end = self.plain.len();
        }
        appended
    }

    /// Calls `append` to queue one command, and returns the number of the frame with which its reply must start. Earlier commands may still
    /// be unanswered.
    #[cfg(feature = "client")]
    pub(crate) fn queue_command<T>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> T) -> (T, u8) {
        let start = self.plain.len();
        let appended = append(&mut self.plain);
        self.groups.push_back(PacketGroup { end: self.plain.len(), next: 0, is_complete: true });
        let mut command = self.plain.get(start..).unwrap_or_default();
        let (mut inside, mut frames) = (0, 0u8);
        while !command.is_empty() {
            let piece = Piece::at(command, inside);
            command = command.get(piece.length..).unwrap_or_default();
            inside = piece.inside;
            // Wraps around as the protocol's counter does.
            frames = frames.wrapping_add(1);
        }
        (appended, frames)
    }

    /// Sets the number that the peer's next frame must have.
    #[cfg(feature = "client")]
    pub(crate) const fn expect(&mut self, expected: u8) {
        self.expected = expected;
    }

    /// Begins a frame of the peer's that is no part of the exchange; [`go_on`](Self::go_on) takes the result.
    #[cfg(feature = "server")]
    pub(crate) const fn set_aside(&mut self) -> (u8, bool) {
        (core::mem::replace(&mut self.expected, 0), self.peer_sent_last)
    }

    /// Goes on with the exchange.
    #[cfg(feature = "server")]
    pub(crate) const fn go_on(&mut self, (expected, peer_sent_last): (u8, bool)) {
        (self.expected, self.peer_sent_last) = (expected, peer_sent_last);
    }

    /// Ends the exchange, so that the next one starts with number 0.
    #[cfg(feature = "server")]
    pub(crate) fn end_exchange(&mut self) {
        if let Some(group) = self.groups.back_mut() {
            group.is_complete = true;
        }
        self.expected = 0;
    }

    /// Compresses about as many of the queued bytes as one frame holds, and appends the frames. Returns `false` if no bytes are queued.
    pub(crate) fn pack(&mut self, out: &mut Vec<u8>) -> bool {
        let begun = self.done;
        while let Some(group) = self.groups.front_mut() {
            let rest = self.plain.get(self.done..group.end).unwrap_or_default();
            if !rest.is_empty() {
                let piece = Piece::at(rest, self.inside);
                compressed::encode(self.algorithm, rest.get(..piece.length).unwrap_or(rest), group.next, out);
                group.next = group.next.wrapping_add(1);
                self.done += piece.length;
                self.inside = piece.inside;
                if !group.is_complete {
                    self.expected = group.next;
                }
                if self.done - begun >= PIECE {
                    break;
                }
            } else if group.is_complete || self.groups.len() > 1 {
                self.groups.pop_front();
            } else {
                break;
            }
        }
        let packed = self.done > begun;
        if self.done >= self.plain.len() {
            self.plain.clear();
            self.done = 0;
            for group in &mut self.groups {
                group.end = 0;
            }
        }
        packed
    }

    /// The bytes of packets that are not compressed yet.
    pub(crate) const fn waiting(&self) -> usize {
        self.plain.len() - self.done
    }

    /// Releases the memory of empty buffers.
    pub(crate) fn release_empty_buffers(&mut self) {
        if !self.has_input() {
            self.packed = Vec::new();
            self.taken = 0;
        } else if self.taken > 0 && self.inflation.is_none() {
            give_back(self.input());
        }
        if self.waiting() == 0 {
            self.plain = Vec::new();
        }
    }
}

#[cfg(test)]
#[cfg(feature = "zlib")]
mod tests {
    use super::*;
    use crate::wire::Put;
    use crate::wire::compressed::Decoded;

    /// Limits for packets of at most this many bytes, decompressed at once.
    const fn upto(packet: usize) -> Bounds {
        Bounds { packet, buffer: usize::MAX, step: usize::MAX }
    }

    fn compression() -> Compression {
        Compression::new(Algorithm::Zlib, Vec::new()).unwrap()
    }

    /// The numbers and decompressed bytes of the frames.
    fn frames(mut wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        while !wire.is_empty() {
            let mut plain = Vec::new();
            let decoded = compressed::decode(Algorithm::Zlib, wire, usize::MAX, &mut plain).unwrap();
            let Decoded::Frame { sequence, wire_length } = decoded else { panic!("{decoded:?}") };
            found.push((sequence, plain));
            wire = &wire[wire_length..];
        }
        found
    }

    fn pack_all(compression: &mut Compression) -> Vec<u8> {
        let mut wire = Vec::new();
        while compression.pack(&mut wire) {}
        assert_eq!(compression.waiting(), 0);
        wire
    }

    /// A packet of this many bytes, header included.
    fn packet(fill: u8, length: usize) -> Vec<u8> {
        let (mut bytes, mut sequence) = (Vec::new(), 0);
        crate::wire::frame::encode(&alloc::vec![fill; length - HEADER], &mut sequence, &mut bytes);
        bytes
    }

    #[test]
    fn packets_of_one_turn_share_frames_and_are_not_cut() {
        let mut server = compression();
        server.expect(1);
        for length in [30_000, 30_000, 30_000, 200_000, 10, 20] {
            server.queue(|out| out.put(&packet(b'x', length)));
        }
        server.end_exchange();
        let found = frames(&pack_all(&mut server));
        let lengths: Vec<_> = found.iter().map(|(sequence, plain)| (*sequence, plain.len())).collect();
        assert_eq!(lengths, [(1, 60_000), (2, 30_000), (3, 200_000), (4, 30)]);
    }

    #[test]
    fn packets_of_16_mib_are_cut_once() {
        let mut server = compression();
        let payload = alloc::vec![b'x'; 2 * MAX_FRAME_PAYLOAD + 9];
        server.queue(|out| crate::wire::frame::encode(&payload, &mut 1, out));
        server.queue(|out| out.put(&packet(b'y', 100)));
        server.end_exchange();
        let found = frames(&pack_all(&mut server));
        let lengths: Vec<_> = found.iter().map(|(_, plain)| plain.len()).collect();
        // Four bytes of the first packet do not fit into its frame; the next frame begins with them.
        assert_eq!(lengths, [MAX_FRAME_PAYLOAD, 4, MAX_FRAME_PAYLOAD, 4 + HEADER + 9 + 100]);
    }

    #[test]
    fn replies_that_wait_together_have_numbers_of_their_own() {
        let mut server = compression();
        let mut wire = Vec::new();
        for reply in 0..3u8 {
            compressed::encode(Algorithm::Zlib, &[reply], 0, server.input());
            assert_eq!(server.unpack(upto(100), &mut Vec::new()), Ok(Unpacked::Frame));
            server.queue(|out| out.put(&packet(reply, 9)));
            if reply == 1 {
                // A part of the reply is sent before the rest is queued.
                server.pack(&mut wire);
            }
            server.queue(|out| out.put(&packet(reply, 9)));
            server.end_exchange();
        }
        wire.extend(pack_all(&mut server));
        let numbers: Vec<_> = frames(&wire).iter().map(|(number, plain)| (*number, plain[4], plain.len())).collect();
        assert_eq!(numbers, [(1, 0, 18), (1, 1, 9), (2, 1, 9), (1, 2, 18)]);
    }

    #[test]
    fn commands_tell_where_their_answers_begin() {
        let mut client = compression();
        for (length, expected) in [(5, 1), (PIECE, 1), (PIECE + 1, 1), (3 * MAX_FRAME_PAYLOAD, 6)] {
            let payload = alloc::vec![b'x'; length];
            let ((), answer) = client.queue_command(|out| crate::wire::frame::encode(&payload, &mut 0, out));
            assert_eq!(answer, expected, "{length} bytes");
        }
        let numbers: Vec<u8> = frames(&pack_all(&mut client)).iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(numbers, [0, 0, 0, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn turns_go_on_where_the_other_side_stopped() {
        let (mut client, mut server) = (compression(), compression());
        // A command, the request for a file, the file in two parts followed by another command, the answer.
        let ((), expected) = client.queue_command(|out| out.put(&packet(b'c', 9)));
        client.expect(expected);
        let exchange = |from: &mut Compression, to: &mut Compression| {
            to.input().extend(pack_all(from));
            let mut unpacked = Vec::new();
            while to.has_input() {
                assert_eq!(to.unpack(upto(1 << 20), &mut unpacked), Ok(Unpacked::Frame));
            }
            unpacked
        };
        assert_eq!(exchange(&mut client, &mut server), packet(b'c', 9));
        server.queue(|out| out.put(&packet(b'f', 20)));
        assert_eq!(exchange(&mut server, &mut client), packet(b'f', 20));
        for part in [b'1', b'2'] {
            client.queue(|out| out.put(&packet(part, 100)));
            assert_eq!(exchange(&mut client, &mut server), packet(part, 100));
        }
        server.queue(|out| out.put(&packet(b'o', 7)));
        server.end_exchange();
        assert_eq!(exchange(&mut server, &mut client), packet(b'o', 7));
    }

    #[test]
    fn a_frame_waits_for_room_and_comes_in_parts() {
        let mut server = compression();
        compressed::encode(Algorithm::Zlib, &[7; 200_000], 0, server.input());
        let held = server.held();
        let (mut packets, mut bounds) = (Vec::new(), Bounds { packet: 1 << 20, buffer: 200_000, step: 64 * 1024 });
        assert_eq!(server.unpack(bounds, &mut packets), Ok(Unpacked::NeedsRoom(200_000 + held)));
        assert_eq!((packets.capacity(), server.is_inflating()), (0, false));
        bounds.buffer += held;
        for _ in 0..3 {
            assert_eq!(server.unpack(bounds, &mut packets), Ok(Unpacked::Part));
            assert!(server.is_inflating());
        }
        assert_eq!(server.unpack(bounds, &mut packets), Ok(Unpacked::Frame));
        assert!(packets == [7; 200_000] && !server.is_inflating() && !server.has_input());
        bounds.buffer = usize::MAX;
        assert_eq!(server.unpack(bounds, &mut packets), Ok(Unpacked::Nothing));
    }

    #[test]
    fn what_is_over_the_limit_is_not_inflated() {
        let mut server = compression();
        compressed::encode(Algorithm::Zlib, &[0; 200_000], 0, server.input());
        let mut packets = Vec::new();
        assert_eq!(server.unpack(upto(200_000), &mut packets), Ok(Unpacked::Frame));
        server.end_exchange();
        compressed::encode(Algorithm::Zlib, &[0; 200_000], 0, server.input());
        let before = packets.len();
        assert_eq!(server.unpack(upto(100_000), &mut packets), Ok(Unpacked::TooBig));
        assert_eq!((packets.len(), server.expected), (before, 1));
        // A frame with a wrong number is decompressed, because it may hold the reason why the connection ends.
        let mut client = compression();
        compressed::encode(Algorithm::Zlib, b"because", 9, client.input());
        assert_eq!(client.unpack(upto(100), &mut packets), Ok(Unpacked::Misnumbered));
        assert!(packets.ends_with(b"because"));
        assert!(!client.packed.is_empty() && !client.has_input());
        client.release_empty_buffers();
        assert_eq!(client.packed.capacity(), 0);
    }
}
