//! The settings that a CHANGE names.

use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::secret::Secret;

use super::super::settings::{FIRST_POSITION, Field, Settings, Using};

/// The words and values of a CHANGE.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change(pub(super) Vec<(&'static str, Value)>);

/// The value of a word.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Secret(Secret),
    Switch(bool),
    Number(u64),
    Seconds(Duration, bool),
    Numbers(Vec<u32>),
    Using(Using),
}

impl Change {
    /// Whether a word is among those given.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|(given, _)| *given == word)
    }

    /// Changes settings. A value that follows from the words goes with them: a new host has a new log. Returns notes.
    ///
    /// # Errors
    /// Those of [`Settings::check`], and 1776 where a position and GTIDs are given.
    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<Vec<SqlError>, SqlError> {
        let mut notes = Vec::new();
        for (word, value) in &self.0 {
            match (settings.field(word), value.clone()) {
                (Some(Field::Text(field)), Value::Text(text)) => *field = text,
                (Some(Field::Secret(field)), Value::Secret(secret)) => *field = secret,
                (Some(Field::Switch(field)), Value::Switch(on)) => *field = on,
                (Some(Field::Number(field, _)), Value::Number(number)) => *field = number,
                (Some(Field::Numbers(field)), Value::Numbers(numbers)) => *field = numbers,
                (Some(Field::UseGtid(field) | Field::AutoPosition(field)), Value::Using(using)) => *field = using,
                (Some(Field::Seconds(field)), Value::Seconds(time, is_too_short)) => {
                    *field = time;
                    if is_too_short {
                        let message = "The requested value for the heartbeat period is less than 1 millisecond. The value is reset to 0, meaning that \
                                       heartbeating will effectively be disabled.";
                        notes.push(SqlError::new(1703, b"HY000", message));
                    }
                }
                _ => {}
            }
        }
        let has_position = self.has("LOG_FILE") || self.has("LOG_POS");
        if has_position && settings.using == Using::AutoPosition {
            let message = "Parameters SOURCE_LOG_FILE, SOURCE_LOG_POS, RELAY_LOG_FILE and RELAY_LOG_POS cannot be set when SOURCE_AUTO_POSITION is \
                           active.";
            return Err(SqlError::new(1776, b"HY000", message));
        }
        if has_position && !self.has("USE_GTID") {
            settings.using = Using::Position;
        }
        if self.has("HOST") || self.has("PORT") {
            if !self.has("LOG_FILE") {
                settings.log_file.clear();
            }
            if !self.has("LOG_POS") {
                settings.log_pos = FIRST_POSITION;
            }
        }
        settings.log_pos = settings.log_pos.max(FIRST_POSITION);
        // Either word replaces what the other one gave.
        if self.has("PASSWORD") && !self.has("PASSWORD_FILE") {
            settings.password_file.clear();
        }
        if self.has("PASSWORD_FILE") && !self.has("PASSWORD") {
            settings.password = Secret::new(Vec::new());
        }
        settings.check()?;
        notes.extend(settings.insecurity());
        Ok(notes)
    }

    /// Whether the channel begins anew: at another source, or at another place of its log.
    pub(crate) fn begins_anew(&self) -> bool {
        ["HOST", "PORT", "LOG_FILE", "LOG_POS"].iter().any(|word| self.has(word))
    }
}
