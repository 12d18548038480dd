//! A terminal shows a server's text without executing its control characters, and a server gets no file or password that is not meant for
//! it.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use sealwire_core::tls::{NamedPem, ServerContext, ServerOptions};
use sealwire_tests::child;
use sealwire_tests::programs::{needs, package_folder, program};
use sealwire_tests::rogue::{CONTROLS, PASSWORD, Rogue, WANTED_FILE, control_text};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::{Value, json};

const PROMPT: &str = "sealwire> ";

fn options(rogue: &Rogue) -> Vec<String> {
    let fixed = ["--no-defaults", "--host=127.0.0.1", "--user=u", "--ssl-mode=DISABLED"].map(str::to_owned);
    [fixed.to_vec(), vec![format!("--port={}", rogue.port), format!("--password={PASSWORD}")]].concat()
}

/// The exact output of a program at a terminal. Each step waits for a text and types a line.
#[track_caller]
fn at_terminal(name: &str, options: &[String], steps: &[(&str, &str)]) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let mut command = vec![program(name).display().to_string()];
    command.extend_from_slice(options);
    let job = json!({
        "command": command,
        "environment": {"HOME": home.path(), "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
        "steps": steps.iter().map(|(expect, line)| json!({"expect": expect, "type": line})).collect::<Vec<_>>(),
    });
    let mut python = Command::new("python3");
    python.arg("-B").arg(package_folder().join("interop/scripts/terminal.py")).arg(job.to_string());
    let output = child::output(&mut python, &[]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(outcome["error"].is_null(), "{}; it showed:\n{}", outcome["error"], outcome["shown"]);
    outcome["raw"].as_str().unwrap().chars().map(|character| u32::from(character) as u8).collect()
}

/// The first of these characters that reached the terminal, or a byte of one that a terminal without UTF-8 would execute.
fn obeyed(shown: &[u8], allowed: &[char]) -> Option<String> {
    let text = String::from_utf8(shown.to_vec()).map_err(|error| error.to_string());
    let text = match text {
        Ok(text) => text,
        Err(error) => return Some(error),
    };
    let bad = CONTROLS
        .chars()
        .filter(|character| !matches!(character, ' '..='~'))
        .find(|character| !allowed.contains(character) && text.contains(*character));
    bad.map(|character| format!("{character:?} reached the terminal:\n{text:?}"))
}

/// Checks the output of a non-interactive program; a terminal adds a carriage return to each line.
#[track_caller]
fn assert_shown(shown: &[u8], places: &[&str], case: &str) {
    let text = String::from_utf8_lossy(shown).replace("\r\n", "\n");
    assert_eq!(obeyed(text.as_bytes(), &[]), None, "{case}");
    for place in places {
        let escaped = format!(
            r"{place}-\x1B]0;owned\x07\x1B[31m\x0D\x08\x7F\x9B31m\x9D0;owned\x9C\u{{202E}}\u{{2066}}\u{{200F}}"
        );
        assert!(text.contains(&escaped), "{case}: no '{escaped}' in:\n{text}");
    }
}

#[test]
fn results_of_every_form_are_shown_and_not_obeyed() {
    if !needs(&["python3"]) {
        return;
    }
    let rogue = Rogue::start(None);
    for form in ["-t", "-E", "-B", "-Br", "-ss", "-vvv", "-tvvv", "-BEvv", "-H", "-X", "-qt", "-qE"] {
        let line = [options(&rogue), vec![form.to_owned(), "-e".into(), "select 1".into()]].concat();
        let places: &[&str] = if form == "-ss" { &["value"] } else { &["column", "value"] };
        assert_shown(&at_terminal("sealwire", &line, &[]), places, form);
    }
    for (statement, places) in [
        ("fail", &["error"][..]),
        ("info", &["info"]),
        ("warnings\ninfo", &["info", "value"]),
        ("\\s", &["value", "version", "statistics"]),
        ("help x", &["value"]),
        ("use x", &["error"]),
        ("file", &[]),
    ] {
        let line = [options(&rogue), vec!["-vvv".into(), "-f".into(), "-e".into(), statement.to_owned()]].concat();
        assert_shown(&at_terminal("sealwire", &line, &[]), places, statement);
    }
    let line = [options(&rogue), vec!["--trace".into(), "-e".into(), "select 1".into()]].concat();
    assert_shown(&at_terminal("sealwire", &line, &[]), &[], "--trace");
}

#[test]
fn a_session_at_a_terminal_shows_and_does_not_obey() {
    if !needs(&["python3"]) {
        return;
    }
    let rogue = Rogue::start(None);
    let steps = [
        (PROMPT, "select 1;"),
        (PROMPT, "select 1\\G"),
        (PROMPT, "\\W"),
        (PROMPT, "info;"),
        (PROMPT, "fail;"),
        (PROMPT, "use x"),
        (PROMPT, "\\s"),
        (PROMPT, "help x"),
        (PROMPT, "file;"),
        (PROMPT, "\\R \\v \\d sealwire> "),
        (PROMPT, "\\q"),
    ];
    let shown = at_terminal("sealwire", &options(&rogue), &steps);
    let text = String::from_utf8(shown).unwrap();
    // The line editor sends sequences of its own to move the cursor, but none of these.
    for sequence in ["\x1b]", "\x1b[31m", "\x08\x7f", "\x07", "\u{9b}", "\u{9d}", "\u{202e}", "\u{2066}", "\u{200f}"] {
        assert!(!text.contains(sequence), "{sequence:?} reached the terminal:\n{text:?}");
    }
    for place in ["version", "column", "value", "info", "error", "statistics"] {
        assert!(text.contains(&format!("{place}-\\x1B]0;owned\\x07")), "no {place} in:\n{text}");
    }
}

#[test]
fn errors_are_clean_and_data_whole_where_output_goes_to_a_pipe() {
    let rogue = Rogue::start(None);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program("sealwire"));
        child::output(command.args(options(&rogue)).args(arguments), &[]).unwrap()
    };
    // A script gets the same output as from mysql.
    let Output { stdout, stderr, .. } = run(&["-Br", "-N", "-e", "select 1"]);
    assert_eq!(String::from_utf8(stdout).unwrap(), control_text("value") + "\n");
    assert_shown(&stderr, &[], "the warning");
    for (statement, places) in [("fail", &["error"][..]), ("\\s", &["version"]), ("warnings\ninfo", &["info", "value"])]
    {
        let Output { stdout, stderr, .. } = run(&["-vvv", "-e", statement]);
        assert_shown(&[stdout, stderr].concat(), places, statement);
    }
}

