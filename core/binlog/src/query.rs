//! QUERY, QUERY_COMPRESSED and EXECUTE_LOAD_QUERY: statements, with what they depend on.
//!
//! Source: MySQL Internals, "QUERY_EVENT"; `Query_event` in MySQL's libs/mysql/binlog/event/statement_events.h.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::control::put_short;
use crate::error::Result;
use crate::inflate::Inflate;

/// The count in [`StatusVariable::UpdatedDatabases`] that stands for too many to list.
const TOO_MANY_DATABASES: u8 = 254;
/// The post-header's length before status variables were.
const WITHOUT_STATUS: u8 = 11;

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<'a> {
    /// The connection that ran it.
    pub thread_id: u32,
    /// The seconds that it took.
    pub seconds: u32,
    /// The number of the error that it ended with; 0 for none.
    pub error_code: u16,
    /// The variables on which the statement depends.
    pub status: StatusVariables<'a>,
    /// The current database; empty for none.
    pub database: &'a [u8],
    /// The text, in the charset of [`StatusVariable::Charset`].
    pub sql: Cow<'a, [u8]>,
    /// The compressed form of `sql` as it came in QUERY_COMPRESSED, which is written again as it is.
    pub packed: Option<&'a [u8]>,
}

impl<'a> Query<'a> {
    /// A statement on which nothing else depends, such as BEGIN.
    pub const fn new(thread_id: u32, database: &'a [u8], sql: &'a [u8]) -> Self {
        Self {
            thread_id,
            seconds: 0,
            error_code: 0,
            status: StatusVariables(&[]),
            database,
            sql: Cow::Borrowed(sql),
            packed: None,
        }
    }

    pub(crate) fn decode(body: &'a [u8], post_header: u8, packed: Option<&Inflate>) -> Result<Self> {
        let mut reader = Reader::new(body);
        let head = Head::decode(&mut reader, post_header)?;
        let status = head.status(&mut reader)?;
        let database = head.database(&mut reader)?;
        let rest = reader.rest();
        let sql = match packed {
            None => Cow::Borrowed(rest),
            Some(inflate) => Cow::Owned(inflate.event(rest)?),
        };
        Ok(Self {
            thread_id: head.thread_id,
            seconds: head.seconds,
            error_code: head.error_code,
            status,
            database,
            sql,
            packed: packed.map(|_| rest),
        })
    }

    /// Appends the body, in format 4.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = Head {
            thread_id: self.thread_id,
            seconds: self.seconds,
            error_code: self.error_code,
            database: self.database.len(),
            status: self.status.0.len(),
        };
        head.encode(out);
        out.put(self.status.0);
        out.put(self.database.get(..255).unwrap_or(self.database));
        out.put_u8(0);
        out.put(self.packed.unwrap_or(&self.sql));
    }

    /// Whether the statement ends a transaction: COMMIT or ROLLBACK as the server itself writes them.
    pub fn ends_transaction(&self) -> bool {
        matches!(&*self.sql, b"COMMIT" | b"ROLLBACK")
    }
}

/// The fixed part.
struct Head {
    thread_id: u32,
    seconds: u32,
    error_code: u16,
    /// The length of the database's name.
    database: usize,
    /// The length of the status variables.
    status: usize,
}

impl Head {
    fn decode(reader: &mut Reader<'_>, post_header: u8) -> Result<Self> {
        let what = "the post-header";
        Ok(Self {
            thread_id: reader.u32(what)?,
            seconds: reader.u32(what)?,
            database: usize::from(reader.u8(what)?),
            error_code: reader.u16(what)?,
            status: if post_header == WITHOUT_STATUS { 0 } else { usize::from(reader.u16(what)?) },
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(self.thread_id);
        out.put_u32(self.seconds);
        out.put_u8(self.database.min(255) as u8);
        out.put_u16(self.error_code);
        out.put_u16(self.status as u16);
    }

    fn status<'a>(&self, reader: &mut Reader<'a>) -> Result<StatusVariables<'a>> {
        Ok(StatusVariables(reader.bytes(self.status, "the status variables")?))
    }

    fn database<'a>(&self, reader: &mut Reader<'a>) -> Result<&'a [u8]> {
        let database = reader.bytes(self.database, "the database's name")?;
        reader.u8("the database's name")?;
        Ok(database)
    }
}

/// EXECUTE_LOAD_QUERY: a LOAD DATA statement, whose file came in pieces before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadQuery<'a> {
    /// The statement.
    pub query: Query<'a>,
    /// The number of the file.
    pub file_id: u32,
    /// The index in `query.sql` at which LOAD DATA's file name, with its words before it, begins.
    pub name_start: u32,
    /// The index behind it.
    pub name_end: u32,
    /// The treatment of rows whose keys exist: 0 error, 1 IGNORE, 2 REPLACE.
    pub duplicates: u8,
}

