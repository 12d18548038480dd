//! Both machines and the line between them.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{self, Event};
use sealwire_core::facts::Transport;
use sealwire_core::server::{self, Peer};
use sealwire_core::{Error, Input, Now, Output};
use sealwire_simnet::{Host, Machines, START, Scenario, Seeded, ServerCertificate, Stage, Step, Toward, reseed};

use crate::attack::{self, Move};

/// The client's query, sent as soon as it is connected.
pub(crate) const QUERY: &[u8] = b"SELECT 1";

const CLIENT_SEED: u64 = 0x11;
const SERVER_SEED: u64 = 0x22;

/// The common settings of all states of a search.
pub(crate) struct Setting {
    pub(crate) scenario: Scenario,
    machines: Machines,
    /// The machine with which the attacker answers in the server's place. `None` where the client verifies no certificate, because it then
    /// takes any server for the right one.
    rogue: Option<Machines>,
}

impl Setting {
    pub(crate) fn new(stage: &mut Stage, scenario: &Scenario) -> Self {
        Self::faulty(stage, scenario, scenario)
    }

    /// Runs the machines of one scenario under the rules of another, so that they seem faulty.
    pub(crate) fn faulty(stage: &mut Stage, machines: &Scenario, rules: &Scenario) -> Self {
        let rogue = rules.client.ssl_mode.starts_with("VERIFY").then(|| {
            let mut own = rules.clone();
            own.server.certificate = Some(ServerCertificate::WrongCa);
            own.account.password.clone_from(&own.client.password);
            stage.machines(&own).unwrap()
        });
        Self { scenario: rules.clone(), machines: stage.machines(machines).unwrap(), rogue }
    }

    /// The same settings with another client.
    pub(crate) fn with_client(mut self, change: impl FnOnce(&mut client::Config)) -> Self {
        change(&mut self.machines.client);
        self
    }
}

/// One direction of the line.
#[derive(Default)]
pub(crate) struct Direction {
    /// Messages in transit: MySQL packets, and TLS records once there is TLS.
    pub(crate) queue: VecDeque<Vec<u8>>,
    /// All messages sent so far.
    pub(crate) sent: Vec<Vec<u8>>,
    /// All bytes delivered so far.
    pub(crate) delivered: Vec<u8>,
    /// Whether the sender uses TLS by now.
    pub(crate) tls: bool,
    /// The bytes of an incomplete message.
    part: Vec<u8>,
    /// How often the receiver was given bytes.
    turns: u64,
}

/// A state of both machines and the line.
pub(crate) struct World {
    pub(crate) client: client::Connection,
    pub(crate) server: server::Connection,
    pub(crate) host: Host,
    pub(crate) directions: [Direction; 2],
    pub(crate) client_error: Option<Error>,
    pub(crate) server_error: Option<Error>,
    is_connected: bool,
    /// The sequence number of the next plaintext packet, at the client and at the server.
    pub(crate) due: [u8; 2],
    /// Whether a side in the handshake waits without a deadline.
    pub(crate) waits_for_ever: bool,
    now: Now,
    eof: [bool; 2],
    has_rogue: bool,
    /// The attacker's server, once it answers in the real one's place.
    rogue: Option<(server::Connection, Host)>,
}

fn peer() -> Peer {
    Peer { transport: Transport::Tcp, host: "10.0.0.1".to_owned(), user: None }
}

const fn index(toward: Toward) -> usize {
    match toward {
        Toward::Server => 0,
        Toward::Client => 1,
    }
}

impl World {
    /// The state that these steps lead to. Machines can't be copied, so the steps are repeated; the result depends on the steps alone.
    pub(crate) fn reached(setting: &Setting, path: &[Move]) -> Self {
        let Machines { mut client, mut server, host } = setting.machines.clone();
        client.random = Arc::new(Seeded::new(CLIENT_SEED));
        server.random = Arc::new(Seeded::new(SERVER_SEED));
        let now = Now { monotonic: Duration::ZERO, wall: Duration::from_secs(START) };
        let mut world = Self {
            client: client::Connection::new(Arc::new(client), now),
            server: server::Connection::new(Arc::new(server), 1, peer(), now),
            host,
            directions: <[Direction; 2]>::default(),
            client_error: None,
            server_error: None,
            is_connected: false,
            due: [0; 2],
            waits_for_ever: false,
            now,
            eof: [false; 2],
            has_rogue: setting.rogue.is_some(),
            rogue: None,
        };
        world.poll(Toward::Server);
        world.poll(Toward::Client);
        for step in path {
            attack::apply(step, &mut world, setting);
        }
        world
    }

    pub(crate) fn direction(&self, toward: Toward) -> &Direction {
        &self.directions[index(toward)]
    }

    pub(crate) fn direction_mut(&mut self, toward: Toward) -> &mut Direction {
        &mut self.directions[index(toward)]
    }

    /// Whether the client has reported that it is connected.
    pub(crate) const fn connected(&self) -> bool {
        self.is_connected
    }

