//! Fuzzes the client machine, inside TLS too: the script plays a server that may send anything.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::auth::Plugin;
use sealwire_core::client::{Config, Connection, Event, Prepared, RowFormat, TlsPolicy};
use sealwire_core::error::PeerMisbehaved;
use sealwire_core::facts::Transport;
use sealwire_core::message::{Capabilities, Value};
use sealwire_core::{Error, Input, Now, Output};
use sealwire_simnet::{Seeded, reseed};

use super::script::{
    ACT, ALLOWANCE, BYTES, CODES, EOF, Peer, SSL_REQUEST, TIME, WIRE, client_tls, holds, start, steps,
};

/// The password, which must not occur anywhere in plaintext.
pub(super) const PASSWORD: &str = "correct horse battery staple";
const MOST_POLLS: usize = 100_000;

/// The input is two bytes of settings, then the script.
pub(super) fn run(data: &[u8]) {
    let Some((&[flags, plugin], script)) = data.split_first_chunk::<2>() else { return };
    let settings = Settings { flags, plugin };
    let whole = settings.play(script, usize::MAX);
    // The client detects packets that come too early only if they arrive together with the ones before. Otherwise, and without TLS, nothing
    // depends on how the bytes are cut.
    let too_early = matches!(whole.error, Some(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(_))));
    if !settings.has(TLS) && !too_early {
        let chunked = settings.play(script, 1 + usize::from(plugin >> 4));
        assert_eq!(whole, chunked, "the outcome depends on how bytes are cut");
    }
}

pub(super) const TLS: u8 = 1;
const CLEARTEXT: u8 = 2;
pub(super) const LOCAL_INFILE: u8 = 4;
pub(super) const FETCH_KEY: u8 = 8;
pub(super) const EXTRAS: u8 = 16;
const PREFERRED: u8 = 32;
pub(super) const UNIX_SOCKET: u8 = 64;
pub(super) const VERIFIES: u8 = 128;

/// The result of playing a script.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The events that the application was given.
    events: Vec<String>,
    /// The bytes that the server was sent, decrypted.
    received: Vec<u8>,
    error: Option<Error>,
}

/// The first two bytes of an input, as settings.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) flags: u8,
    pub(super) plugin: u8,
}

impl Settings {
    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The configuration for the settings; its random bytes are always the same.
    pub(super) fn config(self) -> Config {
        let mut config = Config::new("fuzzer", PASSWORD.into(), Arc::new(Seeded::new(2)));
        config.server_name = super::script::HOST.to_owned();
        if self.has(TLS) {
            let context = client_tls(self.has(VERIFIES));
            config.tls = if self.has(PREFERRED) { TlsPolicy::Preferred(context) } else { TlsPolicy::Required(context) };
        }
        config.transport = if self.has(UNIX_SOCKET) { Transport::UnixSocket } else { Transport::Tcp };
        config.enable_cleartext_plugin = self.has(CLEARTEXT);
        config.local_infile = self.has(LOCAL_INFILE);
        config.fetch_server_public_key = self.has(FETCH_KEY);
        if self.has(EXTRAS) {
            config.database = Some("db".to_owned());
            config.attributes = vec![("_client_name".to_owned(), "fuzzer".to_owned())];
            config.capabilities |= Capabilities::QUERY_ATTRIBUTES | Capabilities::MARIADB_EXTENDED_METADATA;
        }
        config.default_auth = match self.plugin % 16 {
            1 => Some(Plugin::MysqlNativePassword),
            2 => Some(Plugin::CachingSha2Password),
            3 => Some(Plugin::Sha256Password),
            4 => Some(Plugin::MysqlClearPassword),
            5 => Some(Plugin::ClientEd25519),
            6 => Some(Plugin::AuthSocket),
            7 => Some(Plugin::Parsec),
            8 => Some(Plugin::Dialog),
            _ => None,
        };
        // A low limit, so that the fuzzer reaches packets that are too large.
        config.max_packet = 1 << 20;
        config
    }

    /// Plays the script, with bytes handed over in pieces of `chunk` bytes; returns the result.
    fn play(self, script: &[u8], chunk: usize) -> Outcome {
        reseed(1);
        let now = start();
        let machine = Connection::new(Arc::new(self.config()), now);
        let mut state = RunState {
            settings: self,
            machine,
            peer: Peer::default(),
            events: Vec::new(),
            prepared: None,
            error: None,
            wire: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            now,
            chunk,
        };
        for (code, bytes) in steps(script, CODES) {
            state.step(code, bytes);
        }
        state.step(EOF, &[]);
        state.judge();
        Outcome { events: state.events, received: state.peer.received, error: state.error }
    }
}

struct RunState {
    settings: Settings,
    machine: Connection,
    peer: Peer,
    events: Vec<String>,
    prepared: Option<Prepared>,
    error: Option<Error>,
    /// The bytes that the client sent, as an eavesdropper sees them.
    wire: Vec<u8>,
    bytes_in: usize,
    bytes_out: usize,
    now: Now,
    chunk: usize,
}

