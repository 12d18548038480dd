//! Runs the server's shared state under a scheduler that tries many orders of the threads. The files are the server's own; their locks,
//! channels and threads are shuttle's. A failing schedule is printed, and `shuttle::replay` repeats it.
//!
//! | shared state | file | invariant |
//! | --- | --- | --- |
//! | accounts, digests of passwords | `versioned.rs` | a changed password's digest is forgotten; no change is lost |
//! | changes of accounts | `turns.rs`, `round_robin.rs` | one at a time; none waits for ever |
//! | certificates, configuration of new connections | `published.rs` | a changed or reloaded value is in force when the statement ends |
//! | connections, KILL, `max_user_connections` | `registry.rs`, `interruption.rs` | KILL stops a statement that begins meanwhile; limits hold; no number twice |
//! | threads that run statements | `threads.rs` | each statement runs exactly once; a thread that ends loses no statement |
//!
//! Status counters, the count of prepared statements, variables and parsed statements are not modelled, because each is one operation on
//! one atomic, or one lock held for one read or write. The locks of SQLite's files and mio's wakers are not modelled, because other
//! projects test them. In shuttle, threads see each other's writes at once, as with locks and the orderings `Acquire` and `Release`; it
//! does not simulate weaker memory orderings.

#![allow(clippy::unwrap_used, dead_code, reason = "these are tests of files that others use whole")]

mod server;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::{Account, AccountName, Accounts, Identity};
use sealwire_core::auth::Plugin;
use server::engine::Interruption;
use server::published::Published;
use server::registry::{MostSessions, Registry, SessionLimit};
use server::sync;
use server::threads::Threads;
use server::turns::Turns;
use server::versioned::Versioned;
use shuttle::sync::atomic::{AtomicU32, Ordering};
use shuttle::sync::mpsc::{Sender, channel};
use shuttle::thread;

/// The number of schedules tried; the known races were found in fewer than a hundred.
const SCHEDULES: usize = 2_000;

fn in_every_order(run: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}

/// Runs each part in a thread of its own, and waits for all.
fn at_once<T: Send + Sync + 'static>(shared: &Arc<T>, parts: &[fn(&T)]) {
    let start = |part: &fn(&T)| {
        let (part, shared) = (*part, Arc::clone(shared));
        thread::spawn(move || part(&shared))
    };
    let threads: Vec<_> = parts.iter().map(start).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// The accounts, reduced: a value is a password, and the remembered digest is that password.
type Passwords = Versioned<u32, &'static str, u32>;

/// A login reads the account first, then the remembered digest of its password. A proved password is remembered for the next login.
fn log_in(passwords: &Passwords) {
    let account = passwords.current();
    if let Some(remembered) = passwords.get(&"user") {
        // A change may come between the two reads; the remembered digest is then of the newer value.
        assert!(remembered >= *account, "a password from before the change lets its owner in");
    } else {
        passwords.remember("user", *account, &account);
    }
}

fn change(passwords: &Passwords) {
    let turn = passwords.turn("user", &Arc::default(), Duration::MAX).unwrap();
    passwords.change(&turn, |old| Ok::<_, ()>((Some(old + 1), ()))).unwrap();
}

#[test]
fn no_old_password_is_remembered_after_a_change() {
    in_every_order(|| {
        let passwords = Arc::new(Passwords::new(0, |old, new, _| old == new));
        at_once(&passwords, &[log_in, change, log_in, change]);
        assert_eq!(*passwords.current(), 2, "a change was lost");
        let remembered = passwords.get(&"user");
        assert!(remembered.is_none_or(|password| password == 2), "{remembered:?} is remembered, and 2 is the password");
    });
}

/// A change may write files, so that a login which waited for it would wait for the disk.
#[test]
fn logins_do_not_wait_for_a_change() {
    in_every_order(|| {
        let passwords = Arc::new(Passwords::new(0, |old, new, _| old == new));
        let turn = passwords.turn("user", &Arc::default(), Duration::MAX).unwrap();
        passwords
            .change(&turn, |old| {
                at_once(&passwords, &[log_in, log_in]);
                Ok::<_, ()>((Some(old + 1), ()))
            })
            .unwrap();
        assert_eq!((*passwords.current(), passwords.get(&"user")), (1, None));
    });
}

