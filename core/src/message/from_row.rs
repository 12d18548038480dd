//! Converts rows to Rust types. The conversion allocates only for types that own their data.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{BinaryRow, BinaryValues, TextRow, TextValues, Value};
use crate::wire;

/// The error of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadError {
    /// The number of the column, from 1; 0 stands for the row as a whole.
    pub column: usize,
    /// The problem in that column.
    pub problem: ReadProblem,
}

/// The reason why a value can't be converted to a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadProblem {
    /// The value is NULL, which the type can't represent.
    Null,
    /// The value is not one of the type with this name.
    NotA(&'static str),
    /// The row has fewer columns than the type.
    TooFewColumns,
    /// The row has more columns than the type.
    TooManyColumns,
    /// The packet is malformed.
    Malformed(wire::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column;
        match self.problem {
            ReadProblem::Null => write!(f, "column {column} is NULL: read it into an Option"),
            ReadProblem::NotA(name) => write!(f, "column {column} holds no {name}"),
            ReadProblem::TooFewColumns => write!(f, "the row ends before column {column}"),
            ReadProblem::TooManyColumns => {
                write!(f, "the row has more than {column} columns: read all, or select fewer")
            }
            ReadProblem::Malformed(error) => write!(f, "column {column}: {error}"),
        }
    }
}

impl core::error::Error for ReadError {}

/// A type to which one field of a text row or binary row can be converted.
pub trait FromField<'a>: Sized {
    /// Converts the text of a field that is not NULL.
    ///
    /// # Errors
    /// `NotA` if the text is not a value of the type.
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem>;

    /// Converts a binary value that is not NULL.
    ///
    /// # Errors
    /// `NotA` if the value does not fit the type.
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem>;

    /// Converts NULL.
    ///
    /// # Errors
    /// `Null`, except for `Option`.
    fn from_null() -> Result<Self, ReadProblem> {
        Err(ReadProblem::Null)
    }
}

impl<'a, T: FromField<'a>> FromField<'a> for Option<T> {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        T::from_text(text).map(Some)
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        T::from_value(value).map(Some)
    }

    #[inline]
    fn from_null() -> Result<Self, ReadProblem> {
        Ok(None)
    }
}

impl<'a> FromField<'a> for &'a [u8] {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        Ok(text)
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(ReadProblem::NotA("bytes")),
        }
    }
}

impl<'a> FromField<'a> for &'a str {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        core::str::from_utf8(text).map_err(|_| ReadProblem::NotA("UTF-8 text"))
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        match value {
            Value::Bytes(bytes) => Self::from_text(bytes),
            _ => Err(ReadProblem::NotA("UTF-8 text")),
        }
    }
}

impl<'a> FromField<'a> for String {
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        <&str>::from_text(text).map(Self::from)
    }

    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        <&str>::from_value(value).map(Self::from)
    }
}

impl<'a> FromField<'a> for Vec<u8> {
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        Ok(text.to_vec())
    }

    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        <&[u8]>::from_value(value).map(Self::from)
    }
}

fn parse<T: FromStr>(text: &[u8], name: &'static str) -> Result<T, ReadProblem> {
    core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(ReadProblem::NotA(name))
}

/// Parses a decimal number: whether it is negative, the value of its digits, and the number of digits after the point. `None` for every
/// other form, and for more digits than always fit a `u64`.
#[inline]
fn digits(text: &[u8]) -> Option<(bool, u64, usize)> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if unsigned.is_empty() || unsigned.len() > MOST_DIGITS {
        return None;
    }
    let mut value = 0;
    for (at, byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' => {
                let fraction = unsigned.get(at + 1..).filter(|_| at > 0)?;
                for byte in fraction {
                    let digit = byte.wrapping_sub(b'0');
                    if digit > 9 {
                        return None;
                    }
                    value = value * 10 + u64::from(digit);
                }
                return (!fraction.is_empty()).then_some((is_negative, value, fraction.len()));
            }
            _ => return None,
        }
    }
    Some((is_negative, value, 0))
}

/// Numbers with at most this many digits fit a `u64`.
const MOST_DIGITS: usize = 19;
/// Every integer up to this one is exact as `f64`.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
/// Powers of ten that are exact as `f64`.
const TENS: [f64; 20] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];

