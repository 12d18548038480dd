//! A server on opensrv-mysql that answers every statement with 1.

use std::fs::File;
use std::io::{self, BufReader};
use std::sync::Arc;

use opensrv_mysql::{
    AsyncMysqlIntermediary, AsyncMysqlShim, Column, ColumnFlags, ColumnType, IntermediaryOptions, OkResponse,
    ParamParser, QueryResultWriter, StatementMetaWriter,
};
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;

use crate::Outcome;

struct Backend;

#[async_trait::async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for Backend {
    type Error = io::Error;

    async fn on_prepare<'a>(&'a mut self, _: &'a str, info: StatementMetaWriter<'a, W>) -> io::Result<()> {
        info.reply(1, &[], &[]).await
    }

    async fn on_execute<'a>(
        &'a mut self,
        _: u32,
        _: ParamParser<'a>,
        results: QueryResultWriter<'a, W>,
    ) -> io::Result<()> {
        results.completed(OkResponse::default()).await
    }

    async fn on_close(&mut self, _: u32) {}

    async fn on_query<'a>(&'a mut self, _: &'a str, results: QueryResultWriter<'a, W>) -> io::Result<()> {
        let columns = [Column {
            table: String::new(),
            column: "1".to_owned(),
            coltype: ColumnType::MYSQL_TYPE_LONG,
            colflags: ColumnFlags::NOT_NULL_FLAG,
        }];
        let mut rows = results.start(&columns).await?;
        rows.write_col(1i32)?;
        rows.end_row().await?;
        rows.finish().await
    }
}

/// Serves until it is ended; the first line it prints is its port.
pub(crate) fn serve(certificate: &str, key: &str) -> Outcome {
    let certificates =
        rustls_pemfile::certs(&mut BufReader::new(File::open(certificate)?)).collect::<Result<Vec<_>, _>>()?;
    let key = rustls_pemfile::private_key(&mut BufReader::new(File::open(key)?))?.ok_or("no private key")?;
    let tls = Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let tls = Arc::clone(&tls);
            tokio::spawn(async move {
                // A client that goes away is no failure of the server.
                let _ = serve_one(stream, tls).await;
            });
        }
    })
}

async fn serve_one(stream: tokio::net::TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let mut shim = Backend;
    let offered = Some(Arc::clone(&tls));
    let (is_tls, parameters) =
        AsyncMysqlIntermediary::init_before_ssl(&mut shim, &mut reader, &mut writer, &offered).await?;
    let options = IntermediaryOptions::default();
    if is_tls {
        opensrv_mysql::secure_run_with_options(shim, writer, options, tls, parameters).await
    } else {
        opensrv_mysql::plain_run_with_options(shim, writer, options, parameters).await
    }
}
