//! A connection's session: its user, and the execution of its commands.
//!
//! The driver passes the connection's events to it, and calls [`Session::advance`] while a statement runs in another thread.

mod admin;
mod answer;
mod binary_log;
mod binlog_events;
mod diagnostics;
mod dispatch;
mod dump;
mod dump_command;
mod empty_tables;
mod engine_context;
mod execution;
mod handle;
mod init_connect;
mod keys;
mod limits;
mod listing;
mod login;
mod prepare;
mod prepared;
mod processlist;
mod replica;
mod replica_tables;
mod replicated;
mod running;
mod script;
mod select;
mod set;
mod show;
mod statement;
mod system_tables;
mod text;
mod thread_tables;
mod thread_work;
mod view;
mod warnings;
mod work;

pub(crate) use handle::SessionHandle;
pub(crate) use replicated::Surroundings;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sealwire_accounts::{Accounts, ClientHost, Identity};
use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::{Capabilities, Command, OkPacket, StatusFlags};
use sealwire_core::server::{Connection, Event, Login};

use super::counters::count;
use super::engine::{EngineSession, HeldReadLock, Task, interrupted};
use super::memory::{self, Held};
use super::registry::{Entry, ProcessEntry};
use super::replication::{Awaited, Dump, Origin, Registered};
use super::sql::{Cursor, Datum, lex, syntax_error_near};
use super::state::Server;
use super::status_variables;
use answer::{Answer, LONG, Purpose, Reply, Table};
use dump_command::{Acknowledgement, DumpCommand, registration};
use prepared::Prepared;
use view::View;
use warnings::Diagnostics;
use work::{Access, InitConnect, Queue, ReturnedAnswer, Running, ThreadWork};

/// Wakes the connection's worker, which then advances the connection.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The session of a connection.
pub(crate) struct Session {
    view: View,
    process: Arc<ProcessEntry>,
    entry: Option<Arc<Entry>>,
    host: ClientHost,
    wake: Wake,
    engine: Option<Box<dyn EngineSession>>,
    running: Option<Running>,
    /// The remaining statements of a COM_QUERY.
    queue: Queue,
    diagnostics: Diagnostics,
    prepared: Prepared,
    candidate: Option<(Identity, Arc<Accounts>)>,
    multi_statements: bool,
    /// How many bytes the names and values of the user variables take.
    user_variable_bytes: usize,
    /// The memory of user variables and prepared statements, counted for the account.
    held: Held,
    /// The memory of a large answer that the server made itself and that is still to be sent.
    held_answer: Held,
    /// The memory of the statement's text, and the memory that reading it is expected to take.
    held_text: Held,
    in_transaction: bool,
    /// Whether LOCK TABLES came, and neither UNLOCK TABLES nor a new transaction after it.
    has_locked_tables: bool,
    /// The lock of FLUSH TABLES WITH READ LOCK.
    read_lock: Option<HeldReadLock>,
    access: Access,
    init_connect: InitConnect,
    is_logged_in: bool,
    /// The dump of the binary log that is running.
    dump: Option<Dump>,
    /// The last commit of the session's own whose answer is to wait for a replica.
    awaited: RefCell<Option<Awaited>>,
    /// Where the statements were run first that the session runs as a replica; `None` for this server.
    origin: Option<Origin>,
    /// The first AUTO_INCREMENT value that the statement generated at the source.
    insert_id: Option<u64>,
    /// The work that another thread must do.
    thread_work: Option<ThreadWork>,
    /// The answer that the other thread returned.
    returned_answer: Option<ReturnedAnswer>,
}

