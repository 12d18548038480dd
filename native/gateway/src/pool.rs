//! The servers behind the gateway: which one the next session gets.

use std::time::Duration;

use sealwire_net::bounded_lines::BoundedLines;

use super::announce::Announce;
use super::certificates::Leaf;
use super::health::{Consequence, Health, State, Thresholds, Verdict};
use super::place::{Place, Role};
use super::settings::{Kind, Node, PoolSettings, Settings};

/// How long a server that failed is tried after the others only.
const PENALTY: Duration = Duration::from_secs(5);

/// How long the logins that wait leave a server alone that has failed. Otherwise one login would connect to it thousands of times a second.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// How many lines about failures of a server are logged in each period, because any client can cause them where the server refuses.
const MOST_FAILURES: u32 = 20;

/// The pools of servers.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) members: Vec<Member>,
    pools: Vec<Pool>,
    is_checked: bool,
    thresholds: Thresholds,
    most_handshakes: usize,
}

#[derive(Debug)]
struct Pool {
    settings: PoolSettings,
    /// The server that takes the writes. It stays while it can, because two writers of a cluster are in each other's way.
    writer: Option<usize>,
    /// Whether no server can take the writes at present.
    lacks_writer: bool,
}

/// A server of a pool.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) node: Node,
    pub(super) health: Health,
    /// Whether the operator wants it empty.
    pub(super) is_draining: bool,
    /// How many sessions it has, those that connect too.
    pub(super) sessions: usize,
    /// How many of these have no TLS yet.
    handshakes: usize,
    /// How long its last check took.
    pub(super) check_took: Duration,
    /// The certificate that it showed last.
    pub(super) leaf: Option<Leaf>,
    /// Until when it is tried after the others only.
    penalty: Duration,
    /// Until when logins that wait do not try it.
    pause: Duration,
    failures: BoundedLines,
    /// Its credit of turns: see [`Pools::in_turn`].
    credit: i64,
}

/// A server for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Server(usize),
    /// A limit keeps the session from those that could serve.
    Full(Full),
    /// Those that may have more sessions have just failed.
    Paused,
    /// None can serve.
    Nobody,
}

/// The limit that has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The pool has as many sessions as it may.
    Pool,
    /// Each server has as many sessions as it may.
    Servers,
    /// Servers that may have more sessions have as many handshakes under way as they may.
    Handshakes,
}

impl Full {
    /// The clause of the error for a client that has waited in vain.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Pool => "the pool of servers has as many sessions as it may (max-connections of --pool)",
            Self::Servers => "each server has as many sessions as it may (max-connections-per-server)",
            Self::Handshakes => "too many clients log in at once for each server (max-handshakes-per-server)",
        }
    }
}

impl Pools {
    pub(super) fn new(settings: &Settings) -> Self {
        let member = |node: &Node| Member {
            node: node.clone(),
            health: Health::default(),
            is_draining: false,
            sessions: 0,
            handshakes: 0,
            check_took: Duration::ZERO,
            leaf: None,
            penalty: Duration::ZERO,
            pause: Duration::ZERO,
            failures: BoundedLines::default(),
            credit: 0,
        };
        let pool = |settings: &PoolSettings| Pool { settings: settings.clone(), writer: None, lacks_writer: false };
        Self {
            members: settings.nodes.iter().map(member).collect(),
            pools: settings.pools.iter().map(pool).collect(),
            is_checked: settings.check.is_some(),
            thresholds: settings.thresholds,
            most_handshakes: settings.limits.handshakes,
        }
    }

    /// The server for a session that has tried these servers already: in turn, and those that failed last. A session that waits is one of
    /// many, so it gets none that has just failed.
    pub(super) fn choose(&mut self, place: Place, tried: &[usize], waits: bool, now: Duration) -> Choice {
        let fit: Vec<usize> = self.fit(place).into_iter().filter(|node| !tried.contains(node)).collect();
        if fit.is_empty() {
            return Choice::Nobody;
        }
        if self.is_full(place.pool) {
            return Choice::Full(Full::Pool);
        }
        let has_room =
            |node: &usize| self.members.get(*node).is_some_and(|member| member.sessions < member.node.most_sessions);
        let roomy: Vec<usize> = fit.into_iter().filter(has_room).collect();
        if roomy.is_empty() {
            return Choice::Full(Full::Servers);
        }
        let is_free =
            |node: &usize| self.members.get(*node).is_some_and(|member| member.handshakes < self.most_handshakes);
        let free: Vec<usize> = roomy.into_iter().filter(is_free).collect();
        if free.is_empty() {
            return Choice::Full(Full::Handshakes);
        }
        let may_try = |node: &usize| !waits || self.members.get(*node).is_some_and(|member| member.pause <= now);
        let free: Vec<usize> = free.into_iter().filter(may_try).collect();
        let is_punctual = |node: &usize| self.members.get(*node).is_some_and(|member| member.penalty <= now);
        let first: Vec<usize> = free.iter().copied().filter(is_punctual).collect();
        let chosen = self.in_turn(if first.is_empty() { &free } else { &first }, now);
        // Where it has just failed, the others that wait see first how this one fares.
        let failed = chosen.and_then(|node| self.members.get_mut(node)).filter(|member| waits && member.penalty > now);
        if let Some(member) = failed {
            member.pause = now.saturating_add(PAUSE);
        }
        chosen.map_or(Choice::Paused, Choice::Server)
    }

