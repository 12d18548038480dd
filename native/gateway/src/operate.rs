//! The gateway's answers to checks, KILL and the administration: which sessions leave their servers.

use sealwire_core::SqlError;
use sealwire_core::proxy::Kill;
use sealwire_net::clock;

use super::admin::{Action, Answer, Question};
use super::check::{Order, Report};
use super::health::Consequence;
use super::report;
use super::run::{FIRST_ID, Gateway};
use super::session::Session;
use super::settings::Drain;

impl Gateway {
    /// Takes the result of a check.
    pub(super) fn take(&mut self, report: Report) {
        if let Some(certificate) = &report.certificate {
            self.shared.pools.saw_certificate(report.node, certificate, clock::now().wall.as_secs());
        }
        let now = clock::monotonic();
        let Some(consequence) = self.shared.pools.observe(report.node, report.verdict, report.took, now) else {
            return;
        };
        self.shared.may_serve_waiting = true;
        for id in self.sessions.ids() {
            let Some(slot) = self.sessions.get_mut(id) else { continue };
            let session = &mut slot.connection;
            let Some(node) = session.node().filter(|_| session.is_relaying()) else { continue };
            let is_on_it = node == report.node;
            if is_on_it && consequence == Consequence::EndSessions {
                session.lose_server();
                self.advance(id);
            } else if is_on_it && consequence == Consequence::Drain && !self.shared.pools.can_serve(node) {
                self.drain(id, "its server can't serve");
            } else if self.shared.pools.must_leave(session.place(), node) {
                self.drain(id, "another server takes the writes");
            }
        }
    }

    /// Lets a session end between two statements.
    pub(super) fn drain(&mut self, id: usize, why: &str) {
        let Some(slot) = self.sessions.get_mut(id) else { return };
        slot.connection.drain(why);
        self.advance(id);
    }

    /// Looks for the connection that a client's KILL names. Its own server gets the KILL with the id that it knows, and judges it; at another
    /// server the account of the checks runs it, for the same user only.
    pub(super) fn kill(&mut self, id: usize, kill: Kill) {
        let given = kill.connection_id;
        if given < FIRST_ID {
            return self.with_session(id, |session| session.allow_kill(given));
        }
        self.shared.counters.kills = self.shared.counters.kills.saturating_add(1);
        let target = usize::try_from(given & !FIRST_ID).unwrap_or(usize::MAX);
        let found = self.sessions.get_mut(target).map(|slot| &mut slot.connection);
        let found = found.filter(|session| session.connection_id() == given && session.is_relaying());
        let Some(session) = found else {
            let error = SqlError::no_such_thread(format!("Unknown thread id: {given}"));
            return self.with_session(id, |session| session.answer_kill(Err(error)));
        };
        let real = session.proxy().server_facts().map(|facts| facts.connection_id).unwrap_or_default();
        let (node, pool, user) = (session.node(), session.place().pool, session.user().map(str::to_owned));
        let Some(slot) = self.sessions.get_mut(id) else { return };
        let own = &mut slot.connection;
        if own.node() == node {
            return own.allow_kill(real);
        }
        // The same name may be another person's in another pool.
        if own.place().pool != pool || own.user().map(str::to_owned) != user {
            return own.answer_kill(Err(SqlError::kill_denied(format!("You are not owner of thread {given}"))));
        }
        let word = if kill.is_query { "QUERY" } else { "CONNECTION" };
        let order = Order { session: id, statement: format!("KILL {word} {real}") };
        let checker = node.and_then(|node| self.checkers.get(node));
        if checker.is_none_or(|checker| checker.send(order).is_err()) {
            own.answer_kill(Err(SqlError::kill_denied(format!(
                "sealwire-gateway: thread {given} is on another server, where only the account of the checks could end it: give the gateway \
                 --check-user, with the privilege CONNECTION ADMIN or SUPER"
            ))));
        }
    }

    /// Takes the result of a KILL by the account of the checks.
    pub(super) fn answer_kill(&mut self, id: usize, result: Result<(), SqlError>) {
        let result = result.map_err(|error| {
            tracing::warn!("KILL by the account of the checks: {error}");
            if error.code != SqlError::kill_denied("").code {
                return error;
            }
            SqlError::kill_denied(
                "sealwire-gateway: the thread is on another server, where the account of --check-user must end it and lacks CONNECTION ADMIN or SUPER",
            )
        });
        self.with_session(id, |session| session.answer_kill(result));
        self.advance(id);
    }

    fn with_session(&mut self, id: usize, call: impl FnOnce(&mut Session)) {
        if let Some(slot) = self.sessions.get_mut(id) {
            call(&mut slot.connection);
        }
    }

    /// Answers a request of the administration.
    pub(super) fn answer(&mut self, question: Question) {
        let answer = match &question.action {
            Action::Metrics => Answer::metrics(report::metrics(&self.shared, self.sessions.iter())),
            Action::Status => {
                let is_stopping = self.reactor.is_stopping();
                Answer::json(report::status(&mut self.shared, self.sessions.iter_mut(), is_stopping))
            }
            Action::Drain(name) => self.set_draining(name, true),
            Action::Undrain(name) => self.set_draining(name, false),
            Action::Reload => {
                // The thread of the signals reads the files.
                match signal_hook::low_level::raise(signal_hook::consts::SIGHUP) {
                    Ok(()) => Answer::text("the files are read again; the log says with which result\n"),
                    Err(error) => Answer::failed(format!("the signal SIGHUP was not sent: {error}\n")),
                }
            }
        };
        question.reply(answer);
    }

    fn set_draining(&mut self, name: &str, is_draining: bool) -> Answer {
        let mut count = 0;
        for member in self.shared.pools.named(name) {
            member.is_draining = is_draining;
            count += 1;
        }
        if count == 0 {
            return Answer::not_found(format!("there is no server '{name}': give HOST:PORT as /status shows it\n"));
        }
        let what = if is_draining { "drained: it gets no new sessions" } else { "used again" };
        tracing::warn!("server {name} is {what}");
        self.shared.may_serve_waiting = true;
        let mut left = 0;
        for id in self.sessions.ids() {
            let Some(session) = self.sessions.get(id) else { continue };
            let Some(node) = session.node().filter(|_| session.is_relaying()) else { continue };
            if is_draining && self.shared.pools.name(node) == name {
                left += 1;
                if self.shared.settings.drain == Drain::Close {
                    self.drain(id, "its server is drained");
                }
            } else if self.shared.pools.must_leave(session.place(), node) {
                self.drain(id, "another server takes the writes");
            }
        }
        Answer::text(&format!("server {name} is {what}; it had {left} sessions\n"))
    }
}
