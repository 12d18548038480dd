//! Fuzzes a proxy's connection, inside TLS too: the script plays the client and the server on its two sides, which may both send anything.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::{PeerMisbehaved, Side};
use sealwire_core::facts::Transport;
use sealwire_core::proxy::{Connection, End, Event};
use sealwire_core::server::{self, Login};
use sealwire_core::wire::frame::{HEADER, Scan, scan};
use sealwire_core::{Error, Input, Now, Output, SqlError};
use sealwire_simnet::{Seeded, reseed};

use super::script::{
    ACT, ALLOWANCE, BYTES, CODES, EOF, HOST, Peer, SSL_REQUEST, TIME, WIRE, client_tls, holds, server_tls, start, steps,
};

/// A password that a client of the script may send, alone in a packet. No plugin has a proof of its length.
pub(super) const PASSWORD: &str = "correct horse battery staple";
/// A packet again and again, while the other side takes nothing. The client's or the server's, as for each code: twice the kind, and 1 for
/// the server.
pub(super) const FLOOD: u8 = CODES;
const KINDS: u8 = CODES + 1;
/// The bytes that a flood brings at once, and the most that may then wait for the other side.
const FLOOD_PIECE: usize = 16 * 1024;
const MOST_WAITING: usize = 256 * 1024 + 8 * FLOOD_PIECE;
const MOST_POLLS: usize = 100_000;
const MOST_DIALS: usize = 3;
const CHANGE_USER: u8 = 0x11;

/// The first byte of settings: the client's side, and the answers of the driver.
pub(super) const FRONT_TLS: u8 = 1;
const DEMANDS_TLS: u8 = 2;
const FRONT_SOCKET: u8 = 4;
pub(super) const TRUSTS_HEADER: u8 = 8;
const REFUSES_CHANGE: u8 = 16;
pub(super) const ANSWERS_KILL: u8 = 64;

/// The second byte of settings: the server's side. Its highest three bits are the size of pieces.
pub(super) const BACK_TLS: u8 = 1;
pub(super) const VERIFIES: u8 = 2;
const PREFERRED: u8 = 4;
const OTHER_NAME: u8 = 8;
const BACK_SOCKET: u8 = 16;

/// The code of a step of one side.
pub(super) const fn code(side: Side, kind: u8) -> u8 {
    2 * kind + matches!(side, Side::Server) as u8
}

/// The input is two bytes of settings, then the script.
pub(super) fn run(data: &[u8]) {
    let Some((&[front, back], script)) = data.split_first_chunk::<2>() else { return };
    let settings = Settings { front, back };
    let whole = settings.play(script, usize::MAX);
    // Packets that come too early are detected only together with the ones before. A flood ends where the other side has enough, which
    // depends on the pieces.
    if !whole.has_tls && !whole.was_early && !whole.has_flooded {
        let chunked = settings.play(script, 1 + usize::from(back >> 5));
        assert_eq!(whole, chunked, "the outcome depends on how bytes are cut");
    }
}

/// The first two bytes of an input.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) front: u8,
    pub(super) back: u8,
}

/// The result of playing a script.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<String>,
    /// The bytes that the client was sent, decrypted, and those that each server was sent.
    to_client: Vec<u8>,
    to_servers: Vec<Vec<u8>>,
    has_tls: bool,
    was_early: bool,
    has_flooded: bool,
}

impl Settings {
    const fn front_has(self, flag: u8) -> bool {
        self.front & flag != 0
    }

    const fn back_has(self, flag: u8) -> bool {
        self.back & flag != 0
    }

    fn front_config(self) -> server::Config {
        let mut config = server::Config::new("8.4.0-proxy", Arc::new(Seeded::new(3)));
        config.tls = self.front_has(FRONT_TLS).then(server_tls);
        config.require_secure_transport = self.front_has(DEMANDS_TLS);
        config
    }

