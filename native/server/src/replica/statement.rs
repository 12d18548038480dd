//! The statements about channels, in the words of MySQL and of MariaDB.
//!
//! Source: MySQL Reference Manual, "SQL Statements for Controlling Replica Servers"; MariaDB, "Replication Statements".

use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::secret::Secret;

use super::filters::FILTERS;
use super::settings::{FIRST_POSITION, Field, PREFIXED, Settings, Using, heartbeat};
use crate::sql::Cursor;

/// A statement that was read.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    /// CHANGE MASTER and CHANGE REPLICATION SOURCE.
    Change(Named, Change),
    /// CHANGE REPLICATION FILTER.
    Filter(Chosen, Vec<(&'static str, Vec<String>)>),
    /// START SLAVE and START REPLICA.
    Start(Chosen, Threads, StartOptions),
    /// STOP SLAVE and STOP REPLICA.
    Stop(Chosen, Threads),
    /// RESET SLAVE and RESET REPLICA; the value says whether the settings go, too.
    Reset(Chosen, bool),
}

/// A channel by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Named {
    /// The name; empty for the channel without one.
    pub(crate) name: String,
    /// Whether it was named behind FOR CHANNEL, as in MySQL.
    pub(crate) is_mysql: bool,
}

/// The channels that a statement is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// All of them.
    All,
    /// The channel without a name where there is one, else all.
    Unnamed,
    /// One of them.
    One(Named),
}

/// The threads that a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) receiver: bool,
    pub(crate) applier: bool,
}

/// How a channel's threads start.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartOptions {
    pub(crate) until: Until,
    /// The user and the password of the next logins, which are kept in memory alone.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// Where the applier stops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nowhere.
    #[default]
    None,
    /// At a position of the source's log.
    Source(String, u64),
    /// At a position of the relay log.
    Relay(String, u64),
    /// When all of these GTIDs are applied.
    AfterGtids(String),
    /// Before the first of these GTIDs.
    BeforeGtids(String),
}

/// The words and values of a CHANGE.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change(Vec<(&'static str, Value)>);

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Secret(Secret),
    Switch(bool),
    Number(u64),
    Seconds(Duration, bool),
    Numbers(Vec<u32>),
    Using(Using),
}

/// The words of MySQL that this server takes with this value alone, because it does nothing then.
const WITHOUT_EFFECT: [(&str, &str); 9] = [
    ("ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS", "OFF"),
    ("GTID_ONLY", "0"),
    ("MASTER_BIND", "''"),
    ("MASTER_CONNECTION_AUTO_FAILOVER", "0"),
    ("NETWORK_NAMESPACE", "''"),
    ("PRIVILEGE_CHECKS_USER", "NULL"),
    ("REQUIRE_ROW_FORMAT", "0"),
    ("REQUIRE_TABLE_PRIMARY_KEY_CHECK", "STREAM"),
    ("MASTER_DEMOTE_TO_SLAVE", "0"),
];

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

/// Reads START, STOP or RESET of channels; the first word is taken. `None` for another statement.
///
/// # Errors
/// 1064 and 1235.
pub(crate) fn read_start(words: &mut Cursor<'_>) -> Result<Option<Statement>, SqlError> {
    let Some((mut chosen, threads)) = read_channels(words)? else { return Ok(None) };
    let mut options = StartOptions::default();
    if words.accept("UNTIL") {
        options.until = read_until(words)?;
    }
    while let Some(word) = words.accept_one(&["USER", "PASSWORD", "DEFAULT_AUTH", "PLUGIN_DIR"]) {
        words.expect("=")?;
        let text = words.text().ok_or_else(|| words.syntax_error())?;
        match word {
            "USER" => options.user = Some(text),
            "PASSWORD" => options.password = Some(Secret::from(text.as_str())),
            // The server names the plugin, and plugins are built in.
            _ => {}
        }
    }
    end(&mut chosen, words)?;
    Ok(Some(Statement::Start(chosen, threads, options)))
}

/// Reads STOP; see [`read_start`].
///
/// # Errors
/// 1064.
pub(crate) fn read_stop(words: &mut Cursor<'_>) -> Result<Option<Statement>, SqlError> {
    let Some((mut chosen, threads)) = read_channels(words)? else { return Ok(None) };
    end(&mut chosen, words)?;
    Ok(Some(Statement::Stop(chosen, threads)))
}

/// Reads RESET; see [`read_start`].
///
/// # Errors
/// 1064.
pub(crate) fn read_reset(words: &mut Cursor<'_>) -> Result<Option<Statement>, SqlError> {
    let Some(word) = words.accept_one(&["SLAVE", "REPLICA"]) else { return Ok(None) };
    let mut chosen = unnamed(word);
    if let Some(name) = words.text() {
        chosen = Chosen::One(Named { name, is_mysql: false });
    }
    let all = words.accept("ALL");
    end(&mut chosen, words)?;
    Ok(Some(Statement::Reset(chosen, all)))
}

