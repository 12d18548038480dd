//! Whether a connection uses TLS, and how the server is verified.

use std::ffi::CStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sealwire_core::SqlError;
use sealwire_core::client::TlsPolicy;
use sealwire_core::facts::Transport;
use sealwire_core::secret::Secret;
use sealwire_core::tls::{ClientContext, SslMode};
use sealwire_options::tls::{CLIENT, CONNECTOR_C, ClientTlsOptions};
use sealwire_options::{Environment, Outcome, Program};

use super::environment;
use super::failure;
use super::options::{self, Settings};

/// The environment variable with which an operator demands more than a program asks for.
const LEAST_MODE: &str = "SEALWIRE_SSL_MODE";

/// A file with this in its name has demands of an operator, so no connection is made where it can't be read. Other files may be closed to a
/// program for the sake of passwords in them.
const OWN: &str = "sealwire";

/// The TLS options as the programs of this project read them, so that files, modes and error texts are the same.
const PROGRAM: Program = Program {
    name: "libmariadb",
    version: "",
    usage: "",
    groups: &["sealwire-capi"],
    other_groups: &[],
    tables: &[CLIENT, CONNECTOR_C],
    arguments: 0,
};

/// The ciphers with keys of 256 bits, for `MARIADB_OPT_TLS_CIPHER_STRENGTH`.
const STRONG: [&str; 2] = [
    "--tls-ciphersuites=TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
    "--ssl-cipher=ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
];

/// The most contexts that are kept for later connections of the process.
const MOST_CONTEXTS: usize = 32;

/// The contexts of earlier connections, which resume their sessions. The key is everything that a context was built from, a passphrase
/// among it.
static CONTEXTS: Mutex<Vec<(Secret, ClientContext)>> = Mutex::new(Vec::new());

/// The mode that a program asks for. `flag` is whether it passed `CLIENT_SSL`.
pub(crate) fn mode(settings: &Settings, flag: bool, transport: Transport) -> Result<SslMode, SqlError> {
    let explicit = match settings.given_number(options::SSL_MODE) {
        None => None,
        Some(number) => {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let mode = index.and_then(|index| SslMode::ALL.get(index)).ok_or_else(|| {
                failure::hy000(
                    2026,
                    format!("SSL connection error: there is no ssl-mode {number}; 1 is DISABLED, 5 VERIFY_IDENTITY"),
                )
            })?;
            Some(*mode)
        }
    };
    Ok(match explicit.or_else(|| by_options(settings, flag)) {
        // A program that wants the certificate verified does not mean a mode that does not.
        Some(mode) if mode != SslMode::Disabled && settings.flag(options::SSL_VERIFY_SERVER_CERT) => {
            SslMode::VerifyIdentity
        }
        Some(mode) => mode,
        // A listener sees nothing where the server has TLS. An attacker in between can remove the offer: only a request prevents that.
        None if transport == Transport::Tcp => SslMode::Preferred,
        None => SslMode::Disabled,
    })
}

/// The mode that options other than `ssl-mode` ask for; `None` where they ask for no TLS.
pub(crate) fn by_options(settings: &Settings, flag: bool) -> Option<SslMode> {
    let given = |option: &u32| settings.text(*option).is_some();
    if settings.flag(options::SSL_VERIFY_SERVER_CERT) {
        Some(SslMode::VerifyIdentity)
    } else if [options::SSL_CA, options::SSL_CAPATH].iter().any(given) {
        Some(SslMode::VerifyCa)
    } else {
        (flag || settings.asks_for_tls()).then_some(SslMode::Required)
    }
}

/// The TLS policy of a connection.
pub(crate) struct Policy {
    pub(crate) tls: TlsPolicy,
    pub(crate) sni: Option<String>,
    /// The system's option files that were not read, each with the reason: the operator may have written demands into them.
    pub(crate) ignored: Vec<String>,
}

