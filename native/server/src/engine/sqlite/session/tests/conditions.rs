//! IF EXISTS and IF NOT EXISTS of columns and indexes.

use super::*;

/// The numbers of a statement's notes.
fn notes(bench: &mut TestSession, sql: &str) -> Vec<u16> {
    bench.done(sql).notes.iter().map(|note| note.code).collect()
}

#[test]
fn what_is_there_or_missing_already_makes_a_note() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a INT, b INT, KEY ka (a))");
    for (sql, expected) in [
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT, ADD IF NOT EXISTS a BLOB FIRST", &[1060][..]),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS d INT FIRST", &[]),
        ("ALTER TABLE t DROP COLUMN IF EXISTS nothing, DROP COLUMN IF EXISTS c", &[1091]),
        ("ALTER TABLE t ADD INDEX IF NOT EXISTS ka (b), ADD UNIQUE KEY IF NOT EXISTS ub (b)", &[1061]),
        ("ALTER TABLE t DROP KEY IF EXISTS ub, DROP INDEX IF EXISTS ub", &[1091]),
        ("ALTER TABLE t RENAME COLUMN IF EXISTS nothing TO e", &[1054]),
        ("CREATE INDEX IF NOT EXISTS ka ON t (b)", &[1061]),
        ("CREATE INDEX IF NOT EXISTS kb ON t (b)", &[]),
        ("DROP INDEX IF EXISTS kb ON t", &[]),
        ("DROP INDEX IF EXISTS kb ON t", &[1091]),
    ] {
        assert_eq!(notes(&mut bench, sql), expected, "{sql}");
    }
    let renamed = bench.done("ALTER TABLE t RENAME COLUMN IF EXISTS nothing TO e").notes;
    assert_eq!(renamed.first().unwrap().message, "Unknown column 'nothing' in 'field list'");
    bench.done("INSERT INTO t (d, a, b) VALUES (1, 2, 3)");
    assert_eq!(bench.text("SELECT * FROM t"), [["1", "2", "3"]], "a column that was there stays at its place");
    // Other errors are errors, and the whole statement is undone.
    for (sql, code) in [
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS e INT, DROP COLUMN nothing", 1091),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS e INT, ADD COLUMN a INT", 1060),
        ("CREATE INDEX IF NOT EXISTS kc ON t (nothing)", 1072),
        ("ALTER TABLE missing ADD COLUMN IF NOT EXISTS a INT", 1146),
        ("ALTER TABLE t RENAME TO IF EXISTS u", 1064),
    ] {
        assert_eq!(bench.error(sql), code, "{sql}");
    }
    assert_eq!(bench.error("SELECT e FROM t"), 1054);
}