/// An event of the connection without borrowed data.
pub(crate) enum Action {
    /// A trusted proxy names the client.
    Proxied(SocketAddr),
    /// A login begins.
    Login(Login),
    /// A login succeeded.
    Authenticated {
        /// Whether a password was used.
        using_password: bool,
        /// The digest for the fast path of the next login.
        learned: Option<[u8; 32]>,
    },
    /// A login failed.
    Denied(String),
    /// Statements.
    Query(Vec<u8>),
    /// Statements of this length, which stay in the connection's buffer, so they are not copied.
    LongQuery(usize),
    /// Change the current database.
    InitDb(String),
    /// The columns of a table.
    FieldList(String),
    /// COM_STATISTICS.
    Statistics,
    /// COM_DEBUG.
    Debug,
    /// COM_REFRESH.
    Refresh(u8),
    /// COM_PROCESS_KILL.
    Kill(u32),
    /// COM_PING.
    Ping,
    /// COM_RESET_CONNECTION.
    Reset,
    /// COM_SET_OPTION: whether a query may have several statements.
    SetOption(u16),
    /// A statement to prepare.
    Prepare(Vec<u8>),
    /// A statement of this length to prepare, which stays in the connection's buffer.
    LongPrepare(usize),
    /// A prepared statement to execute, with its parameters.
    Execute(Result<(u32, Vec<Datum>), SqlError>),
    /// Discard the long data of a prepared statement.
    ResetStatement(u32),
    /// Fetch rows of a cursor.
    Fetch(u32),
    /// COM_REGISTER_SLAVE.
    Register(Registered),
    /// COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID.
    Dump(DumpCommand),
    /// A replica has stored the log up to a position.
    Acknowledge(Acknowledgement),
    /// An unsupported command.
    Refuse(SqlError),
    /// An event that needs no answer.
    Nothing,
    /// The connection is over.
    Closed,
}

/// `REFRESH_GRANT` of COM_REFRESH: reload the accounts.
const REFRESH_GRANT: u8 = 1;

/// Rows are taken only while less than this waits to be sent, because appending to a long buffer would copy it.
const ENOUGH: usize = 16 * 1024;

impl Session {
    /// A session before login.
    pub(crate) fn new(server: Arc<Server>, process: Arc<ProcessEntry>, host: ClientHost, wake: Wake) -> Self {
        let prepared = Prepared::new(Arc::clone(&server.counters.prepared_statements));
        let view = View::new(server, process.id);
        Self {
            view,
            process,
            entry: None,
            host,
            wake,
            engine: None,
            running: None,
            queue: Queue::default(),
            diagnostics: Diagnostics::default(),
            prepared,
            candidate: None,
            multi_statements: false,
            user_variable_bytes: 0,
            held: Held::default(),
            held_answer: Held::default(),
            held_text: Held::default(),
            in_transaction: false,
            has_locked_tables: false,
            read_lock: None,
            access: Access::default(),
            init_connect: InitConnect::default(),
            is_logged_in: false,
            dump: None,
            awaited: RefCell::default(),
            origin: None,
            insert_id: None,
            thread_work: None,
            returned_answer: None,
        }
    }

    /// The server's own session, with all privileges, for the init file.
    pub(crate) fn of_server(server: Arc<Server>, process: Arc<ProcessEntry>, wake: Wake) -> Self {
        let mut session = Self::new(server, process, ClientHost::Socket, wake);
        session.view.user = "root@localhost".to_owned();
        session.multi_statements = true;
        session.is_logged_in = true;
        session
    }

    /// Whether a statement is running in another thread, or another statement is to follow. No command can come until all are answered.
    const fn is_busy(&self) -> bool {
        self.running.is_some() || self.dump.is_some() || self.thread_work.is_some() || !self.queue.is_empty()
    }

    /// After how many seconds without a command the connection is closed.
    fn idle_timeout(&self, interactive: bool) -> u64 {
        let variables = &self.view.variables;
        if interactive { variables.interactive_timeout } else { variables.wait_timeout }
    }

    /// Copies the borrowed parts of an event.
    fn action(&mut self, event: Event<'_>, capabilities: Capabilities) -> Action {
        match event {
            Event::Proxied(endpoints) => Action::Proxied(endpoints.source),
            Event::Login(login) => Action::Login(login),
            Event::Authenticated { using_password, learned } => Action::Authenticated { using_password, learned },
            Event::AuthenticationFailed { reason } => Action::Denied(reason),
            Event::Command(command) => self.command(command, capabilities),
            Event::Closed => Action::Closed,
            Event::Acknowledged(ack) => Action::Acknowledge(Acknowledgement::from(&ack)),
            Event::LocalData(_) | Event::LocalDataEnd => Action::Nothing,
        }
    }

