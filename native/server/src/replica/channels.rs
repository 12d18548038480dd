//! The channels of a server, and the file of their settings.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sealwire_binlog::{GtidError, GtidSet, MariaDbGtidSet};
use sealwire_core::error::SqlError;
use sealwire_net::files::unreadable;

use super::channel::{Channel, Part, Phase};
use super::gtids::{has_all, is_at_or_behind};
use super::relay_log::RelayLog;
use super::settings::{FIRST_POSITION, Settings, Using};
use super::statement::{Change, Chosen, Named, StartOptions, Threads};
use crate::engine::{AppliedPlaces, Arrival, Interruption, Wanted};
use crate::replication::LogFiles;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The file of settings in the data directory. It has passwords.
const FILE: &str = "replica-channels";
/// Readable and writable by its owner alone.
const OWNER_ONLY: u32 = 0o600;
/// The name of relay logs, as in MariaDB.
const RELAY_LOG: &str = "relay-bin";
/// The most channels, because each has two threads and files of its own.
const MOST: usize = 256;
/// How often a wait looks whether its place is applied.
const LOOKS_EACH: Duration = Duration::from_millis(10);
/// The most characters of a channel's name.
const MOST_NAME: usize = 64;

/// The channels of a server.
pub(crate) struct Channels {
    directory: PathBuf,
    /// By their names in lower case.
    all: Mutex<BTreeMap<String, Arc<Channel>>>,
    runner: OnceLock<Box<dyn Runner>>,
}

/// Runs the threads of channels. The server has it only when all its parts are there.
pub(crate) trait Runner: Send + Sync {
    /// Starts threads that do not run.
    ///
    /// # Errors
    /// Where the relay log or the databases can't be read, or no thread can be started.
    fn start(&self, channel: &Arc<Channel>, threads: Threads, options: StartOptions) -> Result<(), SqlError>;

