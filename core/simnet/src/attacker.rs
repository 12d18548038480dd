//! The attackers of a scenario.

use sealwire_core::Now;
use sealwire_core::tls::ServerContext;

use crate::impostor::Impostor;
use crate::middle::{Middle, Packets, Relay};
use crate::toward::Toward;

/// An attacker between client and server, and its attack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)
)]
pub enum Attacker {
    /// Forwards all bytes unchanged.
    Idle,
    /// Clears the SSL capability in the server's greeting.
    StripSsl,
    /// Injects a query in plaintext after the client's SSLRequest, so that the server might run it as the user who logs in.
    InjectAfterSslRequest {
        /// The query.
        query: String,
    },
    /// Injects an OK packet in plaintext after the server's greeting, so that the client might treat it as received inside TLS.
    InjectAfterGreeting,
    /// Answers the client's TLS handshake with the attacker's own certificate, and makes a TLS connection to the server.
    SwapCertificate,
    /// Removes TLS 1.3 from the ClientHello.
    DowngradeVersion,
    /// Answers the client's login with a request for the password in plaintext.
    AskClearPassword,
    /// Resets both connections after a number of bytes toward one side.
    Cut {
        /// The side toward which the bytes are counted.
        toward: Toward,
        /// The number of bytes.
        at: u64,
    },
    /// Stops forwarding in both directions after a number of bytes toward one side, and closes nothing.
    Stall {
        /// The side toward which the bytes are counted.
        toward: Toward,
        /// The number of bytes.
        at: u64,
    },
    /// Ends the stream toward one side after a number of bytes; the other direction stays open.
    HalfClose {
        /// The side whose incoming stream ends.
        toward: Toward,
        /// The number of bytes before the end.
        at: u64,
    },
    /// Flips bits of one byte.
    Flip {
        /// The side toward which the byte is sent.
        toward: Toward,
        /// The index of the byte; the first is 0.
        at: u64,
        /// The bits to flip.
        mask: u8,
    },
    /// Removes bytes.
    Remove {
        /// The side toward which the bytes are sent.
        toward: Toward,
        /// The index of the first byte to remove.
        at: u64,
        /// The number of bytes to remove.
        count: u32,
    },
    /// Inserts bytes.
    Insert {
        /// The side toward which the bytes are sent.
        toward: Toward,
        /// The index of the byte before which to insert.
        at: u64,
        /// The bytes to insert.
        bytes: Vec<u8>,
    },
    /// Sends bytes of the stream a second time.
    Replay {
        /// The side toward which the bytes are sent.
        toward: Toward,
        /// The index of the byte before which to repeat.
        at: u64,
        /// The number of bytes before that index to repeat.
        count: u32,
    },
}

impl Attacker {
    /// Creates the attacker. `context` has the certificate that an impostor presents.
    pub(crate) fn middle(
        &self,
        context: &ServerContext,
        clients: &sealwire_core::tls::ClientContext,
    ) -> Box<dyn Middle> {
        match self {
            Self::StripSsl => Box::new(GreetingEditor::new(Edit::StripSsl)),
            Self::InjectAfterGreeting => Box::new(GreetingEditor::new(Edit::OkBehind)),
            Self::InjectAfterSslRequest { query } => Box::new(RequestEditor {
                packets: Packets::default(),
                step: Step::Waiting(Request::Inject(query.clone())),
            }),
            Self::DowngradeVersion => {
                Box::new(RequestEditor { packets: Packets::default(), step: Step::Waiting(Request::Downgrade) })
            }
            Self::AskClearPassword => Box::new(ClearPasswordAsker::default()),
            Self::SwapCertificate => Box::new(Impostor::new(context.clone(), clients.clone())),
            other => Box::new(AtByte { attacker: other.clone(), passed: [0; 2], stalled: false, kept: Vec::new() }),
        }
    }
}

/// Modifies the first packet of the server.
struct GreetingEditor {
    packets: Packets,
    edit: Option<Edit>,
}

