//! Checks a server: logs in over verified TLS as the sessions do, and asks whether the server can serve. Each server has a thread of its
//! own, so that one that hangs delays no other.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use sealwire::{Address, Client, ClientError, Config, Socket};
use sealwire_core::SqlError;
use sealwire_core::error::Error;
use sealwire_net::mailbox::Mailbox;
use sealwire_net::random::OsRandom;

use super::bounded_stream::BoundedStream;
use super::certificates::shown;
use super::galera;
use super::health::Verdict;
use super::settings::{CheckSettings, Kind, Node};
use super::tls::ReloadableTls;

/// How long a login of the checks is used. A new one proves that the server's certificate and the account are still good.
const NEW_LOGIN: Duration = Duration::from_secs(10);

/// MySQL's number for a login that is refused.
const ACCESS_DENIED: u16 = 1045;

/// The most rows of an answer. Galera's status has some 70.
const MOST_ROWS: usize = 1000;

/// The result of a check of this server.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) node: usize,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
    /// The server's certificate in DER, where the check has a connection with TLS.
    pub(super) certificate: Option<Vec<u8>>,
}

/// A statement to run by the account of the checks, for a session.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) session: usize,
    pub(super) statement: String,
}

/// The number of a session, and the result of its statement.
pub(super) type Done = (usize, Result<(), SqlError>);

/// The checks of one server.
pub(super) struct Checker {
    pub(super) node: usize,
    pub(super) target: Node,
    pub(super) kind: Kind,
    pub(super) settings: Arc<CheckSettings>,
    pub(super) tls: ReloadableTls,
}

/// The connection of the checks, and when it was made.
type Session = Option<(Client<BoundedStream>, Instant)>;

impl Checker {
    /// Starts the thread, which runs the statements that it is sent. It ends when the gateway does.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(super) fn start(self, reports: Mailbox<Report>, done: Mailbox<Done>) -> io::Result<Sender<Order>> {
        let (sender, orders) = channel::<Order>();
        let name = format!("check-{}", self.target);
        let run = move || {
            let mut session: Session = None;
            loop {
                let begun = Instant::now();
                let verdict = self.check(&mut session);
                let certificate = session.as_ref().and_then(|(client, _)| shown(client.facts()).map(<[u8]>::to_vec));
                let report = Report { node: self.node, verdict, took: begun.elapsed(), certificate };
                if reports.send(report).is_err() {
                    return;
                }
                loop {
                    let left = self.settings.interval.saturating_sub(begun.elapsed());
                    match orders.recv_timeout(left) {
                        Ok(order) => {
                            let result = self.obey(&mut session, &order.statement);
                            if done.send((order.session, result)).is_err() {
                                return;
                            }
                        }
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }
        };
        std::thread::Builder::new().name(name).spawn(run)?;
        Ok(sender)
    }

    fn check(&self, session: &mut Session) -> Verdict {
        if let Some((client, _)) = session.take_if(|(_, since)| since.elapsed() >= NEW_LOGIN) {
            // A server that does not answer shows in the next login.
            let _ = client.quit();
        }
        let verdict = self.client(session).and_then(|client| ask(client, self.kind));
        verdict.unwrap_or_else(|error| {
            *session = None;
            failed(&error)
        })
    }

    fn obey(&self, session: &mut Session, statement: &str) -> Result<(), SqlError> {
        let result = self.client(session).and_then(|client| rows(client, statement));
        result.map(drop).map_err(|error| {
            if !error.is_recoverable() {
                *session = None;
            }
            error.to_sql_error()
        })
    }

    /// The connection, which is made if there is none. Its next answer has the whole time.
    fn client<'a>(&self, session: &'a mut Session) -> Result<&'a mut Client<BoundedStream>, ClientError> {
        if session.is_none() {
            *session = Some((self.log_in()?, Instant::now()));
        }
        let (client, _) = session.as_mut().ok_or_else(|| ClientError::Io(io::ErrorKind::NotConnected.into()))?;
        client.stream().restart();
        Ok(client)
    }

    fn log_in(&self) -> Result<Client<BoundedStream>, ClientError> {
        let CheckSettings { user, password, timeout, .. } = self.settings.as_ref();
        let mut config = Config::new(user.as_str(), password.clone(), Arc::new(OsRandom::new()));
        config.server_name.clone_from(&self.target.host);
        let policy = self.tls.towards_servers(self.target.pool);
        config.tls = policy.ok_or_else(|| ClientError::Io(io::ErrorKind::NotFound.into()))?;
        config.connect_timeout = *timeout;
        config.attributes = vec![("program_name".to_owned(), "sealwire-gateway check".to_owned())];
        let address = Address::Tcp { host: self.target.host.clone(), port: self.target.port };
        let socket = Socket::connect(&address, *timeout)?;
        let Socket::Tcp(mut stream) = socket else { return Err(io::Error::from(io::ErrorKind::Unsupported).into()) };
        stream.write_all(&self.target.announce.of_gateway())?;
        Client::over(BoundedStream::new(stream, *timeout, "check-timeout"), config)
    }
}

/// Asks the server whether it can serve.
fn ask(client: &mut Client<BoundedStream>, kind: Kind) -> Result<Verdict, ClientError> {
    match kind {
        Kind::Plain => rows(client, "SELECT 1").map(|_| Verdict::Good { can_write: true, settles: Duration::ZERO }),
        Kind::ReadOnly => {
            let rows = rows(client, "SELECT 'read_only', @@global.read_only")?;
            let is_off = rows.get("read_only").is_some_and(|value| value == "0" || value.eq_ignore_ascii_case("off"));
            Ok(Verdict::Good { can_write: is_off, settles: Duration::ZERO })
        }
        Kind::Galera => {
            let mut all = rows(client, galera::STATUS)?;
            client.stream().restart();
            all.extend(rows(client, galera::VARIABLES)?);
            Ok(galera::judge(&all))
        }
    }
}

/// The rows of an answer: the first column with the second one, in lower case.
fn rows(client: &mut Client<BoundedStream>, statement: &str) -> Result<HashMap<String, String>, ClientError> {
    let mut all = HashMap::new();
    let mut answer = client.query(statement)?;
    while let Some(row) = answer.next()? {
        let mut values =
            row.iter().map(|value| String::from_utf8_lossy(value.ok().flatten().unwrap_or_default()).into_owned());
        if all.len() == MOST_ROWS {
            return Err(io::Error::other("the answer to a check has more than 1000 rows").into());
        }
        let (name, value) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        all.insert(name.to_ascii_lowercase(), value);
    }
    Ok(all)
}

/// A server that refuses the check's account, or that can't be verified, answers: it is not lost, but gets no new sessions.
fn failed(error: &ClientError) -> Verdict {
    let reason = match error {
        ClientError::Sql(error) if error.code == ACCESS_DENIED => {
            format!(
                "{}: this is the account of --check-user, and until it can log in the server gets no sessions",
                error.message
            )
        }
        ClientError::Connection(error) => error.as_client_error().message,
        ClientError::Connect { error, .. } => format!("can't connect: {error}"),
        other => other.to_sql_error().to_string(),
    };
    let answers = match error {
        ClientError::Sql(_) => true,
        ClientError::Connection(error) => !matches!(error, Error::ConnectionLost(_) | Error::TimedOut(_)),
        _ => false,
    };
    let refuses = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let refuses = matches!(error, ClientError::Io(error) | ClientError::Connect { error, .. } if refuses(error));
    if answers { Verdict::Unfit { reason, drains: false } } else { Verdict::Lost { reason, refuses } }
}
