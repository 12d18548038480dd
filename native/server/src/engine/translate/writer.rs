//! Writes a statement for SQLite: quoted names and texts, and tables with their databases.
//!
//! Everything that reaches SQLite is written by the few functions here, so that quoting is in one place.

use std::fmt::Write as _;

use sealwire_accounts::Privilege;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;
use sqlparser::ast::{Ident, ObjectName};

use super::errors::{no_such_table, unsupported};
use super::names::{Temporaries, parts, schema_of, temporary_name};
use super::parse::ParseBudget;
use super::translated::{
    Access, AddedKey, Collated, ColumnMove, ColumnRename, IgnoreClause, NewDefault, Skippable, StatementKind,
    Translated,
};
use crate::engine::annotations::Annotations;
use crate::engine::{LONGEST_NAME, is_system_database};
use crate::memory::{Held, LARGE};
use crate::sql::{Datum, KeyCollation, Names, TextCharset, collations};

/// The deepest nesting of a statement. The parser's own limit is lower and refuses most such statements first.
const MOST_NESTED: usize = 200;

/// The most tables and CTEs of one statement. Each is compared with the others, so the work is the square of their number.
const MOST_TABLES: usize = 1000;

/// The bytes of values that a statement may always have, whatever `max_allowed_packet` is.
const SMALL_VALUES: u64 = 64 << 10;
/// How many bytes a byte of a value takes in the texts for SQLite: two hexadecimal digits, in the statement and in SQLite's copy.
const COPIES: usize = 4;

/// SQLite's words for IGNORE.
const OR_IGNORE: &str = "OR IGNORE ";

/// The result of writing a part of a statement.
pub(super) type WriteResult = Result<(), SqlError>;

/// The collations of what exists.
pub(crate) trait Collations {
    /// The collation of a database; `None` for the server's.
    ///
    /// # Errors
    /// Where it can't be read.
    fn of_database(&self, database: &str) -> Result<Option<String>, SqlError>;

    /// The character set of a table, given its schema and its name in SQLite, and the collation that its definition names; `None` where there
    /// is no such table, or its database is not attached yet.
    fn of_table(&self, schema: &str, table: &str) -> Option<(TextCharset, Option<String>)>;

    /// The columns of a table that ignore case here, and whose collations tell some texts of ASCII apart by it.
    fn telling_case(&self, schema: &str, table: &str) -> Vec<String>;
}

/// The session's state that a translation needs.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// Variables, and functions of the session.
    pub(crate) names: &'a dyn Names,
    /// The session's temporary tables.
    pub(crate) temporaries: &'a Temporaries,
    /// The collations of tables and databases.
    pub(crate) collations: &'a dyn Collations,
    /// Whose replicas the binary log is for; `None` without one.
    pub(crate) log: Option<Flavour>,
    /// Whether the statement comes from a source's log.
    pub(crate) is_replicated: bool,
    /// Counts memory, and checks for stops between long steps.
    pub(crate) budget: &'a dyn ParseBudget,
}

