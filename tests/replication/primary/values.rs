//! Values that columns have in another form than statements write them: the primary stores the form that its replicas get.

use sealwire_tests::column_values;

use super::world::{World, error, sql};

/// The replica runs the statements itself as well, so that both have what MariaDB stores.
#[test]
fn a_value_is_stored_as_mariadb_stores_it() {
    let Some((world, replica)) = World::followed() else { return };
    let statements = column_values::statements();
    sql(world.ours(), &format!("CREATE DATABASE d; USE d;\n{statements}"));
    sql(&replica, &format!("CREATE DATABASE plain CHARACTER SET utf8mb4; USE plain;\n{statements}"));
    world.wait(&replica);
    for (query, plain) in column_values::queries("d").iter().zip(column_values::queries("plain")) {
        world.same(&replica, query);
        assert_eq!(sql(world.ours(), query), sql(&replica, &plain), "{query}");
    }
}

#[test]
fn a_row_has_its_form_in_unique_keys_and_in_transactions() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, f FLOAT UNIQUE, s SET('a','b') UNIQUE, e ENUM('One','Two'), g INT AS (id + 1) STORED);
         INSERT INTO t (id, f, s, e) VALUES (1, 123456789, 'b,a', 'ONE'); UPDATE t SET e = 'one'; UPDATE t SET e = 'two', id = 7;
         INSERT INTO t (id, f, s, e) VALUES (7, 1, 'a', 'one') ON DUPLICATE KEY UPDATE e = 'ONE', f = 0.1;
         BEGIN; INSERT INTO t (id, e) VALUES (8, 'TWO'); SAVEPOINT s; INSERT INTO t (id, e) VALUES (9, 'tWO'); ROLLBACK TO s; COMMIT;
         REPLACE INTO t (id, e) VALUES (8, 'oNE'); INSERT INTO t (id, e) SELECT id + 100, 'oNe' FROM t;
         CREATE TABLE named (rowid INT, _rowid_ CHAR(3), e ENUM('One')); INSERT INTO named VALUES (1, 'a ', 'one');
         CREATE TABLE noted (oid INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES t (id) ON UPDATE CASCADE); INSERT INTO noted VALUES (1, 7);",
    );
    let refused = error(world.ours(), "INSERT INTO d.t (id, f) VALUES (20, 123456789), (21, 123456791)");
    assert!(refused.contains("ERROR 1062 (23000)"), "{refused}");
    let refused = error(world.ours(), "INSERT INTO d.t (id, s) VALUES (20, 'b,a')");
    assert!(refused.contains("ERROR 1062 (23000)"), "{refused}");
    world.wait(&replica);
    for query in ["SELECT * FROM d.t ORDER BY id", "SELECT * FROM d.named", "SELECT * FROM d.noted"] {
        world.same(&replica, query);
    }
    assert_eq!(
        sql(world.ours(), "SELECT id, f, s, e FROM d.t WHERE id < 100"),
        "7\t0.1\ta,b\tOne\n8\tNULL\tNULL\tOne\n"
    );
}

/// SQLite makes a stored generated column of the value as it was written, and makes it anew when that gets its form.
#[test]
fn a_generated_column_is_made_of_the_form_of_its_inputs() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (a INT, e ENUM('Small','Large'), c CHAR(5), g INT AS (a * 2) STORED,
         h VARCHAR(20) AS (concat(e, rtrim(c), 'x')) STORED, v INT AS (a + 1) VIRTUAL);
         INSERT INTO t (a, e, c) VALUES (1.5, 'small', 'b  '), (2, 'Small', 'c'), (2.5, 'LARGE', NULL), (NULL, NULL, NULL);
         INSERT INTO t (a, e, c) SELECT a + 10.5, 'sMALL', 'd ' FROM t;
         CREATE TABLE k (id INT PRIMARY KEY, a INT, g INT AS (a * 2) STORED UNIQUE); INSERT INTO k (id, a) VALUES (1, 1.5), (2, 3);
         REPLACE INTO k (id, a) VALUES (1, 4.5); INSERT INTO k (id, a) VALUES (2, 9) ON DUPLICATE KEY UPDATE a = 6.5;
         CREATE TABLE s (a INT, g INT AS (a * 2) VIRTUAL); INSERT INTO s (a) VALUES (1.5);",
    );
    let same = |step: &str| {
        if !step.is_empty() {
            sql(world.ours(), &format!("USE d; {step}"));
        }
        world.wait(&replica);
        for query in ["SELECT * FROM d.t ORDER BY a, e, c", "SELECT * FROM d.k ORDER BY id", "SELECT * FROM d.s"] {
            world.same(&replica, query);
        }
    };
    same("");
    let first = sql(world.ours(), "SELECT a, e, c, g, h, v FROM d.t WHERE c = 'b'");
    assert_eq!(first, "2\tSmall\tb\t4\tSmallbx\t3\n");
    assert_eq!(sql(world.ours(), "SELECT * FROM d.k ORDER BY id"), "1\t5\t10\n2\t7\t14\n");
    same("UPDATE t SET a = 7.5, e = 'large' WHERE a = 2; UPDATE k SET a = a + 0.5; UPDATE s SET a = 4.5");
    same("BEGIN; UPDATE t SET c = 'q '; DELETE FROM t WHERE e = 'Large'; DELETE FROM k WHERE g > 12; COMMIT");
    same("DELETE FROM t; DELETE FROM k; DELETE FROM s");
    assert_eq!(sql(&replica, "SELECT count(*) FROM d.t"), "0\n");
}

/// The row between those that the statement changes was written when nothing was logged, and no event could carry it.
#[test]
fn a_statement_that_changes_many_rows_touches_no_other() {
    let Some((world, replica)) = World::followed() else { return };
    let rows: Vec<String> = (1..=10_005).map(|number| format!("({})", number * 2)).collect();
    sql(
        world.ours(),
        &format!(
            "CREATE DATABASE d; USE d; CREATE TABLE m (id INT PRIMARY KEY, n INT); INSERT INTO m (id) VALUES {};
             SET sql_log_bin = 0; INSERT INTO m VALUES (20001, 'abc'), (20003, 2.5); SET sql_log_bin = 1;
             UPDATE m SET n = 1.5 WHERE id % 2 = 0;",
            rows.join(", ")
        ),
    );
    world.wait(&replica);
    world.same(&replica, "SELECT n, count(*), max(id) FROM d.m WHERE id % 2 = 0 GROUP BY n");
    assert_eq!(sql(world.ours(), "SELECT id FROM d.m WHERE n = 2.5"), "20003\n");
    assert_eq!(sql(&replica, "SELECT count(*) FROM d.m WHERE id % 2 = 1"), "0\n");
}
