//! Attacks on servers: the same bytes go to MariaDB's server and to ours; each function returns the server's reaction in a few words.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sealwire::random::OsRandom;
use sealwire::{Client, ClientError, Config};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Change, Middle, connect, error_code, framed, packet, rest, ssl_request, unchanged};
use sealwire_tests::restart::restart;

use crate::stage::{Maker, SHORT_LOGIN_TIME, Stage, client, client_hello, ended, login, say};

/// A connection whose greeting was read.
fn greeted(stage: &Stage, maker: Maker) -> TcpStream {
    let mut stream = connect(stage.server(maker).port);
    packet(&mut stream).unwrap();
    stream
}

/// The meaning of the next packet.
fn said(stream: &mut TcpStream) -> String {
    match packet(stream) {
        None => "hangs up without a word".to_owned(),
        Some(bytes) if bytes[4] == 0xff => format!("refuses with error {}", error_code(&bytes).unwrap()),
        Some(bytes) if bytes[4] == 0xfe => "asks for a proof of the password".to_owned(),
        Some(bytes) => format!("says {:02x}", bytes[4]),
    }
}

pub(crate) fn credentials_before_tls(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    let mut bytes = framed(&login("u", true, "mysql_native_password", &[7; 20]), 1);
    bytes.extend(client_hello());
    stream.write_all(&bytes).unwrap();
    let mut first = [0; 1];
    stream.peek(&mut first).unwrap();
    if first == [0x16] { "takes them and begins TLS".to_owned() } else { said(&mut stream) }
}

/// More bytes than the kernel buffers for both sides together, so the server has read some of them.
const FLOOD: usize = 12 << 20;

