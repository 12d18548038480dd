//! MariaDB's GTIDs: domain, server, sequence number.
//!
//! Source: MariaDB, "GTID_EVENT" and "GTID_LIST_EVENT".

use alloc::vec::Vec;
use core::fmt;

use sealwire_core::wire::{Put as _, Reader};

use crate::control::Xid;
use crate::error::{Problem, Result};

/// A GTID of MariaDB. Its `Display` is `domain-server-sequence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MariaDbGtid {
    /// The replication domain.
    pub domain: u32,
    /// The server at which the transaction was made.
    pub server: u32,
    /// The sequence number within the domain.
    pub sequence: u64,
}

impl fmt::Display for MariaDbGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

/// The event before each transaction or statement of MariaDB. The GTID's server is in the event's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariaDbGtidEvent<'a> {
    /// The sequence number.
    pub sequence: u64,
    /// The domain.
    pub domain: u32,
    /// The flags: see the constants.
    pub flags: u8,
    /// The number of the group of transactions that were committed together.
    pub commit_id: Option<u64>,
    /// The identifier of an XA transaction.
    pub xid: Option<Xid<'a>>,
    /// The further flags, and what belongs to them.
    pub extra: Option<ExtraFlags>,
    /// The zeros behind the body, which make it 19 bytes at least.
    pub padding: &'a [u8],
}

/// The further flags of a MariaDB GTID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtraFlags {
    /// 1 several engines, 2 START ALTER, 4 COMMIT ALTER, 8 ROLLBACK ALTER.
    pub flags: u8,
    /// The number of further engines.
    pub engines: Option<u8>,
    /// The sequence number of the START ALTER that is ended.
    pub start_alter: Option<u64>,
}

impl ExtraFlags {
    /// Several engines take part.
    pub const MULTI_ENGINE: u8 = 1;
    /// The first half of a two-phase ALTER.
    pub const START_ALTER: u8 = 2;
    /// The second half of a two-phase ALTER.
    pub const COMMIT_ALTER: u8 = 4;
    /// The end of a two-phase ALTER that failed.
    pub const ROLLBACK_ALTER: u8 = 8;
}

impl<'a> MariaDbGtidEvent<'a> {
    /// A single statement, without BEGIN and COMMIT.
    pub const STANDALONE: u8 = 1;
    /// The number of a group commit follows.
    pub const GROUP_COMMIT_ID: u8 = 2;
    /// The changes can be rolled back.
    pub const TRANSACTIONAL: u8 = 4;
    /// The transaction may be applied in parallel with others.
    pub const ALLOW_PARALLEL: u8 = 8;
    /// The transaction waited for a lock.
    pub const WAITED: u8 = 0x10;
    /// DDL.
    pub const DDL: u8 = 0x20;
    /// XA PREPARE.
    pub const PREPARED_XA: u8 = 0x40;
    /// XA COMMIT or XA ROLLBACK.
    pub const COMPLETED_XA: u8 = 0x80;

