//! Statements that would use up the memory, the stack, the disk or the time, at the limits and beyond them.

use super::world::{World, run};

/// Patterns that make a deep syntax tree: the beginning of the statement, the repeated part, and the end.
const SHAPES: &[(&str, &str, &str)] = &[
    ("SET @a = 1", "+1", ""),
    ("SELECT 1", "+1", ""),
    ("SELECT a", "+1", " FROM d.t"),
    ("SELECT abs(1)", " AND 1", ""),
    ("SELECT abs(1)", " OR 1", ""),
    ("SELECT abs(1)", "||abs(1)", ""),
    ("SELECT abs(1)", "^1", ""),
    ("SELECT 1", " XOR 1", ""),
    ("SELECT 1", " UNION SELECT 1", ""),
    ("SELECT 1", " UNION ALL SELECT 1", ""),
    ("SELECT abs(1)", " IN (1)", ""),
    ("SELECT abs(1)", " IS NULL", ""),
    ("SELECT abs(1)", " IS TRUE", ""),
    ("SELECT abs(1)", " LIKE 1", ""),
    ("SELECT abs(1)", " BETWEEN 1 AND 1", ""),
    ("SELECT abs(1)", " COLLATE utf8mb4_bin", ""),
    ("SELECT ", "(", "1"),
    ("SELECT ", "-", "1"),
    ("SELECT ", "NOT ", "1"),
    ("SELECT ", "!", "1"),
    ("SELECT ", "~", "1"),
    ("SELECT ", "abs(", "1"),
    ("SELECT ", "CASE WHEN 1 THEN ", "1"),
    ("SELECT ", "(SELECT ", "1"),
    ("SELECT a", ".a", ""),
    ("SELECT 1 FROM d.t", " JOIN d.t AS x", ""),
    ("SELECT 1 FROM ", "(", "d.t"),
    ("SELECT 1 WHERE 1", " AND EXISTS (SELECT 1 WHERE 1", ""),
    ("WITH x AS (SELECT 1)", ", y AS (SELECT 1)", " SELECT 1"),
    ("UPDATE d.t SET b = 1", "+1", ""),
    ("DELETE FROM d.t WHERE 1", " AND 0", ""),
    ("INSERT INTO d.t (b) SELECT 1", " UNION SELECT 1", ""),
    ("CREATE VIEW d.deep AS SELECT 1", "+1", ""),
    ("CREATE TABLE d.deep (a INT DEFAULT (1", "+1", "))"),
    ("ALTER TABLE d.t ADD COLUMN c INT CHECK (1", " AND 1", ")"),
    ("SHOW VARIABLES WHERE 1", " AND 1", ""),
    ("SHOW TABLES FROM d WHERE 1", "+1", ""),
    ("GRANT SELECT ON d.t TO worker", ", worker", ""),
];

#[test]
fn no_shape_of_a_statement_ends_the_server() {
    let world = World::new(&["--max-allowed-packet=64M"]);
    let mut root = world.root();
    world.refresh(&mut root);
    // The limit is in sql::depth. The greatest number here is ten times the limit, and larger than the one that crashed 107035f.
    for times in [50, 3_900, 200_000] {
        for (front, middle, back) in SHAPES {
            let sql = format!("{front}{}{back}", middle.repeat(times));
            if let Err((code, message)) = run(&mut root, &sql) {
                assert!(code != 0, "{front}{middle}… {times} times ended the connection: {message}");
                assert!(message.len() < 1000, "{front}{middle}… {times} times: {message}");
                if times <= 50 && !middle.ends_with('(') && !middle.contains("THEN") && !front.contains("FROM (") {
                    assert!(!matches!(code, 1436), "{front}{middle}… {times} times: {code} {message}");
                }
            }
            assert_eq!(run(&mut world.worker(), "SELECT 'served'").unwrap(), [["served"]], "{front}{middle}…");
        }
    }
}

#[test]
fn what_programs_write_is_not_too_deep() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    // Object-relational mappers chain conditions by the thousand, and fill lists and rows by the ten thousand.
    let conditions: Vec<String> = (0..1500).map(|number| format!("a = {number}")).collect();
    let sql = format!("SELECT COUNT(*) FROM d.t WHERE {}", conditions.join(" OR "));
    assert_eq!(run(&mut root, &sql).unwrap(), [["2"]]);
    let numbers: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let sql = format!("SELECT COUNT(*) FROM d.t WHERE a IN ({})", numbers.join(", "));
    assert_eq!(run(&mut root, &sql).unwrap(), [["2"]]);
    let rows: Vec<String> = (100..20_000).map(|number| format!("({number}, 'x')")).collect();
    run(&mut root, &format!("INSERT INTO d.t VALUES {}", rows.join(", "))).unwrap();
    let pieces: Vec<&str> = vec!["'x'"; 400];
    assert_eq!(run(&mut root, &format!("SELECT LENGTH(CONCAT({})) FROM d.u", pieces.join(", "))).unwrap(), [["400"]]);
}

