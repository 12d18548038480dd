//! Views, whose queries MariaDB may refuse: its replicas go on without such a view, and have all others as a primary of MariaDB's has them.

use std::process::Command;

use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::replication::{sql_of_bytes, status, told, wait_for};
use sealwire_tests::server::{Kind, Server, Settings};

use super::refused::errors_by_line;
use super::world::{MARIADB, PEERS, World, sql};

/// Queries of views, `{}` in which is the view itself. MariaDB refuses some that sealwired takes, and the other way round.
const QUERIES: &str = include_str!("view_queries.txt");

/// Long and deep ones.
fn long() -> Vec<String> {
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let nested = |count: usize, front: &str, inner: &str, end: &str| {
        format!("{}{inner}{}", front.repeat(count), end.repeat(count))
    };
    vec![
        format!("SELECT {} FROM t", list(2000, &|number| format!("a AS a{number}"))),
        format!("SELECT {}", list(4097, &|number| format!("1 AS a{number}"))),
        format!("SELECT {}", nested(1000, "(", "1", ")")),
        format!("SELECT {}1", "NOT ".repeat(1000)),
        format!("SELECT {}1", "- ".repeat(700)),
        format!("SELECT {}", nested(400, "ABS(", "1", ")")),
        format!("SELECT {}", vec!["1"; 5000].join("+")),
        format!("SELECT {}", nested(70, "(SELECT ", "1", ")")),
        format!("SELECT * FROM {}", nested(70, "(SELECT * FROM ", "t", ") x")),
        vec!["SELECT 1"; 300].join(" UNION "),
        format!("SELECT CASE {}END", "WHEN 1 THEN 1 ".repeat(2000)),
        format!("SELECT a IN ({}) FROM t", list(20_000, &|number| number.to_string())),
        format!("SELECT {}", nested(300, "IF(1,", "1", ",0)")),
        format!("SELECT '{}'", "z".repeat(200_000)),
    ]
}

fn views(server: &Server) -> Vec<String> {
    let shown = sql(
        server,
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'd' AND TABLE_TYPE = 'VIEW' ORDER BY TABLE_NAME",
    );
    shown.lines().map(str::to_owned).collect()
}

#[test]
fn no_query_of_a_view_stops_a_replica() {
    let Some((world, replica)) = World::followed() else { return };
    sql(world.ours(), "CREATE DATABASE d; USE d; CREATE TABLE t (a INT PRIMARY KEY, b INT, c VARCHAR(10), d DATETIME)");
    let queries: Vec<String> = QUERIES.lines().map(str::to_owned).collect();
    let kept = queries.iter().enumerate().map(|(number, query)| {
        let view = format!("v{number:03}");
        format!("CREATE VIEW {view} AS {};\n", query.replace("{}", &view))
    });
    let passing = long().into_iter().map(|query| format!("CREATE VIEW w AS {query};\nDROP VIEW w;\n"));
    let script: String = ["USE d;\n".to_owned()].into_iter().chain(kept).chain(passing).collect();
    let errors = errors_by_line(world.ours(), &script);
    world.wait(&replica);
    let (ours, theirs) = (views(world.ours()), views(&replica));
    let missing: Vec<_> = ours.iter().filter(|view| !theirs.contains(view)).collect();
    println!("{} of {} views; not at the replica: {missing:?}\n{errors:?}", ours.len(), queries.len());
    assert!(theirs.iter().all(|view| ours.contains(view)), "{theirs:?}");
    assert!(ours.len() > 80 && missing.len() > 5 && missing.len() < ours.len() / 3, "{} {missing:?}", ours.len());
    // A client that drops all of them drops those that the replica lacks, too, and their names are free.
    let dropped: String = ours.iter().map(|view| format!("DROP VIEW {view}; CREATE TABLE {view} (a INT);\n")).collect();
    sql(world.ours(), &format!("USE d;\n{dropped}"));
    world.wait(&replica);
    assert!(views(&replica).is_empty());
    assert_eq!(status(&replica)["Slave_SQL_Running"], "Yes");
}

