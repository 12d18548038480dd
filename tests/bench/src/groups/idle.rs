//! Idle connections: what they hold of a server's memory and processor.

use std::sync::Arc;
use std::time::Duration;

use sealwire::random::OsRandom;
use sealwire::{Address, Client, Config, Socket, TlsPolicy};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};

use super::cell;
use crate::Outcome;
use crate::measure::{Figure, processor_time, resident};
use crate::report::{Table, ratio};
use crate::world::{Key, World};

/// Connections at which it is measured.
const STEPS: [usize; 3] = [1000, 4000, 16_000];

/// Resident memory of a fresh server per idle connection, at several numbers of them, and the processor time that they take.
pub(super) fn memory(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "idle: server memory and processor time per idle connection",
        "Growth of the resident memory of a freshly started server, divided by the connections, after each has logged in and run SELECT 1: KB of \
         1024 bytes. Then the processor time of the server's process while nothing happens. MariaDB has a thread for each connection: more \
         than 1,000 take a machine of their own.",
        &[
            "",
            "connections",
            "sealwired",
            "MariaDB 10.11",
            "MariaDB / sealwired",
            "sealwired, µs per second and connection",
            "MariaDB",
        ],
    );
    for secure in [false, true] {
        let ours = growth(world, "sealwired", secure, &STEPS)?;
        let theirs = growth(world, "mariadbd", secure, STEPS.get(..1).unwrap_or_default())?;
        let name = if secure { "TLS 1.3" } else { "plain" };
        for (at, (count, ours)) in STEPS.iter().zip(&ours).enumerate() {
            let theirs = theirs.get(at);
            world.record(format!("idle {name} {count} sealwired"), ours.kilobytes);
            if let Some(theirs) = theirs {
                world.record(format!("idle {name} {count} mariadb"), theirs.kilobytes);
            }
            table.rows.push(vec![
                name.to_owned(),
                count.to_string(),
                format!("{:.1}", ours.kilobytes),
                theirs.map_or_else(String::new, |theirs| format!("{:.1}", theirs.kilobytes)),
                theirs.map_or_else(String::new, |theirs| ratio(theirs.kilobytes / ours.kilobytes)),
                cell(&ours.processor, 3),
                theirs.map_or_else(String::new, |theirs| cell(&theirs.processor, 3)),
            ]);
        }
    }
    Ok(table)
}

/// The cost of one connection.
struct Cost {
    kilobytes: f64,
    /// µs of processor time per second, over several spans.
    processor: Figure,
}

fn growth(world: &World, server: &str, secure: bool, steps: &[usize]) -> Outcome<Vec<Cost>> {
    let server = world.server(server, Key::P256, false)?;
    let mut crowd = IdleClients::new(world, server.port(), secure)?;
    let before = resident(server.id())?;
    let span = Duration::from_secs(if world.quick { 1 } else { 10 });
    let mut costs = Vec::new();
    for &step in steps {
        crowd.grow(step)?;
        let grown = resident(server.id())?.saturating_sub(before);
        let mut spans = Vec::new();
        for _ in 0..world.repeats() {
            let used = processor_time(server.id())?;
            std::thread::sleep(span);
            let used = processor_time(server.id())?.saturating_sub(used);
            spans.push(used.as_secs_f64() * 1e6 / span.as_secs_f64() / step as f64);
        }
        costs.push(Cost { kilobytes: grown as f64 / 1024.0 / step as f64, processor: Figure::of(spans) });
    }
    Ok(costs)
}

/// Connections that are open.
pub(super) struct IdleClients {
    address: Address,
    config: Config,
    pub(super) clients: Vec<Client<Socket>>,
}

impl IdleClients {
    /// None yet.
    pub(super) fn new(world: &World, port: u16, secure: bool) -> Outcome<Self> {
        let mut config = Config::new("bench", "bench".into(), Arc::new(OsRandom::new()));
        if secure {
            let mut options = ClientOptions::new(sealwire::provider::provider(), Trust::CaAndIdentity);
            let ca = world.certificates(Key::P256).join("ca.pem");
            options.ca = vec![NamedPem::new("ca.pem", std::fs::read(ca)?)];
            config.tls = TlsPolicy::Required(ClientContext::build(options)?);
        }
        let address = Address::Tcp { host: "127.0.0.1".into(), port };
        Ok(Self { address, config, clients: Vec::new() })
    }

    /// Connects until there are `count` connections. Each runs one statement.
    pub(super) fn grow(&mut self, count: usize) -> Outcome {
        while self.clients.len() < count {
            let mut client = Client::connect(&self.address, self.config.clone())?;
            client.query("SELECT 1")?;
            self.clients.push(client);
        }
        Ok(())
    }
}
