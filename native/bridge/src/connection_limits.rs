//! Limits the number of connections, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;

use super::closing::Closing;
use super::settings::Limits;
use sealwire_net::network::client_network;

/// The counts of sockets and of relayed WebSockets.
#[derive(Debug, Default)]
pub(super) struct ConnectionLimits {
    sockets: usize,
    relays: usize,
    addresses: HashMap<IpAddr, PerAddress>,
}

#[derive(Debug, Default, Clone, Copy)]
struct PerAddress {
    sockets: usize,
    relays: usize,
}

/// Which limit on sockets is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketLimit {
    /// The one per address.
    OfAddress,
    /// The one in all.
    InAll,
}

/// How many sockets are allowed beside the relayed ones, for pages and their files, for clients whose WebSocket is not open yet, and for
/// those that are being told why they are refused.
const MORE_SOCKETS: usize = 320;
const MORE_PER_ADDRESS: usize = 48;

impl ConnectionLimits {
    /// Counts a new socket.
    ///
    /// # Errors
    /// There are too many sockets to serve this one at all.
    pub(super) fn enter_socket(&mut self, address: IpAddr) -> Result<(), SocketLimit> {
        let here = self.addresses.entry(client_network(address)).or_default();
        if here.sockets.saturating_sub(here.relays) >= MORE_PER_ADDRESS {
            return Err(SocketLimit::OfAddress);
        }
        if self.sockets.saturating_sub(self.relays) >= MORE_SOCKETS {
            self.forget(address);
            return Err(SocketLimit::InAll);
        }
        self.sockets = self.sockets.saturating_add(1);
        here.sockets = here.sockets.saturating_add(1);
        Ok(())
    }

    /// Counts the end of a socket.
    pub(super) fn leave_socket(&mut self, address: IpAddr) {
        self.sockets = self.sockets.saturating_sub(1);
        if let Some(here) = self.addresses.get_mut(&client_network(address)) {
            here.sockets = here.sockets.saturating_sub(1);
        }
        self.forget(address);
    }

    /// Counts a WebSocket that is to be relayed.
    ///
    /// # Errors
    /// The limit of relayed WebSockets is reached.
    pub(super) fn enter_relay(&mut self, address: IpAddr, limits: &Limits) -> Result<(), Closing> {
        let here = self.addresses.entry(client_network(address)).or_default();
        if here.relays >= limits.per_address {
            return Err(Closing::too_many_from_address(limits.per_address));
        }
        if self.relays >= limits.connections {
            return Err(Closing::too_many_connections(limits.connections));
        }
        here.relays = here.relays.saturating_add(1);
        self.relays = self.relays.saturating_add(1);
        Ok(())
    }

    /// Counts the end of a relayed WebSocket.
    pub(super) fn leave_relay(&mut self, address: IpAddr) {
        self.relays = self.relays.saturating_sub(1);
        if let Some(here) = self.addresses.get_mut(&client_network(address)) {
            here.relays = here.relays.saturating_sub(1);
        }
        self.forget(address);
    }

    /// How many WebSockets are relayed.
    pub(super) const fn relays(&self) -> usize {
        self.relays
    }

    fn forget(&mut self, address: IpAddr) {
        let client = client_network(address);
        if self.addresses.get(&client).is_some_and(|here| here.sockets == 0 && here.relays == 0) {
            self.addresses.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseReason;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn relays_are_limited_by_address_and_in_all() {
        let limits = Limits { connections: 3, per_address: 2, ..Limits::default() };
        let mut counted = ConnectionLimits::default();
        let (one, mapped) = (address("10.0.0.1"), address("::ffff:10.0.0.1"));
        assert!(counted.enter_relay(one, &limits).is_ok() && counted.enter_relay(mapped, &limits).is_ok());
        assert_eq!(counted.enter_relay(one, &limits).unwrap_err().reason, CloseReason::TooManyFromAddress);
        assert!(counted.enter_relay(address("2001:db8::1"), &limits).is_ok());
        assert_eq!(
            counted.enter_relay(address("10.0.0.2"), &limits).unwrap_err().reason,
            CloseReason::TooManyConnections
        );
        counted.leave_relay(mapped);
        assert!(counted.enter_relay(address("2001:db8::ffff"), &limits).is_ok());
        counted.leave_relay(one);
        assert_eq!(
            counted.enter_relay(address("2001:db8::2"), &limits).unwrap_err().reason,
            CloseReason::TooManyFromAddress
        );
    }

    #[test]
    fn sockets_are_limited_and_nothing_is_remembered_of_those_gone() {
        let limits = Limits { connections: 1000, per_address: 2, ..Limits::default() };
        let mut counted = ConnectionLimits::default();
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for _ in 0..MORE_PER_ADDRESS {
            counted.enter_socket(one).unwrap();
        }
        assert_eq!(counted.enter_socket(one), Err(SocketLimit::OfAddress));
        // A relayed WebSocket leaves its place to the next client.
        counted.enter_relay(one, &limits).unwrap();
        counted.enter_socket(one).unwrap();
        assert_eq!(counted.enter_socket(one), Err(SocketLimit::OfAddress));
        counted.enter_socket(other).unwrap();
        counted.leave_socket(other);
        counted.leave_relay(one);
        for _ in 0..=MORE_PER_ADDRESS {
            counted.leave_socket(one);
        }
        assert!(counted.addresses.is_empty() && counted.sockets == 0);
    }
}
