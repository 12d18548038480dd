//! Tests of the whole server in this process, with core's client over real sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sealwire_core::auth::Plugin;
use sealwire_core::client::{Config, Connection, Event, Prepared, RowFormat, TlsPolicy};
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::Value;
use sealwire_core::secret::Secret;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_core::{Input, Output};

use super::{Listen, LocalConnector, bind, serve};
use crate::accounts::AccountStore;
use crate::engine::SqliteEngine;
use crate::initialize;
use crate::options::Initialize;
use crate::reload::Tls;
use crate::settings::{self, Globals};
use crate::sql::Datum;
use crate::state::Server;
use sealwire_certs as certs;
use sealwire_net::clock;
use sealwire_net::provider::provider;
use sealwire_net::random::OsRandom;
use sealwire_options::tls::ServerTlsOptions;

mod diagnostics;
mod dropping;
mod listings;
mod statements;
mod write_ahead_log;

struct Running {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
    directory: tempfile::TempDir,
    port: u16,
    connector: LocalConnector,
}

impl Running {
    fn start(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let plugin = Plugin::CachingSha2Password;
        initialize::make(&path, Initialize::NoPassword, plugin, &OsRandom::new()).unwrap();
        let files = certs::generate(&path, &certs::Options::default()).unwrap();
        let text = |path: &Path| Some(path.to_str().unwrap().to_owned());
        let mut options = ServerTlsOptions::default();
        options.enabled = true;
        (options.ssl_ca, options.ssl_cert, options.ssl_key) =
            (text(&files.ca), text(&files.server_cert), text(&files.server_key));
        let accounts = AccountStore::open(&path, &OsRandom::new()).unwrap();
        let globals = Globals::default();
        for (name, value) in variables {
            let variable = settings::find(name).unwrap();
            let value = value.parse().map_or_else(|_| Datum::Text((*value).to_owned()), Datum::Int);
            globals.set(variable, &variable.accept(&value).unwrap());
        }
        let engine = Box::new(SqliteEngine::new(&path));
        let tls = Tls::load(options).unwrap();
        let server = Arc::new(Server::new(path, globals, tls, accounts, engine, plugin, None).unwrap());
        let bound = bind(&Listen { addresses: "127.0.0.1".into(), port: 0, direct_tls_port: 0, socket: None }).unwrap();
        let (port, connector) = (bound.port, bound.connector());
        let served = Arc::clone(&server);
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || serve(&served, bound, 2, || sender.send(()).unwrap()).unwrap());
        receiver.recv().unwrap();
        Self { server, thread: Some(thread), directory, port, connector }
    }

    fn tls(&self) -> TlsPolicy {
        let ca = self.directory.path().join("data/ca.pem");
        let mut options = ClientOptions::new(provider(), Trust::CaAndIdentity);
        options.ca = vec![NamedPem::new("ca", std::fs::read(ca).unwrap())];
        TlsPolicy::Required(ClientContext::build(options).unwrap())
    }

    fn config(&self, user: &str, password: &str) -> Config {
        let mut config = Config::new(user, Secret::from(password), Arc::new(OsRandom::new()));
        config.tls = self.tls();
        config
    }

    fn connect(&self, config: Config) -> Result<Client, Error> {
        Client::connect(self.port, config)
    }

    fn root(&self) -> Client {
        self.connect(self.config("root", "")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.stop();
        let outcome = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            outcome.unwrap();
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct Answer {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
    affected: u64,
    warnings: u16,
    prepared: Option<Prepared>,
    text: String,
}

struct Client {
    stream: TcpStream,
    connection: Connection,
}

impl Client {
    fn connect(port: u16, config: Config) -> Result<Self, Error> {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut client = Self { stream, connection: Connection::new(Arc::new(config), clock::now()) };
        match client.answer()? {
            Ok(_) => Ok(client),
            Err(error) => panic!("no command was sent, and yet {error}"),
        }
    }

    /// Reads until the current command is answered.
    fn answer(&mut self) -> Result<Result<Answer, SqlError>, Error> {
        let mut answer = Answer::default();
        let mut out = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        let mut input = Vec::new();
        loop {
            let show = |value: Option<&[u8]>| {
                value.map_or_else(|| "NULL".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
            };
            match self.connection.poll_output(&mut out) {
                Ok(Output::Transmit) => {}
                Ok(Output::Event(event)) => {
                    use sealwire_core::message::StatusFlags;
                    match event {
                        Event::Connected(_) => return Ok(Ok(answer)),
                        Event::Ok(ok) => {
                            answer.affected = ok.affected_rows;
                            answer.warnings = ok.warnings;
                            if !ok.status.contains(StatusFlags::MORE_RESULTS) {
                                return Ok(Ok(answer));
                            }
                        }
                        Event::Row(RowFormat::Text) => {
                            let row = self.connection.text_row();
                            answer.rows.push(row.iter().map(|value| show(value.unwrap())).collect());
                        }
                        Event::Row(RowFormat::Binary) => {
                            let row = self.connection.binary_row().unwrap();
                            answer.rows.push(row.iter().map(|value| value.unwrap().to_string()).collect())
                        }
                        Event::ResultSet => {
                            let columns = self.connection.columns();
                            answer.titles = columns.iter().map(|column| column.name_text().into_owned()).collect();
                        }
                        Event::ResultEnd { status, warnings, .. } => {
                            answer.warnings = warnings;
                            if !status.contains(StatusFlags::MORE_RESULTS) {
                                return Ok(Ok(answer));
                            }
                        }
                        Event::Failed(error) => return Ok(Err(error)),
                        Event::Prepared(prepared) => {
                            answer.prepared = Some(prepared);
                            return Ok(Ok(answer));
                        }
                        Event::Text(text) => {
                            answer.text = show(Some(&text));
                            return Ok(Ok(answer));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                Ok(Output::Wait(_)) => {
                    if !out.is_empty() {
                        self.stream.write_all(&out).unwrap();
                        out.clear();
                    }
                    match self.stream.read(&mut buffer) {
                        Ok(0) => self.connection.handle_input(Input::Eof, clock::now())?,
                        Ok(length) => {
                            input.extend_from_slice(&buffer[..length]);
                            self.connection.handle_input(Input::Bytes(&mut input), clock::now())?;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a query without waiting for the answer.
    fn send(&mut self, sql: &str) {
        self.connection.query(sql.as_bytes()).unwrap();
        self.flush();
    }

    fn flush(&mut self) {
        let mut out = Vec::new();
        while matches!(self.connection.poll_output(&mut out), Ok(Output::Transmit)) {}
        self.stream.write_all(&out).unwrap();
    }

    fn query(&mut self, sql: &str) -> Result<Answer, SqlError> {
        self.connection.query(sql.as_bytes()).unwrap();
        self.answer().unwrap()
    }

    fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        self.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Answer, SqlError> {
        self.connection.prepare(sql.as_bytes()).unwrap();
        let prepared = self.answer().unwrap()?.prepared.unwrap();
        assert_eq!(prepared.parameters.len(), parameters.len(), "{sql}");
        self.connection.execute(&prepared, parameters).unwrap();
        let answer = self.answer().unwrap();
        self.connection.close_statement(&prepared).unwrap();
        answer
    }
}

#[test]
fn a_client_over_tls_reads_its_own_cipher_and_its_rows() {
    let running = Running::start(&[]);
    let mut client = running.root();
    let cipher = client.connection.facts().ssl_cipher().unwrap().to_owned();
    assert_eq!(client.rows("SHOW STATUS LIKE 'Ssl_cipher'"), [["Ssl_cipher".to_owned(), cipher.clone()]]);
    let sql = "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'";
    assert_eq!(client.rows(sql), [[cipher]]);
    client
        .query("CREATE DATABASE d; USE d; CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20))")
        .unwrap();
    assert_eq!(client.query("INSERT INTO t (name) VALUES ('a'), ('b')").unwrap().affected, 2);
    assert_eq!(client.rows("SELECT id, name FROM t ORDER BY id"), [["1", "a"], ["2", "b"]]);
    assert_eq!(client.execute("SELECT name FROM t WHERE id = ?", &[Value::Int(2)]).unwrap().rows, [["b"]]);
    let parameters = [Value::Int(2), "x".into(), Value::Null];
    assert_eq!(client.execute("SELECT 40 + ?, ?, ?", &parameters).unwrap().rows, [["42", "x", "NULL"]]);
    assert_eq!(client.execute("SHOW STATUS LIKE ?", &["Ssl_version".into()]).unwrap().rows.len(), 1);
    assert_eq!(client.query("SELECT * FROM nothing").unwrap_err().code, 1146);
    assert_eq!(client.rows("SHOW TABLES"), [["t"]]);
    assert_eq!(client.rows("SHOW COLUMNS FROM t")[1][..2], ["name", "varchar(20)"]);
    client.connection.statistics().unwrap();
    assert!(client.answer().unwrap().unwrap().text.starts_with("Uptime: "));
}

#[test]
fn statements_are_prepared_and_run_at_once() {
    use sealwire::{Address, Client, ClientError};
    let running = Running::start(&[]);
    let address = Address::Tcp { host: "127.0.0.1".into(), port: running.port };
    let mut client = Client::connect(&address, running.config("root", "")).unwrap();
    let mut run = |sql: &str, values: &[Value<'_>]| {
        let (statement, mut result) = client.prepare_and_execute(sql, values)?;
        let (number,) = result.next()?.unwrap().read::<(i64,)>().unwrap();
        drop(result);
        client.close(&statement)?;
        Ok::<_, ClientError>(number)
    };
    let code = |outcome: Result<i64, ClientError>| match outcome {
        Err(ClientError::Sql(error)) => error.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(run("SELECT ? + 1", &[Value::Int(1)]).unwrap(), 2);
    assert_eq!(code(run("SELEC ?", &[Value::Int(1)])), 1064);
    assert_eq!(code(run("SELECT * FROM nowhere.t WHERE a = ?", &[Value::Int(1)])), 1049);
    // Only the server can compare the number of values, and it must not take them for another statement.
    assert_eq!(code(run("SELECT ? + ?", &[Value::Int(1)])), 1835);
    assert_eq!(run("SELECT ? + ?", &[Value::Int(3), Value::Int(4)]).unwrap(), 7);
    // Closing a statement has no answer; a ping has one.
    client.ping().unwrap();
    let open = running.server.counters.prepared_statements.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(open, 0, "those that could not be run are forgotten");
}

#[test]
fn twenty_mebibytes_go_through_text_and_prepared_statements() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("CREATE DATABASE d; USE d; CREATE TABLE t (a LONGTEXT)").unwrap();
    let big = "x".repeat(20 << 20);
    assert_eq!(client.execute("INSERT INTO t VALUES (?)", &[big.as_str().into()]).unwrap().affected, 1);
    assert_eq!(client.query(&format!("INSERT INTO t VALUES ('{big}')")).unwrap().affected, 1);
    let rows = client.rows("SELECT a FROM t");
    assert!(rows.len() == 2 && rows.iter().all(|row| row[0] == big));
    assert!(client.execute("SELECT a FROM t LIMIT 1", &[]).unwrap().rows[0][0] == big);
}

#[test]
fn many_rows_flow_to_a_slow_client() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("SET cte_max_recursion_depth = 200000").unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i, REPEAT('x', 50) FROM n";
    client.connection.query(sql.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(client.answer().unwrap().unwrap().rows.len(), 200_000);
}

#[test]
fn wrong_passwords_and_unmet_requirements_are_refused() {
    let running = Running::start(&[]);
    let mut root = running.root();
    root.query("CREATE USER 'a'@'%' IDENTIFIED BY 'pw'; CREATE USER 'x'@'%' IDENTIFIED BY 'pw' REQUIRE X509").unwrap();
    assert!(running.connect(running.config("a", "pw")).is_ok());
    let code = |config: Config| match running.connect(config) {
        Err(Error::Refused { error, .. }) => error.code,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("let in"),
    };
    assert_eq!(code(running.config("a", "wrong")), 1045);
    assert_eq!(code(running.config("nobody", "pw")), 1045);
    assert_eq!(code(running.config("x", "pw")), 1045);
    let mut nowhere = running.config("root", "");
    nowhere.database = Some("nothing".into());
    assert_eq!(code(nowhere), 1049);
    // The second login uses the fast path, which needs no TLS.
    let mut plain = running.config("a", "pw");
    plain.tls = TlsPolicy::Disabled;
    assert_eq!(running.connect(plain).unwrap().rows("SHOW STATUS LIKE 'Ssl_cipher'"), [["Ssl_cipher", ""]]);
}

#[test]
fn a_connection_is_killed_from_another_and_so_is_a_statement() {
    let running = Running::start(&[]);
    let (mut one, mut two) = (running.root(), running.root());
    let id = two.rows("SELECT CONNECTION_ID()")[0][0].clone();
    two.connection.query(b"SELECT SLEEP(60)").unwrap();
    let mut out = Vec::new();
    while matches!(two.connection.poll_output(&mut out), Ok(Output::Transmit)) {}
    two.stream.write_all(&out).unwrap();
    let started = Instant::now();
    while one
        .rows(&format!("SELECT COUNT(*) FROM information_schema.processlist WHERE Id = {id} AND Command = 'Query'"))[0]
        [0]
        == "0"
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    one.query(&format!("KILL QUERY {id}")).unwrap();
    assert_eq!(two.answer().unwrap().unwrap_err().code, 1317);
    one.query(&format!("KILL {id}")).unwrap();
    // KILL is answered before the other worker has handled it.
    while two.connection.ping().is_ok() && matches!(two.answer(), Ok(Ok(_))) {
        assert!(started.elapsed() < Duration::from_secs(30), "it lives on");
    }
    assert_eq!(one.query("KILL 999999").unwrap_err().code, 1094);
}

#[test]
fn there_are_max_connections_and_one_for_an_administrator() {
    let running = Running::start(&[("max_connections", "2")]);
    let mut root = running.root();
    root.query("CREATE USER 'a'@'%'").unwrap();
    let _one = running.connect(running.config("a", "")).unwrap();
    let code = |config: Config| match running.connect(config) {
        Err(Error::Refused { error, .. }) => error.code,
        other => panic!("{:?}", other.map(|_| ()).map_err(|error| error.to_string())),
    };
    assert_eq!(code(running.config("a", "")), 1040);
    let _administrator = running.root();
    assert_eq!(code(running.config("root", "")), 1040, "for one administrator, not two");
}

#[test]
fn counters_tell_who_was_refused() {
    let running = Running::start(&[("max_connections", "1")]);
    let mut root = running.root();
    root.query("CREATE USER 'a'@'%' IDENTIFIED BY 'p'").unwrap();
    let value = |root: &mut Client, name: &str| root.rows(&format!("SHOW GLOBAL STATUS LIKE '{name}'"))[0][1].clone();
    let mut values = |expected: [&str; 4]| {
        let names =
            ["Aborted_connects", "Connection_errors_max_connections", "Access_denied_errors", "Max_used_connections"];
        let since = Instant::now();
        // A connection is counted when its socket is closed, which may be after its client has noticed the end.
        while names.map(|name| value(&mut root, name)) != expected {
            assert!(since.elapsed() < Duration::from_secs(30), "{:?}", names.map(|name| value(&mut root, name)));
        }
    };
    values(["0", "0", "0", "1"]);
    assert!(running.connect(running.config("a", "p")).is_err());
    values(["1", "1", "0", "1"]);
    assert!(running.connect(running.config("a", "wrong")).is_err());
    values(["2", "1", "1", "1"]);
    drop(TcpStream::connect(("127.0.0.1", running.port)).unwrap());
    values(["3", "1", "1", "1"]);
    let administrator = running.root();
    values(["3", "1", "1", "2"]);
    drop(administrator);
}

#[test]
fn an_administrator_gets_in_whoever_else_waits() {
    let running = Running::start(&[("max_connections", "1"), ("max_unauthenticated_connections_per_address", "4")]);
    running.root().query("CREATE USER 'a'@'%'").unwrap();
    let mut silent: Vec<TcpStream> = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(("127.0.0.1", running.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.read_exact(&mut [0; 16]).unwrap();
        silent.push(stream);
    }
    let since = Instant::now();
    let mut user = loop {
        // The first connection of root may still be closing.
        match running.connect(running.config("a", "")) {
            Ok(user) => break user,
            Err(error) => assert!(since.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    let mut administrator = running.root();
    assert_eq!(administrator.rows("SELECT 1"), [["1"]]);
    assert_eq!(user.rows("SELECT 2"), [["2"]], "who is logged in is left alone");
    // Each login has made room for its own connection too, so the oldest were closed.
    let mut rest = Vec::new();
    silent[0].read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"caching_sha2_password\0"), "the end of the greeting, and no more");
}

#[test]
fn a_stop_is_heeded_whatever_runs() {
    let running = Running::start(&[]);
    let (mut stuck, mut sleeping) = (running.root(), running.root());
    sleeping.send("SELECT SLEEP(1000)");
    stuck.send("SELECT endless_in_the_session()");
    let running_statements = || {
        let mut infos =
            running.server.registry.all().into_iter().filter_map(|process| process.state().shown_statement());
        infos.any(|info| info.contains("endless"))
    };
    let since = Instant::now();
    while !running_statements() {
        assert!(since.elapsed() < Duration::from_secs(30), "it has not begun");
        std::thread::yield_now();
    }
    let stopping = Instant::now();
    drop(running);
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());
}

#[test]
fn what_takes_long_keeps_nobody_waiting() {
    let running = Running::start(&[]);
    let long = "x".repeat(100_000);
    let endless = [
        format!("SELECT /* {long} */ endless_in_the_session()"),
        format!("SELECT 1; SELECT /* {long} */ endless_in_the_session()"),
        "SHOW endless_in_the_session()".to_owned(),
        "SHOW GLOBAL endless_in_the_session()".to_owned(),
        "GRANT endless_in_the_session()".to_owned(),
        "DESCRIBE endless_in_the_session()".to_owned(),
        "DROP DATABASE endless_in_the_session()".to_owned(),
        "SET PASSWORD endless_in_the_session()".to_owned(),
    ];
    // If the statements did not have threads of their own, two of them would block both workers.
    let mut stuck: Vec<Client> = endless.iter().map(|_| running.root()).collect();
    for (client, sql) in stuck.iter_mut().zip(&endless) {
        client.send(sql);
    }
    for sql in [format!("SHOW /* {long} */ endless_in_the_session()"), "SHOW endless_in_the_session()".to_owned()] {
        let mut client = running.root();
        client.connection.prepare(sql.as_bytes()).unwrap();
        client.flush();
        stuck.push(client);
    }
    let mut executing = running.root();
    executing.connection.prepare(format!("SET @a = '{long}', endless_in_the_session()").as_bytes()).unwrap();
    let prepared = executing.answer().unwrap().unwrap().prepared.unwrap();
    executing.connection.execute(&prepared, &[]).unwrap();
    executing.flush();
    stuck.push(executing);
    for _ in 0..8 {
        let mut root = running.root();
        assert_eq!(root.rows("SELECT 1"), [["1"]]);
        assert_eq!(root.rows("SHOW DATABASES LIKE 'sys'"), [["sys"]]);
        assert_eq!(root.rows(&format!("SELECT /* {long} */ 2")), [["2"]]);
        assert_eq!(
            root.rows(&format!("SET @a = '{long}', @b = CONCAT(@a, '{long}'); SELECT LENGTH(@b)")),
            [["200000"]]
        );
    }
    // The statements end with their connections.
    drop(stuck);
    assert_eq!(running.root().rows("SELECT 1"), [["1"]]);
}

#[test]
fn a_script_gives_way_to_others_and_to_a_kill() {
    let running = Running::start(&[]);
    let mut root = running.root();
    let mut scripts = [running.root(), running.root()];
    // More statements than the server can execute during the test, and a text smaller than the largest packet.
    let script = "DO 1;".repeat(4_000_000);
    for client in &mut scripts {
        client.send(&script);
    }
    let ids = scripts.each_ref().map(|client| client.connection.facts().connection_id);
    for _ in 0..3 {
        assert_eq!(running.root().rows("SELECT 3"), [["3"]]);
    }
    root.query(&format!("KILL QUERY {}", ids[0])).unwrap();
    root.query(&format!("KILL {}", ids[1])).unwrap();
    let [mut one, mut other] = scripts;
    let error = one.answer().unwrap().unwrap_err();
    assert_eq!((error.code, error.sqlstate), (1317, *b"70100"));
    assert_eq!(one.rows("SELECT 4"), [["4"]], "the connection goes on");
    // Either the connection has ended, or an error reports the end first.
    assert!(!matches!(other.answer(), Ok(Ok(_))), "KILL ends the connection");
}

#[test]
fn a_socket_s_path_is_cleared_of_sockets_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("sock");
    let listen = Listen { addresses: String::new(), port: 0, direct_tls_port: 0, socket: Some(path.clone()) };
    std::fs::write(&path, "precious").unwrap();
    let said = bind(&listen).unwrap_err();
    assert!(said.contains("option '--socket'") && said.contains("is a file"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(bind(&listen).unwrap_err().contains("a symbolic link"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(bind(&listen).unwrap_err().contains("a directory"));
    std::fs::remove_dir(&path).unwrap();
    // The file that a killed server left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let bound = bind(&listen).unwrap();
    assert!(bind(&listen).unwrap_err().contains("another server"));
    // Another program has put a file at this path, which the server must not remove.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    drop(bound);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    drop(bind(&listen).unwrap());
    assert!(!path.exists());
}

#[test]
fn idle_and_silent_clients_are_disconnected() {
    let running = Running::start(&[("wait_timeout", "1"), ("connect_timeout", "1")]);
    let mut client = running.root();
    let mut silent = TcpStream::connect(("127.0.0.1", running.port)).unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    client.connection.ping().unwrap();
    assert!(matches!(client.answer(), Ok(Err(_)) | Err(_)));
    silent.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut greeting = Vec::new();
    silent.read_to_end(&mut greeting).unwrap();
    assert!(!greeting.is_empty());
}

#[test]
fn certificates_are_loaded_again_without_touching_live_sessions() {
    let running = Running::start(&[]);
    let mut root = running.root();
    let before = running.tls();
    let data = running.directory.path().join("data");
    let other = running.directory.path().join("other");
    let files = certs::generate(&other, &certs::Options::default()).unwrap();
    let made = [(files.ca, "ca.pem"), (files.server_cert, "server-cert.pem"), (files.server_key, "server-key.pem")];
    for (from, to) in made {
        std::fs::copy(from, data.join(to)).unwrap();
    }
    root.query("FLUSH SSL").unwrap();
    assert_eq!(root.rows("SELECT 1 + 1"), [["2"]]);
    let mut config = running.config("root", "");
    config.tls = before;
    assert!(matches!(running.connect(config), Err(Error::Tls(_))), "the old CA does not vouch for the new certificate");
    running.root();
    std::fs::write(data.join("server-cert.pem"), "no certificate").unwrap();
    let error = root.query("ALTER INSTANCE RELOAD TLS").unwrap_err();
    assert_eq!(error.code, 3888);
    running.root();
    root.query("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR").unwrap();
    assert_eq!(root.rows("SHOW WARNINGS")[0][1], "3888");
    assert!(running.connect(running.config("root", "")).is_err(), "TLS is off now");
}

#[test]
fn a_bug_takes_one_connection_with_it_and_never_the_server() {
    let running = Running::start(&[]);
    let (mut bystanders, mut root) = ([running.root(), running.root(), running.root()], running.root());
    let mut victim = running.root();
    victim.connection.query(b"SELECT bug_in_the_session()").unwrap();
    assert!(matches!(victim.answer(), Err(Error::ConnectionLost(_))), "it is closed, not left waiting");
    let error = root.query("SELECT bug_in_the_engine()").unwrap_err();
    assert_eq!(error.code, 1105);
    assert_eq!(root.rows("SELECT 2"), [["2"]], "the thread is gone, the connection is not");
    for bystander in &mut bystanders {
        assert_eq!(bystander.rows("SELECT 1"), [["1"]]);
    }
    // Each worker still accepts connections.
    for _ in 0..4 {
        running.root();
    }
    let gone = victim.connection.facts().connection_id.to_string();
    assert!(root.rows("SHOW PROCESSLIST").iter().all(|row| row[0] != gone));
}

#[test]
fn a_local_client_is_at_the_address_told() {
    let running = Running::start(&[]);
    running.root().query("CREATE USER 'far'@'192.0.2.%' IDENTIFIED BY 'p'").unwrap();
    let enter = |config: Config| {
        let stream = running.connector.connect("192.0.2.7:4000".parse().unwrap()).unwrap();
        let stream = std::os::unix::net::UnixStream::from(std::os::fd::OwnedFd::from(stream));
        stream.set_nonblocking(false).unwrap();
        sealwire::Client::over(stream, config)
    };
    // An account of localhost can't be used from another host.
    let refusal = enter(running.config("root", "")).unwrap_err().to_string();
    assert!(refusal.contains("'root'@'192.0.2.7'"), "{refusal}");
    let mut client = enter(running.config("far", "p")).unwrap();
    let mut result = client.query("SELECT USER()").unwrap();
    let row = result.next().unwrap().unwrap();
    assert_eq!(row.iter().next().unwrap().unwrap(), Some(&b"far@192.0.2.7"[..]));
}
