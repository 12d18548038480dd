//! Names, types and patterns by which a security review reached SQLite's own syntax, and similar ones.

use super::world::{SECRET, World, run};

/// Statements that broke into the server at 107035f with USAGE alone; `{file}` is a file beside the data directory.
const WITHOUT_RIGHTS: &[&str] = &[
    "DROP TEMPORARY TABLE IF EXISTS `x\\``; COMMIT; ATTACH DATABASE '{data}/hidden.sqlite' AS z; BEGIN; -- `",
    "SELECT abs(1) AS `a\\``, (SELECT s FROM z.secret) -- `",
    "DROP TEMPORARY TABLE IF EXISTS `x\\``; UPDATE z.secret SET s = 'owned'; -- `",
    "DROP TEMPORARY TABLE IF EXISTS `x\\``; COMMIT; ATTACH DATABASE '{file}' AS w; CREATE TABLE w.a (b); BEGIN; -- `",
    "DROP TEMPORARY TABLE IF EXISTS `x\\``; COMMIT; VACUUM main INTO '{file}'; BEGIN; -- `",
    "SELECT 1 AS `x\\``, (SELECT s FROM hidden.secret) -- `",
    "SHOW TABLES FROM information_schema LIKE 'k\\\\', (SELECT s FROM hidden.secret)) -- '",
    "SHOW TABLES FROM information_schema WHERE 1) UNION SELECT s FROM hidden.secret WHERE (1",
    "SHOW VARIABLES LIKE 'k\\\\', (SELECT s FROM hidden.secret)) -- '",
    "SHOW DATABASES LIKE 'k\\\\', (SELECT s FROM hidden.secret)) -- '",
    "ATTACH DATABASE '{file}' AS w",
    "DETACH DATABASE main",
    "PRAGMA database_list",
    "VACUUM INTO '{file}'",
    "SELECT load_extension('{file}')",
    "SELECT sqlite_version()",
    "SELECT fts3_tokenizer('simple')",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM information_schema.pragma_database_list",
    "SELECT COUNT(*) FROM information_schema.sqlite_master",
    "SELECT * FROM information_schema.sqlite_schema",
    "SELECT * FROM main.sqlite_master",
    "SELECT * FROM temp.sqlite_temp_master",
    "SELECT * FROM json_each('[1]')",
    "SELECT s FROM hidden.secret",
    "SELECT s FROM HIDDEN.SECRET",
    "SELECT s FROM `hidden\\`.secret",
];

/// Statements for an account that has ALL on its own database `d`.
const WITH_A_DATABASE: &[&str] = &[
    "CREATE TABLE d.q (c `a b`, `x); COMMIT; ATTACH DATABASE '{file}' AS w; CREATE TABLE w.z (v); BEGIN; --` int)",
    "CREATE TABLE d.q (c `int); ATTACH DATABASE '{file}' AS w; --`)",
    "CREATE TABLE d.q (c int DEFAULT (SELECT s FROM hidden.secret))",
    "CREATE TABLE d.q (c int CHECK (c IN (SELECT s FROM hidden.secret)))",
    "CREATE TABLE d.q AS SELECT s FROM hidden.secret",
    "CREATE VIEW d.q AS SELECT s FROM hidden.secret",
    "CREATE VIEW d.q AS WITH secret AS (SELECT 1 AS s) SELECT s FROM hidden.secret",
    "CREATE TABLE d.q LIKE hidden.secret",
    "CREATE TABLE d.q (a INT, FOREIGN KEY (a) REFERENCES hidden.secret (s))",
    "CREATE TABLE d.sqlite_x (a INT)",
    "CREATE TRIGGER d.x AFTER INSERT ON d.t BEGIN DELETE FROM hidden.secret; END",
    "CREATE VIRTUAL TABLE d.q USING fts5(a)",
    "INSERT INTO d.t SELECT 9, s FROM hidden.secret",
    "INSERT INTO d.sqlite_master VALUES ('table', 'x', 'x', 1, '')",
    "UPDATE d.sqlite_master SET sql = ''",
    "DELETE FROM d.sqlite_sequence",
    "SELECT * FROM d.sqlite_master",
    "SELECT COUNT(*) FROM d.sqlite_master",
    "SELECT * FROM d.pragma_database_list",
    "SELECT COUNT(*) FROM d.pragma_database_list",
    "SELECT * FROM d.pragma_module_list",
    "SELECT * FROM d.pragma_compile_options",
    "SELECT * FROM d.dbstat",
    "SELECT * FROM d.json_each",
    "UPDATE d.t SET b = (SELECT s FROM hidden.secret)",
    "DELETE FROM d.t WHERE b = (SELECT s FROM hidden.secret)",
    "WITH RECURSIVE t AS (SELECT s FROM hidden.secret UNION SELECT s FROM t) SELECT * FROM t",
    "WITH `secret` AS (SELECT 1 AS s) SELECT s FROM hidden.secret",
    "SELECT (WITH secret AS (SELECT 1 AS s) SELECT s FROM secret), y.s FROM hidden.secret AS y",
    "SELECT t.a AS `x\\``, (SELECT s FROM hidden.secret) -- ` FROM d.t",
    "WITH x (`c\\``) AS (SELECT s FROM hidden.secret) SELECT * FROM x -- `) AS (SELECT 1) SELECT * FROM x",
    "ALTER TABLE d.t RENAME TO hidden.secret",
    "ALTER TABLE hidden.secret RENAME TO d.mine",
    "DROP TABLE d.t, hidden.secret",
    "TRUNCATE d.t, hidden.secret",
    "DROP INDEX `x` ON hidden.secret",
];

