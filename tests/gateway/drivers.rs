//! All drivers through the gateway: text, prepared statements, 20 MiB values, COM_CHANGE_USER, and the cipher between gateway and server.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::{Driver, Job, Tls};
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::Kind;
use serde_json::{Value, json};

use crate::support::{DATABASE, gateway, log_in, server};

/// The size of the large value, above the 16 MiB of one packet, for drivers on four different implementations of the protocol. The others
/// have a small one, to save time.
const BIG: usize = 20 * 1024 * 1024;
const SMALL: usize = 100_000;
const WITH_BIG: [Driver; 4] = [Driver::MariadbCli, Driver::ConnectorC, Driver::PyMySql, Driver::Mysql2];

fn run(driver: Driver, port: u16, kind: Kind, plugin: &str, certificates: &CertificateSet) -> Result<(), String> {
    let big = if plugin == "native" && WITH_BIG.contains(&driver) { BIG } else { SMALL };
    let (user, other_user) = (plugin.to_owned(), format!("other_{plugin}"));
    let version = driver.chooses_version().then_some("TLSv1.3");
    let tls = Some(Tls { certificates: certificates.clone(), client_certificate: false, version });
    let job =
        Job { port, user, tls, big, other_user, database: Some(DATABASE.to_owned()), compress: None, infile: None };
    let facts = driver.run(&job)?;
    let cipher = facts["ssl_cipher"].as_str().unwrap_or("not told");
    if !cipher.starts_with("TLS_") {
        return Err(format!("Ssl_cipher is '{cipher}': {facts}"));
    }
    let row = json!(["42", "Grüße", null]);
    let prepared = if driver.prepares() { row.clone() } else { Value::Null };
    let changes = driver.changes_user(kind, false);
    let changed = |text: String| if changes { json!(text) } else { Value::Null };
    let expected = json!({
        "driver": driver.expected_class(),
        "ssl_cipher": cipher,
        "ssl_version": "TLSv1.3",
        "user": format!("{plugin}@%"),
        "database": DATABASE,
        "text": row,
        "prepared": prepared,
        "big_up": big,
        "big_intact": true,
        "changed_user": changed(format!("other_{plugin}@%")),
        "changed_cipher": changed(cipher.to_owned()),
    });
    if facts == expected { Ok(()) } else { Err(format!("the driver saw {facts}\nexpected       {expected}")) }
}

/// Runs the drivers, two at a time.
fn all_drivers(kind: Kind, plugins: &[&str]) {
    if !can(kind.missing().or_else(|| Driver::ALL.into_iter().find_map(Driver::missing))) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("gateway"));
    let inner = CertificateSet::by_openssl(&place.path().join("server"));
    let server = server(kind, Some(&inner));
    let gateway = gateway(&set, &[server.port], &inner, &[]);
    let all: Vec<_> = plugins.iter().flat_map(|plugin| Driver::ALL.map(|driver| (driver, *plugin))).collect();
    let is_for = |(driver, plugin): &&(Driver, &str)| {
        // Without compression, the driver's C extension covers the same calls.
        *driver != Driver::LibMysqlClient && (*plugin != "sha2" || driver.knows_sha2())
    };
    let failures = std::thread::scope(|scope| {
        let runners: Vec<_> = [0, 1]
            .map(|part| {
                let (all, set, port) = (&all, &set, gateway.port);
                scope.spawn(move || {
                    let own = all.iter().filter(is_for).skip(part).step_by(2);
                    let failed = own.filter_map(|(driver, plugin)| {
                        let error = run(*driver, port, kind, plugin, set).err()?;
                        Some(format!("{} as {plugin}: {error}", driver.name()))
                    });
                    failed.collect::<Vec<_>>()
                })
            })
            .into();
        runners.into_iter().flat_map(|runner| runner.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{}\n{}", failures.join("\n"), gateway.log());
    assert!(!gateway.log().contains("can't be followed"), "{}", gateway.log());
}

#[test]
fn drivers_reach_mariadb() {
    all_drivers(Kind::MariaDb, &["native"]);
}

#[test]
fn drivers_reach_sealwired() {
    all_drivers(Kind::Sealwired, &["native", "sha2"]);
}

#[test]
fn every_plugin_passes_through() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    for (kind, plugins) in [
        (Kind::MariaDb, &["native", "ed25519"][..]),
        // The second login as `sha2` finds its digest in the server.
        (Kind::Sealwired, &["native", "ed25519", "sha2", "sha2", "sha256"][..]),
    ] {
        let server = server(kind, Some(&set));
        let gateway = gateway(&set, &[server.port], &set, &[]);
        for plugin in plugins {
            let mut client = log_in(gateway.port, plugin, &set)
                .unwrap_or_else(|error| panic!("{plugin}: {error}: {}", gateway.log()));
            assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), format!("{plugin}@%"));
            assert!(ask(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").unwrap().starts_with("TLS_"));
            assert!(client.facts().connection_id >= 0xC000_0000, "an id that no server gives");
            gateway.says(&format!(
                "'{plugin}'@'127.0.0.1': client TLS_AES_256_GCM_SHA384 (TLSv1.3); server 127.0.0.1:{} as ",
                server.port
            ));
            let error = log_in(gateway.port, "nobody", &set).unwrap_err().to_string();
            assert!(error.contains("1045") && error.contains("using password: YES"), "{error}");
        }
    }
}
