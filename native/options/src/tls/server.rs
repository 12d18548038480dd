//! A server's TLS options.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealwire_core::secret::Secret;
use sealwire_core::tls::{ServerOptions, TicketKeys};

use super::Files;
use super::{files, key_log, ticket_key};
use crate::{Given, Spec, Values};
use sealwire_net::provider::provider;

/// MySQL's bound of `ssl_session_cache_timeout`: some minutes less than a day.
pub const MOST_SESSION_SECONDS: u64 = 84_600;

/// The server's table, in MySQL's order.
pub const SERVER: &[Spec] = &[
    Spec::flag(
        "ssl",
        "Offer TLS. --ssl=0, --skip-ssl or --disable-ssl given anywhere switches it off, and overrides all other SSL options.",
    )
    .default("on").shared(),
    Spec::path("ssl-ca", "File in PEM format with the CAs of client certificates.").shared(),
    Spec::path("ssl-capath", "Directory of such files.").shared(),
    Spec::path("ssl-cert", "Server certificate in PEM format, followed by intermediates.").shared(),
    Spec::text("ssl-cipher", "Ciphers for TLS 1.2, separated by colons.").shared(),
    Spec::path("ssl-key", "Server key in PEM format.").shared(),
    Spec::path("ssl-crl", "Certificate revocation list.").shared(),
    Spec::path("ssl-crlpath", "Directory of certificate revocation lists.").shared(),
    Spec::flag("ssl-session-cache-mode", "Let clients resume their TLS sessions.").default("on").shared(),
    Spec::number("ssl-session-cache-timeout", "Seconds in which a client may resume its session; 0 for never.")
        .between(0, MOST_SESSION_SECONDS)
        .default("300").shared(),
    Spec::path(
        "ssl-session-ticket-key",
        "File with secrets of session tickets, 64 hex digits a line as of 'openssl rand -hex 32', for its owner's eyes only: sessions \
         survive a restart, and servers with the same file, certificates and TLS options resume each other's. The first \
         encrypts, all decrypt: to rotate, put a new line first, reload, and take the old one out later.",
    ).shared(),
    Spec::text("tls-version", "TLS versions to offer: TLSv1.2, TLSv1.3 or both, separated by a comma.")
        .default("TLSv1.2,TLSv1.3").shared(),
    Spec::text("tls-ciphersuites", "Ciphers for TLS 1.3, separated by colons.").shared(),
    Spec::text("ssl-passphrase", "What --ssl-key is encrypted with: text, pass:text, env:VARIABLE or file:path.").secret().shared(),
];

/// What a server with a data directory has besides.
pub const SERVER_GENERATE: &[Spec] = &[Spec::flag(
    "auto-generate-certs",
    "Make certificates in the data directory when none are given and none are there.",
)
.default("on")];

/// A server's TLS settings as they stand in its variables (`ssl_ca`, …), to be loaded at start and at each reload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerTlsOptions {
    /// Whether TLS is offered at all.
    pub enabled: bool,
    /// `ssl_ca`.
    pub ca: Option<String>,
    /// `ssl_capath`.
    pub capath: Option<String>,
    /// `ssl_cert`.
    pub cert: Option<String>,
    /// `ssl_key`.
    pub key: Option<String>,
    /// `ssl_cipher`.
    pub cipher: Option<String>,
    /// `ssl_crl`.
    pub crl: Option<String>,
    /// `ssl_crlpath`.
    pub crlpath: Option<String>,
    /// `ssl_session_cache_mode`: `OFF`, or else `ON`.
    pub session_cache_mode: Option<String>,
    /// `ssl_session_cache_timeout`, in seconds.
    pub session_cache_timeout: Option<String>,
    /// `ssl_session_ticket_key`.
    pub session_ticket_key: Option<String>,
    /// `tls_version`.
    pub tls_version: Option<String>,
    /// `tls_ciphersuites`.
    pub tls_ciphersuites: Option<String>,
    /// What the key is encrypted with.
    pub passphrase: Option<Secret>,
    /// What the administrator should know, a sentence each.
    pub notes: Vec<String>,
    /// Where to make certificates if they are absent.
    generate_in: Option<PathBuf>,
}

