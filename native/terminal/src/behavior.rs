//! How the options ask the client to behave.

use super::format::Style;
use super::markup::Markup;

/// How the client was asked to behave.
#[derive(Debug, Clone)]
pub(crate) struct Behavior {
    /// Statements come from a script or the command line: an error ends the program, and says the line.
    pub(crate) batch: bool,
    /// `--force`: an error does not end a script.
    pub(crate) force: bool,
    /// How often `--silent`: 1 has results separated by tabs, 2 leaves the header out.
    pub(crate) silent: usize,
    /// How often `--verbose`.
    pub(crate) verbose: usize,
    /// `--table`, in a script too.
    pub(crate) table: bool,
    /// `--vertical`, for every statement.
    pub(crate) vertical: bool,
    /// How results are printed.
    pub(crate) style: Style,
    /// `--show-warnings`.
    pub(crate) show_warnings: bool,
    /// `--line-numbers`.
    pub(crate) line_numbers: bool,
    /// `--unbuffered`.
    pub(crate) unbuffered: bool,
    /// Whether a lost connection is made again, at the next statement.
    pub(crate) reconnect: bool,
    /// `--html` or `--xml`.
    pub(crate) markup: Option<Markup>,
    /// `--quick`: rows are printed as they come.
    pub(crate) quick: bool,
    /// `--auto-vertical-output`.
    pub(crate) auto_vertical: bool,
    /// `--auto-rehash`: names are completed.
    pub(crate) rehash: bool,
}
