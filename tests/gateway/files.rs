//! LOAD DATA LOCAL and compression, which the gateway offers by an option and not at all, with clients of other projects.

use std::fs;
use std::path::{Path, PathBuf};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::{Driver, Job, Tls};
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::Kind;
use serde_json::{Value, json};

use crate::support::{DATABASE, gateway, log_in, server};

/// One driver of each language.
const DRIVERS: [Driver; 3] = [Driver::MariadbCli, Driver::PyMySql, Driver::Mysql2];

/// Makes a file of this many lines. They begin like COM_CHANGE_USER, which a packet of the file must not be taken for.
pub(super) fn lines(place: &Path, count: usize) -> PathBuf {
    let file = place.join("lines");
    fs::write(&file, "\u{11}KILL 1\n".repeat(count)).unwrap();
    file
}

/// A job over TLS that loads the file, and asks for compression where the driver has it.
pub(super) fn job(port: u16, set: &CertificateSet, infile: Option<&Path>, compress: Option<&'static str>) -> Job {
    Job {
        port,
        user: "native".to_owned(),
        tls: Some(Tls { certificates: set.clone(), client_certificate: false, version: None }),
        big: 1000,
        other_user: "other_native".to_owned(),
        database: Some(DATABASE.to_owned()),
        compress,
        infile: infile.map(Path::to_owned),
    }
}

/// Runs the drivers with the file through a gateway that does not offer it and one that does; the second load is there, and it alone.
pub(super) fn files_pass_where_they_are_allowed(drivers: &[Driver], count: usize) {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::MariaDb, Some(&set));
    let refusing = gateway(&set, &[server.port], &set, &[]);
    let allowing = gateway(&set, &[server.port], &set, &["--local-infile"]);
    let file = lines(place.path(), count);
    let mut client = log_in(refusing.port, "native", &set).unwrap();
    for driver in drivers {
        let table = format!("{DATABASE}.{}", driver.name());
        // Drivers of Python begin a transaction that nobody commits.
        ask(&mut client, &format!("CREATE TABLE {table} (a VARCHAR(100)) ENGINE=MyISAM")).unwrap();
        for (gateway, expected) in [(&refusing, "refused"), (&allowing, "loaded")] {
            let facts = driver.run(&job(gateway.port, &set, Some(&file), None));
            let facts = facts.unwrap_or_else(|error| panic!("{}: {error}: {}", driver.name(), gateway.log()));
            assert_eq!(facts["infile"], json!(expected), "{facts}");
        }
        assert_eq!(ask(&mut client, &format!("SELECT COUNT(*) FROM {table}")).unwrap(), count.to_string());
    }
    assert!(!allowing.log().contains("can't be followed"), "{}", allowing.log());
}

#[test]
fn a_file_of_the_client_passes_where_it_is_allowed() {
    if can(Kind::MariaDb.missing().or_else(|| DRIVERS.into_iter().find_map(Driver::missing))) && needs(&["openssl"]) {
        files_pass_where_they_are_allowed(&DRIVERS, 1000);
    }
}

#[test]
fn who_asks_for_compression_goes_without() {
    if !can(Kind::MariaDb.missing().or_else(|| DRIVERS.into_iter().find_map(Driver::missing))) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::MariaDb, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &[]);
    for driver in DRIVERS.into_iter().filter(|driver| driver.compresses("zlib")) {
        let compression = |port| match driver.run(&job(port, &set, None, Some("zlib"))) {
            Ok(facts) => facts["compression"].clone(),
            Err(error) => Value::String(error),
        };
        assert_eq!(compression(server.port), json!("ON"), "{}", driver.name());
        assert_eq!(compression(gateway.port), json!("OFF"), "{}", driver.name());
    }
}
