//! The program: from the command line to the end of the last connection.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;
use sealwire_core::error::SqlError;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::accounts::AccountStore;
use super::binary_log_options;
use super::data_directory;
use super::driver::{self, Listen};
use super::engine::SqliteEngine;
use super::initialize;
use super::memory;
use super::options::{PROGRAM, Startup};
use super::pid_file::PidFile;
use super::reload::Tls;
use super::replica::ChannelThreads;
use super::session::Session;
use super::settings::Globals;
use super::state::Server;
use super::version::VERSION_COMMENT;
use super::websocket::Websocket;
use sealwire_bridge::TokenFile;
use sealwire_certs as certs;
use sealwire_net::files::{unreadable, unwritable};
use sealwire_net::log;
use sealwire_net::random::OsRandom;
use sealwire_net::regular_file::{self, LARGE};
use sealwire_options::tls::watch::{Cause, Watcher};
use sealwire_options::tls::{ServerTlsOptions, key_log_file};
use sealwire_options::{Environment, Outcome, Values};

/// How long the threads of channels have at the end of the server.
const CHANNELS_END: Duration = Duration::from_secs(15);

/// Runs `sealwired` with the process's arguments.
pub fn main() -> ExitCode {
    let values = match PROGRAM.parse(sealwire_options::arguments(&PROGRAM), &Environment::of_process()) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sealwired: [ERROR] {error}");
            return ExitCode::FAILURE;
        }
    };
    for warning in values.warnings() {
        eprintln!("sealwired: [Warning] {warning}");
    }
    let (startup, globals) = match Startup::resolve(&values) {
        Ok(resolved) => resolved,
        Err(error) => {
            eprintln!("sealwired: [ERROR] {error}");
            return ExitCode::FAILURE;
        }
    };
    log::start("Server", startup.verbosity);
    match run(&values, &startup, globals) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(values: &Values, startup: &Startup, globals: Globals) -> Result<(), String> {
    let random = OsRandom::new();
    let directory = startup.directory.as_path();
    initialize::demand_directory(directory)?;
    if let Some(how) = startup.initialize {
        let password = initialize::make(directory, how, startup.default_plugin, &random)?;
        let made = directory.display();
        match password {
            Some(password) => log::system(&format!("A temporary password is generated for root@localhost: {password}")),
            None => log::system(
                "root@localhost is created with an empty password ! Please consider switching off the --initialize-insecure option.",
            ),
        }
        log::system(&format!("the data directory {made} is ready; start the server without --initialize"));
        return Ok(());
    }
    if !initialize::is_made(directory)? {
        return Err(format!(
            "{} is not a data directory of sealwired: make it once with 'sealwired --datadir={} --initialize' (root gets a random password) or \
             '--initialize-insecure' (root has none)",
            directory.display(),
            directory.display()
        ));
    }
    let _lock = lock(directory)?;
    let server = Arc::new(build(values, startup, globals, &random)?);
    if startup.direct_tls_port != 0 && server.tls.active().context.is_none() {
        return Err(
            "option '--direct-tls-port': the server has no TLS: leave it out, or leave out --skip-ssl".to_owned()
        );
    }
    let listen = Listen {
        addresses: startup.addresses.clone(),
        port: startup.port,
        direct_tls_port: startup.direct_tls_port,
        socket: startup.socket.clone(),
    };
    let bound = driver::bind(&listen)?;
    let port = bound.port;
    server.globals.port.set(port.into());
    let websocket = Websocket::resolve(values)?;
    listen_and_serve(values, &server, bound, startup, websocket, port)
}

fn listen_and_serve(
    values: &Values,
    server: &Arc<Server>,
    bound: driver::Bound,
    startup: &Startup,
    websocket: Option<Websocket>,
    port: u16,
) -> Result<(), String> {
    if let Some(path) = &startup.init_file {
        run_init_file(server, path)?;
    }
    for warning in data_directory::warnings(&startup.directory, &server.accounts.current()) {
        tracing::warn!("{warning}");
    }
    let _pid_file = startup.pid_file.as_deref().map(PidFile::write).transpose()?;
    let token = websocket.as_ref().and_then(Websocket::token);
    let watcher =
        watch_tls(values, server).map_err(|error| format!("can't start a thread for --ssl-reload: {error}"))?;
    watch_signals(Arc::clone(server), watcher, token).map_err(|error| format!("can't watch for signals: {error}"))?;
    let websocket = websocket.map(|websocket| websocket.start(server, bound.connector())).transpose()?;
    if let Some(websocket) = &websocket {
        server.globals.websocket_port.set(websocket.port.into());
    }
    let socket = startup.socket.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let ready = || {
        log::system(&format!(
            "sealwired: ready for connections. Version: '{}'  socket: '{socket}'  port: {port}  {VERSION_COMMENT}.",
            server.globals.version.get()
        ));
    };
    let globals = &server.globals;
    ChannelThreads::set_up(server, globals.skip_replica_start.is_on() || globals.skip_slave_start.is_on());
    memory::note_own();
    let served = driver::serve(server, bound, startup.threads, ready);
    if let Some(websocket) = websocket {
        websocket.stop();
    }
    server.channels.stop_all(CHANNELS_END);
    if let Some(log) = &server.log {
        log.close();
    }
    served.map_err(|error| error.to_string())?;
    log::system("sealwired: Shutdown complete.");
    Ok(())
}

