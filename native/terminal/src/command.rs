//! The commands that the client executes itself.

/// A command of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Change the character set.
    Charset,
    /// Discard the incomplete statement.
    Clear,
    /// Connect again, to a database and host if they are named.
    Connect,
    /// Set the text that ends a statement.
    Delimiter,
    /// Edit the incomplete statement.
    Edit,
    /// Send the statement, and show each row with one column a line.
    Ego,
    /// Send the statement.
    Go,
    /// Show the list of commands.
    Help,
    /// Show results without a pager.
    NoPager,
    /// Stop copying the output to a file.
    NoTee,
    /// Do not show warnings.
    NoWarning,
    /// Show results through a pager.
    Pager,
    /// Show the incomplete statement.
    Print,
    /// Change the prompt.
    Prompt,
    /// Exit.
    Quit,
    /// Reload the names of tables and columns.
    Rehash,
    /// Refuse commands that access files or programs from here on.
    Sandbox,
    /// Run a script.
    Source,
    /// Show the connection's status.
    Status,
    /// Run a shell command.
    System,
    /// Copy the output to a file.
    Tee,
    /// Change the database.
    Use,
    /// Show warnings after each statement.
    Warnings,
}

/// Name, letter, command, whether it takes an argument, explanation.
type Row = (&'static str, u8, Command, bool, &'static str);

const TABLE: &[Row] = &[
    ("?", b'?', Command::Help, true, "Synonym for `help'."),
    ("charset", b'C', Command::Charset, true, "Switch to another charset."),
    ("clear", b'c', Command::Clear, false, "Clear the current input statement."),
    ("connect", b'r', Command::Connect, true, "Reconnect to the server. Optional arguments are db and host."),
    ("delimiter", b'd', Command::Delimiter, true, "Set statement delimiter."),
    ("edit", b'e', Command::Edit, false, "Edit command with $EDITOR."),
    ("ego", b'G', Command::Ego, false, "Send command to the server, display result vertically."),
    ("exit", b'q', Command::Quit, false, "Exit sealwire. Same as quit."),
    ("go", b'g', Command::Go, false, "Send command to the server."),
    ("help", b'h', Command::Help, true, "Display this help."),
    ("nopager", b'n', Command::NoPager, false, "Disable pager, print to stdout."),
    ("notee", b't', Command::NoTee, false, "Don't write into outfile."),
    ("nowarning", b'w', Command::NoWarning, false, "Don't show warnings after every statement."),
    ("pager", b'P', Command::Pager, true, "Set PAGER [to_pager]. Print the query results via PAGER."),
    ("print", b'p', Command::Print, false, "Print current command."),
    ("prompt", b'R', Command::Prompt, true, "Change your sealwire prompt."),
    ("quit", b'q', Command::Quit, false, "Quit sealwire."),
    ("rehash", b'#', Command::Rehash, false, "Rebuild completion hash."),
    ("sandbox", b'-', Command::Sandbox, false, "Disallow commands that access the file system."),
    ("source", b'.', Command::Source, true, "Execute an SQL script file. Takes a file name as an argument."),
    ("status", b's', Command::Status, false, "Get status information from the server."),
    ("system", b'!', Command::System, true, "Execute a system shell command."),
    ("tee", b'T', Command::Tee, true, "Set outfile [to_outfile]. Append everything into given outfile."),
    ("use", b'u', Command::Use, true, "Use another database. Takes database name as argument."),
    ("warnings", b'W', Command::Warnings, false, "Show warnings after every statement."),
];

impl Command {
    /// The command of `\letter`.
    pub(crate) fn by_letter(letter: u8) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == letter).map(|row| row.2)
    }

    /// Parses a command by its full name; returns the command and its argument.
    pub(crate) fn parse_words(text: &[u8]) -> Option<(Self, String)> {
        let text = text.trim_ascii_start();
        let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
        let (name, argument) = text.split_at(end);
        let row = TABLE.iter().find(|row| row.0.as_bytes().eq_ignore_ascii_case(name.trim_ascii_end()))?;
        // A prompt ends in a space, as a rule.
        let argument = if row.2 == Self::Prompt { argument.trim_ascii_start() } else { argument.trim_ascii() };
        // A command that takes no argument is a statement where an argument follows.
        (row.3 || argument.is_empty()).then(|| (row.2, String::from_utf8_lossy(argument).into_owned()))
    }

    /// Whether sandbox mode forbids the command, because its argument names a file or program of this computer.
    pub(crate) const fn reaches_out(self, argument: &str) -> bool {
        match self {
            Self::Source | Self::System | Self::Tee => true,
            Self::Pager => !argument.is_empty(),
            _ => false,
        }
    }

    /// Whether the command takes an argument.
    pub(crate) fn takes_argument(self) -> bool {
        TABLE.iter().any(|row| row.2 == self && row.3)
    }

    /// The list of commands for `help`.
    pub(crate) fn help() -> String {
        let mut text = String::from(
            "\nList of all sealwire commands:\n\
             Note that all text commands must be first on line and end with ';'\n",
        );
        for (name, letter, _, _, explanation) in TABLE {
            text.push_str(&format!("{name:<10}(\\{}) {explanation}\n", char::from(*letter)));
        }
        text.push_str("\nFor server side help, type 'help contents'\n\n");
        text
    }
}

/// The first word of a command's argument (a database, a host, a delimiter), without quotes and backslashes, and the text after it.
pub(crate) fn word(argument: &str) -> Option<(String, &str)> {
    let argument = argument.trim_start();
    let mut characters = argument.char_indices();
    let quote = argument.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'));
    if quote.is_some() {
        characters.next();
    }
    let mut word = String::new();
    let mut rest = "";
    while let Some((at, character)) = characters.next() {
        match quote {
            Some(quote) if character == quote => {
                rest = argument.get(at + 1..).unwrap_or_default();
                break;
            }
            None if character == ' ' => {
                rest = argument.get(at..).unwrap_or_default();
                break;
            }
            None if character == '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
            _ => word.push(character),
        }
    }
    (!word.is_empty()).then_some((word, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_whole() {
        assert_eq!(Command::parse_words(b"  Use  test "), Some((Command::Use, "test".into())));
        assert_eq!(Command::parse_words(b"prompt  \\d> "), Some((Command::Prompt, "\\d> ".into())));
        assert_eq!(Command::parse_words(b"quit \r"), Some((Command::Quit, String::new())));
        assert_eq!(Command::parse_words(b"used test"), None);
        assert_eq!(Command::parse_words(b"quit now"), None);
        assert_eq!(Command::parse_words(b"?"), Some((Command::Help, String::new())));
    }

    #[test]
    fn words_lose_their_quotes() {
        assert_eq!(word("test other"), Some(("test".into(), " other")));
        assert_eq!(word("`my db` x"), Some(("my db".into(), " x")));
        assert_eq!(word(r"a\ b"), Some(("a b".into(), "")));
        assert_eq!(word("  "), None);
    }

    #[test]
    fn the_help_names_each_command_with_its_letter() {
        let help = Command::help();
        assert!(help.contains("status    (\\s) Get status information from the server.\n"));
        assert!(help.contains("?         (\\?) Synonym for `help'.\n"));
    }
}
