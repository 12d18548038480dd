//! Cursors on the server, from which a statement's rows are fetched some at a time.

use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::message::StatusFlags;

use super::abi::STATUS_READY;
use super::handle::{Handle, Place};
use super::statement::{Cursor, Stmt, WAITING};

/// The calls that may have to wait: no reference to the statement is held meanwhile.
impl Place<Stmt> {
    /// After the columns: notes the cursor that the server has opened. A server that has opened none sends the rows at once; they are taken
    /// into memory, because the program may run other statements meanwhile.
    pub(crate) async fn open_cursor(&mut self, handle: &mut Handle<'_>) -> Result<(), SqlError> {
        let link = handle.link()?;
        if link.connection.is_idle() && link.connection.status().contains(StatusFlags::CURSOR_EXISTS) {
            handle.state.open_statement = ptr::null_mut();
            handle.mysql.status = STATUS_READY;
            self.set_cursor(Cursor::Open);
            return Ok(());
        }
        self.store(handle).await?;
        self.abi.state = WAITING;
        // The status is in the packet behind the columns where EOF packets are out of use.
        if self.stored_rows() == 0 && handle.mysql.server_status & u32::from(StatusFlags::CURSOR_EXISTS.bits()) != 0 {
            self.set_cursor(Cursor::Open);
        }
        Ok(())
    }

    /// Fetches up to `most` rows of the cursor in place of those in memory.
    pub(crate) async fn fetch_rows(&mut self, handle: &mut Handle<'_>, most: u32) -> Result<(), SqlError> {
        let prepared = self.prepared()?.clone();
        self.drop_rows();
        self.set_cursor(Cursor::Ended);
        handle.command(|link| link.connection.fetch(&prepared, most)).await?;
        self.read_rows(handle).await?;
        if handle.mysql.server_status & u32::from(StatusFlags::LAST_ROW_SENT.bits()) == 0 {
            self.set_cursor(Cursor::Open);
        }
        self.publish_rows();
        Ok(())
    }

    /// Closes the cursor on the server, where a command can be sent now. Otherwise the next execution does it.
    pub(crate) async fn close_cursor(&mut self, handle: &mut Handle<'_>) {
        let was_open = self.cursor == Cursor::Open;
        self.set_cursor(Cursor::None);
        if was_open
            && handle.check_turn().is_ok()
            && let Some(prepared) = self.prepared.clone()
        {
            // An error of the connection is found by the next command.
            let _ = handle.simple(|link| link.connection.reset_statement(&prepared)).await;
        }
    }
}

impl Stmt {
    pub(crate) fn set_cursor(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.abi.cursor_exists = i8::from(cursor == Cursor::Open);
    }
}
