//! Version 2: addresses in binary, and parts of type, length and value (TLV) behind them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::header::{ClientTls, Endpoints, Header, LONGEST_BINARY, Malformed, Start};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, address family, length.
const FIXED: usize = 16;

const VERSION: u8 = 2;
const LOCAL: u8 = 0;
const PROXY: u8 = 1;

const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// The longest text and certificate that are written, in bytes; with all of them a header is below [`LONGEST_BINARY`].
const LONGEST_TEXT: usize = 255;
const LONGEST_CERTIFICATE: usize = 6 * 1024;

/// Types of parts: `PP2_TYPE_…`.
const AUTHORITY: u8 = 0x02;
const SSL: u8 = 0x20;

/// Types of the parts in one of type `SSL`: `PP2_SUBTYPE_SSL_…`.
const SSL_VERSION: u8 = 0x21;
const SSL_COMMON_NAME: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;
const SSL_CLIENT_CERTIFICATE: u8 = 0x28;

/// The family of a client whose address the proxy does not tell.
const UNSPECIFIED: u8 = 0;
/// The family of a Unix socket.
const UNIX_STREAM: u8 = 0x31;
/// The bytes of the two ends of a Unix socket.
const UNIX_ADDRESSES: usize = 216;

/// The version with which a proxy says that the client has no TLS, where the flag alone leaves open whether it passes the client's through.
const NO_TLS: &str = "none";

/// Flags of a part of type `SSL`: `PP2_CLIENT_…`.
const CLIENT_SSL: u8 = 1;
const CLIENT_CERTIFICATE_ON_CONNECTION: u8 = 2;
const CLIENT_CERTIFICATE_IN_SESSION: u8 = 4;

