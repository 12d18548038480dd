//! The contents of a header, and the results of reading one.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

/// The longest header of version 1 in bytes, CR and LF included.
pub(super) const LONGEST_TEXT: usize = 107;
/// The longest header of version 2 in bytes that is read. The format allows 64 KiB, which nobody needs: a certificate is below 6 KiB.
pub(super) const LONGEST_BINARY: usize = 8 * 1024;

/// The contents of a header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The client's address and the one that it connected to; `None` where the proxy itself opened the connection, for instance to check
    /// the server, or where the addresses are not of IP.
    pub endpoints: Option<Endpoints>,
    /// The name that the client asked for by SNI.
    pub authority: Option<String>,
    /// The TLS between client and proxy; `None` where it was plaintext, or where the header does not say.
    pub tls: Option<ClientTls>,
}

/// The two ends of a client's connection to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// The client's end.
    pub source: SocketAddr,
    /// The proxy's end.
    pub destination: SocketAddr,
}

/// The TLS between a client and a proxy, as the proxy tells it, which may also be that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientTls {
    /// Whether there is TLS; without it all else is empty.
    pub is_encrypted: bool,
    /// The protocol's version, such as `TLSv1.3`.
    pub version: Option<String>,
    /// OpenSSL's name of the cipher suite.
    pub cipher: Option<String>,
    /// The common name of the client's certificate.
    pub common_name: Option<String>,
    /// The client's certificate in DER.
    pub certificate: Option<Vec<u8>>,
    /// Whether the client has sent a certificate, now or in the session that was resumed, and the proxy has verified it.
    pub is_verified: bool,
}

/// The kind of a connection's first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// They may become a header; more are needed.
    Incomplete,
    /// They are no header but the connection's own.
    NoHeader,
    /// A header.
    Header {
        /// Its contents.
        header: Header,
        /// Its length in bytes; the connection's own bytes follow.
        length: usize,
    },
}

/// Why bytes that begin like a header are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for Malformed {}
