//! Statements whose expressions grow with each level of nesting. They are refused in advance, because SQLite can't be interrupted while it
//! compiles them.

use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sealwire::Client;

use super::world::{World, run};

/// The most time to refuse or to compile a statement, in a debug build too.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs a statement; its answer must come in time.
fn timed(client: &mut Client<TcpStream>, sql: &str) -> Result<Vec<Vec<String>>, (u16, String)> {
    let shown: String = sql.chars().take(100).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let started = Instant::now();
        scope.spawn(move || sender.send(run(client, sql)));
        match receiver.recv_timeout(DEADLINE) {
            Ok(told) => {
                eprintln!(
                    "{:>7} ms, {:>6} bytes: {:?} {shown}",
                    started.elapsed().as_millis(),
                    sql.len(),
                    told.as_ref().map(Vec::len).map_err(|e| e.0)
                );
                told
            }
            Err(_) => {
                eprintln!("no answer within {DEADLINE:?}: {shown}");
                // A panic would wait for the thread with the statement, which may run for hours.
                std::process::abort();
            }
        }
    })
}

fn refused(client: &mut Client<TcpStream>, sql: &str) {
    let shown: String = sql.chars().take(100).collect();
    let told = timed(client, sql).map(|rows| rows.len());
    assert!(matches!(told, Err((1436, _))), "{shown}: {told:?}");
}

/// `level` applied repeatedly, with its result in place of `{}`.
fn nested(first: &str, level: impl Fn(usize, &str) -> String, levels: usize) -> String {
    (0..levels).fold(first.to_owned(), |inner, at| level(at, &inner))
}

fn derived(expression: &str, levels: usize) -> String {
    nested("SELECT 1 AS x", |at, inner| format!("SELECT {expression} AS x FROM ({inner}) AS t{at}"), levels)
}

fn common(expression: &str, levels: usize) -> String {
    let tables: Vec<String> =
        (1..levels).map(|at| format!(", c{at} AS (SELECT {expression} AS x FROM c{})", at - 1)).collect();
    format!("WITH c0 AS (SELECT 1 AS x){} SELECT * FROM c{}", tables.concat(), levels - 1)
}

