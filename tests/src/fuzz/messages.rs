//! Fuzzes every message decoder: a decoded message is encoded and decoded again to the same value, and takes no more memory than its bytes
//! justify.

use sealwire_core::message::vectors::{Kind, read_and_write};
use sealwire_core::message::{
    BinaryRow, Capabilities, ColumnDefinition, ColumnFlags, ColumnType, ParamType, StmtExecute, TextRow, Value,
    encode_binary_row,
};
use sealwire_core::wire::{Reader, Result};

pub(super) const KINDS: [Kind; 9] = [
    Kind::Greeting,
    Kind::SslRequest,
    Kind::HandshakeResponse,
    Kind::HandshakeReply,
    Kind::Command,
    Kind::QueryReply,
    Kind::ColumnDefinition,
    Kind::TextRow,
    Kind::PrepareReply,
];

/// The size of a message's fixed fields, which are encoded even where the peer omitted them.
const FIXED: usize = 64;

/// The input is the kind, the capabilities and the payload; rows and executions have their columns and types in between.
pub(super) fn run(data: &[u8]) {
    // An input that is too short is skipped.
    let _ = read(&mut Reader::new(data));
}

fn read(input: &mut Reader<'_>) -> Result<()> {
    let kind = usize::from(input.u8("kind")?);
    let capabilities = Capabilities::from_bits(input.u64("capabilities")?);
    if let Some(kind) = KINDS.get(kind) {
        message(*kind, capabilities, input.rest());
        return Ok(());
    }
    match kind % 3 {
        0 => binary_row(input),
        1 => execution(input, capabilities),
        _ => {
            let row = TextRow::new(input.rest());
            let _ = row.read::<(String, Option<i64>, Option<f64>, bool)>();
            Ok(())
        }
    }
}

fn message(kind: Kind, capabilities: Capabilities, payload: &[u8]) {
    let Ok(once) = read_and_write(kind, capabilities, payload) else { return };
    assert!(once.len() <= 2 * payload.len() + FIXED, "{} bytes became {}: {kind:?}", payload.len(), once.len());
    let twice = read_and_write(kind, capabilities, &once);
    assert_eq!(twice.as_deref(), Ok(once.as_slice()), "{kind:?}");
}

/// A row with columns of any types, signed and unsigned.
fn binary_row(input: &mut Reader<'_>) -> Result<()> {
    let count = usize::from(input.u8("columns")?);
    let types = input.bytes(count, "types")?;
    let flags = input.u8("flags")?;
    let columns: Vec<ColumnDefinition> = types
        .iter()
        .map(|kind| {
            let mut column = ColumnDefinition::new("c", ColumnType(*kind));
            column.decimals = flags >> 1;
            column.flags = if flags & 1 == 0 { ColumnFlags::NONE } else { ColumnFlags::UNSIGNED };
            column
        })
        .collect();
    let row = BinaryRow::new(input.rest(), &columns)?;
    let _ = row.read::<(String, Option<i64>, Option<f64>, bool)>();
    let values: Vec<Value<'_>> = row.iter().collect::<Result<_>>()?;
    for (value, column) in values.iter().zip(&columns) {
        let _ = value.text_in(column).to_string();
    }
    let mut written = Vec::new();
    encode_binary_row(&columns, &values, &mut written);
    let again = BinaryRow::new(&written, &columns).expect("what was written");
    let again: Vec<Value<'_>> = again.iter().collect::<Result<_>>().expect("what was written");
    assert!(same(&values, &again), "{values:?} came back as {again:?}");
    Ok(())
}

/// COM_STMT_EXECUTE with any number of parameters, with and without the types of an earlier execution.
fn execution(input: &mut Reader<'_>, capabilities: Capabilities) -> Result<()> {
    let (count, prior) = (u16::from(input.u8("parameters")?), usize::from(input.u8("prior types")?));
    let long_data = input.u8("long data")?;
    let mut types = Vec::new();
    for _ in 0..prior {
        let [kind, unsigned] = input.array("prior type")?;
        types.push(ParamType { column_type: ColumnType(kind), unsigned: unsigned & 0x80 != 0 });
    }
    let is_long = |index: u16| index < 8 && long_data >> index & 1 != 0;
    let prior = (!types.is_empty()).then_some(types.as_slice());
    let read = StmtExecute::decode(input.rest(), count, prior, &is_long, capabilities)?;
    let mut written = Vec::new();
    read.encode(capabilities, &mut written);
    if long_data != 0 {
        // Long data is not in the packet, so such a value is not encoded the same way.
        return Ok(());
    }
    let again = StmtExecute::decode(&written, count, None, &|_| false, capabilities).expect("what was written");
    assert!(same(&read.parameters, &again.parameters), "{read:?} came back as {again:?}");
    assert_eq!((read.statement, read.flags, read.iterations), (again.statement, again.flags, again.iterations));
    Ok(())
}

/// Equality in which NaN equals itself.
fn same(left: &[Value<'_>], right: &[Value<'_>]) -> bool {
    format!("{left:?}") == format!("{right:?}")
}
