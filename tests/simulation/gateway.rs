//! A client, the gateway and servers over two lines that lose, double and reorder packets, end at any byte, and stall; the gateway is told
//! at any time to drain the session, that its server is lost, or to stop.
//!
//! The history of the servers is compared with the client's commands: no command is run twice, out of order, or after an error that says
//! that it was not run; a drained session had nothing open and every answer.

mod client;
mod engine;
mod middle;

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealwire_core::facts::Transport;
use sealwire_core::message::Capabilities;
use sealwire_core::proxy::{Connection, End};
use sealwire_core::server::{self, Peer};
use sealwire_core::{Now, SqlError};
use sealwire_simnet::net::{Net, Network, Tcp};
use sealwire_simnet::{AccountSide, ClientSide, Host, Machines, Scenario, Seeded, Stage, reseed};
use sealwire_tests::campaign::Cryptography;

use client::{Client, Ended, GATEWAYS_ID, draw, told};
use engine::{Engine, History};
use middle::{Deed, GATEWAY, Middle, Plan};

/// How many numbers the ordinary run draws its sessions from. `cargo xtask sim --gateway --seeds N --from S` runs others.
const SEEDS: u64 = 150;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const PORT: u16 = 3306;
const PASSWORD: &str = "Correct-Horse-Battery";
/// How many connections the servers take.
const MOST_SERVERS: usize = 16;
/// The time and the turns after which a run must have ended.
const LONGEST_US: u64 = 600_000_000;
const MOST_TURNS: u32 = 400_000;

/// A client, the gateway, and the servers.
struct World {
    front: Net,
    back: Net,
    client: Client,
    middle: Middle,
    listening: Vec<Tcp>,
    engines: Vec<Engine>,
    history: Rc<RefCell<History>>,
    machines: Machines,
    random: Seeded,
    /// How many servers refuse the connection at first.
    refusals: usize,
    row: usize,
    /// Whether all lines and servers are without faults, and whether only the gateway is told to drain.
    is_clean: bool,
    only_drains: bool,
    /// Whether the client's line is never cut.
    keeps_front: bool,
}

fn network(random: &Seeded, is_good: bool) -> Network {
    if is_good {
        return Network::default();
    }
    let latency_us = 500 + random.below(30_000) as u32;
    Network {
        latency_us,
        jitter_us: random.below(2 * latency_us as usize) as u32,
        loss: random.below(600) as u16,
        duplication: random.below(300) as u16,
        reordering: random.below(1_000) as u16,
        mtu: 300 + random.below(1_300) as u16,
        window: 2_048 + random.below(60_000) as u32,
        ..Network::default()
    }
}

fn now(net: &Net) -> Now {
    let monotonic = Duration::from_micros(net.now());
    Now { monotonic, wall: Duration::from_secs(sealwire_simnet::START) + monotonic }
}

