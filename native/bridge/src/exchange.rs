//! HTTP on a connection: requests one after the other, until one is upgraded to a WebSocket.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::time::Duration;

use super::client::Client;
use super::http::{self, Head, NOT_FOUND, OTHER_HOST, Refusal, Request, UPGRADE, head};
use super::metrics;
use super::pages::is_known;
use super::settings::{Settings, TlsSource};
use super::shared::Shared;
use sealwire_net::connections::Progress;

/// A connection that speaks HTTP.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) client: Client,
    /// Bytes received and not yet parsed.
    pub(super) input: Vec<u8>,
    phase: Phase,
    /// Whether the client sent a TLS ClientHello to a port without TLS.
    is_tls: bool,
    /// When the connection is closed if nothing happens before.
    pub(super) deadline: Duration,
}

#[derive(Debug)]
enum Phase {
    /// Waiting for a request.
    Reading,
    /// Sending an answer; the number is that of its file's bytes that are still to be read.
    Sending { file: Option<(File, u64)>, keep_alive: bool },
    /// The last answer is sent. Further input is discarded, because closing with unread bytes would reset the connection before the client
    /// has read the answer.
    Lingering,
}

/// The result of advancing an exchange.
#[derive(Debug)]
pub(super) enum Next {
    /// A step, as for every connection.
    Progress(Progress),
    /// The client requests a WebSocket.
    Upgrade(Box<Request>),
}

/// How long a client may take to send a request, or take nothing of an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a client has to close after the last answer.
const LINGER: Duration = Duration::from_secs(2);
/// The most steps before other connections advance.
const MOST_STEPS: usize = 16;
/// How a TLS connection begins: a handshake record of version 3.
const CLIENT_HELLO: [u8; 2] = [0x16, 0x03];
/// The prefix of targets' paths.
pub(super) const TARGETS: &str = "/tcp/";

impl Exchange {
    pub(super) const fn new(client: Client, now: Duration) -> Self {
        Self { client, input: Vec::new(), phase: Phase::Reading, is_tls: false, deadline: now.saturating_add(PATIENCE) }
    }

    /// Why no request could be parsed: the client uses TLS on a port without TLS, or plain HTTP on a port with TLS.
    pub(super) fn mismatch(&self, settings: &Settings) -> Option<String> {
        if self.client.got_plain_http() {
            return Some(format!(
                "it speaks plain HTTP to a port that takes TLS: its address is to begin with https:// or wss:// ({} makes it so)",
                if settings.prefix.is_empty() { "--ssl-cert".to_owned() } else { settings.option("tls") }
            ));
        }
        let speaks_tls = settings.tls.is_none() && self.is_tls;
        speaks_tls.then(|| {
            format!(
                "it speaks TLS to a port without: its address is to begin with http:// or ws://, or the bridge is to be given {}",
                if settings.prefix.is_empty() { "--ssl-cert and --ssl-key".to_owned() } else { settings.option("tls") }
            )
        })
    }

    /// Stops taking requests; returns `true` where the connection is over by that.
    pub(super) fn stop(&mut self) -> bool {
        match &mut self.phase {
            Phase::Reading => return true,
            Phase::Sending { keep_alive, .. } => *keep_alive = false,
            Phase::Lingering => {}
        }
        false
    }

    /// Advances as far as possible without waiting.
    pub(super) fn advance(&mut self, shared: &mut Shared, now: Duration) -> Next {
        if now >= self.deadline {
            return Next::Progress(Progress::Over);
        }
        for _ in 0..MOST_STEPS {
            match self.step(shared, now) {
                Ok(None) => {}
                Ok(Some(next)) => return next,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Progress(Progress::Wait),
                Err(_) => return Next::Progress(Progress::Over),
            }
        }
        Next::Progress(Progress::Again)
    }

