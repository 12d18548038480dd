use super::*;
use crate::engine::Interruption;
use crate::engine::translate::tree;

/// A table `t` with the columns `a` and `g`, of which `g` is heavy.
struct TestTables;

impl Tables for TestTables {
    fn relation(&mut self, _: Option<&str>, table: &str) -> Rc<Relation> {
        Rc::new(match table {
            "t" => Relation::table([("a".to_owned(), 1), ("g".to_owned(), 100)]),
            _ => Relation::unknown(7, 70),
        })
    }
}

fn weight(sql: &str) -> u64 {
    of(&tree(sql, &Interruption::default()).unwrap().statement, &mut TestTables)
}

#[test]
fn a_column_weighs_as_much_as_its_expression() {
    let plain = weight("SELECT a FROM t");
    let added = |sql: &str| weight(sql) - plain;
    assert_eq!(added("SELECT g FROM t"), 99);
    assert_eq!(added("SELECT t.g FROM t"), 99);
    assert_eq!(added("SELECT T.`G` FROM d.t"), 99);
    assert_eq!(added("SELECT * FROM t"), 100);
    assert_eq!(added("SELECT b FROM other"), 6);
    // The heaviest of the possible columns counts.
    assert_eq!(weight("SELECT g FROM t JOIN other"), weight("SELECT t.g FROM t JOIN other"));
    assert!(weight("SELECT nowhere FROM t") >= 100);
}

#[test]
fn each_level_multiplies() {
    let column = |sql: &str| weight(&format!("SELECT x FROM ({sql}) AS t9")) - weight(sql);
    let inner = "SELECT a + a AS x FROM t";
    let twice = format!("SELECT x + x AS x FROM ({inner}) AS t1");
    let thrice = format!("SELECT x + x AS x FROM ({twice}) AS t2");
    let mut wrong = Vec::new();
    assert!(column(&twice) > 2 * (column(inner) - 3) && column(&thrice) > 2 * (column(&twice) - 5));
    for (light, heavy) in [
        ("SELECT x FROM (SELECT g + a AS x FROM t) AS i", "SELECT x + x + x FROM (SELECT g + a AS x FROM t) AS i"),
        ("SELECT g AS x FROM t ORDER BY a", "SELECT g AS x FROM t ORDER BY x"),
        ("SELECT g AS x FROM t GROUP BY a", "SELECT g AS x FROM t GROUP BY 1"),
        ("SELECT g AS x FROM t WHERE a", "SELECT g AS x FROM t WHERE x"),
        ("SELECT g AS x FROM t HAVING a", "SELECT g AS x FROM t HAVING x"),
        ("SELECT SUM(a) OVER (ORDER BY a) FROM t", "SELECT SUM(a) OVER (ORDER BY g) FROM t"),
        (
            "SELECT SUM(a) OVER w FROM t WINDOW w AS (ORDER BY g)",
            "SELECT SUM(a) OVER w, SUM(a) OVER w FROM t WINDOW w AS (ORDER BY g)",
        ),
        (
            "WITH c AS (SELECT g AS x FROM t) SELECT 1 FROM c",
            "WITH c AS (SELECT g AS x FROM t) SELECT 1 FROM c JOIN c AS d",
        ),
        ("WITH c (y) AS (SELECT g FROM t) SELECT 1 FROM c", "WITH c (y) AS (SELECT g FROM t) SELECT y FROM c"),
        ("SELECT 1 FROM t JOIN t AS u ON t.a", "SELECT 1 FROM t JOIN t AS u USING (g)"),
        ("SELECT 1 FROM t JOIN t AS u", "SELECT 1 FROM t NATURAL JOIN t AS u"),
        (
            "SELECT x FROM (SELECT g AS x FROM t UNION SELECT 1) AS i",
            "SELECT x FROM (SELECT g AS x FROM t UNION ALL SELECT 1) AS i",
        ),
        ("SELECT (SELECT 1) FROM t", "SELECT (SELECT g) FROM t"),
        ("SELECT (SELECT 1 FROM t AS i) FROM t", "SELECT (SELECT t.g FROM t AS i) FROM t"),
        ("UPDATE t SET a = a", "UPDATE t SET a = g"),
        ("DELETE FROM t WHERE a", "DELETE FROM t WHERE g"),
        ("INSERT INTO t (a) SELECT a FROM t", "INSERT INTO t (a) SELECT g FROM t"),
        (
            "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = a",
            "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = g",
        ),
        (
            "WITH c AS (SELECT g AS x FROM t) DELETE FROM t WHERE a = (SELECT 1)",
            "WITH c AS (SELECT g AS x FROM t) DELETE FROM t WHERE a = (SELECT x FROM c)",
        ),
        ("CREATE VIEW v AS SELECT a FROM t", "CREATE VIEW v AS SELECT g FROM t"),
        ("CREATE TABLE v AS SELECT a FROM t", "CREATE TABLE v AS SELECT g FROM t"),
    ] {
        if weight(heavy) < weight(light) + 50 {
            wrong.push(format!("{light} {}; {heavy} {}", weight(light), weight(heavy)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_number_overflows_and_the_walk_is_linear() {
    let names: Vec<String> =
        (1..900).map(|at| format!(", c{at} AS (SELECT x + x AS x, l.* FROM c{0} AS l)", at - 1)).collect();
    assert_eq!(weight(&format!("WITH c0 AS (SELECT a AS x FROM t){} SELECT * FROM c899", names.concat())), u64::MAX);
    let columns = vec!["1"; 2_000].join(", ");
    let reads = vec!["(SELECT 1 FROM c)"; 5_000].join(", ");
    let started = std::time::Instant::now();
    assert!(weight(&format!("WITH c AS (SELECT {columns}) SELECT {reads}")) > MOST);
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn generated_columns_weigh_as_much_as_their_expressions() {
    let made = |sql: &str| {
        let Statement::CreateTable(table) = tree(sql, &Interruption::default()).unwrap().statement else {
            panic!("{sql}")
        };
        check_table(&table.columns, &table.constraints).map_err(|error| error.code)
    };
    let chain =
        |levels: usize| -> String { (1..levels).map(|at| format!(", g{at} INT AS (g{0} + g{0})", at - 1)).collect() };
    assert_eq!(made(&format!("CREATE TABLE m (g0 INT{})", chain(7))), Ok(()));
    assert_eq!(made(&format!("CREATE TABLE m (g0 INT{})", chain(30))), Err(1436));
    assert_eq!(made(&format!("CREATE TABLE m (g0 INT{})", chain(2_000))), Err(1436));
    assert_eq!(made("CREATE TABLE m (a INT AS (b + b), b INT AS (a + a))"), Ok(()));
    assert_eq!(made(&format!("CREATE TABLE m (a INT, CHECK (a IN ({})))", vec!["a"; 11_000].join(", "))), Err(1436));
}

#[test]
fn literals_of_inserted_rows_weigh_nothing() {
    let rows = |row: &str| vec![row; 120_000].join(",");
    assert!(weight(&format!("INSERT INTO t VALUES {}", rows("(1, -1)"))) < 10);
    assert!(weight(&format!("INSERT INTO t VALUES {}", rows("(1+1)"))) > MOST);
    assert!(weight(&format!("INSERT INTO t SELECT * FROM (VALUES {}) AS v", rows("ROW(1)"))) > MOST);
}
