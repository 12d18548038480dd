//! What statements do through a whole connection: variables that limit them, and texts in the client's own way of writing.

use super::*;

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
