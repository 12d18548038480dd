//! The binary form of a JSON text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::Chars;

use sealwire_core::wire::Put as _;

use super::MOST_DEPTH;
use super::binary::{
    DOUBLE, INT16, INT32, INT64, LARGE_ARRAY, LARGE_OBJECT, LITERAL, SMALL_ARRAY, SMALL_OBJECT, STRING, UINT64,
};

/// A text that is no JSON document which MySQL could store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// The index of the byte at which the wrong part begins.
    pub at: usize,
    /// The rule that is broken.
    pub rule: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {} of the JSON text: {}", self.at + 1, self.rule)
    }
}

impl core::error::Error for JsonError {}

type Result<T> = core::result::Result<T, JsonError>;

/// Appends the binary form of a JSON text. Of elements with the same key the last one stays, as in MySQL.
pub fn from_text(text: &str, out: &mut Vec<u8>) -> Result<()> {
    let mut parser = Parser::new(text);
    let tree = parser.value(0)?;
    parser.space();
    if parser.peek().is_some() {
        return Err(parser.error("nothing may follow the document"));
    }
    let kind_at = out.len();
    out.put_u8(0);
    let (kind, written) = tree.put(true, out);
    if !written {
        return Err(JsonError { at: 0, rule: "a document has less than 4 GiB" });
    }
    if let Some(place) = out.get_mut(kind_at) {
        *place = kind;
    }
    Ok(())
}

/// A document as a tree.
enum Tree {
    Literal(u8),
    Int(i64),
    UInt(u64),
    Double(f64),
    String(String),
    Array(Vec<Self>),
    /// The elements in MySQL's order: by the length of their keys, then by their bytes.
    Object(Vec<(String, Self)>),
}

