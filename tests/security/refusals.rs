//! The refusals of the programs: each has its own text and code, and no part of the password is sent.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use sealwire_tests::certificates::{CertificateSet, std_data};
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Change, Middle, SSL, answer, ssl_request, strip, unchanged};
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

fn certificates() -> (TempDir, CertificateSet) {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    (place, set)
}

fn server(certificates: Option<&CertificateSet>) -> Server {
    let settings = Settings {
        certificates: certificates.cloned(),
        statements: vec![Kind::Sealwired.create_user("u", "caching_sha2_password", PASSWORD, "NONE")],
        ..Settings::default()
    };
    Server::start(Kind::Sealwired, &settings).unwrap()
}

/// `sealwire` in batch mode, without the home directory of the user who runs the tests.
fn sealwire(port: u16, options: &[&str]) -> Output {
    let mut command = Command::new(program("sealwire"));
    command.args(["--no-defaults", "--host=127.0.0.1", "--user=u"]).env_remove("HOME").env_remove("MYSQL_PWD");
    command.arg(format!("--port={port}")).arg(format!("--password={PASSWORD}"));
    child::output(command.args(options).args(["-N", "-e", "SELECT 'reached'"]), &[]).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Checks that the client refused: it sent no statement, and the first line of its error contains all of these texts.
#[track_caller]
fn refused(output: &Output, texts: &[&str]) {
    let said = stderr(output);
    assert!(!output.status.success(), "it was not refused");
    assert!(output.stdout.is_empty(), "it got through: {}", String::from_utf8_lossy(&output.stdout));
    for text in texts {
        assert!(said.contains(text), "'{text}' is not in what it said:\n{said}");
    }
    assert!(!said.contains(PASSWORD));
}

fn ca(set: &CertificateSet) -> String {
    format!("--ssl-ca={}", set.ca.display())
}

/// Checks that the client sent only the SSLRequest and a TLS handshake: no record is as large as a login.
#[track_caller]
fn nothing_but_a_handshake(captured: &[u8]) {
    assert_eq!(captured[..4], [32, 0, 0, 1], "a SSLRequest comes first");
    let mut rest = &captured[36..];
    while let [kind, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        // TLS 1.3 sends an alert as application data: two bytes, the kind and the tag.
        assert!(*kind != 0x17 || length <= 19, "{length} bytes were said inside TLS");
        rest = &after[length..];
    }
    assert!(rest.is_empty());
}

/// Checks that a client refuses a server with these certificates, and with which words.
#[track_caller]
fn certificate_refused(set: &CertificateSet, options: &[&str], texts: &[&str]) {
    let server = server(Some(set));
    for version in ["--tls-version=TLSv1.2", "--tls-version=TLSv1.3"] {
        let middle = Middle::start(server.port, unchanged, unchanged);
        let output = sealwire(middle.port, &[options, &[version]].concat());
        refused(&output, &["ERROR 2026 (HY000): SSL connection error: the peer's certificate"]);
        refused(&output, texts);
        nothing_but_a_handshake(&middle.captured());
    }
}

#[test]
fn a_server_without_tls_hears_nothing() {
    let (_place, set) = certificates();
    let server = server(None);
    for option in [ca(&set).as_str(), "--ssl-mode=REQUIRED", "--ssl"] {
        let middle = Middle::start(server.port, unchanged, unchanged);
        let output = sealwire(middle.port, &[option]);
        refused(
            &output,
            &["ERROR 2026 (HY000): SSL connection error: SSL is required but the server doesn't support it"],
        );
        assert_eq!(middle.captured(), b"", "{option}");
    }
}

#[test]
fn a_stripped_capability_is_no_fallback() {
    let (_place, set) = certificates();
    let server = server(Some(&set));
    for option in [ca(&set).as_str(), "--ssl-mode=REQUIRED", "--ssl"] {
        let middle = Middle::start(server.port, |greeting| strip(greeting), unchanged);
        let output = sealwire(middle.port, &[option]);
        refused(
            &output,
            &["ERROR 2026 (HY000): SSL connection error: SSL is required but the server doesn't support it"],
        );
        assert_eq!(middle.captured(), b"", "{option}");
    }
}

#[test]
fn a_ca_that_did_not_issue_it_is_refused() {
    let (_place, set) = certificates();
    let other = std_data("cacert.pem").display().to_string();
    if needs(&[&other]) {
        let other = format!("--ssl-ca={other}");
        certificate_refused(&set, &[&other], &["its issuer /O=Sealwire tests/CN=the CA is not a CA that was named"]);
    }
    // A certificate of the same name with another key.
    let (_other_place, same_name) = certificates();
    certificate_refused(&set, &[&ca(&same_name)], &["was not accepted: "]);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::as_the_manual(place.path(), "db1.example");
    let texts = ["it is for db1.example, not for '127.0.0.1'", "--ssl-mode=VERIFY_CA"];
    certificate_refused(&set, &[&ca(&set), "--ssl-mode=VERIFY_IDENTITY"], &texts);
    certificate_refused(&set, &[&ca(&set), "--ssl-verify-server-cert"], &texts);
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::expired(&place.path().join("expired"));
    certificate_refused(&set, &[&ca(&set)], &["expired at Dec 31 00:00:00 2020 GMT"]);
    let set = CertificateSet::not_yet_valid(&place.path().join("early"));
    certificate_refused(&set, &[&ca(&set)], &["is valid only from Jan  1 00:00:00 2090 GMT"]);
}

#[test]
fn a_revoked_certificate_is_refused() {
    let (place, set) = certificates();
    let list = CertificateSet::revocation_list(place.path(), &set.server_cert);
    certificate_refused(&set, &[&ca(&set), &format!("--ssl-crl={}", list.display())], &["its issuer has revoked it"]);
}

#[test]
fn a_stranger_is_refused_until_its_fingerprint_is_given() {
    let (_place, set) = certificates();
    certificate_refused(&set, &[], &["--ssl-fp="]);
    let server = server(Some(&set));
    let said = stderr(&sealwire(server.port, &[]));
    let option = said.split_whitespace().find(|word| word.starts_with("--ssl-fp=")).expect("it tells the option");
    let output = sealwire(server.port, &[option]);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(0), "reached\n"));
    let wrong = format!("--ssl-fp={}", vec!["00"; 32].join(":"));
    certificate_refused(&set, &[&wrong], &["its fingerprint is not the expected one"]);
}

