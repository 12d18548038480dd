//! TCP listeners.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use mio::net::TcpListener;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// The options by which a program's user gives addresses and port, with their dashes, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// As `--bind-address`.
    pub address: &'a str,
    /// As `--port`.
    pub port: &'a str,
}

/// Listens on addresses or names, separated by commas; `*` means all addresses, and port 0 lets the system choose one. Returns the
/// listeners and the port in use, which is 0 where there is no listener.
///
/// # Errors
/// A sentence that names the address, and the option that gave the address or the port, as the way out needs.
pub fn bind(addresses: &str, port: u16, options: Options<'_>) -> Result<(Vec<TcpListener>, u16), String> {
    let Options { address: address_option, port: option } = options;
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = port;
    for name in addresses.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let listener = if name == "*" { bind_all(port) } else { bind_name(name, port) };
        let listener = listener.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    format!(". Do you already have another server running on it? Stop it, or give another {option}")
                }
                io::ErrorKind::PermissionDenied => format!(". Ports below 1024 are root's: give another {option}"),
                io::ErrorKind::AddrNotAvailable => format!(
                    ". This machine has no such address: give one that 'ip address' lists, or * for all, as {address_option}"
                ),
                io::ErrorKind::NotFound => {
                    format!(". Give an address of this machine, or * for all, as {address_option}")
                }
                _ => String::new(),
            };
            format!("Can't start server: Bind on TCP/IP port {name}:{port}: {error}{hint}")
        })?;
        // Further addresses get the port that the system chose for the first.
        port = listener.local_addr().map_err(|error| error.to_string())?.port();
        listeners.push(listener);
    }
    let port = if listeners.is_empty() { 0 } else { port };
    Ok((listeners, port))
}

fn bind_all(port: u16) -> io::Result<TcpListener> {
    let any6 = SocketAddr::from(([0u16; 8], port));
    // A machine without IPv6 listens on IPv4 alone.
    TcpListener::bind(any6).or_else(|_| TcpListener::bind(SocketAddr::from(([0u8; 4], port))))
}

fn bind_name(name: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let unknown = |error: io::Error| io::Error::new(io::ErrorKind::NotFound, error);
    for address in (name, port).to_socket_addrs().map_err(unknown)? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The most connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Binds one more listener to a listener's address, for another thread: the system distributes new connections among them (SO_REUSEPORT).
/// No other program can listen there, because the first listener was bound without sharing.
///
/// # Errors
/// The system's error.
pub fn beside(first: &TcpListener) -> io::Result<TcpListener> {
    let address = first.local_addr()?;
    sockopt::set_socket_reuseport(first, true)?;
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options<'static> = Options { address: "--bind-address", port: "--port" };

    #[test]
    fn an_address_of_another_machine_is_refused_with_the_way_out() {
        for (address, said) in [
            // TEST-NET-3 (RFC 5737) is no machine's network.
            ("203.0.113.7", "This machine has no such address: give one that 'ip address' lists, or * for all"),
            ("nosuch.invalid", "Give an address of this machine, or * for all"),
        ] {
            let told = bind(address, 0, OPTIONS).unwrap_err();
            assert!(told.contains(address) && told.contains(said) && told.ends_with(", as --bind-address"), "{told}");
        }
    }

    #[test]
    fn listeners_share_an_address_that_nobody_else_gets() {
        for name in ["127.0.0.1", "*"] {
            let (listeners, port) = bind(name, 0, OPTIONS).unwrap();
            let both = [&listeners[0], &beside(&listeners[0]).unwrap()];
            let told = bind(name, port, OPTIONS).unwrap_err();
            assert!(
                told.contains("Do you already have another server running on it? Stop it, or give another --port"),
                "{told}"
            );
            let mut accepted = [0, 0];
            // The probability is 2^-99 that all of 100 connections go to the same listener.
            for _ in 0..100 {
                let _client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                let taken = both.iter().position(|listener| listener.accept().is_ok()).unwrap();
                accepted[taken] += 1;
            }
            assert!(accepted.iter().all(|count| *count > 0), "{accepted:?}");
        }
    }
}
