//! The program: from the command line to the end of the last session.

use std::process::ExitCode;

use sealwire_net::{clock, log};
use sealwire_options::tls::health::Health;
use sealwire_options::{Environment, Outcome, Values};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

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
    let tls = Tls::load(&values)?;
    for warning in &tls.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(context) = &tls.clients {
        Health::new("let sealwire-gateway read it: kill -HUP").log(context, clock::now().wall.as_secs());
    }
    let servers: Vec<String> = settings.nodes.iter().map(ToString::to_string).collect();
    let addresses = settings.listeners.first().map(|listen| listen.addresses.clone()).unwrap_or_default();
    let tls = ReloadableTls::new(tls);
    let gateway = Gateway::bind(settings, tls.clone())?;
    watch_signals(gateway.stopper(), tls, values).map_err(|error| format!("can't watch for signals: {error}"))?;
    log::system(&format!(
        "sealwire-gateway: ready for connections. Version: '{}'  bind-address: '{addresses}'  port: {}  servers: {}",
        PROGRAM.version,
        gateway.port,
        servers.join(", ")
    ));
    gateway.run().map_err(|error| error.to_string())?;
    log::system("sealwire-gateway: Shutdown complete.");
    Ok(())
}

/// Handles signals: SIGTERM and SIGINT stop the gateway, SIGHUP reads the TLS files again.
fn watch_signals(stopper: Stopper, tls: ReloadableTls, values: Values) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new().name("signal".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload(&tls, &values);
                stopper.wake();
                continue;
            }
            let name = if signal == SIGTERM { "SIGTERM" } else { "SIGINT" };
            log::system(&format!("Received {name}: normal shutdown; no more clients are accepted"));
            stopper.stop();
        }
    })?;
    Ok(())
}

/// Reads the TLS files again. If one can't be used, the TLS settings in use stay.
fn reload(tls: &ReloadableTls, values: &Values) {
    match Tls::load(values) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            tls.replace(loaded);
            log::system("Received SIGHUP: the TLS files were read again; new connections use them");
        }
        Err(error) => tracing::error!("Received SIGHUP: TLS stays unchanged: {error}"),
    }
}
