//! Options, and what a program may ask about them and the connection.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::facts::{TlsVersion, Verification};

use crate::abi::{MyBool, MyCharsetInfo, Mysql};
use crate::charset;
use crate::failure;
use crate::handle::{Handle, exports, give, pointer, state_of, text, with};
use crate::options::{self, Kind, kind};
use crate::state;

/// `MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES`.
const EXTENDED_CAPABILITIES: c_int = 32;
/// Our own values of `mariadb_get_infov`: whether the TLS session was resumed, the group of its key exchange, and how the server was verified.
const SESSION_REUSED: c_int = 0x5357_0101;
const KEY_EXCHANGE: c_int = 0x5357_0102;
const VERIFICATION: c_int = 0x5357_0103;

/// The longest header of the PROXY protocol: version 2 has 16 bytes, and a length of 16 bits.
const LONGEST_HEADER: usize = 16 + 0xffff;

impl Handle<'_> {
    /// Sets a text option, and shows it where programs look for it.
    pub(crate) fn set_text_option(&mut self, option: u32, value: Option<&CStr>) -> Result<(), SqlError> {
        self.state.settings.set_text(option, value)?;
        let shown = self.state.settings.text(option).map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut());
        let options = &mut self.mysql.options;
        match option {
            options::SSL_KEY => options.ssl_key = shown,
            options::SSL_CERT => options.ssl_cert = shown,
            options::SSL_CA => options.ssl_ca = shown,
            options::SSL_CAPATH => options.ssl_capath = shown,
            options::SSL_CIPHER => options.ssl_cipher = shown,
            options::SET_CHARSET_NAME => options.charset_name = shown,
            options::HOST => options.host = shown,
            options::USER => options.user = shown,
            options::UNIXSOCKET => options.unix_socket = shown,
            options::SCHEMA => options.db = shown,
            _ => {}
        }
        if self.state.settings.asks_for_tls() {
            options.use_ssl = 1;
        }
        Ok(())
    }

    fn set_number_option(&mut self, option: u32, value: u64) -> Result<(), SqlError> {
        self.state.settings.set_checked(option, value)?;
        let number = c_uint::try_from(value).unwrap_or(c_uint::MAX);
        let flag = MyBool::from(value != 0);
        let options = &mut self.mysql.options;
        match option {
            options::CONNECT_TIMEOUT => options.connect_timeout = number,
            options::READ_TIMEOUT => options.read_timeout = number,
            options::WRITE_TIMEOUT => options.write_timeout = number,
            options::PORT => options.port = number,
            options::PROTOCOL => options.protocol = number,
            options::COMPRESS => options.compress = flag,
            options::RECONNECT => options.reconnect = flag,
            options::REPORT_DATA_TRUNCATION => options.report_data_truncation = flag,
            options::MAX_ALLOWED_PACKET => options.max_allowed_packet = value,
            options::SSL_ENFORCE | options::SSL_VERIFY_SERVER_CERT if flag == 1 => options.use_ssl = 1,
            _ => {}
        }
        Ok(())
    }

    /// Sets an option by its argument, whose type depends on the option.
    ///
    /// # Safety
    /// `argument` is NULL or valid for the option's type.
    unsafe fn set_option(&mut self, option: u32, argument: *const c_void) -> Result<(), SqlError> {
        let kind = kind(option).ok_or_else(|| failure::not_built(&format!("the option {option}")))?;
        // SAFETY: the caller says that the argument fits the option.
        unsafe {
            match (option, kind) {
                (options::NONBLOCK, _) if self.state.suspended.is_some() => return Err(failure::out_of_sync()),
                (options::CONNECT_ATTR_RESET, _) => self.state.settings.attributes.clear(),
                (options::CONNECT_ATTR_DELETE, _) => {
                    let name = text(argument.cast()).unwrap_or_default();
                    self.state.settings.attributes.retain(|(known, _)| known.as_c_str() != name);
                }
                (options::LOCAL_INFILE, _) => {
                    // Without an argument the option is on.
                    let value = argument.cast::<c_uint>().as_ref().copied().unwrap_or(1);
                    self.set_number_option(option, u64::from(value != 0))?;
                }
                (options::CONNECT_ATTRS, _) => return Err(failure::not_built("setting all attributes at once")),
                (_, Kind::Text) => self.set_text_option(option, text(argument.cast()))?,
                (_, Kind::Flag) => {
                    let value = argument.cast::<MyBool>().as_ref().copied().unwrap_or(0);
                    self.set_number_option(option, u64::from(value != 0))?;
                }
                (_, Kind::Number) => {
                    let value = argument.cast::<c_uint>().as_ref().copied().unwrap_or(0);
                    self.set_number_option(option, value.into())?;
                }
                (_, Kind::Byte) => {
                    let value = argument.cast::<u8>().as_ref().copied().unwrap_or(0);
                    self.set_number_option(option, value.into())?;
                }
                (_, Kind::Size) => {
                    let value = argument.cast::<usize>().as_ref().copied().unwrap_or(0);
                    self.set_number_option(option, value as u64)?;
                }
                (_, Kind::On) => self.set_number_option(option, 1)?,
                (_, Kind::Pointer) => drop(self.state.settings.pointers.insert(option, argument.expose_provenance())),
                (_, Kind::Ignored) => {}
            }
        }
        Ok(())
    }

    /// Writes the value of an option where the program wants it.
    ///
    /// # Safety
    /// `to` is valid for the option's type.
    unsafe fn get_option(&mut self, option: u32, to: *mut c_void) -> Result<(), SqlError> {
        let kind = kind(option).ok_or_else(|| failure::not_built(&format!("the option {option}")))?;
        let settings = &self.state.settings;
        let number = settings.number(option);
        // SAFETY: the caller promises it.
        unsafe {
            match (option, kind) {
                (options::CONNECT_ATTR_RESET | options::CONNECT_ATTR_ADD | options::CONNECT_ATTR_DELETE, _)
                // A program gave the password, and nothing else in its process has to read it here.
                | (options::PASSWORD, _) => return Err(failure::not_built(&format!("reading the option {option}"))),
                (options::INIT_COMMAND, _) => {
                    let first = settings.init_commands.first();
                    give(to.cast::<*mut c_char>(), first.map_or(ptr::null_mut(), pointer));
                }
                (options::SET_CHARSET_NAME, _) if settings.text(option).is_none() => {
                    give(to.cast::<*mut c_char>(), self.state.charset.csname.cast_mut());
                }
                (_, Kind::Text) => {
                    let value = settings.text(option).map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut());
                    give(to.cast::<*mut c_char>(), value);
                }
                (_, Kind::Flag | Kind::On) => give(to.cast::<MyBool>(), MyBool::from(number != 0)),
                (_, Kind::Number) => give(to.cast::<c_uint>(), c_uint::try_from(number).unwrap_or(c_uint::MAX)),
                (_, Kind::Byte) => give(to.cast::<u8>(), u8::try_from(number).unwrap_or(u8::MAX)),
                (_, Kind::Size) => give(to.cast::<usize>(), number as usize),
                (_, Kind::Pointer) => {
                    let kept = settings.pointers.get(&option).copied().unwrap_or(0);
                    give(to.cast::<*mut c_void>(), ptr::with_exposed_provenance_mut(kept));
                }
                (_, Kind::Ignored) => return Err(failure::not_built(&format!("reading the option {option}"))),
            }
        }
        Ok(())
    }

    fn answer_text(&mut self, value: &str) -> *const c_char {
        self.state.texts.answer = state::text(value.as_bytes());
        self.state.texts.answer.as_ptr()
    }

    /// The server's extended capabilities, which functions of the program may ask for during a call.
    pub(crate) fn note_extended(&mut self) -> c_ulong {
        let extended = self.state.link.as_ref().map_or(0, |link| link.connection.facts().capabilities.extended());
        self.state.extended = extended.into();
        self.state.extended
    }

    /// Writes what `mariadb_get_infov` is asked for; false where it is not known.
    ///
    /// # Safety
    /// `to` is valid for the value's type, and `argument` for what it asks with.
    unsafe fn get_info(&mut self, value: c_int, to: *mut c_void, argument: *const c_void) -> bool {
        let as_text = to.cast::<*const c_char>();
        let tls = self.state.link.as_ref().and_then(|link| link.connection.facts().tls.as_ref());
        let resumed = tls.is_some_and(|tls| tls.resumed);
        let group = tls.and_then(|tls| tls.group);
        let verification = tls.map(|tls| match tls.verification {
            Verification::None => "none",
            Verification::Ca => "CA",
            Verification::CaAndIdentity => "CA and identity",
            Verification::SystemRootsAndIdentity => "system's CAs and identity",
            Verification::Fingerprint => "fingerprint",
        });
        let tls = tls.map(|tls| (tls.version, tls.cipher));
        let bytes = self.state.link.as_ref().map_or((0, 0), |link| {
            let facts = link.connection.facts();
            (facts.bytes_in, facts.bytes_out)
        });
        let mysql = &*self.mysql;
        // SAFETY: the caller promises it.
        unsafe {
            match value {
                5 | 6 => {
                    let is_suspended = self.state.suspended.is_some();
                    let left = if is_suspended { self.state.wanted.milliseconds() } else { 0 };
                    give(to.cast::<c_uint>(), if value == 5 { left.div_ceil(1000) } else { left });
                }
                7 => {
                    give(to.cast(), MyCharsetInfo::from(self.state.charset));
                }
                8 => give(as_text, mysql.net.last_error.as_ptr()),
                9 => give(to.cast::<c_uint>(), mysql.net.last_errno),
                10 => give(as_text, mysql.host.cast_const()),
                11 => give(as_text, mysql.info.cast_const()),
                12 => give(to.cast::<c_uint>(), mysql.port),
                13 => give(to.cast::<c_uint>(), mysql.protocol_version),
                14 => give(to.cast::<c_uint>(), self.state.pvio.kind.cast_unsigned()),
                15 => give(as_text, mysql.db.cast_const()),
                16 => {
                    let version = self.state.texts.server_version.to_bytes();
                    let is_mariadb = version.windows(7).any(|part| part == b"MariaDB");
                    give(as_text, if is_mariadb { c"MariaDB".as_ptr() } else { c"MySQL".as_ptr() });
                }
                17 => give(as_text, mysql.server_version.cast_const()),
                18 => {
                    let number = super::info::version_number(self.state.texts.server_version.to_bytes());
                    give(to.cast::<usize>(), number as usize);
                }
                37 => give(to.cast::<c_uint>(), 0),
                SESSION_REUSED => give(to.cast::<c_uint>(), u32::from(resumed)),
                KEY_EXCHANGE => {
                    let name = group.map_or(ptr::null(), |name| self.answer_text(name));
                    give(as_text, name);
                }
                VERIFICATION => {
                    let name = verification.map_or(ptr::null(), |name| self.answer_text(name));
                    give(as_text, name);
                }
                19 => give(to.cast::<c_int>(), mysql.net.fd),
                20 => give(as_text, mysql.net.sqlstate.as_ptr()),
                21 => {
                    let cipher = &self.state.texts.cipher;
                    give(as_text, if tls.is_some() { pointer(cipher).cast_const() } else { ptr::null() });
                }
                23 => match tls {
                    Some((version, _)) => {
                        let name = self.answer_text(version.name());
                        give(as_text, name);
                    }
                    None => return false,
                },
                24 => match tls {
                    Some((version, _)) => give(to.cast::<c_uint>(), if version == TlsVersion::V1_3 { 4 } else { 3 }),
                    None => return false,
                },
                25 => give(to.cast::<c_uint>(), u32::from(mysql.port != 0)),
                26 => give(as_text, mysql.unix_socket.cast_const()),
                27 => give(as_text, mysql.user.cast_const()),
                30 => give(to.cast::<c_uint>(), mysql.server_status),
                31 => give(to.cast::<c_ulong>(), mysql.server_capabilities),
                EXTENDED_CAPABILITIES => give(to.cast(), self.note_extended()),
                33 => give(to.cast::<c_ulong>(), mysql.client_flag),
                34 => give(to.cast::<usize>(), bytes.0 as usize),
                35 => give(to.cast::<usize>(), bytes.1 as usize),
                _ => return without_handle(value, to, argument),
            }
        }
        true
    }
}

