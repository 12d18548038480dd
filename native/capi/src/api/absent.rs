//! Names that programs may be linked with, whose work this library does not do: they say so with 2054 where they can.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint, c_ulong, c_void};

use crate::abi::Mysql;
use crate::failure;
use crate::handle::{exports, with};

/// A variable of the original's that programs may change and nothing here reads.
#[repr(transparent)]
pub(crate) struct Variable<T>(UnsafeCell<T>);

// SAFETY: the library never reads or writes the variable; programs take care of their own accesses.
unsafe impl<T> Sync for Variable<T> {}

/// Whether the original frees OpenSSL at its end.
#[unsafe(no_mangle)]
pub(crate) static mariadb_deinitialize_ssl: Variable<c_uint> = Variable(UnsafeCell::new(1));

/// The original's table of conversions: 256 rows of 24 bytes.
#[unsafe(no_mangle)]
pub(crate) static mysql_ps_fetch_functions: Variable<[[usize; 3]; 256]> = Variable(UnsafeCell::new([[0; 3]; 256]));

/// Sets 2054 on the handle, and gives `failed`.
///
/// # Safety
/// As [`with`].
pub(super) unsafe fn not_built<T>(mysql: *mut Mysql, what: &str, failed: T) -> T
where
    T: Copy,
{
    // SAFETY: the caller promises it.
    unsafe {
        with(mysql, failed, |handle| {
            handle.set_error(&failure::not_built(what));
            failed
        })
    }
}

exports! {
    /// Reading a packet past the library.
    fn mysql_net_read_packet(mysql: *mut Mysql) -> c_ulong = c_ulong::MAX; {
        not_built(mysql, "mysql_net_read_packet", c_ulong::MAX)
    }

    /// Reads a length-encoded number, and moves the pointer behind it.
    fn mysql_net_field_length(packet: *mut *mut u8) -> c_ulong = 0; {
        let Some(packet) = packet.as_mut() else { return 0 };
        let (length, bytes) = match **packet {
            first @ 0..=250 => return { *packet = packet.add(1); first.into() },
            251 => return { *packet = packet.add(1); c_ulong::MAX },
            252 => (2, packet.add(1)),
            253 => (3, packet.add(1)),
            _ => (8, packet.add(1)),
        };
        let mut number = [0_u8; 8];
        bytes.copy_to_nonoverlapping(number.as_mut_ptr(), length);
        *packet = bytes.add(length);
        u64::from_le_bytes(number)
    }

    /// A callback for each read and write of the transport.
    fn ma_pvio_register_callback(_on: i8, _callback: *mut c_void, _mode: c_int) -> c_int = 1; { 1 }
}