    /// A hash of the state. States with the same hash develop alike, because machines that were given the same bytes are equal.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for direction in &self.directions {
            (&direction.queue, &direction.delivered, &direction.part).hash(&mut hasher);
        }
        (self.eof, self.now.monotonic, self.rogue.is_some()).hash(&mut hasher);
        hasher.finish()
    }

    /// Delivers bytes to one side and lets it act.
    pub(crate) fn deliver(&mut self, toward: Toward, mut bytes: Vec<u8>) {
        let direction = &mut self.directions[index(toward)];
        direction.delivered.extend_from_slice(&bytes);
        direction.turns += 1;
        if !direction.tls
            && let Some(number) = bytes.get(3)
        {
            self.due[index(toward)] = number.wrapping_add(1);
        }
        self.seed(toward);
        let _ = match toward {
            Toward::Server => match &mut self.rogue {
                Some((rogue, _)) => rogue.handle_input(Input::Bytes(&mut bytes), self.now),
                None => self.server.handle_input(Input::Bytes(&mut bytes), self.now),
            },
            Toward::Client => self.client.handle_input(Input::Bytes(&mut bytes), self.now),
        };
        self.poll(toward);
    }

    /// Ends the stream toward one side.
    pub(crate) fn end(&mut self, toward: Toward) {
        if std::mem::replace(&mut self.eof[index(toward)], true) {
            return;
        }
        self.seed(toward);
        let _ = match toward {
            Toward::Server => self.server.handle_input(Input::Eof, self.now),
            Toward::Client => self.client.handle_input(Input::Eof, self.now),
        };
        self.poll(toward);
    }

    /// Whether the attacker may take the server's place: the server has sent its greeting, and received nothing yet.
    pub(crate) fn may_be_impersonated(&self) -> bool {
        let direction = self.direction(Toward::Server);
        self.has_rogue && self.rogue.is_none() && direction.delivered.is_empty() && !direction.queue.is_empty()
    }

    /// The attacker's server takes the real one's place. Its greeting is the same, because the seed is.
    pub(crate) fn impersonate(&mut self, setting: &Setting) {
        let Some(Machines { mut server, mut host, .. }) = setting.rogue.clone() else { return };
        server.random = Arc::new(Seeded::new(SERVER_SEED));
        let mut rogue = server::Connection::new(Arc::new(server), 1, peer(), self.now);
        // The greeting was sent by the real server already.
        let mut greeting = Vec::new();
        while matches!(host.step(&mut rogue, &mut greeting), Ok(Step::Transmit | Step::Answered)) {}
        self.rogue = Some((rogue, host));
    }

    /// Advances the clock by more time than a handshake may take.
    pub(crate) fn pass_time(&mut self) {
        self.now.monotonic += Duration::from_secs(3600);
        for toward in [Toward::Server, Toward::Client] {
            self.seed(toward);
            let _ = match toward {
                Toward::Server => self.server.handle_input(Input::Timeout, self.now),
                Toward::Client => self.client.handle_input(Input::Timeout, self.now),
            };
            self.poll(toward);
        }
    }

    /// Whether the clock was advanced.
    pub(crate) fn is_late(&self) -> bool {
        !self.now.monotonic.is_zero()
    }

    /// Seeds the randomness of a machine by its own past alone, never by the other's.
    fn seed(&self, toward: Toward) {
        let side = if toward == Toward::Server { SERVER_SEED } else { CLIENT_SEED };
        reseed(side << 32 | self.direction(toward).turns);
    }

    fn poll(&mut self, who: Toward) {
        let mut out = Vec::new();
        match who {
            Toward::Client => self.poll_client(&mut out),
            Toward::Server => self.poll_server(&mut out),
        }
        let to = if who == Toward::Client { Toward::Server } else { Toward::Client };
        self.send(to, &out);
    }

    fn poll_client(&mut self, out: &mut Vec<u8>) {
        while self.client_error.is_none() {
            match self.client.poll_output(out) {
                Ok(Output::Transmit) => {}
                Ok(Output::Event(Event::Connected(_))) => {
                    self.is_connected = true;
                    self.client.query(QUERY).unwrap();
                }
                Ok(Output::Event(_)) => {}
                Ok(Output::Wait(deadline)) => {
                    self.waits_for_ever |= deadline.is_none() && !self.is_connected;
                    return;
                }
                Err(error) => self.client_error = Some(error),
            }
        }
    }

    fn poll_server(&mut self, out: &mut Vec<u8>) {
        let mut ignored = Vec::new();
        let out = match &mut self.rogue {
            Some((rogue, host)) => {
                while matches!(host.step(rogue, out), Ok(Step::Transmit | Step::Answered)) && !host.closed {}
                &mut ignored
            }
            None => out,
        };
        while self.server_error.is_none() && !self.host.closed {
            match self.host.step(&mut self.server, out) {
                Ok(Step::Transmit | Step::Answered) => {}
                Ok(Step::Wait(deadline)) => {
                    self.waits_for_ever |= deadline.is_none() && self.host.user.is_none();
                    return;
                }
                Err(error) => self.server_error = Some(error),
            }
        }
    }

    /// Puts the bytes of a side on the line, cut into messages.
    fn send(&mut self, to: Toward, bytes: &[u8]) {
        let from = index(if to == Toward::Server { Toward::Client } else { Toward::Server });
        let asked_for_tls =
            self.direction(Toward::Server).tls || attack::is_ssl_request(&self.direction(Toward::Server).delivered);
        let direction = &mut self.directions[index(to)];
        direction.part.extend_from_slice(bytes);
        // The server uses TLS once the client has asked for it; its greeting came before.
        direction.tls |= to == Toward::Client && asked_for_tls && !direction.sent.is_empty();
        while let Some(length) = message_length(&direction.part, direction.tls) {
            let message: Vec<u8> = direction.part.drain(..length).collect();
            if !direction.tls {
                self.due[from] = message[3].wrapping_add(1);
            }
            direction.tls |= to == Toward::Server && attack::is_ssl_request(&message);
            direction.sent.push(message.clone());
            direction.queue.push_back(message);
        }
    }
}

/// The length of the first message, if it is complete.
fn message_length(bytes: &[u8], tls: bool) -> Option<usize> {
    let length = if tls {
        let head = bytes.first_chunk::<5>()?;
        5 + usize::from(u16::from_be_bytes([head[3], head[4]]))
    } else {
        let head = bytes.first_chunk::<4>()?;
        4 + u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize
    };
    (bytes.len() >= length).then_some(length)
}
