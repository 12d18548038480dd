//! Reads CHANGE MASTER and CHANGE REPLICATION SOURCE.
//!
//! Source: MySQL Reference Manual, "CHANGE REPLICATION SOURCE TO Statement"; MariaDB, "CHANGE MASTER TO".

use sealwire_core::error::SqlError;
use sealwire_core::secret::Secret;
use sealwire_options::nearest_word;

use super::super::settings::{Field, PREFIXED, Settings, Using, heartbeat};
use super::change::{Change, Value};
use super::control::for_channel;
use super::filter::read_filter;
use super::types::{Named, Statement};
use crate::sql::Cursor;

/// The words of MySQL that this server takes with this value alone, because it does nothing then.
const WITHOUT_EFFECT: [(&str, &str); 8] = [
    ("ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS", "OFF"),
    ("GTID_ONLY", "0"),
    ("MASTER_CONNECTION_AUTO_FAILOVER", "0"),
    ("NETWORK_NAMESPACE", "''"),
    ("PRIVILEGE_CHECKS_USER", "NULL"),
    ("REQUIRE_ROW_FORMAT", "0"),
    ("REQUIRE_TABLE_PRIMARY_KEY_CHECK", "STREAM"),
    ("MASTER_DEMOTE_TO_SLAVE", "0"),
];

/// Reads CHANGE; the word is taken. `None` for another CHANGE.
///
/// # Errors
/// 1064; 1210 for a value that a setting can't have; 1235 for what this server lacks.
pub(crate) fn read_change(words: &mut Cursor<'_>) -> Result<Option<Statement>, SqlError> {
    if words.accept_all(&["REPLICATION", "FILTER"]) {
        return read_filter(words).map(Some);
    }
    if !words.accept("MASTER") && !words.accept_all(&["REPLICATION", "SOURCE"]) {
        return Ok(None);
    }
    let mut named = Named { name: words.text().unwrap_or_default(), is_mysql: false };
    words.expect("TO")?;
    let mut change = Change::default();
    loop {
        change.0.extend(read_assignment(words)?);
        if !words.accept(",") {
            break;
        }
    }
    if let Some(name) = for_channel(words)? {
        named = Named { name, is_mysql: true };
    }
    words.expect_end()?;
    Ok(Some(Statement::Change(named, change)))
}

/// Reads a word and its value; `None` for a word that does nothing.
fn read_assignment(words: &mut Cursor<'_>) -> Result<Option<(&'static str, Value)>, SqlError> {
    let before = words.clone();
    let given = words.name()?.to_ascii_uppercase();
    words.expect("=")?;
    let bare = given.strip_prefix("MASTER_").or_else(|| given.strip_prefix("SOURCE_"));
    let word = match given.as_str() {
        "GET_MASTER_PUBLIC_KEY" | "GET_SOURCE_PUBLIC_KEY" => Some("GET_PUBLIC_KEY"),
        given => {
            let is_list = |word: &&str| word.ends_with("_IDS");
            let bare = bare.filter(|bare| !is_list(bare)).or_else(|| Some(given).filter(is_list));
            PREFIXED.into_iter().find(|word| Some(*word) == bare)
        }
    };
    let Some(word) = word else {
        return without_effect(&given, words).map_err(|error| error.unwrap_or_else(|| unknown(&given, &before)));
    };
    let mut scratch = Settings::default();
    let Some(field) = scratch.field(word) else { return Err(before.syntax_error()) };
    let wrong = |takes: &str| SqlError::new(1210, b"HY000", format!("Incorrect arguments to {given}: {takes}"));
    let number = |words: &mut Cursor<'_>| words.number().ok_or_else(|| words.syntax_error());
    let switch = |words: &mut Cursor<'_>| match number(words)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(wrong("0 or 1")),
    };
    let value = match field {
        Field::Text(_) | Field::Secret(_) => {
            let text = words.text().ok_or_else(|| words.syntax_error())?;
            if word == "HOST" && text.is_empty() {
                return Err(SqlError::new(1210, b"HY000", format!("Incorrect arguments to {given}")));
            }
            if text.contains('\0') {
                return Err(wrong("a text without the byte 0"));
            }
            if word == "PASSWORD" { Value::Secret(Secret::from(text.as_str())) } else { Value::Text(text) }
        }
        Field::Switch(_) => Value::Switch(switch(words)?),
        Field::Number(_, range) => {
            let number = number(words)?;
            if !range.contains(&number) {
                return Err(wrong(&format!("{} to {}", range.start(), range.end())));
            }
            Value::Number(number)
        }
        Field::Seconds(_) => {
            let text = words.expression().split_whitespace().next().unwrap_or_default();
            let (time, is_too_short) = heartbeat(text).ok_or_else(|| before.syntax_error())??;
            Value::Seconds(time, is_too_short)
        }
        Field::Numbers(_) => Value::Numbers(read_numbers(words)?),
        Field::UseGtid(_) => match words.accept_one(&["NO", "SLAVE_POS", "CURRENT_POS"]) {
            Some("NO") => Value::Using(Using::Position),
            Some(name) => Value::Using(Using::from_name(name).unwrap_or(Using::SlavePos)),
            None => return Err(words.syntax_error()),
        },
        Field::AutoPosition(_) => Value::Using(if switch(words)? { Using::AutoPosition } else { Using::Position }),
    };
    Ok(Some((word, value)))
}

