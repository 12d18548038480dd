//! A server's TLS options.

use std::path::Path;
use std::sync::Arc;

use sealwire_core::tls::{NamedCertificate, ServerOptions, TicketKeys};

use super::Files;
use super::server_variables::{SERVER_VARIABLES, ServerTlsOptions};
use super::{files, key_log, ticket_key};
use crate::{OptionValue, Spec, Values};
use sealwire_net::provider::provider;

/// The further options of a server with a data directory.
pub const SERVER_GENERATE: &[Spec] = &[Spec::flag(
    "auto-generate-certs",
    "Create certificates in the data directory if none are given and none exist there.",
)
.default("on")];

impl ServerTlsOptions {
    /// Decides, without reading any file; it only checks which files exist. If no CA, certificate or key is given, they are `ca.pem`,
    /// `server-cert.pem` and `server-key.pem` of the data directory.
    pub fn resolve(values: &Values, data_directory: &Path) -> Result<Self, String> {
        let passphrase = values.bytes("ssl-passphrase").filter(|text| !text.is_empty()).map(files::passphrase);
        let mut settings = Self { enabled: true, passphrase: passphrase.transpose()?, ..Self::default() };
        for variable in SERVER_VARIABLES {
            if let Some(value) = values.value(&variable.option) {
                settings.set(variable, value);
            }
        }
        settings.named = values.texts("ssl-sni-cert").map(named).collect::<Result<_, _>>()?;
        if let Some(off) =
            values.occurrences("ssl").find(|occurrence| matches!(occurrence.given, OptionValue::Flag(false)))
        {
            settings.enabled = false;
            settings.notes.push(format!("TLS is off: '{}' {}", off.written, off.origin));
            return Ok(settings);
        }
        if settings.tls_version.is_none() {
            settings.notes.push("TLS is off: '--tls-version' is empty".to_owned());
            return Ok(settings);
        }
        let is_any_given = [&settings.ssl_ca, &settings.ssl_capath, &settings.ssl_cert, &settings.ssl_key]
            .iter()
            .any(|file| file.is_some());
        if !is_any_given {
            settings.use_automatic(values.flag("auto-generate-certs"), data_directory);
        } else if settings.ssl_cert.is_none() && settings.ssl_key.is_none() {
            return Err("the server has a CA but no certificate of its own: give --ssl-cert and --ssl-key too, \
                leave out --ssl-ca and --ssl-capath to have certificates made, or switch TLS off with --skip-ssl"
                .to_owned());
        }
        Ok(settings)
    }

    /// Whether TLS is to be offered. As with MySQL, an empty `tls_version` switches it off.
    fn is_on(&self) -> bool {
        self.enabled && self.tls_version.is_some()
    }

    /// The directory in which certificates must be made before loading, because none were given and the data directory has none.
    pub fn generate_in(&self) -> Option<&Path> {
        self.generate_in.as_deref()
    }