/// Views whose texts are hard to quote.
const QUOTED: &str = r#"
    CREATE VIEW v1 AS SELECT 'it''s', "double", 'back\\slash', '*/', '/* no comment */', 'a\nb', 2 */* a comment */3 AS six, '日本😀' AS `ä``b` FROM t;
    CREATE OR REPLACE VIEW v2 AS SELECT a AS x, b FROM t WHERE b LIKE '%\_%' OR b = '\'; END */; --';
    SET sql_mode = 'ANSI_QUOTES'; CREATE VIEW v3 AS SELECT "a", 'x\\' AS "q""r" FROM "t";
    SET sql_mode = 'NO_BACKSLASH_ESCAPES'; CREATE VIEW v4 AS SELECT 'back\slash' AS x, '\' AS y;
    SET sql_mode = DEFAULT; CREATE VIEW v5 (one, two) AS SELECT a, x FROM v2 JOIN t ON a = x;
    CREATE VIEW v6 AS SELECT 1 AS one; CREATE OR REPLACE VIEW v6 AS
SELECT a,
  -- a line
  b FROM t;
    CREATE VIEW gone AS SELECT 1 AS a; DROP VIEW gone; DROP VIEW IF EXISTS gone, v9;
"#;

/// The definitions of those that are there in the end, and the error of one that is not. The definition of `v4` depends on the mode of its session.
fn shown(server: &Server) -> Vec<String> {
    ["v1", "v2", "v3", "v5", "v6", "gone"]
        .iter()
        .map(|view| told(server, "root", &format!("SHOW CREATE VIEW d.{view}")))
        .collect()
}

/// A replica of MariaDB's with a binary log of its own, which another follows.
fn middle() -> Server {
    let options = [
        "--server-id=3",
        "--log-bin=middle",
        "--log-slave-updates",
        "--gtid-strict-mode",
        "--character-set-server=utf8mb4",
    ];
    let account = Kind::MariaDb.create_user("next", "mysql_native_password", PASSWORD, "NONE");
    let statements = ["SET sql_log_bin = 0;".to_owned(), account, "GRANT REPLICATION SLAVE ON *.* TO next;".to_owned()];
    let settings = Settings {
        options: options.map(str::to_owned).to_vec(),
        statements: statements.to_vec(),
        ..Settings::default()
    };
    Server::start(Kind::MariaDb, &settings).unwrap()
}

#[test]
fn replicas_have_views_as_from_plain_statements() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let by_position = world.replica();
    world.follow(&by_position, "no");
    let middle = middle();
    world.follow(&middle, "slave_pos");
    let last =
        Server::start(Kind::MariaDb, &Settings { options: vec!["--server-id=4".to_owned()], ..Settings::default() })
            .unwrap();
    let from = format!(
        "MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='next', MASTER_PASSWORD='{PASSWORD}'",
        middle.port
    );
    sql(&last, &format!("CHANGE MASTER TO {from}, MASTER_USE_GTID=slave_pos; START SLAVE"));
    let begin = "CREATE DATABASE d CHARACTER SET utf8mb4; USE d; CREATE TABLE t (a INT, b VARCHAR(20));";
    // Two that MariaDB refuses, so that the servers behind the middle get their groups with a gap.
    let refused =
        "CREATE VIEW none AS SELECT a AS x FROM t WHERE x = 1; CREATE VIEW v9 AS SELECT x FROM none; DROP VIEW v9;";
    let plain = Server::start(Kind::MariaDb, &Settings::default()).unwrap();
    sql(&plain, &format!("{begin}{QUOTED}"));
    sql(world.ours(), &format!("{begin}{refused}{QUOTED} INSERT INTO d.t VALUES (1, 'a_b');"));
    let expected = shown(&plain);
    assert!(expected[4].contains("`b`") && expected[5].contains("1146"), "{expected:?}");
    world.wait(&by_position);
    assert_eq!(shown(&by_position), expected);
    world.same(&by_position, "SELECT * FROM d.v4");
    world.wait(&middle);
    assert_eq!(shown(&middle), expected);
    wait_for(&last, &middle);
    assert_eq!(shown(&last), expected);
    assert_eq!(sql(&last, "SELECT * FROM d.v5"), "1\t1\n");
    // The log as a file, for a server of MariaDB's and for one of ours.
    let mut tool = Command::new("mariadb-binlog");
    let log = child::output(tool.arg("--no-defaults").arg(world.log_file("binlog.000001")), &[]).unwrap();
    assert!(log.status.success());
    let replayed = Server::start(Kind::MariaDb, &Settings::default()).unwrap();
    sql_of_bytes(&replayed, &log.stdout);
    assert_eq!(shown(&replayed), expected);
    let again = World::new(&[MARIADB]);
    let text = String::from_utf8_lossy(&log.stdout);
    let optional: Vec<&str> = text.split("/*!*/;\n").filter(|text| text.starts_with("/*!100203 BEGIN")).collect();
    assert!(optional.len() > 10, "{text}");
    sql(again.ours(), &format!("{begin}\nDELIMITER ;;\n{}", optional.join(";;\n")));
    assert_eq!(shown(again.ours()), shown(world.ours()));
    assert_eq!(views(again.ours()), views(world.ours()));
}

