//! Counts the clients, in all and per address.

use std::collections::HashMap;
use std::net::IpAddr;

use sealwire_core::SqlError;
use sealwire_net::network::client_network;

use super::settings::Limits;

/// The counts of clients.
#[derive(Debug, Default)]
pub(super) struct Clients {
    all: usize,
    /// Those that have not logged in.
    logging_in: usize,
    addresses: HashMap<IpAddr, usize>,
}

impl Clients {
    /// Counts the client that a trusted proxy names in the place of the proxy. The error is for that client.
    pub(super) fn replace(&mut self, proxy: IpAddr, client: IpAddr, limits: &Limits) -> Result<(), SqlError> {
        self.leave(proxy, false);
        self.enter(client, limits)
    }

    /// Counts a new client, one that is refused too. The error is for that client.
    pub(super) fn enter(&mut self, address: IpAddr, limits: &Limits) -> Result<(), SqlError> {
        let here = self.addresses.entry(client_network(address)).or_default();
        *here = here.saturating_add(1);
        self.all = self.all.saturating_add(1);
        self.logging_in = self.logging_in.saturating_add(1);
        if *here > limits.per_address {
            return Err(SqlError::too_many_connections(format!(
                "Too many connections: your address has {} already, as many as it may (max-connections-per-address)",
                limits.per_address
            )));
        }
        if self.all > limits.connections {
            return Err(SqlError::too_many_connections("Too many connections"));
        }
        if self.logging_in > limits.logins {
            return Err(SqlError::too_many_connections(format!(
                "Too many connections: {} clients are logging in already, as many as may at a time (max-logins); try again",
                limits.logins
            )));
        }
        Ok(())
    }

    /// Counts a login.
    pub(super) fn logged_in(&mut self) {
        self.logging_in = self.logging_in.saturating_sub(1);
    }

    /// Counts the end of a client.
    pub(super) fn leave(&mut self, address: IpAddr, has_logged_in: bool) {
        if !has_logged_in {
            self.logged_in();
        }
        let network = client_network(address);
        self.all = self.all.saturating_sub(1);
        if let Some(here) = self.addresses.get_mut(&network) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                self.addresses.remove(&network);
            }
        }
    }

    /// Whether there are so many clients that another one can't even be told.
    pub(super) const fn is_overfull(&self, limits: &Limits) -> bool {
        self.all > limits.connections.saturating_add(MORE)
    }
}

/// How many clients may be connected beyond the limit, to be told that they are refused.
const MORE: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clients_are_limited_by_address_and_in_all() {
        let time = Duration::from_secs(1);
        let limits = Limits {
            connections: 3,
            per_address: 2,
            logins: 2,
            handshakes: 1,
            connect: time,
            queue: time,
            server_connect: time,
            shutdown: time,
        };
        let mut clients = Clients::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, mapped, other) = (address("10.0.0.1"), address("::ffff:10.0.0.1"), address("10.0.0.2"));
        assert!(clients.enter(one, &limits).is_ok() && clients.enter(mapped, &limits).is_ok());
        let error = clients.enter(one, &limits).unwrap_err();
        assert!(error.code == 1040 && error.message.contains("per-address"), "{error}");
        clients.leave(one, false);
        let error = clients.enter(other, &limits).unwrap_err();
        assert!(error.code == 1040 && error.message.contains("max-logins"), "{error}");
        clients.leave(other, false);
        clients.logged_in();
        assert!(clients.enter(other, &limits).is_ok());
        assert_eq!(clients.enter(other, &limits).unwrap_err().message, "Too many connections");
        for (address, has_logged_in) in [(one, true), (one, false), (other, false), (other, false)] {
            clients.leave(address, has_logged_in);
        }
        assert!(clients.addresses.is_empty() && clients.all == 0 && clients.logging_in == 0);
    }
}
