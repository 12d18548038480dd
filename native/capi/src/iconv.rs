//! Conversion between character sets by the C library's `iconv`, as in the original.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;

unsafe extern "C" {
    fn iconv_open(to: *const c_char, from: *const c_char) -> *mut c_void;
    fn iconv(
        conversion: *mut c_void,
        from: *mut *mut c_char,
        from_left: *mut usize,
        to: *mut *mut c_char,
        to_left: *mut usize,
    ) -> usize;
    fn iconv_close(conversion: *mut c_void) -> c_int;
}

/// `EINVAL`.
pub(crate) const INVALID: c_int = 22;

/// Converts a text. On return `from_length` and `to_length` say what is left of both; returned is the number of bytes written.
///
/// # Safety
/// `from` and `to` point to as many bytes as the two lengths say.
///
/// # Errors
/// The system's number: `EINVAL` for an unknown character set and a text that is cut within a character, `EILSEQ` for an invalid one, `E2BIG`
/// where the room is too small.
pub(crate) unsafe fn convert(
    from: *const c_char,
    from_length: &mut usize,
    from_encoding: &CStr,
    to: *mut c_char,
    to_length: &mut usize,
    to_encoding: &CStr,
) -> Result<usize, c_int> {
    let number = || io::Error::last_os_error().raw_os_error().unwrap_or(INVALID);
    let source = CString::new(name(from_encoding.to_bytes())).map_err(|_| INVALID)?;
    // A character that the target lacks is written as a similar one.
    let target =
        CString::new([name(to_encoding.to_bytes()).as_slice(), b"//TRANSLIT"].concat()).map_err(|_| INVALID)?;
    // SAFETY: both names end with a NUL.
    let conversion = unsafe { iconv_open(target.as_ptr(), source.as_ptr()) };
    if conversion.addr() == usize::MAX {
        return Err(number());
    }
    let room = *to_length;
    let (mut reading, mut writing) = (from.cast_mut(), to);
    // SAFETY: the conversion is open, and the caller gives as many bytes as the lengths say. iconv does not write to its source.
    let done = unsafe { iconv(conversion, &raw mut reading, from_length, &raw mut writing, to_length) };
    let outcome = if done == usize::MAX { Err(number()) } else { Ok(room - *to_length) };
    // SAFETY: the conversion is open, and not used afterwards.
    unsafe { iconv_close(conversion) };
    outcome
}

/// The name of an encoding as `iconv` knows it. Without a byte order the Unicode encodings are big-endian in MySQL.
fn name(encoding: &[u8]) -> Vec<u8> {
    match encoding {
        // MySQL's latin1 is Windows' code page, which has the euro sign.
        b"LATIN1" => b"CP1252".to_vec(),
        b"UTF16" => b"UTF-16BE".to_vec(),
        b"UTF16LE" => b"UTF-16LE".to_vec(),
        b"UTF32" => b"UTF-32BE".to_vec(),
        other => other.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &[u8], from: &CStr, to: &CStr, room: usize) -> (Result<Vec<u8>, c_int>, usize) {
        let mut out = vec![0_u8; room];
        let (mut left, mut free) = (text.len(), room);
        // SAFETY: the lengths are those of the slices.
        let written = unsafe { convert(text.as_ptr().cast(), &mut left, from, out.as_mut_ptr().cast(), &mut free, to) };
        (written.map(|written| out[..written].to_vec()), left)
    }

    #[test]
    fn texts_are_converted_as_far_as_there_is_room() {
        let russian = "Привет".as_bytes();
        let cp1251 = b"\xcf\xf0\xe8\xe2\xe5\xf2".to_vec();
        assert_eq!(converted(russian, c"UTF-8", c"CP1251", 64), (Ok(cp1251.clone()), 0));
        assert_eq!(converted(&cp1251, c"CP1251", c"UTF-8", 64), (Ok(russian.to_vec()), 0));
        assert_eq!(converted("中".as_bytes(), c"UTF-8", c"GBK", 64), (Ok(b"\xd6\xd0".to_vec()), 0));
        assert_eq!(converted("€".as_bytes(), c"UTF-8", c"LATIN1", 64), (Ok(b"\x80".to_vec()), 0));
        assert_eq!(converted("A中".as_bytes(), c"UTF-8", c"UTF16", 64), (Ok(b"\0A\x4e\x2d".to_vec()), 0));
        assert_eq!(converted(b"ab", c"UTF-8", c"LATIN1", 1), (Err(7), 1), "E2BIG");
        assert_eq!(converted(b"a\xff", c"UTF-8", c"LATIN1", 8).0, Err(84), "EILSEQ");
        assert_eq!(converted(b"a\xc3", c"UTF-8", c"LATIN1", 8), (Err(INVALID), 1), "cut within a character");
        assert_eq!(converted(b"a", c"NO-SUCH", c"LATIN1", 8), (Err(INVALID), 1));
    }
}
