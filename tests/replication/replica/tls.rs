//! The TLS of a channel: SSL=1 never falls back, the source is verified, and each refusal says why and the way out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::{Middle, strip, unchanged};

use super::world::{World, error, sql, status};

/// The SHA-256 fingerprint of a certificate.
fn fingerprint(path: &std::path::Path) -> String {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().split_once('=').unwrap().1.to_owned()
}

#[test]
fn a_channel_is_as_secure_as_its_settings_say() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    let set = &world.certificates;
    // Begins anew with these settings, and waits until the channel runs or has failed.
    let outcome = |change: &str| {
        sql(ours, &format!("STOP SLAVE; RESET SLAVE ALL; {change}; START SLAVE"));
        world.until(change, |status| status["Slave_IO_Running"] == "Yes" || status["Last_IO_Errno"] != "0")
    };
    let with = |user: &str, more: &str| outcome(&world.change(user, more));
    sql(ours, "CHANGE MASTER TO MASTER_HOST='h'");

    for (user, more, version, verification) in [
        ("repl", "", "TLSv1.3", "CA and identity"),
        ("repl", "MASTER_TLS_VERSION='TLSv1.2'", "TLSv1.2", "CA and identity"),
        ("repl", "MASTER_HOST='localhost', MASTER_SSL_VERIFY_SERVER_CERT=0", "TLSv1.3", "CA"),
        ("repl", "MASTER_SSL_CA='', MASTER_SSL_VERIFY_SERVER_CERT=0", "TLSv1.3", "none"),
        ("open", "MASTER_SSL=0", "", ""),
    ] {
        let status = with(user, more);
        let negotiated = (status["Source_TLS_Version"].as_str(), status["Source_TLS_Verification"].as_str());
        assert_eq!(negotiated, (version, verification), "{more}: {status:?}");
    }
    let pinned = format!("MASTER_SSL_CA='', MASTER_SSL_FP='{}'", fingerprint(&set.server_cert));
    assert_eq!(with("repl", &pinned)["Source_TLS_Verification"], "fingerprint");
    let certificate =
        format!("MASTER_SSL_CERT='{}', MASTER_SSL_KEY='{}'", set.client_cert.display(), set.client_key.display());
    assert_eq!(with("strict", &certificate)["Slave_IO_Running"], "Yes");
    // A client certificate alone, without a password.
    assert_eq!(with("bare", &format!("{certificate}, MASTER_PASSWORD=''"))["Slave_IO_Running"], "Yes");

    let password = world.place.path().join("password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&password, Permissions::from_mode(0o644)).unwrap();
    let by_file = format!("MASTER_PASSWORD='', MASTER_PASSWORD_FILE='{}'", password.display());
    let readable = with("repl", &by_file);
    assert!(readable["Last_IO_Error"].contains("chmod 600"), "{readable:?}");
    fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(with("repl", &by_file)["Slave_IO_Running"], "Yes");

    let other = world.place.path().join("other");
    fs::create_dir(&other).unwrap();
    let other = CertificateSet::by_openssl(&other);
    let wrong_ca = format!("MASTER_SSL_CA='{}'", other.ca.display());
    // Its CA has another name. The source sends its own CA's certificate, too, which is self-signed.
    let named = world.place.path().join("named");
    fs::create_dir(&named).unwrap();
    let other_name = format!("MASTER_SSL_CA='{}'", CertificateSet::by_sealwire_certs(&named).ca.display());
    let wrong_pin = format!("MASTER_SSL_FP='{}'", fingerprint(&other.server_cert));
    for (user, more, number, said) in [
        ("repl", "MASTER_SSL_CA=''", "2026", "SOURCE_SSL_FP="),
        ("repl", wrong_ca.as_str(), "2026", "SOURCE_SSL_CA"),
        ("repl", other_name.as_str(), "2026", "(SOURCE_SSL_CA) does not hold the CA that issued this certificate"),
        ("repl", wrong_pin.as_str(), "2026", "An attacker may be in between"),
        ("repl", "MASTER_SSL_CA='/nonexistent.pem'", "2026", "SOURCE_SSL_CA: can't read '/nonexistent.pem'"),
        ("repl", "MASTER_SSL=0", "1045", "use SOURCE_SSL=1"),
        ("repl", "MASTER_PASSWORD='wrong'", "1045", "Check user and password first"),
        ("strict", "", "1045", "give SOURCE_SSL_CERT and SOURCE_SSL_KEY"),
        ("repl", "MASTER_TLS_CIPHERSUITES='nonsense'", "2026", "nonsense"),
    ] {
        let status = with(user, more);
        assert_eq!(
            (status["Last_IO_Errno"].as_str(), status["Slave_IO_Running"].as_str()),
            (number, "Connecting"),
            "{more}: {status:?}"
        );
        assert!(status["Last_IO_Error"].contains(said), "{more}: {}", status["Last_IO_Error"]);
        assert_eq!(status["Source_TLS_Version"], "", "{more}");
    }
    // The name: 127.0.0.2 is not in the certificate.
    let unnamed = with("repl", "MASTER_HOST='127.0.0.2'");
    assert!(["2003", "2026"].contains(&unnamed["Last_IO_Errno"].as_str()), "{unnamed:?}");
    sql(ours, "STOP SLAVE; RESET SLAVE ALL");
    assert!(error(ours, &world.change("repl", "MASTER_SSL=0, GET_MASTER_PUBLIC_KEY=1")).contains("SOURCE_SSL=1"));
}

#[test]
fn a_channel_never_falls_back_to_plaintext() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    let without = World::primary_without_tls();
    // Somebody in between hides the source's TLS.
    let middle = Middle::start(world.primary().port, |greeting| strip(greeting), unchanged);
    for (port, verify) in [(without.port, 1), (without.port, 0), (middle.port, 0)] {
        let more = format!(
            "MASTER_PORT={port}, MASTER_SSL_CA='', MASTER_SSL_VERIFY_SERVER_CERT={verify}, MASTER_RETRY_COUNT=1"
        );
        sql(ours, &format!("{}; START SLAVE", world.change("open", &more)));
        let refused = world.until(&more, |status| status["Last_IO_Errno"] != "0" && status["Slave_IO_Running"] == "No");
        assert_eq!(refused["Last_IO_Errno"], "2026", "{refused:?}");
        assert!(refused["Last_IO_Error"].contains("With SOURCE_SSL=0 the channel runs without TLS"), "{refused:?}");
        sql(ours, "STOP SLAVE; RESET SLAVE ALL");
    }
    let sent = middle.captured();
    assert!(!sent.windows(4).any(|bytes| bytes == b"open"), "nothing of the login is sent");
    // Plaintext must be said out loud.
    let more = format!("MASTER_PORT={}, MASTER_SSL=0", without.port);
    sql(ours, &format!("{}; START SLAVE", world.change("open", &more)));
    let plain = world.until("plaintext", |status| status["Slave_IO_Running"] == "Yes");
    assert_eq!((plain["Master_SSL_Allowed"].as_str(), plain["Source_TLS_Version"].as_str()), ("No", ""));
    assert!(!status(ours)["Last_IO_Error"].contains("SSL"));
}
