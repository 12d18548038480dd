//! `sealwire-certs --ca-dir` as an operator runs it: renewals, further clients and revocations; OpenSSL checks the results.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(directory: &Path, program: &str, arguments: &str) -> Output {
    let mut command = Command::new(program);
    command.current_dir(directory).args(arguments.split_whitespace());
    command.output().expect("these tests need the openssl command")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn certs(directory: &Path, arguments: &str) -> String {
    let output = run(directory, env!("CARGO_BIN_EXE_sealwire-certs"), arguments);
    assert!(output.status.success(), "{arguments}: {}", text(&output));
    text(&output)
}

/// Runs the program where it must fail, and checks that its error text names the thing and the way out.
#[track_caller]
fn refused(directory: &Path, arguments: &str, said: &[&str]) {
    let output = run(directory, env!("CARGO_BIN_EXE_sealwire-certs"), arguments);
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(1), "{arguments}: {shown}");
    assert!(said.iter().all(|part| shown.contains(part)), "{arguments}: {shown}");
}

#[track_caller]
fn openssl(directory: &Path, arguments: &str) -> String {
    let output = run(directory, "openssl", arguments);
    assert!(output.status.success(), "openssl {arguments}: {}", text(&output));
    text(&output)
}

fn verify_with_list(directory: &Path, certificate: &str) -> String {
    text(&run(directory, "openssl", &format!("verify -crl_check -CAfile ca.pem -CRLfile crl.pem {certificate}")))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_server_certificate_is_renewed_with_its_key() {
    for kind in ["", "--rsa=2048"] {
        let place = tempfile::tempdir().unwrap();
        let at = place.path();
        certs(at, &format!("--host=db1.example --host=10.1.2.3 --days=90 {kind}"));
        let serial = |at: &Path| openssl(at, "x509 -in server-cert.pem -noout -serial");
        let (old_serial, old_key) = (serial(at), fs::read(at.join("server-key.pem")).unwrap());
        let before = names(at);
        let said = certs(at, "--ca-dir=. --renew-server");
        assert!(said.contains("/CN=db1.example for db1.example, 10.1.2.3, valid until "), "{said}");
        assert!(said.contains("ALTER INSTANCE RELOAD TLS"), "{said}");
        assert_ne!(serial(at), old_serial);
        assert_ne!(fs::read(at.join("server-key.pem")).unwrap(), old_key);
        assert_eq!(names(at), before, "nothing is left beside them");
        openssl(
            at,
            "verify -x509_strict -purpose sslserver -CAfile ca.pem -verify_hostname db1.example server-cert.pem",
        );
        openssl(at, "verify -x509_strict -purpose sslserver -CAfile ca.pem -verify_ip 10.1.2.3 server-cert.pem");
        // The certificate does not outlive the CA, and its key is of the CA's kind.
        let end = |file: &str| openssl(at, &format!("x509 -in {file} -noout -enddate"));
        assert_eq!(end("server-cert.pem"), end("ca.pem"));
        let key = openssl(at, "pkey -in server-key.pem -noout -text");
        assert_eq!(key.contains("(2048 bit"), !kind.is_empty(), "{key}");
        certs(at, "--check");

        certs(at, "--ca-dir=. --renew-server --host=db2.example --days=5");
        openssl(at, "verify -CAfile ca.pem -verify_hostname db2.example server-cert.pem");
        assert!(certs(at, "--check").contains("it expires soon"));
        // The same CA issues a certificate for another machine.
        certs(at, "--ca-dir=. --dir=db3 --renew-server --host=db3.example");
        openssl(at, "verify -CAfile ca.pem -verify_hostname db3.example db3/server-cert.pem");
        assert_eq!(names(&at.join("db3")), ["server-cert.pem", "server-key.pem"]);
    }
}

#[test]
fn what_can_not_be_renewed_stays() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=one");
    certs(at, "--dir=two");
    let key = || fs::read(at.join("two/server-key.pem")).unwrap();
    let old = key();
    refused(
        at,
        "--ca-dir=one --dir=two --renew-server",
        &["two/server-cert.pem' was issued by ", "--ca-dir", "not replaced"],
    );
    refused(at, "--ca-dir=one --dir=empty --renew-server", &["no 'empty/server-cert.pem'", "--host"]);
    refused(at, "--ca-dir=two --renew-server --host=a:1", &["names no port"]);
    assert_eq!(key(), old);
    refused(at, "--dir=one", &["there is a CA in 'one' already", "--ca-dir='one'", "--renew-server"]);
    refused(
        at,
        "--ca-dir=one",
        &["add --renew-server, --client-name=NAME, --revoke=FILE, --renew-crl, --new-crl or --renew-ca"],
    );
    refused(at, "--ca-dir=nowhere --renew-server", &["can't read 'nowhere/ca.pem'"]);
    // Where a link leads to another program's key, that key is kept.
    fs::remove_file(at.join("two/server-key.pem")).unwrap();
    std::os::unix::fs::symlink(at.join("one/server-key.pem"), at.join("two/server-key.pem")).unwrap();
    let others = key();
    refused(
        at,
        "--ca-dir=two --renew-server",
        &["'two/server-key.pem' is a link, and is not known to lead to the key of", "--dir"],
    );
    assert_eq!(key(), others);
    // A key that does not fit its certificate is replaced, because renewing repairs that.
    fs::remove_file(at.join("two/server-key.pem")).unwrap();
    fs::write(at.join("two/server-key.pem"), &others).unwrap();
    certs(at, "--ca-dir=two --renew-server");
    assert_ne!(key(), others);
    let others = key();
    fs::copy(at.join("one/ca-key.pem"), at.join("two/ca-key.pem")).unwrap();
    refused(at, "--ca-dir=two --renew-server", &["'two/ca.pem' does not belong to the key in 'two/ca-key.pem'"]);
    fs::copy(at.join("one/server-cert.pem"), at.join("one/ca.pem")).unwrap();
    refused(at, "--ca-dir=one --renew-server", &["'one/ca.pem' is the certificate of /CN=localhost, which is no CA"]);
    assert_eq!(key(), others);
}

