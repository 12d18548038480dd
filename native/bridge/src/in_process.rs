//! A bridge in the caller's process, with one target in the same process: for fuzzing alone.

use std::io;
use std::os::unix::net::UnixStream;

use super::run::Bridge;
use super::settings::{Destination, Limits, Settings, Target};

/// Starts a bridge on 127.0.0.1 whose target `/tcp/db` is the socket that `open` returns; returns the bridge's port. It serves as long as
/// the process runs.
///
/// # Errors
/// The system can't give a port or a thread.
pub fn serve(open: impl Fn() -> io::Result<UnixStream> + Send + 'static) -> Result<u16, String> {
    let open = move |_| {
        let stream = open()?;
        stream.set_nonblocking(true)?;
        Ok(mio::net::UnixStream::from_std(stream))
    };
    let bridge = Bridge::bind(Settings {
        addresses: "127.0.0.1".to_owned(),
        port: 0,
        prefix: "",
        targets: vec![Target { name: "db".to_owned(), destination: Destination::Within(Box::new(open)) }],
        hosts: Vec::new(),
        origins: None,
        token: None,
        tls: None,
        certificate: None,
        reloadable: None,
        health: None,
        open_files: Vec::new(),
        pages: None,
        limits: Limits { message: 64 * 1024, ..Limits::default() },
    })?;
    let port = bridge.port;
    let thread = std::thread::Builder::new().name("sealwire-bridge".to_owned());
    thread.spawn(move || bridge.run()).map_err(|error| error.to_string())?;
    Ok(port)
}
