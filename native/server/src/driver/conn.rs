//! One connection: its socket, its protocol machine and its session.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::Capabilities;
use sealwire_core::server::Connection;
use sealwire_core::{Input, Now, Output};

use super::admission::{Client, Listing};
use super::load::LoadGuard;
use crate::counters::count;
use crate::memory::{self, Held};
use crate::registry::ProcessEntry;
use crate::session::{Action, SessionHandle};
use crate::state::Server;
use sealwire_net::clock;
use sealwire_net::connections::Progress;
use sealwire_net::network::client_network;
use sealwire_net::run_queue::{Class, Cost};
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;

/// The buffers that a worker's connections share, so that an idle connection holds none.
pub(super) struct Scratch {
    pub(super) read: Box<[u8]>,
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
}

/// How many bytes are read at a time.
const READ: usize = 64 * 1024;

impl Scratch {
    pub(super) fn new() -> Self {
        Self { read: vec![0; READ].into_boxed_slice(), input: Vec::new(), output: Vec::new() }
    }
}

/// A connection.
pub(super) struct Conn {
    pub(super) socket: Socket,
    connection: Connection,
    session: SessionHandle,
    process: Arc<ProcessEntry>,
    server: Arc<Server>,
    /// Bytes to send; those before the index `sent` are sent.
    out: Vec<u8>,
    sent: usize,
    phase: Phase,
    /// When bytes were last received or sent.
    active: Duration,
    /// When the connection must advance even if no event occurs.
    deadline: Option<Duration>,
    has_quit: bool,
    /// When the client was found to be gone while its statement was running.
    gone_since: Option<Duration>,
    /// Whether advancing this connection takes long.
    pub(super) cost: Cost,
    listing: Listing,
    /// The most bytes that may be buffered of an incomplete packet; they count for the account.
    input_limit: usize,
    held: Held,
    /// Since when the connection has been waiting for memory for more of the packet.
    memory_wanted_since: Option<Duration>,
    _load: LoadGuard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The protocol machine is done; its last bytes are being sent.
    Flushing,
    /// All bytes are sent; the client has some time to read them before the socket is closed.
    Lingering {
        until: Duration,
    },
    Over,
}

/// Above this many unsent bytes, a statement's rows wait.
const HIGH_WATER: usize = 256 * 1024;
/// The most reads before other connections advance.
const MOST_READS: usize = 16;
/// How many bytes of a packet a connection may buffer without counting them for an account, with room for the next read.
const UNCOUNTED_INPUT: usize = 2 * READ;
/// TLS may hold back a partial record, which comes with the next one.
const PARTIAL_RECORD: usize = 17 * 1024;
/// The most steps (commands and their answers) before other connections advance.
const MOST_STEPS: usize = 64;
/// The most time before other connections advance, because one step may inflate or compress megabytes.
const MOST_TIME: Duration = Duration::from_millis(5);
/// The clock is read once in this many steps, because most steps cost little more than reading it.
const STEPS_PER_CLOCK_READ: usize = 4;
/// The statement of a client that is gone is stopped after this time. A client that sends a statement and closes still gets it executed, as
/// with mysqld.
const GONE: Duration = Duration::from_secs(1);
/// How long a client may take to read the last bytes.
const LINGER: Duration = Duration::from_secs(1);

impl Conn {
    #[expect(clippy::too_many_arguments, reason = "each is a part of it, and there is one caller")]
    pub(super) fn new(
        stream: Stream,
        mut connection: Connection,
        session: SessionHandle,
        process: Arc<ProcessEntry>,
        server: Arc<Server>,
        load: LoadGuard,
        listing: Listing,
        now: Now,
    ) -> Self {
        connection.limit_input(UNCOUNTED_INPUT);
        let mut socket = Socket::new(stream);
        // The poll reports the bytes that arrived before the socket was registered.
        socket.await_input();
        Self {
            socket,
            connection,
            session,
            process,
            server,
            out: Vec::new(),
            sent: 0,
            phase: Phase::Open,
            active: now.monotonic,
            deadline: None,
            has_quit: false,
            gone_since: None,
            cost: Cost::default(),
            listing,
            input_limit: UNCOUNTED_INPUT,
            held: Held::default(),
            memory_wanted_since: None,
            _load: load,
        }
    }

    /// The connection's number.
    pub(super) fn id(&self) -> usize {
        self.process.id as usize
    }

    /// Whether a user is logged in.
    pub(super) fn is_logged_in(&self) -> bool {
        self.session.is_logged_in()
    }

    /// The expected cost of advancing this connection.
    pub(super) fn class(&self) -> Class {
        if !self.is_logged_in() {
            Class::Handshake
        } else if self.cost.is_high() {
            Class::Costly
        } else {
            Class::Cheap
        }
    }

