use super::*;
use crate::engine::Interruption;
use crate::sql::{Datum, Names, TextCharset};
use std::borrow::Cow;

struct FixedNames;

impl Names for FixedNames {
    fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        Ok((name == "@@session.x").then_some(Cow::Owned(Datum::Int(5))))
    }

    fn function(&self, name: &str) -> Option<Datum> {
        (name == "DATABASE").then(|| Datum::Text("it's".into()))
    }
}

/// The database `latin` has latin1_bin, and so has each table `bin`.
struct FixedCollations;

impl Collations for FixedCollations {
    fn of_database(&self, database: &str) -> Result<Option<String>, SqlError> {
        Ok((database == "latin").then(|| "latin1_bin".to_owned()))
    }

    fn of_table(&self, _: &str, table: &str) -> Option<(TextCharset, Option<String>)> {
        (table == "bin").then(|| (TextCharset::Latin1, Some("latin1_bin".to_owned())))
    }

    fn telling_case(&self, _: &str, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fn temporaries() -> Temporaries {
    [("d".to_owned(), "tmp".to_owned())].into()
}

fn of(sql: &str) -> Result<Translated, SqlError> {
    translate(
        sql,
        Scope {
            database: Some("d"),
            names: &FixedNames,
            temporaries: &temporaries(),
            collations: &FixedCollations,
            log: None,
            is_replicated: false,
            budget: &Interruption::default(),
        },
    )
}

fn one(sql: &str) -> String {
    of(sql).unwrap().statements.join("; ")
}

#[test]
fn tables_get_their_database_and_texts_their_quotes() {
    assert_eq!(one("SELECT a FROM t WHERE b = \"it's\\n\""), "SELECT `a` FROM `d`.`t` AS `t` WHERE `b` = 'it''s\n'");
    assert_eq!(one("SELECT `x`.a FROM e.t x"), "SELECT `x`.`a` FROM `e`.`t` AS `x`");
    assert_eq!(
        one("WITH c AS (SELECT 1 AS n) SELECT n FROM c"),
        "WITH `c` AS (SELECT 1 AS `n`) SELECT `n` FROM `c` AS `c`"
    );
    assert_eq!(of("SELECT a FROM t JOIN e.u").unwrap().databases().into_iter().collect::<Vec<_>>(), ["d", "e"]);
    assert_eq!(
        translate(
            "SELECT a FROM t",
            Scope {
                database: None,
                names: &FixedNames,
                temporaries: &Temporaries::new(),
                collations: &FixedCollations,
                log: None,
                is_replicated: false,
                budget: &Interruption::default()
            }
        )
        .unwrap_err()
        .code,
        1046
    );
}

#[test]
fn texts_that_name_no_collation_have_that_of_their_table_or_its_database() {
    let ignores_case = |sql: &str| one(sql).contains("COLLATE NOCASE");
    for (column, options, expected) in [
        ("", "", true),
        ("", "COLLATE utf8mb4_bin", false),
        ("", "DEFAULT CHARSET=utf8mb4 COLLATE=UTF8MB4_BIN", false),
        ("", "DEFAULT CHARSET=binary", false),
        ("", "CHARACTER SET latin1 COLLATE latin1_general_cs", false),
        ("", "COLLATE utf8mb3_bin", false),
        ("", "COLLATE utf8mb4_nopad_bin", false),
        ("", "COLLATE utf8mb4_0900_as_cs", false),
        ("", "COLLATE uca1400_as_cs", false),
        ("", "COLLATE utf8mb4_ja_0900_as_cs_ks", false),
        ("", "COLLATE utf8mb4_cs_0900_ai_ci", true),
        ("", "COLLATE utf8mb4_unicode_ci", true),
        ("CHARACTER SET utf8mb4", "COLLATE utf8mb4_bin", true),
        ("COLLATE utf8mb4_general_ci", "COLLATE utf8mb4_bin", true),
        ("COLLATE utf8mb4_uca1400_as_cs", "", false),
        ("COLLATE UTF8MB4_BIN", "", false),
        ("CHARACTER SET binary", "", false),
    ] {
        for kind in ["TABLE", "TEMPORARY TABLE"] {
            let sql = format!("CREATE {kind} t (v VARCHAR(9) {column}) {options}");
            assert_eq!(ignores_case(&sql), expected, "{sql}");
        }
    }
    for (sql, expected) in [
        ("CREATE TABLE latin.t (v VARCHAR(9))", false),
        ("CREATE TABLE latin.t (v VARCHAR(9)) COMMENT='c'", false),
        ("CREATE TABLE latin.t (v VARCHAR(9)) CHARACTER SET latin1", true),
        ("CREATE TABLE latin.t (v VARCHAR(9) CHARACTER SET latin1)", true),
        ("ALTER TABLE bin ADD COLUMN w VARCHAR(9)", false),
        ("ALTER TABLE bin ADD COLUMN w VARCHAR(9) CHARACTER SET latin1", true),
        ("ALTER TABLE other ADD COLUMN w VARCHAR(9)", true),
    ] {
        assert_eq!(ignores_case(sql), expected, "{sql}");
    }
}

/// A collation whose weights are not known is the default in the log, so it must be the default here.
#[test]
fn a_table_compares_as_the_log_says() {
    let logged = |sql: &str| {
        let scope = Scope {
            database: Some("d"),
            names: &FixedNames,
            temporaries: &temporaries(),
            collations: &FixedCollations,
            log: Some(sealwire_binlog::Flavour::MariaDb),
            is_replicated: false,
            budget: &Interruption::default(),
        };
        let done = translate(sql, scope).unwrap();
        (done.statements.join("; ").contains("COLLATE NOCASE"), done.logged_text.unwrap_or_default())
    };
    for (sql, ignores_case, text) in [
        ("CREATE TABLE t (v TEXT)", true, ""),
        (
            "CREATE TABLE t (v TEXT) COLLATE latin1_general_cs",
            true,
            "CREATE TABLE t (v TEXT) DEFAULT CHARSET=latin1 COLLATE=`latin1_swedish_ci`",
        ),
        (
            "CREATE TABLE t (v TEXT) COLLATE latin1_bin",
            false,
            "CREATE TABLE t (v TEXT) DEFAULT CHARSET=latin1 COLLATE=`latin1_bin`",
        ),
        (
            "CREATE TABLE latin.t (v TEXT)",
            false,
            "CREATE TABLE latin.t (v TEXT) DEFAULT CHARSET=latin1 COLLATE=`latin1_bin`",
        ),
        (
            "CREATE TABLE t (v TEXT) CHARACTER SET binary",
            false,
            "CREATE TABLE t (v TEXT) DEFAULT CHARSET=binary COLLATE=`binary`",
        ),
    ] {
        assert_eq!(logged(sql), (ignores_case, text.to_owned()), "{sql}");
    }
}

#[test]
fn variables_and_session_functions_become_literals() {
    assert!(one("SELECT @@session.x, @unset, DATABASE()").contains("(5)"));
    assert!(one("SELECT @@session.x, @unset, DATABASE()").contains("NULL"));
    assert!(one("SELECT DATABASE()").contains("'it''s'"));
}

#[test]
fn a_text_with_a_zero_byte_is_kept_whole() {
    assert_eq!(one("INSERT INTO t VALUES ('a\\0b')"), "INSERT INTO `d`.`t` VALUES (CAST(X'610062' AS TEXT))");
}

#[test]
fn inserts_of_all_kinds() {
    assert_eq!(one("INSERT IGNORE INTO t (a) VALUES (1)"), "INSERT OR IGNORE INTO `d`.`t` (`a`) VALUES (1)");
    let ignore = of("INSERT IGNORE INTO t (a) VALUES (' OR IGNORE '), (1)").unwrap().ignore.unwrap();
    assert_eq!(ignore.strict, "INSERT INTO `d`.`t` (`a`) VALUES (' OR IGNORE '), (1)");
    assert_eq!(ignore.rows, Some(2));
    assert_eq!(one("REPLACE INTO t (a) VALUES (1)"), "REPLACE INTO `d`.`t` (`a`) VALUES (1)");
    assert_eq!(one("INSERT INTO t SET a = 1, b = ?"), "INSERT INTO `d`.`t` (`a`, `b`) VALUES (1, ?1)");
    assert_eq!(one("INSERT INTO t () VALUES ()"), "INSERT INTO `d`.`t` DEFAULT VALUES");
    assert_eq!(
        one("INSERT INTO t (a, b) VALUES (1, 2) ON DUPLICATE KEY UPDATE b = VALUES(b) + 1"),
        "INSERT INTO `d`.`t` (`a`, `b`) VALUES (1, 2) ON CONFLICT DO UPDATE SET `b` = excluded.`b` + 1"
    );
    assert_eq!(of("REPLACE INTO t VALUES (1)").unwrap().kind, StatementKind::Replace);
}

#[test]
fn changes_with_a_limit_choose_their_rows_first() {
    assert_eq!(
        one("DELETE FROM t WHERE a > 1 ORDER BY a LIMIT 2"),
        "DELETE FROM `d`.`t` AS `t` WHERE rowid IN (SELECT rowid FROM `d`.`t` AS `t` WHERE `a` > 1 ORDER BY `a` LIMIT 2)"
    );
    assert_eq!(one("UPDATE t SET t.a = a + 1"), "UPDATE `d`.`t` AS `t` SET `a` = `a` + 1");
    assert_eq!(of("UPDATE t JOIN u ON t.a = u.a SET t.a = 1").unwrap_err().code, 1235);
}

#[test]
fn operators_mean_the_same_as_in_mysql() {
    assert!(one("SELECT 1 / 2").contains("(1 * 1.0 / 2)"));
    assert!(one("SELECT 7 DIV 2").contains("CAST(7 / 2 AS INTEGER)"));
    // Without PIPES_AS_CONCAT the parser's input has OR in place of ||.
    assert!(one("SELECT a || b FROM t").contains("`a` || `b`"));
    assert!(one("SELECT a <=> NULL FROM t").contains("(`a` IS NULL)"));
    assert!(one("SELECT * FROM t WHERE a LIKE 'x\\_%'").contains("LIKE 'x\\_%' ESCAPE '\\'"));
    assert!(one("SELECT NOW() + INTERVAL 2 DAY").contains("date_moved(now(), 2, 'DAY')"));
}

#[test]
fn tables_are_made_with_types_that_are_read_back() {
    assert_eq!(
        one(
            "CREATE TABLE IF NOT EXISTS t (id INT UNSIGNED NOT NULL AUTO_INCREMENT, name VARCHAR(20) NOT NULL DEFAULT 'x', at DATETIME(6), \
             b VARBINARY(16), PRIMARY KEY (id), KEY n (name)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
        ),
        "CREATE TABLE `d`.`t` (`id`/*mysql\ntype=int unsigned\n*/ INTEGER PRIMARY KEY \
         AUTOINCREMENT, `name`/*mysql\ndefault='x'\n*/ VARCHAR(20) NOT NULL DEFAULT ('x') COLLATE NOCASE, `at` TEXT DATETIME(6), `b` BLOB VARBINARY(16)); \
         CREATE INDEX `d`.`t.n` ON `t` (`name`)"
    );
    assert_eq!(of("CREATE TABLE t (a INT)").unwrap().kind, StatementKind::Definition);
    assert_eq!(one("DROP TABLE IF EXISTS a, e.b"), "DROP TABLE `d`.`a`; DROP TABLE `e`.`b`");
    assert!(of("DROP TABLE IF EXISTS a").unwrap().is_conditional && !of("DROP TABLE a").unwrap().is_conditional);
}

#[test]
fn titles_are_the_expressions_texts() {
    let titles = of("SELECT a, COUNT( * ), 'it''s' , b AS c FROM t").unwrap().titles;
    assert_eq!(titles, [Some("a".into()), Some("COUNT( * )".into()), Some("it's".into()), Some("b AS c".into())]);
    let long = format!("SELECT '{}'", "ä".repeat(100));
    assert_eq!(of(&long).unwrap().titles, [Some("ä".repeat(64))]);
    assert_eq!(titles::resolve("\u{1}title1", &titles), "COUNT( * )");
    assert_eq!(titles::resolve("c", &titles), "c");
}

#[test]
fn errors_say_where() {
    let error = of("SELECT a FROM t WHERE").unwrap_err();
    assert_eq!(error.code, 1064);
    let error = of("SELEC 1").unwrap_err();
    assert!(error.message.contains("near 'SELEC 1' at line 1"), "{}", error.message);
    assert_eq!(of("LOAD DATA INFILE 'x' INTO TABLE t").unwrap_err().code, 1064);
    assert_eq!(of("SELECT ?, ?").unwrap().parameters, 2);
}
