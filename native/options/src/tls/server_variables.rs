//! The TLS variables of a server, one row each: the names of option, system variable and field follow from the row's name.

use std::path::PathBuf;

use sealwire_core::secret::Secret;

use crate::{OptionValue, Preset, Spec, option_name};

/// MySQL's upper bound of `ssl_session_cache_timeout`, half an hour less than a day.
const MOST_SESSION_SECONDS: u64 = 84_600;

const OFFER: Spec = Spec::flag(
    "ssl",
    "Offer TLS. --ssl=0, --skip-ssl or --disable-ssl switches TLS off and overrides all other SSL options.",
)
.default("on")
.shared();

const PASSPHRASE: Spec = Spec::text(
    "ssl-passphrase",
    "The passphrase of an encrypted --ssl-key: text, pass:text, env:VARIABLE or file:path.",
)
.secret()
.shared();

const RELOAD: Spec = Spec::choice(
    "ssl-reload",
    &["auto", "manual"],
    "When the files of these options are read again: when their contents change, which is looked at every 10 seconds, or when the operator \
     asks, as by SIGHUP. Files that can't be used leave in use what is.",
)
.default("auto")
.shared();

const NAMED: Spec = Spec::text(
    "ssl-sni-cert",
    "A certificate for the clients that ask for a host name in TLS (SNI): HOST:CERT_FILE:KEY_FILE, both files in PEM format. *.example.com \
     stands for all names with one more label. All other clients get --ssl-cert. May be given several times.",
)
.repeatable()
.shared();

/// A TLS variable of a server.
#[derive(Debug)]
pub struct TlsVariable {
    /// Its name as a system variable.
    pub name: &'static str,
    /// The option that sets it at start.
    pub option: Spec,
    /// The status variable that shows the value in use, where MySQL or this server has one.
    pub in_use: Option<&'static str>,
    get: fn(&ServerTlsOptions) -> OptionValue,
    set: fn(&mut ServerTlsOptions, OptionValue),
}

impl ServerTlsOptions {
    /// The value of a variable; an unset text is empty.
    pub fn get(&self, variable: &TlsVariable) -> OptionValue {
        (variable.get)(self)
    }

    /// Sets a variable, where the value is of its type.
    pub fn set(&mut self, variable: &TlsVariable, value: OptionValue) {
        (variable.set)(self, value);
    }

    /// The files and directories that the options name.
    pub fn files(&self) -> Vec<PathBuf> {
        let paths = SERVER_VARIABLES.iter().filter(|variable| variable.option.path).map(|variable| self.get(variable));
        let named = |value| match value {
            OptionValue::Text(path) if !path.is_empty() => Some(path.into()),
            _ => None,
        };
        let of_names = self.named.iter().flat_map(|[_, cert, key]| [cert.into(), key.into()]);
        paths.filter_map(named).chain(of_names).collect()
    }
}

/// The type of a variable's field.
trait Field {
    fn get(&self) -> OptionValue;
    fn set(&mut self, value: OptionValue);
}

impl Field for Option<String> {
    fn get(&self) -> OptionValue {
        OptionValue::Text(self.clone().unwrap_or_default())
    }

    fn set(&mut self, value: OptionValue) {
        if let OptionValue::Text(text) = value {
            *self = Some(text).filter(|text| !text.is_empty());
        }
    }
}

impl Field for bool {
    fn get(&self) -> OptionValue {
        OptionValue::Flag(*self)
    }

    fn set(&mut self, value: OptionValue) {
        if let OptionValue::Flag(on) = value {
            *self = on;
        }
    }
}

impl Field for u64 {
    fn get(&self) -> OptionValue {
        OptionValue::Number(*self)
    }

    fn set(&mut self, value: OptionValue) {
        if let OptionValue::Number(number) = value {
            *self = number;
        }
    }
}

/// Maps a kind to the field's type, its initial value and its option.
macro_rules! field {
    (type Path) => { Option<String> };
    (type Text) => { Option<String> };
    (type Switch) => { bool };
    (type Number) => { u64 };
    (first Path) => { None };
    (first Text) => { None };
    (first Text $default:literal) => { Some(String::from($default)) };
    (first $kind:ident $default:literal) => { $default };
    (option Path $option:expr, $help:literal) => { Spec::path($option, $help) };
    (option Text $option:expr, $help:literal) => { Spec::text($option, $help) };
    (option Text $option:expr, $help:literal, $default:literal) => { Spec::text($option, $help).default($default) };
    (option Switch $option:expr, $help:literal, $default:literal) => {
        Spec::flag($option, $help).preset(Preset::Flag($default))
    };
    (option Number $option:expr, $help:literal, $default:literal) => {
        Spec::number($option, $help).preset(Preset::Number($default))
    };
}

