//! The queries of tools when they connect: lists of objects, in any letter case, and conversions of time zones.

use super::*;

const TABLE_STATUS: [&str; 18] = [
    "Name",
    "Engine",
    "Version",
    "Row_format",
    "Rows",
    "Avg_row_length",
    "Data_length",
    "Max_data_length",
    "Index_length",
    "Data_free",
    "Auto_increment",
    "Create_time",
    "Update_time",
    "Check_time",
    "Collation",
    "Checksum",
    "Create_options",
    "Comment",
];
const ROUTINE_STATUS: [&str; 11] = [
    "Db",
    "Name",
    "Type",
    "Definer",
    "Modified",
    "Created",
    "Security_type",
    "Comment",
    "character_set_client",
    "collation_connection",
    "Database Collation",
];
const TRIGGERS: [&str; 11] = [
    "Trigger",
    "Event",
    "Table",
    "Statement",
    "Timing",
    "Created",
    "sql_mode",
    "Definer",
    "character_set_client",
    "collation_connection",
    "Database Collation",
];
const EVENTS: [&str; 15] = [
    "Db",
    "Name",
    "Definer",
    "Time zone",
    "Type",
    "Execute at",
    "Interval value",
    "Interval field",
    "Starts",
    "Ends",
    "Status",
    "Originator",
    "character_set_client",
    "collation_connection",
    "Database Collation",
];

/// Creates a database `d` with two tables and a view, and `other`, on which `worker` has no privilege.
fn filled(running: &Running) -> Client {
    let mut root = running.root();
    for sql in [
        "CREATE DATABASE d",
        "CREATE DATABASE other",
        "CREATE TABLE other.hidden (a INT)",
        "USE d",
        "CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(9))",
        "CREATE TABLE plain (a INT)",
        "CREATE VIEW seen AS SELECT id FROM item",
        "INSERT INTO item (b) VALUES ('x'), ('y')",
        "CREATE USER worker IDENTIFIED BY 'pw'",
        "GRANT ALL ON d.* TO worker",
    ] {
        root.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    root
}

#[test]
fn show_table_status_has_a_row_for_each_table_and_view() {
    let running = Running::start(&[]);
    let mut root = filled(&running);
    let all = root.query("SHOW TABLE STATUS").unwrap();
    assert_eq!(all.titles, TABLE_STATUS);
    let shown: Vec<(&str, &str, &str, &str)> =
        all.rows.iter().map(|row| (row[0].as_str(), row[1].as_str(), row[10].as_str(), row[17].as_str())).collect();
    assert_eq!(shown, [("item", "SQLite", "3", ""), ("plain", "SQLite", "NULL", ""), ("seen", "NULL", "NULL", "VIEW")]);
    let names = |client: &mut Client, sql: &str| -> Vec<String> {
        let answer = client.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.titles, TABLE_STATUS, "{sql}");
        answer.rows.into_iter().map(|mut row| row.remove(0)).collect()
    };
    assert_eq!(names(&mut root, "SHOW TABLE STATUS LIKE 'i%'"), ["item"]);
    assert_eq!(names(&mut root, "show table status from other"), ["hidden"]);
    assert_eq!(
        names(&mut root, "SHOW TABLE STATUS IN `d` WHERE Name = 'plain' OR Comment = 'VIEW'"),
        ["plain", "seen"]
    );
    assert_eq!(names(&mut root, "SHOW TABLE STATUS WHERE `Engine` IS NULL"), ["seen"]);
    let mut worker = running.connect(running.config("worker", "pw")).unwrap();
    assert_eq!(names(&mut worker, "SHOW TABLE STATUS FROM d"), ["item", "plain", "seen"]);
    assert_eq!(worker.query("SHOW TABLE STATUS FROM other").map(drop).unwrap_err().code, 1044);
    assert_eq!(worker.query("SHOW TABLE STATUS").map(drop).unwrap_err().code, 1046);
    assert_eq!(root.query("SHOW TABLE STATUS FROM none").map(drop).unwrap_err().code, 1049);
    assert_eq!(root.query("SHOW TABLE STATUS nonsense").map(drop).unwrap_err().code, 1064);
}

