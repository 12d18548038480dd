//! The server's settings: system variables, the options that set them at start, and their values.
//!
//! | file | purpose |
//! |---|---|
//! | `system_variables` | the table: a new variable is a row there |
//! | `rows` | the macro that makes fields and definitions from the table |
//! | `definition` | the definition of a variable, and how SET checks a value against it |
//! | `value` | values, and the fields that store them |
//! | `globals` | the server's values, and those with which a session begins |
//! | `catalog` | variables by name |

mod catalog;
mod definition;
mod globals;
mod rows;
mod system_variables;
mod value;

pub(crate) use catalog::{all, find};
pub(crate) use definition::{Fact, Kind, Scope, ValueLocation};
pub(crate) use system_variables::{Globals, OPTIONS, SessionVariables, SystemVariable, variable};
pub(crate) use value::Value;
