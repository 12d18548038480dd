//! Large groups. Each gets a file of the log to itself, which is written while others commit:
//!
//! 1. The group is written into a file beside the log, with the GTIDs that it would have now, and the file is synced.
//! 2. The databases commit. Nobody else logs a change of them until the group is in the log.
//! 3. The file's front gets the GTIDs that the group has, and the file becomes the log's last one.
//!
//! A server that is killed in between finds the file and the group's mark in a database, and does step 3 when it starts. Without the mark it
//! removes the file.

use std::io;
use std::sync::atomic::Ordering;

use sealwire_core::error::SqlError;

use super::super::cache::TransactionCache;
use super::super::group::{self, CommitMark, Origin};
use super::super::semi_sync::Awaited;
use super::prepared::{Prepared, Target, discard};
use super::{BinaryLog, Writer, unwritable};

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
            let error = unwritable(&reason);
            writer.broken.get_or_insert(reason);
            return Err(error);
        }
        writer.gtids = gtids;
        Ok(self.release(writer, is_own))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::channel;

    use sealwire_binlog::Flavour;

    use super::super::super::cache::CacheLimits;
    use super::super::super::group::{OriginGtid, Statement};
    use super::super::super::recovery;
    use super::super::Group;
    use super::super::prepared::LARGE_GROUP;
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
        let found = recovery::scan(&place.join(name), None).unwrap();
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
            let scanned = recovery::scan(&place.path().join("binlog.000002"), None).unwrap();
            assert_eq!(scanned.gtids, own.gtids(), "{flavour:?}");
            // The file goes on.
            log(&own, "CREATE TABLE next", Ok(())).unwrap();
            commit(&own, None, || Ok(())).unwrap();
            assert_eq!(own.names(), ["binlog.000001", "binlog.000002", "binlog.000003"]);
            assert_whole(place.path(), "binlog.000003");
            assert_eq!(recovery::scan(&place.path().join("binlog.000003"), None).unwrap().gtids, own.gtids());
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
                    assert!(!recovery::scan(&place.path().join("binlog.000002"), None).unwrap().is_in_use);
                    assert_ne!(own.gtids(), before, "{flavour:?} {origin:?}");
                } else {
                    assert_eq!(files(place.path()), ["binlog.000001", "binlog.000002"]);
                    assert_eq!(own.gtids(), before, "{flavour:?} {origin:?}");
                }
                log(&own, "CREATE TABLE after", Ok(())).unwrap();
            }
        }
    }
}
