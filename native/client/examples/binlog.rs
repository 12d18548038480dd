//! Prints the changes of each transaction as the server commits it: `binlog HOST PORT USER CA.PEM GTID`; the password is in $MYSQL_PWD.

use sealwire::protocol::tls::ClientContext;
use sealwire::{
    Address, BinlogFollower, Client, Config, ReplicationSettings, StartPosition, TlsPolicy, provider::provider,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, user, ca, gtid] = arguments.as_slice() else { return Err("HOST PORT USER CA.PEM GTID".into()) };
    let mut config = Config::new(user, std::env::var("MYSQL_PWD")?.as_str().into(), provider());
    config.tls = TlsPolicy::Required(ClientContext::from_pem(provider(), std::fs::read(ca)?)?);
    config.server_name = host.clone();
    let address = Address::Tcp { host: host.clone(), port: port.parse()? };
    // An id that no replica has, because a server ends the connection of a replica with the same one.
    let settings = ReplicationSettings::new(3_000_000_000, StartPosition::MariaDbGtid(gtid.clone()));
    let follower = BinlogFollower::new(|| Client::connect(&address, config.clone()), settings)?;
    for transaction in follower.transactions() {
        let transaction = transaction?;
        println!("{}: {:?}", transaction.gtid.unwrap_or_default(), transaction.changes);
    }
    Ok(())
}