#[test]
fn a_long_list_ends_by_kill_and_with_its_time() {
    let running = Running::start(&[]);
    let (mut client, mut root) = (running.root(), running.root());
    root.query("CREATE DATABASE d").unwrap();
    // The views are made by SQLite directly, in one transaction.
    let file = rusqlite::Connection::open(running.directory.path().join("data/d.sqlite")).unwrap();
    let tables: String =
        (0..800).map(|n| format!("CREATE TABLE t{n} (a INT, b INT); CREATE INDEX k{n} ON t{n} (a);")).collect();
    file.execute_batch(&format!("BEGIN; {tables} COMMIT;")).unwrap();
    drop(file);
    let id = client.connection.facts().connection_id;
    for sql in [
        "SHOW TABLES FROM d",
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd'",
        "SELECT COUNT(*) FROM information_schema.STATISTICS",
        "SHOW TABLE STATUS FROM d",
    ] {
        client.query("SET max_execution_time = 1").unwrap();
        assert_eq!(client.query(sql).map(drop).unwrap_err().code, 3024, "{sql}");
        client.query("SET max_execution_time = 0").unwrap();
        // KILL may come before the listing begins or after it ends.
        let is_killed = (0..1000).any(|_| {
            client.send(sql);
            root.query(&format!("KILL QUERY {id}")).unwrap();
            client.answer().unwrap().is_err_and(|error| error.code == 1317)
        });
        assert!(is_killed, "{sql}");
    }
    // SHOW of one table reads no other tables.
    client.query("SET max_execution_time = 0").unwrap();
    let begun = Instant::now();
    client.query("SELECT COUNT(*) FROM information_schema.COLUMNS").unwrap();
    let all = begun.elapsed();
    for sql in [
        "SHOW COLUMNS FROM d.t7",
        "SHOW INDEX FROM d.t7",
        "DESCRIBE d.t7",
        "SELECT COLUMN_NAME FROM information_schema.columns AS c WHERE c.table_name = 't7' AND c.TABLE_SCHEMA = 'd'",
    ] {
        let one = (0..10).map(|_| {
            let begun = Instant::now();
            assert!(!client.rows(sql).is_empty(), "{sql}");
            begun.elapsed()
        });
        let one = one.min().unwrap();
        println!("{sql}: {one:?}, and all columns {all:?}");
        assert!(one < all / 4, "{sql}: {one:?} of {all:?}");
    }
}

