//! Random statements on a server with a binary log, whose log a replica applies; and the replica's own log, which another replica applies.

use std::sync::atomic::Ordering;

use sealwire_binlog::{Checksum, Flavour};

use super::*;
use crate::engine::{EngineSession, SqliteEngine, TransactionStep};
use crate::replication::{Format, LogFiles, LogSettings};
use crate::settings::{self, Value};

/// A server with a binary log and a number.
fn logging(server_id: u32, flavour: Flavour) -> World {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    initialize::make(&path, Initialize::NoPassword, Plugin::CachingSha2Password, &OsRandom::new()).unwrap();
    let settings = LogSettings::default();
    settings.server_id.store(server_id, Ordering::Relaxed);
    for most in [&settings.max_size, &settings.max_cache, &settings.max_disk] {
        most.store(1 << 30, Ordering::Relaxed);
    }
    let version = if flavour == Flavour::MariaDb { "10.11.9-MariaDB" } else { "8.0.99" };
    let format = Format {
        flavour,
        version: version.into(),
        checksum: Checksum::Crc32,
        domain: 0,
        has_gtids: true,
        uuid: [server_id as u8; 16],
    };
    let files = LogFiles::new(&path, "").unwrap();
    let engine = SqliteEngine::new(&path);
    let log = BinaryLog::open(files, format, settings, &engine, None).unwrap();
    let server = World::open(&path, Some(Arc::new(log)));
    server.globals.set(settings::find("server_id").unwrap(), &Value::Number(server_id.into()));
    World { server, directory: Arc::new(directory) }
}

impl World {
    /// The bytes of its binary log.
    fn log(&self) -> Vec<u8> {
        std::fs::read(self.directory.path().join("data/binlog.000001")).unwrap()
    }
}

/// Pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn pick<'s>(&mut self, all: &[&'s str]) -> &'s str {
        all[self.roll(all.len() as u64) as usize]
    }

    /// A value for each column behind the key, or NULL.
    fn values(&mut self) -> Vec<(&'static str, String)> {
        let date = format!("'20{:02}-{:02}-{:02}'", self.roll(38), 1 + self.roll(12), 1 + self.roll(28));
        let at = format!("{} {:02}:{:02}:{:02}", &date[..11], self.roll(24), self.roll(60), self.roll(60));
        let text = self.pick(&["", "a", "A", "ä€ `\"", "x y", "a\\\\b"]).to_owned();
        let values = vec![
            ("t", (self.roll(256) as i64 - 128).to_string()),
            ("bu", self.roll(1 << 63).to_string()),
            ("f", format!("{}.{}", self.roll(1000), self.roll(100))),
            ("d", format!("{}e-{}", self.roll(1 << 50), self.roll(20))),
            ("n", format!("-{}.{:02}", self.roll(1_000_000), self.roll(100))),
            ("bi", self.roll(4096).to_string()),
            ("y", (1901 + self.roll(255)).to_string()),
            ("da", date.clone()),
            (
                "ti",
                format!("'-{:02}:{:02}:{:02}.{:03}'", self.roll(839), self.roll(60), self.roll(60), self.roll(1000)),
            ),
            ("dt", format!("{at}.{:06}'", self.roll(1_000_000))),
            ("ts", format!("{at}'")),
            ("c", format!("'{text}'")),
            ("v", format!("'{text}'")),
            ("vb", format!("x'{:04x}'", self.roll(65_536))),
            ("tx", format!("'{text}{}'", "z".repeat(self.roll(300) as usize))),
            ("e", self.pick(&["'x'", "'y'", "'ü'"]).to_owned()),
            ("se", self.pick(&["''", "'a'", "'a,c'", "'a,b,c'"]).to_owned()),
            ("j", format!("'{{\"k\": [{}, \"x\"]}}'", self.roll(1000))),
        ];
        values
            .into_iter()
            .map(|(name, value)| (name, if self.roll(5) == 0 { "NULL".to_owned() } else { value }))
            .collect()
    }

    /// A change of one of the tables.
    fn statement(&mut self) -> String {
        let table = self.pick(&["keyed", "unique_only", "keyless"]);
        let values = self.values();
        let key = 1 + self.roll(40);
        match self.roll(9) {
            0..=3 => {
                let (names, row): (Vec<_>, Vec<_>) = values.into_iter().unzip();
                format!("INSERT INTO {table} (id, {}) VALUES ({key}, {})", names.join(", "), row.join(", "))
            }
            4 => format!("REPLACE INTO {table} (id, t, v) VALUES ({key}, 1, 'replaced')"),
            5 => format!("DELETE FROM {table} WHERE id = {key}"),
            6 => format!("UPDATE {table} SET t = t + 1 WHERE id % 7 = {} AND t < 100", self.roll(7)),
            _ => {
                let set: Vec<String> = values
                    .iter()
                    .skip(self.roll(14) as usize)
                    .take(4)
                    .map(|(name, value)| format!("{name} = {value}"))
                    .collect();
                format!("UPDATE {table} SET {} WHERE id = {key}", set.join(", "))
            }
        }
    }
}

