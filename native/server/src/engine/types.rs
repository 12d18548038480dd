//! Column types: MySQL's notation, the notation in SQLite's schema, and the types of the wire protocol.
//!
//! SQLite keeps a column's declared type as written. The type is therefore declared in MySQL's notation, behind `TEXT` or `BLOB` where
//! SQLite would otherwise choose another affinity (`TEXT DATETIME`, `BLOB VARBINARY(16)`), and read back from there. The name is always
//! one of [`NAMES`], so that no text of a user becomes part of a type.

use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType};
use sqlparser::ast::DataType;

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeclaredType {
    /// The name in capitals, such as `VARCHAR`.
    name: &'static str,
    /// The numbers in parentheses.
    arguments: Vec<u32>,
    unsigned: bool,
    zerofill: bool,
}

/// The size of a type, as in `information_schema.COLUMNS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    pub(super) characters: Option<u32>,
    pub(super) octets: Option<u32>,
    pub(super) precision: Option<u32>,
    pub(super) scale: Option<u32>,
    /// Digits of fractional seconds.
    pub(super) fraction: Option<u32>,
}

const UTF8MB4_BYTES: u32 = 4;

/// Stands for SET, because SET is a keyword of SQLite and can't be part of a type.
const SET_IN_SQLITE: &str = "SET_OF";

/// The types whose length in parentheses chooses among kinds.
const SIZED: [(&str, [&str; 4]); 2] = [
    ("BLOB", ["TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"]),
    ("TEXT", ["TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"]),
];

/// All known types.
const NAMES: [&str; 38] = [
    "BIGINT",
    "BINARY",
    "BIT",
    "BLOB",
    "CHAR",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DOUBLE",
    "ENUM",
    "FLOAT",
    "GEOMETRY",
    "GEOMETRYCOLLECTION",
    "INT",
    "JSON",
    "LINESTRING",
    "LONGBLOB",
    "LONGTEXT",
    "MEDIUMBLOB",
    "MEDIUMINT",
    "MEDIUMTEXT",
    "MULTILINESTRING",
    "MULTIPOINT",
    "MULTIPOLYGON",
    "POINT",
    "POLYGON",
    "SET",
    "SMALLINT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TINYBLOB",
    "TINYINT",
    "TINYTEXT",
    "UUID",
    "VARBINARY",
    "VARCHAR",
    "YEAR",
];

impl DeclaredType {
    /// Reads the type that SQLite keeps; a type that another program declared counts as TEXT.
    pub(super) fn parse(text: &str) -> Self {
        // SQLite keeps the annotations behind a generated column's type, because GENERATED ALWAYS seems to belong to the type.
        let text = text.split_once("/*").map_or(text, |(kind, _)| kind);
        Self::read(text).unwrap_or(Self { name: "TEXT", arguments: Vec::new(), unsigned: false, zerofill: false })
    }

