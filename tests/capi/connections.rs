//! Connection strings, and descriptors that are missing or are used again: as with MariaDB's library.

use sealwire_tests::capi::{compile, folder, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::functions::{ORIGINAL, said_by_theirs};
use crate::scripted::{ok, serve};
use crate::servers::mariadb;
use crate::statements::played;

#[test]
fn connection_strings_are_those_of_the_original_and_no_error_tells_a_password() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let [theirs, ours, _] = played("connections", served, place.path());
    assert_eq!(theirs.matches(", TLS\n").count(), 3, "{theirs}");
    assert!(theirs.contains(": 1045 ") && theirs.contains(": 2026 ") && theirs.contains(": 5011 "), "{theirs}");
    assert_eq!(ours, theirs);
    assert!(!ours.contains("tells the password"), "{ours}");
}

#[test]
fn a_descriptor_that_is_missing_or_another_file_is_an_error() {
    if !needs(&["cc", ORIGINAL]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("descriptors", &folder().join("include"), place.path());
    let socket = serve(place.path(), |client| {
        client.welcome()?;
        client.receive()?;
        client.send(&[ok(0)])?;
        client.wait_for_the_end()
    });
    let theirs = said_by_theirs(&program, &[&socket.display().to_string()]);
    let ours = said(with_ours(&program).arg(&socket));
    assert_eq!(theirs, "query -1 2006\nanswer 1 1\nconnect 2004\nconnect 2001\n");
    assert_eq!(ours, theirs);
}
