//! The state that all connections of a server share.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sealwire_binlog::GtidSet;
use sealwire_core::auth::Plugin;
use sealwire_core::error::SqlError;
use sealwire_core::server::Config;

use super::accounts::AccountStore;
use super::binary_log_options;
use super::constant_selects::ParsedSelects;
use super::counters::{Counters, Uptime};
use super::engine::{ClosedInBackground, Engine, EngineSession, Pool};
use super::published::Published;
use super::readers::Readers;
use super::refusals::Refusals;
use super::registry::Registry;
use super::reload::Tls;
use super::replica::Channels;
use super::replication::{BinaryLog, known_before};
use super::settings::{Globals, SystemVariable, Value, ValueLocation, variable};
use super::version::VERSION;
use sealwire_net::network::Networks;
use sealwire_net::random::OsRandom;
use sealwire_options::compression::Algorithms;

/// A server's shared state.
pub(crate) struct Server {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// The values of system variables.
    pub(crate) globals: Globals,
    /// The log warnings for connections without a login.
    pub(crate) refusals: Refusals,
    /// The counters.
    pub(crate) counters: Counters,
    /// The TLS settings.
    pub(crate) tls: Tls,
    /// The accounts.
    pub(crate) accounts: AccountStore,
    /// The connections.
    pub(crate) registry: Arc<Registry>,
    /// The databases.
    pub(crate) engine: Box<dyn Engine>,
    /// The channels by which this server is a replica of others.
    pub(crate) channels: Arc<Channels>,
    /// The binary log; `None` without one.
    pub(crate) log: Option<Arc<BinaryLog>>,
    /// The threads that run statements.
    pub(crate) pool: Pool,
    /// The threads that read long statements.
    pub(crate) readers: Readers,
    /// The parsed SELECTs of constants.
    pub(crate) selects: ParsedSelects,
    /// The source of randomness.
    pub(crate) random: OsRandom,
    /// The plugin of accounts that name no plugin.
    pub(crate) default_plugin: Plugin,
    /// The uptime.
    pub(crate) uptime: Uptime,
    /// The configuration of new connections.
    config: Published<Config>,
    /// The proxies whose PROXY headers are accepted.
    proxies: Published<Networks>,
    stop: AtomicBool,
    /// Wakes the acceptor, which then checks `stop` and the certificates.
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

/// The version in the greeting. Clients take MariaDB's from 10 on for MariaDB's only where it stands behind this, as MariaDB itself does.
fn greeted(version: &str) -> String {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if version.contains("MariaDB") && major.is_some_and(|major| major >= 10) {
        return format!("5.5.5-{version}");
    }
    version.to_owned()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Server {
    /// Builds a server from its parts, before it listens.
    ///
    /// # Errors
    /// A sentence, where the settings of the channels can't be read.
    pub(crate) fn new(
        directory: PathBuf,
        globals: Globals,
        tls: Tls,
        accounts: AccountStore,
        engine: Box<dyn Engine>,
        default_plugin: Plugin,
        log: Option<Arc<BinaryLog>>,
    ) -> Result<Self, String> {
        let random = OsRandom::new();
        let channels = Arc::new(Channels::open(&directory)?);
        let server = Self {
            directory,
            globals,
            counters: Counters::default(),
            refusals: Refusals::default(),
            tls,
            accounts,
            registry: Arc::default(),
            engine,
            channels,
            log,
            pool: Pool::default(),
            readers: Readers::default(),
            selects: ParsedSelects::default(),
            random,
            default_plugin,
            uptime: Uptime::since(Instant::now()),
            config: Published::new(Config::new(VERSION, Arc::new(random))),
            proxies: Published::new(Networks::default()),
            stop: AtomicBool::new(false),
            wake: Mutex::new(None),
        };
        server.refresh_config();
        server.number_behind_applied();
        Ok(server)
    }

    /// Opens a session of the engine for a connection.
    ///
    /// # Errors
    /// Where resources are short.
    pub(crate) fn engine_session(&self) -> Result<Box<dyn EngineSession>, SqlError> {
        Ok(Box::new(ClosedInBackground::new(self.engine.session()?, self.pool.clone())))
    }

    /// The configuration of a new connection.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// The proxies whose PROXY headers are accepted from new connections.
    pub(crate) fn proxies(&self) -> Arc<Networks> {
        self.proxies.current()
    }

    /// Applies changed variables and TLS settings to new connections.
    pub(crate) fn refresh_config(&self) {
        let Ok(()) = self.proxies.replace(|| {
            // The text was parsed when the variable was set, so this does not fail.
            let networks = self.globals.proxy_protocol_networks.get().parse().unwrap_or_default();
            Ok::<Networks, Infallible>(networks)
        });
        let Ok(()) = self.config.replace(|| {
            let mut config = Config::new(greeted(&self.globals.version.get()), Arc::new(self.random));
            let algorithms = self.globals.protocol_compression_algorithms.get();
            // The list was parsed when the variable was set, so this does not fail.
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

    /// The server's value of a variable; `None` where only sessions have one, or the value is computed when it is read.
    pub(crate) fn variable(&self, asked: &SystemVariable) -> Option<Value> {
        match asked.location {
            ValueLocation::Tls(of_tls) => Some(self.tls.next_value(of_tls).into()),
            ValueLocation::Server(_) | ValueLocation::Session(..) | ValueLocation::Fact(_) => self.globals.value(asked),
        }
    }

    /// SET GLOBAL. The value takes effect at once, with these exceptions: the configuration of connections from the next connection on, the
    /// initial values of sessions from the next session on, and TLS from the next reload on.
    ///
    /// # Errors
    /// 3160 where TLS would be required and is off.
    /// 3160 where TLS would be demanded and is off.
    pub(crate) fn set_variable(&self, changed: &SystemVariable, value: &Value) -> Result<(), SqlError> {
        let demands_tls = changed.name == variable::require_secure_transport.name && *value == Value::Switch(true);
        if demands_tls && self.tls.active().context.is_none() {
            let message = "No secure transports (SSL or Shared Memory) are configured, unable to set --require_secure_transport=ON.";
            return Err(SqlError::new(3160, b"HY000", message));
        }
        match changed.location {
            ValueLocation::Tls(of_tls) => self.tls.set_next_value(of_tls, value.into()),
            ValueLocation::Server(_) | ValueLocation::Session(..) | ValueLocation::Fact(_) => {
                self.globals.set(changed, value)
            }
        }
        self.refresh_config();
        if let Some(log) = &self.log {
            binary_log_options::apply(&self.globals, log);
        }
        Ok(())
    }

    /// Has the log number this server's own groups behind those of MariaDB's that its channels have applied.
    pub(crate) fn number_behind_applied(&self) {
        if let Some(log) = &self.log {
            log.number_behind(self.channels.gtids().iter());
        }
    }

    /// MySQL's transactions that this server has, from sources or its own.
    pub(crate) fn executed(&self) -> GtidSet {
        let mut all = self.channels.executed();
        if let Some(log) = &self.log {
            // A full set keeps what it has.
            let _ = all.add_all(&log.gtids().transactions);
        }
        all
    }

    /// MySQL's transactions that this server has and no file of its log: those of files that are removed, and those that were applied without a
    /// log.
    pub(crate) fn purged(&self) -> GtidSet {
        let mut gone = self.channels.executed();
        let Some(log) = &self.log else { return gone };
        gone.subtract(&log.gtids().transactions);
        let first = log.names().first().and_then(|name| log.open_file(name).ok());
        let before = first.and_then(|file| known_before(&file)).unwrap_or_default();
        // A full set keeps what it has.
        let _ = gone.add_all(&before.transactions);
        gone
    }

    /// Has running dumps of the binary log check whether their clients may go on.
    pub(crate) fn check_dumps(&self) {
        if let Some(log) = &self.log {
            log.wake_readers();
        }
    }

    /// Reloads certificates and keys for new connections.
    ///
    /// # Errors
    /// 3888; new connections then get the old settings.
    pub(crate) fn reload_tls(&self) -> Result<(), SqlError> {
        self.tls.reload()?;
        self.use_new_tls();
        Ok(())
    }

    /// Reloads the files of the TLS settings in use, because they have changed.
    ///
    /// # Errors
    /// A sentence that names option and file; new connections then get the old settings.
    pub(crate) fn reload_changed_tls(&self) -> Result<(), String> {
        self.tls.reload_changed()?;
        self.use_new_tls();
        Ok(())
    }

    fn use_new_tls(&self) {
        self.refresh_config();
        self.check_dumps();
        // The acceptor computes anew when the certificates are checked next.
        self.wake_acceptor();
    }

    /// Switches TLS off for new connections.
    pub(crate) fn switch_tls_off(&self) {
        self.tls.switch_off();
        self.refresh_config();
        tracing::warn!("TLS is off for new connections");
    }

    /// Sets the function that wakes the acceptor.
    pub(crate) fn on_stop(&self, wake: impl Fn() + Send + 'static) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
    }

    /// Tells the server to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake_acceptor();
    }

    fn wake_acceptor(&self) {
        if let Some(wake) = self.wake.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            wake();
        }
    }

    /// Whether the server is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
