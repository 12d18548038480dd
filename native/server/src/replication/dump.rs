//! Sends the log to a replica or a tool, in a thread of its own.
//!
//! The thread reads the files up to the end that [`BinaryLog`] publishes, and hands batches of packets to the connection, which takes one after
//! the other as the client reads. It reads the next part of a file only when the connection has taken the last one, so that a client that does not
//! read holds two batches at most, and delays its own thread alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sealwire_binlog::{Checksum, EventFlags, EventHeader, EventType, Flavour, HEADER, MariaDbGtidSet};
use sealwire_core::error::SqlError;
use sealwire_core::message::SemiSyncAck;
use sealwire_core::printable;
use sealwire_core::server::RowBatch;
use sealwire_core::wire::Put as _;

use super::control::{Control, Stop};
use super::events::{CHECKSUM, FIRST_POSITION, whole};
use super::filter::{Filter, Passing};
use super::log::BinaryLog;
use super::request::DumpRequest;
use super::start::{self, Start, refused};
use crate::memory::{self, Held};
use crate::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// A large event is in memory this many times beside its packet, which counts by itself: as read, and encrypted.
const COPIES: usize = 2;
/// How many bytes of a file are read at once, unless an event has more.
const CHUNK: u64 = 64 * 1024;

/// A piece of a dump.
pub(crate) enum DumpPart {
    /// Packets, and their memory.
    Events(RowBatch, Held),
    /// The end: by the client's own wish, or for a reason.
    End(Option<SqlError>),
}

/// The connection's end of a dump. Dropping it ends the dump.
pub(crate) struct Dump {
    acknowledges: bool,
    receiver: Receiver<DumpPart>,
    control: Arc<Control>,
    log: Arc<BinaryLog>,
}

impl Dump {
    /// Whether the replica acknowledges what it has stored.
    pub(crate) const fn acknowledges(&self) -> bool {
        self.acknowledges
    }

    /// Says what the dump does, in the words of the product whose log it is.
    pub(crate) fn doing(&self) -> Box<dyn Fn() -> &'static str + Send + Sync> {
        let (control, flavour) = (Arc::clone(&self.control), self.log.format.flavour);
        Box::new(move || match (flavour, control.waits()) {
            (Flavour::MariaDb, true) => "Master has sent all binlog to slave; waiting for more updates",
            (Flavour::MariaDb, false) => "Sending binlog event to slave",
            (Flavour::MySql, true) => "Source has sent all binlog to replica; waiting for more updates",
            (Flavour::MySql, false) => "Sending binlog event to replica",
        })
    }

    /// The next part.
    ///
    /// # Errors
    /// Where there is none yet, or the thread is gone.
    pub(crate) fn next(&self) -> Result<DumpPart, TryRecvError> {
        let part = self.receiver.try_recv()?;
        self.control.take();
        Ok(part)
    }

    /// Notes that the replica has stored the log up to this position.
    ///
    /// # Errors
    /// 1236 where it was not asked for that.
    pub(crate) fn acknowledge(&self, file: &str, position: u64) -> Result<(), SqlError> {
        let Some(number) = self.control.acknowledged(file, position) else {
            let message = format!(
                "The replica has acknowledged the position {position} of the binary log file '{}', for which it was not asked",
                printable::line(file)
            );
            return Err(SqlError::new(1236, b"HY000", message));
        };
        self.log.semi_sync.count_acknowledgement();
        self.log.semi_sync.reached(number);
        Ok(())
    }
}

impl Drop for Dump {
    fn drop(&mut self) {
        self.control.leave();
        self.log.wake_readers();
    }
}

/// All that a dump needs of the server.
pub(crate) struct Surroundings {
    pub(crate) log: Arc<BinaryLog>,
    /// The last GTID of each domain of MariaDB's that this server has applied as a replica.
    pub(crate) applied: MariaDbGtidSet,
    /// Checks whether the client may receive the log, and says when to check again; called at every wake and before each part of a file.
    pub(crate) right: Box<dyn Fn() -> Result<Instant, SqlError> + Send>,
    /// The memory of all connections: `global_connection_memory_limit`.
    pub(crate) most_memory: u64,
    /// Wakes the connection.
    pub(crate) wake: Box<dyn Fn() + Send>,
}