/// The error for an unknown word, with the one that was probably meant.
fn unknown(given: &str, before: &Cursor<'_>) -> SqlError {
    let mut error = before.syntax_error();
    let prefix = if given.contains("MASTER") { "MASTER_" } else { "SOURCE_" };
    let known = PREFIXED.map(|word| if word.ends_with("_IDS") { word.to_owned() } else { format!("{prefix}{word}") });
    let public_key = format!("GET_{prefix}PUBLIC_KEY");
    if let Some(meant) = nearest_word(given, known.iter().map(String::as_str).chain([&*public_key])) {
        error.message.push_str(&format!("; did you mean '{meant}'?"));
    }
    error
}

/// Reads the value of a word that does nothing with it. The error is `None` for an unknown word.
fn without_effect(given: &str, words: &mut Cursor<'_>) -> Result<Option<(&'static str, Value)>, Option<SqlError>> {
    let name = given.strip_prefix("SOURCE_").map_or_else(|| given.to_owned(), |bare| format!("MASTER_{bare}"));
    let unsupported = || {
        let message =
            format!("This version of Sealwire doesn't yet support '{given}' with another value than its default");
        SqlError::new(1235, b"42000", message)
    };
    let known = WITHOUT_EFFECT.into_iter().find(|(known, _)| *known == name);
    let Some((_, value)) = known else {
        return Err(matches!(given, "RELAY_LOG_FILE" | "RELAY_LOG_POS").then(unsupported));
    };
    if words.accept(value) { Ok(None) } else { Err(Some(unsupported())) }
}

