//! The reasons for closing a WebSocket, as the page gets them: a code and a sentence.

use std::io;
use std::time::Duration;

use sealwire_net::dial::DialError;
use tungstenite::protocol::CloseFrame;

/// Why the bridge closed a WebSocket. Codes under 4000 are RFC 6455's; the others are 4000 plus the HTTP status of the same meaning.
///
/// A browser gives a page [`code`](Self::code) as `CloseEvent.code`, and the sentence as `CloseEvent.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// 1001: the bridge is stopping.
    Stopping,
    /// 1002: the client broke the WebSocket protocol.
    Protocol,
    /// 1003: the client sent a text frame; MySQL's packets are binary.
    TextFrame,
    /// 1008: the client sends pings or pongs faster than a well-behaved one does.
    TooManyPings,
    /// 1009: a message is larger than `--max-message-size`.
    MessageTooLarge,
    /// 4400: the client's bytes begin with a header of the PROXY protocol.
    ProxyHeader,
    /// 4401: the bearer token is missing or wrong.
    TokenRefused,
    /// 4403: the page's origin is not in the allow-list.
    OriginRefused,
    /// 4404: no target has that name.
    UnknownTarget,
    /// 4408: nothing was relayed for `--idle-timeout`.
    Idle,
    /// 4410: the target closed the connection.
    TargetClosed,
    /// 4429: the client's address has `--max-connections-per-address` connections.
    TooManyFromAddress,
    /// 4499: the client answered no ping.
    Unresponsive,
    /// 4502: the target refused the connection, its host is unknown, or no route leads to it.
    DialFailed,
    /// 4503: the bridge has `--max-connections` connections.
    TooManyConnections,
    /// 4504: the target did not answer within `--dial-timeout`.
    DialTimedOut,
}

impl CloseReason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 16] = [
        Self::Stopping,
        Self::Protocol,
        Self::TextFrame,
        Self::TooManyPings,
        Self::MessageTooLarge,
        Self::ProxyHeader,
        Self::TokenRefused,
        Self::OriginRefused,
        Self::UnknownTarget,
        Self::Idle,
        Self::TargetClosed,
        Self::TooManyFromAddress,
        Self::Unresponsive,
        Self::DialFailed,
        Self::TooManyConnections,
        Self::DialTimedOut,
    ];

    /// The code of the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::Stopping => 1001,
            Self::Protocol => 1002,
            Self::TextFrame => 1003,
            Self::TooManyPings => 1008,
            Self::MessageTooLarge => 1009,
            Self::ProxyHeader => 4400,
            Self::TokenRefused => 4401,
            Self::OriginRefused => 4403,
            Self::UnknownTarget => 4404,
            Self::Idle => 4408,
            Self::TargetClosed => 4410,
            Self::TooManyFromAddress => 4429,
            Self::Unresponsive => 4499,
            Self::DialFailed => 4502,
            Self::TooManyConnections => 4503,
            Self::DialTimedOut => 4504,
        }
    }

    /// The label of the reason in `/metrics`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Protocol => "protocol",
            Self::TextFrame => "text_frame",
            Self::TooManyPings => "too_many_pings",
            Self::MessageTooLarge => "message_too_large",
            Self::ProxyHeader => "proxy_header",
            Self::TokenRefused => "token",
            Self::OriginRefused => "origin",
            Self::UnknownTarget => "unknown_target",
            Self::Idle => "idle",
            Self::TargetClosed => "target_closed",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::Unresponsive => "unresponsive",
            Self::DialFailed => "dial_failed",
            Self::TooManyConnections => "too_many_connections",
            Self::DialTimedOut => "dial_timed_out",
        }
    }
}

/// A reason with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) reason: CloseReason,
    pub(super) sentence: String,
}

/// The most bytes of a sentence, because a control frame has 125 bytes and the code takes two.
const MOST: usize = 123;
/// How many bytes of a name chosen by the page a sentence shows.
const MOST_SHOWN: usize = 32;

impl Closing {
    fn new(reason: CloseReason, sentence: impl Into<String>) -> Self {
        Self { reason, sentence: shortened(&sentence.into(), MOST) }
    }

    pub(super) fn stopping() -> Self {
        Self::new(CloseReason::Stopping, "the bridge is stopping")
    }

    pub(super) fn protocol(what: &str) -> Self {
        Self::new(CloseReason::Protocol, format!("the client broke the WebSocket protocol: {what}"))
    }

    pub(super) fn text_frame() -> Self {
        Self::new(CloseReason::TextFrame, "the bridge takes binary messages only, and this one was text")
    }

    pub(super) fn too_many_pings(per_second: u32) -> Self {
        let sentence =
            format!("more pings and pongs came than the {per_second} a second that a client may send: send fewer");
        Self::new(CloseReason::TooManyPings, sentence)
    }

    pub(super) fn message_too_large(most: usize) -> Self {
        let sentence = format!("a message is larger than {most} bytes: send smaller ones, or raise --max-message-size");
        Self::new(CloseReason::MessageTooLarge, sentence)
    }

    pub(super) fn proxy_header() -> Self {
        Self::new(
            CloseReason::ProxyHeader,
            "the bridge passes on no header of the PROXY protocol: begin with MySQL's own bytes",
        )
    }

