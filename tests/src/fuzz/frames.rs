//! Fuzzes packet framing and compressed frames: how the bytes are cut must not change the packets, and a decompression bomb must be
//! refused.

use sealwire_core::wire::compressed::{self, Algorithm, Decoded};
use sealwire_core::wire::frame::{self, Found, HEADER, MAX_FRAME_PAYLOAD, Scan};
use sealwire_core::wire::{Error, Put as _};

/// The most bytes that a receiver accepts from a compressed frame.
const LIMIT: usize = 4096;
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Zlib, Algorithm::Zstd { level: 3 }];
/// Inputs up to this length are cut at every offset, longer ones at every seventh.
const SHORT: usize = 300;

/// The first byte decides what the others are.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 5 {
        0 => frames(data),
        1 => payload(data),
        2 => compressed_frames(data),
        3 => deflated(data),
        _ => packed(data),
    }
}

fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(if length <= SHORT { 1 } else { 7 })
}

/// Frames as a peer might send them.
fn frames(data: &[u8]) {
    let whole = frame::scan(data);
    for cut in cuts(data.len()) {
        match frame::scan(&data[..cut]) {
            Scan::Incomplete { announced, .. } => assert!(announced_at_most(whole, announced), "cut at {cut}"),
            decided => assert_eq!(decided, whole, "cut at {cut}"),
        }
    }
    if let Scan::Complete(found) = whole {
        let mut buffer = data.to_vec();
        assert!(found.wire_length <= data.len() && found.payload_length + found.frames * HEADER == found.wire_length);
        frame::join(&mut buffer, &found).expect("a packet that is whole");
    }
    // A description of bytes that the buffer does not hold is refused.
    let wrong = Found { first_sequence: 0, frames: 3, wire_length: 1 << 26, payload_length: 1 << 25 };
    assert!(frame::join(&mut data.to_vec(), &wrong).is_err());
}

/// Checks that a longer input never announces a smaller packet.
fn announced_at_most(whole: Scan, part: usize) -> bool {
    match whole {
        Scan::Incomplete { announced, .. } => part <= announced,
        Scan::Complete(found) => part <= found.payload_length,
        Scan::OutOfOrder => true,
    }
}

/// Frames a payload of our own. Only an input of 0xff and two bytes makes it several frames long, because that is slow.
fn payload(data: &[u8]) {
    let (&first, rest) = data.split_first().unwrap_or((&0, &[]));
    let mut payload = rest.to_vec();
    if first == 0xff && rest.len() == 2 {
        payload.resize(MAX_FRAME_PAYLOAD + rest.len(), 0x5a);
    }
    let (mut bytes, mut sequence) = (Vec::new(), first);
    frame::encode(&payload, &mut sequence, &mut bytes);
    let Scan::Complete(found) = frame::scan(&bytes) else { panic!("what was encoded is not whole") };
    assert_eq!((found.wire_length, found.payload_length, found.first_sequence), (bytes.len(), payload.len(), first));
    assert_eq!(sequence, first.wrapping_add(found.frames as u8));
    frame::join(&mut bytes, &found).expect("a packet that is whole");
    assert!(bytes[HEADER..HEADER + payload.len()] == payload[..], "the payload came back changed");
}

fn decode(algorithm: Algorithm, bytes: &[u8]) -> (Result<Decoded, Error>, Vec<u8>) {
    let mut plain = b"kept".to_vec();
    let decoded = compressed::decode(algorithm, bytes, LIMIT, &mut plain);
    assert!(plain.starts_with(b"kept") && plain.len() <= LIMIT + 4, "{} bytes over the limit", plain.len());
    assert!(matches!(decoded, Ok(Decoded::Frame { .. })) || plain == b"kept", "half a frame was left behind");
    (decoded, plain)
}

/// Compressed frames as a peer might send them.
fn compressed_frames(data: &[u8]) {
    for algorithm in ALGORITHMS {
        let (whole, plain) = decode(algorithm, data);
        for cut in cuts(data.len()) {
            match decode(algorithm, &data[..cut]) {
                (Ok(Decoded::Incomplete), _) => {}
                decided => assert_eq!(decided, (whole, plain.clone()), "cut at {cut}"),
            }
        }
        if let Ok(Decoded::Frame { wire_length, .. }) = whole {
            assert!((compressed::HEADER..=data.len()).contains(&wire_length));
        }
    }
}

/// Puts a fitting header before the body, so that the input reaches the inflater.
fn deflated(data: &[u8]) {
    let Some((&[low, high], body)) = data.split_first_chunk::<2>() else { return };
    let mut bytes = Vec::new();
    bytes.put_u24(body.len() as u32);
    bytes.put_u8(0);
    bytes.put_u24(u32::from(u16::from_le_bytes([low, high])));
    bytes.put(body);
    compressed_frames(&bytes);
}

/// Compresses and decompresses frames of our own; they must come back unchanged.
fn packed(data: &[u8]) {
    let (&first, frames) = data.split_first().unwrap_or((&0, &[]));
    // Repeated, so that compressing is worthwhile.
    let frames = if first % 2 == 0 { frames.to_vec() } else { frames.repeat(8) };
    for algorithm in ALGORITHMS {
        let (mut bytes, mut plain) = (Vec::new(), Vec::new());
        for (number, piece) in frames.chunks(MAX_FRAME_PAYLOAD).enumerate() {
            compressed::encode(algorithm, piece, first.wrapping_add(number as u8), &mut bytes);
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match compressed::decode(algorithm, rest, MAX_FRAME_PAYLOAD, &mut plain) {
                Ok(Decoded::Frame { wire_length, .. }) => rest = &rest[wire_length..],
                other => panic!("what was encoded is {other:?}"),
            }
        }
        assert!(plain == frames, "{} bytes came back as {}", frames.len(), plain.len());
    }
}
