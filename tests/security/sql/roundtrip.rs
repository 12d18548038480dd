//! The statement that the server shows for an object creates the same object, as one statement, for every account and client.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use sealwire::Client;
use sealwire_core::random::Random as _;
use sealwire_simnet::Seeded;
use sealwire_tests::child;
use sealwire_tests::programs::needs;

use super::names::{done, name, quoted};
use super::world::{World, run};

/// Text that ends a string or statement in some dialect, and text that an attacker would append.
const PIECES: &[&str] = &[
    "\\",
    "\\\\",
    "'",
    "''",
    "\\'",
    "\"",
    "`",
    ";",
    "\n",
    "\r",
    "\0",
    "\u{1a}",
    "\t",
    "\u{8}",
    "--",
    " -- ",
    "#",
    "/*",
    "*/",
    "/*!",
    "%",
    "\\%",
    "\\_",
    "(",
    ")",
    ", z int",
    "=",
    "\ndelimiter //\n",
    "\\g",
    "\\! id",
    "%2A",
    "ä",
    "\u{1f600}",
    "\u{2028}",
    "x",
    " ",
    "DROP TABLE t",
    "NULL",
    "GRANT ALL ON *.* TO worker",
    "now()",
    "CAST(X'00' AS TEXT)",
    "/*mysql\ncheck=1\n*/",
];

fn value(random: &Seeded) -> String {
    let mut bytes = [0; 7];
    random.fill(&mut bytes);
    bytes[1..=1 + usize::from(bytes[0] % 6)].iter().map(|byte| PIECES[usize::from(*byte) % PIECES.len()]).collect()
}

/// A text in MySQL's quotes.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'").replace('\0', "\\0"))
}

fn shown(client: &mut Client<TcpStream>, kind: &str, name: &str) -> String {
    done(client, &format!("SHOW CREATE {kind} {}", quoted(name)))[0][1].clone()
}

/// Statements that create a table and a view with every kind of clause; the table's name, the view's, and the defaults.
struct Sample {
    table: String,
    view: String,
    statements: [String; 3],
    texts: [String; 2],
}

fn sample(random: &Seeded, round: usize) -> Sample {
    let (table, view) = (format!("{}{round}", name(random)), format!("{}v{round}", name(random)));
    let [a, b, c, d, index, functional, check] = std::array::from_fn(|at| quoted(&format!("{}{at}", name(random))));
    let [plain, computed, comment, member, condition, part, table_comment, shown] =
        std::array::from_fn(|_| value(random));
    let member = member.replace(',', ".");
    let create = format!(
        "CREATE TABLE {} (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, {a} VARCHAR(200) DEFAULT {} COMMENT {}, {b} TEXT DEFAULT (CONCAT({}, \
         'z')), {c} ENUM('q', {}) NOT NULL DEFAULT 'q', {d} VARCHAR(300) GENERATED ALWAYS AS (CONCAT({a}, {})) STORED, s SET('x', {}), \
         n DECIMAL(8,2) DEFAULT -1.5, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, raw VARBINARY(9) DEFAULT X'0027', \
         k VARCHAR(9) COLLATE utf8mb4_bin DEFAULT NULL CHECK (k <> {}), KEY {index} ({a}(10), n), UNIQUE KEY {functional} ((CONCAT({a}, {}))), \
         CONSTRAINT {check} CHECK ({a} <> {} AND n / 2 < 5 DIV 2)) COMMENT={}",
        quoted(&table),
        text(&plain),
        text(&comment),
        text(&computed),
        text(&member),
        text(&part),
        text(&member),
        text(&condition),
        text(&part),
        text(&format!("{condition}!")),
        text(&table_comment),
    );
    let insert = format!("INSERT INTO {} () VALUES ()", quoted(&table));
    let select = format!(
        "CREATE VIEW {} AS SELECT {} AS {a}, {a} AS {b}, n / 2 AS {c}, CAST(n AS CHAR) AS {d} FROM {} WHERE {a} LIKE {} OR 1",
        quoted(&view),
        text(&shown),
        quoted(&table),
        text(&condition)
    );
    Sample { table, view, statements: [create, insert, select], texts: [plain, format!("{computed}z")] }
}