    /// Forgets which groups of a channel are applied.
    ///
    /// # Errors
    /// Where a database can't be written.
    fn forget(&self, channel: &str) -> Result<(), SqlError>;
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channels").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Channels {
    /// The channels of a data directory.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn open(directory: &Path) -> Result<Self, String> {
        let channels =
            Self { directory: directory.to_owned(), all: Mutex::new(BTreeMap::new()), runner: OnceLock::new() };
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(channels),
            Err(error) => return Err(format!("can't read '{}': {}", path.display(), unreadable(&path, &error))),
        };
        for (name, settings) in
            read(&text).map_err(|(line, why)| format!("'{}', line {line}: {why}", path.display()))?
        {
            let channel = channels.make(&name, settings).map_err(|error| error.message)?;
            channels.locked().insert(name.to_lowercase(), channel);
        }
        Ok(channels)
    }

    /// Names what runs the threads.
    pub(crate) fn run_with(&self, runner: Box<dyn Runner>) {
        let _ = self.runner.set(runner);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Channel>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, name: &str, settings: Settings) -> Result<Arc<Channel>, SqlError> {
        let relay = LogFiles::new(&self.directory, &relay_name(name))
            .and_then(|files| RelayLog::open(files).map_err(|error| error.to_string()))
            .map_err(|error| unwritable(&format!("the relay log of channel '{name}': {error}")))?;
        Ok(Channel::new(name, settings, relay))
    }

    /// All channels, by their names.
    pub(crate) fn all(&self) -> Vec<Arc<Channel>> {
        self.locked().values().cloned().collect()
    }

    /// A channel.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Channel>> {
        self.locked().get(&name.to_lowercase()).cloned()
    }

    /// The channel that a statement names.
    ///
    /// # Errors
    /// 1617 where MariaDB's connection does not exist, 3074 where MySQL's channel does not.
    pub(crate) fn named(&self, named: &Named) -> Result<Arc<Channel>, SqlError> {
        let found = self.find(&named.name).filter(|channel| named.name.is_empty() || !channel.is_removed());
        found.ok_or_else(|| {
            if named.is_mysql {
                SqlError::new(3074, b"HY000", format!("Replica channel '{}' does not exist.", named.name))
            } else {
                SqlError::new(1617, b"HY000", format!("There is no master connection '{}'", named.name))
            }
        })
    }

    /// The channels that a statement is for.
    ///
    /// # Errors
    /// Those of [`Self::named`].
    pub(crate) fn chosen(&self, chosen: &Chosen) -> Result<Vec<Arc<Channel>>, SqlError> {
        Ok(match chosen {
            Chosen::One(named) => vec![self.named(named)?],
            Chosen::All => self.all(),
            Chosen::Unnamed => self.find("").map_or_else(|| self.all(), |channel| vec![channel]),
        })
    }

    /// The channel of this name, which is made where it does not exist.
    ///
    /// # Errors
    /// Where its relay log can't be read, its name is too long, or there are too many channels.
    pub(crate) fn find_or_make(&self, name: &str) -> Result<Arc<Channel>, SqlError> {
        if let Some(channel) = self.find(name) {
            return Ok(channel);
        }
        if name.chars().count() > MOST_NAME || name.chars().any(char::is_control) {
            let message = format!("Couldn't create channel: Channel name '{name}' is either invalid or too long.");
            return Err(SqlError::new(3079, b"HY000", message));
        }
        let mut all = self.locked();
        if all.len() >= MOST {
            return Err(SqlError::new(
                3078,
                b"HY000",
                format!("There are {MOST} channels already: RESET REPLICA ALL removes one"),
            ));
        }
        let made = self.make(name, Settings::default())?;
        Ok(Arc::clone(all.entry(name.to_lowercase()).or_insert(made)))
    }

    /// Changes the settings of a channel, which is made where it does not exist. Returns notes.
    ///
    /// # Errors
    /// 1198 where a thread of the channel runs, those of [`Change::apply`], and where a file can't be written.
    pub(crate) fn change(&self, name: &str, change: &Change) -> Result<Vec<SqlError>, SqlError> {
        let known = self.find(name);
        let old = known.as_ref().map(|channel| channel.state().settings.clone()).unwrap_or_default();
        let mut settings = old.clone();
        let notes = change.apply(&mut settings)?;
        let begins = change.begins_anew() || known.is_none();
        settings.begins |= begins;
        let channel = self.find_or_make(name)?;
        let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut state = channel.state();
            if state.is_running() {
                return Err(is_running(&channel));
            }
            state.settings = settings;
            if begins {
                state.begin_anew();
            } else {
                state.resume = None;
            }
        }
        if let Err(error) = self.save() {
            channel.state().settings = old;
            return Err(error);
        }
        Ok(notes)
    }

    /// The last GTID of each domain of MariaDB's that the channels have applied.
    pub(crate) fn gtids(&self) -> MariaDbGtidSet {
        let mut all = MariaDbGtidSet::default();
        for channel in self.all() {
            let Ok(set) = channel.state().applied_gtids.parse::<MariaDbGtidSet>() else { continue };
            for gtid in set.iter() {
                // A full set keeps what it has.
                let _ = all.add(gtid);
            }
        }
        all
    }

    /// Has the channel without a name begin behind these GTIDs, as `SET GLOBAL gtid_slave_pos` asks.
    ///
    /// # Errors
    /// 1198 where the channel runs, 1941 where the GTIDs can't be read, and where the file can't be written.
    pub(crate) fn set_gtids(&self, gtids: &str) -> Result<(), SqlError> {
        let set: MariaDbGtidSet = gtids.parse().map_err(|error: GtidError| {
            SqlError::new(1941, b"HY000", format!("Could not parse GTID list '{gtids}': {error}"))
        })?;
        self.begin_behind(set.to_string(), || Ok(()))
    }

    /// The transactions of MySQL's that the channels have applied.
    pub(crate) fn executed(&self) -> GtidSet {
        let mut all = GtidSet::new();
        for channel in self.all() {
            let Ok(set) = channel.state().applied_gtids.parse::<GtidSet>() else { continue };
            // A full set keeps what it has.
            let _ = all.add_all(&set);
        }
        all
    }

    /// Has the channel without a name begin behind these transactions, as `SET GLOBAL gtid_purged` asks; `change_log` does the log's part.
    ///
    /// # Errors
    /// 1198 where the channel runs, 1840 where it has applied transactions, those of `change_log`, and where the file can't be written.
    pub(crate) fn set_executed(
        &self,
        set: &GtidSet,
        change_log: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        if !self.executed().is_empty() {
            let message = "@@GLOBAL.GTID_PURGED can only be set when @@GLOBAL.GTID_EXECUTED is empty: RESET REPLICA ALL empties it where no \
                           binary log has transactions";
            return Err(SqlError::new(1840, b"HY000", message));
        }
        self.begin_behind(set.to_string(), change_log)
    }

    /// Has the channel without a name begin behind these GTIDs; `before` is called when nothing else forbids it.
    fn begin_behind(&self, gtids: String, before: impl FnOnce() -> Result<(), SqlError>) -> Result<(), SqlError> {
        let channel = self.find_or_make("")?;
        let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut state = channel.state();
            if state.is_running() {
                return Err(is_running(&channel));
            }
            before()?;
            let (file, position) = state.applied.clone();
            let settings = &mut state.settings;
            if !settings.begins {
                settings.log_file = String::from_utf8_lossy(&file).into_owned();
                settings.log_pos = position;
            }
            settings.gtids = gtids;
            (settings.has_gtids, settings.begins) = (true, true);
            state.begin_anew();
        }
        // They are all that this server has applied.
        self.locked().retain(|name, channel| name.is_empty() || !channel.is_removed());
        self.save()
    }

    /// Forgets MySQL's GTIDs of the channels that do not run, as RESET BINARY LOGS AND GTIDS asks.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn forget_gtids_of_mysql(&self) -> Result<(), SqlError> {
        for channel in self.all() {
            let _control = channel.control.lock().unwrap_or_else(PoisonError::into_inner);
            let mut state = channel.state();
            let is_by_gtid = state.settings.using == Using::AutoPosition || state.is_removed();
            if is_by_gtid && !state.is_running() && state.applied_gtids.contains(':') {
                state.settings.gtids.clear();
                (state.settings.has_gtids, state.settings.begins) = (true, true);
                state.begin_anew();
            }
        }
        self.save()
    }

    /// Forgets the place in the source's log, and removes the relay log. The settings and the GTIDs stay.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub(crate) fn reset(&self, channel: &Channel) -> Result<(), SqlError> {
        {
            let mut state = channel.state();
            state.settings.log_file.clear();
            state.settings.log_pos = FIRST_POSITION;
            state.settings.begins = true;
            state.begin_anew();
            (state.receiver.error, state.applier.error) = (None, None);
        }
        self.save()?;
        channel.relay().clear().map_err(|error| unwritable(&error.to_string()))
    }

    /// Removes a channel whose threads do not run. Its GTIDs stay, because its groups stay applied: a channel of this name by GTID goes on
    /// behind them, as `gtid_slave_pos` and `gtid_executed` do in MariaDB and MySQL.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub(crate) fn remove(&self, channel: &Channel) -> Result<(), SqlError> {
        let gtids = channel.state().applied_gtids.clone();
        if gtids.is_empty() {
            self.locked().remove(&channel.name.to_lowercase());
        } else {
            let mut state = channel.state();
            state.settings = Settings { gtids, has_gtids: true, begins: true, ..Settings::default() };
            state.begin_anew();
            (state.receiver.error, state.applier.error) = (None, None);
        }
        self.save()?;
        channel.relay().remove().map_err(|error| unwritable(&error.to_string()))?;
        self.runner()?.forget(&channel.name)
    }

    /// Writes the settings of all channels, so that at each moment either the old or the new file exists, complete.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn save(&self) -> Result<(), SqlError> {
        let all = self.locked();
        let mut text = String::new();
        for channel in all.values() {
            let state = channel.state();
            if !state.settings.host.is_empty() || state.settings.has_gtids {
                text.push_str(&format!("[{}]\n{}", channel.name, state.settings.to_lines()));
            }
        }
        let path = self.directory.join(FILE);
        write(&path, &text).map_err(|error| unwritable(&format!("'{}': {error}", path.display())))
    }

    fn runner(&self) -> Result<&dyn Runner, SqlError> {
        let missing = || SqlError::new(1105, b"HY000", "The server is still starting");
        self.runner.get().map(|runner| &**runner).ok_or_else(missing)
    }

    /// Whether a receiver acknowledges what it has stored, because its source waits for that.
    pub(crate) fn acknowledges(&self) -> bool {
        self.all().iter().any(|channel| {
            let state = channel.state();
            state.receiver.phase == Phase::Running && state.source.has_semi_sync
        })
    }

    /// Starts threads of a channel.
    ///
    /// # Errors
    /// 1200 where the channel has no host, and those of [`Runner::start`].
    pub(crate) fn start(
        &self,
        channel: &Arc<Channel>,
        threads: Threads,
        options: StartOptions,
    ) -> Result<(), SqlError> {
        if !channel.is_configured() {
            return Err(not_configured());
        }
        self.runner()?.start(channel, threads, options)
    }

    /// Stops all threads, and waits for their ends, in all at most so long. A thread that has not ended then loses its work as by a kill of
    /// the server, after which the source's group comes again.
    pub(crate) fn stop_all(&self, patience: Duration) {
        let begun = Instant::now();
        let all = self.all();
        for part in [Part::Receiver, Part::Applier] {
            all.iter().for_each(|channel| {
                channel.ask_to_stop(part);
            });
        }
        for part in [Part::Receiver, Part::Applier] {
            all.iter().for_each(|channel| {
                if !channel.wait_for_end(part, &|| begun.elapsed() >= patience) {
                    tracing::error!(
                        "replication channel '{}': {part:?} does not stop, and ends with the server",
                        channel.name
                    );
                }
            });
        }
    }
}

