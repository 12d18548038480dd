//! Reads a server's log.

use std::cell::RefCell;
use std::rc::Rc;

use sealwire::events::{EventFlags, EventType};
use sealwire::{BinlogFollower, Client, ClientError, Followed, ReplicationSettings, Socket, StartPosition};
use sealwire_core::facts::{Facts, Verification};
use sealwire_core::printable;
use sealwire_core::random::Random as _;
use sealwire_net::random::OsRandom;
use sealwire_options::Values;

use super::super::connect::Connector;
use super::super::settings::ConnectionSettings;
use super::options::{Format, From, PROGRAM, Settings};
use super::raw::RawFiles;
use super::render::{Flow, Renderer};
use super::sink::{Sink, report};

/// Server ids from here on are this program's random ones, because people number their servers from 1 on.
const FIRST_RANDOM: u32 = 1 << 31;

/// A connector that the stream calls again when the connection is lost.
type Shared = Rc<RefCell<Connector>>;

/// Reads the log; the error is a sentence.
pub(super) fn run(settings: Settings, values: Values) -> Result<(), String> {
    let exists = |path: &str| std::path::Path::new(path).exists();
    let connection = ConnectionSettings::from_values(PROGRAM.name, &values, |name| std::env::var(name).ok(), exists)?;
    let connector = Rc::new(RefCell::new(Connector::new(connection, values)));
    let outcome = read(&settings, &connector);
    outcome.map_err(|problem| match problem {
        Problem::Sentence(sentence) => sentence,
        Problem::Client(error) => match connector.borrow().hint(&error) {
            Some(hint) => format!("{error}\n{hint}"),
            None => error.to_string(),
        },
    })
}

enum Problem {
    Client(ClientError),
    Sentence(String),
}

impl std::convert::From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl std::convert::From<String> for Problem {
    fn from(sentence: String) -> Self {
        Self::Sentence(sentence)
    }
}

/// Where the events go.
enum Target {
    Text(Box<Renderer>, Sink),
    Raw(RawFiles),
}

fn read(settings: &Settings, connector: &Shared) -> Result<(), Problem> {
    let mut target = if settings.raw {
        Target::Raw(RawFiles::new(settings.result_file.clone(), settings.files.first().map(String::as_str)))
    } else {
        Target::Text(Box::new(Renderer::new(settings)), Sink::new(settings.result_file.as_deref())?)
    };
    // Files behind the first have requests of their own, because they need not follow it.
    let files: Vec<Option<&String>> = match settings.files.as_slice() {
        [] => vec![None],
        [first, ..] if settings.to_last_log => vec![Some(first)],
        all => all.iter().map(Some).collect(),
    };
    let mut has_begun = false;
    let mut outcome = Ok(Flow::Continue);
    for (index, file) in files.iter().enumerate() {
        if let Target::Text(renderer, _) = &mut target {
            renderer.filter.is_last_file = index + 1 == files.len();
        }
        let position = settings.start_position.filter(|_| index == 0);
        outcome = start(settings, *file, position, connector)
            .and_then(|start| dump(settings, start, connector, &mut target, &mut has_begun));
        if !matches!(outcome, Ok(Flow::Continue)) {
            break;
        }
    }
    match &mut target {
        Target::Raw(files) => files.finish()?,
        Target::Text(renderer, sink) => {
            if outcome.is_ok() {
                renderer.end(sink.buffer());
            }
            sink.flush()?;
        }
    }
    outcome.map(drop)
}

/// Reads the log from a position on.
fn dump(
    settings: &Settings,
    start: StartPosition,
    connector: &Shared,
    target: &mut Target,
    has_begun: &mut bool,
) -> Result<Flow, Problem> {
    let mut replication = ReplicationSettings::new(settings.server_id.unwrap_or_else(random_server_id), start);
    replication.non_blocking = !settings.follow;
    replication.uuid = Some(random_uuid());
    // A copy is byte for byte as the server's file, so the statements behind rows belong to it.
    replication.annotations = settings.raw || settings.text.annotations;
    replication.register = settings.register.then(|| (String::new(), 0));
    let connect = {
        let connector = Rc::clone(connector);
        move || connector.borrow_mut().connect()
    };
    let mut follower = BinlogFollower::new(connect, replication)?;
    let flow = events(settings, &mut follower, target, has_begun)?;
    if let Target::Text(renderer, sink) = target {
        renderer.end_log(sink.buffer());
    }
    Ok(flow)
}

