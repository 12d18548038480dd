//! A network in memory for the core: a client and a server machine joined by a pair of pipes, in virtual time.
//!
//! [`Pair`] delivers bytes whole, one by one or in any chunks, lets a filter alter them on the way, and keeps what each side
//! said. [`Host`] is the application on the server's side: accounts, and an engine of a few words.
#![forbid(unsafe_code)]

mod host;
mod pair;
mod seeded;

pub use host::{Host, Step};
pub use pair::{Delivery, Filter, Pair, Seen, Toward};
pub use seeded::Seeded;
