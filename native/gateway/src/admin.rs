//! The administration over HTTP: on a Unix socket that only the gateway's user may open, and, to read alone, on a port of loopback.
//!
//! A thread of its own reads each request and writes the answer; the gateway's thread makes the answer in between. A browser opens connections
//! before it needs them, so that one thread for all would wait for a connection that is silent.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sealwire_net::files::unwritable;
use sealwire_net::mailbox::Mailbox;

use super::page;
use super::settings::Settings;

/// The most bytes of a request.
const MOST: usize = 8 * 1024;

/// How long a client may be silent, and how long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most clients at a time, of the socket and of the port each.
const MOST_CLIENTS: usize = 16;

/// How long the port gives the same answer again, because whoever may open it could otherwise keep the gateway's thread busy with answers.
const SAME: Duration = Duration::from_millis(200);

/// How long no client is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Metrics,
    Status,
    /// The server of this name gets no new sessions, and those that it has leave.
    Drain(String),
    Undrain(String),
    /// Reads the rules and the TLS files again.
    Reload,
}

/// The answer to a request: made here, or by the gateway's thread.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Here(Answer),
    By(Action),
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) action: Action,
    to: SyncSender<Answer>,
}

impl Question {
    /// Sends the answer.
    pub(super) fn reply(self, answer: Answer) {
        // An error means that the client's time was over.
        let _ = self.to.try_send(answer);
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Answer {
    const TEXT: &'static str = "text/plain; charset=utf-8";

    pub(super) fn text(body: &str) -> Self {
        Self { status: "200 OK", kind: Self::TEXT, body: body.to_owned() }
    }

    pub(super) const fn json(body: String) -> Self {
        Self { status: "200 OK", kind: "application/json", body }
    }

    pub(super) const fn metrics(body: String) -> Self {
        Self { status: "200 OK", kind: "text/plain; version=0.0.4; charset=utf-8", body }
    }

    pub(super) const fn not_found(body: String) -> Self {
        Self { status: "404 Not Found", kind: Self::TEXT, body }
    }

    pub(super) const fn failed(body: String) -> Self {
        Self { status: "500 Internal Server Error", kind: Self::TEXT, body }
    }

    fn refused(status: &'static str, body: &str) -> Self {
        Self { status, kind: Self::TEXT, body: body.to_owned() }
    }
}

/// Starts the threads of the administration's socket and port.
///
/// # Errors
/// A sentence that names the option.
pub(super) fn start(settings: &Settings, asker: &Mailbox<Question>) -> Result<(), String> {
    let failed = |error: io::Error| format!("can't start a thread for the administration: {error}");
    if let Some(path) = &settings.admin_socket {
        let listener = bind(path).map_err(|error| {
            format!("option '--admin-socket': can't listen on '{}': {}", path.display(), unwritable(path, &error))
        })?;
        let limit = |stream: &UnixStream| {
            stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        };
        let accept = move || listener.accept().map(|(stream, _)| stream);
        serve_each("admin-socket", accept, limit, Door::socket(asker)).map_err(failed)?;
    }
    if let Some(port) = settings.admin_port {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| format!("option '--admin-port': can't listen on 127.0.0.1:{port}: {error}"))?;
        let limit = |stream: &TcpStream| {
            stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
        };
        let accept = move || listener.accept().map(|(stream, _)| stream);
        serve_each("admin-port", accept, limit, Door::port(asker)).map_err(failed)?;
    }
    Ok(())
}

/// The socket or the port, as its clients meet it.
#[derive(Debug)]
struct Door {
    may_change: bool,
    /// The last answers, each with its request and time; the port alone keeps them.
    last: Option<Mutex<Vec<(Action, Instant, Answer)>>>,
    asker: Mailbox<Question>,
}

impl Door {
    fn socket(asker: &Mailbox<Question>) -> Self {
        Self { may_change: true, last: None, asker: asker.clone() }
    }

    fn port(asker: &Mailbox<Question>) -> Self {
        Self { may_change: false, last: Some(Mutex::default()), asker: asker.clone() }
    }

    /// The answer to a request, which may be the last one.
    fn ask(&self, action: Action) -> Answer {
        let Some(last) = &self.last else { return self.ask_gateway(action) };
        // The lock is held while the gateway answers, so that those who ask meanwhile get the same answer.
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|(_, at, _)| at.elapsed() < SAME);
        if let Some((_, _, answer)) = last.iter().find(|(asked, _, _)| *asked == action) {
            return answer.clone();
        }
        let answer = self.ask_gateway(action.clone());
        last.push((action, Instant::now(), answer.clone()));
        answer
    }

