//! The bridge's counters, in the text format of Prometheus.

use std::fmt::Write as _;

use sealwire_core::tls::ServerContext;

use super::closing::CloseReason;

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// WebSockets that were connected to a target.
    pub(super) connections: u64,
    /// Bytes that targets took.
    to_target: u64,
    /// Bytes sent to clients, without the frames' headers.
    to_client: u64,
    /// WebSockets closed by the bridge, in the order of [`CloseReason::ALL`].
    closed: [u64; CloseReason::ALL.len()],
    /// Sockets dropped without an answer, because there were too many.
    pub(super) dropped: u64,
    /// Requests answered with a page, the metrics or an error.
    pub(super) requests: u64,
    /// Bytes that all connections hold for slow receivers.
    buffered: usize,
    /// The greatest value of `buffered` so far.
    most_buffered: usize,
}

/// The content type of the text.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Metrics {
    /// Counts a WebSocket that the bridge closed.
    pub(super) fn closed(&mut self, reason: CloseReason) {
        for (counter, known) in self.closed.iter_mut().zip(CloseReason::ALL) {
            *counter += u64::from(known == reason);
        }
    }

    /// Counts `length` bytes that a target took.
    pub(super) fn sent_to_target(&mut self, length: usize) {
        self.to_target = self.to_target.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// Counts `length` bytes sent to a client.
    pub(super) fn sent_to_client(&mut self, length: usize) {
        self.to_client = self.to_client.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// Notes that a connection holds `now` bytes, and held `before`.
    pub(super) fn buffered(&mut self, before: usize, now: usize) {
        self.buffered = self.buffered.saturating_sub(before).saturating_add(now);
        self.most_buffered = self.most_buffered.max(self.buffered);
    }

    /// The text of `/metrics`; `open` is the number of WebSockets relayed now.
    pub(super) fn text(&self, open: usize) -> String {
        let mut out = String::new();
        let mut one = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            write(&mut out, name, kind, help, values);
        };
        let size = |bytes: usize| alone(u64::try_from(bytes).unwrap_or(u64::MAX));
        one("connections", "gauge", "WebSockets that are open now.", &size(open));
        one("connections_total", "counter", "WebSockets that were connected to a target.", &alone(self.connections));
        let bytes = [("to_target", self.to_target), ("to_client", self.to_client)];
        let bytes = bytes.map(|(way, value)| (format!("{{direction=\"{way}\"}}"), value));
        one("bytes_total", "counter", "Bytes relayed, without the headers of frames.", &bytes);
        let closed: Vec<(String, u64)> = CloseReason::ALL
            .iter()
            .zip(self.closed)
            .map(|(reason, value)| (format!("{{reason=\"{}\",code=\"{}\"}}", reason.label(), reason.code()), value))
            .collect();
        one("closed_total", "counter", "WebSockets that the bridge refused or closed, by reason.", &closed);
        one(
            "dropped_total",
            "counter",
            "Sockets closed without an answer, because there were too many.",
            &alone(self.dropped),
        );
        one("http_requests_total", "counter", "HTTP requests that did not open a WebSocket.", &alone(self.requests));
        one("buffered_bytes", "gauge", "Bytes that wait for a slow receiver.", &size(self.buffered));
        one("buffered_bytes_max", "gauge", "The most bytes that ever waited.", &size(self.most_buffered));
        out
    }
}

/// When certificate and revocation lists expire, so that a monitor can raise an alarm before.
pub(super) fn tls_text(context: Option<&ServerContext>) -> String {
    let mut out = String::new();
    let Some(context) = context else { return out };
    let help = "When the server's certificate ends, in seconds since the Unix epoch.";
    let label = |host: Option<&str>| host.map_or_else(String::new, |host| format!("{{host=\"{host}\"}}"));
    let certificates: Vec<_> = context.own_certificates().map(|own| (label(own.host), own.info.not_after)).collect();
    write(&mut out, "certificate_not_after_seconds", "gauge", help, &certificates);
    if let Some(next) = context.revocation_lists().filter_map(|list| list.next_update).min() {
        let help = "When the next revocation list is due, in seconds since the Unix epoch.";
        write(&mut out, "crl_next_update_seconds", "gauge", help, &alone(next));
    }
    out
}

fn alone(value: u64) -> [(String, u64); 1] {
    [(String::new(), value)]
}

fn write(out: &mut String, name: &str, kind: &str, help: &str, values: &[(String, u64)]) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "# HELP sealwire_bridge_{name} {help}\n# TYPE sealwire_bridge_{name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(out, "sealwire_bridge_{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_prometheus() {
        let mut metrics = Metrics { connections: 3, to_client: 7, ..Metrics::default() };
        metrics.closed(CloseReason::UnknownTarget);
        metrics.closed(CloseReason::UnknownTarget);
        metrics.buffered(0, 10);
        metrics.buffered(10, 4);
        let text = metrics.text(1);
        for line in [
            "sealwire_bridge_connections 1",
            "sealwire_bridge_connections_total 3",
            "sealwire_bridge_bytes_total{direction=\"to_client\"} 7",
            "sealwire_bridge_closed_total{reason=\"unknown_target\",code=\"4404\"} 2",
            "sealwire_bridge_closed_total{reason=\"origin\",code=\"4403\"} 0",
            "sealwire_bridge_buffered_bytes 4",
            "sealwire_bridge_buffered_bytes_max 10",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("sealwire_bridge_") && value.parse::<u64>().is_ok(), "{line}");
        }
    }
}