/// Starts a dump; `call` calls a function in another thread, where `find_start` reads where the client wants to begin, because a client may
/// have a million GTIDs.
///
/// # Errors
/// Those of `call`, and of [`Replicas::begin`].
pub(crate) fn start(
    request: DumpRequest,
    surroundings: Surroundings,
    find_start: impl FnOnce() -> Result<Start, SqlError> + Send + 'static,
    call: impl FnOnce(Box<dyn FnOnce() + Send>) -> Result<(), SqlError>,
) -> Result<Dump, SqlError> {
    let (sender, receiver) = sync_channel(1);
    let control = Arc::<Control>::default();
    let log = Arc::clone(&surroundings.log);
    log.replicas.begin(request.connection, request.server_id, &request.account, &control)?;
    log.wake_readers();
    let acknowledges = request.acknowledges;
    let thread = Sender {
        request,
        surroundings,
        control: Arc::clone(&control),
        sender: Some(sender),
        batch: RowBatch::default(),
        held: Held::default(),
        sent_at: Instant::now(),
        check_at: Instant::now(),
        version: 0,
        has_sent: false,
    };
    if acknowledges {
        log.semi_sync.enter();
    }
    call(Box::new(move || thread.run(find_start)))?;
    Ok(Dump { acknowledges, receiver, control, log })
}

struct Sender {
    request: DumpRequest,
    surroundings: Surroundings,
    control: Arc<Control>,
    sender: Option<SyncSender<DumpPart>>,
    batch: RowBatch,
    /// The memory of a large event, until the client has taken it.
    held: Held,
    sent_at: Instant,
    check_at: Instant,
    /// The wakes of the log that were seen.
    version: u64,
    /// Whether a part of a group was sent.
    has_sent: bool,
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Also after a panic the connection must not wait for a thread that is gone.
        self.sender = None;
        if self.request.acknowledges {
            self.surroundings.log.semi_sync.leave();
        }
        self.surroundings.log.replicas.end(self.request.connection, &self.control);
        (self.surroundings.wake)();
    }
}

/// A file that is being sent.
struct Sent {
    name: Arc<str>,
    file: File,
    position: u64,
    /// How its events end.
    checksum: Checksum,
}

impl Sender {
    fn run(mut self, find_start: impl FnOnce() -> Result<Start, SqlError>) {
        let stop = match find_start() {
            Ok(start) => self.send_all(start),
            Err(error) => Stop::Refused(error),
        };
        let (connection, account) = (self.request.connection, self.request.account.as_str());
        let said = |reason: &dyn std::fmt::Display| {
            tracing::info!("the dump of the binary log to connection {connection} of {account} has ended: {reason}");
        };
        let end = match stop {
            Stop::Left => return said(&"the connection is gone"),
            Stop::Done => None,
            Stop::Refused(reason) => {
                said(&reason);
                Some(reason)
            }
        };
        if self.flush().is_ok() {
            let _ = self.give(DumpPart::End(end));
        }
    }

