//! Character sets as programs see them.

use std::ffi::{c_char, c_uint};

use super::layout;

/// `MARIADB_CHARSET_INFO`: a collation.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CharsetInfo {
    pub(crate) nr: c_uint,
    pub(crate) state: c_uint,
    pub(crate) csname: *const c_char,
    pub(crate) name: *const c_char,
    pub(crate) dir: *const c_char,
    pub(crate) codepage: c_uint,
    pub(crate) encoding: *const c_char,
    pub(crate) char_minlen: c_uint,
    pub(crate) char_maxlen: c_uint,
    pub(crate) mb_charlen: Option<unsafe extern "C" fn(c_uint) -> c_uint>,
    pub(crate) mb_valid: Option<unsafe extern "C" fn(*const c_char, *const c_char) -> c_uint>,
}

layout!(CharsetInfo, 72; nr 0, state 4, csname 8, name 16, dir 24, codepage 32, encoding 40, char_minlen 48, char_maxlen 52,
    mb_charlen 56, mb_valid 64);

// SAFETY: the pointers are to constant texts, which every thread may read.
unsafe impl Sync for CharsetInfo {}
// SAFETY: as above.
unsafe impl Send for CharsetInfo {}

/// `MY_CHARSET_INFO`, which `mysql_get_character_set_info` fills.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MyCharsetInfo {
    pub(crate) number: c_uint,
    pub(crate) state: c_uint,
    pub(crate) csname: *const c_char,
    pub(crate) name: *const c_char,
    pub(crate) comment: *const c_char,
    pub(crate) dir: *const c_char,
    pub(crate) mbminlen: c_uint,
    pub(crate) mbmaxlen: c_uint,
}

impl From<&CharsetInfo> for MyCharsetInfo {
    fn from(charset: &CharsetInfo) -> Self {
        Self {
            number: charset.nr,
            state: charset.state,
            csname: charset.csname,
            name: charset.name,
            comment: std::ptr::null(),
            dir: std::ptr::null(),
            mbminlen: charset.char_minlen,
            mbmaxlen: charset.char_maxlen,
        }
    }
}

layout!(MyCharsetInfo, 48; number 0, state 4, csname 8, name 16, comment 24, dir 32, mbminlen 40, mbmaxlen 44);
