//! The values on which a statement of a log depends: status variables, and the events before it.

use sealwire_binlog::{EventHeader, Query, StatusVariable, UserValue, UserVar};
use sealwire_core::error::SqlError;

use super::errors::unsupported;
use crate::engine::time_zone;
use crate::session::Surroundings;
use crate::sql::Datum;
use crate::sql::charset::{Charset, of_collation};

/// The number of utf8mb4_general_ci.
const UTF8MB4: u16 = 45;

/// `OPTION_NO_FOREIGN_KEY_CHECKS` among the flags.
const NO_FOREIGN_KEYS: u32 = 0x0400_0000;

/// The most bytes of the user variables before one statement, because they wait in memory.
const MOST_VARIABLES: usize = 64 << 20;
/// The bytes that a variable takes beside its name and its value.
const EACH_VARIABLE: usize = 100;

/// The values that events before a statement give.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) last_insert_id: Option<u64>,
    pub(super) insert_id: Option<u64>,
    pub(super) random_seeds: Option<(u64, u64)>,
    pub(super) user_variables: Vec<(String, Datum)>,
    /// The bytes of the user variables.
    variable_bytes: usize,
}

/// A statement's surroundings, and what else it depends on.
pub(super) struct Needs {
    pub(super) surroundings: Surroundings,
    /// The step between AUTO_INCREMENT values at the source.
    pub(super) increment: u16,
    /// The time zone of its times, where it is not UTC.
    pub(super) time_zone: Option<String>,
    /// Whether it took a fraction of a second from the clock, by NOW(6).
    pub(super) has_fraction: bool,
}

impl Given {
    /// Notes a user variable.
    ///
    /// # Errors
    /// 1594 where its bytes are wrong or there are too many variables, 1115 where this server lacks its character set.
    pub(super) fn add_variable(&mut self, variable: &UserVar<'_>) -> Result<(), SqlError> {
        let length = variable.value.as_ref().map_or(0, |value| value.data.len());
        self.variable_bytes += variable.name.len() + length + EACH_VARIABLE;
        if self.variable_bytes > MOST_VARIABLES {
            let message =
                format!("Relay log read failure: one statement has over {MOST_VARIABLES} bytes of user variables");
            return Err(SqlError::new(1594, b"HY000", message));
        }
        let name = String::from_utf8_lossy(variable.name).to_lowercase();
        let value = variable.value.as_ref().map_or(Ok(Datum::Null), user_value)?;
        self.user_variables.push((name, value));
        Ok(())
    }

    /// The values on which a statement depends. `database` is this server's name of the current one.
    pub(super) fn needs(self, query: &Query<'_>, header: &EventHeader, database: Option<&str>) -> Needs {
        let mut micros = 0;
        let mut surroundings = Surroundings {
            database: database.map(str::to_owned),
            last_insert_id: self.last_insert_id,
            insert_id: self.insert_id,
            random_seeds: self.random_seeds,
            user_variables: self.user_variables,
            ..Surroundings::default()
        };
        let (mut increment, mut zone) = (1, None);
        for variable in query.status.iter() {
            match variable {
                StatusVariable::Flags2(flags) => surroundings.skips_foreign_keys = flags & NO_FOREIGN_KEYS != 0,
                StatusVariable::SqlMode(bits) => surroundings.sql_mode = Some(bits),
                StatusVariable::AutoIncrement { increment: step, .. } => increment = step,
                StatusVariable::Charset { client, connection, server } => {
                    // A text of ASCII alone is the same in all sets that clients have.
                    let known = |id: u16| if of_collation(id).is_err() && query.sql.is_ascii() { UTF8MB4 } else { id };
                    surroundings.charset = Some((known(client), known(connection)));
                    // A set that this server lacks matters only where a table has it.
                    surroundings.collation_server = Some(server).filter(|server| of_collation(*server).is_ok());
                }
                StatusVariable::TimeZone(name) => {
                    let name = String::from_utf8_lossy(name).into_owned();
                    zone = Some(name).filter(|name| name != "SYSTEM" && time_zone(name) != Some(0));
                }
                StatusVariable::Microseconds(part) | StatusVariable::HrNow(part) => micros = i64::from(part),
                _ => {}
            }
        }
        surroundings.moment = Some(i64::from(header.timestamp) * 1_000_000 + micros);
        Needs { surroundings, increment, time_zone: zone, has_fraction: micros != 0 }
    }
}

/// The value of a user variable.
fn user_value(value: &UserValue<'_>) -> Result<Datum, SqlError> {
    let wrong = || SqlError::new(1594, b"HY000", "Relay log read failure: a user variable's value is malformed");
    let eight = || value.data.first_chunk::<8>().copied().ok_or_else(wrong);
    Ok(match value.kind {
        UserValue::REAL => Datum::Real(f64::from_le_bytes(eight()?)),
        UserValue::INT if value.is_unsigned() => Datum::UInt(u64::from_le_bytes(eight()?)),
        UserValue::INT => Datum::Int(i64::from_le_bytes(eight()?)),
        UserValue::DECIMAL => {
            let text = value.decimal().map_err(|_| wrong())?.to_string();
            text.parse().map_or(Datum::Text(text), Datum::Real)
        }
        UserValue::STRING => {
            let charset = u16::try_from(value.charset).map_err(|_| wrong())?;
            let (name, _) = of_collation(charset)?;
            match (name, Charset::of(name).decode(value.data)) {
                ("binary", _) | (_, None) => Datum::Blob(value.data.to_vec()),
                (_, Some(text)) => Datum::Text(text.into_owned()),
            }
        }
        _ => return Err(wrong()),
    })
}

/// Whether a statement or a definition has a function or a type of time with a precision, as `NOW(6)` and `datetime(6)`.
pub(super) fn has_precision(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    let is_precise = |word: &str| {
        lower.split(word).skip(1).any(|behind| behind.trim_start().starts_with(|digit| ('1'..='6').contains(&digit)))
    };
    // The first is the end of DATETIME, CURTIME, LOCALTIME and their like, too.
    ["time(", "timestamp(", "now(", "sysdate("].into_iter().any(is_precise)
}

/// The error of a statement that needs a fraction of a second of the clock.
pub(super) fn fraction_needed() -> SqlError {
    unsupported(
        "a fraction of a second in NOW()",
        "this server's NOW() has whole seconds; set binlog_format=ROW at the source, and leave this statement out by sql_slave_skip_counter",
    )
}