fn events<C: FnMut() -> Result<Client<Socket>, ClientError>>(
    settings: &Settings,
    follower: &mut BinlogFollower<C>,
    target: &mut Target,
    has_begun: &mut bool,
) -> Result<Flow, Problem> {
    let mut file: Vec<u8> = Vec::new();
    let mut is_first = true;
    loop {
        let next = match follower.next()? {
            Followed::Event(next) => next,
            Followed::Connected => {
                if let (Target::Text(renderer, sink), Some(stream)) = (&mut *target, follower.stream()) {
                    if settings.format != Format::Json {
                        sink.buffer().extend_from_slice(security(stream.facts()).as_bytes());
                    }
                    if !std::mem::replace(has_begun, true) {
                        renderer.begin(sink.buffer());
                    }
                    if std::mem::replace(&mut is_first, false) {
                        renderer.begin_log(sink.buffer());
                    }
                    sink.flush()?;
                }
                continue;
            }
            Followed::Lost(error, wait) => {
                report(&format!("{error}; the next attempt is in {} s", wait.as_secs()));
                continue;
            }
            Followed::End => return Ok(Flow::Continue),
        };
        let event = &next.event;
        if event.header.event_type == EventType::ROTATE
            && event.header.flags.contains(EventFlags::ARTIFICIAL)
            && let Some(name) = event.body.get(8..)
        {
            if !file.is_empty() && file != name && !settings.to_last_log {
                return Ok(Flow::Continue);
            }
            file = name.to_vec();
            match target {
                Target::Raw(files) => files.begin(name)?,
                Target::Text(renderer, _) => renderer.file = String::from_utf8_lossy(name).into_owned(),
            }
            continue;
        }
        match target {
            Target::Raw(files) => files.event(event)?,
            Target::Text(renderer, sink) => {
                let body = event.decode().map_err(|error| error.to_string())?;
                if renderer.event(event, &body, next.reader, sink.buffer())? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                // A reader of the output sees a change as soon as it comes.
                if settings.follow { sink.flush()? } else { sink.flush_some()? }
            }
        }
    }
}

/// The position at which to begin.
fn start(
    settings: &Settings,
    name: Option<&String>,
    position: Option<u64>,
    connector: &Shared,
) -> Result<StartPosition, Problem> {
    let file = |name: &str, position| StartPosition::File { name: name.as_bytes().to_vec(), position };
    match (&settings.from, name) {
        (Some(From::Position(start)), _) => Ok(start.clone()),
        (None, Some(name)) => {
            let position = position.unwrap_or(4);
            let position = u32::try_from(position)
                .map_err(|_| format!("option '--start-position': a server takes positions up to {} only", u32::MAX))?;
            Ok(file(name, position))
        }
        (Some(From::End), _) => {
            let (name, position) = end_of_log(&mut connector.borrow_mut().connect()?)?;
            Ok(file(&name, position))
        }
        (Some(From::Time(time)), _) => at_time(*time, settings, connector),
        (Some(From::Start), _) => Ok(file(&first_file(&mut connector.borrow_mut().connect()?)?, 4)),
        // Following without a place begins at the end.
        (None, None) => {
            let (name, position) = end_of_log(&mut connector.borrow_mut().connect()?)?;
            Ok(file(&name, position))
        }
    }
}

