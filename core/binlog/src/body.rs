//! The body of an event, decoded.

use alloc::sync::Arc;
use alloc::vec::Vec;

use sealwire_core::wire::Put as _;

use crate::control::{
    FileBlock, HeartbeatV2, Incident, IntVar, Rand, Rotate, StartEncryption, UserVar, XaPrepare, checkpoint,
    put_counted, put_rows_query, rows_query, xid,
};
use crate::error::{Problem, Result};
use crate::event_type::EventType;
use crate::format::FormatDescription;
use crate::gtid::{GtidEvent, GtidList, MariaDbGtidEvent, tagged};
use crate::inflate::Inflate;
use crate::payload::TransactionPayload;
use crate::query::{LoadQuery, Query};
use crate::rows::{Rows, is_rows};
use crate::table_map::{Table, TableMap};

/// The body of an event. Its parts are borrowed from the event's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// The description of the log's format, also of an old log: START_V3.
    FormatDescription(FormatDescription<'a>),
    /// The log continues in another file.
    Rotate(Rotate<'a>),
    /// The server stopped.
    Stop,
    /// A statement, compressed or not.
    Query(Query<'a>),
    /// A LOAD DATA statement.
    LoadQuery(LoadQuery<'a>),
    /// The first piece of LOAD DATA's file.
    BeginLoadQuery(FileBlock<'a>),
    /// A further piece of LOAD DATA's file.
    AppendBlock(FileBlock<'a>),
    /// LOAD DATA failed, and its file is not needed.
    DeleteFile(FileBlock<'a>),
    /// A number for the next statement.
    IntVar(IntVar),
    /// The seeds of RAND() for the next statement.
    Rand(Rand),
    /// A user variable for the next statement.
    UserVar(UserVar<'a>),
    /// The commit of a transaction, with the transaction's number.
    Xid(u64),
    /// The end of the first phase of an XA transaction.
    XaPrepare(XaPrepare<'a>),
    /// The table that row events speak of.
    TableMap(TableMap<'a>),
    /// Rows.
    Rows(Rows<'a>),
    /// The statement whose rows follow (MySQL).
    RowsQuery(&'a [u8]),
    /// The statement whose rows follow (MariaDB).
    AnnotateRows(&'a [u8]),
    /// The GTID of the transaction that follows (MySQL).
    Gtid(GtidEvent<'a>),
    /// A transaction without GTID follows (MySQL).
    AnonymousGtid(GtidEvent<'a>),
    /// The GTID of the transaction that follows, which may have a tag (MySQL 8.3).
    GtidTagged(GtidEvent<'a>),
    /// The GTIDs of all earlier files, for [`crate::GtidSet::decode`].
    PreviousGtids(&'a [u8]),
    /// A transaction's events, compressed (MySQL).
    TransactionPayload(TransactionPayload<'a>),
    /// The GTID of the transaction that follows (MariaDB).
    MariaDbGtid(MariaDbGtidEvent<'a>),
    /// The last GTIDs of each domain and server (MariaDB).
    GtidList(GtidList<'a>),
    /// The name of the oldest file that recovery needs (MariaDB).
    BinlogCheckpoint(&'a [u8]),
    /// The rest of the file is encrypted (MariaDB).
    StartEncryption(StartEncryption),
    /// The primary lives: the name of its file; its position is in the header.
    Heartbeat(&'a [u8]),
    /// The primary lives: its file and position.
    HeartbeatV2(HeartbeatV2<'a>),
    /// The log has a gap.
    Incident(Incident<'a>),
    /// An event that servers no longer write: LOAD DATA before MySQL 5.0.3, rows before 5.1.18. It changes data, so it must not be skipped.
    Obsolete(&'a [u8]),
    /// An event of group replication, or one whose type is unknown but whose flags allow to skip it.
    Other(&'a [u8]),
}

/// All that the decoding of a body depends on beside its bytes.
pub(crate) struct Context<'c> {
    pub(crate) event_type: EventType,
    /// The post-header length in the log's FORMAT_DESCRIPTION.
    pub(crate) post_header: u8,
    pub(crate) is_ignorable: bool,
    pub(crate) inflate: &'c Inflate,
    /// The table of a row event.
    pub(crate) table: Option<Arc<Table>>,
}

impl<'a> Body<'a> {
    /// `body` is without header and checksum, but that of FORMAT_DESCRIPTION, which is with both its checksum's algorithm and its checksum.
    pub(crate) fn decode(body: &'a [u8], context: Context<'_>) -> Result<Self> {
        let post_header = context.post_header;
        Ok(match context.event_type {
            EventType::FORMAT_DESCRIPTION | EventType::START_V3 => {
                Self::FormatDescription(FormatDescription::decode(body)?.0)
            }
            EventType::ROTATE => Self::Rotate(Rotate::decode(body)?),
            EventType::STOP => Self::Stop,
            EventType::QUERY => Self::Query(Query::decode(body, post_header, None)?),
            EventType::QUERY_COMPRESSED => Self::Query(Query::decode(body, post_header, Some(context.inflate))?),
            EventType::EXECUTE_LOAD_QUERY => Self::LoadQuery(LoadQuery::decode(body)?),
            EventType::BEGIN_LOAD_QUERY => Self::BeginLoadQuery(FileBlock::decode(body)?),
            EventType::APPEND_BLOCK => Self::AppendBlock(FileBlock::decode(body)?),
            EventType::DELETE_FILE => Self::DeleteFile(FileBlock::decode(body)?),
            EventType::INTVAR => Self::IntVar(IntVar::decode(body)?),
            EventType::RAND => Self::Rand(Rand::decode(body)?),
            EventType::USER_VAR => Self::UserVar(UserVar::decode(body)?),
            EventType::XID => Self::Xid(xid(body)?),
            EventType::XA_PREPARE => Self::XaPrepare(XaPrepare::decode(body)?),
            EventType::TABLE_MAP => Self::TableMap(TableMap::decode(body, post_header)?),
            EventType::ROWS_QUERY => Self::RowsQuery(rows_query(body)?),
            EventType::ANNOTATE_ROWS => Self::AnnotateRows(body),
            EventType::GTID => Self::Gtid(GtidEvent::decode(body)?),
            EventType::ANONYMOUS_GTID => Self::AnonymousGtid(GtidEvent::decode(body)?),
            EventType::GTID_TAGGED => Self::GtidTagged(tagged::decode(body)?),
            EventType::PREVIOUS_GTIDS => Self::PreviousGtids(body),
            EventType::TRANSACTION_PAYLOAD => Self::TransactionPayload(TransactionPayload::decode(body)?),
            EventType::MARIADB_GTID => Self::MariaDbGtid(MariaDbGtidEvent::decode(body)?),
            EventType::GTID_LIST => Self::GtidList(GtidList::decode(body)?),
            EventType::BINLOG_CHECKPOINT => Self::BinlogCheckpoint(checkpoint(body)?),
            EventType::START_ENCRYPTION => Self::StartEncryption(StartEncryption::decode(body)?),
            EventType::HEARTBEAT => Self::Heartbeat(body),
            EventType::HEARTBEAT_V2 => Self::HeartbeatV2(HeartbeatV2::decode(body)?),
            EventType::INCIDENT => Self::Incident(Incident::decode(body)?),
            EventType::TRANSACTION_CONTEXT | EventType::VIEW_CHANGE => Self::Other(body),
            EventType::LOAD
            | EventType::SLAVE
            | EventType::CREATE_FILE
            | EventType::EXEC_LOAD
            | EventType::NEW_LOAD
            | EventType::PRE_GA_WRITE_ROWS
            | EventType::PRE_GA_UPDATE_ROWS
            | EventType::PRE_GA_DELETE_ROWS => Self::Obsolete(body),
            event_type if is_rows(event_type) => {
                Self::Rows(Rows::decode(event_type, body, post_header, context.inflate, context.table)?)
            }
            _ if context.is_ignorable => Self::Other(body),
            _ => return Err(Problem::UnknownEvent),
        })
    }

    /// Appends the body, without header and checksum.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::FormatDescription(body) => body.encode(out),
            Self::Rotate(body) => body.encode(out),
            Self::Stop => {}
            Self::Query(body) => body.encode(out),
            Self::LoadQuery(body) => body.encode(out),
            Self::BeginLoadQuery(body) | Self::AppendBlock(body) | Self::DeleteFile(body) => body.encode(out),
            Self::IntVar(body) => body.encode(out),
            Self::Rand(body) => body.encode(out),
            Self::UserVar(body) => body.encode(out),
            Self::Xid(xid) => out.put_u64(*xid),
            Self::XaPrepare(body) => body.encode(out),
            Self::TableMap(body) => body.encode(out),
            Self::Rows(body) => body.encode(out),
            Self::RowsQuery(sql) => put_rows_query(sql, out),
            Self::Gtid(body) | Self::AnonymousGtid(body) => body.encode(out),
            Self::GtidTagged(body) => tagged::encode(body, out),
            Self::TransactionPayload(body) => body.encode(out),
            Self::MariaDbGtid(body) => body.encode(out),
            Self::GtidList(body) => body.encode(out),
            Self::BinlogCheckpoint(name) => put_counted(name, out),
            Self::StartEncryption(body) => body.encode(out),
            Self::HeartbeatV2(body) => body.encode(out),
            Self::Incident(body) => body.encode(out),
            Self::AnnotateRows(bytes)
            | Self::PreviousGtids(bytes)
            | Self::Heartbeat(bytes)
            | Self::Obsolete(bytes)
            | Self::Other(bytes) => {
                out.put(bytes);
            }
        }
    }

    /// The type of an event with this body; `None` for [`Body::Obsolete`] and [`Body::Other`], which have many.
    pub const fn event_type(&self) -> Option<EventType> {
        Some(match self {
            Self::FormatDescription(format) => format.event_type(),
            Self::Rotate(_) => EventType::ROTATE,
            Self::Stop => EventType::STOP,
            Self::Query(query) if query.packed.is_some() => EventType::QUERY_COMPRESSED,
            Self::Query(_) => EventType::QUERY,
            Self::LoadQuery(_) => EventType::EXECUTE_LOAD_QUERY,
            Self::BeginLoadQuery(_) => EventType::BEGIN_LOAD_QUERY,
            Self::AppendBlock(_) => EventType::APPEND_BLOCK,
            Self::DeleteFile(_) => EventType::DELETE_FILE,
            Self::IntVar(_) => EventType::INTVAR,
            Self::Rand(_) => EventType::RAND,
            Self::UserVar(_) => EventType::USER_VAR,
            Self::Xid(_) => EventType::XID,
            Self::XaPrepare(_) => EventType::XA_PREPARE,
            Self::TableMap(_) => EventType::TABLE_MAP,
            Self::Rows(rows) => rows.event_type(),
            Self::RowsQuery(_) => EventType::ROWS_QUERY,
            Self::AnnotateRows(_) => EventType::ANNOTATE_ROWS,
            Self::Gtid(_) => EventType::GTID,
            Self::AnonymousGtid(_) => EventType::ANONYMOUS_GTID,
            Self::GtidTagged(_) => EventType::GTID_TAGGED,
            Self::PreviousGtids(_) => EventType::PREVIOUS_GTIDS,
            Self::TransactionPayload(_) => EventType::TRANSACTION_PAYLOAD,
            Self::MariaDbGtid(_) => EventType::MARIADB_GTID,
            Self::GtidList(_) => EventType::GTID_LIST,
            Self::BinlogCheckpoint(_) => EventType::BINLOG_CHECKPOINT,
            Self::StartEncryption(_) => EventType::START_ENCRYPTION,
            Self::Heartbeat(_) => EventType::HEARTBEAT,
            Self::HeartbeatV2(_) => EventType::HEARTBEAT_V2,
            Self::Incident(_) => EventType::INCIDENT,
            Self::Obsolete(_) | Self::Other(_) => return None,
        })
    }
}
