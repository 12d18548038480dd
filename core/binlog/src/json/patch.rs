//! A document's text with changes to its parts.
//!
//! Numbers and texts stay as they are printed: a DECIMAL in a document has digits that a DOUBLE does not keep.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::MOST_DEPTH;
use super::diff::{Operation, diffs};
use super::encode::{JsonError, Parser};
use super::text::{quote, to_text};
use crate::error::Problem;

/// The most elements that the changes to one document may move: inserting an element moves those behind it. No update that MySQL logs by parts
/// comes near; it takes half a second.
const MOST_MOVED: usize = 1 << 28;

/// Why changes can't be applied to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// The text is no JSON document.
    Text(JsonError),
    /// The bytes of the changes are wrong.
    Changes(Problem),
    /// The document has no such part, or has one already: it is another one than the source's.
    Path(String),
    /// The changes move more elements than any update of MySQL's by parts does.
    TooMany,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Changes(problem) => problem.fmt(f),
            Self::Path(path) => write!(f, "the document has no place {path} for the change"),
            Self::TooMany => write!(f, "the changes move more than {MOST_MOVED} elements"),
        }
    }
}

impl core::error::Error for PatchError {}

type Result<T> = core::result::Result<T, PatchError>;

/// The text of a document, as MySQL prints it, with the changes of a [`crate::Value::JsonDiff`].
///
/// # Errors
/// The text or the changes are malformed, or the document lacks a part.
pub fn patched(text: &str, changes: &[u8]) -> Result<String> {
    let mut document = read(text)?;
    let mut moved: usize = 0;
    for change in diffs(changes) {
        let change = change.map_err(PatchError::Changes)?;
        let path = || String::from_utf8_lossy(change.path).into_owned();
        let missing = || PatchError::Path(path());
        let value = match change.value {
            None => None,
            Some(binary) => {
                let mut text = String::new();
                to_text(binary, &mut text).map_err(PatchError::Changes)?;
                Some(read(&text)?)
            }
        };
        let mut legs = legs(change.path).ok_or_else(missing)?;
        let Some(last) = legs.pop() else {
            // The whole document.
            document = value.filter(|_| change.operation == Operation::Replace).ok_or_else(missing)?;
            continue;
        };
        let mut parent = &mut document;
        for leg in &legs {
            parent = parent.child(leg).ok_or_else(missing)?;
        }
        let count = match (change.operation, value) {
            (Operation::Replace, Some(value)) => parent.child(&last).map(|old| {
                *old = value;
                0
            }),
            (Operation::Insert, Some(value)) => parent.insert(&last, value),
            (Operation::Remove, _) => parent.remove(&last),
            _ => None,
        };
        moved = moved.saturating_add(count.ok_or_else(missing)?);
        if moved > MOST_MOVED {
            return Err(PatchError::TooMany);
        }
    }
    let mut out = String::new();
    document.print(&mut out);
    Ok(out)
}

/// A document as a tree.
enum Tree {
    /// A text, a number or a word, as it is printed.
    Scalar(String),
    Array(Vec<Self>),
    /// The elements in MySQL's order: by the length of their keys, then by their bytes.
    Object(Vec<(String, Self)>),
}

/// A step of a path.
enum Leg {
    Key(String),
    Index(usize),
}

fn order(key: &str) -> (usize, &str) {
    (key.len(), key)
}

/// The index of a key, or the one where it would be.
fn place(elements: &[(String, Tree)], key: &str) -> core::result::Result<usize, usize> {
    elements.binary_search_by(|(own, _)| order(own).cmp(&order(key)))
}