#[cfg(unix)]
#[test]
fn a_client_gets_files_of_its_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=certs");
    certs(at, "--ca-dir=certs --client-name=bob --days=7");
    certs(at, "--ca-dir=certs --client-name=../x --dir=elsewhere");
    assert_eq!(names(&at.join("elsewhere")), ["_.._x-cert.pem", "_.._x-key.pem"]);
    let certs_folder = at.join("certs");
    openssl(&certs_folder, "verify -x509_strict -purpose sslclient -CAfile ca.pem bob-cert.pem");
    assert_eq!(openssl(&certs_folder, "x509 -in bob-cert.pem -noout -subject").trim(), "subject=CN = bob");
    assert_eq!(fs::metadata(certs_folder.join("bob-key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    let old = fs::read(certs_folder.join("bob-cert.pem")).unwrap();
    refused(at, "--ca-dir=certs --client-name=bob", &["bob-cert.pem' exists and is not overwritten"]);
    refused(at, "--ca-dir=certs --client-name=client", &["client-cert.pem' exists and is not overwritten"]);
    refused(at, "--ca-dir=certs --client-name=ca", &["ca-key.pem' exists and is not overwritten"]);
    assert_eq!(fs::read(certs_folder.join("bob-cert.pem")).unwrap(), old);
    assert!(!certs_folder.join("ca-cert.pem").exists(), "all or nothing");
}

#[test]
fn a_key_of_a_ca_may_be_encrypted() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    openssl(at, "pkcs8 -topk8 -v2 aes-256-cbc -in ca-key.pem -out encrypted.pem -passout pass:geheim");
    fs::rename(at.join("encrypted.pem"), at.join("ca-key.pem")).unwrap();
    fs::write(at.join("passphrase"), "geheim\n").unwrap();
    refused(at, "--ca-dir=. --renew-server", &["'./ca-key.pem' is encrypted", "--ssl-passphrase or --passphrase-file"]);
    refused(at, "--ca-dir=. --renew-server --ssl-passphrase=falsch", &["can't be decrypted: the passphrase is wrong"]);
    for passphrase in ["--ssl-passphrase=geheim", "--ssl-passphrase=file:passphrase", "--passphrase-file=passphrase"] {
        certs(at, &format!("--ca-dir=. --renew-server {passphrase}"));
        certs(at, &format!("--ca-dir=. --revoke=client-cert.pem {passphrase}"));
    }
    assert!(verify_with_list(at, "client-cert.pem").contains("certificate revoked"));
}

#[test]
fn what_is_revoked_stays_revoked() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    for name in ["bob", "eve"] {
        certs(at, &format!("--ca-dir=. --client-name={name}"));
    }
    let number = || openssl(at, "crl -in crl.pem -noout -crlnumber").trim().to_owned();
    let entries = || {
        let list = openssl(at, "crl -in crl.pem -noout -text");
        list.lines().filter(|line| line.contains("Serial Number:") || line.contains("Revocation Date:")).count() / 2
    };
    certs(at, "--ca-dir=. --new-crl");
    assert_eq!((number().as_str(), entries()), ("crlNumber=0x01", 0));
    assert!(verify_with_list(at, "bob-cert.pem").contains("bob-cert.pem: OK"));

    let said = certs(at, "--ca-dir=. --revoke=bob-cert.pem");
    assert!(
        said.contains("bob-cert.pem: revoked since ") && said.contains("revoked certificates: 1, next update "),
        "{said}"
    );
    assert!(said.contains("ALTER INSTANCE RELOAD TLS") && said.contains("--ssl-crl=./crl.pem"), "{said}");
    assert_eq!((number().as_str(), entries()), ("crlNumber=0x02", 1));
    assert!(verify_with_list(at, "bob-cert.pem").contains("certificate revoked"));
    assert!(verify_with_list(at, "eve-cert.pem").contains("eve-cert.pem: OK"));
    assert!(verify_with_list(at, "server-cert.pem").contains("server-cert.pem: OK"));

    // The second revocation keeps the first one's time, and the list's number rises.
    let again = certs(at, "--ca-dir=. --revoke=bob-cert.pem --revoke=eve-cert.pem --crl-days=3");
    assert_eq!(again.lines().next(), said.lines().next());
    assert_eq!((number().as_str(), entries()), ("crlNumber=0x03", 2));
    for name in ["bob", "eve"] {
        assert!(verify_with_list(at, &format!("{name}-cert.pem")).contains("certificate revoked"), "{name}");
    }
    openssl(at, "crl -in crl.pem -noout -CAfile ca.pem");

    certs(at, "--dir=other");
    let list = fs::read(at.join("crl.pem")).unwrap();
    refused(
        at,
        "--ca-dir=other --revoke=bob-cert.pem",
        &["'bob-cert.pem' was issued by /CN=Sealwire CA ", "only the CA that"],
    );
    refused(at, "--ca-dir=other --crl=crl.pem --renew-crl", &["'crl.pem' is a revocation list of another CA", "--crl"]);
    refused(at, "--ca-dir=. --revoke=ca.pem", &["is the certificate of the CA itself", "--ssl-ca"]);
    refused(at, "--ca-dir=. --renew-crl --crl-days=0", &["one day at least (--crl-days)"]);
    refused(at, "--ca-dir=. --revoke=crl.pem", &["'crl.pem' holds no certificate"]);
    assert_eq!(fs::read(at.join("crl.pem")).unwrap(), list);
}

