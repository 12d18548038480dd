//! Statements that take far more memory than their texts, and far more than one value of theirs: by their trees, and by many values at once.

use super::*;

const OUT_OF_MEMORY: u16 = 1041;
/// The error of SQLite's own allocations, which the heap's limit refuses.
const OUT_OF_HEAP: u16 = 1037;

/// A server with a limit on its memory, in bytes.
fn limited(most: u64) -> Server {
    server(&[&format!("--global-connection-memory-limit={most}")])
}

/// Sends statements, each on a connection of the account `u`, while others log in and are served; the codes of their errors, 0 for none, and the
/// most memory that the server had in use, in bytes.
fn served_beside(server: &Server, statements: &[String]) -> (Vec<u16>, u64) {
    let clients: Vec<_> = statements.iter().map(|_| user(server).unwrap()).collect();
    for (client, sql) in clients.iter().zip(statements) {
        send(client.stream(), sql.as_bytes()).unwrap();
    }
    for number in 0..10 {
        let mut good = root(server).unwrap_or_else(|error| panic!("login {number}: {error}"));
        assert_eq!(ask(&mut good, "SELECT 'in'").unwrap(), "in");
        assert_eq!(ask(&mut good, "SELECT COUNT(*) FROM (SELECT 1 AS a) AS x WHERE a > 0").unwrap(), "1");
    }
    let answer = |client: &Client<TcpStream>| {
        let said = packet(&mut client.stream().try_clone().unwrap()).expect("an answer");
        error_code(&said).unwrap_or_default()
    };
    let codes = clients.iter().map(answer).collect();
    (codes, clients::most_resident(server.id()) << 10)
}

fn list(item: &str, times: usize) -> String {
    vec![item; times].join(",")
}

#[test]
fn trees_count_for_their_account_before_they_are_made() {
    const MOST: u64 = 300_000_000;
    let server = limited(MOST);
    // 100 KB of text each, of which a tree of more than 100 MB is made.
    let (selects, calls) = (list("(SELECT 1)", 9_000), list("HEX(a)", 20_000));
    let statements = [format!("SELECT {selects}"), format!("SELECT CONCAT({calls}) FROM (SELECT 1 AS a) AS x")];
    let statements: Vec<String> = statements.iter().cycle().take(8).cloned().collect();
    let (codes, peak) = served_beside(&server, &statements);
    println!("eight large trees: {codes:?}, at most {peak} bytes in use, {MOST} allowed");
    assert!(peak < MOST * 3 / 2, "{peak} bytes");
    assert!(codes.iter().any(|code| *code != OUT_OF_MEMORY), "some are read: {codes:?}");
}

#[test]
fn a_statement_of_too_many_selects_takes_no_memory() {
    let server = server(&[]);
    let sql = format!("SELECT {}", list("(SELECT 1)", 95_000));
    let (codes, peak) = served_beside(&server, &vec![sql; 4]);
    println!("four times 95,000 SELECTs: at most {peak} bytes in use");
    assert_eq!(codes, [1436; 4]);
    assert!(peak < 200 << 20, "{peak} bytes");
}

