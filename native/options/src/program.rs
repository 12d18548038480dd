//! A program's options and what belongs to them.

use super::spec::Spec;

/// A program as its users see it: name, tables of options, and the groups it reads from option files.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name that messages begin with.
    pub name: &'static str,
    /// What `--version` prints after the name.
    pub version: &'static str,
    /// What `--help` prints after `Usage: name`.
    pub usage: &'static str,
    /// The groups of option files that count, as `["mysql", "client"]`.
    pub groups: &'static [&'static str],
    /// The groups of other programs, of which only the options marked [`Spec::shared`] are taken; one warning lists the rest.
    pub other_groups: &'static [&'static str],
    /// The options; `--help`, `--version` and the `--defaults-…` family are added.
    pub tables: &'static [&'static [Spec]],
    /// How many arguments that are not options it takes at most.
    pub arguments: usize,
}

/// The options that every program has.
const COMMON: &[Spec] = &[
    Spec::action("help", "Display this help and exit.").short('?'),
    Spec::action("version", "Output version information and exit.").short('V'),
];

impl Program {
    /// Every option: the common ones, then the program's tables in their order.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &'static Spec> + use<> {
        COMMON.iter().chain(self.tables.iter().copied().flatten())
    }
}
