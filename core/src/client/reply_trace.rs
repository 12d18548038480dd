//! Reports the server's replies to the observer.

use alloc::format;
use alloc::string::String;

use crate::channel::Channel;
use crate::message::ErrPacket;
use crate::received::Packet;
use crate::trace::Direction;

/// Reports a reply to the observer, named by its first byte. Rows and column definitions are not reported one by one.
pub(super) fn trace_reply(channel: &Channel, packet: &Packet, payload: &[u8], authenticating: bool) {
    let name = match payload.first() {
        Some(0x01) if authenticating => "AuthMoreData",
        Some(0xfe) if authenticating => "AuthSwitchRequest",
        Some(0x00) => "OK_Packet",
        Some(0xfb) => "LOCAL INFILE Request",
        Some(0xfe) => "EOF_Packet",
        Some(0xff) => "ERR_Packet",
        _ => "ColumnCount",
    };
    channel.trace_packet(Direction::Received, packet.sequence, payload.len(), name, || match payload.first() {
        Some(0xff) => match ErrPacket::decode(payload) {
            Ok(error) => format!("{}", error.to_sql_error()),
            Err(_) => String::new(),
        },
        _ => String::new(),
    });
}
