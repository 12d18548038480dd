//! A relay that sees which process makes a connection, and which libmariadb that process has loaded.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The relay's view of one connection: its process and the libraries of that process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The names of the processes that hold the connection.
    pub(crate) programs: BTreeSet<String>,
    /// The device and inode of every libmariadb in their memory.
    pub(crate) libraries: BTreeSet<(String, u64)>,
}

/// A relay to a server on 127.0.0.1. A connection is passed on only after its process has been looked at.
pub(crate) struct Witness {
    address: SocketAddr,
    callers: Arc<Mutex<Vec<Caller>>>,
    ended: Arc<AtomicBool>,
}

impl Witness {
    pub(crate) fn of(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (callers, ended) = (Arc::<Mutex<Vec<Caller>>>::default(), Arc::new(AtomicBool::new(false)));
        let (seen, is_over) = (Arc::clone(&callers), Arc::clone(&ended));
        thread::spawn(move || {
            for client in listener.incoming() {
                if is_over.load(Ordering::Acquire) {
                    break;
                }
                let client = client.unwrap();
                let caller = caller(client.peer_addr().unwrap(), address);
                seen.lock().unwrap().push(caller);
                relay(client, TcpStream::connect(("127.0.0.1", server)).unwrap());
            }
        });
        Self { address, callers, ended }
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Takes what was seen since the last call.
    pub(crate) fn take(&self) -> Vec<Caller> {
        std::mem::take(&mut self.callers.lock().unwrap())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // The thread waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn relay(client: TcpStream, server: TcpStream) {
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            // Either side may end the connection at any time.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    };
    pump(client.try_clone().unwrap(), server.try_clone().unwrap());
    pump(server, client);
}

/// The identity of a file, as /proc/PID/maps gives it.
pub(crate) fn identity(file: &Path) -> (String, u64) {
    let facts = fs::metadata(file).unwrap();
    let (major, minor) = (rustix::fs::major(facts.dev()), rustix::fs::minor(facts.dev()));
    (format!("{major:02x}:{minor:02x}"), facts.ino())
}

fn caller(client: SocketAddr, relay: SocketAddr) -> Caller {
    let mut caller = Caller { programs: BTreeSet::new(), libraries: BTreeSet::new() };
    let Some(inode) = inode(client, relay) else { return caller };
    let socket = Path::new("socket:[]").with_file_name(format!("socket:[{inode}]"));
    for process in fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()) {
        // A process may end while it is looked at.
        let mut descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        if !descriptors.any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|target| target == socket)) {
            continue;
        }
        // A process that ends has no memory any more while it still has its descriptors.
        let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
        let Some(libraries) = libraries(&maps) else { continue };
        caller.programs.insert(fs::read_to_string(process.join("comm")).unwrap_or_default().trim().to_owned());
        caller.libraries.extend(libraries);
    }
    caller
}

/// The libmariadb.so of a process by its maps; `None` where they are not all there, because the process has ended while they were read. The
/// stack is behind all libraries.
fn libraries(maps: &str) -> Option<BTreeSet<(String, u64)>> {
    let mut found = BTreeSet::new();
    let mut is_whole = false;
    for line in maps.lines() {
        // Address, rights, offset, device, inode, path.
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.get(5).is_some_and(|path| path.contains("/libmariadb.so")) {
            found.insert((words[3].to_owned(), words[4].parse().unwrap()));
        }
        is_whole |= words.last() == Some(&"[stack]");
    }
    is_whole.then_some(found)
}

/// The inode of the client's socket, from the kernel's table of this network namespace.
fn inode(client: SocketAddr, relay: SocketAddr) -> Option<u64> {
    let (SocketAddr::V4(client), SocketAddr::V4(relay)) = (client, relay) else { return None };
    let shown = |address: std::net::SocketAddrV4| {
        format!("{:08X}:{:04X}", u32::from_le_bytes(address.ip().octets()), address.port())
    };
    let (local, remote) = (shown(client), shown(relay));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words.get(1) == Some(&local.as_str()) && words.get(2) == Some(&remote.as_str()))
            .then(|| words[9].parse().ok())?
    })
}

#[test]
fn the_maps_of_a_process_that_has_ended_tell_nothing() {
    let own = fs::read_to_string("/proc/self/maps").unwrap();
    assert_eq!(libraries(&own), Some(BTreeSet::new()));
    let loaded = "7f00-7f01 r-xp 00000000 fd:01 77  /usr/lib/libmariadb.so.3\n";
    assert_eq!(libraries(&format!("{loaded}{own}")), Some([("fd:01".to_owned(), 77)].into()));
    let (cut, _) = own.split_once("[stack]").unwrap();
    for ended in ["", loaded, cut] {
        assert_eq!(libraries(ended), None);
    }
}
