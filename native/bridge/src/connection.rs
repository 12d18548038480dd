//! One client's connection: HTTP first, then a relayed WebSocket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event;

use super::client::Client;
use super::closing::Closing;
use super::exchange::{Exchange, Next};
use super::relay::Relay;
use super::shared::Shared;
use sealwire_net::connections::Progress;
use sealwire_net::reactor::Side;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: usize,
    peer: SocketAddr,
    stage: Stage,
    /// The number of buffered bytes that the metrics last counted for this connection.
    held: usize,
    /// Whether the bridge has listed this connection among those that relay nothing.
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

    /// Takes an event that the poll reported for one of the sockets.
    pub(super) fn ready(&mut self, side: Side, event: &Event) {
        match (&mut self.stage, side) {
            (Stage::Http(exchange), Side::Client) => exchange.client.ready(event),
            (Stage::Relay(relay), side) => relay.ready(side, event),
            (Stage::Http(_) | Stage::Over, _) => {}
        }
    }

    /// Takes the addresses of the target's host, or the look-up's error.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Duration) {
        if let Stage::Relay(relay) = &mut self.stage {
            relay.resolved(found, shared, now);
        }
    }

    /// Begins to close, because the bridge is stopping.
    pub(super) fn stop(&mut self, shared: &mut Shared, now: Duration) {
        match &mut self.stage {
            Stage::Http(exchange) => {
                if exchange.stop() {
                    self.stage = Stage::Over;
                }
            }
            Stage::Over => {}
            Stage::Relay(relay) => relay.close(Closing::stopping(), shared, now),
        }
    }

    /// Begins to close, because another address needs this one's place.
    pub(super) fn give_way(&mut self, shared: &mut Shared, now: Duration) {
        if let Stage::Relay(relay) = &mut self.stage {
            relay.close(Closing::too_many_connections(shared.settings.limits.connections), shared, now);
        }
    }

    /// Advances as far as possible without waiting.
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

    /// Whether this is a relayed WebSocket. A connection that speaks HTTP or is closing is closed to make room for a new one.
    pub(super) fn is_relaying(&self) -> bool {
        matches!(&self.stage, Stage::Relay(relay) if relay.is_relaying())
    }

    /// The client's address.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Removes this connection from all counts; called once, at its end.
    pub(super) fn leave(&mut self, shared: &mut Shared) {
        if let Stage::Relay(mut relay) = std::mem::replace(&mut self.stage, Stage::Over) {
            relay.leave(shared);
        }
        shared.metrics.buffered(std::mem::take(&mut self.held), 0);
        shared.connection_limits.leave_socket(self.peer.ip());
    }

    /// When the connection must advance even if no event occurs.
    pub(super) fn deadline(&self) -> Duration {
        match &self.stage {
            Stage::Http(exchange) => exchange.deadline,
            Stage::Relay(relay) => relay.deadline(),
            Stage::Over => Duration::ZERO,
        }
    }
}
