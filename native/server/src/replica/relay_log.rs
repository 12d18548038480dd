//! The relay log: a copy of the source's log that the applier reads. Each file begins with a description of its own, the place in the
//! source's log, and the source's description of its format; then come the source's events byte for byte.
//!
//! A reader gets whole groups only, because the end that is published moves at the end of a group. So nobody sees a group that breaks off.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use sealwire_binlog::{
    Body, Checksum, Event, EventFlags, EventType, Flavour, FormatDescription, Head, MAGIC, Rotate, encode_event,
};

use super::relay_reader::RelayReader;
use crate::replication::LogFiles;
use crate::version::VERSION;
use sealwire::{Boundary, Progress};

/// Bytes that are gathered before they are written.
const CHUNK: usize = 64 << 10;

/// A place in the relay log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RelayPlace {
    /// The name of the file.
    pub(crate) file: String,
    /// The position in it, in bytes.
    pub(crate) position: u64,
}

/// The writer of a channel's relay log.
#[derive(Debug)]
pub(crate) struct RelayLog {
    files: LogFiles,
    /// The files, the oldest first.
    names: Vec<String>,
    /// The last file, where this connection writes into it.
    file: Option<File>,
    /// The bytes that are still to be written.
    pending: Vec<u8>,
    /// The end of the last file, with what is pending.
    written: u64,
    /// The end of the last whole group in the last file.
    whole: u64,
    /// The sizes of the files before the last.
    earlier: u64,
    /// The source's description of its format, to be repeated in the next file.
    format: Vec<u8>,
    /// How events end.
    checksum: Checksum,
    server_id: u32,
}

/// The state of a relay log that was read again.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The place from which to apply.
    pub(crate) apply_from: RelayPlace,
    /// The place in the source's log behind the last group.
    pub(crate) progress: Progress,
}

