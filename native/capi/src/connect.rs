//! Makes connections: where to, as whom, and how protected.

use std::env;
use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::SqlError;
use sealwire_core::auth::Plugin;
use sealwire_core::client::{Config, Event, Summary, TlsPolicy};
use sealwire_core::facts::Transport;
use sealwire_core::message::Capabilities;
use sealwire_core::secret::Secret;
use sealwire_core::trace::Observer;
use sealwire_core::wire::compressed::Algorithm;
use sealwire_net::clock;
use sealwire_net::random::OsRandom;

use super::charset;
use super::dialog::ProgramsDialog;
use super::environment;
use super::failure;
use super::handle::{Handle, pointer};
use super::link::Link;
use super::option_files;
use super::options::{self, Settings};
use super::policy::policy;
use super::socket::{Address, Connecting, NotReached, Route, Socket, resolve};
use super::stack::with_room;
use super::state::{self, Login};
use super::trace::Trace;
use super::waits::{Mode, Wanted};

/// Debian's socket.
const SOCKET: &str = "/run/mysqld/mysqld.sock";
/// The time for connecting where the program sets none. The original waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// The flags that may be passed to `mysql_real_connect`; others give 5024.
const KNOWN_FLAGS: u64 = 0xe4ff_ffff;
/// `CLIENT_SSL`.
pub(crate) const CLIENT_SSL: u64 = 0x800;
const COMPRESS: u64 = 0x20;
const LOCAL_FILES: u64 = 0x80;
const SSL_VERIFY_SERVER_CERT: u64 = 1 << 30;

/// The arguments of `mysql_real_connect`.
pub(crate) struct Arguments<'a> {
    pub(crate) host: Option<&'a CStr>,
    pub(crate) user: Option<&'a CStr>,
    pub(crate) password: Option<&'a CStr>,
    pub(crate) database: Option<&'a CStr>,
    pub(crate) port: u32,
    pub(crate) socket: Option<&'a CStr>,
    pub(crate) flags: u64,
}

/// Connects with these arguments, and the options in their place where an argument is missing.
///
/// # Errors
/// The connection can't be made, or was made before (2058).
pub(crate) async fn connect(handle: &mut Handle<'_>, arguments: &Arguments<'_>) -> Result<(), SqlError> {
    handle.clear_error();
    if handle.state.link.is_some() {
        return Err(failure::hy000(2058, "The handle is connected already; close it before it connects again"));
    }
    if arguments.flags & !KNOWN_FLAGS != 0 {
        let unknown = arguments.flags & !KNOWN_FLAGS;
        return Err(failure::hy000(5024, format!("Invalid client flags {unknown:#x}")));
    }
    if arguments.flags & SSL_VERIFY_SERVER_CERT != 0 {
        handle.state.settings.set_number(options::SSL_VERIFY_SERVER_CERT, 1);
    }
    option_files::apply(&mut handle.state.settings, arguments.flags & CLIENT_SSL != 0)?;
    let settings = &handle.state.settings;
    let address = address(settings, arguments)?;
    let password = arguments.password.or_else(|| settings.text(options::PASSWORD));
    let password = match password {
        Some(password) => Secret::new(password.to_bytes()),
        None => environment::variable("MYSQL_PWD").map(|text| Secret::new(text.as_bytes())).unwrap_or_default(),
    };
    let user = arguments.user.filter(|user| !user.is_empty()).or_else(|| settings.filled(options::USER));
    let user = user.map_or_else(login_name, |user| user.to_string_lossy().into_owned());
    let database = arguments.database.or_else(|| settings.text(options::SCHEMA)).map(CStr::to_owned);
    let login = Login { address, user, password, database, flags: arguments.flags };
    // On the heap, here and below, because programs call from threads with little stack.
    Box::pin(establish(handle, login)).await
}

