//! Clients and servers that try to use up memory, time, connections or answers. The programs use a bounded amount for them and serve others
//! meanwhile.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, StreamOwned};
use sealwire::{Client, ClientError, Config};
use sealwire_core::wire::compressed::{self, Algorithm};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{answer, connect, error_code, framed, listen, packet, ssl_request};
use sealwire_tests::programs::program;
use sealwire_tests::restart::restart;
use sealwire_tests::server::{Kind, Server, Settings};
use sealwire_tests::{child, clients};
use tempfile::TempDir;

/// A server with the account `u`, and with root without a password.
struct World {
    server: Server,
    set: CertificateSet,
    _place: TempDir,
}

impl World {
    fn new(options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let set = CertificateSet::by_openssl(place.path());
        let settings = Settings {
            certificates: Some(set.clone()),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            statements: vec![Kind::Sealwired.create_user("u", "caching_sha2_password", PASSWORD, "NONE")],
            ..Settings::default()
        };
        Self { server: Server::start(Kind::Sealwired, &settings).unwrap(), set, _place: place }
    }

    fn client(&self) -> Client<TcpStream> {
        clients::connect(self.server.port, clients::secure("u", &clients::context(&self.set))).unwrap()
    }

    /// Checks that a well-behaved client is served.
    fn serves(&self) {
        assert_eq!(clients::ask(&mut self.client(), "SELECT 'served'").unwrap(), "served");
    }

    /// A plaintext client with an account of its own.
    fn plain_client(&self) -> Client<TcpStream> {
        let user = Kind::Sealwired.create_user("native", "mysql_native_password", PASSWORD, "NONE");
        let mut root = clients::plain("root");
        root.password = "".into();
        clients::connect(self.server.port, root).unwrap().query(user).unwrap().next().unwrap();
        clients::connect(self.server.port, clients::plain("native")).unwrap()
    }

    /// A status variable of the server.
    fn status(&self, client: &mut Client<TcpStream>, name: &str) -> u64 {
        clients::ask(client, &format!("SHOW GLOBAL STATUS LIKE '{name}'")).unwrap().parse().unwrap()
    }
}

