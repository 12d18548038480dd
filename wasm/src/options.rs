//! The options of JavaScript's `Client.connect`, and their conversion to the core's settings.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use sealwire_core::client::{Config, TlsPolicy};
use sealwire_core::secret::Secret;
use sealwire_core::tls::{ClientContext, ClientOptions, Fingerprint, NamedPem, SslMode, TlsError, Trust};
use serde::Deserialize;

use crate::provider::{PageRandom, provider};
use crate::recorder::Recorder;

/// The options of a connection.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// The user name.
    pub user: String,
    /// The password.
    #[serde(default)]
    pub password: String,
    /// The default database of the session.
    pub database: Option<String>,
    /// The TLS options.
    #[serde(default)]
    pub tls: Tls,
    /// The time limit for connecting, in seconds.
    pub connect_timeout: Option<f64>,
}

/// The TLS options.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// The mode, as in MySQL's `--ssl-mode`.
    pub mode: Option<String>,
    /// The CA certificates in PEM.
    pub ca: Option<String>,
    /// The client's certificate in PEM, followed by intermediate certificates.
    pub cert: Option<String>,
    /// The client's private key in PEM.
    pub key: Option<String>,
    /// The passphrase of the private key.
    pub passphrase: Option<String>,
    /// The host name that the server's certificate must carry.
    pub server_name: Option<String>,
    /// The SHA-256 fingerprint that the server's certificate must have, instead of a CA.
    pub fingerprint: Option<String>,
    /// TLS versions: `TLSv1.2,TLSv1.3`.
    pub versions: Option<String>,
    /// Cipher suites for TLS 1.2.
    pub ciphers: Option<String>,
    /// Cipher suites for TLS 1.3.
    pub ciphersuites: Option<String>,
}

impl Options {
    /// The core's settings. `recorder` observes the connection and logs its keys.
    ///
    /// # Errors
    /// If a certificate, key or fingerprint is invalid, or if the options do not suffice to verify a server.
    pub fn into_config(self, recorder: Option<Arc<Recorder>>) -> Result<Config, TlsError> {
        let provider = Arc::new(provider());
        let random = Arc::new(PageRandom::new(&provider));
        let mut config = Config::new(self.user, Secret::new(self.password), random);
        config.database = self.database.filter(|name| !name.is_empty());
        if let Some(seconds) = self.connect_timeout {
            let timeout = Duration::try_from_secs_f64(seconds);
            config.connect_timeout =
                timeout.map_err(|_| TlsError::Config("connectTimeout must be a number of seconds".to_owned()))?;
        }
        let name = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        config.attributes = vec![
            name("_client_name", "sealwire-wasm"),
            name("_client_version", env!("CARGO_PKG_VERSION")),
            name("_platform", "wasm32"),
        ];
        config.server_name = self.tls.server_name.clone().unwrap_or_default();
        let mode = self.tls.mode()?;
        config.tls = match mode {
            SslMode::Disabled => TlsPolicy::Disabled,
            SslMode::Preferred => TlsPolicy::Preferred(self.tls.context(provider, mode, recorder.clone())?),
            _ => TlsPolicy::Required(self.tls.context(provider, mode, recorder.clone())?),
        };
        config.observer = recorder.map(|recorder| recorder as _);
        Ok(config)
    }
}

impl Tls {
    /// The given mode, or the strictest one for which the other options suffice. The default always verifies the server.
    fn mode(&self) -> Result<SslMode, TlsError> {
        if let Some(mode) = &self.mode {
            return mode.parse();
        }
        Ok(match (&self.ca, &self.server_name, &self.fingerprint) {
            (Some(_), Some(_), None) => SslMode::VerifyIdentity,
            (Some(_), None, None) => SslMode::VerifyCa,
            (_, _, Some(_)) => SslMode::Required,
            (None, _, None) => {
                return Err(TlsError::Config(
                    "the server can't be verified: give tls.ca or tls.fingerprint (a page can't use the system's CAs), or \
                     set tls.mode to 'REQUIRED' to encrypt without verification"
                        .to_owned(),
                ));
            }
        })
    }

    fn context(
        self,
        provider: Arc<CryptoProvider>,
        mode: SslMode,
        recorder: Option<Arc<Recorder>>,
    ) -> Result<ClientContext, TlsError> {
        let trust = match (&self.fingerprint, mode) {
            (Some(fingerprint), _) => Trust::Fingerprint(vec![fingerprint.parse::<Fingerprint>()?]),
            (None, SslMode::VerifyCa) => Trust::Ca,
            (None, SslMode::VerifyIdentity) if self.server_name.is_none() => {
                return Err(TlsError::Config(
                    "VERIFY_IDENTITY needs tls.serverName: behind a bridge a page does not know the server's host"
                        .to_owned(),
                ));
            }
            (None, SslMode::VerifyIdentity) => Trust::CaAndIdentity,
            (None, _) => Trust::NoVerification,
        };
        let pem = |name: &str, text: Option<String>| text.map(|text| NamedPem::new(name, text));
        let mut options = ClientOptions::new(provider, trust);
        options.ca = pem("tls.ca", self.ca).into_iter().collect();
        options.cert = pem("tls.cert", self.cert);
        options.key = pem("tls.key", self.key);
        options.passphrase = self.passphrase.map(Secret::new);
        options.versions = self.versions;
        options.ciphers = self.ciphers;
        options.ciphersuites = self.ciphersuites;
        options.key_log = recorder.map(|recorder| recorder as _);
        ClientContext::build(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: &str = include_str!("../../core/tests/data/ca.pem");

    fn config(tls: serde_json::Value) -> Result<Config, TlsError> {
        let options = serde_json::json!({ "user": "u", "password": "p", "tls": tls });
        serde_json::from_value::<Options>(options).unwrap().into_config(None)
    }

    #[test]
    fn a_page_that_says_nothing_of_tls_is_refused_and_told_what_to_give() {
        let error = config(serde_json::json!({})).unwrap_err().to_string();
        assert!(error.contains("tls.ca") && error.contains("tls.fingerprint"), "{error}");
    }

    #[test]
    fn tls_is_required_unless_asked_otherwise() {
        assert!(matches!(config(serde_json::json!({ "ca": CA })).unwrap().tls, TlsPolicy::Required(_)));
        assert!(matches!(config(serde_json::json!({ "mode": "REQUIRED" })).unwrap().tls, TlsPolicy::Required(_)));
        assert!(matches!(config(serde_json::json!({ "mode": "preferred" })).unwrap().tls, TlsPolicy::Preferred(_)));
        assert!(matches!(config(serde_json::json!({ "mode": "DISABLED" })).unwrap().tls, TlsPolicy::Disabled));
        let fingerprint = "00".repeat(32);
        let pinned = config(serde_json::json!({ "fingerprint": fingerprint })).unwrap();
        assert!(matches!(pinned.tls, TlsPolicy::Required(_)));
    }

    #[test]
    fn identity_is_not_checked_against_nothing() {
        let error = config(serde_json::json!({ "ca": CA, "mode": "VERIFY_IDENTITY" })).unwrap_err().to_string();
        assert!(error.contains("tls.serverName"), "{error}");
        let named = config(serde_json::json!({ "ca": CA, "serverName": "db1" })).unwrap();
        assert_eq!(named.server_name, "db1");
    }

    #[test]
    fn an_option_that_does_not_exist_is_an_error() {
        let options = serde_json::json!({ "user": "u", "tls": { "verify": false } });
        let error = serde_json::from_value::<Options>(options).err().unwrap().to_string();
        assert!(error.contains("verify"), "{error}");
    }
}
