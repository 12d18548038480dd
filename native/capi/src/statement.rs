//! Prepared statements: `MYSQL_STMT` with what belongs to it.

use std::ffi::{c_uint, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::client::{Event, Prepared};
use sealwire_core::message::{BinaryRow, ColumnDefinition, ParamType, StatusFlags, Value};

use super::abi::{MysqlBind, MysqlStmt, STATUS_GET_RESULT, STATUS_READY, STATUS_STMT_RESULT};
use super::bind;
use super::failure;
use super::fields::Fields;
use super::handle::{Handle, Place, set_text};
use super::lengths;
use super::link::{Link, RowStop};
use super::request::Request;
use super::rows::Rows;
use super::session::client_error;

/// The states of a statement, in the order in which they are reached.
pub(crate) const INITTED: c_uint = 0;
pub(crate) const PREPARED: c_uint = 1;
pub(crate) const EXECUTED: c_uint = 2;
pub(crate) const WAITING: c_uint = 3;
pub(crate) const STORED: c_uint = 4;
pub(crate) const FETCHING: c_uint = 5;
pub(crate) const DONE: c_uint = 6;

/// The cursor that `mysql_stmt_attr_set` asks for.
const CURSOR_READ_ONLY: c_ulong = 1;

/// Where a statement's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// There is no cursor on the server.
    None,
    /// More rows are on the server, which are fetched when those in memory were read.
    Open,
    /// The last row was fetched.
    Ended,
}

/// A statement. Programs see its first field alone.
#[repr(C)]
pub(crate) struct Stmt {
    pub(crate) abi: MysqlStmt,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) columns: Vec<ColumnDefinition>,
    fields: Fields,
    pub(crate) params: Vec<MysqlBind>,
    pub(crate) binds: Vec<MysqlBind>,
    rows: Rows,
    /// Whether the rows are in memory.
    pub(crate) is_stored: bool,
    /// The current row of a result that is read from the connection.
    pub(crate) row: Vec<u8>,
    /// The current row of a stored result.
    pub(crate) stored_row: *mut super::abi::MysqlRows,
    longest: Vec<c_ulong>,
    pub(crate) cursor: Cursor,
    /// The values of the next execution, where the program had its request made before.
    pub(crate) request: Option<Request>,
}

impl Stmt {
    pub(crate) fn new() -> Box<Self> {
        let mut statement = Box::new(Self {
            abi: MysqlStmt::zeroed(),
            prepared: None,
            columns: Vec::new(),
            fields: Fields::none(),
            params: Vec::new(),
            binds: Vec::new(),
            rows: Rows::new(),
            is_stored: false,
            row: Vec::new(),
            stored_row: ptr::null_mut(),
            longest: Vec::new(),
            cursor: Cursor::None,
            request: None,
        });
        statement.abi.prefetch_rows = 1;
        statement.clear_error();
        statement
    }

    pub(crate) fn set_error(&mut self, error: &SqlError) {
        self.abi.last_errno = error.code.into();
        set_text(&mut self.abi.last_error, error.message.as_bytes());
        set_text(&mut self.abi.sqlstate, error.sqlstate_str().as_bytes());
    }

    pub(crate) fn clear_error(&mut self) {
        self.abi.last_errno = 0;
        set_text(&mut self.abi.last_error, b"");
        set_text(&mut self.abi.sqlstate, b"00000");
    }

    /// The statement as the server prepared it.
    pub(crate) fn prepared(&self) -> Result<&Prepared, SqlError> {
        // A statement is prepared anew after its number of parameters was announced.
        let prepared = self.prepared.as_ref().filter(|_| self.abi.state > INITTED);
        prepared.ok_or_else(|| failure::hy000(2030, "Statement not prepared"))
    }

    /// The columns, for `mysql_stmt_result_metadata`.
    pub(crate) fn metadata(&self) -> Fields {
        self.fields.clone()
    }

    fn set_columns(&mut self, columns: &[ColumnDefinition]) -> Result<(), SqlError> {
        if self.columns == columns && self.fields.len() == columns.len() {
            return Ok(());
        }
        let is_same_count = self.binds.len() == columns.len();
        self.columns = columns.to_vec();
        self.fields = Fields::new(columns).ok_or_else(failure::no_memory)?;
        self.abi.fields = self.fields.pointer();
        self.abi.field_count = self.fields.count();
        if !is_same_count {
            self.binds = vec![MysqlBind::zeroed(); columns.len()];
            self.abi.bind = if columns.is_empty() { ptr::null_mut() } else { self.binds.as_mut_ptr() };
            self.abi.bind_result_done = 0;
        }
        Ok(())
    }

