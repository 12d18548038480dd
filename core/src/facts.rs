//! What a connection negotiated, as a plain value that outlives it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::Capabilities;

/// What lies below the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// A network connection, readable by others unless TLS is on.
    #[default]
    Tcp,
    /// A Unix socket: local, so it counts as secure transport, but not as TLS.
    UnixSocket,
}

/// The TLS versions that Sealwire speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
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
    pub alpn: Option<Vec<u8>>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The peer's certificates in DER, its own first; empty where it showed none.
    pub peer_chain: Vec<Vec<u8>>,
    /// How the peer's certificate was verified.
    pub verification: Verification,
}

/// What this connection negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