pub(super) struct Parser<'t> {
    whole: &'t str,
    rest: Chars<'t>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { whole: text, rest: text.chars() }
    }

    /// The text that is not read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.rest.as_str()
    }

    pub(super) fn error(&self, rule: &'static str) -> JsonError {
        JsonError { at: self.whole.len() - self.rest.as_str().len(), rule }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    pub(super) fn take(&mut self, wanted: &str) -> bool {
        match self.rest.as_str().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.chars();
                true
            }
            None => false,
        }
    }

    pub(super) fn space(&mut self) {
        self.rest = self.rest.as_str().trim_start_matches([' ', '\t', '\r', '\n']).chars();
    }

    /// Passes over a number, `null`, `true` or `false`.
    pub(super) fn pass_scalar(&mut self) -> Result<()> {
        self.value(0).map(drop)
    }

    fn value(&mut self, depth: usize) -> Result<Tree> {
        self.space();
        if depth > MOST_DEPTH {
            return Err(self.error("a document is nested 100 deep at most"));
        }
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.string().map(Tree::String),
            Some('-' | '0'..='9') => self.number(),
            _ if self.take("null") => Ok(Tree::Literal(0)),
            _ if self.take("true") => Ok(Tree::Literal(1)),
            _ if self.take("false") => Ok(Tree::Literal(2)),
            _ => Err(self.error("a value is expected")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Tree> {
        let mut elements = Vec::new();
        self.rest.next();
        self.space();
        while !self.take("]") {
            if !elements.is_empty() && !self.take(",") {
                return Err(self.error("',' or ']' is expected"));
            }
            elements.push(self.value(depth + 1)?);
            self.space();
        }
        Ok(Tree::Array(elements))
    }

    fn object(&mut self, depth: usize) -> Result<Tree> {
        let mut elements: Vec<(String, Tree)> = Vec::new();
        self.rest.next();
        self.space();
        while !self.take("}") {
            if !elements.is_empty() {
                if !self.take(",") {
                    return Err(self.error("',' or '}' is expected"));
                }
                self.space();
            }
            if self.peek() != Some('"') {
                return Err(self.error("a key in quotes is expected"));
            }
            let key = self.string()?;
            if key.len() > usize::from(u16::MAX) {
                return Err(self.error("a key has less than 64 KiB"));
            }
            self.space();
            if !self.take(":") {
                return Err(self.error("':' is expected"));
            }
            elements.push((key, self.value(depth + 1)?));
            self.space();
        }
        // The sort is stable, so the last of several elements with a key comes first here.
        elements.reverse();
        elements.sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
        elements.dedup_by(|(later, _), (kept, _)| later == kept);
        Ok(Tree::Object(elements))
    }

    pub(super) fn string(&mut self) -> Result<String> {
        let mut text = String::new();
        self.rest.next();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(control) if control < ' ' => return Err(self.error("a control character must be escaped")),
                Some(character) => text.push(character),
                None => return Err(self.error("a text ends with '\"'")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        Ok(match self.rest.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hex()?;
                let code = match first {
                    0xd800..0xdc00 if self.take("\\u") => {
                        let second = self.hex()?;
                        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                        let low = low.ok_or_else(|| self.error("the second half of a surrogate pair is expected"))?;
                        0x1_0000 + ((first - 0xd800) << 10) + low
                    }
                    other => other,
                };
                char::from_u32(code).ok_or_else(|| self.error("half a surrogate pair is no character"))?
            }
            _ => return Err(self.error("no such escape")),
        })
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.rest.next().and_then(|digit| digit.to_digit(16));
            code = code << 4 | digit.ok_or_else(|| self.error("four hexadecimal digits are expected"))?;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Tree> {
        let text = self.rest.as_str();
        let is_part = |character: char| matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
        let (number, rest) =
            text.split_at_checked(text.find(|c| !is_part(c)).unwrap_or(text.len())).unwrap_or_default();
        let digits = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let has_zeros = whole.len() > 1 && whole.starts_with('0');
        if has_zeros || ![whole, fraction, exponent].into_iter().all(are_digits) {
            return Err(self.error("a number is expected"));
        }
        let tree = if digits != whole {
            None
        } else if let Ok(value) = number.parse::<i64>()
            && value <= i64::from(u32::MAX)
        {
            Some(Tree::Int(value))
        } else {
            number.parse::<u64>().ok().map(Tree::UInt)
        };
        let double = || number.parse::<f64>().ok().filter(|value| value.is_finite()).map(Tree::Double);
        let tree = tree.or_else(double).ok_or_else(|| self.error("the number is out of range"))?;
        self.rest = rest.chars();
        Ok(tree)
    }
}

impl Tree {
    /// Appends the value, and returns its type and whether it fits. `may_be_large` says whether the container around it has offsets of four
    /// bytes: within one of two bytes a value that needs four can't fit, and to try would take exponential time.
    fn put(&self, may_be_large: bool, out: &mut Vec<u8>) -> (u8, bool) {
        match self {
            Self::Literal(number) => out.put_u8(*number),
            Self::Int(value) => match i16::try_from(*value) {
                Ok(value) => out.put(&value.to_le_bytes()),
                Err(_) => match i32::try_from(*value) {
                    Ok(value) => out.put(&value.to_le_bytes()),
                    Err(_) => out.put(&value.to_le_bytes()),
                },
            },
            Self::UInt(value) => out.put_u64(*value),
            Self::Double(value) => out.put_u64(value.to_bits()),
            Self::String(text) => {
                put_length(text.len(), out);
                out.put(text.as_bytes());
            }
            Self::Array(elements) => {
                let keys = core::iter::repeat_n("", elements.len());
                return container(keys.zip(elements), false, may_be_large, out);
            }
            Self::Object(elements) => {
                return container(elements.iter().map(|(key, value)| (key.as_str(), value)), true, may_be_large, out);
            }
        }
        (self.kind(), true)
    }

    /// The type of a value that is no container.
    fn kind(&self) -> u8 {
        match self {
            Self::Literal(_) => LITERAL,
            Self::Int(value) if i16::try_from(*value).is_ok() => INT16,
            Self::Int(value) if i32::try_from(*value).is_ok() => INT32,
            Self::Int(_) => INT64,
            Self::UInt(_) => UINT64,
            Self::Double(_) => DOUBLE,
            Self::String(_) => STRING,
            Self::Array(_) => SMALL_ARRAY,
            Self::Object(_) => SMALL_OBJECT,
        }
    }
}

/// Appends a container, with offsets of two bytes if they suffice, else of four.
fn container<'t>(
    elements: impl ExactSizeIterator<Item = (&'t str, &'t Tree)> + Clone,
    is_object: bool,
    may_be_large: bool,
    out: &mut Vec<u8>,
) -> (u8, bool) {
    let start = out.len();
    if sized(elements.clone(), is_object, false, out) {
        return (if is_object { SMALL_OBJECT } else { SMALL_ARRAY }, true);
    }
    if !may_be_large {
        return (if is_object { LARGE_OBJECT } else { LARGE_ARRAY }, false);
    }
    out.truncate(start);
    let fits = sized(elements, is_object, true, out);
    (if is_object { LARGE_OBJECT } else { LARGE_ARRAY }, fits)
}

