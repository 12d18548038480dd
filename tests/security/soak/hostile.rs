//! Accounts that log in and attack by SQL, each in its own way, again and again: statements that are deep, huge, endless or recursive, and
//! clients that disconnect in the middle of one.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use sealwire::{Client, ClientError};
use sealwire_tests::{clients, middle};

use crate::Counts;

/// A hostile account: its name, and its attack, which is given the number of earlier attacks.
type Hostile = (&'static str, fn(u16, u64) -> Result<(), ClientError>);

/// The five hostile accounts.
pub(crate) const ALL: [Hostile; 5] =
    [("deep", deep), ("huge", huge), ("endless", endless), ("gone", gone), ("recursive", recursive)];

/// The statements that prepare the attacks: a table which each account may read.
pub(crate) fn statements() -> Vec<String> {
    let mut statements = vec![
        "CREATE DATABASE d;".to_owned(),
        "CREATE TABLE d.n (n INT PRIMARY KEY, t VARCHAR(20));".to_owned(),
        "INSERT INTO d.n WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n, 'text' FROM c;"
            .to_owned(),
    ];
    statements.extend(ALL.iter().map(|(name, _)| format!("GRANT SELECT ON d.* TO '{name}'@'%';")));
    statements
}

/// Attacks until the time is over, but for the rests, and counts the attacks.
pub(crate) fn run(port: u16, number: usize, counts: &Counts) {
    let (name, act) = ALL[number];
    while !counts.stop.load(Relaxed) {
        drop(counts.rest_changed.wait_while(counts.rest.lock().unwrap(), |rest| *rest));
        let turn = counts.hostile[number].fetch_add(1, Relaxed);
        match act(port, turn) {
            Ok(()) | Err(ClientError::Sql(_)) => {}
            // A refused statement does not end the connection, so any other error means that the server has failed.
            Err(error) => panic!("{name}, turn {turn}: {error}"),
        }
    }
}

fn enter(port: u16, name: &str) -> Result<Client<TcpStream>, ClientError> {
    clients::connect(port, clients::plain(name))
}

/// Runs a statement and reads all of its results.
fn run_all(client: &mut Client<TcpStream>, sql: &str) -> Result<(), ClientError> {
    let mut result = client.query(sql)?;
    while result.next()?.is_some() {}
    Ok(())
}

fn deep(port: u16, turn: u64) -> Result<(), ClientError> {
    const SHAPES: [(&str, &str); 8] = [
        ("SELECT 1", "+1"),
        ("SELECT ", "("),
        ("SELECT ", "NOT "),
        ("SELECT 1", " UNION SELECT 1"),
        ("SELECT ", "(SELECT "),
        ("SELECT t", " LIKE t"),
        ("SELECT 1 FROM d.n", " JOIN d.n AS x"),
        ("SET @a = 1", ",@a = 1"),
    ];
    let mut client = enter(port, "deep")?;
    for (front, middle) in SHAPES {
        let times = [50, 4_000, 15_000][(turn % 3) as usize];
        match run_all(&mut client, &format!("{front}{}", middle.repeat(times))) {
            Err(ClientError::Sql(_)) | Ok(()) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn huge(port: u16, turn: u64) -> Result<(), ClientError> {
    let mut client = enter(port, "huge")?;
    let text = "x".repeat(250_000);
    for sql in [
        format!("SELECT '{text}', '{turn}'"),
        format!("SET @a = '{text}', @b = CONCAT(@a, @a)"),
        format!("SELECT /* {text} */ t FROM d.n"),
        "SELECT REPEAT('x', 250000), REPEAT('y', 250000), REPEAT('z', 250000)".to_owned(),
        "SELECT REPEAT('x', 100000000)".to_owned(),
        "SELECT LENGTH(CONCAT(REPEAT('x', 200000), a.t)) FROM d.n AS a, d.n AS b LIMIT 200".to_owned(),
    ] {
        match run_all(&mut client, &sql) {
            Err(ClientError::Sql(_)) | Ok(()) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// A join of a billion rows, which only its time limit or KILL ends.
const ENDLESS: &str = "SELECT COUNT(*) FROM d.n AS a, d.n AS b, d.n AS c WHERE a.t LIKE CONCAT('%', b.n, c.n)";

fn endless(port: u16, turn: u64) -> Result<(), ClientError> {
    let mut client = enter(port, "endless")?;
    if turn.is_multiple_of(2) {
        run_all(&mut client, "SET max_execution_time = 500")?;
        return run_all(&mut client, ENDLESS);
    }
    let id = clients::ask(&mut client, "SELECT CONNECTION_ID()")?;
    std::thread::scope(|scope| {
        let (done, running) = channel::<()>();
        let killer = scope.spawn(move || -> Result<(), ClientError> {
            // Only KILL ends the statement. A KILL that arrives before the statement begins has no effect, so the killer repeats it.
            while running.recv_timeout(Duration::from_millis(500)) == Err(RecvTimeoutError::Timeout) {
                run_all(&mut enter(port, "endless")?, &format!("KILL QUERY {id}"))?;
            }
            Ok(())
        });
        let ran = run_all(&mut client, "SELECT SLEEP(1000), (SELECT COUNT(*) FROM d.n AS a, d.n AS b, d.n AS c)");
        drop(done);
        killer.join().expect("the thread that kills")?;
        ran
    })
}

fn gone(port: u16, turn: u64) -> Result<(), ClientError> {
    let mut stream = middle::connect(port);
    let mut client = Client::over(stream.try_clone().map_err(ClientError::Io)?, clients::plain("gone"))?;
    run_all(&mut client, "DO 1")?;
    let sql =
        if turn.is_multiple_of(2) { ENDLESS.to_owned() } else { format!("SELECT '{}' FROM d.n", "x".repeat(10_000)) };
    let mut packet = u32::try_from(sql.len() + 1).expect("a short statement").to_le_bytes()[..3].to_vec();
    packet.extend([0, 3]);
    packet.extend(sql.as_bytes());
    stream.write_all(&packet).map_err(ClientError::Io)
}

fn recursive(port: u16, turn: u64) -> Result<(), ClientError> {
    let mut client = enter(port, "recursive")?;
    let sql = [
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c",
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT c.n + d.n.n FROM c, d.n) SELECT COUNT(*) FROM c",
        "WITH RECURSIVE c AS (SELECT 'x' AS t UNION ALL SELECT CONCAT(t, t) FROM c) SELECT MAX(LENGTH(t)) FROM c",
        "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM b), b AS (SELECT n FROM a) SELECT * FROM b",
    ][(turn % 4) as usize];
    run_all(&mut client, sql)
}