/// Parses a number with few digits as a quotient of two exact numbers, because that division is rounded correctly. `None` if the number has
/// too many digits.
#[inline]
fn short_float(text: &[u8]) -> Option<f64> {
    let (is_negative, value, decimals) = digits(text)?;
    let power = TENS.get(decimals).filter(|_| value <= EXACT)?;
    let number = value as f64 / power;
    Some(if is_negative { -number } else { number })
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl<'a> FromField<'a> for $type {
            #[inline]
            fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
                let short = match digits(text) {
                    Some((false, value, 0)) => Self::try_from(value).ok(),
                    Some((true, value, 0)) if Self::MIN != 0 => 0i64.checked_sub_unsigned(value).and_then(|value| Self::try_from(value).ok()),
                    _ => None,
                };
                short.map_or_else(|| parse(text, stringify!($type)), Ok)
            }

            #[inline]
            fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
                let fits = match value {
                    Value::Int(number) => Self::try_from(number).ok(),
                    Value::UInt(number) => Self::try_from(number).ok(),
                    _ => None,
                };
                fits.ok_or(ReadProblem::NotA(stringify!($type)))
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 u8 u16 u32 u64);

impl<'a> FromField<'a> for f64 {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        short_float(text).map_or_else(|| parse(text, "f64"), Ok)
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        match value {
            Value::Double(number) => Ok(number),
            Value::Float(number) => Ok(Self::from(number)),
            // Binary rows have DECIMAL as text, too.
            Value::Bytes(text) => Self::from_text(text),
            _ => Err(ReadProblem::NotA("f64")),
        }
    }
}

impl<'a> FromField<'a> for f32 {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        parse(text, "f32")
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        match value {
            Value::Float(number) => Ok(number),
            _ => Err(ReadProblem::NotA("f32")),
        }
    }
}

impl<'a> FromField<'a> for bool {
    #[inline]
    fn from_text(text: &'a [u8]) -> Result<Self, ReadProblem> {
        i64::from_text(text).map(|number| number != 0).map_err(|_| ReadProblem::NotA("bool"))
    }

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, ReadProblem> {
        i64::from_value(value).map(|number| number != 0).map_err(|_| ReadProblem::NotA("bool"))
    }
}

/// The fields of a row, to be read in order.
pub trait Fields<'a> {
    /// Converts the next field to the requested type.
    ///
    /// # Errors
    /// If there is no further field or the value does not fit.
    fn next_field<T: FromField<'a>>(&mut self) -> Result<T, ReadError>;
}

/// An iterator over a row's values that counts them.
struct Counted<I> {
    values: I,
    column: usize,
}

impl<I: Iterator> Counted<I> {
    #[inline]
    fn read<'a, T: FromRow<'a>>(values: I) -> Result<T, ReadError>
    where
        Self: Fields<'a>,
    {
        let mut fields = Self { values, column: 0 };
        let row = T::from_fields(&mut fields)?;
        match fields.values.next() {
            None => Ok(row),
            Some(_) => Err(ReadError { column: fields.column, problem: ReadProblem::TooManyColumns }),
        }
    }

    #[inline]
    fn next_with<V, T>(&mut self, read: impl FnOnce(V) -> Result<T, ReadProblem>) -> Result<T, ReadError>
    where
        I: Iterator<Item = wire::Result<V>>,
    {
        self.column += 1;
        let field = match self.values.next() {
            Some(Ok(value)) => read(value),
            Some(Err(error)) => Err(ReadProblem::Malformed(error)),
            None => Err(ReadProblem::TooFewColumns),
        };
        field.map_err(|problem| ReadError { column: self.column, problem })
    }
}

impl<'a> Fields<'a> for Counted<TextValues<'a>> {
    #[inline]
    fn next_field<T: FromField<'a>>(&mut self) -> Result<T, ReadError> {
        self.next_with(|text| text.map_or_else(T::from_null, T::from_text))
    }
}

impl<'a> Fields<'a> for Counted<BinaryValues<'a>> {
    #[inline]
    fn next_field<T: FromField<'a>>(&mut self) -> Result<T, ReadError> {
        self.next_with(|value| if value == Value::Null { T::from_null() } else { T::from_value(value) })
    }
}

/// A type to which a whole row can be converted: a tuple of up to eight fields, or a type of the application.
pub trait FromRow<'a>: Sized {
    /// Converts the fields in order.
    ///
    /// # Errors
    /// The error of the first field that does not fit.
    fn from_fields(fields: &mut impl Fields<'a>) -> Result<Self, ReadError>;
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<'a, $($name: FromField<'a>),+> FromRow<'a> for ($($name,)+) {
            #[inline]
            fn from_fields(fields: &mut impl Fields<'a>) -> Result<Self, ReadError> {
                Ok(($(fields.next_field::<$name>()?,)+))
            }
        }
    )*};
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }

