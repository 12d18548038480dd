//! The project's rules that no lint checks, each as a test.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests")]

mod imports;
mod surface;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a source file.
const LINES: usize = 800;

/// A driver of core must have fewer lines than this.
const DRIVER_LINES: usize = 60;

/// The layers of core, folders and files of the root. Each may import its own layer and lower ones.
const LAYERS: [(&str, u8); 26] = [
    ("default_port", 0),
    ("machine", 0),
    ("printable", 0),
    ("proxy_protocol", 0),
    ("random", 0),
    ("secret", 0),
    ("sql", 0),
    ("wire", 0),
    ("compression", 1),
    ("facts", 1),
    ("lent_rows", 1),
    ("message", 1),
    ("received", 1),
    ("std_clock", 1),
    ("auth", 2),
    ("tls", 2),
    ("error", 3),
    ("ladder", 3),
    ("trace", 3),
    ("channel", 4),
    ("link", 5),
    ("leg", 6),
    ("client", 7),
    ("server", 7),
    ("proxy", 8),
    // The root may import every layer.
    ("", 9),
];

/// The packages that ship, with their ranks: each may depend on packages of lower ranks.
const PACKAGES: [(&str, &str, u8); 14] = [
    ("sealwire-core", "core", 0),
    ("sealwire-accounts", "core/accounts", 1),
    ("sealwire-binlog", "core/binlog", 1),
    ("sealwire-simnet", "core/simnet", 2),
    ("sealwire-net", "native/net", 1),
    ("sealwire", "native/client", 2),
    ("sealwire-options", "native/options", 2),
    ("sealwire-wasm", "wasm", 3),
    ("sealwire-bridge", "native/bridge", 3),
    ("sealwire-gateway", "native/gateway", 3),
    ("sealwire-capi", "native/capi", 3),
    ("sealwire-certs", "native/certs", 3),
    ("sealwire-terminal", "native/terminal", 3),
    ("sealwire-server", "native/server", 4),
];

/// The one package with unsafe code, because C programs hand it raw pointers.
const WITH_UNSAFE: &str = "native/capi";

/// The most public items that core may have.
const MOST_ITEMS: usize = 220;

/// Public items of core that no other package names, because they occur only in the signatures, fields and variants of named items.
const IN_SIGNATURES: &[&str] = &[
    "auth::AuthError",
    "auth::Security",
    "auth::Sha2Verifier",
    "client::Flavor",
    "message::BinaryValues",
    "message::ChangeUser",
    "message::Fields",
    "message::FromField",
    "message::FromRow",
    "message::Query",
    "message::ReadError",
    "message::ReadProblem",
    "message::TextValues",
    "message::ValueText",
    "message::vectors::Vector",
    "proxy_protocol::Malformed",
    "tls::Counters",
    "tls::ListPeriod",
    "tls::identity::Attribute",
    "tls::ciphers::CipherName",
];