#[test]
fn no_function_makes_more_than_a_packet() {
    let world = World::new(&["--max-allowed-packet=1M"]);
    let mut root = world.root();
    world.refresh(&mut root);
    let nested = |rounds: usize| {
        let mut value = "'aaaaaaaaaa'".to_owned();
        for _ in 0..rounds {
            value = format!("REPLACE({value}, 'a', 'aaaaaaaaaa')");
        }
        value
    };
    let doubled =
        (0..40).fold("'a'".to_owned(), |value, _| format!("CONCAT({value}, 'a', {})", "REPEAT('a', 1000000)"));
    for value in [
        nested(11),
        doubled,
        "REPEAT('x', 1000000000)".to_owned(),
        "REPEAT('x', 1e300)".to_owned(),
        "SPACE(2000000000)".to_owned(),
        "LPAD('x', 2000000000, 'y')".to_owned(),
        "RPAD('x', 2000000000, 'y')".to_owned(),
        "CONCAT(REPEAT('x', 900000), REPEAT('y', 900000))".to_owned(),
        "CONCAT_WS(',', REPEAT('x', 900000), REPEAT('y', 900000))".to_owned(),
        "HEX(REPEAT('x', 900000))".to_owned(),
    ] {
        // Once with constants, once where the engine computes the value.
        for sql in [format!("SELECT {value} IS NULL"), format!("SELECT {value} IS NULL FROM d.u")] {
            let shown: String = sql.chars().take(80).collect();
            assert_eq!(run(&mut root, &sql).unwrap(), [["1"]], "{shown}");
            let warnings = run(&mut root, "SHOW WARNINGS").unwrap();
            assert!(warnings.iter().any(|warning| warning[1] == "1301"), "{shown}: {warnings:?}");
        }
    }
    // A value that SQLite's own functions make too large ends with an error.
    let (code, _) = run(&mut root, "SELECT QUOTE(QUOTE(REPEAT(\"'\", 900000))) FROM d.u").unwrap_err();
    assert_eq!(code, 1153);
    let wide: Vec<&str> = vec!["REPEAT('x', 1000000)"; 20];
    let (code, _) = run(&mut root, &format!("SELECT {} FROM d.u", wide.join(", "))).unwrap_err();
    assert_eq!(code, 1153);
    run(&mut root, "SELECT 'served'").unwrap();
}

#[test]
fn a_recursion_ends() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for sql in [
        "WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM c) SELECT COUNT(*) FROM c",
        "WITH RECURSIVE c (a) AS (SELECT 1 UNION SELECT a + 1 FROM c) SELECT COUNT(*) FROM c",
        "WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT c.a + 1 FROM c, d.t) SELECT COUNT(*) FROM c",
        "WITH RECURSIVE c AS (SELECT a FROM d.t UNION ALL SELECT c.a FROM c) SELECT COUNT(*) FROM c",
        "SELECT (WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM c) SELECT COUNT(*) FROM c) FROM d.t",
    ] {
        let (code, message) = run(&mut root, sql).unwrap_err();
        assert_eq!(code, 3636, "{sql}: {message}");
    }
    // A recursion as deep as allowed, again for each row of another query.
    let numbers = "WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM c WHERE a < 900)";
    assert_eq!(run(&mut root, &format!("{numbers} SELECT MAX(a) FROM c")).unwrap(), [["900"]]);
    let sql = "SELECT SUM((WITH RECURSIVE c AS (SELECT t.a AS a UNION ALL SELECT a + 1 FROM c WHERE a < 900) SELECT COUNT(*) FROM c)) FROM d.t";
    assert_eq!(run(&mut root, sql).unwrap(), [["1799"]]);
    run(&mut root, "SET cte_max_recursion_depth = 5000").unwrap();
    let numbers =
        "WITH RECURSIVE c AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM c WHERE a < 5000) SELECT MAX(a) FROM c";
    assert_eq!(run(&mut root, numbers).unwrap(), [["5000"]]);
}

