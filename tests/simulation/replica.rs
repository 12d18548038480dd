//! A replica over lines that lose, double and reorder packets, and end anywhere: it has every transaction once, in order.
//!
//! The replica stores a transaction and its position at once, when the transaction has ended, and requests the log from there again.

mod log;
mod primary;
mod wire;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealwire::events::{Body, Flavour};
use sealwire::{Boundary, Client, ClientError, ReplicationSettings, StartPosition};
use sealwire_simnet::net::Network;
use sealwire_simnet::{AccountSide, ClientSide, Machines, Scenario, Seeded, ServerSide, Stage};
use sealwire_tests::campaign::Cryptography;

use log::{Log, WORD};
use primary::KINDS;
use wire::{Wire, World};

/// How many numbers the test draws its lines from.
const SEEDS: u64 = 2_000;
/// The connections after which the line is good, so that every run ends.
const BAD_CONNECTIONS: u64 = 25;

/// A replica's store.
struct Replica {
    /// The numbers of the transactions, and the position behind the last.
    applied: Vec<u64>,
    position: StartPosition,
    connections: u64,
}

impl Replica {
    /// Reads from one connection until it is lost, or all transactions are there.
    fn read(&mut self, wire: Wire, config: sealwire::Config, all: u64) -> Result<(), ClientError> {
        let settings = ReplicationSettings::new(22, self.position.clone());
        let mut stream = Client::over(wire, config)?.binlog(settings)?;
        let mut open = Vec::new();
        while (self.applied.len() as u64) < all {
            let Some(next) = stream.next()? else { return Ok(()) };
            if let Body::Query(query) = next.event.decode().map_err(ClientError::Binlog)?
                && let Some(rest) = query.sql.strip_prefix(WORD.as_bytes())
            {
                let digits = rest.split(|byte| *byte == b' ').next().unwrap();
                open.push(std::str::from_utf8(digits).unwrap().parse::<u64>().unwrap());
            }
            if next.boundary == Boundary::Commit {
                open.dedup();
                self.applied.append(&mut open);
                self.position = stream.resume();
            }
        }
        Ok(())
    }
}

fn network(random: &Seeded) -> Network {
    let latency_us = 500 + random.below(30_000) as u32;
    Network {
        latency_us,
        jitter_us: random.below(2 * latency_us as usize) as u32,
        loss: random.below(600) as u16,
        duplication: random.below(300) as u16,
        reordering: random.below(1_000) as u16,
        corruption: random.below(100) as u16,
        mtu: 300 + random.below(1_300) as u16,
        window: 2_048 + random.below(60_000) as u32,
        ..Network::default()
    }
}

/// Runs one number; returns how many connections it took.
fn run(stage: &mut Stage, seed: u64) -> Result<u64, String> {
    let random = Seeded::new(seed);
    let (flavour, by_gtid) = KINDS[random.below(KINDS.len())];
    let log = Log::new(flavour);
    let version = if flavour == Flavour::MariaDb { format!("5.5.5-{}", log.version()) } else { log.version().into() };
    let ssl_mode = String::from(if random.below(4) == 0 { "DISABLED" } else { "REQUIRED" });
    let scenario = Scenario {
        seed,
        client: ClientSide { ssl_mode, ..ClientSide::default() },
        server: ServerSide { version, ..ServerSide::default() },
        // The certificate is not verified here, because the client takes its time from the system.
        account: AccountSide { plugin: String::from("mysql_native_password"), ..AccountSide::default() },
        ..Scenario::default()
    };
    let all = 3 + random.below(16) as u64;
    let position = match (flavour, by_gtid) {
        (_, false) => StartPosition::File { name: b"bin.000001".to_vec(), position: 4 },
        (Flavour::MariaDb, true) => StartPosition::MariaDbGtid(String::new()),
        (Flavour::MySql, true) => StartPosition::MySqlGtid(vec![0; 8]),
    };
    let world = Rc::new(RefCell::new(World { log, random: Seeded::new(!seed), all }));
    let mut replica = Replica { applied: Vec::new(), position, connections: 0 };
    while (replica.applied.len() as u64) < all {
        let Machines { client, server, host } = stage.machines(&scenario)?;
        let is_bad = replica.connections < BAD_CONNECTIONS;
        let network = if is_bad { network(&random) } else { Network::default() };
        let left = is_bad.then(|| random.below(25_000));
        replica.connections += 1;
        if replica.connections > BAD_CONNECTIONS + 1 {
            return Err(format!("{} of {all} transactions, and no more come", replica.applied.len()));
        }
        let wire = Wire::new(&world, network, random.next(), &Arc::new(server), host, left);
        let ended = replica.read(wire, client, all);
        // Before the log is requested again, the primary may have been started anew.
        if random.below(4) == 0 {
            world.borrow_mut().log.rotate(true);
        }
        match ended {
            Ok(()) | Err(ClientError::Io(_)) => {}
            Err(ClientError::Connection(sealwire_core::Error::ConnectionLost(_))) => {}
            Err(error) => return Err(format!("connection {}: {error}", replica.connections)),
        }
    }
    if replica.applied.iter().copied().eq(0..all) {
        Ok(replica.connections)
    } else {
        Err(format!("the replica has {:?}", replica.applied))
    }
}

#[test]
fn every_transaction_is_there_once() {
    let (next, connections) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut stage = Stage::new(Cryptography::Toy.provider());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                break;
            }
            match run(&mut stage, seed) {
                Ok(count) => connections.fetch_add(count, Ordering::Relaxed),
                Err(error) => panic!("seed {seed}: {error}"),
            };
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("{SEEDS} seeds, {} connections", connections.into_inner());
}