/// An empty list in the place of a lost one would make the revoked certificates count again.
#[test]
fn a_lost_list_is_not_renewed_as_an_empty_one() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    certs(at, "--ca-dir=. --client-name=bob");
    let said = certs(at, "--ca-dir=. --revoke=bob-cert.pem");
    assert!(said.contains("this is a new list: "), "{said}");
    refused(at, "--ca-dir=. --new-crl", &["there is a revocation list './crl.pem' already", "--renew-crl", "--crl"]);
    fs::rename(at.join("crl.pem"), at.join("kept.pem")).unwrap();
    refused(
        at,
        "--ca-dir=. --renew-crl",
        &["there is no revocation list './crl.pem' to renew", "restore the file", "--crl", "--new-crl"],
    );
    assert!(!at.join("crl.pem").exists());
    // A link that leads nowhere is a lost list too.
    std::os::unix::fs::symlink("nowhere.pem", at.join("crl.pem")).unwrap();
    refused(at, "--ca-dir=. --renew-crl", &["there is no revocation list './crl.pem' to renew"]);
    fs::remove_file(at.join("crl.pem")).unwrap();
    fs::rename(at.join("kept.pem"), at.join("crl.pem")).unwrap();
    let said = certs(at, "--ca-dir=. --renew-crl");
    assert!(said.contains("revoked certificates: 1") && !said.contains("this is a new list"), "{said}");
    assert!(verify_with_list(at, "bob-cert.pem").contains("certificate revoked"));
    // An empty list is made by an option of its own.
    let said = certs(at, "--ca-dir=. --new-crl --crl=first.pem");
    assert!(
        said.contains("first.pem: revoked certificates: 0, next update ") && !said.contains("this is a new list"),
        "{said}"
    );
}

