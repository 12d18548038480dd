//! The server's values: options set them at start, sessions begin with them, SET GLOBAL changes them.

use std::sync::{Arc, PoisonError};

use sealwire_options::Values;

use super::definition::{Scope, ValueLocation};
use super::system_variables::{Globals, OPTIONS, ROWS, SessionVariables, SystemVariable};
use super::value::Value;

impl Globals {
    /// The values that the options set.
    pub(crate) fn of_options(values: &Values) -> Self {
        let globals = Self::default();
        for row in ROWS {
            let option = OPTIONS.iter().find(|option| option.name() == row.option_name());
            if let Some(value) = option.and_then(|option| values.value(option)) {
                globals.set(row, &value.into());
            }
        }
        globals
    }

    /// The server's value of a variable; `None` where the value is not stored here.
    pub(crate) fn value(&self, variable: &SystemVariable) -> Option<Value> {
        match variable.location {
            ValueLocation::Server(field) => Some(field(self).value()),
            ValueLocation::Session(field, _) if variable.scope == Scope::Both => Some(field(&self.inherited()).value()),
            ValueLocation::Session(..) | ValueLocation::Tls(_) | ValueLocation::Fact(_) => None,
        }
    }

    /// Sets the server's value of a variable, and makes the changes that follow from it, if the value is stored here.
    pub(crate) fn set(&self, variable: &SystemVariable, value: &Value) {
        match variable.location {
            ValueLocation::Server(field) => field(self).set_value(value),
            ValueLocation::Session(_, field) => {
                let mut inherited = self.inherited.lock().unwrap_or_else(PoisonError::into_inner);
                field(Arc::make_mut(&mut inherited)).set_value(value);
            }
            ValueLocation::Tls(_) | ValueLocation::Fact(_) => {}
        }
        variable.follow(self);
    }

    /// The values with which a new session begins.
    pub(crate) fn inherited(&self) -> Arc<SessionVariables> {
        Arc::clone(&self.inherited.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SessionVariables {
    /// The session's value of a variable; `None` where the value is not stored here.
    pub(crate) fn value(&self, variable: &SystemVariable) -> Option<Value> {
        match variable.location {
            ValueLocation::Session(field, _) => Some(field(self).value()),
            ValueLocation::Server(_) | ValueLocation::Tls(_) | ValueLocation::Fact(_) => None,
        }
    }

    /// Sets the session's value of a variable, if the value is stored here.
    pub(crate) fn set(&mut self, variable: &SystemVariable, value: &Value) {
        if let ValueLocation::Session(_, field) = variable.location {
            field(self).set_value(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::system_variables::variable;
    use super::*;

    #[test]
    fn a_session_keeps_what_it_began_with() {
        let globals = Globals::default();
        globals.set(&variable::wait_timeout, &Value::Number(5));
        let mut session = globals.inherited();
        globals.set(&variable::wait_timeout, &Value::Number(6));
        assert_eq!((session.wait_timeout, globals.inherited().wait_timeout), (5, 6));
        Arc::make_mut(&mut session).set(&variable::wait_timeout, &Value::Number(7));
        assert_eq!((session.wait_timeout, globals.inherited().wait_timeout), (7, 6));
    }

    #[test]
    fn a_server_is_read_only_for_administrators_only_where_it_is_for_all() {
        let globals = Globals::default();
        globals.set(&variable::super_read_only, &Value::Switch(true));
        assert!(globals.read_only.is_on());
        globals.set(&variable::read_only, &Value::Switch(false));
        assert!(!globals.super_read_only.is_on());
    }
}
