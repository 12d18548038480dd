//! Clients that flood the bridge with frames without content while others work, with real programs and real sessions.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use sealwire::Client;
use sealwire_bridge::CloseReason;
use sealwire_tests::bridge::Bridge;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::Server;
use sealwire_tests::websocket::{Opening, Tunnel, connect};

use crate::hostile::{BINARY, frame, raw, upgrade, upgraded};
use crate::peers::echo;
use crate::refusals::works;
use crate::sessions::{config, row};
use crate::within;

crate::tests![
    a_hundred_sessions_beside_ten_floods,
    a_hundred_sessions_beside_ten_floods_within_the_server,
    pings_above_a_rate_end_with_1008,
    frames_to_a_deaf_target_take_turns,
];

const HOSTILE: usize = 10;
const GOOD: usize = 100;

/// The bytes that a hostile client sends: once at the beginning, then endlessly.
fn floods() -> [(Vec<u8>, Vec<u8>); 4] {
    let many = |frame: Vec<u8>| frame.repeat(10_000);
    [
        (Vec::new(), many(frame(0x89, &[]))),
        (Vec::new(), many(frame(0x8a, b"pong"))),
        (Vec::new(), many(frame(BINARY, &[]))),
        (frame(0x02, &[]), many(frame(0x00, &[]))),
    ]
}

/// Floods until `stop` is set, and reconnects whenever the bridge disconnects it. The sent bytes are counted.
fn flood(port: u16, target: &str, (begin, endless): &(Vec<u8>, Vec<u8>), stop: &AtomicBool, sent: &AtomicU64) {
    while !stop.load(Relaxed) {
        let mut stream = connect(port);
        let _ = stream.write_all(&upgrade(target));
        let mut answers = stream.try_clone().unwrap();
        thread::scope(|scope| {
            // The answers are read, because otherwise the bridge would wait for this client.
            scope.spawn(move || {
                while answers.read(&mut [0; 1 << 16]).is_ok_and(|length| length > 0) {}
                let _ = answers.shutdown(Shutdown::Both);
            });
            let _ = stream.write_all(begin);
            while !stop.load(Relaxed) && stream.write_all(endless).is_ok() {
                sent.fetch_add(endless.len() as u64, Relaxed);
            }
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// The bridge's metrics, to explain a failure.
fn metrics(port: u16) -> String {
    let mut stream = connect(port);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().filter(|line| line.starts_with("sealwire") && !line.ends_with(" 0")).collect::<Vec<_>>().join("\n")
}

/// Runs a hundred sessions through the port, `at_once` at a time, beside the floods; each session must complete.
fn sessions_beside_floods(port: u16, target: &'static str, set: &CertificateSet, at_once: usize) {
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let floods = floods();
    let session = |number: usize| {
        let begin = Instant::now();
        let tunnel = Tunnel::open(port, &Opening::target(target));
        let client = Client::over(tunnel, config(set, "secured", "TLSv1.3"));
        let mut client = client.unwrap_or_else(|error| panic!("{error}: {}", metrics(port)));
        for question in 0..3 {
            let question = format!("SELECT {number} + {question}");
            assert_eq!(row(&mut client, &question).len(), 1);
        }
        client.quit().unwrap();
        begin.elapsed()
    };
    let mut times: Vec<Duration> = thread::scope(|scope| {
        for number in 0..HOSTILE {
            let (flood_of, stop, sent) = (&floods[number % floods.len()], &stop, &sent);
            scope.spawn(move || flood(port, target, flood_of, stop, sent));
        }
        let since = Instant::now();
        while sent.load(Relaxed) < 1 << 20 {
            assert!(since.elapsed() < Duration::from_secs(60), "the floods have not begun");
            thread::yield_now();
        }
        let session = &session;
        let good = (0..at_once)
            .map(|first| scope.spawn(move || (first..GOOD).step_by(at_once).map(session).collect::<Vec<_>>()));
        let good: Vec<_> = good.collect();
        let times: Vec<_> = good.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Relaxed);
        times.into_iter().flat_map(|times| times.expect("a good client failed")).collect()
    });
    times.sort_unstable();
    println!(
        "{GOOD} sessions, {at_once} at a time, beside {HOSTILE} floods of {} MiB in all: median {:?}, longest {:?}",
        sent.load(Relaxed) >> 20,
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

fn a_hundred_sessions_beside_ten_floods() {
    let place = tempfile::tempdir().unwrap();
    let server: Server = within::plain_server(&place);
    let bridge = Bridge::to(server.port, &["--max-connections-per-address=200", "--log-error-verbosity=1"]);
    sessions_beside_floods(bridge.port, "db", &within::set(&place), GOOD);
}

fn a_hundred_sessions_beside_ten_floods_within_the_server() {
    let (place, _server, port) = within::start(&[]);
    // One address may have 32 connections, including the floods and those that are just ending.
    sessions_beside_floods(port, "local", &within::set(&place), 8);
}

fn pings_above_a_rate_end_with_1008() {
    let bridge = Bridge::to(echo(), &[]);
    for control in [0x89, 0x8a] {
        let mut tunnel = works(bridge.port, &Opening::target("db"));
        let stream: &mut TcpStream = tunnel.socket.get_mut();
        // A few control frames are within the limit of a well-behaved client.
        stream.write_all(&frame(control, b"x").repeat(50)).unwrap();
        let mut tunnel = again(tunnel);
        // The bridge may close the connection before all bytes are sent.
        let _ = tunnel.socket.get_mut().write_all(&frame(control, b"x").repeat(10_000));
        let (code, sentence) = tunnel.rest().1;
        assert_eq!((code, CloseReason::TooManyPings.code()), (1008, 1008));
        assert_eq!(sentence, "more pings and pongs came than the 10 a second that a client may send: send fewer");
    }
    assert_eq!(bridge.metric("closed_total{reason=\"too_many_pings\",code=\"1008\"}"), 2);
    works(bridge.port, &Opening::target("db"));
}

/// The same tunnel, after it has been shown to work.
fn again(mut tunnel: Tunnel<TcpStream>) -> Tunnel<TcpStream> {
    tunnel.write_all(b"still here").unwrap();
    tunnel.flush().unwrap();
    let mut back = [0; 10];
    tunnel.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"still here");
    tunnel
}

fn frames_to_a_deaf_target_take_turns() {
    // The target does not read and sends nothing.
    let deaf = crate::peers::serve(|stream| {
        let _ = stream.shutdown(Shutdown::Read);
        let mut stream = stream;
        while stream.write_all(&[0; 1]).is_ok() {
            thread::park_timeout(Duration::from_millis(100));
        }
    });
    let bridge = Bridge::to(deaf, &[]);
    let mut stream = raw(&bridge);
    let mut answers = stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || while answers.read(&mut [0; 1 << 16]).is_ok_and(|length| length > 0) {});
        let flood = frame(BINARY, b"x").repeat(10_000);
        for _ in 0..100 {
            if stream.write_all(&flood).is_err() {
                break;
            }
            assert!(bridge.metric("http_requests_total") > 0);
        }
        let _ = stream.shutdown(Shutdown::Both);
    });
    let mut stream = connect(bridge.port);
    stream.write_all(&upgrade("db")).unwrap();
    upgraded(&mut stream);
}
