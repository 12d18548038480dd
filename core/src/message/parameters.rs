//! The block of parameters in COM_QUERY (attributes) and COM_STMT_EXECUTE: NULL bitmap, a flag whether types follow, types with names,
//! values.

use alloc::vec::Vec;

use super::row::{is_set, put_bitmap};
use super::value::{ParamType, Value, put_held, read_value};
use crate::wire::{Error, Put, Reader, Result};

/// The largest number of parameters. No server accepts more, because a prepared statement's count has 16 bits.
const MAX_PARAMETERS: u64 = 0xffff;

/// The decoded parameters.
pub(super) struct Parameters<'a> {
    /// The types, if they were sent.
    pub(super) types: Option<Vec<ParamType>>,
    /// The names, one for each value; empty if none were sent.
    pub(super) names: Vec<&'a [u8]>,
    /// The values. A value that was sent as long data is empty here.
    pub(super) values: Vec<Value<'a>>,
}

impl<'a> Parameters<'a> {
    /// Decodes the block. `prior` has the types to use if the block has none.
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
        // The bitmap limits the count to eight times the bytes present, before anything is allocated.
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

/// A parameter to encode.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'v> {
    /// The name, if names are encoded.
    pub(super) name: Option<&'v [u8]>,
    /// The value.
    pub(super) value: Value<'v>,
    /// The type in which the value is encoded. It must [hold](ParamType::holds) the value.
    pub(super) param_type: ParamType,
}

impl<'v> Parameter<'v> {
    /// A parameter with a name and the value's own type.
    pub(super) const fn named(name: &'v [u8], value: Value<'v>) -> Self {
        Self { name: Some(name), value, param_type: value.parameter_type() }
    }
}

/// Encodes the block with types, and with the names that are given.
pub(super) fn put_parameters<'v>(parameters: impl Iterator<Item = Parameter<'v>> + Clone, out: &mut Vec<u8>) {
    put_bitmap(parameters.clone().map(|parameter| parameter.value == Value::Null), 0, out);
    // The flag that types follow.
    out.put_u8(1);
    for Parameter { name, param_type, .. } in parameters.clone() {
        param_type.put(out);
        if let Some(name) = name {
            out.put_lenenc_bytes(name);
        }
    }
    for Parameter { value, param_type, .. } in parameters {
        put_held(value, param_type, out);
    }
}
