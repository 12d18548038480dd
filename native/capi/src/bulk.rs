//! Bulk executions: a prepared statement runs once for each row of the program's arrays.

use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::message::{BulkExecute, BulkParameter, Capabilities, ColumnType, ParamType, StmtExecute, Value};

use super::abi::{MysqlBind, STATUS_GET_RESULT};
use super::bind;
use super::failure;
use super::handle::{Handle, Place};
use super::lengths;
use super::request::Request;
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
    pub(crate) fn types(&self) -> Result<Vec<ParamType>, SqlError> {
        let mut types = Vec::with_capacity(self.params.len());
        for (number, param) in self.params.iter().enumerate() {
            let column_type = bind::buffer_type(param).ok_or_else(|| bind::unsupported(param, number))?;
            types.push(ParamType { column_type, unsigned: param.is_unsigned != 0 });
        }
        Ok(types)
    }
}

/// The calls that may have to wait, or that the program's functions may interrupt: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// The parameters of a row of the bound arrays, or of the binds into which the program's function puts the row; `None` for a row that
    /// is left out.
    ///
    /// # Safety
    /// As [`row_of`].
    ///
    /// # Errors
    /// 5016 where the program's function fails, and as [`row_of`].
    pub(crate) unsafe fn row<'v>(&mut self, row: usize) -> Result<Option<Vec<BulkParameter<'v>>>, SqlError> {
        let Some(callback) = self.abi.param_callback else {
            // SAFETY: the caller promises it.
            return unsafe { row_of(&self.params, row, self.abi.row_size) };
        };
        let (data, binds) = (self.abi.user_data, self.params.as_mut_ptr());
        // SAFETY: the program gave this function for this purpose; the binds stay where they are, because the handle is busy.
        if unsafe { callback(data, binds, c_uint::try_from(row).unwrap_or(c_uint::MAX)) } != 0 {
            return Err(failure::hy000(
                5016,
                format!("The program's function gives no parameters for row {}", row + 1),
            ));
        }
        // SAFETY: the function has put one row into the binds, which is not behind an array of pointers; so rows have a size.
        unsafe { row_of(&self.params, 0, 1) }
    }

    /// The one command that executes the statement for all rows.
    ///
    /// # Safety
    /// The program has bound arrays of `array_size` rows.
    unsafe fn all_rows(&mut self, types: Vec<ParamType>) -> Result<BulkExecute, SqlError> {
        let mut bulk = BulkExecute::new(self.prepared()?.statement, types);
        let mut length: usize = 0;
        for row in 0..self.abi.array_size as usize {
            // SAFETY: the caller says that the arrays have the row.
            let parameters = unsafe { self.row(row) }?;
            for parameter in parameters.iter().flatten() {
                length = length.saturating_add(value_of(parameter).as_ref().map_or(0, lengths::bytes_of));
            }
            lengths::check(length)?;
            if parameters.is_some_and(|parameters| !bulk.push(&parameters)) {
                return Err(failure::hy000(2036, format!("Row {} has a value that its type does not hold", row + 1)));
            }
        }
        Ok(bulk)
    }

    /// Queues an execution with the parameters of a row.
    fn queue_row(
        &self,
        handle: &mut Handle<'_>,
        parameters: &[BulkParameter<'_>],
        types: &[ParamType],
    ) -> Result<(), SqlError> {
        let values: Option<Vec<Value<'_>>> = parameters.iter().map(value_of).collect();
        let values = values.ok_or_else(|| {
            failure::hy000(5003, "The server doesn't support function 'DEFAULT and IGNORE in a bulk execution'")
        })?;
        self.queue(handle, &values, types.to_vec())
    }

    /// Runs the statement for each row of the arrays, or of the request that was made of them: by one command where the server has it, else
    /// by one command for each row.
    ///
    /// # Safety
    /// The program has bound arrays of `array_size` rows, unless there is a request.
    pub(crate) async unsafe fn execute_rows(
        &mut self,
        handle: &mut Handle<'_>,
        request: Option<&Request>,
    ) -> Result<(), SqlError> {
        handle.note_extended();
        let types = match request {
            Some(request) => request.types.clone(),
            None => self.types()?,
        };
        if types.is_empty() {
            return Err(failure::hy000(5006, "Bulk operation without parameters is not supported"));
        }
        if handle.link()?.connection.facts().capabilities.contains(Capabilities::MARIADB_STMT_BULK_OPERATIONS) {
            let bulk = match request {
                Some(request) => request.bulk(self.prepared()?.statement)?,
                // SAFETY: the caller promises it.
                None => unsafe { self.all_rows(types) }?,
            };
            handle.command(|link| link.connection.execute_bulk(&bulk)).await?;
            handle.flush().await?;
            handle.read_result().await?;
            return self.take_first(handle).await;
        }
        let mut changed: u64 = 0;
        let count = request.map_or(self.abi.array_size as usize, Request::len);
        for row in 0..count {
            self.skip(handle).await;
            handle.begin().await?;
            let parameters = match request {
                Some(request) => Some(request.row(row)),
                // SAFETY: the caller says that the arrays have the row.
                None => unsafe { self.row(row) }?,
            };
            let Some(parameters) = parameters else { continue };
            self.queue_row(handle, &parameters, &types)?;
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

impl Place<Stmt> {
    /// Makes the request of the next execution, and shows it to the program.
    ///
    /// # Safety
    /// The pointers in the binds of the parameters are valid; for a bulk execution they are arrays of `array_size` rows.
    ///
    /// # Errors
    /// 2031 where no parameters are bound, and those of the values.
    pub(crate) unsafe fn make_request(&mut self) -> Result<(*mut u8, usize), SqlError> {
        self.clear_error();
        if !self.params.is_empty() && self.abi.bind_param_done == 0 {
            return Err(failure::hy000(2031, "No data supplied for parameters in prepared statement"));
        }
        let is_bulk = self.abi.array_size > 0;
        let types = self.types()?;
        if is_bulk && types.is_empty() {
            return Err(failure::hy000(5006, "Bulk operation without parameters is not supported"));
        }
        let mut request = Request::new(types, is_bulk);
        let mut length = 0;
        if is_bulk {
            for row in 0..self.abi.array_size as usize {
                // SAFETY: the caller says that the arrays have the row.
                if let Some(parameters) = unsafe { self.row(row) }? {
                    request.push(&parameters, &mut length)?;
                }
            }
        } else {
            let mut values = Vec::with_capacity(self.params.len());
            for (number, param) in self.params.iter().enumerate() {
                // SAFETY: the caller promises it.
                values.push(BulkParameter::Value(unsafe { bind::parameter(param, number) }?.0));
            }
            request.push(&values, &mut length)?;
        }
        let statement = self.prepared().map_or(StmtExecute::LAST_PREPARED, |prepared| prepared.statement);
        request.encode(statement, self.abi.flags.to_le_bytes()[0])?;
        Ok(self.request.insert(request).shown())
    }
}

const fn value_of<'v>(parameter: &BulkParameter<'v>) -> Option<Value<'v>> {
    match parameter {
        BulkParameter::Value(value) => Some(*value),
        BulkParameter::Default | BulkParameter::Ignore => None,
    }
}