/// Whether the peer has closed this connection, properly or not.
fn is_over(read: &std::io::Result<usize>) -> bool {
    match read {
        Ok(length) => *length == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_byte_at_a_time_does_not_outlive_the_deadline() {
    let world = World::new(&["--connect-timeout=2"]);
    let mut bytes = ssl_request(32);
    // A record of a handshake message that never ends.
    bytes.extend([0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]);
    bytes.resize(2000, 0);
    let mut stream = connect(world.server.port);
    packet(&mut stream).unwrap();
    // The read that times out sets the pace of the writes.
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let begin = Instant::now();
    let mut said = 0;
    for byte in &bytes {
        if stream.write_all(&[*byte]).is_err() || is_over(&restart(|| stream.read(&mut [0; 64]))) {
            break;
        }
        said += 1;
    }
    let took = begin.elapsed();
    assert!(said < 500 && took < Duration::from_secs(60), "{said} bytes in {took:?}");
    println!(
        "a byte at a time: closed after {:.1} s and {said} bytes, with a connect_timeout of 2 s",
        took.as_secs_f64()
    );
    world.serves();
}

#[test]
fn half_open_handshakes_leave_room_for_a_good_client() {
    let most = clients::most_files();
    let count = most.saturating_sub(500).min(10_000);
    assert!(count >= 500, "ulimit -n is {most}: at least 1000 are needed");
    let world = World::new(&[
        "--connect-timeout=10",
        "--max-unauthenticated-connections=20000",
        "--max-unauthenticated-connections-per-address=20000",
    ]);
    let before = clients::resident(world.server.id());
    let begin = Instant::now();
    let mut open = Vec::with_capacity(count);
    let mut hello = ssl_request(32);
    hello.extend([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    for _ in 0..count {
        let mut stream = connect(world.server.port);
        packet(&mut stream).unwrap();
        stream.write_all(&hello).unwrap();
        open.push(stream);
    }
    let took = begin.elapsed();
    let mut good = world.client();
    let connected = world.status(&mut good, "Threads_connected");
    let held = clients::resident(world.server.id()).saturating_sub(before);
    println!(
        "{count} half-open handshakes (ulimit -n {most}) in {:.1} s: {connected} at once, {:.1} KiB of the server for each; \
         a good client is served",
        took.as_secs_f64(),
        held as f64 / connected as f64
    );
    assert!(took > Duration::from_secs(10) || connected as usize > count, "{connected} of {count}");
    assert!(held / connected <= 64, "{held} KiB for {connected}");
    for stream in &mut open {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        assert!(!matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock), "it is still open");
    }
    world.serves();
}

#[test]
fn empty_packets_are_refused_and_held_nowhere() {
    let world = World::new(&[]);
    assert_eq!(error_code(&answer(world.server.port, &framed(b"", 1))), Some(1043));
    // A logged-in client sends a flood of commands without content.
    let client = world.plain_client();
    let mut stream = client.stream().try_clone().unwrap();
    let before = clients::resident(world.server.id());
    let flood = thread::spawn(move || {
        let empty = [0; 4 * 1024];
        // The server may close the connection at any point.
        for _ in 0..2_000 {
            if stream.write_all(&empty).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
    });
    let mut answers = client.stream().try_clone().unwrap();
    let mut first = [0; 7];
    answers.read_exact(&mut first).unwrap();
    assert_eq!(first[4], 0xff, "an empty command is an error: {first:?}");
    while !is_over(&restart(|| answers.read(&mut [0; 1 << 16]))) {}
    flood.join().unwrap();
    let grown = clients::resident(world.server.id()).saturating_sub(before);
    assert!(grown < 32 << 10, "the server grew by {grown} KiB");
    world.serves();
}

#[test]
fn a_command_in_endless_parts_ends_at_the_largest_packet() {
    let world = World::new(&["--max-allowed-packet=1M"]);
    let client = world.plain_client();
    let mut stream = client.stream().try_clone().unwrap();
    stream.write_all(&[0xff, 0xff, 0xff, 0, 3]).unwrap();
    let said = packet(&mut stream).unwrap();
    assert_eq!(error_code(&said), Some(1153));
    assert_eq!(said[3], 1, "the number that is due after the command's first part");
    world.serves();
}

/// The login of a client that uses compression, up to the proof of a wrong password.
fn compressing_login() -> Vec<u8> {
    let mut payload = (0x0008_a205_u32 | 0x20).to_le_bytes().to_vec();
    payload.extend((1_u32 << 24).to_le_bytes());
    payload.push(45);
    payload.extend([0; 23]);
    payload.extend(b"nobody\0\x14\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07");
    payload.extend(b"mysql_native_password\0");
    framed(&payload, 1)
}

#[test]
fn compression_that_was_not_offered_is_refused_with_a_sentence() {
    let world = World::new(&["--protocol-compression-algorithms=uncompressed"]);
    let said = answer(world.server.port, &compressing_login());
    assert_eq!(error_code(&said), Some(1043), "{said:?}");
    let text = String::from_utf8_lossy(&said[7..]).into_owned();
    assert!(text.contains("zlib, which this server did not offer"), "{text}");
}

#[test]
fn nothing_is_compressed_before_authentication() {
    let world = World::new(&[]);
    // A compressed frame would have a header of seven bytes; this packet requests the account's plugin.
    let said = answer(world.server.port, &compressing_login());
    assert_eq!(said[3..5], [2, 0xfe], "{said:?}");
    // For a client that is not authenticated, a frame that would inflate to 16 MB is an ordinary packet.
    let bomb = [&[0x40, 0, 0, 0, 0xff, 0xff, 0xff][..], &[0x78; 0x3d]].concat();
    for bytes in [bomb.clone(), [compressing_login(), bomb].concat()] {
        let said = answer(world.server.port, &bytes);
        assert!(said.windows(3).any(|bytes| bytes == [0xff, 0x84, 0x04]), "error 1156: {said:?}");
    }
}

#[test]
fn compression_bombs_do_not_go_off() {
    let world = World::new(&["--max-allowed-packet=1M"]);
    drop(world.plain_client());
    for algorithm in [Algorithm::Zlib, Algorithm::Zstd { level: 19 }] {
        let connected = || {
            let config = Config { compression: vec![algorithm], ..clients::secure("u", &clients::context(&world.set)) };
            clients::connect(world.server.port, config).unwrap()
        };
        let plain = || {
            let client = clients::connect(
                world.server.port,
                Config { compression: vec![algorithm], ..clients::plain("native") },
            );
            client.unwrap()
        };
        let before = clients::resident(world.server.id());
        // A frame of 16 MiB of zeros, a thousandth of it on the wire: refused at its header, because no packet may be so large.
        let mut bomb = Vec::new();
        compressed::encode(algorithm, &vec![0; 0xff_ffff], 0, &mut bomb);
        let client = plain();
        let mut stream = client.stream().try_clone().unwrap();
        stream.write_all(&bomb[..compressed::HEADER]).unwrap();
        let mut said = [0; 14];
        stream.read_exact(&mut said).unwrap();
        assert_eq!(said[compressed::HEADER + 4..], [0xff, 0x81, 0x04], "error 1153: {said:?}");
        // Packets of the greatest size, again and again, from a client that reads no answer.
        let mut flood = Vec::new();
        compressed::encode(algorithm, &vec![0; 1 << 20], 0, &mut flood);
        let client = plain();
        let mut stream = client.stream().try_clone().unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        for _ in 0..20_000 {
            if stream.write_all(&flood).is_err() {
                break;
            }
        }
        assert_eq!(clients::ask(&mut connected(), "SELECT 'served'").unwrap(), "served");
        let grown = clients::resident(world.server.id()).saturating_sub(before);
        assert!(grown < 32 << 10, "{algorithm:?}: the server grew by {grown} KiB");
    }
}

#[test]
fn prepared_statements_of_all_sessions_are_counted() {
    let world = World::new(&["--max-prepared-stmt-count=5"]);
    let (mut one, mut other) = (world.client(), world.client());
    let mut kept = Vec::new();
    for _ in 0..3 {
        kept.push(one.prepare("SELECT ?").unwrap());
        if kept.len() < 3 {
            other.prepare("SHOW VARIABLES LIKE ?").unwrap();
        }
    }
    let Err(ClientError::Sql(error)) = other.prepare("SELECT 6") else { panic!("a sixth statement") };
    assert_eq!((error.code, error.sqlstate), (1461, *b"42000"));
    assert!(error.message.contains("(current value: 5)"), "{error}");
    one.close(&kept[0]).unwrap();
    one.ping().unwrap();
    other.prepare("SELECT 5").unwrap();
    assert_eq!(world.status(&mut one, "Prepared_stmt_count"), 5);
    one.quit().unwrap();
    // The server notices the end with a delay; each question takes a round trip.
    let begin = Instant::now();
    while world.status(&mut other, "Prepared_stmt_count") != 3 {
        assert!(begin.elapsed() < Duration::from_secs(30), "an ended session keeps its statements");
    }
}

#[test]
fn a_session_holds_so_much_and_no_more() {
    let world = World::new(&["--connection-memory-limit=2M"]);
    let mut client = world.client();
    let text = "x".repeat(1 << 20);
    let set = |client: &mut Client<TcpStream>, name: usize| {
        client.query(format!("SET @v{name} = '{text}'"))?.next().map(|_| ())
    };
    // Setting a variable again needs no further memory.
    for name in [1, 1, 1, 1] {
        set(&mut client, name).unwrap();
    }
    let failed = (2..9).find_map(|name| set(&mut client, name).err()).expect("an end");
    assert_eq!(failed.to_sql_error().code, 4082, "{failed}");
    assert!(client.ping().is_err(), "the connection is over");
    let mut client = world.client();
    let failed = (0..9).find_map(|number| client.prepare(format!("SELECT {number}, '{text}'")).err()).expect("an end");
    assert_eq!(failed.to_sql_error().code, 4082, "{failed}");
    world.serves();
}

fn chain(set: &CertificateSet, certificate: &std::path::Path, length: usize) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    chain.resize(length, CertificateDer::from_pem_file(&set.ca).unwrap());
    chain
}

/// A chain of this many certificates, with 400 bytes each, exceeds the 64 KiB of a handshake message.
const ENDLESS: usize = 400;
/// A chain that fits, and is still too long to be verified in every order.
const LONG: usize = 120;

#[test]
fn an_endless_chain_of_a_client_is_refused() {
    let world = World::new(&["--log-error-verbosity=3"]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&world.set.ca).unwrap()).unwrap();
    let alert = |length: usize| {
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let chain = chain(&world.set, &world.set.client_cert, length);
        let key = PrivateKeyDer::from_pem_file(&world.set.client_key).unwrap();
        let config = builder.unwrap().with_root_certificates(roots.clone()).with_client_auth_cert(chain, key).unwrap();
        let mut stream = connect(world.server.port);
        packet(&mut stream).unwrap();
        stream.write_all(&ssl_request(32)).unwrap();
        let name = "127.0.0.1".try_into().unwrap();
        let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut tls = StreamOwned::new(connection, stream);
        // In TLS 1.3 the client learns whether its certificate was accepted only by reading.
        tls.write_all(&[32, 0, 0, 2]).and_then(|()| tls.read(&mut [0; 16])).map_err(|error| error.to_string())
    };
    // rustls sends no alert for this: the connection just ends.
    let ended = alert(ENDLESS);
    assert!(
        ended.is_err() && world.server.wait_for_log("HandshakePayloadTooLarge"),
        "{ended:?} {}",
        world.server.log()
    );
    let begin = processor(&world);
    let _ = alert(LONG);
    let took = Duration::from_nanos(processor(&world) - begin);
    println!("a chain of {LONG} certificates took {took:?} of the server's processor");
    assert!(took < Duration::from_secs(2), "{took:?}");
    world.serves();
}

fn processor(world: &World) -> u64 {
    clients::processor_time(world.server.id())
}

/// A server for one client, over TLS with this chain; `play` continues from the client's login.
fn rogue<T: Send + 'static>(
    set: &CertificateSet,
    chain: Vec<CertificateDer<'static>>,
    tickets: usize,
    play: impl FnOnce(StreamOwned<rustls::ServerConnection, TcpStream>) -> T + Send + 'static,
) -> (u16, thread::JoinHandle<T>) {
    let key = PrivateKeyDer::from_pem_file(&set.server_key).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.send_tls13_tickets = tickets;
    let (listener, port) = listen();
    let thread = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let greeting =
            b"\x0a8.4.0-rogue\0\x01\0\0\0abcdefgh\0\x05\xaa\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0\
                         mysql_native_password\0";
        stream.write_all(&framed(greeting, 0)).unwrap();
        packet(&mut stream).expect("a SSLRequest");
        play(StreamOwned::new(rustls::ServerConnection::new(Arc::new(config)).unwrap(), stream))
    });
    (port, thread)
}

