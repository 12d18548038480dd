//! The connection phase: greeting, SSLRequest, the client's response, and the authentication exchange.
//!
//! Source: "Connection Phase Packets"; MariaDB Connector/C `my_auth.c` for the extended capabilities.

use alloc::vec::Vec;
use core::fmt;

use super::{Capabilities, ErrPacket, OkPacket, StatusFlags};
use crate::wire::{Error, Put, Reader, Result};

/// The only supported protocol version.
const PROTOCOL_VERSION: u8 = 10;
/// The length of the client's header: all of an SSLRequest, or the beginning of HandshakeResponse41.
const CLIENT_HEADER: usize = 32;
/// The largest size of the connection attributes that MySQL accepts.
const MAX_ATTRIBUTES: usize = 0xffff;
/// Plugins whose challenge has a fixed length and no NUL after it.
const PLUGINS_WITHOUT_NUL: [&[u8]; 2] = [b"client_ed25519", b"parsec"];

/// The greeting: the server's first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeV10<'a> {
    /// For example `8.4.3` or `5.5.5-10.11.19-MariaDB`.
    pub server_version: &'a [u8],
    /// The server's id of this connection.
    pub connection_id: u32,
    /// Random bytes (the challenge) from which the client computes its authentication data.
    pub scramble: [u8; 20],
    /// The server's capabilities, including MariaDB's extended flags.
    pub capabilities: Capabilities,
    /// The low eight bits of the server's default collation.
    pub charset: u8,
    /// The status of a new session.
    pub status: StatusFlags,
    /// The plugin that the server proposes.
    pub auth_plugin: Option<&'a [u8]>,
}

impl<'a> HandshakeV10<'a> {
    /// Decodes the greeting.
    ///
    /// # Errors
    /// If the bytes are not a greeting of protocol version 10.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8("protocol version")? != PROTOCOL_VERSION {
            return Err(Error::Malformed("protocol version"));
        }
        let server_version = reader.nul_bytes("server version")?;
        let connection_id = reader.u32("connection id")?;
        let head: [u8; 8] = reader.array("scramble")?;
        reader.u8("greeting filler")?;
        let low = reader.u16("server capabilities")?;
        let charset = reader.u8("server charset")?;
        let status = StatusFlags::from_bits(reader.u16("server status")?);
        let high = reader.u16("server capabilities")?;
        let data_length = reader.u8("scramble length")?;
        reader.bytes(6, "greeting filler")?;
        let extended = reader.u32("extended capabilities")?;
        let capabilities = join(u32::from(low) | u32::from(high) << 16, extended);
        let mut tail = [0; 12];
        if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            let field = reader.bytes(usize::from(data_length).saturating_sub(8).max(13), "scramble")?;
            tail = Reader::new(field).array("scramble")?;
        }
        let mut auth_plugin = None;
        if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            auth_plugin = Some(nul_or_rest(&mut reader));
        }
        let mut scramble = [0; 20];
        for (to, from) in scramble.iter_mut().zip(head.iter().chain(&tail)) {
            *to = *from;
        }
        Ok(Self { server_version, connection_id, scramble, capabilities, charset, status, auth_plugin })
    }

    /// Encodes the greeting.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (head, tail) = self.scramble.split_at(8);
        let [c0, c1, c2, c3] = self.capabilities.low().to_le_bytes();
        let plugin_auth = self.capabilities.contains(Capabilities::PLUGIN_AUTH);
        out.put_u8(PROTOCOL_VERSION);
        out.put_nul_bytes(self.server_version);
        out.put_u32(self.connection_id);
        out.put(head);
        out.put_u8(0);
        out.put(&[c0, c1]);
        out.put_u8(self.charset);
        out.put_u16(self.status.bits());
        out.put(&[c2, c3]);
        // The length of the scramble and its NUL.
        out.put_u8(if plugin_auth { 21 } else { 0 });
        out.put(&[0; 6]);
        out.put_u32(extended(self.capabilities));
        if self.capabilities.contains(Capabilities::SECURE_CONNECTION) {
            out.put(tail);
            out.put_u8(0);
        }
        if plugin_auth {
            out.put_nul_bytes(self.auth_plugin.unwrap_or_default());
        }
    }
}

