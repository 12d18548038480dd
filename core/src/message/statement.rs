//! Prepared statements: the reply to COM_STMT_PREPARE, and the payload of COM_STMT_EXECUTE.
//!
//! Source: "COM_STMT_PREPARE Response", "COM_STMT_EXECUTE".

use alloc::vec::Vec;

use super::Capabilities;
use super::parameters::{Parameter, Parameters, put_parameters};
use super::value::{ParamType, Value};
use crate::wire::{Error, Put, Reader, Result};

/// The statement is prepared; the definitions of its parameters and columns follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct StmtPrepareOk {
    /// The id of the statement in this session.
    pub statement: u32,
    /// The number of columns of its rows; 0 if it returns no rows.
    pub columns: u16,
    /// The number of its parameters.
    pub parameters: u16,
    /// The number of warnings.
    pub warnings: u16,
}

impl StmtPrepareOk {
    /// Decodes the packet.
    ///
    /// # Errors
    /// If the header differs or a field is truncated.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self> {
        let what = "COM_STMT_PREPARE response";
        let mut reader = Reader::new(payload);
        if reader.u8(what)? != 0 {
            return Err(Error::Malformed(what));
        }
        let (statement, columns, parameters) = (reader.u32(what)?, reader.u16(what)?, reader.u16(what)?);
        reader.u8(what)?;
        // Servers before 4.1.1 end the packet here.
        let warnings = if reader.is_empty() { 0 } else { reader.u16(what)? };
        Ok(Self { statement, columns, parameters, warnings })
    }

    /// Encodes the packet.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(0);
        out.put_u32(self.statement);
        out.put_u16(self.columns);
        out.put_u16(self.parameters);
        out.put_u8(0);
        out.put_u16(self.warnings);
    }
}

/// The payload of [`super::Command::StmtExecute`] after the command's byte.
#[derive(Debug, Clone, PartialEq)]
pub struct StmtExecute<'a> {
    /// The id of the statement.
    pub statement: u32,
    /// The kind of cursor: [`StmtExecute::CURSOR_READ_ONLY`] or none.
    pub flags: u8,
    /// The number of executions, always 1.
    pub iterations: u32,
    /// The parameters' types. After decoding, `None` means that they are those of the previous execution. Before encoding, `None` means the
    /// values' own types; a value that its type cannot hold is encoded in its own, too.
    pub types: Option<Vec<ParamType>>,
    /// The parameters. A value that was sent as long data is empty here.
    pub parameters: Vec<Value<'a>>,
    /// Names and values that the statement can query, if `QUERY_ATTRIBUTES` is agreed.
    pub attributes: Vec<(&'a [u8], Value<'a>)>,
}

impl<'a> StmtExecute<'a> {
    /// Stands for the id of the statement that was prepared last. MariaDB has this since 10.2.
    pub const LAST_PREPARED: u32 = u32::MAX;
    /// Keep the rows in a cursor, for COM_STMT_FETCH.
    pub const CURSOR_READ_ONLY: u8 = 0x01;
    /// The packet contains the number of parameters. [`StmtExecute::encode`] sets the flag if needed.
    pub const PARAMETER_COUNT_AVAILABLE: u8 = 0x08;

    /// An execution with these parameters, without a cursor.
    pub const fn new(statement: u32, parameters: Vec<Value<'a>>) -> Self {
        Self { statement, flags: 0, iterations: 1, types: None, parameters, attributes: Vec::new() }
    }

    /// The id of the statement, with which the caller finds the data needed to decode the rest.
    ///
    /// # Errors
    /// If there are fewer than four bytes.
    pub fn peek_statement_id(after_command: &[u8]) -> Result<u32> {
        Reader::new(after_command).u32("statement id")
    }

