//! Servers that hang, that come back, and that change their roles, before a gateway that checks them.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::{ask, connect};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::{checks, free_port, gateway, log_in, server, server_of, with};

#[test]
fn a_server_that_hangs_loses_its_sessions_and_comes_back() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (first, second) = (server(Kind::Sealwired, Some(&set)), server(Kind::Sealwired, Some(&set)));
    let mut options = checks(place.path());
    options.extend(["--check-timeout=1", "--role=writer", "--slow-start=0"].map(str::to_owned));
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let gateway = gateway(&set, &[first.port, second.port], &set, &options);
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(server_of(&mut client), first.port, "the first server takes the writes");

    first.signal("STOP");
    gateway.says(&format!("server 127.0.0.1:{} is lost: ", first.port));
    let mut next = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(server_of(&mut next), second.port);
    let error = ask(&mut client, "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("ERROR"), "{error}");

    first.signal("CONT");
    gateway.says(&format!("server 127.0.0.1:{} is up", first.port));
    let mut again = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(server_of(&mut again), second.port, "the writer stays");
    assert_eq!(server_of(&mut next), second.port);
}

#[test]
fn writers_and_readers_follow_the_servers_word() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let start = |read_only: &str| {
        let create = |user| Kind::MariaDb.create_user(user, "mysql_native_password", PASSWORD, "SSL");
        let grant = "GRANT READ_ONLY ADMIN, SUPER ON *.* TO 'admin'@'%';".to_owned();
        let settings = Settings {
            certificates: Some(set.clone()),
            options: vec![format!("--read-only={read_only}")],
            statements: vec![create("native"), create("admin"), grant],
            ..Settings::default()
        };
        Server::start(Kind::MariaDb, &settings).unwrap()
    };
    let (first, second) = (start("OFF"), start("ON"));
    let (readers, reports) = (free_port(), free_port());
    let mut options = checks(place.path());
    options.extend([
        "--pool=main,kind=read-only".to_owned(),
        "--pool=reports".to_owned(),
        "--role=writer".to_owned(),
        format!("--listen=127.0.0.1:{readers},role=reader"),
        format!("--listen=127.0.0.1:{reports},pool=reports"),
        format!("--server=127.0.0.1:{},pool=reports", second.port),
        "--route=user=adm%,pool=reports".to_owned(),
    ]);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let gateway = gateway(&set, &[first.port, second.port], &set, &options);
    let at = |port: u16, user: &str| server_of(&mut log_in(port, user, &set).unwrap());
    assert_eq!((at(gateway.port, "native"), at(readers, "native")), (first.port, second.port));
    assert_eq!(at(reports, "native"), second.port);
    assert_eq!(at(gateway.port, "admin"), second.port, "by its route");

    for (server, read_only) in [(&first, 1), (&second, 0)] {
        let mut admin = connect(server.port, with("admin", &set)).unwrap();
        ask(&mut admin, &format!("SET GLOBAL read_only = {read_only}")).unwrap();
    }
    gateway.says(&format!("server 127.0.0.1:{} is read-only now", first.port));
    gateway.says(&format!("server 127.0.0.1:{} takes writes now", second.port));
    assert_eq!((at(gateway.port, "native"), at(readers, "native")), (second.port, first.port));
}

#[test]
fn logins_wait_for_a_free_server_but_not_for_ever() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let waiting = gateway(&set, &[server.port], &set, &["--max-connections-per-server=1", "--queue-timeout=60"]);
    let client = log_in(waiting.port, "native", &set).unwrap();
    std::thread::scope(|scope| {
        let next = scope.spawn(|| server_of(&mut log_in(waiting.port, "native", &set).unwrap()));
        waiting.says("waits for a server");
        client.quit().unwrap();
        assert_eq!(next.join().unwrap(), server.port);
    });
    let hasty = gateway(&set, &[server.port], &set, &["--max-connections-per-server=1", "--queue-timeout=0"]);
    let _client = log_in(hasty.port, "native", &set).unwrap();
    let error = log_in(hasty.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("max-connections-per-server"), "{error}");
}
