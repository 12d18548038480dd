//! SIGKILL at random points of a random workload: source and replicas have the same tables after each round.

use std::thread;
use std::time::Duration;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::workload::{Dice, EVERY_TYPE, SHOW_EVERY, TWO_DATABASES};

use super::member::{AS_MARIADB, Member, PEERS};

/// The number of rounds; `cargo xtask faults --rounds N` sets another.
const ROUNDS: u64 = 4;
/// The rounds between two changes of a replica's mode.
const ROUNDS_EACH_MODE: u64 = 2;
/// The units of work of each client in a round, which are more than a server does before the kill.
const WORK: u64 = 80;

const COLUMNS: &str = "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE table_schema IN ('d', 'e') \
    ORDER BY table_schema, table_name, ordinal_position";

fn rounds() -> u64 {
    std::env::var("SEALWIRE_FAULTS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

pub(crate) fn seed() -> u64 {
    let given = std::env::var("SEALWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    seed
}

/// Makes the tables, and has each kind of definition succeed once.
pub(crate) fn begin(source: &Member) {
    source.sql(&format!(
        "CREATE DATABASE d; CREATE DATABASE e;\n{EVERY_TYPE}\n{TWO_DATABASES}
         CREATE TABLE IF NOT EXISTS e.x0 (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(40), c DECIMAL(12,3));
         ALTER TABLE e.x0 ADD COLUMN k0 INT DEFAULT 1; CREATE INDEX of_k0 ON e.x0 (c); INSERT INTO e.x0 (b, c) VALUES ('x', 1.5);
         DROP INDEX of_k0 ON e.x0; ALTER TABLE e.x0 DROP COLUMN k0; TRUNCATE TABLE e.x0; DROP TABLE IF EXISTS e.x1"
    ));
}

/// All rows and columns of a server. The tables that definitions have dropped are missing.
#[track_caller]
pub(crate) fn contents(server: &Member) -> String {
    let all = format!(
        "{COLUMNS}; SELECT a FROM d.half ORDER BY a; SELECT a FROM e.half ORDER BY a; {SHOW_EVERY};
         SELECT * FROM e.x0 ORDER BY a; SELECT * FROM e.x1 ORDER BY a; SELECT * FROM e.x2 ORDER BY a"
    );
    server.all_sql(&all)
}

/// Compares a server with the contents of its source.
#[track_caller]
pub(crate) fn assert_alike(source: &str, replica: &Member, when: &str) {
    let own = contents(replica);
    let unlike: Vec<_> = source.lines().zip(own.lines()).filter(|(source, own)| source != own).take(2).collect();
    let counts = (source.lines().count(), own.lines().count());
    assert!(source == own, "{when}: {counts:?} lines at the source and here: {unlike:?}\n{}", replica.server().log());
}

/// Truncates the empty ones of MariaDB's tables again. A server that is killed within TRUNCATE has emptied the table, and its log does not say so,
/// because TRUNCATE is none of MariaDB's atomic definitions.
fn truncate_the_empty(source: &Member) {
    let again = |table: &str| {
        format!(
            "SET @again = 'DO 1'; SET @again = IF((SELECT COUNT(*) FROM {table}) = 0, 'TRUNCATE TABLE {table}', 'DO 1');
             EXECUTE IMMEDIATE @again;"
        )
    };
    source.all_sql(&["e.x0", "e.x1", "e.x2"].map(again).concat());
}

/// One round: two clients write to the source, which is killed, or one of the replicas, or both.
fn round(
    source: &mut Member,
    replicas: &mut [&mut Member],
    dice: &mut Dice,
    (number, alters): (&mut u64, bool),
) -> String {
    let mut writers = Vec::new();
    for _ in 0..2 {
        writers.push(source.write(dice.work(*number, WORK, alters)));
        *number += WORK;
    }
    let mut killed = Vec::new();
    // A replica is killed again where the dice say so, while the source goes on.
    while killed.is_empty() || dice.roll(3) == 0 {
        // The point of the kill is the test's subject, so that this is no wait for anything.
        thread::sleep(Duration::from_millis(30 + dice.roll(400)));
        let which = dice.roll(1 << replicas.len()) as usize;
        for (index, replica) in replicas.iter_mut().enumerate().filter(|(index, _)| which & (1 << index) != 0) {
            replica.kill();
            replica.start_again();
            if replica.is_mariadb() {
                // MariaDB's relay log and its index do not survive each kill; its GTIDs do.
                replica.sql("STOP SLAVE; RESET SLAVE ALL");
                replica.follow(source, "MASTER_USE_GTID=slave_pos");
            }
            killed.push(index + 1);
        }
        if which == 0 || dice.roll(3) == 0 {
            source.kill();
            source.start_again();
            killed.push(0);
            break;
        }
    }
    for mut writer in writers {
        // The rest of the statements is not needed.
        let _ = writer.kill();
        writer.wait().unwrap();
    }
    source.wait_for_clients();
    format!("killed {killed:?}")
}

#[test]
fn replicas_of_mariadb_have_its_rows_whoever_is_killed() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let seed = seed();
    let mut dice = Dice::new(seed);
    let mut source = Member::mariadb(&certificates, 11, &["--max-binlog-size=100000"]);
    let mut logging = Member::ours(&certificates, 7, &["--log-bin", AS_MARIADB, "--max-binlog-size=100000"]);
    let mut plain = Member::ours(&certificates, 8, &[]);
    begin(&source);
    for replica in [&logging, &plain] {
        replica.follow(&source, "MASTER_LOG_FILE='bin.000001', MASTER_LOG_POS=4");
    }
    let mut number = 0;
    for round_number in 0..rounds() {
        if round_number % ROUNDS_EACH_MODE == 0 {
            let mode = if (round_number / ROUNDS_EACH_MODE).is_multiple_of(2) { "no" } else { "slave_pos" };
            for replica in [&logging, &plain] {
                replica.sql(&format!("STOP SLAVE; CHANGE MASTER TO MASTER_USE_GTID={mode}; START SLAVE"));
            }
        }
        let killed = round(&mut source, &mut [&mut logging, &mut plain], &mut dice, (&mut number, true));
        truncate_the_empty(&source);
        let when = format!("seed {seed}, round {round_number}, {killed}");
        let expected = contents(&source);
        for replica in [&logging, &plain] {
            replica.wait_for(&source);
            assert_alike(&expected, replica, &when);
        }
        println!("{when}: {} rows are alike", expected.lines().count());
    }
    for replica in [&logging, &plain] {
        assert!(!replica.server().log().contains("bug in sealwired"), "{}", replica.server().log());
    }
}

#[test]
fn replicas_of_ours_have_its_rows_whoever_is_killed() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let seed = seed();
    let mut dice = Dice::new(seed);
    let mut source = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB, "--max-binlog-size=60000"]);
    let mut by_gtid = Member::mariadb(&certificates, 2, &["--skip-slave-start"]);
    // MariaDB keeps a position outside of the transaction, so that it survives no kill of the replica.
    let by_position = Member::mariadb(&certificates, 3, &[]);
    begin(&source);
    by_gtid.follow(&source, "MASTER_USE_GTID=slave_pos");
    by_position.follow(&source, "MASTER_USE_GTID=no, MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4");
    let mut number = 0;
    for round_number in 0..rounds() {
        // MariaDB carries out a definition and keeps its GTID in two steps, so a killed replica may carry it out twice.
        let killed = round(&mut source, &mut [&mut by_gtid], &mut dice, (&mut number, false));
        let when = format!("seed {seed}, round {round_number}, {killed}");
        // A source that is lost within a statement stops MariaDB's receiver with 1595 by position, also where the source is MariaDB.
        by_position.sql("STOP SLAVE IO_THREAD; START SLAVE IO_THREAD");
        // A replica by GTID knows its position only after the next group.
        source.sql("INSERT INTO d.half VALUES (0)");
        let expected = contents(&source);
        for replica in [&by_gtid, &by_position] {
            replica.wait_for(&source);
            assert_alike(&expected, replica, &when);
        }
        println!("{when}: {} rows are alike", expected.lines().count());
    }
    assert!(!source.server().log().contains("bug in sealwired"), "{}", source.server().log());
}
