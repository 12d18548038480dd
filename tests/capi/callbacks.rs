//! Calls from the program's own functions on the handle whose call has called them.

use sealwire_tests::capi::{compile, folder, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::scripted::{Client, infile, ok, serve};

/// Asks for the file that a statement names, and takes it.
fn answer(client: &mut Client) -> std::io::Result<()> {
    client.welcome()?;
    loop {
        let command = client.receive()?;
        if command.windows(3).any(|part| part == b"'y'") {
            client.send(&[infile("y")])?;
            return client.wait_for_the_end();
        }
        if command.starts_with(b"\x03LOAD DATA") {
            client.send(&[infile("x")])?;
            while !client.receive()?.is_empty() {}
        }
        client.send(&[ok(0)])?;
    }
}

#[test]
fn a_file_handler_can_not_use_the_handle_that_sends_the_file() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("callbacks", &folder().join("include"), place.path());
    let socket = serve(place.path(), answer);
    let expected = "0 0 \n0 0 \n-1 1234 no more\n-1 1234 no more\n5 ends\n";
    assert_eq!(said(with_ours(&program).arg(&socket)), expected);
}
