//! One client's connection: HTTP first, a WebSocket that is relayed afterwards.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;

use super::client::Client;
use super::exchange::{Exchange, Next};
use super::relay::Relay;
use super::shared::Shared;
use sealwire_net::connections::Progress;
use sealwire_net::reactor::Side;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: usize,
    peer: SocketAddr,
    stage: Stage,
    /// What the metrics know that it holds.
    held: usize,
    /// Whether the bridge has noted that it relays nothing.
    pub(super) is_noted_idle: bool,
}

#[derive(Debug)]
enum Stage {
    Http(Exchange),
    Relay(Box<Relay>),
    Over,
}

impl Connection {
    pub(super) const fn new(id: usize, peer: SocketAddr, client: Client, now: Duration) -> Self {
        Self { id, peer, stage: Stage::Http(Exchange::new(client, now)), held: 0, is_noted_idle: false }
    }

    /// The poll said something of one of its sockets.
    pub(super) fn ready(&mut self, side: Side, event: &Event) {
        match (&mut self.stage, side) {
            (Stage::Http(exchange), Side::Client) => exchange.client.ready(event),
            (Stage::Relay(relay), side) => relay.ready(side, event),
            (Stage::Http(_) | Stage::Over, _) => {}
        }
    }

    /// The addresses of its target's host are found, or not.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Duration) {
        if let Stage::Relay(relay) = &mut self.stage {
            relay.resolved(found, shared, now);
        }
    }

    /// The bridge stops: it comes to its end.
    pub(super) fn stop(&mut self, shared: &mut Shared, now: Duration) {
        match &mut self.stage {
            Stage::Http(exchange) => {
                if exchange.stop() {
                    self.stage = Stage::Over;
                }
            }
            Stage::Over => {}
            Stage::Relay(relay) => relay.stop(shared, now),
        }
    }

    /// Does all that can be done without waiting.
    pub(super) fn advance(&mut self, shared: &mut Shared, now: Duration) -> Progress {
        let progress = match &mut self.stage {
            Stage::Relay(relay) => relay.advance(shared, now),
            Stage::Over => Progress::Over,
            Stage::Http(exchange) => match exchange.advance(shared, now) {
                Next::Progress(progress) => progress,
                Next::Upgrade(request) => {
                    if let Stage::Http(exchange) = std::mem::replace(&mut self.stage, Stage::Over) {
                        let relay = Relay::start(self.id, self.peer, exchange, &request, shared, now);
                        self.stage = Stage::Relay(Box::new(relay));
                    }
                    Progress::Again
                }
            },
        };
        let held = match &self.stage {
            Stage::Http(exchange) => exchange.client.held(),
            Stage::Relay(relay) => relay.held(),
            Stage::Over => 0,
        };
        let held = if progress == Progress::Over { 0 } else { held };
        shared.metrics.buffered(self.held, held);
        self.held = held;
        if progress == Progress::Over {
            if let Stage::Http(exchange) = &self.stage
                && let Some(why) = exchange.mismatch(&shared.settings)
            {
                shared.warn_of_refusal(self.peer, &why);
            }
            self.leave(shared);
        }
        progress
    }

    /// Whether it is a WebSocket that relays: one that speaks HTTP, or comes to its end, gives way to new ones.
    pub(super) fn is_relaying(&self) -> bool {
        matches!(&self.stage, Stage::Relay(relay) if relay.is_relaying())
    }

    /// Whose it is.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Gives back what it was counted for; done once, at its end.
    pub(super) fn leave(&mut self, shared: &mut Shared) {
        if let Stage::Relay(mut relay) = std::mem::replace(&mut self.stage, Stage::Over) {
            relay.leave(shared);
        }
        shared.metrics.buffered(std::mem::take(&mut self.held), 0);
        shared.connection_limits.leave_socket(self.peer.ip());
    }

    /// When it is to be looked at although nothing happened.
    pub(super) fn deadline(&self) -> Duration {
        match &self.stage {
            Stage::Http(exchange) => exchange.deadline,
            Stage::Relay(relay) => relay.deadline(),
            Stage::Over => Duration::ZERO,
        }
    }
}