impl World {
    fn new(stage: &mut Stage, seed: u64) -> Result<Self, String> {
        let random = Seeded::new(seed);
        let one_in = |count| random.below(count) == 0;
        // Legs of equal security most of the time; the others take proofs alone.
        let (front_tls, back_tls) =
            [(true, true), (true, true), (false, false), (true, false), (false, true)][random.below(5)];
        let are_alike = front_tls == back_tls;
        let plugins = ["mysql_native_password", "caching_sha2_password", "sha256_password", "ed25519"];
        let plugin = plugins[if front_tls && back_tls { random.below(plugins.len()) } else { 0 }];
        let scenario = |has_tls: bool| Scenario {
            seed,
            client: ClientSide {
                password: PASSWORD.to_owned(),
                ssl_mode: if has_tls { "VERIFY_IDENTITY" } else { "DISABLED" }.to_owned(),
                ..ClientSide::default()
            },
            account: AccountSide { password: PASSWORD.to_owned(), plugin: plugin.to_owned(), ..AccountSide::default() },
            ..Scenario::default()
        };
        let Machines { client, server: mut gateway, .. } = stage.machines(&scenario(front_tls))?;
        let machines = stage.machines(&scenario(back_tls))?;
        reseed(seed);
        let has_eof = one_in(4);
        let withheld = if has_eof { Capabilities::DEPRECATE_EOF } else { Capabilities::NONE };
        gateway.capabilities = gateway.capabilities.without(Capabilities::LOCAL_FILES).without(withheld);

        let (is_good, is_clean) = (one_in(3), one_in(10));
        let network = || network(&random, is_good || is_clean);
        let mut front = Net::new(network(), random.next(), 0, false);
        let faults = !is_clean && one_in(2);
        let at = || random.below(3_000_000) as u64;
        // Nobody is told that the line is gone.
        let cut_at_us = (faults && one_in(6)).then(at);
        let mut back = Net::new(Network { cut_at_us, ..network() }, random.next(), 0, false);
        let (clients_host, gateways_front) = front.join(CLIENT, GATEWAY);
        let (gateways_back, servers_host) = back.join(GATEWAY, SERVER);
        let accepts = front.listen(gateways_front, PORT).unwrap();
        let dials = front.connect(clients_host, 50_000, GATEWAY, PORT).unwrap();
        let listening = (0..MOST_SERVERS).map(|_| back.listen(servers_host, PORT).unwrap()).collect();

        let cut =
            |yes: bool| (yes && faults && one_in(3)).then(|| random.below(if one_in(2) { 6_000 } else { 60_000 }));
        let mut deeds: Vec<(u64, Deed)> = Vec::new();
        if !is_clean {
            deeds.extend((0..random.below(3)).map(|_| (at(), Deed::Drain)));
        }
        if faults {
            deeds.extend(one_in(3).then(|| (at(), Deed::LoseServer)));
            deeds.extend(one_in(8).then(|| (at(), Deed::Close)));
        }
        let plan = Plan { front_left: cut(true), back_left: cut(true), deeds };
        let only_drains = cut_at_us.is_none()
            && plan.front_left.is_none()
            && plan.back_left.is_none()
            && plan.deeds.iter().all(|(_, deed)| *deed == Deed::Drain);
        let peer = Peer { transport: Transport::Tcp, host: CLIENT.to_string(), user: None };
        let proxy = Connection::new(Arc::new(gateway), GATEWAYS_ID, peer, now(&front));
        let appetite = if one_in(4) { 200 + random.below(4_000) } else { usize::MAX };
        let steps = draw(&random, are_alike, !has_eof);
        let client = sealwire_core::client::Connection::new(Arc::new(client), now(&front));
        Ok(Self {
            client: Client::new(client, dials, steps, appetite),
            middle: Middle::new(proxy, accepts, gateways_back, machines.client.clone(), &plan),
            front,
            back,
            listening,
            engines: Vec::new(),
            history: Rc::default(),
            machines,
            refusals: if is_clean { 0 } else { random.below(4).saturating_sub(1) },
            row: [10, 200, 20_000][random.below(3)],
            random,
            is_clean,
            only_drains,
            keeps_front: plan.front_left.is_none(),
        })
    }

    fn accept(&mut self) -> bool {
        let mut accepted = false;
        while let Some(at) = self.listening.iter().position(|tcp| self.back.is_connected(*tcp)) {
            let tcp = self.listening.remove(at);
            let id = self.engines.len() as u32 + 1;
            let config = Arc::new(self.machines.server.clone());
            let peer = Peer { transport: Transport::Tcp, host: GATEWAY.to_string(), user: None };
            let machine = if self.engines.len() < self.refusals {
                let full = SqlError::too_many_connections("Too many connections");
                server::Connection::refused(config, id, peer, full, now(&self.back))
            } else {
                server::Connection::new(config, id, peer, now(&self.back))
            };
            let begin = self.back.now() + self.random.below(3_000_000) as u64;
            let length = if self.is_clean { 0 } else { self.random.below(3) * self.random.below(5_000_000) };
            let Host { accounts, .. } = self.machines.host.clone();
            let stalls = (begin, begin + length as u64);
            self.engines.push(Engine::new(machine, tcp, accounts, &self.history, self.row, stalls));
            accepted = true;
        }
        accepted
    }

    /// Runs until all have ended.
    fn run(&mut self) -> Result<(), String> {
        for _ in 0..MOST_TURNS {
            let mut moved = true;
            while moved {
                self.front.settle();
                self.back.settle();
                let now = now(&self.front);
                moved = self.client.turn(&mut self.front, now);
                moved |= self.middle.turn(&mut self.front, &mut self.back, now);
                moved |= self.accept();
                for engine in &mut self.engines {
                    moved |= engine.turn(&mut self.back, now);
                }
            }
            let time = self.front.now();
            if self.client.ended.is_some()
                && self.middle.end.is_some()
                && self.engines.iter().all(|engine| engine.is_over)
            {
                return Ok(());
            }
            let engines = self.engines.iter().filter_map(|engine| engine.next_due(time));
            let due = [self.client.next_due(), self.middle.next_due()].into_iter().flatten().chain(engines).min();
            let due = [self.front.next_due(), self.back.next_due(), due.map(|due| due.max(time))];
            let Some(due) = due.into_iter().flatten().min().filter(|due| *due < LONGEST_US) else { break };
            self.front.advance(due);
            self.back.advance(due);
        }
        // A server whose line is lost may wait for ever; its client may not.
        match (&self.client.ended, &self.middle.end) {
            (Some(_), Some(_)) => Ok(()),
            ended => Err(format!("at {} µs it has not ended: {ended:?}", self.front.now())),
        }
    }

