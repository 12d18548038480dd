//! Attacks on replication: on a replica, on a primary, and on a program that reads the log.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use sealwire_binlog::{Body, EventType, Flavour, Query};
use sealwire_core::tls::ServerContext;
use sealwire_core::{Error, SqlError};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::{self, Watched};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::program;
use sealwire_tests::replication::{Status, sql, status};
use sealwire_tests::server::{Log, Server, Settings};
use sealwire_tests::source::{self, Stream};

use crate::registry::Reaction::{Holds, NotRun, Yields};
use crate::registry::Row;
use crate::stage::{Maker, Stage};

const TLS: &str = "tests/replication/replica/tls.rs";
const CHAIN_TLS: &str = "tests/replication/chain/tls.rs";
const ENDS: &str = "tests/replication/primary/ends.rs";
const STALLED: &str = "tests/replication/primary/stalled.rs";
const SECRETS: &str = "tests/replication/primary/secrets.rs";
const STATEMENTS: &str = "tests/security/sources/statements.rs";
const EVENTS: &str = "tests/security/sources/events.rs";
const TEXTS: &str = "tests/security/sources/texts.rs";

/// How long a server or a program may take to show its reaction.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "replica: downgrade",
        attack: "takes CLIENT_SSL out of the greeting of the source; the channel has MASTER_SSL=1 and a CA",
        theirs: Yields("sends the login, and applies what comes in plaintext"),
        ours: Holds("refuses with error 2026"),
        live: Some(stripped),
        tests: &[(TLS, "a_channel_never_falls_back_to_plaintext")],
    },
    Row {
        id: "replica: a man in the middle",
        attack: "stands for the source with a certificate that nobody vouches for; the channel has MASTER_SSL=1 and no CA",
        theirs: Yields("applies what comes"),
        ours: Holds("refuses with error 2026"),
        live: Some(stranger),
        tests: &[(TLS, "a_channel_is_as_secure_as_its_settings_say")],
    },
    Row {
        id: "replica: another host's certificate",
        attack: "stands for the source with a good certificate of the given CA for another name; the channel has MASTER_SSL=1 and the CA",
        theirs: Yields("applies what comes"),
        ours: Holds("refuses with error 2026"),
        live: Some(another_name),
        tests: &[(TLS, "a_channel_is_as_secure_as_its_settings_say")],
    },
    Row {
        id: "replica: an expired certificate",
        attack: "stands for the source with a certificate of the given CA that expired in 2020",
        theirs: Holds("refuses with error 2026"),
        ours: Holds("refuses with error 2026"),
        live: Some(expired),
        tests: &[],
    },
    Row {
        id: "replica: a certificate that ends",
        attack: "goes on as the source after its certificate has expired, or was revoked, while the channel runs",
        theirs: NotRun("looks at certificates at the login alone, as MySQL does"),
        ours: Holds("leaves the source, and refuses it with error 2026"),
        live: None,
        tests: &[(CHAIN_TLS, "a_source_whose_certificate_ends_while_the_channel_runs_is_left")],
    },
    Row {
        id: "replica: a setting in the log",
        attack: "the source logs SET GLOBAL max_connections = 77, which no server logs",
        theirs: Yields("takes the setting"),
        ours: Holds("stops with error 1235"),
        live: Some(setting),
        tests: &[
            (STATEMENTS, "statements_that_no_server_logs_stop_the_applier"),
            (STATEMENTS, "flush_reaches_neither_logs_nor_certificates"),
        ],
    },
    Row {
        id: "replica: a line for its log",
        attack: "the source ends the log with an error whose text has a line break, and a line as of the replica's log",
        theirs: Yields("has the line in its log"),
        ours: Holds("stops with error 1236, in one line"),
        live: Some(forged_line),
        tests: &[(TEXTS, "names_lead_to_no_file_and_texts_stay_in_their_line")],
    },
    Row {
        id: "replica: a changed event",
        attack: "the source sends an event whose checksum is wrong",
        theirs: Holds("stops with error 1595"),
        ours: Holds("stops with error 1594"),
        live: Some(wrong_checksum),
        tests: &[(EVENTS, "each_ends_the_channel_with_a_sentence_and_little_memory")],
    },
    Row {
        id: "replica: an oversized event",
        attack: "the source sends an event that says that it has 4 GiB",
        theirs: Holds("stops with error 1595"),
        ours: Holds("stops with error 1594"),
        live: Some(oversized),
        tests: &[(EVENTS, "each_ends_the_channel_with_a_sentence_and_little_memory")],
    },
    Row {
        id: "replica: a bomb",
        attack: "the source sends 40 bytes that say that they inflate to a statement of 4 GiB",
        theirs: Holds("stops with error 1595"),
        ours: Holds("stops with error 1594"),
        live: Some(bomb),
        tests: &[(EVENTS, "each_ends_the_channel_with_a_sentence_and_little_memory")],
    },
    Row {
        id: "primary: an account that is locked",
        attack: "reads the log on after its account was locked",
        theirs: Yields("sends each new row"),
        ours: Holds("ends the stream: the account is locked"),
        live: Some(locked),
        tests: &[
            (ENDS, "a_dump_ends_with_its_right"),
            (STALLED, "a_right_that_is_lost_ends_a_dump_in_the_middle_of_a_file"),
        ],
    },
    Row {
        id: "primary: an account that is dropped",
        attack: "reads the log on after its account was dropped",
        theirs: Yields("sends each new row"),
        ours: Holds("ends the stream: the account was dropped or renamed"),
        live: Some(dropped),
        tests: &[(ENDS, "a_dump_ends_with_its_right")],
    },
    Row {
        id: "primary: a right that is revoked",
        attack: "reads the log on after REVOKE REPLICATION SLAVE",
        theirs: Yields("sends each new row"),
        ours: Holds("ends the stream: the account has lost the privilege REPLICATION SLAVE"),
        live: Some(revoked),
        tests: &[(ENDS, "a_dump_ends_with_its_right")],
    },
    Row {
        id: "primary: a certificate that ends",
        attack: "reads the log on after its certificate has expired, or was revoked",
        theirs: NotRun("10.11 looks at certificates at the login alone"),
        ours: Holds("ends the stream: its certificate is no longer valid"),
        live: None,
        tests: &[
            (STALLED, "a_dump_ends_when_its_certificate_expires"),
            (ENDS, "a_dump_ends_when_its_certificate_is_revoked"),
        ],
    },
    Row {
        id: "primary: another's server id",
        attack: "asks for the log with the server id of another account's replica",
        theirs: Yields("ends the other's stream"),
        ours: Holds("refuses, and the other's stream goes on"),
        live: Some(stolen_id),
        tests: &[(ENDS, "a_number_is_one_replicas")],
    },
    Row {
        id: "primary: passwords in the log",
        attack: "an account that may read the log alone reads a CREATE USER ... IDENTIFIED BY",
        theirs: Yields("shows the password"),
        ours: Holds("shows a hash"),
        live: Some(password_in_log),
        tests: &[(SECRETS, "no_password_is_in_the_log")],
    },
    Row {
        id: "reader: downgrade",
        attack: "takes CLIENT_SSL out of the greeting of the server whose log mariadb-binlog, or sealwire-binlog, reads with --ssl-ca",
        theirs: Yields("reads in plaintext"),
        ours: Holds("refuses with error 2026"),
        live: Some(reader_stripped),
        tests: &[("tests/replication/live.rs", "a_running_primary")],
    },
    Row {
        id: "reader: a file elsewhere",
        attack: "names the next file of the log ../evil while the reader copies the log with --raw",
        theirs: Yields("writes the file there"),
        ours: Holds("refuses, and writes no such file"),
        live: Some(reader_path),
        tests: &[],
    },
];