/// The first packet from a server: the greeting or a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting<'a> {
    /// The server's greeting.
    Handshake(HandshakeV10<'a>),
    /// The server refuses the connection, for example because it has too many. The text is not authenticated.
    Err(ErrPacket<'a>),
}

impl<'a> Greeting<'a> {
    /// Decodes either packet.
    ///
    /// # Errors
    /// If the bytes are neither.
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Self> {
        match payload.first() {
            Some(0xff) => ErrPacket::decode(payload).map(Self::Err),
            _ => HandshakeV10::decode(payload).map(Self::Handshake),
        }
    }
}

/// SSLRequest: the TLS handshake follows immediately. An attacker on the network can alter it, so only the response inside TLS counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    /// The client's capabilities, `SSL` among them.
    pub capabilities: Capabilities,
    /// The largest packet that the client sends.
    pub max_packet: u32,
    /// The low eight bits of the collation that the client requests.
    pub charset: u8,
}

impl SslRequest {
    /// Decodes an SSLRequest of exactly 32 bytes. A longer packet comes from a client that sends its password before TLS.
    ///
    /// # Errors
    /// If the length differs or the `SSL` capability is not set.
    pub fn decode(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        let request = Self::read(&mut reader)?;
        reader.finish("SSLRequest")?;
        if !request.capabilities.contains(Capabilities::SSL) {
            return Err(Error::Malformed("SSLRequest"));
        }
        Ok(request)
    }

    /// Encodes the 32 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(self.capabilities.low());
        out.put_u32(self.max_packet);
        out.put_u8(self.charset);
        out.put(&[0; 19]);
        out.put_u32(extended(self.capabilities));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let mut header = Reader::new(reader.bytes(CLIENT_HEADER, "client header")?);
        let low = header.u32("client capabilities")?;
        let max_packet = header.u32("max packet")?;
        let charset = header.u8("client charset")?;
        header.bytes(19, "client header filler")?;
        let capabilities = join(low, header.u32("extended capabilities")?);
        if !capabilities.contains(Capabilities::PROTOCOL_41) {
            return Err(Error::Malformed("client header without PROTOCOL_41"));
        }
        Ok(Self { capabilities, max_packet, charset })
    }
}

/// The client's response to the greeting.
#[derive(Clone, PartialEq, Eq)]
pub struct HandshakeResponse41<'a> {
    /// The client's capabilities. They also determine which of the fields below are on the wire.
    pub capabilities: Capabilities,
    /// The largest packet that the client sends.
    pub max_packet: u32,
    /// The low eight bits of the collation that the client requests.
    pub charset: u8,
    /// The user name.
    pub user: &'a [u8],
    /// The authentication data: a proof of the password, or with some plugins the password itself. More than 255 bytes need
    /// `PLUGIN_AUTH_LENENC_DATA`.
    pub auth_response: &'a [u8],
    /// The default database.
    pub database: Option<&'a [u8]>,
    /// The plugin that made the authentication data.
    pub auth_plugin: Option<&'a [u8]>,
    /// The connection attributes.
    pub attributes: Attributes<'a>,
    /// The level of zstd compression.
    pub zstd_level: Option<u8>,
}

