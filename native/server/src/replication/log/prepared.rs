//! The file of a large group before it is in the log.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sealwire_binlog::{EventHeader, Flavour, HEADER};
use sealwire_core::wire::Reader;

use super::super::cache::{TransactionCache, for_each_event};
use super::super::events::{self, FIRST_POSITION, Placer};
use super::super::files::LogFiles;
use super::super::group::{self, Contents, Format, Origin, OriginGtid};
use super::super::gtids::Gtids;
use super::file::{self, CHUNK, put_rows};

/// From this size on a group gets a file of its own, in bytes.
#[cfg(not(test))]
pub(super) const LARGE_GROUP: u64 = 64 << 20;
#[cfg(test)]
pub(super) const LARGE_GROUP: u64 = 1 << 20;
/// More bytes than a file has before the rows of its first group.
const LONGEST_FRONT: u64 = 1 << 20;

/// A group's file that is not in the log yet.
pub(super) struct Prepared {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// The bytes in front of the rows: those that begin the file, and the group's first events.
    front: u64,
    /// The bytes of the rows.
    rows: u64,
    pub(super) end: u64,
    /// The server at which the group was made, and what is known of its GTID.
    server_id: u32,
    origin: Option<Origin>,
}

/// The log to which a group's file is added.
pub(super) struct Target<'a> {
    pub(super) files: &'a LogFiles,
    pub(super) format: &'a Format,
    pub(super) server_id: u32,
}

