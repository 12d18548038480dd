//! A running dump ends with a sentence when its account or its certificate is no longer good enough.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;

use super::world::{MARIADB, PEERS, World, error, sql};

/// A dump of mariadb-binlog's that waits for more, once it has printed the first row.
pub(super) fn waiting_dump(world: &World, command: &mut Command) -> Child {
    sql(
        world.ours(),
        "CREATE DATABASE IF NOT EXISTS d; CREATE TABLE IF NOT EXISTS d.t (a INT); INSERT INTO d.t VALUES (1)",
    );
    let mut child = command
        .args(["--stop-never", "-v", "binlog.000001"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains("@1=1") {
        assert_eq!(out.read(&mut byte).unwrap(), 1, "the dump ended early: {}", String::from_utf8_lossy(&said));
        said.push(byte[0]);
    }
    child
}

/// The end of a dump: what it says.
pub(super) fn last_words(mut child: Child) -> String {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success(), "{said}");
    said
}

#[test]
fn a_dump_ends_with_its_right() {
    if !needs(PEERS) {
        return;
    }
    let account = format!(
        "SET sql_log_bin = 0; DROP USER IF EXISTS repl@'%'; CREATE USER repl@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}' REQUIRE X509; \
         GRANT REPLICATION SLAVE ON *.* TO repl@'%'; SET sql_log_bin = 1;"
    );
    let world = World::new(&[MARIADB]);
    for (change, expected) in [
        ("DROP USER repl@'%'", "the account was dropped or renamed"),
        ("ALTER USER repl@'%' ACCOUNT LOCK", "the account is locked"),
        ("REVOKE REPLICATION SLAVE ON *.* FROM repl@'%'", "the account has lost the privilege REPLICATION SLAVE"),
        ("ALTER USER repl@'%' REQUIRE SUBJECT '/CN=another'", "REQUIRE clause is no longer met"),
    ] {
        sql(world.ours(), &account);
        let dump = waiting_dump(&world, &mut world.binlog_tool());
        sql(world.ours(), change);
        let said = last_words(dump);
        assert!(
            said.contains("The binary log is no longer sent to 'repl'@'%'") && said.contains(expected),
            "{change}: {said}"
        );
        // Later commits reach nobody.
        assert!(!sql(world.ours(), "SHOW PROCESSLIST").contains("Binlog Dump"));
    }
    sql(world.ours(), &account);
    let dump = waiting_dump(&world, &mut world.binlog_tool());
    let id = sql(world.ours(), "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'");
    sql(world.ours(), &format!("KILL {}", id.trim()));
    assert!(last_words(dump).contains("ERROR"));
}

#[test]
fn a_dump_ends_when_its_certificate_is_revoked() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let dump = waiting_dump(&world, &mut world.binlog_tool());
    let list = CertificateSet::revocation_list(world.place.path(), &world.certificates.client_cert);
    sql(world.ours(), &format!("SET GLOBAL ssl_crl = '{}'; ALTER INSTANCE RELOAD TLS", list.display()));
    let said = last_words(dump);
    assert!(said.contains("its certificate is no longer valid") && said.contains("revoked"), "{said}");
}

/// Another account can't end a replica's dump by giving its number; the same account's newer dump ends the older one.
#[test]
fn a_number_is_one_replicas() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    sql(
        world.ours(),
        &format!(
            "SET sql_log_bin = 0; CREATE USER other@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}' REQUIRE X509; \
             GRANT REPLICATION SLAVE ON *.* TO other@'%'"
        ),
    );
    let numbered = |user: &str| {
        let mut command = world.binlog_tool();
        command.args([&format!("--user={user}"), "--stop-never-slave-server-id=55"]);
        command
    };
    let first = waiting_dump(&world, &mut numbered("repl"));
    let mut thief = numbered("other");
    let thief =
        thief.args(["--stop-never", "binlog.000001"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let said = last_words(thief);
    assert!(said.contains("already connected") && said.contains("repl"), "{said}");
    let mut second = waiting_dump(&world, &mut numbered("repl"));
    assert!(last_words(first).contains("already connected"));
    assert!(error(world.ours(), "KILL 4294967295").contains("1094"));
    second.kill().unwrap();
    second.wait().unwrap();
}

/// Without heartbeats nothing is sent to a client that is gone, so that no write tells the server.
#[test]
fn a_dump_ends_with_its_client() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let mut dump = waiting_dump(&world, &mut world.binlog_tool());
    dump.kill().unwrap();
    dump.wait().unwrap();
    assert!(world.ours().wait_for_log("has ended: the connection is gone"), "{}", world.ours().log());
    assert!(!sql(world.ours(), "SHOW PROCESSLIST").contains("Binlog Dump"));
}
