//! The thread that receives a source's log, and stores it in the relay log.

use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sealwire::{Boundary, Client, ClientError, Progress, ReplicationSettings, Socket, StreamEvent};
use sealwire_binlog::{Body, Event, EventFlags, EventType};
use sealwire_core::client::Source;
use sealwire_core::error::{Error, Side, SqlError};
use sealwire_core::printable;
use sealwire_core::secret::Secret;

use super::channel::{Channel, Part, Phase, Resume, SourceFacts};
use super::connect::{address, config, explained, explained_login};
use super::settings::Settings;
use super::standing::Standing;
use crate::state::Server;

/// MySQL's error number of a thread that stops for good.
const FATAL: u16 = 1593;
/// The error number of a relay log that can't be written.
const RELAY_LOG_WRITE: u16 = 1595;
/// The error numbers after which the log is requested again: the source stops, ended the connection, or does not grant the log yet.
const PASSING: [u16; 8] = [1045, 1053, 1227, 1317, 1597, 1927, 4031, 4166];
/// How long the receiver waits for the applier where the relay log is full, before it looks again.
const FULL_WAIT: Duration = Duration::from_millis(200);
/// The bytes after which the free disk space is looked at again.
const DISK_CHECKED_EACH: u64 = 1 << 20;
/// The fewest digits of a log file's number.
const FEWEST_DIGITS: usize = 6;
/// The longest name of a log file, in bytes.
const LONGEST_NAME: usize = 255;
/// The most characters of the source's UUID, because the source may send anything.
const MOST_UUID: usize = 64;
/// The most ranges of GTIDs that a source's transactions may have, because each transaction costs as much as there are ranges.
const MOST_GTID_RANGES: usize = 10_000;

/// Why a connection is over.
enum End {
    /// STOP came.
    Stopped,
    /// Another connection may go on.
    Lost(SqlError),
    /// No other connection would help.
    Fatal(SqlError),
}

/// Receives until STOP or an error that no other connection cures.
pub(super) fn run(server: &Server, channel: &Channel) -> Result<(), SqlError> {
    let mut attempts = 0;
    while !channel.must_stop(Part::Receiver) {
        doing(channel, Phase::Connecting, "Connecting to master");
        let (mut has_group, begun) = (false, Instant::now());
        let end = receive(server, channel, &mut has_group);
        let broken_off = channel.relay().break_off();
        {
            let mut state = channel.state();
            (state.link, state.tls) = (None, None);
        }
        let error = match (end, broken_off) {
            (End::Stopped, _) => break,
            _ if channel.must_stop(Part::Receiver) => break,
            (_, Err(error)) => unwritten(&error),
            (End::Fatal(error), _) => return Err(error),
            (End::Lost(error), _) => error,
        };
        let settings = channel.state().settings.clone();
        let (most, delay) = (settings.retry_count, settings.connect_retry);
        // A source that ends each connection soon and a full disk wait for the delay, so that they take no processor.
        let has_lasted = has_group || begun.elapsed() >= Duration::from_secs(delay);
        let is_at_once = has_lasted && error.code != RELAY_LOG_WRITE;
        attempts = if is_at_once { 1 } else { attempts + 1 };
        let shown_most = if most == 0 { "unlimited".to_owned() } else { most.to_string() };
        let message = format!(
            "Error connecting to source '{}@{}:{}'. This was attempt {attempts}/{shown_most}, with a delay of {delay} seconds between attempts. \
             Message: {}",
            settings.user, settings.host, settings.port, error.message
        );
        tracing::warn!("replication channel '{}': {message}", channel.name);
        let error = SqlError { message, ..error };
        if most != 0 && attempts >= most {
            return Err(error);
        }
        {
            let mut state = channel.state();
            state.receiver.fail(error);
            state.receiver.phase = Phase::Connecting;
            state.receiver.doing = "Waiting to reconnect after a failed master event read";
        }
        if !is_at_once {
            channel.pause(Duration::from_secs(delay));
        }
    }
    Ok(())
}

fn doing(channel: &Channel, phase: Phase, text: &'static str) {
    let mut state = channel.state();
    state.receiver.phase = phase;
    state.receiver.doing = text;
}

fn unwritten(error: &io::Error) -> SqlError {
    SqlError::new(RELAY_LOG_WRITE, b"HY000", format!("Relay log write failure: {error}"))
}

