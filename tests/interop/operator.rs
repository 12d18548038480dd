//! An operator's first hour with only the README: each command is one of README's, exactly as printed there, and each message must name the
//! thing and the way out. An option file in the operator's home sets the ports, because other programs may use README's.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::daemon::Daemon;
use sealwire_tests::programs::{needs, package_folder, program};
use tempfile::TempDir;

/// A machine where only Sealwire is installed: a working directory and a home.
struct Operator {
    place: TempDir,
    readme: String,
}

impl Operator {
    fn new() -> Self {
        let readme = fs::read_to_string(package_folder().join("../README.md")).unwrap();
        let operator = Self { place: tempfile::tempdir().unwrap(), readme };
        operator.use_port(0);
        operator
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Servers choose their ports; this sets the one to which clients connect. Certificates are loaded when a test asks, so that it can see
    /// the old one before.
    fn use_port(&self, port: u16) {
        let text = format!(
            "[sealwired]\nport=0\nbind-address=127.0.0.1\nssl-reload=manual\n[sealwire-bridge]\nport=0\n[sealwire]\nport={port}\n"
        );
        fs::write(self.path(".my.cnf"), text).unwrap();
    }

    /// A shell that executes the command by `exec`, so that the process is the program itself.
    fn shell(&self, line: &str) -> Command {
        let programs = program("sealwired").parent().unwrap().display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.current_dir(self.place.path()).env("PATH", format!("{programs}:{path}")).env("HOME", self.place.path());
        command.env_remove("MYSQL_PWD").env_remove("MYSQL_HOME").env_remove("SSLKEYLOGFILE");
        let exec = if line.starts_with('(') { "" } else { "exec " };
        command.args(["-c", &format!("{exec}{line}")]);
        command
    }

    /// Checks that README has this line, or a line that begins with it and continues with a comment.
    #[track_caller]
    fn is_in_readme(&self, line: &str) {
        let stands = |one: &str| {
            let one = one.trim_start_matches("$ ");
            one.strip_prefix(line).is_some_and(|rest| rest.is_empty() || rest.trim_start().starts_with('#'))
        };
        assert!(self.readme.lines().any(stands), "README has no line '{line}'");
    }

    /// Writes the option file that README shows.
    fn write_option_file(&self) {
        let shown = self.readme.lines().skip_while(|line| *line != "$ cat sealwired.cnf").skip(1);
        let lines: Vec<&str> = shown.take_while(|line| !line.starts_with('$')).collect();
        assert!(lines.len() > 3, "README shows no option file");
        fs::write(self.path("sealwired.cnf"), lines.join("\n")).unwrap();
    }

    fn output(&self, line: &str, input: &str) -> Output {
        child::output(&mut self.shell(line), input.as_bytes()).unwrap()
    }

    /// Runs a command that must succeed and need not be in README; returns its output.
    #[track_caller]
    fn run(&self, line: &str, input: &str) -> String {
        let output = self.output(line, input);
        let said = text(&output);
        assert!(output.status.success(), "{line}: {said}");
        said
    }

    /// Runs a command of README.
    #[track_caller]
    fn readme(&self, line: &str) -> String {
        self.is_in_readme(line);
        self.run(line, "")
    }

    /// Starts a server by a command of README; clients connect to that server from now on.
    #[track_caller]
    fn serve(&self, line: &str) -> Daemon {
        self.is_in_readme(line);
        let server = Daemon::start(&mut self.shell(line)).unwrap_or_else(|said| panic!("{line}: {said}"));
        self.use_port(server.port);
        server
    }

    /// Runs a statement that README shows at the prompt.
    #[track_caller]
    fn at_prompt(&self, client: &str, sql: &str) -> String {
        self.is_in_readme(&format!("sealwire> {sql}"));
        self.run(client, sql)
    }

    /// Checks that a command fails, and that its message names the thing and the way out.
    #[track_caller]
    fn fails(&self, line: &str, said: &[&str]) {
        let output = self.output(line, "SELECT 1;");
        let shown = text(&output);
        assert!(!output.status.success(), "{line} goes well: {shown}");
        for part in said {
            assert!(shown.contains(part), "{line}: '{part}' is not in: {shown}");
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const MAKE: &str = "sealwire-certs --host=localhost --host=127.0.0.1 --dir=certs";
const INITIALIZE: &str = "sealwired --initialize-insecure --datadir=data";
const START: &str =
    "sealwired --datadir=data --ssl-ca=certs/ca.pem --ssl-cert=certs/server-cert.pem --ssl-key=certs/server-key.pem";
const ROOT: &str = "sealwire -h 127.0.0.1 -u root --ssl-ca=certs/ca.pem";
const JEFFREY: &str = "sealwire -h 127.0.0.1 -u jeffrey -p --ssl-ca=certs/ca.pem --ssl-cert=certs/client-cert.pem \
                       --ssl-key=certs/client-key.pem";

/// A server made and started as README shows.
fn started() -> (Operator, Daemon) {
    let operator = Operator::new();
    operator.readme(MAKE);
    let said = operator.readme("sealwire-certs --check --dir=certs");
    assert!(said.ends_with("no problems\n"), "{said}");
    operator.readme(INITIALIZE);
    let server = operator.serve(START);
    server.says("TLS loaded: certificate '/CN=localhost' of '/CN=Sealwire CA ");
    (operator, server)
}

/// The serial number of the certificate that a server sends.
fn shown_serial(operator: &Operator, port: u16) -> String {
    let chain =
        operator.run(&format!("openssl s_client -starttls mysql -connect 127.0.0.1:{port} </dev/null 2>/dev/null"), "");
    operator.run("openssl x509 -noout -serial", &chain)
}

#[test]
fn an_account_demands_a_certificate_and_the_log_says_why_one_was_refused() {
    let (operator, server) = started();
    let said = operator.at_prompt(ROOT, "SHOW STATUS LIKE 'Ssl_cipher';");
    assert!(said.contains("Ssl_cipher\tTLS_AES_256_GCM_SHA384"), "{said}");
    operator.at_prompt(ROOT, "CREATE USER 'jeffrey'@'localhost' IDENTIFIED BY 'secret' REQUIRE X509;");
    operator.is_in_readme(JEFFREY);
    let jeffrey = JEFFREY.replace(" -p ", " -psecret ");
    assert!(operator.run(&jeffrey, "SELECT CURRENT_USER();").contains("jeffrey@localhost"));

    // Logins without certificate, without TLS, with a wrong password, and with another CA.
    let without = "sealwire -h 127.0.0.1 -u jeffrey -psecret --ssl-ca=certs/ca.pem";
    operator.fails(
        without,
        &[
            "ERROR 1045 (28000)",
            "Check user and password first",
            "may require a client certificate",
            "--ssl-cert and --ssl-key",
        ],
    );
    server.says("X509 certificate mismatch: the account demands a client certificate and none was sent");
    operator.fails(
        "sealwire -h 127.0.0.1 -u jeffrey -psecret --skip-ssl",
        &["1045", "may require TLS", "switched off here"],
    );
    server.says("'jeffrey'@'localhost': the account demands TLS");
    operator.fails(&JEFFREY.replace(" -p ", " -pwrong "), &["ERROR 1045 (28000)", "using password: YES"]);
    server.says("Access denied for user");
    operator.run("sealwire-certs --dir=other", "");
    operator
        .fails(&ROOT.replace("certs/", "other/"), &["ERROR 2026", "not a CA that was named as trusted", "--ssl-ca"]);
    server.says("Refused connection");
    operator.fails(
        &jeffrey.replace("certs/client", "other/client"),
        &["ERROR 2026", "alert unknown_ca", "must chain to the CA that the other side names"],
    );
    server.says("its issuer /CN=Sealwire CA ");

    // Lists the connections and their ciphers.
    let mut held = operator.shell(&format!("{jeffrey} --tls-version=TLSv1.2 -N --unbuffered"));
    let mut held = held.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // The client ends with its input, even if the test fails.
    let (mut input, mut answers) = (held.stdin.take().unwrap(), BufReader::new(held.stdout.take().unwrap()));
    writeln!(input, "SELECT 40 + 2;").unwrap();
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    assert_eq!(answer, "42\n");
    let said = operator.at_prompt(ROOT, "SELECT * FROM sys.session_ssl_status;");
    assert!(said.contains("thread_id\tssl_version\tssl_cipher\tssl_sessions_reused\n"), "{said}");
    assert!(said.contains("\tTLSv1.2\tECDHE-ECDSA-AES256-GCM-SHA384\t0\n"), "{said}");
    assert!(said.contains("\tTLSv1.3\tTLS_AES_256_GCM_SHA384\t"), "{said}");
    let by_user = "SELECT t.PROCESSLIST_USER, t.PROCESSLIST_HOST, s.ssl_version, s.ssl_cipher FROM performance_schema.threads t \
                   JOIN sys.session_ssl_status s ON s.thread_id = t.THREAD_ID;";
    let said = operator.at_prompt(ROOT, by_user);
    assert!(
        said.contains("jeffrey\tlocalhost\tTLSv1.2\tECDHE-ECDSA-AES256-GCM-SHA384\n")
            && said.contains("root\tlocalhost\tTLSv1.3\tTLS_AES_256_GCM_SHA384\n"),
        "{said}"
    );
    let of_jeffrey = operator.run(&jeffrey, "SELECT COUNT(*) FROM sys.session_ssl_status;");
    assert!(of_jeffrey.starts_with("COUNT(*)\n2\n"), "{of_jeffrey}");
    drop(input);
    assert!(held.wait().unwrap().success());
}

#[test]
fn certificates_are_rotated_and_revoked() {
    let (operator, server) = started();
    if !needs(&["openssl"]) {
        return;
    }
    operator.at_prompt(ROOT, "CREATE USER 'jeffrey'@'localhost' IDENTIFIED BY 'secret' REQUIRE X509;");
    // A monitor without TLS, as over the Unix socket, learns when the certificate ends.
    let ends = "SHOW GLOBAL STATUS LIKE 'Ssl_server_not_after'; \
                SELECT VALUE FROM performance_schema.tls_channel_status WHERE PROPERTY = 'Ssl_server_not_after';";
    let said = operator.run("sealwire -S data/mysql.sock -u root -N", ends);
    assert_eq!(said.matches(" GMT\n").count(), 2, "{said}");
    let before = shown_serial(&operator, server.port);
    let said = operator.readme("sealwire-certs --ca-dir=certs --renew-server");
    assert!(said.contains("/CN=localhost for localhost, 127.0.0.1, valid until "), "{said}");
    assert_eq!(shown_serial(&operator, server.port), before, "nothing is reloaded yet");
    operator.at_prompt(ROOT, "ALTER INSTANCE RELOAD TLS;");
    let after = shown_serial(&operator, server.port);
    assert_ne!(after, before);
    assert_eq!(after, operator.run("openssl x509 -noout -serial -in certs/server-cert.pem", ""));
    operator.run(ROOT, "SELECT 1;");
    // A key that does not fit leaves the old certificate in use.
    fs::copy(operator.path("certs/client-key.pem"), operator.path("certs/server-key.pem")).unwrap();
    operator.fails(
        &format!("{ROOT} -e 'ALTER INSTANCE RELOAD TLS'"),
        &["ERROR 3888", "'certs/server-key.pem' is not the key of 'certs/server-cert.pem'", "sealwire-certs --check"],
    );
    assert_eq!(shown_serial(&operator, server.port), after);
    operator.fails(
        "sealwire-certs --check --dir=certs",
        &["WRONG: the private key is not that of 'certs/server-cert.pem'"],
    );
    operator.readme("sealwire-certs --ca-dir=certs --renew-server");
    server.signal("HUP");
    let renewed = operator.run("openssl x509 -noout -serial -in certs/server-cert.pem", "");
    while shown_serial(&operator, server.port) != renewed {
        assert!(!server.log().contains("stays unchanged"), "{}", server.log());
    }

    // The CA is renewed: clients that trust its old certificate and clients that trust its new one both connect.
    fs::copy(operator.path("certs/ca.pem"), operator.path("old-ca.pem")).unwrap();
    let said = operator.readme("sealwire-certs --ca-dir=certs --renew-ca");
    assert!(said.contains("certs/ca.pem: /CN=Sealwire CA ") && said.contains("--ssl-ca"), "{said}");
    for _ in 0..2 {
        for ca in ["certs/ca.pem", "old-ca.pem"] {
            let jeffrey = JEFFREY.replace(" -p ", " -psecret ").replace("certs/ca.pem", ca);
            operator.run(&jeffrey, "SELECT 1;");
        }
        operator.at_prompt(ROOT, "ALTER INSTANCE RELOAD TLS;");
    }
    assert!(operator.readme("sealwire-certs --check --dir=certs").ends_with("no problems\n"));

    operator.readme("sealwire-certs --ca-dir=certs --client-name=bob");
    let bob = JEFFREY.replace(" -p ", " -psecret ").replace("certs/client", "certs/bob");
    operator.run(&bob, "SELECT 1;");
    let said = operator.readme("sealwire-certs --ca-dir=certs --revoke=certs/bob-cert.pem");
    assert!(said.contains("certs/bob-cert.pem: revoked since "), "{said}");
    operator.run(&bob, "SELECT 1;");
    drop(server);
    let server = operator.serve(&format!("{START} --ssl-crl=certs/crl.pem"));
    server.says("; revocation lists: 1, revoked certificates: 1, next update ");
    for version in ["TLSv1.2", "TLSv1.3"] {
        operator.fails(
            &format!("{bob} --tls-version={version}"),
            &[
                "ERROR 2026",
                "alert certificate_revoked: it says that our certificate is revoked",
                "Have a new certificate issued",
            ],
        );
    }
    server.says("/CN=bob was not accepted: its issuer has revoked it");
    operator.run(&JEFFREY.replace(" -p ", " -psecret "), "SELECT 1;");
    operator.run(ROOT, "SELECT 1;");

    let said = operator.readme("sealwire-certs --ca-dir=certs --renew-crl");
    assert!(said.contains("revoked certificates: 1, next update "), "{said}");
    let said = operator.readme("sealwire-certs --check certs/crl.pem");
    assert!(
        said.contains("certs/crl.pem: revocation list of /CN=Sealwire CA ") && said.contains(", number 2, "),
        "{said}"
    );
    operator.at_prompt(ROOT, "ALTER INSTANCE RELOAD TLS;");
    operator.fails(&bob, &["certificate_revoked"]);

    // One revocation list expires while the server runs, another one has expired already.
    fs::write(operator.path("index.txt"), "").unwrap();
    fs::write(operator.path("ca.cnf"), "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n").unwrap();
    let make =
        "openssl ca -config ca.cnf -cert certs/ca.pem -keyfile certs/ca-key.pem -gencrl -crlsec 5 -out certs/crl.pem";
    operator.run(make, "");
    operator.at_prompt(ROOT, "ALTER INSTANCE RELOAD TLS;");
    server.says("is out of date since ");
    server.says(
        "so that every client certificate of that CA is refused: get a new one, and run ALTER INSTANCE RELOAD TLS",
    );
    operator.fails(&bob, &["ERROR 2026"]);
    server.says("no current CRL of its issuer");
    operator.fails("sealwire-certs --check certs/crl.pem", &["WRONG: it is out of date since ", "--renew-crl"]);
}

#[test]
fn sessions_outlive_a_restart_with_ticket_keys() {
    let operator = Operator::new();
    if !needs(&["openssl"]) {
        return;
    }
    operator.readme(INITIALIZE);
    operator.readme("(umask 077; openssl rand -hex 32 > ticket.keys)");
    operator.readme(MAKE);
    operator.write_option_file();
    const TICKETS: &str = "sealwired --defaults-extra-file=sealwired.cnf --ssl-session-ticket-key=ticket.keys";
    let server = operator.serve(TICKETS);
    server.says("; session ticket secrets: 1\n");
    let connect = |port: u16, session: &str| {
        let line = format!(
            "openssl s_client -starttls mysql -tls1_2 -connect 127.0.0.1:{port} {session} </dev/null 2>/dev/null"
        );
        operator.run(&line, "")
    };
    assert!(connect(server.port, "-sess_out session").contains("New, TLSv1.2"));
    drop(server);
    fs::set_permissions(operator.path("ticket.keys"), Permissions::from_mode(0o644)).unwrap();
    let server = operator.serve(TICKETS);
    assert!(connect(server.port, "-sess_in session").contains("Reused, TLSv1.2"));
    server.says("[Warning] [Server] the file of session ticket secrets 'ticket.keys' has mode 0644");
    server.says("run 'chmod 600 ticket.keys'");
}

#[test]
fn a_bridge_has_tls_and_a_token() {
    let (operator, server) = started();
    if !needs(&["openssl"]) {
        return;
    }
    operator.readme("(umask 077; openssl rand -hex 32 > bridge.token)");
    let line = "sealwire-bridge --target=prod=db1.example:3306 --ssl-cert=certs/server-cert.pem --ssl-key=certs/server-key.pem \
                --token-file=bridge.token";
    operator.is_in_readme(line);
    for name in ["bridge.token", "certs/server-key.pem"] {
        fs::set_permissions(operator.path(name), Permissions::from_mode(0o644)).unwrap();
    }
    let line = line.replace("db1.example:3306", &format!("127.0.0.1:{}", server.port));
    let bridge = Daemon::start(&mut operator.shell(&line)).unwrap();
    for (what, name) in [("token", "bridge.token"), ("private key", "certs/server-key.pem")] {
        bridge.says(&format!("[Warning] [Bridge] the {what} '{name}' has mode 0644"));
        bridge.says(&format!("run 'chmod 600 {name}'"));
    }
    bridge.says("TLS loaded: certificate '/CN=localhost' of '/CN=Sealwire CA ");
    let ask = |request: &str| {
        let port = bridge.port;
        let line =
            format!("openssl s_client -quiet -CAfile certs/ca.pem -verify_return_error -connect localhost:{port}");
        text(&operator.output(&line, &format!("{request}\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")))
    };
    let metrics = ask("GET /metrics HTTP/1.1");
    let end = metrics.lines().find_map(|line| line.strip_prefix("sealwire_bridge_certificate_not_after_seconds "));
    assert!(end.is_some_and(|end| end.parse::<u64>().is_ok()), "{metrics}");
    let upgrade = "GET /tcp/prod HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let port = bridge.port;
    let line = format!("openssl s_client -quiet -CAfile certs/ca.pem -connect localhost:{port}");
    let said = text(&operator.output(&line, &format!("{upgrade}\r\nHost: localhost:{port}\r\n\r\n")));
    assert!(said.contains("101 Switching Protocols") && said.contains("bearer.TOKEN"), "{said}");
    bridge.says("token");
}

/// Commands that must fail, and the texts that their messages must contain: the thing and the way out.
fn broken(data: &str) -> Vec<(String, &'static [&'static str])> {
    let server = |options: &str| format!("sealwired --datadir={data} {options}");
    let with = |cert: &str, key: &str| server(&format!("--ssl-ca=certs/ca.pem --ssl-cert={cert} --ssl-key={key}"));
    vec![
        (
            server("--ssl-cert=certs/server-cert.pem"),
            &["'certs/server-cert.pem' holds a certificate and no private key", "give its key with --ssl-key"],
        ),
        (server("--ssl-key=certs/server-key.pem"), &["'certs/server-key.pem' holds no certificate", "--ssl-cert"]),
        (with("certs/server-key.pem", "certs/server-cert.pem"), &["--ssl-cert and --ssl-key swapped?"]),
        (
            with("certs/server-cert.pem", "certs/client-key.pem"),
            &["'certs/client-key.pem' is not the key of 'certs/server-cert.pem'", "--check"],
        ),
        (
            with("certs/server-cert.pem", "nokey.pem"),
            &["option '--ssl-key': can't read 'nokey.pem'", "give the whole path"],
        ),
        (
            with("certs/server-cert.pem", "/nokey.pem"),
            &["option '--ssl-key': can't read '/nokey.pem'", "give the path of one that is there"],
        ),
        (with("certs/server-cert.pem", "encrypted.pem"), &["'encrypted.pem' is encrypted", "ssl-passphrase"]),
        (
            format!("{} --ssl-passphrase=wrong", with("certs/server-cert.pem", "encrypted.pem")),
            &["'encrypted.pem' can't be decrypted: the passphrase is wrong"],
        ),
        (server("--ssl-ca=certs/ca.pem"), &["give --ssl-cert and --ssl-key too"]),
        (server("--ssl-crl=certs/ca.pem"), &["option '--ssl-crl': 'certs/ca.pem' holds no revocation list"]),
        (
            with("certs/server-cert.pem", "certs/server-key.pem").replace("certs/ca.pem", "certs/server-key.pem"),
            &["option '--ssl-ca': 'certs/server-key.pem' holds no certificate"],
        ),
        (
            server("--skip-ssl --socket=/nodir/x.sock"),
            &["option '--socket': /nodir/x.sock", "there is no directory '/nodir': make it, or give another path"],
        ),
        (
            server("--skip-ssl --socket=/nodir/x.sock").replace("/nodir/x", &"/x".repeat(60)),
            &["option '--socket'", "at most 107 bytes: give a shorter one"],
        ),
        (
            server("--skip-ssl --pid-file=/nodir/x.pid"),
            &["option '--pid-file': can't write /nodir/x.pid", "there is no directory '/nodir': make it"],
        ),
        (
            server("--skip-ssl --init-file=nope.sql"),
            &["option '--init-file': can't read 'nope.sql'", "give the whole path"],
        ),
        (
            server("--skip-ssl --bind-address=203.0.113.7"),
            &["203.0.113.7", "This machine has no such address", "'ip address' lists", "--bind-address"],
        ),
        (server("--log-error=/tmp/x.log"), &["logs to standard error alone", "redirect it ('sealwired … 2>>FILE'"]),
        (server("--user=mysql"), &["does not change its user: start it as that user", "User= of its systemd unit"]),
        (server("--tls-version=TLSv1.1"), &["TLSv1.1", "TLSv1.2"]),
        (server("--ssl-cipher=RC4-MD5"), &["'RC4-MD5' is not supported; use '"]),
        (
            server("--ssl-session-ticket-key=nothere"),
            &["option '--ssl-session-ticket-key': can't read 'nothere'", "give the whole path"],
        ),
        (
            server("--ssl-session-ticket-key=certs/ca.pem"),
            &["line 1 of 'certs/ca.pem' is no secret", "openssl rand -hex 32"],
        ),
        (server("--ssl-ceert=x"), &["unknown variable 'ssl-ceert=x'", "did you mean '--ssl-cert'?"]),
        ("sealwired".to_owned(), &["--datadir"]),
        ("sealwired --datadir=empty".to_owned(), &["empty is not a data directory", "--initialize"]),
        (format!("sealwired --datadir={data} --initialize"), &[]),
        ("sealwired --datadir=certs/ca.pem".to_owned(), &["certs/ca.pem is not a directory: give the path of one"]),
        ("sealwired --datadir=certs/ca.pem --initialize".to_owned(), &["certs/ca.pem is not a directory"]),
        (
            "sealwire-bridge --target=a=b --ssl-ca=certs/ca.pem".to_owned(),
            &["'--ssl-ca'", "give --ssl-cert and --ssl-key too, or leave them out"],
        ),
        ("sealwire-bridge".to_owned(), &["--target=NAME=HOST[:PORT]"]),
        (
            "sealwire-bridge --target=a=b --token-file=nothere".to_owned(),
            &["option '--token-file'", "'nothere'", "give the whole path"],
        ),
        ("sealwire-bridge --target=a=b --ssl-cert=certs/server-cert.pem".to_owned(), &["give its key with --ssl-key"]),
        ("sealwire-bridge --targett=a=b".to_owned(), &["did you mean '--target'?"]),
        (
            "sealwire -h 127.0.0.1 --ssl-cert=certs/client-cert.pem".to_owned(),
            &["ERROR 2026", "give its key with --ssl-key"],
        ),
        ("sealwire -S nothere -u root".to_owned(), &["ERROR 2002", "nothere", "-S"]),
        ("sealwire -h 127.0.0.1 -P 1 -u root".to_owned(), &["ERROR 2003", "127.0.0.1:1", "-P"]),
        ("sealwire-certs --dir=certs".to_owned(), &["there is a CA in 'certs' already", "--ca-dir='certs'"]),
        ("sealwire-certs --hosst=x".to_owned(), &["--host"]),
    ]
}

#[test]
fn what_is_broken_on_purpose_is_named_with_the_way_out() {
    let operator = Operator::new();
    operator.readme(MAKE);
    operator.readme(INITIALIZE);
    operator.run("openssl pkcs8 -topk8 -in certs/server-key.pem -out encrypted.pem -passout pass:geheim", "");
    for (line, said) in broken("data") {
        operator.fails(&line, said);
    }
    // A second server, at a port that is in use.
    let server = operator.serve(START);
    operator.fails(START, &["another server uses the data directory ", "stop it, or give another --datadir"]);
    operator.run("sealwired --initialize-insecure --datadir=second", "");
    operator.fails(
        &format!("sealwired --datadir=second --port={}", server.port),
        &["another server running on it?", "--port"],
    );
    drop(server);

    // Files that are used in spite of a warning.
    let expired = CertificateSet::expired(&operator.path("expired"));
    let line = START.replace("certs/server-cert.pem", &expired.server_cert.display().to_string());
    let line = line.replace("certs/server-key.pem", &expired.server_key.display().to_string());
    let server = Daemon::start(&mut operator.shell(&line)).unwrap();
    server.says("[Warning] [Server] the server's certificate '");
    server.says(" expired at ");
    server.says("renew it, and run ALTER INSTANCE RELOAD TLS");
    drop(server);
    operator.run("sealwire-certs --ca-dir=certs --renew-server --days=10", "");
    let server = operator.serve(START);
    server.says("the server's certificate '/CN=localhost' expires soon, at ");
    drop(server);
    fs::set_permissions(operator.path("certs/server-key.pem"), Permissions::from_mode(0o644)).unwrap();
    let server = operator.serve(START);
    server.says("the private key 'certs/server-key.pem' has mode 0644");
    server.says("run 'chmod 600 certs/server-key.pem'");
}

/// The error for a key of another user names the user who may not read it.
#[test]
fn a_key_that_may_not_be_read_names_the_user() {
    let operator = Operator::new();
    operator.readme(MAKE);
    operator.readme(INITIALIZE);
    let is_root = fs::read(operator.path("certs/server-key.pem")).is_ok_and(|_| {
        fs::set_permissions(operator.path("certs/server-key.pem"), Permissions::from_mode(0o000)).unwrap();
        fs::read(operator.path("certs/server-key.pem")).is_ok()
    });
    if !is_root {
        operator.fails(START, &["can't read 'certs/server-key.pem'", "this process runs as user '", "chmod"]);
        return;
    }
    // Root may read every file, so another user runs the program.
    if !needs(&["setpriv"]) {
        return;
    }
    for folder in [operator.place.path(), Path::new(&operator.path("certs"))] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    operator.run("chown -R nobody data", "");
    let line = format!("setpriv --reuid=nobody --clear-groups {START}");
    operator.fails(&line, &["can't read 'certs/server-key.pem'", "this process runs as user 'nobody'", "chmod"]);
}

/// Sets a path's mode while a command runs, and 0700 afterwards.
struct Mode(PathBuf);

impl Mode {
    fn of(path: PathBuf, mode: u32) -> Self {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        Self(path)
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        fs::set_permissions(&self.0, Permissions::from_mode(0o700)).unwrap();
    }
}

/// Where the user who runs the server lacks a right on the data directory, the error names user and right.
#[test]
fn a_data_directory_without_rights_names_the_user_and_the_way_out() {
    let operator = Operator::new();
    operator.run("sealwired --initialize-insecure --datadir=data", "");
    fs::set_permissions(operator.place.path(), Permissions::from_mode(0o755)).unwrap();
    // Root lacks no right, so another user runs the program.
    let is_root = operator.run("id -u", "") == "0\n";
    if is_root && !needs(&["setpriv"]) {
        return;
    }
    let as_other = if is_root { "setpriv --reuid=nobody --clear-groups " } else { "" };
    if is_root {
        operator.run("chown -R nobody data", "");
    }
    let start = format!("{as_other}sealwired --datadir=data --skip-ssl");
    for (path, mode, line, said) in [
        ("data", 0o000, &start, &["who owns it and may not enter it: run 'chmod 700 /"][..]),
        (
            "data",
            0o500,
            &start,
            &["can't open /", "sealwired.lock: Permission denied", "runs as user '", "write in '/"],
        ),
        ("data/accounts.sql", 0o000, &start, &["accounts.sql: Permission denied", "runs as user '", "chown, chmod"]),
        (
            "data",
            0o500,
            &format!("{as_other}sealwired --datadir=data/new --initialize"),
            &["can't make the data directory /", "runs as user '", "write in '/"],
        ),
    ] {
        let _mode = Mode::of(operator.path(path), mode);
        operator.fails(line, said);
    }
}

/// The start warns where others can change the accounts, and where there are none; an init file makes the first account anew.
#[test]
fn a_start_warns_of_accounts_that_are_open_or_lost() {
    let operator = Operator::new();
    operator.run("sealwired --initialize-insecure --datadir=data", "");
    let start = |more: &str| {
        let line = format!("sealwired --datadir=data --skip-ssl {more}");
        let server = Daemon::start(&mut operator.shell(&line)).unwrap_or_else(|said| panic!("{line}: {said}"));
        operator.use_port(server.port);
        server
    };
    let log = start("").log();
    assert!(!log.contains("others on this machine") && !log.contains("has no account"), "{log}");
    fs::set_permissions(operator.path("data"), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(operator.path("data/accounts.sql"), Permissions::from_mode(0o666)).unwrap();
    fs::write(operator.path("data/accounts.sql"), "").unwrap();
    let server = start("");
    server.says("others on this machine can replace its accounts and databases: run 'chmod 700 ");
    server.says("accounts.sql' has mode 0666, so that others on this machine can read or change it");
    server.says("accounts.sql' has no account, so that nobody can log in");
    drop(server);
    let sql = "CREATE USER root@localhost; GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;";
    fs::write(operator.path("root.sql"), sql).unwrap();
    let log = start(&format!("--init-file={}", operator.path("root.sql").display())).log();
    assert!(!log.contains("has no account"), "{log}");
    let _server = start("");
    operator.run("sealwire -h 127.0.0.1 -u root --ssl-mode=DISABLED", "CREATE USER jeffrey;");
}
