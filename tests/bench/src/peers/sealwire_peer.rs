//! Our own blocking client.

use std::sync::Arc;

use sealwire::random::OsRandom;
use sealwire::{Address, Client, Config, Socket, TlsPolicy};
use sealwire_core::message::Value;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};

use super::Peer;
use crate::Outcome;
use crate::job::{Job, Security};

pub(super) struct Sealwire {
    port: u16,
    config: Config,
    client: Option<Client<Socket>>,
}

impl Sealwire {
    fn client(&mut self) -> Outcome<&mut Client<Socket>> {
        self.client.as_mut().ok_or_else(|| "not connected".into())
    }
}

/// The TLS settings of a job; `None` on plaintext.
fn context(job: &Job) -> Outcome<Option<ClientContext>> {
    if job.security == Security::Plain {
        return Ok(None);
    }
    let mut provider = (*sealwire::provider::provider()).clone();
    let wanted: &[&str] = match job.security {
        Security::Hybrid => &["X25519MLKEM768"],
        // In TLS 1.2 the certificate's curve must be among the groups; the server chooses the first.
        Security::Tls12 => &["X25519", "secp256r1"],
        _ => &["X25519"],
    };
    provider.kx_groups.retain(|group| wanted.contains(&format!("{:?}", group.name()).as_str()));
    let mut options = ClientOptions::new(Arc::new(provider), Trust::CaAndIdentity);
    let pem = |name: &str| -> Outcome<NamedPem> { Ok(NamedPem::new(name, std::fs::read(job.file(name))?)) };
    options.ca = vec![pem("ca.pem")?];
    if job.security == Security::Mutual {
        options.cert = Some(pem("client-cert.pem")?);
        options.key = Some(pem("client-key.pem")?);
    }
    options.versions = Some(if job.security == Security::Tls12 { "TLSv1.2" } else { "TLSv1.3" }.to_owned());
    options.resumption = job.security == Security::Resumed;
    Ok(Some(ClientContext::build(options)?))
}

impl Peer for Sealwire {
    fn new(job: &Job) -> Outcome<Self> {
        let mut config = Config::new("bench", "bench".into(), Arc::new(OsRandom::new()));
        if let Some(context) = context(job)? {
            config.tls = TlsPolicy::Required(context);
        }
        Ok(Self { port: job.port, config, client: None })
    }

    fn connect(&mut self) -> Outcome {
        if let Some(client) = self.client.take() {
            client.quit()?;
        }
        let address = Address::Tcp { host: "127.0.0.1".into(), port: self.port };
        self.client = Some(Client::connect(&address, self.config.clone())?);
        Ok(())
    }

    fn select_one(&mut self, sql: &str) -> Outcome<i64> {
        let mut result = self.client()?.query(sql)?;
        let row = result.next()?.ok_or("no row")?;
        let value = row.iter().next().ok_or("no column")??.ok_or("NULL")?;
        Ok(std::str::from_utf8(value)?.parse()?)
    }

    fn rows(&mut self, sql: &str) -> Outcome<i64> {
        let mut result = self.client()?.query(sql)?;
        let mut sum = 0;
        while let Some(row) = result.next()? {
            let (id, name, price): (i64, &str, f64) = row.read()?;
            sum += id + name.len() as i64 + price as i64;
        }
        Ok(sum)
    }

    fn binary_rows(&mut self, sql: &str) -> Outcome<i64> {
        let client = self.client()?;
        let statement = client.prepare(sql)?;
        let mut result = client.execute(&statement, &[])?;
        let mut sum = 0;
        while let Some(row) = result.next()? {
            let (id, name, price): (i64, &str, f64) = row.read()?;
            sum += id + name.len() as i64 + price as i64;
        }
        Ok(sum)
    }

    fn upload(&mut self, sql: &str, value: &[u8]) -> Outcome<usize> {
        let client = self.client()?;
        let statement = client.prepare(sql)?;
        let mut result = client.execute(&statement, &[Value::Bytes(value)])?;
        let (length,): (u64,) = result.next()?.ok_or("no row")?.read()?;
        drop(result);
        client.close(&statement)?;
        Ok(usize::try_from(length)?)
    }

    fn pipelined(&mut self, sql: &str, times: usize) -> Outcome<i64> {
        let mut answers = self.client()?.query_many(std::iter::repeat_n(sql, times))?;
        let mut sum = 0;
        while let Some(mut result) = answers.next()? {
            let (value,): (i64,) = result.next()?.ok_or("no row")?.read()?;
            sum += value;
        }
        Ok(sum)
    }

    fn value(&mut self, sql: &str) -> Outcome<usize> {
        let mut result = self.client()?.query(sql)?;
        let row = result.next()?.ok_or("no row")?;
        Ok(row.iter().next().ok_or("no column")??.map_or(0, <[u8]>::len))
    }
}