/// The TLS policy of a connection to `place`, which names host and port.
///
/// # Errors
/// A file or an option is refused, with 2026.
pub(crate) fn policy(settings: &Settings, flag: bool, transport: Transport, place: &str) -> Result<Policy, SqlError> {
    let asked = mode(settings, flag, transport)?;
    environment::prepare();
    // The user's own file is not the operator's, and a mistake in it must not stop programs that read no file.
    let mut words = operator(&Environment { user_file: None, ..Environment::of_process() })?;
    let ignored = std::mem::take(&mut words.ignored);
    let least = words.least.unwrap_or(SslMode::Disabled);
    let mode = if transport == Transport::Tcp { asked.max(least) } else { asked };
    if mode == SslMode::Disabled {
        return Ok(Policy { tls: TlsPolicy::Disabled, sni: None, ignored });
    }
    words.arguments.extend(arguments(settings)?);
    words.arguments.push(format!("--ssl-mode={mode}"));
    words.arguments.extend(["--ssl-fp-sha1", "--ssl-fp-and-ca"].map(str::to_owned));
    let values = match PROGRAM.parse(
        std::iter::once("--no-defaults".to_owned()).chain(words.arguments.iter().cloned()),
        &Environment::default(),
    ) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(_)) => return Err(failure::unexpected()),
        Err(error) => return Err(refused(&error.to_string())),
    };
    let choice = ClientTlsOptions::resolve(&values, transport).map_err(|error| refused(&error))?;
    let Some(mut built) = choice.options else {
        return Ok(Policy { tls: TlsPolicy::Disabled, sni: None, ignored });
    };
    built.resumption &= settings.flag(options::TLS_RESUMPTION);
    let key = Secret::new(format!("{place} {} {}", built.resumption, stamped(&words.arguments)));
    let context = match kept(&key) {
        Some(context) => context,
        None => keep(key, ClientContext::build(built).map_err(|error| refused(&error.to_string()))?),
    };
    let tls = if mode == SslMode::Preferred { TlsPolicy::Preferred(context) } else { TlsPolicy::Required(context) };
    Ok(Policy { tls, sni: choice.sni, ignored })
}

fn refused(text: &str) -> SqlError {
    failure::hy000(2026, format!("SSL connection error: {text}"))
}

/// The demands of this machine's operator on every program.
struct Operator {
    /// The least mode.
    least: Option<SslMode>,
    /// The other options.
    arguments: Vec<String>,
    /// The files that were not read.
    ignored: Vec<String>,
}

/// The settings of the group `[sealwire-capi]` of the option files, and of the environment.
fn operator(environment: &Environment) -> Result<Operator, SqlError> {
    let mut least = None;
    let mut arguments = Vec::new();
    let mut ignored = Vec::new();
    match PROGRAM.parse(std::iter::empty::<String>(), environment) {
        Ok(Outcome::Run(values)) => {
            ignored.extend_from_slice(values.warnings());
            let is_ours = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(OWN));
            if let Some(path) = values.ignored_files().iter().find(is_ours) {
                let shown = path.display();
                return Err(refused(&format!(
                    "option file {shown} is ignored, because the user of this program may not read it, or everybody may write it: \
                     run 'chmod 644 {shown}'"
                )));
            }
            for spec in CLIENT {
                let Some(text) = values.text(spec.name()) else { continue };
                match spec.name() {
                    "ssl-mode" => least = text.parse::<SslMode>().ok(),
                    name => arguments.push(format!("--{name}={text}")),
                }
            }
        }
        Ok(Outcome::Print(_)) => {}
        Err(error) => return Err(refused(&error.to_string())),
    }
    if let Some(text) = environment::variable(LEAST_MODE) {
        let mode =
            text.to_string_lossy().parse::<SslMode>().map_err(|error| refused(&format!("{LEAST_MODE}: {error}")))?;
        least = least.max(Some(mode));
    }
    Ok(Operator { least, arguments, ignored })
}

