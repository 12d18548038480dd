//! Big results: rows and values, by each client.

use std::time::Duration;

use super::{Case, cell, in_turn, runs};
use crate::Outcome;
use crate::job::{BULK_VALUE, Security, Work};
use crate::measure::{Figure, Run};
use crate::report::{Table, ratio};
use crate::world::{Key, ROWS, World};

const DRIVERS: [&str; 5] = ["sealwire", "mysql", "mysql_async", "sqlx", "libmariadb"];

/// Client's processor time per row.
pub(super) fn rows(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "rows: client processor time per row",
        "ns of the client's process per row of a result from MariaDB 10.11: (INT, VARCHAR of 24, DOUBLE), each row read into \
         (i64, text, f64), the sum checked; connecting is part of it. libmariadb reads text with strtod, and binary rows into \
         bound buffers.",
        &[
            "client",
            "text, plain",
            "other / sealwire",
            "text, TLS 1.3",
            "other / sealwire",
            "binary, TLS 1.3",
            "other / sealwire",
        ],
    );
    let server = world.server("mariadbd", Key::P256, true)?;
    let count = ROWS;
    let mut columns = Vec::new();
    for (security, work) in
        [(Security::Plain, Work::Rows), (Security::Tls13, Work::Rows), (Security::Tls13, Work::BinaryRows)]
    {
        let cases: Vec<Case<'_>> = DRIVERS
            .iter()
            .map(|driver| Case { driver, server: &server, key: Key::P256, security, work, at_once: 1, count })
            .collect();
        let figures = in_turn(world, &cases, |run, case| run.client.as_secs_f64() * 1e9 / case.count as f64)?;
        for (case, figure) in cases.iter().zip(&figures) {
            world.record(format!("{} {} {}", work.name(), security.name(), case.driver), figure.median);
        }
        columns.push(figures);
    }
    for (at, driver) in DRIVERS.iter().enumerate() {
        let mut row = vec![(*driver).to_owned()];
        for column in &columns {
            let (ours, figure) = (column.first(), column.get(at));
            row.push(figure.map_or_else(String::new, |figure| cell(figure, 0)));
            row.push(ours.zip(figure).map_or_else(String::new, |(ours, figure)| ratio(figure.median / ours.median)));
        }
        table.rows.push(row);
    }
    Ok(table)
}

/// Large values over TLS, both ways.
pub(super) fn bulk(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "bulk: values of 16 MB over TLS 1.3",
        "MB per second of wall time, one value after the other; MB per second of the client's own processor time, and of the client's and \
         the server's together. *down* is SELECT REPEAT(…), which the server's engine makes; *up* is a parameter of a prepared statement, \
         of which the server answers the length.",
        &["client", "server", "way", "MB/s", "MB per client processor second", "MB per processor second of both"],
    );
    let (sealwired, mariadb) =
        (world.server("sealwired", Key::P256, false)?, world.server("mariadbd", Key::P256, false)?);
    let count = if world.quick { 8 } else { 32 };
    for (way, work) in [("down", Work::Bulk), ("up", Work::Upload)] {
        let pairs: Vec<(&str, &str, _)> = DRIVERS
            .iter()
            .map(|driver| (*driver, "MariaDB", &mariadb))
            .chain([("sealwire", "sealwired", &sealwired)])
            .collect();
        let cases: Vec<Case<'_>> = pairs
            .iter()
            .map(|&(driver, _, server)| Case {
                driver,
                server,
                key: Key::P256,
                security: Security::Tls13,
                work,
                at_once: 1,
                count,
            })
            .collect();
        let megabytes = (count * BULK_VALUE) as f64 / 1e6;
        for ((driver, server, _), runs) in pairs.iter().zip(runs(world, &cases)?) {
            let figure = |time: fn(&Run) -> Duration| {
                Figure::of(runs.iter().map(|run| megabytes / time(run).as_secs_f64()).collect())
            };
            let (wall, own, both) =
                (figure(|run| run.wall), figure(|run| run.client), figure(|run| run.client + run.server));
            world.record(format!("bulk {way} {driver} {server}"), wall.median);
            world.record(format!("bulk {way} {driver} {server} both"), both.median);
            let names = [*driver, *server, way].map(str::to_owned);
            table.rows.push([names.to_vec(), vec![cell(&wall, 0), cell(&own, 0), cell(&both, 0)]].concat());
        }
    }
    Ok(table)
}
