//! The log and the tables after SIGKILL within a commit. `tests/replication/chain/killed.rs` kills at random points.

use sealwire_tests::programs::needs;
use sealwire_tests::workload::{Dice, EVERY_TYPE, SHOW_EVERY};

use super::world::{MARIADB, World, sql};

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
