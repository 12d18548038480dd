//! A channel's settings, by the words of CHANGE MASTER and CHANGE REPLICATION SOURCE.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::error::SqlError;
use sealwire_core::secret::Secret;

use super::filters::FilterLists;

/// The position of the first event in a file.
pub(crate) const FIRST_POSITION: u64 = 4;
/// The longest heartbeat period, in seconds, because servers count its nanoseconds in 64 bits with a sign.
const MOST_HEARTBEAT: u64 = 4_294_967;

/// The settings of a channel.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
    /// The file whose first line is the password, read at each login.
    pub(crate) password_file: String,
    pub(crate) port: u64,
    /// The local address from which to connect; empty for the system's choice.
    pub(crate) bind: String,
    /// Seconds between two attempts to connect.
    pub(crate) connect_retry: u64,
    /// The most attempts in a row; 0 for no limit.
    pub(crate) retry_count: u64,
    /// The file and the position at which the channel began.
    pub(crate) log_file: String,
    pub(crate) log_pos: u64,
    /// The time without an event after which the source sends a heartbeat; 0 for none.
    pub(crate) heartbeat: Duration,
    /// Seconds by which the applier stays behind the source.
    pub(crate) delay: u64,
    pub(crate) using: Using,
    pub(crate) ssl: bool,
    pub(crate) ssl_ca: String,
    pub(crate) ssl_capath: String,
    pub(crate) ssl_cert: String,
    pub(crate) ssl_key: String,
    pub(crate) ssl_cipher: String,
    pub(crate) ssl_crl: String,
    pub(crate) ssl_crlpath: String,
    pub(crate) ssl_verify: bool,
    pub(crate) ssl_fp: String,
    pub(crate) tls_version: String,
    pub(crate) tls_ciphersuites: String,
    pub(crate) public_key_path: String,
    pub(crate) get_public_key: bool,
    pub(crate) compression: String,
    pub(crate) zstd_level: u64,
    pub(crate) ignore_server_ids: Vec<u32>,
    pub(crate) do_domain_ids: Vec<u32>,
    pub(crate) ignore_domain_ids: Vec<u32>,
    /// The GTIDs that were applied before the channel begins, where `gtid_slave_pos` gave them.
    pub(crate) gtids: String,
    pub(crate) has_gtids: bool,
    /// Whether the channel begins at this place when it starts next; else it goes on behind what is applied.
    pub(crate) begins: bool,
    pub(crate) filters: FilterLists,
}

/// The way in which the receiver requests the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Using {
    /// By file and position.
    Position,
    /// By MariaDB's GTIDs: `slave_pos`.
    SlavePos,
    /// By MariaDB's GTIDs: `current_pos`, which begins behind those of this server's own log, too.
    CurrentPos,
    /// By MySQL's GTIDs: AUTO_POSITION.
    AutoPosition,
}

