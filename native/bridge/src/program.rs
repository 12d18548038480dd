//! The program: from the command line to the end of the last connection.

use std::process::ExitCode;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::options::{PROGRAM, tls};
use super::reload::ReloadableTls;
use super::run::{Bridge, Stopper};
use super::settings::{Settings, TlsSource};
use super::token::TokenFile;
use sealwire_net::clock;
use sealwire_net::log;
use sealwire_options::tls::watch::Watcher;
use sealwire_options::{Environment, Outcome, Values};

/// Runs `sealwire-bridge` with the process's arguments.
pub fn main() -> ExitCode {
    let values = match PROGRAM.parse(sealwire_options::arguments(&PROGRAM), &Environment::of_process()) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sealwire-bridge: [ERROR] {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    for warning in values.warnings() {
        eprintln!("sealwire-bridge: [Warning] {warning}");
    }
    log::start("Bridge", values.number("log-error-verbosity").unwrap_or_default());
    match Settings::resolve(&values).and_then(|settings| run(settings, values)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings, values: Values) -> Result<(), String> {
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let context = settings.tls.as_ref().and_then(TlsSource::context);
    if let (Some(context), Some(health)) = (context, &settings.health) {
        health.log(&context, clock::now().wall.as_secs());
    }
    let names: Vec<String> = settings.targets.iter().map(|target| format!("/tcp/{}", target.name)).collect();
    let addresses = settings.addresses.clone();
    let scheme = if settings.tls.is_some() { "wss" } else { "ws" };
    let (reloadable, token) = (settings.reloadable.clone(), settings.token.clone());
    let bridge = Bridge::bind(settings)?;
    let watcher = reloadable.map(|reloadable| watch_tls(reloadable, values)).transpose();
    let watcher = watcher.map_err(|error| format!("can't start a thread for --ssl-reload: {error}"))?;
    watch_signals(bridge.stopper(), watcher, token).map_err(|error| format!("can't watch for signals: {error}"))?;
    log::system(&format!(
        "sealwire-bridge: ready for connections. Version: '{}'  {scheme}  bind-address: '{addresses}'  port: {}  targets: {}",
        PROGRAM.version,
        bridge.port,
        names.join(", ")
    ));
    bridge.run().map_err(|error| error.to_string())?;
    log::system("sealwire-bridge: Shutdown complete.");
    Ok(())
}

/// Reads the TLS files again when they change, or when the watcher is asked to.
fn watch_tls(reloadable: ReloadableTls, values: Values) -> std::io::Result<Watcher> {
    let in_use = reloadable.clone();
    let read = values.clone();
    let reload = move |_| {
        let (Some(loaded), warnings) = tls(&read)? else {
            return Err("the options no longer configure TLS".to_owned());
        };
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        reloadable.replace(loaded);
        Ok(())
    };
    Watcher::start(&values, move || in_use.files(), reload)
}

/// Handles signals: SIGTERM and SIGINT stop the bridge, SIGHUP reads the TLS files and the token again.
fn watch_signals(stopper: Stopper, watcher: Option<Watcher>, token: Option<TokenFile>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new().name("sealwire-bridge-signal".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                if watcher.is_none() && token.is_none() {
                    log::system("Received SIGHUP: there are no TLS files and no token to read again");
                }
                if let Some(watcher) = &watcher {
                    watcher.reload();
                }
                if let Some(token) = &token {
                    token.reload_on_signal();
                }
                continue;
            }
            let name = if signal == SIGTERM { "SIGTERM" } else { "SIGINT" };
            log::system(&format!("Received {name}: normal shutdown"));
            stopper.stop();
        }
    })?;
    Ok(())
}
