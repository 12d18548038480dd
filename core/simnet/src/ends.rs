//! The drivers of the simulated hosts. Each moves bytes between a connection and its state machine, as a program with a socket does.

use std::collections::VecDeque;

use sealwire_core::client::{self, Event, RowFormat};
use sealwire_core::{Error, Input, Now, Output, server};

use crate::host::{Host, Step};
use crate::middle::{Middle, Relay};
use crate::net::{Net, Readable, Tcp};
use crate::toward::Toward;

/// How long a client waits for a reply, and how long a server waits for a command, in microseconds.
const CLIENT_PATIENCE_US: u64 = 60_000_000;
const SERVER_PATIENCE_US: u64 = 120_000_000;
/// How long a finished side waits for its last bytes to be sent, in microseconds.
const LINGER_US: u64 = 10_000_000;

/// A TCP connection and the bytes to send on it.
struct Pipe {
    tcp: Tcp,
    outbox: Vec<u8>,
    /// The most bytes to read at once.
    chunk: usize,
    told_eof: bool,
    closed: bool,
    most_held: usize,
}

/// The result of reading.
enum Received {
    Nothing,
    Bytes,
    Eof,
}

impl Pipe {
    const fn new(tcp: Tcp, chunk: usize) -> Self {
        Self { tcp, outbox: Vec::new(), chunk, told_eof: false, closed: false, most_held: 0 }
    }

    /// Reads into `bytes`. The end of the stream is reported once.
    fn receive(&mut self, net: &mut Net, bytes: &mut Vec<u8>) -> Received {
        match net.read(self.tcp, self.chunk, bytes) {
            Readable::Bytes(count) => {
                self.most_held = self.most_held.max(count + self.outbox.len());
                Received::Bytes
            }
            Readable::Eof if !self.told_eof => {
                self.told_eof = true;
                Received::Eof
            }
            Readable::Eof | Readable::Nothing => Received::Nothing,
        }
    }

    /// Sends as many bytes as the connection accepts. Once this side has ended (`ended` is the time), closes the connection when all bytes
    /// are sent, when they can't be sent any more, or when [`LINGER_US`] has passed.
    fn flush(&mut self, net: &mut Net, ended: Option<u64>) -> bool {
        self.most_held = self.most_held.max(self.outbox.len());
        let sent = net.write(self.tcp, &mut self.outbox);
        if let Some(ended) = ended.filter(|_| !self.closed) {
            let too_late = net.now() >= ended.saturating_add(LINGER_US) || !net.may_write(self.tcp);
            if self.outbox.is_empty() || too_late {
                self.closed = true;
                net.close(self.tcp);
            }
        }
        sent
    }
}

/// The times at which a machine's deadline or its driver's patience ends, in microseconds.
#[derive(Default)]
struct Timer {
    deadline: Option<u64>,
    /// The time at which bytes were last received.
    active: u64,
}

/// A client with its queries.
pub(crate) struct ClientEnd {
    pub(crate) machine: client::Connection,
    pipe: Pipe,
    queries: VecDeque<String>,
    quitting: bool,
    timer: Timer,
    pub(crate) answers: Vec<String>,
    pub(crate) connected: Option<u64>,
    pub(crate) ended: Option<u64>,
    pub(crate) error: Option<Error>,
    pub(crate) without_deadline: u32,
}

impl ClientEnd {
    pub(crate) fn new(
        machine: client::Connection,
        tcp: Tcp,
        chunk: usize,
        queries: VecDeque<String>,
        now: u64,
    ) -> Self {
        Self {
            machine,
            pipe: Pipe::new(tcp, chunk),
            queries,
            quitting: false,
            timer: Timer { deadline: None, active: now },
            answers: Vec::new(),
            connected: None,
            ended: None,
            error: None,
            without_deadline: 0,
        }
    }

    pub(crate) const fn tcp(&self) -> Tcp {
        self.pipe.tcp
    }

    pub(crate) const fn most_held(&self) -> usize {
        self.pipe.most_held
    }

    /// The latest time at which this side needs its next turn.
    pub(crate) fn due(&self) -> Option<u64> {
        match self.ended {
            Some(ended) => (!self.pipe.closed).then(|| ended.saturating_add(LINGER_US)),
            None if self.connected.is_some() => Some(self.timer.active.saturating_add(CLIENT_PATIENCE_US)),
            None => self.timer.deadline,
        }
    }

