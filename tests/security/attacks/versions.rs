//! `openssl s_client` with every version of TLS, and resumption.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use sealwire_tests::programs::missing;

use crate::stage::{Maker, Stage};

/// The version's option, and the expected result.
const VERSIONS: [(&str, Expected); 4] = [
    ("-tls1", Expected::Refused),
    ("-tls1_1", Expected::Refused),
    ("-tls1_2", Expected::Accepted("TLSv1.2")),
    ("-tls1_3", Expected::Accepted("TLSv1.3")),
];

#[derive(Clone, Copy)]
enum Expected {
    Accepted(&'static str),
    /// Refused with alert 40, handshake_failure: rustls looks for the signature algorithms, which old versions do not send, before it looks
    /// at the version.
    Refused,
}

pub(crate) fn trials(stage: &Arc<Stage>) -> Vec<Trial> {
    let absent = missing("openssl").is_some();
    let mut trials = Vec::new();
    for (option, expected) in VERSIONS {
        let stage = Arc::clone(stage);
        let title = format!("openssl s_client {option}");
        let test = move || of_version(&stage, option, expected).map_err(Failed::from);
        trials.push(Trial::test(title, test).with_ignored_flag(absent));
    }
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let stage = Arc::clone(stage);
        let title = format!("openssl s_client {option} resumes");
        let test = move || resumes(&stage, option, version).map_err(Failed::from);
        trials.push(Trial::test(title, test).with_ignored_flag(absent));
    }
    trials
}

/// The text that s_client prints at the end of a handshake.
const VERIFIED: &str = "Verify return code";
/// The text of a TLS 1.3 ticket, which arrives after the handshake.
const TICKET: &str = "New Session Ticket arrived";

fn of_version(stage: &Stage, option: &str, expected: Expected) -> Result<(), String> {
    // At its default security level OpenSSL itself would not offer TLS 1.0.
    let said = s_client(stage, &[option, "-cipher", "DEFAULT@SECLEVEL=0"], VERIFIED)?;
    says(
        &said,
        &match expected {
            Expected::Accepted(version) => format!("New, {version}, "),
            Expected::Refused => "alert number 40".to_owned(),
        },
    )
}

fn resumes(stage: &Stage, option: &str, version: &str) -> Result<(), String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = place.path().join("session").display().to_string();
    let until = if version == "TLSv1.3" { TICKET } else { VERIFIED };
    says(&s_client(stage, &[option, "-sess_out", &file], until)?, &format!("New, {version}, "))?;
    says(&s_client(stage, &[option, "-sess_in", &file], VERIFIED)?, &format!("Reused, {version}, "))
}

fn says(said: &str, wanted: &str) -> Result<(), String> {
    if said.contains(wanted) { Ok(()) } else { Err(format!("'{wanted}' is not in:\n{said}")) }
}

/// Runs s_client, with its standard input open until it has printed `until`; returns its output.
fn s_client(stage: &Stage, options: &[&str], until: &str) -> Result<String, String> {
    let told = |error: std::io::Error| format!("openssl: {error}");
    let (said, out) = std::io::pipe().map_err(told)?;
    let mut command = Command::new("openssl");
    command.args(["s_client", "-starttls", "mysql", "-connect"]);
    command.arg(format!("127.0.0.1:{}", stage.server(Maker::Sealwire).port)).arg("-CAfile").arg(&stage.set().ca);
    command.args(options).stdin(Stdio::piped()).stdout(out.try_clone().map_err(told)?).stderr(out);
    let mut child = command.spawn().map_err(told)?;
    drop(command);
    let mut stdin = child.stdin.take();
    let mut text = String::new();
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains(until) {
            stdin = None;
        }
        text += &line;
        text.push('\n');
    }
    drop(stdin);
    child.wait().map_err(told)?;
    Ok(text)
}
