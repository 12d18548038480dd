//! Writes a statement for SQLite: names in quotes, texts in quotes, tables with their databases.
//!
//! All that reaches SQLite passes through the few functions here, so that quoting stands in one place.

use std::fmt::Write as _;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{Ident, ObjectName};

use super::errors::{no_such_table, unsupported};
use super::names::{Temporaries, parts, schema_of, temporary_name};
use super::parse::Reading;
use super::translated::{Access, Ignores, Kind, Translated};
use crate::engine::annotations::Annotations;
use crate::engine::{LONGEST_NAME, is_system_database};
use crate::sql::{Datum, Names};

/// A statement nested deeper than this is refused. The parser refuses most such statements before, at a lower bound of its own.
const MOST_NESTED: usize = 200;

/// Tables, and names of WITH, in one statement: each is looked up among the others, so that the work is their square.
const MOST_TABLES: usize = 1000;

/// What SQLite calls IGNORE.
const OR_IGNORE: &str = "OR IGNORE ";

/// What a translation may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// Variables and the session's functions.
    pub(crate) names: &'a dyn Names,
    /// The session's temporary tables.
    pub(crate) temporaries: &'a Temporaries,
    /// What is asked before memory is taken, and between two steps that take time.
    pub(crate) reading: &'a dyn Reading,
}

