//! Big results: rows and values, by each client.

use super::{Case, cell, in_turn};
use crate::Outcome;
use crate::job::{BULK_VALUE, Security, Work};
use crate::report::{Table, ratio};
use crate::world::{Key, World};

const DRIVERS: [&str; 5] = ["sealwire", "mysql", "mysql_async", "sqlx", "libmariadb"];

/// Client's processor time per row of a text result.
pub(super) fn rows(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "rows: client processor time per row",
        "ns of the client's process per row of a text result from MariaDB 10.11: (INT, VARCHAR of 24, DOUBLE), each row read into \
         (i64, text, f64), the sum checked.",
        &["client", "plain", "other / sealwire", "TLS 1.3", "other / sealwire"],
    );
    let server = world.server("mariadbd", Key::P256, true)?;
    let count = if world.quick { 200_000 } else { 1_000_000 };
    let mut columns = Vec::new();
    for security in [Security::Plain, Security::Tls13] {
        let cases: Vec<Case<'_>> = DRIVERS
            .iter()
            .map(|driver| Case {
                driver,
                server: &server,
                key: Key::P256,
                security,
                work: Work::Rows,
                at_once: 1,
                count,
            })
            .collect();
        columns.push(in_turn(world, &cases, |run, case| run.client.as_secs_f64() * 1e9 / case.count as f64)?);
    }
    let [plain, secure] = columns.as_slice() else { return Err("two columns".into()) };
    let first = |figures: &[crate::measure::Figure]| figures.first().map_or(f64::NAN, |figure| figure.median);
    for ((driver, plain_cell), secure_cell) in DRIVERS.iter().zip(plain).zip(secure) {
        table.rows.push(vec![
            (*driver).to_owned(),
            cell(plain_cell, 0),
            ratio(plain_cell.median / first(plain)),
            cell(secure_cell, 0),
            ratio(secure_cell.median / first(secure)),
        ]);
    }
    Ok(table)
}

/// Large values over TLS.
pub(super) fn bulk(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "bulk: values of 16 MB over TLS 1.3",
        "MB per second of wall time from MariaDB 10.11 and from sealwired, and MB per second of the client's own processor time.",
        &["client", "server", "MB/s", "MB per client processor second"],
    );
    let (sealwired, mariadb) =
        (world.server("sealwired", Key::P256, false)?, world.server("mariadbd", Key::P256, false)?);
    let count = if world.quick { 4 } else { 16 };
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
            work: Work::Bulk,
            at_once: 1,
            count,
        })
        .collect();
    let megabytes = |case: &Case<'_>| (case.count * BULK_VALUE) as f64 / 1e6;
    let wall = in_turn(world, &cases, |run, case| megabytes(case) / run.wall.as_secs_f64())?;
    let own = in_turn(world, &cases, |run, case| megabytes(case) / run.client.as_secs_f64())?;
    for (((driver, server, _), wall), own) in pairs.iter().zip(&wall).zip(&own) {
        table.rows.push(vec![(*driver).to_owned(), (*server).to_owned(), cell(wall, 0), cell(own, 0)]);
    }
    Ok(table)
}