/// A setting, to read or to change.
pub(crate) enum Field<'s> {
    Text(&'s mut String),
    Secret(&'s mut Secret),
    Switch(&'s mut bool),
    Number(&'s mut u64, RangeInclusive<u64>),
    Seconds(&'s mut Duration),
    Numbers(&'s mut Vec<u32>),
    UseGtid(&'s mut Using),
    AutoPosition(&'s mut Using),
}

/// The words that have `MASTER_` or `SOURCE_` before them.
pub(crate) const PREFIXED: [&str; 32] = [
    "AUTO_POSITION",
    "BIND",
    "COMPRESSION_ALGORITHMS",
    "CONNECT_RETRY",
    "DELAY",
    "HEARTBEAT_PERIOD",
    "HOST",
    "LOG_FILE",
    "LOG_POS",
    "PASSWORD",
    "PASSWORD_FILE",
    "PORT",
    "PUBLIC_KEY_PATH",
    "RETRY_COUNT",
    "SSL",
    "SSL_CA",
    "SSL_CAPATH",
    "SSL_CERT",
    "SSL_CIPHER",
    "SSL_CRL",
    "SSL_CRLPATH",
    "SSL_FP",
    "SSL_KEY",
    "SSL_VERIFY_SERVER_CERT",
    "TLS_CIPHERSUITES",
    "TLS_VERSION",
    "USER",
    "USE_GTID",
    "ZSTD_COMPRESSION_LEVEL",
    // The words without a prefix in SQL.
    "IGNORE_SERVER_IDS",
    "DO_DOMAIN_IDS",
    "IGNORE_DOMAIN_IDS",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: String::new(),
            user: String::new(),
            password: Secret::new(Vec::new()),
            password_file: String::new(),
            port: DEFAULT_PORT.into(),
            bind: String::new(),
            connect_retry: 60,
            retry_count: 86_400,
            log_file: String::new(),
            log_pos: FIRST_POSITION,
            heartbeat: Duration::from_secs(30),
            delay: 0,
            using: Using::Position,
            ssl: true,
            ssl_ca: String::new(),
            ssl_capath: String::new(),
            ssl_cert: String::new(),
            ssl_key: String::new(),
            ssl_cipher: String::new(),
            ssl_crl: String::new(),
            ssl_crlpath: String::new(),
            ssl_verify: true,
            ssl_fp: String::new(),
            tls_version: String::new(),
            tls_ciphersuites: String::new(),
            public_key_path: String::new(),
            get_public_key: false,
            compression: String::new(),
            zstd_level: 3,
            ignore_server_ids: Vec::new(),
            do_domain_ids: Vec::new(),
            ignore_domain_ids: Vec::new(),
            gtids: String::new(),
            has_gtids: false,
            begins: true,
            filters: FilterLists::default(),
        }
    }
}

impl Settings {
    /// The setting of a word without its prefix; `None` for another word.
    pub(crate) fn field(&mut self, word: &str) -> Option<Field<'_>> {
        let whole = u64::from(u32::MAX);
        Some(match word {
            "AUTO_POSITION" => Field::AutoPosition(&mut self.using),
            "BIND" => Field::Text(&mut self.bind),
            "COMPRESSION_ALGORITHMS" => Field::Text(&mut self.compression),
            "CONNECT_RETRY" => Field::Number(&mut self.connect_retry, 1..=whole),
            "DELAY" => Field::Number(&mut self.delay, 0..=2_147_483_647),
            "DO_DOMAIN_IDS" => Field::Numbers(&mut self.do_domain_ids),
            "HEARTBEAT_PERIOD" => Field::Seconds(&mut self.heartbeat),
            "HOST" => Field::Text(&mut self.host),
            "IGNORE_DOMAIN_IDS" => Field::Numbers(&mut self.ignore_domain_ids),
            "IGNORE_SERVER_IDS" => Field::Numbers(&mut self.ignore_server_ids),
            "LOG_FILE" => Field::Text(&mut self.log_file),
            "LOG_POS" => Field::Number(&mut self.log_pos, 0..=u64::MAX),
            "PASSWORD" => Field::Secret(&mut self.password),
            "PASSWORD_FILE" => Field::Text(&mut self.password_file),
            "PORT" => Field::Number(&mut self.port, 1..=65_535),
            "PUBLIC_KEY_PATH" => Field::Text(&mut self.public_key_path),
            "RETRY_COUNT" => Field::Number(&mut self.retry_count, 0..=whole),
            "SSL" => Field::Switch(&mut self.ssl),
            "SSL_CA" => Field::Text(&mut self.ssl_ca),
            "SSL_CAPATH" => Field::Text(&mut self.ssl_capath),
            "SSL_CERT" => Field::Text(&mut self.ssl_cert),
            "SSL_CIPHER" => Field::Text(&mut self.ssl_cipher),
            "SSL_CRL" => Field::Text(&mut self.ssl_crl),
            "SSL_CRLPATH" => Field::Text(&mut self.ssl_crlpath),
            "SSL_FP" => Field::Text(&mut self.ssl_fp),
            "SSL_KEY" => Field::Text(&mut self.ssl_key),
            "SSL_VERIFY_SERVER_CERT" => Field::Switch(&mut self.ssl_verify),
            "TLS_CIPHERSUITES" => Field::Text(&mut self.tls_ciphersuites),
            "TLS_VERSION" => Field::Text(&mut self.tls_version),
            "USER" => Field::Text(&mut self.user),
            "USE_GTID" => Field::UseGtid(&mut self.using),
            "ZSTD_COMPRESSION_LEVEL" => Field::Number(&mut self.zstd_level, 1..=22),
            "GET_PUBLIC_KEY" => Field::Switch(&mut self.get_public_key),
            "GTIDS" => Field::Text(&mut self.gtids),
            "HAS_GTIDS" => Field::Switch(&mut self.has_gtids),
            "BEGINS" => Field::Switch(&mut self.begins),
            _ => return None,
        })
    }

    /// Checks settings that depend on each other.
    ///
    /// # Errors
    /// 1210 where a setting needs another one, with the way out.
    pub(crate) fn check(&self) -> Result<(), SqlError> {
        let wrong = |message: &str| Err(SqlError::new(1210, b"HY000", message));
        if self.ssl_cert.is_empty() != self.ssl_key.is_empty() {
            return wrong("Incorrect arguments to SSL_CERT and SSL_KEY: a client certificate needs both");
        }
        if self.get_public_key && !self.ssl {
            return wrong(
                "Incorrect arguments to GET_SOURCE_PUBLIC_KEY: without TLS whoever answers could send a key of his own and read the password; \
                 use SOURCE_SSL=1, or give the source's key with SOURCE_PUBLIC_KEY_PATH",
            );
        }
        if !self.password.is_empty() && !self.password_file.is_empty() {
            return wrong("Incorrect arguments to PASSWORD_FILE: give either a password or a file that has it");
        }
        Ok(())
    }

    /// A note where others can read the channel's connection, or speak in the source's place.
    pub(crate) fn insecurity(&self) -> Option<SqlError> {
        let message = if !self.ssl {
            "Sending passwords in plain text without SSL/TLS is extremely insecure, and everyone in between can read and change all that is \
             replicated: use SOURCE_SSL=1."
        } else if !self.ssl_verify && self.ssl_ca.is_empty() && self.ssl_capath.is_empty() && self.ssl_fp.is_empty() {
            "The source is not verified, so whoever answers in its place can read the channel and change all that is replicated: use \
             SOURCE_SSL_VERIFY_SERVER_CERT=1, or give SOURCE_SSL_CA or SOURCE_SSL_FP."
        } else {
            return None;
        };
        Some(SqlError::new(1759, b"HY000", message))
    }

    /// The settings as lines of `WORD=value`.
    pub(super) fn to_lines(&self) -> String {
        let mut own = self.clone();
        let mut text = String::new();
        for word in PREFIXED.iter().chain(&UNPREFIXED) {
            // Both words set one field.
            if *word == "AUTO_POSITION" {
                continue;
            }
            if let Some(value) = own.field(word).map(|field| field.to_text()) {
                let _ = writeln!(text, "{word}={}", escaped(&value));
            }
        }
        for (name, list) in self.filters.lists() {
            for entry in list {
                let _ = writeln!(text, "{name}={}", escaped(entry));
            }
        }
        text
    }

    /// Takes a line of [`Self::to_lines`]; the error says what is wrong with it.
    pub(super) fn read_line(&mut self, line: &str) -> Result<(), String> {
        let (word, value) = line.split_once('=').ok_or("it has no '='")?;
        let value = unescaped(value);
        if let Some(list) = self.filters.list_mut(word) {
            list.push(value);
            return Ok(());
        }
        let field = self.field(word).ok_or_else(|| format!("there is no setting '{word}'"))?;
        field.take_text(value).ok_or_else(|| format!("'{word}' has a value that it can't have"))
    }
}

/// The settings that have other words in SQL, or none.
const UNPREFIXED: [&str; 4] = ["GET_PUBLIC_KEY", "GTIDS", "HAS_GTIDS", "BEGINS"];

impl Using {
    /// The value of Using_Gtid.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Position => "No",
            Self::SlavePos => "Slave_Pos",
            Self::CurrentPos => "Current_Pos",
            Self::AutoPosition => "Auto_Position",
        }
    }

    /// The way that a word or a stored name stands for.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Position, Self::SlavePos, Self::CurrentPos, Self::AutoPosition];
        all.into_iter().find(|using| using.name().eq_ignore_ascii_case(name))
    }
}

impl Field<'_> {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => (**text).clone(),
            // The file is readable by its owner alone.
            Self::Secret(secret) => String::from_utf8_lossy(secret.expose()).into_owned(),
            Self::Switch(switch) => u8::from(**switch).to_string(),
            Self::Number(number, _) => number.to_string(),
            Self::Seconds(time) => time.as_millis().to_string(),
            Self::Numbers(numbers) => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            Self::UseGtid(using) | Self::AutoPosition(using) => using.name().to_owned(),
        }
    }

    fn take_text(self, value: String) -> Option<()> {
        match self {
            Self::Text(text) => *text = value,
            Self::Secret(secret) => *secret = Secret::from(value.as_str()),
            Self::Switch(switch) => *switch = value == "1",
            Self::Number(number, range) => *number = value.parse().ok().filter(|number| range.contains(number))?,
            Self::Seconds(time) => *time = Duration::from_millis(value.parse().ok()?),
            Self::Numbers(numbers) => {
                let all = value.split(',').filter(|number| !number.is_empty());
                *numbers = all.map(|number| number.parse().ok()).collect::<Option<_>>()?;
            }
            Self::UseGtid(using) | Self::AutoPosition(using) => *using = Using::from_name(&value)?,
        }
        Some(())
    }
}

