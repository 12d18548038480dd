//! Thousands of connections over TLS, while the certificates are reloaded each second, one client in a hundred misbehaves, and five
//! accounts attack by SQL: no good client fails, and the server's memory does not grow. The same behind a gateway, whose servers are lost in
//! turn. `cargo xtask soak` runs the first longer, and with --gateway the second.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod bad;
mod gateway;
mod good;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};

/// Threads of good clients.
const THREADS: usize = 2;
/// The longest pause of a client between two queries.
const MOST_PAUSE: Duration = Duration::from_secs(8);
/// How many seconds the hostile accounts attack, and how many pass without them before the memory is measured. The server's idle threads
/// end after ten seconds.
const LONG_RUN: [usize; 2] = [20, 14];
const SHORT_RUN: [usize; 2] = [2, 1];
/// Files that the two processes need beside their connections.
const OTHER_FILES: usize = 200;

/// The counts so far.
#[derive(Default)]
struct Counts {
    /// Good clients that are logged in now.
    now: AtomicU64,
    /// Good clients' logins.
    logins: AtomicU64,
    /// Answered queries of good clients.
    answers: AtomicU64,
    /// The number of failed good clients, and the first error.
    failures: AtomicU64,
    /// The servers behind the gateway; none where clients connect to their server.
    nodes: Vec<Node>,
    /// The last words to good clients whose server was lost, without numbers, and how often they were said.
    lost: Mutex<BTreeMap<String, u64>>,
    /// Connections of bad clients.
    bad: AtomicU64,
    /// How often each hostile account has attacked.
    hostile: [AtomicU64; hostile::ALL.len()],
    /// Whether the hostile accounts begin no attack now, because the memory is measured.
    rest: Mutex<bool>,
    rest_changed: Condvar,
    stop: AtomicBool,
}

impl Counts {
    fn set_rest(&self, rest: bool) {
        *self.rest.lock().unwrap() = rest;
        self.rest_changed.notify_all();
    }
}

/// A server behind the gateway.
struct Node {
    port: u16,
    /// How often the server has begun to end, and has been there again; odd while it is lost.
    changes: AtomicU64,
}

impl Node {
    fn new(port: u16) -> Self {
        Self { port, changes: AtomicU64::new(0) }
    }
}

#[derive(Clone, Copy)]
struct SoakPlan {
    connections: usize,
    time: Duration,
}

impl SoakPlan {
    fn is_long(&self) -> bool {
        self.time >= Duration::from_secs(120)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let plan = SoakPlan {
        connections: usize::try_from(number("SEALWIRE_SOAK_CONNECTIONS", 200)).unwrap(),
        time: Duration::from_secs(number("SEALWIRE_SOAK_SECONDS", 10)),
    };
    let title = |what| format!("{what}, {} connections for {} s", plan.connections, plan.time.as_secs());
    let server = Trial::test(title("server"), move || soak(&plan).map_err(Failed::from));
    let gateway = Trial::test(title("gateway"), move || gateway::soak(&plan).map_err(Failed::from));
    libtest_mimic::run(&arguments, vec![server, gateway]).exit_code()
}

fn soak(plan: &SoakPlan) -> Result<(), String> {
    let (most, needed) = (clients::most_files(), plan.connections * 102 / 100 + OTHER_FILES);
    if most < needed {
        return Err(format!("ulimit -n is {most}; {} connections need {needed}", plan.connections));
    }
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let set = CertificateSet::by_openssl(&place.path().join("one"));
    let account =
        |name: &str, plugin: &str, require: &str| Kind::Sealwired.create_user(name, plugin, PASSWORD, require);
    let mut statements = vec![account("u", "caching_sha2_password", "SSL")];
    // The hostile accounts connect in plaintext, so that the attacks are all of the server's load.
    statements.extend(hostile::ALL.iter().map(|(name, _)| account(name, "mysql_native_password", "NONE")));
    statements.extend(hostile::statements());
    let settings = Settings {
        certificates: Some(set.clone()),
        // A small packet limit, so that the momentary memory of the hostile accounts does not hide a leak.
        options: vec![
            format!("--max-connections={needed}"),
            "--connect-timeout=60".to_owned(),
            "--max-allowed-packet=256K".to_owned(),
        ],
        statements,
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings)?;
    let counts = Counts::default();
    let begin = Instant::now();
    let (failed, failures) = channel();
    let pause = (plan.time / 10).min(MOST_PAUSE);
    let outcome = std::thread::scope(|scope| {
        let share = |number: usize| (plan.connections + number) / THREADS;
        for number in 0..THREADS {
            let (counts, port, context, failed) = (&counts, server.port, clients::context(&set), failed.clone());
            scope.spawn(move || good::run(port, &context, share(number), pause, counts, &failed));
        }
        let (counts, port) = (&counts, server.port);
        scope.spawn(move || bad::run(port, plan.connections.div_ceil(100), counts));
        for number in 0..hostile::ALL.len() {
            scope.spawn(move || hostile::run(port, number, counts));
        }
        drop(failed);
        let watched = watch(&server, &set, plan, counts, begin);
        counts.stop.store(true, Relaxed);
        counts.set_rest(false);
        watched
    });
    let watched = outcome?;
    let first = failures.try_iter().next();
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "soak: {} connections, {seconds:.0} s: {} logins, {} answers, {} reloads of the certificates, {} bad clients, {} good clients failed",
        plan.connections,
        counts.logins.load(Relaxed),
        counts.answers.load(Relaxed),
        watched.reloads,
        counts.bad.load(Relaxed),
        counts.failures.load(Relaxed),
    );
    let harm = hostile::ALL.iter().zip(&counts.hostile).map(|((name, _), times)| (name, times.load(Relaxed)));
    let harm: Vec<(&&str, u64)> = harm.collect();
    println!("soak: hostile accounts: {harm:?}");
    println!("soak: {}", watched.memory);
    if let Some((idle, _)) = harm.iter().find(|(_, times)| *times < 2) {
        return Err(format!("the hostile account '{idle}' did no harm"));
    }
    match first {
        Some(failure) => Err(format!("a good client failed: {failure}")),
        None if watched.flat => Ok(()),
        None => Err(watched.memory.to_string()),
    }
}

