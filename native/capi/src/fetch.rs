//! The rows of a prepared statement: moving to the next one, and handing its values over to the program.

use std::ffi::c_ulong;
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::message::BinaryRow;

use super::abi::{Mysql, MysqlBind};
use super::bind;
use super::failure;
use super::handle::{Handle, Place};
use super::link::Link;
use super::rows;
use super::session::client_error;
use super::state::State;
use super::statement::{Cursor, DONE, EXECUTED, FETCHING, INITTED, Stmt, WAITING};

/// The outcome of a fetch.
pub(crate) enum Fetched {
    Row { truncated: bool },
    NoData,
}

/// The calls that may have to wait, or that the program's functions may interrupt: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// Moves to the next row, and writes it into the binds of the columns.
    ///
    /// # Safety
    /// The pointers in the binds of the columns are valid.
    pub(crate) async unsafe fn fetch(&mut self, handle: &mut Handle<'_>) -> Result<Fetched, SqlError> {
        // SAFETY: the caller promises it.
        if let Some(fetched) = unsafe { self.fetch_now(handle) }? {
            return Ok(fetched);
        }
        if self.wants_rows() {
            let most = u32::try_from(self.abi.prefetch_rows).unwrap_or(u32::MAX);
            self.fetch_rows(handle, most).await?;
            // SAFETY: the caller promises it.
            return unsafe { self.fetch_stored(handle) };
        }
        match handle.advance().await {
            Ok(Some(())) => {}
            ended => {
                handle.state.open_statement = ptr::null_mut();
                self.abi.state = DONE;
                self.abi.upsert.server_status = handle.mysql.server_status;
                self.abi.upsert.warning_count = handle.mysql.warning_count;
                return ended.map(|_| Fetched::NoData);
            }
        }
        self.keep_row(handle.link()?.connection.row_payload())?;
        // SAFETY: the caller promises it.
        unsafe { self.deliver(&handle.mysql) }
    }

    /// Hands the values of the current row that have no bind to the program's function, and every NULL, as bytes of the protocol.
    ///
    /// # Safety
    /// No call on the statement's handle can run meanwhile.
    pub(crate) unsafe fn hand_out(&mut self) -> Result<(), SqlError> {
        let Some(callback) = self.abi.result_callback else { return Ok(()) };
        let data = self.abi.user_data;
        // SAFETY: the caller says that no call frees the row or the columns; others leave them as they are.
        let (columns, payload) =
            unsafe { (&*ptr::from_ref(self.columns.as_slice()), &*ptr::from_ref(self.payload()?)) };
        let row = BinaryRow::new(payload, columns).map_err(|error| client_error(error.into()))?;
        let mut values = row.iter();
        for (number, _) in (0..).zip(columns) {
            let start = values.undecoded().map(|(_, bytes)| bytes.as_ptr());
            // The function reads as many bytes as the value has, so the value is decoded before.
            match values.next() {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(client_error(error.into())),
                None => break,
            }
            let is_bound = self.abi.bind_result_done != 0
                && self.binds.get(number as usize).is_some_and(|bind| bind.flags & bind::SKIPPED == 0);
            // SAFETY: the program gave this function for this purpose; it gets NULL, or a pointer to a pointer to the value's bytes.
            unsafe {
                match start {
                    None => callback(data, number, ptr::null_mut()),
                    Some(_) if is_bound => {}
                    Some(start) => {
                        let mut at = start.cast_mut();
                        callback(data, number, &raw mut at);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Stmt {
    /// As [`Place::fetch`], where the row is here already; else `None`.
    ///
    /// # Safety
    /// The pointers in the binds of the columns are valid.
    pub(crate) unsafe fn fetch_now(&mut self, handle: &mut Handle<'_>) -> Result<Option<Fetched>, SqlError> {
        match self.abi.state {
            INITTED..=EXECUTED => return Err(failure::out_of_sync()),
            DONE => return Ok(Some(Fetched::NoData)),
            _ => {}
        }
        if self.wants_rows() {
            return Ok(None);
        }
        if self.is_stored {
            // SAFETY: the caller promises it.
            return unsafe { self.fetch_stored(handle) }.map(Some);
        }
        if !ptr::eq(handle.state.open_statement, &raw const self.abi) {
            return Err(failure::out_of_sync());
        }
        let link = handle.link()?;
        let mut taken = self.take_lent(link);
        if taken.is_none() && link.lend() {
            taken = self.take_lent(link);
        }
        let Some(kept) = taken else { return Ok(None) };
        kept?;
        // SAFETY: the caller promises it.
        unsafe { self.deliver(&handle.mysql) }.map(Some)
    }

    /// As [`Self::fetch_now`], where the connection has lent the row; else `None`. It looks at no more than that takes.
    ///
    /// # Safety
    /// The statement's handle is NULL or open, and the pointers in the binds of the columns are valid.
    #[inline]
    pub(crate) unsafe fn fetch_lent(&mut self) -> Option<Result<Fetched, SqlError>> {
        // SAFETY: the caller says so; the extension is NULL or a state of `mysql_init`.
        unsafe {
            let mysql = self.abi.mysql.as_ref()?;
            let state = mysql.extension.cast::<State>().as_mut()?;
            let is_due =
                matches!(self.abi.state, WAITING | FETCHING) && ptr::eq(state.open_statement, &raw const self.abi);
            if !is_due || self.is_stored || self.wants_rows() || state.poisoned || state.suspended.is_some() {
                return None;
            }
            // In place of `with`, which costs more than the row: if this panics, the handle stays poisoned.
            state.poisoned = true;
            let taken = state.link.as_mut().and_then(|link| self.take_lent(link));
            let fetched = taken.map(|kept| {
                kept?;
                self.deliver(mysql)
            });
            state.poisoned = false;
            fetched
        }
    }

    /// Moves to the next row that the connection has lent, if there is one.
    #[inline]
    fn take_lent(&mut self, link: &mut Link) -> Option<Result<(), SqlError>> {
        let [payload @ .., _] = link.lent().advance()? else { return None };
        Some(self.keep_row(payload))
    }

    /// Makes this the current row.
    #[inline]
    fn keep_row(&mut self, payload: &[u8]) -> Result<(), SqlError> {
        self.row.clear();
        self.row.try_reserve(payload.len()).map_err(|_| failure::no_memory())?;
        self.row.extend_from_slice(payload);
        Ok(())
    }

    /// Whether the next row is to be fetched from the cursor first.
    const fn wants_rows(&self) -> bool {
        matches!(self.cursor, Cursor::Open) && self.abi.result_cursor.is_null()
    }

    /// Moves to the next row in memory, and writes it into the binds of the columns.
    ///
    /// # Safety
    /// The pointers in the binds of the columns are valid.
    unsafe fn fetch_stored(&mut self, handle: &mut Handle<'_>) -> Result<Fetched, SqlError> {
        self.stored_row = self.abi.result_cursor;
        // SAFETY: the cursor is NULL or one of the rows, which live until the next execution.
        let Some(row) = (unsafe { self.stored_row.as_ref() }) else {
            self.abi.state = DONE;
            return Ok(Fetched::NoData);
        };
        self.abi.result_cursor = row.next;
        // SAFETY: the caller promises it.
        unsafe { self.deliver(&handle.mysql) }
    }

    /// Writes the row to which the fetch has moved into the binds of the columns.
    ///
    /// # Safety
    /// The pointers in the binds of the columns are valid.
    unsafe fn deliver(&mut self, mysql: &Mysql) -> Result<Fetched, SqlError> {
        self.abi.state = FETCHING;
        if self.abi.bind_result_done == 0 {
            return Ok(Fetched::Row { truncated: false });
        }
        // SAFETY: the row and the columns stay as they are while the binds are filled; the caller says that their pointers are valid.
        let truncated = unsafe { self.fill() }?;
        let reports = mysql.options.report_data_truncation != 0;
        Ok(Fetched::Row { truncated: truncated && reports })
    }

    /// The current row.
    ///
    /// # Safety
    /// The stored rows are not freed while the row is used.
    unsafe fn current<'r>(&'r self) -> Result<BinaryRow<'r>, SqlError> {
        // SAFETY: the caller promises it.
        BinaryRow::new(unsafe { self.payload() }?, &self.columns).map_err(|error| client_error(error.into()))
    }

    /// The bytes of the current row.
    ///
    /// # Safety
    /// As [`Self::current`].
    unsafe fn payload(&self) -> Result<&[u8], SqlError> {
        if !self.is_stored {
            return Ok(&self.row);
        }
        // SAFETY: the caller says so; the row is one of `self.rows`.
        unsafe { rows::raw(self.stored_row) }.ok_or_else(|| {
            failure::hy000(2051, "Attempt to read a row while there is no result set associated with the statement")
        })
    }

    /// Writes the current row into the binds. Returns whether something was lost.
    ///
    /// # Safety
    /// The pointers in the binds of the columns are valid.
    unsafe fn fill(&mut self) -> Result<bool, SqlError> {
        let mut truncated = false;
        let mut binds = std::mem::take(&mut self.binds);
        // SAFETY: the rows are freed by this statement alone, which does nothing else meanwhile.
        let outcome = unsafe { self.current() }.and_then(|row| {
            let mut values = row.iter();
            for (column, bind) in self.columns.iter().zip(&mut binds) {
                // SAFETY: the caller says that the bind's pointers are valid.
                let at_once =
                    values.undecoded().and_then(|(_, bytes)| unsafe { bind::deliver_at_once(bytes, column, bind) });
                if let Some((used, cut)) = at_once {
                    values.skip_bytes(used);
                    truncated |= cut;
                    continue;
                }
                match values.next() {
                    Some(Ok(_)) if bind.flags & bind::SKIPPED != 0 => {}
                    // SAFETY: the caller says that the bind's pointers are valid.
                    Some(Ok(value)) => truncated |= unsafe { bind::deliver(value, column, bind, 0) },
                    Some(Err(error)) => return Err(client_error(error.into())),
                    None => break,
                }
            }
            Ok(())
        });
        self.binds = binds;
        outcome.map(|()| truncated)
    }

    /// Writes a column of the current row into a bind, from `offset` on.
    ///
    /// # Safety
    /// The bind's pointers are valid.
    pub(crate) unsafe fn fetch_column(
        &self,
        bind: &mut MysqlBind,
        column: usize,
        offset: usize,
    ) -> Result<(), SqlError> {
        let no_data = || failure::hy000(2051, "Attempt to read column without prior row fetch");
        if self.abi.state != FETCHING {
            return Err(no_data());
        }
        // SAFETY: the rows are freed by this statement alone, which does nothing else meanwhile.
        let row = unsafe { self.current() }?;
        let value = row.iter().nth(column).ok_or_else(no_data)?.map_err(|error| client_error(error.into()))?;
        let definition = self.columns.get(column).ok_or_else(no_data)?;
        let kind = bind::buffer_type(bind).ok_or_else(|| bind::unsupported(bind, column))?;
        if let Some(size) = bind::fixed_size(kind) {
            bind.buffer_length = size as c_ulong;
        }
        let mut own = *bind;
        // Pointers that the program leaves out point into the bind itself.
        if own.length.is_null() {
            own.length = &raw mut bind.length_value;
        }
        // SAFETY: the caller promises it.
        let truncated = unsafe { bind::deliver(value, definition, &mut own, offset) };
        bind.error_value = own.error_value;
        bind.is_null_value = own.is_null_value;
        bind.length_value = own.length_value;
        let _ = truncated;
        Ok(())
    }
}
