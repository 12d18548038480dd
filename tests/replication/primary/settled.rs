//! Rows that a statement writes in another form than their columns have, in unique keys and at replicas of MariaDB's and of ours.

use std::collections::BTreeSet;

use sealwire_tests::column_values;
use sealwire_tests::server::{Kind, Server, Settings};
use sealwire_tests::workload::Dice;

use super::refused::codes_of_each;
use super::world::{World, error, sql};

/// Tables, and statements on each of which MariaDB has the same rows and the same error.
const STATEMENTS: &str = "CREATE TABLE i (f INT UNIQUE); INSERT INTO i VALUES (1), (2); UPDATE i SET f = f + 1.4;
UPDATE i SET f = CASE f WHEN 1 THEN 2.4 ELSE 1.4 END; INSERT INTO i VALUES (3.4), (2.6); INSERT INTO i SELECT f + 0.6 FROM i;
REPLACE INTO i VALUES (2.4), (1.6), (3.4); INSERT INTO i VALUES (1), (2) ON DUPLICATE KEY UPDATE f = f + 3.4; UPDATE i SET f = f - 1.4;
CREATE TABLE g (a INT, b INT, g INT AS (a * 2 + b) STORED UNIQUE, v INT AS (g + 1) VIRTUAL);
INSERT INTO g (a, b) VALUES (2, 1); INSERT INTO g (a, b) VALUES (2.4, 0); UPDATE g SET b = 3.4 WHERE a = 2 AND b = 0; UPDATE g SET b = b + 0.4;
CREATE TABLE r (a INT, g INT AS (a * 0.4) STORED UNIQUE); INSERT INTO r (a) VALUES (0); INSERT INTO r (a) VALUES (1); INSERT INTO r (a) VALUES (2);
CREATE TABLE c (f CHAR(5), n DECIMAL(4,1), UNIQUE (f, n)); INSERT INTO c VALUES ('a', 1), ('b', 1), ('a', 2);
UPDATE c SET f = CASE f WHEN 'a' THEN 'b ' ELSE 'a ' END; UPDATE c SET n = n + 0.96; UPDATE c SET n = n - 0.96, f = concat(f, ' ');
CREATE TABLE e (f ENUM('One','Two') UNIQUE, d DATETIME(3) UNIQUE); INSERT INTO e VALUES ('ONE', '2020-1-2'), ('two', '2020-01-02 00:00:01');
REPLACE INTO e VALUES ('tWO', '2020-01-02 0:0:0'); UPDATE e SET f = 'oNE'; INSERT INTO e VALUES ('ONe', '2020-01-02 00:00');
CREATE TABLE y (v VARBINARY(9) UNIQUE, w BINARY(4)); INSERT INTO y VALUES (1, 70), ('1', 7); INSERT INTO y VALUES (1, 70), ('2', 7);
UPDATE y SET v = 2 WHERE v = '1'; INSERT INTO y SELECT v + 2, w FROM y; INSERT INTO y VALUES ('4', TRUE); REPLACE INTO y VALUES (1.5, 8), ('1.5', 9);
CREATE TABLE z (v INT, w VARBINARY(9), g VARBINARY(9) AS (IF(v > 0, v, w)) STORED UNIQUE); INSERT INTO z (v, w) VALUES (7, '8'); INSERT INTO z (v, w) VALUES (0, 7);
CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE q (p INT, FOREIGN KEY (p) REFERENCES p (id) ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO p VALUES (1.4), (2), (2.6); INSERT INTO q VALUES (1.4), (2), (2.6); UPDATE p SET id = id + 4.4 WHERE id = 1; DELETE FROM p WHERE id = 3";

/// A replica of ours beside the one of MariaDB's.
fn second(world: &World) -> Server {
    let options = vec!["--server-id=3".to_owned()];
    let second = Server::start(Kind::Sealwired, &Settings { options, ..Settings::default() }).unwrap();
    world.follow(&second, "slave_pos");
    second
}

#[test]
fn unique_keys_see_each_row_in_its_form_when_a_replica_does() {
    let Some((world, replica)) = World::followed() else { return };
    let second = second(&world);
    let statements = |database: &str| -> Vec<String> {
        let first = [format!("CREATE DATABASE {database} CHARACTER SET utf8mb4"), format!("USE {database}")];
        first.into_iter().chain(STATEMENTS.split(';').map(|statement| statement.trim().replace('\n', " "))).collect()
    };
    let (ours, theirs) = (codes_of_each(world.ours(), &statements("d")), codes_of_each(&replica, &statements("plain")));
    for ((statement, ours), theirs) in statements("d").iter().zip(&ours).zip(&theirs) {
        assert_eq!(ours, theirs, "{statement}");
    }
    assert!(ours.iter().filter(|code| **code == 1062).count() > 5, "{ours:?}");
    for follower in [&replica, &second] {
        world.wait(follower);
        for table in ["i", "g", "r", "c", "e", "y", "z", "p", "q"] {
            let order = if ["i", "p", "q"].contains(&table) { "1" } else { "1, 2" };
            world.same(follower, &format!("SELECT * FROM d.{table} ORDER BY {order}"));
        }
    }
}

#[test]
fn rows_have_the_default_of_a_new_column_in_its_form() {
    let Some((world, replica)) = World::followed() else { return };
    let second = second(&world);
    sql(world.ours(), &format!("CREATE DATABASE d; USE d; {}", column_values::added_defaults()));
    for follower in [&replica, &second] {
        world.wait(follower);
        column_values::added_queries("d").iter().for_each(|query| world.same(follower, query));
    }
    sql(
        world.ours(),
        "CREATE TABLE d.later (k INT); INSERT INTO d.later VALUES (1); ALTER TABLE d.later ADD v INT NOT NULL",
    );
    let told = error(world.ours(), "INSERT INTO d.later (k) VALUES (2)");
    assert!(told.contains("ERROR") && told.contains("'v'"), "the implicit default is that of the rows before: {told}");
    let told = error(world.ours(), "ALTER TABLE d.later ADD g POINT NOT NULL");
    assert!(told.contains("ERROR 1105"), "a geometry has no implicit default: {told}");
}

#[test]
fn random_values_in_unique_keys_stop_no_replica() {
    let Some((world, replica)) = World::followed() else { return };
    let second = second(&world);
    let seed = std::env::var("SEALWIRE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("SEALWIRE_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut statements = vec![
        "CREATE DATABASE d".to_owned(),
        "USE d".to_owned(),
        "CREATE TABLE t (n INT UNIQUE, d DECIMAL(4,1), f FLOAT UNIQUE, e ENUM('One','two','Three'), s SET('x','y'), c CHAR(3), b BINARY(3), at DATETIME, \
         g INT AS (n * 2 + d) STORED, v INT AS (n + 1) VIRTUAL, UNIQUE (d, e), UNIQUE (c, e), UNIQUE (at, s), UNIQUE (b, e))"
            .to_owned(),
    ];
    statements.extend((0..250).map(|_| statement(&mut dice)));
    let codes = codes_of_each(world.ours(), &statements);
    let kinds: BTreeSet<u16> = codes.iter().copied().collect();
    assert!(kinds.is_subset(&BTreeSet::from([0, 1062, 1264])), "seed {seed}: {kinds:?}");
    assert!(codes.iter().filter(|code| **code == 0).count() > 50, "seed {seed}: {codes:?}");
    for follower in [&replica, &second] {
        world.wait(follower);
        world.same(follower, "SELECT n, d, f, e, s, c, b, at, g, v FROM d.t ORDER BY n, d, concat(e, ''), f, c, b, at");
    }
}

/// A change of the table `t`.
fn statement(dice: &mut Dice) -> String {
    let mut pick = |words: &[&'static str]| words[dice.roll(words.len() as u64) as usize];
    let e = pick(&["one", "ONE", "One", "TWO", "two", "three"]);
    let s = pick(&["x", "X", "y,x", "x,y", "Y", ""]);
    let c = pick(&["k", "k ", "K", "l  ", "l", "m"]);
    let b = pick(&["'k'", "'k\\0'", "1", "'1'", "12", "1.5", "'l'", "x'6c00'"]);
    let at = pick(&[
        "2020-1-1",
        "2020-01-01",
        "2020-01-01 0:00:00",
        "2020-01-02T00:00:00",
        "2020-01-02",
        "2021-12-31 23:59",
    ]);
    let mut number = || format!("{}.{}", dice.roll(8), dice.roll(1000));
    let (n, d, f, other) = (number(), number(), number(), number());
    let into = "INTO t (n, d, f, e, s, c, b, at) VALUES";
    let row = format!("({n}, {d}, {f}, '{e}', '{s}', '{c}', {b}, '{at}')");
    let null = format!("(NULL, {other}, NULL, '{e}', NULL, NULL, NULL, '{at}')");
    match dice.roll(10) {
        0 => format!("INSERT {into} {row}"),
        1 => format!("INSERT {into} {row}, {null}"),
        2 => format!("REPLACE {into} {row}, {null}"),
        3 => format!("INSERT IGNORE {into} {null}, {row}"),
        4 => format!("INSERT {into} {row} ON DUPLICATE KEY UPDATE n = n + {other}, c = '{c}', e = '{e}'"),
        5 => format!("UPDATE t SET n = {other} - n, at = '{at}' WHERE d < {d}"),
        6 => format!("UPDATE OR IGNORE t SET d = d + {d}, e = '{e}' WHERE n < {n}"),
        7 => format!("INSERT INTO t (n, d, e, c) SELECT n + {n}, d + {d}, '{e}', c FROM t WHERE n < {other}"),
        8 => format!("UPDATE t SET s = '{s}', b = {b}, f = f + {f} WHERE n > {n}"),
        _ => format!("DELETE FROM t WHERE n < {n} AND d > {d}"),
    }
}