/// Reads the channel of a SHOW, with the word STATUS; the words before the channel are taken. `None` stands for no name.
///
/// # Errors
/// 1064.
pub(crate) fn read_status(words: &mut Cursor<'_>) -> Result<Option<Named>, SqlError> {
    let mut named = words.text().map(|name| Named { name, is_mysql: false });
    words.expect("STATUS")?;
    if let Some(name) = for_channel(words)? {
        named = Some(Named { name, is_mysql: true });
    }
    words.expect_end()?;
    Ok(named)
}

/// MySQL's word stands for all channels, as in MySQL, and MariaDB's for one.
fn unnamed(word: &str) -> Chosen {
    if word == "REPLICA" { Chosen::All } else { Chosen::Unnamed }
}

fn for_channel(words: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if words.accept_all(&["FOR", "CHANNEL"]) { words.name_or_text().map(Some) } else { Ok(None) }
}

fn end(chosen: &mut Chosen, words: &mut Cursor<'_>) -> Result<(), SqlError> {
    if let Some(name) = for_channel(words)? {
        *chosen = Chosen::One(Named { name, is_mysql: true });
    }
    words.expect_end()
}

/// The channels and threads of START and STOP.
fn read_channels(words: &mut Cursor<'_>) -> Result<Option<(Chosen, Threads)>, SqlError> {
    let mut chosen = if words.accept_all(&["ALL", "SLAVES"]) || words.accept_all(&["ALL", "REPLICAS"]) {
        return Ok(Some((Chosen::All, Threads { receiver: true, applier: true })));
    } else if let Some(word) = words.accept_one(&["SLAVE", "REPLICA"]) {
        unnamed(word)
    } else {
        return Ok(None);
    };
    if let Some(name) = words.text() {
        chosen = Chosen::One(Named { name, is_mysql: false });
    }
    let mut threads = Threads { receiver: false, applier: false };
    loop {
        match words.accept_one(&["IO_THREAD", "RELAY_THREAD", "SQL_THREAD"]) {
            Some("SQL_THREAD") => threads.applier = true,
            Some(_) => threads.receiver = true,
            None if threads.applier || threads.receiver => return Err(words.syntax_error()),
            None => break,
        }
        if !words.accept(",") {
            break;
        }
    }
    if !threads.receiver && !threads.applier {
        threads = Threads { receiver: true, applier: true };
    }
    Ok(Some((chosen, threads)))
}

fn read_until(words: &mut Cursor<'_>) -> Result<Until, SqlError> {
    let (mut file, mut position, mut is_relay) = (None, None, false);
    loop {
        let word = words.name()?.to_ascii_uppercase();
        words.expect("=")?;
        let mut text = || words.text().ok_or_else(|| words.syntax_error());
        match word.as_str() {
            "MASTER_GTID_POS" | "SQL_AFTER_GTIDS" => return Ok(Until::AfterGtids(text()?)),
            "SQL_BEFORE_GTIDS" => return Ok(Until::BeforeGtids(text()?)),
            "MASTER_LOG_FILE" | "SOURCE_LOG_FILE" | "RELAY_LOG_FILE" => file = Some(text()?),
            "MASTER_LOG_POS" | "SOURCE_LOG_POS" | "RELAY_LOG_POS" => {
                position = Some(words.number().ok_or_else(|| words.syntax_error())?);
            }
            _ => return Err(words.syntax_error()),
        }
        is_relay |= word.starts_with("RELAY");
        if !words.accept(",") {
            break;
        }
    }
    match (file, position) {
        (Some(file), Some(position)) if is_relay => Ok(Until::Relay(file, position)),
        (Some(file), Some(position)) => Ok(Until::Source(file, position)),
        _ => {
            Err(SqlError::new(1277, b"HY000", "Incorrect parameter or combination of parameters for START SLAVE UNTIL"))
        }
    }
}

fn read_filter(words: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let mut lists = Vec::new();
    loop {
        let word = words.name()?.to_ascii_uppercase();
        let name = FILTERS.into_iter().find(|name| *name == word).ok_or_else(|| words.syntax_error())?;
        words.expect("=")?;
        words.expect("(")?;
        let mut list = Vec::new();
        while !words.accept(")") {
            if !list.is_empty() {
                words.expect(",")?;
            }
            list.push(read_filtered(name, words)?);
        }
        lists.push((name, list));
        if !words.accept(",") {
            break;
        }
    }
    let mut chosen = Chosen::All;
    end(&mut chosen, words)?;
    Ok(Statement::Filter(chosen, lists))
}

