//! The rules that hold in every run.

use sealwire_simnet::{Attacker, Outcome, Run, Scenario};

use super::draw::{QUERY, RIGHT, WRONG};
use super::oracle::{Verdict, expected};

/// The most bytes that a side may buffer for one connection, beside TCP's buffers.
const MOST_HELD: usize = 256 * 1024;
/// The time limits of the drivers, for closing and for a slow TCP handshake together, in microseconds.
const PATIENCE_US: u64 = 400_000_000;

/// Checks a run against the rules.
///
/// # Errors
/// The broken rule.
pub fn judge(scenario: &Scenario, run: &Run) -> Result<(), String> {
    let seconds = u64::from(scenario.client.connect_timeout) + u64::from(scenario.server.connect_timeout);
    check(!run.stuck, || "nothing was due any more, and the connection was not over".to_owned())?;
    check(run.time_us <= seconds * 1_000_000 + PATIENCE_US, || format!("it took {} µs", run.time_us))?;
    check(run.most_held <= MOST_HELD, || format!("{} bytes were held", run.most_held))?;
    for password in [RIGHT, WRONG] {
        check(!contains(&run.pcap, password), || "the password was on the wire".to_owned())?;
        check(!contains(&run.intercepted, password), || "the attacker has the password".to_owned())?;
    }
    let demands_tls = !matches!(scenario.client.ssl_mode.as_str(), "DISABLED" | "PREFERRED");
    check(!(demands_tls && contains(&run.pcap, QUERY)), || "the query was on the wire in plaintext".to_owned())?;
    let verifies = scenario.client.ssl_mode.starts_with("VERIFY");
    check(run.intercepted.is_empty() || !verifies, || "an impostor was talked to".to_owned())?;
    for outcome in &run.connections {
        connection(scenario, outcome).map_err(|problem| format!("{problem}: {outcome:?}"))?;
    }
    Ok(())
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let (first, text) = (text.as_bytes()[0], text.as_bytes());
    let mut rest = bytes;
    // The search goes by the first byte, because comparing every window takes most of the time of an unoptimised run.
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(text) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn connection(scenario: &Scenario, outcome: &Outcome) -> Result<(), String> {
    let Outcome { client, server, answers, without_deadline } = outcome;
    let rule = |holds: bool, problem: &str| check(holds, || problem.to_owned());
    rule(*without_deadline == 0, "a handshake without a deadline")?;
    let (client_in, server_in) = (client.connected_us.is_some(), server.connected_us.is_some());
    // In plaintext an attacker can forge the OK packet, and the client required nothing better.
    let forged = scenario.attacker.is_some() && client.facts.tls.is_none();
    rule(!client_in || server_in || forged, "the client is connected and the server let nobody in")?;
    if !client_in {
        rule(client.failure.is_some(), "the client is neither connected nor refused")?;
        let start = u64::from(scenario.spread_us) * u64::from(scenario.connections - 1);
        let limit = u64::from(scenario.client.connect_timeout) * 1_000_000 + start;
        rule(client.ended_us <= limit, "connecting took longer than its timeout")?;
    }

    // If one side reports TLS, the other must report the same TLS.
    let (ours, theirs) = (client.facts.tls.as_ref(), server.facts.tls.as_ref());
    let impostor = scenario.attacker == Some(Attacker::SwapCertificate);
    if client_in {
        rule(ours.is_some() == theirs.is_some(), "one side believes in TLS that the other does not have")?;
        rule(client.facts.auth_plugin.is_some(), "no plugin")?;
    }
    if let (Some(ours), Some(theirs), false) = (ours, theirs, impostor) {
        let negotiated =
            |tls: &sealwire_simnet::TlsReport| (tls.version.clone(), tls.cipher.clone(), tls.group.clone());
        rule(negotiated(ours) == negotiated(theirs), "the sides negotiated different things")?;
    }
    if server_in {
        rule(scenario.client.password == RIGHT, "a wrong password was let in")?;
        let clause = scenario.account.require.as_str();
        rule(clause.is_empty() || theirs.is_some(), "an account that REQUIREs TLS was used in plaintext")?;
        let shown = theirs.is_some_and(|tls| tls.verification == "ca" && tls.peer.is_some());
        let wants_certificate = ["X509", "SUBJECT", "ISSUER"].iter().any(|word| clause.contains(word));
        rule(!wants_certificate || shown, "an account that REQUIREs a certificate was used without")?;
        rule(!scenario.server.require_secure_transport || theirs.is_some(), "insecure transport was let in")?;
    }

    let verdict = expected(scenario);
    match (&scenario.attacker, &verdict) {
        // The attacker may log in over plaintext where the mode is PREFERRED, and over TLS of his own where the client verifies nothing.
        (Some(Attacker::StripSsl | Attacker::SwapCertificate), _) => {}
        (_, Verdict::Refused(_)) => rule(!server_in, "a connection that has to be refused was made")?,
        (_, Verdict::Connected(version)) if client_in => {
            rule(ours.map(|tls| tls.version.as_str()) == *version, "another version than the best of both")?;
        }
        (_, Verdict::Connected(_)) => {}
    }
    let undisturbed = matches!(&scenario.attacker, None | Some(Attacker::Idle)) && is_clean(scenario);
    if undisturbed {
        match verdict {
            Verdict::Connected(_) => {
                rule(client_in && client.failure.is_none() && server.failure.is_none(), "it had to be connected")?;
                rule(answers.len() == 1, "the query had to be answered")?;
            }
            Verdict::Refused(codes) => {
                let code = client.failure.as_ref().map(|failure| failure.code).unwrap_or_default();
                rule(codes.contains(&code), &format!("the client had to be refused with one of {codes:?}"))?;
            }
        }
    }
    Ok(())
}

/// Whether the line delivers all bytes, without a long delay.
const fn is_clean(scenario: &Scenario) -> bool {
    let network = &scenario.network;
    network.loss == 0
        && network.corruption == 0
        && network.reordering == 0
        && network.jitter_us == 0
        && network.bandwidth.is_none()
        && network.cut_at_us.is_none()
}
