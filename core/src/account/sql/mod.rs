//! Account statements: a tokenizer with MySQL's quoting, the parser, and what the statements do.

mod authority;
mod execute;
mod grammar;
mod parser;
mod show;
mod statement;
mod token;

pub(super) use execute::apply;
pub use execute::{Outcome, Session, execute};
pub(super) use parser::parse_script;
pub use parser::{parse_requirement, parse_statement};
pub(super) use show::{Style, create_user, grants};
pub use statement::{AccountStatement, Identified, On, Target, UserOptions, UserSpec};
