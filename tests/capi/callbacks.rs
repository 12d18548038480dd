//! LOAD DATA LOCAL: calls from the program's own functions on the handle whose call has called them, and the file of a prepared statement.

use std::sync::mpsc::{Sender, channel};

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

/// Prepares each statement, asks for these files when they are executed, and tells what it gets.
fn execute(client: &mut Client, files: &[&str], got: &Sender<Vec<u8>>) -> std::io::Result<()> {
    client.welcome()?;
    let mut files = files.iter();
    loop {
        match client.receive()?.first() {
            Some(0x16) => client.send(&[b"\0\x01\0\0\0\0\0\0\0\0\0\0".to_vec()])?,
            Some(0x17) => {
                client.send(&[infile(files.next().copied().unwrap_or_default())])?;
                let mut sent = Vec::new();
                loop {
                    let packet = client.receive()?;
                    if packet.is_empty() {
                        break;
                    }
                    sent.extend(packet);
                }
                let _ = got.send(sent);
                client.send(&[ok(0)])?;
            }
            Some(0x19) => {}
            _ => return Ok(()),
        }
    }
}

#[test]
fn a_prepared_statement_sends_the_file_that_it_names_and_no_other() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("loaded", &folder().join("include"), place.path());
    let [mine, other] = ["mine", "other"].map(|name| place.path().join(name));
    std::fs::write(&mine, "of mine\n").unwrap();
    std::fs::write(&other, "secret\n").unwrap();
    let names = [&mine, &other].map(|path| path.display().to_string());
    let (tell, told) = channel();
    let files = [names[0].clone(), names[1].clone(), names[0].clone(), names[1].clone()];
    let socket = serve(place.path(), move |client| execute(client, &files.each_ref().map(String::as_str), &tell));
    let shown = said(with_ours(&program).args([&socket, &mine]));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!((lines[0], lines[2]), ("0 0 ", "0 0 "), "{shown}");
    for refused in [lines[1], lines[3]] {
        assert!(refused.starts_with("1 2068 ") && refused.contains(&names[1]), "{shown}");
    }
    let sent: Vec<Vec<u8>> = told.try_iter().collect();
    assert_eq!(sent, [b"of mine\n".to_vec(), vec![], b"of mine\n".to_vec(), vec![]]);
}
