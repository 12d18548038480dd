//! The definition of a system variable, which is a row of the table, and how SET checks a value against it.

use sealwire_core::error::SqlError;
use sealwire_net::network::Networks;
use sealwire_options::compression::Algorithms;
use sealwire_options::tls::TlsVariable;
use sealwire_options::{Kind as OptionKind, Preset, Spec};

use super::value::{Field, SharedField, Value};
use crate::engine::time_zone;
use crate::sql::charset::{check_collation, default_collation};
use crate::sql::{Datum, mode};

/// Whether a variable has a value for the server, for each session, or for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One value for the server.
    Global,
    /// One value for each session.
    Session,
    /// One value for each session, which begins with the server's value.
    Both,
    /// One value for the server, given at start and not shown: an option without a variable.
    Start,
}

/// The kind of values that a variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A text, or NULL where it is empty.
    TextOrNull,
    /// A path, in which the option takes `~` for the home directory.
    Path,
    /// ON or OFF.
    Switch,
    /// A whole number; a number outside of the bounds becomes the nearer bound.
    Number(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A set of SQL modes.
    SqlMode,
    /// A name of a character set.
    Charset,
    /// A name of a collation.
    Collation,
    /// A time zone.
    TimeZone,
    /// The compression algorithms that clients may use, possibly with `uncompressed`.
    Compression,
    /// Networks whose proxies are trusted.
    Networks,
}

/// A variable whose value is not stored but computed when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Whether TLS is on, as `have_ssl` shows it.
    HaveTls,
    /// The first AUTO_INCREMENT number of the session's last INSERT.
    LastInsertId,
    /// How many warnings the last statement left.
    WarningCount,
    /// How many errors the last statement left.
    ErrorCount,
    /// The number of the connection.
    ConnectionId,
    /// The time in seconds.
    Timestamp,
    /// The last GTID of each domain in the binary log, as MariaDB writes it.
    GtidBinlogPos,
    /// The last GTID of each domain and server in the binary log, as MariaDB writes it.
    GtidBinlogState,
    /// The last GTID of each domain that the channels have applied, as MariaDB writes it.
    GtidSlavePos,
    /// The last GTID of each domain that the channels have applied or this server has given itself, as MariaDB writes it.
    GtidCurrentPos,
    /// The GTIDs of all transactions, as MySQL writes them.
    GtidExecuted,
    /// The GTIDs of transactions whose binary log files are gone, as MySQL writes them.
    GtidPurged,
}

/// The location of a variable's value, where the server's values are in a `G` and a session's values in an `S`.
pub(crate) enum ValueLocation<G, S> {
    /// In the server's values.
    Server(fn(&G) -> &dyn SharedField),
    /// In a session's values. For a variable of [`Scope::Both`] the values with which new sessions begin have it too.
    Session(fn(&S) -> &dyn Field, fn(&mut S) -> &mut dyn Field),
    /// In the server's TLS options, which the next reload uses.
    Tls(&'static TlsVariable),
    /// Not stored.
    Fact(Fact),
}

impl<G, S> Clone for ValueLocation<G, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G, S> Copy for ValueLocation<G, S> {}

/// A variable.
pub(crate) struct Definition<G, S> {
    /// Its name.
    pub(crate) name: &'static str,
    /// The option that sets the variable at start, if there is one.
    option: &'static str,
    /// Where the variable has values.
    pub(crate) scope: Scope,
    /// The kind of its values.
    pub(crate) kind: Kind,
    /// Its default.
    preset: Preset,
    /// Whether SET may change it.
    is_dynamic: bool,
    /// Whether SET may change a session's value.
    pub(crate) is_dynamic_in_session: bool,
    /// Whether ON is refused, because this server does not have the variable's function.
    refuses_on: bool,
    /// The location of its value.
    pub(crate) location: ValueLocation<G, S>,
    /// A function to call when the server's value changes.
    then: Option<fn(&G)>,
}

impl<G, S> Clone for Definition<G, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G, S> Copy for Definition<G, S> {}

impl<G, S> Definition<G, S> {
    pub(super) const fn new(
        name: &'static str,
        option: &'static str,
        scope: Scope,
        kind: Kind,
        preset: Preset,
        location: ValueLocation<G, S>,
    ) -> Self {
        Self {
            name,
            option,
            scope,
            kind,
            preset,
            is_dynamic: true,
            is_dynamic_in_session: true,
            refuses_on: false,
            location,
            then: None,
        }
    }

