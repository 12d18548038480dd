//! The clients behind a gateway with two servers, of which one in turn is lost and comes back. Its certificates change each second. Nobody
//! fails but the clients of the lost server, and the gateway's memory stays.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients;
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::program;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::{Counts, MOST_PAUSE, Node, OTHER_FILES, SoakPlan, bad, good};

/// How many servers are behind the gateway, and so the threads of good clients.
const NODES: usize = 2;
/// The pause between two losses of a server in a long run, and in a short one.
const LONG_LIFE: Duration = Duration::from_secs(30);
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// The gateway's memory in KiB at a second of the run.
type Sample = (u64, u64);

pub(crate) fn soak(plan: &SoakPlan) -> Result<(), String> {
    let (most, needed) = (clients::most_files(), plan.connections * 102 / 100 * 2 + OTHER_FILES);
    if most < needed {
        return Err(format!("ulimit -n is {most}; {} sessions need {needed}", plan.connections));
    }
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let set = CertificateSet::by_openssl(&place.path().join("front"));
    let behind = CertificateSet::by_openssl(&place.path().join("behind"));
    let mut servers = Vec::new();
    let mut counts = Counts::default();
    for _ in 0..NODES {
        let settings = settings(free_port()?, &behind, needed);
        let server = Server::start(Kind::Sealwired, &settings)?;
        counts.nodes.push(Node::new(server.port));
        servers.push((server, Settings { statements: Vec::new(), ..settings }));
    }
    let admin = place.path().join("admin");
    let gateway = gateway(&set, &behind, &counts.nodes, needed, place.path(), &admin)?;
    let begin = Instant::now();
    let (failed, failures) = channel();
    let pause = (plan.time / 10).min(MOST_PAUSE);
    let (stop_restarts, stopped) = channel::<()>();
    let counts = &counts;
    let (watched, restarts) = std::thread::scope(|scope| {
        let share = |number: usize| (plan.connections + number) / NODES;
        for number in 0..NODES {
            let (port, context, failed) = (gateway.port, clients::context(&set), failed.clone());
            scope.spawn(move || good::run(port, &context, share(number), pause, counts, &failed));
        }
        let port = gateway.port;
        scope.spawn(move || bad::run(port, plan.connections.div_ceil(100), counts));
        drop(failed);
        let life = if plan.is_long() { LONG_LIFE } else { SHORT_LIFE };
        // They outlive the clients.
        let all = &mut servers;
        let restarting = scope.spawn(move || restart_in_turn(all, life, counts, &stopped));
        let watched = watch(&gateway, &set, plan, counts, begin);
        drop(stop_restarts);
        counts.stop.store(true, Relaxed);
        let restarts = restarting.join().map_err(|_| "the thread that restarts the servers panicked".to_owned());
        (watched, restarts)
    });
    let (samples, reloads) = watched?;
    let restarts = restarts??;
    println!(
        "soak: {} sessions through the gateway, {:.0} s: {} logins, {} answers, {reloads} reloads of the certificates, {} bad clients, \
         {restarts} losses of a server",
        plan.connections,
        begin.elapsed().as_secs_f64(),
        counts.logins.load(Relaxed),
        counts.answers.load(Relaxed),
        counts.bad.load(Relaxed),
    );
    for (said, times) in counts.lost.lock().unwrap().iter() {
        println!("soak: {times} clients of a lost server: {said}");
    }
    for line in ask(&admin, "GET /metrics").lines().filter(|line| {
        ["sessions_lost", "tls_reload", "logins"]
            .iter()
            .any(|name| line.starts_with(&format!("sealwire_gateway_{name}")))
    }) {
        println!("soak: {line}");
    }
    if let Some(failure) = failures.try_iter().next() {
        return Err(format!("a good client failed: {failure}\n{}", tail(&gateway.log())));
    }
    let least = if plan.is_long() { 2 } else { 1 };
    if restarts < least || reloads * 2 < begin.elapsed().as_secs() {
        return Err(format!("{restarts} losses of a server and {reloads} reloads are too few"));
    }
    is_flat(plan, &samples)
}

fn free_port() -> Result<u16, String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(port.map_err(|error| error.to_string())?.port())
}

/// A server that keeps its port when it starts again.
fn settings(port: u16, set: &CertificateSet, connections: usize) -> Settings {
    let account = |name, plugin| Kind::Sealwired.create_user(name, plugin, PASSWORD, "SSL");
    Settings {
        certificates: Some(set.clone()),
        options: vec![
            format!("--port={port}"),
            format!("--max-connections={connections}"),
            "--connect-timeout=60".to_owned(),
        ],
        statements: vec![account("u", "caching_sha2_password"), account("check", "mysql_native_password")],
        ..Settings::default()
    }
}

