//! The lengths that programs tell: a mistaken one is an error, because an allocation that fails in the protocol ends the process.

use sealwire_core::SqlError;
use sealwire_core::message::Value;

use super::failure;

/// The largest packet that any server accepts: the upper limit of `max_allowed_packet`.
const MOST: usize = 1 << 30;
/// Up to this length no memory is tried, because each call would pay for it.
const SMALL: usize = 1 << 24;
/// The payload, its packets and their TLS records are in memory at the same time.
const COPIES: usize = 3;

/// Checks the length of what is about to be sent, in bytes.
///
/// # Errors
/// 2008 where there is no memory for it, 2020 where no server accepts it.
pub(crate) fn check(length: usize) -> Result<(), SqlError> {
    if length <= SMALL {
        return Ok(());
    }
    reserve(&mut Vec::new(), length.saturating_mul(COPIES))?;
    if length > MOST {
        let told = format!(
            "Got packet bigger than 'max_allowed_packet' bytes: {length} bytes, and no server takes more than {MOST}"
        );
        return Err(failure::hy000(2020, told));
    }
    Ok(())
}

/// The number of bytes of a text.
pub(crate) const fn bytes_of(value: &Value<'_>) -> usize {
    if let Value::Bytes(bytes) = value { bytes.len() } else { 0 }
}

/// Reserves room for so many further bytes.
///
/// # Errors
/// 2008 where there is no memory for them.
pub(crate) fn reserve(bytes: &mut Vec<u8>, length: usize) -> Result<(), SqlError> {
    bytes.try_reserve_exact(length).map_err(|_| failure::no_memory())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_can_not_be_is_an_error() {
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(SMALL + 1), Ok(()));
        for length in [usize::MAX, usize::MAX / 3, 1 << 47] {
            assert_eq!(check(length).map_err(|error| error.code), Err(2008), "{length}");
        }
        // Where the machine has no memory for the copies, that is the error.
        assert!(matches!(check(MOST + 1).map_err(|error| error.code), Err(2008 | 2020)));
    }
}
