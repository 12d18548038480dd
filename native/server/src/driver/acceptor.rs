//! The acceptor: opens the sockets that listen, starts the workers, which accept on the network themselves, and lets in who comes by
//! the Unix socket or was accepted elsewhere.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::door::Door;
use super::gate::Gate;
use super::worker::{self, GRACE, Message, Seat};
use crate::state::Server;
use sealwire_net::listen;

/// Where to listen.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Addresses or names, separated by commas; `*` is all addresses. Empty: no network.
    pub(crate) addresses: String,
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
    /// The Unix socket.
    pub(crate) socket: Option<PathBuf>,
}

/// Sockets that listen.
#[derive(Debug)]
pub(crate) struct Bound {
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
    /// The port in use; 0 without a network.
    pub(crate) port: u16,
    socket: Option<SocketFile>,
    poll: Poll,
    waker: Arc<Waker>,
    /// Clients that were accepted elsewhere.
    entering: Receiver<(UnixStream, SocketAddr)>,
    entrance: Sender<(UnixStream, SocketAddr)>,
}

impl Bound {
    /// The way in for clients that are accepted elsewhere.
    pub(crate) fn door(&self) -> Door {
        Door::new(self.entrance.clone(), Arc::clone(&self.waker))
    }
}

const WAKE: Token = Token(usize::MAX);
const UNIX: Token = Token(usize::MAX - 1);
/// Where the system has no more descriptors, accepting waits so long.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// Beyond the time that connections have to end, a worker that still runs is stuck.
const STUCK: Duration = Duration::from_secs(1);
/// So many clients of the Unix socket are accepted before the others are looked at.
const MOST_ACCEPTED: usize = 32;
/// The process, or the system, has no more descriptors.
const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const NFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
/// Anyone may connect to the socket; accounts decide who gets in.
const SOCKET_MODE: u32 = 0o777;

/// Opens the sockets.
///
/// # Errors
/// A sentence that names the address or path.
pub(crate) fn bind(listen: &Listen) -> Result<Bound, String> {
    let (tcp, port) = listen::bind(&listen.addresses, listen.port, "--port")?;
    let (unix, socket) = listen.socket.as_deref().map(bind_unix).transpose()?.unzip();
    let told = |error: io::Error| format!("Can't start server: can't poll: {error}");
    let poll = Poll::new().map_err(told)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE).map_err(told)?);
    let (entrance, entering) = channel();
    Ok(Bound { tcp, unix, port, socket, poll, waker, entering, entrance })
}

/// A socket's file, which is removed when this is dropped; whatever else stands there by then is left alone.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and number of the file.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && self.identity == identity(&self.path) {
            // Someone may have removed it before us.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Device and number of the socket at that path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok().filter(|found| found.file_type().is_socket())?;
    Some((found.dev(), found.ino()))
}

/// Removes a socket that a server left behind.
fn remove_old(path: &Path) -> Result<(), String> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let kind = found.file_type();
    if !kind.is_socket() {
        let what = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_symlink() => "a symbolic link",
            () if kind.is_file() => "a file",
            () => "something else than a socket",
        };
        return Err(format!(
            "option '--socket': {} is {what}, which is not removed: name another path, or remove it yourself",
            path.display()
        ));
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(format!("Can't start server: another server is running on the socket {}", path.display()));
    }
    std::fs::remove_file(path).map_err(|error| format!("can't remove the old socket {}: {error}", path.display()))
}

