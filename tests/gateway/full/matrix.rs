//! Seven client libraries through the gateway and without it: they see the same, with every plugin, with an empty and a filled cache of
//! caching_sha2_password, and with values of 20 MiB.

use std::sync::Mutex;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::{Driver, Job, PASSWORD, Tls};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::Value;

use crate::files::{files_pass_where_they_are_allowed, job};
use crate::support::{DATABASE, gateway, server};

/// libmariadb, libmysqlclient, mysql-connector-python, PyMySQL, and npm's mysql, mysql2 and mariadb.
const SEVEN: [Driver; 7] = [
    Driver::MariadbCli,
    Driver::ConnectorC,
    Driver::ConnectorPure,
    Driver::PyMySql,
    Driver::MysqlJs,
    Driver::Mysql2,
    Driver::MariadbNode,
];

/// The size of the large value, above the 16 MiB of one packet.
const BIG: usize = 20 * 1024 * 1024;

/// A part of the matrix: the server, its plugin, and whether all drivers but these log in by it.
struct Part {
    kind: Kind,
    plugin: &'static str,
    cannot: &'static [Driver],
}

const PARTS: [Part; 6] = [
    Part { kind: Kind::MariaDb, plugin: "mysql_native_password", cannot: &[] },
    Part { kind: Kind::MariaDb, plugin: "ed25519", cannot: NO_ED25519 },
    Part { kind: Kind::Sealwired, plugin: "mysql_native_password", cannot: &[] },
    Part { kind: Kind::Sealwired, plugin: "ed25519", cannot: NO_ED25519 },
    Part { kind: Kind::Sealwired, plugin: "caching_sha2_password", cannot: &[Driver::MysqlJs] },
    Part { kind: Kind::Sealwired, plugin: "sha256_password", cannot: &[Driver::MysqlJs] },
];

/// MariaDB's plugin, which MySQL's clients don't know.
const NO_ED25519: &[Driver] = &[Driver::ConnectorC, Driver::ConnectorPure, Driver::MysqlJs, Driver::Mysql2];

/// The ways to the server. Each has accounts of its own, so that no login fills the server's cache for another.
const WAYS: [&str; 2] = ["direct", "gateway"];

/// The account of a driver on one of the ways, and the one it changes to.
fn accounts(part: &Part, driver: Driver, way: &str) -> [String; 2] {
    let index = SEVEN.iter().position(|other| *other == driver).unwrap();
    ["one", "other"].map(|which| format!("{way}_{which}_{index}_{}", &part.plugin[..6]))
}

fn start(kind: Kind, set: &CertificateSet) -> Server {
    let mut statements = vec![format!("CREATE DATABASE {DATABASE};")];
    if kind == Kind::MariaDb {
        statements.push("INSTALL SONAME 'auth_ed25519';".to_owned());
    }
    for part in PARTS.iter().filter(|part| part.kind == kind) {
        for user in SEVEN.iter().flat_map(|driver| WAYS.map(|way| accounts(part, *driver, way)).concat()) {
            statements.push(kind.create_user(&user, part.plugin, PASSWORD, "SSL"));
            statements.push(format!("GRANT ALL ON {DATABASE}.* TO '{user}'@'%';"));
        }
    }
    let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
    Server::start(kind, &settings).unwrap()
}

/// The facts by one way, with the accounts named as on any way. The second login finds the cache filled.
fn facts(part: &Part, driver: Driver, way: &str, port: u16, set: &CertificateSet) -> [Result<Value, String>; 2] {
    let [user, other_user] = accounts(part, driver, way);
    let version = driver.chooses_version().then_some("TLSv1.3");
    let tls = Some(Tls { certificates: set.clone(), client_certificate: false, version });
    let job = Job {
        port,
        user,
        tls,
        big: BIG,
        other_user,
        database: Some(DATABASE.to_owned()),
        compress: None,
        infile: None,
    };
    [BIG, 1000].map(|big| {
        let facts = driver.run(&Job { big, ..job.clone() })?;
        let text = facts.to_string().replace(&format!("\"{way}_"), "\"any_");
        Ok(serde_json::from_str(&text).unwrap())
    })
}

/// The error of one cell of the matrix; prints what was seen.
fn cell(part: &Part, driver: Driver, ports: [u16; 2], set: &CertificateSet, gateway: &Daemon) -> Result<(), String> {
    let name = format!("{} at {} by {}", driver.name(), part.kind.name(), part.plugin);
    let [direct, through] = [0, 1].map(|at| facts(part, driver, WAYS[at], ports[at], set));
    for (cache, (direct, through)) in ["empty", "filled"].iter().zip(direct.iter().zip(&through)) {
        let told = || format!("{name}, cache {cache}: direct {direct:?}, through the gateway {through:?}");
        match (direct, through) {
            (Ok(direct), Ok(through)) if direct == through => {
                let cipher = through["ssl_cipher"].as_str().unwrap_or_default();
                if part.cannot.contains(&driver) || !cipher.starts_with("TLS_") {
                    return Err(told());
                }
            }
            (Err(_), Err(_)) if part.cannot.contains(&driver) => {}
            _ => return Err(told()),
        }
    }
    println!("{name}: {}", if through[0].is_ok() { "as without the gateway" } else { "no such plugin in the driver" });
    let user = &accounts(part, driver, WAYS[1])[0];
    let line = format!("'{user}'@'127.0.0.1': client TLS_");
    if through[0].is_ok() && !gateway.log().contains(&line) {
        return Err(format!("{name}: the gateway's log lacks {line}"));
    }
    Ok(())
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn seven_libraries_see_the_same_through_the_gateway() {
    let missing = Kind::MariaDb.missing().or_else(|| SEVEN.into_iter().find_map(Driver::missing));
    assert_eq!(missing, None);
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let failures = Mutex::new(Vec::new());
    for kind in [Kind::MariaDb, Kind::Sealwired] {
        let server = start(kind, &set);
        let gateway = gateway(&set, &[server.port], &set, &[]);
        let cells: Vec<_> =
            PARTS.iter().filter(|part| part.kind == kind).flat_map(|part| SEVEN.map(|driver| (part, driver))).collect();
        let next = Mutex::new(cells.into_iter());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((part, driver)) = { next.lock().unwrap().next() } {
                        let ports = [server.port, gateway.port];
                        if let Err(error) = cell(part, driver, ports, &set, &gateway) {
                            failures.lock().unwrap().push(error);
                        }
                    }
                });
            }
        });
        assert!(!gateway.log().contains("can't be followed"), "{}", gateway.log());
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn seven_libraries_load_files_where_they_may() {
    // Of 9 MB, which every driver sends in more than 256 packets but the terminal client.
    files_pass_where_they_are_allowed(&SEVEN, 1_000_000);
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn seven_libraries_go_without_compression() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::MariaDb, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &[]);
    for driver in SEVEN.into_iter().filter(|driver| driver.compresses("zlib")) {
        let facts = driver.run(&job(gateway.port, &set, None, Some("zlib")));
        match facts {
            Ok(facts) => assert_eq!(facts["compression"], "OFF", "{}", driver.name()),
            // It compresses whether the server offers that or not.
            Err(error) => assert!(driver == Driver::ConnectorPure && error.contains("turn compression off"), "{error}"),
        }
    }
}
