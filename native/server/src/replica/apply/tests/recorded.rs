//! A log of MariaDB 10.11.

use super::*;

const LOG: &[u8] = include_bytes!("../../../../../../core/binlog/tests/data/mariadb-10.11.binlog");

/// Applies all groups; those that can't be applied are left out, and their errors returned.
fn apply_all(applier: &mut Applier, log: &[u8]) -> Vec<String> {
    let (mut errors, mut is_skipping) = (Vec::new(), false);
    each(log, |event| {
        let begins = event.header.event_type == EventType::MARIADB_GTID;
        if is_skipping && !begins {
            return;
        }
        is_skipping = false;
        if let Err(error) = applier.apply(event, place(event)) {
            errors.push(format!("{} {}", error.error.code, error.error.message));
            is_skipping = true;
        }
    });
    errors
}

/// The recorded values by the numbers of their tables, as a query shows them; those of types that this server lacks are left out.
fn expected() -> Vec<(usize, String)> {
    let lines = include_str!("../../../../../../core/binlog/tests/data/rows.txt").lines().enumerate();
    let value = |(number, line): (usize, &str)| {
        let what = line.split("type=").next().unwrap().trim();
        let (sql, literal) = what.rsplit_once("  ").or_else(|| what.rsplit_once(' ')).unwrap();
        let shown = match (sql.trim(), literal) {
            ("inet6" | "inet4", _) => return None,
            (sql, _) if sql.contains("compressed") => return None,
            ("decimal(65,30)", _) => "-1.500000000000000000000000000000".to_owned(),
            ("binary(5)", _) => "ab\0\0\0".to_owned(),
            ("point", _) => return None,
            ("year", "0") => "0000".to_owned(),
            ("timestamp null", "'0000-00-00'") => "0000-00-00 00:00:00".to_owned(),
            (kind, literal) if literal.starts_with("b'") => {
                let bits: usize = kind.trim_start_matches("bit(").trim_end_matches(')').parse().unwrap_or(1);
                let number = u64::from_str_radix(literal.trim_matches(['b', '\'']), 2).unwrap();
                String::from_utf8_lossy(&number.to_be_bytes()[8 - bits.div_ceil(8)..]).into_owned()
            }
            (_, literal) => literal.trim_matches('\'').to_owned(),
        };
        Some((number, shown))
    };
    lines.filter_map(value).collect()
}

#[test]
fn a_log_of_mariadbs_is_applied() {
    let world = World::new();
    let mut applier = world.applier();
    let errors = apply_all(&mut applier, LOG);
    let values = expected();
    assert!(values.len() > 50);
    for (number, value) in values {
        assert_eq!(world.rows(&format!("SELECT c FROM ty.t{number}")), [value], "t{number}");
    }
    let long = "abc".repeat(200);
    assert_eq!(world.rows("SELECT a, b, c, d FROM ty.n")[..2], ["9 7 q NULL".to_owned(), format!("10 NULL zz {long}")]);
    assert_eq!(world.rows("SELECT a FROM ty.m ORDER BY a"), ["11", "12", "50", "60", "71", "80"]);
    assert_eq!(world.rows("SELECT COUNT(*), MIN(a), MAX(a) FROM ty.fk"), ["3004 1 3100"]);
    assert_eq!(world.rows("SELECT COUNT(b) FROM ty.at"), ["0"], "the two phases of ALTER are one");
    assert_eq!(applier.positions().gtids, "0-11-172,7-11-100");
    assert_eq!((&*applier.positions().file, applier.positions().position), (FILE, 48_496));

    let lacks = |what: &str| errors.iter().filter(|error| error.contains(what)).count();
    for (what, count) in [
        ("'inet6'", 1),
        ("'inet4'", 1),
        ("compressed", 3),
        ("a fraction of a second", 1),
        ("CREATE PROCEDURE", 1),
        ("INVISIBLE", 1),
        ("sequence ty.s", 1),
        // Rows of the tables that are missing.
        ("Error executing row event: 'Table 'ty.", 7),
    ] {
        assert_eq!(lacks(what), count, "{what}: {errors:#?}");
    }
    assert_eq!(errors.len(), 16, "{errors:#?}");
}

#[test]
fn what_was_applied_is_not_applied_again() {
    let world = World::new();
    apply_all(&mut world.applier(), LOG);
    let before = world.rows("SELECT a FROM ty.m ORDER BY a");
    let restarted = world.restarted();
    let mut applier = restarted.applier();
    assert_eq!(applier.positions().gtids, "0-11-172,7-11-100");
    let ended = feed(&mut applier, LOG).unwrap();
    assert!(ended.len() > 150 && ended.iter().all(|boundary| *boundary == Boundary::Skipped));
    assert_eq!(restarted.rows("SELECT a FROM ty.m ORDER BY a"), before);
}
