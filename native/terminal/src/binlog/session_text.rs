//! The session variables on which statements depend, printed where they change.

use sealwire_binlog::{
    Body, Checksum, Event, EventFlags, EventHeader, FormatDescription, Head, Problem, Query, Rows, StatusVariable,
    encode_event,
};

use super::collations;
use super::filter::is_of_transaction;
use super::writing::{END, encode, identifier, plain_text, put};

/// The thread's id in short output, because it differs from run to run.
const ANY_THREAD: u32 = 999_999_999;

/// The bits of the session's flags.
mod bits {
    pub(super) const AUTO_IS_NULL: u32 = 0x4000;
    pub(super) const NOT_AUTOCOMMIT: u32 = 0x8_0000;
    pub(super) const NO_CHECK_CONSTRAINTS: u32 = 0x8000;
    pub(super) const EXPLICIT_DEFAULTS: u32 = 0x100_0000;
    pub(super) const NO_FOREIGN_KEYS: u32 = 0x400_0000;
    pub(super) const RELAXED_UNIQUE: u32 = 0x800_0000;
    pub(super) const IF_EXISTS: u32 = 0x1000_0000;
    pub(super) const INSERT_HISTORY: u32 = 0x4000_0000;
}

/// The variables as last printed; `None` where none was.
#[derive(Debug, Default)]
pub(super) struct SessionText {
    /// Whether the log's events have checksums.
    pub(super) has_checksums: bool,
    /// Whether positions are those of the events' beginnings, as before MySQL 5.0.
    is_old: bool,
    /// Whether the current transaction is an XA transaction.
    pub(super) is_xa: bool,
    /// Whether the server writes `sql_if_exists`, and `explicit_defaults_for_timestamp`.
    knows: (bool, bool),
    database: Vec<u8>,
    thread: Option<u32>,
    flags: Option<u32>,
    sql_mode: Option<u64>,
    auto_increment: Option<(u16, u16)>,
    charset: Option<(u16, u16, u16)>,
    time_zone: Vec<u8>,
    lc_time_names: Option<u16>,
    collation_database: Option<u16>,
}

/// The variables of one statement.
#[derive(Debug, Default)]
struct Variables<'a> {
    flags: Option<u32>,
    sql_mode: Option<u64>,
    auto_increment: Option<(u16, u16)>,
    charset: Option<(u16, u16, u16)>,
    time_zone: &'a [u8],
    lc_time_names: u16,
    collation_database: u16,
    microseconds: u32,
}

impl<'a> Variables<'a> {
    fn of(query: &Query<'a>) -> Self {
        let mut all = Self::default();
        for variable in query.status.iter() {
            match variable {
                StatusVariable::Flags2(flags) => all.flags = Some(flags),
                StatusVariable::SqlMode(mode) => all.sql_mode = Some(mode),
                StatusVariable::AutoIncrement { increment, offset } => all.auto_increment = Some((increment, offset)),
                StatusVariable::Charset { client, connection, server } => {
                    all.charset = Some((client, connection, server));
                }
                StatusVariable::TimeZone(zone) => all.time_zone = zone,
                StatusVariable::LcTimeNames(number) => all.lc_time_names = number,
                StatusVariable::CollationDatabase(number) => all.collation_database = number,
                StatusVariable::HrNow(micros) | StatusVariable::Microseconds(micros) => all.microseconds = micros,
                _ => {}
            }
        }
        all
    }
}

impl SessionText {
    /// Takes over the format of the log.
    pub(super) fn format(&mut self, format: &FormatDescription<'_>) {
        self.has_checksums = format.checksum == Some(Checksum::Crc32);
        self.is_old = format.binlog_version < 4;
        let version = String::from_utf8_lossy(format.server_version);
        let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let version_is = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let is_mariadb = version.contains("MariaDB");
        // The first versions of each series whose statements carry explicit_defaults_for_timestamp.
        let carries = match version_is {
            (10, 5, patch) => patch >= 17,
            (10, 6, patch) => patch >= 9,
            (10, 7, patch) => patch >= 5,
            (10, 8, patch) => patch >= 4,
            (10, 9, patch) => patch >= 2,
            series => series >= (10, 10, 0),
        };
        self.knows = (is_mariadb && version_is >= (10, 5, 2), is_mariadb && carries);
    }

    /// The position behind an event, as its header gives it.
    pub(super) const fn end_position(&self, header: &EventHeader) -> u32 {
        if self.is_old { header.end_log_pos.wrapping_add(header.size) } else { header.end_log_pos }
    }

    /// The number of a DDL statement's transaction.
    pub(super) fn xid(query: &Query<'_>) -> u64 {
        let number = |variable| if let StatusVariable::Xid(number) = variable { Some(number) } else { None };
        query.status.iter().find_map(number).unwrap_or(0)
    }

    /// The flags of a two-phase ALTER; 0 for every other statement.
    pub(super) fn two_phase_alter(query: &Query<'_>) -> u8 {
        let flags = |variable| if let StatusVariable::GtidFlags3 { flags, .. } = variable { Some(flags) } else { None };
        query.status.iter().find_map(flags).unwrap_or(0) & 0b1110
    }

