//! A rustls session of a client or server that uses the caller's buffers. It has no buffers of its own, so an idle connection costs no
//! memory for them.

use alloc::vec::Vec;
use core::ops::Deref;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedConnectionCommon,
    UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, Error};

use super::TlsError;

/// The largest plaintext of one record (RFC 8446, section 5.1), and the most bytes that encryption adds to it.
const RECORD: usize = 16 * 1024;
const RECORD_OVERHEAD: usize = 64;

/// A rustls session of either side, without buffers.
pub(super) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// The records to encrypt: application data or the close_notify alert.
#[derive(Clone, Copy)]
pub(super) enum Traffic<'a> {
    Data(&'a [u8]),
    CloseNotify,
}

/// The result of processing records.
pub(super) struct Processed {
    /// The number of bytes at the front of the records that have been processed.
    pub(super) taken: usize,
    /// The stage after the records, or the error with which rustls refused them.
    pub(super) outcome: Result<Outcome, Error>,
}

/// The stage of a session after it has processed records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The handshake needs the peer's next message, and no application data can be sent before.
    Handshaking,
    /// Application data can be sent. A server of TLS 1.3 may come to this before the client's Finished.
    Sending,
    /// The peer's close_notify was among them.
    PeerClosed,
}

impl Session {
    /// The state that sessions of both sides have in common.
    pub(super) fn state(&self) -> &CommonState {
        match self {
            Self::Client(session) => session,
            Self::Server(session) => session,
        }
    }

    /// Decrypts records in place. Appends application data to `plain`, and rustls's answers, including the alert if it refuses the records,
    /// to `output`.
    pub(super) fn process(&mut self, records: &mut [u8], plain: &mut Vec<u8>, output: &mut Vec<u8>) -> Processed {
        match self {
            Self::Client(session) => process(&mut **session, records, plain, output),
            Self::Server(session) => process(&mut **session, records, plain, output),
        }
    }

    /// Encrypts application data or a close_notify and appends the records to `out`. `partial` holds the unprocessed received records,
    /// because rustls remembers positions in them.
    ///
    /// # Errors
    /// If the handshake has not come far enough to send anything.
    pub(super) fn seal(
        &mut self,
        traffic: Traffic<'_>,
        partial: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), TlsError> {
        match self {
            Self::Client(session) => seal(&mut **session, traffic, partial, out),
            Self::Server(session) => seal(&mut **session, traffic, partial, out),
        }
    }
}

/// Calls a method that the sessions of both sides have, because rustls has no common trait for it.
trait Records: Deref<Target = CommonState> {
    type Data;

    fn next<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Records for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn next<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }
}

impl Records for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn next<'c, 'i>(&'c mut self, records: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(records)
    }
}

fn process<R: Records>(session: &mut R, records: &mut [u8], plain: &mut Vec<u8>, output: &mut Vec<u8>) -> Processed {
    let mut taken = 0;
    loop {
        let UnbufferedStatus { discard, state } = session.next(records.get_mut(taken..).unwrap_or_default());
        taken += discard;
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                // rustls 0.23 has decrypted the record already; the error is reserved for future versions.
                while let Some(Ok(record)) = traffic.next_record() {
                    taken += record.discard;
                    plain.extend_from_slice(record.payload);
                }
            }
            Ok(ConnectionState::EncodeTlsData(data)) => encode(data, output),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => return Processed { taken, outcome: Ok(Outcome::PeerClosed) },
            Ok(ConnectionState::WriteTraffic(_)) => return Processed { taken, outcome: Ok(Outcome::Sending) },
            // No complete record is left. Early data is never accepted.
            Ok(_) => return Processed { taken, outcome: Ok(Outcome::Handshaking) },
            Err(error) => {
                take_alert(session, records.get_mut(taken..).unwrap_or_default(), output);
                return Processed { taken, outcome: Err(error) };
            }
        }
    }
}

/// Appends the alert of a failed session. Stop after it, because rustls would refuse the same records again.
fn take_alert<R: Records>(session: &mut R, records: &mut [u8], output: &mut Vec<u8>) {
    while session.wants_write() {
        let Ok(ConnectionState::EncodeTlsData(data)) = session.next(records).state else { return };
        encode(data, output);
    }
}

fn encode<Data>(mut data: EncodeTlsData<'_, Data>, output: &mut Vec<u8>) {
    let start = output.len();
    // rustls reports the required size by refusing a buffer that is too small.
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = data.encode(&mut []) {
        output.resize(start + required_size, 0);
        // The buffer now has the size that rustls asked for, so this can't fail.
        let _ = data.encode(output.get_mut(start..).unwrap_or_default());
    }
}

fn seal<R: Records>(
    session: &mut R,
    traffic: Traffic<'_>,
    partial: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), TlsError> {
    loop {
        let UnbufferedStatus { discard, state } = session.next(partial);
        match state {
            Ok(ConnectionState::WriteTraffic(mut writer)) => return encrypt(&mut writer, traffic, out),
            Ok(ConnectionState::EncodeTlsData(data)) => encode(data, out),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => {}
            Ok(ConnectionState::BlockedHandshake) => return Err(TlsError::HandshakeNotComplete),
            Ok(_) => return Err(TlsError::Closed),
            Err(error) => return Err(TlsError::from(&error)),
        }
        partial.drain(..discard.min(partial.len()));
    }
}

fn encrypt<Data>(writer: &mut WriteTraffic<'_, Data>, traffic: Traffic<'_>, out: &mut Vec<u8>) -> Result<(), TlsError> {
    let start = out.len();
    let mut size = match traffic {
        Traffic::Data(plain) => plain.len() + (plain.len() / RECORD + 1) * RECORD_OVERHEAD,
        Traffic::CloseNotify => RECORD_OVERHEAD,
    };
    loop {
        out.resize(start + size, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let written = match traffic {
            Traffic::Data(plain) => writer.encrypt(plain, room),
            Traffic::CloseNotify => writer.queue_close_notify(room),
        };
        match written {
            Ok(length) => {
                out.truncate(start + length);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) if required_size > size => {
                size = required_size;
            }
            Err(_) => {
                out.truncate(start);
                return Err(TlsError::Closed);
            }
        }
    }
}
