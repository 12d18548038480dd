//! Errors, classified by the side at fault, and the table that maps them to MySQL's errors.

use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

pub use crate::message::sql_error::SqlError;
use crate::tls::TlsError;
use crate::wire;

/// One of the two sides of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The side that connected.
    Client,
    /// The side that sent the greeting.
    Server,
}

/// A violation of the protocol by the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A packet does not have the expected sequence number.
    OutOfOrder,
    /// A packet is larger than this many bytes.
    PacketTooBig(usize),
    /// A message can't be decoded.
    Malformed(wire::Error),
    /// The client's messages in the connection phase violate the protocol.
    BadHandshake(&'static str),
    /// A message, or bytes, arrived where none is allowed.
    Unexpected(&'static str),
}

impl fmt::Display for PeerMisbehaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrder => f.write_str("packets out of order"),
            Self::PacketTooBig(limit) => write!(f, "a packet of more than {limit} bytes"),
            Self::Malformed(error) => error.fmt(f),
            Self::BadHandshake(what) | Self::Unexpected(what) => f.write_str(what),
        }
    }
}

/// The reason why a connection ended. It is sticky: every later call returns the same error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer violated the protocol.
    PeerMisbehaved(PeerMisbehaved),
    /// The peer follows the protocol but lacks something that this side needs or requires.
    PeerIncompatible(Cow<'static, str>),
    /// One side refused the other with a MySQL error.
    Refused {
        /// The side that refused.
        by: Side,
        /// The error.
        error: SqlError,
    },
    /// TLS failed.
    Tls(TlsError),
    /// The application called a method in the wrong order or with impossible settings.
    Misuse(&'static str),
    /// The peer did not finish in time; the text names the stage.
    TimedOut(&'static str),
    /// The system has no memory for the peer's data.
    OutOfMemory,
    /// The peer closed the connection too early; the text names the stage.
    ConnectionLost(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerMisbehaved(what) => write!(f, "the peer broke the protocol: {what}"),
            Self::PeerIncompatible(what) => f.write_str(what),
            Self::Refused { error, .. } => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Misuse(what) => write!(f, "wrong use of the connection: {what}"),
            Self::TimedOut(when) => write!(f, "time ran out {when}"),
            Self::OutOfMemory => f.write_str("the system has no memory for what the peer sends"),
            Self::ConnectionLost(when) => write!(f, "the connection was lost {when}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        Self::PeerMisbehaved(PeerMisbehaved::Malformed(error))
    }
}

impl From<PeerMisbehaved> for Error {
    fn from(error: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(error)
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl Error {
    /// The error that a client program prints, with the client library's numbers (2013, 2026, …).
    pub fn as_client_error(&self) -> SqlError {
        match self {
            Self::Refused { error, .. } => error.clone(),
            Self::Tls(error) => SqlError::ssl_connection(format!("SSL connection error: {error}")),
            Self::PeerIncompatible(what) => SqlError::protocol_mismatch(format!("Protocol mismatch: {what}")),
            Self::PeerMisbehaved(PeerMisbehaved::PacketTooBig(limit)) => SqlError::reply_too_large(format!(
                "Got packet bigger than 'max_allowed_packet' bytes: the limit is {limit}"
            )),
            Self::PeerMisbehaved(what) => SqlError::malformed_reply(format!("Malformed packet: {what}")),
            Self::Misuse(what) => SqlError::commands_out_of_sync(format!("Commands out of sync: {what}")),
            Self::OutOfMemory => SqlError::client_out_of_memory("MySQL client ran out of memory"),
            Self::TimedOut(when) | Self::ConnectionLost(when) => {
                SqlError::server_lost(format!("Lost connection to MySQL server {when}"))
            }
        }
    }

    /// The error that a server sends before it closes; `None` if it can't or should not send one.
    pub fn as_server_error(&self) -> Option<SqlError> {
        match self {
            Self::Refused { by: Side::Server, error } => Some(error.clone()),
            Self::PeerMisbehaved(what) => Some(match what {
                PeerMisbehaved::OutOfOrder => SqlError::packets_out_of_order("Got packets out of order"),
                PeerMisbehaved::PacketTooBig(limit) => SqlError::packet_too_large(format!(
                    "Got a packet bigger than 'max_allowed_packet' bytes: the limit is {limit}"
                )),
                PeerMisbehaved::BadHandshake(what) => SqlError::bad_handshake(format!("Bad handshake: {what}")),
                PeerMisbehaved::Malformed(error) => {
                    SqlError::malformed_packet(format!("Malformed communication packet: {error}"))
                }
                PeerMisbehaved::Unexpected(what) => {
                    SqlError::malformed_packet(format!("Malformed communication packet: {what}"))
                }
            }),
            Self::PeerIncompatible(what) => Some(SqlError::bad_handshake(format!("Bad handshake: {what}"))),
            Self::OutOfMemory => Some(SqlError::out_of_memory(
                "Out of memory: the server has none left for a packet of this size; send less, or try again later",
            )),
            Self::TimedOut(_) => Some(SqlError::read_timeout("Got timeout reading communication packets")),
            Self::Refused { .. } | Self::Tls(_) | Self::Misuse(_) | Self::ConnectionLost(_) => None,
        }
    }
}
