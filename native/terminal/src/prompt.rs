//! Expands the prompt's placeholders: `\d` is the database, `\u` the user.

use sealwire_core::printable;

use super::session::Session;
use sealwire::Address;

/// The prompt with all placeholders expanded. `counter` is the prompt's number.
pub(crate) fn render(template: &str, session: &Session, counter: usize) -> String {
    let connector = session.connector();
    let connected = session.client().map(|client| client.facts());
    let value = |letter| match letter {
        'c' => Some(counter.to_string()),
        'C' => Some(connected.map_or_else(String::new, |facts| facts.connection_id.to_string())),
        'd' => Some(session.database().unwrap_or("(none)").to_owned()),
        'h' => Some(match (connected, connector.address()) {
            (None, _) => "not_connected".to_owned(),
            (_, Address::Tcp { host, .. }) => host.clone(),
            (_, Address::Unix(_)) => "localhost".to_owned(),
        }),
        'p' => Some(match connector.address() {
            Address::Tcp { port, .. } => port.to_string(),
            Address::Unix(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }),
        'u' | 'U' => Some(connector.user().to_owned()),
        'v' => Some(connected.map_or("not_connected", |facts| facts.server_version.as_str()).to_owned()),
        'l' => Some(String::from_utf8_lossy(session.splitter().delimiter()).into_owned()),
        'S' => Some(";".to_owned()),
        _ => None,
    };
    // Control characters are escaped, because the server chooses its version text and the database names, and the prompt goes to the
    // terminal.
    fill(template, |letter| Some(printable::line(&value(letter)?).into_owned()))
}

fn fill(template: &str, value: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::new();
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('_' | ' ') => out.push(' '),
            Some(letter) => match value(letter) {
                Some(text) => out.push_str(&text),
                None => out.push(letter),
            },
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn letters_after_a_backslash_are_filled_in() {
        let value = |letter| (letter == 'd').then(|| "test".to_owned());
        assert_eq!(fill(r"[\d]>\_", value), "[test]> ");
        assert_eq!(fill(r"a\\b\'\", value), r"a\b'");
    }
}
