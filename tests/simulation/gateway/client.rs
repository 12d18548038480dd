//! A client that runs statements through the gateway, and takes down which of them were answered.

use std::collections::VecDeque;

use sealwire_core::client::{Connection, Event, Prepared};
use sealwire_core::message::{StatusFlags, Value};
use sealwire_core::{Error, Input, Now, Output, SqlError};
use sealwire_simnet::Seeded;
use sealwire_simnet::net::{Net, Readable, Tcp};

/// How long the client waits for an answer, in microseconds.
const PATIENCE_US: u64 = 60_000_000;
/// The id that the gateway greets with.
pub(super) const GATEWAYS_ID: u32 = 0xc000_0001;

/// A command of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// A statement, which is this word and the command's number.
    Say(&'static str),
    /// Another client's statement is to end, which the gateway answers by itself.
    Kill,
    ChangeUser,
    Reset,
    Ping,
    /// A statement with this number of parameters.
    Prepare(u8),
    /// These are for the statement that was prepared last.
    Execute,
    OpenCursor,
    Fetch,
    LongData,
    CloseStatement,
}

impl Act {
    const fn is_answered(self) -> bool {
        !matches!(self, Self::LongData | Self::CloseStatement)
    }

    /// Whether the command may follow another one whose answer has not come.
    const fn may_be_ahead(self) -> bool {
        matches!(self, Self::Say(_) | Self::Ping)
    }
}

/// A command as the server's history has it; `None` where the gateway answers it, and where it may reach a server that the session has left
/// behind the next one's first.
pub(super) fn told(act: Act, number: usize) -> Option<String> {
    Some(match act {
        Act::Say(word) => format!("{word} {number}"),
        Act::Kill | Act::CloseStatement => return None,
        Act::ChangeUser => "change of user".to_owned(),
        Act::Reset => "reset".to_owned(),
        Act::Ping => "ping".to_owned(),
        Act::Prepare(_) => "prepare".to_owned(),
        Act::Execute => "execute".to_owned(),
        Act::OpenCursor => "cursor".to_owned(),
        Act::Fetch => "fetch".to_owned(),
        Act::LongData => "long data".to_owned(),
    })
}

/// A command, and whether the session then has a transaction, a cursor or a long parameter open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) leaves_open: bool,
    /// How long the client thinks before it, in microseconds; `None` to send it ahead of the answers.
    pause_us: Option<u64>,
}

/// Draws the commands of a client.
pub(super) fn draw(random: &Seeded, changes_user: bool, has_cursors: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let sends_ahead = random.below(3) == 0;
    for _ in 0..1 + random.below(8) {
        let acts: Vec<Act> = match random.below(10) {
            0 | 1 => {
                let inside = (0..random.below(4)).map(|_| Act::Say(["INSERT", "ROWS", "FAIL"][random.below(3)]));
                let ends = Act::Say(["COMMIT", "ROLLBACK"][random.below(2)]);
                [Act::Say("BEGIN")].into_iter().chain(inside).chain([ends]).collect()
            }
            2 => vec![Act::Prepare(0), Act::Execute, Act::Execute, Act::CloseStatement],
            3 if has_cursors => vec![Act::Prepare(0), Act::OpenCursor, Act::Fetch, Act::Fetch, Act::CloseStatement],
            4 => vec![Act::Prepare(1), Act::LongData, Act::LongData, Act::Execute],
            5 if changes_user => vec![Act::ChangeUser],
            6 => vec![Act::Kill],
            7 => vec![[Act::Reset, Act::Ping][random.below(2)]],
            _ => vec![Act::Say(["INSERT", "ROWS", "TWICE", "FAIL"][random.below(4)])],
        };
        let last = acts.len() - 1;
        for (at, act) in acts.iter().copied().enumerate() {
            let leaves_open = match acts[0] {
                Act::Say("BEGIN") => at < last,
                // The second fetch has the last row, and the execution takes the long parameter.
                Act::Prepare(_) if acts[1] != Act::Execute => at == 1 || at == 2,
                _ => false,
            };
            let pause_us = (!sends_ahead || random.below(3) == 0).then(|| random.below(200_000) as u64);
            steps.push(Step { act, leaves_open, pause_us });
        }
    }
    steps
}

