//! The server's settings: system variables, the options that set them at start, and their values.
//!
//! | file | what it is for |
//! |---|---|
//! | `system_variables` | the table: a new variable is a row there |
//! | `rows` | the macro that makes fields and definitions of the table |
//! | `definition` | what a row says, and how SET checks a value by it |
//! | `value` | values, and the fields that keep them |
//! | `globals` | the server's values, and what a session begins with |
//! | `catalog` | variables by their names |

mod catalog;
mod definition;
mod globals;
mod rows;
mod system_variables;
mod value;

pub(crate) use catalog::{all, find};
pub(crate) use definition::{Fact, Kind, Place, Scope};
pub(crate) use system_variables::{Globals, OPTIONS, SessionVariables, SystemVariable, variable};
pub(crate) use value::Value;
