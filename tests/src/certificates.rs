//! Certificate sets, made by the same tools as users make theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::programs::program;

/// The certificates of a CA, a server and a client, with the keys.
#[derive(Debug, Clone)]
pub struct CertificateSet {
    /// The CA's certificate.
    pub ca: PathBuf,
    /// The server's certificate.
    pub server_cert: PathBuf,
    /// The server's key.
    pub server_key: PathBuf,
    /// The client's certificate.
    pub client_cert: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
}

/// The subject of the client's certificate in the sets made here, as MySQL writes it.
pub const CLIENT_SUBJECT: &str = "/O=Sealwire tests/CN=client";
/// The subject of the CA in the sets made here, as MySQL writes it.
pub const CA_SUBJECT: &str = "/O=Sealwire tests/CN=the CA";

impl CertificateSet {
    /// The paths of a set with MySQL's file names.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            server_cert: folder.join("server-cert.pem"),
            server_key: folder.join("server-key.pem"),
            client_cert: folder.join("client-cert.pem"),
            client_key: folder.join("client-key.pem"),
        }
    }

    /// The set of MariaDB's test suite: RSA, PKCS#1 keys, the server's name in the CN alone.
    pub fn std_data() -> Self {
        let file = |name: &str| std_data(name);
        Self {
            ca: file("cacert.pem"),
            server_cert: file("server-cert.pem"),
            server_key: file("server-key.pem"),
            client_cert: file("client-cert.pem"),
            client_key: file("client-key.pem"),
        }
    }

    /// The set of [`Self::std_data`], with localhost and 127.0.0.1 as the server's subject alternative names.
    pub fn std_data_with_names() -> Self {
        Self {
            server_cert: std_data("serversan-cert.pem"),
            server_key: std_data("serversan-key.pem"),
            ..Self::std_data()
        }
    }

    /// A set made by `sealwire-certs`, for localhost and 127.0.0.1.
    pub fn by_sealwire_certs(folder: &Path) -> Self {
        run(Command::new(program("sealwire-certs"))
            .args(["--host=localhost", "--host=127.0.0.1", "--dir"])
            .arg(folder));
        Self::in_folder(folder)
    }

    /// A set made by openssl: ECDSA P-256, X.509 v3, for localhost and 127.0.0.1.
    pub fn by_openssl(folder: &Path) -> Self {
        Self::current(folder, KeyKind::P256)
    }

    /// The set of [`Self::by_openssl`], with a server certificate for these names, as openssl's subjectAltName has them.
    pub fn for_names(folder: &Path, names: &str) -> Self {
        Self::made(folder, KeyKind::P256, names)
    }

    fn current(folder: &Path, kind: KeyKind) -> Self {
        Self::made(folder, kind, "DNS:localhost,IP:127.0.0.1,IP:::1")
    }

    fn made(folder: &Path, kind: KeyKind, names: &str) -> Self {
        let openssl = OpenSsl::new(folder);
        openssl.ca(kind);
        openssl.request("server", kind, "/O=Sealwire tests/CN=server");
        openssl.sign("server", 2, Some(&format!("subjectAltName={names}")));
        openssl.request("client", kind, CLIENT_SUBJECT);
        openssl.sign("client", 3, Some("basicConstraints=CA:FALSE"));
        Self::in_folder(folder)
    }

    /// The set of [`Self::by_openssl`] with RSA keys of 2048 bits.
    pub fn by_openssl_rsa(folder: &Path) -> Self {
        Self::current(folder, KeyKind::Rsa)
    }

    /// A set made by openssl as the manual of MySQL 5.6 describes: RSA, X.509 v1, no subject alternative name. The CN is the server's name.
    pub fn as_the_manual(folder: &Path, server_name: &str) -> Self {
        let openssl = OpenSsl::new(folder);
        openssl.key("ca", KeyKind::Rsa);
        // A configuration without extensions makes a CA certificate of version 1, as in old times.
        openssl.run(&["req", "-new", "-key", "ca-key.pem", "-out", "ca.csr", "-subj", CA_SUBJECT]);
        let days = "3600";
        openssl.run(&["x509", "-req", "-in", "ca.csr", "-signkey", "ca-key.pem", "-days", days, "-out", "ca.pem"]);
        openssl.request("server", KeyKind::Rsa, &format!("/O=Sealwire tests/CN={server_name}"));
        openssl.sign("server", 1, None);
        openssl.request("client", KeyKind::Rsa, CLIENT_SUBJECT);
        openssl.sign("client", 1, None);
        Self::in_folder(folder)
    }

    /// The set of [`Self::by_openssl`], with a server certificate that was valid in 2020 only.
    pub fn expired(folder: &Path) -> Self {
        let set = Self::by_openssl(folder);
        OpenSsl::new(folder).sign_for("server", "200101000000Z", "201231000000Z");
        set
    }

    /// The set of [`Self::by_openssl`], with a server certificate that is valid from 2090 on.
    pub fn not_yet_valid(folder: &Path) -> Self {
        let set = Self::by_openssl(folder);
        OpenSsl::new(folder).sign_for("server", "20900101000000Z", "20910101000000Z");
        set
    }

    /// Signs a certificate of [`Self::by_openssl`], that of `server` or `client`, anew, for this time from now on.
    pub fn expiring(folder: &Path, whose: &str, after: Duration) {
        let date = |offset: &str| {
            let output = Command::new("date").args(["--utc", "--date", offset, "+%y%m%d%H%M%SZ"]).output();
            String::from_utf8_lossy(&output.expect("date").stdout).trim().to_owned()
        };
        let end = date(&format!("{} seconds", after.as_secs()));
        OpenSsl::new(folder).sign_for(whose, &date("-1 day"), &end);
    }

    /// Signs the client's certificate of [`Self::by_openssl`] anew, with this subject and these alternative names, as openssl has them.
    pub fn rename_client(folder: &Path, subject: &str, names: &str) {
        let openssl = OpenSsl::new(folder);
        openssl.request("client", KeyKind::P256, subject);
        openssl.sign("client", 4, Some(&format!("basicConstraints=CA:FALSE\nsubjectAltName={names}")));
    }

    /// A revocation list of this set's CA that revokes the given certificate.
    pub fn revocation_list(folder: &Path, certificate: &Path) -> PathBuf {
        let openssl = OpenSsl::new(folder);
        openssl.database();
        let certificate = certificate.to_string_lossy().into_owned();
        let ca = ["-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca-key.pem"];
        openssl.run(&[&["ca"], &ca[..], &["-revoke", &certificate]].concat());
        openssl.run(&[&["ca"], &ca[..], &["-gencrl", "-crldays", "30", "-out", "revoked.pem"]].concat());
        folder.join("revoked.pem")
    }
}

