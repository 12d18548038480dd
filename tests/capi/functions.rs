//! Options, and functions that few programs call: as MariaDB's library has them, or better where the README says so.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use sealwire_tests::capi::{compile, folder, heard, library, said, with_ours};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::{needs, package_folder};
use tempfile::tempdir;

use crate::servers::{PASSWORD, Served, USER, mariadb, sealwired};

/// MariaDB's own library.
pub(crate) const ORIGINAL: &str = "/usr/lib/x86_64-linux-gnu/libmariadb.so.3";

fn built(name: &str, place: &Path) -> PathBuf {
    compile(name, &folder().join("include"), place)
}

/// The output of a program that runs with MariaDB's library.
pub(crate) fn said_by_theirs(program: &Path, arguments: &[&str]) -> String {
    said(Command::new(program).args(arguments).env_remove("LD_LIBRARY_PATH").env("HOME", "/nonexistent"))
}

#[test]
fn each_option_is_set_and_read_as_in_mariadbs_library() {
    if !needs(&["cc", ORIGINAL]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = built("options", place.path());
    let theirs = said_by_theirs(&program, &[]);
    // MariaDB's names the character set of a connection, which there is not yet.
    let expected = theirs.replace("\n7 utf8mb4 0:0 utf8mb4\n", "\n7 utf8mb4 0:0 latin1\n");
    assert!(expected != theirs && theirs.lines().count() > 65, "{theirs}");
    assert_eq!(said(&mut with_ours(&program)), expected);
}

#[test]
fn a_value_that_an_option_cannot_have_is_refused() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let lines = said(with_ours(built("options", place.path())).arg("invalid"));
    for (number, line) in
        ["9", "41", "42", "7004", "7012", "7026", "1398210561", "1398210561"].iter().zip(lines.lines())
    {
        let code = if *number == "41" { "2026" } else { "2034" };
        let (before, after) = line.split_once(&format!(" 1:{code} ")).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(before, format!("{number} {after}"), "the option keeps its value");
    }
    assert_eq!(lines.lines().count(), 8);
}

#[test]
fn texts_are_converted_between_character_sets() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let lines = said(&mut with_ours(built("conversion", place.path())));
    for expected in [
        "utf8mb4>latin1 4 0 0 60:636166e9",
        "utf8mb4>latin1 1 0 0 63:80",
        "utf8mb4>cp1251 3 0 0 61:cff0e8",
        "utf8mb4>koi8r 3 0 0 61:f0d2c9",
        "utf8mb4>gbk 4 0 0 60:d6d0cec4",
        "utf8mb4>big5 4 0 0 60:a4a4a4e5",
        "utf8mb4>sjis 4 0 0 60:9286 95b6",
        "utf8mb4>ujis 4 0 0 60:c3e6cab8",
        "utf8mb4>utf16 4 0 0 60:4e2d6587",
        "utf8mb4>utf16le 4 0 0 60:2d4e8765",
        "utf8mb4>latin2 3 0 0 61:616263",
        "latin1>utf8mb4 4 0 0 60:61c3a97a",
        "cp1251>utf8mb4 4 0 0 60:61d0b97a",
        "utf8mb4>ascii 0 0 0 64:",
        // The room is too small, a character is cut, one is invalid, a character set has no conversion.
        "latin1>utf8mb4 -1 7 1 0:",
        "utf8mb4>latin1 -1 22 1 63:",
        "utf8mb4>latin1 -1 84 1 63:",
        "utf8mb4>keybcs2 -1 22 3 64:",
        "utf8mb4>nosuch -1 22 3 64:",
    ] {
        let expected = expected.replace("9286 95b6", "928695b6");
        assert!(lines.lines().any(|line| line == expected), "{expected}: {lines}");
    }
}

#[test]
fn seldom_used_functions_answer_as_in_mariadbs_library() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = built("functions", place.path());
    let (port, ca) = (served.port(), served.ca().display().to_string());
    let arguments = ["127.0.0.1", &port, USER, PASSWORD, &ca];
    let theirs = said_by_theirs(&program, &arguments);
    assert!(
        theirs.contains("[2 1]") && theirs.contains("the source 2 is broken") && theirs.lines().count() > 70,
        "{theirs}"
    );
    assert_eq!(said(with_ours(&program).args(arguments)), theirs);
}

