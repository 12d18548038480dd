//! The crate `mysql_async`, on tokio.

use std::path::PathBuf;

use mysql_async::prelude::Queryable;
use mysql_async::{ChangeUserOpts, ClientIdentity, Conn, OptsBuilder, Row, SslOpts, Value as Field};
use serde_json::{Value, json};

use crate::{GREETING, Job, Outcome, PREPARED, TEXT};

/// The options of a connection.
pub(crate) fn options(job: &Job) -> OptsBuilder {
    let ssl = job.tls.as_ref().map(|tls| {
        let path = |name: &str| PathBuf::from(name).into();
        let identity = tls.identity.as_ref().map(|(cert, key)| ClientIdentity::new(path(cert), path(key)));
        SslOpts::default()
            .with_root_certs(vec![path(&tls.ca)])
            .with_disable_built_in_roots(true)
            .with_client_identity(identity)
    });
    OptsBuilder::default()
        .ip_or_hostname(job.host.clone())
        .tcp_port(job.port)
        .prefer_socket(false)
        .user(Some(job.user.clone()))
        .pass(Some(job.password.clone()))
        .db_name(Some(job.database.clone()))
        .ssl_opts(ssl)
}

pub(crate) async fn run(job: &Job) -> Outcome {
    let mut conn = Conn::new(options(job)).await?;
    let cipher = status(&mut conn, "Ssl_cipher").await?;
    let version = status(&mut conn, "Ssl_version").await?;
    let user: Option<String> = conn.query_first("SELECT CURRENT_USER()").await?;
    let database: Option<String> = conn.query_first("SELECT DATABASE()").await?;
    let text: Option<Row> = conn.query_first(TEXT).await?;
    let prepared: Option<Row> = conn.exec_first(PREPARED, (40, GREETING, Option::<String>::None)).await?;
    let big = job.big_value();
    let big_up: Option<usize> = conn.exec_first("SELECT LENGTH(?)", (&big,)).await?;
    let big_down: Option<Vec<u8>> = conn.exec_first("SELECT ?", (&big,)).await?;
    let change = ChangeUserOpts::new().with_user(Some(job.other_user.clone()));
    conn.change_user(change.with_pass(Some(job.other_password.clone()))).await?;
    let other: Option<String> = conn.query_first("SELECT CURRENT_USER()").await?;
    let other_cipher = status(&mut conn, "Ssl_cipher").await?;
    conn.disconnect().await?;
    Ok(json!({
        "driver": "mysql_async",
        "ssl_cipher": cipher,
        "ssl_version": version,
        "user": user,
        "database": database,
        "text": text.map(fields),
        "prepared": prepared.map(fields),
        "big_up": big_up,
        "big_intact": big_down.is_some_and(|value| value == big),
        "changed_user": other,
        "changed_cipher": other_cipher,
    }))
}

async fn status(conn: &mut Conn, name: &str) -> mysql_async::Result<Option<String>> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW STATUS LIKE '{name}'")).await?;
    Ok(row.map(|(_, value)| value))
}

fn fields(row: Row) -> Vec<Value> {
    let as_text = |field: Field| match field {
        Field::NULL => Value::Null,
        Field::Bytes(bytes) => String::from_utf8_lossy(&bytes).into(),
        Field::Int(number) => number.to_string().into(),
        Field::UInt(number) => number.to_string().into(),
        Field::Float(number) => number.to_string().into(),
        Field::Double(number) => number.to_string().into(),
        other => format!("{other:?}").into(),
    };
    row.unwrap().into_iter().map(as_text).collect()
}