impl<'a> LoadQuery<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let head = Head::decode(&mut reader, 0)?;
        let what = "the post-header";
        let file_id = reader.u32(what)?;
        let (name_start, name_end) = (reader.u32(what)?, reader.u32(what)?);
        let duplicates = reader.u8(what)?;
        let query = Query {
            thread_id: head.thread_id,
            seconds: head.seconds,
            error_code: head.error_code,
            status: head.status(&mut reader)?,
            database: head.database(&mut reader)?,
            sql: Cow::Borrowed(reader.rest()),
            packed: None,
        };
        Ok(Self { query, file_id, name_start, name_end, duplicates })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let query = &self.query;
        let head = Head {
            thread_id: query.thread_id,
            seconds: query.seconds,
            error_code: query.error_code,
            database: query.database.len(),
            status: query.status.0.len(),
        };
        head.encode(out);
        out.put_u32(self.file_id);
        out.put_u32(self.name_start);
        out.put_u32(self.name_end);
        out.put_u8(self.duplicates);
        out.put(query.status.0);
        out.put(query.database.get(..255).unwrap_or(query.database));
        out.put_u8(0);
        out.put(&query.sql);
    }
}

/// The variables on which a statement depends, as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusVariables<'a>(pub &'a [u8]);

/// One such variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusVariable<'a> {
    /// Session flags: 0x4000 AUTO_IS_NULL, 0x80000 NOT_AUTOCOMMIT, 0x04000000 NO_FOREIGN_KEY_CHECKS, 0x08000000 RELAXED_UNIQUE_CHECKS.
    Flags2(u32),
    /// `sql_mode`.
    SqlMode(u64),
    /// The catalog as MySQL 5.0.0 to 5.0.3 wrote it.
    OldCatalog(&'a [u8]),
    /// `auto_increment_increment` and `auto_increment_offset`.
    AutoIncrement {
        /// The increment.
        increment: u16,
        /// The offset.
        offset: u16,
    },
    /// The numbers of the charset of the client, and of the collations of the connection and the server.
    Charset {
        /// `character_set_client`.
        client: u16,
        /// `collation_connection`.
        connection: u16,
        /// `collation_server`.
        server: u16,
    },
    /// `time_zone`.
    TimeZone(&'a [u8]),
    /// The catalog: always "std".
    Catalog(&'a [u8]),
    /// `lc_time_names`.
    LcTimeNames(u16),
    /// `collation_database`.
    CollationDatabase(u16),
    /// The tables that an UPDATE of several changes, as bits.
    TablesForUpdate(u64),
    /// The size of the event at the first primary.
    MasterDataWritten(u32),
    /// The account of a definer that was not named.
    Invoker {
        /// The user.
        user: &'a [u8],
        /// The host.
        host: &'a [u8],
    },
    /// The databases that the statement changes.
    UpdatedDatabases(DatabaseNames<'a>),
    /// The microseconds of the time at which the statement began (MySQL).
    Microseconds(u32),
    /// `explicit_defaults_for_timestamp`.
    ExplicitDefaults(u8),
    /// The number of a DDL statement's transaction.
    DdlXid(u64),
    /// `default_collation_for_utf8mb4`.
    DefaultCollationForUtf8mb4(u16),
    /// `sql_require_primary_key`.
    RequirePrimaryKey(u8),
    /// `default_table_encryption`.
    TableEncryption(u8),
    /// The microseconds of the time at which the statement began (MariaDB).
    HrNow(u32),
    /// The number of a DDL statement's transaction (MariaDB).
    Xid(u64),
    /// The further flags of the GTID (MariaDB); see [`crate::MariaDbGtid`].
    GtidFlags3 {
        /// The flags.
        flags: u8,
        /// For the second half of a two-phase ALTER: the sequence number of the first.
        start: Option<u64>,
    },
}

/// The names of the databases that a statement changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseNames<'a> {
    count: u8,
    /// The names, each with a NUL behind it.
    names: &'a [u8],
}

impl<'a> DatabaseNames<'a> {
    /// The names; `None` if there are too many, so that the server listed none.
    pub fn names(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let names = self.names;
        (self.count != TOO_MANY_DATABASES).then(|| names.split_inclusive(|byte| *byte == 0).map(without_nul))
    }
}

fn without_nul(name: &[u8]) -> &[u8] {
    name.strip_suffix(&[0]).unwrap_or(name)
}

impl<'a> StatusVariables<'a> {
    /// The variables in order. As every reader does, this one stops at a number that it does not know.
    pub fn iter(&self) -> impl Iterator<Item = StatusVariable<'a>> + use<'a> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || if reader.is_empty() { None } else { variable(&mut reader).ok().flatten() })
    }
}

