//! The questions of the plugin `dialog`, which the program answers, or else the user at the terminal.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use sealwire_core::auth::Dialog;
use sealwire_core::printable;
use sealwire_core::secret::Secret;
use zeroize::Zeroizing;

use super::abi::Mysql;
use super::state;

/// The names under which a program offers its function, as in the original.
const NAMES: [&CStr; 2] = [c"mariadb_auth_dialog", c"mysql_authentication_dialog_ask"];
/// The room for an answer.
const ROOM: usize = 1024;

/// `mysql_authentication_dialog_ask_t`.
type Ask = unsafe extern "C" fn(*mut Mysql, c_int, *const c_char, *mut c_char, c_int) -> *mut c_char;

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The one who answers for a handle.
#[derive(Debug)]
pub(crate) struct ProgramsDialog {
    /// Where the handle is, which the program's function gets; the program may move it.
    handle: Arc<AtomicPtr<Mysql>>,
}

impl ProgramsDialog {
    pub(crate) const fn of(handle: Arc<AtomicPtr<Mysql>>) -> Self {
        Self { handle }
    }
}

impl Dialog for ProgramsDialog {
    fn ask(&self, question: &[u8], hidden: bool) -> Option<Secret> {
        let Some(ask) = programs_function() else { return at_terminal(question, hidden) };
        let question = state::text(question);
        // One more byte than the program is told of ends an answer that fills all of its room.
        let mut answer: Zeroizing<Vec<c_char>> = Zeroizing::new(vec![0; ROOM + 1]);
        let kind = if hidden { 2 } else { 1 };
        let handle = self.handle.load(Ordering::Relaxed);
        // SAFETY: the program has a function of this name for this purpose; the buffer has as many bytes as it is told.
        let given = unsafe { ask(handle, kind, question.as_ptr(), answer.as_mut_ptr(), ROOM as c_int) };
        // An error that is there now is that of a call which the function tried on this handle.
        // SAFETY: the handle is NULL or the one of the call that runs; no reference to the struct is held.
        if let Some(mysql) = unsafe { self.handle.load(Ordering::Relaxed).as_mut() } {
            mysql.clear_error();
        }
        // SAFETY: the function returns NULL or a text, which may be in the buffer. The original does not free it either.
        (!given.is_null()).then(|| Secret::new(unsafe { CStr::from_ptr(given) }.to_bytes()))
    }
}

fn programs_function() -> Option<Ask> {
    NAMES.iter().find_map(|name| {
        // SAFETY: NULL names the symbols of the whole process; the name ends with a NUL.
        let found = unsafe { dlsym(ptr::null_mut(), name.as_ptr()) };
        // SAFETY: a function of this name has this type, as the interface of plugins says.
        (!found.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Ask>(found) })
    })
}

/// Asks on the process's terminal. A program without one has nobody who could answer.
fn at_terminal(question: &[u8], hidden: bool) -> Option<Secret> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    let shown = String::from_utf8_lossy(question).into_owned();
    terminal.write_all(printable::text(&shown).as_bytes()).ok()?;
    let visible = hidden.then(|| tcgetattr(&terminal).ok()).flatten();
    if let Some(visible) = &visible {
        let mut silent = visible.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &silent).ok()?;
    }
    let line = line(&mut terminal);
    if let Some(visible) = &visible {
        // The user sees no line feed of his own.
        let _ = tcsetattr(&terminal, OptionalActions::Now, visible);
        let _ = terminal.write_all(b"\n");
    }
    line
}

/// One line, without its end.
fn line(terminal: &mut File) -> Option<Secret> {
    let mut line = Zeroizing::new(Vec::with_capacity(ROOM));
    let mut byte = Zeroizing::new([0]);
    while terminal.read(&mut *byte).ok()? == 1 && *byte != *b"\n" {
        if line.len() + 1 < ROOM {
            line.extend_from_slice(&*byte);
        }
    }
    Some(Secret::new(line.as_slice()))
}
