//! Our client at a terminal: its questions to the user, its output and the files that it writes.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{needs, package_folder, program};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROMPT: &str = "sealwire> ";
const QUESTION: &str = "trusted from now on (yes/no)? ";

/// A server, and a user with a home directory.
struct World {
    place: TempDir,
    server: Server,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(&place.path().join("certificates"));
        let statements = vec![
            Kind::Sealwired.create_user("person", "caching_sha2_password", PASSWORD, "SSL"),
            "GRANT ALL ON *.* TO 'person'@'%';".to_owned(),
        ];
        let settings = Settings { certificates: Some(certificates), statements, ..Settings::default() };
        fs::create_dir(place.path().join("home")).unwrap();
        Self { place, server: Server::start(Kind::Sealwired, &settings).unwrap() }
    }

    fn certificates(&self) -> CertificateSet {
        CertificateSet::in_folder(&self.place.path().join("certificates"))
    }

    fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    fn known_servers(&self) -> PathBuf {
        self.home().join(".config/sealwire/known_servers")
    }

    fn history(&self) -> String {
        fs::read_to_string(self.home().join(".sealwire_history")).unwrap_or_default()
    }

    fn with_ca(&self) -> String {
        format!("--ssl-ca={}", self.certificates().ca.display())
    }

    fn with_password() -> String {
        format!("--password={PASSWORD}")
    }

    /// Runs the client, with steps that each wait for a text and then type a line; returns the output and the exit code.
    #[track_caller]
    fn talk(&self, options: &[String], steps: &[(&str, Typed<'_>)]) -> (String, i64) {
        self.talk_by(&program("sealwire"), options, steps)
    }

    /// The client with the user's name and password, for a script.
    fn client(&self, options: &[&str]) -> Command {
        let mut command = Command::new(program("sealwire"));
        command.args(["--no-defaults", "--host=127.0.0.1", "--user=person"]).args(options);
        command.arg(format!("--port={}", self.server.port)).args([self.with_ca(), Self::with_password()]);
        command
    }

    #[track_caller]
    fn talk_by(&self, client: &Path, options: &[String], steps: &[(&str, Typed<'_>)]) -> (String, i64) {
        let mut command = vec![client.display().to_string(), "--no-defaults".to_owned()];
        command.extend([format!("--port={}", self.server.port), "--user=person".to_owned()]);
        command.extend(["--host=127.0.0.1".to_owned()].into_iter().chain(options.iter().cloned()));
        let step = |(expect, typed): &(&str, Typed<'_>)| match typed {
            Line(line) => json!({"expect": expect, "type": line}),
            Hidden(line) => json!({"expect": expect, "type": line, "hidden": true}),
            Nothing => json!({"expect": expect}),
        };
        let job = json!({
            "command": command,
            // With colours, the line editor would redraw the line, prompt included, at each key.
            "environment": {
                "NO_COLOR": "1",
                "HOME": self.home(), "TERM": "xterm", "LC_ALL": "C.UTF-8",
                "PATH": std::env::var("PATH").unwrap(), "EDITOR": "sed -i \"s/AS/AS edited/\"",
            },
            "steps": steps.iter().map(step).collect::<Vec<_>>(),
        });
        let mut python = Command::new("python3");
        python.arg("-B").arg(package_folder().join("interop/scripts/terminal.py")).arg(job.to_string());
        let output = child::output(&mut python, &[]).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
        let shown = outcome["shown"].as_str().unwrap().to_owned();
        assert!(outcome["error"].is_null(), "{}; it showed:\n{shown}", outcome["error"]);
        (shown, outcome["code"].as_i64().unwrap())
    }
}

/// The user's action when a text has appeared.
enum Typed<'a> {
    Line(&'a str),
    /// A typed line that must not be shown.
    Hidden(&'a str),
    Nothing,
}

use Typed::{Hidden, Line, Nothing};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The path of a program of another project.
fn on_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap()
}

/// The fingerprint as openssl prints it.
fn fingerprint(certificate: &Path) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate);
    let said = String::from_utf8(child::output(&mut openssl, &[]).unwrap().stdout).unwrap();
    said.trim().rsplit_once('=').unwrap().1.to_owned()
}

#[test]
fn an_unknown_certificate_is_asked_about_once_and_a_changed_one_refused() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [World::with_password()];
    let set = world.certificates();
    let first = fingerprint(&set.server_cert);

    // Every answer except "yes" means no.
    for answer in ["no", "", "y"] {
        let (shown, code) = world.talk(&options, &[(QUESTION, Line(answer))]);
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains(&format!("SHA-256 fingerprint\n  {first}\n")), "{shown}");
        assert!(shown.contains("ERROR 2026 (HY000)") && !shown.contains(PROMPT), "{shown}");
        assert!(!world.known_servers().exists());
    }

    let (shown, code) = world.talk(&options, &[(QUESTION, Line("yes")), (PROMPT, Line("\\s")), (PROMPT, Line("\\q"))]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Remembered in ") && shown.contains(", cert is verified by fingerprint\n"), "{shown}");
    let line = format!("127.0.0.1:{} SHA256 {first}\n", world.server.port);
    assert_eq!(fs::read_to_string(world.known_servers()).unwrap(), line);
    assert_eq!(mode(&world.known_servers()), 0o600);

    let (shown, code) = world.talk(&options, &[(PROMPT, Line("\\q"))]);
    assert!(code == 0 && !shown.contains("fingerprint"), "{shown}");

    // The server gets another certificate; a client can't tell it from another server.
    let other = CertificateSet::by_openssl(&world.place.path().join("other"));
    for (from, to) in [(&other.server_cert, &set.server_cert), (&other.server_key, &set.server_key)] {
        fs::copy(from, to).unwrap();
    }
    fs::copy(&other.ca, &set.ca).unwrap();
    let (shown, code) = world.talk(&options, &[(PROMPT, Line("ALTER INSTANCE RELOAD TLS;")), (PROMPT, Line("\\q"))]);
    assert!(code == 0 && shown.contains("Query OK"), "{shown}");
    let (shown, code) = world.talk(&options, &[("HAS CHANGED!", Nothing)]);
    assert_eq!(code, 1, "{shown}");
    for text in [&first, &fingerprint(&set.server_cert), "man in the middle", "ERROR 2026 (HY000)"] {
        assert!(shown.contains(text), "no '{text}' in:\n{shown}");
    }
    assert!(!shown.contains(QUESTION) && !shown.contains(PROMPT), "{shown}");
    assert_eq!(fs::read_to_string(world.known_servers()).unwrap(), line);
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), "-p".to_owned()];
    let steps =
        [("Enter password: ", Hidden(PASSWORD)), (PROMPT, Line("SELECT CURRENT_USER();")), (PROMPT, Line("\\q"))];
    let (shown, code) = world.talk(&options, &steps);
    assert!(code == 0 && shown.contains("| person@%"), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");

    let (shown, code) = world.talk(&options, &[("Enter password: ", Hidden("wrong horse"))]);
    assert!(code == 1 && shown.contains("ERROR 1045 (28000): Access denied"), "{shown}");
    assert!(!shown.contains("wrong horse"), "{shown}");
}