enum Edit {
    StripSsl,
    OkBehind,
}

impl GreetingEditor {
    fn new(edit: Edit) -> Self {
        Self { packets: Packets::default(), edit: Some(edit) }
    }
}

impl Middle for GreetingEditor {
    fn pass(&mut self, toward: Toward, bytes: &[u8], _: Now, relay: &mut Relay) {
        if toward == Toward::Server || self.edit.is_none() {
            relay.toward(toward).extend_from_slice(bytes);
            return;
        }
        self.packets.take_in(bytes);
        let Some(mut greeting) = self.packets.next() else { return };
        match self.edit.take() {
            Some(Edit::StripSsl) if without_ssl(&mut greeting) => {
                relay.note("takes the SSL capability out of the greeting");
            }
            Some(Edit::OkBehind) => {
                // An OK packet as the reply to the client's response, with the sequence number that the client would expect.
                greeting.extend_from_slice(&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]);
                relay.note("puts an OK packet behind the greeting");
            }
            _ => {}
        }
        relay.to_client.append(&mut greeting);
        relay.to_client.append(&mut self.packets.rest());
    }
}

/// Clears CLIENT_SSL (0x800) in a HandshakeV10 packet. The flag is in the upper byte of the lower capability flags, which follow the
/// header, protocol version, version text, connection id, eight bytes of the scramble and a filler.
fn without_ssl(greeting: &mut [u8]) -> bool {
    let Some(end) = greeting.iter().skip(5).position(|byte| *byte == 0) else { return false };
    match greeting.get_mut(5 + end + 1 + 4 + 8 + 1 + 1) {
        Some(flags) => {
            *flags &= !0x08;
            true
        }
        None => false,
    }
}

/// Injects bytes after the client's SSLRequest, or modifies the ClientHello.
struct RequestEditor {
    packets: Packets,
    step: Step,
}

enum Step {
    Waiting(Request),
    /// The SSLRequest has been forwarded, and the bytes of the ClientHello are being collected.
    Hello(Vec<u8>),
    Done,
}

enum Request {
    Inject(String),
    Downgrade,
}

const SSL_REQUEST_PACKET: usize = 36;

impl Middle for RequestEditor {
    fn pass(&mut self, toward: Toward, bytes: &[u8], _: Now, relay: &mut Relay) {
        if toward == Toward::Client {
            relay.to_client.extend_from_slice(bytes);
            return;
        }
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Done => relay.to_server.extend_from_slice(bytes),
            Step::Hello(mut hello) => {
                hello.extend_from_slice(bytes);
                self.step = pass_hello(hello, relay);
            }
            Step::Waiting(request) => {
                self.packets.take_in(bytes);
                let Some(mut packet) = self.packets.next() else {
                    self.step = Step::Waiting(request);
                    return;
                };
                let is_request = packet.len() == SSL_REQUEST_PACKET;
                relay.to_server.append(&mut packet);
                let rest = self.packets.rest();
                match request {
                    Request::Inject(query) if is_request => {
                        // COM_QUERY with the sequence number of a command.
                        let length = (query.len() + 1) as u32;
                        let [low, middle, high, _] = length.to_le_bytes();
                        relay.to_server.extend_from_slice(&[low, middle, high, 0, 3]);
                        relay.to_server.extend_from_slice(query.as_bytes());
                        relay.note(format!("puts the query {query:?} behind the SSLRequest, in plaintext"));
                        relay.to_server.extend_from_slice(&rest);
                    }
                    Request::Downgrade if is_request => self.step = pass_hello(rest, relay),
                    _ => relay.to_server.extend_from_slice(&rest),
                }
            }
        }
    }
}