/// Collects the text for SQLite, and the tables that the statement names.
pub(super) struct Writer<'a> {
    pub(super) scope: Scope<'a>,
    out: String,
    /// The visible CTEs, the innermost at the end.
    visible: Vec<String>,
    /// All CTEs of the statement.
    cte_names: Vec<String>,
    accesses: Vec<Access>,
    /// Tables whose rows a locking clause locks.
    pub(super) locked: Vec<(String, String)>,
    depth: usize,
    /// The database of the view whose query is being written. The view's own tables are written without a database, because the view must not
    /// depend on the name under which its file is attached.
    pub(super) view: Option<String>,
    /// Set while ON DUPLICATE KEY UPDATE is written: the alias of the new row, if it has one.
    pub(super) upsert: Option<Option<String>>,
    pub(super) reads_columns: bool,
    pub(super) creates: Vec<(String, String)>,
    pub(super) drops: Vec<(String, String)>,
    pub(super) logged_text: Option<String>,
    pub(super) collated: Option<Collated>,
    /// Whether the statement names a temporary table that exists.
    names_temporary: bool,
    pub(super) is_conditional: bool,
    /// The operations of ALTER TABLE that have IF EXISTS or IF NOT EXISTS.
    pub(super) conditions: Vec<usize>,
    /// See [`Translated::fills`].
    pub(super) fills: Option<(String, String)>,
    /// See [`Translated::skippable`].
    pub(super) skippable: Vec<Skippable>,
    /// Where OR IGNORE begins.
    ignore_at: Option<usize>,
    /// The number of rows in VALUES.
    pub(super) rows: Option<u64>,
    pub(super) notes: Vec<SqlError>,
    pub(super) keys: Vec<AddedKey>,
    pub(super) dropped_columns: Vec<(usize, String)>,
    pub(super) defaults: Vec<NewDefault>,
    pub(super) moves: Vec<ColumnMove>,
    pub(super) like: Option<(String, String)>,
    pub(super) view_columns: Vec<String>,
    pub(super) targets: Vec<(String, String)>,
    pub(super) renames: Vec<ColumnRename>,
    /// The columns whose unique keys compare bytes, because the source has compared the rows by a collation that tells more texts apart.
    pub(super) keyed_by_bytes: Vec<String>,
    /// The number of recursive queries that have a counter.
    pub(super) recursions: i64,
    /// The bytes of the values that were written, of variables above all.
    value_bytes: usize,
    /// How many of these are counted for the account.
    counted_bytes: usize,
    values: Held,
}

impl<'a> Writer<'a> {
    pub(super) fn new(scope: Scope<'a>) -> Self {
        Self {
            scope,
            out: String::new(),
            visible: Vec::new(),
            cte_names: Vec::new(),
            accesses: Vec::new(),
            locked: Vec::new(),
            depth: 0,
            view: None,
            upsert: None,
            reads_columns: false,
            creates: Vec::new(),
            drops: Vec::new(),
            logged_text: None,
            collated: None,
            names_temporary: false,
            is_conditional: false,
            conditions: Vec::new(),
            fills: None,
            skippable: Vec::new(),
            ignore_at: None,
            rows: None,
            notes: Vec::new(),
            keys: Vec::new(),
            dropped_columns: Vec::new(),
            defaults: Vec::new(),
            moves: Vec::new(),
            like: None,
            view_columns: Vec::new(),
            targets: Vec::new(),
            renames: Vec::new(),
            keyed_by_bytes: Vec::new(),
            recursions: 0,
            value_bytes: 0,
            counted_bytes: 0,
            values: Held::default(),
        }
    }

