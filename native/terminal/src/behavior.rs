//! The options that control how the client runs statements and prints results.

use super::format::Style;
use super::markup::Markup;

/// The options that control how the client runs statements and prints results.
#[derive(Debug, Clone)]
pub(crate) struct Behavior {
    /// Statements come from a script or the command line: an error ends the program, and its text gives the line.
    pub(crate) batch: bool,
    /// `--force`: an error does not end a script.
    pub(crate) force: bool,
    /// How often `--silent` was given: 1 separates columns by tabs, 2 also omits the header.
    pub(crate) silent: usize,
    /// How often `--verbose` was given.
    pub(crate) verbose: usize,
    /// `--table`: print tables in a script too.
    pub(crate) table: bool,
    /// `--vertical`: print every result vertically.
    pub(crate) vertical: bool,
    /// How results are printed.
    pub(crate) style: Style,
    /// `--show-warnings`.
    pub(crate) show_warnings: bool,
    /// `--line-numbers`.
    pub(crate) line_numbers: bool,
    /// `--unbuffered`.
    pub(crate) unbuffered: bool,
    /// Whether a lost connection is opened again at the next statement.
    pub(crate) reconnect: bool,
    /// `--html` or `--xml`.
    pub(crate) markup: Option<Markup>,
    /// `--quick`: print rows as they arrive.
    pub(crate) quick: bool,
    /// `--auto-vertical-output`.
    pub(crate) auto_vertical: bool,
    /// `--auto-rehash`: complete names.
    pub(crate) rehash: bool,
}