/// Writes what needs no connection; false where it is not known.
///
/// # Safety
/// `to` is valid for the value's type, and `argument` for what it asks with.
unsafe fn without_handle(value: c_int, to: *mut c_void, argument: *const c_void) -> bool {
    // SAFETY: the caller promises it.
    unsafe {
        match value {
            // The number comes as an `unsigned int` in the place of the pointer.
            0 => match charset::by_number(argument.addr() as u32) {
                Some(found) => give(to.cast(), ptr::from_ref(found)),
                None => return false,
            },
            1 => match charset::by_name(text(argument.cast()).unwrap_or_default()) {
                Some(found) => give(to.cast(), ptr::from_ref(found)),
                None => return false,
            },
            2 => give(to.cast(), ERRORS.0.as_ptr()),
            3 => give(to.cast(), c"10.11.19".as_ptr()),
            4 => give(to.cast::<usize>(), super::info::CLIENT_VERSION as usize),
            22 => give(to.cast(), concat_version().as_ptr()),
            28 => give(to.cast::<usize>(), 1 << 30),
            29 => give(to.cast::<usize>(), 8192),
            _ => return false,
        }
    }
    true
}

/// The texts of the client's errors from 2000 on, as `MARIADB_CLIENT_ERRORS` gives them; NULL ends the list.
#[repr(transparent)]
struct Errors([*const c_char; 63]);