#[test]
fn nested_queries_are_weighed_before_they_are_compiled() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let mut worker = world.worker();
    let wide = vec!["x"; 100].join(" + ");
    let list = vec!["x"; 100].join(", ");
    let doubling = [
        "x + x",
        "x BETWEEN x AND x",
        "CONCAT(x, x)",
        "CASE x WHEN x THEN x ELSE x END",
        "x IN (x, x)",
        "x LIKE x",
        "x XOR x",
        "x DIV x",
        "x <=> x",
        "x ^ x",
        "COALESCE(x, x)",
        "IF(x, x, x)",
        "NULLIF(x, x)",
        "(x, x) = (x, x)",
        "JSON_EXTRACT(x, x)",
        "SUBSTRING(x FROM x FOR x)",
        "TRIM(x FROM x)",
        "POSITION(x IN x)",
        "DATE_ADD(x, INTERVAL x DAY)",
        "GREATEST(x, x)",
        "(SELECT x + x)",
        "EXISTS (SELECT 1 WHERE x = x)",
        "x IN (SELECT x)",
        "x + (SELECT MAX(x) FROM (SELECT x) AS i)",
    ];
    for expression in doubling {
        for sql in [derived(expression, 20), common(expression, 32)] {
            refused(&mut worker, &sql);
        }
    }
    for sql in [derived(&wide, 4), common(&wide, 4), derived(&format!("x IN ({list})"), 4)] {
        refused(&mut worker, &sql);
    }
    let deep = derived("x + x", 20);
    for sql in [
        format!("SET @a = ({deep})"),
        format!("DO ({deep})"),
        format!("SELECT 1 FROM d.t WHERE a IN ({deep})"),
        format!("SELECT 1 FROM d.t ORDER BY ({deep})"),
        format!("INSERT INTO d.t (a) {deep}"),
        format!("INSERT INTO d.t (a) VALUES (({deep}))"),
        format!("INSERT INTO d.t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = ({deep})"),
        format!("INSERT INTO d.t (a) {deep} ON DUPLICATE KEY UPDATE a = 1"),
        format!("REPLACE INTO d.t (a) {deep}"),
        format!("UPDATE d.t SET a = ({deep})"),
        format!("UPDATE d.t SET a = 1 WHERE a = ({deep}) ORDER BY ({deep}) LIMIT 1"),
        format!("DELETE FROM d.t WHERE a = ({deep})"),
        format!("CREATE TABLE d.made AS {deep}"),
        format!("CREATE TEMPORARY TABLE d.made AS {deep}"),
        format!("CREATE VIEW d.made AS {deep}"),
        format!("SELECT * FROM ({deep}) AS a UNION ALL SELECT 1"),
        format!("({deep}) UNION SELECT 1"),
        format!("WITH RECURSIVE r AS ({deep} UNION ALL SELECT x + 1 FROM r) SELECT * FROM r"),
        format!("SELECT COUNT(*) FROM d.t JOIN ({deep}) AS a ON a.x = t.a"),
        format!("SELECT COUNT(*) FROM d.t LEFT JOIN ({deep}) AS a ON a.x = t.a"),
        format!("WITH c AS ({deep}) UPDATE d.t SET a = (SELECT x FROM c)"),
        format!("WITH c AS ({deep}) DELETE FROM d.t WHERE a = (SELECT x FROM c)"),
    ] {
        refused(&mut root, &sql);
    }
    // Statement kinds that the server lacks are refused for that reason.
    for sql in [format!("PREPARE p FROM '{deep}'"), format!("EXPLAIN {deep}")] {
        let told = timed(&mut root, &sql).map(|_| ());
        assert!(matches!(told, Err((1436 | 1046 | 1064 | 1235 | 1295, _))), "{told:?}");
    }
    assert_eq!(root.prepare(&deep).err().and_then(|error| code(&error)), Some(1436));
    assert_eq!(run(&mut worker, "SELECT 'served'").unwrap(), [["served"]]);
}

fn code(error: &sealwire::ClientError) -> Option<u16> {
    match error {
        sealwire::ClientError::Sql(error) => Some(error.code),
        _ => None,
    }
}

#[test]
fn copies_that_no_nesting_makes_are_weighed_too() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let long = vec!["a"; 900].join(" + ");
    let names = vec!["big"; 1000].join(", ");
    let list: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
    let list = list.join(", ");
    let each: Vec<String> = (0..900).map(|number| format!("SUM(a) OVER w AS c{number}")).collect();
    let each = each.join(", ");
    let ors: Vec<String> = (0..2000).map(|number| format!("a = {number} OR b = {number}")).collect();
    let ands: Vec<String> = (0..2000).map(|number| format!("a <> {number}")).collect();
    let twice: Vec<String> = (1..40)
        .map(|at| format!(", c{at} AS (SELECT l.x FROM c{0} AS l JOIN c{0} AS r ON l.x = r.x)", at - 1))
        .collect();
    let unions: Vec<String> =
        (0..20).map(|at| format!("(SELECT a FROM d.t UNION ALL SELECT a FROM d.u) AS t{at}")).collect();
    let united: Vec<String> =
        (1..30).map(|at| format!(", c{at} AS (SELECT x FROM c{0} UNION ALL SELECT x FROM c{0})", at - 1)).collect();
    let pushed = nested(
        "SELECT a AS x, COUNT(*) AS n FROM d.t GROUP BY a",
        |at, inner| format!("SELECT x + x AS x, COUNT(*) AS n FROM ({inner}) AS t{at} WHERE x > 0 GROUP BY x"),
        20,
    );
    for sql in [
        format!("SELECT {long} AS big FROM d.t ORDER BY {names}"),
        format!("SELECT {long} AS big FROM d.t GROUP BY {names}"),
        format!("SELECT {long} AS big FROM d.t WHERE 1 IN ({names})"),
        format!("SELECT {long} AS big FROM d.t GROUP BY a HAVING 1 IN ({names})"),
        format!("SELECT a IN ({list}) AS big FROM d.t WHERE 1 IN ({names})"),
        format!("SELECT {long} FROM d.t ORDER BY {}", vec!["1"; 1000].join(", ")),
        format!("SELECT {each} FROM d.t WINDOW w AS (PARTITION BY {long})"),
        format!("SELECT {each} FROM d.t WINDOW w AS (ORDER BY {long})"),
        format!("WITH c0 AS (SELECT 1 AS x){} SELECT * FROM c39", twice.concat()),
        format!("WITH c0 AS (SELECT a AS x FROM d.t){} SELECT * FROM c29", united.concat()),
        format!("SELECT {} FROM {}", vec!["t0.a + t1.a"; 20].join(", "), unions.join(", ")),
        format!("SELECT COUNT(*) FROM d.t WHERE ({}) AND {}", ors.join(" OR "), ands.join(" AND ")),
        pushed,
    ] {
        refused(&mut root, &sql);
    }
    assert_eq!(run(&mut root, "SELECT 'served'").unwrap(), [["served"]]);
}