    fn back_config(self) -> client::Config {
        let mut config = client::Config::new("", "".into(), Arc::new(Seeded::new(4)));
        if self.back_has(BACK_TLS) {
            let context = client_tls(self.back_has(VERIFIES));
            config.tls =
                if self.back_has(PREFERRED) { TlsPolicy::Preferred(context) } else { TlsPolicy::Required(context) };
        }
        config.server_name = if self.back_has(OTHER_NAME) { "other.example.com" } else { HOST }.to_owned();
        config.transport = if self.back_has(BACK_SOCKET) { Transport::UnixSocket } else { Transport::Tcp };
        config
    }

    /// Plays the script, with bytes handed over in pieces of `chunk` bytes; returns the result.
    fn play(self, script: &[u8], chunk: usize) -> Outcome {
        reseed(1);
        let now = start();
        let (transport, user) = if self.front_has(FRONT_SOCKET) {
            (Transport::UnixSocket, Some("tester".to_owned()))
        } else {
            (Transport::Tcp, None)
        };
        let peer = server::Peer { transport, host: "127.0.0.1".to_owned(), user };
        let mut proxy = Connection::new(Arc::new(self.front_config()), 0xc000_0001, peer, now);
        if self.front_has(TRUSTS_HEADER) {
            proxy.trust_proxy_header();
        }
        let mut state = RunState {
            settings: self,
            proxy,
            client: Peer::default(),
            server: Peer::default(),
            is_dialled: false,
            dials: 0,
            login: None,
            client_is_secure: false,
            relayed_from: None,
            server_wire: Vec::new(),
            end: None,
            deadline: None,
            is_stalled: false,
            bytes_in: 0,
            bytes_out: 0,
            now,
            chunk,
            outcome: Outcome {
                events: Vec::new(),
                to_client: Vec::new(),
                to_servers: Vec::new(),
                has_tls: false,
                was_early: false,
                has_flooded: false,
            },
        };
        state.poll();
        for (code, bytes) in steps(script, 2 * KINDS) {
            let side = if code % 2 == 0 { Side::Client } else { Side::Server };
            state.step(side, code / 2, bytes);
        }
        state.step(Side::Client, EOF, &[]);
        // A login that its client leaves ends at the server, or by the server's time.
        state.step(Side::Server, TIME, &[60]);
        state.leave_server();
        assert!(state.end.is_some(), "the connection outlives its client");
        assert!(state.bytes_out <= 8 * state.bytes_in + ALLOWANCE, "{} bytes for {}", state.bytes_out, state.bytes_in);
        state.outcome.has_tls |= state.client.has_tls();
        state.outcome.to_client = state.client.received;
        state.outcome
    }
}

struct RunState {
    settings: Settings,
    proxy: Connection,
    client: Peer,
    server: Peer,
    /// Whether a server is connected, and how many were for this login.
    is_dialled: bool,
    dials: usize,
    login: Option<Login>,
    /// Whether the client's login came over TLS or a Unix socket.
    client_is_secure: bool,
    /// The bytes that the server had received when it had accepted the login.
    relayed_from: Option<usize>,
    /// The bytes towards the server, as an eavesdropper sees them.
    server_wire: Vec<u8>,
    end: Option<End>,
    deadline: Option<Duration>,
    /// Whether nothing is transmitted.
    is_stalled: bool,
    bytes_in: usize,
    bytes_out: usize,
    now: Now,
    chunk: usize,
    outcome: Outcome,
}

impl RunState {
    const fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn step(&mut self, side: Side, kind: u8, bytes: &[u8]) {
        match kind {
            BYTES => {
                let sealed = self.peer(side).sealed(bytes.to_vec());
                self.feed(side, &sealed);
            }
            WIRE => self.feed(side, bytes),
            EOF => self.input(side, Input::Eof),
            TIME => {
                let passed = Duration::from_secs(u64::from(bytes.first().copied().unwrap_or_default()));
                self.now.monotonic += passed;
                self.now.wall += passed;
                self.proxy.handle_timeout(self.now);
                self.poll();
                let late = self.deadline.is_some_and(|deadline| self.now.monotonic >= deadline);
                assert!(!late, "the deadline has passed and the machine still waits");
            }
            ACT => self.act(side, bytes.first().copied().unwrap_or_default()),
            FLOOD => self.flood(side, bytes),
            _ => {
                let framed = self.peer(side).framed(bytes);
                let sealed = self.peer(side).sealed(framed);
                self.feed(side, &sealed);
            }
        }
    }

