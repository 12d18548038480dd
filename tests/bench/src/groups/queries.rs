//! What a small query costs a server.

use super::{Case, cell, in_turn, micros};
use crate::Outcome;
use crate::job::{Security, Work};
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
    for (security, at_once) in
        [(Security::Plain, 1), (Security::Plain, 64), (Security::Tls13, 1), (Security::Tls13, 64)]
    {
        let count = if at_once == 1 { count / 5 } else { count };
        let cases: Vec<Case<'_>> = servers
            .iter()
            .map(|server| Case {
                driver: "sealwire",
                server,
                key: Key::P256,
                security,
                work: Work::Query,
                at_once,
                count,
            })
            .collect();
        let figures = in_turn(world, &cases, |run, case| micros(run.server, case.count))?;
        let [ours, theirs, third] = figures.as_slice() else { return Err("three figures".into()) };
        table.rows.push(vec![
            security.name().to_owned(),
            at_once.to_string(),
            cell(ours, 1),
            cell(theirs, 1),
            cell(third, 1),
            ratio(theirs.median / ours.median),
            ratio(third.median / ours.median),
        ]);
    }
    Ok(table)
}