    fn command(&mut self, command: Command<'_>, capabilities: Capabilities) -> Action {
        count(&self.view.server.counters.questions);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match command {
            Command::Query(query) => {
                self.process.begin("Query", Some(query.sql));
                if query.sql.len() > LONG {
                    return Action::LongQuery(query.sql.len());
                }
                Action::Query(query.sql.to_vec())
            }
            Command::StmtPrepare(sql) => {
                self.process.begin("Prepare", Some(sql));
                if sql.len() > LONG { Action::LongPrepare(sql.len()) } else { Action::Prepare(sql.to_vec()) }
            }
            Command::StmtExecute(payload) => {
                let execution = self.prepared.execution(payload, capabilities);
                let sql = execution.as_ref().ok().and_then(|(id, _)| self.prepared.sql(*id));
                self.process.begin("Execute", sql.map(str::as_bytes));
                Action::Execute(execution)
            }
            Command::StmtSendLongData { statement, parameter, data } => {
                let most = self.view.server.globals.inherited().max_allowed_packet;
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                self.prepared.add_long_data(statement, parameter, data, most);
                Action::Nothing
            }
            Command::StmtClose(statement) => {
                self.prepared.close(statement);
                Action::Nothing
            }
            Command::StmtReset(statement) => Action::ResetStatement(statement),
            Command::StmtFetch { statement, .. } => Action::Fetch(statement),
            Command::InitDb(name) => Action::InitDb(text(name)),
            Command::FieldList { table, .. } => Action::FieldList(text(table)),
            Command::Shutdown => {
                self.process.begin("Shutdown", None);
                Action::Query(b"SHUTDOWN".to_vec())
            }
            Command::Statistics => Action::Statistics,
            Command::ProcessInfo => {
                self.process.begin("Query", Some(b"SHOW PROCESSLIST"));
                Action::Query(b"SHOW PROCESSLIST".to_vec())
            }
            Command::Debug => Action::Debug,
            Command::Refresh(bits) => Action::Refresh(bits),
            Command::ProcessKill(id) => Action::Kill(id),
            Command::Ping => Action::Ping,
            Command::ResetConnection => Action::Reset,
            Command::SetOption(option) => Action::SetOption(option),
            Command::RegisterReplica(replica) => Action::Register(registration(&replica)),
            Command::BinlogDump(dump) => Action::Dump(DumpCommand::from(&dump)),
            Command::BinlogDumpGtid(dump) => Action::Dump(DumpCommand::from(&dump)),
            Command::Quit | Command::ChangeUser(_) => Action::Nothing,
            Command::StmtBulkExecute(_) | Command::Unknown(_) => {
                Action::Refuse(SqlError::new(1047, b"08S01", "Unknown command"))
            }
        }
    }

