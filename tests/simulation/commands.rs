//! The command phase: results, prepared statements, large packets, files, change of user.

use sealwire_core::client::{self, Event};
use sealwire_core::error::Side;
use sealwire_core::facts::Transport;
use sealwire_core::message::{Capabilities, HandshakeV10, Value};
use sealwire_core::server;
use sealwire_core::tls::Trust;
use sealwire_core::{Error, Output, SqlError};
use sealwire_simnet::{OwnedEvent, Pair, Toward};

use crate::world::{PASSWORD, World, pair, plain_client, plain_server};

fn connected() -> Pair {
    let world = World::new();
    let mut pair = pair(world.client("any"), world.server());
    assert_eq!(pair.run(), [OwnedEvent::Connected]);
    pair
}

/// A server like MySQL 5.6: EOF packets, no session tracking.
fn old_server() -> server::Config {
    let mut server = plain_server();
    server.capabilities = server
        .capabilities
        .without(Capabilities::DEPRECATE_EOF.union(Capabilities::SESSION_TRACK).union(Capabilities::QUERY_ATTRIBUTES));
    server
}

fn text(value: &[u8]) -> OwnedEvent {
    OwnedEvent::Row(vec![Some(value.to_vec())])
}

#[test]
fn the_cipher_that_the_server_shows_is_the_clients() {
    let mut pair = connected();
    pair.client.query(b"SHOW STATUS LIKE 'Ssl_cipher'").unwrap();
    let cipher = pair.client.facts().ssl_cipher().unwrap();
    let row = OwnedEvent::Row(vec![Some(b"Ssl_cipher".to_vec()), Some(cipher.as_bytes().to_vec())]);
    assert_eq!(pair.run()[1..], [row, OwnedEvent::End]);
}

#[test]
fn commands_that_are_sent_together_are_answered_in_their_order() {
    for server in [plain_server(), old_server()] {
        let mut pair = pair(plain_client("native"), server);
        pair.run();
        for number in 0..50 {
            pair.client.query(format!("query {number}").as_bytes()).unwrap();
        }
        pair.client.statistics().unwrap();
        pair.client.ping().unwrap();
        let seen = pair.run();
        let rows: Vec<_> = seen.iter().filter(|seen| matches!(seen, OwnedEvent::Row(_))).cloned().collect();
        assert_eq!(rows, (0..50).map(|number| text(format!("query {number}").as_bytes())).collect::<Vec<_>>());
        assert_eq!(seen[seen.len() - 2..], [OwnedEvent::Text(b"Uptime: 1".to_vec()), OwnedEvent::Ok(0)]);
    }
}

#[test]
fn several_results_follow_one_another() {
    for server in [plain_server(), old_server()] {
        let mut pair = pair(plain_client("native"), server);
        pair.run();
        pair.client.query(b"TWICE").unwrap();
        pair.client.query(b"FAIL").unwrap();
        let seen = pair.run();
        assert_eq!(
            seen[..4],
            [OwnedEvent::Ok(1), OwnedEvent::Columns(vec!["value".into()]), text(b"second"), OwnedEvent::End]
        );
        assert!(matches!(&seen[4], OwnedEvent::Failed(error) if error.code == 1064), "{seen:?}");
    }
}

#[test]
fn a_server_that_ends_the_connection_unasked_is_heard() {
    for (code, text) in [(4031, "The client was disconnected by the server because of inactivity."), (1053, "shutdown")]
    {
        let mut pair = connected();
        pair.server.kill(SqlError::new(code, b"HY000", text));
        // The client has not received the error yet: its command crosses the server's last packet, whose number is 0.
        pair.client.query(b"SELECT 1").unwrap();
        let seen = pair.run();
        let [OwnedEvent::Broken(Error::Refused { by: Side::Server, error })] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((error.code, error.message.as_str()), (code, text));
    }
}

#[test]
fn a_command_over_the_largest_packet_is_refused_under_the_number_that_is_due() {
    for (length, number) in [(2 << 20, 1), (0xff_ffff, 2)] {
        let mut server = plain_server();
        server.max_packet = 1 << 20;
        let mut pair = pair(plain_client("native"), server);
        pair.run();
        pair.client.query(&vec![b'x'; length - 1]).unwrap();
        let seen = pair.run();
        assert!(matches!(&seen[0], OwnedEvent::Failed(error) if error.code == 1153), "{seen:?}");
        assert!(matches!(&pair.wire[..], [.., (Toward::Client, said)] if said[3] == number));
    }
}

