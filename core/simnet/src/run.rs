//! What came of a scenario.

use sealwire_core::error::Side;
use sealwire_core::facts::Verification;
use sealwire_core::tls::CertificateInfo;
use sealwire_core::{Error, Facts, trace};

/// A run: everything that a page draws or a test judges.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Run {
    /// The connections, in the order in which they were started.
    pub connections: Vec<Outcome>,
    /// Everything that happened, in order.
    pub ladder: Vec<Rung>,
    /// The virtual time that it took, in microseconds.
    pub time_us: u64,
    /// How many packets were sent.
    pub packets: u64,
    /// A hash of all packets with their times, 16 hex digits: equal exactly where the runs are equal.
    pub hash: String,
    /// The packets as a pcap file of raw IP; empty unless the scenario asked for it.
    pub pcap: Vec<u8>,
    /// What the attacker could read of what was meant to be secret.
    pub overheard: Vec<u8>,
    /// Whether nothing was due any more before both sides had come to an end: a defect of ours.
    pub stuck: bool,
    /// The most bytes that a side held for one connection outside TCP's buffers.
    pub most_held: usize,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Outcome {
    /// The client's view.
    pub client: Ending,
    /// The server's view; without facts where no connection reached it.
    pub server: Ending,
    /// What the client's queries brought: each row's values joined by tabs, and errors as the mysql client prints them.
    pub answers: Vec<String>,
    /// How often one of its machines waited without a deadline while it was still connecting; always 0, or a defect of ours.
    pub without_deadline: u32,
}

/// How a connection went on one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ending {
    /// When this side took the connection as authenticated, in microseconds; `None` where it never did.
    pub connected_us: Option<u64>,
    /// When it was over.
    pub ended_us: u64,
    /// What was negotiated.
    pub facts: FactsReport,
    /// Why it failed; `None` where it ended in order.
    pub failure: Option<Failure>,
}

/// Why a connection failed, in MySQL's terms and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Failure {
    /// MySQL's error number.
    pub code: u16,
    /// The five SQLSTATE characters.
    pub sqlstate: String,
    /// The error's text.
    pub message: String,
    /// Who is to blame: `peer-misbehaved`, `peer-incompatible`, `refused-by-client`, `refused-by-server`, `tls`, `misuse`,
    /// `timeout` or `connection-lost`.
    pub blame: String,
    /// The way out, where one is known.
    pub hint: Option<String>,
    /// What only the server's log says.
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
            // The error may grow; what is left is a wrong use.
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

/// [`Facts`] in a form that crosses borders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FactsReport {
    /// The server's version text.
    pub server_version: String,
    /// The server's number for the connection.
    pub connection_id: u32,
    /// The capabilities that both sides have, by their names.
    pub capabilities: String,
    /// The authentication plugin.
    pub auth_plugin: Option<String>,
    /// What TLS negotiated; `None` on plaintext.
    pub tls: Option<TlsReport>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// What TLS negotiated.
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
    /// The peer's certificate, where it showed one.
    pub peer: Option<PeerReport>,
}

/// The certificate of a peer.
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

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rung {
    /// When, in microseconds since the start.
    pub at_us: u64,
    /// Which connection, the first is 0.
    pub connection: u16,
    /// Whose view: `client`, `server` or `attacker`.
    pub side: String,
    /// What it was.
    pub event: RungEvent,
}

/// What happened. Names of packets are those of MySQL's protocol documentation, those of TLS messages RFC 8446's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "kebab-case")
)]
pub enum RungEvent {
    /// A MySQL packet.
    Packet {
        /// Whether this side sent it; else it received it.
        sent: bool,
        /// Its sequence number.
        sequence: u8,
        /// Bytes of its payload.
        length: usize,
        /// Its name.
        name: String,
        /// Its fields that hold no secret.
        summary: String,
        /// Whether it travelled inside TLS.
        encrypted: bool,
    },
    /// A TLS record.
    Record {
        /// Whether this side sent it; else it received it.
        sent: bool,
        /// Its bytes with header.
        length: usize,
        /// The handshake message's name, or the content type.
        name: String,
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// A state was left for another one.
    State {
        /// The state that was left.
        from: String,
        /// The state that was entered.
        to: String,
    },
    /// An attacker's deed, or another remark.
    Note {
        /// In words.
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
