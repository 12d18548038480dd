//! Changes to parts of JSON documents, as calls of functions.

use sealwire_binlog::{Problem, json};

use super::writing::put;

/// Appends the call that changes the document in `column`. `literal` appends a text as a literal.
pub(super) fn calls(
    column: &[u8],
    diffs: &[u8],
    literal: fn(&[u8], &mut Vec<u8>),
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let mut inner = column.to_vec();
    for diff in json::diffs(diffs) {
        let diff = diff?;
        let name = match diff.operation {
            json::Operation::Replace => "JSON_REPLACE",
            json::Operation::Insert if diff.path.ends_with(b"]") => "JSON_ARRAY_INSERT",
            json::Operation::Insert => "JSON_INSERT",
            json::Operation::Remove => "JSON_REMOVE",
        };
        let mut call = Vec::new();
        put(format_args!("{name}("), &mut call);
        call.append(&mut inner);
        put(", ", &mut call);
        literal(diff.path, &mut call);
        if let Some(value) = diff.value {
            let mut text = String::new();
            json::to_text(value, &mut text)?;
            put(", CAST(", &mut call);
            literal(text.as_bytes(), &mut call);
            put(" AS JSON)", &mut call);
        }
        call.push(b')');
        inner = call;
    }
    out.append(&mut inner);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::value_text::quoted;
    use super::*;

    #[test]
    fn each_change_is_a_call_around_the_one_before() {
        // Replaces $.a by 1, and removes $[0].
        let diffs = b"\x00\x03$.a\x03\x05\x01\x00\x02\x04$[0]";
        let mut out = Vec::new();
        calls(b"@2", diffs, quoted, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "JSON_REMOVE(JSON_REPLACE(@2, '$.a', CAST('1' AS JSON)), '$[0]')");
        assert!(calls(b"@2", b"\x07", quoted, &mut Vec::new()).is_err());
    }
}