    /// When the connection must advance even if no event occurs.
    pub(super) const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Ends the connection with an error for the client.
    pub(super) fn end(&mut self, error: SqlError) {
        if self.phase == Phase::Open {
            self.process.stop_statement();
            self.connection.kill(error);
        }
    }

    /// Advances as far as possible without waiting.
    pub(super) fn advance(&mut self, scratch: &mut Scratch, now: Now) -> Progress {
        if self.out.is_empty() {
            std::mem::swap(&mut self.out, &mut scratch.output);
        }
        let progress = self.work(scratch, now);
        if self.out.is_empty() {
            std::mem::swap(&mut self.out, &mut scratch.output);
        }
        self.release_input();
        self.deadline = self.next_deadline(now);
        progress
    }

    fn work(&mut self, scratch: &mut Scratch, now: Now) -> Progress {
        // A client that has logged in meanwhile stays connected.
        if self.process.must_close_at_once() && !self.session.is_logged_in() {
            let (id, host) = (self.process.id, self.process.host());
            tracing::info!(
                "connection {id} from {host} is closed: it has not logged in, and there are too many such connections; see \
                 max_unauthenticated_connections"
            );
            self.phase = Phase::Over;
            return Progress::Over;
        }
        if self.process.is_killed() {
            self.end(SqlError::new(1927, b"70100", "Connection was killed"));
        }
        self.time_out(now);
        let mut reads = 0;
        let mut steps = MOST_STEPS;
        loop {
            self.flush(now);
            // A killed client that reads nothing gets no error; its unsent bytes are freed.
            if !self.socket.is_writable() && !self.out.is_empty() && self.process.is_killed() {
                self.phase = Phase::Over;
            }
            match self.phase {
                Phase::Over => return Progress::Over,
                Phase::Flushing if self.out.is_empty() && self.has_quit => return Progress::Over,
                Phase::Flushing if self.out.is_empty() => {
                    self.socket.shut_down_writing();
                    self.phase = Phase::Lingering { until: now.monotonic.saturating_add(LINGER) };
                    continue;
                }
                Phase::Flushing => {
                    self.listing.list(&self.process);
                    return Progress::Wait;
                }
                Phase::Lingering { .. } => {
                    self.listing.list(&self.process);
                    if !self.socket.is_readable() || !self.discard(scratch) {
                        return if self.phase == Phase::Over { Progress::Over } else { Progress::Wait };
                    }
                    reads += 1;
                    if reads > MOST_READS {
                        return Progress::Over;
                    }
                    continue;
                }
                Phase::Open => {}
            }
            if self.out.len() - self.sent >= HIGH_WATER {
                return Progress::Wait;
            }
            if steps == 0 {
                return Progress::Again;
            }
            match self.step(&mut steps, now) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    self.failed(&error);
                    continue;
                }
            }
            if self.phase != Phase::Open {
                continue;
            }
            self.notice_gone(now);
            if !self.out.is_empty() && self.socket.is_writable() {
                continue;
            }
            let takes_input = match self.session.is_busy() {
                // A replica acknowledges the log while it is sent.
                true => self.connection.awaits_acknowledgements(),
                false => self.out.is_empty(),
            };
            if !self.socket.is_readable() || !takes_input {
                return Progress::Wait;
            }
            if self.connection.needed_input().is_some_and(|needed| needed > self.input_limit) {
                return Progress::Wait;
            }
            if reads == MOST_READS {
                return Progress::Again;
            }
            if self.session.is_logged_in() {
                let needed = self.connection.input_held().saturating_add(READ + PARTIAL_RECORD);
                if !self.reserve_input(needed, now) {
                    if self.memory_wanted_since.is_some() {
                        return Progress::Wait;
                    }
                    continue;
                }
            }
            reads += 1;
            self.read(scratch, now);
        }
    }

    /// Reserves memory for `needed` bytes of the client's packet before they are buffered; returns false if there is none. Until memory is
    /// freed nothing more is read, and if none is freed in time, the connection ends.
    fn reserve_input(&mut self, needed: usize, now: Now) -> bool {
        if needed <= self.input_limit {
            self.memory_wanted_since = None;
            return true;
        }
        let Some(account) = self.session.account() else { return true };
        // The reservation is doubled each time, so that a growing buffer is seldom copied.
        let input_limit = needed.max(self.input_limit.saturating_mul(2));
        self.held.count(&account, input_limit);
        let most = self.server.globals.global_connection_memory_limit.get();
        if memory::is_left_for(&account, input_limit - self.input_limit, most) {
            self.input_limit = input_limit;
            self.connection.limit_input(input_limit);
            self.memory_wanted_since = None;
            return true;
        }
        let since = *self.memory_wanted_since.get_or_insert(now.monotonic);
        if now.monotonic < since.saturating_add(memory::PATIENCE_OF_HOLDERS) && !memory::is_too_much(input_limit, most)
        {
            self.held.count(&account, if self.input_limit > UNCOUNTED_INPUT { self.input_limit } else { 0 });
            // The client has sent the bytes, so its time limit does not run while it waits for memory.
            self.active = now.monotonic;
            return false;
        }
        self.memory_wanted_since = None;
        self.held = Held::default();
        let message = format!(
            "Out of memory: the server has none left for a packet of {needed} bytes or more; send less, or try again later"
        );
        self.end(SqlError::out_of_memory(message));
        false
    }

    /// Returns the memory of a packet that has ended to the account.
    fn release_input(&mut self) {
        if self.input_limit > UNCOUNTED_INPUT
            && self.connection.input_held().saturating_add(READ + PARTIAL_RECORD) <= UNCOUNTED_INPUT
        {
            self.input_limit = UNCOUNTED_INPUT;
            self.connection.limit_input(UNCOUNTED_INPUT);
            self.held = Held::default();
        }
    }

    /// Stops the statement of a client that has closed its connection.
    fn notice_gone(&mut self, now: Now) {
        if self.socket.is_read_closed() && self.session.is_busy() {
            let since = *self.gone_since.get_or_insert(now.monotonic);
            if now.monotonic >= since.saturating_add(GONE) {
                // Repeated at each step, because a statement that is just about to begin may miss it.
                self.process.stop_statement();
            }
        }
    }

    /// Advances statement and machine, by at most `steps` steps and for at most [`MOST_TIME`]; returns true if anything moved.
    fn step(&mut self, steps: &mut usize, begun: Now) -> Result<bool, Error> {
        let mut moved = self.session.advance(&mut self.connection)?;
        loop {
            if *steps == 0 {
                return Ok(true);
            }
            *steps -= 1;
            if (self.cost.is_high() || steps.is_multiple_of(STEPS_PER_CLOCK_READ))
                && clock::monotonic().saturating_sub(begun.monotonic) > MOST_TIME
            {
                *steps = 0;
            }
            let capabilities = self.connection.facts().capabilities;
            match self.connection.poll_output(&mut self.out)? {
                Output::Transmit => {
                    moved = true;
                    // The inflated bytes were received earlier, so the client's time limit does not run meanwhile.
                    self.active = self.active.max(begun.monotonic);
                    if self.out.len() - self.sent >= HIGH_WATER {
                        return Ok(true);
                    }
                }
                Output::Event(event) => {
                    moved = true;
                    let action = self.session.action(event, capabilities);
                    self.act(action)?;
                }
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    if let Some(needed) = self.connection.needed_input().filter(|needed| *needed > self.input_limit)
                        && (self.reserve_input(needed, begun) || self.memory_wanted_since.is_none())
                    {
                        moved = true;
                        continue;
                    }
                    return Ok(moved);
                }
            }
        }
    }

    fn act(&mut self, action: Action) -> Result<(), Error> {
        match action {
            Action::Closed => {
                self.has_quit = true;
                self.leave();
            }
            Action::Proxied(client) => {
                self.listing.take_client(Client::Network(client_network(client.ip())), &self.process);
            }
            _ => {}
        }
        let performed = self.session.perform(action, &mut self.connection);
        if self.session.is_logged_in() {
            self.listing.unlist();
        }
        performed
    }

    /// Handles an error of the machine.
    fn failed(&mut self, error: &Error) {
        // The statement may have ended between a KILL and the next poll, so that the error for the client is still in the machine.
        while let Ok(Output::Transmit) = self.connection.poll_output(&mut self.out) {}
        match error {
            _ if !self.session.is_logged_in()
                && self.server.refusals.log(self.process.id, self.process.host(), error) => {}
            Error::Refused { .. } => {
                tracing::debug!("connection {} of {}: {error}", self.process.id, self.process.host())
            }
            _ if self.session.is_logged_in() => {
                let user = self.session.identity().replacen('@', "'@'", 1);
                tracing::info!("Aborted connection {} of user '{user}': {error}", self.process.id);
            }
            _ => tracing::info!(
                "Aborted connection {} from {} before it logged in: {error}",
                self.process.id,
                self.process.host()
            ),
        }
        self.leave();
    }

    /// Ends the session: it no longer counts as one, even if bytes are still to be sent.
    fn leave(&mut self) {
        self.phase = Phase::Flushing;
        self.session.leave_registry();
    }

    fn flush(&mut self, now: Now) {
        while self.sent < self.out.len() {
            match self.socket.write(self.out.get(self.sent..).unwrap_or_default()) {
                Ok(0) => self.phase = Phase::Over,
                Ok(written) => {
                    self.sent += written;
                    self.active = now.monotonic;
                    self.server.counters.bytes_sent.fetch_add(written as u64, Relaxed);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.phase = Phase::Over,
            }
            break;
        }
        let is_big = self.out.capacity() > 2 * HIGH_WATER;
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
            // The buffer of a large result is not kept.
            if is_big {
                self.out = Vec::new();
            }
        } else if is_big && self.out.len() - self.sent < HIGH_WATER {
            // The sent front of the buffer is dropped, because the next rows would be appended to it.
            self.out = self.out.split_off(self.sent);
            self.sent = 0;
        }
    }

    fn read(&mut self, scratch: &mut Scratch, now: Now) {
        let fed = match self.socket.read(&mut scratch.read) {
            Ok(0) => {
                self.socket.await_input();
                self.connection.handle_input(Input::Eof, now)
            }
            Ok(length) => {
                self.active = now.monotonic;
                self.server.counters.bytes_received.fetch_add(length as u64, Relaxed);
                scratch.input.clear();
                scratch.input.extend_from_slice(scratch.read.get(..length).unwrap_or_default());
                self.connection.handle_input(Input::Bytes(&mut scratch.input), now)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => {
                self.phase = Phase::Over;
                return;
            }
        };
        // The next poll returns the same error, after the bytes that are still to be sent.
        let _ = fed;
    }

    /// Reads and discards input; returns false where there is none.
    fn discard(&mut self, scratch: &mut Scratch) -> bool {
        match self.socket.read(&mut scratch.read) {
            Ok(length) if length > 0 => return true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => self.phase = Phase::Over,
        }
        false
    }

    fn time_out(&mut self, now: Now) {
        if let Phase::Lingering { until } = self.phase
            && now.monotonic >= until
        {
            self.phase = Phase::Over;
        }
        if !self.out.is_empty() || self.phase == Phase::Flushing {
            if now.monotonic >= self.active.saturating_add(self.write_timeout()) {
                self.phase = Phase::Over;
            }
        } else if self.phase == Phase::Open {
            if self.session.is_logged_in() && !self.session.is_busy() && now.monotonic >= self.idle_deadline() {
                let message = "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for configuring this behavior.";
                self.end(SqlError::new(4031, b"HY000", message));
            } else if self.read_deadline().is_some_and(|deadline| now.monotonic >= deadline) {
                self.end(SqlError::read_timeout("Got timeout reading communication packets"));
            } else if self.deadline.is_some_and(|deadline| now.monotonic >= deadline) {
                // The next poll returns the same error, after the bytes that are still to be sent.
                let _ = self.connection.handle_input(Input::Timeout, now);
            }
        }
    }

    fn next_deadline(&self, now: Now) -> Option<Duration> {
        match self.phase {
            Phase::Over => None,
            Phase::Lingering { until } => Some(until),
            _ if !self.out.is_empty() => Some(self.active.saturating_add(self.write_timeout())),
            Phase::Flushing => Some(now.monotonic.saturating_add(self.write_timeout())),
            Phase::Open if self.memory_wanted_since.is_some() => Some(now.monotonic.saturating_add(memory::LOOKS_EACH)),
            Phase::Open if self.session.is_busy() => self.gone_since.map(|_| now.monotonic.saturating_add(GONE)),
            Phase::Open if self.session.is_logged_in() => self.read_deadline().or_else(|| Some(self.idle_deadline())),
            Phase::Open => self.deadline,
        }
    }

    fn idle_deadline(&self) -> Duration {
        let interactive = self.connection.facts().capabilities.contains(Capabilities::INTERACTIVE);
        self.active.saturating_add(Duration::from_secs(self.session.idle_timeout(interactive)))
    }

    /// When the next byte of a packet that has begun must arrive.
    fn read_deadline(&self) -> Option<Duration> {
        let is_inside = self.session.is_logged_in() && !self.session.is_busy() && self.connection.is_inside_packet();
        is_inside.then(|| self.active.saturating_add(Duration::from_secs(self.session.read_timeout())))
    }

    fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.session.write_timeout())
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        // A client that reads the counters must no longer find this connection counted as open.
        self.session.leave_registry();
        if !self.session.is_logged_in() {
            count(&self.server.counters.aborted_connects);
        } else if !self.has_quit {
            count(&self.server.counters.aborted_clients);
        }
    }
}
