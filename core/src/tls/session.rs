//! A rustls session of either side over the caller's buffers: it holds none of its own, so that an idle connection costs none.

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

/// The most plaintext that one record holds (RFC 8446, section 5.1), and the most that sealing adds to it.
const RECORD: usize = 16 * 1024;
const RECORD_OVERHEAD: usize = 64;

/// See the module.
pub(super) enum Session {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What is sealed.
#[derive(Clone, Copy)]
pub(super) enum Traffic<'a> {
    Data(&'a [u8]),
    CloseNotify,
}

/// What was done with records.
pub(super) struct Progress {
    /// So many bytes of their front are done with.
    pub(super) taken: usize,
    /// Whether the peer's close_notify was among them, or why they were refused.
    pub(super) peer_has_closed: Result<bool, Error>,
}

impl Session {
    /// What both sides tell.
    pub(super) fn state(&self) -> &CommonState {
        match self {
            Self::Client(session) => session,
            Self::Server(session) => session,
        }
    }

    /// Decrypts records in place. Application data is appended to `plain`, what rustls answers to `output`, and the alert where it
    /// refuses them.
    pub(super) fn process(&mut self, records: &mut [u8], plain: &mut Vec<u8>, output: &mut Vec<u8>) -> Progress {
        match self {
            Self::Client(session) => process(&mut **session, records, plain, output),
            Self::Server(session) => process(&mut **session, records, plain, output),
        }
    }

    /// Appends the records of application data, or of close_notify, to `out`. `partial` is what is left of received records: rustls
    /// remembers places in it.
    ///
    /// # Errors
    /// Where the handshake has not come so far that anything can be sent.
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

/// What rustls gives both sides by functions of the same name, but by no trait.
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

fn process<R: Records>(session: &mut R, records: &mut [u8], plain: &mut Vec<u8>, output: &mut Vec<u8>) -> Progress {
    let mut taken = 0;
    loop {
        let UnbufferedStatus { discard, state } = session.next(records.get_mut(taken..).unwrap_or_default());
        taken += discard;
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                // It is decrypted already: the error is for a future in which it is not.
                while let Some(Ok(record)) = traffic.next_record() {
                    taken += record.discard;
                    plain.extend_from_slice(record.payload);
                }
            }
            Ok(ConnectionState::EncodeTlsData(data)) => encode(data, output),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => return Progress { taken, peer_has_closed: Ok(true) },
            // No more records, or no whole one. Early data is never accepted.
            Ok(_) => return Progress { taken, peer_has_closed: Ok(false) },
            Err(error) => {
                take_alert(session, records.get_mut(taken..).unwrap_or_default(), output);
                return Progress { taken, peer_has_closed: Err(error) };
            }
        }
    }
}

/// What a session that has failed has to say, and no more: asked further it would refuse the same records once more.
fn take_alert<R: Records>(session: &mut R, records: &mut [u8], output: &mut Vec<u8>) {
    while session.wants_write() {
        let Ok(ConnectionState::EncodeTlsData(data)) = session.next(records).state else { return };
        encode(data, output);
    }
}

fn encode<Data>(mut data: EncodeTlsData<'_, Data>, output: &mut Vec<u8>) {
    let start = output.len();
    // rustls tells the size by refusing a buffer that is too small.
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = data.encode(&mut []) {
        output.resize(start + required_size, 0);
        // It has just been given the size that it asked for.
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
