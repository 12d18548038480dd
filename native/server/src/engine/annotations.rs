//! Annotations: the parts of a definition that SQLite has no place for, kept as comments in SQLite's text of the definition.
//!
//! SQLite stores the text of CREATE TABLE, CREATE INDEX and CREATE VIEW as written, and ALTER TABLE changes only the names in it.
//! A comment `/*mysql … */` therefore stays where it is: behind a column's name, or before the part that it describes. It has one
//! line for each annotation. `*` is escaped, so no text can end the comment.

/// The comment begins with this behind `/*`.
const MARK: &str = "mysql\n";

/// Stands between a table's name and the rest in the names that InnoDB gives foreign keys.
pub(super) const NUMBERED: &str = "_ibfk_";

/// Kinds of annotations. Each text is as the SHOW statements print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Annotation {
    /// The type of a column, where SQLite has another one.
    Type,
    /// The default of a column.
    Default,
    /// `ON UPDATE` of a column.
    OnUpdate,
    /// The character set of a column or of a table, where the definition names one.
    Charset,
    /// The collation that a column or a table names.
    Collation,
    /// The expression of a generated column.
    Generated,
    /// A comment, without quotes.
    Comment,
    /// A CHECK constraint, with its name where it has one.
    Check,
    /// A part of an index that is an expression.
    KeyPart,
    /// How many characters of a column the index was declared to hold.
    Prefix,
    /// The query of a view.
    Query,
    /// Marks an index that the server made for a foreign key. An index of the user's that begins with its columns takes its place.
    ForForeignKey,
    /// The end of a foreign key's name that begins with its table's: of `t_ibfk_1` the `1`. The name follows the table's when it is renamed.
    NameEnd,
}

const NAMES: [(Annotation, &str); 13] = [
    (Annotation::Type, "type"),
    (Annotation::Default, "default"),
    (Annotation::OnUpdate, "on update"),
    (Annotation::Charset, "charset"),
    (Annotation::Collation, "collation"),
    (Annotation::Generated, "generated"),
    (Annotation::Comment, "comment"),
    (Annotation::Check, "check"),
    (Annotation::KeyPart, "key part"),
    (Annotation::Prefix, "prefix"),
    (Annotation::Query, "query"),
    (Annotation::ForForeignKey, "for foreign key"),
    (Annotation::NameEnd, "name end"),
];

/// The annotations of one comment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Annotations(Vec<(Annotation, String)>);

impl Annotations {
    pub(super) fn add(&mut self, kind: Annotation, text: impl Into<String>) {
        self.0.push((kind, text.into()));
    }

    /// Adds the annotations of another comment.
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The first annotation of a kind.
    pub(super) fn get(&self, kind: Annotation) -> Option<&str> {
        self.all(kind).next()
    }

    pub(super) fn all(&self, kind: Annotation) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(annotations, _)| *annotations == kind).map(|(_, text)| text.as_str())
    }

    /// The comment; empty where there are no annotations.
    pub(super) fn to_comment(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut out = format!("/*{MARK}");
        for (kind, text) in &self.0 {
            out.push_str(NAMES.iter().find(|(known, _)| known == kind).map_or("", |(_, name)| name));
            out.push('=');
            for character in text.chars() {
                match character {
                    '%' | '*' | '\n' | '\0' => out.push_str(&format!("%{:02X}", u32::from(character))),
                    other => out.push(other),
                }
            }
            out.push('\n');
        }
        out.push_str("*/");
        out
    }

    /// Reads the contents of a comment; `None` where it is no comment of ours.
    pub(super) fn from_comment(inner: &str) -> Option<Self> {
        let read = |line: &str| {
            let (name, text) = line.split_once('=')?;
            let (kind, _) = NAMES.iter().find(|(_, known)| *known == name)?;
            Some((*kind, decoded(text)))
        };
        Some(Self(inner.strip_prefix(MARK)?.split('\n').filter_map(read).collect()))
    }
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        out.extend(u32::from_str_radix(digits, 16).ok().and_then(char::from_u32));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_kept_and_none_ends_the_comment() {
        let mut annotations = Annotations::default();
        assert_eq!(annotations.to_comment(), "");
        for text in ["", "*/ DROP", "a\nquery=x", "%2A%", "\0\r\u{1a}", "ä%'\\`", "/* */ -- ;"] {
            annotations.add(Annotation::Check, text);
            annotations.add(Annotation::Comment, text);
        }
        let comment = annotations.to_comment();
        let inner = comment.strip_prefix("/*").unwrap().strip_suffix("*/").unwrap();
        assert!(!inner.contains('*') && !inner.contains('\0'));
        assert_eq!(Annotations::from_comment(inner), Some(annotations));
        assert_eq!(Annotations::from_comment(" a comment of another program "), None);
    }
}
