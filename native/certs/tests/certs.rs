//! `sealwire-certs` as a user runs it. OpenSSL checks the certificates that it makes, and makes the certificates that it checks.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn sealwire_certs(directory: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealwire-certs"))
        .current_dir(directory)
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

fn try_openssl(directory: &Path, arguments: &str) -> Output {
    Command::new("openssl")
        .current_dir(directory)
        .args(arguments.split_whitespace())
        .output()
        .expect("these tests need the openssl command")
}

fn openssl(directory: &Path, arguments: &str) -> String {
    let output = try_openssl(directory, arguments);
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssl_accepts_what_is_made() {
    for options in ["", "--rsa 2048"] {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let (code, text) = sealwire_certs(at, &format!("--dir made {options} --days 30 --client-name alice"));
        assert_eq!(code, Some(0), "{text}");
        let at = &at.join("made");
        for check in [
            "-purpose sslserver -verify_hostname localhost server-cert.pem",
            "-purpose sslserver -verify_ip 127.0.0.1 server-cert.pem",
            "-purpose sslserver -verify_ip ::1 server-cert.pem",
            "-purpose sslclient client-cert.pem",
        ] {
            openssl(at, &format!("verify -x509_strict -CAfile ca.pem {check}"));
        }
        for wrong in [
            "-purpose sslserver client-cert.pem",
            "-purpose sslclient server-cert.pem",
            "-verify_hostname db1 server-cert.pem",
        ] {
            assert!(!try_openssl(at, &format!("verify -CAfile ca.pem {wrong}")).status.success(), "{wrong}");
        }
        for name in ["ca", "server", "client"] {
            let certificate = if name == "ca" { "ca.pem".to_owned() } else { format!("{name}-cert.pem") };
            let certified = openssl(at, &format!("x509 -in {certificate} -noout -pubkey"));
            assert_eq!(openssl(at, &format!("pkey -in {name}-key.pem -pubout")), certified);
        }
        assert_eq!(openssl(at, "x509 -in client-cert.pem -noout -subject").trim(), "subject=CN = alice");
        let (code, text) = sealwire_certs(at, "--check");
        assert_eq!(code, Some(0), "{text}");
    }
}

#[test]
fn hosts_are_those_given_and_serials_differ() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert_eq!(sealwire_certs(at, "--host db1.example --host 10.1.2.3").0, Some(0));
    openssl(at, "verify -CAfile ca.pem -verify_hostname db1.example server-cert.pem");
    openssl(at, "verify -CAfile ca.pem -verify_ip 10.1.2.3 server-cert.pem");
    assert!(!try_openssl(at, "verify -CAfile ca.pem -verify_hostname localhost server-cert.pem").status.success());
    let serial = |file: &str| openssl(at, &format!("x509 -in {file} -noout -serial"));
    assert_ne!(serial("ca.pem"), serial("server-cert.pem"));
    assert_ne!(serial("client-cert.pem"), serial("server-cert.pem"));
}

#[test]
fn without_arguments_it_explains_itself_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (code, text) = sealwire_certs(directory.path(), "");
    assert_eq!(code, Some(2));
    assert!(text.contains("Usage: sealwire-certs"), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("client-key.pem"), "mine").unwrap();
    let (code, text) = sealwire_certs(at, "--dir=.");
    assert_eq!(code, Some(1));
    assert!(text.contains("client-key.pem' exists and is not overwritten"), "{text}");
    assert_eq!(fs::read_to_string(at.join("client-key.pem")).unwrap(), "mine");
    assert!(!at.join("ca.pem").exists(), "all or nothing");
    let (code, text) = sealwire_certs(at, "--dir other --rsa 1024");
    assert_eq!(code, Some(1));
    assert!(text.contains("RSA keys have 2048, 3072 or 4096 bits, not 1024"), "{text}");
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert_eq!(sealwire_certs(at, "--dir=.").0, Some(0));
    for (name, mode) in
        [("ca-key", 0o600), ("server-key", 0o600), ("client-key", 0o600), ("ca", 0o644), ("server-cert", 0o644)]
    {
        let permissions = fs::metadata(at.join(format!("{name}.pem"))).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
    }
}