/// Connects and receives until the connection is over. `has_group` says whether a whole group came.
fn receive(server: &Server, channel: &Channel, has_group: &mut bool) -> End {
    let (settings, login, resume) = {
        let state = channel.state();
        (state.settings.clone(), state.login.clone(), state.resume.clone())
    };
    let Some(resume) = resume else { return End::Fatal(fatal("the place in the source's log is not known")) };
    let server_id = u32::try_from(server.globals.server_id.get()).unwrap_or(0);
    if server_id == 0 {
        return End::Fatal(fatal("this server's server_id is 0, which no replica may have: SET GLOBAL server_id"));
    }
    if let Err(error) = channel.relay().begin_connection(server_id) {
        return End::Lost(unwritten(&error));
    }
    let connected = log_in(channel, &settings, &login);
    let client = match connected {
        Ok(client) => client,
        Err(end) => return end,
    };
    doing(channel, Phase::Connecting, "Requesting binlog dump");
    let mut standing = Standing::new(server, client.facts().tls.as_ref());
    let mut stream = match client.binlog(request(server, &settings, &resume, server_id)) {
        Ok(stream) => stream,
        Err(error) => return refused(&error, &settings),
    };
    if let Err(end) = note_source(server, channel, stream.source()) {
        return end;
    }
    {
        let mut state = channel.state();
        state.receiver.phase = Phase::Running;
        state.receiver.doing = "Waiting for master to send event";
        state.receiver.error = None;
    }
    let has_semi_sync = stream.source().semi_sync;
    let mut is_open = false;
    // A request has 32 bits of the position, so a longer file comes from its beginning.
    let skip_to = if u32::try_from(resume.position).is_ok() { 0 } else { resume.position };
    let globals = &server.globals;
    let mut unchecked = u64::MAX;
    loop {
        if !is_open {
            wait_for_room(channel, globals.relay_log_space_limit.get());
        }
        if unchecked >= DISK_CHECKED_EACH && !channel.relay().has_room(DISK_CHECKED_EACH) {
            let progress = stream.progress();
            // A file that is applied is removed only when another one follows.
            if !is_open && let Err(error) = publish(channel, progress, progress.position(), 0, false) {
                return End::Lost(unwritten(&error));
            }
            wait_for_disk(channel, DISK_CHECKED_EACH, is_open);
        }
        if unchecked >= DISK_CHECKED_EACH {
            unchecked = 0;
        }
        let next = match stream.next() {
            // Also a heartbeat, so that this comes about in time where the source has nothing to send.
            Ok(Some(next)) => match standing.check(server, &settings) {
                Ok(()) => next,
                Err(error) => return End::Lost(error),
            },
            Ok(None) => {
                return End::Lost(SqlError::new(2013, b"HY000", "the source ended the binary log, as at its shutdown"));
            }
            Err(_) if channel.must_stop(Part::Receiver) => return End::Stopped,
            Err(error) => return lost(&error, &settings),
        };
        let is_relayed = next.event.header.event_type == EventType::ROTATE
            || next.event.header.event_type == EventType::FORMAT_DESCRIPTION
            || next.reader.position() > skip_to;
        match next.boundary {
            Boundary::Inside => is_open = true,
            Boundary::Commit => is_open = false,
            Boundary::Outside => {}
        }
        let is_commit = next.boundary == Boundary::Commit;
        let position = next.reader.position();
        if !is_relayed {
            continue;
        }
        if let Some(name) = unusual_name(&next.event) {
            return End::Fatal(fatal(&format!(
                "the source names its log file '{name}', and a server's files are named with a number behind a point"
            )));
        }
        let length = next.event.bytes.len() as u64;
        unchecked = unchecked.saturating_add(length);
        if length >= DISK_CHECKED_EACH && !channel.relay().has_room(length) {
            wait_for_disk(channel, length, is_open);
        }
        match store(channel, next) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => return End::Lost(unwritten(&error)),
        }
        if is_open {
            continue;
        }
        if stream.progress().gtid_ranges() > MOST_GTID_RANGES {
            return End::Fatal(fatal(&format!(
                "the source's transactions have GTIDs in more than {MOST_GTID_RANGES} domains or intervals"
            )));
        }
        let most = match globals.max_relay_log_size.get() {
            0 => globals.max_binlog_size.get(),
            most => most,
        };
        if let Err(error) = publish(channel, stream.progress(), position, most, is_commit && has_semi_sync) {
            return End::Lost(unwritten(&error));
        }
        *has_group |= is_commit;
        if is_commit && let Err(error) = stream.acknowledge() {
            return lost(&error, &settings);
        }
    }
}

