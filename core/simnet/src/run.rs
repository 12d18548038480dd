//! The result of a scenario.

use sealwire_core::error::Side;
use sealwire_core::facts::Verification;
use sealwire_core::tls::CertificateInfo;
use sealwire_core::{Error, Facts, trace};

/// A run with all data that a page displays or a test checks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Run {
    /// The connections, in the order in which they were started.
    pub connections: Vec<Outcome>,
    /// All recorded events, in order.
    pub ladder: Vec<Rung>,
    /// The duration in virtual time, in microseconds.
    pub time_us: u64,
    /// The number of packets sent.
    pub packets: u64,
    /// A hash of all packets with their times, 16 hex digits. It is equal if and only if the runs are.
    pub hash: String,
    /// The packets as a pcap file of raw IP; empty unless the scenario requested it.
    pub pcap: Vec<u8>,
    /// The secret data that the attacker could read.
    pub intercepted: Vec<u8>,
    /// Whether the run stopped before both sides had ended, which is a defect of Sealwire.
    pub stuck: bool,
    /// The most bytes that a side buffered for one connection outside TCP's buffers.
    pub most_held: usize,
}

/// The result of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Outcome {
    /// The client's view.
    pub client: SideResult,
    /// The server's view; without facts if no connection reached it.
    pub server: SideResult,
    /// The results of the client's queries: the values of each row joined by tabs, and errors as the mysql client prints them.
    pub answers: Vec<String>,
    /// How often a machine waited without a deadline during the connection phase. A number other than 0 is a defect of Sealwire.
    pub without_deadline: u32,
}

/// The result of a connection on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SideResult {
    /// The time of authentication as seen by this side, in microseconds; `None` if it did not happen.
    pub connected_us: Option<u64>,
    /// The time at which this side ended.
    pub ended_us: u64,
    /// The negotiated parameters.
    pub facts: FactsReport,
    /// The failure; `None` if the connection ended in an orderly way.
    pub failure: Option<Failure>,
}

/// The reason why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Failure {
    /// MySQL's error number.
    pub code: u16,
    /// The five SQLSTATE characters.
    pub sqlstate: String,
    /// The error's text.
    pub message: String,
    /// The class of the error: `peer-misbehaved`, `peer-incompatible`, `refused-by-client`, `refused-by-server`, `tls`, `misuse`, `timeout`
    /// or `connection-lost`.
    pub blame: String,
    /// The remedy, if one is known.
    pub hint: Option<String>,
    /// Details for the server's log only.
    pub log: Option<String>,
}

impl Failure {
    pub(crate) fn new(error: &Error, side: Side, log: Option<String>) -> Self {
        let said = match side {
            Side::Client => error.as_client_error(),
            Side::Server => error.as_server_error().unwrap_or_else(|| error.as_client_error()),
        };
        let blame = match error {
            Error::PeerMisbehaved(_) => "peer-misbehaved",
            Error::PeerIncompatible(_) => "peer-incompatible",
            Error::Refused { by: Side::Client, .. } => "refused-by-client",
            Error::Refused { by: Side::Server, .. } => "refused-by-server",
            Error::Tls(_) => "tls",
            Error::TimedOut(_) => "timeout",
            Error::ConnectionLost(_) => "connection-lost",
            // All other errors count as misuse, because the type may get more variants.
            _ => "misuse",
        };
        let hint = match error {
            Error::Tls(error) => error.hint(),
            _ => None,
        };
        Self {
            code: said.code,
            sqlstate: said.sqlstate_str().to_owned(),
            message: said.message.clone(),
            blame: blame.to_owned(),
            hint,
            log,
        }
    }
}