#[test]
fn a_list_of_nested_views_ends_by_kill_and_with_its_time() {
    let running = Running::start(&[]);
    let (mut client, mut root) = (running.root(), running.root());
    let data = running.directory.path().join("data");
    let file = |name: &str| {
        root.query(&format!("CREATE DATABASE {name}")).unwrap();
        rusqlite::Connection::open(data.join(format!("{name}.sqlite"))).unwrap()
    };
    let [chain, tree] = ["chain", "tree"].map(file);
    let view = |n: u32, body: &str| format!("CREATE VIEW `v{n}` AS SELECT {body};");
    // By name, each view comes before the one that it reads; by creation, it comes after that one.
    let views: String = (0..900).rev().map(|n| view(n, &format!("a AS a FROM `v{}`", n + 1))).collect();
    chain.execute_batch(&format!("BEGIN; CREATE TABLE v900 (a INT); {views} COMMIT;")).unwrap();
    // Each view reads the one below it three times. The server refuses to create such views, and SQLite would never finish reading them.
    let body = |n: u32| format!("1 AS a FROM `v{}` AS x, `v{0}` AS y, `v{0}` AS z", n + 1);
    let views: String = (0..30).map(|n| view(n, &body(n))).collect();
    tree.execute_batch(&format!("BEGIN; CREATE TABLE v30 (a INT); {views} COMMIT;")).unwrap();
    drop((chain, tree));

    let both = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ('chain', 'tree')";
    let found: usize = client.rows(both)[0][0].parse().unwrap();
    assert!((910..931).contains(&found), "{found} columns: those of views that are too heavy are left out");
    assert_eq!(client.rows("DESCRIBE chain.v0").len(), 1);

    for n in 0..100 {
        std::fs::copy(data.join("chain.sqlite"), data.join(format!("copy{n}.sqlite"))).unwrap();
    }
    let all = "SELECT COUNT(*) FROM information_schema.COLUMNS";
    let is_running = |root: &mut Client, id: u32| {
        let running = "FROM information_schema.PROCESSLIST WHERE INFO IS NOT NULL AND ID";
        root.rows(&format!("SELECT COUNT(*) {running} = {id}")) == [["1"]]
    };
    // A list that began before and that nobody stops is the measure, because a loaded machine delays it as well.
    let mut whole = running.root();
    let [id, of_whole] = [&client, &whole].map(|client| client.connection.facts().connection_id);
    whole.send(all);
    while !is_running(&mut root, of_whole) {}
    client.send(all);
    while !is_running(&mut root, id) {}
    root.query(&format!("KILL QUERY {id}")).unwrap();
    assert_eq!(client.answer().unwrap().map(drop).unwrap_err().code, 1317);
    client.query("SET max_execution_time = 20").unwrap();
    assert_eq!(client.query(all).map(drop).unwrap_err().code, 3024);
    assert!(is_running(&mut root, of_whole), "both ended long before the whole list");
    root.query(&format!("KILL QUERY {of_whole}")).unwrap();
    assert_eq!(whole.answer().unwrap().map(drop).unwrap_err().code, 1317);
}

#[test]
fn show_of_objects_that_there_are_none_of_is_empty_with_mysqls_columns() {
    let running = Running::start(&[]);
    let mut root = filled(&running);
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("FUNCTION STATUS", &ROUTINE_STATUS, &["", "LIKE 'a%'", "WHERE Db = 'd'"]),
        ("PROCEDURE STATUS", &ROUTINE_STATUS, &["", "LIKE 'a%'", "WHERE Db = DATABASE() AND Type = 'PROCEDURE'"]),
        (
            "OPEN TABLES",
            &["Database", "Table", "In_use", "Name_locked"],
            &["", "FROM d", "IN d LIKE 'x'", "WHERE In_use > 0"],
        ),
        ("TRIGGERS", &TRIGGERS, &["", "FROM d", "IN `d` LIKE 'item'", "WHERE `Table` = 'item'"]),
        ("FULL TRIGGERS", &TRIGGERS, &["", "FROM d"]),
        ("EVENTS", &EVENTS, &["", "FROM d", "IN d LIKE 'x'", "WHERE Status = 'ENABLED'"]),
    ];
    for (what, columns, conditions) in cases {
        for condition in conditions {
            let sql = format!("SHOW {what} {condition}");
            let answer = root.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(answer.titles, columns, "{sql}");
            assert_eq!(answer.rows.len(), 0, "{sql}");
            let prepared = root.execute(&sql, &[]).unwrap();
            assert_eq!(prepared.titles, answer.titles, "{sql}");
        }
        assert_eq!(root.query(&format!("SHOW {what} nonsense")).map(drop).unwrap_err().code, 1064, "{what}");
    }
    for (table, columns) in [("TRIGGERS", 22), ("events", 24), ("Routines", 31), ("PARAMETERS", 16)] {
        let answer = root.query(&format!("SELECT * FROM information_schema.{table}")).unwrap();
        assert_eq!((answer.titles.len(), answer.rows.len()), (columns, 0), "{table}");
    }
    let mut worker = running.connect(running.config("worker", "pw")).unwrap();
    root.query("CREATE USER reader IDENTIFIED BY 'pw'").unwrap();
    root.query("GRANT SELECT ON d.* TO reader").unwrap();
    let mut reader = running.connect(running.config("reader", "pw")).unwrap();
    assert_eq!(reader.rows("SHOW TRIGGERS FROM d"), Vec::<Vec<String>>::new());
    assert_eq!(reader.query("SHOW EVENTS FROM d").map(drop).unwrap_err().code, 1044);
    for what in ["TRIGGERS", "EVENTS"] {
        assert_eq!(worker.query(&format!("SHOW {what} FROM other")).map(drop).unwrap_err().code, 1044, "{what}");
        assert_eq!(worker.query(&format!("SHOW {what}")).map(drop).unwrap_err().code, 1046, "{what}");
        assert_eq!(root.query(&format!("SHOW {what} FROM none")).map(drop).unwrap_err().code, 1049, "{what}");
    }
}