    /// Takes the text so far; the text is then empty.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    pub(super) fn finish(
        self,
        statements: Vec<String>,
        check: Option<String>,
        kind: StatementKind,
        parameters: u16,
        titles: Vec<Option<String>>,
    ) -> Translated {
        let strict = self.ignore_at.zip(statements.first()).and_then(|(at, statement)| {
            Some(format!("{}{}", statement.get(..at)?, statement.get(at + OR_IGNORE.len()..)?))
        });
        let ignore = strict.map(|strict| IgnoreClause { strict, rows: self.rows });
        Translated {
            statements,
            check,
            kind,
            accesses: self.accesses,
            locked: self.locked,
            cte_names: self.cte_names,
            reads_columns: self.reads_columns,
            parameters,
            titles,
            creates: self.creates,
            drops: self.drops,
            logged_text: self.logged_text,
            collated: self.collated,
            names_temporary: self.names_temporary,
            is_conditional: self.is_conditional,
            fills: self.fills,
            skippable: self.skippable,
            ignore,
            notes: self.notes,
            keys: self.keys,
            dropped_columns: self.dropped_columns,
            defaults: self.defaults,
            moves: self.moves,
            like: self.like,
            view_columns: self.view_columns,
            targets: self.targets,
            renames: self.renames,
            is_heavy: false,
            tree_bytes: 0,
            values: self.values,
        }
    }

    /// Refuses a definition that MariaDB lacks, where the binary log is for its replicas.
    ///
    /// # Errors
    /// 1235.
    pub(super) fn refuse_for_mariadb(&self, what: &str) -> WriteResult {
        if self.scope.log != Some(Flavour::MariaDb) {
            return Ok(());
        }
        let message =
            format!("{what} can't be in the binary log, whose replicas are MariaDB's, because MariaDB lacks it");
        Err(SqlError::not_supported_yet(message))
    }

    /// Refuses what MySQL lacks, where the binary log is for MySQL.
    ///
    /// # Errors
    /// 1235.
    pub(super) fn refuse_for_mysql(&self, what: &str) -> WriteResult {
        if self.scope.log != Some(Flavour::MySql) {
            return Ok(());
        }
        let message = format!("{what} can't be in the binary log, whose replicas are MySQL's, because MySQL lacks it");
        Err(SqlError::not_supported_yet(message))
    }

    /// Checks the collation of a table or a column.
    ///
    /// # Errors
    /// 1273 where the servers for which the binary log is do not have it; without a log, where neither MySQL nor MariaDB has it.
    pub(super) fn check_collation(&self, name: &str) -> WriteResult {
        collations::check(name, self.scope.log)
    }

    /// Whether a table's collation is what replicas get. One whose weights are not known has no effect here, so they get the default.
    pub(super) fn keeps_collation(&self, name: &str) -> bool {
        self.scope.log.is_none() || self.scope.is_replicated || KeyCollation::named(name).is_some()
    }

    /// Has the binary log have a definition in words that all replicas read alike.
    pub(super) fn log_for_replicas(&mut self, sql: &str) {
        if self.scope.log.is_none() || self.names_temporary && self.logged_text.is_none() {
            return;
        }
        let text = self.logged_text.as_deref().unwrap_or(sql);
        let written = collations::for_replicas(text);
        if written != text {
            self.logged_text = Some(written);
        }
    }

    /// Writes OR IGNORE and notes its place.
    pub(super) fn or_ignore(&mut self) {
        self.ignore_at = Some(self.out.len());
        self.push(OR_IGNORE);
    }

    /// Appends words and symbols of SQLite.
    pub(super) fn push(&mut self, text: &'static str) {
        self.out.push_str(text);
    }

    /// Appends a number of the writer's own.
    pub(super) fn push_number(&mut self, number: impl Into<i64>) {
        // Writing to a String can't fail.
        let _ = write!(self.out, "{}", number.into());
    }

    /// Appends a name in quotes.
    pub(super) fn name(&mut self, name: &str) -> Result<(), SqlError> {
        self.out.push_str(&quote(name)?);
        Ok(())
    }

    /// Appends a text in quotes.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push_str(&quote_text(text));
    }

    /// Appends a whole or decimal number as the user wrote it.
    pub(super) fn number(&mut self, digits: &str) -> Result<(), SqlError> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) {
            return Err(unsupported(digits));
        }
        if digits.parse::<f64>().is_ok_and(f64::is_infinite) {
            let message = format!("Illegal double '{digits}' value found during parsing");
            return Err(SqlError::new(1367, b"22007", message));
        }
        self.out.push_str(digits);
        Ok(())
    }

    /// Appends bytes as `X'…'`, from their digits.
    pub(super) fn hexadecimal(&mut self, digits: &str) -> Result<(), SqlError> {
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unsupported(digits));
        }
        // MySQL reads 0xABC as 0x0ABC.
        self.out.push_str(if digits.len().is_multiple_of(2) { "X'" } else { "X'0" });
        self.out.push_str(digits);
        self.out.push('\'');
        Ok(())
    }

    /// Appends a parameter that [`super::parse::tree`] numbered.
    pub(super) fn placeholder(&mut self, text: &str) -> Result<(), SqlError> {
        let number = text.strip_prefix('?').and_then(|number| number.parse::<u16>().ok());
        let number = number.ok_or_else(|| unsupported(text))?;
        self.out.push('?');
        self.push_number(number);
        Ok(())
    }

    /// Appends a value as a literal.
    ///
    /// # Errors
    /// 1153 and 1041 where the values of the statement are too large together: a short statement can name a long variable many times.
    pub(super) fn datum(&mut self, datum: &Datum) -> WriteResult {
        self.count_value(datum.held_bytes())?;
        match datum {
            Datum::Null => self.push("NULL"),
            // The parentheses keep a minus sign away from another one.
            Datum::Int(number) => _ = write!(self.out, "({number})"),
            Datum::UInt(number) => _ = write!(self.out, "({number})"),
            Datum::Real(number) if number.is_finite() => _ = write!(self.out, "({number:?})"),
            Datum::Real(_) => self.push("NULL"),
            Datum::Text(text) => self.text(text),
            Datum::Blob(bytes) => {
                self.push("X'");
                push_hexadecimal(bytes, &mut self.out);
                self.push("'");
            }
        }
        Ok(())
    }

    /// Counts the memory of a value before it is written.
    fn count_value(&mut self, bytes: usize) -> WriteResult {
        self.value_bytes = self.value_bytes.saturating_add(bytes);
        let most = self.scope.names.allowances().text;
        if self.value_bytes as u64 > most.saturating_add(SMALL_VALUES) {
            return Err(SqlError::packet_too_large(format!(
                "Got a packet bigger than 'max_allowed_packet' bytes: the variables that the statement names have more than {most} bytes, each \
                 counted as often as it is named; name a long one once, in a derived table"
            )));
        }
        if self.value_bytes >= self.counted_bytes.saturating_add(LARGE) {
            self.values = Held::default();
            self.values = self.scope.budget.reserve(self.value_bytes.saturating_mul(COPIES))?;
            self.counted_bytes = self.value_bytes;
        }
        Ok(())
    }

    /// Returns what `write` writes, and leaves the text as it was.
    pub(super) fn capture(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), SqlError>,
    ) -> Result<String, SqlError> {
        let before = std::mem::take(&mut self.out);
        let written = write(self);
        let captured = std::mem::replace(&mut self.out, before);
        written.map(|()| captured)
    }

    /// Appends what [`Writer::capture`] returned.
    pub(super) fn append(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Appends a comment with annotations.
    pub(super) fn annotations(&mut self, annotations: &Annotations) {
        self.out.push_str(&annotations.to_comment());
    }

    /// Writes items with commas between them.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            write(self, item)?;
        }
        Ok(())
    }

    pub(super) fn names<'n>(&mut self, names: impl IntoIterator<Item = &'n Ident>) -> Result<(), SqlError> {
        self.list(names, |writer, name| writer.name(&name.value))
    }

    /// Runs `write` one level deeper.
    ///
    /// # Errors
    /// 1436 where the statement is nested too deep, because the writer and SQLite recurse.
    pub(super) fn nested<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        if self.depth >= MOST_NESTED {
            return Err(SqlError::new(
                1436,
                b"HY000",
                format!(
                    "Thread stack overrun: the statement is nested deeper than {MOST_NESTED} levels; write it flatter"
                ),
            ));
        }
        self.depth += 1;
        let written = write(self);
        self.depth -= 1;
        written
    }

    /// Makes the name of a CTE visible.
    ///
    /// # Errors
    /// 1116 where the statement names too many.
    pub(super) fn define_cte(&mut self, name: &str) -> Result<(), SqlError> {
        if self.cte_names.len() >= MOST_TABLES {
            return Err(too_many_tables());
        }
        self.visible.push(name.to_owned());
        self.cte_names.push(name.to_owned());
        Ok(())
    }

    /// The number of visible CTEs, for [`Writer::hide_ctes`].
    pub(super) const fn visible_ctes(&self) -> usize {
        self.visible.len()
    }

    /// Hides all CTEs behind the first `count`, at the end of their query.
    pub(super) fn hide_ctes(&mut self, count: usize) {
        self.visible.truncate(count);
    }

    /// Notes the privileges that the statement needs on a table.
    ///
    /// # Errors
    /// 1116 where the statement names too many.
    pub(super) fn require(
        &mut self,
        database: &str,
        table: &str,
        privileges: &'static [Privilege],
    ) -> Result<(), SqlError> {
        if self.accesses.len() >= MOST_TABLES {
            return Err(too_many_tables());
        }
        let access = Access { database: database.to_owned(), table: Some(table.to_owned()), privileges };
        if !self.accesses.contains(&access) {
            self.accesses.push(access);
        }
        Ok(())
    }

    /// Checks the length of a list of names, each of which becomes a statement of its own. A name counts as often as it is written.
    ///
    /// # Errors
    /// 1116 where the list is too long.
    pub(super) fn admit_list(&self, names: usize) -> WriteResult {
        if names > MOST_TABLES { Err(too_many_tables()) } else { Ok(()) }
    }

    /// Notes the privileges that the statement needs on a database.
    pub(super) fn require_on_database(&mut self, database: &str, privileges: &'static [Privilege]) {
        self.accesses.push(Access { database: database.to_owned(), table: None, privileges });
    }

    /// The database and the table of a name.
    ///
    /// # Errors
    /// 1046 where no database is current, 1235 where the name has more than two parts.
    pub(super) fn resolve(&self, name: &ObjectName) -> Result<(String, String), SqlError> {
        let (database, table) = match parts(name).as_slice() {
            [table] if name.0.len() == 1 => {
                let database = self.scope.database.ok_or_else(|| SqlError::no_database("No database selected"))?;
                (database, *table)
            }
            [database, table] if name.0.len() == 2 => (*database, *table),
            _ => return Err(unsupported(&name.to_string())),
        };
        // SQLite's own tables are in the same file as the user's.
        if table.get(..7).is_some_and(|front| front.eq_ignore_ascii_case("sqlite_")) {
            return Err(no_such_table(database, table));
        }
        if is_system_database(database) {
            // MySQL ignore case in these names. One spelling attaches each only once.
            return Ok((database.to_ascii_lowercase(), table.to_owned()));
        }
        Ok((database.to_owned(), table.to_owned()))
    }

    /// Whether a name is one of the session's temporary tables.
    pub(super) fn is_temporary(&self, database: &str, table: &str) -> bool {
        // This check saves two allocations, because most sessions have none.
        !self.scope.temporaries.is_empty() && self.scope.temporaries.contains(&(database.to_owned(), table.to_owned()))
    }

    /// Whether a name is a visible CTE.
    pub(super) fn is_cte(&self, name: &ObjectName) -> bool {
        matches!(parts(name).as_slice(), [table] if self.visible.iter().any(|known| known.eq_ignore_ascii_case(table)))
    }

    /// Writes the name of a table or CTE, and notes the privileges that it needs.
    pub(super) fn table(&mut self, name: &ObjectName, privileges: &'static [Privilege]) -> Result<(), SqlError> {
        if let [part] = name.0.as_slice()
            && let Some(table) = part.as_ident()
            && privileges == READ
        {
            let known = self.visible.iter().rev().find(|known| known.eq_ignore_ascii_case(&table.value)).cloned();
            if let Some(known) = known {
                return self.name(&known);
            }
        }
        let (database, table) = self.resolve(name)?;
        if self.is_temporary(&database, &table) {
            if self.view.is_some() {
                let message = format!("View's SELECT refers to a temporary table '{table}'");
                return Err(SqlError::new(1352, b"HY000", message));
            }
            return self.temporary(&database, &table);
        }
        self.require(&database, &table, privileges)?;
        match &self.view {
            Some(own) if *own != database => return Err(unsupported("a view of another database's tables")),
            Some(_) if self.visible.iter().any(|known| known.eq_ignore_ascii_case(&table)) => {
                return Err(unsupported("a view whose WITH clause has the name of one of its tables"));
            }
            Some(_) => {}
            None => self.schema(&database)?,
        }
        self.name(&table)
    }

    /// Writes a database's schema and the dot behind it.
    pub(super) fn schema(&mut self, database: &str) -> Result<(), SqlError> {
        self.name(&schema_of(database))?;
        self.push(".");
        Ok(())
    }

    /// Writes the name of a temporary table.
    pub(super) fn temporary(&mut self, database: &str, table: &str) -> Result<(), SqlError> {
        self.names_temporary = true;
        self.push("temp.");
        self.name(&temporary_name(database, table))
    }
}