/// A self-signed certificate with these names, and a TLS context of a server with it.
fn certificate(common_name: &str, host: Option<&str>) -> (String, ServerContext) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names =
        host.map(|host| SanType::DnsName(Ia5String::try_from(host.to_owned()).unwrap())).into_iter().collect();
    let certificate = params.self_signed(&key).unwrap().pem();
    let mut server = ServerOptions::new(Arc::new(rustls::crypto::ring::default_provider()));
    server.cert = Some(NamedPem::new("cert", certificate.clone()));
    server.key = Some(NamedPem::new("key", key.serialize_pem()));
    (certificate, ServerContext::build(server).unwrap())
}

fn written(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn names_in_certificates_are_shown_and_not_obeyed() {
    if !needs(&["python3"]) {
        return;
    }
    // A DNS name is ASCII; the common name may be any text.
    let ascii: String = control_text("host").chars().filter(char::is_ascii).collect();
    for (common_name, host) in [(control_text("name"), None), ("cn".to_owned(), Some(ascii.as_str()))] {
        let (certificate, tls) = certificate(&common_name, host);
        let folder = tempfile::tempdir().unwrap();
        let file = written(folder.path(), "server-cert.pem", &certificate).display().to_string();
        let rogue = Rogue::start(Some(tls));

        let ca =
            |mode: &str| vec![format!("--ssl-mode={mode}"), format!("--ssl-ca={file}"), "-e".into(), "fail".into()];
        let line = [options(&rogue), ca("VERIFY_IDENTITY")].concat();
        let shown = at_terminal("sealwire", &line, &[]);
        assert_shown(&shown, &[], "VERIFY_IDENTITY");
        assert!(String::from_utf8_lossy(&shown).contains(r"-\x1B]0;owned\x07\x1B[31m"), "{shown:?}");
        // The user is asked.
        let line: Vec<String> =
            options(&rogue).into_iter().filter(|option| !option.starts_with("--ssl-mode")).collect();
        assert_shown(&at_terminal("sealwire", &line, &[("(yes/no)? ", "no")]), &[], "the question");

        let report = at_terminal("sealwire-certs", &["--check".into(), file], &[]);
        assert_shown(&report, &[], "--check");
        assert!(String::from_utf8_lossy(&report).contains(r"-\x1B]0;owned\x07\x1B[31m"), "{report:?}");
    }
}

#[test]
fn the_client_gives_no_file_that_it_was_not_told_to_and_says_what_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, tls) = certificate("db", Some("localhost"));
    let ca = written(folder.path(), "ca.pem", &certificate);
    let data = written(folder.path(), "data.csv", "1,2,3\n");
    let rogue = Rogue::start(Some(tls));
    let verified = ["--ssl-mode=VERIFY_CA".to_owned(), format!("--ssl-ca={}", ca.display())];
    let run = |options: &[String], statement: &str| {
        let mut command = Command::new(program("sealwire"));
        command.args(self::options(&rogue)).args(options).args(["--local-infile", "-e", statement]);
        let output = child::output(&mut command, &[]).unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let load = format!("/* mine */ LOAD DATA LOCAL INFILE '{}' INTO TABLE t", data.display());
    let (code, said) = run(&verified, &load);
    let note = format!("sealwire: [Note] sent '{}' (6 bytes) to the server\n", data.display());
    assert!(code == Some(0) && said.ends_with(&note), "{said}");

    let unverified = ["--ssl-mode=REQUIRED".to_owned()];
    for (options, statement, reason) in [
        (&verified[..], "file", WANTED_FILE),
        (&verified, "file LOAD DATA LOCAL INFILE '/etc/passwd'", WANTED_FILE),
        (&unverified, &load, "--ssl-ca"),
        (&[], &load, "--ssl-ca"),
    ] {
        let (code, said) = run(options, statement);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("ERROR 2068 (HY000)") && said.contains(reason), "{said}");
        assert!(!said.contains("sent '"), "{said}");
    }
}