/// The names of databases differ in case, as in MySQL on Linux.
#[test]
fn a_listing_holds_one_database_where_names_differ_in_case() {
    let running = Running::start(&[]);
    let mut root = filled(&running);
    for sql in
        ["CREATE DATABASE nn", "CREATE TABLE nn.small (a INT)", "CREATE DATABASE NN", "CREATE TABLE NN.large (b INT)"]
    {
        root.query(sql).unwrap();
    }
    for (database, table, column) in [("nn", "small", "a"), ("NN", "large", "b")] {
        assert_eq!(root.rows(&format!("SHOW TABLES FROM {database}")), [[table]]);
        let columns = format!("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{database}'");
        assert_eq!(root.rows(&columns), [[column]]);
        let named = format!("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{database}'");
        assert_eq!(root.rows(&named), [[database]]);
    }
}

#[test]
fn the_information_schema_is_one_whatever_its_letter_case() {
    let running = Running::start(&[]);
    let mut root = filled(&running);
    let spellings = [
        "INFORMATION_SCHEMA.TABLES",
        "information_schema.tables",
        "Information_Schema.Tables",
        "`INFORMATION_SCHEMA`.`tables`",
    ];
    for first in spellings {
        for second in spellings {
            for sql in [
                format!("SELECT TABLE_NAME FROM {first} WHERE TABLE_SCHEMA = 'd' ORDER BY TABLE_NAME"),
                format!("SELECT t.table_name FROM {second} AS t WHERE t.Table_Schema = 'd' ORDER BY t.TABLE_NAME"),
            ] {
                let answer = root.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                assert_eq!(answer.titles, ["TABLE_NAME"], "{sql}");
                assert_eq!(answer.rows, [["item"], ["plain"], ["seen"]], "{sql}");
            }
            // SHOW reads the same system tables.
            assert_eq!(root.rows("SHOW TABLES"), [["item"], ["plain"], ["seen"]]);
            assert_eq!(root.rows("SHOW COLUMNS FROM plain").len(), 1);
        }
    }
    for database in ["INFORMATION_SCHEMA", "information_schema"] {
        root.query(&format!("USE {database}")).unwrap();
        assert_eq!(root.rows("SELECT COUNT(*) FROM tables WHERE table_schema = 'd'"), [["3"]]);
    }
    let joined = "SELECT c.column_name FROM information_schema.COLUMNS c JOIN INFORMATION_SCHEMA.tables t \
                  ON c.TABLE_NAME = t.table_name AND c.table_schema = t.table_schema WHERE t.table_name = 'plain'";
    assert_eq!(root.rows(joined), [["a"]]);
    assert_eq!(root.rows("SELECT @@VERSION_COMMENT = @@version_comment"), [["1"]]);
    assert_eq!(
        root.rows("SELECT COUNT(*) FROM PERFORMANCE_SCHEMA.SESSION_STATUS WHERE variable_name = 'SSL_CIPHER'"),
        [["1"]]
    );
}

