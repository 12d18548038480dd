//! The options of `mysql_options`, by MariaDB's numbers, as this library keeps them.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use sealwire_core::SqlError;
use sealwire_core::auth::Plugin;

use super::failure;

/// The type of an option's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, or NULL to unset it.
    Text,
    /// A pointer to a `my_bool`.
    Flag,
    /// A pointer to an `unsigned int`.
    Number,
    /// A pointer to a `size_t`.
    Size,
    /// A pointer to a byte.
    Byte,
    /// No argument: the option is on once it is set.
    On,
    /// A pointer that the program gets back as it is.
    Pointer,
    /// Accepted without effect, because it concerns what this library does not have.
    Ignored,
}

/// Defines the numbers, with the type of each one's argument.
macro_rules! options {
    ($($name:ident = $number:literal $kind:ident;)*) => {
        $(pub(crate) const $name: u32 = $number;)*

        /// The type of an option's argument; `None` for an unknown option.
        pub(crate) fn kind(option: u32) -> Option<Kind> {
            match option {
                $($name => Some(Kind::$kind),)*
                _ => None,
            }
        }
    };
}

options! {
    CONNECT_TIMEOUT = 0 Number;
    COMPRESS = 1 On;
    NAMED_PIPE = 2 Flag;
    INIT_COMMAND = 3 Text;
    READ_DEFAULT_FILE = 4 Text;
    READ_DEFAULT_GROUP = 5 Text;
    SET_CHARSET_DIR = 6 Text;
    SET_CHARSET_NAME = 7 Text;
    LOCAL_INFILE = 8 Number;
    PROTOCOL = 9 Number;
    READ_TIMEOUT = 11 Number;
    WRITE_TIMEOUT = 12 Number;
    SECURE_AUTH = 18 Flag;
    REPORT_DATA_TRUNCATION = 19 Flag;
    RECONNECT = 20 Flag;
    SSL_VERIFY_SERVER_CERT = 21 Flag;
    PLUGIN_DIR = 22 Text;
    DEFAULT_AUTH = 23 Text;
    BIND = 24 Text;
    SSL_KEY = 25 Text;
    SSL_CERT = 26 Text;
    SSL_CA = 27 Text;
    SSL_CAPATH = 28 Text;
    SSL_CIPHER = 29 Text;
    SSL_CRL = 30 Text;
    SSL_CRLPATH = 31 Text;
    CONNECT_ATTR_RESET = 32 On;
    CONNECT_ATTR_ADD = 33 Text;
    CONNECT_ATTR_DELETE = 34 Text;
    SERVER_PUBLIC_KEY = 35 Text;
    ENABLE_CLEARTEXT_PLUGIN = 36 Flag;
    CAN_HANDLE_EXPIRED_PASSWORDS = 37 Flag;
    SSL_ENFORCE = 38 Flag;
    MAX_ALLOWED_PACKET = 39 Size;
    NET_BUFFER_LENGTH = 40 Size;
    TLS_VERSION = 41 Text;
    ZSTD_COMPRESSION_LEVEL = 42 Byte;
    PROGRESS_CALLBACK = 5999 Pointer;
    NONBLOCK = 6000 On;
    SSL_FP = 7001 Text;
    SSL_FP_LIST = 7002 Text;
    TLS_PASSPHRASE = 7003 Text;
    TLS_CIPHER_STRENGTH = 7004 Number;
    MARIADB_TLS_VERSION = 7005 Text;
    TLS_PEER_FP = 7006 Text;
    TLS_PEER_FP_LIST = 7007 Text;
    CONNECTION_READ_ONLY = 7008 Flag;
    CONNECT_ATTRS = 7009 Pointer;
    USERDATA = 7010 Pointer;
    PORT = 7012 Number;
    UNIXSOCKET = 7013 Text;
    PASSWORD = 7014 Text;
    HOST = 7015 Text;
    USER = 7016 Text;
    SCHEMA = 7017 Text;
    DEBUG = 7018 Ignored;
    FOUND_ROWS = 7019 On;
    MULTI_RESULTS = 7020 On;
    MULTI_STATEMENTS = 7021 On;
    INTERACTIVE = 7022 On;
    PROXY_HEADER = 7023 Pointer;
    RESTRICTED_AUTH = 7026 Text;
    RPL_REGISTER_REPLICA = 7027 Pointer;
    STATUS_CALLBACK = 7028 Pointer;
    SSL_MODE = 0x5357_0001 Number;
    TLS_CIPHERSUITES = 0x5357_0002 Text;
    TLS_SNI_SERVERNAME = 0x5357_0003 Text;
    TLS_RESUMPTION = 0x5357_0004 Flag;
}