#[test]
fn no_database_is_named_by_an_empty_name() {
    for name in [None, Some(String::new()), Some("test".to_owned())] {
        let mut pair = pair(client::Config { database: name.clone(), ..plain_client("native") }, plain_server());
        assert_eq!(pair.run(), [OwnedEvent::Connected]);
        assert_eq!(pair.host.login.as_ref().unwrap().database, name.clone().filter(|name| !name.is_empty()));
        let with_db = pair.client.facts().capabilities.contains(Capabilities::CONNECT_WITH_DB);
        assert_eq!(with_db, name.is_some_and(|name| !name.is_empty()));
    }
}

#[test]
fn values_around_and_over_16_mib_go_both_ways() {
    let mut pair = connected();
    for length in [0xff_fffe, 0xff_ffff, 20 * 1024 * 1024] {
        let query = [b"LENGTH ".as_slice(), &vec![b'a'; length - 8]].concat();
        pair.client.query(&query).unwrap();
        assert_eq!(pair.run()[1], text((length - 1).to_string().as_bytes()));
        // The value's length takes 4 or 9 bytes before the value.
        pair.client.query(format!("BLOB {length}").as_bytes()).unwrap();
        let seen = pair.run();
        assert!(seen[1] == text(&vec![b'x'; length]), "{length}");
    }
}

#[test]
fn prepared_statements_give_their_parameters_back() {
    for server in [plain_server(), old_server()] {
        let mut pair = pair(plain_client("native"), server);
        pair.run();
        for (sql, values) in [
            ("SELECT", &[][..]),
            ("SELECT ?", &[Value::Int(-7)]),
            ("SELECT ?, ?, ?", &[Value::Bytes(b"text"), Value::Double(1.5), Value::UInt(u64::MAX)]),
        ] {
            pair.client.prepare(sql.as_bytes()).unwrap();
            let seen = pair.run();
            let [OwnedEvent::Prepared(statement)] = seen.as_slice() else { panic!("{seen:?}") };
            assert_eq!((statement.parameters.len(), statement.columns.len()), (values.len(), values.len()));
            pair.client.execute(statement, values).unwrap();
            pair.client.close_statement(statement).unwrap();
            let seen = pair.run();
            if values.is_empty() {
                assert_eq!(seen, [OwnedEvent::Ok(0)]);
            } else {
                let row = values.iter().map(|value| Some(value.to_string().into_bytes())).collect();
                assert_eq!(seen[1..], [OwnedEvent::Row(row), OwnedEvent::End]);
            }
        }
    }
}

#[test]
fn too_few_values_for_a_statement_are_a_misuse_that_sends_nothing() {
    let mut pair = connected();
    pair.client.prepare(b"SELECT ?").unwrap();
    let Some(OwnedEvent::Prepared(statement)) = pair.run().pop() else { panic!("not prepared") };
    assert!(matches!(pair.client.execute(&statement, &[]), Err(Error::Misuse(_))));
    pair.client.ping().unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Ok(0)]);
}

#[test]
fn small_commands_are_answered() {
    for server in [plain_server(), old_server()] {
        let mut pair = pair(plain_client("native"), server);
        pair.run();
        pair.client.init_db(b"test").unwrap();
        pair.client.reset_connection().unwrap();
        assert_eq!(pair.run(), [OwnedEvent::Ok(0), OwnedEvent::Ok(0)]);
        pair.client.set_option(0).unwrap();
        pair.client.field_list(b"t", b"").unwrap();
        let seen = pair.run();
        assert!(matches!(seen[0], OwnedEvent::Ok(0) | OwnedEvent::End), "{seen:?}");
        assert_eq!(seen[1..], [OwnedEvent::Columns(vec!["value".into()]), OwnedEvent::End]);
        pair.client.ping().unwrap();
        assert_eq!(pair.run(), [OwnedEvent::Ok(0)]);
    }
}

#[test]
fn a_file_is_refused_unless_it_was_allowed() {
    let mut client = plain_client("native");
    client.capabilities |= Capabilities::LOCAL_FILES;
    let mut pair = pair(client, plain_server());
    pair.run();
    pair.client.query(b"INFILE /etc/passwd").unwrap();
    let seen = pair.run();
    assert!(matches!(seen.as_slice(), [OwnedEvent::Failed(error)] if error.code == 2068), "{seen:?}");
    pair.client.ping().unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Ok(0)], "the connection lives");
}