    /// The variable of a row in the table of TLS variables.
    pub(super) fn of_tls(variable: &'static TlsVariable) -> Self {
        let (kind, preset) = match (variable.option.kind(), variable.option.preset_value()) {
            (OptionKind::Flag, Some(preset)) => (Kind::Switch, preset),
            (OptionKind::Number { least, most }, Some(preset)) => (Kind::Number(least, most), preset),
            (_, Some(preset)) => (Kind::Text, preset),
            (_, None) => (Kind::TextOrNull, Preset::Text("")),
        };
        Self::new(variable.name, variable.option.name(), Scope::Global, kind, preset, ValueLocation::Tls(variable))
    }

    /// A column: SET may not change the variable.
    pub(super) const fn read_only(mut self) -> Self {
        self.is_dynamic = false;
        self
    }

    /// A column: SET may change the server's value only.
    pub(super) const fn read_only_in_session(mut self) -> Self {
        self.is_dynamic_in_session = false;
        self
    }

    /// A column: ON is refused, because the server does not have the function on which the user would rely. OFF is accepted, because dumps
    /// and connectors set it.
    pub(super) const fn refuses_on(mut self) -> Self {
        self.refuses_on = true;
        self
    }

    /// A column: a function to call when the server's value changes.
    pub(super) const fn then(mut self, then: fn(&G)) -> Self {
        self.then = Some(then);
        self
    }

    /// Calls the function that follows a change of the server's value.
    pub(super) fn follow(&self, globals: &G) {
        if let Some(then) = self.then {
            then(globals);
        }
    }

    /// The name of the variable's option, even where there is no such option.
    pub(crate) const fn option_name(&self) -> &'static str {
        self.option
    }

    /// The option that sets the variable at start.
    pub(super) const fn option(&self, help: &'static str) -> Spec {
        let name = self.option;
        let spec = match self.kind {
            Kind::Number(least, most) => Spec::number(name, help).between(least, most),
            Kind::Switch => Spec::flag(name, help),
            Kind::Choice(words) => Spec::choice(name, words, help),
            Kind::Path => Spec::path(name, help),
            Kind::Text
            | Kind::TextOrNull
            | Kind::SqlMode
            | Kind::Charset
            | Kind::Collation
            | Kind::TimeZone
            | Kind::Compression
            | Kind::Networks => Spec::text(name, help),
        };
        match self.preset {
            // An option with an empty default gets no default, because a missing text differs from an empty one.
            Preset::Text(text) if text.is_empty() => spec,
            preset => spec.preset(preset),
        }
    }

    /// The variable's default.
    pub(crate) fn default(&self) -> Value {
        match self.preset {
            Preset::Number(number) => Value::Number(number),
            Preset::Flag(on) => Value::Switch(on),
            Preset::Text(text) => Value::Text(text.into()),
        }
    }

    /// Checks that SET may change the variable.
    ///
    /// # Errors
    /// 1238 where it may not.
    pub(crate) fn demand_dynamic(&self) -> Result<(), SqlError> {
        if self.is_dynamic {
            return Ok(());
        }
        Err(SqlError::new(1238, b"HY000", format!("Variable '{}' is a read only variable", self.name)))
    }

    /// Whether the value switches on a function that this server does not have, so that the user would rely on it in vain.
    pub(crate) fn is_empty_promise(&self, value: &Value) -> bool {
        self.refuses_on && *value == Value::Switch(true)
    }