#[test]
fn lists_that_openssl_made_are_continued() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    certs(at, "--ca-dir=. --client-name=bob");
    fs::write(at.join("index.txt"), "").unwrap();
    fs::write(at.join("serial"), "1000\n").unwrap();
    fs::write(at.join("number"), "0ff0\n").unwrap();
    let book = "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n";
    fs::write(at.join("v1.cnf"), book).unwrap();
    fs::write(at.join("v2.cnf"), format!("{book}crlnumber=number\n")).unwrap();
    openssl(at, "ca -config v1.cnf -cert ca.pem -keyfile ca-key.pem -revoke bob-cert.pem -crl_reason keyCompromise");
    for (config, number) in [("v1", "0x01"), ("v2", "0x0FF1")] {
        openssl(
            at,
            &format!("ca -config {config}.cnf -cert ca.pem -keyfile ca-key.pem -gencrl -crldays 30 -out crl.pem"),
        );
        certs(at, "--check crl.pem ca.pem");
        certs(at, "--ca-dir=. --revoke=client-cert.pem");
        assert_eq!(openssl(at, "crl -in crl.pem -noout -crlnumber").trim(), format!("crlNumber={number}"));
        let list = openssl(at, "crl -in crl.pem -noout -text");
        assert!(list.contains("Key Compromise"), "{list}");
        for name in ["bob", "client"] {
            assert!(verify_with_list(at, &format!("{name}-cert.pem")).contains("certificate revoked"), "{name}");
        }
    }
}

#[test]
fn check_reads_lists() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    certs(at, "--ca-dir=. --revoke=client-cert.pem");
    let said = certs(at, "--check");
    assert!(said.contains("crl.pem: revocation list of /CN=Sealwire CA "), "{said}");
    assert!(said.contains(", number 1, revoked certificates: 1, next update "), "{said}");
    assert!(said.contains("client-cert.pem: it is revoked since "), "{said}");
    assert!(said.ends_with("no problems, except for revoked certificates: 1\n"), "{said}");
    certs(at, "--check crl.pem");
    certs(at, "--ca-dir=. --revoke=server-cert.pem");
    refused(at, "--check", &["server-cert.pem: WRONG: it is revoked since "]);

    certs(at, "--dir=other");
    refused(
        at,
        "--check crl.pem other/ca.pem",
        &["crl.pem: WRONG: it is of /CN=Sealwire CA ", "none of the CAs given"],
    );
    fs::write(at.join("index.txt"), "").unwrap();
    fs::write(at.join("serial"), "1000\n").unwrap();
    fs::write(at.join("ca.cnf"), "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n").unwrap();
    let period = "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z";
    openssl(at, &format!("ca -config ca.cnf -cert ca.pem -keyfile ca-key.pem -gencrl {period} -out old.pem"));
    refused(at, "--check old.pem", &["WRONG: it is out of date since Feb  1 00:00:00 2020 GMT", "--renew-crl"]);
    let partial = "[x]\nissuingDistributionPoint=critical,onlyuser:TRUE\n";
    fs::write(
        at.join("partial.cnf"),
        format!("[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ndefault_md=sha256\n{partial}"),
    )
    .unwrap();
    let line = "ca -config partial.cnf -cert ca.pem -keyfile ca-key.pem -gencrl -crldays 9 -crlexts x -out partial.pem";
    openssl(at, line);
    refused(at, "--check partial.pem", &["WRONG: it has a critical extension (a delta or partial list)"]);
    refused(at, "--ca-dir=. --crl=partial.pem --renew-crl", &["'partial.pem' has a critical extension", "--crl"]);
    fs::write(at.join("broken.pem"), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").unwrap();
    refused(at, "--check broken.pem", &["WRONG: revocation list 1 of the file can't be read"]);
    refused(
        at,
        "--ca-dir=. --crl=broken.pem --renew-crl",
        &["'broken.pem' holds a revocation list that can't be read", "--crl"],
    );
}

