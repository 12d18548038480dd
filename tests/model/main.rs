//! The connection phase, searched through: the real client and server machines with an attacker between them who may drop,
//! repeat, reorder, alter and add plaintext messages and TLS records, at every point and in every combination of so many
//! deeds. Breadth first, so what is found is the shortest attack. Cryptography is the tests' toy: what it can't do here nobody can.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, their helpers too"
)]

mod attack;
mod rules;
mod world;

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use sealwire_core::facts::Transport;
use sealwire_simnet::{AccountSide, ClientSide, Scenario, ServerSide, Stage};
use sealwire_tests::campaign::{Verdict, expected};
use sealwire_tests::no_security;

use attack::Move;
use world::{Setting, World};

const PASSWORD: &str = "Correct-Horse-Battery";

/// What is searched.
struct Case {
    scenario: Scenario,
    /// How many deeds of the attacker are combined; moves that only deliver are free.
    deeds: usize,
}

impl Case {
    fn name(&self) -> String {
        let Scenario { client, account, .. } = &self.scenario;
        let known = if account.cached { " (cached)" } else { "" };
        let right = if client.password == account.password { "right" } else { "wrong" };
        format!("{:<9} {}{known} {} {right} password", client.ssl_mode, account.plugin, account.require)
    }
}

/// Every SSL mode that differs, with every way of authentication, with and without the clause, with the right password and
/// with another: one deed. Two where there is most to win: a password to be had, and a clause to be got around.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in ["PREFERRED", "REQUIRED", "VERIFY_CA"] {
        for (plugin, cached) in [
            ("mysql_native_password", false),
            ("caching_sha2_password", true),
            ("caching_sha2_password", false),
            ("sha256_password", false),
            ("ed25519", false),
        ] {
            for require in ["", "REQUIRE SSL"] {
                for password in [PASSWORD, "Wrong-Horse-Battery"] {
                    let deepest = mode != "REQUIRED" && !require.is_empty() && password == PASSWORD;
                    let scenario = scenario(mode, plugin, cached, require, password);
                    cases.push(Case { scenario, deeds: if deepest { 2 } else { 1 } });
                }
            }
        }
    }
    cases
}

fn scenario(mode: &str, plugin: &str, cached: bool, require: &str, password: &str) -> Scenario {
    let client = ClientSide {
        ssl_mode: mode.to_owned(),
        password: password.to_owned(),
        enable_cleartext_plugin: true,
        ..ClientSide::default()
    };
    let server = ServerSide { default_plugin: "mysql_native_password".to_owned(), ..ServerSide::default() };
    let account = AccountSide {
        password: PASSWORD.to_owned(),
        plugin: plugin.to_owned(),
        require: require.to_owned(),
        cached,
        ..AccountSide::default()
    };
    Scenario { client, server, account, ..Scenario::default() }
}

/// What a search came to.
#[derive(Default)]
struct Found {
    states: usize,
    moves: usize,
    connected: usize,
    over_tls: usize,
}

/// A state that waits to be searched on: how it was reached, and how many deeds that took.
type Open = (Vec<Move>, usize);

/// Searches a case through. A broken rule ends it with the moves that lead there.
fn search(setting: &Setting, most_deeds: usize) -> Result<Found, String> {
    let mut found = Found::default();
    // By fingerprint: the fewest deeds by which a state was reached.
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let mut open: VecDeque<Open> = VecDeque::from([(Vec::new(), 0)]);
    seen.insert(World::reached(setting, &[]).fingerprint(), 0);
    while let Some((path, deeds)) = open.pop_front() {
        let here = World::reached(setting, &path);
        rules::check(setting, &here).map_err(|rule| format!("{rule}, after {path:?}"))?;
        found.states += 1;
        found.connected += usize::from(here.connected());
        found.over_tls += usize::from(here.connected() && here.client.facts().tls.is_some());
        for next in attack::moves(&here, deeds < most_deeds) {
            found.moves += 1;
            let spent = deeds + usize::from(next.is_hostile());
            let mut path = path.clone();
            path.push(next);
            let there = World::reached(setting, &path);
            let known = seen.entry(there.fingerprint()).or_insert(usize::MAX);
            if spent < *known {
                *known = spent;
                open.push_back((path, spent));
            }
        }
    }
    Ok(found)
}