    fn send_all(&mut self, start: Start) -> Stop {
        match self.send_files(Filter::new(&self.request, start)) {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    fn send_files(&mut self, mut filter: Filter) -> Result<std::convert::Infallible, Stop> {
        let log = Arc::clone(&self.surroundings.log);
        let begins = start::locate(&log, filter.start(), &self.surroundings.applied)?;
        filter.judge_later(begins.unknown);
        let (mut name, mut position) = (begins.file, begins.position);
        loop {
            self.control.read(&name);
            let file = log.open_file(&name).map_err(|_| start::unknown_file())?;
            self.put_rotation(&name, position);
            let mut sent = Sent { file, name, position, checksum: log.format.checksum };
            self.send_format(&mut sent)?;
            self.send_file(&mut sent, &mut filter)?;
            // The file has ended, because another follows it.
            let next = log.names().into_iter().skip_while(|name| **name != *sent.name).nth(1);
            name = next.ok_or_else(start::unknown_file)?.into();
            position = FIRST_POSITION;
        }
    }

    /// Sends the events of a file, until another file follows.
    fn send_file(&mut self, sent: &mut Sent, filter: &mut Filter) -> Result<(), Stop> {
        let log = Arc::clone(&self.surroundings.log);
        loop {
            let (end, version) = log.end();
            self.version = version;
            let is_last = end.file == sent.name;
            let limit = if is_last { end.position } else { length(&sent.file)? };
            self.send_up_to(sent, limit, filter)?;
            self.check()?;
            if !is_last {
                return Ok(());
            }
            if self.request.is_short {
                return Err(Stop::Done);
            }
            self.flush()?;
            self.wait(sent)?;
        }
    }

    /// Waits for more, and sends heartbeats meanwhile.
    fn wait(&mut self, sent: &Sent) -> Result<(), Stop> {
        let now = Instant::now();
        let mut deadline = self.check_at;
        let heartbeat = Some(self.request.heartbeat).filter(|heartbeat| !heartbeat.is_zero());
        let beat_at = heartbeat.and_then(|heartbeat| self.sent_at.checked_add(heartbeat));
        if let Some(beat_at) = beat_at {
            if beat_at <= now {
                self.put_heartbeat(sent);
                return self.flush();
            }
            deadline = deadline.min(beat_at);
        }
        self.control.note_wait(true);
        self.surroundings.log.wait(self.version, deadline);
        self.check()
    }

    /// Checks whether the client may go on.
    fn check(&mut self) -> Result<(), Stop> {
        self.control.check()?;
        self.check_at = (self.surroundings.right)()?;
        Ok(())
    }

    fn send_up_to(&mut self, sent: &mut Sent, limit: u64, filter: &mut Filter) -> Result<(), Stop> {
        while sent.position < limit {
            self.control.note_wait(false);
            self.control.wait_for_taker();
            self.held.count(&self.request.account, 0);
            let mut chunk = Vec::new();
            let mut wanted = CHUNK.min(limit - sent.position);
            read(&sent.file, sent.position, wanted, &mut chunk)?;
            let size = EventHeader::decode(&chunk).map_or(0, |header| u64::from(header.size));
            if size < HEADER as u64 || size > limit - sent.position {
                return Err(damaged(sent).into());
            }
            if size > wanted {
                self.wait_for_memory(size)?;
                wanted = size;
                read(&sent.file, sent.position, wanted, &mut chunk)?;
            }
            let mut rest = chunk.as_slice();
            while let Ok(header) = EventHeader::decode(rest) {
                let size = header.size as usize;
                if size < HEADER {
                    return Err(damaged(sent).into());
                }
                let Some((event, after)) = rest.split_at_checked(size) else { break };
                sent.position += size as u64;
                let mut passing = filter.pass(event, &header, sent.checksum);
                if let Passing::Judge(gtid) = passing {
                    start::check_logged(&self.surroundings.log.gtids(), gtid)?;
                    passing = filter.pass(event, &header, sent.checksum);
                }
                let wants_ack = self.wants_ack(sent, header.event_type, &passing);
                match passing {
                    Passing::Leave | Passing::Judge(_) => {}
                    Passing::Send => self.put(wants_ack, |out| out.put(event)),
                    Passing::Change(changed) => self.put(wants_ack, |out| out.put(&changed)),
                }
                rest = after;
            }
            drop(chunk);
            self.flush()?;
            // A client that is far behind must not receive the rest of the file after it has lost its right.
            self.check()?;
        }
        Ok(())
    }

    /// Whether the event before the position is asked to be acknowledged. A replica that has been sent nothing of the log and has what is
    /// there needs not be asked.
    fn wants_ack(&mut self, sent: &Sent, event_type: EventType, passing: &Passing) -> bool {
        if !self.request.acknowledges {
            return false;
        }
        let is_left = matches!(passing, Passing::Leave);
        self.has_sent |= !is_left && GROUP_EVENTS.contains(&event_type);
        let log = &self.surroundings.log;
        let Some(number) = log.semi_sync.wanted(&sent.name, sent.position) else { return false };
        if is_left && !self.has_sent {
            log.semi_sync.reached(number);
        }
        let is_asked = !is_left && self.control.ask(&sent.name, sent.position, number);
        if is_asked {
            log.semi_sync.count_request();
        }
        is_asked
    }

    /// Waits until a large event of this size may take memory, and counts that for the account. All dumps count what they are about to take,
    /// because many of them may ask at once.
    fn wait_for_memory(&mut self, size: u64) -> Result<(), Stop> {
        let (account, most) = (self.request.account.clone(), self.surroundings.most_memory);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size < memory::LARGE {
            return Ok(());
        }
        // An event that is larger than the limit is sent alone.
        let bytes = size.saturating_mul(COPIES).min(usize::try_from(most / 2).unwrap_or(usize::MAX));
        loop {
            self.held.count(&account, bytes);
            if memory::is_left_for(&account, bytes, most) {
                return Ok(());
            }
            self.held.count(&account, 0);
            memory::wait_for_some();
            self.check()?;
        }
    }

    /// Sends ROTATE, which tells the client where the events that follow are from. Its checksum follows the client's own wish.
    fn put_rotation(&mut self, name: &str, position: u64) {
        let checksum = self.request.checksum.unwrap_or(Checksum::None);
        let event = self.made(EventType::ROTATE, EventFlags::ARTIFICIAL, 0, checksum, |out| {
            out.put_u64(position);
            out.put(name.as_bytes());
        });
        self.put(false, |out| out.put(&event));
    }

    fn put_heartbeat(&mut self, sent: &Sent) {
        let name = Arc::clone(&sent.name);
        let event = self.made(EventType::HEARTBEAT, EventFlags::NONE, sent.position, sent.checksum, |out| {
            out.put(name.as_bytes());
        });
        self.put(false, |out| out.put(&event));
    }

    /// An event that is in no file.
    fn made(
        &self,
        event_type: EventType,
        flags: EventFlags,
        end: u64,
        checksum: Checksum,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<u8> {
        let server_id = self.surroundings.log.settings.server_id.load(Ordering::Relaxed);
        let header = EventHeader { timestamp: 0, event_type, server_id, size: 0, end_log_pos: end as u32, flags };
        whole(header, checksum, body)
    }

    /// Sends FORMAT_DESCRIPTION of a file, and goes to the first event that the client wants.
    fn send_format(&mut self, sent: &mut Sent) -> Result<(), Stop> {
        let (end, _) = self.surroundings.log.end();
        let limit = if end.file == sent.name { end.position } else { length(&sent.file)? };
        let mut event = Vec::new();
        read(&sent.file, FIRST_POSITION, HEADER as u64, &mut event)?;
        let Ok(mut header) = EventHeader::decode(&event) else { return Err(damaged(sent).into()) };
        if header.event_type != EventType::FORMAT_DESCRIPTION || u64::from(header.size) > limit {
            return Err(damaged(sent).into());
        }
        read(&sent.file, FIRST_POSITION, header.size.into(), &mut event)?;
        let body = event.get(HEADER..event.len().saturating_sub(CHECKSUM)).unwrap_or_default();
        sent.checksum = if body.last() == Some(&1) { Checksum::Crc32 } else { Checksum::None };
        if sent.checksum == Checksum::Crc32 && self.request.checksum.is_none() {
            let message = "Slave can not handle replication events with the checksum that master is configured to log";
            return Err(refused(message, &sent.name, sent.position).into());
        }
        let first = FIRST_POSITION + u64::from(header.size);
        header.flags = EventFlags(header.flags.0 & !EventFlags::IN_USE.0);
        let mut body = body.to_vec();
        if sent.position > FIRST_POSITION {
            start::check_position(&sent.file, &sent.name, sent.position, limit, first, &|| self.control.check())?;
            // The client is in the middle of the file, so that nothing of it has been created now.
            header.end_log_pos = 0;
            if let Some(created) = body.get_mut(CREATED) {
                created.fill(0);
            }
        }
        sent.position = sent.position.max(first);
        let event = whole(header, Checksum::Crc32, |out| out.put(&body));
        self.put(false, |out| out.put(&event));
        Ok(())
    }

    /// Appends a packet; `wants_ack` asks for an acknowledgement of its event.
    fn put(&mut self, wants_ack: bool, event: impl FnOnce(&mut Vec<u8>)) {
        let packet = self.batch.row();
        packet.put_u8(0);
        if self.request.acknowledges {
            SemiSyncAck::put_request(wants_ack, packet);
        }
        event(packet);
        self.batch.end_row();
    }

    /// Hands the batch over.
    fn flush(&mut self) -> Result<(), Stop> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.sent_at = Instant::now();
        let batch = std::mem::take(&mut self.batch);
        let mut held = Held::default();
        held.set(&self.request.account, batch.len());
        self.give(DumpPart::Events(batch, held))
    }

    fn give(&self, part: DumpPart) -> Result<(), Stop> {
        self.control.wait_for_taker();
        self.control.queue();
        let sent = self.sender.as_ref().map_or(Err(()), |sender| sender.send(part).map_err(|_| ()));
        (self.surroundings.wake)();
        sent.map_err(|()| Stop::Left)
    }
}

/// The events of which a group has at least one.
const GROUP_EVENTS: [EventType; 5] =
    [EventType::MARIADB_GTID, EventType::GTID, EventType::ANONYMOUS_GTID, EventType::QUERY, EventType::XID];

/// Where in FORMAT_DESCRIPTION's body the time of its creation is.
const CREATED: std::ops::Range<usize> = 52..56;

fn length(file: &File) -> Result<u64, Stop> {
    file.metadata().map(|file| file.len()).map_err(|error| unreadable(&error).into())
}

/// Reads bytes of a file.
fn read(file: &File, position: u64, length: u64, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
    file.read_exact_at(out, position).map_err(|error| unreadable(&error).into())
}

fn unreadable(error: &io::Error) -> SqlError {
    SqlError::new(1236, b"HY000", format!("log event entry exceeded or I/O error reading log event ({error})"))
}

fn damaged(sent: &Sent) -> SqlError {
    refused("bogus data in log event", &sent.name, sent.position)
}
