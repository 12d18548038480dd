//! The binary log: a file decoded, and the stream to a replica.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::{EventData, RowsEventData};
use mysql_common::binlog::value::BinlogValue;
use mysql_common::binlog::{BinlogFile, EventStreamReader};
use sealwire_binlog::{Body, Limits, Reader, Row, Value};
use sealwire_tests::server::{Kind, Server};

use super::cell;
use super::primary::{Primary, REPLICA_ACCOUNT};
use crate::Outcome;
use crate::measure::{Figure, processor_time};
use crate::report::{Table, ratio};
use crate::world::World;

/// The transactions of a log.
struct Shape {
    about: &'static str,
    /// Rows of each statement, and how many statements there are.
    rows: usize,
    statements: usize,
}

const SHAPES: [Shape; 2] = [
    Shape { about: "transactions of one row", rows: 1, statements: 50_000 },
    Shape { about: "statements of 1,000 rows", rows: 1000, statements: 500 },
];

/// One log, read by programs and by libraries.
pub(super) fn decode(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "binlog: the binary log of MariaDB 10.11, decoded",
        "Events per processor second, in thousands. *To text* is `sealwire-binlog -v FILE` and `mariadb-binlog -v FILE`, which print the \
         same text with each row's values, to /dev/null. *In memory* reads the same bytes, decodes each event and each value of each row of \
         (INT, VARCHAR of 24, DOUBLE, DATETIME), and adds up the first column, whose sum is checked; values are borrowed by us, owned by \
         mysql_common.",
        &["log", "work", "sealwire", "other", "", "sealwire / other"],
    );
    for Shape { about, rows, statements } in SHAPES {
        let primary = Primary::start(world, Kind::MariaDb)?;
        primary.insert(rows, statements)?;
        let file = primary.log_file();
        let bytes = std::fs::read(&file)?;
        let sum = (1..=(rows * statements) as i64).sum();
        let events = ours_in_memory(&bytes, sum)?.events as f64;
        let mut runs = [const { Vec::new() }; 4];
        for _ in 0..world.repeats() {
            let [our_tool, their_tool, ours, theirs] = &mut runs;
            our_tool.push(printed(&program("sealwire-binlog")?, &file)?);
            their_tool.push(printed(Path::new("mariadb-binlog"), &file)?);
            ours.push(ours_in_memory(&bytes, sum)?.time);
            theirs.push(theirs_in_memory(&bytes, sum)?.time);
        }
        let rates =
            runs.map(|runs| Figure::of(runs.into_iter().map(|time| events / time.as_secs_f64() / 1e3).collect()));
        let [our_tool, their_tool, ours, theirs] = rates;
        for (work, name, ours, theirs) in
            [("to text", "mariadb-binlog", our_tool, their_tool), ("in memory", "mysql_common", ours, theirs)]
        {
            world.record(format!("binlog {name} {rows}"), ours.median / theirs.median);
            table.rows.push(vec![
                about.to_owned(),
                work.to_owned(),
                cell(&ours, 0),
                cell(&theirs, 0),
                name.to_owned(),
                ratio(ours.median / theirs.median),
            ]);
        }
    }
    Ok(table)
}

/// One of our programs, as `cargo xtask bench` builds it.
fn program(name: &str) -> Outcome<PathBuf> {
    let folder =
        std::env::var_os("SEALWIRE_PROGRAMS").ok_or("SEALWIRE_PROGRAMS is not set; `cargo xtask bench` sets it")?;
    Ok(Path::new(&folder).join(name))
}

/// The processor time of a program that prints a log.
fn printed(program: &Path, file: &Path) -> Outcome<Duration> {
    let mut command = Command::new(program);
    if program.ends_with("mariadb-binlog") {
        command.arg("--no-defaults");
    }
    command.arg("-v").arg(file).stdin(Stdio::null()).stdout(Stdio::null());
    let before = children();
    let status = command.status()?;
    let used = children().saturating_sub(before);
    if status.success() { Ok(used) } else { Err(format!("{}: {status}", program.display()).into()) }
}

/// The processor time of the processes that this one has started and that have ended.
fn children() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    let Ok(used) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    Duration::from_micros(micros(used.user_time()) + micros(used.system_time()))
}

struct Read {
    events: usize,
    time: Duration,
}

impl Read {
    fn of(events: usize, since: Instant, sum: i64, wanted: i64) -> Outcome<Self> {
        let time = since.elapsed();
        if sum == wanted { Ok(Self { events, time }) } else { Err(format!("a sum of {sum}, not {wanted}").into()) }
    }
}

