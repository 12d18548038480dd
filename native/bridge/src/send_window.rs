//! How much a page may be sent. Nothing keeps a browser from taking what arrives, read or not, so a page whose WebSocket has the
//! subprotocol `sealwire` says what it has read, and the bridge sends no more than the window that is left.

/// Bytes that may be on their way to such a page, or wait in it.
pub const WINDOW: usize = 1024 * 1024;
/// Bytes that it has read for each empty message that it sends.
pub const GRANT: usize = 256 * 1024;

/// How much more may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendWindow {
    /// The client's TCP holds us back, as a native client's does.
    Unlimited,
    /// So many bytes.
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

    /// So many were sent.
    pub(super) const fn take(&mut self, length: usize) {
        if let Self::Left(left) = self {
            *left = left.saturating_sub(length);
        }
    }

    /// The client has read what makes a grant. One that says so too often gains nothing.
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