#[test]
fn lines_that_come_at_once_are_each_run() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    // A terminal without bracketed paste sends pasted text like this.
    let pasted = "SELECT 'fir' 'st';\rSELECT 'sec'\r'ond'; SELECT 'thi' 'rd';\r\\q";
    let (shown, code) = world.talk(&[world.with_ca(), World::with_password()], &[(PROMPT, Line(pasted))]);
    assert_eq!(code, 0, "{shown}");
    for text in ["| first ", "| second ", "| third "] {
        assert!(shown.contains(text), "no '{text}' in:\n{shown}");
    }
    assert!(world.history().contains("SELECT 'fir' 'st';"), "{}", world.history());
}

#[test]
fn statements_go_over_lines_are_discarded_and_shown() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let (shown, code) = world.talk(
        &options,
        &[
            (PROMPT, Line("SELECT 40")),
            ("    -> ", Line("+ 2")),
            ("    -> ", Line("AS answer;")),
            (PROMPT, Line("SELECT 'one")),
            ("    '> ", Line("two' AS")),
            ("    -> ", Line("discarded \\c")),
            (PROMPT, Line("SELECT 1 AS one, 2 AS two\\G")),
            (PROMPT, Line("SELEKT;")),
            (PROMPT, Line("\\s")),
            (PROMPT, Line("exit")),
            ("Bye\n", Nothing),
        ],
    );
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("+--------+\n| answer |\n+--------+\n|     42 |\n+--------+\n1 row in set (0."), "{shown}");
    assert!(!shown.contains("| discarded"), "{shown}");
    assert!(
        shown.contains("*************************** 1. row ***************************\none: 1\ntwo: 2\n"),
        "{shown}"
    );
    assert!(shown.contains("ERROR 1064 (42000): You have an error in your SQL syntax"), "{shown}");
    for line in [
        "SSL:\t\t\tCipher in use is TLS_",
        ", cert is verified by CA\n",
        "Current user:\t\tperson@",
        "Connection:\t\t127.0.0.1 via TCP/IP\n",
        "Using delimiter:\t;\n",
    ] {
        assert!(shown.contains(line), "no '{line}' in:\n{shown}");
    }
}