    /// An event with these flags, without group commit and XA.
    pub const fn new(domain: u32, sequence: u64, flags: u8) -> Self {
        const ZEROS: [u8; 6] = [0; 6];
        Self { sequence, domain, flags, commit_id: None, xid: None, extra: None, padding: &ZEROS }
    }

    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let (sequence, domain) = (reader.u64("the sequence number")?, reader.u32("the domain")?);
        let flags = reader.u8("the flags")?;
        let has = |flag: u8| flags & flag != 0;
        let commit_id = if has(Self::GROUP_COMMIT_ID) { Some(reader.u64("the commit's number")?) } else { None };
        let xid = if has(Self::PREPARED_XA | Self::COMPLETED_XA) {
            let what = "the XA transaction";
            let (format, global, branch) = (reader.u32(what)?, reader.u8(what)?, reader.u8(what)?);
            let (global, branch) = (reader.bytes(global.into(), what)?, reader.bytes(branch.into(), what)?);
            Some(Xid { format, global, branch })
        } else {
            None
        };
        let mut extra = None;
        if reader.peek().is_some_and(|flags| flags != 0) {
            let flags = reader.u8("the further flags")?;
            let engines = flags & ExtraFlags::MULTI_ENGINE != 0;
            let alter = flags & (ExtraFlags::COMMIT_ALTER | ExtraFlags::ROLLBACK_ALTER) != 0;
            extra = Some(ExtraFlags {
                flags,
                engines: if engines { Some(reader.u8("the number of engines")?) } else { None },
                start_alter: if alter { Some(reader.u64("the sequence number of START ALTER")?) } else { None },
            });
        }
        Ok(Self { sequence, domain, flags, commit_id, xid, extra, padding: reader.rest() })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.sequence);
        out.put_u32(self.domain);
        out.put_u8(self.flags);
        if let Some(commit_id) = self.commit_id {
            out.put_u64(commit_id);
        }
        if let Some(xid) = self.xid {
            out.put_u32(xid.format);
            out.put_u8(xid.global.len() as u8);
            out.put_u8(xid.branch.len() as u8);
            out.put(xid.global);
            out.put(xid.branch);
        }
        if let Some(extra) = self.extra {
            out.put_u8(extra.flags);
            if let Some(engines) = extra.engines {
                out.put_u8(engines);
            }
            if let Some(start) = extra.start_alter {
                out.put_u64(start);
            }
        }
        out.put(self.padding);
    }

    /// The GTID, for the server of the event's header.
    pub const fn gtid(&self, server: u32) -> MariaDbGtid {
        MariaDbGtid { domain: self.domain, server, sequence: self.sequence }
    }

    /// Whether the group is a single statement, without BEGIN and COMMIT.
    pub const fn is_standalone(&self) -> bool {
        self.flags & Self::STANDALONE != 0
    }
}

/// GTID_LIST: the last GTID of each domain and server in all earlier files. The last entry of a domain is its current position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidList<'a> {
    /// 1: UNTIL is reached. 2: the entries are to be ignored.
    pub flags: u8,
    count: u32,
    /// The entries, of 16 bytes each.
    entries: &'a [u8],
    padding: &'a [u8],
}

/// The bytes of an entry: domain, server, sequence number.
const ENTRY: usize = 16;

impl<'a> GtidList<'a> {
    /// Reads the body of an event.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        Self::decode(body)
    }

    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let first = reader.u32("the number of GTIDs")?;
        let count = first & 0x0fff_ffff;
        let length = (count as usize).checked_mul(ENTRY).ok_or(Problem::Truncated("the GTIDs"))?;
        let entries = reader.bytes(length, "the GTIDs")?;
        Ok(Self { flags: (first >> 28) as u8, count, entries, padding: reader.rest() })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(u32::from(self.flags) << 28 | self.count);
        out.put(self.entries);
        out.put(self.padding);
    }

    /// The GTIDs.
    pub fn iter(&self) -> impl Iterator<Item = MariaDbGtid> + use<'a> {
        self.entries.chunks_exact(ENTRY).filter_map(|entry| {
            let mut reader = Reader::new(entry);
            let what = "a GTID";
            Some(MariaDbGtid {
                domain: reader.u32(what).ok()?,
                server: reader.u32(what).ok()?,
                sequence: reader.u64(what).ok()?,
            })
        })
    }

    /// Appends the body of a list of these GTIDs.
    pub fn build(flags: u8, gtids: &[MariaDbGtid], out: &mut Vec<u8>) {
        out.put_u32(u32::from(flags) << 28 | gtids.len() as u32 & 0x0fff_ffff);
        for gtid in gtids {
            out.put_u32(gtid.domain);
            out.put_u32(gtid.server);
            out.put_u64(gtid.sequence);
        }
        if gtids.is_empty() {
            // MariaDB's readers refuse shorter events.
            out.put_u16(0);
        }
    }
}
