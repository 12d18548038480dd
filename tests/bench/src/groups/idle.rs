//! Memory of idle connections.

use std::sync::Arc;

use sealwire::client::{Address, Client, Config, TlsPolicy};
use sealwire::random::OsRandom;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};

use crate::Outcome;
use crate::measure::resident;
use crate::report::{Table, ratio};
use crate::world::{Key, World};

/// Resident memory of a fresh server per idle connection, at several numbers of them.
pub(super) fn memory(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "idle: server memory per idle connection",
        "Growth of the resident memory of a freshly started server, divided by the connections, after each has logged in and run SELECT 1. KB of 1024 bytes.",
        &["", "connections", "sealwired", "MariaDB 10.11", "MariaDB / sealwired"],
    );
    let steps: &[usize] = if world.quick { &[200, 1000] } else { &[1000, 4000, 16_000] };
    for secure in [false, true] {
        let ours = growth(world, "sealwired", secure, steps)?;
        // A thread for each of its connections: more than this take a machine of their own.
        let theirs = growth(world, "mariadbd", secure, steps.get(..1).unwrap_or_default())?;
        for (at, (count, ours)) in steps.iter().zip(&ours).enumerate() {
            let theirs = theirs.get(at);
            table.rows.push(vec![
                if secure { "TLS 1.3" } else { "plain" }.to_owned(),
                count.to_string(),
                format!("{ours:.1}"),
                theirs.map_or_else(String::new, |theirs| format!("{theirs:.1}")),
                theirs.map_or_else(String::new, |theirs| ratio(theirs / ours)),
            ]);
        }
    }
    Ok(table)
}

fn growth(world: &World, server: &str, secure: bool, steps: &[usize]) -> Outcome<Vec<f64>> {
    let server = world.server(server, Key::P256, false)?;
    let mut config = Config::new("bench", "bench".into(), Arc::new(OsRandom::new()));
    if secure {
        let mut options = ClientOptions::new(sealwire::provider::provider(), Trust::CaAndIdentity);
        let ca = world.certificates(Key::P256).join("ca.pem");
        options.ca = vec![NamedPem::new("ca.pem", std::fs::read(ca)?)];
        config.tls = TlsPolicy::Required(ClientContext::build(options)?);
    }
    let address = Address::Tcp { host: "127.0.0.1".into(), port: server.port() };
    let before = resident(server.id())?;
    let (mut clients, mut figures) = (Vec::new(), Vec::new());
    for &step in steps {
        while clients.len() < step {
            let mut client = Client::connect(&address, config.clone())?;
            client.query("SELECT 1")?;
            clients.push(client);
        }
        let grown = resident(server.id())?.saturating_sub(before);
        figures.push(grown as f64 / 1024.0 / step as f64);
    }
    Ok(figures)
}