#[test]
fn options_that_cannot_work_connect_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (options, text) in [
        ("--ssl=yes please", "option '--ssl': 'yes please' is not a boolean"),
        ("--ssl-cipher=FOO", "ERROR 2026 (HY000): SSL connection error: ssl-cipher: there is no cipher 'FOO'"),
        ("--ssl-caa=x", "did you mean '--ssl-ca'?"),
        ("--ssl-ca=nowhere.pem", "option '--ssl-ca': can't read 'nowhere.pem'"),
    ] {
        refused(&sealwire(port, &[options]), &[text]);
    }
    assert!(listener.accept().is_err(), "nobody has called");
}

#[test]
fn a_server_with_wrong_files_or_options_does_not_start() {
    let (_place, set) = certificates();
    let mismatch = CertificateSet { server_key: set.client_key.clone(), ..set.clone() };
    let absent = CertificateSet { server_cert: "nowhere.pem".into(), ..set.clone() };
    let text = |set: &CertificateSet| format!("'{}'", set.server_cert.display());
    for (set, option, expected) in [
        (&mismatch, None, "Private key does not match the certificate public key"),
        (&mismatch, None, text(&mismatch).as_str()),
        (&absent, None, text(&absent).as_str()),
        (&set, Some("--ssl-cipher=FOO"), "ssl-cipher: there is no cipher 'FOO'"),
        (&set, Some("--ssl=yes please"), "option '--ssl': 'yes please' is not a boolean"),
        (&set, Some("--ssl-cret=x"), "did you mean '--ssl-cert'?"),
    ] {
        let options = option.into_iter().map(str::to_owned).collect();
        let settings = Settings { certificates: Some(set.clone()), options, ..Settings::default() };
        let Err(said) = Server::start(Kind::Sealwired, &settings) else { panic!("it started: {expected}") };
        let errors = said.lines().filter(|line| line.contains("[ERROR]")).collect::<Vec<_>>();
        assert!(matches!(errors[..], [line] if line.contains(expected)), "expected '{expected}':\n{said}");
    }
}

/// Checks that an ERR packet of this code and text came, and nothing else.
#[track_caller]
fn is_error(said: &[u8], code: u16, text: &str) {
    assert_eq!(said.get(4), Some(&0xff), "{said:?}");
    assert_eq!(u16::from_le_bytes([said[5], said[6]]), code);
    assert_eq!(said.len(), 4 + usize::from(said[0]), "one packet");
    let said = String::from_utf8_lossy(&said[7..]).into_owned();
    assert!(said.contains(text), "{said}");
}

