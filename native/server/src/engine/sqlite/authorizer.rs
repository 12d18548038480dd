//! SQLite's authorizer: a statement runs only if the session may do everything that SQLite compiled it to.
//!
//! The translation has checked the privileges of the tables that the statement names, so users see that error, which is MySQL's. This is
//! the second check. It does not read the statement's text: SQLite reports the tables, columns and functions of the compiled statement.
//! Source: <https://www.sqlite.org/c3ref/set_authorizer.html>.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::capture_names as capture;
use super::foreign_keys::ForeignKeys;
use super::replica_places;
use crate::engine::SessionContext;
use crate::engine::translate::{Access, StatementKind, Translated, database_of, is_allowed, no_such_table};

/// The authorizer of one connection. It allows everything to the engine itself, that is, while no statement of a user is being compiled.
#[derive(Clone, Default)]
pub(super) struct Authorizer(Arc<Mutex<State>>);

/// The statement that is being compiled, and what SQLite has reported of it.
#[derive(Default)]
struct State {
    statement: Option<AllowedActions>,
    denial: Option<SqlError>,
    /// Whether the statement must not be compiled again, and whether SQLite has tried to.
    is_sealed: bool,
    is_recompiled: bool,
}

/// The actions that a user's statement may do.
pub(super) struct AllowedActions {
    context: Arc<dyn SessionContext>,
    kind: StatementKind,
    accesses: Vec<Access>,
    /// The names that WITH defines, which belong to no database.
    cte_names: Vec<String>,
    reads_columns: bool,
    /// Tables of the target's database that SQLite reads and changes because of foreign keys.
    key_reads: BTreeSet<String>,
    key_changes: BTreeSet<String>,
    /// Tables whose SELECT privilege was checked already.
    readable: Vec<(String, String)>,
}

impl AllowedActions {
    /// Allows what the statement names, within the session's privileges.
    pub(super) fn new(translated: &Translated, context: Arc<dyn SessionContext>) -> Self {
        Self {
            context,
            kind: translated.kind,
            accesses: translated.accesses.clone(),
            cte_names: translated.cte_names.clone(),
            reads_columns: translated.reads_columns,
            key_reads: BTreeSet::new(),
            key_changes: BTreeSet::new(),
            readable: Vec::new(),
        }
    }

    /// Allows also what SQLite does for these foreign keys.
    pub(super) fn with_keys(mut self, keys: &ForeignKeys) -> Self {
        self.key_reads = keys.tables_read();
        self.key_changes = keys.tables_changed();
        self
    }

    /// Allows only what a query may do, whatever the statement's kind, because the text is compiled and not run.
    pub(super) fn restricted_to_query(mut self) -> Self {
        self.kind = StatementKind::Query;
        self
    }
}

/// Ends the checks of a statement when it is dropped.
pub(super) struct StatementGuard<'a>(&'a Authorizer);

impl Drop for StatementGuard<'_> {
    fn drop(&mut self) {
        self.0.state().statement = None;
    }
}

impl Authorizer {
    /// Installs the authorizer, which SQLite then asks whenever it compiles.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn install(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let authorizer = self.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| authorizer.state().decide(&context)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks all that is compiled until the result is dropped.
    pub(super) fn begin(&self, allowed: AllowedActions) -> StatementGuard<'_> {
        *self.state() = State { statement: Some(allowed), ..State::default() };
        StatementGuard(self)
    }

    /// Denies every further compilation. SQLite compiles a statement again by itself where another connection changed its tables or
    /// views before its first step, and those were not weighed.
    pub(super) fn seal(&self) {
        self.state().is_sealed = true;
    }

    /// Whether SQLite tried to compile the sealed statement again.
    pub(super) fn is_recompiled(&self) -> bool {
        self.state().is_recompiled
    }

    /// Runs a step of the engine's own without checks, while the checks of a user's statement are in force.
    pub(super) fn suspended<T>(&self, act: impl FnOnce() -> T) -> T {
        let statement = self.state().statement.take();
        let done = act();
        self.state().statement = statement;
        done
    }

    /// Why the last statement was refused.
    pub(super) fn take_denial(&self) -> Option<SqlError> {
        self.state().denial.take()
    }
}

impl State {
    fn decide(&mut self, context: &AuthContext<'_>) -> Authorization {
        let Some(statement) = &mut self.statement else { return Authorization::Allow };
        if self.is_sealed {
            self.is_recompiled = true;
            return Authorization::Deny;
        }
        match statement.check(context) {
            Ok(()) => Authorization::Allow,
            Err(denial) => {
                self.denial.get_or_insert(denial);
                Authorization::Deny
            }
        }
    }
}

