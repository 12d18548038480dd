//! One SQL value, owned.

use std::borrow::Cow;

use sealwire_core::message::Value;

/// A value of an expression, a variable or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum {
    /// NULL.
    Null,
    /// A signed whole number.
    Int(i64),
    /// An unsigned whole number.
    UInt(u64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Datum {
    /// The value in the text protocol; `None` for NULL.
    pub(crate) fn as_bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(match self {
            Self::Null => return None,
            Self::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::UInt(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Real(number) => Cow::Owned(Value::Double(*number).to_string().into_bytes()),
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Blob(bytes) => Cow::Borrowed(bytes),
        })
    }

    /// About how many bytes of memory the value takes.
    pub(crate) fn held_bytes(&self) -> usize {
        let outside = match self {
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        size_of::<Self>() + outside
    }

    /// The value as text; NULL becomes the empty text.
    pub(crate) fn to_text(&self) -> String {
        self.as_bytes().map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The value as a number; as in MySQL, a text becomes the number at its front.
    pub(crate) fn to_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Int(number) => *number as f64,
            Self::UInt(number) => *number as f64,
            Self::Real(number) => *number,
            Self::Text(text) => leading_number(text),
            Self::Blob(bytes) => leading_number(&String::from_utf8_lossy(bytes)),
        }
    }

    /// The value for the wire.
    pub(crate) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::UInt(number) => Value::UInt(*number),
            Self::Real(number) => Value::Double(*number),
            Self::Text(text) => Value::Bytes(text.as_bytes()),
            Self::Blob(bytes) => Value::Bytes(bytes),
        }
    }
}

/// The number at the front of a text, found in a single pass.
fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied().unwrap_or_default();
    let sign = |at: usize| at + usize::from(matches!(byte(at), b'+' | b'-'));
    let mut end = digits(sign(0));
    if byte(end) == b'.' {
        end = digits(end + 1);
    }
    if matches!(byte(end), b'e' | b'E') {
        let exponent = sign(end + 1);
        end = if digits(exponent) > exponent { digits(exponent) } else { end };
    }
    text.get(..end).and_then(|front| front.parse().ok()).unwrap_or(0.0)
}

/// A text as a datum.
pub(crate) fn text<T: Into<String>>(value: T) -> Datum {
    Datum::Text(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_a_text_is_its_number() {
        for (text, number) in [
            ("12abc", 12.0),
            (" -1.5e", -1.5),
            ("abc", 0.0),
            ("", 0.0),
            ("1e3x", 1000.0),
            ("1e+", 1.0),
            ("-.5.5", -0.5),
            ("+", 0.0),
            (".", 0.0),
            ("5.", 5.0),
            ("1++", 1.0),
        ] {
            assert_eq!(Datum::Text(text.into()).to_number(), number, "{text}");
        }
        // Each megabyte must be read once, not once for each of the others.
        let long = format!("{}{}", "1".repeat(1 << 20), "e".repeat(1 << 20));
        assert_eq!(Datum::Text(long).to_number(), f64::INFINITY);
    }
}