/// Checks that no answer contains the secret, that every statement fails, and that no file appears.
fn nothing_comes_of(grants: &str, statements: &[&str], multi: bool) {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    run(&mut root, &format!("GRANT {grants} TO 'worker'@'%'")).unwrap();
    let before = world.files();
    let data = world.server.folder().join("data");
    let file = world.server.folder().join("OUTSIDE");
    for sql in statements {
        let sql = sql.replace("{data}", data.to_str().unwrap()).replace("{file}", file.to_str().unwrap());
        let mut worker = world.worker();
        if multi {
            run(&mut worker, "USE d").unwrap();
        }
        match run(&mut worker, &sql) {
            Ok(rows) => {
                let shown = format!("{rows:?}");
                assert!(!shown.contains(SECRET) && !shown.contains(".sqlite"), "{sql}: {shown}");
                // A strange name alone is harmless.
                assert!(
                    sql.starts_with("SELECT")
                        || sql.starts_with("WITH")
                        || sql.contains("IF EXISTS")
                        || sql.starts_with("SHOW"),
                    "{sql} did something"
                );
            }
            Err((code, message)) => {
                assert!(
                    code != 0 && !message.contains(SECRET) && !message.contains(data.to_str().unwrap()),
                    "{sql}: {code} {message}"
                );
            }
        }
        assert_eq!(run(&mut root, "SELECT s FROM hidden.secret").unwrap(), [[SECRET]], "{sql}");
        assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.t").unwrap(), [["2"]], "{sql}");
    }
    assert_eq!(world.files(), before);
}

#[test]
fn usage_alone_reaches_nothing() {
    nothing_comes_of("USAGE ON *.*", WITHOUT_RIGHTS, false);
}

#[test]
fn all_on_one_database_reaches_no_other() {
    nothing_comes_of("ALL ON d.*", WITHOUT_RIGHTS, false);
    nothing_comes_of("ALL ON d.*", WITH_A_DATABASE, true);
}

#[test]
fn two_databases_are_two_files_whatever_their_names() {
    let world = World::new(&[]);
    let mut root = world.root();
    // At 107035f both names led to the file @1f600.sqlite.
    let names = ["\u{1f600}", "\u{1f60}0", "Shop", "shop", "main", "temp", "Temp", "a`b", "a\\b", "..", "a/b"];
    for name in names {
        let quoted = name.replace('`', "``");
        run(&mut root, &format!("CREATE DATABASE `{quoted}`")).unwrap();
        run(&mut root, &format!("CREATE TABLE `{quoted}`.t (a VARCHAR(20))")).unwrap();
        run(&mut root, &format!("INSERT INTO `{quoted}`.t VALUES ('{}')", name.replace('\\', "\\\\"))).unwrap();
    }
    let shown: Vec<String> = run(&mut root, "SHOW DATABASES").unwrap().into_iter().flatten().collect();
    for name in names {
        let quoted = name.replace('`', "``");
        assert_eq!(run(&mut root, &format!("SELECT a FROM `{quoted}`.t")).unwrap(), [[name]]);
        assert!(shown.iter().any(|shown| shown == name), "{name} in {shown:?}");
    }
    run(&mut root, "GRANT ALL ON `\u{1f60}0`.* TO 'worker'@'%'").unwrap();
    let mut worker = world.worker();
    assert_eq!(run(&mut worker, "SELECT a FROM `\u{1f600}`.t").unwrap_err().0, 1142);
    assert_eq!(run(&mut worker, "SELECT a FROM `\u{1f60}0`.t").unwrap(), [["\u{1f60}0"]]);
    for name in names {
        run(&mut root, &format!("DROP DATABASE `{}`", name.replace('`', "``"))).unwrap();
    }
}
