//! A client's and a server's state machine, connected in memory.

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{self, Prepared};
use sealwire_core::facts::Transport;
use sealwire_core::server::{self, Peer};
use sealwire_core::{Error, Input, Now, Output, SqlError};

use crate::host::{Host, Step};
use crate::toward::Toward;

/// The wall clock at which every pair starts.
const START: Duration = Duration::from_secs(crate::START);

/// More steps than any exchange needs. A pair that takes more is in an endless loop.
const MOST_STEPS: usize = 2_000_000;

/// How bytes are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Each transmission separately.
    Whole,
    /// At most this many bytes at a time.
    Chunks(usize),
    /// All bytes that a side sends before it waits, in one piece.
    Coalesced,
}

/// An event of the client, in a form that owns its data.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedEvent {
    /// The connection is established.
    Connected,
    /// OK with this number of affected rows.
    Ok(u64),
    /// A result with these columns.
    Columns(Vec<String>),
    /// A row as text, NULL as `None`.
    Row(Vec<Option<Vec<u8>>>),
    /// The end of rows.
    End,
    /// A command failed.
    Failed(SqlError),
    /// A statement is prepared.
    Prepared(Prepared),
    /// COM_STATISTICS.
    Text(Vec<u8>),
    /// The server requests a file.
    File(Vec<u8>),
    /// An event of the binary log.
    BinlogEvent(Vec<u8>),
    /// The connection has ended.
    Closed,
    /// The connection has failed.
    Broken(Error),
}

/// Modifies bytes in transit; may insert and remove bytes.
pub type Filter = Box<dyn FnMut(Toward, &mut Vec<u8>)>;

/// A client and a server in memory.
pub struct Pair {
    /// The client.
    pub client: client::Connection,
    /// The server.
    pub server: server::Connection,
    /// The server's application.
    pub host: Host,
    /// The events of the client.
    pub seen: Vec<OwnedEvent>,
    /// The error with which the server failed, if it did.
    pub server_error: Option<Error>,
    /// All bytes sent, in order, before any filter.
    pub wire: Vec<(Toward, Vec<u8>)>,
    /// The current time.
    pub now: Now,
    delivery: Delivery,
    filter: Option<Filter>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    client_done: bool,
}

impl Pair {
    /// Connects a client and a server over a network and delivers each transmission separately.
    #[must_use]
    pub fn new(client: client::Config, server: server::Config, host: Host) -> Self {
        let transport = client.transport;
        let peer = match transport {
            Transport::Tcp => Peer { transport, host: String::from("127.0.0.1"), user: None },
            Transport::UnixSocket => Peer { transport, host: String::from("localhost"), user: Some("tester".into()) },
        };
        let now = Now { monotonic: Duration::ZERO, wall: START };
        Self {
            client: client::Connection::new(Arc::new(client), now),
            server: server::Connection::new(Arc::new(server), 42, peer, now),
            host,
            seen: Vec::new(),
            server_error: None,
            wire: Vec::new(),
            now,
            delivery: Delivery::Whole,
            filter: None,
            to_server: Vec::new(),
            to_client: Vec::new(),
            client_done: false,
        }
    }

    /// Changes the way in which bytes are delivered.
    #[must_use]
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Adds an attacker in the middle.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Runs until both sides wait and no bytes are in transit. Returns the client's events since the last run.
    pub fn run(&mut self) -> Vec<OwnedEvent> {
        let from = self.seen.len();
        for _ in 0..MOST_STEPS {
            let client = self.poll_client();
            let server = self.poll_server();
            let polled = client || server;
            let moved = match self.delivery {
                // Collect everything that both sides send, then deliver it at once.
                Delivery::Coalesced if polled => false,
                _ => self.deliver(Toward::Server) | self.deliver(Toward::Client),
            };
            if !client && !server && !moved {
                return self.seen.get(from..).unwrap_or_default().to_vec();
            }
        }
        self.seen.push(OwnedEvent::Broken(Error::Misuse("the pair goes round in circles")));
        self.seen.get(from..).unwrap_or_default().to_vec()
    }