#[test]
fn columns_say_how_much_they_hold() {
    let running = Running::start(&[]);
    let mut root = filled(&running);
    root.query(
        "CREATE TABLE held (a TINYINT, b INT UNSIGNED, c BIGINT, d BIGINT UNSIGNED, e DECIMAL(8,3), f DOUBLE, g CHAR(3), h VARCHAR(10), \
         i TEXT, j VARBINARY(16), k LONGBLOB, l DATETIME(6), m DATE, n JSON)",
    )
    .unwrap();
    let sql = "SELECT column_name, data_type, character_maximum_length, character_octet_length, numeric_precision, numeric_scale, \
               datetime_precision FROM information_schema.columns WHERE table_name = 'held' AND generation_expression = '' ORDER BY 1";
    let shown: Vec<String> = root.rows(sql).iter().map(|row| row.join(" ")).collect();
    // In MySQL 8.0's format.
    assert_eq!(
        shown,
        [
            "a tinyint NULL NULL 3 0 NULL",
            "b int NULL NULL 10 0 NULL",
            "c bigint NULL NULL 19 0 NULL",
            "d bigint NULL NULL 20 0 NULL",
            "e decimal NULL NULL 8 3 NULL",
            "f double NULL NULL 22 NULL NULL",
            "g char 3 12 NULL NULL NULL",
            "h varchar 10 40 NULL NULL NULL",
            "i text 65535 65535 NULL NULL NULL",
            "j varbinary 16 16 NULL NULL NULL",
            "k longblob 4294967295 4294967295 NULL NULL NULL",
            "l datetime NULL NULL NULL NULL 6",
            "m date NULL NULL NULL NULL NULL",
            "n json NULL NULL NULL NULL NULL",
        ]
    );
}

#[test]
fn moments_are_converted_between_time_zones() {
    let running = Running::start(&[]);
    let mut root = running.root();
    // The first query of Django.
    let first = "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, \
                 CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL";
    assert_eq!(root.rows(first)[0][5], "1");
    // MariaDB's results, except for UTC, which MariaDB knows only if its tables of time zones are filled.
    for (arguments, expected) in [
        ("'2004-01-01 12:00:00', '+00:00', '+10:00'", "2004-01-01 22:00:00"),
        ("'2004-01-01 12:00:00', 'UTC', '-3:30'", "2004-01-01 08:30:00"),
        ("'2004-01-01 12:00:00', 'SYSTEM', 'utc'", "2004-01-01 12:00:00"),
        ("'2004-03-01 00:10:00.250000', '+00:20', '+00:00'", "2004-02-29 23:50:00.250000"),
        ("'2004-01-01', '+00:00', '+01:00'", "2004-01-01 01:00:00"),
        ("'2004-01-01 12:00:00', '-13:59', '+14:00'", "2004-01-02 15:59:00"),
        // Outside the range of TIMESTAMP, the time is not converted.
        ("'1969-12-31 23:00:00', '+00:00', '+01:00'", "1969-12-31 23:00:00"),
        ("'9999-12-31 23:00:00', '+00:00', '+01:00'", "9999-12-31 23:00:00"),
        ("'2004-01-01 12:00:00', '+00:00', 'Europe/Berlin'", "NULL"),
        ("'2004-01-01 12:00:00', '+00:00', '+14:01'", "NULL"),
        ("'2004-01-01 12:00:00', '+00:00', '10:00'", "NULL"),
        ("'2004-01-01 12:00:00', '+00:00', '+1:60'", "NULL"),
        ("'2004-01-01 12:00:00', '+00:00', ''", "NULL"),
        ("'2004-01-01 12:00:00', NULL, '+00:00'", "NULL"),
        ("NULL, '+00:00', '+00:00'", "NULL"),
        ("'no moment', '+00:00', '+00:00'", "NULL"),
    ] {
        assert_eq!(root.rows(&format!("SELECT CONVERT_TZ({arguments})")), [[expected]], "{arguments}");
    }
    assert_eq!(root.query("SELECT CONVERT_TZ('2004-01-01', 'UTC')").map(drop).unwrap_err().code, 1582);
}

