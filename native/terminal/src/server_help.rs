//! `help contents` and `help select`: shows the server's own manual.

use std::io::Write as _;

use sealwire_core::printable;
use sealwire_core::sql::text_literal;

use super::output::Output;
use sealwire::{Client, ClientError, Socket};

/// Asks the server about a topic, and prints the answer.
pub(crate) fn show(client: &mut Client<Socket>, topic: &str, output: &mut Output) -> Result<(), ClientError> {
    let mut result = client.query(format!("help {}", text_literal(topic.trim_matches('\''))))?;
    let width = result.columns().len();
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(row) = result.next()? {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        rows.push(row.iter().map(|value| value.ok().flatten().map(text).unwrap_or_default()).collect());
    }
    // If standard output is closed, nobody can be told.
    let _ = output.write_all(printable::text(&render(width, &rows)).as_bytes());
    Ok(())
}

/// The server answers with a page (3 columns, 1 row), a category (3 columns), or a choice of topics (2 columns).
fn render(width: usize, rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
    let mut out = String::new();
    match (width, rows) {
        (_, []) => {
            out.push_str("\nNothing found\n");
            out.push_str("Please try to run 'help contents' for a list of all accessible topics\n\n");
            return out;
        }
        (3, [page]) => {
            out.push_str(&format!("Name: '{}'\nDescription:\n{}", cell(page, 0), cell(page, 1)));
            if !cell(page, 2).is_empty() {
                out.push_str(&format!("Examples:\n{}", cell(page, 2)));
            }
            out.push('\n');
            return out;
        }
        (2, _) => out.push_str(
            "Many help items for your request exist.\nTo make a more specific request, please type 'help <item>',\n\
             where <item> is one of the following\n",
        ),
        (_, [first, ..]) => out.push_str(&format!(
            "You asked for help about help category: \"{}\"\n\
             For more information, type 'help <item>', where <item> is one of the following\n",
            cell(first, 0)
        )),
    }
    let mut last = String::new();
    for row in rows {
        let kind = cell(row, width - 1);
        if kind != last {
            out.push_str(if kind == "Y" { "categories:\n" } else { "topics:\n" });
            last = kind;
        }
        out.push_str(&format!("   {}\n", cell(row, width - 2)));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn a_page_a_category_a_choice_and_nothing() {
        assert_eq!(
            render(3, &rows(&[&["SELECT", "Reads rows.\n", "SELECT 1\n"]])),
            "Name: 'SELECT'\nDescription:\nReads rows.\nExamples:\nSELECT 1\n\n"
        );
        assert!(
            render(3, &rows(&[&["Contents", "Data", "Y"], &["Contents", "DO", "N"]]))
                .ends_with("\ncategories:\n   Data\ntopics:\n   DO\n\n")
        );
        assert!(render(2, &rows(&[&["A", "N"], &["B", "N"]])).ends_with("following\ntopics:\n   A\n   B\n\n"));
        assert!(render(2, &[]).starts_with("\nNothing found\n"));
    }
}
