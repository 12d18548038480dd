//! A loop that runs a connection, for drivers that do nothing else while they wait.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Connection, Event};
use crate::error::Error;
use crate::machine::{Input, Now, Output};

/// The most memory that an idle connection's driver keeps for received bytes.
const KEPT: usize = 64 * 1024;

/// A transport and a clock.
pub trait Io {
    /// An error of the transport or of the connection.
    type Error: From<Error>;

    /// The current time.
    fn now(&self) -> Now;

    /// Sends the bytes and removes the sent ones from the vector. The rest stays in it for the next call.
    ///
    /// # Errors
    /// An error of the transport.
    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), Self::Error>;

    /// Waits for input until the deadline, if there is one, and appends received bytes to the vector, which may hold others that must stay.
    /// `None` ends [`drive`]: a transport that does not block returns it if there is no input.
    ///
    /// # Errors
    /// An error of the transport.
    fn receive<'a>(
        &mut self,
        bytes: &'a mut Vec<u8>,
        deadline: Option<Duration>,
    ) -> Result<Option<Input<'a>>, Self::Error>;
}

/// The buffers of one connection for received bytes and for bytes to send.
#[derive(Debug, Default)]
pub struct Buffers {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

/// Sends and receives until there is an event. Returns `None` if [`Io::receive`] does.
///
/// ```no_run
/// # use sealwire_core::client::{Buffers, Connection, Event, Io, drive};
/// # fn connect<I: Io>(connection: &mut Connection, io: &mut I) -> Result<(), I::Error> {
/// let mut buffers = Buffers::default();
/// while !matches!(drive(connection, io, &mut buffers)?, Some(Event::Connected(_))) {}
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The connection's error, once the last bytes for the peer have been sent, or the transport's error.
#[inline]
pub fn drive<I: Io>(connection: &mut Connection, io: &mut I, buffers: &mut Buffers) -> Result<Option<Event>, I::Error> {
    loop {
        match connection.poll_output(&mut buffers.outgoing)? {
            Output::Event(event) => {
                if buffers.incoming.capacity() > KEPT && connection.is_idle() {
                    buffers.incoming = Vec::new();
                }
                return Ok(Some(event));
            }
            Output::Transmit => io.send(&mut buffers.outgoing)?,
            Output::Wait(deadline) => {
                connection.lend_incomplete(&mut buffers.incoming);
                let waited = io.receive(&mut buffers.incoming, deadline).map(|input| match input {
                    Some(Input::Bytes(_)) => (None, true),
                    Some(Input::Eof) => (Some(Input::Eof), true),
                    Some(Input::Timeout) => (Some(Input::Timeout), true),
                    None => (None, false),
                });
                // Ignore errors of the connection here, because the next poll returns them, after the alert for the peer.
                if !buffers.incoming.is_empty() {
                    let _ = connection.handle_input(Input::Bytes(&mut buffers.incoming), io.now());
                }
                let (end, goes_on) = waited?;
                if let Some(end) = end {
                    let _ = connection.handle_input(end, io.now());
                }
                if !goes_on {
                    return Ok(None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;
    use alloc::sync::Arc;
    use alloc::vec;

    use super::*;
    use crate::client::{Config, LentRows};
    use crate::message::encode_text_row;
    use crate::random::Random;
    use crate::wire::frame;

    #[derive(Debug)]
    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    /// One result of the scripted transport's `receive`.
    enum ScriptedInput {
        Bytes(&'static [u8]),
        Eof,
        Nothing,
    }

    /// A transport that yields a list of inputs and then waits until the deadline.
    struct Script {
        given: VecDeque<ScriptedInput>,
        sent: Vec<u8>,
        now: Duration,
    }

    impl Io for Script {
        type Error = Error;

        fn now(&self) -> Now {
            Now { monotonic: self.now, wall: Duration::ZERO }
        }

        fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
            self.sent.append(bytes);
            Ok(())
        }

        fn receive<'a>(
            &mut self,
            bytes: &'a mut Vec<u8>,
            deadline: Option<Duration>,
        ) -> Result<Option<Input<'a>>, Error> {
            match self.given.pop_front() {
                Some(ScriptedInput::Bytes(given)) => {
                    bytes.extend_from_slice(given);
                    Ok(Some(Input::Bytes(bytes)))
                }
                Some(ScriptedInput::Eof) => Ok(Some(Input::Eof)),
                Some(ScriptedInput::Nothing) => Ok(None),
                None => {
                    self.now = deadline.unwrap();
                    Ok(Some(Input::Timeout))
                }
            }
        }
    }

    /// The greeting of a server with mysql_native_password and without TLS.
    const GREETING: &[u8] = b"\x49\0\0\0\x0a8.4.0\0\x01\0\0\0abcdefgh\0\x01\x82\x2d\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";

    fn driven(given: Vec<ScriptedInput>) -> (Script, impl FnMut(&mut Script) -> Result<Option<Event>, Error>) {
        let config = Config::new("learner", "secret".into(), Arc::new(Sevens));
        let mut connection = Connection::new(Arc::new(config), Now::default());
        let mut buffers = Buffers::default();
        let script = Script { given: given.into(), sent: Vec::new(), now: Duration::ZERO };
        (script, move |script| drive(&mut connection, script, &mut buffers))
    }

    #[test]
    fn it_goes_on_where_it_was_interrupted() {
        let ok = ScriptedInput::Bytes(b"\x07\0\0\x02\0\0\0\x02\0\0\0");
        let (mut script, mut drive) =
            driven(vec![ScriptedInput::Nothing, ScriptedInput::Bytes(GREETING), ScriptedInput::Nothing, ok]);
        assert!(matches!(drive(&mut script), Ok(None)));
        assert!(script.sent.is_empty(), "the server speaks first");
        assert!(matches!(drive(&mut script), Ok(None)));
        assert!(script.sent.windows(7).any(|part| part == b"learner"));
        assert!(matches!(drive(&mut script), Ok(Some(Event::Connected(_)))));
    }

    /// The answer to a query: one column, `rows` rows, of which the third has a length that takes three bytes, and the end.
    fn answer(rows: usize) -> Vec<u8> {
        let mut payloads = vec![b"\x01".to_vec(), b"\x03def\0\0\0\x01c\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0".to_vec()];
        payloads.push(b"\xfe\0\0\x02\0".to_vec());
        for row in 0..rows {
            let value = vec![b'a'; if row == 2 { 300 } else { row % 7 }];
            let mut payload = Vec::new();
            encode_text_row([Some(value.as_slice())], &mut payload);
            payloads.push(payload);
        }
        payloads.push(b"\xfe\0\0\x02\0".to_vec());
        let (mut bytes, mut sequence) = (Vec::new(), 1);
        for payload in payloads {
            frame::encode(&payload, &mut sequence, &mut bytes);
        }
        bytes
    }

    #[test]
    fn lent_rows_are_those_of_the_events_however_they_arrive() {
        let answer: &'static [u8] = answer(300).leak();
        for size in [1, 2, 3, 5, 8, 13, 60, 500, answer.len()] {
            let login = [GREETING, b"\x07\0\0\x02\0\0\0\x02\0\0\0"].map(ScriptedInput::Bytes);
            let given = login.into_iter().chain(answer.chunks(size).map(ScriptedInput::Bytes)).collect();
            let mut script = Script { given, sent: Vec::new(), now: Duration::ZERO };
            let config = Config::new("learner", "secret".into(), Arc::new(Sevens));
            let mut connection = Connection::new(Arc::new(config), Now::default());
            let (mut buffers, mut lent) = (Buffers::default(), LentRows::default());
            let mut next = |connection: &mut Connection| drive(connection, &mut script, &mut buffers).unwrap().unwrap();
            assert!(matches!(next(&mut connection), Event::Connected(_)));
            connection.query(b"SELECT c FROM t").unwrap();
            assert!(matches!(next(&mut connection), Event::ResultSet));
            let (mut rows, mut by_event) = (Vec::new(), 0);
            loop {
                if connection.lend_rows(&mut lent) {
                    while let Some(row) = lent.advance() {
                        rows.push(row.split_last().unwrap().1.to_vec());
                        row.fill(0xee);
                    }
                    connection.take_back(&mut lent);
                }
                match next(&mut connection) {
                    Event::Row(_) => {
                        by_event += 1;
                        rows.push(connection.row_payload().to_vec());
                    }
                    Event::ResultEnd { .. } => break,
                    other => panic!("{other:?}"),
                }
            }
            assert!(
                rows.iter().map(Vec::len).eq((0..300).map(|row| if row == 2 { 303 } else { 1 + row % 7 })),
                "{size}"
            );
            assert!(by_event <= 1 + answer.len().div_ceil(size), "{size}: {by_event}");
            assert!(!connection.lend_rows(&mut lent), "no rows are due");
            assert!(connection.is_idle());
            assert_eq!(connection.facts().bytes_in, (GREETING.len() + 11 + answer.len()) as u64);
        }
    }

    #[test]
    fn it_tells_the_end_and_the_deadline() {
        let (mut script, mut drive) = driven(vec![ScriptedInput::Eof]);
        assert!(matches!(drive(&mut script), Err(Error::ConnectionLost(_))));
        let (mut script, mut drive) = driven(Vec::new());
        assert!(matches!(drive(&mut script), Err(Error::TimedOut(_))));
        assert!(script.now > Duration::ZERO);
    }
}