/// Creates the certificates of a data directory that has none; returns a line about them for the log.
fn make_certificates(directory: &Path) -> Result<String, String> {
    let made = certs::generate(directory, &certs::Options::default()).map_err(|error| error.to_string())?;
    Ok(format!(
        "made a CA, a server certificate and a client certificate in {}; clients verify this server with --ssl-ca={}",
        directory.display(),
        made.ca.display()
    ))
}

fn build(values: &Values, startup: &Startup, globals: Globals, random: &OsRandom) -> Result<Server, String> {
    let directory = startup.directory.as_path();
    let options = ServerTlsOptions::resolve(values, directory)?;
    for note in &options.notes {
        tracing::info!("{note}");
    }
    if let Some(directory) = options.generate_in() {
        log::system(&make_certificates(directory)?);
    }
    let tls = Tls::load(options)?;
    let active = tls.active();
    if let Some(path) = key_log_file().filter(|_| active.context.is_some()) {
        tracing::warn!(
            "SSLKEYLOGFILE is set: session keys are written to '{}', and anybody who reads it can decrypt the connections",
            path.display()
        );
    }
    let accounts = AccountStore::open(directory, random)?;
    let name = rustix::system::uname();
    globals.hostname.set(name.nodename().to_string_lossy());
    SqliteEngine::limit_memory(globals.global_connection_memory_limit.get());
    let mut engine = Box::new(SqliteEngine::new(directory));
    engine.recover();
    let log = binary_log_options::open(values, &globals, (directory, random), &*engine, accounts.logged().as_ref())?
        .map(Arc::new);
    if let Some(log) = &log {
        accounts.begin_log(&log.end().0);
        engine.log_to(Arc::clone(log));
    }
    if globals.require_secure_transport.is_on() && active.context.is_none() && startup.socket.is_none() {
        return Err("No secure transports (SSL or Shared Memory) are configured, unable to set --require_secure_transport=ON: leave out \
            --skip-ssl, or give a --socket"
            .to_owned());
    }
    Server::new(startup.directory.clone(), globals, tls, accounts, engine, startup.default_plugin, log)
}

/// Locks the data directory against a second server, for as long as the file is open.
fn lock(directory: &Path) -> Result<File, String> {
    let path = directory.join("sealwired.lock");
    // A user who can open the file can lock it, and keep the server from starting.
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file =
        options.open(&path).map_err(|error| format!("can't open {}: {}", path.display(), unwritable(&path, &error)))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(format!(
            "another server uses the data directory {}: stop it, or give another --datadir",
            directory.display()
        )),
    }
}

fn watch_tls(values: &Values, server: &Arc<Server>) -> std::io::Result<Watcher> {
    let (of_files, of_reload) = (Arc::clone(server), Arc::clone(server));
    Watcher::start(
        values,
        move || of_files.tls.files(),
        move |cause| match cause {
            Cause::Signal => of_reload.reload_tls().map_err(|error| error.message),
            Cause::Change => of_reload.reload_changed_tls(),
        },
    )
}

fn watch_signals(server: Arc<Server>, watcher: Watcher, token: Option<TokenFile>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new().name("sealwired-signal".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal != SIGHUP {
                log::system(&format!(
                    "Received {}: normal shutdown",
                    if signal == SIGTERM { "SIGTERM" } else { "SIGINT" }
                ));
                server.stop();
                continue;
            }
            watcher.reload();
            if let Some(token) = &token {
                token.reload_on_signal();
            }
        }
    })?;
    Ok(())
}

fn run_init_file(server: &Arc<Server>, path: &Path) -> Result<(), String> {
    let text = regular_file::read(path, LARGE).map_err(|error| {
        format!("option '--init-file': can't read '{}': {}", path.display(), unreadable(path, &error))
    })?;
    let id = server.registry.next_id();
    let process = server.registry.enter(id, "localhost".to_owned(), Box::new(|| {}));
    let _entry = server.registry.entry(id);
    let mut session = Session::of_server(Arc::clone(server), process, Arc::new(|| {}));
    let outcome = session.run_script(&text);
    outcome.map_err(|error: SqlError| format!("--init-file={}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use sealwire_core::tls::ServerContext;
    use sealwire_options::Outcome;
    use sealwire_options::tls::ServerTlsOptions;

    use super::{Environment, PROGRAM, make_certificates};

    #[test]
    fn certificates_are_made_once_and_then_used() {
        let directory = tempfile::tempdir().unwrap();
        let resolve = || {
            let Outcome::Run(values) = PROGRAM.parse(["--no-defaults"], &Environment::default()).unwrap() else {
                panic!("an option printed something")
            };
            ServerTlsOptions::resolve(&values, directory.path()).unwrap()
        };
        let settings = resolve();
        let said = make_certificates(settings.generate_in().unwrap()).unwrap();
        assert!(said.contains("ca.pem"), "{said}");
        let first = settings.load().unwrap().unwrap();
        assert!(first.cert.is_some() && first.key.is_some() && first.ca.len() == 1);
        assert!(ServerContext::build(settings.load().unwrap().unwrap()).is_ok());
        let again = resolve();
        assert_eq!(again.generate_in(), None);
        assert_eq!(again.load().unwrap().unwrap().cert, first.cert);
        assert_eq!(again.tls_version.as_deref(), Some("TLSv1.2,TLSv1.3"));
    }
}
