//! A file of the log: its first bytes, the rows of a group, and its end.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};

use sealwire_binlog::{EventFlags, EventType, FormatDescription, MAGIC};

use super::super::cache::TransactionCache;
use super::super::events::{self, FIRST_POSITION, Placer};
use super::super::files::LogFiles;
use super::super::group::{self, Format};
use super::super::gtids::Gtids;
use super::super::recovery;

/// Where in a file the flags of its FORMAT_DESCRIPTION are.
const FLAGS_OF_FORMAT: u64 = FIRST_POSITION + 17;

/// Bytes that are gathered before they are written.
pub(super) const CHUNK: usize = 1 << 20;

/// The bytes with which a file that is in use begins: FORMAT_DESCRIPTION, and the GTIDs of all earlier files.
pub(super) fn head(format: &Format, server_id: u32, gtids: &Gtids, is_first_of_start: bool) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let mut placer = Placer { out: &mut out, position: FIRST_POSITION, server_id, checksum: format.checksum };
    let created = if is_first_of_start { events::now() } else { 0 };
    let description = FormatDescription::new(format.flavour, format.version.as_bytes(), created, format.checksum);
    placer.put(EventType::FORMAT_DESCRIPTION, EventFlags::NONE, |out| description.encode(out));
    group::put_known(format, gtids, &mut placer);
    // The checksum of FORMAT_DESCRIPTION is that of a closed file.
    if let Some(flags) = out.get_mut(FLAGS_OF_FORMAT as usize) {
        *flags |= EventFlags::IN_USE.0 as u8;
    }
    out
}

/// Begins a file. Returns it with its end.
pub(super) fn begin(
    files: &LogFiles,
    name: &str,
    format: &Format,
    server_id: u32,
    gtids: &Gtids,
    is_first_of_start: bool,
) -> io::Result<(File, u64)> {
    let mut file = files.create(name)?;
    let head = head(format, server_id, gtids, is_first_of_start);
    let written = file.write_all(&head).and_then(|()| file.sync_all()).and_then(|()| files.sync_directory());
    written.inspect_err(|_| {
        // A file of that name would keep the next try from making it.
        let _ = files.remove(name);
    })?;
    Ok((file, head.len() as u64))
}

/// Removes the file that a killed server had begun and not listed yet. A file with groups is kept, because the index may be damaged.
pub(super) fn remove_unlisted(files: &LogFiles, name: &str) -> Result<(), String> {
    let path = files.path(name);
    if !path.exists() {
        return Ok(());
    }
    let shown = path.display();
    let has_groups = recovery::scan(&path, None).is_ok_and(|found| found.last.is_some());
    if has_groups {
        return Err(format!(
            "the binary log file '{shown}' is not in the index '{}': add its line there, or move the file away",
            files.index().display()
        ));
    }
    files.remove(name).map_err(|error| format!("the binary log file '{shown}': {error}"))
}

/// Marks a file as closed, and writes it to disk.
pub(super) fn close(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(FLAGS_OF_FORMAT))?;
    file.write_all(&[0])?;
    file.sync_all()?;
    file.seek(SeekFrom::End(0)).map(drop)
}

/// Cuts the file of a killed server behind its last group.
pub(super) fn repair(mut file: File, end: u64) -> io::Result<()> {
    file.set_len(end)?;
    close(&mut file)
}

/// Appends the rows of a group and its commit; the last bytes stay with the placer.
pub(super) fn put_rows(
    cache: &mut TransactionCache,
    number: u64,
    placer: &mut Placer<'_>,
    file: &mut File,
) -> io::Result<()> {
    cache.for_each(|event| {
        placer.place(event);
        if placer.out.len() >= CHUNK {
            file.write_all(placer.out)?;
            placer.out.clear();
        }
        Ok(())
    })?;
    group::put_commit(number, placer);
    Ok(())
}
