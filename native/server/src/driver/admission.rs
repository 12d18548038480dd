//! Bounds the connections without a user: those before login, and those after their session whose last bytes are being sent.
//!
//! They cost the peer nothing, so they are bounded apart from the sessions: a client that opens many of them locks out neither users nor
//! the administrator. When there are too many, the oldest is closed, because an honest client logs in soon after it has connected.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::registry::ProcessEntry;

/// The client of a connection, as far as it is known before a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// A client on the network: see [`client_network`](sealwire_net::network::client_network).
    Network(IpAddr),
    /// A user of this machine, by user id where the system tells it.
    User(Option<u32>),
    /// A trusted proxy that has not named its client. Proxies are many clients, so that only the bound for all applies.
    Proxy,
}

/// The bounds on the number of such connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// For all clients together.
    pub(super) most: usize,
    /// For one client.
    pub(super) of_one: usize,
}

/// The connections without a user.
#[derive(Debug, Default)]
pub(super) struct Admission(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The connections in the order in which they came.
    all: BTreeMap<u64, (Client, Arc<ProcessEntry>)>,
    of_each: HashMap<Client, BTreeSet<u64>>,
    last: u64,
}

/// A connection's entry in the list while no user is logged in on it.
#[derive(Debug)]
pub(super) struct Listing {
    admission: Arc<Admission>,
    client: Client,
    bounds: Bounds,
    entry: Option<Entry>,
}

impl Listing {
    /// A connection that is not listed yet.
    pub(super) const fn new(admission: Arc<Admission>, client: Client, bounds: Bounds) -> Self {
        Self { admission, client, bounds, entry: None }
    }

    /// Lists the connection for the client for which a trusted proxy has connected.
    pub(super) fn take_client(&mut self, client: Client, process: &Arc<ProcessEntry>) {
        self.entry = None;
        self.client = client;
        self.list(process);
    }

    /// Lists the connection, because no user is logged in on it.
    pub(super) fn list(&mut self, process: &Arc<ProcessEntry>) {
        if self.entry.is_none() {
            self.entry = Some(self.admission.enter(self.client, process, self.bounds));
        }
    }

    /// Removes the connection from the list, because a user has logged in.
    pub(super) fn unlist(&mut self) {
        self.entry = None;
    }
}

/// A listed connection, which is removed from the list when this is dropped.
#[derive(Debug)]
struct Entry {
    admission: Arc<Admission>,
    number: u64,
}

impl Admission {
    /// Lists a connection, and closes the oldest ones where there would be too many.
    fn enter(self: &Arc<Self>, client: Client, process: &Arc<ProcessEntry>, bounds: Bounds) -> Entry {
        let mut entries = self.entries();
        let of_one = if client == Client::Proxy { usize::MAX } else { bounds.of_one.max(1) };
        while entries.of_each.get(&client).is_some_and(|numbers| numbers.len() >= of_one) {
            let oldest = entries.of_each.get(&client).and_then(BTreeSet::first).copied();
            entries.close_at_once(oldest);
        }
        while entries.all.len() >= bounds.most.max(1) {
            entries.close_oldest();
        }
        entries.last = entries.last.wrapping_add(1);
        let number = entries.last;
        entries.all.insert(number, (client, Arc::clone(process)));
        entries.of_each.entry(client).or_default().insert(number);
        Entry { admission: Arc::clone(self), number }
    }

    /// Closes the oldest connection when the system has no more descriptors for a new one.
    pub(super) fn close_oldest(&self) {
        self.entries().close_oldest();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn close_oldest(&mut self) {
        let oldest = self.all.first_key_value().map(|(number, _)| *number);
        self.close_at_once(oldest);
    }

    fn close_at_once(&mut self, number: Option<u64>) {
        if let Some(process) = number.and_then(|number| self.remove(number)) {
            process.close_at_once();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Arc<ProcessEntry>> {
        let (client, process) = self.all.remove(&number)?;
        if let Some(numbers) = self.of_each.get_mut(&client) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.of_each.remove(&client);
            }
        }
        Some(process)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.admission.entries().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    fn processes(count: u32) -> Vec<Arc<ProcessEntry>> {
        let registry = Registry::default();
        (1..=count).map(|id| registry.enter(id, "host".into(), Box::new(|| {}))).collect()
    }

    fn out(processes: &[Arc<ProcessEntry>]) -> Vec<u32> {
        processes.iter().filter(|process| process.must_close_at_once()).map(|process| process.id).collect()
    }

    #[test]
    fn the_oldest_of_the_same_client_goes_first() {
        let admission = Arc::new(Admission::default());
        let bounds = Bounds { most: 4, of_one: 2 };
        let processes = processes(7);
        let client = |address: &str| Client::Network(address.parse().unwrap());
        let (one, other) = (client("192.0.2.1"), client("192.0.2.2"));
        let mut entries = Vec::new();
        for (process, client) in processes.iter().zip([other, one, one, one, one]) {
            entries.push(admission.enter(client, process, bounds));
        }
        assert_eq!(out(&processes), [2, 3], "others are left alone");
        let socket = Client::User(Some(0));
        entries.push(admission.enter(socket, &processes[5], bounds));
        assert_eq!(out(&processes), [2, 3], "there is room for four");
        entries.push(admission.enter(socket, &processes[6], bounds));
        assert_eq!(out(&processes), [1, 2, 3], "and for no fifth");
        drop(entries);
        let left = admission.entries();
        assert!(left.all.is_empty() && left.of_each.is_empty());
    }

    #[test]
    fn a_proxy_counts_for_the_clients_that_it_names() {
        let admission = Arc::new(Admission::default());
        let bounds = Bounds { most: 4, of_one: 1 };
        let processes = processes(3);
        let mut listings: Vec<Listing> =
            processes.iter().map(|_| Listing::new(Arc::clone(&admission), Client::Proxy, bounds)).collect();
        for (listing, process) in listings.iter_mut().zip(&processes) {
            listing.list(process);
        }
        assert_eq!(out(&processes), [0_u32; 0]);
        for (listing, process) in listings.iter_mut().zip(&processes).take(2) {
            listing.take_client(Client::Network("192.0.2.1".parse().unwrap()), process);
        }
        assert_eq!(out(&processes), [1], "two of one client");
    }

    #[test]
    fn who_has_logged_in_is_not_put_out() {
        let admission = Arc::new(Admission::default());
        let processes = processes(3);
        let bounds = Bounds { most: 1, of_one: 1 };
        let client = Client::User(None);
        drop(admission.enter(client, &processes[0], bounds));
        let _two = admission.enter(client, &processes[1], bounds);
        let _three = admission.enter(client, &processes[2], bounds);
        assert_eq!(out(&processes), [2]);
        admission.close_oldest();
        assert_eq!(out(&processes), [2, 3]);
        admission.close_oldest();
    }
}
