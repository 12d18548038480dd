//! Events that are malformed, that lie, or that grow when they are inflated.

use sealwire_binlog::{
    Body, Checksum, EventType, Flavour, FormatDescription, Incident, Query, TransactionPayload, deflate,
};
use sealwire_core::Error;
use sealwire_tests::source::Stream;

use super::world::{FLAVOURS, World};

type Put = fn(&mut Stream<'_>) -> Result<(), Error>;

/// A statement whose bytes are then changed.
fn changed(stream: &mut Stream<'_>, change: impl Fn(&mut Vec<u8>)) -> Result<(), Error> {
    let mut event = stream.encode(&Body::Query(Query::new(1, b"d", b"CREATE TABLE d.evil (a INT)")));
    change(&mut event);
    stream.raw(&event)
}

/// A TABLE_MAP of `d.t` with this count of columns, and what follows.
fn map(count: &[u8], rest: &[u8]) -> Vec<u8> {
    [&[7, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0], count, rest].concat()
}

/// A row event of table 7 with one column, and what follows.
fn row(number: u8, rest: &[u8]) -> Vec<u8> {
    [&[number, 0, 0, 0, 0, 0, 1, 0, 1, 0xff], rest].concat()
}

/// A statement in a compressed event that says that it is of this length.
fn compressed(length: [u8; 4], packed: &[u8]) -> Vec<u8> {
    let mut query = [0; 13];
    query[8] = 1;
    [&query[..], b"d\0\x84", &length, packed].concat()
}

/// The events.
const EVENTS: &[(&str, Put)] = &[
    ("a wrong checksum", |stream| changed(stream, |event| *event.last_mut().unwrap() ^= 1)),
    ("a size beyond the packet", |stream| {
        changed(stream, |event| event[9..13].copy_from_slice(&u32::MAX.to_le_bytes()))
    }),
    ("a size below a header", |stream| changed(stream, |event| event[9] = 18)),
    ("half a header", |stream| changed(stream, |event| event.truncate(10))),
    ("a packet without an event", |stream| stream.packet(&[0])),
    ("another first byte", |stream| stream.packet(&[1; 40])),
    ("an unknown event", |stream| stream.body(EventType(0xf0), b"whatever")),
    ("rows without a table", |stream| {
        stream.group(false)?;
        stream.body(EventType::WRITE_ROWS_V1, &row(7, &[0, 1]))?;
        stream.event(&Body::Xid(1))
    }),
    ("rows outside of a transaction", |stream| stream.body(EventType::WRITE_ROWS_V1, &row(7, &[0, 1]))),
    ("2^40 columns", |stream| stream.body(EventType::TABLE_MAP, &map(&[0xfe, 0, 0, 0, 0, 0, 1, 0, 0], &[3; 9]))),
    ("columns without types", |stream| stream.body(EventType::TABLE_MAP, &map(&[0xfc, 0xff, 0xff], &[3, 3]))),
    ("metadata beyond the event", |stream| stream.body(EventType::TABLE_MAP, &map(&[1], &[15, 0xfc, 0xff, 0xff, 1]))),
    ("a row that ends early", |stream| {
        stream.group(false)?;
        stream.body(EventType::TABLE_MAP, &map(&[1], &[3, 0, 0]))?;
        stream.body(EventType::WRITE_ROWS_V1, &row(7, &[0, 1, 2]))?;
        stream.event(&Body::Xid(1))
    }),
    ("a text beyond the event", |stream| {
        stream.group(false)?;
        stream.body(EventType::TABLE_MAP, &map(&[1], &[252, 1, 4, 0]))?;
        stream.body(EventType::WRITE_ROWS_V1, &row(7, &[0, 0xff, 0xff, 0xff, 0x7f]))?;
        stream.event(&Body::Xid(1))
    }),
    ("a statement that inflates to 4 GiB", |stream| {
        stream.group(true)?;
        stream.body(EventType(165), &compressed([0xff; 4], &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]))
    }),
    ("a statement that inflates to more than it says", |stream| {
        let mut packed = Vec::new();
        deflate(&vec![b' '; 1 << 20], &mut packed);
        stream.group(true)?;
        // The kind and the length of three bytes come before the packed bytes.
        stream.body(EventType(165), &compressed([0, 0, 3, 0xe8], packed.get(4..).unwrap_or_default()))
    }),
    ("a payload that inflates to 2^60 bytes", |stream| {
        let payload =
            TransactionPayload { compression: 0, plain_size: Some(1 << 60), payload: &[0x28, 0xb5, 0x2f, 0xfd] };
        stream.event(&Body::TransactionPayload(payload))
    }),
    ("a payload in a payload", |stream| {
        let inner = stream.encode(&Body::TransactionPayload(TransactionPayload {
            compression: 255,
            plain_size: None,
            payload: &[],
        }));
        let payload = TransactionPayload { compression: 255, plain_size: None, payload: &inner[..inner.len() - 4] };
        stream.event(&Body::TransactionPayload(payload))
    }),
    ("a statement in a statement's bytes", |stream| {
        stream.group(true)?;
        let mut lying = [0; 13];
        lying[8] = 200;
        stream.body(EventType::QUERY, &[&lying[..], b"d\0DROP TABLE d.t"].concat())
    }),
    ("a format with headers of 255 bytes", |stream| {
        let mut event = stream.encode(&Body::FormatDescription(FormatDescription::new(
            Flavour::MariaDb,
            b"10.11.9-MariaDB",
            0,
            Checksum::None,
        )));
        event[19 + 56] = 255;
        stream.raw(&event)
    }),
    ("an incident", |stream| stream.event(&Body::Incident(Incident { number: 1, message: b"lost\x1b[31m" }))),
];

#[test]
fn each_ends_the_channel_with_a_sentence_and_little_memory() {
    let Some(world) = World::start(&[]) else { return };
    let before = world.memory();
    for (number, (name, put)) in EVENTS.iter().enumerate() {
        let mut attack = world.attack(name, FLAVOURS[number % 2], move |stream| {
            stream.begin()?;
            put(stream)?;
            stream.statement("CREATE TABLE d.behind (a INT)")
        });
        let (code, said) = attack.refused();
        println!("{name}: {code} {said}");
        assert!([1235, 1590, 1594, 1677, 2027].contains(&code), "{name}: {code} {said}");
        assert!(said.len() > 20 && said.chars().all(|character| !character.is_control()), "{name}: {said:?}");
        attack.end();
    }
    let grown = world.memory() - before;
    println!("{} events: {grown} MiB", EVENTS.len());
    assert!(grown < 300, "{grown} MiB");
}