/// Connects, logs in, publishes what is known then, and runs the initial statements.
pub(crate) async fn establish(handle: &mut Handle<'_>, login: Login) -> Result<(), SqlError> {
    let settings = &handle.state.settings;
    let charset = initial_charset(settings)?;
    let trace = Trace::begin(&login.address)?;
    let outcome = match with_room(|| config(settings, &login, trace.as_deref())) {
        Ok(config) => Box::pin(log_in(handle, &login, config, trace.as_ref())).await,
        Err(error) => Err(error),
    };
    if let Some(trace) = &trace {
        match (&outcome, &handle.state.link) {
            (Ok(_), Some(link)) => trace.succeed(link.connection.facts()),
            (Ok(_), None) => {}
            (Err(error), _) => trace.fail(error),
        }
    }
    let summary = match outcome {
        Ok(summary) => summary,
        Err(error) => {
            handle.drop_link();
            return Err(error);
        }
    };
    handle.state.charset = charset;
    publish(handle, &login)?;
    handle.state.login = Some(login);
    handle.absorb(&summary);
    handle.mysql.affected_rows = 0;
    if let Err(error) = Box::pin(initial_statements(handle)).await {
        handle.disconnect().await;
        return Err(error);
    }
    Ok(())
}

/// Makes the connection itself.
async fn log_in(
    handle: &mut Handle<'_>,
    login: &Login,
    mut config: Config,
    trace: Option<&Arc<Trace>>,
) -> Result<Summary, SqlError> {
    config.dialog = Some(Arc::new(ProgramsDialog::of(Arc::clone(&handle.state.told_home))));
    if let Some(trace) = trace {
        trace.demand(&config.tls);
        config.observer = Some(Arc::clone(trace) as Arc<dyn Observer>);
    }
    let socket = match &login.address {
        Address::Unix(path) => Socket::to_unix(path, handle.mode())?,
        Address::Tcp(host, port) => {
            let source = handle.state.settings.filled(options::BIND).map(|name| name.to_string_lossy().into_owned());
            let routes = with_room(|| routes(host, *port, source.as_deref()))?;
            let until = clock::monotonic().saturating_add(config.connect_timeout);
            reach(handle, routes, until).await.map_err(|error| {
                let reason = |error: io::Error| {
                    error.raw_os_error().map_or_else(|| error.to_string(), |number| number.to_string())
                };
                match error {
                    NotReached::Socket(error) => {
                        failure::hy000(2004, format!("Can't create TCP/IP socket ({})", error.raw_os_error()))
                    }
                    NotReached::Connect(error) => {
                        let reason = reason(error);
                        failure::hy000(2002, format!("Can't connect to MySQL server on '{host}:{port}' ({reason})"))
                    }
                    NotReached::Bind(error) => cant_bind(&source.unwrap_or_default(), &reason(error)),
                }
            })?
        }
    };
    let seconds = |option| {
        let seconds = handle.state.settings.number(option);
        (seconds != 0).then(|| Duration::from_secs(seconds))
    };
    let (read, write) = (seconds(options::READ_TIMEOUT), seconds(options::WRITE_TIMEOUT));
    socket.set_write_timeout(write).map_err(|error| failure::lost(&format!("setting a timeout: {error}")))?;
    handle.mysql.net.fd = socket.descriptor();
    handle.mysql.net.pvio = &raw mut *handle.state.pvio;
    handle.state.pvio.kind = i32::from(login.address.transport() == Transport::Tcp);
    let mut link = Link::new(socket, config, read, write);
    link.put_first(&handle.state.settings.proxy_header);
    handle.state.link = Some(link);
    handle.flush().await?;
    match handle.next_event().await? {
        Event::Connected(summary) => Ok(summary),
        _ => Err(failure::unexpected()),
    }
}

/// The ways to a host: each of its addresses, from an address of this machine if the program has named one.
fn routes(host: &str, port: u16, source: Option<&str>) -> Result<Vec<Route>, SqlError> {
    let targets = resolve(host, port)?;
    let Some(source) = source else { return Ok(targets.into_iter().map(|to| Route { to, from: None }).collect()) };
    let sources = resolve(source, 0).map_err(|_| cant_bind(source, "it is unknown"))?;
    let from = |to: &SocketAddr| sources.iter().find(|from| from.is_ipv4() == to.is_ipv4()).copied();
    let routes: Vec<Route> =
        targets.into_iter().filter_map(|to| from(&to).map(|from| Route { to, from: Some(from) })).collect();
    if routes.is_empty() {
        return Err(cant_bind(source, &format!("'{host}' and it have no addresses of the same family")));
    }
    Ok(routes)
}