#[test]
fn a_statement_that_is_read_ends_by_kill_and_with_its_time() {
    let server = server(&[]);
    let mut watch = root(&server).unwrap();
    let mut client = user(&server).unwrap();
    let id = ask(&mut client, "SELECT CONNECTION_ID()").unwrap();
    let sql = format!("SELECT {} FROM (SELECT 1 AS a) AS x", list("a", 150_000));
    send(client.stream(), sql.as_bytes()).unwrap();
    let busy = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE ID = {id} AND Command = 'Query'");
    wait_until("it has sent its text", || ask(&mut watch, &busy).unwrap() == "1");
    ask(&mut watch, &format!("KILL QUERY {id}")).unwrap();
    let said = packet(&mut client.stream().try_clone().unwrap()).expect("an error");
    assert_eq!(error_code(&said), Some(1317), "{}", String::from_utf8_lossy(&said));
    ask(&mut client, "SET max_execution_time = 1").unwrap();
    match ask(&mut client, &sql) {
        Err(ClientError::Sql(error)) => assert_eq!(error.code, 3024, "{}", error.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_below_a_mebibyte_count_where_memory_is_short() {
    const MOST: u64 = 200_000_000;
    let server = limited(MOST);
    let many = list("REPEAT('a', 1000000)", 200);
    let statements = [
        format!("SELECT {many} FROM (SELECT 1) AS x ORDER BY 1"),
        format!("SELECT {many} UNION SELECT {many}"),
        format!("SELECT {} FROM (SELECT 1) AS x ORDER BY 1", list("LEFT(REPEAT('b', 1000000), 999999)", 200)),
    ];
    let statements: Vec<String> = statements.iter().cycle().take(12).cloned().collect();
    let (codes, peak) = served_beside(&server, &statements);
    println!("twelve times 200 MB: {codes:?}, at most {peak} bytes in use, {MOST} allowed");
    assert!(codes.iter().all(|code| *code != 0), "{codes:?}");
    assert!(peak < MOST * 2, "{peak} bytes");
}

#[test]
fn values_that_functions_make_end_with_the_statements_time() {
    let server = server(&[]);
    let mut client = user(&server).unwrap();
    ask(&mut client, "SET max_execution_time = 1").unwrap();
    let sql = format!("SELECT {} FROM (SELECT 1) AS x ORDER BY 1", list("REPEAT('a', 1000000)", 300));
    match ask(&mut client, &sql) {
        Err(ClientError::Sql(error)) => assert_eq!(error.code, 3024, "{}", error.message),
        other => panic!("{other:?}"),
    }
    assert!(clients::most_resident(server.id()) < 150 << 10, "no more is made");
}

#[test]
fn values_that_the_engine_makes_by_itself_leave_the_reserve() {
    const MOST: u64 = 100_000_000;
    let server = limited(MOST);
    let mut admin = root(&server).unwrap();
    for sql in [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (a LONGTEXT)",
        "GRANT ALL ON d.* TO 'u'@'%'",
        "INSERT INTO d.t VALUES (REPEAT('a', 900000))",
        "INSERT INTO d.t SELECT a FROM d.t",
        "INSERT INTO d.t SELECT a FROM d.t",
        "INSERT INTO d.t SELECT a FROM d.t",
    ] {
        ask(&mut admin, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let columns: Vec<String> = (0..400).map(|number| format!("MAX(SUBSTR(a, {number}))")).collect();
    let sql = format!("SELECT {} FROM d.t", columns.join(","));
    let (codes, peak) = served_beside(&server, &vec![sql; 3]);
    println!("three times 360 MB: {codes:?}, at most {peak} bytes in use, {MOST} allowed");
    assert!(codes.iter().all(|code| [OUT_OF_MEMORY, OUT_OF_HEAP].contains(code)), "{codes:?}");
    assert!(peak < 700_000_000, "{peak} bytes");
}

#[test]
fn what_dumps_and_object_mappers_send_is_read_on_default_settings() {
    let server = server(&[]);
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(500), c DOUBLE)"] {
        ask(&mut client, sql).unwrap();
    }
    let text = "x".repeat(400);
    let rows: Vec<String> = (0..41_000).map(|number| format!("({number},'{text}',0.5)")).collect();
    let sql = format!("INSERT INTO `d`.`t` VALUES {}", rows.join(","));
    assert!(sql.len() > 16 << 20, "{} bytes", sql.len());
    ask(&mut client, &sql).unwrap();
    assert_eq!(ask(&mut client, "SELECT COUNT(*) FROM d.t").unwrap(), "41000");
    let mut places = client.prepare(format!("SELECT COUNT(*) FROM d.t WHERE a IN ({})", list("?", 5_000))).unwrap();
    assert_eq!(places.parameters.len(), 5_000);
    places = client.prepare(format!("INSERT INTO d.t (a, b, c) VALUES {}", list("(?, ?, ?)", 5_000))).unwrap();
    assert_eq!(places.parameters.len(), 15_000);
}