#[test]
fn an_endless_chain_of_a_server_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    for length in [ENDLESS, LONG] {
        let chain = chain(&set, &set.server_cert, length);
        let (port, server) = rogue(&set, chain, 0, |mut tls| {
            // The client ends the connection with an alert, or sends a login.
            tls.read(&mut [0; 16]).map_err(|error| error.to_string())
        });
        let mut sealwire = Command::new(program("sealwire"));
        sealwire.args(["--no-defaults", "--host=127.0.0.1", "--user=u"]).arg(format!("--port={port}"));
        sealwire.arg(format!("--ssl-ca={}", set.ca.display())).arg(format!("--password={PASSWORD}"));
        let output = child::output(sealwire.args(["-e", "SELECT 1"]), &[]).unwrap();
        let (said, heard) = (String::from_utf8_lossy(&output.stderr).into_owned(), server.join().unwrap());
        if length == ENDLESS {
            assert!(said.contains("ERROR 2026 (HY000)"), "{said}");
            assert!(heard.is_err() || heard == Ok(0), "it logged in: {heard:?}");
        }
        assert!(!output.status.success(), "{said}");
    }
}

#[test]
fn a_flood_of_tickets_is_forgotten() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    // rustls keeps only the last few tickets of a server.
    for tickets in [100, 5_000] {
        let (port, server) = rogue(&set, chain(&set, &set.server_cert, 1), tickets, |mut tls| {
            let mut login = [0; 1 << 12];
            let length = tls.read(&mut login)?;
            assert!(length > 36, "a login");
            // An OK for the login, then one for a query.
            tls.write_all(&framed(&[0, 0, 0, 2, 0, 0, 0], 3))?;
            let length = tls.read(&mut login)?;
            if length == 0 {
                // The client has sent COM_QUIT.
                return Ok(0);
            }
            assert!(length > 4, "a query");
            tls.write_all(&framed(&[0, 0, 0, 2, 0, 0, 0], 1))?;
            tls.read(&mut login)
        });
        let client = clients::connect(port, clients::secure("native", &clients::context(&set)));
        let mut client = client.unwrap_or_else(|error| panic!("{tickets} tickets: {error}"));
        client.query("DO 1").unwrap().next().unwrap();
        // The server reads until the client closes.
        drop(client);
        let _ = server.join().unwrap();
    }
}

