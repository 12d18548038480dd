//! HTTP/1.1 as far as static pages and an upgrade need it: the head of one request, and the head of one answer.

use std::fmt::Write as _;

use httparse::{EMPTY_HEADER, Status};
use tungstenite::handshake::derive_accept_key;

/// The largest head of a request, in bytes.
pub(super) const MOST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// A request without body, because no request here has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Whether the answer has a body; `false` for HEAD.
    pub(super) wants_body: bool,
    /// The path as sent, without query.
    pub(super) path: String,
    /// Whether the client may send another request on this connection.
    pub(super) keep_alive: bool,
    pub(super) host: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) authorization: Option<String>,
    pub(super) accept_encoding: String,
    pub(super) if_none_match: String,
    pub(super) upgrade: Option<Upgrade>,
}

/// A request for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upgrade {
    key: String,
    protocols: Vec<String>,
}

/// The result of parsing the bytes received so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// The head is incomplete.
    Partial,
    /// A complete head, and its length in bytes.
    Whole(Box<Request>, usize),
    /// A request that can only be answered with this error.
    Refused(Refusal),
}

/// An answer with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: &'static str,
    pub(super) text: &'static str,
    /// Further header lines.
    pub(super) headers: &'static str,
}

const fn refusal(status: &'static str, text: &'static str) -> Refusal {
    Refusal { status, text, headers: "" }
}

const BAD: Refusal = refusal("400 Bad Request", "the request is malformed");
const TOO_LARGE: Refusal = refusal("431 Request Header Fields Too Large", "the request's head is too large");
const NO_BODY: Refusal = refusal("413 Content Too Large", "the bridge accepts no request body");
const METHOD: Refusal = Refusal {
    headers: "Allow: GET, HEAD\r\n",
    ..refusal("405 Method Not Allowed", "the bridge accepts GET and HEAD only")
};
const VERSION: Refusal = Refusal {
    headers: "Sec-WebSocket-Version: 13\r\n",
    ..refusal("426 Upgrade Required", "the bridge speaks version 13 of the WebSocket protocol")
};
/// The answer to a plain request for `/tcp/<name>`.
pub(super) const UPGRADE: Refusal = Refusal {
    headers: "Upgrade: websocket\r\n",
    ..refusal("426 Upgrade Required", "targets are reached by WebSocket only")
};
/// The answer to a request with a Host header that is not known to name this machine.
pub(super) const OTHER_HOST: Refusal = refusal(
    "421 Misdirected Request",
    "the bridge does not answer to this host name, because a hostile site can point its own name at the bridge: use \
     localhost or an address, or allow the name with --allow-host (in sealwired --websocket-allow-host)",
);
/// The answer to plain HTTP on a port with TLS.
pub(super) const NO_TLS: Refusal = refusal(
    "400 Bad Request",
    "this port takes TLS: begin the address with https:// for pages, and with wss:// for WebSockets",
);
/// The answer to a request for an unknown path.
pub(super) const NOT_FOUND: Refusal = refusal("404 Not Found", "there is no such page");

/// Whether bytes begin with the method of a request.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"DELETE "];
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Parses the head at the front of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Head {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Partial) if bytes.len() < MOST_HEAD => Head::Partial,
        Ok(Status::Complete(length)) if length <= MOST_HEAD => match understand(&request) {
            Ok(request) => Head::Whole(Box::new(request), length),
            Err(refusal) => Head::Refused(refusal),
        },
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Head::Refused(TOO_LARGE),
        Err(_) => Head::Refused(BAD),
    }
}

fn understand(request: &httparse::Request<'_, '_>) -> Result<Request, Refusal> {
    let wants_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Err(METHOD),
    };
    let path = request.path.filter(|path| path.starts_with('/')).ok_or(BAD)?;
    let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
    let fields = Fields(request.headers);
    if fields.list("transfer-encoding")?.next().is_some() || fields.one("content-length")?.is_some_and(|n| n != "0") {
        return Err(NO_BODY);
    }
    let has = |name: &'static str, word: &str| {
        Ok::<_, Refusal>(fields.list(name)?.any(|each| each.eq_ignore_ascii_case(word)))
    };
    let is_current = request.version == Some(1);
    let upgrade = if has("upgrade", "websocket")? {
        if !(wants_body && is_current && has("connection", "upgrade")?) {
            return Err(BAD);
        }
        if fields.one("sec-websocket-version")? != Some("13") {
            return Err(VERSION);
        }
        let key = fields.one("sec-websocket-key")?.filter(|key| is_key(key)).ok_or(BAD)?.to_owned();
        let protocols = fields.list("sec-websocket-protocol")?.map(str::to_owned).collect();
        Some(Upgrade { key, protocols })
    } else {
        None
    };
    let joined = |name| Ok::<_, Refusal>(fields.list(name)?.collect::<Vec<_>>().join(","));
    Ok(Request {
        wants_body,
        path,
        keep_alive: if is_current { !has("connection", "close")? } else { has("connection", "keep-alive")? },
        host: fields.one("host")?.map(str::to_owned),
        origin: fields.one("origin")?.map(str::to_owned),
        authorization: fields.one("authorization")?.map(str::to_owned),
        accept_encoding: joined("accept-encoding")?,
        if_none_match: joined("if-none-match")?,
        upgrade,
    })
}

