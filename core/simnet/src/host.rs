//! The application on the server's side of a pair.

use sealwire_accounts::{Accounts, ClientHost};
use sealwire_core::auth::Plugin;
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags, StmtExecute, Value};
use sealwire_core::server::{Candidate, Connection, Event, Login};
use sealwire_core::{Error, Output, SqlError};

use crate::Seeded;

/// A server application with accounts and an engine that knows a few statements:
///
/// | query | answer |
/// | --- | --- |
/// | `SHOW STATUS LIKE 'Ssl_cipher'` | the row that MySQL returns |
/// | `BLOB n` | one row with one value of n bytes `x` |
/// | `LENGTH …` | one row with the length of the query in bytes |
/// | `TWICE` | two results: an OK, then a row |
/// | `LOAD DATA LOCAL INFILE 'name'` | requests the file and answers OK with its length in bytes as affected rows |
/// | the same and `AGAIN` | after that OK requests the file again, once for each `AGAIN` |
/// | `INFILE name` | requests the file as a malicious server does, because the statement is not LOAD DATA |
/// | `FAIL` | error 1064 |
/// | any other | one row with the query itself |
///
/// A prepared statement has one parameter for each `?`. Executing it returns the parameters as one row.
#[derive(Debug, Clone)]
pub struct Host {
    /// The accounts that may log in.
    pub accounts: Accounts,
    /// The user of the connection, once authenticated.
    pub user: Option<String>,
    /// The data of the client's last login.
    pub login: Option<Login>,
    /// The reason of the last refusal, as in the server's log.
    pub refusal: Option<String>,
    /// Every query that the engine received.
    pub queries: Vec<Vec<u8>>,
    /// The digest that `caching_sha2_password` remembers after an earlier login.
    pub fast_digest: Option<[u8; 32]>,
    /// Whether the connection has ended in an orderly way.
    pub closed: bool,
    candidate: String,
    file_bytes: u64,
    file_name: Vec<u8>,
    /// How many more times the file is to be requested.
    file_again: usize,
    parameters: Vec<u16>,
}

/// The answer to an event. It is sent after the borrow of the event has ended.
enum Answer {
    Nothing,
    Authenticate(Box<Candidate>),
    Accept,
    Ok(u64),
    Fail(SqlError),
    Text(&'static str),
    Row(Vec<u8>),
    Status(&'static str),
    Execute(Vec<Vec<u8>>),
    Twice,
    File(Vec<u8>),
    /// OK with the number of bytes, then another request for the file.
    FileAgain(u64, Vec<u8>),
    Prepared(u32, u16),
    FieldList,
    Eof,
}

/// The result of one step of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Bytes were appended.
    Transmit,
    /// An event was answered.
    Answered,
    /// Nothing to do before this deadline.
    Wait(Option<core::time::Duration>),
}

impl Host {
    /// A host with the accounts that these statements create.
    ///
    /// # Errors
    /// The error in the statements.
    pub fn new(statements: &str) -> Result<Self, String> {
        let mut accounts = Accounts::new([7; 32]);
        accounts.read_text(statements, &Seeded::new(1)).map_err(|error| format!("{error:?}"))?;
        Ok(Self::with_accounts(accounts))
    }

    /// A host with these accounts.
    #[must_use]
    pub const fn with_accounts(accounts: Accounts) -> Self {
        Self {
            accounts,
            user: None,
            login: None,
            refusal: None,
            queries: Vec::new(),
            fast_digest: None,
            closed: false,
            candidate: String::new(),
            file_bytes: 0,
            file_name: Vec::new(),
            file_again: 0,
            parameters: Vec::new(),
        }
    }

    /// Polls the connection once and answers its event. Appends bytes to send to `out`.
    ///
    /// # Errors
    /// The connection's error, once it has failed.
    pub fn step(&mut self, connection: &mut Connection, out: &mut Vec<u8>) -> Result<Step, Error> {
        let cipher = connection.facts().ssl_cipher().unwrap_or_default();
        let capabilities = connection.facts().capabilities;
        let transport = connection.peer().transport;
        let answer = match connection.poll_output(out)? {
            Output::Transmit => return Ok(Step::Transmit),
            Output::Wait(deadline) => return Ok(Step::Wait(deadline)),
            Output::Event(Event::Login(login)) => self.log_in(&login, transport),
            Output::Event(Event::Authenticated { .. }) => {
                self.user = Some(self.candidate.clone());
                Answer::Accept
            }
            Output::Event(Event::AuthenticationFailed { reason }) => {
                self.refusal = Some(reason);
                Answer::Nothing
            }
            Output::Event(Event::Command(command)) => self.execute(&command, cipher, capabilities),
            Output::Event(Event::LocalData(data)) => {
                self.file_bytes += data.len() as u64;
                Answer::Nothing
            }
            Output::Event(Event::LocalDataEnd) => match self.file_again.checked_sub(1) {
                None => Answer::Ok(self.file_bytes),
                Some(again) => {
                    self.file_again = again;
                    Answer::FileAgain(std::mem::take(&mut self.file_bytes), self.file_name.clone())
                }
            },
            Output::Event(Event::Acknowledged(_) | Event::Proxied(_)) => Answer::Nothing,
            Output::Event(Event::Closed) => {
                self.closed = true;
                Answer::Nothing
            }
        };
        say(answer, connection)?;
        Ok(Step::Answered)
    }

    fn log_in(&mut self, login: &Login, transport: Transport) -> Answer {
        let from = match transport {
            Transport::UnixSocket => ClientHost::Socket,
            Transport::Tcp => ClientHost::Ip(core::net::Ipv4Addr::LOCALHOST.into()),
        };
        self.candidate.clone_from(&login.user);
        self.login = Some(login.clone());
        let (account, candidate) = self.accounts.candidate(&login.user, from, Plugin::CachingSha2Password);
        let fast_digest = account.and(self.fast_digest);
        Answer::Authenticate(Box::new(Candidate { fast_digest, ..candidate }))
    }