#[test]
fn a_file_that_was_allowed_is_sent_whole() {
    let mut pair = giving_files();
    pair.client.query(b"LOAD DATA LOCAL INFILE 'a.csv'").unwrap();
    assert_eq!(pair.run(), [OwnedEvent::File(b"a.csv".to_vec())]);
    pair.client.local_infile_data(&vec![b'z'; 17 * 1024 * 1024]).unwrap();
    pair.client.local_infile_end().unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Ok(17 * 1024 * 1024)]);
}

/// A server behind a Unix socket, and a client that sends local files.
fn giving_files() -> Pair {
    let mut client = plain_client("native");
    client.local_infile = true;
    client.transport = Transport::UnixSocket;
    let mut pair = pair(client, plain_server());
    assert_eq!(pair.run(), [OwnedEvent::Connected]);
    pair
}

#[test]
fn a_rogue_server_gets_no_file_but_that_of_the_statement() {
    for sql in [
        "INFILE /etc/passwd",
        // The statement names another file; the server only looks at its first word.
        "INFILE /etc/passwd; LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t",
        "INFILE /etc/passwd /* LOAD DATA LOCAL INFILE '/etc/passwd' */",
    ] {
        let mut pair = giving_files();
        pair.client.query(sql.as_bytes()).unwrap();
        let seen = pair.run();
        assert!(matches!(seen.as_slice(), [OwnedEvent::Failed(error)] if error.code == 2068), "{sql}: {seen:?}");
        pair.client.query(b"SELECT 1").unwrap();
        assert_eq!(pair.run()[1..], [text(b"SELECT 1"), OwnedEvent::End], "the connection lives and is in step");
    }
}

#[test]
fn a_file_is_sent_once_for_its_statement() {
    // The server's application requests the file, and then again a number of times.
    for again in [1, 3] {
        let mut pair = giving_files();
        pair.client.query(format!("LOAD DATA LOCAL INFILE 'a.csv' {}", "AGAIN ".repeat(again)).as_bytes()).unwrap();
        assert_eq!(pair.run(), [OwnedEvent::File(b"a.csv".to_vec())]);
        pair.client.local_infile_data(b"one").unwrap();
        pair.client.local_infile_end().unwrap();
        let seen = pair.run();
        assert!(
            matches!(seen.as_slice(), [OwnedEvent::Ok(3), OwnedEvent::Failed(error)] if error.code == 2068),
            "{seen:?}"
        );
        pair.client.ping().unwrap();
        assert_eq!(pair.run(), [OwnedEvent::Ok(0)], "the connection lives and is in step");
    }
}

#[test]
fn a_server_that_is_not_verified_gets_no_file() {
    let world = World::new();
    let unverified = world.client_with("native", Trust::NoVerification, |_| {});
    let verified = world.client("native");
    let plain = plain_client("native");
    for (mut client, server, gets) in
        [(plain, plain_server(), false), (unverified, world.server(), false), (verified, world.server(), true)]
    {
        client.local_infile = true;
        let mut pair = pair(client, server);
        pair.run();
        pair.client.query(b"LOAD DATA LOCAL INFILE 'a.csv'").unwrap();
        let seen = pair.run();
        match seen.as_slice() {
            [OwnedEvent::File(name)] => assert!(gets && name == b"a.csv", "{seen:?}"),
            [OwnedEvent::Failed(error)] => {
                assert!(!gets && error.code == 2068 && error.message.contains("--ssl-ca"), "{error}");
            }
            _ => panic!("{seen:?}"),
        }
    }
}

#[test]
fn change_user_checks_password_and_require_again() {
    let world = World::new();
    let mut pair = pair(world.client("any"), world.server());
    pair.run();
    for user in ["native", "ed25519", "ssl"] {
        pair.client.change_user(user, PASSWORD.into(), None).unwrap();
        assert_eq!(pair.run(), [OwnedEvent::Ok(0)], "{user}");
        assert_eq!(pair.host.user.as_deref(), Some(user));
    }
    pair.client.change_user("x509", PASSWORD.into(), None).unwrap();
    let seen = pair.run();
    assert!(matches!(&seen[0], OwnedEvent::Failed(error) if error.code == 1045), "no certificate was shown: {seen:?}");
    assert!(matches!(pair.server_error, Some(Error::Refused { by: Side::Server, .. })), "and the connection is closed");
}