/// How the client's connection ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// After COM_QUIT.
    Quit,
    /// With this error.
    Broken(Error),
    /// The client waited for too long.
    Impatient,
}

/// A client and its connection.
pub(super) struct Client {
    machine: Connection,
    tcp: Tcp,
    outbox: Vec<u8>,
    pub(super) steps: Vec<Step>,
    /// How many steps were sent.
    pub(super) sent: usize,
    /// The steps whose answers are due.
    due: VecDeque<usize>,
    /// The steps whose answers have come whole; an error that ends the connection is none.
    pub(super) answered: Vec<usize>,
    prepared: Option<Prepared>,
    /// The error 1053 of the gateway, and the step that it answers.
    pub(super) last_word: Option<(SqlError, Option<usize>)>,
    is_refused: bool,
    pub(super) is_connected: bool,
    pub(super) ended: Option<Ended>,
    /// Since when nothing is under way and nothing is open, and the times for which that was so.
    idle_since: Option<u64>,
    pub(super) idle: Vec<(u64, u64)>,
    /// When the next step is due, and when bytes were last received.
    next_at: u64,
    active: u64,
    has_quit: bool,
    /// The most bytes that it reads in a turn.
    appetite: usize,
    is_closed: bool,
}

impl Client {
    pub(super) fn new(machine: Connection, tcp: Tcp, steps: Vec<Step>, appetite: usize) -> Self {
        Self {
            machine,
            tcp,
            outbox: Vec::new(),
            steps,
            sent: 0,
            due: VecDeque::new(),
            answered: Vec::new(),
            prepared: None,
            last_word: None,
            is_refused: false,
            is_connected: false,
            ended: None,
            idle_since: None,
            idle: Vec::new(),
            next_at: 0,
            active: 0,
            has_quit: false,
            appetite,
            is_closed: false,
        }
    }

