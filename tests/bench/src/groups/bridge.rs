//! The bridge beside a relay that knows nothing of WebSockets, between native ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sealwire_tests::bridge::Bridge;
use sealwire_tests::websocket::{Opening, Tunnel};

use super::cell;
use crate::Outcome;
use crate::measure::{Figure, KillOnDrop, processor_time};
use crate::report::{Table, ratio};
use crate::world::World;

/// Bytes that the ends write and read at a time, and that are a frame's payload.
const PIECE: usize = 64 * 1024;
/// A client's frame of that size begins so: final, binary, masked, a length of eight bytes, and a mask of zeros, with which masking
/// costs the end nothing and the bridge what it always does.
const FRAME: [u8; 14] = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// Megabytes per second both ways, and what WebSockets cost that nobody uses.
pub(super) fn relay(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "bridge: beside a plain TCP relay",
        "MB per second of wall time between native ends that do the same on both (64 KiB at a time, frames made beforehand and not \
         looked into), and MB per second of the relay's own processor time. The relay reads and writes 64 KiB at a time, a thread for \
         each direction.",
        &["", "bridge", "relay", "bridge / relay", "bridge, per processor second", "relay, per processor second"],
    );
    let volume = if world.quick { 512_000_000 } else { 4_000_000_000_usize };
    for (name, way) in [("to the client", Way::Down), ("to the server", Way::Up)] {
        let mut figures = [const { Vec::new() }; 4];
        for _ in 0..world.repeats() {
            let (port, far) = far_end(way, volume)?;
            let bridge = Bridge::to(port, &[]);
            let tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
            let (wall, own) = near_end(tunnel.socket.get_ref(), way, volume, Some(&FRAME), bridge.id())?;
            far.join().map_err(|_| "the far end panicked")??;
            let (port, far) = far_end(way, volume)?;
            let relay = plain(port)?;
            let (wall_plain, own_plain) =
                near_end(&TcpStream::connect(("127.0.0.1", relay.1))?, way, volume, None, relay.0.0.id())?;
            far.join().map_err(|_| "the far end panicked")??;
            let values = [wall, wall_plain, own, own_plain].map(|time| volume as f64 / 1e6 / time.as_secs_f64());
            figures.iter_mut().zip(values).for_each(|(figures, value)| figures.push(value));
        }
        let [wall, wall_plain, own, own_plain] = figures.map(Figure::of);
        world.record(format!("bridge {name}"), wall.median / wall_plain.median);
        table.rows.push(vec![
            name.to_owned(),
            cell(&wall, 0),
            cell(&wall_plain, 0),
            ratio(wall.median / wall_plain.median),
            cell(&own, 0),
            cell(&own_plain, 0),
        ]);
    }
    table.rows.push(idle(world)?);
    Ok(table)
}

/// The cost of a thousand idle WebSockets.
fn idle(world: &World) -> Outcome<Vec<String>> {
    const SOCKETS: usize = 1000;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let accepting = std::thread::spawn(move || listener.incoming().take(SOCKETS).collect::<Result<Vec<_>, _>>());
    let bridge = Bridge::to(port, &["--max-connections=2000", "--max-connections-per-address=2000"]);
    let sockets: Vec<_> = (0..SOCKETS).map(|_| Tunnel::open(bridge.port, &Opening::target("db"))).collect();
    let _targets = accepting.join().map_err(|_| "the target panicked")??;
    let span = Duration::from_secs(if world.quick { 5 } else { 20 });
    let before = processor_time(bridge.id())?;
    std::thread::sleep(span);
    let used = processor_time(bridge.id())?.saturating_sub(before);
    drop(sockets);
    let each = used.as_secs_f64() * 1e6 / span.as_secs_f64() / SOCKETS as f64;
    world.record("bridge idle", each);
    let said = format!("{each:.1} µs of processor time per second");
    Ok(vec![
        format!("{SOCKETS} idle WebSockets, each"),
        said,
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

type Far = std::thread::JoinHandle<std::io::Result<()>>;

/// A server that sends or receives a number of bytes.
fn far_end(way: Way, volume: usize) -> Outcome<(u16, Far)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut piece = vec![0; PIECE];
        match way {
            Way::Down => (0..volume / PIECE).try_for_each(|_| stream.write_all(&piece)),
            Way::Up => (0..volume / PIECE).try_for_each(|_| stream.read_exact(&mut piece)),
        }
        // By the end the client learns that all has arrived.
    });
    Ok((port, thread))
}

/// The client: wall time, and processor time of the process in between.
fn near_end(
    mut stream: &TcpStream,
    way: Way,
    volume: usize,
    frame: Option<&[u8]>,
    between: u32,
) -> Outcome<(Duration, Duration)> {
    let before = processor_time(between)?;
    let since = Instant::now();
    let mut piece = frame.unwrap_or_default().to_vec();
    piece.resize(piece.len() + PIECE, 0);
    if way == Way::Up {
        (0..volume / PIECE).try_for_each(|_| stream.write_all(&piece))?;
    }
    while stream.read(&mut piece)? > 0 {}
    Ok((since.elapsed(), processor_time(between)?.saturating_sub(before)))
}

/// The plain relay as a process of its own, and its port.
fn plain(target: u16) -> Outcome<(KillOnDrop, u16)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut process = KillOnDrop(command.args(["relay", &target.to_string()]).stdout(Stdio::piped()).spawn()?);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(process.0.stdout.take().ok_or("no output")?), &mut line)?;
    Ok((process, line.trim().parse()?))
}

/// The process without TLS: relays one connection, then ends.
pub(crate) fn serve_plain(target: &str) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    let (client, _) = listener.accept()?;
    let server = TcpStream::connect(("127.0.0.1", target.parse()?))?;
    let pass = |mut from: &TcpStream, mut to: &TcpStream| -> std::io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            match from.read(&mut piece)? {
                0 => return to.shutdown(std::net::Shutdown::Write),
                read => to.write_all(piece.get(..read).unwrap_or_default())?,
            }
        }
    };
    std::thread::scope(|scope| {
        let up = scope.spawn(|| pass(&client, &server));
        let down = pass(&server, &client);
        up.join().map_err(|_| "a relaying thread panicked")?.and(down).map_err(Into::into)
    })
}
