//! Character sets by name and number.

use std::ffi::CStr;

use super::abi::CharsetInfo;
use super::collations::{COLLATIONS, DEFAULTS};

/// The collation of a connection that names no character set: utf8mb4_general_ci.
const USUAL: u32 = 45;

/// The collation of this number.
pub(crate) fn by_number(number: u32) -> Option<&'static CharsetInfo> {
    COLLATIONS.binary_search_by_key(&number, |row| row.nr).ok().and_then(|at| COLLATIONS.get(at))
}

/// The collation of a connection that names none.
pub(crate) fn usual() -> &'static CharsetInfo {
    by_number(USUAL).unwrap_or(&COLLATIONS[0])
}

/// The default collation of a character set, by the set's name in any case.
pub(crate) fn by_name(name: &CStr) -> Option<&'static CharsetInfo> {
    let name = name.to_bytes();
    let (_, number) = DEFAULTS.iter().find(|(known, _)| known.to_bytes().eq_ignore_ascii_case(name))?;
    by_number(*number)
}

/// The name of a collation's character set.
pub(crate) fn name(charset: &CharsetInfo) -> &'static CStr {
    // SAFETY: the rows of COLLATIONS, of which alone there are references, point to texts that live for ever.
    unsafe { CStr::from_ptr(charset.csname) }
}

/// The name of a collation's encoding for `iconv`; empty where it has none.
pub(crate) fn encoding(charset: &CharsetInfo) -> &'static CStr {
    // SAFETY: as above.
    unsafe { CStr::from_ptr(charset.encoding) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_sets_are_found_by_name_and_number() {
        assert!(COLLATIONS.is_sorted_by_key(|row| row.nr));
        for (known, number) in DEFAULTS {
            let row = by_number(number).unwrap();
            assert!(known == c"utf8" || name(row) == known, "{known:?} {number}");
        }
        assert_eq!(by_name(c"UTF8MB4").unwrap().nr, 45);
        assert_eq!(by_name(c"latin1").unwrap().nr, 8);
        assert!(by_name(c"klingon").is_none() && by_number(0).is_none());
        assert_eq!((usual().nr, usual().char_maxlen), (45, 4));
    }
}
