//! GRANT and REVOKE on tables and views that a replica lacks.

use sealwire_tests::replication::{change_master, status, wait_for};
use sealwire_tests::server::{Kind, Server, Settings};

use super::world::{MARIADB, World, sql};

#[test]
fn a_grant_on_a_view_that_a_replica_lacks_stands_in_nobodys_way() {
    let Some((world, replica)) = World::followed() else { return };
    let options = ["--server-id=5", "--log-error-verbosity=3", MARIADB].map(str::to_owned).to_vec();
    let own = Server::start(Kind::Sealwired, &Settings { options, ..Settings::default() }).unwrap();
    let set = &world.certificates;
    let (certificate, key) = (set.client_cert.display(), set.client_key.display());
    let more = format!("MASTER_SSL_CERT='{certificate}', MASTER_SSL_KEY='{key}', MASTER_USE_GTID=slave_pos");
    sql(&own, &format!("{}; START SLAVE", change_master(world.ours().port, "repl", &set.ca, &more)));
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (a INT); CREATE TABLE gone (a INT); CREATE VIEW v AS SELECT a AS x FROM t WHERE x = 1;
         CREATE USER u@localhost IDENTIFIED WITH mysql_native_password;",
    );
    wait_for(&own, world.ours());
    sql(&own, "DROP VIEW d.v");
    sql(
        world.ours(),
        "USE d; GRANT SELECT ON v TO u@localhost; GRANT SELECT, INSERT, UPDATE ON t TO u@localhost WITH GRANT OPTION; GRANT SELECT ON gone TO u@localhost;
         DROP TABLE gone; GRANT DELETE ON t TO u@localhost; GRANT ALL ON e.* TO u@localhost; REVOKE INSERT, GRANT OPTION ON t FROM u@localhost;
         REVOKE SELECT ON v FROM u@localhost; REVOKE DROP ON e.* FROM u@localhost; REVOKE DELETE ON t FROM u@localhost;
         GRANT ALL ON f.* TO u@localhost; REVOKE SELECT ON f.* FROM u@localhost; REVOKE ALL PRIVILEGES ON f.* FROM u@localhost;
         INSERT INTO t VALUES (1);",
    );
    world.wait(&replica);
    world.same(&replica, "SELECT * FROM d.t");
    let query = "SELECT TABLE_SCHEMA, TABLE_NAME, PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.TABLE_PRIVILEGES WHERE GRANTEE LIKE '%u%localhost%' \
                 AND TABLE_SCHEMA = 'd' ORDER BY 1, 2, 3";
    let expected = "d\tgone\tSELECT\tNO\nd\tt\tSELECT\tNO\nd\tt\tUPDATE\tNO\n";
    assert_eq!(sql(&replica, query), expected);
    wait_for(&own, world.ours());
    assert_eq!(status(&own)["Last_SQL_Errno"], "0");
    let grants = |server: &Server| sql(server, "SHOW GRANTS FOR u@localhost");
    // A list names what all of MariaDB's versions have.
    assert_eq!(grants(&own), grants(world.ours()).replace(", SHOW CREATE ROUTINE", ""));
    assert!(grants(&own).contains("GRANT SELECT, UPDATE ON `d`.`t`"), "{}", grants(&own));
    assert!(own.log().contains("goes on without a statement of the source's"), "{}", own.log());
    // MariaDB has privileges of its own among those of ALL, which it keeps.
    assert!(grants(&replica).contains("ON `e`.*") && !grants(&replica).contains("DROP"), "{}", grants(&replica));
}