/// A heartbeat period as CHANGE MASTER takes it, in seconds with a fraction, and whether it is too short to be one, so that 0 is taken.
///
/// # Errors
/// 1624 where servers do not take it.
pub(super) fn heartbeat(text: &str) -> Option<Result<(Duration, bool), SqlError>> {
    let seconds: f64 = text.parse().ok()?;
    if !(0.0..=MOST_HEARTBEAT as f64).contains(&seconds) {
        let message = format!(
            "The requested value for the heartbeat period is either negative or exceeds the maximum allowed ({MOST_HEARTBEAT} seconds)"
        );
        return Some(Err(SqlError::new(1624, b"HY000", message)));
    }
    let is_too_short = seconds > 0.0 && seconds < 0.001;
    let period = if is_too_short { Duration::ZERO } else { Duration::from_secs_f64(seconds) };
    Some(Ok((period, is_too_short)))
}

/// A value on one line.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescaped(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        let mut settings = Settings {
            host: "db\n1\\n\r".to_owned(),
            password: Secret::from("hu=sh"),
            heartbeat: Duration::from_millis(1500),
            using: Using::SlavePos,
            ssl: false,
            ignore_server_ids: vec![3, 4],
            ..Settings::default()
        };
        settings.filters.list_mut("REPLICATE_DO_DB").unwrap().push("a,b".to_owned());
        let mut again = Settings::default();
        for line in settings.to_lines().lines() {
            again.read_line(line).unwrap();
        }
        assert_eq!(again.to_lines(), settings.to_lines());
        assert_eq!((again.host.as_str(), again.password.expose()), ("db\n1\\n\r", &b"hu=sh"[..]));
        assert!(again.read_line("PORT=70000").unwrap_err().contains("PORT"));
        assert!(again.read_line("NOTHING=1").unwrap_err().contains("NOTHING"));
    }

    #[test]
    fn every_word_has_a_field() {
        let mut settings = Settings::default();
        for word in PREFIXED.iter().chain(&UNPREFIXED) {
            assert!(settings.field(word).is_some(), "{word}");
        }
        assert!(!format!("{:?}", Settings { password: Secret::from("hush"), ..settings }).contains("hush"));
    }

    #[test]
    fn what_needs_something_else_is_refused_with_the_way_out() {
        let told = |settings: Settings| settings.check().unwrap_err().message;
        assert!(told(Settings { ssl_cert: "c".to_owned(), ..Settings::default() }).contains("both"));
        let fetching = Settings { get_public_key: true, ssl: false, ..Settings::default() };
        assert!(told(fetching).contains("SOURCE_SSL=1"));
        assert!(Settings { get_public_key: true, ..Settings::default() }.check().is_ok());
    }

    #[test]
    fn a_channel_that_others_can_read_has_a_note() {
        let note = |settings: Settings| settings.insecurity().map_or_else(String::new, |note| note.message);
        assert_eq!(note(Settings::default()), "");
        assert!(note(Settings { ssl: false, ..Settings::default() }).contains("SOURCE_SSL=1"));
        let unverified = Settings { ssl_verify: false, ..Settings::default() };
        assert!(note(unverified.clone()).contains("SOURCE_SSL_CA"));
        assert_eq!(note(Settings { ssl_fp: "AB".to_owned(), ..unverified }), "");
    }

    #[test]
    fn a_heartbeat_period_is_bounded() {
        assert_eq!(heartbeat("1.5").unwrap().unwrap(), (Duration::from_millis(1500), false));
        assert_eq!(heartbeat("0.0001").unwrap().unwrap(), (Duration::ZERO, true));
        assert_eq!(heartbeat("4294968").unwrap().unwrap_err().code, 1624);
        assert!(heartbeat("soon").is_none() && heartbeat("nan").unwrap().is_err());
    }
}