#[test]
fn changes_are_made_one_at_a_time_and_none_waits_for_ever() {
    in_every_order(|| {
        let shared = Arc::new((Turns::default(), AtomicU32::new(0)));
        let change = |account: &'static str| {
            move |(turns, running): &(Turns, AtomicU32)| {
                let _turn = turns.take(account, &Arc::default(), Duration::MAX).unwrap();
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two changes at once");
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let threads: Vec<_> = ["busy", "busy", "other", "busy"]
            .into_iter()
            .map(|account| {
                let (shared, change) = (Arc::clone(&shared), change(account));
                thread::spawn(move || change(&shared))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The turn may come at the moment when its waiter is killed.
#[test]
fn a_killed_waiter_keeps_no_turn() {
    in_every_order(|| {
        let turns = Arc::new(Turns::default());
        let take = |interruption: &Arc<Interruption>| {
            let (turns, interruption) = (Arc::clone(&turns), Arc::clone(interruption));
            thread::spawn(move || turns.take("user", &interruption, Duration::MAX).is_ok())
        };
        let killed = Arc::new(Interruption::default());
        let (one, victim, other) = (take(&Arc::default()), take(&killed), take(&Arc::default()));
        killed.stop();
        victim.join().unwrap();
        assert!(one.join().unwrap() && other.join().unwrap());
        assert!(turns.take("user", &Arc::default(), Duration::MAX).is_ok(), "the turn was lost");
    });
}

/// A server variable and a certificate, and the settings of new connections, which contain both.
struct Settings {
    required: AtomicU32,
    certificate: AtomicU32,
    told: Published<(u32, u32)>,
}

impl Settings {
    fn refresh(&self) {
        let Ok(()) = self.told.replace(|| {
            Ok::<_, Infallible>((self.required.load(Ordering::SeqCst), self.certificate.load(Ordering::SeqCst)))
        });
    }
}

/// SET GLOBAL require_secure_transport = ON.
fn require(settings: &Settings) {
    settings.required.store(1, Ordering::SeqCst);
    settings.refresh();
    assert_eq!(settings.told.current().0, 1, "new connections are not told what was set");
}

/// A certificate file is replaced and reloaded.
fn reload(settings: &Settings) {
    let newer = settings.certificate.fetch_add(1, Ordering::SeqCst) + 1;
    settings.refresh();
    assert!(settings.told.current().1 >= newer, "new connections get an old certificate");
}

/// Handshakes that begin meanwhile.
fn handshakes(settings: &Settings) {
    let first = settings.told.current();
    let second = settings.told.current();
    assert!(first.0 <= second.0 && first.1 <= second.1, "what new connections are told goes back");
}

#[test]
fn what_was_set_or_loaded_is_in_force_from_then_on() {
    in_every_order(|| {
        let (required, certificate) = (AtomicU32::new(0), AtomicU32::new(0));
        let settings = Arc::new(Settings { required, certificate, told: Published::new((0, 0)) });
        at_once(&settings, &[require, reload, handshakes, reload]);
        assert_eq!(*settings.told.current(), (1, 2));
    });
}

#[test]
fn a_failed_replacement_leaves_all_as_it_is_and_the_next_one_goes_on() {
    in_every_order(|| {
        let value = Arc::new(Published::new(0));
        at_once(
            &value,
            &[
                |value| assert_eq!(value.replace(|| Err("no such file")), Err("no such file")),
                |value| assert_eq!(value.replace(|| Ok::<_, Infallible>(*value.current() + 1)), Ok(())),
                |value| assert_eq!(value.replace(|| Ok::<_, Infallible>(*value.current() + 1)), Ok(())),
            ],
        );
        assert_eq!(*value.current(), 2, "a replacement was lost");
    });
}

/// The limits per user and in all.
const MOST: MostSessions = MostSessions { in_all: 2, of_user: Some(1) };

/// The account of that name.
fn account(user: &str) -> Identity {
    let name = AccountName::new(user, "%");
    let mut accounts = Accounts::new([0; 32]);
    accounts.insert(Account::new(name.clone(), Plugin::CachingSha2Password));
    accounts.identity(&name).unwrap()
}

/// A connection of a user who may have one; returns `true` where the login succeeds.
fn comes(registry: &Registry) -> bool {
    let id = registry.next_id();
    let process = registry.enter(id, "localhost".to_owned(), Box::new(|| {}));
    let is_in = registry.log_in(&process, "user", &account("user"), MOST).is_ok();
    assert_eq!(process.state().user.is_some(), is_in);
    is_in
}

#[test]
fn no_user_has_more_connections_than_he_may_and_no_number_is_given_twice() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let come = || {
            let registry = Arc::clone(&registry);
            thread::spawn(move || comes(&registry))
        };
        let threads = [come(), come(), come()];
        let let_in = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is_in| *is_in);
        assert_eq!(let_in.count(), 1);
        assert_eq!(registry.len(), 3, "a number was given twice");
    });
}

#[test]
fn there_is_no_session_too_many() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let come = |number: usize| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || {
                let id = registry.next_id();
                let process = registry.enter(id, "localhost".to_owned(), Box::new(|| {}));
                let outcome = registry.log_in(&process, "user", &account(&number.to_string()), MOST);
                if number == 0 {
                    registry.leave(id);
                }
                outcome
            })
        };
        let outcomes: Vec<_> = (0..4).map(come).collect();
        let outcomes: Vec<_> = outcomes.into_iter().map(|thread| thread.join().unwrap()).collect();
        // The first connection ends; another takes its place, or none does.
        let refused = outcomes.iter().filter(|outcome| **outcome == Err(SessionLimit::Server)).count();
        assert!(outcomes.iter().all(|outcome| outcome.is_ok_and(|sessions| sessions <= 2) || outcome.is_err()));
        assert!((1..=2).contains(&refused), "{outcomes:?}");
    });
}

