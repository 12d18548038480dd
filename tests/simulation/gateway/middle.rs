//! The gateway's driver: two sockets and the machine between them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use sealwire_core::error::Side;
use sealwire_core::proxy::{Connection, End, Event};
use sealwire_core::{Input, Now, Output, SqlError, client};
use sealwire_simnet::net::{Net, Readable, Tcp};

use super::{PORT, SERVER};

/// The bytes that are read at once.
const PIECE: usize = 16 << 10;
/// The most bytes that may be in the gateway for one direction: the unsent ones of the machine, those that wait in it, and those on their
/// way in and out.
const MOST_HELD: usize = (256 + 128 + 64) << 10;
/// The servers that are tried for one login.
const MOST_DIALS: u32 = 3;
/// How long a connection to a server may take, in microseconds.
const DIAL_US: u64 = 10_000_000;

/// Something that an operator or a check does to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Drain,
    LoseServer,
    Close,
}

/// One side's socket.
struct Socket {
    tcp: Tcp,
    outbox: Vec<u8>,
    /// How many more bytes are read before the connection is reset; `None` for all.
    left: Option<usize>,
    told_eof: bool,
    is_closed: bool,
    read: usize,
    written: usize,
}

impl Socket {
    const fn new(tcp: Tcp, left: Option<usize>) -> Self {
        Self { tcp, outbox: Vec::new(), left, told_eof: false, is_closed: false, read: 0, written: 0 }
    }

    fn read(&mut self, net: &mut Net, into: &mut Vec<u8>) -> Readable {
        if self.told_eof {
            return Readable::Nothing;
        }
        if self.left == Some(0) {
            net.abort(self.tcp);
            self.told_eof = true;
            return Readable::Eof;
        }
        let found = net.read(self.tcp, self.left.unwrap_or(PIECE).min(PIECE), into);
        match found {
            Readable::Bytes(count) => {
                self.read += count;
                self.left = self.left.map(|left| left - count);
            }
            Readable::Eof => self.told_eof = true,
            Readable::Nothing => {}
        }
        found
    }

    /// Writes what `more` appends, as much as the connection takes.
    fn flush(&mut self, net: &mut Net, mut more: impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        let mut has_written = false;
        loop {
            if self.outbox.is_empty() {
                if !more(&mut self.outbox) {
                    return has_written;
                }
                self.written += self.outbox.len();
            }
            if !net.may_write(self.tcp) {
                self.outbox.clear();
            } else if net.write(self.tcp, &mut self.outbox) {
                has_written = true;
            } else {
                return has_written;
            }
        }
    }

    /// Closes the connection once all is written.
    fn finish(&mut self, net: &mut Net) -> bool {
        // A peer that sends on must not keep the connection.
        let has_read = matches!(net.read(self.tcp, PIECE, &mut Vec::new()), Readable::Bytes(_));
        if self.outbox.is_empty() && !std::mem::replace(&mut self.is_closed, true) {
            net.close(self.tcp);
            return true;
        }
        has_read
    }
}

/// The gateway with one session.
pub(super) struct Middle {
    pub(super) proxy: Connection,
    front: Socket,
    back: Option<Socket>,
    /// A connection to a server that is not made yet, and until when.
    dial: Option<(Tcp, u64)>,
    dials: u32,
    back_host: usize,
    config: Arc<client::Config>,
    /// The bytes of the server that are read before its connection is reset.
    back_left: Option<usize>,
    deeds: Vec<(u64, Deed)>,
    deadline: Option<u64>,
    is_accepted: bool,
    is_connected: bool,
    /// When the session was first told to leave its server, of the times behind the login.
    pub(super) drained_at: Option<u64>,
    pub(super) end: Option<End>,
    pub(super) problem: Option<String>,
}

/// The settings of a session.
pub(super) struct Plan {
    pub(super) front_left: Option<usize>,
    pub(super) back_left: Option<usize>,
    pub(super) deeds: Vec<(u64, Deed)>,
}

impl Middle {
    pub(super) fn new(proxy: Connection, front: Tcp, back_host: usize, config: client::Config, plan: &Plan) -> Self {
        Self {
            proxy,
            front: Socket::new(front, plan.front_left),
            back: None,
            dial: None,
            dials: 0,
            back_host,
            config: Arc::new(config),
            back_left: plan.back_left,
            deeds: plan.deeds.clone(),
            deadline: None,
            is_accepted: false,
            is_connected: false,
            drained_at: None,
            end: None,
            problem: None,
        }
    }

    /// When the gateway needs its next turn.
    pub(super) fn next_due(&self) -> Option<u64> {
        if self.end.is_some() || !self.is_accepted {
            return None;
        }
        let dial = self.dial.map(|(_, until)| until);
        self.deeds.iter().map(|(at, _)| *at).chain(self.deadline).chain(dial).min()
    }

