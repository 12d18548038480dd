//! The tables of `performance_schema` about this server as a replica.

use sealwire_accounts::Privilege;

use super::view::View;
use crate::engine::SystemTable;
use crate::replica::{Snapshot, system_table};

/// One of these privileges shows the state of channels.
pub(super) const SEES: &[Privilege] = &[
    Privilege::SUPER,
    Privilege::REPLICATION_CLIENT,
    Privilege::SLAVE_MONITOR,
    Privilege::REPLICATION_SLAVE_ADMIN,
    Privilege::MARIADB_REPLICATION_SLAVE_ADMIN,
];

/// The tables of `performance_schema` about channels, with those rows that the session may see.
pub(super) fn channel_table(view: &View, name: &str) -> Option<SystemTable> {
    system_table(name, || {
        let sees = SEES.iter().any(|privilege| view.may(*privilege))
            || view.is_granted(Privilege::SELECT, "performance_schema", name);
        let channels = if sees { view.server.channels.all() } else { Vec::new() };
        channels.iter().filter(|channel| channel.is_configured()).map(|channel| Snapshot::of(channel)).collect()
    })
}
