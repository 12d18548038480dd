//! The binary log itself: appends groups in the order of their commits, begins new files, and tells readers how far they may read.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use sealwire_binlog::{EventFlags, EventType, Flavour};
use sealwire_core::error::SqlError;
use sealwire_net::random::OsRandom;

use super::cache::{CacheLimits, TransactionCache};
use super::events::Placer;
use super::files::LogFiles;
use super::group::{self, Format, Origin, Statement};
use super::gtids::Gtids;
use super::place::Place;
use super::recovery::{self, Databases};
use super::replicas::Replicas;
use super::semi_sync::SemiSync;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use settling::{Left, settle};

mod applied;
mod commit;
mod file;
mod large;
mod prepared;
mod purged;
mod settling;

/// The settings that SET GLOBAL changes.
#[derive(Debug, Default)]
pub(crate) struct LogSettings {
    pub(crate) server_id: AtomicU32,
    pub(crate) max_size: AtomicU64,
    pub(crate) max_cache: AtomicU64,
    pub(crate) max_disk: AtomicU64,
    /// The log is written to disk at each so-many-th group; 0 means never.
    pub(crate) sync_each: AtomicU64,
    /// Files whose last change was so many seconds ago are removed; 0 means never.
    pub(crate) expire_seconds: AtomicU64,
}

/// The binary log of a server.
pub(crate) struct BinaryLog {
    files: LogFiles,
    pub(crate) format: Format,
    pub(crate) settings: LogSettings,
    pub(crate) replicas: Replicas,
    pub(crate) semi_sync: Arc<SemiSync>,
    writer: Mutex<Writer>,
    /// Wakes those who wait for a large group to be in the log.
    settled: Condvar,
    reading: Mutex<Reading>,
    changed: Condvar,
    random: OsRandom,
}

/// The data of whoever appends. Its lock decides the order of all commits.
struct Writer {
    names: Vec<String>,
    file: File,
    end: u64,
    gtids: Gtids,
    unsynced: u64,
    /// The databases of large groups that are not in the log yet, though they may be committed.
    on_their_way: Vec<String>,
    /// Why nothing can be appended any more.
    broken: Option<String>,
}

impl Writer {
    /// The name of the file.
    fn name(&self) -> &str {
        self.names.last().map(String::as_str).unwrap_or_default()
    }

    /// The end of the log.
    fn place(&self) -> Place {
        Place { file: self.name().into(), position: self.end }
    }
}

/// The data that readers see.
struct Reading {
    end: Place,
    gtids: Gtids,
    /// Counts the wakes.
    version: u64,
}

/// The contents of a group beside its GTID.
pub(crate) enum Group<'a> {
    /// The rows of a transaction, where they were changed first (`None` for this server), and the databases that have them.
    Rows(&'a mut TransactionCache, Option<Origin>, &'a [&'a str]),
    /// A statement.
    Statement(&'a Statement<'a>),
}

impl Group<'_> {
    /// Where the group was made first; `None` for this server.
    const fn origin(&self) -> Option<Origin> {
        match self {
            Self::Rows(_, origin, _) => *origin,
            Self::Statement(statement) => statement.origin,
        }
    }
}

impl std::fmt::Debug for BinaryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinaryLog").field("files", &self.files).finish_non_exhaustive()
    }
}

