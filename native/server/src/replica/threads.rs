//! Starts the threads of channels, from where the databases say that a channel's log is applied.

use std::sync::{Arc, Weak};

use sealwire::{ClientError, Progress, StartPosition};
use sealwire_binlog::{GtidError, GtidSet, MariaDbGtidSet};
use sealwire_core::error::SqlError;

use super::apply::{Applied, Applier, Filters};
use super::channel::{Channel, Part, Resume};
use super::channels::{Runner, unwritable};
use super::filters::FilterLists;
use super::gtids::current_position;
use super::settings::{Settings, Using};
use super::statement::{StartOptions, Threads};
use super::{applier, receiver};
use crate::engine::STACK;
use crate::state::Server;

/// Runs the threads of a server's channels.
pub(crate) struct ChannelThreads {
    server: Weak<Server>,
}

impl ChannelThreads {
    /// Gives a server's channels their threads, and starts those that have settings, unless `stay_stopped`.
    pub(crate) fn set_up(server: &Arc<Server>, stay_stopped: bool) {
        server.channels.run_with(Box::new(Self { server: Arc::downgrade(server) }));
        let configured: Vec<_> = server.channels.all().into_iter().filter(|channel| channel.is_configured()).collect();
        // The status tells the place also where the threads are not started.
        for channel in &configured {
            if let Err(error) = prepare(server, channel) {
                tracing::error!("replication channel '{}': {error}", channel.name);
            }
        }
        if let Some(Err(error)) = server.log.as_ref().map(|log| log.begin_behind(&server.channels.executed())) {
            tracing::error!("the transactions that were applied without a binary log: {error}");
        }
        for channel in configured.into_iter().filter(|_| !stay_stopped) {
            let both = Threads { receiver: true, applier: true };
            if let Err(error) = server.channels.start(&channel, both, StartOptions::default()) {
                tracing::error!("replication channel '{}' is not started: {error}", channel.name);
            }
        }
    }

    fn server(&self) -> Result<Arc<Server>, SqlError> {
        self.server.upgrade().ok_or_else(|| SqlError::new(1053, b"08S01", "Server shutdown in progress"))
    }
}

impl Runner for ChannelThreads {
    fn start(&self, channel: &Arc<Channel>, threads: Threads, options: StartOptions) -> Result<(), SqlError> {
        let server = self.server()?;
        let is_known = {
            let state = channel.state();
            // A receiver that runs goes on writing into its relay log.
            state.resume.is_some() && (!state.is_relay_unreadable || state.receiver.is_running())
        };
        let mut prepared = if is_known { None } else { Some(prepare(&server, channel)?) };
        {
            let mut state = channel.state();
            if threads.applier {
                state.until = options.until;
                state.skip = server.globals.sql_slave_skip_counter.get();
                server.globals.sql_slave_skip_counter.set(0);
            }
            if threads.receiver {
                state.login = (options.user, options.password);
            }
        }
        if threads.applier {
            let applier = match prepared.take() {
                Some(applier) => applier,
                None => new_applier(&server, channel)?,
            };
            spawn(Part::Applier, server.clone(), channel, move |server, channel| {
                applier::run(server, channel, applier)
            })?;
        }
        if threads.receiver {
            spawn(Part::Receiver, server, channel, receiver::run)?;
        }
        Ok(())
    }

    fn forget(&self, channel: &str) -> Result<(), SqlError> {
        Applier::forget(&self.server()?, channel)
    }
}

/// Starts a thread.
fn spawn(
    part: Part,
    server: Arc<Server>,
    channel: &Arc<Channel>,
    work: impl FnOnce(&Server, &Channel) -> Result<(), SqlError> + Send + 'static,
) -> Result<(), SqlError> {
    let (name, command) = match part {
        Part::Receiver => ("replica-receiver", "Slave_IO"),
        Part::Applier => ("replica-applier", "Slave_SQL"),
    };
    channel.begin(part);
    let (shown, killed) = (Arc::downgrade(channel), Arc::downgrade(channel));
    let doing = move || shown.upgrade().map_or("", |channel| channel.state().thread(part).doing);
    let end = move || {
        if let Some(channel) = killed.upgrade() {
            channel.ask_to_stop(part);
        }
    };
    let entry = server.registry.enter_thread(command, Box::new(doing), Box::new(end));
    let of_thread = Arc::clone(channel);
    // An applier runs what clients' statements run elsewhere, so it needs their stack.
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || {
        let ended = work(&server, &of_thread);
        if let Err(error) = &ended {
            of_thread.state().is_relay_unreadable |= error.code == applier::RELAY_LOG_READ;
            tracing::error!("replication channel '{}': {name} stops: {error}", of_thread.name);
        }
        drop(entry);
        of_thread.end(part, ended.err());
    });
    thread.map(drop).map_err(|error| {
        channel.end(part, None);
        SqlError::new(1135, b"HY000", format!("Can't create a new thread ({error})"))
    })
}

fn new_applier(server: &Arc<Server>, channel: &Channel) -> Result<Applier, SqlError> {
    let lists = channel.state().settings.filters.with(&server_filters(server));
    channel.state().filters = lists.clone();
    let mut filters = filters(&lists);
    filters.same_server_id = server.globals.replicate_same_server_id.is_on();
    Applier::new(server, &channel.name, filters)
}

