//! SQL's lexical rules, for all who read or write SQL.

mod quote;

pub use quote::{backquoted, text_literal};
