//! Attacks on clients: the terminal client of MariaDB and ours meet the same server; each returns what the client did.

use std::io::Write as _;

use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Middle, framed, packet, strip, unchanged};

use crate::stage::{Stage, Whose, client, ended, greet, rogue};

/// A client with these options, where somebody took TLS out of the greeting.
fn stripped(stage: &Stage, whose: Whose, options: &[&str]) -> String {
    let middle = Middle::start(stage.server(Whose::Sealwire).port, |greeting| strip(greeting), unchanged);
    let output = client(whose, middle.port, "u", PASSWORD, options);
    let silent = if middle.heard().is_empty() { ", nothing sent" } else { "" };
    format!("{}{silent}", ended(&output))
}

pub(crate) fn stripped_with_ca(stage: &Stage, whose: Whose) -> String {
    stripped(stage, whose, &[&stage.ca()])
}

pub(crate) fn stripped_with_ssl(stage: &Stage, whose: Whose) -> String {
    stripped(stage, whose, &["--ssl"])
}

pub(crate) fn stripped_with_certificate(stage: &Stage, whose: Whose) -> String {
    let set = stage.set();
    let (cert, key) = (set.client_cert.display(), set.client_key.display());
    stripped(stage, whose, &[&stage.ca(), &format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")])
}

fn against_ours(stage: &Stage, whose: Whose, options: &[&str]) -> String {
    ended(&client(whose, stage.server(Whose::Sealwire).port, "u", PASSWORD, options))
}

pub(crate) fn yes_means_off(stage: &Stage, whose: Whose) -> String {
    against_ours(stage, whose, &[&stage.ca(), "--ssl=yes"])
}

pub(crate) fn last_wins(stage: &Stage, whose: Whose) -> String {
    let one = against_ours(stage, whose, &[&stage.ca(), "--skip-ssl"]);
    let other = against_ours(stage, whose, &["--skip-ssl", &stage.ca()]);
    if one == other { format!("{one}, in either order") } else { format!("{one}; in the other order {other}") }
}

pub(crate) fn unknown_version(stage: &Stage, whose: Whose) -> String {
    let output =
        client(whose, stage.server(Whose::Sealwire).port, "u", PASSWORD, &[&stage.ca(), "--tls-version=TLSv1.9"]);
    if output.status.success() { ended(&output) } else { "refuses".to_owned() }
}

pub(crate) fn stranger(stage: &Stage, whose: Whose) -> String {
    against_ours(stage, whose, &[])
}

pub(crate) fn another_name(stage: &Stage, whose: Whose) -> String {
    let (server, set) = stage.elsewhere();
    let ca = format!("--ssl-ca={}", set.ca.display());
    ended(&client(whose, server.port, "u", PASSWORD, &[&ca, "--ssl-verify-server-cert"]))
}

pub(crate) fn clear_password(stage: &Stage, whose: Whose) -> String {
    // The stage is not needed: the server is nobody's.
    let _ = stage;
    let (port, server) = rogue(|stream| {
        greet(stream);
        packet(stream)?;
        stream.write_all(&framed(b"\xfemysql_clear_password\0", 2)).ok()?;
        let answer = packet(stream)?;
        let leaked = answer.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        Some(if leaked { "sends the password".to_owned() } else { "sends something else".to_owned() })
    });
    let output = client(whose, port, "u", PASSWORD, &["--skip-ssl"]);
    let did = server.join().unwrap();
    if did == "hangs up" { ended(&output) } else { did }
}

pub(crate) fn wanted_file(stage: &Stage, whose: Whose) -> String {
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
    let _ = client(whose, port, "u", PASSWORD, &["--skip-ssl"]);
    match server.join().unwrap().as_str() {
        // To end the connection is as good as an empty file.
        "hangs up" => "sends nothing of it".to_owned(),
        did => did.to_owned(),
    }
}

pub(crate) fn error_before_tls(stage: &Stage, whose: Whose) -> String {
    let (port, server) = rogue(|stream| {
        stream.write_all(&framed(b"\xff\x15\x04Go to evil.example and log in there", 0)).ok()?;
        Some(String::new())
    });
    let output = client(whose, port, "u", PASSWORD, &[&stage.ca()]);
    server.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let marked = said.contains("before TLS") || said.contains("cannot be verified");
    if marked { "marks it as nobody's word".to_owned() } else { format!("prints {said}") }
}
