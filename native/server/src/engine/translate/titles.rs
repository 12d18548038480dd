//! Titles of result columns. MySQL's title is the text of the column's expression.

use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr};

use crate::sql::lex::{Lexer, Piece, unquote};

/// The titles of the first SELECT's items: their texts. Only items with a reserved alias get them, see [`resolve`].
pub(in crate::engine) fn of(sql: &str) -> Vec<Option<String>> {
    let mut titles = Vec::new();
    let mut depth = 0usize;
    let mut item = String::new();
    let mut started = false;
    for (piece, text) in Lexer::new(sql.as_bytes()) {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let top = depth == 0;
        match piece {
            Piece::Symbol(b'(') if !started => continue,
            Piece::Symbol(b'(') => depth += 1,
            Piece::Symbol(b')') if top => break,
            Piece::Symbol(b')') => depth -= 1,
            Piece::Symbol(b',') if top && started => {
                titles.push(title(&item));
                item.clear();
                continue;
            }
            Piece::Word if !started => {
                if !text.eq_ignore_ascii_case("SELECT") {
                    return titles;
                }
                started = true;
                continue;
            }
            Piece::Word if top && item.trim().is_empty() && is_modifier(text) => continue,
            Piece::Word if top && ends_list(text) => break,
            _ => {}
        }
        if started {
            item.push_str(text);
        }
    }
    titles.push(title(&item));
    titles
}

fn is_modifier(word: &str) -> bool {
    const WORDS: [&str; 9] = [
        "ALL",
        "DISTINCT",
        "DISTINCTROW",
        "HIGH_PRIORITY",
        "STRAIGHT_JOIN",
        "SQL_SMALL_RESULT",
        "SQL_NO_CACHE",
        "SQL_CACHE",
        "SQL_CALC_FOUND_ROWS",
    ];
    WORDS.iter().any(|modifier| word.eq_ignore_ascii_case(modifier))
}

fn ends_list(word: &str) -> bool {
    const WORDS: [&str; 10] =
        ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTO", "FOR", "PROCEDURE"];
    WORDS.iter().any(|end| word.eq_ignore_ascii_case(end))
}

/// The longest title that MySQL makes, as for all names.
const MOST_CHARACTERS: usize = 64;

fn title(item: &str) -> Option<String> {
    let item = item.trim();
    let mut pieces = Lexer::new(item.as_bytes()).filter(|(piece, _)| *piece != Piece::Space);
    let title = match (pieces.next(), pieces.next()) {
        (Some((Piece::Text, text)), None) => String::from_utf8_lossy(&unquote(text)).into_owned(),
        _ => item.to_owned(),
    };
    Some(title.chars().take(MOST_CHARACTERS).collect())
}

/// Gives each expression without an alias a reserved alias, because SQLite's own title could be a column's name.
pub(super) fn prepare(query: &mut Query) {
    let mut body = query.body.as_mut();
    loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left.as_mut(),
            SetExpr::Query(inner) => body = inner.body.as_mut(),
            SetExpr::Select(select) => {
                for (index, item) in select.projection.iter_mut().enumerate() {
                    if let SelectItem::UnnamedExpr(expr) = item
                        && !matches!(expr, Expr::CompoundIdentifier(_))
                        && !matches!(expr, Expr::Identifier(name) if !name.value.starts_with('@'))
                    {
                        let expr = std::mem::replace(
                            expr,
                            Expr::Wildcard(sqlparser::ast::helpers::attached_token::AttachedToken::empty()),
                        );
                        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('`', alias(index)) };
                    }
                }
                return;
            }
            _ => return,
        }
    }
}

/// The reserved alias of a column, which [`resolve`] replaces by its title.
fn alias(index: usize) -> String {
    format!("{ALIAS}{index}")
}

/// No user's column has this name, because names hold no control characters.
const ALIAS: &str = "\u{1}title";

/// The title of a result column: its name in SQLite, or the text behind a reserved alias.
pub(in crate::engine) fn resolve(name: &str, titles: &[Option<String>]) -> String {
    let Some(index) = name.strip_prefix(ALIAS).and_then(|index| index.parse::<usize>().ok()) else {
        return name.to_owned();
    };
    titles.get(index).cloned().flatten().unwrap_or_else(|| name.trim_start_matches('\u{1}').to_owned())
}
