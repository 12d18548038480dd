//! A search of the connection phase: the real client and server machines, with an attacker between them who may drop, repeat, reorder,
//! alter and add plaintext messages and TLS records, at every point and in every combination of a number of actions. The search is breadth
//! first, so it finds the shortest attack. The cryptography is the tests' toy; an action that it makes impossible is impossible with any
//! cryptography.

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

/// A case to search.
struct Case {
    scenario: Scenario,
    /// How many actions of the attacker are combined; deliveries are not counted.
    attacks: usize,
}

impl Case {
    fn name(&self) -> String {
        let Scenario { client, account, .. } = &self.scenario;
        let known = if account.cached { " (cached)" } else { "" };
        let right = if client.password == account.password { "right" } else { "wrong" };
        format!("{:<9} {}{known} {} {right} password", client.ssl_mode, account.plugin, account.require)
    }
}

/// Every SSL mode that differs, with every way of authentication, with and without the REQUIRE clause, with the right and a wrong password:
/// one action. Two actions where an attacker has most to gain: a password, or a bypass of the clause.
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
                    cases.push(Case { scenario, attacks: if deepest { 2 } else { 1 } });
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

/// The result of a search.
#[derive(Default)]
struct Found {
    states: usize,
    moves: usize,
    connected: usize,
    over_tls: usize,
}

/// A state that is still to be searched: the steps to it, and how many of these are the attacker's actions.
type Open = (Vec<Move>, usize);

/// Searches a case. A broken rule ends the search, with the steps that lead to it.
fn search(setting: &Setting, most_deeds: usize) -> Result<Found, String> {
    let mut found = Found::default();
    // The fewest actions by which each state was reached, by its fingerprint.
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let mut open: VecDeque<Open> = VecDeque::from([(Vec::new(), 0)]);
    seen.insert(World::reached(setting, &[]).fingerprint(), 0);
    while let Some((path, attacks)) = open.pop_front() {
        let here = World::reached(setting, &path);
        rules::check(setting, &here).map_err(|rule| format!("{rule}, after {path:?}"))?;
        found.states += 1;
        found.connected += usize::from(here.connected());
        found.over_tls += usize::from(here.connected() && here.client.facts().tls.is_some());
        for next in attack::moves(&here, attacks < most_deeds) {
            found.moves += 1;
            let spent = attacks + usize::from(next.is_hostile());
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
                    let found = search(&Setting::new(&mut stage, &case.scenario), case.attacks);
                    results.lock().unwrap().push((case, found));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(case, _)| case.name());
    let (mut states, mut moves, mut broken) = (0, 0, Vec::new());
    println!("{:>5} {:>7} {:>8} {:>9} {:>8}  case", "acts", "states", "moves", "connected", "with TLS");
    for (case, found) in &results {
        let name = case.name();
        match found {
            Ok(Found { states: some, moves: tried, connected, over_tls }) => {
                println!("{:>5} {some:>7} {tried:>8} {connected:>9} {over_tls:>8}  {name}", case.attacks);
                states += some;
                moves += tried;
                // A search in which no connection ever succeeds shows nothing.
                let can = matches!(expected(&case.scenario), Verdict::Connected(_));
                assert!(!can || *over_tls > 0, "nobody ever connects: {name}");
            }
            Err(rule) => broken.push(format!("{name}: {rule}")),
        }
    }
    println!("{states} states and {moves} moves in {:.1} s", started.elapsed().as_secs_f64());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The attack that a search finds, with at most `attacks` actions.
fn attack(setting: &Setting, attacks: usize) -> String {
    search(setting, attacks).map(|found| format!("none in {} states", found.states)).unwrap_err()
}

// Each of the attacker's goals is reached with a faulty machine, which shows that the searches above can fail.

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
    // The attacker answers for the client, without a password.
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
    // The client accepts any certificate although it was configured to verify.
    let trusting = scenario("REQUIRED", "mysql_native_password", false, "", PASSWORD);
    let right = scenario("VERIFY_CA", "mysql_native_password", false, "", PASSWORD);
    let found = attack(&Setting::faulty(&mut stage, &trusting, &right), 1);
    assert!(found.starts_with("a client believes in TLS that the server does not have, after ["), "{found}");
    assert!(found.contains("Impersonate"), "{found}");
}