fn bind_unix(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    remove_old(path)?;
    let listener = UnixListener::bind(path)
        .map_err(|error| format!("Can't start server: Bind on unix socket {}: {error}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))
        .map_err(|error| format!("can't set the mode of {}: {error}", path.display()))?;
    Ok((listener, SocketFile::new(path)))
}

/// Serves until the server is told to stop. `ready` is called when connections are taken.
///
/// # Errors
/// Where the system does not poll or gives no thread.
pub(crate) fn serve(server: &Arc<Server>, mut bound: Bound, workers: usize, ready: impl FnOnce()) -> io::Result<()> {
    let waker = Arc::clone(&bound.waker);
    server.on_stop(move || {
        // A poll that can't be woken has ended.
        let _ = waker.wake();
    });
    if let Some(listener) = &mut bound.unix {
        bound.poll.registry().register(listener, UNIX, Interest::READABLE)?;
    }
    let seats = (0..workers.max(1)).map(|_| Seat::new()).collect::<io::Result<Vec<_>>>()?;
    let gate = Arc::new(Gate::new(Arc::clone(server), seats.iter().map(Seat::handle).collect()));
    let mut listeners = vec![bound.tcp];
    for _ in 1..seats.len() {
        let more = listeners.first().into_iter().flatten().map(listen::beside).collect::<io::Result<_>>()?;
        listeners.push(more);
    }
    let mut threads = Vec::new();
    let (ended, end) = channel();
    for (number, (seat, listeners)) in seats.into_iter().zip(listeners).enumerate() {
        threads.push(worker::start(number, seat, Arc::clone(&gate), listeners, ended.clone())?);
    }
    drop(ended);
    ready();
    // Whether someone may wait at the Unix socket of whom nothing is announced again, and whether to pause before.
    let (mut may_accept, mut pausing) = (false, false);
    let mut events = Events::with_capacity(64);
    while !server.is_stopping() {
        let until_look = server.tls.look_again();
        let timeout = match (may_accept, pausing) {
            (true, false) => Duration::ZERO,
            (true, true) => PAUSE,
            (false, _) => until_look,
        };
        match bound.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        while let Ok((stream, address)) = bound.entering.try_recv() {
            gate.admit_entered(stream, address);
        }
        if let Some(listener) = &bound.unix
            && (may_accept || events.iter().any(|event| event.token() == UNIX))
        {
            (may_accept, pausing) = accept_unix(listener, &gate);
        }
    }
    drop(bound.unix);
    drop(bound.socket);
    for handle in gate.handles() {
        handle.send(Message::Stop);
    }
    // A thread that is stuck in a statement must not keep the process from its end.
    if end.recv_timeout(GRACE.saturating_add(STUCK)) == Err(RecvTimeoutError::Timeout) {
        tracing::error!("a worker is stuck in a statement: the server ends without it");
        threads.retain(JoinHandle::is_finished);
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a worker ended in a panic");
        }
    }
    Ok(())
}

/// Accepts a few; whether more may wait, and whether the system has room for them only later.
fn accept_unix(listener: &UnixListener, gate: &Gate) -> (bool, bool) {
    for _ in 0..MOST_ACCEPTED {
        match accepted(listener.accept()) {
            Accepted::One((stream, _)) => gate.admit_unix(stream),
            Accepted::None => return (false, false),
            Accepted::Later => return (true, true),
            Accepted::Full => {
                gate.make_room();
                return (true, true);
            }
        }
    }
    (true, false)
}

/// What a listener gave.
pub(super) enum Accepted<T> {
    /// A connection.
    One(T),
    /// None waits.
    None,
    /// None for now, though one may wait: it is to be asked again.
    Later,
    /// As before; the system has no more descriptors.
    Full,
}

/// Reads a listener's answer.
pub(super) fn accepted<T>(answer: io::Result<T>) -> Accepted<T> {
    match answer {
        Ok(one) => Accepted::One(one),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::None,
        // The client went away between its call and our answer.
        Err(error)
            if error.kind() == io::ErrorKind::ConnectionAborted || error.kind() == io::ErrorKind::Interrupted =>
        {
            Accepted::Later
        }
        Err(error) => {
            tracing::warn!("can't accept a connection: {error}");
            let is_full = error.raw_os_error().is_some_and(|code| [MFILE, NFILE].contains(&code));
            if is_full { Accepted::Full } else { Accepted::Later }
        }
    }
}