    /// Decodes the payload after the command's byte. `parameter_count` is the statement's, `prior_types` are the types of the previous
    /// execution, and `is_long_data` tells which parameters came by COM_STMT_SEND_LONG_DATA.
    ///
    /// # Errors
    /// If a field is truncated, a parameter is missing, or the types are unknown.
    pub fn decode(
        after_command: &'a [u8],
        parameter_count: u16,
        prior_types: Option<&[ParamType]>,
        is_long_data: &dyn Fn(u16) -> bool,
        capabilities: Capabilities,
    ) -> Result<Self> {
        let mut reader = Reader::new(after_command);
        let mut execute = Self::new(reader.u32("statement id")?, Vec::new());
        execute.flags = reader.u8("cursor flags")?;
        execute.iterations = reader.u32("iteration count")?;
        let named = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
        let count_follows = named && execute.flags & Self::PARAMETER_COUNT_AVAILABLE != 0;
        execute.flags &= !Self::PARAMETER_COUNT_AVAILABLE;
        let own = usize::from(parameter_count);
        if own == 0 && !count_follows {
            return Ok(execute);
        }
        let mut count = u64::from(parameter_count);
        if named {
            count = reader.lenenc_int("number of parameters")?;
        }
        if count < u64::from(parameter_count) {
            return Err(Error::Malformed("number of parameters"));
        }
        if count == 0 {
            return Ok(execute);
        }
        let mut block = Parameters::read(&mut reader, count, named, prior_types, is_long_data)?;
        // Parameters beyond the statement's own are attributes. The statement's own parameters have no names.
        let attributes = block.values.split_off(own);
        execute.attributes = block.names.into_iter().skip(own).zip(attributes).collect();
        execute.parameters = block.values;
        execute.types = block.types.map(|mut types| {
            types.truncate(own);
            types
        });
        Ok(execute)
    }