/// The names of the server's files, the oldest first.
fn files(client: &mut Client<Socket>) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    let mut result = client.query("SHOW BINARY LOGS").map_err(privilege)?;
    while let Some(row) = result.next()? {
        if let Some(Ok(Some(name))) = row.iter().next() {
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(names)
}

fn first_file(client: &mut Client<Socket>) -> Result<String, Problem> {
    files(client)?.into_iter().next().ok_or_else(|| Problem::Sentence("the server has no binary log".to_owned()))
}

/// The file and the position of the log's end. MySQL 8.4 has a new statement for it.
fn end_of_log(client: &mut Client<Socket>) -> Result<(String, u32), Problem> {
    let mut result = match client.query("SHOW MASTER STATUS") {
        Err(ClientError::Sql(error)) if error.code == 1064 => None,
        other => Some(other.map_err(privilege)?),
    };
    if result.is_none() {
        drop(result);
        result = Some(client.query("SHOW BINARY LOG STATUS").map_err(privilege)?);
    }
    let Some(mut result) = result else { return Err("the server tells no position".to_owned().into()) };
    let Some(row) = result.next()? else {
        return Err("the server has its binary log switched off (log_bin)".to_owned().into());
    };
    let mut values = row.iter().filter_map(|value| value.ok().flatten().map(String::from_utf8_lossy));
    let (name, position) = (values.next().unwrap_or_default().into_owned(), values.next().unwrap_or_default());
    // A position beyond 32 bits can't be requested.
    Ok((name, position.parse().unwrap_or(4)))
}

/// Adds the way out to a refused SHOW statement.
fn privilege(error: ClientError) -> Problem {
    match &error {
        ClientError::Sql(sql) if sql.code == 1227 => Problem::Sentence(format!(
            "{error}\nGrant the privilege (BINLOG MONITOR at MariaDB, REPLICATION CLIENT at MySQL), or name the place with --from=FILE:POSITION."
        )),
        _ => Problem::Client(error),
    }
}

/// The last file that begins before the time: its events may be of that time.
fn at_time(time: u32, settings: &Settings, connector: &Shared) -> Result<StartPosition, Problem> {
    let names = files(&mut connector.borrow_mut().connect()?)?;
    let mut found = names.first().cloned().ok_or_else(|| "the server has no binary log".to_owned())?;
    // Logs grow in time, so the newest file that begins early enough is the one.
    for name in names.into_iter().rev() {
        if began(&name, settings, connector)?.is_some_and(|began| began <= time) {
            found = name;
            break;
        }
    }
    Ok(StartPosition::File { name: found.into_bytes(), position: 4 })
}

/// The time of a file's first event.
fn began(name: &str, settings: &Settings, connector: &Shared) -> Result<Option<u32>, Problem> {
    let start = StartPosition::File { name: name.as_bytes().to_vec(), position: 4 };
    let mut replication = ReplicationSettings::new(settings.server_id.unwrap_or_else(random_server_id), start);
    replication.non_blocking = true;
    let mut stream = connector.borrow_mut().connect()?.binlog(replication)?;
    while let Some(next) = stream.next()? {
        if next.event.header.event_type == EventType::FORMAT_DESCRIPTION {
            return Ok(Some(next.event.header.timestamp));
        }
    }
    Ok(None)
}

fn random_server_id() -> u32 {
    let mut bytes = [0; 4];
    OsRandom::new().fill(&mut bytes);
    u32::from_le_bytes(bytes) | FIRST_RANDOM
}

/// A random UUID (RFC 9562, version 4).
fn random_uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRandom::new().fill(&mut bytes);
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    (*version, *variant) = (*version & 0x0f | 0x40, *variant & 0x3f | 0x80);
    bytes
}

/// How the connection is protected, as a comment.
fn security(facts: &Facts) -> String {
    let text = match &facts.tls {
        None => "plaintext: everyone between here and the server can read and change the log".to_owned(),
        Some(tls) => {
            let verified = match tls.verification {
                Verification::None => "the server is not verified",
                Verification::Ca => "the server's certificate comes from the given CA",
                Verification::CaAndIdentity => "the server is verified by the given CA",
                Verification::SystemRootsAndIdentity => "the server is verified by the system's CAs",
                Verification::Fingerprint => "the server is verified by its fingerprint",
            };
            format!("{} {}, {verified}", tls.version.name(), tls.cipher)
        }
    };
    format!("# Connection: {}\n", printable::line(&text))
}
