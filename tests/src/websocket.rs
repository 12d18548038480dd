//! A WebSocket as a stream of bytes, as the page has it, for tests without a browser.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::{Bytes, Error, Message, WebSocket};

use crate::bridge::PATIENCE;
use crate::restart::Restarting;

/// The largest message that one write sends.
const MESSAGE: usize = 64 * 1024;

/// A blocking WebSocket; each write sends one binary message.
#[derive(Debug)]
pub struct Tunnel<S> {
    /// The WebSocket itself, for operations that a stream lacks.
    pub socket: WebSocket<Restarting<S>>,
    incoming: Bytes,
    /// Code and sentence of the close frame, once it has arrived.
    pub closed: Option<(u16, String)>,
    /// The subprotocol that the bridge has chosen.
    pub protocol: Option<String>,
}

/// The request for a WebSocket.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// The path.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Opening {
    /// A plain request for `/tcp/<name>`.
    pub fn target(name: &str) -> Self {
        Self { path: format!("/tcp/{name}"), headers: Vec::new() }
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Connects to a port of 127.0.0.1; reads have a time limit.
pub fn connect(port: u16) -> TcpStream {
    limited(TcpStream::connect(("127.0.0.1", port)).expect("a connection"))
}

/// Connects to a port of 127.0.0.1 from another address of the loopback interface.
pub fn connect_from(address: Ipv4Addr, port: u16) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from((address, 0))).expect("an address");
    connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port))).expect("a connection");
    limited(socket.into())
}

fn limited(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    socket.set_nodelay(true).expect("no delay");
    socket
}

impl Tunnel<TcpStream> {
    /// Opens a WebSocket at a port of 127.0.0.1.
    pub fn open(port: u16, opening: &Opening) -> Self {
        Self::over(connect(port), opening)
    }
}

impl<S: Read + Write> Tunnel<S> {
    /// Opens a WebSocket over a connected stream.
    pub fn over(stream: S, opening: &Opening) -> Self {
        let mut request = format!("ws://localhost{}", opening.path).into_client_request().expect("a request");
        for (name, value) in &opening.headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let (socket, response) =
            tungstenite::client(request, Restarting(stream)).map_err(|error| error.to_string()).expect("101");
        let protocol = response.headers().get("Sec-WebSocket-Protocol");
        let protocol = protocol.map(|value| value.to_str().expect("ASCII").to_owned());
        Self { socket, incoming: Bytes::new(), closed: None, protocol }
    }

    /// Reads to the end; returns the bytes, and the close frame's code and sentence.
    pub fn rest(&mut self) -> (Vec<u8>, (u16, String)) {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).expect("an orderly end");
        (bytes, self.closed.clone().expect("a close frame"))
    }
}

impl<S: Read + Write> Read for Tunnel<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.incoming.is_empty() {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.incoming = bytes,
                Ok(Message::Close(Some(frame))) => {
                    self.closed = Some((frame.code.into(), frame.reason.as_str().to_owned()));
                }
                Ok(Message::Text(_)) => return Err(io::Error::other("a text message")),
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(0),
                Err(Error::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        let length = self.incoming.as_ref().read(buffer)?;
        let _ = self.incoming.split_to(length);
        Ok(length)
    }
}

impl<S: Read + Write> Write for Tunnel<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.get(..MESSAGE).unwrap_or(bytes);
        match self.socket.write(Message::Binary(Bytes::copy_from_slice(bytes))) {
            Ok(()) => Ok(bytes.len()),
            Err(Error::Io(error)) => Err(error),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => Err(ErrorKind::BrokenPipe.into()),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().map_err(|error| match error {
            Error::Io(error) => error,
            other => io::Error::other(other.to_string()),
        })
    }
}