/// The results of watching the server.
struct Watched {
    reloads: u64,
    memory: String,
    flat: bool,
}

/// Replaces the certificates each second and measures the server's memory, from the time when all clients are logged in.
fn watch(
    server: &Server,
    set: &CertificateSet,
    plan: &SoakPlan,
    counts: &Counts,
    begin: Instant,
) -> Result<Watched, String> {
    // The same CA signs a second pair, and the two alternate in the files that the server reads.
    let pairs = [&set.server_cert, &set.server_key].map(|file| fs::read(file).unwrap());
    let again = [&set.client_cert, &set.client_key].map(|file| fs::read(file).unwrap());
    let mut root = clients::plain("root");
    root.password = "".into();
    let mut admin = clients::connect(server.port, root).map_err(|error| error.to_string())?;
    let (_keep, tick) = channel::<()>();
    let is_long = plan.is_long();
    let [attack, settle] = if is_long { LONG_RUN } else { SHORT_RUN };
    let names: Vec<String> = hostile::ALL.iter().map(|(name, _)| format!("'{name}'")).collect();
    let count = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE User IN ({})", names.join(", "));
    let (mut samples, mut seconds, mut full) = (Vec::new(), 0, None);
    // How long they have been attacking, and how long they have been gone; a client that has gone away may have left a statement running.
    let (mut attacked, mut quiet) = (0, 0);
    while tick.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        let [cert, key] = if seconds % 2 == 0 { &again } else { &pairs };
        fs::write(&set.server_cert, cert).and_then(|()| fs::write(&set.server_key, key)).map_err(|e| e.to_string())?;
        admin
            .query("ALTER INSTANCE RELOAD TLS")
            .and_then(|mut done| done.next().map(|_| ()))
            .map_err(|e| e.to_string())?;
        seconds += 1;
        attacked += 1;
        counts.set_rest(attacked > attack);
        let is_quiet = attacked > attack && clients::ask(&mut admin, &count).map_err(|e| e.to_string())? == "0";
        quiet = if is_quiet { quiet + 1 } else { 0 };
        if quiet > settle {
            samples.push((seconds, clients::resident(server.id())));
            attacked = 0;
        }
        if full.is_none() && counts.now.load(Relaxed) as usize >= plan.connections * 95 / 100 {
            full = Some((seconds, begin.elapsed()));
        }
        if counts.failures.load(Relaxed) > 0 || begin.elapsed() >= plan.time {
            break;
        }
    }
    let (at, took) = full.ok_or_else(|| format!("{} of {} came in", counts.now.load(Relaxed), plan.connections))?;
    // The warm-up lasts until all clients are logged in, plus half of that time and a fifth of the run.
    let from = at + at / 2 + seconds / 5;
    // Only lasting memory counts, because a running statement may hold some megabytes. A run that is too short for the memory to settle has a
    // looser limit.
    let bound = if is_long { 0.05 } else { 0.25 };
    let warm: Vec<u64> = samples.iter().filter(|(at, _)| *at > from).map(|(_, kib)| *kib).collect();
    if warm.is_empty() {
        return Err(format!(
            "in {seconds} s the server was never without the hostile accounts' statements for {settle} s"
        ));
    }
    let course: Vec<String> = warm.iter().map(|kib| (kib / 1024).to_string()).collect();
    println!("soak: the memory without the hostile accounts' statements, in MiB: {}", course.join(" "));
    let mut sorted = warm.clone();
    sorted.sort_unstable();
    let (least, median, largest) = (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    let spread = (largest - median).max(median - least) as f64 / median as f64;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let memory = format!(
        "all in after {:.0} s; memory after a warm-up of {from} s, without the hostile accounts' statements: {:.1} MiB, least {:.1}, most {:.1}, last {:.1}: within {:.1} % of the median (allowed {:.0} %)",
        took.as_secs_f64(),
        mib(median),
        mib(least),
        mib(largest),
        mib(warm[warm.len() - 1]),
        spread * 100.0,
        bound * 100.0
    );
    Ok(Watched { reloads: seconds, memory, flat: spread <= bound })
}