#[test]
fn a_temporary_table_is_shown_to_its_session_and_counts_its_keys() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("CREATE DATABASE e").unwrap();
    client.query("USE e").unwrap();
    client.query("CREATE TABLE t (other INT)").unwrap();
    client
        .query("CREATE TEMPORARY TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, `a``b` VARCHAR(9) COMMENT 'c', KEY k (`a``b`))")
        .unwrap();
    for (sql, last) in [
        ("INSERT INTO t (`a``b`) VALUES ('x')", "1"),
        ("INSERT INTO t (`a``b`) VALUES ('y'), ('z')", "2"),
        ("INSERT IGNORE INTO t (`a``b`) VALUES ('w')", "4"),
        ("REPLACE INTO t (`a``b`) VALUES ('v')", "5"),
    ] {
        client.query(sql).unwrap();
        assert_eq!(client.rows("SELECT LAST_INSERT_ID()"), [[last]], "{sql}");
    }
    let id = ["id", "int", "NO", "PRI", "NULL", "auto_increment"].map(str::to_owned).to_vec();
    let text = ["a`b", "varchar(9)", "YES", "MUL", "NULL", ""].map(str::to_owned).to_vec();
    let both = vec![id, text.clone()];
    for sql in ["DESCRIBE t", "DESC e.t", "SHOW COLUMNS FROM t", "SHOW FIELDS FROM t FROM e"] {
        assert_eq!(client.rows(sql), both, "{sql}");
    }
    for sql in ["DESCRIBE t 'a%'", "SHOW COLUMNS FROM t LIKE 'a%'", "SHOW COLUMNS FROM t WHERE Field <> 'id'"] {
        assert_eq!(client.rows(sql), std::slice::from_ref(&text), "{sql}");
    }
    let full = client.query("SHOW FULL COLUMNS FROM t").unwrap();
    let titles = ["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"];
    assert_eq!((full.titles.as_slice(), full.rows[1][8].as_str()), (&titles.map(str::to_owned)[..], "c"));
    let keys = client.query("SHOW INDEX FROM t").unwrap();
    let titles = ["Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Index_type"];
    assert_eq!(keys.titles, titles);
    assert_eq!(keys.rows, [["t", "0", "PRIMARY", "1", "id", "BTREE"], ["t", "1", "k", "1", "a`b", "BTREE"]]);
    let statement = &client.rows("SHOW CREATE TABLE t")[0];
    assert_eq!(statement[0], "t");
    let expected = "CREATE TEMPORARY TABLE `t` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `a``b` varchar(9) DEFAULT NULL COMMENT 'c',\n  \
                    PRIMARY KEY (`id`),\n  KEY `k` (`a``b`)\n) ENGINE=SQLite DEFAULT CHARSET=utf8mb4";
    assert_eq!(statement[1], expected);

    // Other sessions see the table that the temporary one hides, and so does its own session once the temporary one is dropped.
    let mut other = running.root();
    assert_eq!(other.rows("DESCRIBE e.t")[0][0], "other");
    client.query("DROP TABLE t").unwrap();
    assert_eq!(client.rows("DESCRIBE t")[0][0], "other");
    client.query(&statement[1]).unwrap();
    assert_eq!(client.rows("DESCRIBE t"), both);
}

#[test]
fn a_limit_of_all_that_mysql_can_count_is_no_limit() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("CREATE DATABASE e").unwrap();
    client.query("CREATE TABLE e.t (a INT)").unwrap();
    client.query("INSERT INTO e.t VALUES (1), (2), (3)").unwrap();
    for (sql, rows) in [
        ("SELECT a FROM e.t ORDER BY a LIMIT 0, 18446744073709551615", 3),
        ("SELECT a FROM e.t ORDER BY a LIMIT 2, 18446744073709551615", 1),
        ("SELECT a FROM e.t ORDER BY a LIMIT 18446744073709551615", 3),
        ("SELECT a FROM e.t ORDER BY a LIMIT 18446744073709551614 OFFSET 1", 2),
        ("SELECT a FROM e.t ORDER BY a LIMIT 3 OFFSET 18446744073709551615", 0),
        ("(SELECT a FROM e.t) UNION ALL (SELECT a FROM e.t) LIMIT 1, 18446744073709551615", 5),
    ] {
        assert_eq!(client.rows(sql).len(), rows, "{sql}");
    }
    assert_eq!(client.query("UPDATE e.t SET a = a + 1 LIMIT 18446744073709551615").unwrap().affected, 3);
    let Err(error) = client.query("SELECT a FROM e.t LIMIT 18446744073709551616") else { panic!("it is too much") };
    assert!([1064, 1105].contains(&error.code), "{error}");
}

