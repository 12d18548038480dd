//! The option files that a program asks for by `MYSQL_READ_DEFAULT_FILE` or `MYSQL_READ_DEFAULT_GROUP`.
//!
//! As in the original, a file's options replace the program's, and unknown ones are ignored. Unlike there, a file can't take back the TLS
//! that the program asked for, and a flag without a value is on.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sealwire_core::SqlError;
use sealwire_core::tls::SslMode;
use sealwire_options::{Environment, settings_of};

use super::environment;
use super::failure;
use super::options::{self, Kind, Settings, kind};
use super::policy::by_options;
use super::state::text;

/// The groups that every program reads.
const GROUPS: [&str; 3] = ["client", "client-server", "client-mariadb"];

/// The names in files, with dashes, and their options.
const NAMES: [(&str, u32); 57] = [
    ("port", options::PORT),
    ("socket", options::UNIXSOCKET),
    ("compress", options::COMPRESS),
    ("password", options::PASSWORD),
    ("timeout", options::CONNECT_TIMEOUT),
    ("connect-timeout", options::CONNECT_TIMEOUT),
    ("user", options::USER),
    ("init-command", options::INIT_COMMAND),
    ("host", options::HOST),
    ("database", options::SCHEMA),
    ("return-found-rows", options::FOUND_ROWS),
    ("ssl", options::USE_TLS),
    ("ssl-mode", options::SSL_MODE),
    ("ssl-key", options::SSL_KEY),
    ("tls-key", options::SSL_KEY),
    ("ssl-cert", options::SSL_CERT),
    ("tls-cert", options::SSL_CERT),
    ("ssl-ca", options::SSL_CA),
    ("tls-ca", options::SSL_CA),
    ("ssl-capath", options::SSL_CAPATH),
    ("tls-capath", options::SSL_CAPATH),
    ("ssl-cipher", options::SSL_CIPHER),
    ("tls-cipher", options::SSL_CIPHER),
    ("ssl-crl", options::SSL_CRL),
    ("tls-crl", options::SSL_CRL),
    ("ssl-crlpath", options::SSL_CRLPATH),
    ("tls-crlpath", options::SSL_CRLPATH),
    ("ssl-verify-server-cert", options::SSL_VERIFY_SERVER_CERT),
    ("tls-verify-peer", options::SSL_VERIFY_SERVER_CERT),
    ("ssl-enforce", options::SSL_ENFORCE),
    ("ssl-fp", options::SSL_FP),
    ("tls-fp", options::SSL_FP),
    ("ssl-fp-list", options::SSL_FP_LIST),
    ("ssl-fplist", options::SSL_FP_LIST),
    ("tls-fplist", options::SSL_FP_LIST),
    ("ssl-passphrase", options::TLS_PASSPHRASE),
    ("tls-passphrase", options::TLS_PASSPHRASE),
    ("tls-version", options::TLS_VERSION),
    ("tls-ciphersuites", options::TLS_CIPHERSUITES),
    ("default-character-set", options::SET_CHARSET_NAME),
    ("interactive-timeout", options::INTERACTIVE),
    ("local-infile", options::LOCAL_INFILE),
    ("max-allowed-packet", options::MAX_ALLOWED_PACKET),
    ("protocol", options::PROTOCOL),
    ("multi-statements", options::MULTI_STATEMENTS),
    ("multi-queries", options::MULTI_STATEMENTS),
    ("report-data-truncation", options::REPORT_DATA_TRUNCATION),
    ("reconnect", options::RECONNECT),
    ("server-public-key", options::SERVER_PUBLIC_KEY),
    ("multi-results", options::MULTI_RESULTS),
    ("secure-auth", options::SECURE_AUTH),
    ("plugin-dir", options::PLUGIN_DIR),
    ("default-auth", options::DEFAULT_AUTH),
    ("bind-address", options::BIND),
    ("restricted-auth", options::RESTRICTED_AUTH),
    ("character-sets-dir", options::SET_CHARSET_DIR),
    ("net-buffer-length", options::NET_BUFFER_LENGTH),
];

