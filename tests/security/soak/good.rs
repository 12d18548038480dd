//! Well-behaved clients: they log in over verified TLS, query their cipher now and then, quit, and connect again.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use sealwire::clock;
use sealwire_core::client::{Config, Connection, Event};
use sealwire_core::tls::ClientContext;
use sealwire_core::{Input, Output};
use sealwire_tests::clients;

use crate::Counts;

/// The most clients in their handshake at a time.
const MOST_HANDSHAKES: usize = 32;
/// The most queries of one client before it quits.
const QUESTIONS: u64 = 9;
/// The query of a client whose server is the one it connects to, and behind a gateway.
const CIPHER: &[u8] = b"SHOW STATUS LIKE 'Ssl_cipher'";
const PORT: &[u8] = b"SELECT @@port";

struct Good {
    stream: TcpStream,
    connection: Connection,
    out: Vec<u8>,
    phase: Phase,
    due: Instant,
    left: u64,
    pause: Duration,
    /// The server behind the gateway, once it has told its port, and the changes of each server when this client came.
    node: Option<usize>,
    seen: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Entering,
    Idle,
    Asking,
    Leaving,
    Over,
}

/// Keeps `count` clients busy until the time is over, each with this pause between queries. The error of a failed client is sent.
pub(crate) fn run(
    port: u16,
    context: &ClientContext,
    count: usize,
    pause: Duration,
    counts: &Counts,
    failed: &Sender<String>,
) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut config = clients::secure("u", context);
    config.connect_timeout = Duration::from_secs(120);
    let config = Arc::new(config);
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(1024);
    let mut places: Vec<Option<Good>> = (0..count).map(|_| None).collect();
    let mut turn = 0;
    while !counts.stop.load(Relaxed) {
        poll.poll(&mut events, Some(Duration::from_millis(20))).unwrap();
        let ready: Vec<usize> = events.iter().map(|event| event.token().0).collect();
        let now = Instant::now();
        let due = |good: &Good| good.phase == Phase::Idle && good.due <= now;
        let waiting: Vec<usize> = (0..count).filter(|place| places[*place].as_ref().is_some_and(due)).collect();
        for place in ready.into_iter().chain(waiting) {
            let Some(good) = &mut places[place] else { continue };
            if let Err(error) = good.go(now, counts) {
                if matches!(good.phase, Phase::Idle | Phase::Asking) {
                    counts.now.fetch_sub(1, Relaxed);
                }
                if good.has_lost_its_server(counts) {
                    let words = error.replace(|letter: char| letter.is_ascii_digit(), "");
                    *counts.lost.lock().unwrap().entry(words).or_default() += 1;
                } else {
                    counts.failures.fetch_add(1, Relaxed);
                    // After the soak nobody receives the error.
                    let _ = failed.send(error);
                }
                good.phase = Phase::Over;
            }
            if good.phase == Phase::Over {
                places[place] = None;
            }
        }
        let entering = |good: &&Good| good.phase == Phase::Entering;
        let mut free = MOST_HANDSHAKES.saturating_sub(places.iter().flatten().filter(entering).count());
        for (number, place) in places.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            if free == 0 {
                break;
            }
            free -= 1;
            turn += 1;
            *place = Some(Good::enter(address, &config, &poll, number, turn, pause, counts));
        }
    }
    // These clients did not fail; the soak has ended.
    drop(places);
}

