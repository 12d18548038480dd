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
    /// Those that are one too many. They hold nobody's place, because some say nothing before they are told.
    refused: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// How a client is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    LoggingIn,
    /// It has logged in once; it may log in again at another server.
    LoggedIn,
    Refused,
}

impl Clients {
    /// Counts the client that a trusted proxy names in the place of the proxy. The error is for that client.
    pub(super) fn replace(&mut self, proxy: IpAddr, client: IpAddr, limits: &Limits) -> Result<(), SqlError> {
        self.leave(proxy, Standing::LoggingIn);
        self.enter(client, limits)
    }

    /// Counts a new client. The error is for that client, which is counted as refused.
    pub(super) fn enter(&mut self, address: IpAddr, limits: &Limits) -> Result<(), SqlError> {
        let admitted = self.admit(client_network(address), limits);
        if admitted.is_err() {
            self.refused = self.refused.saturating_add(1);
        }
        admitted
    }

    fn admit(&mut self, network: IpAddr, limits: &Limits) -> Result<(), SqlError> {
        let here = self.addresses.get(&network).copied().unwrap_or_default();
        if here >= limits.per_address {
            return Err(SqlError::too_many_connections(format!(
                "Too many connections: your address has {} already, as many as it may (max-connections-per-address)",
                limits.per_address
            )));
        }
        if self.all >= limits.connections {
            return Err(SqlError::too_many_connections("Too many connections"));
        }
        if self.logging_in >= limits.logins {
            return Err(SqlError::too_many_connections(format!(
                "Too many connections: {} clients are logging in already, as many as may at a time (max-logins); try again",
                limits.logins
            )));
        }
        self.addresses.insert(network, here.saturating_add(1));
        self.all = self.all.saturating_add(1);
        self.logging_in = self.logging_in.saturating_add(1);
        Ok(())
    }

    /// Counts a login.
    pub(super) fn logged_in(&mut self) {
        self.logging_in = self.logging_in.saturating_sub(1);
    }

    /// Counts the end of a client.
    pub(super) fn leave(&mut self, address: IpAddr, standing: Standing) {
        match standing {
            Standing::Refused => {
                self.refused = self.refused.saturating_sub(1);
                return;
            }
            Standing::LoggingIn => self.logged_in(),
            Standing::LoggedIn => {}
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

    /// Whether so many clients wait to be told that they are refused that one more can't be told.
    pub(super) const fn is_overfull(&self) -> bool {
        self.refused > MORE
    }
}

/// How many clients may wait to be told.
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
        let error = clients.enter(other, &limits).unwrap_err();
        assert!(error.code == 1040 && error.message.contains("max-logins"), "{error}");
        clients.logged_in();
        assert!(clients.enter(other, &limits).is_ok());
        assert_eq!(clients.enter(other, &limits).unwrap_err().message, "Too many connections");
        assert_eq!(clients.refused, 3, "they hold nobody's place");
        for _ in 0..3 {
            clients.leave(one, Standing::Refused);
        }
        for (address, standing) in [(one, Standing::LoggedIn), (one, Standing::LoggingIn), (other, Standing::LoggingIn)]
        {
            clients.leave(address, standing);
        }
        assert!(clients.addresses.is_empty() && clients.all == 0 && clients.logging_in == 0 && clients.refused == 0);
    }
}
