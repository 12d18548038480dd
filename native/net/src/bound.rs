//! Connections from a given local address.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::clock;

/// Connects to `target` from the address `local`, within `timeout`; a local port of 0 lets the system choose one.
///
/// # Errors
/// The system's error: `AddrNotAvailable` where the local address is not one of this machine; `TimedOut`.
pub fn connect(local: SocketAddr, target: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &local)?;
    match rustix::net::connect(&socket, &target) {
        Ok(()) => {}
        Err(rustix::io::Errno::INPROGRESS) => wait(&socket, timeout)?,
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Waits until the connection is made, or has failed.
fn wait(socket: &rustix::fd::OwnedFd, timeout: Duration) -> io::Result<()> {
    let until = clock::monotonic().saturating_add(timeout);
    loop {
        let left = Timespec::try_from(until.saturating_sub(clock::monotonic())).ok();
        let mut polled = [PollFd::new(socket, PollFlags::OUT)];
        match rustix::event::poll(&mut polled, left.as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(sockopt::socket_error(socket)??),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_comes_from_the_address_that_was_given() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let local = |text: &str| format!("{text}:0").parse().unwrap();
        let patience = Duration::from_secs(60);
        let _stream = connect(local("127.0.0.3"), target, patience).unwrap();
        assert_eq!(listener.accept().unwrap().1.ip().to_string(), "127.0.0.3");
        let foreign = connect(local("192.0.2.1"), target, patience).unwrap_err();
        assert_eq!(foreign.kind(), io::ErrorKind::AddrNotAvailable);
        drop(listener);
        let refused = connect(local("127.0.0.3"), target, patience).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
