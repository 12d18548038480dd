//! How many files, sockets among them, the process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Sees to it that so many are allowed, as mysqld does, as far as the system lets us; how many are.
pub(super) fn allow(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let count = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let (now, most) = (count(limit.current), count(limit.maximum));
    if now >= wanted {
        return now;
    }
    let raised = wanted.min(most);
    limit.current = u64::try_from(raised).ok();
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => raised,
        Err(_) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_kept() {
        let now = allow(0);
        assert!(now > 0);
        assert!(allow(now) >= now, "never lowered");
    }
}
