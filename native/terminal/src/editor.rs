//! `edit`: opens the statement in the user's editor.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealwire_core::random::Random as _;
use sealwire_net::random::OsRandom;

/// A temporary file that is deleted when it is dropped, because a statement may hold a password.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // An error means that the file is gone already.
        let _ = fs::remove_file(&self.0);
    }
}

/// Edits a statement with $EDITOR, $VISUAL or vi, in mysql's order.
pub(crate) fn edit(statement: &[u8]) -> io::Result<Vec<u8>> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = set("EDITOR").or_else(|| set("VISUAL")).unwrap_or_else(|| "vi".to_owned());
    edit_with(&editor, statement, &std::env::temp_dir())
}

fn edit_with(editor: &str, statement: &[u8], folder: &Path) -> io::Result<Vec<u8>> {
    let mut random = [0; 8];
    OsRandom::new().fill(&mut random);
    let draft = Draft(folder.join(format!("sealwire-{:016x}.sql", u64::from_ne_bytes(random))));
    // `create_new` does not follow a symbolic link that another user has put at the path.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0)?;
    file.write_all(statement)?;
    drop(file);
    // The shell splits the variable, because it may hold options as well.
    let status = Command::new("/bin/sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&draft.0).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("'{editor}' ended with {status}")));
    }
    let mut edited = fs::read(&draft.0)?;
    edited.truncate(edited.trim_ascii_end().len());
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_back_as_the_editor_leaves_it_and_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(edit_with("sed -i s/1/2/", b"select 1", folder.path()).unwrap(), b"select 2");
        assert!(edit_with("false", b"select 1", folder.path()).is_err());
        assert!(edit_with("stat -c %a >&2", b"x", folder.path()).is_ok());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
