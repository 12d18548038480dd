//! TLS at start and when it is loaded again. An error leaves what is active as it is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::tls::ServerContext;

use super::published::Published;
use super::variables::Globals;
use sealwire_net::clock;
use sealwire_options::tls::ServerTlsOptions;
use sealwire_options::tls::health::Health;

/// The server's TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    active: Published<Active>,
    /// What SET GLOBAL ssl_… has changed and the next reload takes up.
    wanted: Mutex<ServerTlsOptions>,
    health: Health,
}

/// What new connections use.
#[derive(Debug)]
pub(crate) struct Active {
    /// The context; `None`: no TLS.
    pub(crate) context: Option<ServerContext>,
    /// What it was built from.
    pub(crate) options: ServerTlsOptions,
}

impl Tls {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// A sentence that names option and file.
    pub(crate) fn load(options: ServerTlsOptions) -> Result<Self, String> {
        let active = Active { context: build(&options)?, options: options.clone() };
        let health = Health::new("run ALTER INSTANCE RELOAD TLS");
        active.tell(&health);
        Ok(Self { active: Published::new(active), wanted: Mutex::new(options), health })
    }

    /// What new connections use now.
    pub(crate) fn active(&self) -> Arc<Active> {
        self.active.current()
    }

    /// Warns again of what is wrong with certificates and lists, where it is time to; how long until it may be again.
    pub(crate) fn look_again(&self) -> Duration {
        self.health.look_again(self.active().context.as_ref(), clock::now().wall.as_secs())
    }

    /// Reads certificates and keys again, with the values that SET GLOBAL has given, and shows them in the variables. Of two at
    /// once, the later reads after the earlier is active.
    ///
    /// # Errors
    /// 3888; what was active stays.
    pub(crate) fn reload(&self, globals: &Globals) -> Result<(), SqlError> {
        self.active.replace(|| {
            let options = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let context = build(&options).map_err(|text| failed(&text))?;
            let active = Active { context, options };
            active.tell(&self.health);
            active.show(globals);
            Ok(active)
        })
    }

    /// Goes without TLS: ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR, after an error.
    pub(crate) fn switch_off(&self, globals: &Globals) {
        let Ok(()) = self.active.replace(|| {
            let active = Active { context: None, options: self.active().options.clone() };
            active.show(globals);
            Ok::<_, Infallible>(active)
        });
    }

    /// Takes a value of SET GLOBAL for the next reload; `false` where the variable is none of TLS.
    pub(crate) fn want(&self, variable: &str, value: &str) -> bool {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let field = match variable {
            "ssl_ca" => &mut wanted.ca,
            "ssl_capath" => &mut wanted.capath,
            "ssl_cert" => &mut wanted.cert,
            "ssl_key" => &mut wanted.key,
            "ssl_cipher" => &mut wanted.cipher,
            "ssl_crl" => &mut wanted.crl,
            "ssl_crlpath" => &mut wanted.crlpath,
            "ssl_session_cache_mode" => &mut wanted.session_cache_mode,
            "ssl_session_cache_timeout" => &mut wanted.session_cache_timeout,
            "ssl_session_ticket_key" => &mut wanted.session_ticket_key,
            "tls_version" => &mut wanted.tls_version,
            "tls_ciphersuites" => &mut wanted.tls_ciphersuites,
            _ => return false,
        };
        *field = Some(value.to_owned()).filter(|value| !value.is_empty());
        true
    }
}

impl Active {
    /// Logs what was loaded and what is wrong with it.
    fn tell(&self, health: &Health) {
        match &self.context {
            Some(context) => {
                for warning in self.options.warnings().iter().chain(context.notes()) {
                    tracing::warn!("{warning}");
                }
                health.tell(context, clock::now().wall.as_secs());
            }
            None => tracing::warn!("TLS is off: passwords and data can be read by whoever carries them"),
        }
    }

    /// Shows it in the variables.
    pub(crate) fn show(&self, globals: &Globals) {
        let state = if self.context.is_some() { "YES" } else { "DISABLED" };
        globals.set("have_ssl", state);
        globals.set("have_openssl", state);
        let options = &self.options;
        for (name, value) in [
            ("ssl_ca", &options.ca),
            ("ssl_capath", &options.capath),
            ("ssl_cert", &options.cert),
            ("ssl_key", &options.key),
            ("ssl_cipher", &options.cipher),
            ("ssl_crl", &options.crl),
            ("ssl_crlpath", &options.crlpath),
            ("ssl_session_ticket_key", &options.session_ticket_key),
            ("tls_version", &options.tls_version),
            ("tls_ciphersuites", &options.tls_ciphersuites),
        ] {
            globals.set(name, value.clone().unwrap_or_default());
        }
        // These have a value always.
        for (name, value) in [
            ("ssl_session_cache_mode", &options.session_cache_mode),
            ("ssl_session_cache_timeout", &options.session_cache_timeout),
        ] {
            if let Some(value) = value {
                globals.set(name, value.clone());
            }
        }
    }
}

fn build(options: &ServerTlsOptions) -> Result<Option<ServerContext>, String> {
    let Some(loaded) = options.load()? else { return Ok(None) };
    ServerContext::build(loaded).map(Some).map_err(|error| error.to_string())
}

fn failed(text: &str) -> SqlError {
    SqlError::new(3888, b"HY000", format!("Failed to set up SSL because of the following SSL library error: {text}"))
}