#[test]
fn no_source_file_is_too_long() {
    let sources = ["rs", "py", "js", "mjs", "cjs", "ts", "css", "html", "sh", "toml", "md"];
    let long: Vec<String> = tracked()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| sources.iter().any(|known| extension == *known)))
        .filter_map(|path| {
            let lines = read(&path).lines().count();
            (lines >= LINES).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

#[test]
fn a_driver_of_core_is_short() {
    let is_driver = |path: &PathBuf| path.starts_with("core/examples") || path.ends_with("client/drive.rs");
    let files = tracked().into_iter().filter(is_driver);
    let drivers: Vec<(PathBuf, usize)> = files.map(|path| (path.clone(), driver_lines(&read(&path)))).collect();
    let (driven, own): (Vec<_>, Vec<_>) = drivers.into_iter().partition(|(_, lines)| *lines == 0);
    assert!(own.len() >= 3, "{own:?}");
    for (path, lines) in own {
        assert!(lines < DRIVER_LINES, "{}: fn drive has {lines} lines", path.display());
    }
    for (path, _) in driven {
        assert!(read(&path).contains(", drive}"), "{} drives a connection by neither way", path.display());
    }
}

/// The number of lines of the function `drive`, from its name to its closing brace; 0 where the text has none.
fn driver_lines(text: &str) -> usize {
    let is_drive = |line: &str| {
        let name = line.trim_start_matches("pub ").trim_start_matches("async ");
        name.strip_prefix("fn drive").is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    let mut lines = text.lines().skip_while(|line| !is_drive(line));
    lines.by_ref().position(|line| line == "}").map_or(0, |last| last + 1)
}

#[test]
fn the_top_level_is_what_the_design_says() {
    let known = ["core", "native", "wasm", "web", "tests", "Cargo.toml", "Cargo.lock", "clippy.toml", "deny.toml"];
    let files = ["rustfmt.toml", "README.md", "SECURITY.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE"];
    for path in tracked() {
        let top = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let expected = top.starts_with('.') || known.contains(&top.as_str()) || files.contains(&top.as_str());
        assert!(expected, "{top} is not part of the layout");
    }
}

#[test]
fn core_is_no_std_and_every_package_has_lints() {
    let root = read(Path::new("core/src/lib.rs"));
    assert!(root.lines().any(|line| line == "#![no_std]"), "core's crate root is not no_std");
    assert!(read(Path::new("Cargo.toml")).contains("unsafe_code = \"forbid\""));
    for manifest in tracked().iter().filter(|path| path.ends_with("Cargo.toml") && path.components().count() > 1) {
        let text = read(manifest);
        if *manifest == Path::new(WITH_UNSAFE).join("Cargo.toml") {
            let differing = differing_lints(&read(Path::new("Cargo.toml")), &text);
            assert_eq!(differing, ["unsafe_code = \"forbid\""], "{} weakens other lints", manifest.display());
            continue;
        }
        // A package that is a workspace of its own can't inherit the lints, so it must set them itself.
        let own = text.contains("[workspace]") && text.contains("[lints.rust]\nunsafe_code = \"forbid\"");
        assert!(own || text.contains("[lints]\nworkspace = true"), "{} leaves the lints out", manifest.display());
    }
}

/// The lints of the workspace that a package with lints of its own does not have as they are.
fn differing_lints(workspace: &str, package: &str) -> Vec<String> {
    let section = |text: &str, name: &str| -> Vec<String> {
        let lints =
            text.split(&format!("\n[{name}]\n")).nth(1).unwrap_or_default().split("\n[").next().unwrap_or_default();
        lints.lines().filter(|line| line.contains(" = ")).map(str::to_owned).collect()
    };
    let mut differing = Vec::new();
    for tool in ["rust", "clippy"] {
        let own = section(package, &format!("lints.{tool}"));
        differing.extend(
            section(workspace, &format!("workspace.lints.{tool}")).into_iter().filter(|lint| !own.contains(lint)),
        );
    }
    differing
}

#[test]
fn unsafe_code_is_in_the_c_api_alone_and_says_why_it_is_sound() {
    let mut bad = Vec::new();
    let sources = tracked()
        .into_iter()
        .filter(|path| path.starts_with(WITH_UNSAFE) && path.extension().is_some_and(|e| e == "rs"));
    let mut blocks = 0;
    for path in sources {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !code.contains("unsafe {") && !code.contains("unsafe impl") {
                continue;
            }
            blocks += 1;
            let above = lines.iter().take(index + 1).rev().take(5);
            if !above.into_iter().any(|line| line.contains("// SAFETY: ")) {
                bad.push(format!("{}:{}: {line}", path.display(), index + 1));
            }
        }
    }
    assert!(blocks > 20, "{blocks} blocks found");
    assert!(bad.is_empty(), "these say not why they are sound:\n{}", bad.join("\n"));
}

#[test]
fn every_package_says_in_a_readme_what_it_is_for() {
    for (name, folder, _) in PACKAGES {
        let path = Path::new(folder).join("README.md");
        let text = read(&path);
        assert!(text.starts_with(&format!("# {name}\n")), "{} does not begin with '# {name}'", path.display());
        assert!(text.contains("```"), "{} has no example", path.display());
    }
}

#[test]
fn std_is_named_in_the_tls_layer_and_for_its_feature_alone() {
    let mut bad = Vec::new();
    let is_allowed = |path: &Path| {
        path.starts_with("core/src/tls")
            || path == Path::new("core/src/std_clock.rs")
            || path.to_string_lossy().ends_with("tests.rs")
    };
    for path in core_sources().iter().filter(|path| !is_allowed(path)) {
        for (number, line) in shipped_lines(&read(path)) {
            if line.contains("std::") || line.contains("extern crate std") {
                bad.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "core has no std outside tls and std_clock:\n{}", bad.join("\n"));
}

#[test]
fn the_terminal_client_has_one_way_to_the_terminal() {
    let mut bad = Vec::new();
    let folder = Path::new("native/terminal/src");
    let sources = tracked().into_iter().filter(|path| path.starts_with(folder) && !path.ends_with("output.rs"));
    for path in sources {
        for (number, line) in shipped_lines(&read(&path)) {
            let writes = ["print!(", "println!(", "io::stderr()", "dbg!("].iter().any(|way| line.contains(way));
            if writes || (line.contains("io::stdout()") && !line.contains("is_terminal()")) {
                bad.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "a server's text would reach the terminal unclean:\n{}", bad.join("\n"));
}

#[test]
fn core_depends_on_nothing_that_does_input_or_output() {
    let manifest = read(Path::new("core/Cargo.toml"));
    let shipped = manifest.split("[dev-dependencies]").next().unwrap();
    for name in ["mio", "tokio", "socket2", "libc", "getrandom", "ring", "aws-lc-rs", "tracing", "sealwire", "smoltcp"]
    {
        assert!(!shipped.lines().any(|line| depends_on(line, name)), "core depends on {name}");
    }
}

fn depends_on(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
}

#[test]
fn packages_depend_on_lower_ones_alone() {
    let mut bad = Vec::new();
    for (name, folder, rank) in PACKAGES {
        let manifest = read(&Path::new(folder).join("Cargo.toml"));
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{folder} is not {name}");
        bad.extend(not_lower(&manifest, rank).into_iter().map(|other| format!("{name} depends on {other}")));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let folders = tracked().into_iter().filter(|path| path.starts_with("native") && path.ends_with("Cargo.toml"));
    for path in folders {
        let folder = path.parent().unwrap();
        assert!(PACKAGES.iter().any(|(_, known, _)| Path::new(known) == folder), "{} has no rank", folder.display());
    }
}

/// Our packages among a manifest's dependencies whose rank is not below `rank`.
fn not_lower(manifest: &str, rank: u8) -> Vec<&'static str> {
    let own = dependencies(manifest);
    let above =
        PACKAGES.iter().filter(|(name, _, other)| *other >= rank && own.iter().any(|line| depends_on(line, name)));
    above.map(|(name, ..)| *name).collect()
}

/// The lines of a manifest's shipped dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    section.split("\n[").next().unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn core_shows_what_another_package_names() {
    let items = surface::items(&modules("core/src"));
    assert!((100..=MOST_ITEMS).contains(&items.len()), "core has {} public items, at most {MOST_ITEMS}", items.len());
    let is_of_another = |path: &PathBuf| !path.starts_with("core/src") && path.extension().is_some_and(|e| e == "rs");
    let files = tracked().into_iter().filter(is_of_another);
    let named: BTreeSet<String> =
        files.flat_map(|path| surface::named(&read(&path), "sealwire_core", &items)).collect();
    let is_listed = |item: &String| IN_SIGNATURES.contains(&item.as_str());
    let unnamed: Vec<&String> = items.iter().filter(|item| !named.contains(*item) && !is_listed(item)).collect();
    assert!(unnamed.is_empty(), "make these private, or list them in IN_SIGNATURES:\n{unnamed:#?}");
    let needless: Vec<&&str> =
        IN_SIGNATURES.iter().filter(|item| named.contains(**item) || !items.contains(**item)).collect();
    assert!(needless.is_empty(), "strike these off IN_SIGNATURES:\n{needless:#?}");
}

#[test]
fn a_lower_layer_never_imports_a_higher_one() {
    let climbs = climbs(&imports::edges(&modules("core/src")));
    assert!(climbs.is_empty(), "{}", climbs.join("\n"));
}

#[test]
fn no_two_files_of_a_package_import_each_other() {
    let mut circles: Vec<String> = Vec::new();
    for (name, folder, _) in PACKAGES {
        let edges = imports::edges(&modules(&format!("{folder}/src")));
        circles.extend(imports::circles(&edges).iter().map(|circle| format!("{name}: {}", circle.join(" "))));
    }
    assert!(circles.is_empty(), "these import each other, directly or by way of others:\n{circles:#?}");
}

/// The imports of a higher layer, and the modules without a layer.
fn climbs(edges: &imports::Edges) -> Vec<String> {
    let rank = |module: &str| {
        let layer = module.split("::").next().unwrap_or_default();
        LAYERS.iter().find(|(known, _)| *known == layer).map(|(_, rank)| *rank)
    };
    let mut bad = Vec::new();
    for (module, imported) in edges {
        match rank(module) {
            None => bad.push(format!("{module} has no layer")),
            Some(own) => {
                let above = imported.iter().filter(|other| rank(other).is_some_and(|rank| rank > own));
                bad.extend(above.map(|other| format!("{module} imports {other}, which is above it")));
            }
        }
    }
    bad
}

/// The files below a folder, except tests and programs.
fn modules(folder: &str) -> imports::Sources {
    let is_test = |path: &Path| path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    let is_source = |path: &Path| path.starts_with(folder) && path.extension().is_some_and(|e| e == "rs");
    let files = tracked().into_iter().filter(|path| is_source(path) && !path.ends_with("main.rs") && !is_test(path));
    files
        .map(|path| {
            let below = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            (imports::module_of(&below), shipped_lines(&read(&path)).map(|(_, line)| line + "\n").collect())
        })
        .collect()
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // The words are put together here, because otherwise the test would find them in this file.
    let secrets =
        [["/wo", "rk/"], ["/ro", "ot/"], ["/opt/", "wheels"], ["index.", "crates.io"], ["registry.npm", "js.org"]];
    let mut bad = Vec::new();
    for path in tracked() {
        let text = read(&path);
        for secret in secrets.iter().map(|parts| parts.concat()).filter(|secret| text.contains(secret)) {
            bad.push(format!("{} has {secret}", path.display()));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn no_sentence_hides_its_subject() {
    let mut bad = Vec::new();
    for path in &tracked() {
        let found = words::oblique(path, &read(path)).into_iter();
        bad.extend(found.map(|(line, sentence)| format!("{}:{line}: {sentence}", path.display())));
    }
    assert!(bad.is_empty(), "name the subject first (CONTRIBUTING.md, \"Words\"):\n{}", bad.join("\n"));
}

#[test]
fn the_tests_that_documents_name_are_there() {
    let mut missing = Vec::new();
    let mut named = 0;
    for document in ["SECURITY.md", "README.md", "CONTRIBUTING.md"] {
        let text = read(Path::new(document));
        // Every second part stands between two backticks.
        for name in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let is_path = ["core/", "native/", "tests/", "wasm/", "web/"].iter().any(|folder| name.starts_with(folder));
            // Folders that a build makes are not there in a fresh clone.
            if is_path && (name.ends_with(".rs") || name.starts_with("tests/")) && !name.contains(['*', ' ', '<']) {
                named += 1;
                if !root().join(name).exists() {
                    missing.push(format!("{document}: {name}"));
                }
            }
        }
    }
    assert!(named > 50 && missing.is_empty(), "{named} named, missing: {missing:?}");
}

/// Crates that wipe secrets or compare them in constant time: a package that uses one of them handles secrets.
const OF_SECRETS: [&str; 4] = ["zeroize", "subtle", "ctutils", "cmov"];

#[test]
fn the_dependencies_that_touch_secrets_are_on_the_list() {
    let text = read(Path::new("SECURITY.md"));
    let list = text.split("<!-- the dependencies -->").nth(1).expect("the list of SECURITY.md");
    let list = list.split("<!-- the end of the dependencies -->").next().unwrap();
    let cell = |line: &str, at: usize| line.split('|').nth(at).unwrap_or_default().trim().to_owned();
    let listed: BTreeSet<(String, String)> =
        list.lines().skip(3).filter(|line| line.starts_with('|')).map(|line| (cell(line, 1), cell(line, 2))).collect();
    let shipped = shipped_packages(&read(Path::new("Cargo.lock")));
    assert!(listed.len() > 20 && shipped.len() > 50, "{} listed, {} shipped", listed.len(), shipped.len());
    for (name, version) in &listed {
        // ring is used by the browser's client and by tests only.
        let known = shipped.iter().any(|package| package.name == *name && package.version == *version);
        assert!(known || name == "ring", "SECURITY.md lists {name} {version}, which is not in use");
    }
    for package in shipped.iter().filter(|package| !package.name.starts_with("sealwire")) {
        let of_secrets = |name: &str| OF_SECRETS.contains(&name);
        let touches = of_secrets(&package.name) || package.dependencies.iter().any(|(name, _)| of_secrets(name));
        let entry = (package.name.clone(), package.version.clone());
        assert!(!touches || listed.contains(&entry), "SECURITY.md does not list {} {}", entry.0, entry.1);
    }
}

/// An entry of Cargo.lock; a dependency has a version where the lock has several versions of that package.
struct Locked {
    name: String,
    version: String,
    dependencies: Vec<(String, Option<String>)>,
}

/// The packages from which the programs, the libraries and the page are built.
fn shipped_packages(lock: &str) -> Vec<Locked> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        line.map(|value| value.trim_end_matches('"').to_owned()).unwrap_or_default()
    };
    let dependency = |line: &str| {
        let mut words = line.trim().strip_prefix('"')?.trim_end_matches(['"', ',']).split(' ');
        Some((words.next()?.to_owned(), words.next().map(str::to_owned)))
    };
    let mut rest: Vec<Locked> = lock
        .split("[[package]]")
        .skip(1)
        .map(|block| Locked {
            name: value(block, "name"),
            version: value(block, "version"),
            dependencies: block.lines().filter_map(dependency).collect(),
        })
        .collect();
    // For our own packages Cargo.lock lists the dependencies of tests as well, so the manifests are read instead.
    let mut wanted: Vec<(String, Option<String>)> = Vec::new();
    for (_, folder, _) in PACKAGES.iter().filter(|(name, ..)| *name != "sealwire-simnet") {
        let own = dependencies(&read(&Path::new(folder).join("Cargo.toml")));
        assert!(!own.is_empty(), "{folder} depends on nothing");
        let names = own.iter().filter_map(|line| line.split(['.', ' ', '=']).next());
        wanted.extend(names.map(|name| (if name == "webpki" { "rustls-webpki" } else { name }.to_owned(), None)));
    }
    let mut shipped = Vec::new();
    while let Some((name, version)) = wanted.pop() {
        let is_it = |package: &Locked| package.name == name && version.as_ref().is_none_or(|v| *v == package.version);
        if let Some(at) = rest.iter().position(is_it) {
            let package = rest.swap_remove(at);
            if !package.name.starts_with("sealwire") {
                wanted.extend(package.dependencies.iter().cloned());
            }
            shipped.push(package);
        }
    }
    shipped
}

/// The lines of a file that are compiled outside tests, with their numbers: without comments and code under `cfg(test)`.
fn shipped_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = Vec::new();
    let mut skip_next = false;
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if line.starts_with("#[cfg(test)]") {
            skip_next = true;
        } else if skip_next && code.starts_with("mod ") && code.trim_end().ends_with('{') {
            // The file's own tests are at its end.
            break;
        } else if skip_next && !code.starts_with("#[") {
            skip_next = false;
        } else {
            lines.push((index + 1, code.to_owned()));
        }
    }
    lines.into_iter()
}

fn core_sources() -> Vec<PathBuf> {
    let sources = |path: &PathBuf| path.starts_with("core/src") && path.extension().is_some_and(|e| e == "rs");
    tracked().into_iter().filter(sources).collect()
}

/// The files that git tracks, relative to the workspace's folder.
fn tracked() -> Vec<PathBuf> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().expect("git lists the files");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<PathBuf> = files
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|p| root().join(p).is_file())
        .collect();
    assert!(files.len() > 20, "git lists next to nothing");
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(root().join(path)).unwrap()).into_owned()
}

