//! INSERT into tables with generated columns.

use super::*;

#[test]
fn an_insert_without_columns_counts_generated_ones() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE g (a INT, b INT AS (a + 1))");
    bench.done("CREATE TABLE s (a INT, b INT AS (a + 1) STORED)");
    bench.done("CREATE TEMPORARY TABLE o (a INT, b INT AS (a + 1))");
    for table in ["g", "s", "o"] {
        for sql in ["INSERT INTO $ VALUES (1)", "REPLACE INTO $ VALUES (1)", "INSERT INTO $ SELECT 1"] {
            assert_eq!(bench.error(&sql.replace('$', table)), 1136, "{sql}");
        }
        bench.done(&format!("INSERT INTO {table} (a) VALUES (1)"));
        bench.done(&format!("INSERT INTO {table} VALUES ()"));
        bench.done(&format!("INSERT INTO {table} SET a = 5"));
        assert_eq!(bench.text(&format!("SELECT b FROM {table} WHERE a IS NOT NULL ORDER BY b")), [["2"], ["6"]]);
    }
}
