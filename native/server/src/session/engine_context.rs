//! The data that the engine needs of a session: its privileges, and the tables that the server makes.

use std::sync::Arc;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::system_tables;
use super::view::View;
use crate::engine::{AppliedPlaces, EndConnection, SessionContext, SystemTable};

impl SessionContext for View {
    fn system_table(&self, schema: &str, table: &str) -> Option<SystemTable> {
        system_tables::make(self, schema, table)
    }

    fn may(&self, privilege: Privilege, database: &str, table: Option<&str>) -> bool {
        self.may_in(privilege, database, table)
    }

    fn sees_database(&self, database: &str) -> bool {
        self.may_use(database)
    }

    fn sees(&self, database: &str, table: &str) -> bool {
        self.sees_table(database, table)
    }

    fn denied(&self, privilege: Privilege, database: &str, table: Option<&str>) -> SqlError {
        match table {
            Some(table) => self.denied_table(privilege, table),
            None => self.denied_database(database),
        }
    }

    fn moment(&self) -> Option<i64> {
        self.moment
    }

    fn random_seeds(&self) -> Option<(u64, u64)> {
        self.random_seeds
    }

    fn applied_places(&self) -> Option<Arc<dyn AppliedPlaces>> {
        Some(Arc::clone(&self.server.channels) as Arc<dyn AppliedPlaces>)
    }

    fn end(&self) -> Option<EndConnection> {
        let (process, user) = (self.server.registry.find(self.id)?, self.user.clone());
        Some(Arc::new(move |kept| {
            let id = process.id;
            tracing::warn!(
                "connection {id} of {user} is closed: its transaction does nothing, and {kept} bytes that others have written were kept for it"
            );
            process.kill();
        }))
    }
}
