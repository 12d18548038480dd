//! Reads START, STOP and RESET of channels, and the channel of a SHOW.

use sealwire_core::error::SqlError;
use sealwire_core::secret::Secret;

use super::types::{Chosen, Named, StartOptions, Statement, Threads, Until};
use crate::sql::Cursor;

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

pub(super) fn for_channel(words: &mut Cursor<'_>) -> Result<Option<String>, SqlError> {
    if words.accept_all(&["FOR", "CHANNEL"]) { words.name_or_text().map(Some) } else { Ok(None) }
}

pub(super) fn end(chosen: &mut Chosen, words: &mut Cursor<'_>) -> Result<(), SqlError> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
