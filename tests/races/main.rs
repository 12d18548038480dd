//! What the server's threads share, in every order that a scheduler of ours can think of: the file is the server's own, its locks
//! are shuttle's. A failing schedule is printed; `shuttle::replay` takes it.
//!
//! The rest that is shared needs no model: counters and flags are single atomics, and each other value is behind one lock that is
//! held for one read or one write (`state`, `registry`, `reload`, `variables`).

#![allow(clippy::unwrap_used, dead_code, reason = "these are tests of a file that others use whole")]

#[path = "../../native/src/server/versioned.rs"]
mod versioned;

/// What `native/src/server` has as `sync`.
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use shuttle::sync::{Mutex, RwLock};
}

use std::sync::Arc;

use shuttle::thread;
use versioned::Versioned;

/// Schedules that are tried; the race that was there took less than a hundred.
const SCHEDULES: usize = 3_000;

/// The accounts' part in it: a value is a password, and what is remembered of it is that password.
type Passwords = Versioned<u32, &'static str, u32>;

/// A login: the account first, then what is remembered of its password. What was proved is remembered for the next.
fn log_in(passwords: &Passwords) {
    let account = passwords.current();
    if let Some(remembered) = passwords.recall(&"user") {
        // A change may come between the two; what is remembered then is of the newer value.
        assert!(remembered >= *account, "a password from before the change lets its owner in");
    } else {
        passwords.remember("user", *account, &account);
    }
}

fn change(passwords: &Passwords) {
    passwords.change(|old| Ok::<_, ()>((Some(old + 1), ()))).unwrap();
}

#[test]
fn no_old_password_is_remembered_after_a_change() {
    let run = || {
        let passwords = Arc::new(Passwords::new(0));
        let threads: Vec<_> = [log_in as fn(&Passwords), change, log_in, change]
            .into_iter()
            .map(|part| {
                let passwords = Arc::clone(&passwords);
                thread::spawn(move || part(&passwords))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*passwords.current(), 2, "a change was lost");
        let remembered = passwords.recall(&"user");
        assert!(remembered.is_none_or(|password| password == 2), "{remembered:?} is remembered, and 2 is the password");
    };
    shuttle::check_random(run, SCHEDULES);
    shuttle::check_pct(run, SCHEDULES, 3);
}
