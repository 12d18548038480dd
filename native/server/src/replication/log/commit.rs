//! Commits: groups are appended, what they tell of is committed, and only then readers get them.

use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::sync::atomic::Ordering;

use sealwire_core::error::SqlError;
use sealwire_core::random::Random as _;

use super::super::events::Placer;
use super::super::group::{self, CommitMark, Contents, Statement};
use super::super::place::Place;
use super::super::semi_sync::Awaited;
use super::file::put_rows;
use super::prepared::LARGE_GROUP;
use super::{BinaryLog, Group, Writer, unwritable};
use crate::sync::MutexGuard;

impl BinaryLog {
    /// Logs a group and commits it: marks the databases, appends the group, commits, and only then lets readers have it. After an error nothing
    /// of the group is in the log. Returns the commit where it is to wait for a replica.
    ///
    /// # Errors
    /// 1026 where the log can't be written, and those of `mark` and `commit`.
    pub(crate) fn commit(
        &self,
        group: Group<'_>,
        mark: impl FnOnce(CommitMark) -> Result<(), SqlError>,
        commit: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<Option<Awaited>, SqlError> {
        let databases = match group {
            Group::Rows(cache, origin, databases)
                if cache.length() >= LARGE_GROUP && cache.contents() == Contents::Changes =>
            {
                return self.commit_large((cache, origin), databases, mark, commit);
            }
            Group::Rows(_, _, databases) => Some(databases),
            Group::Statement(_) => None,
        };
        let mut writer = self.open_writer(databases)?;
        let number = self.group_number();
        mark(group::mark_of(number))?;
        let (length, is_statement) = match &group {
            Group::Rows(cache, ..) => (cache.length(), false),
            Group::Statement(statement) => (statement.text.len() as u64, true),
        };
        let is_own = group.origin().is_none();
        self.files.refuse_if_short(length, is_statement).map_err(|reason| unwritable(&reason))?;
        self.append_all(&mut writer, |log, writer| log.append(writer, group, number), |_| commit())?;
        Ok(self.release(&mut writer, is_own))
    }

    /// Logs statements, each as a group of its own, and makes the change that they tell of, which gets the place behind them. After an error
    /// nothing of them is in the log.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub(crate) fn commit_statements(
        &self,
        statements: &[Statement<'_>],
        change: impl FnOnce(&Place) -> Result<(), SqlError>,
    ) -> Result<Option<Awaited>, SqlError> {
        let mut writer = self.open_writer(None)?;
        let length = statements.iter().map(|statement| statement.text.len() as u64).sum();
        let is_own = statements.iter().all(|statement| statement.origin.is_none());
        self.files.refuse_if_short(length, true).map_err(|reason| unwritable(&reason))?;
        let append = |log: &Self, writer: &mut Writer| {
            statements
                .iter()
                .try_for_each(|statement| log.append(writer, Group::Statement(statement), log.group_number()))
        };
        self.append_all(&mut writer, append, change)?;
        Ok(self.release(&mut writer, is_own))
    }

    /// The lock of the log, where it can be written, once large groups of these databases are in it.
    fn open_writer(&self, databases: Option<&[&str]>) -> Result<MutexGuard<'_, Writer>, SqlError> {
        let writer = self.writer_after(databases);
        match &writer.broken {
            Some(reason) => Err(unwritable(reason)),
            None => Ok(writer),
        }
    }

    /// Appends groups and commits; after an error the groups are removed.
    fn append_all(
        &self,
        writer: &mut Writer,
        append: impl FnOnce(&Self, &mut Writer) -> io::Result<()>,
        commit: impl FnOnce(&Place) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let (start, gtids) = (writer.end, writer.gtids.clone());
        let logged = append(self, writer).map_err(|error| unwritable(&error));
        let Err(error) = logged.and_then(|()| commit(&writer.place())) else { return Ok(()) };
        writer.gtids = gtids;
        writer.end = start;
        if let Err(broken) = writer.file.set_len(start).and_then(|()| writer.file.seek(SeekFrom::Start(start))) {
            let reason = format!("the part of a group that failed can't be removed: {broken}");
            tracing::error!("the binary log: {reason}; no change is possible until the server is started again");
            writer.broken = Some(reason);
        }
        Err(error)
    }

    /// Lets readers have what was committed.
    pub(super) fn release(&self, writer: &mut Writer, is_own: bool) -> Option<Awaited> {
        // Before a replica can have the group, so that it is asked for it.
        let awaited = self.semi_sync.commit(writer.name(), writer.end, is_own);
        self.publish(writer);
        self.rotate_if_long(writer);
        awaited
    }

    /// A number that no other group is likely to have.
    pub(super) fn group_number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn append(&self, writer: &mut Writer, group: Group<'_>, number: u64) -> io::Result<()> {
        let origin = group.origin();
        let own_id = self.settings.server_id.load(Ordering::Relaxed);
        let server_id = origin.map_or(own_id, |origin| origin.server_id);
        let mut out = Vec::new();
        let mut placer = Placer { out: &mut out, position: writer.end, server_id, checksum: self.format.checksum };
        match group {
            Group::Rows(cache, ..) => {
                let length = cache.length() + cache.events()? * self.format.checksum_bytes();
                let group = (origin, cache.contents());
                group::put_begin(&self.format, &mut writer.gtids, group, length, &mut placer);
                put_rows(cache, number, &mut placer, &mut writer.file)?;
            }
            Group::Statement(statement) => {
                group::put_statement(&self.format, &mut writer.gtids, statement, number, &mut placer);
            }
        }
        let end = placer.position;
        writer.file.write_all(&out)?;
        writer.end = end;
        writer.unsynced += 1;
        let sync_each = self.settings.sync_each.load(Ordering::Relaxed);
        if sync_each > 0 && writer.unsynced >= sync_each {
            writer.file.sync_data()?;
            writer.unsynced = 0;
        }
        Ok(())
    }
}