/// [`Facts`] in a form that can be serialised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FactsReport {
    /// The server's version text.
    pub server_version: String,
    /// The server's id of the connection.
    pub connection_id: u32,
    /// The capabilities that both sides have, by their names.
    pub capabilities: String,
    /// The authentication plugin.
    pub auth_plugin: Option<String>,
    /// The parameters that TLS negotiated; `None` for plaintext.
    pub tls: Option<TlsReport>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// The parameters that TLS negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TlsReport {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher as `Ssl_cipher` shows it.
    pub cipher: String,
    /// The key exchange group.
    pub group: Option<String>,
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// How the peer's certificate was verified: `none`, `ca`, `ca-and-identity`, `roots-and-identity` or `fingerprint`.
    pub verification: String,
    /// The peer's certificate, if it sent one.
    pub peer: Option<PeerReport>,
}

/// A peer's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PeerReport {
    /// Its subject in MySQL's slash form.
    pub subject: String,
    /// Its issuer in MySQL's slash form.
    pub issuer: String,
    /// SHA-256, upper-case hex with colons.
    pub fingerprint: String,
}

impl From<&Facts> for FactsReport {
    fn from(facts: &Facts) -> Self {
        let tls = facts.tls.as_ref().map(|tls| TlsReport {
            version: tls.version.name().to_owned(),
            cipher: tls.cipher.to_owned(),
            group: tls.group.map(str::to_owned),
            sni: tls.sni.clone(),
            verification: match tls.verification {
                Verification::None => "none",
                Verification::Ca => "ca",
                Verification::CaAndIdentity => "ca-and-identity",
                Verification::SystemRootsAndIdentity => "roots-and-identity",
                Verification::Fingerprint => "fingerprint",
            }
            .to_owned(),
            peer: tls.peer_chain.first().and_then(|leaf| CertificateInfo::from_der(leaf).ok()).map(|leaf| PeerReport {
                subject: leaf.subject.to_slash(),
                issuer: leaf.issuer.to_slash(),
                fingerprint: leaf.fingerprint_sha256,
            }),
        });
        Self {
            server_version: facts.server_version.clone(),
            connection_id: facts.connection_id,
            capabilities: format!("{:?}", facts.capabilities),
            auth_plugin: facts.auth_plugin.clone(),
            tls,
            bytes_in: facts.bytes_in,
            bytes_out: facts.bytes_out,
        }
    }
}

/// One recorded event with its time and side.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rung {
    /// The time in microseconds since the start.
    pub at_us: u64,
    /// The index of the connection; the first is 0.
    pub connection: u16,
    /// The side that recorded it: `client`, `server` or `attacker`.
    pub side: String,
    /// The event.
    pub event: RungEvent,
}

/// A recorded event. Packets are named as in MySQL's protocol documentation, TLS messages as in RFC 8446.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "kebab-case")
)]
pub enum RungEvent {
    /// A MySQL packet.
    Packet {
        /// Whether this side sent the packet; otherwise it received it.
        sent: bool,
        /// Its sequence number.
        sequence: u8,
        /// The length of its payload in bytes.
        length: usize,
        /// Its name.
        name: String,
        /// Its fields without secrets.
        summary: String,
        /// Whether the packet was sent inside TLS.
        encrypted: bool,
    },
    /// A TLS record.
    Record {
        /// Whether this side sent the record; otherwise it received it.
        sent: bool,
        /// The length of the record in bytes, with its header.
        length: usize,
        /// The handshake message's name, or the content type.
        name: String,
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// The machine's state changed.
    State {
        /// The previous state.
        from: String,
        /// The new state.
        to: String,
    },
    /// An action of the attacker, or another remark.
    Note {
        /// The text.
        text: String,
    },
}

impl From<trace::Event> for RungEvent {
    fn from(event: trace::Event) -> Self {
        use trace::{Direction, Event};
        match event {
            Event::Packet { direction, sequence, length, name, summary, encrypted } => Self::Packet {
                sent: direction == Direction::Sent,
                sequence,
                length,
                name: name.to_owned(),
                summary,
                encrypted,
            },
            Event::Record { direction, length, name, encrypted } => {
                Self::Record { sent: direction == Direction::Sent, length, name: name.to_owned(), encrypted }
            }
            Event::State { from, to } => Self::State { from: from.to_owned(), to: to.to_owned() },
        }
    }
}