impl ServerTlsOptions {
    /// Decides, without reading any file but looking which are there. With neither CA nor certificate nor key given they are `ca.pem`,
    /// `server-cert.pem` and `server-key.pem` of the data directory.
    pub fn resolve(values: &Values, data_directory: &Path) -> Result<Self, String> {
        let own = |option: &str| values.text(option).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut settings = Self {
            enabled: true,
            ca: own("ssl-ca"),
            capath: own("ssl-capath"),
            cert: own("ssl-cert"),
            key: own("ssl-key"),
            cipher: own("ssl-cipher"),
            crl: own("ssl-crl"),
            crlpath: own("ssl-crlpath"),
            session_cache_mode: Some(if values.flag("ssl-session-cache-mode") { "ON" } else { "OFF" }.to_owned()),
            session_cache_timeout: values.number("ssl-session-cache-timeout").map(|seconds| seconds.to_string()),
            session_ticket_key: own("ssl-session-ticket-key"),
            tls_version: own("tls-version"),
            tls_ciphersuites: own("tls-ciphersuites"),
            passphrase: values
                .bytes("ssl-passphrase")
                .filter(|text| !text.is_empty())
                .map(files::passphrase)
                .transpose()?,
            notes: Vec::new(),
            generate_in: None,
        };
        if let Some(off) = values.occurrences("ssl").find(|occurrence| matches!(occurrence.given, Given::Flag(false))) {
            settings.enabled = false;
            settings.notes.push(format!("TLS is off: '{}' {}", off.written, off.origin));
            return Ok(settings);
        }
        let is_any_given =
            [&settings.ca, &settings.capath, &settings.cert, &settings.key].iter().any(|file| file.is_some());
        if !is_any_given {
            settings.use_automatic(values.flag("auto-generate-certs"), data_directory);
        } else if settings.cert.is_none() && settings.key.is_none() {
            return Err("the server has a CA but no certificate of its own: give --ssl-cert and --ssl-key too, \
                leave out --ssl-ca and --ssl-capath to have certificates made, or switch TLS off with --skip-ssl"
                .to_owned());
        }
        Ok(settings)
    }

    /// Where certificates must be made before they are loaded: none were given, and none are in the data directory.
    pub fn generate_in(&self) -> Option<&Path> {
        self.generate_in.as_deref()
    }

    /// Reads the files. `None`: TLS is off. The error is a sentence that names option and file.
    pub fn load(&self) -> Result<Option<ServerOptions>, String> {
        if !self.enabled {
            return Ok(None);
        }
        let read =
            |option: &str, path: &Option<String>| path.as_deref().map(|path| files::read(option, path)).transpose();
        let ca = ("ssl-ca", self.ca.as_deref());
        let crl = ("ssl-crl", self.crl.as_deref());
        let secrets = self.session_ticket_key.as_deref().map(ticket_key::read).transpose()?;
        let timeout = self.session_cache_timeout.as_deref().and_then(|seconds| seconds.parse().ok());
        // What ends as it begins is never resumed.
        let resumes = self.session_cache_mode.as_deref() != Some("OFF") && timeout != Some(0);
        let defaults = ServerOptions::new(provider());
        Ok(Some(ServerOptions {
            session_cache_size: if resumes { defaults.session_cache_size } else { 0 },
            session_timeout: timeout.unwrap_or(defaults.session_timeout),
            ticket_keys: secrets.filter(|_| resumes).map(|secrets| Arc::new(secrets) as Arc<dyn TicketKeys>),
            cert: read("ssl-cert", &self.cert)?,
            key: read("ssl-key", &self.key)?,
            passphrase: self.passphrase.clone(),
            ca: files::read_both(ca, ("ssl-capath", self.capath.as_deref()), files::CERTIFICATE)?,
            crls: files::read_both(crl, ("ssl-crlpath", self.crlpath.as_deref()), files::CRL)?,
            ciphers: self.cipher.clone(),
            ciphersuites: self.tls_ciphersuites.clone(),
            versions: self.tls_version.clone(),
            key_log: key_log::key_log()?,
            ..defaults
        }))
    }