impl<'a> TextRow<'a> {
    /// Converts the row, with all its columns, to a tuple or a type of the application.
    ///
    /// # Errors
    /// If a field does not fit, or if the number of columns differs.
    #[inline]
    pub fn read<T: FromRow<'a>>(&self) -> Result<T, ReadError> {
        Counted::read(self.iter())
    }
}

impl<'a> BinaryRow<'a> {
    /// As [`TextRow::read`].
    ///
    /// # Errors
    /// As [`TextRow::read`].
    #[inline]
    pub fn read<T: FromRow<'a>>(&self) -> Result<T, ReadError> {
        Counted::read(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::for_many_seeds;
    use super::super::{ColumnDefinition, ColumnType, encode_binary_row, encode_text_row};
    use super::*;
    use alloc::format;

    #[test]
    fn both_forms_of_a_row_read_alike() {
        let mut text = Vec::new();
        encode_text_row([Some(&b"-7"[..]), Some("Grüße".as_bytes()), Some(b"2.5"), None], &mut text);
        let types = [ColumnType::LONG, ColumnType::VAR_STRING, ColumnType::DOUBLE, ColumnType::LONGLONG];
        let columns = types.map(|kind| ColumnDefinition::new("c", kind));
        let values = [Value::Int(-7), Value::Bytes("Grüße".as_bytes()), Value::Double(2.5), Value::Null];
        let mut binary = Vec::new();
        encode_binary_row(&columns, &values, &mut binary);
        type Row<'a> = (i32, &'a str, f64, Option<u64>);
        let expected: Row<'_> = (-7, "Grüße", 2.5, None);
        assert_eq!(TextRow::new(&text).read::<Row<'_>>(), Ok(expected));
        assert_eq!(BinaryRow::new(&binary, &columns).unwrap().read::<Row<'_>>(), Ok(expected));
    }

    #[test]
    fn numbers_read_as_the_standard_library_reads_them() {
        let odd = [
            "",
            "-",
            ".",
            "-.",
            "1.",
            ".5",
            "-.5",
            "+7",
            "--1",
            "1-",
            "0",
            "-0",
            "-0.0",
            "00012",
            "1e3",
            "1E-5",
            "nan",
            "inf",
            " 1",
            "1 ",
            "1.2.3",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999",
            "0.1",
            "123456789012345.6",
            "0.00000000000000000001",
            "1.7976931348623157e308",
            "5e-324",
            "1\u{0665}",
            "128",
            "-128",
            "-129",
            "255",
            "256",
        ];
        let check = |text: &str| {
            let bytes = text.as_bytes();
            let bits = |number: Option<f64>| number.map(f64::to_bits);
            assert_eq!(bits(f64::from_text(bytes).ok()), bits(text.parse().ok()), "{text:?}");
            assert_eq!(i64::from_text(bytes).ok(), text.parse().ok(), "{text:?}");
            assert_eq!(u64::from_text(bytes).ok(), text.parse().ok(), "{text:?}");
            assert_eq!(i8::from_text(bytes).ok(), text.parse().ok(), "{text:?}");
            assert_eq!(u8::from_text(bytes).ok(), text.parse().ok(), "{text:?}");
        };
        odd.into_iter().for_each(check);
        for_many_seeds(|random, _| {
            let (number, decimals) = (random.number(), random.below(24) as usize);
            check(&format!("{number}"));
            check(&format!("-{number}"));
            check(&format!("{:.decimals$}", number as f64 / 1e7));
            check(&format!("{}", f64::from_bits(random.u64())));
        });
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut text = Vec::new();
        encode_text_row([Some(&b"300"[..]), None], &mut text);
        let row = TextRow::new(&text);
        let text = |error: ReadError| alloc::string::ToString::to_string(&error);
        assert_eq!(row.read::<(u8, Option<u8>)>().map_err(text), Err("column 1 holds no u8".into()));
        assert_eq!(row.read::<(u16, u8)>().map_err(text), Err("column 2 is NULL: read it into an Option".into()));
        assert_eq!(row.read::<(u16, Option<u8>, u8)>().map_err(text), Err("the row ends before column 3".into()));
        assert_eq!(
            row.read::<(u16,)>().map_err(text),
            Err("the row has more than 1 columns: read all, or select fewer".into())
        );
        assert!(matches!(
            TextRow::new(b"\x05ab").read::<(&str,)>(),
            Err(ReadError { column: 1, problem: ReadProblem::Malformed(_) })
        ));
    }
}
