//! Listening on TCP.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use mio::net::TcpListener;

/// Listens on addresses or names, separated by commas; `*` is all addresses, and port 0 lets the system choose. Gives the
/// listeners and the port in use, which is 0 where nothing is listened on.
///
/// # Errors
/// A sentence that names the address.
pub(crate) fn bind(addresses: &str, port: u16) -> Result<(Vec<TcpListener>, u16), String> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = port;
    for name in addresses.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let listener = if name == "*" { bind_all(port) } else { bind_name(name, port) };
        let listener = listener.map_err(|error| {
            let another = error.kind() == io::ErrorKind::AddrInUse;
            let hint = if another { ". Do you already have another server running on it?" } else { "" };
            format!("Can't start server: Bind on TCP/IP port {name}:{port}: {error}{hint}")
        })?;
        // The second address gets the port that the system chose for the first.
        port = listener.local_addr().map_err(|error| error.to_string())?.port();
        listeners.push(listener);
    }
    let port = if listeners.is_empty() { 0 } else { port };
    Ok((listeners, port))
}

fn bind_all(port: u16) -> io::Result<TcpListener> {
    let any6 = SocketAddr::from(([0u16; 8], port));
    // On a machine without IPv6 there is IPv4 alone.
    TcpListener::bind(any6).or_else(|_| TcpListener::bind(SocketAddr::from(([0u8; 4], port))))
}

fn bind_name(name: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (name, port).to_socket_addrs()? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}
