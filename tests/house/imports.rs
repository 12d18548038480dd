//! Which files of a crate import which others: by `use` and by paths in the code, followed through re-exports to the file that declares the
//! item.

use std::collections::{BTreeMap, BTreeSet};

/// The code of each module, by the module's path: `tls::layer`, or empty for the root.
pub(crate) type Sources = BTreeMap<String, String>;

/// For each module, the modules that it imports.
pub(crate) type Edges = BTreeMap<String, BTreeSet<String>>;

/// The module of a file below `src`.
pub(crate) fn module_of(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    match path {
        "lib" => String::new(),
        path => path.strip_suffix("/mod").unwrap_or(path).replace('/', "::"),
    }
}

/// The imports and re-exports of one file.
#[derive(Default)]
struct Names {
    /// The re-exported names, each with the path behind it. A re-export counts as an import of the file that uses the name, not of this
    /// one.
    exported: BTreeMap<String, Vec<String>>,
    used: Vec<Vec<String>>,
}

pub(crate) fn edges(sources: &Sources) -> Edges {
    let names: BTreeMap<&String, Names> =
        sources.iter().map(|(module, text)| (module, names(module, text, sources))).collect();
    let mut edges = Edges::new();
    for (module, said) in &names {
        let imported = said.used.iter().filter_map(|path| resolve(path, &names, 0)).filter(|other| other != *module);
        edges.insert((*module).clone(), imported.collect());
    }
    edges
}

/// The circles: groups of files in which each imports every other, directly or through others.
pub(crate) fn circles(edges: &Edges) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|module| (module, reachable(module, edges))).collect();
    let reaches = |from: &String, to: &String| reached.get(from).is_some_and(|all| all.contains(to));
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for module in edges.keys().filter(|module| reaches(module, module)) {
        let members = edges.keys().filter(|other| reaches(module, other) && reaches(other, module));
        circles.insert(members.cloned().collect());
    }
    circles.into_iter().collect()
}

fn reachable<'a>(from: &String, edges: &'a Edges) -> BTreeSet<&'a String> {
    let mut all = BTreeSet::new();
    let mut rest: Vec<&String> = edges.get(from).into_iter().flatten().collect();
    while let Some(module) = rest.pop() {
        if all.insert(module) {
            rest.extend(edges.get(module).into_iter().flatten());
        }
    }
    all
}

fn names(module: &str, text: &str, sources: &Sources) -> Names {
    let mut names = Names::default();
    let mut body = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((is_public, start)) = import(line.trim_start()) else {
            // The path in `pub(in path)` is no import.
            let (before, after) = line.split_once("pub(in ").unwrap_or((line, ""));
            body.extend([before, after.split_once(')').map_or("", |(_, after)| after), "\n"]);
            continue;
        };
        let mut tree = start.to_owned();
        while !tree.contains(';') {
            let Some(line) = lines.next() else { break };
            tree.push_str(line.trim());
        }
        for path in expand("", tree.split(';').next().unwrap_or_default()) {
            let (path, name) = path.split_once(" as ").map_or((path.as_str(), None), |(path, name)| (path, Some(name)));
            let Some(mut path) = absolute(module, path, sources) else { continue };
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            let name = name.map(str::to_owned).or_else(|| path.last().cloned()).unwrap_or_default();
            if is_public {
                names.exported.insert(name.trim().to_owned(), path);
            } else {
                names.used.push(path);
            }
        }
    }
    let in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let paths = body.split(|c| !in_path(c)).filter(|word| word.contains("::"));
    names.used.extend(paths.filter_map(|path| absolute(module, path.trim_end_matches(':'), sources)));
    names
}

/// Parses a line that begins an import: whether it is a re-export, and the text after `use`.
fn import(line: &str) -> Option<(bool, &str)> {
    if let Some(rest) = line.strip_prefix("use ") {
        return Some((false, rest));
    }
    let rest = line.strip_prefix("pub")?;
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    Some((true, rest.strip_prefix(" use ")?))
}

/// The paths in a `use` tree with braces.
pub(crate) fn expand(prefix: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, list)) = tree.split_once('{') else {
        return if tree.is_empty() { Vec::new() } else { vec![format!("{prefix}{tree}")] };
    };
    let prefix = format!("{prefix}{before}");
    let list = list.strip_suffix('}').unwrap_or(list);
    let (mut depth, mut paths) = (0, Vec::new());
    for part in list.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    }) {
        paths.extend(expand(&prefix, part));
    }
    paths
}

/// A path from the crate's root; `None` where the path does not begin with a module of the crate.
fn absolute(module: &str, path: &str, sources: &Sources) -> Option<Vec<String>> {
    let mut base: Vec<&str> = module.split("::").filter(|segment| !segment.is_empty()).collect();
    let mut segments = path.split("::").map(str::trim).peekable();
    match *segments.peek()? {
        "crate" => {
            base.clear();
            segments.next();
        }
        "self" => drop(segments.next()),
        "super" => {
            while segments.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        first => {
            let child = base.iter().copied().chain([first]).collect::<Vec<_>>().join("::");
            sources.get(&child)?;
        }
    }
    Some(base.into_iter().chain(segments).map(str::to_owned).collect())
}

/// The module that declares the item of a path.
fn resolve(path: &[String], names: &BTreeMap<&String, Names>, depth: usize) -> Option<String> {
    for length in (0..=path.len()).rev().filter(|_| depth < 8) {
        let (module, rest) = path.split_at(length);
        let module = module.join("::");
        let Some(said) = names.get(&module) else { continue };
        let behind = rest.split_first().and_then(|(name, rest)| Some([said.exported.get(name)?, rest].concat()));
        return behind.map_or(Some(module), |path| resolve(&path, names, depth + 1));
    }
    None
}

#[test]
fn imports_are_followed_to_the_file_that_has_the_item() {
    let sources = |files: &[(&str, &str)]| -> Sources {
        files.iter().map(|(path, text)| (module_of(path), (*text).to_owned())).collect()
    };
    let of = |edges: &Edges, module: &str| edges[module].iter().cloned().collect::<Vec<_>>().join(" ");
    let tree = sources(&[
        ("lib.rs", "pub mod a;\nmod b;\n"),
        ("a/mod.rs", "mod low;\nmod high;\npub use low::{Low, deep::{self, Thing as Other}};\nuse high::High;\n"),
        ("a/low.rs", "use crate::b;\npub(in super::super) fn f() { super::helper() }\n"),
        ("a/high.rs", "use super::{\n    Low,\n};\nuse alloc::vec::Vec;\n"),
        ("b.rs", "fn f() -> crate::a::Low { todo }\n"),
    ]);
    let found = edges(&tree);
    assert_eq!(of(&found, "a"), "a::high", "a re-export is no import");
    assert_eq!(of(&found, "a::high"), "a::low", "through the re-export");
    assert_eq!(of(&found, "a::low"), "a b", "by a path in the code, too");
    assert_eq!(of(&found, "b"), "a::low");
    let circle = ["a", "a::high", "a::low", "b"].map(str::to_owned).to_vec();
    assert_eq!(circles(&found), [circle]);
    let two = sources(&[("lib.rs", ""), ("a.rs", "use crate::b::B;\n"), ("b.rs", "use crate::a::A;\n")]);
    assert_eq!(circles(&edges(&two)), [["a", "b"].map(str::to_owned).to_vec()], "two that import each other");
    let one_way = sources(&[("lib.rs", ""), ("a.rs", "use crate::b::B;\n"), ("b.rs", "fn f() {}\n")]);
    assert!(circles(&edges(&one_way)).is_empty());
}
