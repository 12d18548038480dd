//! Clients of the replica that have what the applier needs.

use sealwire_tests::clients;
use sealwire_tests::programs::needs;

use super::world::{PEERS, World, sql, status};

type Client = sealwire::Client<sealwire::Socket>;

/// A replica whose applier tries nothing again, and an account that has one database alone.
fn world() -> World {
    let world = World::new(&["--slave-transaction-retries=0"]);
    sql(
        world.primary(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b LONGTEXT); CREATE DATABASE e; CREATE TABLE e.t (a INT PRIMARY KEY);
         INSERT INTO d.t VALUES (1, REPEAT('x', 5000000)), (2, REPEAT('x', 5000000)), (3, REPEAT('x', 5000000))",
    );
    sql(
        world.ours(),
        &format!(
            "CREATE USER al@localhost; GRANT ALL ON d.* TO al@localhost; {}; START SLAVE",
            world.change("repl", "MASTER_USE_GTID=slave_pos")
        ),
    );
    world.wait();
    sql(world.ours(), "CREATE TABLE d.own (a INT)");
    world
}

fn client(world: &World) -> Client {
    let mut config = clients::plain("al");
    config.password = "".into();
    sealwire::Client::connect(&sealwire::Address::Unix(world.ours().socket.clone()), config).unwrap()
}

#[track_caller]
fn run(client: &mut Client, sql: &str) {
    let mut result = client.query(sql).unwrap();
    while result.next().unwrap().is_some() {}
}

/// The number of a statement's error, and its text.
#[track_caller]
fn refused(client: &mut Client, sql: &str) -> (u16, String) {
    let error = client.query(sql).map(drop).unwrap_err().to_sql_error();
    (error.code, error.message)
}

/// Has the primary change both databases, and waits until the replica has that.
#[track_caller]
fn replicate(world: &World, number: u32) {
    sql(
        world.primary(),
        &format!("BEGIN; INSERT INTO d.t VALUES ({number}, ''); INSERT INTO e.t VALUES ({number}); COMMIT"),
    );
    world.wait();
    assert_eq!(status(world.ours())["Last_SQL_Errno"], "0");
}

#[test]
fn no_client_of_the_replica_holds_up_the_applier() {
    if !needs(PEERS) {
        return;
    }
    let world = world();
    let needed = "the replica's applier needed the database 'd'";

    // A writer that does nothing more.
    let mut writer = client(&world);
    run(&mut writer, "BEGIN");
    run(&mut writer, "INSERT INTO d.own VALUES (-1)");
    replicate(&world, 10);
    let (code, text) = refused(&mut writer, "COMMIT");
    assert!(code == 1213 && text.contains(needed), "{code} {text}");
    run(&mut writer, "INSERT INTO d.own VALUES (1)");

    // A writer that does not read a result.
    run(&mut writer, "BEGIN");
    run(&mut writer, "INSERT INTO d.own VALUES (-2)");
    let mut unread = writer.query("SELECT * FROM d.t").unwrap();
    replicate(&world, 11);
    let error = loop {
        match unread.next() {
            Ok(row) => assert!(row.is_some(), "the result is whole"),
            Err(error) => break error.to_sql_error(),
        }
    };
    assert!(error.code == 1213 && error.message.contains(needed), "{error:?}");
    drop(unread);
    run(&mut writer, "INSERT INTO d.own VALUES (2)");

    // A writer that runs a long statement.
    let mut slow = client(&world);
    let running = std::thread::spawn(move || {
        let slow_rows = "INSERT INTO d.own WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT COUNT(*) FROM r AS x, r AS y, r AS z, r AS zz";
        refused(&mut slow, slow_rows)
    });
    world.until_running("AS zz");
    replicate(&world, 12);
    let (code, text) = running.join().unwrap();
    assert!(code == 1213 && text.contains(needed), "{code} {text}");

    // Readers keep what they read, and LOCK TABLES locks nobody out.
    let mut reader = client(&world);
    run(&mut reader, "BEGIN");
    run(&mut reader, "SELECT COUNT(*) FROM d.t");
    let mut locker = client(&world);
    run(&mut locker, "LOCK TABLES d.t WRITE");
    let mut other = client(&world);
    let mut unread = other.query("SELECT * FROM d.t").unwrap();
    replicate(&world, 13);
    let mut counted = reader.query("SELECT COUNT(*) FROM d.t").unwrap();
    let count = counted.next().unwrap().unwrap().iter().next().unwrap().unwrap().unwrap().to_vec();
    assert_eq!(count, b"6", "the reader's snapshot");
    drop(counted);
    while unread.next().unwrap().is_some() {}
    drop(unread);
    run(&mut locker, "UNLOCK TABLES");

    // Definitions.
    run(&mut writer, "BEGIN");
    run(&mut writer, "INSERT INTO d.own VALUES (-4)");
    sql(world.primary(), "ALTER TABLE d.t ADD COLUMN c INT");
    world.wait();
    assert_eq!(refused(&mut writer, "SELECT 1 FROM d.own").0, 1213);
    world.same("SELECT a, c FROM d.t");
    world.same("SELECT * FROM e.t");
    assert_eq!(sql(world.ours(), "SELECT a FROM d.own ORDER BY a"), "1\n2\n", "nothing is half kept");
    run(&mut writer, "BEGIN");
    run(&mut writer, "INSERT INTO d.own VALUES (-5)");
    sql(world.primary(), "DROP DATABASE d");
    world.wait();
    assert_eq!(refused(&mut writer, "COMMIT").0, 1213);
    let told = status(world.ours());
    assert_eq!((told["Slave_SQL_Running"].as_str(), told["Last_SQL_Errno"].as_str()), ("Yes", "0"), "{told:?}");
}
