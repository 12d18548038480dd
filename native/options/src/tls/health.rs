//! Reports the loaded TLS context in the log: one line with certificate, CAs and revocation lists, and a warning for each of them that
//! clients reject or that makes the server reject clients. The warnings are repeated each day, and when a certificate or list expires.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealwire_core::tls::{CertificateInfo, ListInfo, OwnCertificate, ServerContext, date_text};

use sealwire_net::log;

const DAY_SECONDS: u64 = 86_400;
/// A certificate that expires within this time gets a warning.
const SOON_SECONDS: u64 = 30 * DAY_SECONDS;
/// The clock is checked at least this often, because somebody may have set it.
const CLOCK_CHECK: Duration = Duration::from_secs(3600);

/// The TLS log lines of a server, and when they were last written.
#[derive(Debug)]
pub struct Health {
    /// How a renewed certificate comes into use, for the text of the warnings.
    how_to_activate: &'static str,
    /// When the lines were last logged, in seconds since the Unix epoch.
    logged_at: AtomicU64,
}

impl Health {
    /// Nothing is logged yet. `how_to_activate` tells the reader how to bring a new certificate into use.
    pub const fn new(how_to_activate: &'static str) -> Self {
        Self { how_to_activate, logged_at: AtomicU64::new(0) }
    }

    /// Logs the context's line and warnings, as of `now` in seconds since the Unix epoch.
    pub fn log(&self, context: &ServerContext, now: u64) {
        self.logged_at.store(now, Ordering::Relaxed);
        log::system(&summary(context));
        for warning in warnings(context, now, self.how_to_activate) {
            tracing::warn!("{warning}");
        }
    }

    /// Logs the warnings again if they are due; returns how long until they may be due again.
    pub fn repeat_warnings(&self, context: Option<&ServerContext>, now: u64) -> Duration {
        let Some(context) = context else { return CLOCK_CHECK };
        let (due, wait) = self.due(context, now);
        for warning in due {
            tracing::warn!("{warning}");
        }
        wait
    }

    fn due(&self, context: &ServerContext, now: u64) -> (Vec<String>, Duration) {
        let logged_at = self.logged_at.load(Ordering::Relaxed);
        // If the clock was set back, the period begins anew.
        let is_due = now < logged_at || now >= next(context, logged_at);
        let due = if is_due { warnings(context, now, self.how_to_activate) } else { Vec::new() };
        let logged_at = if is_due { now } else { logged_at };
        self.logged_at.store(logged_at, Ordering::Relaxed);
        (due, Duration::from_secs(next(context, logged_at).saturating_sub(now)).min(CLOCK_CHECK))
    }
}

/// When the warnings are due again: a day later, or earlier when a certificate or list expires or begins to expire soon.
fn next(context: &ServerContext, logged_at: u64) -> u64 {
    let own = context.own_certificates().map(|own| own.info.clone());
    let certificates = context.authorities().chain(own);
    let ends = certificates.flat_map(|one| [one.not_after.saturating_sub(SOON_SECONDS), one.not_after]);
    let lists = context.revocation_lists().filter_map(|list| list.next_update);
    // Each is valid to the end of its last second.
    let moments = ends.chain(lists).map(|end| end.saturating_add(1)).filter(|moment| *moment > logged_at);
    moments.chain([logged_at.saturating_add(DAY_SECONDS)]).min().unwrap_or(logged_at)
}

/// `TLS loaded: certificate '/CN=…' of '/CN=…', serial …, valid until …`. The serial number tells one renewal from another.
fn summary(context: &ServerContext) -> String {
    let shown = |certificate: &CertificateInfo| {
        format!(
            "certificate '{}' of '{}', serial {}, valid until {}",
            certificate.subject.to_slash(),
            certificate.issuer.to_slash(),
            certificate.serial,
            date_text(certificate.not_after)
        )
    };
    let mut line = format!("TLS loaded: {}", shown(context.certificate()));
    for own in context.own_certificates() {
        if let Some(host) = own.host {
            line += &format!("; for {host} {}", shown(own.info));
        }
    }
    let cas: Vec<String> = context.authorities().map(|ca| format!("'{}'", ca.subject.to_slash())).collect();
    match cas.as_slice() {
        [] => line += "; clients are not asked for certificates",
        few if few.len() <= MOST_NAMES => line += &format!("; CA of clients {}", few.join(", ")),
        many => line += &format!("; {} CAs of clients", many.len()),
    }
    let lists: Vec<ListInfo> = context.revocation_lists().collect();
    let next = lists.iter().filter_map(|list| list.next_update).min();
    if !lists.is_empty() {
        let revoked: usize = lists.iter().map(|list| list.revoked).sum();
        line += &format!("; revocation lists: {}, revoked certificates: {revoked}", lists.len());
        if let Some(next) = next {
            line += &format!(", next update {}", date_text(next));
        }
    }
    if context.ticket_secrets() > 0 {
        line += &format!("; session ticket secrets: {}", context.ticket_secrets());
    }
    line
}