#[test]
fn the_history_holds_statements_but_no_password() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let lines = [
        (PROMPT, "CREATE USER a IDENTIFIED BY 'hush-1';"),
        (PROMPT, "SET PASSWORD FOR a = 'hush-2';"),
        // ALTER USER and the password are on separate lines.
        (PROMPT, "ALTER USER a"),
        ("    -> ", "IDENTIFIED"),
        ("    -> ", "BY"),
        ("    -> ", "'hush-3';"),
        (PROMPT, "SELECT 'kept' AS"),
        ("    -> ", "needle;"),
        (PROMPT, "\\q"),
    ];
    let steps = lines.map(|(expect, line)| (expect, Line(line)));
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!((code, shown.matches("Query OK").count()), (0, 3), "{shown}");
    let history = world.history();
    assert!(history.contains("SELECT 'kept' AS") && history.contains("needle;"), "{history}");
    assert!(!history.contains("hush") && !history.contains(PASSWORD), "{history}");
    assert_eq!(mode(&world.home().join(".sealwire_history")), 0o600);

    // The next session has the history: pressing the up key twice brings back the whole statement.
    let steps = [(PROMPT, Line("\u{1b}[A\u{1b}[A")), ("| kept", Nothing), (PROMPT, Line("\\q"))];
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn names_and_words_are_completed_and_results_paged() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let steps = [
        (PROMPT, Line("CREATE DATABASE shop;")),
        (PROMPT, Line("CREATE TABLE shop.goods (unmistakable INT);")),
        (PROMPT, Line("INSERT INTO shop.goods VALUES (42);")),
        (PROMPT, Line("use shop")),
        (PROMPT, Line("SEL\t unmist\t FR\t goods;")),
        ("|           42 |", Nothing),
        (PROMPT, Line("pager sed s/42/paged/")),
        ("PAGER set to 'sed s/42/paged/'", Nothing),
        (PROMPT, Line("SELECT 42;")),
        ("|   paged |", Nothing),
        (PROMPT, Line("nopager")),
        ("PAGER set to stdout", Nothing),
        (PROMPT, Line("SELECT 'one' AS")),
        ("    -> ", Line("\\e")),
        ("    -> ", Line(";")),
        ("| edited |", Nothing),
        (PROMPT, Line("\\C latin1")),
        ("Charset changed", Nothing),
        (PROMPT, Line("\\C klingon")),
        ("Charset 'klingon' is not found", Nothing),
        (PROMPT, Line("\\q")),
    ];
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn databases_and_tables_are_completed_where_one_is_meant() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let steps = [
        (PROMPT, Line("CREATE DATABASE app1; CREATE DATABASE unlike; CREATE TABLE app1.users (unlike INT);")),
        ("Query OK", Nothing),
        ("Query OK", Nothing),
        ("Query OK", Nothing),
        (PROMPT, Line("\\#")),
        (PROMPT, Line("use ap\t")),
        ("Database changed", Nothing),
        // USE, USER and USING begin so, too.
        (PROMPT, Line("drop table us\t;")),
        ("Query OK", Nothing),
        (PROMPT, Line("drop database unl\t;")),
        ("Query OK", Nothing),
        (PROMPT, Line("\\q")),
    ];
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn a_failed_connect_leaves_the_user_at_the_prompt_and_ends_a_script() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let steps = [
        (PROMPT, Line("CREATE DATABASE app;")),
        (PROMPT, Line("connect nodb;")),
        ("ERROR 1049 (42000): Unknown database 'nodb'", Nothing),
        (PROMPT, Line("SELECT 1;")),
        ("No connection. Trying to reconnect...", Nothing),
        ("ERROR 1049", Nothing),
        (PROMPT, Line("use app")),
        ("Database changed", Nothing),
        (PROMPT, Line("\\r app nowhere.invalid")),
        ("ERROR 2005", Nothing),
        (PROMPT, Line("\\r app 127.0.0.1")),
        ("Current database: app", Nothing),
        (PROMPT, Line("SELECT DATABASE() AS now;")),
        ("| app  |", Nothing),
        (PROMPT, Line("\\q")),
        ("Bye", Nothing),
    ];
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!(code, 0, "{shown}");
    let output = child::output(&mut world.client(&[]), b"connect nodb;\nSELECT 'not' 'reached';\n").unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("ERROR 1049") && output.stdout.is_empty(), "{said}");
}

