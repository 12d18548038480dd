//! The commands of a connection.

use std::ffi::{CString, c_ulong};
use std::pin::Pin;
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
use super::stack::with_room;
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
    /// Makes the connection ready for a command. Removes the last command's traces.
    ///
    /// # Errors
    /// 2014 where an answer was not read, 2006 where there is no connection.
    pub(crate) async fn begin(&mut self) -> Result<(), SqlError> {
        self.check_turn()?;
        self.clear_error();
        self.mysql.affected_rows = u64::MAX;
        self.mysql.info = ptr::null_mut();
        // Columns are left where the connection broke before their rows were taken.
        if !self.mysql.fields.is_null() {
            self.mysql.fields = ptr::null_mut();
            self.state.fields = Fields::none();
        }
        self.state.changes.clear();
        let mode = self.mode();
        if !self.state.link.as_mut().is_some_and(|link| link.is_usable(mode)) {
            self.connect_again().await?;
        }
        // The program may have dropped further results by clearing their flag, as DBD::MariaDB does.
        self.drain().await
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
    async fn connect_again(&mut self) -> Result<(), SqlError> {
        // Programs set the flag in the struct, too.
        let may = (self.state.settings.flag(super::options::RECONNECT) || self.mysql.options.reconnect != 0)
            && self.mysql.server_status & u32::from(StatusFlags::IN_TRANS.bits()) == 0;
        let is_ours = self.state.link.as_ref().is_none_or(Link::is_ours);
        // The server's reason, if it gave one, is better than "gone away".
        let last_word = self.state.link.as_mut().and_then(Link::take_last_word);
        self.drop_link();
        match self.state.login.clone() {
            Some(login) if may && is_ours => {
                // The box ends the recursion, because the initial statements are commands, too.
                let again: Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(connect::establish(self, login));
                again.await
            }
            _ => Err(last_word.unwrap_or_else(failure::gone)),
        }
    }

    /// The connection.
    pub(crate) fn link(&mut self) -> Result<&mut Link, SqlError> {
        self.state.link.as_mut().ok_or_else(failure::gone)
    }

    /// Drops the connection after an error that broke it.
    fn check_link(&mut self) {
        if self.state.link.as_ref().is_some_and(|link| !link.is_alive()) {
            self.drop_link();
        }
    }

    /// Waits for the connection's next event. An error of the connection ends it.
    pub(crate) async fn next_event(&mut self) -> Result<Event, SqlError> {
        loop {
            let mode = self.mode();
            let link = self.link()?;
            let polled = if link.is_logged_in() { link.event(mode) } else { with_room(|| link.event(mode)) };
            let wanted = link.wanted();
            match polled {
                Ok(None) => self.wait(wanted).await,
                Ok(Some(event)) => {
                    self.check_link();
                    return Ok(event);
                }
                Err(error) => {
                    self.check_link();
                    return Err(error);
                }
            }
        }
    }

    /// Sends what the commands have queued, without waiting for an answer.
    pub(crate) async fn flush(&mut self) -> Result<(), SqlError> {
        loop {
            let mode = self.mode();
            let link = self.link()?;
            let flushed = link.flush(mode);
            let wanted = link.wanted();
            match flushed {
                Ok(true) => return Ok(()),
                Ok(false) => self.wait(wanted).await,
                Err(error) => {
                    self.check_link();
                    return Err(error);
                }
            }
        }
    }

    /// Reads and drops what remains of all answers.
    pub(crate) async fn drain(&mut self) -> Result<(), SqlError> {
        while let Some(link) = self.state.link.as_mut().filter(|link| link.is_alive() && link.is_busy()) {
            if link.advance_row() {
                continue;
            }
            if let Event::LocalInfile { .. } = self.next_event().await? {
                let refused = failure::hy000(2068, "The file is not sent, because its statement's answer was dropped");
                self.queue(|link| link.connection.local_infile_refuse(refused))?;
            }
        }
        self.link().map(|_| ())
    }

    /// Moves to the next row of the current result.
    #[inline]
    pub(crate) async fn next_row(&mut self) -> Result<(), RowStop> {
        if self.state.link.as_mut().is_some_and(Link::advance_row) {
            return Ok(());
        }
        match self.next_event().await {
            Ok(Event::Row(_)) => Ok(()),
            Ok(Event::ResultEnd { status, warnings }) => Err(RowStop::End { status: status.bits(), warnings }),
            Ok(Event::Failed(error)) | Err(error) => Err(RowStop::Failed(error)),
            Ok(_) => Err(RowStop::Failed(failure::unexpected())),
        }
    }

    /// The single answer of a command without rows.
    async fn done(&mut self) -> Result<Summary, SqlError> {
        match self.next_event().await? {
            Event::Ok(summary) => Ok(summary),
            Event::ResultEnd { status, warnings } => Ok(Summary { status, warnings, ..Summary::default() }),
            Event::Failed(error) => Err(error),
            _ => Err(failure::unexpected()),
        }
    }

    /// Queues bytes for the server.
    pub(crate) fn queue(&mut self, put: impl FnOnce(&mut Link) -> Result<(), Error>) -> Result<(), SqlError> {
        put(self.link()?).map_err(client_error)
    }

    /// Queues a command, once the connection is ready for it.
    pub(crate) async fn command(&mut self, put: impl FnOnce(&mut Link) -> Result<(), Error>) -> Result<(), SqlError> {
        self.begin().await?;
        self.queue(put)
    }

    /// A command whose answer is OK.
    pub(crate) async fn simple(&mut self, put: impl FnOnce(&mut Link) -> Result<(), Error>) -> Result<(), SqlError> {
        self.command(put).await?;
        let summary = self.done().await?;
        // As in the original, a command that is no statement leaves the numbers of the last statement as they are.
        self.mysql.server_status = summary.status.bits().into();
        self.mysql.warning_count = summary.warnings.into();
        self.track(&summary);
        Ok(())
    }

    /// Keeps the changes of the session, and publishes the character set and the database.
    fn track(&mut self, summary: &Summary) {
        self.state.track(summary);
        self.mysql.charset = self.state.charset;
        self.mysql.db =
            if self.state.texts.database.is_empty() { ptr::null_mut() } else { pointer(&self.state.texts.database) };
    }

    /// Ends the connection with COM_QUIT. Errors mean that the server is gone already, or that the program put another file into the
    /// descriptor's place, as ruby-mysql2 does with /dev/null.
    pub(crate) async fn disconnect(&mut self) {
        if self.state.link.as_mut().is_some_and(Link::quit) {
            let _ = self.flush().await;
        }
        self.drop_link();
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
        self.track(summary);
    }

    /// Sends SQL without waiting for the answer.
    pub(crate) async fn send_query(&mut self, sql: &[u8]) -> Result<(), SqlError> {
        self.command(|link| link.connection.query(sql)).await?;
        self.flush().await
    }

    /// Reads the answer to a query up to the columns of its rows.
    ///
    /// # Errors
    /// 2014 where no query was sent.
    pub(crate) async fn read_result(&mut self) -> Result<(), SqlError> {
        if self.state.link.as_ref().is_some_and(|link| link.is_alive() && !link.is_busy()) {
            return Err(failure::out_of_sync());
        }
        self.mysql.status = STATUS_READY;
        self.mysql.field_count = 0;
        self.mysql.fields = ptr::null_mut();
        self.state.fields = Fields::none();
        self.mysql.server_status &= !MORE_RESULTS;
        loop {
            match self.next_event().await? {
                Event::Ok(summary) => {
                    self.absorb(&summary);
                    return Ok(());
                }
                Event::ResultSet => {
                    let link = self.link()?;
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
                Event::LocalInfile { filename } => infile::send(self, &filename).await?,
                _ => return Err(failure::unexpected()),
            }
        }
    }

    /// COM_QUERY, up to the columns of the first result.
    pub(crate) async fn query(&mut self, sql: &[u8]) -> Result<(), SqlError> {
        self.send_query(sql).await?;
        self.read_result().await
    }

    /// Takes all rows of the result whose columns were read.
    pub(crate) async fn store(&mut self) -> Result<Stored, SqlError> {
        if self.mysql.status != STATUS_GET_RESULT {
            return Err(failure::out_of_sync());
        }
        self.mysql.status = STATUS_READY;
        let fields = std::mem::replace(&mut self.state.fields, Fields::none());
        self.mysql.fields = ptr::null_mut();
        let mut longest: Vec<c_ulong> = vec![0; fields.len()];
        let mut rows = Rows::new();
        let mut pushed = Ok(());
        loop {
            let link = self.link()?;
            if link.lend() {
                while let (Ok(()), Some([payload @ .., _])) = (&pushed, link.lent().advance()) {
                    pushed = rows.push_text(payload, &mut longest);
                }
            }
            if let Err(error) = pushed {
                // If the connection breaks as well, the next command tells so: the row came first.
                let _ = self.drain().await;
                return Err(error);
            }
            match self.next_row().await {
                Ok(()) => pushed = rows.push_text(self.link()?.connection.row_payload(), &mut longest),
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
    pub(crate) async fn advance(&mut self) -> Result<Option<()>, SqlError> {
        match self.next_row().await {
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
                Err(error)
            }
        }
    }

    /// Reads and drops the rest of an open result.
    pub(crate) async fn skip_rows(&mut self) {
        // An error of the statement concerns rows that nobody wants; one of the connection is found by the next command.
        while let Ok(Some(())) = self.advance().await {}
        self.mysql.status = STATUS_READY;
    }

    /// Begins the next of several results: false where there is none.
    pub(crate) async fn next_result(&mut self) -> Result<bool, SqlError> {
        if self.mysql.status != STATUS_READY {
            return Err(failure::out_of_sync());
        }
        self.clear_error();
        self.mysql.affected_rows = u64::MAX;
        if self.mysql.server_status & MORE_RESULTS == 0 {
            return Ok(false);
        }
        self.read_result().await.map(|()| true)
    }

    /// Makes a database the default one.
    pub(crate) async fn select_database(&mut self, name: &CString) -> Result<(), SqlError> {
        self.simple(|link| link.connection.init_db(name.as_bytes())).await?;
        self.state.texts.database = name.clone();
        self.mysql.db = pointer(&self.state.texts.database);
        if let Some(login) = self.state.login.as_mut() {
            login.database = Some(name.clone());
        }
        Ok(())
    }

    /// The server's line of statistics.
    pub(crate) async fn statistics(&mut self) -> Result<(), SqlError> {
        self.command(|link| link.connection.statistics()).await?;
        match self.next_event().await? {
            Event::Text(text) => self.state.texts.statistics = state::text(&text),
            Event::Failed(error) => return Err(error),
            _ => return Err(failure::unexpected()),
        }
        Ok(())
    }
}
