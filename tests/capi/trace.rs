//! `SEALWIRE_TRACE`: the handshakes of programs that know nothing of it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use sealwire_tests::capi::{compile, folder, heard, library, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::servers::{PASSWORD, Served, USER, mariadb, sealwired};

fn blocks(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim_end().split("\n\n").map(str::to_owned).collect()
}

fn manual(program: &Path, served: &Served, password: &str, trace: &Path) -> Command {
    let mut command = with_ours(program);
    command.args(["127.0.0.1", &served.port(), USER, password]).arg(served.ca()).env("SEALWIRE_TRACE", trace);
    command
}

#[test]
fn the_manuals_program_leaves_its_handshake_and_no_secret() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("manual", &folder().join("include"), place.path());
    // Everybody may write this file of the system's, so it is not read.
    let ignored = place.path().join("my.cnf");
    std::fs::write(&ignored, "[sealwire-capi]\nssl-mode=VERIFY_IDENTITY\n").unwrap();
    std::fs::set_permissions(&ignored, std::fs::Permissions::from_mode(0o666)).unwrap();
    for served in mariadb().into_iter().chain([sealwired()]) {
        let trace = place.path().join(format!("trace{}", served.port()));
        said(manual(&program, served, PASSWORD, &trace).env("MYSQL_HOME", place.path()));
        let refused = heard(&mut manual(&program, served, "a wrong secret", &trace));
        assert!(String::from_utf8_lossy(&refused.stdout).starts_with("1045 "), "{refused:?}");
        let blocks = blocks(&trace);
        assert_eq!(blocks.len(), 2, "{blocks:?}");
        assert!(blocks[0].contains("my.cnf' is ignored\n") && !blocks[1].contains("is ignored"), "{blocks:?}");
        let lines: Vec<&str> = blocks[0].lines().collect();
        assert!(lines[0].contains("manual-include[") && lines[0].ends_with(&format!("to 127.0.0.1:{}", served.port())));
        for part in
            ["HandshakeV10", "SSLRequest", " plaintext ends here ", "ClientHello", "HandshakeResponse41", "(Session)"]
        {
            assert!(blocks[0].contains(part), "{part}: {}", blocks[0]);
        }
        let last = lines[lines.len() - 1];
        assert!(
            last.starts_with("TLS as asked for: TLSv1.3, TLS_AES_") && last.contains("verified by its CA"),
            "{last}"
        );
        assert!(blocks[1].contains("failed: ERROR 1045") && !blocks[1].contains("a wrong secret"), "{}", blocks[1]);
        assert_eq!(std::fs::metadata(&trace).unwrap().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_program_that_asked_for_nothing_is_told_of_its_tls() {
    let (true, Some(served)) = (needs(&["/usr/lib/python3/dist-packages/MySQLdb/__init__.py"]), mariadb()) else {
        return;
    };
    let place = tempdir().unwrap();
    let trace = place.path().join("trace");
    let script = format!(
        "import MySQLdb, threading\n\
         def connect(): MySQLdb.connect(host='127.0.0.1', port={}, user='{USER}', password='{PASSWORD}').close()\n\
         all = [threading.Thread(target=connect) for _ in range(8)]\n\
         [one.start() for one in all]\n[one.join() for one in all]\n",
        served.port()
    );
    said(with_ours("/usr/bin/python3").args(["-c", &script]).env("SEALWIRE_TRACE", &trace));
    let blocks = blocks(&trace);
    assert_eq!(blocks.len(), 8, "{blocks:?}");
    for block in blocks {
        let (first, last) = (block.lines().next().unwrap(), block.lines().last().unwrap());
        assert!(first.contains(": python3") && block.matches("connects to").count() == 1, "{block}");
        assert!(last.contains("the program did not ask: TLSv1.3") && last.contains("was not verified"), "{last}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("manual", &folder().join("include"), place.path());
    let refused = heard(&mut manual(&program, sealwired(), PASSWORD, Path::new("/nonexistent/none/trace")));
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        said.starts_with("2000 HY000 ") && said.contains("SEALWIRE_TRACE") && said.contains("/nonexistent/none/trace"),
        "{said}"
    );
}

/// The caller of a set-uid program chooses its environment, but not what it writes as another user.
#[test]
fn a_set_uid_program_heeds_no_variable() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    if std::fs::metadata(place.path()).unwrap().uid() != 0 {
        eprintln!("skipped: only root can make a set-uid program for another user");
        return;
    }
    let program = place.path().join("manual");
    let mut compiler = Command::new("cc");
    compiler
        .arg("-I")
        .arg(folder().join("include"))
        .arg(sealwire_tests::programs::package_folder().join("capi/manual.c"));
    // LD_LIBRARY_PATH does not reach a set-uid program.
    compiler.arg("-o").arg(&program).arg(library()).arg(format!("-Wl,-rpath,{}", place.path().display()));
    said(&mut compiler);
    std::fs::copy(library(), place.path().join("libmariadb.so.3")).unwrap();
    let ca = place.path().join("ca.pem");
    std::fs::copy(sealwired().ca(), &ca).unwrap();
    for (path, mode) in [(place.path(), 0o777), (&ca, 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let (trace, keys) = (place.path().join("trace"), place.path().join("keys"));
    for (owner, caller) in [(0, 65534), (65534, 0)] {
        let mut command = Command::new(&program);
        command.args(["127.0.0.1", &sealwired().port(), USER, PASSWORD]).arg(&ca).uid(caller).current_dir("/");
        command.env("SEALWIRE_TRACE", &trace).env("SSLKEYLOGFILE", &keys).env("SEALWIRE_SSL_MODE", "NONSENSE");
        std::os::unix::fs::chown(&program, Some(owner), None).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o4755)).unwrap();
        assert!(said(&mut command).starts_with("TLS_AES_"), "the program of {owner} for {caller}");
        assert!(!trace.exists() && !keys.exists());
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let refused = heard(&mut command);
        assert!(
            !refused.status.success(),
            "the variables are heeded where the program has its caller's rights: {refused:?}"
        );
        let _ = std::fs::remove_file(&trace);
    }
}

/// A file that lies where the operator wants a new one is appended to only if it is the program's own user's.
#[test]
fn a_file_that_another_put_there_gets_no_trace() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("manual", &folder().join("include"), place.path());
    let (theirs, linked) = (place.path().join("theirs"), place.path().join("linked"));
    std::fs::write(&theirs, "kept").unwrap();
    std::fs::hard_link(&theirs, &linked).unwrap();
    let mut reasons = vec!["it has a second name"];
    if std::fs::metadata(&theirs).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();
        reasons.push("it belongs to another user");
    } else {
        eprintln!("skipped: only root can give a file to another user");
    }
    while let Some(reason) = reasons.pop() {
        let refused = heard(&mut manual(&program, sealwired(), PASSWORD, &linked));
        let said = String::from_utf8_lossy(&refused.stdout).into_owned();
        assert!(said.starts_with("2000 HY000 ") && said.contains(reason), "{said}");
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "kept");
        // Root's next try is with a file of its own.
        let _ = std::os::unix::fs::chown(&theirs, Some(rustix::process::geteuid().as_raw()), None);
    }
}
