//! The commands of a replica, and the stream of the binary log that answers them.

use alloc::string::String;
use core::time::Duration;

use super::config::Streaming;
use super::results::Expect;
use super::{Connection, State};
use crate::error::Error;
use crate::machine::Now;
use crate::message::{BinlogDump, BinlogDumpGtid, Command, RegisterReplica, SemiSyncAck};
use crate::trace::Direction;

impl Connection {
    /// COM_REGISTER_SLAVE. Answered by `Ok` or `Failed`.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn register_replica(&mut self, replica: RegisterReplica<'_>) -> Result<(), Error> {
        self.send(&Command::RegisterReplica(replica), "COM_REGISTER_REPLICA", Some(Expect::Simple))
    }

    /// COM_BINLOG_DUMP. Answered by a [`BinlogEvent`](super::Event::BinlogEvent) for each event, then `ResultEnd` or `Failed`. Read no more
    /// from the transport while the events of the last input are not processed, and the server waits.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn binlog_dump(&mut self, dump: BinlogDump<'_>, streaming: Streaming, now: Now) -> Result<(), Error> {
        self.stream(&Command::BinlogDump(dump), streaming, now)
    }

    /// COM_BINLOG_DUMP_GTID. Answered as [`binlog_dump`](Self::binlog_dump).
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn binlog_dump_gtid(&mut self, dump: BinlogDumpGtid<'_>, streaming: Streaming, now: Now) -> Result<(), Error> {
        self.stream(&Command::BinlogDumpGtid(dump), streaming, now)
    }

    fn stream(&mut self, command: &Command<'_>, streaming: Streaming, now: Now) -> Result<(), Error> {
        self.send(command, command.name(), Some(Expect::BinlogStream(streaming)))?;
        self.restart_patience(now);
        Ok(())
    }

    /// Limits the silence of the server before each answer from now on.
    pub(super) fn limit_silence(&mut self, limit: Option<Duration>, now: Now) {
        if let State::Commands(phase) = &mut self.state {
            phase.patience = limit;
        }
        self.restart_patience(now);
    }

    fn restart_patience(&mut self, now: Now) {
        self.link.now = now;
        if let State::Commands(phase) = &self.state {
            self.link.wait_at_most(phase.silence());
        }
    }

    /// Acknowledges that this replica has stored the log up to this position. Answers an event that wants it, and has no answer.
    ///
    /// # Errors
    /// `Misuse` where acknowledgements are not agreed; else as [`query`](Self::query).
    pub fn acknowledge_binlog(&mut self, ack: SemiSyncAck<'_>) -> Result<(), Error> {
        if !self.phase()?.streaming().is_some_and(|streaming| streaming.semi_sync) {
            return Err(Error::Misuse("an acknowledgement outside of a semi-synchronous stream"));
        }
        let (length, _) = self.link.channel.send_command(|out| ack.encode(out));
        self.link.channel.trace_packet(Direction::Sent, 0, length, "semi-sync ACK", String::new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::super::testing::Peer;
    use super::*;
    use crate::machine::{Input, Output};

    const DUMP: BinlogDump<'static> = BinlogDump { position: 4, flags: 0, server_id: 22, file: b"bin.000001" };

    fn at(seconds: u64) -> Now {
        Now { monotonic: Duration::from_secs(seconds), wall: Duration::ZERO }
    }

    fn streaming(streaming: Streaming) -> Peer {
        let mut peer = Peer::connected("5.5.5-10.11.19-MariaDB");
        peer.connection.binlog_dump(DUMP, streaming, at(100)).unwrap();
        peer.sent();
        peer
    }

    #[test]
    fn events_come_until_the_end_of_the_log() {
        let mut peer = streaming(Streaming::default());
        // Sequence numbers go on, and wrap around.
        for index in 0..300_u32 {
            peer.give(&[&[0][..], &index.to_le_bytes()].concat());
            assert!(matches!(peer.event(), Ok(Some(Event::BinlogEvent { wants_ack: false }))), "event {index}");
            assert_eq!(peer.connection.row_payload(), index.to_le_bytes());
        }
        assert!(!peer.connection.is_idle());
        peer.give(b"\xfe\0\0\x02\0");
        assert!(matches!(peer.event(), Ok(Some(Event::ResultEnd { .. }))));
        assert!(peer.connection.is_idle());
    }

    #[test]
    fn an_error_ends_the_stream() {
        let mut peer = streaming(Streaming::default());
        peer.give(b"\xff\xd4\x04#HY000Could not find first log file name in binary log index file");
        let Ok(Some(Event::Failed(error))) = peer.event() else { panic!("no error") };
        assert_eq!(error.code, 1236);
        let mut peer = streaming(Streaming::default());
        peer.give(b"\x01event");
        assert!(matches!(peer.event(), Err(Error::PeerMisbehaved(_))));
    }

    #[test]
    fn a_silent_server_is_given_up_and_each_byte_renews_the_patience() {
        let silence = Some(Duration::from_secs(30));
        let mut peer = streaming(Streaming { semi_sync: false, silence });
        let deadline = |peer: &mut Peer| match peer.connection.poll_output(&mut alloc::vec::Vec::new()) {
            Ok(Output::Wait(deadline)) => deadline,
            other => panic!("{other:?}"),
        };
        assert_eq!(deadline(&mut peer), Some(Duration::from_secs(130)));
        peer.connection.handle_input(Input::Bytes(&mut b"\x02\0".to_vec()), at(120)).unwrap();
        assert_eq!(deadline(&mut peer), Some(Duration::from_secs(150)));
        peer.connection.handle_input(Input::Timeout, at(149)).unwrap();
        let error = peer.connection.handle_input(Input::Timeout, at(150)).unwrap_err();
        assert_eq!(error, Error::TimedOut("while it sent the binary log"));
    }

    #[test]
    fn the_patience_ends_with_the_stream() {
        let mut peer = streaming(Streaming { semi_sync: false, silence: Some(Duration::from_secs(30)) });
        peer.give(b"\xfe\0\0\x02\0");
        assert!(matches!(peer.event(), Ok(Some(Event::ResultEnd { .. }))));
        let mut out = alloc::vec::Vec::new();
        assert!(matches!(peer.connection.poll_output(&mut out), Ok(Output::Wait(None))));
    }

    #[test]
    fn acknowledgements_are_sent_where_they_are_agreed() {
        let ack = SemiSyncAck { position: 0x24c, file: b"bin.000002" };
        let mut peer = streaming(Streaming { semi_sync: true, silence: None });
        peer.give(b"\0\xef\x01event");
        assert!(matches!(peer.event(), Ok(Some(Event::BinlogEvent { wants_ack: true }))));
        assert_eq!(peer.connection.row_payload(), b"event");
        peer.connection.acknowledge_binlog(ack).unwrap();
        assert_eq!(peer.sent(), "\u{ef}\u{4c}\u{2}\0\0\0\0\0\0bin.000002");
        // The server's packets keep their own numbers.
        peer.give(b"\0\xef\0next");
        assert!(matches!(peer.event(), Ok(Some(Event::BinlogEvent { wants_ack: false }))));
        let mut peer = streaming(Streaming::default());
        assert!(matches!(peer.connection.acknowledge_binlog(ack), Err(Error::Misuse(_))));
    }
}