    /// What the administrator should know of the files, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        if !self.enabled {
            return Vec::new();
        }
        let key = self.key.as_deref().or(self.cert.as_deref());
        let key = key.and_then(|path| files::open_to_others("private key", path, "pass for this server"));
        let secrets = self.session_ticket_key.as_deref().and_then(|path| {
            files::open_to_others("file of session ticket secrets", path, "read recorded sessions and resume them")
        });
        key.into_iter().chain(secrets).collect()
    }

    /// The certificates of the data directory: those that are there, or those that will be made.
    fn use_automatic(&mut self, may_generate: bool, directory: &Path) {
        let paths = Files::in_directory(directory);
        let all = [&paths.ca, &paths.server_cert, &paths.server_key];
        if all.iter().all(|path| !path.exists()) {
            if !may_generate {
                self.enabled = false;
                self.notes.push(
                    "TLS is off: no certificates are given or in the data directory, and --auto-generate-certs is off"
                        .to_owned(),
                );
                return;
            }
            self.generate_in = Some(directory.to_owned());
        }
        self.ca = Some(paths.ca.display().to_string());
        self.cert = Some(paths.server_cert.display().to_string());
        self.key = Some(paths.server_key.display().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Outcome, Program};

    const PROGRAM: Program = Program {
        name: "sealwired",
        version: "1.0",
        usage: "",
        groups: &["mysqld"],
        other_groups: &[],
        tables: &[SERVER, SERVER_GENERATE],
        arguments: 0,
    };

    fn resolve(line: &str, directory: &Path) -> Result<ServerTlsOptions, String> {
        match PROGRAM.parse(line.split_whitespace(), &Environment::default()) {
            Ok(Outcome::Run(values)) => ServerTlsOptions::resolve(&values, directory),
            other => panic!("{line} gave {other:?}"),
        }
    }

    #[test]
    fn off_wins_wherever_it_stands() {
        let directory = tempfile::tempdir().unwrap();
        for line in
            ["--ssl=0 --ssl-cert=c --ssl-key=k", "--ssl-cert=c --ssl --skip-ssl", "--disable-ssl --ssl", "--ssl=no"]
        {
            let settings = resolve(line, directory.path()).unwrap();
            assert!(!settings.enabled, "{line}");
            assert!(settings.load().unwrap().is_none(), "{line}");
            assert_eq!(settings.generate_in(), None, "{line}");
            assert!(settings.notes[0].starts_with("TLS is off: '--"), "{:?}", settings.notes);
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_used_with_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        for name in ["ca.pem", "server-cert.pem", "server-key.pem"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let settings = resolve("", directory.path()).unwrap();
        let key = directory.path().join("server-key.pem");
        for (mode, warns) in [(0o640, false), (0o644, true), (0o604, true), (0o620, true), (0o400, false)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            let warnings = settings.warnings();
            assert_eq!(warnings.len(), usize::from(warns), "{mode:04o} {warnings:?}");
            assert!(warnings.iter().all(|text| text.contains(&format!("server-key.pem' has mode {mode:04o}"))));
            assert!(settings.load().is_ok());
        }
        let tickets = directory.path().join("tickets");
        std::fs::write(&tickets, "00".repeat(32)).unwrap();
        let settings = ServerTlsOptions { session_ticket_key: Some(tickets.display().to_string()), ..settings };
        std::fs::set_permissions(&tickets, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(settings.warnings().is_empty());
        std::fs::set_permissions(&tickets, std::fs::Permissions::from_mode(0o644)).unwrap();
        let warnings = settings.warnings();
        assert!(warnings[0].contains("tickets' has mode 0644") && warnings[0].contains("'chmod 600 "), "{warnings:?}");
        assert!(settings.load().is_ok());
        let off = ServerTlsOptions { enabled: false, ..settings };
        assert!(off.warnings().is_empty());
    }

    #[test]
    fn half_a_set_is_an_error_and_never_plaintext() {
        let directory = tempfile::tempdir().unwrap();
        assert!(resolve("--ssl-ca=x", directory.path()).unwrap_err().contains("--ssl-cert"));
        std::fs::write(directory.path().join("ca.pem"), "").unwrap();
        let settings = resolve("", directory.path()).unwrap();
        assert_eq!(settings.generate_in(), None, "another's CA is not overwritten");
        let error = settings.load().err().unwrap();
        assert!(error.starts_with("option '--ssl-cert': can't read '"), "{error}");
    }

    #[test]
    fn no_certificates_and_none_to_be_made_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let settings = resolve("--skip-auto-generate-certs", directory.path()).unwrap();
        assert!(!settings.enabled && settings.notes[0].contains("--auto-generate-certs"));
    }
}