    pub(crate) fn drop_rows(&mut self) {
        self.rows = Rows::new();
        self.is_stored = false;
        self.row.clear();
        self.stored_row = ptr::null_mut();
        self.abi.result.data = ptr::null_mut();
        self.abi.result.rows = 0;
        self.abi.result_cursor = ptr::null_mut();
    }
}

/// The calls that may have to wait: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// Reads and drops what remains of this statement's results on the connection.
    pub(crate) async fn skip(&mut self, handle: &mut Handle<'_>) {
        if ptr::eq(handle.state.open_statement, &raw const self.abi) {
            if handle.mysql.status == STATUS_STMT_RESULT {
                handle.skip_rows().await;
            }
            handle.state.open_statement = ptr::null_mut();
        }
        self.drop_rows();
    }

    /// Prepares the statement; a former one is closed.
    pub(crate) async fn prepare(&mut self, handle: &mut Handle<'_>, sql: &[u8]) -> Result<(), SqlError> {
        self.clear_error();
        self.skip(handle).await;
        self.set_cursor(Cursor::None);
        let former = self.prepared.take();
        if self.abi.state > INITTED {
            self.unbind();
        }
        self.abi.state = INITTED;
        self.columns.clear();
        // The struct must not point to what is dropped here, because the program may look at it before the answer comes.
        self.abi.fields = ptr::null_mut();
        self.abi.field_count = 0;
        self.fields = Fields::none();
        handle
            .command(|link| {
                if let Some(former) = &former {
                    link.connection.close_statement(former)?;
                }
                link.connection.prepare(sql)
            })
            .await?;
        let prepared = match handle.next_event().await? {
            Event::Prepared(prepared) => prepared,
            Event::Failed(error) => return Err(error),
            _ => return Err(failure::unexpected()),
        };
        self.abi.stmt_id = prepared.statement.into();
        self.abi.param_count = c_uint::try_from(prepared.parameters.len()).unwrap_or(c_uint::MAX);
        self.abi.upsert.warning_count = prepared.warnings.into();
        handle.mysql.warning_count = prepared.warnings.into();
        let (count, announced) = (prepared.parameters.len(), self.abi.prebind_params as usize);
        if announced > 0 && announced != count {
            self.prepared = Some(prepared);
            let told = format!("Invalid parameter number: {announced} were announced, and the statement has {count}");
            return Err(failure::hy000(2034, told));
        }
        if self.params.len() != count {
            self.unbind();
            self.make_params(count);
        }
        self.binds.clear();
        self.set_columns(&prepared.columns)?;
        handle.mysql.field_count = self.abi.field_count;
        self.longest = vec![0; prepared.columns.len()];
        self.prepared = Some(prepared);
        self.abi.state = PREPARED;
        Ok(())
    }
}

impl Stmt {
    /// Drops the binds of the parameters.
    fn unbind(&mut self) {
        self.make_params(0);
        self.abi.bind_param_done = 0;
    }

    fn make_params(&mut self, count: usize) {
        self.params = vec![MysqlBind::zeroed(); count];
        self.abi.params = if count == 0 { ptr::null_mut() } else { self.params.as_mut_ptr() };
    }

    /// Notes the number of parameters that the next statement to be prepared has, so that they can be bound before. A statement that is
    /// prepared is no longer; 0 takes the number back.
    ///
    /// # Errors
    /// 2034 where no statement has so many.
    pub(crate) fn announce(&mut self, count: c_uint) -> Result<(), SqlError> {
        if count > u16::MAX.into() {
            return Err(failure::hy000(2034, "Invalid parameter number: a statement has 65535 parameters at most"));
        }
        if self.abi.state > INITTED {
            self.unbind();
            self.abi.state = INITTED;
        }
        self.abi.prebind_params = count;
        self.abi.param_count = count;
        Ok(())
    }

    /// Makes room for the binds of a statement that is not prepared yet, where their number was announced.
    pub(crate) fn make_announced(&mut self) -> bool {
        let count = self.abi.prebind_params as usize;
        if self.abi.state == INITTED && self.params.len() != count {
            self.make_params(count);
        }
        self.abi.state > INITTED || count > 0
    }

