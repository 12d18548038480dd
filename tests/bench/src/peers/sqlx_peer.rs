//! sqlx's MySQL driver, each thread with a runtime of its own.

use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::executor::Executor;
use sqlx_core::query::query;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::row::Row;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use tokio::runtime::Runtime;

use super::Peer;
use crate::Outcome;
use crate::job::{Job, Security};

pub(super) struct Sqlx {
    runtime: Runtime,
    options: MySqlConnectOptions,
    conn: Option<MySqlConnection>,
}

impl Peer for Sqlx {
    fn new(job: &Job) -> Outcome<Self> {
        let mut options = MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(job.port)
            .username("bench")
            .password("bench")
            .ssl_mode(MySqlSslMode::Disabled);
        if job.security != Security::Plain {
            options = options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(job.file("ca.pem"));
            if job.security == Security::Mutual {
                options =
                    options.ssl_client_cert(job.file("client-cert.pem")).ssl_client_key(job.file("client-key.pem"));
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, options, conn: None })
    }

    fn connect(&mut self) -> Outcome {
        let Self { runtime, options, conn } = self;
        runtime.block_on(async {
            if let Some(conn) = conn.take() {
                conn.close().await?;
            }
            *conn = Some(options.connect().await?);
            Ok(())
        })
    }

    fn select_one(&mut self, sql: &str) -> Outcome<i64> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        let row = self.runtime.block_on(conn.fetch_one(raw_sql(AssertSqlSafe(sql.to_owned()))))?;
        Ok(row.try_get(0)?)
    }

    fn rows(&mut self, sql: &str) -> Outcome<i64> {
        use futures_util::TryStreamExt;
        let conn = self.conn.as_mut().ok_or("not connected")?;
        self.runtime.block_on(async {
            let mut rows = conn.fetch(raw_sql(AssertSqlSafe(sql.to_owned())));
            let mut sum = 0;
            while let Some(row) = rows.try_next().await? {
                let (id, name, price): (i64, &str, f64) = (row.try_get_unchecked(0)?, row.try_get(1)?, row.try_get(2)?);
                sum += id + name.len() as i64 + price as i64;
            }
            Ok(sum)
        })
    }

    fn binary_rows(&mut self, sql: &str) -> Outcome<i64> {
        use futures_util::TryStreamExt;
        let conn = self.conn.as_mut().ok_or("not connected")?;
        self.runtime.block_on(async {
            let mut rows = query(AssertSqlSafe(sql.to_owned())).fetch(conn);
            let mut sum = 0;
            while let Some(row) = rows.try_next().await? {
                let (id, name, price): (i64, &str, f64) = (row.try_get_unchecked(0)?, row.try_get(1)?, row.try_get(2)?);
                sum += id + name.len() as i64 + price as i64;
            }
            Ok(sum)
        })
    }

    fn upload(&mut self, sql: &str, value: &[u8]) -> Outcome<usize> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        let sent = query(AssertSqlSafe(sql.to_owned())).bind(value).fetch_one(conn);
        Ok(usize::try_from(self.runtime.block_on(sent)?.try_get_unchecked::<i64, _>(0)?)?)
    }

    fn value(&mut self, sql: &str) -> Outcome<usize> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        let row = self.runtime.block_on(conn.fetch_one(raw_sql(AssertSqlSafe(sql.to_owned()))))?;
        Ok(row.try_get_unchecked::<&[u8], _>(0)?.len())
    }
}
