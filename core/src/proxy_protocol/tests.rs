use alloc::string::String;
use alloc::vec;

use super::header::LONGEST_BINARY;
use super::*;

fn header(bytes: &[u8]) -> Header {
    match read(bytes).unwrap() {
        Start::Header { header, length } => {
            assert_eq!(length, bytes.len());
            header
        }
        other => panic!("{other:?}"),
    }
}

fn ends(source: &str, destination: &str) -> Option<Endpoints> {
    Some(Endpoints { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
}

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [binary::SIGNATURE, &[command, family], &length, body].concat()
}

#[test]
fn lines_of_version_1() {
    let four = header(b"PROXY TCP4 192.0.2.1 198.51.100.7 40000 3306\r\n");
    assert_eq!(four, Header { endpoints: ends("192.0.2.1:40000", "198.51.100.7:3306"), ..Header::default() });
    assert_eq!(header(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n").endpoints, ends("[2001:db8::1]:1", "[::1]:2"));
    assert_eq!(header(b"PROXY UNKNOWN\r\n"), Header::default());
    assert_eq!(header(b"PROXY UNKNOWN any words 1 2\r\n"), Header::default());
    for broken in [
        &b"PROXY \r\n"[..],
        b"PROXY TCP5 192.0.2.1 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.1 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.1 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.1 1 +2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.1 1 2 3\r\n",
        b"PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.\xff 192.0.2.1 1 2\r\n",
    ] {
        read(broken).unwrap_err();
    }
}

#[test]
fn the_line_is_at_most_107_bytes_long() {
    let line = |words: usize| [b"PROXY UNKNOWN ", vec![b'x'; words].as_slice(), b"\r\n"].concat();
    assert_eq!(line(91).len(), 107);
    header(&line(91));
    assert!(read(&line(92)).is_err());
    assert_eq!(read(&line(92)[..106]), Ok(Start::Incomplete));
}

#[test]
fn a_header_of_version_2_round_trips() {
    let tls = ClientTls {
        is_encrypted: true,
        version: Some("TLSv1.3".into()),
        cipher: Some("TLS_AES_256_GCM_SHA384".into()),
        common_name: Some("ada".into()),
        certificate: Some(vec![0x30; 6144]),
        is_verified: true,
    };
    // The proxy has verified a certificate and passes nothing of it on.
    let told = ClientTls { is_encrypted: true, is_verified: true, ..ClientTls::default() };
    for (endpoints, tls) in [
        (ends("192.0.2.1:40000", "198.51.100.7:3306"), None),
        (ends("[2001:db8::1]:1", "[::1]:2"), Some(ClientTls::default())),
        (ends("[2001:db8::1]:1", "[::1]:2"), Some(tls)),
        (ends("[2001:db8::1]:1", "[::1]:2"), Some(told)),
        (None, None),
    ] {
        let authority = endpoints.map(|_| "x".repeat(255));
        let sent = Header { endpoints, authority, tls };
        let mut bytes = vec![];
        sent.write(&mut bytes);
        assert_eq!(header(&bytes), sent);
        assert!(bytes.len() <= LONGEST_BINARY);
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Ok(Start::Incomplete), "{length}");
        }
    }
}

#[test]
fn a_header_of_version_1_round_trips() {
    for (endpoints, text) in [
        (ends("192.0.2.1:40000", "[::ffff:198.51.100.7]:3306"), "PROXY TCP4 192.0.2.1 198.51.100.7 40000 3306\r\n"),
        (ends("192.0.2.1:1", "[2001:db8::1]:2"), "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n"),
        (None, "PROXY UNKNOWN\r\n"),
    ] {
        let mut line = vec![];
        Header { endpoints, ..Header::default() }.write_line(&mut line);
        assert_eq!(String::from_utf8(line.clone()).unwrap(), text);
        assert_eq!(header(&line).endpoints.is_some(), endpoints.is_some());
    }
}

#[test]
fn parts_that_are_too_long_are_left_out() {
    let tls = ClientTls {
        is_encrypted: true,
        certificate: Some(vec![1; 6145]),
        common_name: Some("x".repeat(256)),
        ..ClientTls::default()
    };
    let mut bytes = vec![];
    Header { endpoints: ends("192.0.2.1:1", "192.0.2.1:2"), authority: None, tls: Some(tls) }.write(&mut bytes);
    assert_eq!(header(&bytes).tls, Some(ClientTls { is_encrypted: true, ..ClientTls::default() }));
}

#[test]
fn pairs_of_both_families_and_mapped_addresses_are_written() {
    for (source, destination, expected) in [
        ("192.0.2.1:1", "[2001:db8::1]:2", ends("[::ffff:192.0.2.1]:1", "[2001:db8::1]:2")),
        ("[::ffff:192.0.2.1]:1", "192.0.2.2:2", ends("192.0.2.1:1", "192.0.2.2:2")),
    ] {
        let mut bytes = vec![];
        Header { endpoints: ends(source, destination), ..Header::default() }.write(&mut bytes);
        assert_eq!(header(&bytes).endpoints, expected);
    }
}

#[test]
fn commands_families_and_lengths_of_version_2() {
    let four = [192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2];
    assert_eq!(header(&binary(0x20, 0x11, &four)), Header::default(), "LOCAL keeps the address");
    assert_eq!(header(&binary(0x21, 0x00, b"anything")), Header::default());
    assert_eq!(header(&binary(0x21, 0x31, &[0; 216])), Header::default(), "a Unix socket");
    let tls = [0x20, 0, 5, 1, 0, 0, 0, 1];
    for (family, address) in [(0x00, &[][..]), (0x31, &[0; 216])] {
        let tls = header(&binary(0x21, family, &[address, &tls].concat())).tls;
        assert!(tls.is_some_and(|tls| tls.is_encrypted), "{family}");
    }
    assert_eq!(header(&binary(0x21, 0x11, &four)).endpoints, ends("192.0.2.1:1", "192.0.2.2:2"));
    let unknown = [&four[..], &[0xe0, 0, 1, 7, 0x04, 0, 0]].concat();
    assert_eq!(header(&binary(0x21, 0x11, &unknown)).endpoints, ends("192.0.2.1:1", "192.0.2.2:2"));
    let with = |part: &[u8]| binary(0x21, 0x11, &[&four[..], part].concat());
    for broken in [
        binary(0x11, 0x11, &four),
        binary(0x22, 0x11, &four),
        binary(0x21, 0x11, &four[..11]),
        binary(0x21, 0x21, &four),
        binary(0x21, 0x11, &vec![0; LONGEST_BINARY]),
        with(&[0x02, 0, 1]),
        with(&[0x02, 0]),
        with(&[0x02, 0, 1, 0xff]),
        with(&[0x20, 0, 4, 1, 0, 0, 0]),
        with(&[0x20, 0, 6, 1, 0, 0, 0, 0, 0x21]),
    ] {
        read(&broken).unwrap_err();
    }
}

#[test]
fn a_certificate_counts_where_it_is_there_and_verified() {
    let verified = |flags: u8, verify: u8| {
        let part = [0x20, 0, 5, flags, 0, 0, 0, verify];
        let body = [&[192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2][..], &part].concat();
        header(&binary(0x21, 0x11, &body)).tls.map(|tls| tls.is_verified)
    };
    assert_eq!(verified(0, 0), None, "TLS may pass through the proxy");
    assert_eq!(verified(6, 0), None, "no TLS, whatever else it says");
    assert_eq!(verified(1, 0), Some(false), "verified, but no certificate came");
    assert_eq!((verified(3, 0), verified(5, 0), verified(7, 1)), (Some(true), Some(true), Some(false)));
}

#[test]
fn the_connections_own_bytes_are_no_header() {
    for bytes in [&b"\x20\x00\x00\x01\x85"[..], b"\x16\x03\x01", b"P", b"PROXI", b"\r\n\r\n\0\r\nQUIX", b"GET /"] {
        let expected = if bytes == b"P" { Start::Incomplete } else { Start::NoHeader };
        assert_eq!(read(bytes), Ok(expected), "{bytes:?}");
    }
    assert_eq!(read(b""), Ok(Start::Incomplete));
}

#[test]
fn no_bytes_make_it_panic() {
    let mut bytes = vec![];
    let tls = ClientTls { is_encrypted: true, common_name: Some("ada".into()), ..ClientTls::default() };
    Header { endpoints: ends("192.0.2.1:1", "192.0.2.1:2"), authority: Some("db".into()), tls: Some(tls) }
        .write(&mut bytes);
    for at in 0..bytes.len() {
        for value in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = read(&changed);
            let _ = read(&changed[..at]);
        }
    }
}
