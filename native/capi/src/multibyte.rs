//! Where a character of several bytes ends, by character set: for the escapes, and for programs that ask.

use std::ffi::{CStr, c_char, c_uint};

type CharLength = unsafe extern "C" fn(c_uint) -> c_uint;
type Valid = unsafe extern "C" fn(*const c_char, *const c_char) -> c_uint;

/// The character sets of several bytes, by how their characters are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// One byte each.
    Single,
    /// UTF-8 with at most this many bytes.
    Utf8(usize),
    /// A lead byte from 0x81 and a second one: gbk.
    Gbk,
    /// A lead byte from 0xa1 and a second one: big5.
    Big5,
    /// A lead byte in two ranges and a second one: sjis, cp932.
    ShiftJis,
    /// Two bytes from 0xa1: gb2312, euckr.
    Euc2,
    /// Two or three bytes: ujis, eucjpms.
    EucJp,
    /// Two or four bytes: gb18030.
    Gb18030,
}

impl Family {
    /// The family of a character set.
    pub(crate) const fn of(csname: &[u8]) -> Self {
        match csname {
            b"utf8mb4" => Self::Utf8(4),
            b"utf8mb3" | b"utf8" => Self::Utf8(3),
            b"gbk" => Self::Gbk,
            b"big5" => Self::Big5,
            b"sjis" | b"cp932" => Self::ShiftJis,
            b"gb2312" | b"euckr" => Self::Euc2,
            b"ujis" | b"eucjpms" => Self::EucJp,
            b"gb18030" => Self::Gb18030,
            _ => Self::Single,
        }
    }

    /// The length of the valid character of several bytes with which the text begins; 0 where there is none.
    pub(crate) fn character(self, text: &[u8]) -> usize {
        let is_trail = |low: u8, byte: u8| byte >= low && byte != 0x7f && byte != 0xff;
        match (self, text) {
            (Self::Utf8(most), _) => utf8(text, most),
            (Self::Gbk, [0x81..=0xfe, second, ..]) if is_trail(0x40, *second) => 2,
            (Self::Big5, [0xa1..=0xf9, 0x40..=0x7e | 0xa1..=0xfe, ..]) => 2,
            (Self::ShiftJis, [0x81..=0x9f | 0xe0..=0xfc, 0x40..=0x7e | 0x80..=0xfc, ..]) => 2,
            (Self::Euc2, [0xa1..=0xfe, 0xa1..=0xfe, ..]) => 2,
            (Self::EucJp, [0x8e, 0xa1..=0xdf, ..] | [0xa1..=0xfe, 0xa1..=0xfe, ..]) => 2,
            (Self::EucJp, [0x8f, 0xa1..=0xfe, 0xa1..=0xfe, ..]) => 3,
            (Self::Gb18030, [0x81..=0xfe, b'0'..=b'9', 0x81..=0xfe, b'0'..=b'9', ..]) => 4,
            (Self::Gb18030, [0x81..=0xfe, second, ..]) if is_trail(0x40, *second) => 2,
            _ => 0,
        }
    }

    /// The length of a character that begins with this byte, by the byte alone; 0 where none does.
    pub(crate) const fn by_lead(self, lead: u8) -> usize {
        match (self, lead) {
            (_, 0..=0x7f) | (Self::Single, _) => 1,
            (Self::Utf8(_), 0xc2..=0xdf) => 2,
            (Self::Utf8(_), 0xe0..=0xef) => 3,
            (Self::Utf8(4), 0xf0..=0xf4) => 4,
            (Self::Utf8(_), _) => 0,
            (Self::Gbk | Self::Gb18030, 0x81..=0xfe)
            | (Self::Big5, 0xa1..=0xf9)
            | (Self::ShiftJis, 0x81..=0x9f | 0xe0..=0xfc)
            | (Self::Euc2 | Self::EucJp, 0xa1..=0xfe)
            | (Self::EucJp, 0x8e) => 2,
            (Self::EucJp, 0x8f) => 3,
            _ => 1,
        }
    }
}

fn utf8(text: &[u8], most: usize) -> usize {
    let length = Family::Utf8(most).by_lead(text.first().copied().unwrap_or(0));
    let is_character = length > 1 && text.get(..length).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    if is_character { length } else { 0 }
}

/// The two functions of `MARIADB_CHARSET_INFO` for each family of several bytes.
macro_rules! functions {
    ($($lead:ident $whole:ident $family:expr;)*) => {
        $(
            /// The length by the first byte.
            unsafe extern "C" fn $lead(byte: c_uint) -> c_uint {
                $family.by_lead(byte.to_le_bytes()[0]) as c_uint
            }

            /// The length of the character between two pointers; 0 for one byte and for an invalid character.
            unsafe extern "C" fn $whole(start: *const c_char, end: *const c_char) -> c_uint {
                let length = end.addr().saturating_sub(start.addr());
                if start.is_null() || length == 0 {
                    return 0;
                }
                // SAFETY: the caller gives the beginning and the end of a text.
                let text = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) };
                $family.character(text) as c_uint
            }
        )*
    };
}

functions! {
    lead_utf8mb4 whole_utf8mb4 Family::Utf8(4);
    lead_utf8mb3 whole_utf8mb3 Family::Utf8(3);
    lead_gbk whole_gbk Family::Gbk;
    lead_big5 whole_big5 Family::Big5;
    lead_sjis whole_sjis Family::ShiftJis;
    lead_euc2 whole_euc2 Family::Euc2;
    lead_eucjp whole_eucjp Family::EucJp;
    lead_gb18030 whole_gb18030 Family::Gb18030;
}

/// The function for the length by the first byte; none for character sets of one byte.
pub(crate) const fn charlen(csname: &CStr) -> Option<CharLength> {
    match Family::of(csname.to_bytes()) {
        Family::Single => None,
        Family::Utf8(4) => Some(lead_utf8mb4),
        Family::Utf8(_) => Some(lead_utf8mb3),
        Family::Gbk => Some(lead_gbk),
        Family::Big5 => Some(lead_big5),
        Family::ShiftJis => Some(lead_sjis),
        Family::Euc2 => Some(lead_euc2),
        Family::EucJp => Some(lead_eucjp),
        Family::Gb18030 => Some(lead_gb18030),
    }
}

/// The function for a whole character; none for character sets of one byte.
pub(crate) const fn valid(csname: &CStr) -> Option<Valid> {
    match Family::of(csname.to_bytes()) {
        Family::Single => None,
        Family::Utf8(4) => Some(whole_utf8mb4),
        Family::Utf8(_) => Some(whole_utf8mb3),
        Family::Gbk => Some(whole_gbk),
        Family::Big5 => Some(whole_big5),
        Family::ShiftJis => Some(whole_sjis),
        Family::Euc2 => Some(whole_euc2),
        Family::EucJp => Some(whole_eucjp),
        Family::Gb18030 => Some(whole_gb18030),
    }
}
