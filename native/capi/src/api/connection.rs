//! Making and ending connections.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong};
use std::ptr;

use sealwire_core::secret::Secret;

use crate::abi::{MyBool, Mysql, STATUS_READY};
use crate::call;
use crate::connect::{self, Arguments};
use crate::connection_string;
use crate::failure;
use crate::handle::{Handle, destroy, detach, exports, is_busy, state_of, text, with};
use crate::options;
use crate::policy;
use crate::socket::shut_down;

/// Begins to close a handle, which then has no suspended call, results and statements any more. False where a call runs on it, because one of
/// the program's own functions wants to close it.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn may_close(mysql: *mut Mysql) -> bool {
    // SAFETY: the caller promises it.
    unsafe {
        let Some(state) = state_of(mysql) else { return true };
        if is_busy(mysql, state) {
            return false;
        }
        detach(state);
    }
    true
}

/// Ends the connection.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn disconnect(mysql: *mut Mysql) {
    // SAFETY: the caller promises it.
    unsafe { call::run(mysql, (), async move |handle: &mut Handle<'static>| handle.disconnect().await) }
}

exports! {
    /// Connects and logs in. Any TLS option set before, and `CLIENT_SSL`, demand TLS over TCP. The host may be a connection string.
    fn mysql_real_connect(
        mysql: *mut Mysql,
        host: *const c_char,
        user: *const c_char,
        password: *const c_char,
        database: *const c_char,
        port: c_uint,
        socket: *const c_char,
        flags: c_ulong,
    ) -> *mut Mysql = ptr::null_mut(); {
        let mut arguments = Arguments {
            host: text(host),
            user: text(user),
            password: text(password),
            database: text(database),
            port,
            socket: text(socket),
            flags,
        };
        call::run(mysql, ptr::null_mut(), async move |handle: &mut Handle<'static>| {
            let outcome = match arguments.host.take_if(|host| connection_string::is_one(host.to_bytes())) {
                Some(text) => connection_string::apply(&mut handle.state.settings, text.to_bytes()),
                None => Ok(()),
            };
            let outcome = match outcome {
                Ok(()) => connect::connect(handle, &arguments).await,
                refused => refused,
            };
            // The program may have moved the handle meanwhile.
            let own = handle.state.home;
            handle.answer(outcome.map(|()| own), ptr::null_mut())
        })
    }

    /// Ends the connection, and frees the handle. A call that is suspended is dropped.
    fn mysql_close(mysql: *mut Mysql) = (); {
        if may_close(mysql) {
            disconnect(mysql);
            destroy(mysql);
        }
    }

    /// Asks for TLS, with these files; NULL unsets one.
    fn mysql_ssl_set(
        mysql: *mut Mysql,
        key: *const c_char,
        certificate: *const c_char,
        ca: *const c_char,
        ca_folder: *const c_char,
        cipher: *const c_char,
    ) -> c_int = 1; {
        with(mysql, 1, |handle| {
            handle.state.settings.set_number(options::USE_TLS, 1);
            handle.mysql.options.use_ssl = 1;
            let all = [
                (options::SSL_KEY, key),
                (options::SSL_CERT, certificate),
                (options::SSL_CA, ca),
                (options::SSL_CAPATH, ca_folder),
                (options::SSL_CIPHER, cipher),
            ];
            let outcome = all.into_iter().try_for_each(|(option, value)| handle.set_text_option(option, text(value)));
            handle.status(outcome, 1)
        })
    }

    /// Logs in as another user over the same connection.
    fn mysql_change_user(
        mysql: *mut Mysql,
        user: *const c_char,
        password: *const c_char,
        database: *const c_char,
    ) -> MyBool = 1; {
        let user = text(user).unwrap_or_default().to_string_lossy().into_owned();
        let password = Secret::new(text(password).unwrap_or_default().to_bytes());
        let database = text(database).map(CStr::to_owned);
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.change_user(&user, password, database.as_deref()).await.map(|()| 0);
            handle.answer(outcome, 1)
        })
    }

    /// Resets the session; user and TLS stay.
    fn mysql_reset_connection(mysql: *mut Mysql) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            // An answer that was not read is dropped first, as the original does.
            handle.mysql.status = STATUS_READY;
            handle.mysql.server_status &= !crate::session::MORE_RESULTS;
            let outcome = handle.simple(|link| link.connection.reset_connection()).await;
            handle.status(outcome, 1)
        })
    }

    /// Whether the server answers.
    fn mysql_ping(mysql: *mut Mysql) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.simple(|link| link.connection.ping()).await;
            handle.status(outcome, 1)
        })
    }

    /// Connects again, as the options allow it.
    fn mariadb_reconnect(mysql: *mut Mysql) -> MyBool = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let Some(login) = handle.state.login.clone() else {
                handle.set_error(&failure::gone());
                return 1;
            };
            handle.disconnect().await;
            handle.clear_error();
            let outcome = Box::pin(connect::establish(handle, login)).await.map(|()| 0);
            handle.answer(outcome, 1)
        })
    }

    /// Ends the connection's traffic, from another thread, too.
    fn mariadb_cancel(mysql: *mut Mysql) -> c_int = 1; {
        // Another thread's call may run, so the state is not touched.
        let descriptor = mysql.as_ref().filter(|mysql| !mysql.net.pvio.is_null()).map_or(-1, |mysql| mysql.net.fd);
        c_int::from(shut_down(descriptor).is_err())
    }

    /// Whether there is a connection to a MariaDB server.
    fn mariadb_connection(mysql: *mut Mysql) -> MyBool = 0; {
        with(mysql, 0, |handle| {
            let version = handle.state.texts.server_version.to_bytes();
            MyBool::from(handle.state.link.is_some() && version.windows(7).any(|part| part == b"MariaDB"))
        })
    }

    /// Nothing has to be initialised.
    fn mysql_server_init(_count: c_int, _arguments: *mut *mut c_char, _groups: *mut *mut c_char) -> c_int = 0; { 0 }

    /// Frees what the process keeps for later connections; they may be made nevertheless.
    fn mysql_server_end() = (); { policy::forget() }

    /// Nothing has to be initialised for a thread.
    fn mysql_thread_init() -> MyBool = 0; { 0 }

    /// Nothing has to be freed for a thread.
    fn mysql_thread_end() = (); {}

    /// The library may be used by several threads.
    fn mysql_thread_safe() -> c_uint = 1; { 1 }

    /// The library holds no server.
    fn mysql_embedded() -> MyBool = 0; { 0 }
}