    /// When the client needs its next turn.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.ended.is_none().then(|| {
            let patience = self.active + PATIENCE_US;
            if self.may_act() && self.due.is_empty() { patience.min(self.next_at) } else { patience }
        })
    }

    pub(super) fn turn(&mut self, net: &mut Net, now: Now) -> bool {
        let mut moved = false;
        if self.ended.is_none() {
            let mut bytes = Vec::new();
            // The next poll returns an error of the input.
            match net.read(self.tcp, self.appetite, &mut bytes) {
                Readable::Bytes(_) => {
                    moved = true;
                    self.active = net.now();
                    let _ = self.machine.handle_input(Input::Bytes(&mut bytes), now);
                }
                Readable::Eof => {
                    moved = true;
                    let _ = self.machine.handle_input(Input::Eof, now);
                }
                Readable::Nothing if net.now() >= self.active + PATIENCE_US => self.end(net.now(), Ended::Impatient),
                Readable::Nothing => {}
            }
            moved |= self.poll(net.now());
        }
        moved |= net.write(self.tcp, &mut self.outbox);
        if self.ended.is_some() && !self.is_closed && (self.outbox.is_empty() || !net.may_write(self.tcp)) {
            self.is_closed = true;
            net.close(self.tcp);
        }
        moved
    }

    fn end(&mut self, now: u64, ended: Ended) {
        self.close_idle(now);
        self.ended.get_or_insert(ended);
    }

    fn close_idle(&mut self, now: u64) {
        self.idle.extend(self.idle_since.take().map(|since| (since, now)));
    }

    /// Whether the client may go on. The gateway ends a connection with its last word.
    fn may_act(&self) -> bool {
        self.is_connected && !self.has_quit && !self.is_refused && self.last_word.is_none()
    }

    /// Whether the last step that was sent leaves something open.
    fn is_open(&self) -> bool {
        self.sent.checked_sub(1).is_some_and(|last| self.steps[last].leaves_open)
    }

    fn poll(&mut self, now: u64) -> bool {
        let mut moved = false;
        while self.ended.is_none() {
            match self.machine.poll_output(&mut self.outbox) {
                Ok(Output::Transmit) => moved = true,
                Ok(Output::Event(event)) => {
                    moved = true;
                    self.take(event, now);
                }
                Ok(Output::Wait(_)) => {
                    if !self.may_act() || !self.act(now) {
                        return moved;
                    }
                    moved = true;
                }
                Err(error) => {
                    if let Error::Refused { error, .. } = &error
                        && error.code == 1053
                    {
                        self.last_word = Some((error.clone(), self.due.front().copied()));
                    }
                    self.end(now, Ended::Broken(error));
                }
            }
        }
        moved
    }

    fn take(&mut self, event: Event, now: u64) {
        let is_last = |status: StatusFlags| !status.contains(StatusFlags::MORE_RESULTS);
        let has_answer = match event {
            Event::Connected(_) => {
                self.is_connected = true;
                (self.next_at, self.idle_since) = (now, Some(now));
                false
            }
            Event::Ok(summary) => is_last(summary.status),
            Event::ResultEnd { status, .. } => is_last(status),
            Event::Failed(error) if error.code == 1053 => {
                self.last_word = Some((error, self.due.pop_front()));
                false
            }
            // No server has taken the login, and the gateway ends the connection.
            Event::Failed(_) if self.due.front().is_some_and(|step| self.steps[*step].act == Act::ChangeUser) => {
                self.is_refused = true;
                false
            }
            Event::Failed(_) => true,
            Event::Prepared(prepared) => {
                self.prepared = Some(prepared);
                true
            }
            Event::Closed => {
                self.end(now, Ended::Quit);
                false
            }
            _ => false,
        };
        if has_answer {
            self.answered.extend(self.due.pop_front());
            self.rest(now);
        }
    }

    /// Takes down that nothing is under way, and when the next step is due.
    fn rest(&mut self, now: u64) {
        if self.due.is_empty() {
            let pause = self.steps.get(self.sent).and_then(|step| step.pause_us).unwrap_or_default();
            self.next_at = now + pause;
            if !self.is_open() {
                self.idle_since.get_or_insert(now);
            }
        }
    }

    /// Sends the next command if it is due. Returns whether it did.
    fn act(&mut self, now: u64) -> bool {
        let Some(step) = self.steps.get(self.sent).copied() else {
            if self.due.is_empty() && now >= self.next_at {
                self.close_idle(now);
                self.has_quit = true;
                self.machine.quit().unwrap();
                return true;
            }
            return false;
        };
        let is_ahead = step.pause_us.is_none() && step.act.may_be_ahead();
        let follows_text = self.due.back().is_none_or(|last| self.steps[*last].act.may_be_ahead());
        let may_begin = if self.due.is_empty() { now >= self.next_at } else { is_ahead && follows_text };
        if !may_begin {
            return false;
        }
        self.close_idle(now);
        let (number, machine) = (self.sent, &mut self.machine);
        let statement = self.prepared.as_ref();
        let sent = match step.act {
            Act::Say(word) => machine.query(format!("{word} {number}").as_bytes()),
            Act::Kill => machine.query(format!("KILL QUERY {GATEWAYS_ID}").as_bytes()),
            Act::ChangeUser => machine.change_user("learner", super::PASSWORD.into(), None),
            Act::Reset => machine.reset_connection(),
            Act::Ping => machine.ping(),
            Act::Prepare(0) => machine.prepare(b"ROWS"),
            Act::Prepare(_) => machine.prepare(b"ROWS ?"),
            // A long parameter has been sent before.
            Act::Execute => {
                let statement = statement.unwrap();
                machine.execute(statement, &vec![Value::Bytes(b""); statement.parameters.len()])
            }
            Act::OpenCursor => machine.execute_with_cursor(statement.unwrap(), &[], Vec::new()),
            Act::Fetch => machine.fetch(statement.unwrap(), 2),
            Act::LongData => machine.send_long_data(statement.unwrap(), 0, b"part"),
            Act::CloseStatement => machine.close_statement(&self.prepared.take().unwrap()),
        };
        sent.unwrap();
        self.sent += 1;
        if step.act.is_answered() {
            self.due.push_back(number);
        } else {
            self.rest(now);
        }
        true
    }
}
