//! Fuzzes the PROXY protocol's header: bytes are read as one, and a header that they describe is written and read back.

use std::net::{IpAddr, SocketAddr};

use sealwire_core::proxy_protocol::{ClientTls, Endpoints, Header, Start, read};

/// The longest headers of versions 1 and 2.
const LONGEST: [usize; 2] = [107, 8 * 1024];
/// The longest text and certificate that are written.
const LONGEST_TEXT: usize = 255;
const LONGEST_CERTIFICATE: usize = 6 * 1024;

/// The first byte says whether the others are read as a header, or describe one.
pub(super) fn run(data: &[u8]) {
    let Some((mode, bytes)) = data.split_first() else { return };
    if mode % 2 == 0 {
        reads(bytes);
    } else {
        comes_back(&described(bytes));
    }
}

fn reads(bytes: &[u8]) {
    match read(bytes) {
        Ok(Start::Header { header, length }) => {
            let most = LONGEST[usize::from(bytes[0] != b'P')];
            assert!(length <= bytes.len() && length <= most, "a header of {length} bytes");
            let alone = Start::Header { header: header.clone(), length };
            assert_eq!(read(&bytes[..length]), Ok(alone), "the bytes behind the header changed it");
            for cut in 0..length {
                assert_eq!(read(&bytes[..cut]), Ok(Start::Incomplete), "{cut} of {length} bytes");
            }
            comes_back(&header);
        }
        Ok(Start::Incomplete) => assert!(bytes.len() < LONGEST[1], "more than any header's bytes are asked for"),
        verdict => {
            let mut longer = bytes.to_vec();
            longer.extend(b"PROXY \r\n\r\n\0");
            assert_eq!(read(&longer), verdict, "the verdict changed with more bytes");
        }
    }
}

/// A header whose fields are taken from the bytes.
fn described(bytes: &[u8]) -> Header {
    let mut rest = bytes;
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count.min(rest.len()));
        rest = after;
        taken
    };
    let flags = take(1).first().copied().unwrap_or_default();
    let has = |flag: u8| flags & flag != 0;
    let mut end = |is_long: bool| {
        let mut octets = [0; 18];
        let taken = take(if is_long { 18 } else { 6 });
        octets[..taken.len()].copy_from_slice(taken);
        let [high, low, address @ ..] = octets;
        let [a, b, c, d, ..] = address;
        let ip = if is_long { IpAddr::from(address) } else { IpAddr::from([a, b, c, d]) };
        SocketAddr::new(ip, u16::from_be_bytes([high, low]))
    };
    let endpoints = has(1).then(|| Endpoints { source: end(has(2)), destination: end(has(4)) });
    let mut part = || {
        let [low, high] = *take(2) else { return None };
        let length = usize::from(u16::from_le_bytes([low, high])) % (LONGEST_CERTIFICATE + 2);
        // The bytes of a long part are repeated, because an input is shorter.
        let taken = take(length);
        Some(taken.iter().copied().cycle().take(if taken.is_empty() { 0 } else { length }).collect::<Vec<_>>())
    };
    let mut text = || part().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let authority = text();
    let (version, cipher, common_name) = (text(), text(), text());
    let tls =
        ClientTls { is_encrypted: has(8), version, cipher, common_name, certificate: part(), is_verified: has(16) };
    Header { endpoints, authority, tls: has(32).then_some(tls) }
}

/// A header that is written is read back, without the parts that no receiver need take.
fn comes_back(header: &Header) {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    assert!(bytes.len() <= LONGEST[1], "{} bytes", bytes.len());
    let length = bytes.len();
    assert_eq!(read(&bytes), Ok(Start::Header { header: written(header), length }));

    let mut line = Vec::new();
    header.write_line(&mut line);
    let (length, endpoints) = (line.len(), header.endpoints.map(canonical));
    assert!(length <= LONGEST[0], "{length} bytes");
    let expected = Header { endpoints, ..Header::default() };
    assert_eq!(read(&line), Ok(Start::Header { header: expected, length }));
}

/// The parts of a header that are written.
fn written(header: &Header) -> Header {
    let Some(endpoints) = header.endpoints else { return Header::default() };
    let text = |text: &Option<String>| text.clone().filter(|text| text.len() <= LONGEST_TEXT);
    let of_encrypted = |tls: &ClientTls| ClientTls {
        version: text(&tls.version),
        cipher: text(&tls.cipher),
        common_name: text(&tls.common_name),
        certificate: tls.certificate.clone().filter(|der| der.len() <= LONGEST_CERTIFICATE),
        ..*tls
    };
    let tls = header.tls.as_ref().map(|tls| if tls.is_encrypted { of_encrypted(tls) } else { ClientTls::default() });
    Header { endpoints: Some(canonical(endpoints)), authority: text(&header.authority), tls }
}

/// The addresses as a header has them: both of one family.
fn canonical(Endpoints { source, destination }: Endpoints) -> Endpoints {
    let both_are_short = source.ip().to_canonical().is_ipv4() && destination.ip().to_canonical().is_ipv4();
    let end = |end: SocketAddr| {
        let ip = match end.ip().to_canonical() {
            IpAddr::V4(short) if !both_are_short => IpAddr::V6(short.to_ipv6_mapped()),
            ip => ip,
        };
        SocketAddr::new(ip, end.port())
    };
    Endpoints { source: end(source), destination: end(destination) }
}
