//! A hostile replica: it has an account, and sends anything.

use std::time::Instant;

use sealwire_tests::clients;
use sealwire_tests::programs::needs;

use super::raw::{NON_BLOCK, Raw, dump, dump_gtid, register};
use super::world::{MARIADB, World, sql};

const PEERS: &[&str] = &["mariadb", "openssl"];
const MYSQL: &str = "--version=8.0.99-Sealwire";

/// A text in the rows, which nobody may see without the right.
const ROW: &str = "confidential";

/// A primary with an account for a replica and one that may do nothing, both without a password, and with a little log.
fn world(options: &[&str]) -> World {
    let world = World::new(options);
    sql(
        world.ours(),
        &format!(
            "SET sql_log_bin = 0; CREATE USER raw@'%' IDENTIFIED WITH mysql_native_password AS ''; GRANT REPLICATION SLAVE ON *.* TO raw@'%';
             CREATE USER nobody@'%' IDENTIFIED WITH mysql_native_password AS ''; SET sql_log_bin = 1;
             CREATE DATABASE d; CREATE TABLE d.t (a INT, b TEXT); INSERT INTO d.t VALUES (1, '{ROW}')"
        ),
    );
    world
}

/// Checks that the server serves others, that no dump runs on, and that it found no bug in itself.
#[track_caller]
fn assert_well(world: &World) {
    let begin = Instant::now();
    while sql(world.ours(), "SHOW PROCESSLIST").contains("Binlog Dump") {
        assert!(begin.elapsed().as_secs() < 30, "a dump of a client that is gone goes on");
    }
    let log = world.ours().log();
    assert!(!log.contains("panicked") && !log.contains("bug in sealwired"), "{log}");
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

#[test]
fn without_the_privilege_nobody_gets_anything() {
    if !needs(PEERS) {
        return;
    }
    for version in [MARIADB, MYSQL] {
        let world = world(&[version, "--gtid-mode=ON"]);
        let mut client = Raw::connect(&world, "nobody");
        client.send(&register(5));
        let refused = client.next().unwrap();
        assert_eq!(refused[..3], [0xff, 0x15, 0x04], "1045");
        for command in [dump(b"binlog.000001", 4, NON_BLOCK, 5), dump(b"", 4, 0, 0), dump_gtid(b"", 4, NON_BLOCK, &[])]
        {
            let ended = Raw::connect(&world, "nobody").dump(&command);
            let (code, why) = ended.error.unwrap();
            assert!(code == 1227 && why.contains("REPLICATION SLAVE"), "{code} {why}");
            assert!(ended.events.is_empty());
        }
        assert_eq!(sql(world.ours(), "SHOW REPLICAS"), "");
        assert_well(&world);
    }
}

/// Each command cut off at each byte, with each byte changed, and with more behind it.
#[test]
fn malformed_commands_end_with_an_error_or_a_stream() {
    if !needs(PEERS) {
        return;
    }
    let world = world(&[MYSQL, "--gtid-mode=ON"]);
    let mut set = 1_u64.to_le_bytes().to_vec();
    set.extend([7; 16]);
    for number in [1_u64, 5, 9] {
        set.extend(number.to_le_bytes());
    }
    let commands =
        [register(5), dump(b"binlog.000001", 4, NON_BLOCK, 5), dump_gtid(b"binlog.000001", 4, NON_BLOCK, &set)];
    let (mut refused, mut served) = (0, 0);
    for command in commands {
        let mut variants: Vec<Vec<u8>> = (1..command.len()).map(|length| command[..length].to_vec()).collect();
        for at in 1..command.len() {
            for byte in [0, 0x7f, 0xff] {
                let mut changed = command.clone();
                changed[at] = byte;
                variants.push(changed);
            }
        }
        variants.push([&command[..], &[0xff; 300]].concat());
        for variant in variants {
            let mut client = Raw::connect(&world, "raw");
            client.send(&variant);
            match client.next() {
                Some(answer) if answer[0] == 0xff => {
                    assert!(answer.len() > 12 && answer[3] == b'#', "{variant:02x?}: no code and sentence");
                    refused += 1;
                }
                Some(answer) => {
                    assert!(answer[0] == 0 || answer[0] == 0xfe, "{variant:02x?}: {answer:02x?}");
                    served += 1;
                }
                None => panic!("{variant:02x?}: no answer"),
            }
        }
    }
    assert!(refused > 100 && served > 50, "{refused} refused, {served} served");
    assert_well(&world);
}

/// The name of a file is compared with the log's, and never opened.
#[test]
fn no_name_leads_to_another_file() {
    if !needs(PEERS) {
        return;
    }
    let world = world(&[MARIADB]);
    let secret = std::fs::read(world.log_file("accounts.sql")).unwrap();
    assert!(contains(&secret, b"raw"));
    let long = vec![b'a'; 70_000];
    for name in [
        &b"../accounts.sql"[..],
        b"accounts.sql",
        b"accounts.secret",
        b"binlog.index",
        b"d.sqlite",
        b"./binlog.000001",
        b"../data/binlog.000001",
        b"/etc/passwd",
        b"binlog.000001/",
        b"binlog.00000",
        b"binlog.0000011",
        b"BINLOG.000001",
        b"binlog.000001 ",
        b"%s%n",
        b"\xff\xfe",
        &long,
    ] {
        for command in [dump(name, 4, NON_BLOCK, 5), dump_gtid(name, 4, NON_BLOCK, &[])] {
            let ended = Raw::connect(&world, "raw").dump(&command);
            let (code, why) = ended.error.unwrap();
            let is_unknown = code == 1236 && why == "Could not find first log file name in binary log index file";
            assert!(is_unknown, "{}: {code} {why}", String::from_utf8_lossy(name));
            assert!(ended.events.is_empty());
        }
    }
    // A name ends at its first NUL, as in both products; the part before it is a file of the log, or none.
    assert!(
        Raw::connect(&world, "raw")
            .dump(&dump(b"\0../accounts.sql", 4, NON_BLOCK, 5))
            .error
            .is_some_and(|(code, _)| code == 1236)
    );
    assert_well(&world);
}

/// A dump begins where an event begins, and nowhere else.
#[test]
fn no_position_shows_a_part_of_an_event() {
    if !needs(PEERS) {
        return;
    }
    let world = world(&[MARIADB]);
    sql(world.ours(), "FLUSH BINARY LOGS; INSERT INTO d.t VALUES (2, 'x')");
    let file = std::fs::read(world.log_file("binlog.000001")).unwrap();
    let mut starts = vec![4];
    let mut at = 4;
    while at < file.len() {
        at += u32::from_le_bytes(file[at + 9..at + 13].try_into().unwrap()) as usize;
        starts.push(at);
    }
    let begin = |command: &[u8]| {
        let mut client = Raw::connect(&world, "raw");
        assert_eq!(client.run(b"SET @master_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4"), None);
        client.dump(command)
    };
    let mut found = Vec::new();
    for position in
        (0..file.len() + 5).filter(|position| starts.contains(position) || position % 7 == 3 || *position < 60)
    {
        let ended = begin(&dump(b"binlog.000001", position as u32, NON_BLOCK, 5));
        match ended.error {
            None => found.push(position),
            Some((1236, why)) => assert!(
                why.contains("impossible position") || why.contains("truncated in the middle of event"),
                "{position}: {why}"
            ),
            Some(other) => panic!("{position}: {other:?}"),
        }
    }
    // 0 stands for the beginning.
    starts.insert(0, 0);
    assert_eq!(found, starts);
    let beyond =
        [dump(b"binlog.000001", u32::MAX, NON_BLOCK, 5), dump_gtid(b"binlog.000001", (1 << 32) + 4, NON_BLOCK, &[])];
    for command in beyond.into_iter().chain([dump_gtid(b"binlog.000001", u64::MAX, NON_BLOCK, &[])]) {
        let (code, why) = begin(&command).error.unwrap();
        assert!(code == 1236 && why.contains("impossible position"), "{code} {why}");
    }
    assert_well(&world);
}

/// A million GTIDs are read in time and memory that a million bytes of another statement take, too.
#[test]
fn a_million_gtids_are_read_or_refused() {
    if !needs(PEERS) {
        return;
    }
    const MANY: u64 = 1_000_000;
    let mysql = world(&[MYSQL, "--gtid-mode=ON"]);
    let uuid = sql(mysql.ours(), "SELECT @@server_uuid").trim().replace('-', "");
    let uuid: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&uuid[2 * at..2 * at + 2], 16).unwrap()).collect();
    let set = |ranges: &mut dyn Iterator<Item = (u64, u64)>, count: u64| {
        let mut set = 1_u64.to_le_bytes().to_vec();
        set.extend(&uuid);
        set.extend(count.to_le_bytes());
        for (first, behind) in ranges {
            set.extend(first.to_le_bytes());
            set.extend(behind.to_le_bytes());
        }
        set
    };
    let dumped = |set: &[u8]| {
        let mut client = Raw::connect(&mysql, "raw");
        client.run(b"SET @source_binlog_checksum = 'CRC32'");
        client.dump(&dump_gtid(b"", 4, NON_BLOCK, set))
    };
    // The first three are the definitions and the row.
    let all = dumped(&set(&mut std::iter::repeat_n((1, 4), MANY as usize), MANY));
    assert!(all.error.is_none() && !all.events.iter().any(|event| contains(event, ROW.as_bytes())), "{:?}", all.error);
    let some = dumped(&set(&mut std::iter::repeat_n((1, 3), MANY as usize), MANY));
    assert!(some.events.iter().any(|event| contains(event, ROW.as_bytes())));
    let (code, why) = dumped(&set(&mut (0..MANY).map(|number| (2 * number + 1, 2 * number + 2)), MANY)).error.unwrap();
    assert!(code == 1236 && why.contains("Slave has more GTIDs than the master has"), "{code} {why}");
    for wrong in [
        set(&mut [(1, 4)].into_iter(), 2),
        set(&mut [(4, 1)].into_iter(), 1),
        [set(&mut [(1, 4)].into_iter(), 1), vec![0]].concat(),
    ] {
        assert_eq!(dumped(&wrong).error.unwrap().0, 1835);
    }
    let (code, why) = dumped(&u64::MAX.to_le_bytes()).error.unwrap();
    assert!(code == 1835, "{code} {why}");
    assert_well(&mysql);

    let mariadb = world(&[MARIADB]);
    let before = clients::resident(mariadb.ours().id());
    let list = |domain: fn(u64) -> u64| {
        let gtids: Vec<String> = (0..MANY).map(|number| format!("{}-1-1", domain(number))).collect();
        format!(
            "SET @slave_connect_state = '{}', @mariadb_slave_capability = 4, @master_binlog_checksum = 'CRC32'",
            gtids.join(",")
        )
    };
    for (list, expected) in [(list(|number| number), None), (list(|_| 0), Some(1941))] {
        let mut client = Raw::connect(&mariadb, "raw");
        assert_eq!(client.run(list.as_bytes()), None);
        let ended = client.dump(&dump(b"", 4, NON_BLOCK, 5));
        assert_eq!(ended.error.map(|(code, _)| code), expected);
    }
    assert_well(&mariadb);
    let grown = clients::resident(mariadb.ours().id()).saturating_sub(before);
    assert!(grown < 400 << 10, "{grown} KiB for a list of 10 MB");
}
