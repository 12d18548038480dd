//! Connects to a channel's source, by one TLS policy: with SOURCE_SSL=1, which is the default, the channel never falls back to plaintext, and
//! the source is verified unless SOURCE_SSL_VERIFY_SERVER_CERT=0.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealwire::{Address, ClientError, Config, TlsPolicy};
use sealwire_core::error::{Error, Side, SqlError};
use sealwire_core::facts::Transport;
use sealwire_core::secret::Secret;
use sealwire_core::tls::ClientContext;
use sealwire_net::clock;
use sealwire_net::files::unreadable;
use sealwire_net::random::OsRandom;
use sealwire_net::regular_file::{self, SMALL};
use sealwire_options::compression::Algorithms;
use sealwire_options::tls::{CLIENT, ClientTlsOptions, authority_advice, certificate_advice, passphrase_file};
use sealwire_options::{Environment, Outcome, Program};

use super::settings::Settings;

/// MySQL's error number of a TLS connection that can't be made.
const TLS_FAILED: u16 = 2026;
/// The error numbers of a login that was refused, and of a password that needs a secure connection.
const ACCESS_DENIED: u16 = 1045;
const NEEDS_SECURE_CONNECTION: u16 = 2061;
/// The error number of a server that requires TLS.
const INSECURE_TRANSPORT: u16 = 3159;
/// The kinds of errors with which another machine, or the way to it, refuses a connection.
const IS_FAR: [io::ErrorKind; 5] = [
    io::ErrorKind::ConnectionRefused,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::HostUnreachable,
    io::ErrorKind::NetworkUnreachable,
    io::ErrorKind::TimedOut,
];
/// How long a source may take to let the replica log in.
const LOGIN_TIME: Duration = Duration::from_secs(30);

/// The TLS options of the terminal program, whose policy a channel has, too.
const OPTIONS: Program = Program {
    name: "sealwired",
    version: "",
    usage: "",
    groups: &[],
    other_groups: &[],
    tables: &[CLIENT],
    arguments: 0,
};

/// The options with the words that replace them in messages, the longer of two that begin alike first.
const WORDS: [(&str, &str); 14] = [
    ("option '--ssl-ca'", "SOURCE_SSL_CA"),
    ("--ssl-mode=VERIFY_CA", "SOURCE_SSL_VERIFY_SERVER_CERT=0 and SOURCE_SSL_CA"),
    ("--ssl-capath", "SOURCE_SSL_CAPATH"),
    ("--ssl-ca", "SOURCE_SSL_CA"),
    ("--ssl-cert", "SOURCE_SSL_CERT"),
    ("--ssl-cipher", "SOURCE_SSL_CIPHER"),
    ("--ssl-crlpath", "SOURCE_SSL_CRLPATH"),
    ("--ssl-crl", "SOURCE_SSL_CRL"),
    ("--ssl-fp", "SOURCE_SSL_FP"),
    ("--ssl-key", "SOURCE_SSL_KEY"),
    ("--tls-ciphersuites", "SOURCE_TLS_CIPHERSUITES"),
    ("--tls-version", "SOURCE_TLS_VERSION"),
    ("option '", "'"),
    ("ssl-ca file", "file of SOURCE_SSL_CA"),
];

/// The address of a channel's source.
pub(super) fn address(settings: &Settings) -> Address {
    Address::Tcp { host: settings.host.clone(), port: u16::try_from(settings.port).unwrap_or(0) }
}

/// The configuration of a connection.
///
/// # Errors
/// 2026 where a file of TLS can't be used, 1045 where the file of the password can't.
pub(super) fn config(
    channel: &str,
    settings: &Settings,
    login: &(Option<String>, Option<Secret>),
) -> Result<Config, SqlError> {
    let password = match &login.1 {
        Some(password) => password.clone(),
        None if settings.password_file.is_empty() => settings.password.clone(),
        None => read_password(&settings.password_file)?,
    };
    let user = login.0.clone().unwrap_or_else(|| settings.user.clone());
    let mut config = Config::new(user, password, Arc::new(OsRandom::new()));
    config.tls = policy(settings)?;
    config.server_name.clone_from(&settings.host);
    config.connect_timeout = LOGIN_TIME;
    config.attributes = [
        ("program_name", "sealwired"),
        ("_client_name", "sealwire"),
        ("_client_version", env!("CARGO_PKG_VERSION")),
        ("_client_role", "binary_log_listener"),
        ("_client_replication_channel_name", channel),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    if !settings.public_key_path.is_empty() {
        config.server_public_key = Some(read_key(&settings.public_key_path)?);
    }
    if !settings.compression.is_empty() {
        let algorithms =
            Algorithms::parse("SOURCE_COMPRESSION_ALGORITHMS", &settings.compression).map_err(tls_failed)?;
        config.compression = algorithms.wanted(u8::try_from(settings.zstd_level).unwrap_or(3));
        config.compression_required = !algorithms.uncompressed;
    }
    Ok(config)
}

fn tls_failed(message: String) -> SqlError {
    SqlError::new(TLS_FAILED, b"HY000", in_words(&message))
}

/// The TLS policy of a channel, with the files as they are now.
///
/// # Errors
/// 2026 where a file can't be used.
fn policy(settings: &Settings) -> Result<TlsPolicy, SqlError> {
    let Some(arguments) = tls_arguments(settings) else { return Ok(TlsPolicy::Disabled) };
    let values = match OPTIONS.parse(arguments, &Environment::default()) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(text)) => return Err(tls_failed(text)),
        Err(error) => return Err(tls_failed(error.to_string())),
    };
    let choice = ClientTlsOptions::resolve(&values, Transport::Tcp).map_err(tls_failed)?;
    let options = choice.options.ok_or_else(|| tls_failed("TLS is off".to_owned()))?;
    Ok(TlsPolicy::Required(ClientContext::build(options).map_err(|error| tls_failed(error.to_string()))?))
}

