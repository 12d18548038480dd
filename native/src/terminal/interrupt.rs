//! Ctrl-C: the statement that runs is killed, not the client.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::output;
use crate::client::{Address, Client, ClientError, Config};

/// What Ctrl-C means at the moment.
#[derive(Debug, Default)]
enum State {
    /// Nothing runs: it ends the program.
    #[default]
    Idle,
    /// A statement runs: it is killed.
    Statement(Box<Running>),
    /// The statement was killed, and its answer is still to come: it ends the program.
    Killed,
    /// Another program has the terminal, and Ctrl-C is its own.
    Others,
}

/// A statement that runs, and all that it takes to kill it from beside.
#[derive(Debug)]
struct Running {
    address: Address,
    config: Config,
    connection_id: u32,
}

impl Running {
    fn kill(self) -> Result<(), ClientError> {
        let mut client = Client::connect(&self.address, self.config)?;
        client.query(format!("KILL QUERY {}", self.connection_id)).map(drop)?;
        client.quit()
    }
}

/// The session's side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

impl Interrupt {
    /// Takes Ctrl-C from here on; with `ignored` it does nothing.
    pub(crate) fn watch(ignored: bool) -> io::Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGINT])?;
        let states = interrupt.clone();
        thread::Builder::new().name("sealwire-signal".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if !ignored {
                    states.interrupted();
                }
            }
        })?;
        Ok(interrupt)
    }

    /// A statement begins on this connection.
    pub(crate) fn begin(&self, address: &Address, config: Option<Config>, connection_id: u32) {
        if let Some(config) = config {
            *self.state() = State::Statement(Box::new(Running { address: address.clone(), config, connection_id }));
        }
    }

    /// Another program has the terminal.
    pub(crate) fn wait_for_others(&self) {
        *self.state() = State::Others;
    }

    /// Nothing runs any more.
    pub(crate) fn end(&self) {
        *self.state() = State::Idle;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The states are set whole: a panic in between leaves one of them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupted(&self) {
        let mut state = self.state();
        match std::mem::take(&mut *state) {
            State::Statement(running) => {
                *state = State::Killed;
                drop(state);
                match running.kill() {
                    Ok(()) => output::tell("^C -- query aborted"),
                    Err(error) => output::tell(&format!("^C -- the query can't be aborted: {error}")),
                }
            }
            State::Others => *state = State::Others,
            State::Idle | State::Killed => {
                // It ends the process, as without this handler.
                let _ = emulate_default_handler(SIGINT);
            }
        }
    }
}
