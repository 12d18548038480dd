//! SIGKILL while accounts and rows are written, again and again, with the same data.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use sealwire_simnet::Seeded;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::{SECRET, root, rows, strangers};

/// The number of rounds; `cargo xtask faults --rounds N` sets another.
const ROUNDS: usize = 200;

#[derive(Clone, Copy)]
enum Written {
    Limit(usize),
    Row(usize),
}

/// The last acknowledged write of each writer.
#[derive(Default, Debug, Clone, Copy)]
struct Acknowledged {
    limit: usize,
    row: usize,
}

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds = std::env::var("SEALWIRE_FAULTS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = std::env::var("SEALWIRE_FAULTS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("{rounds} rounds; again: cargo xtask faults --rounds {rounds} --seed {seed}");
    let random = Seeded::new(seed);
    let settings = Settings::default();
    let mut server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (n INT PRIMARY KEY, pair INT)", "CREATE USER 'limited'@'%'"] {
        rows(&mut client, sql).unwrap();
    }
    drop(client);

    let mut known = Acknowledged::default();
    let mut total = 0;
    for round in 0..rounds {
        let (sender, receiver) = channel();
        let at = 1 + random.below(12);
        thread::scope(|scope| {
            let writers: [fn(&Server, usize, &Sender<Written>); 2] = [alter_account, insert_rows];
            for (writer, from) in writers.into_iter().zip([known.limit, known.row]) {
                let (sender, server) = (sender.clone(), &server);
                scope.spawn(move || writer(server, from, &sender));
            }
            drop(sender);
            for (number, written) in receiver.iter().enumerate() {
                match written {
                    Written::Limit(limit) => known.limit = limit,
                    Written::Row(row) => known.row = row,
                }
                total += 1;
                if number + 1 == at {
                    // The current writes are acknowledged or not; the writers report the last acknowledged ones.
                    server.signal("KILL");
                }
            }
        });
        assert_eq!(server.wait().and_then(|status| status.code()), None, "it was to be killed");
        assert!(!server.log().contains(SECRET), "a password is in the log");
        server = server.restart(&settings).unwrap_or_else(|error| panic!("round {round}, seed {seed}: {error}"));
        check(&server, known, &format!("round {round}, seed {seed}"));
    }
    println!("{total} changes were acknowledged in {rounds} rounds, {known:?} at last; none was lost");
}

/// Alters one account until the server is gone: the account's limit counts the changes. Every fourth change sets the password as well.
fn alter_account(server: &Server, from: usize, sender: &Sender<Written>) {
    let Ok(mut client) = root(server) else { return };
    for limit in from + 1.. {
        let password = if limit % 4 == 0 { format!("IDENTIFIED BY '{SECRET}'") } else { String::new() };
        let sql = format!("ALTER USER 'limited'@'%' {password} WITH MAX_USER_CONNECTIONS {limit}");
        if rows(&mut client, &sql).is_err() || sender.send(Written::Limit(limit)).is_err() {
            return;
        }
    }
}

/// Inserts rows until the server is gone, two with each statement.
fn insert_rows(server: &Server, from: usize, sender: &Sender<Written>) {
    let Ok(mut client) = root(server) else { return };
    for row in from + 1.. {
        let sql = format!("INSERT INTO d.t VALUES ({}, {row}), ({}, {row})", 2 * row, 2 * row + 1);
        if rows(&mut client, &sql).is_err() || sender.send(Written::Row(row)).is_err() {
            return;
        }
    }
}

/// Checks that every acknowledged write is there, and at most one more write, which was under way; and no write by half.
fn check(server: &Server, known: Acknowledged, when: &str) {
    let mut client = root(server).unwrap();
    let shown = rows(&mut client, "SHOW CREATE USER 'limited'@'%'").unwrap().concat();
    let limit = shown.split_once("MAX_USER_CONNECTIONS ").map_or("0", |(_, after)| after.split(' ').next().unwrap());
    let limit: usize = limit.parse().unwrap();
    assert!(
        (known.limit..=known.limit + 1).contains(&limit),
        "{when}: {known:?} were acknowledged, and {limit} is there"
    );
    let counts = rows(&mut client, "SELECT COUNT(*), COUNT(DISTINCT pair), MAX(pair) FROM d.t").unwrap().concat();
    let counts: Vec<usize> = counts.split('\t').map(|count| count.parse().unwrap_or(0)).collect();
    let [all, pairs, last] = counts[..] else { panic!("{counts:?}") };
    assert!((known.row..=known.row + 1).contains(&last), "{when}: {known:?} were acknowledged, and {last} is there");
    assert_eq!((all, pairs), (2 * last, last), "{when}: a statement was done by half");
    assert_eq!(strangers(&server.folder().join("data")), [""; 0], "{when}");
    // The write that was under way is there, so it counts as acknowledged from now on.
    if limit > known.limit {
        rows(&mut client, &format!("ALTER USER 'limited'@'%' WITH MAX_USER_CONNECTIONS {}", known.limit)).unwrap();
    }
    if last > known.row {
        rows(&mut client, &format!("DELETE FROM d.t WHERE pair = {last}")).unwrap();
    }
}
