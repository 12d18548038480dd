//! Fuzzes the binary log's events: what is read is written and read back the same, and how the bytes are cut changes nothing.

use sealwire_binlog::{
    Body, Checksum, Event, EventFlags, EventHeader, EventType, Flavour, FormatDescription, GtidSet, HEADER, Head,
    Limits, MAGIC, MariaDbGtidSet, MariaDbGtidState, Reader, Writer, json,
};

/// The most bytes that an input may inflate to.
const MOST_INFLATED: usize = 1 << 16;
/// Inputs up to this length are cut at every offset.
const SHORT: usize = 300;

/// The first byte decides what the others are.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 6 {
        0 => file(data),
        1 => script(data, Flavour::MySql),
        2 => script(data, Flavour::MariaDb),
        3 => gtids(data),
        4 => document(data),
        _ => text(data),
    }
}

fn limits() -> Limits {
    let mut limits = Limits { event: 1 << 20, tables: 8, table_bytes: 1 << 16, ..Limits::default() };
    limits.inflate.most = MOST_INFLATED;
    limits
}

/// A file: after it has been read as a whole it is read in pieces.
fn file(data: &[u8]) {
    let whole = read(data, false);
    if data.len() > SHORT {
        return;
    }
    let (mut reader, mut from, mut seen) = (Reader::file(limits()), 0, Vec::new());
    for end in 0..=data.len() {
        let mut rest = &data[from..end];
        match reader.next(&mut rest) {
            Ok(Some(event)) => seen.push((event.position, event.header)),
            Ok(None) => assert!(reader.needed(rest).is_ok()),
            Err(_) => break,
        }
        from = end - rest.len();
    }
    // A piece may end behind an event's header, where the whole is refused by the bytes behind it; never the other way round.
    assert!(whole.starts_with(&seen) || seen.starts_with(&whole), "{whole:?} {seen:?}");
}

/// Reads a file up to its first error. `is_new` says that its format is that of a new server, in which all events are written.
fn read(data: &[u8], is_new: bool) -> Vec<(u64, EventHeader)> {
    let (mut reader, mut rest, mut seen) = (Reader::file(limits()), data, Vec::new());
    while let Ok(Some(event)) = reader.next(&mut rest) {
        check(&mut reader, &event, is_new);
        seen.push((event.position, event.header));
    }
    let _ = reader.finish(rest);
    assert!(reader.position() <= data.len() as u64 || data.len() < MAGIC.len());
    seen
}

/// Events whose bodies come from the input behind a format that is whole: type, flags, and the length of the body.
fn script(mut data: &[u8], flavour: Flavour) {
    let version: &[u8] = if flavour == Flavour::MySql { b"8.4.0" } else { b"11.4.2-MariaDB" };
    let format = FormatDescription::new(flavour, version, 0, Checksum::None);
    let mut bytes = Vec::new();
    Writer::file(&format, Head::default(), &mut bytes).expect("a format that is whole");
    while let Some((&[event_type, flags, length], rest)) = data.split_first_chunk::<3>() {
        let (body, rest) = rest.split_at(rest.len().min(length.into()));
        data = rest;
        let size = (HEADER + body.len()) as u32;
        let (event_type, flags) = (EventType(event_type), EventFlags(flags.into()));
        EventHeader { timestamp: 0, event_type, server_id: 1, size, end_log_pos: 0, flags }.encode(&mut bytes);
        bytes.extend(body);
    }
    read(&bytes, true);
}

/// Decodes an event, and compares it with what its encoding decodes to.
fn check(reader: &mut Reader, event: &Event<'_>, is_new: bool) {
    let Ok(body) = event.decode() else { return };
    if matches!(body, Body::Obsolete(_) | Body::Other(_)) {
        return;
    }
    if is_new && !matches!(body, Body::FormatDescription(_)) {
        compare(event, &body);
    }
    match body {
        Body::TransactionPayload(payload) => {
            let Ok(plain) = payload.inflate(&reader.limits().inflate) else { return };
            assert!(plain.len() <= MOST_INFLATED.max(payload.payload.len()));
            let mut inner = &*plain;
            while let Ok(Some(event)) = reader.next_inside(&mut inner) {
                check(reader, &event, is_new);
            }
        }
        Body::Query(query) => {
            assert!(query.sql.len() <= MOST_INFLATED.max(event.bytes.len()));
            query.status.iter().for_each(|variable| drop(format!("{variable:?}")));
        }
        Body::PreviousGtids(set) => gtids(set),
        Body::GtidList(list) => {
            let mut state = MariaDbGtidState::new();
            list.iter().for_each(|gtid| state.add(gtid).expect("few GTIDs"));
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        Body::Rows(rows) => {
            let Ok(rows) = rows.iter() else { return };
            rows.for_each(|row| drop(format!("{row:?}")));
        }
        _ => {}
    }
}

/// Decodes the encoding of a body.
fn compare(event: &Event<'_>, body: &Body<'_>) {
    let mut bytes = event.bytes[..HEADER].to_vec();
    body.encode(&mut bytes);
    let end = bytes.len();
    bytes.extend(event.checksum.map(u32::to_le_bytes).unwrap_or_default());
    let mut again = event.clone();
    again.bytes = &bytes;
    again.body = &bytes[HEADER..end];
    assert_eq!(again.decode().as_ref(), Ok(body));
}

/// A set of MySQL's GTIDs in binary form.
fn gtids(data: &[u8]) {
    let Ok(set) = GtidSet::decode(data) else { return };
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    assert_eq!(GtidSet::decode(&bytes).as_ref(), Ok(&set));
    let text = set.to_string();
    assert_eq!(text.parse().as_ref(), Ok(&set), "{text}");
    let mut rest = set.clone();
    rest.add_all(&set).expect("no more intervals than before");
    assert!(rest == set && set.contains_all(&rest));
    rest.subtract(&set);
    assert!(rest.is_empty());
}

/// A JSON document in binary form.
fn document(data: &[u8]) {
    let mut printed = String::new();
    let is_whole = json::to_text(data, &mut printed).is_ok();
    assert!(printed.len() <= 16 * data.len() + 64, "{} bytes of {}", printed.len(), data.len());
    json::diffs(data).for_each(drop);
    if is_whole {
        text(printed.as_bytes());
    }
}

/// A text: JSON, or GTIDs.
fn text(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut binary = Vec::new();
    if json::from_text(text, &mut binary).is_ok() {
        let (mut printed, mut again) = (String::new(), Vec::new());
        json::to_text(&binary, &mut printed).expect("what was encoded is printed");
        json::from_text(&printed, &mut again).expect("what was printed is JSON");
        assert!(binary == again, "{text} became {printed}");
    }
    if let Ok(set) = text.parse::<GtidSet>() {
        assert_eq!(set.to_string().parse(), Ok(set));
    }
    if let Ok(set) = text.parse::<MariaDbGtidSet>() {
        assert_eq!(set.to_string().parse(), Ok(set));
    }
}