pub(crate) fn megabytes_before_login(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    stream.write_all(&[0xff, 0xff, 0xff, 1]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut one = [0; 1];
    if restart(|| stream.peek(&mut one)).is_ok() {
        return said(&mut stream);
    }
    let mut taken = 0;
    while taken < FLOOD {
        match stream.write(&[0x41; 1 << 16]) {
            Ok(length) => taken += length,
            Err(_) => return "hangs up".to_owned(),
        }
    }
    "takes 12 MB and waits for more".to_owned()
}

pub(crate) fn altered_capabilities(stage: &Stage, maker: Maker) -> String {
    let alter: Change = |request| request[4] &= !0x08;
    let middle = Middle::start(stage.server(maker).port, unchanged, alter);
    let options = [&*stage.ca(), "--database=information_schema"];
    let output = say(Maker::Sealwire, middle.port, "u", PASSWORD, &options, "SELECT DATABASE()");
    middle.captured();
    match String::from_utf8_lossy(&output.stdout).trim_end() {
        "NULL" => "connects to no database".to_owned(),
        "information_schema" => "connects to the database that was named".to_owned(),
        _ => ended(&output),
    }
}

pub(crate) fn short_ssl_request(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    stream.write_all(&ssl_request(31)).unwrap();
    said(&mut stream)
}

pub(crate) fn required_tls_in_plaintext(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    // The plugin differs from the account's, so a server that goes on must send an AuthSwitchRequest.
    stream.write_all(&framed(&login("ssl_only", false, "client_ed25519", &[]), 1)).unwrap();
    said(&mut stream)
}

pub(crate) fn injected_command(stage: &Stage, maker: Maker) -> String {
    let inject: Change = |request| request.extend_from_slice(b"\x0f\0\0\0\x03SELECT 'evil'");
    let middle = Middle::start(stage.server(maker).port, unchanged, inject);
    let output = client(Maker::Sealwire, middle.port, "u", PASSWORD, &[&stage.ca()]);
    middle.captured();
    let how = ended(&output);
    // MariaDB's error 1043 may come in the place of TLS before the connection does, and the client tells it then.
    if how.ends_with("error 2026") || how.ends_with("error 1043") {
        "refuses before TLS is there".to_owned()
    } else {
        how
    }
}

pub(crate) fn wrong_number(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    let mut bytes = ssl_request(32);
    bytes[3] = 7;
    stream.write_all(&bytes).unwrap();
    said(&mut stream)
}

pub(crate) fn query_before_login(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    stream.write_all(&framed(b"\x03SELECT 1", 1)).unwrap();
    said(&mut stream)
}

pub(crate) fn empty_packets(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    stream.write_all(&framed(b"", 1)).unwrap();
    said(&mut stream)
}

/// Guesses passwords on one connection by COM_CHANGE_USER, each with the last greeting's scramble.
pub(crate) fn guesses_by_change_user(stage: &Stage, maker: Maker) -> String {
    let stream = connect(stage.server(maker).port);
    let config = Config::new("u", PASSWORD.into(), std::sync::Arc::new(OsRandom::new()));
    let mut client = Client::over(stream, config).unwrap();
    let mut guesses = 0;
    while guesses < 10 {
        guesses += 1;
        let failed = client.change_user("u", format!("guess {guesses}").as_str().into(), None).unwrap_err();
        assert!(!matches!(failed, ClientError::Connect { .. }), "{failed}");
        if client.ping().is_err() {
            break;
        }
    }
    format!("takes {guesses} of 10 guesses")
}

/// Changes from an account that may be used in plaintext to one that requires TLS.
pub(crate) fn change_user_to_required_tls(stage: &Stage, maker: Maker) -> String {
    let stream = connect(stage.server(maker).port);
    let config = Config::new("u", PASSWORD.into(), std::sync::Arc::new(OsRandom::new()));
    let mut client = Client::over(stream, config).unwrap();
    match client.change_user("ssl_only", PASSWORD.into(), None) {
        Ok(()) => "lets it in".to_owned(),
        Err(error) => format!("refuses with error {}", error.to_sql_error().code),
    }
}

/// Sends connection attributes with a length beyond the packet's end.
pub(crate) fn lying_attributes(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    let mut bytes = login("u", false, "mysql_native_password", &[7; 20]);
    bytes[2] |= 0x10;
    bytes.extend(b"\xfd\xff\xff\xff\x04name\xfc\xff\xff");
    stream.write_all(&framed(&bytes, 1)).unwrap();
    said(&mut stream)
}

pub(crate) fn unknown_user(stage: &Stage, maker: Maker) -> String {
    let told = |user: &str| {
        let output = client(Maker::Sealwire, stage.server(maker).port, user, "wrong", &[&stage.ca()]);
        String::from_utf8_lossy(&output.stderr).replace(&format!("'{user}'"), "USER")
    };
    let (known, unknown) = (told("u"), told("v"));
    assert!(known.contains("ERROR 1045 (28000)"), "{known}");
    if known == unknown { "tells the same".to_owned() } else { format!("tells '{known}' and '{unknown}'") }
}

/// The server's reaction when the login time is over.
pub(crate) fn silence_after_ssl_request(stage: &Stage, maker: Maker) -> String {
    let mut stream = connect(stage.impatient(maker).port);
    packet(&mut stream).unwrap();
    stream.write_all(&ssl_request(32)).unwrap();
    match rest(&mut stream).as_slice() {
        [] => "hangs up without a word".to_owned(),
        // A TLS alert.
        [0x15, 3, ..] => "says goodbye in TLS".to_owned(),
        bytes => match error_code(bytes) {
            Some(code) => format!("says error {code} in plaintext"),
            None => format!("says {bytes:02x?}"),
        },
    }
}

/// Sends a login byte by byte, over five times the server's login time.
pub(crate) fn a_byte_at_a_time(stage: &Stage, maker: Maker) -> String {
    let mut stream = connect(stage.impatient(maker).port);
    packet(&mut stream).unwrap();
    let begin = Instant::now();
    // The read that times out sets the pace of the writes.
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut bytes = vec![0xff, 0x7f, 0, 1];
    bytes.resize(10_000, 0x41);
    for byte in bytes {
        let over = |read: std::io::Result<usize>| {
            read.map_or_else(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), |_| true)
        };
        if stream.write_all(&[byte]).is_err() || over(restart(|| stream.read(&mut [0; 64]))) {
            return "hangs up".to_owned();
        }
        if begin.elapsed() > 5 * SHORT_LOGIN_TIME {
            return "is still there after 5 times its connect_timeout".to_owned();
        }
    }
    "takes it all".to_owned()
}

/// The server's answer to half a packet followed by the end of the stream.
pub(crate) fn half_a_packet(stage: &Stage, maker: Maker) -> String {
    let mut stream = greeted(stage, maker);
    stream.write_all(&ssl_request(32)[..20]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    match error_code(&said) {
        Some(code) => format!("refuses with error {code}"),
        None => "hangs up without a word".to_owned(),
    }
}