impl AppliedPlaces for Channels {
    fn wait(&self, wanted: &Wanted, most: Option<Duration>, interruption: &Interruption) -> Arrival {
        let begun = Instant::now();
        let channel = match wanted {
            Wanted::Position { channel, .. } => match self.find(channel) {
                Some(channel) => Some(channel),
                None => return Arrival::NotApplied,
            },
            Wanted::Gtids(_) => None,
        };
        let groups = |channel: &Channel| channel.state().groups.iter().sum::<u64>();
        let before = channel.as_deref().map_or(0, groups);
        loop {
            let is_there = match (wanted, &channel) {
                (Wanted::Position { file, position, .. }, Some(channel)) => {
                    let state = channel.state();
                    let applied = String::from_utf8_lossy(&state.applied.0);
                    if is_at_or_behind((&applied, state.applied.1), (file, *position)) {
                        true
                    } else if state.applier.is_running() {
                        false
                    } else {
                        return Arrival::NotApplied;
                    }
                }
                (Wanted::Gtids(wanted), _) => {
                    has_all(&self.gtids().to_string(), wanted)
                        || self.all().iter().any(|channel| has_all(&channel.state().applied_gtids, wanted))
                }
                _ => return Arrival::NotApplied,
            };
            if is_there {
                return Arrival::Reached(channel.as_deref().map_or(0, groups).saturating_sub(before));
            }
            if most.is_some_and(|most| begun.elapsed() >= most) {
                return Arrival::TimedOut;
            }
            if interruption.sleep(LOOKS_EACH) {
                return Arrival::NotApplied;
            }
        }
    }
}

