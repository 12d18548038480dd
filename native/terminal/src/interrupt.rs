//! Ctrl-C kills the running statement instead of the client.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::output;
use sealwire::{Address, Client, ClientError, Config};

/// The current effect of Ctrl-C.
#[derive(Default)]
enum State {
    /// No statement runs: Ctrl-C ends the program.
    #[default]
    Idle,
    /// A statement runs: Ctrl-C kills it.
    Statement(Kill),
    /// This thread kills the statement and informs the user; another Ctrl-C ends the program.
    Killed(JoinHandle<()>),
    /// Another program has the terminal and handles Ctrl-C itself.
    Others,
}

/// Kills the running statement, over a second connection.
type Kill = Box<dyn FnOnce() -> Result<(), ClientError> + Send>;

/// The handle by which the session tells the Ctrl-C handler its state.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

impl Interrupt {
    /// Installs the handler of Ctrl-C; with `ignored`, Ctrl-C has no effect.
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

    /// Notes that a statement begins on this connection.
    pub(crate) fn begin(&self, address: &Address, config: Option<Config>, connection_id: u32) {
        let Some(config) = config else { return };
        let address = address.clone();
        self.begin_with(Box::new(move || {
            let mut client = Client::connect(&address, config)?;
            client.query(format!("KILL QUERY {connection_id}")).map(drop)?;
            client.quit()
        }));
    }

    fn begin_with(&self, kill: Kill) {
        *self.state() = State::Statement(kill);
    }

    /// Notes that another program has the terminal.
    pub(crate) fn wait_for_others(&self) {
        self.replace(State::Others);
    }

    /// Notes that no statement or other program runs any more.
    pub(crate) fn end(&self) {
        self.replace(State::Idle);
    }

    /// Enters the state `next`, after the message of a kill was printed, because the statement's error must appear below that message.
    fn replace(&self, next: State) {
        let mut state = self.state();
        if let State::Killed(teller) = std::mem::take(&mut *state) {
            drop(state);
            // If that thread panicked, it has printed the panic itself.
            let _ = teller.join();
            state = self.state();
        }
        *state = next;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each state is set at once, so the value is valid even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupted(&self) {
        let mut state = self.state();
        match std::mem::take(&mut *state) {
            // A separate thread kills the statement, so that another Ctrl-C is handled while the server does not answer.
            State::Statement(kill) => {
                match thread::Builder::new().name("sealwire-kill".to_owned()).spawn(|| report_kill(kill())) {
                    Ok(teller) => *state = State::Killed(teller),
                    Err(error) => report_kill(Err(error.into())),
                }
            }
            State::Others => *state = State::Others,
            State::Idle | State::Killed(_) => {
                // The default handler ends the process.
                let _ = emulate_default_handler(SIGINT);
            }
        }
    }
}

fn report_kill(killed: Result<(), ClientError>) {
    match killed {
        Ok(()) => output::report("^C -- query aborted"),
        Err(error) => output::report(&format!("^C -- the query can't be aborted: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_killed_statement_ends_after_the_user_was_told() {
        let interrupt = Interrupt::default();
        let (answer, answered) = mpsc::channel();
        let is_killed = Arc::new(AtomicBool::new(false));
        let killed = Arc::clone(&is_killed);
        interrupt.begin_with(Box::new(move || {
            let () = answered.recv().unwrap();
            killed.store(true, Ordering::SeqCst);
            Ok(())
        }));
        interrupt.interrupted();
        answer.send(()).unwrap();
        interrupt.end();
        assert!(is_killed.load(Ordering::SeqCst));
    }
}
