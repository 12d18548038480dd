//! Limits the number of connections, in all and per address.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::closing::Closing;
use super::settings::Limits;
use sealwire_net::network::client_network;

/// The counts of sockets and of relayed WebSockets.
#[derive(Debug, Default)]
pub(super) struct ConnectionLimits {
    sockets: usize,
    relays: usize,
    addresses: HashMap<IpAddr, PerAddress>,
    /// The relayed WebSockets whose clients have not logged in yet, as far as their age and the target's answers tell; oldest first.
    young: BTreeMap<usize, Young>,
}

#[derive(Debug)]
struct Young {
    client: IpAddr,
    until: Duration,
    /// How often the target has answered.
    answers: u32,
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

/// How long a relayed WebSocket may have to give way to another address. A server ends a connection without a login after `connect_timeout`,
/// 10 s by default.
const LOGIN: Duration = Duration::from_secs(15);
/// How many answers an older one must have had, because MariaDB's `connect_timeout` counts anew for each byte. A login over TLS has two: the
/// server's flight and the OK; without an account one gets at most three, with a HelloRetryRequest and another plugin.
const ANSWERS_OF_A_SESSION: u32 = 4;
/// After how many answers of the target a client has most likely logged in, whatever its age. The longest login has six: the server's flight,
/// once more after a HelloRetryRequest, another plugin, its next packet, its public key, and the OK.
pub(super) const ANSWERS_OF_A_LOGIN: u32 = 8;

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

    /// Counts a WebSocket that is to be relayed. Where that makes one too many, names the connection to be closed in its favour: the oldest
    /// young one of the address that has most of them. So a few addresses whose clients never log in keep nobody out.
    ///
    /// # Errors
    /// The limit of relayed WebSockets is reached, and none has to give way.
    pub(super) fn enter_relay(
        &mut self,
        id: usize,
        address: IpAddr,
        limits: &Limits,
        now: Duration,
    ) -> Result<Option<usize>, Closing> {
        let client = client_network(address);
        let relays = self.addresses.get(&client).map_or(0, |here| here.relays);
        if relays >= limits.per_address {
            return Err(Closing::too_many_from_address(limits.per_address));
        }
        self.young.retain(|_, young| young.until > now || young.answers < ANSWERS_OF_A_SESSION);
        let mut displaced = None;
        if self.relays >= limits.connections {
            let oldest = self.displaced_by(client).ok_or_else(|| Closing::too_many_connections(limits.connections))?;
            self.young.remove(&oldest);
            displaced = Some(oldest);
        }
        self.young.insert(id, Young { client, until: now.saturating_add(LOGIN), answers: 0 });
        let here = self.addresses.entry(client).or_default();
        here.relays = here.relays.saturating_add(1);
        self.relays = self.relays.saturating_add(1);
        Ok(displaced)
    }

    /// Notes how often the target has answered a client: one that has most likely logged in gives way to nobody.
    pub(super) fn note_answers(&mut self, id: usize, answers: u32) {
        if answers >= ANSWERS_OF_A_LOGIN {
            self.young.remove(&id);
        } else if let Some(young) = self.young.get_mut(&id) {
            young.answers = answers;
        }
    }

    /// The connection that gives way to one of this client: of a client that has at least two young ones more, because otherwise both would
    /// displace each other for ever.
    fn displaced_by(&self, client: IpAddr) -> Option<usize> {
        let mut clients: HashMap<IpAddr, (usize, usize)> = HashMap::new();
        for (id, young) in &self.young {
            let (count, _) = clients.entry(young.client).or_insert((0, *id));
            *count = count.saturating_add(1);
        }
        let own = clients.get(&client).map_or(0, |(count, _)| *count);
        let (count, oldest) = clients.into_values().max_by_key(|(count, oldest)| (*count, Reverse(*oldest)))?;
        (count >= own.saturating_add(2)).then_some(oldest)
    }