/// Functions that SQLite's own ALTER TABLE calls, beside those whose names begin with `sqlite_`.
const ALTER_FUNCTIONS: &[&str] = &["coalesce", "glob", "length", "like", "printf", "quote", "substr"];

/// The table-valued function with which SQLite's ALTER TABLE checks existing rows against a new CHECK.
const CHECK: &str = "pragma_quick_check";

fn is_internal(table: &str) -> bool {
    table.get(..7).is_some_and(|front| front.eq_ignore_ascii_case("sqlite_"))
}

fn not_allowed(what: &str) -> SqlError {
    SqlError::table_access_denied(format!("{what} is not allowed in a user's statement"))
}

/// Names an action that no user's statement may do.
const fn action_name(action: &AuthAction<'_>) -> &'static str {
    match action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => "ATTACH or DETACH",
        AuthAction::Pragma { .. } => "PRAGMA",
        AuthAction::CreateVtable { .. } | AuthAction::DropVtable { .. } => "A virtual table",
        AuthAction::CreateTempView { .. } | AuthAction::DropTempView { .. } => "A temporary view",
        AuthAction::CreateTrigger { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropTempTrigger { .. } => "A trigger",
        _ => "This action",
    }
}

impl AllowedActions {
    fn check(&mut self, context: &AuthContext<'_>) -> Result<(), SqlError> {
        let schema = context.database_name;
        match context.action {
            AuthAction::Select | AuthAction::Recursive => Ok(()),
            AuthAction::Function { function_name } => self.function(function_name, context.accessor),
            AuthAction::Read { table_name, column_name } => {
                self.read(schema, table_name, column_name, context.accessor)
            }
            AuthAction::Insert { table_name } => self.write(Privilege::INSERT, schema, table_name),
            // The triggers bring the row that was written to the form of its columns.
            AuthAction::Update { .. } if capture::is_trigger(context.accessor) => Ok(()),
            AuthAction::Update { table_name, .. } => self.write(Privilege::UPDATE, schema, table_name),
            AuthAction::Delete { table_name } => self.write(Privilege::DELETE, schema, table_name),
            AuthAction::CreateTable { table_name }
            | AuthAction::CreateTempTable { table_name }
            | AuthAction::CreateIndex { table_name, .. }
            | AuthAction::CreateTempIndex { table_name, .. }
            | AuthAction::CreateView { view_name: table_name }
            | AuthAction::DropTable { table_name }
            | AuthAction::DropTempTable { table_name }
            | AuthAction::DropIndex { table_name, .. }
            | AuthAction::DropTempIndex { table_name, .. }
            | AuthAction::DropView { view_name: table_name } => self.define(schema, table_name),
            AuthAction::AlterTable { database_name, table_name } => self.define(Some(database_name), table_name),
            AuthAction::Reindex { .. } if self.kind == StatementKind::Definition => Ok(()),
            AuthAction::Pragma { pragma_name, .. } if self.is_check(pragma_name) => Ok(()),
            action => Err(not_allowed(action_name(&action))),
        }
    }

    fn function(&self, name: &str, accessor: Option<&str>) -> Result<(), SqlError> {
        if [capture::FUNCTION, capture::FORM].contains(&name) && capture::is_trigger(accessor) {
            return Ok(());
        }
        let of_alter = self.kind == StatementKind::Definition && (is_internal(name) || ALTER_FUNCTIONS.contains(&name));
        if of_alter || is_allowed(name) {
            return Ok(());
        }
        Err(SqlError::new(1305, b"42000", format!("FUNCTION {name} does not exist")))
    }

    /// The database and table whose privileges must be checked; `None` for a temporary table, because only its session can name it.
    fn checked_table<'n>(
        &self,
        schema: Option<&'n str>,
        table: &'n str,
    ) -> Result<Option<(&'n str, &'n str)>, SqlError> {
        match schema {
            Some("temp") if !is_internal(table) => Ok(None),
            Some("temp") if self.kind == StatementKind::Definition => Ok(None),
            // SQLite's own tables, and virtual tables that no schema lists, are refused below.
            Some(schema) if table.eq_ignore_ascii_case(replica_places::TABLE) => {
                Err(no_such_table(database_of(schema), table))
            }
            Some(schema) if schema != "main" && !is_internal(table) => Ok(Some((database_of(schema), table))),
            _ => Err(not_allowed(&format!("the table '{table}'"))),
        }
    }

    /// Whether SQLite itself reads the rows to check a new CHECK, and the user's text does not name the function.
    fn is_check(&self, name: &str) -> bool {
        let is_named = |access: &Access| access.table.as_ref().is_some_and(|table| table.eq_ignore_ascii_case(CHECK));
        self.kind == StatementKind::Definition
            && (name == CHECK || CHECK.strip_prefix("pragma_") == Some(name))
            && !self.accesses.iter().any(is_named)
    }

    /// Whether SQLite records in its own tables what the statement defines.
    fn is_bookkeeping(&self, schema: Option<&str>, table: &str) -> bool {
        self.kind == StatementKind::Definition && is_internal(table) && schema.is_some_and(|schema| schema != "main")
    }

    fn read(
        &mut self,
        schema: Option<&str>,
        table: &str,
        column: &str,
        accessor: Option<&str>,
    ) -> Result<(), SqlError> {
        let is_common = |name: &str| self.cte_names.iter().any(|common| common.eq_ignore_ascii_case(name));
        if self.is_bookkeeping(schema, table)
            || (accessor.is_none() && self.is_check(table))
            || (schema.is_none() && column.is_empty() && is_common(table))
        {
            return Ok(());
        }
        let Some((database, table)) = self.checked_table(schema, table)? else { return Ok(()) };
        // The privileges of a view's creator were checked when the view was created. SQLite names a query of WITH in the same way.
        if accessor.is_some_and(|accessor| !is_common(accessor)) {
            return Ok(());
        }
        let is_named = self.is_named(database, table);
        // SQLite reads this table for a foreign key, because the statement does not name it.
        if self.key_reads.contains(table) && !is_named {
            return Ok(());
        }
        // SQLite does not say that it counts the rows of a table for a view.
        if column.is_empty() && !is_named && self.accesses.iter().any(|access| access.database == database) {
            return Ok(());
        }
        // VALUES(column) and comparisons of foreign keys read columns that the statement does not name.
        let compares = self.kind == StatementKind::Upsert || !self.key_reads.is_empty();
        if compares && !self.reads_columns && self.is_defined(database, table) {
            return Ok(());
        }
        // A definition reads its own table, such as the rows of a new index.
        if self.kind == StatementKind::Definition && self.is_defined(database, table) {
            return Ok(());
        }
        if self.readable.iter().any(|(d, t)| d == database && t == table) {
            return Ok(());
        }
        self.require(Privilege::SELECT, database, table)?;
        self.readable.push((database.to_owned(), table.to_owned()));
        Ok(())
    }

    fn write(&self, privilege: Privilege, schema: Option<&str>, table: &str) -> Result<(), SqlError> {
        if self.is_bookkeeping(schema, table) {
            return Ok(());
        }
        let Some((database, table)) = self.checked_table(schema, table)? else { return Ok(()) };
        if self.kind == StatementKind::Definition {
            return self.define_in(database, table);
        }
        if self.is_declared(privilege, database, table) {
            return self.require(privilege, database, table);
        }
        if self.key_changes.contains(table) {
            return Ok(());
        }
        Err(self.context.denied(privilege, database, Some(table)))
    }

    fn define(&self, schema: Option<&str>, table: &str) -> Result<(), SqlError> {
        if self.is_bookkeeping(schema, table) {
            return Ok(());
        }
        match self.checked_table(schema, table)? {
            Some((database, table)) => self.define_in(database, table),
            None if self.kind == StatementKind::Definition => Ok(()),
            None => Err(not_allowed("a definition")),
        }
    }

    /// Whether the definition may change a table: it must have declared the access, and the session must have the privileges.
    fn define_in(&self, database: &str, table: &str) -> Result<(), SqlError> {
        if self.kind != StatementKind::Definition || !self.is_defined(database, table) {
            return Err(self.context.denied(Privilege::CREATE, database, Some(table)));
        }
        for access in self.accesses.iter().filter(|access| is_access_to(access, database, table)) {
            for privilege in access.privileges {
                self.require(*privilege, database, table)?;
            }
        }
        Ok(())
    }

    fn is_defined(&self, database: &str, table: &str) -> bool {
        self.accesses
            .iter()
            .any(|access| is_access_to(access, database, table) && access.privileges != [Privilege::SELECT])
    }

    fn is_named(&self, database: &str, table: &str) -> bool {
        self.accesses.iter().any(|access| is_access_to(access, database, table))
    }

    fn is_declared(&self, privilege: Privilege, database: &str, table: &str) -> bool {
        self.accesses
            .iter()
            .any(|access| is_access_to(access, database, table) && access.privileges.contains(&privilege))
    }

    fn require(&self, privilege: Privilege, database: &str, table: &str) -> Result<(), SqlError> {
        if self.context.may(privilege, database, Some(table)) {
            return Ok(());
        }
        Err(self.context.denied(privilege, database, Some(table)))
    }
}

/// Whether an access is to that table. SQLite ignores the case of ASCII letters.
fn is_access_to(access: &Access, database: &str, table: &str) -> bool {
    access.database == database && access.table.as_ref().is_some_and(|named| named.eq_ignore_ascii_case(table))
}
