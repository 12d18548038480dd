//! Statements about this server as a replica: channels, their threads, and their state.

use std::sync::{Arc, PoisonError};

use sealwire_accounts::Privilege;
use sealwire_binlog::{GtidError, GtidSet};
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Reply, Table};
use super::execution::Execution;
use super::replica_tables::SEES;
use super::show;
use crate::engine::{Interruption, SystemTable, interrupted};
use crate::replica::{
    Cell, Channel, Chosen, Part, Snapshot, StartOptions, Statement, Threads, all_columns, is_running, not_configured,
    read_change, read_start, read_status, read_stop, replica_status, slave_status, table,
};
use crate::sql::Cursor;

/// One of these privileges manages channels.
const MANAGES: &[Privilege] =
    &[Privilege::SUPER, Privilege::REPLICATION_SLAVE_ADMIN, Privilege::MARIADB_REPLICATION_SLAVE_ADMIN];

/// Reads CHANGE.
pub(super) fn read_change_statement(words: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
    read_change(words).map(|read| read.map(execution))
}

/// Reads START of channels.
pub(super) fn read_start_statement(words: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
    read_start(words).map(|read| read.map(execution))
}

/// Reads STOP of channels.
pub(super) fn read_stop_statement(words: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
    read_stop(words).map(|read| read.map(execution))
}

/// Reads RESET of channels.
pub(super) fn read_reset_statement(words: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
    crate::replica::read_reset(words).map(|read| read.map(execution))
}

fn execution(statement: Statement) -> Execution {
    Box::new(move |session| session.replica_statement(statement).map(|()| Answer::Ok(Reply::default())))
}

impl Session {
    fn replica_statement(&mut self, statement: Statement) -> Result<(), SqlError> {
        self.view.demand(MANAGES)?;
        let server = Arc::clone(&self.view.server);
        let channels = &server.channels;
        match statement {
            Statement::Change(named, change) => {
                for note in channels.change(&named.name, &change)? {
                    self.note("Note", note);
                }
            }
            Statement::Filter(chosen, lists) => {
                for channel in channels.chosen(&chosen)? {
                    let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut state = channel.state();
                    if state.applier.is_running() {
                        return Err(is_running(&channel));
                    }
                    for (name, list) in &lists {
                        if let Some(filter) = state.settings.filters.list_mut(name) {
                            filter.clone_from(list);
                        }
                    }
                    state.filters = state.settings.filters.clone();
                }
                channels.save()?;
            }
            Statement::Start(chosen, threads, options) => self.start_channels(&chosen, threads, &options)?,
            Statement::Stop(chosen, threads) => self.stop_channels(&chosen, threads)?,
            Statement::Reset(chosen, all) => {
                for channel in channels.chosen(&chosen)? {
                    let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
                    if channel.state().is_running() {
                        return Err(is_running(&channel));
                    }
                    if all { channels.remove(&channel)? } else { channels.reset(&channel)? }
                }
            }
        }
        Ok(())
    }

    /// SET GLOBAL gtid_purged: this server has these transactions of MySQL's, and the channel without a name requests those behind them. A `+`
    /// stands before the set where a dump adds it to what is there, which must be nothing here.
    pub(super) fn set_purged(&self, text: &str) -> Result<(), SqlError> {
        let text = text.trim();
        let set: GtidSet = text.strip_prefix('+').unwrap_or(text).parse().map_err(|error: GtidError| {
            SqlError::new(1772, b"HY000", format!("Malformed GTID set specification '{text}': {error}"))
        })?;
        let log = self.view.server.log.as_ref();
        self.view.server.channels.set_executed(&set, || log.map_or(Ok(()), |log| log.set_purged(&set)))
    }

    fn start_channels(&mut self, chosen: &Chosen, threads: Threads, options: &StartOptions) -> Result<(), SqlError> {
        let server = Arc::clone(&self.view.server);
        let mut all = server.channels.chosen(chosen)?;
        all.retain(|channel| channel.is_configured());
        if all.is_empty() {
            return Err(not_configured());
        }
        for channel in all {
            let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = {
                let state = channel.state();
                Threads {
                    receiver: threads.receiver && !state.receiver.is_running(),
                    applier: threads.applier && !state.applier.is_running(),
                }
            };
            if !missing.receiver && !missing.applier {
                self.note("Note", SqlError::new(1254, b"HY000", "Slave is already running"));
                continue;
            }
            server.channels.start(&channel, missing, options.clone())?;
        }
        Ok(())
    }

    fn stop_channels(&mut self, chosen: &Chosen, threads: Threads) -> Result<(), SqlError> {
        let interruption = Arc::new(Interruption::default());
        self.process.begin_statement(interruption);
        for channel in self.view.server.channels.chosen(chosen)? {
            let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = [(Part::Receiver, threads.receiver), (Part::Applier, threads.applier)];
            let parts: Vec<Part> =
                wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(part, _)| part).collect();
            let mut was_running = false;
            for part in &parts {
                was_running |= channel.ask_to_stop(*part);
            }
            if !was_running {
                self.note("Note", SqlError::new(1255, b"HY000", "Slave already has been stopped"));
            }
            for part in parts {
                if !channel.wait_for_end(part, &|| self.process.is_stopped()) {
                    return Err(interrupted());
                }
            }
        }
        Ok(())
    }

    /// SHOW of channels; `None` for another SHOW.
    pub(super) fn show_channels(&self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let before = words.clone();
        let row: fn(&Snapshot) -> Vec<Cell>;
        if words.accept_all(&["ALL", "SLAVES", "STATUS"]) || words.accept_all(&["ALL", "REPLICAS", "STATUS"]) {
            words.expect_end()?;
            return self.channel_rows(self.view.server.channels.all(), all_columns).map(Some);
        } else if words.accept("SLAVE") {
            row = slave_status;
        } else if words.accept("REPLICA") {
            row = replica_status;
        } else {
            return Ok(None);
        }
        if words.peek("HOSTS") {
            *words = before;
            return Ok(None);
        }
        let named = read_status(words)?;
        self.view.demand(SEES)?;
        let channels = &self.view.server.channels;
        let shown = match named {
            Some(named) => vec![channels.named(&named)?],
            None => channels.chosen(&Chosen::Unnamed)?,
        };
        self.channel_rows(shown, row).map(Some)
    }

    fn channel_rows(&self, channels: Vec<Arc<Channel>>, row: fn(&Snapshot) -> Vec<Cell>) -> Result<Answer, SqlError> {
        self.view.demand(SEES)?;
        let configured = channels.iter().filter(|channel| channel.is_configured());
        let shown: Vec<Snapshot> = configured.map(|channel| Snapshot::of(channel)).collect();
        let SystemTable { columns, rows } = table(&shown, row);
        Ok(Answer::Rows(Table { columns: show::columns(&columns), rows }))
    }
}