/// A file of MariaDB's test suite.
pub fn std_data(name: &str) -> PathBuf {
    Path::new("/usr/share/mysql/mysql-test/std_data").join(name)
}

#[derive(Clone, Copy)]
enum KeyKind {
    P256,
    Rsa,
}

/// The openssl program, run in one folder.
struct OpenSsl<'a> {
    folder: &'a Path,
}

impl<'a> OpenSsl<'a> {
    fn new(folder: &'a Path) -> Self {
        fs::create_dir_all(folder).expect("a folder for certificates");
        Self { folder }
    }

    fn run(&self, arguments: &[&str]) {
        run(Command::new("openssl").current_dir(self.folder).args(arguments));
    }

    fn key(&self, name: &str, kind: KeyKind) {
        let file = format!("{name}-key.pem");
        match kind {
            KeyKind::P256 => {
                self.run(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &file]);
            }
            KeyKind::Rsa => self.run(&["genrsa", "-traditional", "-out", &file, "2048"]),
        }
    }

    /// Makes a CA with a certificate of version 3.
    fn ca(&self, kind: KeyKind) {
        self.key("ca", kind);
        let constraints = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
        let request = ["req", "-x509", "-key", "ca-key.pem", "-out", "ca.pem", "-days", "30", "-subj", CA_SUBJECT];
        self.run(&[&request[..], &constraints].concat());
    }

    fn request(&self, name: &str, kind: KeyKind, subject: &str) {
        self.key(name, kind);
        let (key, request) = (format!("{name}-key.pem"), format!("{name}.csr"));
        self.run(&["req", "-new", "-key", &key, "-out", &request, "-subj", subject]);
    }

    /// Signs a request; without extensions openssl makes an X.509 v1 certificate.
    fn sign(&self, name: &str, serial: u32, extensions: Option<&str>) {
        let (request, certificate) = (format!("{name}.csr"), format!("{name}-cert.pem"));
        let serial = serial.to_string();
        let by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-set_serial", &serial, "-days", "30"];
        let mut arguments = [&["x509", "-req", "-in", &request, "-out", &certificate], &by[..]].concat();
        if let Some(extensions) = extensions {
            fs::write(self.folder.join("extensions.cnf"), extensions).expect("extensions.cnf");
            arguments.extend(["-extfile", "extensions.cnf"]);
        }
        self.run(&arguments);
    }

    /// Signs a request for the given period.
    fn sign_for(&self, name: &str, from: &str, to: &str) {
        self.database();
        let (request, certificate) = (format!("{name}.csr"), format!("{name}-cert.pem"));
        fs::write(self.folder.join("extensions.cnf"), "subjectAltName=DNS:localhost,IP:127.0.0.1")
            .expect("extensions.cnf");
        let ca = ["ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca-key.pem"];
        let what = ["-in", &request, "-out", &certificate, "-notext", "-extfile", "extensions.cnf"];
        self.run(&[&ca[..], &what, &["-startdate", from, "-enddate", to]].concat());
    }

    /// Makes the files of `openssl ca`'s database.
    fn database(&self) {
        let file = |name: &str, text: &str| fs::write(self.folder.join(name), text).expect("the CA's book");
        file("index.txt", "");
        file("serial", "1000\n");
        file("crlnumber", "01\n");
        file(
            "ca.cnf",
            "[ca]\ndefault_ca=here\n[here]\ndir=.\ndatabase=index.txt\nserial=serial\ncrlnumber=crlnumber\n\
             new_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\nCN=supplied\nO=optional\n",
        );
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &[&str], folder: &Path) -> String {
        let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    #[test]
    fn the_sets_are_what_they_say() {
        if !crate::programs::needs(&["openssl"]) {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("v3");
        let set = CertificateSet::by_openssl(&folder);
        assert!(
            told(&["verify", "-CAfile", "ca.pem", "server-cert.pem", "client-cert.pem"], &folder)
                .matches(": OK")
                .count()
                == 2
        );
        let list = CertificateSet::revocation_list(&folder, &set.server_cert);
        assert!(
            told(&["crl", "-noout", "-text", "-in", &list.to_string_lossy()], &folder).contains("Serial Number: 02")
        );

        let folder = place.path().join("v1");
        CertificateSet::as_the_manual(&folder, "localhost");
        for name in ["ca.pem", "server-cert.pem"] {
            assert!(told(&["x509", "-noout", "-text", "-in", name], &folder).contains("Version: 1"), "{name}");
        }
        let key = fs::read_to_string(folder.join("server-key.pem")).unwrap();
        assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY"));

        let folder = place.path().join("expired");
        CertificateSet::expired(&folder);
        assert!(told(&["verify", "-CAfile", "ca.pem", "server-cert.pem"], &folder).contains("certificate has expired"));
        let folder = place.path().join("early");
        CertificateSet::not_yet_valid(&folder);
        assert!(told(&["verify", "-CAfile", "ca.pem", "server-cert.pem"], &folder).contains("not yet valid"));
    }
}
