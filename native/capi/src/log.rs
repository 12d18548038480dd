//! The reader of a binary log behind `mariadb_rpl_*`, and how it is opened: the stream of a server, or a file.

use std::ffi::{CString, c_ulong};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::ptr;

use sealwire_binlog::{Checksum, Error as LogError, HEADER, Limits, MAGIC, Problem, Reader};
use sealwire_core::SqlError;
use sealwire_core::client::Streaming;
use sealwire_core::message::{BinlogDump, RegisterReplica, TextRow};
use sealwire_net::clock;

use super::abi::replication::Rpl;
use super::abi::{Mysql, STATUS_FETCHING_DATA, STATUS_GET_RESULT};
use super::failure;
use super::fields::Fields;
use super::handle::{Handle, Place, set_text};

/// A reader of a log. Programs see its first field alone.
#[repr(C)]
pub(crate) struct Log {
    pub(crate) abi: Rpl,
    /// The text of `filename`, with a NUL.
    filename: Vec<u8>,
    host: CString,
    pub(crate) ignores_heartbeats: bool,
    pub(crate) reader: Reader,
    file: Option<BufReader<File>>,
}

impl Log {
    /// A reader of the log of the server behind a handle, or of a file where that is NULL.
    pub(crate) fn new(version: u32, mysql: *mut Mysql) -> Box<Self> {
        let mut log = Box::new(Self {
            abi: Rpl::zeroed(),
            filename: Vec::new(),
            host: CString::default(),
            ignores_heartbeats: false,
            reader: Reader::stream(Checksum::None, Limits::default()),
            file: None,
        });
        log.abi.version = version;
        log.abi.mysql = mysql;
        log
    }

    /// Keeps the name of the log's file; the original has no NUL behind it, ours has.
    pub(crate) fn set_filename(&mut self, name: &[u8]) {
        self.filename = [name, b"\0"].concat();
        self.abi.filename = self.filename.as_mut_ptr().cast();
        self.abi.filename_length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    }

    /// The name of the log's file.
    pub(crate) fn filename(&self) -> &[u8] {
        self.filename.split_last().map_or(&[], |(_, name)| name)
    }

    /// Keeps the host under which the server lists this replica.
    pub(crate) fn set_host(&mut self, host: CString) {
        self.host = host;
        self.abi.host = self.host.as_ptr().cast_mut();
    }

    /// Publishes an error where `mariadb_rpl_error` finds it.
    pub(crate) fn set_error(&mut self, error: &SqlError) {
        self.abi.error_no = error.code.into();
        set_text(&mut self.abi.error_msg, error.message.as_bytes());
    }

    pub(crate) fn clear_error(&mut self) {
        self.abi.error_no = 0;
        set_text(&mut self.abi.error_msg, b"");
    }

    /// Opens the file.
    pub(crate) fn open_file(&mut self) -> Result<(), SqlError> {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(self.filename());
        let shown = Path::new(name).display();
        let file = File::open(name).map_err(|error| failure::hy000(5004, format!("File '{shown}': {error}")))?;
        self.abi.is_semi_sync = 0;
        self.abi.encrypted = 0;
        self.reader = Reader::file(Limits::default());
        let mut file = BufReader::new(file);
        let mut magic = Vec::new();
        let read = file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic);
        read.map_err(|error| unreadable(&error))?;
        // The four bytes alone hold no event.
        let begun = self.reader.next(&mut magic.as_slice()).map(|_| ());
        if magic.len() < MAGIC.len() { self.reader.finish(&magic) } else { begun }.map_err(log_error)?;
        self.file = Some(file);
        Ok(())
    }

    /// Reads the bytes of the file's next event; false at its end.
    pub(crate) fn read_event(&mut self, raw: &mut Vec<u8>) -> Result<bool, SqlError> {
        let file = self.file.as_mut().ok_or_else(failure::out_of_sync)?;
        let mut read = |raw: &mut Vec<u8>, upto: usize| {
            // A length that the log only claims takes no memory, because the vector grows with what is there.
            let more = upto.saturating_sub(raw.len()) as u64;
            file.by_ref().take(more).read_to_end(raw).map_err(|error| unreadable(&error))
        };
        raw.clear();
        read(raw, HEADER)?;
        if raw.len() == HEADER {
            let needed = self.reader.needed(raw).map_err(log_error)?;
            read(raw, needed)?;
            if raw.len() == needed {
                return Ok(true);
            }
        }
        self.reader.finish(raw).map(|()| false).map_err(log_error)
    }
}

