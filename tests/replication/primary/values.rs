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
