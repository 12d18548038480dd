//! MariaDB's IF EXISTS and IF NOT EXISTS within ALTER TABLE, which the parser does not know, and DROP KEY, which it takes for a column.
//!
//! Source: MariaDB's documentation, "ALTER TABLE".

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The words that may stand before the condition of an operation.
const BEFORE: [&str; 7] = ["ADD", "COLUMN", "INDEX", "KEY", "UNIQUE", "DROP", "RENAME"];

/// Takes the conditions out of the operations of an ALTER TABLE, and writes DROP INDEX for DROP KEY; returns the numbers of the operations
/// that had conditions.
pub(super) fn take(tokens: &mut Vec<TokenWithSpan>) -> Vec<usize> {
    let words: Vec<usize> = (0..tokens.len()).filter(|&at| !is_space(tokens, at)).collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|&at| is_word(tokens, at, word));
    if !is(0, "ALTER") || !is(1, "TABLE") {
        return Vec::new();
    }
    let (mut conditional, mut taken, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut depth, mut operation) = (0_usize, 0);
    let mut at = behind_name(tokens, &words, if is(2, "IF") && is(3, "EXISTS") { 4 } else { 2 });
    let mut may_follow = true;
    while let Some(token) = words.get(at).and_then(|&at| tokens.get(at)) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => {
                (operation, may_follow) = (operation + 1, true);
                at += 1;
                continue;
            }
            _ => {}
        }
        let length = match () {
            () if is(at, "IF") && is(at + 1, "EXISTS") => 2,
            () if is(at, "IF") && is(at + 1, "NOT") && is(at + 2, "EXISTS") => 3,
            () => 0,
        };
        if may_follow && length > 0 {
            conditional.push(operation);
            taken.extend(words.iter().skip(at).take(length).copied());
            may_follow = false;
        }
        if may_follow && is(at, "KEY") && is(at.saturating_sub(1), "DROP") {
            keys.extend(words.get(at).copied());
        }
        may_follow &= BEFORE.iter().any(|word| is(at, word));
        at += length.max(1);
    }
    for key in keys {
        if let Some(key) = tokens.get_mut(key) {
            key.token = Token::make_keyword("INDEX");
        }
    }
    for index in taken.into_iter().rev() {
        tokens.remove(index);
    }
    conditional
}

fn is_space(tokens: &[TokenWithSpan], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| matches!(token.token, Token::Whitespace(_)))
}

fn is_word(tokens: &[TokenWithSpan], at: usize, word: &str) -> bool {
    let Some(Token::Word(found)) = tokens.get(at).map(|token| &token.token) else { return false };
    found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word)
}

/// The number of the word behind a table's name, which may have its database before it.
fn behind_name(tokens: &[TokenWithSpan], words: &[usize], at: usize) -> usize {
    let has_database =
        words.get(at + 1).and_then(|&at| tokens.get(at)).is_some_and(|token| token.token == Token::Period);
    if has_database { at + 3 } else { at + 1 }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::MySqlDialect;
    use sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn taken(sql: &str) -> (Vec<usize>, String) {
        let mut tokens = Tokenizer::new(&MySqlDialect {}, sql).tokenize_with_location().unwrap();
        let conditional = take(&mut tokens);
        let text: String = tokens.iter().map(|token| token.token.to_string()).collect();
        (conditional, text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn conditions_are_taken_from_where_mariadb_has_them() {
        for (sql, conditional, left) in [
            ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT", &[0][..], "ALTER TABLE t ADD COLUMN a INT"),
            ("alter table d.t add if not exists a int", &[0], "alter table d.t add a int"),
            (
                "ALTER TABLE `if` DROP COLUMN IF EXISTS a, ADD b INT DEFAULT (IF(1, 2, 3)), DROP KEY /* x */ IF EXISTS i",
                &[0, 2],
                "ALTER TABLE `if` DROP COLUMN a, ADD b INT DEFAULT (IF(1, 2, 3)), DROP INDEX /* x */ i",
            ),
            ("ALTER TABLE t DROP KEY k, ADD KEY k (a)", &[], "ALTER TABLE t DROP INDEX k, ADD KEY k (a)"),
            ("ALTER TABLE t DROP `KEY`", &[], "ALTER TABLE t DROP `KEY`"),
            ("ALTER TABLE t ADD UNIQUE INDEX IF NOT EXISTS u (a)", &[0], "ALTER TABLE t ADD UNIQUE INDEX u (a)"),
            ("ALTER TABLE IF EXISTS t DROP a", &[], "ALTER TABLE IF EXISTS t DROP a"),
            ("ALTER TABLE t DROP `IF` EXISTS", &[], "ALTER TABLE t DROP `IF` EXISTS"),
            ("ALTER TABLE t ADD a INT IF NOT EXISTS", &[], "ALTER TABLE t ADD a INT IF NOT EXISTS"),
            ("ALTER TABLE t ADD IF", &[], "ALTER TABLE t ADD IF"),
            ("ALTER TABLE", &[], "ALTER TABLE"),
            ("CREATE TABLE IF NOT EXISTS t (a INT)", &[], "CREATE TABLE IF NOT EXISTS t (a INT)"),
        ] {
            assert_eq!(taken(sql), (conditional.to_vec(), left.to_owned()), "{sql}");
        }
    }
}
