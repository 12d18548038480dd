//! The TLS settings, loaded at start and reloaded later. An error leaves the active ones unchanged.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::tls::ServerContext;

use super::published::Published;
use sealwire_net::clock;
use sealwire_options::OptionValue;
use sealwire_options::tls::health::Health;
use sealwire_options::tls::watch::FileContents;
use sealwire_options::tls::{ServerTlsOptions, TlsVariable};

/// The server's TLS settings.
#[derive(Debug)]
pub(crate) struct Tls {
    active: Published<Active>,
    /// The values of SET GLOBAL ssl_…, which the next reload uses.
    next_options: Mutex<ServerTlsOptions>,
    health: Health,
}

/// The TLS settings that new connections use.
#[derive(Debug)]
pub(crate) struct Active {
    /// The TLS context; `None` where TLS is off.
    pub(crate) context: Option<ServerContext>,
    /// The options from which it was built.
    pub(crate) options: ServerTlsOptions,
    /// The files that they name, as they were just before they were read.
    files: FileContents,
}

impl Tls {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// A sentence that names option and file.
    pub(crate) fn load(options: ServerTlsOptions) -> Result<Self, String> {
        let active = Active::build(options.clone())?;
        let health = Health::new("run ALTER INSTANCE RELOAD TLS");
        active.log(&health);
        Ok(Self { active: Published::new(active), next_options: Mutex::new(options), health })
    }

    /// The TLS settings that new connections use now.
    pub(crate) fn active(&self) -> Arc<Active> {
        self.active.current()
    }

    /// Repeats the warnings about certificates and revocation lists, if they are due; returns how long until they may be due again.
    pub(crate) fn repeat_warnings(&self) -> Duration {
        self.health.repeat_warnings(self.active().context.as_ref(), clock::now().wall.as_secs())
    }

    /// Reads certificates and keys again, with the values of SET GLOBAL. Of two simultaneous reloads, the later one reads after the earlier
    /// one is active.
    ///
    /// # Errors
    /// 3888; the active settings stay.
    pub(crate) fn reload(&self) -> Result<(), SqlError> {
        self.active.replace(|| {
            let options = self.next_options.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.read(options).map_err(|text| failed(&text))
        })
    }

    /// Reads the files of the active settings again, without the values of SET GLOBAL, because nobody has asked to use these yet.
    ///
    /// # Errors
    /// A sentence that names option and file; the active settings stay.
    pub(crate) fn reload_changed(&self) -> Result<(), String> {
        self.active.replace(|| self.read(self.active().options.clone()))
    }

    fn read(&self, options: ServerTlsOptions) -> Result<Active, String> {
        let active = Active::build(options)?;
        active.log(&self.health);
        Ok(active)
    }

    /// The files of the active settings, as they were read.
    pub(crate) fn files(&self) -> FileContents {
        self.active().files.clone()
    }

    /// Switches TLS off, for ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR after an error.
    pub(crate) fn switch_off(&self) {
        let Ok(()) = self.active.replace(|| {
            let active = self.active();
            let (options, files) = (active.options.clone(), active.files.clone());
            Ok::<_, Infallible>(Active { context: None, options, files })
        });
    }

    /// The value that SET GLOBAL has given a variable.
    pub(crate) fn next_value(&self, variable: &TlsVariable) -> OptionValue {
        self.next_options.lock().unwrap_or_else(PoisonError::into_inner).get(variable)
    }

    /// Stores a value of SET GLOBAL for the next reload.
    pub(crate) fn set_next_value(&self, variable: &TlsVariable, value: OptionValue) {
        self.next_options.lock().unwrap_or_else(PoisonError::into_inner).set(variable, value);
    }
}

impl Active {
    fn build(options: ServerTlsOptions) -> Result<Self, String> {
        let files = FileContents::of(options.files());
        Ok(Self { context: build(&options)?, options, files })
    }

    /// Logs the loaded settings and the warnings about them.
    fn log(&self, health: &Health) {
        match &self.context {
            Some(context) => {
                for warning in self.options.warnings().iter().chain(context.notes()) {
                    tracing::warn!("{warning}");
                }
                health.log(context, clock::now().wall.as_secs());
            }
            None => tracing::warn!("TLS is off: anybody on the network path can read passwords and data"),
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