#[test]
fn a_password_on_the_command_line_is_hidden_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for form in ["-phush-hush", "--password=hush-hush", "--passw=hush-hush", "-Bphush-hush"] {
        let mut command = Command::new(program("sealwire"));
        command.args(["--no-defaults", "--host=127.0.0.1", "--user=u", form, "-e", "select 1"]);
        command.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut client = command.spawn().unwrap();
        // When the client connects it has read its command line, and waits for the greeting.
        let (connection, _) = listener.accept().unwrap();
        let of_process = |name: &str| fs::read(format!("/proc/{}/{name}", client.id())).unwrap();
        for name in ["cmdline", "environ"] {
            let text = String::from_utf8_lossy(&of_process(name)).replace('\0', " ");
            assert!(!text.contains("hush"), "{form}: {name} is {text}");
        }
        let line = String::from_utf8_lossy(&of_process("cmdline")).into_owned();
        assert!(line.contains("xxxxx\0") && line.contains("--user=u\0"), "{form}: {line:?}");
        assert!(String::from_utf8_lossy(&of_process("comm")).starts_with("sealwire\n"));
        drop(connection);
        let status = client.wait().unwrap();
        assert_eq!(status.code(), Some(1));
        let mut said = String::new();
        std::io::Read::read_to_string(&mut client.stderr.take().unwrap(), &mut said).unwrap();
        let warning = "sealwire: [Warning] Using a password on the command line interface can be insecure.\n";
        assert_eq!(said.matches(warning).count(), 1, "{said}");
    }
    // The right password reaches the server.
    let rogue = Rogue::start(None);
    let mut command = Command::new(program("sealwire"));
    let output = child::output(command.args(options(&rogue)).args(["-N", "-e", "select 1"]), &[]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server decides by its status where a text of a dump ends, and a text may hold what looks like a command.
#[test]
fn a_server_makes_no_command_of_a_text_in_a_script() {
    let server = Server::start(Kind::Sealwired, &Settings::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (made, other) = (folder.path().join("made"), folder.path().join("other"));
    written(folder.path(), "script.sql", "SELECT 'the script ran';\n");
    let dump = format!(
        "INSERT INTO d.t VALUES ('x\\'\n\\! touch {made}\n\\. {folder}/script.sql\n\\T {made}\n');\n",
        made = made.display(),
        folder = folder.path().display()
    );
    let run = |input: &str| {
        let mut sealwire = Command::new(program("sealwire"));
        sealwire.args(["--no-defaults", "--force", "--user=root"]);
        sealwire.arg(format!("--socket={}", server.socket.display()));
        child::output(&mut sealwire, input.as_bytes()).unwrap()
    };
    // An earlier text that names the mode asks for nothing.
    let first = "CREATE DATABASE d; CREATE TABLE d.t (a TEXT);\nINSERT INTO d.t VALUES ('SET sql_mode NO_BACKSLASH_ESCAPES');\n";
    let output = run(&format!("{first}SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES';\n"));
    assert!(output.status.success(), "{output:?}");
    for begin in ["SELECT 'SET sql_mode = NO_BACKSLASH_ESCAPES';\n", "SELECT 1;\n"] {
        let output = run(&format!("{begin}{dump}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("the server alone says NO_BACKSLASH_ESCAPES"), "{told}");
        assert!(!made.exists() && !String::from_utf8_lossy(&output.stdout).contains("the script ran"), "{output:?}");
    }
    // A script that asks for the mode, and a server without it, run commands.
    assert!(run("SET GLOBAL sql_mode = '';\n").status.success());
    for mode in ["", "/*!40101 SET sql_mode = 'NO_BACKSLASH_ESCAPES' */;\n"] {
        let _ = fs::remove_file(&other);
        let output = run(&format!("{mode}SELECT 1;\n\\! touch {}\n", other.display()));
        assert!(output.status.success() && other.exists(), "{output:?}");
    }
}