/// Whether the text is 16 bytes in Base64.
fn is_key(key: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    key.len() == 24 && key.strip_suffix("==").is_some_and(|digits| digits.chars().all(is_base64))
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn values(&self, name: &str) -> impl Iterator<Item = Result<&'a str, Refusal>> {
        let named = self.0.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| std::str::from_utf8(header.value).map(str::trim).map_err(|_| BAD))
    }

    /// The value of a field that may occur once.
    fn one(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.values(name);
        let first = values.next().transpose()?;
        if values.next().is_some() { Err(BAD) } else { Ok(first) }
    }

    /// The items of a field with a list, which may be spread over several lines.
    fn list(&self, name: &str) -> Result<impl Iterator<Item = &'a str> + use<'a>, Refusal> {
        let values = self.values(name).collect::<Result<Vec<_>, _>>()?;
        Ok(values.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty()))
    }
}

/// The prefix of a subprotocol that carries the token.
const BEARER: &str = "bearer.";
/// The subprotocol by which a client reports what it has read: see [`send_window`](super::send_window).
const OWN: &str = "sealwire";
/// The subprotocol of websockify's clients: raw bytes in binary messages.
const BINARY: &str = "binary";

impl Request {
    /// The token: from the header, else from the subprotocol, because a page can't set headers.
    pub(super) fn token(&self) -> Option<&str> {
        let scheme = |value: &'_ str| value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        let header = self.authorization.as_deref().filter(|value| scheme(value)).and_then(|value| value.get(7..));
        let protocol = || self.upgrade.as_ref()?.protocols.iter().find_map(|protocol| protocol.strip_prefix(BEARER));
        header.map(str::trim).or_else(protocol)
    }
}

impl Upgrade {
    /// Whether the client reports what it has read.
    pub(super) fn tells_what_it_has_read(&self) -> bool {
        self.protocols.iter().any(|protocol| protocol == OWN)
    }

    /// The answer that opens the WebSocket. It must choose one of the offered subprotocols, or the browser closes the connection.
    pub(super) fn accepted(&self) -> String {
        let offered = |is: fn(&str) -> bool| self.protocols.iter().map(String::as_str).find(|protocol| is(protocol));
        // The token's subprotocol is chosen last, because the token need not be sent back.
        let chosen = offered(|protocol| protocol == OWN)
            .or_else(|| offered(|protocol| protocol == BINARY))
            .or_else(|| offered(|protocol| protocol.starts_with(BEARER)));
        let protocol = chosen.map(|chosen| format!("Sec-WebSocket-Protocol: {chosen}\r\n")).unwrap_or_default();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n{protocol}\r\n",
            derive_accept_key(self.key.as_bytes())
        )
    }
}

/// The headers of every answer. Scripts, and WebAssembly, may come from this server alone; the editor creates its styles in the page.
const HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
     connect-src 'self' ws: wss:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
     Cross-Origin-Opener-Policy: same-origin\r\n\
     Cross-Origin-Embedder-Policy: require-corp\r\n\
     Cross-Origin-Resource-Policy: same-origin\r\n\
     Referrer-Policy: no-referrer\r\n\
     X-Content-Type-Options: nosniff\r\n";

/// The head of an answer. `length` is the body's; `None` where an answer with this status has no body.
pub(super) fn head(status: &str, headers: &[(&str, &str)], length: Option<u64>, keep_alive: bool) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\n{HEADERS}");
    // Writing to a String does not fail.
    for (name, value) in headers {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    if let Some(length) = length {
        let _ = write!(out, "Content-Length: {length}\r\n");
    }
    out.push_str(if keep_alive { "Connection: keep-alive\r\n\r\n" } else { "Connection: close\r\n\r\n" });
    out.into_bytes()
}

/// A whole answer with text that must not be cached.
pub(super) fn text_answer(request: &Request, content_type: &str, text: &str) -> Vec<u8> {
    let headers = [("Content-Type", content_type), ("Cache-Control", "no-store")];
    let mut out = head("200 OK", &headers, u64::try_from(text.len()).ok(), request.keep_alive);
    if request.wants_body {
        out.extend_from_slice(text.as_bytes());
    }
    out
}

