//! Certificates that are removed before a reload, and a flood of SIGHUPs.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sealwire::Client;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::{SECRET, assert_answers, root, rows, tcp, verified};

fn secured(set: &CertificateSet) -> Server {
    let create = Kind::Sealwired.create_user("secured", "caching_sha2_password", SECRET, "SSL");
    let mut settings = Settings { certificates: Some(set.clone()), statements: vec![create], ..Settings::default() };
    settings.options.push("--log-error-verbosity=3".to_owned());
    Server::start(Kind::Sealwired, &settings).unwrap()
}

#[test]
fn certificates_that_vanish_stay_in_use() {
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = secured(&set);
    let config = verified(&set, "secured", SECRET);
    let mut open = Client::connect(&tcp(server.port), config.clone()).unwrap();
    let mut admin = root(&server).unwrap();
    for file in [&set.server_cert, &set.server_key, &set.ca] {
        let content = fs::read(file).unwrap();
        for content in [None, Some(&content[..content.len() / 2]), Some(b"".as_slice())] {
            match content {
                None => fs::remove_file(file).unwrap(),
                Some(content) => fs::write(file, content).unwrap(),
            }
            let refused = rows(&mut admin, "ALTER INSTANCE RELOAD TLS").unwrap_err().to_string();
            assert!(refused.contains("3888") && refused.contains(&*file.to_string_lossy()), "{refused}");
            let before = server.log().len();
            server.signal("HUP");
            assert!(server.wait_for_log_after(before, "TLS stays unchanged"), "{}", server.log());
            // Both old and new connections have the certificates of before.
            assert_eq!(rows(&mut open, "SELECT 'open'").unwrap(), ["open"]);
            let mut fresh = Client::connect(&tcp(server.port), config.clone()).unwrap();
            assert_eq!(rows(&mut fresh, "SELECT 'fresh'").unwrap(), ["fresh"]);
        }
        fs::write(file, &content).unwrap();
        rows(&mut admin, "ALTER INSTANCE RELOAD TLS").unwrap();
    }
    assert_answers(&server);
    let keys = fs::read_to_string(&set.server_key).unwrap();
    let secret_line = keys.lines().nth(1).unwrap();
    assert!(!server.log().contains(secret_line), "the key is in the log");
}

/// A signal that arrives while an earlier one is handled may be merged with it, so the number of reloads is not checked, only that the
/// server works.
#[test]
fn a_storm_of_sighups_disturbs_nobody() {
    const LOGINS: usize = 40;
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = secured(&set);
    let config = verified(&set, "secured", SECRET);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                server.signal("HUP");
            }
        });
        let logins = || {
            (0..LOGINS).try_for_each(|_| {
                let mut client = Client::connect(&tcp(server.port), config.clone())?;
                rows(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").map(|shown| assert_ne!(shown, ["Ssl_cipher\t"]))
            })
        };
        let outcome = logins();
        is_over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    });
    assert_answers(&server);
    let log = server.log();
    assert!(log.matches("TLS loaded: ").count() > 1 && !log.contains("ERROR"), "{log}");
}

#[test]
fn what_was_loaded_and_who_was_refused_is_in_the_log_by_default() {
    let (place, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let set = CertificateSet::by_openssl(place.path());
    let settings = Settings { certificates: Some(set), ..Settings::default() };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    assert!(server.log().contains("[System] [Server] TLS loaded: certificate '/"), "{}", server.log());
    let stranger = CertificateSet::by_openssl(elsewhere.path());
    let refused = Client::connect(&tcp(server.port), verified(&stranger, "root", SECRET)).err().unwrap();
    assert!(server.wait_for_log("[Warning] [Server] Refused connection "), "{refused}: {}", server.log());
    let before = server.log().len();
    server.signal("HUP");
    assert!(server.wait_for_log_after(before, "TLS loaded: "), "{}", server.log());
    assert_answers(&server);
}
