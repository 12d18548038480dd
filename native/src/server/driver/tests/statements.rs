//! What statements do through a whole connection: variables that limit them, and texts in the client's own way of writing.

use super::*;

/// Sends a statement whose answer is read later.
fn send(client: &mut Client, sql: &str) {
    client.connection.query(sql.as_bytes()).unwrap();
    let mut out = Vec::new();
    while let Ok(Output::Transmit) = client.connection.poll_output(&mut out) {}
    client.stream.write_all(&out).unwrap();
}

fn code(client: &mut Client, sql: &str) -> u16 {
    client.query(sql).map(|_| ()).unwrap_err().code
}

#[test]
fn a_select_ends_when_its_time_is_over_and_gives_no_more_rows_than_are_wanted() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("SET max_execution_time = 100").unwrap();
    let begin = Instant::now();
    assert_eq!(code(&mut client, "SELECT SLEEP(60)"), 3024);
    assert!(begin.elapsed() < Duration::from_secs(30));
    client.query("SET max_execution_time = 0").unwrap();
    client.query("CREATE DATABASE d").unwrap();
    client.query("CREATE TABLE d.t (a INT)").unwrap();
    client.query("INSERT INTO d.t VALUES (1), (2), (3)").unwrap();
    for (limit, all, limited) in [("0", 0, 2), ("1", 1, 2), ("3", 3, 2), ("DEFAULT", 3, 2)] {
        client.query(&format!("SET sql_select_limit = {limit}")).unwrap();
        assert_eq!(client.query("SELECT a FROM d.t").unwrap().rows.len(), all, "{limit}");
        // A LIMIT of the statement's own counts instead.
        assert_eq!(client.query("SELECT a FROM d.t LIMIT 2").unwrap().rows.len(), limited, "{limit}");
    }
}

#[test]
fn long_expressions_are_stopped_by_kill_and_hold_nobody_up() {
    let running = Running::start(&[]);
    let mut slow = running.root();
    let id = slow.rows("SELECT CONNECTION_ID()")[0][0].clone();
    slow.query(&format!("SET @a = '{}'", "a".repeat(1 << 20))).unwrap();
    slow.query(&format!("SET @b = '%{}b'", "a".repeat(1 << 19))).unwrap();
    // SET waits on a thread of its own: others are served, and KILL reaches it.
    send(&mut slow, "SET @c = SLEEP(60), @d = 2");
    let mut other = running.root();
    while other.rows(&format!("SELECT info FROM information_schema.processlist WHERE id = {id}"))[0][0] == "NULL" {}
    other.query(&format!("KILL QUERY {id}")).unwrap();
    assert_eq!(slow.answer().unwrap().unwrap_err().code, 1317);
    // The review's statement, on the event loop, kept everybody out for minutes.
    send(&mut slow, "SELECT @a LIKE @b");
    assert_eq!(other.rows("SELECT 1"), [["1"]]);
    assert_eq!(running.root().rows("SELECT 1"), [["1"]]);
    let _ = slow.answer().unwrap();
}