/// The options that ask for TLS by being set at all.
const ASKS_FOR_TLS: [u32; 14] = [
    SSL_KEY,
    SSL_CERT,
    SSL_CA,
    SSL_CAPATH,
    SSL_CIPHER,
    SSL_CRL,
    SSL_CRLPATH,
    TLS_VERSION,
    SSL_FP,
    SSL_FP_LIST,
    TLS_PASSPHRASE,
    TLS_CIPHERSUITES,
    TLS_SNI_SERVERNAME,
    USE_TLS,
];

/// Not an option of programs: `mysql_ssl_set` was called.
pub(crate) const USE_TLS: u32 = u32::MAX;

/// The options of one handle.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    texts: BTreeMap<u32, CString>,
    numbers: BTreeMap<u32, u64>,
    /// The statements to run after each login.
    pub(crate) init_commands: Vec<CString>,
    /// The connection attributes that the program adds.
    pub(crate) attributes: Vec<(CString, CString)>,
    /// The bytes to send before the first packet, for a proxy.
    pub(crate) proxy_header: Vec<u8>,
    /// The host and port under which the server lists the readers of its log.
    pub(crate) replica: Option<(CString, u32)>,
    /// The addresses of functions and data of the program, by option.
    pub(crate) pointers: BTreeMap<u32, usize>,
    /// The names and pointers of `MARIADB_OPT_USERDATA`.
    pub(crate) user_data: Vec<(CString, usize)>,
}

/// One number stands for both spellings of an option.
const fn canonical(option: u32) -> u32 {
    match option {
        MARIADB_TLS_VERSION => TLS_VERSION,
        TLS_PEER_FP => SSL_FP,
        TLS_PEER_FP_LIST => SSL_FP_LIST,
        other => other,
    }
}

/// Whether an option asks for TLS by being set.
pub(crate) fn asks_for_tls(option: u32) -> bool {
    ASKS_FOR_TLS.contains(&canonical(option))
}

impl Settings {
    /// The options of a new handle.
    pub(crate) fn new() -> Self {
        let mut settings = Self::default();
        for (option, value) in
            [(REPORT_DATA_TRUNCATION, 1), (LOCAL_INFILE, 1), (NET_BUFFER_LENGTH, 8192), (TLS_RESUMPTION, 1)]
        {
            settings.set_number(option, value);
        }
        settings
    }

    /// Sets a text, or unsets it.
    ///
    /// # Errors
    /// The value is refused; the option keeps its value.
    pub(crate) fn set_text(&mut self, option: u32, value: Option<&CStr>) -> Result<(), SqlError> {
        let option = canonical(option);
        match (option, value) {
            (INIT_COMMAND, None) => self.init_commands.clear(),
            (INIT_COMMAND, Some(value)) => self.init_commands.push(value.to_owned()),
            (_, None) => drop(self.texts.remove(&option)),
            (TLS_VERSION, Some(value)) if !names_versions(value) => {
                return Err(failure::hy000(
                    2026,
                    format!(
                        "SSL connection error: tls-version: '{}' names no version of TLS; the versions are TLSv1.2,TLSv1.3",
                        value.to_string_lossy()
                    ),
                ));
            }
            (RESTRICTED_AUTH, Some(value)) if plugins(value).is_empty() => {
                let text = format!("restricted-auth: '{}' names no plugin that Sealwire has", value.to_string_lossy());
                return Err(failure::hy000(2034, text));
            }
            (_, Some(value)) => drop(self.texts.insert(option, value.to_owned())),
        }
        Ok(())
    }

    /// Checks a number from the program, and sets it.
    ///
    /// # Errors
    /// The value is refused; the option keeps its value.
    pub(crate) fn set_checked(&mut self, option: u32, value: u64) -> Result<(), SqlError> {
        let permitted = match option {
            PROTOCOL => 0..=2,
            PORT => 0..=65535,
            ZSTD_COMPRESSION_LEVEL => 1..=22,
            TLS_CIPHER_STRENGTH => 0..=256,
            SSL_MODE => 1..=5,
            _ => 0..=u64::MAX,
        };
        if !permitted.contains(&value) {
            let (least, most) = permitted.into_inner();
            let text = format!("Invalid parameter: the option {option} takes {least} to {most}, not {value}");
            return Err(failure::hy000(2034, text));
        }
        self.set_number(option, value);
        Ok(())
    }