/// The filters of the server's variables, which hold for all channels.
fn server_filters(server: &Server) -> FilterLists {
    let globals = &server.globals;
    FilterLists::of([
        &globals.replicate_do_db.get(),
        &globals.replicate_ignore_db.get(),
        &globals.replicate_do_table.get(),
        &globals.replicate_ignore_table.get(),
        &globals.replicate_wild_do_table.get(),
        &globals.replicate_wild_ignore_table.get(),
        &globals.replicate_rewrite_db.get(),
    ])
}

fn filters(lists: &FilterLists) -> Filters {
    let list = |name| lists.list(name).to_vec();
    let pairs = lists.list("REPLICATE_REWRITE_DB").iter();
    let pairs = pairs.filter_map(|pair| pair.split_once("->")).map(|(from, to)| (from.to_owned(), to.to_owned()));
    Filters {
        do_db: list("REPLICATE_DO_DB"),
        ignore_db: list("REPLICATE_IGNORE_DB"),
        do_table: list("REPLICATE_DO_TABLE"),
        ignore_table: list("REPLICATE_IGNORE_TABLE"),
        wild_do_table: list("REPLICATE_WILD_DO_TABLE"),
        wild_ignore_table: list("REPLICATE_WILD_IGNORE_TABLE"),
        rewrite_db: pairs.collect(),
        same_server_id: false,
    }
}

/// Learns from where to apply and to receive: from the place behind what is applied. The relay log is used again if it has that place;
/// else it is removed, and fetched anew.
fn prepare(server: &Arc<Server>, channel: &Channel) -> Result<Applier, SqlError> {
    let mut applier = new_applier(server, channel)?;
    let settings = channel.state().settings.clone();
    let unwritten = |error: std::io::Error| unwritable(&format!("the relay log: {error}"));
    if settings.begins {
        channel.relay().clear().map_err(unwritten)?;
        let kept = if settings.has_gtids { &settings.gtids } else { &applier.positions().gtids };
        let gtids = beginning(server, settings.using, kept);
        applier.start_at(Applied { file: settings.log_file.clone().into(), position: settings.log_pos, gtids })?;
        {
            let mut state = channel.state();
            state.settings.begins = false;
            // They are among those applied now.
            state.settings.gtids.clear();
            state.settings.has_gtids = false;
        }
        server.channels.save()?;
    }
    let applied = applier.positions().clone();
    let has_place = !applied.file.is_empty();
    let (file, position) =
        if has_place { (applied.file, applied.position) } else { (settings.log_file.clone().into(), settings.log_pos) };
    let start = start_position(&settings, &file, position, &applied.gtids)?;
    let progress = Progress::new(&start).map_err(|error| ClientError::from(error).to_sql_error())?;
    let mut relay = channel.relay();
    let wanted = has_place.then_some((file.as_slice(), position));
    let recovered = relay.recover(wanted, progress).map_err(unwritten)?;
    if recovered.is_none() {
        relay.clear().map_err(unwritten)?;
    }
    drop(relay);
    let mut state = channel.state();
    state.is_relay_unreadable = false;
    state.applied = (file.clone(), position);
    state.applied_gtids = applied.gtids;
    (state.read, state.resume, state.apply_from) = match recovered {
        Some(found) => {
            let at = found.progress.position();
            let resume = Resume { start: found.progress.resume(), position: at };
            ((found.progress.file().to_vec(), at), Some(resume), found.apply_from)
        }
        None => ((file, position), Some(Resume { start, position }), Default::default()),
    };
    drop(state);
    server.number_behind_applied();
    Ok(applier)
}

/// The GTIDs behind which a channel begins, where these were applied before. Those of the other product mean nothing to the source.
fn beginning(server: &Server, using: Using, kept: &str) -> String {
    let logged = || server.log.as_ref().map(|log| log.gtids()).unwrap_or_default();
    match using {
        // All groups behind a position are applied, also those whose GTIDs were applied before.
        Using::Position => String::new(),
        Using::SlavePos => kept.parse::<MariaDbGtidSet>().map(|set| set.to_string()).unwrap_or_default(),
        Using::CurrentPos => {
            let own = logged().last_of(server.globals.server_id.get());
            current_position(kept.parse().unwrap_or_default(), own.into_iter()).to_string()
        }
        Using::AutoPosition => {
            let mut set: GtidSet = kept.parse().unwrap_or_default();
            // A full set keeps what it has.
            let _ = set.add_all(&logged().transactions);
            set.to_string()
        }
    }
}

/// The place from which the log is requested.
fn start_position(settings: &Settings, file: &[u8], position: u64, gtids: &str) -> Result<StartPosition, SqlError> {
    Ok(match settings.using {
        // A request has 32 bits of the position, so a longer file comes from its beginning.
        Using::Position => StartPosition::File { name: file.to_vec(), position: u32::try_from(position).unwrap_or(4) },
        Using::SlavePos | Using::CurrentPos => StartPosition::MariaDbGtid(gtids.to_owned()),
        Using::AutoPosition => {
            let set: GtidSet = gtids.parse().map_err(|error: GtidError| {
                SqlError::new(1772, b"HY000", format!("Malformed GTID set specification '{gtids}': {error}"))
            })?;
            let mut encoded = Vec::new();
            set.encode(&mut encoded);
            StartPosition::MySqlGtid(encoded)
        }
    })
}
