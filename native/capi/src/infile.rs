//! LOAD DATA LOCAL INFILE: sends the file that the statement names, from disk or by the program's own functions.

use std::ffi::{CStr, c_char, c_uint, c_void};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::printable;

use super::failure;
use super::link::Link;
use super::state::{self, InfileHandler};

/// The size of one piece.
const PIECE: usize = 64 * 1024;

/// Sends the file, which core has compared with the statement. A file that can't be read is the statement's error.
pub(crate) fn send(link: &mut Link, name: &[u8], handler: Option<InfileHandler>) -> Result<(), SqlError> {
    let sent = match handler {
        None => from_disk(link, name)?,
        Some(handler) => from_program(link, name, handler)?,
    };
    let ended = match sent {
        Ok(()) => link.connection.local_infile_end(),
        Err(error) => link.connection.local_infile_refuse(error),
    };
    ended.map_err(|error| error.as_client_error())
}

fn pass(link: &mut Link, piece: &[u8]) -> Result<(), SqlError> {
    link.connection.local_infile_data(piece).map_err(|error| error.as_client_error())?;
    link.flush()
}

fn from_disk(link: &mut Link, name: &[u8]) -> Result<Result<(), SqlError>, SqlError> {
    let failed = |error: &std::io::Error| {
        let shown = String::from_utf8_lossy(name).into_owned();
        failure::hy000(2, format!("File '{}' can't be read: {error}", printable::line(&shown)))
    };
    let mut file = match File::open(Path::new(std::ffi::OsStr::from_bytes(name))) {
        Ok(file) => file,
        Err(error) => return Ok(Err(failed(&error))),
    };
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Ok(())),
            Ok(length) => pass(link, piece.get(..length).unwrap_or_default())?,
            Err(error) => return Ok(Err(failed(&error))),
        }
    }
}

fn from_program(link: &mut Link, name: &[u8], handler: InfileHandler) -> Result<Result<(), SqlError>, SqlError> {
    let (Some(init), Some(read)) = (handler.init, handler.read) else {
        return Ok(Err(failure::not_built("a LOCAL INFILE handler without its functions")));
    };
    let name = state::text(name);
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: the program gave this function for this purpose; the name ends with a NUL.
    let opened = unsafe { init(&raw mut data, name.as_ptr(), handler.user_data) };
    let mut outcome = Ok(());
    let mut broken = None;
    if opened == 0 {
        let mut piece = vec![0; PIECE];
        loop {
            // SAFETY: as above; the buffer has as many bytes as the function is told.
            let length = unsafe { read(data, piece.as_mut_ptr().cast::<c_char>(), PIECE as c_uint) };
            match usize::try_from(length) {
                Ok(0) => break,
                Ok(length) => {
                    if let Err(error) = pass(link, piece.get(..length).unwrap_or_default()) {
                        broken = Some(error);
                        break;
                    }
                }
                Err(_) => {
                    outcome = Err(told(handler, data));
                    break;
                }
            }
        }
    } else {
        outcome = Err(told(handler, data));
    }
    if let Some(end) = handler.end {
        // SAFETY: as above; the function is called once for each `init`.
        unsafe { end(data) };
    }
    broken.map_or(Ok(outcome), Err)
}

/// The error that the program's function tells.
fn told(handler: InfileHandler, data: *mut c_void) -> SqlError {
    let mut text: [c_char; 512] = [0; 512];
    let Some(error) = handler.error else { return failure::hy000(2, "The program gives no file") };
    // SAFETY: the program gave this function for this purpose; the buffer has as many bytes as the function is told, and the last stays 0.
    let number = unsafe { error(data, text.as_mut_ptr(), 511) };
    // SAFETY: the last byte is a NUL.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    failure::hy000(u16::try_from(number).unwrap_or(2000), text.to_string_lossy())
}