#[test]
fn check_names_a_ca_that_may_not_sign_its_list() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=.");
    certs(at, "--ca-dir=. --new-crl");
    let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=none\n";
    fs::write(at.join("usage.cnf"), extensions).unwrap();
    openssl(at, "x509 -in ca.pem -signkey ca-key.pem -clrext -extfile usage.cnf -days 99 -out bare.pem");
    let may_not = ["crl.pem: WRONG: the key usage of its CA /CN=Sealwire CA ", "(cRLSign)", "--renew-ca renews the CA"];
    refused(at, "--check crl.pem bare.pem", &may_not);
    let by_openssl = run(at, "openssl", "verify -crl_check -CAfile bare.pem -CRLfile crl.pem client-cert.pem");
    assert!(text(&by_openssl).contains("error 35 at 0 depth lookup"), "{}", text(&by_openssl));
    certs(at, "--check crl.pem ca.pem");
    certs(at, "--check crl.pem bare.pem ca.pem");
    fs::copy(at.join("bare.pem"), at.join("ca.pem")).unwrap();
    fs::remove_file(at.join("crl.pem")).unwrap();
    refused(at, "--ca-dir=. --new-crl", &["(cRLSign)", "--renew-ca"]);
    certs(at, "--ca-dir=. --renew-ca");
    let usage = openssl(at, "x509 -in ca.pem -noout -ext keyUsage");
    assert!(usage.contains("critical") && usage.contains("Certificate Sign, CRL Sign\n"), "{usage}");
    certs(at, "--ca-dir=. --new-crl");
    certs(at, "--check crl.pem ca.pem");
    openssl(at, "verify -crl_check -CAfile ca.pem -CRLfile crl.pem client-cert.pem");
}

#[test]
fn a_ca_is_renewed_with_its_key_and_what_it_issued_stays_valid() {
    for kind in ["", "--rsa=2048"] {
        let place = tempfile::tempdir().unwrap();
        let at = place.path();
        certs(at, &format!("--days=20 {kind}"));
        certs(at, "--ca-dir=. --client-name=bob");
        certs(at, "--ca-dir=. --revoke=bob-cert.pem");
        fs::copy(at.join("ca.pem"), at.join("old.pem")).unwrap();
        let key = fs::read(at.join("ca-key.pem")).unwrap();
        let before = names(at);
        let said = certs(at, "--ca-dir=. --renew-ca --days=4000");
        assert!(said.contains("./ca.pem: /CN=Sealwire CA ") && said.contains("valid until "), "{said}");
        assert!(said.contains("ALTER INSTANCE RELOAD TLS"), "{said}");
        assert_eq!(fs::read(at.join("ca-key.pem")).unwrap(), key);
        assert_eq!(names(at), before, "nothing is left beside it");
        let shown = |file: &str, what: &str| openssl(at, &format!("x509 -in {file} -noout {what}"));
        assert_ne!(shown("ca.pem", "-serial"), shown("old.pem", "-serial"));
        for same in ["-subject", "-issuer", "-pubkey", "-ext subjectKeyIdentifier,basicConstraints,keyUsage"] {
            assert_eq!(shown("ca.pem", same), shown("old.pem", same));
        }
        openssl(at, "x509 -in ca.pem -noout -checkend 340000000");
        for ca in ["ca.pem", "old.pem"] {
            openssl(at, &format!("verify -x509_strict -CAfile {ca} server-cert.pem client-cert.pem"));
        }
        assert!(verify_with_list(at, "bob-cert.pem").contains("certificate revoked"));
        assert!(verify_with_list(at, "client-cert.pem").contains("client-cert.pem: OK"));
        // The renewed CA issues as before, and for longer than the old one could.
        certs(at, "--ca-dir=. --renew-server --days=3000");
        openssl(at, "x509 -in server-cert.pem -noout -checkend 250000000");
        openssl(at, "verify -x509_strict -CAfile ca.pem server-cert.pem");
        certs(at, "--check ca.pem ca-key.pem server-cert.pem server-key.pem");
    }
}