/// MariaDB's library sends COM_REFRESH, COM_PROCESS_INFO and COM_DEBUG where ours sends statements for some.
#[test]
fn sealwired_answers_the_old_commands_of_either_library() {
    if !needs(&["cc", ORIGINAL]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = built("functions", place.path());
    let (port, ca) = (sealwired().port(), sealwired().ca().display().to_string());
    let arguments = ["127.0.0.1", &port, USER, PASSWORD, &ca, "commands"];
    let theirs = said_by_theirs(&program, &arguments);
    assert_eq!(theirs.matches("refresh: 0 0 00000\n").count(), 6, "{theirs}");
    for expected in [
        "\ndebug: 0 0 00000\n",
        "but 128: 0 0 00000\n",
        "processes 1\n",
        "debug: 1 1227 42000\nrefresh: 1 1227 42000\nrefresh: 1 1227 42000\n",
    ] {
        assert!(theirs.contains(expected), "{expected}: {theirs}");
    }
    assert_eq!(said(with_ours(&program).args(arguments)), theirs);
}

fn settings(program: &Path, served: &Served, times: &str, options: &[&str]) -> String {
    let mut command = with_ours(program);
    command.args([times, "127.0.0.1", &served.port(), USER, PASSWORD, ""]).args(options);
    String::from_utf8(heard(&mut command).stdout).unwrap()
}

fn openssl(arguments: &[&str]) -> String {
    said(Command::new("openssl").args(arguments))
}

#[test]
fn a_fingerprint_of_any_length_names_the_server() {
    if !needs(&["cc", "openssl"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = built("settings", place.path());
    let list = place.path().join("fingerprints");
    for served in mariadb().into_iter().chain([sealwired()]) {
        for hash in ["-sha1", "-sha224", "-sha256", "-sha384", "-sha512"] {
            let certificate = served.set.server_cert.display().to_string();
            let printed = openssl(&["x509", "-in", &certificate, "-noout", "-fingerprint", hash]);
            let with_colons = printed.trim().split_once('=').unwrap().1;
            let plain = with_colons.replace(':', "").to_lowercase();
            std::fs::write(&list, format!("# servers\n{}\n{plain}\n", "00".repeat(plain.len() / 2))).unwrap();
            let options = [
                format!("7001={with_colons}"),
                format!("7006={plain}"),
                format!("7002={}", list.display()),
                format!("7007={}", list.display()),
            ];
            for option in &options {
                let line = settings(&program, served, "1", &[option]);
                assert!(line.starts_with("OK TLS_AES_") && line.contains(" fingerprint "), "{hash} {option}: {line}");
            }
            let wrong = format!("7001={}", plain.chars().rev().collect::<String>());
            let line = settings(&program, served, "1", &[&wrong]);
            assert!(line.starts_with("2026 HY000 SSL connection error: "), "{hash}: {line}");
        }
        let line = settings(&program, served, "1", &["7001=abcd"]);
        assert!(line.starts_with("2026 ") && line.contains("length of no known hash"), "{line}");
    }
}

#[test]
fn nothing_takes_back_what_the_program_demands_of_a_server() {
    if !needs(&["cc", "openssl"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = built("settings", place.path());
    let other = CertificateSet::by_openssl(place.path());
    for served in mariadb().into_iter().chain([sealwired()]) {
        let certificate = served.set.server_cert.display().to_string();
        let printed = openssl(&["x509", "-in", &certificate, "-noout", "-fingerprint", "-sha256"]);
        let fingerprint = format!("7001={}", printed.trim().split_once('=').unwrap().1);
        let wrong_one = format!("7001={}", "00".repeat(32));
        let (ca, other_ca) = (format!("27={}", served.ca().display()), format!("27={}", other.ca.display()));
        let is_taken = |options: &[&str]| {
            let line = settings(&program, served, "1", options);
            assert!(line.starts_with("OK TLS_") || line.starts_with("2026 "), "{options:?}: {line}");
            line.starts_with("OK TLS_")
        };
        // A fingerprint does not stand for the CA, nor a CA for the fingerprint.
        for verify in [&[][..], &["21!1"]] {
            assert!(is_taken(&[verify, &[&ca, &fingerprint]].concat()));
            assert!(!is_taken(&[verify, &[&ca, &wrong_one]].concat()));
            assert!(!is_taken(&[verify, &[&other_ca, &fingerprint]].concat()));
        }
        for mode in ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
            let file = place.path().join(mode);
            let text = format!("[client]\nssl-mode={mode}\n[fingerprint]\nssl-fp={}\n", &fingerprint[5..]);
            std::fs::write(&file, text).unwrap();
            let file = format!("0={}", file.display());
            assert!(!is_taken(&[&other_ca, &file]), "{mode}");
            assert!(!is_taken(&[&other_ca, &file, "5=fingerprint"]), "{mode}");
            assert!(is_taken(&[&ca, &file, "5=fingerprint"]), "{mode}");
        }
        // An empty text asks for TLS, and where it must name a file it is an error.
        for option in ["25=", "26=", "27=", "28="] {
            assert!(!is_taken(&[option]), "{option}");
        }
        assert!(is_taken(&["7001="]) && is_taken(&["7002="]) && is_taken(&["29="]));
    }
}

#[test]
fn a_connection_comes_from_the_address_that_the_program_names() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = built("settings", place.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let run = |bind: &str| {
        let mut command = with_ours(&program);
        command.args(["1", "127.0.0.1", &port, USER, PASSWORD, "", &format!("24={bind}")]);
        String::from_utf8(heard(&mut command).stdout).unwrap()
    };
    thread::scope(|scope| {
        // The server closes at once.
        let peer = scope.spawn(|| listener.accept().unwrap().1.ip().to_string());
        let line = run("127.0.0.77");
        assert!(line.starts_with("2013 "), "{line}");
        assert_eq!(peer.join().unwrap(), "127.0.0.77");
    });
    for (bind, reason) in
        [("192.0.2.1", "(99)"), ("::1", "have no addresses of the same family"), ("no such name", "it is unknown")]
    {
        let line = run(bind);
        let expected = format!("5001 HY000 Can't connect from the address '{bind}' of MYSQL_OPT_BIND (");
        assert!(line.starts_with(&expected) && line.contains(reason), "{line}");
    }
    let line = settings(&program, sealwired(), "1", &["24=127.0.0.2"]);
    assert!(line.starts_with("OK "), "{line}");
}

#[test]
fn a_session_is_resumed_unless_the_program_forbids_it() {
    let (true, Some(served)) = (needs(&["cc"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = built("settings", place.path());
    let ca = format!("27={}", served.ca().display());
    let reused = |options: &[&str]| {
        let lines = settings(&program, served, "2", options);
        let reused: Vec<String> =
            lines.lines().map(|line| line.split(' ').rev().nth(1).unwrap_or_default().to_owned()).collect();
        assert!(lines.contains(" CA ") && reused.len() == 2, "{lines}");
        reused
    };
    assert_eq!(reused(&[&ca]), ["0", "1"]);
    assert_eq!(reused(&[&ca, "0x53570004!0"]), ["0", "0"]);
}

#[test]
fn weak_ciphers_encrypted_keys_and_plugins_are_as_the_options_say() {
    let (true, Some(served)) = (needs(&["cc", "openssl"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = built("settings", place.path());
    let ca = format!("27={}", served.ca().display());
    let line = settings(&program, served, "1", &[&ca, "7004:256"]);
    assert!(line.starts_with("OK TLS_AES_256_GCM_SHA384 "), "{line}");
    let line = settings(&program, served, "1", &[&ca, "7004:256", "41=TLSv1.2"]);
    assert!(line.starts_with("OK ECDHE-RSA-AES256-GCM-SHA384 "), "{line}");
    // The key in a file that only a passphrase opens.
    let (key, plain) = (place.path().join("key.pem"), served.set.client_key.display().to_string());
    openssl(&["pkcs8", "-topk8", "-in", &plain, "-out", &key.display().to_string(), "-passout", "pass:env:secret"]);
    let (key, cert) = (format!("25={}", key.display()), format!("26={}", served.set.client_cert.display()));
    let line = settings(&program, served, "1", &[&ca, &key, &cert, "7003=env:secret"]);
    assert!(line.starts_with("OK "), "the passphrase is taken as it is: {line}");
    for options in [&[ca.as_str(), &key, &cert][..], &[&ca, &key, &cert, "7003=mistaken"]] {
        let line = settings(&program, served, "1", options);
        assert!(line.starts_with("2026 ") && line.contains("key.pem") && !line.contains("mistaken"), "{line}");
    }
    // The server's account has mysql_native_password.
    let line = settings(&program, served, "1", &[&ca, "7026=client_ed25519,mysql_native_password"]);
    assert!(line.starts_with("OK "), "{line}");
    let line = settings(&program, served, "1", &[&ca, "7026=client_ed25519"]);
    assert!(line.starts_with("5010 HY000 ") && line.contains("mysql_native_password"), "{line}");
}

/// A server behind a Unix socket that asks questions as PAM does; returns the user's answers.
fn asking(stream: &mut UnixStream, questions: &[&[u8]]) -> Vec<String> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let packet = |sequence: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..3], &[sequence], payload].concat()
    };
    let capabilities: u32 = 0x81ff_f7ff & !0x800 | 0x80000 | 0x8000;
    let mut greeting = b"\x0a10.11.19-MariaDB\0\x07\0\0\0abcdefgh\0".to_vec();
    let [low, second, third, high] = capabilities.to_le_bytes();
    greeting.extend([low, second, 45, 2, 0, third, high, 21]);
    greeting.extend(b"\0\0\0\0\0\0\0\0\0\0ABCDEFGHIJKL\0mysql_native_password\0");
    stream.write_all(&packet(0, &greeting)).unwrap();
    let mut buffer = [0; 4096];
    let mut sequence = 2;
    let mut answers = Vec::new();
    assert!(stream.read(&mut buffer).unwrap() > 4, "the login");
    for question in questions {
        stream.write_all(&packet(sequence, question)).unwrap();
        let Ok(length @ 4..) = stream.read(&mut buffer) else { return answers };
        answers.push(String::from_utf8_lossy(&buffer[4..length]).into_owned());
        sequence += 2;
    }
    stream.write_all(&packet(sequence, b"\0\0\0\x02\0\0\0")).unwrap();
    // The client's commands until it is gone.
    while matches!(stream.read(&mut buffer), Ok(1..)) {
        let _ = stream.write_all(&packet(1, b"\0\0\0\x02\0\0\0"));
    }
    answers
}

#[test]
fn the_programs_function_answers_the_questions_of_pam() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = place.path().join("answers");
    let mut compiler = Command::new("cc");
    compiler.args(["-rdynamic", "-DANSWERS", "-I"]).arg(folder().join("include"));
    said(compiler.arg(package_folder().join("capi/settings.c")).arg("-o").arg(&program).arg(library()));
    let silent = built("settings", place.path());
    let play = |program: &Path, password: &str, questions: &'static [&'static [u8]]| {
        let socket = place.path().join("socket");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let server = thread::spawn(move || asking(&mut listener.accept().unwrap().0, questions));
        let mut command = with_ours(program);
        command.args(["1", "localhost", "0", USER, password]).arg(&socket);
        // A test has no terminal, so nobody is asked there.
        let output = heard(
            Command::new("setsid")
                .arg("--wait")
                .arg(command.get_program())
                .args(command.get_args())
                .env("HOME", "/nonexistent"),
        );
        (String::from_utf8(output.stdout).unwrap(), server.join().unwrap())
    };
    let questions: &[&[u8]] = &[b"\xfedialog\0\x04Password: ", b"\x04Code: ", b"\x03Name: "];
    let (lines, answers) = play(&program, PASSWORD, questions);
    assert_eq!(lines, "asked 2 Code: \nasked 1 Name: \nOK none none 0 none\n");
    assert_eq!(answers, ["pw\0", "answer 2\0", "answer 1\0"]);
    let (lines, answers) = play(&program, "", questions);
    assert!(lines.starts_with("asked 2 Password: \nasked 2 Code: \n") && answers[0] == "answer 2\0", "{lines}");
    let (lines, _) = play(&program, PASSWORD, &[b"\xfedialog\0\x02Nothing"]);
    assert!(lines.contains("2061 HY000 ") && lines.contains("'dialog'"), "{lines}");
    let (lines, answers) = play(&program, PASSWORD, &[b"\xfedialog\0\x04Password: ", b"\x04Misuse", b"\x04All"]);
    assert_eq!(lines, "asked 2 Misuse\nasked 2 All\nOK none none 0 none\n");
    assert_eq!(answers, ["pw\0", "answer 2\0", &("A".repeat(1024) + "\0")]);
    let (lines, answers) = play(&silent, PASSWORD, questions);
    assert!(lines.starts_with("2061 HY000 ") && answers == ["pw\0"], "{lines}");
}