impl<'a> HandshakeResponse41<'a> {
    /// Decodes the response.
    ///
    /// # Errors
    /// If a field is truncated, or the attributes exceed 64 KiB.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        let SslRequest { capabilities, max_packet, charset } = SslRequest::read(&mut reader)?;
        let user = reader.nul_bytes("user name")?;
        let auth_response = read_auth_response(&mut reader, capabilities)?;
        let mut database = None;
        if capabilities.contains(Capabilities::CONNECT_WITH_DB) {
            database = Some(reader.nul_bytes("database name")?);
        }
        let mut auth_plugin = None;
        if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            auth_plugin = Some(nul_or_rest(&mut reader));
        }
        let attributes = Attributes::read(&mut reader, capabilities)?;
        let mut zstd_level = None;
        if capabilities.contains(Capabilities::ZSTD_COMPRESSION) && !reader.is_empty() {
            zstd_level = Some(reader.u8("zstd level")?);
        }
        Ok(Self {
            capabilities,
            max_packet,
            charset,
            user,
            auth_response,
            database,
            auth_plugin,
            attributes,
            zstd_level,
        })
    }

    /// Encodes the response. A field is sent only if the capabilities have its flag.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.header().encode(out);
        out.put_nul_bytes(self.user);
        put_auth_response(self.auth_response, self.capabilities, out);
        if self.capabilities.contains(Capabilities::CONNECT_WITH_DB) {
            out.put_nul_bytes(self.database.unwrap_or_default());
        }
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            out.put_nul_bytes(self.auth_plugin.unwrap_or_default());
        }
        if self.capabilities.contains(Capabilities::CONNECT_ATTRS) {
            self.attributes.put(out);
        }
        if self.capabilities.contains(Capabilities::ZSTD_COMPRESSION) {
            // zstd's own default level is 3.
            out.put_u8(self.zstd_level.unwrap_or(3));
        }
    }

    /// The header, as an SSLRequest before TLS has it.
    pub const fn header(&self) -> SslRequest {
        SslRequest { capabilities: self.capabilities, max_packet: self.max_packet, charset: self.charset }
    }
}

impl fmt::Debug for HandshakeResponse41<'_> {
    /// Omits the authentication response, because it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandshakeResponse41")
            .field("capabilities", &self.capabilities)
            .field("max_packet", &self.max_packet)
            .field("charset", &self.charset)
            .field("user", &self.user)
            .field("auth_response_length", &self.auth_response.len())
            .field("database", &self.database)
            .field("auth_plugin", &self.auth_plugin)
            .field("attributes", &self.attributes)
            .field("zstd_level", &self.zstd_level)
            .finish()
    }
}

/// Connection attributes: pairs of a name and a value, encoded as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Attributes from their encoded bytes.
    pub const fn new(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }

    /// The pairs, up to the first one that can't be decoded.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || {
            let name = reader.lenenc_bytes("attribute name").ok()?;
            let value = reader.lenenc_bytes("attribute value").ok()?;
            Some((name, value))
        })
    }

    /// The encoded bytes.
    pub(crate) const fn encoded(&self) -> &'a [u8] {
        self.0
    }

    /// Whether there are no attributes.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decodes the attributes and their length. If the packet ends here, the client has none, in spite of the capability.
    pub(super) fn read(reader: &mut Reader<'a>, capabilities: Capabilities) -> Result<Self> {
        if !capabilities.contains(Capabilities::CONNECT_ATTRS) || reader.is_empty() {
            return Ok(Self::default());
        }
        let encoded = reader.lenenc_bytes("connection attributes")?;
        if encoded.len() > MAX_ATTRIBUTES {
            return Err(Error::Malformed("connection attributes over 64 KiB: the packet"));
        }
        Ok(Self(encoded))
    }

    /// Encodes the attributes and their length.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_lenenc_bytes(self.0);
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = alloc::string::String::from_utf8_lossy;
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

/// Appends pairs in the encoding of [`Attributes::new`]. Pairs beyond a total of 64 KiB are omitted.
pub(crate) fn encode_attributes<'s>(pairs: impl IntoIterator<Item = (&'s str, &'s str)>, out: &mut Vec<u8>) {
    let start = out.len();
    for (name, value) in pairs {
        let before = out.len();
        out.put_lenenc_bytes(name.as_bytes());
        out.put_lenenc_bytes(value.as_bytes());
        if out.len() - start > MAX_ATTRIBUTES {
            out.truncate(before);
        }
    }
}

/// The server switches to another authentication plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthSwitchRequest<'a> {
    /// The plugin's name.
    pub plugin: &'a [u8],
    /// The plugin's challenge, without the NUL that most servers append.
    pub data: &'a [u8],
}