    /// Executes an action and answers it, or leaves the answer to [`Session::advance`].
    fn perform(&mut self, action: Action, connection: &mut Connection) -> Result<(), Error> {
        let failed = match action {
            Action::Proxied(_)
            | Action::Login(_)
            | Action::Authenticated { .. }
            | Action::Denied(_)
            | Action::Closed => None,
            _ => self.init_connect_failure(),
        };
        if let Some(error) = failed {
            connection.kill(error);
            return Ok(());
        }
        if let Err(error) = self.check_memory() {
            connection.kill(error);
            return Ok(());
        }
        match action {
            Action::Proxied(client) => {
                self.host = ClientHost::Ip(client.ip());
                connection.set_host(self.host.to_string());
                self.process.set_host(format!("{}:{}", self.host, client.port()));
            }
            Action::Login(login) => return self.login(&login, connection),
            Action::Authenticated { using_password, learned } => {
                return self.authenticated(using_password, learned, connection);
            }
            Action::Denied(reason) => self.denied(&reason),
            Action::LongQuery(length) => {
                let text = self.take_text(length, connection);
                self.thread_work = Some(ThreadWork::Query(text));
            }
            Action::Query(sql) => {
                let text = self.begin_query(Queue { sql, at: 0 });
                return self.run(text, connection);
            }
            Action::InitDb(name) => {
                self.forget_diagnostics();
                let used = self.use_database(&name);
                return self.conclude(used.map(Answer::Ok), false, connection);
            }
            Action::FieldList(table) => return self.field_list(&table, connection),
            Action::Statistics => connection.text(status_variables::statistics(&self.view.server).as_bytes())?,
            Action::Debug => {
                self.forget_diagnostics();
                match self.write_state() {
                    Ok(()) => connection.eof(self.status())?,
                    Err(error) => connection.err(&error)?,
                }
            }
            Action::Refresh(bits) => {
                if bits & REFRESH_GRANT != 0 && self.refresh(bits).is_ok() {
                    // The statement reads the accounts, which takes a thread of its own.
                    let text = self.begin_query(Queue { sql: b"FLUSH PRIVILEGES".to_vec(), at: 0 });
                    return self.run(text, connection);
                }
                self.forget_diagnostics();
                let refreshed = self.refresh(bits);
                let commits = self.in_transaction;
                let answer = refreshed.map(|reply| if commits { Answer::commit() } else { Answer::Ok(reply) });
                return self.conclude(answer, false, connection);
            }
            Action::Kill(id) => {
                self.forget_diagnostics();
                let killed = self.kill(id, false);
                return self.conclude(killed.map(Answer::Ok), false, connection);
            }
            Action::Ping => connection.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?,
            Action::Reset => {
                self.reset();
                connection.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?;
            }
            Action::SetOption(option) if option <= 1 => {
                self.multi_statements = option == 0;
                connection.eof(self.status())?;
            }
            Action::SetOption(_) => connection.err(&SqlError::new(1047, b"08S01", "Unknown command"))?,
            Action::LongPrepare(length) => {
                let text = self.take_text(length, connection);
                self.thread_work = Some(ThreadWork::Prepare(text));
            }
            Action::Prepare(sql) => match self.begin_prepare(&sql) {
                Ok(text) if Self::is_slow(&text) => self.thread_work = Some(ThreadWork::PrepareStatement(text)),
                text => {
                    let answer = text.and_then(|text| self.prepare(text));
                    return self.conclude(answer, false, connection);
                }
            },
            Action::Execute(Ok((id, parameters))) if self.prepared.is_slow(id, &parameters, Self::is_slow) => {
                self.thread_work = Some(ThreadWork::Execute(id, parameters));
            }
            Action::Execute(Ok((id, parameters))) => {
                let answer = self.execute(id, parameters);
                return self.conclude(answer, true, connection);
            }
            Action::Execute(Err(error)) | Action::Refuse(error) => connection.err(&error)?,
            Action::Acknowledge(ack) => self.acknowledge(&ack, connection),
            Action::Register(replica) => return self.register(replica, connection),
            Action::Dump(command) => return self.begin_dump(command, connection),
            Action::ResetStatement(id) => match self.prepared.reset(id) {
                Ok(()) => connection.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?,
                Err(error) => connection.err(&error)?,
            },
            Action::Fetch(id) => {
                connection.err(&SqlError::new(1421, b"HY000", format!("The statement ({id}) has no open cursor.")))?;
            }
            Action::Nothing | Action::Closed => {}
        }
        Ok(())
    }

    /// Checks the memory that the client has made the session use, because it must not grow without end. A single command adds at most the
    /// bytes of one packet.
    fn check_memory(&mut self) -> Result<(), SqlError> {
        let limit = self.view.server.globals.connection_memory_limit.get();
        let held = self.prepared.bytes().saturating_add(self.user_variable_bytes) as u64;
        if held >= memory::LARGE as u64 {
            let account = self.view.account_text();
            let most = self.view.server.globals.global_connection_memory_limit.get();
            self.held.set(&account, usize::try_from(held).unwrap_or(usize::MAX));
            if !memory::is_left_for(&account, 0, most) {
                let message = format!(
                    "Connection closed. Global connection memory limit exceeded: the server has none left. Consumed {held} bytes."
                );
                return Err(SqlError::new(4083, b"HY000", message));
            }
        } else {
            self.held = Held::default();
        }
        if held <= limit {
            return Ok(());
        }
        let message =
            format!("Connection closed. Connection memory limit {limit} bytes exceeded. Consumed {held} bytes.");
        Err(SqlError::new(4082, b"HY000", message))
    }

    /// Resets the session's state; the user stays.
    fn reset(&mut self) {
        // Dropping the engine's session rolls its transaction back, on another thread.
        self.engine = None;
        self.running = None;
        self.queue.clear();
        self.forget_diagnostics();
        self.prepared = Prepared::new(Arc::clone(&self.view.server.counters.prepared_statements));
        self.in_transaction = false;
        self.has_locked_tables = false;
        self.read_lock = None;
        self.access = Access::default();
        self.view.reset_variables();
        self.view.user_variables = Arc::default();
        self.user_variable_bytes = 0;
        self.view.last_insert_id = 0;
        self.view.row_count = -1;
        self.process.update(|state| state.interruption = None);
    }

