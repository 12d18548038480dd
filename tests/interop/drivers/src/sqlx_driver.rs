//! sqlx's MySQL driver, from its separate crates, because the crate `sqlx` would tie the workspace to its version of SQLite.

use serde_json::{Value, json};
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_core::raw_sql::raw_sql;
use sqlx_core::row::Row;
use sqlx_core::sql_str::AssertSqlSafe;
use sqlx_mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};

use crate::{GREETING, Job, Outcome, PREPARED, TEXT};

pub(crate) async fn run(job: &Job) -> Outcome {
    let mut options = MySqlConnectOptions::new()
        .host(&job.host)
        .port(job.port)
        .username(&job.user)
        .password(&job.password)
        .database(&job.database)
        .ssl_mode(MySqlSslMode::Disabled);
    if let Some(tls) = &job.tls {
        options = options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(&tls.ca);
        if let Some((cert, key)) = &tls.identity {
            options = options.ssl_client_cert(cert).ssl_client_key(key);
        }
    }
    let mut conn: MySqlConnection = options.connect().await?;
    let cipher = status(&mut conn, "Ssl_cipher").await?;
    let version = status(&mut conn, "Ssl_version").await?;
    let user = raw_sql("SELECT CURRENT_USER()").fetch_one(&mut conn).await?;
    let database = raw_sql("SELECT DATABASE()").fetch_one(&mut conn).await?;
    let text = raw_sql(TEXT).fetch_one(&mut conn).await?;
    let prepared =
        query(PREPARED).bind(40_i64).bind(GREETING).bind(Option::<String>::None).fetch_one(&mut conn).await?;
    let big = job.big_value();
    let big_up: i64 = query_scalar("SELECT LENGTH(?)").bind(&big).fetch_one(&mut conn).await?;
    let big_down: Vec<u8> = query_scalar("SELECT ?").bind(&big).fetch_one(&mut conn).await?;
    conn.close().await?;
    Ok(json!({
        "driver": "sqlx",
        "ssl_cipher": cipher,
        "ssl_version": version,
        "user": field(&user, 0),
        "database": field(&database, 0),
        "text": (0..3).map(|index| field(&text, index)).collect::<Vec<_>>(),
        "prepared": (0..3).map(|index| field(&prepared, index)).collect::<Vec<_>>(),
        "big_up": big_up,
        "big_intact": big_down == big,
        // The driver has no such call.
        "changed_user": null,
        "changed_cipher": null,
    }))
}

async fn status(conn: &mut MySqlConnection, name: &str) -> Result<Value, sqlx_core::Error> {
    let sql = AssertSqlSafe(format!("SHOW STATUS LIKE '{name}'"));
    Ok(field(&raw_sql(sql).fetch_one(conn).await?, 1))
}

/// A field as text, whatever type the server gave it.
fn field(row: &MySqlRow, index: usize) -> Value {
    let text = row.try_get_unchecked::<Option<String>, _>(index).map(|text| text.map(Value::from));
    let number = || row.try_get::<i64, _>(index).map(|number| Some(number.to_string().into()));
    let real = || row.try_get::<f64, _>(index).map(|number| Some(number.to_string().into()));
    let value = number().or_else(|_| real()).or(text);
    value.unwrap_or_else(|error| Some(format!("unreadable: {error}").into())).unwrap_or(Value::Null)
}