/// The reader behind a program's pointer.
///
/// # Safety
/// `pointer` is NULL, or of [`Log::new`] and not freed, and nothing else uses it meanwhile.
pub(crate) unsafe fn log<'a>(pointer: *mut Rpl) -> Option<&'a mut Log> {
    // SAFETY: the caller says so; a `Log` begins with its `MARIADB_RPL`.
    unsafe { pointer.cast::<Log>().as_mut() }
}

fn unreadable(error: &io::Error) -> SqlError {
    failure::hy000(5005, format!("Reading the log: {error}"))
}

/// The error of a log that can't be read, with MariaDB's number.
pub(crate) fn log_error(error: LogError) -> SqlError {
    failure::hy000(number(error.problem), error.to_string())
}

/// MariaDB's number of a problem.
pub(crate) const fn number(problem: Problem) -> u16 {
    match problem {
        Problem::Inflate | Problem::NoInflater(_) => 5017,
        Problem::Checksum { .. } => 5018,
        Problem::OldFormat(_) => 5019,
        Problem::UnknownEvent => 5020,
        Problem::NotABinaryLog => 5022,
        _ => 5021,
    }
}

/// The values of the single row of a query's answer.
async fn row_of(handle: &mut Handle<'_>, sql: &[u8]) -> Result<Vec<Option<Vec<u8>>>, SqlError> {
    handle.query(sql).await?;
    if handle.mysql.status != STATUS_GET_RESULT {
        return Err(failure::unexpected());
    }
    handle.mysql.fields = ptr::null_mut();
    handle.state.fields = Fields::none();
    let mut values = Vec::new();
    while handle.advance().await?.is_some() {
        let row = TextRow::new(handle.link()?.connection.row_payload());
        values = row.iter().map(|value| value.ok().flatten().map(<[u8]>::to_vec)).collect();
    }
    Ok(values)
}

/// Asks the server for its log.
pub(crate) async fn open_stream(log: &mut Place<Log>, handle: &mut Handle<'_>) -> Result<(), SqlError> {
    let own = (!log.abi.host.is_null()).then(|| (log.host.clone(), log.abi.port));
    if let Some((host, port)) = own.or_else(|| handle.state.settings.replica.clone()) {
        let port = u16::try_from(port)
            .map_err(|_| failure::hy000(2034, "Invalid parameter: a replica's port is 65535 at most"))?;
        let server_id = log.abi.server_id;
        let replica = RegisterReplica { server_id, host: host.as_bytes(), port, ..RegisterReplica::default() };
        handle.simple(|link| link.connection.register_replica(replica)).await?;
    }
    if log.abi.is_semi_sync != 0 {
        handle.query(b"SET @rpl_semi_sync_slave= 1, @rpl_semi_sync_replica= 1").await?;
    }
    // How a stream's events end depends on what the program has told the server.
    let told = row_of(
        handle,
        b"SELECT @rpl_semi_sync_slave, @rpl_semi_sync_replica, @master_binlog_checksum, @source_binlog_checksum",
    )
    .await?;
    let says = |numbers: [usize; 2], text: &[u8]| {
        numbers.iter().any(|number| told.get(*number).is_some_and(|value| value.as_deref() == Some(text)))
    };
    let semi_sync = says([0, 1], b"1");
    let checksum = if says([2, 3], b"CRC32") { Checksum::Crc32 } else { Checksum::None };
    let position = u32::try_from(log.abi.start_position)
        .map_err(|_| failure::hy000(2034, "Invalid parameter: a log's first position has 32 bits"))?;
    let (flags, filename) = (log.abi.flags, log.filename().to_vec());
    let server_id = match log.abi.server_id {
        0 if flags & BinlogDump::NON_BLOCK != 0 => 1,
        id => id,
    };
    let dump = BinlogDump { position, flags, server_id, file: &filename };
    let streaming = Streaming { semi_sync, silence: None };
    handle.command(|link| link.connection.binlog_dump(dump, streaming, clock::now())).await?;
    handle.flush().await?;
    handle.mysql.status = STATUS_FETCHING_DATA;
    log.abi.is_semi_sync = u8::from(semi_sync);
    log.abi.artificial_checksum = u8::from(checksum == Checksum::Crc32);
    log.reader = Reader::stream(checksum, Limits::default());
    Ok(())
}

/// A number that a program has passed where the C function takes any argument.
pub(crate) fn number_of(argument: *mut std::ffi::c_void) -> c_ulong {
    argument.addr() as c_ulong
}