/// A CA and a server certificate made by OpenSSL, with these further arguments for key, CA and certificate.
fn made_by_openssl(at: &Path, key: &str, ca: &str, certificate: &str) {
    openssl(at, &format!("req -x509 -newkey {key} -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=ca {ca}"));
    openssl(at, &format!("req -newkey {key} -nodes -keyout server-key.pem -out server-req.pem -subj /CN=localhost"));
    sign(at, certificate);
}

fn sign(at: &Path, certificate: &str) {
    fs::write(at.join("san.cnf"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    fs::write(at.join("nosan.cnf"), "basicConstraints=CA:FALSE\n").unwrap();
    fs::write(at.join("ca.cnf"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:TRUE\n").unwrap();
    openssl(
        at,
        &format!(
            "x509 -req -in server-req.pem -CA ca.pem -CAkey ca-key.pem -set_serial 2 -out server-cert.pem {certificate}"
        ),
    );
}

const EC: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn each_fault_is_said_in_plain_words() {
    for (key, ca, certificate, expected) in [
        (EC, "", "-days 30 -extfile san.cnf", None),
        ("rsa:2048", "", "-days 30 -extfile san.cnf", None),
        (EC, "", "-days 30", Some("it is X.509 version 1")),
        (EC, "", "-days 30", Some("it names no host (no subjectAltName)")),
        (EC, "", "-days 30 -extfile nosan.cnf", Some("it names no host (no subjectAltName)")),
        (EC, "", "-days -1 -extfile san.cnf", Some("it expired at ")),
        (EC, "", "-days 30 -extfile ca.cnf", Some("it has the CA flag")),
        (EC, "", "-days 30 -sha1 -extfile san.cnf", Some("it is signed with SHA-1")),
        ("rsa:1024", "", "-days 30 -extfile san.cnf", Some("its RSA key has 1024 bits")),
        (
            EC,
            "-addext basicConstraints=CA:FALSE",
            "-days 30 -extfile san.cnf",
            Some("it is used as a CA but lacks the CA flag"),
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        made_by_openssl(at, key, ca, certificate);
        let (code, text) = sealwire_certs(at, "--check");
        match expected {
            None => assert_eq!(code, Some(0), "{text}"),
            Some(expected) => {
                assert_eq!(code, Some(1), "{text}");
                assert!(text.contains(&format!("WRONG: {expected}")), "{key} {ca} {certificate}: {text}");
            }
        }
    }
}

#[test]
fn a_ca_made_anew_and_the_name_trap_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    made_by_openssl(at, EC, "", "-days 30 -extfile san.cnf");
    openssl(at, &format!("req -x509 -newkey {EC} -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=ca"));
    let (code, text) = sealwire_certs(at, "--check ca.pem server-cert.pem server-key.pem");
    assert_eq!(code, Some(1));
    assert!(
        text.contains("WRONG: it is not signed by the CA given, although that has its issuer's name /CN=ca"),
        "{text}"
    );

    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    openssl(at, &format!("req -x509 -newkey {EC} -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=localhost"));
    openssl(at, &format!("req -newkey {EC} -nodes -keyout server-key.pem -out server-req.pem -subj /CN=localhost"));
    sign(at, "-days 30 -extfile san.cnf");
    let (code, text) = sealwire_certs(at, "--check");
    assert_eq!(code, Some(1));
    assert!(text.contains("server-cert.pem: WRONG: it has the same name as the CA"), "{text}");
}

#[test]
fn keys_of_every_kind_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    made_by_openssl(at, "rsa:2048", "", "-days 30 -extfile san.cnf");
    let files = "--check ca.pem server-cert.pem server-key.pem";
    openssl(at, "rsa -traditional -in server-key.pem -out pkcs1.pem");
    fs::rename(at.join("pkcs1.pem"), at.join("server-key.pem")).unwrap();
    assert!(fs::read_to_string(at.join("server-key.pem")).unwrap().contains("BEGIN RSA PRIVATE KEY"));
    let (code, text) = sealwire_certs(at, files);
    assert_eq!(code, Some(0), "{text}");
    openssl(at, "pkcs8 -topk8 -v2 aes-256-cbc -in server-key.pem -out encrypted.pem -passout pass:geheim");
    fs::rename(at.join("encrypted.pem"), at.join("server-key.pem")).unwrap();
    let (code, text) = sealwire_certs(at, files);
    assert!(code == Some(0) && text.contains("a private key that is encrypted"), "{text}");
    assert!(text.contains("give its passphrase with --ssl-passphrase or --passphrase-file"), "{text}");
    fs::write(at.join("right"), "geheim\n").unwrap();
    fs::write(at.join("wrong"), "falsch\n").unwrap();
    let (code, text) = sealwire_certs(at, &format!("{files} --passphrase-file right"));
    assert!(code == Some(0) && text.contains("the private key of 'server-cert.pem'"), "{text}");
    let (code, text) = sealwire_certs(at, &format!("{files} --passphrase-file wrong"));
    assert!(code == Some(1) && text.contains("WRONG: 'server-key.pem' can't be decrypted"), "{text}");
    openssl(at, &format!("req -newkey {EC} -nodes -keyout server-key.pem -out other-req.pem -subj /CN=other"));
    let (code, text) = sealwire_certs(at, files);
    assert!(code == Some(1) && text.contains("WRONG: the private key is not that of 'server-cert.pem'"), "{text}");
}

/// A user who can write where the certificates go leads nobody elsewhere, and is told of.
#[cfg(unix)]
#[test]
fn other_users_do_not_choose_where_keys_go() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};

    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let mode = |name: &str| fs::metadata(at.join(name)).unwrap().permissions().mode() & 0o7777;
    let allow = |name: &str, mode| fs::set_permissions(at.join(name), fs::Permissions::from_mode(mode)).unwrap();
    // The umask lets everybody write.
    let program = env!("CARGO_BIN_EXE_sealwire-certs");
    let made = Command::new("sh")
        .current_dir(at)
        .args(["-c", &format!("umask 0; exec {program} --dir=new/inner --host=localhost")])
        .output()
        .unwrap();
    assert!(made.status.success() && made.stderr.is_empty(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!((mode("new"), mode("new/inner"), mode("new/inner/server-key.pem")), (0o755, 0o755, 0o600));

    for (name, open, warns) in [("open", 0o777, true), ("sticky", 0o1777, false), ("group", 0o775, false)] {
        fs::create_dir(at.join(name)).unwrap();
        allow(name, open);
        let (code, text) = sealwire_certs(at, &format!("--dir {name}"));
        assert_eq!(code, Some(0), "{text}");
        assert_eq!(text.contains("warning: every user of this machine can replace"), warns, "{text}");
    }
    // Only root makes something in another's name.
    if fs::metadata(at).unwrap().uid() != 0 {
        return;
    }
    fs::create_dir(at.join("theirs")).unwrap();
    chown(at.join("theirs"), Some(65_534), None).unwrap();
    let (code, text) = sealwire_certs(at, "--dir theirs");
    assert!(code == Some(0) && text.contains("warning: 'theirs' belongs to user 65534"), "{text}");
    fs::create_dir(at.join("aim")).unwrap();
    for (place, is_followed) in [("open", false), ("sticky", false), ("theirs", true)] {
        let link = at.join(place).join("link");
        symlink(at.join("aim"), &link).unwrap();
        lchown(&link, Some(65_534), None).unwrap();
        for dir in [format!("{place}/link"), format!("{place}/link/{place}")] {
            let (code, text) = sealwire_certs(at, &format!("--dir {dir}"));
            assert_eq!(code == Some(0), is_followed, "{text}");
            assert!(is_followed || text.contains("link' is a link that another user has made"), "{text}");
        }
    }
}
