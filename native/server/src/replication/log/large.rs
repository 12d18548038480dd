//! Large groups. Each gets a file of the log to itself, which is written while others commit:
//!
//! 1. The group is written into a file beside the log, with the GTIDs that it would have now, and the file is synced.
//! 2. The databases commit. Nobody else logs a change of them until the group is in the log.
//! 3. The file's front gets the GTIDs that the group has, and the file becomes the log's last one.
//!
//! A server that is killed in between finds the file and the group's mark in a database, and does step 3 when it starts. Without the mark it
//! removes the file.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use sealwire_binlog::{EventHeader, Flavour, HEADER};
use sealwire_core::error::SqlError;
use sealwire_core::wire::Reader;

use super::super::cache::{TransactionCache, for_each_event};
use super::super::events::{self, FIRST_POSITION, Placer};
use super::super::files::LogFiles;
use super::super::group::{self, CommitMark, Format, Origin, OriginGtid};
use super::super::gtids::Gtids;
use super::super::recovery::{self, Databases, GroupRows};
use super::super::semi_sync::Awaited;
use super::{BinaryLog, CHUNK, Writer, file, put_rows, settle, unwritable};

/// From this size on a group gets a file of its own, in bytes.
#[cfg(not(test))]
pub(super) const LARGE_GROUP: u64 = 64 << 20;
#[cfg(test)]
pub(super) const LARGE_GROUP: u64 = 1 << 20;
/// More bytes than a file has before the rows of its first group.
const LONGEST_FRONT: u64 = 1 << 20;

/// A group's file that is not in the log yet.
struct Prepared {
    path: PathBuf,
    file: File,
    /// The bytes in front of the rows: those that begin the file, and the group's first events.
    front: u64,
    /// The bytes of the rows.
    rows: u64,
    end: u64,
    /// The server at which the group was made, and what is known of its GTID.
    server_id: u32,
    origin: Option<Origin>,
}

/// The log to which a group's file is added.
struct Target<'a> {
    files: &'a LogFiles,
    format: &'a Format,
    server_id: u32,
}

