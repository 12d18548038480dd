//! Logs with random changes, received and applied. The seed is printed; SEALWIRE_SOURCES_SEED and SEALWIRE_SOURCES_ROUNDS give
//! others.

use std::sync::Arc;

use sealwire_binlog::{Checksum, Limits, Reader, relocate};
use sealwire_core::Error;
use sealwire_tests::source::{SERVER_ID, Stream};

use super::world::{Attack, FLAVOURS, World, error, rows, run};

/// Changes of all kinds, in a database that is gone at the end.
const CHANGES: &[&str] = &[
    "CREATE DATABASE m",
    "CREATE TABLE m.t (id INT PRIMARY KEY, n BIGINT UNSIGNED, c DECIMAL(20,5), e DOUBLE, f FLOAT, v VARCHAR(300), x TEXT, b BLOB, d DATE, \
     dt DATETIME(3), t TIME, ts TIMESTAMP NULL, y YEAR, k ENUM('a','b'), s SET('x','y','z'), bits BIT(9), j JSON)",
    "INSERT INTO m.t VALUES (1, 9223372036854775807, -1.5, 0.1, 1.5, 'text', 'long text', x'00ff', '2024-02-29', '2024-02-29 01:02:03.123', \
     '-10:11:12', '2024-01-01 00:00:00', 2024, 'b', 'x,z', b'101', '{\"a\": [1, null, \"x\"]}')",
    "INSERT INTO m.t (id, v) VALUES (2, 'two'), (3, NULL), (4, '')",
    "UPDATE m.t SET v = 'changed', n = id WHERE id > 1",
    "CREATE TABLE m.u (a INT, b VARCHAR(20))",
    "INSERT INTO m.u VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    "UPDATE m.u SET b = 'y' WHERE a = 1",
    "DELETE FROM m.t WHERE id = 3",
    "ALTER TABLE m.u ADD COLUMN c INT DEFAULT 7",
    "CREATE VIEW m.w AS SELECT a FROM m.u",
    "CREATE USER m@m IDENTIFIED WITH mysql_native_password AS ''",
    "GRANT SELECT ON m.* TO m@m",
    "TRUNCATE TABLE m.u",
    "DROP USER m@m",
    "DROP DATABASE m",
];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Random numbers, by xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }

    fn place(&mut self, bytes: &[u8]) -> usize {
        self.roll(bytes.len() as u64) as usize
    }
}

/// The events of a log of [`CHANGES`] without its format, as of another server; `None` where a peer is missing.
fn logged(version: &str) -> Option<Vec<Vec<u8>>> {
    let world = World::start(&[version])?;
    let mut root = world.root();
    run(&mut root, "RESET MASTER");
    CHANGES.iter().for_each(|statement| run(&mut root, statement));
    let log = std::fs::read(world.server.folder().join("data/binlog.000001")).unwrap();
    let (mut rest, mut reader) = (log.as_slice(), Reader::file(Limits::default()));
    let mut events = Vec::new();
    while let Some(event) = reader.next(&mut rest).unwrap() {
        let mut bytes = event.bytes.to_vec();
        bytes[5..9].copy_from_slice(&SERVER_ID.to_le_bytes());
        events.push(bytes);
    }
    Some(events.split_off(1))
}

