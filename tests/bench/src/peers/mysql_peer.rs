//! The crate `mysql`.

use mysql::prelude::Queryable;
use mysql::{ClientIdentity, Conn, OptsBuilder, SslOpts};

use super::Peer;
use crate::Outcome;
use crate::job::{Job, Security};

pub(super) struct Mysql {
    options: OptsBuilder,
    conn: Option<Conn>,
}

impl Mysql {
    fn conn(&mut self) -> Outcome<&mut Conn> {
        self.conn.as_mut().ok_or_else(|| "not connected".into())
    }
}

impl Peer for Mysql {
    fn new(job: &Job) -> Outcome<Self> {
        let ssl = (job.security != Security::Plain).then(|| {
            let path = |name: &str| std::borrow::Cow::Owned::<std::path::Path>(job.file(name));
            let identity = (job.security == Security::Mutual)
                .then(|| ClientIdentity::new(path("client-cert.pem"), path("client-key.pem")));
            SslOpts::default().with_root_cert_path(Some(job.file("ca.pem"))).with_client_identity(identity)
        });
        let options = OptsBuilder::new()
            .ip_or_hostname(Some("127.0.0.1"))
            .tcp_port(job.port)
            .prefer_socket(false)
            .user(Some("bench"))
            .pass(Some("bench"))
            .max_allowed_packet(Some(1 << 30))
            .ssl_opts(ssl);
        Ok(Self { options, conn: None })
    }

    fn connect(&mut self) -> Outcome {
        self.conn = None;
        self.conn = Some(Conn::new(self.options.clone())?);
        Ok(())
    }

    fn select_one(&mut self, sql: &str) -> Outcome<i64> {
        Ok(self.conn()?.query_first(sql)?.ok_or("no row")?)
    }

    fn rows(&mut self, sql: &str) -> Outcome<i64> {
        let mut sum = 0;
        for row in self.conn()?.query_iter(sql)? {
            let (id, name, price): (i64, String, f64) = mysql::from_row_opt(row?)?;
            sum += id + name.len() as i64 + price as i64;
        }
        Ok(sum)
    }

    fn binary_rows(&mut self, sql: &str) -> Outcome<i64> {
        let mut sum = 0;
        for row in self.conn()?.exec_iter(sql, ())? {
            let (id, name, price): (i64, String, f64) = mysql::from_row_opt(row?)?;
            sum += id + name.len() as i64 + price as i64;
        }
        Ok(sum)
    }

    fn upload(&mut self, sql: &str, value: &[u8]) -> Outcome<usize> {
        Ok(self.conn()?.exec_first(sql, (value,))?.ok_or("no row")?)
    }

    fn value(&mut self, sql: &str) -> Outcome<usize> {
        let value: Vec<u8> = self.conn()?.query_first(sql)?.ok_or("no row")?;
        Ok(value.len())
    }
}