    fn step(&mut self, shared: &mut Shared, now: Duration) -> io::Result<Option<Next>> {
        match &mut self.phase {
            Phase::Reading => match http::parse(&self.input) {
                Head::Partial => self.read(shared),
                Head::Refused(refusal) => {
                    self.send(&refusal.answer(true, false), None, false, now)?;
                    Ok(None)
                }
                Head::Whole(request, length) => {
                    self.input.drain(..length);
                    if request.upgrade.is_some() {
                        return Ok(Some(Next::Upgrade(request)));
                    }
                    self.answer(&request, shared, now)?;
                    Ok(None)
                }
            },
            Phase::Sending { file, keep_alive } => {
                if !self.client.clear()? {
                    return Err(ErrorKind::WouldBlock.into());
                }
                self.deadline = now.saturating_add(PATIENCE);
                match file {
                    Some((file, rest)) if *rest > 0 => {
                        let most = usize::try_from(*rest).unwrap_or(usize::MAX).min(shared.scratch.len());
                        let length = file.read(shared.scratch.get_mut(..most).unwrap_or_default())?;
                        if length == 0 {
                            // The file has become shorter than the Content-Length that was sent.
                            return Ok(Some(Next::Progress(Progress::Over)));
                        }
                        *rest = rest.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                        self.client.send(shared.scratch.get(..length).unwrap_or_default())?;
                    }
                    _ if *keep_alive => self.phase = Phase::Reading,
                    _ => {
                        self.client.shut_down_writing();
                        self.deadline = now.saturating_add(LINGER);
                        self.phase = Phase::Lingering;
                    }
                }
                Ok(None)
            }
            Phase::Lingering => match self.client.read(&mut shared.scratch)? {
                0 => Ok(Some(Next::Progress(Progress::Over))),
                _ => Ok(None),
            },
        }
    }

    fn read(&mut self, shared: &mut Shared) -> io::Result<Option<Next>> {
        let most = http::MOST_HEAD.min(shared.scratch.len());
        let chunk = shared.scratch.get_mut(..most).unwrap_or_default();
        let length = self.client.read(chunk)?;
        if length == 0 {
            return Ok(Some(Next::Progress(Progress::Over)));
        }
        self.is_tls |= self.input.is_empty() && chunk.starts_with(&CLIENT_HELLO);
        self.input.extend_from_slice(chunk.get(..length).unwrap_or_default());
        Ok(None)
    }

    fn send(&mut self, answer: &[u8], file: Option<(File, u64)>, keep_alive: bool, now: Duration) -> io::Result<()> {
        self.phase = Phase::Sending { file, keep_alive };
        self.deadline = now.saturating_add(PATIENCE);
        self.client.send(answer)
    }

    fn answer(&mut self, request: &Request, shared: &mut Shared, now: Duration) -> io::Result<()> {
        shared.metrics.requests = shared.metrics.requests.saturating_add(1);
        if !shared.hosts.allow(request.host.as_deref()) {
            let answer = OTHER_HOST.answer(request.wants_body, request.keep_alive);
            return self.send(&answer, None, request.keep_alive, now);
        }
        if request.path == "/metrics" {
            let context = shared.settings.certificate.as_ref().and_then(TlsSource::context);
            let text = shared.metrics.text(shared.connection_limits.relays()) + &metrics::tls_text(context.as_ref());
            let answer = http::text_answer(request, metrics::CONTENT_TYPE, &text);
            return self.send(&answer, None, request.keep_alive, now);
        }
        let mut refuse = |refusal: Refusal| {
            let answer = refusal.answer(request.wants_body, request.keep_alive);
            self.send(&answer, None, request.keep_alive, now)
        };
        if request.path.starts_with(TARGETS) {
            return refuse(UPGRADE);
        }
        let pages = shared.settings.pages.as_ref();
        let Some(page) = pages.and_then(|pages| pages.find(&request.path, &request.accept_encoding)) else {
            return refuse(NOT_FOUND);
        };
        // The browser asks again at each load, and gets the file only if it has changed.
        let mut headers =
            vec![("ETag", page.etag.as_str()), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding")];
        if is_known(&request.if_none_match, &page.etag) {
            let answer = head("304 Not Modified", &headers, None, request.keep_alive);
            return self.send(&answer, None, request.keep_alive, now);
        }
        headers.push(("Content-Type", page.content_type));
        headers.extend(page.encoding.map(|encoding| ("Content-Encoding", encoding)));
        let answer = head("200 OK", &headers, Some(page.length), request.keep_alive);
        let file = request.wants_body.then_some((page.file, page.length));
        self.send(&answer, file, request.keep_alive, now)
    }
}
