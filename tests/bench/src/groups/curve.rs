//! How costs change with size: connections, and rows.

use std::path::Path;

use super::idle::IdleClients;
use super::{Case, in_turn};
use crate::Outcome;
use crate::job::{Security, Work};
use crate::measure::{processor_time, resident};
use crate::plot::{Line, Panel, draw};
use crate::report::Table;
use crate::world::{Key, World};

/// Both curves, as a table and as plots beside RESULTS.md.
pub(super) fn curves(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "curve: costs over size",
        "Over connections (TLS 1.3, [plots/connections.svg](plots/connections.svg)): KB of the server's memory per idle connection, and µs of \
         its processor time per SELECT 1, asked on one connection after the other. Over rows \
         ([plots/rows.svg](plots/rows.svg)): ns of a client's processor time per text row over TLS 1.3 from MariaDB, its start and its \
         connecting in it.\n\n\
         Where they bend: a server's memory per connection falls until some hundred connections have paid for what the first ones \
         made grow (buffers of the workers, the allocator's arenas, SQLite), and is flat from 1,000 on. A query's cost hardly depends on how \
         many others are connected: no list is walked per wakeup, and what grows is what the processor's caches no longer hold. A row's cost \
         is that of starting and connecting, divided, up to some 10,000 rows; then the row's own is left.",
        &["", "who", "size", "figure"],
    );
    let plots = Path::new(env!("CARGO_MANIFEST_DIR")).join("plots");
    std::fs::create_dir_all(&plots)?;
    let connections = connections(world)?;
    let rows = [rows(world)?];
    draw(&plots.join("connections.svg"), &connections)?;
    draw(&plots.join("rows.svg"), &rows)?;
    for panel in connections.iter().chain(&rows) {
        for line in &panel.lines {
            for (size, figure) in &line.points {
                let cells = [panel.y.to_owned(), line.name.clone(), format!("{size}"), format!("{figure:.1}")];
                table.rows.push(cells.to_vec());
            }
        }
    }
    Ok(table)
}

fn connections(world: &World) -> Outcome<[Panel; 2]> {
    const QUERIES: usize = 8000;
    let sizes = [1, 10, 100, 1000, 4000, 16_000];
    let (mut memory, mut time) = (Vec::new(), Vec::new());
    for (name, most) in [("sealwired", 16_000), ("mariadbd", 1000)] {
        let server = world.server(name, Key::P256, false)?;
        let mut crowd = IdleClients::new(world, server.port(), true)?;
        let before = resident(server.id())?;
        let (mut kilobytes, mut micros) = (Vec::new(), Vec::new());
        for size in sizes.into_iter().filter(|size| *size <= most) {
            crowd.grow(size)?;
            let grown = resident(server.id())?.saturating_sub(before) as f64 / 1024.0;
            kilobytes.push((size as f64, grown / size as f64));
            let since = processor_time(server.id())?;
            let clients = crowd.clients.len();
            for query in 0..QUERIES {
                let client = crowd.clients.get_mut(query % clients).ok_or("no client")?;
                client.query("SELECT 1")?.next()?.ok_or("no row")?;
            }
            let used = processor_time(server.id())?.saturating_sub(since);
            micros.push((size as f64, super::micros(used, QUERIES)));
        }
        let name = if name == "mariadbd" { "MariaDB 10.11" } else { name };
        memory.push(Line { name: name.to_owned(), points: kilobytes });
        time.push(Line { name: name.to_owned(), points: micros });
    }
    let x = "connections";
    Ok([
        Panel { title: "Server memory per idle TLS connection", x, y: "KB per connection", lines: memory },
        Panel { title: "Server processor time per SELECT 1 over TLS", x, y: "µs per query", lines: time },
    ])
}

fn rows(world: &World) -> Outcome<Panel> {
    let server = world.server("mariadbd", Key::P256, true)?;
    let sizes = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];
    let most = if world.quick { 1_000_000 } else { 10_000_000 };
    let drivers = ["sealwire", "mysql", "libmariadb"];
    let mut lines = drivers.map(|driver| Line { name: driver.to_owned(), points: Vec::new() });
    for count in sizes.into_iter().filter(|size| *size <= most) {
        let security = Security::Tls13;
        let cases = drivers.map(|driver| Case {
            driver,
            server: &server,
            key: Key::P256,
            security,
            work: Work::Rows,
            at_once: 1,
            count,
        });
        let figures = in_turn(world, &cases, |run, _| run.client.as_secs_f64() * 1e9 / count as f64)?;
        for (line, figure) in lines.iter_mut().zip(figures) {
            line.points.push((count as f64, figure.median));
        }
    }
    let title = "Client processor time per text row over TLS";
    Ok(Panel { title, x: "rows of the result", y: "ns per row", lines: lines.into() })
}
