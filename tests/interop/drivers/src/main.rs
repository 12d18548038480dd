//! Rust's MySQL drivers as one program: `sealwire-drivers DRIVER JOB`. The job and the output are JSON.
//!
//! The scripts for other languages, in tests/interop/scripts/, have the same input and output.

mod binlog_stream;
mod mysql_async_driver;
mod mysql_driver;
mod sqlx_driver;

use std::error::Error;
use std::process::ExitCode;

use serde_json::{Value, json};

/// The job of a driver.
struct Job {
    host: String,
    port: u16,
    user: String,
    password: String,
    database: String,
    tls: Option<Tls>,
    big: usize,
    other_user: String,
    other_password: String,
}

/// The files of a TLS connection.
struct Tls {
    ca: String,
    identity: Option<(String, String)>,
}

/// The statement whose values every driver reads, both by text and by a prepared statement.
const TEXT: &str = "SELECT 40 + 2 AS sum, 'Grüße' AS text, NULL AS nothing";
const PREPARED: &str = "SELECT ? + 2 AS sum, ? AS text, ? AS nothing";
const GREETING: &str = "Grüße";

type Outcome = Result<Value, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [driver, job] = arguments.as_slice() else {
        eprintln!("usage: sealwire-drivers mysql|mysql_async|mysql_async_binlog|sqlx JOB");
        return ExitCode::FAILURE;
    };
    // With two providers compiled in, rustls chooses none by itself.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("a crypto provider was installed before");
        return ExitCode::FAILURE;
    }
    let outcome = Job::parse(job).and_then(|job| match driver.as_str() {
        "mysql" => mysql_driver::run(&job),
        "mysql_async" => wait(mysql_async_driver::run(&job)),
        "mysql_async_binlog" => wait(binlog_stream::run(&job)),
        "sqlx" => wait(sqlx_driver::run(&job)),
        other => Err(format!("no driver {other}").into()),
    });
    // A refused connection is a result, not a failure of this program.
    let facts = outcome.unwrap_or_else(|error| json!({ "error": error.to_string() }));
    println!("{facts}");
    ExitCode::SUCCESS
}

fn wait(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

impl Job {
    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let job: Value = serde_json::from_str(text)?;
        let string = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let needed = |name: &str| string(job.get(name)).ok_or_else(|| format!("the job has no {name}"));
        let number = |name: &str| job.get(name).and_then(Value::as_u64).ok_or_else(|| format!("the job has no {name}"));
        let tls = job.get("tls").filter(|tls| !tls.is_null());
        let tls = tls.and_then(|tls| {
            let identity = string(tls.get("cert")).zip(string(tls.get("key")));
            Some(Tls { ca: string(tls.get("ca"))?, identity })
        });
        Ok(Self {
            host: needed("host")?,
            port: u16::try_from(number("port")?)?,
            user: needed("user")?,
            password: needed("password")?,
            database: needed("database")?,
            tls,
            big: usize::try_from(number("big")?)?,
            other_user: needed("other_user")?,
            other_password: needed("other_password")?,
        })
    }

    /// A large value in which every part depends on its offset.
    fn big_value(&self) -> Vec<u8> {
        (b'a'..=b'z').cycle().take(self.big).collect()
    }
}
