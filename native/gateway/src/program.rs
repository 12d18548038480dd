//! The program: from the command line to the end of the last session.

use std::process::ExitCode;
use std::sync::Arc;

use sealwire_net::{clock, log};
use sealwire_options::tls::health::Health;
use sealwire_options::tls::watch::Watcher;
use sealwire_options::{Environment, Outcome, Values};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::certificates::HOW;
use super::options::PROGRAM;
use super::run::{Gateway, Stopper};
use super::settings::Settings;
use super::tls::{ReloadableTls, Tls};

/// Runs `sealwire-gateway` with the process's arguments.
pub fn main() -> ExitCode {
    let values = match PROGRAM.parse(sealwire_options::arguments(&PROGRAM), &Environment::of_process()) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sealwire-gateway: [ERROR] {error}");
            return ExitCode::from(error.exit_code());
        }
    };
    for warning in values.warnings() {
        eprintln!("sealwire-gateway: [Warning] {warning}");
    }
    log::start("Gateway", values.number("log-error-verbosity").unwrap_or_default());
    match Settings::resolve(&values).and_then(|settings| run(settings, values)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings, values: Values) -> Result<(), String> {
    let pools = settings.pools.iter().map(|pool| (pool.name.clone(), pool.tls.clone())).collect();
    let tls = Tls::load(&values, pools)?;
    if tls.clients.is_none() && settings.listeners.iter().any(|listen| listen.is_direct) {
        return Err(
            "option '--listen': tls=direct needs TLS, and --skip-ssl switches it off: leave one of them out".to_owned()
        );
    }
    let health = Arc::new(Health::new(HOW));
    report(&tls, &health);
    let servers: Vec<String> = settings.nodes.iter().map(ToString::to_string).collect();
    let addresses = settings.listeners.first().map(|listen| listen.addresses.clone()).unwrap_or_default();
    let more: String = settings
        .listeners
        .iter()
        .skip(1)
        .map(|listen| {
            let protocol = if listen.is_direct { " (direct TLS)" } else { "" };
            format!("  also: {} {}{protocol}", listen.port, listen.place.role.name())
        })
        .collect();
    let tls = ReloadableTls::new(tls);
    let gateway = Gateway::bind(settings, tls.clone(), Arc::clone(&health))?;
    let watcher = watch_tls(tls, health, gateway.stopper(), values)
        .map_err(|error| format!("can't start a thread for --ssl-reload: {error}"))?;
    watch_signals(gateway.stopper(), watcher).map_err(|error| format!("can't watch for signals: {error}"))?;
    log::system(&format!(
        "sealwire-gateway: ready for connections. Version: '{}'  bind-address: '{addresses}'  port: {}{more}  servers: {}",
        PROGRAM.version,
        gateway.port,
        servers.join(", ")
    ));
    gateway.run().map_err(|error| error.to_string())?;
    log::system("sealwire-gateway: Shutdown complete.");
    Ok(())
}

/// Reads the TLS files again when they change, or when the watcher is asked to.
fn watch_tls(tls: ReloadableTls, health: Arc<Health>, stopper: Stopper, values: Values) -> std::io::Result<Watcher> {
    let (in_use, read) = (tls.clone(), values.clone());
    let reload = move |cause| {
        let loaded = tls.reload(&read, cause)?;
        report(&loaded, &health);
        stopper.wake();
        Ok(())
    };
    Watcher::start(&values, move || in_use.files(), reload)
}

/// Logs the certificate and the warnings of settings that were read.
fn report(tls: &Tls, health: &Health) {
    for warning in &tls.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(rules) = &tls.rules {
        log::system(&format!("{} rules are in use (--rules-file)", rules.count()));
    }
    if let Some(context) = &tls.clients {
        health.log(context, clock::now().wall.as_secs());
    }
}

/// Handles signals: SIGTERM and SIGINT stop the gateway, SIGHUP reads the rules and the TLS files again.
fn watch_signals(stopper: Stopper, watcher: Watcher) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new().name("signal".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                watcher.reload();
                continue;
            }
            let name = if signal == SIGTERM { "SIGTERM" } else { "SIGINT" };
            log::system(&format!("Received {name}: normal shutdown; no more clients are accepted"));
            stopper.stop();
        }
    })?;
    Ok(())
}
