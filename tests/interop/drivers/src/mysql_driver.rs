//! The crate `mysql`: blocking, text and binary protocol.

use std::path::PathBuf;

use mysql::prelude::Queryable;
use mysql::{ChangeUserOpts, ClientIdentity, Conn, OptsBuilder, Row, SslOpts, Value as Field};
use serde_json::{Value, json};

use crate::{GREETING, Job, Outcome, PREPARED, TEXT};

pub(crate) fn run(job: &Job) -> Outcome {
    let ssl = job.tls.as_ref().map(|tls| {
        let identity = tls.identity.clone();
        let identity = identity.map(|(cert, key)| ClientIdentity::new(PathBuf::from(cert), PathBuf::from(key)));
        SslOpts::default().with_root_cert_path(Some(PathBuf::from(&tls.ca))).with_client_identity(identity)
    });
    let options = OptsBuilder::new()
        .ip_or_hostname(Some(job.host.clone()))
        .tcp_port(job.port)
        .prefer_socket(false)
        .user(Some(job.user.clone()))
        .pass(Some(job.password.clone()))
        .db_name(Some(job.database.clone()))
        .ssl_opts(ssl);
    let mut conn = Conn::new(options)?;
    let cipher = status(&mut conn, "Ssl_cipher")?;
    let version = status(&mut conn, "Ssl_version")?;
    let user: Option<String> = conn.query_first("SELECT CURRENT_USER()")?;
    let database: Option<String> = conn.query_first("SELECT DATABASE()")?;
    let text: Option<Row> = conn.query_first(TEXT)?;
    let prepared: Option<Row> = conn.exec_first(PREPARED, (40, GREETING, Option::<String>::None))?;
    let big = job.big_value();
    let big_up: Option<usize> = conn.exec_first("SELECT LENGTH(?)", (&big,))?;
    let big_down: Option<Vec<u8>> = conn.exec_first("SELECT ?", (&big,))?;
    let change = ChangeUserOpts::new().with_user(Some(job.other_user.clone()));
    conn.change_user(change.with_pass(Some(job.other_password.clone())))?;
    let other: Option<String> = conn.query_first("SELECT CURRENT_USER()")?;
    let other_cipher = status(&mut conn, "Ssl_cipher")?;
    Ok(json!({
        "driver": "mysql",
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

fn status(conn: &mut Conn, name: &str) -> mysql::Result<Option<String>> {
    let row: Option<(String, String)> = conn.query_first(format!("SHOW STATUS LIKE '{name}'"))?;
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