/// Waits for the complete record of the ClientHello, hides its supported_versions extension, and forwards it.
fn pass_hello(mut hello: Vec<u8>, relay: &mut Relay) -> Step {
    let Some(&[_, _, _, high, low]) = hello.first_chunk::<5>() else { return Step::Hello(hello) };
    if hello.len() < 5 + usize::from(u16::from_be_bytes([high, low])) {
        return Step::Hello(hello);
    }
    if let Some(at) = extension(&hello, 43) {
        // A reserved extension number (RFC 8701), which the server must ignore.
        if let Some(kind) = hello.get_mut(at..at + 2) {
            kind.copy_from_slice(&[0x0a, 0x0a]);
            relay.note("hides TLS 1.3 in the ClientHello");
        }
    }
    relay.to_server.append(&mut hello);
    Step::Done
}

/// The index of the extension of this kind in a ClientHello's record, RFC 8446 section 4.1.2.
fn extension(record: &[u8], kind: u16) -> Option<usize> {
    let byte = |at: usize| record.get(at).copied().map(usize::from);
    let pair = |at: usize| Some(byte(at)? << 8 | byte(at + 1)?);
    // Skip record header, handshake header, legacy version and random; then session id, suites and compression methods.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + byte(at)?;
    at += 2 + pair(at)?;
    at += 1 + byte(at)?;
    let end = at + 2 + pair(at)?;
    at += 2;
    while at < end {
        if pair(at)? == usize::from(kind) {
            return Some(at);
        }
        at += 4 + pair(at + 2)?;
    }
    None
}

/// Answers the client's login in the server's place.
#[derive(Default)]
struct ClearPasswordAsker {
    packets: Packets,
    asked: bool,
    /// The client has asked for TLS, so the attacker can't read the login and forwards all bytes.
    passes: bool,
}

impl Middle for ClearPasswordAsker {
    fn pass(&mut self, toward: Toward, bytes: &[u8], _: Now, relay: &mut Relay) {
        match toward {
            _ if self.passes => relay.toward(toward).extend_from_slice(bytes),
            Toward::Client if self.asked => {}
            Toward::Server if self.asked => relay.intercepted.extend_from_slice(bytes),
            Toward::Client => relay.to_client.extend_from_slice(bytes),
            Toward::Server => {
                self.packets.take_in(bytes);
                let Some(packet) = self.packets.next() else { return };
                if packet.len() == SSL_REQUEST_PACKET {
                    self.passes = true;
                    relay.to_server.extend_from_slice(&packet);
                    relay.to_server.append(&mut self.packets.rest());
                    return;
                }
                self.asked = true;
                let name = b"\xfemysql_clear_password\0";
                relay.to_client.extend_from_slice(&[name.len() as u8, 0, 0, 2]);
                relay.to_client.extend_from_slice(name);
                relay.note("answers the login with the demand for the password in clear");
            }
        }
    }
}

/// Performs an attack at one byte of a stream.
struct AtByte {
    attacker: Attacker,
    /// The number of bytes so far toward the server and toward the client.
    passed: [u64; 2],
    stalled: bool,
    /// The bytes so far toward the attacked side, if they may be replayed.
    kept: Vec<u8>,
}

impl AtByte {
    /// The stream and the byte at which the attack takes place.
    const fn place(&self) -> Option<(Toward, u64)> {
        match self.attacker {
            Attacker::Cut { toward, at }
            | Attacker::Stall { toward, at }
            | Attacker::HalfClose { toward, at }
            | Attacker::Flip { toward, at, .. }
            | Attacker::Remove { toward, at, .. }
            | Attacker::Insert { toward, at, .. }
            | Attacker::Replay { toward, at, .. } => Some((toward, at)),
            _ => None,
        }
    }
}

