//! The request of an execution that is made before the execution, perhaps even before the statement is prepared, as MariaDB Connector/Python
//! does. The values are copied, because the program may change its buffers meanwhile.

use sealwire_core::SqlError;
use sealwire_core::message::{BulkExecute, BulkParameter, Capabilities, ParamType, StmtExecute, Value};

use super::failure;
use super::lengths;

/// The values of one execution, or of the rows of a bulk execution.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) types: Vec<ParamType>,
    rows: Vec<Vec<Held>>,
    pub(crate) is_bulk: bool,
    /// The command's payload, at which the program may look.
    payload: Vec<u8>,
}

/// A parameter with a value of its own.
#[derive(Debug)]
enum Held {
    /// The text, or the bytes.
    Bytes(Vec<u8>),
    /// Anything else.
    Other(BulkParameter<'static>),
}

impl Held {
    fn of(parameter: &BulkParameter<'_>) -> Result<Self, SqlError> {
        let value = match *parameter {
            BulkParameter::Value(value) => value,
            BulkParameter::Default => return Ok(Self::Other(BulkParameter::Default)),
            BulkParameter::Ignore => return Ok(Self::Other(BulkParameter::Ignore)),
        };
        Ok(Self::Other(BulkParameter::Value(match value {
            Value::Bytes(bytes) => {
                let mut own = Vec::new();
                lengths::reserve(&mut own, bytes.len())?;
                own.extend_from_slice(bytes);
                return Ok(Self::Bytes(own));
            }
            Value::Null => Value::Null,
            Value::Int(number) => Value::Int(number),
            Value::UInt(number) => Value::UInt(number),
            Value::Float(number) => Value::Float(number),
            Value::Double(number) => Value::Double(number),
            Value::Date { year, month, day } => Value::Date { year, month, day },
            Value::DateTime { year, month, day, hour, minute, second, micros } => {
                Value::DateTime { year, month, day, hour, minute, second, micros }
            }
            Value::Time { negative, days, hours, minutes, seconds, micros } => {
                Value::Time { negative, days, hours, minutes, seconds, micros }
            }
        })))
    }

    fn parameter(&self) -> BulkParameter<'_> {
        match self {
            Self::Bytes(bytes) => BulkParameter::Value(Value::Bytes(bytes)),
            Self::Other(parameter) => *parameter,
        }
    }
}

impl Request {
    /// A request without rows.
    pub(crate) const fn new(types: Vec<ParamType>, is_bulk: bool) -> Self {
        Self { types, rows: Vec::new(), is_bulk, payload: Vec::new() }
    }

    /// The payload's place and length.
    pub(crate) const fn shown(&mut self) -> (*mut u8, usize) {
        (self.payload.as_mut_ptr(), self.payload.len())
    }

    /// The number of rows.
    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The parameters of a row.
    pub(crate) fn row(&self, number: usize) -> Vec<BulkParameter<'_>> {
        self.rows.get(number).map(|row| row.iter().map(Held::parameter).collect()).unwrap_or_default()
    }

    /// The values of an execution that is no bulk execution.
    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        let row = self.row(0);
        row.iter()
            .map(|parameter| if let BulkParameter::Value(value) = parameter { *value } else { Value::Null })
            .collect()
    }

    /// Refuses a statement with another number of parameters.
    ///
    /// # Errors
    /// 2034.
    pub(crate) fn check(&self, parameters: usize) -> Result<(), SqlError> {
        if self.types.len() == parameters {
            return Ok(());
        }
        let told =
            format!("Invalid parameter number: {} are bound, and the statement has {parameters}", self.types.len());
        Err(failure::hy000(2034, told))
    }

    /// Adds a row, whose bytes are added to `length`.
    ///
    /// # Errors
    /// As [`lengths::check`].
    pub(crate) fn push(&mut self, row: &[BulkParameter<'_>], length: &mut usize) -> Result<(), SqlError> {
        let mut held = Vec::with_capacity(row.len());
        for parameter in row {
            if let BulkParameter::Value(value) = parameter {
                *length = length.saturating_add(lengths::bytes_of(value));
            }
            lengths::check(*length)?;
            held.push(Held::of(parameter)?);
        }
        self.rows.push(held);
        Ok(())
    }

    /// Writes the payload for the statement of this number, and shows it.
    ///
    /// # Errors
    /// As [`Self::bulk`].
    pub(crate) fn encode(&mut self, statement: u32, flags: u8) -> Result<(), SqlError> {
        if !self.is_bulk {
            let mut payload = Vec::new();
            let execute =
                StmtExecute { flags, types: Some(self.types.clone()), ..StmtExecute::new(statement, self.values()) };
            execute.encode(Capabilities::NONE, &mut payload);
            self.payload = payload;
            return Ok(());
        }
        self.payload = self.bulk(statement)?.payload().to_vec();
        Ok(())
    }

    /// The one command that executes the statement for all rows.
    ///
    /// # Errors
    /// 2036 where a row has a value that its type does not hold.
    pub(crate) fn bulk(&self, statement: u32) -> Result<BulkExecute, SqlError> {
        let mut bulk = BulkExecute::new(statement, self.types.clone());
        for number in 0..self.len() {
            if !bulk.push(&self.row(number)) {
                let told = format!("Row {} has a value that its type does not hold", number + 1);
                return Err(failure::hy000(2036, told));
            }
        }
        Ok(bulk)
    }
}
