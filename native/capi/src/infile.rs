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
use super::handle::Handle;
use super::state::{self, InfileHandler};

/// The size of one piece.
const PIECE: usize = 64 * 1024;

/// Sends the file, which core has compared with the statement. A file that can't be read is the statement's error.
pub(crate) async fn send(handle: &mut Handle<'_>, name: &[u8]) -> Result<(), SqlError> {
    let sent = match handle.state.infile {
        None => from_disk(handle, name).await?,
        Some(handler) => {
            let sent = from_program(handle, name, handler).await?;
            // An error that is there now is that of a call which the program's functions tried on this handle.
            handle.clear_error();
            sent
        }
    };
    handle.queue(|link| match sent {
        Ok(()) => link.connection.local_infile_end(),
        Err(error) => link.connection.local_infile_refuse(error),
    })
}

async fn pass(handle: &mut Handle<'_>, piece: &[u8]) -> Result<(), SqlError> {
    handle.queue(|link| link.connection.local_infile_data(piece))?;
    handle.flush().await
}

async fn from_disk(handle: &mut Handle<'_>, name: &[u8]) -> Result<Result<(), SqlError>, SqlError> {
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
            Ok(length) => pass(handle, piece.get(..length).unwrap_or_default()).await?,
            Err(error) => return Ok(Err(failed(&error))),
        }
    }
}

/// The data that the program's `init` returned. The program's `end` gets it when this is dropped, even where the program has closed the handle.
struct Opened {
    handler: InfileHandler,
    data: *mut c_void,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(end) = self.handler.end {
            // SAFETY: the program gave this function for this purpose; it is called once for each `init`.
            unsafe { end(self.data) };
        }
    }
}

async fn from_program(
    handle: &mut Handle<'_>,
    name: &[u8],
    handler: InfileHandler,
) -> Result<Result<(), SqlError>, SqlError> {
    let (Some(init), Some(read)) = (handler.init, handler.read) else {
        return Ok(Err(failure::not_built("a LOCAL INFILE handler without its functions")));
    };
    let name = state::text(name);
    let mut opened = Opened { handler, data: ptr::null_mut() };
    // SAFETY: the program gave this function for this purpose; the name ends with a NUL.
    if unsafe { init(&raw mut opened.data, name.as_ptr(), handler.user_data) } != 0 {
        return Ok(Err(told(handler, opened.data)));
    }
    let mut piece = vec![0; PIECE];
    loop {
        // SAFETY: as above; the buffer has as many bytes as the function is told.
        let length = unsafe { read(opened.data, piece.as_mut_ptr().cast::<c_char>(), PIECE as c_uint) };
        match usize::try_from(length) {
            Ok(0) => return Ok(Ok(())),
            Ok(length) => pass(handle, piece.get(..length).unwrap_or_default()).await?,
            Err(_) => return Ok(Err(told(handler, opened.data))),
        }
    }
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