/// Connects in a thread of its own, because a connection to a host that does not answer can't be given up otherwise.
fn connect(channel: &Channel, settings: &Settings, most: Duration) -> Result<Socket, End> {
    let (sender, receiver) = mpsc::channel();
    let (to, local) = (address(settings), Some(settings.bind.clone()).filter(|bind| !bind.is_empty()));
    let connecting = std::thread::Builder::new().name("replica-connect".to_owned()).spawn(move || {
        // Nobody waits for the answer after STOP.
        let _ = sender.send(Socket::connect_from(&to, local.as_deref(), most));
    });
    if let Err(error) = connecting {
        return Err(End::Lost(SqlError::new(1135, b"HY000", format!("Can't create a new thread: {error}"))));
    }
    loop {
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => return Err(End::Lost(explained(&error, settings))),
            Err(mpsc::RecvTimeoutError::Timeout) if !channel.must_stop(Part::Receiver) => {}
            Err(_) => return Err(End::Stopped),
        }
    }
}

fn log_in(
    channel: &Channel,
    settings: &Settings,
    login: &(Option<String>, Option<Secret>),
) -> Result<Client<Socket>, End> {
    let config = config(&channel.name, settings, login).map_err(End::Lost)?;
    let socket = connect(channel, settings, config.connect_timeout)?;
    {
        let mut state = channel.state();
        if let Socket::Tcp(stream) = &socket {
            state.link = stream.try_clone().ok();
        }
        // A STOP before this found no connection to end.
        if channel.must_stop(Part::Receiver) {
            return Err(End::Stopped);
        }
    }
    let tls = config.tls.clone();
    let client = Client::log_in(socket, config).map_err(|error| End::Lost(explained_login(&error, settings, &tls)))?;
    channel.state().tls.clone_from(&client.facts().tls);
    Ok(client)
}