#[test]
fn what_is_shown_makes_the_same_object() {
    let seed = std::env::var("SEALWIRE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_129);
    println!("SEALWIRE_SEED={seed}");
    let random = Seeded::new(seed);
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    done(&mut root, "CREATE DATABASE e");
    done(&mut root, "GRANT ALL ON e.* TO 'worker'@'%'");
    let mut worker = world.worker();
    done(&mut worker, "USE e");
    done(&mut root, "USE e");
    let mut script = String::new();
    let mut all = Vec::new();
    for round in 0..60 {
        let sample = sample(&random, round);
        let read = |client: &mut Client<TcpStream>| {
            let table = shown(client, "TABLE", &sample.table);
            let view = shown(client, "VIEW", &sample.view);
            let rows = done(client, &format!("SELECT * FROM {}", quoted(&sample.view)));
            let columns = "SELECT COLUMN_NAME, COLUMN_DEFAULT, COLUMN_TYPE, EXTRA, COLUMN_COMMENT, GENERATION_EXPRESSION FROM \
                           information_schema.COLUMNS WHERE TABLE_SCHEMA = 'e' AND TABLE_NAME = ";
            (table, view, rows, done(client, &format!("{columns}{}", text(&sample.table))))
        };
        for statement in &sample.statements {
            done(&mut worker, statement);
        }
        let before = read(&mut worker);
        let [plain, computed] = &sample.texts;
        assert_eq!(before.3[1][1], *plain, "{}", before.0);
        assert_eq!(before.2[0][1], *plain, "{}", before.0);
        let found = done(&mut worker, &format!("SELECT * FROM {}", quoted(&sample.table)));
        assert_eq!(&found[0][1..3], [plain.as_str(), computed.as_str()], "{}", before.0);
        for (kind, name) in [("VIEW", &sample.view), ("TABLE", &sample.table)] {
            done(&mut worker, &format!("DROP {kind} {}", quoted(name)));
        }
        done(&mut root, &before.0);
        done(&mut worker, &sample.statements[1]);
        done(&mut root, &before.1);
        assert_eq!(read(&mut worker), before, "{:?}", sample.statements);
        // In these modes a string ends at the same quote, although the text means something else.
        done(&mut worker, "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
        for (kind, name, text) in [("VIEW", &sample.view, &before.1), ("TABLE", &sample.table, &before.0)] {
            done(&mut worker, &format!("DROP {kind} {}", quoted(name)));
            script.push_str(&format!("DROP {kind} IF EXISTS {};\nSELECT 'dropped';\n", quoted(name)));
            all.push((kind, name.clone(), text.clone()));
        }
        done(&mut worker, &before.0);
        done(&mut worker, &format!("DROP TABLE {}", quoted(&sample.table)));
        done(&mut worker, "SET sql_mode = ''");
        script.push_str(&format!("{};\nSELECT 'made';\n{};\nSELECT 'made';\n", before.0, before.1));
    }
    if !needs(&["mariadb"]) {
        return;
    }
    // MariaDB's client splits the statements.
    let said = mariadb(&world, &["e"], &script);
    assert_eq!(said, "dropped\ndropped\nmade\nmade\n".repeat(60));
    for (kind, name, text) in all {
        assert_eq!(shown(&mut root, kind, &name), text);
    }
    assert_eq!(done(&mut root, "SHOW GRANTS FOR worker").len(), 2);
}

fn mariadb(world: &World, arguments: &[&str], sql: &str) -> String {
    let port = format!("--port={}", world.server.port);
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--host=127.0.0.1", &port, "--user=root", "--skip-ssl", "--batch", "--raw"]);
    command.args(["--skip-column-names", "--default-character-set=utf8mb4"]).args(arguments).stdout(Stdio::piped());
    let output = child::output(&mut command, sql.as_bytes()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_dump_that_root_restores_grants_nothing() {
    if !needs(&["mariadb", "mariadb-dump"]) {
        return;
    }
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    done(&mut root, "CREATE DATABASE e");
    done(&mut root, "GRANT ALL ON e.* TO 'worker'@'%'");
    let mut worker = world.worker();
    done(&mut worker, "USE e");
    let attack = "GRANT ALL ON *.* TO worker WITH GRANT OPTION; CREATE USER x; -- ";
    for sql in [
        format!("CREATE TABLE t (a VARCHAR(50) DEFAULT '\\\\', b VARCHAR(200) DEFAULT ', z int); {attack}')"),
        format!(
            "CREATE TABLE u (`c\\` INT, b ENUM('\\\\', '); {attack}') COMMENT '\\\\', `)); GRANT ALL ON *.* TO worker; -- x` INT) COMMENT='\\\\'"
        ),
        format!(
            "CREATE TABLE w (a VARCHAR(200) DEFAULT (CONCAT('\\\\', '); {attack}')), CHECK (a <> '\\\\'), KEY k ((CONCAT(a, '\\\\', ' {attack}'))))"
        ),
        format!("CREATE VIEW v AS SELECT '\\\\' AS a, ' AS a; {attack}' AS b, 1 AS `c\\`"),
        "INSERT INTO t VALUES ('\\\\', '\\'')".to_owned(),
    ] {
        done(&mut worker, &sql);
    }
    let users = done(&mut root, "SELECT User FROM mysql.user ORDER BY User");
    let grants = done(&mut root, "SHOW GRANTS FOR worker");
    let port = format!("--port={}", world.server.port);
    let mut dump = Command::new("mariadb-dump");
    dump.args([
        "--no-defaults",
        "--host=127.0.0.1",
        &port,
        "--user=root",
        "--skip-ssl",
        "--skip-lock-tables",
        "--skip-triggers",
        "--skip-disable-keys",
        "e",
    ]);
    let output = child::output(dump.stdout(Stdio::piped()), b"").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let before: Vec<String> = ["t", "u", "w"].iter().map(|table| shown(&mut worker, "TABLE", table)).collect();
    let view = shown(&mut worker, "VIEW", "v");
    done(&mut root, "DROP DATABASE e");
    done(&mut root, "CREATE DATABASE e");
    mariadb(&world, &["e"], &String::from_utf8_lossy(&output.stdout));
    assert_eq!(done(&mut root, "SELECT User FROM mysql.user ORDER BY User"), users);
    assert_eq!(done(&mut root, "SHOW GRANTS FOR worker"), grants);
    let after: Vec<String> = ["t", "u", "w"].iter().map(|table| shown(&mut worker, "TABLE", table)).collect();
    assert_eq!(after, before);
    assert_eq!(shown(&mut worker, "VIEW", "v"), view);
    assert_eq!(done(&mut worker, "SELECT a, b FROM t"), [["\\", "'"]]);
}

#[test]
fn a_column_that_an_expression_names_is_not_renamed() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    done(
        &mut root,
        "CREATE TABLE d.x (a INT, b INT, c INT, e INT AS (a + 1), f INT, CHECK (b > 1), KEY k ((c + 1)), KEY l (f))",
    );
    for (column, expected) in [("a", 3108), ("b", 3959), ("c", 3837)] {
        let (code, _) = run(&mut root, &format!("ALTER TABLE d.x RENAME COLUMN {column} TO z")).unwrap_err();
        assert_eq!(code, expected, "{column}");
    }
    done(&mut root, "ALTER TABLE d.x RENAME COLUMN f TO `g\\`");
    done(&mut root, "ALTER TABLE d.x ADD COLUMN h VARCHAR(9) DEFAULT '\\\\' COMMENT 'later', DROP INDEX l");
    done(&mut root, "ALTER TABLE d.x RENAME TO d.`y\\`");
    let text = done(&mut root, "SHOW CREATE TABLE d.`y\\`")[0][1].clone();
    done(&mut root, "DROP TABLE d.`y\\`");
    done(&mut root, "USE d");
    done(&mut root, &text);
    assert_eq!(done(&mut root, "SHOW CREATE TABLE d.`y\\`")[0][1], text);
    assert!(text.contains("`h` varchar(9) DEFAULT '\\\\' COMMENT 'later'"), "{text}");
}
