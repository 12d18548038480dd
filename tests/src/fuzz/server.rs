//! Fuzzes the server machine, inside TLS too: the script plays a client that may send anything.

use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::Accounts;
use sealwire_core::auth::Plugin;
use sealwire_core::facts::Transport;
use sealwire_core::server::{self, Config, Connection};
use sealwire_core::{Error, Input, Now};
use sealwire_simnet::{Host, Seeded, Step, reseed};

use super::script::{ACT, ALLOWANCE, BYTES, CODES, EOF, Peer, TIME, WIRE, holds, server_tls, start, steps};

const MOST_POLLS: usize = 100_000;

/// The accounts. No client knows the password of `never`, and none has a certificate for `x509`.
pub(super) const ACCOUNTS: &str = "
    CREATE USER 'empty'@'%' IDENTIFIED WITH mysql_native_password BY '';
    CREATE USER 'native'@'%' IDENTIFIED WITH mysql_native_password BY 'secret';
    CREATE USER 'caching'@'%' IDENTIFIED WITH caching_sha2_password BY 'secret';
    CREATE USER 'ssl'@'%' IDENTIFIED WITH mysql_native_password BY '' REQUIRE SSL;
    CREATE USER 'x509'@'%' IDENTIFIED WITH mysql_native_password BY '' REQUIRE X509;
    CREATE USER 'ed25519'@'%' IDENTIFIED WITH ed25519 BY 'secret';
    CREATE USER 'never'@'%' IDENTIFIED WITH caching_sha2_password BY '6b1f63f5c5a84a0f9b5d7f0a';
    CREATE USER 'tester'@'localhost' IDENTIFIED WITH auth_socket;
";

thread_local! {
    static KNOWN: Accounts = Host::new(ACCOUNTS).expect("our own accounts").accounts;
}

/// The input is a byte of settings, a byte for how the input is cut, then the script.
pub(super) fn run(data: &[u8]) {
    let Some((&[flags, cut], script)) = data.split_first_chunk::<2>() else { return };
    // The simulated engine returns a value of any size, so scripts with BLOB are skipped.
    if holds(script, "BLOB") {
        return;
    }
    let whole = play(flags, script, usize::MAX);
    if !whole.tls {
        let chunked = play(flags, script, 1 + usize::from(cut));
        assert_eq!(whole, chunked, "the outcome depends on how bytes are cut");
    }
}

pub(super) const TLS: u8 = 1;
const DEMANDS_TLS: u8 = 2;
const REMEMBERS: u8 = 4;
const UNIX_SOCKET: u8 = 8;
pub(super) const NATIVE: u8 = 16;

/// The configuration for the flags; its random bytes are always the same.
pub(super) fn config(flags: u8) -> Config {
    let mut config = Config::new("8.4.0-sealwire", Arc::new(Seeded::new(3)));
    config.tls = (flags & TLS != 0).then(server_tls);
    config.require_secure_transport = flags & DEMANDS_TLS != 0;
    if flags & NATIVE != 0 {
        config.default_plugin = Plugin::MysqlNativePassword;
    }
    config.max_packet = 1 << 20;
    config
}

/// The result of playing a script.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The bytes that the client was sent, decrypted.
    received: Vec<u8>,
    /// The statements that reached the engine.
    queries: Vec<Vec<u8>>,
    user: Option<String>,
    error: Option<Error>,
    /// Whether TLS was begun.
    tls: bool,
}

fn play(flags: u8, script: &[u8], chunk: usize) -> Outcome {
    reseed(1);
    let mut host = Host::with_accounts(KNOWN.with(Clone::clone));
    if flags & REMEMBERS != 0 {
        // A digest of no known password, in place of SHA256(SHA256("secret")).
        host.fast_digest = Some([7; 32]);
    }
    let now = start();
    let peer = if flags & UNIX_SOCKET == 0 {
        server::Peer { transport: Transport::Tcp, host: "127.0.0.1".to_owned(), user: None }
    } else {
        server::Peer { transport: Transport::UnixSocket, host: "localhost".to_owned(), user: Some("tester".to_owned()) }
    };
    let machine = Connection::new(Arc::new(config(flags)), 42, peer, now);
    let mut state = RunState {
        flags,
        machine,
        host,
        peer: Peer::default(),
        error: None,
        bytes_in: 0,
        bytes_out: 0,
        now,
        chunk,
        waits_until: None,
        is_over: false,
    };
    state.poll();
    for (code, bytes) in steps(script, CODES) {
        state.step(code, bytes);
    }
    state.step(EOF, &[]);
    state.judge();
    let tls = state.peer.has_tls();
    Outcome {
        received: state.peer.received,
        queries: state.host.queries,
        user: state.host.user,
        error: state.error,
        tls,
    }
}

