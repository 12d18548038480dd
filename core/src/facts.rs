//! What a connection negotiated, as a plain value that outlives it.
//!
//! With the feature `serde` it can be serialised: enumerations and capabilities by name, certificates and the ALPN
//! protocol as bytes. Compression, which a page has none of, is left out.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::Capabilities;
use crate::wire::compressed::Algorithm;

/// What lies below the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Transport {
    /// A network connection, readable by others unless TLS is on.
    #[default]
    Tcp,
    /// A Unix socket: local, so it counts as secure transport, but not as TLS.
    UnixSocket,
}

/// The TLS versions that Sealwire speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum TlsVersion {
    /// RFC 5246.
    #[cfg_attr(feature = "serde", serde(rename = "TLSv1.2"))]
    V1_2,
    /// RFC 8446.
    #[cfg_attr(feature = "serde", serde(rename = "TLSv1.3"))]
    V1_3,
}

impl TlsVersion {
    /// As `Ssl_version` shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }
}

/// How the peer's certificate was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Verification {
    /// The peer showed no certificate, or nobody looked at it.
    #[default]
    None,
    /// Its chain ends at a CA that was named.
    Ca,
    /// Its chain ends at a CA that was named, and the name is the host's.
    CaAndIdentity,
    /// Its chain ends at one of the system's roots, and the name is the host's.
    SystemRootsAndIdentity,
    /// Its fingerprint is the one given or remembered.
    Fingerprint,
}

impl Verification {
    /// Whether the peer has proved who it is.
    pub const fn is_verified(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// What TLS negotiated. Present once the handshake is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TlsFacts {
    /// Protocol version.
    pub version: TlsVersion,
    /// Cipher suite by its IANA name, `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    pub suite: &'static str,
    /// The same by OpenSSL's name, which `Ssl_cipher` shows: `ECDHE-RSA-AES256-GCM-SHA384`.
    pub cipher: &'static str,
    /// Key exchange group, `X25519`, `X25519MLKEM768`, …; `None` where the session was resumed without one.
    pub group: Option<&'static str>,
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// The application protocol agreed by ALPN.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialise::bytes"))]
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's certificates in DER, its own first; empty where it showed none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialise::chain"))]
    pub peer_chain: Vec<Vec<u8>>,
    /// How the peer's certificate was verified.
    pub verification: Verification,
}

/// What this connection negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Facts {
    /// The server's version text from the greeting.
    pub server_version: String,
    /// The server's number for this connection.
    pub connection_id: u32,
    /// The capabilities that both sides have.
    pub capabilities: Capabilities,
    /// The authentication plugin that was used last.
    pub auth_plugin: Option<String>,
    /// What lies below.
    pub transport: Transport,
    /// What TLS negotiated; `None` on plaintext.
    pub tls: Option<TlsFacts>,
    /// How packets are compressed once the user is authenticated.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub compression: Option<Algorithm>,
    /// Bytes received from the transport.
    pub bytes_in: u64,
    /// Bytes handed to the transport.
    pub bytes_out: u64,
}

impl Facts {
    /// The cipher in use by OpenSSL's name, as `Ssl_cipher` and `\s` show it; `None` on plaintext.
    pub fn ssl_cipher(&self) -> Option<&'static str> {
        self.tls.as_ref().map(|tls| tls.cipher)
    }
}

/// Bytes as bytes, where serde takes them for lists of numbers.
#[cfg(feature = "serde")]
mod serialise {
    use alloc::vec::Vec;

    use serde::{Serialize, Serializer};

    struct Bytes<'a>(&'a [u8]);

    impl Serialize for Bytes<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    pub(super) fn bytes<S: Serializer>(value: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_deref().map(Bytes).serialize(serializer)
    }

    pub(super) fn chain<S: Serializer>(value: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(|certificate| Bytes(certificate)))
    }
}