/// Reads bytes that begin with the signature.
pub(super) fn read(bytes: &[u8]) -> Result<Start, Malformed> {
    let Some([version_and_command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        return Ok(Start::Incomplete);
    };
    if version_and_command >> 4 != VERSION {
        return Err(Malformed("the PROXY header's version is not 2"));
    }
    let length = FIXED.saturating_add(usize::from(u16::from_be_bytes([*high, *low])));
    if length > LONGEST_BINARY {
        return Err(Malformed("the PROXY header is longer than 8 KiB"));
    }
    let Some(body) = bytes.get(FIXED..length) else { return Ok(Start::Incomplete) };
    let header = match version_and_command & 0xf {
        LOCAL => Header::default(),
        PROXY => proxied(*family, body)?,
        _ => return Err(Malformed("the PROXY header's command is neither LOCAL nor PROXY")),
    };
    Ok(Start::Header { header, length })
}

fn proxied(family: u8, body: &[u8]) -> Result<Header, Malformed> {
    let short = Malformed("the PROXY header ends within an address");
    let (endpoints, parts) = match family {
        TCP_OVER_IPV4 => addresses::<4>(body).map(|(ends, parts)| (Some(ends), parts))?,
        TCP_OVER_IPV6 => addresses::<16>(body).map(|(ends, parts)| (Some(ends), parts))?,
        // Its bytes may be anything.
        UNSPECIFIED => return Ok(with_parts(None, body).unwrap_or_default()),
        UNIX_STREAM => (None, body.get(UNIX_ADDRESSES..).ok_or(short)?),
        // The lengths of other families are not known here, so the parts behind them can't be found.
        _ => return Ok(Header::default()),
    };
    with_parts(endpoints, parts)
}

fn with_parts(endpoints: Option<Endpoints>, parts: &[u8]) -> Result<Header, Malformed> {
    let mut header = Header { endpoints, ..Header::default() };
    each_part(parts, |kind, value| {
        match kind {
            AUTHORITY => header.authority = Some(text(value)?),
            SSL => header.tls = client_tls(value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(header)
}

fn addresses<const N: usize>(body: &[u8]) -> Result<(Endpoints, &[u8]), Malformed>
where
    IpAddr: From<[u8; N]>,
{
    let short = Malformed("the PROXY header ends within an address");
    let (source, rest) = body.split_first_chunk::<N>().ok_or(short)?;
    let (destination, rest) = rest.split_first_chunk::<N>().ok_or(short)?;
    let ([a, b, c, d], rest) = rest.split_first_chunk().ok_or(short)?;
    let end = |address: &[u8; N], port| SocketAddr::new(IpAddr::from(*address), u16::from_be_bytes(port));
    Ok((Endpoints { source: end(source, [*a, *b]), destination: end(destination, [*c, *d]) }, rest))
}

fn each_part<'a>(
    mut bytes: &'a [u8],
    mut take: impl FnMut(u8, &'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while !bytes.is_empty() {
        let short = Malformed("the PROXY header ends within a part");
        let ([kind, high, low], rest) = bytes.split_first_chunk().ok_or(short)?;
        let (value, rest) = rest.split_at_checked(u16::from_be_bytes([*high, *low]).into()).ok_or(short)?;
        take(*kind, value)?;
        bytes = rest;
    }
    Ok(())
}

/// The TLS of a client; `None` where the proxy does not say. Without the flag HAProxy says that TLS does not end at itself: it may pass the client's
/// TLS through.
fn client_tls(value: &[u8]) -> Result<Option<ClientTls>, Malformed> {
    let ([flags, verify @ ..], parts) =
        value.split_first_chunk::<5>().ok_or(Malformed("the PROXY header's part on TLS is shorter than 5 bytes"))?;
    let has_certificate = flags & (CLIENT_CERTIFICATE_ON_CONNECTION | CLIENT_CERTIFICATE_IN_SESSION) != 0;
    let is_verified = has_certificate && *verify == [0; 4];
    let mut tls = ClientTls { is_encrypted: flags & CLIENT_SSL != 0, is_verified, ..ClientTls::default() };
    each_part(parts, |kind, value| {
        match kind {
            SSL_VERSION => tls.version = Some(text(value)?),
            SSL_COMMON_NAME => tls.common_name = Some(text(value)?),
            SSL_CIPHER => tls.cipher = Some(text(value)?),
            SSL_CLIENT_CERTIFICATE => tls.certificate = Some(value.to_vec()),
            _ => {}
        }
        Ok(())
    })?;
    if tls.is_encrypted {
        return Ok(Some(tls));
    }
    Ok((tls.version.as_deref() == Some(NO_TLS)).then(ClientTls::default))
}

fn text(value: &[u8]) -> Result<String, Malformed> {
    core::str::from_utf8(value)
        .map(ToString::to_string)
        .map_err(|_| Malformed("a text in the PROXY header is not UTF-8"))
}

/// Appends a header.
pub(super) fn write(header: &Header, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let (command, family) = match header.endpoints {
        Some(Endpoints { source, destination }) => (PROXY, write_addresses(source, destination, &mut body)),
        None => (LOCAL, 0),
    };
    if command == PROXY {
        if let Some(authority) = &header.authority {
            write_part(AUTHORITY, authority.as_bytes(), LONGEST_TEXT, &mut body);
        }
        if let Some(tls) = &header.tls {
            write_tls(tls, &mut body);
        }
    }
    out.extend_from_slice(SIGNATURE);
    out.extend([VERSION << 4 | command, family]);
    out.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.append(&mut body);
}

/// Appends both addresses; returns their family. A pair of both kinds is written as IPv6.
fn write_addresses(source: SocketAddr, destination: SocketAddr, body: &mut Vec<u8>) -> u8 {
    let family = match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            body.extend(source.octets().into_iter().chain(destination.octets()));
            TCP_OVER_IPV4
        }
        (source, destination) => {
            body.extend(octets(source).into_iter().chain(octets(destination)));
            TCP_OVER_IPV6
        }
    };
    body.extend(source.port().to_be_bytes());
    body.extend(destination.port().to_be_bytes());
    family
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn write_tls(tls: &ClientTls, body: &mut Vec<u8>) {
    let mut parts = Vec::new();
    let has_certificate = tls.is_verified || tls.certificate.is_some() || tls.common_name.is_some();
    let of_certificate = CLIENT_CERTIFICATE_ON_CONNECTION | CLIENT_CERTIFICATE_IN_SESSION;
    parts.push(if tls.is_encrypted { CLIENT_SSL } else { 0 } | if has_certificate { of_certificate } else { 0 });
    parts.extend(u32::from(!tls.is_verified).to_be_bytes());
    let version = if tls.is_encrypted { tls.version.clone() } else { Some(NO_TLS.into()) };
    let texts = [(SSL_VERSION, &version), (SSL_COMMON_NAME, &tls.common_name), (SSL_CIPHER, &tls.cipher)];
    for (kind, text) in texts {
        if let Some(text) = text {
            write_part(kind, text.as_bytes(), LONGEST_TEXT, &mut parts);
        }
    }
    if let Some(certificate) = &tls.certificate {
        write_part(SSL_CLIENT_CERTIFICATE, certificate, LONGEST_CERTIFICATE, &mut parts);
    }
    write_part(SSL, &parts, LONGEST_BINARY, body);
}

/// Appends a part, unless it is longer than a receiver may take.
fn write_part(kind: u8, value: &[u8], most: usize, out: &mut Vec<u8>) {
    if let (true, Ok(length)) = (value.len() <= most, u16::try_from(value.len())) {
        out.push(kind);
        out.extend(length.to_be_bytes());
        out.extend_from_slice(value);
    }
}