/// The number of rounds, and of logins of each kind in a round.
const ROUNDS: usize = 6;
const LOGINS: usize = 8;

#[test]
fn an_unknown_user_takes_as_long_as_a_known_one() {
    let world = World::new(&[]);
    let context = clients::context(&world.set);
    let try_login = |user: &str, password: &str| {
        let mut config = clients::secure(user, &context);
        config.password = password.into();
        clients::connect(world.server.port, config).map(drop)
    };
    try_login("u", PASSWORD).unwrap();
    let cost = |user: &str, password: &str| {
        let begin = processor(&world);
        for _ in 0..LOGINS {
            let _ = try_login(user, password);
        }
        processor(&world) - begin
    };
    // The server's processor time is measured instead of the clock, because other programs use this machine too.
    let (mut known, mut unknown, mut remembered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        known.push(cost("u", "wrong"));
        unknown.push(cost("v", "wrong"));
        remembered.push(cost("u", PASSWORD));
    }
    let median = |costs: &mut Vec<u64>| {
        costs.sort_unstable();
        costs[costs.len() / 2] as f64 / LOGINS as f64 / 1e6
    };
    let (known, unknown, remembered) = (median(&mut known), median(&mut unknown), median(&mut remembered));
    println!(
        "a refusal costs the server {known:.2} ms of processor for a known user, {unknown:.2} ms for an unknown one; \
         a remembered login {remembered:.2} ms"
    );
    let ratio = known / unknown;
    assert!((0.75..1.33).contains(&ratio), "{known} ms against {unknown} ms");
    // A remembered login must be measurably cheaper, because otherwise the measurement proves nothing.
    assert!(remembered < 0.9 * known, "{remembered} ms against {known} ms: the password's hash does not show");
}
