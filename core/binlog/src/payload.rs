//! TRANSACTION_PAYLOAD: the events of a transaction, compressed together (MySQL 8.0.20).
//!
//! Source: MySQL's libs/mysql/binlog/event/compression and codecs/binary.cpp, `Transaction_payload`.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::error::{Problem, Result};
use crate::inflate::{Compression, Inflate};

const END: u64 = 0;
const PAYLOAD_SIZE: u64 = 1;
const COMPRESSION: u64 = 2;
const PLAIN_SIZE: u64 = 3;

/// The number of zstd, which a payload has by default.
const ZSTD: u64 = 0;
/// The number of a payload that is not compressed.
const NONE: u64 = 255;

/// The events of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPayload<'a> {
    /// 0 is zstd, 255 is none.
    pub compression: u64,
    /// The size of the events when they are inflated; without compression it may be missing.
    pub plain_size: Option<u64>,
    /// The compressed events.
    pub payload: &'a [u8],
}

impl<'a> TransactionPayload<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let (mut compression, mut plain_size, mut payload_size) = (NONE, None, None);
        loop {
            let field = reader.lenenc_int("a field's number")?;
            if field == END {
                break;
            }
            let mut value = Reader::new(reader.lenenc_bytes("a field")?);
            match field {
                PAYLOAD_SIZE => payload_size = Some(value.lenenc_int("the payload's size")?),
                COMPRESSION => compression = value.lenenc_int("the compression")?,
                PLAIN_SIZE => plain_size = Some(value.lenenc_int("the inflated size")?),
                // Fields of later versions.
                _ => {}
            }
        }
        let payload = reader.rest();
        if payload_size.is_some_and(|size| size != payload.len() as u64) {
            return Err(Problem::Malformed("the payload's size"));
        }
        Ok(Self { compression, plain_size, payload })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut field = |number: u64, value: u64| {
            let mut bytes = Vec::with_capacity(9);
            bytes.put_lenenc_int(value);
            out.put_lenenc_int(number);
            out.put_lenenc_bytes(&bytes);
        };
        field(COMPRESSION, self.compression);
        if let Some(size) = self.plain_size {
            field(PLAIN_SIZE, size);
        }
        field(PAYLOAD_SIZE, self.payload.len() as u64);
        out.put_lenenc_int(END);
        out.put(self.payload);
    }

    /// The events, without checksums, for [`crate::Reader::next_inside`].
    pub fn inflate(&self, inflate: &Inflate) -> Result<Cow<'a, [u8]>> {
        match self.compression {
            NONE => Ok(Cow::Borrowed(self.payload)),
            ZSTD => {
                let size = self.plain_size.ok_or(Problem::Truncated("the inflated size"))?;
                inflate.run(Compression::Zstd, self.payload, size).map(Cow::Owned)
            }
            _ => Err(Problem::NoInflater("a payload of this kind")),
        }
    }
}
