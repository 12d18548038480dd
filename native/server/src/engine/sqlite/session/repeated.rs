//! Changes that the binary log has as their statements, with `binlog_format` STATEMENT or MIXED.
//!
//! The log gets a statement only where a replica repeats it exactly. Its rows are collected all the same, because they say whether it changed any,
//! and because they are logged where its AUTO_INCREMENT values do not follow each other.
//!
//! Source: MySQL Reference Manual, "Determination of Safe and Unsafe Statements in Binary Logging".

use std::collections::BTreeSet;

use sealwire_binlog::{Body, Flavour, IntVar, Rand, UserValue, UserVar};
use sealwire_core::error::SqlError;

use super::SqliteSession;
use super::capture::Capture;
use super::repeatable_table::{self, Given};
use crate::engine::translate::{Access, StatementKind, Translated, quote, schema_of};
use crate::engine::{Request, is_system_database};
use crate::replication::{Mark, Statement};
use crate::sql::Datum;
use crate::sql::lex::{Lexer, Piece, unquote};

/// The most digits of a whole number, which then fits a BIGINT.
const MOST_DIGITS: usize = 18;

/// utf8mb4_general_ci, and the collations that MariaDB's and MySQL's servers give for numbers.
const UTF8MB4: u32 = 45;
const MARIADB_NUMBER: u32 = 8;
const MYSQL_NUMBER: u32 = 33;
/// The collations of variables whose bytes are those of UTF-8, by the name of `collation_connection`.
const UTF8MB3: [(&str, u32); 4] =
    [("utf8_general_ci", 33), ("utf8mb3_general_ci", 33), ("utf8_bin", 83), ("utf8mb3_bin", 83)];

/// A statement that replicas repeat exactly, and what it reads.
pub(super) struct Repeated {
    /// The columns that it names.
    columns: Vec<String>,
    /// The places in its lists of values, and what it gives there.
    given: BTreeSet<(usize, Given)>,
    /// Whether it calls LAST_INSERT_ID().
    reads_last_id: bool,
    /// The value after which it generates AUTO_INCREMENT values; `None` where the table has none.
    last_key: Option<i64>,
}

impl Repeated {
    /// Reads a statement in its canonical form; `None` where a replica may not repeat it exactly. Operators, comparisons and functions of texts
    /// are not among what is read, because those of this engine are not in all cases a replica's.
    fn read(sql: &str) -> Option<Self> {
        let mut read = Self { columns: Vec::new(), given: BTreeSet::new(), reads_last_id: false, last_key: None };
        let mut pieces = Pieces(Lexer::new(sql.as_bytes()));
        let is = |text: &[u8], word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        pieces.next().filter(|(_, first)| is(first, "INSERT") || is(first, "REPLACE"))?;
        // The table's name and those of its columns.
        let mut is_in_list = false;
        loop {
            match pieces.next()? {
                (Piece::Word, word) if is(word, "VALUES") => break,
                (Piece::Word, word) if is(word, "IGNORE") || is(word, "SELECT") || is(word, "SET") => return None,
                (Piece::QuotedName, name) if is_in_list => {
                    read.columns.push(String::from_utf8(unquote(name).into_owned()).ok()?)
                }
                (Piece::Word, name) if is_in_list => read.columns.push(std::str::from_utf8(name).ok()?.to_owned()),
                (Piece::Symbol(b'('), _) => is_in_list = true,
                (Piece::Word | Piece::QuotedName | Piece::Symbol(b')' | b',' | b'.'), _) => {}
                _ => return None,
            }
        }
        loop {
            pieces.symbol(b'(')?;
            let mut at = 0;
            loop {
                let given = read.value(&mut pieces)?;
                read.given.insert((at, given));
                match pieces.next()? {
                    (Piece::Symbol(b','), _) => at = at.saturating_add(1),
                    (Piece::Symbol(b')'), _) => break,
                    _ => return None,
                }
            }
            match pieces.next() {
                None => return Some(read),
                Some((Piece::Symbol(b','), _)) => {}
                Some(_) => return None,
            }
        }
    }

