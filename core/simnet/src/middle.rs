//! An attacker in the middle with two TCP connections, the client's and one to the server.

use sealwire_core::Now;

use crate::toward::Toward;

/// The output of an attacker in the middle.
#[derive(Debug, Default)]
pub struct Relay {
    /// Bytes to send to the server.
    pub to_server: Vec<u8>,
    /// Bytes to send to the client.
    pub to_client: Vec<u8>,
    /// Whether to reset both connections.
    pub reset: bool,
    /// Whether to end the stream toward the server.
    pub finish_server: bool,
    /// Whether to end the stream toward the client.
    pub finish_client: bool,
    /// The secret data that the attacker could read, in order.
    pub intercepted: Vec<u8>,
    /// The attacker's actions in words, for the trace.
    pub actions: Vec<String>,
}

impl Relay {
    /// The bytes to send toward a side.
    pub const fn toward(&mut self, toward: Toward) -> &mut Vec<u8> {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }

    /// Ends the stream toward a side.
    pub const fn finish(&mut self, toward: Toward) {
        match toward {
            Toward::Server => self.finish_server = true,
            Toward::Client => self.finish_client = true,
        }
    }

    /// Records an action.
    pub fn note(&mut self, action: impl Into<String>) {
        self.actions.push(action.into());
    }
}

/// An attacker in the middle, who receives both streams completely and in order, and may drop, modify and insert bytes.
pub trait Middle {
    /// Processes bytes on their way toward a side, and appends those to forward to `relay`.
    fn pass(&mut self, toward: Toward, bytes: &[u8], now: Now, relay: &mut Relay);

    /// Processes the end of a stream toward a side. By default it is forwarded.
    fn end(&mut self, toward: Toward, relay: &mut Relay) {
        relay.finish(toward);
    }
}

/// Splits a stream into MySQL packets.
#[derive(Debug, Default)]
pub(crate) struct Packets(Vec<u8>);

impl Packets {
    const HEADER: usize = 4;

    pub(crate) fn take_in(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next complete packet with its header.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let &[low, middle, high, _] = self.0.first_chunk::<{ Self::HEADER }>()?;
        let length = Self::HEADER + u32::from_le_bytes([low, middle, high, 0]) as usize;
        (self.0.len() >= length).then(|| self.0.drain(..length).collect())
    }

    /// The bytes that are left, unchanged.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}
