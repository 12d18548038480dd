//! Streams without an end: the replica's memory stays bounded, others are served, and STOP returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sealwire_binlog::{Body, UserValue, UserVar};
use sealwire_core::Error;
use sealwire_tests::source::Stream;

use super::world::{FLAVOURS, World, rows, run};

/// The bytes after which a stream is long enough.
const LONG: u64 = 24 << 20;

type Put = fn(&mut Stream<'_>, u64) -> Result<(), Error>;

/// The floods: a name, whether all is within one transaction, and the event that is repeated.
const FLOODS: &[(&str, bool, Put)] = &[
    ("statements", true, |stream, _| {
        stream.query("d", &format!("INSERT INTO d.t VALUES (9, '{}')", "x".repeat(100_000)))
    }),
    ("savepoints", true, |stream, number| stream.query("d", &format!("SAVEPOINT s{number}{}", "x".repeat(2000)))),
    ("user variables", true, |stream, number| {
        let name = format!("v{number}");
        let text = vec![b'x'; 2000];
        let value = UserValue { kind: UserValue::STRING, charset: 45, data: &text, flags: None };
        stream.event(&Body::UserVar(UserVar { name: name.as_bytes(), value: Some(value) }))
    }),
    ("texts of rows", true, |stream, _| stream.event(&Body::AnnotateRows(&[b'x'; 2000]))),
    ("names of files", false, |stream, number| {
        stream.rotate(format!("bin.{number:06}{}", "x".repeat(2000)).as_bytes())
    }),
    ("groups", false, |stream, _| {
        stream.group(false)?;
        stream.query("d", &format!("SAVEPOINT s{}", "x".repeat(2000)))?;
        stream.event(&Body::Xid(1))
    }),
];

#[test]
fn endless_streams_take_little_memory_and_hinder_nobody() {
    let Some(world) = World::start(&["--relay-log-space-limit=8388608"]) else { return };
    let before = world.memory();
    for (number, (name, in_group, put)) in FLOODS.iter().enumerate() {
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let mut attack = world.attack(name, FLAVOURS[number % 2], move |stream| {
            stream.begin()?;
            if *in_group {
                stream.group(false)?;
            }
            for number in 0.. {
                put(stream, number)?;
                counted.store(u64::from(stream.position), Ordering::Relaxed);
            }
            Ok(())
        });
        let mut root = world.root();
        let status = attack.until(|status| {
            let is_full = status["Relay_Log_Space"].parse::<u64>().unwrap() > 8 << 20;
            sent.load(Ordering::Relaxed) > LONG || is_full || super::world::error(status).0 != 0
        });
        assert_eq!(rows(&mut root, "SELECT 'served' AS x")[0]["x"], "served");
        println!("{name}: {} bytes, {:?}", sent.load(Ordering::Relaxed), super::world::error(&status));
        attack.end();
        assert_eq!(rows(&mut root, "SHOW SLAVE STATUS").len(), 0);
        println!("{name}: {} MiB, {} bytes on disk", world.memory() - before, world.disk());
        assert!(world.disk() < 40 << 20, "{name}: {} bytes stay on the disk", world.disk());
    }
    let grown = world.memory() - before;
    assert!(grown < 200, "{grown} MiB");
    run(&mut world.root(), "DELETE FROM d.t WHERE a > 1");
}