#[test]
fn the_tables_of_mysql_are_described() {
    let running = Running::start(&[]);
    let mut client = running.root();
    let fields =
        |client: &mut Client, sql: &str| client.rows(sql).into_iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!(fields(&mut client, "SHOW TABLES FROM mysql"), ["general_log", "slow_log"]);
    assert_eq!(fields(&mut client, "DESCRIBE mysql.user")[..2], ["Host", "User"]);
    assert_eq!(
        fields(&mut client, "SHOW COLUMNS FROM performance_schema.session_status LIKE '%NAME'"),
        ["VARIABLE_NAME"]
    );
    let statement = &client.rows("SHOW CREATE TABLE mysql.general_log")[0][1];
    assert!(
        statement.starts_with("CREATE TABLE `general_log` (\n  `event_time` timestamp(6) DEFAULT NULL,\n"),
        "{statement}"
    );
    client.query("USE mysql").unwrap();
    let again = client.query(&statement.replacen("TABLE", "TABLE IF NOT EXISTS", 1)).unwrap();
    assert_eq!(again.warnings, 1);
    assert!(client.query(statement).is_err(), "it is there");
    assert!(client.query("CREATE TABLE IF NOT EXISTS other (a INT)").is_err(), "nobody adds one");
    assert!(client.rows("SELECT * FROM mysql.general_log").is_empty());
    let made = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `mysql` /*!40100 DEFAULT CHARACTER SET utf8mb4 */";
    assert_eq!(client.rows("SHOW CREATE DATABASE IF NOT EXISTS mysql")[0][1], made);
    client.query(made).unwrap();
    // A user without privileges on the objects does not see them.
    client.query("CREATE USER u@localhost").unwrap();
    let mut other = running.connect(running.config("u", "")).unwrap();
    for sql in ["DESCRIBE mysql.user", "SHOW CREATE TABLE mysql.general_log", "SHOW INDEX FROM mysql.none"] {
        let Err(error) = other.query(sql) else { panic!("{sql}") };
        assert_eq!(error.code, 1142, "{sql}");
    }
    assert!(
        fields(&mut other, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql'").is_empty()
    );
}

#[test]
fn show_index_obeys_its_condition() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY, b INT, KEY k (b))"] {
        client.query(sql).unwrap();
    }
    let names = |rows: Vec<Vec<String>>| rows.into_iter().map(|row| row[2].clone()).collect::<Vec<_>>();
    assert_eq!(names(client.rows("SHOW INDEX FROM d.t")), ["PRIMARY", "k"]);
    assert_eq!(names(client.rows("SHOW INDEX FROM d.t WHERE Key_name = 'k'")), ["k"]);
    assert_eq!(names(client.rows("SHOW KEYS FROM t FROM d WHERE Non_unique = 0")), ["PRIMARY"]);
}

