//! The limit on the process's open files, which include sockets.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit to `wanted`, as mysqld does, as far as the system allows; returns the new limit.
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