/// A CA that OpenSSL makes by its defaults, with an authority key identifier that has its own serial number.
#[test]
fn a_ca_of_others_is_renewed_even_when_it_has_expired() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    let config = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nC=DE\nO=Some \\\\ Company\nCN=Old CA\n\
                  [ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n\
                  [any]\ncountryName=optional\norganizationName=optional\ncommonName=supplied\n\
                  [of_ca]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always,issuer:always\n\
                  basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n";
    fs::write(at.join("ca.cnf"), config).unwrap();
    fs::write(at.join("index.txt"), "").unwrap();
    fs::write(at.join("serial"), "1000\n").unwrap();
    openssl(at, "req -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.csr -config ca.cnf");
    openssl(
        at,
        "ca -selfsign -batch -config ca.cnf -extensions of_ca -keyfile ca-key.pem -in ca.csr -out ca.pem -notext \
         -startdate 20200101000000Z -enddate 20200201000000Z",
    );
    refused(at, "--ca-dir=. --client-name=bob", &["'./ca.pem' expired at ", "--renew-ca"]);
    let said = certs(at, "--ca-dir=. --renew-ca");
    assert!(said.contains("/C=DE/O=Some \\ Company/CN=Old CA, valid until "), "{said}");
    openssl(at, "verify -x509_strict -CAfile ca.pem ca.pem");
    certs(at, "--ca-dir=. --client-name=bob");
    openssl(at, "verify -x509_strict -CAfile ca.pem bob-cert.pem");
    // A file with two certificates can't be renewed, and stays unchanged.
    let two = [fs::read(at.join("ca.pem")).unwrap(), fs::read(at.join("ca.pem")).unwrap()].concat();
    fs::write(at.join("ca.pem"), &two).unwrap();
    refused(at, "--ca-dir=. --renew-ca", &["holds 2 certificates", "--ssl-ca"]);
    assert_eq!(fs::read(at.join("ca.pem")).unwrap(), two);
}

/// A path that an operator gives by mistake is reported at once, with its name.
#[test]
fn what_is_no_file_is_named_at_once() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    certs(at, "--dir=one");
    assert!(Command::new("mkfifo").arg(at.join("pipe")).status().unwrap().success());
    refused(at, "--check pipe", &["can't read 'pipe': it is a named pipe: give the path of a regular file"]);
    refused(at, "--check one", &["can't read 'one': it is a directory"]);
    refused(at, "--check /dev/zero", &["can't read '/dev/zero': it is a device"]);
    refused(at, "--ca-dir=one --revoke=pipe", &["can't read 'pipe': it is a named pipe"]);
    refused(at, "--ca-dir=one --client-name=x --passphrase-file=pipe", &["can't read 'pipe': it is a named pipe"]);
    fs::rename(at.join("pipe"), at.join("one/ca.pem")).ok();
    refused(at, "--ca-dir=one --renew-server", &["can't read 'one/ca.pem': it is a named pipe"]);
}