#[test]
fn views_are_weighed_with_what_they_read() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    run(&mut root, "CREATE VIEW d.v0 AS SELECT a AS x FROM d.t").unwrap();
    let made = (1..40).find_map(|at| {
        timed(&mut root, &format!("CREATE VIEW d.v{at} AS SELECT x + x AS x FROM d.v{}", at - 1))
            .err()
            .map(|told| (at, told.0))
    });
    assert!(matches!(made, Some((10..=20, 1436))), "{made:?}");
    run(&mut root, "CREATE VIEW d.w0 AS SELECT a AS x FROM d.t").unwrap();
    let made = (1..40).find_map(|at| {
        let sql = format!("CREATE VIEW d.w{at} AS SELECT l.x FROM d.w{0} AS l JOIN d.w{0} AS r ON l.x = r.x", at - 1);
        timed(&mut root, &sql).err().map(|told| (at, told.0))
    });
    assert!(matches!(made, Some((6..=20, 1436 | 1116))), "{made:?}");
    // The views were cheap when they were created, because the names in them were tables then.
    for at in 0..40 {
        run(&mut root, &format!("CREATE TABLE d.k{at} (x INT)")).unwrap();
    }
    let replaced = (1..40).rev().find_map(|at| {
        run(&mut root, &format!("DROP TABLE d.k{at}")).unwrap();
        let sql = format!(
            "CREATE VIEW d.k{at} AS SELECT l.x + r.x AS x FROM d.k{0} AS l JOIN d.k{0} AS r ON l.x = r.x",
            at - 1
        );
        timed(&mut root, &sql).err().map(|told| (at, told.0))
    });
    assert!(matches!(replaced, Some((20..=35, 1436))), "{replaced:?}");
    let sql = "CREATE OR REPLACE VIEW d.v0 AS SELECT a + a + a + a + a + a + a + a AS x FROM d.t";
    let told = timed(&mut root, sql).map(|_| ());
    assert!(matches!(told, Err((1436, _))), "{told:?}");
    // Each term is cheap alone, but not all together.
    let sql = format!("SELECT {} FROM d.v9", vec!["x"; 500].join(" + "));
    refused(&mut root, &sql);
    // A view within the limit can be read, joined, described and listed.
    assert_eq!(timed(&mut root, "SELECT x FROM d.v8 ORDER BY x").unwrap(), [["256"], ["512"]]);
    assert_eq!(timed(&mut root, "SELECT COUNT(*) FROM d.v JOIN d.v8 ON v.a = v8.x").unwrap(), [["0"]]);
    run(&mut root, "INSERT INTO d.u (a) SELECT x FROM d.v8").unwrap();
    run(&mut root, "CREATE TABLE d.copy AS SELECT * FROM d.v8").unwrap();
    assert_eq!(timed(&mut root, "SHOW COLUMNS FROM d.v8").unwrap().len(), 1);
    timed(&mut root, "SELECT COUNT(*) FROM information_schema.COLUMNS").unwrap();
    root.prepare("SELECT x FROM d.v8 WHERE x > ?").unwrap();
    assert_eq!(run(&mut root, "SELECT 'served'").unwrap(), [["served"]]);
}

