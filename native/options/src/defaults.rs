//! The options that select the option files.

use std::ffi::OsString;

use super::error::OptionError;
use super::values::Origin;

/// The options that select the option files. They are recognised only before all other options.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    /// `--no-defaults`: read no option file.
    pub none: bool,
    /// `--defaults-file`: read this file alone.
    pub file: Option<String>,
    /// `--defaults-extra-file`: read this file after the system's.
    pub extra: Option<String>,
    /// `--defaults-group-suffix`: also read groups whose names end with this.
    pub group_suffix: Option<String>,
    /// `--print-defaults`: print the arguments and exit.
    pub print: bool,
}

impl Defaults {
    /// Takes these options off the front of the command line, and demands that the other arguments are UTF-8.
    pub(super) fn take<A: Into<OsString>>(
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<(Self, Vec<String>), OptionError> {
        let mut defaults = Self::default();
        let mut rest = Vec::new();
        for argument in arguments {
            let argument = argument.into().into_string().map_err(|argument| {
                OptionError::general(format!("argument '{}' is not UTF-8 text", argument.to_string_lossy()))
            })?;
            if !rest.is_empty() || !defaults.understand(&argument)? {
                rest.push(argument);
            }
        }
        Ok((defaults, rest))
    }

    fn understand(&mut self, argument: &str) -> Result<bool, OptionError> {
        let Some((name, value)) = Self::recognise(argument) else { return Ok(false) };
        let text = || match value {
            Some(value) if !value.is_empty() => Ok(Some(value.to_owned())),
            _ => Err(OptionError::needs_value(name, &Origin::CommandLine)),
        };
        match name {
            "no-defaults" => self.none = true,
            "print-defaults" => self.print = true,
            "defaults-file" => self.file = text()?,
            "defaults-extra-file" => self.extra = text()?,
            _ => self.group_suffix = text()?,
        }
        Ok(true)
    }

    /// The name and value if the argument is one of these options.
    pub(super) fn recognise(argument: &str) -> Option<(&'static str, Option<&str>)> {
        const NAMES: [&str; 5] =
            ["no-defaults", "print-defaults", "defaults-file", "defaults-extra-file", "defaults-group-suffix"];
        let (name, value) = split_value(argument.strip_prefix("--")?);
        let name = name.replace('_', "-");
        NAMES.into_iter().find(|known| *known == name).map(|known| (known, value))
    }
}

/// An option's name, and its value behind `=`.
pub(super) fn split_value(option: &str) -> (&str, Option<&str>) {
    option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)))
}
