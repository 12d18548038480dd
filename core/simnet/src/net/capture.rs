//! Records the packets of a network: a hash of all packets, and a capture file for Wireshark.

use smoltcp::phy::{PcapLinkType, PcapSink};
use smoltcp::time::Instant;

/// Receives every packet.
#[derive(Debug)]
pub(super) struct Capture {
    hash: u64,
    packets: u64,
    file: Option<File>,
}

/// A pcap file in memory, of raw IP packets.
#[derive(Debug)]
struct File(Vec<u8>);

impl PcapSink for File {
    fn write(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }
}

/// The FNV-1a hash with 64 bits, by Fowler, Noll and Vo.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Capture {
    pub(super) fn new(keep: bool) -> Self {
        let file = keep.then(|| {
            let mut file = File(Vec::new());
            file.global_header(PcapLinkType::Ip);
            file
        });
        Self { hash: FNV_START, packets: 0, file }
    }

    /// Records a packet that leaves its sender. `now` and `wall`, the time since the Unix epoch, are in microseconds.
    pub(super) fn sent(&mut self, now: u64, wall: u64, packet: &[u8]) {
        self.packets += 1;
        self.mix(now, packet);
        if let Some(file) = &mut self.file {
            file.packet(Instant::from_micros(i64::try_from(wall).unwrap_or(i64::MAX)), packet);
        }
    }

    /// Records the arrival of a packet as the line delivers it.
    pub(super) fn arrived(&mut self, now: u64, packet: &[u8]) {
        self.mix(now, packet);
    }

    fn mix(&mut self, now: u64, packet: &[u8]) {
        for byte in now.to_le_bytes().iter().chain(packet) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// The capture file; empty if none was requested.
    pub(super) fn into_file(self) -> Vec<u8> {
        self.file.map(|file| file.0).unwrap_or_default()
    }
}