    /// Reads, processes and sends. Returns whether any bytes or events were processed.
    pub(crate) fn turn(&mut self, net: &mut Net, now: Now) -> bool {
        let mut moved = false;
        if self.ended.is_none() {
            let mut bytes = Vec::new();
            // Ignore errors of the input here, because the next poll returns them.
            match self.pipe.receive(net, &mut bytes) {
                Received::Bytes => {
                    moved = true;
                    self.timer.active = net.now();
                    let _ = self.machine.handle_input(Input::Bytes(&mut bytes), now);
                }
                Received::Eof => {
                    moved = true;
                    let _ = self.machine.handle_input(Input::Eof, now);
                }
                Received::Nothing if self.due().is_some_and(|due| net.now() >= due) => {
                    let _ = self.machine.handle_input(Input::Timeout, now);
                    if self.connected.is_some() {
                        self.end(net.now(), Some(Error::TimedOut("during query")));
                    }
                }
                Received::Nothing => {}
            }
            self.poll(net.now());
        }
        self.pipe.flush(net, self.ended) || moved
    }

    fn end(&mut self, now: u64, error: Option<Error>) {
        if self.ended.is_none() {
            self.ended = Some(now);
            self.error = error;
        }
    }

    fn poll(&mut self, now: u64) {
        while self.ended.is_none() {
            let event = match self.machine.poll_output(&mut self.pipe.outbox) {
                Ok(Output::Transmit) => continue,
                Ok(Output::Event(event)) => event,
                Ok(Output::Wait(deadline)) => {
                    self.timer.deadline = deadline.map(|time| time.as_micros() as u64);
                    if self.connected.is_none() && deadline.is_none() {
                        self.without_deadline += 1;
                    }
                    if self.connected.is_none() || self.quitting || !self.machine.is_idle() {
                        return;
                    }
                    let asked = match self.queries.pop_front() {
                        Some(query) => self.machine.query(query.as_bytes()),
                        None => {
                            self.quitting = true;
                            self.machine.quit()
                        }
                    };
                    if let Err(error) = asked {
                        self.end(now, Some(error));
                    }
                    continue;
                }
                Err(error) => return self.end(now, Some(error)),
            };
            match event {
                Event::Connected(_) => self.connected = Some(now),
                Event::Row(RowFormat::Text) => {
                    let values = self.machine.text_row().iter().map(|value| match value {
                        Ok(Some(value)) => String::from_utf8_lossy(value).into_owned(),
                        Ok(None) => String::from("NULL"),
                        Err(_) => String::from("(unreadable)"),
                    });
                    self.answers.push(values.collect::<Vec<_>>().join("\t"));
                }
                Event::Failed(error) => self.answers.push(error.to_string()),
                Event::Closed => return self.end(now, None),
                _ => {}
            }
        }
    }
}

/// A server that waits for its connection or has one.
pub(crate) struct ServerEnd {
    pub(crate) machine: server::Connection,
    pub(crate) host: Host,
    /// The index of the client's connection that this server accepts.
    pub(crate) index: usize,
    pipe: Pipe,
    timer: Timer,
    pub(crate) connected: Option<u64>,
    pub(crate) ended: Option<u64>,
    pub(crate) error: Option<Error>,
    pub(crate) without_deadline: u32,
}

impl ServerEnd {
    pub(crate) fn new(machine: server::Connection, host: Host, tcp: Tcp, index: usize, chunk: usize, now: u64) -> Self {
        Self {
            machine,
            host,
            index,
            pipe: Pipe::new(tcp, chunk),
            timer: Timer { deadline: None, active: now },
            connected: None,
            ended: None,
            error: None,
            without_deadline: 0,
        }
    }

    pub(crate) const fn tcp(&self) -> Tcp {
        self.pipe.tcp
    }

    pub(crate) fn most_held(&self) -> usize {
        self.pipe.most_held.max(self.machine.unsent())
    }

    pub(crate) fn due(&self) -> Option<u64> {
        match self.ended {
            Some(ended) => (!self.pipe.closed).then(|| ended.saturating_add(LINGER_US)),
            None if self.connected.is_some() => Some(self.timer.active.saturating_add(SERVER_PATIENCE_US)),
            None => self.timer.deadline,
        }
    }