impl BinaryLog {
    /// Opens the log: repairs the file that a killed server left, and begins a new one. The log's last group is then in the databases, or in
    /// neither, and so are changes of accounts, which were made up to the place `accounts`; `None` where that is not known.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn open(
        files: LogFiles,
        format: Format,
        settings: LogSettings,
        databases: &dyn Databases,
        accounts: Option<&Place>,
    ) -> Result<Self, String> {
        let failed = |error: io::Error| format!("the binary log '{}': {error}", files.index().display());
        let mut names = files.list().map_err(failed)?;
        // The index may have been written before a file was, or a file been removed by hand.
        names.retain(|name| {
            let exists = files.path(name).exists();
            if !exists {
                tracing::warn!("the binary log file '{}' is in the index, and is gone", files.path(name).display());
            }
            exists
        });
        let mut gtids = Gtids::default();
        let left = Left::find(&files, databases).map_err(failed)?;
        if let Some(last) = names.last() {
            let path = files.path(last);
            let shown = path.display();
            let found =
                recovery::scan(&path, accounts).map_err(|error| format!("the binary log file '{shown}': {error}"))?;
            if found.flavour != Some(format.flavour) && found.flavour.is_some() {
                let other = if format.flavour == Flavour::MariaDb { "MySQL" } else { "MariaDB" };
                return Err(format!(
                    "the binary log '{shown}' is {other}'s by the version in it, and this server's version is '{}': start with a --version of the \
                     same kind, or with another --log-bin",
                    format.version
                ));
            }
            gtids = found.gtids.clone();
            if found.is_in_use {
                let end = match (&found.undone, &found.last) {
                    (Some((start, before)), _) => {
                        tracing::warn!(
                            "the server was killed within a change of accounts, which was not made: the binary log '{shown}' is cut at {start}"
                        );
                        gtids = before.clone();
                        *start
                    }
                    (None, Some(group))
                        if !settle(&path, &found, &left.after(databases))
                            .map_err(|error| format!("the binary log file '{shown}': {error}"))? =>
                    {
                        gtids = found.gtids_before_last.clone();
                        group.start
                    }
                    _ => found.end,
                };
                let repaired = files.open_to_change(last).and_then(|file| file::repair(file, end));
                repaired.map_err(|error| format!("the binary log file '{shown}': {error}"))?;
            }
        }
        let server_id = settings.server_id.load(Ordering::Relaxed);
        left.add((&files, &format, server_id), &mut names, &mut gtids, databases)?;
        let name = files.next_name(&names);
        file::remove_unlisted(&files, &name)?;
        let (file, end) = file::begin(&files, &name, &format, server_id, &gtids, true)
            .map_err(|error| format!("the binary log file '{}': {error}", files.path(&name).display()))?;
        names.push(name.clone());
        files.write_list(&names).map_err(failed)?;
        let reading = Reading { end: Place { file: name.into(), position: end }, gtids: gtids.clone(), version: 0 };
        let log = Self {
            files,
            format,
            settings,
            replicas: Replicas::default(),
            semi_sync: Arc::default(),
            writer: Mutex::new(Writer { names, file, end, gtids, unsynced: 0, on_their_way: Vec::new(), broken: None }),
            settled: Condvar::new(),
            reading: Mutex::new(reading),
            changed: Condvar::new(),
            random: OsRandom::new(),
        };
        log.expire(&mut log.writer());
        Ok(log)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock of the writer as soon as no large group of these databases, or of any, is committed and not in the log.
    fn writer_after(&self, databases: Option<&[&str]>) -> MutexGuard<'_, Writer> {
        let mut writer = self.writer();
        let is_waited_for = |own: &String| databases.is_none_or(|databases| databases.contains(&own.as_str()));
        while writer.broken.is_none() && writer.on_their_way.iter().any(is_waited_for) {
            writer = self.settled.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        writer
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How large a transaction may be.
    pub(crate) fn cache_limits(&self) -> CacheLimits {
        CacheLimits {
            size: self.settings.max_cache.load(Ordering::Relaxed),
            disk: self.settings.max_disk.load(Ordering::Relaxed),
        }
    }

    /// Lets readers have all that is in the log.
    fn publish(&self, writer: &Writer) {
        let mut reading = self.reading();
        if let Some(name) = writer.names.last().filter(|name| **name != *reading.end.file) {
            reading.end.file = name.as_str().into();
        }
        reading.end.position = writer.end;
        reading.gtids.clone_from(&writer.gtids);
        reading.version = reading.version.wrapping_add(1);
        drop(reading);
        self.changed.notify_all();
    }

    /// Wakes all readers, because what they depend on has changed.
    pub(crate) fn wake_readers(&self) {
        let mut reading = self.reading();
        reading.version = reading.version.wrapping_add(1);
        drop(reading);
        self.changed.notify_all();
    }

    /// The end of the log for readers, and the number of wakes so far.
    pub(crate) fn end(&self) -> (Place, u64) {
        let reading = self.reading();
        (reading.end.clone(), reading.version)
    }

    /// Whether the GTIDs of all groups that readers may have are so.
    pub(crate) fn has(&self, is_so: impl FnOnce(&Gtids) -> bool) -> bool {
        is_so(&self.reading().gtids)
    }

    /// The GTIDs of all groups that readers may have.
    pub(crate) fn gtids(&self) -> Gtids {
        self.reading().gtids.clone()
    }

    /// Takes a snapshot of databases while nobody commits; returns its place in the log.
    ///
    /// # Errors
    /// Those of `take`.
    pub(crate) fn snapshot(&self, take: impl FnOnce() -> Result<(), SqlError>) -> Result<Place, SqlError> {
        let writer = self.writer_after(None);
        take()?;
        Ok(writer.place())
    }

    /// Waits until there has been a wake after `version`, or until the deadline.
    pub(crate) fn wait(&self, version: u64, deadline: Instant) {
        let mut reading = self.reading();
        while reading.version == version {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            reading = self.changed.wait_timeout(reading, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Goes on in a new file.
    ///
    /// # Errors
    /// 1026 where it can't be made.
    pub(crate) fn rotate(&self) -> Result<(), SqlError> {
        let mut writer = self.writer_after(None);
        self.rotate_to_next(&mut writer).map_err(|error| unwritable(&error))?;
        self.expire(&mut writer);
        Ok(())
    }

    /// Goes on in a new file where this one has its size.
    fn rotate_if_long(&self, writer: &mut Writer) {
        if writer.end < self.settings.max_size.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.rotate_to_next(writer).map(|()| self.expire(writer)) {
            tracing::warn!("the binary log can't go on in a new file, and grows beyond max_binlog_size: {error}");
        }
    }

    fn rotate_to_next(&self, writer: &mut Writer) -> io::Result<()> {
        let name = self.files.next_name(&writer.names);
        let server_id = self.settings.server_id.load(Ordering::Relaxed);
        let next = file::begin(&self.files, &name, &self.format, server_id, &writer.gtids, false)?;
        self.go_on_in(writer, &name, next, || Ok(())).inspect_err(|_| {
            let _ = self.files.remove(&name);
        })?;
        self.publish(writer);
        Ok(())
    }

    /// Closes the file and goes on in another with this end; `take_in` gives that its name once the index has it.
    fn go_on_in(
        &self,
        writer: &mut Writer,
        name: &str,
        (next, next_end): (File, u64),
        take_in: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let server_id = self.settings.server_id.load(Ordering::Relaxed);
        let mut out = Vec::new();
        let mut placer = Placer { out: &mut out, position: writer.end, server_id, checksum: self.format.checksum };
        group::put_rotate(name, &mut placer);
        let closed = writer.file.write_all(&out).and_then(|()| file::close(&mut writer.file));
        let mut names = writer.names.clone();
        names.push(name.to_owned());
        if let Err(error) = closed.and_then(|()| self.files.write_list(&names)).and_then(|()| take_in()) {
            // The old file goes on.
            let _ = writer.file.set_len(writer.end).and_then(|()| writer.file.seek(SeekFrom::Start(writer.end)));
            let _ = self.files.write_list(&writer.names);
            return Err(error);
        }
        (writer.names, writer.file, writer.end, writer.unsynced) = (names, next, next_end, 0);
        Ok(())
    }

    /// The names of all files, with their sizes, the oldest first.
    pub(crate) fn list(&self) -> Vec<(String, u64)> {
        let writer = self.writer();
        let size = |name: &String| std::fs::metadata(self.files.path(name)).map_or(0, |file| file.len());
        let mut list: Vec<(String, u64)> = writer.names.iter().map(|name| (name.clone(), size(name))).collect();
        if let Some(last) = list.last_mut() {
            last.1 = writer.end;
        }
        list
    }

    /// The names of all files, the oldest first.
    pub(crate) fn names(&self) -> Vec<String> {
        self.writer().names.clone()
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        File::open(self.files.path(name))
    }

    /// The path without number, and the path of the index.
    pub(crate) fn paths(&self) -> (String, String) {
        (self.files.basename().display().to_string(), self.files.index().display().to_string())
    }

    /// Removes the oldest files up to, and without, the first one that a dump reads or for which `stays` holds. The last file always stays.
    ///
    /// # Errors
    /// 1026 where the index can't be written.
    pub(crate) fn purge(&self, stays: &dyn Fn(&str) -> bool) -> Result<(), SqlError> {
        let mut writer = self.writer();
        self.purge_from(&mut writer, stays).map_err(|error| unwritable(&error))
    }

    fn purge_from(&self, writer: &mut Writer, stays: &dyn Fn(&str) -> bool) -> io::Result<()> {
        let last = writer.names.len().saturating_sub(1);
        let gone =
            writer.names.iter().take(last).take_while(|name| !stays(name) && !self.replicas.are_reading(name)).count();
        if gone == 0 {
            return Ok(());
        }
        let kept = writer.names.get(gone..).unwrap_or_default().to_vec();
        self.files.write_list(&kept)?;
        for name in writer.names.iter().take(gone) {
            if let Err(error) = self.files.remove(name) {
                tracing::warn!("the binary log file '{name}' can't be removed: {error}");
            }
        }
        writer.names = kept;
        Ok(())
    }

    /// Removes files that are older than `binlog_expire_logs_seconds` and that nobody reads.
    fn expire(&self, writer: &mut Writer) {
        let seconds = self.settings.expire_seconds.load(Ordering::Relaxed);
        if seconds == 0 {
            return;
        }
        let oldest = SystemTime::now().checked_sub(Duration::from_secs(seconds));
        let stays = |name: &str| {
            let changed = std::fs::metadata(self.files.path(name)).and_then(|file| file.modified());
            oldest.is_none_or(|oldest| changed.map_or(true, |changed| changed > oldest))
        };
        if let Err(error) = self.purge_from(writer, &stays) {
            tracing::warn!("old binary log files can't be removed: {error}");
        }
    }

    /// When a file was last changed.
    pub(crate) fn changed_at(&self, name: &str) -> Option<SystemTime> {
        std::fs::metadata(self.files.path(name)).and_then(|file| file.modified()).ok()
    }

    /// RESET MASTER: removes all files and begins anew with the file of this number.
    ///
    /// # Errors
    /// 1026 where the files can't be written.
    pub(crate) fn reset(&self, number: u64) -> Result<(), SqlError> {
        let mut writer = self.writer_after(None);
        self.reset_to(&mut writer, number).map_err(|error| unwritable(&error))
    }

    fn reset_to(&self, writer: &mut Writer, number: u64) -> io::Result<()> {
        self.files.write_list(&[])?;
        for name in &writer.names {
            self.files.remove(name)?;
        }
        let name = self.files.name(number);
        let server_id = self.settings.server_id.load(Ordering::Relaxed);
        let begun = file::begin(&self.files, &name, &self.format, server_id, &Gtids::default(), true);
        let (file, end) = begun.inspect_err(|error| writer.broken = Some(error.to_string()))?;
        *writer = Writer {
            names: vec![name],
            file,
            end,
            gtids: Gtids::default(),
            unsynced: 0,
            on_their_way: Vec::new(),
            broken: None,
        };
        self.files.write_list(&writer.names)?;
        self.publish(writer);
        self.semi_sync.forget();
        // Their files are gone, and a new one has the name of an old one.
        self.replicas.end_all(&SqlError::new(
            1236,
            b"HY000",
            "RESET MASTER has removed the binary log that was being sent",
        ));
        self.wake_readers();
        Ok(())
    }

    /// Ends the log at the server's clean end.
    pub(crate) fn close(&self) {
        let mut writer = self.writer();
        let server_id = self.settings.server_id.load(Ordering::Relaxed);
        let mut out = Vec::new();
        let mut placer = Placer { out: &mut out, position: writer.end, server_id, checksum: self.format.checksum };
        placer.put(EventType::STOP, EventFlags::NONE, |_| {});
        let closed = writer.file.write_all(&out).and_then(|()| file::close(&mut writer.file));
        if let Err(error) = closed {
            tracing::warn!("the binary log can't be closed: {error}");
        }
        writer.broken = Some("the server is stopping".to_owned());
    }
}

fn unwritable(reason: &dyn std::fmt::Display) -> SqlError {
    SqlError::new(1026, b"HY000", format!("Error writing the binary log ({reason})"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write as _;
    use std::path::Path;

    use super::super::group::CommitMark;
    use super::*;

    pub(super) fn open(place: &Path, flavour: Flavour, is_committed: bool) -> Result<BinaryLog, String> {
        open_with(place, flavour, is_committed, None)
    }

    fn open_with(
        place: &Path,
        flavour: Flavour,
        is_committed: bool,
        accounts: Option<&Place>,
    ) -> Result<BinaryLog, String> {
        let version = if flavour == Flavour::MariaDb { "10.11.9-MariaDB" } else { "8.0.99" };
        let format = Format {
            flavour,
            version: version.into(),
            checksum: sealwire_binlog::Checksum::Crc32,
            domain: 0,
            has_gtids: true,
            uuid: [7; 16],
        };
        let settings = LogSettings::default();
        settings.server_id.store(1, Ordering::Relaxed);
        settings.max_size.store(1 << 30, Ordering::Relaxed);
        BinaryLog::open(
            LogFiles::new(place, "").unwrap(),
            format,
            settings,
            &Killed { is_committed, ..Killed::default() },
            accounts,
        )
    }

    /// A statement about accounts, without its text.
    const fn accounts_statement() -> Statement<'static> {
        Statement {
            text: "",
            database: None,
            databases: &[],
            thread: 1,
            invoker: "root@localhost",
            is_definition: false,
            skips_foreign_keys: false,
            moment: None,
            origin: None,
        }
    }

    /// The databases of a killed server, which are all committed, or none.
    #[derive(Default)]
    struct Killed {
        is_committed: bool,
        exist: RefCell<Vec<String>>,
    }

    impl Databases for Killed {
        fn is_committed(&self, _: &str, _: CommitMark) -> bool {
            self.is_committed
        }

        fn redo(&self, _: (&str, &str), _: CommitMark, _: &mut recovery::GroupRows<'_>) -> Result<(), String> {
            Ok(())
        }

        fn has(&self, database: &str) -> bool {
            self.exist.borrow().iter().any(|own| own == database)
        }

        fn create(&self, database: &str, collation: Option<&str>) -> Result<(), String> {
            self.exist.borrow_mut().push([database, collation.unwrap_or_default()].concat());
            Ok(())
        }

        fn set_collation(&self, database: &str, collation: &str) -> Result<(), String> {
            self.remove(database)?;
            self.create(database, Some(collation))
        }

        fn remove(&self, database: &str) -> Result<(), String> {
            self.exist.borrow_mut().retain(|own| own != database);
            Ok(())
        }
    }

    #[test]
    fn a_database_is_made_or_dropped_as_the_log_has_it() {
        let killed = Killed { exist: vec!["d`1".to_owned()].into(), ..Killed::default() };
        for (statement, exist) in [
            ("CREATE DATABASE IF NOT EXISTS `d``1`", &["d`1"][..]),
            ("DROP DATABASE IF EXISTS `d``1`", &[]),
            ("DROP DATABASE IF EXISTS `d``1`", &[]),
            ("CREATE DATABASE `e`", &["e"]),
            ("DROP USER `e`", &["e"]),
            ("ALTER DATABASE `f` CHARACTER SET latin1 COLLATE `latin1_bin`", &["e"]),
            ("ALTER DATABASE `e` CHARACTER SET latin1 COLLATE `latin1_bin`", &["elatin1_bin"]),
            ("CREATE DATABASE `g` CHARACTER SET binary COLLATE `binary`", &["elatin1_bin", "gbinary"]),
            ("CREATE DATABASE `h`", &["elatin1_bin", "gbinary", "h"]),
            ("CREATE DATABASE `h` CHARACTER SET binary COLLATE `binary`", &["elatin1_bin", "gbinary", "hbinary"]),
        ] {
            recovery::redo(statement, &killed).unwrap();
            assert_eq!(*killed.exist.borrow(), exist, "{statement}");
        }
    }

    pub(super) fn log(log: &BinaryLog, text: &str, outcome: Result<(), SqlError>) -> Result<(), SqlError> {
        let databases = ["d"];
        let statement = Statement { text, databases: &databases, is_definition: true, ..accounts_statement() };
        log.commit(Group::Statement(&statement), |_| Ok(()), || outcome).map(drop)
    }

    fn contains(path: &Path, text: &str) -> bool {
        std::fs::read(path).unwrap().windows(text.len()).any(|part| part == text.as_bytes())
    }

    #[test]
    fn a_group_that_was_not_committed_is_cut_off_at_the_next_start() {
        for flavour in [Flavour::MariaDb, Flavour::MySql] {
            for is_committed in [false, true] {
                let place = tempfile::tempdir().unwrap();
                let first = open(place.path(), flavour, true).unwrap();
                log(&first, "CREATE TABLE kept", Ok(())).unwrap();
                log(&first, "CREATE TABLE last", Ok(())).unwrap();
                let before = first.gtids();
                // The server is killed: nothing closes the log.
                drop(first);
                let second = open(place.path(), flavour, is_committed).unwrap();
                let path = place.path().join("binlog.000001");
                assert!(contains(&path, "CREATE TABLE kept"));
                assert_eq!(contains(&path, "CREATE TABLE last"), is_committed, "{flavour:?}");
                assert_eq!(second.gtids() == before, is_committed, "{flavour:?}");
                assert!(!recovery::scan(&path, None).unwrap().is_in_use);
                assert_eq!(second.names(), ["binlog.000001", "binlog.000002"]);
            }
        }
    }

    #[test]
    fn a_change_of_accounts_is_in_the_log_and_in_the_accounts_or_in_neither() {
        const TEXTS: [&str; 2] = ["CREATE USER 'u'@'h'", "GRANT SELECT ON *.* TO 'u'@'h'"];
        let statements = TEXTS.map(|text| Statement { text, ..accounts_statement() });
        for flavour in [Flavour::MariaDb, Flavour::MySql] {
            let place = tempfile::tempdir().unwrap();
            let first = open(place.path(), flavour, true).unwrap();
            let made = std::cell::Cell::new(None);
            let note = |end: &Place| {
                made.set(Some(end.clone()));
                Ok(())
            };
            first.commit_statements(&statements, note).unwrap();
            let made = made.take().unwrap();
            log(&first, "CREATE TABLE kept", Ok(())).unwrap();
            let (end, gtids) = (first.end().0, first.gtids());
            assert_eq!(first.commit_statements(&statements, |_| Err(unwritable(&"full"))).unwrap_err().code, 1026);
            assert_eq!((first.end().0, first.gtids()), (end.clone(), gtids.clone()));
            let killed = tempfile::tempdir().unwrap();
            let copy = |_: &Place| {
                for file in std::fs::read_dir(place.path()).unwrap().map(Result::unwrap) {
                    std::fs::copy(file.path(), killed.path().join(file.file_name())).unwrap();
                }
                Ok(())
            };
            let behind = std::cell::Cell::new(None);
            first
                .commit_statements(&statements, |end| {
                    behind.set(Some(end.clone()));
                    copy(end)
                })
                .unwrap();
            let behind = behind.take().unwrap();
            let path = killed.path().join("binlog.000001");
            let whole = std::fs::read(&path).unwrap();
            // The accounts have the first change alone, and the file any part of the second.
            for length in (end.position as usize..whole.len()).step_by(9).chain([whole.len()]) {
                std::fs::write(&path, &whole[..length]).unwrap();
                let second = open_with(killed.path(), flavour, true, Some(&made)).unwrap();
                assert_eq!(std::fs::metadata(&path).unwrap().len(), end.position, "{length} bytes");
                assert_eq!(second.gtids(), gtids);
                std::fs::remove_file(killed.path().join(second.names().pop().unwrap())).unwrap();
            }
            for known in [Some(&behind), None] {
                std::fs::write(&path, &whole).unwrap();
                let second = open_with(killed.path(), flavour, true, known).unwrap();
                assert_eq!(std::fs::metadata(&path).unwrap().len(), whole.len() as u64);
                assert_eq!(second.gtids(), first.gtids());
                std::fs::remove_file(killed.path().join(second.names().pop().unwrap())).unwrap();
            }
        }
    }

    #[test]
    fn an_incomplete_group_is_cut_off() {
        let place = tempfile::tempdir().unwrap();
        let first = open(place.path(), Flavour::MariaDb, true).unwrap();
        log(&first, "CREATE TABLE kept", Ok(())).unwrap();
        let (end, _) = first.end();
        let gtids = first.gtids();
        log(&first, "CREATE TABLE torn", Ok(())).unwrap();
        drop(first);
        let path = place.path().join("binlog.000001");
        let whole = std::fs::read(&path).unwrap();
        for length in end.position as usize..whole.len() {
            let mut file = File::create(&path).unwrap();
            file.write_all(&whole[..length]).unwrap();
            let second = open(place.path(), Flavour::MariaDb, true).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), end.position, "{length} bytes");
            assert_eq!(second.gtids(), gtids);
            let last = second.names().pop().unwrap();
            drop(second);
            std::fs::remove_file(place.path().join(last)).unwrap();
        }
    }

    #[test]
    fn a_commit_that_fails_leaves_nothing_in_the_log() {
        let place = tempfile::tempdir().unwrap();
        let binary_log = open(place.path(), Flavour::MariaDb, true).unwrap();
        let (end, version) = binary_log.end();
        let failure = SqlError::new(1205, b"HY000", "no lock");
        assert_eq!(log(&binary_log, "CREATE TABLE gone", Err(failure.clone())), Err(failure));
        assert_eq!(binary_log.end(), (end.clone(), version), "readers are told of nothing");
        assert_eq!(std::fs::metadata(place.path().join("binlog.000001")).unwrap().len(), end.position);
        log(&binary_log, "CREATE TABLE next", Ok(())).unwrap();
        assert_eq!(binary_log.gtids().position_text(), "0-1-1");
        assert!(!contains(&place.path().join("binlog.000001"), "gone"));
    }

    #[test]
    fn files_follow_each_other_and_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let binary_log = open(place.path(), Flavour::MySql, true).unwrap();
        binary_log.settings.max_size.store(4096, Ordering::Relaxed);
        let order = RefCell::new(Vec::new());
        for number in 0..60 {
            log(&binary_log, &format!("CREATE TABLE t{number} {}", "x".repeat(300)), Ok(())).unwrap();
            order.borrow_mut().push(binary_log.end().0.file);
        }
        let names = binary_log.names();
        assert!(names.len() > 4 && names.is_sorted(), "{names:?}");
        assert!(order.borrow().is_sorted());
        assert_eq!(binary_log.gtids().transactions.count(), 60);
        let known = crate::replication::known_before(&binary_log.open_file(&names[2]).unwrap()).unwrap();
        assert!((11..60).contains(&known.transactions.count()));
        binary_log.purge(&|name| name == names[2]).unwrap();
        assert_eq!(binary_log.names(), names[2..]);
        assert!(!place.path().join(&names[1]).exists());
        binary_log.reset(1).unwrap();
        assert_eq!(
            (binary_log.names(), binary_log.gtids().transactions.count()),
            (vec!["binlog.000001".to_owned()], 0)
        );
        binary_log.close();
        assert_eq!(log(&binary_log, "CREATE TABLE late", Ok(())).unwrap_err().code, 1026);
    }

    #[test]
    fn a_log_of_another_kind_is_not_continued() {
        let place = tempfile::tempdir().unwrap();
        open(place.path(), Flavour::MariaDb, true).unwrap().close();
        let told = open(place.path(), Flavour::MySql, true).unwrap_err();
        assert!(told.contains("MariaDB's") && told.contains("--version"), "{told}");
        // A file that is not in the index and has groups is somebody's.
        let next = place.path().join("binlog.000002");
        std::fs::copy(place.path().join("binlog.000001"), &next).unwrap();
        open(place.path(), Flavour::MariaDb, true).unwrap();
        assert!(!contains(&next, "CREATE"), "an empty one is replaced");
    }
}
