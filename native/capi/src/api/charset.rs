//! Character sets.

use std::ffi::{c_char, c_int, c_uint};
use std::ptr;

use crate::abi::{CharsetInfo, MyCharsetInfo, Mysql};
use crate::call;
use crate::charset;
use crate::failure;
use crate::handle::{Handle, exports, give, text, with};
use crate::iconv::{INVALID, convert};
use crate::lengths::check;

exports! {
    /// The name of the connection's character set.
    fn mysql_character_set_name(mysql: *mut Mysql) -> *const c_char = c"".as_ptr(); {
        with(mysql, ptr::null(), |handle| handle.state.charset.csname)
    }

    /// Changes the connection's character set.
    fn mysql_set_character_set(mysql: *mut Mysql, name: *const c_char) -> c_int = 1; {
        let name = text(name).unwrap_or_default().to_owned();
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let Some(charset) = charset::by_name(&name) else {
                let shown = name.to_string_lossy();
                handle.set_error(&failure::hy000(2019, format!("Can't initialize character set {shown}: it is unknown")));
                return 2019;
            };
            let outcome = handle.query(&[b"SET NAMES ", name.to_bytes()].concat()).await;
            if outcome.is_ok() {
                handle.state.charset = charset;
                handle.mysql.charset = charset;
            }
            // The answer is the error's number, as in the original.
            let failed = outcome.as_ref().err().map_or(1, |error| error.code.into());
            handle.status(outcome, failed)
        })
    }

    /// Describes the connection's character set.
    fn mysql_get_character_set_info(mysql: *mut Mysql, to: *mut MyCharsetInfo) = (); {
        with(mysql, (), |handle| {
            give(to, MyCharsetInfo::from(handle.state.charset));
        });
    }

    /// Converts a text from one character set to another: the number of bytes written, or -1 and the system's number of the error.
    fn mariadb_convert_string(
        from: *const c_char,
        from_length: *mut usize,
        from_charset: *const CharsetInfo,
        to: *mut c_char,
        to_length: *mut usize,
        to_charset: *const CharsetInfo,
        error: *mut c_int,
    ) -> usize = usize::MAX; {
        give(error, 0);
        let known = |charset: *const CharsetInfo| charset.as_ref().and_then(|given| charset::by_number(given.nr));
        let outcome = match (known(from_charset), known(to_charset), from_length.as_mut(), to_length.as_mut()) {
            (Some(source), Some(target), Some(from_length), Some(to_length)) => {
                let (source, target) = (charset::encoding(source), charset::encoding(target));
                if source.is_empty() || target.is_empty() || from.is_null() || to.is_null() || check(*from_length).is_err() {
                    Err(INVALID)
                } else {
                    convert(from, from_length, source, to, to_length, target)
                }
            }
            _ => Err(INVALID),
        };
        outcome.unwrap_or_else(|number| {
            give(error, number);
            usize::MAX
        })
    }

    /// The default collation of a character set.
    fn mariadb_get_charset_by_name(name: *const c_char) -> *const CharsetInfo = ptr::null(); {
        charset::by_name(text(name).unwrap_or_default()).map_or(ptr::null(), ptr::from_ref)
    }

    /// The collation of a number.
    fn mariadb_get_charset_by_nr(number: c_uint) -> *const CharsetInfo = ptr::null(); {
        charset::by_number(number).map_or(ptr::null(), ptr::from_ref)
    }

    /// An older name of `mariadb_get_charset_by_name`.
    fn mysql_get_charset_by_name(name: *const c_char) -> *const CharsetInfo = ptr::null(); {
        charset::by_name(text(name).unwrap_or_default()).map_or(ptr::null(), ptr::from_ref)
    }

    /// An older name of `mariadb_get_charset_by_nr`.
    fn mysql_get_charset_by_nr(number: c_uint) -> *const CharsetInfo = ptr::null(); {
        charset::by_number(number).map_or(ptr::null(), ptr::from_ref)
    }
}
