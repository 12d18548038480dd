//! The public items of core by their paths, and which of them another package names.

use std::collections::BTreeSet;

use super::imports::{Sources, expand};

/// The public items of a crate: its modules, and the items that they declare or re-export. Methods and fields are not counted, because they
/// belong to their types.
pub(crate) fn items(sources: &Sources) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect("", sources, &mut found);
    found
}

fn collect(module: &str, sources: &Sources, found: &mut BTreeSet<String>) {
    let Some(text) = sources.get(module) else { return };
    let inside = |name: &str| if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(item) = line.strip_prefix("pub ") else { continue };
        if let Some(start) = item.strip_prefix("use ") {
            let mut tree = start.to_owned();
            while !tree.contains(';') {
                let Some(line) = lines.next() else { break };
                tree.push_str(line.trim());
            }
            let paths = expand("", tree.split(';').next().unwrap_or_default());
            found.extend(paths.iter().filter_map(|path| path.rsplit([':', ' ']).next()).map(&inside));
            continue;
        }
        let mut words = item.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let Some(kind) = words.next() else { continue };
        let name = match words.next() {
            // `pub const fn name`, `pub async fn name`.
            Some("fn" | "unsafe") => words.find(|word| *word != "fn"),
            name => name,
        };
        let Some(name) = name else { continue };
        if kind == "mod" {
            found.insert(inside(name));
            collect(&inside(name), sources, found);
        } else if ["struct", "enum", "trait", "union", "fn", "const", "static", "type", "async"].contains(&kind) {
            found.insert(inside(name));
        }
    }
}

/// The items of a crate that a file of another package names: by a path, by an import, or through an imported module.
pub(crate) fn named(text: &str, krate: &str, items: &BTreeSet<String>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut note = |path: &str| {
        let segments: Vec<&str> = path.split("::").collect();
        named.extend((1..=segments.len()).filter_map(|length| Some(segments.get(..length)?.join("::"))));
    };
    let start = format!("{krate}::");
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for (at, _) in text.match_indices(&start) {
        let rest = text.get(at + start.len()..).unwrap_or_default();
        let is_import = text.get(..at).is_some_and(|before| before.ends_with("use "));
        let end = if is_import { rest.find(';') } else { rest.find(|c| !is_path(c)) };
        let tree: String = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().split_whitespace().fold(
            String::new(),
            |mut tree, word| {
                let gap = if tree.is_empty() || word == "}" { "" } else { " " };
                tree.push_str(gap);
                tree.push_str(word);
                tree
            },
        );
        for path in expand("", &tree) {
            let (path, alias) = path.split_once(" as ").unwrap_or((&path, ""));
            let path = path.trim().trim_end_matches("::self");
            note(path);
            let module = if alias.is_empty() { path.rsplit("::").next().unwrap_or_default() } else { alias.trim() };
            // Names after an imported module.
            for (at, _) in text.match_indices(&format!("{module}::")).filter(|_| items.contains(path)) {
                let is_whole = text.get(..at).is_some_and(|before| !before.ends_with(is_path));
                let rest = text.get(at + module.len() + 2..).unwrap_or_default();
                if let (true, Some(behind)) = (is_whole, rest.split(|c| !is_path(c)).next()) {
                    note(&format!("{path}::{behind}"));
                }
            }
        }
    }
    named.intersection(items).cloned().collect()
}

#[test]
fn items_are_found_where_they_are_shown_and_where_they_are_named() {
    let sources: Sources = [
        ("", "pub mod a;\nmod b;\npub use b::{\n    B,\n    c::C as D,\n};\npub(crate) use b::E;\n"),
        ("a", "pub struct A<T>(T);\npub const fn f() {}\npub const N: u8 = 1;\nimpl A {\n    pub fn g() {}\n}\n"),
        ("b", "pub struct B;\npub struct E;\n"),
    ]
    .map(|(module, text)| (module.to_owned(), text.to_owned()))
    .into();
    let items = items(&sources);
    assert_eq!(items.iter().map(String::as_str).collect::<Vec<_>>(), ["B", "D", "a", "a::A", "a::N", "a::f"]);
    let names = |text: &str| named(text, "krate", &items).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(names("use krate::{B, a::{self, A}};\nfn g() { a::f() }\n"), "B a a::A a::f");
    assert_eq!(names("fn g() -> krate::a::A<u8> { x::a::f(); data::N }\n"), "a a::A");
    assert_eq!(names("use krate::a as other;\nfn g() { other::f() }\n"), "a a::f");
}
