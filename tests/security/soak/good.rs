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

struct Good {
    stream: TcpStream,
    connection: Connection,
    out: Vec<u8>,
    phase: Phase,
    due: Instant,
    left: u64,
    pause: Duration,
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
                counts.failures.fetch_add(1, Relaxed);
                // After the soak nobody receives the error.
                let _ = failed.send(error);
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
            *place = Some(Good::enter(address, &config, &poll, number, turn, pause));
        }
    }
    // These clients did not fail; the soak has ended.
    drop(places);
}

impl Good {
    fn enter(address: SocketAddr, config: &Arc<Config>, poll: &Poll, place: usize, turn: u64, pause: Duration) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        poll.registry().register(&mut stream, Token(place), Interest::READABLE | Interest::WRITABLE).unwrap();
        let connection = Connection::new(Arc::clone(config), clock::now());
        let left = 1 + turn % QUESTIONS;
        Self { stream, connection, out: Vec::new(), phase: Phase::Entering, due: Instant::now(), left, pause }
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
                self.connection.query(b"SHOW STATUS LIKE 'Ssl_cipher'")
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
                }
                Output::Event(Event::Row(_)) => {
                    let cipher = self.connection.text_row().iter().last().and_then(Result::ok).flatten();
                    if cipher.is_none_or(<[u8]>::is_empty) {
                        return Err("no cipher is in use".to_owned());
                    }
                }
                Output::Event(Event::ResultSet) => {}
                Output::Event(Event::ResultEnd { .. }) => {
                    counts.answers.fetch_add(1, Relaxed);
                    self.rest(now);
                }
                Output::Event(Event::Closed) => {
                    self.phase = Phase::Over;
                    return Ok(());
                }
                Output::Event(other) => return Err(format!("{other:?}")),
            }
        }
    }

    fn rest(&mut self, now: Instant) {
        self.phase = Phase::Idle;
        self.due = now + self.pause;
    }
}
