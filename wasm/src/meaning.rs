//! The meaning of each event in the trace, as a sentence for people.

use sealwire_core::trace::{Direction, Event};

/// The meaning of an event.
pub fn meaning(event: &Event) -> &'static str {
    match event {
        Event::Packet { name, .. } => packet(name),
        Event::Record { name, direction, encrypted, .. } => record(name, *direction == Direction::Sent, *encrypted),
        Event::State { to, .. } => state(to),
    }
}

/// The meaning of a MySQL packet with this name.
pub fn packet(name: &str) -> &'static str {
    match name {
        "HandshakeV10" => {
            "The server's greeting: its version, its capabilities (TLS is one of them), and a challenge for the password."
        }
        "SSLRequest" => {
            "The client asks for TLS before it says who it is. It is the first half of a handshake response, without the user. \
             Whoever can change this packet or the greeting could try to keep the connection plain: that is why the SSL mode matters."
        }
        "HandshakeResponse41" => {
            "The client's login: user, authentication plugin, database, and the proof that it knows the password."
        }
        "AuthSwitchRequest" => "The server asks for another authentication plugin, with a challenge of its own.",
        "AuthSwitchResponse" => "The client answers the plugin's challenge.",
        "AuthMoreData" => {
            "The plugin goes on: for caching_sha2_password, whether the server knows the password's hash already."
        }
        "OK_Packet" => "Success, with the server's status.",
        "ERR_Packet" => "The server refuses, with MySQL's error number, SQLSTATE and text.",
        "EOF_Packet" => "The end of column definitions or of rows.",
        "ColumnCount" => "A result begins: its columns follow, then its rows.",
        "LOCAL INFILE Request" => {
            "The server requests a file of the client. The page refuses, because a malicious server could request any file."
        }
        "COM_QUERY" => "A statement, as text.",
        "COM_STMT_PREPARE" => "A statement with `?` in the place of values, to be prepared.",
        "COM_STMT_EXECUTE" => "A prepared statement with its values.",
        "COM_STMT_CLOSE" => "The server may release the statement. There is no answer.",
        "COM_PING" => "Are you there?",
        "COM_STATISTICS" => "The server's numbers in one line.",
        "COM_QUIT" => "The client ends the connection. There is no answer.",
        "COM_CHANGE_USER" => "Another user over the same TLS.",
        "COM_RESET_CONNECTION" => "The session begins anew, for the same user.",
        _ => "A packet of MySQL's protocol.",
    }
}

/// The meaning of a TLS record with this content.
pub const fn record(name: &str, sent: bool, encrypted: bool) -> &'static str {
    match (name.as_bytes(), encrypted, sent) {
        (b"ClientHello", ..) => {
            "The client offers TLS versions, cipher suites and key exchange groups, and sends its half of a key right away. \
             From here on nothing of MySQL's protocol can be read on the way."
        }
        (b"ServerHello", ..) => {
            "The server chooses version, suite and group, and sends its half of the key. Both can now compute it."
        }
        (b"ChangeCipherSpec", ..) => {
            "In TLS 1.2, encryption begins here. In TLS 1.3, the message has no meaning and is sent for old middleboxes."
        }
        (b"Certificate", ..) => "TLS 1.2 shows certificates to everybody on the way; TLS 1.3 encrypts them.",
        (b"ServerKeyExchange", ..) => "The server's half of the key, signed with its certificate's key.",
        (b"CertificateRequest", ..) => "The server asks for a certificate of the client's.",
        (b"ServerHelloDone", ..) => "The server's part is complete; the client goes on.",
        (b"ClientKeyExchange", ..) => "The client's half of the key.",
        (b"CertificateVerify", ..) => "A signature: its sender has the private key of the certificate.",
        (b"NewSessionTicket", ..) => "The data with which the client can resume this session later.",
        (b"Alert", ..) => "TLS ends, or says why it can't go on.",
        (_, true, true) => {
            "Encrypted and authenticated by the client: after ServerHello its Finished (and certificate), then MySQL's packets."
        }
        (_, true, false) => {
            "Encrypted and authenticated by the server: after ServerHello its certificate, signature and Finished, then MySQL's packets."
        }
        _ => "A message of TLS.",
    }
}

/// The meaning of entering a state.
pub fn state(to: &str) -> &'static str {
    match to {
        "AwaitGreeting" => "The client waits for the server to speak first.",
        "Securing" => "TLS is under way. Nothing of the user was sent.",
        "Authenticating" => "The user was named; the server decides.",
        "Session" => "The connection is made: commands may be sent.",
        "Failed" => "The connection is over: see the error.",
        "Closed" => "The connection is over, in order.",
        _ => "The connection goes on.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_a_handshake_have_meanings_of_their_own() {
        let packet = |name| {
            let summary = String::new();
            meaning(&Event::Packet {
                direction: Direction::Sent,
                sequence: 0,
                length: 1,
                name,
                summary,
                encrypted: false,
            })
        };
        for name in ["HandshakeV10", "SSLRequest", "HandshakeResponse41", "OK_Packet", "ERR_Packet", "COM_QUERY"] {
            assert_ne!(packet(name), packet("unheard of"), "{name}");
        }
        let record =
            |name, encrypted| meaning(&Event::Record { direction: Direction::Received, length: 9, name, encrypted });
        assert_ne!(record("ServerHello", false), record("ApplicationData", true));
        assert_ne!(record("ServerHello", false), record("unheard of", false));
    }
}