    /// Reads MySQL's or SQLite's notation; `None` for an unknown type.
    fn read(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        let (front, arguments) = match upper.split_once('(') {
            Some((front, rest)) => (front.to_owned(), rest.to_owned()),
            None => (upper, String::new()),
        };
        let (arguments, after) = arguments.split_once(')').unwrap_or((&arguments, ""));
        let numbers: Vec<u32> = arguments.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        let words: Vec<&str> = front.split_whitespace().chain(after.split_whitespace()).collect();
        let unsigned = words.contains(&"UNSIGNED") || words.contains(&"ZEROFILL");
        let zerofill = words.contains(&"ZEROFILL");
        let mut words = words.into_iter().filter(|word| !matches!(*word, "UNSIGNED" | "ZEROFILL" | "SIGNED"));
        let first = words.next().unwrap_or("TEXT");
        // The word for the affinity stands before the type's name.
        let name = match (first, words.next()) {
            ("TEXT" | "BLOB", Some(name)) => name,
            (first, _) => first,
        };
        let name = match name {
            "INTEGER" if arguments.is_empty() && !unsigned => "BIGINT",
            "INTEGER" => "INT",
            "BOOL" | "BOOLEAN" => "TINYINT",
            "DEC" | "NUMERIC" | "FIXED" => "DECIMAL",
            "REAL" => "DOUBLE",
            "CHARACTER" | "NCHAR" => "CHAR",
            "NVARCHAR" => "VARCHAR",
            "INT1" => "TINYINT",
            "INT2" => "SMALLINT",
            "INT3" | "MIDDLEINT" => "MEDIUMINT",
            "INT4" => "INT",
            "INT8" => "BIGINT",
            "LONG" => "MEDIUMTEXT",
            SET_IN_SQLITE => "SET",
            other => other,
        };
        let name = NAMES.into_iter().find(|known| *known == name)?;
        let mut numbers = if name == "TINYINT" && first.starts_with("BOOL") { vec![1] } else { numbers };
        match name {
            "TINYINT" if numbers == [1] => {}
            "DOUBLE" | "FLOAT" if numbers.len() == 2 => {}
            "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "TINYINT" | "DOUBLE" | "FLOAT" if !zerofill => {
                numbers.clear()
            }
            "DECIMAL" if numbers.iter().all(|number| *number == 0) => numbers = vec![10, 0],
            "DECIMAL" if numbers.len() == 1 => numbers.push(0),
            "CHAR" | "BINARY" | "BIT" if numbers.is_empty() => numbers = vec![1],
            _ => {}
        }
        Some(Self { name, arguments: numbers, unsigned, zerofill })
    }

    /// Reads the type of a statement, where INTEGER means INT; `None` for an unknown type.
    pub(super) fn from_mysql(written: &DataType) -> Option<Self> {
        let bare = |name| Self { name, arguments: Vec::new(), unsigned: false, zerofill: false };
        let text = match written {
            // Their members are texts of the user, so the name alone is kept.
            DataType::Enum(..) => return Some(bare("ENUM")),
            DataType::Set(_) => return Some(bare("SET")),
            DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
                DataType::Varchar(*length).to_string()
            }
            other => other.to_string(),
        };
        let mut parsed = Self::read(&text)?;
        // MySQL makes a DOUBLE of FLOAT with more digits than it holds.
        if parsed.name == "FLOAT" && precision_of(&text).is_some_and(|digits| digits > 24) {
            parsed.name = "DOUBLE";
        }
        if text.trim().get(..7).is_some_and(|front| front.eq_ignore_ascii_case("INTEGER")) {
            parsed.name = "INT";
        }
        Some(parsed)
    }

    /// The smallest kind of TEXT or BLOB that holds the length in the parentheses, as MySQL chooses it.
    pub(super) fn sized(&self, bytes_of_a_character: u32) -> Self {
        let (&[length], Some((_, kinds))) = (self.arguments(), SIZED.iter().find(|(name, _)| *name == self.name))
        else {
            return self.clone();
        };
        let bytes = if self.name == "BLOB" { length } else { length.saturating_mul(bytes_of_a_character) };
        let name = kinds.iter().find(|name| bytes <= blob_length(name)).unwrap_or(&self.name);
        Self { name, arguments: Vec::new(), ..self.clone() }
    }

    /// The name in capitals.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// The numbers in parentheses.
    pub(super) fn arguments(&self) -> &[u32] {
        &self.arguments
    }

    /// Whether the type is UNSIGNED.
    pub(super) const fn is_unsigned(&self) -> bool {
        self.unsigned
    }

    /// Whether a column of this type may have AUTO_INCREMENT.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self.name, "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT")
    }

    /// Whether values are of GEOMETRY or one of its kinds.
    pub(super) fn is_geometry(&self) -> bool {
        let kinds = ["GEOMETRY", "POINT", "LINESTRING", "POLYGON"];
        kinds.contains(&self.name) || self.name.starts_with("MULTI") || self.name == "GEOMETRYCOLLECTION"
    }

    /// Whether values compare by a collation.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.name, "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET")
    }

    /// The size, for `information_schema.COLUMNS`.
    pub(super) fn extent(&self) -> Extent {
        let first = self.arguments.first().copied();
        let none = Extent::default();
        let integer = |precision| Extent { precision: Some(precision), scale: Some(0), ..none };
        let bytes = |length| Extent { characters: Some(length), octets: Some(length), ..none };
        match self.name {
            "TINYINT" => integer(3),
            "SMALLINT" => integer(5),
            "MEDIUMINT" => integer(7),
            "INT" => integer(10),
            "BIGINT" => integer(if self.unsigned { 20 } else { 19 }),
            "DECIMAL" => Extent { precision: first, scale: self.arguments.get(1).copied(), ..none },
            "FLOAT" => Extent { precision: first.or(Some(12)), scale: self.arguments.get(1).copied(), ..none },
            "DOUBLE" => Extent { precision: first.or(Some(22)), scale: self.arguments.get(1).copied(), ..none },
            "BIT" => Extent { precision: first, ..none },
            "TIME" | "DATETIME" | "TIMESTAMP" => Extent { fraction: Some(first.unwrap_or(0)), ..none },
            "CHAR" | "VARCHAR" => {
                Extent { characters: first, octets: first.map(|length| length.saturating_mul(UTF8MB4_BYTES)), ..none }
            }
            "BINARY" | "VARBINARY" => first.map_or(none, bytes),
            "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
                bytes(blob_length(self.name))
            }
            _ => none,
        }
    }

    /// The notation for SQLite.
    pub(super) fn to_sqlite(&self) -> String {
        let affinity = match self.name {
            "DATE" | "TIME" | "DATETIME" | "TIMESTAMP" | "ENUM" | "SET" | "JSON" => "TEXT ",
            "BINARY" | "VARBINARY" | "BIT" | "GEOMETRY" | "POINT" => "BLOB ",
            _ => "",
        };
        format!(
            "{affinity}{}{}{}{}",
            if self.name == "SET" { SET_IN_SQLITE } else { self.name },
            self.sign(),
            if self.zerofill { " ZEROFILL" } else { "" },
            self.parentheses()
        )
    }

    /// MySQL's notation, as SHOW COLUMNS prints it.
    pub(super) fn to_mysql(&self) -> String {
        let sign = self.sign();
        let zerofill = if self.zerofill { " zerofill" } else { "" };
        format!("{}{}{sign}{zerofill}", self.name, self.parentheses()).to_lowercase()
    }

    const fn sign(&self) -> &'static str {
        if self.unsigned { " UNSIGNED" } else { "" }
    }

    fn parentheses(&self) -> String {
        if self.arguments.is_empty() {
            return String::new();
        }
        format!("({})", self.arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }

    /// The column definition for the wire.
    pub(super) fn column(&self, title: &str) -> ColumnDefinition {
        let first = self.arguments.first().copied();
        let second = self.arguments.get(1).copied();
        let mut text_length = None;
        let column_type = match self.name {
            "TINYINT" => ColumnType::TINY,
            "SMALLINT" => ColumnType::SHORT,
            "MEDIUMINT" => ColumnType::INT24,
            "INT" => ColumnType::LONG,
            "BIGINT" => ColumnType::LONGLONG,
            "FLOAT" => ColumnType::FLOAT,
            "DOUBLE" => ColumnType::DOUBLE,
            "DECIMAL" => ColumnType::NEWDECIMAL,
            "DATE" => ColumnType::DATE,
            "TIME" => ColumnType::TIME,
            "DATETIME" => ColumnType::DATETIME,
            "TIMESTAMP" => ColumnType::TIMESTAMP,
            "YEAR" => ColumnType::YEAR,
            "BIT" => ColumnType::BIT,
            "JSON" => ColumnType::JSON,
            "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
                let mut column = ColumnDefinition::new(title, ColumnType::BLOB);
                column.length = blob_length(self.name);
                return as_binary(column);
            }
            "VARBINARY" | "BINARY" => {
                let kind = if self.name == "BINARY" { ColumnType::STRING } else { ColumnType::VAR_STRING };
                let mut column = ColumnDefinition::new(title, kind);
                column.length = first.unwrap_or(255);
                return as_binary(column);
            }
            "CHAR" | "ENUM" | "SET" => {
                text_length = Some(first.unwrap_or(255).saturating_mul(UTF8MB4_BYTES));
                ColumnType::STRING
            }
            "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" => {
                text_length = Some(blob_length(self.name).saturating_mul(UTF8MB4_BYTES));
                ColumnType::BLOB
            }
            _ => {
                text_length = Some(first.unwrap_or(255).saturating_mul(UTF8MB4_BYTES));
                ColumnType::VAR_STRING
            }
        };
        let mut column = ColumnDefinition::new(title, column_type);
        if let Some(length) = text_length {
            column.length = length;
            column.decimals = 0;
        }
        if column_type == ColumnType::NEWDECIMAL {
            column.length = first.unwrap_or(10).saturating_add(2);
            column.decimals = second.unwrap_or(0).min(30) as u8;
        }
        if let (ColumnType::FLOAT | ColumnType::DOUBLE, Some(length), Some(decimals)) = (column_type, first, second) {
            column.length = length;
            column.decimals = decimals.min(30) as u8;
        }
        if column_type == ColumnType::BIT {
            column.length = first.unwrap_or(1);
        }
        if matches!(column_type, ColumnType::TIME | ColumnType::DATETIME | ColumnType::TIMESTAMP) {
            column.decimals = first.unwrap_or(0).min(6) as u8;
        }
        if self.unsigned {
            column.flags |= ColumnFlags::UNSIGNED;
        }
        if self.zerofill {
            column.flags |= ColumnFlags::ZEROFILL;
            column.length = first.unwrap_or(column.length);
        }
        match self.name {
            "ENUM" => column.flags |= ColumnFlags::ENUM,
            "SET" => column.flags |= ColumnFlags::SET,
            "TIMESTAMP" => column.flags |= ColumnFlags::TIMESTAMP,
            _ => {}
        }
        if column_type == ColumnType::TINY && first == Some(1) {
            // Connectors recognise BOOLEAN by the length 1.
            column.length = 1;
        }
        column
    }
}