impl RunState {
    fn step(&mut self, code: u8, bytes: &[u8]) {
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
            }
            ACT => {
                let acted = self.act(bytes);
                self.stick(acted);
                self.poll();
            }
            _ => {
                let framed = self.peer.framed(bytes);
                let sealed = self.peer.sealed(framed);
                self.feed(&sealed);
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes_in += bytes.len();
        for piece in bytes.chunks(self.chunk.min(bytes.len()).max(1)) {
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

    /// A misused command leaves the connection usable; after any other error the connection must keep failing with the same error.
    fn stick(&self, acted: Result<(), Error>) {
        if let (Some(first), Err(error)) = (&self.error, &acted) {
            assert!(error == first || matches!(error, Error::Misuse(_)), "{error:?} after {first:?}");
        }
    }

    fn act(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (which, text) = bytes.split_first().map_or((0, bytes), |(which, text)| (*which, text));
        let machine = &mut self.machine;
        match (which % 16, &self.prepared) {
            (1, _) => machine.prepare(text),
            (2, Some(prepared)) => {
                let values: Vec<Value<'_>> = prepared.parameters.iter().map(|_| Value::Bytes(text)).collect();
                machine.execute(prepared, &values)
            }
            (3, Some(prepared)) => machine.fetch(prepared, 1),
            (4, Some(prepared)) => machine.send_long_data(prepared, 0, text),
            (5, Some(prepared)) => machine.reset_statement(prepared),
            (6, Some(prepared)) => machine.close_statement(prepared),
            (7, _) => machine.init_db(text),
            (8, _) => machine.statistics(),
            (9, _) => machine.reset_connection(),
            (10, _) => machine.set_option(1),
            (11, _) => machine.field_list(text, b"%"),
            (12, _) => machine.change_user("other", PASSWORD.into(), None),
            (13, _) => machine.quit(),
            (14, _) => machine.local_infile_data(text).and_then(|()| machine.local_infile_end()),
            (15, _) => machine.ping(),
            _ => machine.query(text),
        }
    }

    /// Polls until the machine waits for input.
    fn poll(&mut self) {
        for _ in 0..MOST_POLLS {
            let mut out = Vec::new();
            let polled = match self.machine.poll_output(&mut out) {
                Ok(Output::Wait(_)) => None,
                Ok(Output::Transmit) => Some(Ok(())),
                Ok(Output::Event(event)) => {
                    self.events.push(describe(&event, &self.machine));
                    if let Event::Prepared(prepared) = event {
                        self.prepared = Some(prepared);
                    }
                    Some(Ok(()))
                }
                Err(error) => Some(Err(error)),
            };
            self.transmit(&out);
            match polled {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    let first = self.error.get_or_insert_with(|| error.clone());
                    assert_eq!(*first, error, "the failure did not stick");
                    return;
                }
                None => return,
            }
        }
        panic!("the machine never waits");
    }

    fn transmit(&mut self, out: &[u8]) {
        if out.is_empty() {
            return;
        }
        self.bytes_out += out.len();
        self.wire.extend_from_slice(out);
        let answer = self.peer.receive_from_client(out, self.now);
        if !answer.is_empty() {
            self.bytes_in += answer.len();
            // An error shows when the machine is polled.
            let _ = self.machine.handle_input(Input::Bytes(&mut answer.clone()), self.now);
        }
    }

    fn judge(&self) {
        assert!(self.bytes_out <= 8 * self.bytes_in + ALLOWANCE, "{} bytes for {}", self.bytes_out, self.bytes_in);
        let local = self.settings.has(UNIX_SOCKET);
        assert!(local || !holds(&self.wire, PASSWORD), "the password can be read on the way");
        let verified = local || self.peer.tls_is_ready() && self.settings.has(VERIFIES);
        assert!(
            verified || !holds(&self.peer.received, PASSWORD),
            "the password was told to a server that proved nothing"
        );
        if self.settings.has(TLS) && !self.settings.has(PREFERRED) && !local {
            let plain = self.wire.get(..SSL_REQUEST).unwrap_or(&self.wire);
            assert!(!holds(plain, "fuzzer"), "the user's name can be read on the way");
            assert!(self.wire.len() <= SSL_REQUEST || self.peer.has_tls(), "more than SSLRequest in plaintext");
        }
    }
}

/// An event as text; its borrowed rows are read to the end.
fn describe(event: &Event, machine: &Connection) -> String {
    match event {
        Event::Row(RowFormat::Text) => format!("{:?}", machine.text_row().iter().collect::<Vec<_>>()),
        Event::Row(RowFormat::Binary) => {
            let row = machine.binary_row().expect("a row was told of");
            format!("{:?}", row.iter().collect::<Vec<_>>())
        }
        Event::ResultSet => format!("{:?}", machine.columns()),
        Event::Connected(ok) | Event::Ok(ok) => format!("{ok:?} {:?}", ok.session_changes().collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}
