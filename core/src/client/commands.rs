//! The commands of a client connection. Each one queues a request and records the kind of answer to expect.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::authentication::{Context, Exchange};
use super::event::{Prepared, RowFormat};
use super::results::{CommandPhase, Expect};
use super::{Connection, State, local_infile};
use crate::error::Error;
use crate::message::SqlError;
use crate::message::{
    Attributes, BulkExecute, Capabilities, ChangeUser, Command, ParamType, Query, StatusFlags, StmtExecute, Value,
    encode_attributes,
};
use crate::secret::Secret;
use crate::trace::Direction;
use crate::wire::Put;

/// The largest payload of one packet with contents of a LOCAL INFILE.
const FILE_CHUNK: usize = 0xff_fffe;

impl Connection {
    /// COM_QUERY. Answered by `Ok`, by `ResultSet` and the events of its rows, or by `Failed`; several statements have several answers.
    ///
    /// # Errors
    /// `Misuse` before [`Event::Connected`](super::Event::Connected), or the sticky error. The same holds for every command.
    pub fn query(&mut self, sql: &[u8]) -> Result<(), Error> {
        self.query_with_attributes(sql, &[])
    }

    /// COM_QUERY with attributes. The attributes are sent only if both sides have the capability `QUERY_ATTRIBUTES`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn query_with_attributes(&mut self, sql: &[u8], attributes: &[(&[u8], Value<'_>)]) -> Result<(), Error> {
        let command = Command::Query(Query { sql, attributes: attributes.to_vec() });
        let file = self.file_named_by(sql);
        self.send(&command, "COM_QUERY", Some(Expect::Results(RowFormat::Text, file)))
    }

    /// The file that the server may request for this statement.
    fn file_named_by(&self, sql: &[u8]) -> Option<Vec<u8>> {
        let no_backslash_escapes = self.status().contains(StatusFlags::NO_BACKSLASH_ESCAPES);
        self.config.local_infile.then(|| local_infile::named_by(sql, no_backslash_escapes)).flatten()
    }

    /// COM_STMT_PREPARE. Answered by `Prepared` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn prepare(&mut self, sql: &[u8]) -> Result<(), Error> {
        let file = self.file_named_by(sql);
        self.send(&Command::StmtPrepare(sql), "COM_STMT_PREPARE", Some(Expect::Prepare(file)))
    }

    /// COM_STMT_EXECUTE. Answered as [`query`](Self::query), with binary rows.
    ///
    /// # Errors
    /// `Misuse` if the number of values differs from the number of the statement's parameters; else as [`query`](Self::query).
    pub fn execute(&mut self, statement: &Prepared, parameters: &[Value<'_>]) -> Result<(), Error> {
        self.execute_checked(statement, parameters, None)
    }

    /// As [`execute`](Self::execute), with an explicit type for each value. Send binary bytes as `BLOB`, because servers treat bytes of
    /// other types as text.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_as(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
        types: Vec<ParamType>,
    ) -> Result<(), Error> {
        self.execute_checked(statement, parameters, Some(types))
    }

    fn execute_checked(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
        types: Option<Vec<ParamType>>,
    ) -> Result<(), Error> {
        Self::check_count(statement, parameters)?;
        self.execute_by_number(statement.statement, 0, parameters, types, statement.file.clone())
    }

    fn check_count(statement: &Prepared, parameters: &[Value<'_>]) -> Result<(), Error> {
        if parameters.len() == statement.parameters.len() {
            return Ok(());
        }
        Err(Error::Misuse("the number of values differs from the statement's number of parameters"))
    }

    /// As [`execute_as`](Self::execute_as), with a cursor on the server, from which [`fetch`](Self::fetch) gets the rows. If the server
    /// opens one, its status has `CURSOR_EXISTS` and no row follows the columns; else the answer is that of `execute_as`.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_with_cursor(
        &mut self,
        statement: &Prepared,
        parameters: &[Value<'_>],
        types: Vec<ParamType>,
    ) -> Result<(), Error> {
        Self::check_count(statement, parameters)?;
        let file = statement.file.clone();
        self.execute_by_number(statement.statement, StmtExecute::CURSOR_READ_ONLY, parameters, Some(types), file)
    }

    /// COM_STMT_BULK_EXECUTE. Answered as [`execute`](Self::execute), by one answer for all rows.
    ///
    /// # Errors
    /// `Misuse` if the server lacks the capability `MARIADB_STMT_BULK_OPERATIONS`; else as [`query`](Self::query).
    pub fn execute_bulk(&mut self, bulk: &BulkExecute) -> Result<(), Error> {
        if !self.link.facts.capabilities.contains(Capabilities::MARIADB_STMT_BULK_OPERATIONS) {
            return Err(Error::Misuse("a bulk execution on a server that has none"));
        }
        let command = Command::StmtBulkExecute(bulk.payload());
        self.send(&command, "COM_STMT_BULK_EXECUTE", Some(Expect::Results(RowFormat::Binary, None)))
    }

    fn execute_by_number(
        &mut self,
        statement: u32,
        flags: u8,
        parameters: &[Value<'_>],
        types: Option<Vec<ParamType>>,
        file: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let mut payload = Vec::new();
        let execute = StmtExecute { flags, types, ..StmtExecute::new(statement, parameters.to_vec()) };
        execute.encode(self.link.facts.capabilities, &mut payload);
        self.send(&Command::StmtExecute(&payload), "COM_STMT_EXECUTE", Some(Expect::Results(RowFormat::Binary, file)))
    }

    /// Whether the server supports [`prepare_and_execute`](Self::prepare_and_execute). MariaDB does since 10.2, and Sealwire does.
    pub fn can_execute_last_prepared(&self) -> bool {
        let version = self.link.facts.server_version.as_str();
        // MariaDB puts a prefix before its version, for the sake of old replicas.
        let own = version.strip_prefix("5.5.5-").unwrap_or(version);
        let mut numbers = own.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
        let is_new = (numbers.next(), numbers.next()) >= (Some(10), Some(2));
        version.contains("-Sealwire") || version.contains("-MariaDB") && is_new
    }

    /// COM_STMT_PREPARE followed at once by COM_STMT_EXECUTE of that statement, without waiting for its id, so that both need one round
    /// trip only. Answered as [`prepare`](Self::prepare) and then as [`execute`](Self::execute); if the first answer is `Failed`, so is the
    /// second. Only the server checks the number of values.
    ///
    /// # Errors
    /// `Misuse` if the server [does not support it](Self::can_execute_last_prepared); else as [`query`](Self::query).
    pub fn prepare_and_execute(&mut self, sql: &[u8], parameters: &[Value<'_>]) -> Result<(), Error> {
        if !self.can_execute_last_prepared() {
            return Err(Error::Misuse("the statement can't be executed yet: the server has not sent its ID"));
        }
        self.prepare(sql)?;
        self.execute_by_number(StmtExecute::LAST_PREPARED, 0, parameters, None, self.file_named_by(sql))
    }

    /// COM_STMT_FETCH: requests the next rows of an open cursor. Answered by binary rows.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn fetch(&mut self, statement: &Prepared, rows: u32) -> Result<(), Error> {
        let command = Command::StmtFetch { statement: statement.statement, rows };
        self.send(&command, "COM_STMT_FETCH", Some(Expect::Fetch(statement.columns.clone())))
    }

    /// COM_STMT_SEND_LONG_DATA: sends a piece of a parameter's value. Not answered.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn send_long_data(&mut self, statement: &Prepared, parameter: u16, data: &[u8]) -> Result<(), Error> {
        let command = Command::StmtSendLongData { statement: statement.statement, parameter, data };
        self.send(&command, "COM_STMT_SEND_LONG_DATA", None)
    }

    /// COM_STMT_RESET: drops long data and the cursor. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn reset_statement(&mut self, statement: &Prepared) -> Result<(), Error> {
        self.send(&Command::StmtReset(statement.statement), "COM_STMT_RESET", Some(Expect::Simple))
    }

    /// COM_STMT_CLOSE. Not answered.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn close_statement(&mut self, statement: &Prepared) -> Result<(), Error> {
        self.send(&Command::StmtClose(statement.statement), "COM_STMT_CLOSE", None)
    }

    /// COM_PING. Answered by `Ok`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn ping(&mut self) -> Result<(), Error> {
        self.send(&Command::Ping, "COM_PING", Some(Expect::Simple))
    }

    /// COM_INIT_DB: makes `database` the default database. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn init_db(&mut self, database: &[u8]) -> Result<(), Error> {
        self.send(&Command::InitDb(database), "COM_INIT_DB", Some(Expect::Simple))
    }

    /// COM_STATISTICS. Answered by `Text`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn statistics(&mut self) -> Result<(), Error> {
        self.send(&Command::Statistics, "COM_STATISTICS", Some(Expect::Text))
    }

    /// COM_DEBUG: has the server write its state to its log. Answered by `Ok`, `ResultEnd` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn debug(&mut self) -> Result<(), Error> {
        self.send(&Command::Debug, "COM_DEBUG", Some(Expect::Simple))
    }

    /// COM_REFRESH: flushes what the bits name, see [`Command::Refresh`]. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn refresh(&mut self, bits: u8) -> Result<(), Error> {
        self.send(&Command::Refresh(bits), "COM_REFRESH", Some(Expect::Simple))
    }

    /// COM_RESET_CONNECTION: resets the session; user and TLS stay. Answered by `Ok`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn reset_connection(&mut self) -> Result<(), Error> {
        self.send(&Command::ResetConnection, "COM_RESET_CONNECTION", Some(Expect::Simple))
    }

    /// COM_SET_OPTION: 0 turns multi-statements on, 1 off. Answered by `Ok` or `ResultEnd`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn set_option(&mut self, option: u16) -> Result<(), Error> {
        self.send(&Command::SetOption(option), "COM_SET_OPTION", Some(Expect::Simple))
    }

    /// COM_PROCESS_KILL. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn process_kill(&mut self, connection: u32) -> Result<(), Error> {
        self.send(&Command::ProcessKill(connection), "COM_PROCESS_KILL", Some(Expect::Simple))
    }

    /// COM_FIELD_LIST, which MySQL 8 has deprecated. Answered by a `ResultSet` for each column, then `ResultEnd`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn field_list(&mut self, table: &[u8], wildcard: &[u8]) -> Result<(), Error> {
        self.send(&Command::FieldList { table, wildcard }, "COM_FIELD_LIST", Some(Expect::FieldList))
    }

    /// COM_CHANGE_USER: logs in as another user over the same TLS session. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query), and the errors of the authentication plugin.
    pub fn change_user(&mut self, user: &str, password: Secret, database: Option<&str>) -> Result<(), Error> {
        let config = Arc::clone(&self.config);
        let capabilities = self.link.facts.capabilities;
        let phase = self.phase()?;
        let plugin = phase.login.plugin;
        let context = Context { config: &config, password: &password, security: phase.login.security, capabilities };
        let (exchange, answer) = Exchange::start(plugin, &phase.login.scramble, context)?;
        let mut attributes = Vec::new();
        encode_attributes(
            config.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            &mut attributes,
        );
        let change = ChangeUser {
            user: user.as_bytes(),
            auth_response: &answer,
            database: database.map(str::as_bytes),
            charset: Some(u16::from(config.charset)),
            auth_plugin: Some(plugin.name().as_bytes()),
            attributes: Attributes::new(&attributes),
        };
        self.send(&Command::ChangeUser(change), "COM_CHANGE_USER", Some(Expect::ChangeUser(exchange, password)))
    }

    /// COM_QUIT and TLS's close_notify. The connection ends, and [`Event::Closed`](super::Event::Closed) follows.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn quit(&mut self) -> Result<(), Error> {
        self.send(&Command::Quit, "COM_QUIT", None)?;
        self.link.close();
        Ok(())
    }

    /// Sends a piece of the file that [`Event::LocalInfile`](super::Event::LocalInfile) requested.
    ///
    /// # Errors
    /// `Misuse` if the server requested no file; else as [`query`](Self::query).
    pub fn local_infile_data(&mut self, data: &[u8]) -> Result<(), Error> {
        self.file_phase()?;
        for chunk in data.chunks(FILE_CHUNK) {
            self.link.channel.send(|out| out.put(chunk));
        }
        Ok(())
    }

    /// Ends the file: all of it has been sent.
    ///
    /// # Errors
    /// As [`local_infile_data`](Self::local_infile_data).
    pub fn local_infile_end(&mut self) -> Result<(), Error> {
        self.file_phase()?.file_sent(None);
        self.link.channel.send(|_| {});
        Ok(())
    }

    /// Refuses to send the file, or the rest of it. Once the server's whole answer has been read, [`Event::Failed`](super::Event::Failed)
    /// follows with this error, whatever the answer was.
    ///
    /// # Errors
    /// As [`local_infile_data`](Self::local_infile_data).
    pub fn local_infile_refuse(&mut self, error: SqlError) -> Result<(), Error> {
        self.file_phase()?.file_sent(Some(error));
        self.link.channel.send(|_| {});
        Ok(())
    }

    fn file_phase(&mut self) -> Result<&mut CommandPhase, Error> {
        let phase = self.phase()?;
        if phase.awaits_file() { Ok(phase) } else { Err(Error::Misuse("the server has not requested a file")) }
    }

    pub(super) fn phase(&mut self) -> Result<&mut CommandPhase, Error> {
        self.link.check()?;
        match &mut self.state {
            _ if self.link.is_over() => Err(Error::Misuse("a command after the connection was closed")),
            State::Commands(phase) => Ok(phase),
            State::Handshake(_) => Err(Error::Misuse("a command before the connection was made")),
        }
    }

    pub(super) fn send(
        &mut self,
        command: &Command<'_>,
        name: &'static str,
        expect: Option<Expect>,
    ) -> Result<(), Error> {
        let capabilities = self.link.facts.capabilities;
        if self.phase()?.awaits_file() {
            return Err(Error::Misuse("a command while the server waits for a file"));
        }
        let (length, due) = self.link.channel.send_command(|out| command.encode(capabilities, out));
        self.link.channel.trace_packet(Direction::Sent, 0, length, name, String::new);
        if let (State::Commands(phase), Some(expect)) = (&mut self.state, expect) {
            phase.expect(due, expect, &mut self.link.channel);
        }
        Ok(())
    }
}