impl Good {
    fn enter(
        address: SocketAddr,
        config: &Arc<Config>,
        poll: &Poll,
        place: usize,
        turn: u64,
        pause: Duration,
        counts: &Counts,
    ) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        poll.registry().register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE).unwrap();
        let connection = Connection::new(Arc::clone(config), clock::now());
        let left = 1 + turn % QUESTIONS;
        // A server that is about to end may still be given the client.
        let seen = counts.nodes.iter().map(|node| node.changes.load(Relaxed) & !1).collect();
        let (phase, due) = (Phase::Entering, Instant::now());
        Self { stream, connection, out: Vec::new(), phase, due, left, pause, node: None, seen }
    }

    /// Whether the client's server has ended since the client came; before its first answer, any server.
    fn has_lost_its_server(&self, counts: &Counts) -> bool {
        let mut nodes = counts.nodes.iter().zip(&self.seen).enumerate();
        nodes.any(|(index, (node, seen))| {
            self.node.is_none_or(|own| own == index) && node.changes.load(Relaxed) != *seen
        })
    }

    /// Advances as far as possible without waiting.
    fn go(&mut self, now: Instant, counts: &Counts) -> Result<(), String> {
        if self.phase == Phase::Idle && self.due <= now {
            let asked = if self.left == 0 {
                self.phase = Phase::Leaving;
                counts.now.fetch_sub(1, Relaxed);
                self.connection.quit()
            } else {
                self.left -= 1;
                self.phase = Phase::Asking;
                self.connection.query(if counts.nodes.is_empty() { CIPHER } else { PORT })
            };
            asked.map_err(|error| error.to_string())?;
        }
        let mut buffer = [0; 1 << 14];
        loop {
            self.poll(now, counts)?;
            while !self.out.is_empty() {
                match self.stream.write(&self.out) {
                    Ok(written) => drop(self.out.drain(..written)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::NotConnected => {
                        break;
                    }
                    Err(error) => return Err(format!("writing: {error}")),
                }
            }
            if self.phase == Phase::Over {
                return Ok(());
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    let _ = self.connection.handle_input(Input::Eof, clock::now());
                    self.poll(now, counts)?;
                    return if self.phase == Phase::Over { Ok(()) } else { Err("the server hung up".to_owned()) };
                }
                Ok(length) => {
                    // An error is kept, and the next poll returns it.
                    let _ = self.connection.handle_input(Input::Bytes(&mut buffer[..length].to_vec()), clock::now());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock || error.kind() == ErrorKind::NotConnected => {
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("reading: {error}")),
            }
        }
    }

    fn poll(&mut self, now: Instant, counts: &Counts) -> Result<(), String> {
        loop {
            match self.connection.poll_output(&mut self.out).map_err(|error| error.to_string())? {
                Output::Transmit => {}
                Output::Wait(_) => return Ok(()),
                Output::Event(Event::Connected(_)) => {
                    counts.logins.fetch_add(1, Relaxed);
                    counts.now.fetch_add(1, Relaxed);
                    self.rest(now);
                    if !counts.nodes.is_empty() {
                        // Its server becomes known.
                        self.due = now;
                    }
                }
                Output::Event(Event::Row(_)) => {
                    let value = self.connection.text_row().iter().last().and_then(Result::ok).flatten();
                    let text = String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
                    self.judge(&text, counts)?;
                }
                Output::Event(Event::ResultSet) => {}
                Output::Event(Event::ResultEnd { .. }) => {
                    counts.answers.fetch_add(1, Relaxed);
                    self.rest(now);
                }
                Output::Event(Event::Closed) if self.phase == Phase::Leaving => {
                    self.phase = Phase::Over;
                    return Ok(());
                }
                Output::Event(Event::Closed) => return Err("the server ended the connection".to_owned()),
                Output::Event(other) => return Err(format!("{other:?}")),
            }
        }
    }

    /// Judges an answer: the cipher, or the port of the server behind the gateway, which stays the same.
    fn judge(&mut self, text: &str, counts: &Counts) -> Result<(), String> {
        if counts.nodes.is_empty() {
            return if text.is_empty() { Err("no cipher is in use".to_owned()) } else { Ok(()) };
        }
        let node = counts.nodes.iter().position(|node| node.port.to_string() == text);
        if node.is_none() || self.node.is_some_and(|own| Some(own) != node) {
            return Err(format!("the answer comes from port '{text}', not from server {:?}", self.node));
        }
        self.node = node;
        Ok(())
    }

    fn rest(&mut self, now: Instant) {
        self.phase = Phase::Idle;
        self.due = now + self.pause;
    }
}
