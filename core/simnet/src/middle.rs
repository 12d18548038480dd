//! Somebody on the way who holds both TCP connections, the client's and one of his own to the server.

use sealwire_core::Now;

use crate::pair::Toward;

/// What goes on from the man in the middle.
#[derive(Debug, Default)]
pub struct Relay {
    /// Bytes for the server.
    pub to_server: Vec<u8>,
    /// Bytes for the client.
    pub to_client: Vec<u8>,
    /// Both connections are to be reset.
    pub reset: bool,
    /// The server is to hear that the client sends no more.
    pub finish_server: bool,
    /// The client is to hear that the server sends no more.
    pub finish_client: bool,
    /// What he could read of what was meant to be secret, in the order in which he read it.
    pub overheard: Vec<u8>,
    /// What he did, in words, for the ladder.
    pub deeds: Vec<String>,
}

impl Relay {
    /// The bytes that go on toward a side.
    pub const fn toward(&mut self, toward: Toward) -> &mut Vec<u8> {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }

    /// Tells that side that the other one sends no more.
    pub const fn finish(&mut self, toward: Toward) {
        match toward {
            Toward::Server => self.finish_server = true,
            Toward::Client => self.finish_client = true,
        }
    }

    /// Notes what was done.
    pub fn did(&mut self, deed: impl Into<String>) {
        self.deeds.push(deed.into());
    }
}

/// A man in the middle. He sees both streams whole and in order, and may drop, alter and add at any byte.
pub trait Middle {
    /// Bytes on their way toward a side: what of them goes on is appended to `relay`.
    fn pass(&mut self, toward: Toward, bytes: &[u8], now: Now, relay: &mut Relay);

    /// The other side sends no more. By default that is passed on.
    fn end(&mut self, toward: Toward, relay: &mut Relay) {
        relay.finish(toward);
    }
}

/// Cuts a stream into MySQL's packets for as long as it is asked to.
#[derive(Debug, Default)]
pub(crate) struct Packets(Vec<u8>);

impl Packets {
    const HEADER: usize = 4;

    pub(crate) fn take_in(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole packet with its header.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let &[low, middle, high, _] = self.0.first_chunk::<{ Self::HEADER }>()?;
        let length = Self::HEADER + u32::from_le_bytes([low, middle, high, 0]) as usize;
        (self.0.len() >= length).then(|| self.0.drain(..length).collect())
    }

    /// All that is left, as it is.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}
