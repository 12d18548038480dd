//! The block of parameters that COM_QUERY's attributes and COM_STMT_EXECUTE share:
//! NULL bitmap, whether types follow, types with names, values.

use alloc::vec::Vec;

use super::row::{is_set, put_bitmap};
use super::value::{ParamType, Value, put_value, read_value};
use crate::wire::{Error, Put, Reader, Result};

/// More parameters than this no server takes; the count of a prepared statement has 16 bits.
const MAX_PARAMETERS: u64 = 0xffff;

/// Parameters as read.
pub(super) struct Parameters<'a> {
    /// The types, where they were sent.
    pub(super) types: Option<Vec<ParamType>>,
    /// The names, one for each value; empty where none were sent.
    pub(super) names: Vec<&'a [u8]>,
    /// The values. Those sent as long data are empty bytes here.
    pub(super) values: Vec<Value<'a>>,
}

impl<'a> Parameters<'a> {
    /// Reads the block. Where types are not sent, `prior` has them.
    pub(super) fn read(
        reader: &mut Reader<'a>,
        count: u64,
        named: bool,
        prior: Option<&[ParamType]>,
        is_long_data: &dyn Fn(u16) -> bool,
    ) -> Result<Self> {
        if count > MAX_PARAMETERS {
            return Err(Error::Malformed("number of parameters"));
        }
        let count = count as usize;
        // The bitmap bounds the count to eight times the bytes that are there, before anything is allocated.
        let bitmap = reader.bytes(count.div_ceil(8), "parameter NULL bitmap")?;
        let mut types = None;
        let mut names = Vec::new();
        if reader.u8("whether parameter types follow")? != 0 {
            let mut sent = Vec::with_capacity(count);
            for _ in 0..count {
                sent.push(ParamType::read(reader)?);
                if named {
                    names.push(reader.lenenc_bytes("parameter name")?);
                }
            }
            types = Some(sent);
        }
        let known = types.as_deref().or(prior).filter(|known| known.len() >= count);
        let known = known.ok_or(Error::Malformed("parameters without types: the packet"))?;
        let mut values = Vec::with_capacity(count);
        for (index, ParamType { column_type, unsigned }) in known.iter().take(count).enumerate() {
            // The count has 16 bits.
            let value = if is_long_data(index as u16) {
                Value::Bytes(&[])
            } else if is_set(bitmap, index) {
                Value::Null
            } else {
                read_value(reader, *column_type, *unsigned)?
            };
            values.push(value);
        }
        Ok(Self { types, names, values })
    }
}

/// A parameter to be written.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'v> {
    /// The name, where names are written.
    pub(super) name: Option<&'v [u8]>,
    /// The value.
    pub(super) value: Value<'v>,
    /// The type that the value is written as.
    pub(super) param_type: ParamType,
}

impl<'v> Parameter<'v> {
    /// A parameter with a name, of the type that the value has.
    pub(super) const fn named(name: &'v [u8], value: Value<'v>) -> Self {
        Self { name: Some(name), value, param_type: value.parameter_type() }
    }
}

/// Writes the block with types, and with names where they are given.
pub(super) fn put_parameters<'v>(parameters: impl Iterator<Item = Parameter<'v>> + Clone, out: &mut Vec<u8>) {
    put_bitmap(parameters.clone().map(|parameter| parameter.value == Value::Null), 0, out);
    // Types follow.
    out.put_u8(1);
    for Parameter { name, param_type, .. } in parameters.clone() {
        param_type.put(out);
        if let Some(name) = name {
            out.put_lenenc_bytes(name);
        }
    }
    for Parameter { value, param_type: ParamType { column_type, unsigned }, .. } in parameters {
        put_value(value, column_type, unsigned, out);
    }
}
