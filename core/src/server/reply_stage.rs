//! How far the reply to a command has come, and the ERR that may end it anywhere.

use crate::channel::Channel;
use crate::message::{ErrPacket, SqlError};

/// How far the reply to the command at hand has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) stage: Stage,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was said yet, or a result was ended with more to follow.
    #[default]
    Start,
    /// Columns were defined; rows may follow.
    Rows,
    /// A file was asked for.
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

/// Queues ERR.
pub(super) fn send_error(channel: &mut Channel, error: &SqlError) {
    channel.send_traced("ERR_Packet", |out| ErrPacket::from(error).encode(out), || alloc::format!("{error}"));
}