    fn execute(
        &mut self,
        command: &Command<'_>,
        cipher: &'static str,
        capabilities: sealwire_core::message::Capabilities,
    ) -> Answer {
        match command {
            Command::Query(query) => {
                self.queries.push(query.sql.to_vec());
                self.query(query.sql, cipher)
            }
            Command::StmtPrepare(sql) => {
                let count = sql.iter().filter(|byte| **byte == b'?').count() as u16;
                self.parameters.push(count);
                Answer::Prepared(self.parameters.len() as u32, count)
            }
            Command::StmtExecute(payload) => {
                let id = StmtExecute::peek_statement_id(payload).unwrap_or_default();
                let count = self.parameters.get((id as usize).wrapping_sub(1)).copied();
                let Some(count) = count else { return Answer::Fail(unknown_statement()) };
                match StmtExecute::decode(payload, count, None, &|_| false, capabilities) {
                    Ok(execute) => {
                        Answer::Execute(execute.parameters.iter().map(|value| value.to_string().into_bytes()).collect())
                    }
                    Err(error) => Answer::Fail(SqlError::new(1835, b"HY000", error.to_string())),
                }
            }
            Command::StmtSendLongData { .. } | Command::StmtClose(_) => Answer::Nothing,
            Command::Statistics => Answer::Text("Uptime: 1"),
            Command::FieldList { .. } => Answer::FieldList,
            Command::SetOption(_) => Answer::Eof,
            _ => Answer::Ok(0),
        }
    }

    fn query(&mut self, sql: &[u8], cipher: &'static str) -> Answer {
        let text = String::from_utf8_lossy(sql);
        match text.split_once(' ') {
            _ if text == "SHOW STATUS LIKE 'Ssl_cipher'" => Answer::Status(cipher),
            _ if text == "TWICE" => Answer::Twice,
            _ if text == "FAIL" => Answer::Fail(SqlError::new(1064, b"42000", "You have an error in your SQL syntax")),
            Some(("BLOB", length)) => Answer::Row(vec![b'x'; length.parse().unwrap_or_default()]),
            Some(("LENGTH", _)) => Answer::Row(sql.len().to_string().into_bytes()),
            Some(("INFILE", rest)) => self.file(rest.split([' ', ';']).next().unwrap_or_default(), 0),
            Some(("LOAD", rest)) if rest.starts_with("DATA LOCAL INFILE '") => {
                self.file(rest.split('\'').nth(1).unwrap_or_default(), text.matches("AGAIN").count())
            }
            _ => Answer::Row(sql.to_vec()),
        }
    }

    fn file(&mut self, name: &str, again: usize) -> Answer {
        self.file_bytes = 0;
        self.file_again = again;
        name.as_bytes().clone_into(&mut self.file_name);
        Answer::File(self.file_name.clone())
    }
}

fn unknown_statement() -> SqlError {
    SqlError::new(1243, b"HY000", "Unknown prepared statement handler given to mysqld_stmt_execute")
}

fn say(answer: Answer, connection: &mut Connection) -> Result<(), Error> {
    let status = StatusFlags::AUTOCOMMIT;
    let column = |name: &str| ColumnDefinition::new(name, ColumnType::VAR_STRING);
    match answer {
        Answer::Nothing => Ok(()),
        Answer::Authenticate(candidate) => connection.authenticate(*candidate),
        Answer::Accept => connection.accept(status),
        Answer::Ok(affected_rows) => connection.ok(&OkPacket { affected_rows, status, ..OkPacket::default() }),
        Answer::Fail(error) => connection.err(&error),
        Answer::Text(text) => connection.text(text.as_bytes()),
        Answer::Row(value) => {
            connection.begin_rows(&[column("value")])?;
            connection.text_row([Some(value.as_slice())])?;
            connection.end_rows(status, 0)
        }
        Answer::Status(cipher) => {
            connection.begin_rows(&[column("Variable_name"), column("Value")])?;
            connection.text_row([Some(b"Ssl_cipher".as_slice()), Some(cipher.as_bytes())])?;
            connection.end_rows(status, 0)
        }
        Answer::Execute(values) if values.is_empty() => connection.ok(&OkPacket { status, ..OkPacket::default() }),
        Answer::Execute(values) => {
            let columns: Vec<_> = values.iter().map(|_| column("value")).collect();
            let values: Vec<_> = values.iter().map(|value| Value::Bytes(value)).collect();
            connection.begin_rows(&columns)?;
            connection.binary_row(&columns, &values)?;
            connection.end_rows(status, 0)
        }
        Answer::Twice => {
            let more = status | StatusFlags::MORE_RESULTS;
            connection.ok(&OkPacket { affected_rows: 1, status: more, ..OkPacket::default() })?;
            connection.begin_rows(&[column("value")])?;
            connection.text_row([Some(b"second".as_slice())])?;
            connection.end_rows(status, 0)
        }
        Answer::File(name) => connection.local_infile(&name),
        Answer::FileAgain(affected_rows, name) => {
            let status = status | StatusFlags::MORE_RESULTS;
            connection.ok(&OkPacket { affected_rows, status, ..OkPacket::default() })?;
            connection.local_infile(&name)
        }
        Answer::Prepared(id, count) => {
            let columns: Vec<_> = (0..count).map(|_| column("?")).collect();
            connection.prepared(id, &columns, &columns, 0)
        }
        Answer::FieldList => connection.field_list(&[column("value")], status),
        Answer::Eof => connection.eof(status),
    }
}
