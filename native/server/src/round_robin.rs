//! Queues of accounts that take turns, so that one account with many connections delays others by one piece of work at most.

use std::collections::VecDeque;

/// The entries that wait, by account. Each account's entries keep their order.
pub(crate) struct RoundRobin<T> {
    /// The accounts with their waiting entries; the first account is next. No queue is empty.
    accounts: VecDeque<(String, VecDeque<T>)>,
}

impl<T> Default for RoundRobin<T> {
    fn default() -> Self {
        Self { accounts: VecDeque::new() }
    }
}

impl<T> RoundRobin<T> {
    /// Adds an entry behind the account's others.
    pub(crate) fn push(&mut self, account: &str, entry: T) {
        match self.accounts.iter_mut().find(|(other, _)| other == account) {
            Some((_, entries)) => entries.push_back(entry),
            None => self.accounts.push_back((account.to_owned(), VecDeque::from([entry]))),
        }
    }

    /// How many entries wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.accounts.iter().map(|(_, entries)| entries.len()).sum()
    }

    /// Removes an entry that no longer waits.
    pub(crate) fn remove(&mut self, is_it: impl Fn(&T) -> bool) {
        for (_, entries) in &mut self.accounts {
            entries.retain(|entry| !is_it(entry));
        }
        self.accounts.retain(|(_, entries)| !entries.is_empty());
    }

    /// Takes the next entry; its account is then behind all others.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (account, mut entries) = self.accounts.pop_front()?;
        let next = entries.pop_front();
        if !entries.is_empty() {
            self.accounts.push_back((account, entries));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_turn() {
        let mut waiting = RoundRobin::default();
        for (account, number) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            waiting.push(account, number);
        }
        waiting.push("d", 7);
        waiting.push("b", 8);
        for gone in [7, 8] {
            waiting.remove(|number| *number == gone);
        }
        let order: Vec<i32> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
    }
}