#[test]
fn the_rules_see_what_they_look_for() {
    let edge = |from: &str, to: &str| imports::Edges::from([(from.to_owned(), [to.to_owned()].into())]);
    assert!(climbs(&edge("client::config", "wire::frame")).is_empty());
    assert_eq!(climbs(&edge("error", "link")), ["error imports link, which is above it"]);
    assert_eq!(climbs(&edge("new", "wire")), ["new has no layer"]);
    let manifest =
        "[package]\n\n[dependencies]\nsealwire-options.workspace = true\n\n[dev-dependencies]\nsealwire = \"1\"\n";
    assert_eq!(not_lower(manifest, 1), ["sealwire-options"]);
    assert!(not_lower(manifest, 3).is_empty());
    let file = "use std::fs; // std::io\n#[cfg(test)]\nextern crate std;\nfn f() {}\n#[cfg(test)]\nmod tests {\n    std::x\n}\n";
    let shipped: Vec<String> = shipped_lines(file).map(|(_, line)| line).collect();
    assert_eq!(shipped, ["use std::fs; ", "fn f() {}"]);
    assert_eq!(driver_lines("fn f() {\n}\nasync fn drive(\n) {\n    {\n    }\n}\nfn g() {\n}\n"), 5);
    assert_eq!(driver_lines("pub fn drive<I>(\n) {\n}\n"), 3);
    assert_eq!(driver_lines("fn f() {\n}\nfn driver() {\n}\n"), 0);
    assert!(depends_on("mio = \"1\"", "mio") && depends_on("mio.workspace = true", "mio"));
    assert!(!depends_on("miow = \"1\"", "mio") && !depends_on("sealwire-core = 1", "sealwire"));
}