// SAFETY: the pointers are to constant texts, which every thread may read.
unsafe impl Sync for Errors {}

static ERRORS: Errors = Errors(failure::texts());

/// The TLS library's name, which says that it is none of the original's.
const fn concat_version() -> &'static CStr {
    const TEXT: &[u8] = concat!("Sealwire ", env!("CARGO_PKG_VERSION"), " (rustls)\0").as_bytes();
    match CStr::from_bytes_with_nul(TEXT) {
        Ok(text) => text,
        Err(_) => c"Sealwire",
    }
}

/// Answers `mariadb_get_infov` with a handle or without.
///
/// # Safety
/// As the function of the API.
unsafe fn info(mysql: *mut Mysql, value: c_int, to: *mut c_void, argument: *const c_void) -> MyBool {
    // SAFETY: the caller promises it.
    unsafe {
        let known = if mysql.is_null() {
            without_handle(value, to, argument)
        } else if value == EXTENDED_CAPABILITIES && state_of(mysql).is_some_and(|state| (*state).busy) {
            give(to.cast(), state_of(mysql).map_or(0, |state| (*state).extended));
            true
        } else {
            with(mysql, false, |handle| handle.get_info(value, to, argument))
        };
        if known { 0 } else { -1 }
    }
}

exports! {
    /// Sets an option.
    fn mysql_options(mysql: *mut Mysql, option: c_uint, argument: *const c_void) -> c_int = 1; {
        with(mysql, 1, |handle| {
            let outcome = handle.set_option(option, argument);
            handle.status(outcome, 1)
        })
    }

    /// Sets an option with two arguments.
    fn mysql_options4(mysql: *mut Mysql, option: c_uint, first: *const c_void, second: *const c_void) -> c_int = 1; {
        set_two(mysql, option, first, second)
    }

    /// Sets an option with as many arguments as it has. The tail has the fixed number of three, because Rust can't define variadic
    /// functions yet; on 64-bit Linux the arguments of both kinds are in the same registers.
    fn mysql_optionsv(
        mysql: *mut Mysql,
        option: c_uint,
        first: *const c_void,
        second: *const c_void,
        _third: *const c_void,
    ) -> c_int = 1; {
        set_two(mysql, option, first, second)
    }

    /// The value of an option.
    fn mysql_get_option(mysql: *mut Mysql, option: c_uint, to: *mut c_void) -> c_int = 1; {
        with(mysql, 1, |handle| {
            let outcome = handle.get_option(option, to);
            handle.status(outcome, 1)
        })
    }

    /// The value of an option with arguments of its own.
    fn mysql_get_optionv(
        mysql: *mut Mysql,
        option: c_uint,
        first: *mut c_void,
        second: *mut c_void,
        third: *mut c_void,
    ) -> c_int = 1; {
        with(mysql, 1, |handle| {
            if option == options::USERDATA {
                let name = text(first.cast_const().cast()).unwrap_or_default();
                let found = handle.state.settings.user_data.iter().find(|(known, _)| known.as_c_str() == name);
                let value = found.map_or(0, |(_, value)| *value);
                give(second.cast::<*mut c_void>(), ptr::with_exposed_provenance_mut(value));
                return 0;
            }
            if option == options::CONNECT_ATTRS {
                let attributes = &handle.state.settings.attributes;
                for (at, (name, value)) in attributes.iter().enumerate() {
                    for (to_array, text) in [(first, name), (second, value)] {
                        // The program has asked for the count before, and has room for so many pointers.
                        let array = to_array.cast::<*mut *mut c_char>().as_ref().copied().unwrap_or(ptr::null_mut());
                        if !array.is_null() {
                            array.add(at).write(pointer(text));
                        }
                    }
                }
                give(third.cast::<c_uint>(), c_uint::try_from(attributes.len()).unwrap_or(c_uint::MAX));
                return 0;
            }
            let outcome = handle.get_option(option, first);
            handle.status(outcome, 1)
        })
    }

    /// A fact about the connection or the library.
    fn mariadb_get_infov(
        mysql: *mut Mysql,
        value: c_int,
        to: *mut c_void,
        argument: *const c_void,
        _second: *const c_void,
    ) -> MyBool = -1; {
        info(mysql, value, to, argument)
    }

    /// The same without arguments.
    fn mariadb_get_info(mysql: *mut Mysql, value: c_int, to: *mut c_void) -> MyBool = -1; {
        info(mysql, value, to, ptr::null())
    }
}