macro_rules! server_tls_variables {
    ($(
        $name:ident: $kind:ident $(= $default:literal)?, $in_use:expr, $help:literal $(, $column:ident($($argument:expr),*))*;
    )*) => {
        /// A server's TLS settings as they stand in its variables (`ssl_ca`, …), to be loaded at start and at each reload.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct ServerTlsOptions {
            /// Whether TLS is offered at all.
            pub enabled: bool,
            $(#[doc = $help] pub $name: field!(type $kind),)*
            /// The passphrase of the encrypted key: `--ssl-passphrase`. It is no variable, because variables are shown to clients.
            pub passphrase: Option<Secret>,
            /// The certificates for clients that ask for a host name: `--ssl-sni-cert`, each as host, certificate file and key file.
            pub named: Vec<[String; 3]>,
            /// Notes for the administrator, a sentence each.
            pub notes: Vec<String>,
            /// The directory in which certificates are made if they are absent.
            pub(super) generate_in: Option<PathBuf>,
        }

        impl Default for ServerTlsOptions {
            /// TLS is off.
            fn default() -> Self {
                Self {
                    enabled: false,
                    $($name: field!(first $kind $($default)?),)*
                    passphrase: None,
                    named: Vec::new(),
                    notes: Vec::new(),
                    generate_in: None,
                }
            }
        }

        /// The options of the variables.
        mod option {
            use super::*;

            $(
                #[allow(non_upper_case_globals, reason = "an option has its variable's name")]
                pub(super) const $name: Spec =
                    field!(option $kind option_name!(stringify!($name)), $help $(, $default)?)
                        $(.$column($($argument),*))*
                        .shared();
            )*
        }

        /// A server's TLS options, in MySQL's order.
        pub const SERVER: &[Spec] = &[OFFER, $(option::$name,)* PASSPHRASE, NAMED, RELOAD];

        /// The TLS variables.
        pub const SERVER_VARIABLES: &[TlsVariable] = &[$(
            TlsVariable {
                name: stringify!($name),
                option: option::$name,
                in_use: $in_use,
                get: |options| options.$name.get(),
                set: |options, value| options.$name.set(value),
            },
        )*];
    };
}

// name: kind = default, status variable of the value in use, help of the option, further properties of the option. The order is that of
// `mysqld --help`.
server_tls_variables! {
    ssl_ca: Path, Some("Current_tls_ca"), "File in PEM format with the CAs of client certificates.";
    ssl_capath: Path, Some("Current_tls_capath"), "Directory of files in PEM format with the CAs of client certificates.";
    ssl_cert: Path, Some("Current_tls_cert"), "Server certificate in PEM format, followed by intermediates.";
    ssl_cipher: Text, Some("Current_tls_cipher"), "Ciphers for TLS 1.2, separated by colons.";
    ssl_key: Path, Some("Current_tls_key"), "Server key in PEM format.";
    ssl_crl: Path, Some("Current_tls_crl"), "Certificate revocation list.";
    ssl_crlpath: Path, Some("Current_tls_crlpath"), "Directory of certificate revocation lists.";
    ssl_session_cache_mode: Switch = true, None, "Let clients resume their TLS sessions.";
    ssl_session_cache_timeout: Number = 300, None, "Number of seconds in which a client may resume its TLS session; 0 means \
     never.",
        between(0, MOST_SESSION_SECONDS);
    ssl_session_ticket_key: Path, Some("Current_tls_session_ticket_key"),
        "File with the secrets of session tickets, one per line: 64 hex digits, as 'openssl rand -hex 32' prints them. Only \
         the server's user may have access to the file. With it, clients can resume sessions after a restart, and at other \
         servers with the same file, certificates and TLS options. The first secret encrypts, and all decrypt. To rotate, \
         insert a new first line, reload, and remove the old line later.";
    tls_version: Text = "TLSv1.2,TLSv1.3", Some("Current_tls_version"),
        "TLS versions to offer: TLSv1.2, TLSv1.3 or both, separated by a comma.";
    tls_ciphersuites: Text, Some("Current_tls_ciphersuites"), "Ciphers for TLS 1.3, separated by colons.";
}
