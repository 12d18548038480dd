//! Connecting: what it costs a server, and how fast clients are.

use super::{Case, cell, handshake, in_turn, micros};
use crate::Outcome;
use crate::job::{Security, Work};
use crate::report::{Table, ratio};
use crate::world::{Key, World};

/// Server's processor time per connection, by our client.
pub(super) fn servers(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "handshake: server processor time per connect",
        "µs of the server's process per connection that logs in with mysql_native_password and quits, by our client, eight at once. \
         *raw* is rustls with AWS-LC alone, server's side of the same handshake in memory.",
        &[
            "",
            "certificate",
            "sealwired",
            "MariaDB 10.11",
            "opensrv",
            "MariaDB / sealwired",
            "raw rustls",
            "sealwired / raw",
        ],
    );
    let count = if world.quick { 1000 } else { 3000 };
    for key in [Key::P256, Key::Rsa2048] {
        let sealwired = world.server("sealwired", key, false)?;
        let mariadb = world.server("mariadbd", key, false)?;
        let opensrv = world.server("opensrv", key, false)?;
        let states: &[Security] = match key {
            Key::P256 => &[
                Security::Plain,
                Security::Tls12,
                Security::Tls13,
                Security::Hybrid,
                Security::Mutual,
                Security::Resumed,
            ],
            Key::Rsa2048 => &[Security::Tls13],
        };
        for &security in states {
            // The others have no hybrid group, and opensrv asks for no certificate; they do their full handshake there.
            let by_others = match security {
                Security::Hybrid | Security::Resumed => Security::Tls13,
                other => other,
            };
            let by_opensrv = if by_others == Security::Mutual { Security::Tls13 } else { by_others };
            let case = |server, security| Case {
                driver: "sealwire",
                server,
                key,
                security,
                work: Work::Connect,
                at_once: 8,
                count,
            };
            let cases = [case(&sealwired, security), case(&mariadb, by_others), case(&opensrv, by_opensrv)];
            let figures = in_turn(world, &cases, |run, case| micros(run.server, case.count))?;
            let raw = (security != Security::Plain)
                .then(|| handshake::raw(&world.certificates(key), security, count.min(1000)))
                .transpose()?;
            let [ours, theirs, third] = figures.as_slice() else { return Err("three figures".into()) };
            let place = format!("handshake {} {key:?}", security.name());
            for (who, figure) in [("sealwired", ours.median), ("mariadb", theirs.median)] {
                world.record(format!("{place} {who}"), figure);
            }
            if let Some(raw) = raw {
                world.record(format!("{place} raw"), raw);
            }
            table.rows.push(vec![
                security.name().to_owned(),
                if key == Key::P256 { "ECDSA P-256" } else { "RSA-2048" }.to_owned(),
                cell(ours, 0),
                cell(theirs, 0),
                cell(third, 0),
                ratio(theirs.median / ours.median),
                raw.map_or_else(String::new, |raw| format!("{raw:.0}")),
                raw.map_or_else(String::new, |raw| ratio(ours.median / raw)),
            ]);
        }
    }
    Ok(table)
}

/// Connections per second of each client, eight at once.
pub(super) fn clients(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "connect: connections per second, eight at once",
        "Each connection verifies the server's certificate and name, logs in and quits. ECDSA P-256, TLS 1.3, X25519, no resumption \
         unless named.",
        &["client", "server", "plain", "TLS 1.3", "TLS / best other to MariaDB"],
    );
    let (sealwired, mariadb) =
        (world.server("sealwired", Key::P256, false)?, world.server("mariadbd", Key::P256, false)?);
    let count = if world.quick { 800 } else { 2400 };
    let pairs = [
        ("sealwire", "sealwired", &sealwired),
        ("sealwire", "MariaDB", &mariadb),
        ("mysql", "MariaDB", &mariadb),
        ("mysql_async", "MariaDB", &mariadb),
        ("sqlx", "MariaDB", &mariadb),
        ("libmariadb", "MariaDB", &mariadb),
    ];
    let cases: Vec<Case<'_>> = [Security::Plain, Security::Tls13]
        .into_iter()
        .flat_map(|security| {
            pairs.iter().map(move |&(driver, _, server)| Case {
                driver,
                server,
                key: Key::P256,
                security,
                work: Work::Connect,
                at_once: 8,
                count,
            })
        })
        .chain([Case {
            driver: "sealwire",
            server: &sealwired,
            key: Key::P256,
            security: Security::Resumed,
            work: Work::Connect,
            at_once: 8,
            count,
        }])
        .collect();
    let figures = in_turn(world, &cases, |run, case| case.count as f64 / run.wall.as_secs_f64())?;
    let (plain, rest) = figures.split_at(pairs.len());
    let (secure, resumed) = rest.split_at(pairs.len());
    let best = secure.iter().skip(2).map(|figure| figure.median).fold(0.0, f64::max);
    for (((driver, server, _), plain), secure) in pairs.iter().zip(plain).zip(secure) {
        table.rows.push(vec![
            (*driver).to_owned(),
            (*server).to_owned(),
            cell(plain, 0),
            cell(secure, 0),
            ratio(secure.median / best),
        ]);
    }
    if let [resumed] = resumed {
        // Our client resumes unless it is told not to, as most drivers don't.
        world.record("connects/s ours", resumed.median);
        world.record("connects/s best other", best);
        let name = ["sealwire, resumed", "sealwired", ""].map(str::to_owned);
        table.rows.push([name.to_vec(), vec![cell(resumed, 0), ratio(resumed.median / best)]].concat());
    }
    Ok(table)
}