    /// Advances the time of both sides.
    pub fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time;
        // Ignore errors here, because the next poll returns them.
        let _ = self.client.handle_input(Input::Timeout, self.now);
        let _ = self.server.handle_input(Input::Timeout, self.now);
    }

    /// Cuts the line, so that each side sees the end of the other's bytes.
    pub fn cut(&mut self) {
        let _ = self.client.handle_input(Input::Eof, self.now);
        let _ = self.server.handle_input(Input::Eof, self.now);
    }

    /// Injects bytes toward a side.
    pub fn inject(&mut self, toward: Toward, bytes: &[u8]) {
        match toward {
            Toward::Server => self.to_server.extend_from_slice(bytes),
            Toward::Client => self.to_client.extend_from_slice(bytes),
        }
    }

    /// All bytes sent in one direction.
    #[must_use]
    pub fn sent(&self, toward: Toward) -> Vec<u8> {
        self.wire.iter().filter(|(to, _)| *to == toward).flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    fn poll_client(&mut self) -> bool {
        if self.client_done {
            return false;
        }
        let mut out = Vec::new();
        let seen = match self.client.poll_output(&mut out) {
            Ok(Output::Wait(_)) => return false,
            Ok(Output::Transmit) => None,
            Ok(Output::Event(event)) => Some(last(event, &self.client)),
            Err(error) => {
                self.client_done = true;
                Some(OwnedEvent::Broken(error))
            }
        };
        if !out.is_empty() {
            self.send(Toward::Server, out);
        }
        self.seen.extend(seen);
        true
    }

    fn poll_server(&mut self) -> bool {
        if self.server_error.is_some() {
            return false;
        }
        let mut out = Vec::new();
        let busy = match self.host.step(&mut self.server, &mut out) {
            Ok(Step::Wait(_)) => false,
            Ok(Step::Transmit | Step::Answered) => true,
            Err(error) => {
                self.server_error = Some(error);
                // Report progress, because the driver then closes the socket.
                true
            }
        };
        if !out.is_empty() {
            self.send(Toward::Client, out);
        }
        busy
    }

    fn send(&mut self, toward: Toward, mut bytes: Vec<u8>) {
        self.wire.push((toward, bytes.clone()));
        if let Some(filter) = &mut self.filter {
            filter(toward, &mut bytes);
        }
        self.inject(toward, &bytes);
    }

    /// Delivers bytes in transit. Returns `false` if there are none.
    fn deliver(&mut self, toward: Toward) -> bool {
        let pending = match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        };
        if pending.is_empty() {
            // A server that has failed closes its socket once its last bytes are delivered.
            if toward == Toward::Client && self.server_error.is_some() && !self.client_done {
                return self.client.handle_input(Input::Eof, self.now).is_ok() && self.poll_client();
            }
            return false;
        }
        let count = match self.delivery {
            Delivery::Whole | Delivery::Coalesced => pending.len(),
            Delivery::Chunks(size) => size.min(pending.len()),
        };
        let mut bytes: Vec<u8> = pending.drain(..count).collect();
        // Ignore errors here, because the next poll returns them.
        let _ = match toward {
            Toward::Server => self.server.handle_input(Input::Bytes(&mut bytes), self.now),
            Toward::Client => self.client.handle_input(Input::Bytes(&mut bytes), self.now),
        };
        true
    }
}

fn last(event: client::Event, client: &client::Connection) -> OwnedEvent {
    use client::{Event, RowFormat};
    match event {
        Event::Connected(_) => OwnedEvent::Connected,
        Event::Ok(ok) => OwnedEvent::Ok(ok.affected_rows),
        Event::ResultSet => {
            OwnedEvent::Columns(client.columns().iter().map(|column| column.name_text().into_owned()).collect())
        }
        Event::Row(RowFormat::Text) => {
            let values = client.text_row().iter().map(|value| value.ok().flatten().map(<[u8]>::to_vec));
            OwnedEvent::Row(values.collect())
        }
        Event::Row(RowFormat::Binary) => match client.binary_row() {
            Ok(row) => OwnedEvent::Row(
                row.iter().map(|value| value.ok().map(|value| value.to_string().into_bytes())).collect(),
            ),
            Err(error) => OwnedEvent::Broken(error),
        },
        Event::ResultEnd { .. } => OwnedEvent::End,
        Event::Failed(error) => OwnedEvent::Failed(error),
        Event::Prepared(prepared) => OwnedEvent::Prepared(prepared),
        Event::Text(text) => OwnedEvent::Text(text),
        Event::LocalInfile { filename } => OwnedEvent::File(filename),
        Event::BinlogEvent { .. } => OwnedEvent::BinlogEvent(client.row_payload().to_vec()),
        Event::Closed => OwnedEvent::Closed,
    }
}
