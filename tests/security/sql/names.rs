//! Objects with unusual names: creating, altering, reading and dropping one affects that object and no other.

use std::net::TcpStream;

use sealwire::Client;
use sealwire_core::random::Random as _;
use sealwire_simnet::Seeded;

use super::world::{SECRET, World, run};

/// Pieces of names: characters that quote, escape, end or begin a comment in one of the two dialects, and letters of every encoded length.
const PIECES: &[&str] = &[
    "`",
    "``",
    "\\",
    "\\`",
    "\\\\",
    "'",
    "''",
    "\"",
    "\"\"",
    ";",
    "--",
    "-- ",
    "/*",
    "*/",
    "/*!",
    "#",
    "\n",
    "\r",
    "\t",
    " x",
    "(",
    ")",
    ",",
    ".",
    "@",
    "@@",
    "$",
    "%",
    "_",
    "?",
    ":a",
    "[",
    "]",
    "{",
    "|",
    "||",
    "x",
    "Ä",
    "ß",
    "İ",
    "\u{1f600}",
    "\u{fffd}",
    "\u{202e}",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "SELECT",
    "DROP TABLE",
    "ATTACH",
    "UNION",
    "NULL",
    "new",
    "rowid",
    "t",
];

pub(crate) fn name(random: &Seeded) -> String {
    let mut name = String::new();
    let mut bytes = [0; 9];
    random.fill(&mut bytes);
    for byte in &bytes[1..=1 + usize::from(bytes[0] % 8)] {
        name.push_str(PIECES[usize::from(*byte) % PIECES.len()]);
    }
    name.push('x');
    // Line breaks and letters outside of the Basic Multilingual Plane are refused in names, and the server's own names begin with U+0001.
    name.retain(|letter| !['\n', '\r'].contains(&letter) && letter <= '\u{ffff}');
    let name = name.trim_start_matches('\u{1}');
    // A table's name is a file's at other servers, where each letter may take five bytes.
    name.chars().take(45).collect::<String>().trim_end().to_owned()
}

pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub(crate) fn done(client: &mut Client<TcpStream>, sql: &str) -> Vec<Vec<String>> {
    run(client, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"))
}

#[test]
fn names_of_any_letters_come_back_as_they_are() {
    let seed = std::env::var("SEALWIRE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_128);
    println!("SEALWIRE_SEED={seed}");
    let random = Seeded::new(seed);
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    run(&mut root, "GRANT ALL ON d.* TO 'worker'@'%'").unwrap();
    let mut worker = world.worker();
    done(&mut worker, "USE d");
    let files = world.files();
    for _ in 0..150 {
        let (table, column, index, alias, value) =
            (name(&random), name(&random), name(&random), name(&random), name(&random));
        let (t, c, i, a, v) = (quoted(&table), quoted(&column), quoted(&index), quoted(&alias), text(&value));
        done(&mut worker, &format!("CREATE TABLE {t} ({c} VARCHAR(80) DEFAULT {v}, n INT, KEY {i} ({c}))"));
        done(&mut worker, &format!("INSERT INTO {t} ({c}, n) VALUES ({v}, 1)"));
        done(&mut worker, &format!("INSERT INTO {t} (n) VALUES (2)"));
        let found = done(&mut worker, &format!("SELECT {a}.{c} AS {a} FROM {t} AS {a} WHERE {a}.{c} = {v} ORDER BY n"));
        assert_eq!(found, [[value.as_str()], [value.as_str()]], "{table:?} {column:?} {alias:?}");
        let with = format!("WITH {a} ({c}) AS (SELECT {v}) SELECT {c} FROM {a}");
        assert_eq!(done(&mut worker, &with), [[value.as_str()]]);
        let shown = format!(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = {} \
             AND ORDINAL_POSITION = 1",
            text(&table)
        );
        assert_eq!(done(&mut worker, &shown), [[table.as_str(), column.as_str()]]);
        let keys = done(&mut worker, &format!("SHOW INDEX FROM {t}"));
        assert!(keys.iter().flatten().any(|shown| *shown == index), "{index:?} in {keys:?}");
        let new = quoted(&format!("{}y", name(&random)));
        done(&mut worker, &format!("ALTER TABLE {t} RENAME COLUMN {c} TO {new}"));
        assert_eq!(done(&mut worker, &format!("SELECT {new} FROM {t} WHERE n = 1")), [[value.as_str()]]);
        done(&mut worker, &format!("CREATE VIEW {} AS SELECT {new} AS {a} FROM {t}", quoted("the view")));
        assert_eq!(done(&mut worker, &format!("SELECT {a} FROM `the view` LIMIT 1")), [[value.as_str()]]);
        done(&mut worker, "DROP VIEW `the view`");
        done(&mut worker, &format!("CREATE TEMPORARY TABLE {t} ({c} VARCHAR(80), UNIQUE KEY {i} ({c}))"));
        done(&mut worker, &format!("DROP TEMPORARY TABLE {t}"));
        done(&mut worker, &format!("SAVEPOINT {a}"));
        done(&mut worker, &format!("DROP INDEX {i} ON {t}"));
        done(&mut worker, &format!("DROP TABLE {t}"));
    }
    let left = done(&mut worker, "SHOW TABLES");
    assert_eq!(left, [["child"], ["parent"], ["t"], ["u"], ["v"]]);
    assert_eq!(done(&mut root, "SELECT s FROM hidden.secret"), [[SECRET]]);
    assert_eq!(world.files(), files);
}

#[test]
fn names_that_are_none_are_refused() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for (sql, code) in [
        ("CREATE TABLE d.`a\0b` (a INT)", 1064),
        ("SELECT 1 AS `a\0b` FROM d.t", 1064),
        ("CREATE TABLE d.`x ` (a INT)", 1103),
        ("CREATE TABLE d.q (`x ` INT)", 1166),
        ("CREATE TABLE d.sqlite_q (a INT)", 1146),
        ("CREATE TABLE d.`a\nb` (a INT)", 1103),
        ("CREATE TABLE d.`\u{1}replica places` (a INT)", 1103),
        ("CREATE TABLE d.q (`a\rb` INT)", 1166),
        ("CREATE DATABASE `a\0b`", 1102),
        ("CREATE DATABASE `a\nb`", 1102),
    ] {
        let (found, message) = run(&mut root, sql).unwrap_err();
        assert!(found == code || found == 1103, "{sql}: {found} {message}");
    }
    let long = "x".repeat(65);
    assert_eq!(run(&mut root, &format!("CREATE TABLE d.{long} (a INT)")).unwrap_err().0, 1059);
}

#[test]
fn names_of_what_is_not_there_are_refused() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    done(&mut root, "USE d");
    for (sql, expected) in [
        ("CREATE TABLE x (a VARCHAR(9) COLLATE nonsense)", 1273),
        ("CREATE TABLE x (a VARCHAR(9) COLLATE utf8mb4_nonsense_ci)", 1273),
        ("CREATE TABLE x (a VARCHAR(9) CHARACTER SET nonsense)", 1115),
        ("CREATE TABLE x (a INT) DEFAULT CHARSET=nonsense", 1115),
        ("CREATE TABLE x (a INT) COLLATE=nonsense", 1273),
        ("CREATE TABLE x (a INT) ENGINE=nonsense", 1286),
        ("ALTER TABLE t ADD COLUMN x VARCHAR(9) COLLATE nonsense", 1273),
        ("SELECT b COLLATE nonsense FROM t", 1273),
        ("SELECT CONVERT(b USING nonsense) FROM t", 1115),
        ("CREATE DATABASE x CHARACTER SET nonsense", 1115),
        ("CREATE DATABASE x DEFAULT COLLATE = nonsense", 1273),
        ("CREATE DATABASE x nonsense", 1064),
        ("ALTER DATABASE d COLLATE nonsense", 1273),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_nonsense", 1273),
        ("SET collation_connection = nonsense", 1273),
        ("SET character_set_results = nonsense", 1115),
        ("SET time_zone = '../../etc/passwd'", 1298),
        ("SET time_zone = '+25:99'", 1298),
        ("SET time_zone = '-14:00'", 1298),
        ("SET GLOBAL time_zone = 'nonsense'", 1298),
    ] {
        let told = run(&mut root, sql);
        assert!(matches!(&told, Err((code, _)) if *code == expected), "{sql}: {told:?}");
    }
    for sql in [
        "CREATE TABLE x (a VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
        "CREATE TABLE y (a VARCHAR(9) CHARACTER SET binary) engine = myisam DEFAULT CHARACTER SET = utf8 ROW_FORMAT=DYNAMIC",
        "CREATE TABLE z (a INT) ENGINE=MEMORY COLLATE 'utf8mb3_unicode_ci'",
        "SELECT b COLLATE utf8mb4_uca1400_ai_ci FROM t",
        "SELECT CONVERT(b USING utf8) FROM t",
        "CREATE DATABASE e /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */",
        "ALTER DATABASE e CHARACTER SET = 'utf8mb3' COLLATE = utf8mb3_bin READ ONLY = 0",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_520_ci'",
        "SET collation_connection = utf8mb4_unicode_ci",
        "SET time_zone = '+14:00'",
        "SET time_zone = '-13:59'",
        "SET time_zone = 'UTC'",
        "SET time_zone = 'system'",
        "SET time_zone = DEFAULT",
        "SET time_zone = @@global.time_zone",
    ] {
        done(&mut root, sql);
    }
}