fn sized<'t>(
    elements: impl ExactSizeIterator<Item = (&'t str, &'t Tree)> + Clone,
    is_object: bool,
    is_large: bool,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    let width = if is_large { 4 } else { 2 };
    let most = if is_large { u32::MAX as usize } else { usize::from(u16::MAX) };
    let count = elements.len();
    let entries = 2 * width + count * (1 + width + if is_object { width + 2 } else { 0 });
    if entries > most {
        return false;
    }
    out.resize(start + entries, 0);
    put_at(out, start, count, width);
    let mut at = start + 2 * width;
    if is_object {
        for (key, _) in elements.clone() {
            let offset = out.len() - start;
            put_at(out, at, offset, width);
            put_at(out, at + width, key.len(), 2);
            at += width + 2;
            out.put(key.as_bytes());
        }
    }
    for (_, element) in elements {
        let offset = out.len() - start;
        let (kind, fits) = element.put(is_large, out);
        let is_inline = matches!(kind, LITERAL | INT16) || (is_large && kind == INT32);
        put_at(out, at, usize::from(kind), 1);
        if is_inline {
            // The value moves into the place of its offset.
            let value: Vec<u8> = out.drain(start + offset..).collect();
            for (index, byte) in value.iter().enumerate() {
                put_at(out, at + 1 + index, usize::from(*byte), 1);
            }
        } else {
            put_at(out, at + 1, offset, width);
        }
        at += 1 + width;
        if !fits || out.len() - start > most {
            return false;
        }
    }
    let size = out.len() - start;
    put_at(out, start + width, size, width);
    size <= most
}

/// Overwrites bytes with a number, little-endian.
fn put_at(out: &mut [u8], at: usize, number: usize, width: usize) {
    let bytes = (number as u64).to_le_bytes();
    out.iter_mut().skip(at).zip(bytes).take(width).for_each(|(place, byte)| *place = byte);
}

/// A length of seven bits in each byte, the lowest first.
fn put_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.put_u8(length as u8 & 0x7f | 0x80);
        length >>= 7;
    }
    out.put_u8(length as u8);
}

#[cfg(test)]
mod tests {
    use super::super::to_text;
    use super::*;
    use std::format;

    fn there_and_back(text: &str) -> String {
        let (mut binary, mut back) = (Vec::new(), String::new());
        from_text(text, &mut binary).unwrap();
        to_text(&binary, &mut back).unwrap();
        back
    }

    #[test]
    fn a_document_comes_back_as_mysql_prints_it() {
        for (text, printed) in [
            ("null", "null"),
            (
                "[1,-2, 40000, 3000000000, 18446744073709551615, 1.5, -0.25, 1e20]",
                "[1, -2, 40000, 3000000000, 18446744073709551615, 1.5, -0.25, 1e20]",
            ),
            ("{\"bb\":1, \"a\": [true,false,null,{}], \"a\":[]}", "{\"a\": [], \"bb\": 1}"),
            (r#""\u00e4\ud83d\ude00\n\"\\\/\u0001""#, "\"ä😀\\n\\\"\\\\/\\u0001\""),
            ("  {\"\" : \"\"} ", "{\"\": \"\"}"),
        ] {
            assert_eq!(there_and_back(text), printed);
        }
        let long = format!("[{}]", std::vec![format!("\"{}\"", "x".repeat(300)); 300].join(", "));
        assert_eq!(there_and_back(&long), long, "offsets of four bytes");
    }

    #[test]
    fn the_bytes_are_mysqls() {
        let mut binary = Vec::new();
        from_text(r#"{"a":1}"#, &mut binary).unwrap();
        assert_eq!(binary, [0, 1, 0, 12, 0, 11, 0, 1, 0, 5, 1, 0, b'a']);
        binary.clear();
        from_text(r#"["x", true]"#, &mut binary).unwrap();
        assert_eq!(binary, [2, 2, 0, 12, 0, 12, 10, 0, 4, 1, 0, 1, b'x']);
    }

    #[test]
    fn a_text_that_is_no_document_is_refused() {
        for text in [
            "",
            "[1",
            "[1 2]",
            "{a:1}",
            "{\"a\" 1}",
            "01",
            "1.",
            "-",
            "1e999",
            "\"\\x\"",
            "\"\\ud800\"",
            "nul",
            "1 2",
            "\"a",
            "[,]",
        ] {
            assert!(from_text(text, &mut Vec::new()).is_err(), "{text}");
        }
        let deep = "[".repeat(102) + &"]".repeat(102);
        assert!(from_text(&deep, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_large_document_that_is_nested_deep_takes_linear_time() {
        let text = "[".repeat(99) + "\"" + &"x".repeat(70_000) + "\"" + &"]".repeat(99);
        assert_eq!(there_and_back(&text), text);
    }

    #[test]
    fn parts_that_overlap_are_refused() {
        // An array of two elements that are the same array of two elements that …, which would be printed 2²⁰ times.
        let mut document = std::vec![SMALL_ARRAY];
        for level in (0..20_u16).rev() {
            let size = 10 * (level + 1);
            document.extend([2, 0]);
            document.extend(size.to_le_bytes());
            for _ in 0..2 {
                document.push(if level == 0 { LITERAL } else { SMALL_ARRAY });
                document.extend(if level == 0 { [0, 0] } else { [10, 0] });
            }
        }
        let mut text = String::new();
        let refused = to_text(&document, &mut text);
        assert_eq!(refused, Err(crate::Problem::Malformed("a JSON document whose parts overlap")));
        assert!(text.len() < 2000);
    }
}