#[test]
fn generated_columns_are_weighed() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let generated = |levels: usize, operand: &str| -> String {
        let column = |at: usize| {
            let below = if at == 0 { "a".to_owned() } else { format!("g{}", at - 1) };
            format!(", g{at} BIGINT AS ({})", operand.replace('x', &below))
        };
        (0..levels).map(column).collect()
    };
    let wide = vec!["x"; 100].join(" + ");
    let backwards: String = {
        let all = generated(40, "x + x");
        let mut parts: Vec<&str> = all.split(", ").filter(|part| !part.is_empty()).collect();
        parts.reverse();
        parts.join(", ")
    };
    for sql in [
        format!("CREATE TABLE d.g (a BIGINT{})", generated(40, "x + x")),
        format!("CREATE TABLE d.g (a BIGINT{})", generated(22, "x + x")),
        format!("CREATE TABLE d.g (a BIGINT{})", generated(4, &wide)),
        format!("CREATE TABLE d.g (a BIGINT, {backwards})"),
        format!("CREATE TEMPORARY TABLE d.g (a BIGINT{})", generated(40, "x + x")),
        format!("CREATE TABLE d.g (a BIGINT, CHECK (a IN ({})))", vec!["a"; 20_000].join(", ")),
    ] {
        refused(&mut root, &sql);
    }
    run(&mut root, "CREATE TABLE d.g (a BIGINT)").unwrap();
    let added: Vec<String> =
        generated(40, "x + x").split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let refusal =
        added.iter().position(|column| timed(&mut root, &format!("ALTER TABLE d.g ADD COLUMN {column}")).is_err());
    assert!(matches!(refusal, Some(5..=10)), "{refusal:?}");
    run(&mut root, "CREATE TABLE d.g2 (a BIGINT)").unwrap();
    let all: Vec<String> = added.iter().map(|column| format!("ADD COLUMN {column}")).collect();
    refused(&mut root, &format!("ALTER TABLE d.g2 {}", all.join(", ")));
    // An existing generated column is as expensive as allowed, and its cost counts where it is read.
    run(&mut root, "INSERT INTO d.g (a) VALUES (1)").unwrap();
    assert_eq!(timed(&mut root, "SELECT g5 FROM d.g").unwrap(), [["64"]]);
    let wide = vec!["g5"; 900].join(" + ");
    refused(&mut root, &format!("SELECT {wide} AS x FROM d.g ORDER BY x, x"));
    refused(&mut root, &format!("SELECT {} FROM (SELECT g5 + g5 AS x FROM d.g) AS t", vec!["x"; 900].join(" + ")));
    refused(&mut root, &format!("SELECT 1 FROM d.g WHERE 1 IN ({})", vec!["g5"; 20_000].join(", ")));
    assert!(timed(&mut root, &format!("CREATE INDEX k ON d.g (({}))", vec!["g5"; 400].join(" + "))).is_err());
    // Statements that occur in practice.
    run(
        &mut root,
        "CREATE TABLE d.h (a INT, b INT, c INT AS (a + b), d INT AS (c * 2) STORED, CHECK (c > 0), KEY k ((c + d)))",
    )
    .unwrap();
    run(&mut root, "INSERT INTO d.h (a, b) VALUES (1, 2)").unwrap();
    assert_eq!(run(&mut root, "SELECT c, d FROM d.h").unwrap(), [["3", "6"]]);
    assert_eq!(run(&mut root, "SELECT 'served'").unwrap(), [["served"]]);
}