impl RelayLog {
    /// The relay log whose files have this name.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub(crate) fn open(files: LogFiles) -> io::Result<Self> {
        let names = files.list()?;
        let mut log = Self {
            files,
            names,
            file: None,
            pending: Vec::new(),
            written: 0,
            whole: 0,
            earlier: 0,
            format: Vec::new(),
            checksum: Checksum::None,
            server_id: 0,
        };
        log.measure();
        Ok(log)
    }

    /// Learns the sizes of the files.
    fn measure(&mut self) {
        let size = |name: &String| self.files.path(name).metadata().map_or(0, |file| file.len());
        let sizes: Vec<u64> = self.names.iter().map(size).collect();
        self.written = sizes.last().copied().unwrap_or(0);
        self.whole = self.written;
        self.earlier = sizes.iter().sum::<u64>() - self.written;
    }

    /// The names of the files, the oldest first.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    /// The end of the last whole group; the default where there is no file.
    pub(crate) fn end(&self) -> RelayPlace {
        RelayPlace { file: self.names.last().cloned().unwrap_or_default(), position: self.whole }
    }

    /// Whether the disk has room for so many bytes beside what tables need.
    pub(crate) fn has_room(&self, length: u64) -> bool {
        self.files.has_relay_room(length)
    }

    /// The bytes of all files.
    pub(crate) const fn space(&self) -> u64 {
        self.earlier + self.written
    }

    /// Reads the log again: cuts off what is behind the last whole group, and searches the place behind the group whose end in the source's
    /// log is `applied`; `None` stands for the log's beginning. `progress` is that of a reader without any event.
    ///
    /// Returns `None` where the log does not have that place.
    ///
    /// # Errors
    /// Where a file can't be cut.
    pub(crate) fn recover(
        &mut self,
        applied: Option<(&[u8], u64)>,
        mut progress: Progress,
    ) -> io::Result<Option<Recovered>> {
        self.file = None;
        let first = self.names.first().map(|name| RelayPlace { file: name.clone(), position: MAGIC.len() as u64 });
        let mut found = first.filter(|_| applied.is_none());
        let mut whole = (0, 0);
        'files: for (index, name) in self.names.iter().enumerate() {
            let Ok(mut reader) = RelayReader::open(name, &self.files.path(name)) else { break };
            let mut is_open = false;
            if whole.0 < index {
                // Files change between groups only.
                whole = (index, MAGIC.len() as u64);
            }
            // An event that can't be read is a torn end.
            while let Ok(Some(next)) = reader.next(u64::MAX) {
                let is_own = next.is_own;
                let boundary = if is_own { Ok(Boundary::Outside) } else { progress.event(&next.event, next.position) };
                match boundary {
                    Ok(Boundary::Inside) => is_open = true,
                    Ok(Boundary::Commit) => is_open = false,
                    Ok(Boundary::Outside) => {}
                    Err(_) => break 'files,
                }
                if is_open {
                    continue;
                }
                whole = (index, reader.offset());
                let is_there = !is_own && applied == Some((progress.file(), progress.position()));
                if is_there && found.is_none() {
                    found = Some(RelayPlace { file: name.clone(), position: reader.offset() });
                }
            }
            if is_open {
                break;
            }
        }
        self.cut(whole.0, whole.1)?;
        progress.forget_open();
        Ok(found.map(|apply_from| Recovered { apply_from, progress }))
    }

    /// Removes all behind a place.
    fn cut(&mut self, index: usize, position: u64) -> io::Result<()> {
        let stay = if position == 0 { 0 } else { index + 1 };
        let gone = self.names.split_off(stay.min(self.names.len()));
        if let Some(last) = self.names.last() {
            self.files.open_to_change(last)?.set_len(position)?;
        }
        if !gone.is_empty() {
            self.files.write_list(&self.names)?;
            gone.iter().try_for_each(|name| self.files.remove(name))?;
        }
        self.measure();
        Ok(())
    }

    /// Removes all files.
    ///
    /// # Errors
    /// Where one can't be removed.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file = None;
        self.pending.clear();
        self.cut(0, 0)
    }

    /// Removes the log from the disk, with its index.
    ///
    /// # Errors
    /// Where a file can't be removed.
    pub(crate) fn remove(&mut self) -> io::Result<()> {
        self.clear()?;
        match std::fs::remove_file(self.files.index()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Prepares for the events of a new connection, which get a file of their own: what is behind the last whole group comes again.
    ///
    /// # Errors
    /// Where the last file can't be cut.
    pub(crate) fn begin_connection(&mut self, server_id: u32) -> io::Result<()> {
        self.break_off()?;
        self.file = None;
        self.server_id = server_id;
        Ok(())
    }

    /// Removes the group that is not whole, because its end does not come over this connection.
    ///
    /// # Errors
    /// Where the file can't be cut.
    pub(crate) fn break_off(&mut self) -> io::Result<()> {
        self.pending.clear();
        if self.written > self.whole
            && let Some(last) = self.names.last()
        {
            self.files.open_to_change(last)?.set_len(self.whole)?;
        }
        self.written = self.whole;
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.whole))?;
        }
        Ok(())
    }

    /// Whether this connection's events have a file.
    pub(crate) const fn has_begun(&self) -> bool {
        self.file.is_some()
    }

    /// Stores that the following events are in this file of the source, from this position on.
    ///
    /// # Errors
    /// Where the log can't be written.
    pub(crate) fn source_file(&mut self, file: &[u8], position: u64) -> io::Result<()> {
        if self.file.is_none() {
            return self.next_file(file, position);
        }
        let checksum = self.checksum;
        self.put_rotate(file, position, checksum)
    }

    fn put_rotate(&mut self, file: &[u8], position: u64, checksum: Checksum) -> io::Result<()> {
        let head = Head { timestamp: 0, server_id: self.server_id, flags: EventFlags::ARTIFICIAL };
        self.encode(head, &Body::Rotate(Rotate { position, file }), checksum)
    }

    fn encode(&mut self, head: Head, body: &Body<'_>, checksum: Checksum) -> io::Result<()> {
        let before = self.pending.len();
        encode_event(head, 0, body, checksum, &mut self.pending)
            .map_err(|problem| io::Error::other(format!("{problem}")))?;
        self.written += (self.pending.len() - before) as u64;
        Ok(())
    }

    /// Begins a file.
    fn next_file(&mut self, source_file: &[u8], position: u64) -> io::Result<()> {
        self.flush()?;
        let name = self.files.next_name(&self.names);
        // A server that was killed before it listed the file has left it, and nobody has read it.
        self.files.remove(&name)?;
        let file = self.files.create(&name)?;
        self.names.push(name);
        self.files.write_list(&self.names)?;
        self.file = Some(file);
        self.earlier += self.written;
        self.pending.extend_from_slice(&MAGIC);
        (self.written, self.whole) = (MAGIC.len() as u64, MAGIC.len() as u64);
        let head = Head { timestamp: 0, server_id: self.server_id, flags: EventFlags::RELAY_LOG };
        let own = FormatDescription::new(Flavour::MariaDb, VERSION.as_bytes(), 0, Checksum::Crc32);
        self.encode(head, &Body::FormatDescription(own), Checksum::Crc32)?;
        self.put_rotate(source_file, position, Checksum::Crc32)
    }

    /// Stores an event of the source.
    ///
    /// # Errors
    /// Where the log can't be written.
    pub(crate) fn append(&mut self, event: &Event<'_>, checksum: Checksum) -> io::Result<()> {
        if event.header.event_type == EventType::FORMAT_DESCRIPTION {
            self.keep_format(event);
        }
        self.checksum = checksum;
        self.pending.extend_from_slice(event.bytes);
        self.written += event.bytes.len() as u64;
        if self.pending.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    /// Keeps the source's description for the files to come, without the time of a start, because that belongs to its place.
    fn keep_format(&mut self, event: &Event<'_>) {
        self.format.clear();
        if let Ok(Body::FormatDescription(format)) = event.decode() {
            let head = Head { timestamp: 0, server_id: event.header.server_id, flags: event.header.flags };
            let body = Body::FormatDescription(FormatDescription { created: 0, ..format });
            if encode_event(head, 0, &body, format.checksum.unwrap_or_default(), &mut self.format).is_err() {
                self.format.clear();
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file
            && !self.pending.is_empty()
        {
            self.files.refuse_relay_if_short(self.pending.len() as u64)?;
            file.write_all(&self.pending)?;
        }
        self.pending.clear();
        Ok(())
    }

    /// Lets the applier read up to here, because no group is open. Begins the next file where this one has `most` bytes; `place` is where the
    /// source's log goes on.
    ///
    /// # Errors
    /// Where the log can't be written.
    pub(crate) fn publish(&mut self, most: u64, place: (&[u8], u64)) -> io::Result<()> {
        self.flush()?;
        self.whole = self.written;
        if self.written >= most && !self.format.is_empty() {
            self.next_file(place.0, place.1)?;
            let format = self.format.clone();
            self.written += format.len() as u64;
            self.pending.extend_from_slice(&format);
            self.flush()?;
            self.whole = self.written;
        }
        Ok(())
    }

    /// Writes the log to disk, before the source is told that its group is stored.
    ///
    /// # Errors
    /// Where it can't be written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Removes the files before this one.
    ///
    /// # Errors
    /// Where the index can't be written.
    pub(crate) fn purge_before(&mut self, name: &str) -> io::Result<()> {
        let Some(at) = self.names.iter().position(|own| own == name).filter(|at| *at > 0) else { return Ok(()) };
        let stay = self.names.split_off(at);
        let gone = std::mem::replace(&mut self.names, stay);
        self.files.write_list(&self.names)?;
        for name in gone {
            let size = self.files.path(&name).metadata().map_or(0, |file| file.len());
            self.earlier = self.earlier.saturating_sub(size);
            self.files.remove(&name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use sealwire::StartPosition;
    use sealwire_binlog::{Limits, MariaDbGtidEvent, Query, Reader};

    use super::*;

    const FILE: &[u8] = b"bin.000001";

    /// A relay log and the stream of a source that fills it.
    struct Bench {
        place: tempfile::TempDir,
        log: RelayLog,
        reader: Reader,
        position: u32,
    }

    impl Bench {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            let log = open(&place);
            let mut bench =
                Self { place, log, reader: Reader::stream(Checksum::Crc32, Limits::default()), position: 4 };
            bench.connect();
            bench
        }

        /// Another connection, which begins behind the last whole group.
        fn connect(&mut self) {
            self.reader = Reader::stream(Checksum::Crc32, Limits::default());
            self.log.begin_connection(7).unwrap();
            self.log.source_file(FILE, self.position.into()).unwrap();
            let format = FormatDescription::new(Flavour::MariaDb, b"10.11.9-MariaDB", 99, Checksum::Crc32);
            self.put(&Body::FormatDescription(format), 0);
        }

        /// Stores an event that ends at this position of the source's file.
        fn put(&mut self, body: &Body<'_>, end: u32) {
            let mut bytes = Vec::new();
            let head = Head { timestamp: 1, server_id: 11, flags: EventFlags::NONE };
            encode_event(head, end, body, Checksum::Crc32, &mut bytes).unwrap();
            let event = self.reader.event(&bytes).unwrap();
            self.log.append(&event, Checksum::Crc32).unwrap();
        }

        /// Stores the first events of a group.
        fn begin_group(&mut self, number: u32) {
            self.put(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, number.into(), 0)), self.position + 50);
            self.put(&Body::Query(Query::new(1, b"d", b"INSERT")), self.position + 100);
        }

        fn group(&mut self, number: u32, most: u64) {
            self.begin_group(number);
            self.position += 150;
            self.put(&Body::Xid(number.into()), self.position);
            self.log.publish(most, (FILE, self.position.into())).unwrap();
        }

        /// The log as a server finds it that was killed.
        fn recovered(&self, applied: Option<u32>) -> (RelayLog, Option<Recovered>) {
            let mut log = open(&self.place);
            let progress = Progress::new(&StartPosition::MariaDbGtid("0-11-0".to_owned())).unwrap();
            let found = log.recover(applied.map(|position| (FILE, position.into())), progress).unwrap();
            (log, found)
        }
    }

    fn open(place: &tempfile::TempDir) -> RelayLog {
        RelayLog::open(LogFiles::new(place.path(), "relay-bin").unwrap()).unwrap()
    }

    /// The positions of the source's events behind a place of the log.
    fn read_from(log: &RelayLog, from: &RelayPlace) -> Vec<u64> {
        let mut positions = Vec::new();
        let later = log.names().iter().filter(|name| **name >= from.file);
        for name in later {
            let mut reader = RelayReader::open(name, &log.path(name)).unwrap();
            while let Some(next) = reader.next(u64::MAX).unwrap() {
                let is_event =
                    matches!(next.event.header.event_type, EventType::MARIADB_GTID | EventType::QUERY | EventType::XID);
                let position = next.position;
                if is_event && (*name > from.file || reader.offset() > from.position) {
                    positions.push(position);
                }
            }
        }
        positions
    }

    #[test]
    fn a_killed_server_goes_on_behind_the_last_whole_group() {
        let mut bench = Bench::new();
        bench.group(1, u64::MAX);
        bench.group(2, u64::MAX);
        let end = bench.log.end();
        // The beginning of a group reaches the disk, and a part of an event.
        bench.begin_group(3);
        bench.log.flush().unwrap();
        let path = bench.log.path(&end.file);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
        for (applied, positions) in [
            (Some(154), vec![204, 254, 304]),
            (Some(304), vec![]),
            (None, vec![54, 104, 154, 204, 254, 304]),
            // A relay log that begins where nothing is applied yet.
            (Some(4), vec![54, 104, 154, 204, 254, 304]),
        ] {
            let (log, found) = bench.recovered(applied);
            let found = found.unwrap();
            assert_eq!(read_from(&log, &found.apply_from), positions, "{applied:?}");
            assert_eq!((found.progress.file(), found.progress.position()), (FILE, 304));
            assert_eq!(found.progress.resume(), StartPosition::MariaDbGtid("0-11-2".to_owned()));
            assert_eq!((log.end(), path.metadata().unwrap().len()), (end.clone(), end.position));
        }
        assert!(bench.recovered(Some(99)).1.is_none(), "no group ends there");
    }

    #[test]
    fn a_group_that_breaks_off_comes_again() {
        let mut bench = Bench::new();
        bench.group(1, u64::MAX);
        let end = bench.log.end();
        bench.begin_group(2);
        assert_eq!(bench.log.end(), end, "nobody sees the group yet");
        bench.log.break_off().unwrap();
        bench.connect();
        bench.group(2, u64::MAX);
        let (log, found) = bench.recovered(Some(154));
        assert_eq!(read_from(&log, &found.unwrap().apply_from), [204, 254, 304]);
        assert_eq!(log.names().len(), 2, "each connection has its own file");
    }

    #[test]
    fn a_file_that_a_killed_server_has_not_listed_is_made_again() {
        let mut bench = Bench::new();
        bench.group(1, u64::MAX);
        let unlisted = bench.log.path("relay-bin.000002");
        std::fs::write(&unlisted, MAGIC).unwrap();
        bench.connect();
        bench.group(2, u64::MAX);
        assert!(bench.log.end().file == "relay-bin.000002" && unlisted.metadata().unwrap().len() > 100);
        let (log, found) = bench.recovered(Some(154));
        assert_eq!(read_from(&log, &found.unwrap().apply_from), [204, 254, 304]);
    }

    #[test]
    fn a_file_that_is_full_is_followed_by_one_that_says_how_to_read_on() {
        let mut bench = Bench::new();
        for number in 1..=3 {
            bench.group(number, 1);
        }
        assert_eq!(bench.log.names().len(), 4);
        let (log, found) = bench.recovered(Some(304));
        assert_eq!(read_from(&log, &found.unwrap().apply_from), [354, 404, 454]);
        let names = log.names().to_vec();
        bench.log.purge_before(&names[2]).unwrap();
        assert_eq!(bench.log.names(), &names[2..]);
        assert!(bench.recovered(Some(154)).1.is_none(), "its file is gone");
        let size = |name: &String| bench.log.path(name).metadata().unwrap().len();
        assert_eq!(bench.log.space(), names[2..].iter().map(size).sum::<u64>());
        bench.log.remove().unwrap();
        assert_eq!((bench.log.space(), bench.place.path().read_dir().unwrap().count()), (0, 0));
    }

    #[test]
    fn a_damaged_file_counts_up_to_the_damage() {
        let mut bench = Bench::new();
        bench.group(1, u64::MAX);
        let end = bench.log.end();
        bench.group(2, u64::MAX);
        let path = bench.log.path(&end.file);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = usize::try_from(end.position).unwrap() + 25;
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (log, found) = bench.recovered(Some(154));
        assert_eq!(read_from(&log, &found.unwrap().apply_from), [0_u64; 0]);
        assert_eq!(log.end(), end);
    }
}
