//! Bulk executions: a prepared statement runs once for each row of the program's arrays.

use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::message::{BulkExecute, BulkParameter, Capabilities, ColumnType, ParamType, Value};

use super::abi::{MysqlBind, STATUS_GET_RESULT};
use super::bind;
use super::failure;
use super::handle::Handle;
use super::session::client_error;
use super::statement::Stmt;

/// `STMT_INDICATOR_*`.
const NUL_TERMINATED: c_int = -1;
const NONE: c_int = 0;
const NULL: c_int = 1;
const DEFAULT: c_int = 2;
const IGNORE: c_int = 3;
const IGNORE_ROW: c_int = 4;

/// The indicator of a parameter in a row.
///
/// # Safety
/// The bind's array has that row, by `row_size` where it is not 0.
unsafe fn indicator(bind: &MysqlBind, row: usize, row_size: usize) -> c_int {
    if bind.indicator.is_null() {
        return NONE;
    }
    let step = if row_size > 0 { row_size } else { 1 };
    // SAFETY: the caller says so.
    unsafe { bind.indicator.cast::<i8>().add(row * step).read().into() }
}

/// The bind of a parameter in a row, as if it were of one execution. Its length is in `buffer_length`.
///
/// # Safety
/// The bind's arrays have that row, by `row_size` where it is not 0.
unsafe fn of_row(bind: &MysqlBind, row: usize, row_size: usize, kind: ColumnType, is_text: bool) -> MysqlBind {
    let mut one = *bind;
    one.is_null = ptr::null_mut();
    one.length = ptr::null_mut();
    if kind == ColumnType::NULL || bind.buffer.is_null() {
        return one;
    }
    // SAFETY: the caller says so; the arrays need not be aligned where they are fields of rows.
    unsafe {
        one.buffer = match bind::fixed_size(kind) {
            _ if row_size > 0 => bind.buffer.byte_add(row * row_size),
            Some(size) if !kind.is_temporal() => bind.buffer.byte_add(row * size),
            // As in the original, texts and times are an array of pointers.
            _ => bind.buffer.cast::<*mut c_void>().add(row).read_unaligned(),
        };
        if bind::fixed_size(kind).is_none() && !one.buffer.is_null() {
            let told = match bind.length.is_null() {
                true => bind.buffer_length,
                false if row_size > 0 => bind.length.byte_add(row * row_size).read_unaligned(),
                false => bind.length.add(row).read_unaligned(),
            };
            one.buffer_length = if is_text || told == c_ulong::MAX {
                CStr::from_ptr(one.buffer.cast()).count_bytes() as c_ulong
            } else {
                told
            };
        }
    }
    one
}

/// The parameters of a row; `None` for a row that is left out.
///
/// # Safety
/// The arrays of all binds have that row.
unsafe fn row_of<'v>(
    params: &[MysqlBind],
    row: usize,
    row_size: usize,
) -> Result<Option<Vec<BulkParameter<'v>>>, SqlError> {
    // SAFETY: the caller says so, here and below.
    if params.first().is_some_and(|first| unsafe { indicator(first, row, row_size) } == IGNORE_ROW) {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(params.len());
    for (number, param) in params.iter().enumerate() {
        // SAFETY: as above.
        let meant = unsafe { indicator(param, row, row_size) };
        let value = match meant {
            NONE | NUL_TERMINATED => {
                let kind = bind::buffer_type(param).ok_or_else(|| bind::unsupported(param, number))?;
                // SAFETY: as above; the value is used before the program goes on.
                let read = unsafe { bind::parameter(&of_row(param, row, row_size, kind, meant == NUL_TERMINATED)) };
                BulkParameter::Value(read.ok_or_else(|| bind::unsupported(param, number))?.0)
            }
            NULL => BulkParameter::Value(Value::Null),
            DEFAULT => BulkParameter::Default,
            IGNORE => BulkParameter::Ignore,
            _ => {
                return Err(failure::hy000(2036, format!("The indicator {meant} of parameter {} is none", number + 1)));
            }
        };
        values.push(value);
    }
    Ok(Some(values))
}

impl Stmt {
    /// Runs the statement for each row of the arrays: by one command where the server has it, else by one command for each row.
    ///
    /// # Safety
    /// The arrays in the binds of the parameters have `array_size` rows.
    pub(crate) unsafe fn execute_rows(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let (count, row_size) = (self.abi.array_size as usize, self.abi.row_size);
        let mut types = Vec::with_capacity(self.params.len());
        for (number, param) in self.params.iter().enumerate() {
            let column_type = bind::buffer_type(param).ok_or_else(|| bind::unsupported(param, number))?;
            types.push(ParamType { column_type, unsigned: param.is_unsigned != 0 });
        }
        if types.is_empty() {
            return Err(failure::hy000(5006, "Bulk operation without parameters is not supported"));
        }
        let link = handle.state.link.as_ref().ok_or_else(failure::gone)?;
        if link.connection.facts().capabilities.contains(Capabilities::MARIADB_STMT_BULK_OPERATIONS) {
            let mut bulk = BulkExecute::new(self.prepared()?.statement, types);
            for row in 0..count {
                // SAFETY: the caller says that the arrays have the row.
                let parameters = unsafe { row_of(&self.params, row, row_size) }?;
                if parameters.is_some_and(|parameters| !bulk.push(&parameters)) {
                    return Err(failure::hy000(
                        2036,
                        format!("Row {} has a value that its type does not hold", row + 1),
                    ));
                }
            }
            handle.command(|link| {
                link.connection.execute_bulk(&bulk).map_err(client_error)?;
                link.flush()
            })?;
            let outcome = handle.read_result();
            return self.take_opening(handle, outcome);
        }
        let mut changed: u64 = 0;
        for row in 0..count {
            // SAFETY: the caller says that the arrays have the row.
            let Some(parameters) = unsafe { row_of(&self.params, row, row_size) }? else { continue };
            let values: Option<Vec<Value<'_>>> = parameters.iter().map(value_of).collect();
            let values = values.ok_or_else(|| {
                failure::hy000(5003, "The server doesn't support function 'DEFAULT and IGNORE in a bulk execution'")
            })?;
            self.skip(handle);
            self.send(handle, &values, types.clone())?;
            let outcome = handle.read_result();
            self.take_opening(handle, outcome)?;
            if self.abi.field_count == 0 {
                changed = changed.saturating_add(self.abi.upsert.affected_rows);
            }
        }
        if handle.mysql.status != STATUS_GET_RESULT && self.abi.field_count == 0 {
            self.abi.upsert.affected_rows = changed;
            handle.mysql.affected_rows = changed;
        }
        Ok(())
    }
}

const fn value_of<'v>(parameter: &BulkParameter<'v>) -> Option<Value<'v>> {
    match parameter {
        BulkParameter::Value(value) => Some(*value),
        BulkParameter::Default | BulkParameter::Ignore => None,
    }
}