    /// Converts a value of SET to the variable's type.
    ///
    /// # Errors
    /// 1231 where the variable does not accept the value, 1232 where the value's type is wrong, and the errors of the kind: 1115, 1273,
    /// 1298.
    pub(crate) fn accept(&self, value: &Datum) -> Result<Value, SqlError> {
        let text = value.to_text();
        if text.len() > LONGEST_VALUE {
            let shown: String = text.chars().take(64).collect();
            let message = format!(
                "Variable '{}' can't be set to the value of '{shown}...': it has {} bytes, of {LONGEST_VALUE} allowed",
                self.name,
                text.len()
            );
            return Err(SqlError::new(1231, b"42000", message));
        }
        let wrong = || {
            let shown = if *value == Datum::Null { "NULL" } else { text.as_str() };
            SqlError::new(1231, b"42000", format!("Variable '{}' can't be set to the value of '{shown}'", self.name))
        };
        let accepted = match self.kind {
            Kind::Text | Kind::Path if *value == Datum::Null => return Err(wrong()),
            Kind::Text | Kind::Path | Kind::TextOrNull => text,
            Kind::Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
                (*word.ok_or_else(wrong)?).to_owned()
            }
            Kind::SqlMode => mode::canonical(value)?,
            Kind::Switch => {
                return match text.to_ascii_uppercase().as_str() {
                    "1" | "ON" | "TRUE" => Ok(Value::Switch(true)),
                    "0" | "OFF" | "FALSE" => Ok(Value::Switch(false)),
                    _ => Err(wrong()),
                };
            }
            Kind::Number(least, most) => {
                let number = match value {
                    // A negative number becomes the lower bound.
                    Datum::Int(number) => u64::try_from(*number).unwrap_or(0),
                    Datum::UInt(number) => *number,
                    _ => {
                        let message = format!("Incorrect argument type to variable '{}'", self.name);
                        return Err(SqlError::new(1232, b"42000", message));
                    }
                };
                return Ok(Value::Number(number.clamp(least, most)));
            }
            Kind::Compression => match Algorithms::parse(self.name, &text) {
                Ok(algorithms) if algorithms.uncompressed => text,
                _ => return Err(wrong()),
            },
            Kind::Networks => match text.parse::<Networks>() {
                Ok(_) if *value != Datum::Null => text,
                _ => return Err(wrong()),
            },
            Kind::Charset => {
                let charset = if *value == Datum::Null { "NULL" } else { text.as_str() };
                default_collation(charset)?;
                charset.to_ascii_lowercase()
            }
            Kind::Collation => {
                let of_charset = text.split('_').next().unwrap_or_default();
                if default_collation(of_charset).is_err() {
                    return Err(SqlError::new(1273, b"HY000", format!("Unknown collation: '{text}'")));
                }
                let lower = text.to_ascii_lowercase();
                check_collation(&lower)?;
                lower
            }
            Kind::TimeZone => {
                if *value == Datum::Null {
                    return Err(wrong());
                }
                if time_zone(&text).is_none() {
                    let message = format!("Unknown or incorrect time zone: '{text}'");
                    return Err(SqlError::new(1298, b"HY000", message));
                }
                text
            }
        };
        Ok(Value::Text(accepted.into()))
    }

    /// A value as an expression reads it.
    pub(crate) fn datum(&self, value: &Value) -> Datum {
        match value {
            Value::Switch(on) => Datum::Int(i64::from(*on)),
            Value::Number(number) => i64::try_from(*number).map_or(Datum::UInt(*number), Datum::Int),
            Value::Text(text) if self.kind == Kind::TextOrNull && text.is_empty() => Datum::Null,
            Value::Text(text) if self.kind == Kind::Charset && **text == *"null" => Datum::Null,
            Value::Text(text) => Datum::Text(text.to_string()),
        }
    }
}

/// A longer value is refused, because the memory of a session's variables is not counted for any account.
const LONGEST_VALUE: usize = 16 * 1024;
