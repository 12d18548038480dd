//! The gateway beside other programs between clients and a server: what each adds to a query, a connection and a row, and what it takes.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::daemon::Daemon;
use sealwire_tests::programs::program;

use super::cell;
use super::idle::IdleClients;
use crate::Outcome;
use crate::job::{Job, Security, WIDE, Work};
use crate::measure::{Figure, KillOnDrop, processor_time, resident};
use crate::report::Table;
use crate::world::{Key, Running, World};

/// Idle sessions at which memory is measured.
const IDLE: usize = 1000;

/// A program between clients and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// None: clients connect to the server.
    Direct,
    Gateway,
    HaProxy,
    Nginx,
    /// Two ends of a tunnel, with plaintext before and behind it.
    HaProxyPair,
    StunnelPair,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Direct, Self::Gateway, Self::HaProxy, Self::Nginx, Self::HaProxyPair, Self::StunnelPair];

    const fn name(self) -> &'static str {
        match self {
            Self::Direct => "none: the client's TLS ends at the server",
            Self::Gateway => "sealwire-gateway, TLS on both legs",
            Self::HaProxy => "HAProxy, bytes passed through",
            Self::Nginx => "nginx stream, bytes passed through",
            Self::HaProxyPair => "HAProxy, a pair with TLS between",
            Self::StunnelPair => "stunnel, a pair with TLS between",
        }
    }

    /// The client's own TLS.
    const fn security(self) -> Security {
        match self {
            Self::HaProxyPair | Self::StunnelPair => Security::Plain,
            Self::Direct | Self::Gateway | Self::HaProxy | Self::Nginx => Security::Tls13,
        }
    }
}

/// A running program between clients and the server.
struct Between {
    kind: Kind,
    port: u16,
    process: Option<Process>,
}

enum Process {
    Ours(Daemon),
    Other(KillOnDrop),
}

impl Between {
    fn start(kind: Kind, world: &World, server: &Running, place: &Path) -> Outcome<Self> {
        let set = CertificateSet::in_folder(&world.certificates(Key::P256));
        let target = server.port();
        let (process, port) = match kind {
            Kind::Direct => (None, target),
            Kind::Gateway => {
                let gateway = gateway(&set, target)?;
                let port = gateway.port;
                (Some(Process::Ours(gateway)), port)
            }
            Kind::HaProxy | Kind::Nginx | Kind::HaProxyPair | Kind::StunnelPair => {
                let port = free_port()?;
                let (command, settings) = other(kind, &set, port, target, place)?;
                (Some(Process::Other(started(command, &settings, port)?)), port)
            }
        };
        Ok(Self { kind, port, process })
    }

    /// The process and its children, because nginx works in those.
    fn processes(&self) -> Outcome<Vec<u32>> {
        let Some(process) = &self.process else { return Ok(Vec::new()) };
        let first = match process {
            Process::Ours(gateway) => gateway.id(),
            Process::Other(other) => other.0.id(),
        };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?;
        let children = children.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
        Ok([vec![first], children].concat())
    }

    fn processor_time(&self) -> Outcome<Duration> {
        self.processes()?.into_iter().map(processor_time).sum()
    }

    fn resident(&self) -> Outcome<u64> {
        self.processes()?.into_iter().map(resident).sum()
    }
}

/// Starts the gateway as its operator would, with room for the idle sessions.
fn gateway(set: &CertificateSet, target: u16) -> Outcome<Daemon> {
    let mut command = Command::new(program("sealwire-gateway"));
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--max-connections=20000"]);
    command.arg(format!("--ssl-cert={}", set.server_cert.display()));
    command.arg(format!("--ssl-key={}", set.server_key.display()));
    command.arg(format!("--server-ssl-ca={}", set.ca.display()));
    Ok(Daemon::start(command.arg(format!("--server=127.0.0.1:{target}")))?)
}