/// Verifies the source of a running connection once more, with the files as they are now.
///
/// # Errors
/// 2026 where its certificate has expired, was revoked, or is no longer vouched for.
pub(super) fn check_source(settings: &Settings, chain: &[Vec<u8>]) -> Result<(), SqlError> {
    let context = match policy(settings) {
        Ok(TlsPolicy::Required(context)) => context,
        Ok(_) => return Ok(()),
        Err(error) => {
            // A file may be about to be replaced, and the next connection needs it in any case.
            tracing::warn!("the source of a replication channel can't be verified once more: {error}");
            return Ok(());
        }
    };
    let checked = context.check_server(chain, &settings.host, clock::now().wall);
    checked.map_err(|error| explained(&ClientError::Connection(Error::Tls(error)), settings))
}

/// The TLS options of a channel as arguments; `None` for plaintext.
fn tls_arguments(settings: &Settings) -> Option<Vec<String>> {
    if !settings.ssl {
        return None;
    }
    let has_ca = !settings.ssl_ca.is_empty() || !settings.ssl_capath.is_empty();
    let mut arguments = vec!["--no-defaults".to_owned()];
    if settings.ssl_fp.is_empty() {
        let mode = match (settings.ssl_verify, has_ca) {
            (true, _) => "VERIFY_IDENTITY",
            (false, true) => "VERIFY_CA",
            (false, false) => "REQUIRED",
        };
        arguments.push(format!("--ssl-mode={mode}"));
    }
    let given = [
        ("ssl-ca", &settings.ssl_ca),
        ("ssl-capath", &settings.ssl_capath),
        ("ssl-cert", &settings.ssl_cert),
        ("ssl-key", &settings.ssl_key),
        ("ssl-cipher", &settings.ssl_cipher),
        ("ssl-crl", &settings.ssl_crl),
        ("ssl-crlpath", &settings.ssl_crlpath),
        ("ssl-fp", &settings.ssl_fp),
        ("tls-version", &settings.tls_version),
        ("tls-ciphersuites", &settings.tls_ciphersuites),
    ];
    arguments.extend(
        given.iter().filter(|(_, value)| !value.is_empty()).map(|(option, value)| format!("--{option}={value}")),
    );
    Some(arguments)
}

/// The first line of the password's file, which nobody but its owner may read.
fn read_password(path: &str) -> Result<Secret, SqlError> {
    let failed = |why: String| SqlError::new(ACCESS_DENIED, b"28000", format!("SOURCE_PASSWORD_FILE: '{path}' {why}"));
    let file = Path::new(path);
    let unread = |error: &io::Error| failed(format!("can't be read: {}", unreadable(file, error)));
    let mode = fs::metadata(file).map_err(|error| unread(&error))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(failed(format!(
            "has mode {mode:04o}, so that others on this machine can read the password: run 'chmod 600 {path}'"
        )));
    }
    passphrase_file(file).map_err(|error| unread(&error))
}

fn read_key(path: &str) -> Result<String, SqlError> {
    regular_file::read_text(Path::new(path), SMALL).map_err(|error| {
        let why = unreadable(Path::new(path), &error);
        SqlError::new(TLS_FAILED, b"HY000", format!("SOURCE_PUBLIC_KEY_PATH: can't read '{path}': {why}"))
    })
}

/// Replaces the terminal's options by the words of CHANGE REPLICATION SOURCE.
fn in_words(message: &str) -> String {
    WORDS.iter().fold(message.to_owned(), |text, (option, word)| text.replace(option, word))
}

