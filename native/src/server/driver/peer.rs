//! Who is at the other end of a Unix socket.

use mio::net::UnixStream;

/// The number of the user at the other end of a Unix socket, as the kernel knows it.
pub(super) fn user_of(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|credentials| credentials.uid.as_raw())
}

/// The name of the user with that number.
pub(super) fn name_of(uid: u32) -> Option<String> {
    user_name(&std::fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn user_name(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nmysql:x:100:101::/:/bin/false\nbroken\n";
        assert_eq!(user_name(passwd, 100).as_deref(), Some("mysql"));
        assert_eq!(user_name(passwd, 101), None);
    }
}
