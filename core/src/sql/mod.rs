//! The lexical rules of SQL, for everything that reads or writes SQL: account statements, the server, the terminal client.

mod lexer;
mod mode;
mod quote;

pub use lexer::{Inside, Lexer, LexerState, Piece, unquote};
pub use mode::Mode;
pub use quote::{backquoted, text_literal};