fn cant_bind(source: &str, reason: &str) -> SqlError {
    failure::hy000(5001, format!("Can't connect from the address '{source}' of MYSQL_OPT_BIND ({reason})"))
}

/// Tries the ways to a host one after the other, until the same time for all.
async fn reach(handle: &mut Handle<'_>, routes: Vec<Route>, until: Duration) -> Result<Socket, NotReached> {
    let mut last = NotReached::Connect(io::ErrorKind::NotFound.into());
    for route in routes {
        match reach_one(handle, route, until).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn reach_one(handle: &mut Handle<'_>, route: Route, until: Duration) -> Result<Socket, NotReached> {
    let connecting = Connecting::begin(route)?;
    handle.mysql.net.fd = connecting.descriptor();
    loop {
        let left = until.saturating_sub(clock::monotonic());
        let mode = handle.mode();
        let most = if mode == Mode::Blocking { left } else { Duration::ZERO };
        if connecting.is_over(most)? {
            return Ok(connecting.end()?);
        }
        if left.is_zero() || mode == (Mode::NonBlocking { timed_out: true }) {
            return Err(NotReached::Connect(io::ErrorKind::TimedOut.into()));
        }
        if mode != Mode::Blocking {
            handle.wait(Wanted { read: false, write: true, until: Some(until) }).await;
        }
    }
}

/// The statements that the program wants to run after each login.
async fn initial_statements(handle: &mut Handle<'_>) -> Result<(), SqlError> {
    let mut statements = handle.state.settings.init_commands.clone();
    if handle.state.settings.flag(options::CONNECTION_READ_ONLY) {
        statements.push(c"SET SESSION TRANSACTION READ ONLY".to_owned());
    }
    for statement in statements {
        handle.query(statement.as_bytes()).await?;
        loop {
            if handle.mysql.field_count > 0 && handle.mysql.status == super::abi::STATUS_GET_RESULT {
                handle.store().await?;
            }
            if !handle.next_result().await? {
                break;
            }
        }
    }
    Ok(())
}

fn publish(handle: &mut Handle<'_>, login: &Login) -> Result<(), SqlError> {
    let (mysql, state) = (&mut *handle.mysql, &mut *handle.state);
    let facts = state.link.as_ref().ok_or_else(failure::gone)?.connection.facts();
    let texts = &mut state.texts;
    let version = facts.server_version.strip_prefix("5.5.5-").unwrap_or(&facts.server_version);
    texts.server_version = state::text(version.as_bytes());
    texts.user = state::text(login.user.as_bytes());
    texts.database = login.database.clone().unwrap_or_default();
    texts.cipher = facts.ssl_cipher().map(|name| state::text(name.as_bytes())).unwrap_or_default();
    match &login.address {
        Address::Tcp(host, port) => {
            texts.host = state::text(host.as_bytes());
            texts.host_info = state::text(format!("{host} via TCP/IP").as_bytes());
            texts.socket = CString::default();
            mysql.port = (*port).into();
            mysql.unix_socket = std::ptr::null_mut();
        }
        Address::Unix(path) => {
            texts.host = state::text(b"localhost");
            texts.host_info = state::text(b"Localhost via UNIX socket");
            texts.socket = state::text(path.as_os_str().as_bytes());
            mysql.port = 0;
            mysql.unix_socket = pointer(&texts.socket);
        }
    }
    mysql.host = pointer(&texts.host);
    mysql.user = pointer(&texts.user);
    mysql.host_info = pointer(&texts.host_info);
    mysql.server_version = pointer(&texts.server_version);
    mysql.thread_id = facts.connection_id.into();
    mysql.protocol_version = 10;
    mysql.server_capabilities = facts.capabilities.low().into();
    mysql.client_flag = facts.capabilities.low().into();
    mysql.charset = state.charset;
    Ok(())
}

/// The configuration of core's connection.
fn config(settings: &Settings, login: &Login, trace: Option<&Trace>) -> Result<Config, SqlError> {
    let transport = login.address.transport();
    let mut config = Config::new(login.user.clone(), login.password.clone(), Arc::new(OsRandom::new()));
    let place = match &login.address {
        Address::Tcp(host, port) => {
            config.server_name = host.clone();
            format!("{host}:{port}")
        }
        Address::Unix(path) => path.display().to_string(),
    };
    config.transport = transport;
    let policy = policy(settings, login.flags & CLIENT_SSL != 0, transport, &place)?;
    (config.tls, config.sni) = (policy.tls, policy.sni);
    if let Some(trace) = trace {
        policy.ignored.iter().for_each(|ignored| trace.note(ignored));
    }
    config.database = login.database.as_ref().map(|name| name.to_string_lossy().into_owned());
    config.charset = u8::try_from(initial_charset(settings)?.nr).unwrap_or(45);
    config.capabilities = capabilities(settings, login.flags);
    if login.flags & COMPRESS != 0 || settings.flag(options::COMPRESS) {
        config.compression = vec![Algorithm::Zlib];
        if let Some(level) = settings.given_number(options::ZSTD_COMPRESSION_LEVEL) {
            config.compression.insert(0, Algorithm::Zstd { level: u8::try_from(level).unwrap_or(3) });
        }
    }
    config.local_infile =
        login.flags & LOCAL_FILES != 0 || settings.given_number(options::LOCAL_INFILE).is_none_or(|value| value != 0);
    // Core sends a clear password only inside verified TLS or over a Unix socket.
    config.enable_cleartext_plugin = true;
    if let Some(path) = settings.filled(options::SERVER_PUBLIC_KEY) {
        let read = fs::read_to_string(OsStr::from_bytes(path.to_bytes()));
        config.server_public_key = Some(read.map_err(|error| {
            failure::hy000(2061, format!("The server's public key {} can't be read: {error}", path.to_string_lossy()))
        })?);
    }
    if let Some(name) = settings.filled(options::DEFAULT_AUTH) {
        let plugin = Plugin::from_name(name.to_bytes()).ok_or_else(|| {
            let text = format!(
                "Authentication plugin '{}' cannot be loaded: Sealwire does not have it",
                name.to_string_lossy()
            );
            failure::hy000(2059, text)
        })?;
        config.default_auth = Some(plugin);
    }
    config.restricted_auth = settings.restricted_auth();
    config.connect_timeout = match settings.number(options::CONNECT_TIMEOUT) {
        0 => PATIENCE,
        seconds => Duration::from_secs(seconds),
    };
    if let Some(most) = settings.given_number(options::MAX_ALLOWED_PACKET).filter(|most| *most > 0) {
        config.max_packet = u32::try_from(most).unwrap_or(config.max_packet).clamp(1024, 1 << 30);
    }
    config.attributes = attributes(settings, &login.address);
    debug_assert!(login.flags & CLIENT_SSL == 0 || !matches!(config.tls, TlsPolicy::Preferred(_)));
    Ok(config)
}

/// The character set of the login.
pub(crate) fn initial_charset(settings: &Settings) -> Result<&'static super::abi::CharsetInfo, SqlError> {
    match settings.filled(options::SET_CHARSET_NAME) {
        None => Ok(charset::usual()),
        Some(name) if name.to_bytes().eq_ignore_ascii_case(b"auto") => Ok(charset::usual()),
        Some(name) => charset::by_name(name).ok_or_else(|| {
            failure::hy000(2019, format!("Can't initialize character set {}: it is unknown", name.to_string_lossy()))
        }),
    }
}

fn capabilities(settings: &Settings, flags: u64) -> Capabilities {
    let of_flags = Capabilities::FOUND_ROWS
        | Capabilities::IGNORE_SPACE
        | Capabilities::INTERACTIVE
        | Capabilities::MULTI_STATEMENTS
        | Capabilities::CAN_HANDLE_EXPIRED_PASSWORDS
        | Capabilities::NO_SCHEMA
        | Capabilities::ODBC;
    let mut wanted = Capabilities::from_bits(flags) & of_flags | Capabilities::MARIADB_STMT_BULK_OPERATIONS;
    let by_option = [
        (options::FOUND_ROWS, Capabilities::FOUND_ROWS),
        (options::MULTI_STATEMENTS, Capabilities::MULTI_STATEMENTS),
        (options::INTERACTIVE, Capabilities::INTERACTIVE),
        (options::CAN_HANDLE_EXPIRED_PASSWORDS, Capabilities::CAN_HANDLE_EXPIRED_PASSWORDS),
    ];
    for (option, capability) in by_option {
        if settings.flag(option) {
            wanted |= capability;
        }
    }
    wanted
}

fn attributes(settings: &Settings, address: &Address) -> Vec<(String, String)> {
    let mut all = vec![
        ("_client_name".to_owned(), "sealwire-capi".to_owned()),
        ("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("_os".to_owned(), env::consts::OS.to_owned()),
        ("_pid".to_owned(), std::process::id().to_string()),
        ("_platform".to_owned(), env::consts::ARCH.to_owned()),
    ];
    if let Address::Tcp(host, _) = address {
        all.push(("_server_host".to_owned(), host.clone()));
    }
    let lossy = |text: &CString| text.to_string_lossy().into_owned();
    all.extend(settings.attributes.iter().map(|(name, value)| (lossy(name), lossy(value))));
    all
}

/// The server's address. `localhost`, or no host, means the Unix socket unless the program asks for TCP.
fn address(settings: &Settings, arguments: &Arguments<'_>) -> Result<Address, SqlError> {
    const TCP: u64 = 1;
    const SOCKET_ONLY: u64 = 2;
    let host = arguments.host.filter(|host| !host.is_empty()).or_else(|| settings.filled(options::HOST));
    let protocol = settings.number(options::PROTOCOL);
    let is_local = host.is_none_or(|host| host == c"localhost");
    if protocol == SOCKET_ONLY || (is_local && protocol != TCP) {
        let given = arguments.socket.filter(|path| !path.is_empty()).or_else(|| settings.filled(options::UNIXSOCKET));
        let path = match given {
            Some(path) => PathBuf::from(OsStr::from_bytes(path.to_bytes())),
            None => ["MARIADB_UNIX_PORT", "MYSQL_UNIX_PORT"]
                .iter()
                .find_map(|name| environment::variable(name))
                .map_or_else(|| PathBuf::from(SOCKET), PathBuf::from),
        };
        return Ok(Address::Unix(path));
    }
    let host =
        host.unwrap_or(c"localhost").to_str().map_err(|_| failure::hy000(2005, "The host's name is not UTF-8 text"))?;
    let given = if arguments.port != 0 { u64::from(arguments.port) } else { settings.number(options::PORT) };
    let port = match given {
        0 => environment::text("MYSQL_TCP_PORT").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_PORT),
        port => u16::try_from(port).map_err(|_| {
            failure::hy000(2002, format!("Can't connect to MySQL server on '{host}': {port} is no port"))
        })?,
    };
    Ok(Address::Tcp(host.to_owned(), port))
}

/// The name of the user who runs the program.
fn login_name() -> String {
    if rustix::process::geteuid().is_root() {
        return "root".to_owned();
    }
    let named = ["USER", "LOGNAME", "LOGIN"].iter().find_map(|name| environment::text(name));
    named.unwrap_or_else(|| "UNKNOWN_USER".to_owned())
}

impl Handle<'_> {
    /// Logs in as another user over the same connection; the session begins anew.
    pub(crate) async fn change_user(
        &mut self,
        user: &str,
        password: Secret,
        database: Option<&CStr>,
    ) -> Result<(), SqlError> {
        let name = database.map(|name| name.to_string_lossy().into_owned());
        let again = password.clone();
        self.simple(|link| link.connection.change_user(user, password, name.as_deref())).await?;
        self.state.texts.user = state::text(user.as_bytes());
        self.state.texts.database = database.map(CStr::to_owned).unwrap_or_default();
        self.mysql.user = pointer(&self.state.texts.user);
        self.mysql.db = if database.is_some() { pointer(&self.state.texts.database) } else { std::ptr::null_mut() };
        if let Some(login) = self.state.login.as_mut() {
            user.clone_into(&mut login.user);
            login.password = again;
            login.database = database.map(CStr::to_owned);
        }
        Ok(())
    }
}