/// An entry of a filter: `db`, `db.table`, `'db.ta%'` or `(from, to)`.
fn read_filtered(filter: &str, words: &mut Cursor<'_>) -> Result<String, SqlError> {
    if filter == "REPLICATE_REWRITE_DB" {
        words.expect("(")?;
        let from = words.name()?;
        words.expect(",")?;
        let to = words.name()?;
        words.expect(")")?;
        return Ok(format!("{from}->{to}"));
    }
    if filter.contains("WILD") {
        let pattern = words.text().ok_or_else(|| words.syntax_error())?;
        return if pattern.contains('.') { Ok(pattern) } else { Err(words.syntax_error()) };
    }
    let database = words.name()?;
    if !filter.ends_with("TABLE") {
        return Ok(database);
    }
    words.expect(".")?;
    Ok(format!("{database}.{}", words.name()?))
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
        return without_effect(&given, words).map_err(|error| error.unwrap_or_else(|| before.syntax_error()));
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
            ("SOURCE_BIND='127.0.0.1'", 1235, "SOURCE_BIND"),
            ("RELAY_LOG_FILE='x'", 1235, "RELAY_LOG_FILE"),
            ("NOTHING=1", 1064, "NOTHING"),
            ("IGNORE_SERVER_IDS=1", 1064, "1"),
            ("MASTER_AUTO_POSITION=1, MASTER_LOG_POS=4", 1776, "AUTO_POSITION"),
            ("MASTER_SSL_CERT='c'", 1210, "both"),
        ] {
            let error = settings(&format!("CHANGE MASTER TO {wrong}")).unwrap_err();
            assert_eq!(error.code, number, "{wrong}: {error}");
            assert!(error.message.contains(way_out), "{wrong}: {error}");
        }
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

    #[test]
    fn start_stop_and_reset_name_channels_and_threads() {
        let read = |sql: &str| {
            let mut words = Cursor::new(sql);
            let read: fn(&mut Cursor<'_>) -> _ = match words.accept_one(&["START", "STOP", "RESET"]) {
                Some("START") => read_start,
                Some("STOP") => read_stop,
                _ => read_reset,
            };
            read(&mut words).map(Option::unwrap)
        };
        let Statement::Start(chosen, threads, options) =
            read("START SLAVE SQL_THREAD UNTIL MASTER_LOG_FILE='f', MASTER_LOG_POS=9 USER='u' PASSWORD='p'").unwrap()
        else {
            panic!()
        };
        assert_eq!((chosen, threads), (Chosen::Unnamed, Threads { receiver: false, applier: true }));
        assert_eq!((options.until, options.user.as_deref()), (Until::Source("f".to_owned(), 9), Some("u")));
        let named = Chosen::One(Named { name: "c".to_owned(), is_mysql: true });
        assert!(
            matches!(read("STOP REPLICA IO_THREAD, SQL_THREAD FOR CHANNEL c").unwrap(), Statement::Stop(one, _) if one == named)
        );
        assert!(matches!(read("START ALL SLAVES").unwrap(), Statement::Start(Chosen::All, ..)));
        assert!(matches!(read("RESET REPLICA ALL").unwrap(), Statement::Reset(Chosen::All, true)));
        assert!(matches!(read("RESET SLAVE 'c' ALL").unwrap(), Statement::Reset(Chosen::One(_), true)));
        assert_eq!(read("START SLAVE UNTIL MASTER_LOG_POS=9").unwrap_err().code, 1277);
        assert_eq!(read("START SLAVE NOW").unwrap_err().code, 1064);
    }

    #[test]
    fn filters_are_lists() {
        let mut words = Cursor::new(
            "REPLICATION FILTER REPLICATE_DO_DB=(a, `b`), REPLICATE_WILD_DO_TABLE=('a.t%'), REPLICATE_REWRITE_DB=((a, c)), \
             REPLICATE_IGNORE_TABLE=(a.x), REPLICATE_IGNORE_DB=() FOR CHANNEL 'c'",
        );
        let Some(Statement::Filter(Chosen::One(_), lists)) = read_change(&mut words).unwrap() else { panic!() };
        let lists: Vec<(&str, String)> = lists.into_iter().map(|(name, list)| (name, list.join(" "))).collect();
        let expected = [
            ("REPLICATE_DO_DB", "a b"),
            ("REPLICATE_WILD_DO_TABLE", "a.t%"),
            ("REPLICATE_REWRITE_DB", "a->c"),
            ("REPLICATE_IGNORE_TABLE", "a.x"),
            ("REPLICATE_IGNORE_DB", ""),
        ];
        assert_eq!(lists, expected.map(|(name, list)| (name, list.to_owned())));
    }
}
