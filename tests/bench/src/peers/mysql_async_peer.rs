//! The crate `mysql_async`, each thread with a runtime of its own.

use mysql_async::prelude::Queryable;
use mysql_async::{ClientIdentity, Conn, Opts, OptsBuilder, SslOpts};
use tokio::runtime::Runtime;

use super::Peer;
use crate::Outcome;
use crate::job::{Job, Security};

pub(super) struct MysqlAsync {
    runtime: Runtime,
    options: Opts,
    conn: Option<Conn>,
}

impl Peer for MysqlAsync {
    fn new(job: &Job) -> Outcome<Self> {
        let ssl = (job.security != Security::Plain).then(|| {
            let path = |name: &str| job.file(name).into();
            let identity = (job.security == Security::Mutual)
                .then(|| ClientIdentity::new(path("client-cert.pem"), path("client-key.pem")));
            SslOpts::default()
                .with_root_certs(vec![path("ca.pem")])
                .with_disable_built_in_roots(true)
                .with_client_identity(identity)
        });
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(job.port)
            .prefer_socket(false)
            .user(Some("bench"))
            .pass(Some("bench"))
            .max_allowed_packet(Some(1 << 30))
            .ssl_opts(ssl);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, options: options.into(), conn: None })
    }

    fn connect(&mut self) -> Outcome {
        let Self { runtime, options, conn } = self;
        runtime.block_on(async {
            if let Some(conn) = conn.take() {
                conn.disconnect().await?;
            }
            *conn = Some(Conn::new(options.clone()).await?);
            Ok(())
        })
    }

    fn select_one(&mut self, sql: &str) -> Outcome<i64> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        Ok(self.runtime.block_on(conn.query_first(sql))?.ok_or("no row")?)
    }

    fn rows(&mut self, sql: &str) -> Outcome<i64> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        self.runtime.block_on(async {
            let mut result = conn.query_iter(sql).await?;
            let mut sum = 0;
            while let Some(row) = result.next().await? {
                let (id, name, price): (i64, String, f64) = mysql_async::from_row_opt(row)?;
                sum += id + name.len() as i64 + price as i64;
            }
            Ok(sum)
        })
    }

    fn binary_rows(&mut self, sql: &str) -> Outcome<i64> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        self.runtime.block_on(async {
            let mut result = conn.exec_iter(sql, ()).await?;
            let mut sum = 0;
            while let Some(row) = result.next().await? {
                let (id, name, price): (i64, String, f64) = mysql_async::from_row_opt(row)?;
                sum += id + name.len() as i64 + price as i64;
            }
            Ok(sum)
        })
    }

    fn upload(&mut self, sql: &str, value: &[u8]) -> Outcome<usize> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        Ok(self.runtime.block_on(conn.exec_first(sql, (value,)))?.ok_or("no row")?)
    }

    fn value(&mut self, sql: &str) -> Outcome<usize> {
        let conn = self.conn.as_mut().ok_or("not connected")?;
        let value: Vec<u8> = self.runtime.block_on(conn.query_first(sql))?.ok_or("no row")?;
        Ok(value.len())
    }
}