/// In COM_CHANGE_USER, libmariadb answers with the scramble of the connection, even if an AuthSwitchRequest has another one.
#[test]
fn change_user_keeps_the_scramble_of_the_connection() {
    let mut pair = pair(plain_client("native"), plain_server());
    pair.run();
    let greeting = pair.sent(Toward::Client);
    let greeting = HandshakeV10::decode(&greeting[4..]).unwrap();
    let scramble = greeting.scramble;
    let switches =
        |pair: &Pair| pair.sent(Toward::Client).windows(scramble.len()).filter(|sent| **sent == scramble).count();
    // The greeting has the scramble in two pieces; the account's plugin is not the server's default.
    assert_eq!(switches(&pair), 1);
    // An answer within COM_CHANGE_USER itself needs no further request.
    pair.client.change_user("native", PASSWORD.into(), None).unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Ok(0)]);
    assert_eq!(switches(&pair), 1);
    for (number, plugin) in ["mysql_native_password", "caching_sha2_password", ""].into_iter().enumerate() {
        let mut pair = super::world::pair(plain_client("native"), plain_server());
        pair.run();
        let command = [b"\x11native\0\0\0\x2d\0", plugin.as_bytes(), b"\0"].concat();
        let mut packet = vec![u8::try_from(command.len()).unwrap(), 0, 0, 0];
        packet.extend(command);
        pair.inject(Toward::Server, &packet);
        pair.run();
        assert_eq!(switches(&pair), 2, "{number}");
    }
}

#[test]
fn a_wrong_answer_in_change_user_is_refused() {
    let mut pair = connected();
    pair.client.change_user("native", "wrong".into(), None).unwrap();
    assert!(matches!(&pair.run()[0], OwnedEvent::Failed(error) if error.code == 1045));
}

#[test]
fn quit_closes_both_sides_in_order() {
    let mut pair = connected();
    pair.client.quit().unwrap();
    assert_eq!(pair.run(), [OwnedEvent::Closed]);
    assert_eq!(pair.server_error, None);
    assert!(matches!(pair.client.query(b"x"), Err(Error::Misuse(_))));
}

#[test]
fn a_goodbye_leaves_before_the_end_is_told() {
    let mut pair = connected();
    let mut out = Vec::new();
    // A driver that stops at the event has sent all bytes.
    pair.client.quit().unwrap();
    assert!(matches!(pair.client.poll_output(&mut out), Ok(Output::Transmit)));
    assert!(matches!(pair.client.poll_output(&mut out), Ok(Output::Event(Event::Closed))));
    let length = std::mem::take(&mut out).len();
    assert!(matches!(pair.client.poll_output(&mut out), Ok(Output::Wait(None))));
    assert!(length > 5 && out.is_empty());

    pair.server.close();
    assert!(matches!(pair.server.poll_output(&mut out), Ok(Output::Transmit)));
    assert!(matches!(pair.server.poll_output(&mut out), Ok(Output::Event(server::Event::Closed))));
}

#[test]
fn a_command_before_the_connection_is_made_is_a_misuse() {
    let world = World::new();
    let mut pair = pair(world.client("any"), world.server());
    assert!(matches!(pair.client.query(b"x"), Err(Error::Misuse(_))));
    let mut out = Vec::new();
    let polled = pair.client.poll_output(&mut out);
    assert!(!matches!(polled, Ok(Output::Event(Event::Closed)) | Err(_)), "and no failure");
}

#[test]
fn a_binary_row_that_can_not_be_read_fails_the_connection_for_good() {
    // The row: header, NULL bitmap, one value.
    let row = b"\0\0\x01x";
    let mut pair = pair(plain_client("native"), plain_server()).with_filter(Box::new(move |toward, bytes| {
        let found = bytes.windows(row.len()).position(|window| window == row);
        if let (Toward::Client, Some(at)) = (toward, found) {
            bytes[at] = 3;
        }
    }));
    pair.run();
    pair.client.prepare(b"select ?").unwrap();
    let Some(OwnedEvent::Prepared(prepared)) = pair.run().pop() else { panic!("{:?}", pair.seen) };
    pair.client.execute(&prepared, &[Value::Bytes(b"x")]).unwrap();
    let Some(OwnedEvent::Broken(error)) = pair.run().pop() else { panic!("{:?}", pair.seen) };
    assert_eq!(pair.client.query(b"select 1"), Err(error.clone()));
    let polled = pair.client.poll_output(&mut Vec::new());
    assert!(matches!(&polled, Err(again) if *again == error), "{polled:?} after {error:?}");
}