    /// Reads the files. `None` where TLS is off. The error is a sentence that names option and file.
    pub fn load(&self) -> Result<Option<ServerOptions>, String> {
        if !self.is_on() {
            return Ok(None);
        }
        let read = |option: &'static str, path: &Option<String>| {
            path.as_deref().map(|path| files::read(option, path)).transpose()
        };
        let ca = ("ssl-ca", self.ssl_ca.as_deref());
        let crl = ("ssl-crl", self.ssl_crl.as_deref());
        let secrets = self.ssl_session_ticket_key.as_deref().map(ticket_key::read).transpose()?;
        // A session with a timeout of 0 would expire at once, so resumption is off.
        let resumes = self.ssl_session_cache_mode && self.ssl_session_cache_timeout > 0;
        let defaults = ServerOptions::new(provider());
        Ok(Some(ServerOptions {
            session_cache_size: if resumes { defaults.session_cache_size } else { 0 },
            session_timeout: self.ssl_session_cache_timeout,
            ticket_keys: secrets.filter(|_| resumes).map(|secrets| Arc::new(secrets) as Arc<dyn TicketKeys>),
            cert: read("ssl-cert", &self.ssl_cert)?,
            key: read("ssl-key", &self.ssl_key)?,
            named: self.named.iter().map(read_named).collect::<Result<_, _>>()?,
            passphrase: self.passphrase.clone(),
            ca: files::read_both(ca, ("ssl-capath", self.ssl_capath.as_deref()), files::CERTIFICATE)?,
            crls: files::read_both(crl, ("ssl-crlpath", self.ssl_crlpath.as_deref()), files::CRL)?,
            ciphers: self.ssl_cipher.clone(),
            ciphersuites: self.tls_ciphersuites.clone(),
            versions: self.tls_version.clone(),
            key_log: key_log::key_log()?,
            ..defaults
        }))
    }

    /// Warnings for the administrator about the files, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        if !self.is_on() {
            return Vec::new();
        }
        let keys = self.ssl_key.as_deref().or(self.ssl_cert.as_deref()).into_iter();
        let keys = keys.chain(self.named.iter().map(|[_, _, key]| key.as_str()));
        let keys = keys.filter_map(|path| files::open_to_others("private key", path, "pass for this server"));
        let secrets = self.ssl_session_ticket_key.as_deref().and_then(|path| {
            files::open_to_others("file of session ticket secrets", path, "read recorded sessions and resume them")
        });
        keys.chain(secrets).collect()
    }

    /// Uses the certificates of the data directory: those that exist, or those that will be made.
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
        self.ssl_ca = Some(paths.ca.display().to_string());
        self.ssl_cert = Some(paths.server_cert.display().to_string());
        self.ssl_key = Some(paths.server_key.display().to_string());
    }
}

/// Takes a value of `--ssl-sni-cert` apart.
fn named(text: &str) -> Result<[String; 3], String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [host, cert, key] if ![host, cert, key].iter().any(|part| part.is_empty()) => {
            Ok([*host, *cert, *key].map(str::to_owned))
        }
        _ => Err(format!(
            "option '--ssl-sni-cert': '{text}' is not HOST:CERT_FILE:KEY_FILE, as db.example.com:cert.pem:key.pem"
        )),
    }
}

fn read_named([host, cert, key]: &[String; 3]) -> Result<NamedCertificate, String> {
    let read = |path: &str| files::read("ssl-sni-cert", path);
    Ok(NamedCertificate { host: host.clone(), cert: read(cert)?, key: read(key)? })
}

#[cfg(test)]
mod tests {
    use super::super::SERVER;
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
    fn an_empty_list_of_versions_switches_tls_off() {
        let directory = tempfile::tempdir().unwrap();
        for line in ["--tls-version=", "--tls-version= --ssl-cert=c --ssl-key=k", "--tls-version= --ssl-ca=x"] {
            let settings = resolve(line, directory.path()).unwrap();
            assert!(settings.load().unwrap().is_none() && settings.generate_in().is_none(), "{line}");
            assert_eq!(settings.notes, ["TLS is off: '--tls-version' is empty"], "{line}");
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
        let settings = ServerTlsOptions { ssl_session_ticket_key: Some(tickets.display().to_string()), ..settings };
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
    fn certificates_of_names_are_read_and_watched() {
        let directory = tempfile::tempdir().unwrap();
        let line = "--ssl-cert=c --ssl-key=k --ssl-sni-cert=a.example.com:a.pem:a.key --ssl-sni-cert=*.example.com:b.pem:b.key";
        let settings = resolve(line, directory.path()).unwrap();
        assert_eq!(settings.named[1], ["*.example.com", "b.pem", "b.key"]);
        for file in ["c", "k", "a.pem", "a.key", "b.pem", "b.key"] {
            assert!(settings.files().contains(&file.into()), "{file}");
        }
        for wrong in ["a.example.com", "a.example.com:x", "a.example.com::x", ":a:b", "a:b:c:d"] {
            let error = resolve(&format!("--ssl-sni-cert={wrong}"), directory.path()).unwrap_err();
            assert!(error.contains(&format!("'{wrong}' is not HOST:CERT_FILE:KEY_FILE")), "{error}");
        }
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