fn read_numbers(words: &mut Cursor<'_>) -> Result<Vec<u32>, SqlError> {
    words.expect("(")?;
    let mut numbers = Vec::new();
    while !words.accept(")") {
        if !numbers.is_empty() {
            words.expect(",")?;
        }
        let number = words.number().and_then(|number| u32::try_from(number).ok());
        numbers.push(number.ok_or_else(|| words.syntax_error())?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn change(sql: &str) -> Result<(Named, Change), SqlError> {
        let mut words = Cursor::new(sql);
        words.accept("CHANGE");
        match read_change(&mut words)? {
            Some(Statement::Change(named, change)) => Ok((named, change)),
            other => panic!("{other:?}"),
        }
    }

    fn settings(sql: &str) -> Result<Settings, SqlError> {
        let mut settings = Settings::default();
        change(sql)?.1.apply(&mut settings)?;
        Ok(settings)
    }

    #[test]
    fn both_dialects_give_the_same_settings() {
        let mariadb = "CHANGE MASTER 'west' TO MASTER_HOST='db1', MASTER_PORT=3307, MASTER_USER='repl', MASTER_PASSWORD='pw', \
            MASTER_CONNECT_RETRY=1, MASTER_LOG_FILE='bin.000002', MASTER_LOG_POS=120, MASTER_HEARTBEAT_PERIOD=1.5, MASTER_SSL=1, \
            MASTER_SSL_CA='/ca', MASTER_SSL_CERT='/c', MASTER_SSL_KEY='/k', MASTER_SSL_VERIFY_SERVER_CERT=0, IGNORE_SERVER_IDS=(1,2)";
        let mysql = "CHANGE REPLICATION SOURCE TO SOURCE_HOST='db1', SOURCE_PORT=3307, SOURCE_USER='repl', SOURCE_PASSWORD='pw', \
            SOURCE_CONNECT_RETRY=1, SOURCE_LOG_FILE='bin.000002', SOURCE_LOG_POS=120, SOURCE_HEARTBEAT_PERIOD = 1.5, SOURCE_SSL=1, \
            SOURCE_SSL_CA='/ca', SOURCE_SSL_CERT='/c', SOURCE_SSL_KEY='/k', SOURCE_SSL_VERIFY_SERVER_CERT=0, IGNORE_SERVER_IDS=(1,2), \
            GET_SOURCE_PUBLIC_KEY=0, PRIVILEGE_CHECKS_USER=NULL, SOURCE_BIND='' FOR CHANNEL 'west'";
        assert_eq!(settings(mariadb).unwrap().to_lines(), settings(mysql).unwrap().to_lines());
        let named = |is_mysql| Named { name: "west".to_owned(), is_mysql };
        assert_eq!((change(mariadb).unwrap().0, change(mysql).unwrap().0), (named(false), named(true)));
        let set = settings(mysql).unwrap();
        assert_eq!((set.heartbeat, set.log_pos), (Duration::from_millis(1500), 120));
        assert!(set.ssl && !set.ssl_verify);
    }

    #[test]
    fn tls_and_verification_are_on_unless_the_statement_says_otherwise() {
        let set = settings("CHANGE MASTER TO MASTER_HOST='h'").unwrap();
        assert!(set.ssl && set.ssl_verify);
        assert!(!settings("CHANGE MASTER TO MASTER_HOST='h', MASTER_SSL=0").unwrap().ssl);
    }

    #[test]
    fn values_that_mariadb_takes_in_silence_are_refused() {
        for (wrong, number, way_out) in [
            ("MASTER_SSL=2", 1210, "0 or 1"),
            ("MASTER_PORT=70000", 1210, "1 to 65535"),
            ("MASTER_HOST=''", 1210, "MASTER_HOST"),
            ("MASTER_HEARTBEAT_PERIOD=4294968", 1624, "4294967"),
            ("MASTER_HOST=concat('a')", 1064, "concat"),
            ("SOURCE_DEMOTE_TO_SLAVE=1", 1235, "SOURCE_DEMOTE_TO_SLAVE"),
            ("RELAY_LOG_FILE='x'", 1235, "RELAY_LOG_FILE"),
            ("NOTHING=1", 1064, "NOTHING"),
            ("SOURCE_PRT=1", 1064, "; did you mean 'SOURCE_PORT'?"),
            ("MASTER_SSL_AC='x'", 1064, "; did you mean 'MASTER_SSL_CA'?"),
            ("GET_MASTER_PUBLICKEY=1", 1064, "; did you mean 'GET_MASTER_PUBLIC_KEY'?"),
            ("IGNORE_SERVER_ID=(1)", 1064, "; did you mean 'IGNORE_SERVER_IDS'?"),
            ("IGNORE_SERVER_IDS=1", 1064, "1"),
            ("MASTER_AUTO_POSITION=1, MASTER_LOG_POS=4", 1776, "AUTO_POSITION"),
            ("MASTER_SSL_CERT='c'", 1210, "both"),
        ] {
            let error = settings(&format!("CHANGE MASTER TO {wrong}")).unwrap_err();
            assert_eq!(error.code, number, "{wrong}: {error}");
            assert!(error.message.contains(way_out), "{wrong}: {error}");
        }
        let unlike = settings("CHANGE MASTER TO NOTHING=1").unwrap_err();
        assert!(!unlike.message.contains("did you mean"), "{unlike}");
    }

    #[test]
    fn another_host_has_another_log() {
        let mut set = settings("CHANGE MASTER TO MASTER_HOST='a', MASTER_LOG_FILE='f', MASTER_LOG_POS=99").unwrap();
        let (_, other) = change("CHANGE MASTER TO MASTER_PORT=3307").unwrap();
        other.apply(&mut set).unwrap();
        assert_eq!((set.log_file.as_str(), set.log_pos), ("", 4));
        assert!(other.begins_anew() && !change("CHANGE MASTER TO MASTER_USER='u'").unwrap().1.begins_anew());
        let (_, by_gtid) = change("CHANGE MASTER TO MASTER_USE_GTID=slave_pos").unwrap();
        by_gtid.apply(&mut set).unwrap();
        assert_eq!(set.using, Using::SlavePos);
        change("CHANGE MASTER TO MASTER_LOG_FILE='g'").unwrap().1.apply(&mut set).unwrap();
        assert_eq!(set.using, Using::Position);
    }
}
