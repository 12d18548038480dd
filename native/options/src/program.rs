//! A program's option tables, names and groups.

use super::spec::Spec;

/// A program as its users see it: its name, its tables of options, and the groups that it reads from option files.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name with which messages begin.
    pub name: &'static str,
    /// The text of `--version` after the name.
    pub version: &'static str,
    /// The text of `--help` after `Usage: name`.
    pub usage: &'static str,
    /// The program's own groups of option files, as `["mysql", "client"]`.
    pub groups: &'static [&'static str],
    /// The groups of other programs, of which only the options marked [`Spec::shared`] are taken; one warning lists the rest.
    pub other_groups: &'static [&'static str],
    /// The options; `--help`, `--version` and the `--defaults-…` family are added.
    pub tables: &'static [&'static [Spec]],
    /// The most arguments that are not options.
    pub arguments: usize,
}

/// The options that every program has.
const COMMON: &[Spec] = &[
    Spec::action("help", "Display this help and exit.").short('?'),
    Spec::action("version", "Output version information and exit.").short('V'),
];

impl Program {
    /// Every option: the common ones, then the program's tables in their order. A program may have an option of its own in place of a
    /// common one: sealwired's `--version` takes a text.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &'static Spec> + use<> {
        let tables = self.tables;
        let is_own = move |common: &&Spec| tables.iter().copied().flatten().any(|spec| spec.name == common.name);
        COMMON.iter().filter(move |common| !is_own(common)).chain(tables.iter().copied().flatten())
    }
}
