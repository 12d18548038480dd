//! Writes a connection's bytes to a capture file for Wireshark. The WebSocket has no TCP segments, so this module makes them up.

use sealwire_core::DEFAULT_PORT;

use crate::recorder::Chunk;

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [192, 0, 2, 2];
const CLIENT_PORT: u16 = 49152;
/// LINKTYPE_RAW: each packet starts with its IP header.
const RAW_IP: u32 = 101;
const LARGEST_SEGMENT: usize = 16 * 1024;
/// The length of an SSLRequest with its header, and its first bytes.
const SSL_REQUEST: usize = 36;
const SSL_REQUEST_HEADER: [u8; 4] = [32, 0, 0, 1];
const SYN: u8 = 0x02;
const PSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;

/// The capture file. `began` is the time at which the connection started, in milliseconds since 1970.
pub fn pcap(began: u64, chunks: &[Chunk]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65535, RAW_IP] {
        file.extend(word.to_le_bytes());
    }
    // The next sequence numbers of the server and of the client.
    let mut next = [1u32, 1];
    packet(&mut file, began, true, SYN, [0, 0], &[]);
    packet(&mut file, began, false, SYN | ACK, [0, 1], &[]);
    packet(&mut file, began, true, ACK, next, &[]);
    for chunk in chunks {
        for segment in segments(chunk) {
            packet(&mut file, began + chunk.at, chunk.sent, PSH_ACK, next, segment);
            let own = if chunk.sent { &mut next[1] } else { &mut next[0] };
            *own = own.wrapping_add(u32::try_from(segment.len()).unwrap_or_default());
        }
    }
    file
}

/// Splits a chunk into segments. An SSLRequest gets its own segment, although the ClientHello was sent with it, because Wireshark looks for
/// TLS only from the next packet on.
fn segments(chunk: &Chunk) -> impl Iterator<Item = &[u8]> {
    let asks_for_tls = chunk.sent && chunk.bytes.starts_with(&SSL_REQUEST_HEADER);
    let (first, rest) = chunk.bytes.split_at(if asks_for_tls { SSL_REQUEST.min(chunk.bytes.len()) } else { 0 });
    first.chunks(SSL_REQUEST).chain(rest.chunks(LARGEST_SEGMENT))
}

/// One packet with its headers. `next` are the next sequence numbers of the server and of the client.
fn packet(file: &mut Vec<u8>, millis: u64, sent: bool, flags: u8, next: [u32; 2], payload: &[u8]) {
    let [server_next, client_next] = next;
    let (from, to, ports, sequence, acknowledged) = if sent {
        (CLIENT, SERVER, [CLIENT_PORT, DEFAULT_PORT], client_next, server_next)
    } else {
        (SERVER, CLIENT, [DEFAULT_PORT, CLIENT_PORT], server_next, client_next)
    };
    let mut tcp: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledged.to_be_bytes());
    // Header length of five words, flags, largest window, checksum and urgent pointer.
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let pseudo: Vec<u8> = [&from[..], &to, &[0, 6], &length.to_be_bytes(), &tcp].concat();
    let sum = checksum(&pseudo).to_be_bytes();
    tcp.iter_mut().skip(16).zip(sum).for_each(|(byte, sum)| *byte = sum);

    let whole = length.saturating_add(20).to_be_bytes();
    let mut ip = vec![0x45, 0, whole[0], whole[1], 0, 0, 0x40, 0, 64, 6, 0, 0];
    ip.extend(from);
    ip.extend(to);
    let sum = checksum(&ip).to_be_bytes();
    ip.iter_mut().skip(10).zip(sum).for_each(|(byte, sum)| *byte = sum);

    let size = u32::try_from(ip.len() + tcp.len()).unwrap_or_default();
    let seconds = u32::try_from(millis / 1000).unwrap_or_default();
    let micros = u32::try_from(millis % 1000 * 1000).unwrap_or_default();
    for word in [seconds, micros, size, size] {
        file.extend(word.to_le_bytes());
    }
    file.extend(ip);
    file.extend(tcp);
}

/// The checksum of RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn the_client_hello_begins_a_segment() {
        let hello = [SSL_REQUEST_HEADER.as_slice(), &[0; 32], &[22, 3, 1, 0, 1, 9]].concat();
        let lengths = |sent| -> Vec<usize> {
            let chunk = Chunk { sent, at: 0, bytes: hello.clone() };
            segments(&chunk).map(<[u8]>::len).collect()
        };
        assert_eq!(lengths(true), [36, 6]);
        assert_eq!(lengths(false), [42], "the server asks for none");
    }

    #[test]
    fn segments_follow_one_another() {
        let chunk = |sent, length| Chunk { sent, at: 5, bytes: vec![7; length] };
        let file = pcap(1_700_000_000_000, &[chunk(false, 70), chunk(true, LARGEST_SEGMENT + 1), chunk(false, 3)]);
        // The file header, three packets of TCP's handshake, four segments.
        assert_eq!(file.len(), 24 + 7 * (16 + 40) + 70 + LARGEST_SEGMENT + 1 + 3);
        let last = &file[file.len() - 43..];
        assert_eq!(last[24..28], 71u32.to_be_bytes(), "behind the greeting");
        assert_eq!(last[28..32], (2 + LARGEST_SEGMENT as u32).to_be_bytes(), "all that the client sent was seen");
        assert_eq!(checksum(&last[..20]), 0);
    }
}