#[test]
fn collations_of_tables_and_databases_are_shown() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in [
        "CREATE DATABASE d DEFAULT CHARACTER SET latin1 COLLATE = latin1_bin",
        "USE d",
        "CREATE TABLE t (a VARCHAR(9), b VARCHAR(9) CHARACTER SET latin1, c VARCHAR(9) COLLATE ascii_bin, e TEXT CHARACTER SET binary, n INT)",
        "CREATE TABLE u (a VARCHAR(9)) CHARACTER SET utf8mb4",
        "CREATE TABLE v (a VARCHAR(9), b VARCHAR(9) CHARACTER SET utf8mb4) COLLATE utf8mb4_bin",
        "CREATE TABLE w LIKE v",
    ] {
        client.query(sql).unwrap();
    }
    let made = |client: &mut Client, sql: &str| client.rows(&format!("SHOW CREATE {sql}"))[0][1].clone();
    let database = "CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_bin */";
    assert_eq!(made(&mut client, "DATABASE d"), database);
    let shown = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'd'";
    assert_eq!(client.rows(shown), [["latin1", "latin1_bin"]]);
    let t = "CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT NULL,\n  `b` varchar(9) COLLATE latin1_swedish_ci DEFAULT NULL,\n  \
             `c` varchar(9) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,\n  `e` text CHARACTER SET binary DEFAULT NULL,\n  \
             `n` int DEFAULT NULL\n) ENGINE=SQLite DEFAULT CHARSET=latin1 COLLATE=latin1_bin";
    assert_eq!(made(&mut client, "TABLE t"), t);
    let u = "CREATE TABLE `u` (\n  `a` varchar(9) DEFAULT NULL\n) ENGINE=SQLite DEFAULT CHARSET=utf8mb4";
    assert_eq!(made(&mut client, "TABLE u"), u);
    let v = "CREATE TABLE `v` (\n  `a` varchar(9) DEFAULT NULL,\n  `b` varchar(9) COLLATE utf8mb4_general_ci DEFAULT NULL\n) \
             ENGINE=SQLite DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
    assert_eq!(made(&mut client, "TABLE v"), v);
    assert_eq!(made(&mut client, "TABLE w"), v.replace("`v`", "`w`"));
    let columns = "SELECT TABLE_NAME, COLUMN_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND \
                   COLLATION_NAME IS NOT NULL ORDER BY TABLE_NAME, COLUMN_NAME";
    let told: Vec<String> = client.rows(columns).into_iter().map(|row| row.join(" ")).collect();
    let expected = [
        "t a latin1_bin",
        "t b latin1_swedish_ci",
        "t c ascii_bin",
        "t e binary",
        "u a utf8mb4_general_ci",
        "v a utf8mb4_bin",
        "v b utf8mb4_general_ci",
        "w a utf8mb4_bin",
        "w b utf8mb4_general_ci",
    ];
    assert_eq!(told, expected);
    let tables = "SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'd' ORDER BY TABLE_NAME LIMIT 3";
    assert_eq!(client.rows(tables), [["t", "latin1_bin"], ["u", "utf8mb4_general_ci"], ["v", "utf8mb4_bin"]]);
    // The statements that are shown make the same again.
    for sql in ["DROP TABLE t", t, "ALTER DATABASE CHARACTER SET utf8mb4", "DROP TABLE w", "CREATE TABLE w (a TEXT)"] {
        client.query(sql).unwrap();
    }
    assert_eq!(made(&mut client, "TABLE t"), t);
    assert!(made(&mut client, "TABLE w").ends_with("DEFAULT CHARSET=utf8mb4"));
    assert_eq!(made(&mut client, "DATABASE d"), "CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 */");
    for (sql, code) in [
        ("CREATE DATABASE e COLLATE nonsense", 1273),
        ("CREATE DATABASE e CHARACTER SET gbk", 1115),
        ("CREATE DATABASE e CHARACTER SET latin1 COLLATE utf8mb4_bin", 1253),
        ("ALTER DATABASE d COLLATE utf8mb4_nonsense_ci", 1273),
        ("ALTER DATABASE missing COLLATE utf8mb4_bin", 1049),
    ] {
        let Err(error) = client.query(sql) else { panic!("{sql}") };
        assert_eq!(error.code, code, "{sql}");
    }
    client.query("DROP DATABASE d").unwrap();
    client.query("CREATE DATABASE d").unwrap();
    assert!(made(&mut client, "DATABASE d").contains("utf8mb4 */"), "a dropped database leaves nothing");
}
