//! The values that the rows of statements and tables have in common.

use std::time::{SystemTime, UNIX_EPOCH};

use sealwire_core::facts::Verification;
use sealwire_core::tls::CertificateInfo;

use super::super::channel::Thread;
use super::super::filters::FilterLists;
use super::snapshot::Snapshot;
use crate::engine::{SystemTable, date_time};
use crate::sql::{Datum, text};

/// A value with the name and the type of its column.
pub(crate) type Cell = (&'static str, &'static str, Datum);

pub(super) const NAME: &str = "VARCHAR(255)";
pub(super) const LONG: &str = "VARCHAR(1024)";
pub(super) const NUMBER: &str = "BIGINT UNSIGNED";
pub(super) const YES_OR_NO: &str = "VARCHAR(10)";

pub(super) fn yes(is_so: bool) -> Datum {
    text(if is_so { "Yes" } else { "No" })
}

pub(super) fn name(bytes: &[u8]) -> Datum {
    text(String::from_utf8_lossy(bytes))
}

pub(super) fn numbers(all: &[u32]) -> Datum {
    text(all.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
}

pub(super) fn optional(number: Option<u64>) -> Datum {
    number.map_or(Datum::Null, Datum::UInt)
}

pub(super) fn error(thread: &Thread) -> (Datum, Datum) {
    match &thread.error {
        Some((error, _)) => (Datum::UInt(error.code.into()), text(error.message.as_str())),
        None => (Datum::UInt(0), text("")),
    }
}

/// The time of an error as `YYMMDD hh:mm:ss`, as MySQL has it in this statement.
pub(super) fn error_time(thread: &Thread) -> Datum {
    let Some((_, at)) = &thread.error else { return text("") };
    let full = moment(Some(*at)).to_text();
    let short = full.get(2..19).unwrap_or_default().replacen('-', "", 2);
    text(short)
}

/// A time with microseconds in UTC; the zero date for none.
pub(super) fn moment(at: Option<SystemTime>) -> Datum {
    let Some(at) = at else { return text("0000-00-00 00:00:00.000000") };
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    text(format!("{}.{:06}", date_time(since.as_secs().cast_signed()), since.subsec_micros()))
}

pub(super) fn filter(lists: &FilterLists, name: &'static str) -> Datum {
    text(lists.list(name).join(","))
}

pub(super) fn rewrites(lists: &FilterLists) -> Datum {
    let pairs = lists.list("REPLICATE_REWRITE_DB").iter().filter_map(|pair| pair.split_once("->"));
    text(pairs.map(|(from, to)| format!("({from},{to})")).collect::<Vec<_>>().join(","))
}

/// How the channel is secured at this moment. Without a connection, and over plaintext, the values are empty.
pub(super) fn security(of: &Snapshot) -> Vec<Cell> {
    let tls = of.tls.as_ref();
    let peer = tls.and_then(|tls| tls.peer_chain.first()).and_then(|der| CertificateInfo::from_der(der).ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = peer.as_ref().map(|peer| (peer.not_after.cast_signed() - now.cast_signed()).div_euclid(86_400));
    let verification = tls.map_or("", |tls| match tls.verification {
        Verification::None => "none",
        Verification::Ca => "CA",
        Verification::CaAndIdentity => "CA and identity",
        Verification::SystemRootsAndIdentity => "system roots and identity",
        Verification::Fingerprint => "fingerprint",
    });
    vec![
        ("Source_TLS_Cipher", NAME, text(tls.map_or("", |tls| tls.cipher))),
        ("Source_TLS_Group", NAME, text(tls.and_then(|tls| tls.group).unwrap_or_default())),
        ("Source_TLS_Verification", NAME, text(verification)),
        ("Source_TLS_Peer_Subject", LONG, text(peer.map(|peer| peer.subject.to_string()).unwrap_or_default())),
        ("Source_TLS_Days_Left", "BIGINT", days.map_or(Datum::Null, Datum::Int)),
    ]
}

pub(super) fn tls_version(of: &Snapshot) -> Cell {
    ("Source_TLS_Version", NAME, text(of.tls.as_ref().map_or("", |tls| tls.version.name())))
}

/// The columns and rows that a function makes of channels.
pub(crate) fn table(channels: &[Snapshot], row: fn(&Snapshot) -> Vec<Cell>) -> SystemTable {
    let columns = row(&Snapshot::none()).into_iter().map(|(title, kind, _)| (title, kind)).collect();
    let values = |of: &Snapshot| row(of).into_iter().map(|(.., value)| value).collect();
    SystemTable { columns, rows: channels.iter().map(values).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::super::channel::Phase;
    use super::*;

    #[test]
    fn an_error_has_its_time() {
        let at = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let thread = Thread {
            phase: Phase::Stopped,
            doing: "",
            error: Some((sealwire_core::error::SqlError::new(1236, b"HY000", "gone"), at)),
        };
        assert_eq!(error_time(&thread), text("010909 01:46:40"));
        assert_eq!(moment(Some(at)), text("2001-09-09 01:46:40.000000"));
    }
}