#[test]
fn temporary_files_have_a_bound() {
    let world = World::new(&[]);
    let mut root = world.root();
    run(&mut root, "SET GLOBAL tmp_disk_limit = 20000000").unwrap();
    let mut worker = world.worker();
    let wide = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000) \
                SELECT x.a, y.a, CONCAT(z.a, REPEAT('x', 2000)) AS t FROM n AS x, n AS y, n AS z ORDER BY t";
    let (code, message) = run(&mut worker, wide).unwrap_err();
    assert_eq!(code, 1114, "{message}");
    assert!(message.contains("tmp_disk_limit"), "{message}");
    let growing = "WITH RECURSIVE c AS (SELECT 1 AS a, REPEAT('x', 2000) AS b UNION SELECT a + 1, CONCAT(a, REPEAT('x', 2000)) FROM c, \
                   (SELECT 1 UNION SELECT 2) AS two) SELECT COUNT(*) FROM c";
    let (code, message) = run(&mut worker, growing).unwrap_err();
    assert!(matches!(code, 1114 | 3636), "{code} {message}");
}

#[test]
fn a_statement_ends_with_its_time() {
    let world = World::new(&[]);
    let mut root = world.root();
    run(&mut root, "SET max_execution_time = 300").unwrap();
    let endless = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000) \
                   SELECT COUNT(*) FROM n AS a, n AS b, n AS c, n AS d";
    assert_eq!(run(&mut root, endless).unwrap_err().0, 3024);
    assert_eq!(run(&mut root, "SELECT SLEEP(1000)").unwrap_err().0, 3024);
}

/// Calls whose cost in a simple implementation would be the product of their arguments, and calls that are slow in any implementation.
/// `{N}` is a long text, another one in each row; `{M}` is a shorter one that ends in another letter.
const LONG_CALLS: &[&str] = &[
    "INSTR({N}, {M})",
    "LOCATE({M}, {N})",
    "POSITION({M} IN {N})",
    "REPLACE({N}, {M}, '')",
    "REPLACE({N}, 'aa', 'b')",
    "{N} LIKE CONCAT('%', {M}, '%')",
    "{N} LIKE CONCAT('%', REPEAT('_', 100000), 'b%')",
    "{N} LIKE CONCAT('%', REPEAT('a%', 10000), 'b')",
    "TRIM(BOTH {M} FROM {N})",
    "TRIM(LEADING 'a' FROM {N})",
    "TRIM(TRAILING 'ab' FROM {N})",
    "LTRIM({N})",
    "RTRIM({N})",
    "FIND_IN_SET({M}, REPLACE({N}, 'a', 'a,'))",
    "STRCMP({N}, CONCAT({N}, 'b'))",
    "HEX({N})",
    "UNHEX({N})",
    "QUOTE({N})",
    "UPPER({N})",
    "LOWER({N})",
    "REVERSE({N})",
    "LEFT({N}, 1000000)",
    "RIGHT({N}, 1000000)",
    "SUBSTR({N}, -1000000, 900000)",
    "MID({N}, 500000)",
    "CHAR_LENGTH({N})",
    "LENGTH({N})",
    "LPAD('x', 1000000, {M})",
    "RPAD('x', 1000000, {M})",
    "CONCAT_WS({M}, {N}, {N})",
    "SPACE(LENGTH({N}))",
    "SHA1({N})",
    "SHA2({N}, 512)",
    "DATE_FORMAT(NOW(), REPEAT('%M', LENGTH({N}) / 8))",
    "DATE({N})",
    "DATEDIFF({N}, {N})",
    "UNIX_TIMESTAMP({N})",
    "ABS(CONCAT('1', REPLACE({N}, 'a', '1'), REPLACE({M}, 'a', 'e')))",
    "FLOOR(CONCAT(REPLACE({N}, 'a', '1'), REPLACE({M}, 'a', 'e')))",
    "CAST(REPLACE({N}, 'a', '1') AS DECIMAL(65, 30))",
    "TRUNCATE(REPLACE({N}, 'a', '+'), 2)",
    "GREATEST({N}, CONCAT({N}, 'b'), {M})",
    "NULLIF({N}, CONCAT({N}, 'b'))",
    "{N} = CONCAT({N}, 'b')",
    "{N} COLLATE utf8mb4_bin < CONCAT({N}, 'b')",
    "CASE {N} WHEN {M} THEN 1 WHEN CONCAT({N}, 'b') THEN 2 END",
    "{N} IN ({M}, CONCAT({N}, 'b'))",
    "{N} BETWEEN {M} AND CONCAT({N}, 'b')",
    "JSON_QUOTE({N})",
    "JSON_VALID(CONCAT('[', REPLACE({N}, 'a', '1,'), '1]'))",
    "JSON_VALID(REPLACE({N}, 'a', '['))",
    "JSON_VALID(CONCAT(REPLACE({N}, 'a', '{\"a\":')))",
    "JSON_EXTRACT('[1]', CONCAT('$', REPLACE({M}, 'a', '[0]')))",
    "JSON_EXTRACT(CONCAT('{', REPLACE({N}, 'a', '\"a\":1,'), '\"b\":1}'), '$.b')",
    "JSON_SET('{}', CONCAT('$', REPLACE({N}, 'a', '.a')), 1)",
    "JSON_SET(CONCAT('[', REPLACE({N}, 'a', '1,'), '1]'), '$[0]', {N}, '$[1]', {N}, '$[#-1]', {N})",
    "JSON_REMOVE(CONCAT('[', REPLACE({N}, 'a', '1,'), '1]'), '$[0]', '$[0]', '$[0]', '$[0]')",
    "JSON_OBJECT({N}, 1, {N}, 2)",
    "JSON_ARRAY({N}, {N}, {N})",
    "JSON_TYPE(CONCAT('[', REPLACE({N}, 'a', '1,'), '1]'), '$[900000]')",
    "(SELECT GROUP_CONCAT(DISTINCT CONCAT({N}, y.a) SEPARATOR ',') FROM n AS y WHERE y.a < 5)",
    "(SELECT COUNT(DISTINCT CONCAT({N}, y.a)) FROM n AS y WHERE y.a < 5)",
    "(SELECT JSON_ARRAYAGG(CONCAT({N}, y.a)) FROM n AS y WHERE y.a < 5)",
    "(SELECT MAX(CONCAT({N}, y.a)) FROM n AS y WHERE y.a < 5)",
];

