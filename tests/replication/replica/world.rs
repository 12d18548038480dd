//! A primary of MariaDB's, and sealwired as its replica.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
pub(crate) use sealwire_tests::replication::{PEERS, Status, error, sql, status, told, until, vertical};
use sealwire_tests::replication::{change_master, source_settings, wait_for};
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) place: TempDir,
    pub(crate) certificates: CertificateSet,
    primary: Server,
    pub(crate) settings: Settings,
    pub(crate) ours: Option<Server>,
}

/// The primary's settings.
fn primary_settings(certificates: Option<&CertificateSet>) -> Settings {
    let mut settings = source_settings(certificates, &[("repl", "SSL"), ("strict", "X509"), ("open", "NONE")]);
    // This account has no password, because its certificate is enough.
    settings.statements.push("CREATE OR REPLACE USER 'bare'@'%' REQUIRE X509;".to_owned());
    settings.statements.push("GRANT REPLICATION SLAVE ON *.* TO 'bare'@'%';".to_owned());
    settings
}

impl World {
    /// As [`Self::new`]; `None` where a peer is missing.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        needs(PEERS).then(|| Self::new(options))
    }

    /// Both servers; the replica has no channel yet.
    pub(crate) fn new(options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let primary = Server::start(Kind::MariaDb, &primary_settings(Some(&certificates))).unwrap();
        let mut settings = Settings { certificates: Some(certificates.clone()), ..Settings::default() };
        settings.options = ["--server-id=7", "--log-error-verbosity=3"].map(str::to_owned).to_vec();
        settings.options.extend(options.iter().map(|option| (*option).to_owned()));
        let ours = Server::start(Kind::Sealwired, &settings).unwrap();
        Self { place, certificates, primary, settings, ours: Some(ours) }
    }

    /// A primary of the same accounts without TLS.
    pub(crate) fn primary_without_tls() -> Server {
        Server::start(Kind::MariaDb, &primary_settings(None)).unwrap()
    }

    pub(crate) const fn primary(&self) -> &Server {
        &self.primary
    }

    pub(crate) fn ours(&self) -> &Server {
        self.ours.as_ref().unwrap()
    }

    /// Stops our server, and starts it again.
    pub(crate) fn restart(&mut self) {
        let ours = self.ours.take().unwrap();
        self.ours = Some(ours.restart(&self.settings).unwrap());
    }

    /// Kills our server, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        let ours = self.ours.take().unwrap();
        ours.signal("KILL");
        ours.wait();
        self.ours = Some(ours.restart(&self.settings).unwrap());
    }

    /// The statement that points a channel to the primary, which it verifies; `more` follows with a comma.
    pub(crate) fn change(&self, user: &str, more: &str) -> String {
        change_master(self.primary().port, user, &self.certificates.ca, more)
    }

    /// Waits until the channel has received and applied all that the primary has.
    #[track_caller]
    pub(crate) fn wait(&self) {
        wait_for(self.ours(), self.primary());
    }

    /// As the function of this name, for our server.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        until(self.ours(), what, is_so)
    }

    /// Waits until our server runs a statement that has this text.
    #[track_caller]
    pub(crate) fn until_running(&self, text: &str) {
        let asked = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{text}%' AND id <> CONNECTION_ID()"
        );
        until(self.ours(), text, |_| sql(self.ours(), &asked).trim() != "0");
    }

    /// Compares a query's rows at both servers.
    #[track_caller]
    pub(crate) fn same(&self, query: &str) {
        assert_eq!(sql(self.ours(), query), sql(self.primary(), query), "{query}");
    }
}
