//! A replica: how fast it applies, and how far it is behind.

use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::{Kind, Server, Settings};

use super::cell;
use super::primary::{Primary, REPLICA_ACCOUNT, sql};
use crate::Outcome;
use crate::measure::{Figure, processor_time};
use crate::report::{Table, ratio};
use crate::world::{Key, World};

const KINDS: [Kind; 2] = [Kind::Sealwired, Kind::MariaDb];

/// A replica without a log of its own, which verifies its primary over TLS 1.3.
fn replica(world: &World, kind: Kind, primary: &Primary) -> Outcome<Server> {
    let (user, password) = REPLICA_ACCOUNT;
    let set = CertificateSet::in_folder(&world.certificates(Key::P256));
    let statements = vec![
        kind.create_user("bench", "mysql_native_password", "bench", "NONE"),
        "GRANT ALL ON *.* TO 'bench'@'%';".to_owned(),
    ];
    let options = vec!["--server-id=2".to_owned()];
    let server =
        Server::start(kind, &Settings { certificates: Some(set.clone()), statements, options, ..Settings::default() })?;
    sql(
        &server,
        &format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='{user}', MASTER_PASSWORD='{password}', MASTER_SSL=1, \
             MASTER_SSL_CA='{}', MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_LOG_FILE='{}', MASTER_LOG_POS=4",
            primary.server.port,
            set.ca.display(),
            primary.log_name(),
        ),
    )?;
    Ok(server)
}

/// Waits until the replica has applied all.
fn wait(primary: &Primary, replica: &Server) -> Outcome {
    let end = primary.sql("SHOW MASTER STATUS")?;
    let mut fields = end.split_whitespace();
    let (file, position) = fields.next().zip(fields.next()).ok_or("no position")?;
    let waited = sql(replica, &format!("SELECT MASTER_POS_WAIT('{file}', {position}, 300)"))?;
    match waited.trim().parse::<i64>() {
        Ok(0..) => Ok(()),
        _ => {
            let status = sql(replica, "SHOW SLAVE STATUS")?;
            Err(format!("{} did not reach the end: {waited}: {status}", replica.kind.name()).into())
        }
    }
}

/// Rows applied per second.
pub(super) fn applied(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "apply: a replica that catches up",
        "A primary of MariaDB 10.11 has rows of (INT, VARCHAR of 24, DOUBLE, DATETIME) in its log; the replica, without a log of its own, \
         begins from nothing over TLS 1.3. Rows per second of wall time until it has all, receiving included, and µs of the replica's process \
         for a row. MariaDB waits for the disk at each commit; sealwired, whose rows and position go together, does not.",
        &["log", "replica", "rows/s", "µs a row", "sealwired / MariaDB, rows/s"],
    );
    let factor = if world.quick { 1 } else { 4 };
    for (about, rows, statements) in
        [("transactions of one row", 1, 10_000 * factor), ("statements of 500 rows", 500, 200 * factor)]
    {
        let primary = Primary::start(world, Kind::MariaDb)?;
        primary.insert(rows, statements)?;
        let count = rows * statements;
        let mut runs = [const { (Vec::new(), Vec::new()) }; 2];
        for _ in 0..world.repeats() {
            for (kind, (rates, times)) in KINDS.into_iter().zip(&mut runs) {
                let replica = replica(world, kind, &primary)?;
                let (before, since) = (processor_time(replica.id())?, Instant::now());
                sql(&replica, "START SLAVE")?;
                wait(&primary, &replica)?;
                let (wall, used) = (since.elapsed(), processor_time(replica.id())?.saturating_sub(before));
                let found = sql(&replica, "SELECT COUNT(*) FROM bench.l")?;
                if found.trim() != count.to_string() {
                    return Err(format!("{}: {} rows of {count}", kind.name(), found.trim()).into());
                }
                rates.push(count as f64 / wall.as_secs_f64());
                times.push(used.as_secs_f64() * 1e6 / count as f64);
            }
        }
        let figures = runs.map(|(rates, times)| (Figure::of(rates), Figure::of(times)));
        let [(ours, _), (theirs, _)] = &figures;
        let gained = ours.median / theirs.median;
        world.record(format!("apply {rows}"), gained);
        for (kind, (rate, time)) in KINDS.into_iter().zip(&figures) {
            let gained = if kind == Kind::Sealwired { ratio(gained) } else { String::new() };
            table.rows.push(vec![about.to_owned(), kind.name().to_owned(), cell(rate, 0), cell(time, 2), gained]);
        }
    }
    Ok(table)
}

/// The time from a commit at the primary until its row is seen at the replica.
pub(super) fn lag(world: &World) -> Outcome<Table> {
    const PACE: Duration = Duration::from_micros(2500);
    let mut table = Table::new(
        "lag: from a commit to the row at the replica",
        "ms from the answer to a commit at a primary of MariaDB 10.11 until a reader sees the row at the replica, over TLS 1.3. One client \
         inserts 400 rows per second, each a transaction; one asks the replica again and again for the largest number, which is what a \
         difference below some 0.3 ms disappears in.",
        &["replica", "median", "99 of 100 within", "longest"],
    );
    let count = if world.quick { 2000 } else { 8000 };
    for kind in KINDS {
        let primary = Primary::start(world, Kind::MariaDb)?;
        let replica = replica(world, kind, &primary)?;
        sql(&replica, "START SLAVE")?;
        wait(&primary, &replica)?;
        let mut reader = connect(OptsBuilder::new().user(Some("bench")).pass(Some("bench")).socket(socket(&replica)))?;
        let mut writer = connect(OptsBuilder::new().user(Some("root")).socket(socket(&primary.server)))?;
        let writing = thread::spawn(move || -> Result<Vec<Instant>, mysql::Error> {
            let mut committed = Vec::with_capacity(count);
            let begun = Instant::now();
            for id in 1..=count {
                thread::sleep((PACE * id as u32).saturating_sub(begun.elapsed()));
                writer.query_drop(format!(
                    "INSERT INTO bench.l VALUES ({id}, '{id:x>24}', 0.25, '2026-11-29 12:34:56')"
                ))?;
                committed.push(Instant::now());
            }
            Ok(committed)
        });
        let mut seen = Vec::with_capacity(count);
        while seen.len() < count {
            let largest: Option<usize> = reader.query_first("SELECT MAX(id) FROM bench.l")?.ok_or("no row")?;
            let now = Instant::now();
            seen.resize(seen.len().max(largest.unwrap_or_default()), now);
        }
        let committed = writing.join().map_err(|_| "the writer panicked")??;
        let mut lags: Vec<f64> = seen
            .iter()
            .zip(committed)
            .map(|(seen, at)| seen.saturating_duration_since(at).as_secs_f64() * 1e3)
            .collect();
        lags.sort_by(f64::total_cmp);
        let at = |part: f64| lags.get((lags.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN);
        world.record(format!("lag {}", kind.name()), at(0.5));
        let longest = lags.last().copied().unwrap_or(f64::NAN);
        table.rows.push(vec![
            kind.name().to_owned(),
            format!("{:.2}", at(0.5)),
            format!("{:.2}", at(0.99)),
            format!("{longest:.1}"),
        ]);
    }
    Ok(table)
}

fn socket(server: &Server) -> Option<String> {
    Some(server.socket.display().to_string())
}

fn connect(options: OptsBuilder) -> Outcome<Conn> {
    Ok(Conn::new(options)?)
}