    /// Whether the servers of a pool have as many sessions as they may together.
    fn is_full(&self, pool: usize) -> bool {
        let Some(most) = self.pools.get(pool).map(|pool| pool.settings.most_sessions) else { return false };
        let of_pool = self.members.iter().filter(|member| member.node.pool == pool);
        of_pool.map(|member| member.sessions).sum::<usize>() >= most
    }

    /// The servers that may have a session of this place.
    fn fit(&mut self, place: Place) -> Vec<usize> {
        let writer = self.writer(place.pool);
        if place.role == Role::Writer {
            return writer.into_iter().collect();
        }
        let serving: Vec<usize> = self.serving(place.pool).collect();
        let is_by_word = self.pools.get(place.pool).is_some_and(|pool| pool.settings.kind == Kind::ReadOnly);
        let is_reader = |node: &usize| {
            let can_write = self.members.get(*node).is_some_and(|member| member.health.can_write());
            if is_by_word { !can_write } else { Some(*node) != writer }
        };
        let readers: Vec<usize> = serving.iter().copied().filter(is_reader).collect();
        if place.role == Role::Any || readers.is_empty() { serving } else { readers }
    }

    fn serving(&self, pool: usize) -> impl Iterator<Item = usize> {
        let of_pool = self.members.iter().enumerate().filter(move |(_, member)| member.node.pool == pool);
        of_pool.filter(|(_, member)| self.serves(member)).map(|(node, _)| node)
    }

    /// Whether a server may have new sessions.
    pub(super) fn can_serve(&self, node: usize) -> bool {
        self.members.get(node).is_some_and(|member| self.serves(member))
    }

    fn serves(&self, member: &Member) -> bool {
        !member.is_draining && (!self.is_checked || member.health.state() == State::Up)
    }

    /// The server that takes the writes of a pool: the same as before while it can, else the first in the order of the options, so that
    /// all gateways with the same options come to the same one.
    pub(super) fn writer(&mut self, pool: usize) -> Option<usize> {
        let can_write = |node: &usize| self.members.get(*node).is_some_and(|member| member.health.can_write());
        let able: Vec<usize> = self.serving(pool).filter(can_write).collect();
        let is_unknown = |member: &Member| member.node.pool == pool && member.health.state() == State::Unknown;
        let some_are_unknown = self.is_checked && self.members.iter().any(is_unknown);
        let pool = self.pools.get_mut(pool)?;
        // The first check to end must not decide, because another gateway may see another one first.
        if pool.writer.is_none() && some_are_unknown {
            return None;
        }
        let next = pool.writer.filter(|writer| able.contains(writer)).or_else(|| able.first().copied());
        if next.is_none() && pool.writer.is_some() && !pool.lacks_writer {
            tracing::warn!("pool {}: no server takes the writes", pool.settings.name);
        }
        pool.lacks_writer = next.is_none();
        if next.is_some() && next != pool.writer {
            let name = |node: Option<usize>| {
                node.and_then(|node| self.members.get(node)).map(|member| member.node.to_string())
            };
            let after = name(pool.writer).map(|before| format!(" after {before}")).unwrap_or_default();
            tracing::info!(
                "pool {}: server {} takes the writes{after}",
                pool.settings.name,
                name(next).unwrap_or_default()
            );
            pool.writer = next;
        }
        next
    }

