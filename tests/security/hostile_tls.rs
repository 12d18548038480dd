//! A TLS peer (hostile_tls.py, on tlslite-ng) damages each message of the handshake in turn, as client and as server. Each case must end in
//! a fitting alert and a clean close, and a good client must be served afterwards. The table of cases is printed.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients;
use sealwire_tests::drivers::{PASSWORD, python};
use sealwire_tests::programs::{package_folder, program, set_up};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::Value;

fn main() -> ExitCode {
    let missing = set_up(&python());
    if let Some(reason) = &missing {
        println!("a hostile TLS peer is skipped: {reason}");
    }
    let trial = |name: &str, test: fn() -> Result<(), String>| {
        Trial::test(name, move || test().map_err(Failed::from)).with_ignored_flag(missing.is_some())
    };
    let trials = vec![
        trial("sealwired_and_a_hostile_client", sealwired_and_a_hostile_client),
        trial("sealwire_and_a_hostile_server", sealwire_and_a_hostile_server),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The fitting alerts for a damaged message; one of these words must be the result.
fn fitting(version: &str, message: &str, bend: &str) -> &'static [&'static str] {
    match bend {
        "nothing" => &["an answer", "a login"],
        "a stranger's" => &["unknown_ca"],
        "truncated" | "longer" => &["decode_error", "decrypt_error", "illegal_parameter", "close_notify"],
        // rustls sends no alert for this; ours can't be encrypted after the hellos of TLS 1.3, where it would be due.
        "oversized" if message == "finished" || version == "TLSv1.3" && !message.ends_with("hello") => {
            &["decode_error", "nothing"]
        }
        "oversized" => &["decode_error"],
        "doubled" => &["unexpected_message", "unreadable"],
        "out of order" => &["unexpected_message", "decode_error"],
        // The next message can't be read either; where none follows, the time runs out.
        "left out" => &["unexpected_message", "bad_record_mac", "close_notify", "nothing"],
        // An altered hello leads to different keys, so the peer can't read the answer.
        "false" => &[
            "decrypt_error",
            "illegal_parameter",
            "decode_error",
            "bad_certificate",
            "unknown_ca",
            "handshake_failure",
            "unreadable",
        ],
        "behind data" => &["unexpected_message", "decode_error", "bad_record_mac"],
        "behind warnings" => &["unexpected_message", "close_notify", "decode_error", "nothing"],
        // A peer that sent a fatal alert or close_notify gets none in return.
        "behind an error" | "replaced by goodbye" | "replaced by the end" => {
            &["nothing", "close_notify", "a sealed alert"]
        }
        "renegotiation" => &["no_renegotiation"],
        _ => &["protocol_version", "handshake_failure"],
    }
}

struct World {
    server: Server,
    set: CertificateSet,
    folder: PathBuf,
    _place: tempfile::TempDir,
}

fn world() -> Result<World, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = place.path().join("good");
    let set = CertificateSet::by_openssl(&folder);
    let stranger = CertificateSet::by_openssl(&place.path().join("stranger"));
    for (from, to) in [(&stranger.server_cert, "stranger-cert.pem"), (&stranger.server_key, "stranger-key.pem")] {
        std::fs::copy(from, folder.join(to)).map_err(|error| error.to_string())?;
    }
    let settings = Settings {
        certificates: Some(set.clone()),
        options: vec!["--connect-timeout=3".to_owned()],
        statements: vec![Kind::Sealwired.create_user("u", "caching_sha2_password", PASSWORD, "SSL")],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings)?;
    Ok(World { server, set, folder, _place: place })
}

fn sealwired_and_a_hostile_client() -> Result<(), String> {
    let world = world()?;
    let cases = play(&["client", &world.server.port.to_string()], &world.folder, &[])?;
    table("sealwired's alerts to a hostile client", &cases);
    judge(&cases)?;
    let config = clients::secure("u", &clients::context(&world.set));
    let mut good = clients::connect(world.server.port, config).map_err(|error| error.to_string())?;
    let answer = clients::ask(&mut good, "SELECT 'served'").map_err(|error| error.to_string())?;
    let log = world.server.log();
    if answer == "served" && !log.contains("bug") { Ok(()) } else { Err(format!("{answer}\n{log}")) }
}

fn sealwire_and_a_hostile_server() -> Result<(), String> {
    let world = world()?;
    let client = program("sealwire").display().to_string();
    let (ca, password) = (format!("--ssl-ca={}", world.set.ca.display()), format!("--password={PASSWORD}"));
    let command = [
        &client,
        "--no-defaults",
        "--host=127.0.0.1",
        "--port={port}",
        "--connect-timeout=3",
        "--user=u",
        &password,
        &ca,
        "-e",
        "SELECT 1",
    ];
    let cases = play(&["server"], &world.folder, &command)?;
    table("sealwire's alerts to a hostile server", &cases);
    judge(&cases)?;
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case["bend"] != "nothing") {
        let printed = case["printed"].as_str().unwrap_or_default();
        let is_told = printed.contains("ERROR 2026 (HY000)") || printed.contains("ERROR 2013 (HY000)");
        if case["code"] != 1 || case["said"] != 0 || !is_told || printed.contains(PASSWORD) {
            wrong.push(case.to_string());
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Runs the script; returns its cases.
fn play(role: &[&str], folder: &Path, command: &[&str]) -> Result<Vec<Value>, String> {
    let mut script = Command::new(python());
    script.arg(package_folder().join("security/hostile_tls.py")).args(role).arg(folder).args(command);
    let output = script.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
}

fn judge(cases: &[Value]) -> Result<(), String> {
    let text = |case: &Value, name: &str| case[name].as_str().unwrap_or_default().to_owned();
    let is_right = |case: &&Value| {
        let alert = text(case, "alert");
        let bend = text(case, "bend");
        let fits = fitting(&text(case, "version"), &text(case, "message"), &bend)
            .iter()
            .any(|fitting| alert.starts_with(fitting));
        // A peer that goes on, with a flood or a second final message, is disconnected; its system may report that before it has read all
        // bytes.
        let end = text(case, "end");
        let goes_on = bend == "behind warnings" || bend == "doubled" && text(case, "message") == "finished";
        fits && (end == "closed" || end == "reset" && goes_on)
    };
    let wrong: Vec<String> = cases.iter().filter(|case| !is_right(case)).map(ToString::to_string).collect();
    if cases.len() < 90 {
        return Err(format!("only {} cases", cases.len()));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Prints the alert for each message, by version and kind of damage.
fn table(title: &str, cases: &[Value]) {
    let mut lines: BTreeMap<(String, usize), (String, Vec<String>)> = BTreeMap::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut order: Vec<String> = Vec::new();
    for case in cases {
        let bend = text(&case["bend"]);
        let place = order.iter().position(|known| *known == bend).unwrap_or_else(|| {
            order.push(bend.clone());
            order.len() - 1
        });
        let cell = match text(&case["message"]).as_str() {
            "" => text(&case["alert"]),
            message => format!("{message} {}", text(&case["alert"])),
        };
        lines.entry((text(&case["version"]), place)).or_insert_with(|| (bend, Vec::new())).1.push(cell);
    }
    println!("{title}: {} cases", cases.len());
    for ((version, _), (bend, cells)) in &lines {
        println!("  {version:7} {bend:20} {}", cells.join(", "));
    }
}
