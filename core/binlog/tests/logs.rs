//! Recorded logs: every event decodes, and its encoding is its bytes again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

use sealwire_binlog::{Body, Event, Limits, Reader, Value};

const MARIADB: &[u8] = include_bytes!("data/mariadb-10.11.binlog");

/// Decodes all events of a file, and compares their encodings with their bytes.
fn events(file: &[u8], mut visit: impl FnMut(&Event<'_>, &Body<'_>)) -> usize {
    let (mut reader, mut rest, mut count) = (Reader::file(Limits::default()), file, 0);
    while let Some(event) = reader.next(&mut rest).unwrap() {
        let body = event.decode().unwrap();
        let mut encoded = Vec::new();
        body.encode(&mut encoded);
        assert_eq!(encoded, event.body, "{:?} at {}", event.header.event_type, event.position);
        if let Some(event_type) = body.event_type() {
            assert_eq!(event_type, event.header.event_type);
        }
        visit(&event, &body);
        count += 1;
    }
    reader.finish(rest).unwrap();
    assert_eq!(reader.position(), file.len() as u64);
    count
}

#[test]
fn a_log_of_mariadb_is_read_and_written_to_the_byte() {
    let (mut statements, mut rows, mut numbers) = (0, 0, 0);
    let count = events(MARIADB, |event, body| match body {
        Body::Query(query) => {
            statements += 1;
            assert!(query.status.iter().count() >= 4, "{query:?}");
        }
        Body::Rows(all) => {
            for row in all.iter().unwrap() {
                let row = row.map_err(|problem| event.error(problem)).unwrap();
                rows += 1;
                if let [Some(Value::Int(number))] = row.after[..] {
                    numbers += number;
                }
            }
        }
        _ => {}
    });
    assert_eq!((count, statements, rows, numbers), (610, 101, 3080, 13_190_324));
}