    /// Encodes the payload after the command's byte, always with types.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        let named = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
        let attributes = if named { self.attributes.as_slice() } else { &[] };
        let count = self.parameters.len() + attributes.len();
        let count_follows = if named && count > 0 { Self::PARAMETER_COUNT_AVAILABLE } else { 0 };
        out.put_u32(self.statement);
        out.put_u8(self.flags & !Self::PARAMETER_COUNT_AVAILABLE | count_follows);
        out.put_u32(self.iterations);
        if count == 0 {
            return;
        }
        if named {
            out.put_lenenc_int(count as u64);
        }
        let no_name: Option<&[u8]> = named.then_some(b"");
        let types = self.types.iter().flatten().map(|param_type| Some(*param_type)).chain(core::iter::repeat(None));
        let parameters = self.parameters.iter().zip(types).map(|(value, param_type)| Parameter {
            name: no_name,
            value: *value,
            param_type: param_type.filter(|known| known.holds(*value)).unwrap_or_else(|| value.parameter_type()),
        });
        let attributes = attributes.iter().map(|(name, value)| Parameter::named(name, *value));
        put_parameters(parameters.chain(attributes), out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColumnType;
    use super::super::generator::for_many_seeds;
    use super::super::value::random_value;
    use super::*;
    use alloc::vec;

    const NEVER: &dyn Fn(u16) -> bool = &|_| false;
    const VARCHAR: ParamType = ParamType { column_type: ColumnType::VARCHAR, unsigned: false };

    #[test]
    fn execute_round_trips() {
        for_many_seeds(|random, seed| {
            let (bytes, name) = (random.bytes(), random.name());
            let parameters: Vec<_> = (0..random.below(20)).map(|_| random_value(random, &bytes)).collect();
            let types = parameters.iter().map(Value::parameter_type).collect();
            let mut execute = StmtExecute::new(random.u64() as u32, parameters);
            execute.flags = StmtExecute::CURSOR_READ_ONLY;
            let mut capabilities = Capabilities::NONE;
            if random.flag() {
                capabilities = Capabilities::QUERY_ATTRIBUTES;
                execute.attributes = (0..random.below(3)).map(|_| (&name[..], random_value(random, &bytes))).collect();
            }
            let own = execute.parameters.len();
            // The types are sent with the first parameter or attribute. If there are attributes only, the statement itself has no types.
            execute.types = (own + execute.attributes.len() > 0).then_some(types);
            let mut body = Vec::new();
            execute.encode(capabilities, &mut body);
            let read = StmtExecute::decode(&body, own as u16, None, NEVER, capabilities);
            assert!(read.as_ref() == Ok(&execute), "seed {seed}: {read:?} is not {execute:?}");
            assert_eq!(StmtExecute::peek_statement_id(&body), Ok(execute.statement), "seed {seed}");
        });
    }

    #[test]
    fn a_value_is_encoded_in_its_declared_type_or_in_its_own() {
        let types = [ColumnType::TINY, ColumnType::DOUBLE, ColumnType::BLOB, ColumnType::TIMESTAMP, ColumnType::LONG];
        let date = Value::Date { year: 2026, month: 11, day: 29 };
        let mut execute =
            StmtExecute::new(1, vec![Value::Int(-300), "1.5".into(), Value::Bytes(b"x"), date, Value::Double(0.5)]);
        execute.types = Some(types.map(|column_type| ParamType { column_type, unsigned: false }).to_vec());
        let mut body = Vec::new();
        execute.encode(Capabilities::NONE, &mut body);
        let read = StmtExecute::decode(&body, 5, None, NEVER, Capabilities::NONE).unwrap();
        // TINY holds an integer, but not this one, so that the nearest is sent. DOUBLE holds no text, and LONG no fraction.
        let midnight = Value::DateTime { year: 2026, month: 11, day: 29, hour: 0, minute: 0, second: 0, micros: 0 };
        assert_eq!(read.parameters, [Value::Int(-128), "1.5".into(), Value::Bytes(b"x"), midnight, Value::Double(0.5)]);
        let sent: Vec<_> = read.types.unwrap().iter().map(|sent| sent.column_type).collect();
        let [tiny, _, blob, timestamp, _] = types;
        assert_eq!(sent, [tiny, ColumnType::VAR_STRING, blob, timestamp, ColumnType::DOUBLE]);
    }

    #[test]
    fn types_of_the_execution_before_are_used_where_none_are_sent() {
        let body = b"\x01\0\0\0\0\x01\0\0\0\0\0\x03foo";
        let execute = StmtExecute::decode(body, 1, Some(&[VARCHAR]), NEVER, Capabilities::NONE).unwrap();
        assert_eq!((execute.parameters, execute.types), (vec![Value::Bytes(b"foo")], None));
        assert!(StmtExecute::decode(body, 1, None, NEVER, Capabilities::NONE).is_err());
        assert!(StmtExecute::decode(body, 1, Some(&[]), NEVER, Capabilities::NONE).is_err());
    }

    #[test]
    fn long_data_has_no_value_in_the_packet() {
        let body = b"\x01\0\0\0\0\x01\0\0\0\0\x01\xfc\0\xfd\0\x03foo";
        let execute = StmtExecute::decode(body, 2, None, &|parameter| parameter == 0, Capabilities::NONE).unwrap();
        assert_eq!(execute.parameters, [Value::Bytes(b""), Value::Bytes(b"foo")]);
    }

    #[test]
    fn parameters_beyond_the_statements_own_are_attributes() {
        let body = b"\x02\0\0\0\x08\x01\0\0\0\x02\0\x01\x01\x80\0\xfd\0\x05trace\xff\x03abc";
        let execute = StmtExecute::decode(body, 1, None, NEVER, Capabilities::QUERY_ATTRIBUTES).unwrap();
        assert_eq!(execute.parameters, [Value::UInt(255)]);
        assert_eq!(execute.attributes, [(&b"trace"[..], Value::Bytes(b"abc"))]);
        assert_eq!(execute.types.map(|types| types.len()), Some(1));
        // The packet has fewer parameters than the statement.
        assert!(StmtExecute::decode(body, 3, None, NEVER, Capabilities::QUERY_ATTRIBUTES).is_err());
    }

    #[test]
    fn the_manuals_response_is_understood() {
        let payload = b"\0\x01\0\0\0\x01\0\x02\0\0\0\0";
        let ok = StmtPrepareOk::decode(payload).unwrap();
        assert_eq!(ok, StmtPrepareOk { statement: 1, columns: 1, parameters: 2, warnings: 0 });
        let mut written = Vec::new();
        ok.encode(&mut written);
        assert_eq!(written, payload);
        assert!(StmtPrepareOk::decode(b"\xff\x01\0\0\0\x01\0\x02\0\0\0\0").is_err());
    }
}