#[test]
fn every_long_call_ends_when_it_is_killed_and_with_its_time() {
    let world = World::new(&[]);
    let mut root = world.root();
    let (mut worker, mut timed) = (world.worker(), world.worker());
    let id = run(&mut worker, "SELECT CONNECTION_ID()").unwrap()[0][0].clone();
    let numbers = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000)";
    let mut wrong = Vec::new();
    for call in LONG_CALLS {
        let call =
            call.replace("{N}", "CONCAT(REPEAT('a', 1000000), x.a)").replace("{M}", "CONCAT(REPEAT('a', 100000), 'b')");
        let sql = format!("{numbers} SELECT COUNT({call}) FROM n AS x, n AS z, n AS w");
        let mut tried = |client: &mut _, how: &str, expected: u16| {
            let started = std::time::Instant::now();
            let told = run(client, &sql).map_err(|(code, message)| format!("{code} {message}"));
            let took = started.elapsed();
            if !matches!(&told, Err(told) if told.starts_with(&expected.to_string())) || took.as_secs() > 40 {
                wrong.push(format!("{call} {how}: {told:?} after {took:?}"));
            }
        };
        run(&mut timed, "SET max_execution_time = 100").unwrap();
        // If KILL had no effect, the test fails without waiting.
        run(&mut worker, "SET max_execution_time = 60000").unwrap();
        tried(&mut timed, "with its time", 3024);
        std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let running = format!(
                    "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {id} AND COMMAND = 'Query'"
                );
                while run(&mut root, &running).unwrap() != [["1"]] {}
                run(&mut root, &format!("KILL QUERY {id}")).unwrap();
            });
            tried(&mut worker, "killed", 1317);
            killer.join().unwrap();
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn many_large_values_of_one_statement_are_refused() {
    let world = World::new(&["--max-allowed-packet=4M"]);
    let mut root = world.root();
    world.refresh(&mut root);
    let value = "REPEAT('a', 4000000)";
    let many = |count: usize| vec![value; count].join(", ");
    for sql in [
        format!("SELECT {}", many(100)),
        format!("SELECT LENGTH(CONCAT({}))", many(90)),
        format!("SELECT LENGTH(GREATEST({})) FROM d.u", many(90)),
        format!("SELECT 1 IN ({}) FROM d.u", many(100)),
        format!("SELECT LENGTH({value})+{}", vec![format!("LENGTH({value})"); 60].join("+")),
    ] {
        let shown: String = sql.chars().take(60).collect();
        let told = run(&mut world.worker(), &sql.replace("d.u", "information_schema.ENGINES"));
        let code = told.map_or_else(|(code, _)| code, |_| 0);
        assert!(matches!(code, 1041 | 1153), "{shown}: {code}");
    }
    // One row at a time, of as many as there are.
    let rows = vec![format!("SELECT LENGTH({value}), {value}"); 12].join(" UNION ALL ");
    assert_eq!(run(&mut root, &rows).map_or(0, |rows| rows.len()), 12);
    assert_eq!(run(&mut root, "SELECT 'served'").unwrap(), [["served"]]);
}

