//! The commands of a connection.

use std::ffi::{CString, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::client::{Event, Summary};
use sealwire_core::error::Error;
use sealwire_core::message::StatusFlags;

use super::abi::{STATUS_GET_RESULT, STATUS_READY};
use super::connect;
use super::failure;
use super::fields::Fields;
use super::handle::{Handle, pointer};
use super::infile;
use super::link::{Link, RowStop};
use super::rows::Rows;
use super::state;

/// `SERVER_MORE_RESULTS_EXIST`.
pub(crate) const MORE_RESULTS: u32 = StatusFlags::MORE_RESULTS.bits() as u32;

/// A result that was read to its end.
pub(crate) struct Stored {
    pub(crate) fields: Fields,
    pub(crate) rows: Rows,
}

pub(crate) fn client_error(error: Error) -> SqlError {
    error.as_client_error()
}

impl Handle<'_> {
    /// The connection, ready for a command. Removes the last command's traces.
    ///
    /// # Errors
    /// 2014 where an answer was not read, 2006 where there is no connection.
    pub(crate) fn begin(&mut self) -> Result<&mut Link, SqlError> {
        self.check_turn()?;
        self.clear_error();
        self.mysql.affected_rows = u64::MAX;
        self.mysql.info = ptr::null_mut();
        self.state.changes.clear();
        if !self.state.link.as_mut().is_some_and(Link::is_usable) {
            self.connect_again()?;
        }
        let link = self.state.link.as_mut().ok_or_else(failure::gone)?;
        // The program may have dropped further results by clearing their flag, as DBD::MariaDB does.
        link.drain()?;
        Ok(link)
    }

    /// Whether a command may be sent now.
    pub(crate) fn check_turn(&self) -> Result<(), SqlError> {
        if self.state.link.is_none() {
            return Ok(());
        }
        let is_pending = self.mysql.status != STATUS_READY || self.mysql.server_status & MORE_RESULTS != 0;
        if is_pending { Err(failure::out_of_sync()) } else { Ok(()) }
    }

    /// Connects again where the program allows that, because the connection is gone.
    fn connect_again(&mut self) -> Result<(), SqlError> {
        let may = self.state.settings.flag(super::options::RECONNECT)
            && self.mysql.server_status & u32::from(StatusFlags::IN_TRANS.bits()) == 0;
        let is_ours = self.state.link.as_ref().is_none_or(Link::is_ours);
        // The server's reason, if it gave one, is better than "gone away".
        let last_word = self.state.link.as_mut().and_then(Link::take_last_word);
        self.disconnect();
        match self.state.login.clone() {
            Some(login) if may && is_ours => connect::establish(self, login),
            _ => Err(last_word.unwrap_or_else(failure::gone)),
        }
    }

    /// Ends the connection after an error that broke it.
    pub(crate) fn check_link(&mut self) {
        if self.state.link.as_ref().is_some_and(|link| !link.is_alive()) {
            self.disconnect();
        }
    }

    /// Runs a command: what `body` does to the connection, then the connection's fate.
    pub(crate) fn command<T>(&mut self, body: impl FnOnce(&mut Link) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let outcome = self.begin().and_then(body);
        self.check_link();
        outcome
    }

    /// A command whose answer is OK.
    pub(crate) fn simple(&mut self, send: impl FnOnce(&mut Link) -> Result<(), Error>) -> Result<(), SqlError> {
        let summary = self.command(|link| {
            send(link).map_err(client_error)?;
            link.done()
        })?;
        // As in the original, a command that is no statement leaves the numbers of the last statement as they are.
        self.mysql.server_status = summary.status.bits().into();
        self.mysql.warning_count = summary.warnings.into();
        self.state.track(&summary);
        self.mysql.charset = self.state.charset;
        Ok(())
    }

    /// Publishes the server's summary of a statement without rows.
    pub(crate) fn absorb(&mut self, summary: &Summary) {
        self.mysql.affected_rows = summary.affected_rows;
        self.mysql.insert_id = summary.last_insert_id;
        self.mysql.warning_count = summary.warnings.into();
        self.mysql.server_status = summary.status.bits().into();
        self.mysql.info = ptr::null_mut();
        if !summary.info.is_empty() {
            self.state.texts.info = state::text(summary.info.as_bytes());
            self.mysql.info = pointer(&self.state.texts.info);
        }
        self.state.track(summary);
        self.mysql.charset = self.state.charset;
        self.mysql.db =
            if self.state.texts.database.is_empty() { ptr::null_mut() } else { pointer(&self.state.texts.database) };
    }

    /// Sends SQL without waiting for the answer.
    pub(crate) fn send_query(&mut self, sql: &[u8]) -> Result<(), SqlError> {
        self.command(|link| {
            link.connection.query(sql).map_err(client_error)?;
            link.flush()
        })
    }

    /// Reads the answer to a query up to the columns of its rows.
    pub(crate) fn read_result(&mut self) -> Result<(), SqlError> {
        let outcome = self.read_opening();
        self.check_link();
        outcome
    }

    fn read_opening(&mut self) -> Result<(), SqlError> {
        self.mysql.status = STATUS_READY;
        self.mysql.field_count = 0;
        self.mysql.fields = ptr::null_mut();
        self.state.fields = Fields::none();
        self.mysql.server_status &= !MORE_RESULTS;
        let link = self.state.link.as_mut().ok_or_else(failure::gone)?;
        loop {
            match link.next_event()? {
                Event::Ok(summary) => {
                    self.absorb(&summary);
                    return Ok(());
                }
                Event::ResultSet => {
                    let fields = Fields::new(link.connection.columns()).ok_or_else(failure::no_memory)?;
                    self.mysql.server_status = link.connection.status().bits().into();
                    self.mysql.server_status &= !MORE_RESULTS;
                    self.state.fields = fields;
                    self.mysql.fields = self.state.fields.pointer();
                    self.mysql.field_count = self.state.fields.count();
                    self.mysql.status = STATUS_GET_RESULT;
                    return Ok(());
                }
                Event::Failed(error) => return Err(error),
                Event::LocalInfile { filename } => infile::send(link, &filename, self.state.infile)?,
                _ => return Err(failure::unexpected()),
            }
        }
    }

    /// COM_QUERY, up to the columns of the first result.
    pub(crate) fn query(&mut self, sql: &[u8]) -> Result<(), SqlError> {
        self.send_query(sql)?;
        self.read_result()
    }

    /// Takes all rows of the result whose columns were read.
    pub(crate) fn store(&mut self) -> Result<Stored, SqlError> {
        if self.mysql.status != STATUS_GET_RESULT {
            return Err(failure::out_of_sync());
        }
        self.mysql.status = STATUS_READY;
        let outcome = self.read_rows();
        self.check_link();
        outcome
    }

    fn read_rows(&mut self) -> Result<Stored, SqlError> {
        let fields = std::mem::replace(&mut self.state.fields, Fields::none());
        let mut longest: Vec<c_ulong> = vec![0; fields.len()];
        let mut rows = Rows::new();
        let link = self.state.link.as_mut().ok_or_else(failure::gone)?;
        let mut pushed = Ok(());
        loop {
            while let (Ok(()), Some(payload)) = (&pushed, link.row_at_hand()) {
                pushed = rows.push_text(payload, &mut longest);
            }
            if let Err(error) = pushed {
                link.drain()?;
                return Err(error);
            }
            match link.next_row() {
                Ok(()) => pushed = rows.push_text(link.connection.row_payload(), &mut longest),
                Err(RowStop::End { status, warnings }) => {
                    self.mysql.server_status = status.into();
                    self.mysql.warning_count = warnings.into();
                    self.mysql.affected_rows = rows.count();
                    break;
                }
                Err(RowStop::Failed(error)) => {
                    self.mysql.server_status &= !MORE_RESULTS;
                    return Err(error);
                }
            }
        }
        fields.set_longest(&longest);
        Ok(Stored { fields, rows })
    }

    /// Moves to the next row of an open result; `None` at its end, after which a command may be sent.
    pub(crate) fn advance(&mut self) -> Result<Option<()>, SqlError> {
        let Some(link) = self.state.link.as_mut() else { return Err(failure::gone()) };
        match link.next_row() {
            Ok(()) => Ok(Some(())),
            Err(RowStop::End { status, warnings }) => {
                self.mysql.status = STATUS_READY;
                self.mysql.server_status = status.into();
                self.mysql.warning_count = warnings.into();
                Ok(None)
            }
            Err(RowStop::Failed(error)) => {
                self.mysql.status = STATUS_READY;
                self.mysql.server_status &= !MORE_RESULTS;
                self.check_link();
                Err(error)
            }
        }
    }

    /// Reads and drops the rest of an open result.
    pub(crate) fn skip_rows(&mut self) {
        // An error of the statement concerns rows that nobody wants; one of the connection is found by the next command.
        while let Ok(Some(())) = self.advance() {}
        self.mysql.status = STATUS_READY;
    }

    /// Begins the next of several results: false where there is none.
    pub(crate) fn next_result(&mut self) -> Result<bool, SqlError> {
        if self.mysql.status != STATUS_READY {
            return Err(failure::out_of_sync());
        }
        self.clear_error();
        self.mysql.affected_rows = u64::MAX;
        if self.mysql.server_status & MORE_RESULTS == 0 {
            return Ok(false);
        }
        self.read_result().map(|()| true)
    }

    /// Makes a database the default one.
    pub(crate) fn select_database(&mut self, name: &CString) -> Result<(), SqlError> {
        self.simple(|link| link.connection.init_db(name.as_bytes()))?;
        self.state.texts.database = name.clone();
        self.mysql.db = pointer(&self.state.texts.database);
        if let Some(login) = self.state.login.as_mut() {
            login.database = Some(name.clone());
        }
        Ok(())
    }

    /// The server's line of statistics.
    pub(crate) fn statistics(&mut self) -> Result<(), SqlError> {
        let text = self.command(|link| {
            link.connection.statistics().map_err(client_error)?;
            match link.next_event()? {
                Event::Text(text) => Ok(text),
                Event::Failed(error) => Err(error),
                _ => Err(failure::unexpected()),
            }
        })?;
        self.state.texts.statistics = state::text(&text);
        Ok(())
    }
}