    /// Counts the end of a relayed WebSocket.
    pub(super) fn leave_relay(&mut self, id: usize, address: IpAddr) {
        self.young.remove(&id);
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
        let enter = |counted: &mut ConnectionLimits, id, address: &str| {
            let displaced = counted.enter_relay(id, self::address(address), &limits, Duration::ZERO)?;
            assert_eq!(displaced, None);
            counted.note_answers(id, ANSWERS_OF_A_LOGIN);
            Ok(())
        };
        let refused = |entered: Result<(), Closing>| entered.unwrap_err().reason;
        assert!(enter(&mut counted, 0, "10.0.0.1").is_ok() && enter(&mut counted, 1, "::ffff:10.0.0.1").is_ok());
        assert_eq!(refused(enter(&mut counted, 2, "10.0.0.1")), CloseReason::TooManyFromAddress);
        assert!(enter(&mut counted, 2, "2001:db8::1").is_ok());
        assert_eq!(refused(enter(&mut counted, 3, "10.0.0.2")), CloseReason::TooManyConnections);
        counted.leave_relay(1, address("::ffff:10.0.0.1"));
        assert!(enter(&mut counted, 3, "2001:db8::ffff").is_ok());
        counted.leave_relay(0, address("10.0.0.1"));
        assert_eq!(refused(enter(&mut counted, 4, "2001:db8::2")), CloseReason::TooManyFromAddress);
    }

    #[test]
    fn the_oldest_young_relay_of_the_greediest_address_gives_way() {
        let limits = Limits { connections: 6, ..Limits::default() };
        let mut counted = ConnectionLimits::default();
        let start = Duration::from_secs(100);
        assert_eq!(counted.enter_relay(0, address("10.0.0.1"), &limits, Duration::ZERO).unwrap(), None);
        counted.note_answers(0, ANSWERS_OF_A_SESSION);
        for (id, last) in [(1, 2), (2, 1), (3, 1), (4, 1), (5, 2)] {
            assert_eq!(counted.enter_relay(id, address(&format!("10.0.0.{last}")), &limits, start).unwrap(), None);
        }
        // The first one of 10.0.0.1 is not young any more.
        assert_eq!(counted.enter_relay(6, address("10.0.0.3"), &limits, start).unwrap(), Some(2));
        counted.leave_relay(2, address("10.0.0.1"));
        // The address that has most has two now, and would have one less than the newcomer's.
        let refused = counted.enter_relay(7, address("10.0.0.3"), &limits, start).unwrap_err();
        assert_eq!(refused.reason, CloseReason::TooManyConnections);
        assert_eq!(counted.enter_relay(7, address("10.0.0.4"), &limits, start).unwrap(), Some(1));
        // One that has logged in stays, whatever its age.
        counted.note_answers(3, ANSWERS_OF_A_LOGIN);
        counted.note_answers(4, ANSWERS_OF_A_LOGIN);
        assert!(counted.enter_relay(8, address("10.0.0.5"), &limits, start).is_err());
        let later = start.saturating_add(LOGIN);
        assert!(counted.enter_relay(8, address("10.0.0.5"), &limits, later).is_err());
    }

    #[test]
    fn an_old_relay_whose_login_never_ends_gives_way() {
        let limits = Limits { connections: 3, ..Limits::default() };
        let mut counted = ConnectionLimits::default();
        for id in 0..3 {
            counted.enter_relay(id, address("10.0.0.1"), &limits, Duration::ZERO).unwrap();
        }
        // One has sent a query, one got as far as a login without an account does, and one sends a byte now and then.
        counted.note_answers(0, ANSWERS_OF_A_SESSION);
        counted.note_answers(1, 3);
        let later = LOGIN.saturating_mul(100);
        assert_eq!(counted.enter_relay(3, address("10.0.0.2"), &limits, later).unwrap(), Some(1));
        counted.leave_relay(1, address("10.0.0.1"));
        assert!(counted.enter_relay(4, address("10.0.0.3"), &limits, later).is_err(), "nobody has two young ones more");
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
        counted.enter_relay(0, one, &limits, Duration::ZERO).unwrap();
        counted.enter_socket(one).unwrap();
        assert_eq!(counted.enter_socket(one), Err(SocketLimit::OfAddress));
        counted.enter_socket(other).unwrap();
        counted.leave_socket(other);
        counted.leave_relay(0, one);
        for _ in 0..=MORE_PER_ADDRESS {
            counted.leave_socket(one);
        }
        assert!(counted.addresses.is_empty() && counted.sockets == 0);
    }
}
