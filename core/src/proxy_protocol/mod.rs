//! The PROXY protocol, versions 1 and 2: a header before a connection's own bytes, by which a proxy passes on the client's address and, in
//! version 2, the client's TLS. A sender may claim any address, so a server must read it from trusted networks alone.
//!
//! Source: `doc/proxy-protocol.txt` of HAProxy.

mod binary;
mod header;
mod text;

#[cfg(test)]
mod tests;

pub use header::{ClientTls, Endpoints, Header, Malformed, Start};

use alloc::vec::Vec;

/// How many bytes tell whether a connection begins with a header.
pub const DECIDING: usize = 4;

/// Whether the first bytes of a connection begin like a header. Four bytes decide, as in MariaDB, because no packet of MySQL begins so; fewer
/// are no header yet.
pub fn begins(bytes: &[u8]) -> bool {
    let four = |signature: &'static [u8]| signature.first_chunk::<DECIDING>();
    bytes
        .first_chunk::<DECIDING>()
        .is_some_and(|first| [four(text::SIGNATURE), four(binary::SIGNATURE)].contains(&Some(first)))
}

/// Reads the first bytes of a connection. It never asks for more than 8 KiB.
///
/// # Errors
/// The bytes begin like a header and break the format.
pub fn read(bytes: &[u8]) -> Result<Start, Malformed> {
    for (signature, parse) in [(text::SIGNATURE, text::read as fn(&[u8]) -> _), (binary::SIGNATURE, binary::read)] {
        let common = signature.iter().zip(bytes).take_while(|(expected, byte)| expected == byte).count();
        if common == signature.len() {
            return parse(bytes);
        }
        if common == bytes.len() {
            return Ok(Start::Incomplete);
        }
    }
    Ok(Start::NoHeader)
}

impl Header {
    /// Appends the header in version 2. Texts above 255 bytes and a certificate above 6 KiB are left out, so that every receiver can take it.
    pub fn write(&self, out: &mut Vec<u8>) {
        binary::write(self, out);
    }

    /// Appends the header in version 1, which has the addresses alone.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        text::write(self.endpoints, out);
    }
}