impl<'a> AuthSwitchRequest<'a> {
    /// Decodes the request.
    ///
    /// # Errors
    /// If the header differs.
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Self> {
        let (plugin, data) = read_plugin_request(payload, 0xfe)?;
        Ok(Self { plugin, data })
    }

    /// Encodes the request.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_plugin_request(0xfe, self.plugin, self.data, out);
    }
}

/// The server requests the next factor of a multi-factor login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthNextFactor<'a> {
    /// The plugin's name.
    pub plugin: &'a [u8],
    /// The plugin's challenge, without the NUL that most servers append.
    pub data: &'a [u8],
}

impl<'a> AuthNextFactor<'a> {
    /// Decodes the request.
    ///
    /// # Errors
    /// If the header differs.
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Self> {
        let (plugin, data) = read_plugin_request(payload, 0x02)?;
        Ok(Self { plugin, data })
    }

    /// Encodes the request.
    #[cfg(any(test, feature = "vectors"))]
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_plugin_request(0x02, self.plugin, self.data, out);
    }
}

/// Further data of the server for the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthMoreData<'a> {
    /// The data, without the header.
    pub data: &'a [u8],
}

impl<'a> AuthMoreData<'a> {
    /// Decodes the data. MySQL always puts the header 01 before it; MariaDB does only if the data looks like another packet.
    pub(crate) const fn decode(payload: &'a [u8]) -> Self {
        match payload {
            [0x01, data @ ..] => Self { data },
            data => Self { data },
        }
    }

    /// Encodes the data, always with its header.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(0x01);
        out.put(self.data);
    }
}

/// A packet of the server during authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeReply<'a> {
    /// The login has succeeded.
    Ok(OkPacket<'a>),
    /// The login was refused.
    Err(ErrPacket<'a>),
    /// The server switches to another plugin.
    AuthSwitch(AuthSwitchRequest<'a>),
    /// The plugin's exchange continues.
    AuthMoreData(AuthMoreData<'a>),
    /// The server requests the method from before MySQL 4.1, which is insecure.
    OldAuthSwitch,
    /// The server requests the next factor.
    NextFactor(AuthNextFactor<'a>),
}

impl<'a> HandshakeReply<'a> {
    /// Decodes the packet.
    ///
    /// # Errors
    /// If the bytes are none of these packets.
    pub(crate) fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
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

    /// Encodes the packet.
    #[cfg(any(test, feature = "vectors"))]
    pub(crate) fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
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

/// Combines MySQL's flags with MariaDB's, which count only if `LONG_PASSWORD` is clear.
fn join(low: u32, extended: u32) -> Capabilities {
    let mysql = Capabilities::from_bits(u64::from(low));
    if mysql.contains(Capabilities::LONG_PASSWORD) {
        return mysql;
    }
    Capabilities::from_bits(u64::from(low) | u64::from(extended) << 32)
}

/// MariaDB's flags, which are on the wire only if `LONG_PASSWORD` is clear.
const fn extended(capabilities: Capabilities) -> u32 {
    if capabilities.contains(Capabilities::LONG_PASSWORD) { 0 } else { capabilities.extended() }
}

/// Reads a name at the end of a packet, where some servers and clients omit the NUL.
pub(super) fn nul_or_rest<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
    reader.nul_bytes("plugin name").unwrap_or_else(|_| reader.rest())
}

fn read_auth_response<'a>(reader: &mut Reader<'a>, capabilities: Capabilities) -> Result<&'a [u8]> {
    if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_DATA) {
        return reader.lenenc_bytes("authentication response");
    }
    if capabilities.contains(Capabilities::SECURE_CONNECTION) {
        let length = reader.u8("authentication response")?;
        return reader.bytes(usize::from(length), "authentication response");
    }
    reader.nul_bytes("authentication response")
}

fn put_auth_response(response: &[u8], capabilities: Capabilities, out: &mut Vec<u8>) {
    if capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_DATA) {
        out.put_lenenc_bytes(response);
    } else if capabilities.contains(Capabilities::SECURE_CONNECTION) {
        put_short_bytes(response, out);
    } else {
        out.put_nul_bytes(response);
    }
}