impl Tree {
    fn child(&mut self, leg: &Leg) -> Option<&mut Self> {
        match (self, leg) {
            (Self::Array(elements), Leg::Index(index)) => elements.get_mut(*index),
            (Self::Object(elements), Leg::Key(key)) => {
                let at = place(elements, key).ok()?;
                elements.get_mut(at).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Inserts a member, or an element before the one with this index; behind the last one where there is none. Returns how many elements it
    /// moved; `None` where there is no place for it.
    fn insert(&mut self, leg: &Leg, value: Self) -> Option<usize> {
        match (self, leg) {
            (Self::Array(elements), Leg::Index(index)) => {
                let at = (*index).min(elements.len());
                elements.insert(at, value);
                Some(elements.len() - at)
            }
            (Self::Object(elements), Leg::Key(key)) => {
                let at = place(elements, key).err()?;
                elements.insert(at, (key.clone(), value));
                Some(elements.len() - at)
            }
            _ => None,
        }
    }

    /// Removes a member or an element. Returns how many elements it moved; `None` where there is no such one.
    fn remove(&mut self, leg: &Leg) -> Option<usize> {
        match (self, leg) {
            (Self::Array(elements), Leg::Index(index)) if *index < elements.len() => {
                drop(elements.remove(*index));
                Some(elements.len() - *index)
            }
            (Self::Object(elements), Leg::Key(key)) => {
                let at = place(elements, key).ok()?;
                drop(elements.remove(at));
                Some(elements.len() - at)
            }
            _ => None,
        }
    }

    fn print(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    element.print(out);
                }
                out.push(']');
            }
            Self::Object(elements) => {
                out.push('{');
                for (index, (key, value)) in elements.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    quote(key.as_bytes(), out);
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

/// Reads a document's text.
fn read(text: &str) -> Result<Tree> {
    let mut parser = Parser::new(text);
    let tree = value(&mut parser, 0).map_err(PatchError::Text)?;
    parser.space();
    match parser.peek() {
        None => Ok(tree),
        Some(_) => Err(PatchError::Text(parser.error("nothing may follow the document"))),
    }
}

fn value(parser: &mut Parser<'_>, depth: usize) -> core::result::Result<Tree, JsonError> {
    parser.space();
    if depth > MOST_DEPTH {
        return Err(parser.error("a document is nested 100 deep at most"));
    }
    match parser.peek() {
        Some('[') => {
            parser.take("[");
            let mut elements = Vec::new();
            parser.space();
            while !parser.take("]") {
                if !elements.is_empty() && !parser.take(",") {
                    return Err(parser.error("',' or ']' is expected"));
                }
                elements.push(value(parser, depth + 1)?);
                parser.space();
            }
            Ok(Tree::Array(elements))
        }
        Some('{') => {
            parser.take("{");
            let mut elements: Vec<(String, Tree)> = Vec::new();
            parser.space();
            while !parser.take("}") {
                if !elements.is_empty() && !parser.take(",") {
                    return Err(parser.error("',' or '}' is expected"));
                }
                parser.space();
                if parser.peek() != Some('"') {
                    return Err(parser.error("a key in quotes is expected"));
                }
                let key = parser.string()?;
                parser.space();
                if !parser.take(":") {
                    return Err(parser.error("':' is expected"));
                }
                elements.push((key, value(parser, depth + 1)?));
                parser.space();
            }
            elements.sort_by(|(left, _), (right, _)| order(left).cmp(&order(right)));
            Ok(Tree::Object(elements))
        }
        Some('"') => {
            let mut text = String::new();
            quote(parser.string()?.as_bytes(), &mut text);
            Ok(Tree::Scalar(text))
        }
        _ => {
            let before = parser.rest();
            parser.pass_scalar()?;
            let length = before.len() - parser.rest().len();
            Ok(Tree::Scalar(before.get(..length).unwrap_or_default().to_owned()))
        }
    }
}

/// The steps of a path such as `$.a[1]."b c"`; `None` where it is none.
fn legs(path: &[u8]) -> Option<Vec<Leg>> {
    let mut rest = core::str::from_utf8(path).ok()?.strip_prefix('$')?;
    let mut legs = Vec::new();
    while !rest.is_empty() {
        if let Some(index) = rest.strip_prefix('[') {
            let (digits, behind) = index.split_once(']')?;
            legs.push(Leg::Index(digits.trim().parse().ok()?));
            rest = behind;
            continue;
        }
        let key = rest.strip_prefix('.')?;
        if key.starts_with('"') {
            let mut parser = Parser::new(key);
            legs.push(Leg::Key(parser.string().ok()?));
            rest = parser.rest();
        } else {
            let end = key.find(['.', '[']).unwrap_or(key.len());
            let (name, behind) = key.split_at_checked(end)?;
            legs.push(Leg::Key(name.to_owned()));
            rest = behind;
        }
    }
    Some(legs)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec;

    use super::super::from_text;
    use super::*;

    /// Changes as MySQL writes them.
    fn changes(all: &[(u8, &str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (operation, path, value) in all {
            out.push(*operation);
            out.push(path.len() as u8);
            out.extend_from_slice(path.as_bytes());
            if *operation != 2 {
                let mut binary = Vec::new();
                from_text(value, &mut binary).unwrap();
                out.push(binary.len() as u8);
                out.extend_from_slice(&binary);
            }
        }
        out
    }

    #[test]
    fn parts_are_replaced_inserted_and_removed() {
        let text = r#"{"a": [1, 2.50, "x\"ä"], "b c": {"k": null}, "long": true}"#;
        for (all, expected) in [
            (vec![(0, "$.a[0]", "[7]")], r#"{"a": [[7], 2.50, "x\"ä"], "b c": {"k": null}, "long": true}"#),
            (vec![(1, "$.a[1]", "\"new\"")], r#"{"a": [1, "new", 2.50, "x\"ä"], "b c": {"k": null}, "long": true}"#),
            (vec![(1, "$.a[9]", "0")], r#"{"a": [1, 2.50, "x\"ä", 0], "b c": {"k": null}, "long": true}"#),
            (vec![(2, "$.a[1]", ""), (2, "$.long", "")], r#"{"a": [1, "x\"ä"], "b c": {"k": null}}"#),
            (
                vec![(1, "$.\"b c\".zz", "{}"), (1, "$.\"b c\".zz.q", "1"), (0, "$.\"b c\".k", "false")],
                r#"{"a": [1, 2.50, "x\"ä"], "b c": {"k": false, "zz": {"q": 1}}, "long": true}"#,
            ),
            (vec![(1, "$.c", "1")], r#"{"a": [1, 2.50, "x\"ä"], "c": 1, "b c": {"k": null}, "long": true}"#),
            (vec![(0, "$", "[]")], "[]"),
            (vec![], text),
        ] {
            assert_eq!(patched(text, &changes(&all)).unwrap(), expected, "{all:?}");
        }
        assert_eq!(patched(r#"{"b":1,"a":[ ]}"#, &[]).unwrap(), r#"{"a": [], "b": 1}"#);
    }

    #[test]
    fn changes_that_move_too_much_are_refused() {
        let text = format!("[{}0]", "0, ".repeat(1 << 20));
        let insert = changes(&[(1, "$[0]", "0")]);
        assert!(patched(&text, &insert.repeat(200)).is_ok());
        assert_eq!(patched(&text, &insert.repeat(300)), Err(PatchError::TooMany));
        let remove = changes(&[(2, "$[0]", "")]);
        assert_eq!(patched(&text, &remove.repeat(300)), Err(PatchError::TooMany));
        let members: Vec<String> = (0..1 << 16).map(|number| format!("\"{number}\": 0")).collect();
        let text = format!("{{{}}}", members.join(", "));
        // The key of five digits is behind nearly all others.
        let replace = changes(&[(0, "$.\"65535\"", "1")]).repeat(1 << 16);
        assert!(patched(&text, &replace).unwrap().ends_with("\"65535\": 1}"));
    }

    #[test]
    fn a_document_without_the_part_is_another_one() {
        for (text, operation, path) in [
            ("{}", 0, "$.a"),
            ("{}", 2, "$.a"),
            ("[]", 0, "$[0]"),
            ("[1]", 2, "$[1]"),
            ("{\"a\": 1}", 1, "$.a"),
            ("1", 1, "$.a"),
            ("[]", 1, "$.a"),
            ("[]", 2, "$"),
            ("[]", 1, "no path"),
            ("[]", 1, "$[x]"),
            ("[]", 1, "$.\"open"),
        ] {
            let error = patched(text, &changes(&[(operation, path, "1")])).unwrap_err();
            assert_eq!(error, PatchError::Path(path.into()), "{text} {path}");
            assert!(error.to_string().contains(path));
        }
        assert!(matches!(patched("{", &[]), Err(PatchError::Text(_))));
        assert!(matches!(patched("[]", &[9]), Err(PatchError::Changes(_))));
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(matches!(patched(&deep, &[]), Err(PatchError::Text(_))));
    }
}
