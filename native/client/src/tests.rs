//! Tests of the client against a server machine at the other end of an in-memory stream.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use sealwire_core::facts::Transport;
use sealwire_core::message::Value;
use sealwire_core::server::{self, Peer};
use sealwire_core::tls::{ClientContext, ClientOptions, Trust};
use sealwire_core::{Error, Input};
use sealwire_simnet::{Host, Step};

use super::{Address, Client, ClientError, Config, TlsPolicy};
use sealwire_net::clock;
use sealwire_net::provider::provider;
use sealwire_net::random::OsRandom;

/// A stream whose other end is a server machine, which runs when the stream is read.
#[derive(Debug)]
struct Wire {
    server: server::Connection,
    host: Host,
    to_client: Vec<u8>,
    /// The most bytes that one read returns.
    at_once: usize,
}

impl Wire {
    fn new(at_once: usize) -> Self {
        let config = server::Config::new("8.4.0", Arc::new(OsRandom::new()));
        let peer = Peer { transport: Transport::Tcp, host: "127.0.0.1".into(), user: None };
        let accounts = "CREATE USER 'u'@'%' IDENTIFIED WITH mysql_native_password BY 'pw';\n\
                        CREATE USER 'other'@'%' IDENTIFIED WITH mysql_native_password BY 'word';\n";
        Self {
            server: server::Connection::new(Arc::new(config), 7, peer, clock::now()),
            host: Host::new(accounts).unwrap(),
            to_client: Vec::new(),
            at_once,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.to_client.is_empty() {
            match self.host.step(&mut self.server, &mut self.to_client) {
                Ok(Step::Wait(_)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        let length = self.to_client.len().min(buffer.len()).min(self.at_once);
        buffer[..length].copy_from_slice(&self.to_client[..length]);
        self.to_client.drain(..length);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A server that failed sends nothing more; the next read finds that.
        let _ = self.server.handle_input(Input::Bytes(&mut bytes.to_vec()), clock::now());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(password: &str) -> Config {
    Config::new("u", password.into(), Arc::new(OsRandom::new()))
}

fn connected() -> Client<Wire> {
    Client::over(Wire::new(usize::MAX), config("pw")).unwrap()
}

/// The only value of the only row of a query's result.
fn value(client: &mut Client<Wire>, sql: &str) -> Vec<u8> {
    let mut result = client.query(sql).unwrap();
    let row = result.next().unwrap().unwrap();
    row.iter().next().unwrap().unwrap().unwrap().to_vec()
}

#[test]
fn a_query_lends_its_rows_and_tells_how_it_ended() {
    for at_once in [1, 5, usize::MAX] {
        let mut client = Client::over(Wire::new(at_once), config("pw")).unwrap();
        assert_eq!((client.ssl_cipher(), client.facts().connection_id), (None, 7));
        let mut result = client.query("hello").unwrap();
        assert_eq!(result.columns()[0].name, b"value");
        assert!(result.summary().is_none());
        let row = result.next().unwrap().unwrap();
        assert_eq!(row.iter().collect::<Result<Vec<_>, _>>().unwrap(), [Some(b"hello".as_slice())]);
        assert!(result.next().unwrap().is_none());
        assert!(result.next().unwrap().is_none());
        assert!(result.summary().is_some());
        assert!(!result.next_result().unwrap());
    }
}

#[test]
fn what_is_not_read_is_skipped_when_the_result_goes() {
    let mut client = connected();
    drop(client.query("TWICE").unwrap());
    client.query("BLOB 100000").unwrap().next().unwrap();
    assert_eq!(value(&mut client, "still in step"), b"still in step");
}

#[test]
fn several_statements_give_several_results() {
    let mut client = connected();
    let mut result = client.query("TWICE").unwrap();
    assert!(result.columns().is_empty());
    assert_eq!(result.summary().unwrap().affected_rows, 1);
    assert!(result.next().unwrap().is_none());
    assert!(result.next_result().unwrap());
    assert_eq!(result.columns().len(), 1);
    assert_eq!(result.next().unwrap().unwrap().iter().next(), Some(Ok(Some(b"second".as_slice()))));
    assert!(!result.next_result().unwrap());
}

#[test]
fn a_refused_statement_leaves_the_connection_alive() {
    let mut client = connected();
    match client.query("FAIL") {
        Err(error @ ClientError::Sql(_)) => {
            assert!(error.is_recoverable());
            assert_eq!(error.to_string(), "ERROR 1064 (42000): You have an error in your SQL syntax");
        }
        other => panic!("{other:?}"),
    }
    client.ping().unwrap();
    assert_eq!(client.statistics().unwrap(), "Uptime: 1");
}

#[test]
fn a_prepared_statement_gives_binary_rows() {
    let mut client = connected();
    let statement = client.prepare("select ?, ?").unwrap();
    {
        let mut result = client.execute(&statement, &[Value::Int(-5), Value::Bytes(b"x")]).unwrap();
        let row = result.next().unwrap().unwrap();
        let values: Vec<_> = row.iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(values, [Value::Bytes(b"-5"), Value::Bytes(b"x")]);
        assert!(result.next().unwrap().is_none());
    }
    assert!(matches!(client.execute(&statement, &[]), Err(ClientError::Connection(Error::Misuse(_)))));
    client.close(&statement).unwrap();
    client.reset().unwrap();
    client.select_database("test").unwrap();
}

#[test]
fn another_user_can_take_over() {
    let mut client = connected();
    client.change_user("other", "word".into(), None).unwrap();
    assert_eq!(client.stream().host.user.as_deref(), Some("other"));
    client.quit().unwrap();
}

#[test]
fn a_wrong_password_is_the_servers_1045() {
    match Client::over(Wire::new(usize::MAX), config("wrong")) {
        Err(error) => assert_eq!((error.to_sql_error().code, error.is_recoverable()), (1045, false)),
        Ok(client) => panic!("{client:?}"),
    }
}

#[test]
fn the_server_gets_a_file_only_from_a_program_that_gives_it() {
    let mut client = connected();
    // The machine refuses the file by itself while `local_infile` is off.
    assert!(client.query("INFILE /etc/passwd").is_err());

    let allowed = || Config { local_infile: true, transport: Transport::UnixSocket, ..config("pw") };
    let mut client = Client::over(Wire::new(usize::MAX), allowed()).unwrap();
    let load = |name: &str| format!("LOAD DATA LOCAL INFILE '{name}' INTO TABLE t");
    assert!(matches!(client.query(load("a")), Err(ClientError::Sql(error)) if error.code == 2));
    client.set_local_infile(Box::new(|name| match name {
        b"a" => Ok(Box::new(io::Cursor::new(vec![b'x'; 100_000]))),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    }));
    assert_eq!(client.query(load("a")).unwrap().summary().unwrap().affected_rows, 100_000);
    match client.query(load("b")) {
        Err(ClientError::Sql(error)) => assert!(error.message.contains("'b'"), "{}", error.message),
        other => panic!("{other:?}"),
    }
    assert_eq!(value(&mut client, "alive"), b"alive");

    // A statement that names no file sends none, whatever the opener would open; a statement that names one sends it once.
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    client.set_local_infile(Box::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(io::Cursor::new(vec![b'x'; 10])))
    }));
    assert!(matches!(client.query("INFILE a"), Err(ClientError::Sql(error)) if error.code == 2068));
    let mut result = client.query(load("a") + " AGAIN AGAIN").unwrap();
    assert_eq!(result.summary().unwrap().affected_rows, 10);
    assert!(matches!(result.next_result(), Err(ClientError::Sql(error)) if error.code == 2068));
    drop(result);
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    assert_eq!(value(&mut client, "in step"), b"in step");
}

#[test]
fn a_server_on_a_network_that_is_not_verified_gets_no_file() {
    let mut client = Client::over(Wire::new(usize::MAX), Config { local_infile: true, ..config("pw") }).unwrap();
    client.set_local_infile(Box::new(|_| panic!("the file is opened")));
    match client.query("LOAD DATA LOCAL INFILE 'a' INTO TABLE t") {
        Err(ClientError::Sql(error)) => assert!(error.code == 2068 && error.message.contains("--ssl-ca"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(value(&mut client, "alive"), b"alive");
}

#[test]
fn statements_sent_at_once_answer_one_by_one() {
    let mut client = connected();
    let number = |result: &mut super::QueryResult<'_, Wire>| -> i64 {
        result.next().unwrap().unwrap().read::<(i64,)>().unwrap().0
    };
    let mut answers = client.query_many(["1", "FAIL", "3", "4"]).unwrap();
    assert_eq!(number(&mut answers.next().unwrap().unwrap()), 1);
    assert!(matches!(answers.next(), Err(ClientError::Sql(_))));
    assert_eq!(number(&mut answers.next().unwrap().unwrap()), 3);
    // The fourth answer is left unread: it must not be taken for the answer to the next command.
    drop(answers);
    assert_eq!(value(&mut client, "5"), b"5");
    let mut none = client.query_many::<&str>([]).unwrap();
    assert!(none.next().unwrap().is_none());
}

/// A server's greeting that offers TLS.
const GREETING: &[u8] =
    b"\x49\0\0\0\x0a8.4.0\0\x01\0\0\0abcdefgh\0\x05\xaa\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0\
    caching_sha2_password\0";

#[test]
fn a_server_that_goes_on_sending_reads_why_the_client_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(GREETING).unwrap();
        let mut request = [0; 36];
        stream.read_exact(&mut request).unwrap();
        // A malformed (too short) ServerHello, then more bytes than the client reads at once.
        let mut answer = b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x03".to_vec();
        answer.resize(1 << 20, 0x16);
        stream.write_all(&answer).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).map(|_| received)
    });
    let options = ClientOptions::new(provider(), Trust::NoVerification);
    let tls = TlsPolicy::Required(ClientContext::build(options).unwrap());
    let address = Address::Tcp { host: "127.0.0.1".into(), port };
    let error = Client::connect(&address, Config { tls, ..config("pw") }).unwrap_err();
    assert_eq!(error.to_sql_error().code, 2026, "{error}");
    let received = server.join().unwrap().unwrap();
    assert!(received.ends_with(b"\x15\x03\x03\0\x02\x02\x32"), "{received:?}");
}

/// A server that says these texts alone, one at each read, and keeps each write.
struct Greeter {
    says: &'static [&'static [u8]],
    writes: mpsc::Sender<Vec<u8>>,
}

