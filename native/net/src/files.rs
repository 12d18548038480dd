//! An operator's files: why one can't be read, with the way out, and who else can read or write it.

use std::env;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The system's error for a file that can't be read, and the way out.
pub fn unreadable(path: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!(
                "{error}; this process runs as {}, who needs the permission to read it and to enter its directories \
                 (chown, chmod)",
                own_user()
            )
        }
        ErrorKind::NotFound if path.is_relative() => {
            let here = env::current_dir().unwrap_or_default();
            format!(
                "{error}; it is looked for in '{}', where the program was started: give the whole path",
                here.display()
            )
        }
        ErrorKind::NotFound => format!("{error}; give the path of one that is there"),
        _ => error.to_string(),
    }
}

/// The system's error for a file or socket that can't be made or written, and the way out.
pub fn unwritable(path: &Path, error: &Error) -> String {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let shown = directory.display();
    match error.kind() {
        ErrorKind::PermissionDenied => format!(
            "{error}; this process runs as {}, who needs the permission to write in '{shown}' and to enter its directories \
             (chown, chmod)",
            own_user()
        ),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("{error}; there is no directory '{shown}': make it, or give another path")
        }
        ErrorKind::ReadOnlyFilesystem => format!("{error}; give a path on another one"),
        _ => error.to_string(),
    }
}

/// The user of this process, for messages.
fn own_user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    user_name(uid).map_or_else(|| format!("user {uid}"), |name| format!("user '{name}'"))
}

/// The name of the user with this number.
pub fn user_name(uid: u32) -> Option<String> {
    name_in(&fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// The file's mode, if others than owner and group may read the file or others than the owner may write it.
pub fn open_mode(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o027 != 0).then_some(mode)
}

/// The mode of a file or directory, if others than its owner may write it.
pub fn writable_mode(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o022 != 0).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nmysql:x:100:101::/:/bin/false\nbroken\n";
        assert_eq!(name_in(passwd, 100).as_deref(), Some("mysql"));
        assert_eq!(name_in(passwd, 101), None);
    }

    #[test]
    fn the_way_out_is_said() {
        let of = |kind: ErrorKind, path: &str| unreadable(Path::new(path), &kind.into());
        let uid = rustix::process::geteuid().as_raw();
        let user = user_name(uid).unwrap_or_else(|| uid.to_string());
        let denied = of(ErrorKind::PermissionDenied, "/key.pem");
        assert!(denied.contains("runs as user") && denied.contains(&user) && denied.contains("chmod"), "{denied}");
        let here = env::current_dir().unwrap().display().to_string();
        assert!(of(ErrorKind::NotFound, "key.pem").contains(&here));
        assert!(of(ErrorKind::NotFound, "/key.pem").ends_with("give the path of one that is there"));
        assert_eq!(of(ErrorKind::TimedOut, "/key.pem"), "timed out");
        let of = |kind: ErrorKind, path: &str| unwritable(Path::new(path), &kind.into());
        let denied = of(ErrorKind::PermissionDenied, "/run/x.pid");
        assert!(denied.contains("runs as user") && denied.contains("write in '/run'"), "{denied}");
        assert!(of(ErrorKind::NotFound, "/nodir/x").ends_with("no directory '/nodir': make it, or give another path"));
        assert!(of(ErrorKind::NotFound, "x").contains("no directory '.'"));
        assert_eq!(of(ErrorKind::TimedOut, "/x"), "timed out");
    }
}
