//! Flow control towards a page. A browser accepts every message at once, whether or not the page has read the ones before, so TCP holds
//! nothing back. A page whose WebSocket has the subprotocol `sealwire` therefore reports what it has read, and the bridge sends no more
//! than the rest of the window.

/// The most bytes that may be on their way to such a page, or unread in it.
pub const WINDOW: usize = 1024 * 1024;
/// How many read bytes each empty message from the page acknowledges.
pub const GRANT: usize = 256 * 1024;

/// How many more bytes may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendWindow {
    /// No limit: the client's TCP holds us back, as a native client's does.
    Unlimited,
    /// This many bytes.
    Left(usize),
}

impl SendWindow {
    pub(super) const fn new(is_told: bool) -> Self {
        if is_told { Self::Left(WINDOW) } else { Self::Unlimited }
    }

    /// How many of `wanted` bytes may be sent now.
    pub(super) fn of(self, wanted: usize) -> usize {
        match self {
            Self::Unlimited => wanted,
            Self::Left(left) => left.min(wanted),
        }
    }

    /// Notes that `length` bytes were sent.
    pub(super) const fn take(&mut self, length: usize) {
        if let Self::Left(left) = self {
            *left = left.saturating_sub(length);
        }
    }

    /// Notes that the client has read [`GRANT`] bytes. Reporting too often does not raise the window above [`WINDOW`].
    pub(super) fn grant(&mut self) {
        if let Self::Left(left) = self {
            *left = left.saturating_add(GRANT).min(WINDOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_may_be_sent_again_and_never_more() {
        let mut window = SendWindow::new(true);
        assert_eq!(window.of(usize::MAX), WINDOW);
        window.take(WINDOW - 1);
        assert_eq!(window.of(64), 1);
        window.take(1);
        assert_eq!(window.of(64), 0);
        window.grant();
        assert_eq!(window, SendWindow::Left(GRANT));
        for _ in 0..100 {
            window.grant();
        }
        assert_eq!(window, SendWindow::Left(WINDOW));
    }

    #[test]
    fn a_client_that_says_nothing_is_held_back_by_tcp_alone() {
        let mut window = SendWindow::new(false);
        window.take(usize::MAX);
        window.grant();
        assert_eq!(window.of(1 << 20), 1 << 20);
    }
}