/// The privilege to read.
pub(in crate::engine) const READ: &[Privilege] = &[Privilege::SELECT];

/// Quotes a name; the quotes are the same in SQLite and MySQL.
///
/// # Errors
/// 1064 where it holds a zero byte, because SQLite's text would end there.
pub(in crate::engine) fn quote(name: &str) -> Result<String, SqlError> {
    if name.contains('\0') {
        return Err(SqlError::syntax("A name contains a zero byte, which no name in MySQL may"));
    }
    Ok(format!("`{}`", name.replace('`', "``")))
}

/// Quotes a text for SQLite.
pub(in crate::engine) fn quote_text(text: &str) -> String {
    if text.contains('\0') {
        let mut literal = String::from("CAST(X'");
        push_hexadecimal(text.as_bytes(), &mut literal);
        literal.push_str("' AS TEXT)");
        return literal;
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn push_hexadecimal(bytes: &[u8], out: &mut String) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02X}");
    }
}

fn too_many_tables() -> SqlError {
    let message = format!("Too many tables; one statement can name {MOST_TABLES}. Send it in parts");
    SqlError::new(1116, b"HY000", message)
}

/// Checks the name of a new table, column or index. Line breaks are refused, because programs that write names into comments, as other vendors'
/// do that print the binary log or dump tables, run what comes behind one.
///
/// # Errors
/// `code` where the name is not allowed, 1300 for characters outside of Unicode's Basic Multilingual Plane, 1059 where it is too long.
/// Source: MySQL Reference Manual, "Schema Object Names".
pub(super) fn check_new_name(name: &str, code: u16, what: &str) -> Result<(), SqlError> {
    // The server's own tables have names that begin with U+0001.
    if name.is_empty()
        || name.ends_with([' ', '\t', '\u{b}', '\u{c}'])
        || name.contains(['\0', '\n', '\r'])
        || name.starts_with('\u{1}')
    {
        return Err(SqlError::new(code, b"42000", format!("Incorrect {what} name '{name}'")));
    }
    if name.chars().any(|character| character > '\u{ffff}') {
        return Err(SqlError::new(1300, b"HY000", format!("Invalid utf8mb3 character string: '{name}'")));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(SqlError::new(1059, b"42000", format!("Identifier name '{name}' is too long")));
    }
    Ok(())
}