#[test]
fn a_ssl_request_of_another_length_is_a_bad_handshake() {
    let (_place, set) = certificates();
    let server = server(Some(&set));
    is_error(&answer(server.port, &ssl_request(31)), 1043, "Bad handshake: ");
    is_error(&answer(server.port, &ssl_request(33)), 1043, "a SSLRequest has exactly 32 bytes");
    let line = "[Warning] [Server] Refused connection ";
    assert!(server.wait_for_log(line) && server.wait_for_log("a SSLRequest has exactly 32 bytes"), "{}", server.log());
}

#[test]
fn a_packet_of_16_mib_before_authentication_is_not_waited_for() {
    let (_place, set) = certificates();
    let server = server(Some(&set));
    let said = answer(server.port, &[0xff, 0xff, 0xff, 1]);
    is_error(&said, 1153, "Got a packet bigger than 'max_allowed_packet' bytes");
}

#[test]
fn plaintext_injected_at_the_switch_is_not_carried_into_tls() {
    let (_place, set) = certificates();
    let server = server(Some(&set));
    let inject: Change = |request| {
        assert_eq!(request.len(), 36, "a SSLRequest");
        request.extend_from_slice(b"\x0f\0\0\0\x03SELECT 'evil'");
    };
    let middle = Middle::start(server.port, unchanged, inject);
    let output = sealwire(middle.port, &[&ca(&set)]);
    refused(&output, &["ERROR 2026 (HY000): SSL connection error: the peer sent the alert "]);
    nothing_but_a_handshake(&middle.captured());
    // The reverse: a packet behind the greeting, before the client asked for anything.
    let middle = Middle::start(
        server.port,
        |greeting| greeting.extend_from_slice(&[7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]),
        unchanged,
    );
    let output = sealwire(middle.port, &[&ca(&set)]);
    refused(&output, &["ERROR 2027 (HY000): Malformed packet: ", "bytes after the greeting"]);
    assert_eq!(middle.captured(), b"");
}

#[test]
fn a_ssl_request_altered_on_the_way_changes_nothing_inside() {
    let (_place, set) = certificates();
    let mut server = server(Some(&set));
    // Alters the fields that the server does not read: every capability but CLIENT_SSL, the packet size, the character set, the reserved
    // bytes.
    let middle = Middle::start(server.port, unchanged, |request| {
        let flags = request[5] & SSL;
        request[4..].fill(0);
        request[5] = flags;
    });
    let output = sealwire(middle.port, &[&ca(&set)]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "reached\n", "{output:?}");
    let captured = middle.captured();
    let said = |text: &[u8]| captured.windows(text.len()).any(|window| window == text);
    assert!(!said(PASSWORD.as_bytes()) && !said(b"caching_sha2_password"));
    server.stop();
    assert!(!server.log().contains(PASSWORD), "{}", server.log());
}

#[test]
fn the_log_names_who_is_refused_once() {
    let (_place, set) = certificates();
    let settings = Settings {
        certificates: Some(set.clone()),
        options: vec!["--log-error-verbosity=3".to_owned()],
        statements: vec![Kind::Sealwired.create_user("u", "caching_sha2_password", PASSWORD, "NONE")],
        ..Settings::default()
    };
    let mut server = Server::start(Kind::Sealwired, &settings).unwrap();
    refused(&sealwire(server.port, &[&ca(&set), "--database=mysql"]), &["ERROR 1044 (42000)"]);
    refused(&sealwire(server.port, &[&ca(&set), "--password=wrong"]), &["ERROR 1045 (28000)"]);
    server.stop();
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("denied")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    for line in lines {
        assert_eq!(line.matches("'u'@'").count() + line.matches(" u@").count(), 1, "{line}");
    }
}