    /// The next of these servers. Each has a credit that grows by its weight at every turn, and the server with the most pays for all: so
    /// servers of equal weight take turns, and one with a small weight comes rarely, evenly spread.
    fn in_turn(&mut self, nodes: &[usize], now: Duration) -> Option<usize> {
        let mut total: i64 = 0;
        let mut chosen: Option<(usize, i64)> = None;
        for node in nodes {
            let Some(member) = self.members.get_mut(*node) else { continue };
            let weight = i64::from(member.health.weight(&self.thresholds, now));
            total = total.saturating_add(weight);
            member.credit = member.credit.saturating_add(weight);
            if chosen.is_none_or(|(_, most)| member.credit > most) {
                chosen = Some((*node, member.credit));
            }
        }
        let (node, _) = chosen?;
        if let Some(member) = self.members.get_mut(node) {
            member.credit = member.credit.saturating_sub(total);
        }
        Some(node)
    }

    /// Takes the verdict of a check of a server.
    pub(super) fn observe(
        &mut self,
        node: usize,
        verdict: Verdict,
        took: Duration,
        now: Duration,
    ) -> Option<Consequence> {
        let member = self.members.get_mut(node)?;
        member.check_took = took;
        let before = member.health.state();
        let consequence = member.health.observe(verdict, &self.thresholds, now)?;
        let (name, health) = (&member.node, &member.health);
        match health.state() {
            State::Up if before == State::Up => {
                let what = if health.can_write() { "takes writes" } else { "is read-only" };
                tracing::warn!("server {name} {what} now");
            }
            State::Up => tracing::warn!("server {name} is up"),
            state => tracing::warn!("server {name} is {}: {}", state.name(), health.reason()),
        }
        Some(consequence)
    }

    /// Takes the certificate that a server has shown, in DER. `now` is in seconds since the Unix epoch.
    pub(super) fn saw_certificate(&mut self, node: usize, der: &[u8], now: u64) {
        let Some(member) = self.members.get_mut(node) else { return };
        if Leaf::take(&mut member.leaf, der, now)
            && let Some(warning) = member.leaf.as_ref().and_then(|leaf| leaf.warning(&member.node, now))
        {
            tracing::warn!("{warning}");
        }
    }

    /// Warnings about the servers' certificates.
    pub(super) fn leaf_warnings(&self, now: u64) -> impl Iterator<Item = String> {
        self.members.iter().filter_map(move |member| member.leaf.as_ref()?.warning(&member.node, now))
    }

    /// Notes that a server failed.
    pub(super) fn failed(&mut self, node: usize, now: Duration) {
        if let Some(member) = self.members.get_mut(node) {
            member.penalty = now.saturating_add(PENALTY);
            member.pause = now.saturating_add(PAUSE);
        }
    }

    /// Lets logins that wait try a server again, because it has taken a login or has a place free.
    pub(super) fn end_pause(&mut self, node: usize) {
        if let Some(member) = self.members.get_mut(node) {
            member.pause = Duration::ZERO;
        }
    }

    /// Whether a line about a failure of a server may be logged: the number of lines that were left out before it.
    pub(super) fn admit_line(&mut self, node: usize, now: Duration) -> Option<u64> {
        self.members.get_mut(node)?.failures.admit(now, MOST_FAILURES)
    }

    /// Notes that a server has taken a login.
    pub(super) fn succeeded(&mut self, node: usize) {
        if let Some(member) = self.members.get_mut(node) {
            member.penalty = Duration::ZERO;
        }
    }

    /// Counts a session of a server, and its handshake.
    pub(super) fn enter(&mut self, node: usize) {
        if let Some(member) = self.members.get_mut(node) {
            member.sessions = member.sessions.saturating_add(1);
            member.handshakes = member.handshakes.saturating_add(1);
        }
    }

    /// Counts the end of a handshake with a server.
    pub(super) fn end_handshake(&mut self, node: usize) {
        if let Some(member) = self.members.get_mut(node) {
            member.handshakes = member.handshakes.saturating_sub(1);
        }
    }

    /// Counts the end of a session of a server.
    pub(super) fn leave(&mut self, node: usize) {
        if let Some(member) = self.members.get_mut(node) {
            member.sessions = member.sessions.saturating_sub(1);
        }
    }

    /// Whether a session of this place should move at its next login, because another server takes the writes or the server is drained.
    pub(super) fn is_misplaced(&mut self, place: Place, node: usize) -> bool {
        self.is_draining(node) || self.has_other_writer(place, node)
    }

    /// Whether a session must leave its server, because it is for writes and another server takes them. One that is drained has its own rule.
    pub(super) fn must_leave(&mut self, place: Place, node: usize) -> bool {
        !self.is_draining(node) && self.has_other_writer(place, node)
    }

    fn is_draining(&self, node: usize) -> bool {
        self.members.get(node).is_some_and(|member| member.is_draining)
    }

    fn has_other_writer(&mut self, place: Place, node: usize) -> bool {
        place.role == Role::Writer && self.writer(place.pool).is_some_and(|writer| writer != node)
    }