    pub(super) fn token_refused(is_given: bool) -> Self {
        let sentence = if is_given {
            "this is not the bridge's token"
        } else {
            "the bridge requires its token: send the subprotocol 'bearer.TOKEN', or the header Authorization"
        };
        Self::new(CloseReason::TokenRefused, sentence)
    }

    /// `option` is the option that allows origins.
    pub(super) fn origin_refused(origin: &str, option: &str) -> Self {
        let origin = shortened(origin, MOST_SHOWN);
        let sentence = format!("pages from {origin} may not use this bridge: list their origin with {option}");
        Self::new(CloseReason::OriginRefused, sentence)
    }

    pub(super) fn unknown_target(name: &str) -> Self {
        let name = shortened(name, MOST_SHOWN);
        let sentence = format!("the bridge has no target '{name}': name one of its configuration as /tcp/NAME");
        Self::new(CloseReason::UnknownTarget, sentence)
    }

    pub(super) fn idle(after: Duration) -> Self {
        Self::new(CloseReason::Idle, format!("nothing was sent either way for {} s", after.as_secs()))
    }

    pub(super) fn target_closed(name: &str) -> Self {
        Self::new(CloseReason::TargetClosed, format!("target '{name}' closed the connection"))
    }

    pub(super) fn too_many_from_address(most: usize) -> Self {
        let sentence = format!("your address has {most} connections already, as many as it may: close one first");
        Self::new(CloseReason::TooManyFromAddress, sentence)
    }

    pub(super) fn unresponsive(pings: u32) -> Self {
        Self::new(CloseReason::Unresponsive, format!("{pings} pings in a row were not answered"))
    }

    /// The reason for the client, and the whole error for the log.
    pub(super) fn of_dial(error: DialError, target: &str, within: Duration) -> (Self, io::Error) {
        match error {
            DialError::HostUnknown(error) => (Self::host_unknown(target), error),
            DialError::TimedOut => (Self::dial_timed_out(target, within), io::ErrorKind::TimedOut.into()),
            DialError::Failed(error) => (Self::dial_failed(target, &error, within), error),
        }
    }

    /// The sentence gives only the kind of the error, because the page must not learn the target's address.
    pub(super) fn dial_failed(name: &str, error: &io::Error, within: Duration) -> Self {
        let sentence = match error.kind() {
            io::ErrorKind::TimedOut => return Self::dial_timed_out(name, within),
            io::ErrorKind::ConnectionRefused => {
                format!("target '{name}' refused the connection: is its server running?")
            }
            kind => format!("target '{name}' can't be reached: {kind}"),
        };
        Self::new(CloseReason::DialFailed, sentence)
    }

    pub(super) fn host_unknown(name: &str) -> Self {
        Self::new(CloseReason::DialFailed, format!("the host of target '{name}' is not known"))
    }

    pub(super) fn dial_timed_out(name: &str, within: Duration) -> Self {
        let sentence = format!("target '{name}' did not answer within {} s", within.as_secs());
        Self::new(CloseReason::DialTimedOut, sentence)
    }

    pub(super) fn too_many_connections(most: usize) -> Self {
        let sentence = format!("the bridge has {most} connections, as many as it may: try again later");
        Self::new(CloseReason::TooManyConnections, sentence)
    }

    /// The close frame.
    pub(super) fn frame(&self) -> CloseFrame {
        CloseFrame { code: self.reason.code().into(), reason: self.sentence.as_str().into() }
    }
}

/// The text, cut at `most` bytes.
fn shortened(text: &str, most: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(MORE.len()));
    format!("{}{MORE}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_a_server_may_send_and_differ() {
        for pair in CloseReason::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code() && pair[0] < pair[1], "{pair:?}");
        }
        for reason in CloseReason::ALL {
            let code = tungstenite::protocol::frame::coding::CloseCode::from(reason.code());
            assert!(code.is_allowed(), "{reason:?}");
        }
    }

    #[test]
    fn every_sentence_fits_a_close_frame() {
        let long = "ü".repeat(300);
        let error = io::Error::from(io::ErrorKind::HostUnreachable);
        for closing in [
            Closing::unknown_target(&long),
            Closing::origin_refused(&long, "--websocket-allow-origin"),
            Closing::target_closed(&long),
            Closing::dial_failed(&long, &error, Duration::MAX),
            Closing::protocol(&long),
            Closing::message_too_large(usize::MAX),
            Closing::token_refused(false),
            Closing::too_many_pings(u32::MAX),
        ] {
            assert!(closing.sentence.len() <= MOST, "{}: {}", closing.sentence.len(), closing.sentence);
        }
        assert!(Closing::unknown_target(&long).sentence.ends_with("as /tcp/NAME"), "the way out is never cut off");
        assert!(
            Closing::origin_refused(&long, "--websocket-allow-origin").sentence.ends_with("--websocket-allow-origin")
        );
    }

    #[test]
    fn a_failed_dial_says_why_and_no_address() {
        let error = io::Error::new(io::ErrorKind::ConnectionRefused, "10.1.2.3:3306 refused");
        let closing = Closing::dial_failed("prod", &error, Duration::from_secs(10));
        assert_eq!(closing.sentence, "target 'prod' refused the connection: is its server running?");
        let error = io::Error::from(io::ErrorKind::TimedOut);
        let closing = Closing::dial_failed("prod", &error, Duration::from_secs(10));
        assert_eq!(closing, Closing::dial_timed_out("prod", Duration::from_secs(10)));
    }
}