/// The command and the settings of another program, by its defaults where it has some.
fn other(kind: Kind, set: &CertificateSet, port: u16, target: u16, place: &Path) -> Outcome<(Command, String)> {
    let middle = free_port()?;
    let file = place.join(format!("{kind:?}.conf"));
    let (cert, key, ca) = (set.server_cert.display(), set.server_key.display(), set.ca.display());
    let pem = place.join("both.pem");
    fs::write(&pem, [fs::read(&set.server_cert)?, fs::read(&set.server_key)?].concat())?;
    let pem = pem.display();
    let haproxy = "global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 10s\n  timeout client 10m\n  timeout server 10m\n";
    let (program, words, settings) = match kind {
        Kind::Nginx => {
            let place = place.display();
            let text = format!(
                "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\nworker_processes auto;\n\
                 pid {place}/nginx.pid;\nerror_log stderr error;\nevents {{ worker_connections 20000; }}\n\
                 stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{target}; }} }}\n"
            );
            ("/usr/sbin/nginx", vec!["-c".to_owned(), file.display().to_string()], text)
        }
        Kind::StunnelPair => {
            let text = format!(
                "foreground = yes\npid =\nsyslog = no\ndebug = err\n\
                 [near]\nclient = yes\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{middle}\nCAfile = {ca}\nverifyChain = yes\ncheckIP = 127.0.0.1\n\
                 [far]\naccept = 127.0.0.1:{middle}\nconnect = 127.0.0.1:{target}\ncert = {cert}\nkey = {key}\n"
            );
            ("/usr/bin/stunnel4", vec![file.display().to_string()], text)
        }
        Kind::HaProxyPair => {
            let text = format!(
                "{haproxy}listen near\n  bind 127.0.0.1:{port}\n  server far 127.0.0.1:{middle} ssl verify required ca-file {ca} verifyhost localhost\n\
                 listen far\n  bind 127.0.0.1:{middle} ssl crt {pem}\n  server db 127.0.0.1:{target}\n"
            );
            ("/usr/sbin/haproxy", vec!["-db".to_owned(), "-f".to_owned(), file.display().to_string()], text)
        }
        Kind::HaProxy | Kind::Direct | Kind::Gateway => {
            let text = format!("{haproxy}listen near\n  bind 127.0.0.1:{port}\n  server db 127.0.0.1:{target}\n");
            ("/usr/sbin/haproxy", vec!["-db".to_owned(), "-f".to_owned(), file.display().to_string()], text)
        }
    };
    fs::write(&file, &settings)?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    Ok((command, settings))
}

/// Starts the program, and waits until it listens.
fn started(mut command: Command, settings: &str, port: u16) -> Outcome<KillOnDrop> {
    let mut process = KillOnDrop(command.spawn()?);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = process.0.try_wait()? {
            return Err(format!("{command:?} ended with {status}; its settings:\n{settings}").into());
        }
        std::thread::yield_now();
    }
    Ok(process)
}

fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The table.
pub(super) fn beside_others(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "gateway: beside HAProxy, nginx and stunnel",
        "MariaDB 10.11 behind each program, TLS 1.3 with ECDSA P-256, our client. HAProxy and nginx relay the client's TLS and see nothing of it; \
         a pair has the client's plaintext before it, the server's behind it and TLS between its two ends, both on this machine; the gateway ends \
         TLS and verifies the server by TLS again. A row has a text of 1,000 bytes. *µs a …* is the program's processor time, both ends of a pair together. The median of SELECT 1 \
         is of one connection; each new connection makes a full handshake. Idle sessions have logged in and run SELECT 1: KB of 1024 bytes of the \
         program's resident memory, both legs.",
        &[
            "between client and server",
            "SELECT 1, median µs",
            "SELECT 1/s, 16 connections",
            "µs a query",
            "connects/s, 8 at once",
            "µs a connect",
            "rows, MB/s",
            "µs a MB",
            "KB an idle session",
        ],
    );
    let server = world.server("mariadbd", Key::P256, false)?;
    let place = tempfile::tempdir()?;
    let all = Kind::ALL.map(|kind| Between::start(kind, world, &server, place.path()));
    let all = all.into_iter().collect::<Outcome<Vec<_>>>()?;
    // First, because a process that has served others has memory to give to further sessions.
    let memory = all.iter().map(|between| kilobytes(world, between)).collect::<Outcome<Vec<_>>>()?;
    let (queries, connects, rows) = if world.quick { (20_000, 400, 300_000) } else { (100_000, 2400, 2_000_000) };
    let medians = medians(world, &all)?;
    let asked = loads(world, &server, &all, Work::Query, 16, queries)?;
    let connected = loads(world, &server, &all, Work::Connect, 8, connects)?;
    let read = loads(world, &server, &all, Work::WideRows, 1, rows)?;
    let figures = medians.iter().zip(&asked).zip(&connected).zip(&read).zip(&memory);
    for (between, ((((median, asked), connected), read), memory)) in all.iter().zip(figures) {
        let name = |figure: &str| format!("gateway {figure} {:?}", between.kind);
        let megabyte = 1e6 / WIDE as f64;
        world.record(name("median"), median.median);
        world.record(name("queries"), asked.rate.median);
        world.record(name("connects"), connected.rate.median);
        world.record(name("rows"), read.rate.median);
        world.record(name("idle"), *memory);
        let has_process = between.process.is_some();
        let own = |text: String| if has_process { text } else { String::new() };
        table.rows.push(vec![
            between.kind.name().to_owned(),
            cell(median, 1),
            cell(&asked.rate, 0),
            own(cell(&asked.cost, 1)),
            cell(&connected.rate, 0),
            own(cell(&connected.cost, 0)),
            cell(&read.rate.times(1.0 / megabyte), 0),
            own(cell(&read.cost.times(megabyte), 0)),
            own(format!("{memory:.1}")),
        ]);
    }
    Ok(table)
}

/// The median time of SELECT 1 on one connection, in µs.
fn medians(world: &World, all: &[Between]) -> Outcome<Vec<Figure>> {
    let count = if world.quick { 3000 } else { 20_000 };
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..world.repeats() {
        for (between, times) in all.iter().zip(&mut times) {
            let mut one = IdleClients::new(world, between.port, between.kind.security() != Security::Plain)?;
            one.grow(1)?;
            let client = one.clients.first_mut().ok_or("no client")?;
            let mut each = Vec::with_capacity(count);
            for _ in 0..count {
                let since = Instant::now();
                client.query("SELECT 1")?.next()?.ok_or("no row")?;
                each.push(since.elapsed().as_secs_f64() * 1e6);
            }
            times.push(Figure::of(each).median);
        }
    }
    Ok(times.into_iter().map(Figure::of).collect())
}

/// The figures of a load.
struct Load {
    /// How often per second.
    rate: Figure,
    /// µs of the program's processor time for each.
    cost: Figure,
}

/// Runs the load through all programs in turn.
fn loads(
    world: &World,
    server: &Running,
    all: &[Between],
    work: Work,
    at_once: usize,
    count: usize,
) -> Outcome<Vec<Load>> {
    let mut figures = vec![(Vec::new(), Vec::new()); all.len()];
    for _ in 0..world.repeats() {
        for (between, (rates, costs)) in all.iter().zip(&mut figures) {
            let (security, port) = (between.kind.security(), between.port);
            let job = Job { work, security, port, at_once, count, certificates: world.certificates(Key::P256) };
            let before = between.processor_time()?;
            let run = world.client("sealwire", server, &job);
            let run = run.map_err(|error| format!("{}, {}: {error}", between.kind.name(), work.name()))?;
            rates.push(count as f64 / run.wall.as_secs_f64());
            costs.push(super::micros(between.processor_time()?.saturating_sub(before), count));
        }
    }
    Ok(figures.into_iter().map(|(rates, costs)| Load { rate: Figure::of(rates), cost: Figure::of(costs) }).collect())
}

/// The growth of the program's memory by each idle session.
fn kilobytes(world: &World, between: &Between) -> Outcome<f64> {
    let mut crowd = IdleClients::new(world, between.port, between.kind.security() != Security::Plain)?;
    let before = between.resident()?;
    crowd.grow(IDLE)?;
    Ok(between.resident()?.saturating_sub(before) as f64 / 1024.0 / IDLE as f64)
}
