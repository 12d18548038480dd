//! The WebSocket listener inside the server: a bridge whose one target is this server, without a TCP port between them.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::driver::LocalConnector;
use super::state::Server;
use sealwire_bridge::{Bridge, Destination, Limits, Origins, Pages, Stopper, Target, TlsSource, TokenFile};
use sealwire_net::log;
use sealwire_options::{Spec, Values};

/// The listener's options.
pub(super) const OPTIONS: &[Spec] = &[
    Spec::number("websocket-port", "Accept WebSockets on this port, at the path /tcp/local; 0 lets the system choose a port.")
        .between(0, 65535),
    Spec::text("websocket-bind-address", "IP addresses on which to accept WebSockets, separated by commas; * stands for all \
     addresses.")
        .default("127.0.0.1"),
    Spec::text(
        "websocket-allow-origin",
        "Origin of pages that may open WebSockets, besides the pages that the listener itself serves on localhost: \
         scheme://host[:port], null, or * for all. May be given several times.",
    )
    .repeatable(),
    Spec::text(
        "websocket-allow-host",
        "Host name under which pages and /metrics may be requested, besides localhost, IP addresses, this machine's name and \
         the names in --websocket-bind-address and --websocket-allow-origin. May be given several times.",
    )
    .repeatable(),
    Spec::path(
        "websocket-token-file",
        "File whose first line is the bearer token that every client must send. It is read again on SIGHUP.",
    ),
    Spec::path("websocket-page-dir", "Directory of files to serve on this port. Their Content-Security-Policy forbids inline \
     scripts, as in sealwire-bridge."),
    Spec::flag("websocket-tls", "Use TLS (wss and https) on this port, with the server's certificate."),
];

/// The target's name.
const LOCAL: &str = "local";

/// The settings from the options.
#[derive(Debug)]
pub(super) struct Websocket {
    addresses: String,
    port: u16,
    hosts: Vec<String>,
    origins: Option<Origins>,
    token: Option<TokenFile>,
    pages: Option<Pages>,
    is_tls: bool,
}

/// The running listener.
#[derive(Debug)]
pub(super) struct Running {
    /// The port in use.
    pub(super) port: u16,
    stopper: Stopper,
    thread: JoinHandle<()>,
}

impl Websocket {
    /// Resolves the options, and reads the files that they name; `None` where no port is given.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(super) fn resolve(values: &Values) -> Result<Option<Self>, String> {
        let Some(port) = values.number("websocket-port") else { return Ok(None) };
        let path = |name: &'static str| values.path(name).map(|path: &Path| (name, path));
        Ok(Some(Self {
            addresses: values.text("websocket-bind-address").unwrap_or_default().to_owned(),
            port: u16::try_from(port).unwrap_or_default(),
            hosts: sealwire_bridge::hosts("websocket-allow-host", values.texts("websocket-allow-host"))?,
            origins: sealwire_bridge::origins("websocket-allow-origin", values.texts("websocket-allow-origin"))?,
            token: path("websocket-token-file").map(|(name, path)| TokenFile::open(name, path)).transpose()?,
            pages: path("websocket-page-dir").map(|(name, path)| sealwire_bridge::pages(name, path)).transpose()?,
            is_tls: values.flag("websocket-tls"),
        }))
    }

    /// The file of the token, which SIGHUP has read again.
    pub(super) fn token(&self) -> Option<TokenFile> {
        self.token.clone()
    }

    /// Listens, and serves in a thread of its own.
    ///
    /// # Errors
    /// A sentence that names the resource that the system did not give, or says that TLS is off.
    pub(super) fn start(self, server: &Arc<Server>, connector: LocalConnector) -> Result<Running, String> {
        if self.is_tls && server.tls.active().context.is_none() {
            return Err(
                "option '--websocket-tls': the server has no TLS: leave it out, or leave out --skip-ssl".to_owned()
            );
        }
        if let Some(warning) = self.token.as_ref().and_then(TokenFile::warning) {
            tracing::warn!("{warning}");
        }
        // The source is called for each connection, because ALTER INSTANCE RELOAD TLS changes the settings.
        let source = || {
            let server = Arc::clone(server);
            TlsSource::new(move || server.tls.active().context.clone())
        };
        let destination = Destination::Within(Box::new(move |client| connector.connect(client)));
        let bridge = Bridge::bind(sealwire_bridge::Settings {
            addresses: self.addresses,
            port: self.port,
            prefix: "websocket-",
            targets: vec![Target { name: LOCAL.to_owned(), destination }],
            hosts: self.hosts,
            origins: self.origins,
            token: self.token,
            tls: self.is_tls.then(source),
            certificate: Some(source()),
            reloadable: None,
            // The server's own log has these warnings already.
            health: None,
            open_files: Vec::new(),
            pages: self.pages,
            limits: Limits::within(),
        })?;
        let (port, stopper) = (bridge.port, bridge.stopper());
        let run = move || {
            if let Err(error) = bridge.run() {
                tracing::error!("the WebSocket listener ended: {error}");
            }
        };
        let thread = std::thread::Builder::new().name("sealwired-websocket".to_owned()).spawn(run);
        let thread = thread.map_err(|error| format!("can't start the WebSocket listener: {error}"))?;
        log::system(&format!("sealwired: WebSockets are taken on port {port} at /tcp/{LOCAL}"));
        Ok(Running { port, stopper, thread })
    }
}

impl Running {
    /// Stops the listener, after the server's last bytes have reached its clients.
    pub(super) fn stop(self) {
        self.stopper.stop();
        if self.thread.join().is_err() {
            tracing::error!("the WebSocket listener ended in a panic");
        }
    }
}
