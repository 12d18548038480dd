//! One leg of a proxy: a connection whose packets go to another connection.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::channel::PRE_AUTHENTICATION_LIMIT;
use crate::error::Error;
use crate::facts::Facts;
use crate::link::Link;
use crate::machine::{Input, Now};
use crate::message::{ErrPacket, OkPacket, SqlError, StatusFlags};
use crate::received::{Packet, Received};
use crate::trace::Direction;
use crate::wire::frame;

/// One leg of a proxy.
pub(crate) struct Leg {
    link: Link,
    received: Received,
}

impl Leg {
    pub(crate) const fn new(link: Link, received: Received) -> Self {
        Self { link, received }
    }

    /// Processes input. `stage` names the current stage, for the error if the connection phase takes too long.
    pub(crate) fn handle_input(&mut self, input: Input<'_>, now: Now, stage: &'static str) -> Result<(), Error> {
        self.link.handle_input(input, now, &mut self.received, stage)
    }

    /// The parameters that this leg has negotiated.
    pub(crate) const fn facts(&self) -> &Facts {
        &self.link.facts
    }

    /// Records the plugin of the authentication exchange.
    pub(crate) fn set_auth_plugin(&mut self, plugin: String) {
        self.link.facts.auth_plugin = Some(plugin);
    }

    /// The time by which the connection phase must have ended.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        self.link.deadline()
    }

    /// Whether the peer sends no more bytes.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.link.peer_has_closed()
    }

    /// The next complete packet of the authentication exchange. Its sequence number must be the expected one.
    pub(crate) fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        self.link.channel.next_packet(&mut self.received)
    }

    /// Reports the last packet to the observer by its name alone, because its data may be a password.
    pub(crate) fn trace(&self, packet: &Packet, name: &'static str) {
        let length = self.received.payload(packet).len();
        self.link.channel.trace_packet(Direction::Received, packet.sequence, length, name, String::new);
    }

    /// The payload of the last packet.
    pub(crate) fn payload(&self, packet: &Packet) -> &[u8] {
        self.received.payload(packet)
    }

    /// Queues a packet of the authentication exchange with this leg's own sequence number.
    pub(crate) fn send(&mut self, name: &'static str, payload: &[u8]) {
        self.link.channel.send_traced(name, |out| out.extend_from_slice(payload), String::new);
    }

    /// Ends the connection phase: all that follows is relayed. An error of the proxy itself is the answer to a command.
    pub(crate) fn begin_relay(&mut self) {
        self.link.channel.sequence = 1;
        self.link.begin_commands(u32::MAX, &mut self.received);
    }

    /// Begins another authentication exchange with the client, which has sent COM_CHANGE_USER. It must end within `limit`.
    #[cfg(feature = "server")]
    pub(crate) fn begin_authentication(&mut self, limit: Duration) {
        self.link.channel.sequence = 1;
        self.link.channel.limit = PRE_AUTHENTICATION_LIMIT;
        self.link.restart_deadline(limit);
    }

    /// Lets the authentication exchange take this long from now on.
    #[cfg(feature = "server")]
    pub(crate) const fn restart_deadline(&mut self, limit: Duration, now: Now) {
        self.link.now = now;
        self.link.restart_deadline(limit);
    }

    /// The received bytes that have not been relayed.
    pub(crate) fn waiting(&self) -> &[u8] {
        self.received.rest()
    }

    /// Relays the first `count` waiting bytes to the other leg.
    pub(crate) fn relay(&mut self, count: usize, to: &mut Self) {
        if count == self.received.bytes.len() && self.received.taken == 0 {
            to.link.channel.relay(&mut self.received.bytes);
            return;
        }
        let rest = self.received.rest();
        let mut bytes = rest.get(..count).unwrap_or(rest).to_vec();
        self.received.taken += bytes.len();
        to.link.channel.relay(&mut bytes);
    }

    /// The payload of the waiting packet of a command, of `wire_length` bytes with its header.
    pub(crate) fn command(&self, wire_length: usize) -> &[u8] {
        self.received.rest().get(frame::HEADER..wire_length).unwrap_or_default()
    }

    /// Takes that packet.
    pub(crate) const fn take(&mut self, wire_length: usize) {
        self.received.taken += wire_length;
    }

    /// Queues a command.
    pub(crate) fn send_command(&mut self, name: &'static str, build: impl FnOnce(&mut Vec<u8>)) {
        self.link.channel.sequence = 0;
        self.link.channel.send_traced(name, build, String::new);
    }

    /// The bytes that wait to be transmitted.
    pub(crate) const fn unsent(&self) -> usize {
        self.link.channel.unsent()
    }

    /// Appends bytes to send to `out`; if there are many, only a part of them. Returns `false` if there are none.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        self.link.transmit(out)
    }

    /// Releases unused memory.
    pub(crate) fn release(&mut self) {
        self.received.release();
        self.link.channel.release();
    }

    /// Closes this leg. Queued bytes are sent first, then TLS's close_notify.
    pub(crate) fn close(&mut self) {
        self.link.close();
    }

    /// Ends this leg because of its peer, whose error this is, and tells a client what a server would.
    pub(crate) fn fail(&mut self, error: Error) {
        if let Some(error) = error.as_server_error().filter(|_| self.link.check().is_ok()) {
            self.send_error(&error);
        }
        if !matches!(error, Error::Tls(_)) {
            self.link.channel.close();
        }
        self.link.fail(error);
    }

    /// Ends this leg because of its peer, a server, to which no error is sent.
    pub(crate) fn abandon(&mut self, error: Error) {
        if !matches!(error, Error::Tls(_)) {
            self.link.channel.close();
        }
        self.link.fail(error);
    }

    /// Ends this leg with an error for its client.
    pub(crate) fn refuse(&mut self, error: &SqlError) {
        self.send_error(error);
        self.close();
    }

    /// Sends the client an error of the proxy itself as the packet of this number.
    pub(crate) fn send_error_as(&mut self, sequence: u8, error: &SqlError) {
        self.link.channel.sequence = sequence;
        self.send_error(error);
    }

    /// Answers the client's command with an OK packet of the proxy itself.
    pub(crate) fn send_ok(&mut self, status: StatusFlags) {
        let capabilities = self.link.facts.capabilities;
        self.link.channel.sequence = 1;
        self.link.channel.send_traced(
            "OK_Packet",
            |out| OkPacket { status, ..OkPacket::default() }.encode(capabilities, out),
            String::new,
        );
    }

    fn send_error(&mut self, error: &SqlError) {
        let summary = || alloc::format!("{error}");
        self.link.channel.send_traced("ERR_Packet", |out| ErrPacket::from(error).encode(out), summary);
    }
}

impl fmt::Debug for Leg {
    /// Omits the buffers, because they hold what the two ends say to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leg").field("facts", &self.link.facts).finish_non_exhaustive()
    }
}