    pub(crate) fn turn(&mut self, net: &mut Net, now: Now) -> bool {
        let mut moved = false;
        if self.ended.is_none() {
            let mut bytes = Vec::new();
            match self.pipe.receive(net, &mut bytes) {
                Received::Bytes => {
                    moved = true;
                    self.timer.active = net.now();
                    let _ = self.machine.handle_input(Input::Bytes(&mut bytes), now);
                }
                Received::Eof => {
                    moved = true;
                    let _ = self.machine.handle_input(Input::Eof, now);
                }
                Received::Nothing if self.due().is_some_and(|due| net.now() >= due) => {
                    let _ = self.machine.handle_input(Input::Timeout, now);
                    if self.connected.is_some() {
                        self.machine.close();
                        self.error = Some(Error::TimedOut("while the server waits for a command"));
                    }
                }
                Received::Nothing => {}
            }
            self.poll(net.now());
        }
        self.pipe.flush(net, self.ended) || moved
    }

    fn poll(&mut self, now: u64) {
        while self.ended.is_none() {
            match self.host.step(&mut self.machine, &mut self.pipe.outbox) {
                Ok(Step::Transmit | Step::Answered) => {
                    if self.connected.is_none() && self.host.user.is_some() {
                        self.connected = Some(now);
                    }
                    if self.host.closed {
                        self.ended = Some(now);
                    }
                }
                Ok(Step::Wait(deadline)) => {
                    self.timer.deadline = deadline.map(|time| time.as_micros() as u64);
                    if self.connected.is_none() && deadline.is_none() {
                        self.without_deadline += 1;
                    }
                    return;
                }
                Err(error) => {
                    self.ended = Some(now);
                    self.error.get_or_insert(error);
                }
            }
        }
        // Collect close_notify after an orderly end.
        while matches!(self.host.step(&mut self.machine, &mut self.pipe.outbox), Ok(Step::Transmit)) {}
    }
}

/// The attacker in the middle with two connections, one to the client and one to the server.
pub(crate) struct MiddleEnd {
    middle: Box<dyn Middle>,
    pub(crate) relay: Relay,
    client: Side,
    server: Option<Side>,
    gone: bool,
}

/// One of the attacker's connections.
struct Side {
    tcp: Tcp,
    told_eof: bool,
    closed: bool,
}

impl Side {
    const fn new(tcp: Tcp) -> Self {
        Self { tcp, told_eof: false, closed: false }
    }
}

impl MiddleEnd {
    /// Creates an attacker who listens on `tcp` in the server's place.
    pub(crate) fn new(middle: Box<dyn Middle>, tcp: Tcp) -> Self {
        Self { middle, relay: Relay::default(), client: Side::new(tcp), server: None, gone: false }
    }

    pub(crate) fn turn(&mut self, net: &mut Net, now: Now, dial: impl FnOnce(&mut Net, u16) -> Option<Tcp>) -> bool {
        if self.gone {
            return false;
        }
        let Some(server) = &mut self.server else {
            if net.is_connected(self.client.tcp) {
                let port = net.remote_port(self.client.tcp).unwrap_or_default();
                self.server = dial(net, port).map(Side::new);
                return true;
            }
            return false;
        };
        let mut moved = false;
        for (from, toward) in [(&mut self.client, Toward::Server), (&mut *server, Toward::Client)] {
            let mut bytes = Vec::new();
            match net.read(from.tcp, usize::MAX, &mut bytes) {
                Readable::Bytes(_) => {
                    moved = true;
                    self.middle.pass(toward, &bytes, now, &mut self.relay);
                }
                Readable::Eof if !from.told_eof => {
                    moved = true;
                    from.told_eof = true;
                    self.middle.end(toward, &mut self.relay);
                }
                Readable::Eof | Readable::Nothing => {}
            }
        }
        if self.relay.reset {
            self.gone = true;
            // Bytes forwarded before the reset have been sent already or are lost.
            net.abort(self.client.tcp);
            net.abort(server.tcp);
            return true;
        }
        let relay = &mut self.relay;
        for (to, bytes, finish) in [
            (&mut self.client, &mut relay.to_client, relay.finish_client),
            (server, &mut relay.to_server, relay.finish_server),
        ] {
            moved |= net.write(to.tcp, bytes);
            if finish && bytes.is_empty() && !to.closed {
                to.closed = true;
                moved = true;
                net.close(to.tcp);
            }
        }
        moved
    }
}