fn ours_in_memory(bytes: &[u8], wanted: i64) -> Outcome<Read> {
    let since = Instant::now();
    let mut reader = Reader::file(Limits::default());
    let (mut rest, mut events, mut sum) = (bytes, 0, 0);
    while let Some(event) = reader.next(&mut rest)? {
        events += 1;
        let body = event.decode()?;
        let Body::Rows(rows) = &body else {
            black_box(&body);
            continue;
        };
        let mut row = Row::default();
        let mut all = rows.iter().map_err(|problem| event.error(problem))?;
        while all.next_into(&mut row).map_err(|problem| event.error(problem))? {
            if let Some(Some(Value::Int(id))) = black_box(&row).after.first() {
                sum += *id;
            }
        }
    }
    Read::of(events, since, sum, wanted)
}

fn theirs_in_memory(bytes: &[u8], wanted: i64) -> Outcome<Read> {
    let since = Instant::now();
    let mut file = BinlogFile::new(BinlogVersion::Version4, bytes)?;
    let (mut events, mut sum) = (0, 0);
    while let Some(event) = file.next() {
        let event = event?;
        events += 1;
        // MariaDB's own events are unknown to it.
        if event.header().event_type().is_err() {
            continue;
        }
        let Some(data) = event.read_data()? else { continue };
        let EventData::RowsEvent(rows) = &data else {
            black_box(&data);
            continue;
        };
        sum += first_column(rows, file.reader())?;
    }
    Read::of(events, since, sum, wanted)
}

fn first_column(rows: &RowsEventData<'_>, reader: &EventStreamReader) -> Outcome<i64> {
    let table = reader.get_tme(rows.table_id()).ok_or("no table map")?;
    let mut sum = 0;
    for row in rows.rows(table) {
        let (_, after) = row?;
        let row = black_box(after).ok_or("no row")?;
        if let Some(BinlogValue::Value(mysql_common::Value::Int(id))) = row.as_ref(0) {
            sum += *id;
        }
    }
    Ok(sum)
}

/// The processor time of a primary that sends its log over TLS.
pub(super) fn dump(world: &World) -> Outcome<Table> {
    const ROWS: usize = 500;
    let statements = if world.quick { 500 } else { 2000 };
    let mut table = Table::new(
        "dump: a primary's processor time for the stream to a replica",
        "ns of the primary's process for each row of (INT, VARCHAR of 24, DOUBLE, DATETIME), over TLS 1.3 with the same cipher. Each primary \
         has written the rows itself, in statements of 500; `mariadb-binlog --raw` reads the whole log, twice unmeasured.",
        &["primary", "bytes of log a row", "ns a row", "MariaDB / it"],
    );
    let mut figures = Vec::new();
    let primaries = [Kind::Sealwired, Kind::MariaDb]
        .map(|kind| Primary::start(world, kind))
        .into_iter()
        .collect::<Outcome<Vec<_>>>()?;
    for primary in &primaries {
        primary.insert(ROWS, statements)?;
        for _ in 0..2 {
            dumped(world, primary)?;
        }
    }
    let mut runs = [const { Vec::new() }; 2];
    for _ in 0..world.repeats() {
        for (primary, runs) in primaries.iter().zip(&mut runs) {
            runs.push(dumped(world, primary)?.as_secs_f64() * 1e9 / (ROWS * statements) as f64);
        }
    }
    for (primary, runs) in primaries.iter().zip(runs) {
        let size = std::fs::metadata(primary.log_file())?.len() as f64 / (ROWS * statements) as f64;
        figures.push((primary.server.kind, size, Figure::of(runs)));
    }
    let theirs = figures.last().map_or(f64::NAN, |(_, _, figure)| figure.median);
    for (kind, size, figure) in &figures {
        world.record(format!("dump {}", kind.name()), figure.median);
        table.rows.push(vec![
            kind.name().to_owned(),
            format!("{size:.1}"),
            cell(figure, 0),
            ratio(theirs / figure.median),
        ]);
    }
    Ok(table)
}

/// The primary's processor time for one reading of its whole log.
fn dumped(world: &World, primary: &Primary) -> Outcome<Duration> {
    let (user, password) = REPLICA_ACCOUNT;
    let place = tempfile::tempdir()?;
    let server: &Server = &primary.server;
    let before = processor_time(server.id())?;
    let output = Command::new("mariadb-binlog")
        .args(["--no-defaults", "--read-from-remote-server", "--raw", "--host=127.0.0.1", "--ssl-verify-server-cert"])
        .arg(format!("--user={user}"))
        .arg(format!("--password={password}"))
        .arg(format!("--port={}", server.port))
        .arg(format!("--ssl-ca={}", world.certificates(crate::world::Key::P256).join("ca.pem").display()))
        .arg(format!("--result-file={}/", place.path().display()))
        .arg(primary.log_name())
        .output()?;
    if !output.status.success() {
        return Err(format!("mariadb-binlog: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let copied = std::fs::metadata(place.path().join(primary.log_name()))?.len();
    if copied != std::fs::metadata(primary.log_file())?.len() {
        return Err(format!("{copied} bytes of the log of {} were copied, not all", server.kind.name()).into());
    }
    Ok(processor_time(server.id())?.saturating_sub(before))
}