#[test]
fn lists_of_names_have_a_bound() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let names: Vec<String> = (0..20_000).map(|number| format!("d.t{number}")).collect();
    assert_eq!(run(&mut root, &format!("DROP TABLE IF EXISTS {}", names.join(", "))).unwrap_err().0, 1116);
    let few: Vec<String> = (0..300).map(|number| format!("d.t{number}")).collect();
    run(&mut root, &format!("DROP TABLE IF EXISTS {}", few.join(", "))).unwrap();
    let tables: Vec<String> = (0..20_000).map(|number| format!("a{number} AS (SELECT 1)")).collect();
    assert_eq!(run(&mut root, &format!("WITH {} SELECT 1", tables.join(", "))).unwrap_err().0, 1116);
    let assignments: Vec<String> = (0..20_000).map(|number| format!("@a{number} = 1")).collect();
    assert_eq!(run(&mut root, &format!("SET {}", assignments.join(", "))).unwrap_err().0, 1436);
    // A string where a keyword should be is scanned once, not once for each keyword.
    assert_eq!(run(&mut root, &"'a'".repeat(2 << 20)).unwrap_err().0, 1064);
}

#[test]
fn who_holds_much_memory_leaves_some_for_others() {
    let world = World::new(&["--global-connection-memory-limit=160M"]);
    let mut root = world.root();
    let password = sealwire_tests::drivers::PASSWORD;
    run(&mut root, &format!("CREATE USER 'light'@'%' IDENTIFIED WITH mysql_native_password BY '{password}'")).unwrap();
    let mut greedy = Vec::new();
    let refusal = (0..40).find_map(|number| {
        let mut worker = world.worker();
        let refused = run(&mut worker, &format!("SET @a = REPEAT('{}', {})", number % 10, 16 << 20))
            .and_then(|_| run(&mut worker, "SELECT 1"))
            .err();
        greedy.push(worker);
        refused
    });
    let (code, message) = refusal.expect("40 times 16 MB of one account were kept, of 160 MB");
    assert!(matches!(code, 1041 | 4083), "{code} {message}");
    let mut config = sealwire_tests::clients::plain("light");
    config.password = password.into();
    let mut light = sealwire_tests::clients::connect(world.server.port, config).unwrap();
    for _ in 0..20 {
        assert_eq!(run(&mut light, &format!("SELECT LENGTH(REPEAT('x', {}))", 4 << 20)).unwrap(), [["4194304"]]);
        run(&mut light, &format!("SET @mine = REPEAT('x', {})", 2 << 20)).unwrap();
        assert_eq!(run(&mut light, "SELECT LENGTH(@mine)").unwrap(), [["2097152"]]);
    }
    // Meanwhile the greedy account gets no more than the limit, on any of its connections.
    let is_refused = (0..3).any(|_| {
        let mut worker = world.worker();
        let refused = run(&mut worker, &format!("SET @a = REPEAT('x', {})", 16 << 20)).is_err();
        greedy.push(worker);
        refused
    });
    assert!(is_refused);
}

#[test]
fn a_table_has_as_many_keys_as_in_mysql() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("KEY k{number} (a)")).collect();
        keys.join(", ")
    };
    assert_eq!(run(&mut root, &format!("CREATE TABLE d.many (a INT, {})", keys(65))).unwrap_err().0, 1069);
    run(&mut root, &format!("CREATE TABLE d.many (a INT, {})", keys(64))).unwrap();
    assert_eq!(run(&mut root, "CREATE INDEX one_more ON d.many (a)").unwrap_err().0, 1069);
    assert_eq!(run(&mut root, "ALTER TABLE d.many ADD KEY one_more (a)").unwrap_err().0, 1069);
    run(&mut root, "DROP INDEX k0 ON d.many").unwrap();
    run(&mut root, "CREATE INDEX one_more ON d.many (a)").unwrap();
}