/// Checks the name of a new column. InnoDB keeps some for columns of its own.
///
/// # Errors
/// Those of [`check_new_name`], with 1166.
pub(super) fn check_new_column(name: &str) -> Result<(), SqlError> {
    const RESERVED: [&str; 4] = ["DB_ROW_ID", "DB_TRX_ID", "DB_ROLL_PTR", "FTS_DOC_ID"];
    if RESERVED.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(SqlError::new(1166, b"42000", format!("Incorrect column name '{name}'")));
    }
    check_new_name(name, 1166, "column")
}

/// Checks the name of a new table or view, which is also a file's name at servers of MySQL and MariaDB.
///
/// # Errors
/// Those of [`check_new_name`], 1103 for a prefix that means a file of an old version, 1005 where the file's name would be too long.
/// Source: MySQL Reference Manual, "Mapping of Identifiers to File Names".
pub(super) fn check_new_table(name: &str) -> Result<(), SqlError> {
    check_new_name(name, 1103, "table")?;
    if name.starts_with("#mysql50#") {
        return Err(SqlError::new(1103, b"42000", format!("Incorrect table name '{name}'")));
    }
    let bytes = |character: char| match character {
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '_' => 1,
        // Letters have numbers of two characters behind `@`, all others of four.
        '\u{c0}'..='\u{5ff}' | '\u{1e00}'..='\u{1fff}' | '\u{2160}'..='\u{217f}' | '\u{24b0}'..='\u{24ef}' => 3,
        _ => 5,
    };
    if name.chars().map(bytes).sum::<usize>() > LONGEST_FILE_NAME {
        let message = format!("Can't create table '{name}' (errno: 36 \"File name too long\")");
        return Err(SqlError::new(1005, b"HY000", message));
    }
    Ok(())
}

/// The most bytes of a file's name without its suffix of four.
const LONGEST_FILE_NAME: usize = 251;