    fn judge(&self) -> Result<(), String> {
        let (client, middle) = (&self.client, &self.middle);
        let done = &self.history.borrow().done;
        // The steps that were sent to a server, and for each what its history should have.
        let expected: Vec<(usize, String)> =
            (0..client.sent).filter_map(|step| Some((step, told(client.steps[step].act, step)?))).collect();
        let is_prefix =
            done.len() <= expected.len() && done.iter().zip(&expected).all(|(one, (_, other))| one == other);
        let fail = |why: &str| {
            Err(format!(
                "{why}: {:?}, {:?}, {:?}; servers: {done:?}; client: {expected:?}, answered {:?}",
                middle.end, client.ended, client.last_word, client.answered
            ))
        };
        if let Some(problem) = &middle.problem {
            return fail(problem);
        }
        if !is_prefix {
            return fail("the servers' history is not the client's");
        }
        let was_done = |step: usize| expected.iter().take(done.len()).any(|(other, _)| *other == step);
        let is_told = |step: usize| told(client.steps[step].act, step).is_some();
        if client.answered.iter().any(|step| !was_done(*step) && is_told(*step)) {
            return fail("a command was answered and not run");
        }
        let pending = client.last_word.as_ref().and_then(|(_, step)| *step);
        match &middle.end {
            Some(End::Drained(error)) => {
                let last = self.engines.last();
                if last.is_some_and(|engine| engine.saw_goodbye && !engine.is_idle()) {
                    return fail("the session was drained with something open");
                }
                if pending.is_some_and(was_done) {
                    return fail("a command was run and its client told that it was not");
                }
                let all_answered = expected
                    .iter()
                    .take(done.len())
                    .all(|(step, text)| text == "long data" || client.answered.contains(step));
                if client.last_word.is_some() && !all_answered {
                    return fail("an answer was lost in the drain");
                }
                if client.last_word.as_ref().is_some_and(|(word, _)| word != error) {
                    return fail("the client was told another error");
                }
            }
            Some(End::ServerLost(error)) => {
                if client.last_word.as_ref().is_some_and(|(word, _)| word != error) {
                    return fail("the client was told another error");
                }
                let is_unknown = error.message.contains("outcome of the statement is unknown");
                if !is_unknown && pending.is_some_and(was_done) {
                    return fail("a command was run and its client told that it was not");
                }
            }
            _ if client.last_word.is_some() => return fail("an error for which there is no reason"),
            _ => {}
        }
        let has_reason = matches!(middle.end, Some(End::Drained(_) | End::ServerLost(_)));
        let waits = !matches!(client.ended, Some(Ended::Quit | Ended::Impatient));
        if has_reason && waits && self.keeps_front && client.last_word.is_none() {
            return fail("the client was not told why its connection ended");
        }
        if self.only_drains {
            let was_idle = |drained: u64| client.idle.iter().any(|(since, until)| *until > drained.max(*since));
            let is_drained = matches!(middle.end, Some(End::Drained(_)));
            if middle.drained_at.is_some_and(was_idle) && !is_drained && client.ended != Some(Ended::Impatient) {
                return fail("the session was idle and was not drained");
            }
        }
        if self.is_clean && (client.ended != Some(Ended::Quit) || done.len() < expected.len()) {
            return fail("nothing was in the way");
        }
        Ok(())
    }
}

/// The numbers to run: those of `cargo xtask sim --gateway`, or the ordinary ones.
fn numbers() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let from = number("SEALWIRE_SIM_GATEWAY_FROM").unwrap_or(0);
    from..from + number("SEALWIRE_SIM_GATEWAY_SEEDS").unwrap_or(SEEDS)
}

#[test]
fn no_command_is_run_twice_and_no_answer_is_lost() {
    let numbers = numbers();
    let next = AtomicU64::new(numbers.start);
    let counts: [AtomicU64; 5] = Default::default();
    let work = || {
        let mut stage = Stage::new(Cryptography::Toy.provider());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= numbers.end {
                break;
            }
            let mut world = World::new(&mut stage, seed).unwrap();
            if let Err(error) = world.run().and_then(|()| world.judge()) {
                panic!("{error}\n  again: cargo xtask sim --gateway --seeds 1 --from {seed}");
            }
            let kind = match &world.middle.end {
                Some(End::Drained(_)) => 0,
                Some(End::ServerLost(_)) => 1,
                Some(End::By(_)) => 2,
                Some(End::Failed(..)) => 3,
                _ => 4,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let [drained, lost, closed, failed, other] = counts.map(AtomicU64::into_inner);
    println!(
        "{numbers:?}: {drained} drained, {lost} servers lost, {closed} closed by a side, {failed} failed, {other} others"
    );
    assert!(numbers.end - numbers.start < SEEDS || [drained, lost, closed].iter().all(|count| *count > 0));
}
