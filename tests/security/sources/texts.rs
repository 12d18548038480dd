//! Names and errors of a source that try to lead elsewhere, or to write lines of the log.

use sealwire_core::SqlError;

use super::world::{FLAVOURS, World, rows};

const TEXT: &str = "\x1b]0;owned\x07\n2026-01-01T00:00:00Z 0 [Note] a line of the source's";

#[test]
fn names_lead_to_no_file_and_texts_stay_in_their_line() {
    let Some(world) = World::start(&[]) else { return };
    let outside = world.place.path().join("evil");
    let long = "x".repeat(60_000);
    let up = format!("../../../../../../../../{}", outside.display());
    for (number, name) in
        [&*up, "../data/accounts.sql", "accounts.sql", "d.sqlite", "relay-bin.000001", "a\0b", TEXT, &long, ""]
            .iter()
            .enumerate()
    {
        let sent = (*name).to_owned();
        let mut attack = world.attack("a name", FLAVOURS[number % 2], move |stream| {
            stream.begin()?;
            stream.rotate(sent.as_bytes())?;
            stream.statement("REPLACE INTO d.t VALUES (4, 'reached')")?;
            stream.error(SqlError::new(1236, b"HY000", TEXT));
            Ok(())
        });
        let (code, said) = attack.refused();
        assert!([1236, 1593, 1594].contains(&code), "{name:?}: {code} {said}");
        assert!(said.chars().all(|character| !character.is_control()), "{name:?}: {said:?}");
        attack.end();
    }
    assert!(!outside.exists());
    let log = world.server.log();
    assert!(!log.contains('\x1b') && !log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")), "{log}");
    let names = std::fs::read_dir(world.server.folder().join("data")).unwrap().flatten();
    let relay: Vec<_> =
        names.map(|file| file.file_name()).filter(|name| name.to_string_lossy().contains("relay")).collect();
    assert!(relay.is_empty(), "{relay:?}");
    // The accounts are as they were.
    assert_eq!(rows(&mut world.root(), "SELECT CURRENT_USER() AS u")[0]["u"], "root@localhost");
}
