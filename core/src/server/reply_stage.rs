//! The progress of the reply to a command, and the ERR packet, which may end it at any time.

use crate::channel::Channel;
use crate::message::{ErrPacket, SqlError};

/// The progress of the reply to the current command.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) stage: Stage,
    /// Whether the client sends acknowledgements meanwhile.
    pub(super) acknowledges: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of the reply has been sent, or a result with more to follow has ended.
    #[default]
    Start,
    /// The columns have been sent; rows may follow.
    Rows,
    /// The client has been asked for a file.
    File,
}

impl Reply {
    pub(super) fn awaits_file(&self) -> bool {
        self.stage == Stage::File
    }

    pub(super) const fn file_received(&mut self) {
        self.stage = Stage::Start;
    }
}

/// Queues an ERR packet.
pub(super) fn send_error(channel: &mut Channel, error: &SqlError) {
    channel.send_traced("ERR_Packet", |out| ErrPacket::from(error).encode(out), || alloc::format!("{error}"));
}