fn gateway(
    set: &CertificateSet,
    behind: &CertificateSet,
    nodes: &[Node],
    connections: usize,
    place: &Path,
    admin: &Path,
) -> Result<Daemon, String> {
    let password = place.join("password");
    let told = |error: std::io::Error| format!("{}: {error}", password.display());
    fs::write(&password, PASSWORD).map_err(told)?;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).map_err(told)?;
    let mut command = Command::new(program("sealwire-gateway"));
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--check-user=check", "--slow-start=2"]);
    // All that a busy machine makes slow is slow for good clients, too.
    command.args(["--connect-timeout=60", "--server-connect-timeout=30", "--queue-timeout=60", "--check-timeout=20"]);
    command.arg(format!("--max-connections={connections}"));
    command.arg(format!("--check-password-file={}", password.display()));
    command.arg(format!("--admin-socket={}", admin.display()));
    command.arg(format!("--ssl-cert={}", set.server_cert.display()));
    command.arg(format!("--ssl-key={}", set.server_key.display()));
    command.arg(format!("--server-ssl-ca={}", behind.ca.display()));
    Daemon::start(command.args(nodes.iter().map(|node| format!("--server=127.0.0.1:{}", node.port))))
}

/// Ends the servers in turn, one cleanly and the other not, and starts each again. Returns how often.
fn restart_in_turn(
    servers: &mut Vec<(Server, Settings)>,
    life: Duration,
    counts: &Counts,
    stopped: &Receiver<()>,
) -> Result<u64, String> {
    let mut times = 0;
    while stopped.recv_timeout(life) == Err(RecvTimeoutError::Timeout) {
        let (server, settings) = servers.remove(0);
        let node = counts.nodes.iter().find(|node| node.port == server.port).ok_or("an unknown server")?;
        // By then the clients of the other server have come back.
        node.changes.fetch_add(1, Relaxed);
        if times % 2 == 1 {
            server.signal("KILL");
        }
        let server = server.restart(&settings)?;
        node.changes.fetch_add(1, Relaxed);
        servers.push((server, settings));
        times += 1;
    }
    Ok(times)
}

/// Replaces the gateway's certificates each second, and takes its memory down whenever nearly all clients are logged in. Returns the
/// memory after the warm-up, and how often the files were loaded.
fn watch(
    gateway: &Daemon,
    set: &CertificateSet,
    plan: &SoakPlan,
    counts: &Counts,
    begin: Instant,
) -> Result<(Vec<Sample>, u64), String> {
    // The same CA signs a second pair, and the two alternate in the files that the gateway reads.
    let pairs = [&set.server_cert, &set.server_key].map(|file| fs::read(file).unwrap());
    let again = [&set.client_cert, &set.client_key].map(|file| fs::read(file).unwrap());
    let (_keep, tick) = channel::<()>();
    let (mut samples, mut seconds, mut warm) = (Vec::new(), 0, None);
    while tick.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        let [cert, key] = if seconds % 2 == 0 { &again } else { &pairs };
        fs::write(&set.server_cert, cert).and_then(|()| fs::write(&set.server_key, key)).map_err(|e| e.to_string())?;
        gateway.signal("HUP");
        seconds += 1;
        if seconds % 30 == 0 {
            let [now, logins] = [&counts.now, &counts.logins].map(|count| count.load(Relaxed));
            println!("soak: {seconds} s: {now} are logged in, {logins} logins");
        }
        let is_calm = counts.nodes.iter().all(|node| node.changes.load(Relaxed) % 2 == 0);
        if is_calm && counts.now.load(Relaxed) as usize >= plan.connections * 98 / 100 {
            // The first losses, whose clients come all at once, belong to the warm-up.
            let from = *warm.get_or_insert(seconds);
            let is_warm = seconds > from + from / 2 + plan.time.as_secs() / 5;
            samples.extend(is_warm.then(|| (seconds, clients::resident(gateway.id()))));
        }
        if counts.failures.load(Relaxed) > 0 || begin.elapsed() >= plan.time {
            break;
        }
    }
    if samples.is_empty() && counts.failures.load(Relaxed) == 0 {
        return Err(format!("{} of {} were logged in at the end", counts.now.load(Relaxed), plan.connections));
    }
    Ok((samples, seconds))
}

/// Whether the memory stayed within 5 % of its median, or 25 % in a run that is too short for it to settle.
fn is_flat(plan: &SoakPlan, samples: &[Sample]) -> Result<(), String> {
    let bound = if plan.is_long() { 0.05 } else { 0.25 };
    let mut sorted: Vec<u64> = samples.iter().map(|(_, kib)| *kib).collect();
    sorted.sort_unstable();
    let (least, median, most) = (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    let spread = (most - median).max(median - least) as f64 / median as f64;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let course: Vec<String> = samples
        .iter()
        .step_by(samples.len().div_ceil(30))
        .map(|(at, kib)| format!("{at} s {:.0}", mib(*kib)))
        .collect();
    println!("soak: the gateway's memory in MiB: {}", course.join(", "));
    let said = format!(
        "the gateway's memory with all clients logged in, {} times: median {:.1} MiB, least {:.1}, most {:.1}: within {:.1} % (allowed {:.0} %)",
        samples.len(),
        mib(median),
        mib(least),
        mib(most),
        spread * 100.0,
        bound * 100.0
    );
    println!("soak: {said}");
    if spread <= bound { Ok(()) } else { Err(said) }
}

/// The end of a log.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
}

/// Asks the administration.
fn ask(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