/// The error for a statement that needs the channel's threads to be stopped.
pub(crate) fn is_running(channel: &Channel) -> SqlError {
    let name = &channel.name;
    let message = format!(
        "This operation cannot be performed as you have a running slave '{name}'; run STOP SLAVE '{name}' first"
    );
    SqlError::new(1198, b"HY000", message)
}

/// The error where no channel has a source.
pub(crate) fn not_configured() -> SqlError {
    let message = "Misconfigured slave: MASTER_HOST was not set; Fix in config file or with CHANGE MASTER TO";
    SqlError::new(1200, b"HY000", message)
}

/// The error for a file that can't be written.
pub(crate) fn unwritable(what: &str) -> SqlError {
    SqlError::new(1105, b"HY000", format!("Can't write the files of the replica's channels: {what}"))
}

/// The name of a channel's relay log. Other characters than these could mean something to a file system.
fn relay_name(channel: &str) -> String {
    let mut name = RELAY_LOG.to_owned();
    if !channel.is_empty() {
        name.push('-');
    }
    for character in channel.to_lowercase().chars() {
        match character {
            'a'..='z' | '0'..='9' | '_' | '-' => name.push(character),
            other => name.push_str(&format!("@{:04x}", u32::from(other))),
        }
    }
    name
}

/// The settings in the text of a file, by the names of channels. The error has the number of the line.
fn read(text: &str) -> Result<Vec<(String, Settings)>, (usize, String)> {
    let mut all: Vec<(String, Settings)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            all.push((name.to_owned(), Settings::default()));
        } else if !line.is_empty() {
            let (_, settings) = all.last_mut().ok_or_else(|| (number, "it belongs to no channel".to_owned()))?;
            settings.read_line(line).map_err(|why| (number, why))?;
        }
    }
    Ok(all)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use sealwire_core::secret::Secret;

    use super::*;

    #[test]
    fn channels_are_there_again_after_a_restart_in_a_file_of_the_owner() {
        let place = tempfile::tempdir().unwrap();
        let channels = Channels::open(place.path()).unwrap();
        assert!(channels.all().is_empty() && !place.path().join(FILE).exists());
        for name in ["", "West ]1"] {
            let channel = channels.find_or_make(name).unwrap();
            channel.state().settings.host = format!("host of {name}");
            channel.state().settings.password = Secret::from("hush");
        }
        channels.save().unwrap();
        let again = Channels::open(place.path()).unwrap();
        assert_eq!(again.all().len(), 2);
        let west = again.find("west ]1").unwrap();
        assert_eq!((west.name.as_str(), west.state().settings.host.as_str()), ("West ]1", "host of West ]1"));
        assert_eq!(west.state().settings.password.expose(), b"hush");
        let mode = fs::metadata(place.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(place.path().join(FILE), "[]\nHOST=a\nPORT=x\n").unwrap();
        assert!(Channels::open(place.path()).unwrap_err().contains("line 3"));
    }

    #[test]
    fn a_thread_that_hears_no_stop_does_not_keep_the_server_from_ending() {
        let place = tempfile::tempdir().unwrap();
        let channels = Channels::open(place.path()).unwrap();
        // No thread is behind it, so nothing ends it.
        channels.find_or_make("").unwrap().begin(Part::Applier);
        channels.stop_all(Duration::from_millis(1));
    }

    #[test]
    fn a_channel_is_named_in_the_dialect_that_named_it() {
        let place = tempfile::tempdir().unwrap();
        let channels = Channels::open(place.path()).unwrap();
        let number = |is_mysql| channels.named(&Named { name: "x".to_owned(), is_mysql }).unwrap_err().code;
        assert_eq!((number(false), number(true)), (1617, 3074));
        assert_eq!(channels.find_or_make(&"x".repeat(65)).unwrap_err().code, 3079);
        assert_eq!(relay_name("A/b"), "relay-bin-a@002fb");
        assert_eq!(relay_name(""), "relay-bin");
    }
}