/// The one number in the parentheses behind a type.
fn precision_of(text: &str) -> Option<u32> {
    text.split_once('(')?.1.split_once(')')?.0.trim().parse().ok()
}

fn blob_length(name: &str) -> u32 {
    match name.get(..4) {
        Some("TINY") => 255,
        Some("MEDI") => 16_777_215,
        Some("LONG") => u32::MAX,
        _ => 65_535,
    }
}

fn as_binary(mut column: ColumnDefinition) -> ColumnDefinition {
    column.charset = sealwire_core::message::CHARSET_BINARY;
    column.flags |= ColumnFlags::BINARY;
    column.decimals = 0;
    column
}

/// The column definition of an expression, by the type of its first value.
pub(super) fn expression(title: &str, value: rusqlite::types::Type) -> ColumnDefinition {
    match value {
        rusqlite::types::Type::Integer => ColumnDefinition::new(title, ColumnType::LONGLONG),
        rusqlite::types::Type::Real => ColumnDefinition::new(title, ColumnType::DOUBLE),
        rusqlite::types::Type::Blob => {
            let mut column = ColumnDefinition::new(title, ColumnType::LONG_BLOB);
            column.column_type = ColumnType::BLOB;
            as_binary(column)
        }
        rusqlite::types::Type::Text => {
            let mut column = ColumnDefinition::new(title, ColumnType::VAR_STRING);
            column.length = u32::MAX;
            column
        }
        rusqlite::types::Type::Null => ColumnDefinition::new(title, ColumnType::VAR_STRING),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_survive_the_way_through_sqlite() {
        for (written, stored, shown) in [
            ("int(11) unsigned", "INT UNSIGNED", "int unsigned"),
            ("BIGINT", "BIGINT", "bigint"),
            ("varchar(20)", "VARCHAR(20)", "varchar(20)"),
            ("DATETIME(6)", "TEXT DATETIME(6)", "datetime(6)"),
            ("varbinary(16)", "BLOB VARBINARY(16)", "varbinary(16)"),
            ("DECIMAL(10,2)", "DECIMAL(10,2)", "decimal(10,2)"),
            ("NUMERIC(8)", "DECIMAL(8,0)", "decimal(8,0)"),
            ("BOOLEAN", "TINYINT(1)", "tinyint(1)"),
            ("LONGBLOB", "LONGBLOB", "longblob"),
            ("DOUBLE PRECISION", "DOUBLE", "double"),
            ("FLOAT(7,3)", "FLOAT(7,3)", "float(7,3)"),
            ("REAL(10,2) UNSIGNED", "DOUBLE UNSIGNED(10,2)", "double(10,2) unsigned"),
            ("TEXT", "TEXT", "text"),
            ("BLOB", "BLOB", "blob"),
        ] {
            let parsed = DeclaredType::read(written).unwrap();
            assert_eq!(parsed.to_sqlite(), stored, "{written}");
            assert_eq!(DeclaredType::parse(stored).to_mysql(), shown, "{written}");
        }
    }

    #[test]
    fn the_type_of_a_generated_column_is_its_own() {
        for (stored, shown) in [
            ("INT/*mysql\ngenerated=a + 1\n*/", "int"),
            ("VARCHAR(9)/*mysql\ngenerated=concat(a)\n*/", "varchar(9)"),
            ("TEXT DATETIME(6)/*mysql\ngenerated=(a)\n*/", "datetime(6)"),
        ] {
            assert_eq!(DeclaredType::parse(stored).to_mysql(), shown, "{stored}");
        }
    }

    #[test]
    fn the_wire_types_are_mysqls() {
        let of = |text: &str| {
            let column = DeclaredType::parse(text).column("c");
            (column.column_type, column.is_unsigned(), column.charset, column.decimals)
        };
        assert_eq!(of("INT UNSIGNED"), (ColumnType::LONG, true, 63, 0));
        assert_eq!(of("DECIMAL(10,2)"), (ColumnType::NEWDECIMAL, false, 63, 2));
        assert_eq!(of("LONGBLOB"), (ColumnType::BLOB, false, 63, 0));
        assert_eq!(of("LONGTEXT"), (ColumnType::BLOB, false, 45, 0));
        assert_eq!(of("BLOB VARBINARY(16)"), (ColumnType::VAR_STRING, false, 63, 0));
        assert_eq!(of("TEXT DATETIME(6)"), (ColumnType::DATETIME, false, 63, 6));
        assert_eq!(of("INTEGER").0, ColumnType::LONGLONG);
        assert_eq!(DeclaredType::parse("TINYINT(1)").column("c").length, 1);
        for text in ["DECIMAL(4294967295,4294967295)", "CHAR(4294967295)", "VARCHAR(4294967295)", "ENUM(4294967295)"] {
            assert_eq!(DeclaredType::parse(text).column("c").length, u32::MAX, "{text}");
        }
    }
}
