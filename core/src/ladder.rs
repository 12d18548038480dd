//! A connection's handshake as a sequence diagram in text, with the client at the left and the server at the right.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::Write as _;

use crate::printable;
use crate::trace::{Direction, Event};

/// How many characters lie between the two vertical lines.
const WIDTH: usize = 76;

/// The diagram of one connection, as far as it has come.
#[derive(Debug, Default)]
pub struct Ladder {
    /// Whether the heading is drawn.
    begun: bool,
    /// Whether the line that marks the end of plaintext is drawn.
    sealed: bool,
    /// Whether the handshake has succeeded or failed; later packets are not drawn.
    over: bool,
}

impl Ladder {
    /// Whether the handshake has succeeded or failed.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The lines that an event adds to the diagram.
    pub fn render(&mut self, event: &Event) -> String {
        let mut out = String::new();
        if self.over {
            return out;
        }
        if !self.begun {
            self.begun = true;
            let _ = writeln!(out, "client{:>1$}", "server", WIDTH - 4);
        }
        match event {
            Event::Packet { direction, sequence, length, name, summary, encrypted } => {
                let lock = if *encrypted { " in TLS" } else { "" };
                rung(&mut out, *direction, &format!("[{sequence}] {name}, {length} bytes{lock}"), '-');
                for line in wrap(&printable::line(summary), WIDTH - 8) {
                    let _ = writeln!(out, "|      {line:<0$}|", WIDTH - 6);
                }
            }
            Event::Record { direction, length, name, encrypted } => {
                let text = match (*encrypted, *name) {
                    (true, "ApplicationData") => format!("TLS encrypted record, {length} bytes"),
                    (true, name) => format!("TLS {name}, {length} bytes, encrypted"),
                    (false, name) => format!("TLS {name}, {length} bytes"),
                };
                if !core::mem::replace(&mut self.sealed, true) {
                    let _ = writeln!(out, "|{:=^WIDTH$}|", " plaintext ends here ");
                }
                rung(&mut out, *direction, &text, '~');
            }
            Event::State { to, .. } => {
                self.over = matches!(*to, "Session" | "Failed" | "Closed");
                let _ = writeln!(out, "|{:^WIDTH$}|", format!("({to})"));
            }
        }
        out
    }
}

/// One arrow with its text.
fn rung(out: &mut String, direction: Direction, text: &str, stroke: char) {
    let room = WIDTH.saturating_sub(text.chars().count() + 4);
    let line: String = core::iter::repeat_n(stroke, room).collect();
    let _ = match direction {
        Direction::Sent => writeln!(out, "|{stroke} {text} {line}>|"),
        Direction::Received => writeln!(out, "|<{line} {text} {stroke}|"),
    };
}

/// Breaks a text into lines, at its spaces and after the `|` between flags.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', '|']) {
        match lines.last_mut().filter(|line| line.chars().count() + word.trim_end().chars().count() <= width) {
            Some(line) => line.push_str(word),
            None => lines.push(word.to_owned()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(direction: Direction, name: &'static str, summary: &str, encrypted: bool) -> Event {
        Event::Packet { direction, sequence: 1, length: 32, name, summary: summary.to_owned(), encrypted }
    }

    #[test]
    fn the_ladder_shows_who_sent_what_and_where_plaintext_ends() {
        let mut state = Ladder::default();
        let mut text = String::new();
        for event in [
            packet(Direction::Received, "HandshakeV10", "server 10.11", false),
            packet(Direction::Sent, "SSLRequest", "", false),
            Event::Record { direction: Direction::Sent, length: 245, name: "ClientHello", encrypted: false },
            Event::Record { direction: Direction::Received, length: 90, name: "ApplicationData", encrypted: true },
            packet(Direction::Sent, "HandshakeResponse41", "", true),
            Event::State { from: "AwaitResult", to: "Session" },
            packet(Direction::Sent, "COM_QUERY", "", true),
        ] {
            text.push_str(&state.render(&event));
        }
        let expected = "\
client                                                                  server
|<---------------------------------------------- [1] HandshakeV10, 32 bytes -|
|      server 10.11                                                          |
|- [1] SSLRequest, 32 bytes ------------------------------------------------>|
|=========================== plaintext ends here ============================|
|~ TLS ClientHello, 245 bytes ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~>|
|<~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ TLS encrypted record, 90 bytes ~|
|- [1] HandshakeResponse41, 32 bytes in TLS -------------------------------->|
|                                 (Session)                                  |
";
        assert_eq!(text, expected);
    }

    #[test]
    fn long_summaries_stay_between_the_uprights() {
        let mut state = Ladder::default();
        let text = state.render(&packet(Direction::Sent, "X", &"word FLAG|".repeat(40), false));
        assert!(text.lines().skip(1).all(|line| line.chars().count() == WIDTH + 2), "{text}");
    }
}