impl Read for Greeter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((first, rest)) = self.says.split_first() else { return Ok(0) };
        self.says = rest;
        let mut text = *first;
        text.read(buffer)
    }
}

impl Write for Greeter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.send(bytes.to_vec()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_tls_request_is_sent_before_the_client_hello() {
    let (writes, written) = mpsc::channel();
    let tls = TlsPolicy::Required(ClientContext::build(ClientOptions::new(provider(), Trust::NoVerification)).unwrap());
    let config = Config { tls, ..config("pw") };
    Client::over(Greeter { says: &[GREETING], writes }, config).unwrap_err();
    // tshark does not see that TLS begins where both are in one segment.
    let written: Vec<_> = written.iter().collect();
    assert!(matches!(written.as_slice(), [request, hello] if request.len() == 36 && hello[0] == 22), "{written:?}");
}

#[test]
fn an_error_in_the_place_of_tls_is_told() {
    const ERR: &[u8] = b"\x15\0\0\x02\xff\x87\x04#08S01Got\x1b timeout";
    let error_of = |answer: &'static [&'static [u8]]| {
        let (writes, _written) = mpsc::channel();
        let context = ClientContext::build(ClientOptions::new(provider(), Trust::NoVerification)).unwrap();
        let config = Config { tls: TlsPolicy::Required(context), ..config("pw") };
        Client::over(Greeter { says: answer, writes }, config).unwrap_err().to_sql_error()
    };
    let told = error_of(&[GREETING, ERR]);
    assert_eq!(told.code, 1159, "{told}");
    assert!(told.message.starts_with("Got\\x1B timeout (received before TLS"), "{told}");
    for other in [&[GREETING, b"\x15\0\0\x02\xff\x87\x04#08S01Got"], &[GREETING, b"\x02\0\0\x02\0\0"]] {
        assert_eq!(error_of(other).code, 2026);
    }
}