impl Target<'_> {
    /// The bytes in front of the group's rows, in the file behind those that have these GTIDs. The group's GTID is added to them.
    fn front(&self, gtids: &mut Gtids, (server_id, origin): (u32, Option<Origin>), rows: u64) -> Vec<u8> {
        let mut out = file::head(self.format, self.server_id, gtids, false);
        let position = out.len() as u64;
        let mut placer = Placer { out: &mut out, position, server_id, checksum: self.format.checksum };
        group::put_begin(self.format, gtids, (origin, Contents::Changes), rows, &mut placer);
        out
    }

    fn create(&self, path: PathBuf, front: Vec<u8>, group: (u32, Option<Origin>), rows: u64) -> io::Result<Prepared> {
        let file = self.files.create_at(&path)?;
        let mut prepared =
            Prepared { path, file, front: front.len() as u64, rows, end: 0, server_id: group.0, origin: group.1 };
        prepared.file.write_all(&front)?;
        Ok(prepared)
    }

    /// Writes the file of a group.
    pub(super) fn prepare(
        &self,
        gtids: &mut Gtids,
        (cache, origin): (&mut TransactionCache, Option<Origin>),
        number: u64,
    ) -> io::Result<Prepared> {
        let rows = cache.length() + cache.events()? * self.format.checksum_bytes();
        let group = (origin.map_or(self.server_id, |origin| origin.server_id), origin);
        let front = self.front(gtids, group, rows);
        let path = self.files.prepared(number);
        let written = self.create(path.clone(), front, group, rows).and_then(|mut prepared| {
            let mut out = Vec::new();
            let mut placer =
                Placer { out: &mut out, position: prepared.front, server_id: group.0, checksum: self.format.checksum };
            put_rows(cache, number, &mut placer, &mut prepared.file)?;
            prepared.end = placer.position;
            prepared.file.write_all(&out)?;
            prepared.file.sync_all()?;
            self.files.sync_directory()?;
            Ok(prepared)
        });
        written.inspect_err(|_| discard(&path))
    }

    /// Gives the file of a group the front that it has behind these GTIDs, to which the group's is added.
    pub(super) fn complete(&self, mut prepared: Prepared, gtids: &mut Gtids) -> io::Result<Prepared> {
        let front = self.front(gtids, (prepared.server_id, prepared.origin), prepared.rows);
        if front.len() as u64 != prepared.front {
            return self.rewrite(prepared, front);
        }
        prepared.file.seek(SeekFrom::Start(0))?;
        prepared.file.write_all(&front)?;
        prepared.file.sync_all()?;
        prepared.file.seek(SeekFrom::End(0))?;
        Ok(prepared)
    }

    /// Writes a file anew whose front has another length, because more servers are in the log than before.
    fn rewrite(&self, mut old: Prepared, front: Vec<u8>) -> io::Result<Prepared> {
        let path = self.files.unfinished(&old.path);
        discard(&path);
        let mut new = self.create(path, front, (old.server_id, old.origin), old.rows)?;
        old.file.seek(SeekFrom::Start(old.front))?;
        let checksum = usize::try_from(self.format.checksum_bytes()).unwrap_or_default();
        let mut out = Vec::new();
        let mut placer =
            Placer { out: &mut out, position: new.front, server_id: old.server_id, checksum: self.format.checksum };
        let length = old.end.saturating_sub(old.front);
        for_each_event(&mut old.file, length, |event| {
            placer.place(event.get(..event.len().saturating_sub(checksum)).unwrap_or_default());
            flush(&mut placer, &mut new.file, CHUNK)
        })?;
        flush(&mut placer, &mut new.file, 1)?;
        new.end = placer.position;
        new.file.sync_all()?;
        // The old file is replaced at once, because it is the only one that a killed server finds.
        fs::rename(&new.path, &old.path)?;
        self.files.sync_directory()?;
        new.path = old.path;
        Ok(new)
    }

    /// Opens the file that a killed server left.
    pub(super) fn reopen(&self, path: &Path, gtids: &mut Gtids) -> io::Result<Prepared> {
        let malformed = || io::Error::other("it does not begin as a file of the log");
        let mut file = File::options().read(true).write(true).open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(LONGEST_FRONT).read_to_end(&mut bytes)?;
        // FORMAT_DESCRIPTION, the GTIDs before, the group's own, and MySQL's BEGIN.
        let events = if self.format.flavour == Flavour::MariaDb { 3 } else { 4 };
        let (mut at, mut gtid) = (FIRST_POSITION as usize, None);
        for number in 0..events {
            let rest = bytes.get(at..).unwrap_or_default();
            let size = usize::try_from(events::size_of(rest)).unwrap_or(usize::MAX);
            let event = rest.get(..size).filter(|event| event.len() >= HEADER).ok_or_else(malformed)?;
            if number == 2 {
                gtid = Some(event);
            }
            at += size;
        }
        let event = gtid.ok_or_else(malformed)?;
        let server_id = EventHeader::decode(event).map_err(|_| malformed())?.server_id;
        let origin = self.origin(server_id, event.get(HEADER..).unwrap_or_default(), gtids).ok_or_else(malformed)?;
        let (front, end) = (at as u64, file.metadata()?.len());
        let commit = group::commit_size(self.format);
        let rows = end.checked_sub(front + commit).ok_or_else(malformed)?;
        Ok(Prepared { path: path.to_owned(), file, front, rows, end, server_id, origin })
    }

    /// Where a group was made, by the body of its GTID. A GTID that this server gave is given anew, with a number that is not smaller; `None`
    /// where the body is malformed.
    fn origin(&self, server_id: u32, body: &[u8], gtids: &mut Gtids) -> Option<Option<Origin>> {
        let mut reader = Reader::new(body);
        let (gtid, is_free) = if self.format.flavour == Flavour::MariaDb {
            let (sequence, domain) = (reader.u64("sequence").ok()?, reader.u32("domain").ok()?);
            let is_own = server_id == self.server_id && domain == self.format.domain;
            if is_own {
                // The groups before it may have been applied without a log.
                gtids.raise(domain, sequence.saturating_sub(1));
            }
            (OriginGtid::MariaDb(domain, sequence), !is_own && gtids.next_sequence(domain) <= sequence)
        } else {
            let uuid: [u8; 16] = body.get(1..17)?.try_into().ok()?;
            let number = i64::from_le_bytes(body.get(17..25)?.try_into().ok()?);
            (OriginGtid::MySql(uuid, number), uuid != self.format.uuid && number > 0)
        };
        let gtid = Some(gtid).filter(|_| is_free);
        Some((gtid.is_some() || server_id != self.server_id).then_some(Origin { server_id, gtid }))
    }
}

/// Writes the bytes so far where there are at least so many.
fn flush(placer: &mut Placer<'_>, file: &mut File, least: usize) -> io::Result<()> {
    if placer.out.len() >= least {
        file.write_all(placer.out)?;
        placer.out.clear();
    }
    Ok(())
}

/// Removes a file that is not in the log. One that stays is removed at the next start.
pub(super) fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}
