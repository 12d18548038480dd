//! The clients that are compared, each a process of its own so that its processor time can be read, and opensrv as a server.

mod mysql_async_peer;
mod mysql_peer;
pub(crate) mod opensrv;
mod sealwire_peer;
mod sqlx_peer;
pub(crate) mod stream;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::Outcome;
use crate::job::{AT_A_TIME, BULK_VALUE, Job, WIDE, Work};
use crate::measure;

/// One connection's driver, used by one thread.
trait Peer: Sized {
    /// Reads certificates and options, once.
    fn new(job: &Job) -> Outcome<Self>;
    /// Connects; a connection that is open is closed first, as the protocol wants it.
    fn connect(&mut self) -> Outcome;
    /// The first value of the first row.
    fn select_one(&mut self, sql: &str) -> Outcome<i64>;
    /// Reads every row into (integer, text, double); returns the sum of integers, text lengths and whole parts.
    fn rows(&mut self, sql: &str) -> Outcome<i64>;
    /// As `rows`, by a prepared statement.
    fn binary_rows(&mut self, sql: &str) -> Outcome<i64>;
    /// Reads one large value; returns its length.
    fn value(&mut self, sql: &str) -> Outcome<usize>;
    /// Sends one large value as the parameter of a prepared statement; returns the length that the server saw.
    fn upload(&mut self, sql: &str, value: &[u8]) -> Outcome<usize>;
    /// Sends the statement several times at once; returns the sum of the values.
    fn pipelined(&mut self, _sql: &str, _times: usize) -> Outcome<i64> {
        Err("this driver does not pipeline".into())
    }
}

pub(crate) fn run(driver: &str, job: &[&str]) -> Outcome {
    let job = Job::parse(job)?;
    // Two providers are compiled in: none is the obvious one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match driver {
        "sealwire" => work::<sealwire_peer::Sealwire>(&job),
        "mysql" => work::<mysql_peer::Mysql>(&job),
        "mysql_async" => work::<mysql_async_peer::MysqlAsync>(&job),
        "sqlx" => work::<sqlx_peer::Sqlx>(&job),
        other => Err(format!("no driver {other}").into()),
    }
}

/// Does the job with as many threads as there are connections at once.
fn work<P: Peer>(job: &Job) -> Outcome {
    let left = AtomicUsize::new(job.count);
    let since = Instant::now();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..job.at_once).map(|_| scope.spawn(|| one::<P>(job, &left).map_err(|error| error.to_string()))).collect();
        threads
            .into_iter()
            .filter_map(|thread| match thread.join() {
                Ok(outcome) => outcome.err(),
                Err(_) => Some("a client's thread panicked".to_owned()),
            })
            .collect()
    });
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure.into());
    }
    measure::report(since);
    Ok(())
}

fn one<P: Peer>(job: &Job, left: &AtomicUsize) -> Outcome {
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let (mut peer, sql) = (P::new(job)?, job.sql());
    if job.work != Work::Connect {
        peer.connect()?;
    }
    match job.work {
        Work::Connect => {
            while take() {
                peer.connect()?;
            }
        }
        Work::Query => {
            while take() {
                if peer.select_one(&sql)? != 1 {
                    return Err("SELECT 1 did not give 1".into());
                }
            }
        }
        Work::Pipelined => {
            for _ in 0..job.count / job.at_once / AT_A_TIME {
                if peer.pipelined(&sql, AT_A_TIME)? != AT_A_TIME as i64 {
                    return Err("SELECT 1 did not give 1".into());
                }
            }
        }
        Work::Upload => {
            let value = vec![b'x'; BULK_VALUE];
            while take() {
                if peer.upload(&sql, &value)? != BULK_VALUE {
                    return Err("the value did not arrive whole".into());
                }
            }
        }
        Work::Rows | Work::BinaryRows | Work::WideRows => {
            let sum = if job.work == Work::BinaryRows { peer.binary_rows(&sql)? } else { peer.rows(&sql)? };
            let expected = match job.work {
                Work::WideRows => (1..=job.count as i64).map(|id| id + WIDE as i64).sum(),
                _ => crate::world::checksum(job.count),
            };
            if sum != expected {
                return Err(format!("the rows add up to {sum}, not {expected}").into());
            }
        }
        Work::Bulk => {
            while take() {
                if peer.value(&sql)? != BULK_VALUE {
                    return Err("the value is not whole".into());
                }
            }
        }
    }
    Ok(())
}