    /// The client begins TLS once, or a new command. On the server's side the driver acts.
    fn act(&mut self, side: Side, which: u8) {
        match (side, which % 3) {
            (Side::Client, 1) if !self.client.has_tls() => {
                let request = self.client.ssl_request();
                self.feed(side, &request);
                let hello = self.client.begin_tls(self.now);
                self.feed(side, &hello);
            }
            (Side::Client, _) => self.client.restart(),
            (Side::Server, 0) => self.proxy.drain(shutdown()),
            (Side::Server, 1) => self.proxy.lose_server(),
            (Side::Server, _) => self.proxy.close(),
        }
        self.poll();
    }

    /// A packet comes again and again, until the proxy wants no more or enough have come.
    fn flood(&mut self, side: Side, bytes: &[u8]) {
        if bytes.is_empty() || std::mem::replace(&mut self.outcome.has_flooded, true) {
            return;
        }
        self.is_stalled = true;
        for _ in 0..2 * MOST_WAITING / FLOOD_PIECE {
            let mut piece = Vec::new();
            while piece.len() < FLOOD_PIECE {
                if side == Side::Client {
                    self.client.restart();
                }
                piece.extend(self.peer(side).framed(bytes));
            }
            let sealed = self.peer(side).sealed(piece);
            self.feed(side, &sealed);
            if !self.proxy.may_read(side) {
                break;
            }
        }
        self.is_stalled = false;
        self.poll();
    }

    fn feed(&mut self, side: Side, bytes: &[u8]) {
        if side == Side::Server && !self.is_dialled {
            return;
        }
        self.bytes_in += bytes.len();
        let servers = self.outcome.to_servers.len();
        for piece in bytes.chunks(self.chunk.min(bytes.len()).max(1)) {
            // The rest of a server's bytes goes with it.
            if side == Side::Client || self.outcome.to_servers.len() == servers {
                self.input(side, Input::Bytes(&mut piece.to_vec()));
            }
        }
    }

    fn input(&mut self, side: Side, input: Input<'_>) {
        if side == Side::Client || self.is_dialled {
            self.proxy.handle_input(side, input, self.now);
        }
        self.poll();
    }

