//! What a server says while a client authenticates. Source: "Connection Phase Packets".

use alloc::vec::Vec;

use super::handshake::nul_or_rest;
use super::{Capabilities, ErrPacket, OkPacket};
use crate::wire::{Error, Put, Reader, Result};

/// Plugins whose data is a nonce of fixed length without a NUL behind it.
const PLUGINS_WITHOUT_NUL: [&[u8]; 2] = [b"client_ed25519", b"parsec"];

/// The server asks for another authentication plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSwitchRequest<'a> {
    /// The plugin's name.
    pub plugin: &'a [u8],
    /// The plugin's challenge, without the NUL that most servers put behind it.
    pub data: &'a [u8],
}

impl<'a> AuthSwitchRequest<'a> {
    /// Reads the request.
    ///
    /// # Errors
    /// Where the header is another.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let (plugin, data) = read_plugin_request(payload, 0xfe)?;
        Ok(Self { plugin, data })
    }

    /// Writes the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_plugin_request(0xfe, self.plugin, self.data, out);
    }
}

/// The server asks for the next factor of a login with several factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthNextFactor<'a> {
    /// The plugin's name.
    pub plugin: &'a [u8],
    /// The plugin's challenge, without the NUL that most servers put behind it.
    pub data: &'a [u8],
}

impl<'a> AuthNextFactor<'a> {
    /// Reads the request.
    ///
    /// # Errors
    /// Where the header is another.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let (plugin, data) = read_plugin_request(payload, 0x02)?;
        Ok(Self { plugin, data })
    }

    /// Writes the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_plugin_request(0x02, self.plugin, self.data, out);
    }
}

/// A plugin's further data, from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthMoreData<'a> {
    /// The data, without the header.
    pub data: &'a [u8],
}

impl<'a> AuthMoreData<'a> {
    /// Reads the data. MySQL always puts 01 before it, MariaDB only where it could be taken for another packet.
    pub const fn decode(payload: &'a [u8]) -> Self {
        match payload {
            [0x01, data @ ..] => Self { data },
            data => Self { data },
        }
    }

    /// Writes the data, always with its header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(0x01);
        out.put(self.data);
    }
}

/// What the server may say while a client authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeReply<'a> {
    /// The client is in.
    Ok(OkPacket<'a>),
    /// The client is refused.
    Err(ErrPacket<'a>),
    /// Another plugin is to be used.
    AuthSwitch(AuthSwitchRequest<'a>),
    /// The plugin goes on.
    AuthMoreData(AuthMoreData<'a>),
    /// The method from before 4.1 is asked for, which nobody should use.
    OldAuthSwitch,
    /// The next factor is due.
    NextFactor(AuthNextFactor<'a>),
}

impl<'a> HandshakeReply<'a> {
    /// Reads the reply.
    ///
    /// # Errors
    /// Where the bytes are none of these packets.
    pub fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        match payload {
            [] => Err(Error::Truncated("authentication reply")),
            [0x00, ..] => OkPacket::decode(payload, capabilities).map(Self::Ok),
            [0xff, ..] => ErrPacket::decode(payload).map(Self::Err),
            [0xfe] => Ok(Self::OldAuthSwitch),
            [0xfe, ..] => AuthSwitchRequest::decode(payload).map(Self::AuthSwitch),
            [0x02, ..] if capabilities.contains(Capabilities::MULTI_FACTOR_AUTHENTICATION) => {
                AuthNextFactor::decode(payload).map(Self::NextFactor)
            }
            _ => Ok(Self::AuthMoreData(AuthMoreData::decode(payload))),
        }
    }

    /// Writes the reply.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        match self {
            Self::Ok(ok) => ok.encode(capabilities, out),
            Self::Err(err) => err.encode(out),
            Self::AuthSwitch(request) => request.encode(out),
            Self::AuthMoreData(more) => more.encode(out),
            Self::OldAuthSwitch => out.put_u8(0xfe),
            Self::NextFactor(request) => request.encode(out),
        }
    }
}

fn read_plugin_request(payload: &[u8], header: u8) -> Result<(&[u8], &[u8])> {
    let mut reader = Reader::new(payload);
    if reader.u8("authentication request")? != header {
        return Err(Error::Malformed("authentication request"));
    }
    let plugin = nul_or_rest(&mut reader);
    let data = reader.rest();
    Ok(match data {
        [data @ .., 0] if !PLUGINS_WITHOUT_NUL.contains(&plugin) => (plugin, data),
        data => (plugin, data),
    })
}

fn put_plugin_request(header: u8, plugin: &[u8], data: &[u8], out: &mut Vec<u8>) {
    out.put_u8(header);
    out.put_nul_bytes(plugin);
    out.put(data);
    if !PLUGINS_WITHOUT_NUL.contains(&plugin) {
        out.put_u8(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_loses_one_nul_unless_it_has_none() {
        let native = AuthSwitchRequest::decode(b"\xfemysql_native_password\0zQg4ioNy=rHN/>-b)A\0\0").unwrap();
        assert_eq!(native.data, b"zQg4ioNy=rHN/>-b)A\0");
        let mut payload = b"\xfeclient_ed25519\0".to_vec();
        payload.extend([0; 32]);
        assert_eq!(AuthSwitchRequest::decode(&payload).unwrap().data.len(), 32);
    }

    #[test]
    fn replies_are_told_apart() {
        let decode = |payload| HandshakeReply::decode(payload, Capabilities::NONE);
        assert_eq!(decode(b"\xfe"), Ok(HandshakeReply::OldAuthSwitch));
        assert_eq!(decode(b"\x01\x03"), Ok(HandshakeReply::AuthMoreData(AuthMoreData { data: b"\x03" })));
        // MariaDB sends a plugin's data bare; without several factors, 02 is such data too.
        assert_eq!(decode(b"P\x00"), Ok(HandshakeReply::AuthMoreData(AuthMoreData { data: b"P\x00" })));
        assert_eq!(decode(b"\x02p\0d"), Ok(HandshakeReply::AuthMoreData(AuthMoreData { data: b"\x02p\0d" })));
        let factors = HandshakeReply::decode(b"\x02p\0d\0", Capabilities::MULTI_FACTOR_AUTHENTICATION);
        assert_eq!(factors, Ok(HandshakeReply::NextFactor(AuthNextFactor { plugin: b"p", data: b"d" })));
        assert_eq!(decode(b""), Err(Error::Truncated("authentication reply")));
    }
}
