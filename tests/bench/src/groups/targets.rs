//! The targets, compared with the figures of this run.

use crate::report::Table;
use crate::world::World;

/// A target: what is measured, how much it must be at least (or at most), and how it is made of the run's figures.
struct Target {
    about: &'static str,
    bound: Bound,
    value: fn(Figures<'_>) -> Option<f64>,
}

/// The run's figures, by name.
type Figures<'f> = &'f dyn Fn(&str) -> Option<f64>;

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

const fn target(about: &'static str, bound: Bound, value: fn(Figures<'_>) -> Option<f64>) -> Target {
    Target { about, bound, value }
}

/// The best of the drivers that are not ours.
fn best(of: Figures<'_>, place: &str) -> Option<f64> {
    ["mysql", "mysql_async", "sqlx"].iter().filter_map(|driver| of(&format!("{place} {driver}"))).reduce(f64::min)
}

/// Our library's figure, as a part of MariaDB's.
fn capi(of: Figures<'_>, work: &str) -> Option<f64> {
    Some(of(&format!("capi {work} ours"))? / of(&format!("capi {work} theirs"))?)
}

const TARGETS: [Target; 37] = [
    target("server CPU per TLS 1.3 connect, ECDSA: MariaDB / ours", AtLeast(5.0), |of| {
        Some(of("handshake tls13 P256 mariadb")? / of("handshake tls13 P256 sealwired")?)
    }),
    target("the same: ours / raw rustls", AtMost(1.4), |of| {
        Some(of("handshake tls13 P256 sealwired")? / of("handshake tls13 P256 raw")?)
    }),
    target("server CPU per TLS 1.3 connect, RSA-2048: ours / raw rustls", AtMost(1.1), |of| {
        Some(of("handshake tls13 Rsa2048 sealwired")? / of("handshake tls13 Rsa2048 raw")?)
    }),
    target("server CPU per resumed connect: MariaDB's full / ours", AtLeast(8.0), |of| {
        Some(of("handshake tls13 P256 mariadb")? / of("handshake resumed P256 sealwired")?)
    }),
    target("connects/s over TLS, ours to ours: ours / best other to MariaDB", AtLeast(3.0), |of| {
        Some(of("connects/s ours")? / of("connects/s best other")?)
    }),
    target("SELECT 1 over TLS, 64 connections, server CPU: MariaDB / ours", AtLeast(4.0), |of| {
        Some(of("query tls13 64 mariadb")? / of("query tls13 64 sealwired")?)
    }),
    target("the same: opensrv / ours", AtLeast(1.5), |of| {
        Some(of("query tls13 64 opensrv")? / of("query tls13 64 sealwired")?)
    }),
    target("SELECT 1 in plaintext, 64 connections, server CPU: MariaDB / ours", AtLeast(3.0), |of| {
        Some(of("query plain 64 mariadb")? / of("query plain 64 sealwired")?)
    }),
    target("memory per idle TLS connection at 1,000, KB", AtMost(10.0), |of| of("idle TLS 1.3 1000 sealwired")),
    target("the same: MariaDB / ours", AtLeast(10.0), |of| {
        Some(of("idle TLS 1.3 1000 mariadb")? / of("idle TLS 1.3 1000 sealwired")?)
    }),
    target("the same at 16,000 / at 1,000", AtMost(1.05), |of| {
        Some(of("idle TLS 1.3 16000 sealwired")? / of("idle TLS 1.3 1000 sealwired")?)
    }),
    target("client CPU per text row, plain: best of mysql, mysql_async, sqlx / ours", AtLeast(3.0), |of| {
        Some(best(of, "rows plain")? / of("rows plain sealwire")?)
    }),
    target("the same over TLS", AtLeast(3.0), |of| Some(best(of, "rows tls13")? / of("rows tls13 sealwire")?)),
    target("client CPU per text row, plain: libmariadb / ours", AtLeast(2.0), |of| {
        Some(of("rows plain libmariadb")? / of("rows plain sealwire")?)
    }),
    target("the same over TLS", AtLeast(2.0), |of| Some(of("rows tls13 libmariadb")? / of("rows tls13 sealwire")?)),
    target("bulk down over TLS, MB per processor second of both: ours / raw rustls", AtLeast(0.85), |of| {
        Some(of("bulk down sealwire sealwired both")? / of("records raw")?)
    }),
    target("one text row decoded: mysql_common / ours", AtLeast(3.0), |of| {
        Some(of("decode mysql_common")? / of("decode sealwire")?)
    }),
    target("bridge / plain relay, MB/s to the client", AtLeast(0.8), |of| of("bridge to the client")),
    target("bridge / plain relay, MB/s to the server", AtLeast(0.8), |of| of("bridge to the server")),
    target("a C program's CPU per TLS connect: ours / libmariadb's", AtMost(0.5), |of| capi(of, "connect tls13")),
    target("the same per row of mysql_store_result, plain", AtMost(1.0 / 1.5), |of| capi(of, "store plain")),
    target("the same over TLS", AtMost(1.0 / 1.5), |of| capi(of, "store tls13")),
    target("the same per row of mysql_use_result, plain", AtMost(0.5), |of| capi(of, "use plain")),
    target("the same over TLS", AtMost(0.5), |of| capi(of, "use tls13")),
    target("the same per row of mysql_stmt_fetch, plain", AtMost(1.0), |of| capi(of, "fetch plain")),
    target("the same over TLS", AtMost(1.0), |of| capi(of, "fetch tls13")),
    target("a C program's memory with 1,000,000 stored rows: ours / libmariadb's", AtMost(1.0), |of| {
        capi(of, "store plain MB")
    }),
    target(
        "events of a binary log per second to text, 1,000 rows a statement: ours / mariadb-binlog",
        AtLeast(3.0),
        |of| of("binlog mariadb-binlog 1000"),
    ),
    target("the same in memory: ours / mysql_common", AtLeast(2.0), |of| of("binlog mysql_common 1000")),
    target("primary's CPU per row of a dump over TLS: ours / MariaDB's", AtMost(0.5), |of| {
        Some(of("dump sealwired")? / of("dump mariadbd")?)
    }),
    target("rows applied per second, 500 rows a statement: ours / MariaDB's", AtLeast(1.0), |of| of("apply 500")),
    target("an idle WebSocket, µs of processor time per second", AtMost(0.5), |of| of("bridge idle")),
    target("median of SELECT 1 through the gateway: µs more than through HAProxy", AtMost(15.0), |of| {
        Some(of("gateway median Gateway")? - of("gateway median HaProxy")?)
    }),
    target("SELECT 1/s of 16 connections: the gateway / HAProxy", AtLeast(0.8), |of| {
        Some(of("gateway queries Gateway")? / of("gateway queries HaProxy")?)
    }),
    target("connects/s: the gateway / direct", AtLeast(0.6), |of| {
        Some(of("gateway connects Gateway")? / of("gateway connects Direct")?)
    }),
    target("rows/s: the gateway / HAProxy", AtLeast(0.75), |of| {
        Some(of("gateway rows Gateway")? / of("gateway rows HaProxy")?)
    }),
    target("memory per idle session of the gateway at 1,000, KB", AtMost(20.0), |of| of("gateway idle Gateway")),
];

/// The table.
pub(super) fn table(world: &World) -> Table {
    let mut table = Table::new(
        "what must be reached",
        "Made of the figures below. Where one is missed, the section *Obstacles* at the end says why.",
        &["figure", "must be", "is", "reached"],
    );
    for Target { about, bound, value } in TARGETS {
        let value = value(&|name| world.figure(name));
        let (must, reached) = match bound {
            AtLeast(least) => (format!("at least {least}"), value.map(|value| value >= least)),
            AtMost(most) => {
                (format!("at most {}", (most * 100.0_f64).round() / 100.0), value.map(|value| value <= most))
            }
        };
        let is = value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:.2}"));
        let reached = reached.map_or("", |reached| if reached { "yes" } else { "**no**" });
        table.rows.push(vec![about.to_owned(), must, is, reached.to_owned()]);
    }
    table
}
