//! The applier on recorded logs, and on logs that these tests make.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use sealwire_accounts::Privilege;
use sealwire_binlog::{Event, EventType, Limits as ReadLimits, Reader};
use sealwire_core::auth::Plugin;
use sealwire_core::error::SqlError;
use sealwire_core::message::{ColumnDefinition, TextRow};
use sealwire_net::random::OsRandom;
use sealwire_options::tls::ServerTlsOptions;

use super::*;
use crate::accounts::AccountStore;
use crate::engine::{Limits, Request, RowSink, SessionContext, SqliteEngine, SystemTable};
use crate::initialize;
use crate::options::Initialize;
use crate::reload::Tls;
use crate::replication::BinaryLog;
use crate::settings::Globals;
use crate::sql::{Datum, Names};

mod hostile;
mod keys;
mod made;
mod partial;
mod recorded;
mod round_trip;
mod xa;

/// The file that the tests' source writes.
const FILE: &[u8] = b"bin.000001";

/// All privileges, and nothing else.
struct Anyone;

impl Names for Anyone {
    fn name(&self, _: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        Ok(None)
    }

    fn function(&self, _: &str) -> Option<Datum> {
        None
    }
}

impl SessionContext for Anyone {
    fn system_table(&self, _: &str, _: &str) -> Option<SystemTable> {
        None
    }

    fn may(&self, _: Privilege, _: &str, _: Option<&str>) -> bool {
        true
    }

    fn sees_database(&self, _: &str) -> bool {
        true
    }

    fn sees(&self, _: &str, _: &str) -> bool {
        true
    }

    fn denied(&self, _: Privilege, _: &str, _: Option<&str>) -> SqlError {
        SqlError::new(1142, b"42000", "denied")
    }
}

/// The rows of a query, as texts.
#[derive(Default)]
struct Rows(Vec<Vec<u8>>, Vec<u8>);

impl RowSink for Rows {
    fn begin(&mut self, _: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        Ok(())
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.1
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        self.0.push(std::mem::take(&mut self.1));
        Ok(())
    }
}

/// A server that is a replica.
struct World {
    server: Arc<Server>,
    directory: Arc<tempfile::TempDir>,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        initialize::make(&path, Initialize::NoPassword, Plugin::CachingSha2Password, &OsRandom::new()).unwrap();
        Self { server: Self::open(&path, None), directory: Arc::new(directory) }
    }

    fn open(path: &Path, log: Option<Arc<BinaryLog>>) -> Arc<Server> {
        let accounts = AccountStore::open(path, &OsRandom::new()).unwrap();
        let tls = Tls::load(ServerTlsOptions::default()).unwrap();
        let mut engine = SqliteEngine::new(path);
        engine.recover();
        if let Some(log) = &log {
            engine.log_to(Arc::clone(log));
        }
        let globals = Globals::default();
        let plugin = Plugin::CachingSha2Password;
        Arc::new(Server::new(path.to_owned(), globals, tls, accounts, Box::new(engine), plugin, log).unwrap())
    }

    /// The same data, as a server that was started again has it.
    fn restarted(&self) -> Self {
        let path = self.directory.path().join("data");
        Self { server: Self::open(&path, None), directory: Arc::clone(&self.directory) }
    }

    fn applier(&self) -> Applier {
        self.filtering(Filters::default())
    }

    fn filtering(&self, filters: Filters) -> Applier {
        Applier::new(&self.server, "", filters).unwrap()
    }

    fn run(&self, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
        let mut session = self.server.engine.session()?;
        let context: Arc<dyn SessionContext> = Arc::new(Anyone);
        let request = Request {
            sql,
            parameters: &[],
            database: Some("d"),
            context: &context,
            binary: false,
            autocommit: true,
            limits: Limits::default(),
        };
        let mut rows = Rows::default();
        session.execute(&request, &mut rows)?;
        let text = |value: Option<&[u8]>| {
            value.map_or_else(|| "NULL".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
        };
        Ok(rows.0.iter().map(|row| TextRow::new(row).iter().map(|value| text(value.unwrap())).collect()).collect())
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).iter().map(|row| row.join(" ")).collect()
    }
}

/// Passes each event of a file.
fn each(log: &[u8], mut take: impl FnMut(&Event<'_>)) {
    let (mut rest, mut reader) = (log, Reader::file(ReadLimits::default()));
    while let Some(event) = reader.next(&mut rest).unwrap() {
        take(&event);
    }
}

fn place(event: &Event<'_>) -> SourcePlace<'static> {
    SourcePlace { file: FILE, end_position: event.header.end_log_pos.into() }
}

/// Applies a whole log; returns what ended, or the first error.
fn feed(applier: &mut Applier, log: &[u8]) -> Result<Vec<Boundary>, ApplierError> {
    let mut ended = Vec::new();
    let mut failed = None;
    each(log, |event| {
        if failed.is_some() {
            return;
        }
        match applier.apply(event, place(event)) {
            Ok(Boundary::None) => {}
            Ok(boundary) => ended.push(boundary),
            Err(error) => failed = Some(error),
        }
    });
    failed.map_or(Ok(ended), Err)
}
