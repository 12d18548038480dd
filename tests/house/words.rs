//! Comments and documents without sentences that have a clause in the place of their subject: see CONTRIBUTING.md, "Words".

use std::path::Path;

/// Words that begin such a sentence: its reader learns the subject only at the end.
const BEGINNINGS: [&str; 10] =
    ["What", "That", "Who", "Whoever", "Whatever", "So many", "So much", "So often", "So long", "Of what"];

/// The sentences of a file's comments, or of a document, that begin with one of [`BEGINNINGS`]: shortened, with their paragraph's first line.
pub(crate) fn oblique(path: &Path, text: &str) -> Vec<(usize, String)> {
    let paragraphs = match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs" | "mjs" | "ts") => comments(text),
        Some("md") => document(text),
        _ => Vec::new(),
    };
    let sentences = |(line, paragraph): (usize, String)| {
        let oblique = paragraph.split_inclusive(". ").filter(|sentence| is_oblique(sentence)).map(shortened);
        oblique.map(|sentence| (line, sentence)).collect::<Vec<_>>()
    };
    paragraphs.into_iter().flat_map(sentences).collect()
}

/// Whether a sentence begins with such a word. A question may.
fn is_oblique(sentence: &str) -> bool {
    let begins = |word: &&str| sentence.strip_prefix(*word).is_some_and(|rest| rest.starts_with([' ', ',']));
    !sentence.trim_end().ends_with('?') && BEGINNINGS.iter().any(begins)
}

fn shortened(sentence: &str) -> String {
    sentence.chars().take(60).collect()
}

/// The comments of a source file, each with the number of its first line. Consecutive lines are one comment.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = comment_of(line) else {
            goes_on = false;
            continue;
        };
        match found.last_mut() {
            Some((_, last)) if goes_on => {
                last.push(' ');
                last.push_str(comment);
            }
            _ => found.push((index + 1, comment.to_owned())),
        }
        // An empty line of a comment ends a paragraph, and a comment behind code is complete.
        goes_on = !comment.is_empty() && is_comment_alone(line);
    }
    found
}

/// The text of the comment on a line, without its marks.
fn comment_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let marked = ["//", "/*", "* "].iter().any(|mark| line.starts_with(mark)) || line == "*";
    let comment = if marked { line } else { line.split_once(" // ")?.1 };
    Some(comment.trim_start_matches(['/', '*', '!']).trim_end_matches("*/").trim())
}

fn is_comment_alone(line: &str) -> bool {
    line.trim_start().starts_with(['/', '*'])
}

/// The paragraphs, headings and items of a document, each with the number of its first line. Code and tables are left out.
fn document(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_code, mut goes_on) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("```") {
            (is_code, goes_on) = (!is_code, false);
        } else if is_code || line.is_empty() || line.starts_with('|') {
            goes_on = false;
        } else {
            let bare = line.trim_start_matches(|c: char| "#>-*. ".contains(c) || c.is_ascii_digit());
            let begins = bare.len() < line.len() || !goes_on;
            match found.last_mut() {
                Some((_, last)) if !begins => {
                    last.push(' ');
                    last.push_str(line);
                }
                _ => found.push((index + 1, bare.to_owned())),
            }
            goes_on = !line.starts_with('#');
        }
    }
    found
}

#[test]
fn an_oblique_sentence_is_found() {
    let found = |name: &str, text: &str| -> Vec<usize> {
        oblique(Path::new(name), text).into_iter().map(|(line, _)| line).collect()
    };
    for text in [
        "/// What is read here.\nfn f() {}",
        "//! Reads a file. Who has no right gets an error.",
        "let a = 1; \u{2f}/ That it is one is known.",
        "    // Reads lines. So many\n    // lines are read.",
    ] {
        assert_eq!(found("a.rs", text), [1], "{text}");
    }
    assert_eq!(found("a.ts", "let a;\n/** Whoever has it. */"), [2]);
    assert_eq!(found("a.mjs", "/**\n * The name.\n *\n * What follows it.\n */"), [4]);
    assert_eq!(found("a.md", "# A title\n\nSome\ntext.\n\n- What it costs."), [6]);
    for text in ["/// Reads what is there.\nfn f() {}", "// Whatsoever", "let a = \"What\";", "/// What is it?"] {
        assert!(found("a.rs", text).is_empty(), "{text}");
    }
    assert!(found("a.md", "```text\nWhat\n```\n| What |\n\nWhich one?").is_empty());
}
