//! SIGKILL at random points: what was committed is in the log and at the replica, what was not is in neither.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use sealwire_tests::programs::needs;

use super::workload::{Dice, EVERY_TYPE, SHOW_EVERY};
use super::world::{MARIADB, PEERS, World, sql};

/// How many times the server is killed.
const ROUNDS: usize = 4;

#[test]
fn a_killed_primary_and_its_replica_have_the_same_rows() {
    if !needs(PEERS) {
        return;
    }
    let mut world = World::new(&[MARIADB, "--max-binlog-size=60000"]);
    let seed = std::env::var("SEALWIRE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
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
    for round in 0..ROUNDS {
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
