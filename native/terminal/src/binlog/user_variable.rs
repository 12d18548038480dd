//! User variables, which precede the statements that read them.

use sealwire_binlog::{UserValue, UserVar};

use super::collations;
use super::float;
use super::writing::{identifier, put};

/// Appends the statement that sets a variable.
pub(super) fn assignment(variable: &UserVar<'_>, out: &mut Vec<u8>) {
    put("SET @", out);
    identifier(variable.name, out);
    put(":=", out);
    match &variable.value {
        None => put("NULL", out),
        Some(value) => user_value(value, out),
    }
}

fn user_value(value: &UserValue<'_>, out: &mut Vec<u8>) {
    let number = value.data.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    match value.kind {
        UserValue::REAL => float::general(f64::from_bits(number), 14, out),
        UserValue::INT if value.is_unsigned() => put(number, out),
        UserValue::INT => put(number.cast_signed(), out),
        UserValue::DECIMAL => match value.decimal() {
            Ok(decimal) => put(decimal, out),
            Err(_) => put("???", out),
        },
        _ => match (collations::charset(value.charset), collations::collation(value.charset)) {
            (Some(charset), Some(collation)) => {
                put(format_args!("_{charset} X'"), out);
                value.data.iter().for_each(|byte| put(format_args!("{byte:02X}"), out));
                put(format_args!("' COLLATE `{collation}`"), out);
            }
            _ => put("???", out),
        },
    }
}
