//! Comparison of places in a source's log: GTIDs, as either product writes them, and positions.

use sealwire_binlog::{GtidSet, MariaDbGtid, MariaDbGtidSet};

/// Whether all GTIDs of `wanted` are among those applied.
pub(super) fn has_all(applied: &str, wanted: &str) -> bool {
    if wanted.contains(':') {
        return match (applied.parse::<GtidSet>(), wanted.parse::<GtidSet>()) {
            (Ok(applied), Ok(wanted)) => applied.contains_all(&wanted),
            _ => false,
        };
    }
    match (applied.parse::<MariaDbGtidSet>(), wanted.parse::<MariaDbGtidSet>()) {
        (Ok(applied), Ok(wanted)) => {
            wanted.iter().all(|gtid| applied.last(gtid.domain).is_some_and(|last| last.sequence >= gtid.sequence))
        }
        _ => false,
    }
}

/// MariaDB's `gtid_current_pos`: the last GTIDs that were applied, or that this server gave itself, whichever have the larger numbers.
pub(crate) fn current_position(applied: MariaDbGtidSet, own: impl Iterator<Item = MariaDbGtid>) -> MariaDbGtidSet {
    let mut position = applied;
    for gtid in own {
        if position.last(gtid.domain).is_none_or(|last| last.sequence < gtid.sequence) {
            // A full set keeps what it has.
            let _ = position.set(gtid);
        }
    }
    position
}

/// Compares two places in a log's files, whose names grow with their numbers.
pub(super) fn is_at_or_behind(place: (&str, u64), other: (&str, u64)) -> bool {
    let order = |(file, position): (&str, u64)| (file.len(), file.to_owned(), position);
    !place.0.is_empty() && order(place) >= order(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_position_has_the_later_gtids() {
        let own = |domain, sequence| MariaDbGtid { domain, server: 7, sequence };
        let position =
            current_position("0-11-5,1-11-9".parse().unwrap(), [own(0, 6), own(1, 8), own(2, 1)].into_iter());
        assert_eq!(position.to_string(), "0-7-6,1-11-9,2-7-1");
    }

    #[test]
    fn a_position_has_all_before_it() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        for (applied, wanted, expected) in [
            ("0-11-5,1-1-1", "0-12-4", true),
            ("0-11-5", "0-11-6", false),
            ("0-11-5", "1-11-1", false),
            ("", "", true),
            (&format!("{uuid}:1-9"), &format!("{uuid}:3-4"), true),
            (&format!("{uuid}:1-9"), &format!("{uuid}:10"), false),
            ("0-11-5", "nonsense", false),
        ] {
            assert_eq!(has_all(applied, wanted), expected, "{applied} {wanted}");
        }
    }
}
