//! `init_connect`: statements that run before the first command of a user who is not an administrator.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Pending, Purpose};
use super::work::InitConnect;
use crate::engine::{Outcome, Task};
use crate::sql::lex;

impl Session {
    /// Runs the statements, if there are any for this user. While one runs in another thread the session is busy, so no command comes in
    /// between.
    pub(super) fn begin_init_connect(&mut self) {
        self.init_connect = InitConnect::default();
        // An error in the statements must not lock out the administrators who can correct it.
        if self.view.may(Privilege::SUPER) || self.view.may(Privilege::CONNECTION_ADMIN) {
            return;
        }
        self.init_connect.left = self.view.server.globals.init_connect.get().as_bytes().to_vec();
        self.run_init_connect();
    }

    fn run_init_connect(&mut self) {
        while !lex::is_blank(&self.init_connect.left) && self.running.is_none() {
            let left = std::mem::take(&mut self.init_connect.left);
            let (first, rest) = match lex::first_statement(&left, self.view.syntax.mode) {
                Ok(first) => first,
                Err(error) => return self.fail_init_connect(&error),
            };
            self.init_connect.left = rest.to_vec();
            if lex::is_blank(first) {
                continue;
            }
            let answer = lex::normalise(first, self.view.syntax).and_then(|sql| self.statement(&sql));
            self.go_on_with_init_connect(answer);
        }
    }

    /// Takes the answer to one of the statements, which is not sent to the client.
    fn go_on_with_init_connect(&mut self, answer: Result<Answer, SqlError>) {
        let submitted = match answer {
            Ok(Answer::Engine(task) | Answer::Discarded(task)) => self.submit(task, Purpose::InitConnect(None)),
            Ok(Answer::Set(mut pending)) => {
                let task: Task = pending.take_task();
                self.submit(task, Purpose::InitConnect(Some(pending)))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = submitted {
            self.fail_init_connect(&error);
        }
    }

    /// Takes the engine's result for one of the statements.
    pub(super) fn init_connect_done(&mut self, pending: Option<Box<Pending>>, outcome: Result<Outcome, SqlError>) {
        match (pending, outcome) {
            (_, Err(error)) => self.fail_init_connect(&error),
            (Some(pending), Ok(Outcome::Value(value))) => {
                let answer = self.continue_set(*pending, value);
                self.go_on_with_init_connect(answer);
            }
            _ => {}
        }
        self.run_init_connect();
    }

    pub(super) fn fail_init_connect(&mut self, error: &SqlError) {
        tracing::warn!("connection {} of {}: init_connect failed: {error}", self.view.id, self.view.user);
        self.init_connect = InitConnect { left: Vec::new(), failed: true };
    }

    /// After a failure: the error with which every command is answered before the connection ends.
    pub(super) fn init_connect_failure(&self) -> Option<SqlError> {
        if !self.init_connect.failed {
            return None;
        }
        let database = self.view.database.as_deref().unwrap_or("unconnected");
        let (user, host) = self.view.user.rsplit_once('@').unwrap_or((self.view.user.as_str(), ""));
        let message = format!(
            "Aborting connection {} to db: '{database}' user: '{user}' host: '{host}' (init_connect command failed)",
            self.view.id
        );
        Some(SqlError::new(1184, b"08S01", message))
    }
}