/// Collects the text for SQLite, and the tables that the statement names.
pub(super) struct Writer<'a> {
    pub(super) scope: Scope<'a>,
    out: String,
    /// The names of WITH that are visible here, the innermost at the end.
    visible: Vec<String>,
    /// All names of WITH in the statement.
    cte_names: Vec<String>,
    accesses: Vec<Access>,
    /// Tables whose rows a locking clause locks.
    pub(super) locked: Vec<(String, String)>,
    depth: usize,
    /// The database of the view whose body is written: its own tables are written without it, so that the view does not depend on the
    /// name under which its file is attached.
    pub(super) view: Option<String>,
    /// The name that ON DUPLICATE KEY UPDATE gives to the row that was to be inserted, while its assignments are written.
    pub(super) upsert: Option<Option<String>>,
    pub(super) reads_columns: bool,
    pub(super) creates: Vec<(String, String)>,
    pub(super) drops: Vec<(String, String)>,
    pub(super) is_conditional: bool,
    /// Where OR IGNORE stands.
    ignore_at: Option<usize>,
    /// How many rows stand in VALUES.
    pub(super) rows: Option<u64>,
    pub(super) notes: Vec<SqlError>,
    pub(super) renames: Vec<(String, String, String)>,
    /// How many recursive parts have got their counter.
    pub(super) recursions: i64,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(scope: Scope<'a>) -> Self {
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
            is_conditional: false,
            ignore_at: None,
            rows: None,
            notes: Vec::new(),
            renames: Vec::new(),
            recursions: 0,
        }
    }

    /// The text so far; the next begins empty.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    pub(super) fn finish(
        self,
        statements: Vec<String>,
        check: Option<String>,
        kind: Kind,
        parameters: u16,
        titles: Vec<Option<String>>,
    ) -> Translated {
        let strict = self.ignore_at.zip(statements.first()).and_then(|(at, statement)| {
            Some(format!("{}{}", statement.get(..at)?, statement.get(at + OR_IGNORE.len()..)?))
        });
        let ignores = strict.map(|strict| Ignores { strict, rows: self.rows });
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
            is_conditional: self.is_conditional,
            ignores,
            notes: self.notes,
            renames: self.renames,
            is_heavy: false,
            tree_bytes: 0,
        }
    }

    /// The words of IGNORE, within the one statement.
    pub(super) fn or_ignore(&mut self) {
        self.ignore_at = Some(self.out.len());
        self.push(OR_IGNORE);
    }

    /// SQLite's own words and symbols.
    pub(super) fn push(&mut self, text: &'static str) {
        self.out.push_str(text);
    }

    /// A number as the writer counts it.
    pub(super) fn push_number(&mut self, number: impl Into<i64>) {
        // Writing to a String can't fail.
        let _ = write!(self.out, "{}", number.into());
    }

    /// A name in quotes.
    pub(super) fn name(&mut self, name: &str) -> Result<(), SqlError> {
        self.out.push_str(&quote(name)?);
        Ok(())
    }

    /// A text in quotes.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push_str(&quote_text(text));
    }

    /// A whole or decimal number as the user wrote it.
    pub(super) fn number(&mut self, digits: &str) -> Result<(), SqlError> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) {
            return Err(unsupported(digits));
        }
        self.out.push_str(digits);
        Ok(())
    }

    /// Bytes as `X'…'`, from their digits.
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

    /// A parameter that [`super::parse::tree`] numbered.
    pub(super) fn placeholder(&mut self, text: &str) -> Result<(), SqlError> {
        let number = text.strip_prefix('?').and_then(|number| number.parse::<u16>().ok());
        let number = number.ok_or_else(|| unsupported(text))?;
        self.out.push('?');
        self.push_number(number);
        Ok(())
    }

    /// A value as a literal.
    pub(super) fn datum(&mut self, datum: &Datum) {
        match datum {
            Datum::Null => self.push("NULL"),
            // In parentheses, so that a minus sign meets no other.
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
    }

    /// What `write` writes, taken out of the text.
    pub(super) fn capture(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), SqlError>,
    ) -> Result<String, SqlError> {
        let before = std::mem::take(&mut self.out);
        let written = write(self);
        let aside = std::mem::replace(&mut self.out, before);
        written.map(|()| aside)
    }

    /// Appends what [`Writer::aside`] took out.
    pub(super) fn append(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// A comment that keeps what SQLite has no place for.
    pub(super) fn annotations(&mut self, annotations: &Annotations) {
        self.out.push_str(&annotations.to_comment());
    }

    /// Writes the items with commas between them.
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

    /// Goes one level deeper for what `write` writes.
    ///
    /// # Errors
    /// 1436 where the statement is nested too deep, because the writer and SQLite recurse over it.
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

    /// Makes a name of WITH visible.
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

    /// How many names are visible, for [`Writer::forget`].
    pub(super) const fn visible_ctes(&self) -> usize {
        self.visible.len()
    }

    /// The query ends to which all names behind the first `count` belong.
    pub(super) fn hide_ctes(&mut self, count: usize) {
        self.visible.truncate(count);
    }

    /// Notes that the statement needs privileges on a table.
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

    /// As [`Writer::needs`], on a database.
    pub(super) fn require_on_database(&mut self, database: &str, privileges: &'static [Privilege]) {
        self.accesses.push(Access { database: database.to_owned(), table: None, privileges });
    }

    /// The database and the table that a name means.
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
        // SQLite's own tables lie beside the user's in each file.
        if table.get(..7).is_some_and(|front| front.eq_ignore_ascii_case("sqlite_")) {
            return Err(no_such_table(database, table));
        }
        if is_system_database(database) {
            // MySQL takes the names of its system databases in any case, and so that the session has each only once.
            return Ok((database.to_ascii_lowercase(), table.to_owned()));
        }
        Ok((database.to_owned(), table.to_owned()))
    }

    /// Whether a name is one of the session's temporary tables.
    pub(super) fn is_temporary(&self, database: &str, table: &str) -> bool {
        // Most sessions have none, and pay nothing for them.
        !self.scope.temporaries.is_empty() && self.scope.temporaries.contains(&(database.to_owned(), table.to_owned()))
    }

    /// Whether a name is one that WITH defines.
    pub(super) fn is_cte(&self, name: &ObjectName) -> bool {
        matches!(parts(name).as_slice(), [table] if self.visible.iter().any(|known| known.eq_ignore_ascii_case(table)))
    }

    /// Writes the name of a table of the FROM clause, of a name that WITH defines, or of what a statement changes.
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

    /// Writes the front of a qualified name: the schema of a database, with its point.
    pub(super) fn schema(&mut self, database: &str) -> Result<(), SqlError> {
        self.name(&schema_of(database))?;
        self.push(".");
        Ok(())
    }

    /// Writes the name of a temporary table.
    pub(super) fn temporary(&mut self, database: &str, table: &str) -> Result<(), SqlError> {
        self.push("temp.");
        self.name(&temporary_name(database, table))
    }
}

/// The privilege of all that is only read.
pub(in crate::engine) const READ: &[Privilege] = &[Privilege::SELECT];

/// A name in the quotes that SQLite and MySQL share.
///
/// # Errors
/// 1064 where it holds a zero byte, at which SQLite's text would end.
pub(in crate::engine) fn quote(name: &str) -> Result<String, SqlError> {
    if name.contains('\0') {
        return Err(SqlError::syntax("A name contains a zero byte, which no name in MySQL may"));
    }
    Ok(format!("`{}`", name.replace('`', "``")))
}

/// A text as SQLite writes it.
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

/// Checks the name of a table, a column or an index that a statement creates.
///
/// # Errors
/// `code` where it is none, 1059 where it is too long.
pub(super) fn check_new_name(name: &str, code: u16, what: &str) -> Result<(), SqlError> {
    if name.is_empty() || name.ends_with(' ') || name.contains('\0') {
        return Err(SqlError::new(code, b"42000", format!("Incorrect {what} name '{name}'")));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(SqlError::new(1059, b"42000", format!("Identifier name '{name}' is too long")));
    }
    Ok(())
}
