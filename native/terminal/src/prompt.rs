//! Expands the prompt's placeholders, which are mysql's: `\d` is the database, `\u` the user.

use std::time::SystemTime;

use sealwire_core::message::StatusFlags;
use sealwire_core::printable;
use time::{OffsetDateTime, UtcOffset};

use super::session::Session;
use sealwire::Address;

/// The local time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    offset: UtcOffset,
}

impl Clock {
    /// The clock in the system's time zone. It is read here once, because it can't be read safely while other threads run.
    pub(crate) fn of_system() -> Self {
        Self { offset: UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC) }
    }

    fn now(self) -> OffsetDateTime {
        OffsetDateTime::from(SystemTime::now()).to_offset(self.offset)
    }
}

/// The prompt with all placeholders expanded. `counter` is the prompt's number.
pub(crate) fn render(template: &str, session: &Session, counter: usize, clock: Clock) -> String {
    let connector = session.connector();
    let connected = session.client().map(|client| client.facts());
    let now = clock.now();
    let value = |letter| match letter {
        'c' => Some(counter.to_string()),
        'C' => Some(connected.map_or_else(String::new, |facts| facts.connection_id.to_string())),
        'd' => Some(session.database().unwrap_or("(none)").to_owned()),
        'h' => Some(match (connected, connector.address()) {
            (None, _) => "not_connected".to_owned(),
            (_, Address::Tcp { host, .. }) => host.clone(),
            (_, Address::Unix(_)) => "localhost".to_owned(),
        }),
        'p' => Some(match connector.address() {
            Address::Tcp { port, .. } => port.to_string(),
            Address::Unix(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }),
        'u' => Some(connector.user().to_owned()),
        'U' => Some(session.full_user().to_owned()),
        'v' => Some(connected.map_or("not_connected", |facts| facts.server_version.as_str()).to_owned()),
        'l' => Some(String::from_utf8_lossy(session.splitter().delimiter()).into_owned()),
        'S' => Some(";".to_owned()),
        'T' => {
            let open = session.client().is_some_and(|client| client.status().contains(StatusFlags::IN_TRANS));
            Some(if open { "*" } else { " " }.to_owned())
        }
        letter => of_time(letter, now),
    };
    // Control characters are escaped, because the server chooses its version text and the database names, and the prompt goes to the
    // terminal.
    fill(template, |letter| Some(printable::line(&value(letter)?).into_owned()))
}

/// A placeholder of the time.
fn of_time(letter: char, now: OffsetDateTime) -> Option<String> {
    let brief = |name: String| name.get(..3).map(str::to_owned);
    match letter {
        'D' => {
            let (day, month) = (of_time('w', now)?, of_time('O', now)?);
            let (hour, minute, second) = now.to_hms();
            Some(format!("{day} {month} {:2} {hour:02}:{minute:02}:{second:02} {}", now.day(), now.year()))
        }
        'w' => brief(now.weekday().to_string()),
        'y' => Some(format!("{:02}", now.year().rem_euclid(100))),
        'Y' => Some(now.year().to_string()),
        'o' => Some(u8::from(now.month()).to_string()),
        'O' => brief(now.month().to_string()),
        'R' => Some(format!("{:02}", now.hour())),
        'r' => Some(format!("{:02}", (now.hour() + 11) % 12 + 1)),
        'm' => Some(format!("{:02}", now.minute())),
        's' => Some(format!("{:02}", now.second())),
        'P' => Some(if now.hour() < 12 { "am" } else { "pm" }.to_owned()),
        _ => None,
    }
}

fn fill(template: &str, value: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::new();
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('_' | ' ') => out.push(' '),
            Some(letter) => match value(letter) {
                Some(text) => out.push_str(&text),
                None => out.push(letter),
            },
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_shown_as_mysql_shows_it() {
        // The expected texts are those of mariadb 10.11.
        let shown = |seconds| {
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            fill(r"\D|\w|\y|\Y|\o|\O|\R:\m:\s|\r\P", |letter| of_time(letter, now))
        };
        assert_eq!(shown(1_795_939_756), "Sun Nov 29 08:09:16 2026|Sun|26|2026|11|Nov|08:09:16|08am");
        assert_eq!(shown(0), "Thu Jan  1 00:00:00 1970|Thu|70|1970|1|Jan|00:00:00|12am");
        assert!(shown(12 * 3600 + 61).ends_with("|12:01:01|12pm") && shown(13 * 3600).ends_with("|13:00:00|01pm"));
    }

    #[test]
    fn letters_after_a_backslash_are_filled_in() {
        let value = |letter| (letter == 'd').then(|| "test".to_owned());
        assert_eq!(fill(r"[\d]>\_", value), "[test]> ");
        assert_eq!(fill(r"a\\b\'\", value), r"a\b'");
    }
}
