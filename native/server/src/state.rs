//! What all connections of a server share.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sealwire_core::auth::Plugin;
use sealwire_core::error::SqlError;
use sealwire_core::server::Config;

use super::accounts::AccountStore;
use super::constant_selects::ParsedSelects;
use super::counters::{Counters, Uptime};
use super::engine::{Engine, Pool};
use super::published::Published;
use super::readers::Readers;
use super::refusals::Refusals;
use super::registry::Registry;
use super::reload::Tls;
use super::settings::{Globals, Place, SystemVariable, Value, variable};
use super::version::VERSION;
use sealwire_net::random::OsRandom;
use sealwire_options::compression::Algorithms;

/// A server.
pub(crate) struct Server {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// Values of variables.
    pub(crate) globals: Globals,
    /// What the log says of connections on which nobody logged in.
    pub(crate) refusals: Refusals,
    /// Counters.
    pub(crate) counters: Counters,
    /// TLS.
    pub(crate) tls: Tls,
    /// Accounts.
    pub(crate) accounts: AccountStore,
    /// Connections.
    pub(crate) registry: Arc<Registry>,
    /// Databases.
    pub(crate) engine: Box<dyn Engine>,
    /// Threads that run statements.
    pub(crate) pool: Pool,
    /// Who reads long texts.
    pub(crate) readers: Readers,
    /// Parsed statements.
    pub(crate) selects: ParsedSelects,
    /// Randomness.
    pub(crate) random: OsRandom,
    /// The plugin of accounts that name none.
    pub(crate) default_plugin: Plugin,
    /// How long it runs.
    pub(crate) uptime: Uptime,
    /// What new connections are told.
    config: Published<Config>,
    stop: AtomicBool,
    /// Makes the acceptor look at `stop` and the certificates.
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Server {
    /// A server from its parts, before it listens.
    pub(crate) fn new(
        directory: PathBuf,
        globals: Globals,
        tls: Tls,
        accounts: AccountStore,
        engine: Box<dyn Engine>,
        default_plugin: Plugin,
    ) -> Self {
        let random = OsRandom::new();
        let server = Self {
            directory,
            globals,
            counters: Counters::default(),
            refusals: Refusals::default(),
            tls,
            accounts,
            registry: Arc::default(),
            engine,
            pool: Pool::default(),
            readers: Readers::default(),
            selects: ParsedSelects::default(),
            random,
            default_plugin,
            uptime: Uptime::since(Instant::now()),
            config: Published::new(Config::new(VERSION, Arc::new(random))),
            stop: AtomicBool::new(false),
            wake: Mutex::new(None),
        };
        server.refresh_config();
        server
    }

    /// What a new connection is told.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// Takes up changed variables and TLS for new connections.
    pub(crate) fn refresh_config(&self) {
        let Ok(()) = self.config.replace(|| {
            let mut config = Config::new(VERSION, Arc::new(self.random));
            let algorithms = self.globals.protocol_compression_algorithms.get();
            // It was parsed when it was set.
            let algorithms = Algorithms::parse("protocol-compression-algorithms", &algorithms).unwrap_or_default();
            config.capabilities |= algorithms.offered();
            config.tls = self.tls.active().context.clone();
            config.default_plugin = self.default_plugin;
            config.require_secure_transport = self.globals.require_secure_transport.is_on();
            config.connect_timeout = Duration::from_secs(self.globals.connect_timeout.get());
            config.max_packet = u32::try_from(self.globals.inherited().max_allowed_packet).unwrap_or(u32::MAX);
            Ok::<_, Infallible>(config)
        });
    }

    /// The server's value of a variable; `None` where it is a session's alone, or found out when somebody asks.
    pub(crate) fn variable(&self, asked: &SystemVariable) -> Option<Value> {
        match asked.place {
            Place::Tls(of_tls) => Some(self.tls.wanted(of_tls).into()),
            Place::Server(_) | Place::Session(..) | Place::Fact(_) => self.globals.value(asked),
        }
    }

    /// SET GLOBAL. The value is in force at once; for what connections are told when they begin, from the next connection on; for
    /// what sessions begin with, from the next session on; and for TLS from the next reload on.
    ///
    /// # Errors
    /// 3160 where TLS would be demanded and is off.
    pub(crate) fn set_variable(&self, changed: &SystemVariable, value: &Value) -> Result<(), SqlError> {
        let demands_tls = changed.name == variable::require_secure_transport.name && *value == Value::Switch(true);
        if demands_tls && self.tls.active().context.is_none() {
            let message = "No secure transports (SSL or Shared Memory) are configured, unable to set --require_secure_transport=ON.";
            return Err(SqlError::new(3160, b"HY000", message));
        }
        match changed.place {
            Place::Tls(of_tls) => self.tls.want(of_tls, value.into()),
            Place::Server(_) | Place::Session(..) | Place::Fact(_) => self.globals.set(changed, value),
        }
        self.refresh_config();
        Ok(())
    }

    /// Loads certificates and keys again for new connections.
    ///
    /// # Errors
    /// 3888; new connections get what they got before.
    pub(crate) fn reload_tls(&self) -> Result<(), SqlError> {
        self.tls.reload()?;
        self.refresh_config();
        // It reckons when to look at certificates again.
        self.wake_acceptor();
        Ok(())
    }

    /// Goes without TLS for new connections.
    pub(crate) fn switch_tls_off(&self) {
        self.tls.switch_off();
        self.refresh_config();
        tracing::warn!("TLS is off for new connections");
    }

    /// How a stop reaches the acceptor.
    pub(crate) fn on_stop(&self, wake: impl Fn() + Send + 'static) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake_acceptor();
    }

    fn wake_acceptor(&self) {
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wake();
        }
    }

    /// Whether it is to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