    pub(super) fn turn(&mut self, front: &mut Net, back: &mut Net, now: Now) -> bool {
        let time = front.now();
        self.is_accepted |= front.is_connected(self.front.tcp);
        if !self.is_accepted {
            return false;
        }
        if self.end.is_some() {
            let mut moved = self.flush(front, back);
            moved |= self.front.finish(front);
            if let Some(server) = &mut self.back {
                moved |= server.finish(back);
            }
            return moved;
        }
        let mut moved = false;
        while let Some(at) = self.deeds.iter().position(|(due, _)| *due <= time) {
            moved = true;
            match self.deeds.remove(at).1 {
                Deed::Drain => {
                    if self.is_connected {
                        self.drained_at.get_or_insert(time);
                    }
                    self.proxy.drain(SqlError::new(1053, b"08S01", "the server is drained"));
                }
                Deed::LoseServer => self.proxy.lose_server(),
                Deed::Close => self.proxy.close(),
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= time) {
            self.proxy.handle_timeout(now);
            moved = true;
        }
        moved |= self.advance_dial(back, now);
        moved |= self.poll(front, back);
        moved |= self.flush(front, back);
        moved |= self.read(front, back, now);
        moved
    }

    fn poll(&mut self, front: &mut Net, back: &mut Net) -> bool {
        let mut moved = false;
        loop {
            match self.proxy.poll_output() {
                Output::Transmit => moved |= self.flush(front, back),
                Output::Wait(deadline) => {
                    self.deadline = deadline.map(|deadline| deadline.as_micros() as u64);
                    return moved;
                }
                Output::Event(event) => {
                    moved = true;
                    self.take(event, front, back);
                }
            }
        }
    }

    fn take(&mut self, event: Event, front: &mut Net, back: &mut Net) {
        match event {
            Event::Dial(_) => self.connect(back),
            Event::ServerFailed(_) => {
                self.leave(front, back);
                self.connect(back);
            }
            Event::ChangeUser { .. } => {
                self.proxy.redial(std::time::Duration::from_secs(20)).unwrap();
                // The request to leave the server was for that server.
                (self.is_connected, self.drained_at) = (false, None);
                self.leave(front, back);
                self.dials = 0;
                self.connect(back);
            }
            Event::Kill(kill) => {
                if kill.connection_id != super::client::GATEWAYS_ID || !kill.is_query {
                    self.problem = Some(format!("{kill:?}"));
                }
                self.proxy.answer_kill(Ok(()));
            }
            Event::Connected => self.is_connected = true,
            Event::Closed(end) => self.end = Some(end),
            Event::Proxied(_) => self.problem = Some("a PROXY header that nobody sent".to_owned()),
        }
    }

    /// Leaves the server; the last bytes for it are still sent.
    fn leave(&mut self, front: &mut Net, back: &mut Net) {
        self.flush(front, back);
        if let Some(server) = self.back.take() {
            back.close(server.tcp);
        }
    }

    fn connect(&mut self, back: &mut Net) {
        self.dials += 1;
        if self.dials > MOST_DIALS {
            self.proxy.refuse(SqlError::unknown_error("none of the servers took the connection")).unwrap();
            return;
        }
        let from = 51_000 + back.now() as u16 % 1000 * 10 + self.dials as u16;
        let tcp = back.connect(self.back_host, from, SERVER, PORT).unwrap();
        self.dial = Some((tcp, back.now() + DIAL_US));
    }

    fn advance_dial(&mut self, back: &mut Net, now: Now) -> bool {
        let Some((tcp, until)) = self.dial else { return false };
        if back.is_connected(tcp) {
            self.dial = None;
            self.back = Some(Socket::new(tcp, self.back_left));
            // The login is gone if the client is.
            let _ = self.proxy.dialled(Arc::clone(&self.config), &[("_gateway", "simnet")], now);
            return true;
        }
        if back.now() >= until {
            self.dial = None;
            back.abort(tcp);
            self.connect(back);
            return true;
        }
        false
    }

    fn flush(&mut self, front: &mut Net, back: &mut Net) -> bool {
        let proxy = &mut self.proxy;
        let mut moved = self.front.flush(front, |out| proxy.transmit(Side::Client, out));
        match &mut self.back {
            Some(server) => moved |= server.flush(back, |out| proxy.transmit(Side::Server, out)),
            None => while proxy.transmit(Side::Server, &mut Vec::new()) {},
        }
        moved
    }

    fn read(&mut self, front: &mut Net, back: &mut Net, now: Now) -> bool {
        let mut moved = false;
        for side in [Side::Client, Side::Server] {
            if !self.proxy.may_read(side) {
                continue;
            }
            let mut bytes = Vec::new();
            let found = match (side, &mut self.back) {
                (Side::Client, _) => self.front.read(front, &mut bytes),
                (Side::Server, Some(server)) => server.read(back, &mut bytes),
                (Side::Server, None) => continue,
            };
            match found {
                Readable::Nothing => continue,
                Readable::Eof => self.proxy.handle_input(side, Input::Eof, now),
                Readable::Bytes(_) => self.proxy.handle_input(side, Input::Bytes(&mut bytes), now),
            }
            moved = true;
        }
        if let Some(server) = &self.back {
            for (from, to) in [(server, &self.front), (&self.front, server)] {
                // A server that was left has taken its bytes with it, and TLS adds to those that are written.
                let held = from.read.saturating_sub(to.written);
                if held > MOST_HELD {
                    self.problem = Some(format!("{held} bytes are in the gateway"));
                }
            }
        }
        moved
    }
}

/// The gateway's address on the client's line.
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
