//! One row of a table of options.

/// The kind of value that an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value: the option is present or absent, and can't be switched off (`--help`).
    Action,
    /// On or off: `--x`, `--x=1`, `--skip-x`.
    Flag,
    /// Text.
    Text,
    /// Text that may be left out; then the value must be attached: `--password=secret`, `-psecret`, or `-p` alone.
    OptionalText,
    /// A whole number within bounds, both included.
    Number {
        /// The least.
        least: u64,
        /// The greatest.
        most: u64,
    },
    /// One of a few words, in any case; the value is the word as it stands in the table.
    Choice(&'static [&'static str]),
    /// An option of the program's counterpart in MySQL that this program lacks: it is refused with the way out, which is its help text.
    Absent,
}

/// The value of an option where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// A text, in the words a user would write.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// On or off.
    Flag(bool),
}

/// One option: its names, its kind of value and its help text. Built in a `const` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    /// The letter that switches a flag off, and the help of that.
    pub(crate) off_short: Option<(char, &'static str)>,
    pub(crate) kind: Kind,
    pub(crate) preset: Option<Preset>,
    pub(crate) help: &'static str,
    pub(crate) repeatable: bool,
    pub(crate) secret: bool,
    pub(crate) shared: bool,
    pub(crate) path: bool,
}

impl Spec {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            short: None,
            off_short: None,
            kind,
            preset: None,
            help,
            repeatable: false,
            secret: false,
            shared: false,
            path: false,
        }
    }

    /// An option without value that can't be switched off.
    pub const fn action(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Action, help)
    }

    /// An option that is on or off; off unless [`Spec::default`] says `"on"`.
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Flag, help)
    }

    /// An option with a text value.
    pub const fn text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Text, help)
    }

    /// An option with a path, in which `~` at the beginning is the home directory.
    pub const fn path(name: &'static str, help: &'static str) -> Self {
        let mut spec = Self::new(name, Kind::Text, help);
        spec.path = true;
        spec
    }

    /// An option whose text value may be left out.
    pub const fn optional_text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::OptionalText, help)
    }

    /// An option with a number, without bounds until [`Spec::between`] sets some.
    pub const fn number(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Number { least: 0, most: u64::MAX }, help)
    }

    /// An option with one of a few words.
    pub const fn choice(name: &'static str, words: &'static [&'static str], help: &'static str) -> Self {
        Self::new(name, Kind::Choice(words), help)
    }

    /// An option of MySQL's program that this program lacks. `way_out` is a clause that says why, and what to do instead.
    pub const fn absent(name: &'static str, way_out: &'static str) -> Self {
        Self::new(name, Kind::Absent, way_out)
    }

    /// The text may be left out, as in [`Spec::optional_text`].
    pub const fn optional(mut self) -> Self {
        self.kind = Kind::OptionalText;
        self
    }

    /// The one-letter name: `-h`.
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// A letter that switches the flag off, as mysql's `-N` does for `column-names`.
    pub const fn off_short(mut self, letter: char, help: &'static str) -> Self {
        self.off_short = Some((letter, help));
        self
    }

    /// The value where none is given, in the words a user would write.
    pub const fn default(self, value: &'static str) -> Self {
        self.preset(Preset::Text(value))
    }

    /// The value where none is given, in its own type: the help writes 268435456 as `256M`.
    pub const fn preset(mut self, value: Preset) -> Self {
        self.preset = Some(value);
        self
    }

    /// The bounds of a number, both included.
    pub const fn between(mut self, least: u64, most: u64) -> Self {
        self.kind = Kind::Number { least, most };
        self
    }

    /// Every occurrence counts, instead of the last one alone: see `Values::texts` and `Values::count`.
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// The value is never printed: not by `--print-defaults`, not in an error, not by `Debug`.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The option applies in the groups of other programs too: see `Program::other_groups`.
    pub const fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The long name, with dashes.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the value is a path.
    pub const fn is_path(&self) -> bool {
        self.path
    }

    /// The kind of value that the option takes.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The value where none is given, if there is one.
    pub const fn preset_value(&self) -> Option<Preset> {
        self.preset
    }
}

/// The name of the option that sets a system variable at start: `-` for each `_`. The name is a constant.
#[macro_export]
macro_rules! option_name {
    ($variable:expr) => {{
        const BYTES: [u8; $variable.len()] = $crate::dashed($variable);
        const NAME: &str = match ::core::str::from_utf8(&BYTES) {
            Ok(name) => name,
            Err(_) => $variable,
        };
        NAME
    }};
}

/// The bytes of a name with `-` for each `_`; see [`option_name!`](crate::option_name).
pub const fn dashed<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (mut from, mut to): (&[u8], &mut [u8]) = (name.as_bytes(), &mut bytes);
    while let (Some((byte, rest)), Some((place, places))) = (from.split_first(), to.split_first_mut()) {
        *place = if *byte == b'_' { b'-' } else { *byte };
        (from, to) = (rest, places);
    }
    bytes
}

/// Splits `skip-x` into (`skip`, `x`), and so for the other prefixes that change an option's meaning.
pub(super) fn split_prefix(name: &str) -> Option<(&'static str, &str)> {
    ["loose", "skip", "disable", "enable", "maximum"].into_iter().find_map(|prefix| {
        let bare = name.strip_prefix(prefix)?.strip_prefix('-')?;
        (!bare.is_empty()).then_some((prefix, bare))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_variable_names_its_option() {
        const NAME: &str = option_name!("ssl_session_ticket_key");
        assert_eq!(NAME, "ssl-session-ticket-key");
        assert_eq!(option_name!("port"), "port");
    }
}