impl Middle for AtByte {
    fn pass(&mut self, toward: Toward, bytes: &[u8], _: Now, relay: &mut Relay) {
        if self.stalled {
            return;
        }
        let [server, client] = &mut self.passed;
        let passed = if toward == Toward::Server { server } else { client };
        let from = *passed;
        *passed += bytes.len() as u64;
        let Some((side, at)) = self.place() else {
            relay.toward(toward).extend_from_slice(bytes);
            return;
        };
        if side != toward {
            relay.toward(toward).extend_from_slice(bytes);
            return;
        }
        // The attack's position within these bytes, or their end if it lies behind them.
        let before = at.saturating_sub(from).min(bytes.len() as u64) as usize;
        let here = (from..from + bytes.len() as u64).contains(&at);
        let (head, tail) = bytes.split_at(before);
        let keeps = matches!(self.attacker, Attacker::Replay { .. });
        let out = relay.toward(toward);
        out.extend_from_slice(head);
        if keeps {
            self.kept.extend_from_slice(head);
        }
        match &self.attacker {
            Attacker::Cut { .. } if here => {
                self.stalled = true;
                relay.reset = true;
                relay.note(format!("cuts the line at byte {at}"));
            }
            Attacker::Stall { .. } if here => {
                self.stalled = true;
                relay.note(format!("passes nothing on from byte {at}"));
            }
            Attacker::HalfClose { .. } => {
                // Bytes after the end are lost, because the stream has ended.
                if here {
                    relay.finish(toward);
                    relay.note(format!("ends the stream at byte {at}"));
                }
            }
            Attacker::Flip { mask, .. } if here => {
                let (first, rest) = tail.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
                out.push(first ^ mask);
                out.extend_from_slice(rest);
                relay.note(format!("flips bits {mask:#04x} of byte {at}"));
            }
            Attacker::Remove { count, .. } => {
                // The end of the bytes to remove within these bytes.
                let end = (at + u64::from(*count)).saturating_sub(from).min(bytes.len() as u64) as usize;
                out.extend_from_slice(bytes.get(end.max(before)..).unwrap_or_default());
                if here {
                    relay.note(format!("takes {count} bytes out at byte {at}"));
                }
            }
            Attacker::Insert { bytes: extra, .. } if here => {
                out.extend_from_slice(extra);
                out.extend_from_slice(tail);
                relay.note(format!("puts {} bytes in at byte {at}", extra.len()));
            }
            Attacker::Replay { count, .. } if here => {
                let start = self.kept.len().saturating_sub(*count as usize);
                out.extend_from_slice(self.kept.get(start..).unwrap_or_default());
                out.extend_from_slice(tail);
                relay.note(format!("sends {} bytes again at byte {at}", self.kept.len() - start));
            }
            _ => out.extend_from_slice(tail),
        }
    }

    fn end(&mut self, toward: Toward, relay: &mut Relay) {
        if !self.stalled {
            relay.finish(toward);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(attacker: Attacker, chunk: usize) -> Vec<u8> {
        let mut middle = AtByte { attacker, passed: [0; 2], stalled: false, kept: Vec::new() };
        let mut relay = Relay::default();
        let stream: Vec<u8> = (0..10).collect();
        for bytes in stream.chunks(chunk) {
            middle.pass(Toward::Client, bytes, Now::default(), &mut relay);
        }
        assert!(relay.to_server.is_empty());
        relay.to_client
    }

    #[test]
    fn bytes_are_altered_where_it_was_said_however_they_come() {
        let toward = Toward::Client;
        for chunk in 1..=10 {
            let through = |attacker| through(attacker, chunk);
            assert_eq!(through(Attacker::Idle), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            assert_eq!(through(Attacker::Cut { toward, at: 4 }), [0, 1, 2, 3], "chunks of {chunk}");
            assert_eq!(through(Attacker::Stall { toward, at: 0 }), [0; 0]);
            assert_eq!(through(Attacker::HalfClose { toward, at: 2 }), [0, 1], "chunks of {chunk}");
            assert_eq!(through(Attacker::Flip { toward, at: 9, mask: 1 }), [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]);
            assert_eq!(through(Attacker::Remove { toward, at: 3, count: 5 }), [0, 1, 2, 8, 9], "chunks of {chunk}");
            let bytes = vec![77, 78];
            assert_eq!(through(Attacker::Insert { toward, at: 1, bytes }), [0, 77, 78, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            assert_eq!(through(Attacker::Replay { toward, at: 3, count: 2 }), [0, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }
}