/// The most names of CAs in the line, because a longer line can't be read.
const MOST_NAMES: usize = 4;

fn warnings(context: &ServerContext, now: u64, how_to_activate: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for OwnCertificate { host, info, revoked } in context.own_certificates() {
        let (what, option) = match host {
            Some(host) => (format!("the server's certificate for {host}"), "ssl-sni-cert"),
            None => ("the server's certificate".to_owned(), "ssl-cert"),
        };
        warnings.extend(period(&what, "clients that check it refuse this server", info, now, how_to_activate));
        let name = info.subject.to_slash();
        if !info.is_for_servers {
            warnings.push(format!(
                "{what} '{name}' has an extended key usage without serverAuth, so that clients that check it refuse this server: give a \
                 server's certificate as {option}, and {how_to_activate}"
            ));
        }
        if let Some(revoked) = revoked {
            warnings.push(format!(
                "{what} '{name}', or one above it, is revoked by a list of ssl-crl or ssl-crlpath: '{}'; clients that have that list refuse \
                 this server: have a new certificate issued, and {how_to_activate}",
                revoked.to_slash()
            ));
        }
    }
    let cas: Vec<CertificateInfo> = context.authorities().collect();
    for ca in &cas {
        warnings.extend(period(
            "the clients' CA",
            "client certificates that it issued are refused",
            ca,
            now,
            how_to_activate,
        ));
    }
    let lists: Vec<ListInfo> = context.revocation_lists().collect();
    for list in &lists {
        let issuer = list.issuer.to_slash();
        if let Some(next) = list.next_update.filter(|next| *next < now) {
            warnings.push(format!(
                "the revocation list of '{issuer}' is out of date since {}, so that every client certificate of that CA is refused: get \
                 a new one, and {how_to_activate}",
                date_text(next)
            ));
        }
        if !cas.is_empty() && !cas.iter().any(|ca| ca.subject == list.issuer) {
            warnings.push(format!(
                "the revocation list of '{issuer}' is of none of the CAs in ssl-ca and ssl-capath: it counts only for clients that send \
                 a CA of that name with their certificate"
            ));
        }
    }
    for ca in cas.iter().filter(|ca| lists.iter().any(|list| list.issuer == ca.subject)) {
        // A renewed CA may be trusted with both certificates, of which the new one has the right.
        if !cas.iter().any(|other| other.subject == ca.subject && other.may_sign_lists) {
            warnings.push(format!(
                "the key usage of the clients' CA '{}' does not allow it to sign its revocation list (cRLSign), so that every client \
                 certificate that it issued is refused: renew the CA with that usage, and {how_to_activate}",
                ca.subject.to_slash()
            ));
        }
    }
    if !lists.is_empty() {
        for ca in cas.iter().filter(|ca| !lists.iter().any(|list| list.issuer == ca.subject)) {
            warnings.push(format!(
                "there are revocation lists, but none of the CA '{}', so that every client certificate that it issued is refused: add its \
                 list to ssl-crl or ssl-crlpath",
                ca.subject.to_slash()
            ));
        }
    }
    warnings
}