/// The program's TLS options as arguments.
fn arguments(settings: &Settings) -> Result<Vec<String>, SqlError> {
    const TEXTS: [(u32, &str); 12] = [
        (options::SSL_KEY, "ssl-key"),
        (options::SSL_CERT, "ssl-cert"),
        (options::SSL_CA, "ssl-ca"),
        (options::SSL_CAPATH, "ssl-capath"),
        (options::SSL_CRL, "ssl-crl"),
        (options::SSL_CRLPATH, "ssl-crlpath"),
        (options::TLS_VERSION, "tls-version"),
        (options::SSL_FP, "ssl-fp"),
        (options::SSL_FP_LIST, "ssl-fplist"),
        (options::TLS_PASSPHRASE, "ssl-passphrase"),
        (options::TLS_CIPHERSUITES, "tls-ciphersuites"),
        (options::TLS_SNI_SERVERNAME, "tls-sni-servername"),
    ];
    /// A program whose configuration leaves these empty would get less than it means to ask for.
    const MUST_NAME: [(u32, &str); 4] = [
        (options::SSL_KEY, "ssl-key"),
        (options::SSL_CERT, "ssl-cert"),
        (options::SSL_CA, "ssl-ca"),
        (options::SSL_CAPATH, "ssl-capath"),
    ];
    let utf8 = |name: &str, option: u32| {
        let text = settings.filled(option)?;
        Some(
            text.to_str()
                .map(str::to_owned)
                .map_err(|_| refused(&format!("option '--{name}': its value is not UTF-8 text"))),
        )
    };
    let given = |option: u32| settings.filled(option).is_some();
    let mut arguments = Vec::new();
    for (option, name) in MUST_NAME {
        if settings.text(option).is_some_and(CStr::is_empty) {
            return Err(refused(&format!("option '--{name}' is empty: name a file, or do not set it")));
        }
    }
    for (option, name) in TEXTS {
        if let Some(text) = utf8(name, option).transpose()? {
            // C programs give the passphrase itself, where our own options also know `env:` and `file:`.
            let prefix = if option == options::TLS_PASSPHRASE { "pass:" } else { "" };
            arguments.push(format!("--{name}={prefix}{text}"));
        }
    }
    if settings.number(options::TLS_CIPHER_STRENGTH) > 128
        && !given(options::SSL_CIPHER)
        && !given(options::TLS_CIPHERSUITES)
    {
        arguments.extend(STRONG.map(str::to_owned));
    }
    if let Some(list) = utf8("ssl-cipher", options::SSL_CIPHER).transpose()? {
        let (suites, ciphers): (Vec<&str>, Vec<&str>) =
            list.split(':').partition(|name| name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_"));
        for (name, list) in [("tls-ciphersuites", suites), ("ssl-cipher", ciphers)] {
            if !list.is_empty() {
                arguments.push(format!("--{name}={}", list.join(":")));
            }
        }
    }
    Ok(arguments)
}

/// The arguments, with the age and size of each file that they name: a file that was replaced makes another context.
fn stamped(arguments: &[String]) -> String {
    let mut all = String::new();
    for argument in arguments {
        all.push_str(argument);
        let path = argument.split_once('=').map(|(_, path)| path);
        if let Some(file) = path.and_then(|path| fs::metadata(path).ok()) {
            all.push_str(&format!(" {}.{} {} {}", file.mtime(), file.mtime_nsec(), file.size(), file.ino()));
        }
        all.push('\n');
    }
    all
}

fn kept(key: &Secret) -> Option<ClientContext> {
    let contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    contexts.iter().find(|(known, _)| known == key).map(|(_, context)| context.clone())
}

fn keep(key: Secret, context: ClientContext) -> ClientContext {
    let mut contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if contexts.len() >= MOST_CONTEXTS {
        contexts.remove(0);
    }
    contexts.push((key, context.clone()));
    context
}

/// Drops the contexts, and with them the sessions that could be resumed.
pub(crate) fn forget() {
    CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn asked(set: &[(u32, &CStr)], flags: &[u32], client_ssl: bool, transport: Transport) -> SslMode {
        let mut settings = Settings::new();
        for (option, text) in set {
            settings.set_text(*option, Some(text)).unwrap();
        }
        for flag in flags {
            settings.set_number(*flag, 1);
        }
        mode(&settings, client_ssl, transport).unwrap()
    }

    #[test]
    fn whatever_asks_for_tls_requires_it() {
        use SslMode::{Disabled, Preferred, Required, VerifyCa, VerifyIdentity};
        let (tcp, socket) = (Transport::Tcp, Transport::UnixSocket);
        assert_eq!(asked(&[], &[], false, tcp), Preferred);
        assert_eq!(asked(&[], &[], false, socket), Disabled);
        for transport in [tcp, socket] {
            assert_eq!(asked(&[], &[], true, transport), Required, "CLIENT_SSL");
            assert_eq!(asked(&[], &[options::USE_TLS], false, transport), Required, "mysql_ssl_set");
            assert_eq!(asked(&[], &[options::SSL_ENFORCE], false, transport), Required);
            assert_eq!(asked(&[(options::SSL_CA, c"ca")], &[], false, transport), VerifyCa);
            assert_eq!(
                asked(&[(options::SSL_CA, c"ca")], &[options::SSL_VERIFY_SERVER_CERT], false, transport),
                VerifyIdentity
            );
            assert_eq!(asked(&[(options::SSL_CIPHER, c"x")], &[], false, transport), Required);
            assert_eq!(asked(&[(options::SSL_FP, c"x")], &[], false, transport), Required);
            assert_eq!(asked(&[(options::SSL_FP, c"x"), (options::SSL_CA, c"ca")], &[], false, transport), VerifyCa);
            // Empty texts ask, too; what must name a file is refused later.
            for option in [options::SSL_KEY, options::SSL_FP, options::SSL_FP_LIST, options::SSL_CIPHER] {
                assert_eq!(asked(&[(option, c"")], &[], false, transport), Required, "{option}");
            }
            assert_eq!(asked(&[(options::SSL_CA, c"")], &[], false, transport), VerifyCa);
        }
        let mut settings = Settings::new();
        settings.set_number(options::SSL_MODE, 1);
        assert_eq!(mode(&settings, true, tcp).unwrap(), Disabled, "DISABLED means disabled");
        settings.set_number(options::SSL_MODE, 3);
        assert_eq!(mode(&settings, false, tcp).unwrap(), Required);
        settings.set_number(options::SSL_VERIFY_SERVER_CERT, 1);
        assert_eq!(mode(&settings, false, tcp).unwrap(), VerifyIdentity);
        settings.set_number(options::SSL_MODE, 6);
        assert!(mode(&settings, false, tcp).unwrap_err().message.contains("no ssl-mode 6"));
    }

    #[test]
    fn an_operator_names_a_least_mode_and_more_options() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.cnf");
        fs::write(&path, "[client]\nwhatever\n[sealwire-capi]\nssl-mode=VERIFY_CA\nssl-ca=/ca.pem\n").unwrap();
        let environment = Environment { system_files: vec![path.clone()], ..Environment::default() };
        let demanded = operator(&environment).unwrap();
        assert_eq!(
            (demanded.least, demanded.arguments),
            (Some(SslMode::VerifyCa), vec!["--ssl-ca=/ca.pem".to_owned()])
        );
        fs::write(&path, "[sealwire-capi]\nssl-mode=ALWAYS\n").unwrap();
        let error = operator(&environment).err().unwrap();
        assert!(error.code == 2026 && error.message.contains("ssl-mode"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_read_is_told_and_refused_where_its_name_is_ours() {
        let directory = tempfile::tempdir().unwrap();
        let operator_of = |name: &str, mode: u32| {
            let path = directory.path().join(name);
            fs::write(&path, "[sealwire-capi]\nssl-mode=VERIFY_CA\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            operator(&Environment { system_files: vec![path], ..Environment::default() })
        };
        assert!(operator_of("sealwire.cnf", 0o644).unwrap().ignored.is_empty());
        let other = operator_of("my.cnf", 0o666).unwrap();
        assert!(other.least.is_none() && other.ignored[0].contains("my.cnf' is ignored"), "{:?}", other.ignored);
        let error = operator_of("50-sealwire.cnf", 0o666).err().unwrap();
        assert!(error.code == 2026 && error.message.contains("50-sealwire.cnf is ignored"), "{error}");
    }

    #[test]
    fn an_option_that_names_no_file_is_refused() {
        for option in [options::SSL_CA, options::SSL_CAPATH, options::SSL_KEY, options::SSL_CERT] {
            let mut settings = Settings::new();
            settings.set_text(option, Some(c"")).unwrap();
            let error = arguments(&settings).unwrap_err();
            assert!(error.code == 2026 && error.message.contains("is empty: name a file"), "{error}");
        }
    }

    #[test]
    fn one_cipher_list_serves_both_versions() {
        let mut settings = Settings::new();
        settings.set_text(options::SSL_CIPHER, Some(c"TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256")).unwrap();
        assert_eq!(
            arguments(&settings).unwrap(),
            ["--tls-ciphersuites=TLS_AES_256_GCM_SHA384", "--ssl-cipher=ECDHE-RSA-AES128-GCM-SHA256"]
        );
    }
}