    /// Prints the variables that differ from those before.
    pub(super) fn statement(&mut self, header: &EventHeader, query: &Query<'_>, short: bool, out: &mut Vec<u8>) {
        let is_of_transaction = is_of_transaction(&query.sql, self.is_xa);
        if is_of_transaction || header.flags.contains(EventFlags::SUPPRESS_USE) {
            if !is_of_transaction {
                self.database.clear();
            }
        } else if self.database != query.database {
            self.database = query.database.to_vec();
            if !query.database.is_empty() {
                // A client reads `use` as a command of one line, unless a comment comes before it.
                let is_one_line = !query.database.iter().any(u8::is_ascii_control);
                put(if is_one_line { "use " } else { "/**/use " }, out);
                identifier(query.database, out);
                put(format_args!("{END}\n"), out);
            }
        }
        let variables = Variables::of(query);
        put(format_args!("SET TIMESTAMP={}", header.timestamp), out);
        if (1..1_000_000).contains(&variables.microseconds) {
            put(format_args!(".{:06}", variables.microseconds), out);
        }
        put(format_args!("{END}\n"), out);
        let is_specific = header.flags.contains(EventFlags::THREAD_SPECIFIC) && self.thread != Some(query.thread_id);
        if self.thread.is_none() || is_specific {
            let thread = if short { ANY_THREAD } else { query.thread_id };
            put(format_args!("SET @@session.pseudo_thread_id={thread}{END}\n"), out);
            self.thread = Some(query.thread_id);
        }
        if let Some(flags) = variables.flags {
            self.flags(flags, out);
        }
        let mode = variables.sql_mode.filter(|mode| self.sql_mode != Some(*mode));
        if let Some(mode) = mode {
            put(format_args!("SET @@session.sql_mode={mode}{END}\n"), out);
            self.sql_mode = Some(mode);
        }
        let (increment, offset) = variables.auto_increment.unwrap_or((1, 1));
        if self.auto_increment.replace((increment, offset)) != Some((increment, offset)) {
            put(
                format_args!(
                    "SET @@session.auto_increment_increment={increment}, @@session.auto_increment_offset={offset}{END}\n"
                ),
                out,
            );
        }
        if let Some(charset) = variables.charset.filter(|charset| self.charset != Some(*charset)) {
            self.charset = Some(charset);
            let (client, connection, server) = charset;
            let name = collations::charset(u32::from(client));
            match name {
                Some(name) => put(format_args!("/*!\\C {name} */{END}\n"), out),
                None => put("# Ignored (Unknown charset) ", out),
            }
            put(
                format_args!(
                    "SET @@session.character_set_client={},@@session.collation_connection={connection},@@session.collation_server={server}{END}\n",
                    name.unwrap_or("Unknown")
                ),
                out,
            );
        }
        if !variables.time_zone.is_empty() && self.time_zone != variables.time_zone {
            self.time_zone = variables.time_zone.to_vec();
            put("SET @@session.time_zone=", out);
            plain_text(variables.time_zone, out);
            put(format_args!("{END}\n"), out);
        }
        let names = variables.lc_time_names;
        if self.lc_time_names.replace(names) != Some(names) {
            put(format_args!("SET @@session.lc_time_names={names}{END}\n"), out);
        }
        let collation = variables.collation_database;
        if self.collation_database.replace(collation) != Some(collation) {
            match collation {
                0 => put(format_args!("SET @@session.collation_database=DEFAULT{END}\n"), out),
                number => put(format_args!("SET @@session.collation_database={number}{END}\n"), out),
            }
        }
    }

    fn flags(&mut self, flags: u32, out: &mut Vec<u8>) {
        let changed = self.flags.replace(flags).map_or(u32::MAX, |before| before ^ flags);
        if changed == 0 {
            return;
        }
        let (knows_if_exists, knows_defaults) = self.knows;
        let all = [
            (bits::NO_FOREIGN_KEYS, true, "foreign_key_checks", true),
            (bits::AUTO_IS_NULL, false, "sql_auto_is_null", true),
            (bits::RELAXED_UNIQUE, true, "unique_checks", true),
            (bits::NOT_AUTOCOMMIT, true, "autocommit", true),
            (bits::NO_CHECK_CONSTRAINTS, true, "check_constraint_checks", true),
            (bits::IF_EXISTS, false, "sql_if_exists", knows_if_exists),
            (bits::EXPLICIT_DEFAULTS, false, "explicit_defaults_for_timestamp", knows_defaults),
            (bits::INSERT_HISTORY, false, "system_versioning_insert_history", true),
        ];
        let settings: Vec<String> = all
            .into_iter()
            .filter(|(bit, _, _, is_known)| *is_known && changed & bit != 0)
            .map(|(bit, is_inverted, name, _)| {
                format!("@@session.{name}={}", u8::from((flags & bit != 0) != is_inverted))
            })
            .collect();
        put(format_args!("SET {}{END}\n", settings.join(", ")), out);
    }

    /// Appends an event's base64 form. An event within a payload has no checksum, which a server expects where the format says so.
    pub(super) fn encode(&self, event: &Event<'_>, body: &Body<'_>, out: &mut Vec<u8>) -> Result<(), Problem> {
        // Servers take no compressed event in a BINLOG statement.
        let plain = match body {
            Body::Rows(rows) if rows.packed.is_some() => Some(Body::Rows(Rows { packed: None, ..rows.clone() })),
            _ => None,
        };
        if plain.is_none() && (event.checksum.is_some() || !self.has_checksums) {
            encode(event.bytes, out);
            return Ok(());
        }
        let EventHeader { timestamp, server_id, flags, end_log_pos, .. } = event.header;
        let checksum = if self.has_checksums { Checksum::Crc32 } else { Checksum::None };
        let mut bytes = Vec::new();
        encode_event(
            Head { timestamp, server_id, flags },
            end_log_pos,
            plain.as_ref().unwrap_or(body),
            checksum,
            &mut bytes,
        )?;
        encode(&bytes, out);
        Ok(())
    }
}