    /// Reads a value.
    fn value(&mut self, pieces: &mut Pieces<'_>) -> Option<Given> {
        let is_number = |word: &[u8]| word.len() <= MOST_DIGITS && word.iter().all(u8::is_ascii_digit);
        match pieces.next()? {
            (Piece::Text, _) => Some(Given::Text),
            (Piece::Symbol(b'-'), _) => {
                pieces.next().filter(|(piece, word)| *piece == Piece::Word && is_number(word)).map(|_| Given::Integer)
            }
            (Piece::Word, word) if is_number(word) => Some(Given::Integer),
            (Piece::Word, word) => {
                let word = std::str::from_utf8(word).ok()?;
                if let Some(name) = word.strip_prefix('@') {
                    let is_user_s = !name.is_empty() && !name.starts_with('@');
                    return is_user_s.then(|| Given::Variable(name.to_lowercase()));
                }
                match word.to_ascii_uppercase().as_str() {
                    "DEFAULT" | "NULL" => return Some(Given::NullOrDefault),
                    "TRUE" | "FALSE" => return Some(Given::Integer),
                    "CURRENT_TIMESTAMP" => return Some(Given::Moment),
                    _ => pieces.symbol(b'(').and_then(|()| pieces.symbol(b')'))?,
                }
                match word.to_ascii_uppercase().as_str() {
                    "NOW" => Some(Given::Moment),
                    "RAND" => Some(Given::Random),
                    "LAST_INSERT_ID" => {
                        self.reads_last_id = true;
                        Some(Given::Integer)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The names of its user variables, without `@`.
    fn variables(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for (_, given) in &self.given {
            if let Given::Variable(name) = given {
                names.insert(name.as_str());
            }
        }
        names
    }

    fn is_random(&self) -> bool {
        self.given.iter().any(|(_, given)| *given == Given::Random)
    }
}

/// The pieces of a statement that are not blank.
struct Pieces<'a>(Lexer<'a>);

impl<'a> Iterator for Pieces<'a> {
    type Item = (Piece, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find(|(piece, _)| !piece.is_blank())
    }
}

impl Pieces<'_> {
    /// Takes this symbol.
    fn symbol(&mut self, symbol: u8) -> Option<()> {
        self.next().filter(|(piece, _)| *piece == Piece::Symbol(symbol)).map(|_| ())
    }
}

impl SqliteSession {
    /// Tells whether the log gets a change as its statement, before it runs; `None` where the log gets its rows.
    pub(super) fn repeated(
        &self,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<Option<Repeated>, SqlError> {
        let limits = &request.limits;
        let is_plain = request.parameters.is_empty()
            && !translated.names_temporary
            && translated.ignore.is_none()
            && translated.kind != StatementKind::Upsert
            && !translated.accesses.iter().any(|access| is_system_database(&access.database));
        if !(limits.repeats_statements && limits.is_logged && is_plain) {
            return Ok(None);
        }
        let Some(mut repeated) = Repeated::read(request.sql) else { return Ok(None) };
        let Some(Access { database, table: Some(table), .. }) = translated.accesses.first() else { return Ok(None) };
        let variable =
            |name: &str| request.context.name(&format!("@{name}")).ok().flatten().map(|value| value.into_owned());
        let of = (database.as_str(), table.as_str());
        if !repeatable_table::takes(&self.connection, of, &repeated.columns, &repeated.given, variable)? {
            return Ok(None);
        }
        if self.generates_keys(translated) {
            repeated.last_key = self.last_key(translated, request)?;
        }
        Ok(Some(repeated))
    }

    /// The last AUTO_INCREMENT value of the changed table.
    fn last_key(&self, translated: &Translated, request: &Request<'_>) -> Result<Option<i64>, SqlError> {
        let Some((database, table)) =
            translated.accesses.first().and_then(|access| Some((&access.database, access.table.as_ref()?)))
        else {
            return Ok(None);
        };
        let failed = |error: rusqlite::Error| self.explain(&error, request.sql);
        let (schema, name) = (quote(&schema_of(database))?, quote(table)?);
        // This takes the lock for the change, because SQLite waits for a lock only before it has read.
        let lock = format!("UPDATE {schema}.sqlite_sequence SET seq = seq WHERE 0");
        self.connection.execute_batch(&lock).map_err(failed)?;
        let sql = format!(
            "SELECT max(coalesce((SELECT max(_rowid_) FROM {schema}.{name}), 0), \
             coalesce((SELECT seq FROM {schema}.sqlite_sequence WHERE name = ?1 COLLATE NOCASE), 0))"
        );
        self.connection.query_row(&sql, [table], |row| row.get(0)).map(Some).map_err(failed)
    }

    /// Logs a change that has run as its statement. The rows since `mark` stay where a replica would give them other AUTO_INCREMENT values.
    pub(super) fn log_repeated(
        &self,
        capture: &Capture,
        mark: Mark,
        repeated: &Repeated,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<(), SqlError> {
        if capture.state().cache.mark() == mark {
            return Ok(());
        }
        let context = request.context.as_ref();
        let mut values = Vec::new();
        if repeated.reads_last_id
            && let Some(Datum::UInt(value)) = context.function("LAST_INSERT_ID")
        {
            values.push(Body::IntVar(IntVar { kind: IntVar::LAST_INSERT_ID, value }));
        }
        if let Some(last_key) = repeated.last_key {
            let added = i64::try_from(self.connection.changes()).unwrap_or(i64::MAX);
            if last_key.checked_add(added) != Some(self.connection.last_insert_rowid()) {
                return Ok(());
            }
            let value = u64::try_from(last_key).unwrap_or(0).saturating_add(1);
            values.push(Body::IntVar(IntVar { kind: IntVar::INSERT_ID, value }));
        }
        if repeated.is_random()
            && let Some((seed1, seed2)) = context.random_seeds()
        {
            values.push(Body::Rand(Rand { seed1, seed2 }));
        }
        let collation = context.name("@@collation_connection")?.map_or_else(String::new, |name| name.to_text());
        let mut variables = Vec::new();
        for name in repeated.variables() {
            let value = context.name(&format!("@{name}"))?.map_or(Datum::Null, |value| value.into_owned());
            variables.push((name, Variable::new(value, capture.log.format.flavour, &collation)));
        }
        values.extend(variables.iter().map(|(name, variable)| {
            Body::UserVar(UserVar { name: name.as_bytes(), value: variable.as_ref().map(Variable::value) })
        }));
        let databases: Vec<&str> = translated.changed_databases().into_iter().collect();
        let account = context.account();
        let statement = Statement {
            text: request.sql,
            database: request.database,
            databases: &databases,
            thread: request.limits.connection,
            invoker: &account,
            is_definition: false,
            skips_foreign_keys: request.limits.skips_foreign_keys,
            moment: context.moment().and_then(|moment| u32::try_from(moment.div_euclid(1_000_000)).ok()),
            origin: None,
        };
        capture.replace_rows(mark, &values, &statement)
    }
}

/// The value of a user variable as the log has it.
struct Variable {
    kind: u8,
    charset: u32,
    data: Vec<u8>,
    is_unsigned: bool,
}

impl Variable {
    /// The value of a variable; `None` for NULL.
    fn new(value: Datum, flavour: Flavour, collation: &str) -> Option<Self> {
        let number = if flavour == Flavour::MariaDb { MARIADB_NUMBER } else { MYSQL_NUMBER };
        let is_unsigned = matches!(value, Datum::UInt(_));
        let (kind, charset, data) = match value {
            Datum::Null => return None,
            Datum::Int(value) => (UserValue::INT, number, value.to_le_bytes().to_vec()),
            Datum::UInt(value) => (UserValue::INT, number, value.to_le_bytes().to_vec()),
            Datum::Real(value) => (UserValue::REAL, number, value.to_le_bytes().to_vec()),
            Datum::Blob(value) => (UserValue::STRING, 63, value),
            Datum::Text(value) => {
                let own = UTF8MB3.iter().find(|(name, _)| *name == collation).map(|(_, charset)| *charset);
                let is_short = value.chars().all(|character| character.len_utf8() < 4);
                (UserValue::STRING, own.filter(|_| is_short).unwrap_or(UTF8MB4), value.into_bytes())
            }
        };
        Some(Self { kind, charset, data, is_unsigned })
    }

    fn value(&self) -> UserValue<'_> {
        UserValue { kind: self.kind, charset: self.charset, data: &self.data, flags: Some(u8::from(self.is_unsigned)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_a_replica_may_not_repeat_are_told_from_others() {
        let sql =
            "INSERT INTO `t` (first, `last`) VALUES (RAND(), @x), (-5, @X), (LAST_INSERT_ID(), 'UUID()'), (NOW(), @y)";
        let read = Repeated::read(sql).unwrap();
        assert_eq!(read.variables().into_iter().collect::<Vec<_>>(), ["x", "y"]);
        assert!(read.is_random() && read.reads_last_id);
        assert_eq!(read.columns, ["first", "last"]);
        for sql in [
            "INSERT INTO t VALUES (uuid())",
            "INSERT INTO t VALUES (1 - 1)",
            "INSERT INTO t VALUES (1.5)",
            "INSERT INTO t VALUES (1e3)",
            "INSERT INTO t VALUES (9999999999999999999)",
            "INSERT INTO t VALUES (CONCAT('a', 'b'))",
            "INSERT INTO t VALUES (CURRENT_USER)",
            "INSERT INTO t (a) VALUES (a)",
            "INSERT INTO t VALUES (RAND(3))",
            "INSERT INTO t VALUES (LAST_INSERT_ID(5))",
            "INSERT INTO t VALUES (NOW(6))",
            "INSERT INTO t VALUES ('a' 'b')",
            "INSERT INTO t VALUES (VALUES(a))",
            "INSERT INTO t VALUES (1) AS new",
            "INSERT INTO t VALUES ((1))",
            "INSERT INTO t VALUES (@`a b`)",
            "INSERT INTO t VALUES (@@server_id)",
            "INSERT INTO t VALUES (@a := 1)",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1",
            "INSERT IGNORE INTO t VALUES (1)",
            "INSERT INTO t SELECT 1",
            "INSERT INTO t SET a = 1",
            "UPDATE t SET a = 1",
            "DELETE FROM t WHERE a = 'x'",
        ] {
            assert!(Repeated::read(sql).is_none(), "{sql}");
        }
    }
}
