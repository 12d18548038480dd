//! The cost of a small query for a server.

use super::{Case, cell, in_turn, micros};
use crate::Outcome;
use crate::job::{AT_A_TIME, Security, Work};
use crate::report::{Table, ratio};
use crate::world::{Key, World};

/// Server's processor time per `SELECT 1`.
pub(super) fn servers(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "queries: server processor time per SELECT 1",
        "µs of the server's process, by our client. opensrv has no SQL: it answers a constant, without parsing.",
        &["", "connections", "sealwired", "MariaDB 10.11", "opensrv", "MariaDB / sealwired", "opensrv / sealwired"],
    );
    let servers = ["sealwired", "mariadbd", "opensrv"];
    let servers = servers.iter().map(|name| world.server(name, Key::P256, false)).collect::<Outcome<Vec<_>>>()?;
    let count = if world.quick { 20_000 } else { 100_000 };
    let pipelined = |at_once| (Work::Pipelined, at_once);
    let single = |at_once| (Work::Query, at_once);
    for (security, (work, at_once)) in [Security::Plain, Security::Tls13]
        .into_iter()
        .flat_map(|security| [single(1), single(64), single(1000), pipelined(1)].map(|load| (security, load)))
    {
        let count = if at_once == 1 && work == Work::Query { count / 5 } else { count };
        // opensrv takes the next statement only after the answer to the one before has been read.
        let measured = if work == Work::Pipelined { 2 } else { 3 };
        let cases: Vec<Case<'_>> = servers
            .iter()
            .take(measured)
            .map(|server| Case { driver: "sealwire", server, key: Key::P256, security, work, at_once, count })
            .collect();
        let figures = in_turn(world, &cases, |run, case| micros(run.server, case.count))?;
        let [ours, theirs, others @ ..] = figures.as_slice() else { return Err("two figures or three".into()) };
        let third = others.first();
        let place = format!("{} {} {at_once}", work.name(), security.name());
        for (who, figure) in [("sealwired", Some(ours)), ("mariadb", Some(theirs)), ("opensrv", third)] {
            if let Some(figure) = figure {
                world.record(format!("{place} {who}"), figure.median);
            }
        }
        table.rows.push(vec![
            security.name().to_owned(),
            if work == Work::Pipelined { format!("{at_once}, {AT_A_TIME} at a time") } else { at_once.to_string() },
            cell(ours, 1),
            cell(theirs, 1),
            third.map_or_else(String::new, |third| cell(third, 1)),
            ratio(theirs.median / ours.median),
            third.map_or_else(String::new, |third| ratio(third.median / ours.median)),
        ]);
    }
    Ok(table)
}