    fn status(&self) -> StatusFlags {
        let mut status = StatusFlags::NONE;
        if self.view.autocommit() {
            status.insert(StatusFlags::AUTOCOMMIT);
        }
        if self.in_transaction {
            status.insert(StatusFlags::IN_TRANS);
        }
        if self.view.syntax.mode.no_backslash_escapes {
            status.insert(StatusFlags::NO_BACKSLASH_ESCAPES);
        }
        if self.is_in_read_only_transaction() {
            status.insert(StatusFlags::IN_TRANS_READONLY);
        }
        status
    }

    /// Executes the next queued statement: it is answered when this returns, or it runs in another thread.
    fn run_next(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let is_stopped = self.process.is_stopped();
        if self.queue.rest().len() > LONG {
            if is_stopped {
                return self.refuse_stopped(connection);
            }
            self.thread_work = Some(ThreadWork::Next);
            return Ok(());
        }
        let text = self.next_text();
        // No stop keeps a transaction from ending.
        if is_stopped && !text.as_deref().is_ok_and(ends_transaction) {
            return self.refuse_stopped(connection);
        }
        self.run(text.map(Some), connection)
    }

    fn refuse_stopped(&mut self, connection: &mut Connection) -> Result<(), Error> {
        self.forget_diagnostics();
        self.fail(&interrupted(), connection)
    }

    /// Executes a statement whose text was read; `None` stands for comments alone.
    fn run(&mut self, text: Result<Option<String>, SqlError>, connection: &mut Connection) -> Result<(), Error> {
        match text {
            Ok(Some(text)) if Self::is_slow(&text) => {
                self.thread_work = Some(ThreadWork::Statement(text));
                Ok(())
            }
            text => {
                let answer = text.and_then(|text| self.answer_text(text));
                self.conclude(answer, false, connection)
            }
        }
    }

    fn answer_text(&mut self, text: Option<String>) -> Result<Answer, SqlError> {
        match text {
            Some(text) => self.statement_of(text),
            None => Ok(Answer::Ok(Reply::default())),
        }
    }

    /// Takes the text of a COM_QUERY and reads its first statement; `None` for comments alone, which dumps and drivers send.
    ///
    /// # Errors
    /// 1065 for an empty text, and those of [`Session::next_text`].
    fn begin_query(&mut self, query: Queue) -> Result<Option<String>, SqlError> {
        if lex::is_blank(query.rest()) {
            self.forget_diagnostics();
            return if lex::has_comment(query.rest()) {
                Ok(None)
            } else {
                Err(SqlError::new(1065, b"42000", "Query was empty"))
            };
        }
        self.queue = query;
        self.next_text().map(Some)
    }

    /// Reads the next queued statement.
    ///
    /// # Errors
    /// 1064 where it can't be read, or where another one follows and the client has not enabled several statements.
    fn next_text(&mut self) -> Result<String, SqlError> {
        let sql = self.queue.rest();
        let mode = self.view.syntax.mode;
        let (first, rest) = match lex::first_statement(sql, mode) {
            Ok(first) => first,
            Err(error) => {
                self.forget_diagnostics();
                return Err(error);
            }
        };
        let rest = lex::without_leading_blank(rest);
        if !rest.is_empty() && !self.multi_statements {
            let error = syntax_error_near(&String::from_utf8_lossy(sql), &String::from_utf8_lossy(rest));
            self.forget_diagnostics();
            return Err(error);
        }
        // Before the first semicolon there may be no statement; the text after it does not begin with a semicolon.
        let (first, rest) = if lex::is_blank(first) { lex::first_statement(rest, mode)? } else { (first, rest) };
        let text = lex::normalise(first, self.view.syntax);
        let left = lex::without_leading_blank(rest).len();
        self.queue.keep(left);
        if text.is_err() {
            self.forget_diagnostics();
        }
        text
    }

