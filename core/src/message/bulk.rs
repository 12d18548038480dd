//! The payload of COM_STMT_BULK_EXECUTE, by which MariaDB executes a statement once for each row of parameters.
//!
//! Source: MariaDB's "COM_STMT_BULK_EXECUTE".

use alloc::vec::Vec;

use super::value::{ParamType, Value, put_held};
use crate::wire::Put;

/// The flag that types follow.
const SEND_TYPES: u16 = 128;

/// One parameter of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BulkParameter<'a> {
    /// A value, or NULL.
    Value(Value<'a>),
    /// The column's default value.
    Default,
    /// The column stays as it is.
    Ignore,
}

/// The payload of [`super::Command::StmtBulkExecute`] after the command's byte.
#[derive(Debug, Clone)]
pub struct BulkExecute {
    payload: Vec<u8>,
    types: Vec<ParamType>,
}

impl BulkExecute {
    /// Executions of this statement, whose parameters have these types in every row.
    pub fn new(statement: u32, types: Vec<ParamType>) -> Self {
        let mut payload = Vec::new();
        payload.put_u32(statement);
        payload.put_u16(SEND_TYPES);
        for param_type in &types {
            param_type.put(&mut payload);
        }
        Self { payload, types }
    }

    /// Adds a row with one parameter for each type. Returns `false`, and adds nothing, if there are fewer or more, or if a type does not
    /// hold its value.
    pub fn push(&mut self, row: &[BulkParameter<'_>]) -> bool {
        let fits = |(parameter, param_type): (&BulkParameter<'_>, &ParamType)| match parameter {
            BulkParameter::Value(value) => param_type.holds(*value),
            BulkParameter::Default | BulkParameter::Ignore => true,
        };
        if row.len() != self.types.len() || !row.iter().zip(&self.types).all(fits) {
            return false;
        }
        for (parameter, param_type) in row.iter().zip(&self.types) {
            match *parameter {
                BulkParameter::Value(Value::Null) => self.payload.put_u8(1),
                BulkParameter::Value(value) => {
                    self.payload.put_u8(0);
                    put_held(value, *param_type, &mut self.payload);
                }
                BulkParameter::Default => self.payload.put_u8(2),
                BulkParameter::Ignore => self.payload.put_u8(3),
            }
        }
        true
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColumnType;
    use super::*;
    use alloc::vec;

    #[test]
    fn rows_follow_the_types() {
        let typed = |column_type, unsigned| ParamType { column_type, unsigned };
        let mut bulk = BulkExecute::new(7, vec![typed(ColumnType::TINY, true), typed(ColumnType::STRING, false)]);
        assert!(bulk.push(&[BulkParameter::Value(Value::UInt(200)), BulkParameter::Value("ab".into())]));
        assert!(bulk.push(&[BulkParameter::Value(Value::Null), BulkParameter::Default]));
        assert!(!bulk.push(&[BulkParameter::Ignore]), "too few parameters");
        assert!(!bulk.push(&[BulkParameter::Ignore, BulkParameter::Value(Value::Int(1))]), "a number as text");
        assert!(bulk.push(&[BulkParameter::Ignore, BulkParameter::Value("".into())]));
        let (head, rows) = bulk.payload().split_at(10);
        assert_eq!(head, b"\x07\0\0\0\x80\0\x01\x80\xfe\0");
        assert_eq!(rows, b"\0\xc8\0\x02ab\x01\x02\x03\0\0");
    }
}