    /// Keeps a copy of the program's binds for the parameters.
    pub(crate) fn bind_parameters(&mut self, binds: &[MysqlBind]) -> Result<(), SqlError> {
        for (number, (param, given)) in self.params.iter_mut().zip(binds).enumerate() {
            bind::buffer_type(given).ok_or_else(|| bind::unsupported(given, number))?;
            *param = *given;
            param.long_data_used = 0;
        }
        self.abi.bind_param_done = 1;
        Ok(())
    }

    /// Keeps a copy of the program's binds for the columns; what a program leaves out is the copy's own.
    pub(crate) fn bind_columns(&mut self, binds: &[MysqlBind]) -> Result<(), SqlError> {
        for (number, (own, given)) in self.binds.iter_mut().zip(binds).enumerate() {
            let kind = bind::buffer_type(given).ok_or_else(|| bind::unsupported(given, number))?;
            *own = *given;
            if let Some(size) = bind::fixed_size(kind) {
                own.buffer_length = size as c_ulong;
            }
            if own.is_null.is_null() {
                own.is_null = &raw mut own.is_null_value;
            }
            if own.length.is_null() {
                own.length = &raw mut own.length_value;
            }
            if own.error.is_null() {
                own.error = &raw mut own.error_value;
            }
        }
        self.abi.bind_result_done = 1;
        Ok(())
    }

    /// The number of parameters, and of columns.
    pub(crate) fn counts(&self) -> (usize, usize) {
        // An execution without rows leaves the binds of the columns for the next one with rows.
        (self.params.len(), self.binds.len().min(self.abi.field_count as usize))
    }
}

