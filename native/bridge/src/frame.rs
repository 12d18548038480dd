//! The frames between the bridge and its clients, and the limits of their size.

use tungstenite::protocol::WebSocketConfig;

/// How many bytes are read from a target at a time; they become one frame.
pub(super) const FRAME: usize = 64 * 1024;
/// The size of our longest frame header: two bytes, and a length of zero, two or eight bytes.
pub(super) const HEADER: usize = 10;

/// The limits of a client's frames: a message, in one frame or in fragments, has at most `message` bytes.
pub(super) fn limit_frames(message: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(FRAME)
        // Tungstenite's own frames, pings, pongs and close frames, are small and sent at once.
        .write_buffer_size(0)
        .max_write_buffer_size(FRAME)
        .max_message_size(Some(message))
        .max_frame_size(Some(message))
}

/// The header of a server's whole binary message, and the header's size. It is built here so that the payload, which was read behind the
/// space for the header, is never copied.
pub(super) fn frame_header(length: usize) -> ([u8; HEADER], usize) {
    const BINARY: u8 = 0x82;
    let mut header = [0; HEADER];
    let long = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
    let (code, digits) = match length {
        0..=125 => (long.last().copied().unwrap_or_default(), 0),
        126..=0xffff => (126, 2),
        _ => (127, 8),
    };
    let digits = long.get(long.len().saturating_sub(digits)..).unwrap_or_default();
    let bytes = [BINARY, code].into_iter().chain(digits.iter().copied());
    for (place, byte) in header.iter_mut().zip(bytes) {
        *place = byte;
    }
    (header, digits.len().saturating_add(2))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tungstenite::protocol::Role;
    use tungstenite::{Message, WebSocket};

    use super::*;

    #[test]
    fn headers_are_read_as_they_were_meant() {
        for length in [1, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000] {
            let (header, size) = frame_header(length);
            let mut frame = header[..size].to_vec();
            frame.extend(vec![7; length]);
            let mut socket = WebSocket::from_raw_socket(Cursor::new(frame), Role::Client, None);
            match socket.read().unwrap() {
                Message::Binary(bytes) => assert_eq!(bytes.len(), length),
                other => panic!("{length} gave {other:?}"),
            }
        }
    }
}
