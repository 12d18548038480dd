//! Temporary tables are their session's own. A replica's table of the same name is another one, which the log must leave alone.

use super::world::{World, error, sql};

/// All that may be done to a temporary table.
const OWN: &str = "
    CREATE TEMPORARY TABLE secret (id INT PRIMARY KEY, s VARCHAR(100), z INT);
    INSERT INTO secret VALUES (1, 'own', 1), (7, 'own', 1); UPDATE secret SET s = 'x'; REPLACE INTO secret VALUES (1, 'r', 2);
    DELETE FROM secret WHERE id = 7; TRUNCATE TABLE secret;
    ALTER TABLE secret ADD COLUMN y INT; ALTER TABLE secret DROP COLUMN s; ALTER TABLE secret RENAME COLUMN z TO zz;
    CREATE INDEX ix ON secret (zz); DROP INDEX ix ON secret; CREATE UNIQUE INDEX ix ON secret (zz);
    ALTER TABLE secret DROP INDEX ix; DELETE FROM secret;";

#[test]
fn a_temporary_table_stands_for_no_table_of_a_replica() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE secret (id INT PRIMARY KEY, s VARCHAR(100), z INT);
         INSERT INTO secret VALUES (1, 'a', 1), (2, 'b', 2); CREATE TABLE gone (a INT); CREATE TABLE other (a INT);
         CREATE USER t@'%' IDENTIFIED WITH mysql_native_password BY 'x'; GRANT CREATE TEMPORARY TABLES ON d.* TO t@'%';",
    );
    sql(
        world.ours(),
        &format!(
            "USE d; {OWN}
             CREATE TEMPORARY TABLE `own``s` (a INT); DROP TABLE `own``s`, gone;
             CREATE TEMPORARY TABLE own (a INT); DROP TABLE IF EXISTS own, missing, other; DROP TEMPORARY TABLE secret;"
        ),
    );
    world.wait(&replica);
    for query in ["SELECT * FROM d.secret ORDER BY id", "SHOW TABLES FROM d"] {
        world.same(&replica, query);
    }
    assert_eq!(sql(&replica, "SELECT COUNT(*) FROM d.secret"), "2\n");
    // One statement for both kinds of tables has no text that suits a replica.
    let refused = error(
        world.ours(),
        "USE d; CREATE TEMPORARY TABLE own (a INT); INSERT INTO own VALUES (1); TRUNCATE TABLE own, secret;",
    );
    assert!(refused.contains("1235"), "{refused}");
    assert_eq!(sql(world.ours(), "SELECT COUNT(*) FROM d.secret"), "2\n");
}
