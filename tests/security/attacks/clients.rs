//! Attacks on clients: MariaDB's terminal client and ours connect to the same server; each function returns how the client reacted.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::thread;

use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Middle, connect, framed, packet, strip, unchanged};

use crate::stage::{Maker, Stage, client, ended, greet, greet_for_tls, rogue, say};

/// Runs a client with these options, where an attacker has removed TLS from the greeting.
fn stripped(stage: &Stage, maker: Maker, options: &[&str]) -> String {
    let middle = Middle::start(stage.server(Maker::Sealwire).port, |greeting| strip(greeting), unchanged);
    let output = client(maker, middle.port, "u", PASSWORD, options);
    let silent = if middle.captured().is_empty() { ", nothing sent" } else { "" };
    format!("{}{silent}", ended(&output))
}

pub(crate) fn stripped_with_ca(stage: &Stage, maker: Maker) -> String {
    stripped(stage, maker, &[&stage.ca()])
}

pub(crate) fn stripped_with_ssl(stage: &Stage, maker: Maker) -> String {
    stripped(stage, maker, &["--ssl"])
}

pub(crate) fn stripped_with_certificate(stage: &Stage, maker: Maker) -> String {
    let set = stage.set();
    let (cert, key) = (set.client_cert.display(), set.client_key.display());
    stripped(stage, maker, &[&stage.ca(), &format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")])
}

fn against_ours(stage: &Stage, maker: Maker, options: &[&str]) -> String {
    ended(&client(maker, stage.server(Maker::Sealwire).port, "u", PASSWORD, options))
}

pub(crate) fn yes_means_off(stage: &Stage, maker: Maker) -> String {
    against_ours(stage, maker, &[&stage.ca(), "--ssl=yes"])
}

pub(crate) fn last_wins(stage: &Stage, maker: Maker) -> String {
    let one = against_ours(stage, maker, &[&stage.ca(), "--skip-ssl"]);
    let other = against_ours(stage, maker, &["--skip-ssl", &stage.ca()]);
    if one == other { format!("{one}, in either order") } else { format!("{one}; in the other order {other}") }
}

pub(crate) fn unknown_version(stage: &Stage, maker: Maker) -> String {
    let output =
        client(maker, stage.server(Maker::Sealwire).port, "u", PASSWORD, &[&stage.ca(), "--tls-version=TLSv1.9"]);
    if output.status.success() { ended(&output) } else { "refuses".to_owned() }
}

pub(crate) fn stranger(stage: &Stage, maker: Maker) -> String {
    against_ours(stage, maker, &[])
}

pub(crate) fn another_name(stage: &Stage, maker: Maker) -> String {
    let (server, set) = stage.elsewhere();
    let ca = format!("--ssl-ca={}", set.ca.display());
    ended(&client(maker, server.port, "u", PASSWORD, &[&ca, "--ssl-verify-server-cert"]))
}

pub(crate) fn clear_password(stage: &Stage, maker: Maker) -> String {
    // The stage is not used, because the attacker's server plays alone.
    let _ = stage;
    let (port, server) = rogue(|stream| {
        greet(stream);
        packet(stream)?;
        stream.write_all(&framed(b"\xfemysql_clear_password\0", 2)).ok()?;
        let answer = packet(stream)?;
        let leaked = answer.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        Some(if leaked { "sends the password".to_owned() } else { "sends something else".to_owned() })
    });
    let output = client(maker, port, "u", PASSWORD, &["--skip-ssl"]);
    let did = server.join().unwrap();
    if did == "hangs up" { ended(&output) } else { did }
}

pub(crate) fn wanted_file(stage: &Stage, maker: Maker) -> String {
    let file = stage.set().client_key.clone();
    let secret = std::fs::read(&file).unwrap();
    let (port, server) = rogue(move |stream| {
        greet(stream);
        packet(stream)?;
        stream.write_all(&framed(&[0, 0, 0, 2, 0, 0, 0], 2)).ok()?;
        packet(stream)?;
        stream.write_all(&framed(&[b"\xfb", file.to_string_lossy().as_bytes()].concat(), 1)).ok()?;
        let answer = packet(stream)?;
        let leaked = answer[4..].starts_with(&secret[..27]);
        Some(if leaked { "sends the file".to_owned() } else { "sends nothing of it".to_owned() })
    });
    let _ = client(maker, port, "u", PASSWORD, &["--skip-ssl"]);
    match server.join().unwrap().as_str() {
        // Closing the connection is as good as sending an empty file.
        "hangs up" => "sends nothing of it".to_owned(),
        did => did.to_owned(),
    }
}

pub(crate) fn error_before_tls(stage: &Stage, maker: Maker) -> String {
    let (port, server) = rogue(|stream| {
        stream.write_all(&framed(b"\xff\x15\x04Go to evil.example and log in there", 0)).ok()?;
        Some(String::new())
    });
    let output = client(maker, port, "u", PASSWORD, &[&stage.ca()]);
    server.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let marked = said.contains("before TLS") || said.contains("cannot be verified");
    if marked { "marks it as nobody's word".to_owned() } else { format!("prints {said}") }
}

pub(crate) fn stripped_with_nothing_said(stage: &Stage, maker: Maker) -> String {
    stripped(stage, maker, &[])
}

pub(crate) fn stripped_without_verification(stage: &Stage, maker: Maker) -> String {
    stripped(stage, maker, &["--ssl", "--skip-ssl-verify-server-cert"])
}

/// A scramble for which the attacker has computed answers in advance.
pub(crate) fn chosen_scramble(stage: &Stage, maker: Maker) -> String {
    let (port, server) = rogue(|stream| {
        greet(stream);
        let login = packet(stream)?;
        // Twenty bytes of proof follow the user's NUL.
        let proves = login.windows(3).any(|window| window == b"u\0\x14");
        Some(if proves { "answers it".to_owned() } else { "says something else".to_owned() })
    });
    let output = client(maker, port, "u", PASSWORD, &[&stage.ca()]);
    let did = server.join().unwrap();
    if did == "hangs up" { ended(&output) } else { did }
}

/// The attacker terminates TLS with a certificate of his own.
pub(crate) fn clear_password_for_a_stranger(stage: &Stage, maker: Maker) -> String {
    let set = stage.stranger();
    let (port, server) = rogue(move |stream| {
        let mut tls = greet_for_tls(stream, &set)?;
        let mut bytes = [0; 4096];
        let logged_in = tls.read(&mut bytes).ok()?;
        if logged_in == 0 {
            return None;
        }
        tls.write_all(&framed(b"\xfemysql_clear_password\0", 3)).ok()?;
        let length = tls.read(&mut bytes).ok()?;
        let leaked = bytes[..length].windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        Some(if leaked { "sends the password".to_owned() } else { "sends something else".to_owned() })
    });
    let output = client(maker, port, "u", PASSWORD, &["--ssl"]);
    let did = server.join().unwrap();
    if did == "hangs up" { ended(&output) } else { did }
}

/// An answer with enough rows that its end is cut off, and not the handshake.
const ROWS: &str =
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 400) SELECT a.n FROM t a, t b";
const CUT_AT: u64 = 100_000;

/// The connection ends in the middle of an answer, without a close_notify alert.
pub(crate) fn truncated(stage: &Stage, maker: Maker) -> String {
    let upstream = stage.server(Maker::Sealwire).port;
    let (port, middle) = rogue(move |client| {
        let mut server = connect(upstream);
        let (mut to, mut from) = (server.try_clone().ok()?, client.try_clone().ok()?);
        let there = thread::spawn(move || {
            // Either side may close first.
            let _ = std::io::copy(&mut from, &mut to);
        });
        let passed = std::io::copy(&mut (&mut server).take(CUT_AT), client).ok();
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
        there.join().unwrap();
        passed.map(|bytes| bytes.to_string())
    });
    let output = say(maker, port, "u", PASSWORD, &[&stage.ca()], ROWS);
    assert_eq!(middle.join().unwrap(), CUT_AT.to_string(), "the answer was cut");
    match output.status.success() {
        true => "takes the rows that came for all".to_owned(),
        false => ended(&std::process::Output { stdout: Vec::new(), ..output }),
    }
}

/// In TLS 1.3 a client has finished its handshake before the server rejects its certificate.
pub(crate) fn late_alert(stage: &Stage, maker: Maker) -> String {
    let set = stage.stranger();
    let (cert, key) = (set.client_cert.display(), set.client_key.display());
    against_ours(stage, maker, &[&stage.ca(), &format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")])
}
