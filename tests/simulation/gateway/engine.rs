//! A server behind the gateway: it logs clients in, and takes down every command in the history of all servers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sealwire_accounts::{Accounts, ClientHost};
use sealwire_core::auth::Plugin;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags, StmtExecute, Value};
use sealwire_core::server::{Connection, Event};
use sealwire_core::{Error, Input, Now, Output, SqlError};
use sealwire_simnet::net::{Net, Readable, Tcp};

/// The rows of a cursor, of which each fetch gets two.
const ROWS_OF_CURSOR: u32 = 4;

/// The commands that servers have run, in their order.
#[derive(Default)]
pub(super) struct History {
    pub(super) done: Vec<String>,
    logins: u32,
}

/// One server's end of a connection.
pub(super) struct Engine {
    machine: Connection,
    pub(super) tcp: Tcp,
    outbox: Vec<u8>,
    accounts: Accounts,
    history: Rc<RefCell<History>>,
    in_transaction: bool,
    cursors: BTreeMap<u32, u32>,
    long_data: BTreeSet<u32>,
    prepared: u32,
    /// The size of a row.
    row: usize,
    /// The time during which the server neither reads nor answers.
    pub(super) stalls: (u64, u64),
    /// Whether the client has ended the connection in an orderly way, and whether it has ended at all.
    pub(super) saw_goodbye: bool,
    pub(super) is_over: bool,
}

impl Engine {
    pub(super) fn new(
        machine: Connection,
        tcp: Tcp,
        accounts: Accounts,
        history: &Rc<RefCell<History>>,
        row: usize,
        stalls: (u64, u64),
    ) -> Self {
        Self {
            machine,
            tcp,
            outbox: Vec::new(),
            accounts,
            history: Rc::clone(history),
            in_transaction: false,
            cursors: BTreeMap::new(),
            long_data: BTreeSet::new(),
            prepared: 0,
            row,
            stalls,
            saw_goodbye: false,
            is_over: false,
        }
    }

    /// Whether no transaction, cursor or long parameter is open.
    pub(super) fn is_idle(&self) -> bool {
        !self.in_transaction && self.cursors.is_empty() && self.long_data.is_empty()
    }

    /// When the server needs its next turn.
    pub(super) fn next_due(&self, now: u64) -> Option<u64> {
        (!self.is_over && self.stalls.0 <= now && now < self.stalls.1).then_some(self.stalls.1)
    }

    pub(super) fn turn(&mut self, net: &mut Net, now: Now) -> bool {
        let time = net.now();
        if self.stalls.0 <= time && time < self.stalls.1 {
            return false;
        }
        let mut moved = false;
        if !self.is_over {
            let mut bytes = Vec::new();
            // The next poll returns an error of the input.
            match net.read(self.tcp, 64 << 10, &mut bytes) {
                Readable::Bytes(_) => {
                    moved = true;
                    let _ = self.machine.handle_input(Input::Bytes(&mut bytes), now);
                }
                Readable::Eof => {
                    moved = true;
                    let _ = self.machine.handle_input(Input::Eof, now);
                }
                Readable::Nothing => {}
            }
            while !self.is_over {
                match self.step() {
                    Ok(true) => moved = true,
                    Ok(false) => break,
                    Err(_) => self.is_over = true,
                }
            }
        }
        moved |= net.write(self.tcp, &mut self.outbox);
        if self.is_over && (self.outbox.is_empty() || !net.may_write(self.tcp)) {
            net.close(self.tcp);
        }
        moved
    }

    fn status(&self) -> StatusFlags {
        let open = if self.in_transaction { StatusFlags::IN_TRANS } else { StatusFlags::NONE };
        StatusFlags::AUTOCOMMIT | open
    }

    fn forget(&mut self) {
        self.in_transaction = false;
        self.cursors.clear();
        self.long_data.clear();
    }

