//! HAProxy before a server of ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::free_port;

/// A running HAProxy.
pub(crate) struct HaProxy {
    pub(crate) port: u16,
    pid: String,
}

impl HaProxy {
    /// Starts it before a server, to which it connects with these settings of its own. Its files are in this folder.
    pub(crate) fn start(place: &Path, server: u16, settings: &str) -> Self {
        let port = free_port();
        let (file, pid) = (place.join("haproxy.cfg"), place.join("haproxy.pid"));
        let text = format!(
            "global\n maxconn 64\ndefaults\n mode tcp\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n\
             listen mysql\n bind 127.0.0.1:{port}\n server one 127.0.0.1:{server} {settings}\n"
        );
        fs::write(&file, text).unwrap();
        // It listens when the first process has ended.
        let started = Command::new(HAPROXY).arg("-D").arg("-f").arg(&file).arg("-p").arg(&pid).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { port, pid: fs::read_to_string(pid).unwrap() }
    }
}

/// Debian puts it where only root's PATH looks.
pub(crate) const HAPROXY: &str = "/usr/sbin/haproxy";

impl Drop for HaProxy {
    fn drop(&mut self) {
        for pid in self.pid.split_whitespace() {
            let _ = Command::new("kill").arg(pid).status();
        }
    }
}