/// A failed login with the way out; `tls` is the connection's policy.
pub(super) fn explained_login(error: &ClientError, settings: &Settings, tls: &TlsPolicy) -> SqlError {
    let told = explained(error, settings);
    match tls {
        TlsPolicy::Required(context) if told.code == ACCESS_DENIED => {
            with_hint(told, certificate_advice(context).map(in_words))
        }
        _ => told,
    }
}

/// A failure to connect with the way out.
pub(super) fn explained(error: &ClientError, settings: &Settings) -> SqlError {
    let mut told = error.to_sql_error();
    told.message = in_words(&told.message);
    let of_authority = match error {
        ClientError::Connection(error) => authority_advice(error, Some(&settings.ssl_ca)),
        _ => None,
    };
    let hint = match error {
        _ if of_authority.is_some() => of_authority.map(|hint| in_words(&hint)),
        ClientError::Connection(Error::Refused { by: Side::Client, error }) if error.code == TLS_FAILED => Some(
            "Its TLS is switched off, or somebody in between hides it: switch TLS on in the source. With SOURCE_SSL=0 the channel runs without \
             TLS, and everyone in between can read and change all that is replicated."
                .to_owned(),
        ),
        ClientError::Connect { error, .. }
            if !settings.bind.is_empty() && !IS_FAR.contains(&error.kind()) =>
        {
            Some(format!("The channel connects from SOURCE_BIND='{}', which must be an address of this machine", settings.bind))
        }
        ClientError::Connection(Error::Refused { error, .. })
            if !settings.ssl
                && [ACCESS_DENIED, NEEDS_SECURE_CONNECTION, INSECURE_TRANSPORT].contains(&error.code) =>
        {
            Some("The channel runs without TLS, which the account or the source may require: use SOURCE_SSL=1.".to_owned())
        }
        _ => error.hint().map(|hint| in_words(&hint)),
    };
    with_hint(told, hint)
}

fn with_hint(mut told: SqlError, hint: Option<String>) -> SqlError {
    if let Some(hint) = hint {
        told.message = format!("{}. {hint}", told.message.trim_end_matches('.'));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(settings: Settings) -> String {
        tls_arguments(&settings).map_or_else(|| "plaintext".to_owned(), |all| all.get(1..).unwrap().join(" "))
    }

    #[test]
    fn the_source_is_verified_unless_the_settings_say_otherwise() {
        let own = |text: &str| text.to_owned();
        let all = Settings::default();
        assert_eq!(arguments(all.clone()), "--ssl-mode=VERIFY_IDENTITY");
        assert_eq!(arguments(Settings { ssl: false, ssl_ca: own("/ca"), ..all.clone() }), "plaintext");
        let with_ca = Settings { ssl_ca: own("/ca"), ..all.clone() };
        assert_eq!(arguments(with_ca.clone()), "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca");
        assert_eq!(arguments(Settings { ssl_verify: false, ..with_ca }), "--ssl-mode=VERIFY_CA --ssl-ca=/ca");
        assert_eq!(arguments(Settings { ssl_verify: false, ..all.clone() }), "--ssl-mode=REQUIRED");
        assert_eq!(arguments(Settings { ssl_fp: own("AB"), ..all }), "--ssl-fp=AB");
    }

    #[test]
    fn no_configuration_with_tls_falls_back() {
        let config = config("", &Settings { ssl_verify: false, ..Settings::default() }, &(None, None)).unwrap();
        assert!(matches!(config.tls, TlsPolicy::Required(_)));
        let missing = Settings { ssl_ca: "/nonexistent/ca.pem".to_owned(), ..Settings::default() };
        let error = super::config("", &missing, &(None, None)).unwrap_err();
        assert_eq!(error.code, TLS_FAILED);
        assert!(error.message.contains("SOURCE_SSL_CA: can't read '/nonexistent/ca.pem'"), "{error}");
    }

    #[test]
    fn a_password_file_that_others_can_read_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("password");
        fs::write(&path, "hush\n").unwrap();
        let settings = Settings { password_file: path.display().to_string(), ..Settings::default() };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = config("", &settings, &(None, None)).unwrap_err();
        assert!(error.message.contains("chmod 600") && !error.message.contains("hush"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(config("", &settings, &(None, None)).unwrap().password.expose(), b"hush");
        let said = (Some("other".to_owned()), Some(Secret::from("now")));
        let config = config("", &settings, &said).unwrap();
        assert_eq!((config.user.as_str(), config.password.expose()), ("other", &b"now"[..]));
    }

    #[test]
    fn messages_have_the_words_of_the_statement() {
        let text =
            in_words("Name the CA with --ssl-ca, or trust it with --ssl-fp=AB; option '--ssl-key': no --ssl-crlpath");
        assert_eq!(
            text,
            "Name the CA with SOURCE_SSL_CA, or trust it with SOURCE_SSL_FP=AB; 'SOURCE_SSL_KEY': no SOURCE_SSL_CRLPATH"
        );
    }
}