    /// Sends a statement's answer, or starts its task in the engine.
    fn conclude(
        &mut self,
        answer: Result<Answer, SqlError>,
        binary: bool,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        match answer {
            Ok(Answer::Ok(reply)) => self.reply_ok(&reply, connection),
            Ok(Answer::Rows(table)) => self.reply_rows(&table, binary, connection),
            Ok(Answer::Engine(task)) => self.start(task, Purpose::Statement, connection),
            Ok(Answer::Discarded(task)) => self.start(task, Purpose::Discarded, connection),
            Ok(Answer::Approved(task, limits, purpose)) => {
                let started = self.submit_approved(task, limits, purpose);
                started.or_else(|error| self.fail(&error, connection))
            }
            Ok(Answer::Set(mut pending)) => self.start(pending.take_task(), Purpose::Set(pending), connection),
            Ok(Answer::Describe { sql, made }) => {
                let is_own = made.is_some();
                let described = made.unwrap_or_else(|| sql.clone());
                self.start(Task::Describe { sql: described }, Purpose::Prepare { sql, is_own }, connection)
            }
            Ok(Answer::Prepared { sql, description }) => self.keep_prepared(sql, &description, true, connection),
            Err(error) => self.fail(&error, connection),
        }
    }

    fn start(&mut self, task: Task, purpose: Purpose, connection: &mut Connection) -> Result<(), Error> {
        self.submit(task, purpose).or_else(|error| self.fail(&error, connection))
    }

    /// The status flags of an answer, which say whether another one follows.
    fn status_before_next(&self) -> StatusFlags {
        let mut status = self.status();
        if !self.queue.is_empty() {
            status.insert(StatusFlags::MORE_RESULTS);
        }
        status
    }

    fn warning_count(&self) -> u16 {
        self.diagnostics.count()
    }

    fn reply_ok(&mut self, reply: &Reply, connection: &mut Connection) -> Result<(), Error> {
        self.view.row_count = i64::try_from(reply.affected_rows).unwrap_or(i64::MAX);
        if reply.last_insert_id > 0 {
            self.view.last_insert_id = reply.last_insert_id;
        }
        let status = self.status_before_next();
        connection.ok(&OkPacket {
            affected_rows: reply.affected_rows,
            last_insert_id: reply.last_insert_id,
            status,
            warnings: self.warning_count(),
            info: reply.info.as_bytes(),
            session_state: &reply.changes,
        })?;
        self.rest_if_done();
        Ok(())
    }

    fn reply_rows(&mut self, table: &Table, binary: bool, connection: &mut Connection) -> Result<(), Error> {
        self.view.row_count = -1;
        connection.begin_rows(&table.columns)?;
        for row in &table.rows {
            if binary {
                let values: Vec<_> = row.iter().map(Datum::as_value).collect();
                connection.binary_row(&table.columns, &values)?;
            } else {
                let values: Vec<_> = row.iter().map(Datum::as_bytes).collect();
                connection.text_row(values.iter().map(|value| value.as_deref()))?;
            }
        }
        connection.end_rows(self.status_before_next(), self.warning_count())?;
        self.held_answer.set(&self.view.account_text(), connection.unsent());
        self.rest_if_done();
        Ok(())
    }

    /// Sends an error, which ends all statements of a query.
    fn fail(&mut self, error: &SqlError, connection: &mut Connection) -> Result<(), Error> {
        if is_last(error) {
            connection.kill(error.clone());
            return Ok(());
        }
        self.queue.clear();
        self.view.row_count = -1;
        self.note("Error", error.clone());
        connection.err(error)?;
        self.rest_if_done();
        Ok(())
    }

    fn rest_if_done(&mut self) {
        if !self.is_busy() {
            self.held_text = Held::default();
            self.process.await_command();
        }
    }
}

/// Whether the connection ends with this error, because the session uses more memory than allowed.
const fn is_last(error: &SqlError) -> bool {
    matches!(error.code, 4082 | 4083)
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(log) = &self.view.server.log {
            log.replicas.leave(self.view.id);
        }
        if self.running.is_some() {
            self.view.server.counters.threads_running.fetch_sub(1, Ordering::Relaxed);
            self.process.stop_statement();
        }
    }
}

/// Whether a statement is COMMIT or ROLLBACK.
fn ends_transaction(sql: &str) -> bool {
    Cursor::new(sql).accept_one(&["COMMIT", "ROLLBACK"]).is_some()
}
