//! The systemd unit: its options are the gateway's, and its sandbox is closed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sealwire_tests::programs::{missing, package_folder, program};

/// The most exposure that `systemd-analyze security` may find, in tenths: 100 is a service without a sandbox.
const MOST_EXPOSURE: &str = "--threshold=15";

fn unit() -> (PathBuf, String) {
    let path = package_folder().join("../native/gateway/systemd/sealwire-gateway.service");
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn the_unit_starts_the_gateway_by_options_that_it_has() {
    let (_, text) = unit();
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let help = Command::new(program("sealwire-gateway")).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let options: Vec<&str> = start.split_whitespace().filter_map(|word| word.split('=').next()).skip(1).collect();
    assert!(options.contains(&"--admin-socket"), "{start}");
    for option in options {
        assert!(help.contains(&format!("{option}=")), "{option} is not in {help}");
    }
    assert!(text.contains("\nUser=sealwire-gateway\n") && text.contains("\nExecReload=/bin/kill -HUP $MAINPID\n"));
}

#[test]
fn systemd_takes_the_unit_and_finds_its_sandbox_closed() {
    if let Some(why) = missing("systemd-analyze") {
        println!("{why}");
        return;
    }
    let (path, text) = unit();
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", MOST_EXPOSURE]).arg(&path);
    let security = security.output().unwrap();
    assert!(security.status.success(), "{}", String::from_utf8_lossy(&security.stdout));
    // The program and its manual page are not installed here.
    let place = tempfile::tempdir().unwrap();
    let here = place.path().join("sealwire-gateway.service");
    let text = text.replace("/usr/local/bin/sealwire-gateway", &program("sealwire-gateway").display().to_string());
    fs::write(&here, text.replace("Documentation=man:sealwire-gateway(8)\n", "")).unwrap();
    let verify = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&here).output().unwrap();
    let said = String::from_utf8_lossy(&verify.stderr);
    assert!(verify.status.success() && said.is_empty(), "{said}");
}