/// Appends bytes with a one-byte length, truncated to 255 bytes.
pub(super) fn put_short_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.put_u8(length);
    out.put(bytes.get(..usize::from(length)).unwrap_or_default());
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
    use super::super::generator::{Generator, for_many_seeds};
    use super::*;

    fn capabilities(random: &mut Generator) -> Capabilities {
        let mut capabilities = Capabilities::from_bits(random.u64()) | Capabilities::PROTOCOL_41;
        if random.below(4) != 0 {
            capabilities |= Capabilities::SECURE_CONNECTION;
        }
        // MariaDB's flags are not on the wire if MySQL's flag is set.
        join(capabilities.low(), capabilities.extended())
    }

    #[test]
    fn greeting_round_trips() {
        for_many_seeds(|random, seed| {
            let (server_version, plugin) = (random.name(), random.name());
            let capabilities = capabilities(random);
            let mut scramble = [0; 20];
            scramble.iter_mut().for_each(|byte| *byte = random.u64() as u8);
            if !capabilities.contains(Capabilities::SECURE_CONNECTION) {
                scramble[8..].fill(0);
            }
            let greeting = HandshakeV10 {
                server_version: &server_version,
                connection_id: random.u64() as u32,
                scramble,
                capabilities,
                charset: random.u64() as u8,
                status: StatusFlags::from_bits(random.u64() as u16),
                auth_plugin: capabilities.contains(Capabilities::PLUGIN_AUTH).then_some(&plugin),
            };
            let mut payload = Vec::new();
            greeting.encode(&mut payload);
            assert_eq!(Greeting::decode(&payload), Ok(Greeting::Handshake(greeting)), "seed {seed}");
        });
    }

    #[test]
    fn the_captured_greeting_of_mariadb_is_understood() {
        let payload = b"\x0a5.5.5-10.11.19-MariaDB\0\x1f\0\0\0abcdefgh\0\xfe\xff\x08\x02\0\xff\x81\x15\
            \0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0mysql_native_password\0";
        let greeting = HandshakeV10::decode(payload).unwrap();
        assert_eq!(greeting.server_version, b"5.5.5-10.11.19-MariaDB");
        assert_eq!(&greeting.scramble, b"abcdefghijklmnopqrst");
        assert_eq!((greeting.capabilities.low(), greeting.capabilities.extended()), (0x81ff_fffe, 0x1d));
        assert!(greeting.capabilities.contains(Capabilities::SSL));
        assert_eq!(greeting.auth_plugin, Some(&b"mysql_native_password"[..]));
        assert_eq!((greeting.charset, greeting.connection_id), (8, 31));
    }

    #[test]
    fn extended_flags_of_a_server_that_is_mysql_are_filler() {
        let mut payload = b"\x0a8.4.3\0\x1f\0\0\0abcdefgh\0\xff\xff\x08\x02\0\xff\xdf\x15\0\0\0\0\0\0\xff\xff\xff\xff\
            ijklmnopqrst\0mysql_native_password\0"
            .to_vec();
        assert_eq!(HandshakeV10::decode(&payload).unwrap().capabilities.extended(), 0);
        // Old servers omit the last NUL.
        payload.pop();
        assert_eq!(HandshakeV10::decode(&payload).unwrap().auth_plugin, Some(&b"mysql_native_password"[..]));
    }

    #[test]
    fn ssl_request_is_32_bytes_and_nothing_else() {
        let request = SslRequest {
            capabilities: Capabilities::SSL | Capabilities::PROTOCOL_41 | Capabilities::MARIADB_PROGRESS,
            max_packet: 1 << 24,
            charset: 45,
        };
        let mut payload = Vec::new();
        request.encode(&mut payload);
        assert_eq!(payload.len(), 32);
        assert_eq!(payload[28], 1);
        assert_eq!(SslRequest::decode(&payload), Ok(request));
        assert_eq!(SslRequest::decode(&payload[..31]), Err(Error::Truncated("client header")));
        payload.extend_from_slice(b"root\0");
        assert_eq!(SslRequest::decode(&payload), Err(Error::Malformed("SSLRequest")));
        let mut plain = Vec::new();
        SslRequest { capabilities: Capabilities::PROTOCOL_41, ..request }.encode(&mut plain);
        assert_eq!(SslRequest::decode(&plain), Err(Error::Malformed("SSLRequest")));
    }

    #[test]
    fn response_round_trips_in_every_form() {
        for_many_seeds(|random, seed| {
            let capabilities = capabilities(random);
            let (user, database, plugin) = (random.name(), random.name(), random.name());
            let has = |flag, value: &_| if capabilities.contains(flag) { Some(*value) } else { None };
            let auth_response = match capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC_DATA) {
                true => random.bytes(),
                false => random.name(),
            };
            let mut attributes = Vec::new();
            if capabilities.contains(Capabilities::CONNECT_ATTRS) && random.flag() {
                encode_attributes([("_os", "Linux"), ("program_name", "sealwire")], &mut attributes);
            }
            let response = HandshakeResponse41 {
                capabilities,
                max_packet: random.u64() as u32,
                charset: random.u64() as u8,
                user: &user,
                auth_response: &auth_response,
                database: has(Capabilities::CONNECT_WITH_DB, &&database[..]),
                auth_plugin: has(Capabilities::PLUGIN_AUTH, &&plugin[..]),
                attributes: Attributes::new(&attributes),
                zstd_level: capabilities.contains(Capabilities::ZSTD_COMPRESSION).then_some(7),
            };
            let mut payload = Vec::new();
            response.encode(&mut payload);
            assert_eq!(HandshakeResponse41::decode(&payload), Ok(response.clone()), "seed {seed}");
            let mut header = Vec::new();
            response.header().encode(&mut header);
            assert_eq!(payload[..32], header, "seed {seed}");
        });
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let response = HandshakeResponse41 {
            capabilities: Capabilities::PROTOCOL_41,
            max_packet: 0,
            charset: 45,
            user: b"pam",
            auth_response: b"\x73\x73",
            database: None,
            auth_plugin: None,
            attributes: Attributes::default(),
            zstd_level: None,
        };
        let text = alloc::format!("{response:?}");
        assert!(!text.contains("115") && text.contains("auth_response_length: 2"), "{text}");
    }

    #[test]
    fn attributes_are_bounded_and_their_broken_tail_is_passed_over() {
        let large = "x".repeat(40_000);
        let mut encoded = Vec::new();
        encode_attributes([("a", "1"), ("b", large.as_str()), ("c", large.as_str()), ("d", "2")], &mut encoded);
        let names: Vec<&[u8]> = Attributes::new(&encoded).iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"a", b"b", b"d"]);
        encoded.truncate(encoded.len() - 1);
        assert_eq!(Attributes::new(&encoded).iter().count(), 2);
        let mut field = Vec::new();
        field.put_lenenc_bytes(&alloc::vec![0; MAX_ATTRIBUTES + 1]);
        assert!(Attributes::read(&mut Reader::new(&field), Capabilities::CONNECT_ATTRS).is_err());
        // The client has the capability but sends no attributes.
        assert_eq!(Attributes::read(&mut Reader::new(b""), Capabilities::CONNECT_ATTRS), Ok(Attributes::default()));
    }

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
        // MariaDB sends a plugin's data without a header; without multi-factor authentication, 02 is such data, too.
        assert_eq!(decode(b"P\x00"), Ok(HandshakeReply::AuthMoreData(AuthMoreData { data: b"P\x00" })));
        assert_eq!(decode(b"\x02p\0d"), Ok(HandshakeReply::AuthMoreData(AuthMoreData { data: b"\x02p\0d" })));
        let factors = HandshakeReply::decode(b"\x02p\0d\0", Capabilities::MULTI_FACTOR_AUTHENTICATION);
        assert_eq!(factors, Ok(HandshakeReply::NextFactor(AuthNextFactor { plugin: b"p", data: b"d" })));
        assert_eq!(decode(b""), Err(Error::Truncated("authentication reply")));
    }
}
