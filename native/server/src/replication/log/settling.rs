//! The groups that a killed server left: whether they are kept, and in the databases that lack them.

use std::io;
use std::path::{Path, PathBuf};

use sealwire_binlog::Rows;

use super::super::files::LogFiles;
use super::super::group::{self, CommitMark, Format};
use super::super::gtids::Gtids;
use super::super::recovery::{self, Databases, GroupRows, LastGroup};
use super::file;
use super::prepared::{Prepared, Target, discard};

/// Whether the last group of a killed server's log is kept, because it was committed in a database. It is then carried out in the others, too.
pub(super) fn settle(path: &Path, found: &recovery::Scan, all: &dyn Databases) -> Result<bool, String> {
    let Some(LastGroup { start, databases, number: Some(number), statement, .. }) = &found.last else {
        return Ok(true);
    };
    if databases.is_empty() {
        return statement.as_ref().map_or(Ok(()), |statement| recovery::redo(statement, all)).map(|()| true);
    }
    let mark = group::mark_of(*number);
    let (with, without): (Vec<&String>, Vec<&String>) =
        databases.iter().partition(|database| all.is_committed(database, mark));
    let Some(whole) = with.first() else { return Ok(false) };
    for database in without {
        let mut rows = |each: &mut dyn FnMut(&Rows<'_>) -> Result<(), String>| {
            recovery::for_each_rows(path, *start, found.end, each)
        };
        match all.redo((database, whole), mark, &mut rows) {
            Ok(()) => tracing::warn!(
                "the server was killed within a commit: the last transaction of the binary log was in {with:?} and is now in '{database}', too"
            ),
            Err(why) => tracing::error!(
                "the last transaction in the binary log file '{}' was committed in {with:?} and not in '{database}', because the server was killed \
                 between the two, and it can't be carried out there ({why}): compare this database with a replica's",
                path.display()
            ),
        }
    }
    Ok(true)
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
            let last = recovery::scan(&path, None).ok().and_then(|found| found.last);
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
            let found = recovery::scan(&path, None).map_err(|error| failed(&error))?;
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

    fn redo(&self, databases: (&str, &str), mark: CommitMark, rows: &mut GroupRows<'_>) -> Result<(), String> {
        self.databases.redo(databases, mark, rows)
    }

    fn has(&self, database: &str) -> bool {
        self.databases.has(database)
    }

    fn create(&self, database: &str, collation: Option<&str>) -> Result<(), String> {
        self.databases.create(database, collation)
    }

    fn set_collation(&self, database: &str, collation: &str) -> Result<(), String> {
        self.databases.set_collation(database, collation)
    }

    fn remove(&self, database: &str) -> Result<(), String> {
        self.databases.remove(database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last group of the log is committed where its database has the mark of the large group after it.
    #[test]
    fn a_group_before_a_large_one_stays() {
        struct Marked(CommitMark);
        impl Databases for Marked {
            fn is_committed(&self, _: &str, mark: CommitMark) -> bool {
                mark == self.0
            }
            fn redo(&self, _: (&str, &str), _: CommitMark, _: &mut GroupRows<'_>) -> Result<(), String> {
                Err("nothing lacks a group".to_owned())
            }
            fn has(&self, _: &str) -> bool {
                true
            }
            fn set_collation(&self, _: &str, _: &str) -> Result<(), String> {
                Ok(())
            }
            fn create(&self, _: &str, _: Option<&str>) -> Result<(), String> {
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