/// Changes an event; its size and its checksum are right afterwards, mostly.
fn mutate(dice: &mut Dice, event: &mut Vec<u8>, others: &[Vec<u8>]) {
    const HEADER: usize = 19;
    match dice.roll(8) {
        0..=3 => {
            for _ in 0..=dice.roll(3) {
                // The type and the flags are changed as well, the other fields of the header seldom.
                let at = if dice.roll(6) == 0 {
                    4 + 13 * dice.roll(2) as usize
                } else {
                    HEADER + dice.place(&event[HEADER..])
                };
                event[at] = dice.roll(256) as u8;
            }
        }
        4 => event.truncate(HEADER + dice.place(&event[HEADER..]) + 1),
        5 => {
            let other = &others[dice.roll(others.len() as u64) as usize];
            let from = dice.place(other);
            event.extend_from_slice(&other[from..]);
        }
        6 => {
            let (from, length) = (HEADER + dice.place(&event[HEADER..]), dice.roll(9) as usize);
            let end = (from + length).min(event.len());
            event.drain(from..end);
        }
        _ => {
            let at = HEADER + dice.place(&event[HEADER..]);
            event.splice(at..at, [0xff; 9]);
        }
    }
    if dice.roll(20) > 0 {
        event.resize(event.len().max(HEADER + 4), 0);
        let size = (event.len() as u32).to_le_bytes();
        event[9..13].copy_from_slice(&size);
    }
}

/// Sends the log, in which events are changed, left out, repeated and exchanged.
fn send(stream: &mut Stream<'_>, seed: u64, events: &[Vec<u8>]) -> Result<(), Error> {
    let mut dice = Dice(seed | 1);
    stream.begin()?;
    let (length, changes) = (events.len() as u64, 1 + dice.roll(3));
    for event in events {
        let mut event = event.clone();
        if dice.roll(length) < changes {
            match dice.roll(6) {
                0 => continue,
                1 => event.clone_from(&events[dice.roll(length) as usize]),
                _ => mutate(&mut dice, &mut event, events),
            }
        }
        stream.position = stream.position.wrapping_add(event.len() as u32);
        if event.len() > 23 && dice.roll(200) > 0 {
            let position = stream.position;
            relocate(&mut event, position, Checksum::Crc32);
        }
        stream.raw(&event)?;
    }
    stream.statement("CREATE DATABASE behind")
}

#[test]
fn changed_logs_end_in_an_error_or_at_their_end() {
    let Some(world) = World::start(&[]) else { return };
    let (seed, rounds) = (number("SEALWIRE_SOURCES_SEED", 1), number("SEALWIRE_SOURCES_ROUNDS", 20));
    let logs = ["--version=10.11.99-MariaDB-Sealwire", "--version=8.0.99-Sealwire"]
        .map(|version| Arc::new(logged(version).unwrap()));
    println!("seed {seed}, {rounds} rounds, {} and {} events", logs[0].len(), logs[1].len());
    let mut failed = 0;
    for round in 0..rounds {
        let seed = (seed + round).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let own = Arc::clone(&logs[round as usize % 2]);
        let name = format!("seed {seed:#x}");
        let mut attack: Attack<'_> =
            world.attack(&name, FLAVOURS[round as usize % 2], move |stream| send(stream, seed, &own));
        let behind = || !rows(&mut world.root(), "SHOW DATABASES LIKE 'behind'").is_empty();
        // A transaction whose end was changed waits for more.
        let is_waiting = |state: &str| state.contains("waiting for more updates");
        let mut waited = 0;
        let status = attack.until(move |status| {
            waited = if is_waiting(&status["Slave_SQL_Running_State"]) { waited + 1 } else { 0 };
            error(status).0 != 0 || waited > 20 || behind()
        });
        println!("{name}: {:?}", error(&status));
        failed += u64::from(error(&status).0 != 0);
        attack.end();
        let mut root = world.root();
        run(&mut root, "DROP USER IF EXISTS m@m");
        for database in rows(&mut root, "SHOW DATABASES") {
            let name = &database["Database"];
            if !["d", "information_schema", "mysql", "performance_schema", "sys"].contains(&name.as_str()) {
                run(&mut root, &format!("DROP DATABASE `{}`", name.replace('`', "``")));
            }
        }
    }
    println!("{failed} of {rounds} failed; {} MiB", world.memory());
    assert!(failed * 4 > rounds, "only {failed} of {rounds} failed");
    assert!(world.memory() < 500, "{} MiB", world.memory());
}