/// Starts a server whose log is as verbose as by default, with accounts that can't log in.
fn with_refused_accounts() -> (TempDir, CertificateSet, Server) {
    let (place, set) = certificates();
    let user = |name: &str, host: &str, more: &str| {
        format!("CREATE USER '{name}'@'{host}' IDENTIFIED BY '{PASSWORD}' {more};")
    };
    let settings = Settings {
        certificates: Some(set.clone()),
        statements: vec![
            user("u", "%", ""),
            user("locked", "%", "ACCOUNT LOCK"),
            user("elsewhere", "10.0.0.1", ""),
            user("elsewhere", "10.9.%", ""),
            user("none", "%", "WITH MAX_USER_CONNECTIONS 1"),
            user("tls", "%", "REQUIRE SSL"),
            "CREATE USER 'system'@'localhost' IDENTIFIED WITH auth_socket AS 'somebody';".to_owned(),
            "CREATE USER 'open'@'%' IDENTIFIED BY '';".to_owned(),
            format!("CREATE USER 'old'@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}';"),
            "CREATE DATABASE there;".to_owned(),
            "GRANT ALL ON there.* TO u; GRANT ALL ON nothere.* TO u;".to_owned(),
        ],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    (place, set, server)
}

#[test]
fn every_refused_login_has_a_line_with_its_reason() {
    let (_place, set, server) = with_refused_accounts();
    let (ca, socket) = (ca(&set), format!("--socket={}", server.socket.display()));
    for (options, code, reason) in [
        (&["--user=locked"][..], 3118, "the account is locked (3118)"),
        (&["--database=mysql"], 1044, "the account has no privilege on the database 'mysql' (1044)"),
        (&["--database=nothere"], 1049, "there is no database 'nothere' (1049)"),
        (&["--password=wrong"], 1045, "the password or proof is wrong (connection "),
        (&["--skip-password"], 1045, "no password was sent, and the account has one (connection "),
        (&["--user=open"], 1045, "a password was sent, and the account has none (connection "),
        (&["--user=nobody"], 1045, "there is no such user (connection "),
        (
            &["--user=elsewhere"],
            1045,
            "the user exists for other hosts alone: 'elsewhere'@'10.0.0.1', 'elsewhere'@'10.9.%'",
        ),
        (&["--user=tls", "--skip-ssl"], 1045, "the account demands TLS (connection "),
        (&["--user=system"], 1045, "auth_socket identifies a user of this machine, over the Unix socket alone"),
        (
            &["--user=system", "--host=localhost", &socket],
            1045,
            "the account is for the operating system's user 'somebody', and the client",
        ),
    ] {
        let before = server.log().len();
        let output = sealwire(server.port, &[&[ca.as_str()], options].concat());
        refused(&output, &[&format!("ERROR {code} ")]);
        let user = options.iter().find_map(|option| option.strip_prefix("--user=")).unwrap_or("u");
        let line = format!("[Warning] [Server] Access denied for user '{user}'@'localhost': {reason}");
        assert!(server.wait_for_log_after(before, &line), "{line}\n{}", server.log());
    }
    // The clients that hold their sessions end with their inputs.
    let hold = |options: &[&str]| {
        let mut command = Command::new(program("sealwire"));
        command.args(["--no-defaults", "--host=127.0.0.1", "-N", "--unbuffered"]).arg(&ca).args(options);
        command.arg(format!("--port={}", server.port)).arg(format!("--password={PASSWORD}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"SELECT 1;\n").unwrap();
        let mut answer = [0; 2];
        child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"1\n");
        child
    };
    let root = |sql: &str| {
        let options = ["--user=root", "--host=localhost", "--skip-password", &socket, "-e", sql];
        let output = sealwire(server.port, &options);
        assert!(output.status.success(), "{output:?}");
    };
    let mut held = vec![hold(&["--user=none"])];
    for (statement, options, code, reason) in [
        ("DO 1;", &["--user=none"][..], 1226, "the account's MAX_USER_CONNECTIONS 1 are logged in (1226)"),
        (
            "SET GLOBAL max_user_connections = 1;",
            &["--user=u"],
            1203,
            "max_user_connections=1 of this user are logged in",
        ),
        ("SET GLOBAL max_connections = 1;", &["--user=tls"], 1040, "max_connections=1 clients are logged in (1040)"),
    ] {
        root(statement);
        if options == ["--user=u"] {
            held.push(hold(options));
        }
        refused(&sealwire(server.port, &[&[ca.as_str()], options].concat()), &[&format!("ERROR {code} ")]);
        assert!(server.wait_for_log(&format!("'@'localhost': {reason}")), "{reason}\n{}", server.log());
    }
    for mut child in held {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

/// A user that does not exist is refused as the existing ones are, which all demand TLS here; the log tells the truth.
#[test]
fn the_log_tells_a_user_that_does_not_exist_from_one_that_demands_tls() {
    let (_place, set) = certificates();
    let settings = Settings {
        certificates: Some(set),
        statements: vec![
            Kind::Sealwired.create_user("u", "caching_sha2_password", PASSWORD, "SSL"),
            "ALTER USER 'root'@'localhost' REQUIRE SSL;".to_owned(),
        ],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    for (user, reason) in [("u", "the account demands TLS"), ("nobody", "there is no such user")] {
        refused(&sealwire(server.port, &["--skip-ssl", &format!("--user={user}")]), &["ERROR 1045 (28000)"]);
        let line = format!("Access denied for user '{user}'@'localhost': {reason} (connection ");
        assert!(server.wait_for_log(&line), "{line}\n{}", server.log());
    }
}