impl Target<'_> {
    /// The bytes in front of the group's rows, in the file behind those that have these GTIDs. The group's GTID is added to them.
    fn front(&self, gtids: &mut Gtids, (server_id, origin): (u32, Option<Origin>), rows: u64) -> Vec<u8> {
        let mut out = file::head(self.format, self.server_id, gtids, false);
        let position = out.len() as u64;
        let mut placer = Placer { out: &mut out, position, server_id, checksum: self.format.checksum };
        group::put_begin(self.format, gtids, origin, rows, &mut placer);
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
    fn prepare(
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
    fn complete(&self, mut prepared: Prepared, gtids: &mut Gtids) -> io::Result<Prepared> {
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
    fn reopen(&self, path: &Path, gtids: &Gtids) -> io::Result<Prepared> {
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

    /// Where a group was made, by the body of its GTID. A GTID that this server gave is given anew; `None` where the body is malformed.
    fn origin(&self, server_id: u32, body: &[u8], gtids: &Gtids) -> Option<Option<Origin>> {
        let mut reader = Reader::new(body);
        let (gtid, is_free) = if self.format.flavour == Flavour::MariaDb {
            let (sequence, domain) = (reader.u64("sequence").ok()?, reader.u32("domain").ok()?);
            let is_own = server_id == self.server_id && domain == self.format.domain;
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
fn discard(path: &Path) {
    let _ = fs::remove_file(path);
}

impl BinaryLog {
    fn target(&self) -> Target<'_> {
        let server_id = self.settings.server_id.load(Ordering::Relaxed);
        Target { files: &self.files, format: &self.format, server_id }
    }

    /// As [`BinaryLog::commit`], for a large group that changes these databases.
    pub(super) fn commit_large(
        &self,
        (cache, origin): (&mut TransactionCache, Option<Origin>),
        databases: &[&str],
        mark: impl FnOnce(CommitMark) -> Result<(), SqlError>,
        commit: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<Option<Awaited>, SqlError> {
        let number = self.group_number();
        mark(group::mark_of(number))?;
        self.files.refuse_if_short(cache.length(), false).map_err(|reason| unwritable(&reason))?;
        let mut gtids = self.gtids();
        let prepared =
            self.target().prepare(&mut gtids, (cache, origin), number).map_err(|error| unwritable(&error))?;
        {
            let mut writer = self.writer_after(Some(databases));
            if let Some(reason) = &writer.broken {
                discard(&prepared.path);
                return Err(unwritable(reason));
            }
            writer.on_their_way.extend(databases.iter().map(|database| (*database).to_owned()));
        }
        let committed = commit();
        let mut writer = self.writer();
        let added = match committed {
            Ok(()) => self.add(&mut writer, prepared, origin.is_none()),
            Err(error) => {
                discard(&prepared.path);
                Err(error)
            }
        };
        writer.on_their_way.retain(|database| !databases.contains(&database.as_str()));
        drop(writer);
        self.settled.notify_all();
        added
    }

    /// Makes the file of a committed group the log's last one.
    fn add(&self, writer: &mut Writer, prepared: Prepared, is_own: bool) -> Result<Option<Awaited>, SqlError> {
        let mut gtids = writer.gtids.clone();
        let added = match &writer.broken {
            Some(reason) => Err(io::Error::other(reason.clone())),
            None => self.target().complete(prepared, &mut gtids).and_then(|Prepared { path, file, end, .. }| {
                let name = self.files.next_name(&writer.names);
                self.go_on_in(writer, &name, (file, end), || self.files.take_in(&path, &name))
            }),
        };
        if let Err(error) = added {
            // Only the server's start can tell again that the databases have the group.
            let reason = format!(
                "a group that is committed can't be added, and is added when the server is started again: {error}"
            );
            tracing::error!("the binary log: {reason}; no change is possible until then");
            writer.broken.get_or_insert(reason.clone());
            return Err(unwritable(&reason));
        }
        writer.gtids = gtids;
        // Before a replica can have the group, so that it is asked for it.
        let name = writer.names.last().map(String::as_str).unwrap_or_default();
        let awaited = self.semi_sync.commit(name, writer.end, is_own);
        self.publish(writer);
        self.rotate_if_long(writer);
        Ok(awaited)
    }
}

/// The files of large groups that a killed server left beside the log, with the marks of those that are committed.
pub(super) struct Left {
    committed: Vec<(PathBuf, CommitMark)>,
}

impl Left {
    /// Finds the files, and removes those whose groups are not committed.
    ///
    /// # Errors
    /// Where the directory can't be read.
    pub(super) fn find(files: &LogFiles, databases: &dyn Databases) -> io::Result<Self> {
        let mut committed = Vec::new();
        for path in files.all_prepared()? {
            let last = recovery::scan(&path).ok().and_then(|found| found.last);
            let mark = last.as_ref().and_then(|group| group.number).map(group::mark_of);
            let is_in = |mark: &CommitMark| {
                last.iter().flat_map(|group| &group.databases).any(|database| databases.is_committed(database, *mark))
            };
            match mark.filter(is_in) {
                Some(mark) => committed.push((path, mark)),
                None => discard(&path),
            }
        }
        Ok(Self { committed })
    }

    /// The databases, in which the marks of these groups have replaced those of groups before.
    pub(super) fn after<'a>(&self, databases: &'a dyn Databases) -> After<'a> {
        After { databases, marks: self.committed.iter().map(|(_, mark)| *mark).collect() }
    }

    /// Adds the groups to the log, whose files before have these names and GTIDs, and carries them out in databases that lack them.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(super) fn add(
        self,
        (files, format, server_id): (&LogFiles, &Format, u32),
        names: &mut Vec<String>,
        gtids: &mut Gtids,
        databases: &dyn Databases,
    ) -> Result<(), String> {
        let target = Target { files, format, server_id };
        for (path, _) in self.committed {
            let failed = |error: &dyn std::fmt::Display| format!("the binary log file '{}': {error}", path.display());
            let prepared = target.reopen(&path, gtids).and_then(|prepared| target.complete(prepared, gtids));
            let Prepared { file, end, .. } = prepared.map_err(|error| failed(&error))?;
            let name = files.next_name(names);
            names.push(name.clone());
            let added = files.write_list(names).and_then(|()| files.take_in(&path, &name));
            added.map_err(|error| failed(&error))?;
            tracing::warn!(
                "the server was killed before its last large transaction was in the binary log, and adds it now as '{name}'"
            );
            let path = files.path(&name);
            let found = recovery::scan(&path).map_err(|error| failed(&error))?;
            settle(&path, &found, databases).map_err(|error| failed(&error))?;
            file::repair(file, end).map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

/// Databases whose marks may be those of later groups.
pub(super) struct After<'a> {
    databases: &'a dyn Databases,
    marks: Vec<CommitMark>,
}

impl Databases for After<'_> {
    fn is_committed(&self, database: &str, mark: CommitMark) -> bool {
        let has = |mark| self.databases.is_committed(database, mark);
        has(mark) || self.marks.iter().copied().any(has)
    }

    fn redo(
        &self,
        databases: (&str, &str),
        mark: CommitMark,
        flavour: Flavour,
        rows: &mut GroupRows<'_>,
    ) -> Result<(), String> {
        self.databases.redo(databases, mark, flavour, rows)
    }

    fn has(&self, database: &str) -> bool {
        self.databases.has(database)
    }

    fn create(&self, database: &str) -> Result<(), String> {
        self.databases.create(database)
    }

    fn remove(&self, database: &str) -> Result<(), String> {
        self.databases.remove(database)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::super::cache::CacheLimits;
    use super::super::super::group::Statement;
    use super::super::Group;
    use super::super::tests::{log, open};
    use super::*;

    const FLAVOURS: [Flavour; 2] = [Flavour::MariaDb, Flavour::MySql];

    /// Commits a large group of the database `d`, at the given server or here.
    fn commit(
        log: &BinaryLog,
        origin: Option<Origin>,
        commit: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let text = format!("CREATE TABLE large {}", "x".repeat(2 * LARGE_GROUP as usize));
        let statement = Statement {
            text: &text,
            database: None,
            databases: &["d"],
            thread: 1,
            invoker: "root@localhost",
            is_definition: false,
            skips_foreign_keys: false,
            moment: None,
            origin: None,
        };
        let mut cache = TransactionCache::default();
        cache.add_query(&log.format, &statement, CacheLimits { size: u64::MAX, disk: u64::MAX }).unwrap();
        log.commit(Group::Rows(&mut cache, origin, &["d"]), |_| Ok(()), commit).map(|_| ())
    }

    /// The files in a directory, without the index.
    fn files(place: &Path) -> Vec<String> {
        let names = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "binlog.index").collect();
        names.sort();
        names
    }

    /// Whether the last file has one group, which is whole.
    #[track_caller]
    fn assert_whole(place: &Path, name: &str) {
        let found = recovery::scan(&place.join(name)).unwrap();
        assert_eq!(found.end, fs::metadata(place.join(name)).unwrap().len(), "{name}");
        assert!(found.last.unwrap().databases.contains("d"));
    }

    #[test]
    fn a_large_group_has_a_file_of_its_own_and_others_commit_meanwhile() {
        for flavour in FLAVOURS {
            let place = tempfile::tempdir().unwrap();
            let own = open(place.path(), flavour, true).unwrap();
            // The front of the first group's file gets longer by the group that is logged meanwhile.
            commit(&own, None, || {
                let mut cache = TransactionCache::default();
                let limits = CacheLimits { size: u64::MAX, disk: u64::MAX };
                let statement = Statement {
                    text: "INSERT",
                    database: None,
                    databases: &["e"],
                    thread: 1,
                    invoker: "",
                    is_definition: false,
                    skips_foreign_keys: false,
                    moment: None,
                    origin: None,
                };
                cache.add_query(&own.format, &statement, limits)?;
                own.commit(Group::Rows(&mut cache, None, &["e"]), |_| Ok(()), || Ok(())).map(|_| ())
            })
            .unwrap();
            assert_eq!(files(place.path()), ["binlog.000001", "binlog.000002"]);
            assert_eq!(own.end().0.file.as_ref(), "binlog.000002");
            assert_whole(place.path(), "binlog.000002");
            let scanned = recovery::scan(&place.path().join("binlog.000002")).unwrap();
            assert_eq!(scanned.gtids, own.gtids(), "{flavour:?}");
            // The file goes on.
            log(&own, "CREATE TABLE next", Ok(())).unwrap();
            commit(&own, None, || Ok(())).unwrap();
            assert_eq!(own.names(), ["binlog.000001", "binlog.000002", "binlog.000003"]);
            assert_whole(place.path(), "binlog.000003");
            assert_eq!(recovery::scan(&place.path().join("binlog.000003")).unwrap().gtids, own.gtids());
        }
    }

    #[test]
    fn nobody_logs_a_later_change_of_the_database_before() {
        let place = tempfile::tempdir().unwrap();
        let own = open(place.path(), Flavour::MariaDb, true).unwrap();
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            commit(&own, None, || {
                let waits = sender.clone();
                let own = &own;
                scope.spawn(move || {
                    log(own, "CREATE TABLE later", Ok(())).unwrap();
                    waits.send(own.end().0.file).unwrap();
                });
                // Nothing tells that the other waits, so that this can miss a fault and never finds one that is none.
                assert!(receiver.recv_timeout(std::time::Duration::from_millis(50)).is_err());
                Ok(())
            })
            .unwrap();
            assert_eq!(receiver.recv().unwrap().as_ref(), "binlog.000002", "it is behind the large group");
        });
    }

    #[test]
    fn a_large_group_that_fails_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let own = open(place.path(), Flavour::MySql, true).unwrap();
        let failure = SqlError::new(1021, b"HY000", "full");
        assert_eq!(commit(&own, None, || Err(failure.clone())), Err(failure));
        assert_eq!(files(place.path()), ["binlog.000001"]);
        log(&own, "CREATE TABLE next", Ok(())).unwrap();
        assert_eq!(own.gtids().transactions.count(), 1);
    }

    #[test]
    fn a_killed_server_adds_its_large_group_where_a_database_has_it() {
        let away = [
            None,
            Some(Origin { server_id: 9, gtid: Some(OriginGtid::MariaDb(5, 77)) }),
            Some(Origin { server_id: 9, gtid: Some(OriginGtid::MySql([3; 16], 77)) }),
        ];
        for (flavour, origin) in FLAVOURS.into_iter().flat_map(|flavour| away.map(|origin| (flavour, origin))) {
            for is_committed in [true, false] {
                let place = tempfile::tempdir().unwrap();
                let own = open(place.path(), flavour, true).unwrap();
                log(&own, "CREATE TABLE before", Ok(())).unwrap();
                // The log ends while the databases commit, as it does where the server is killed.
                let died = commit(&own, origin, || {
                    own.close();
                    Ok(())
                });
                assert_eq!(died.unwrap_err().code, 1026);
                let before = own.gtids();
                drop(own);
                assert_eq!(files(place.path()).len(), 2);
                let own = open(place.path(), flavour, is_committed).unwrap();
                if is_committed {
                    assert_eq!(files(place.path()), ["binlog.000001", "binlog.000002", "binlog.000003"]);
                    assert_whole(place.path(), "binlog.000002");
                    assert!(!recovery::scan(&place.path().join("binlog.000002")).unwrap().is_in_use);
                    assert_ne!(own.gtids(), before, "{flavour:?} {origin:?}");
                } else {
                    assert_eq!(files(place.path()), ["binlog.000001", "binlog.000002"]);
                    assert_eq!(own.gtids(), before, "{flavour:?} {origin:?}");
                }
                log(&own, "CREATE TABLE after", Ok(())).unwrap();
            }
        }
    }

    /// The last group of the log is committed where its database has the mark of the large group after it.
    #[test]
    fn a_group_before_a_large_one_stays() {
        struct Marked(CommitMark);
        impl Databases for Marked {
            fn is_committed(&self, _: &str, mark: CommitMark) -> bool {
                mark == self.0
            }
            fn redo(&self, _: (&str, &str), _: CommitMark, _: Flavour, _: &mut GroupRows<'_>) -> Result<(), String> {
                Err("nothing lacks a group".to_owned())
            }
            fn has(&self, _: &str) -> bool {
                true
            }
            fn create(&self, _: &str) -> Result<(), String> {
                Ok(())
            }
            fn remove(&self, _: &str) -> Result<(), String> {
                Ok(())
            }
        }
        let left = Left { committed: vec![(PathBuf::new(), 7)] };
        let databases = Marked(7);
        assert!(left.after(&databases).is_committed("d", 5));
        assert!(!left.after(&Marked(6)).is_committed("d", 5));
    }
}