/// Points a replica to a source of this script; returns the replica, and its status where the channel failed or did what the source wanted.
fn follow<'s>(
    stage: &'s Stage,
    maker: Maker,
    tls: Option<ServerContext>,
    ca: Option<&Path>,
    script: fn(&mut Stream<'_>) -> Result<(), Error>,
    has_yielded: impl Fn(&Server) -> bool,
) -> (MutexGuard<'s, Server>, Status, bool) {
    let server = stage.replica(maker);
    let source = source::start(tls, Flavour::MariaDb, move |stream| {
        stream.begin()?;
        script(stream)
    });
    let ca = ca.map_or_else(String::new, |ca| ca.display().to_string());
    sql(
        &server,
        &format!(
            "STOP SLAVE; RESET SLAVE ALL; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='u', MASTER_PASSWORD='{PASSWORD}', \
             MASTER_SSL=1, MASTER_SSL_CA='{ca}', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=60; START SLAVE",
            source.port
        ),
    );
    let begun = Instant::now();
    loop {
        let now = status(&server);
        let yielded = has_yielded(&server);
        if yielded || now["Last_IO_Errno"] != "0" || now["Last_SQL_Errno"] != "0" {
            sql(&server, "STOP SLAVE");
            return (server, now, yielded);
        }
        assert!(begun.elapsed() < PATIENCE, "{now:?}\n{}", server.log());
        // The status is asked for again, because no statement waits for it.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The number of the error of the thread that has one.
fn number(status: &Status) -> &str {
    if status["Last_IO_Errno"] == "0" { &status["Last_SQL_Errno"] } else { &status["Last_IO_Errno"] }
}

/// Whether a replica applies what this source sends.
fn applied(stage: &Stage, maker: Maker, tls: Option<ServerContext>, ca: Option<&Path>, yielded: &str) -> String {
    let script = |stream: &mut Stream<'_>| stream.statement("CREATE TABLE IF NOT EXISTS d.evil (a INT)");
    let is_there = |server: &Server| !sql(server, "SHOW TABLES FROM d LIKE 'evil'").is_empty();
    let (server, status, is_applied) = follow(stage, maker, tls, ca, script, is_there);
    sql(&server, "DROP TABLE IF EXISTS d.evil");
    if is_applied { yielded.to_owned() } else { format!("refuses with error {}", number(&status)) }
}

fn stripped(stage: &Stage, maker: Maker) -> String {
    applied(stage, maker, None, Some(&stage.set().ca), "sends the login, and applies what comes in plaintext")
}

fn stranger(stage: &Stage, maker: Maker) -> String {
    applied(stage, maker, Some(source::context(&stage.stranger())), None, "applies what comes")
}

fn another_name(stage: &Stage, maker: Maker) -> String {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::as_the_manual(place.path(), "elsewhere.example");
    applied(stage, maker, Some(source::context(&set)), Some(&set.ca), "applies what comes")
}

fn expired(stage: &Stage, maker: Maker) -> String {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::expired(place.path());
    applied(stage, maker, Some(source::context(&set)), Some(&set.ca), "applies what comes")
}

/// As [`follow`], over TLS with a good certificate.
fn trusted<'s>(
    stage: &'s Stage,
    maker: Maker,
    script: fn(&mut Stream<'_>) -> Result<(), Error>,
    has_yielded: impl Fn(&Server) -> bool,
) -> (MutexGuard<'s, Server>, Status, bool) {
    follow(stage, maker, Some(source::context(stage.set())), Some(&stage.set().ca), script, has_yielded)
}

fn setting(stage: &Stage, maker: Maker) -> String {
    let script = |stream: &mut Stream<'_>| stream.statement("SET GLOBAL max_connections = 77");
    let is_taken = |server: &Server| sql(server, "SELECT @@global.max_connections") == "77\n";
    let (_server, status, is_taken) = trusted(stage, maker, script, is_taken);
    if is_taken { "takes the setting".to_owned() } else { format!("stops with error {}", number(&status)) }
}

fn forged_line(stage: &Stage, maker: Maker) -> String {
    let script = |stream: &mut Stream<'_>| {
        stream.error(SqlError::new(1236, b"HY000", "over\n2026-01-01 00:00:00 0 [Note] all is well"));
        Ok(())
    };
    let (server, status, _) = trusted(stage, maker, script, |_| false);
    server.wait_for_log("all is well");
    let has_line = server.log().lines().any(|line| line.starts_with("2026-01-01 00:00:00 0 [Note] all is well"));
    if has_line {
        "has the line in its log".to_owned()
    } else {
        format!("stops with error {}, in one line", number(&status))
    }
}

/// Whether a replica stops at a statement's event that was changed.
fn stops(stage: &Stage, maker: Maker, script: fn(&mut Stream<'_>) -> Result<(), Error>) -> String {
    let is_there = |server: &Server| !sql(server, "SHOW TABLES FROM d LIKE 'evil'").is_empty();
    let (_server, status, is_applied) = trusted(stage, maker, script, is_there);
    if is_applied { "applies it".to_owned() } else { format!("stops with error {}", number(&status)) }
}

const EVIL: Body<'static> = Body::Query(Query::new(1, b"d", b"CREATE TABLE d.evil (a INT)"));

fn wrong_checksum(stage: &Stage, maker: Maker) -> String {
    stops(stage, maker, |stream| {
        let mut event = stream.encode(&EVIL);
        *event.last_mut().unwrap() ^= 1;
        stream.raw(&event)
    })
}

fn oversized(stage: &Stage, maker: Maker) -> String {
    stops(stage, maker, |stream| {
        let mut event = stream.encode(&EVIL);
        event[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        stream.raw(&event)
    })
}

fn bomb(stage: &Stage, maker: Maker) -> String {
    stops(stage, maker, |stream| {
        stream.group(true)?;
        let mut query = [0; 13];
        query[8] = 1;
        let body = [&query[..], b"d\0\x84\xff\xff\xff\xff\x78\x9c\x03\0\0\0\0\x01"].concat();
        stream.body(EventType(165), &body)
    })
}

/// A server of that maker with a binary log, and accounts that may read the log. Each test has its own.
fn primary(stage: &Stage, maker: Maker) -> Server {
    let kind = maker.server();
    let mut options = vec!["--log-bin=binlog".to_owned(), "--server-id=11".to_owned()];
    options.push(match maker {
        Maker::MariaDb => "--binlog-format=ROW".to_owned(),
        Maker::Sealwire => "--version=10.11.99-MariaDB-Sealwire".to_owned(),
    });
    let mut statements = Vec::new();
    for user in ["repl", "other"] {
        statements.push(kind.create_user(user, "mysql_native_password", PASSWORD, "NONE"));
        statements.push(format!("GRANT REPLICATION SLAVE ON *.* TO {user}@'%';"));
    }
    let settings = Settings { certificates: Some(stage.set().clone()), options, statements, ..Settings::default() };
    let server = Server::start(kind, &settings).unwrap();
    sql(&server, "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    server
}

/// A program that reads a log without an end.
struct Reader {
    process: Watched,
    out: Log,
    errors: Log,
}

impl Reader {
    fn start(server: &Server, user: &str, more: &[&str]) -> Self {
        let mut command = Command::new("mariadb-binlog");
        command.args(["--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", "--ssl", "--stop-never", "-v"]);
        command.arg(format!("--port={}", server.port)).arg(format!("--user={user}"));
        command.arg(format!("--password={PASSWORD}")).args(more).arg("binlog.000001");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, errors) = (Log::follow(child.stdout.take().unwrap()), Log::follow(child.stderr.take().unwrap()));
        Self { process: Watched::new(child), out, errors }
    }

    /// Waits until this text comes, or the end; returns whether it came.
    fn has(&self, text: &str) -> bool {
        self.out.wait_for(PATIENCE, |said| said.contains(text).then_some(())).is_some()
    }

    /// The error with which the program ended.
    fn ended(&self) -> String {
        self.process.wait(PATIENCE);
        self.errors.wait_for(PATIENCE, |_| None::<()>);
        self.errors.text()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.process.kill("TERM");
        self.process.wait(PATIENCE);
    }
}

/// The reaction to this statement, as a reader of the log sees it.
fn after(stage: &Stage, maker: Maker, statement: &str) -> String {
    let server = primary(stage, maker);
    let reader = Reader::start(&server, "repl", &[]);
    assert!(reader.has("@1=1"), "{}", reader.errors.text());
    sql(&server, statement);
    sql(&server, "INSERT INTO d.t VALUES (2)");
    if reader.has("@1=2") {
        return "sends each new row".to_owned();
    }
    let said = reader.ended();
    let why = said.rsplit_once("'repl'@'%': ").or_else(|| said.rsplit_once("because ")).map_or(&*said, |(_, why)| why);
    let why = why.split(['\'', ';', '\n']).next().unwrap_or(why);
    format!("ends the stream: {why}")
}

fn locked(stage: &Stage, maker: Maker) -> String {
    after(stage, maker, "ALTER USER repl@'%' ACCOUNT LOCK")
}

fn dropped(stage: &Stage, maker: Maker) -> String {
    after(stage, maker, "DROP USER repl@'%'")
}

fn revoked(stage: &Stage, maker: Maker) -> String {
    after(stage, maker, "REVOKE REPLICATION SLAVE ON *.* FROM repl@'%'")
}

fn stolen_id(stage: &Stage, maker: Maker) -> String {
    let server = primary(stage, maker);
    let id = "--stop-never-slave-server-id=55";
    let victim = Reader::start(&server, "repl", &[id]);
    assert!(victim.has("@1=1"), "{}", victim.errors.text());
    let thief = Reader::start(&server, "other", &[id]);
    let is_served = thief.has("@1=1");
    sql(&server, "INSERT INTO d.t VALUES (2)");
    match (victim.has("@1=2"), is_served) {
        (true, false) => "refuses, and the other's stream goes on".to_owned(),
        (true, true) => "serves both".to_owned(),
        (false, _) => "ends the other's stream".to_owned(),
    }
}

fn password_in_log(stage: &Stage, maker: Maker) -> String {
    let server = primary(stage, maker);
    let reader = Reader::start(&server, "repl", &[]);
    sql(&server, "CREATE USER new@'%' IDENTIFIED BY 'a new secret'; INSERT INTO d.t VALUES (2)");
    assert!(reader.has("@1=2"), "{}", reader.errors.text());
    if reader.out.text().contains("a new secret") { "shows the password" } else { "shows a hash" }.to_owned()
}

/// Runs the program that reads logs of that maker, on this port.
fn read(maker: Maker, port: u16, more: &[String]) -> std::process::Output {
    let mut command = match maker {
        Maker::MariaDb => Command::new("mariadb-binlog"),
        Maker::Sealwire => Command::new(program("sealwire-binlog")),
    };
    command.args(["--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", "--user=u"]);
    command.arg(format!("--port={port}")).arg(format!("--password={PASSWORD}")).args(more).arg("bin.000001");
    child::output(&mut command, &[]).unwrap()
}

fn reader_stripped(stage: &Stage, maker: Maker) -> String {
    let source = source::start(None, Flavour::MariaDb, |stream| {
        stream.begin()?;
        stream.statement("CREATE TABLE d.evil (a INT)")?;
        stream.end()
    });
    let output = read(maker, source.port, &[stage.ca()]);
    if String::from_utf8_lossy(&output.stdout).contains("d.evil") {
        return "reads in plaintext".to_owned();
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = said.split_once("ERROR ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
    code.map_or(said, |code: String| format!("refuses with error {code}"))
}

fn reader_path(stage: &Stage, maker: Maker) -> String {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("copies");
    std::fs::create_dir(&folder).unwrap();
    let source = source::start(Some(source::context(stage.set())), Flavour::MariaDb, |stream| {
        stream.begin()?;
        stream.rotate(b"../evil")?;
        stream.begin_format()?;
        stream.statement("CREATE TABLE d.evil (a INT)")?;
        stream.end()
    });
    let more =
        ["--raw".to_owned(), "--to-last-log".to_owned(), format!("--result-file={}/", folder.display()), stage.ca()];
    let output = read(maker, source.port, &more);
    if place.path().join("evil").exists() {
        return "writes the file there".to_owned();
    }
    if output.status.success() { "copies on, and writes no such file" } else { "refuses, and writes no such file" }
        .to_owned()
}
