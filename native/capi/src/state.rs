//! The state behind `MYSQL::extension`: everything of a connection that does not fit into the struct that programs share.

use std::ffi::{CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;

use sealwire_core::client::Summary;
use sealwire_core::message::SessionChange;

use super::abi::{CharsetInfo, Mysql, MysqlRes, MysqlStmt, Pvio};
use super::charset;
use super::fields::Fields;
use super::link::Link;
use super::options::Settings;
use super::socket::Address;
use super::waits::{Mode, Suspended, Wanted};

/// The arguments of the last `mysql_real_connect`, for a reconnect.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) address: Address,
    pub(crate) user: String,
    pub(crate) password: sealwire_core::secret::Secret,
    pub(crate) database: Option<CString>,
    /// The flags of the call.
    pub(crate) flags: u64,
}

/// The texts to which fields of `MYSQL` point.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) host: CString,
    pub(crate) user: CString,
    pub(crate) socket: CString,
    pub(crate) database: CString,
    pub(crate) server_version: CString,
    pub(crate) host_info: CString,
    pub(crate) info: CString,
    pub(crate) statistics: CString,
    pub(crate) cipher: CString,
    /// The last text that `mysql_get_option` or `mariadb_get_infov` handed out.
    pub(crate) answer: CString,
}

/// The functions of `mysql_set_local_infile_handler`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InfileHandler {
    pub(crate) init: Option<unsafe extern "C" fn(*mut *mut c_void, *const c_char, *mut c_void) -> c_int>,
    pub(crate) read: Option<unsafe extern "C" fn(*mut c_void, *mut c_char, c_uint) -> c_int>,
    pub(crate) end: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) error: Option<unsafe extern "C" fn(*mut c_void, *mut c_char, c_uint) -> c_int>,
    pub(crate) user_data: *mut c_void,
}

/// A change of the session's state: its number in `mysql_session_track_get_first`, and its data.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) kind: c_int,
    pub(crate) data: Vec<u8>,
}

/// The state of one handle.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) link: Option<Link>,
    pub(crate) login: Option<Login>,
    pub(crate) texts: Texts,
    /// The columns of the result that waits to be stored or used.
    pub(crate) fields: Fields,
    pub(crate) charset: &'static CharsetInfo,
    pub(crate) changes: Vec<Change>,
    /// The next change for `mysql_session_track_get_next`, by kind.
    pub(crate) next_change: usize,
    pub(crate) infile: Option<InfileHandler>,
    /// The statements of this handle, which outlive the connection.
    pub(crate) statements: Vec<*mut MysqlStmt>,
    /// The result that `mysql_use_result` reads.
    pub(crate) open_result: *mut MysqlRes,
    /// The statement whose rows are on the way.
    pub(crate) open_statement: *mut MysqlStmt,
    /// The shell behind `NET::pvio`, by which programs tell that a connection exists.
    pub(crate) pvio: Box<Pvio>,
    /// The server's extended capabilities, for a function of the program that asks `mariadb_get_infov` while it gives parameters: during a
    /// call the connection is in use.
    pub(crate) extended: c_ulong,
    /// The non-blocking call that waits for events.
    pub(crate) suspended: Option<Suspended>,
    /// The events for which it waits.
    pub(crate) wanted: Wanted,
    /// Whether the current call waits itself.
    pub(crate) mode: Mode,
    /// Whether a call runs now. The program can be back here meanwhile only from one of its own functions, which a call runs.
    pub(crate) busy: bool,
    /// Where the handle was at the last call: programs move it.
    pub(crate) home: *mut Mysql,
    /// The same place, for the questions of the plugin `dialog`, which come during a call.
    pub(crate) told_home: Arc<AtomicPtr<Mysql>>,
    /// Whether a call panicked; nothing is done with such a handle any more.
    pub(crate) poisoned: bool,
}

impl State {
    pub(crate) fn new(charset: &'static CharsetInfo) -> Self {
        Self {
            settings: Settings::new(),
            link: None,
            login: None,
            texts: Texts::default(),
            fields: Fields::none(),
            charset,
            changes: Vec::new(),
            next_change: 0,
            infile: None,
            statements: Vec::new(),
            open_result: ptr::null_mut(),
            open_statement: ptr::null_mut(),
            pvio: Box::new(Pvio::zeroed()),
            extended: 0,
            suspended: None,
            wanted: Wanted::default(),
            mode: Mode::Blocking,
            busy: false,
            home: ptr::null_mut(),
            told_home: Arc::default(),
            poisoned: false,
        }
    }

    /// Keeps the changes of the session that an OK packet reports.
    pub(crate) fn track(&mut self, summary: &Summary) {
        self.changes.clear();
        for change in summary.session_changes() {
            let (kind, data) = match change {
                SessionChange::SystemVariable { name, value } => {
                    // The escapes must know how the server splits the texts that it gets, also after SET NAMES as a statement.
                    if name == b"character_set_client"
                        && let Some(charset) = charset::by_name(&text(value))
                    {
                        self.charset = charset;
                    }
                    self.changes.push(Change { kind: 0, data: name.to_vec() });
                    (0, value)
                }
                SessionChange::Schema(name) => {
                    self.texts.database = text(name);
                    (1, name)
                }
                SessionChange::State(changed) => (2, if changed { b"1".as_slice() } else { b"0" }),
                SessionChange::Gtids(data) => (3, data),
                SessionChange::TransactionCharacteristics(data) => (4, data),
                SessionChange::TransactionState(data) => (5, data),
                SessionChange::Unknown { kind, data } => (c_int::from(kind), data),
            };
            self.changes.push(Change { kind, data: data.to_vec() });
        }
    }
}

/// A C string of the bytes before the first NUL.
pub(crate) fn text(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}
