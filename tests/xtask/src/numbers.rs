//! Options with a number, of the commands that take nothing else.

/// Reads the options of `cargo xtask COMMAND` into the values of those that it knows.
///
/// # Errors
/// A sentence that names the option, and the ones that the command knows.
pub(crate) fn read(command: &str, words: &[&str], known: &mut [(&str, u64)]) -> Result<(), String> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("{name} N")).collect();
        let Some((_, value)) = known.iter_mut().find(|(name, _)| name == word) else {
            return Err(format!("cargo xtask {command} knows {}, not '{word}'", names.join(" and ")));
        };
        let text = rest.next().ok_or_else(|| format!("{word} wants a number"))?;
        let number = text.parse().ok().filter(|number| *number > 0);
        *value = number.ok_or_else(|| format!("{word} wants a number, not '{text}'"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_refused() {
        let read = |words: &[&str]| {
            let mut known = [("--seed", 1), ("--minutes", 10)];
            read("misuse", words, &mut known).map(|()| known.map(|(_, value)| value))
        };
        assert_eq!(read(&[]), Ok([1, 10]));
        assert_eq!(read(&["--minutes", "1", "--seed", "9"]), Ok([9, 1]));
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&["--fast"]).unwrap_err().contains("knows --seed N and --minutes N, not '--fast'"));
    }
}
