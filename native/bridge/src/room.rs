//! What a page has room for. Nothing keeps a browser from taking what arrives, read or not, so a page whose WebSocket has the
//! subprotocol `sealwire` says what it has read, and no more is sent than it has room for.

/// Bytes that may be on their way to such a page, or wait in it.
pub const WINDOW: usize = 1024 * 1024;
/// Bytes that it has read for each empty message that it sends.
pub const GRANT: usize = 256 * 1024;

/// How much more may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// The client's TCP holds us back, as a native client's does.
    Unlimited,
    /// So many bytes.
    Left(usize),
}

impl Room {
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
    fn room_is_what_was_read_and_never_more_than_the_window() {
        let mut room = Room::new(true);
        assert_eq!(room.of(usize::MAX), WINDOW);
        room.take(WINDOW - 1);
        assert_eq!(room.of(64), 1);
        room.take(1);
        assert_eq!(room.of(64), 0);
        room.grant();
        assert_eq!(room, Room::Left(GRANT));
        for _ in 0..100 {
            room.grant();
        }
        assert_eq!(room, Room::Left(WINDOW));
    }

    #[test]
    fn a_client_that_says_nothing_is_held_back_by_tcp_alone() {
        let mut room = Room::new(false);
        room.take(usize::MAX);
        room.grant();
        assert_eq!(room.of(1 << 20), 1 << 20);
    }
}
