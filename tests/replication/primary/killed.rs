//! SIGKILL at random points: what was committed is in the log and at the replica, what was not is in neither.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use sealwire_tests::programs::needs;

use super::workload::{Dice, EVERY_TYPE, SHOW_EVERY};
use super::world::{MARIADB, PEERS, World, sql};

/// How many times the server is killed; `cargo xtask faults --rounds N` sets another number.
const ROUNDS: usize = 4;

/// The tables of a server that was killed between the commits of a transaction's two databases, which the log then makes alike: one database
/// is given its files from before the transaction.
#[test]
fn a_transaction_that_reached_one_of_two_databases_reaches_the_other_at_the_next_start() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    for options in
        [&[MARIADB][..], &["--version=8.0.99-Sealwire", "--gtid-mode=ON"], &[MARIADB, "--binlog-row-image=MINIMAL"]]
    {
        let mut world = World::new(options);
        let seed = seed();
        let mut dice = Dice::new(seed);
        let first: String = (0..30).map(|_| dice.statement() + ";\n").collect();
        sql(
            world.ours(),
            &format!(
                "CREATE DATABASE d; CREATE DATABASE e;\n{EVERY_TYPE}\nCREATE TABLE e.other (a INT PRIMARY KEY, b TEXT);
                 CREATE TABLE d.keyless (a INT, f FLOAT, n DECIMAL(9,3), g INT AS (a + 1) VIRTUAL, b BIT(9));
                 INSERT INTO d.keyless (a, f, n, b) VALUES (1, 0.1, 1.5, x'01ff'), (1, 0.1, 1.5, x'01ff'), (2, NULL, -2, NULL);\n{first}"
            ),
        );
        let keyless = "SELECT a, f, n, g, HEX(b) FROM d.keyless ORDER BY a, f, n";
        let before = sql(world.ours(), SHOW_EVERY);
        let data = world.ours().folder().join("data");
        let files = ["d.sqlite", "d.sqlite-wal"].map(|name| data.join(name));
        let old = files.each_ref().map(|file| std::fs::read(file).ok());
        let changes: String = (0..40).map(|_| dice.statement() + ";\n").collect();
        sql(
            world.ours(),
            &format!(
                "BEGIN; INSERT INTO e.other VALUES (1, 'x');\n{changes}DELETE FROM d.keyless WHERE a = 1 LIMIT 1;
                 UPDATE d.keyless SET n = 7.125, f = 0.3 WHERE a = 2; UPDATE e.other SET b = 'y'; COMMIT"
            ),
        );
        let after = [SHOW_EVERY, keyless].map(|query| sql(world.ours(), query));
        assert!(before != after[0]);
        let position = sql(world.ours(), "SHOW MASTER STATUS");
        world.kill_and_restart_with(|| {
            for (file, old) in files.iter().zip(&old) {
                match old {
                    Some(old) => std::fs::write(file, old).unwrap(),
                    None => _ = std::fs::remove_file(file),
                }
            }
            let _ = std::fs::remove_file(data.join("d.sqlite-shm"));
        });
        let log = world.ours().log();
        assert!(log.contains("is now in 'd', too"), "seed {seed}: {log}");
        for (query, after) in [SHOW_EVERY, keyless].iter().zip(&after) {
            let now = sql(world.ours(), query);
            let unlike: Vec<_> = now.lines().zip(after.lines()).filter(|(now, after)| now != after).take(2).collect();
            assert!(now == *after, "seed {seed}, {options:?}: {unlike:?}");
        }
        assert_eq!(sql(world.ours(), "SELECT * FROM e.other"), "1\ty\n");
        // The log goes on behind the transaction.
        let name = position.split('\t').next().unwrap();
        assert!(sql(world.ours(), "SHOW BINARY LOGS").starts_with(name));
        world.kill_and_restart();
        assert_eq!(sql(world.ours(), SHOW_EVERY), after[0]);
    }
}

/// The definition is in the log before it takes effect, so that a killed server carries it out at the next start.
#[test]
fn a_database_is_created_or_dropped_as_the_log_has_it() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let mut world = World::new(&[MARIADB]);
    sql(world.ours(), "CREATE DATABASE dropped; CREATE TABLE dropped.t (a INT)");
    let file = |world: &World, name: &str| world.ours().folder().join("data").join(format!("{name}.sqlite"));
    let (old, created) = (file(&world, "dropped"), file(&world, "created"));
    let contents = std::fs::read(&old).unwrap();
    sql(world.ours(), "DROP DATABASE dropped");
    world.kill_and_restart_with(|| std::fs::write(&old, &contents).unwrap());
    assert_eq!(sql(world.ours(), "SHOW DATABASES LIKE 'dropped'"), "", "{}", world.ours().log());
    sql(world.ours(), "CREATE DATABASE created");
    world.kill_and_restart_with(|| std::fs::remove_file(&created).unwrap());
    assert_eq!(sql(world.ours(), "SHOW DATABASES LIKE 'created'"), "created\n");
    // Nothing is carried out twice.
    sql(world.ours(), "CREATE TABLE created.t (a INT)");
    world.kill_and_restart();
    assert_eq!(sql(world.ours(), "SHOW TABLES FROM created"), "t\n");
}

fn seed() -> u64 {
    let given = std::env::var("SEALWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    seed
}

#[test]
fn a_killed_primary_and_its_replica_have_the_same_rows() {
    if !needs(PEERS) {
        return;
    }
    let mut world = World::new(&[MARIADB, "--max-binlog-size=60000"]);
    let rounds = std::env::var("SEALWIRE_FAULTS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut dice = Dice::new(seed());
    sql(
        world.ours(),
        &format!(
            "CREATE DATABASE d; CREATE DATABASE e;\n{EVERY_TYPE}\nCREATE TABLE e.other (a INT PRIMARY KEY, b TEXT)"
        ),
    );
    let replica = world.replica();
    world.follow(&replica, "slave_pos");
    world.wait(&replica);
    let mut number = 0;
    for round in 0..rounds {
        let mut writers = Vec::new();
        for _ in 0..2 {
            let mut statements = String::new();
            for _ in 0..400 {
                number += 1;
                statements.push_str(&dice.transaction());
                // Both files change in one transaction.
                statements.push_str(&format!(
                    "BEGIN; INSERT INTO e.other VALUES ({number}, 'x'); {}; COMMIT;\n",
                    dice.statement()
                ));
                statements.push_str(&format!("{};\n", dice.statement()));
            }
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "--user=root", "--force", "--batch"]);
            client.arg(format!("--socket={}", world.ours().socket.display()));
            client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut client = client.spawn().unwrap();
            let mut input = client.stdin.take().unwrap();
            thread::spawn(move || {
                // The client ends with the server.
                let _ = std::io::Write::write_all(&mut input, statements.as_bytes());
            });
            writers.push(client);
        }
        // The point of the kill is the test's subject, so that this is no wait for anything.
        thread::sleep(Duration::from_millis(100 + dice.roll(900)));
        world.kill_and_restart();
        for mut writer in writers {
            // Without its server it has nothing to end in order.
            let _ = writer.kill();
            writer.wait().unwrap();
        }
        world.wait(&replica);
        world.same(&replica, SHOW_EVERY);
        world.same(&replica, "SELECT * FROM e.other ORDER BY a");
        println!("round {round}: {} rows", sql(world.ours(), "SELECT COUNT(*) FROM d.every").trim());
        sql(world.ours(), "INSERT INTO d.every (t) VALUES (1)");
        world.wait(&replica);
        world.same(&replica, "SELECT COUNT(*) FROM d.every");
    }
}