#[test]
fn the_last_statement_is_edited_and_the_prompt_shows_the_user() {
    if !needs(&["python3", "openssl"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password()];
    let steps = [
        (PROMPT, Line("SELECT 'BASE' AS x;")),
        ("| BASE |", Nothing),
        (PROMPT, Line("edit")),
        ("    -> ", Line(";")),
        ("| BAS editedE |", Nothing),
        (PROMPT, Line("help contents")),
        ("Nothing found", Nothing),
        (PROMPT, Line("prompt \\U \\R:\\m> ")),
        ("PROMPT set to '\\U \\R:\\m> '", Nothing),
        ("person@localhost ", Nothing),
        (":", Nothing),
        ("> ", Line("\\q")),
    ];
    let (shown, code) = world.talk(&options, &steps);
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn safe_updates_work_with_our_server() {
    if !needs(&["openssl"]) {
        return;
    }
    let world = World::new();
    let script = "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);
        DELETE FROM t; UPDATE t SET a = 7; UPDATE t SET a = 8 WHERE id = 2; SELECT a FROM t;";
    for option in ["-U", "--safe-updates", "--i-am-a-dummy"] {
        let mut client = world.client(&[option, "-f", "--select-limit=2", "-N"]);
        let output = child::output(&mut client, script.as_bytes()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.matches("ERROR 1175 (HY000)").count(), 2, "{said}");
        assert!(said.contains("WARNING: the server has no variable max_join_size"), "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n8\n", "{said}");
        let output = child::output(&mut world.client(&["-e", "DROP DATABASE d"]), b"").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn lost_output_is_an_error_and_a_gone_reader_is_none() {
    if !needs(&["openssl"]) {
        return;
    }
    let world = World::new();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut help = Command::new(program("sealwire"));
    help.args(["--no-defaults", "--help"]);
    let long = "SELECT REPEAT('x', 100000)";
    for mut command in [
        world.client(&["-e", "SELECT 6"]),
        world.client(&["-e", long]),
        world.client(&["-n", "-e", "SELECT 6"]),
        world.client(&["-e", "status"]),
        help,
    ] {
        let output = command.stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("ERROR")).collect();
        assert_eq!(lines, ["ERROR: standard output can't be written: No space left on device (os error 28)"], "{said}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut client = world.client(&["-e", long]);
    let output = client.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("ERROR"), "{said}");
}

#[test]
fn a_failed_connection_names_the_way_out() {
    if !needs(&["openssl"]) {
        return;
    }
    let world = World::new();
    let said = |arguments: &[&str]| {
        let mut command = Command::new(program("sealwire"));
        command.args(["--no-defaults", "--user=person", "-e", "SELECT 1"]).args(arguments);
        let output = child::output(&mut command, &[]).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    // A peer that closes without a greeting, and one that speaks another protocol.
    for greeting in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || listener.accept().unwrap().0.write_all(greeting).unwrap());
        let said = said(&["-h", "127.0.0.1", "-P", &port.to_string()]);
        peer.join().unwrap();
        assert!(said.contains(&format!("Is there a MySQL server at 127.0.0.1:{port}?")), "{said}");
    }
    let stale = world.place.path().join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let refused = said(&["-S", stale.to_str().unwrap()]);
    assert!(refused.contains("(111)") && refused.contains("leaves it behind") && !refused.contains("-P"), "{refused}");
    let port = format!("-P{}", world.server.port);
    let password = World::with_password();
    let database = said(&["-h127.0.0.1", &port, &world.with_ca(), &password, "root@127.0.0.1"]);
    assert!(database.contains("-u root -h 127.0.0.1"), "{database}");
    let url = said(&["mysql://root:hush@127.0.0.1/app"]);
    assert!(url.contains("a URL stands where") && !url.contains("hush"), "{url}");
    let with_port = said(&["-h", &format!("127.0.0.1:{}", world.server.port)]);
    assert!(with_port.contains(&format!("-h 127.0.0.1 -P {}", world.server.port)), "{with_port}");
    let demand = child::output(&mut world.client(&["-e", "SET GLOBAL require_secure_transport = 1"]), &[]).unwrap();
    assert!(demand.status.success(), "{}", String::from_utf8_lossy(&demand.stderr));
    let insecure = said(&["-h127.0.0.1", &port, &password, "--skip-ssl"]);
    assert!(insecure.contains("ERROR 3159") && insecure.contains("leave out --skip-ssl"), "{insecure}");
}

#[test]
fn an_interrupt_ends_the_statement_and_then_the_script() {
    if !needs(&["openssl"]) {
        return;
    }
    let world = World::new();
    let client = |statement: &str| world.client(&["-N", "-e", statement]);
    let mut sleeper = client("SELECT SLEEP(100)");
    let sleeper = sleeper.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The client can be interrupted once the server has its statement.
    while !String::from_utf8_lossy(&child::output(&mut client("SHOW FULL PROCESSLIST"), &[]).unwrap().stdout)
        .contains("SELECT SLEEP(100)")
    {}
    assert!(Command::new("kill").args(["-INT", &sleeper.id().to_string()]).status().unwrap().success());
    let output = sleeper.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("^C -- query aborted\n") && said.contains("ERROR 1317 (70100)"), "{said}");
}

/// The output after the greeting, without the typed lines, and with every time as `0.000`.
fn answers(shown: &str, typed: &[String]) -> Vec<String> {
    let after = shown.split_once(OWN_PROMPT).map_or("", |(_, after)| after);
    let lines = after.lines().filter(|line| !typed.iter().any(|typed| line.ends_with(typed)));
    let time = |line: &str| {
        let (text, time) = line.rsplit_once(" (").unwrap_or((line, ""));
        let seconds = time.strip_suffix(" sec)").filter(|digits| digits.parse::<f64>().is_ok());
        seconds.map_or_else(
            || line.to_owned(),
            |seconds| format!("{text} (0.{} sec)", "0".repeat(seconds.split('.').nth(1).unwrap_or("").len())),
        )
    };
    lines.map(time).collect()
}

const OWN_PROMPT: &str = "typed> ";

#[test]
fn answers_are_mariadbs_to_the_letter() {
    if !needs(&["python3", "openssl", "mariadb"]) {
        return;
    }
    let world = World::new();
    let options = [world.with_ca(), World::with_password(), format!("--prompt={OWN_PROMPT}")];
    let mut shown = Vec::new();
    for (client, database) in [(program("sealwire"), "ours"), (on_path("mariadb"), "theirs")] {
        let lines = [
            format!("CREATE DATABASE {database};"),
            format!("USE {database}"),
            "CREATE TABLE t (a INT, b VARCHAR(10));".to_owned(),
            "INSERT INTO t VALUES (1, 'one'), (2, NULL);".to_owned(),
            "SELECT * FROM t;".to_owned(),
            "SELECT * FROM t WHERE a = 1\\G".to_owned(),
            "SELECT * FROM t WHERE FALSE;".to_owned(),
            "UPDATE t SET b = 'two' WHERE a = 2;".to_owned(),
            "SELEKT;".to_owned(),
            "DROP TABLE t;".to_owned(),
            "\\q".to_owned(),
        ];
        let steps: Vec<_> = lines.iter().map(|line| (OWN_PROMPT, Line(line))).collect();
        let (said, code) = world.talk_by(&client, &options, &steps);
        assert_eq!(code, 0, "{said}");
        shown.push(answers(&said, &lines));
    }
    assert!(shown[0].iter().any(|line| line == "2 rows in set (0.000 sec)"), "{:#?}", shown[0]);
    assert_eq!(shown[0], shown[1]);
}
