//! SQL's lexical rules, for all who read or write SQL: account statements, a server, a terminal client.

mod lexer;
mod mode;
mod quote;

pub use lexer::{Inside, Lexer, Open, Piece, unquote};
pub use mode::Mode;
pub use quote::{backquoted, text_literal};
