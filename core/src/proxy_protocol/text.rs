//! Version 1: a line of text.

use alloc::format;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use super::header::{Endpoints, Header, LONGEST_TEXT, Malformed, Start};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// Reads bytes that begin with the signature.
pub(super) fn read(bytes: &[u8]) -> Result<Start, Malformed> {
    let line = bytes.get(..bytes.len().min(LONGEST_TEXT)).unwrap_or_default();
    let Some(length) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_TEXT {
            Ok(Start::Incomplete)
        } else {
            Err(Malformed("the line of the PROXY header is too long"))
        };
    };
    let line = line
        .get(..length)
        .and_then(|line| core::str::from_utf8(line).ok())
        .ok_or(Malformed("the PROXY header is no text"))?;
    let mut words = line.split(' ').skip(1);
    let endpoints = match words.next() {
        Some("UNKNOWN") => None,
        Some("TCP4") => Some(endpoints::<Ipv4Addr>(&mut words)?),
        Some("TCP6") => Some(endpoints::<Ipv6Addr>(&mut words)?),
        _ => return Err(Malformed("the PROXY header's protocol is none of TCP4, TCP6 and UNKNOWN")),
    };
    if endpoints.is_some() && words.next().is_some() {
        return Err(Malformed("the PROXY header has more words than two addresses and two ports"));
    }
    let header = Header { endpoints, ..Header::default() };
    Ok(Start::Header { header, length: length.saturating_add(2) })
}

fn endpoints<'a, A: FromStr + Into<IpAddr>>(words: &mut impl Iterator<Item = &'a str>) -> Result<Endpoints, Malformed> {
    let mut address = || {
        let address = words.next().and_then(|word| word.parse::<A>().ok());
        address.map(A::into).ok_or(Malformed("an address in the PROXY header is not of the header's protocol"))
    };
    let (source, destination) = (address()?, address()?);
    let mut port = || {
        let digits = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|word| word.parse().ok())
            .ok_or(Malformed("a port in the PROXY header is no number up to 65535"))
    };
    Ok(Endpoints { source: SocketAddr::new(source, port()?), destination: SocketAddr::new(destination, port()?) })
}

/// Appends a line. A pair of both kinds is written as IPv6.
pub(super) fn write(endpoints: Option<Endpoints>, out: &mut Vec<u8>) {
    let line = endpoints.map_or_else(
        || "PROXY UNKNOWN\r\n".into(),
        |Endpoints { source, destination }| {
            let (from, to) = (source.ip().to_canonical(), destination.ip().to_canonical());
            let (protocol, from, to) = match (from, to) {
                (IpAddr::V4(_), IpAddr::V4(_)) => ("TCP4", from, to),
                _ => ("TCP6", widened(from), widened(to)),
            };
            format!("PROXY {protocol} {from} {to} {} {}\r\n", source.port(), destination.port())
        },
    );
    out.extend_from_slice(line.as_bytes());
}

const fn widened(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        address @ IpAddr::V6(_) => address,
    }
}