struct RunState {
    flags: u8,
    machine: Connection,
    host: Host,
    peer: Peer,
    error: Option<Error>,
    bytes_in: usize,
    bytes_out: usize,
    now: Now,
    chunk: usize,
    waits_until: Option<Duration>,
    /// Whether the engine did something that the client's capabilities forbid, which is the server's own error and ends the script.
    is_over: bool,
}

impl RunState {
    fn step(&mut self, code: u8, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        match code {
            BYTES => {
                let sealed = self.peer.sealed(bytes.to_vec());
                self.feed(&sealed);
            }
            WIRE => self.feed(bytes),
            EOF => self.input(Input::Eof),
            TIME => {
                let passed = Duration::from_secs(u64::from(bytes.first().copied().unwrap_or_default()));
                self.now.monotonic += passed;
                self.now.wall += passed;
                self.input(Input::Timeout);
                // A client that has not logged in is disconnected at the deadline.
                let late = self.waits_until.is_some_and(|deadline| self.now.monotonic >= deadline);
                assert!(!late, "the deadline has passed and the machine still waits");
            }
            // The client begins TLS once, or starts a new command.
            ACT if !self.peer.has_tls() && bytes.first().is_some_and(|byte| byte & 1 == 1) => self.begin_tls(),
            ACT => self.peer.restart(),
            _ => {
                let framed = self.peer.framed(bytes);
                let sealed = self.peer.sealed(framed);
                self.feed(&sealed);
            }
        }
    }

    fn begin_tls(&mut self) {
        let request = self.peer.ssl_request();
        self.feed(&request);
        let hello = self.peer.begin_tls(self.now);
        self.feed(&hello);
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes_in += bytes.len();
        for piece in bytes.chunks(self.chunk.min(bytes.len()).max(1)) {
            if self.is_over {
                return;
            }
            self.input(Input::Bytes(&mut piece.to_vec()));
        }
    }

    fn input(&mut self, input: Input<'_>) {
        let taken = self.machine.handle_input(input, self.now);
        if let Some(error) = &self.error {
            assert_eq!(taken.as_ref(), Err(error), "the failure did not stick");
        }
        self.poll();
    }

    /// Polls until the machine waits for input.
    fn poll(&mut self) {
        for _ in 0..MOST_POLLS {
            let mut out = Vec::new();
            let stepped = self.host.step(&mut self.machine, &mut out);
            if !out.is_empty() {
                self.bytes_out += out.len();
                let answer = self.peer.receive(&out, self.now);
                self.bytes_in += answer.len();
                if !answer.is_empty() {
                    // An error shows when the machine is polled.
                    let _ = self.machine.handle_input(Input::Bytes(&mut answer.clone()), self.now);
                }
            }
            match stepped {
                Ok(Step::Wait(deadline)) => {
                    self.waits_until = deadline;
                    return;
                }
                Ok(Step::Transmit | Step::Answered) => {}
                Err(Error::Misuse(_)) => {
                    self.is_over = true;
                    return;
                }
                Err(error) => {
                    self.waits_until = None;
                    let first = self.error.get_or_insert_with(|| error.clone());
                    assert_eq!(*first, error, "the failure did not stick");
                    return;
                }
            }
        }
        panic!("the machine never waits");
    }

    fn judge(&self) {
        assert!(self.bytes_out <= 64 * self.bytes_in + ALLOWANCE, "{} bytes for {}", self.bytes_out, self.bytes_in);
        let secure = self.machine.facts().tls.is_some();
        let local = self.flags & UNIX_SOCKET != 0;
        assert!(!secure || self.peer.has_tls(), "TLS with nobody");
        match self.host.user.as_deref() {
            Some("ssl") => assert!(secure, "REQUIRE SSL was let in over plaintext"),
            Some(user @ ("x509" | "never")) => panic!("{user} was let in"),
            Some("tester") => assert!(local, "auth_socket over a network"),
            _ => {}
        }
        let demands = self.flags & DEMANDS_TLS != 0;
        assert!(!demands || secure || local || self.host.user.is_none(), "let in over plaintext");
        assert!(self.host.queries.is_empty() || self.host.user.is_some(), "a query before authentication");
    }
}