    fn ask_gateway(&self, action: Action) -> Answer {
        let (to, answers) = sync_channel(1);
        if self.asker.send(Question { action, to }).is_err() {
            return Answer::refused("503 Service Unavailable", "the gateway has ended\n");
        }
        answers
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| Answer::refused("503 Service Unavailable", "the gateway did not answer in time\n"))
    }
}

/// Starts a thread that accepts the clients. `limit` bounds how long a client may be silent.
fn serve_each<S: Read + Write + Send + 'static>(
    name: &'static str,
    accept: impl Fn() -> io::Result<S> + Send + 'static,
    limit: fn(&S) -> io::Result<()>,
    door: Door,
) -> io::Result<()> {
    let door = Arc::new(door);
    let serve_all = move || {
        loop {
            match accept() {
                Ok(stream) if Arc::strong_count(&door) <= MOST_CLIENTS && limit(&stream).is_ok() => {
                    let door = Arc::clone(&door);
                    let serve_one = move || serve(stream, &door);
                    // Where the system has no thread left, the connection is closed, and the client may try again.
                    let _ = std::thread::Builder::new().name(name.to_owned()).spawn(serve_one);
                }
                Ok(_) => {}
                // Where no descriptor is left, the next attempt would fail at once, again and again.
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(serve_all).map(drop)
}

/// Removes the socket's file.
pub(super) fn end(settings: &Settings) {
    if let Some(path) = &settings.admin_socket {
        // The file may be gone already.
        let _ = fs::remove_file(path);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // A gateway that was killed leaves its socket behind.
    if UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        fs::remove_file(path)?;
    }
    // The mode holds from the beginning, because a socket that anybody can open for a moment is open.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    bound
}

/// The headers of all answers. The page loads nothing from elsewhere, and no other page may show it in a frame.
const HEADERS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'self'; \
                       img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

/// Answers one request. A page in a browser on this machine reaches the port, so the port answers no POST and no foreign host.
fn serve<S: Read + Write>(mut stream: S, door: &Door) {
    let answer = match read(&mut stream).map(|head| parse(&head, door.may_change)) {
        Ok(Reply::By(action)) => door.ask(action),
        Ok(Reply::Here(answer)) => answer,
        // Nobody reads the answer.
        Err(_) => return,
    };
    let mut text = String::new();
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{HEADERS}Connection: close\r\n\r\n{}",
        answer.status,
        answer.kind,
        answer.body.len(),
        answer.body
    );
    // An error means that the client is gone.
    let _ = write(&mut stream, text.as_bytes(), Instant::now() + PATIENCE);
}

/// Writes an answer. A client that takes a byte now and then must not hold the thread.
fn write(stream: &mut impl Write, mut bytes: &[u8], until: Instant) -> io::Result<()> {
    while !bytes.is_empty() && Instant::now() <= until {
        let count = match stream.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            written => written?,
        };
        bytes = bytes.get(count..).filter(|_| count > 0).ok_or(io::ErrorKind::WriteZero)?;
    }
    Ok(())
}

/// Reads the head of a request.
fn read(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    let begun = Instant::now();
    loop {
        let count = stream.read(&mut buffer)?;
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(String::from_utf8_lossy(&head).into_owned());
        }
        // A client that sends a byte now and then must not hold the thread.
        if count == 0 || head.len() > MOST || begun.elapsed() > PATIENCE {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn parse(head: &str, may_change: bool) -> Reply {
    let bad = |text: &str| Reply::Here(Answer::refused("400 Bad Request", text));
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return bad("the request is malformed\n") };
    let host = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = host.map_or("", |(_, value)| value.trim());
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !may_change && !["127.0.0.1", "localhost"].contains(&name) {
        return bad("the Host is not 127.0.0.1\n");
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let server = query
        .split('&')
        .find_map(|part| part.strip_prefix("server="))
        .map(|name| name.replace("%3A", ":").replace("%3a", ":"));
    let file = page::find(path);
    let action = match (method, path, server) {
        ("GET", "/metrics", _) => return Reply::By(Action::Metrics),
        ("GET", "/status", _) => return Reply::By(Action::Status),
        ("POST", "/drain", Some(server)) => Action::Drain(server),
        ("POST", "/undrain", Some(server)) => Action::Undrain(server),
        ("POST", "/drain" | "/undrain", None) => return bad("name the server: POST /drain?server=HOST:PORT\n"),
        ("POST", "/reload", _) => Action::Reload,
        (_, "/metrics" | "/status" | "/drain" | "/undrain" | "/reload", _) => {
            return Reply::Here(Answer::refused(
                "405 Method Not Allowed",
                "GET /, GET /metrics, GET /status, POST /drain, POST /undrain, POST /reload\n",
            ));
        }
        _ => {
            let Some(file) = file.filter(|_| method == "GET") else {
                let paths = "there are /, /metrics, /status, /drain, /undrain and /reload\n";
                return Reply::Here(Answer::not_found(paths.to_owned()));
            };
            return Reply::Here(Answer { status: "200 OK", kind: file.kind, body: file.text.to_owned() });
        }
    };
    if may_change {
        Reply::By(action)
    } else {
        Reply::Here(Answer::refused("403 Forbidden", "the port can only read: use --admin-socket\n"))
    }
}

#[cfg(test)]
mod tests {
    use sealwire_net::reactor::Reactor;

    use super::*;

    /// Takes a byte at a time, and counts them.
    struct Slow(usize);

    impl Write for Slow {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_is_written_whole_or_until_its_time_is_over() {
        let (mut all, mut part) = (Slow(0), Slow(0));
        write(&mut all, &[0; 1000], Instant::now() + Duration::from_secs(3600)).unwrap();
        write(&mut part, &vec![0; 1 << 30], Instant::now()).unwrap();
        assert!(all.0 == 1000 && part.0 < 1 << 30, "{} {}", all.0, part.0);
    }

    #[test]
    fn the_port_asks_the_gateway_once_for_many() {
        let reactor = Reactor::<mio::net::TcpListener>::new().unwrap();
        let (asker, questions) = reactor.mailbox::<Question>();
        let gateway = std::thread::spawn(move || {
            let mut count = 0;
            while let Ok(question) = questions.recv() {
                count += 1;
                question.reply(Answer::text("made"));
            }
            count
        });
        let (port, socket) = (Door::port(&asker), Door::socket(&asker));
        drop(asker);
        let begun = Instant::now();
        for _ in 0..50 {
            assert_eq!((port.ask(Action::Status).body, port.ask(Action::Metrics).body), ("made".into(), "made".into()));
        }
        // Each of both is made once in each period that has begun.
        let most = 2 * (1 + begun.elapsed().as_millis() / SAME.as_millis());
        for _ in 0..3 {
            socket.ask(Action::Status);
        }
        drop((port, socket));
        let count = gateway.join().unwrap();
        assert!((5..=most + 3).contains(&count), "{count} of at most {most} + 3");
    }

    #[test]
    fn the_port_can_only_read_and_only_as_localhost() {
        let request = |line: &str, host: &str| format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let status = |line: &str, host: &str, may_change| match parse(&request(line, host), may_change) {
            Reply::By(action) => format!("{action:?}"),
            Reply::Here(answer) => answer.status.to_owned(),
        };
        for (line, host, by_port, by_socket) in [
            ("GET /metrics", "127.0.0.1:9", "Metrics", "Metrics"),
            ("GET /status", "localhost", "Status", "Status"),
            ("GET /status", "evil.example", "400 Bad Request", "Status"),
            ("POST /drain?server=db1%3A3306", "localhost", "403 Forbidden", "Drain(\"db1:3306\")"),
            ("POST /undrain?server=db1:3306", "localhost", "403 Forbidden", "Undrain(\"db1:3306\")"),
            ("POST /reload", "localhost", "403 Forbidden", "Reload"),
            ("POST /drain", "localhost", "400 Bad Request", "400 Bad Request"),
            ("GET /drain?server=a", "localhost", "405 Method Not Allowed", "405 Method Not Allowed"),
            ("GET /", "localhost", "200 OK", "200 OK"),
            ("GET /status.js?x=1", "127.0.0.1:9", "200 OK", "200 OK"),
            ("GET /", "evil.example", "400 Bad Request", "200 OK"),
            ("POST /", "localhost", "404 Not Found", "404 Not Found"),
            ("GET /index.html", "localhost", "404 Not Found", "404 Not Found"),
            ("GET", "localhost", "404 Not Found", "404 Not Found"),
        ] {
            assert_eq!(
                (status(line, host, false), status(line, host, true)),
                (by_port.to_owned(), by_socket.to_owned()),
                "{line} {host}"
            );
        }
    }
}
