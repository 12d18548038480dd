//! A replica that sends any bytes: the protocol by hand, in plaintext.

use std::io::Write as _;
use std::net::TcpStream;

use sealwire_tests::middle::{connect, error_code, framed, packet};

use super::world::World;

/// The commands of a replica.
pub(crate) const REGISTER: u8 = 0x15;
pub(crate) const DUMP: u8 = 0x12;
pub(crate) const DUMP_GTID: u8 = 0x1e;

/// The dump ends at the end of the log.
pub(crate) const NON_BLOCK: u16 = 1;

/// A connection of an account without a password.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) fn connect(world: &World, user: &str) -> Self {
        let mut stream = connect(world.ours().port);
        packet(&mut stream).unwrap();
        // PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS and PLUGIN_AUTH.
        let mut login = 0x0009_a201_u32.to_le_bytes().to_vec();
        login.extend([0, 0, 0, 1, 45]);
        login.extend([0; 23]);
        login.extend(user.as_bytes());
        login.extend(b"\0\0mysql_native_password\0");
        stream.write_all(&framed(&login, 1)).unwrap();
        let answer = packet(&mut stream).unwrap();
        assert_eq!(answer[4], 0, "{}", String::from_utf8_lossy(&answer));
        Self { stream }
    }

    /// Sends a command, in several packets where it is long.
    pub(crate) fn send(&mut self, payload: &[u8]) {
        const MOST: usize = 0xff_ffff;
        for (number, part) in payload.chunks(MOST).enumerate() {
            self.stream.write_all(&framed(part, number as u8)).unwrap();
        }
        if payload.len().is_multiple_of(MOST) {
            self.stream.write_all(&framed(&[], (payload.len() / MOST) as u8)).unwrap();
        }
    }

    /// The payload of the next packet; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        packet(&mut self.stream).map(|packet| packet[4..].to_vec())
    }

    /// Runs a statement that answers OK, or fails with this code.
    pub(crate) fn run(&mut self, sql: &[u8]) -> Option<u16> {
        self.send(&[&[3], sql].concat());
        let answer = packet(&mut self.stream).unwrap();
        assert!(matches!(answer[4], 0 | 0xff), "no rows are expected");
        error_code(&answer)
    }

    /// Sends a dump, and reads until it ends.
    pub(crate) fn dump(mut self, payload: &[u8]) -> Ended {
        self.send(payload);
        let mut ended = Ended { events: Vec::new(), error: None };
        while let Some(packet) = self.next() {
            match packet.first() {
                Some(0xff) => {
                    let code = u16::from_le_bytes([packet[1], packet[2]]);
                    ended.error = Some((code, String::from_utf8_lossy(&packet[9..]).into_owned()));
                }
                Some(0xfe) if packet.len() < 9 => break,
                _ => ended.events.push(packet),
            }
        }
        ended
    }

    /// Reads all that comes until the connection ends; returns the last packet.
    pub(crate) fn last(mut self) -> Vec<u8> {
        let mut last = Vec::new();
        while let Some(packet) = self.next() {
            last = packet;
        }
        last
    }

    /// Reads the first packet of a dump, which has begun then.
    pub(crate) fn begun(&mut self) {
        let first = self.next().unwrap();
        assert_eq!(first[0], 0, "{}", String::from_utf8_lossy(&first));
    }
}

/// The end of a dump.
pub(crate) struct Ended {
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) error: Option<(u16, String)>,
}

/// COM_REGISTER_SLAVE.
pub(crate) fn register(server_id: u32) -> Vec<u8> {
    let mut out = vec![REGISTER];
    out.extend(server_id.to_le_bytes());
    out.extend(b"\x04host\x04user\x04pass");
    out.extend(3306_u16.to_le_bytes());
    out.extend([0; 8]);
    out
}

/// COM_BINLOG_DUMP.
pub(crate) fn dump(file: &[u8], position: u32, flags: u16, server_id: u32) -> Vec<u8> {
    let mut out = vec![DUMP];
    out.extend(position.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(server_id.to_le_bytes());
    out.extend(file);
    out
}

/// COM_BINLOG_DUMP_GTID.
pub(crate) fn dump_gtid(file: &[u8], position: u64, flags: u16, set: &[u8]) -> Vec<u8> {
    let mut out = vec![DUMP_GTID];
    out.extend(flags.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend((file.len() as u32).to_le_bytes());
    out.extend(file);
    out.extend(position.to_le_bytes());
    out.extend((set.len() as u32).to_le_bytes());
    out.extend(set);
    out
}
