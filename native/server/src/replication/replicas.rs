//! The replicas: which are registered, and which receive the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::control::Control;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The data that a replica gives of itself by COM_REGISTER_SLAVE. Its password is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) server_id: u32,
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) port: u16,
    pub(crate) uuid: String,
}

/// A dump that runs.
#[derive(Debug)]
struct Running {
    server_id: u32,
    account: String,
    control: Arc<Control>,
}

/// The replicas of a server, by the numbers of their connections.
#[derive(Debug, Default)]
pub(crate) struct Replicas(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    registered: BTreeMap<u32, Registered>,
    running: BTreeMap<u32, Running>,
}

impl Replicas {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a registration, which lasts as long as the connection.
    pub(crate) fn register(&self, connection: u32, replica: Registered) {
        self.known().registered.insert(connection, replica);
    }

    /// The registrations.
    pub(crate) fn registered(&self) -> Vec<Registered> {
        self.known().registered.values().cloned().collect()
    }

    /// Notes that a dump begins, and ends an older one of the same replica: wake the log's readers afterwards. A replica that has lost its connection comes again before this server
    /// has noticed the loss.
    ///
    /// # Errors
    /// 1236 where another account's replica has the number: it would lose its log to whoever gives its number.
    pub(super) fn begin(
        &self,
        connection: u32,
        server_id: u32,
        account: &str,
        control: &Arc<Control>,
    ) -> Result<(), SqlError> {
        let mut known = self.known();
        let others = known
            .running
            .iter()
            .filter(|(other, running)| **other != connection && server_id != 0 && running.server_id == server_id);
        for (_, other) in others {
            if other.account != account {
                let message = format!(
                    "A slave with the same server_uuid/server_id is already connected: {server_id}, of the account '{}'; give this replica \
                     another server_id",
                    other.account
                );
                return Err(SqlError::new(1236, b"HY000", message));
            }
            let message = "A slave with the same server_uuid/server_id is already connected";
            other.control.end(SqlError::new(4052, b"HY000", message));
        }
        let running = Running { server_id, account: account.to_owned(), control: Arc::clone(control) };
        known.running.insert(connection, running);
        Ok(())
    }

    /// Ends all dumps with this error: wake the log's readers afterwards.
    pub(super) fn end_all(&self, reason: &SqlError) {
        self.known().running.values().for_each(|running| running.control.end(reason.clone()));
    }

    /// Notes that a dump has ended.
    pub(super) fn end(&self, connection: u32, control: &Arc<Control>) {
        let mut known = self.known();
        if known.running.get(&connection).is_some_and(|running| Arc::ptr_eq(&running.control, control)) {
            known.running.remove(&connection);
        }
    }

    /// Forgets a connection.
    pub(crate) fn leave(&self, connection: u32) {
        let mut known = self.known();
        known.registered.remove(&connection);
        known.running.remove(&connection);
    }

    /// Whether a dump reads this file of the log.
    pub(crate) fn are_reading(&self, file: &str) -> bool {
        self.known().running.values().any(|running| running.control.is_reading(file))
    }
}