    /// The PROXY header that a server gets.
    pub(super) fn announce(&self, node: usize) -> Announce {
        self.members.get(node).map_or(Announce::Nothing, |member| member.node.announce)
    }

    /// The name of a server.
    pub(super) fn name(&self, node: usize) -> String {
        self.members.get(node).map(|member| member.node.to_string()).unwrap_or_default()
    }

    /// The server of this name, `HOST:PORT`, in all pools that have it.
    pub(super) fn named(&mut self, name: &str) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().filter(move |member| member.node.to_string() == name)
    }

    /// The names and kinds of the pools.
    pub(super) fn settings(&self) -> impl Iterator<Item = &PoolSettings> {
        self.pools.iter().map(|pool| &pool.settings)
    }

    /// Whether it is worth to wait for a server: its check may find it up.
    pub(super) const fn is_checked(&self) -> bool {
        self.is_checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::tests::resolve;

    const ANY: Place = Place { pool: 0, role: Role::Any };
    const WRITER: Place = Place { pool: 0, role: Role::Writer };
    const READER: Place = Place { pool: 0, role: Role::Reader };
    const NOW: Duration = Duration::from_secs(9);

    fn pools(more: &[&str]) -> Pools {
        let servers = ["--server=a", "--server=b", "--server=c"];
        Pools::new(&resolve(&[&servers, more].concat()).unwrap())
    }

    fn checked(kind: &str, more: &[&str]) -> Pools {
        let kind = format!("--pool=main,kind={kind}");
        let mut pools = pools(&[&["--check-user=c", &kind], more].concat());
        for node in 0..3 {
            pools.observe(
                node,
                Verdict::Good { can_write: kind.contains("galera") || node == 0, settles: Duration::ZERO },
                NOW,
                NOW,
            );
        }
        pools
    }

    fn lose(pools: &mut Pools, node: usize) {
        for _ in 0..2 {
            pools.observe(node, Verdict::Lost { reason: String::new(), refuses: true }, NOW, NOW);
        }
    }

    fn turns(pools: &mut Pools, place: Place, count: usize) -> Vec<usize> {
        let next = |pools: &mut Pools| match pools.choose(place, &[], false, NOW) {
            Choice::Server(node) => node,
            other => panic!("{other:?}"),
        };
        (0..count).map(|_| next(pools)).collect()
    }

    #[test]
    fn servers_take_turns_and_one_that_failed_comes_last() {
        let mut pools = pools(&[]);
        assert_eq!(turns(&mut pools, ANY, 4), [0, 1, 2, 0]);
        pools.failed(1, NOW);
        assert!(!turns(&mut pools, ANY, 6).contains(&1));
        assert_eq!(pools.choose(ANY, &[2, 0], false, NOW), Choice::Server(1), "better than none");
        assert_eq!(pools.choose(ANY, &[0, 1, 2], false, NOW), Choice::Nobody);
        pools.succeeded(1);
        assert!(turns(&mut pools, ANY, 3).contains(&1));
        pools.failed(0, NOW);
        assert_eq!(pools.choose(ANY, &[1, 2], false, NOW + PENALTY), Choice::Server(0));
        // Logins that wait try it once in a while.
        assert_eq!(pools.choose(ANY, &[1, 2], true, NOW), Choice::Paused);
        assert_eq!(pools.choose(ANY, &[1, 2], true, NOW + PAUSE), Choice::Server(0));
        assert_eq!(pools.choose(ANY, &[1, 2], true, NOW + PAUSE), Choice::Paused, "one at a time");
        assert_eq!(pools.choose(ANY, &[0, 1, 2], true, NOW + PAUSE), Choice::Nobody, "it has tried all");
        pools.end_pause(0);
        assert_eq!(pools.choose(ANY, &[1, 2], true, NOW), Choice::Server(0));
    }

    #[test]
    fn a_server_that_comes_back_gets_few_sessions_at_first() {
        let mut pools = checked("galera", &["--slow-start=10"]);
        lose(&mut pools, 1);
        assert!(!turns(&mut pools, ANY, 30).contains(&1));
        for _ in 0..2 {
            pools.observe(
                1,
                Verdict::Good { can_write: true, settles: Duration::ZERO },
                NOW,
                NOW - Duration::from_secs(2),
            );
        }
        let of_110 = turns(&mut pools, ANY, 110).into_iter().filter(|node| *node == 1).count();
        assert_eq!(of_110, 10, "a fifth of the others' weight");
    }

    #[test]
    fn the_writer_stays_while_it_can() {
        let mut pools = checked("galera", &[]);
        assert_eq!(turns(&mut pools, WRITER, 2), [0, 0]);
        assert_eq!(turns(&mut pools, READER, 4), [1, 2, 1, 2]);
        lose(&mut pools, 0);
        assert!(pools.is_misplaced(WRITER, 0) && !pools.is_misplaced(ANY, 0));
        assert_eq!(turns(&mut pools, WRITER, 2), [1, 1]);
        for _ in 0..2 {
            pools.observe(0, Verdict::Good { can_write: true, settles: Duration::ZERO }, NOW, NOW);
        }
        assert_eq!(turns(&mut pools, WRITER, 2), [1, 1], "the first one is back, and the writer stays");
        lose(&mut pools, 0);
        lose(&mut pools, 2);
        assert_eq!(turns(&mut pools, READER, 2), [1, 1], "a reader where there is none but the writer");
        lose(&mut pools, 1);
        assert_eq!(pools.choose(WRITER, &[], false, NOW), Choice::Nobody);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Nobody);
    }

    #[test]
    fn a_read_only_server_is_a_reader() {
        let mut pools = checked("read-only", &[]);
        assert_eq!(turns(&mut pools, WRITER, 1), [0]);
        assert_eq!(turns(&mut pools, READER, 4), [1, 2, 1, 2]);
        let (writer, reader) = (
            Verdict::Good { can_write: true, settles: Duration::ZERO },
            Verdict::Good { can_write: false, settles: Duration::ZERO },
        );
        assert_eq!(pools.observe(0, reader, NOW, NOW), Some(Consequence::Drain));
        assert_eq!(pools.choose(WRITER, &[], false, NOW), Choice::Nobody, "none takes writes");
        pools.observe(1, writer, NOW, NOW);
        assert_eq!(turns(&mut pools, WRITER, 1), [1]);
    }

    #[test]
    fn a_drained_or_full_server_gets_no_sessions() {
        let mut pools = checked("galera", &["--max-connections-per-server=1"]);
        pools.members[0].is_draining = true;
        assert_eq!(turns(&mut pools, ANY, 4), [1, 2, 1, 2]);
        assert_eq!(turns(&mut pools, WRITER, 1), [1], "a drained server gives the writes away");
        assert!(pools.is_misplaced(ANY, 0) && !pools.is_misplaced(ANY, 1));
        assert!(![ANY, WRITER].into_iter().any(|place| pools.must_leave(place, 0)), "a drain says itself what ends");
        assert!(pools.must_leave(WRITER, 2) && !pools.must_leave(ANY, 2));
        pools.enter(1);
        assert_eq!(turns(&mut pools, ANY, 2), [2, 2]);
        pools.enter(2);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Full(Full::Servers));
        pools.leave(1);
        pools.end_handshake(1);
        assert_eq!(turns(&mut pools, ANY, 2), [1, 1]);
    }

    #[test]
    fn servers_and_pools_have_limits_of_their_own() {
        let servers = ["--server=a,max-connections=1", "--server=b,max-connections=9"];
        let options =
            ["--pool=main,max-connections=3", "--max-handshakes-per-server=2", "--max-connections-per-server=5"];
        let mut pools = Pools::new(&resolve(&[&servers[..], &options].concat()).unwrap());
        let mut entered = Vec::new();
        while let Choice::Server(node) = pools.choose(ANY, &[], false, NOW) {
            pools.enter(node);
            entered.push(node);
        }
        assert_eq!(entered, [0, 1, 1], "one session, and two handshakes");
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Full(Full::Pool));
        pools.leave(0);
        pools.end_handshake(0);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Server(0));
        pools.members[0].is_draining = true;
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Full(Full::Handshakes));
        pools.end_handshake(1);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Server(1));
    }

    #[test]
    fn a_server_is_unfit_until_its_first_check() {
        let mut pools = pools(&["--check-user=c"]);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Nobody);
        pools.observe(2, Verdict::Good { can_write: true, settles: Duration::ZERO }, NOW, NOW);
        assert_eq!(pools.choose(ANY, &[], false, NOW), Choice::Server(2));
        pools.observe(1, Verdict::Good { can_write: true, settles: Duration::ZERO }, NOW, NOW);
        assert_eq!(pools.choose(WRITER, &[], false, NOW), Choice::Nobody, "the first server may be able");
        pools.observe(0, Verdict::Lost { reason: String::new(), refuses: true }, NOW, NOW);
        assert_eq!(pools.choose(WRITER, &[], false, NOW), Choice::Server(1));
    }
}