    /// Polls once, and answers. Returns whether there was anything to do.
    fn step(&mut self) -> Result<bool, Error> {
        let column = [ColumnDefinition::new("value", ColumnType::VAR_STRING)];
        let value = vec![b'x'; self.row];
        let done = |text: String| self.history.borrow_mut().done.push(text);
        let command = match self.machine.poll_output(&mut self.outbox)? {
            Output::Transmit => return Ok(true),
            Output::Wait(_) => return Ok(false),
            Output::Event(Event::Command(command)) => command,
            Output::Event(Event::Login(login)) => {
                let mut history = self.history.borrow_mut();
                history.logins += 1;
                if history.logins > 1 {
                    history.done.push("change of user".to_owned());
                }
                drop(history);
                let from = ClientHost::Ip(std::net::Ipv4Addr::LOCALHOST.into());
                let (_, candidate) = self.accounts.candidate(&login.user, from, Plugin::CachingSha2Password);
                self.forget();
                self.machine.authenticate(candidate)?;
                return Ok(true);
            }
            Output::Event(Event::Authenticated { .. }) => {
                self.machine.accept(StatusFlags::AUTOCOMMIT)?;
                return Ok(true);
            }
            Output::Event(Event::Closed) => {
                (self.saw_goodbye, self.is_over) = (true, true);
                return Ok(true);
            }
            Output::Event(_) => return Ok(true),
        };
        match command {
            Command::Query(query) => {
                let text = String::from_utf8_lossy(query.sql).into_owned();
                done(text.clone());
                match text.split(' ').next().unwrap_or_default() {
                    "BEGIN" => self.in_transaction = true,
                    "COMMIT" | "ROLLBACK" => self.in_transaction = false,
                    _ => {}
                }
                let status = self.status();
                let ok = OkPacket { status, ..OkPacket::default() };
                match text.split(' ').next().unwrap_or_default() {
                    "FAIL" => self.machine.err(&SqlError::new(1064, b"42000", "You have an error"))?,
                    "TWICE" => {
                        let status = status | StatusFlags::MORE_RESULTS;
                        self.machine.ok(&OkPacket { status, ..OkPacket::default() })?;
                        self.machine.reply_rows(&column, &[&[Some(&value)]], self.status())?;
                    }
                    "ROWS" => {
                        let row: &[Option<&[u8]>] = &[Some(&value)];
                        self.machine.reply_rows(&column, &[row; 5], status)?;
                    }
                    _ => self.machine.ok(&ok)?,
                }
            }
            Command::StmtPrepare(sql) => {
                done("prepare".to_owned());
                self.prepared += 1;
                let parameters = if sql.ends_with(b"?") { &column[..] } else { &[] };
                self.machine.prepared(self.prepared, parameters, &column, 0)?;
            }
            Command::StmtExecute(payload) => {
                let statement = StmtExecute::peek_statement_id(payload).unwrap_or_default();
                let opens = payload.get(4).is_some_and(|flags| flags & StmtExecute::CURSOR_READ_ONLY != 0);
                done(if opens { "cursor" } else { "execute" }.to_owned());
                self.long_data.remove(&statement);
                self.cursors.remove(&statement);
                self.machine.begin_rows(&column)?;
                let mut status = self.status();
                if opens {
                    self.cursors.insert(statement, ROWS_OF_CURSOR);
                    status |= StatusFlags::CURSOR_EXISTS;
                } else {
                    self.machine.binary_row(&column, &[Value::Bytes(&value)])?;
                }
                self.machine.end_rows(status, 0)?;
            }
            Command::StmtFetch { statement, .. } => {
                done("fetch".to_owned());
                let left = self.cursors.get(&statement).copied().unwrap_or_default().saturating_sub(2);
                let mut status = self.status() | StatusFlags::CURSOR_EXISTS;
                if left == 0 {
                    self.cursors.remove(&statement);
                    status |= StatusFlags::LAST_ROW_SENT;
                } else {
                    self.cursors.insert(statement, left);
                }
                self.machine.begin_stream(false)?;
                for _ in 0..2 {
                    self.machine.binary_row(&column, &[Value::Bytes(&value)])?;
                }
                self.machine.end_rows(status, 0)?;
            }
            Command::StmtSendLongData { statement, .. } => {
                done("long data".to_owned());
                self.long_data.insert(statement);
            }
            Command::StmtClose(statement) => {
                self.cursors.remove(&statement);
                self.long_data.remove(&statement);
            }
            Command::ResetConnection => {
                done("reset".to_owned());
                self.forget();
                self.machine.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?;
            }
            Command::Ping => {
                done("ping".to_owned());
                self.machine.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?;
            }
            other => {
                done(format!("{other:?}"));
                self.machine.ok(&OkPacket { status: self.status(), ..OkPacket::default() })?;
            }
        }
        Ok(true)
    }
}