fn variable<'a>(reader: &mut Reader<'a>) -> Result<Option<StatusVariable<'a>>> {
    let what = "a status variable";
    let variable = match reader.u8(what)? {
        0 => StatusVariable::Flags2(reader.u32(what)?),
        1 => StatusVariable::SqlMode(reader.u64(what)?),
        2 => {
            let catalog = short(reader)?;
            reader.u8(what)?;
            StatusVariable::OldCatalog(catalog)
        }
        3 => StatusVariable::AutoIncrement { increment: reader.u16(what)?, offset: reader.u16(what)? },
        4 => StatusVariable::Charset {
            client: reader.u16(what)?,
            connection: reader.u16(what)?,
            server: reader.u16(what)?,
        },
        5 => StatusVariable::TimeZone(short(reader)?),
        6 => StatusVariable::Catalog(short(reader)?),
        7 => StatusVariable::LcTimeNames(reader.u16(what)?),
        8 => StatusVariable::CollationDatabase(reader.u16(what)?),
        9 => StatusVariable::TablesForUpdate(reader.u64(what)?),
        10 => StatusVariable::MasterDataWritten(reader.u32(what)?),
        11 => StatusVariable::Invoker { user: short(reader)?, host: short(reader)? },
        12 => StatusVariable::UpdatedDatabases(databases(reader)?),
        13 => StatusVariable::Microseconds(reader.u24(what)?),
        16 => StatusVariable::ExplicitDefaults(reader.u8(what)?),
        17 => StatusVariable::DdlXid(reader.u64(what)?),
        18 => StatusVariable::DefaultCollationForUtf8mb4(reader.u16(what)?),
        19 => StatusVariable::RequirePrimaryKey(reader.u8(what)?),
        20 => StatusVariable::TableEncryption(reader.u8(what)?),
        0x80 => StatusVariable::HrNow(reader.u24(what)?),
        0x81 => StatusVariable::Xid(reader.u64(what)?),
        0x82 => {
            let flags = reader.u8(what)?;
            // COMMIT_ALTER and ROLLBACK_ALTER name the ALTER that they end.
            let start = if flags & 0b1100 == 0 { None } else { Some(reader.u64(what)?) };
            StatusVariable::GtidFlags3 { flags, start }
        }
        _ => return Ok(None),
    };
    Ok(Some(variable))
}

fn databases<'a>(reader: &mut Reader<'a>) -> Result<DatabaseNames<'a>> {
    let what = "the updated databases";
    let count = reader.u8(what)?;
    let all = *reader;
    for _ in 0..(if count == TOO_MANY_DATABASES { 0 } else { count }) {
        reader.nul_bytes(what)?;
    }
    let length = all.remaining() - reader.remaining();
    let mut all = all;
    Ok(DatabaseNames { count, names: all.bytes(length, what)? })
}

fn short<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let length = reader.u8("a status variable")?;
    Ok(reader.bytes(usize::from(length), "a status variable")?)
}

impl StatusVariable<'_> {
    /// Appends the variable to the bytes of [`StatusVariables`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Flags2(value) => number(0, &value.to_le_bytes(), out),
            Self::SqlMode(value) => number(1, &value.to_le_bytes(), out),
            Self::OldCatalog(value) => {
                out.put_u8(2);
                put_short(value, out);
                out.put_u8(0);
            }
            Self::AutoIncrement { increment, offset } => {
                number(3, &increment.to_le_bytes(), out);
                out.put_u16(offset);
            }
            Self::Charset { client, connection, server } => {
                number(4, &client.to_le_bytes(), out);
                out.put_u16(connection);
                out.put_u16(server);
            }
            Self::TimeZone(value) => text(5, value, out),
            Self::Catalog(value) => text(6, value, out),
            Self::LcTimeNames(value) => number(7, &value.to_le_bytes(), out),
            Self::CollationDatabase(value) => number(8, &value.to_le_bytes(), out),
            Self::TablesForUpdate(value) => number(9, &value.to_le_bytes(), out),
            Self::MasterDataWritten(value) => number(10, &value.to_le_bytes(), out),
            Self::Invoker { user, host } => {
                text(11, user, out);
                put_short(host, out);
            }
            Self::UpdatedDatabases(databases) => {
                number(12, &[databases.count], out);
                out.put(databases.names);
            }
            Self::Microseconds(value) => put_u24(13, value, out),
            Self::ExplicitDefaults(value) => number(16, &[value], out),
            Self::DdlXid(value) => number(17, &value.to_le_bytes(), out),
            Self::DefaultCollationForUtf8mb4(value) => number(18, &value.to_le_bytes(), out),
            Self::RequirePrimaryKey(value) => number(19, &[value], out),
            Self::TableEncryption(value) => number(20, &[value], out),
            Self::HrNow(value) => put_u24(0x80, value, out),
            Self::Xid(value) => number(0x81, &value.to_le_bytes(), out),
            Self::GtidFlags3 { flags, start } => {
                number(0x82, &[flags], out);
                if let Some(start) = start {
                    out.put_u64(start);
                }
            }
        }
    }
}

fn number(key: u8, value: &[u8], out: &mut Vec<u8>) {
    out.put_u8(key);
    out.put(value);
}

fn put_u24(key: u8, value: u32, out: &mut Vec<u8>) {
    out.put_u8(key);
    out.put_u24(value);
}

fn text(key: u8, value: &[u8], out: &mut Vec<u8>) {
    out.put_u8(key);
    put_short(value, out);
}