#[test]
fn a_view_that_a_replica_lacks_stands_in_nobodys_way() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);
         CREATE VIEW v AS SELECT a AS x FROM t WHERE x = 1;
         CREATE VIEW w AS SELECT x FROM v; CREATE OR REPLACE VIEW w AS SELECT x + 1 AS x FROM v; DROP VIEW w, v;
         CREATE TABLE v (a INT); INSERT INTO v VALUES (1); CREATE VIEW w AS SELECT a FROM v;
         CREATE VIEW old AS SELECT a, b FROM t; CREATE OR REPLACE VIEW old AS SELECT a AS x FROM t WHERE x = 1;
         CREATE VIEW late AS SELECT a, b FROM t; CREATE OR REPLACE VIEW late AS SELECT a AS `İ`, b AS `i` FROM t;",
    );
    world.wait(&replica);
    assert_eq!(
        views(&replica),
        ["w"],
        "the old views are gone, too, also where MariaDB refuses the new one when it executes it"
    );
    world.same(&replica, "SELECT * FROM d.w");
    // The account that defines is none of the replica's, because MariaDB lacks its plugin.
    sql(
        world.ours(),
        "CREATE USER definer@localhost IDENTIFIED WITH auth_socket AS 'root'; GRANT ALL ON d.* TO definer@localhost WITH GRANT OPTION;",
    );
    let told = told(
        world.ours(),
        "definer",
        "USE d; CREATE VIEW first AS SELECT a FROM t; CREATE VIEW second AS SELECT a FROM first; DROP VIEW second",
    );
    assert_eq!(told, "");
    sql(world.ours(), "DROP DATABASE d; CREATE DATABASE d; CREATE TABLE d.old (a INT);");
    world.wait(&replica);
    world.same(&replica, "SHOW TABLES FROM d");
}

#[test]
fn an_old_view_is_dropped_from_the_database_that_the_replica_has() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let options = ["--server-id=2", "--character-set-server=utf8mb4", "--replicate-rewrite-db=d->e"];
    let settings = Settings { options: options.map(str::to_owned).to_vec(), ..Settings::default() };
    let replica = Server::start(Kind::MariaDb, &settings).unwrap();
    sql(
        &replica,
        "CREATE DATABASE e; CREATE TABLE e.t (a INT); CREATE VIEW e.v AS SELECT a FROM e.t; CREATE DATABASE d; CREATE VIEW d.v AS SELECT 1 AS a;",
    );
    sql(
        world.ours(),
        "SET sql_log_bin = 0; CREATE DATABASE d; CREATE TABLE d.t (a INT); CREATE VIEW d.v AS SELECT a FROM d.t",
    );
    world.follow(&replica, "slave_pos");
    sql(world.ours(), "USE d; CREATE OR REPLACE VIEW v AS SELECT a AS x FROM t WHERE x = 1");
    world.wait(&replica);
    assert_eq!(views(&replica), ["v"], "another database's view");
    assert!(sql(&replica, "SHOW TABLES FROM e").lines().eq(["t"]), "the old view");
}
