//! The negotiated parameters of a connection, as plain values that outlive the connection.
//!
//! With the feature `serde` they can be serialised: enumerations and capabilities by name, certificates and the ALPN protocol as bytes.
//! Compression is omitted, because a page's client has none.

#[cfg(feature = "server")]
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::message::Capabilities;
#[cfg(feature = "server")]
use crate::proxy_protocol::ClientTls;
use crate::wire::compressed::Algorithm;

/// The transport below the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Transport {
    /// A network connection. Others can read it unless TLS is in use.
    #[default]
    Tcp,
    /// A Unix socket. It counts as secure transport, because it is local, but not as TLS.
    UnixSocket,
}

/// The TLS versions that Sealwire supports.
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
    /// The name in `Ssl_version`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }

    /// The version of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::V1_2, Self::V1_3].into_iter().find(|version| version.name() == name)
    }
}

/// The way in which the peer's certificate was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Verification {
    /// The peer sent no certificate, or the certificate was not verified.
    #[default]
    None,
    /// The chain ends at a configured CA.
    Ca,
    /// The chain ends at a configured CA, and the certificate carries the host's name.
    CaAndIdentity,
    /// The chain ends at one of the system's roots, and the certificate carries the host's name.
    SystemRootsAndIdentity,
    /// The certificate has the fingerprint that was given or remembered.
    Fingerprint,
}

impl Verification {
    /// Whether the peer's identity is proved.
    pub const fn is_verified(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// The parameters that TLS negotiated, available once the handshake is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TlsFacts {
    /// Protocol version.
    pub version: TlsVersion,
    /// Cipher suite by its IANA name, `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    pub suite: &'static str,
    /// OpenSSL's name of the suite, which `Ssl_cipher` shows: `ECDHE-RSA-AES256-GCM-SHA384`.
    pub cipher: &'static str,
    /// Key exchange group, `X25519`, `X25519MLKEM768`, …; `None` if the session was resumed without a key exchange.
    pub group: Option<&'static str>,
    /// The server name indication (SNI) that the client sent.
    pub sni: Option<String>,
    /// The application protocol agreed by ALPN.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialise::bytes"))]
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's certificates in DER, its own first; empty if it sent none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serialise::chain"))]
    pub peer_chain: Vec<Vec<u8>>,
    /// The way in which the peer's certificate was verified.
    pub verification: Verification,
}

/// The negotiated parameters of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Facts {
    /// The server's version text from the greeting.
    pub server_version: String,
    /// The server's id of this connection.
    pub connection_id: u32,
    /// The capabilities that both sides have.
    pub capabilities: Capabilities,
    /// The authentication plugin that was used last.
    pub auth_plugin: Option<String>,
    /// The transport below the protocol.
    pub transport: Transport,
    /// The parameters that TLS negotiated; `None` for plaintext.
    pub tls: Option<TlsFacts>,
    /// The TLS between the client and a trusted proxy, as the PROXY header tells it; `None` if no header came, or if it does not tell.
    #[cfg(feature = "server")]
    #[cfg_attr(feature = "serde", serde(skip))]
    pub client_tls: Option<Box<ClientTls>>,
    /// The compression of packets after authentication; `None` for no compression.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub compression: Option<Algorithm>,
    /// Bytes received from the transport.
    pub bytes_in: u64,
    /// Bytes handed to the transport.
    pub bytes_out: u64,
}

impl Facts {
    /// OpenSSL's name of the cipher in use, as `Ssl_cipher` and `\s` show it; `None` for plaintext.
    pub fn ssl_cipher(&self) -> Option<&'static str> {
        self.tls.as_ref().map(|tls| tls.cipher)
    }
}

/// Serialises bytes as bytes, because serde's default is a list of numbers.
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