/// The calls that may have to wait: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// Sends a piece of a parameter's value.
    pub(crate) async fn send_long(
        &mut self,
        handle: &mut Handle<'_>,
        number: usize,
        data: &[u8],
    ) -> Result<(), SqlError> {
        self.clear_error();
        let prepared = self.prepared()?.clone();
        let (Some(param), Ok(index)) = (self.params.get_mut(number), u16::try_from(number)) else {
            return Err(failure::hy000(2034, "Invalid parameter number"));
        };
        param.long_data_used = 1;
        handle.command(|link| link.connection.send_long_data(&prepared, index, data)).await?;
        handle.flush().await
    }

    /// Runs the statement, up to the columns of its rows.
    ///
    /// # Safety
    /// The pointers in the binds of the parameters are valid.
    pub(crate) async unsafe fn execute(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        self.clear_error();
        self.prepared()?;
        if !self.params.is_empty() && self.abi.bind_param_done == 0 {
            return Err(failure::hy000(2031, "No data supplied for parameters in prepared statement"));
        }
        self.skip(handle).await;
        self.set_cursor(Cursor::None);
        self.abi.state = PREPARED;
        let request = self.request.take();
        if let Some(request) = &request {
            request.check(self.prepared()?.parameters.len())?;
        }
        if request.as_ref().map_or(self.abi.array_size > 0, |request| request.is_bulk) {
            // SAFETY: the caller promises it.
            return unsafe { self.execute_rows(handle, request.as_ref()) }.await;
        }
        handle.begin().await?;
        match &request {
            Some(request) => self.queue(handle, &request.values(), request.types.clone())?,
            // SAFETY: the caller promises it.
            None => unsafe { self.queue_bound(handle) }?,
        }
        handle.flush().await?;
        for param in &mut self.params {
            param.long_data_used = 0;
        }
        handle.read_result().await?;
        self.take_first(handle).await
    }

    /// Takes the beginning of an execution's first result over from the connection.
    ///
    /// # Errors
    /// 2057 where it has another number of columns than the statement had when it was prepared, because a table was altered: the program
    /// has bound buffers for the former ones. CALL alone has results of any columns.
    pub(crate) async fn take_first(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let former = self.prepared()?.columns.len();
        let connection = &handle.link()?.connection;
        let is_call = former == 0 || connection.status().contains(StatusFlags::MORE_RESULTS);
        let count = connection.columns().len();
        if handle.mysql.status != STATUS_GET_RESULT || is_call || count == former {
            return self.take_opening(handle).await;
        }
        handle.mysql.status = STATUS_READY;
        handle.mysql.server_status &= !super::session::MORE_RESULTS;
        handle.drain().await?;
        Err(failure::hy000(
            2057,
            format!(
                "The statement was prepared with {former} columns, and its result has {count}: prepare and bind it again"
            ),
        ))
    }

    /// Takes the beginning of a result over from the connection.
    pub(crate) async fn take_opening(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        self.abi.upsert.affected_rows = handle.mysql.affected_rows;
        self.abi.upsert.last_insert_id = handle.mysql.insert_id;
        self.abi.upsert.server_status = handle.mysql.server_status;
        self.abi.upsert.warning_count = handle.mysql.warning_count;
        self.abi.state = EXECUTED;
        if handle.mysql.status != STATUS_GET_RESULT {
            self.abi.field_count = 0;
            return Ok(());
        }
        let link = handle.state.link.as_ref().ok_or_else(failure::gone)?;
        self.set_columns(link.connection.columns())?;
        self.abi.field_count = self.fields.count();
        self.longest = vec![0; self.columns.len()];
        handle.state.fields = Fields::none();
        handle.mysql.fields = ptr::null_mut();
        handle.mysql.status = STATUS_STMT_RESULT;
        handle.state.open_statement = &raw mut self.abi;
        self.abi.state = WAITING;
        if self.abi.flags & CURSOR_READ_ONLY != 0 {
            self.open_cursor(handle).await?;
        }
        Ok(())
    }

    /// Begins the next of several results: false where there is none.
    pub(crate) async fn next_result(&mut self, handle: &mut Handle<'_>) -> Result<bool, SqlError> {
        self.clear_error();
        if self.abi.state < EXECUTED {
            return Err(failure::out_of_sync());
        }
        if handle.mysql.status == STATUS_STMT_RESULT {
            self.skip(handle).await;
        }
        self.drop_rows();
        if !handle.next_result().await? {
            return Ok(false);
        }
        self.take_opening(handle).await?;
        Ok(true)
    }

    /// Takes all rows into memory.
    pub(crate) async fn store(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        if self.cursor == Cursor::Open && self.abi.state == WAITING {
            self.fetch_rows(handle, u32::MAX).await?;
            self.abi.state = STORED;
            return Ok(());
        }
        if self.abi.field_count == 0 || self.is_stored {
            if self.is_stored {
                self.abi.state = STORED;
            }
            return Ok(());
        }
        if self.abi.state != WAITING || !ptr::eq(handle.state.open_statement, &raw const self.abi) {
            return Err(failure::out_of_sync());
        }
        handle.state.open_statement = ptr::null_mut();
        handle.mysql.status = STATUS_READY;
        self.read_rows(handle).await?;
        self.publish_rows();
        self.abi.upsert.affected_rows = self.rows.count();
        handle.mysql.affected_rows = self.rows.count();
        self.abi.state = STORED;
        Ok(())
    }

    /// Reads the rows of a result into memory.
    pub(crate) async fn read_rows(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let mut taken = Ok(());
        loop {
            if taken.is_ok() {
                taken = self.take_received(handle.link()?);
            }
            if let Err(error) = taken {
                // If the connection breaks as well, the next command tells so: the row came first.
                let _ = handle.drain().await;
                return Err(error);
            }
            match handle.next_row().await {
                Ok(()) => taken = self.take_row(handle.link()?),
                Err(RowStop::End { status, warnings }) => {
                    handle.mysql.server_status = status.into();
                    handle.mysql.warning_count = warnings.into();
                    self.abi.upsert.server_status = status.into();
                    self.abi.upsert.warning_count = warnings.into();
                    self.fields.set_longest(&self.longest);
                    return Ok(());
                }
                Err(RowStop::Failed(error)) => return Err(error),
            }
        }
    }
}

impl Stmt {
    /// Queues the execution with the values of the bound parameters.
    ///
    /// # Safety
    /// The pointers in the binds of the parameters are valid.
    unsafe fn queue_bound(&self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let mut values: Vec<Value<'_>> = Vec::with_capacity(self.params.len());
        let mut types: Vec<ParamType> = Vec::with_capacity(self.params.len());
        for (number, param) in self.params.iter().enumerate() {
            // SAFETY: the caller promises it.
            let (value, param_type) = unsafe { bind::parameter(param, number) }?;
            values.push(value);
            types.push(param_type);
        }
        lengths::check(values.iter().map(lengths::bytes_of).fold(0, usize::saturating_add))?;
        self.queue(handle, &values, types)
    }

