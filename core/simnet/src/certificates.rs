//! The certificates of the simulated hosts, made by `data/make.sh`.

use crate::scenario::{ClientCertificate, ServerCertificate};

pub(crate) const CA: &str = include_str!("../data/ca.pem");
pub(crate) const SERVER_KEY: &str = include_str!("../data/server-key.pem");
pub(crate) const CLIENT_KEY: &str = include_str!("../data/client-key.pem");

pub(crate) const fn server(which: ServerCertificate) -> &'static str {
    match which {
        ServerCertificate::Good => include_str!("../data/server.pem"),
        ServerCertificate::Expired => include_str!("../data/server-expired.pem"),
        ServerCertificate::WrongName => include_str!("../data/server-other-name.pem"),
        ServerCertificate::WrongCa => include_str!("../data/server-other-ca.pem"),
        ServerCertificate::V1 => include_str!("../data/server-v1.pem"),
    }
}

pub(crate) const fn client(which: ClientCertificate) -> Option<&'static str> {
    match which {
        ClientCertificate::None => None,
        ClientCertificate::Good => Some(include_str!("../data/client.pem")),
        ClientCertificate::Expired => Some(include_str!("../data/client-expired.pem")),
        ClientCertificate::WrongCa => Some(include_str!("../data/client-other-ca.pem")),
        ClientCertificate::V1 => Some(include_str!("../data/client-v1.pem")),
    }
}