#[test]
fn no_combination_of_deeds_breaks_a_rule() {
    let started = Instant::now();
    let cases = Mutex::new(cases().into_iter().rev().collect::<Vec<_>>());
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut stage = Stage::new(no_security::provider());
                loop {
                    let Some(case) = cases.lock().unwrap().pop() else { break };
                    let found = search(&Setting::new(&mut stage, &case.scenario), case.deeds);
                    results.lock().unwrap().push((case, found));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(case, _)| case.name());
    let (mut states, mut moves, mut broken) = (0, 0, Vec::new());
    println!("{:>5} {:>7} {:>8} {:>9} {:>8}  case", "deeds", "states", "moves", "connected", "with TLS");
    for (case, found) in &results {
        let name = case.name();
        match found {
            Ok(Found { states: some, moves: tried, connected, over_tls }) => {
                println!("{:>5} {some:>7} {tried:>8} {connected:>9} {over_tls:>8}  {name}", case.deeds);
                states += some;
                moves += tried;
                // A search in which nothing ever works shows nothing.
                let can = matches!(expected(&case.scenario), Verdict::Connected(_));
                assert!(!can || *over_tls > 0, "nobody ever connects: {name}");
            }
            Err(rule) => broken.push(format!("{name}: {rule}")),
        }
    }
    println!("{states} states and {moves} moves in {:.1} s", started.elapsed().as_secs_f64());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The attack that a search finds, with so many deeds at most.
fn attack(setting: &Setting, deeds: usize) -> String {
    search(setting, deeds).map(|found| format!("none in {} states", found.states)).unwrap_err()
}

// Each of the attacker's goals is reached where a machine has the fault that lets him, so the searches above can fail.

#[test]
fn a_client_that_takes_plaintext_is_found() {
    let mut stage = Stage::new(no_security::provider());
    let plain = scenario("PREFERRED", "mysql_native_password", false, "", PASSWORD);
    let demanding = scenario("REQUIRED", "mysql_native_password", false, "", PASSWORD);
    let found = attack(&Setting::faulty(&mut stage, &plain, &demanding), 1);
    assert_eq!(found, "a client that demands TLS spoke in plaintext, after [Alter(Client, NoSsl)]");
}

#[test]
fn a_server_that_asks_for_no_password_is_found() {
    let mut stage = Stage::new(no_security::provider());
    let right = scenario("PREFERRED", "mysql_native_password", false, "", "Wrong-Horse-Battery");
    let mut open = right.clone();
    open.account.password.clear();
    let found = attack(&Setting::faulty(&mut stage, &open, &right), 2);
    // The attacker answers for the client, with no password at all.
    assert!(found.starts_with("somebody was let in without the password, after [Inject(Server, "), "{found}");
}

#[test]
fn a_server_that_forgets_the_clause_is_found() {
    let mut stage = Stage::new(no_security::provider());
    let forgetful = scenario("PREFERRED", "mysql_native_password", false, "", PASSWORD);
    let right = scenario("PREFERRED", "mysql_native_password", false, "REQUIRE SSL", PASSWORD);
    let found = attack(&Setting::faulty(&mut stage, &forgetful, &right), 1);
    let expected = "a REQUIREd account over plaintext, after [Alter(Client, NoSsl)";
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn a_client_that_trusts_any_line_with_its_password_is_found() {
    let mut stage = Stage::new(no_security::provider());
    let right = scenario("PREFERRED", "mysql_native_password", false, "", PASSWORD);
    let setting = Setting::new(&mut stage, &right).with_client(|client| client.transport = Transport::UnixSocket);
    let found = attack(&setting, 2);
    assert!(found.starts_with("the password in clear outside verified TLS, after ["), "{found}");
}

#[test]
fn a_client_that_believes_in_tls_alone_is_found() {
    let mut stage = Stage::new(no_security::provider());
    // It takes any certificate, and was told to verify.
    let trusting = scenario("REQUIRED", "mysql_native_password", false, "", PASSWORD);
    let right = scenario("VERIFY_CA", "mysql_native_password", false, "", PASSWORD);
    let found = attack(&Setting::faulty(&mut stage, &trusting, &right), 1);
    assert!(found.starts_with("a client believes in TLS that the server does not have, after ["), "{found}");
    assert!(found.contains("Impersonate"), "{found}");
}
