//! Bulk executions: a prepared statement runs once for each row of the program's arrays.

use std::ffi::{CStr, c_int, c_ulong, c_void};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::message::{BulkExecute, BulkParameter, Capabilities, ColumnType, ParamType, Value};

use super::abi::{MysqlBind, STATUS_GET_RESULT};
use super::bind;
use super::failure;
use super::handle::{Handle, Place};
use super::lengths;
use super::statement::{Stmt, bytes_of};

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
                let one = unsafe { of_row(param, row, row_size, kind, meant == NUL_TERMINATED) };
                // SAFETY: as above.
                BulkParameter::Value(unsafe { bind::parameter(&one, number) }?.0)
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
    /// The types of the parameters.
    fn types(&self) -> Result<Vec<ParamType>, SqlError> {
        let mut types = Vec::with_capacity(self.params.len());
        for (number, param) in self.params.iter().enumerate() {
            let column_type = bind::buffer_type(param).ok_or_else(|| bind::unsupported(param, number))?;
            types.push(ParamType { column_type, unsigned: param.is_unsigned != 0 });
        }
        if types.is_empty() {
            return Err(failure::hy000(5006, "Bulk operation without parameters is not supported"));
        }
        Ok(types)
    }

    /// The one command that executes the statement for all rows.
    ///
    /// # Safety
    /// The program has bound arrays of `array_size` rows.
    unsafe fn all_rows(&self, types: Vec<ParamType>) -> Result<BulkExecute, SqlError> {
        let mut bulk = BulkExecute::new(self.prepared()?.statement, types);
        let mut length: usize = 0;
        for row in 0..self.abi.array_size as usize {
            // SAFETY: the caller says that the arrays have the row.
            let parameters = unsafe { row_of(&self.params, row, self.abi.row_size) }?;
            for parameter in parameters.iter().flatten() {
                length = length.saturating_add(value_of(parameter).as_ref().map_or(0, bytes_of));
            }
            lengths::check(length)?;
            if parameters.is_some_and(|parameters| !bulk.push(&parameters)) {
                return Err(failure::hy000(2036, format!("Row {} has a value that its type does not hold", row + 1)));
            }
        }
        Ok(bulk)
    }

    /// Queues an execution with the values of a row; false for a row that is left out.
    ///
    /// # Safety
    /// The program has bound arrays that have this row.
    unsafe fn queue_row(&self, handle: &mut Handle<'_>, row: usize, types: &[ParamType]) -> Result<bool, SqlError> {
        // SAFETY: the caller says that the arrays have the row.
        let Some(parameters) = unsafe { row_of(&self.params, row, self.abi.row_size) }? else { return Ok(false) };
        let values: Option<Vec<Value<'_>>> = parameters.iter().map(value_of).collect();
        let values = values.ok_or_else(|| {
            failure::hy000(5003, "The server doesn't support function 'DEFAULT and IGNORE in a bulk execution'")
        })?;
        self.queue(handle, &values, types.to_vec()).map(|()| true)
    }
}

/// The calls that may have to wait: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// Runs the statement for each row of the arrays: by one command where the server has it, else by one command for each row.
    ///
    /// # Safety
    /// The program has bound arrays of `array_size` rows.
    pub(crate) async unsafe fn execute_rows(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let types = self.types()?;
        if handle.link()?.connection.facts().capabilities.contains(Capabilities::MARIADB_STMT_BULK_OPERATIONS) {
            // SAFETY: the caller promises it.
            let bulk = unsafe { self.all_rows(types) }?;
            handle.command(|link| link.connection.execute_bulk(&bulk)).await?;
            handle.flush().await?;
            handle.read_result().await?;
            return self.take_first(handle).await;
        }
        let mut changed: u64 = 0;
        for row in 0..self.abi.array_size as usize {
            self.skip(handle).await;
            handle.begin().await?;
            // SAFETY: the caller says that the arrays have the row.
            if !unsafe { self.queue_row(handle, row, &types) }? {
                continue;
            }
            handle.flush().await?;
            handle.read_result().await?;
            self.take_first(handle).await?;
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