/// Reads the files, if the program asked for them. `flag` is whether it passed `CLIENT_SSL`.
///
/// # Errors
/// A file or a value in it is wrong.
pub(crate) fn apply(settings: &mut Settings, flag: bool) -> Result<(), SqlError> {
    let file = settings.filled(options::READ_DEFAULT_FILE).map(ToOwned::to_owned);
    let group = settings.text(options::READ_DEFAULT_GROUP).map(|group| group.to_string_lossy().into_owned());
    if file.is_none() && group.is_none() {
        return Ok(());
    }
    environment::prepare();
    let mut groups = GROUPS.to_vec();
    groups.extend(group.as_deref().filter(|group| !group.is_empty()));
    let path = file.as_ref().map(|file| Path::new(OsStr::from_bytes(file.to_bytes())));
    let read = settings_of(path, &groups, &Environment::of_process());
    let read = read.map_err(|error| failure::hy000(2000, format!("The option file is wrong: {error}")))?;
    // A file decides the mode where the program asks for no TLS, and can only raise it where it does.
    let explicit = settings.take_number(options::SSL_MODE);
    let asked = explicit.or_else(|| by_options(settings, flag).map(number_of));
    let outcome = read.iter().try_for_each(|(name, value)| set(settings, name, value.as_deref()).map(drop));
    let mode = settings.given_number(options::SSL_MODE).map_or(explicit, |of_file| Some(of_file).max(asked));
    if let Some(mode) = mode {
        settings.set_number(options::SSL_MODE, mode);
    }
    outcome
}

/// The number of a mode as a value of the option.
fn number_of(mode: SslMode) -> u64 {
    SslMode::ALL.iter().position(|known| *known == mode).map_or(0, |at| at as u64 + 1)
}

