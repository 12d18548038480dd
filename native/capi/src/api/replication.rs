//! Reading the binary log of a server, or of a file.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

use crate::abi::Mysql;
use crate::abi::replication::{Rpl, RplEvent, RplRow};
use crate::call;
use crate::failure;
use crate::handle::{Handle, Place, bytes, exports, give, text, with};
use crate::log::{self, Log, log, number_of};
use crate::log_event::{Storage, free, renewed};
use crate::log_next;
use crate::log_rows::extract;

/// The version of the interface in MariaDB's header, the only one that it supports.
const VERSION: c_uint = 2;

/// The options of `mariadb_rpl_optionsv`.
const FILENAME: c_uint = 0;
const START: c_uint = 1;
const SERVER_ID: c_uint = 2;
const FLAGS: c_uint = 3;
const VERIFY_CHECKSUM: c_uint = 7;
const UNCOMPRESS: c_uint = 8;
const HOST: c_uint = 9;
const PORT: c_uint = 10;
const EXTRACT_VALUES: c_uint = 11;
const SEMI_SYNC: c_uint = 12;

/// The flag by which the library skips heartbeats. It is the client's own, and no server gets it.
const IGNORE_HEARTBEAT: c_uint = 1 << 17;

exports! {
    /// A reader of the log of the server behind a handle, or of a file where that is NULL.
    fn mariadb_rpl_init_ex(mysql: *mut Mysql, version: c_uint) -> *mut Rpl = ptr::null_mut(); {
        if version != VERSION {
            with(mysql, (), |handle| {
                let text = format!("Version {version} of the replication interface is not supported, only {VERSION} is");
                handle.set_error(&failure::hy000(5008, text));
            });
            return ptr::null_mut();
        }
        Box::into_raw(Log::new(version, mysql)).cast()
    }

    /// Sets an option with as many arguments as it has; see `mysql_optionsv` for the fixed tail.
    fn mariadb_rpl_optionsv(rpl: *mut Rpl, option: c_uint, first: *mut c_void, second: *mut c_void) -> c_int = 1; {
        let Some(log) = log(rpl) else { return 1 };
        let number = number_of(first) as u32;
        match option {
            // A length of 0 says that the name ends with a NUL.
            FILENAME => {
                let name = match second.addr() {
                    0 => text(first.cast_const().cast()).unwrap_or_default().to_bytes(),
                    length => match bytes(first.cast_const().cast(), length) {
                        Ok(name) => name,
                        Err(_) => return -1,
                    },
                };
                log.set_filename(name);
            }
            START => log.abi.start_position = number_of(first),
            SERVER_ID => log.abi.server_id = number,
            FLAGS => {
                log.abi.flags = number as u16;
                log.ignores_heartbeats = number & IGNORE_HEARTBEAT != 0;
            }
            VERIFY_CHECKSUM => log.abi.verify_checksum = u8::from(number != 0),
            UNCOMPRESS => log.abi.uncompress = u8::from(number != 0),
            HOST => log.set_host(text(first.cast_const().cast()).unwrap_or_default().to_owned()),
            PORT => log.abi.port = number,
            EXTRACT_VALUES => log.abi.extract_values = u8::from(number != 0),
            SEMI_SYNC => log.abi.is_semi_sync = u8::from(number != 0),
            _ => return -1,
        }
        0
    }

    /// The value of an option.
    fn mariadb_rpl_get_optionsv(rpl: *mut Rpl, option: c_uint, first: *mut c_void, second: *mut c_void) -> c_int = 1; {
        let Some(log) = log(rpl) else { return 1 };
        match option {
            FILENAME => {
                give(first.cast::<*const c_char>(), log.abi.filename.cast_const());
                give(second.cast::<usize>(), log.filename().len());
            }
            START => give(first.cast(), log.abi.start_position),
            SERVER_ID => give(first.cast(), log.abi.server_id),
            FLAGS => {
                let own = if log.ignores_heartbeats { IGNORE_HEARTBEAT } else { 0 };
                give(first.cast::<c_uint>(), c_uint::from(log.abi.flags) | own);
            }
            SEMI_SYNC => give(first.cast::<c_uint>(), log.abi.is_semi_sync.into()),
            _ => return 1,
        }
        0
    }

    /// Asks the server for its log, or opens the file.
    fn mariadb_rpl_open(rpl: *mut Rpl) -> c_int = 1; {
        let Some(log) = log(rpl) else { return 1 };
        log.clear_error();
        let mysql = log.abi.mysql;
        if mysql.is_null() {
            let opened = log.open_file();
            if let Err(error) = &opened {
                log.set_error(error);
            }
            return c_int::from(opened.is_err());
        }
        let mut log = Place::new(rpl.cast::<Log>());
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let opened = log::open_stream(&mut log, handle).await;
            if let Err(error) = &opened {
                log.set_error(error);
            }
            handle.status(opened, 1)
        })
    }

    /// The next event, in the memory of an earlier one, or in new memory where that is NULL. NULL is the end of the log, or an error; the
    /// earlier event is freed then.
    fn mariadb_rpl_fetch(rpl: *mut Rpl, event: *mut RplEvent) -> *mut RplEvent = ptr::null_mut(); {
        let Some(log) = log(rpl) else { return ptr::null_mut() };
        log.clear_error();
        let mysql = log.abi.mysql;
        let event = renewed(event);
        let storage = (*event).storage.cast::<Storage>();
        let is_there = if mysql.is_null() {
            log_next::of_file(log, &mut *event, &mut *storage).unwrap_or_else(|error| {
                log.set_error(&error);
                false
            })
        } else {
            let mut log = Place::new(rpl.cast::<Log>());
            let (mut place, mut storage) = (Place::new(event), Place::new(storage));
            call::run(mysql, false, async move |handle: &mut Handle<'static>| {
                handle.clear_error();
                let next = log_next::of_stream(&mut log, handle, &mut place, &mut storage).await;
                if let Err(error) = &next {
                    log.set_error(error);
                }
                handle.answer(next, false)
            })
        };
        if is_there {
            return event;
        }
        free(event);
        ptr::null_mut()
    }

    /// The rows of a row event, whose table the other event describes. They live as long as the row event.
    fn mariadb_rpl_extract_rows(rpl: *mut Rpl, table: *mut RplEvent, rows: *mut RplEvent) -> *mut RplRow = ptr::null_mut(); {
        let (Some(log), false, false) = (log(rpl), table.is_null(), rows.is_null()) else { return ptr::null_mut() };
        log.clear_error();
        extract(&*table, &*rows).unwrap_or_else(|error| {
            log.set_error(&error);
            ptr::null_mut()
        })
    }

    /// Frees an event with all that it points to.
    fn mariadb_free_rpl_event(event: *mut RplEvent) = (); { free(event) }

    /// Frees a reader. The connection stays, and its events that were not fetched are dropped when it is closed.
    fn mariadb_rpl_close(rpl: *mut Rpl) = (); {
        if !rpl.is_null() {
            drop(Box::from_raw(rpl.cast::<Log>()));
        }
    }

    /// The text of the last error; empty for none.
    fn mariadb_rpl_error(rpl: *mut Rpl) -> *const c_char = c"".as_ptr(); {
        match log(rpl) {
            Some(log) => log.abi.error_msg.as_ptr(),
            None => c"".as_ptr(),
        }
    }

    /// The number of the last error; 0 for none.
    fn mariadb_rpl_errno(rpl: *mut Rpl) -> c_uint = 0; { log(rpl).map_or(0, |log| log.abi.error_no) }
}
