//! Semi-synchronous replication: a commit is answered when a replica has stored it, or when the time for that is over.
//!
//! ```text
//! BinaryLog::commit ──> SemiSync::commit ──> Awaited::wait (in the statement's thread, without any lock of the log)
//! dump ──> SemiSync::wanted ──> replica ──> Dump::acknowledge ──> SemiSync::reached, which ends the wait
//! ```
//!
//! Commits have numbers in the order of the log, so that an acknowledgement of one is one of all before. Where no replica acknowledges a
//! commit in time, commits no longer wait, until a replica has the last of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::place::Place;
use crate::engine::{Interruption, WaitEnd};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The settings, which SET GLOBAL changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SemiSyncSettings {
    /// Whether commits wait.
    pub(crate) is_enabled: bool,
    /// How long a commit waits.
    pub(crate) timeout: Duration,
    /// Whether a commit waits even where no replica is there.
    pub(crate) waits_for_nobody: bool,
}

/// The counters and the state, as SHOW STATUS has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SemiSyncStatus {
    /// The replicas that acknowledge.
    pub(crate) clients: u64,
    /// Whether commits wait now.
    pub(crate) is_on: bool,
    /// The commits that a replica has acknowledged.
    pub(crate) acknowledged: u64,
    /// The commits that were answered without that.
    pub(crate) unacknowledged: u64,
    /// How often commits ceased to wait.
    pub(crate) switched_off: u64,
    /// The acknowledgements that were received.
    pub(crate) received: u64,
    /// The acknowledgements that were asked for.
    pub(crate) asked: u64,
    /// The commits that have waited.
    pub(crate) waits: u64,
    /// How long they have waited together.
    pub(crate) wait_time: Duration,
    /// The commits that wait now.
    pub(crate) waiting: u64,
}

/// The commits that wait, and how far the replicas are.
#[derive(Debug, Default)]
pub(crate) struct SemiSync(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    settings: SemiSyncSettings,
    status: SemiSyncStatus,
    /// The number and the place of the last commit.
    last: u64,
    last_place: Option<Place>,
    /// The last commit that a replica has, and the last one that is not waited for any more.
    acknowledged: u64,
    given_up: u64,
    /// The numbers of the commits that are not answered, by their places.
    unanswered: HashMap<Place, u64>,
    /// The statements that wait, by their commits.
    waiting: BTreeMap<u64, Arc<Interruption>>,
}

/// A commit that is to be answered after a replica has it.
#[derive(Debug)]
pub(crate) struct Awaited {
    semi_sync: Arc<SemiSync>,
    place: Place,
    number: u64,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.semi_sync.state().unanswered.remove(&self.place);
    }
}

impl Awaited {
    /// Waits for a replica, for the time to be over, or for a stop of the statement, which has no other effect, because the commit is done.
    pub(crate) fn wait(self, interruption: &Arc<Interruption>) {
        let Self { semi_sync, number, .. } = &self;
        let Some(timeout) = semi_sync.begin_wait(*number, interruption) else { return };
        let begun = Instant::now();
        let end = interruption.wait_until(|| semi_sync.state().is_over(*number), timeout);
        let mut state = semi_sync.state();
        state.waiting.remove(number);
        state.status.waits += 1;
        state.status.wait_time += begun.elapsed();
        let is_late = end == WaitEnd::TimedOut && !state.is_over(*number);
        state.count(*number);
        if is_late {
            let Place { file, position } = &self.place;
            tracing::warn!(
                "semi-synchronous replication is off: no replica has acknowledged the commit at {file}:{position} within {} ms \
                 (rpl_semi_sync_master_timeout), so commits do not wait until a replica has caught up",
                timeout.as_millis()
            );
            let woken = state.switch_off();
            drop(state);
            wake(woken);
        }
    }
}

impl State {
    /// Whether a commit is not waited for any more.
    const fn is_over(&self, number: u64) -> bool {
        self.acknowledged >= number || self.given_up >= number
    }

    /// Counts a commit that is answered.
    const fn count(&mut self, number: u64) {
        if self.acknowledged >= number {
            self.status.acknowledged += 1;
        } else {
            self.status.unacknowledged += 1;
        }
    }

    /// Lets commits wait no longer; wake the returned ones afterwards.
    fn switch_off(&mut self) -> Vec<Arc<Interruption>> {
        if self.status.is_on {
            self.status.is_on = false;
            self.status.switched_off += 1;
        }
        self.give_up()
    }

    /// Ends all waits.
    fn give_up(&mut self) -> Vec<Arc<Interruption>> {
        self.given_up = self.last;
        self.waiting.values().cloned().collect()
    }