/// The request for the log.
fn request(server: &Server, settings: &Settings, resume: &Resume, server_id: u32) -> ReplicationSettings {
    let globals = &server.globals;
    let mut request = ReplicationSettings::new(server_id, resume.start.clone());
    let net_timeout = Duration::from_secs(globals.slave_net_timeout.get());
    let heartbeat = settings.heartbeat;
    request.heartbeat = (!heartbeat.is_zero()).then_some(heartbeat);
    // Two periods without a heartbeat mean that the source is gone, or what is between.
    request.silence = Some(if heartbeat.is_zero() { net_timeout } else { (heartbeat * 2).max(Duration::from_secs(1)) });
    request.annotations = server.log.is_some();
    request.uuid = uuid(&globals.server_uuid.get());
    let port = u16::try_from(globals.report_port.get()).ok().filter(|port| *port != 0);
    let own_port = u16::try_from(globals.port.get()).unwrap_or(0);
    request.register = Some((globals.report_host.get().to_string(), port.unwrap_or(own_port)));
    request.semi_sync = globals.rpl_semi_sync_slave_enabled.is_on();
    request
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

/// Notes who the source is.
fn note_source(server: &Server, channel: &Channel, source: &Source) -> Result<(), End> {
    let own = server.globals.server_uuid.get();
    if source.uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(&own)) {
        return Err(End::Fatal(fatal(
            "source and replica have equal MySQL server UUIDs; these UUIDs must be different for replication to work",
        )));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let ahead = source.clock.map_or(0, |clock| clock.cast_signed() - now.cast_signed());
    channel.state().source = SourceFacts {
        server_id: source.server_id.unwrap_or(0),
        uuid: source.uuid.as_deref().unwrap_or_default().chars().take(MOST_UUID).collect(),
        clock_ahead: ahead,
        has_semi_sync: source.semi_sync,
    };
    Ok(())
}

/// Stores an event; false for one that is not kept.
fn store(channel: &Channel, next: StreamEvent<'_>) -> io::Result<bool> {
    let StreamEvent { event, reader, .. } = next;
    let is_artificial = event.header.flags.contains(EventFlags::ARTIFICIAL);
    match event.header.event_type {
        EventType::HEARTBEAT | EventType::HEARTBEAT_V2 => {
            let mut state = channel.state();
            state.heartbeats += 1;
            state.last_heartbeat = Some(SystemTime::now());
            return Ok(false);
        }
        EventType::ROTATE if is_artificial => {
            if let Ok(Body::Rotate(rotate)) = event.decode() {
                channel.relay().source_file(rotate.file, rotate.position)?;
            }
        }
        _ => {
            let mut relay = channel.relay();
            if !relay.has_begun() {
                // The source has sent no ROTATE, so its events are where they were requested.
                let (file, position) = channel.state().read.clone();
                relay.source_file(&file, position)?;
            }
            relay.append(&event, reader.checksum())?;
        }
    }
    Ok(true)
}

/// Waits while the relay log has more than `most` bytes and the applier is behind; 0 stands for no limit.
fn wait_for_room(channel: &Channel, most: u64) {
    while most > 0 && channel.relay().space() > most && !channel.must_stop(Part::Receiver) {
        let is_behind = {
            let state = channel.state();
            state.applier.is_running() && !state.has_caught_up
        };
        if !is_behind {
            break;
        }
        channel.pause(FULL_WAIT);
    }
}

/// Waits while the disk has no room for so many bytes beside what tables need. Where a group is open and all before it is applied, nothing makes
/// room any more: then it does not wait, so that the group is refused.
fn wait_for_disk(channel: &Channel, length: u64, is_open: bool) {
    tracing::warn!(
        "replication channel '{}': the receiver waits, because less than a tenth of the relay log's file system would be free; make room there",
        channel.name
    );
    let before =
        std::mem::replace(&mut channel.state().receiver.doing, "Waiting for free disk space for the relay log");
    let is_hopeless = || is_open && channel.state().has_caught_up;
    while !channel.must_stop(Part::Receiver) && !channel.relay().has_room(length) && !is_hopeless() {
        channel.pause(FULL_WAIT);
    }
    channel.state().receiver.doing = before;
}

/// The printable name of a file that an event begins, where no server names its files so.
fn unusual_name(event: &Event<'_>) -> Option<String> {
    if event.header.event_type != EventType::ROTATE {
        return None;
    }
    let Ok(Body::Rotate(rotate)) = event.decode() else { return None };
    (!is_usual_name(rotate.file)).then(|| {
        let name = rotate.file.get(..LONGEST_NAME).unwrap_or(rotate.file);
        printable::line(&String::from_utf8_lossy(name)).into_owned()
    })
}

/// Whether a server may name a file of its log so.
fn is_usual_name(name: &[u8]) -> bool {
    let is_number = |digits: &str| digits.len() >= FEWEST_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    std::str::from_utf8(name).is_ok_and(|name| {
        name.len() <= LONGEST_NAME
            && !name.chars().any(|character| character.is_control() || character == '/')
            && name.rsplit_once('.').is_some_and(|(base, number)| !base.is_empty() && is_number(number))
    })
}

/// Lets the applier have all that was stored, up to this position in the source's file.
fn publish(channel: &Channel, progress: &Progress, position: u64, most: u64, syncs: bool) -> io::Result<()> {
    {
        let mut relay = channel.relay();
        relay.publish(most, (progress.file(), progress.position()))?;
        if syncs {
            relay.sync()?;
        }
    }
    {
        let mut state = channel.state();
        state.read = (progress.file().to_vec(), position);
        state.resume = Some(Resume { start: progress.resume(), position: progress.position() });
        state.has_caught_up = false;
    }
    channel.relay_grew();
    Ok(())
}

fn fatal(why: &str) -> SqlError {
    SqlError::new(FATAL, b"HY000", format!("Fatal error: The replica I/O thread stops because {why}"))
}

/// The end of a connection whose set-up failed.
fn refused(error: &ClientError, settings: &Settings) -> End {
    match error {
        ClientError::Connection(Error::Refused { by: Side::Client, error }) => End::Fatal(SqlError {
            message: format!("Fatal error: The replica I/O thread stops because {}", error.message),
            ..error.clone()
        }),
        error => lost(error, settings),
    }
}

/// The end of a connection that an error ended.
fn lost(error: &ClientError, settings: &Settings) -> End {
    match error {
        ClientError::Connection(Error::Refused { by: Side::Server, error }) if PASSING.contains(&error.code) => {
            End::Lost(error.clone())
        }
        ClientError::Connection(Error::Refused { by: Side::Server, error }) => {
            let (code, text) = (error.code, &error.message);
            let message = format!("Got fatal error {code} from source when reading data from binary log: '{text}'");
            End::Fatal(SqlError { message, ..error.clone() })
        }
        ClientError::Binlog(_) | ClientError::Gtid(_) => End::Fatal(error.to_sql_error()),
        error => End::Lost(explained(error, settings)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_its_files_as_servers_do() {
        for name in ["bin.000001", "mysql-bin.1000000", "a.b.000009", "b\u{e4}r.000001"] {
            assert!(is_usual_name(name.as_bytes()), "{name}");
        }
        let long = format!("{}.000001", "x".repeat(LONGEST_NAME));
        for name in
            ["", "bin", ".000001", "bin.00001", "bin.00000x", "../bin.000001", "a\nb.000001", "\u{1b}.000001", &long]
        {
            assert!(!is_usual_name(name.as_bytes()), "{name:?}");
        }
        assert!(!is_usual_name(b"\xff.000001"));
    }
}