    /// Polls until the machine waits for input.
    fn poll(&mut self) {
        for _ in 0..MOST_POLLS {
            let output = self.proxy.poll_output();
            let has_moved = !self.is_stalled && self.transmit();
            match output {
                Output::Event(event) => {
                    assert!(self.end.is_none(), "{event:?} after the end");
                    self.outcome.events.push(format!("{event:?}"));
                    self.take(event);
                }
                Output::Transmit => {}
                Output::Wait(_) if has_moved => {}
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
        panic!("the machine never waits");
    }

    /// Moves bytes to both peers. Returns whether the TLS of one has answered.
    fn transmit(&mut self) -> bool {
        let mut has_answered = false;
        for side in [Side::Client, Side::Server] {
            let mut out = Vec::new();
            while self.proxy.transmit(side, &mut out) {}
            assert!(out.len() <= MOST_WAITING, "{} bytes wait for the {side:?}", out.len());
            self.bytes_out += out.len();
            let answer = match side {
                Side::Client => self.client.receive(&out, self.now),
                Side::Server => {
                    assert!(out.is_empty() || self.is_dialled, "bytes for no server");
                    self.server_wire.extend_from_slice(&out);
                    self.server.receive_from_client(&out, self.now)
                }
            };
            self.bytes_in += answer.len();
            if !answer.is_empty() {
                self.proxy.handle_input(side, Input::Bytes(&mut answer.clone()), self.now);
                has_answered = true;
            }
        }
        has_answered
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Dial(login) => {
                self.login = Some(login);
                self.client_is_secure = self.client.tls_is_ready() || self.settings.front_has(FRONT_SOCKET);
                self.dial();
            }
            Event::ServerFailed(error) => {
                self.outcome.was_early |= is_early(&error);
                self.transmit();
                self.leave_server();
                self.dial();
            }
            Event::Connected => {
                self.transmit();
                self.relayed_from = Some(self.server.received.len());
            }
            Event::ChangeUser { .. } if self.settings.front_has(REFUSES_CHANGE) => {
                self.proxy.refuse_change_user(SqlError::access_denied("a rule"));
            }
            Event::ChangeUser { .. } => {
                self.proxy.redial(Duration::from_secs(10)).expect("a COM_CHANGE_USER waits");
                self.transmit();
                self.leave_server();
                // The driver of a change of user knows no more of the login than the name.
                self.login = None;
                self.dials = 0;
                self.dial();
            }
            Event::Kill(_) if self.settings.front_has(ANSWERS_KILL) => self.proxy.answer_kill(Ok(())),
            Event::Kill(_) => self.proxy.allow_kill(7),
            Event::Closed(end) => {
                self.outcome.was_early |= matches!(&end, End::Failed(_, error) if is_early(error));
                self.end = Some(end);
            }
            Event::Proxied(_) => {}
        }
    }

    fn dial(&mut self) {
        self.dials += 1;
        if self.dials > MOST_DIALS {
            self.proxy.refuse(SqlError::unknown_error("no server is left")).expect("a login waits");
        } else {
            let config = Arc::new(self.settings.back_config());
            self.proxy.dialled(config, &[("_gateway", "fuzzer")], self.now).expect("a login waits");
            self.is_dialled = true;
        }
    }

    /// Judges the bytes that the server has received, and forgets it.
    fn leave_server(&mut self) {
        if std::mem::take(&mut self.is_dialled) {
            self.judge_server();
        }
        self.outcome.has_tls |= self.server.has_tls();
        self.outcome.to_servers.push(std::mem::take(&mut self.server).received);
        self.server_wire.clear();
        self.relayed_from = None;
    }

    fn judge_server(&self) {
        let (settings, server) = (self.settings, &self.server);
        let is_local = settings.back_has(BACK_SOCKET);
        if settings.back_has(BACK_TLS) && !settings.back_has(PREFERRED) && !is_local {
            let is_sealed = self.server_wire.len() <= SSL_REQUEST || server.has_tls();
            assert!(is_sealed, "more than SSLRequest in plaintext");
        }
        let is_verified = server.has_tls() && settings.back_has(VERIFIES);
        let has_other_name = settings.back_has(OTHER_NAME);
        assert!(
            !(is_verified && has_other_name) || server.received.len() <= SSL_REQUEST,
            "the login was told to a server that is another"
        );
        let server_is_secure = is_verified || is_local;
        let is_anybody = server.has_tls() && !server_is_secure;
        let are_alike = self.client_is_secure == server_is_secure && !is_anybody;
        if are_alike {
            return;
        }
        let (login, relayed) = server.received.split_at(self.relayed_from.unwrap_or(server.received.len()));
        let is_known = self.login.as_ref().is_some_and(|login| !holds(format!("{login:?}").as_bytes(), PASSWORD));
        for (number, (_, payload)) in packets(login).enumerate() {
            let is_password = payload.strip_suffix(b"\0").unwrap_or(payload) == PASSWORD.as_bytes();
            assert!(!is_password, "the password itself went to a side that is protected otherwise");
            // The answer to the proxy's greeting.
            let is_told = number < 2 && is_known && holds(payload, PASSWORD);
            assert!(!is_told, "the password itself is in the login");
        }
        let changes = |(sequence, payload): (u8, &[u8])| sequence == 0 && payload.first() == Some(&CHANGE_USER);
        assert!(!packets(relayed).any(changes), "a COM_CHANGE_USER went to a side that is protected otherwise");
    }
}

/// The packets at the front of the bytes, each with its first number.
fn packets(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let Scan::Complete(found) = scan(rest) else { return None };
        let (packet, after) = rest.split_at(found.wire_length);
        rest = after;
        Some((found.first_sequence, packet.get(HEADER..)?))
    })
}

const fn is_early(error: &Error) -> bool {
    matches!(error, Error::PeerMisbehaved(PeerMisbehaved::Unexpected(_)))
}

fn shutdown() -> SqlError {
    SqlError::new(1053, b"08S01", "the server is drained")
}