const COLUMNS: &str = "t TINYINT, bu BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(12,2), bi BIT(12), y YEAR, da DATE, ti TIME(3), dt DATETIME(6), \
     ts TIMESTAMP NULL, c CHAR(10), v VARCHAR(300), vb VARBINARY(300), tx TEXT, e ENUM('x','y','ü'), se SET('a','b','c'), j JSON";

const SHOWN: &str =
    "id, t, bu, f, d, n, bi, y, da, ti, dt, ts, HEX(c), HEX(v), HEX(vb), HEX(tx), e, se, JSON_EXTRACT(j, '$.k')";

/// Runs random statements; those that fail change nothing.
fn workload(world: &World, seed: u64, statements: usize) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut session = world.server.engine.session().unwrap();
    let context: Arc<dyn SessionContext> = Arc::new(Anyone);
    let run = |session: &mut Box<dyn EngineSession>, sql: &str| {
        let limits = Limits { is_logged: true, annotates: true, ..Limits::default() };
        let request = Request {
            sql,
            parameters: &[],
            database: Some("d"),
            context: &context,
            binary: false,
            autocommit: true,
            limits,
        };
        session.execute(&request, &mut Rows::default()).map(drop)
    };
    for definition in [
        format!("CREATE TABLE keyed (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, {COLUMNS})"),
        format!("CREATE TABLE unique_only (id INT NOT NULL, {COLUMNS}, UNIQUE KEY (id))"),
        format!("CREATE TABLE keyless (id INT, {COLUMNS})"),
    ] {
        run(&mut session, &definition).unwrap();
    }
    let mut done = 0;
    for number in 0..statements {
        if dice.roll(10) == 0 {
            session.transaction(&TransactionStep::Begin).unwrap();
            for savepoint in 0..dice.roll(4) {
                session.transaction(&TransactionStep::Savepoint(format!("s{savepoint}"))).unwrap();
                let _ = run(&mut session, &dice.statement());
                if dice.roll(3) == 0 {
                    session.transaction(&TransactionStep::RollbackTo(format!("s{savepoint}"))).unwrap();
                }
            }
            let end = if dice.roll(4) == 0 { TransactionStep::Rollback } else { TransactionStep::Commit };
            session.transaction(&end).unwrap();
        }
        done += usize::from(run(&mut session, &dice.statement()).is_ok());
        if number == statements / 2 {
            run(&mut session, "ALTER TABLE keyed ADD COLUMN more INT DEFAULT 3").unwrap();
            run(&mut session, "CREATE VIEW seen AS SELECT id FROM keyed").unwrap();
        }
    }
    assert!(done > statements / 3, "most statements fail");
}

fn contents(world: &World) -> Vec<String> {
    ["keyed", "unique_only", "keyless"]
        .iter()
        .flat_map(|table| {
            let more = if *table == "keyed" { ", more" } else { "" };
            let mut rows = world.rows(&format!("SELECT {SHOWN}{more} FROM d.{table}"));
            rows.sort();
            rows
        })
        .collect()
}

fn round_trip(flavour: Flavour, seed: u64) {
    eprintln!("seed {seed} of {flavour:?}");
    let primary = logging(1, flavour);
    primary.server.engine.create_database("d", None).unwrap();
    workload(&primary, seed, 150);
    let expected = contents(&primary);
    assert!(expected.len() > 10);

    let replica = logging(2, flavour);
    replica.server.engine.create_database("d", None).unwrap();
    let mut applier = replica.applier();
    feed(&mut applier, &primary.log()).unwrap();
    assert_eq!(contents(&replica), expected);
    let gtids = primary.server.log.as_ref().unwrap().gtids();
    let position = if flavour == Flavour::MariaDb { gtids.position_text() } else { gtids.transactions.to_string() };
    assert!(!position.is_empty() && applier.positions().gtids == position);
    assert_eq!(replica.server.log.as_ref().unwrap().gtids(), gtids, "the GTIDs are the source's");

    let last = logging(3, flavour);
    last.server.engine.create_database("d", None).unwrap();
    feed(&mut last.applier(), &replica.log()).unwrap();
    assert_eq!(contents(&last), expected);

    // All that comes back to the first server is its own.
    let mut back = primary.applier();
    let ended = feed(&mut back, &last.log()).unwrap();
    assert!(ended.len() > 50 && ended.iter().all(|boundary| *boundary == Boundary::Skipped));
    assert_eq!(contents(&primary), expected);
}

#[test]
fn a_replica_has_what_the_source_has() {
    for seed in [1, 2, 3] {
        round_trip(Flavour::MariaDb, seed);
        round_trip(Flavour::MySql, seed);
    }
}
