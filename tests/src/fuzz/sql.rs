//! Fuzzes SQL for SQLite: an account with rights on one database reads and changes nothing of another one, and creates no file outside of
//! the data directory, whatever statements it sends.

use std::fs;
use std::path::Path;
use std::thread;

use sealwire_server::sandbox::Sandbox;

/// The content of the database on which the account has no right.
const SECRET: &str = "zq-secret-value";

/// The words of statements, one for each byte.
const WORDS: &[&str] = &[
    "SELECT",
    "INSERT INTO",
    "REPLACE INTO",
    "UPDATE",
    "DELETE FROM",
    "TRUNCATE",
    "CREATE TABLE",
    "CREATE TEMPORARY TABLE",
    "CREATE VIEW",
    "CREATE OR REPLACE VIEW",
    "CREATE UNIQUE INDEX",
    "CREATE TRIGGER",
    "DROP TABLE",
    "DROP TEMPORARY TABLE",
    "DROP VIEW",
    "DROP INDEX",
    "ALTER TABLE",
    "RENAME TO",
    "ADD COLUMN",
    "DROP COLUMN",
    "WITH",
    "WITH RECURSIVE",
    "AS (",
    "(",
    ")",
    ",",
    ";",
    ".",
    "*",
    "=",
    "+",
    "||",
    "?",
    "AS",
    "FROM",
    "WHERE",
    "SET",
    "VALUES (",
    "ON",
    "ON DUPLICATE KEY UPDATE",
    "JOIN",
    "LEFT JOIN",
    "USING (",
    "UNION",
    "UNION ALL",
    "IN (",
    "EXISTS (",
    "LIKE",
    "LIMIT 1",
    "ORDER BY",
    "GROUP BY",
    "IF EXISTS",
    "IF NOT EXISTS",
    "INT",
    "VARCHAR(20)",
    "`a b`",
    "`x); --`",
    "DEFAULT (",
    "CHECK (",
    "FOREIGN KEY (",
    "REFERENCES",
    "t",
    "u",
    "a",
    "b",
    "s",
    "own",
    "own.t",
    "hidden",
    "hidden.secret",
    "`hidden`.`secret`",
    "secret",
    "main",
    "temp",
    "main.sqlite_master",
    "sqlite_master",
    "hidden.sqlite_master",
    "pragma_database_list",
    "information_schema",
    "dbstat",
    "1",
    "2",
    "'x'",
    "'a\\'b'",
    "\"hidden\"",
    "X'00'",
    "NULL",
    "`x\\``",
    "`x``",
    "\\",
    "--",
    "-- ",
    "/*",
    "*/",
    "/*!",
    "#",
    "\n",
    "'",
    "\"",
    "`",
    "ATTACH DATABASE 'x' AS z",
    "DETACH DATABASE hidden",
    "PRAGMA writable_schema = 1",
    "VACUUM INTO 'x'",
    "COMMIT",
    "BEGIN",
    "load_extension('x')",
    "REPEAT('x', 9)",
    "CONCAT(",
    "COUNT(*)",
    "MAX(",
    "OVER (",
    "CASE WHEN",
    "THEN",
    "END",
    "CAST(",
    "AS CHAR)",
    "ROWID",
    "new",
    "old",
    "excluded",
];

/// The initial inputs.
pub(super) const SEEDS: &[&str] = &[
    "SELECT a, b FROM t WHERE a IN (SELECT a FROM u)",
    "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c",
    "WITH secret AS (SELECT 1 AS s) SELECT s FROM hidden.secret",
    "WITH x AS (SELECT 1) DELETE FROM hidden.secret",
    "INSERT INTO t VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = VALUES(b)",
    "CREATE VIEW v AS SELECT a FROM t; SELECT COUNT(*) FROM v; DROP VIEW v",
    "CREATE TABLE q (c `a b`, `x); COMMIT; ATTACH DATABASE 'x' AS w; --` int)",
    "DROP TEMPORARY TABLE IF EXISTS `x\\``; UPDATE z.t SET s = 'owned'; -- `",
    "SELECT abs(1) AS `a\\``, (SELECT s FROM hidden.secret) -- `",
    "CREATE TEMPORARY TABLE t (a INT); INSERT INTO t VALUES (1); SELECT * FROM t; DROP TABLE t",
    "ALTER TABLE t ADD COLUMN c INT DEFAULT 5; ALTER TABLE t RENAME TO n",
    "UPDATE t SET b = CONCAT(b, 'x') WHERE a = 1 ORDER BY a LIMIT 1",
    "SELECT * FROM own.pragma_database_list; SELECT * FROM main.sqlite_master",
];

/// The stack of a statement's thread, large enough for the nesting that the server allows; a sanitizer makes the frames larger.
const STACK: usize = 128 << 20;

/// The first byte decides whether the others are text or indexes of words.
pub(super) fn run(data: &[u8]) {
    let ran = thread::scope(|scope| {
        let attempt = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || attempt(data));
        attempt.expect("a thread").join()
    });
    if let Err(panic) = ran {
        std::panic::resume_unwind(panic);
    }
}

fn attempt(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let script = match mode % 2 {
        0 => data.to_vec(),
        _ => {
            let words = data.iter().map(|byte| WORDS.get(usize::from(*byte)).copied().unwrap_or("x"));
            words.collect::<Vec<_>>().join(" ").into_bytes()
        }
    };
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("data");
    fs::create_dir(&folder).expect("a data directory");
    let fill = format!("INSERT INTO hidden.secret VALUES ('{SECRET}')");
    let statements = [
        "CREATE TABLE own.t (a INT PRIMARY KEY, b VARCHAR(20))",
        "INSERT INTO own.t VALUES (1, 'x'), (2, 'y')",
        "CREATE TABLE own.u (a INT)",
        "CREATE TABLE hidden.secret (s VARCHAR(20))",
        fill.as_str(),
    ];
    let sandbox = Sandbox::new(&folder, &statements).expect("two databases");
    let told = sandbox.run(&script).expect("a session");
    let shown = String::from_utf8_lossy(&script);
    // A script that contains the secret itself proves nothing.
    if !holds(&script, SECRET) {
        assert!(!holds(&told, SECRET), "{shown} reads another database");
    }
    let hidden = sandbox.ask("SELECT COUNT(*), MAX(s) FROM hidden.secret").expect("the table is there");
    assert!(holds(&hidden, SECRET), "{shown} changed another database");
    let tables = sandbox.ask("SELECT * FROM hidden.secret").expect("the table is there");
    assert!(holds(&tables, SECRET));
    let only_data: Vec<_> = names(place.path());
    assert_eq!(only_data, ["data"], "{shown} made a file outside of the data directory");
    let strange =
        names(&folder).into_iter().find(|name| !name.starts_with("own.sqlite") && !name.starts_with("hidden.sqlite"));
    assert_eq!(strange, None, "{shown} made a file in the data directory");
}

fn holds(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