    /// Queues an execution with these parameters.
    pub(crate) fn queue(
        &self,
        handle: &mut Handle<'_>,
        values: &[Value<'_>],
        types: Vec<ParamType>,
    ) -> Result<(), SqlError> {
        let prepared = self.prepared()?;
        let wants_cursor = self.abi.flags & CURSOR_READ_ONLY != 0 && !prepared.columns.is_empty();
        handle.queue(|link| {
            if wants_cursor {
                link.connection.execute_with_cursor(prepared, values, types)
            } else {
                link.connection.execute_as(prepared, values, types)
            }
        })
    }

    /// Takes the rows into memory that were received behind the current one.
    fn take_received(&mut self, link: &mut Link) -> Result<(), SqlError> {
        if self.abi.update_max_length == 0 {
            if link.lend() {
                while let Some([payload @ .., _]) = link.lent().advance() {
                    self.rows.push_raw(payload)?;
                }
            }
            return Ok(());
        }
        while link.advance_row() {
            self.take_row(link)?;
        }
        Ok(())
    }

    /// Takes the current row into memory.
    fn take_row(&mut self, link: &Link) -> Result<(), SqlError> {
        if self.abi.update_max_length != 0 {
            let row = link.connection.binary_row().map_err(client_error)?;
            measure(&row, &mut self.longest)?;
        }
        self.rows.push_raw(link.connection.row_payload())
    }

    /// Shows the rows in memory to the program, beginning with the first.
    pub(crate) fn publish_rows(&mut self) {
        self.is_stored = true;
        self.abi.result.data = self.rows.first();
        self.abi.result.rows = self.rows.count();
        self.abi.result_cursor = self.rows.first();
    }
}

/// The calls that may have to wait: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// Drops long data and rows, here and on the server.
    pub(crate) async fn reset(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        self.clear_error();
        self.request = None;
        let prepared = self.prepared()?.clone();
        self.skip(handle).await;
        self.set_cursor(Cursor::None);
        handle.mysql.server_status &= !super::session::MORE_RESULTS;
        for param in &mut self.params {
            param.long_data_used = 0;
        }
        self.abi.state = PREPARED;
        handle.simple(|link| link.connection.reset_statement(&prepared)).await
    }

    /// Drops the rows.
    pub(crate) async fn free_result(&mut self, handle: &mut Handle<'_>) {
        self.skip(handle).await;
        self.close_cursor(handle).await;
        // Not PREPARED, because further results of the same execution may follow, and programs ask for them after this.
        if self.abi.state > EXECUTED {
            self.abi.state = DONE;
        }
    }

    /// Closes the statement on the server.
    pub(crate) async fn close(&mut self, handle: &mut Handle<'_>) {
        self.skip(handle).await;
        let Some(prepared) = self.prepared.take() else { return };
        // The command has no answer; an error is found by the next one.
        if handle
            .state
            .link
            .as_mut()
            .is_some_and(|link| link.is_alive() && link.is_ours() && link.connection.close_statement(&prepared).is_ok())
        {
            let _ = handle.flush().await;
        }
    }
}

impl Stmt {
    /// Moves to the row of this number.
    pub(crate) fn seek(&mut self, number: u64) {
        self.abi.result_cursor = self.rows.at(number);
        if self.is_stored && self.abi.state == DONE {
            self.abi.state = STORED;
        }
    }

    /// Moves to a row that was told before; returns the former one.
    pub(crate) fn seek_to(&mut self, row: *mut super::abi::MysqlRows) -> *mut super::abi::MysqlRows {
        if self.is_stored && self.abi.state == DONE {
            self.abi.state = STORED;
        }
        std::mem::replace(&mut self.abi.result_cursor, row)
    }

    /// The number of stored rows.
    pub(crate) const fn stored_rows(&self) -> u64 {
        self.rows.count()
    }
}

/// Notes the length of each column's longest value, as it would be in text.
fn measure(row: &BinaryRow<'_>, longest: &mut [c_ulong]) -> Result<(), SqlError> {
    for ((value, column), longest) in row.iter().zip(row.columns()).zip(longest) {
        let length = match value.map_err(|error| client_error(error.into()))? {
            Value::Null => 0,
            Value::Bytes(bytes) => bytes.len(),
            other => other.text_in(column).to_string().len(),
        };
        *longest = (*longest).max(length as c_ulong);
    }
    Ok(())
}
