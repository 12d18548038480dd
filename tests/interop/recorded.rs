//! Drivers that can't be run here, tested by their recorded packets: their logins, byte for byte, and a prepared statement, over each
//! version of TLS. Their accounts have no password, so no packet depends on the server's scramble.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::middle::{connect, framed, packet};
use sealwire_tests::server::{Kind, Server, Settings};

/// The packets of a driver, by payload.
struct Recording {
    driver: &'static str,
    user: &'static str,
    plugin: &'static str,
    ssl_request: &'static [u8],
    response: &'static [u8],
    /// COM_STMT_EXECUTE of the first statement, `SELECT ?`, with 42.
    execute: &'static [u8],
    /// How many packets the answers to COM_STMT_PREPARE and COM_STMT_EXECUTE have.
    answers: [usize; 2],
}

/// Made by the driver's own functions, version 1.9.0 on Erlang/OTP 25. Only the SSLRequest has CLIENT_SSL.
const MYSQL_OTP: Recording = Recording {
    driver: "mysql-otp",
    user: "otp",
    plugin: "caching_sha2_password",
    ssl_request: b"\x81\xaa\x0f\x00\x00\x00\x00\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    response: b"\x81\xa2\x0f\x00\x00\x00\x00\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        otp\0\0caching_sha2_password\0",
    execute: b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x01\x80\x2a",
    answers: [5, 5],
};

/// In the format of its class HandshakeResponse41Payload. Only the SSLRequest has CLIENT_SSL.
const MYSQL_CONNECTOR_NET: Recording = Recording {
    driver: "MySqlConnector",
    user: "dotnet",
    plugin: "mysql_native_password",
    ssl_request: b"\x03\xaa\xbb\x01\x00\x00\x00\x40\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    response: b"\x03\xa2\xbb\x01\x00\x00\x00\x40\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
        dotnet\0\0mysql_native_password\0\
        \x54\x0c_client_name\x0eMySqlConnector\x0f_client_version\x051.3.2\x03_os\x05Linux\x04_pid\x041234\
        \x09_platform\x03x64",
    execute: b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x03\0\x2a\0\0\0",
    answers: [3, 4],
};

fn tls(stream: TcpStream, set: &CertificateSet, version: &'static SupportedProtocolVersion) -> impl Read + Write {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&set.ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    StreamOwned::new(ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap(), stream)
}

/// The payloads of the next `count` packets.
fn packets(stream: &mut impl Read, count: usize) -> Vec<Vec<u8>> {
    let mut next = || {
        let mut header = [0; 4];
        stream.read_exact(&mut header).unwrap();
        let mut payload = vec![0; usize::from(header[0]) | usize::from(header[1]) << 8];
        stream.read_exact(&mut payload).unwrap();
        assert_ne!(payload.first(), Some(&0xff), "{}", String::from_utf8_lossy(&payload));
        payload
    };
    (0..count).map(|_| next()).collect()
}

fn replay(recording: &Recording, version: &'static SupportedProtocolVersion) {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let settings = Settings {
        certificates: Some(set.clone()),
        statements: vec![Kind::Sealwired.create_user(recording.user, recording.plugin, "", "SSL")],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut stream = connect(server.port);
    packet(&mut stream).expect("a greeting");
    stream.write_all(&framed(recording.ssl_request, 1)).unwrap();
    let mut stream = tls(stream, &set, version);
    stream.write_all(&framed(recording.response, 2)).unwrap();
    let told = packets(&mut stream, 1);
    assert_eq!(told[0][0], 0, "{}: it is in: {told:?}", recording.driver);
    stream.write_all(&framed(b"\x16SELECT ?", 0)).unwrap();
    let prepared = packets(&mut stream, recording.answers[0]);
    assert_eq!(prepared[0][..9], [0, 1, 0, 0, 0, 1, 0, 1, 0], "statement 1 of one column and one parameter");
    stream.write_all(&framed(recording.execute, 0)).unwrap();
    let answer = packets(&mut stream, recording.answers[1]);
    let row = &answer[answer.len() - 2];
    assert_eq!(row[..2], [0, 0], "a row without NULL");
    assert!(row[2..] == 42_u64.to_le_bytes() || row[2..] == *b"\x0242", "{row:?}");
    stream.write_all(&framed(b"\x01", 0)).unwrap();
}

#[test]
fn mysql_otp_logs_in_over_tls_1_2_and_1_3() {
    replay(&MYSQL_OTP, &TLS12);
    replay(&MYSQL_OTP, &TLS13);
}

#[test]
fn mysql_connector_for_net_logs_in_over_tls_1_2_and_1_3() {
    replay(&MYSQL_CONNECTOR_NET, &TLS12);
    replay(&MYSQL_CONNECTOR_NET, &TLS13);
}