    const fn has_replica(&self) -> bool {
        self.status.clients > 0 || self.settings.waits_for_nobody
    }
}

/// Wakes waiting statements; the state must not be locked, because they lock it to check their condition.
fn wake(waiting: Vec<Arc<Interruption>>) {
    waiting.iter().for_each(|interruption| interruption.notify());
}

impl SemiSync {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters and the state.
    pub(crate) fn status(&self) -> SemiSyncStatus {
        let state = self.state();
        SemiSyncStatus { waiting: state.waiting.len() as u64, ..state.status }
    }

    /// Applies settings.
    pub(crate) fn configure(&self, settings: SemiSyncSettings) {
        let mut state = self.state();
        let was_enabled = std::mem::replace(&mut state.settings, settings).is_enabled;
        if settings.is_enabled && !was_enabled {
            state.status.is_on = true;
        } else if !settings.is_enabled && was_enabled {
            state.status.is_on = false;
            let woken = state.give_up();
            drop(state);
            wake(woken);
        }
    }

    /// Notes that a replica that acknowledges is there.
    pub(super) fn enter(&self) {
        self.state().status.clients += 1;
    }

    /// Notes that such a replica is gone.
    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.status.clients = state.status.clients.saturating_sub(1);
        if state.settings.is_enabled && state.status.is_on && !state.has_replica() {
            tracing::warn!("semi-synchronous replication is off: the last replica that acknowledges is gone");
            let woken = state.switch_off();
            drop(state);
            wake(woken);
        }
    }

    /// Numbers a commit, which ends at this place of the log. Returns it where its answer is to wait for a replica, which `may_wait` allows:
    /// nobody waits for the commits of an applier.
    pub(super) fn commit(self: &Arc<Self>, file: &str, position: u64, may_wait: bool) -> Option<Awaited> {
        let mut state = self.state();
        state.last += 1;
        if !state.settings.is_enabled {
            return None;
        }
        let number = state.last;
        let place = Place { file: file.into(), position };
        state.last_place = Some(place.clone());
        if !may_wait {
            return None;
        }
        let mut woken = Vec::new();
        if state.status.is_on && !state.has_replica() {
            tracing::warn!("semi-synchronous replication is off: no replica is there that acknowledges");
            woken = state.switch_off();
        }
        let awaited = if state.status.is_on {
            state.unanswered.insert(place.clone(), number);
            Some(Awaited { semi_sync: Arc::clone(self), place, number })
        } else {
            state.status.unacknowledged += 1;
            None
        };
        drop(state);
        wake(woken);
        awaited
    }

    /// Begins a wait for a commit; returns how long it may take, `None` where it is over.
    fn begin_wait(&self, number: u64, interruption: &Arc<Interruption>) -> Option<Duration> {
        let mut state = self.state();
        if state.is_over(number) {
            state.count(number);
            return None;
        }
        state.waiting.insert(number, Arc::clone(interruption));
        Some(state.settings.timeout)
    }

    /// The number of the commit that ends at a place of the log, where an acknowledgement of it is wanted: while commits wait, of each that
    /// is not answered, otherwise of the last one, with which a replica has caught up.
    pub(super) fn wanted(&self, file: &Arc<str>, position: u64) -> Option<u64> {
        let state = self.state();
        if !state.settings.is_enabled {
            return None;
        }
        let place = Place { file: Arc::clone(file), position };
        let is_last = state.last_place.as_ref() == Some(&place) && state.acknowledged < state.last;
        state.unanswered.get(&place).copied().or_else(|| is_last.then_some(state.last))
    }

    /// Counts a request for an acknowledgement.
    pub(super) fn count_request(&self) {
        self.state().status.asked += 1;
    }

    /// Counts an acknowledgement.
    pub(super) fn count_acknowledgement(&self) {
        self.state().status.received += 1;
    }

    /// Notes that a replica has a commit, and all before.
    pub(super) fn reached(&self, number: u64) {
        let mut state = self.state();
        state.acknowledged = state.acknowledged.max(number);
        if state.settings.is_enabled && !state.status.is_on && state.acknowledged >= state.last {
            state.status.is_on = true;
            tracing::info!("semi-synchronous replication is on: a replica has caught up");
        }
        let woken = state.waiting.range(..=number).map(|(_, interruption)| Arc::clone(interruption)).collect();
        drop(state);
        wake(woken);
    }

    /// Forgets all places, because the log begins anew.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        state.unanswered.clear();
        state.last_place = None;
        let woken = state.give_up();
        drop(state);
        wake(woken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENABLED: SemiSyncSettings =
        SemiSyncSettings { is_enabled: true, timeout: Duration::from_secs(3600), waits_for_nobody: true };

    fn enabled(settings: SemiSyncSettings) -> Arc<SemiSync> {
        let semi_sync = Arc::<SemiSync>::default();
        semi_sync.configure(settings);
        semi_sync
    }

    fn commit(semi_sync: &Arc<SemiSync>, position: u64) -> Option<Awaited> {
        semi_sync.commit("binlog.000001", position, true)
    }

    fn wanted(semi_sync: &SemiSync, position: u64) -> Option<u64> {
        semi_sync.wanted(&"binlog.000001".into(), position)
    }

    #[test]
    fn an_acknowledgement_ends_the_waits_of_all_commits_before() {
        let semi_sync = enabled(ENABLED);
        let commits: Vec<Awaited> = [100, 200, 300].map(|position| commit(&semi_sync, position).unwrap()).into();
        assert_eq!(
            (wanted(&semi_sync, 100), wanted(&semi_sync, 150), wanted(&semi_sync, 200)),
            (Some(1), None, Some(2))
        );
        std::thread::scope(|scope| {
            for awaited in commits.into_iter().take(2) {
                scope.spawn(move || awaited.wait(&Arc::default()));
            }
            semi_sync.reached(2);
        });
        let status = semi_sync.status();
        assert_eq!((status.acknowledged, status.unacknowledged, status.waiting, status.is_on), (2, 0, 0, true));
        assert_eq!(wanted(&semi_sync, 200), None, "a commit that was answered is not asked for");
        assert_eq!(wanted(&semi_sync, 300), Some(3), "the last one is, although nobody waits");
        semi_sync.reached(3);
        assert_eq!(wanted(&semi_sync, 300), None);
    }

    #[test]
    fn after_the_timeout_nobody_waits_until_a_replica_has_the_last_commit() {
        let semi_sync = enabled(SemiSyncSettings { timeout: Duration::from_millis(1), ..ENABLED });
        let (first, second) = (commit(&semi_sync, 100).unwrap(), commit(&semi_sync, 200).unwrap());
        first.wait(&Arc::default());
        second.wait(&Arc::default());
        assert!(commit(&semi_sync, 300).is_none());
        assert_eq!((wanted(&semi_sync, 200), wanted(&semi_sync, 300)), (None, Some(3)));
        semi_sync.reached(2);
        assert!(!semi_sync.status().is_on);
        semi_sync.reached(3);
        let status = semi_sync.status();
        assert!(status.is_on && commit(&semi_sync, 400).is_some());
        assert_eq!((status.acknowledged, status.unacknowledged, status.switched_off, status.waits), (0, 3, 1, 1));
    }

    #[test]
    fn a_stop_a_setting_a_lost_replica_and_a_new_log_end_a_wait() {
        let wait = |settings: SemiSyncSettings, end: &dyn Fn(&SemiSync, &Interruption)| {
            let semi_sync = enabled(settings);
            semi_sync.enter();
            let (awaited, interruption) = (commit(&semi_sync, 100).unwrap(), Arc::<Interruption>::default());
            std::thread::scope(|scope| {
                scope.spawn(|| awaited.wait(&interruption));
                while semi_sync.status().waiting == 0 {
                    std::thread::yield_now();
                }
                end(&semi_sync, &interruption);
            });
            assert!(semi_sync.state().unanswered.is_empty());
            let status = semi_sync.status();
            assert_eq!((status.acknowledged, status.unacknowledged), (0, 1));
            status.is_on
        };
        assert!(wait(ENABLED, &|_, interruption| interruption.stop()));
        assert!(wait(ENABLED, &|semi_sync, _| semi_sync.forget()));
        assert!(!wait(ENABLED, &|semi_sync, _| semi_sync.configure(SemiSyncSettings::default())));
        let nobody = SemiSyncSettings { waits_for_nobody: false, ..ENABLED };
        assert!(!wait(nobody, &|semi_sync, _| semi_sync.leave()));
    }

    #[test]
    fn without_a_replica_and_for_an_applier_nobody_waits_where_that_is_set() {
        let semi_sync = enabled(SemiSyncSettings { waits_for_nobody: false, ..ENABLED });
        assert!(commit(&semi_sync, 100).is_none() && !semi_sync.status().is_on);
        let semi_sync = enabled(ENABLED);
        assert!(semi_sync.commit("binlog.000001", 100, false).is_none() && semi_sync.status().is_on);
        assert!(commit(&enabled(SemiSyncSettings::default()), 100).is_none());
    }
}
