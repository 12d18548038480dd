//! The options of CREATE DATABASE and ALTER DATABASE.

use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::charset::default_collation;
use super::{Cursor, TextCharset, backquoted, collations};

/// The character set and the collation that a statement gives a database. Its other options have no effect.
#[derive(Debug, Default)]
pub(crate) struct DatabaseOptions {
    charset: Option<String>,
    collation: Option<String>,
}

impl DatabaseOptions {
    /// Reads the options up to the end of the statement.
    ///
    /// # Errors
    /// 1064, and 1115 for an unknown character set.
    pub(crate) fn read(words: &mut Cursor<'_>) -> Result<Self, SqlError> {
        let mut options = Self::default();
        while !words.is_at_end() {
            words.accept("DEFAULT");
            if words.accept_all(&["CHARACTER", "SET"]) || words.accept_all(&["CHAR", "SET"]) || words.accept("CHARSET")
            {
                words.accept("=");
                let charset = words.name_or_text()?;
                default_collation(&charset)?;
                options.charset = Some(charset);
            } else if words.accept("COLLATE") {
                words.accept("=");
                options.collation = Some(words.name_or_text()?);
            } else if words.accept("ENCRYPTION") || words.accept("COMMENT") || words.accept_all(&["READ", "ONLY"]) {
                words.accept("=");
                words.skip();
            } else {
                return Err(words.syntax_error());
            }
        }
        Ok(options)
    }

    /// The collation of the database; `None` where the statement names none. `log` says whose replicas the binary log is for.
    ///
    /// # Errors
    /// 1273 for a collation that is not known, 1253 for one of another character set.
    pub(crate) fn collation(&self, log: Option<Flavour>) -> Result<Option<String>, SqlError> {
        if let Some(name) = &self.collation {
            collations::check(name, log)?;
        }
        collations::chosen(self.charset.as_deref(), self.collation.as_deref())
    }
}

/// The options that give a database a collation, for the binary log.
pub(crate) fn database_options(collation: &str) -> String {
    let charset = TextCharset::of_collation(collation).unwrap_or_default();
    format!("CHARACTER SET {} COLLATE {}", charset.name(), backquoted(collation))
}