#[test]
fn conditions_over_many_indexes_are_planned_soon_or_stopped() {
    const COLUMNS: usize = 40;
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let columns: Vec<String> = (0..COLUMNS).map(|at| format!("c{at} INT, KEY k{at} (c{at})")).collect();
    run(&mut root, &format!("CREATE TABLE d.wide ({})", columns.join(", "))).unwrap();
    // Conjunctions of disjunctions, each of which an index could serve.
    let ors = |many: usize, long: usize| -> String {
        let or = |at: usize| -> String {
            let terms: Vec<String> = (0..long).map(|n| format!("c{} = {n}", (at * long + n) % COLUMNS)).collect();
            format!("({})", terms.join(" OR "))
        };
        let all: Vec<String> = (0..many).map(or).collect();
        format!("SELECT 1 FROM d.wide WHERE {}", all.join(" AND "))
    };
    for (many, long) in [(12, 10), (75, 2), (2, 75), (1, 1_900)] {
        timed(&mut root, &ors(many, long)).unwrap();
    }
    refused(&mut root, &ors(40, 40));
    // Many tables, in which any column may be looked up by any other. Planning takes seconds, in which SQLite can be interrupted.
    const TABLES: usize = 60;
    let from: Vec<String> = (0..TABLES).map(|at| format!("d.wide AS t{at}")).collect();
    let equal = |at: usize, n: usize| {
        let (other, column) = ((at * 3 + 1 + n / COLUMNS) % TABLES, (n + at) % COLUMNS);
        format!("t{at}.c{} = t{other}.c{column}", n % COLUMNS)
    };
    let groups: Vec<String> = (0..TABLES)
        .map(|at| format!("({})", (0..80).map(|n| equal(at, n)).collect::<Vec<_>>().join(" AND ")))
        .collect();
    let sql = format!("SELECT 1 FROM {} WHERE {}", from.join(", "), groups.join(" AND "));
    run(&mut root, "SET max_execution_time = 100").unwrap();
    let told = timed(&mut root, &sql);
    assert!(matches!(told, Err((3024, _))), "{told:?}");
}

#[test]
fn what_reports_ask_is_not_too_complex() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let columns: Vec<String> =
        (0..40).map(|at| format!("SUM(CASE WHEN a = {at} THEN 1 ELSE 0 END) AS c{at}")).collect();
    let shown: Vec<String> = (0..40).map(|at| format!("ROUND(100 * c{at} / (c0 + c1 + 1), 2) AS p{at}")).collect();
    let report = format!(
        "WITH base AS (SELECT * FROM d.t), counted AS (SELECT b, {} FROM base GROUP BY b), shown AS (SELECT b, {} FROM counted) \
         SELECT * FROM shown WHERE p1 >= 0 AND p2 >= 0 ORDER BY p1 DESC, p2, b",
        columns.join(", "),
        shown.join(", ")
    );
    assert_eq!(timed(&mut root, &report).unwrap().len(), 2);
    let united: Vec<String> = (0..60).map(|at| format!("SELECT {at} AS n, t.* FROM d.t")).collect();
    let sql = format!(
        "SELECT COUNT(*) FROM ({}) AS u WHERE u.a > 0 AND u.b IS NOT NULL AND u.n < 100",
        united.join(" UNION ALL ")
    );
    assert_eq!(timed(&mut root, &sql).unwrap(), [["120"]]);
    let list: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let list = list.join(", ");
    let sql = format!("SELECT COUNT(*) FROM (SELECT a, b FROM d.t) AS s WHERE s.a IN ({list})");
    assert_eq!(timed(&mut root, &sql).unwrap(), [["2"]]);
    let keys: Vec<String> = (0..300).map(|number| format!("(a = {number} AND b = 'x{number}')")).collect();
    let sql = format!("SELECT COUNT(*) FROM d.t WHERE ({}) AND a > 0 AND b <> ''", keys.join(" OR "));
    assert_eq!(timed(&mut root, &sql).unwrap(), [["0"]]);
}