/// A warning where a certificate is not valid, or expires soon. `what` names the certificate, and `consequence` is a clause.
pub fn period(
    what: &str,
    consequence: &str,
    certificate: &CertificateInfo,
    now: u64,
    how_to_activate: &str,
) -> Option<String> {
    let name = certificate.subject.to_slash();
    let end = date_text(certificate.not_after);
    if now > certificate.not_after {
        return Some(format!(
            "{what} '{name}' expired at {end}, so that {consequence}: renew it, and {how_to_activate}"
        ));
    }
    if now < certificate.not_before {
        let begin = date_text(certificate.not_before);
        return Some(format!(
            "{what} '{name}' is not valid before {begin}, so that {consequence}: wait, or see whether this machine's clock is right"
        ));
    }
    let is_soon = certificate.not_after - now < SOON_SECONDS;
    is_soon
        .then(|| format!("{what} '{name}' expires soon, at {end}; then {consequence}: renew it, and {how_to_activate}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
        KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
    };
    use sealwire_core::tls::{NamedCertificate, NamedPem, ServerOptions};
    use zeroize::Zeroizing;

    use super::super::tickets::{SECRET, Secrets};
    use super::*;
    use sealwire_net::provider::provider;

    /// 2030-01-01, when the server's certificate ends.
    const END: u64 = 1_893_456_000;
    const DAY: u64 = 86_400;

    fn params(name: &str, is_ca: bool) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = Default::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(if is_ca { 2040 } else { 2030 }, 1, 1);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
        params
    }

    fn ca(name: &str) -> (NamedPem, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let params = params(name, true);
        let pem = params.self_signed(&key).unwrap().pem();
        (NamedPem::new(format!("{name}.pem"), pem.into_bytes()), Issuer::new(params, key))
    }

    /// The CA's revocation list with these serial numbers, due in 2029.
    fn list(issuer: &Issuer<'static, KeyPair>, revoked: &[u64]) -> NamedPem {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2029, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        NamedPem::new("crl.pem", params.signed_by(issuer).unwrap().pem().unwrap().into_bytes())
    }

    fn context(cas: &[&NamedPem], lists: &[NamedPem]) -> ServerContext {
        let key = KeyPair::generate().unwrap();
        let pem = params("server", false).self_signed(&key).unwrap().pem();
        let mut options = ServerOptions::new(provider());
        options.cert = Some(NamedPem::new("cert.pem", pem.into_bytes()));
        options.key = Some(NamedPem::new("key.pem", key.serialize_pem().into_bytes()));
        options.ca = cas.iter().map(|ca| (*ca).clone()).collect();
        options.crls = lists.to_vec();
        ServerContext::build(options).unwrap()
    }

    #[track_caller]
    fn assert_warnings(context: &ServerContext, now: u64, expected: &[&str]) {
        let line = warnings(context, now, "reload");
        assert_eq!(line.len(), expected.len(), "{line:?}");
        for (line, expected) in line.iter().zip(expected) {
            assert!(line.starts_with(expected), "{line}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_valid_or_not_for_long_is_warned_of() {
        let context = context(&[], &[]);
        assert_warnings(&context, END - 31 * DAY, &[]);
        assert_warnings(
            &context,
            END - 29 * DAY,
            &["the server's certificate '/CN=server' expires soon, at Jan  1 00:00:00 2030"],
        );
        assert_warnings(
            &context,
            END + 1,
            &["the server's certificate '/CN=server' expired at Jan  1 00:00:00 2030 GMT"],
        );
        assert_warnings(
            &context,
            0,
            &["the server's certificate '/CN=server' is not valid before Jan  1 00:00:00 2020 GMT"],
        );
        let serial = &context.certificate().serial;
        assert_eq!(
            summary(&context),
            format!(
                "TLS loaded: certificate '/CN=server' of '/CN=server', serial {serial}, valid until Jan  1 00:00:00 2030 GMT; clients \
                 are not asked for certificates"
            )
        );
    }

    #[test]
    fn an_own_certificate_that_is_revoked_is_warned_of() {
        let (ca, issuer) = ca("one");
        let key = KeyPair::generate().unwrap();
        let mut own = params("server", false);
        own.serial_number = Some(SerialNumber::from(77));
        let pem = own.signed_by(&key, &issuer).unwrap().pem();
        let mut options = ServerOptions::new(provider());
        options.cert = Some(NamedPem::new("cert.pem", pem.into_bytes()));
        options.key = Some(NamedPem::new("key.pem", key.serialize_pem().into_bytes()));
        options.ca = vec![ca];
        let now = END - 400 * DAY;
        for (serial, expected) in [
            (78, &[][..]),
            (
                77,
                &[
                    "the server's certificate '/CN=server', or one above it, is revoked by a list of ssl-crl or ssl-crlpath: '/CN=server'",
                ],
            ),
        ] {
            options.crls = vec![list(&issuer, &[serial])];
            assert_warnings(&ServerContext::build(options.clone()).unwrap(), now, expected);
        }
    }

    #[test]
    fn the_certificate_of_each_name_is_told_and_warned_of() {
        let made = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let pem = params(name, false).self_signed(&key).unwrap().pem();
            let file = |text: String| NamedPem::new(format!("{name}.pem"), text.into_bytes());
            (file(pem), file(key.serialize_pem()))
        };
        let ((cert, key), (named, named_key)) = (made("server"), made("named"));
        let mut options = ServerOptions::new(provider());
        (options.cert, options.key) = (Some(cert), Some(key));
        options.named = vec![NamedCertificate { host: "localhost".to_owned(), cert: named, key: named_key }];
        let context = ServerContext::build(options).unwrap();
        assert!(summary(&context).contains("; for localhost certificate '/CN=named' of '/CN=named', serial "));
        assert_warnings(
            &context,
            END + 1,
            &[
                "the server's certificate '/CN=server' expired at",
                "the server's certificate for localhost '/CN=named' expired at",
            ],
        );
    }

    #[test]
    fn the_number_of_ticket_secrets_is_told() {
        let key = KeyPair::generate().unwrap();
        let pem = params("server", false).self_signed(&key).unwrap().pem();
        let mut options = ServerOptions::new(provider());
        options.cert = Some(NamedPem::new("cert.pem", pem.into_bytes()));
        options.key = Some(NamedPem::new("key.pem", key.serialize_pem().into_bytes()));
        assert!(!summary(&ServerContext::build(options.clone()).unwrap()).contains("ticket"));
        let secrets = (0..3).map(|byte| Zeroizing::new([byte; SECRET])).collect();
        options.ticket_keys = Some(Arc::new(Secrets::new(secrets)));
        let said = summary(&ServerContext::build(options).unwrap());
        assert!(said.ends_with("; session ticket secrets: 3"), "{said}");
    }

    #[test]
    fn warnings_come_daily_and_when_something_ends() {
        let (one, issuer) = ca("one");
        let context = context(&[&one], &[list(&issuer, &[])]);
        let health = Health::new("restart it");
        let list_end = 1_861_920_000;
        let begin = list_end - 3 * DAY;
        let due = |now: u64| {
            let (line, wait) = health.due(&context, now);
            (line.len(), wait.as_secs())
        };
        assert_eq!(due(begin), (0, 3600));
        assert_eq!(due(list_end), (0, 1));
        // The list is then reported as out of date, at once and each day.
        assert_eq!(due(list_end + 1), (1, 3600));
        assert_eq!(due(list_end + 2), (0, 3600));
        assert_eq!(due(list_end + DAY), (0, 1));
        assert_eq!(due(list_end + DAY + 1), (1, 3600));
        // The server's certificate begins to expire soon, before the day is over.
        let soon = END - SOON_SECONDS;
        assert_eq!(due(soon - 10).0, 1);
        assert_eq!(due(soon), (0, 1));
        assert_eq!(due(soon + 1).0, 2);
        // A clock that was set back starts a new period.
        assert_eq!(due(begin), (0, 3600));
        assert_eq!(due(list_end + 1).0, 1);
        let (line, _) = health.due(&context, list_end + 1 + DAY);
        assert!(line[0].ends_with("get a new one, and restart it"), "{line:?}");
        assert_eq!(health.repeat_warnings(None, 0), CLOCK_CHECK);
    }

    #[test]
    fn revocation_lists_are_of_the_cas_and_current() {
        let ((one, issuer), (two, other)) = (ca("one"), ca("two"));
        let now = END - 400 * DAY;
        assert_warnings(&context(&[&one], &[list(&issuer, &[])]), now, &[]);
        assert_warnings(
            &context(&[&one], &[list(&other, &[])]),
            now,
            &[
                "the revocation list of '/CN=two' is of none of the CAs",
                "there are revocation lists, but none of the CA '/CN=one'",
            ],
        );
        let both = context(&[&one, &two], &[list(&issuer, &[]), list(&other, &[])]);
        assert_warnings(&both, now, &[]);
        assert!(
            summary(&both).ends_with("; CA of clients '/CN=one', '/CN=two'; revocation lists: 2, revoked certificates: 0, next update Jan  1 00:00:00 2029 GMT"),
            "{}",
            summary(&both)
        );
        assert_warnings(
            &context(&[&one], &[list(&issuer, &[])]),
            END - 100 * DAY,
            &["the revocation list of '/CN=one' is out of date since Jan  1 00:00:00 2029 GMT"],
        );
        // The same CA, with the same name and key, without cRLSign.
        let mut bare = params("one", true);
        bare.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let bare = NamedPem::new("bare.pem", bare.self_signed(issuer.key()).unwrap().pem().into_bytes());
        let may_not =
            "the key usage of the clients' CA '/CN=one' does not allow it to sign its revocation list (cRLSign)";
        assert_warnings(&context(&[&bare], &[list(&issuer, &[])]), now, &[may_not]);
        assert_warnings(&context(&[&bare, &one], &[list(&issuer, &[])]), now, &[]);
        let notes = context(&[], &[list(&issuer, &[])]).notes().to_vec();
        assert!(notes[0].starts_with("ssl-crl and ssl-crlpath have no effect"), "{notes:?}");
    }
}
