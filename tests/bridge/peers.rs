//! Targets that are no MySQL servers, each with the behaviour that a test needs.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread::{JoinHandle, spawn};

/// Listens on a free port of 127.0.0.1.
pub(crate) fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port of 127.0.0.1 without a listener.
pub(crate) fn nobody() -> u16 {
    listen().1
}

/// Serves each connection with `serve`, in a thread of its own, for as long as the test runs.
pub(crate) fn serve(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let (listener, port) = listen();
    spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            spawn(move || serve(stream));
        }
    });
    port
}

/// A target that sends back all bytes that it receives.
pub(crate) fn echo() -> u16 {
    serve(|mut stream| {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            if stream.write_all(&chunk[..length]).is_err() {
                return;
            }
        }
    })
}

/// Accepts one connection and serves it with `serve`; joining the thread returns the result of `serve`.
pub(crate) fn once<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let (listener, port) = listen();
    (port, spawn(move || serve(listener.accept().unwrap().0)))
}

/// The period of the pattern, a prime, so that a lost, repeated or moved byte is detected.
const PERIOD: usize = 65_521;
/// How many bytes are compared at a time.
const CHUNK: usize = 64 * 1024;

/// `length` bytes of the pattern from an offset on, at most [`CHUNK`].
pub(crate) fn pattern(from: u64, length: usize) -> &'static [u8] {
    static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let byte = |place: u64| (place ^ (place >> 8).wrapping_mul(31)) as u8;
        (0..(PERIOD + CHUNK) as u64).map(|place| byte(place % PERIOD as u64)).collect()
    });
    let start = (from % PERIOD as u64) as usize;
    &TABLE[start..start + length]
}

/// Writes `length` bytes of the pattern.
pub(crate) fn write_pattern(stream: &mut impl Write, length: u64) {
    let mut at = 0;
    while at < length {
        let part = CHUNK.min((length - at) as usize);
        stream.write_all(pattern(at, part)).unwrap();
        at += part as u64;
    }
    stream.flush().unwrap();
}

/// Reads `length` bytes and checks that they are the pattern's.
pub(crate) fn read_pattern(stream: &mut impl Read, length: u64) {
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    while at < length {
        let most = CHUNK.min((length - at) as usize);
        let read = stream.read(&mut chunk[..most]).unwrap();
        assert!(read > 0, "the end came after {at} bytes");
        assert!(chunk[..read] == *pattern(at, read), "damaged at byte {at} or soon after");
        at += read as u64;
    }
}
