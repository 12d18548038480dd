//! The job of a client process, as its arguments, and its answer, as a line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Outcome;
use crate::world::ROWS;

/// How the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    /// TLS 1.2, X25519.
    Tls12,
    /// TLS 1.3, X25519, a full handshake each time.
    Tls13,
    /// TLS 1.3 with X25519MLKEM768.
    Hybrid,
    /// TLS 1.3 with a client certificate.
    Mutual,
    /// TLS 1.3, every connection but the first resumed.
    Resumed,
}

impl Security {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls12 => "tls12",
            Self::Tls13 => "tls13",
            Self::Hybrid => "hybrid",
            Self::Mutual => "mutual",
            Self::Resumed => "resumed",
        }
    }

    const ALL: [Self; 6] = [Self::Plain, Self::Tls12, Self::Tls13, Self::Hybrid, Self::Mutual, Self::Resumed];
}

impl FromStr for Security {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("no security {name}"))
    }
}

/// The measured work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Connect, and end the connection by COM_QUIT.
    Connect,
    /// `SELECT 1`, whose value is checked.
    Query,
    /// `SELECT 1`, [`AT_A_TIME`] of them sent before the first is answered.
    Pipelined,
    /// One result of as many rows, each read into (integer, text, double).
    Rows,
    /// The same by a prepared statement.
    BinaryRows,
    /// One result of as many rows with a text of [`WIDE`] bytes each, which the server makes in less time than it takes to send them.
    WideRows,
    /// One value of 16 MB, repeated.
    Bulk,
    /// One parameter of 16 MB of a prepared statement, repeated.
    Upload,
}

impl Work {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Query => "query",
            Self::Pipelined => "pipelined",
            Self::Rows => "rows",
            Self::BinaryRows => "binary",
            Self::WideRows => "wide",
            Self::Bulk => "bulk",
            Self::Upload => "upload",
        }
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        const ALL: [Work; 8] = [
            Work::Connect,
            Work::Query,
            Work::Pipelined,
            Work::Rows,
            Work::BinaryRows,
            Work::WideRows,
            Work::Bulk,
            Work::Upload,
        ];
        ALL.into_iter().find(|work| work.name() == name).ok_or_else(|| format!("no work {name}"))
    }
}

/// Statements sent together by [`Work::Pipelined`].
pub(crate) const AT_A_TIME: usize = 100;

/// Bytes of the text of a row of [`Work::WideRows`].
pub(crate) const WIDE: usize = 1000;

/// Bytes of one value of [`Work::Bulk`] and [`Work::Upload`].
pub(crate) const BULK_VALUE: usize = 16 * 1000 * 1000;

/// A client's job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) security: Security,
    pub(crate) port: u16,
    /// Connections at once.
    pub(crate) at_once: usize,
    /// How often the work is done, over all connections.
    pub(crate) count: usize,
    /// The folder of the certificates.
    pub(crate) certificates: PathBuf,
}

impl Job {
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        vec![
            self.work.name().to_owned(),
            self.security.name().to_owned(),
            self.port.to_string(),
            self.at_once.to_string(),
            self.count.to_string(),
            self.certificates.display().to_string(),
        ]
    }

    pub(crate) fn parse(words: &[&str]) -> Outcome<Self> {
        let [work, security, port, at_once, count, certificates] = words else {
            return Err("a job is WORK SECURITY PORT AT_ONCE COUNT CERTIFICATES".into());
        };
        Ok(Self {
            work: work.parse()?,
            security: security.parse()?,
            port: port.parse()?,
            at_once: at_once.parse()?,
            count: count.parse()?,
            certificates: certificates.into(),
        })
    }

    /// A file of the certificates' folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.certificates.join(name)
    }

    /// The statement of this work.
    pub(crate) fn sql(&self) -> String {
        match self.work {
            Work::Rows | Work::BinaryRows if self.count > ROWS => {
                let times = self.count / ROWS;
                format!("SELECT id, name, price FROM seq_1_to_{times} STRAIGHT_JOIN bench.r")
            }
            Work::Rows | Work::BinaryRows => format!("SELECT id, name, price FROM bench.r LIMIT {}", self.count),
            Work::WideRows => format!("SELECT seq, REPEAT('x', {WIDE}), 0.5e0 FROM bench.seq_1_to_{}", self.count),
            Work::Bulk => format!("SELECT REPEAT('0123456789abcdef', {})", BULK_VALUE / 16),
            Work::Upload => "SELECT LENGTH(?)".to_owned(),
            Work::Connect | Work::Query | Work::Pipelined => "SELECT 1".to_owned(),
        }
    }
}