/// Sets an option by its name; false where the name is unknown.
///
/// # Errors
/// The value is wrong.
pub(crate) fn set(settings: &mut Settings, name: &str, value: Option<&[u8]>) -> Result<bool, SqlError> {
    let name = name.replace('_', "-");
    let Some((_, option)) = NAMES.iter().find(|(known, _)| *known == name) else { return Ok(false) };
    let option = *option;
    let wrong = |what: &str| {
        let shown = String::from_utf8_lossy(value.unwrap_or_default());
        failure::hy000(2000, format!("The option '{name}' in an option file: '{shown}' is no {what}"))
    };
    let number = || {
        let digits = std::str::from_utf8(value.unwrap_or_default()).unwrap_or_default();
        let (digits, unit) = match digits.as_bytes().last() {
            Some(b'k' | b'K') => (digits.get(..digits.len() - 1), 1 << 10),
            Some(b'm' | b'M') => (digits.get(..digits.len() - 1), 1 << 20),
            Some(b'g' | b'G') => (digits.get(..digits.len() - 1), 1 << 30),
            _ => (Some(digits), 1),
        };
        digits.and_then(|digits| digits.trim().parse::<u64>().ok()).and_then(|number| number.checked_mul(unit))
    };
    let flag = match value.unwrap_or(b"1").to_ascii_lowercase().as_slice() {
        b"1" | b"on" | b"true" | b"yes" => Some(true),
        b"0" | b"off" | b"false" | b"no" => Some(false),
        _ => None,
    };
    match (option, kind(option)) {
        (options::SSL_MODE, _) => {
            let text = String::from_utf8_lossy(value.unwrap_or_default());
            let mode = text.parse::<SslMode>().map_err(|_| wrong("ssl-mode"))?;
            settings.set_number(option, number_of(mode));
        }
        (options::PROTOCOL, _) => {
            let protocol = match value.unwrap_or_default().to_ascii_lowercase().as_slice() {
                b"tcp" | b"1" => 1,
                b"socket" | b"2" => 2,
                b"default" | b"0" => 0,
                _ => return Err(wrong("protocol: tcp or socket")),
            };
            settings.set_number(option, protocol);
        }
        (options::USE_TLS | options::SSL_VERIFY_SERVER_CERT | options::SSL_ENFORCE, _) => {
            let on = flag.ok_or_else(|| wrong("boolean"))?;
            if on {
                settings.set_number(option, 1);
            }
        }
        (options::LOCAL_INFILE, _) | (_, Some(Kind::Flag | Kind::On)) => {
            settings.set_number(option, flag.ok_or_else(|| wrong("boolean"))?.into());
        }
        (_, Some(Kind::Number | Kind::Size)) => {
            settings.set_checked(option, number().ok_or_else(|| wrong("number"))?)?
        }
        // An empty value asks for nothing, as in the original.
        _ if value.is_none_or(<[u8]>::is_empty) && options::asks_for_tls(option) => {}
        _ => {
            let value: CString = text(value.unwrap_or_default());
            settings.set_text(option, Some(&value))?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, prepare: impl FnOnce(&mut Settings)) -> Result<Settings, SqlError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.cnf");
        std::fs::write(&path, text).unwrap();
        let mut settings = Settings::new();
        prepare(&mut settings);
        let path = CString::new(path.to_str().unwrap()).unwrap();
        settings.set_text(options::READ_DEFAULT_FILE, Some(&path)).unwrap();
        settings.set_text(options::READ_DEFAULT_GROUP, Some(c"perl")).unwrap();
        apply(&mut settings, false).map(|()| settings)
    }

    #[test]
    fn the_last_group_of_a_file_wins_and_unknown_names_are_ignored() {
        let text = "[client]\nuser=a\nport=3307\nwhatever=x\nmax_allowed_packet=2M\n[other]\nuser=b\n[perl]\nuser=c\nprotocol=TCP\nreconnect\n";
        let settings = read(text, |settings| settings.set_text(options::USER, Some(c"program")).unwrap()).unwrap();
        assert_eq!(settings.text(options::USER), Some(c"c"));
        let numbers = [options::PORT, options::PROTOCOL, options::RECONNECT, options::MAX_ALLOWED_PACKET];
        assert_eq!(numbers.map(|option| settings.number(option)), [3307, 1, 1, 2 << 20]);
    }

    #[test]
    fn a_file_can_ask_for_tls_but_not_take_it_back() {
        let settings = read("[client]\nssl-verify-server-cert\n", |_| ()).unwrap();
        assert!(settings.flag(options::SSL_VERIFY_SERVER_CERT), "without a value it is on");
        let prepare = |settings: &mut Settings| {
            settings.set_number(options::SSL_VERIFY_SERVER_CERT, 1);
            settings.set_number(options::SSL_MODE, 5);
        };
        let settings = read("[client]\nssl-verify-server-cert=0\nssl=0\nssl-mode=DISABLED\n", prepare).unwrap();
        assert!(settings.flag(options::SSL_VERIFY_SERVER_CERT));
        assert_eq!(settings.number(options::SSL_MODE), 5);
        let settings = read("[client]\nssl\nssl-mode=VERIFY_CA\n", |_| ()).unwrap();
        assert!(settings.asks_for_tls() && settings.number(options::SSL_MODE) == 4);
        for (of_file, number) in [("DISABLED", 4), ("PREFERRED", 4), ("REQUIRED", 4), ("VERIFY_IDENTITY", 5)] {
            let with_ca = |settings: &mut Settings| settings.set_text(options::SSL_CA, Some(c"ca.pem")).unwrap();
            let settings = read(&format!("[client]\nssl-mode={of_file}\n"), with_ca).unwrap();
            assert_eq!(settings.number(options::SSL_MODE), number, "a CA of the program, and {of_file}");
        }
        let settings = read("[client]\nssl-mode=DISABLED\nssl-ca=ca.pem\nssl-key=\n", |_| ()).unwrap();
        assert_eq!(settings.number(options::SSL_MODE), 1, "a program that asks for no TLS");
        assert!(settings.text(options::SSL_KEY).is_none());
        let settings = read("[client]\nuser=a\n", |settings| settings.set_number(options::SSL_MODE, 2)).unwrap();
        assert_eq!(settings.number(options::SSL_MODE), 2);
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (text, within) in
            [("port=x", "'port'"), ("ssl-mode=ALL", "'ALL' is no ssl-mode"), ("protocol=pipe", "tcp or socket")]
        {
            let error = read(&format!("[client]\n{text}\n"), |_| ()).unwrap_err();
            assert!(error.message.contains(within), "{error}");
        }
    }
}