impl Refusal {
    /// The whole answer.
    pub(super) fn answer(self, wants_body: bool, keep_alive: bool) -> Vec<u8> {
        let headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")];
        let text = format!("{}\n", self.text);
        let mut out = head(self.status, &headers, u64::try_from(text.len()).ok(), keep_alive);
        // Inserts before the empty line.
        out.truncate(out.len().saturating_sub(2));
        out.extend_from_slice(self.headers.as_bytes());
        out.extend_from_slice(b"\r\n");
        if wants_body {
            out.extend_from_slice(text.as_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "Host: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn whole(text: &str) -> Request {
        match parse(text.as_bytes()) {
            Head::Whole(request, length) if length == text.len() => *request,
            other => panic!("{text} gave {other:?}"),
        }
    }

    fn refused(text: &str) -> &'static str {
        match parse(text.as_bytes()) {
            Head::Refused(refusal) => refusal.status.split(' ').next().unwrap(),
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn the_key_of_the_rfc_is_answered() {
        let request = whole(&format!("GET /tcp/a?b HTTP/1.1\r\n{UPGRADE}Origin: https://x\r\n\r\n"));
        assert_eq!((request.path.as_str(), request.origin.as_deref()), ("/tcp/a", Some("https://x")));
        let accepted = request.upgrade.unwrap().accepted();
        assert!(accepted.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{accepted}");
        assert!(!accepted.contains("Sec-WebSocket-Protocol"), "{accepted}");
    }

    #[test]
    fn the_token_comes_by_header_or_subprotocol() {
        let with = |line: &str| whole(&format!("GET / HTTP/1.1\r\n{UPGRADE}{line}\r\n\r\n"));
        let request = with("Sec-WebSocket-Protocol: bearer.abc, sealwire");
        assert_eq!(request.token(), Some("abc"));
        assert!(request.upgrade.unwrap().accepted().contains("Protocol: sealwire\r\n"));
        let request = with("Sec-WebSocket-Protocol: other\r\nSec-WebSocket-Protocol: bearer.abc");
        assert!(request.upgrade.unwrap().accepted().contains("Protocol: bearer.abc\r\n"));
        assert_eq!(with("authorization: BEARER  xyz").token(), Some("xyz"));
        assert_eq!(with("Authorization: Basic xyz").token(), None);
        assert_eq!(with("Authorization: Béarer x").token(), None);
    }

    #[test]
    fn a_subprotocol_is_chosen_where_a_known_one_is_offered() {
        for (offered, chosen) in [
            ("binary", Some("binary")),
            ("base64, binary", Some("binary")),
            ("bearer.abc, binary", Some("binary")),
            ("binary, sealwire", Some("sealwire")),
            ("base64", None),
        ] {
            let text = format!("GET / HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: {offered}\r\n\r\n");
            let accepted = whole(&text).upgrade.unwrap().accepted();
            let line = accepted.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
            assert_eq!(line, chosen, "{offered}");
        }
    }

    #[test]
    fn heads_come_in_any_pieces() {
        let text = format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n");
        for length in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..length]), Head::Partial, "{length}");
        }
        let two = format!("{text}GET /next");
        assert!(matches!(parse(two.as_bytes()), Head::Whole(_, length) if length == text.len()));
    }

    #[test]
    fn keeping_alive_is_the_version_s_custom() {
        assert!(whole("GET / HTTP/1.1\r\n\r\n").keep_alive);
        assert!(!whole("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keep_alive);
        assert!(!whole("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(!whole("HEAD / HTTP/1.0\r\n\r\n").wants_body);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(refused("POST / HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(refused("GET http://other/ HTTP/1.1\r\n\r\n"), "400");
        assert_eq!(refused("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), "413");
        assert_eq!(refused("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), "413");
        assert_eq!(refused("\u{16}\u{3}\u{1} TLS on a plain port"), "400");
        assert_eq!(refused("GET / HTTP/1.1\r\nOrigin: a\r\nOrigin: b\r\n\r\n"), "400");
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MOST_HEAD))), "431");
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(MOST_HEADERS + 1))), "431");
        assert_eq!(refused(&format!("GET / HTTP/1.0\r\n{UPGRADE}\r\n")), "400");
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", UPGRADE.replace("13", "8"))), "426");
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\n{}\r\n", UPGRADE.replace("==", "="))), "400");
    }

    #[test]
    fn answers_end_their_head_once() {
        for answer in
            [METHOD.answer(false, true), NOT_FOUND.answer(false, true), head("304 Not Modified", &[], None, true)]
        {
            let text = String::from_utf8(answer).unwrap();
            assert!(text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1, "{text:?}");
        }
        assert!(String::from_utf8(METHOD.answer(true, false)).unwrap().contains("\r\nAllow: GET, HEAD\r\n"));
    }
}