#[test]
fn a_connection_that_left_leaves_room() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let id = registry.next_id();
        let first = registry.enter(id, "localhost".to_owned(), Box::new(|| {}));
        assert_eq!(registry.log_in(&first, "user", &account("user"), MOST), Ok(1));
        // COM_CHANGE_USER to the same user.
        assert_eq!(registry.log_in(&first, "user", &account("user"), MOST), Ok(1));
        at_once(&registry, &[|registry| registry.leave(1), |registry| drop(registry.all())]);
        assert_eq!(registry.len(), 0);
        assert!(comes(&registry));
    });
}

/// A worker's part: it begins a statement, which runs in another thread until it is stopped, and checks the connection whenever it is
/// woken.
fn statement_that_never_ends(registry: &Registry, id: u32, woken: &shuttle::sync::mpsc::Receiver<()>) {
    let process = registry.find(id).unwrap();
    let interruption = Arc::new(Interruption::default());
    interruption.reset();
    process.update(|state| state.interruption = Some(Arc::clone(&interruption)));
    let statement = thread::spawn(move || interruption.sleep(Duration::MAX));
    while !process.is_killed() {
        woken.recv().unwrap();
    }
    process.stop_statement();
    assert!(statement.join().unwrap(), "the statement was not stopped");
}

#[test]
fn a_kill_reaches_a_statement_that_begins_meanwhile() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let (wake, woken): (Sender<()>, _) = channel();
        let id = registry.next_id();
        let wake = shuttle::sync::Mutex::new(wake);
        registry.enter(id, "localhost".to_owned(), Box::new(move || wake.lock().unwrap().send(()).unwrap()));
        let killed = Arc::clone(&registry);
        let killer = thread::spawn(move || killed.find(id).unwrap().kill());
        statement_that_never_ends(&registry, id, &woken);
        killer.join().unwrap();
    });
}

#[test]
fn a_kill_between_the_command_and_its_statement_is_not_lost() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let process = registry.enter(registry.next_id(), "localhost".to_owned(), Box::new(|| {}));
        let interruption = Arc::new(Interruption::default());
        process.begin_statement(Arc::clone(&interruption));
        process.begin("Query", None);
        let killed = Arc::clone(&process);
        let killer = thread::spawn(move || killed.stop_statement());
        process.begin_statement(Arc::clone(&interruption));
        assert!(interruption.sleep(Duration::MAX), "the statement was not stopped");
        killer.join().unwrap();
    });
}

#[test]
fn a_kill_of_a_query_reaches_one_that_runs() {
    in_every_order(|| {
        let registry = Arc::new(Registry::default());
        let process = registry.enter(registry.next_id(), "localhost".to_owned(), Box::new(|| {}));
        let interruption = Arc::new(Interruption::default());
        process.update(|state| state.interruption = Some(Arc::clone(&interruption)));
        let statement = thread::spawn(move || interruption.sleep(Duration::MAX));
        process.stop_statement();
        assert!(statement.join().unwrap());
    });
}

#[test]
fn each_statement_runs_once_whatever_threads_come_and_go() {
    in_every_order(|| {
        let threads = Arc::new(Threads::new(|(number, done): (u32, Sender<u32>)| {
            // The connection may be gone.
            let _ = done.send(number);
        }));
        let (done, results) = channel();
        let connection = |numbers: [u32; 2]| {
            let (threads, done) = (Arc::clone(&threads), done.clone());
            thread::spawn(move || numbers.map(|number| threads.run((number, done.clone())).unwrap()))
        };
        let connections = [connection([1, 2]), connection([3, 4])];
        for connection in connections {
            connection.join().unwrap();
        }
        // A statement that ended together with a thread would be waited for without end.
        let mut ran: Vec<u32> = (0..4).map(|_| results.recv().unwrap()).collect();
        ran.sort_unstable();
        assert_eq!(ran, [1, 2, 3, 4]);
    });
}