    /// The plugins that the server may ask for; `None` for all.
    pub(crate) fn restricted_auth(&self) -> Option<Vec<Plugin>> {
        self.filled(RESTRICTED_AUTH).map(plugins)
    }

    /// Sets a number or a flag.
    pub(crate) fn set_number(&mut self, option: u32, value: u64) {
        self.numbers.insert(option, value);
    }

    /// Takes the number of an option away.
    pub(crate) fn take_number(&mut self, option: u32) -> Option<u64> {
        self.numbers.remove(&option)
    }

    /// The text of an option.
    pub(crate) fn text(&self, option: u32) -> Option<&CStr> {
        self.texts.get(&canonical(option)).map(CString::as_c_str)
    }

    /// The text of an option where it is not empty.
    pub(crate) fn filled(&self, option: u32) -> Option<&CStr> {
        self.text(option).filter(|text| !text.is_empty())
    }

    /// The number of an option; 0 where it is not set.
    pub(crate) fn number(&self, option: u32) -> u64 {
        self.given_number(option).unwrap_or(0)
    }

    /// The number of an option, where it is set.
    pub(crate) fn given_number(&self, option: u32) -> Option<u64> {
        self.numbers.get(&option).copied()
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, option: u32) -> bool {
        self.number(option) != 0
    }

    /// Whether any option asks for TLS.
    pub(crate) fn asks_for_tls(&self) -> bool {
        // An empty passphrase is what a program has whose key has none.
        let given = |option: u32| if option == TLS_PASSPHRASE { self.filled(option) } else { self.text(option) };
        ASKS_FOR_TLS.iter().any(|option| given(*option).is_some() || self.flag(*option))
            || self.flag(SSL_ENFORCE)
            || self.flag(SSL_VERIFY_SERVER_CERT)
    }
}

/// The plugins of a list; names that this library does not have are left out, because the server can't ask for them with success.
fn plugins(list: &CStr) -> Vec<Plugin> {
    let names = list.to_bytes().split(|byte| matches!(byte, b',' | b';' | b':' | b' '));
    names.filter_map(Plugin::from_name).collect()
}

/// Whether every word of a version list is a TLS version, be it one that is not supported.
fn names_versions(list: &CStr) -> bool {
    let list = list.to_string_lossy();
    let mut words = list.split([',', ':', ' ']).map(str::trim).filter(|word| !word.is_empty());
    words.all(|word| {
        let word = word.to_ascii_lowercase();
        ["tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"].contains(&word.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_set_read_and_unset_under_either_number() {
        let mut settings = Settings::new();
        assert!(settings.flag(REPORT_DATA_TRUNCATION) && !settings.asks_for_tls());
        settings.set_text(MARIADB_TLS_VERSION, Some(c"TLSv1.3")).unwrap();
        assert_eq!(settings.text(TLS_VERSION), Some(c"TLSv1.3"));
        assert!(settings.asks_for_tls());
        settings.set_text(TLS_VERSION, None).unwrap();
        assert!(settings.text(MARIADB_TLS_VERSION).is_none() && !settings.asks_for_tls());
    }

    #[test]
    fn a_version_that_does_not_exist_is_refused_at_once() {
        let mut settings = Settings::new();
        let error = settings.set_text(TLS_VERSION, Some(c"SSLv99")).unwrap_err();
        assert!(error.code == 2026 && error.message.contains("SSLv99"), "{error}");
        assert!(settings.set_text(TLS_VERSION, Some(c"TLSv1.1,TLSv1.2")).is_ok());
    }

    #[test]
    fn every_way_to_ask_for_tls_counts() {
        for option in [SSL_CA, SSL_CIPHER, SSL_CRL, SSL_FP, TLS_PASSPHRASE] {
            let mut settings = Settings::new();
            settings.set_text(option, Some(c"")).unwrap();
            assert_eq!(settings.asks_for_tls(), option != TLS_PASSPHRASE, "an empty text asks, too: {option}");
            settings.set_text(option, Some(c"x")).unwrap();
            assert!(settings.asks_for_tls(), "{option}");
        }
        for flag in [SSL_ENFORCE, SSL_VERIFY_SERVER_CERT, USE_TLS] {
            let mut settings = Settings::new();
            settings.set_number(flag, 1);
            assert!(settings.asks_for_tls());
            settings.set_number(flag, 0);
            assert!(!settings.asks_for_tls());
        }
    }
}