/// Sets an option that may have two arguments.
///
/// # Safety
/// The arguments are valid for the option.
unsafe fn set_two(mysql: *mut Mysql, option: c_uint, first: *const c_void, second: *const c_void) -> c_int {
    // SAFETY: the caller promises it.
    unsafe {
        with(mysql, 1, |handle| {
            let outcome = match option {
                options::CONNECT_ATTR_ADD => {
                    let owned = |pointer: *const c_void| text(pointer.cast()).unwrap_or_default().to_owned();
                    handle.state.settings.attributes.push((owned(first), owned(second)));
                    Ok(())
                }
                options::USERDATA => {
                    let name = text(first.cast()).unwrap_or_default().to_owned();
                    let data = &mut handle.state.settings.user_data;
                    data.retain(|(known, _)| *known != name);
                    data.push((name, second.expose_provenance()));
                    Ok(())
                }
                options::RPL_REGISTER_REPLICA => {
                    // The port, too, is a number in the place of a pointer.
                    let host = text(first.cast());
                    handle.state.settings.replica = host.map(|host| (host.to_owned(), second.addr() as u32));
                    Ok(())
                }
                options::PROXY_HEADER => {
                    // The second argument is a number in the place of a pointer.
                    let length = second.addr();
                    if length > LONGEST_HEADER {
                        Err(failure::hy000(
                            2034,
                            format!("Invalid parameter: a proxy header has {LONGEST_HEADER} bytes at most"),
                        ))
                    } else {
                        let header = crate::handle::bytes(first.cast(), length);
                        header.map(|header| handle.state.settings.proxy_header = header.to_vec())
                    }
                }
                _ => handle.set_option(option, first),
            };
            handle.status(outcome, 1)
        })
    }
}
