//! Unique keys of tables that a source's log defines.

use sealwire_binlog::{Body, GtidEvent, MariaDbGtidEvent, RowsKind};

use super::made::{Log, NONE, apply, row};
use super::*;

/// The source has compared its rows, by collations that this server may not have: MySQL's utf8mb4_0900_as_cs takes all of these texts for
/// different ones. An index over MariaDB's weights would stop the replica at the second row, so there is none, whichever source it is. Rows of
/// the replica's own clients are compared by SQLite alone in such a table.
#[test]
fn keys_of_a_sources_tables_let_all_its_rows_in() {
    const MYSQL: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    for is_mysql in [true, false] {
        let world = World::new();
        let mut log = Log::new();
        let mut number = 0;
        let mut announce = |log: &mut Log, flags| {
            number += 1;
            if is_mysql {
                log.put(&Body::Gtid(GtidEvent { uuid: MYSQL.parse().unwrap(), number, ..GtidEvent::default() }));
            } else {
                log.gtid(number as u64, flags);
            }
        };
        for sql in [
            "CREATE DATABASE d",
            "CREATE TABLE t (a INT, b INT, c VARCHAR(10) COLLATE utf8mb4_0900_as_cs PRIMARY KEY)",
            "CREATE TABLE u (a INT, b INT, c VARCHAR(10), UNIQUE KEY (c(1)))",
            "CREATE UNIQUE INDEX more ON t (c)",
        ] {
            announce(&mut log, MariaDbGtidEvent::STANDALONE);
            log.query("d", sql);
        }
        let rows =
            [(NONE, row(1, 1, "a")), (NONE, row(2, 2, "a ")), (NONE, row(3, 3, "\u{e4}")), (NONE, row(4, 4, "ab"))];
        for table in ["t", "u"] {
            announce(&mut log, MariaDbGtidEvent::TRANSACTIONAL);
            if is_mysql {
                log.begin();
            }
            log.rows_of("d", table, RowsKind::Write, &rows).commit();
        }
        apply(&world, &log).unwrap();
        assert_eq!(world.rows("SELECT a FROM d.t ORDER BY a"), ["1", "2", "3", "4"]);
        assert_eq!(world.rows("SELECT a FROM d.u ORDER BY a"), ["1", "2", "3", "4"]);
        let file = rusqlite::Connection::open(world.directory.path().join("data/d.sqlite")).unwrap();
        let hidden = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND sql LIKE '%key_weight%'";
        assert_eq!(file.query_row(hidden, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}
