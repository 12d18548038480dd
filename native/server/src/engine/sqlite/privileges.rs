//! Checks the privileges that a statement needs by MySQL's manual.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use crate::engine::translate::{Access, READ};
use crate::engine::{Request, is_system_database};

/// The privilege to name files of the server's machine, which is one on all databases.
const FILE: &[Privilege] = &[Privilege::FILE];

/// Checks the privileges of an access.
///
/// # Errors
/// 1142 or 1044.
pub(super) fn authorise(access: &Access, request: &Request<'_>) -> Result<(), SqlError> {
    let table = access.table.as_deref();
    let may = |privilege: &Privilege| request.context.may(*privilege, &access.database, table);
    // Changes of a system database are refused later, with a better error.
    if is_system_database(&access.database) && access.privileges != READ {
        return Ok(());
    }
    if access.privileges == FILE && !may(&Privilege::FILE) {
        let who = request.context.account().replacen('@', "'@'", 1);
        return Err(SqlError::new(1045, b"28000", format!("Access denied for user '{who}': the statement needs FILE")));
    }
    match access.privileges.iter().find(|privilege| !may(privilege)) {
        Some(missing) => Err(request.context.denied(*missing, &access.database, table)),
        None => Ok(()),
    }
}

/// Checks that FOR UPDATE has, beside SELECT, a privilege that may lock rows.
///
/// # Errors
/// 1142.
pub(super) fn authorise_lock(database: &str, table: &str, request: &Request<'_>) -> Result<(), SqlError> {
    let may = |privilege, table| request.context.may(privilege, database, table);
    if is_system_database(database)
        || may(Privilege::UPDATE, Some(table))
        || may(Privilege::DELETE, Some(table))
        || may(Privilege::LOCK_TABLES, None)
    {
        return Ok(());
    }
    let mut denied = request.context.denied(Privilege::SELECT, database, Some(table));
    denied.message = denied.message.replacen("SELECT command", "SELECT with locking clause command", 1);
    Err(denied)
}
